//! An instalment's own next step, and the date on which it is due.
//!
//! - `due(n) = max(due_date + offset(n), completed(m) + offset(n) − offset(m))`, where `m` is the last completed step: the spacing
//!   of the crescendo is kept whatever was late or passed over. The days are those of step `n`'s unit, and the date the creditor's.
//! - A step before the due date lapses when that date is over. A step whose conditions fail is passed over, for as long as they fail.
//! - A repetition ends on the date of the step that follows, whether that one applies or not.
//! - A formal step is not reached before some written step, or a later one, has been completed.
//!
//! Not here: who else is on the account, windows and gaps.

use chrono::{DateTime, Datelike, NaiveDate, Utc};

use crate::domain::calendar::{Calendar, local};

use super::{
    account::{Account, InstalmentFacts, Progress},
    policy::{Cadence, DayUnit, Policy, Step, score_fits, threshold},
    rule::Rule,
};

/// What an instalment waits for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Next<'a> {
    pub step: &'a Step,
    /// 1, or more for a repetition.
    pub cycle: u32,
    /// The start of its date, for the creditor.
    pub at: DateTime<Utc>,
    /// From then on the step is passed over.
    pub expires: Option<DateTime<Utc>>,
}

/// Why an instalment waits for nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stuck {
    pub rule: Rule,
    /// From then on the step in the way is passed over.
    pub until: Option<DateTime<Utc>>,
}

impl From<Rule> for Stuck {
    fn from(rule: Rule) -> Self {
        Self { rule, until: None }
    }
}

/// A policy applied to an account at a moment.
pub(super) struct Ladder<'a> {
    pub account: &'a Account,
    pub policy: &'a Policy,
    pub calendar: &'a Calendar,
    pub now: DateTime<Utc>,
}

impl<'a> Ladder<'a> {
    /// The next step of `instalment`, or why there is none. `overdue_minor` is what the thresholds apply to. Steps passed over on the way
    /// are told to `passed`.
    pub fn next(
        &self,
        instalment: &InstalmentFacts,
        overdue_minor: i64,
        mut passed: impl FnMut(&'a Step, Rule),
    ) -> Result<Next<'a>, Stuck> {
        let Some(progress) = &instalment.progress else {
            return self.following(instalment, overdue_minor, None, &mut passed);
        };
        let done = self.policy.steps.iter().position(|step| step.key == progress.step_key).ok_or(Rule::UnknownStep)?;
        let again = self.repetition(instalment, overdue_minor, done, progress);
        again.map_or_else(|| self.following(instalment, overdue_minor, Some((done, progress)), &mut passed), Ok)
    }

    /// The first step after the last completed one that applies.
    fn following(
        &self,
        instalment: &InstalmentFacts,
        overdue_minor: i64,
        done: Option<(usize, &Progress)>,
        passed: &mut impl FnMut(&'a Step, Rule),
    ) -> Result<Next<'a>, Stuck> {
        for step in self.policy.steps.iter().skip(done.map_or(0, |(place, _)| place.saturating_add(1))) {
            if !self.applies(step, instalment, overdue_minor) {
                passed(step, Rule::Condition);
                continue;
            }
            let at = local::day_start(self.calendar.zone, self.due(step, instalment, done));
            let expires = self.expiry(step, instalment);
            if expires.is_some_and(|end| end <= at.max(self.now)) {
                passed(step, if step.offset_days < 0 { Rule::Lapsed } else { Rule::TooLate });
                continue;
            }
            if step.formal && !self.warned(done) {
                return Err(Stuck { rule: Rule::Unwarned, until: expires });
            }
            return Ok(Next { step, cycle: 1, at, expires });
        }
        Err(Rule::Finished.into())
    }

    fn warned(&self, done: Option<(usize, &Progress)>) -> bool {
        done.zip(self.policy.first_written()).is_some_and(|((done, _), written)| done >= written)
    }

