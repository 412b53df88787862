-- The orders in which lists are read.
CREATE INDEX instalments_first_by_due_date ON instalments (tenant_id, due_date, invoice_id) WHERE position = 0;
CREATE INDEX customers_by_name ON customers (tenant_id, name, id);
CREATE INDEX settlements_by_kind_settled_on ON settlements (tenant_id, kind, settled_on, id);

-- What requests did that changed something, or failed; kept for thirty days.
CREATE TABLE requests (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    operation text NOT NULL,
    method text NOT NULL,
    path text NOT NULL,
    status integer NOT NULL,
    code text,
    actor text NOT NULL,
    took_micros bigint NOT NULL,
    key_digest bytea,
    replayed boolean NOT NULL,
    resource text,
    entries jsonb,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON requests TO relance_app;
ALTER TABLE requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE requests FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON requests USING (tenant_id = relance_tenant());
