//! Payment terms in words (BT-20): when an invoice is due by them, and which discounts they give.
//!
//! Germany's structured lines (`#SKONTO#TAGE=14#PROZENT=2.00#`, of XRechnung), the trade's shorthand (`2/10 net 30`), and sentences in
//! English, French, German and Dutch. A date that is derived here is asked for by reminders, so what has two readings gives none: the customer's or the
//! tenant's terms then apply. Not here: what a sentence says of interest, parts or anything but days.

mod words;

use chrono::NaiveDate;

use crate::domain::ledger::terms::{Portion, due::DueRule};
use words::{Clause, Word, clauses};

/// The longest terms that are looked at, in bytes.
const MAX_LENGTH: usize = 10_000;
/// The longest time for payment that is believed, in days.
const MAX_DAYS: u16 = 365;

/// What words say about when to pay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The last day for paying all of it.
    pub due_date: Option<NaiveDate>,
    /// Discounts for paying earlier, in their order.
    pub discounts: Vec<Discount>,
}

/// A discount for paying early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discount {
    /// How much.
    pub percent: Portion,
    /// Its last day, counted from the invoice's date.
    pub days: u16,
}

/// What `text` says of an invoice of that date.
pub fn said(text: &str, issue_date: NaiveDate) -> Said {
    if text.len() > MAX_LENGTH {
        return Said::default();
    }
    let mut found = Found::default();
    let mut prose = String::new();
    for line in text.lines() {
        let marked = ["#SKONTO#", "#VERZUG#"].iter().any(|mark| line.to_uppercase().contains(mark));
        let (before, structured) = line.split_once('#').filter(|_| marked).unwrap_or((line, ""));
        prose.push_str(before);
        prose.push('\n');
        found.structured(structured);
    }
    for clause in clauses(&prose) {
        found.clause(&clause);
    }
    found.said(issue_date)
}

/// What was found so far.
#[derive(Default)]
struct Found {
    discounts: Vec<Discount>,
    /// Times for payment, and whether each is said to be the one without a discount.
    due: Vec<(DueRule, bool)>,
    /// Days that are named for payment.
    dates: Vec<NaiveDate>,
    at_once: bool,
    /// Something was said that this reader does not follow: parts, months.
    unclear: bool,
}

impl Found {
    /// `SKONTO#TAGE=14#PROZENT=2.25#`, once or more in a line. Of nothing percent, it is the time for payment without discount.
    fn structured(&mut self, line: &str) {
        let (mut skonto, mut days) = (false, None);
        for part in line.split('#').map(|part| part.trim().to_uppercase()) {
            match part.split_once('=') {
                None if !part.is_empty() => (skonto, days) = (part == "SKONTO", None),
                Some(("TAGE", value)) if skonto => days = value.parse::<u16>().ok().filter(|days| *days <= MAX_DAYS),
                Some(("PROZENT", value)) if skonto => match (days, value.trim_matches(['0', '.']).is_empty(), value.parse::<Portion>()) {
                    (Some(days), true, _) => self.due.push((net(days), true)),
                    (Some(days), false, Ok(percent)) => self.discounts.push(Discount { percent, days }),
                    _ => self.unclear = true,
                },
                _ => {}
            }
        }
    }

    fn clause(&mut self, clause: &Clause) {
        if clause.is_about_something_else() {
            return;
        }
        if clause.is_in_parts() {
            self.unclear = true;
            return;
        }
        let days = clause.days();
        let mut plain: Vec<(usize, u16)> = days.clone();
        if let Some((place, percent)) = clause.percent() {
            // The days that stand nearest to the percentage are the discount's.
            let nearest = days.iter().min_by_key(|(at, _)| at.abs_diff(place)).copied();
            let Some((at, days)) = nearest else {
                self.unclear |= !clause.has_date() && !clause.names_a_discount_by_word();
                return;
            };
            plain.retain(|(other, _)| *other != at);
            self.discounts.push(Discount { percent, days });
            if plain.is_empty() {
                return;
            }
        }
        let dates = clause.dates();
        self.unclear |= clause.has_doubtful_date() || clause.has_months();
        match (dates.as_slice(), plain.as_slice()) {
            ([], []) => self.at_once |= clause.is_at_once(),
            ([], plain) => self.due.extend(plain.iter().map(|(_, days)| (clause.rule(*days), clause.is_net()))),
            (dates, _) => self.dates.extend(dates),
        }
    }

