-- Files that were sent to be imported, each kept once, by its digest. One without a digest is still arriving.
CREATE TABLE import_files (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    sha256 bytea,
    size bigint NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX import_files_by_sha256 ON import_files (tenant_id, sha256);

-- Their bytes, in pieces of one size, from 0.
CREATE TABLE import_pieces (
    tenant_id uuid NOT NULL,
    file_id uuid NOT NULL,
    number integer NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (tenant_id, file_id, number),
    FOREIGN KEY (tenant_id, file_id) REFERENCES import_files (tenant_id, id)
);

-- Imports. `place` and `line` say how far one has come: of a table the byte and the line where its next row begins, of other files the number of the next thing in it.
CREATE TABLE imports (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    file_id uuid NOT NULL,
    file_name text,
    kind text NOT NULL,
    format text NOT NULL,
    source text NOT NULL,
    settings jsonb NOT NULL,
    dry_run boolean NOT NULL,
    state text NOT NULL,
    place bigint NOT NULL,
    line bigint NOT NULL,
    counts jsonb NOT NULL,
    problems jsonb NOT NULL,
    created_by text NOT NULL,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, file_id) REFERENCES import_files (tenant_id, id)
);
CREATE INDEX imports_by_file_id ON imports (tenant_id, file_id);
CREATE INDEX imports_to_do ON imports (tenant_id, id) WHERE state IN ('queued', 'running');

-- What became of each row of an import, from 1.
CREATE TABLE import_rows (
    tenant_id uuid NOT NULL,
    import_id uuid NOT NULL,
    number bigint NOT NULL,
    line bigint NOT NULL,
    reference text NOT NULL,
    outcome text NOT NULL,
    things jsonb NOT NULL,
    problems jsonb NOT NULL,
    PRIMARY KEY (tenant_id, import_id, number),
    FOREIGN KEY (tenant_id, import_id) REFERENCES imports (tenant_id, id)
);
CREATE INDEX import_rows_by_outcome ON import_rows (tenant_id, import_id, outcome, number);

-- Which column of a table feeds which field, under a name.
CREATE TABLE import_mappings (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    document jsonb NOT NULL,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON import_files TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON import_pieces TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON imports TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON import_rows TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON import_mappings TO relance_app;
ALTER TABLE import_files ENABLE ROW LEVEL SECURITY;
ALTER TABLE import_files FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON import_files USING (tenant_id = relance_tenant());
ALTER TABLE import_pieces ENABLE ROW LEVEL SECURITY;
ALTER TABLE import_pieces FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON import_pieces USING (tenant_id = relance_tenant());
ALTER TABLE imports ENABLE ROW LEVEL SECURITY;
ALTER TABLE imports FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON imports USING (tenant_id = relance_tenant());
ALTER TABLE import_rows ENABLE ROW LEVEL SECURITY;
ALTER TABLE import_rows FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON import_rows USING (tenant_id = relance_tenant());
ALTER TABLE import_mappings ENABLE ROW LEVEL SECURITY;
ALTER TABLE import_mappings FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON import_mappings USING (tenant_id = relance_tenant());
