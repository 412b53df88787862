//! What each jurisdiction says about late payment, as one table.
//!
//! Each row names its sources: `[read]` for a text of the law, a court or a public body that was read, `[reported]` for a secondary source,
//! `[recalled]` for what should be confirmed. Where nothing is known of a debtor's protection, there is no row, and nothing is claimed by
//! law. The base is always the amount with tax. Not here: the rates, which are in [`super::rates`].

use chrono::NaiveDate;

use super::{Compounding, DayCount, rates::Series};
use crate::domain::{customer::CustomerKind, locale::Jurisdiction};

/// Whose law is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Between businesses, and from businesses to public bodies.
    Business,
    /// From a business to a consumer.
    Consumer,
}

impl From<CustomerKind> for Audience {
    fn from(kind: CustomerKind) -> Self {
        match kind {
            CustomerKind::Business | CustomerKind::PublicBody => Self::Business,
            CustomerKind::Consumer => Self::Consumer,
        }
    }
}

/// The law of one jurisdiction for one audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Its name in answers: `fr.business`.
    pub name: &'static str,
    /// ISO 3166 code; a country covers its subdivisions that have no row of their own.
    pub jurisdiction: &'static str,
    /// Whom it is for.
    pub audience: Audience,
    /// The sequence that the rate comes from.
    pub series: Series,
    /// What is added to it, in hundredths of a point, by the first day of the claim from which each margin applies.
    pub margins: &'static [(NaiveDate, i64)],
    /// How the sum is found where the sequence has a gap; provisional.
    pub fallback: Option<Fallback>,
    /// Whether the rate follows the sequence while the debt is late.
    pub over_time: OverTime,
    /// How days are counted.
    pub day_count: DayCount,
    /// When amounts become minor units, half up.
    pub rounding: Rounding,
    /// Whether interest bears interest.
    pub compounding: Compounding,
    /// The first day that bears interest.
    pub start: Start,
    /// The fixed sum for recovery costs.
    pub sum: Option<Sum>,
    /// Whether the fixed sum is owed only together with statutory interest.
    pub sum_with_statutory_interest: bool,
    /// How much may be agreed instead of the fixed sum.
    pub agreed_sum: AgreedSum,
    /// What the law does to an agreed rate.
    pub agreed_rate: AgreedRate,
    /// Whether a payment settles charged interest and costs before the principal.
    pub interest_first: bool,
    /// Where all this was read.
    pub sources: &'static [&'static str],
}

/// A rate worked out from another sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fallback {
    /// From which.
    pub series: Series,
    /// Added to it, in hundredths of a point.
    pub margin: i64,
    /// Whether the sum is rounded up to the next half point.
    pub half_point_up: bool,
}

/// Whether the rate moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverTime {
    /// The rate of the first day holds to the end.
    FixedAtStart,
    /// Each period of the sequence has its own rate.
    ByPeriod,
}

/// When amounts become minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Each line, so that the lines shown sum to the total.
    PerLine,
    /// Their sum, once.
    Once,
}

/// When interest begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The day after the due date.
    AfterDueDate,
    /// So many days after the first reminder, and the next day at the earliest; nothing without one.
    AfterReminder {
        /// Days that the reminder leaves to pay.
        wait: u64,
    },
}

/// An amount by the size of the debt, in minor units of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sum {
    /// Of its amounts.
    pub currency: &'static str,
    /// From small to large.
    pub bands: &'static [Band],
    /// At least.
    pub min: i64,
    /// At most.
    pub max: i64,
}

/// A part of such a scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Band {
    /// For debts above this.
    pub above: i64,
    /// The amount.
    pub flat: i64,
    /// And so many thousandths of what exceeds `above`.
    pub per_mille: i64,
}

impl Sum {
    /// The amount for a debt of `principal` minor units; nothing for none.
    pub fn of(&self, principal: i64) -> i64 {
        let Some(band) = self.bands.iter().rev().find(|band| principal > band.above) else { return 0 };
        let over = i128::from(principal.saturating_sub(band.above)) * i128::from(band.per_mille);
        let part = i64::try_from((over + 500) / 1000).unwrap_or(i64::MAX);
        band.flat.saturating_add(part).clamp(self.min, self.max)
    }
}

