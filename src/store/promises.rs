//! Promises, and what they cover.

use std::collections::HashMap;

use chrono::NaiveDate;
use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, JoinOnDsl, OptionalExtension, QueryDsl, Queryable, RunQueryDsl,
    Selectable, SelectableHelper, dsl::max,
};

use super::{
    Conn, Ts,
    customers::BATCH,
    order::{self, After, in_order},
    schema::{allocations, promise_instalments, promises, settlements},
};
use crate::{
    domain::{
        contact::Channel,
        ids::{ContactId, CustomerId, InstalmentId, PromiseId, TaskId, TenantId},
        ledger::{commitment::Settled, promise::PromiseState},
        money::Currency,
    },
    each,
    error::{Error, Result},
};

/// A promise's row: `breach` numbers those of its account that were broken.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = promises, treat_none_as_default_value = false, treat_none_as_null = true, primary_key(tenant_id, id))]
#[expect(missing_docs, reason = "columns say what they are; units and meaning stand on the domain's types")]
pub struct Promise {
    pub tenant_id: TenantId,
    pub id: PromiseId,
    pub customer_id: CustomerId,
    pub currency: Currency,
    pub amount_minor: i64,
    pub made_on: NaiveDate,
    pub due_on: NaiveDate,
    pub ends_on: NaiveDate,
    pub said_by: Option<String>,
    pub contact_id: Option<ContactId>,
    pub channel: Option<Channel>,
    pub task_id: Option<TaskId>,
    pub state: PromiseState,
    pub received_minor: i64,
    pub breach: Option<i32>,
    pub breached_on: Option<NaiveDate>,
    pub version: i64,
    pub created_at: Ts,
    pub updated_at: Ts,
}

/// What a promise covers.
#[derive(Insertable)]
#[diesel(table_name = promise_instalments)]
struct Cover {
    tenant_id: TenantId,
    promise_id: PromiseId,
    instalment_id: InstalmentId,
}

/// Adds a promise and what it covers.
pub fn insert(conn: &mut Conn, row: &Promise, instalments: &[InstalmentId]) -> Result<()> {
    diesel::insert_into(promises::table).values(row).execute(conn)?;
    let cover = |id: &InstalmentId| Cover { tenant_id: row.tenant_id, promise_id: row.id, instalment_id: *id };
    let covers: Vec<Cover> = instalments.iter().map(cover).collect();
    for part in covers.chunks(BATCH) {
        each!(conn, |c| diesel::insert_into(promise_instalments::table).values(part).execute(c))?;
    }
    Ok(())
}

/// One promise.
pub fn find(conn: &mut Conn, tenant: TenantId, id: PromiseId) -> Result<Promise> {
    promises::table
        .filter(promises::tenant_id.eq(tenant).and(promises::id.eq(id)))
        .select(Promise::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("promise"))
}

/// Replaces a promise's row. The caller holds the account's lock.
pub fn update(conn: &mut Conn, row: &Promise) -> Result<()> {
    diesel::update(promises::table.filter(promises::tenant_id.eq(row.tenant_id).and(promises::id.eq(row.id)))).set(row).execute(conn)?;
    Ok(())
}

/// What each of these covers.
pub fn covered(conn: &mut Conn, tenant: TenantId, ids: &[PromiseId]) -> Result<HashMap<PromiseId, Vec<InstalmentId>>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(PromiseId, InstalmentId)> = promise_instalments::table
        .filter(promise_instalments::tenant_id.eq(tenant).and(promise_instalments::promise_id.eq_any(ids.to_vec())))
        .order((promise_instalments::promise_id.asc(), promise_instalments::instalment_id.asc()))
        .select((promise_instalments::promise_id, promise_instalments::instalment_id))
        .load(conn)?;
    let mut covered = HashMap::<PromiseId, Vec<InstalmentId>>::new();
    for (id, instalment) in rows {
        covered.entry(id).or_default().push(instalment);
    }
    Ok(covered)
}

