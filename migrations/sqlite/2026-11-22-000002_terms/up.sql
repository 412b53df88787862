-- Payment terms: what is in force is the newest version; no version is ever changed.
CREATE TABLE terms (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    name TEXT NOT NULL,
    current_version INTEGER NOT NULL,
    archived_at INTEGER,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE terms_versions (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    terms_id BLOB NOT NULL CHECK (length(terms_id) = 16),
    version INTEGER NOT NULL,
    document TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, terms_id, version),
    FOREIGN KEY (tenant_id, terms_id) REFERENCES terms (tenant_id, id)
) STRICT;

-- SQLite adds no foreign key to a table that exists: terms are archived and never removed.
ALTER TABLE customers ADD COLUMN terms_id BLOB CHECK (length(terms_id) = 16);
CREATE INDEX customers_by_terms_id ON customers (tenant_id, terms_id);

-- Which terms an invoice was recorded under, and the copy of what they said.
ALTER TABLE invoices ADD COLUMN order_date TEXT;
ALTER TABLE invoices ADD COLUMN delivery_date TEXT;
ALTER TABLE invoices ADD COLUMN due_date_source TEXT NOT NULL DEFAULT 'given';
ALTER TABLE invoices ADD COLUMN terms_id BLOB CHECK (length(terms_id) = 16);
ALTER TABLE invoices ADD COLUMN terms_version INTEGER;
ALTER TABLE invoices ADD COLUMN terms TEXT;

-- What paying early saves, and until when.
ALTER TABLE instalments ADD COLUMN discount_minor INTEGER;
ALTER TABLE instalments ADD COLUMN discount_until TEXT;

-- The payment that earned a discount, and when the discount was taken back.
ALTER TABLE settlements ADD COLUMN earned_by BLOB CHECK (length(earned_by) = 16);
ALTER TABLE settlements ADD COLUMN withdrawn_at INTEGER;
