//! Amounts and dates as a reader of each language expects them.
//!
//! Follows the Unicode CLDR for grouping, decimals, long dates and spaces. Two choices are ours: only the euro and the pound have a
//! sign, because `$` is a dozen currencies; and a [`Style::Plain`] keeps to GSM-7, where a single `û` in «août» would double the
//! price of an SMS.

use chrono::{Datelike, NaiveDate};

use crate::domain::{
    ledger::settlement::PaymentMethod,
    locale::Language,
    money::{Currency, Money},
};

/// A way to pay, in words.
pub const fn payment_method(method: PaymentMethod, language: Language) -> &'static str {
    use Language::{Dutch, English, French, German};
    match (method, language) {
        (PaymentMethod::Transfer, French) => "virement",
        (PaymentMethod::Transfer, English) => "bank transfer",
        (PaymentMethod::Transfer, Dutch) => "overschrijving",
        (PaymentMethod::Transfer, German) => "Überweisung",
        (PaymentMethod::DirectDebit, French) => "prélèvement",
        (PaymentMethod::DirectDebit, English) => "direct debit",
        (PaymentMethod::DirectDebit, Dutch) => "domiciliëring",
        (PaymentMethod::DirectDebit, German) => "Lastschrift",
        (PaymentMethod::Card, French) => "carte bancaire",
        (PaymentMethod::Card, English) => "card",
        (PaymentMethod::Card, Dutch) => "bankkaart",
        (PaymentMethod::Card, German) => "Karte",
        (PaymentMethod::Cheque, French) => "chèque",
        (PaymentMethod::Cheque, English | Dutch) => "cheque",
        (PaymentMethod::Cheque, German) => "Scheck",
        (PaymentMethod::Cash, French) => "espèces",
        (PaymentMethod::Cash, English) => "cash",
        (PaymentMethod::Cash, Dutch) => "contant",
        (PaymentMethod::Cash, German) => "bar",
        (PaymentMethod::Other, French) => "autre moyen convenu",
        (PaymentMethod::Other, English) => "another agreed means",
        (PaymentMethod::Other, Dutch) => "een ander overeengekomen middel",
        (PaymentMethod::Other, German) => "ein anderes vereinbartes Mittel",
    }
}

/// Where the text will be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// On a screen or on paper: no-break spaces, months in words.
    Full,
    /// In an SMS: ordinary spaces, short dates.
    Plain,
}

/// CLDR's group separator of French: a narrow no-break space.
const NARROW: char = '\u{202f}';
const NO_BREAK: char = '\u{a0}';

/// An amount: `1 234,50 €`, `€1,234.50`, `€ 1.234,50`, `1.234,50 €`, with as many decimals as the currency has.
pub fn money(amount: Money, language: Language, style: Style) -> String {
    let (space, narrow) = match style {
        Style::Full => (NO_BREAK, NARROW),
        Style::Plain => (' ', ' '),
    };
    let (group, point) = match language {
        Language::French => (narrow, ','),
        Language::English => (',', '.'),
        Language::Dutch | Language::German => ('.', ','),
    };
    let number = digits(amount, group, point);
    let sign = if amount.minor < 0 { "-" } else { "" };
    let symbol = symbol(&amount.currency);
    match language {
        Language::French | Language::German => format!("{sign}{number}{space}{symbol}"),
        Language::Dutch => format!("{symbol}{space}{sign}{number}"),
        Language::English if symbol.chars().count() == 1 => format!("{sign}{symbol}{number}"),
        Language::English => format!("{sign}{symbol}{space}{number}"),
    }
}

fn symbol(currency: &Currency) -> &str {
    match currency.as_str() {
        "EUR" => "€",
        "GBP" => "£",
        code => code,
    }
}

/// The digits without a sign: `1.234,50`.
fn digits(amount: Money, group: char, point: char) -> String {
    let decimals = usize::try_from(amount.currency.decimals()).unwrap_or(2);
    let padded = format!("{:0>width$}", amount.minor.unsigned_abs(), width = decimals + 1);
    let whole = padded.len().saturating_sub(decimals);
    let mut text = String::with_capacity(padded.len() * 2);
    for (place, digit) in padded.chars().enumerate() {
        if place == whole {
            text.push(point);
        } else if place > 0 && place < whole && (whole - place) % 3 == 0 {
            text.push(group);
        }
        text.push(digit);
    }
    text
}

const FRENCH: [&str; 12] =
    ["janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"];
const ENGLISH: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const DUTCH: [&str; 12] =
    ["januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november", "december"];
const GERMAN: [&str; 12] =
    ["Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"];

