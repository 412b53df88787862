-- What payers may quote of an invoice: letters and digits alone, in capitals; none where a text would quote it by chance.
ALTER TABLE invoices ADD COLUMN bare_number text;
ALTER TABLE invoices ADD COLUMN bare_reference text;
-- Of all tenants: the owner of the table is not to be held to one.
ALTER TABLE invoices NO FORCE ROW LEVEL SECURITY;
UPDATE invoices SET bare_number = upper(regexp_replace(number, '[^A-Za-z0-9]', '', 'g'))
WHERE length(regexp_replace(number, '[^0-9]', '', 'g')) >= 3 AND length(regexp_replace(number, '[^A-Za-z0-9]', '', 'g')) <= 40;
UPDATE invoices SET bare_reference = upper(regexp_replace(structured_reference, '[^A-Za-z0-9]', '', 'g'))
WHERE length(regexp_replace(structured_reference, '[^0-9]', '', 'g')) >= 3 AND length(regexp_replace(structured_reference, '[^A-Za-z0-9]', '', 'g')) <= 40;
ALTER TABLE invoices FORCE ROW LEVEL SECURITY;
CREATE INDEX invoices_by_bare_number ON invoices (tenant_id, bare_number) WHERE bare_number IS NOT NULL;
CREATE INDEX invoices_by_bare_reference ON invoices (tenant_id, bare_reference) WHERE bare_reference IS NOT NULL;
CREATE INDEX invoices_by_balance ON invoices (tenant_id, currency, balance_minor, id) WHERE status = 'open';

-- Whose payments came from which account.
CREATE TABLE payer_accounts (
    tenant_id uuid NOT NULL,
    iban text NOT NULL,
    customer_id uuid NOT NULL,
    last_paid_on date NOT NULL,
    PRIMARY KEY (tenant_id, iban, customer_id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
);

CREATE INDEX customers_by_lower_name ON customers (tenant_id, lower(name));
CREATE INDEX direct_debits_by_reference ON direct_debits (tenant_id, reference) WHERE state = 'announced';
CREATE INDEX settlements_by_source_amount ON settlements (tenant_id, source, currency, amount_minor, id) WHERE source IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON payer_accounts TO relance_app;
ALTER TABLE payer_accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE payer_accounts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON payer_accounts USING (tenant_id = relance_tenant());
