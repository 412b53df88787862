//! What would happen to an account, day by day, if nothing changed but the time: the decision asked again and again at the moments that it names.
//!
//! It decides nothing itself and writes nothing: each event is an action of [`plan()`], and its effect on the facts is the one that carrying it out has. What people
//! do is taken to be done at once: tasks, approvals, messages. Reviews stay open. Invariant: the same account, policy, calendar and span give the same days.

mod request;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use request::{MadeUpAccount, MadeUpInvoice, MadeUpPayment, MakeBelieve, SimulationRequest};

use super::{
    account::{Account, Breach, ReviewReason, SilenceReason},
    explain::{Explanation, explain},
    plan::{self, Action, plan},
    policy::{BROKEN_PLAN, BROKEN_PROMISE, Policy},
};
use crate::domain::{
    calendar::{Calendar, local},
    contact::Channel,
    ids::{ContactId, InstalmentId, PaymentPlanId, PromiseId},
    ledger::{payment_plan::PlanState, promise::PromiseState},
};

/// The longest span, in days.
pub const MAX_DAYS: u16 = 400;
/// The most lines that an event shows.
const MOST_LINES: usize = 300;
/// More events than any policy could ask for in that time.
const MOST_LOOKS: usize = 20_000;

crate::words! {
    /// What would happen.
    pub enum SimulatedKind {
        /// A message, a call, a visit or a letter.
        Reminder = "reminder",
        /// A person is asked to look at the account.
        Review = "review",
        /// It turns out what became of a promise.
        Promise = "promise",
        /// It turns out what became of a payment plan.
        PaymentPlan = "payment_plan",
    }
}

/// An instalment in a reminder that would go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SimulatedLine {
    /// The number of its invoice.
    #[schema(max_length = 100, example = "2026-0042")]
    pub invoice_number: String,
    /// Its due date.
    pub due_date: NaiveDate,
    /// What would be claimed of it, in minor units.
    #[schema(minimum = 0)]
    pub claimed: i64,
    /// Whether its due date would be over.
    pub overdue: bool,
    /// The step that it would have come to; absent: only listed.
    #[schema(max_length = 40, example = "last_reminder")]
    pub advances_to: Option<String>,
}

/// Something that would happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SimulatedEvent {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: SimulatedKind,
    /// Key of a reminder's step.
    #[schema(max_length = 40, example = "last_reminder")]
    pub step: Option<String>,
    /// Key of its text.
    #[schema(max_length = 40, example = "last_reminder")]
    pub template: Option<String>,
    /// How many times the step would then have been done.
    #[schema(minimum = 1)]
    pub cycle: Option<u32>,
    /// On which channel it would go.
    pub channel: Option<Channel>,
    /// To whom; absent of an account made up, or to nobody in particular.
    pub contact_id: Option<ContactId>,
    /// Whether it is a formal notice.
    pub formal: bool,
    /// Whether a person would have to approve it; that is taken to be done at once.
    pub awaits_approval: bool,
    /// What a reminder would list, oldest first: three hundred lines at most; the total covers them all.
    #[schema(max_items = 300)]
    pub lines: Vec<SimulatedLine>,
    /// What it would claim in all, in minor units.
    #[schema(minimum = 0)]
    pub total: i64,
    /// Why a person would have to look; or what would become of the promise or the plan.
    #[schema(max_length = 40, example = "broken")]
    pub reason: Option<String>,
}

/// A day on which something would happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SimulatedDay {
    /// In the creditor's zone.
    pub date: NaiveDate,
    /// In order.
    #[schema(max_items = 1000)]
    pub events: Vec<SimulatedEvent>,
}

/// What would happen, and how the account would stand in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulated {
    /// The days on which something would happen.
    pub days: Vec<SimulatedDay>,
    /// The decision, explained at the end of the last day.
    pub in_the_end: Explanation,
}

impl Simulated {
    /// Without the ids of people who are not there.
    #[must_use]
    pub fn nameless(mut self) -> Self {
        self.days.iter_mut().flat_map(|day| &mut day.events).for_each(|event| event.contact_id = None);
        self.in_the_end.next.iter_mut().for_each(|next| next.contact_id = None);
        self
    }
}

