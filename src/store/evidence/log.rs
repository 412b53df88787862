//! The Merkle log over the journal: its perfect subtrees, and its signed heads.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, JoinOnDsl, NullableExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl,
    TextExpressionMethods,
};

use super::{Conn, damaged, hash, signed, unsigned};
use crate::{
    domain::{
        crypto::Hash,
        evidence::{
            checkpoint::{Checkpoint, KeyId, Signer, Statement},
            tree::{Node, Tree},
        },
        ids::TenantId,
    },
    error::{Error, Result},
    insert_all,
    store::schema::{evidence_checkpoints, evidence_entries, evidence_logs, evidence_nodes},
};

#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = evidence_nodes)]
struct NodeRow {
    tenant_id: TenantId,
    level: i32,
    position: i64,
    hash: Vec<u8>,
}

/// How many entries there are.
pub fn size(conn: &mut Conn, tenant: TenantId) -> Result<u64> {
    let size: Option<i64> =
        evidence_logs::table.filter(evidence_logs::tenant_id.eq(tenant)).select(evidence_logs::size).first(conn).optional()?;
    unsigned(size.unwrap_or(0))
}

/// How many of them the newest signed head covers.
pub fn sealed_size(conn: &mut Conn, tenant: TenantId) -> Result<u64> {
    let size: Option<i64> =
        heads(tenant).select(evidence_checkpoints::size).order(evidence_checkpoints::size.desc()).first(conn).optional()?;
    unsigned(size.unwrap_or(0))
}

/// Covers up to `limit` waiting entries by a signed head. `None` when nothing waits.
///
/// One sealer at a time: the caller holds the tenant's sealing lock, and a second one would meet the unique size.
///
/// # Errors
/// When the stored tree is not the one that the newest head states, or an entry is missing: a log that was tampered with is not signed further.
pub fn seal(conn: &mut Conn, tenant: TenantId, signer: &Signer, wall: DateTime<Utc>, limit: i64) -> Result<Option<Checkpoint>> {
    let mut tree = head(conn, tenant)?;
    let previous = tree.size();
    let first = signed(previous)?;
    // One statement: the size and the entries are of one moment, whoever adds meanwhile.
    let rows: Vec<(i64, Option<i64>, Option<Vec<u8>>)> = evidence_logs::table
        .left_join(
            evidence_entries::table.on(evidence_entries::tenant_id
                .eq(evidence_logs::tenant_id)
                .and(evidence_entries::seq.ge(first))
                .and(evidence_entries::seq.lt(first.saturating_add(limit)))),
        )
        .filter(evidence_logs::tenant_id.eq(tenant))
        .order(evidence_entries::seq.asc())
        .select((evidence_logs::size, evidence_entries::seq.nullable(), evidence_entries::digest.nullable()))
        .limit(limit)
        .load(conn)?;
    let size = rows.first().map_or(0, |(size, ..)| *size);
    let waiting: Vec<(i64, Vec<u8>)> = rows.into_iter().filter_map(|(_, seq, digest)| seq.zip(digest)).collect();
    if size < first || !waiting.iter().map(|(seq, _)| *seq).eq(first..size.min(first.saturating_add(limit))) {
        return Err(damaged("the entries are not as many as there were"));
    }
    if waiting.is_empty() {
        return Ok(None);
    }
    let leaves = waiting.iter().map(|(_, digest)| hash(digest)).collect::<Result<Vec<Hash>>>()?;
    // A leaf is its entry's digest, and stands there.
    let inner = tree.append(leaves).into_iter().filter(|node| node.level > 0);
    let nodes = inner.map(|node| row_of(tenant, node)).collect::<Result<Vec<NodeRow>>>()?;
    insert_all!(conn, &nodes, NodeRow in evidence_nodes {
        tenant_id, level, position, hash,
    });
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
        let leaf = evidence_entries::tenant_id.eq(tenant).and(evidence_entries::seq.eq(index));
        evidence_entries::table.filter(leaf).select(evidence_entries::digest).first(conn).optional()?
    } else {
        let node = evidence_nodes::tenant_id.eq(tenant).and(evidence_nodes::level.eq(level)).and(evidence_nodes::position.eq(index));
        evidence_nodes::table.filter(node).select(evidence_nodes::hash).first(conn).optional()?
    };
    hash(&stored.ok_or_else(|| damaged("a node of the tree is missing"))?)
}

fn row_of(tenant_id: TenantId, node: Node) -> Result<NodeRow> {
    Ok(NodeRow {
        tenant_id,
        level: i32::try_from(node.level).map_err(Error::internal)?,
        position: signed(node.index)?,
        hash: node.hash.to_vec(),
    })
}
