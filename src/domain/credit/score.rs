//! The score: 1 (very risky) to 5 (safe), from stated inputs, explained line by line.
//!
//! It begins at 3, where nothing is known, and each input adds or takes hundredths of a point, within a stated bound. It is always
//! written anew from the present inputs: nothing of a former score is in it, so a reformed payer recovers as its old facts fade
//! ([`super::habit`]). An input that is not known gives nothing, and its line says so. The points are the product's own judgement, not a law or a
//! statistic: they are here, on one page, to be read and argued with.

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

/// All that a score is computed from, as of one day. Counts of events are in hundredths: one of today is 100, one of half a year ago 50.
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
        payment_habit(inputs),
        overdue_share(inputs),
        broken_promises(inputs),
        disputes(inputs),
        returned_payments(inputs),
        legal_form(inputs),
        capital(inputs),
        activity(inputs),
        age(inputs),
        solvency_check(inputs),
        guarantees(inputs),
    ];
    let sum = lines.iter().fold(BASE, |sum, line| sum.saturating_add(line.points));
    let value = sum.saturating_add(50).div_euclid(100).clamp(1, 5);
    Score { value: u8::try_from(value).unwrap_or(NEUTRAL), lines }
}

fn line(input: ScoreInput, weight: i64, points: i64, explanation: impl Into<String>) -> ScoreLine {
    ScoreLine { input, weight, points: points.clamp(weight.saturating_neg(), weight), explanation: explanation.into() }
}

/// `1.50` of 150 hundredths.
fn hundredths(count: i64) -> String {
    format!("{}.{:02}", count / 100, count % 100)
}

fn payment_habit(inputs: &Inputs) -> ScoreLine {
    let Some(days) = inputs.mean_days_late else {
        return line(ScoreInput::PaymentHabit, 120, 0, "nothing was paid yet, or too long ago to count");
    };
    let full = match days {
        ..=0 => 120,
        1..=5 => 70,
        6..=15 => 0,
        16..=30 => -60,
        31..=60 => -90,
        _ => -120,
    };
    // Four instalments of today make a habit; fewer, or older ones, less of it.
    let points = full * inputs.settled_weight.min(400) / 400;
    let when = match days {
        0 => "on the due date".to_owned(),
        ..0 => format!("{} days early", days.saturating_neg()),
        _ => format!("{days} days late"),
    };
    line(ScoreInput::PaymentHabit, 120, points, format!("the last {} instalments were paid {when} on average", inputs.settled))
}

fn overdue_share(inputs: &Inputs) -> ScoreLine {
    let Some(percent) = inputs.overdue_percent() else {
        return line(ScoreInput::OverdueShare, 120, 0, "nothing is open");
    };
    let points = match percent {
        0 => 10,
        1..=20 => -20,
        21..=50 => -50,
        51..=80 => -80,
        _ => -120,
    };
    line(ScoreInput::OverdueShare, 120, points, format!("{percent} % of what is open is overdue"))
}

fn broken_promises(inputs: &Inputs) -> ScoreLine {
    let (kept, broken) = (inputs.promises_kept, inputs.promises_broken);
    if kept == 0 && broken == 0 {
        return line(ScoreInput::BrokenPromises, 150, 0, "no promise was made lately");
    }
    let points = (kept / 5).min(20).saturating_sub(broken.saturating_mul(60) / 100);
    let text = format!("{} promises kept and {} broken, older ones counted less", hundredths(kept), hundredths(broken));
    line(ScoreInput::BrokenPromises, 150, points, text)
}

fn disputes(inputs: &Inputs) -> ScoreLine {
    let text = match (inputs.disputes_rejected, inputs.disputes_upheld) {
        (0, 0) => "no dispute lately".to_owned(),
        (wrong, right) => {
            format!("{} disputes were unfounded, {} founded; founded ones do not count", hundredths(wrong), hundredths(right))
        }
    };
    line(ScoreInput::Disputes, 75, (inputs.disputes_rejected / 4).saturating_neg(), text)
}

fn returned_payments(inputs: &Inputs) -> ScoreLine {
    let count = inputs.payments_returned;
    let text = if count == 0 {
        "no payment was taken back lately".to_owned()
    } else {
        format!("{} payments were taken back by the bank", hundredths(count))
    };
    line(ScoreInput::ReturnedPayments, 100, (count / 2).saturating_neg(), text)
}

