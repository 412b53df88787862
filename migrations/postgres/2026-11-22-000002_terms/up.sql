-- Payment terms: what is in force is the newest version; no version is ever changed.
CREATE TABLE terms (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    current_version integer NOT NULL,
    archived_at timestamptz,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE terms_versions (
    tenant_id uuid NOT NULL,
    terms_id uuid NOT NULL,
    version integer NOT NULL,
    document jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, terms_id, version),
    FOREIGN KEY (tenant_id, terms_id) REFERENCES terms (tenant_id, id)
);

-- SQLite adds no foreign key to a table that exists, so neither does this: terms are archived and never removed.
ALTER TABLE customers ADD COLUMN terms_id uuid;
CREATE INDEX customers_by_terms_id ON customers (tenant_id, terms_id);

-- Which terms an invoice was recorded under, and the copy of what they said.
ALTER TABLE invoices ADD COLUMN order_date date;
ALTER TABLE invoices ADD COLUMN delivery_date date;
ALTER TABLE invoices ADD COLUMN due_date_source text NOT NULL DEFAULT 'given';
ALTER TABLE invoices ADD COLUMN terms_id uuid;
ALTER TABLE invoices ADD COLUMN terms_version integer;
ALTER TABLE invoices ADD COLUMN terms jsonb;

-- What paying early saves, and until when.
ALTER TABLE instalments ADD COLUMN discount_minor bigint;
ALTER TABLE instalments ADD COLUMN discount_until date;

-- The payment that earned a discount, and when the discount was taken back.
ALTER TABLE settlements ADD COLUMN earned_by uuid;
ALTER TABLE settlements ADD COLUMN withdrawn_at timestamptz;

GRANT SELECT, INSERT, UPDATE, DELETE ON terms TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON terms_versions TO relance_app;

ALTER TABLE terms ENABLE ROW LEVEL SECURITY;
ALTER TABLE terms FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON terms USING (tenant_id = relance_tenant());
ALTER TABLE terms_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE terms_versions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON terms_versions USING (tenant_id = relance_tenant());
