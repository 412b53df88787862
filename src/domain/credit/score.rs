//! The score: 1 (very risky) to 5 (safe), from stated inputs, explained line by line.
//!
//! It begins at 3, where nothing is known, and each input adds or takes hundredths of a point, within a stated bound. It is always
//! written anew from the present inputs: nothing of a former score is in it, so a reformed payer recovers as its old facts fade
//! ([`super::habit`]). An input that is not known gives nothing, and its line says so. The points are the product's own judgement, not a law or a
//! statistic: they are here, on one page, to be read and argued with.

mod lines;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::habit::{FULL_WEIGHT, Summary};
use crate::domain::{
    company::{Company, LegalForm},
    customer::CustomerKind,
    money::Currency,
};

crate::words! {
    /// What a score is computed from.
    pub enum ScoreInput {
        /// How late the last instalments were paid.
        PaymentHabit = "payment_habit",
        /// Which part of what is open is overdue.
        OverdueShare = "overdue_share",
        /// Promises and payment plans kept and broken.
        BrokenPromises = "broken_promises",
        /// Disputes that were unfounded.
        Disputes = "disputes",
        /// Payments that the bank took back.
        ReturnedPayments = "returned_payments",
        /// Who answers for its debts.
        LegalForm = "legal_form",
        /// Its capital, beside what it owes.
        Capital = "capital",
        /// What it does.
        Activity = "activity",
        /// How long it has existed.
        Age = "age",
        /// The last solvency check.
        SolvencyCheck = "solvency_check",
        /// Guarantees in force, beside what it owes.
        Guarantees = "guarantees",
    }
}

crate::words! {
    /// Where the score that holds comes from.
    pub enum ScoreSource {
        /// Set by hand, with a reason, until a date.
        Override = "override",
        /// Given with the customer's record.
        Given = "given",
        /// Computed.
        Computed = "computed",
    }
}

/// What is open in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenBalance {
    /// The currency.
    pub currency: Currency,
    /// What is left to pay, in minor units.
    #[schema(minimum = 0)]
    pub open_minor: i64,
    /// The part of it that is overdue.
    #[schema(minimum = 0)]
    pub overdue_minor: i64,
    /// Guarantees in force, in the same currency.
    #[schema(minimum = 0)]
    pub guaranteed_minor: i64,
}

/// The last answer about a payer's solvency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SolvencyInput {
    /// 1 (failing) to 5 (sound), as the provider said.
    #[schema(minimum = 1, maximum = 5)]
    pub rating: u8,
    /// How many days ago.
    #[schema(minimum = 0)]
    pub age_days: i64,
}

/// All that a score is computed from, as of one day. Counts of events are in hundredths: one of today is 100, one of 90 days ago 50.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Inputs {
    /// Instalments paid lately.
    #[schema(minimum = 0)]
    pub settled: u32,
    /// How much they weigh together, in hundredths of an instalment paid today.
    #[schema(minimum = 0)]
    pub settled_weight: i64,
    /// Their weighted mean delay in days; negative is early.
    pub mean_days_late: Option<i64>,
    /// Promises kept, in hundredths.
    #[schema(minimum = 0)]
    pub promises_kept: i64,
    /// Promises broken, in hundredths.
    #[schema(minimum = 0)]
    pub promises_broken: i64,
    /// Disputes in which the payer was right, in hundredths.
    #[schema(minimum = 0)]
    pub disputes_upheld: i64,
    /// Disputes in which the payer was wrong, in hundredths.
    #[schema(minimum = 0)]
    pub disputes_rejected: i64,
    /// Payments that the bank took back, in hundredths.
    #[schema(minimum = 0)]
    pub payments_returned: i64,
    /// What is open, by currency.
    #[schema(max_items = 200)]
    pub balances: Vec<OpenBalance>,
    /// Which law protects the payer.
    pub kind: CustomerKind,
    /// How it is constituted.
    pub legal_form: Option<LegalForm>,
    /// Its capital as a percentage of what it owes in the same currency; absent where either is unknown.
    #[schema(minimum = 0)]
    pub capital_percent: Option<i64>,
    /// Whether its activity is one that the tenant calls risky; absent if it is not known.
    pub risky_activity: Option<bool>,
    /// Full years since it was founded.
    #[schema(minimum = 0)]
    pub age_years: Option<i64>,
    /// The last solvency check that was answered.
    pub solvency: Option<SolvencyInput>,
}

