//! Accounts at providers. Settings are kept as they were given, credentials only sealed, the path of its receipts as a digest to be found by, and sealed to be shown.
//!
//! The kind and the settings are plain text and JSON here: what they mean, `outbound` knows.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
};
use serde_json::Value;

use super::{Conn, Json, Ts, schema::provider_accounts};
use crate::{
    domain::{
        contact::Channel,
        ids::{ProviderAccountId, TenantId},
        provider::{CheckResult, ProviderAccountState, Standing},
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
    pub weight: i32,
    pub rate_per_second: i32,
    pub concurrency: i32,
    pub inbound_token: Option<Vec<u8>>,
    pub former_inbound_digest: Option<Vec<u8>>,
    pub former_inbound_until: Option<Ts>,
    pub failing_since: Option<Ts>,
    pub paused_until: Option<Ts>,
    pub checked_at: Option<Ts>,
    pub check_result: Option<CheckResult>,
    pub test_hour: Option<Ts>,
    pub test_count: i32,
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

    /// The place that the sealed token of the receipt path is bound to.
    pub fn inbound_place(tenant: TenantId, id: ProviderAccountId) -> String {
        format!("{}/inbound", Self::place(tenant, id))
    }

    /// The token of the receipt path; `None` for an account made before tokens were kept.
    ///
    /// # Errors
    /// When it was not sealed for this account, or by none of the vault's keys.
    pub fn open_inbound_token(&self, vault: &Vault) -> Result<Option<String>, CannotOpen> {
        let sealed = self.inbound_token.as_ref();
        let text = sealed.map(|sealed| vault.open(&Self::inbound_place(self.tenant_id, self.id), sealed)).transpose()?;
        text.map(|text| String::from_utf8(text).map_err(|_| CannotOpen)).transpose()
    }

    /// Its place in the order in which accounts are tried.
    pub const fn standing(&self) -> Standing {
        Standing { priority: self.priority, weight: self.weight }
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

/// The account whose receipt path has this digest at `now`, or had it until a while ago.
pub fn find_by_inbound_digest(conn: &mut Conn, tenant: TenantId, digest: &[u8], now: DateTime<Utc>) -> Result<Option<ProviderAccount>> {
    let present = provider_accounts::table
        .filter(provider_accounts::tenant_id.eq(tenant).and(provider_accounts::inbound_digest.eq(digest)))
        .select(ProviderAccount::as_select())
        .first(conn)
        .optional()?;
    if present.is_some() {
        return Ok(present);
    }
    let former = provider_accounts::former_inbound_digest.eq(Some(digest)).and(provider_accounts::former_inbound_until.gt(Some(Ts(now))));
    Ok(provider_accounts::table
        .filter(provider_accounts::tenant_id.eq(tenant).and(former))
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

/// Whether an account in use carries a channel.
pub fn carries(conn: &mut Conn, tenant: TenantId, channel: Channel) -> Result<bool> {
    let used = provider_accounts::tenant_id.eq(tenant).and(provider_accounts::state.eq(ProviderAccountState::Active));
    let all: Vec<Json<BTreeSet<Channel>>> = provider_accounts::table.filter(used).select(provider_accounts::channels).load(conn)?;
    Ok(all.iter().any(|channels| channels.contains(&channel)))
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
            provider_accounts::weight.eq(row.weight),
            provider_accounts::rate_per_second.eq(row.rate_per_second),
            provider_accounts::concurrency.eq(row.concurrency),
            provider_accounts::inbound_digest.eq(&row.inbound_digest),
            provider_accounts::inbound_token.eq(&row.inbound_token),
            provider_accounts::former_inbound_digest.eq(&row.former_inbound_digest),
            provider_accounts::former_inbound_until.eq(row.former_inbound_until),
        ))
        .execute(conn)?;
    Ok(())
}

/// Writes how an account fares, if that is still what `known` says of its failing; `false` if somebody else has written it meanwhile. Its version stays: adapters need
/// not be built anew.
pub fn fares(conn: &mut Conn, known: &ProviderAccount, now: &ProviderAccount) -> Result<bool> {
    let here = provider_accounts::tenant_id.eq(known.tenant_id).and(provider_accounts::id.eq(known.id));
    let set = (
        provider_accounts::failing_since.eq(now.failing_since),
        provider_accounts::paused_until.eq(now.paused_until),
        provider_accounts::last_error.eq(&now.last_error),
    );
    let query = diesel::update(provider_accounts::table).filter(here);
    let changed = match known.failing_since {
        Some(since) => query.filter(provider_accounts::failing_since.eq(Some(since))).set(set).execute(conn)?,
        None => query.filter(provider_accounts::failing_since.is_null()).set(set).execute(conn)?,
    };
    Ok(changed == 1)
}

/// Writes what a check found.
pub fn checked(
    conn: &mut Conn,
    tenant: TenantId,
    id: ProviderAccountId,
    at: DateTime<Utc>,
    result: CheckResult,
    error: Option<&str>,
) -> Result<()> {
    diesel::update(provider_accounts::table.filter(provider_accounts::tenant_id.eq(tenant).and(provider_accounts::id.eq(id))))
        .set((
            provider_accounts::checked_at.eq(Some(Ts(at))),
            provider_accounts::check_result.eq(Some(result)),
            provider_accounts::last_error.eq(error),
        ))
        .execute(conn)?;
    Ok(())
}

/// Counts a test message of an hour, unless there were `limit` already; `false` then.
pub fn count_test(conn: &mut Conn, tenant: TenantId, id: ProviderAccountId, hour: DateTime<Utc>, limit: i32) -> Result<bool> {
    let here = provider_accounts::tenant_id.eq(tenant).and(provider_accounts::id.eq(id));
    let same = provider_accounts::test_hour.eq(Some(Ts(hour)));
    let more = diesel::update(provider_accounts::table.filter(here.and(same).and(provider_accounts::test_count.lt(limit))))
        .set(provider_accounts::test_count.eq(provider_accounts::test_count + 1))
        .execute(conn)?;
    if more == 1 {
        return Ok(true);
    }
    let other = provider_accounts::test_hour.is_null().or(provider_accounts::test_hour.ne(Some(Ts(hour))));
    let here = provider_accounts::tenant_id.eq(tenant).and(provider_accounts::id.eq(id));
    let first = diesel::update(provider_accounts::table.filter(here).filter(other))
        .set((provider_accounts::test_hour.eq(Some(Ts(hour))), provider_accounts::test_count.eq(1)))
        .execute(conn)?;
    Ok(first == 1)
}
