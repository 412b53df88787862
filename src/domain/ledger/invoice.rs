//! Invoices as they are recorded and changed.
//!
//! Invariant of what passes [`NewInvoice::check`]: it has 1 to 60 instalments, and their amounts sum to its total.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    InvoiceKind,
    document::DocumentLink,
    interest::{FixedSum, LateInterest},
    terms::{
        Dates,
        split::{Amounts, InstalmentDraft},
    },
};
use crate::domain::{
    external::{self, ExternalKey, Pairs},
    ids::{CreditDecisionId, CustomerId, InstalmentId, TermsId},
    invalid::Faults,
    money::Currency,
};

crate::words! {
    /// Where an invoice stands.
    pub enum InvoiceStatus {
        /// Something is left to pay.
        Open = "open",
        /// Nothing is left: paid, credited, or both.
        Settled = "settled",
        /// Withdrawn by the creditor; nothing is claimed.
        Cancelled = "cancelled",
    }
}

impl InvoiceStatus {
    /// The status of an invoice that nobody withdrew, by what is left of it.
    pub const fn of(balance_minor: i64) -> Self {
        if balance_minor == 0 { Self::Settled } else { Self::Open }
    }
}

/// A part of an invoice to record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"due_date": "2026-04-30", "amount": 60000}))]
pub struct NewInstalment {
    /// The last day on which it is paid in time.
    pub due_date: NaiveDate,
    /// In minor units.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_000i64)]
    pub amount: i64,
}

/// An invoice to record.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"customer": {"source": "sage", "external_id": "C-1001"}, "source": "sage", "external_id": "F-2026-118", "number": "F-2026-118",
    "kind": "invoice", "issue_date": "2026-03-01", "due_date": "2026-03-31", "currency": "EUR", "total": 120000, "net": 100000, "tax": 20000,
    "order_reference": "PO-77", "payment_link": "https://pay.example/F-2026-118"}))]
pub struct NewInvoice {
    /// Who owes it; or give `customer`.
    #[serde(default)]
    pub customer_id: Option<CustomerId>,
    /// Who owes it, by the name of another system; or give `customer_id`.
    #[serde(default)]
    pub customer: Option<ExternalKey>,
    /// The system that `external_id` comes from.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 50, pattern = "^[A-Za-z0-9_.-]+$")]
    pub source: Option<String>,
    /// That system's name for the invoice: unique in it.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    pub external_id: Option<String>,
    /// The number printed on it.
    #[schema(min_length = 1, max_length = 60)]
    pub number: String,
    /// What it asks for.
    #[serde(default = "invoice")]
    #[schema(default = "invoice")]
    pub kind: InvoiceKind,
    /// The date printed on it.
    pub issue_date: NaiveDate,
    /// Of all its amounts.
    pub currency: Currency,
    /// What is owed, tax included, in minor units.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000i64)]
    pub total: i64,
    /// The part before tax, in minor units. With `tax`, the two sum to `total`.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000i64)]
    pub net: Option<i64>,
    /// The tax in it, in minor units.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000i64)]
    pub tax: Option<i64>,
    /// The last day on which it is paid in time; or give `instalments`, or `terms_id`, or nothing: then the customer's terms apply, else the tenant's.
    #[serde(default)]
    pub due_date: Option<NaiveDate>,
    /// Whether `due_date` was counted from the words of the invoice's own terms. No caller says so: a reader of files does.
    #[serde(skip)]
    #[schema(ignore)]
    pub dated_by_terms: bool,
    /// The terms that give its due dates, discount and clauses. What they say now is copied: a later version never changes the invoice.
    #[serde(default)]
    pub terms_id: Option<TermsId>,
    /// The date of the order, for terms that count from it.
    #[serde(default)]
    pub order_date: Option<NaiveDate>,
    /// The date of the delivery, for terms that count from it.
    #[serde(default)]
    pub delivery_date: Option<NaiveDate>,
    /// Parts with a due date each, which sum to `total`; or give `due_date` or `terms_id`.
    #[serde(default)]
    #[schema(max_items = 60)]
    pub instalments: Vec<NewInstalment>,
    /// The debtor's order number.
    #[serde(default)]
    #[schema(max_length = 100)]
    pub order_reference: Option<String>,
    /// The credit decision that the order was delivered on: this invoice takes the place of what it reserves. Without it, `order_reference` finds it.
    #[serde(default)]
    pub credit_decision_id: Option<CreditDecisionId>,
    /// The delivery slip's number.
    #[serde(default)]
    #[schema(max_length = 100)]
    pub delivery_reference: Option<String>,
    /// The reference to give with a transfer: ISO 11649, Belgian, Swiss or other.
    #[serde(default)]
    #[schema(max_length = 40)]
    pub structured_reference: Option<String>,
    /// The page where it can be paid.
    #[serde(default)]
    #[schema(max_length = 500, pattern = "^https://[^ ]+$")]
    pub payment_link: Option<String>,
    /// The interest it asks for when paid late; what the law gives if absent.
    #[serde(default)]
    pub late_interest: Option<LateInterest>,
    /// The fixed sum it asks for when paid late; what the law gives if absent.
    #[serde(default)]
    pub fixed_sum: Option<FixedSum>,
    /// The creditor's own notes.
    #[serde(default)]
    pub metadata: Pairs,
    /// Documents that live elsewhere. Recording a known invoice again adds those that are new.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub documents: Vec<DocumentLink>,
}

