//! Worked examples of others. Each figure stands here with the page it was read on; where the project's companion folder is present, the
//! same figures are read from its table, so that neither copy can drift alone.

use rust_decimal::Decimal;

use super::{super::rules::rule, *};
use crate::domain::ledger::interest::{Compounding, DayCount, days, minor};

/// Principal, rate, days, what the page says, and by how many cents it may differ from the exact figure, which is the last.
struct Plain {
    id: &'static str,
    principal_minor: i64,
    rate: &'static str,
    days: u64,
    said_minor: i64,
    exact_minor: i64,
}

/// One amount at one rate, over 365.
const PLAIN: &[Plain] = &[
    // GOV.UK, Late commercial payments: rounds 85/365 to 0.23 a day before multiplying.
    Plain { id: "UK-1", principal_minor: 100_000, rate: "8.50", days: 50, said_minor: 1150, exact_minor: 1164 },
    // Paidnice, statutory interest UK: 1.68 a day.
    Plain { id: "UK-3", principal_minor: 500_000, rate: "12.25", days: 101, said_minor: 16_968, exact_minor: 16_949 },
    // Freelance Toolkit UK, late payment interest calculator.
    Plain { id: "UK-4", principal_minor: 250_000, rate: "12.50", days: 30, said_minor: 2568, exact_minor: 2568 },
    Plain { id: "UK-5", principal_minor: 50_000, rate: "12.50", days: 14, said_minor: 240, exact_minor: 240 },
    // Agence iPro, Zoom sur les penalites de retard.
    Plain { id: "FR-1", principal_minor: 1_500_000, rate: "15.00", days: 30, said_minor: 18_493, exact_minor: 18_493 },
    // Go-Figure, Wanbetalers.
    Plain { id: "NL-1", principal_minor: 100_000, rate: "8.00", days: 11, said_minor: 241, exact_minor: 241 },
    // Xando, Verwijlintresten berekenen: rounds to 16.4.
    Plain { id: "BE-1", principal_minor: 100_000, rate: "10.00", days: 60, said_minor: 1640, exact_minor: 1644 },
    // PayRequest, late payment calculator.
    Plain { id: "EU-1", principal_minor: 100_000, rate: "10.50", days: 30, said_minor: 863, exact_minor: 863 },
    // Pasapic, Comment calculer les interets pour retard: truncates 16.438.
    Plain { id: "ES-1", principal_minor: 100_000, rate: "5.00", days: 120, said_minor: 1643, exact_minor: 1644 },
];

fn plainly(principal_minor: i64, rate: &str, days: u64) -> i64 {
    let mut case = Case::new("US", "EUR", "2025-01-31", principal_minor);
    case.late_interest = contractual(rate);
    case.until(day("2025-01-31") + chrono::Days::new(days)).interest.minor
}

#[test]
fn amounts_of_public_pages() {
    for one in PLAIN {
        assert_eq!(plainly(one.principal_minor, one.rate, one.days), one.exact_minor, "{}", one.id);
        // The pages that differ round the day's interest to cents, or cut the last digit off.
        let rounded_daily = i64::try_from(one.days.div_ceil(2)).unwrap();
        assert!((one.said_minor - one.exact_minor).abs() <= rounded_daily, "{}", one.id);
    }
}

/// Digineo, Verzugszinsrechner: 1,500.00 from 15 September 2009 to 17 February 2012 is 297.50.
#[test]
fn a_german_debt_over_six_half_years() {
    let mut case = Case::new("DE", "EUR", "2009-09-14", 150_000);
    let rates = [
        ("2009-07-01", "0.12"),
        ("2010-01-01", "0.12"),
        ("2010-07-01", "0.12"),
        ("2011-01-01", "0.12"),
        ("2011-07-01", "0.37"),
        ("2012-01-01", "0.12"),
    ];
    case.rates = Rates::with(rates.map(|(from, rate)| own(Series::DeBasiszinssatz, from, rate)));
    let seen = case.until(day("2012-02-17"));
    let parts: Vec<String> = seen.lines.iter().map(|line| line.amount.round_dp(4).to_string()).collect();
    assert_eq!(parts, ["36.0395", "60.3995", "61.4005", "60.3995", "63.2910", "15.9738"]);
    assert_eq!((seen.interest.minor, seen.lines.iter().map(|line| line.days).sum::<i64>(), seen.provisional), (29_750, 886, false));
}

/// Bilendo, Verzugszinsen berechnen, 420.00 over 31 days at 8.12: act/365 gives 2.90 (the page charges a whole month, 2.84).
#[test]
fn a_german_month() {
    let seen = Case::new("DE", "EUR", "2016-08-02", 42_000).until(day("2016-09-02"));
    assert_eq!((seen.lines[0].days, seen.lines[0].rate_percent.unwrap().to_string()), (31, "8.12".to_owned()));
    assert_eq!((plainly(42_000, "8.12", 31), seen.interest.minor), (290, 289), "over 366 in a leap year");
    assert_eq!((Decimal::new(42_000, 2) * Decimal::new(812, 4) / Decimal::from(12)).round_dp(2).to_string(), "2.84");
    assert_eq!(seen.fixed_sum.unwrap().minor, 4000);
}

