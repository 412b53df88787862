//! When to ask again: the rare cases in which another instalment, or the end of a step, comes before the obvious moment.

use super::*;
use crate::domain::{
    contact::Channel,
    dunning::{
        account::Silence,
        policy::{Cap, Step},
        rule::Rule,
    },
};

/// A text message ten days before the due date, a mail three days before it, a mail three days after.
fn early() -> Policy {
    let policy = builtin::consumer_safe();
    let named = |key: &str, offset_days| Step { offset_days, ..policy.steps.iter().find(|step| step.key == key).unwrap().clone() };
    let sms = Step { fallback: None, ..named("sms_reminder", -10) };
    Policy { steps: vec![sms, named("upcoming", -3), named("first_reminder", 3)], ..crescendo() }
}

fn progressed(number: u128, due: &str, when: &str) -> InstalmentFacts {
    let progress = Progress { step_key: "sms_reminder".to_owned(), cycle: 1, first_completed_at: at(when), last_completed_at: at(when) };
    InstalmentFacts { progress: Some(progress), ..owed(number, day(due)) }
}

#[test]
fn when_the_step_that_nobody_can_receive_lapses() {
    let mut account = account(vec![owed(1, day("2026-11-23"))]);
    account.customer.contacts[0].phone = None;
    let mut policy = early();
    policy.steps.remove(1);
    let (calendar, now) = (paris(), at("2026-11-13T09:00:00Z"));
    let decision = plan(&account, &policy, &calendar, now);
    assert_eq!(decision.next_at, Some(at("2026-11-23T23:00:00Z")));
    let lapsed = plan(&account, &policy, &calendar, at("2026-11-23T23:00:00Z"));
    assert_eq!(lapsed.next_at, Some(at("2026-11-26T08:00:00Z")));
}

#[test]
fn when_a_hold_begins() {
    let ahead = |from: &str, until: Option<&str>| {
        let silence = Silence { reason: SilenceReason::Hold, from: Some(day(from)), until: until.map(day) };
        account(vec![InstalmentFacts { silences: vec![silence], ..owed(1, day("2026-11-05")) }])
    };
    let (policy, calendar, now) = (crescendo(), paris(), at("2026-11-06T09:00:00Z"));
    let held = ahead("2026-11-07", Some("2026-11-10"));
    let decision = plan(&held, &policy, &calendar, now);
    assert_eq!(decision.next_at, Some(at("2026-11-06T23:00:00Z")), "sooner than the letter of the 9th");
    assert!(decision.held.iter().any(|one| one.rule == Rule::HoldAhead && one.until == decision.next_at), "{:?}", decision.held);
    let during = plan(&held, &policy, &calendar, at("2026-11-06T23:00:00Z"));
    assert_eq!(
        (during.held[0].rule, during.next_at),
        (Rule::Hold, Some(at("2026-11-07T23:00:00Z"))),
        "a letter of that day will be kept back"
    );
    let kept_back = plan(&held, &policy, &calendar, at("2026-11-07T23:00:00Z"));
    assert_eq!((kept_back.suppressed()[0].step.as_deref(), kept_back.next_at), (Some("first_reminder"), Some(at("2026-11-10T23:00:00Z"))));
    let late = ahead("2026-11-20", None);
    assert!(
        matches!(plan(&late, &policy, &calendar, at("2026-11-09T09:00:00Z")).actions[..], [Action::Remind(_)]),
        "until then reminders go on"
    );
}

#[test]
fn when_an_older_instalments_step_falls_due() {
    let mut account = account(vec![owed(2, day("2026-11-23")), progressed(1, "2026-11-20", "2026-11-10T09:00:00Z")]);
    account.customer.contacts[0].phone = None;
    let (policy, calendar) = (early(), paris());
    let decision = plan(&account, &policy, &calendar, at("2026-11-13T09:00:00Z"));
    assert_eq!(decision.next_at, Some(at("2026-11-16T23:00:00Z")), "{:?}", decision.held);
}

#[test]
fn when_another_person_may_be_written_to_sooner() {
    let mut account = account(vec![owed(2, day("2026-11-20")), progressed(1, "2026-11-18", "2026-11-07T09:00:00Z")]);
    account.customer.contacts.push(ContactFacts { role: Some("director".to_owned()), ..contact(2) });
    account.contacted = vec![Contacted { contact_id: numbered(2), channel: Channel::Call, at: at("2026-11-08T09:00:00Z") }];
    let (mut policy, calendar) = (early(), paris());
    policy.steps[0].recipient = Some("director".to_owned());
    policy.contact.caps = vec![Cap { contacts: 1, days: 30 }];
    let decision = plan(&account, &policy, &calendar, at("2026-11-09T12:00:00Z"));
    assert_eq!(decision.next_at, Some(at("2026-11-14T23:00:00Z")), "{:?}", decision.upcoming);
}

#[test]
fn when_a_formal_step_without_a_warning_before_it_is_passed_over() {
    let mut policy = crescendo();
    for step in policy.steps.iter_mut().filter(|step| !step.formal && step.key != "handover_review") {
        step.conditions.segments = vec!["none".to_owned()];
    }
    policy.steps[4].conditions.days_late_max = Some(20);
    let account = account(vec![owed(1, day("2026-11-02"))]);
    let calendar = paris();
    let decision = plan(&account, &policy, &calendar, at("2026-11-17T09:00:00Z"));
    assert_eq!(decision.next_at, Some(at("2026-11-22T23:00:00Z")));
    assert_eq!(plan(&account, &policy, &calendar, at("2026-11-22T23:00:00Z")).next_at, Some(at("2026-11-23T08:00:00Z")));
}
