//! The decision as a specification: one example per rule, then properties over random lives of accounts.

mod commitments;
mod examples;
mod histories;
mod properties;
mod stand_in;
mod waking;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::{
    account::{Account, Breach, ContactFacts, Contacted, CustomerFacts, InstalmentFacts, Progress, SilenceReason},
    builtin,
    plan::{Action, Plan, Reminder, foresee, plan},
    policy::{BROKEN_PLAN, BROKEN_PROMISE, Policy},
};
use crate::domain::{
    calendar::Calendar,
    customer::CustomerKind,
    ids::{Id, InvoiceId},
    ledger::{InvoiceKind, payment_plan::PlanState, promise::PromiseState},
    money::Currency,
    post::Post,
};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn numbered<K>(number: u128) -> Id<K> {
    Id::from_uuid(uuid::Uuid::from_u128(number))
}

fn paris() -> Calendar {
    Calendar::of("Europe/Paris".parse().unwrap(), "FR".parse().unwrap())
}

fn contact(number: u128) -> ContactFacts {
    ContactFacts {
        id: numbered(number),
        role: None,
        primary: number == 1,
        email: Some("accounts@example.com".parse().unwrap()),
        phone: Some("+33612345678".parse().unwrap()),
        language: None,
        opted_out: vec![],
        barred: vec![],
    }
}

/// An instalment of 100.00, alone on its invoice.
fn owed(number: u128, due_date: NaiveDate) -> InstalmentFacts {
    InstalmentFacts {
        id: numbered(number),
        invoice_id: InvoiceId::from_uuid(uuid::Uuid::from_u128(number)),
        invoice_number: format!("2026-{number:04}"),
        invoice_kind: InvoiceKind::Invoice,
        position: 1,
        due_date,
        amount_minor: 10_000,
        balance_minor: 10_000,
        claimable_minor: 10_000,
        silences: vec![],
        progress: None,
    }
}

fn account(instalments: Vec<InstalmentFacts>) -> Account {
    Account {
        customer: CustomerFacts {
            post: Post::ByHand,
            id: numbered(1),
            kind: CustomerKind::Business,
            segment: None,
            score: None,
            profile: None,
            jurisdiction: "FR".parse().unwrap(),
            language: None,
            zone: None,
            contacts: vec![contact(1)],
        },
        currency: Currency::EUR,
        instalments,
        unallocated_minor: 0,
        open_reminder: None,
        unreached: None,
        open_reviews: vec![],
        promises: vec![],
        payment_plans: vec![],
        deadlines: vec![],
        contacted: vec![],
        last_contact_at: None,
    }
}

/// What was done, and when.
type Diary = Vec<(DateTime<Utc>, Done)>;

/// What follows from an action: the reminder is done at once, the review is open.
fn apply(account: &mut Account, actions: &[Done], now: DateTime<Utc>) {
    for action in actions {
        match action {
            Done::Reviewed(reason) => account.open_reviews.push(*reason),
            Done::JudgedPromise(id, state) => {
                let number = u32::try_from(account.promises.iter().filter(|one| one.breach.is_some()).count()).unwrap() + 1;
                let promise = account.promises.iter_mut().find(|one| one.id == *id).unwrap();
                promise.state = *state;
                let broken = *state == PromiseState::Broken;
                promise.breach = broken.then(|| Breach { number, on: paris().today(now), answered: false });
                // What is no longer open silences nothing; the tests have one promise for an instalment.
                for one in account.instalments.iter_mut().filter(|one| promise.instalments.contains(&one.id)) {
                    one.silences.retain(|silence| silence.reason != SilenceReason::Promise);
                }
            }
            Done::JudgedPlan(id, state) => {
                let plan = account.payment_plans.iter_mut().find(|one| one.id == *id).unwrap();
                plan.state = *state;
                let broken = *state == PlanState::Broken;
                plan.breach = broken.then(|| Breach { number: 1, on: paris().today(now), answered: false });
            }
            Done::Reminded { step, recipient, channel, advances, .. } => {
                for promise in account.promises.iter_mut().filter(|_| step == BROKEN_PROMISE) {
                    promise.breach = promise.breach.map(|breach| Breach { answered: true, ..breach });
                }
                for plan in account.payment_plans.iter_mut().filter(|_| step == BROKEN_PLAN) {
                    plan.breach = plan.breach.map(|breach| Breach { answered: true, ..breach });
                }
                for (id, step, cycle) in advances {
                    account.advance(*id, step, *cycle, now);
                }
                account.meet(*recipient, *channel, now);
            }
        }
    }
}

/// An action without its borrows.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Done {
    Reminded {
        step: String,
        formal: bool,
        approval: bool,
        channel: crate::domain::contact::Channel,
        recipient: Option<crate::domain::ids::ContactId>,
        advances: Vec<(crate::domain::ids::InstalmentId, String, u32)>,
    },
    Reviewed(super::account::ReviewReason),
    JudgedPromise(crate::domain::ids::PromiseId, PromiseState),
    JudgedPlan(crate::domain::ids::PaymentPlanId, PlanState),
}

fn done(plan: &Plan<'_>) -> Vec<Done> {
    let reminded = |reminder: &Reminder<'_>, approval| Done::Reminded {
        step: reminder.step.key.clone(),
        formal: reminder.step.formal,
        approval,
        channel: reminder.channel,
        recipient: reminder.recipient,
        advances: (reminder.lines.iter())
            .filter_map(|line| line.advances_to.map(|(step, cycle)| (line.instalment.id, step.to_owned(), cycle)))
            .collect(),
    };
    let actions = plan.actions.iter().map(|action| match action {
        Action::Remind(reminder) => reminded(reminder, false),
        Action::AwaitApproval(reminder) => reminded(reminder, true),
        Action::Review(review) => Done::Reviewed(review.reason),
        Action::JudgePromise(id, verdict) => Done::JudgedPromise(*id, verdict.state),
        Action::JudgePlan(id, standing) => Done::JudgedPlan(*id, standing.state),
    });
    actions.collect()
}

/// Follows `next_at` from `from` until `to`, doing whatever is asked; the diary says what and when.
fn live(account: &mut Account, policy: &Policy, calendar: &Calendar, from: DateTime<Utc>, to: DateTime<Utc>) -> Diary {
    let (mut now, mut diary) = (from, Vec::new());
    for _ in 0..10_000 {
        let decision = plan(account, policy, calendar, now);
        let actions = done(&decision);
        let next_at = decision.next_at;
        if actions.is_empty() {
            match next_at.filter(|next| *next <= to) {
                Some(next) => now = next,
                None => return diary,
            }
        } else {
            apply(account, &actions, now);
            diary.extend(actions.into_iter().map(|action| (now, action)));
            now += TimeDelta::seconds(1);
        }
    }
    panic!("the account never comes to rest");
}

/// The diary's reminders as `2026-11-05 first_reminder`, in the creditor's days.
fn dates(diary: &[(DateTime<Utc>, Done)], calendar: &Calendar) -> Vec<String> {
    let entry = |(now, done): &(DateTime<Utc>, Done)| match done {
        Done::Reminded { step, .. } => Some(format!("{} {step}", calendar.today(*now).format("%m-%d"))),
        _ => None,
    };
    diary.iter().filter_map(entry).collect()
}

fn crescendo() -> Policy {
    builtin::crescendo()
}
