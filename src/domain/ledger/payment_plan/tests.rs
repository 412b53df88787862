use proptest::prelude::*;

use super::*;
use crate::domain::ledger::commitment::Settled;

fn day(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, month, day).unwrap()
}

fn wish(equal: Option<EqualParts>, parts: Option<Vec<Part>>, tax_first: bool) -> NewPaymentPlan {
    NewPaymentPlan {
        customer_id: CustomerId::from_uuid(uuid::Uuid::nil()),
        currency: Currency::EUR,
        instalment_ids: vec![],
        invoice_ids: vec![],
        equal,
        parts,
        tax_first,
        interest: PlanInterest::Continues,
    }
}

fn three() -> EqualParts {
    EqualParts { parts: 3, every_months: 1, first_due_on: None }
}

const LIMITS: Limits = Limits { max_months: 12, min_part_minor: Some(100) };

fn codes(new: &NewPaymentPlan, total: i64, tax: i64) -> Vec<&'static str> {
    schedule(new, total, tax, &LIMITS, day(3, 2)).err().unwrap_or_default().0.into_iter().map(|fault| fault.code).collect()
}

#[test]
fn equal_parts_sum_and_the_first_is_due_now() {
    let parts = schedule(&wish(Some(three()), None, false), 1_000, 167, &LIMITS, day(3, 2)).unwrap();
    let told: Vec<_> = parts.iter().map(|part| (part.due_on, part.amount)).collect();
    assert_eq!(told, [(day(3, 2), 334), (day(4, 2), 333), (day(5, 2), 333)]);
}

#[test]
fn the_tax_comes_first() {
    let parts = schedule(&wish(Some(three()), None, true), 1_000, 501, &LIMITS, day(3, 2)).unwrap();
    assert_eq!(parts.iter().map(|part| part.amount).collect::<Vec<_>>(), [502, 249, 249]);
    let own = vec![Part { due_on: day(3, 2), amount: 500 }, Part { due_on: day(4, 2), amount: 500 }];
    assert_eq!(codes(&wish(None, Some(own), true), 1_000, 501), ["tax_first"]);
    assert_eq!(tax_within(600, 1_200, Some(200)), 100);
    assert_eq!(tax_within(600, 1_200, None), 0);
}

#[test]
fn each_limit_has_its_fault() {
    let part = |due_on, amount| Part { due_on, amount };
    assert_eq!(codes(&wish(None, None, false), 1_000, 0), ["required"]);
    assert_eq!(codes(&wish(Some(three()), Some(vec![]), false), 1_000, 0), ["contradiction"]);
    assert_eq!(codes(&wish(None, Some(vec![part(day(3, 2), 999)]), false), 1_000, 0), ["wrong_sum"]);
    assert_eq!(codes(&wish(None, Some(vec![part(day(3, 11), 1_000)]), false), 1_000, 0), ["first_part_now"]);
    let back = vec![part(day(3, 9), 500), part(day(3, 3), 500)];
    assert_eq!(codes(&wish(None, Some(back), false), 1_000, 0), ["not_rising"]);
    assert_eq!(codes(&wish(Some(EqualParts { parts: 12, ..three() }), None, false), 1_000, 0), ["part_too_small"]);
    assert_eq!(codes(&wish(Some(EqualParts { every_months: 7, ..three() }), None, false), 1_000, 0), ["plan_too_long"]);
    assert_eq!(codes(&wish(None, Some(vec![]), false), 1_000, 0), ["wrong_sum", "empty"]);
}

/// 300 in three parts from 2 March on, with five days of grace, judged on a day.
fn standing(settled: &[(NaiveDate, i64)], unallocated_minor: i64, today: NaiveDate) -> Option<(PlanState, Option<usize>)> {
    let parts = [(3, 100), (4, 100), (5, 100)].map(|(month, amount)| Part { due_on: day(month, 2), amount });
    let agreed = Agreed { accepted_on: day(3, 2), grace_days: 5, parts: &parts };
    let settled: Vec<Settled> = settled.iter().map(|&(on, amount_minor)| Settled { on, amount_minor }).collect();
    let paid: i64 = settled.iter().map(|one| one.amount_minor).sum();
    let covered = Covered { balance_minor: 300 - paid, settled: &settled, unallocated_minor };
    judge(&agreed, &covered, today).map(|standing| (standing.state, standing.part))
}

#[test]
fn each_part_has_its_day_and_its_grace() {
    use PlanState::{Accepted, Broken, Kept};
    assert_eq!(standing(&[], 0, day(3, 7)), Some((Accepted, Some(1))));
    assert_eq!(standing(&[], 0, day(3, 8)), Some((Broken, Some(1))));
    assert_eq!(standing(&[(day(3, 7), 100)], 0, day(4, 7)), Some((Accepted, Some(2))));
    assert_eq!(standing(&[(day(3, 7), 199)], 0, day(4, 8)), Some((Broken, Some(2))));
    assert_eq!(standing(&[(day(3, 3), 300)], 0, day(3, 4)), Some((Kept, None)), "all at once");
    assert_eq!(standing(&[(day(3, 8), 300)], 0, day(3, 9)), Some((Broken, Some(1))), "late is missed");
    assert_eq!(standing(&[(day(3, 2), 100), (day(4, 2), 100)], 100, day(5, 20)), None, "money nobody has allocated");
}

proptest! {
    #[test]
    fn equal_parts_always_sum(total in 1_i64..1_000_000, parts in 2_u16..=60, tax in 0_i64..200_000) {
        let drawn = equal_parts(&EqualParts { parts, ..three() }, total, tax.min(total), day(1, 31));
        prop_assert_eq!(drawn.iter().map(|part| part.amount).sum::<i64>(), total);
        prop_assert_eq!(drawn.len(), usize::from(parts));
        prop_assert!(drawn.windows(2).all(|pair| pair[0].due_on < pair[1].due_on));
    }
}
