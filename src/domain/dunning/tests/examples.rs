//! One example per rule.

use super::*;
use crate::domain::{
    calendar::week::{Day, SendWindow, Weekdays},
    contact::Channel,
    dunning::{
        account::{OpenReminder, OpenState, ReviewReason, Silence, SilenceReason},
        explain::explain,
        policy::{Cadence, Cap, Grouping, Repeat, Threshold},
        rule::Rule,
    },
};

fn rules(plan: &Plan<'_>) -> Vec<Rule> {
    plan.held.iter().map(|held| held.rule).collect()
}

/// The reminder of a plan that gives one.
fn reminder<'a>(plan: &'a Plan<'a>) -> &'a Reminder<'a> {
    match plan.actions.first() {
        Some(Action::Remind(reminder) | Action::AwaitApproval(reminder)) => reminder,
        other => panic!("no reminder but {other:?}; held {:?}", plan.held),
    }
}

fn completed(step: &str, when: &str) -> Option<Progress> {
    Some(Progress { step_key: step.to_owned(), cycle: 1, first_completed_at: at(when), last_completed_at: at(when) })
}

#[test]
fn a_whole_crescendo() {
    // Due Thursday 5 November 2026. Saturday 15 and Sunday 22 move to Mondays; 11 November is a holiday, without effect here.
    let mut account = account(vec![owed(1, day("2026-11-05"))]);
    let diary = live(&mut account, &crescendo(), &paris(), at("2026-10-20T10:00:00Z"), at("2027-06-01T00:00:00Z"));
    assert_eq!(
        dates(&diary, &paris()),
        [
            "11-02 call_upcoming",
            "11-09 first_reminder",
            "11-13 call_courtesy",
            "11-16 last_reminder",
            "11-20 formal_notice",
            "11-27 handover_review"
        ]
    );
    assert!(diary.iter().all(|(when, _)| when.to_rfc3339().ends_with("08:00:00+00:00")), "at nine in Paris: {diary:?}");
}

#[test]
fn after_an_outage_one_reminder_at_a_time_and_the_spacing_is_kept() {
    let mut account = account(vec![owed(1, day("2026-01-05"))]);
    let diary = live(&mut account, &crescendo(), &paris(), at("2026-06-01T09:00:00Z"), at("2026-12-01T00:00:00Z"));
    assert_eq!(
        dates(&diary, &paris()),
        ["06-01 first_reminder", "06-05 call_courtesy", "06-08 last_reminder", "06-12 formal_notice", "06-19 handover_review"]
    );
}

#[test]
fn a_step_before_the_due_date_lapses_with_it() {
    let account = account(vec![owed(1, day("2026-11-05"))]);
    let (policy, calendar) = (crescendo(), paris());
    let on_the_day = plan(&account, &policy, &calendar, at("2026-11-05T10:00:00Z"));
    assert_eq!(reminder(&on_the_day).step.key, "call_upcoming");
    let after = plan(&account, &policy, &calendar, at("2026-11-06T10:00:00Z"));
    assert_eq!(rules(&after), [Rule::Lapsed, Rule::NotDue]);
}

#[test]
fn the_oldest_carries_and_each_keeps_its_own_progress() {
    let mut old = owed(1, day("2026-11-02"));
    old.progress = completed("call_courtesy", "2026-11-09T09:00:00Z");
    let mut young = owed(2, day("2026-11-06"));
    young.balance_minor = 90_000;
    young.claimable_minor = 90_000;
    let account = account(vec![young, old]);
    let (policy, calendar) = (crescendo(), paris());
    // The younger one's first letter would be due on the 9th; the older one speaks, and its letter is due on the 12th.
    let waiting = plan(&account, &policy, &calendar, at("2026-11-10T10:00:00Z"));
    assert!(waiting.actions.is_empty() && rules(&waiting).contains(&Rule::Carried));
    assert_eq!(waiting.next_at, Some(at("2026-11-12T08:00:00Z")));
    let due = plan(&account, &policy, &calendar, at("2026-11-12T08:00:00Z"));
    let sent = reminder(&due);
    assert_eq!((sent.step.key.as_str(), sent.total_minor, sent.carrying), ("last_reminder", 100_000, numbered(1)));
    let advances: Vec<_> = sent.lines.iter().map(|line| line.advances_to).collect();
    assert_eq!(advances, [Some(("last_reminder", 1)), Some(("first_reminder", 1))]);
}

