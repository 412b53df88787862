//! What a late debt has come to: line by line, each with its days, its rate and where that rate was read.
//!
//! Conventions. The due day bears no interest, the day of payment does. A payment or a credit note takes effect the day after its own
//! date, on the instalment that it settles; it reduces the principal, never the interest. Days for which no rate is known bear none, and
//! the result is provisional. The days of a payment plan that stops it bear none. Interest that is added to the principal stops bearing interest once the principal is paid.
//! Invariants: lines do not overlap, and the total is their sum, rounded as the rule says.

use std::borrow::Cow;

use chrono::{Datelike, Days, Months, NaiveDate};
use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};

use super::{
    Claim, Compounding, DayCount, FixedSum, InterestBase, LateInterest, Part, Percent, law,
    rates::{Rates, Series},
    rules::{AgreedRate, AgreedSum, OverTime, Rounding, Rule, Start, rule},
};
use crate::domain::{
    customer::CustomerKind,
    ids::InstalmentId,
    locale::Jurisdiction,
    money::{Currency, Money},
};

/// What a claim has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Computation {
    /// The last day that it covers.
    pub until: NaiveDate,
    /// Whose law was applied.
    pub law: Jurisdiction,
    /// Its row in the table of rules; `None` where the table has nothing for such a debtor.
    pub rule: Option<&'static Rule>,
    /// The interest, in order of instalments and days.
    pub lines: Vec<Line>,
    /// The sum of the lines.
    pub interest: Money,
    /// The fixed sum, if one is owed.
    pub fixed_sum: Option<Money>,
    /// Whether a rate is missing that is still to be published.
    pub provisional: bool,
}

/// Interest on one amount at one rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// On which instalment.
    pub instalment_id: InstalmentId,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
    /// How many days the day count makes of that.
    pub days: i64,
    /// What bears the interest, in minor units.
    pub principal_minor: i64,
    /// Percent a year; `None` where no rate is known.
    pub rate_percent: Option<Decimal>,
    /// How days became a part of a year.
    pub day_count: DayCount,
    /// The sequence that the rate comes from; `None` for an agreed one.
    pub series: Option<Series>,
    /// Where the rate was read, and what was added to it.
    pub source: String,
    /// The interest, exact, in units of the currency.
    pub amount: Decimal,
    /// Whether the rate stands in for one that is not published.
    pub provisional: bool,
}

/// Computes interest and fixed sum of `claim` up to `until`, that day included.
pub fn compute(claim: &Claim<'_>, rates: &Rates, until: NaiveDate) -> Computation {
    let law = law(claim);
    let rule = rule(law, claim.kind);
    let scale = claim.currency.decimals();
    let mut lines = Vec::new();
    if let Some(basis) = Basis::of(claim.late_interest, rule, rates) {
        for part in &claim.parts {
            if let Some(first) = first_day(rule, claim.reminded_on, part.due_date) {
                basis.lines(part, first, until, scale, &mut lines);
            }
        }
    }
    let interest = total(&lines, rule.map_or(Rounding::PerLine, |rule| rule.rounding), scale);
    Computation {
        until,
        law: law.clone(),
        rule,
        provisional: lines.iter().any(|line| line.provisional),
        lines,
        interest: Money::new(interest, claim.currency),
        fixed_sum: fixed_sum(claim, rule, until).map(|minor| Money::new(minor, claim.currency)),
    }
}

/// The first day that bears interest; `None` while a reminder is missing.
fn first_day(rule: Option<&Rule>, reminded_on: Option<NaiveDate>, due_date: NaiveDate) -> Option<NaiveDate> {
    let after_due = due_date.succ_opt()?;
    match rule.map(|rule| rule.start) {
        Some(Start::AfterReminder { wait }) => {
            let after_wait = reminded_on?.checked_add_days(Days::new(wait.saturating_add(1)))?;
            Some(after_due.max(after_wait))
        }
        Some(Start::AfterDueDate) | None => Some(after_due),
    }
}

