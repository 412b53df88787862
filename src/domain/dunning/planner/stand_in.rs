//! A reminder that did not reach its recipient is said once more, on its step's fallback channel.

use super::Planner;
use crate::domain::{
    contact::Channel,
    dunning::{
        account::{InstalmentFacts, OpenState, Unreached},
        ladder::Next,
        plan::{Action, Line, Reminder, Upcoming},
        policy::Step,
        rule::Rule,
    },
    ids::{ContactId, InstalmentId},
};

/// What may take the place of a reminder.
struct StandIn<'a> {
    missed: &'a Unreached,
    step: &'a Step,
    carrying: &'a InstalmentFacts,
    channel: Channel,
    person: Option<ContactId>,
}

impl<'a> Planner<'a> {
    /// Whether the account's word is that of a reminder which did not arrive; it is said now, or as soon as that is allowed.
    pub(super) fn stands_in(&mut self) -> bool {
        let Some(StandIn { missed, step, carrying, channel, person }) = self.stand_in() else { return false };
        let (at, moves) = self.release.earliest(person, self.now);
        let late_formal = step.formal && at.is_some_and(|at| self.is_late(person, missed.at, at));
        let due_at = missed.at.min(self.now);
        let recipient = Some((channel, person));
        let upcoming = Upcoming { step, cycle: missed.cycle, recipient, carrying: carrying.id, due_at, at, moves, late_formal };
        self.by_hand(carrying, step, Some(channel));
        self.hold(Rule::StandIn, Some(carrying.id), Some(step.key.as_str()), at.filter(|at| *at > self.now));
        if at == Some(self.now) {
            let lines = self.lines_again(missed);
            let reminder = Reminder {
                step,
                cycle: missed.cycle,
                channel,
                recipient: person,
                is_sent: self.ladder.account.customer.is_sent(channel),
                carrying: carrying.id,
                total_minor: lines.iter().fold(0, |sum, line| sum.saturating_add(line.instalment.claimable_minor)),
                lines,
                due_at,
                stands_in_for: Some(missed.reminder),
            };
            self.plan.next_at = self.watch;
            self.plan.actions.push(if late_formal { Action::AwaitApproval(reminder) } else { Action::Remind(reminder) });
        } else {
            self.wait(&upcoming, Next { step, cycle: missed.cycle, at: due_at, expires: None });
        }
        self.propose(upcoming);
        true
    }

    fn stand_in(&self) -> Option<StandIn<'a>> {
        let account = self.ladder.account;
        let missed = account.unreached.as_ref()?;
        // Whatever else is under way has the word.
        let free = account.open_reminder.is_none_or(|open| open.state == OpenState::Failed && open.id == missed.reminder);
        if !free || !self.ladder.policy.admits(account.customer.kind) {
            return None;
        }
        let (_, step) = self.ladder.policy.step(&missed.step_key)?;
        let channel = step.fallback.filter(|_| missed.channel == step.channel)?;
        let carrying = self.claimable(missed.carrying)?;
        let overdue = self.overdue_minor(&missed.lines.iter().filter_map(|(id, _)| self.claimable(*id)).collect::<Vec<_>>());
        if overdue > 0 && account.unallocated_minor >= overdue {
            return None;
        }
        // What was done since says more than what failed.
        let own = missed.lines.iter().find(|(id, _)| *id == missed.carrying).and_then(|(_, done)| done.as_ref());
        let progress = carrying.progress.as_ref().map(|progress| (&progress.step_key, progress.cycle));
        let overtaken = account.open_reminder.is_none() && own.is_some_and(|(key, cycle)| progress != Some((key, *cycle)));
        if overtaken {
            return None;
        }
        let person = account.customer.recipient(step.recipient.as_deref(), channel)?;
        Some(StandIn { missed, step, carrying, channel, person })
    }

    /// An instalment that may be spoken of today.
    fn claimable(&self, id: InstalmentId) -> Option<&'a InstalmentFacts> {
        let found = self.ladder.account.instalments.iter().find(|one| one.id == id)?;
        let silent = found.silences.iter().any(|silence| silence.holds_on(self.today));
        Some(found).filter(|one| !silent && one.balance_minor > 0 && one.claimable_minor > 0)
    }

    /// What was listed, as far as it is still owed, in its order.
    fn lines_again(&self, missed: &'a Unreached) -> Vec<Line<'a>> {
        let line = |(id, done): &'a (InstalmentId, Option<(String, u32)>)| {
            let instalment = self.claimable(*id)?;
            let advances_to = done.as_ref().map(|(key, cycle)| (key.as_str(), *cycle));
            Some(Line { instalment, overdue: instalment.due_date < self.today, advances_to })
        };
        missed.lines.iter().filter_map(line).collect()
    }
}
