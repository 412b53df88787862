//! The connection: one enum over both drivers, and how a new one is prepared.
//!
//! Invariant: every connection that leaves this module is durable (a commit that was answered survives a power cut) and,
//! on PostgreSQL, acts as a role that owns nothing.

#![expect(clippy::disallowed_methods, reason = "the derived connection establishes; Db alone calls it")]

use diesel::{
    ConnectionError,
    connection::{CacheSize, SimpleConnection},
    pg::PgConnection,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    r2d2::{ManageConnection, R2D2Connection},
    result::QueryResult,
    sqlite::SqliteConnection,
};

/// A connection to either database; ordinary queries run on it unchanged.
#[derive(diesel::MultiConnection)]
pub enum Conn {
    /// PostgreSQL, through libpq.
    Pg(PgConnection),
    /// The embedded database.
    Sqlite(SqliteConnection),
}

/// Runs on [`Conn`] any query that diesel can render for each driver but not, by its types, for the enum: upserts, lists of
/// rows, row comparisons.
#[derive(Debug)]
pub struct Both<Q>(pub Q);

impl<Q> QueryFragment<MultiBackend> for Both<Q>
where
    Q: QueryFragment<diesel::pg::Pg> + QueryFragment<diesel::sqlite::Sqlite>,
{
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        MultiBackend::walk_variant_ast(&self.0, pass)
    }
}
impl<Q: QueryId> QueryId for Both<Q> {
    type QueryId = Q::QueryId;
    const HAS_STATIC_QUERY_ID: bool = Q::HAS_STATIC_QUERY_ID;
}
impl<Q: Query> Query for Both<Q> {
    type SqlType = Q::SqlType;
}
impl<Q> diesel::RunQueryDsl<Conn> for Both<Q> {}

/// The same text compiled once per driver, for bulk writes and for what only the concrete connection can say.
#[macro_export]
macro_rules! each {
    ($conn:expr, |$inner:ident| $body:expr) => {
        match $conn {
            $crate::store::Conn::Pg($inner) => $body,
            $crate::store::Conn::Sqlite($inner) => $body,
        }
    };
}

/// Opens connections for the pool.
#[derive(Debug, Clone)]
pub struct Manager {
    /// Where the database is.
    pub url: super::DatabaseUrl,
    /// Whether to put on the role that owns nothing (PostgreSQL); migrations run without.
    pub as_app: bool,
}

/// The server looks foreign keys up row by row, and could keep the plan for that. It does once its statistics know the tables that rows hang on: a plan made
/// while they were empty may walk through all of a tenant's rows, and would be kept while they grow.
const KEEPS_PLANS: &str = "SELECT set_config('plan_cache_mode', CASE WHEN count(*) = 5 THEN 'auto' ELSE 'force_custom_plan' END, false) FROM pg_class \
     WHERE relname IN ('customers', 'invoices', 'instalments', 'reminders', 'messages') AND pg_table_is_visible(oid) AND reltuples >= 1000";

const SQLITE_SETUP: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
     PRAGMA cache_size = -2048; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864;";

impl ManageConnection for Manager {
    type Connection = Conn;
    type Error = diesel::r2d2::Error;

    #[expect(clippy::disallowed_methods, reason = "this is where connections are opened")]
    fn connect(&self) -> Result<Conn, Self::Error> {
        use diesel::Connection;
        let refused = |error: ConnectionError| diesel::r2d2::Error::ConnectionError(error);
        match &self.url {
            super::DatabaseUrl::Postgres(url) => {
                let mut conn = PgConnection::establish(url).map_err(refused)?;
                let role = if self.as_app { "SET ROLE relance_app;" } else { "" };
                // Statements are not kept: a plan is made for its values, for one made for any would know neither how long a list is nor that a partial
                // index serves.
                conn.set_prepared_statement_cache_size(CacheSize::Disabled);
                conn.batch_execute(&format!(
                    "SET TIME ZONE 'UTC'; {KEEPS_PLANS}; SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '60s'; {role}"
                ))
                .map_err(diesel::r2d2::Error::QueryError)?;
                Ok(Conn::Pg(conn))
            }
            super::DatabaseUrl::Sqlite(path) => {
                let mut conn = SqliteConnection::establish(&path.to_string_lossy()).map_err(refused)?;
                conn.batch_execute(SQLITE_SETUP).map_err(diesel::r2d2::Error::QueryError)?;
                Ok(Conn::Sqlite(conn))
            }
        }
    }

    fn is_valid(&self, conn: &mut Conn) -> Result<(), Self::Error> {
        conn.ping().map_err(diesel::r2d2::Error::QueryError)
    }

    fn has_broken(&self, conn: &mut Conn) -> bool {
        std::thread::panicking() || conn.is_broken()
    }
}
