//! From what accrues to what is asked for: who decides it, what was charged already, and what is owed of both.
//!
//! Interest accrues by itself and is computed whenever somebody asks; a charge turns it into a figure that can be claimed, paid and waived.
//! Invariant: nothing is asked for twice. Whatever was charged or waived up to a day is taken off what has accrued since the first.

use chrono::NaiveDate;
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Computation, DayCount, Line, Percent, rates::Series};
use crate::domain::ids::InstalmentId;

crate::words! {
    /// What a charge claims.
    pub enum ChargeKind {
        /// Interest for late payment.
        Interest = "interest",
        /// The fixed sum for recovery costs.
        FixedSum = "fixed_sum",
    }
}

crate::words! {
    /// What is done about late-payment interest and the fixed sum.
    pub enum InterestHandling {
        /// Held back: nothing is shown, nothing is charged.
        Never = "never",
        /// Messages show what has accrued; nothing is charged unless asked for.
        Shown = "shown",
        /// Messages show what has accrued, and sending one by e-mail or text message charges it.
        Charged = "charged",
    }
}

crate::words! {
    /// What a payment settles first.
    pub enum Imputation {
        /// The principal; charges with what is left.
        PrincipalFirst = "principal_first",
        /// What was charged of interest and fixed sums; the principal with what is left.
        InterestFirst = "interest_first",
    }
}

/// How a policy deals with interest and the fixed sum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"show_from_step": "last_reminder", "charge": "shown", "not_before_days": 10}))]
pub struct PolicyInterest {
    /// The step from which messages speak of it; without one, the first step after the due date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[a-z][a-z0-9_]{0,39}$", max_length = 40, example = "last_reminder")]
    pub show_from_step: Option<String>,
    /// What is done. A customer's own setting prevails.
    pub charge: InterestHandling,
    /// Days after an instalment's due date before its invoice's interest is spoken of. It accrues all the same.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 365, default = 0)]
    pub not_before_days: u16,
}

/// What has accrued, to be charged.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"accept_provisional": false}))]
pub struct NewCharge {
    /// The last day that it covers; today if absent, never later.
    pub until: Option<NaiveDate>,
    /// Whether a figure may be charged that rests on a rate not published yet.
    pub accept_provisional: bool,
}

/// What has accrued, to be given up.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "goodwill: first delay in five years"}))]
pub struct NewWaiver {
    /// The last day that it covers; today if absent, never later. What accrues afterwards is not waived.
    #[serde(default)]
    pub until: Option<NaiveDate>,
    /// Why.
    #[schema(min_length = 3, max_length = 300)]
    pub reason: String,
}

/// Interest on one amount at one rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InterestLine {
    /// On which instalment.
    pub instalment_id: InstalmentId,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
    /// How many days the day count makes of that.
    #[schema(minimum = 0)]
    pub days: i64,
    /// What bears the interest, in minor units.
    #[schema(minimum = 0)]
    pub principal: i64,
    /// Percent a year; `null` where no rate is known, which bears no interest.
    pub rate_percent: Option<Percent>,
    /// How days became a part of a year.
    pub day_count: DayCount,
    /// The sequence that the rate comes from; `null` for an agreed one.
    pub series: Option<Series>,
    /// Where the rate was read, and what was added to it.
    #[schema(max_length = 700)]
    pub source: String,
    /// The interest in units of the currency, a decimal number in a text, to ten decimals.
    #[schema(max_length = 40, pattern = "^[0-9]+(\\.[0-9]{1,10})?$", example = "3.2876712329")]
    pub amount: String,
    /// Whether the rate stands in for one that is not published.
    pub provisional: bool,
}

impl From<&Line> for InterestLine {
    fn from(line: &Line) -> Self {
        Self {
            instalment_id: line.instalment_id,
            from: line.from,
            to: line.to,
            days: line.days,
            principal: line.principal_minor,
            rate_percent: line.rate_percent.and_then(Percent::new),
            day_count: line.day_count,
            series: line.series,
            source: line.source.clone(),
            amount: line.amount.round_dp(10).normalize().to_string(),
            provisional: line.provisional,
        }
    }
}

/// What a charge is kept with: the computation as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChargeBasis {
    /// The row of the table of rules that was applied; `null` where an agreed rate needed none.
    #[schema(max_length = 40)]
    pub rule: Option<String>,
    /// What had accrued since the first day late, in minor units.
    #[schema(minimum = 0)]
    pub accrued: i64,
    /// What of that had been charged or waived before, in minor units.
    #[schema(minimum = 0)]
    pub charged_before: i64,
    /// The lines of what had accrued; none for a fixed sum.
    #[schema(max_items = 10_000)]
    pub lines: Vec<InterestLine>,
    /// Whether a rate was missing that was still to be published.
    pub provisional: bool,
}