/// p-konto.de, Zinsformel: 10,000.00 at 6 percent from 1 January to 30 July 2016, months of 30 days, is 350.00.
#[test]
fn months_of_thirty_days() {
    let mut case = Case::new("US", "EUR", "2015-12-31", 1_000_000);
    let day_count = DayCount::Thirty360;
    case.late_interest = LateInterest::Contractual {
        annual_rate_percent: "6".parse().unwrap(),
        day_count,
        compounding: Compounding::None,
        base: InterestBase::Gross,
    };
    let seen = case.until(day("2016-07-30"));
    assert_eq!((seen.lines[0].days, seen.interest.minor), (210, 35_000));
}

/// Buergi Naegeli, Verzugszinstage: due on 1 January, paid on 20 January is 19 days; the rest until 30 January 10 more.
#[test]
fn the_due_day_does_not_count_and_the_day_of_payment_does() {
    let mut case = Case::new("CH", "CHF", "2026-01-01", 100_000);
    case.parts[0].settled = vec![(day("2026-01-20"), 50_000)];
    let seen = case.until(day("2026-01-30"));
    assert_eq!(seen.lines.iter().map(|line| line.days).collect::<Vec<_>>(), [19, 10]);
    assert_eq!(days(DayCount::Actual365, day("2026-01-02"), day("2026-01-20")), 19);
}

/// Court of appeal, Lodi (legalplanet.pro): eight unpaid invoices, 320.00. Paidnice and Freelance Toolkit UK: 70.00, 70.00, 40.00. A clause
/// of 10 percent, at least 75.00 (Xando), is for the creditor to work out.
#[test]
fn fixed_sums_of_public_pages() {
    let sum = |code: &str, currency: &str, minor: i64| {
        Case::new(code, currency, "2026-01-31", minor).until(day("2026-03-01")).fixed_sum.unwrap().minor
    };
    assert_eq!(8 * sum("FR", "EUR", 345_345), 32_000);
    assert_eq!([500_000, 250_000, 50_000].map(|minor| sum("GB", "GBP", minor)), [7000, 7000, 4000]);
    assert_eq!(rule(&place("FR"), CustomerKind::Business).unwrap().sum.unwrap().of(1_500_000), 4000);
}

/// Reads a table beside the project, or says that there is none.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn companion(path: &str) -> Option<Vec<csv::StringRecord>> {
    let full = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/law").join(path);
    let Ok(mut reader) = csv::Reader::from_path(full) else {
        println!("skipped: no ../shared");
        return None;
    };
    Some(reader.records().map(Result::unwrap).collect())
}

#[test]
fn the_table_of_examples_says_the_same() {
    let Some(rows) = companion("interest_examples.csv") else { return };
    let cents = |text: &str| minor(text.split(' ').next().unwrap().parse().unwrap(), 2);
    let mut used = 0;
    for row in &rows {
        let Some(own) = PLAIN.iter().find(|one| row[0] == *one.id) else {
            assert!(["DE-1", "DE-3", "DE-4", "FR-2", "CH-2"].contains(&&row[0]), "{} is tested nowhere", &row[0]);
            continue;
        };
        used += 1;
        let rate: &str = row[7].split(' ').next().unwrap();
        assert_eq!((cents(&row[2]), row[6].parse(), cents(&row[9])), (own.principal_minor, Ok(own.days), own.said_minor), "{}", own.id);
        assert_eq!(rate.parse::<Decimal>(), own.rate.parse::<Decimal>(), "{}", own.id);
        assert_eq!(plainly(cents(&row[2]), rate, row[6].parse().unwrap()), cents(&row[13]), "{}", own.id);
    }
    assert_eq!(used, PLAIN.len());
}

/// The half-years' reference rate is the bank's rate of those days, and gives the figures that the states published.
#[test]
fn published_totals_are_what_the_rules_give() {
    let Some(changes) = companion("rates/ecb_mro.csv") else { return };
    for rate in super::super::rates::shipped().filter(|rate| rate.series == Series::EuReference) {
        let last = changes.iter().rfind(|row| day(&row[1]) <= rate.valid_from).unwrap();
        assert_eq!(last[2].parse::<Decimal>().unwrap(), rate.rate_percent.value(), "{}", rate.valid_from);
    }
    let of = |series: &str| {
        ["IE", "LU", "ES"]
            .into_iter()
            .find(|code| series == format!("{code}_{}", if *code == "IE" { "LATE_PAYMENT" } else { "B2B_LATE_PAYMENT" }))
    };
    let mut compared = 0;
    for row in companion("rates/other_b2b_rates.csv").unwrap_or_default().iter().filter(|row| !row[2].is_empty() && &row[1] >= "2015") {
        let Some(code) = of(&row[0]) else { continue };
        let due = day(&row[1]) + chrono::Days::new(40);
        let seen = Case::new(code, "EUR", &due.to_string(), 100).until(due + chrono::Days::new(1));
        assert_eq!(seen.lines[0].rate_percent.unwrap(), row[2].parse().unwrap(), "{row:?}");
        compared += 1;
    }
    assert!(compared >= 12, "{compared}");
}
