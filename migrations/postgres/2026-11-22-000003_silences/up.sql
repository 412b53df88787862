-- The reasons to be silent: holds, disputes, direct debits on their way, promises, payment plans.

-- A customer or an invoice left in peace for a while.
CREATE TABLE holds (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    invoice_id uuid,
    reason text NOT NULL,
    until date,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    lifted_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id)
);
CREATE INDEX holds_by_customer_id ON holds (tenant_id, customer_id) WHERE lifted_at IS NULL;
CREATE INDEX holds_by_customer_id_id ON holds (tenant_id, customer_id, id);
CREATE INDEX holds_by_invoice_id ON holds (tenant_id, invoice_id);

-- Amounts that customers contest; no amount is the whole invoice.
CREATE TABLE disputes (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    currency text NOT NULL,
    amount_minor bigint,
    reason text NOT NULL,
    note text,
    documents jsonb NOT NULL,
    owner text,
    respond_by date,
    state text NOT NULL,
    outcome text,
    credited_minor bigint,
    credit_note_id uuid,
    resolution text,
    opened_on date NOT NULL,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    resolved_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id),
    FOREIGN KEY (tenant_id, credit_note_id) REFERENCES settlements (tenant_id, id)
);
CREATE INDEX disputes_by_customer_id_open ON disputes (tenant_id, customer_id) WHERE state = 'open';
CREATE INDEX disputes_by_customer_id_id ON disputes (tenant_id, customer_id, id);
CREATE INDEX disputes_by_invoice_id ON disputes (tenant_id, invoice_id);

-- Collections announced to the bank.
CREATE TABLE direct_debits (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    currency text NOT NULL,
    collect_on date NOT NULL,
    amount_minor bigint NOT NULL,
    collected jsonb NOT NULL,
    reference text,
    state text NOT NULL,
    failure text,
    payment_id uuid,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    FOREIGN KEY (tenant_id, payment_id) REFERENCES settlements (tenant_id, id)
);
CREATE INDEX direct_debits_by_customer_id_announced ON direct_debits (tenant_id, customer_id) WHERE state = 'announced';
CREATE INDEX direct_debits_by_customer_id_id ON direct_debits (tenant_id, customer_id, id);
CREATE INDEX direct_debits_by_payment_id ON direct_debits (tenant_id, payment_id);

-- What customers promised to pay, and what became of it.
CREATE TABLE promises (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    made_on date NOT NULL,
    due_on date NOT NULL,
    ends_on date NOT NULL,
    said_by text,
    contact_id uuid,
    channel text,
    task_id uuid,
    state text NOT NULL,
    received_minor bigint NOT NULL,
    breach integer,
    breached_on date,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    FOREIGN KEY (tenant_id, task_id) REFERENCES tasks (tenant_id, id)
);
CREATE INDEX promises_by_customer_id_ends_on ON promises (tenant_id, customer_id, ends_on);
CREATE INDEX promises_by_customer_id_open ON promises (tenant_id, customer_id) WHERE state = 'open';
CREATE INDEX promises_by_customer_id_id ON promises (tenant_id, customer_id, id);

-- What a promise covers.
CREATE TABLE promise_instalments (
    tenant_id uuid NOT NULL,
    promise_id uuid NOT NULL,
    instalment_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, promise_id, instalment_id),
    FOREIGN KEY (tenant_id, promise_id) REFERENCES promises (tenant_id, id),
    FOREIGN KEY (tenant_id, instalment_id) REFERENCES instalments (tenant_id, id)
);
CREATE INDEX promise_instalments_by_instalment_id ON promise_instalments (tenant_id, instalment_id);

-- Agreed schedules.
CREATE TABLE payment_plans (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    tax_first boolean NOT NULL,
    interest text NOT NULL,
    grace_days integer NOT NULL,
    state text NOT NULL,
    proposed_on date NOT NULL,
    accepted_on date,
    accepted_at timestamptz,
    accepted_by text,
    accepted_from text,
    text text,
    text_sha256 bytea,
    ends_on date NOT NULL,
    received_minor bigint NOT NULL,
    missed_part integer,
    breach integer,
    breached_on date,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
);
CREATE INDEX payment_plans_by_customer_id_ends_on ON payment_plans (tenant_id, customer_id, ends_on);
CREATE INDEX payment_plans_by_customer_id_accepted ON payment_plans (tenant_id, customer_id) WHERE state = 'accepted';
CREATE INDEX payment_plans_by_customer_id_id ON payment_plans (tenant_id, customer_id, id);

-- The parts of a schedule, from 1.
CREATE TABLE plan_parts (
    tenant_id uuid NOT NULL,
    plan_id uuid NOT NULL,
    number integer NOT NULL,
    due_on date NOT NULL,
    amount_minor bigint NOT NULL,
    PRIMARY KEY (tenant_id, plan_id, number),
    FOREIGN KEY (tenant_id, plan_id) REFERENCES payment_plans (tenant_id, id)
);

-- What a schedule covers.
CREATE TABLE plan_instalments (
    tenant_id uuid NOT NULL,
    plan_id uuid NOT NULL,
    instalment_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, plan_id, instalment_id),
    FOREIGN KEY (tenant_id, plan_id) REFERENCES payment_plans (tenant_id, id),
    FOREIGN KEY (tenant_id, instalment_id) REFERENCES instalments (tenant_id, id)
);
CREATE INDEX plan_instalments_by_instalment_id ON plan_instalments (tenant_id, instalment_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON holds TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON disputes TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON direct_debits TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON promises TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON promise_instalments TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON payment_plans TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON plan_parts TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON plan_instalments TO relance_app;
ALTER TABLE holds ENABLE ROW LEVEL SECURITY;
ALTER TABLE holds FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON holds USING (tenant_id = relance_tenant());
ALTER TABLE disputes ENABLE ROW LEVEL SECURITY;
ALTER TABLE disputes FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON disputes USING (tenant_id = relance_tenant());
ALTER TABLE direct_debits ENABLE ROW LEVEL SECURITY;
ALTER TABLE direct_debits FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON direct_debits USING (tenant_id = relance_tenant());
ALTER TABLE promises ENABLE ROW LEVEL SECURITY;
ALTER TABLE promises FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON promises USING (tenant_id = relance_tenant());
ALTER TABLE promise_instalments ENABLE ROW LEVEL SECURITY;
ALTER TABLE promise_instalments FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON promise_instalments USING (tenant_id = relance_tenant());
ALTER TABLE payment_plans ENABLE ROW LEVEL SECURITY;
ALTER TABLE payment_plans FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON payment_plans USING (tenant_id = relance_tenant());
ALTER TABLE plan_parts ENABLE ROW LEVEL SECURITY;
ALTER TABLE plan_parts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON plan_parts USING (tenant_id = relance_tenant());
ALTER TABLE plan_instalments ENABLE ROW LEVEL SECURITY;
ALTER TABLE plan_instalments FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON plan_instalments USING (tenant_id = relance_tenant());
