//! Connections to accounting software. Settings are kept as they were given, credentials only sealed, the inbound address as a digest to be found by, and sealed to be shown.

use chrono::{DateTime, Utc};
use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};

use super::{Conn, Json, Ts, schema::connections};
use crate::{
    domain::{
        connection::{ConnectionCredentials, ConnectionSettings, ConnectionState, System},
        ids::{ConnectionId, TenantId},
        vault::{CannotOpen, Vault},
    },
    error::{Error, Result},
};

/// A connection's row.
#[derive(Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = connections, treat_none_as_default_value = false, treat_none_as_null = true, primary_key(tenant_id, id))]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct Connection {
    pub tenant_id: TenantId,
    pub id: ConnectionId,
    pub system: System,
    pub source: String,
    pub name: String,
    pub state: ConnectionState,
    pub settings: Json<ConnectionSettings>,
    pub credentials: Vec<u8>,
    pub inbound_digest: Vec<u8>,
    pub inbound_token: Vec<u8>,
    pub former_inbound_digest: Option<Vec<u8>>,
    pub former_inbound_until: Option<Ts>,
    /// Up to where its system was asked.
    pub place: Option<String>,
    pub poll_at: Option<Ts>,
    /// Somebody is having its access token renewed; a token to renew with may serve only once.
    pub renewing_until: Option<Ts>,
    pub last_error: Option<String>,
    pub version: i64,
    pub created_at: Ts,
    pub updated_at: Ts,
}

/// Settings may hold what a tenant would rather not see in a log.
impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("id", &self.id).field("system", &self.system).finish_non_exhaustive()
    }
}

impl Connection {
    /// The place that its sealed credentials are bound to.
    pub fn place_of(tenant: TenantId, id: ConnectionId) -> String {
        format!("{}/connections/{id}", tenant.uuid())
    }

    /// The place that the sealed token of its inbound address is bound to.
    pub fn inbound_place(tenant: TenantId, id: ConnectionId) -> String {
        format!("{}/inbound", Self::place_of(tenant, id))
    }

    /// Its credentials.
    ///
    /// # Errors
    /// When they were not sealed for this connection, or by none of the vault's keys.
    pub fn open_credentials(&self, vault: &Vault) -> Result<ConnectionCredentials, CannotOpen> {
        let plain = vault.open(&Self::place_of(self.tenant_id, self.id), &self.credentials)?;
        serde_json::from_slice(&plain).map_err(|_| CannotOpen)
    }

    /// The token of its inbound address.
    ///
    /// # Errors
    /// As [`Connection::open_credentials`].
    pub fn open_inbound_token(&self, vault: &Vault) -> Result<String, CannotOpen> {
        let plain = vault.open(&Self::inbound_place(self.tenant_id, self.id), &self.inbound_token)?;
        String::from_utf8(plain).map_err(|_| CannotOpen)
    }
}

/// Adds a connection.
pub fn insert(conn: &mut Conn, row: &Connection) -> Result<()> {
    diesel::insert_into(connections::table).values(row).execute(conn)?;
    Ok(())
}

/// Replaces a connection's row.
pub fn update(conn: &mut Conn, row: &Connection) -> Result<()> {
    let here = connections::tenant_id.eq(row.tenant_id).and(connections::id.eq(row.id));
    diesel::update(connections::table.filter(here)).set(row).execute(conn)?;
    Ok(())
}

/// One connection.
pub fn find(conn: &mut Conn, tenant: TenantId, id: ConnectionId) -> Result<Connection> {
    connections::table
        .filter(connections::tenant_id.eq(tenant).and(connections::id.eq(id)))
        .select(Connection::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("connection"))
}

/// The same, held until the transaction's end.
pub fn lock(conn: &mut Conn, tenant: TenantId, id: ConnectionId) -> Result<Connection> {
    let query = connections::table.filter(connections::tenant_id.eq(tenant).and(connections::id.eq(id)));
    let row: Option<Connection> = match conn {
        Conn::Pg(pg) => query.for_no_key_update().first(pg).optional()?,
        Conn::Sqlite(sqlite) => query.first(sqlite).optional()?,
    };
    row.ok_or(Error::NotFound("connection"))
}

/// Whether a source has a connection.
pub fn has_source(conn: &mut Conn, tenant: TenantId, source: &str) -> Result<bool> {
    let here = connections::tenant_id.eq(tenant).and(connections::source.eq(source));
    Ok(connections::table.filter(here).count().get_result::<i64>(conn)? > 0)
}

/// The connection whose inbound address has this digest at `now`, or had it until a while ago.
pub fn find_by_inbound_digest(conn: &mut Conn, tenant: TenantId, digest: &[u8], now: DateTime<Utc>) -> Result<Option<Connection>> {
    let present = connections::table
        .filter(connections::tenant_id.eq(tenant).and(connections::inbound_digest.eq(digest)))
        .select(Connection::as_select())
        .first(conn)
        .optional()?;
    if present.is_some() {
        return Ok(present);
    }
    let former = connections::former_inbound_digest.eq(Some(digest)).and(connections::former_inbound_until.gt(Some(Ts(now))));
    let here = connections::tenant_id.eq(tenant).and(former);
    Ok(connections::table.filter(here).select(Connection::as_select()).first(conn).optional()?)
}

/// Connections after `after`, oldest first.
pub fn list(conn: &mut Conn, tenant: TenantId, after: Option<ConnectionId>, limit: i64) -> Result<Vec<Connection>> {
    let mut query = connections::table
        .filter(connections::tenant_id.eq(tenant))
        .select(Connection::as_select())
        .order(connections::id.asc())
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(connections::id.gt(after));
    }
    Ok(query.limit(limit).load(conn)?)
}

/// How many connections the tenant has.
pub fn count(conn: &mut Conn, tenant: TenantId) -> Result<i64> {
    Ok(connections::table.filter(connections::tenant_id.eq(tenant)).count().get_result(conn)?)
}

/// Takes one connection whose system is to be asked now, and sets it aside until `lease`.
pub fn claim_poll(conn: &mut Conn, tenant: TenantId, now: DateTime<Utc>, lease: DateTime<Utc>) -> Result<Option<Connection>> {
    let due = connections::tenant_id.eq(tenant).and(connections::poll_at.le(Some(Ts(now))));
    let active = connections::state.eq(ConnectionState::Active);
    let query = connections::table.filter(due).filter(active).order(connections::poll_at.asc());
    let row: Option<Connection> = match conn {
        Conn::Pg(pg) => query.for_update().skip_locked().first(pg).optional()?,
        Conn::Sqlite(sqlite) => query.first(sqlite).optional()?,
    };
    let Some(row) = row else { return Ok(None) };
    let row = Connection { poll_at: Some(Ts(lease)), ..row };
    update(conn, &row)?;
    Ok(Some(row))
}

/// When a system is next to be asked.
pub fn next_poll(conn: &mut Conn, tenant: TenantId) -> Result<Option<DateTime<Utc>>> {
    let at: Option<Option<Ts>> = connections::table
        .filter(connections::tenant_id.eq(tenant).and(connections::poll_at.is_not_null()))
        .filter(connections::state.eq(ConnectionState::Active))
        .order(connections::poll_at.asc())
        .select(connections::poll_at)
        .first(conn)
        .optional()?;
    Ok(at.flatten().map(|at| at.0))
}