/// Plays an account from `from` to the end of the day `last`.
pub fn simulate(story: MakeBelieve, policy: &Policy, calendar: &Calendar, from: DateTime<Utc>, last: NaiveDate) -> Simulated {
    let until = local::day_end(calendar.zone, last) - TimeDelta::seconds(1);
    let MakeBelieve { mut account, mut payments } = story;
    // What is under way leaves now: its account has not come further yet.
    account.open_reminder = None;
    payments.sort_by_key(|payment| payment.on);
    let (mut now, mut days) = (from, Vec::<SimulatedDay>::new());
    for _ in 0..MOST_LOOKS {
        let today = calendar.today(now);
        let ahead = payments.iter().filter(|payment| payment.on > today).cloned().collect();
        for payment in std::mem::replace(&mut payments, ahead).iter().filter(|payment| payment.on <= today) {
            pay(&mut account, payment);
        }
        let decision = plan(&account, policy, calendar, now);
        let steps: Vec<(SimulatedEvent, Effect)> = decision.actions.iter().map(|action| told(action, now)).collect();
        if steps.is_empty() {
            let paid = payments.first().map(|payment| local::day_start(calendar.zone, payment.on));
            match [decision.next_at, paid].into_iter().flatten().min().filter(|next| *next <= until) {
                Some(next) => now = next.max(now + TimeDelta::seconds(1)),
                None => break,
            }
            continue;
        }
        for (event, effect) in steps {
            effect.apply(&mut account, now, today);
            match days.last_mut().filter(|day| day.date == today) {
                Some(day) => day.events.push(event),
                None => days.push(SimulatedDay { date: today, events: vec![event] }),
            }
        }
        now += TimeDelta::seconds(1);
    }
    Simulated { days, in_the_end: explain(&account, policy, calendar, until.max(now)) }
}

/// Takes a payment off the invoice that it names.
fn pay(account: &mut Account, payment: &MadeUpPayment) {
    let mut left = payment.amount;
    for one in account.instalments.iter_mut().filter(|one| one.invoice_number == payment.number) {
        let paid = left.clamp(0, one.balance_minor);
        (one.balance_minor, one.claimable_minor) = (one.balance_minor - paid, (one.claimable_minor - paid).max(0));
        left -= paid;
    }
}

/// What carrying out an action does to the facts.
enum Effect {
    Reminded { step: String, recipient: Option<ContactId>, channel: Channel, advances: Vec<(InstalmentId, String, u32)> },
    Review(ReviewReason),
    Promise(PromiseId, PromiseState),
    Plan(PaymentPlanId, PlanState),
}

/// An action in words, and its effect.
fn told(action: &Action<'_>, at: DateTime<Utc>) -> (SimulatedEvent, Effect) {
    let blank = |kind, reason| SimulatedEvent {
        at,
        kind,
        step: None,
        template: None,
        cycle: None,
        channel: None,
        contact_id: None,
        formal: false,
        awaits_approval: false,
        lines: Vec::new(),
        total: 0,
        reason,
    };
    match action {
        Action::Remind(reminder) => reminded(blank(SimulatedKind::Reminder, None), reminder, false),
        Action::AwaitApproval(reminder) => reminded(blank(SimulatedKind::Reminder, None), reminder, true),
        Action::Review(review) => (blank(SimulatedKind::Review, Some(review.reason.to_string())), Effect::Review(review.reason)),
        Action::JudgePromise(id, verdict) => {
            (blank(SimulatedKind::Promise, Some(verdict.state.to_string())), Effect::Promise(*id, verdict.state))
        }
        Action::JudgePlan(id, standing) => {
            (blank(SimulatedKind::PaymentPlan, Some(standing.state.to_string())), Effect::Plan(*id, standing.state))
        }
    }
}

