-- A role stands for its scopes as they are today; a key with networks works from there alone.
ALTER TABLE api_keys ADD COLUMN role text;
ALTER TABLE api_keys ADD COLUMN networks jsonb NOT NULL DEFAULT '[]';

-- Whose keys held all that there was are their tenants' owners, and hold what is new as well: nobody else could give it to them.
ALTER TABLE api_keys NO FORCE ROW LEVEL SECURITY;
UPDATE api_keys SET role = 'owner', scopes = '[]' WHERE tenant_id <> '00000000-0000-0000-0000-000000000000' AND jsonb_array_length(scopes) = 29;
ALTER TABLE api_keys FORCE ROW LEVEL SECURITY;

-- Whose tokens a tenant believes.
CREATE TABLE identity_providers (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    issuer text NOT NULL,
    audience text NOT NULL,
    algorithms jsonb NOT NULL,
    roles jsonb,
    scopes jsonb,
    created_by text NOT NULL,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revoked_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX identity_providers_by_issuer_audience ON identity_providers (tenant_id, issuer, audience) WHERE revoked_at IS NULL;

-- Whom they named. The journal knows people by their id alone; who that is stands here, and can be forgotten.
CREATE TABLE people (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    provider_id uuid NOT NULL,
    subject text,
    created_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    blocked_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, provider_id) REFERENCES identity_providers (tenant_id, id)
);
CREATE UNIQUE INDEX people_by_provider_id_subject ON people (tenant_id, provider_id, subject);

-- Keys that open one debtor's page.
CREATE TABLE publishable_keys (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    digest bytea NOT NULL,
    last4 text NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    last_used_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
);
CREATE UNIQUE INDEX publishable_keys_by_digest ON publishable_keys (tenant_id, digest);
CREATE INDEX publishable_keys_by_customer_id_id ON publishable_keys (tenant_id, customer_id, id);

GRANT SELECT, INSERT, UPDATE, DELETE ON identity_providers TO relance_app;
ALTER TABLE identity_providers ENABLE ROW LEVEL SECURITY;
ALTER TABLE identity_providers FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON identity_providers USING (tenant_id = relance_tenant());

GRANT SELECT, INSERT, UPDATE, DELETE ON people TO relance_app;
ALTER TABLE people ENABLE ROW LEVEL SECURITY;
ALTER TABLE people FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON people USING (tenant_id = relance_tenant());

GRANT SELECT, INSERT, UPDATE, DELETE ON publishable_keys TO relance_app;
ALTER TABLE publishable_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE publishable_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON publishable_keys USING (tenant_id = relance_tenant());
