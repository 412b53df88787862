//! Payments and credit notes, in one table. What they settle is in [`allocations`](super::allocations).

use std::collections::HashMap;

use chrono::NaiveDate;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, JoinOnDsl, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper, dsl::sql, sql_types::BigInt,
};

use super::{
    Conn, Json, Ts,
    allocations::Allocation,
    connection::MultiBackend,
    customers::BATCH,
    order::{self, After, in_order},
    schema::{allocations, settlements},
};
use crate::{
    domain::{
        external::{ExternalKey, Pairs},
        ids::{CustomerId, InstalmentId, TenantId},
        ledger::settlement::{PaymentMethod, PaymentStatus, SettlementId, SettlementKind},
        money::Currency,
    },
    error::{Error, Result},
};

/// The `reason` of a payment that the bank took back.
const RETURNED: &str = "returned";

/// A settlement's row: `0 ≤ unallocated_minor ≤ amount_minor`. A credit note that is `earned_by` a payment is the discount for paying early.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(table_name = settlements, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are; units and meaning stand on the domain's types")]
pub struct Settlement {
    pub tenant_id: TenantId,
    pub id: SettlementId,
    pub kind: SettlementKind,
    pub customer_id: CustomerId,
    pub source: Option<String>,
    pub external_id: Option<String>,
    pub number: Option<String>,
    pub currency: Currency,
    pub amount_minor: i64,
    pub unallocated_minor: i64,
    pub settled_on: NaiveDate,
    pub method: Option<PaymentMethod>,
    pub reference: Option<String>,
    pub reason: Option<String>,
    pub metadata: Json<Pairs>,
    pub version: i64,
    pub created_at: Ts,
    pub updated_at: Ts,
    pub earned_by: Option<SettlementId>,
    pub withdrawn_at: Option<Ts>,
}

impl Settlement {
    /// What became of it; a credit note is never returned.
    pub fn status(&self) -> PaymentStatus {
        match (self.kind, self.reason.as_deref()) {
            (SettlementKind::Payment, Some(RETURNED)) => PaymentStatus::Returned,
            _ => PaymentStatus::Received,
        }
    }

    /// Its id as callers see it.
    pub fn public_id(&self) -> String {
        self.kind.public_id(self.id)
    }
}

/// How an absent one of this kind is called.
const fn name_of(kind: SettlementKind) -> &'static str {
    match kind {
        SettlementKind::Payment => "payment",
        SettlementKind::CreditNote => "credit note",
    }
}

/// Adds a settlement.
pub fn insert(conn: &mut Conn, row: &Settlement) -> Result<()> {
    diesel::insert_into(settlements::table).values(row).execute(conn)?;
    Ok(())
}

/// One settlement of either kind.
pub fn find_any(conn: &mut Conn, tenant: TenantId, id: SettlementId) -> Result<Settlement> {
    settlements::table
        .filter(settlements::tenant_id.eq(tenant).and(settlements::id.eq(id)))
        .select(Settlement::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("settlement"))
}

/// One settlement of a kind.
pub fn find(conn: &mut Conn, tenant: TenantId, kind: SettlementKind, id: SettlementId) -> Result<Settlement> {
    settlements::table
        .filter(settlements::tenant_id.eq(tenant).and(settlements::id.eq(id)).and(settlements::kind.eq(kind)))
        .select(Settlement::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound(name_of(kind)))
}

/// The settlement of a kind that another system gave this name.
pub fn find_by_key(conn: &mut Conn, tenant: TenantId, kind: SettlementKind, key: &ExternalKey) -> Result<Option<Settlement>> {
    Ok(settlements::table
        .filter(settlements::tenant_id.eq(tenant).and(settlements::kind.eq(kind)))
        .filter(settlements::source.eq(&key.source).and(settlements::external_id.eq(&key.external_id)))
        .select(Settlement::as_select())
        .first(conn)
        .optional()?)
}

