DROP TABLE import_mappings;
DROP TABLE import_rows;
DROP TABLE imports;
DROP TABLE import_pieces;
DROP TABLE import_files;