    /// One date, one rule, or nothing: whatever has two readings says nothing.
    fn said(mut self, issue_date: NaiveDate) -> Said {
        self.dates.sort_unstable();
        self.dates.dedup();
        let rules = if self.due.iter().any(|(_, net)| *net) {
            self.due.iter().filter(|(_, net)| *net).collect()
        } else {
            self.due.iter().collect::<Vec<_>>()
        };
        let mut days: Vec<NaiveDate> = rules.into_iter().map(|(rule, _)| rule.after(issue_date)).collect();
        days.sort_unstable();
        days.dedup();
        let one = match (self.dates.as_slice(), days.as_slice()) {
            _ if self.unclear => None,
            ([date], []) | ([], [date]) => Some(*date),
            ([date], [other]) if date == other => Some(*date),
            ([], []) if self.at_once && self.discounts.is_empty() => Some(issue_date),
            _ => None,
        };
        Said { due_date: one.filter(|date| *date >= issue_date), discounts: self.discounts }
    }
}

const fn net(days: u16) -> DueRule {
    if days == 0 { DueRule::Immediate {} } else { DueRule::Net { days } }
}

impl Clause {
    /// How so many days are counted: to the end of the month or not, and from which end of the sentence. "30 days end of month" counts the days
    /// first, "end of month, 30 days" the month first; "the 10th" is then of the month that follows.
    fn rule(&self, days: u16) -> DueRule {
        match (self.end_of_month(), self.day_of_month()) {
            (Some(_), Some(day)) => DueRule::DayOfMonth { day, months: 1, days },
            (Some(true), None) => DueRule::EndOfMonthThenDays { days },
            (Some(false), None) => DueRule::DaysThenEndOfMonth { days },
            (None, _) => net(days),
        }
    }

