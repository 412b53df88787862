ALTER TABLE accounts DROP COLUMN suppressed;
DROP TABLE overdue_marks;
ALTER TABLE invoices DROP COLUMN overdue_told_on;
