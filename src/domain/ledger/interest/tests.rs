//! Worked examples from public pages, each with where it was found; every jurisdiction against a second computation; and what must hold of
//! any claim.

mod examples;
mod properties;
mod rules;
mod second;

use chrono::{DateTime, NaiveDate};

use super::{
    Claim, Computation, FixedSum, InterestBase, LateInterest, Part, compute,
    rates::{Confidence, Rate, Rates, Series},
};
use crate::domain::{customer::CustomerKind, ids::InstalmentId, locale::Jurisdiction, money::Currency};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn place(code: &str) -> Jurisdiction {
    code.parse().unwrap()
}

fn contractual(rate: &str) -> LateInterest {
    serde_json::from_value(serde_json::json!({"kind": "contractual", "annual_rate_percent": rate})).unwrap()
}

fn own(series: Series, valid_from: &str, rate: &str) -> Rate {
    let source = "the example".to_owned();
    Rate { series, valid_from: day(valid_from), rate_percent: rate.parse().unwrap(), source, confidence: Confidence::Own }
}

fn part(due: NaiveDate, amount_minor: i64, settled: &[(NaiveDate, i64)]) -> Part {
    Part {
        instalment_id: InstalmentId::new(DateTime::UNIX_EPOCH),
        due_date: due,
        amount_minor,
        tax_minor: 0,
        settled: settled.to_vec(),
        pauses: Vec::new(),
    }
}

/// A claim of one part under the law of one place.
struct Case {
    place: Jurisdiction,
    kind: CustomerKind,
    currency: Currency,
    late_interest: LateInterest,
    fixed_sum: FixedSum,
    parts: Vec<Part>,
    reminded_on: Option<NaiveDate>,
    rates: Rates,
}

impl Case {
    fn new(code: &str, currency: &str, due: &str, amount_minor: i64) -> Self {
        Self {
            place: place(code),
            kind: CustomerKind::Business,
            currency: currency.parse().unwrap(),
            late_interest: LateInterest::default(),
            fixed_sum: FixedSum::default(),
            parts: vec![part(day(due), amount_minor, &[])],
            reminded_on: None,
            rates: Rates::default(),
        }
    }

    fn until(&self, until: NaiveDate) -> Computation {
        let claim = Claim {
            currency: self.currency,
            creditor: &self.place,
            debtor: &self.place,
            kind: self.kind,
            late_interest: &self.late_interest,
            fixed_sum: &self.fixed_sum,
            parts: self.parts.clone(),
            reminded_on: self.reminded_on,
        };
        compute(&claim, &self.rates, until)
    }
}

#[test]
fn lines_break_at_payments_and_half_years_and_name_their_sources() {
    let mut case = Case::new("FR", "EUR", "2026-05-31", 100_000);
    case.parts[0].settled = vec![(day("2026-06-15"), 40_000), (day("2026-07-10"), 60_000)];
    let seen = case.until(day("2026-12-31"));
    let lines: Vec<_> =
        seen.lines.iter().map(|line| (line.from.to_string(), line.to.to_string(), line.days, line.principal_minor)).collect();
    let expected =
        [("2026-06-01", "2026-06-15", 15, 100_000), ("2026-06-16", "2026-06-30", 15, 60_000), ("2026-07-01", "2026-07-10", 10, 60_000)];
    assert_eq!(lines, expected.map(|(from, to, days, minor)| (from.to_owned(), to.to_owned(), days, minor)));
    assert_eq!(seen.lines[2].rate_percent.unwrap().to_string(), "12.40");
    assert!(seen.lines[2].source.ends_with("; + 10 points") && !seen.provisional, "{:?}", seen.lines[2]);
    assert_eq!((seen.interest.minor, seen.fixed_sum.unwrap().minor), (499 + 300 + 204, 4000));
}