    /// The first percentage, with its place.
    fn percent(&self) -> Option<(usize, Portion)> {
        self.0.iter().enumerate().find_map(|(n, word)| match word {
            Word::Percent(percent) => Some((n, *percent)),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> (String, String) {
        let said = said(text, "2026-03-10".parse().unwrap());
        let discounts: Vec<String> = said.discounts.iter().map(|one| format!("{}/{}", one.percent, one.days)).collect();
        (said.due_date.map_or_else(|| "-".to_owned(), |date| date.to_string()), discounts.join(" "))
    }

    #[test]
    fn times_for_payment_are_read_in_four_languages() {
        for (text, due) in [
            ("30 days", "2026-04-09"),
            ("30 days net", "2026-04-09"),
            ("Net 30", "2026-04-09"),
            ("NET30", "2026-04-09"),
            ("Payment within thirty (30) days of the invoice date.", "2026-04-09"),
            ("Please pay in 2 weeks", "2026-03-24"),
            ("14 Tage", "2026-03-24"),
            ("Zahlbar innerhalb von 14 Tagen ohne Abzug.", "2026-03-24"),
            ("Fällig nach Belegdatum + 10 Tage", "2026-03-20"),
            ("Zahlungsziel: 30 Kalendertage", "2026-04-09"),
            ("30 jours", "2026-04-09"),
            ("Paiement à 30 jours date de facture", "2026-04-09"),
            ("30 jours fin de mois", "2026-04-30"),
            ("45 jours fin de mois", "2026-04-30"),
            ("fin de mois + 45 jours", "2026-05-15"),
            ("30 jours fin de mois le 10", "2026-05-10"),
            ("30 Tage zum Monatsende", "2026-04-30"),
            ("30 days end of month", "2026-04-30"),
            ("30 dagen na factuurdatum", "2026-04-09"),
            ("30 dagen einde maand", "2026-04-30"),
            ("à réception de facture", "2026-03-10"),
            ("Due on receipt", "2026-03-10"),
            ("Sofort fällig, ohne Abzug", "2026-03-10"),
            ("Bitte überweisen Sie bis zum 24.03.2026 auf das Konto.", "2026-03-24"),
            ("Payable by 2026-04-01", "2026-04-01"),
            ("à régler avant le 31/03/2026", "2026-03-31"),
            ("Zahlbar bis 31.3.26", "2026-03-31"),
            ("Der Betrag wird am 20.03.2026 per Lastschrift eingezogen.", "2026-03-20"),
            ("Rechnung vom 10.03.2026, zahlbar in 14 Tagen", "2026-03-24"),
            ("30 jours net. Escompte de 1,5 % pour paiement anticipé.", "2026-04-09"),
            ("Paiement à 45 j FDM", "2026-04-30"),
        ] {
            assert_eq!(told(text), (due.to_owned(), String::new()), "{text}");
        }
    }

    #[test]
    fn discounts_are_told_from_the_time_for_payment() {
        for (text, due, discounts) in [
            ("2/10 net 30", "2026-04-09", "2/10"),
            ("2% 10 days, net 30 days", "2026-04-09", "2/10"),
            ("2 % discount if paid within 10 days, otherwise 30 days net", "2026-04-09", "2/10"),
            ("3 % Skonto bei Zahlung innerhalb 10 Tagen, sonst 30 Tage netto", "2026-04-09", "3/10"),
            ("Zahlbar innerhalb 30 Tagen netto bis 09.04.2026, 3% Skonto innerhalb 10 Tagen bis 20.03.2026", "2026-04-09", "3/10"),
            ("Innerhalb von 8 Tagen 2,5 % Skonto, innerhalb von 14 Tagen netto", "2026-03-24", "2.5/8"),
            ("Escompte de 2 % sous 10 jours, net à 45 jours", "2026-04-24", "2/10"),
            ("2% korting binnen 8 dagen; 30 dagen netto", "2026-04-09", "2/8"),
            ("#SKONTO#TAGE=7#PROZENT=2.00#\n#SKONTO#TAGE=14#PROZENT=1.00#\n#SKONTO#TAGE=30#PROZENT=0.00#\n", "2026-04-09", "2/7 1/14"),
            ("#SKONTO#TAGE=14#PROZENT=2.25#\nZahlbar in 30 Tagen\n", "2026-04-09", "2.25/14"),
            ("#SKONTO#TAGE=7#PROZENT=2.00# #SKONTO#TAGE=30#PROZENT=0.00#", "2026-04-09", "2/7"),
            ("#SKONTO#TAGE=14#PROZENT=2.00#BASISBETRAG=100.00#", "-", "2/14"),
            ("2% discount within 10 days", "-", "2/10"),
        ] {
            assert_eq!(told(text), (due.to_owned(), discounts.to_owned()), "{text}");
        }
    }

    #[test]
    fn two_readings_are_none() {
        for text in [
            "",
            "Thank you for your business",
            "50% prepaid, 50% within one month",
            "30 days or 60 days",
            "within one month",
            "03/04/2026",
            "Pay by 30.02.2026",
            "30 % on order, the rest within 30 days",
            "Late payment: 8 % interest after 30 days",
            "Nach 30 Tagen berechnen wir Verzugszinsen.",
            "Widerrufsrecht: 14 Tage",
            "Pénalités de retard exigibles 30 jours après l'échéance",
            "#VERZUG#TAGE=30#PROZENT=8.00#",
            "#SKONTO#TAGE=x#PROZENT=2.00#",
            "99999 days",
            "Payable by 2020-01-01",
            "3 Raten, je 30 Tage",
            "Rechnung vom 01.04.2026",
            "Zahlbar laut Rechnung vom 10.03.2026",
            "Direct debit on the 5th",
            "Upon receipt of goods",
            "Payable by 2026-04-01. 30 days net",
            "30 % à la commande",
        ] {
            assert_eq!(told(text).0, "-", "{text}");
        }
        assert_eq!(told("Zahlbar in 14 Tagen. Bei Verzug nach 30 Tagen fallen Zinsen an.").0, "2026-03-24");
        assert_eq!(told(&"30 days ".repeat(2_000)).0, "-", "no terms are so long");
    }

    proptest::proptest! {
        #[test]
        fn any_words_are_read(text in ".{0,200}", near in "([0-9]{1,6}| |%|#|,|\\.|/|days|Tage|net|SKONTO|TAGE=|PROZENT=|le|fin de mois|\n){0,30}") {
            for text in [text, near] {
                let issue: NaiveDate = "2026-03-10".parse().unwrap();
                proptest::prop_assert!(said(&text, issue).due_date.is_none_or(|date| date >= issue));
                let _ = said(&text, NaiveDate::MAX);
            }
        }
    }
}
