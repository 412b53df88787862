//! The journal and its Merkle log.
//!
//! Rows are only added; the database refuses anything else. An entry waits without a place (`seq`) until [`seal`] gives it one.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper, TextExpressionMethods,
};

use super::{
    Conn, Json, Ts, dialect,
    schema::{evidence_checkpoints, evidence_disclosures, evidence_entries, evidence_nodes, tenants},
};
use crate::{
    domain::{
        crypto::Hash,
        evidence::{
            checkpoint::{Checkpoint, KeyId, Signer, Statement},
            entry::{Commitment, Disclosure, Entry},
            tree::{Node, Tree},
        },
        ids::{EvidenceId, TenantId},
    },
    error::{Error, Result},
    insert_all,
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
    /// Its digest as it was computed when it was written: to be shown and checked, never to be trusted.
    pub digest: Hash,
}

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
    insert_all!(conn, &rows, Row in evidence_entries {
        tenant_id, id, seq, kind, subject, actor, privileged, occurred_at, recorded_at, body, commitments, digest,
    });
    insert_all!(conn, &opened, DisclosureRow in evidence_disclosures {
        tenant_id, entry_id, field, salt, value,
    });
    Ok(())
}

/// Whether entries wait for their place; of one kind, or any.
pub fn waits(conn: &mut Conn, tenant: TenantId, kind: Option<&str>) -> Result<bool> {
    let mut waiting = evidence_entries::table
        .filter(evidence_entries::tenant_id.eq(tenant).and(evidence_entries::seq.is_null()))
        .select(evidence_entries::id)
        .into_boxed();
    if let Some(kind) = kind {
        waiting = waiting.filter(evidence_entries::kind.eq(kind.to_owned()));
    }
    let first: Option<EvidenceId> = waiting.first(conn).optional()?;
    Ok(first.is_some())
}

/// Gives up to `limit` waiting entries their place, and signs the new head. `None` when nothing waits.
///
/// Times order entries within one batch only: one that was committed late, or under a clock that had stepped back, waits until it is placed behind all
/// that are placed already.
///
/// One sealer at a time: the caller holds the tenant's sealing lock, and a second one would meet the unique place.
///
/// # Errors
/// When the stored tree is not the one that the newest head states: a log that was tampered with is not signed further.
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
    let mut tree = head(conn, tenant)?;
    let previous = tree.size();
    let (ids, leaves): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
    let leaves = leaves.iter().map(|digest| hash(digest)).collect::<Result<Vec<Hash>>>()?;
    // A leaf is its entry's digest, and stands there.
    let inner = tree.append(leaves).into_iter().filter(|node| node.level > 0);
    let nodes = inner.map(|node| row_of(tenant, node)).collect::<Result<Vec<NodeRow>>>()?;
    insert_all!(conn, &nodes, NodeRow in evidence_nodes {
        tenant_id, level, position, hash,
    });
    if dialect::place(conn, tenant, signed(previous)?, &ids)? != ids.len() {
        return Err(Error::Race);
    }
    let size = tree.size();
    let checkpoint = signer.sign(Statement::new(tenant, previous, size, tree.root(), wall)).map_err(Error::internal)?;
    diesel::insert_into(evidence_checkpoints::table)
        .values((
            evidence_checkpoints::tenant_id.eq(tenant),
            evidence_checkpoints::size.eq(signed(size)?),
            evidence_checkpoints::line.eq(checkpoint.line()),
        ))
        .execute(conn)?;
    Ok(Some(checkpoint))
}

/// The right edge of the stored tree, compared with the newest head.
fn head(conn: &mut Conn, tenant: TenantId) -> Result<Tree> {
    let Some(newest) = newest(conn, tenant)? else { return Ok(Tree::default()) };
    let tree = Tree::load(newest.statement.size, |level, index| node(conn, tenant, level, index))?;
    if tree.root() == newest.statement.root { Ok(tree) } else { Err(damaged("tree")) }
}

/// Stored evidence is not what it was. The log file of the process is where that must be seen; a caller can do nothing about it.
fn damaged(what: &str) -> Error {
    Error::internal(format!("the stored evidence is damaged: {what}"))
}

/// The newest signed head.
pub fn newest(conn: &mut Conn, tenant: TenantId) -> Result<Option<Checkpoint>> {
    let head: Option<(i64, String)> = heads(tenant).order(evidence_checkpoints::size.desc()).first(conn).optional()?;
    head.map(|head| checkpoint(tenant, &head)).transpose()
}

