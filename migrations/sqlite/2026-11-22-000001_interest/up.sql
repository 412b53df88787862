-- Interest for late payment: what invoices say of it, the tenant's own reference rates, and what was charged.
ALTER TABLE customers ADD COLUMN interest TEXT;
ALTER TABLE invoices ADD COLUMN late_interest TEXT;
ALTER TABLE invoices ADD COLUMN fixed_sum TEXT;

CREATE TABLE reference_rates (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    series TEXT NOT NULL,
    valid_from TEXT NOT NULL,
    rate_percent TEXT NOT NULL,
    source TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX reference_rates_by_series_valid_from ON reference_rates (tenant_id, series, valid_from);

-- Interest and fixed sums claimed in figures, with the lines they come from; what is merely accruing is computed, never kept.
CREATE TABLE charges (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    invoice_id BLOB NOT NULL CHECK (length(invoice_id) = 16),
    customer_id BLOB NOT NULL CHECK (length(customer_id) = 16),
    currency TEXT NOT NULL,
    kind TEXT NOT NULL,
    accrued_until TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    balance_minor INTEGER NOT NULL,
    waived_minor INTEGER NOT NULL,
    interest_first INTEGER NOT NULL,
    computation TEXT NOT NULL,
    reason TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX charges_by_invoice_id ON charges (tenant_id, invoice_id);
CREATE INDEX charges_by_customer_id_currency ON charges (tenant_id, customer_id, currency) WHERE balance_minor > 0;

CREATE TABLE charge_allocations (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    settlement_id BLOB NOT NULL CHECK (length(settlement_id) = 16),
    charge_id BLOB NOT NULL CHECK (length(charge_id) = 16),
    amount_minor INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, settlement_id) REFERENCES settlements (tenant_id, id),
    FOREIGN KEY (tenant_id, charge_id) REFERENCES charges (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX charge_allocations_by_settlement_id ON charge_allocations (tenant_id, settlement_id);
CREATE INDEX charge_allocations_by_charge_id ON charge_allocations (tenant_id, charge_id);
