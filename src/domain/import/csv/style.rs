//! How a table is written where nobody said: delimiter, order of day and month, decimal separator. What can be read in two ways is asked, never guessed.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::Mapping;
use crate::domain::invalid::Faults;

/// The ways of writing a date that are tried.
const DATE_FORMATS: [&str; 12] = [
    "%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y%m%d", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y",
    "%d %m %Y",
];

/// The delimiter that the first line most likely uses.
pub fn delimiter(first_line: &str) -> char {
    let count = |delimiter: char| first_line.chars().filter(|one| *one == delimiter).count();
    [',', ';', '\t', '|'].into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(',')
}

/// The mapping with nothing left open, from the table's first rows.
///
/// # Errors
/// The questions: dates or amounts that these rows allow to be read in more than one way.
pub fn settled(mapping: &Mapping, headings: &[String], rows: &[Vec<String>]) -> Result<Mapping, Faults> {
    let mut faults = Faults::none();
    let mut settled = mapping.clone();
    if settled.date_format.is_none() {
        settled.date_format = date_format(&cells(&mapping.date_columns(), headings, rows))
            .map_err(|question| faults.add("/date_format", "ambiguous", question))
            .ok()
            .map(str::to_owned);
    }
    if settled.decimal_separator.is_none() {
        settled.decimal_separator = decimal_separator(&cells(&mapping.amount_columns(), headings, rows))
            .map_err(|question| faults.add("/decimal_separator", "ambiguous", question))
            .ok();
    }
    faults.or(settled)
}

/// What stands in these columns, without what is empty.
fn cells<'a>(columns: &[&String], headings: &[String], rows: &'a [Vec<String>]) -> Vec<&'a str> {
    let places: Vec<usize> = columns.iter().filter_map(|column| headings.iter().position(|one| one == *column)).collect();
    let cells = rows.iter().flat_map(|row| places.iter().filter_map(|place| row.get(*place)));
    cells.map(|cell| cell.trim()).filter(|cell| !cell.is_empty()).collect()
}

/// The format in which most of the dates can be read. Cells that no format reads are each their own row's problem.
fn date_format(dates: &[&str]) -> Result<&'static str, String> {
    let reads = |format: &&str| dates.iter().filter(|date| is_date(date, format)).count();
    let most = DATE_FORMATS.iter().map(&reads).max().unwrap_or(0);
    let fitting: Vec<&'static str> = DATE_FORMATS.into_iter().filter(|format| most > 0 && reads(format) == most).collect();
    match fitting.as_slice() {
        [] if dates.is_empty() => Ok("%Y-%m-%d"),
        [] => Err(format!("{:?} is written in no usual way; say how in date_format", dates.first().copied().unwrap_or_default())),
        [only] => Ok(only),
        [first, others @ ..] => {
            // Two formats that give the same days ask nothing.
            let days = |format: &str| -> Vec<Option<NaiveDate>> {
                dates.iter().map(|date| NaiveDate::parse_from_str(date, format).ok()).collect()
            };
            let told = days(first);
            match others.iter().find(|other| days(other) != told) {
                None => Ok(first),
                Some(other) => {
                    let example = dates.iter().find(|date| is_date(date, first)).copied().unwrap_or_default();
                    Err(format!("is {example:?} written as {first} or as {other}? Give date_format"))
                }
            }
        }
    }
}

/// Whether a format reads all of a date, with a year of as many digits as it says.
fn is_date(text: &str, format: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let year = if format.ends_with("%y") { 2 } else { 4 };
    let longest = text.split(|one: char| !one.is_ascii_digit()).map(str::len).max().unwrap_or(0);
    let fits = if format == "%Y%m%d" { digits == 8 && text.len() == 8 } else { longest == year || (year == 2 && longest <= 2) };
    fits && NaiveDate::parse_from_str(text, format).is_ok()
}

/// What stands before the decimals of these amounts.
fn decimal_separator(amounts: &[&str]) -> Result<char, String> {
    let (mut told, mut open) = (BTreeSet::new(), None);
    for amount in amounts {
        match sides(amount) {
            Said::Nothing => {}
            Said::Decimal(separator) => {
                told.insert(separator);
            }
            Said::Either => open = Some(*amount),
        }
    }
    match (told.len(), told.first(), open) {
        (1, Some(only), _) => Ok(*only),
        (0, _, None) => Ok('.'),
        (0, _, Some(amount)) => Err(format!("is the sign in {amount:?} a decimal separator, or one of thousands? Give decimal_separator")),
        _ => Err("some amounts have a comma before their decimals and others a point; give decimal_separator".to_owned()),
    }
}

/// What an amount says of the separator before the decimals.
enum Said {
    Nothing,
    Decimal(char),
    /// One sign and three digits: thousands, or decimals.
    Either,
}

fn sides(amount: &str) -> Said {
    let signs: Vec<(usize, char)> = amount.char_indices().filter(|(_, one)| matches!(one, ',' | '.')).collect();
    let Some((at, last)) = signs.last().copied() else { return Said::Nothing };
    let other = if last == ',' { '.' } else { ',' };
    let of_last = signs.iter().filter(|(_, one)| *one == last).count();
    let after = amount.get(at.saturating_add(1)..).unwrap_or_default().bytes().filter(u8::is_ascii_digit).count();
    match (of_last, signs.len()) {
        (1, 2..) => Said::Decimal(last),
        (2.., _) => Said::Decimal(other),
        _ if after != 3 || amount.trim_start_matches(['-', '+']).starts_with('0') => Said::Decimal(last),
        _ => Said::Either,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_shows_in_the_first_line() {
        assert_eq!(
            [delimiter("a,b,c"), delimiter("a;b,c;d"), delimiter("a\tb"), delimiter("a|b"), delimiter("a")],
            [',', ';', '\t', '|', ',']
        );
    }

    #[test]
    fn dates_that_can_be_read_in_two_ways_are_asked() {
        for (dates, expected) in [
            (&["2026-03-01", "2026-12-31"][..], Some("%Y-%m-%d")),
            (&["01/03/2026", "31/03/2026"], Some("%d/%m/%Y")),
            (&["03/01/2026", "03/31/2026"], Some("%m/%d/%Y")),
            (&["01/03/2026", "02/04/2026"], None),
            (&["03/03/2026", "04/04/2026"], Some("%d/%m/%Y")),
            (&["1.3.2026"], Some("%d.%m.%Y")),
            (&["20260301"], Some("%Y%m%d")),
            (&["13/02/26"], Some("%d/%m/%y")),
            (&["13/02/2026", "nonsense"], Some("%d/%m/%Y")),
            (&["soon"], None),
            (&[], Some("%Y-%m-%d")),
        ] {
            assert_eq!(date_format(dates).ok(), expected, "{dates:?}: {:?}", date_format(dates));
        }
        assert_eq!(date_format(&["01/03/2026"]).unwrap_err(), "is \"01/03/2026\" written as %d/%m/%Y or as %m/%d/%Y? Give date_format");
    }

    #[test]
    fn amounts_that_can_be_read_in_two_ways_are_asked() {
        for (amounts, expected) in [
            (&["1 200,50", "80"][..], Some(',')),
            (&["1,200.50"], Some('.')),
            (&["1.200,50"], Some(',')),
            (&["1.200.000"], Some(',')),
            (&["12"], Some('.')),
            (&["0,125"], Some(',')),
            (&["12,345"], None),
            (&["12,345", "7,5"], Some(',')),
            (&["7.5", "7,5"], None),
        ] {
            assert_eq!(decimal_separator(amounts).ok(), expected, "{amounts:?}");
        }
    }
}