impl ChargeBasis {
    /// What of a charge of `amount_minor` is interest on these instalments, by its lines; rounded down, and all of it where it speaks of no others.
    pub fn share(&self, amount_minor: i64, instalments: &[InstalmentId]) -> i64 {
        let amount = |line: &InterestLine| line.amount.parse::<Decimal>().unwrap_or_default();
        let sum = |sum: Decimal, line: &InterestLine| sum.saturating_add(amount(line));
        let all = self.lines.iter().fold(Decimal::ZERO, sum);
        let own = self.lines.iter().filter(|line| instalments.contains(&line.instalment_id)).fold(Decimal::ZERO, sum);
        let share = Decimal::from(amount_minor).checked_mul(own).and_then(|product| product.checked_div(all));
        share.and_then(|share| share.floor().to_i64()).unwrap_or(0)
    }
}

/// A charge as far as what is owed depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charged {
    /// What it claims.
    pub kind: ChargeKind,
    /// How much was charged or waived, in minor units.
    pub amount_minor: i64,
    /// What is left to pay of it.
    pub balance_minor: i64,
}

/// What is owed beside the principal, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Owed {
    /// What has accrued and is neither charged nor waived.
    pub uncharged: i64,
    /// What was charged or waived so far.
    pub charged: i64,
    /// What is left to pay of charges.
    pub balance: i64,
}

impl Owed {
    /// Of one kind, by what has accrued of it.
    fn of(kind: ChargeKind, accrued: i64, charges: &[Charged]) -> Self {
        let own = || charges.iter().filter(|charge| charge.kind == kind);
        let charged = own().fold(0_i64, |sum, charge| sum.saturating_add(charge.amount_minor));
        let balance = own().fold(0_i64, |sum, charge| sum.saturating_add(charge.balance_minor));
        Self { uncharged: accrued.saturating_sub(charged).max(0), charged, balance }
    }

    /// Of interest.
    pub fn interest(computation: &Computation, charges: &[Charged]) -> Self {
        Self::of(ChargeKind::Interest, computation.interest.minor, charges)
    }

    /// Of fixed sums: one for an invoice, so nothing more once one was charged or waived.
    pub fn fixed_sum(computation: &Computation, charges: &[Charged]) -> Self {
        Self::of(ChargeKind::FixedSum, computation.fixed_sum.map_or(0, |sum| sum.minor), charges)
    }

    /// What the debtor owes of it, charged or not.
    pub const fn total(self) -> i64 {
        self.uncharged.saturating_add(self.balance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_charged_or_waived_is_taken_off_what_has_accrued() {
        let charge = |kind, amount_minor, balance_minor| Charged { kind, amount_minor, balance_minor };
        let charges = [
            charge(ChargeKind::Interest, 400, 100),   // partly paid
            charge(ChargeKind::Interest, 250, 0),     // waived
            charge(ChargeKind::FixedSum, 4000, 4000), // of the other kind
        ];
        let owed = Owed::of(ChargeKind::Interest, 1000, &charges);
        assert_eq!((owed, owed.total()), (Owed { uncharged: 350, charged: 650, balance: 100 }, 450));
        // A payment recorded late may leave less accrued than was charged: nothing is charged for it, and nothing given back by itself.
        assert_eq!(Owed::of(ChargeKind::Interest, 500, &charges).uncharged, 0);
    }

    #[test]
    fn a_charge_is_shared_by_its_lines() {
        let id = |number: u128| InstalmentId::from_uuid(uuid::Uuid::from_u128(number));
        let day = NaiveDate::from_ymd_opt(2026, 2, 1).unwrap();
        let line = |number, amount: &str| InterestLine {
            instalment_id: id(number),
            from: day,
            to: day,
            days: 1,
            principal: 1,
            rate_percent: None,
            day_count: DayCount::Actual365,
            series: None,
            source: String::new(),
            amount: amount.to_owned(),
            provisional: false,
        };
        let lines = vec![line(1, "2.5"), line(2, "1.25"), line(1, "1.25")];
        let basis = ChargeBasis { rule: None, accrued: 500, charged_before: 0, provisional: false, lines };
        assert_eq!((basis.share(501, &[id(1)]), basis.share(501, &[id(2)]), basis.share(501, &[id(1), id(2)])), (375, 125, 501));
        assert_eq!(ChargeBasis { lines: vec![], ..basis }.share(4000, &[id(1)]), 0);
    }
}
