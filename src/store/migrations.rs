//! The migrations, embedded, one folder per database.

use diesel::{connection::SimpleConnection, migration::MigrationVersion};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Conn, DatabaseUrl, connection::Manager, open_one};

const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Brings the database to this binary's schema; returns how many steps that took. Blocks.
///
/// # Errors
/// A sentence for the operator.
pub fn migrate(url: &DatabaseUrl) -> Result<usize, String> {
    url.ready()?;
    let mut conn = open_one(&Manager { url: url.clone(), as_app: false })?;
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| format!("cannot migrate the database at {url}: {error}");
    match &mut conn {
        Conn::Pg(pg) => {
            // One migrator at a time on a server that several instances start against.
            pg.batch_execute("SELECT pg_advisory_lock(7305808869229653331)").map_err(|error| failed(error.into()))?;
            Ok(pg.run_pending_migrations(POSTGRES).map_err(failed)?.len())
        }
        Conn::Sqlite(sqlite) => Ok(sqlite.run_pending_migrations(SQLITE).map_err(failed)?.len()),
    }
}

/// Refuses a database that is older or newer than this binary.
pub(super) fn check(conn: &mut Conn) -> Result<(), String> {
    let (missing, applied) = match conn {
        Conn::Pg(pg) => (each_pending(pg.pending_migrations(POSTGRES)), pg.applied_migrations()),
        Conn::Sqlite(sqlite) => (each_pending(sqlite.pending_migrations(SQLITE)), sqlite.applied_migrations()),
    };
    let applied: Vec<MigrationVersion<'static>> = applied.map_err(|_| not_migrated())?;
    let known = match conn {
        Conn::Pg(_) => names::<diesel::pg::Pg>(&POSTGRES),
        Conn::Sqlite(_) => names::<diesel::sqlite::Sqlite>(&SQLITE),
    };
    if let Some(stranger) = applied.iter().find(|version| !known.contains(&version.to_string())) {
        return Err(format!(
            "the database has the migration {stranger}, which this binary does not know: it belongs to a newer relance, or to something else"
        ));
    }
    match missing {
        Ok(0) => Ok(()),
        Ok(_) | Err(_) => Err(not_migrated()),
    }
}

fn not_migrated() -> String {
    "the database is not migrated to this binary's schema; run: relance migrate".to_owned()
}

fn each_pending<DB: diesel::backend::Backend>(
    pending: diesel::migration::Result<Vec<Box<dyn diesel::migration::Migration<DB>>>>,
) -> Result<usize, String> {
    pending.map(|list| list.len()).map_err(|error| error.to_string())
}

fn names<DB: diesel::backend::Backend>(source: &EmbeddedMigrations) -> Vec<String> {
    use diesel::migration::MigrationSource;
    let all: Vec<Box<dyn diesel::migration::Migration<DB>>> = source.migrations().unwrap_or_default();
    all.iter().map(|migration| migration.name().version().to_string()).collect()
}