/// Those of a source's names that are known, each with its public id and whose it is.
pub fn known(conn: &mut Conn, tenant: TenantId, source: &str, names: &[String]) -> Result<HashMap<String, (String, CustomerId)>> {
    let mut found = HashMap::new();
    for part in names.chunks(BATCH) {
        let rows: Vec<(Option<String>, SettlementKind, SettlementId, CustomerId)> = settlements::table
            .filter(settlements::tenant_id.eq(tenant).and(settlements::source.eq(source)))
            .filter(settlements::kind.eq_any([SettlementKind::Payment, SettlementKind::CreditNote]))
            .filter(settlements::external_id.eq_any(part.to_vec()))
            .select((settlements::external_id, settlements::kind, settlements::id, settlements::customer_id))
            .load(conn)?;
        found.extend(rows.into_iter().filter_map(|(name, kind, id, customer)| Some((name?, (kind.public_id(id), customer)))));
    }
    Ok(found)
}

/// The last payments of a source of just this amount: what a return may be of.
pub fn payments_of(conn: &mut Conn, tenant: TenantId, source: &str, currency: Currency, amount: i64) -> Result<Vec<Settlement>> {
    const LAST: i64 = 500;
    Ok(settlements::table
        .filter(settlements::tenant_id.eq(tenant).and(settlements::kind.eq(SettlementKind::Payment)))
        .filter(settlements::source.eq(source).and(settlements::currency.eq(currency)).and(settlements::amount_minor.eq(amount)))
        .order(settlements::id.desc())
        .select(Settlement::as_select())
        .limit(LAST)
        .load(conn)?)
}

/// Notes how much is left to allocate.
pub fn set_unallocated(conn: &mut Conn, tenant: TenantId, id: SettlementId, left: i64, now: Ts) -> Result<()> {
    diesel::update(settlements::table.filter(settlements::tenant_id.eq(tenant).and(settlements::id.eq(id))))
        .set((settlements::unallocated_minor.eq(left), settlements::version.eq(settlements::version + 1), settlements::updated_at.eq(now)))
        .execute(conn)?;
    Ok(())
}

/// Marks a payment as taken back, with nothing left to allocate.
pub fn set_returned(conn: &mut Conn, tenant: TenantId, id: SettlementId, metadata: &Json<Pairs>, now: Ts) -> Result<()> {
    diesel::update(settlements::table.filter(settlements::tenant_id.eq(tenant).and(settlements::id.eq(id))))
        .set((
            settlements::unallocated_minor.eq(0),
            settlements::reason.eq(Some(RETURNED)),
            settlements::metadata.eq(metadata),
            settlements::version.eq(settlements::version + 1),
            settlements::updated_at.eq(now),
        ))
        .execute(conn)?;
    Ok(())
}

/// The discounts that settle a part of an instalment, with their allocations.
pub fn discounts_on(conn: &mut Conn, tenant: TenantId, instalment: InstalmentId) -> Result<Vec<(Settlement, Allocation)>> {
    let of_settlement = allocations::tenant_id.eq(settlements::tenant_id).and(allocations::settlement_id.eq(settlements::id));
    Ok(settlements::table
        .inner_join(allocations::table.on(of_settlement))
        .filter(settlements::tenant_id.eq(tenant).and(allocations::instalment_id.eq(instalment)))
        .filter(settlements::earned_by.is_not_null())
        .select((Settlement::as_select(), Allocation::as_select()))
        .load(conn)?)
}

/// Marks a discount as taken back, with nothing left to allocate.
pub fn set_withdrawn(conn: &mut Conn, tenant: TenantId, id: SettlementId, now: Ts) -> Result<()> {
    diesel::update(settlements::table.filter(settlements::tenant_id.eq(tenant).and(settlements::id.eq(id))))
        .set((
            settlements::unallocated_minor.eq(0),
            settlements::withdrawn_at.eq(Some(now)),
            settlements::version.eq(settlements::version + 1),
            settlements::updated_at.eq(now),
        ))
        .execute(conn)?;
    Ok(())
}

/// What a customer has paid or was credited and settles nothing yet, by currency, in minor units.
pub fn unallocated_by_currency(conn: &mut Conn, tenant: TenantId, customer: CustomerId) -> Result<Vec<(Currency, i64)>> {
    Ok(settlements::table
        .filter(settlements::tenant_id.eq(tenant).and(settlements::customer_id.eq(customer)).and(settlements::unallocated_minor.gt(0)))
        .group_by(settlements::currency)
        .select((settlements::currency, sql::<BigInt>("CAST(SUM(unallocated_minor) AS BIGINT)")))
        .load(conn)?)
}

