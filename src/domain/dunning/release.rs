//! The first moment at which a person may be contacted: the creditor's working days, the debtor's hours and holidays, the gap since the
//! last contact, the caps per person. For a consumer, hours, holidays and caps are never wider than those of its own place.
//!
//! Each rule that stands in the way moves the moment to the first instant at which that rule would allow it, until none does; the
//! result is therefore the earliest allowed instant, and asking again later, before it, gives the same one.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::domain::{
    calendar::{Calendar, Closed, holidays, local, week::SendWindow},
    customer::CustomerKind,
    ids::ContactId,
};

use super::{
    account::Account,
    policy::{Cap, ContactRules},
    protections,
    rule::Rule,
};

/// Moves after which no moment is taken to exist: more than a year of weekends.
const MOST_MOVES: usize = 128;
/// The longest run of days without a window: more than any run of holidays.
const LONGEST_SILENCE_DAYS: i32 = 31;

/// A rule that stood in the way, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// Which rule.
    pub rule: Rule,
    /// The first instant at which it allows the contact.
    pub until: DateTime<Utc>,
}

/// All that can stand in the way.
pub(super) struct Release<'a> {
    account: &'a Account,
    window: SendWindow,
    caps: Vec<Cap>,
    calendar: &'a Calendar,
    zone: Tz,
    gap_until: Option<DateTime<Utc>>,
}

impl<'a> Release<'a> {
    pub fn new(account: &'a Account, contact: &'a ContactRules, calendar: &'a Calendar) -> Self {
        let gap_until = account.last_contact_at.filter(|_| contact.min_gap_days > 0).map(|last| {
            let day = local::plus_days(local::date(calendar.zone, last), i32::from(contact.min_gap_days));
            local::day_start(calendar.zone, day)
        });
        let (mut window, mut caps) = (contact.window.clone(), contact.caps.clone());
        if account.customer.kind == CustomerKind::Consumer {
            window = protections::lawful_window(&account.customer.jurisdiction, &window);
            caps.extend(protections::lawful_caps(&account.customer.jurisdiction));
        }
        Self { account, window, caps, calendar, zone: account.customer.zone.unwrap_or(calendar.zone), gap_until }
    }

    /// The earliest allowed instant from `from` on, and the moves that led there; `None` if there is none in sight.
    pub fn earliest(&self, recipient: Option<ContactId>, from: DateTime<Utc>) -> (Option<DateTime<Utc>>, Vec<Move>) {
        Self::past(from, |at| self.obstacle(recipient, at))
    }

    /// The earliest instant from `from` on that days and hours allow, whatever the gap and the caps say.
    pub fn open(&self, from: DateTime<Utc>) -> Option<DateTime<Utc>> {
        Self::past(from, |at| self.closed(at)).0
    }

    /// The first instant from `from` on without an obstacle.
    fn past(
        from: DateTime<Utc>,
        obstacle: impl Fn(DateTime<Utc>) -> Option<(Rule, Option<DateTime<Utc>>)>,
    ) -> (Option<DateTime<Utc>>, Vec<Move>) {
        let (mut at, mut moves) = (from, Vec::new());
        for _ in 0..MOST_MOVES {
            let Some((rule, until)) = obstacle(at) else { return (Some(at), moves) };
            let Some(until) = until else { break };
            at = until.max(at + TimeDelta::seconds(1));
            moves.push(Move { rule, until: at });
        }
        (None, moves)
    }

    /// The first rule that forbids `at`, and when it ends.
    fn obstacle(&self, recipient: Option<ContactId>, at: DateTime<Utc>) -> Option<(Rule, Option<DateTime<Utc>>)> {
        if let Some(until) = self.gap_until.filter(|until| *until > at) {
            return Some((Rule::MinGap, Some(until)));
        }
        if let Some(until) = recipient.and_then(|person| self.capped(person, at)) {
            return Some((Rule::ContactCap, Some(until)));
        }
        self.closed(at)
    }

    fn closed(&self, at: DateTime<Utc>) -> Option<(Rule, Option<DateTime<Utc>>)> {
        self.day_off(at).or_else(|| self.outside_window(at))
    }

    /// When the caps let this person be contacted again, if not at `at`.
    fn capped(&self, person: ContactId, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let contacted = self.account.contacted.iter().filter(|contact| contact.contact_id == person).map(|contact| contact.at);
        let mut latest_first: Vec<DateTime<Utc>> = contacted.collect();
        latest_first.sort_unstable_by(|a, b| b.cmp(a));
        let free = self.caps.iter().filter_map(|cap| {
            let oldest_counted = latest_first.get(usize::from(cap.contacts).checked_sub(1)?)?;
            oldest_counted.checked_add_signed(TimeDelta::days(i64::from(cap.days)))
        });
        free.filter(|until| *until > at).max()
    }

    fn day_off(&self, at: DateTime<Utc>) -> Option<(Rule, Option<DateTime<Utc>>)> {
        let today = self.calendar.today(at);
        let rule = match self.calendar.closed(today)? {
            Closed::Weekday => Rule::WorkingDay,
            Closed::Holiday(_) => Rule::Holiday,
            Closed::Closing => Rule::ClosingDay,
        };
        let opens = self.calendar.next_working_day(today);
        Some((rule, opens.map(|day| local::instant_from(self.calendar.zone, day, chrono::NaiveTime::MIN, at))))
    }

    fn outside_window(&self, at: DateTime<Utc>) -> Option<(Rule, Option<DateTime<Utc>>)> {
        let window = &self.window;
        let clock = local::local(self.zone, at);
        let silent = self.silent(clock.date());
        if silent.is_none() && (window.start..window.end).contains(&clock.time()) {
            return None;
        }
        if window.is_empty() {
            return Some((Rule::SendWindow, None));
        }
        let first = if silent.is_none() && clock.time() < window.start { 0 } else { 1 };
        let mut days = (first..=LONGEST_SILENCE_DAYS).map(|days| local::plus_days(clock.date(), days));
        let opens = days.find(|day| self.silent(*day).is_none());
        let until = opens.map(|day| local::instant_from(self.zone, day, window.start, at));
        Some((silent.unwrap_or(Rule::SendWindow), until))
    }

    /// Why the debtor is left in peace on `date`.
    fn silent(&self, date: NaiveDate) -> Option<Rule> {
        let window = &self.window;
        if !window.weekdays.contains(date.weekday()) {
            return Some(Rule::SendWindow);
        }
        let holiday = window.skip_holidays && holidays::holiday(&self.account.customer.jurisdiction, date).is_some();
        holiday.then_some(Rule::DebtorHoliday)
    }
}
