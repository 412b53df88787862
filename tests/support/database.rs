//! A database per test: a file for SQLite, a copy of a migrated template for PostgreSQL.

use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering},
};

use diesel::{Connection, PgConnection, connection::SimpleConnection};

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
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let Ok(server) = std::env::var("RELANCE_TEST_POSTGRES") else {
        assert!(std::env::var_os("CI").is_none(), "CI must give RELANCE_TEST_POSTGRES");
        println!("skipped: RELANCE_TEST_POSTGRES is not set");
        return None;
    };
    let template = template(&server);
    let name = format!("relance_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    admin(&server).batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}")).unwrap();
    Some(Database { url: format!("{server}/{name}"), _folder: None, drop: Some((server, name)) })
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
