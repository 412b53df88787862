//! When something is due: a rule, the day it counts from, and what becomes of a day on which nobody works.
//!
//! Dates are calendar dates; a day that a month lacks is its last day. A date moves off a closed day only where the rule says so.
//! Invariant: nothing is due before its invoice is issued.

use chrono::{Datelike, Months, NaiveDate};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::calendar::{Calendar, local::plus_days};

crate::words! {
    /// What a due date is counted from.
    pub enum DueEvent {
        /// The date printed on the invoice.
        Issue = "issue",
        /// The order; where its date is unknown, the invoice's.
        Order = "order",
        /// The delivery of the goods, or the end of the service.
        Delivery = "delivery",
    }
}

crate::words! {
    /// What becomes of a due date on which the creditor is closed.
    pub enum ClosedDay {
        /// It stays.
        Keep = "keep",
        /// It moves to the next working day.
        Next = "next_working_day",
        /// It moves to the working day before.
        Previous = "previous_working_day",
    }
}

/// How many days, months and which day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[schema(example = json!({"kind": "days_then_end_of_month", "days": 45}))]
pub enum DueRule {
    /// On the day itself: on receipt, on order, on delivery.
    Immediate {},
    /// So many days later.
    Net {
        /// Days.
        #[schema(minimum = 1, maximum = 365, example = 30)]
        days: u16,
    },
    /// So many days earlier: before delivery.
    Before {
        /// Days.
        #[schema(minimum = 1, maximum = 365, example = 7)]
        days: u16,
    },
    /// First to the end of the month, then so many days: "end of month plus 45 days".
    EndOfMonthThenDays {
        /// Days after the end of the month.
        #[schema(minimum = 0, maximum = 365, example = 45)]
        days: u16,
    },
    /// First so many days, then to the end of that month: "45 days, end of month".
    DaysThenEndOfMonth {
        /// Days before going to the end of the month.
        #[schema(minimum = 0, maximum = 365, example = 45)]
        days: u16,
    },
    /// So many days later, then on a fixed day of a month: "30 days, on the 10th".
    DayOfMonth {
        /// Day of the month; in a shorter month, its last day.
        #[schema(minimum = 1, maximum = 31, example = 10)]
        day: u8,
        /// 0: the next such day, that day included. From 1 on: in the month that comes so many months later.
        #[serde(default)]
        #[schema(minimum = 0, maximum = 12, default = 0)]
        months: u8,
        /// Days that pass first.
        #[serde(default)]
        #[schema(minimum = 0, maximum = 365, default = 0)]
        days: u16,
    },
    /// On this date.
    OnDate {
        /// The date.
        #[schema(example = "2026-09-30")]
        date: NaiveDate,
    },
}

/// When something is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"from": "issue", "rule": {"kind": "net", "days": 30}}))]
pub struct Due {
    /// What it is counted from.
    #[serde(default = "issue")]
    #[schema(default = "issue")]
    pub from: DueEvent,
    /// How long after it.
    pub rule: DueRule,
    /// What becomes of a date on which the creditor is closed: it stays unless told otherwise.
    #[serde(default = "keep")]
    #[schema(default = "keep")]
    pub closed_day: ClosedDay,
}

const fn issue() -> DueEvent {
    DueEvent::Issue
}
const fn keep() -> ClosedDay {
    ClosedDay::Keep
}

/// The dates of one sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dates {
    /// Printed on the invoice.
    pub issue: NaiveDate,
    /// Of the order, if known.
    pub order: Option<NaiveDate>,
    /// Of the delivery, if known.
    pub delivery: Option<NaiveDate>,
}

impl Dates {
    /// An invoice of which nothing but its own date is known.
    pub const fn of_issue(issue: NaiveDate) -> Self {
        Self { issue, order: None, delivery: None }
    }