#[test]
fn of_two_equally_old_the_larger_carries() {
    let mut large = owed(2, day("2026-11-02"));
    large.balance_minor = 20_000;
    let account = account(vec![owed(1, day("2026-11-02")), large]);
    let (policy, calendar) = (crescendo(), paris());
    assert_eq!(reminder(&plan(&account, &policy, &calendar, at("2026-11-05T09:00:00Z"))).carrying, numbered(2));
}

#[test]
fn an_invoice_never_reaches_a_formal_notice_by_a_letter_about_another() {
    let mut old = owed(1, day("2026-10-01"));
    old.progress = completed("call_courtesy", "2026-11-02T09:00:00Z");
    let mut younger = owed(2, day("2026-10-05"));
    younger.progress = completed("last_reminder", "2026-10-20T09:00:00Z");
    let account = account(vec![old, younger]);
    let (policy, calendar) = (crescendo(), paris());
    let plan = plan(&account, &policy, &calendar, at("2026-11-05T09:00:00Z"));
    let advances: Vec<_> = reminder(&plan).lines.iter().map(|line| line.advances_to).collect();
    assert_eq!(advances, [Some(("last_reminder", 1)), None]);
}

#[test]
fn grouped_by_invoice_each_speaks_for_itself_one_at_a_time() {
    let mut old = owed(1, day("2026-11-02"));
    old.progress = completed("call_courtesy", "2026-11-09T09:00:00Z");
    let mut account = account(vec![owed(2, day("2026-11-06")), old]);
    let policy = Policy { grouping: Grouping::Invoice, ..crescendo() };
    let diary = live(&mut account, &policy, &paris(), at("2026-11-10T09:00:00Z"), at("2026-11-14T00:00:00Z"));
    assert_eq!(dates(&diary, &paris()), ["11-10 first_reminder", "11-12 last_reminder"]);
}

#[test]
fn a_late_formal_step_waits_for_a_person() {
    let mut old = owed(1, day("2026-11-02"));
    old.progress = completed("last_reminder", "2026-11-12T09:00:00Z");
    let account = account(vec![old]);
    let (policy, calendar) = (crescendo(), paris());
    let in_time = plan(&account, &policy, &calendar, at("2026-11-16T08:00:00Z"));
    assert!(matches!(in_time.actions[..], [Action::Remind(_)]), "{in_time:?}");
    let late = plan(&account, &policy, &calendar, at("2026-11-17T08:00:00Z"));
    assert!(matches!(late.actions[..], [Action::AwaitApproval(_)]), "{late:?}");
}

#[test]
fn a_formal_notice_is_never_the_first_warning() {
    let mut policy = crescendo();
    for step in policy.steps.iter_mut().filter(|step| !step.formal) {
        step.conditions.min_amount = vec![Threshold { currency: Currency::EUR, minor: 1_000_000 }];
    }
    let account = account(vec![owed(1, day("2026-10-01"))]);
    let calendar = paris();
    let decision = plan(&account, &policy, &calendar, at("2026-11-05T09:00:00Z"));
    assert!(decision.actions.is_empty() && rules(&decision).contains(&Rule::Unwarned));
}

#[test]
fn thresholds_apply_to_what_is_left_to_pay() {
    let mut policy = crescendo();
    policy.steps[1].conditions.min_amount = vec![Threshold { currency: Currency::EUR, minor: 5_000 }];
    let mut account = account(vec![owed(1, day("2026-11-02"))]);
    let calendar = paris();
    let now = at("2026-11-10T09:00:00Z");
    assert_eq!(reminder(&plan(&account, &policy, &calendar, now)).step.key, "first_reminder");
    account.instalments[0].balance_minor = 4_000;
    account.instalments[0].claimable_minor = 4_000;
    let decision = plan(&account, &policy, &calendar, now);
    assert!(rules(&decision).contains(&Rule::Condition));
    assert_eq!(reminder(&decision).step.key, "call_courtesy");
}