/// What settled the instalments that each of these covers.
pub fn settled(conn: &mut Conn, tenant: TenantId, ids: &[PromiseId]) -> Result<HashMap<PromiseId, Vec<Settled>>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let of_instalment =
        allocations::tenant_id.eq(promise_instalments::tenant_id).and(allocations::instalment_id.eq(promise_instalments::instalment_id));
    let of_settlement = settlements::tenant_id.eq(allocations::tenant_id).and(settlements::id.eq(allocations::settlement_id));
    let rows: Vec<(PromiseId, NaiveDate, i64)> = promise_instalments::table
        .inner_join(allocations::table.on(of_instalment))
        .inner_join(settlements::table.on(of_settlement))
        .filter(promise_instalments::tenant_id.eq(tenant).and(promise_instalments::promise_id.eq_any(ids.to_vec())))
        .select((promise_instalments::promise_id, settlements::settled_on, allocations::amount_minor))
        .load(conn)?;
    let mut settled = HashMap::<PromiseId, Vec<Settled>>::new();
    for (id, on, amount_minor) in rows {
        settled.entry(id).or_default().push(Settled { on, amount_minor });
    }
    Ok(settled)
}

/// The number of an account's next broken promise. The caller holds the account's lock.
pub fn next_breach(conn: &mut Conn, tenant: TenantId, customer: CustomerId, currency: Currency) -> Result<i32> {
    let last: Option<i32> = promises::table
        .filter(promises::tenant_id.eq(tenant).and(promises::customer_id.eq(customer)).and(promises::currency.eq(currency)))
        .select(max(promises::breach))
        .first(conn)?;
    Ok(last.unwrap_or(0).saturating_add(1))
}

/// The promises of these customers that are open, or ended since `since`.
pub fn current(conn: &mut Conn, tenant: TenantId, customers: &[CustomerId], since: NaiveDate) -> Result<Vec<Promise>> {
    let mut rows: Vec<Promise> = promises::table
        .filter(promises::tenant_id.eq(tenant).and(promises::customer_id.eq_any(customers.to_vec())))
        .filter(promises::state.eq(PromiseState::Open).or(promises::ends_on.ge(since).and(promises::state.ne(PromiseState::Withdrawn))))
        .select(Promise::as_select())
        .load(conn)?;
    rows.sort_by_key(|row| row.id);
    Ok(rows)
}

crate::words! {
    /// The order of promises.
    pub enum PromiseSort {
        /// As they came, the oldest first.
        CreatedAt = "created_at",
        /// The newest first.
        Newest = "-created_at",
        /// By the day for which payment is promised, the earliest first.
        Due = "due_on",
        /// The latest day first.
        LatestDue = "-due_on",
    }
}

impl PromiseSort {
    /// Whether a place in it is a day before it is an id.
    pub const fn is_by_due(self) -> bool {
        matches!(self, Self::Due | Self::LatestDue)
    }
}

/// What a listing asks for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only of this customer.
    pub customer_id: Option<CustomerId>,
    /// Only in this state.
    pub state: Option<PromiseState>,
    /// In which order; as they came, without one.
    pub sort: Option<PromiseSort>,
}

/// Promises in an order, after a place in it.
pub fn list(conn: &mut Conn, tenant: TenantId, filter: &Filter, after: After<PromiseId, NaiveDate>, limit: i64) -> Result<Vec<Promise>> {
    let mut query = promises::table.filter(promises::tenant_id.eq(tenant)).select(Promise::as_select()).into_boxed();
    if let Some(customer) = filter.customer_id {
        query = query.filter(promises::customer_id.eq(customer));
    }
    if let Some(state) = filter.state {
        query = query.filter(promises::state.eq(state));
    }
    let down = filter.sort.is_some_and(|sort| order::is_down(sort.as_str()));
    let query = if filter.sort.is_some_and(PromiseSort::is_by_due) {
        in_order!(query, promises::due_on, promises::id, down, after)
    } else {
        in_order!(query, promises::id, down, after)
    };
    Ok(query.limit(limit).load(conn)?)
}
