-- Relance, first schema. Every key, unique index and foreign key begins with tenant_id.

-- A creditor in one mode. Live and test are two rows whose ids differ in the last bit.
CREATE TABLE tenants (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    jurisdiction text NOT NULL,
    time_zone text NOT NULL,
    language text NOT NULL,
    currency text NOT NULL,
    settings jsonb NOT NULL,
    status text NOT NULL,
    clock_at timestamptz,
    clock_target timestamptz,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id)
);

-- Keys, by the digest of their text; the platform's own stand under the nil tenant.
CREATE TABLE api_keys (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    digest bytea NOT NULL,
    last4 text NOT NULL,
    scopes jsonb NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX api_keys_by_digest ON api_keys (tenant_id, digest);

-- What a request with an Idempotency-Key did, written in its transaction.
CREATE TABLE idempotency_records (
    tenant_id uuid NOT NULL,
    key_digest bytea NOT NULL,
    fingerprint bytea NOT NULL,
    status integer NOT NULL,
    body text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, key_digest)
);
CREATE INDEX idempotency_records_by_expires_at ON idempotency_records (tenant_id, expires_at);

-- Dunning scenarios; the document is in policy_versions.
CREATE TABLE policies (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    builtin text,
    priority integer NOT NULL,
    active_version integer,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE policy_versions (
    tenant_id uuid NOT NULL,
    policy_id uuid NOT NULL,
    version integer NOT NULL,
    state text NOT NULL,
    document jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    activated_at timestamptz,
    PRIMARY KEY (tenant_id, policy_id, version),
    FOREIGN KEY (tenant_id, policy_id) REFERENCES policies (tenant_id, id)
);

-- Texts of the tenant; a key that is absent here means the built-in text.
CREATE TABLE templates (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    key text NOT NULL,
    name text NOT NULL,
    active_version integer,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX templates_by_key ON templates (tenant_id, key);

CREATE TABLE template_versions (
    tenant_id uuid NOT NULL,
    template_id uuid NOT NULL,
    version integer NOT NULL,
    state text NOT NULL,
    contents jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    activated_at timestamptz,
    PRIMARY KEY (tenant_id, template_id, version),
    FOREIGN KEY (tenant_id, template_id) REFERENCES templates (tenant_id, id)
);

-- Debtors.
CREATE TABLE customers (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    source text,
    external_id text,
    number text,
    name text NOT NULL,
    kind text NOT NULL,
    jurisdiction text NOT NULL,
    language text,
    time_zone text,
    segment text,
    score integer,
    policy_id uuid,
    identifiers jsonb NOT NULL,
    address jsonb NOT NULL,
    metadata jsonb NOT NULL,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, policy_id) REFERENCES policies (tenant_id, id)
);
CREATE UNIQUE INDEX customers_by_source_external_id ON customers (tenant_id, source, external_id);

-- People at a customer, in the order in which they are written to.
CREATE TABLE contacts (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    position integer NOT NULL,
    is_primary boolean NOT NULL,
    name text NOT NULL,
    role text,
    email text,
    phone text,
    language text,
    opted_out jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
);
CREATE INDEX contacts_by_customer_id_position ON contacts (tenant_id, customer_id, position);

CREATE TABLE invoices (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    source text,
    external_id text,
    number text NOT NULL,
    kind text NOT NULL,
    status text NOT NULL,
    issue_date date NOT NULL,
    currency text NOT NULL,
    net_minor bigint,
    tax_minor bigint,
    total_minor bigint NOT NULL,
    balance_minor bigint NOT NULL,
    order_reference text,
    delivery_reference text,
    structured_reference text,
    payment_link text,
    metadata jsonb NOT NULL,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
);
CREATE UNIQUE INDEX invoices_by_source_external_id ON invoices (tenant_id, source, external_id);
CREATE INDEX invoices_by_customer_id_id ON invoices (tenant_id, customer_id, id);
CREATE INDEX invoices_by_number ON invoices (tenant_id, number);

-- Parts of an invoice, each with its due date, its balance and how far the crescendo has come.
CREATE TABLE instalments (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    currency text NOT NULL,
    position integer NOT NULL,
    due_date date NOT NULL,
    amount_minor bigint NOT NULL,
    balance_minor bigint NOT NULL,
    step_key text,
    step_cycle integer,
    first_completed_at timestamptz,
    last_completed_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
) WITH (fillfactor = 80); -- its later columns are written in place
CREATE UNIQUE INDEX instalments_by_invoice_id_position ON instalments (tenant_id, invoice_id, position);
CREATE INDEX instalments_by_customer_id_currency ON instalments (tenant_id, customer_id, currency) WHERE balance_minor > 0;
CREATE INDEX instalments_by_due_date ON instalments (tenant_id, due_date) WHERE balance_minor > 0;

-- Money in (payments) and money given up (credit notes).
CREATE TABLE settlements (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    customer_id uuid NOT NULL,
    source text,
    external_id text,
    number text,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    unallocated_minor bigint NOT NULL,
    settled_on date NOT NULL,
    method text,
    reference text,
    reason text,
    metadata jsonb NOT NULL,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
);
CREATE UNIQUE INDEX settlements_by_kind_source_external_id ON settlements (tenant_id, kind, source, external_id);
CREATE INDEX settlements_by_customer_id_currency ON settlements (tenant_id, customer_id, currency) WHERE unallocated_minor > 0;
CREATE INDEX settlements_by_customer_id_id ON settlements (tenant_id, customer_id, id);

CREATE TABLE allocations (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    settlement_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    instalment_id uuid NOT NULL,
    amount_minor bigint NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, settlement_id) REFERENCES settlements (tenant_id, id),
    FOREIGN KEY (tenant_id, instalment_id) REFERENCES instalments (tenant_id, id)
);
CREATE INDEX allocations_by_settlement_id ON allocations (tenant_id, settlement_id);
CREATE INDEX allocations_by_invoice_id ON allocations (tenant_id, invoice_id);
CREATE INDEX allocations_by_instalment_id ON allocations (tenant_id, instalment_id);