#[test]
fn days_of_a_pause_bear_nothing() {
    // 12.15 percent of 1,000.00: 3.3288 for the ten days before, 6.3247 for the nineteen after.
    let mut case = Case::new("FR", "EUR", "2026-01-31", 100_000);
    case.parts[0].pauses = vec![(day("2026-02-11"), day("2026-03-12"))];
    let seen = case.until(day("2026-03-31"));
    let lines: Vec<_> = seen.lines.iter().map(|line| (line.from.to_string(), line.to.to_string(), line.days)).collect();
    assert_eq!(lines, [("2026-02-01".to_owned(), "2026-02-10".to_owned(), 10), ("2026-03-13".to_owned(), "2026-03-31".to_owned(), 19)]);
    assert_eq!((seen.interest.minor, seen.fixed_sum.unwrap().minor), (333 + 632, 4000));
    case.parts[0].pauses.push((day("2026-02-01"), day("2026-02-20")));
    assert_eq!(case.until(day("2026-03-31")).interest.minor, 632, "pauses may overlap");
    case.parts[0].pauses = vec![(NaiveDate::MIN, NaiveDate::MAX)];
    assert_eq!(case.until(day("2026-03-31")).lines, []);
    // A pause over an anniversary does not keep interest from joining the principal.
    let mut dutch = Case::new("NL", "EUR", "2019-12-31", 1_000_000);
    dutch.parts[0].pauses = vec![(day("2020-12-01"), day("2021-01-31"))];
    let seen = dutch.until(day("2021-02-28"));
    let year = 73_425; // 335 days of 2020 at 8 percent
    assert_eq!((seen.lines.len(), seen.lines[2].from, seen.lines[2].principal_minor), (3, day("2021-02-01"), 1_000_000 + year));
}

#[test]
fn tax_bears_interest_unless_the_clause_says_otherwise() {
    let mut case = Case::new("GB", "GBP", "2026-01-31", 120_000);
    case.parts[0].tax_minor = 20_000;
    case.parts[0].settled = vec![(day("2026-02-10"), 60_000)];
    let principals = |case: &Case| case.until(day("2026-02-20")).lines.iter().map(|line| line.principal_minor).collect::<Vec<_>>();
    assert_eq!(principals(&case), [120_000, 60_000]);
    case.late_interest = LateInterest::Statutory { jurisdiction: None, base: InterestBase::Net };
    assert_eq!(principals(&case), [100_000, 50_000]);
    // 11.75 percent for ten days: of 1,000.00, then of 500.00.
    let seen = case.until(day("2026-02-20"));
    assert_eq!((seen.interest.minor, seen.fixed_sum.unwrap().minor), (322 + 161, 7000), "the fixed sum goes by the debt, tax included");
    case.parts[0].tax_minor = 0;
    assert_eq!(principals(&case), [120_000, 60_000], "an invoice that states no tax has none");
}

#[test]
fn an_agreed_rate_meets_its_floor_and_its_ceiling() {
    let mut france = Case::new("FR", "EUR", "2023-12-31", 100_000);
    france.late_interest = contractual("12");
    let rates = |case: &Case, until: &str| -> Vec<String> {
        case.until(day(until)).lines.iter().map(|line| line.rate_percent.unwrap().normalize().to_string()).collect()
    };
    assert_eq!(rates(&france, "2025-06-30"), ["15.21", "14.76", "12"], "3 times 5.07, 3 times 4.92, then 3.71 is below");
    france.late_interest = contractual("16");
    assert_eq!(france.until(day("2025-06-30")).lines.len(), 1, "a rate that no limit changes stays one line");
    let mut belgium = Case::new("BE", "EUR", "2025-06-30", 100_000);
    belgium.kind = CustomerKind::Consumer;
    belgium.reminded_on = Some(day("2025-07-10"));
    belgium.late_interest = contractual("15");
    belgium.fixed_sum = FixedSum::Agreed { amount_minor: 20_000 };
    let seen = belgium.until(day("2025-08-31"));
    assert_eq!((seen.lines[0].from, rates(&belgium, "2025-08-31")), (day("2025-07-25"), vec!["10.5".to_owned()]));
    assert_eq!(seen.fixed_sum.unwrap().minor, 9000, "65 and 5 percent of what exceeds 500");
    belgium.reminded_on = None;
    assert!(belgium.until(day("2025-08-31")).lines.is_empty(), "nothing before the first reminder");
}

