DROP TABLE publishable_keys;
DROP TABLE people;
DROP TABLE identity_providers;
ALTER TABLE api_keys DROP COLUMN networks;
ALTER TABLE api_keys DROP COLUMN role;
