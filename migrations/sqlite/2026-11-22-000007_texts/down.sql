DROP INDEX contacts_by_phone;
DROP INDEX contacts_by_lower_email;
DROP TABLE text_numbers;
DROP TABLE text_days;