#[test]
fn unallocated_money_stops_the_reminder_and_asks_for_a_review_once() {
    let mut account = account(vec![owed(1, day("2026-11-02")), owed(2, day("2026-11-20"))]);
    account.unallocated_minor = 10_000;
    let (policy, calendar, now) = (crescendo(), paris(), at("2026-11-10T09:00:00Z"));
    let covered = plan(&account, &policy, &calendar, now);
    assert_eq!(done(&covered), [Done::Reviewed(ReviewReason::UnallocatedCash)]);
    assert_eq!(covered.next_at, Some(at("2026-11-20T23:00:00Z")), "when the second one is overdue too");
    account.open_reviews.push(ReviewReason::UnallocatedCash);
    assert_eq!(done(&plan(&account, &policy, &calendar, now)), []);
    account.unallocated_minor = 9_999;
    assert!(!plan(&account, &policy, &calendar, now).actions.is_empty());
}

#[test]
fn a_promise_is_silence_until_the_end_of_its_day() {
    let mut account = account(vec![owed(1, day("2026-11-02"))]);
    account.instalments[0].silences = vec![Silence { reason: SilenceReason::Promise, from: None, until: Some(day("2026-11-17")) }];
    let (policy, calendar) = (crescendo(), paris());
    let silent = plan(&account, &policy, &calendar, at("2026-11-10T09:00:00Z"));
    assert_eq!((rules(&silent), silent.next_at), (vec![Rule::Promise], Some(at("2026-11-17T23:00:00Z"))));
    let broken = plan(&account, &policy, &calendar, at("2026-11-17T23:00:00Z"));
    assert_eq!(broken.next_at, Some(at("2026-11-18T08:00:00Z")), "in the debtor's hours");
    account.instalments[0].silences[0].until = None;
    assert_eq!(plan(&account, &policy, &calendar, at("2026-11-10T09:00:00Z")).next_at, None);
}

#[test]
fn a_dispute_takes_its_amount_out() {
    let mut account = account(vec![owed(1, day("2026-11-02"))]);
    account.instalments[0].claimable_minor = 2_500;
    let (policy, calendar, now) = (crescendo(), paris(), at("2026-11-10T09:00:00Z"));
    assert_eq!(reminder(&plan(&account, &policy, &calendar, now)).total_minor, 2_500);
    account.instalments[0].claimable_minor = 0;
    let disputed = plan(&account, &policy, &calendar, now);
    assert_eq!((rules(&disputed), disputed.actions.len(), disputed.next_at), (vec![Rule::Dispute], 0, None));
}

#[test]
fn an_open_reminder_silences_the_account() {
    let mut account = account(vec![owed(1, day("2026-11-02"))]);
    account.open_reminder = Some(OpenReminder { id: numbered(1), state: OpenState::OutcomeUnknown, put_off: None });
    let (policy, calendar) = (crescendo(), paris());
    let decision = plan(&account, &policy, &calendar, at("2026-11-10T09:00:00Z"));
    assert_eq!((rules(&decision), decision.actions.len(), decision.next_at), (vec![Rule::OpenReminder], 0, None));
}

#[test]
fn nobody_to_write_to() {
    let mut account = account(vec![owed(1, day("2026-11-02"))]);
    account.customer.contacts[0].opted_out = vec![Channel::Email];
    let (mut policy, calendar, now) = (crescendo(), paris(), at("2026-11-10T09:00:00Z"));
    let decision = plan(&account, &policy, &calendar, now);
    assert_eq!(done(&decision), [Done::Reviewed(ReviewReason::NoRecipient)]);
    assert!(rules(&decision).contains(&Rule::NoRecipient));
    policy.steps[1].fallback = Some(Channel::Sms);
    assert_eq!(reminder(&plan(&account, &policy, &calendar, now)).channel, Channel::Sms);
}

