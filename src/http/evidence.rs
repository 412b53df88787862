//! `/v1/evidence`: the journal, its proofs, its export, and erasure.
//!
//! A platform key reads the platform's own journal here. Invariant: a proof that leaves has been checked against the signed head it is for.

use actix_web::{get, http::StatusCode, post, web::Bytes};
use data_encoding::HEXLOWER;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Call,
    call::Answer,
    page::{Page, PageQuery},
};
use crate::{
    actions::{self, export::Log},
    domain::{
        crypto::Hash,
        evidence::{
            checkpoint::{Checkpoint, Signer},
            entry::{Disclosure, Entry},
            erasure::Erasure,
            tree,
        },
        ids::{EvidenceId, TenantId},
        invalid::Faults,
    },
    error::{Error, Result},
    store::{
        self, Conn,
        evidence::{Filter, Placed},
    },
};

/// An entry of the journal.
#[derive(Debug, Serialize, ToSchema)]
pub struct EvidenceView {
    /// Always `evidence`.
    #[schema(max_length = 20, example = "evidence")]
    pub object: &'static str,
    /// The entry's id.
    pub id: EvidenceId,
    /// Its place in the log, from 0; a signed head covers it within seconds.
    #[schema(minimum = 0, example = 41)]
    pub index: u64,
    /// What it says.
    pub record: Entry,
    /// Its leaf in the tree, as it was computed when it was written; lower-case hexadecimal.
    #[schema(pattern = "^[0-9a-f]{64}$", example = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    pub digest: String,
    /// What opens its commitments, in the order of their fields; what was erased is missing.
    #[schema(max_items = 64)]
    pub disclosures: Vec<Disclosure>,
}

impl EvidenceView {
    fn new(placed: Placed, disclosures: Vec<Disclosure>) -> Self {
        let Placed { seq, entry, digest } = placed;
        Self { object: "evidence", id: entry.id, index: seq, record: entry, digest: HEXLOWER.encode(&digest), disclosures }
    }
}

/// Which entries to list.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EvidenceQuery {
    /// Only entries about this public id.
    #[param(max_length = 64, example = "inv_01jd3kq8e5fvv8m3s9tqz4x7ya")]
    pub subject: Option<String>,
    /// Only entries of this kind.
    #[param(max_length = 64, pattern = "^[a-z][a-z0-9_]*(\\.[a-z][a-z0-9_]*)+$", example = "invoice.created")]
    pub kind: Option<String>,
    /// Only acts of privilege, or only others.
    pub privileged: Option<bool>,
    /// Only what this actor did: a key, a person, `system`.
    #[param(max_length = 64, example = "key_01jd3kq8e5fvv8m3s9tqz4x7ya")]
    pub actor: Option<String>,
}

/// List the evidence
///
/// Everything that happened, oldest first. The proofs are about an entry's place, which it has within ten seconds.
#[utoipa::path(operation_id = "listEvidence", tag = "Evidence", params(PageQuery, EvidenceQuery), responses((status = 200, description = "A page", body = Page<EvidenceView>)), security(("api_key" = ["evidence:read"])))]
#[get("/v1/evidence")]
pub async fn list(call: Call<(), EvidenceQuery>) -> Answer {
    let window = call.window()?;
    let EvidenceQuery { subject, kind, privileged, actor, .. } = call.query.clone();
    let filter = Filter { subject, kind, privileged, actor };
    let rows = call
        .read(move |conn, tenant| {
            let rows = store::evidence::list(conn, tenant, &filter, window.after(), window.fetch())?;
            opened(conn, tenant, rows)
        })
        .await?;
    call.page(window, rows, |row| row.id.uuid(), |row| row).await
}

/// Joins entries with what still opens them.
fn opened(conn: &mut Conn, tenant: TenantId, rows: Vec<Placed>) -> Result<Vec<EvidenceView>> {
    let ids: Vec<EvidenceId> = rows.iter().map(|row| row.entry.id).collect();
    let mut disclosures = store::evidence::disclosures(conn, tenant, &ids)?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let open = disclosures.remove(&row.entry.id).unwrap_or_default();
            EvidenceView::new(row, open)
        })
        .collect())
}

/// Get an entry of the evidence
///
/// With what still opens its commitments.
#[utoipa::path(operation_id = "getEvidence", tag = "Evidence", params(("evidence_id" = EvidenceId, Path, description = "The entry")), responses((status = 200, description = "The entry", body = EvidenceView)), security(("api_key" = ["evidence:read"])))]
#[get("/v1/evidence/{evidence_id}")]
pub async fn find(call: Call) -> Answer {
    let id = call.id("evidence_id")?;
    let view = call
        .read(move |conn, tenant| {
            let placed = store::evidence::find(conn, tenant, id)?;
            view_of(conn, tenant, placed)
        })
        .await?;
    call.ok(&view)
}

