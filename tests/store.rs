//! The two schemas and the second wall, read from the databases' own catalogues; and what a start refuses.

use std::collections::{BTreeMap, BTreeSet};

use diesel::{RunQueryDsl, sql_query};
use relance::{
    domain::ids::TenantId,
    each,
    error::Error,
    store::{DatabaseUrl, Db, migrations},
};

use crate::support::database::{self, Column, Database, Owner};

fn sqlite() -> (Database, Owner) {
    let database = database::sqlite();
    let url: DatabaseUrl = database.url.parse().unwrap();
    migrations::migrate(&url).unwrap();
    let owner = Owner::of(&url);
    (database, owner)
}

fn postgres() -> Option<(Database, Owner)> {
    let database = database::postgres()?;
    let owner = Owner::of(&database.url.parse().unwrap());
    Some((database, owner))
}

/// How one column type of PostgreSQL is kept by SQLite and seen by diesel: the table of `store/types.rs`.
const TYPES: [(&str, &str, &str); 9] = [
    ("uuid", "BLOB", "DbUuid"),
    ("timestamptz", "INTEGER", "UtcTs"),
    ("jsonb", "TEXT", "DbJson"),
    ("text", "TEXT", "Text"),
    ("date", "TEXT", "Date"),
    ("int8", "INTEGER", "BigInt"),
    ("int4", "INTEGER", "Integer"),
    ("bool", "INTEGER", "Bool"),
    ("bytea", "BLOB", "Binary"),
];

fn schema(owner: &mut Owner) -> Vec<(String, Vec<Column>)> {
    owner.tables().into_iter().map(|table| (table.clone(), owner.columns(&table))).collect()
}

