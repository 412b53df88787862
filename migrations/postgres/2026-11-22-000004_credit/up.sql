-- Credit: how customers pay, what they are trusted with, and why.

-- Who a business is.
ALTER TABLE customers ADD COLUMN company jsonb NOT NULL DEFAULT '{}';

-- How an account pays: a bounded memory, brought up to date with whatever happens.
CREATE TABLE payment_habits (
    tenant_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    currency text NOT NULL,
    habit jsonb NOT NULL,
    PRIMARY KEY (tenant_id, customer_id, currency),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
);

-- What a customer's credit stands at: the computed score, one set by hand, the watch list.
CREATE TABLE credit_profiles (
    tenant_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    score integer,
    profile text,
    assessed_at timestamptz,
    override_score integer,
    override_reason text,
    override_until timestamptz,
    override_by text,
    watch_reason text,
    watched_at timestamptz,
    PRIMARY KEY (tenant_id, customer_id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
);
CREATE INDEX credit_profiles_watched ON credit_profiles (tenant_id, customer_id) WHERE watched_at IS NOT NULL;

-- Each score that differed from the one before, with what it was computed from.
CREATE TABLE score_history (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    score integer NOT NULL,
    profile text,
    inputs jsonb NOT NULL,
    lines jsonb NOT NULL,
    assessed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
);
CREATE INDEX score_history_by_customer_id_id ON score_history (tenant_id, customer_id, id);

-- How much may be open and reserved, by currency.
CREATE TABLE credit_limits (
    tenant_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    currency text NOT NULL,
    limit_minor bigint NOT NULL,
    valid_until date,
    reason text NOT NULL,
    set_by text NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, customer_id, currency),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
);

-- Who answers for a customer, up to which amount, until when.
CREATE TABLE guarantees (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    kind text NOT NULL,
    guarantor text NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    valid_from date NOT NULL,
    expires_on date,
    reference text,
    released_at timestamptz,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
);
CREATE INDEX guarantees_by_customer_id_id ON guarantees (tenant_id, customer_id, id);

-- What was decided about orders, and what is reserved for them.
CREATE TABLE credit_decisions (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    order_reference text,
    outcome text NOT NULL,
    prepayment_minor bigint NOT NULL,
    available_minor bigint,
    score integer NOT NULL,
    exposure jsonb NOT NULL,
    reasons jsonb NOT NULL,
    reservation text NOT NULL,
    reserved_minor bigint NOT NULL,
    reserved_until timestamptz,
    invoice_id uuid,
    override_reason text,
    override_by text,
    overridden_at timestamptz,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id)
);
CREATE INDEX credit_decisions_by_customer_id_id ON credit_decisions (tenant_id, customer_id, id);
CREATE INDEX credit_decisions_held ON credit_decisions (tenant_id, customer_id, currency) WHERE reservation = 'held';

-- What providers were asked, and what they answered, about customers' solvency.
CREATE TABLE solvency_checks (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    provider_account_id uuid,
    state text NOT NULL,
    reason text,
    attempts integer NOT NULL,
    next_attempt_at timestamptz,
    rating integer,
    recommended_minor bigint,
    currency text,
    reference text,
    summary text,
    failure text,
    requested_at timestamptz NOT NULL,
    answered_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    FOREIGN KEY (tenant_id, provider_account_id) REFERENCES provider_accounts (tenant_id, id)
);
CREATE INDEX solvency_checks_by_customer_id_id ON solvency_checks (tenant_id, customer_id, id);
CREATE INDEX solvency_checks_by_next_attempt_at ON solvency_checks (tenant_id, next_attempt_at) WHERE next_attempt_at IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON payment_habits TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON credit_profiles TO relance_app;
GRANT SELECT, INSERT ON score_history TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON credit_limits TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON guarantees TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON credit_decisions TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON solvency_checks TO relance_app;
ALTER TABLE payment_habits ENABLE ROW LEVEL SECURITY;
ALTER TABLE payment_habits FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON payment_habits USING (tenant_id = relance_tenant());
ALTER TABLE credit_profiles ENABLE ROW LEVEL SECURITY;
ALTER TABLE credit_profiles FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON credit_profiles USING (tenant_id = relance_tenant());
ALTER TABLE score_history ENABLE ROW LEVEL SECURITY;
ALTER TABLE score_history FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON score_history USING (tenant_id = relance_tenant());
ALTER TABLE credit_limits ENABLE ROW LEVEL SECURITY;
ALTER TABLE credit_limits FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON credit_limits USING (tenant_id = relance_tenant());
ALTER TABLE guarantees ENABLE ROW LEVEL SECURITY;
ALTER TABLE guarantees FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON guarantees USING (tenant_id = relance_tenant());
ALTER TABLE credit_decisions ENABLE ROW LEVEL SECURITY;
ALTER TABLE credit_decisions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON credit_decisions USING (tenant_id = relance_tenant());
ALTER TABLE solvency_checks ENABLE ROW LEVEL SECURITY;
ALTER TABLE solvency_checks FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON solvency_checks USING (tenant_id = relance_tenant());
