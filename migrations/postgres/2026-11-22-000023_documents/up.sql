-- Files are kept in pieces, whatever they are for.
ALTER TABLE import_files RENAME TO files;
ALTER TABLE import_pieces RENAME TO pieces;
ALTER INDEX import_files_by_sha256 RENAME TO files_by_sha256;

-- What follows is about all tenants: the owner of the tables is not to be held to one.
ALTER TABLE documents NO FORCE ROW LEVEL SECURITY;
ALTER TABLE files NO FORCE ROW LEVEL SECURITY;
ALTER TABLE pieces NO FORCE ROW LEVEL SECURITY;

-- The file of a document that is kept here. SQLite adds no foreign key to a table that exists, so neither does this: whatever names a file keeps it.
ALTER TABLE documents ADD COLUMN file_id uuid;
INSERT INTO files (tenant_id, id, sha256, size, created_at)
SELECT DISTINCT ON (tenant_id, sha256) tenant_id, id, sha256, size, created_at FROM documents
WHERE content IS NOT NULL AND NOT EXISTS (SELECT 1 FROM files WHERE files.tenant_id = documents.tenant_id AND files.sha256 = documents.sha256)
ORDER BY tenant_id, sha256, id;
INSERT INTO pieces (tenant_id, file_id, number, content)
SELECT documents.tenant_id, documents.id, 0, substr(content, 1, 1048576) FROM documents
JOIN files ON files.tenant_id = documents.tenant_id AND files.id = documents.id WHERE length(content) > 0;
INSERT INTO pieces (tenant_id, file_id, number, content)
SELECT documents.tenant_id, documents.id, 1, substr(content, 1048577) FROM documents
JOIN files ON files.tenant_id = documents.tenant_id AND files.id = documents.id WHERE length(content) > 1048576;
UPDATE documents SET file_id = (SELECT files.id FROM files WHERE files.tenant_id = documents.tenant_id AND files.sha256 = documents.sha256)
WHERE content IS NOT NULL;
ALTER TABLE documents DROP COLUMN content;
CREATE INDEX documents_by_file_id ON documents (tenant_id, file_id);

ALTER TABLE documents FORCE ROW LEVEL SECURITY;
ALTER TABLE files FORCE ROW LEVEL SECURITY;
ALTER TABLE pieces FORCE ROW LEVEL SECURITY;
