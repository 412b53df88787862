-- Documents of other systems, as far as they must be known beside the ledger: what was applied last, and what was recorded on their word.
CREATE TABLE source_documents (
    tenant_id uuid NOT NULL,
    source text NOT NULL,
    kind text NOT NULL,
    external_id text NOT NULL,
    left_minor bigint NOT NULL,
    stand_ins integer NOT NULL,
    source_updated_at timestamptz,
    direct_debit_id uuid,
    hold_id uuid,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, source, kind, external_id)
);

-- Accounting software that tells us, or is asked.
CREATE TABLE connections (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    system text NOT NULL,
    source text NOT NULL,
    name text NOT NULL,
    state text NOT NULL,
    settings jsonb NOT NULL,
    credentials bytea NOT NULL,
    inbound_digest bytea NOT NULL,
    inbound_token bytea NOT NULL,
    former_inbound_digest bytea,
    former_inbound_until timestamptz,
    place text,
    poll_at timestamptz,
    renewing_until timestamptz,
    last_error text,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX connections_by_source ON connections (tenant_id, source);
CREATE UNIQUE INDEX connections_by_inbound_digest ON connections (tenant_id, inbound_digest);
CREATE INDEX connections_by_former_inbound_digest ON connections (tenant_id, former_inbound_digest) WHERE former_inbound_digest IS NOT NULL;
CREATE INDEX connections_by_poll_at ON connections (tenant_id, poll_at) WHERE poll_at IS NOT NULL;

-- Requests of connections as they arrived, for a month.
CREATE TABLE notice_bodies (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    connection_id uuid NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections (tenant_id, id)
);
CREATE INDEX notice_bodies_by_received_at ON notice_bodies (tenant_id, received_at);

-- What connections were told, each thing once, and what became of it.
CREATE TABLE notices (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    connection_id uuid NOT NULL,
    body_id uuid,
    dedupe text NOT NULL,
    told jsonb,
    status text NOT NULL,
    reason text,
    tried integer NOT NULL,
    next_at timestamptz,
    received_at timestamptz NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections (tenant_id, id)
);
CREATE UNIQUE INDEX notices_by_connection_id_dedupe ON notices (tenant_id, connection_id, dedupe);
CREATE INDEX notices_by_connection_id_id ON notices (tenant_id, connection_id, id);
CREATE INDEX notices_by_next_at ON notices (tenant_id, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX notices_by_received_at ON notices (tenant_id, received_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON source_documents TO relance_app;
ALTER TABLE source_documents ENABLE ROW LEVEL SECURITY;
ALTER TABLE source_documents FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON source_documents USING (tenant_id = relance_tenant());

GRANT SELECT, INSERT, UPDATE, DELETE ON connections TO relance_app;
ALTER TABLE connections ENABLE ROW LEVEL SECURITY;
ALTER TABLE connections FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON connections USING (tenant_id = relance_tenant());

GRANT SELECT, INSERT, UPDATE, DELETE ON notice_bodies TO relance_app;
ALTER TABLE notice_bodies ENABLE ROW LEVEL SECURITY;
ALTER TABLE notice_bodies FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON notice_bodies USING (tenant_id = relance_tenant());

GRANT SELECT, INSERT, UPDATE, DELETE ON notices TO relance_app;
ALTER TABLE notices ENABLE ROW LEVEL SECURITY;
ALTER TABLE notices FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON notices USING (tenant_id = relance_tenant());
