//! A part of an amount in percent, exact: `33.3333`.
//!
//! Kept in millionths of the whole, so that taking it is arithmetic of integers. Invariant: above nothing, and at most the whole.

use std::{fmt, str::FromStr};

/// The whole, in millionths.
const WHOLE: u32 = 1_000_000;
/// Decimals of a percentage.
const DECIMALS: usize = 4;

/// A part of an amount.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Portion(u32);

impl Portion {
    /// How many millionths of the whole.
    pub const fn millionths(self) -> u32 {
        self.0
    }

    /// This part of `amount`, rounded half away from nothing to a whole minor unit.
    pub fn of(self, amount: i64) -> i64 {
        part(amount, self.0)
    }

    /// This part of the share that `numerator` has in `denominator`, of `amount`; rounded once.
    pub fn of_share(self, amount: i64, numerator: i64, denominator: i64) -> i64 {
        let product = i128::from(amount).saturating_mul(i128::from(numerator)).saturating_mul(i128::from(self.0));
        rounded(product, i128::from(denominator).saturating_mul(i128::from(WHOLE)))
    }
}

/// So many millionths of `amount`.
pub(super) fn part(amount: i64, millionths: u32) -> i64 {
    rounded(i128::from(amount).saturating_mul(i128::from(millionths)), i128::from(WHOLE))
}

/// A quotient, rounded half away from nothing; of nothing, nothing.
pub(super) fn rounded(dividend: i128, divisor: i128) -> i64 {
    let half = divisor / 2;
    let moved = if dividend < 0 { dividend.saturating_sub(half) } else { dividend.saturating_add(half) };
    moved.checked_div(divisor).and_then(|quotient| i64::try_from(quotient).ok()).unwrap_or(0)
}

impl FromStr for Portion {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no part: write a decimal number of percent above 0 and up to 100, such as \"33.3333\"");
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str, most: usize| (1..=most).contains(&part.len()) && part.bytes().all(|one| one.is_ascii_digit());
        if !digits(whole, 3) || !digits(decimals, DECIMALS) {
            return Err(wrong());
        }
        let millionths: u32 = format!("{whole}{decimals:0<DECIMALS$}").parse().map_err(|_| wrong())?;
        if (1..=WHOLE).contains(&millionths) { Ok(Self(millionths)) } else { Err(wrong()) }
    }
}
impl fmt::Display for Portion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, decimals) = (self.0 / 10_000, self.0 % 10_000);
        if decimals == 0 {
            return write!(f, "{whole}");
        }
        f.write_str(format!("{whole}.{decimals:04}").trim_end_matches('0'))
    }
}
impl fmt::Debug for Portion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} %")
    }
}
impl serde::Serialize for Portion {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}
impl<'de> serde::Deserialize<'de> for Portion {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
impl utoipa::PartialSchema for Portion {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("A part of an amount in percent, above 0 and up to 100, as a decimal number in a text, so that it is exact."))
            .pattern(Some("^(100(\\.0{1,4})?|[0-9]{1,2}(\\.[0-9]{1,4})?)$"))
            .max_length(Some(8))
            .examples([serde_json::json!("33.3333")])
            .into()
    }
}
impl utoipa::ToSchema for Portion {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_exact_and_bounded() {
        for right in ["2", "33.3333", "0.0001", "100", "12.5"] {
            assert_eq!(right.parse::<Portion>().map(|part| part.to_string()).as_deref(), Ok(right));
        }
        assert_eq!("12.50".parse::<Portion>(), "12.5".parse());
        for wrong in ["", "0", "0.0", "100.0001", "101", "2,5", "-2", "+2", "1e1", ".5", "5.", "0.00001", "1000"] {
            assert!(wrong.parse::<Portion>().is_err(), "{wrong}");
        }
        assert!(serde_json::from_str::<Portion>("2.5").is_err(), "a JSON number is a float");
    }

    #[test]
    fn halves_are_rounded_up_once() {
        let two: Portion = "2".parse().unwrap();
        assert_eq!([two.of(120_000), two.of(25), two.of(24), two.of(0)], [2_400, 1, 0, 0]);
        // 2 % of the net part (1000 of 1200) of 600: 10.
        assert_eq!(two.of_share(600, 1_000, 1_200), 10);
        assert_eq!(two.of_share(600, 1_000, 0), 0);
        let most = crate::domain::money::MAX_MINOR;
        assert_eq!("100".parse::<Portion>().unwrap().of_share(most, most, most), most);
    }
}
