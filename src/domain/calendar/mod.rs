//! When the creditor works and when people may be contacted.
//!
//! A [`Calendar`] is the tenant's: its zone decides what day it is, its working days on which days it writes. The hours and
//! days that spare the debtor belong to the policy ([`week::SendWindow`]). Not here: what is sent.
//! Invariant: nothing here reads a clock; a date's answer never changes.

pub mod holidays;
pub mod local;
pub mod week;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{invalid::Faults, locale::Jurisdiction};
use week::Weekdays;

/// How far ahead a working day is looked for.
const LONGEST_CLOSURE_DAYS: u32 = 400;

/// The creditor's working time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// IANA time zone that decides what day it is.
    #[schema(value_type = String, max_length = 64, example = "Europe/Paris")]
    pub zone: Tz,
    /// Days on which reminders leave.
    #[serde(default = "monday_to_friday")]
    pub working_days: Weekdays,
    /// Whose public holidays are kept: a country, or a region with holidays of its own.
    #[serde(default)]
    #[schema(max_items = 10)]
    pub holidays: Vec<Jurisdiction>,
    /// The creditor's own closing days.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub closing_days: Vec<Closure>,
}

const fn monday_to_friday() -> Weekdays {
    Weekdays::MONDAY_TO_FRIDAY
}

/// A stretch of days on which the creditor is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Closure {
    /// First day.
    #[schema(example = "2026-12-24")]
    pub from: NaiveDate,
    /// Last day, included.
    #[schema(example = "2027-01-03")]
    pub to: NaiveDate,
}

/// Why a day is no working day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// Not among the working days of the week.
    Weekday,
    /// A public holiday, by its local name.
    Holiday(&'static str),
    /// The creditor's own closing day.
    Closing,
}

impl Calendar {
    /// Monday to Friday in `zone`, with the holidays of `jurisdiction`.
    pub fn of(zone: Tz, jurisdiction: Jurisdiction) -> Self {
        Self { zone, working_days: Weekdays::MONDAY_TO_FRIDAY, holidays: vec![jurisdiction], closing_days: Vec::new() }
    }

    /// What is wrong with it, pointers relative to the calendar.
    pub fn validate(&self) -> Result<(), Faults> {
        let mut faults = Faults::none();
        if self.working_days.is_empty() {
            faults.add("/working_days", "empty", "no working day: nothing could ever be sent; name at least one");
        }
        for (n, place) in self.holidays.iter().enumerate() {
            if !holidays::knows(place) {
                faults.add(
                    format!("/holidays/{n}"),
                    "unknown_holidays",
                    format!("no holidays are known for {place}; enter them as closing days"),
                );
            }
        }
        for (n, closure) in self.closing_days.iter().enumerate() {
            if closure.to < closure.from {
                faults.add(format!("/closing_days/{n}/to"), "out_of_range", "the last day is before the first");
            }
        }
        faults.or(())
    }

    /// The date at `now`, for the creditor.
    pub fn today(&self, now: DateTime<Utc>) -> NaiveDate {
        local::date(self.zone, now)
    }

    /// Why `date` is no working day; `None` if it is one.
    pub fn closed(&self, date: NaiveDate) -> Option<Closed> {
        if !self.working_days.contains(date.weekday()) {
            return Some(Closed::Weekday);
        }
        if self.closing_days.iter().any(|closure| (closure.from..=closure.to).contains(&date)) {
            return Some(Closed::Closing);
        }
        self.holidays.iter().find_map(|place| holidays::holiday(place, date)).map(Closed::Holiday)
    }

    /// The first working day after `date`; `None` if the creditor is closed for more than a year.
    pub fn next_working_day(&self, date: NaiveDate) -> Option<NaiveDate> {
        (1..=LONGEST_CLOSURE_DAYS)
            .filter_map(|days| date.checked_add_days(chrono::Days::new(u64::from(days))))
            .find(|day| self.closed(*day).is_none())
    }

    /// `date` plus or minus that many working days; `date` itself does not count. A calendar without working days counts every day.
    pub fn plus_working_days(&self, date: NaiveDate, days: i32) -> NaiveDate {
        let step = days.signum();
        let mut reached = date;
        for _ in 0..days.unsigned_abs() {
            reached = local::plus_days(reached, step);
            let mut skipped = 0;
            while self.closed(reached).is_some() && skipped < LONGEST_CLOSURE_DAYS {
                reached = local::plus_days(reached, step);
                skipped += 1;
            }
            if skipped == LONGEST_CLOSURE_DAYS {
                return local::plus_days(date, days);
            }
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paris() -> Calendar {
        Calendar::of("Europe/Paris".parse().unwrap(), "FR".parse().unwrap())
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn may_in_france() {
        let calendar = paris();
        assert_eq!(calendar.closed(day("2026-05-08")), Some(Closed::Holiday("Victoire 1945")));
        assert_eq!(calendar.closed(day("2026-05-09")), Some(Closed::Weekday));
        assert_eq!(calendar.next_working_day(day("2026-05-07")), Some(day("2026-05-11")));
        assert_eq!(calendar.plus_working_days(day("2026-05-06"), 3), day("2026-05-12"));
        assert_eq!(calendar.plus_working_days(day("2026-05-12"), -3), day("2026-05-06"));
        assert_eq!(calendar.plus_working_days(day("2026-05-09"), 0), day("2026-05-09"));
    }

    #[test]
    fn closing_days_close() {
        let mut calendar = paris();
        calendar.closing_days.push(Closure { from: day("2026-08-03"), to: day("2026-08-21") });
        assert_eq!(calendar.next_working_day(day("2026-07-31")), Some(day("2026-08-24")));
    }

    #[test]
    fn a_calendar_without_days_still_answers() {
        let never = Calendar { working_days: Weekdays::of(&[]), ..paris() };
        assert_eq!(never.next_working_day(day("2026-01-01")), None);
        assert_eq!(never.plus_working_days(day("2026-01-01"), 5), day("2026-01-06"));
        let faults = Calendar { holidays: vec!["JP".parse().unwrap()], ..never }.validate().unwrap_err();
        assert_eq!(faults.0.iter().map(|fault| fault.pointer.as_str()).collect::<Vec<_>>(), ["/working_days", "/holidays/0"]);
    }
}
