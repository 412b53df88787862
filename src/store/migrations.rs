//! The migrations, embedded, one folder per database.

use diesel::{
    QueryableByName, RunQueryDsl,
    backend::Backend,
    connection::SimpleConnection,
    migration::{Migration, MigrationSource},
    sql_query,
    sql_types::Text,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Conn, DatabaseUrl, connection::Manager, open_one};
use crate::each;

const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// What SQLite's planner is told of every index. Left to guess, it takes ten rows for all that a tenant has, and prefers to read those to looking up a list of
/// customers: each batch would then cost what is open, not what is due. PostgreSQL counts for itself.
const STATISTICS: &str = r#"
BEGIN IMMEDIATE;
ANALYZE sqlite_schema;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat)
SELECT t.name, iif(i.origin = 'pk', t.name, i.name), iif(i.partial, '10000', '1000000') || (
    SELECT group_concat(CASE
        WHEN i."unique" AND c.seqno = (SELECT max(seqno) FROM pragma_index_info(i.name)) THEN ' 1'
        WHEN c.name IN ('tenant_id', 'source', 'kind', 'channel', 'level') THEN iif(i.partial, ' 10000', ' 1000000')
        ELSE ' 10' END, '')
    FROM pragma_index_info(i.name) AS c)
FROM sqlite_schema AS t, pragma_index_list(t.name) AS i
WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%';
COMMIT;
"#;

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
        Conn::Sqlite(sqlite) => {
            let steps = sqlite.run_pending_migrations(SQLITE).map_err(failed)?.len();
            sqlite.batch_execute(STATISTICS).map_err(|error| failed(error.into()))?;
            Ok(steps)
        }
    }
}

/// Refuses a database that is older or newer than this binary.
pub(super) fn check(conn: &mut Conn) -> Result<(), String> {
    #[derive(QueryableByName)]
    struct Applied {
        #[diesel(sql_type = Text)]
        version: String,
    }
    // diesel's own look-up would first create the table, which the application's role may not.
    let sql = sql_query("SELECT version FROM __diesel_schema_migrations");
    let applied: Vec<Applied> = each!(conn, |c| sql.load(c)).map_err(|_| not_migrated())?;
    let known = match conn {
        Conn::Pg(_) => versions::<diesel::pg::Pg>(&POSTGRES),
        Conn::Sqlite(_) => versions::<diesel::sqlite::Sqlite>(&SQLITE),
    };
    if let Some(stranger) = applied.iter().find(|one| !known.contains(&one.version)) {
        return Err(format!(
            "the database has the migration {}, which this binary does not know: it belongs to a newer relance, or to something else",
            stranger.version
        ));
    }
    if known.iter().any(|version| !applied.iter().any(|one| one.version == *version)) { Err(not_migrated()) } else { Ok(()) }
}

fn not_migrated() -> String {
    "the database is not migrated to this binary's schema; run: relance migrate".to_owned()
}

fn versions<DB: Backend>(source: &EmbeddedMigrations) -> Vec<String> {
    let all: Vec<Box<dyn Migration<DB>>> = source.migrations().unwrap_or_default();
    all.iter().map(|migration| migration.name().version().to_string()).collect()
}
