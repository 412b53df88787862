//! Imports: files are read and recorded a thousand rows at a time, in the order in which they were sent.
//!
//! A turn does a few thousand, each read while those before it are recorded, so that a long file costs other partitions no more than that. Invariant: what is killed goes on where its mark stands.

use std::sync::Arc;

use super::{partition::Turn, slots::Slots};
use crate::{
    actions,
    domain::{
        ids::{ImportId, TenantId},
        import::job::ImportProblem,
    },
    error::{Error, Result},
    instance::Instance,
    store::{self, Conn},
};

/// Slices in one turn.
const IN_A_TURN: usize = 4;

/// Whether a file waits to be read on.
pub(super) fn waits(conn: &mut Conn, tenant: TenantId) -> Result<bool> {
    Ok(store::imports::next(conn, tenant)?.is_some())
}

/// Reads and records the next few thousand rows.
///
/// # Errors
/// The store's; what is wrong with a file ends its import and nothing else.
pub async fn turn(instance: &Instance, tenant: TenantId) -> Result<Turn> {
    whole(instance, &Slots::default(), tenant).await
}

/// [`turn`], sharing the worker's places.
pub(super) async fn whole(instance: &Instance, slots: &Slots, tenant: TenantId) -> Result<Turn> {
    let look = move |conn: &mut Conn| store::imports::next(conn, tenant);
    let Some(id) = slots.read(instance, tenant, look).await? else { return Ok(Turn::Idle(None)) };
    match slices(instance, slots, tenant, id).await {
        Ok(()) => Ok(Turn::Busy),
        Err(error @ (Error::Busy { .. } | Error::Race)) => Err(error),
        Err(error) => {
            // A file that we cannot take would keep all others waiting.
            tracing::error!(%tenant, import = %id, %error, "an import is given up");
            let problems = problems(error);
            slots.act(instance, tenant, move |act| actions::imports::fail(act, id, &problems).map(drop)).await?;
            Ok(Turn::Busy)
        }
    }
}

async fn slices(instance: &Instance, slots: &Slots, tenant: TenantId, id: ImportId) -> Result<()> {
    let mut next = slots.read(instance, tenant, move |conn| actions::imports::read(conn, tenant, id)).await?;
    for left in (0..IN_A_TURN).rev() {
        let Some(slice) = next.map(Arc::new) else { return Ok(()) };
        let (actor, taken, read) = (slice.import.created_by.clone(), Arc::clone(&slice), Arc::clone(&slice));
        let ahead = async {
            if left == 0 {
                return Ok(None);
            }
            slots.read(instance, tenant, move |conn| actions::imports::read_ahead(conn, tenant, &read)).await
        };
        let record = slots.act_for(instance, tenant, &actor, move |act| actions::imports::take(act, &taken));
        let (import, ahead) = futures_util::future::join(record, ahead).await;
        next = if slice.is_recorded(&import?) { ahead? } else { None };
    }
    Ok(())
}

/// What may be said of an error: the cause of ours stands in the log.
fn problems(error: Error) -> Vec<ImportProblem> {
    match error {
        Error::Invalid(faults) | Error::Malformed(faults) => ImportProblem::of(faults),
        Error::Internal(_) => {
            vec![ImportProblem::row("the import failed on our side; what was imported before stays, and it may be sent again")]
        }
        other => vec![ImportProblem::row(other.to_string())],
    }
}
