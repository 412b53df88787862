-- The first day of a hold that does not begin at once.
ALTER TABLE holds ADD COLUMN starts_on TEXT;

-- The task in which a debtor contested. SQLite adds no foreign key to a table that exists: tasks are ended and never removed.
ALTER TABLE disputes ADD COLUMN task_id BLOB CHECK (length(task_id) = 16);

-- The last day on which a plan was being kept: interest goes on after it.
ALTER TABLE payment_plans ADD COLUMN ended_on TEXT;
UPDATE payment_plans SET ended_on = breached_on WHERE state = 'broken';
