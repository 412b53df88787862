//! API keys, known only by the digest of their text.

use std::{collections::BTreeSet, net::IpAddr};

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
};

use super::{Conn, Json, Ts, schema::api_keys};
use crate::{
    domain::{
        access::{Role, Scope},
        ids::{ApiKeyId, TenantId},
        network::Network,
    },
    error::{Error, Result},
};

/// A key's row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = api_keys, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct ApiKey {
    pub tenant_id: TenantId,
    pub id: ApiKeyId,
    pub name: String,
    pub digest: Vec<u8>,
    pub last4: String,
    pub scopes: Json<BTreeSet<Scope>>,
    pub created_by: String,
    pub created_at: Ts,
    pub expires_at: Option<Ts>,
    pub revoked_at: Option<Ts>,
    pub last_used_at: Option<Ts>,
    pub role: Option<Role>,
    pub networks: Json<BTreeSet<Network>>,
}

impl ApiKey {
    /// What it may do: what its role holds today, or the scopes that it was made with.
    pub fn held(&self) -> BTreeSet<Scope> {
        self.role.map_or_else(|| self.scopes.0.clone(), Role::scopes)
    }

    /// Whether it works from this address; an address that is not known is nowhere.
    pub fn works_from(&self, address: Option<IpAddr>) -> bool {
        self.networks.is_empty() || address.is_some_and(|address| self.networks.iter().any(|network| network.contains(address)))
    }

    /// Whether it opens doors at `now`.
    pub fn works(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none_or(|at| at.0 > now) && self.expires_at.is_none_or(|at| at.0 > now)
    }
}

/// Adds a key.
pub fn insert(conn: &mut Conn, row: &ApiKey) -> Result<()> {
    diesel::insert_into(api_keys::table).values(row).execute(conn)?;
    Ok(())
}

/// The key whose text has this digest.
pub fn find_by_digest(conn: &mut Conn, tenant: TenantId, digest: &[u8]) -> Result<Option<ApiKey>> {
    Ok(api_keys::table
        .filter(api_keys::tenant_id.eq(tenant).and(api_keys::digest.eq(digest)))
        .select(ApiKey::as_select())
        .first(conn)
        .optional()?)
}

/// One key.
pub fn find(conn: &mut Conn, tenant: TenantId, id: ApiKeyId) -> Result<ApiKey> {
    api_keys::table
        .filter(api_keys::tenant_id.eq(tenant).and(api_keys::id.eq(id)))
        .select(ApiKey::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("API key"))
}

/// Keys after `after`, oldest first.
pub fn list(conn: &mut Conn, tenant: TenantId, after: Option<ApiKeyId>, limit: i64) -> Result<Vec<ApiKey>> {
    let mut query =
        api_keys::table.filter(api_keys::tenant_id.eq(tenant)).select(ApiKey::as_select()).order(api_keys::id.asc()).into_boxed();
    if let Some(after) = after {
        query = query.filter(api_keys::id.gt(after));
    }
    Ok(query.limit(limit).load(conn)?)
}

/// What these keys are called.
pub fn names(conn: &mut Conn, tenant: TenantId, ids: &[ApiKeyId]) -> Result<Vec<(ApiKeyId, String)>> {
    Ok(api_keys::table
        .filter(api_keys::tenant_id.eq(tenant).and(api_keys::id.eq_any(ids.to_vec())))
        .select((api_keys::id, api_keys::name))
        .load(conn)?)
}

/// Ends a key at `at`.
pub fn revoke(conn: &mut Conn, tenant: TenantId, id: ApiKeyId, at: DateTime<Utc>) -> Result<()> {
    diesel::update(api_keys::table.filter(api_keys::tenant_id.eq(tenant).and(api_keys::id.eq(id))))
        .set(api_keys::revoked_at.eq(Some(Ts(at))))
        .execute(conn)?;
    Ok(())
}

/// Notes that a key was used.
pub fn used(conn: &mut Conn, tenant: TenantId, id: ApiKeyId, at: DateTime<Utc>) -> Result<()> {
    diesel::update(api_keys::table.filter(api_keys::tenant_id.eq(tenant).and(api_keys::id.eq(id))))
        .set(api_keys::last_used_at.eq(Some(Ts(at))))
        .execute(conn)?;
    Ok(())
}