/// One fixed sum for the invoice, by what was late of it on the first day that something was.
fn fixed_sum(claim: &Claim<'_>, rule: Option<&Rule>, until: NaiveDate) -> Option<i64> {
    let late = |part: &Part| first_day(rule, claim.reminded_on, part.due_date).filter(|day| *day <= until && part.left(*day) > 0);
    let first = claim.parts.iter().filter_map(late).min()?;
    let principal =
        claim.parts.iter().filter(|part| late(part) == Some(first)).fold(0_i64, |sum, part| sum.saturating_add(part.left(first)));
    sum_on(claim.fixed_sum, claim.late_interest, rule, claim.kind, claim.currency, principal)
}

/// The fixed sum that a clause asks for on `principal` minor units, as far as the law allows it.
pub fn sum_on(
    clause: &FixedSum,
    late_interest: &LateInterest,
    rule: Option<&Rule>,
    kind: CustomerKind,
    currency: Currency,
    principal: i64,
) -> Option<i64> {
    let fits = |sum: &super::rules::Sum| (currency.as_str() == sum.currency).then(|| sum.of(principal));
    let statutory = rule.and_then(|rule| rule.sum.as_ref()).and_then(fits);
    let minor = match clause {
        FixedSum::None {} => None,
        FixedSum::Statutory {} => {
            let alone =
                rule.is_some_and(|rule| rule.sum_with_statutory_interest) && !matches!(late_interest, LateInterest::Statutory { .. });
            statutory.filter(|_| !alone)
        }
        FixedSum::Agreed { amount_minor } => match rule.map(|rule| rule.agreed_sum) {
            Some(AgreedSum::Free) => Some(*amount_minor),
            Some(AgreedSum::UpTo(cap)) => fits(&cap).map(|cap| cap.min(*amount_minor)),
            Some(AgreedSum::UpToStatutory) => statutory.map(|cap| cap.min(*amount_minor)),
            Some(AgreedSum::Never) => None,
            None => (kind != CustomerKind::Consumer).then_some(*amount_minor),
        },
    };
    minor.filter(|minor| *minor > 0)
}

/// The fixed sum that a consumer will owe on an invoice if nothing is paid in the days that a first reminder leaves: what that reminder names.
pub fn sum_ahead(clause: &FixedSum, place: &Jurisdiction, currency: Currency, principal: i64) -> Option<i64> {
    let kind = CustomerKind::Consumer;
    let rule = rule(place, kind).filter(|rule| matches!(rule.start, Start::AfterReminder { wait: 1.. }))?;
    sum_on(clause, &LateInterest::default(), Some(rule), kind, currency, principal)
}

/// The sum of the lines in minor units.
fn total(lines: &[Line], rounding: Rounding, scale: u32) -> i64 {
    match rounding {
        Rounding::PerLine => lines.iter().fold(0_i64, |sum, line| sum.saturating_add(minor(line.amount, scale))),
        Rounding::Once => minor(lines.iter().fold(Decimal::ZERO, |sum, line| sum.saturating_add(line.amount)), scale),
    }
}

/// An exact amount in minor units, half up; what no invoice could owe is held at the largest number.
pub fn minor(amount: Decimal, scale: u32) -> i64 {
    let rounded = amount.round_dp_with_strategy(scale, RoundingStrategy::MidpointAwayFromZero);
    let units = (0..scale).try_fold(rounded, |value, _| value.checked_mul(Decimal::TEN));
    units.and_then(|units| units.to_i64()).unwrap_or(i64::MAX)
}

/// A rate as it applies on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Applied {
    percent: Option<Decimal>,
    series: Option<Series>,
    source: Cow<'static, str>,
    provisional: bool,
}

/// How a claim's interest is found.
struct Basis<'a> {
    rule: Option<&'static Rule>,
    agreed: Option<Percent>,
    day_count: DayCount,
    compounding: Compounding,
    base: InterestBase,
    rates: &'a Rates,
}

impl<'a> Basis<'a> {
    fn of(clause: &LateInterest, rule: Option<&'static Rule>, rates: &'a Rates) -> Option<Self> {
        let (agreed, day_count, compounding) = match (clause, rule) {
            (LateInterest::None {}, _) | (LateInterest::Statutory { .. }, None) => return None,
            (LateInterest::Statutory { .. }, Some(rule)) => (None, rule.day_count, rule.compounding),
            (LateInterest::Contractual { annual_rate_percent, day_count, compounding, .. }, _) => {
                (Some(*annual_rate_percent), *day_count, *compounding)
            }
        };
        Some(Self { rule, agreed, day_count, compounding, base: clause.base(), rates })
    }

