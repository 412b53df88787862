//! Promises and payment plans in the decision: what became of them, and the step that speaks of one that was broken.

use chrono::{DateTime, Utc};

use super::{Member, Planner};
use crate::domain::{
    calendar::local,
    dunning::{
        account::{Breach, InstalmentFacts, ReviewReason},
        ladder::Next,
        plan::{Action, Line, Reminder},
        policy::{DayUnit, Step},
        rule::Rule,
    },
    ids::InstalmentId,
    ledger::{payment_plan::PlanState, promise::PromiseState},
};

/// How long after it was found out a broken word is still spoken of.
const STALE_AFTER_DAYS: i32 = 60;

/// A broken word of which nothing was said yet.
#[derive(Clone, Copy)]
struct BrokenWord<'a> {
    rule: Rule,
    covered: &'a [InstalmentId],
    /// Of the first member that it covers.
    place: usize,
    next: Next<'a>,
}

impl<'a> Planner<'a> {
    /// Whether something must be written down before anything else is decided. If not, it is noted when that may be.
    pub(super) fn judged(&mut self) -> bool {
        let account = self.ladder.account;
        let zone = self.ladder.calendar.zone;
        for promise in &account.promises {
            match promise.judge(account, self.today) {
                Some(verdict) if verdict.state != promise.state => self.plan.actions.push(Action::JudgePromise(promise.id, verdict)),
                Some(verdict) if verdict.state == PromiseState::Open => self.wake(Some(local::day_end(zone, promise.terms.ends_on))),
                _ => {}
            }
        }
        for plan in &account.payment_plans {
            match plan.judge(account, self.today) {
                Some(standing) if standing.state != plan.state => self.plan.actions.push(Action::JudgePlan(plan.id, standing)),
                Some(standing) if standing.state == PlanState::Accepted => {
                    self.wake(standing.ends_on.map(|last| local::day_end(zone, last)));
                }
                _ => {}
            }
        }
        if !self.plan.actions.is_empty() {
            self.hold(Rule::Judgement, None, None, None);
            return true;
        }
        for deadline in &account.deadlines {
            let over = local::day_end(zone, deadline.last_day);
            if over <= self.now { self.review(deadline.reason, None) } else { self.wake(Some(over)) }
        }
        self.watch = self.plan.next_at;
        false
    }

    /// What a group says of a broken word, before its crescendo goes on; `None` if there is none to speak of, or nobody to speak to.
    pub(super) fn broken_word(&mut self, members: &[Member<'a>]) -> Option<Option<(&'a InstalmentFacts, Reminder<'a>, bool)>> {
        let word = self.unanswered(members)?;
        let carrying = members.get(word.place)?.facts;
        let (next, key) = (word.next, word.next.step.key.as_str());
        let upcoming = self.upcoming(carrying, next);
        let Some(recipient) = upcoming.recipient else {
            self.hold(Rule::NoRecipient, Some(carrying.id), Some(key), None);
            self.review(ReviewReason::NoRecipient, Some(carrying.id));
            return None;
        };
        let ready = upcoming.at == Some(self.now) && next.at <= self.now;
        if !ready {
            self.hold(word.rule, Some(carrying.id), Some(key), upcoming.at);
            self.wait(&upcoming, next);
        }
        self.propose(upcoming);
        Some(ready.then(|| {
            let listed = members.iter().filter(|member| member.is_eligible(self.now) || word.covered.contains(&member.facts.id));
            let lines: Vec<Line<'a>> =
                listed.map(|member| Line { instalment: member.facts, overdue: member.overdue, advances_to: None }).collect();
            let reminder = Reminder {
                step: next.step,
                cycle: next.cycle,
                channel: recipient.0,
                recipient: recipient.1,
                is_sent: self.ladder.account.customer.is_sent(recipient.0),
                carrying: carrying.id,
                total_minor: lines.iter().fold(0, |sum, line| sum.saturating_add(line.instalment.claimable_minor)),
                lines,
                due_at: next.at,
                stands_in_for: None,
            };
            (carrying, reminder, false)
        }))
    }

    /// The oldest broken word that some member was promised by, and that the policy has something to say of.
    fn unanswered(&self, members: &[Member<'a>]) -> Option<BrokenWord<'a>> {
        let (account, policy) = (self.ladder.account, self.ladder.policy);
        let promises = account.promises.iter().filter(|promise| promise.state == PromiseState::Broken);
        let plans = account.payment_plans.iter().filter(|plan| plan.state == PlanState::Broken);
        let promises = promises.filter_map(|promise| {
            self.word(members, Rule::BrokenPromise, promise.breach?, &promise.instalments, policy.on_broken_promise.as_ref()?)
        });
        let plans =
            plans.filter_map(|plan| self.word(members, Rule::BrokenPlan, plan.breach?, &plan.instalments, policy.on_broken_plan.as_ref()?));
        promises.chain(plans).min_by_key(|word| (word.next.at, word.next.cycle))
    }

    fn word(
        &self,
        members: &[Member<'a>],
        rule: Rule,
        breach: Breach,
        covered: &'a [InstalmentId],
        step: &'a Step,
    ) -> Option<BrokenWord<'a>> {
        let calendar = self.ladder.calendar;
        let expires = local::day_start(calendar.zone, local::plus_days(breach.on, STALE_AFTER_DAYS));
        let place = members.iter().position(|member| covered.contains(&member.facts.id))?;
        let carrying = members.get(place)?.facts;
        // A reminder that could not wait for it has said the rest.
        let overtaken = |done: DateTime<Utc>| local::date(calendar.zone, done) >= breach.on;
        let silent = breach.answered
            || expires <= self.now
            || carrying.progress.as_ref().is_some_and(|progress| overtaken(progress.last_completed_at))
            || !self.ladder.applies(step, carrying, self.overdue_minor(&members.iter().map(|member| member.facts).collect::<Vec<_>>()));
        let day = match step.offset_unit {
            DayUnit::Calendar => local::plus_days(breach.on, step.offset_days),
            DayUnit::Working => calendar.plus_working_days(breach.on, step.offset_days),
        };
        let next = Next { step, cycle: breach.number, at: local::day_start(calendar.zone, day), expires: Some(expires) };
        (!silent).then_some(BrokenWord { rule, covered, place, next })
    }
}
