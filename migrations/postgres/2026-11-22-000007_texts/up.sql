-- How many segments of text messages a day has cost. Whoever takes some holds the day's row until the commit, so that two never overspend.
CREATE TABLE text_days (
    tenant_id uuid NOT NULL,
    day date NOT NULL,
    segments bigint NOT NULL,
    PRIMARY KEY (tenant_id, day)
);

-- How many text messages a number was sent on a day; gone when the next day begins.
CREATE TABLE text_numbers (
    tenant_id uuid NOT NULL,
    day date NOT NULL,
    address text NOT NULL,
    messages integer NOT NULL,
    PRIMARY KEY (tenant_id, day, address)
);

-- Whose address it is that was suppressed.
CREATE INDEX contacts_by_lower_email ON contacts (tenant_id, lower(email));
CREATE INDEX contacts_by_phone ON contacts (tenant_id, phone);

GRANT SELECT, INSERT, UPDATE, DELETE ON text_days TO relance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON text_numbers TO relance_app;
ALTER TABLE text_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE text_days FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON text_days USING (tenant_id = relance_tenant());
ALTER TABLE text_numbers ENABLE ROW LEVEL SECURITY;
ALTER TABLE text_numbers FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON text_numbers USING (tenant_id = relance_tenant());