CREATE TABLE documents (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    invoice_id uuid,
    customer_id uuid,
    name text NOT NULL,
    media_type text NOT NULL,
    size bigint,
    sha256 bytea,
    url text,
    content bytea,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
);
CREATE INDEX documents_by_invoice_id ON documents (tenant_id, invoice_id);
CREATE INDEX documents_by_customer_id ON documents (tenant_id, customer_id);

-- One customer in one currency: the unit of decision.
CREATE TABLE accounts (
    tenant_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    currency text NOT NULL,
    policy_id uuid,
    policy_version integer,
    next_action_at timestamptz,
    foreseen_at timestamptz,
    PRIMARY KEY (tenant_id, customer_id, currency),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    FOREIGN KEY (tenant_id, policy_id) REFERENCES policies (tenant_id, id)
);
CREATE INDEX accounts_by_next_action_at ON accounts (tenant_id, next_action_at) WHERE next_action_at IS NOT NULL;

-- Occurrences of a step: what was decided, for which instalments.
CREATE TABLE reminders (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    currency text NOT NULL,
    carrying_instalment_id uuid NOT NULL,
    policy_id uuid NOT NULL,
    policy_version integer NOT NULL,
    step_key text NOT NULL,
    cycle integer NOT NULL,
    channel text NOT NULL,
    template text NOT NULL,
    formal boolean NOT NULL,
    contact_id uuid,
    state text NOT NULL,
    reason text,
    total_minor bigint NOT NULL,
    instalments jsonb NOT NULL,
    due_at timestamptz NOT NULL,
    decided_at timestamptz NOT NULL,
    completed_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    FOREIGN KEY (tenant_id, carrying_instalment_id) REFERENCES instalments (tenant_id, id),
    FOREIGN KEY (tenant_id, policy_id) REFERENCES policies (tenant_id, id)
);
CREATE UNIQUE INDEX reminders_by_customer_id_currency_carrying_instalment_id_step_key_cycle ON reminders (tenant_id, customer_id, currency, carrying_instalment_id, step_key, cycle) WHERE state <> 'cancelled';
CREATE INDEX reminders_by_customer_id_currency_open ON reminders (tenant_id, customer_id, currency) WHERE state IN ('awaiting_approval', 'in_flight', 'outcome_unknown', 'failed');
CREATE INDEX reminders_by_customer_id_id ON reminders (tenant_id, customer_id, id);