fn view_of(conn: &mut Conn, tenant: TenantId, placed: Placed) -> Result<EvidenceView> {
    let id = placed.entry.id;
    let open = store::evidence::disclosures(conn, tenant, &[id])?.remove(&id).unwrap_or_default();
    Ok(EvidenceView::new(placed, open))
}

/// Erase personal data from an entry
///
/// Destroys what opens its commitments. The log still verifies; the values are gone for good, from the database and from every later export. Doing it again changes nothing.
#[utoipa::path(operation_id = "eraseEvidence", tag = "Evidence", params(("evidence_id" = EvidenceId, Path, description = "The entry")), request_body = Erasure, responses((status = 200, description = "The entry as it is now", body = EvidenceView)), security(("api_key" = ["evidence:erase"])))]
#[post("/v1/evidence/entries/{evidence_id}/erase")]
pub async fn erase(call: Call<Erasure>) -> Answer {
    let id = call.id("evidence_id")?;
    let erasure = call.body.clone();
    call.act(StatusCode::OK, move |act| {
        let placed = actions::evidence::erase(act, id, &erasure)?;
        view_of(act.conn, act.tenant, placed)
    })
    .await
}

/// A signed head of the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckpointView {
    /// Always `checkpoint`.
    #[schema(max_length = 20, example = "checkpoint")]
    pub object: &'static str,
    /// How many entries it covers.
    #[schema(minimum = 1, example = 42)]
    pub size: u64,
    /// The root of the tree of these entries; lower-case hexadecimal.
    #[schema(pattern = "^[0-9a-f]{64}$", example = "e59f6f347583798895437383c82c343798233379bb9585793931312913100a9d")]
    pub root: String,
    /// The line that `Relance-Checkpoint` carries and `relance verify` takes: keep it where we cannot reach it.
    #[schema(max_length = 400, example = "42:30:5Z9vNHWDeYiVQ3Oc…=:1767225600:6a1c9e02:c2lnbmF0dXJl…==")]
    pub line: String,
    /// The same as a C2SP signed note, for witnesses and other programs.
    #[schema(max_length = 1000)]
    pub note: String,
}

impl From<Checkpoint> for CheckpointView {
    fn from(checkpoint: Checkpoint) -> Self {
        let (size, root) = (checkpoint.statement.size, HEXLOWER.encode(&checkpoint.statement.root));
        Self { object: "checkpoint", size, root, line: checkpoint.line(), note: checkpoint.note() }
    }
}

/// List the checkpoints
///
/// Every signed head of the log, oldest first. Each is consistent with the one before.
#[utoipa::path(operation_id = "listCheckpoints", tag = "Evidence", params(PageQuery), responses((status = 200, description = "A page", body = Page<CheckpointView>)), security(("api_key" = ["evidence:read"])))]
#[get("/v1/evidence/checkpoints")]
pub async fn checkpoints(call: Call) -> Answer {
    let window = call.window()?;
    // A cursor holds a UUID's worth of bytes; a checkpoint's name is its size.
    let after = window.after_uuid().map_or(0, |place| u64::try_from(place.as_u128()).unwrap_or(u64::MAX));
    let rows = call.read(move |conn, tenant| store::evidence::checkpoints(conn, tenant, after, window.fetch())).await?;
    call.page(window, rows, |row| uuid::Uuid::from_u128(u128::from(row.statement.size)), CheckpointView::from).await
}

/// A key that signs heads.
#[derive(Debug, Serialize, ToSchema)]
pub struct PublicKeyView {
    /// Always `evidence_public_key`.
    #[schema(max_length = 30, example = "evidence_public_key")]
    pub object: &'static str,
    /// Always `Ed25519`.
    #[schema(max_length = 20, example = "Ed25519")]
    pub algorithm: &'static str,
    /// The name of the log, as signed notes give it.
    #[schema(max_length = 100, example = "relance/ten_01jd3kq8e5fvv8m3s9tqz4x7ya/live")]
    pub origin: String,
    /// The key in use: 32 bytes in base64.
    #[schema(min_length = 44, max_length = 44)]
    pub public_key: String,
    /// Its id in checkpoints of this log.
    #[schema(pattern = "^[0-9a-f]{8}$", example = "6a1c9e02")]
    pub key_id: String,
    /// Keys that were in use before; what they signed stays good.
    #[schema(max_items = 20)]
    pub former: Vec<String>,
}

