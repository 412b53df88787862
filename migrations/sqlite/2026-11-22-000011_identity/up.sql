-- A role stands for its scopes as they are today; a key with networks works from there alone.
ALTER TABLE api_keys ADD COLUMN role TEXT;
ALTER TABLE api_keys ADD COLUMN networks TEXT NOT NULL DEFAULT '[]';

-- Whose keys held all that there was are their tenants' owners, and hold what is new as well: nobody else could give it to them.
UPDATE api_keys SET role = 'owner', scopes = '[]' WHERE tenant_id <> zeroblob(16) AND json_array_length(scopes) = 29;

-- Whose tokens a tenant believes.
CREATE TABLE identity_providers (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    name TEXT NOT NULL,
    issuer TEXT NOT NULL,
    audience TEXT NOT NULL,
    algorithms TEXT NOT NULL,
    roles TEXT,
    scopes TEXT,
    created_by TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    revoked_at INTEGER,
    PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX identity_providers_by_issuer_audience ON identity_providers (tenant_id, issuer, audience) WHERE revoked_at IS NULL;

-- Whom they named. The journal knows people by their id alone; who that is stands here, and can be forgotten.
CREATE TABLE people (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    provider_id BLOB NOT NULL CHECK (length(provider_id) = 16),
    subject TEXT,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    blocked_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, provider_id) REFERENCES identity_providers (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX people_by_provider_id_subject ON people (tenant_id, provider_id, subject);

-- Keys that open one debtor's page.
CREATE TABLE publishable_keys (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    customer_id BLOB NOT NULL CHECK (length(customer_id) = 16),
    digest BLOB NOT NULL,
    last4 TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    last_used_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX publishable_keys_by_digest ON publishable_keys (tenant_id, digest);
CREATE INDEX publishable_keys_by_customer_id_id ON publishable_keys (tenant_id, customer_id, id);
