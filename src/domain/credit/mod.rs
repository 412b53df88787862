//! Credit: what is known of a payer, what it is worth, and how much may be entrusted to it.
//!
//! Pure rules over stated facts. Not here: where the facts come from, and who is told. Invariants: a score explains every point it gives; the same
//! facts give the same decision, with all of its reasons; nothing here ever adds two currencies.

pub mod checklist;
pub mod decision;
pub mod habit;
pub mod limitation;
pub mod profile;
pub mod request;
pub mod review;
pub mod score;
pub mod settings;
