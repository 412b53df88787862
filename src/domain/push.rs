//! An invoice as the software that wrote it has it now: whom it is asked of, what it comes to, what is left of it.
//!
//! A snapshot, not an event: pushing the same one again changes nothing, and a later one says all there is to say. Not here: what becomes of the ledger.
//! Invariant of what passes [`SourceInvoice::check`]: no amount is negative, and neither what was paid nor what is left is more than the whole.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    contact::{Email, Phone},
    customer::{Address, CustomerKind},
    external::Pairs,
    import::decimal,
    invalid::Faults,
    locale::{Jurisdiction, Language},
    money::Currency,
};

crate::words! {
    /// What a document of accounting software is.
    pub enum SourceKind {
        /// It asks for money.
        Invoice = "invoice",
        /// It gives money up.
        CreditNote = "credit_note",
    }
}

crate::words! {
    /// Where its source says that a document stands.
    pub enum SourceStatus {
        /// Issued; something may be left to pay.
        Open = "open",
        /// Nothing is left.
        Paid = "paid",
        /// Withdrawn or deleted; nothing is claimed.
        Void = "void",
        /// Written off: the creditor does not expect to be paid, and nobody is reminded of it.
        Uncollectible = "uncollectible",
    }
}

crate::words! {
    /// What became of a pushed document.
    pub enum PushOutcome {
        /// It was new.
        Created = "created",
        /// It was known, and something of it changed.
        Changed = "changed",
        /// The ledger said the same already.
        Unchanged = "unchanged",
        /// It is older than what was applied before: nothing changed.
        Outdated = "outdated",
    }
}

/// Whom a document is made out to, as its source knows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"external_id": "C-1001", "name": "Garage Dupont", "country": "FR", "email": "accounts@dupont.example"}))]
pub struct SourceCustomer {
    /// The source's name for the customer: unique in it.
    #[schema(min_length = 1, max_length = 200)]
    pub external_id: String,
    /// The debtor's name; a customer that is not known yet needs one.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 140)]
    pub name: Option<String>,
    /// The customer number, as letters show it.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 60)]
    pub number: Option<String>,
    /// Which law protects it. Absent: a known customer stays what it is, a new one is a `business`.
    #[serde(default)]
    pub kind: Option<CustomerKind>,
    /// Where it is; the tenant's place if absent.
    #[serde(default)]
    pub country: Option<Jurisdiction>,
    /// Its language; the tenant's if absent.
    #[serde(default)]
    pub language: Option<Language>,
    /// Its VAT number.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 40)]
    pub vat_id: Option<String>,
    /// Who is written to there; the customer's own name if absent.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 140)]
    pub contact_name: Option<String>,
    /// Where e-mail goes.
    #[serde(default)]
    pub email: Option<Email>,
    /// Where text messages and calls go.
    #[serde(default)]
    pub phone: Option<Phone>,
    /// Where letters go.
    #[serde(default)]
    pub address: Address,
}

/// What a credit note gives up of an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"external_id": "inv-118", "amount": 5000}))]
pub struct SourceShare {
    /// The invoice, by the same source's name for it.
    #[schema(min_length = 1, max_length = 180)]
    pub external_id: String,
    /// In minor units.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_000i64)]
    pub amount: i64,
}

/// An invoice or a credit note as its source has it now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"number": "F-2026-118", "status": "open", "issue_date": "2026-03-01", "due_date": "2026-03-31", "currency": "EUR", "total": 120000,
    "amount_due": 120000, "customer": {"external_id": "C-1001", "name": "Garage Dupont", "email": "accounts@dupont.example"},
    "payment_link": "https://pay.example/F-2026-118", "updated_at": "2026-03-01T09:30:00Z"}))]
