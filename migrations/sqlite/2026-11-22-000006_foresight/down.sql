ALTER TABLE accounts DROP COLUMN foreseen_at;