    /// The completed step once more, if its rhythm comes round before the next step's date.
    fn repetition(&self, instalment: &InstalmentFacts, overdue_minor: i64, done: usize, progress: &Progress) -> Option<Next<'a>> {
        let step = self.policy.steps.get(done)?;
        let repeat = step.repeat.as_ref().filter(|_| !step.formal)?;
        if repeat.max_count.is_some_and(|most| progress.cycle >= most) || !self.applies(step, instalment, overdue_minor) {
            return None;
        }
        let date = after(repeat.cadence, local::date(self.calendar.zone, progress.last_completed_at))?;
        let at = local::day_start(self.calendar.zone, date);
        let following = self.policy.steps.get(done.saturating_add(1));
        let end = following.map(|next| local::day_start(self.calendar.zone, self.due(next, instalment, Some((done, progress)))));
        let expires = [end, self.expiry(step, instalment)].into_iter().flatten().min();
        let over = expires.is_some_and(|end| end <= at.max(self.now));
        (!over).then(|| Next { step, cycle: progress.cycle.saturating_add(1), at, expires })
    }

    /// The date of a step.
    fn due(&self, step: &Step, instalment: &InstalmentFacts, done: Option<(usize, &Progress)>) -> NaiveDate {
        let by_offset = self.plus(instalment.due_date, step.offset_days, step.offset_unit);
        let by_spacing = done.and_then(|(place, progress)| {
            let spacing = step.offset_days.saturating_sub(self.policy.steps.get(place)?.offset_days).max(1);
            Some(self.plus(local::date(self.calendar.zone, progress.first_completed_at), spacing, step.offset_unit))
        });
        let by_lateness = step.conditions.days_late_min.map(|days| local::plus_days(instalment.due_date, i32::from(days)));
        [by_spacing, by_lateness].into_iter().flatten().fold(by_offset, NaiveDate::max)
    }

    fn plus(&self, date: NaiveDate, days: i32, unit: DayUnit) -> NaiveDate {
        match unit {
            DayUnit::Calendar => local::plus_days(date, days),
            DayUnit::Working => self.calendar.plus_working_days(date, days),
        }
    }

    /// When it is too late for a step.
    fn expiry(&self, step: &Step, instalment: &InstalmentFacts) -> Option<DateTime<Utc>> {
        let last = match step.conditions.days_late_max {
            _ if step.offset_days < 0 => instalment.due_date,
            Some(days) => local::plus_days(instalment.due_date, i32::from(days)),
            None => return None,
        };
        Some(local::day_end(self.calendar.zone, last))
    }

    /// Whether customer, invoice and amount meet the step's conditions. Lateness is a matter of dates instead.
    pub fn applies(&self, step: &Step, instalment: &InstalmentFacts, overdue_minor: i64) -> bool {
        let (conditions, customer) = (&step.conditions, &self.account.customer);
        let in_segment = |segment: &String| customer.segment.as_ref() == Some(segment);
        (conditions.segments.is_empty() || conditions.segments.iter().any(in_segment))
            && (conditions.kinds.is_empty() || conditions.kinds.contains(&customer.kind))
            && (conditions.invoice_kinds.is_empty() || conditions.invoice_kinds.contains(&instalment.invoice_kind))
            && score_fits(customer.score, conditions.score_min, conditions.score_max)
            && threshold(&conditions.min_amount, self.account.currency).is_none_or(|least| overdue_minor >= least)
    }
}

/// The first date after `last` in the rhythm; `None` for an empty one.
fn after(cadence: Cadence, last: NaiveDate) -> Option<NaiveDate> {
    match cadence {
        Cadence::Daily {} => Some(local::plus_days(last, 1)),
        Cadence::Weekly { weekdays } => {
            (1..=7).map(|days| local::plus_days(last, days)).find(|date| *date > last && weekdays.contains(date.weekday()))
        }
        Cadence::Monthly { day } => {
            let this_month = last.with_day(1)?;
            let next_month = this_month.checked_add_months(chrono::Months::new(1))?;
            [this_month, next_month].into_iter().map(|month| clipped(month, day)).find(|date| *date > last)
        }
    }
}

/// Day `day` of the month that begins on `first`, or its last day if it is shorter.
fn clipped(first: NaiveDate, day: u8) -> NaiveDate {
    (0..=3).find_map(|less| first.with_day(u32::from(day).saturating_sub(less))).unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::calendar::week::{Day, Weekdays};

    fn rhythm(cadence: Cadence, from: &str) -> Vec<String> {
        let mut last: NaiveDate = from.parse().unwrap();
        let mut dates = Vec::new();
        for _ in 0..4 {
            last = after(cadence, last).unwrap();
            dates.push(last.format("%m-%d").to_string());
        }
        dates
    }

    #[test]
    fn rhythms() {
        assert_eq!(rhythm(Cadence::Daily {}, "2028-02-27"), ["02-28", "02-29", "03-01", "03-02"]);
        assert_eq!(rhythm(Cadence::Monthly { day: 31 }, "2026-01-31"), ["02-28", "03-31", "04-30", "05-31"]);
        assert_eq!(rhythm(Cadence::Monthly { day: 5 }, "2026-01-04"), ["01-05", "02-05", "03-05", "04-05"]);
        let weekdays = Weekdays::of(&[Day::Tuesday, Day::Friday]);
        assert_eq!(rhythm(Cadence::Weekly { weekdays }, "2026-11-20"), ["11-24", "11-27", "12-01", "12-04"]);
        assert_eq!(after(Cadence::Weekly { weekdays: Weekdays::of(&[]) }, "2026-11-20".parse().unwrap()), None);
    }
}
