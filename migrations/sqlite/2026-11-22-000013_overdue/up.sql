-- The creditor's day on which it was told that an invoice is overdue: told once, whatever becomes of it.
ALTER TABLE invoices ADD COLUMN overdue_told_on TEXT;

-- Due dates up to this one have been looked at.
CREATE TABLE overdue_marks (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    through TEXT NOT NULL,
    PRIMARY KEY (tenant_id)
) STRICT;

-- What was due at the last look, and why it was not said.
ALTER TABLE accounts ADD COLUMN suppressed TEXT;