CREATE TABLE provider_accounts (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    channels jsonb NOT NULL,
    settings jsonb NOT NULL,
    credentials bytea,
    priority integer NOT NULL,
    state text NOT NULL,
    inbound_digest bytea NOT NULL,
    last_error text,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX provider_accounts_by_inbound_digest ON provider_accounts (tenant_id, inbound_digest);

-- One thing sent on one channel to one contact.
CREATE TABLE messages (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    reminder_id uuid,
    customer_id uuid NOT NULL,
    contact_id uuid,
    provider_account_id uuid,
    channel text NOT NULL,
    address text NOT NULL,
    state text NOT NULL,
    delivery_status text,
    delivery_rank integer NOT NULL,
    evidence_grade text,
    token uuid,
    lease_until timestamptz,
    attempts integer NOT NULL,
    next_attempt_at timestamptz,
    provider_message_id text,
    subject text,
    html text,
    body text,
    segments integer,
    content_digest bytea,
    failure text,
    created_at timestamptz NOT NULL,
    dispatched_at timestamptz,
    finished_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, reminder_id) REFERENCES reminders (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    FOREIGN KEY (tenant_id, provider_account_id) REFERENCES provider_accounts (tenant_id, id)
);
CREATE INDEX messages_by_next_attempt_at ON messages (tenant_id, next_attempt_at) WHERE state = 'prepared';
CREATE INDEX messages_by_lease_until ON messages (tenant_id, lease_until) WHERE state = 'dispatched';
CREATE INDEX messages_by_reminder_id ON messages (tenant_id, reminder_id);
CREATE INDEX messages_by_customer_id_id ON messages (tenant_id, customer_id, id);
CREATE INDEX messages_by_provider_account_id_provider_message_id ON messages (tenant_id, provider_account_id, provider_message_id);

CREATE TABLE attempts (
    tenant_id uuid NOT NULL,
    message_id uuid NOT NULL,
    number integer NOT NULL,
    token uuid NOT NULL,
    provider_account_id uuid NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    outcome text,
    detail text,
    PRIMARY KEY (tenant_id, message_id, number),
    FOREIGN KEY (tenant_id, message_id) REFERENCES messages (tenant_id, id)
) WITH (fillfactor = 80); -- its later columns are written in place

-- Steps done by a person, and matters that need one.
CREATE TABLE tasks (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    reason text,
    customer_id uuid NOT NULL,
    currency text,
    reminder_id uuid,
    contact_id uuid,
    state text NOT NULL,
    script text,
    due_at timestamptz NOT NULL,
    owner text,
    outcome text,
    notes text,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    completed_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    FOREIGN KEY (tenant_id, reminder_id) REFERENCES reminders (tenant_id, id)
);
CREATE UNIQUE INDEX tasks_by_customer_id_currency_reason ON tasks (tenant_id, customer_id, currency, reason) WHERE state = 'open' AND kind = 'review';
CREATE INDEX tasks_by_due_at ON tasks (tenant_id, due_at) WHERE state = 'open';
CREATE INDEX tasks_by_customer_id_id ON tasks (tenant_id, customer_id, id);

-- What providers posted, byte for byte.
CREATE TABLE inbound_requests (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    provider_account_id uuid NOT NULL,
    digest bytea NOT NULL,
    method text NOT NULL,
    query text NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, provider_account_id) REFERENCES provider_accounts (tenant_id, id)
);
CREATE UNIQUE INDEX inbound_requests_by_provider_account_id_digest ON inbound_requests (tenant_id, provider_account_id, digest);

-- What a provider said later about a message: one row a statement.
CREATE TABLE receipts (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    provider_account_id uuid NOT NULL,
    request_id uuid,
    dedupe text NOT NULL,
    message_id uuid,
    provider_message_id text,
    address text,
    status text NOT NULL,
    raw_name text NOT NULL,
    detail text,
    occurred_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    applied_at timestamptz,
    outcome text,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, provider_account_id) REFERENCES provider_accounts (tenant_id, id)
);
CREATE UNIQUE INDEX receipts_by_provider_account_id_dedupe ON receipts (tenant_id, provider_account_id, dedupe);
CREATE INDEX receipts_by_due_at ON receipts (tenant_id, due_at) WHERE applied_at IS NULL;
CREATE INDEX receipts_by_message_id ON receipts (tenant_id, message_id);