/// How much may be agreed instead of the fixed sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgreedSum {
    /// Any amount.
    Free,
    /// No more than the fixed sum of the law.
    UpToStatutory,
    /// No more than this.
    UpTo(Sum),
    /// Nothing: it is not asked for.
    Never,
}

/// What the law does to an agreed rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgreedRate {
    /// It holds.
    Free,
    /// It is raised to so many times the rate of a sequence.
    AtLeast(Series, i64),
    /// It is lowered to the rate of a sequence.
    AtMost(Series),
}

/// The rule for a debtor, if there is one.
pub fn rule(law: &Jurisdiction, kind: CustomerKind) -> Option<&'static Rule> {
    let audience = Audience::from(kind);
    let find = |code: &str| RULES.iter().find(|rule| rule.audience == audience && rule.jurisdiction == code);
    find(law.as_str()).or_else(|| find(law.country()))
}

const fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    match NaiveDate::from_ymd_opt(year, month, day) {
        Some(date) => date,
        None => NaiveDate::MIN,
    }
}

const fn flat(currency: &'static str, bands: &'static [Band]) -> Option<Sum> {
    Some(Sum { currency, bands, min: 0, max: i64::MAX })
}

const fn band(above: i64, flat: i64, per_mille: i64) -> Band {
    Band { above, flat, per_mille }
}

/// EUR 40 for each invoice (Directive 2011/7/EU, art. 6; CJEU C-585/20).
const FORTY_EUROS: Option<Sum> = flat("EUR", &[band(0, 4000, 0)]);

/// What the states of the Union have in common: Directive 2011/7/EU, arts. 2(6), 3(1) to 3(3) and 6.
const DIRECTIVE: Rule = Rule {
    name: "",
    jurisdiction: "",
    audience: Audience::Business,
    series: Series::EuReference,
    margins: &[(day(2013, 3, 16), 800)],
    fallback: None,
    over_time: OverTime::ByPeriod,
    day_count: DayCount::Actual365,
    rounding: Rounding::PerLine,
    compounding: Compounding::None,
    start: Start::AfterDueDate,
    sum: FORTY_EUROS,
    sum_with_statutory_interest: false,
    agreed_sum: AgreedSum::Free,
    agreed_rate: AgreedRate::Free,
    interest_first: false,
    sources: &[],
};

/// What the rows for consumers have in common: nothing runs before a reminder, and no fixed sum.
const CONSUMERS: Rule = Rule {
    audience: Audience::Consumer,
    margins: NO_MARGIN,
    start: Start::AfterReminder { wait: 0 },
    sum: None,
    agreed_sum: AgreedSum::Never,
    ..DIRECTIVE
};

/// For sequences that have the law's margin in them.
const NO_MARGIN: &[(NaiveDate, i64)] = &[(NaiveDate::MIN, 0)];

