-- How an account is used beside others, and how much it bears.
ALTER TABLE provider_accounts ADD COLUMN weight INTEGER NOT NULL DEFAULT 1;
ALTER TABLE provider_accounts ADD COLUMN rate_per_second INTEGER NOT NULL DEFAULT 100;
ALTER TABLE provider_accounts ADD COLUMN concurrency INTEGER NOT NULL DEFAULT 32;

-- The receipt path, sealed so that it can be shown again; accounts made before have none until it is given out anew. The former one stays good for a while.
ALTER TABLE provider_accounts ADD COLUMN inbound_token BLOB;
ALTER TABLE provider_accounts ADD COLUMN former_inbound_digest BLOB;
ALTER TABLE provider_accounts ADD COLUMN former_inbound_until INTEGER;
CREATE INDEX provider_accounts_by_former_inbound_digest ON provider_accounts (tenant_id, former_inbound_digest) WHERE former_inbound_digest IS NOT NULL;

-- How it fares.
ALTER TABLE provider_accounts ADD COLUMN failing_since INTEGER;
ALTER TABLE provider_accounts ADD COLUMN paused_until INTEGER;
ALTER TABLE provider_accounts ADD COLUMN checked_at INTEGER;
ALTER TABLE provider_accounts ADD COLUMN check_result TEXT;

-- The hour in which test messages are being counted, and how many there were.
ALTER TABLE provider_accounts ADD COLUMN test_hour INTEGER;
ALTER TABLE provider_accounts ADD COLUMN test_count INTEGER NOT NULL DEFAULT 0;

-- Accounts are tried one after the other; a wait begins a new round.
ALTER TABLE attempts ADD COLUMN round INTEGER NOT NULL DEFAULT 1;
CREATE INDEX attempts_by_provider_account_id_started_at ON attempts (tenant_id, provider_account_id, started_at);

-- A step that did not reach its recipient is said once more, on its other channel.
DROP INDEX reminders_by_customer_id_currency_carrying_instalment_id_step_key_cycle;
CREATE UNIQUE INDEX reminders_once_by_step_and_channel ON reminders (tenant_id, customer_id, currency, carrying_instalment_id, step_key, cycle, channel) WHERE state <> 'cancelled';

-- Messages in doubt whose provider can be asked about them.
CREATE TABLE lookups (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    message_id BLOB NOT NULL CHECK (length(message_id) = 16),
    provider_account_id BLOB NOT NULL CHECK (length(provider_account_id) = 16),
    asked INTEGER NOT NULL,
    doubted_at INTEGER NOT NULL,
    next_at INTEGER,
    last_at INTEGER,
    finding TEXT,
    detail TEXT,
    PRIMARY KEY (tenant_id, message_id),
    FOREIGN KEY (tenant_id, message_id) REFERENCES messages (tenant_id, id),
    FOREIGN KEY (tenant_id, provider_account_id) REFERENCES provider_accounts (tenant_id, id)
) STRICT;
CREATE INDEX lookups_by_next_at ON lookups (tenant_id, next_at) WHERE next_at IS NOT NULL;