-- Addresses that must not be written to.
CREATE TABLE suppressions (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    channel text NOT NULL,
    address text NOT NULL,
    reason text NOT NULL,
    source text NOT NULL,
    created_at timestamptz NOT NULL,
    lifted_at timestamptz,
    lift_reason text,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX suppressions_by_channel_address ON suppressions (tenant_id, channel, address) WHERE lifted_at IS NULL;

-- How many entries a journal has. Whoever adds one holds this row until the commit, so that places follow commits and leave no gap.
CREATE TABLE evidence_logs (
    tenant_id uuid NOT NULL,
    size bigint NOT NULL,
    PRIMARY KEY (tenant_id)
);

-- The journal, each entry with its place in the log (seq). Rows are only ever added.
CREATE TABLE evidence_entries (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    seq bigint NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    actor text NOT NULL,
    privileged boolean NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    body text NOT NULL,
    commitments jsonb NOT NULL,
    digest bytea NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX evidence_entries_by_seq ON evidence_entries (tenant_id, seq);
CREATE INDEX evidence_entries_by_subject_id ON evidence_entries (tenant_id, subject, id);

-- What opens the commitments of an entry; erasing a row erases the person and leaves the log whole.
CREATE TABLE evidence_disclosures (
    tenant_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    field text NOT NULL,
    salt bytea NOT NULL,
    value text NOT NULL,
    PRIMARY KEY (tenant_id, entry_id, field),
    FOREIGN KEY (tenant_id, entry_id) REFERENCES evidence_entries (tenant_id, id)
);

-- Perfect subtrees of the Merkle log.
CREATE TABLE evidence_nodes (
    tenant_id uuid NOT NULL,
    level integer NOT NULL,
    position bigint NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (tenant_id, level, position)
);

-- Signed heads of the log: how many entries, and the line that callers are given.
CREATE TABLE evidence_checkpoints (
    tenant_id uuid NOT NULL,
    size bigint NOT NULL,
    line text NOT NULL,
    PRIMARY KEY (tenant_id, size)
);

-- The application acts as relance_app, which owns nothing: row-level security binds it even if a statement forgets the tenant.
-- Two migrations may run at once on one server, so the role may already be there.
DO $$ BEGIN
    CREATE ROLE relance_app NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$ BEGIN
    EXECUTE format('GRANT relance_app TO %I', current_user);
EXCEPTION WHEN unique_violation THEN NULL;
END $$;

-- The tenant of the transaction; without one, no row is visible.
CREATE FUNCTION relance_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('relance.tenant_id', true), '')::uuid;

GRANT USAGE ON SCHEMA public TO relance_app;
GRANT SELECT ON __diesel_schema_migrations TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON tenants TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON api_keys TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_records TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON policies TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON policy_versions TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON templates TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON template_versions TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON customers TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON contacts TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON invoices TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON instalments TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON settlements TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON allocations TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON documents TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON accounts TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON reminders TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON provider_accounts TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON messages TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON attempts TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON tasks TO relance_app;
GRANT SELECT, INSERT ON inbound_requests TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON receipts TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON suppressions TO relance_app;
GRANT SELECT, INSERT ON evidence_entries TO relance_app;
GRANT SELECT, INSERT, UPDATE ON evidence_logs TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON evidence_disclosures TO relance_app;
GRANT SELECT, INSERT ON evidence_nodes TO relance_app;
GRANT SELECT, INSERT ON evidence_checkpoints TO relance_app;
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON tenants USING (tenant_id = relance_tenant() OR relance_tenant() = '00000000-0000-0000-0000-000000000000');
ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON api_keys USING (tenant_id = relance_tenant());
ALTER TABLE idempotency_records ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_records FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON idempotency_records USING (tenant_id = relance_tenant());
ALTER TABLE policies ENABLE ROW LEVEL SECURITY;
ALTER TABLE policies FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON policies USING (tenant_id = relance_tenant());
ALTER TABLE policy_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE policy_versions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON policy_versions USING (tenant_id = relance_tenant());
ALTER TABLE templates ENABLE ROW LEVEL SECURITY;
ALTER TABLE templates FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON templates USING (tenant_id = relance_tenant());
ALTER TABLE template_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE template_versions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON template_versions USING (tenant_id = relance_tenant());
ALTER TABLE customers ENABLE ROW LEVEL SECURITY;
ALTER TABLE customers FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON customers USING (tenant_id = relance_tenant());
ALTER TABLE contacts ENABLE ROW LEVEL SECURITY;
ALTER TABLE contacts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON contacts USING (tenant_id = relance_tenant());
ALTER TABLE invoices ENABLE ROW LEVEL SECURITY;
ALTER TABLE invoices FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON invoices USING (tenant_id = relance_tenant());
ALTER TABLE instalments ENABLE ROW LEVEL SECURITY;
ALTER TABLE instalments FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON instalments USING (tenant_id = relance_tenant());
ALTER TABLE settlements ENABLE ROW LEVEL SECURITY;
ALTER TABLE settlements FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON settlements USING (tenant_id = relance_tenant());
ALTER TABLE allocations ENABLE ROW LEVEL SECURITY;
ALTER TABLE allocations FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON allocations USING (tenant_id = relance_tenant());
ALTER TABLE documents ENABLE ROW LEVEL SECURITY;
ALTER TABLE documents FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON documents USING (tenant_id = relance_tenant());
ALTER TABLE accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE accounts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON accounts USING (tenant_id = relance_tenant());
ALTER TABLE reminders ENABLE ROW LEVEL SECURITY;
ALTER TABLE reminders FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON reminders USING (tenant_id = relance_tenant());
ALTER TABLE provider_accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE provider_accounts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON provider_accounts USING (tenant_id = relance_tenant());
ALTER TABLE messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE messages FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON messages USING (tenant_id = relance_tenant());
ALTER TABLE attempts ENABLE ROW LEVEL SECURITY;
ALTER TABLE attempts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON attempts USING (tenant_id = relance_tenant());
ALTER TABLE tasks ENABLE ROW LEVEL SECURITY;
ALTER TABLE tasks FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON tasks USING (tenant_id = relance_tenant());
ALTER TABLE inbound_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE inbound_requests FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON inbound_requests USING (tenant_id = relance_tenant());
ALTER TABLE receipts ENABLE ROW LEVEL SECURITY;
ALTER TABLE receipts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON receipts USING (tenant_id = relance_tenant());
ALTER TABLE suppressions ENABLE ROW LEVEL SECURITY;
ALTER TABLE suppressions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON suppressions USING (tenant_id = relance_tenant());
ALTER TABLE evidence_logs ENABLE ROW LEVEL SECURITY;
ALTER TABLE evidence_logs FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON evidence_logs USING (tenant_id = relance_tenant());
ALTER TABLE evidence_entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE evidence_entries FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON evidence_entries USING (tenant_id = relance_tenant());
ALTER TABLE evidence_disclosures ENABLE ROW LEVEL SECURITY;
ALTER TABLE evidence_disclosures FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON evidence_disclosures USING (tenant_id = relance_tenant());
ALTER TABLE evidence_nodes ENABLE ROW LEVEL SECURITY;
ALTER TABLE evidence_nodes FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON evidence_nodes USING (tenant_id = relance_tenant());
ALTER TABLE evidence_checkpoints ENABLE ROW LEVEL SECURITY;
ALTER TABLE evidence_checkpoints FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON evidence_checkpoints USING (tenant_id = relance_tenant());

-- A sealed entry keeps its place.
-- Bodies are long: the quicker compression, where the server was built with it.
DO $$ BEGIN
    ALTER TABLE messages ALTER COLUMN html SET COMPRESSION lz4, ALTER COLUMN body SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN NULL;
END $$;
