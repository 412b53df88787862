-- The reasons to be silent: holds, disputes, direct debits on their way, promises, payment plans.

-- A customer or an invoice left in peace for a while.
CREATE TABLE holds (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    customer_id BLOB NOT NULL CHECK (length(customer_id) = 16),
    invoice_id BLOB CHECK (length(invoice_id) = 16),
    reason TEXT NOT NULL,
    until TEXT,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    lifted_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id)
) STRICT;
CREATE INDEX holds_by_customer_id ON holds (tenant_id, customer_id) WHERE lifted_at IS NULL;
CREATE INDEX holds_by_customer_id_id ON holds (tenant_id, customer_id, id);
CREATE INDEX holds_by_invoice_id ON holds (tenant_id, invoice_id);

-- Amounts that customers contest; no amount is the whole invoice.
CREATE TABLE disputes (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    customer_id BLOB NOT NULL CHECK (length(customer_id) = 16),
    invoice_id BLOB NOT NULL CHECK (length(invoice_id) = 16),
    currency TEXT NOT NULL,
    amount_minor INTEGER,
    reason TEXT NOT NULL,
    note TEXT,
    documents TEXT NOT NULL,
    owner TEXT,
    respond_by TEXT,
    state TEXT NOT NULL,
    outcome TEXT,
    credited_minor INTEGER,
    credit_note_id BLOB CHECK (length(credit_note_id) = 16),
    resolution TEXT,
    opened_on TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    resolved_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id),
    FOREIGN KEY (tenant_id, credit_note_id) REFERENCES settlements (tenant_id, id)
) STRICT;
CREATE INDEX disputes_by_customer_id_open ON disputes (tenant_id, customer_id) WHERE state = 'open';
CREATE INDEX disputes_by_customer_id_id ON disputes (tenant_id, customer_id, id);
CREATE INDEX disputes_by_invoice_id ON disputes (tenant_id, invoice_id);

-- Collections announced to the bank.
CREATE TABLE direct_debits (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    customer_id BLOB NOT NULL CHECK (length(customer_id) = 16),
    currency TEXT NOT NULL,
    collect_on TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    collected TEXT NOT NULL,
    reference TEXT,
    state TEXT NOT NULL,
    failure TEXT,
    payment_id BLOB CHECK (length(payment_id) = 16),
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    FOREIGN KEY (tenant_id, payment_id) REFERENCES settlements (tenant_id, id)
) STRICT;
CREATE INDEX direct_debits_by_customer_id_announced ON direct_debits (tenant_id, customer_id) WHERE state = 'announced';
CREATE INDEX direct_debits_by_customer_id_id ON direct_debits (tenant_id, customer_id, id);
CREATE INDEX direct_debits_by_payment_id ON direct_debits (tenant_id, payment_id);

-- What customers promised to pay, and what became of it.
CREATE TABLE promises (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    customer_id BLOB NOT NULL CHECK (length(customer_id) = 16),
    currency TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    made_on TEXT NOT NULL,
    due_on TEXT NOT NULL,
    ends_on TEXT NOT NULL,
    said_by TEXT,
    contact_id BLOB CHECK (length(contact_id) = 16),
    channel TEXT,
    task_id BLOB CHECK (length(task_id) = 16),
    state TEXT NOT NULL,
    received_minor INTEGER NOT NULL,
    breach INTEGER,
    breached_on TEXT,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    FOREIGN KEY (tenant_id, task_id) REFERENCES tasks (tenant_id, id)
) STRICT;
CREATE INDEX promises_by_customer_id_ends_on ON promises (tenant_id, customer_id, ends_on);
CREATE INDEX promises_by_customer_id_open ON promises (tenant_id, customer_id) WHERE state = 'open';
CREATE INDEX promises_by_customer_id_id ON promises (tenant_id, customer_id, id);

-- What a promise covers.
CREATE TABLE promise_instalments (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    promise_id BLOB NOT NULL CHECK (length(promise_id) = 16),
    instalment_id BLOB NOT NULL CHECK (length(instalment_id) = 16),
    PRIMARY KEY (tenant_id, promise_id, instalment_id),
    FOREIGN KEY (tenant_id, promise_id) REFERENCES promises (tenant_id, id),
    FOREIGN KEY (tenant_id, instalment_id) REFERENCES instalments (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX promise_instalments_by_instalment_id ON promise_instalments (tenant_id, instalment_id);

-- Agreed schedules.
CREATE TABLE payment_plans (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    customer_id BLOB NOT NULL CHECK (length(customer_id) = 16),
    currency TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    tax_first INTEGER NOT NULL,
    interest TEXT NOT NULL,
    grace_days INTEGER NOT NULL,
    state TEXT NOT NULL,
    proposed_on TEXT NOT NULL,
    accepted_on TEXT,
    accepted_at INTEGER,
    accepted_by TEXT,
    accepted_from TEXT,
    text TEXT,
    text_sha256 BLOB,
    ends_on TEXT NOT NULL,
    received_minor INTEGER NOT NULL,
    missed_part INTEGER,
    breach INTEGER,
    breached_on TEXT,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
) STRICT;
CREATE INDEX payment_plans_by_customer_id_ends_on ON payment_plans (tenant_id, customer_id, ends_on);
CREATE INDEX payment_plans_by_customer_id_accepted ON payment_plans (tenant_id, customer_id) WHERE state = 'accepted';
CREATE INDEX payment_plans_by_customer_id_id ON payment_plans (tenant_id, customer_id, id);

-- The parts of a schedule, from 1.
CREATE TABLE plan_parts (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    plan_id BLOB NOT NULL CHECK (length(plan_id) = 16),
    number INTEGER NOT NULL,
    due_on TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, plan_id, number),
    FOREIGN KEY (tenant_id, plan_id) REFERENCES payment_plans (tenant_id, id)
) STRICT, WITHOUT ROWID;

-- What a schedule covers.
CREATE TABLE plan_instalments (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    plan_id BLOB NOT NULL CHECK (length(plan_id) = 16),
    instalment_id BLOB NOT NULL CHECK (length(instalment_id) = 16),
    PRIMARY KEY (tenant_id, plan_id, instalment_id),
    FOREIGN KEY (tenant_id, plan_id) REFERENCES payment_plans (tenant_id, id),
    FOREIGN KEY (tenant_id, instalment_id) REFERENCES instalments (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX plan_instalments_by_instalment_id ON plan_instalments (tenant_id, instalment_id);
