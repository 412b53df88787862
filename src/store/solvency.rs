//! Solvency checks: asked of a provider, answered later.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};

use super::{Conn, Ts, schema::solvency_checks};
use crate::{
    domain::{
        credit::request::SolvencyState,
        ids::{CustomerId, ProviderAccountId, SolvencyCheckId, TenantId},
        money::Currency,
    },
    error::{Error, Result},
};

/// A check's row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = solvency_checks, treat_none_as_default_value = false, treat_none_as_null = true, primary_key(tenant_id, id))]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct SolvencyCheck {
    pub tenant_id: TenantId,
    pub id: SolvencyCheckId,
    pub customer_id: CustomerId,
    pub provider_account_id: Option<ProviderAccountId>,
    pub state: SolvencyState,
    pub reason: Option<String>,
    pub attempts: i32,
    pub next_attempt_at: Option<Ts>,
    pub rating: Option<i32>,
    pub recommended_minor: Option<i64>,
    pub currency: Option<Currency>,
    pub reference: Option<String>,
    pub summary: Option<String>,
    pub failure: Option<String>,
    pub requested_at: Ts,
    pub answered_at: Option<Ts>,
}

/// Adds a check.
pub fn insert(conn: &mut Conn, row: &SolvencyCheck) -> Result<()> {
    diesel::insert_into(solvency_checks::table).values(row).execute(conn)?;
    Ok(())
}

/// Replaces a check's row.
pub fn update(conn: &mut Conn, row: &SolvencyCheck) -> Result<()> {
    let here = solvency_checks::tenant_id.eq(row.tenant_id).and(solvency_checks::id.eq(row.id));
    diesel::update(solvency_checks::table.filter(here)).set(row).execute(conn)?;
    Ok(())
}

/// One check.
pub fn find(conn: &mut Conn, tenant: TenantId, id: SolvencyCheckId) -> Result<SolvencyCheck> {
    solvency_checks::table
        .filter(solvency_checks::tenant_id.eq(tenant).and(solvency_checks::id.eq(id)))
        .select(SolvencyCheck::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("solvency check"))
}

/// Checks of a customer after `after`, oldest first.
pub fn list(
    conn: &mut Conn,
    tenant: TenantId,
    customer: CustomerId,
    after: Option<SolvencyCheckId>,
    limit: i64,
) -> Result<Vec<SolvencyCheck>> {
    let mut query = solvency_checks::table
        .filter(solvency_checks::tenant_id.eq(tenant).and(solvency_checks::customer_id.eq(customer)))
        .select(SolvencyCheck::as_select())
        .order(solvency_checks::id.asc())
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(solvency_checks::id.gt(after));
    }
    Ok(query.limit(limit).load(conn)?)
}

/// The last rating of each customer, and when it came.
pub fn latest(conn: &mut Conn, tenant: TenantId, customers: &[CustomerId]) -> Result<HashMap<CustomerId, (i32, DateTime<Utc>)>> {
    let rows: Vec<(CustomerId, Option<i32>, Option<Ts>)> = solvency_checks::table
        .filter(solvency_checks::tenant_id.eq(tenant).and(solvency_checks::customer_id.eq_any(customers.to_vec())))
        .filter(solvency_checks::state.eq(SolvencyState::Answered))
        .order((solvency_checks::answered_at.asc(), solvency_checks::id.asc()))
        .select((solvency_checks::customer_id, solvency_checks::rating, solvency_checks::answered_at))
        .load(conn)?;
    Ok(rows.into_iter().filter_map(|(customer, rating, at)| Some((customer, (rating?, at?.0)))).collect())
}

/// Takes up to `limit` checks that are to be asked now, and sets them aside until `lease`: nobody else asks meanwhile, and if the asker is lost, somebody will.
pub fn claim(conn: &mut Conn, tenant: TenantId, now: DateTime<Utc>, lease: DateTime<Utc>, limit: i64) -> Result<Vec<SolvencyCheck>> {
    let query = solvency_checks::table
        .filter(solvency_checks::tenant_id.eq(tenant).and(solvency_checks::next_attempt_at.le(Some(Ts(now)))))
        .order(solvency_checks::next_attempt_at.asc())
        .limit(limit);
    let mut rows: Vec<SolvencyCheck> = match conn {
        Conn::Pg(pg) => query.for_update().skip_locked().load(pg)?,
        Conn::Sqlite(sqlite) => query.load(sqlite)?,
    };
    for row in &mut rows {
        row.attempts = row.attempts.saturating_add(1);
        row.next_attempt_at = Some(Ts(lease));
        update(conn, row)?;
    }
    Ok(rows)
}

/// When the next check is to be asked.
pub fn next_due(conn: &mut Conn, tenant: TenantId) -> Result<Option<DateTime<Utc>>> {
    let at: Option<Option<Ts>> = solvency_checks::table
        .filter(solvency_checks::tenant_id.eq(tenant).and(solvency_checks::next_attempt_at.is_not_null()))
        .order(solvency_checks::next_attempt_at.asc())
        .select(solvency_checks::next_attempt_at)
        .first(conn)
        .optional()?;
    Ok(at.flatten().map(|at| at.0))
}
