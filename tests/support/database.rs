//! A database per test: a file for SQLite, a copy of a migrated template for PostgreSQL.

use std::sync::{
    Mutex, OnceLock,
    atomic::{AtomicU32, Ordering},
};

use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection, connection::SimpleConnection, sql_query, sql_types::Text,
};
use relance::store::{DatabaseUrl, migrations::migrate};

/// A database that is nobody else's until the test is over.
pub struct Database {
    pub url: String,
    _folder: Option<tempfile::TempDir>,
    /// Its name on the server, and whether another test may have it afterwards.
    name: Option<(String, bool)>,
}

/// PostgreSQL's databases of tests that are over. To make one anew is to copy a thousand files, so the next test takes one of these, emptied.
static USED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// What a test may have changed of a database beside its rows, and whether these have made it large.
const SHAPE: &str = "SELECT md5(string_agg(part, ' ' ORDER BY part)) AS value FROM (
    SELECT concat_ws(' ', relname, relkind, relnatts, relacl, relrowsecurity, relforcerowsecurity) AS part FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', tgrelid::regclass, tgname, tgenabled) FROM pg_trigger
    UNION ALL SELECT concat_ws(' ', polrelid::regclass, polname, polcmd) FROM pg_policy
    UNION ALL SELECT concat_ws(' ', setconfig) FROM pg_db_role_setting WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
    UNION ALL SELECT version FROM __diesel_schema_migrations
    UNION ALL SELECT (pg_database_size(current_database()) > 50000000)::text
) AS parts";

/// A migrated file.
pub fn sqlite() -> Database {
    static MIGRATED: OnceLock<Vec<u8>> = OnceLock::new();
    let migrated = MIGRATED.get_or_init(|| {
        let first = empty_sqlite();
        migrate(&first.url.parse().unwrap()).unwrap();
        std::fs::read(first.path()).unwrap()
    });
    let database = empty_sqlite();
    std::fs::write(database.path(), migrated).unwrap();
    database
}

/// A file that is not there yet.
pub fn empty_sqlite() -> Database {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("relance.db").display());
    Database { url, _folder: Some(folder), name: None }
}

/// `None`, and a line that says so, where no server is given: `make test` starts one.
pub fn postgres() -> Option<Database> {
    let Some(server) = server() else {
        assert!(std::env::var_os("CI").is_none(), "CI must give RELANCE_TEST_POSTGRES");
        println!("skipped: RELANCE_TEST_POSTGRES is not set");
        return None;
    };
    let template = template(&server);
    loop {
        let Some(used) = USED.lock().unwrap().pop() else { return Some(copy_of(&server, &template.name, true)) };
        if let Some(database) = emptied(&server, &used, &template.shape) {
            return Some(database);
        }
    }
}

/// A database on the server that nobody has migrated.
pub fn empty_postgres() -> Option<Database> {
    server().map(|server| copy_of(&server, "template0", false))
}

fn server() -> Option<String> {
    std::env::var("RELANCE_TEST_POSTGRES").ok()
}

fn copy_of(server: &str, template: &str, again: bool) -> Database {
    let name = new_name();
    admin(server).batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}")).unwrap();
    named(server, name, again)
}

fn named(server: &str, name: String, again: bool) -> Database {
    Database { url: format!("{server}/{name}"), _folder: None, name: Some((name, again)) }
}

fn new_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("relance_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A database of a test that is over, without its rows; `None`, and it is gone, where more than rows has changed.
fn emptied(server: &str, used: &str, shape: &str) -> Option<Database> {
    let (mut admin, other) = (admin(server), new_name());
    // Whoever still knows it by its old name finds nothing.
    let renamed = (0..10).any(|_| {
        let ended = admin.batch_execute(&format!("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{used}'"));
        ended.and_then(|()| admin.batch_execute(&format!("ALTER DATABASE {used} RENAME TO {other}"))).is_ok()
    });
    let name = if renamed { &other } else { used };
    let mut owner = Owner::of(&format!("{server}/{name}").parse().unwrap());
    if renamed && shape_of(&mut owner) == shape {
        let rows: Vec<_> = owner.tables().iter().map(|table| format!("DELETE FROM {table}")).collect();
        owner.run(&rows.join(";"));
        return Some(named(server, name.to_owned(), true));
    }
    admin.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).unwrap();
    None
}

