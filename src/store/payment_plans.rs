//! Payment plans, their parts and what they cover.

use std::collections::HashMap;

use chrono::NaiveDate;
use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, JoinOnDsl, OptionalExtension, QueryDsl, Queryable, RunQueryDsl,
    Selectable, SelectableHelper, dsl::max,
};

use super::{
    Conn, Ts,
    customers::BATCH,
    order::{self, CreationSort, in_order},
    schema::{allocations, payment_plans, plan_instalments, plan_parts, settlements},
};
use crate::{
    domain::{
        ids::{CustomerId, InstalmentId, PaymentPlanId, TenantId},
        ledger::{
            commitment::Settled,
            payment_plan::{Part, PlanInterest, PlanState},
        },
        money::Currency,
    },
    each,
    error::{Error, Result},
};

/// A plan's row: `ends_on` is the last part's day; `breach` numbers those of its account that were broken; `ended_on` is the last day on which one that
/// was broken or cancelled was being kept.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = payment_plans, treat_none_as_default_value = false, treat_none_as_null = true, primary_key(tenant_id, id))]
#[expect(missing_docs, reason = "columns say what they are; units and meaning stand on the domain's types")]
pub struct PaymentPlan {
    pub tenant_id: TenantId,
    pub id: PaymentPlanId,
    pub customer_id: CustomerId,
    pub currency: Currency,
    pub amount_minor: i64,
    pub tax_first: bool,
    pub interest: PlanInterest,
    pub grace_days: i32,
    pub state: PlanState,
    pub proposed_on: NaiveDate,
    pub accepted_on: Option<NaiveDate>,
    pub accepted_at: Option<Ts>,
    pub accepted_by: Option<String>,
    pub accepted_from: Option<String>,
    pub text: Option<String>,
    pub text_sha256: Option<Vec<u8>>,
    pub ends_on: NaiveDate,
    pub received_minor: i64,
    pub missed_part: Option<i32>,
    pub breach: Option<i32>,
    pub breached_on: Option<NaiveDate>,
    pub version: i64,
    pub created_at: Ts,
    pub updated_at: Ts,
    pub ended_on: Option<NaiveDate>,
}

#[derive(Insertable)]
#[diesel(table_name = plan_instalments)]
struct Cover {
    tenant_id: TenantId,
    plan_id: PaymentPlanId,
    instalment_id: InstalmentId,
}

#[derive(Insertable)]
#[diesel(table_name = plan_parts)]
struct PartRow {
    tenant_id: TenantId,
    plan_id: PaymentPlanId,
    number: i32,
    due_on: NaiveDate,
    amount_minor: i64,
}

/// A first and a last day.
pub type Days = (NaiveDate, NaiveDate);

/// Adds a plan, its parts and what it covers.
pub fn insert(conn: &mut Conn, row: &PaymentPlan, parts: &[Part], instalments: &[InstalmentId]) -> Result<()> {
    diesel::insert_into(payment_plans::table).values(row).execute(conn)?;
    let part = |(number, part): (i32, &Part)| PartRow {
        tenant_id: row.tenant_id,
        plan_id: row.id,
        number,
        due_on: part.due_on,
        amount_minor: part.amount,
    };
    let parts: Vec<PartRow> = (1..).zip(parts).map(part).collect();
    each!(conn, |c| diesel::insert_into(plan_parts::table).values(&parts).execute(c))?;
    let cover = |id: &InstalmentId| Cover { tenant_id: row.tenant_id, plan_id: row.id, instalment_id: *id };
    let covers: Vec<Cover> = instalments.iter().map(cover).collect();
    for part in covers.chunks(BATCH) {
        each!(conn, |c| diesel::insert_into(plan_instalments::table).values(part).execute(c))?;
    }
    Ok(())
}

/// One payment plan.
pub fn find(conn: &mut Conn, tenant: TenantId, id: PaymentPlanId) -> Result<PaymentPlan> {
    payment_plans::table
        .filter(payment_plans::tenant_id.eq(tenant).and(payment_plans::id.eq(id)))
        .select(PaymentPlan::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("payment plan"))
}

