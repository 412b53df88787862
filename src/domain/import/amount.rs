//! Amounts as people write them, read exactly: no float comes near them.

use crate::domain::money::{Currency, MAX_MINOR};

/// An amount in minor units, from digits with an optional decimal part and separators of thousands (`1 234,50`, `1,234.50`, `1'234.50`).
pub(super) fn minor(text: &str, decimal_separator: char, currency: Currency) -> Result<i64, String> {
    let wrong = || format!("not an amount written with {decimal_separator:?} before the decimals");
    if text.starts_with('-') || text.starts_with('(') {
        return Err("negative: record it as a credit note".to_owned());
    }
    let grouping = |one: char| one != decimal_separator && matches!(one, ' ' | '\u{a0}' | '\u{202f}' | '\'' | ',' | '.');
    let plain: String = text.chars().filter(|one| !grouping(*one)).collect();
    let (whole, decimals) = plain.split_once(decimal_separator).unwrap_or((&plain, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(decimals) {
        return Err(wrong());
    }
    exact(whole, decimals, currency)
}

/// An amount in minor units as XML writes it: a sign perhaps, digits, a point and decimals (`-1234.500`), and nothing else.
pub(in crate::domain) fn decimal(text: &str, currency: Currency) -> Result<i64, String> {
    signed(text, '.', currency)
}

/// The same, with `separator` before the decimals.
pub(super) fn signed(text: &str, separator: char, currency: Currency) -> Result<i64, String> {
    let plain = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, decimals) = plain.split_once(separator).unwrap_or((plain, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && decimals.is_empty()) || !digits(whole) || !digits(decimals) {
        let place = currency.decimals();
        return Err(format!(
            "not an amount; write digits and {place} decimals after {separator:?}, without a currency or separators of thousands"
        ));
    }
    let minor = exact(whole, decimals, currency)?;
    Ok(if text.starts_with('-') { -minor } else { minor })
}

/// Digits as minor units; zeros beyond the currency's decimals say nothing.
fn exact(whole: &str, decimals: &str, currency: Currency) -> Result<i64, String> {
    let places = usize::try_from(currency.decimals()).unwrap_or(0);
    let (whole, kept) = (whole.trim_start_matches('0'), decimals.trim_end_matches('0'));
    if kept.len() > places {
        return Err(format!("{currency} has {places} decimals"));
    }
    let minor = format!("0{whole}{kept:0<places$}").parse::<i64>().ok().filter(|minor| *minor <= MAX_MINOR);
    minor.ok_or_else(|| "too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_in_any_spelling() {
        let yen: Currency = "JPY".parse().unwrap();
        for (text, separator, currency, expected) in [
            ("55.94", '.', Currency::EUR, Ok(5_594)),
            ("1 234,5", ',', Currency::EUR, Ok(123_450)),
            ("1,234.50", '.', Currency::EUR, Ok(123_450)),
            ("12.000", '.', yen, Ok(12)),
            ("7", '.', Currency::EUR, Ok(700)),
        ] {
            assert_eq!(minor(text, separator, currency), expected, "{text}");
        }
        for wrong in ["", "-1", "1.2.3", "1.005", "abc", "99999999999999999999", "(5)"] {
            assert!(minor(wrong, '.', Currency::EUR).is_err(), "{wrong}");
        }
    }

    #[test]
    fn decimals_of_files_are_exact_and_may_be_negative() {
        let yen: Currency = "JPY".parse().unwrap();
        for (text, currency, expected) in [
            ("8.850", Currency::EUR, 885),
            ("-529.87", Currency::EUR, -52_987),
            ("+5", Currency::EUR, 500),
            (".5", Currency::EUR, 50),
            ("000000000025.", Currency::EUR, 2_500),
            ("200000.00000", yen, 200_000),
        ] {
            assert_eq!(decimal(text, currency), Ok(expected), "{text}");
        }
        for wrong in ["", "-", ".", "1,5", "1 000", "1e3", "--1", "8.855", "1.005", "0x1", "NaN", "10000000000000.01", "٣"] {
            assert!(decimal(wrong, Currency::EUR).is_err(), "{wrong}");
        }
        assert_eq!(signed("-1,5", ',', Currency::EUR), Ok(-150));
    }
}
