//! Direct debits: collections announced to the bank, and what became of them.

use chrono::NaiveDate;
use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};

use super::{Conn, Json, Ts, schema::direct_debits};
use crate::{
    domain::{
        ids::{CustomerId, DirectDebitId, TenantId},
        ledger::{
            direct_debit::{Collected, DebitState},
            settlement::SettlementId,
        },
        money::Currency,
    },
    error::{Error, Result},
};

/// A direct debit's row: `amount_minor` is the sum of what it collects.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = direct_debits, treat_none_as_default_value = false, treat_none_as_null = true, primary_key(tenant_id, id))]
#[expect(missing_docs, reason = "columns say what they are; units and meaning stand on the domain's types")]
pub struct DirectDebit {
    pub tenant_id: TenantId,
    pub id: DirectDebitId,
    pub customer_id: CustomerId,
    pub currency: Currency,
    pub collect_on: NaiveDate,
    pub amount_minor: i64,
    pub collected: Json<Vec<Collected>>,
    pub reference: Option<String>,
    pub state: DebitState,
    pub failure: Option<String>,
    pub payment_id: Option<SettlementId>,
    pub version: i64,
    pub created_at: Ts,
    pub updated_at: Ts,
}

/// Adds a direct debit.
pub fn insert(conn: &mut Conn, row: &DirectDebit) -> Result<()> {
    diesel::insert_into(direct_debits::table).values(row).execute(conn)?;
    Ok(())
}

/// One direct debit.
pub fn find(conn: &mut Conn, tenant: TenantId, id: DirectDebitId) -> Result<DirectDebit> {
    direct_debits::table
        .filter(direct_debits::tenant_id.eq(tenant).and(direct_debits::id.eq(id)))
        .select(DirectDebit::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("direct debit"))
}

/// Replaces a direct debit's row. The caller holds the account's lock.
pub fn update(conn: &mut Conn, row: &DirectDebit) -> Result<()> {
    diesel::update(direct_debits::table.filter(direct_debits::tenant_id.eq(row.tenant_id).and(direct_debits::id.eq(row.id))))
        .set(row)
        .execute(conn)?;
    Ok(())
}

/// The direct debits whose money a payment is.
pub fn of_payment(conn: &mut Conn, tenant: TenantId, payment: SettlementId) -> Result<Vec<DirectDebit>> {
    Ok(direct_debits::table
        .filter(direct_debits::tenant_id.eq(tenant).and(direct_debits::payment_id.eq(Some(payment))))
        .select(DirectDebit::as_select())
        .load(conn)?)
}

/// What a listing asks for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only of this customer.
    pub customer_id: Option<CustomerId>,
    /// Only in this state.
    pub state: Option<DebitState>,
}

/// Direct debits after `after`, oldest first.
pub fn list(conn: &mut Conn, tenant: TenantId, filter: &Filter, after: Option<DirectDebitId>, limit: i64) -> Result<Vec<DirectDebit>> {
    let mut query = direct_debits::table
        .filter(direct_debits::tenant_id.eq(tenant))
        .select(DirectDebit::as_select())
        .order(direct_debits::id.asc())
        .into_boxed();
    if let Some(customer) = filter.customer_id {
        query = query.filter(direct_debits::customer_id.eq(customer));
    }
    if let Some(state) = filter.state {
        query = query.filter(direct_debits::state.eq(state));
    }
    if let Some(after) = after {
        query = query.filter(direct_debits::id.gt(after));
    }
    Ok(query.limit(limit).load(conn)?)
}