pub struct SourceInvoice {
    /// What it is.
    #[serde(default = "invoice")]
    #[schema(default = "invoice")]
    pub kind: SourceKind,
    /// The number printed on it.
    #[schema(min_length = 1, max_length = 60)]
    pub number: String,
    /// Where it stands. A draft is nothing yet: do not push it.
    #[serde(default = "open")]
    #[schema(default = "open")]
    pub status: SourceStatus,
    /// The date printed on it.
    pub issue_date: NaiveDate,
    /// The last day on which it is paid in time; without it the customer's terms apply, else the tenant's.
    #[serde(default)]
    pub due_date: Option<NaiveDate>,
    /// Of all its amounts.
    pub currency: Currency,
    /// What it comes to, tax included, in minor units.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000i64)]
    pub total: i64,
    /// What is left of it, in minor units: less everything that was paid, credited or given up. It decides; without it, it is `total` less `amount_paid`. Of a credit note,
    /// what is left to give.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000i64)]
    pub amount_due: Option<i64>,
    /// What was paid of it in money, all in all, in minor units. Beside `amount_due` it tells what was settled otherwise: that is recorded as given up.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000i64)]
    pub amount_paid: Option<i64>,
    /// The day of its last payment; the day of `updated_at`, else today, if absent.
    #[serde(default)]
    pub paid_on: Option<NaiveDate>,
    /// The day on which a direct debit or a card on file is charged for what is left: until then nobody is reminded of it.
    #[serde(default)]
    pub collect_on: Option<NaiveDate>,
    /// The page where it can be paid.
    #[serde(default)]
    #[schema(max_length = 500, pattern = "^https://[^ ]+$")]
    pub payment_link: Option<String>,
    /// The debtor's order number.
    #[serde(default)]
    #[schema(max_length = 100)]
    pub order_reference: Option<String>,
    /// The reference to give with a transfer.
    #[serde(default)]
    #[schema(max_length = 40)]
    pub structured_reference: Option<String>,
    /// Which invoices a credit note gives up; empty for an invoice.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub credits: Vec<SourceShare>,
    /// Whom it is made out to.
    pub customer: SourceCustomer,
    /// When its source last changed it. A snapshot older than the last one applied changes nothing; without it, the last one to arrive counts.
    #[serde(default)]
    pub updated_at: Option<DateTime<Utc>>,
    /// The creditor's own notes.
    #[serde(default)]
    pub metadata: Pairs,
}

const fn invoice() -> SourceKind {
    SourceKind::Invoice
}

const fn open() -> SourceStatus {
    SourceStatus::Open
}

impl SourceInvoice {
    /// What its source says is left: nothing of what is paid or void.
    pub fn left(&self) -> i64 {
        match self.status {
            SourceStatus::Paid | SourceStatus::Void => 0,
            SourceStatus::Open | SourceStatus::Uncollectible => {
                self.amount_due.unwrap_or_else(|| self.total.saturating_sub(self.amount_paid.unwrap_or(0)))
            }
        }
    }

    /// The rules that no schema can say. Connectors come by no schema, so bounds are checked here, too.
    pub fn check(&self) -> Faults {
        let mut faults = Faults::none();
        let bounded = |text: &str, most: usize| (1..=most).contains(&text.chars().count());
        for (pointer, fits) in [
            ("/number", bounded(&self.number, 60)),
            ("/customer/external_id", bounded(&self.customer.external_id, 200)),
            ("/customer/name", self.customer.name.as_deref().is_none_or(|name| bounded(name, 140))),
        ] {
            if !fits {
                faults.add(pointer, "wrong_length", "empty, or too long to be kept");
            }
        }
        let amounts = [("/total", Some(self.total)), ("/amount_due", self.amount_due), ("/amount_paid", self.amount_paid)];
        for (pointer, amount) in amounts.into_iter().filter_map(|(pointer, amount)| Some((pointer, amount?))) {
            if !(0..=super::money::MAX_MINOR).contains(&amount) {
                faults.add(pointer, "out_of_range", "an amount is not negative, and at most 10^15 minor units");
            } else if amount > self.total && pointer == "/amount_due" {
                faults.add(pointer, "too_much", "more is left than the document comes to");
            }
        }
        match self.kind {
            SourceKind::Invoice if !self.credits.is_empty() => {
                faults.add("/credits", "not_allowed", "only a credit note gives up invoices")
            }
            SourceKind::CreditNote if self.total == 0 => faults.add("/total", "out_of_range", "a credit note gives up something"),
            SourceKind::CreditNote if self.collect_on.is_some() => {
                faults.add("/collect_on", "not_allowed", "nothing is collected for a credit note")
            }
            SourceKind::Invoice | SourceKind::CreditNote => {}
        }
        let credited = self.credits.iter().try_fold(0_i64, |sum, share| sum.checked_add(share.amount.max(0)));
        if credited.is_none_or(|sum| sum > self.total.max(0)) || self.credits.iter().any(|share| share.amount <= 0) {
            faults.add("/credits", "sum", "each is positive, and together they are at most the total");
        }
        faults
    }
}