/// The line of the newest signed head, unread: an answer that carries it must not fail because of it.
pub fn newest_line(conn: &mut Conn, tenant: TenantId) -> Result<Option<String>> {
    Ok(heads(tenant).select(evidence_checkpoints::line).order(evidence_checkpoints::size.desc()).first(conn).optional()?)
}

/// The head of just `size` entries.
pub fn checkpoint_of(conn: &mut Conn, tenant: TenantId, size: u64) -> Result<Checkpoint> {
    let head: Option<(i64, String)> = heads(tenant).filter(evidence_checkpoints::size.eq(signed(size)?)).first(conn).optional()?;
    head.map(|head| checkpoint(tenant, &head)).transpose()?.ok_or(Error::NotFound("checkpoint of that size"))
}

/// Heads of logs of more than `after` entries, oldest first.
pub fn checkpoints(conn: &mut Conn, tenant: TenantId, after: u64, limit: i64) -> Result<Vec<Checkpoint>> {
    let stored: Vec<(i64, String)> = heads(tenant)
        .filter(evidence_checkpoints::size.gt(signed(after)?))
        .order(evidence_checkpoints::size.asc())
        .limit(limit)
        .load(conn)?;
    stored.iter().map(|head| checkpoint(tenant, head)).collect()
}

/// Whether the key of this id signed any of the heads.
pub fn has_signed(conn: &mut Conn, tenant: TenantId, key: KeyId) -> Result<bool> {
    // In a line, a root (which ends in `=`), a time and a key follow one another.
    let pattern = format!("%=:%:{key}:%");
    let found: Option<i64> =
        heads(tenant).filter(evidence_checkpoints::line.like(pattern)).select(evidence_checkpoints::size).first(conn).optional()?;
    Ok(found.is_some())
}

#[diesel::dsl::auto_type]
fn heads(tenant: TenantId) -> _ {
    evidence_checkpoints::table
        .filter(evidence_checkpoints::tenant_id.eq(tenant))
        .select((evidence_checkpoints::size, evidence_checkpoints::line))
}

/// A stored head, if its two columns say the same.
fn checkpoint(tenant: TenantId, (size, line): &(i64, String)) -> Result<Checkpoint> {
    let checkpoint = Checkpoint::from_line(tenant, line).map_err(|_| damaged("a checkpoint's line"))?;
    if signed(checkpoint.statement.size)? == *size { Ok(checkpoint) } else { Err(damaged("a checkpoint's size")) }
}

/// The root of a perfect subtree of the log; one of a single leaf is that entry's digest.
pub fn node(conn: &mut Conn, tenant: TenantId, level: u32, index: u64) -> Result<Hash> {
    let (level, index) = (i32::try_from(level).map_err(Error::internal)?, signed(index)?);
    let stored: Option<Vec<u8>> = if level == 0 {
        let leaf = evidence_entries::tenant_id.eq(tenant).and(evidence_entries::seq.eq(Some(index)));
        evidence_entries::table.filter(leaf).select(evidence_entries::digest).first(conn).optional()?
    } else {
        let node = evidence_nodes::tenant_id.eq(tenant).and(evidence_nodes::level.eq(level)).and(evidence_nodes::position.eq(index));
        evidence_nodes::table.filter(node).select(evidence_nodes::hash).first(conn).optional()?
    };
    hash(&stored.ok_or_else(|| damaged("a node of the tree is missing"))?)
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

/// Sealed entries from the place `from` up to, and without, `end`, in the order of the log.
pub fn sealed(conn: &mut Conn, tenant: TenantId, from: u64, end: u64, limit: i64) -> Result<Vec<Placed>> {
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

/// Whether an entry of `kind` waits, or has its place at `from` or later.
pub fn is_beyond(conn: &mut Conn, tenant: TenantId, kind: &str, from: u64) -> Result<bool> {
    let beyond = evidence_entries::seq.is_null().or(evidence_entries::seq.ge(signed(from)?));
    let found: Option<EvidenceId> = evidence_entries::table
        .filter(evidence_entries::tenant_id.eq(tenant).and(evidence_entries::kind.eq(kind)))
        .filter(beyond)
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
    Ok(Placed { seq: row.seq.map(unsigned).transpose()?, entry, digest: hash(&row.digest)? })
}

fn row_of(tenant_id: TenantId, node: Node) -> Result<NodeRow> {
    Ok(NodeRow {
        tenant_id,
        level: i32::try_from(node.level).map_err(Error::internal)?,
        position: signed(node.index)?,
        hash: node.hash.to_vec(),
    })
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
