-- When to look at an account again once its open reminder is done; empty where only a look can tell.
ALTER TABLE accounts ADD COLUMN foreseen_at TIMESTAMPTZ;
