-- Files that were sent to be imported, each kept once, by its digest. One without a digest is still arriving.
CREATE TABLE import_files (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    sha256 BLOB,
    size INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX import_files_by_sha256 ON import_files (tenant_id, sha256);

-- Their bytes, in pieces of one size, from 0.
CREATE TABLE import_pieces (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    file_id BLOB NOT NULL CHECK (length(file_id) = 16),
    number INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (tenant_id, file_id, number),
    FOREIGN KEY (tenant_id, file_id) REFERENCES import_files (tenant_id, id)
) STRICT;

-- Imports. `place` and `line` say how far one has come: of a table the byte and the line where its next row begins, of other files the number of the next thing in it.
CREATE TABLE imports (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    file_id BLOB NOT NULL CHECK (length(file_id) = 16),
    file_name TEXT,
    kind TEXT NOT NULL,
    format TEXT NOT NULL,
    source TEXT NOT NULL,
    settings TEXT NOT NULL,
    dry_run INTEGER NOT NULL,
    state TEXT NOT NULL,
    place INTEGER NOT NULL,
    line INTEGER NOT NULL,
    counts TEXT NOT NULL,
    problems TEXT NOT NULL,
    created_by TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, file_id) REFERENCES import_files (tenant_id, id)
) STRICT;
CREATE INDEX imports_by_file_id ON imports (tenant_id, file_id);
CREATE INDEX imports_to_do ON imports (tenant_id, id) WHERE state IN ('queued', 'running');

-- What became of each row of an import, from 1.
CREATE TABLE import_rows (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    import_id BLOB NOT NULL CHECK (length(import_id) = 16),
    number INTEGER NOT NULL,
    line INTEGER NOT NULL,
    reference TEXT NOT NULL,
    outcome TEXT NOT NULL,
    things TEXT NOT NULL,
    problems TEXT NOT NULL,
    PRIMARY KEY (tenant_id, import_id, number),
    FOREIGN KEY (tenant_id, import_id) REFERENCES imports (tenant_id, id)
) STRICT;
CREATE INDEX import_rows_by_outcome ON import_rows (tenant_id, import_id, outcome, number);

-- Which column of a table feeds which field, under a name.
CREATE TABLE import_mappings (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, name)
) STRICT;