/// What a listing asks for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only of this customer.
    pub customer_id: Option<CustomerId>,
    /// Only in this currency.
    pub currency: Option<Currency>,
    /// Only those with, or without, something left to allocate.
    pub unallocated: Option<bool>,
}

crate::words! {
    /// The order of payments and of credit notes.
    pub enum SettlementSort {
        /// As they were recorded, the oldest first.
        CreatedAt = "created_at",
        /// The newest first.
        Newest = "-created_at",
        /// By the day on which they count: a payment's value date, a credit note's issue date.
        Date = "date",
        /// The latest day first.
        LatestDate = "-date",
        /// By their amounts in minor units, the smallest first, whatever the currency.
        Amount = "amount",
        /// The largest amount first.
        LargestAmount = "-amount",
    }
}

/// What settlements are sorted by, where that is not their id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortedBy {
    /// The day on which they count.
    Day(NaiveDate),
    /// Their amount, in minor units.
    Amount(i64),
}

impl SortedBy {
    const fn day(self) -> Option<NaiveDate> {
        if let Self::Day(day) = self { Some(day) } else { None }
    }

    const fn amount(self) -> Option<i64> {
        if let Self::Amount(amount) = self { Some(amount) } else { None }
    }
}

impl std::fmt::Display for SortedBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Day(day) => day.fmt(f),
            Self::Amount(amount) => amount.fmt(f),
        }
    }
}

impl std::str::FromStr for SortedBy {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        text.parse().map(Self::Day).or_else(|_| text.parse().map(Self::Amount))
    }
}

impl SettlementSort {
    /// What a row is sorted by in it, beside its id.
    pub const fn key(self, row: &Settlement) -> Option<SortedBy> {
        match self {
            Self::CreatedAt | Self::Newest => None,
            Self::Date | Self::LatestDate => Some(SortedBy::Day(row.settled_on)),
            Self::Amount | Self::LargestAmount => Some(SortedBy::Amount(row.amount_minor)),
        }
    }
}

/// How many of a kind a filter lets through.
pub fn count(conn: &mut Conn, tenant: TenantId, kind: SettlementKind, filter: &Filter) -> Result<i64> {
    Ok(matching(tenant, kind, filter).count().get_result(conn)?)
}

/// Settlements of a kind in an order, after a place in it.
pub fn list(
    conn: &mut Conn,
    tenant: TenantId,
    kind: SettlementKind,
    filter: &Filter,
    (sort, after): (SettlementSort, After<SettlementId, SortedBy>),
    limit: i64,
) -> Result<Vec<Settlement>> {
    let query = matching(tenant, kind, filter).select(Settlement::as_select());
    let down = order::is_down(sort.as_str());
    let query = match sort {
        SettlementSort::CreatedAt | SettlementSort::Newest => in_order!(query, settlements::id, down, after),
        SettlementSort::Date | SettlementSort::LatestDate => {
            let after = after.map(|(id, key)| (id, key.and_then(SortedBy::day)));
            in_order!(query, settlements::settled_on, settlements::id, down, after)
        }
        SettlementSort::Amount | SettlementSort::LargestAmount => {
            let after = after.map(|(id, key)| (id, key.and_then(SortedBy::amount)));
            in_order!(query, settlements::amount_minor, settlements::id, down, after)
        }
    };
    Ok(query.limit(limit).load(conn)?)
}

fn matching(tenant: TenantId, kind: SettlementKind, filter: &Filter) -> settlements::BoxedQuery<'static, MultiBackend> {
    let mut query = settlements::table.filter(settlements::tenant_id.eq(tenant).and(settlements::kind.eq(kind))).into_boxed();
    if let Some(customer) = filter.customer_id {
        query = query.filter(settlements::customer_id.eq(customer));
    }
    if let Some(currency) = filter.currency {
        query = query.filter(settlements::currency.eq(currency));
    }
    match filter.unallocated {
        Some(true) => query.filter(settlements::unallocated_minor.gt(0)),
        Some(false) => query.filter(settlements::unallocated_minor.eq(0)),
        None => query,
    }
}