fn legal_form(inputs: &Inputs) -> ScoreLine {
    let form = match inputs.kind {
        CustomerKind::PublicBody => Some(LegalForm::PublicBody),
        CustomerKind::Business | CustomerKind::Consumer => inputs.legal_form,
    };
    let Some(form) = form else { return line(ScoreInput::LegalForm, 50, 0, "not known") };
    let points = match form {
        LegalForm::PublicBody => 50,
        LegalForm::PublicCompany => 20,
        LegalForm::LimitedCompany | LegalForm::Partnership | LegalForm::Cooperative | LegalForm::Other => 0,
        LegalForm::SoleTrader | LegalForm::Association => -20,
    };
    line(ScoreInput::LegalForm, 50, points, form.as_str().replace('_', " "))
}

fn capital(inputs: &Inputs) -> ScoreLine {
    let Some(percent) = inputs.capital_percent else {
        return line(ScoreInput::Capital, 30, 0, "not known, or nothing is open in its currency");
    };
    let points = match percent {
        ..100 => -20,
        100..1000 => 10,
        _ => 30,
    };
    line(ScoreInput::Capital, 30, points, format!("{percent} % of what is open in its currency"))
}

fn activity(inputs: &Inputs) -> ScoreLine {
    match inputs.risky_activity {
        None => line(ScoreInput::Activity, 40, 0, "not known"),
        Some(true) => line(ScoreInput::Activity, 40, -40, "among the activities that you call risky"),
        Some(false) => line(ScoreInput::Activity, 40, 0, "not among the activities that you call risky"),
    }
}

fn age(inputs: &Inputs) -> ScoreLine {
    let Some(years) = inputs.age_years else { return line(ScoreInput::Age, 40, 0, "not known") };
    let points = match years {
        ..2 => -40,
        2..5 => -10,
        5..10 => 10,
        _ => 30,
    };
    line(ScoreInput::Age, 40, points, format!("founded {years} years ago"))
}

fn solvency_check(inputs: &Inputs) -> ScoreLine {
    let Some(check) = inputs.solvency else { return line(ScoreInput::SolvencyCheck, 120, 0, "none was answered") };
    let full = (i64::from(check.rating) - 3) * 60;
    let (points, caution) = match check.age_days {
        ..=180 => (full, ""),
        181..=365 => (full / 2, "; it counts half after half a year"),
        _ => (0, "; it does not count after a year"),
    };
    line(ScoreInput::SolvencyCheck, 120, points, format!("rated {} of 5, {} days ago{caution}", check.rating, check.age_days))
}