/// Replaces a payment plan's row. The caller holds the account's lock.
pub fn update(conn: &mut Conn, row: &PaymentPlan) -> Result<()> {
    diesel::update(payment_plans::table.filter(payment_plans::tenant_id.eq(row.tenant_id).and(payment_plans::id.eq(row.id))))
        .set(row)
        .execute(conn)?;
    Ok(())
}

/// The parts of each of these, by day.
pub fn parts(conn: &mut Conn, tenant: TenantId, ids: &[PaymentPlanId]) -> Result<HashMap<PaymentPlanId, Vec<Part>>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(PaymentPlanId, NaiveDate, i64)> = plan_parts::table
        .filter(plan_parts::tenant_id.eq(tenant).and(plan_parts::plan_id.eq_any(ids.to_vec())))
        .order((plan_parts::plan_id.asc(), plan_parts::number.asc()))
        .select((plan_parts::plan_id, plan_parts::due_on, plan_parts::amount_minor))
        .load(conn)?;
    let mut parts = HashMap::<PaymentPlanId, Vec<Part>>::new();
    for (id, due_on, amount) in rows {
        parts.entry(id).or_default().push(Part { due_on, amount });
    }
    Ok(parts)
}

/// What each of these covers.
pub fn covered(conn: &mut Conn, tenant: TenantId, ids: &[PaymentPlanId]) -> Result<HashMap<PaymentPlanId, Vec<InstalmentId>>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(PaymentPlanId, InstalmentId)> = plan_instalments::table
        .filter(plan_instalments::tenant_id.eq(tenant).and(plan_instalments::plan_id.eq_any(ids.to_vec())))
        .order((plan_instalments::plan_id.asc(), plan_instalments::instalment_id.asc()))
        .select((plan_instalments::plan_id, plan_instalments::instalment_id))
        .load(conn)?;
    let mut covered = HashMap::<PaymentPlanId, Vec<InstalmentId>>::new();
    for (id, instalment) in rows {
        covered.entry(id).or_default().push(instalment);
    }
    Ok(covered)
}

/// What settled the instalments that each of these covers.
pub fn settled(conn: &mut Conn, tenant: TenantId, ids: &[PaymentPlanId]) -> Result<HashMap<PaymentPlanId, Vec<Settled>>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let of_instalment =
        allocations::tenant_id.eq(plan_instalments::tenant_id).and(allocations::instalment_id.eq(plan_instalments::instalment_id));
    let of_settlement = settlements::tenant_id.eq(allocations::tenant_id).and(settlements::id.eq(allocations::settlement_id));
    let rows: Vec<(PaymentPlanId, NaiveDate, i64)> = plan_instalments::table
        .inner_join(allocations::table.on(of_instalment))
        .inner_join(settlements::table.on(of_settlement))
        .filter(plan_instalments::tenant_id.eq(tenant).and(plan_instalments::plan_id.eq_any(ids.to_vec())))
        .select((plan_instalments::plan_id, settlements::settled_on, allocations::amount_minor))
        .load(conn)?;
    let mut settled = HashMap::<PaymentPlanId, Vec<Settled>>::new();
    for (id, on, amount_minor) in rows {
        settled.entry(id).or_default().push(Settled { on, amount_minor });
    }
    Ok(settled)
}

/// The number of an account's next broken payment plan. The caller holds the account's lock.
pub fn next_breach(conn: &mut Conn, tenant: TenantId, customer: CustomerId, currency: Currency) -> Result<i32> {
    let last: Option<i32> = payment_plans::table
        .filter(payment_plans::tenant_id.eq(tenant).and(payment_plans::customer_id.eq(customer)).and(payment_plans::currency.eq(currency)))
        .select(max(payment_plans::breach))
        .first(conn)?;
    Ok(last.unwrap_or(0).saturating_add(1))
}

