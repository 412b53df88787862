//! SWIFT MT940, as banks write it: tags at the beginning of lines, and text that goes on until the next tag.
//!
//! Envelopes, headers and trailers around the tags are passed over. A line's number is the place of a fault. Accepted because banks do it: 30 February, which
//! is a day of interest and stands for the month's last. Invariant: an entry has the account and the currency that its statement named before it.

mod details;

use chrono::{Datelike, NaiveDate};
use encoding_rs::WINDOWS_1252;

use super::{BankFile, BankFormat, Direction, Entry, EntryStatus, Transaction, said};
use crate::domain::{
    import::{
        amount,
        fields::{Fields, short},
        text::{compact, guessed, line},
    },
    invalid::Faults,
    money::Currency,
};

/// The longest text of a tag, in bytes: SWIFT allows a tenth of it.
const MAX_FIELD: usize = 8_000;

/// A tag with its text.
struct Tagged<'a> {
    line: usize,
    tag: &'a str,
    lines: Vec<&'a str>,
}

/// Reads a file of one statement or more.
pub(super) fn read(bytes: &[u8]) -> Result<BankFile, Faults> {
    let text = guessed(bytes, WINDOWS_1252);
    let tagged = tagged(&text);
    if !tagged.iter().any(|one| one.tag == "20") || !tagged.iter().any(|one| one.tag.starts_with("25")) {
        let detail = "no bank statement: neither XML (camt.052, .053, .054) nor MT940, which has lines beginning with :20: and :25:";
        return Err(Faults::one("", "wrong_type", detail));
    }
    let mut reading = Reading::default();
    for one in &tagged {
        reading.take(one);
    }
    reading.fields.faults.or(BankFile { format: BankFormat::Mt940, entries: reading.entries })
}

/// The tags with their lines. What comes before the first one, or after the dash that ends a message, is an envelope's.
fn tagged(text: &str) -> Vec<Tagged<'_>> {
    let mut all: Vec<Tagged<'_>> = Vec::new();
    let mut open = false;
    for (n, line) in text.lines().enumerate() {
        let begun = line.strip_prefix(':').and_then(|rest| rest.split_once(':')).filter(|(tag, _)| is_tag(tag));
        match begun {
            Some((tag, rest)) => {
                all.push(Tagged { line: n.saturating_add(1), tag, lines: vec![rest] });
                open = true;
            }
            None if matches!(line.trim_end(), "-" | "-XXX") || line.starts_with("-}") => open = false,
            None if open => all.last_mut().into_iter().for_each(|last| last.lines.push(line)),
            None => {}
        }
    }
    all
}

/// Two digits and perhaps a letter.
fn is_tag(tag: &str) -> bool {
    match tag.as_bytes() {
        [first, second] => first.is_ascii_digit() && second.is_ascii_digit(),
        [first, second, letter] => first.is_ascii_digit() && second.is_ascii_digit() && letter.is_ascii_uppercase(),
        _ => false,
    }
}

#[derive(Default)]
struct Reading {
    fields: Fields,
    entries: Vec<Entry>,
    account: Option<String>,
    currency: Option<Currency>,
    told_on: Option<NaiveDate>,
    /// Whether what comes next may be about the last entry.
    after_entry: bool,
}

impl Reading {
    fn take(&mut self, one: &Tagged<'_>) {
        let first = one.lines.first().copied().unwrap_or_default();
        if one.lines.iter().map(|line| line.len()).sum::<usize>() > MAX_FIELD {
            self.wrong(one, "too_long", format!(":{}: has more than {MAX_FIELD} bytes", one.tag));
            return;
        }
        match one.tag {
            "20" => (self.account, self.currency, self.told_on, self.after_entry) = (None, None, None, false),
            "25" | "25P" if self.account.is_some() => {
                self.wrong(
                    one,
                    "repeated",
                    "a second :25: in the statement; an entry's text stands in :86:, a new statement begins with :20:",
                );
            }
            "25" | "25P" => self.account = Some(compact(first)).filter(|account| !account.is_empty()),
            "60F" | "60M" => self.opening(one, first),
            "61" => self.entry(one),
            "86" if self.after_entry => {
                if let Some(entry) = self.entries.last_mut() {
                    details::add(&one.lines, entry);
                }
                self.after_entry = false;
            }
            "62F" | "62M" => self.after_entry = false,
            _ => {}
        }
    }

