//! Promises and payment plans in the decision: silence, judgement, the step that speaks of a broken one, and the crescendo after it.

use chrono::Days;
use proptest::prelude::*;

use super::*;
use crate::domain::{
    dunning::{
        account::{Deadline, PlanFacts, PromiseFacts, ReviewReason, Silence},
        explain::explain,
        plan::without_policy,
        rule::Rule,
    },
    ledger::{commitment::Settled, dispute::contested, payment_plan::Part, promise::Terms},
};

/// 100.00 promised on 10 November for the 16th, with two days of grace.
fn promise() -> PromiseFacts {
    PromiseFacts {
        id: numbered(9),
        state: PromiseState::Open,
        due_on: day("2026-11-16"),
        terms: Terms { made_on: day("2026-11-10"), ends_on: day("2026-11-18"), amount_minor: 10_000 },
        instalments: vec![numbered(1)],
        settled: vec![],
        breach: None,
    }
}

/// Two parts of 50.00, on 10 November and 10 December, with three days of grace.
fn payment_plan() -> PlanFacts {
    PlanFacts {
        id: numbered(8),
        state: PlanState::Accepted,
        accepted_on: day("2026-11-10"),
        grace_days: 3,
        parts: ["2026-11-10", "2026-12-10"].map(|due_on| Part { due_on: day(due_on), amount: 5_000 }).to_vec(),
        missed_part: None,
        instalments: vec![numbered(1)],
        settled: vec![],
        breach: None,
    }
}

/// What has been reminded once, on 9 November.
fn reminded() -> Account {
    let progress = Progress {
        step_key: "first_reminder".to_owned(),
        cycle: 1,
        first_completed_at: at("2026-11-09T08:00:00Z"),
        last_completed_at: at("2026-11-09T08:00:00Z"),
    };
    account(vec![InstalmentFacts { progress: Some(progress), ..owed(1, day("2026-11-05")) }])
}

fn silenced(until: &str, reason: SilenceReason) -> Account {
    let mut account = reminded();
    account.instalments[0].silences = vec![Silence { reason, from: None, until: Some(day(until)) }];
    account
}

fn promised() -> Account {
    Account { promises: vec![promise()], ..silenced("2026-11-18", SilenceReason::Promise) }
}

fn pay(account: &mut Account, on: &str, amount_minor: i64) {
    let settled = Settled { on: day(on), amount_minor };
    account.instalments[0].balance_minor -= amount_minor;
    account.instalments[0].claimable_minor -= amount_minor;
    account.promises.iter_mut().for_each(|promise| promise.settled.push(settled));
    account.payment_plans.iter_mut().for_each(|plan| plan.settled.push(settled));
}

fn told(account: &mut Account, to: &str) -> (Vec<String>, Vec<Done>) {
    let diary = live(account, &crescendo(), &paris(), at("2026-11-10T10:00:00Z"), at(to));
    let judged = diary.iter().filter(|(_, done)| !matches!(done, Done::Reminded { .. })).map(|(_, done)| done.clone());
    (dates(&diary, &paris()), judged.collect())
}

#[test]
fn a_broken_promise_is_spoken_of_first_and_the_crescendo_goes_on_from_where_it_stood() {
    let (reminders, judged) = told(&mut promised(), "2027-03-01T00:00:00Z");
    assert_eq!(
        reminders,
        ["11-19 broken_promise", "11-23 call_courtesy", "11-26 last_reminder", "11-30 formal_notice", "12-07 handover_review"]
    );
    assert_eq!(judged, [Done::JudgedPromise(numbered(9), PromiseState::Broken)]);
}

#[test]
fn a_kept_promise_ends_the_silence_at_once_and_a_partly_kept_one_in_time() {
    let mut kept = promised();
    pay(&mut kept, "2026-11-10", 10_000);
    assert_eq!(told(&mut kept, "2027-03-01T00:00:00Z"), (vec![], vec![Done::JudgedPromise(numbered(9), PromiseState::Kept)]));
    let mut partly = promised();
    pay(&mut partly, "2026-11-17", 4_000);
    let (reminders, judged) = told(&mut partly, "2026-11-20T00:00:00Z");
    assert_eq!(
        (reminders, judged),
        (vec!["11-19 call_courtesy".to_owned()], vec![Done::JudgedPromise(numbered(9), PromiseState::PartlyKept)])
    );
}

#[test]
fn money_that_nobody_has_allocated_delays_the_judgement_and_late_news_corrects_it() {
    let mut unnamed = promised();
    unnamed.unallocated_minor = 10_000;
    let (reminders, judged) = told(&mut unnamed, "2026-12-01T00:00:00Z");
    assert_eq!((reminders.len(), judged), (0, vec![Done::Reviewed(ReviewReason::UnallocatedCash)]));
    let mut late = promised();
    told(&mut late, "2026-11-18T23:00:00Z");
    assert_eq!(late.promises[0].state, PromiseState::Broken);
    pay(&mut late, "2026-11-17", 10_000);
    let decision = plan(&late, &crescendo(), &paris(), at("2026-11-19T07:00:00Z")).actions.len();
    assert_eq!(decision, 1, "the bank's news came late, the money did not");
}

