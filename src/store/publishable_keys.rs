//! Publishable keys, known only by the digest of their text; each opens one debtor's page.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
};

use super::{Conn, Ts, schema::publishable_keys};
use crate::{
    domain::ids::{CustomerId, PublishableKeyId, TenantId},
    error::{Error, Result},
};

/// A key's row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = publishable_keys, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct PublishableKey {
    pub tenant_id: TenantId,
    pub id: PublishableKeyId,
    pub customer_id: CustomerId,
    pub digest: Vec<u8>,
    pub last4: String,
    pub created_by: String,
    pub created_at: Ts,
    pub expires_at: Ts,
    pub revoked_at: Option<Ts>,
    pub last_used_at: Option<Ts>,
}

impl PublishableKey {
    /// Whether it opens its page at `now`.
    pub fn works(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none_or(|at| at.0 > now) && self.expires_at.0 > now
    }
}

/// Adds a key.
pub fn insert(conn: &mut Conn, row: &PublishableKey) -> Result<()> {
    diesel::insert_into(publishable_keys::table).values(row).execute(conn)?;
    Ok(())
}

/// The key whose text has this digest.
pub fn find_by_digest(conn: &mut Conn, tenant: TenantId, digest: &[u8]) -> Result<Option<PublishableKey>> {
    Ok(publishable_keys::table
        .filter(publishable_keys::tenant_id.eq(tenant).and(publishable_keys::digest.eq(digest)))
        .select(PublishableKey::as_select())
        .first(conn)
        .optional()?)
}

/// One key of a customer.
pub fn find(conn: &mut Conn, tenant: TenantId, customer: CustomerId, id: PublishableKeyId) -> Result<PublishableKey> {
    publishable_keys::table
        .filter(publishable_keys::tenant_id.eq(tenant).and(publishable_keys::customer_id.eq(customer)).and(publishable_keys::id.eq(id)))
        .select(PublishableKey::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("publishable key"))
}

/// A customer's keys after `after`, oldest first.
pub fn list(
    conn: &mut Conn,
    tenant: TenantId,
    customer: CustomerId,
    after: Option<PublishableKeyId>,
    limit: i64,
) -> Result<Vec<PublishableKey>> {
    let mut query = publishable_keys::table
        .filter(publishable_keys::tenant_id.eq(tenant).and(publishable_keys::customer_id.eq(customer)))
        .select(PublishableKey::as_select())
        .order(publishable_keys::id.asc())
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(publishable_keys::id.gt(after));
    }
    Ok(query.limit(limit).load(conn)?)
}

/// Ends a key at `at`.
pub fn revoke(conn: &mut Conn, tenant: TenantId, id: PublishableKeyId, at: DateTime<Utc>) -> Result<()> {
    diesel::update(publishable_keys::table.filter(publishable_keys::tenant_id.eq(tenant).and(publishable_keys::id.eq(id))))
        .set(publishable_keys::revoked_at.eq(Some(Ts(at))))
        .execute(conn)?;
    Ok(())
}

/// Notes that a key was used.
pub fn used(conn: &mut Conn, tenant: TenantId, id: PublishableKeyId, at: DateTime<Utc>) -> Result<()> {
    diesel::update(publishable_keys::table.filter(publishable_keys::tenant_id.eq(tenant).and(publishable_keys::id.eq(id))))
        .set(publishable_keys::last_used_at.eq(Some(Ts(at))))
        .execute(conn)?;
    Ok(())
}
