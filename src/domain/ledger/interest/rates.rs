//! The rates that the law refers to, by date: a table that ships with the product, and what a tenant adds to it.
//!
//! Every row names where it was read. Figures that were only remembered, or worked out by others, are left out: a period without a row is a
//! gap, and what is computed for it is provisional. Invariant: a published row always wins over a tenant's for the same period, so that an
//! extension fills gaps and never rewrites what was published.

use std::{collections::BTreeMap, sync::LazyLock};

use chrono::{Datelike, Months, NaiveDate};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Percent;
use crate::domain::invalid::Faults;

crate::words! {
    /// A sequence of rates that a law refers to.
    pub enum Series {
        /// Main refinancing rate of the European Central Bank, as in force on 1 January and 1 July (Directive 2011/7/EU, art. 3(2)).
        EuReference = "eu_reference",
        /// Belgium: rate for late payment between businesses, announced for each half-year.
        BeLatePayment = "be_late_payment",
        /// Belgium: legal interest in civil matters, announced for each year.
        BeCivil = "be_civil",
        /// Germany: Basiszinssatz, announced for each half-year.
        DeBasiszinssatz = "de_basiszinssatz",
        /// Austria: Basiszinssatz as in force on 1 January and 1 July (s. 456 UGB).
        AtBasiszinssatz = "at_basiszinssatz",
        /// Netherlands: wettelijke handelsrente (6:119a BW), for each half-year.
        NlHandelsrente = "nl_handelsrente",
        /// Netherlands: wettelijke rente (6:119 BW), for each half-year.
        NlWettelijkeRente = "nl_wettelijke_rente",
        /// United Kingdom: Bank Rate in force on 30 June or 31 December before the half-year (SI 2002/1675, art. 4).
        UkReference = "uk_reference",
        /// France: legal rate for claims other than those of private persons, for each half-year.
        FrLegalProfessionals = "fr_legal_professionals",
        /// Switzerland: 5 percent, until the statute changes (OR 104).
        ChOr104 = "ch_or_104",
        /// Canada: 5 percent, until the statute changes (Interest Act, s. 3).
        CaInterestAct = "ca_interest_act",
    }
}

impl Series {
    /// For how long one of its rates holds.
    pub const fn validity(self) -> Validity {
        match self {
            Self::BeCivil => Validity::Year,
            Self::ChOr104 | Self::CaInterestAct => Validity::UntilChanged,
            _ => Validity::HalfYear,
        }
    }
}

/// For how long a rate holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// From 1 January, or from 1 July, for six months.
    HalfYear,
    /// From 1 January for a year.
    Year,
    /// Until another is set.
    UntilChanged,
}

impl Validity {
    /// The first day of the period that `day` is in; itself where there are no periods.
    pub fn period(self, day: NaiveDate) -> NaiveDate {
        let month = match self {
            Self::HalfYear if day.month() >= 7 => 7,
            Self::HalfYear | Self::Year => 1,
            Self::UntilChanged => return day,
        };
        NaiveDate::from_ymd_opt(day.year(), month, 1).unwrap_or(day)
    }

    /// The first day of the period after the one that `day` is in; `None` where there are no periods.
    pub fn next(self, day: NaiveDate) -> Option<NaiveDate> {
        let months = match self {
            Self::HalfYear => 6,
            Self::Year => 12,
            Self::UntilChanged => return None,
        };
        self.period(day).checked_add_months(Months::new(months))
    }
}

crate::words! {
    /// How well a rate is known.
    pub enum Confidence {
        /// Read in an official text, or in several sources that agree.
        High = "high",
        /// Read in several secondary sources.
        MediumHigh = "medium_high",
        /// Read in one secondary source.
        Medium = "medium",
        /// Announced, its publication not seen: what rests on it is provisional.
        Announced = "announced",
        /// Added by the tenant, on its own authority.
        Own = "own",
    }
}

/// A rate and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Rate {
    /// Which sequence it is part of.
    pub series: Series,
    /// The first day of the period that it holds for.
    pub valid_from: NaiveDate,
    /// The rate itself; the law's margin comes on top.
    pub rate_percent: Percent,
    /// Where it was read.
    pub source: String,
    /// How well it is known.
    pub confidence: Confidence,
}

/// The rate for a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known<'a> {
    /// The row.
    pub rate: &'a Rate,
    /// Whether it stands in for one that is not published: the last known.
    pub provisional: bool,
}

type Table = BTreeMap<(Series, NaiveDate), Rate>;

/// What ships. A line that could not be read would be absent; a test reads them all.
static SHIPPED: LazyLock<Table> = LazyLock::new(|| {
    FILES
        .iter()
        .flat_map(|file| csv::Reader::from_reader(file.as_bytes()).into_deserialize().filter_map(Result::ok).collect::<Vec<Rate>>())
        .map(|rate| ((rate.series, rate.valid_from), rate))
        .collect()
});

const FILES: &[&str] = &[
    include_str!("rates/austria.csv"),
    include_str!("rates/belgium.csv"),
    include_str!("rates/ecb.csv"),
    include_str!("rates/france.csv"),
    include_str!("rates/germany.csv"),
    include_str!("rates/netherlands.csv"),
    include_str!("rates/statutes.csv"),
    include_str!("rates/united_kingdom.csv"),
];

/// Every shipped rate, by series and date.
pub fn shipped() -> impl Iterator<Item = &'static Rate> {
    SHIPPED.values()
}

