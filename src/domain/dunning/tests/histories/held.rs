//! What holds of every decision and of every step that was done.

use std::collections::HashSet;

use chrono::Datelike;

use super::{History, *};
use crate::domain::{
    calendar::holidays,
    dunning::{explain::explain, rule::Rule},
};

impl History {
    /// No step twice, none before its predecessor, a formal one once and alone.
    pub(super) fn climb(&mut self, instalment: InstalmentId, step: &str, cycle: u32, formal: bool) {
        let here = self.policy.steps.iter().position(|known| known.key == step).unwrap();
        let steps = self.climbed.entry(instalment).or_default();
        assert!(!steps.contains(&(here, cycle)), "{step} {cycle} twice");
        let before = steps.last().map(|(place, _)| *place);
        assert!(before.is_none_or(|before| here >= before), "{step} after a later one");
        let skipped = self.policy.steps.iter().take(here).skip(before.map_or(0, |before| before + 1));
        assert!(
            skipped.into_iter().all(|step| step.offset_days < 0 || !step.conditions.segments.is_empty()),
            "a warning was skipped before {step}"
        );
        if self.policy.steps[here].formal {
            assert!(formal && cycle == 1, "{step} came along with another");
            assert!(self.policy.first_written().is_some_and(|written| steps.iter().any(|(place, _)| *place >= written)), "{step} unwarned");
            *self.met.entry("formal").or_default() += 1;
        }
        steps.push((here, cycle));
    }

    /// Holds a decision against the facts.
    pub(super) fn check(&mut self, decision: &Plan<'_>) {
        assert!(decision.next_at.is_none_or(|next| next > self.now), "wakes in the past");
        let reminders: Vec<&Reminder<'_>> = (decision.actions.iter())
            .filter_map(|action| match action {
                Action::Remind(reminder) | Action::AwaitApproval(reminder) => Some(reminder),
                _ => None,
            })
            .collect();
        let explained = explain(&self.account, &self.policy, &self.calendar, self.now);
        let told: HashSet<Rule> = explained.statements.iter().map(|statement| statement.rule).collect();
        assert_eq!(explained.contacted_now, decision.actions.iter().any(|action| matches!(action, Action::Remind(_))));
        match reminders[..] {
            [] => {
                assert!(!told.is_empty(), "silent without a reason");
                self.check_silence(&told);
            }
            [reminder] => {
                assert!(self.account.open_reminder.is_none(), "a second reminder while one is open");
                self.check_claim(reminder);
                self.check_moment(reminder);
            }
            _ => panic!("more than one reminder at once"),
        }
    }

    /// Whether the facts leave an instalment in peace, and why.
    fn peace(&self, one: &InstalmentFacts) -> Option<Rule> {
        let over = |until: NaiveDate| until < self.today();
        let held = self.holds.iter().any(|(of, from, until)| {
            of.is_none_or(|of| of == one.id) && from.is_none_or(|from| from <= self.today()) && !until.is_some_and(over)
        });
        let debited = self.debits.iter().any(|(of, until)| *of == one.id && !over(*until));
        let promised =
            |word: &PromiseFacts| word.state == PromiseState::Open && word.instalments.contains(&one.id) && !over(word.terms.ends_on);
        if held {
            Some(Rule::Hold)
        } else if debited {
            Some(Rule::DirectDebit)
        } else if self.account.promises.iter().any(promised) {
            Some(Rule::Promise)
        } else {
            let all = |part: &Option<i64>| part.is_none_or(|part| part >= one.balance_minor);
            self.disputed.get(&one.id).is_some_and(all).then_some(Rule::Dispute)
        }
    }

    /// What is owed and left in peace is said to be, unless something else keeps the whole account silent.
    fn check_silence(&mut self, told: &HashSet<Rule>) {
        if [Rule::OpenReminder, Rule::Judgement, Rule::ConsumerPolicy].iter().any(|rule| told.contains(rule)) {
            return;
        }
        for one in self.account.instalments.iter().filter(|one| one.balance_minor > 0) {
            if let Some(rule) = self.peace(one) {
                // Of what a plan replaces, a contested part is no news.
                let planned = rule == Rule::Dispute && told.contains(&Rule::PaymentPlan);
                assert!(told.contains(&rule) || planned, "{rule} is not told of: {told:?}");
                *self.met.entry("peace").or_default() += 1;
            }
        }
        let owed = self.account.instalments.iter().any(|one| one.balance_minor > 0);
        assert_eq!(!owed, told.contains(&Rule::NothingDue), "{told:?}");
    }

    /// Nothing is claimed that is held, contested or paid.
    fn check_claim(&mut self, reminder: &Reminder<'_>) {
        *self.met.entry("reminder").or_default() += 1;
        for line in &reminder.lines {
            let one = self.account.instalments.iter().find(|one| one.id == line.instalment.id).unwrap();
            assert_eq!(self.peace(one), None, "{} is spoken of", one.invoice_number);
            let contested = self.disputed.get(&one.id).copied().flatten().unwrap_or(0);
            assert!(
                line.instalment.claimable_minor > 0
                    && line.instalment.claimable_minor <= one.balance_minor - contested.min(one.balance_minor)
            );
        }
        assert!(reminder.lines.iter().any(|line| line.instalment.id == reminder.carrying));
        assert_eq!(reminder.total_minor, reminder.lines.iter().map(|line| line.instalment.claimable_minor).sum::<i64>());
        let overdue = reminder.lines.iter().filter(|line| line.instalment.due_date < self.today());
        let overdue: i64 = overdue.map(|line| line.instalment.claimable_minor).sum();
        assert!(overdue == 0 || self.account.unallocated_minor < overdue, "there is money for all of it");
    }

    /// Hours, days, gap and caps, by the debtor's clock.
    fn check_moment(&self, reminder: &Reminder<'_>) {
        let customer = &self.account.customer;
        let clock = local::local(customer.zone.unwrap(), self.now);
        let window = &self.policy.contact.window;
        assert!((window.start..window.end).contains(&clock.time()) && window.weekdays.contains(clock.weekday()), "at {clock}");
        assert_eq!(holidays::holiday(&customer.jurisdiction, clock.date()), None);
        assert_eq!(self.calendar.closed(self.today()), None);
        if let Some(last) = self.account.last_contact_at {
            assert!((self.today() - self.calendar.today(last)).num_days() >= i64::from(self.policy.contact.min_gap_days), "too soon");
        }
        let mut caps: Vec<(usize, i64)> =
            self.policy.contact.caps.iter().map(|cap| (usize::from(cap.contacts), i64::from(cap.days))).collect();
        if customer.kind == CustomerKind::Consumer {
            let american = customer.jurisdiction.country() == "US";
            caps.push((if american { 7 } else { 3 }, 7));
            let hour = chrono::Timelike::hour(&clock);
            let decent = (8..if american { 21 } else { 20 }).contains(&hour) && (american || clock.weekday() != chrono::Weekday::Sun);
            assert!(decent, "a consumer at {clock}");
        }
        for (contacts, days) in caps {
            let since = self.now - TimeDelta::days(days);
            let lately = self.account.contacted.iter().filter(|one| Some(one.contact_id) == reminder.recipient && one.at > since);
            assert!(lately.count() < contacts, "more than {contacts} contacts in {days} days");
        }
        let way = |person: &ContactFacts| Some(person.id) == reminder.recipient && !person.reachable(reminder.channel);
        assert!(!customer.contacts.iter().any(way), "opted out");
    }
}
