//! What holds of any claim.

use chrono::Days;
use proptest::prelude::*;

use super::{super::rules::RULES, *};

fn case(law: usize, due: u64, amount: i64, paid: &[(u64, i64)]) -> Case {
    let rule = &RULES[law % RULES.len()];
    let due = day("2015-07-01") + Days::new(due);
    let mut case = Case::new(rule.jurisdiction, "EUR", &due.to_string(), amount);
    if rule.audience == super::super::rules::Audience::Consumer {
        case.kind = CustomerKind::Consumer;
    }
    case.reminded_on = Some(due + Days::new(5));
    case.parts[0].settled = paid.iter().map(|(after, minor)| (due + Days::new(*after), *minor)).collect();
    case
}

proptest! {
    #[test]
    fn interest_never_shrinks_with_time(law in 0_usize..64, due in 0_u64..3800, amount in 1_i64..10_000_000, late in 0_u64..900, more in 0_u64..200,
        paid in proptest::collection::vec((0_u64..900, 1_i64..4_000_000), 0..4)) {
        let case = case(law, due, amount, &paid);
        let until = case.parts[0].due_date + Days::new(late);
        let (sooner, later) = (case.until(until), case.until(until + Days::new(more)));
        prop_assert!(sooner.interest.minor <= later.interest.minor, "{:#?} {:#?}", sooner.lines, later.lines);
        prop_assert!(sooner.fixed_sum.is_none() || sooner.fixed_sum == later.fixed_sum);
    }

    #[test]
    fn interest_is_linear_in_the_principal(law in 0_usize..64, due in 0_u64..3800, amount in 1_i64..10_000_000, late in 0_u64..900) {
        let whole = |amount| {
            let case = case(law, due, amount, &[]);
            case.until(case.parts[0].due_date + Days::new(late))
        };
        let (once, thrice) = (whole(amount), whole(3 * amount));
        // Each line is off by half a unit at most, three times; what joins the principal bears that on.
        let lines = i64::try_from(once.lines.len()).unwrap();
        prop_assert!((3 * once.interest.minor - thrice.interest.minor).abs() <= 2 * lines + 1, "{} {}", once.interest, thrice.interest);
    }

    #[test]
    fn lines_follow_one_another_and_never_exceed_what_is_owed(law in 0_usize..64, due in 0_u64..3800, amount in 1_i64..10_000_000, late in 0_u64..900,
        paid in proptest::collection::vec((0_u64..900, 1_i64..4_000_000), 0..4)) {
        let case = case(law, due, amount, &paid);
        let seen = case.until(case.parts[0].due_date + Days::new(late));
        for pair in seen.lines.windows(2) {
            prop_assert_eq!(pair[0].to.succ_opt().unwrap(), pair[1].from);
        }
        for line in &seen.lines {
            prop_assert!(line.from <= line.to && line.to <= seen.until && line.from > case.parts[0].due_date);
            prop_assert!(line.days >= 0 && line.principal_minor > 0);
        }
    }

    #[test]
    fn no_input_is_too_much(amount in 1_i64..i64::MAX, rate in 0_i64..10_000_000, years in 0_u64..400) {
        let mut case = Case::new("NL", "TND", "1900-02-28", amount);
        let annual_rate_percent = super::super::Percent::new(rust_decimal::Decimal::new(rate, 4)).unwrap();
        let compounding = super::super::Compounding::Yearly;
        case.late_interest = LateInterest::Contractual { annual_rate_percent, day_count: super::super::DayCount::ActualActual, compounding, base: InterestBase::Gross };
        prop_assert!(case.until(day("1900-02-28") + Days::new(years * 365)).interest.minor >= 0);
    }
}
