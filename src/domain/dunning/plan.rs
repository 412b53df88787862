//! The decision. Pure, total, and asked by everybody: the planner, `explain`, the simulation, the test clock.
//!
//! The rules, beside those of an instalment's own steps (`ladder`) and of the moment ([`super::release`]):
//!
//! - **One at a time.** A call gives one reminder at most; while one is open, none. Finishing it asks again.
//! - **Carrying.** Of a group (the account, or one invoice) the eligible instalments are those overdue and those whose own next step
//!   is due. The oldest that has a next step carries; a tie goes to the largest balance, then to the smaller id. It gives
//!   step, text and recipient; while its step's date has not come, the group is silent: a debtor who has had a firm letter does
//!   not get a courteous one because a younger invoice fell due.
//! - **Progress.** All eligible instalments are listed. Each goes on by its own next step if that is due, and by one only; never to a formal
//!   step unless the reminder is formal itself.
//! - **Thresholds** apply to what is overdue and claimable in the group, and for an instalment not yet overdue to that and its own.
//! - **Words come first.** What became of a promise or a plan is written down before anything else is decided. Of one that was broken the next reminder
//!   speaks, by the policy's own step for it; that step does nothing to the crescendo, which goes on afterwards from where it stood.
//! - **A reminder that did not reach its recipient** is said once more, on its step's fallback channel, before anything else: under the same hours, gaps, caps and
//!   protections. If the fallback fails too, a person must look.
//! - **A letter** goes through a provider account that carries letters, if there is one and both addresses are complete; else a person posts it.
//! - **A late formal step**, a day or more after it could first have gone whatever kept it back, waits for a person's approval.
//! - **Consumers** are contacted only under a policy that names them.
//! - [`Plan::next_at`] is never later than the first instant at which time alone would bring an action.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{
    calendar::Calendar,
    contact::Channel,
    ids::{ContactId, InstalmentId, PaymentPlanId, PromiseId, ReminderId},
    ledger::{payment_plan, promise},
};

use super::{
    account::{Account, Barred, InstalmentFacts, ReviewReason},
    planner::Planner,
    policy::{ContactRules, Grouping, Policy, Scope, Step},
    release::{Move, Release},
    rule::Rule,
};

/// What to do now, why not more, and when to ask again.
#[derive(Debug, Clone, Default)]
pub struct Plan<'a> {
    /// At most one reminder, and reviews; or what became of promises and plans, and nothing else.
    pub actions: Vec<Action<'a>>,
    /// What was left out, with its reason.
    pub held: Vec<Held<'a>>,
    /// What would be sent next if nothing changed but the time; also the reminder in `actions`.
    pub upcoming: Option<Upcoming<'a>>,
    /// When to ask again; `None` if time alone changes nothing. Once a reminder is open, only promises, plans and deadlines are waited for.
    pub next_at: Option<DateTime<Utc>>,
}

/// Something to do.
#[derive(Debug, Clone)]
pub enum Action<'a> {
    /// Send it, or give it to a person as a task.
    Remind(Reminder<'a>),
    /// Put it before a person first.
    AwaitApproval(Reminder<'a>),
    /// Have a person look at the account.
    Review(Review),
    /// Write down what became of a promise, then ask again.
    JudgePromise(PromiseId, promise::Verdict),
    /// Write down what became of a payment plan, then ask again.
    JudgePlan(PaymentPlanId, payment_plan::Standing),
}

/// One occurrence of a step.
#[derive(Debug, Clone)]
pub struct Reminder<'a> {
    /// Which step.
    pub step: &'a Step,
    /// 1, or more for a repetition.
    pub cycle: u32,
    /// The step's channel or its fallback.
    pub channel: Channel,
    /// To whom; nobody in particular for a letter or a visit to a customer without contacts.
    pub recipient: Option<ContactId>,
    /// Whether a provider carries it; otherwise a person does, as a task.
    pub is_sent: bool,
    /// Which instalment gave the step.
    pub carrying: InstalmentId,
    /// Everything listed, the oldest first.
    pub lines: Vec<Line<'a>>,
    /// Sum of the lines, in minor units.
    pub total_minor: i64,
    /// When the step was due, before any move.
    pub due_at: DateTime<Utc>,
    /// The reminder that did not reach its recipient, whose place this one takes on the step's other channel.
    pub stands_in_for: Option<ReminderId>,
}

/// An instalment in a reminder.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// Which.
    pub instalment: &'a InstalmentFacts,
    /// Whether its due date is over.
    pub overdue: bool,
    /// The step and cycle completed for it when the reminder is done; `None`: only listed.
    pub advances_to: Option<(&'a str, u32)>,
}

/// A person must look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Review {
    /// Why.
    pub reason: ReviewReason,
    /// At which instalment; the whole account without one.
    pub instalment: Option<InstalmentId>,
}

