//! Every jurisdiction from 2015 to 2026, computed a second way: day by day, in whole numbers, with rates read from the files by hand.

use chrono::{Datelike, Days};

use super::*;

/// How the second computation sees a law: the file and series of its rate, the margin in hundredths, and its habits.
struct Second {
    code: &'static str,
    currency: &'static str,
    file: &'static str,
    series: &'static str,
    margin: i128,
    fixed: bool,
    thirty: bool,
    leap: bool,
    yearly: bool,
}

const ECB: &str = include_str!("../rates/ecb.csv");
const STATUTES: &str = include_str!("../rates/statutes.csv");

const fn eu(code: &'static str, margin: i128) -> Second {
    Second { code, currency: "EUR", file: ECB, series: "eu_reference", margin, fixed: false, thirty: false, leap: false, yearly: false }
}

const fn statute(code: &'static str, currency: &'static str, series: &'static str, thirty: bool) -> Second {
    Second { currency, file: STATUTES, series, fixed: true, thirty, ..eu(code, 0) }
}

const LAWS: &[Second] = &[
    eu("FR", 1000),
    eu("LU", 800),
    eu("ES", 800),
    eu("IT", 800),
    Second { fixed: true, ..eu("IE", 800) },
    Second { file: include_str!("../rates/belgium.csv"), series: "be_late_payment", ..eu("BE", 0) },
    Second { file: include_str!("../rates/germany.csv"), series: "de_basiszinssatz", leap: true, ..eu("DE", 900) },
    Second { file: include_str!("../rates/austria.csv"), series: "at_basiszinssatz", ..eu("AT", 920) },
    Second { file: include_str!("../rates/netherlands.csv"), series: "nl_handelsrente", yearly: true, ..eu("NL", 0) },
    Second { file: include_str!("../rates/united_kingdom.csv"), series: "uk_reference", currency: "GBP", fixed: true, ..eu("GB", 800) },
    statute("CH", "CHF", "ch_or_104", true),
    statute("CA", "CAD", "ca_interest_act", false),
    statute("CA-QC", "CAD", "ca_interest_act", false),
];

/// 365 × 366 × 360: every day count is whole numbers over it.
const YEAR: i128 = 365 * 366 * 360;

impl Second {
    /// Hundredths of a percent on a day, margin included: its half-year's line, or the last one before.
    fn rate(&self, on: NaiveDate) -> i128 {
        let start = format!("{}-{}-01", on.year(), if on.month() < 7 { "01" } else { "07" });
        let mut lines = self.file.lines().filter_map(|line| {
            let mut fields = line.splitn(4, ',');
            (fields.next() == Some(self.series)).then(|| (fields.next().unwrap(), fields.next().unwrap()))
        });
        let (_, percent) = lines.rfind(|(from, _)| *from <= start.as_str()).unwrap();
        self.margin + percent.replace('.', "").parse::<i128>().unwrap()
    }

    /// The share of a year that one day is, over [`YEAR`].
    fn weight(&self, on: NaiveDate) -> i128 {
        if self.thirty {
            let next = on.day().min(30);
            let before = on.pred_opt().unwrap();
            let (whole, past) = if before.month() == on.month() { (0, before.day().min(30)) } else { (30, before.day().min(30)) };
            return YEAR / 360 * (i128::from(next) + whole - i128::from(past));
        }
        YEAR / if self.leap && on.leap_year() { 366 } else { 365 }
    }

    /// Interest in minor units: days of one principal and one rate are rounded together, half up; in Germany all of them.
    fn interest(&self, due: NaiveDate, until: NaiveDate, amount: i64, paid: (NaiveDate, i64)) -> i128 {
        let denominator = YEAR * 10_000;
        let rounded = |numerator: i128| (2 * numerator + denominator) / (2 * denominator);
        let first = due.succ_opt().unwrap();
        let (mut total, mut group, mut exact, mut of_year, mut added) = (0, 0, 0, 0, 0);
        let mut key = None;
        for on in first.iter_days().take_while(|on| *on <= until) {
            let anniversary = self.yearly && on != first && (on.month(), on.day()) == (first.month(), first.day());
            let rate = self.rate(if self.fixed { first } else { on });
            let half = if self.fixed { (0, false) } else { (on.year(), on.month() < 7) };
            let principal = i128::from(amount) - if on > paid.0 { i128::from(paid.1) } else { 0 };
            let now = Some((half, principal));
            if key != now || anniversary {
                total += rounded(group);
                group = 0;
                key = now;
            }
            if anniversary {
                added += rounded(of_year);
                of_year = 0;
            }
            let interest = (principal + added) * rate * self.weight(on);
            group += interest;
            of_year += interest;
            exact += interest;
        }
        if self.leap { rounded(exact) } else { total + rounded(group) }
    }
}

#[test]
fn two_computations_agree_on_every_law() {
    let mut compared = 0;
    for law in LAWS {
        // Debts of every half-year, late for 400 days: two rate changes at least, and a payment in the middle.
        for n in 0..22 {
            let due = day("2015-05-17") + Days::new(183 * n);
            let until = due + Days::new(400);
            let within = |from: &str, to: &str| due < day(to) && until >= day(from);
            let elsewhere = match law.code {
                "AT" => until >= day("2024-07-01"), // a reference steps in
                "NL" => within("2022-07-01", "2023-01-01") || until >= day("2026-07-01"),
                "BE" => until >= day("2026-07-01"),
                _ => false,
            };
            if elsewhere {
                continue;
            }
            let amount = 1_234_567 + i64::try_from(n).unwrap() * 1013;
            let paid = (due + Days::new(147), 567_890);
            let mut case = Case::new(law.code, law.currency, &due.to_string(), amount);
            case.parts[0].settled = vec![paid];
            let seen = case.until(until);
            assert_eq!(
                i128::from(seen.interest.minor),
                law.interest(due, until, amount, paid),
                "{} due {due}: {:#?}",
                law.code,
                seen.lines
            );
            compared += 1;
        }
    }
    assert!(compared > 250, "{compared}");
}