const fn invoice() -> InvoiceKind {
    InvoiceKind::Invoice
}

impl NewInvoice {
    /// Its name in another system, if it has one.
    pub fn key(&self) -> Option<ExternalKey> {
        ExternalKey::of(self.source.as_deref(), self.external_id.as_deref())
    }

    /// Its parts, if they are given: those named, or all of it on the one due date.
    pub fn given(&self) -> Option<Vec<InstalmentDraft>> {
        let draft = |due_date, amount_minor| InstalmentDraft { due_date, amount_minor, discount: None };
        match (self.due_date, self.instalments.as_slice()) {
            (Some(due_date), _) => Some(vec![draft(due_date, self.total)]),
            (None, []) => None,
            (None, parts) => Some(parts.iter().map(|part| draft(part.due_date, part.amount)).collect()),
        }
    }

    /// What it comes to.
    pub const fn amounts(&self) -> Amounts {
        Amounts { total: self.total, net: self.net, currency: self.currency }
    }

    /// The dates that its terms may count from.
    pub const fn dates(&self) -> Dates {
        Dates { issue: self.issue_date, order: self.order_date, delivery: self.delivery_date }
    }

    /// The rules that no schema can say.
    pub fn check(&self) -> Faults {
        let mut faults = Faults::none();
        external::check(self.source.as_deref(), self.external_id.as_deref(), &mut faults);
        check_party(self.customer_id.is_some(), self.customer.is_some(), &mut faults);
        if let (Some(net), Some(tax)) = (self.net, self.tax)
            && net.checked_add(tax) != Some(self.total)
        {
            faults.add("/total", "sum", format!("net {net} and tax {tax} do not sum to the total {}", self.total));
        }
        match (self.due_date, self.instalments.as_slice()) {
            (None, []) => {}
            (Some(_), [_, ..]) => faults.add("/due_date", "contradiction", "give due_date or instalments, not both"),
            (Some(_), []) => {}
            (None, parts) => {
                let sum = parts.iter().try_fold(0_i64, |sum, part| sum.checked_add(part.amount));
                if sum != Some(self.total) {
                    let sum = sum.map_or_else(|| "too much".to_owned(), |sum| sum.to_string());
                    faults.add("/instalments", "sum", format!("the instalments sum to {sum}, the total is {}", self.total));
                }
            }
        }
        if self.terms_id.is_some() && (self.due_date.is_some() || !self.instalments.is_empty()) {
            faults.add("/terms_id", "contradiction", "give terms_id, or due dates of your own, not both");
        }
        check_link(self.payment_link.as_deref(), &mut faults);
        faults
    }
}

/// A due date to move.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DueDateChange {
    /// Which instalment; one that is not settled.
    pub instalment_id: InstalmentId,
    /// Its new due date.
    pub due_date: NaiveDate,
}

