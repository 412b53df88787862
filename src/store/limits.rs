//! Credit limits, by customer and currency.

use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
};

use super::{Conn, Ts, schema::credit_limits};
use crate::{
    domain::{
        credit::decision::Limit,
        ids::{CustomerId, TenantId},
        money::Currency,
    },
    each,
    error::Result,
};

/// A limit's row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = credit_limits, treat_none_as_default_value = false, treat_none_as_null = true, primary_key(tenant_id, customer_id, currency))]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct CreditLimit {
    pub tenant_id: TenantId,
    pub customer_id: CustomerId,
    pub currency: Currency,
    pub limit_minor: i64,
    pub valid_until: Option<chrono::NaiveDate>,
    pub reason: String,
    pub set_by: String,
    pub updated_at: Ts,
}

impl From<&CreditLimit> for Limit {
    fn from(row: &CreditLimit) -> Self {
        Self { minor: row.limit_minor, valid_until: row.valid_until }
    }
}

/// The limits of customers.
pub fn of_customers(conn: &mut Conn, tenant: TenantId, customers: &[CustomerId]) -> Result<Vec<CreditLimit>> {
    Ok(credit_limits::table
        .filter(credit_limits::tenant_id.eq(tenant).and(credit_limits::customer_id.eq_any(customers.to_vec())))
        .order((credit_limits::customer_id.asc(), credit_limits::currency.asc()))
        .select(CreditLimit::as_select())
        .load(conn)?)
}

/// Sets a limit. The caller holds the account's lock.
pub fn put(conn: &mut Conn, row: &CreditLimit) -> Result<()> {
    each!(conn, |c| diesel::insert_into(credit_limits::table)
        .values(row)
        .on_conflict((credit_limits::tenant_id, credit_limits::customer_id, credit_limits::currency))
        .do_update()
        .set(row)
        .execute(c))?;
    Ok(())
}

/// Takes a limit away; `false` if there was none. The caller holds the account's lock.
pub fn delete(conn: &mut Conn, tenant: TenantId, customer: CustomerId, currency: Currency) -> Result<bool> {
    let here = credit_limits::tenant_id.eq(tenant).and(credit_limits::customer_id.eq(customer)).and(credit_limits::currency.eq(currency));
    Ok(diesel::delete(credit_limits::table.filter(here)).execute(conn)? > 0)
}
