//! A direct debit on its way: until it is known whether the money came, what it collects is not asked for.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::settlement::Wanted;
use crate::domain::{
    external,
    ids::{CustomerId, InstalmentId, PaymentId},
    invalid::Faults,
    money::Currency,
};

/// Days after the collection at which news must be there: a SEPA debtor bank returns within five bank days.
pub const NEWS_DAYS: i32 = 10;

crate::words! {
    /// What became of a direct debit.
    pub enum DebitState {
        /// Announced to the bank; nothing is known yet.
        Announced = "announced",
        /// The money came, as a payment.
        Settled = "settled",
        /// Refused, or taken back: what it was to collect is claimed again.
        Failed = "failed",
    }
}

/// What a direct debit collects of an instalment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Collected {
    /// Which.
    pub instalment_id: InstalmentId,
    /// In minor units.
    #[schema(minimum = 1)]
    pub amount: i64,
}

/// A direct debit to announce.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"customer_id": "cus_01jd3kq8e5fvv8m3s9tqz4x7ya", "currency": "EUR", "collect_on": "2026-03-31", "reference": "MANDATE-77",
    "allocations": [{"invoice_id": "inv_01jd3kq8e5fvv8m3s9tqz4x7ya", "amount": 20000}]}))]
pub struct NewDirectDebit {
    /// Who is debited.
    pub customer_id: CustomerId,
    /// Of the amounts.
    pub currency: Currency,
    /// The day of the collection.
    pub collect_on: NaiveDate,
    /// What it collects.
    #[schema(min_items = 1, max_items = 200)]
    pub allocations: Vec<Wanted>,
    /// The mandate, or the bank's reference.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    pub reference: Option<String>,
}

/// The money of a direct debit has come.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"received_on": "2026-04-02", "source": "bank", "external_id": "2026-04-02/3"}))]
pub struct DebitSettlement {
    /// The value date; absent: the day of the collection.
    pub received_on: Option<NaiveDate>,
    /// The system that `external_id` comes from.
    #[schema(min_length = 1, max_length = 50, pattern = "^[A-Za-z0-9_.-]+$")]
    pub source: Option<String>,
    /// That system's name for the payment.
    #[schema(min_length = 1, max_length = 200)]
    pub external_id: Option<String>,
    /// The payment, where it was recorded already; without it one is recorded.
    pub payment_id: Option<PaymentId>,
}

impl DebitSettlement {
    /// The rules that no schema can say.
    pub fn check(&self) -> Faults {
        let mut faults = Faults::none();
        external::check(self.source.as_deref(), self.external_id.as_deref(), &mut faults);
        if self.payment_id.is_some() && (self.source.is_some() || self.received_on.is_some()) {
            faults.add("/payment_id", "contradiction", "the payment has its own date and name; leave the others out");
        }
        faults
    }
}

/// Why a direct debit failed.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"reason": "AM04 insufficient funds"}))]
pub struct DebitFailure {
    /// In the bank's words or yours.
    #[schema(max_length = 200)]
    pub reason: Option<String>,
}
