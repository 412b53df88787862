//! What connections were told: the raw request first, then each thing in it, once, applied later.
//!
//! Invariant: a thing is one row, however often it is told; one without a next moment waits for nothing.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};
use serde_json::Value;

use super::{
    Conn, Json, Ts,
    schema::{notice_bodies, notices},
};
use crate::{
    domain::{
        connection::NoticeStatus,
        ids::{ConnectionId, NoticeId, TenantId},
    },
    each,
    error::{Error, Result},
};

/// Rows taken away in one statement.
const SWEEP: i64 = 1_000;

/// A request as it arrived.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = notice_bodies)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct NoticeBody {
    pub tenant_id: TenantId,
    pub id: NoticeId,
    pub connection_id: ConnectionId,
    pub headers: Json<BTreeMap<String, String>>,
    pub body: Vec<u8>,
    pub received_at: Ts,
}

/// A thing that was told.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = notices, treat_none_as_default_value = false, treat_none_as_null = true, primary_key(tenant_id, id))]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct Notice {
    pub tenant_id: TenantId,
    pub id: NoticeId,
    pub connection_id: ConnectionId,
    /// The request that it came in; none for what was asked for.
    pub body_id: Option<NoticeId>,
    pub dedupe: String,
    /// What it says, as its system's adapter read it; none where that failed.
    pub told: Option<Json<Value>>,
    pub status: NoticeStatus,
    pub reason: Option<String>,
    pub tried: i32,
    pub next_at: Option<Ts>,
    pub received_at: Ts,
    pub finished_at: Option<Ts>,
}

/// Keeps a request.
pub fn keep(conn: &mut Conn, row: &NoticeBody) -> Result<()> {
    diesel::insert_into(notice_bodies::table).values(row).execute(conn)?;
    Ok(())
}

/// A request as it arrived, if it is still kept.
pub fn body(conn: &mut Conn, tenant: TenantId, id: NoticeId) -> Result<Option<NoticeBody>> {
    Ok(notice_bodies::table
        .filter(notice_bodies::tenant_id.eq(tenant).and(notice_bodies::id.eq(id)))
        .select(NoticeBody::as_select())
        .first(conn)
        .optional()?)
}

/// Whether a connection was told this before.
pub fn is_known(conn: &mut Conn, tenant: TenantId, connection: ConnectionId, dedupe: &str) -> Result<bool> {
    let here = notices::tenant_id.eq(tenant).and(notices::connection_id.eq(connection)).and(notices::dedupe.eq(dedupe));
    Ok(notices::table.filter(here).count().get_result::<i64>(conn)? > 0)
}

/// Adds a notice; `false` if the connection was told the same before.
pub fn insert(conn: &mut Conn, row: &Notice) -> Result<bool> {
    let added = each!(conn, |c| diesel::insert_into(notices::table).values(row).on_conflict_do_nothing().execute(c))?;
    Ok(added == 1)
}

/// Replaces a notice's row.
pub fn update(conn: &mut Conn, row: &Notice) -> Result<()> {
    let here = notices::tenant_id.eq(row.tenant_id).and(notices::id.eq(row.id));
    diesel::update(notices::table.filter(here)).set(row).execute(conn)?;
    Ok(())
}

/// One notice of a connection.
pub fn find(conn: &mut Conn, tenant: TenantId, connection: ConnectionId, id: NoticeId) -> Result<Notice> {
    notices::table
        .filter(notices::tenant_id.eq(tenant).and(notices::id.eq(id)).and(notices::connection_id.eq(connection)))
        .select(Notice::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("notice"))
}

/// Notices of a connection before `before`, the latest first.
pub fn list(
    conn: &mut Conn,
    tenant: TenantId,
    connection: ConnectionId,
    status: Option<NoticeStatus>,
    before: Option<NoticeId>,
    limit: i64,
) -> Result<Vec<Notice>> {
    let mut query = notices::table
        .filter(notices::tenant_id.eq(tenant).and(notices::connection_id.eq(connection)))
        .select(Notice::as_select())
        .order(notices::id.desc())
        .into_boxed();
    if let Some(status) = status {
        query = query.filter(notices::status.eq(status));
    }
    if let Some(before) = before {
        query = query.filter(notices::id.lt(before));
    }
    Ok(query.limit(limit).load(conn)?)
}