fn guarantees(inputs: &Inputs) -> ScoreLine {
    let Some(percent) = inputs.covered_percent() else { return line(ScoreInput::Guarantees, 60, 0, "none is in force") };
    let points = match percent {
        ..50 => 0,
        50..100 => 30,
        _ => 60,
    };
    line(ScoreInput::Guarantees, 60, points, format!("guarantees cover {} % of what is open", percent.min(100)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unknown() -> Inputs {
        let today = NaiveDate::from_ymd_opt(2026, 3, 2).unwrap();
        Inputs::new(Summary::default(), Vec::new(), CustomerKind::Business, &Company::default(), &[], None, today)
    }

    fn balance(open_minor: i64, overdue_minor: i64, guaranteed_minor: i64) -> OpenBalance {
        OpenBalance { currency: Currency::EUR, open_minor, overdue_minor, guaranteed_minor }
    }

    prop_compose! {
        fn any_inputs()(
            late in proptest::option::of(-400_i64..400), weight in 0_i64..2400, kept in 0_i64..1000, broken in 0_i64..1000, wrong in 0_i64..1000,
            returned in 0_i64..1000, open in 0_i64..1_000_000, overdue in 0_i64..=100, cover in 0_i64..1_000_000, rating in proptest::option::of((1_u8..=5, 0_i64..800)),
            risky in proptest::option::of(any::<bool>()), age in proptest::option::of(0_i64..100), capital in proptest::option::of(0_i64..5000),
        ) -> Inputs {
            Inputs {
                settled: 4, settled_weight: weight, mean_days_late: late, promises_kept: kept, promises_broken: broken, disputes_rejected: wrong,
                payments_returned: returned, balances: vec![balance(open, open * overdue / 100, cover)], capital_percent: capital, risky_activity: risky,
                age_years: age, solvency: rating.map(|(rating, age_days)| SolvencyInput { rating, age_days }), ..unknown()
            }
        }
    }

    proptest! {
        #[test]
        fn a_score_is_bounded_and_its_lines_account_for_it(inputs in any_inputs()) {
            let score = score(&inputs);
            prop_assert!((1..=5).contains(&score.value));
            prop_assert_eq!(score.lines.len(), ScoreInput::ALL.len());
            for line in &score.lines {
                prop_assert!(line.points.abs() <= line.weight && !line.explanation.is_empty() && line.explanation.len() <= 300, "{:?}", line);
            }
            let sum: i64 = score.lines.iter().map(|line| line.points).sum();
            prop_assert_eq!(i64::from(score.value), ((300 + sum + 50).div_euclid(100)).clamp(1, 5));
        }

        #[test]
        fn what_is_worse_never_raises_it(inputs in any_inputs(), more in 1_i64..500) {
            let before = score(&inputs).value;
            let later = Inputs { mean_days_late: inputs.mean_days_late.map(|days| days + more), ..inputs.clone() };
            let broken = Inputs { promises_broken: inputs.promises_broken + more, ..inputs.clone() };
            let returned = Inputs { payments_returned: inputs.payments_returned + more, ..inputs.clone() };
            let wrong = Inputs { disputes_rejected: inputs.disputes_rejected + more, ..inputs.clone() };
            let overdue = Inputs { balances: vec![OpenBalance { overdue_minor: inputs.balances[0].open_minor, ..inputs.balances[0] }], ..inputs };
            for worse in [later, broken, returned, wrong, overdue] {
                prop_assert!(score(&worse).value <= before);
            }
        }
    }

    #[test]
    fn nothing_known_is_three() {
        let score = score(&unknown());
        assert_eq!((score.value, score.lines.iter().all(|line| line.points == 0)), (NEUTRAL, true));
    }

    #[test]
    fn a_reformed_payer_recovers() {
        use crate::domain::{credit::habit::Habit, ids::InstalmentId};
        let day = |n: u64| NaiveDate::from_ymd_opt(2025, 1, 1).unwrap() + chrono::Days::new(n);
        let id = |n: u128| InstalmentId::from_uuid(uuid::Uuid::from_u128(n));
        let mut habit = Habit::default();
        for n in 0..6 {
            habit.settle(id(n), day(0), day(70));
        }
        let of = |habit: &Habit, today| {
            score(&Inputs {
                ..Inputs::new(
                    Summary::of([habit].into_iter(), today),
                    Vec::new(),
                    CustomerKind::Business,
                    &Company::default(),
                    &[],
                    None,
                    today,
                )
            })
            .value
        };
        assert_eq!(of(&habit, day(70)), 2);
        for n in 6..12 {
            habit.settle(id(n), day(430), day(430));
        }
        assert_eq!(of(&habit, day(430)), 3);
        assert_eq!(of(&habit, day(500)), 4);
    }

    #[test]
    fn currencies_are_never_added() {
        let franc = OpenBalance { currency: "CHF".parse().unwrap(), ..balance(100, 100, 0) };
        let inputs = Inputs { balances: vec![balance(1_000_000, 0, 0), franc], ..unknown() };
        assert_eq!(inputs.overdue_percent(), Some(100));
        assert_eq!(inputs.covered_percent(), None);
    }

    #[test]
    fn company_facts_become_inputs() {
        let today = NaiveDate::from_ymd_opt(2026, 3, 2).unwrap();
        let company = serde_json::json!({"legal_form": "sole_trader", "capital": {"currency": "EUR", "minor": 5000}, "activity_code": "56.10A", "founded_on": "2025-01-01"});
        let company: Company = serde_json::from_value(company).unwrap();
        let inputs = Inputs::new(
            Summary::default(),
            vec![balance(10_000, 0, 10_000)],
            CustomerKind::Business,
            &company,
            &["56".to_owned()],
            None,
            today,
        );
        assert_eq!((inputs.capital_percent, inputs.risky_activity, inputs.age_years), (Some(50), Some(true), Some(1)));
        let points: Vec<i64> = score(&inputs).lines.iter().map(|line| line.points).collect();
        assert_eq!(points, [0, 10, 0, 0, 0, -20, -20, -40, -40, 0, 60]);
    }
}