/// The rates that a tenant's computations use.
#[derive(Debug, Clone, Default)]
pub struct Rates {
    own: Table,
}

impl Rates {
    /// What ships, with a tenant's own where nothing is shipped.
    pub fn with(own: impl IntoIterator<Item = Rate>) -> Self {
        Self { own: own.into_iter().map(|rate| ((rate.series, rate.valid_from), rate)).collect() }
    }

    /// The rate of `series` on `day`: its period's, else the last one known before, provisionally. `None` before the first.
    pub fn on(&self, series: Series, day: NaiveDate) -> Option<Known<'_>> {
        let period = series.validity().period(day);
        let last = |table: &'_ Table| table.range((series, NaiveDate::MIN)..=(series, period)).next_back().map(|(key, _)| *key);
        let key = last(&SHIPPED).max(last(&self.own))?;
        let own = self.own.get(&key);
        let published = SHIPPED.get(&key).filter(|rate| rate.confidence != Confidence::Announced || own.is_none());
        let rate = published.or(own)?;
        let holds = series.validity() == Validity::UntilChanged || rate.valid_from == period;
        Some(Known { rate, provisional: !holds || rate.confidence == Confidence::Announced })
    }
}

/// A rate that a tenant adds.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"series": "nl_handelsrente", "valid_from": "2026-07-01", "rate_percent": "10.40", "source": "Staatscourant, 24 June 2026"}))]
pub struct NewRate {
    /// Which sequence it belongs to.
    pub series: Series,
    /// The first day of the period that it holds for: 1 January, or 1 July where the series changes each half-year.
    pub valid_from: NaiveDate,
    /// The rate as it was published; the law's margin comes on top where the series has none in it.
    pub rate_percent: Percent,
    /// Where it was published.
    #[schema(min_length = 3, max_length = 300)]
    pub source: String,
}

impl NewRate {
    /// The rules that no schema can say: it begins with a period, and nothing is shipped for that.
    pub fn check(&self) -> Faults {
        let mut faults = Faults::none();
        let validity = self.series.validity();
        if validity.period(self.valid_from) != self.valid_from {
            let period = validity.period(self.valid_from);
            faults.add("/valid_from", "out_of_range", format!("a rate of {} begins with its period: write {period}", self.series));
        }
        if let Some(shipped) = SHIPPED.get(&(self.series, self.valid_from)).filter(|rate| rate.confidence != Confidence::Announced) {
            let detail =
                format!("{} percent was published for that period ({}) and is not overridden", shipped.rate_percent, shipped.source);
            faults.add("/valid_from", "published", detail);
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn every_shipped_line_is_read_and_begins_a_period() {
        let mut lines = 0;
        for file in FILES {
            for rate in csv::Reader::from_reader(file.as_bytes()).into_deserialize::<Rate>() {
                let rate = rate.unwrap();
                assert_eq!(rate.series.validity().period(rate.valid_from), rate.valid_from, "{rate:?}");
                assert!(rate.source.len() > 2 && rate.confidence != Confidence::Own, "{rate:?}");
                lines += 1;
            }
        }
        assert_eq!(SHIPPED.len(), lines, "a period stands there twice");
        assert!(Series::ALL.iter().all(|series| shipped().any(|rate| rate.series == *series)));
    }

    #[test]
    fn a_gap_gives_the_last_known_rate_and_says_so() {
        let rates = Rates::default();
        let known = rates.on(Series::NlHandelsrente, day("2026-06-30")).unwrap();
        assert_eq!((known.rate.rate_percent.to_string().as_str(), known.provisional), ("10.15", false));
        let gap = rates.on(Series::NlHandelsrente, day("2026-07-01")).unwrap();
        assert_eq!((gap.rate.rate_percent.to_string().as_str(), gap.provisional), ("10.15", true));
        assert_eq!(rates.on(Series::NlHandelsrente, day("2014-12-31")), None);
        assert!(rates.on(Series::BeLatePayment, day("2026-03-01")).unwrap().provisional, "announced is not published");
        assert!(!rates.on(Series::ChOr104, day("2099-03-01")).unwrap().provisional, "a statute holds until it is changed");
    }

    #[test]
    fn a_tenants_rate_fills_a_gap_and_overrides_nothing() {
        let own = |valid_from: &str, rate: &str| Rate {
            series: Series::NlHandelsrente,
            valid_from: day(valid_from),
            rate_percent: rate.parse().unwrap(),
            source: "Staatscourant".to_owned(),
            confidence: Confidence::Own,
        };
        let rates = Rates::with([own("2026-07-01", "10.40"), own("2026-01-01", "1")]);
        let filled = rates.on(Series::NlHandelsrente, day("2026-09-01")).unwrap();
        assert_eq!((filled.rate.rate_percent.to_string().as_str(), filled.provisional), ("10.40", false));
        assert_eq!(rates.on(Series::NlHandelsrente, day("2026-02-01")).unwrap().rate.rate_percent.to_string(), "10.15");
        let new = |valid_from: &str| NewRate {
            series: Series::NlHandelsrente,
            valid_from: day(valid_from),
            rate_percent: "10.40".parse().unwrap(),
            source: "Staatscourant".to_owned(),
        };
        let codes = |valid_from: &str| new(valid_from).check().0.iter().map(|fault| fault.code).collect::<Vec<_>>();
        assert_eq!([codes("2026-07-01"), codes("2026-01-01"), codes("2026-08-01")], [vec![], vec!["published"], vec!["out_of_range"]]);
    }
}
