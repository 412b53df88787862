-- Whom integrators have us tell.
CREATE TABLE webhook_endpoints (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    url text NOT NULL,
    description text,
    event_types jsonb NOT NULL,
    state text NOT NULL,
    disabled_because text,
    secret bytea NOT NULL,
    former_secret bytea,
    former_until timestamptz,
    told bigint NOT NULL,
    failing_since timestamptz,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

-- What each of them is told, and how often that was tried.
CREATE TABLE webhook_deliveries (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    event_type text NOT NULL,
    state text NOT NULL,
    tries jsonb NOT NULL,
    tried integer NOT NULL,
    next_try_at timestamptz,
    token uuid,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, endpoint_id) REFERENCES webhook_endpoints (tenant_id, id)
);
CREATE UNIQUE INDEX webhook_deliveries_by_endpoint_id_entry_id ON webhook_deliveries (tenant_id, endpoint_id, entry_id);
CREATE INDEX webhook_deliveries_by_endpoint_id_id ON webhook_deliveries (tenant_id, endpoint_id, id);
CREATE INDEX webhook_deliveries_by_next_try_at ON webhook_deliveries (tenant_id, next_try_at) WHERE state = 'pending';

GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_endpoints TO relance_app;
ALTER TABLE webhook_endpoints ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_endpoints FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON webhook_endpoints USING (tenant_id = relance_tenant());

GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_deliveries TO relance_app;
ALTER TABLE webhook_deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_deliveries FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON webhook_deliveries USING (tenant_id = relance_tenant());