    /// Adds the lines of one instalment.
    fn lines(&self, part: &Part, first: NaiveDate, until: NaiveDate, scale: u32, lines: &mut Vec<Line>) {
        let (mut from, mut capitalised, mut pending) = (first, 0_i64, Decimal::ZERO);
        let mut anniversary = self.anniversary(first, 1);
        while from <= until {
            while anniversary.is_some_and(|(_, day)| day <= from) {
                capitalised = capitalised.saturating_add(minor(std::mem::take(&mut pending), scale));
                anniversary = anniversary.and_then(|(year, _)| self.anniversary(first, year.saturating_add(1)));
            }
            if let Some(last) = part.pause_on(from) {
                let Some(next) = last.succ_opt() else { return };
                from = next;
                continue;
            }
            let owed = part.left(from);
            if owed == 0 {
                return;
            }
            let applied = self.rate(first, from);
            let mut to = self.end_of_rate(first, from, until, &applied);
            let paid = part.settled.iter().map(|(on, _)| *on).filter(|on| *on >= from).min();
            let year_end = anniversary.and_then(|(_, day)| day.pred_opt());
            to = [paid, year_end, part.before_pause(from)].into_iter().flatten().fold(to, NaiveDate::min);
            let principal_minor = part.bearing(owed, self.base).saturating_add(capitalised);
            let amount = self.interest(principal_minor, applied.percent.unwrap_or_default(), from, to, scale);
            pending = pending.saturating_add(amount);
            lines.push(Line {
                instalment_id: part.instalment_id,
                from,
                to,
                days: days(self.day_count, from, to),
                principal_minor,
                rate_percent: applied.percent,
                day_count: self.day_count,
                series: applied.series,
                source: applied.source.into_owned(),
                amount,
                provisional: applied.provisional,
            });
            let Some(next) = to.succ_opt() else { return };
            from = next;
        }
    }

    /// The day on which interest is added to the principal for the `year`th time.
    fn anniversary(&self, first: NaiveDate, year: u32) -> Option<(u32, NaiveDate)> {
        let yearly = self.compounding == Compounding::Yearly;
        first.checked_add_months(Months::new(year.saturating_mul(12))).filter(|_| yearly).map(|day| (year, day))
    }

    /// The last day, at most `until`, for which the rate of `from` is looked up no further.
    fn end_of_rate(&self, first: NaiveDate, from: NaiveDate, until: NaiveDate, applied: &Applied) -> NaiveDate {
        let mut to = from;
        loop {
            let Some(next) = self.next_period(to).filter(|next| *next <= until) else { return until };
            // An agreed rate goes on as one line while no limit of the law changes it.
            let goes_on = self.agreed.is_some() && self.rate(first, next) == *applied;
            if !goes_on {
                return next.pred_opt().unwrap_or(until);
            }
            to = next;
        }
    }

    /// The first day after `day` on which the rate may change.
    fn next_period(&self, day: NaiveDate) -> Option<NaiveDate> {
        let rule = self.rule?;
        let series = match (self.agreed, rule.agreed_rate) {
            (None, _) if rule.over_time == OverTime::FixedAtStart => return None,
            (None, _) => rule.series,
            (Some(_), AgreedRate::Free) => return None,
            (Some(_), AgreedRate::AtLeast(series, _) | AgreedRate::AtMost(series)) => series,
        };
        series.validity().next(day)
    }

    /// The rate on `day` of a claim that bears interest since `first`.
    fn rate(&self, first: NaiveDate, day: NaiveDate) -> Applied {
        match (self.agreed, self.rule) {
            (Some(agreed), rule) => self.agreed_rate(agreed.value(), rule.map(|rule| rule.agreed_rate), day),
            (None, Some(rule)) => self.statutory_rate(rule, first, day),
            (None, None) => Applied::unknown(),
        }
    }

