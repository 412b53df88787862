//! Seals the journals: every entry is covered by a signed head within seconds.
//!
//! Any number of instances may run this loop; for each partition one of them seals, the others pass on. Invariant: a partition that cannot be sealed
//! holds up no other.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::{
    actions,
    clock::Clock,
    domain::{evidence::checkpoint::Signer, ids::TenantId},
    error::{Error, Result},
    store::{self, Db},
};

/// The rest between two rounds; a round itself takes well under the 10 s that are promised.
const REST: Duration = Duration::from_secs(3);
/// Entries under one signature at most: bounds the transaction.
const BATCH: u32 = 2_000;

/// Seals until `stop` says true, or until nobody is left to say it.
pub async fn run(db: Db, clock: Clock, signer: Arc<Signer>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        if let Err(error) = round(&db, &clock, &signer, &stop).await {
            tracing::warn!(%error, "the partitions to seal could not be listed");
        }
        tokio::select! {
            () = tokio::time::sleep(REST) => {}
            changed = stop.changed() => if changed.is_err() { return },
        }
    }
}

/// Visits every partition once.
///
/// # Errors
/// When the partitions cannot be listed; what goes wrong in one of them is logged.
pub async fn round(db: &Db, clock: &Clock, signer: &Arc<Signer>, stop: &watch::Receiver<bool>) -> Result<()> {
    for tenant in db.read(TenantId::PLATFORM, store::evidence::partitions).await? {
        if *stop.borrow() {
            break;
        }
        match partition(db, clock, signer, tenant).await {
            Ok(()) => {}
            Err(error @ (Error::Busy { .. } | Error::Race)) => {
                tracing::warn!(%tenant, mode = %tenant.mode(), %error, "evidence waits for the next round to be sealed");
            }
            Err(error) => tracing::error!(%tenant, mode = %tenant.mode(), %error, "evidence was not sealed"),
        }
    }
    Ok(())
}

/// Seals all that waits in one partition.
async fn partition(db: &Db, clock: &Clock, signer: &Arc<Signer>, tenant: TenantId) -> Result<()> {
    // A look costs no write lock, and most partitions are quiet.
    let waits = move |conn: &mut store::Conn| Ok(store::evidence::sealed_size(conn, tenant)? < store::evidence::size(conn, tenant)?);
    while db.read(tenant, waits).await? {
        if actions::evidence::seal(db, clock, signer, tenant, BATCH).await? == 0 {
            break;
        }
    }
    Ok(())
}
