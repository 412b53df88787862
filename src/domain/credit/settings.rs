//! How a tenant grants credit: what counts as exposure, what each score must pay first, what must be known of a customer.

use serde::{Deserialize, Serialize};
use utoipa::{
    ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::ArrayBuilder, schema::Type},
};

use super::{checklist::ChecklistRule, decision::CreditOutcome};
use crate::domain::{dunning::policy::Threshold, invalid::Faults, money::Currency};

crate::words! {
    /// How contested amounts count.
    pub enum DisputedAmounts {
        /// As exposure, like every other.
        Counted = "counted",
        /// Not at all, until the dispute ends.
        Excluded = "excluded",
    }
}

/// How credit is granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"disputed": "excluded", "dust": [{"currency": "EUR", "minor": 500}], "deposit_percent_by_score": [100, 50, 20, 0, 0], "max_overdue_days": 30,
    "without_limit": "prepayment_required", "reservation_days": 30, "risky_activities": ["56"],
    "checklist": [{"kind": "business", "identifiers": ["registration_number", "vat_id"], "fields": ["legal_form", "directors"]}]}))]
pub struct CreditSettings {
    /// Whether contested amounts count as exposure.
    pub disputed: DisputedAmounts,
    /// Instalments of which no more than this is left count neither as exposure nor as overdue; by currency.
    #[schema(max_items = 50)]
    pub dust: Vec<Threshold>,
    /// Which part of an order is paid first, in per cent, for the scores 1, 2, 3, 4 and 5.
    #[schema(schema_with = five_shares)]
    pub deposit_percent_by_score: [u8; 5],
    /// Credit is refused while something is overdue for more days than this.
    #[schema(minimum = 0, maximum = 3650)]
    pub max_overdue_days: u16,
    /// What is decided for a customer that has no credit limit in the currency.
    pub without_limit: CreditOutcome,
    /// For how many days a decision reserves its amount.
    #[schema(minimum = 1, maximum = 365)]
    pub reservation_days: u16,
    /// Beginnings of activity codes that lower a score.
    #[schema(schema_with = activities)]
    pub risky_activities: Vec<String>,
    /// What must be known of a customer. While something is missing, credit is refused.
    #[schema(max_items = 10)]
    pub checklist: Vec<ChecklistRule>,
}

fn five_shares() -> RefOr<Schema> {
    let share = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).maximum(Some(100));
    let about = "Which part of an order is paid first, in per cent, for the scores 1, 2, 3, 4 and 5.";
    ArrayBuilder::new().description(Some(about)).items(share).min_items(Some(5)).max_items(Some(5)).into()
}

fn activities() -> RefOr<Schema> {
    let code = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(20));
    ArrayBuilder::new().description(Some("Beginnings of activity codes that lower a score.")).items(code).max_items(Some(100)).into()
}

impl Default for CreditSettings {
    fn default() -> Self {
        Self {
            disputed: DisputedAmounts::Counted,
            dust: Vec::new(),
            deposit_percent_by_score: [100, 50, 20, 0, 0],
            max_overdue_days: 30,
            without_limit: CreditOutcome::PrepaymentRequired,
            reservation_days: 30,
            risky_activities: Vec::new(),
            checklist: Vec::new(),
        }
    }
}

impl CreditSettings {
    /// What is dust in a currency, in minor units.
    pub fn dust_in(&self, currency: Currency) -> i64 {
        self.dust.iter().find(|one| one.currency == currency).map_or(0, |one| one.minor)
    }

    /// Which part of an order a score pays first, in per cent.
    pub fn deposit_percent(&self, score: u8) -> i64 {
        let place = usize::from(score.clamp(1, 5)).saturating_sub(1);
        self.deposit_percent_by_score.get(place).copied().map_or(0, i64::from)
    }

    /// The rules that no schema can say.
    pub fn check(&self) -> Faults {
        let mut faults = Faults::none();
        for (n, one) in self.dust.iter().enumerate() {
            if self.dust.iter().take(n).any(|earlier| earlier.currency == one.currency) {
                faults.add(format!("/dust/{n}/currency"), "repeated", "each currency stands here once");
            }
        }
        if !self.deposit_percent_by_score.is_sorted_by(|worse, better| worse >= better) {
            faults.add(
                "/deposit_percent_by_score",
                "out_of_order",
                "a better score never pays more first: list them from score 1 to score 5",
            );
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_fall_as_the_score_rises() {
        let settings = CreditSettings::default();
        assert_eq!([1, 3, 5, 9].map(|score| settings.deposit_percent(score)), [100, 20, 0, 0]);
        assert!(settings.check().0.is_empty());
        let dust = vec![Threshold { currency: Currency::EUR, minor: 1 }; 2];
        let wrong = CreditSettings { deposit_percent_by_score: [0, 0, 0, 0, 1], dust, ..settings };
        let codes: Vec<_> = wrong.check().0.into_iter().map(|fault| fault.code).collect();
        assert_eq!(codes, ["repeated", "out_of_order"]);
    }
}