    fn wrong(&mut self, one: &Tagged<'_>, code: &'static str, detail: impl Into<String>) {
        self.fields.wrong(&format!("/line/{}", one.line), code, detail);
    }

    /// `C070903EUR766656,49`: the sign, the day, the currency, the amount.
    fn opening(&mut self, one: &Tagged<'_>, text: &str) {
        match text.get(7..10).and_then(|code| code.parse().ok()) {
            Some(currency) => self.currency = Some(currency),
            None => self.wrong(
                one,
                "wrong_format",
                format!("{:?} names no currency; write C or D, YYMMDD, the currency and the amount", short(text)),
            ),
        }
        self.told_on = text.get(1..7).and_then(day);
    }

    fn entry(&mut self, one: &Tagged<'_>) {
        self.after_entry = false;
        let (Some(account), Some(currency)) = (self.account.clone(), self.currency) else {
            let missing = if self.account.is_none() { ":25: with the account" } else { ":60F: with the currency" };
            self.wrong(one, "required", format!("an entry before {missing}"));
            return;
        };
        let first = one.lines.first().copied().unwrap_or_default();
        let Some(statement) = StatementLine::read(first) else {
            let shape = "YYMMDD, perhaps MMDD, C, D, RC or RD, the amount with a comma, N and a type of 3, the reference";
            self.wrong(one, "wrong_format", format!("{:?} is no entry; write {shape}", short(first)));
            return;
        };
        let amount = match amount::signed(statement.amount, ',', currency) {
            Ok(amount) => amount,
            Err(problem) => return self.wrong(one, "wrong_format", format!("{:?}: {problem}", short(statement.amount))),
        };
        let note = line(&one.lines.get(1..).unwrap_or_default().join(" "));
        let mut transaction =
            Transaction { amount: Some(amount), transaction_id: reference(statement.reference), ..Transaction::new(statement.direction) };
        // The Dutch write the other's account beneath.
        let other = if statement.direction == Direction::Credit { &mut transaction.debtor } else { &mut transaction.creditor };
        other.account = Some(compact(&note)).filter(|account| crate::domain::import::is_iban(account));
        let stated = other.account.is_none();
        self.entries.push(Entry {
            key: String::new(),
            account,
            currency,
            amount,
            direction: statement.direction,
            reversal: statement.reversal,
            status: if statement.expected { EntryStatus::Pending } else { EntryStatus::Booked },
            booked_on: Some(statement.booked_on),
            value_on: Some(statement.value_on),
            told_on: self.told_on,
            servicer_reference: statement.bank_reference.and_then(reference),
            note: Some(note).filter(|note| stated && !note.is_empty()),
            batch_count: None,
            transactions: vec![transaction],
        });
        self.after_entry = true;
    }
}

/// A reference, unless it says that there is none, or that it stands in the text.
fn reference(text: &str) -> Option<String> {
    let text = line(text);
    said(Some(text)).filter(|text| !text.is_empty() && !matches!(text.trim_end_matches('+'), "EREF" | "KREF" | "MREF" | "CRED"))
}

/// What the first line of `:61:` says.
#[derive(Debug)]
struct StatementLine<'a> {
    value_on: NaiveDate,
    booked_on: NaiveDate,
    direction: Direction,
    reversal: bool,
    expected: bool,
    amount: &'a str,
    reference: &'a str,
    bank_reference: Option<&'a str>,
}

