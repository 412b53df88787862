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
    let places = usize::try_from(currency.decimals()).unwrap_or(0);
    let kept = decimals.trim_end_matches('0');
    if kept.len() > places {
        return Err(format!("{currency} has {places} decimals"));
    }
    let minor = format!("{whole}{kept:0<places$}").parse::<i64>().ok().filter(|minor| *minor <= MAX_MINOR);
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
}
