//! What each jurisdiction says about late payment, as one table.
//!
//! Each row names its sources: `[read]` for a text of the law, a court or a public body that was read, `[reported]` for a secondary source,
//! `[recalled]` or `[worked out]` for what should be confirmed. Where nothing is known of a debtor's protection, there is no row, and nothing is claimed by
//! law. The base is the amount with tax unless a clause says otherwise. Not here: the rates, which are in [`super::rates`].

mod table;

use chrono::NaiveDate;

pub use table::RULES;

use super::{Compounding, DayCount, rates::Series};
use crate::domain::{customer::CustomerKind, locale::Jurisdiction};

/// Whose law is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Between businesses, and from businesses to public bodies.
    Business,
    /// From a business to a consumer.
    Consumer,
}

impl From<CustomerKind> for Audience {
    fn from(kind: CustomerKind) -> Self {
        match kind {
            CustomerKind::Business | CustomerKind::PublicBody => Self::Business,
            CustomerKind::Consumer => Self::Consumer,
        }
    }
}

/// The law of one jurisdiction for one audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Its name in answers: `fr.business`.
    pub name: &'static str,
    /// ISO 3166 code; a country covers its subdivisions that have no row of their own.
    pub jurisdiction: &'static str,
    /// Whom it is for.
    pub audience: Audience,
    /// The sequence that the rate comes from.
    pub series: Series,
    /// What is added to it, in hundredths of a point, by the first day of the claim from which each margin applies.
    pub margins: &'static [(NaiveDate, i64)],
    /// How the sum is found where the sequence has a gap; provisional.
    pub fallback: Option<Fallback>,
    /// Whether the rate follows the sequence while the debt is late.
    pub over_time: OverTime,
    /// How days are counted.
    pub day_count: DayCount,
    /// When amounts become minor units, half up.
    pub rounding: Rounding,
    /// Whether interest bears interest.
    pub compounding: Compounding,
    /// The first day that bears interest.
    pub start: Start,
    /// The fixed sum for recovery costs.
    pub sum: Option<Sum>,
    /// Whether the fixed sum is owed only together with statutory interest.
    pub sum_with_statutory_interest: bool,
    /// How much may be agreed instead of the fixed sum.
    pub agreed_sum: AgreedSum,
    /// What the law does to an agreed rate.
    pub agreed_rate: AgreedRate,
    /// Whether a payment settles charged interest and costs before the principal.
    pub interest_first: bool,
    /// Where all this was read.
    pub sources: &'static [&'static str],
}

/// A rate worked out from another sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fallback {
    /// From which.
    pub series: Series,
    /// Added to it, in hundredths of a point.
    pub margin: i64,
    /// Whether the sum is rounded up to the next half point.
    pub half_point_up: bool,
}

/// Whether the rate moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverTime {
    /// The rate of the first day holds to the end.
    FixedAtStart,
    /// Each period of the sequence has its own rate.
    ByPeriod,
}

/// When amounts become minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Each line, so that the lines shown sum to the total.
    PerLine,
    /// Their sum, once.
    Once,
}

/// When interest begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The day after the due date.
    AfterDueDate,
    /// So many days after the first reminder, and the next day at the earliest; nothing without one.
    AfterReminder {
        /// Days that the reminder leaves to pay.
        wait: u64,
    },
}

/// An amount by the size of the debt, in minor units of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sum {
    /// Of its amounts.
    pub currency: &'static str,
    /// From small to large.
    pub bands: &'static [Band],
    /// At least.
    pub min: i64,
    /// At most.
    pub max: i64,
}

/// A part of such a scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Band {
    /// For debts above this.
    pub above: i64,
    /// The amount.
    pub flat: i64,
    /// And so many thousandths of what exceeds `above`.
    pub per_mille: i64,
}

impl Sum {
    /// The amount for a debt of `principal` minor units; nothing for none.
    pub fn of(&self, principal: i64) -> i64 {
        let Some(band) = self.bands.iter().rev().find(|band| principal > band.above) else { return 0 };
        let over = i128::from(principal.saturating_sub(band.above)) * i128::from(band.per_mille);
        let part = i64::try_from((over + 500) / 1000).unwrap_or(i64::MAX);
        band.flat.saturating_add(part).clamp(self.min, self.max)
    }
}

/// How much may be agreed instead of the fixed sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgreedSum {
    /// Any amount.
    Free,
    /// No more than the fixed sum of the law.
    UpToStatutory,
    /// No more than this.
    UpTo(Sum),
    /// Nothing: it is not asked for.
    Never,
}

/// What the law does to an agreed rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgreedRate {
    /// It holds.
    Free,
    /// It is raised to so many times the rate of a sequence.
    AtLeast(Series, i64),
    /// It is lowered to the rate of a sequence.
    AtMost(Series),
}

/// The rule for a debtor, if there is one.
pub fn rule(law: &Jurisdiction, kind: CustomerKind) -> Option<&'static Rule> {
    let audience = Audience::from(kind);
    let find = |code: &str| RULES.iter().find(|rule| rule.audience == audience && rule.jurisdiction == code);
    find(law.as_str()).or_else(|| find(law.country()))
}