/// A date: `3 mars 2026`, `3 March 2026`, `3 maart 2026`, `3. März 2026`; in plain style `03/03/2026`, `3 Mar 2026`, `03-03-2026`,
/// `03.03.2026`.
pub fn date(date: NaiveDate, language: Language, style: Style) -> String {
    let (day, month, year) = (date.day(), date.month(), date.year());
    let name =
        |names: &[&'static str; 12]| usize::try_from(date.month0()).ok().and_then(|place| names.get(place).copied()).unwrap_or_default();
    match (language, style) {
        (Language::French, Style::Full) if day == 1 => format!("1er {} {year}", name(&FRENCH)),
        (Language::French, Style::Full) => format!("{day} {} {year}", name(&FRENCH)),
        (Language::English, Style::Full) => format!("{day} {} {year}", name(&ENGLISH)),
        (Language::Dutch, Style::Full) => format!("{day} {} {year}", name(&DUTCH)),
        (Language::German, Style::Full) => format!("{day}. {} {year}", name(&GERMAN)),
        (Language::French, Style::Plain) => format!("{day:02}/{month:02}/{year}"),
        (Language::English, Style::Plain) => format!("{day} {:.3} {year}", name(&ENGLISH)),
        (Language::Dutch, Style::Plain) => format!("{day:02}-{month:02}-{year}"),
        (Language::German, Style::Plain) => format!("{day:02}.{month:02}.{year}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::template::sms::{Encoding, segments};
    use proptest::prelude::*;

    fn of(minor: i64, currency: &str) -> Money {
        Money::new(minor, currency.parse().unwrap())
    }

    #[test]
    fn amounts_are_written_as_each_language_writes_them() {
        let all = |amount: Money| Language::ALL.iter().map(|language| money(amount, *language, Style::Full)).collect::<Vec<_>>();
        assert_eq!(all(of(123_450, "EUR")), ["1\u{202f}234,50\u{a0}€", "€1,234.50", "€\u{a0}1.234,50", "1.234,50\u{a0}€"]);
        assert_eq!(all(of(-5, "EUR")), ["-0,05\u{a0}€", "-€0.05", "€\u{a0}-0,05", "-0,05\u{a0}€"]);
        assert_eq!(all(of(1_234_567, "JPY"))[1..3], ["JPY\u{a0}1,234,567", "JPY\u{a0}1.234.567"]);
        assert_eq!(all(of(1_234_567, "TND"))[0], "1\u{202f}234,567\u{a0}TND");
        assert_eq!(money(of(100_000_000, "GBP"), Language::English, Style::Plain), "£1,000,000.00");
        assert_eq!(money(of(123_450, "EUR"), Language::French, Style::Plain), "1 234,50 €");
        assert_eq!(money(of(i64::MIN, "USD"), Language::English, Style::Plain), "-USD 92,233,720,368,547,758.08");
    }

    #[test]
    fn dates_are_written_as_each_language_writes_them() {
        let day = NaiveDate::from_ymd_opt(2026, 3, 3).unwrap();
        let all = |style| Language::ALL.iter().map(|language| date(day, *language, style)).collect::<Vec<_>>();
        assert_eq!(all(Style::Full), ["3 mars 2026", "3 March 2026", "3 maart 2026", "3. März 2026"]);
        assert_eq!(all(Style::Plain), ["03/03/2026", "3 Mar 2026", "03-03-2026", "03.03.2026"]);
        assert_eq!(date(NaiveDate::from_ymd_opt(2026, 8, 1).unwrap(), Language::French, Style::Full), "1er août 2026");
    }

    proptest! {
        #[test]
        fn the_digits_are_the_amount(minor in any::<i64>(), place in 0..4_usize, language in 0..4_usize) {
            let amount = of(minor, ["EUR", "JPY", "TND", "GBP"][place]);
            let text = money(amount, Language::ALL[language], Style::Full);
            let kept: String = text.chars().filter(|letter| letter.is_ascii_digit() || *letter == '-').collect();
            prop_assert_eq!(kept.parse::<i64>(), Ok(minor));
        }

        #[test]
        fn plain_style_keeps_to_gsm_7(minor in any::<i64>(), days in 0..40_000_i64, language in 0..4_usize) {
            let day = NaiveDate::from_ymd_opt(1999, 1, 1).unwrap() + chrono::TimeDelta::days(days);
            let language = Language::ALL[language];
            let text = money(of(minor, "EUR"), language, Style::Plain) + &date(day, language, Style::Plain);
            prop_assert_eq!(segments(&text).encoding, Encoding::Gsm7, "{}", text);
        }
    }
}