    /// The day that `event` fell on; `None` for a delivery whose date is unknown.
    pub fn of(&self, event: DueEvent) -> Option<NaiveDate> {
        match event {
            DueEvent::Issue => Some(self.issue),
            DueEvent::Order => Some(self.order.unwrap_or(self.issue)),
            DueEvent::Delivery => self.delivery,
        }
    }
}

impl Due {
    /// So much after the invoice's date, wherever that falls.
    pub const fn of_issue(rule: DueRule) -> Self {
        Self { from: DueEvent::Issue, rule, closed_day: ClosedDay::Keep }
    }
}

impl DueRule {
    /// The date by the rule alone, counted from `from`.
    pub fn after(self, from: NaiveDate) -> NaiveDate {
        match self {
            Self::Immediate {} => from,
            Self::Net { days } => plus_days(from, days.into()),
            Self::Before { days } => plus_days(from, -i32::from(days)),
            Self::EndOfMonthThenDays { days } => plus_days(end_of_month(from), days.into()),
            Self::DaysThenEndOfMonth { days } => end_of_month(plus_days(from, days.into())),
            Self::DayOfMonth { day, months, days } => day_of_month(plus_days(from, days.into()), day.into(), months.into()),
            Self::OnDate { date } => date,
        }
    }
}

/// The date on which something is due; `None` when it counts from a delivery whose date is unknown.
pub fn due_date(due: &Due, dates: &Dates, calendar: &Calendar) -> Option<NaiveDate> {
    let date = due.rule.after(dates.of(due.from)?).max(dates.issue);
    let moved = match due.closed_day {
        ClosedDay::Keep => date,
        _ if calendar.closed(date).is_none() => date,
        ClosedDay::Next => calendar.plus_working_days(date, 1),
        ClosedDay::Previous => calendar.plus_working_days(date, -1),
    };
    Some(moved.max(dates.issue))
}

/// The last day of the month.
pub(super) fn end_of_month(date: NaiveDate) -> NaiveDate {
    clipped(date, 31)
}

/// A day of the month of `date`, or the month's last.
fn clipped(date: NaiveDate, day: u32) -> NaiveDate {
    date.with_day(day.min(date.num_days_in_month().into())).unwrap_or(date)
}