    fn agreed_rate(&self, agreed: Decimal, limit: Option<AgreedRate>, day: NaiveDate) -> Applied {
        let free = Applied { percent: Some(agreed), series: None, source: "agreed".into(), provisional: false };
        let (series, times, least) = match limit {
            None | Some(AgreedRate::Free) => return free,
            Some(AgreedRate::AtLeast(series, times)) => (series, times, true),
            Some(AgreedRate::AtMost(series)) => (series, 1, false),
        };
        let Some(known) = self.rates.on(series, day) else { return free };
        let bound = known.rate.rate_percent.value().saturating_mul(Decimal::from(times));
        if (least && agreed >= bound) || (!least && agreed <= bound) {
            return free;
        }
        let word = if least { format!("raised to {times} times") } else { "lowered to".to_owned() };
        let source = format!("agreed at {agreed}, {word} {series} ({})", known.rate.source);
        Applied { percent: Some(bound), series: Some(series), source: source.into(), provisional: known.provisional }
    }

    fn statutory_rate(&self, rule: &Rule, first: NaiveDate, day: NaiveDate) -> Applied {
        let day = if rule.over_time == OverTime::FixedAtStart { first } else { day };
        let margin = rule.margins.iter().rev().find(|(since, _)| *since <= first).map_or(0, |(_, margin)| *margin);
        let known = self.rates.on(rule.series, day);
        let stands_in = known.is_none_or(|known| known.rate.valid_from != rule.series.validity().period(day));
        if let Some(fallback) = rule.fallback
            && stands_in
            && let Some(reference) = self.rates.on(fallback.series, day)
        {
            let mut percent = reference.rate.rate_percent.value() + Decimal::new(fallback.margin, 2);
            if fallback.half_point_up {
                percent = (percent * Decimal::TWO).ceil() / Decimal::TWO;
            }
            let source = format!(
                "not published: {} + {} points ({})",
                fallback.series,
                Decimal::new(fallback.margin, 2).normalize(),
                reference.rate.source
            );
            return Applied { percent: Some(percent), series: Some(fallback.series), source: source.into(), provisional: true };
        }
        let Some(known) = known else { return Applied::unknown() };
        let percent = known.rate.rate_percent.value() + Decimal::new(margin, 2);
        let mut source = known.rate.source.clone();
        if margin != 0 {
            source = format!("{source}; + {} points", Decimal::new(margin, 2).normalize());
        }
        if known.provisional {
            source = format!("last known rate, of {}: {source}", known.rate.valid_from);
        }
        Applied { percent: Some(percent), series: Some(rule.series), source: source.into(), provisional: known.provisional }
    }

    /// The interest of some days, exact, in units of the currency.
    fn interest(&self, principal_minor: i64, percent: Decimal, from: NaiveDate, to: NaiveDate, scale: u32) -> Decimal {
        let yearly = Decimal::new(principal_minor, scale).checked_mul(percent);
        let share = |days: i64, year: i64| yearly?.checked_mul(Decimal::from(days))?.checked_div(Decimal::from(year.saturating_mul(100)));
        let interest = match self.day_count {
            DayCount::Actual365 => share(days(DayCount::Actual365, from, to), 365),
            DayCount::Thirty360 => share(days(DayCount::Thirty360, from, to), 360),
            DayCount::ActualActual => years(from, to).try_fold(Decimal::ZERO, |sum, (days, year)| sum.checked_add(share(days, year)?)),
        };
        interest.unwrap_or(Decimal::MAX)
    }
}

impl Applied {
    const fn unknown() -> Self {
        Self { percent: None, series: None, source: Cow::Borrowed("no rate is known for these days"), provisional: true }
    }
}

/// The days from `from` to `to`, both included.
pub fn days(count: DayCount, from: NaiveDate, to: NaiveDate) -> i64 {
    let before = from.pred_opt().unwrap_or(from);
    match count {
        DayCount::Actual365 | DayCount::ActualActual => to.signed_duration_since(before).num_days(),
        DayCount::Thirty360 => {
            let ordinal = |day: NaiveDate| i64::from(day.year()) * 360 + i64::from(day.month()) * 30 + i64::from(day.day().min(30));
            ordinal(to) - ordinal(before)
        }
    }
}

/// The days of each calendar year between two days, both included, with the length of that year.
fn years(from: NaiveDate, to: NaiveDate) -> impl Iterator<Item = (i64, i64)> {
    (from.year()..=to.year()).filter_map(move |year| {
        let (first, last) = (NaiveDate::from_ymd_opt(year, 1, 1)?, NaiveDate::from_ymd_opt(year, 12, 31)?);
        Some((days(DayCount::Actual365, from.max(first), to.min(last)), i64::from(last.ordinal())))
    })
}
