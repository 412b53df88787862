-- Credit: how customers pay, what they are trusted with, and why.

-- Who a business is.
ALTER TABLE customers ADD COLUMN company TEXT NOT NULL DEFAULT '{}';

-- How an account pays: a bounded memory, brought up to date with whatever happens.
CREATE TABLE payment_habits (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    customer_id BLOB NOT NULL CHECK (length(customer_id) = 16),
    currency TEXT NOT NULL,
    habit TEXT NOT NULL,
    PRIMARY KEY (tenant_id, customer_id, currency),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
) STRICT, WITHOUT ROWID;

-- What a customer's credit stands at: the computed score, one set by hand, the watch list.
CREATE TABLE credit_profiles (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    customer_id BLOB NOT NULL CHECK (length(customer_id) = 16),
    score INTEGER,
    profile TEXT,
    assessed_at INTEGER,
    override_score INTEGER,
    override_reason TEXT,
    override_until INTEGER,
    override_by TEXT,
    watch_reason TEXT,
    watched_at INTEGER,
    PRIMARY KEY (tenant_id, customer_id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX credit_profiles_watched ON credit_profiles (tenant_id, customer_id) WHERE watched_at IS NOT NULL;

-- Each score that differed from the one before, with what it was computed from.
CREATE TABLE score_history (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    customer_id BLOB NOT NULL CHECK (length(customer_id) = 16),
    score INTEGER NOT NULL,
    profile TEXT,
    inputs TEXT NOT NULL,
    lines TEXT NOT NULL,
    assessed_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
) STRICT;
CREATE INDEX score_history_by_customer_id_id ON score_history (tenant_id, customer_id, id);

-- How much may be open and reserved, by currency.
CREATE TABLE credit_limits (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    customer_id BLOB NOT NULL CHECK (length(customer_id) = 16),
    currency TEXT NOT NULL,
    limit_minor INTEGER NOT NULL,
    valid_until TEXT,
    reason TEXT NOT NULL,
    set_by TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, customer_id, currency),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
) STRICT, WITHOUT ROWID;

-- Who answers for a customer, up to which amount, until when.
CREATE TABLE guarantees (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    customer_id BLOB NOT NULL CHECK (length(customer_id) = 16),
    kind TEXT NOT NULL,
    guarantor TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    valid_from TEXT NOT NULL,
    expires_on TEXT,
    reference TEXT,
    released_at INTEGER,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
) STRICT;
CREATE INDEX guarantees_by_customer_id_id ON guarantees (tenant_id, customer_id, id);

-- What was decided about orders, and what is reserved for them.
CREATE TABLE credit_decisions (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    customer_id BLOB NOT NULL CHECK (length(customer_id) = 16),
    currency TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    order_reference TEXT,
    outcome TEXT NOT NULL,
    prepayment_minor INTEGER NOT NULL,
    available_minor INTEGER,
    score INTEGER NOT NULL,
    exposure TEXT NOT NULL,
    reasons TEXT NOT NULL,
    reservation TEXT NOT NULL,
    reserved_minor INTEGER NOT NULL,
    reserved_until INTEGER,
    invoice_id BLOB CHECK (length(invoice_id) = 16),
    override_reason TEXT,
    override_by TEXT,
    overridden_at INTEGER,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id)
) STRICT;
CREATE INDEX credit_decisions_by_customer_id_id ON credit_decisions (tenant_id, customer_id, id);
CREATE INDEX credit_decisions_held ON credit_decisions (tenant_id, customer_id, currency) WHERE reservation = 'held';

-- What providers were asked, and what they answered, about customers' solvency.
CREATE TABLE solvency_checks (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    customer_id BLOB NOT NULL CHECK (length(customer_id) = 16),
    provider_account_id BLOB CHECK (length(provider_account_id) = 16),
    state TEXT NOT NULL,
    reason TEXT,
    attempts INTEGER NOT NULL,
    next_attempt_at INTEGER,
    rating INTEGER,
    recommended_minor INTEGER,
    currency TEXT,
    reference TEXT,
    summary TEXT,
    failure TEXT,
    requested_at INTEGER NOT NULL,
    answered_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    FOREIGN KEY (tenant_id, provider_account_id) REFERENCES provider_accounts (tenant_id, id)
) STRICT;
CREATE INDEX solvency_checks_by_customer_id_id ON solvency_checks (tenant_id, customer_id, id);
CREATE INDEX solvency_checks_by_next_attempt_at ON solvency_checks (tenant_id, next_attempt_at) WHERE next_attempt_at IS NOT NULL;
