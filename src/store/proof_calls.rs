//! Receipts of letters whose documents are still to be read out of them, or asked for: when that is tried next, and how it went last.
//!
//! Invariant: at most one row a receipt; one without a next moment is not tried any more.

use chrono::{DateTime, Utc};
use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
};

use super::{Conn, Ts, schema::proof_calls};
use crate::{
    domain::ids::{ProviderAccountId, ReceiptId, TenantId},
    each,
    error::Result,
};

/// A call's row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = proof_calls, treat_none_as_default_value = false, treat_none_as_null = true, primary_key(tenant_id, id))]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct ProofCall {
    pub tenant_id: TenantId,
    pub id: ReceiptId,
    pub provider_account_id: ProviderAccountId,
    pub tried: i32,
    pub began_at: Ts,
    pub next_at: Option<Ts>,
    pub detail: Option<String>,
}

/// Adds a call, unless it is there.
pub fn insert(conn: &mut Conn, row: &ProofCall) -> Result<()> {
    each!(conn, |c| diesel::insert_into(proof_calls::table).values(row).on_conflict_do_nothing().execute(c))?;
    Ok(())
}

/// Takes up to `limit` calls that are due, and sets them aside until `lease`: nobody else makes them meanwhile, and if the caller is lost, somebody will.
pub fn claim(conn: &mut Conn, tenant: TenantId, now: DateTime<Utc>, lease: DateTime<Utc>, limit: i64) -> Result<Vec<ProofCall>> {
    let query = proof_calls::table
        .filter(proof_calls::tenant_id.eq(tenant).and(proof_calls::next_at.le(Some(Ts(now)))))
        .order(proof_calls::next_at.asc())
        .limit(limit);
    let rows: Vec<ProofCall> = match conn {
        Conn::Pg(pg) => query.for_update().skip_locked().load(pg)?,
        Conn::Sqlite(sqlite) => query.load(sqlite)?,
    };
    let taken: Vec<ReceiptId> = rows.iter().map(|row| row.id).collect();
    diesel::update(proof_calls::table.filter(proof_calls::tenant_id.eq(tenant).and(proof_calls::id.eq_any(taken))))
        .set(proof_calls::next_at.eq(Some(Ts(lease))))
        .execute(conn)?;
    Ok(rows)
}

/// Replaces a row.
pub fn update(conn: &mut Conn, row: &ProofCall) -> Result<()> {
    diesel::update(proof_calls::table.filter(proof_calls::tenant_id.eq(row.tenant_id).and(proof_calls::id.eq(row.id))))
        .set(row)
        .execute(conn)?;
    Ok(())
}

/// When the next call is due.
pub fn next_due(conn: &mut Conn, tenant: TenantId) -> Result<Option<DateTime<Utc>>> {
    let at: Option<Option<Ts>> = proof_calls::table
        .filter(proof_calls::tenant_id.eq(tenant).and(proof_calls::next_at.is_not_null()))
        .order(proof_calls::next_at.asc())
        .select(proof_calls::next_at)
        .first(conn)
        .optional()?;
    Ok(at.flatten().map(|at| at.0))
}
