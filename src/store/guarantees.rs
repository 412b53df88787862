//! Guarantees: who answers for a customer.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
};

use super::{Conn, Ts, schema::guarantees};
use crate::{
    domain::{
        credit::request::GuaranteeKind,
        ids::{CustomerId, GuaranteeId, TenantId},
        money::Currency,
    },
    error::{Error, Result},
};

/// A guarantee's row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = guarantees, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct Guarantee {
    pub tenant_id: TenantId,
    pub id: GuaranteeId,
    pub customer_id: CustomerId,
    pub kind: GuaranteeKind,
    pub guarantor: String,
    pub currency: Currency,
    pub amount_minor: i64,
    pub valid_from: NaiveDate,
    pub expires_on: Option<NaiveDate>,
    pub reference: Option<String>,
    pub released_at: Option<Ts>,
    pub created_at: Ts,
}

impl Guarantee {
    /// Whether it counts on a day.
    pub fn is_in_force(&self, today: NaiveDate) -> bool {
        self.released_at.is_none() && self.valid_from <= today && self.expires_on.is_none_or(|last| last >= today)
    }
}

/// Adds a guarantee.
pub fn insert(conn: &mut Conn, row: &Guarantee) -> Result<()> {
    diesel::insert_into(guarantees::table).values(row).execute(conn)?;
    Ok(())
}

/// One guarantee.
pub fn find(conn: &mut Conn, tenant: TenantId, id: GuaranteeId) -> Result<Guarantee> {
    guarantees::table
        .filter(guarantees::tenant_id.eq(tenant).and(guarantees::id.eq(id)))
        .select(Guarantee::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("guarantee"))
}

/// Those of these customers that were not released, expired ones too.
pub fn standing(conn: &mut Conn, tenant: TenantId, customers: &[CustomerId]) -> Result<Vec<Guarantee>> {
    Ok(guarantees::table
        .filter(guarantees::tenant_id.eq(tenant).and(guarantees::customer_id.eq_any(customers.to_vec())))
        .filter(guarantees::released_at.is_null())
        .order(guarantees::id.asc())
        .select(Guarantee::as_select())
        .load(conn)?)
}

/// Guarantees after `after`, oldest first.
pub fn list(
    conn: &mut Conn,
    tenant: TenantId,
    customer: Option<CustomerId>,
    after: Option<GuaranteeId>,
    limit: i64,
) -> Result<Vec<Guarantee>> {
    let mut query =
        guarantees::table.filter(guarantees::tenant_id.eq(tenant)).select(Guarantee::as_select()).order(guarantees::id.asc()).into_boxed();
    if let Some(customer) = customer {
        query = query.filter(guarantees::customer_id.eq(customer));
    }
    if let Some(after) = after {
        query = query.filter(guarantees::id.gt(after));
    }
    Ok(query.limit(limit).load(conn)?)
}

/// Marks a guarantee as released.
pub fn release(conn: &mut Conn, tenant: TenantId, id: GuaranteeId, at: DateTime<Utc>) -> Result<()> {
    diesel::update(guarantees::table.filter(guarantees::tenant_id.eq(tenant).and(guarantees::id.eq(id))))
        .set(guarantees::released_at.eq(Some(Ts(at))))
        .execute(conn)?;
    Ok(())
}