/// What may change on an invoice; absent fields stay as they are. Amounts do not change: issue a credit note, or cancel and record anew.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"due_date": "2026-04-15", "order_reference": "PO-78"}))]
pub struct InvoiceChange {
    /// The number printed on it.
    #[schema(min_length = 1, max_length = 60)]
    pub number: Option<String>,
    /// The new due date of an invoice in one part.
    pub due_date: Option<NaiveDate>,
    /// New due dates of instalments that are not settled.
    #[schema(max_items = 60)]
    pub due_dates: Vec<DueDateChange>,
    /// The date of the order. What its terms count from it, and is not settled, moves with it.
    pub order_date: Option<NaiveDate>,
    /// The date of the delivery. What its terms count from it, and is not settled, moves with it.
    pub delivery_date: Option<NaiveDate>,
    /// The debtor's order number.
    #[schema(max_length = 100)]
    pub order_reference: Option<String>,
    /// The delivery slip's number.
    #[schema(max_length = 100)]
    pub delivery_reference: Option<String>,
    /// The reference to give with a transfer.
    #[schema(max_length = 40)]
    pub structured_reference: Option<String>,
    /// The page where it can be paid.
    #[schema(max_length = 500, pattern = "^https://[^ ]+$")]
    pub payment_link: Option<String>,
    /// The creditor's own notes; replaces them all.
    pub metadata: Option<Pairs>,
}

impl InvoiceChange {
    /// The rules that no schema can say and that need no ledger.
    pub fn check(&self) -> Faults {
        let mut faults = Faults::none();
        if self.due_date.is_some() && !self.due_dates.is_empty() {
            faults.add("/due_date", "contradiction", "give due_date or due_dates, not both");
        }
        check_link(self.payment_link.as_deref(), &mut faults);
        faults
    }
}

/// Exactly one way of naming the debtor.
pub(in crate::domain) fn check_party(by_id: bool, by_key: bool, faults: &mut Faults) {
    match (by_id, by_key) {
        (false, false) => faults.add("/customer_id", "required", "give customer_id, or customer with source and external_id"),
        (true, true) => faults.add("/customer_id", "contradiction", "give customer_id or customer, not both"),
        _ => {}
    }
}

fn check_link(link: Option<&str>, faults: &mut Faults) {
    if let Some(link) = link
        && !url::Url::parse(link).is_ok_and(|url| url.scheme() == "https" && url.username().is_empty() && url.password().is_none())
    {
        faults.add("/payment_link", "wrong_format", "must be an https URL without a user or a password");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(extra: serde_json::Value) -> NewInvoice {
        let mut whole = serde_json::json!({"customer": {"source": "s", "external_id": "c"}, "number": "1", "issue_date": "2026-03-01",
            "currency": "EUR", "total": 100});
        whole.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        serde_json::from_value(whole).unwrap()
    }

    fn codes(extra: serde_json::Value) -> Vec<(String, &'static str)> {
        new(extra).check().0.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    #[test]
    fn parts_sum_to_the_whole() {
        let half = |amount: i64| serde_json::json!({"due_date": "2026-04-01", "amount": amount});
        assert_eq!(codes(serde_json::json!({"instalments": [half(50), half(50)]})), []);
        assert_eq!(codes(serde_json::json!({"instalments": [half(50), half(49)]})), [("/instalments".to_owned(), "sum")]);
        assert_eq!(codes(serde_json::json!({"instalments": [half(i64::MAX), half(i64::MAX)]})), [("/instalments".to_owned(), "sum")]);
    }

    #[test]
    fn every_fault_at_once() {
        let wrong = serde_json::json!({"net": 80, "tax": 10, "source": "s", "payment_link": "https://user@pay.example/", "customer": null,
            "due_date": "2026-04-01", "terms_id": "trm_01jd3kq8e5fvv8m3s9tqz4x7ya"});
        let expected = [
            ("/external_id", "required"),
            ("/customer_id", "required"),
            ("/total", "sum"),
            ("/terms_id", "contradiction"),
            ("/payment_link", "wrong_format"),
        ];
        assert_eq!(codes(wrong), expected.map(|(pointer, code)| (pointer.to_owned(), code)));
    }
}