#[test]
fn a_promise_is_judged_while_a_reminder_is_open_and_a_hold_waits_with_its_step() {
    let (policy, calendar) = (crescendo(), paris());
    let mut open = promised();
    open.open_reminder = Some(crate::domain::dunning::account::OpenReminder {
        id: numbered(7),
        state: crate::domain::dunning::account::OpenState::Failed,
        put_off: None,
    });
    assert_eq!(plan(&open, &policy, &calendar, at("2026-11-12T10:00:00Z")).next_at, Some(at("2026-11-18T23:00:00Z")));
    assert!(matches!(plan(&open, &policy, &calendar, at("2026-11-18T23:00:00Z")).actions[..], [Action::JudgePromise(..)]));
    let mut held = promised();
    held.instalments[0].silences.push(Silence { reason: SilenceReason::Hold, from: None, until: Some(day("2026-11-24")) });
    assert_eq!(told(&mut held, "2026-11-26T00:00:00Z").0, ["11-25 broken_promise"]);
    let mut forgotten = promised();
    forgotten.instalments[0].silences.push(Silence { reason: SilenceReason::Hold, from: None, until: Some(day("2027-01-31")) });
    assert_eq!(told(&mut forgotten, "2027-02-02T00:00:00Z").0, ["02-01 call_courtesy"], "after two months nobody speaks of it");
}

#[test]
fn who_cannot_be_reached_about_a_broken_promise_does_not_stop_the_crescendo() {
    let mut account = promised();
    account.customer.contacts[0].email = None;
    let mut policy = crescendo();
    policy.on_broken_promise.as_mut().unwrap().fallback = None;
    let diary = live(&mut account, &policy, &paris(), at("2026-11-10T10:00:00Z"), at("2026-11-20T00:00:00Z"));
    assert_eq!(dates(&diary, &paris()), ["11-19 call_courtesy"]);
    assert!(diary.iter().any(|(_, done)| *done == Done::Reviewed(ReviewReason::NoRecipient)));
}

#[test]
fn explanations_name_the_promise_and_its_end() {
    let mut account = promised();
    let (policy, calendar) = (crescendo(), paris());
    let waiting = explain(&account, &policy, &calendar, at("2026-11-12T10:00:00Z"));
    assert_eq!(waiting.statements[0].sentence, "Invoice 2026-0001: promised, left in peace until 2026-11-19 00:00.");
    told(&mut account, "2026-11-18T23:00:00Z");
    let broken = explain(&account, &policy, &calendar, at("2026-11-19T06:00:00Z"));
    let rules: Vec<Rule> = broken.statements.iter().map(|statement| statement.rule).collect();
    assert!(rules.contains(&Rule::BrokenPromise) && broken.next.unwrap().step == BROKEN_PROMISE, "{rules:?}");
}

#[test]
fn a_missed_part_breaks_the_plan_and_that_is_spoken_of_first() {
    let planned = || Account { payment_plans: vec![payment_plan()], ..silenced("2026-11-13", SilenceReason::PaymentPlan) };
    // The 13th is a Friday: the letter about it leaves on Monday.
    let (reminders, judged) = told(&mut planned(), "2026-11-20T00:00:00Z");
    assert_eq!(
        (reminders, judged),
        (vec!["11-16 broken_plan".to_owned(), "11-18 call_courtesy".to_owned()], vec![Done::JudgedPlan(numbered(8), PlanState::Broken)],)
    );
    let mut kept = planned();
    pay(&mut kept, "2026-11-12", 5_000);
    kept.instalments[0].silences[0].until = Some(day("2026-12-13"));
    let decision = plan(&kept, &crescendo(), &paris(), at("2026-11-20T10:00:00Z")).next_at;
    assert_eq!(decision, Some(at("2026-12-13T23:00:00Z")), "the next part's end");
    pay(&mut kept, "2026-12-11", 5_000);
    assert_eq!(told(&mut kept, "2027-03-01T00:00:00Z").1, [Done::JudgedPlan(numbered(8), PlanState::Kept)]);
}

#[test]
fn a_deadline_asks_for_a_person_once_it_is_over() {
    let mut account = reminded();
    account.instalments[0].silences = vec![Silence { reason: SilenceReason::Dispute, from: None, until: None }];
    account.deadlines = vec![Deadline { reason: ReviewReason::DisputeOverdue, last_day: day("2026-11-20") }];
    let (policy, calendar) = (crescendo(), paris());
    let deadline = at("2026-11-20T23:00:00Z");
    let mut look = at("2026-11-12T10:00:00Z");
    // Steps that the dispute keeps back are noticed as they fall due.
    while let Some(next) = plan(&account, &policy, &calendar, look).next_at.filter(|next| *next < deadline) {
        look = next;
    }
    assert_eq!(plan(&account, &policy, &calendar, look).next_at, Some(deadline));
    assert_eq!(told(&mut account, "2026-12-01T00:00:00Z").1, [Done::Reviewed(ReviewReason::DisputeOverdue)]);
}