/// An amount in minor units from a decimal number as accounting software writes it (`-1234.500`): exact, never by way of a float.
///
/// # Errors
/// What is no amount, has more decimals than the currency, or is too large.
pub fn minor(text: &str, currency: Currency) -> Result<i64, String> {
    decimal(text.trim(), currency)
}

/// JSON whose numbers are read as the texts that they were written as: `{"total": 12.50}` gives the text `12.50`.
///
/// # Errors
/// What is no JSON, and the character NUL, which no database keeps in a text.
pub fn exact_json(bytes: &[u8]) -> Result<serde_json::Value, serde_json::Error> {
    // What is no JSON stays none: quotes are only put around what a number is made of, where no text is.
    let mut quoted = Vec::with_capacity(bytes.len().saturating_add(bytes.len() / 4));
    let (mut in_text, mut escaped, mut in_number) = (false, false, false);
    for &byte in bytes {
        let numeric = !in_text
            && (byte.is_ascii_digit() || (in_number && matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-')) || (!in_number && byte == b'-'));
        if numeric != in_number {
            quoted.push(b'"');
            in_number = numeric;
        }
        match byte {
            b'"' if !escaped => in_text = !in_text,
            _ => {}
        }
        escaped = in_text && byte == b'\\' && !escaped;
        quoted.push(byte);
    }
    if in_number {
        quoted.push(b'"');
    }
    if quoted.windows(6).any(|part| part == b"\\u0000") {
        return Err(serde::de::Error::custom("it contains the character NUL"));
    }
    serde_json::from_slice(&quoted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn snapshot(extra: serde_json::Value) -> SourceInvoice {
        let mut whole = serde_json::json!({"number": "1", "issue_date": "2026-03-01", "currency": "EUR", "total": 100, "customer": {"external_id": "c", "name": "C"}});
        whole.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        serde_json::from_value(whole).unwrap()
    }

    #[test]
    fn what_is_left_follows_from_what_is_said() {
        let left = |extra| snapshot(extra).left();
        assert_eq!(left(serde_json::json!({})), 100);
        assert_eq!(left(serde_json::json!({"amount_paid": 30})), 70);
        assert_eq!(left(serde_json::json!({"amount_paid": 30, "amount_due": 50})), 50);
        assert_eq!(left(serde_json::json!({"status": "paid"})), 0);
        assert_eq!(left(serde_json::json!({"status": "void", "amount_due": 50})), 0);
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let pointers = |extra| snapshot(extra).check().0.into_iter().map(|fault| fault.pointer).collect::<Vec<_>>();
        assert_eq!(pointers(serde_json::json!({})), Vec::<String>::new());
        assert_eq!(pointers(serde_json::json!({"amount_due": 101})), ["/amount_due"]);
        assert_eq!(pointers(serde_json::json!({"total": -1})), ["/total"]);
        assert_eq!(pointers(serde_json::json!({"number": ""})), ["/number"]);
        assert_eq!(pointers(serde_json::json!({"credits": [{"external_id": "x", "amount": 5}]})), ["/credits"]);
        let over =
            serde_json::json!({"kind": "credit_note", "credits": [{"external_id": "x", "amount": 60}, {"external_id": "y", "amount": 60}]});
        assert_eq!(pointers(over), ["/credits"]);
    }

    #[test]
    fn numbers_keep_their_spelling() {
        let read = exact_json(br#"{"a": 0.10, "b": [-1e3, 9007199254740993, null, true], "c": "1 \" 2\\", "d-5": ""}"#).unwrap();
        let expected = serde_json::json!({"a": "0.10", "b": ["-1e3", "9007199254740993", null, true], "c": "1 \" 2\\", "d-5": ""});
        assert_eq!(read, expected);
        assert!(exact_json(b"{\"a\": 1").is_err() && exact_json(b"").is_err() && exact_json(br#""\u0000""#).is_err());
        assert_eq!(minor("9999999999999.99", Currency::EUR), Ok(999_999_999_999_999));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = exact_json(&bytes);
        }

        #[test]
        fn whatever_is_json_stays_the_same_but_for_its_numbers(text in "[^\\x00]{0,20}", number in any::<i64>()) {
            let given = serde_json::json!({ "text": text, "number": number });
            let read = exact_json(given.to_string().as_bytes()).unwrap();
            prop_assert_eq!(read, serde_json::json!({ "text": text, "number": number.to_string() }));
        }
    }
}
