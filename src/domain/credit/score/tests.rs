//! Every score is accounted for, and none is raised by what is worse.

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
    assert_eq!((of(&habit, day(70)), of(&habit, day(430))), (2, 3));
    for n in 6..12 {
        habit.settle(id(n), day(430), day(430));
    }
    assert_eq!(of(&habit, day(430)), 4);
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
