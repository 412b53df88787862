-- Documents of a message: the letter as it was handed over, and what proves its way. The same one is kept once.
CREATE TABLE message_documents (
    tenant_id uuid NOT NULL,
    message_id uuid NOT NULL,
    kind text NOT NULL,
    sha256 bytea NOT NULL,
    document_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, message_id, kind, sha256),
    FOREIGN KEY (tenant_id, message_id) REFERENCES messages (tenant_id, id),
    FOREIGN KEY (tenant_id, document_id) REFERENCES documents (tenant_id, id)
);

-- Receipts of letters whose documents are still to be read out of them, or asked for. The id is the request's, or that of a statement which the rehearsal foretold.
CREATE TABLE proof_calls (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    provider_account_id uuid NOT NULL,
    tried integer NOT NULL,
    began_at timestamptz NOT NULL,
    next_at timestamptz,
    detail text,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, provider_account_id) REFERENCES provider_accounts (tenant_id, id)
);
CREATE INDEX proof_calls_by_next_at ON proof_calls (tenant_id, next_at) WHERE next_at IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON message_documents TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON proof_calls TO relance_app;
ALTER TABLE message_documents ENABLE ROW LEVEL SECURITY;
ALTER TABLE message_documents FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON message_documents USING (tenant_id = relance_tenant());
ALTER TABLE proof_calls ENABLE ROW LEVEL SECURITY;
ALTER TABLE proof_calls FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON proof_calls USING (tenant_id = relance_tenant());
