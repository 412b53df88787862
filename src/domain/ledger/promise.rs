//! A promise to pay: an amount, for a day. What becomes of it is judged from the payments, never declared.
//!
//! Not here: whether it keeps a reminder back (that is [`crate::domain::dunning`]'s), and what follows when it is broken. Invariant: [`judge`] depends on
//! dates and amounts alone, so the same facts recorded in another order lead to the same state.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::commitment::Covered;
use crate::domain::{
    contact::Channel,
    ids::{ContactId, CustomerId, InstalmentId, InvoiceId, TaskId},
    invalid::Faults,
    money::Currency,
};

/// How far ahead a day may be promised.
const FARTHEST_DAYS: i64 = 366;

crate::words! {
    /// What became of a promise.
    pub enum PromiseState {
        /// Its day, and the grace after it, are not over; or money not yet allocated may still keep it.
        Open = "open",
        /// What was promised came in time.
        Kept = "kept",
        /// A part came in time.
        PartlyKept = "partly_kept",
        /// Nothing came in time.
        Broken = "broken",
        /// Recorded by mistake, or taken back.
        Withdrawn = "withdrawn",
    }
}

/// What was promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The day on which it was said.
    pub made_on: NaiveDate,
    /// The last day that the grace leaves; not before the day promised.
    pub ends_on: NaiveDate,
    /// In minor units; more than nothing.
    pub amount_minor: i64,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Never `withdrawn`.
    pub state: PromiseState,
    /// What came in time, in minor units.
    pub received_minor: i64,
}

/// Judges a promise on a day; `None` while it is late and money that nobody has allocated could still prove it kept.
///
/// What counts is what settled the instalments from the day on which it was made to its last day, credit notes included: they leave less to pay. No more
/// is wanted than was owed.
pub fn judge(terms: &Terms, covered: &Covered<'_>, today: NaiveDate) -> Option<Verdict> {
    let received_minor = covered.settled_within(terms.made_on, terms.ends_on);
    let wanted = terms.amount_minor.min(covered.owed_on(terms.made_on));
    let state = if received_minor >= wanted {
        PromiseState::Kept
    } else if today <= terms.ends_on {
        PromiseState::Open
    } else if received_minor.saturating_add(covered.unallocated_minor) >= wanted {
        return None;
    } else if received_minor > 0 {
        PromiseState::PartlyKept
    } else {
        PromiseState::Broken
    };
    Some(Verdict { state, received_minor })
}

/// A promise to record.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"customer_id": "cus_01jd3kq8e5fvv8m3s9tqz4x7ya", "currency": "EUR", "due_on": "2026-03-20", "amount": 60000,
    "said_by": "Ann Martin", "channel": "call"}))]
pub struct NewPromise {
    /// Who promised.
    pub customer_id: CustomerId,
    /// Of the amount.
    pub currency: Currency,
    /// Which instalments are meant.
    #[serde(default)]
    #[schema(max_items = 500)]
    pub instalment_ids: Vec<InstalmentId>,
    /// Which invoices are meant, with all their open parts. Without these and `instalment_ids`: all that is open in this currency.
    #[serde(default)]
    #[schema(max_items = 500)]
    pub invoice_ids: Vec<InvoiceId>,
    /// For which day.
    pub due_on: NaiveDate,
    /// How much, in minor units; absent: all that is open of what is meant.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000_000_000_000i64)]
    pub amount: Option<i64>,
    /// Who said it.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 140)]
    pub said_by: Option<String>,
    /// The person at the customer who said it.
    #[serde(default)]
    pub contact_id: Option<ContactId>,
    /// How it was said.
    #[serde(default)]
    pub channel: Option<Channel>,
    /// The task in which it was said.
    #[serde(default)]
    pub task_id: Option<TaskId>,
}

/// A promise made in a task: to whom and how, the task knows.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"due_on": "2026-03-20", "amount": 60000}))]
pub struct TaskPromise {
    /// For which day.
    pub due_on: NaiveDate,
    /// How much, in minor units; absent: all that is open of what is meant.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000_000_000_000i64)]
    pub amount: Option<i64>,
    /// Which instalments are meant; absent: all that is open in the task's currency.
    #[serde(default)]
    #[schema(max_items = 500)]
    pub instalment_ids: Vec<InstalmentId>,
    /// Who said it.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 140)]
    pub said_by: Option<String>,
}

/// The rules of a day promised on `today`.
pub fn check(due_on: NaiveDate, today: NaiveDate) -> Faults {
    let mut faults = Faults::none();
    let days = due_on.signed_duration_since(today).num_days();
    if days < 0 {
        faults.add("/due_on", "in_the_past", format!("a promise is for today ({today}) or a later day"));
    } else if days > FARTHEST_DAYS {
        faults.add("/due_on", "too_late", format!("at most {FARTHEST_DAYS} days ahead; agree a payment plan instead"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ledger::commitment::Settled;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 3, day).unwrap()
    }

    /// 100 promised on the 2nd for the 10th, with two days of grace; 150 are owed.
    fn state(settled: &[(u32, i64)], unallocated_minor: i64, today: u32) -> Option<(PromiseState, i64)> {
        let terms = Terms { made_on: day(2), ends_on: day(12), amount_minor: 100 };
        let settled: Vec<Settled> = settled.iter().map(|&(on, amount_minor)| Settled { on: day(on), amount_minor }).collect();
        let paid: i64 = settled.iter().map(|one| one.amount_minor).sum();
        let covered = Covered { balance_minor: 150 - paid, settled: &settled, unallocated_minor };
        judge(&terms, &covered, day(today)).map(|verdict| (verdict.state, verdict.received_minor))
    }

    #[test]
    fn what_came_in_time_decides() {
        use PromiseState::{Broken, Kept, Open, PartlyKept};
        assert_eq!(state(&[], 0, 12), Some((Open, 0)));
        assert_eq!(state(&[], 0, 13), Some((Broken, 0)));
        assert_eq!(state(&[(5, 60), (12, 40)], 0, 12), Some((Kept, 100)));
        assert_eq!(state(&[(5, 60)], 0, 13), Some((PartlyKept, 60)));
        assert_eq!(state(&[(13, 100)], 0, 14), Some((Broken, 0)), "too late is not kept");
        assert_eq!(state(&[(1, 30)], 0, 13), Some((Broken, 0)), "what came before was not promised");
        assert_eq!(state(&[(1, 100), (3, 50)], 0, 13), Some((Kept, 50)), "no more is wanted than was owed");
        assert_eq!(state(&[], 100, 13), None, "money that nobody has allocated");
        assert_eq!(state(&[], 99, 13), Some((Broken, 0)));
    }

    #[test]
    fn a_day_within_the_year() {
        assert!(check(day(2), day(2)).0.is_empty());
        assert_eq!(check(day(1), day(2)).0[0].code, "in_the_past");
        assert_eq!(check(NaiveDate::from_ymd_opt(2027, 4, 2).unwrap(), day(2)).0[0].code, "too_late");
    }
}