fn shape_of(owner: &mut Owner) -> String {
    owner.texts(SHAPE).remove(0)
}

struct Template {
    name: String,
    shape: String,
}

/// Migrated once per run of the tests.
fn template(server: &str) -> &'static Template {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let name = format!("relance_template_{}", std::process::id());
        admin(server).batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
        let url = format!("{server}/{name}").parse().unwrap();
        migrate(&url).unwrap();
        Template { name, shape: shape_of(&mut Owner::of(&url)) }
    })
}

#[expect(clippy::disallowed_methods, reason = "databases are made outside the application")]
fn admin(server: &str) -> PgConnection {
    PgConnection::establish(&format!("{server}/postgres")).unwrap()
}

impl Database {
    fn path(&self) -> &str {
        self.url.trim_start_matches("sqlite:")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        match (self.name.take(), server()) {
            (Some((name, true)), _) => USED.lock().unwrap().push(name),
            // Left behind only when the server is already gone.
            (Some((name, false)), Some(server)) => {
                drop(admin(&server).batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")))
            }
            _ => {}
        }
    }
}

/// Whoever owns the tables: bound by no trigger, grant or policy.
pub enum Owner {
    Pg(PgConnection),
    Sqlite(SqliteConnection),
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    value: String,
}

impl Owner {
    #[expect(clippy::disallowed_methods, reason = "the owner comes in behind the application's back")]
    pub fn of(url: &DatabaseUrl) -> Self {
        match url {
            DatabaseUrl::Postgres(url) => {
                let mut pg = PgConnection::establish(url).unwrap();
                pg.batch_execute("SET session_replication_role = replica; SET TIME ZONE 'UTC'").unwrap();
                Self::Pg(pg)
            }
            DatabaseUrl::Sqlite(path) => {
                let mut sqlite = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
                sqlite.batch_execute("PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF").unwrap();
                Self::Sqlite(sqlite)
            }
        }
    }

    pub fn try_run(&mut self, sql: &str) -> Result<(), diesel::result::Error> {
        match self {
            Self::Pg(pg) => pg.batch_execute(sql),
            Self::Sqlite(sqlite) => sqlite.batch_execute(sql),
        }
    }

    #[track_caller]
    pub fn run(&mut self, sql: &str) {
        self.try_run(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The texts of a query's only column, which is named `value`.
    #[track_caller]
    pub fn texts(&mut self, sql: &str) -> Vec<String> {
        let rows: Result<Vec<Line>, _> = match self {
            Self::Pg(pg) => sql_query(sql).load(pg),
            Self::Sqlite(sqlite) => sql_query(sql).load(sqlite),
        };
        rows.unwrap_or_else(|error| panic!("{sql}: {error}")).into_iter().map(|row| row.value).collect()
    }

    /// Every table that is ours, by name.
    pub fn tables(&mut self) -> Vec<String> {
        self.texts(match self {
            Self::Pg(_) => "SELECT tablename::text AS value FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '\\_\\_%' ORDER BY 1",
            Self::Sqlite(_) => "SELECT name AS value FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND substr(name, 1, 2) <> '__' ORDER BY 1",
        })
    }

    /// A table's columns in their order, without those that the database makes of others: name, the database's own type, whether NULL is allowed.
    pub fn columns(&mut self, table: &str) -> Vec<Column> {
        let sql = match self {
            Self::Pg(_) => format!(
                "SELECT column_name || '|' || udt_name || '|' || is_nullable AS value FROM information_schema.columns \
                 WHERE table_schema = 'public' AND table_name = '{table}' AND is_generated = 'NEVER' ORDER BY ordinal_position"
            ),
            Self::Sqlite(_) => format!(
                "SELECT name || '|' || type || '|' || iif(\"notnull\", 'NO', 'YES') AS value FROM pragma_table_info('{table}') ORDER BY cid"
            ),
        };
        let column = |text: String| match text.split('|').collect::<Vec<_>>()[..] {
            [name, kind, nullable] => Column { name: name.to_owned(), kind: kind.to_owned(), nullable: nullable == "YES" },
            _ => panic!("{text}"),
        };
        self.texts(&sql).into_iter().map(column).collect()
    }
}

/// A column as its database describes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Column {
    pub name: String,
    pub kind: String,
    pub nullable: bool,
}
