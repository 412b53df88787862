DROP TABLE solvency_checks;
DROP TABLE credit_decisions;
DROP TABLE guarantees;
DROP TABLE credit_limits;
DROP TABLE score_history;
DROP TABLE credit_profiles;
DROP TABLE payment_habits;
ALTER TABLE customers DROP COLUMN company;