impl Inputs {
    /// Puts together what is known of a payer.
    pub fn new(
        habit: Summary,
        mut balances: Vec<OpenBalance>,
        kind: CustomerKind,
        company: &Company,
        risky_activities: &[String],
        solvency: Option<SolvencyInput>,
        today: NaiveDate,
    ) -> Self {
        balances.sort_by_key(|one| one.currency);
        let capital_percent = company.capital.and_then(|capital| {
            let open = balances.iter().find(|one| one.currency == capital.currency && one.open_minor > 0)?.open_minor;
            Some(capital.minor.saturating_mul(100) / open.max(1))
        });
        let risky = |code: &String| risky_activities.iter().any(|prefix| code.starts_with(prefix.as_str()));
        Self {
            settled: habit.settled,
            settled_weight: habit.settled_weight.saturating_mul(100) / FULL_WEIGHT,
            mean_days_late: habit.mean_days_late,
            promises_kept: habit.promises_kept,
            promises_broken: habit.promises_broken,
            disputes_upheld: habit.disputes_upheld,
            disputes_rejected: habit.disputes_rejected,
            payments_returned: habit.payments_returned,
            balances,
            kind,
            legal_form: company.legal_form,
            capital_percent,
            risky_activity: company.activity_code.as_ref().map(risky),
            age_years: company.founded_on.and_then(|founded| today.years_since(founded)).map(i64::from),
            solvency,
        }
    }

    /// The largest overdue part of what is open in any currency, in per cent.
    pub fn overdue_percent(&self) -> Option<i64> {
        let share = |one: &OpenBalance| one.overdue_minor.saturating_mul(100) / one.open_minor.max(1);
        self.balances.iter().filter(|one| one.open_minor > 0).map(share).max()
    }

    /// The smallest part of what is open in any currency that guarantees cover, in per cent; absent where there is no guarantee at all.
    fn covered_percent(&self) -> Option<i64> {
        if self.balances.iter().all(|one| one.guaranteed_minor == 0) {
            return None;
        }
        let share = |one: &OpenBalance| one.guaranteed_minor.saturating_mul(100).checked_div(one.open_minor).unwrap_or(100);
        self.balances.iter().map(share).min()
    }
}

/// One input of a score, weighed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScoreLine {
    /// Which input.
    pub input: ScoreInput,
    /// The most that it can add or take, in hundredths of a point.
    #[schema(minimum = 0, maximum = 400)]
    pub weight: i64,
    /// What it adds or takes here, in hundredths of a point.
    #[schema(minimum = -400, maximum = 400)]
    pub points: i64,
    /// Why.
    #[schema(max_length = 300)]
    pub explanation: String,
}

/// A score, and each line behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Score {
    /// 1 (very risky) to 5 (safe).
    #[schema(minimum = 1, maximum = 5)]
    pub value: u8,
    /// One line per input. They sum, with the 300 that every score begins with, to the value in hundredths, before it is rounded and kept within 1 to 5.
    #[schema(max_items = 20)]
    pub lines: Vec<ScoreLine>,
}

/// Where a score stands of which nothing is known.
pub const NEUTRAL: u8 = 3;
const BASE: i64 = 300;

/// Computes a score.
pub fn score(inputs: &Inputs) -> Score {
    let lines = vec![
        lines::payment_habit(inputs),
        lines::overdue_share(inputs),
        lines::broken_promises(inputs),
        lines::disputes(inputs),
        lines::returned_payments(inputs),
        lines::legal_form(inputs),
        lines::capital(inputs),
        lines::activity(inputs),
        lines::age(inputs),
        lines::solvency_check(inputs),
        lines::guarantees(inputs),
    ];
    let sum = lines.iter().fold(BASE, |sum, line| sum.saturating_add(line.points));
    let value = sum.saturating_add(50).div_euclid(100).clamp(1, 5);
    Score { value: u8::try_from(value).unwrap_or(NEUTRAL), lines }
}

#[cfg(test)]
mod tests;
