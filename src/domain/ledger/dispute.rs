//! A dispute: the customer contests an invoice, as a whole or for an amount.
//!
//! What is contested is not claimed; the rest is, and all of it stays in the books. Invariant: [`contested`] takes no more out of an instalment than is
//! open, so payments and disputes may come in any order.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{
    ids::{DocumentId, InvoiceId, TaskId},
    invalid::Faults,
};

crate::words! {
    /// What is contested.
    pub enum DisputeReason {
        /// The quality of what was delivered or done.
        Quality = "quality",
        /// How much was delivered or done.
        Quantity = "quantity",
        /// The price.
        Price = "price",
        /// Nothing came.
        NotDelivered = "not_delivered",
        /// Nothing was ordered.
        NotOrdered = "not_ordered",
        /// The customer says that it has paid.
        AlreadyPaid = "already_paid",
        /// The invoice itself: address, tax, references.
        Formal = "formal",
        /// Anything else.
        Other = "other",
    }
}

crate::words! {
    /// Where a dispute stands.
    pub enum DisputeState {
        /// Being looked into: the amount is not claimed.
        Open = "open",
        /// Ended, with an outcome.
        Resolved = "resolved",
    }
}

crate::words! {
    /// How a dispute ended.
    pub enum DisputeOutcome {
        /// The customer was right: a credit note was issued.
        CreditNote = "credit_note",
        /// The customer was right in part: a credit note was issued for that part, the rest is claimed again.
        Partly = "partly",
        /// The customer was wrong, or took it back: all of it is claimed again.
        Rejected = "rejected",
    }
}

/// The longest note, in characters.
pub const MAX_NOTE: usize = 2000;

/// A dispute to open.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"invoice_id": "inv_01jd3kq8e5fvv8m3s9tqz4x7ya", "amount": 30000, "reason": "quantity", "note": "two of twelve chairs were missing",
    "owner": "anne", "respond_by": "2026-03-20"}))]
pub struct NewDispute {
    /// The invoice.
    pub invoice_id: InvoiceId,
    /// How much of it is contested, in minor units; absent: all of it.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000_000_000_000i64)]
    pub amount: Option<i64>,
    /// What is contested.
    pub reason: DisputeReason,
    /// The same in the customer's words.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub note: Option<String>,
    /// What was handed in.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub document_ids: Vec<DocumentId>,
    /// Who looks into it, by your own name for that person.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 100)]
    pub owner: Option<String>,
    /// The last day to answer; from the next on, a review is asked for.
    #[serde(default)]
    pub respond_by: Option<NaiveDate>,
    /// The task in which it was said.
    #[serde(default)]
    pub task_id: Option<TaskId>,
}

/// What was contested in a task: by whom, the task knows; the words are its notes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "quantity", "amount": 30000, "respond_by": "2026-03-20"}))]
pub struct TaskDispute {
    /// What is contested.
    #[serde(default = "something")]
    #[schema(default = "other")]
    pub reason: DisputeReason,
    /// Which invoices; absent: those that the task's reminder claims, or all that is open in the task's currency.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub invoice_ids: Vec<InvoiceId>,
    /// How much, in minor units, if one invoice is meant; absent: all that is open of each.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000_000_000_000i64)]
    pub amount: Option<i64>,
    /// Who looks into it, by your own name for that person.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 100)]
    pub owner: Option<String>,
    /// The last day to answer; from the next on, a review is asked for.
    #[serde(default)]
    pub respond_by: Option<NaiveDate>,
}

impl Default for TaskDispute {
    /// All that is open is contested, and nobody knows why.
    fn default() -> Self {
        Self { reason: something(), invoice_ids: Vec::new(), amount: None, owner: None, respond_by: None }
    }
}

const fn something() -> DisputeReason {
    DisputeReason::Other
}

/// What may change on an open dispute; absent fields stay as they are.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"owner": "bertrand", "respond_by": "2026-03-27"}))]
pub struct DisputeChange {
    /// Who looks into it.
    #[schema(min_length = 1, max_length = 100)]
    pub owner: Option<String>,
    /// The last day to answer.
    pub respond_by: Option<NaiveDate>,
    /// What is contested, in the customer's words.
    #[schema(max_length = 2000)]
    pub note: Option<String>,
    /// What was handed in; replaces the list.
    #[schema(max_items = 50)]
    pub document_ids: Option<Vec<DocumentId>>,
}

