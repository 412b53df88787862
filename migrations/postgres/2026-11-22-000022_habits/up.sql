-- The version in which an endpoint is told.
ALTER TABLE webhook_endpoints ADD COLUMN api_version text NOT NULL DEFAULT '2026-11-22';
ALTER TABLE webhook_endpoints ALTER COLUMN api_version DROP DEFAULT;

-- What names and numbers are looked for by, in the order of their bytes: of names without capitals and accents, as domain/search.rs has it; of numbers without capitals.
-- Of the names that are there it is generated once: an UPDATE would see no tenant's rows. From now on it is written with the name.
ALTER TABLE customers ADD COLUMN name_key text COLLATE "C" NOT NULL GENERATED ALWAYS AS (replace(replace(replace(replace(replace(replace(translate(lower(name COLLATE "C"), 'ÀÁÂÃÄÅàáâãäåÇçÈÉÊËèéêëÌÍÎÏìíîïÑñÒÓÔÕÖØòóôõöøÙÚÛÜùúûüÝŸýÿ', 'aaaaaaaaaaaacceeeeeeeeiiiiiiiinnoooooooooooouuuuuuuuyyyy'), 'Æ', 'ae'), 'æ', 'ae'), 'Œ', 'oe'), 'œ', 'oe'), 'ẞ', 'ss'), 'ß', 'ss')) STORED;
ALTER TABLE customers ALTER COLUMN name_key DROP EXPRESSION;
ALTER TABLE customers ADD COLUMN number_key text COLLATE "C" GENERATED ALWAYS AS (lower(number COLLATE "C")) STORED;
ALTER TABLE invoices ADD COLUMN number_key text COLLATE "C" GENERATED ALWAYS AS (lower(number COLLATE "C")) STORED;
ALTER TABLE invoices ADD COLUMN external_key text COLLATE "C" GENERATED ALWAYS AS (lower(external_id COLLATE "C")) STORED;
DROP INDEX customers_by_name;
CREATE INDEX customers_by_name_key ON customers (tenant_id, name_key, id);
CREATE INDEX customers_by_number_key ON customers (tenant_id, number_key) WHERE number_key IS NOT NULL;
DROP INDEX invoices_by_number;
CREATE INDEX invoices_by_number_key ON invoices (tenant_id, number_key);
CREATE INDEX invoices_by_external_key ON invoices (tenant_id, external_key) WHERE external_key IS NOT NULL;

-- The orders in which lists are read.
CREATE INDEX settlements_by_kind_amount ON settlements (tenant_id, kind, amount_minor, id);
CREATE INDEX promises_by_due_on ON promises (tenant_id, due_on, id);
CREATE INDEX disputes_by_respond_by ON disputes (tenant_id, COALESCE(respond_by, '9999-12-31'), id);
CREATE INDEX tasks_by_due_at_id ON tasks (tenant_id, due_at, id);
CREATE INDEX direct_debits_by_collect_on ON direct_debits (tenant_id, collect_on, id);

-- What became of the requests of an Idempotency-Key.
CREATE INDEX requests_by_key_digest ON requests (tenant_id, key_digest, id) WHERE key_digest IS NOT NULL;
