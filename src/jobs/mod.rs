//! The loops: what happens because time passes, not because somebody asked.
//!
//! Not here: what is done; each turn of a loop is an action. Invariant: a loop survives every error of a turn, says so in the log, and stops when told.

mod clock;
mod dispatch;
mod partition;
pub mod seals;
mod worker;

pub use partition::{Turn, turn};
pub use worker::run;
pub mod seals;
