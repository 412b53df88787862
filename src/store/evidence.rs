//! The journal and its Merkle log.
//!
//! Rows are only added; the database refuses anything else. An entry has its place in the log (`seq`) from the beginning, and waits for a signed head that covers it.
//! Invariant: places follow commits and leave no gap, for whoever adds entries holds the log's size until the commit.

mod log;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper, sql_query, sql_types::BigInt,
};

pub use log::{checkpoint_of, checkpoints, has_signed, newest, newest_line, node, seal, sealed_size, size};

use super::{
    Conn, Json, Ts,
    schema::{evidence_disclosures, evidence_entries, tenants},
    types::DbUuid,
};
use crate::{
    domain::{
        crypto::Hash,
        evidence::entry::{Commitment, Disclosure, Entry},
        ids::{EvidenceId, TenantId},
    },
    each,
    error::{Error, Result},
    insert_all,
};

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = evidence_entries, treat_none_as_default_value = false)]
struct Row {
    tenant_id: TenantId,
    id: EvidenceId,
    seq: i64,
    kind: String,
    subject: String,
    actor: String,
    privileged: bool,
    occurred_at: Ts,
    recorded_at: Ts,
    body: String,
    commitments: Json<Vec<Commitment>>,
    digest: Vec<u8>,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = evidence_disclosures)]
struct DisclosureRow {
    tenant_id: TenantId,
    entry_id: EvidenceId,
    field: String,
    salt: Vec<u8>,
    value: String,
}

/// An entry and its place in the log.
#[derive(Debug, Clone)]
pub struct Placed {
    /// Its index in the tree, from 0.
    pub seq: u64,
    /// The entry.
    pub entry: Entry,
    /// Its digest as it was computed when it was written: to be shown and checked, never to be trusted.
    pub digest: Hash,
}

/// Adds entries and what opens their commitments.
pub fn append(conn: &mut Conn, tenant: TenantId, entries: &[(Entry, Vec<Disclosure>)]) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let first = extend(conn, tenant, i64::try_from(entries.len()).map_err(Error::internal)?)?;
    let rows = (first..)
        .zip(entries)
        .map(|(seq, (entry, _))| {
            Ok(Row {
                tenant_id: tenant,
                id: entry.id,
                seq,
                kind: entry.kind.clone(),
                subject: entry.subject.clone(),
                actor: entry.actor.clone(),
                privileged: entry.privileged,
                occurred_at: Ts(entry.occurred_at),
                recorded_at: Ts(entry.recorded_at),
                body: entry.body.to_string(),
                commitments: Json(entry.commitments.clone()),
                digest: entry.digest(tenant).map_err(Error::internal)?.to_vec(),
            })
        })
        .collect::<Result<Vec<Row>>>()?;
    let opened: Vec<DisclosureRow> = entries
        .iter()
        .flat_map(|(entry, opened)| opened.iter().map(|one| (entry.id, one)))
        .map(|(entry_id, one)| DisclosureRow {
            tenant_id: tenant,
            entry_id,
            field: one.field.clone(),
            salt: one.salt.to_vec(),
            value: one.value.clone(),
        })
        .collect();
    insert_all!(conn, &rows, Row in evidence_entries {
        tenant_id, id, seq, kind, subject, actor, privileged, occurred_at, recorded_at, body, commitments, digest,
    });
    insert_all!(conn, &opened, DisclosureRow in evidence_disclosures {
        tenant_id, entry_id, field, salt, value,
    });
    Ok(())
}

#[derive(diesel::QueryableByName)]
struct Grown {
    #[diesel(sql_type = BigInt)]
    size: i64,
}

/// Makes room for `count` entries more; returns the place of the first. Others who add wait for the end of this transaction.
fn extend(conn: &mut Conn, tenant: TenantId, count: i64) -> Result<i64> {
    let sql = "INSERT INTO evidence_logs (tenant_id, size) VALUES ($1, $2) \
               ON CONFLICT (tenant_id) DO UPDATE SET size = evidence_logs.size + excluded.size RETURNING size";
    let grown: Grown = each!(conn, |c| sql_query(sql).bind::<DbUuid, _>(tenant).bind::<BigInt, _>(count).get_result(c))?;
    Ok(grown.size - count)
}

