//! The loops: what happens because time passes, not because somebody asked.
//!
//! Not here: what is done; each turn of a loop is an action. Invariant: a loop survives every error of a turn, says so in the log, and stops when told.

mod clock;
pub mod connections;
mod dispatch;
pub mod imports;
mod lookups;
mod partition;
mod proofs;
pub mod seals;
mod slots;
mod solvency;
pub mod webhooks;
mod worker;

pub use partition::{Turn, turn};

use std::sync::Arc;

use tokio::{sync::watch, task::JoinHandle};

use crate::instance::Instance;

/// Starts the workers and the sealer; the handle ends when all have stopped.
pub fn start(instance: &Arc<Instance>, stop: &watch::Receiver<bool>) -> JoinHandle<()> {
    let sealing = seals::run(instance.db.clone(), instance.clock.clone(), Arc::clone(&instance.signer), stop.clone());
    let working = worker::run(Arc::clone(instance), worker::work, stop.clone());
    let telling = worker::run(Arc::clone(instance), worker::tell_endpoints, stop.clone());
    let importing = worker::run(Arc::clone(instance), worker::take_files, stop.clone());
    let connecting = worker::run(Arc::clone(instance), worker::hear_connections, stop.clone());
    tokio::spawn(async move {
        tokio::join!(sealing, working, telling, importing, connecting);
    })
}