fn day_of_month(from: NaiveDate, day: u32, months: u32) -> NaiveDate {
    let in_month = |later: u32| {
        let month = clipped(from, 1).checked_add_months(Months::new(later)).unwrap_or(from);
        clipped(month, day)
    };
    if months > 0 {
        return in_month(months);
    }
    let here = in_month(0);
    if here >= from { here } else { in_month(1) }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn after(rule: DueRule, from: &str) -> String {
        rule.after(day(from)).to_string()
    }

    #[test]
    fn the_two_readings_of_45_days_end_of_month() {
        assert_eq!(after(DueRule::EndOfMonthThenDays { days: 45 }, "2026-03-10"), "2026-05-15");
        assert_eq!(after(DueRule::DaysThenEndOfMonth { days: 45 }, "2026-03-10"), "2026-04-30");
        assert_eq!(after(DueRule::DaysThenEndOfMonth { days: 45 }, "2026-03-20"), "2026-05-31");
    }

    #[test]
    fn months_end_when_they_end() {
        assert_eq!(after(DueRule::DaysThenEndOfMonth { days: 30 }, "2027-12-31"), "2028-01-31");
        assert_eq!(after(DueRule::DaysThenEndOfMonth { days: 31 }, "2027-12-31"), "2028-01-31");
        assert_eq!(after(DueRule::EndOfMonthThenDays { days: 0 }, "2028-02-01"), "2028-02-29");
        assert_eq!(after(DueRule::EndOfMonthThenDays { days: 0 }, "2100-02-01"), "2100-02-28");
        assert_eq!(after(DueRule::Net { days: 1 }, "2028-02-28"), "2028-02-29");
    }

    #[test]
    fn a_fixed_day_is_the_next_one_or_months_away() {
        let on = |day, months, days| DueRule::DayOfMonth { day, months, days };
        assert_eq!(after(on(10, 0, 0), "2026-03-10"), "2026-03-10");
        assert_eq!(after(on(10, 0, 0), "2026-03-11"), "2026-04-10");
        assert_eq!(after(on(31, 0, 0), "2026-02-11"), "2026-02-28");
        assert_eq!(after(on(31, 1, 0), "2027-01-31"), "2027-02-28");
        assert_eq!(after(on(30, 0, 0), "2027-01-31"), "2027-02-28");
        assert_eq!(after(on(10, 2, 0), "2026-11-30"), "2027-01-10");
        assert_eq!(after(on(10, 0, 30), "2026-03-05"), "2026-04-10");
    }

    #[test]
    fn a_date_moves_off_a_closed_day_only_when_told() {
        let calendar = Calendar::of("Europe/Paris".parse().unwrap(), "FR".parse().unwrap());
        let dates = Dates::of_issue(day("2026-04-01"));
        let on = |closed_day| {
            let due = Due { from: DueEvent::Issue, rule: DueRule::Net { days: 30 }, closed_day };
            due_date(&due, &dates, &calendar).unwrap().to_string()
        };
        // 1 May 2026 is a Friday and a holiday.
        assert_eq!(on(ClosedDay::Keep), "2026-05-01");
        assert_eq!(on(ClosedDay::Next), "2026-05-04");
        assert_eq!(on(ClosedDay::Previous), "2026-04-30");
    }

    #[test]
    fn nothing_is_due_before_its_invoice() {
        let calendar = Calendar::of(chrono_tz::Tz::UTC, "FR".parse().unwrap());
        let dates = Dates { issue: day("2026-04-10"), order: Some(day("2026-03-01")), delivery: Some(day("2026-05-01")) };
        let due = |from, rule| due_date(&Due { from, rule, closed_day: ClosedDay::Keep }, &dates, &calendar).unwrap().to_string();
        assert_eq!(due(DueEvent::Order, DueRule::Immediate {}), "2026-04-10");
        assert_eq!(due(DueEvent::Order, DueRule::Net { days: 60 }), "2026-04-30");
        assert_eq!(due(DueEvent::Delivery, DueRule::Before { days: 7 }), "2026-04-24");
        assert_eq!(due(DueEvent::Delivery, DueRule::Before { days: 60 }), "2026-04-10");
        let unknown = Dates { delivery: None, order: None, ..dates };
        assert_eq!(due_date(&Due { from: DueEvent::Delivery, ..Due::of_issue(DueRule::Immediate {}) }, &unknown, &calendar), None);
        assert_eq!(unknown.of(DueEvent::Order), Some(day("2026-04-10")));
    }

    pub fn rules() -> impl Strategy<Value = DueRule> {
        prop_oneof![
            Just(DueRule::Immediate {}),
            (1_u16..366).prop_map(|days| DueRule::Net { days }),
            (1_u16..366).prop_map(|days| DueRule::Before { days }),
            (0_u16..366).prop_map(|days| DueRule::EndOfMonthThenDays { days }),
            (0_u16..366).prop_map(|days| DueRule::DaysThenEndOfMonth { days }),
            (1_u8..32, 0_u8..13, 0_u16..366).prop_map(|(day, months, days)| DueRule::DayOfMonth { day, months, days }),
        ]
    }

    proptest! {
        #[test]
        fn a_later_invoice_is_never_due_earlier(rule in rules(), offset in 0_i32..40_000, later in 0_i32..800) {
            let first = plus_days(day("1999-12-31"), offset);
            prop_assert!(rule.after(first) <= rule.after(plus_days(first, later)));
        }

        #[test]
        fn every_rule_but_before_waits(rule in rules(), offset in 0_i32..40_000) {
            let from = plus_days(day("1999-12-31"), offset);
            let earlier = matches!(rule, DueRule::Before { .. });
            prop_assert_eq!(rule.after(from) < from, earlier);
        }
    }
}
