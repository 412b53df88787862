//! A payment plan: what is owed, in parts on agreed days, the first one now.
//!
//! [`schedule`] draws one up within the creditor's limits; [`judge`] says from the payments whether it is kept. Not here: what it silences. Invariants: the
//! parts sum to what was owed, their days rise, and the judgement depends on dates and amounts alone.

use chrono::{Months, NaiveDate};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::commitment::Covered;
use crate::domain::{
    calendar::local,
    ids::{CustomerId, InstalmentId, InvoiceId},
    invalid::Faults,
    money::Currency,
};

/// Days within which the first part is due: "now" for a transfer.
const FIRST_WITHIN_DAYS: i32 = 8;

crate::words! {
    /// Where a payment plan stands.
    pub enum PlanState {
        /// Waiting for the customer's word.
        Proposed = "proposed",
        /// Accepted, and kept so far.
        Accepted = "accepted",
        /// All of it was paid in time.
        Kept = "kept",
        /// A part was missed: all that is left is claimed.
        Broken = "broken",
        /// Taken back.
        Cancelled = "cancelled",
    }
}

crate::words! {
    /// What becomes of the late interest on what a plan covers. A fixed sum for recovery costs stays as it is.
    pub enum PlanInterest {
        /// It goes on.
        Continues = "continues",
        /// It stands still while the plan is kept: from the day after the acceptance, to the last day of grace of a part that is missed.
        Suspended = "suspended",
        /// It stands still, and is waived if the plan is kept to its end: what accrued before, and what is left to pay of what was charged.
        WaivedIfKept = "waived_if_kept",
    }
}

impl PlanInterest {
    /// The first and the last day on which what a plan covers bears no interest. `ended_on`: the last day on which a plan was being kept that was
    /// broken or cancelled afterwards.
    pub fn pause(self, state: PlanState, accepted_on: Option<NaiveDate>, ended_on: Option<NaiveDate>) -> Option<(NaiveDate, NaiveDate)> {
        let accepted_on = accepted_on.filter(|_| self != Self::Continues)?;
        let after = accepted_on.succ_opt()?;
        match (self, state) {
            (Self::WaivedIfKept, PlanState::Kept) => Some((NaiveDate::MIN, NaiveDate::MAX)),
            (_, PlanState::Accepted | PlanState::Kept) => Some((after, NaiveDate::MAX)),
            (_, PlanState::Broken | PlanState::Cancelled) => ended_on.filter(|last| *last >= after).map(|last| (after, last)),
            (_, PlanState::Proposed) => None,
        }
    }
}

/// A part of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PlanPart, example = json!({"due_on": "2026-03-09", "amount": 40000}))]
pub struct Part {
    /// The last day to pay it.
    pub due_on: NaiveDate,
    /// In minor units.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_000i64)]
    pub amount: i64,
}

/// Equal parts, a month or more apart.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"parts": 3, "every_months": 1}))]
pub struct EqualParts {
    /// How many.
    #[schema(minimum = 2, maximum = 60)]
    pub parts: u16,
    /// Months from one to the next.
    #[serde(default = "monthly")]
    #[schema(minimum = 1, maximum = 12, default = 1)]
    pub every_months: u16,
    /// The day of the first part; absent: the day of the proposal.
    #[serde(default)]
    pub first_due_on: Option<NaiveDate>,
}

const fn monthly() -> u16 {
    1
}

/// A payment plan to propose.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"customer_id": "cus_01jd3kq8e5fvv8m3s9tqz4x7ya", "currency": "EUR", "equal": {"parts": 3}, "tax_first": true, "interest": "suspended"}))]
pub struct NewPaymentPlan {
    /// With whom.
    pub customer_id: CustomerId,
    /// Of all amounts.
    pub currency: Currency,
    /// Which instalments it covers.
    #[serde(default)]
    #[schema(max_items = 500)]
    pub instalment_ids: Vec<InstalmentId>,
    /// Which invoices it covers, with all their open parts. Without these and `instalment_ids`: all that is open in this currency.
    #[serde(default)]
    #[schema(max_items = 500)]
    pub invoice_ids: Vec<InvoiceId>,
    /// Equal parts; or give `parts`.
    #[serde(default)]
    pub equal: Option<EqualParts>,
    /// The parts as agreed; or give `equal`. They sum to what is owed for what it covers.
    #[serde(default)]
    #[schema(max_items = 120)]
    pub parts: Option<Vec<Part>>,
    /// Whether the first part settles the tax.
    #[serde(default)]
    pub tax_first: bool,
    /// What becomes of late interest.
    pub interest: PlanInterest,
}

/// How the customer accepted.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"accepted_by": "Ann Martin, manager", "accepted_from": "203.0.113.9", "text": "We pay 400.00 EUR today, on 9 April and on 9 May 2026."}))]
pub struct Acceptance {
    /// Who accepted, and in what quality.
    #[schema(min_length = 1, max_length = 200)]
    pub accepted_by: String,
    /// From where: the network address of the page, or where the paper was signed.
    #[schema(min_length = 1, max_length = 200)]
    pub accepted_from: String,
    /// The text that was shown and accepted, to the letter.
    #[schema(min_length = 1, max_length = 20_000)]
    pub text: String,
}

/// What a creditor allows.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the proposal to the last part.
    pub max_months: u16,
    /// The smallest part, in minor units of the plan's currency; the last part may be smaller.
    pub min_part_minor: Option<i64>,
}

