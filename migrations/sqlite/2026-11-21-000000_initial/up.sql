-- Relance, first schema. Every key, unique index and foreign key begins with tenant_id.

-- A creditor in one mode. Live and test are two rows whose ids differ in the last bit.
CREATE TABLE tenants (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    name TEXT NOT NULL,
    jurisdiction TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    language TEXT NOT NULL,
    currency TEXT NOT NULL,
    settings TEXT NOT NULL,
    status TEXT NOT NULL,
    clock_at INTEGER,
    clock_target INTEGER,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id)
) STRICT, WITHOUT ROWID;

-- Keys, by the digest of their text; the platform's own stand under the nil tenant.
CREATE TABLE api_keys (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    name TEXT NOT NULL,
    digest BLOB NOT NULL,
    last4 TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    last_used_at INTEGER,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX api_keys_by_digest ON api_keys (tenant_id, digest);

-- What a request with an Idempotency-Key did, written in its transaction.
CREATE TABLE idempotency_records (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    key_digest BLOB NOT NULL,
    fingerprint BLOB NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, key_digest)
) STRICT;
CREATE INDEX idempotency_records_by_expires_at ON idempotency_records (tenant_id, expires_at);

-- Dunning scenarios; the document is in policy_versions.
CREATE TABLE policies (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    name TEXT NOT NULL,
    builtin TEXT,
    priority INTEGER NOT NULL,
    active_version INTEGER,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE policy_versions (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    policy_id BLOB NOT NULL CHECK (length(policy_id) = 16),
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    document TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    activated_at INTEGER,
    PRIMARY KEY (tenant_id, policy_id, version),
    FOREIGN KEY (tenant_id, policy_id) REFERENCES policies (tenant_id, id)
) STRICT;

-- Texts of the tenant; a key that is absent here means the built-in text.
CREATE TABLE templates (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    active_version INTEGER,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX templates_by_key ON templates (tenant_id, key);

CREATE TABLE template_versions (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    template_id BLOB NOT NULL CHECK (length(template_id) = 16),
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    contents TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    activated_at INTEGER,
    PRIMARY KEY (tenant_id, template_id, version),
    FOREIGN KEY (tenant_id, template_id) REFERENCES templates (tenant_id, id)
) STRICT;

-- Debtors.
CREATE TABLE customers (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    source TEXT,
    external_id TEXT,
    number TEXT,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    jurisdiction TEXT NOT NULL,
    language TEXT,
    time_zone TEXT,
    segment TEXT,
    score INTEGER,
    policy_id BLOB CHECK (length(policy_id) = 16),
    identifiers TEXT NOT NULL,
    address TEXT NOT NULL,
    metadata TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, policy_id) REFERENCES policies (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX customers_by_source_external_id ON customers (tenant_id, source, external_id);

-- People at a customer, in the order in which they are written to.
CREATE TABLE contacts (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    customer_id BLOB NOT NULL CHECK (length(customer_id) = 16),
    position INTEGER NOT NULL,
    is_primary INTEGER NOT NULL,
    name TEXT NOT NULL,
    role TEXT,
    email TEXT,
    phone TEXT,
    language TEXT,
    opted_out TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX contacts_by_customer_id_position ON contacts (tenant_id, customer_id, position);

CREATE TABLE invoices (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    customer_id BLOB NOT NULL CHECK (length(customer_id) = 16),
    source TEXT,
    external_id TEXT,
    number TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    issue_date TEXT NOT NULL,
    currency TEXT NOT NULL,
    net_minor INTEGER,
    tax_minor INTEGER,
    total_minor INTEGER NOT NULL,
    balance_minor INTEGER NOT NULL,
    order_reference TEXT,
    delivery_reference TEXT,
    structured_reference TEXT,
    payment_link TEXT,
    metadata TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX invoices_by_source_external_id ON invoices (tenant_id, source, external_id);
CREATE INDEX invoices_by_customer_id_id ON invoices (tenant_id, customer_id, id);
CREATE INDEX invoices_by_number ON invoices (tenant_id, number);

-- Parts of an invoice, each with its due date, its balance and how far the crescendo has come.
CREATE TABLE instalments (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    invoice_id BLOB NOT NULL CHECK (length(invoice_id) = 16),
    customer_id BLOB NOT NULL CHECK (length(customer_id) = 16),
    currency TEXT NOT NULL,
    position INTEGER NOT NULL,
    due_date TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    balance_minor INTEGER NOT NULL,
    step_key TEXT,
    step_cycle INTEGER,
    first_completed_at INTEGER,
    last_completed_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX instalments_by_invoice_id_position ON instalments (tenant_id, invoice_id, position);
CREATE INDEX instalments_by_customer_id_currency ON instalments (tenant_id, customer_id, currency) WHERE balance_minor > 0;
CREATE INDEX instalments_by_due_date ON instalments (tenant_id, due_date) WHERE balance_minor > 0;

-- Money in (payments) and money given up (credit notes).
CREATE TABLE settlements (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    kind TEXT NOT NULL,
    customer_id BLOB NOT NULL CHECK (length(customer_id) = 16),
    source TEXT,
    external_id TEXT,
    number TEXT,
    currency TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    unallocated_minor INTEGER NOT NULL,
    settled_on TEXT NOT NULL,
    method TEXT,
    reference TEXT,
    reason TEXT,
    metadata TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX settlements_by_kind_source_external_id ON settlements (tenant_id, kind, source, external_id);
CREATE INDEX settlements_by_customer_id_currency ON settlements (tenant_id, customer_id, currency) WHERE unallocated_minor > 0;
CREATE INDEX settlements_by_customer_id_id ON settlements (tenant_id, customer_id, id);

CREATE TABLE allocations (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    settlement_id BLOB NOT NULL CHECK (length(settlement_id) = 16),
    invoice_id BLOB NOT NULL CHECK (length(invoice_id) = 16),
    instalment_id BLOB NOT NULL CHECK (length(instalment_id) = 16),
    amount_minor INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, settlement_id) REFERENCES settlements (tenant_id, id),
    FOREIGN KEY (tenant_id, instalment_id) REFERENCES instalments (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX allocations_by_settlement_id ON allocations (tenant_id, settlement_id);
CREATE INDEX allocations_by_invoice_id ON allocations (tenant_id, invoice_id);
CREATE INDEX allocations_by_instalment_id ON allocations (tenant_id, instalment_id);

CREATE TABLE documents (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    invoice_id BLOB CHECK (length(invoice_id) = 16),
    customer_id BLOB CHECK (length(customer_id) = 16),
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size INTEGER,
    sha256 BLOB,
    url TEXT,
    content BLOB,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
) STRICT;
CREATE INDEX documents_by_invoice_id ON documents (tenant_id, invoice_id);
CREATE INDEX documents_by_customer_id ON documents (tenant_id, customer_id);

-- One customer in one currency: the unit of decision.
CREATE TABLE accounts (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    customer_id BLOB NOT NULL CHECK (length(customer_id) = 16),
    currency TEXT NOT NULL,
    policy_id BLOB CHECK (length(policy_id) = 16),
    policy_version INTEGER,
    next_action_at INTEGER,
    foreseen_at INTEGER,
    PRIMARY KEY (tenant_id, customer_id, currency),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    FOREIGN KEY (tenant_id, policy_id) REFERENCES policies (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX accounts_by_next_action_at ON accounts (tenant_id, next_action_at) WHERE next_action_at IS NOT NULL;

-- Occurrences of a step: what was decided, for which instalments.
CREATE TABLE reminders (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    customer_id BLOB NOT NULL CHECK (length(customer_id) = 16),
    currency TEXT NOT NULL,
    carrying_instalment_id BLOB NOT NULL CHECK (length(carrying_instalment_id) = 16),
    policy_id BLOB NOT NULL CHECK (length(policy_id) = 16),
    policy_version INTEGER NOT NULL,
    step_key TEXT NOT NULL,
    cycle INTEGER NOT NULL,
    channel TEXT NOT NULL,
    template TEXT NOT NULL,
    formal INTEGER NOT NULL,
    contact_id BLOB CHECK (length(contact_id) = 16),
    state TEXT NOT NULL,
    reason TEXT,
    total_minor INTEGER NOT NULL,
    instalments TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    decided_at INTEGER NOT NULL,
    completed_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    FOREIGN KEY (tenant_id, carrying_instalment_id) REFERENCES instalments (tenant_id, id),
    FOREIGN KEY (tenant_id, policy_id) REFERENCES policies (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX reminders_by_customer_id_currency_carrying_instalment_id_step_key_cycle ON reminders (tenant_id, customer_id, currency, carrying_instalment_id, step_key, cycle) WHERE state <> 'cancelled';
CREATE INDEX reminders_by_customer_id_currency_open ON reminders (tenant_id, customer_id, currency) WHERE state IN ('awaiting_approval', 'in_flight', 'outcome_unknown', 'failed');
CREATE INDEX reminders_by_customer_id_id ON reminders (tenant_id, customer_id, id);

CREATE TABLE provider_accounts (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    channels TEXT NOT NULL,
    settings TEXT NOT NULL,
    credentials BLOB,
    priority INTEGER NOT NULL,
    state TEXT NOT NULL,
    inbound_digest BLOB NOT NULL,
    last_error TEXT,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX provider_accounts_by_inbound_digest ON provider_accounts (tenant_id, inbound_digest);

-- One thing sent on one channel to one contact.
CREATE TABLE messages (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    reminder_id BLOB CHECK (length(reminder_id) = 16),
    customer_id BLOB NOT NULL CHECK (length(customer_id) = 16),
    contact_id BLOB CHECK (length(contact_id) = 16),
    provider_account_id BLOB CHECK (length(provider_account_id) = 16),
    channel TEXT NOT NULL,
    address TEXT NOT NULL,
    state TEXT NOT NULL,
    delivery_status TEXT,
    delivery_rank INTEGER NOT NULL,
    evidence_grade TEXT,
    token BLOB CHECK (length(token) = 16),
    lease_until INTEGER,
    attempts INTEGER NOT NULL,
    next_attempt_at INTEGER,
    provider_message_id TEXT,
    subject TEXT,
    html TEXT,
    body TEXT,
    segments INTEGER,
    content_digest BLOB,
    failure TEXT,
    created_at INTEGER NOT NULL,
    dispatched_at INTEGER,
    finished_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, reminder_id) REFERENCES reminders (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    FOREIGN KEY (tenant_id, provider_account_id) REFERENCES provider_accounts (tenant_id, id)
) STRICT;
CREATE INDEX messages_by_next_attempt_at ON messages (tenant_id, next_attempt_at) WHERE state = 'prepared';
CREATE INDEX messages_by_lease_until ON messages (tenant_id, lease_until) WHERE state = 'dispatched';
CREATE INDEX messages_by_reminder_id ON messages (tenant_id, reminder_id);
CREATE INDEX messages_by_customer_id_id ON messages (tenant_id, customer_id, id);
CREATE INDEX messages_by_provider_account_id_provider_message_id ON messages (tenant_id, provider_account_id, provider_message_id);

CREATE TABLE attempts (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    message_id BLOB NOT NULL CHECK (length(message_id) = 16),
    number INTEGER NOT NULL,
    token BLOB NOT NULL CHECK (length(token) = 16),
    provider_account_id BLOB NOT NULL CHECK (length(provider_account_id) = 16),
    started_at INTEGER NOT NULL,
    finished_at INTEGER,
    outcome TEXT,
    detail TEXT,
    PRIMARY KEY (tenant_id, message_id, number),
    FOREIGN KEY (tenant_id, message_id) REFERENCES messages (tenant_id, id)
) STRICT, WITHOUT ROWID;

-- Steps done by a person, and matters that need one.
CREATE TABLE tasks (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    kind TEXT NOT NULL,
    reason TEXT,
    customer_id BLOB NOT NULL CHECK (length(customer_id) = 16),
    currency TEXT,
    reminder_id BLOB CHECK (length(reminder_id) = 16),
    contact_id BLOB CHECK (length(contact_id) = 16),
    state TEXT NOT NULL,
    script TEXT,
    due_at INTEGER NOT NULL,
    owner TEXT,
    outcome TEXT,
    notes TEXT,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    completed_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    FOREIGN KEY (tenant_id, reminder_id) REFERENCES reminders (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX tasks_by_customer_id_currency_reason ON tasks (tenant_id, customer_id, currency, reason) WHERE state = 'open' AND kind = 'review';
CREATE INDEX tasks_by_due_at ON tasks (tenant_id, due_at) WHERE state = 'open';
CREATE INDEX tasks_by_customer_id_id ON tasks (tenant_id, customer_id, id);

-- What providers posted, byte for byte.
CREATE TABLE inbound_requests (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    provider_account_id BLOB NOT NULL CHECK (length(provider_account_id) = 16),
    digest BLOB NOT NULL,
    method TEXT NOT NULL,
    query TEXT NOT NULL,
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, provider_account_id) REFERENCES provider_accounts (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX inbound_requests_by_provider_account_id_digest ON inbound_requests (tenant_id, provider_account_id, digest);

-- What a provider said later about a message: one row a statement.
CREATE TABLE receipts (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    provider_account_id BLOB NOT NULL CHECK (length(provider_account_id) = 16),
    request_id BLOB CHECK (length(request_id) = 16),
    dedupe TEXT NOT NULL,
    message_id BLOB CHECK (length(message_id) = 16),
    provider_message_id TEXT,
    address TEXT,
    status TEXT NOT NULL,
    raw_name TEXT NOT NULL,
    detail TEXT,
    occurred_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    applied_at INTEGER,
    outcome TEXT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, provider_account_id) REFERENCES provider_accounts (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX receipts_by_provider_account_id_dedupe ON receipts (tenant_id, provider_account_id, dedupe);
CREATE INDEX receipts_by_due_at ON receipts (tenant_id, due_at) WHERE applied_at IS NULL;
CREATE INDEX receipts_by_message_id ON receipts (tenant_id, message_id);

-- Addresses that must not be written to.
CREATE TABLE suppressions (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    channel TEXT NOT NULL,
    address TEXT NOT NULL,
    reason TEXT NOT NULL,
    source TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    lifted_at INTEGER,
    lift_reason TEXT,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX suppressions_by_channel_address ON suppressions (tenant_id, channel, address) WHERE lifted_at IS NULL;

-- How many entries a journal has. Whoever adds one holds this row until the commit, so that places follow commits and leave no gap.
CREATE TABLE evidence_logs (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    size INTEGER NOT NULL,
    PRIMARY KEY (tenant_id)
) STRICT, WITHOUT ROWID;

-- The journal, each entry with its place in the log (seq). Rows are only ever added.
CREATE TABLE evidence_entries (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    actor TEXT NOT NULL,
    privileged INTEGER NOT NULL,
    occurred_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    body TEXT NOT NULL,
    commitments TEXT NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX evidence_entries_by_seq ON evidence_entries (tenant_id, seq);
CREATE INDEX evidence_entries_by_subject_id ON evidence_entries (tenant_id, subject, id);

-- What opens the commitments of an entry; erasing a row erases the person and leaves the log whole.
CREATE TABLE evidence_disclosures (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    entry_id BLOB NOT NULL CHECK (length(entry_id) = 16),
    field TEXT NOT NULL,
    salt BLOB NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (tenant_id, entry_id, field),
    FOREIGN KEY (tenant_id, entry_id) REFERENCES evidence_entries (tenant_id, id)
) STRICT, WITHOUT ROWID;

-- Perfect subtrees of the Merkle log.
CREATE TABLE evidence_nodes (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    level INTEGER NOT NULL,
    position INTEGER NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (tenant_id, level, position)
) STRICT, WITHOUT ROWID;

-- Signed heads of the log: how many entries, and the line that callers are given.
CREATE TABLE evidence_checkpoints (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    size INTEGER NOT NULL,
    line TEXT NOT NULL,
    PRIMARY KEY (tenant_id, size)
) STRICT, WITHOUT ROWID;

-- The journal cannot be rewritten.
CREATE TRIGGER evidence_checkpoints_keep BEFORE DELETE ON evidence_checkpoints BEGIN SELECT RAISE(ABORT, 'evidence_checkpoints is append-only'); END;
CREATE TRIGGER evidence_checkpoints_fixed BEFORE UPDATE ON evidence_checkpoints BEGIN SELECT RAISE(ABORT, 'evidence_checkpoints is append-only'); END;
CREATE TRIGGER evidence_entries_keep BEFORE DELETE ON evidence_entries BEGIN SELECT RAISE(ABORT, 'evidence_entries is append-only'); END;
CREATE TRIGGER evidence_entries_fixed BEFORE UPDATE ON evidence_entries BEGIN SELECT RAISE(ABORT, 'evidence_entries is append-only'); END;
CREATE TRIGGER evidence_nodes_keep BEFORE DELETE ON evidence_nodes BEGIN SELECT RAISE(ABORT, 'evidence_nodes is append-only'); END;
CREATE TRIGGER evidence_nodes_fixed BEFORE UPDATE ON evidence_nodes BEGIN SELECT RAISE(ABORT, 'evidence_nodes is append-only'); END;
CREATE TRIGGER inbound_requests_keep BEFORE DELETE ON inbound_requests BEGIN SELECT RAISE(ABORT, 'inbound_requests is append-only'); END;
CREATE TRIGGER inbound_requests_fixed BEFORE UPDATE ON inbound_requests BEGIN SELECT RAISE(ABORT, 'inbound_requests is append-only'); END;