impl<'a> StatementLine<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let value_on = day(text.get(..6)?)?;
        let rest = text.get(6..)?;
        let (booked_on, rest) = match rest.get(..4).filter(|four| four.bytes().all(|byte| byte.is_ascii_digit())) {
            Some(four) => (near(value_on, four)?, rest.get(4..)?),
            None => (value_on, rest),
        };
        // "Reversal of credit" takes money away.
        let marks = [("RC", Direction::Debit, true, false), ("RD", Direction::Credit, true, false), ("EC", Direction::Credit, false, true)];
        let marks = marks.into_iter().chain([
            ("ED", Direction::Debit, false, true),
            ("C", Direction::Credit, false, false),
            ("D", Direction::Debit, false, false),
        ]);
        let (rest, direction, reversal, expected) = marks
            .into_iter()
            .find_map(|(mark, direction, reversal, expected)| Some((rest.strip_prefix(mark)?, direction, reversal, expected)))?;
        // The third letter of the currency may follow.
        let rest = rest.strip_prefix(|one: char| one.is_ascii_alphabetic()).unwrap_or(rest);
        let end = rest.find(|one: char| !one.is_ascii_digit() && one != ',')?;
        let (amount, rest) = rest.split_at_checked(end)?;
        if !amount.contains(',') || !rest.starts_with(['N', 'F', 'S']) {
            return None;
        }
        let (reference, bank_reference) = match rest.get(4..)?.split_once("//") {
            Some((reference, bank)) => (reference, Some(bank)),
            None => (rest.get(4..)?, None),
        };
        Some(Self { value_on, booked_on, direction, reversal, expected, amount, reference, bank_reference })
    }
}

/// `YYMMDD` of this century.
fn day(text: &str) -> Option<NaiveDate> {
    let number =
        |from: usize, to: usize| text.get(from..to).filter(|two| two.bytes().all(|byte| byte.is_ascii_digit()))?.parse::<u32>().ok();
    let year = i32::try_from(number(0, 2)?).ok()?.checked_add(2000)?;
    date(year, number(2, 4)?, number(4, 6)?)
}

/// The day; for the 29th and 30th of a February that lacks them, its last.
fn date(year: i32, month: u32, day: u32) -> Option<NaiveDate> {
    let exact = NaiveDate::from_ymd_opt(year, month, day);
    exact.or_else(|| if month == 2 && (29..=30).contains(&day) { NaiveDate::from_ymd_opt(year, 3, 1)?.pred_opt() } else { None })
}

/// `MMDD` in the year that brings it nearest to the day of value: the two may lie on both sides of a new year.
fn near(value_on: NaiveDate, text: &str) -> Option<NaiveDate> {
    let (month, day) = (text.get(..2)?.parse::<u32>().ok()?, text.get(2..4)?.parse::<u32>().ok()?);
    let year = match (value_on.month(), month) {
        (11..=12, 1..=2) => value_on.year().checked_add(1)?,
        (1..=2, 11..=12) => value_on.year().checked_sub(1)?,
        _ => value_on.year(),
    };
    date(year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_an_entry_has_many_spellings() {
        let told = |text: &str| {
            let line = StatementLine::read(text)?;
            let bank = line.bank_reference.unwrap_or("-");
            Some(format!(
                "{} {} {} {} {} {} {bank}",
                line.value_on, line.booked_on, line.direction, line.reversal, line.amount, line.reference
            ))
        };
        for (text, expected) in [
            ("0709070904CR50990,05NTRFNONREF//0724710333343453", "2007-09-07 2007-09-04 credit false 50990,05 NONREF 0724710333343453"),
            ("100722D25,03NTRFNONREF", "2010-07-22 2010-07-22 debit false 25,03 NONREF -"),
            ("2612310102RC5,NMSCX", "2026-12-31 2027-01-02 debit true 5, X -"),
            ("2601021231RD5,NMSCX", "2026-01-02 2025-12-31 credit true 5, X -"),
            ("1602300301DR6,00N024NONREF", "2016-02-29 2016-03-01 debit false 6,00 NONREF -"),
        ] {
            assert_eq!(told(text).as_deref(), Some(expected), "{text}");
        }
        for wrong in [
            "",
            "070907",
            "0709071331C1,NTRFX",
            "070931C1,NTRFX",
            "070907X1,NTRFX",
            "070907C1.00NTRFX",
            "070907C100NTRFX",
            "070907C1,TRF",
            "07090é",
        ] {
            assert_eq!(told(wrong), None, "{wrong}");
        }
        assert!(StatementLine::read("260101EC5,NMSCX").unwrap().expected);
    }
}