#[test]
fn the_role_is_written_to_and_the_primary_contact_without_one() {
    let mut account = account(vec![owed(1, day("2026-11-02"))]);
    account.customer.contacts.push(ContactFacts { role: Some("director".to_owned()), ..contact(2) });
    let (mut policy, calendar, now) = (crescendo(), paris(), at("2026-11-10T09:00:00Z"));
    policy.steps[1].recipient = Some("director".to_owned());
    assert_eq!(reminder(&plan(&account, &policy, &calendar, now)).recipient, Some(numbered(2)));
    policy.steps[1].recipient = Some("treasurer".to_owned());
    assert_eq!(reminder(&plan(&account, &policy, &calendar, now)).recipient, Some(numbered(1)));
}

#[test]
fn the_debtors_clock_decides_the_hour_and_the_creditors_the_day() {
    let mut account = account(vec![owed(1, day("2026-11-02"))]);
    account.customer.zone = Some("America/Montreal".parse().unwrap());
    account.customer.jurisdiction = "CA-QC".parse().unwrap();
    let (policy, calendar) = (crescendo(), paris());
    let decision = plan(&account, &policy, &calendar, at("2026-11-05T09:00:00Z"));
    assert_eq!((rules(&decision).last(), decision.next_at), (Some(&Rule::SendWindow), Some(at("2026-11-05T14:00:00Z"))));
}

#[test]
fn gaps_and_caps_are_measured_from_what_happened() {
    let mut account = account(vec![owed(1, day("2026-11-02"))]);
    account.last_contact_at = Some(at("2026-11-09T15:00:00Z"));
    let (mut policy, calendar, now) = (crescendo(), paris(), at("2026-11-10T09:00:00Z"));
    // Two days after the 9th is a holiday.
    let decision = plan(&account, &policy, &calendar, now);
    assert_eq!(decision.next_at, Some(at("2026-11-12T08:00:00Z")));
    let moves: Vec<_> = decision.upcoming.unwrap().moves.iter().map(|barrier| barrier.rule).collect();
    assert_eq!(moves, [Rule::MinGap, Rule::Holiday, Rule::SendWindow]);
    policy.contact.min_gap_days = 0;
    policy.contact.caps = vec![Cap { contacts: 1, days: 7 }];
    account.contacted = vec![Contacted { contact_id: numbered(1), channel: Channel::Call, at: at("2026-11-09T15:00:00Z") }];
    assert_eq!(plan(&account, &policy, &calendar, now).next_at, Some(at("2026-11-16T15:00:00Z")));
    account.contacted[0].contact_id = numbered(2);
    assert!(!plan(&account, &policy, &calendar, now).actions.is_empty(), "another person's cap");
}

#[test]
fn a_repetition_ends_with_the_next_step() {
    let mut policy = crescendo();
    let daily = Repeat { cadence: Cadence::Daily {}, max_count: None };
    policy.steps = vec![policy.steps[1].clone(), policy.steps[3].clone()];
    policy.steps[0].repeat = Some(daily);
    policy.contact = crate::domain::dunning::policy::ContactRules { min_gap_days: 0, caps: vec![], ..policy.contact };
    let mut account = account(vec![owed(1, day("2026-11-02"))]);
    let diary = live(&mut account, &policy, &paris(), at("2026-11-03T09:00:00Z"), at("2027-01-01T00:00:00Z"));
    assert_eq!(
        dates(&diary, &paris()),
        ["11-05 first_reminder", "11-06 first_reminder", "11-09 first_reminder", "11-10 first_reminder", "11-12 last_reminder"]
    );
}

