//! Direct debits: collections announced to the bank, and what became of them.

use std::collections::HashSet;

use chrono::NaiveDate;
use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper, dsl::sql, sql_types::Bool,
};

use super::{
    Conn, Json, Ts,
    customers::BATCH,
    order::{self, After, in_order},
    schema::direct_debits,
};
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

/// Those of the customers to whom a debit is announced.
pub fn announced_to(conn: &mut Conn, tenant: TenantId, customers: &[CustomerId]) -> Result<HashSet<CustomerId>> {
    let mut found = HashSet::new();
    for part in customers.chunks(BATCH) {
        let rows: Vec<CustomerId> = direct_debits::table
            .filter(direct_debits::tenant_id.eq(tenant).and(direct_debits::customer_id.eq_any(part.to_vec())))
            .filter(sql::<Bool>("state = 'announced'"))
            .select(direct_debits::customer_id)
            .load(conn)?;
        found.extend(rows);
    }
    Ok(found)
}

crate::words! {
    /// The order of direct debits.
    pub enum DirectDebitSort {
        /// As they came, the oldest first.
        CreatedAt = "created_at",
        /// The newest first.
        Newest = "-created_at",
        /// By the day of the collection, the earliest first.
        CollectOn = "collect_on",
        /// The latest day first.
        LatestCollection = "-collect_on",
    }
}

impl DirectDebitSort {
    /// Whether a place in it is a day before it is an id.
    pub const fn is_by_collect_on(self) -> bool {
        matches!(self, Self::CollectOn | Self::LatestCollection)
    }
}

/// What a listing asks for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only of this customer.
    pub customer_id: Option<CustomerId>,
    /// Only in this state.
    pub state: Option<DebitState>,
    /// In which order; as they came, without one.
    pub sort: Option<DirectDebitSort>,
}

/// Direct debits in an order, after a place in it.
pub fn list(
    conn: &mut Conn,
    tenant: TenantId,
    filter: &Filter,
    after: After<DirectDebitId, NaiveDate>,
    limit: i64,
) -> Result<Vec<DirectDebit>> {
    let mut query = direct_debits::table.filter(direct_debits::tenant_id.eq(tenant)).select(DirectDebit::as_select()).into_boxed();
    if let Some(customer) = filter.customer_id {
        query = query.filter(direct_debits::customer_id.eq(customer));
    }
    if let Some(state) = filter.state {
        query = query.filter(direct_debits::state.eq(state));
    }
    let down = filter.sort.is_some_and(|sort| order::is_down(sort.as_str()));
    let query = if filter.sort.is_some_and(DirectDebitSort::is_by_collect_on) {
        in_order!(query, direct_debits::collect_on, direct_debits::id, down, after)
    } else {
        in_order!(query, direct_debits::id, down, after)
    };
    Ok(query.limit(limit).load(conn)?)
}
