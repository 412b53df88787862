ALTER TABLE payment_plans DROP COLUMN ended_on;
ALTER TABLE disputes DROP COLUMN task_id;
ALTER TABLE holds DROP COLUMN starts_on;
