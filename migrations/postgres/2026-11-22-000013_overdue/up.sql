-- The creditor's day on which it was told that an invoice is overdue: told once, whatever becomes of it.
ALTER TABLE invoices ADD COLUMN overdue_told_on date;

-- Due dates up to this one have been looked at.
CREATE TABLE overdue_marks (
    tenant_id uuid NOT NULL,
    through date NOT NULL,
    PRIMARY KEY (tenant_id)
);

-- What was due at the last look, and why it was not said.
ALTER TABLE accounts ADD COLUMN suppressed jsonb;

GRANT SELECT, INSERT, UPDATE, DELETE ON overdue_marks TO relance_app;
ALTER TABLE overdue_marks ENABLE ROW LEVEL SECURITY;
ALTER TABLE overdue_marks FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON overdue_marks USING (tenant_id = relance_tenant());
