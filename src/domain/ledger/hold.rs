//! A hold: a customer or an invoice is left in peace for a while, from now or from a day to come, for a reason.

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
#[schema(example = json!({"customer_id": "cus_01jd3kq8e5fvv8m3s9tqz4x7ya", "reason": "their accountant is ill", "from": "2026-04-01", "until": "2026-04-15"}))]
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
    /// Its first day, in the tenant's zone; absent: from now on. Until then reminders go on.
    #[serde(default)]
    pub from: Option<NaiveDate>,
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
        if self.from.is_some_and(|from| from < today) {
            faults.add("/from", "in_the_past", format!("the first day of a hold is today ({today}) or later; without one it begins now"));
        }
        if self.until.is_some_and(|until| until < today) {
            faults.add("/until", "in_the_past", format!("the last day of a hold is today ({today}) or later"));
        } else if let (Some(from), Some(until)) = (self.from, self.until)
            && until < from
        {
            faults.add("/until", "before_start", format!("the last day of a hold is not before its first, {from}"));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_lies_ahead_and_ends_after_it_begins() {
        let codes = |from: &str, until: &str| {
            let day = |text: &str| (!text.is_empty()).then(|| text.parse().unwrap());
            let invoice_id = Some("inv_01jd3kq8e5fvv8m3s9tqz4x7ya".parse().unwrap());
            let hold = NewHold { customer_id: None, invoice_id, reason: "ill".to_owned(), from: day(from), until: day(until) };
            let faults = hold.check("2026-03-02".parse().unwrap());
            faults.0.into_iter().map(|fault| (fault.pointer, fault.code)).collect::<Vec<_>>()
        };
        for (from, until) in [("", ""), ("2026-03-02", ""), ("2026-03-09", "2026-03-09"), ("", "2026-03-02")] {
            assert_eq!(codes(from, until), []);
        }
        assert_eq!(codes("2026-03-01", "2026-03-09"), [("/from".to_owned(), "in_the_past")]);
        assert_eq!(codes("2026-03-09", "2026-03-08"), [("/until".to_owned(), "before_start")]);
        assert_eq!(codes("", "2026-03-01"), [("/until".to_owned(), "in_the_past")]);
    }
}
