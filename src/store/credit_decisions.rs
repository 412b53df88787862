//! Credit decisions, and what they reserve.
//!
//! Rows of an account are written only under its lock, so the sum of what is held never changes between a decision's look and its word.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};

use super::{Conn, Json, Ts, schema::credit_decisions};
use crate::{
    domain::{
        credit::{
            decision::{CreditOutcome, Exposure, ReasonGiven},
            request::Reservation,
        },
        ids::{CreditDecisionId, CustomerId, InvoiceId, TenantId},
        money::Currency,
    },
    error::{Error, Result},
};

/// A decision's row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = credit_decisions, treat_none_as_default_value = false, treat_none_as_null = true, primary_key(tenant_id, id))]
#[expect(missing_docs, reason = "columns say what they are; units and meaning stand on the domain's types")]
pub struct CreditDecision {
    pub tenant_id: TenantId,
    pub id: CreditDecisionId,
    pub customer_id: CustomerId,
    pub currency: Currency,
    pub amount_minor: i64,
    pub order_reference: Option<String>,
    pub outcome: CreditOutcome,
    pub prepayment_minor: i64,
    pub available_minor: Option<i64>,
    pub score: i32,
    pub exposure: Json<Exposure>,
    pub reasons: Json<Vec<ReasonGiven>>,
    pub reservation: Reservation,
    pub reserved_minor: i64,
    pub reserved_until: Option<Ts>,
    pub invoice_id: Option<InvoiceId>,
    pub override_reason: Option<String>,
    pub override_by: Option<String>,
    pub overridden_at: Option<Ts>,
    pub version: i64,
    pub created_at: Ts,
}

impl CreditDecision {
    /// Whether what it reserves counts against the limit.
    pub fn holds(&self, now: DateTime<Utc>) -> bool {
        self.reservation == Reservation::Held && self.reserved_until.is_some_and(|until| until.0 > now)
    }
}

/// Adds a decision.
pub fn insert(conn: &mut Conn, row: &CreditDecision) -> Result<()> {
    diesel::insert_into(credit_decisions::table).values(row).execute(conn)?;
    Ok(())
}

/// Replaces a decision's row. The caller holds the account's lock.
pub fn update(conn: &mut Conn, row: &CreditDecision) -> Result<()> {
    let here = credit_decisions::tenant_id.eq(row.tenant_id).and(credit_decisions::id.eq(row.id));
    diesel::update(credit_decisions::table.filter(here)).set(row).execute(conn)?;
    Ok(())
}

/// One decision.
pub fn find(conn: &mut Conn, tenant: TenantId, id: CreditDecisionId) -> Result<CreditDecision> {
    credit_decisions::table
        .filter(credit_decisions::tenant_id.eq(tenant).and(credit_decisions::id.eq(id)))
        .select(CreditDecision::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("credit decision"))
}

/// Those of customers' decisions whose reservation was neither confirmed nor released, the oldest first; expired ones too.
pub fn held(conn: &mut Conn, tenant: TenantId, customers: &[CustomerId]) -> Result<Vec<CreditDecision>> {
    let mut found = Vec::new();
    for part in customers.chunks(super::customers::BATCH) {
        let rows: Vec<CreditDecision> = credit_decisions::table
            .filter(credit_decisions::tenant_id.eq(tenant).and(credit_decisions::customer_id.eq_any(part.to_vec())))
            // The literal lets both planners see that the partial index serves.
            .filter(diesel::dsl::sql::<diesel::sql_types::Bool>("reservation = 'held'"))
            .order(credit_decisions::id.asc())
            .select(CreditDecision::as_select())
            .load(conn)?;
        found.extend(rows);
    }
    Ok(found)
}

/// What is reserved in each account of customers, in minor units.
pub fn reserved(
    conn: &mut Conn,
    tenant: TenantId,
    customers: &[CustomerId],
    now: DateTime<Utc>,
) -> Result<HashMap<(CustomerId, Currency), i64>> {
    let mut sums = HashMap::new();
    for row in held(conn, tenant, customers)?.into_iter().filter(|row| row.holds(now)) {
        let sum: &mut i64 = sums.entry((row.customer_id, row.currency)).or_default();
        *sum = sum.saturating_add(row.reserved_minor);
    }
    Ok(sums)
}

/// Decisions after `after`, oldest first.
pub fn list(
    conn: &mut Conn,
    tenant: TenantId,
    customer: Option<CustomerId>,
    after: Option<CreditDecisionId>,
    limit: i64,
) -> Result<Vec<CreditDecision>> {
    let mut query = credit_decisions::table
        .filter(credit_decisions::tenant_id.eq(tenant))
        .select(CreditDecision::as_select())
        .order(credit_decisions::id.asc())
        .into_boxed();
    if let Some(customer) = customer {
        query = query.filter(credit_decisions::customer_id.eq(customer));
    }
    if let Some(after) = after {
        query = query.filter(credit_decisions::id.gt(after));
    }
    Ok(query.limit(limit).load(conn)?)
}
