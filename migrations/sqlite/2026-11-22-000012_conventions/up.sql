-- The orders in which lists are read.
CREATE INDEX instalments_first_by_due_date ON instalments (tenant_id, due_date, invoice_id) WHERE position = 0;
CREATE INDEX customers_by_name ON customers (tenant_id, name, id);
CREATE INDEX settlements_by_kind_settled_on ON settlements (tenant_id, kind, settled_on, id);

-- What requests did that changed something, or failed; kept for thirty days.
CREATE TABLE requests (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    operation TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    status INTEGER NOT NULL,
    code TEXT,
    actor TEXT NOT NULL,
    took_micros INTEGER NOT NULL,
    key_digest BLOB,
    replayed INTEGER NOT NULL,
    resource TEXT,
    entries TEXT,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT;
