-- Documents of a message: the letter as it was handed over, and what proves its way. The same one is kept once.
CREATE TABLE message_documents (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    message_id BLOB NOT NULL CHECK (length(message_id) = 16),
    kind TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    document_id BLOB NOT NULL CHECK (length(document_id) = 16),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, message_id, kind, sha256),
    FOREIGN KEY (tenant_id, message_id) REFERENCES messages (tenant_id, id),
    FOREIGN KEY (tenant_id, document_id) REFERENCES documents (tenant_id, id)
) STRICT;

-- Receipts of letters whose documents are still to be read out of them, or asked for. The id is the request's, or that of a statement which the rehearsal foretold.
CREATE TABLE proof_calls (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    provider_account_id BLOB NOT NULL CHECK (length(provider_account_id) = 16),
    tried INTEGER NOT NULL,
    began_at INTEGER NOT NULL,
    next_at INTEGER,
    detail TEXT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, provider_account_id) REFERENCES provider_accounts (tenant_id, id)
) STRICT;
CREATE INDEX proof_calls_by_next_at ON proof_calls (tenant_id, next_at) WHERE next_at IS NOT NULL;
