//! How late the law lets something fall due: one table, each line with its source.
//!
//! A line that voids longer terms refuses them; one that lets them stand under conditions (an express agreement, no gross unfairness, a small creditor)
//! warns, because no program can see whether they are met. Days count from what the terms count from: the law's receipt of the goods or of the invoice is
//! not known here. Invariant: a rule passes if it keeps the limit on every day of a cycle of leap years.

use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Dates, Due, Terms,
    due::{DueEvent, DueRule, end_of_month},
};
use crate::domain::{
    calendar::local::plus_days,
    customer::CustomerKind::{self, Business, PublicBody},
    invalid::Faults,
    locale::Jurisdiction,
};

/// The longest term for some debtors under some law.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Its name: `be.b2b_60_days`.
    pub rule: &'static str,
    /// ISO 3166-1 codes of the countries whose law it is.
    countries: &'static [&'static str],
    /// Who owes.
    audience: CustomerKind,
    /// For invoices of this day and later; absent: all.
    since: Option<NaiveDate>,
    latest: Latest,
    force: Force,
    /// What it says.
    detail: &'static str,
    /// Where it stands.
    source: &'static str,
}

/// The latest date that keeps a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Latest {
    /// So many days later.
    Days(u16),
    /// So many days later; or the end of the month in either reading, with so many days.
    DaysOrEndOfMonth(u16, u16),
}

/// What becomes of a term that is longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Force {
    /// The law voids it.
    Refuse,
    /// It may stand, under conditions.
    Warn,
}
use Force::{Refuse, Warn};

/// When Belgium made its maximum binding.
const FEBRUARY_2022: Option<NaiveDate> = NaiveDate::from_ymd_opt(2022, 2, 1);

const fn limit(
    rule: &'static str,
    countries: &'static [&'static str],
    audience: CustomerKind,
    days: u16,
    detail: &'static str,
    source: &'static str,
) -> Limit {
    Limit { rule, countries, audience, since: None, latest: Latest::Days(days), force: Warn, detail, source }
}

const DIRECTIVE: &str = "Directive 2011/7/EU on combating late payment";
/// Members of the Union without a line of their own for dealings between businesses.
const OTHER_MEMBERS: &[&str] =
    &["AT", "BG", "CY", "CZ", "DK", "EE", "FI", "GR", "HR", "HU", "LT", "LV", "MT", "PL", "PT", "RO", "SE", "SI", "SK"];
const MEMBERS: &[&str] = &[
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL",
    "PT", "RO", "SE", "SI", "SK",
];

/// Every limit. Switzerland and Canada have none; nor has what a consumer is granted.
const LIMITS: &[Limit] = &[
    Limit {
        since: FEBRUARY_2022,
        force: Refuse,
        ..limit(
            "be.b2b_60_days",
            &["BE"],
            Business,
            60,
            "between businesses a longer term than 60 days is void, the time for verification included",
            "Belgium, law of 2 August 2002 on late payment, as in force since 1 February 2022",
        )
    },
    Limit {
        latest: Latest::DaysOrEndOfMonth(60, 45),
        ..limit(
            "fr.b2b_60_days_or_45_end_of_month",
            &["FR"],
            Business,
            60,
            "at most 60 days from the invoice's date, or 45 days end of month if that is agreed expressly; 45 days for a periodic invoice; longer is fined",
            "France, Code de commerce, art. L441-10",
        )
    },
    limit(
        "de.b2b_60_days",
        &["DE"],
        Business,
        60,
        "a longer term than 60 days binds only if it was agreed expressly and is not grossly unfair",
        "Germany, BGB § 271a",
    ),
    limit(
        "de.standard_terms_30_days",
        &["DE"],
        Business,
        30,
        "in standard terms of business a longer term than 30 days is doubtful",
        "Germany, BGB § 308 no. 1a",
    ),
    limit("es.b2b_60_days", &["ES"], Business, 60, "a longer term than 60 days cannot be agreed", "Spain, Ley 3/2004, art. 4"),
    limit(
        "it.b2b_60_days",
        &["IT"],
        Business,
        60,
        "a longer term than 60 days must be agreed expressly and not be grossly unfair",
        "Italy, D.Lgs. 231/2002, art. 4",
    ),
    limit(
        "nl.large_to_small_30_days",
        &["NL"],
        Business,
        30,
        "a large company owes a small or medium one within 30 days; longer is void",
        "Netherlands, BW art. 6:119a",
    ),
    limit(
        "nl.b2b_60_days",
        &["NL"],
        Business,
        60,
        "a longer term than 60 days must be agreed expressly and not be grossly unfair",
        "Netherlands, BW art. 6:119a",
    ),
    limit(
        "lu.b2b_60_days",
        &["LU"],
        Business,
        60,
        "a longer term than 60 days must be agreed expressly and not be abusive",
        "Luxembourg, law of 18 April 2004 on late payment",
    ),
    limit(
        "ie.b2b_60_days",
        &["IE"],
        Business,
        60,
        "a longer term than 60 days must be agreed expressly and be fair",
        "Ireland, S.I. No. 580 of 2012",
    ),
    limit(
        "gb.b2b_60_days",
        &["GB"],
        Business,
        60,
        "a longer term than 60 days stands only if it is fair to the supplier",
        "United Kingdom, Late Payment of Commercial Debts (Interest) Act 1998, s. 4",
    ),
    limit(
        "eu.b2b_60_days",
        OTHER_MEMBERS,
        Business,
        60,
        "a longer term than 60 days must be agreed expressly and not be grossly unfair",
        DIRECTIVE,
    ),
    limit(
        "eu.public_30_days",
        MEMBERS,
        PublicBody,
        30,
        "a public body owes within 30 days; up to 60 only where the law says so or the contract justifies it",
        DIRECTIVE,
    ),
    limit(
        "gb.public_30_days",
        &["GB"],
        PublicBody,
        30,
        "a public authority owes within 30 days",
        "United Kingdom, Late Payment of Commercial Debts (Interest) Act 1998, s. 4",
    ),
];

