//! The policies that come with the product, as values. A tenant starts from one of them and writes its own from there.
//!
//! Invariant: each passes [`super::validate::validate`]; a test keeps it.

use crate::domain::{
    calendar::week::{Day, SendWindow, Weekdays},
    contact::Channel,
    customer::CustomerKind,
    ledger::interest::{InterestHandling, PolicyInterest},
};

use super::policy::{BROKEN_PLAN, BROKEN_PROMISE, Cadence, Cap, Conditions, ContactRules, DayUnit, Grouping, Policy, Repeat, Scope, Step};

/// All of them.
pub fn all() -> [Policy; 3] {
    [crescendo(), gentle(), consumer_safe()]
}

/// The practice of the trade between businesses: written and spoken reminders in turn, each firmer than the last, and a formal
/// notice two weeks after the due date, eleven days after the first letter. From the last reminder on, its words say what late-payment interest and the
/// fixed sum have come to by the law of each claim; nothing of it is charged unless somebody asks for that.
pub fn crescendo() -> Policy {
    Policy {
        name: "Crescendo".to_owned(),
        description: "Between businesses: a call before the due date, two letters and a call after it, a formal notice at 14 days, and a \
                      last call before the file is handed over. From the last reminder on, it speaks of late-payment interest and the fixed sum."
            .to_owned(),
        grouping: Grouping::Customer,
        scope: Scope::default(),
        contact: ContactRules { min_gap_days: 2, ..ContactRules::default() },
        interest: Some(PolicyInterest {
            show_from_step: Some("last_reminder".to_owned()),
            charge: InterestHandling::Shown,
            not_before_days: 0,
        }),
        steps: vec![
            step("call_upcoming", -3, Channel::Call),
            step("first_reminder", 3, Channel::Email),
            step("call_courtesy", 7, Channel::Call),
            step("last_reminder", 10, Channel::Email),
            formal("formal_notice", 14, 7),
            step("handover_review", 21, Channel::Call),
        ],
        on_broken_promise: Some(broken(BROKEN_PROMISE, "broken_promise", Some(Channel::Call))),
        on_broken_plan: Some(broken(BROKEN_PLAN, "plan_broken", Some(Channel::Call))),
    }
}

/// For clients one wants to keep: few words, far apart, and a statement of account each week for a month. No formal notice.
pub fn gentle() -> Policy {
    let tuesdays = Cadence::Weekly { weekdays: Weekdays::of(&[Day::Tuesday]) };
    Policy {
        name: "Gentle".to_owned(),
        description: "For clients one wants to keep: a word before the due date, two friendly letters, a call, then a weekly statement of \
                      account for a month. No formal notice."
            .to_owned(),
        grouping: Grouping::Customer,
        scope: Scope::default(),
        contact: ContactRules { min_gap_days: 5, caps: vec![Cap { contacts: 2, days: 14 }], ..ContactRules::default() },
        interest: None,
        steps: vec![
            step("upcoming", -5, Channel::Email),
            step("first_reminder", 7, Channel::Email),
            step("second_reminder", 21, Channel::Email),
            step("call_courtesy", 30, Channel::Call),
            Step { repeat: Some(Repeat { cadence: tuesdays, max_count: Some(4) }), ..step("statement", 37, Channel::Email) },
        ],
        on_broken_promise: Some(broken(BROKEN_PROMISE, "broken_promise", None)),
        on_broken_plan: Some(broken(BROKEN_PLAN, "plan_broken", None)),
    }
}

/// Keeps every protection in the table for consumers: a first reminder free of charge and in writing, with fifteen days to pay,
/// nothing firm before they are over, no word of proceedings or of interest, decent hours, no holidays, few contacts.
pub fn consumer_safe() -> Policy {
    Policy {
        name: "Consumers".to_owned(),
        description: "For private persons anywhere: a free first reminder in writing, at least 14 days before anything firmer, \
                      contact from Monday to Saturday 08:00 to 20:00 and never on holidays."
            .to_owned(),
        grouping: Grouping::Customer,
        scope: Scope { kinds: vec![CustomerKind::Consumer], ..Scope::default() },
        contact: ContactRules {
            window: SendWindow::consumer_hours(),
            min_gap_days: 5,
            caps: vec![Cap { contacts: 2, days: 7 }, Cap { contacts: 4, days: 30 }],
        },
        interest: None,
        steps: vec![
            step("upcoming", -5, Channel::Email),
            Step { deadline_days: Some(15), ..step("first_reminder", 5, Channel::Email) },
            Step { fallback: Some(Channel::Email), ..step("sms_reminder", 21, Channel::Sms) },
            step("second_reminder", 28, Channel::Email),
            Step { template: "consumer_notice".to_owned(), ..formal("formal_notice", 42, 15) },
            step("handover_review", 60, Channel::Call),
        ],
        on_broken_promise: Some(broken(BROKEN_PROMISE, "broken_promise", None)),
        on_broken_plan: Some(broken(BROKEN_PLAN, "plan_broken", None)),
    }
}

/// A step whose text has its own name, to the primary contact, without conditions.
fn step(key: &str, offset_days: i32, channel: Channel) -> Step {
    Step {
        key: key.to_owned(),
        offset_days,
        offset_unit: DayUnit::Calendar,
        channel,
        fallback: None,
        template: key.to_owned(),
        recipient: None,
        formal: false,
        deadline_days: None,
        conditions: Conditions::default(),
        repeat: None,
        transliterate: false,
        post: None,
        attach: Vec::new(),
    }
}

fn formal(key: &str, offset_days: i32, deadline_days: u16) -> Step {
    Step { formal: true, deadline_days: Some(deadline_days), fallback: Some(Channel::Letter), ..step(key, offset_days, Channel::Email) }
}

/// What is said by e-mail, on the day on which it was found out.
fn broken(key: &str, template: &str, fallback: Option<Channel>) -> Step {
    Step { template: template.to_owned(), fallback, ..step(key, 0, Channel::Email) }
}
