//! What settles an invoice: money in (payments) and money given up (credit notes).
//!
//! Both are one thing in the books, so that one rule of allocation serves both. Invariant: what is allocated and what is not sum to the
//! amount, unless the payment was returned or the discount withdrawn: then both are nothing.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::invoice::check_party;
use crate::domain::{
    external::{self, ExternalKey, Pairs},
    ids::{ChargeId, CreditNoteId, CustomerId, Id, InstalmentId, InvoiceId, Kind, PaymentId},
    invalid::Faults,
    money::Currency,
};

crate::words! {
    /// What settles.
    pub enum SettlementKind {
        /// Money in.
        Payment = "payment",
        /// Money given up.
        CreditNote = "credit_note",
    }
}

crate::words! {
    /// How money came in.
    pub enum PaymentMethod {
        /// A bank transfer.
        Transfer = "transfer",
        /// A direct debit.
        DirectDebit = "direct_debit",
        /// A card.
        Card = "card",
        /// A cheque.
        Cheque = "cheque",
        /// Cash.
        Cash = "cash",
        /// Anything else.
        Other = "other",
    }
}

crate::words! {
    /// What became of a payment.
    pub enum PaymentStatus {
        /// The money is there.
        Received = "received",
        /// The bank took it back; what it settled is open again.
        Returned = "returned",
    }
}

crate::words! {
    /// How an amount is allocated when nobody says to what.
    pub enum Allocate {
        /// To the customer's open instalments in this currency, by due date.
        OldestFirst = "oldest_first",
        /// Not yet.
        None = "none",
    }
}

/// Marks the id of a payment or a credit note, whichever it is.
#[derive(Debug)]
pub enum Settlement {}
impl Kind for Settlement {
    const PREFIX: &'static str = "stl";
    const NAME: &'static str = "a settlement";
}
/// The id of a payment or a credit note as the store keeps it. Outside, it is shown as one or the other.
pub type SettlementId = Id<Settlement>;

impl SettlementKind {
    /// The public text of a settlement's id.
    pub fn public_id(self, id: SettlementId) -> String {
        match self {
            Self::Payment => PaymentId::from_uuid(id.uuid()).to_string(),
            Self::CreditNote => CreditNoteId::from_uuid(id.uuid()).to_string(),
        }
    }
}

/// An amount and what it settles: an instalment, the parts of an invoice by due date, or a charge of interest or of a fixed sum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"invoice_id": "inv_01jd3kq8e5fvv8m3s9tqz4x7ya", "amount": 60000}))]
pub struct Wanted {
    /// An invoice; or give `instalment_id` or `charge_id`.
    #[serde(default)]
    pub invoice_id: Option<InvoiceId>,
    /// An instalment; or give `invoice_id` or `charge_id`.
    #[serde(default)]
    pub instalment_id: Option<InstalmentId>,
    /// A charge, which a payment alone settles; or give `invoice_id` or `instalment_id`.
    #[serde(default)]
    pub charge_id: Option<ChargeId>,
    /// In minor units.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_000i64)]
    pub amount: i64,
}

/// A payment to record.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"customer": {"source": "sage", "external_id": "C-1001"}, "source": "bank", "external_id": "2026-03-30/17", "currency": "EUR", "amount": 120000,
    "received_on": "2026-03-30", "method": "transfer", "reference": "F-2026-118"}))]
pub struct NewPayment {
    /// Who paid; or give `customer`.
    #[serde(default)]
    pub customer_id: Option<CustomerId>,
    /// Who paid, by the name of another system; or give `customer_id`.
    #[serde(default)]
    pub customer: Option<ExternalKey>,
    /// The system that `external_id` comes from.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 50, pattern = "^[A-Za-z0-9_.-]+$")]
    pub source: Option<String>,
    /// That system's name for the payment: unique in it.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    pub external_id: Option<String>,
    /// Of the amount.
    pub currency: Currency,
    /// In minor units.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_000i64)]
    pub amount: i64,
    /// The value date.
    pub received_on: NaiveDate,
    /// How it came in.
    #[serde(default)]
    pub method: Option<PaymentMethod>,
    /// What the payer wrote.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub reference: Option<String>,
    /// The creditor's own notes.
    #[serde(default)]
    pub metadata: Pairs,
    /// What it settles; without it, `allocate` decides.
    #[serde(default)]
    #[schema(max_items = 200)]
    pub allocations: Option<Vec<Wanted>>,
    /// How to allocate when `allocations` is absent: `oldest_first` unless told otherwise.
    #[serde(default)]
    pub allocate: Option<Allocate>,
}

/// A credit note to record.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"customer": {"source": "sage", "external_id": "C-1001"}, "source": "sage", "external_id": "A-2026-7", "number": "A-2026-7", "currency": "EUR",
    "amount": 5000, "issue_date": "2026-03-20", "reason": "goods returned"}))]
