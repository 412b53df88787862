//! Attempts: each hand-over of a message to a provider account, and how it ended.
//!
//! Invariant: a row is committed before its call is made, so that every call that was made has one.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::{BoolExpressionMethods, ExpressionMethods, Insertable, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper};

use super::{Conn, Token, Ts, schema::attempts};
use crate::{
    domain::ids::{MessageId, ProviderAccountId, TenantId},
    error::Result,
    insert_all,
};

/// One attempt's row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = attempts, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct Attempt {
    pub tenant_id: TenantId,
    pub message_id: MessageId,
    pub number: i32,
    pub token: Token,
    pub provider_account_id: ProviderAccountId,
    pub started_at: Ts,
    pub finished_at: Option<Ts>,
    pub outcome: Option<String>,
    pub detail: Option<String>,
    pub round: i32,
}

impl Attempt {
    /// Whether it may have reached its provider, for all we know.
    pub fn is_doubtful(&self) -> bool {
        matches!(self.outcome.as_deref(), None | Some("unknown" | "accepted"))
    }
}

/// Adds attempts.
pub fn insert(conn: &mut Conn, rows: &[Attempt]) -> Result<()> {
    insert_all!(conn, rows, Attempt in attempts {
        tenant_id, message_id, number, token, provider_account_id, started_at, finished_at, outcome, detail, round,
    });
    Ok(())
}

/// Attempts at a message, in order.
pub fn of_message(conn: &mut Conn, tenant: TenantId, id: MessageId) -> Result<Vec<Attempt>> {
    Ok(attempts::table
        .filter(attempts::tenant_id.eq(tenant).and(attempts::message_id.eq(id)))
        .order(attempts::number.asc())
        .select(Attempt::as_select())
        .load(conn)?)
}

/// The first attempt that may have reached its provider, for all we know.
pub fn doubtful(conn: &mut Conn, tenant: TenantId, id: MessageId) -> Result<Option<Attempt>> {
    Ok(of_message(conn, tenant, id)?.into_iter().find(Attempt::is_doubtful))
}

/// The last attempt at each of many messages.
pub fn last_of(conn: &mut Conn, tenant: TenantId, ids: &[MessageId]) -> Result<BTreeMap<MessageId, Attempt>> {
    let rows: Vec<Attempt> = attempts::table
        .filter(attempts::tenant_id.eq(tenant).and(attempts::message_id.eq_any(ids.to_vec())))
        .order(attempts::number.asc())
        .select(Attempt::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(|row| (row.message_id, row)).collect())
}

/// The last attempts through an account that have ended, newest first.
pub fn recent(conn: &mut Conn, tenant: TenantId, account: ProviderAccountId, limit: i64) -> Result<Vec<Attempt>> {
    Ok(attempts::table
        .filter(attempts::tenant_id.eq(tenant).and(attempts::provider_account_id.eq(account)).and(attempts::outcome.is_not_null()))
        .filter(attempts::outcome.ne(Some("not_called")))
        .order(attempts::started_at.desc())
        .limit(limit)
        .select(Attempt::as_select())
        .load(conn)?)
}

/// How the attempts through an account ended that began at `since` or later, by outcome; `None` is under way.
pub fn outcomes(
    conn: &mut Conn,
    tenant: TenantId,
    account: ProviderAccountId,
    since: DateTime<Utc>,
) -> Result<BTreeMap<Option<String>, i64>> {
    let rows: Vec<(Option<String>, i64)> = attempts::table
        .filter(attempts::tenant_id.eq(tenant).and(attempts::provider_account_id.eq(account)).and(attempts::started_at.ge(Ts(since))))
        .group_by(attempts::outcome)
        .select((attempts::outcome, diesel::dsl::count_star()))
        .load(conn)?;
    Ok(rows.into_iter().collect())
}

/// When an attempt through an account last began that was taken.
pub fn last_success(conn: &mut Conn, tenant: TenantId, account: ProviderAccountId) -> Result<Option<DateTime<Utc>>> {
    let here = attempts::tenant_id.eq(tenant).and(attempts::provider_account_id.eq(account));
    let found: Vec<Ts> = attempts::table
        .filter(here.and(attempts::outcome.eq(Some("accepted"))))
        .order(attempts::started_at.desc())
        .limit(1)
        .select(attempts::started_at)
        .load(conn)?;
    Ok(found.first().map(|at| at.0))
}
