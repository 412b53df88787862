//! Look-ups: messages in doubt whose provider can be asked about them, when it is asked next, and what it said last.
//!
//! Invariant: at most one row a message; one without a next moment is not asked about any more.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};

use super::{Conn, Ts, schema::lookups};
use crate::{
    domain::{
        ids::{MessageId, ProviderAccountId, TenantId},
        provider::LookupFinding,
    },
    error::Result,
};

/// A look-up's row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = lookups, treat_none_as_default_value = false, treat_none_as_null = true, primary_key(tenant_id, message_id))]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct Lookup {
    pub tenant_id: TenantId,
    pub message_id: MessageId,
    pub provider_account_id: ProviderAccountId,
    pub asked: i32,
    pub doubted_at: Ts,
    pub next_at: Option<Ts>,
    pub last_at: Option<Ts>,
    pub finding: Option<LookupFinding>,
    pub detail: Option<String>,
}

/// Begins to ask about a message, or begins anew.
pub fn begin(conn: &mut Conn, row: &Lookup) -> Result<()> {
    let here = lookups::tenant_id.eq(row.tenant_id).and(lookups::message_id.eq(row.message_id));
    if diesel::update(lookups::table.filter(here)).set(row).execute(conn)? == 0 {
        diesel::insert_into(lookups::table).values(row).execute(conn)?;
    }
    Ok(())
}

/// Replaces a row.
pub fn update(conn: &mut Conn, row: &Lookup) -> Result<()> {
    let here = lookups::tenant_id.eq(row.tenant_id).and(lookups::message_id.eq(row.message_id));
    diesel::update(lookups::table.filter(here)).set(row).execute(conn)?;
    Ok(())
}

/// Takes up to `limit` messages that are to be asked about now, and sets them aside until `lease`: nobody else asks meanwhile, and if the asker is lost, somebody will.
pub fn claim(conn: &mut Conn, tenant: TenantId, now: DateTime<Utc>, lease: DateTime<Utc>, limit: i64) -> Result<Vec<Lookup>> {
    let query = lookups::table
        .filter(lookups::tenant_id.eq(tenant).and(lookups::next_at.le(Some(Ts(now)))))
        .order(lookups::next_at.asc())
        .limit(limit);
    let rows: Vec<Lookup> = match conn {
        Conn::Pg(pg) => query.for_update().skip_locked().load(pg)?,
        Conn::Sqlite(sqlite) => query.load(sqlite)?,
    };
    let taken: Vec<MessageId> = rows.iter().map(|row| row.message_id).collect();
    diesel::update(lookups::table.filter(lookups::tenant_id.eq(tenant).and(lookups::message_id.eq_any(taken))))
        .set(lookups::next_at.eq(Some(Ts(lease))))
        .execute(conn)?;
    Ok(rows)
}

/// The look-ups of many messages.
pub fn of_messages(conn: &mut Conn, tenant: TenantId, ids: &[MessageId]) -> Result<BTreeMap<MessageId, Lookup>> {
    let rows: Vec<Lookup> = lookups::table
        .filter(lookups::tenant_id.eq(tenant).and(lookups::message_id.eq_any(ids.to_vec())))
        .select(Lookup::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(|row| (row.message_id, row)).collect())
}

/// When the next provider is to be asked.
pub fn next_due(conn: &mut Conn, tenant: TenantId) -> Result<Option<DateTime<Utc>>> {
    let at: Option<Option<Ts>> = lookups::table
        .filter(lookups::tenant_id.eq(tenant).and(lookups::next_at.is_not_null()))
        .order(lookups::next_at.asc())
        .select(lookups::next_at)
        .first(conn)
        .optional()?;
    Ok(at.flatten().map(|at| at.0))
}
