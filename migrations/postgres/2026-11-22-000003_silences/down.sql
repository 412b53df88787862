DROP TABLE plan_instalments;
DROP TABLE plan_parts;
DROP TABLE payment_plans;
DROP TABLE promise_instalments;
DROP TABLE promises;
DROP TABLE direct_debits;
DROP TABLE disputes;
DROP TABLE holds;
