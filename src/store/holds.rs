//! Holds: customers and invoices left in peace for a while.

use chrono::NaiveDate;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
};

use super::{
    Conn, Ts,
    order::{self, CreationSort, in_order},
    schema::holds,
};
use crate::{
    domain::ids::{CustomerId, HoldId, InvoiceId, TenantId},
    error::{Error, Result},
};

/// A hold's row. One on an invoice bears its customer, too; one without `starts_on` began when it was placed.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(table_name = holds, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct Hold {
    pub tenant_id: TenantId,
    pub id: HoldId,
    pub customer_id: CustomerId,
    pub invoice_id: Option<InvoiceId>,
    pub reason: String,
    pub until: Option<NaiveDate>,
    pub created_by: String,
    pub created_at: Ts,
    pub lifted_at: Option<Ts>,
    pub starts_on: Option<NaiveDate>,
}

/// Adds a hold.
pub fn insert(conn: &mut Conn, row: &Hold) -> Result<()> {
    diesel::insert_into(holds::table).values(row).execute(conn)?;
    Ok(())
}

/// One hold.
pub fn find(conn: &mut Conn, tenant: TenantId, id: HoldId) -> Result<Hold> {
    holds::table
        .filter(holds::tenant_id.eq(tenant).and(holds::id.eq(id)))
        .select(Hold::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("hold"))
}

/// Ends a hold at `at`.
pub fn lift(conn: &mut Conn, tenant: TenantId, id: HoldId, at: Ts) -> Result<()> {
    diesel::update(holds::table.filter(holds::tenant_id.eq(tenant).and(holds::id.eq(id))))
        .set(holds::lifted_at.eq(Some(at)))
        .execute(conn)?;
    Ok(())
}

/// What a listing asks for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only of this customer, or of its invoices.
    pub customer_id: Option<CustomerId>,
    /// Only on this invoice.
    pub invoice_id: Option<InvoiceId>,
    /// Only those lifted, or not.
    pub lifted: Option<bool>,
    /// In which order; as they came, without one.
    pub sort: Option<CreationSort>,
}

/// Holds in their order, after `after`.
pub fn list(conn: &mut Conn, tenant: TenantId, filter: &Filter, after: Option<HoldId>, limit: i64) -> Result<Vec<Hold>> {
    let mut query = holds::table.filter(holds::tenant_id.eq(tenant)).select(Hold::as_select()).into_boxed();
    if let Some(customer) = filter.customer_id {
        query = query.filter(holds::customer_id.eq(customer));
    }
    if let Some(invoice) = filter.invoice_id {
        query = query.filter(holds::invoice_id.eq(Some(invoice)));
    }
    query = match filter.lifted {
        Some(true) => query.filter(holds::lifted_at.is_not_null()),
        Some(false) => query.filter(holds::lifted_at.is_null()),
        None => query,
    };
    let down = filter.sort.is_some_and(|sort| order::is_down(sort.as_str()));
    Ok(in_order!(query, holds::id, down, after.map(|id| (id, ()))).limit(limit).load(conn)?)
}
