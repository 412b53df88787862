//! The journal and its Merkle log.
//!
//! Rows are only added; the database refuses anything else. An entry waits without a place (`seq`) until [`seal`] gives it one.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
};

use super::{
    Conn, Json, Ts,
    schema::{evidence_checkpoints, evidence_disclosures, evidence_entries, evidence_nodes},
};
use crate::{
    domain::{
        crypto::Hash,
        evidence::{
            checkpoint::{Checkpoint, Signer, Statement},
            entry::{Commitment, Disclosure, Entry},
            tree::{Node, Tree},
        },
        ids::{EvidenceId, TenantId},
    },
    each,
    error::{Error, Result},
};

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = evidence_entries, treat_none_as_default_value = false)]
struct Row {
    tenant_id: TenantId,
    id: EvidenceId,
    seq: Option<i64>,
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

#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = evidence_nodes)]
struct NodeRow {
    tenant_id: TenantId,
    level: i32,
    position: i64,
    hash: Vec<u8>,
}

/// An entry and its place in the log, if it has one yet.
#[derive(Debug, Clone)]
pub struct Placed {
    /// Its index in the tree, from 0.
    pub seq: Option<u64>,
    /// The entry.
    pub entry: Entry,
}

/// Rows that go in one statement: far below PostgreSQL's 65,535 parameters.
const BATCH: usize = 500;

/// Adds entries and what opens their commitments.
pub fn append(conn: &mut Conn, tenant: TenantId, entries: &[(Entry, Vec<Disclosure>)]) -> Result<()> {
    let rows = entries
        .iter()
        .map(|(entry, _)| {
            Ok(Row {
                tenant_id: tenant,
                id: entry.id,
                seq: None,
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
    for part in rows.chunks(BATCH) {
        each!(conn, |c| diesel::insert_into(evidence_entries::table).values(part).execute(c))?;
    }
    for part in opened.chunks(BATCH) {
        each!(conn, |c| diesel::insert_into(evidence_disclosures::table).values(part).execute(c))?;
    }
    Ok(())
}

/// Gives up to `limit` waiting entries their place, and signs the new head. `None` when nothing waits.
///
/// One sealer at a time: the caller holds the tenant's sealing lock, and a second one would meet the unique place.
pub fn seal(conn: &mut Conn, tenant: TenantId, signer: &Signer, wall: DateTime<Utc>, limit: i64) -> Result<Option<Checkpoint>> {
    let waiting: Vec<(EvidenceId, Vec<u8>)> = evidence_entries::table
        .filter(evidence_entries::tenant_id.eq(tenant).and(evidence_entries::seq.is_null()))
        .order((evidence_entries::recorded_at.asc(), evidence_entries::id.asc()))
        .select((evidence_entries::id, evidence_entries::digest))
        .limit(limit)
        .load(conn)?;
    if waiting.is_empty() {
        return Ok(None);
    }
    let previous = newest(conn, tenant)?.map_or(0, |checkpoint| checkpoint.statement.size);
    let mut frontier = Tree::load(previous, |level, index| node(conn, tenant, level, index))?;
    let leaves = waiting.iter().map(|(_, digest)| hash(digest)).collect::<Result<Vec<Hash>>>()?;
    let nodes: Vec<NodeRow> = frontier.append(leaves).into_iter().map(|node| row_of(tenant, node)).collect();
    for part in nodes.chunks(BATCH) {
        each!(conn, |c| diesel::insert_into(evidence_nodes::table).values(part).execute(c))?;
    }
    place(conn, tenant, previous, &waiting)?;
    let size = frontier.size();
    let statement = Statement::new(tenant, previous, size, frontier.root(), wall);
    let checkpoint = signer.sign(statement).map_err(Error::internal)?;
    diesel::insert_into(evidence_checkpoints::table)
        .values((
            evidence_checkpoints::tenant_id.eq(tenant),
            evidence_checkpoints::size.eq(signed(size)?),
            evidence_checkpoints::line.eq(checkpoint.line()),
        ))
        .execute(conn)?;
    Ok(Some(checkpoint))
}

/// Writes the places in one statement per batch: an update from a list of pairs.
fn place(conn: &mut Conn, tenant: TenantId, first: u64, waiting: &[(EvidenceId, Vec<u8>)]) -> Result<()> {
    for (seq, (id, _)) in (first..).zip(waiting) {
        diesel::update(evidence_entries::table.filter(evidence_entries::tenant_id.eq(tenant).and(evidence_entries::id.eq(id))))
            .set(evidence_entries::seq.eq(Some(signed(seq)?)))
            .execute(conn)?;
    }
    Ok(())
}

/// The newest signed head.
pub fn newest(conn: &mut Conn, tenant: TenantId) -> Result<Option<Checkpoint>> {
    let line: Option<String> = evidence_checkpoints::table
        .filter(evidence_checkpoints::tenant_id.eq(tenant))
        .order(evidence_checkpoints::size.desc())
        .select(evidence_checkpoints::line)
        .first(conn)
        .optional()?;
    line.map(|line| checkpoint(tenant, &line)).transpose()
}

/// Heads of logs of more than `after` entries, oldest first.
pub fn checkpoints(conn: &mut Conn, tenant: TenantId, after: u64, limit: i64) -> Result<Vec<Checkpoint>> {
    let lines: Vec<String> = evidence_checkpoints::table
        .filter(evidence_checkpoints::tenant_id.eq(tenant).and(evidence_checkpoints::size.gt(signed(after)?)))
        .order(evidence_checkpoints::size.asc())
        .select(evidence_checkpoints::line)
        .limit(limit)
        .load(conn)?;
    lines.iter().map(|line| checkpoint(tenant, line)).collect()
}

fn checkpoint(tenant: TenantId, line: &str) -> Result<Checkpoint> {
    Checkpoint::from_line(tenant, line).map_err(|_| Error::internal("a stored checkpoint is malformed"))
}

/// The root of a perfect subtree of the log.
pub fn node(conn: &mut Conn, tenant: TenantId, level: u32, index: u64) -> Result<Hash> {
    let level = i32::try_from(level).map_err(Error::internal)?;
    let stored: Vec<u8> = evidence_nodes::table
        .filter(evidence_nodes::tenant_id.eq(tenant).and(evidence_nodes::level.eq(level)).and(evidence_nodes::position.eq(signed(index)?)))
        .select(evidence_nodes::hash)
        .first(conn)?;
    hash(&stored)
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
    if let Some(after) = after {
        query = query.filter(evidence_entries::id.gt(after));
    }
    query.limit(limit).load(conn)?.into_iter().map(placed).collect()
}

/// Sealed entries from the place `from` on, in the order of the log.
pub fn sealed(conn: &mut Conn, tenant: TenantId, from: u64, limit: i64) -> Result<Vec<Placed>> {
    evidence_entries::table
        .filter(evidence_entries::tenant_id.eq(tenant).and(evidence_entries::seq.ge(signed(from)?)))
        .order(evidence_entries::seq.asc())
        .select(Row::as_select())
        .limit(limit)
        .load(conn)?
        .into_iter()
        .map(placed)
        .collect()
}

/// What still opens the commitments of these entries.
pub fn disclosures(conn: &mut Conn, tenant: TenantId, entries: &[EvidenceId]) -> Result<Vec<(EvidenceId, Disclosure)>> {
    let rows: Vec<DisclosureRow> = evidence_disclosures::table
        .filter(evidence_disclosures::tenant_id.eq(tenant).and(evidence_disclosures::entry_id.eq_any(entries.to_vec())))
        .order((evidence_disclosures::entry_id, evidence_disclosures::field))
        .select(DisclosureRow::as_select())
        .load(conn)?;
    rows.into_iter().map(|row| Ok((row.entry_id, Disclosure { field: row.field, salt: hash(&row.salt)?, value: row.value }))).collect()
}

fn placed(row: Row) -> Result<Placed> {
    let entry = Entry {
        id: row.id,
        kind: row.kind,
        subject: row.subject,
        actor: row.actor,
        privileged: row.privileged,
        occurred_at: row.occurred_at.0,
        recorded_at: row.recorded_at.0,
        body: serde_json::from_str(&row.body).map_err(Error::internal)?,
        commitments: row.commitments.0,
    };
    Ok(Placed { seq: row.seq.map(unsigned).transpose()?, entry })
}

fn row_of(tenant_id: TenantId, node: Node) -> NodeRow {
    NodeRow {
        tenant_id,
        level: i32::try_from(node.level).unwrap_or(i32::MAX),
        position: i64::try_from(node.index).unwrap_or(i64::MAX),
        hash: node.hash.to_vec(),
    }
}

fn hash(bytes: &[u8]) -> Result<Hash> {
    bytes.try_into().map_err(|_| Error::internal("a stored hash has the wrong length"))
}

fn signed(value: u64) -> Result<i64> {
    i64::try_from(value).map_err(Error::internal)
}

fn unsigned(value: i64) -> Result<u64> {
    u64::try_from(value).map_err(Error::internal)
}