/// Get the public key
///
/// Whoever verifies an export gives it to `relance verify --key`; keep it beside your checkpoints.
#[utoipa::path(operation_id = "getEvidencePublicKey", tag = "Evidence", responses((status = 200, description = "The key", body = PublicKeyView)), security(("api_key" = ["evidence:read"])))]
#[get("/v1/evidence/public-key")]
pub async fn public_key(call: Call) -> Answer {
    let broken = |error| call.problem(Error::internal(error));
    let key = call.state.signer.public_key().map_err(broken)?;
    let former = call.state.config.secrets.former.iter();
    let former = former.map(|master| Signer::derive(master)?.public_key()).collect::<std::result::Result<Vec<_>, _>>().map_err(broken)?;
    call.ok(&PublicKeyView {
        object: "evidence_public_key",
        algorithm: "Ed25519",
        origin: crate::domain::evidence::checkpoint::origin(call.tenant()),
        public_key: key.to_string(),
        key_id: key.id(call.tenant()).to_string(),
        former: former.iter().map(ToString::to_string).collect(),
    })
}

/// Against which head to prove.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct InclusionQuery {
    /// The size of a checkpoint that covers the entry; the newest when absent.
    #[param(minimum = 1, maximum = 9_007_199_254_740_991_u64, example = 42)]
    pub size: Option<u64>,
}

/// That an entry is in the log which a checkpoint signed.
#[derive(Debug, Serialize, ToSchema)]
pub struct InclusionView {
    /// Always `evidence_inclusion`.
    #[schema(max_length = 30, example = "evidence_inclusion")]
    pub object: &'static str,
    /// The entry's place.
    #[schema(minimum = 0, example = 41)]
    pub index: u64,
    /// Its leaf: RFC 9162's hash of its canonical form; lower-case hexadecimal.
    #[schema(pattern = "^[0-9a-f]{64}$", example = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    pub leaf: String,
    /// The path of RFC 9162, section 2.1.3, from the leaf up; lower-case hexadecimal.
    #[schema(max_items = 64)]
    pub path: Vec<String>,
    /// The head that it leads to.
    pub checkpoint: CheckpointView,
}

/// Prove that an entry is in the log
///
/// Check it by RFC 9162, section 2.1.3.2, against a checkpoint that you kept.
#[utoipa::path(operation_id = "proveInclusion", tag = "Evidence", params(("evidence_id" = EvidenceId, Path, description = "The entry"), InclusionQuery), responses((status = 200, description = "The proof", body = InclusionView)), security(("api_key" = ["evidence:read"])))]
#[get("/v1/evidence/{evidence_id}/inclusion")]
pub async fn inclusion(call: Call<(), InclusionQuery>) -> Answer {
    let id = call.id("evidence_id")?;
    let size = call.query.size;
    let view = call.read(move |conn, tenant| prove_inclusion(conn, tenant, id, size)).await?;
    call.ok(&view)
}

fn prove_inclusion(conn: &mut Conn, tenant: TenantId, id: EvidenceId, size: Option<u64>) -> Result<InclusionView> {
    let placed = store::evidence::find(conn, tenant, id)?;
    let index = placed.seq;
    if size.is_none() && store::evidence::sealed_size(conn, tenant)? <= index {
        return Err(Error::conflict("not_sealed", "no checkpoint covers the entry yet; ask again in ten seconds"));
    }
    let checkpoint = head(conn, tenant, "?size", size)?;
    let stated = checkpoint.statement;
    let path = tree::inclusion_proof(index, stated.size, |level, position| store::evidence::node(conn, tenant, level, position))?
        .ok_or_else(|| {
            Error::Invalid(Faults::one(
                "?size",
                "out_of_range",
                format!("the entry is at {index}: name a checkpoint of more than {index} entries"),
            ))
        })?;
    let leaf = placed.entry.digest(tenant).map_err(Error::internal)?;
    if !tree::verify_inclusion(&leaf, index, stated.size, &path, &stated.root) {
        return Err(Error::internal(format!("the stored evidence is damaged: {id} is not in the tree that was signed")));
    }
    Ok(InclusionView {
        object: "evidence_inclusion",
        index,
        leaf: HEXLOWER.encode(&leaf),
        path: hexed(&path),
        checkpoint: checkpoint.into(),
    })
}

