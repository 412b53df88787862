-- Interest for late payment: what invoices say of it, the tenant's own reference rates, and what was charged.
ALTER TABLE customers ADD COLUMN interest text;
ALTER TABLE invoices ADD COLUMN late_interest jsonb;
ALTER TABLE invoices ADD COLUMN fixed_sum jsonb;

CREATE TABLE reference_rates (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    series text NOT NULL,
    valid_from date NOT NULL,
    rate_percent text NOT NULL,
    source text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX reference_rates_by_series_valid_from ON reference_rates (tenant_id, series, valid_from);

-- Interest and fixed sums claimed in figures, with the lines they come from; what is merely accruing is computed, never kept.
CREATE TABLE charges (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    currency text NOT NULL,
    kind text NOT NULL,
    accrued_until date NOT NULL,
    amount_minor bigint NOT NULL,
    balance_minor bigint NOT NULL,
    waived_minor bigint NOT NULL,
    interest_first boolean NOT NULL,
    computation jsonb NOT NULL,
    reason text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
);
CREATE INDEX charges_by_invoice_id ON charges (tenant_id, invoice_id);
CREATE INDEX charges_by_customer_id_currency ON charges (tenant_id, customer_id, currency) WHERE balance_minor > 0;

CREATE TABLE charge_allocations (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    settlement_id uuid NOT NULL,
    charge_id uuid NOT NULL,
    amount_minor bigint NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, settlement_id) REFERENCES settlements (tenant_id, id),
    FOREIGN KEY (tenant_id, charge_id) REFERENCES charges (tenant_id, id)
);
CREATE INDEX charge_allocations_by_settlement_id ON charge_allocations (tenant_id, settlement_id);
CREATE INDEX charge_allocations_by_charge_id ON charge_allocations (tenant_id, charge_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON reference_rates TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON charges TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON charge_allocations TO relance_app;
ALTER TABLE reference_rates ENABLE ROW LEVEL SECURITY;
ALTER TABLE reference_rates FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON reference_rates USING (tenant_id = relance_tenant());
ALTER TABLE charges ENABLE ROW LEVEL SECURITY;
ALTER TABLE charges FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON charges USING (tenant_id = relance_tenant());
ALTER TABLE charge_allocations ENABLE ROW LEVEL SECURITY;
ALTER TABLE charge_allocations FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON charge_allocations USING (tenant_id = relance_tenant());
