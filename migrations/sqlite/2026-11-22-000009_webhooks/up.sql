-- Whom integrators have us tell.
CREATE TABLE webhook_endpoints (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    url TEXT NOT NULL,
    description TEXT,
    event_types TEXT NOT NULL,
    state TEXT NOT NULL,
    disabled_because TEXT,
    secret BLOB NOT NULL,
    former_secret BLOB,
    former_until INTEGER,
    told INTEGER NOT NULL,
    failing_since INTEGER,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT;

-- What each of them is told, and how often that was tried.
CREATE TABLE webhook_deliveries (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    endpoint_id BLOB NOT NULL CHECK (length(endpoint_id) = 16),
    entry_id BLOB NOT NULL CHECK (length(entry_id) = 16),
    event_type TEXT NOT NULL,
    state TEXT NOT NULL,
    tries TEXT NOT NULL,
    tried INTEGER NOT NULL,
    next_try_at INTEGER,
    token BLOB CHECK (length(token) = 16),
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, endpoint_id) REFERENCES webhook_endpoints (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX webhook_deliveries_by_endpoint_id_entry_id ON webhook_deliveries (tenant_id, endpoint_id, entry_id);
CREATE INDEX webhook_deliveries_by_endpoint_id_id ON webhook_deliveries (tenant_id, endpoint_id, id);
CREATE INDEX webhook_deliveries_by_next_try_at ON webhook_deliveries (tenant_id, next_try_at) WHERE state = 'pending';
