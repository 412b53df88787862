//! How a [`Plan`] is made; its rules stand in [`super::plan`].
//!
//! Silent instalments are put aside, the rest falls into groups, each group names its carrying instalment, and of the groups that are ready
//! the oldest speaks. Whatever is left out on the way is noted, and so is every moment at which time may change the answer.

mod commitments;
mod stand_in;

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
    plan::{Action, Held, Line, Plan, Reminder, Review, Upcoming},
    policy::{Grouping, Policy, Step},
    release::{Move, Release},
    rule::Rule,
};

/// How late a formal step may leave without a person's approval.
const FORMAL_GRACE: TimeDelta = TimeDelta::hours(24);

/// A decision in the making.
pub(super) struct Planner<'a> {
    ladder: Ladder<'a>,
    release: Release<'a>,
    today: NaiveDate,
    now: DateTime<Utc>,
    plan: Plan<'a>,
    /// When a promise, a plan or a deadline must be looked at, whatever else is under way.
    watch: Option<DateTime<Utc>>,
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

impl<'a> Planner<'a> {
    pub fn new(account: &'a Account, policy: &'a Policy, calendar: &'a Calendar, now: DateTime<Utc>) -> Self {
        Self {
            ladder: Ladder { account, policy, calendar, now },
            release: Release::new(account, &policy.contact, calendar),
            today: calendar.today(now),
            now,
            plan: Plan::default(),
            watch: None,
        }
    }

    /// What is left to do where no policy says anything.
    pub fn look_after(mut self) -> Plan<'a> {
        self.judged();
        self.hold(Rule::NoPolicy, None, None, None);
        self.plan
    }

    pub fn decide(mut self) -> Plan<'a> {
        let account = self.ladder.account;
        if self.judged() {
            return self.plan;
        }
        if self.stands_in() {
            return self.plan;
        }
        if let Some(open) = account.open_reminder {
            let (rule, until) = open.put_off.map_or((Rule::OpenReminder, None), |(limit, until)| (limit.into(), Some(until)));
            self.hold(rule, None, None, until);
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
            self.plan.next_at = self.watch;
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
                let begins = silence.from.map(|first| local::day_start(zone, first)).filter(|begins| *begins > self.now);
                if let Some(begins) = begins {
                    self.hold(Rule::HoldAhead, Some(instalment.id), None, Some(begins));
                    self.wake(Some(begins));
                    continue;
                }
                let until = silence.until.map(|last| local::day_end(zone, last));
                if until.is_none_or(|end| end > self.now) {
                    silent = true;
                    let unsaid = self.unsaid(instalment);
                    self.hold(silence.reason.into(), Some(instalment.id), unsaid, until);
                    self.wake(until);
                }
            }
            if !silent && instalment.claimable_minor <= 0 {
                let unsaid = self.unsaid(instalment);
                self.hold(Rule::Dispute, Some(instalment.id), unsaid, None);
            } else if !silent {
                live.push(instalment);
            }
        }
        if live.is_empty() && self.plan.held.is_empty() {
            self.hold(Rule::NothingDue, None, None, None);
        }
        live
    }

    /// The step of a silent instalment that is due all the same; wakes when another will be.
    fn unsaid(&mut self, instalment: &'a InstalmentFacts) -> Option<&'a str> {
        let next = self.ladder.next(instalment, instalment.balance_minor, |_, _| {}).ok()?;
        self.wake(Some(next.at));
        self.wake(next.expires);
        (next.at <= self.now).then_some(next.step.key.as_str())
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
        if let Some(spoken) = self.broken_word(&members) {
            return spoken;
        }
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
            let mut note = |rule, step, until| held.push(Held::new(rule, Some(facts.id), step, until));
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
    fn upcoming(&mut self, carrying: &InstalmentFacts, next: Next<'a>) -> Upcoming<'a> {
        let step = next.step;
        self.passed_over(carrying, step);
        let customer = &self.ladder.account.customer;
        let recipient = [Some(step.channel), step.fallback]
            .into_iter()
            .flatten()
            .find_map(|channel| customer.recipient(step.recipient.as_deref(), channel).map(|person| (channel, person)));
        let person = recipient.and_then(|(_, person)| person);
        let (at, moves) = self.release.earliest(person, next.at.max(self.now));
        let late_formal = step.formal && at.is_some_and(|at| self.is_late(person, next.at, at));
        self.by_hand(carrying, step, recipient.map(|(channel, _)| channel));
        Upcoming { step, cycle: next.cycle, recipient, carrying: carrying.id, due_at: next.at, at, moves, late_formal }
    }

    /// Notes whose address is not written to, of those whom the step names before whoever it goes to.
    fn passed_over(&mut self, carrying: &InstalmentFacts, step: &'a Step) {
        let account: &'a Account = self.ladder.account;
        let (customer, role) = (&account.customer, step.recipient.as_deref());
        for channel in [Some(step.channel), step.fallback].into_iter().flatten() {
            for (person, barred) in customer.passed_over(role, channel) {
                let held = Held::new(barred.bar.into(), Some(carrying.id), Some(step.key.as_str()), None);
                self.plan.held.push(Held { barred: Some((person, barred)), ..held });
            }
            if customer.recipient(role, channel).is_some() {
                break;
            }
        }
    }

    /// Notes that a person posts a letter that a provider would carry, were the addresses complete.
    fn by_hand(&mut self, carrying: &InstalmentFacts, step: &'a Step, channel: Option<Channel>) {
        if channel == Some(Channel::Letter) && !self.ladder.account.customer.post.missing().is_empty() {
            self.hold(Rule::AddressIncomplete, Some(carrying.id), Some(step.key.as_str()), None);
        }
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
            is_sent: self.ladder.account.customer.is_sent(to.0),
            carrying: carrying.facts.id,
            total_minor: lines.iter().fold(0, |sum, line| sum.saturating_add(line.instalment.claimable_minor)),
            lines,
            due_at: next.at,
            stands_in_for: None,
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
        self.plan.held.push(Held::new(rule, instalment, step, until));
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
