//! The decision: who is reminded, of what, when and how firmly; and who is left in peace.
//!
//! [`policy`] is what the creditor wants, [`account`] what is known of a debtor, [`plan`] the decision, [`explain`] its reasons
//! in words. Not here: texts, sending, storage. Invariant: same facts, same decision, whenever it is asked for.

pub mod account;
mod barred;
pub mod builtin;
pub mod draft;
pub mod explain;
mod interest;
mod ladder;
pub mod plan;
mod planner;
pub mod policy;
pub mod protections;
pub mod release;
pub mod reminder;
pub mod request;
pub mod rule;
pub mod simulation;
pub mod validate;

#[cfg(test)]
mod tests;
