//! Identity providers: the issuers whose tokens a tenant believes.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};

use super::{Conn, Json, Ts, schema::identity_providers};
use crate::{
    domain::{
        identity::{Rights, RoleClaim, ScopeClaim, TokenAlgorithm},
        ids::{IdentityProviderId, TenantId},
    },
    error::{Error, Result},
};

/// A provider's row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = identity_providers, treat_none_as_default_value = false, treat_none_as_null = true, primary_key(tenant_id, id))]
#[expect(missing_docs, reason = "columns say what they are; their meaning stands on the domain's types")]
pub struct IdentityProvider {
    pub tenant_id: TenantId,
    pub id: IdentityProviderId,
    pub name: String,
    pub issuer: String,
    pub audience: String,
    pub algorithms: Json<BTreeSet<TokenAlgorithm>>,
    pub roles: Option<Json<RoleClaim>>,
    pub scopes: Option<Json<ScopeClaim>>,
    pub created_by: String,
    pub version: i64,
    pub created_at: Ts,
    pub updated_at: Ts,
    pub revoked_at: Option<Ts>,
}

impl IdentityProvider {
    /// What its tokens may do.
    pub fn rights(&self) -> Rights {
        Rights { roles: self.roles.as_ref().map(|claim| claim.0.clone()), scopes: self.scopes.as_ref().map(|claim| claim.0.clone()) }
    }
}

/// Adds a provider.
pub fn insert(conn: &mut Conn, row: &IdentityProvider) -> Result<()> {
    diesel::insert_into(identity_providers::table).values(row).execute(conn)?;
    Ok(())
}

/// Replaces a provider's row.
pub fn update(conn: &mut Conn, row: &IdentityProvider) -> Result<()> {
    let own = identity_providers::tenant_id.eq(row.tenant_id).and(identity_providers::id.eq(row.id));
    diesel::update(identity_providers::table.filter(own)).set(row).execute(conn)?;
    Ok(())
}

/// Ends a provider at `at`.
pub fn revoke(conn: &mut Conn, tenant: TenantId, id: IdentityProviderId, at: DateTime<Utc>) -> Result<()> {
    let own = identity_providers::tenant_id.eq(tenant).and(identity_providers::id.eq(id));
    diesel::update(identity_providers::table.filter(own))
        .set((identity_providers::revoked_at.eq(Some(Ts(at))), identity_providers::updated_at.eq(Ts(at))))
        .execute(conn)?;
    Ok(())
}

/// One provider.
pub fn find(conn: &mut Conn, tenant: TenantId, id: IdentityProviderId) -> Result<IdentityProvider> {
    identity_providers::table
        .filter(identity_providers::tenant_id.eq(tenant).and(identity_providers::id.eq(id)))
        .select(IdentityProvider::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("identity provider"))
}

/// Those in force that speak for an issuer, oldest first: one for each audience.
pub fn of_issuer(conn: &mut Conn, tenant: TenantId, issuer: &str) -> Result<Vec<IdentityProvider>> {
    Ok(identity_providers::table
        .filter(identity_providers::tenant_id.eq(tenant).and(identity_providers::issuer.eq(issuer)))
        .filter(identity_providers::revoked_at.is_null())
        .order(identity_providers::id.asc())
        .select(IdentityProvider::as_select())
        .load(conn)?)
}

/// How many are in force.
pub fn count(conn: &mut Conn, tenant: TenantId) -> Result<i64> {
    Ok(identity_providers::table
        .filter(identity_providers::tenant_id.eq(tenant).and(identity_providers::revoked_at.is_null()))
        .count()
        .get_result(conn)?)
}

/// Providers after `after`, oldest first.
pub fn list(conn: &mut Conn, tenant: TenantId, after: Option<IdentityProviderId>, limit: i64) -> Result<Vec<IdentityProvider>> {
    let mut query = identity_providers::table
        .filter(identity_providers::tenant_id.eq(tenant))
        .select(IdentityProvider::as_select())
        .order(identity_providers::id.asc())
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(identity_providers::id.gt(after));
    }
    Ok(query.limit(limit).load(conn)?)
}
