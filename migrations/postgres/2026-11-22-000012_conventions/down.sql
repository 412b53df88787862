DROP TABLE requests;
DROP INDEX settlements_by_kind_settled_on;
DROP INDEX customers_by_name;
DROP INDEX instalments_first_by_due_date;
