//! What terms and invoices say about late payment: the interest asked for, and the fixed sum for recovery costs.
//!
//! Values, and shapes of the public API. What they come to is in [`super::compute()`]. Invariant: a clause names no debtor and no date, so it
//! can be copied from terms to an invoice and mean the same there.

use std::{fmt, str::FromStr};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::locale::Jurisdiction;

crate::words! {
    /// How the days of a period become a part of a year.
    pub enum DayCount {
        /// Days that passed, over 365.
        Actual365 = "actual_365",
        /// Days that passed, over 365 or 366 by the year in which each falls.
        ActualActual = "actual_actual",
        /// Months of 30 days, over 360.
        Thirty360 = "thirty_360",
    }
}

crate::words! {
    /// Whether interest bears interest.
    pub enum Compounding {
        /// Never: simple interest.
        None = "none",
        /// Interest is added to the principal on each anniversary of the first day late.
        Yearly = "yearly",
    }
}

crate::words! {
    /// What bears the interest.
    pub enum InterestBase {
        /// The amount with tax.
        Gross = "gross",
        /// The amount without tax: of what is left of an instalment, the share of the invoice that is no tax. An invoice that states no tax has none.
        Net = "net",
    }
}

impl InterestBase {
    /// What is meant where nothing is said.
    const fn is_gross(&self) -> bool {
        matches!(self, Self::Gross)
    }
}

const fn gross() -> InterestBase {
    InterestBase::Gross
}

/// A yearly rate in percent, exact: `8.05`.
///
/// From -100 to 1000, with at most four decimals; written as a text, because a JSON number would be read as a float.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(Decimal);

impl Percent {
    /// The largest number of decimals.
    pub const MAX_SCALE: u32 = 4;

    /// A rate within the bounds.
    pub fn new(value: Decimal) -> Option<Self> {
        let bounded = (Decimal::from(-100)..=Decimal::ONE_THOUSAND).contains(&value) && value.normalize().scale() <= Self::MAX_SCALE;
        bounded.then_some(Self(value))
    }

    /// The number.
    pub const fn value(self) -> Decimal {
        self.0
    }
}

impl FromStr for Percent {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let plain = !text.starts_with('+') && !text.contains('_');
        let value = Decimal::from_str_exact(text).ok().filter(|_| plain);
        value.and_then(Self::new).ok_or_else(|| format!("{text:?} is no rate: write a decimal number of percent a year, such as \"8.05\""))
    }
}
impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
impl fmt::Debug for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl Serialize for Percent {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
impl utoipa::PartialSchema for Percent {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("Percent a year, as a decimal number in a text, so that it is exact."))
            .pattern(Some("^-?(1000|[0-9]{1,3})(\\.[0-9]{1,4})?$"))
            .max_length(Some(9))
            .examples([serde_json::json!("8.05")])
            .into()
    }
}
impl ToSchema for Percent {}

/// The interest asked for late payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[schema(example = json!({"kind": "contractual", "annual_rate_percent": "12.5", "day_count": "actual_365", "compounding": "none"}))]
pub enum LateInterest {
    /// What the law gives, at its rates and by its rules.
    Statutory {
        /// Whose law; without it, the creditor's. A consumer's own law applies whatever is written here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        jurisdiction: Option<Jurisdiction>,
        /// Whether tax bears interest, too. In the Union it does; of the United Kingdom public sources disagree.
        #[serde(default = "gross", skip_serializing_if = "InterestBase::is_gross")]
        #[schema(default = "gross")]
        base: InterestBase,
    },
    /// What was agreed.
    Contractual {
        /// The agreed rate. Where the law has a floor or a ceiling for it, that prevails.
        annual_rate_percent: Percent,
        /// How days are counted.
        #[serde(default = "actual_365")]
        #[schema(default = "actual_365")]
        day_count: DayCount,
        /// Whether interest bears interest.
        #[serde(default = "simple")]
        #[schema(default = "none")]
        compounding: Compounding,
        /// Whether tax bears interest, too.
        #[serde(default = "gross", skip_serializing_if = "InterestBase::is_gross")]
        #[schema(default = "gross")]
        base: InterestBase,
    },
    /// None is asked for.
    None {},
}

const fn actual_365() -> DayCount {
    DayCount::Actual365
}

const fn simple() -> Compounding {
    Compounding::None
}

impl Default for LateInterest {
    /// What the law gives: it needs no clause.
    fn default() -> Self {
        Self::Statutory { jurisdiction: None, base: InterestBase::Gross }
    }
}

impl LateInterest {
    /// What bears it.
    pub const fn base(&self) -> InterestBase {
        match self {
            Self::Statutory { base, .. } | Self::Contractual { base, .. } => *base,
            Self::None {} => InterestBase::Gross,
        }
    }
}

/// The fixed sum asked for the costs of recovering a late payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[schema(example = json!({"kind": "agreed", "amount_minor": 4000}))]
pub enum FixedSum {
    /// What the law gives.
    Statutory {},
    /// What was agreed; against a consumer only as far as its law allows.
    Agreed {
        /// Per invoice, in minor units of its currency.
        #[schema(minimum = 1, maximum = 1_000_000_000i64)]
        amount_minor: i64,
    },
    /// None is asked for.
    None {},
}

impl Default for FixedSum {
    /// What the law gives: it needs no clause.
    fn default() -> Self {
        Self::Statutory {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_exact_and_bounded() {
        for right in ["8.05", "-0.88", "0", "1000", "12.1234"] {
            assert_eq!(right.parse::<Percent>().map(|rate| rate.to_string()).as_deref(), Ok(right));
        }
        for wrong in ["", "8,05", "1e3", "1000.1", "-101", "0.00001", "+1", "1_000"] {
            assert!(wrong.parse::<Percent>().is_err(), "{wrong}");
        }
        assert!(serde_json::from_str::<Percent>("8.05").is_err(), "a JSON number is a float");
    }

    #[test]
    fn clauses_read_as_they_are_written() {
        let read = |text: &str| serde_json::from_str::<LateInterest>(text);
        let plain = read(r#"{"kind":"contractual","annual_rate_percent":"12"}"#).unwrap();
        assert_eq!(serde_json::to_value(plain).unwrap()["day_count"], "actual_365");
        assert_eq!(read(r#"{"kind":"statutory"}"#).unwrap(), LateInterest::default());
        assert_eq!(serde_json::to_string(&LateInterest::default()).unwrap(), r#"{"kind":"statutory"}"#, "what was not said is not written");
        assert_eq!(read(r#"{"kind":"statutory","base":"net"}"#).unwrap().base(), InterestBase::Net);
        assert!(read(r#"{"kind":"none","jurisdiction":"FR"}"#).is_err());
        assert_eq!(
            serde_json::from_str::<FixedSum>(r#"{"kind":"agreed","amount_minor":7500}"#).unwrap(),
            FixedSum::Agreed { amount_minor: 7500 }
        );
    }
}
