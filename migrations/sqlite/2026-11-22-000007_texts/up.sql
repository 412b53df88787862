-- How many segments of text messages a day has cost. Whoever takes some holds the day's row until the commit, so that two never overspend.
CREATE TABLE text_days (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    day TEXT NOT NULL,
    segments INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, day)
) STRICT;

-- How many text messages a number was sent on a day; gone when the next day begins.
CREATE TABLE text_numbers (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    day TEXT NOT NULL,
    address TEXT NOT NULL,
    messages INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, day, address)
) STRICT;

-- Whose address it is that was suppressed.
CREATE INDEX contacts_by_lower_email ON contacts (tenant_id, lower(email));
CREATE INDEX contacts_by_phone ON contacts (tenant_id, phone);
