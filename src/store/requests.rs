//! What requests did that changed something, or failed: for whoever asks what became of one.
//!
//! Not evidence: rows are written after the fact, and deleted when they are old.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
};

use super::{Conn, Json, Ts, order::in_order, schema::requests};
use crate::{
    domain::ids::{EvidenceId, RequestId, TenantId},
    error::{Error, Result},
    insert_all,
};

/// For how long rows are kept.
pub const KEPT: TimeDelta = TimeDelta::days(30);

/// A request's row.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(table_name = requests, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct Request {
    pub tenant_id: TenantId,
    pub id: RequestId,
    pub operation: String,
    pub method: String,
    pub path: String,
    pub status: i32,
    pub code: Option<String>,
    pub actor: String,
    pub took_micros: i64,
    pub key_digest: Option<Vec<u8>>,
    pub replayed: bool,
    pub resource: Option<String>,
    pub entries: Option<Json<Vec<EvidenceId>>>,
    pub received_at: Ts,
}

/// Adds rows of one tenant, and deletes those of its that are old at `now`.
pub fn keep(conn: &mut Conn, tenant: TenantId, rows: &[Request], now: DateTime<Utc>) -> Result<()> {
    // Ids begin with the moment at which they were made.
    let old = requests::tenant_id.eq(tenant).and(requests::id.lt(RequestId::earliest(now - KEPT)));
    diesel::delete(requests::table.filter(old)).execute(conn)?;
    insert_all!(conn, rows, Request in requests {
        tenant_id, id, operation, method, path, status, code, actor, took_micros, key_digest, replayed, resource, entries, received_at,
    });
    Ok(())
}

/// Requests that are not older than `since`, the newest first, from behind `after`; of a key's digest alone, or all.
pub fn list(
    conn: &mut Conn,
    tenant: TenantId,
    digest: Option<Vec<u8>>,
    since: DateTime<Utc>,
    after: Option<RequestId>,
    limit: i64,
) -> Result<Vec<Request>> {
    let recent = requests::tenant_id.eq(tenant).and(requests::id.ge(RequestId::earliest(since)));
    let mut query = requests::table.filter(recent).select(Request::as_select()).into_boxed();
    if let Some(digest) = digest {
        query = query.filter(requests::key_digest.eq(Some(digest)));
    }
    Ok(in_order!(query, requests::id, true, after.map(|id| (id, ()))).limit(limit).load(conn)?)
}

/// One request that is not older than `since`.
pub fn find(conn: &mut Conn, tenant: TenantId, id: RequestId, since: DateTime<Utc>) -> Result<Request> {
    requests::table
        .filter(requests::tenant_id.eq(tenant).and(requests::id.eq(id)).and(requests::received_at.ge(Ts(since))))
        .select(Request::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("request"))
}