#[test]
fn a_rate_that_is_not_published_is_never_used_silently() {
    let netherlands = Case::new("NL", "EUR", "2026-06-20", 100_000).until(day("2026-07-31"));
    let seen: Vec<_> = netherlands.lines.iter().map(|line| (line.rate_percent.unwrap().to_string(), line.provisional)).collect();
    assert_eq!(seen, [("10.15".to_owned(), false), ("10.40".to_owned(), true)]);
    assert!(netherlands.provisional);
    let france = Case::new("FR", "EUR", "2026-12-20", 100_000).until(day("2027-01-31"));
    assert!(france.lines[1].provisional && france.lines[1].source.starts_with("last known rate, of 2026-07-01"), "{:?}", france.lines);
    let long_ago = Case::new("FR", "EUR", "2014-06-01", 100_000).until(day("2014-06-30"));
    assert_eq!((long_ago.interest.minor, long_ago.provisional, long_ago.lines[0].rate_percent), (0, true, None));
}

#[test]
fn one_rate_for_the_whole_debt_where_the_law_says_so() {
    let ireland = Case::new("IE", "EUR", "2023-05-31", 100_000).until(day("2024-12-31"));
    assert_eq!((ireland.lines.len(), ireland.lines[0].rate_percent.unwrap().to_string()), (1, "10.50".to_owned()));
    let kingdom = Case::new("GB", "GBP", "2023-06-30", 100_000).until(day("2024-12-31"));
    assert_eq!((kingdom.lines.len(), kingdom.lines[0].rate_percent.unwrap().to_string()), (1, "13.00".to_owned()));
    assert_eq!(kingdom.fixed_sum.unwrap().minor, 7000);
}

#[test]
fn a_fixed_sum_needs_its_currency_and_in_the_kingdom_statutory_interest() {
    assert_eq!(Case::new("FR", "USD", "2026-01-31", 100_000).until(day("2026-03-01")).fixed_sum, None);
    let mut kingdom = Case::new("GB", "GBP", "2026-01-31", 100_000);
    kingdom.late_interest = contractual("12");
    assert_eq!(kingdom.until(day("2026-03-01")).fixed_sum, None);
    assert_eq!(Case::new("FR", "EUR", "2026-01-31", 100_000).until(day("2026-01-31")).fixed_sum, None, "not late yet");
}

#[test]
fn dutch_interest_joins_the_principal_once_a_year() {
    let seen = Case::new("NL", "EUR", "2019-12-31", 1_000_000).until(day("2021-12-31"));
    let principals: Vec<_> = seen.lines.iter().map(|line| (line.from.to_string(), line.principal_minor)).collect();
    let first = 39_890 + 40_329; // 182 and 184 days of 2020 at 8 percent
    let expected =
        [("2020-01-01", 1_000_000), ("2020-07-01", 1_000_000), ("2021-01-01", 1_000_000 + first), ("2021-07-01", 1_000_000 + first)];
    assert_eq!(principals, expected.map(|(from, minor)| (from.to_owned(), minor)));
}

#[test]
fn the_laws_own_place_unless_the_debtor_is_a_consumer() {
    let (france, netherlands) = (place("FR"), place("NL"));
    let clause = LateInterest::Statutory { jurisdiction: Some(place("DE")), base: InterestBase::Gross };
    let mut claim = Claim {
        currency: Currency::EUR,
        creditor: &france,
        debtor: &netherlands,
        kind: CustomerKind::Business,
        late_interest: &LateInterest::default(),
        fixed_sum: &FixedSum::default(),
        parts: Vec::new(),
        reminded_on: None,
    };
    assert_eq!(super::law(&claim).as_str(), "FR");
    claim.late_interest = &clause;
    assert_eq!(super::law(&claim).as_str(), "DE");
    claim.kind = CustomerKind::Consumer;
    assert_eq!(super::law(&claim).as_str(), "NL");
}
