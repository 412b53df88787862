//! What callers ask for when they try terms on a sale.

use chrono::NaiveDate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Dates, Terms, split::Amounts};
use crate::domain::{customer::CustomerKind, ids::TermsId, invalid::Faults, ledger::InvoiceKind, money::Currency};

/// A sale to try terms on: those of an id, or a document that is written nowhere yet.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"document": {"name": "45 days end of month", "due": {"rule": {"kind": "days_then_end_of_month", "days": 45}}},
    "issue_date": "2026-03-10", "currency": "EUR", "total": 120000, "net": 100000}))]
pub struct TermsPreview {
    /// The terms; or give `document`.
    #[serde(default)]
    pub terms_id: Option<TermsId>,
    /// What the terms would say; or give `terms_id`.
    #[serde(default)]
    pub document: Option<Terms>,
    /// Who would owe; it decides which limits the law sets.
    #[serde(default = "business")]
    #[schema(default = "business")]
    pub customer_kind: CustomerKind,
    /// What would be asked for.
    #[serde(default = "invoice")]
    #[schema(default = "invoice")]
    pub kind: InvoiceKind,
    /// The date on the invoice.
    pub issue_date: NaiveDate,
    /// The date of the order.
    #[serde(default)]
    pub order_date: Option<NaiveDate>,
    /// The date of the delivery.
    #[serde(default)]
    pub delivery_date: Option<NaiveDate>,
    /// Of the amounts.
    pub currency: Currency,
    /// Tax included, in minor units.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000i64)]
    pub total: i64,
    /// Before tax, in minor units.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000i64)]
    pub net: Option<i64>,
}

const fn business() -> CustomerKind {
    CustomerKind::Business
}
const fn invoice() -> InvoiceKind {
    InvoiceKind::Invoice
}

impl TermsPreview {
    /// The rules that no schema can say.
    pub fn check(&self) -> Faults {
        let mut faults = Faults::none();
        match (&self.terms_id, &self.document) {
            (None, None) => faults.add("/terms_id", "required", "give terms_id or document"),
            (Some(_), Some(_)) => faults.add("/terms_id", "contradiction", "give terms_id or document, not both"),
            _ => {}
        }
        if self.net.is_some_and(|net| net > self.total) {
            faults.add("/net", "sum", "the net amount is more than the total");
        }
        if let Some(document) = &self.document {
            faults.nest("/document", document.check());
        }
        faults
    }

    /// Its amounts.
    pub const fn amounts(&self) -> Amounts {
        Amounts { total: self.total, net: self.net, currency: self.currency }
    }

    /// Its dates.
    pub const fn dates(&self) -> Dates {
        Dates { issue: self.issue_date, order: self.order_date, delivery: self.delivery_date }
    }
}
