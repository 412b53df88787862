//! Interest for late payment and the fixed sum for recovery costs.
//!
//! Pure: a claim, the rates, a date. Not here: what was charged, waived or paid, nor when any of it is shown. Invariant: no figure without
//! the line it comes from, and no line without its rate, its days and its source; amounts are exact decimals until they are rounded as the
//! rule says.

mod charge;
mod claim;
mod clause;
mod compute;
pub mod rates;
pub mod rules;
#[cfg(test)]
mod tests;

pub use charge::{
    ChargeBasis, ChargeKind, Charged, Imputation, InterestHandling, InterestLine, NewCharge, NewWaiver, Owed, PolicyInterest,
};
pub use claim::{Claim, Part, law};
pub use clause::{Compounding, DayCount, FixedSum, InterestBase, LateInterest, Percent};
pub use compute::{Computation, Line, compute, days, minor, sum_ahead};
pub use rules::rule;