/// The plans of these customers that are being kept, or ended and had their last part since `since`.
pub fn current(conn: &mut Conn, tenant: TenantId, customers: &[CustomerId], since: NaiveDate) -> Result<Vec<PaymentPlan>> {
    let ended = payment_plans::state.eq_any(vec![PlanState::Kept, PlanState::Broken]);
    let mut rows: Vec<PaymentPlan> = payment_plans::table
        .filter(payment_plans::tenant_id.eq(tenant).and(payment_plans::customer_id.eq_any(customers.to_vec())))
        .filter(payment_plans::state.eq(PlanState::Accepted).or(payment_plans::ends_on.ge(since).and(ended)))
        .select(PaymentPlan::as_select())
        .load(conn)?;
    rows.sort_by_key(|row| row.id);
    Ok(rows)
}

/// Whether some other plan that is being kept covers one of these instalments.
pub fn any_accepted(conn: &mut Conn, tenant: TenantId, instalments: &[InstalmentId]) -> Result<bool> {
    let of_plan = payment_plans::tenant_id.eq(plan_instalments::tenant_id).and(payment_plans::id.eq(plan_instalments::plan_id));
    let found: Option<PaymentPlanId> = plan_instalments::table
        .inner_join(payment_plans::table.on(of_plan))
        .filter(plan_instalments::tenant_id.eq(tenant).and(plan_instalments::instalment_id.eq_any(instalments.to_vec())))
        .filter(payment_plans::state.eq(PlanState::Accepted))
        .select(payment_plans::id)
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}

/// The first and the last days on which plans keep these instalments from bearing interest.
pub fn pauses(conn: &mut Conn, tenant: TenantId, instalments: &[InstalmentId]) -> Result<HashMap<InstalmentId, Vec<Days>>> {
    type Row = (InstalmentId, PlanInterest, PlanState, Option<NaiveDate>, Option<NaiveDate>);
    let mut pauses = HashMap::<InstalmentId, Vec<Days>>::new();
    let of_plan = payment_plans::tenant_id.eq(plan_instalments::tenant_id).and(payment_plans::id.eq(plan_instalments::plan_id));
    for part in instalments.chunks(BATCH) {
        let rows: Vec<Row> = plan_instalments::table
            .inner_join(payment_plans::table.on(of_plan))
            .filter(plan_instalments::tenant_id.eq(tenant).and(plan_instalments::instalment_id.eq_any(part.to_vec())))
            .filter(payment_plans::accepted_on.is_not_null().and(payment_plans::interest.ne(PlanInterest::Continues)))
            .select((
                plan_instalments::instalment_id,
                payment_plans::interest,
                payment_plans::state,
                payment_plans::accepted_on,
                payment_plans::ended_on,
            ))
            .load(conn)?;
        for (instalment, interest, state, accepted_on, ended_on) in rows {
            pauses.entry(instalment).or_default().extend(interest.pause(state, accepted_on, ended_on));
        }
    }
    Ok(pauses)
}

/// What a listing asks for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only of this customer.
    pub customer_id: Option<CustomerId>,
    /// Only in this state.
    pub state: Option<PlanState>,
    /// In which order; as they came, without one.
    pub sort: Option<CreationSort>,
}

/// Payment plans in their order, after `after`.
pub fn list(conn: &mut Conn, tenant: TenantId, filter: &Filter, after: Option<PaymentPlanId>, limit: i64) -> Result<Vec<PaymentPlan>> {
    let mut query = payment_plans::table.filter(payment_plans::tenant_id.eq(tenant)).select(PaymentPlan::as_select()).into_boxed();
    if let Some(customer) = filter.customer_id {
        query = query.filter(payment_plans::customer_id.eq(customer));
    }
    if let Some(state) = filter.state {
        query = query.filter(payment_plans::state.eq(state));
    }
    let down = filter.sort.is_some_and(|sort| order::is_down(sort.as_str()));
    Ok(in_order!(query, payment_plans::id, down, after.map(|id| (id, ()))).limit(limit).load(conn)?)
}
