ALTER TABLE contacts DROP COLUMN is_of_source;
