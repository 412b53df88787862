//! What providers report: the raw request first, then its statements, each once, applied later by rank.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
};

use super::{
    Conn, Json, Ts,
    schema::{inbound_requests, receipts},
};
use crate::{
    domain::{
        delivery::DeliveryStatus,
        ids::{MessageId, ProviderAccountId, ReceiptId, TenantId},
    },
    each,
    error::Result,
};

/// A request as it arrived.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = inbound_requests)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct InboundRequest {
    pub tenant_id: TenantId,
    pub id: ReceiptId,
    pub provider_account_id: ProviderAccountId,
    pub digest: Vec<u8>,
    pub method: String,
    pub query: String,
    pub headers: Json<std::collections::BTreeMap<String, String>>,
    pub body: Vec<u8>,
    pub received_at: Ts,
}

/// One statement of a provider.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = receipts, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct Receipt {
    pub tenant_id: TenantId,
    pub id: ReceiptId,
    pub provider_account_id: ProviderAccountId,
    pub request_id: Option<ReceiptId>,
    pub dedupe: String,
    pub message_id: Option<MessageId>,
    pub provider_message_id: Option<String>,
    pub address: Option<String>,
    pub status: DeliveryStatus,
    pub raw_name: String,
    pub detail: Option<String>,
    pub occurred_at: Ts,
    pub due_at: Ts,
    pub applied_at: Option<Ts>,
    pub outcome: Option<String>,
}

/// Keeps a request; `false` if the very same one is kept already.
pub fn keep(conn: &mut Conn, row: &InboundRequest) -> Result<bool> {
    let added = each!(conn, |c| diesel::insert_into(inbound_requests::table).values(row).on_conflict_do_nothing().execute(c))?;
    Ok(added == 1)
}

/// A request as it arrived, if it is kept.
pub fn request(conn: &mut Conn, tenant: TenantId, id: ReceiptId) -> Result<Option<InboundRequest>> {
    Ok(inbound_requests::table
        .filter(inbound_requests::tenant_id.eq(tenant).and(inbound_requests::id.eq(id)))
        .select(InboundRequest::as_select())
        .first(conn)
        .optional()?)
}

/// A statement, if it is kept.
pub fn find(conn: &mut Conn, tenant: TenantId, id: ReceiptId) -> Result<Option<Receipt>> {
    Ok(receipts::table
        .filter(receipts::tenant_id.eq(tenant).and(receipts::id.eq(id)))
        .select(Receipt::as_select())
        .first(conn)
        .optional()?)
}

/// Keeps statements; a repeated one is dropped. Returns how many were new.
pub fn insert(conn: &mut Conn, rows: &[Receipt]) -> Result<usize> {
    let mut added: usize = 0;
    for row in rows {
        added =
            added.saturating_add(each!(conn, |c| diesel::insert_into(receipts::table).values(row).on_conflict_do_nothing().execute(c))?);
    }
    Ok(added)
}

/// Statements whose time has come, oldest first, locked against every other applier.
pub fn due(conn: &mut Conn, tenant: TenantId, now: DateTime<Utc>, limit: i64) -> Result<Vec<Receipt>> {
    let query = receipts::table
        .filter(receipts::tenant_id.eq(tenant).and(receipts::applied_at.is_null()).and(receipts::due_at.le(Ts(now))))
        .order((receipts::due_at.asc(), receipts::id.asc()))
        .limit(limit);
    Ok(match conn {
        Conn::Pg(pg) => query.for_update().skip_locked().load(pg)?,
        Conn::Sqlite(sqlite) => query.load(sqlite)?,
    })
}

/// Notes what a statement led to.
pub fn applied(
    conn: &mut Conn,
    tenant: TenantId,
    id: ReceiptId,
    message: Option<MessageId>,
    outcome: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(receipts::table.filter(receipts::tenant_id.eq(tenant).and(receipts::id.eq(id))))
        .set((receipts::applied_at.eq(Some(Ts(now))), receipts::outcome.eq(Some(outcome)), receipts::message_id.eq(message)))
        .execute(conn)?;
    Ok(())
}

/// Puts a statement about a message that is not known yet off.
pub fn postpone(conn: &mut Conn, tenant: TenantId, id: ReceiptId, until: DateTime<Utc>) -> Result<()> {
    diesel::update(receipts::table.filter(receipts::tenant_id.eq(tenant).and(receipts::id.eq(id))))
        .set(receipts::due_at.eq(Ts(until)))
        .execute(conn)?;
    Ok(())
}

/// Statements about a message, oldest first.
pub fn of_message(conn: &mut Conn, tenant: TenantId, message: MessageId) -> Result<Vec<Receipt>> {
    Ok(receipts::table
        .filter(receipts::tenant_id.eq(tenant).and(receipts::message_id.eq(Some(message))))
        .order(receipts::occurred_at.asc())
        .select(Receipt::as_select())
        .load(conn)?)
}

/// The next moment at which a statement is to be applied.
pub fn next_due(conn: &mut Conn, tenant: TenantId) -> Result<Option<DateTime<Utc>>> {
    let at: Option<Ts> = receipts::table
        .filter(receipts::tenant_id.eq(tenant).and(receipts::applied_at.is_null()))
        .order(receipts::due_at.asc())
        .select(receipts::due_at)
        .first(conn)
        .optional()?;
    Ok(at.map(|at| at.0))
}
