//! The decision. Pure, total, and asked by everybody: the planner, `explain`, `simulate`.
//!
//! The rules, beside those of an instalment's own steps ([`super::ladder`]) and of the moment ([`super::release`]):
//!
//! - **One at a time.** A call gives one reminder at most; while one is open, none. Finishing it asks again.
//! - **Carrying.** Of a group (the account, or one invoice) the eligible instalments are those overdue and those whose own next step
//!   is due. The oldest that has a next step carries; a tie goes to the largest balance, then to the smaller id. It gives
//!   step, text and recipient; while its step's date has not come, the group is silent: a debtor who has had a firm letter does
//!   not get a courteous one because a younger invoice fell due.
//! - **Progress.** All eligible instalments are listed. Each goes on by its own next step if that is due, and by one only; never to a formal
//!   step unless the reminder is formal itself.
//! - **Thresholds** apply to what is overdue and claimable in the group, and for an instalment not yet overdue to that and its own.
//! - **A late formal step**, a day or more after it could first have gone whatever kept it back, waits for a person's approval.
//! - **Consumers** are contacted only under a policy that names them.
//! - [`Plan::next_at`] is never later than the first instant at which time alone would bring an action.

use std::cmp::{Ordering, Reverse};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use crate::domain::{
    calendar::{Calendar, local},
    contact::Channel,
    ids::{ContactId, InstalmentId},
};

use super::{
    account::{Account, InstalmentFacts, ReviewReason},
    ladder::{Ladder, Next},
    policy::{Grouping, Policy, Step},
    release::{Move, Release},
    rule::Rule,
};

/// How late a formal step may leave without a person's approval.
const FORMAL_GRACE: TimeDelta = TimeDelta::hours(24);

/// What to do now, why not more, and when to ask again.
#[derive(Debug, Clone, Default)]
pub struct Plan<'a> {
    /// At most one reminder, and reviews.
    pub actions: Vec<Action<'a>>,
    /// What was left out, with its reason.
    pub held: Vec<Held<'a>>,
    /// What would be sent next if nothing changed but the time; also the reminder in `actions`.
    pub upcoming: Option<Upcoming<'a>>,
    /// When to ask again; `None` if time alone changes nothing, or once a reminder is open.
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
    /// Which instalment gave the step.
    pub carrying: InstalmentId,
    /// Everything listed, the oldest first.
    pub lines: Vec<Line<'a>>,
    /// Sum of the lines, in minor units.
    pub total_minor: i64,
    /// When the step was due, before any move.
    pub due_at: DateTime<Utc>,
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
    let run = Run {
        ladder: Ladder { account, policy, calendar, now },
        release: Release::new(account, &policy.contact, calendar),
        today: calendar.today(now),
        now,
        plan: Plan::default(),
    };
    run.decide()
}

struct Run<'a> {
    ladder: Ladder<'a>,
    release: Release<'a>,
    today: NaiveDate,
    now: DateTime<Utc>,
    plan: Plan<'a>,
}

/// An instalment of a group with its own next step.
struct Member<'a> {
    facts: &'a InstalmentFacts,
    overdue: bool,
    next: Option<Next<'a>>,
}

impl Member<'_> {
    fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.next.is_some_and(|next| next.at <= now)
    }

    fn is_eligible(&self, now: DateTime<Utc>) -> bool {
        self.overdue || self.is_due(now)
    }
}

/// Oldest first, then largest, then smaller id.
fn carrying_order(a: &InstalmentFacts, b: &InstalmentFacts) -> Ordering {
    let key = |one: &InstalmentFacts| (one.due_date, Reverse(one.balance_minor), one.id);
    key(a).cmp(&key(b))
}

impl<'a> Run<'a> {
    fn decide(mut self) -> Plan<'a> {
        let account = self.ladder.account;
        if account.open_reminder.is_some() {
            self.hold(Rule::OpenReminder, None, None, None);
            return self.plan;
        }
        if !self.ladder.policy.admits(account.customer.kind) {
            self.hold(Rule::ConsumerPolicy, None, None, None);
            return self.plan;
        }
        let mut live = self.live();
        self.await_next_due_date(&live);
        if self.covered_by_cash(&live) {
            return self.plan;
        }
        let by_invoice = self.ladder.policy.grouping == Grouping::Invoice;
        live.sort_unstable_by(|a, b| {
            let group = if by_invoice { a.invoice_id.cmp(&b.invoice_id) } else { Ordering::Equal };
            group.then_with(|| carrying_order(a, b))
        });
        let mut first: Option<(&InstalmentFacts, Reminder<'a>, bool)> = None;
        for group in live.chunk_by(|a, b| !by_invoice || a.invoice_id == b.invoice_id) {
            let Some((carrying, reminder, late)) = self.group(group) else { continue };
            if first.as_ref().is_none_or(|(best, ..)| carrying_order(carrying, best).is_lt()) {
                first = Some((carrying, reminder, late));
            }
        }
        if let Some((_, reminder, late)) = first {
            self.plan.next_at = None;
            self.plan.actions.push(if late { Action::AwaitApproval(reminder) } else { Action::Remind(reminder) });
        }
        self.plan
    }