pub struct NewCreditNote {
    /// Who is credited; or give `customer`.
    #[serde(default)]
    pub customer_id: Option<CustomerId>,
    /// Who is credited, by the name of another system; or give `customer_id`.
    #[serde(default)]
    pub customer: Option<ExternalKey>,
    /// The system that `external_id` comes from.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 50, pattern = "^[A-Za-z0-9_.-]+$")]
    pub source: Option<String>,
    /// That system's name for the credit note: unique in it.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    pub external_id: Option<String>,
    /// The number printed on it.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 60)]
    pub number: Option<String>,
    /// Of the amount.
    pub currency: Currency,
    /// In minor units.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_000i64)]
    pub amount: i64,
    /// The date printed on it.
    pub issue_date: NaiveDate,
    /// Why it was given.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub reason: Option<String>,
    /// The creditor's own notes.
    #[serde(default)]
    pub metadata: Pairs,
    /// What it settles; without it, `allocate` decides.
    #[serde(default)]
    #[schema(max_items = 200)]
    pub allocations: Option<Vec<Wanted>>,
    /// How to allocate when `allocations` is absent: `oldest_first` unless told otherwise.
    #[serde(default)]
    pub allocate: Option<Allocate>,
}

/// How to allocate what is left of a payment or a credit note.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"allocate": "oldest_first"}))]
pub struct NewAllocations {
    /// What it settles; without it, `allocate` decides.
    #[schema(max_items = 200)]
    pub allocations: Option<Vec<Wanted>>,
    /// How to allocate when `allocations` is absent: `oldest_first` unless told otherwise.
    pub allocate: Option<Allocate>,
}

/// What the bank took back, and why.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"reason": "insufficient funds"}))]
pub struct Return {
    /// Why, in the bank's words or yours.
    #[schema(max_length = 200)]
    pub reason: Option<String>,
}

/// A payment or a credit note to record, in the words of the books.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the two requests above explain each field")]
pub struct NewSettlement {
    pub kind: SettlementKind,
    pub customer_id: Option<CustomerId>,
    pub customer: Option<ExternalKey>,
    pub source: Option<String>,
    pub external_id: Option<String>,
    pub number: Option<String>,
    pub currency: Currency,
    pub amount: i64,
    pub settled_on: NaiveDate,
    pub method: Option<PaymentMethod>,
    pub reference: Option<String>,
    pub reason: Option<String>,
    pub metadata: Pairs,
    pub allocations: NewAllocations,
}

impl NewSettlement {
    /// Its name in another system, if it has one.
    pub fn key(&self) -> Option<ExternalKey> {
        ExternalKey::of(self.source.as_deref(), self.external_id.as_deref())
    }

    /// The rules that no schema can say and that need no ledger.
    pub fn check(&self) -> Faults {
        let mut faults = self.allocations.check();
        faults.nest("", self.allocations.check_kind(self.kind));
        external::check(self.source.as_deref(), self.external_id.as_deref(), &mut faults);
        check_party(self.customer_id.is_some(), self.customer.is_some(), &mut faults);
        faults
    }
}

impl NewAllocations {
    /// The rules that no schema can say and that need no ledger.
    pub fn check(&self) -> Faults {
        let mut faults = Faults::none();
        if self.allocations.is_some() && self.allocate.is_some() {
            faults.add("/allocate", "contradiction", "give allocations or allocate, not both");
        }
        for (n, wanted) in self.allocations.iter().flatten().enumerate() {
            let place = format!("/allocations/{n}");
            let named = [wanted.invoice_id.is_some(), wanted.instalment_id.is_some(), wanted.charge_id.is_some()];
            match named.into_iter().filter(|named| *named).count() {
                0 => faults.add(place, "required", "give invoice_id, instalment_id or charge_id"),
                1 => {}
                _ => faults.add(place, "contradiction", "give one of invoice_id, instalment_id and charge_id"),
            }
        }
        faults
    }

    /// What a credit note does not settle.
    pub fn check_kind(&self, kind: SettlementKind) -> Faults {
        let mut faults = Faults::none();
        let charges = self.allocations.iter().flatten().enumerate().filter(|(_, wanted)| wanted.charge_id.is_some());
        for (n, _) in charges.filter(|_| kind == SettlementKind::CreditNote) {
            let detail = "a credit note gives up principal alone; waive the charge under the invoice's interest-waivers";
            faults.add(format!("/allocations/{n}/charge_id"), "not_by_credit_note", detail);
        }
        faults
    }
}

impl From<NewPayment> for NewSettlement {
    fn from(new: NewPayment) -> Self {
        Self {
            kind: SettlementKind::Payment,
            customer_id: new.customer_id,
            customer: new.customer,
            source: new.source,
            external_id: new.external_id,
            number: None,
            currency: new.currency,
            amount: new.amount,
            settled_on: new.received_on,
            method: new.method,
            reference: new.reference,
            reason: None,
            metadata: new.metadata,
            allocations: NewAllocations { allocations: new.allocations, allocate: new.allocate },
        }
    }
}

impl From<NewCreditNote> for NewSettlement {
    fn from(new: NewCreditNote) -> Self {
        Self {
            kind: SettlementKind::CreditNote,
            customer_id: new.customer_id,
            customer: new.customer,
            source: new.source,
            external_id: new.external_id,
            number: new.number,
            currency: new.currency,
            amount: new.amount,
            settled_on: new.issue_date,
            method: None,
            reference: None,
            reason: new.reason,
            metadata: new.metadata,
            allocations: NewAllocations { allocations: new.allocations, allocate: new.allocate },
        }
    }
}