#[test]
fn a_repetition_ends_with_its_count() {
    let mut account = account(vec![owed(1, day("2026-11-02"))]);
    account.instalments[0].progress = completed("call_courtesy", "2026-12-02T09:00:00Z");
    // Seven days after the call, then Tuesdays, but for the cap of two contacts in a fortnight.
    let diary = live(&mut account, &builtin::gentle(), &paris(), at("2026-12-03T09:00:00Z"), at("2028-01-01T00:00:00Z"));
    assert_eq!(dates(&diary, &paris()), ["12-09 statement", "12-15 statement", "12-23 statement", "12-29 statement"]);
}

#[test]
fn an_unknown_step_is_neither_repeated_nor_skipped() {
    let mut account = account(vec![owed(1, day("2026-11-02"))]);
    account.instalments[0].progress = completed("of_another_policy", "2026-11-05T09:00:00Z");
    let (policy, calendar) = (crescendo(), paris());
    let decision = plan(&account, &policy, &calendar, at("2026-12-03T09:00:00Z"));
    assert_eq!((rules(&decision), decision.actions.len()), (vec![Rule::UnknownStep], 0));
}

#[test]
fn consumers_need_a_policy_of_their_own() {
    let mut account = account(vec![owed(1, day("2026-11-02"))]);
    account.customer.kind = CustomerKind::Consumer;
    let calendar = paris();
    let (business, consumers) = (crescendo(), builtin::consumer_safe());
    assert_eq!(rules(&plan(&account, &business, &calendar, at("2026-11-10T09:00:00Z"))), [Rule::ConsumerPolicy]);
    assert!(!plan(&account, &consumers, &calendar, at("2026-11-10T09:00:00Z")).actions.is_empty());
}

#[test]
fn no_moment_is_an_answer_too() {
    let account = account(vec![owed(1, day("2026-11-02"))]);
    let (mut policy, calendar) = (crescendo(), paris());
    policy.contact.window = SendWindow::new(Weekdays::of(&[Day::Sunday]), 9, 18);
    let decision = plan(&account, &policy, &calendar, at("2026-11-10T09:00:00Z"));
    assert!(rules(&decision).contains(&Rule::NoMoment) && decision.next_at.is_none());
}

#[test]
fn an_explanation_names_rule_step_and_moment() {
    let account = account(vec![owed(1, day("2026-11-02"))]);
    let told = explain(&account, &crescendo(), &paris(), at("2026-11-05T20:00:00Z"));
    assert!(!told.contacted_now);
    let next = told.next.unwrap();
    assert_eq!((next.step.as_str(), next.channel, next.contact_id), ("first_reminder", Some(Channel::Email), Some(numbered(1))));
    assert_eq!((next.due_on, next.at), (day("2026-11-05"), Some(at("2026-11-06T08:00:00Z"))));
    let sentences: Vec<_> = told.statements.iter().map(|statement| statement.sentence.as_str()).collect();
    assert_eq!(
        sentences,
        [
            "Invoice 2026-0001, step call_upcoming: the step before the due date was not done in time and lapsed.",
            "Invoice 2026-0001, step first_reminder: outside the debtor's hours until 2026-11-06 09:00."
        ]
    );
    let now = explain(&account, &crescendo(), &paris(), at("2026-11-06T08:00:00Z"));
    assert!(now.contacted_now && now.statements.iter().any(|statement| statement.rule == Rule::Due));
}

#[test]
fn the_published_schema_has_the_bounds_of_the_policy() {
    #[derive(utoipa::OpenApi)]
    #[openapi(components(schemas(Policy)))]
    struct Document;
    let mut schema = serde_json::to_value(<Document as utoipa::OpenApi>::openapi()).unwrap();
    schema["$ref"] = "#/components/schemas/Policy".into();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for policy in builtin::all() {
        let json = serde_json::to_value(&policy).unwrap();
        let before = validator.iter_errors(&json).count();
        let mut wrong = json;
        wrong["steps"][0]["offset_days"] = 800.into();
        wrong["contact"]["window"]["start"] = "9h".into();
        wrong["scope"]["colour"] = "red".into();
        assert_eq!(validator.iter_errors(&wrong).count(), before + 3, "{}: an offset, an hour and an unknown field", policy.name);
    }
}