    /// The instalments that may be spoken of. What is silent is noted, and when it ends.
    fn live(&mut self) -> Vec<&'a InstalmentFacts> {
        let account = self.ladder.account;
        let zone = self.ladder.calendar.zone;
        let mut live = Vec::with_capacity(account.instalments.len());
        for instalment in account.instalments.iter().filter(|instalment| instalment.balance_minor > 0) {
            let mut silent = false;
            for silence in &instalment.silences {
                let until = silence.until.map(|last| local::day_end(zone, last));
                if until.is_none_or(|end| end > self.now) {
                    silent = true;
                    self.hold(silence.reason.into(), Some(instalment.id), None, until);
                    self.wake(until);
                }
            }
            if !silent && instalment.claimable_minor <= 0 {
                self.hold(Rule::Dispute, Some(instalment.id), None, None);
            } else if !silent {
                live.push(instalment);
            }
        }
        if live.is_empty() && self.plan.held.is_empty() {
            self.hold(Rule::NothingDue, None, None, None);
        }
        live
    }

    /// Whether money not yet allocated covers what is overdue.
    fn covered_by_cash(&mut self, live: &[&InstalmentFacts]) -> bool {
        let overdue = self.overdue_minor(live);
        let covered = overdue > 0 && self.ladder.account.unallocated_minor >= overdue;
        if covered {
            self.hold(Rule::UnallocatedCash, None, None, None);
            self.review(ReviewReason::UnallocatedCash, None);
        }
        covered
    }

    /// Wakes when more becomes overdue, if that alone could change an answer.
    fn await_next_due_date(&mut self, live: &[&InstalmentFacts]) {
        let Ladder { account, policy, calendar, .. } = self.ladder;
        let thresholds = policy.steps.iter().any(|step| !step.conditions.min_amount.is_empty());
        if account.unallocated_minor > 0 || thresholds {
            let due = live.iter().map(|instalment| instalment.due_date).filter(|due| *due >= self.today).min();
            self.wake(due.map(|due| local::day_end(calendar.zone, due)));
        }
    }

    fn overdue_minor(&self, instalments: &[&InstalmentFacts]) -> i64 {
        let overdue = instalments.iter().filter(|instalment| instalment.due_date < self.today);
        overdue.fold(0, |sum, instalment| sum.saturating_add(instalment.claimable_minor))
    }

    /// What a group wants now: its carrying instalment, its reminder, and whether that needs approval.
    fn group(&mut self, group: &[&'a InstalmentFacts]) -> Option<(&'a InstalmentFacts, Reminder<'a>, bool)> {
        let members = self.members(group);
        let Some(place) = members.iter().position(|member| member.next.is_some() && member.is_eligible(self.now)) else {
            self.await_first(&members);
            return None;
        };
        let carrying = members.get(place)?;
        let next = carrying.next?;
        // Older ones that are not eligible yet would carry instead.
        for older in members.iter().take(place) {
            self.wake(older.next.map(|next| next.at));
        }
        if next.at > self.now {
            for younger in members.iter().skip(place.saturating_add(1)) {
                if let Some(own) = younger.next.filter(|own| own.at <= self.now) {
                    self.hold(Rule::Carried, Some(younger.facts.id), Some(own.step.key.as_str()), Some(next.at));
                }
            }
        }
        let upcoming = self.upcoming(carrying.facts, next);
        let ready = upcoming.at == Some(self.now) && next.at <= self.now;
        let reminder = upcoming.recipient.filter(|_| ready).map(|recipient| self.reminder(&members, carrying, next, recipient));
        let late = upcoming.late_formal;
        if reminder.is_none() {
            self.wait(&upcoming, next);
        }
        self.propose(upcoming);
        reminder.map(|reminder| (carrying.facts, reminder, late))
    }

    fn members(&mut self, group: &[&'a InstalmentFacts]) -> Vec<Member<'a>> {
        let overdue_minor = self.overdue_minor(group);
        let mut members = Vec::with_capacity(group.len());
        for facts in group {
            let overdue = facts.due_date < self.today;
            let total = if overdue { overdue_minor } else { overdue_minor.saturating_add(facts.claimable_minor) };
            let held = &mut self.plan.held;
            let mut note = |rule, step, until| held.push(Held { rule, instalment: Some(facts.id), step, until });
            let next = self.ladder.next(facts, total, |step, rule| note(rule, Some(step.key.as_str()), None));
            if let Err(stuck) = next {
                note(stuck.rule, None, stuck.until);
                self.wake(stuck.until);
            }
            members.push(Member { facts, overdue, next: next.ok() });
        }
        members
    }

    /// Nobody is eligible: whoever's step comes first will be.
    fn await_first(&mut self, members: &[Member<'a>]) {
        let steps = || members.iter().filter_map(|member| member.next.map(|next| (member.facts, next)));
        let Some((first, next)) = steps().min_by_key(|(_, next)| next.at) else { return };
        for (facts, other) in steps() {
            if facts.id != first.id {
                self.wake(Some(other.at));
            }
        }
        let upcoming = self.upcoming(first, next);
        self.wait(&upcoming, next);
        self.propose(upcoming);
    }

    /// When and to whom a step would go.
    fn upcoming(&self, carrying: &InstalmentFacts, next: Next<'a>) -> Upcoming<'a> {
        let step = next.step;
        let customer = &self.ladder.account.customer;
        let recipient = [Some(step.channel), step.fallback]
            .into_iter()
            .flatten()
            .find_map(|channel| customer.recipient(step.recipient.as_deref(), channel).map(|person| (channel, person)));
        let person = recipient.and_then(|(_, person)| person);
        let (at, moves) = self.release.earliest(person, next.at.max(self.now));
        let late_formal = step.formal && at.is_some_and(|at| self.is_late(person, next.at, at));
        Upcoming { step, cycle: next.cycle, recipient, carrying: carrying.id, due_at: next.at, at, moves, late_formal }
    }

    /// Whether `at` is a day or more after the first moment at which the step could have gone.
    fn is_late(&self, person: Option<ContactId>, due: DateTime<Utc>, at: DateTime<Utc>) -> bool {
        due < self.now && self.release.earliest(person, due).0.is_some_and(|first| at - first >= FORMAL_GRACE)
    }

    /// Notes why a step is not done now, and wakes when that may change.
    fn wait(&mut self, upcoming: &Upcoming<'a>, next: Next<'a>) {
        let (instalment, step) = (Some(upcoming.carrying), Some(upcoming.step.key.as_str()));
        self.wake(next.expires);
        if next.at > self.now {
            self.hold(Rule::NotDue, instalment, step, Some(next.at));
        }
        match (upcoming.recipient, upcoming.at) {
            (None, _) if next.at > self.now => self.wake(Some(next.at)),
            (None, _) => {
                self.hold(Rule::NoRecipient, instalment, step, None);
                self.review(ReviewReason::NoRecipient, instalment);
            }
            (Some(_), None) => self.hold(Rule::NoMoment, instalment, step, None),
            (Some(_), at) => {
                self.wake(at);
                let barriers: &[Move] = if next.at <= self.now { &upcoming.moves } else { &[] };
                for barrier in barriers {
                    self.hold(barrier.rule, instalment, step, Some(barrier.until));
                }
            }
        }
    }

    fn reminder(&self, members: &[Member<'a>], carrying: &Member<'a>, next: Next<'a>, to: (Channel, Option<ContactId>)) -> Reminder<'a> {
        let line = |member: &Member<'a>| {
            let own = member.next.filter(|own| own.at <= self.now && (!own.step.formal || next.step.formal));
            let advances_to = own.map(|own| (own.step.key.as_str(), own.cycle));
            Line { instalment: member.facts, overdue: member.overdue, advances_to }
        };
        let lines: Vec<Line<'a>> = members.iter().filter(|member| member.is_eligible(self.now)).map(line).collect();
        Reminder {
            step: next.step,
            cycle: next.cycle,
            channel: to.0,
            recipient: to.1,
            carrying: carrying.facts.id,
            total_minor: lines.iter().fold(0, |sum, line| sum.saturating_add(line.instalment.claimable_minor)),
            lines,
            due_at: next.at,
        }
    }

    /// Keeps the earlier of two prospects.
    fn propose(&mut self, upcoming: Upcoming<'a>) {
        let moment = |one: &Upcoming<'_>| one.at.unwrap_or(DateTime::<Utc>::MAX_UTC);
        if self.plan.upcoming.as_ref().is_none_or(|best| moment(&upcoming) < moment(best)) {
            self.plan.upcoming = Some(upcoming);
        }
    }

    fn hold(&mut self, rule: Rule, instalment: Option<InstalmentId>, step: Option<&'a str>, until: Option<DateTime<Utc>>) {
        self.plan.held.push(Held { rule, instalment, step, until });
    }

    /// A review is raised once; it stays open until a person has finished it.
    fn review(&mut self, reason: ReviewReason, instalment: Option<InstalmentId>) {
        let raised = self.plan.actions.iter().any(|action| matches!(action, Action::Review(review) if review.reason == reason));
        if !raised && !self.ladder.account.open_reviews.contains(&reason) {
            self.plan.actions.push(Action::Review(Review { reason, instalment }));
        }
    }

    fn wake(&mut self, at: Option<DateTime<Utc>>) {
        let later = at.filter(|at| *at > self.now);
        self.plan.next_at = [self.plan.next_at, later].into_iter().flatten().min();
    }
}
