//! An electronic invoice as what the ledger records: its buyer as a customer, itself as an invoice or a credit note.
//!
//! The buyer is known by its VAT identifier; without one by its first other number with the scheme of that; without any by its name and country. Invariants: the
//! same file always gives the same external ids; what is claimed is what the file says is left to pay.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{
    invoice_file::{DocumentKind, InvoiceFile, Party},
    text::compact,
};
use crate::domain::{
    change::Change,
    contact::{Email, Phone},
    customer::{Address, CustomerKind, NewContact, NewCustomer},
    external::{ExternalKey, Pairs},
    ids::InvoiceId,
    invalid::Faults,
    ledger::{
        InvoiceKind,
        invoice::NewInvoice,
        settlement::{Allocate, NewAllocations, NewSettlement, SettlementKind, Wanted},
        terms::DueDateSource,
    },
    tenant::AddressLine,
};

/// The longest text of a pair.
const MAX_PAIR: usize = 500;

/// The buyer as a customer of `source`.
///
/// # Errors
/// A buyer without a name.
pub fn customer(file: &InvoiceFile, source: &str, kind: CustomerKind) -> Result<NewCustomer, Faults> {
    let buyer = &file.buyer;
    let Some(name) = buyer.name.as_deref().map(|name| cut(name, 140)) else {
        return Err(Faults::one("/buyer/name", "required", "the file does not name its buyer (BT-44)"));
    };
    let address = Address {
        lines: buyer.address_lines.iter().take(6).map(|line| AddressLine(cut(line, 100))).collect(),
        postal_code: buyer.postal_code.as_deref().map(|text| cut(text, 20)),
        city: buyer.city.as_deref().map(|text| cut(text, 100)),
        country: buyer.country.clone().filter(|code| code.len() == 2 && code.bytes().all(|one| one.is_ascii_uppercase())),
    };
    let mut identifiers = BTreeMap::new();
    if let Some(number) = &buyer.vat_id {
        identifiers.insert("vat_id".to_owned(), cut(number, MAX_PAIR));
    }
    for one in buyer.identifiers.iter().take(10) {
        let scheme = one.scheme.as_deref().unwrap_or("registration_number");
        identifiers.entry(cut(scheme, 40)).or_insert_with(|| cut(&one.value, MAX_PAIR));
    }
    Ok(NewCustomer {
        source: Some(source.to_owned()),
        external_id: Some(name_of(buyer, &name)),
        number: None,
        kind,
        jurisdiction: address.country.as_deref().and_then(|code| code.parse().ok()),
        language: None,
        time_zone: None,
        segment: None,
        score: None,
        policy_id: None,
        interest: Change::Keep,
        terms_id: Change::Keep,
        identifiers: Pairs(identifiers),
        address,
        company: Default::default(),
        metadata: Pairs::default(),
        contacts: contact(buyer, &name).into_iter().collect(),
        name,
    })
}

/// What the buyer is called under the source.
fn name_of(buyer: &Party, name: &str) -> String {
    let number = buyer.vat_id.as_deref().map(compact).filter(|number| !number.is_empty()).map(|number| format!("vat:{number}"));
    let other = || {
        let one = buyer.identifiers.first()?;
        Some(format!("{}:{}", one.scheme.as_deref().unwrap_or("id"), compact(&one.value)))
    };
    let named = || format!("name:{}:{}", name.to_lowercase(), buyer.country.as_deref().unwrap_or_default());
    cut(&number.or_else(other).unwrap_or_else(named), 200)
}

/// Whom to write to, as far as the file gives an address that can be written to.
fn contact(buyer: &Party, name: &str) -> Option<NewContact> {
    let endpoint = buyer.endpoint.as_ref().filter(|one| one.scheme.as_deref() == Some("EM")).map(|one| &one.value);
    let email: Option<Email> = buyer.email.iter().chain(endpoint).find_map(|text| text.parse().ok());
    let phone: Option<Phone> = buyer.phone.as_deref().and_then(|text| text.parse().ok()).filter(|phone: &Phone| phone.costly().is_none());
    if email.is_none() && phone.is_none() {
        return None;
    }
    let person = buyer.contact_name.as_deref().filter(|text| text.chars().any(char::is_alphabetic) && *text != "n/a");
    let name = person.map_or_else(|| name.to_owned(), |text| cut(text, 140));
    Some(NewContact { name, role: None, email, phone, language: None, opted_out: Vec::new(), primary: false })
}

