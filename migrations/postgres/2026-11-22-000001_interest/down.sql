DROP TABLE charge_allocations;
DROP TABLE charges;
DROP TABLE reference_rates;
ALTER TABLE invoices DROP COLUMN fixed_sum;
ALTER TABLE invoices DROP COLUMN late_interest;
ALTER TABLE customers DROP COLUMN interest;