/// A term that stands under conditions only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"code": "legal_maximum", "pointer": "/due", "rule": "fr.b2b_60_days_or_45_end_of_month", "audience": "business",
    "detail": "at most 60 days from the invoice's date", "source": "France, Code de commerce, art. L441-10"}))]
pub struct TermsWarning {
    /// Stable word for programs: `legal_maximum`.
    #[schema(max_length = 60)]
    pub code: &'static str,
    /// JSON Pointer into the document.
    #[schema(max_length = 200)]
    pub pointer: String,
    /// The rule's name.
    #[schema(max_length = 60)]
    pub rule: &'static str,
    /// Whom it protects its creditors from.
    pub audience: CustomerKind,
    /// What it says.
    #[schema(max_length = 400)]
    pub detail: &'static str,
    /// Where it stands.
    #[schema(max_length = 200)]
    pub source: &'static str,
}

impl Limit {
    fn applies(&self, law: &Jurisdiction, audience: CustomerKind, on: NaiveDate) -> bool {
        self.countries.contains(&law.country()) && self.audience == audience && self.since.is_none_or(|since| on >= since)
    }

    /// Whether what is due on `due`, counted from `from`, is too late.
    fn broken(&self, from: NaiveDate, due: NaiveDate) -> bool {
        let latest = match self.latest {
            Latest::Days(days) => plus_days(from, days.into()),
            Latest::DaysOrEndOfMonth(days, end) => {
                let end = i32::from(end);
                plus_days(from, days.into()).max(plus_days(end_of_month(from), end)).max(end_of_month(plus_days(from, end)))
            }
        };
        due > latest
    }

    /// Whether a rule breaks it on some day. A fixed date breaks it only on some invoice.
    fn breakable_by(&self, rule: DueRule) -> bool {
        match rule {
            DueRule::Immediate {} | DueRule::Before { .. } | DueRule::OnDate { .. } => false,
            _ => cycle().any(|from| self.broken(from, rule.after(from))),
        }
    }

    fn fault(&self, place: String, faults: &mut Faults) {
        faults.add(place, "legal_maximum", format!("{}: {} ({}); shorten the term", self.rule, self.detail, self.source));
    }

    fn warning(&self, pointer: String) -> TermsWarning {
        TermsWarning { code: "legal_maximum", pointer, rule: self.rule, audience: self.audience, detail: self.detail, source: self.source }
    }
}

/// Every day of four years, one of them a leap year.
fn cycle() -> impl Iterator<Item = NaiveDate> {
    NaiveDate::from_ymd_opt(2026, 1, 1).into_iter().flat_map(|first| first.iter_days().take(1_461))
}

/// Holds terms to the law of `law` as it is on `on`, for each kind of customer that they are meant for.
///
/// # Errors
/// Every rule in them that the law voids.
pub fn of_terms(terms: &Terms, law: &Jurisdiction, on: NaiveDate) -> Result<Vec<TermsWarning>, Faults> {
    let mut faults = Faults::none();
    let mut warnings = Vec::new();
    for (place, due) in terms.dues() {
        for &audience in terms.audiences() {
            for limit in LIMITS.iter().filter(|limit| limit.applies(law, audience, on) && limit.breakable_by(due.rule)) {
                match limit.force {
                    Refuse => limit.fault(place.clone(), &mut faults),
                    Warn => warnings.push(limit.warning(place.clone())),
                }
            }
        }
    }
    faults.or(warnings)
}

