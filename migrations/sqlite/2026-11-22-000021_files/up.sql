-- What payers may quote of an invoice: letters and digits alone, in capitals; none where a text would quote it by chance.
ALTER TABLE invoices ADD COLUMN bare_number TEXT;
ALTER TABLE invoices ADD COLUMN bare_reference TEXT;
WITH RECURSIVE spelt (tenant_id, id, rest, bare, digits) AS (
    SELECT tenant_id, id, number, '', 0 FROM invoices
    UNION ALL
    SELECT tenant_id, id, substr(rest, 2), bare || CASE WHEN rest GLOB '[A-Za-z0-9]*' THEN upper(substr(rest, 1, 1)) ELSE '' END, digits + (rest GLOB '[0-9]*')
    FROM spelt WHERE rest <> ''
)
UPDATE invoices SET bare_number = bare FROM spelt WHERE invoices.tenant_id = spelt.tenant_id AND invoices.id = spelt.id AND rest = '' AND digits >= 3 AND length(bare) <= 40;
WITH RECURSIVE spelt (tenant_id, id, rest, bare, digits) AS (
    SELECT tenant_id, id, structured_reference, '', 0 FROM invoices WHERE structured_reference IS NOT NULL
    UNION ALL
    SELECT tenant_id, id, substr(rest, 2), bare || CASE WHEN rest GLOB '[A-Za-z0-9]*' THEN upper(substr(rest, 1, 1)) ELSE '' END, digits + (rest GLOB '[0-9]*')
    FROM spelt WHERE rest <> ''
)
UPDATE invoices SET bare_reference = bare FROM spelt WHERE invoices.tenant_id = spelt.tenant_id AND invoices.id = spelt.id AND rest = '' AND digits >= 3 AND length(bare) <= 40;
CREATE INDEX invoices_by_bare_number ON invoices (tenant_id, bare_number) WHERE bare_number IS NOT NULL;
CREATE INDEX invoices_by_bare_reference ON invoices (tenant_id, bare_reference) WHERE bare_reference IS NOT NULL;
CREATE INDEX invoices_by_balance ON invoices (tenant_id, currency, balance_minor, id) WHERE status = 'open';

-- Whose payments came from which account.
CREATE TABLE payer_accounts (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    iban TEXT NOT NULL,
    customer_id BLOB NOT NULL CHECK (length(customer_id) = 16),
    last_paid_on TEXT NOT NULL,
    PRIMARY KEY (tenant_id, iban, customer_id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
) STRICT;

CREATE INDEX customers_by_lower_name ON customers (tenant_id, lower(name));
CREATE INDEX direct_debits_by_reference ON direct_debits (tenant_id, reference) WHERE state = 'announced';
CREATE INDEX settlements_by_source_amount ON settlements (tenant_id, source, currency, amount_minor, id) WHERE source IS NOT NULL;
