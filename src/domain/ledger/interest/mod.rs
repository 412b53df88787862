//! Interest for late payment and the fixed sum for recovery costs.
//!
//! Pure: a claim, the rates, a date. Not here: what was charged, waived or paid.

mod clause;

pub use clause::{Compounding, DayCount, FixedSum, LateInterest, Percent};