/// One entry.
pub fn find(conn: &mut Conn, tenant: TenantId, id: EvidenceId) -> Result<Placed> {
    let row = evidence_entries::table
        .filter(evidence_entries::tenant_id.eq(tenant).and(evidence_entries::id.eq(id)))
        .select(Row::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("evidence entry"))?;
    placed(row)
}

/// What a listing asks for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only entries about this public id.
    pub subject: Option<String>,
    /// Only entries of this kind.
    pub kind: Option<String>,
    /// Only acts of privilege.
    pub privileged: Option<bool>,
    /// Only what this actor did.
    pub actor: Option<String>,
}

/// Entries after `after`, oldest first.
pub fn list(conn: &mut Conn, tenant: TenantId, filter: &Filter, after: Option<EvidenceId>, limit: i64) -> Result<Vec<Placed>> {
    let mut query = evidence_entries::table
        .filter(evidence_entries::tenant_id.eq(tenant))
        .select(Row::as_select())
        .order(evidence_entries::id.asc())
        .into_boxed();
    if let Some(subject) = &filter.subject {
        query = query.filter(evidence_entries::subject.eq(subject.clone()));
    }
    if let Some(kind) = &filter.kind {
        query = query.filter(evidence_entries::kind.eq(kind.clone()));
    }
    if let Some(privileged) = filter.privileged {
        query = query.filter(evidence_entries::privileged.eq(privileged));
    }
    if let Some(actor) = &filter.actor {
        query = query.filter(evidence_entries::actor.eq(actor.clone()));
    }
    if let Some(after) = after {
        query = query.filter(evidence_entries::id.gt(after));
    }
    query.limit(limit).load(conn)?.into_iter().map(placed).collect()
}

/// Entries from the place `from` up to, and without, `end`, in the order of the log.
pub fn between(conn: &mut Conn, tenant: TenantId, from: u64, end: u64, limit: i64) -> Result<Vec<Placed>> {
    let within = evidence_entries::seq.ge(signed(from)?).and(evidence_entries::seq.lt(signed(end)?));
    evidence_entries::table
        .filter(evidence_entries::tenant_id.eq(tenant))
        .filter(within)
        .order(evidence_entries::seq.asc())
        .select(Row::as_select())
        .limit(limit)
        .load(conn)?
        .into_iter()
        .map(placed)
        .collect()
}

/// Entries by their ids.
pub fn of_ids(conn: &mut Conn, tenant: TenantId, ids: &[EvidenceId]) -> Result<Vec<Placed>> {
    let rows: Vec<Row> = evidence_entries::table
        .filter(evidence_entries::tenant_id.eq(tenant).and(evidence_entries::id.eq_any(ids.to_vec())))
        .select(Row::as_select())
        .load(conn)?;
    rows.into_iter().map(placed).collect()
}

/// The place of the first entry about what happened at `at` or later. It goes by business time, which on a test clock is not that of recording.
pub fn place_at(conn: &mut Conn, tenant: TenantId, at: DateTime<Utc>) -> Result<Option<u64>> {
    let place: Option<i64> = evidence_entries::table
        .filter(evidence_entries::tenant_id.eq(tenant).and(evidence_entries::occurred_at.ge(Ts(at))))
        .select(diesel::dsl::min(evidence_entries::seq))
        .first(conn)?;
    place.map(unsigned).transpose()
}

/// What the feed of events asks for.
#[derive(Debug, Clone)]
pub struct Feed {
    /// Entries of these kinds.
    pub kinds: Vec<&'static str>,
    /// Only entries about this public id.
    pub subject: Option<String>,
    /// Only entries recorded from this moment on.
    pub since: DateTime<Utc>,
}

/// Entries after the place `after`, in the order of the log: whoever reads on from the last one misses none.
pub fn feed(conn: &mut Conn, tenant: TenantId, feed: &Feed, after: Option<u64>, limit: i64) -> Result<Vec<Placed>> {
    // Ids carry the moment of recording, and have an index of their own: the feed begins behind the newest entry that is too old for it.
    let past: Option<i64> = evidence_entries::table
        .filter(evidence_entries::tenant_id.eq(tenant).and(evidence_entries::id.lt(EvidenceId::earliest(feed.since))))
        .order(evidence_entries::id.desc())
        .select(evidence_entries::seq)
        .first(conn)
        .optional()?;
    let last = past.max(after.map(signed).transpose()?).unwrap_or(-1);
    let mut query = evidence_entries::table
        .filter(evidence_entries::tenant_id.eq(tenant).and(evidence_entries::seq.gt(last)))
        .filter(evidence_entries::kind.eq_any(feed.kinds.clone()))
        .order(evidence_entries::seq.asc())
        .select(Row::as_select())
        .into_boxed();
    if let Some(subject) = &feed.subject {
        query = query.filter(evidence_entries::subject.eq(subject.clone()));
    }
    query.limit(limit).load(conn)?.into_iter().map(placed).collect()
}