/// How a dispute ends.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"outcome": "partly", "amount": 20000, "credit_note_number": "A-2026-9"}))]
pub struct DisputeResolution {
    /// Who was right.
    pub outcome: DisputeOutcome,
    /// What is given up, in minor units: demanded of `partly`; of `credit_note` it is all that is contested.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000_000_000_000i64)]
    pub amount: Option<i64>,
    /// The number printed on the credit note.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 60)]
    pub credit_note_number: Option<String>,
    /// What was found out.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub note: Option<String>,
}

impl DisputeResolution {
    /// What is given up of `contested_minor`, if anything.
    ///
    /// # Errors
    /// An amount that the outcome does not take, or that is not part of what is contested.
    pub fn credited(&self, contested_minor: i64) -> Result<Option<i64>, Faults> {
        let fault = |code, detail: String| Err(Faults::one("/amount", code, detail));
        match (self.outcome, self.amount) {
            (DisputeOutcome::Rejected, None) => Ok(None),
            (DisputeOutcome::Rejected, Some(_)) => fault("contradiction", "a rejected dispute gives nothing up".to_owned()),
            (DisputeOutcome::CreditNote, None) => Ok(Some(contested_minor)),
            (DisputeOutcome::CreditNote, Some(amount)) if amount == contested_minor => Ok(Some(amount)),
            (DisputeOutcome::CreditNote, Some(_)) => fault(
                "contradiction",
                format!("all that is contested is given up ({contested_minor}); for a part of it the outcome is partly"),
            ),
            (DisputeOutcome::Partly, None) => fault("required", "say how much is given up".to_owned()),
            (DisputeOutcome::Partly, Some(amount)) if amount < contested_minor => Ok(Some(amount)),
            (DisputeOutcome::Partly, Some(_)) => {
                fault("out_of_range", format!("less than the {contested_minor} contested; for all of it the outcome is credit_note"))
            }
        }
    }
}

/// What is contested of each open balance of an invoice, given oldest first; `amount_minor` is what its disputes sum to, `None` if one of them is
/// about the whole. The oldest part is taken first: it would be claimed first.
pub fn contested(balances: &[i64], amount_minor: Option<i64>) -> Vec<i64> {
    let mut left = amount_minor.unwrap_or(i64::MAX);
    let take = |balance: &i64| {
        let taken = left.clamp(0, (*balance).max(0));
        left = left.saturating_sub(taken);
        taken
    };
    balances.iter().map(take).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_oldest_part_is_contested_first_and_the_whole_is_all_of_them() {
        assert_eq!(contested(&[100, 100], Some(130)), [100, 30]);
        assert_eq!(contested(&[100, 100], None), [100, 100]);
        assert_eq!(contested(&[], Some(5)), Vec::<i64>::new());
    }

    #[test]
    fn what_is_given_up_fits_the_outcome() {
        let resolution = |outcome, amount| DisputeResolution { outcome, amount, credit_note_number: None, note: None };
        assert_eq!(resolution(DisputeOutcome::Rejected, None).credited(100), Ok(None));
        assert_eq!(resolution(DisputeOutcome::CreditNote, None).credited(100), Ok(Some(100)));
        assert_eq!(resolution(DisputeOutcome::Partly, Some(99)).credited(100), Ok(Some(99)));
        for (outcome, amount, code) in [
            (DisputeOutcome::Partly, Some(100), "out_of_range"),
            (DisputeOutcome::Partly, None, "required"),
            (DisputeOutcome::CreditNote, Some(99), "contradiction"),
            (DisputeOutcome::Rejected, Some(1), "contradiction"),
        ] {
            assert_eq!(resolution(outcome, amount).credited(100).unwrap_err().0[0].code, code);
        }
    }

    proptest! {
        #[test]
        fn nothing_is_contested_twice(balances in proptest::collection::vec(0_i64..500, 0..8), amount in 0_i64..3_000) {
            let taken = contested(&balances, Some(amount));
            prop_assert_eq!(taken.iter().sum::<i64>(), amount.min(balances.iter().sum()));
            prop_assert!(taken.iter().zip(&balances).all(|(taken, balance)| taken <= balance));
        }
    }
}
