//! Evidence: sealed in batches, and closed where a person has the right to be forgotten.

use std::sync::Arc;

use super::Act;
use crate::{
    clock::Clock,
    domain::{
        crypto::sha256,
        evidence::{
            checkpoint::Signer,
            erasure::{self, ERASED, Erasure},
        },
        ids::{EvidenceId, TenantId},
    },
    error::Result,
    store::{self, Db, dialect, evidence::Placed},
};

/// Covers up to `limit` waiting entries of a partition by a signed head, in a transaction of its own. Returns how many; 0 also while
/// another sealer is at work there.
///
/// # Errors
/// The store's: among them that the stored tree is no longer the one that was signed.
pub async fn seal(db: &Db, clock: &Clock, signer: &Arc<Signer>, tenant: TenantId, limit: u32) -> Result<usize> {
    let (clock, signer) = (clock.clone(), Arc::clone(signer));
    db.write(tenant, move |conn| {
        if !dialect::try_lock(conn, &sealing(tenant))? {
            return Ok(0);
        }
        let sealed = store::evidence::seal(conn, tenant, &signer, clock.now(), i64::from(limit))?;
        let grown = sealed.map_or(0, |checkpoint| checkpoint.statement.size - checkpoint.statement.previous);
        Ok(usize::try_from(grown).unwrap_or(usize::MAX))
    })
    .await
}

/// The word under which a partition's sealers exclude one another.
fn sealing(tenant: TenantId) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = sha256(&[b"seal", tenant.uuid().as_bytes()]);
    [a, b, c, d, e, f, g, h]
}

/// Destroys what opens an entry's commitments: the log still verifies, and nobody learns the values any more. Returns the entry; what was
/// closed before stays closed and is no error.
///
/// # Errors
/// No such entry, or a field that it never had.
pub fn erase(act: &mut Act<'_>, id: EvidenceId, erasure: &Erasure) -> Result<Placed> {
    let placed = store::evidence::find(act.conn, act.tenant, id)?;
    erasure::check(erasure, &placed.entry).or(())?;
    let wanted = |field: &String| erasure.fields.as_ref().is_none_or(|fields| fields.contains(field));
    let open = store::evidence::disclosures(act.conn, act.tenant, &[id])?.remove(&id).unwrap_or_default();
    let fields: Vec<String> = open.into_iter().map(|disclosure| disclosure.field).filter(wanted).collect();
    if !fields.is_empty() {
        store::evidence::erase(act.conn, act.tenant, id, &fields)?;
        act.audit(ERASED, id, erasure::body(&fields, erasure.reason));
    }
    Ok(placed)
}