/// Something that was left out, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held<'a> {
    /// The rule.
    pub rule: Rule,
    /// About which instalment; the whole account without one.
    pub instalment: Option<InstalmentId>,
    /// About which step.
    pub step: Option<&'a str>,
    /// Until when, as far as time alone ends it.
    pub until: Option<DateTime<Utc>>,
    /// Whose address is not written to, and why.
    pub barred: Option<(ContactId, &'a Barred)>,
}

impl<'a> Held<'a> {
    /// Something about the whole account, or one instalment, or its step.
    pub const fn new(rule: Rule, instalment: Option<InstalmentId>, step: Option<&'a str>, until: Option<DateTime<Utc>>) -> Self {
        Self { rule, instalment, step, until, barred: None }
    }
}

/// A reminder that is due and is not sent, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppressed {
    /// The rule.
    pub rule: Rule,
    /// About which instalment; the whole account without one.
    pub instalment_id: Option<InstalmentId>,
    /// Which step; the next one of the account without one.
    pub step: Option<String>,
    /// Until when, as far as time alone ends it.
    pub until: Option<DateTime<Utc>>,
}

impl Suppressed {
    /// Whether it is the same reminder, kept back by the same rule: how long that lasts may change.
    pub fn is(&self, other: &Self) -> bool {
        (self.rule, self.instalment_id, &self.step) == (other.rule, other.instalment_id, &other.step)
    }
}

impl Plan<'_> {
    /// What is due and is not sent.
    pub fn suppressed(&self) -> Vec<Suppressed> {
        // A silence without a step is one that nothing is due in.
        let due = |held: &&Held<'_>| held.rule.suppresses() && (held.step.is_some() || held.rule == Rule::UnallocatedCash);
        let word = |held: &Held<'_>| Suppressed {
            rule: held.rule,
            instalment_id: held.instalment,
            step: held.step.map(str::to_owned),
            until: held.until,
        };
        self.held.iter().filter(due).map(word).collect()
    }
}

/// What comes next.
#[derive(Debug, Clone)]
pub struct Upcoming<'a> {
    /// Which step.
    pub step: &'a Step,
    /// 1, or more for a repetition.
    pub cycle: u32,
    /// Channel and person; `None` if nobody can be reached.
    pub recipient: Option<(Channel, Option<ContactId>)>,
    /// Which instalment gives the step.
    pub carrying: InstalmentId,
    /// When the step is due, before any move.
    pub due_at: DateTime<Utc>,
    /// When it would go; `None` if there is no moment in sight.
    pub at: Option<DateTime<Utc>>,
    /// What moved it from its due time, or from now, to there.
    pub moves: Vec<Move>,
    /// Whether it waits for a person's approval.
    pub late_formal: bool,
}

/// Decides for one account at one moment.
pub fn plan<'a>(account: &'a Account, policy: &'a Policy, calendar: &'a Calendar, now: DateTime<Utc>) -> Plan<'a> {
    Planner::new(account, policy, calendar, now).decide()
}

/// The first moment from `from` on at which a message may leave that was decided before: working days, hours and holidays are kept; gaps and caps were, when it was
/// decided. `None` if there is none in sight.
pub fn may_leave(account: &Account, policy: &Policy, calendar: &Calendar, from: DateTime<Utc>) -> Option<DateTime<Utc>> {
    Release::new(account, &policy.contact, calendar).open(from)
}

/// When to look again once `reminder` is done, if it is done now and nothing else happens: never later than a look at its completion would find, for
/// what is done later only puts off what follows. `None`: time alone may bring nothing, or only a look can tell.
pub fn foresee(
    account: &Account,
    reminder: &Reminder<'_>,
    policy: &Policy,
    calendar: &Calendar,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    // A reminder that speaks of a broken word moves no instalment on, and what it answers is read from what was sent.
    if reminder.lines.iter().all(|line| line.advances_to.is_none()) {
        return None;
    }
    let mut after = account.clone();
    after.open_reminder = None;
    for line in &reminder.lines {
        if let Some((step, cycle)) = line.advances_to {
            after.advance(line.instalment.id, step, cycle, now);
        }
    }
    after.meet(reminder.recipient, reminder.channel, now);
    let next = plan(&after, policy, calendar, now);
    if next.actions.is_empty() { next.next_at } else { Some(now) }
}

/// Decides where no policy fits: nobody is contacted, and promises, plans and deadlines are looked after all the same.
pub fn without_policy<'a>(account: &'a Account, calendar: &'a Calendar, now: DateTime<Utc>) -> Plan<'a> {
    /// Says nothing to anybody.
    static SILENT: LazyLock<Policy> = LazyLock::new(|| Policy {
        name: String::new(),
        description: String::new(),
        grouping: Grouping::Customer,
        scope: Scope::default(),
        contact: ContactRules::default(),
        interest: None,
        steps: Vec::new(),
        on_broken_promise: None,
        on_broken_plan: None,
    });
    Planner::new(account, &SILENT, calendar, now).look_after()
}
