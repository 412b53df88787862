//! A hold: a customer or an invoice is left in peace for a while, for a reason.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{
    ids::{CustomerId, InvoiceId},
    invalid::Faults,
};

/// A hold to place.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"customer_id": "cus_01jd3kq8e5fvv8m3s9tqz4x7ya", "reason": "their accountant is ill", "until": "2026-04-15"}))]
pub struct NewHold {
    /// Whom to leave in peace, with all that is owed; or give `invoice_id`.
    #[serde(default)]
    pub customer_id: Option<CustomerId>,
    /// Which invoice not to speak of; or give `customer_id`.
    #[serde(default)]
    pub invoice_id: Option<InvoiceId>,
    /// Why, in your words.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
    /// Its last day; absent: until it is lifted.
    #[serde(default)]
    pub until: Option<NaiveDate>,
}

impl NewHold {
    /// The rules that no schema can say.
    pub fn check(&self, today: NaiveDate) -> Faults {
        let mut faults = Faults::none();
        match (self.customer_id, self.invoice_id) {
            (None, None) => faults.add("/customer_id", "required", "give customer_id or invoice_id"),
            (Some(_), Some(_)) => faults.add("/invoice_id", "contradiction", "give customer_id or invoice_id, not both"),
            _ => {}
        }
        if self.until.is_some_and(|until| until < today) {
            faults.add("/until", "in_the_past", format!("the last day of a hold is today ({today}) or later"));
        }
        faults
    }
}