/// Takes up to `limit` notices that are due, in the order of their arrival, and sets them aside until `lease`.
pub fn claim(conn: &mut Conn, tenant: TenantId, now: DateTime<Utc>, lease: DateTime<Utc>, limit: i64) -> Result<Vec<Notice>> {
    let query = notices::table
        .filter(notices::tenant_id.eq(tenant).and(notices::next_at.le(Some(Ts(now)))))
        .order((notices::next_at.asc(), notices::id.asc()))
        .limit(limit);
    let rows: Vec<Notice> = match conn {
        Conn::Pg(pg) => query.for_update().skip_locked().load(pg)?,
        Conn::Sqlite(sqlite) => query.load(sqlite)?,
    };
    let taken: Vec<NoticeId> = rows.iter().map(|row| row.id).collect();
    diesel::update(notices::table.filter(notices::tenant_id.eq(tenant).and(notices::id.eq_any(taken))))
        .set(notices::next_at.eq(Some(Ts(lease))))
        .execute(conn)?;
    Ok(rows)
}

/// Leaves what is due of a connection until `until`: its system wants to be left alone.
pub fn postpone(conn: &mut Conn, tenant: TenantId, connection: ConnectionId, until: DateTime<Utc>) -> Result<()> {
    let here = notices::tenant_id.eq(tenant).and(notices::connection_id.eq(connection));
    diesel::update(notices::table.filter(here.and(notices::next_at.lt(Some(Ts(until))))))
        .set(notices::next_at.eq(Some(Ts(until))))
        .execute(conn)?;
    Ok(())
}

/// When the next notice is due.
pub fn next_due(conn: &mut Conn, tenant: TenantId) -> Result<Option<DateTime<Utc>>> {
    let at: Option<Option<Ts>> = notices::table
        .filter(notices::tenant_id.eq(tenant).and(notices::next_at.is_not_null()))
        .order(notices::next_at.asc())
        .select(notices::next_at)
        .first(conn)
        .optional()?;
    Ok(at.flatten().map(|at| at.0))
}

/// Whether anything was received before a moment.
pub fn any_before(conn: &mut Conn, tenant: TenantId, moment: DateTime<Utc>) -> Result<bool> {
    let bodies = notice_bodies::tenant_id.eq(tenant).and(notice_bodies::received_at.lt(Ts(moment)));
    let old: Option<NoticeId> = notice_bodies::table.filter(bodies).select(notice_bodies::id).first(conn).optional()?;
    if old.is_some() {
        return Ok(true);
    }
    let told = notices::tenant_id.eq(tenant).and(notices::received_at.lt(Ts(moment)));
    Ok(notices::table.filter(told).select(notices::id).first::<NoticeId>(conn).optional()?.is_some())
}

/// Takes away what was received before a moment, a thousand rows of each at most.
pub fn sweep(conn: &mut Conn, tenant: TenantId, moment: DateTime<Utc>) -> Result<()> {
    let bodies: Vec<NoticeId> = notice_bodies::table
        .filter(notice_bodies::tenant_id.eq(tenant).and(notice_bodies::received_at.lt(Ts(moment))))
        .select(notice_bodies::id)
        .limit(SWEEP)
        .load(conn)?;
    diesel::delete(notice_bodies::table.filter(notice_bodies::tenant_id.eq(tenant).and(notice_bodies::id.eq_any(bodies)))).execute(conn)?;
    let told: Vec<NoticeId> = notices::table
        .filter(notices::tenant_id.eq(tenant).and(notices::received_at.lt(Ts(moment))))
        .select(notices::id)
        .limit(SWEEP)
        .load(conn)?;
    diesel::delete(notices::table.filter(notices::tenant_id.eq(tenant).and(notices::id.eq_any(told)))).execute(conn)?;
    Ok(())
}