/// Holds one sale under terms to the law: fixed dates, and laws that were not in force when the terms were written.
///
/// # Errors
/// `/terms_id` for a term that the law voids.
pub fn of_sale(terms: &Terms, law: &Jurisdiction, audience: CustomerKind, dates: &Dates) -> Result<(), Faults> {
    let mut faults = Faults::none();
    let binding = LIMITS.iter().filter(|limit| limit.force == Refuse && limit.applies(law, audience, dates.issue));
    for limit in binding {
        let too_late = |due: &Due| {
            let from = match due.from {
                DueEvent::Delivery => dates.delivery.unwrap_or(dates.issue).max(dates.issue),
                DueEvent::Issue | DueEvent::Order => dates.issue,
            };
            dates.of(due.from).is_some_and(|counted| limit.broken(from, due.rule.after(counted)))
        };
        if terms.dues().iter().any(|(_, due)| too_late(due)) {
            limit.fault("/terms_id".to_owned(), &mut faults);
        }
    }
    faults.or(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::ledger::terms::tests::terms;

    fn judged(country: &str, audience: &str, rule: serde_json::Value, on: &str) -> Result<Vec<&'static str>, Vec<String>> {
        let terms = terms(serde_json::json!({"audiences": [audience], "due": {"rule": rule}}));
        of_terms(&terms, &country.parse().unwrap(), on.parse().unwrap())
            .map(|warnings| warnings.into_iter().map(|warning| warning.rule).collect())
            .map_err(|faults| faults.0.into_iter().map(|fault| format!("{} {}", fault.pointer, fault.detail)).collect())
    }

    fn net(days: u16) -> serde_json::Value {
        serde_json::json!({"kind": "net", "days": days})
    }

    #[test]
    fn belgium_refuses_since_february_2022() {
        assert_eq!(judged("BE", "business", net(60), "2026-03-01"), Ok(vec![]));
        let refused = judged("BE", "business", net(61), "2026-03-01").unwrap_err();
        assert!(refused[0].starts_with("/due be.b2b_60_days: "), "{refused:?}");
        assert_eq!(judged("BE", "business", net(61), "2022-01-31"), Ok(vec![]));
        assert_eq!(judged("BE", "consumer", net(61), "2026-03-01"), Ok(vec![]));
        // 45 days end of month is up to 75 days.
        assert!(judged("BE", "business", serde_json::json!({"kind": "days_then_end_of_month", "days": 45}), "2026-03-01").is_err());
        assert_eq!(judged("BE", "business", serde_json::json!({"kind": "days_then_end_of_month", "days": 30}), "2026-03-01"), Ok(vec![]));
    }

    #[test]
    fn france_knows_45_days_end_of_month_in_both_readings() {
        let rule = "fr.b2b_60_days_or_45_end_of_month";
        for (kind, days, warned) in [
            ("net", 60, false),
            ("net", 61, true),
            ("days_then_end_of_month", 45, false),
            ("days_then_end_of_month", 60, true),
            ("end_of_month_then_days", 45, false),
            ("end_of_month_then_days", 46, true),
        ] {
            let judged = judged("FR", "business", serde_json::json!({"kind": kind, "days": days}), "2026-03-01");
            assert_eq!(judged, Ok(if warned { vec![rule] } else { vec![] }), "{kind} {days}");
        }
    }

    #[test]
    fn each_country_and_audience_has_its_own() {
        for (country, audience, days, rules) in [
            ("DE", "business", 45, vec!["de.standard_terms_30_days"]),
            ("DE-BY", "business", 90, vec!["de.b2b_60_days", "de.standard_terms_30_days"]),
            ("NL", "business", 31, vec!["nl.large_to_small_30_days"]),
            ("ES", "business", 61, vec!["es.b2b_60_days"]),
            ("IT", "business", 61, vec!["it.b2b_60_days"]),
            ("PT", "business", 61, vec!["eu.b2b_60_days"]),
            ("FR", "public_body", 31, vec!["eu.public_30_days"]),
            ("GB", "public_body", 31, vec!["gb.public_30_days"]),
            ("CH", "business", 365, vec![]),
            ("CA-QC", "business", 365, vec![]),
        ] {
            assert_eq!(judged(country, audience, net(days), "2026-03-01"), Ok(rules), "{country} {audience} {days}");
        }
    }

    #[test]
    fn a_fixed_date_is_judged_by_its_invoice() {
        let terms = terms(serde_json::json!({"due": {"rule": {"kind": "on_date", "date": "2026-09-30"}}}));
        let belgium = "BE".parse().unwrap();
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(of_terms(&terms, &belgium, day("2026-03-01")), Ok(vec![]));
        let sale = |issue: &str, kind| of_sale(&terms, &belgium, kind, &Dates::of_issue(day(issue)));
        assert_eq!(sale("2026-08-01", Business), Ok(()));
        assert_eq!(sale("2026-07-31", Business).unwrap_err().0[0].pointer, "/terms_id");
        assert_eq!(sale("2026-07-31", CustomerKind::Consumer), Ok(()));
    }

    #[test]
    fn the_table_is_consistent() {
        let names: BTreeSet<&str> = LIMITS.iter().map(|limit| limit.rule).collect();
        assert_eq!(names.len(), LIMITS.len());
        for limit in LIMITS {
            assert!(limit.detail.len() < 400 && limit.source.len() < 200 && !limit.countries.is_empty(), "{}", limit.rule);
        }
    }
}
