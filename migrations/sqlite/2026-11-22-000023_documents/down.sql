DROP INDEX documents_by_file_id;
ALTER TABLE documents ADD COLUMN content BLOB;
UPDATE documents SET content = (
    SELECT unhex(group_concat(hex(pieces.content), '' ORDER BY number)) FROM pieces
    WHERE pieces.tenant_id = documents.tenant_id AND pieces.file_id = documents.file_id
) WHERE file_id IS NOT NULL;
ALTER TABLE documents DROP COLUMN file_id;
DROP INDEX files_by_sha256;
ALTER TABLE pieces RENAME TO import_pieces;
ALTER TABLE files RENAME TO import_files;
CREATE UNIQUE INDEX import_files_by_sha256 ON import_files (tenant_id, sha256);
