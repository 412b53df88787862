//! What people ask for about credit.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{external::ExternalKey, ids::CustomerId, invalid::Faults, ledger::invoice::check_party, money::Currency};

/// A score set by hand.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"score": 4, "reason": "the parent company pays since March", "until": "2027-12-31T00:00:00Z"}))]
pub struct ScoreOverride {
    /// 1 (very risky) to 5 (safe).
    #[schema(minimum = 1, maximum = 5)]
    pub score: u8,
    /// In your words, for whoever reads it later.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
    /// When the computed score holds again.
    pub until: DateTime<Utc>,
}

impl ScoreOverride {
    /// The rules that no schema can say.
    pub fn check(&self, now: DateTime<Utc>) -> Faults {
        if self.until > now { Faults::none() } else { Faults::one("/until", "in_the_past", "must be in the future") }
    }
}

/// Why a customer is watched.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "changed its bank twice this year"}))]
pub struct Watch {
    /// In your words.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

/// A credit limit to set, in one currency.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"currency": "EUR", "limit": 1_000_000, "valid_until": "2027-12-31", "reason": "three years without delay"}))]
pub struct LimitChange {
    /// Of which currency.
    pub currency: Currency,
    /// In minor units. 0 grants nothing; absent takes the limit away.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000i64)]
    pub limit: Option<i64>,
    /// Its last day.
    #[serde(default)]
    pub valid_until: Option<NaiveDate>,
    /// In your words.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

crate::words! {
    /// What a guarantee is.
    pub enum GuaranteeKind {
        /// A bank answers.
        BankGuarantee = "bank_guarantee",
        /// A credit insurer answers.
        CreditInsurance = "credit_insurance",
        /// A person answers with what is theirs.
        PersonalSurety = "personal_surety",
        /// A parent company answers.
        ParentCompany = "parent_company",
        /// Money was left with the creditor.
        Deposit = "deposit",
        /// Goods, claims or property were pledged, or stay the creditor's.
        Pledge = "pledge",
    }
}

/// A guarantee to record.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"customer_id": "cus_01jd3kq8e5fvv8m3s9tqz4x7ya", "kind": "bank_guarantee", "guarantor": "Banque du Nord", "currency": "EUR", "amount": 500_000,
    "valid_from": "2026-01-01", "expires_on": "2027-12-31", "reference": "BG-2026-17"}))]
pub struct NewGuarantee {
    /// For whom.
    pub customer_id: CustomerId,
    /// What it is.
    pub kind: GuaranteeKind,
    /// Who answers.
    #[schema(min_length = 1, max_length = 140)]
    pub guarantor: String,
    /// Of which currency.
    pub currency: Currency,
    /// Up to which amount, in minor units.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_000i64)]
    pub amount: i64,
    /// Its first day.
    pub valid_from: NaiveDate,
    /// Its last day; absent: until it is released.
    #[serde(default)]
    pub expires_on: Option<NaiveDate>,
    /// The guarantor's own number.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 100)]
    pub reference: Option<String>,
}

impl NewGuarantee {
    /// The rules that no schema can say.
    pub fn check(&self) -> Faults {
        if self.expires_on.is_some_and(|last| last < self.valid_from) {
            return Faults::one("/expires_on", "out_of_order", "ends before it begins");
        }
        Faults::none()
    }
}

/// An order to be decided about.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"customer_id": "cus_01jd3kq8e5fvv8m3s9tqz4x7ya", "currency": "EUR", "amount": 240_000, "order_reference": "PO-77"}))]
pub struct NewCreditDecision {
    /// Who orders; or give `customer`.
    #[serde(default)]
    pub customer_id: Option<CustomerId>,
    /// Who orders, by the name of another system; or give `customer_id`.
    #[serde(default)]
    pub customer: Option<ExternalKey>,
    /// Of which currency.
    pub currency: Currency,
    /// What the order comes to, tax included, in minor units.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_000i64)]
    pub amount: i64,
    /// The order's number. An invoice that bears it takes the place of what is reserved.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 100)]
    pub order_reference: Option<String>,
}

impl NewCreditDecision {
    /// The rules that no schema can say.
    pub fn check(&self) -> Faults {
        let mut faults = Faults::none();
        check_party(self.customer_id.is_some(), self.customer.is_some(), &mut faults);
        faults
    }
}

/// Why something is decided by hand, against the rules.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "the managing director vouches for this order"}))]
pub struct DecisionOverride {
    /// In your words.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

/// How a review ended.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"note": "limit raised after a call with the management"}))]
pub struct ReviewDone {
    /// In your words.
    #[schema(min_length = 1, max_length = 4000)]
    pub note: String,
}

crate::words! {
    /// What became of what a decision reserved.
    pub enum Reservation {
        /// Nothing was reserved.
        None = "none",
        /// It counts against the limit until it expires.
        Held = "held",
        /// Invoices took its place.
        Confirmed = "confirmed",
        /// Given up before an invoice came.
        Released = "released",
        /// Its time ended before an invoice came. Shown, never kept: what is held says until when.
        Expired = "expired",
    }
}

crate::words! {
    /// Where a solvency check stands.
    pub enum SolvencyState {
        /// To be asked, or asked and not answered yet.
        Requested = "requested",
        /// Answered.
        Answered = "answered",
        /// Nobody could be asked.
        Failed = "failed",
    }
}

/// A solvency check to ask for.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"reason": "first order above 10,000 euros"}))]
pub struct NewSolvencyCheck {
    /// In your words.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: Option<String>,
}

/// What a provider answers about a payer's solvency: the `data` of its signed `solvency.answered`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SolvencyAnswer {
    /// 1 (failing) to 5 (sound).
    pub rating: u8,
    /// The limit that it advises, in minor units of `currency`.
    #[serde(default)]
    pub recommended_limit: Option<i64>,
    /// Of the limit.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// The provider's own number.
    #[serde(default)]
    pub reference: Option<String>,
    /// In its words.
    #[serde(default)]
    pub summary: Option<String>,
}
