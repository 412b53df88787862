-- The first day of a hold that does not begin at once.
ALTER TABLE holds ADD COLUMN starts_on date;

-- The task in which a debtor contested. SQLite adds no foreign key to a table that exists, so neither does this: tasks are ended and never removed.
ALTER TABLE disputes ADD COLUMN task_id uuid;

-- The last day on which a plan was being kept: interest goes on after it.
ALTER TABLE payment_plans ADD COLUMN ended_on date;
UPDATE payment_plans SET ended_on = breached_on WHERE state = 'broken';