fn reminded(blank: SimulatedEvent, reminder: &plan::Reminder<'_>, awaits_approval: bool) -> (SimulatedEvent, Effect) {
    let line = |line: &plan::Line<'_>| SimulatedLine {
        invoice_number: line.instalment.invoice_number.clone(),
        due_date: line.instalment.due_date,
        claimed: line.instalment.claimable_minor,
        overdue: line.overdue,
        advances_to: line.advances_to.map(|(step, _)| step.to_owned()),
    };
    let event = SimulatedEvent {
        step: Some(reminder.step.key.clone()),
        template: Some(reminder.step.template.clone()),
        cycle: Some(reminder.cycle),
        channel: Some(reminder.channel),
        contact_id: reminder.recipient,
        formal: reminder.step.formal,
        awaits_approval,
        lines: reminder.lines.iter().take(MOST_LINES).map(line).collect(),
        total: reminder.total_minor,
        ..blank
    };
    let advances = reminder.lines.iter().filter_map(|line| {
        let (step, cycle) = line.advances_to?;
        Some((line.instalment.id, step.to_owned(), cycle))
    });
    let effect = Effect::Reminded {
        step: reminder.step.key.clone(),
        recipient: reminder.recipient,
        channel: reminder.channel,
        advances: advances.collect(),
    };
    (event, effect)
}

impl Effect {
    fn apply(self, account: &mut Account, now: DateTime<Utc>, today: NaiveDate) {
        match self {
            Self::Review(reason) => account.open_reviews.push(reason),
            Self::Promise(id, state) => judged_promise(account, id, state, today),
            Self::Plan(id, state) => judged_plan(account, id, state, today),
            Self::Reminded { step, recipient, channel, advances } => {
                if step == BROKEN_PROMISE {
                    account.promises.iter_mut().filter_map(|one| one.breach.as_mut()).for_each(|breach| breach.answered = true);
                }
                if step == BROKEN_PLAN {
                    account.payment_plans.iter_mut().filter_map(|one| one.breach.as_mut()).for_each(|breach| breach.answered = true);
                }
                for (id, step, cycle) in advances {
                    account.advance(id, &step, cycle, now);
                }
                account.meet(recipient, channel, now);
            }
        }
    }
}

/// The number of the next word that is broken.
fn next_number(breaches: impl Iterator<Item = Option<Breach>>) -> u32 {
    breaches.flatten().map(|breach| breach.number).max().unwrap_or(0).saturating_add(1)
}

fn judged_promise(account: &mut Account, id: PromiseId, state: PromiseState, today: NaiveDate) {
    let number = next_number(account.promises.iter().map(|one| one.breach));
    let open = |covered: &[InstalmentId], account: &Account| {
        let others = account.promises.iter().filter(|one| one.id != id && one.state == PromiseState::Open);
        others.flat_map(|one| one.instalments.iter()).any(|one| covered.contains(one))
    };
    let Some(place) = account.promises.iter().position(|one| one.id == id) else { return };
    let covered = account.promises.get(place).map(|one| one.instalments.clone()).unwrap_or_default();
    let still = open(&covered, account);
    if let Some(promise) = account.promises.get_mut(place) {
        promise.state = state;
        promise.breach = (state == PromiseState::Broken).then_some(Breach { number, on: today, answered: false });
    }
    if !still {
        quiet(account, &covered, SilenceReason::Promise);
    }
}

fn judged_plan(account: &mut Account, id: PaymentPlanId, state: PlanState, today: NaiveDate) {
    let number = next_number(account.payment_plans.iter().map(|one| one.breach));
    let Some(plan) = account.payment_plans.iter_mut().find(|one| one.id == id) else { return };
    plan.state = state;
    plan.breach = (state == PlanState::Broken).then_some(Breach { number, on: today, answered: false });
    let covered = plan.instalments.clone();
    quiet(account, &covered, SilenceReason::PaymentPlan);
}

/// What has come to its end silences nothing any more.
fn quiet(account: &mut Account, covered: &[InstalmentId], reason: SilenceReason) {
    for one in account.instalments.iter_mut().filter(|one| covered.contains(&one.id)) {
        one.silences.retain(|silence| silence.reason != reason);
    }
}

#[cfg(test)]
mod tests;