/// What still opens the commitments of these entries, by entry and in the order of fields.
pub fn disclosures(conn: &mut Conn, tenant: TenantId, entries: &[EvidenceId]) -> Result<HashMap<EvidenceId, Vec<Disclosure>>> {
    let rows: Vec<DisclosureRow> = evidence_disclosures::table
        .filter(evidence_disclosures::tenant_id.eq(tenant).and(evidence_disclosures::entry_id.eq_any(entries.to_vec())))
        .select(DisclosureRow::as_select())
        .load(conn)?;
    let mut opened = HashMap::<EvidenceId, Vec<Disclosure>>::new();
    for row in rows {
        let disclosure = Disclosure { field: row.field, salt: hash(&row.salt)?, value: row.value };
        opened.entry(row.entry_id).or_default().push(disclosure);
    }
    // Here and not in SQL, where the order of texts is the collation's.
    opened.values_mut().for_each(|all| all.sort_by(|left, right| left.field.cmp(&right.field)));
    Ok(opened)
}

/// Destroys what opens these commitments of an entry; returns how many there were.
pub fn erase(conn: &mut Conn, tenant: TenantId, entry: EvidenceId, fields: &[String]) -> Result<usize> {
    let of_entry = evidence_disclosures::tenant_id.eq(tenant).and(evidence_disclosures::entry_id.eq(entry));
    Ok(diesel::delete(evidence_disclosures::table.filter(of_entry).filter(evidence_disclosures::field.eq_any(fields.to_vec())))
        .execute(conn)?)
}

/// Whether an entry of `kind` has its place at `from` or later.
pub fn is_beyond(conn: &mut Conn, tenant: TenantId, kind: &str, from: u64) -> Result<bool> {
    let found: Option<EvidenceId> = evidence_entries::table
        .filter(evidence_entries::tenant_id.eq(tenant).and(evidence_entries::kind.eq(kind)))
        .filter(evidence_entries::seq.ge(signed(from)?))
        .select(evidence_entries::id)
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}

/// Every partition that keeps a journal: the platform's own and those of all tenants, the suspended too. Read as the platform.
pub fn partitions(conn: &mut Conn) -> Result<Vec<TenantId>> {
    let tenants: Vec<TenantId> = tenants::table.select(tenants::tenant_id).order(tenants::tenant_id.asc()).load(conn)?;
    Ok(std::iter::once(TenantId::PLATFORM).chain(tenants).collect())
}

fn placed(row: Row) -> Result<Placed> {
    let body: serde_json::Value = serde_json::from_str(&row.body).map_err(|_| damaged("the body of an entry"))?;
    let spelled = serde_json::to_string(&body).map_err(Error::internal)?;
    if spelled != row.body {
        return Err(damaged("the spelling of an entry's body"));
    }
    let entry = Entry {
        id: row.id,
        kind: row.kind,
        subject: row.subject,
        actor: row.actor,
        privileged: row.privileged,
        occurred_at: row.occurred_at.0,
        recorded_at: row.recorded_at.0,
        body,
        commitments: row.commitments.0,
    };
    Ok(Placed { seq: unsigned(row.seq)?, entry, digest: hash(&row.digest)? })
}

fn hash(bytes: &[u8]) -> Result<Hash> {
    bytes.try_into().map_err(|_| damaged("the length of a hash"))
}

fn signed(value: u64) -> Result<i64> {
    i64::try_from(value).map_err(Error::internal)
}

fn unsigned(value: i64) -> Result<u64> {
    u64::try_from(value).map_err(|_| damaged("the place of an entry"))
}

/// Stored evidence is not what it was. The log file of the process is where that must be seen; a caller can do nothing about it.
fn damaged(what: &str) -> Error {
    Error::internal(format!("the stored evidence is damaged: {what}"))
}
