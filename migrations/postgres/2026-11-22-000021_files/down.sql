DROP INDEX settlements_by_source_amount;
DROP INDEX direct_debits_by_reference;
DROP INDEX customers_by_lower_name;
DROP TABLE payer_accounts;
DROP INDEX invoices_by_balance;
DROP INDEX invoices_by_bare_reference;
DROP INDEX invoices_by_bare_number;
ALTER TABLE invoices DROP COLUMN bare_reference;
ALTER TABLE invoices DROP COLUMN bare_number;
