//! All SQL: one file per aggregate, written once for both databases.
//!
//! [`Db::read`] and [`Db::write`] are the only ways in. Both run their closure on a bounded blocking pool, inside one transaction that knows its
//! tenant. A write's closure may run again (a lost race is retried), so it has no effects but its statements.
//!
//! Naming: a function takes the connection first and the tenant second, always.

pub mod accounts;
pub mod allocations;
pub mod attempts;
pub mod bulk;
pub mod charges;
mod connection;
pub mod connections;
pub mod contacts;
pub mod credit;
pub mod credit_decisions;
pub mod customers;
pub mod dialect;
pub mod direct_debits;
pub mod disputes;
pub mod documents;
pub mod evidence;
pub mod facts;
pub mod files;
pub mod guarantees;
pub mod holds;
pub mod idempotency;
pub mod identity_providers;
pub mod import_mappings;
pub mod imports;
pub mod instalments;
pub mod interest;
pub mod invoices;
pub mod keys;
pub mod limits;
pub mod lookups;
pub mod matching;
pub mod message_documents;
pub mod messages;
pub mod migrations;
mod names;
pub mod notices;
pub mod order;
pub mod overdue;
pub mod payment_plans;
pub mod people;
pub mod policies;
pub mod promises;
pub mod proof_calls;
pub mod provider_accounts;
pub mod publishable_keys;
pub mod receipts;
pub mod reference_rates;
pub mod reminders;
pub mod requests;
mod schema;
pub mod settlements;
mod silences;
pub mod solvency;
pub mod source_documents;
pub mod suppressions;
pub mod tasks;
pub mod templates;
pub mod tenants;
pub mod terms;
pub mod texts;
pub mod types;
mod url;
pub mod webhooks;

use std::{any::Any, sync::Arc, time::Duration};

use diesel::{
    connection::{AnsiTransactionManager, TransactionManager},
    r2d2::{Pool, PooledConnection},
    result::{DatabaseErrorKind, Error as DbError},
};
use tokio::sync::Semaphore;

pub use connection::{Both, Conn};
pub use types::{Json, Token, Ts};
pub use url::DatabaseUrl;

use crate::{
    domain::ids::TenantId,
    error::{Error, Result},
};

/// How long a request waits for a connection before it is told to come back.
const PATIENCE: Duration = Duration::from_millis(2_000);
/// How often a write is tried when it loses a race.
const TRIES: usize = 8;

/// What a transaction comes to, its type put aside, so that the way there is compiled once and not for each of hundreds of them.
type Parcel = Box<dyn Any + Send>;
type Reading = Box<dyn FnOnce(&mut Conn) -> Result<Parcel> + Send>;
type Writing = Box<dyn Fn(&mut Conn) -> Result<Parcel> + Send>;

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    url: DatabaseUrl,
    pool: Pool<connection::Manager>,
    readers: Arc<Semaphore>,
    /// SQLite has one writer; queueing here is fair, its own lock is not.
    writers: Arc<Semaphore>,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Db {
    /// Opens a migrated database and refuses one that would lose what was acknowledged. Blocks.
    ///
    /// # Errors
    /// A sentence for the operator: unreachable, not migrated, newer than this binary, not durable, wrong role.
    pub fn open(url: &DatabaseUrl, connections: u32) -> Result<Self, String> {
        url.ready()?;
        let manager = connection::Manager { url: url.clone(), as_app: true };
        let mut first = open_one(&manager)?;
        dialect::check(&mut first)?;
        migrations::check(&mut first)?;
        drop(first);
        let pool = Pool::builder()
            .max_size(connections)
            .min_idle(Some(1))
            .connection_timeout(Duration::from_secs(3))
            .test_on_check_out(matches!(url, DatabaseUrl::Postgres(_)))
            .error_handler(Box::new(diesel::r2d2::LoggingErrorHandler))
            .build(manager)
            .map_err(|error| format!("cannot open the database at {url}: {error}"))?;
        let permits = usize::try_from(connections).unwrap_or(1);
        let writers = match url {
            DatabaseUrl::Sqlite(_) => Arc::new(Semaphore::new(1)),
            DatabaseUrl::Postgres(_) => Arc::new(Semaphore::new(permits)),
        };
        Ok(Self { url: url.clone(), pool, readers: Arc::new(Semaphore::new(permits)), writers })
    }

    /// Where the database is, without its password.
    pub const fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// Runs `work` in a read-only transaction of `tenant`.
    ///
    /// # Errors
    /// [`Error::Busy`] when every connection is taken; whatever `work` returns.
    pub async fn read<T, F>(&self, tenant: TenantId, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T> + Send + 'static,
    {
        unpacked(self.reading(tenant, Box::new(|conn: &mut Conn| work(conn).map(packed))).await?)
    }

    /// Runs `work` in a transaction of `tenant`; everything in it is kept, or nothing.
    ///
    /// # Errors
    /// [`Error::Busy`] when every connection is taken or the race was lost too often; whatever `work` returns.
    pub async fn write<T, F>(&self, tenant: TenantId, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Conn) -> Result<T> + Send + 'static,
    {
        unpacked(self.writing(tenant, Box::new(move |conn: &mut Conn| work(conn).map(packed))).await?)
    }

    async fn reading(&self, tenant: TenantId, work: Reading) -> Result<Parcel> {
        let permit = wait_for(&self.readers).await?;
        let db = self.clone();
        blocking(move || {
            let outcome = db.read_now(tenant, work);
            drop(permit);
            outcome
        })
        .await
    }

    async fn writing(&self, tenant: TenantId, work: Writing) -> Result<Parcel> {
        let permit = wait_for(&self.writers).await?;
        let db = self.clone();
        blocking(move || {
            let outcome = db.write_now(tenant, work);
            drop(permit);
            outcome
        })
        .await
    }

    /// [`Db::read`] for callers that may block: commands and tests.
    ///
    /// # Errors
    /// As [`Db::read`].
    pub fn read_now<T>(&self, tenant: TenantId, work: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
        let mut conn = self.connection()?;
        begin(&mut conn, tenant, "BEGIN READ ONLY", "BEGIN DEFERRED")?;
        let outcome = work(&mut conn);
        rollback(&mut conn)?;
        outcome
    }

    /// [`Db::write`] for callers that may block: commands and tests.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub fn write_now<T>(&self, tenant: TenantId, work: impl Fn(&mut Conn) -> Result<T>) -> Result<T> {
        let mut conn = self.connection()?;
        for _ in 0..TRIES {
            begin(&mut conn, tenant, "BEGIN", "BEGIN IMMEDIATE")?;
            match work(&mut conn) {
                Ok(value) => match <Conn as diesel::Connection>::TransactionManager::commit_transaction(&mut *conn) {
                    Ok(()) => return Ok(value),
                    Err(error) if lost_a_race(&error) => rollback(&mut conn)?,
                    Err(error) => return Err(error.into()),
                },
                Err(Error::Race) => rollback(&mut conn)?,
                Err(error) => {
                    rollback(&mut conn)?;
                    return Err(error);
                }
            }
        }
        Err(Error::Busy { retry_after: Duration::from_secs(1) })
    }

    fn connection(&self) -> Result<PooledConnection<connection::Manager>> {
        self.pool.get().map_err(|error| {
            tracing::warn!(%error, "no database connection");
            Error::Busy { retry_after: Duration::from_secs(1) }
        })
    }
}