/// The parts of a plan for `total_minor`, of which `tax_minor` are tax.
///
/// # Errors
/// Every limit that is broken, with the cure.
pub fn schedule(new: &NewPaymentPlan, total_minor: i64, tax_minor: i64, limits: &Limits, today: NaiveDate) -> Result<Vec<Part>, Faults> {
    let tax = if new.tax_first { tax_minor } else { 0 };
    let (parts, place) = match (&new.equal, &new.parts) {
        (Some(equal), None) => (equal_parts(equal, total_minor, tax, today), "/equal"),
        (None, Some(parts)) => (parts.clone(), "/parts"),
        (None, None) => return Err(Faults::one("/equal", "required", "give equal or parts")),
        (Some(_), Some(_)) => return Err(Faults::one("/parts", "contradiction", "give equal or parts, not both")),
    };
    let mut faults = Faults::none();
    let sum = parts.iter().fold(0_i64, |sum, part| sum.saturating_add(part.amount));
    if sum != total_minor {
        faults.add(place, "wrong_sum", format!("the parts sum to {sum}; what they cover is {total_minor}"));
    }
    if parts.iter().zip(parts.iter().skip(1)).any(|(before, part)| part.due_on <= before.due_on) {
        faults.add(place, "not_rising", "each part is due after the one before");
    }
    first_part(&parts, place, tax, today, &mut faults);
    if let Some(least) = limits.min_part_minor {
        let small = parts.iter().rev().skip(1).any(|part| part.amount < least) || parts.iter().any(|part| part.amount <= 0);
        if small {
            let detail = format!("a part is below the {least} that the tenant's concessions.plan_min_part asks for; agree fewer parts");
            faults.add(place, "part_too_small", detail);
        }
    }
    let end = today.checked_add_months(Months::new(u32::from(limits.max_months))).unwrap_or(NaiveDate::MAX);
    if let Some(last) = parts.last().filter(|last| last.due_on > end) {
        let detail = format!(
            "the last part is due on {}; the tenant's concessions.plan_max_months ends plans by {end}: agree fewer parts, or closer ones",
            last.due_on
        );
        faults.add(place, "plan_too_long", detail);
    }
    faults.or(parts)
}

fn first_part(parts: &[Part], place: &str, tax: i64, today: NaiveDate, faults: &mut Faults) {
    let Some(first) = parts.first() else { return faults.add(place, "empty", "a plan has at least one part") };
    let latest = local::plus_days(today, FIRST_WITHIN_DAYS);
    if first.due_on < today || first.due_on > latest {
        faults.add(place, "first_part_now", format!("the first part is due from {today} to {latest}"));
    }
    if first.amount < tax {
        faults.add(place, "tax_first", format!("the first part settles the tax: at least {tax}"));
    }
}

/// `total` in equal parts, what cannot be divided in the first; with tax, that is the first part and the rest is divided.
fn equal_parts(equal: &EqualParts, total: i64, tax: i64, today: NaiveDate) -> Vec<Part> {
    let first_day = equal.first_due_on.unwrap_or(today);
    let count = i64::from(equal.parts.max(1));
    let day = |n: u16| {
        let months = u32::from(n).saturating_mul(u32::from(equal.every_months));
        first_day.checked_add_months(Months::new(months)).unwrap_or(first_day)
    };
    let even = total / count;
    let (first, each, odd) = if tax > even && count > 1 {
        let rest = total.saturating_sub(tax);
        (tax, rest / (count - 1), rest % (count - 1))
    } else {
        (even, even, total % count)
    };
    (0..equal.parts).map(|n| Part { due_on: day(n), amount: if n == 0 { first.saturating_add(odd) } else { each } }).collect()
}

/// What an accepted plan is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Agreed<'a> {
    /// The day of its acceptance.
    pub accepted_on: NaiveDate,
    /// Days of grace after each part.
    pub grace_days: u16,
    /// By day.
    pub parts: &'a [Part],
}

/// How an accepted plan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// `accepted`, `kept` or `broken`.
    pub state: PlanState,
    /// What was paid since the acceptance, in minor units.
    pub received_minor: i64,
    /// The part that is awaited, or that was missed: its place, from 1.
    pub part: Option<usize>,
    /// The last day of that part's grace.
    pub ends_on: Option<NaiveDate>,
}

/// Judges an accepted plan on a day; `None` while a part is late and money that nobody has allocated could still settle it.
///
/// A part is kept when, by the end of its grace, all parts up to it are paid; credit notes count, and no more is wanted than was owed.
pub fn judge(agreed: &Agreed<'_>, covered: &Covered<'_>, today: NaiveDate) -> Option<Standing> {
    let owed = covered.owed_on(agreed.accepted_on);
    let received_minor = covered.settled_within(agreed.accepted_on, NaiveDate::MAX);
    let mut wanted = 0_i64;
    for (place, part) in (1..).zip(agreed.parts) {
        wanted = wanted.saturating_add(part.amount);
        let ends_on = local::plus_days(part.due_on, i32::from(agreed.grace_days));
        let short = wanted.min(owed).saturating_sub(covered.settled_within(agreed.accepted_on, ends_on));
        if short > 0 {
            let late = ends_on < today;
            if late && covered.unallocated_minor >= short {
                return None;
            }
            let state = if late { PlanState::Broken } else { PlanState::Accepted };
            return Some(Standing { state, received_minor, part: Some(place), ends_on: Some(ends_on) });
        }
    }
    Some(Standing { state: PlanState::Kept, received_minor, part: None, ends_on: None })
}

/// The tax in what is open of an invoice: its share of the whole, rounded down. Without a stated tax there is none.
pub fn tax_within(open_minor: i64, total_minor: i64, tax_minor: Option<i64>) -> i64 {
    let share = tax_minor.filter(|_| total_minor > 0).map(|tax| i128::from(tax) * i128::from(open_minor) / i128::from(total_minor));
    share.and_then(|share| i64::try_from(share).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
