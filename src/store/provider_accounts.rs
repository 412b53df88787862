//! Accounts at providers. Settings are kept as they were given, credentials only sealed, receipt tokens only as digests.
//!
//! The kind and the settings are plain text and JSON here: what they mean, `outbound` knows.

use std::collections::BTreeSet;

use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
};
use serde_json::Value;

use super::{Conn, Json, Ts, schema::provider_accounts};
use crate::{
    domain::{
        contact::Channel,
        ids::{ProviderAccountId, TenantId},
        provider::ProviderAccountState,
        vault::{CannotOpen, Vault},
    },
    error::{Error, Result},
};

/// A provider account's row.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = provider_accounts, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct ProviderAccount {
    pub tenant_id: TenantId,
    pub id: ProviderAccountId,
    pub name: String,
    pub kind: String,
    pub channels: Json<BTreeSet<Channel>>,
    pub settings: Json<Value>,
    pub credentials: Option<Vec<u8>>,
    pub priority: i32,
    pub state: ProviderAccountState,
    pub inbound_digest: Vec<u8>,
    pub last_error: Option<String>,
    pub version: i64,
    pub created_at: Ts,
    pub updated_at: Ts,
}

/// Settings may hold what a tenant would rather not see in a log.
impl std::fmt::Debug for ProviderAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProviderAccount").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl ProviderAccount {
    /// The place that sealed credentials are bound to.
    pub fn place(tenant: TenantId, id: ProviderAccountId) -> String {
        format!("{}/provider_accounts/{id}", tenant.uuid())
    }

    /// The credentials as they were sealed: JSON; `None` when the account has none.
    ///
    /// # Errors
    /// When they were not sealed for this account, or by none of the vault's keys.
    pub fn open_credentials(&self, vault: &Vault) -> Result<Option<Vec<u8>>, CannotOpen> {
        self.credentials.as_ref().map(|sealed| vault.open(&Self::place(self.tenant_id, self.id), sealed)).transpose()
    }
}

/// Adds an account.
pub fn insert(conn: &mut Conn, row: &ProviderAccount) -> Result<()> {
    diesel::insert_into(provider_accounts::table).values(row).execute(conn)?;
    Ok(())
}

/// One account.
pub fn find(conn: &mut Conn, tenant: TenantId, id: ProviderAccountId) -> Result<ProviderAccount> {
    provider_accounts::table
        .filter(provider_accounts::tenant_id.eq(tenant).and(provider_accounts::id.eq(id)))
        .select(ProviderAccount::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("provider account"))
}

/// The account whose receipt path has this digest.
pub fn find_by_inbound_digest(conn: &mut Conn, tenant: TenantId, digest: &[u8]) -> Result<Option<ProviderAccount>> {
    Ok(provider_accounts::table
        .filter(provider_accounts::tenant_id.eq(tenant).and(provider_accounts::inbound_digest.eq(digest)))
        .select(ProviderAccount::as_select())
        .first(conn)
        .optional()?)
}

/// The account in use of a kind: the lowest number, of equals the oldest.
pub fn of_kind(conn: &mut Conn, tenant: TenantId, kind: &str) -> Result<Option<ProviderAccount>> {
    let used = provider_accounts::tenant_id.eq(tenant).and(provider_accounts::state.eq(ProviderAccountState::Active));
    Ok(provider_accounts::table
        .filter(used.and(provider_accounts::kind.eq(kind)))
        .order((provider_accounts::priority.asc(), provider_accounts::id.asc()))
        .select(ProviderAccount::as_select())
        .first(conn)
        .optional()?)
}

/// Accounts after `after`, oldest first.
pub fn list(conn: &mut Conn, tenant: TenantId, after: Option<ProviderAccountId>, limit: i64) -> Result<Vec<ProviderAccount>> {
    let mut query = provider_accounts::table
        .filter(provider_accounts::tenant_id.eq(tenant))
        .select(ProviderAccount::as_select())
        .order(provider_accounts::id.asc())
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(provider_accounts::id.gt(after));
    }
    Ok(query.limit(limit).load(conn)?)
}

/// How many accounts the tenant has.
pub fn count(conn: &mut Conn, tenant: TenantId) -> Result<i64> {
    Ok(provider_accounts::table.filter(provider_accounts::tenant_id.eq(tenant)).count().get_result(conn)?)
}

/// The accounts in use that carry a channel, in the order in which they are tried: the lowest number first, of equals the oldest.
pub fn for_channel(conn: &mut Conn, tenant: TenantId, channel: Channel) -> Result<Vec<ProviderAccount>> {
    let used = provider_accounts::tenant_id.eq(tenant).and(provider_accounts::state.eq(ProviderAccountState::Active));
    let mut rows: Vec<ProviderAccount> = provider_accounts::table
        .filter(used)
        .order((provider_accounts::priority.asc(), provider_accounts::id.asc()))
        .select(ProviderAccount::as_select())
        .load(conn)?;
    rows.retain(|row| row.channels.contains(&channel));
    Ok(rows)
}

/// Replaces what may change.
pub fn update(conn: &mut Conn, row: &ProviderAccount) -> Result<()> {
    let here = provider_accounts::tenant_id.eq(row.tenant_id).and(provider_accounts::id.eq(row.id));
    diesel::update(provider_accounts::table.filter(here))
        .set((
            provider_accounts::name.eq(&row.name),
            provider_accounts::channels.eq(&row.channels),
            provider_accounts::settings.eq(&row.settings),
            provider_accounts::credentials.eq(&row.credentials),
            provider_accounts::priority.eq(row.priority),
            provider_accounts::state.eq(row.state),
            provider_accounts::last_error.eq(&row.last_error),
            provider_accounts::version.eq(row.version),
            provider_accounts::updated_at.eq(row.updated_at),
        ))
        .execute(conn)?;
    Ok(())
}
