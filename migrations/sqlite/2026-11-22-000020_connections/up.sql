-- Documents of other systems, as far as they must be known beside the ledger: what was applied last, and what was recorded on their word.
CREATE TABLE source_documents (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    external_id TEXT NOT NULL,
    left_minor INTEGER NOT NULL,
    stand_ins INTEGER NOT NULL,
    source_updated_at INTEGER,
    direct_debit_id BLOB CHECK (length(direct_debit_id) = 16),
    hold_id BLOB CHECK (length(hold_id) = 16),
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, source, kind, external_id)
) STRICT;

-- Accounting software that tells us, or is asked.
CREATE TABLE connections (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    system TEXT NOT NULL,
    source TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    settings TEXT NOT NULL,
    credentials BLOB NOT NULL,
    inbound_digest BLOB NOT NULL,
    inbound_token BLOB NOT NULL,
    former_inbound_digest BLOB,
    former_inbound_until INTEGER,
    place TEXT,
    poll_at INTEGER,
    renewing_until INTEGER,
    last_error TEXT,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX connections_by_source ON connections (tenant_id, source);
CREATE UNIQUE INDEX connections_by_inbound_digest ON connections (tenant_id, inbound_digest);
CREATE INDEX connections_by_former_inbound_digest ON connections (tenant_id, former_inbound_digest) WHERE former_inbound_digest IS NOT NULL;
CREATE INDEX connections_by_poll_at ON connections (tenant_id, poll_at) WHERE poll_at IS NOT NULL;

-- Requests of connections as they arrived, for a month.
CREATE TABLE notice_bodies (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    connection_id BLOB NOT NULL CHECK (length(connection_id) = 16),
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections (tenant_id, id)
) STRICT;
CREATE INDEX notice_bodies_by_received_at ON notice_bodies (tenant_id, received_at);

-- What connections were told, each thing once, and what became of it.
CREATE TABLE notices (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    connection_id BLOB NOT NULL CHECK (length(connection_id) = 16),
    body_id BLOB CHECK (length(body_id) = 16),
    dedupe TEXT NOT NULL,
    told TEXT,
    status TEXT NOT NULL,
    reason TEXT,
    tried INTEGER NOT NULL,
    next_at INTEGER,
    received_at INTEGER NOT NULL,
    finished_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX notices_by_connection_id_dedupe ON notices (tenant_id, connection_id, dedupe);
CREATE INDEX notices_by_connection_id_id ON notices (tenant_id, connection_id, id);
CREATE INDEX notices_by_next_at ON notices (tenant_id, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX notices_by_received_at ON notices (tenant_id, received_at);