fn translated(kind: &str, to: impl Fn(&(&'static str, &'static str, &'static str)) -> &'static str) -> String {
    to(TYPES.iter().find(|(postgres, ..)| *postgres == kind).unwrap_or_else(|| panic!("{kind} is in no row of the type map"))).to_owned()
}

#[test]
fn both_migrations_make_the_same_tables() {
    let Some((_database, mut pg)) = postgres() else { return };
    let (_folder, mut lite) = sqlite();
    let expected: Vec<(String, Vec<Column>)> = schema(&mut pg)
        .into_iter()
        .map(|(table, columns)| {
            let columns = columns.into_iter().map(|column| Column { kind: translated(&column.kind, |row| row.1), ..column });
            (table, columns.collect())
        })
        .collect();
    assert_eq!(schema(&mut lite), expected);
}

#[test]
fn diesel_sees_the_tables_that_the_migrations_make() {
    let Some((_database, mut pg)) = postgres() else { return };
    // To diesel, a table may be several, each with some of its columns.
    let mut seen = BTreeMap::<String, BTreeSet<Column>>::new();
    let (mut table, mut of) = (String::new(), None);
    for line in include_str!("../src/store/schema.rs").lines().map(str::trim) {
        if let Some((name, kind)) = line.strip_suffix(',').and_then(|line| line.split_once(" -> ")) {
            let plain = kind.strip_prefix("Nullable<").and_then(|kind| kind.strip_suffix('>'));
            let column = Column { name: name.to_owned(), kind: plain.unwrap_or(kind).to_owned(), nullable: plain.is_some() };
            seen.get_mut(&table).unwrap().insert(column);
        } else if let Some(name) = line.strip_prefix("#[sql_name = \"").and_then(|line| line.strip_suffix("\"]")) {
            of = Some(name);
        } else if let Some((name, key)) = line.strip_suffix(") {").and_then(|line| line.split_once(" (")) {
            assert!(key.starts_with("tenant_id"), "{name}");
            of.take().unwrap_or(name).clone_into(&mut table);
            seen.entry(table.clone()).or_default();
        }
    }
    let expected: BTreeMap<String, BTreeSet<Column>> = schema(&mut pg)
        .into_iter()
        .map(|(table, columns)| {
            (table, columns.into_iter().map(|column| Column { kind: translated(&column.kind, |row| row.2), ..column }).collect())
        })
        .collect();
    assert_eq!(seen, expected);
}

/// What one batch of a run asks for, of however many customers.
const OF_A_BATCH: [&str; 30] = [
    "instalments i JOIN invoices v ON v.tenant_id = i.tenant_id AND v.id = i.invoice_id WHERE i.tenant_id = ?1 AND i.customer_id IN (?2, ?3, ?4) AND i.balance_minor > 0",
    "settlements WHERE tenant_id = ?1 AND customer_id IN (?2, ?3, ?4) AND unallocated_minor > 0",
    "reminders WHERE tenant_id = ?1 AND customer_id IN (?2, ?3, ?4) AND (state IN (?5, ?6) OR completed_at >= ?7)",
    "tasks WHERE tenant_id = ?1 AND customer_id IN (?2, ?3, ?4) AND state = ?5 AND kind = ?6",
    "holds WHERE tenant_id = ?1 AND customer_id IN (?2, ?3, ?4) AND lifted_at IS NULL AND (until IS NULL OR until >= ?5)",
    "disputes WHERE tenant_id = ?1 AND customer_id IN (?2, ?3, ?4) AND state = ?5",
    "direct_debits WHERE tenant_id = ?1 AND customer_id IN (?2, ?3, ?4) AND state = ?5",
    "promises WHERE tenant_id = ?1 AND customer_id IN (?2, ?3, ?4) AND (state = ?5 OR (ends_on >= ?6 AND state <> ?7))",
    "payment_plans WHERE tenant_id = ?1 AND customer_id IN (?2, ?3, ?4) AND (state = ?5 OR (ends_on >= ?6 AND state IN (?7, ?8)))",
    "promise_instalments c JOIN allocations a ON a.tenant_id = c.tenant_id AND a.instalment_id = c.instalment_id JOIN settlements s ON s.tenant_id = a.tenant_id AND s.id = a.settlement_id WHERE c.tenant_id = ?1 AND c.promise_id IN (?2, ?3)",
    "reminders WHERE tenant_id = ?1 AND customer_id IN (?2, ?3) AND step_key IN (?4, ?5) AND state <> ?6",
    "tasks WHERE tenant_id = ?1 AND customer_id IN (?2, ?3, ?4) AND kind = ?5 AND (state = ?6 OR completed_at >= ?7)",
    "payment_habits WHERE tenant_id = ?1 AND customer_id IN (?2, ?3, ?4) ORDER BY customer_id, currency",
    "credit_profiles WHERE tenant_id = ?1 AND customer_id IN (?2, ?3, ?4)",
    "credit_limits WHERE tenant_id = ?1 AND customer_id IN (?2, ?3, ?4)",
    "credit_decisions WHERE tenant_id = ?1 AND customer_id IN (?2, ?3, ?4) AND reservation = 'held'",
    "guarantees WHERE tenant_id = ?1 AND customer_id IN (?2, ?3, ?4) AND released_at IS NULL",
    "solvency_checks WHERE tenant_id = ?1 AND customer_id IN (?2, ?3, ?4) AND state = ?5",
    "contacts WHERE tenant_id = ?1 AND customer_id IN (?2, ?3, ?4) ORDER BY customer_id, position, id",
    "suppressions WHERE tenant_id = ?1 AND channel IN ('email', 'sms') AND address IN (?2, ?3, ?4) AND lifted_at IS NULL",
    "customers WHERE tenant_id = ?1 AND id IN (?2, ?3, ?4)",
    "invoices WHERE tenant_id = ?1 AND source = ?2 AND external_id IN (?3, ?4, ?5)",
    "invoices WHERE tenant_id = ?1 AND customer_id = ?2 ORDER BY id LIMIT 50",
    "invoices WHERE tenant_id = ?1 AND bare_number IN (?2, ?3) AND status = 'open'",
    "invoices WHERE tenant_id = ?1 AND bare_reference IN (?2, ?3) AND status = 'open'",
    "invoices WHERE tenant_id = ?1 AND currency = ?2 AND balance_minor = ?3 AND status = 'open' ORDER BY id LIMIT 5",
    "payer_accounts WHERE tenant_id = ?1 AND iban IN (?2, ?3) ORDER BY iban, customer_id",
    "direct_debits WHERE tenant_id = ?1 AND reference IN (?2, ?3) AND state = 'announced'",
    "customers WHERE tenant_id = ?1 AND lower(name) IN (?2, ?3)",
    "settlements WHERE tenant_id = ?1 AND kind = ?2 AND source = ?3 AND currency = ?4 AND amount_minor = ?5 ORDER BY id DESC LIMIT 500",
];

/// A line of SQLite's plan.
#[derive(diesel::QueryableByName)]
struct Way {
    #[diesel(sql_type = diesel::sql_types::Text)]
    detail: String,
}

/// A run costs what is due: SQLite is told enough to look customers up, rather than read all that a tenant has.
#[test]
fn sqlite_never_reads_a_tenant_for_a_batch() {
    let (_database, owner) = sqlite();
    let Owner::Sqlite(mut conn) = owner else { panic!("not SQLite") };
    for query in OF_A_BATCH {
        let ways: Vec<Way> = sql_query(format!("EXPLAIN QUERY PLAN SELECT * FROM {query}")).load(&mut conn).unwrap();
        for way in ways {
            assert!(way.detail.contains("tenant_id=? AND "), "{query}: {}", way.detail);
        }
    }
}

/// Pages of lists, each in an order that has an index: from a place on, and not sorted anew.
const OF_A_LIST: [&str; 9] = [
    "customers WHERE tenant_id = ?1 AND name_key >= ?2 AND (name_key > ?2 OR id > ?3) ORDER BY name_key, id LIMIT 50",
    "settlements WHERE tenant_id = ?1 AND kind = ?2 AND amount_minor <= ?3 AND (amount_minor < ?3 OR id < ?4) ORDER BY amount_minor DESC, id DESC LIMIT 50",
    "promises WHERE tenant_id = ?1 AND due_on >= ?2 AND (due_on > ?2 OR id > ?3) ORDER BY due_on, id LIMIT 50",
    "disputes WHERE tenant_id = ?1 AND COALESCE(disputes.respond_by, '9999-12-31') >= ?2 ORDER BY COALESCE(disputes.respond_by, '9999-12-31'), id LIMIT 50",
    "tasks WHERE tenant_id = ?1 AND due_at >= ?2 AND (due_at > ?2 OR id > ?3) ORDER BY due_at, id LIMIT 50",
    "direct_debits WHERE tenant_id = ?1 AND collect_on <= ?2 AND (collect_on < ?2 OR id < ?3) ORDER BY collect_on DESC, id DESC LIMIT 50",
    "invoices WHERE tenant_id = ?1 AND number_key >= ?2 AND number_key < ?3",
    "requests WHERE tenant_id = ?1 AND id >= ?2 AND key_digest = ?3 ORDER BY id DESC LIMIT 50",
    "invoices WHERE tenant_id = ?1 AND external_key >= ?2 AND external_key < ?3",
];

#[test]
fn sqlite_reads_lists_in_their_order() {
    let (_database, owner) = sqlite();
    let Owner::Sqlite(mut conn) = owner else { panic!("not SQLite") };
    for query in OF_A_LIST {
        let ways: Vec<Way> = sql_query(format!("EXPLAIN QUERY PLAN SELECT * FROM {query}")).load(&mut conn).unwrap();
        let told: Vec<&str> = ways.iter().map(|way| way.detail.as_str()).collect();
        assert!(told.len() == 1 && told[0].contains("tenant_id=? AND "), "{query}: {told:?}");
    }
}

#[test]
fn every_key_begins_with_the_tenant() {
    let (_folder, mut lite) = sqlite();
    let mut checked = 0;
    for table in lite.tables() {
        let first = |owner: &mut Owner, sql: String| owner.texts(&sql);
        let primary = first(&mut lite, format!("SELECT name AS value FROM pragma_table_info('{table}') WHERE pk = 1"));
        assert_eq!(primary, ["tenant_id"], "{table}");
        for index in first(&mut lite, format!("SELECT name AS value FROM pragma_index_list('{table}')")) {
            let column = first(&mut lite, format!("SELECT name AS value FROM pragma_index_info('{index}') WHERE seqno = 0"));
            assert_eq!(column, ["tenant_id"], "{table}: {index}");
            checked += 1;
        }
        let keys = format!("SELECT \"from\" || ' ' || \"to\" AS value FROM pragma_foreign_key_list('{table}') WHERE seq = 0");
        assert!(first(&mut lite, keys).iter().all(|key| key == "tenant_id tenant_id"), "{table}");
    }
    assert!(checked > 50, "{checked}");
    let Some((_database, mut pg)) = postgres() else { return };
    let stray = pg.texts(
        "SELECT i.indexrelid::regclass::text AS value FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid \
         JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[0] \
         WHERE t.relnamespace = 'public'::regnamespace AND t.relname NOT LIKE '\\_\\_%' AND a.attname <> 'tenant_id' \
         UNION ALL SELECT conname::text FROM pg_constraint c \
         JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = c.confkey[1] \
         WHERE c.contype = 'f' AND (a.attname <> 'tenant_id' OR b.attname <> 'tenant_id') \
         UNION ALL SELECT relname::text FROM pg_class t WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname NOT LIKE '\\_\\_%' \
         AND NOT EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = t.oid AND i.indisprimary)",
    );
    assert_eq!(stray, Vec::<String>::new());
}

#[test]
fn row_level_security_is_forced_on_every_table_and_binds_the_application() {
    let Some((_database, mut pg)) = postgres() else { return };
    let tables = pg.tables();
    let bound = pg.texts(
        "SELECT c.relname::text AS value FROM pg_class c WHERE c.relkind = 'r' AND c.relrowsecurity AND c.relforcerowsecurity \
         AND EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = '*') ORDER BY 1",
    );
    assert_eq!(bound, tables);
    let powers = "SELECT concat_ws(' ', rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin) AS value FROM pg_roles WHERE rolname = 'relance_app'";
    assert_eq!(pg.texts(powers), ["f f f f f"]);
    let owned = "SELECT relname::text AS value FROM pg_class WHERE relowner = 'relance_app'::regrole UNION ALL SELECT proname::text FROM pg_proc WHERE proowner = 'relance_app'::regrole \
                 UNION ALL SELECT nspname::text FROM pg_namespace WHERE nspowner = 'relance_app'::regrole";
    assert_eq!(pg.texts(owned), Vec::<String>::new());
    let above = "SELECT tablename || ' ' || privilege_type AS value FROM pg_tables JOIN information_schema.table_privileges ON table_name = tablename \
                 WHERE grantee = 'relance_app' AND privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')";
    assert_eq!(pg.texts(above), Vec::<String>::new());
}

/// A row of `tenant` with something in every column.
fn row(columns: &[Column], tenant: TenantId) -> (String, String) {
    let value = |column: &Column| match (column.name.as_str(), column.kind.as_str()) {
        ("tenant_id", _) => format!("'{}'", tenant.uuid()),
        (_, "uuid") => "gen_random_uuid()".to_owned(),
        (_, "timestamptz") => "now()".to_owned(),
        (_, "date") => "current_date".to_owned(),
        (_, "jsonb") => "'[]'".to_owned(),
        (_, "text") => "gen_random_uuid()::text".to_owned(),
        (_, "int8" | "int4") => "(random() * 1000000)::int".to_owned(),
        (_, "bool") => "true".to_owned(),
        (_, "bytea") => "sha256(random()::text::bytea)".to_owned(),
        other => panic!("what is written into {other:?}?"),
    };
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    (names.join(", "), columns.iter().map(value).collect::<Vec<_>>().join(", "))
}

#[test]
fn another_tenant_sees_nothing_and_writes_nothing() {
    let Some((database, mut pg)) = postgres() else { return };
    let db = Db::open(&database.url.parse().unwrap(), 2).unwrap();
    let [mine, other] = [2, 4].map(|n| TenantId::from_uuid(uuid::Uuid::from_u128(0x0191_0000_0000_7000_8000_0000_0000_0000 + n)));
    let run = |tenant: TenantId, sql: &str| {
        db.write_now(tenant, |conn| each!(conn, |c| sql_query(sql).execute(c)).map_err(|error| Error::Internal(error.to_string())))
    };
    for (table, columns) in schema(&mut pg) {
        let (names, values) = row(&columns, mine);
        let insert = format!("INSERT INTO {table} ({names}) VALUES ({values})");
        pg.run(&insert);
        let touched = |tenant| run(tenant, &format!("SELECT * FROM {table}")).unwrap_or_else(|error| panic!("{table}: {error}"));
        assert_eq!((touched(mine), touched(other)), (1, 0), "{table}");
        let why = run(other, &insert).expect_err(&table).to_string();
        assert!(why.contains("row-level security"), "{table}: {why}");
        for sql in [format!("UPDATE {table} SET tenant_id = tenant_id"), format!("DELETE FROM {table}")] {
            match run(other, &sql) {
                Ok(rows) => assert_eq!(rows, 0, "{sql}"),
                Err(error) => assert!(error.to_string().contains("permission denied"), "{sql}: {error}"),
            }
        }
    }
}

/// Why a start is refused.
fn refusal(url: &str) -> String {
    match url.parse::<DatabaseUrl>() {
        Ok(url) => Db::open(&url, 2).expect_err("the start must be refused"),
        Err(why) => why,
    }
}

fn assert_says(why: &str, words: &[&str]) {
    let missing: BTreeSet<_> = words.iter().filter(|word| !why.contains(**word)).collect();
    assert!(missing.is_empty(), "{why:?} does not say {missing:?}");
}

#[test]
fn a_mistyped_address_is_refused_with_the_cure() {
    for (url, word) in [
        ("relance.db", "no scheme"),
        ("mysql://localhost/relance", "unknown scheme \"mysql\""),
        ("postgres://localhost", "names no database"),
        ("sqlite:", "names no file"),
        ("sqlite::memory:", "in memory would forget"),
        ("sqlite:relance.db?mode=ro", "takes no parameters"),
    ] {
        assert_says(&refusal(url), &["the database URL is wrong", word, "write sqlite:relance.db, or postgres://"]);
    }
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("absent/relance.db");
    assert_says(
        &refusal(&format!("sqlite:{}", missing.display())),
        &["the folder of the database", "does not exist; create", "absent first"],
    );
    assert_says(&refusal(&format!("sqlite:{}", folder.path().display())), &["is a folder; name a file in it"]);
    assert!(!missing.exists());
}

#[test]
fn a_database_of_another_schema_is_refused() {
    let unmigrated = "the database is not migrated to this binary's schema; run: relance migrate";
    let newer = ["the database has the migration 99991231000000, which this binary does not know", "newer relance"];
    let add = "INSERT INTO __diesel_schema_migrations (version) VALUES ('99991231000000')";
    let remove = "DELETE FROM __diesel_schema_migrations";
    assert_says(&refusal(&database::empty_sqlite().url), &[unmigrated]);
    let mut all = vec![sqlite()];
    all.extend(postgres());
    for (database, mut owner) in all {
        owner.run(add);
        assert_says(&refusal(&database.url), &newer);
        owner.run(remove);
        assert_says(&refusal(&database.url), &[unmigrated]);
    }
    if let Some(empty) = database::empty_postgres() {
        // The role is the server's, so it may be there already: by another database.
        let why = refusal(&empty.url);
        assert!(why.contains(unmigrated) || why.contains("relance_app"), "{why}");
    }
}

#[test]
fn a_server_that_could_lose_what_was_acknowledged_is_refused() {
    let Some((database, mut pg)) = postgres() else { return };
    let name = database.url.rsplit('/').next().unwrap();
    pg.run(&format!("ALTER DATABASE {name} SET synchronous_commit = off"));
    assert_says(&refusal(&database.url), &["synchronous_commit = off", "an acknowledged change could be lost; set it to on"]);
}

#[test]
fn a_user_without_the_grant_is_refused() {
    let Some((database, mut pg)) = postgres() else { return };
    let stranger = format!("stranger_{}", std::process::id());
    pg.run(&format!("CREATE ROLE {stranger} LOGIN"));
    let mut url = url::Url::parse(&database.url).unwrap();
    url.set_username(&stranger).unwrap();
    assert_says(&refusal(url.as_str()), &["cannot open the database at", "permission denied to set role \"relance_app\""]);
    pg.run(&format!("DROP ROLE {stranger}"));
}
