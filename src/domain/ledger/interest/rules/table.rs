//! The rows of the table of rules, and what they have in common.

use chrono::NaiveDate;

use super::{AgreedRate, AgreedSum, Audience, Band, Fallback, OverTime, Rounding, Rule, Start, Sum};
use crate::domain::ledger::interest::{Compounding, DayCount, rates::Series};

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

/// Every rule, by jurisdiction.
pub const RULES: &[Rule] = &[
    Rule {
        name: "at.business",
        jurisdiction: "AT",
        series: Series::AtBasiszinssatz,
        margins: &[(day(2002, 8, 1), 800), (day(2013, 3, 16), 920)],
        fallback: Some(Fallback { series: Series::EuReference, margin: 858, half_point_up: false }),
        sources: &[
            "s. 456 UGB: Basiszinssatz + 9.2 points [read]",
            "where the Basiszinssatz is missing: 0.62 points below the European reference, as from July 2016 to January 2024 [worked out]",
            "EUR 40 [recalled]",
        ],
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
