//! Files of one JSON object a line: each is what the batch of its kind takes, held to the same schema, so that every field that is wrong is named.
//!
//! Not here: reading files. Invariant: whatever is read has an external id, so that a file may be sent again.

use std::sync::LazyLock;

use chrono::NaiveDate;
use serde_json::Value;

use super::job::ImportKind;
use crate::domain::{
    customer::NewCustomer,
    invalid::Faults,
    ledger::{
        invoice::NewInvoice,
        settlement::{NewPayment, NewSettlement},
    },
    schema::Schema,
};

type Compiled = LazyLock<Result<Schema, String>>;

static CUSTOMER: Compiled = LazyLock::new(Schema::of::<NewCustomer>);
static INVOICE: Compiled = LazyLock::new(Schema::of::<NewInvoice>);
static PAYMENT: Compiled = LazyLock::new(Schema::of::<NewPayment>);

/// What a line says.
#[derive(Debug, Clone)]
pub enum Thing {
    /// A customer.
    Customer(Box<NewCustomer>),
    /// An invoice of a known customer.
    Invoice(Box<NewInvoice>),
    /// A payment of a known customer.
    Payment(Box<NewSettlement>),
}

impl Thing {
    /// The day from which it is known: a customer is known from the beginning.
    pub fn since(&self) -> Option<NaiveDate> {
        match self {
            Self::Customer(_) => None,
            Self::Invoice(invoice) => Some(invoice.issue_date),
            Self::Payment(payment) => Some(payment.settled_on),
        }
    }
}

/// A line read: how people call what it is about, as far as it says so, and the thing itself. An external id without a source is one of `source`'s.
///
/// # Errors
/// Every fault of the line, each where it is.
pub fn read(line: &[u8], kind: ImportKind, source: &str) -> (String, Result<Thing, Faults>) {
    match serde_json::from_slice::<Value>(line) {
        Ok(value) => (reference(&value, kind), thing(value, kind, source)),
        Err(error) => (String::new(), Err(Faults::one("", "malformed", format!("this line is no JSON: {error}")))),
    }
}

fn reference(value: &Value, kind: ImportKind) -> String {
    let name = match kind {
        ImportKind::Customers => "name",
        ImportKind::Invoices => "number",
        _ => "external_id",
    };
    let text = value.get(name).or_else(|| value.get("external_id")).and_then(Value::as_str).unwrap_or_default();
    text.chars().filter(|one| !one.is_control()).take(200).collect()
}

fn thing(mut value: Value, kind: ImportKind, source: &str) -> Result<Thing, Faults> {
    let mut faults = Faults::none();
    if let Some(object) = value.as_object_mut() {
        if object.get("external_id").is_none_or(Value::is_null) {
            let detail = "external_id is required in a file: what has none would be recorded again each time that the file is sent";
            faults.add("/external_id", "required", detail);
        } else if object.get("source").is_none_or(Value::is_null) {
            object.insert("source".to_owned(), source.into());
        }
    }
    match shaped(value, kind) {
        Ok(thing) => faults.or(thing),
        Err(others) => {
            faults.nest("", others);
            Err(faults)
        }
    }
}

fn shaped(value: Value, kind: ImportKind) -> Result<Thing, Faults> {
    Ok(match kind {
        ImportKind::Customers => Thing::Customer(Box::new(shape(&CUSTOMER)?.read(value)?)),
        ImportKind::Invoices => Thing::Invoice(Box::new(shape(&INVOICE)?.read(value)?)),
        ImportKind::Payments => Thing::Payment(Box::new(shape(&PAYMENT)?.read::<NewPayment>(value)?.into())),
        ImportKind::BankStatement | ImportKind::Fec => {
            return Err(Faults::one("", "wrong_type", format!("no {kind} is written like this")));
        }
    })
}

fn shape(compiled: &'static Compiled) -> Result<&'static Schema, Faults> {
    compiled.as_ref().map_err(|wrong| Faults::one("", "internal", wrong.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(line: &str, kind: ImportKind) -> Vec<(String, &'static str)> {
        let (_, read) = read(line.as_bytes(), kind, "erp");
        read.unwrap_err().0.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    #[test]
    fn a_line_is_an_item_of_its_batch() {
        let line = r#"{"external_id": "C-1", "name": "Garage Dupont", "kind": "business", "contacts": [{"name": "Ann", "email": "ann@example.com"}]}"#;
        let (reference, thing) = read(line.as_bytes(), ImportKind::Customers, "erp");
        let Ok(Thing::Customer(customer)) = thing else { panic!("{thing:?}") };
        assert_eq!((reference.as_str(), customer.source.as_deref(), customer.contacts.len()), ("Garage Dupont", Some("erp"), 1));
        let line = r#"{"customer": {"source": "a", "external_id": "C"}, "source": "b", "external_id": "P", "currency": "EUR", "amount": 5, "received_on": "2026-01-02"}"#;
        let (reference, thing) = read(line.as_bytes(), ImportKind::Payments, "erp");
        let Ok(Thing::Payment(payment)) = thing else { panic!("{thing:?}") };
        assert_eq!((reference.as_str(), payment.source.as_deref(), payment.amount), ("P", Some("b"), 5));
    }

    #[test]
    fn what_is_wrong_is_named_field_by_field() {
        let deep = "[".repeat(1_000);
        for (line, expected) in [
            ("{", vec![("", "malformed")]),
            (deep.as_str(), vec![("", "malformed")]),
            ("[]", vec![("", "wrong_type")]),
            (r#"{"name": "A", "kind": "business"}"#, vec![("/external_id", "required")]),
            (r#"{"name": "A"}"#, vec![("/external_id", "required"), ("/kind", "required")]),
            (r#"{"external_id": "C", "name": 5, "kind": "alien"}"#, vec![("/kind", "unknown_value"), ("/name", "wrong_type")]),
            ("{\"external_id\": \"C\", \"name\": \"A\\u0000\", \"kind\": \"business\"}", vec![("/name", "wrong_format")]),
        ] {
            let mut found = faults(line, ImportKind::Customers);
            found.sort();
            let found: Vec<(&str, &str)> = found.iter().map(|(pointer, code)| (pointer.as_str(), *code)).collect();
            assert_eq!(found, expected, "{line}");
        }
    }
}
