//! Every difference between the two databases that a query cannot hide.

use chrono::{DateTime, Utc};
use diesel::{RunQueryDsl, connection::SimpleConnection, sql_query, sql_types};
use uuid::Uuid;

use super::{Conn, Ts, types::UtcTs};
use crate::{domain::ids::TenantId, error::Result};

#[derive(diesel::QueryableByName)]
struct Setting {
    #[diesel(sql_type = sql_types::Text)]
    value: String,
}

#[derive(diesel::QueryableByName)]
struct Number {
    #[diesel(sql_type = sql_types::Integer)]
    value: i32,
}

#[derive(diesel::QueryableByName)]
struct Moment {
    #[diesel(sql_type = UtcTs)]
    value: Ts,
}

/// Refuses a database on which an acknowledged commit could be lost, or whose second wall is missing.
pub(super) fn check(conn: &mut Conn) -> Result<(), String> {
    match conn {
        Conn::Pg(pg) => {
            let mut setting = |sql: &str| {
                sql_query(sql)
                    .get_result::<Setting>(pg)
                    .map(|row| row.value)
                    .map_err(|error| format!("cannot question the database: {error}"))
            };
            let version = setting("SELECT current_setting('server_version_num') AS value")?;
            if version.parse::<u32>().unwrap_or(0) < 140_000 {
                return Err(format!("PostgreSQL 14 or newer is needed; this server is {version}"));
            }
            for name in ["fsync", "full_page_writes"] {
                if setting(&format!("SELECT current_setting('{name}') AS value"))? == "off"
                    && std::env::var_os("RELANCE_UNSAFE_TEST_DATABASE").is_none()
                {
                    return Err(format!("the server runs with {name} = off: an acknowledged change could be lost; set it to on"));
                }
            }
            if setting("SELECT current_setting('synchronous_commit') AS value")? == "off" {
                return Err("the server runs with synchronous_commit = off: an acknowledged change could be lost; set it to on".to_owned());
            }
            let role = setting(
                "SELECT CASE WHEN rolsuper OR rolbypassrls THEN 'unbound' ELSE rolname::text END AS value FROM pg_roles WHERE rolname = current_user",
            )?;
            if role != "relance_app" {
                return Err(format!("the application must act as relance_app, which row-level security binds; it acts as {role}"));
            }
            Ok(())
        }
        Conn::Sqlite(sqlite) => {
            let mut number = |sql: &str| {
                sql_query(sql)
                    .get_result::<Number>(sqlite)
                    .map(|row| row.value)
                    .map_err(|error| format!("cannot question the database: {error}"))
            };
            if number("SELECT synchronous AS value FROM pragma_synchronous")? < 2 {
                return Err("SQLite does not sync every commit (synchronous < FULL)".to_owned());
            }
            let mode = sql_query("SELECT journal_mode AS value FROM pragma_journal_mode")
                .get_result::<Setting>(sqlite)
                .map_err(|error| format!("cannot question the database: {error}"))?;
            if mode.value != "wal" {
                return Err(format!("SQLite cannot keep a write-ahead log here (journal mode {}): use a local file system", mode.value));
            }
            Ok(())
        }
    }
}

/// The database's own time: leases of several instances agree on it, whatever their machines think.
pub fn database_now(conn: &mut Conn) -> Result<DateTime<Utc>> {
    let moment = match conn {
        Conn::Pg(pg) => sql_query("SELECT clock_timestamp() AS value").get_result::<Moment>(pg)?,
        Conn::Sqlite(sqlite) => {
            sql_query("SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 AS value").get_result::<Moment>(sqlite)?
        }
    };
    Ok(moment.value.0)
}

/// From here to the end of the transaction, `tenant` is the one whose rows are seen.
pub fn enter(conn: &mut Conn, tenant: TenantId) -> Result<()> {
    match conn {
        Conn::Pg(pg) => pg.batch_execute(&format!("SET LOCAL relance.tenant_id = '{}'", tenant.uuid()))?,
        Conn::Sqlite(_) => {}
    }
    Ok(())
}

/// Takes, until the end of the transaction, a lock on a word of the tenant; `false` if somebody holds it.
pub fn try_lock(conn: &mut Conn, word: &[u8; 8]) -> Result<bool> {
    match conn {
        Conn::Pg(pg) => {
            #[derive(diesel::QueryableByName)]
            struct Taken {
                #[diesel(sql_type = sql_types::Bool)]
                value: bool,
            }
            let taken = sql_query("SELECT pg_try_advisory_xact_lock($1) AS value")
                .bind::<sql_types::BigInt, _>(i64::from_be_bytes(*word))
                .get_result::<Taken>(pg)?;
            Ok(taken.value)
        }
        // The one writer holds every lock.
        Conn::Sqlite(_) => Ok(true),
    }
}

/// Keeps a row of `table`, which has an `id`, as it is until the end of the transaction, for whoever else would change it. Whether it can have changed
/// while we waited: never where there is one writer.
pub fn keep_row(conn: &mut Conn, table: &'static str, tenant: TenantId, id: Uuid) -> Result<bool> {
    let sql = format!("SELECT 1 AS value FROM {table} WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE");
    if let Conn::Pg(pg) = conn {
        sql_query(sql).bind::<sql_types::Uuid, _>(tenant.uuid()).bind::<sql_types::Uuid, _>(id).execute(pg)?;
    }
    Ok(matches!(conn, Conn::Pg(_)))
}

/// As [`keep_row`], the tenant's own.
pub fn keep_tenant(conn: &mut Conn, tenant: TenantId) -> Result<bool> {
    if let Conn::Pg(pg) = conn {
        sql_query("SELECT 1 AS value FROM tenants WHERE tenant_id = $1 FOR NO KEY UPDATE")
            .bind::<sql_types::Uuid, _>(tenant.uuid())
            .execute(pg)?;
    }
    Ok(matches!(conn, Conn::Pg(_)))
}

/// Ends the claim of rows that another transaction is working on: `FOR UPDATE SKIP LOCKED` where there can be two writers.
pub const fn skip_locked(conn: &Conn) -> &'static str {
    match conn {
        Conn::Pg(_) => " FOR UPDATE SKIP LOCKED",
        Conn::Sqlite(_) => "",
    }
}
