//! The loops: what happens because time passes, not because somebody asked.
//!
//! Not here: what is done; each turn of a loop is an action. Invariant: a loop survives every error of a turn, says so in the log, and stops when told.

mod clock;
pub mod dispatch;
mod lookups;
mod partition;
pub mod seals;
mod solvency;
pub mod webhooks;
mod worker;

pub use partition::{Turn, turn};

use std::sync::Arc;

use tokio::{sync::watch, task::JoinHandle};

use crate::instance::Instance;

/// Partitions worked on at once.
const SLOTS: usize = 4;
/// Partitions whose endpoints are told at once: most of that time is spent on waiting for them.
const TELLERS: usize = 16;

/// Starts the workers and the sealer; the handle ends when all have stopped.
pub fn start(instance: &Arc<Instance>, stop: &watch::Receiver<bool>) -> JoinHandle<()> {
    let sealing = seals::run(instance.db.clone(), instance.clock.clone(), Arc::clone(&instance.signer), stop.clone());
    let turns = |instance: Arc<Instance>, tenant| async move { turn(&instance, tenant).await };
    let working = worker::run(Arc::clone(instance), SLOTS, turns, stop.clone());
    let tells = |instance: Arc<Instance>, tenant| async move { webhooks::turn(&instance, tenant).await };
    let telling = worker::run(Arc::clone(instance), TELLERS, tells, stop.clone());
    tokio::spawn(async move {
        tokio::join!(sealing, working, telling);
    })
}
