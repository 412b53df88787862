-- Whether the customer's own source tells of this person: what it tells next is of the same one.
ALTER TABLE contacts ADD COLUMN is_of_source INTEGER NOT NULL DEFAULT 0;