/// The head of `size` entries, or the newest.
fn head(conn: &mut Conn, tenant: TenantId, pointer: &str, size: Option<u64>) -> Result<Checkpoint> {
    let found = match size {
        Some(size) => match store::evidence::checkpoint_of(conn, tenant, size) {
            Err(Error::NotFound(_)) => None,
            found => Some(found?),
        },
        None => store::evidence::newest(conn, tenant)?,
    };
    let detail = "no checkpoint has this size; /v1/evidence/checkpoints lists those there are";
    found.ok_or_else(|| Error::Invalid(Faults::one(pointer, "unknown_value", detail)))
}

fn hexed(path: &[Hash]) -> Vec<String> {
    path.iter().map(|hash| HEXLOWER.encode(hash)).collect()
}

/// Between which heads to prove.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ConsistencyQuery {
    /// The size of the older checkpoint: one that you kept.
    #[param(minimum = 1, maximum = 9_007_199_254_740_991_u64, example = 30)]
    pub from: u64,
    /// The size of the newer checkpoint; the newest when absent.
    #[param(minimum = 1, maximum = 9_007_199_254_740_991_u64, example = 42)]
    pub to: Option<u64>,
}

/// That a log begins with the log of an older checkpoint.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConsistencyView {
    /// Always `evidence_consistency`.
    #[schema(max_length = 30, example = "evidence_consistency")]
    pub object: &'static str,
    /// The older head.
    pub from: CheckpointView,
    /// The newer head.
    pub to: CheckpointView,
    /// The path of RFC 9162, section 2.1.4; lower-case hexadecimal. Empty when both heads are the same.
    #[schema(max_items = 128)]
    pub path: Vec<String>,
}

/// Prove that the log only grew
///
/// Check it by RFC 9162, section 2.1.4.2, from a checkpoint that you kept.
#[utoipa::path(operation_id = "proveConsistency", tag = "Evidence", params(ConsistencyQuery), responses((status = 200, description = "The proof", body = ConsistencyView)), security(("api_key" = ["evidence:read"])))]
#[get("/v1/evidence/consistency")]
pub async fn consistency(call: Call<(), ConsistencyQuery>) -> Answer {
    let ConsistencyQuery { from, to } = call.query;
    let view = call.read(move |conn, tenant| prove_consistency(conn, tenant, from, to)).await?;
    call.ok(&view)
}

fn prove_consistency(conn: &mut Conn, tenant: TenantId, from: u64, to: Option<u64>) -> Result<ConsistencyView> {
    let older = head(conn, tenant, "?from", Some(from))?;
    let newer = head(conn, tenant, "?to", to)?;
    let (old, new) = (older.statement, newer.statement);
    let path = tree::consistency_proof(old.size, new.size, |level, position| store::evidence::node(conn, tenant, level, position))?
        .ok_or_else(|| Error::Invalid(Faults::one("?to", "out_of_range", "must not be less than from")))?;
    if !tree::verify_consistency(old.size, &old.root, new.size, &new.root, &path) {
        return Err(Error::internal(format!(
            "the stored evidence is damaged: {} entries do not begin with the {} signed before",
            new.size, old.size
        )));
    }
    Ok(ConsistencyView { object: "evidence_consistency", from: older.into(), to: newer.into(), path: hexed(&path) })
}

/// Export the evidence
///
/// The whole log up to its newest checkpoint, one JSON value a line: a header, then entries and checkpoints in their order. `relance verify` checks it offline.
/// An export that breaks off is not whole, and does not verify.
#[utoipa::path(operation_id = "exportEvidence", tag = "Evidence", responses((status = 200, description = "The log", body = String, content_type = "application/x-ndjson")), security(("api_key" = ["evidence:read"])))]
#[get("/v1/evidence/export")]
pub async fn export(call: Call) -> Answer {
    let state = &call.state;
    let log = Log::open(&state.db, &state.clock, &state.signer, &state.config.secrets, call.tenant())
        .await
        .map_err(|error| call.problem(error))?;
    let tenant = call.tenant();
    let pieces = log.pieces().map(move |piece| {
        piece.map(Bytes::from).inspect_err(|error| tracing::error!(%error, %tenant, "an export of evidence broke off")).map_err(|_| Broken)
    });
    Ok(call.answer(StatusCode::OK).content_type("application/x-ndjson").streaming(pieces))
}

/// Why a stream broke off; the log of the process says more.
#[derive(Debug, thiserror::Error)]
#[error("the export broke off")]
pub(super) struct Broken;