/// The file as an invoice of that customer.
///
/// # Errors
/// What does not fit: a number that is too long, and whatever [`NewInvoice::check`] finds.
pub fn invoice(file: &InvoiceFile, source: &str, customer: &ExternalKey) -> Result<NewInvoice, Faults> {
    let due = file.totals.due;
    // The parts before tax and of tax are those of the whole, and only the whole's.
    let net = file.totals.net.filter(|net| due == file.totals.gross && *net <= due);
    let dated = file.due.filter(|_| file.instalments.is_empty());
    let new = NewInvoice {
        customer_id: None,
        customer: Some(customer.clone()),
        source: Some(source.to_owned()),
        external_id: Some(file.number.clone()),
        number: file.number.clone(),
        kind: if file.kind == DocumentKind::Deposit { InvoiceKind::Deposit } else { InvoiceKind::Invoice },
        issue_date: file.issue_date,
        currency: file.currency,
        total: due,
        net,
        tax: net.and_then(|net| due.checked_sub(net)),
        due_date: dated.map(|due| due.date),
        dated_by_terms: dated.is_some_and(|due| due.source == DueDateSource::Terms),
        terms_id: None,
        order_date: None,
        delivery_date: file.delivery_date,
        instalments: file.instalments.clone(),
        order_reference: file.order_reference.as_deref().or(file.buyer_reference.as_deref()).map(|text| cut(text, 100)),
        credit_decision_id: None,
        delivery_reference: None,
        structured_reference: file.means.iter().find_map(|one| one.remittance.clone()).filter(|text| text.chars().count() <= 40),
        payment_link: None,
        late_interest: None,
        fixed_sum: None,
        metadata: notes(file),
        documents: Vec::new(),
    };
    let mut faults = new.check();
    check_number(&new.number, &mut faults);
    faults.or(new)
}

/// The file as a credit note of that customer, given up of the invoices that it names.
///
/// # Errors
/// As [`invoice`].
pub fn credit_note(file: &InvoiceFile, source: &str, customer: &ExternalKey, of: &[(InvoiceId, i64)]) -> Result<NewSettlement, Faults> {
    let amount = if file.totals.due == 0 { file.totals.gross } else { file.totals.due };
    let mut left = amount;
    let mut wanted = Vec::new();
    for (invoice, balance) in of {
        let share = left.min(*balance);
        if share > 0 {
            left = left.saturating_sub(share);
            wanted.push(Wanted { invoice_id: Some(*invoice), instalment_id: None, charge_id: None, amount: share });
        }
    }
    let mut faults = Faults::none();
    check_number(&file.number, &mut faults);
    // What it does not say is not guessed.
    let allocate = wanted.is_empty().then_some(Allocate::None);
    faults.or(NewSettlement {
        kind: SettlementKind::CreditNote,
        customer_id: None,
        customer: Some(customer.clone()),
        source: Some(source.to_owned()),
        external_id: Some(file.number.clone()),
        number: Some(file.number.clone()),
        currency: file.currency,
        amount,
        settled_on: file.issue_date,
        method: None,
        reference: None,
        reason: None,
        metadata: notes(file),
        allocations: NewAllocations { allocations: allocate.is_none().then_some(wanted), allocate },
    })
}

/// The mandate and the day of the collection, where the creditor collects: `due` is the last day on which the invoice is paid in time.
pub fn collection(file: &InvoiceFile, due: NaiveDate) -> Option<(Option<String>, NaiveDate)> {
    let means = file.means.iter().find(|one| one.is_direct_debit())?;
    Some((means.mandate.as_deref().map(|text| cut(text, 200)), due))
}

fn check_number(number: &str, faults: &mut Faults) {
    if number.chars().count() > 60 {
        faults.add("/number", "too_long", "a number (BT-1) of at most 60 characters is kept");
    }
}

/// What the ledger has no place for, and people want to find.
fn notes(file: &InvoiceFile) -> Pairs {
    let mut notes = BTreeMap::new();
    let mut note = |name: &str, text: Option<String>| {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            notes.insert(name.to_owned(), cut(&text, MAX_PAIR));
        }
    };
    note("type_code", Some(file.type_code.clone()));
    note("seller", file.seller.name.clone());
    note("payee", file.payee.clone());
    note("payment_terms", file.terms.clone());
    note("buyer_reference", file.buyer_reference.clone().filter(|_| file.order_reference.is_some()));
    note("preceding_invoices", Some(file.preceding.join(", ")));
    note("prepaid_minor", Some(file.totals.prepaid).filter(|paid| *paid != 0).map(|paid| paid.to_string()));
    Pairs(notes)
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}
