ALTER TABLE documents NO FORCE ROW LEVEL SECURITY;
ALTER TABLE pieces NO FORCE ROW LEVEL SECURITY;
DROP INDEX documents_by_file_id;
ALTER TABLE documents ADD COLUMN content bytea;
UPDATE documents SET content = (
    SELECT string_agg(pieces.content, ''::bytea ORDER BY number) FROM pieces
    WHERE pieces.tenant_id = documents.tenant_id AND pieces.file_id = documents.file_id
) WHERE file_id IS NOT NULL;
ALTER TABLE documents DROP COLUMN file_id;
ALTER TABLE documents FORCE ROW LEVEL SECURITY;
ALTER TABLE pieces FORCE ROW LEVEL SECURITY;
ALTER INDEX files_by_sha256 RENAME TO import_files_by_sha256;
ALTER TABLE pieces RENAME TO import_pieces;
ALTER TABLE files RENAME TO import_files;