/// A connection outside any pool: for migrations and the checks before a start.
///
/// # Errors
/// A sentence that names the database and the reason.
pub fn open_one(manager: &connection::Manager) -> Result<Conn, String> {
    use diesel::r2d2::ManageConnection;
    manager.connect().map_err(|error| format!("cannot open the database at {}: {error}", manager.url))
}

async fn wait_for(permits: &Arc<Semaphore>) -> Result<tokio::sync::OwnedSemaphorePermit> {
    match tokio::time::timeout(PATIENCE, Arc::clone(permits).acquire_owned()).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) | Err(_) => Err(Error::Busy { retry_after: Duration::from_secs(1) }),
    }
}

async fn blocking(work: impl FnOnce() -> Result<Parcel> + Send + 'static) -> Result<Parcel> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::internal("a database task panicked"))?
}

fn packed<T: Send + 'static>(value: T) -> Parcel {
    Box::new(value)
}

fn unpacked<T: 'static>(parcel: Parcel) -> Result<T> {
    parcel.downcast().map(|value| *value).map_err(|_| Error::internal("a transaction came to what it was not asked for"))
}

/// Opens the transaction and names its tenant in the same round trip.
fn begin(conn: &mut Conn, tenant: TenantId, on_postgres: &str, on_sqlite: &str) -> Result<()> {
    match conn {
        Conn::Pg(pg) => {
            let sql = format!("{on_postgres}; SET LOCAL relance.tenant_id = '{}'", tenant.uuid());
            AnsiTransactionManager::begin_transaction_sql(pg, &sql)?;
        }
        Conn::Sqlite(sqlite) => AnsiTransactionManager::begin_transaction_sql(sqlite, on_sqlite)?,
    }
    Ok(())
}

/// Does `work` and undoes it: what it would have come to.
///
/// # Errors
/// What `work` returns.
pub fn rehearse<T>(conn: &mut Conn, work: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
    <Conn as diesel::Connection>::TransactionManager::begin_transaction(conn)?;
    let outcome = work(conn);
    rollback(conn)?;
    outcome
}

fn rollback(conn: &mut Conn) -> Result<()> {
    match <Conn as diesel::Connection>::TransactionManager::rollback_transaction(conn) {
        Ok(()) | Err(DbError::BrokenTransactionManager) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether trying again may succeed: a serialisation failure, a deadlock, a busy lock, or a unique key that somebody else took
/// between our look and our insert.
pub fn lost_a_race(error: &DbError) -> bool {
    match error {
        DbError::DatabaseError(DatabaseErrorKind::SerializationFailure | DatabaseErrorKind::UniqueViolation, _) => true,
        DbError::DatabaseError(_, details) => ["deadlock detected", "database is locked", "database table is locked", "lock timeout"]
            .iter()
            .any(|word| details.message().contains(word)),
        _ => false,
    }
}
