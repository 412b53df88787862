//! A database per test: a file for SQLite, a copy of a migrated template for PostgreSQL.

use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering},
};

use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection, connection::SimpleConnection, sql_query, sql_types::Text,
};
use relance::store::DatabaseUrl;

/// A database that goes when the test does.
pub struct Database {
    pub url: String,
    _folder: Option<tempfile::TempDir>,
    drop: Option<(String, String)>,
}

pub fn sqlite() -> Database {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("relance.db").display());
    Database { url, _folder: Some(folder), drop: None }
}

/// `None`, and a line that says so, where no server is given: `make test` starts one.
pub fn postgres() -> Option<Database> {
    let Ok(server) = std::env::var("RELANCE_TEST_POSTGRES") else {
        assert!(std::env::var_os("CI").is_none(), "CI must give RELANCE_TEST_POSTGRES");
        println!("skipped: RELANCE_TEST_POSTGRES is not set");
        return None;
    };
    let template = template(&server);
    Some(copy_of(server, template))
}

/// A database on the server that nobody has migrated.
pub fn empty_postgres() -> Option<Database> {
    std::env::var("RELANCE_TEST_POSTGRES").ok().map(|server| copy_of(server, "template0"))
}

fn copy_of(server: String, template: &str) -> Database {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("relance_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    admin(&server).batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}")).unwrap();
    Database { url: format!("{server}/{name}"), _folder: None, drop: Some((server, name)) }
}

/// Migrated once per run of the tests.
fn template(server: &str) -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let name = format!("relance_template_{}", std::process::id());
        admin(server).batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
        relance::store::migrations::migrate(&format!("{server}/{name}").parse().unwrap()).unwrap();
        name
    })
}

#[expect(clippy::disallowed_methods, reason = "databases are made outside the application")]
fn admin(server: &str) -> PgConnection {
    PgConnection::establish(&format!("{server}/postgres")).unwrap()
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some((server, name)) = &self.drop {
            // Left behind only when the server is already gone.
            let _ = admin(server).batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
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

    /// A table's columns in their order: name, the database's own type, whether NULL is allowed.
    pub fn columns(&mut self, table: &str) -> Vec<Column> {
        let sql = match self {
            Self::Pg(_) => format!(
                "SELECT column_name || '|' || udt_name || '|' || is_nullable AS value FROM information_schema.columns \
                 WHERE table_schema = 'public' AND table_name = '{table}' ORDER BY ordinal_position"
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