#[test]
fn where_no_policy_fits_words_are_judged_all_the_same() {
    let (account, calendar) = (promised(), paris());
    let before = without_policy(&account, &calendar, at("2026-11-12T10:00:00Z"));
    assert_eq!((before.actions.len(), before.next_at), (0, Some(at("2026-11-18T23:00:00Z"))));
    let after = without_policy(&account, &calendar, at("2026-11-18T23:00:00Z"));
    assert!(matches!(after.actions[..], [Action::JudgePromise(..)]));
    assert!(after.held.iter().any(|held| held.rule == Rule::NoPolicy));
}

/// Something that is recorded, with the day that it bears.
#[derive(Debug, Clone)]
enum Fact {
    Paid(u64, i64),
    Disputed(u64, i64),
    Moved(u64, u64),
    Promised(u64, i64),
    Planned(u64, i64),
}

impl Fact {
    fn day(&self) -> NaiveDate {
        let (Self::Paid(days, _) | Self::Disputed(days, _) | Self::Moved(days, _) | Self::Promised(days, _) | Self::Planned(days, _)) =
            self;
        day("2026-11-10") + Days::new(*days)
    }
}

fn facts() -> impl Strategy<Value = Vec<Fact>> {
    let paid = prop::collection::vec((0..60u64, 1..2_000i64).prop_map(|(day, minor)| Fact::Paid(day, minor)), 0..5);
    let disputed = prop::collection::vec((0..60u64, 1..4_000i64).prop_map(|(day, minor)| Fact::Disputed(day, minor)), 0..3);
    let moved = prop::option::of((0..60u64, 0..90u64).prop_map(|(day, due)| Fact::Moved(day, due)));
    let promised = prop::option::of((0..20u64, 1..10_000i64).prop_map(|(day, minor)| Fact::Promised(day, minor)));
    let planned = prop::option::of((0..20u64, 1..5_000i64).prop_map(|(day, minor)| Fact::Planned(day, minor)));
    (paid, disputed, moved, promised, planned).prop_map(|(mut all, disputed, moved, promised, planned)| {
        all.extend(disputed);
        all.extend([moved, promised, planned].into_iter().flatten());
        all
    })
}

/// Facts in some order, and the planner at work after each of them; how the account stands in spring.
fn lived(facts: &[Fact]) -> (i64, i64, NaiveDate, Vec<PromiseState>, Vec<PlanState>) {
    let mut account = account(vec![owed(1, day("2026-11-05"))]);
    let (mut today, mut settled, mut disputed) = (day("2026-11-10"), Vec::new(), Some(0));
    for fact in facts {
        today = today.max(fact.day());
        match fact {
            Fact::Paid(_, minor) => {
                let amount_minor = (*minor).min(account.instalments[0].balance_minor);
                account.instalments[0].balance_minor -= amount_minor;
                settled.push(Settled { on: fact.day(), amount_minor });
            }
            Fact::Disputed(_, minor) => disputed = disputed.map(|sum| sum + minor),
            Fact::Moved(_, due) => account.instalments[0].due_date = day("2026-11-10") + Days::new(*due),
            Fact::Promised(_, minor) => account.promises.push(PromiseFacts {
                terms: Terms { made_on: fact.day(), ends_on: fact.day() + Days::new(8), amount_minor: *minor },
                ..promise()
            }),
            Fact::Planned(_, minor) => account.payment_plans.push(PlanFacts {
                accepted_on: fact.day(),
                parts: [0, 31].map(|days| Part { due_on: fact.day() + Days::new(days), amount: *minor }).to_vec(),
                ..payment_plan()
            }),
        }
        account.promises.iter_mut().for_each(|one| one.settled.clone_from(&settled));
        account.payment_plans.iter_mut().for_each(|one| one.settled.clone_from(&settled));
        let balance = account.instalments[0].balance_minor;
        account.instalments[0].claimable_minor = balance - contested(&[balance], disputed)[0];
        judge(&mut account, today);
    }
    judge(&mut account, day("2027-04-01"));
    let one = &account.instalments[0];
    let promises = account.promises.iter().map(|promise| promise.state).collect();
    let plans = account.payment_plans.iter().map(|plan| plan.state).collect();
    (one.balance_minor, one.claimable_minor, one.due_date, promises, plans)
}

fn judge(account: &mut Account, today: NaiveDate) {
    let now = crate::domain::calendar::local::day_start(paris().zone, today);
    let judged: Vec<Done> = done(&plan(account, &crescendo(), &paris(), now));
    let judged: Vec<Done> = judged.into_iter().filter(|one| matches!(one, Done::JudgedPromise(..) | Done::JudgedPlan(..))).collect();
    apply(account, &judged, now);
}

proptest! {
    #[test]
    fn payments_promises_plans_disputes_and_moves_lead_to_the_same_in_any_order(
        (by_date, recorded) in facts().prop_flat_map(|mut facts| {
            facts.sort_by_key(Fact::day);
            (Just(facts.clone()), Just(facts).prop_shuffle())
        }),
    ) {
        prop_assert_eq!(lived(&by_date), lived(&recorded));
    }
}