/// The table.
pub const RULES: &[Rule] = &[
    Rule {
        name: "at.business",
        jurisdiction: "AT",
        series: Series::At456Ugb,
        margins: NO_MARGIN,
        sources: &["s. 456 UGB: base rate + 9.2 points [read]", "EUR 40 [recalled]"],
        ..DIRECTIVE
    },
    Rule {
        name: "be.business",
        jurisdiction: "BE",
        series: Series::BeLatePayment,
        margins: NO_MARGIN,
        fallback: Some(Fallback { series: Series::EuReference, margin: 800, half_point_up: true }),
        sources: &[
            "Law of 2 August 2002; notices of the Moniteur belge [read, reported]",
            "rounding up to the next half point [recalled; agrees with every notice from 2015 to 2025]",
        ],
        ..DIRECTIVE
    },
    Rule {
        name: "be.consumer",
        jurisdiction: "BE",
        series: Series::BeCivil,
        start: Start::AfterReminder { wait: 14 },
        agreed_sum: AgreedSum::UpTo(Sum {
            currency: "EUR",
            bands: &[band(0, 2000, 0), band(15_000, 3000, 100), band(50_000, 6500, 50)],
            min: 0,
            max: 200_000,
        }),
        agreed_rate: AgreedRate::AtMost(Series::BeLatePayment),
        sources: &["Code de droit economique, book XIX, in force since 1 September 2023 [art. XIX.10 read, the rest reported]"],
        ..CONSUMERS
    },
    Rule {
        name: "ca.business",
        jurisdiction: "CA",
        series: Series::CaInterestAct,
        margins: NO_MARGIN,
        over_time: OverTime::FixedAtStart,
        sum: None,
        sources: &["Interest Act, ss. 3 and 4: 5 percent a year where no rate was agreed [reported]"],
        ..DIRECTIVE
    },
    Rule {
        name: "qc.business",
        jurisdiction: "CA-QC",
        series: Series::CaInterestAct,
        margins: NO_MARGIN,
        over_time: OverTime::FixedAtStart,
        sum: None,
        sources: &["CCQ 1617: 5 percent where no rate was agreed; the additional indemnity of 1619 is the court's to grant [reported]"],
        ..DIRECTIVE
    },
    Rule {
        name: "ch.business",
        jurisdiction: "CH",
        series: Series::ChOr104,
        margins: NO_MARGIN,
        over_time: OverTime::FixedAtStart,
        day_count: DayCount::Thirty360,
        sum: None,
        sources: &["OR 104(1), 105(3) [read]", "months of 30 days by usage [reported]"],
        ..DIRECTIVE
    },
    Rule {
        name: "ch.consumer",
        jurisdiction: "CH",
        series: Series::ChOr104,
        over_time: OverTime::FixedAtStart,
        day_count: DayCount::Thirty360,
        sources: &["OR 102, 104(1): without a date fixed in the contract, from the reminder [read, reported]"],
        ..CONSUMERS
    },
    Rule {
        name: "de.business",
        jurisdiction: "DE",
        series: Series::DeBasiszinssatz,
        margins: &[(day(2002, 1, 1), 800), (day(2014, 7, 29), 900)],
        day_count: DayCount::ActualActual,
        rounding: Rounding::Once,
        sources: &["s. 288(2), (5) BGB: Basiszinssatz + 9 points, 8 before 29 July 2014; EUR 40 [reported]"],
        ..DIRECTIVE
    },
    Rule {
        name: "de.consumer",
        jurisdiction: "DE",
        series: Series::DeBasiszinssatz,
        margins: &[(day(2002, 1, 1), 500)],
        day_count: DayCount::ActualActual,
        rounding: Rounding::Once,
        sources: &["s. 288(1) BGB: Basiszinssatz + 5 points; s. 286(3): by the reminder, unless the invoice said so [reported]"],
        ..CONSUMERS
    },
    Rule { name: "es.business", jurisdiction: "ES", sources: &["Ley 3/2004, arts. 7 and 8 [read, reported]"], ..DIRECTIVE },
    Rule {
        name: "fr.business",
        jurisdiction: "FR",
        margins: &[(day(2009, 1, 1), 1000)],
        agreed_rate: AgreedRate::AtLeast(Series::FrLegalProfessionals, 3),
        interest_first: true,
        sources: &[
            "Code de commerce L441-10 II: reference rate + 10 points; an agreed rate is at least 3 times the legal rate [read]",
            "D441-5: EUR 40 [read]",
            "Code civil 1343-1: interest before principal [recalled]",
        ],
        ..DIRECTIVE
    },
    Rule {
        name: "fr.consumer",
        jurisdiction: "FR",
        series: Series::FrLegalProfessionals,
        interest_first: true,
        sources: &[
            "Code civil 1231-6, 1344-1: legal rate, from the notice [read]",
            "CPCE L111-8: recovery costs stay with the creditor [reported]",
        ],
        ..CONSUMERS
    },
    Rule {
        name: "gb.business",
        jurisdiction: "GB",
        series: Series::UkReference,
        margins: &[(day(2002, 8, 7), 800)],
        over_time: OverTime::FixedAtStart,
        sum: flat("GBP", &[band(0, 4000, 0), band(99_999, 7000, 0), band(999_999, 10_000, 0)]),
        sum_with_statutory_interest: true,
        sources: &["Late Payment of Commercial Debts (Interest) Act 1998, ss. 4, 5A; SI 2002/1675, art. 4 [read]"],
        ..DIRECTIVE
    },
    Rule {
        name: "ie.business",
        jurisdiction: "IE",
        over_time: OverTime::FixedAtStart,
        sum: flat("EUR", &[band(0, 4000, 0), band(100_000, 7000, 0), band(1_000_000, 10_000, 0)]),
        sources: &["SI 580/2012: the rate in force when the payment became overdue; 40, 70, 100 euros [department page read]"],
        ..DIRECTIVE
    },
    Rule {
        name: "it.business",
        jurisdiction: "IT",
        sources: &["D.Lgs. 231/2002, art. 5 [reported]", "art. 6: EUR 40 [recalled]"],
        ..DIRECTIVE
    },
    Rule {
        name: "lu.business",
        jurisdiction: "LU",
        sources: &["Law of 18 April 2004; Ministry of Justice [read, reported]", "day count, EUR 40 [recalled]"],
        ..DIRECTIVE
    },
    Rule {
        name: "nl.business",
        jurisdiction: "NL",
        series: Series::NlHandelsrente,
        margins: NO_MARGIN,
        fallback: Some(Fallback { series: Series::EuReference, margin: 800, half_point_up: false }),
        compounding: Compounding::Yearly,
        interest_first: true,
        sources: &[
            "BW 6:119a: reference rate + 8 points, compounding yearly [reported]",
            "BW 6:96(4): at least EUR 40 [reported]",
            "BW 6:44: costs, interest, principal [reported]",
        ],
        ..DIRECTIVE
    },
    Rule {
        name: "nl.consumer",
        jurisdiction: "NL",
        series: Series::NlWettelijkeRente,
        compounding: Compounding::Yearly,
        start: Start::AfterReminder { wait: 14 },
        sum: Some(Sum {
            currency: "EUR",
            bands: &[
                band(0, 0, 150),
                band(250_000, 37_500, 100),
                band(500_000, 62_500, 50),
                band(1_000_000, 87_500, 10),
                band(20_000_000, 277_500, 5),
            ],
            min: 4000,
            max: 677_500,
        }),
        agreed_sum: AgreedSum::UpToStatutory,
        interest_first: true,
        sources: &["BW 6:119, 6:96(6): the scale, 14 days after a letter that names it [reported]"],
        ..CONSUMERS
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_name_and_a_source() {
        for rule in RULES {
            assert!(!rule.sources.is_empty() && rule.name.contains('.') && !rule.margins.is_empty(), "{}", rule.name);
            assert!(rule.jurisdiction.parse::<Jurisdiction>().is_ok(), "{}", rule.name);
            let bands = rule.sum.iter().flat_map(|sum| sum.bands).map(|band| band.above);
            assert!(bands.is_sorted(), "{}", rule.name);
            assert_eq!(RULES.iter().filter(|other| other.name == rule.name).count(), 1);
        }
    }

    #[test]
    fn a_country_covers_its_regions_unless_they_have_their_own() {
        let of = |code: &str, kind| rule(&code.parse().unwrap(), kind).map(|rule| rule.name);
        assert_eq!(of("CA-QC", CustomerKind::Business), Some("qc.business"));
        assert_eq!(of("CA-ON", CustomerKind::Business), Some("ca.business"));
        assert_eq!(of("DE-BY", CustomerKind::PublicBody), Some("de.business"));
        assert_eq!(of("GB", CustomerKind::Consumer), None);
        assert_eq!(of("US", CustomerKind::Business), None);
    }

    #[test]
    fn fixed_sums_at_their_borders() {
        let of = |code: &'static str, kind| move |principal| rule(&code.parse().unwrap(), kind).unwrap().sum.unwrap().of(principal);
        let uk = of("GB", CustomerKind::Business);
        assert_eq!([0, 1, 99_999, 100_000, 999_999, 1_000_000].map(uk), [0, 4000, 4000, 7000, 7000, 10_000]);
        let ie = of("IE", CustomerKind::Business);
        assert_eq!([100_000, 100_001, 1_000_000, 1_000_001].map(ie), [4000, 7000, 7000, 10_000]);
        let nl = of("NL", CustomerKind::Consumer);
        assert_eq!(
            [10_000, 250_000, 500_000, 1_000_000, 20_000_000, 100_000_000, 900_000_000].map(nl),
            [4000, 37_500, 62_500, 87_500, 277_500, 677_500, 677_500]
        );
        let Some(Rule { agreed_sum: AgreedSum::UpTo(be), .. }) = rule(&"BE".parse().unwrap(), CustomerKind::Consumer) else { panic!() };
        assert_eq!([15_000, 15_001, 50_000, 60_000, 10_000_000].map(|principal| be.of(principal)), [2000, 3000, 6500, 7000, 200_000]);
    }
}
