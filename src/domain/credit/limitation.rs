//! Limitation: after how long a claim may be lost, by jurisdiction and kind of debtor, each period with its source.
//!
//! When a period begins and what interrupts it is disputed from case to case, so this only ever warns: nothing is stopped, and nothing is said to
//! be time-barred. Where the creditor's and the debtor's law differ, the earlier date is the one to be warned of.

use chrono::{Datelike, Days, Months, NaiveDate};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{customer::CustomerKind, locale::Jurisdiction};

/// How long before the date a person is asked to look.
pub const WARNING_DAYS: u64 = 180;

/// A limitation period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Period {
    /// Country, or subdivision.
    #[schema(max_length = 6, example = "FR")]
    pub jurisdiction: &'static str,
    /// Whether it is that of claims on consumers; otherwise that of all the others.
    pub consumer: bool,
    /// Years.
    #[schema(minimum = 1, maximum = 30)]
    pub years: u32,
    /// Whether it begins at the end of the calendar year in which the debt fell due; otherwise on the due date.
    pub from_year_end: bool,
    /// Where it is written.
    #[schema(max_length = 200)]
    pub source: &'static str,
}

const fn period(jurisdiction: &'static str, consumer: bool, years: u32, source: &'static str) -> Period {
    Period { jurisdiction, consumer, years, from_year_end: false, source }
}

/// The periods that are known. Where two are argued for, the shorter one stands.
pub const PERIODS: &[Period] = &[
    period("BE", false, 10, "ancien Code civil, art. 2262bis"),
    period("BE", true, 1, "ancien Code civil, art. 2272: sales by traders to private persons"),
    period("CA-QC", false, 3, "Code civil du Québec, art. 2925"),
    period("CA-QC", true, 3, "Code civil du Québec, art. 2925"),
    period("CH", false, 5, "Obligationenrecht, art. 128: 5 years for trades, otherwise 10 (art. 127)"),
    period("CH", true, 5, "Obligationenrecht, art. 128: 5 years for trades, otherwise 10 (art. 127)"),
    Period { from_year_end: true, ..period("DE", false, 3, "Bürgerliches Gesetzbuch, §§ 195 and 199") },
    Period { from_year_end: true, ..period("DE", true, 3, "Bürgerliches Gesetzbuch, §§ 195 and 199") },
    period("ES", false, 5, "Código Civil, art. 1964.2"),
    period("ES", true, 5, "Código Civil, art. 1964.2"),
    period("FR", false, 5, "Code de commerce, art. L110-4"),
    period("FR", true, 2, "Code de la consommation, art. L218-2"),
    period("GB", false, 6, "Limitation Act 1980, s. 5 (England and Wales)"),
    period("GB", true, 6, "Limitation Act 1980, s. 5 (England and Wales)"),
    period("IT", false, 10, "Codice civile, art. 2946"),
    period("IT", true, 10, "Codice civile, art. 2946"),
    period("LU", false, 10, "Code de commerce, art. 189"),
    period("LU", true, 10, "Code de commerce, art. 189"),
    period("NL", false, 5, "Burgerlijk Wetboek, art. 3:307"),
    period("NL", true, 5, "Burgerlijk Wetboek, art. 3:307"),
];

impl Period {
    /// The day on which a debt that fell due on `due` may be lost.
    pub fn lapses_on(&self, due: NaiveDate) -> Option<NaiveDate> {
        let from = if self.from_year_end { NaiveDate::from_ymd_opt(due.year(), 12, 31)? } else { due };
        from.checked_add_months(Months::new(self.years.checked_mul(12)?))
    }
}

/// The period of a jurisdiction for a kind of debtor; a subdivision without its own has its country's.
pub fn period_of(place: &Jurisdiction, kind: CustomerKind) -> Option<&'static Period> {
    let consumer = kind == CustomerKind::Consumer;
    let of = |name: &str| PERIODS.iter().find(|one| one.jurisdiction == name && one.consumer == consumer);
    of(place.as_str()).or_else(|| of(place.country()))
}

/// The earliest day on which a debt may be lost, under the creditor's law or the debtor's, and the period that says so.
pub fn lapses(creditor: &Jurisdiction, debtor: &Jurisdiction, kind: CustomerKind, due: NaiveDate) -> Option<(NaiveDate, &'static Period)> {
    let periods = [creditor, debtor].into_iter().filter_map(|place| period_of(place, kind));
    periods.filter_map(|period| Some((period.lapses_on(due)?, period))).min_by_key(|(day, _)| *day)
}

/// The day from which on a person is asked to look.
pub fn warns_on(lapses_on: NaiveDate) -> NaiveDate {
    lapses_on.checked_sub_days(Days::new(WARNING_DAYS)).unwrap_or(lapses_on)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn place(text: &str) -> Jurisdiction {
        text.parse().unwrap()
    }

    #[test]
    fn periods_run_from_the_due_date_or_the_end_of_its_year() {
        let of = |from: &str, kind, due| lapses(&place(from), &place(from), kind, day(due)).map(|(on, _)| on.to_string());
        assert_eq!(of("FR", CustomerKind::Business, "2024-02-29").as_deref(), Some("2029-02-28"));
        assert_eq!(of("FR-67", CustomerKind::Consumer, "2024-03-01").as_deref(), Some("2026-03-01"));
        assert_eq!(of("DE-BY", CustomerKind::Business, "2024-03-01").as_deref(), Some("2027-12-31"));
        assert_eq!(of("CA-QC", CustomerKind::PublicBody, "2024-03-01").as_deref(), Some("2027-03-01"));
        assert_eq!(of("CA-ON", CustomerKind::Business, "2024-03-01"), None);
    }

    #[test]
    fn of_two_laws_the_earlier_day_is_warned_of() {
        let (on, period) = lapses(&place("BE"), &place("FR"), CustomerKind::Business, day("2024-03-01")).unwrap();
        assert_eq!((on, period.jurisdiction, warns_on(on)), (day("2029-03-01"), "FR", day("2028-09-02")));
        assert!(lapses(&place("US"), &place("JP"), CustomerKind::Business, day("2024-03-01")).is_none());
    }

    #[test]
    fn each_period_stands_once_with_its_source() {
        let mut names: Vec<_> = PERIODS.iter().map(|one| (one.jurisdiction, one.consumer)).collect();
        assert!(names.is_sorted() && PERIODS.iter().all(|one| !one.source.is_empty() && one.jurisdiction.parse::<Jurisdiction>().is_ok()));
        names.dedup();
        assert_eq!(names.len(), PERIODS.len());
    }
}
