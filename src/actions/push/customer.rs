//! Whom a pushed document is made out to.

use super::Act;
use crate::{
    actions::{
        contacts,
        put::{IfKnown, Outcome, only},
    },
    domain::{
        change::Change,
        customer::{ContactChange, CustomerKind, NewContact, NewCustomer},
        external::{ExternalKey, Pairs},
        ids::CustomerId,
        invalid::Faults,
        push::{SourceCustomer, SourceInvoice, SourceStatus},
    },
    error::Result,
    store::{self, contacts::Contact, customers::Customer},
};

/// Records the customer, or brings him up to date; `None` where he is unknown and there is nothing to record of him.
pub(super) fn record(act: &mut Act<'_>, source: &str, document: &SourceInvoice) -> Result<Option<(Outcome, CustomerId)>> {
    let key = ExternalKey { source: source.to_owned(), external_id: document.customer.external_id.clone() };
    let known = store::customers::find_by_keys(act.conn, act.tenant, std::slice::from_ref(&key))?.remove(&key);
    if known.is_none() && document.status == SourceStatus::Void {
        return Ok(None);
    }
    let new = as_new(&key, &document.customer, known.as_ref())?;
    let told = new.contacts.first().cloned();
    let moved = match (&known, &told) {
        (Some(known), Some(told)) => move_contact(act, known.id, told)?,
        _ => false,
    };
    let put = only(crate::actions::customers::put(act, &[new], IfKnown::Update)?)?;
    if let Some(told) = &told {
        mark_contact(act, put.row.id, told)?;
    }
    let outcome = if moved && put.outcome == Outcome::Unchanged { Outcome::Changed } else { put.outcome };
    Ok(Some((outcome, put.row.id)))
}

/// Whom the source told of before has another address now: it is the same one, or is removed where the new address is known as somebody else's. So
/// nobody is written to at an address that the source has no more. Says whether anything changed.
fn move_contact(act: &mut Act<'_>, customer: CustomerId, told: &NewContact) -> Result<bool> {
    let there = store::contacts::of_customers(act.conn, act.tenant, &[customer])?;
    let Some(before) = there.iter().find(|one| one.is_of_source) else { return Ok(false) };
    if told.email.is_none() || told.email == before.email {
        return Ok(false);
    }
    if there.iter().any(|one| one.email == told.email) {
        return contacts::remove(act, customer, before.id).map(|_| true);
    }
    let change = ContactChange { email: told.email.clone(), ..ContactChange::default() };
    contacts::change(act, customer, before.id, &change).map(|_| true)
}

/// Notes whom the source told of.
fn mark_contact(act: &mut Act<'_>, customer: CustomerId, told: &NewContact) -> Result<()> {
    let there = store::contacts::of_customers(act.conn, act.tenant, &[customer])?;
    let is_told = |one: &&Contact| if told.email.is_some() { one.email == told.email } else { one.phone == told.phone };
    match there.iter().find(is_told) {
        Some(one) if !one.is_of_source => store::contacts::set_of_source(act.conn, one),
        _ => Ok(()),
    }
}

fn as_new(key: &ExternalKey, given: &SourceCustomer, known: Option<&Customer>) -> Result<NewCustomer, Faults> {
    let Some(name) = given.name.clone().or_else(|| known.map(|row| row.name.clone())) else {
        return Err(Faults::one("/customer/name", "required", "the customer is not known yet: give its name, or push it first"));
    };
    let mut identifiers = known.map(|row| row.identifiers.0.0.clone()).unwrap_or_default();
    identifiers.extend(given.vat_id.clone().map(|number| ("vat_id".to_owned(), number)));
    Ok(NewCustomer {
        source: Some(key.source.clone()),
        external_id: Some(key.external_id.clone()),
        number: given.number.clone(),
        kind: known.map(|row| row.kind).or(given.kind).unwrap_or(CustomerKind::Business),
        jurisdiction: given.country.clone(),
        language: given.language,
        time_zone: None,
        segment: None,
        score: None,
        policy_id: None,
        interest: Change::Keep,
        terms_id: Change::Keep,
        identifiers: Pairs(identifiers),
        address: given.address.clone(),
        company: Default::default(),
        metadata: Pairs::default(),
        contacts: contact(given, &name).into_iter().collect(),
        name,
    })
}

/// Whom to write to, if the source says. A number that costs the caller is nobody's to be called at, and no reason to refuse an invoice.
fn contact(given: &SourceCustomer, name: &str) -> Option<NewContact> {
    let phone = given.phone.clone().filter(|phone| phone.costly().is_none());
    if given.email.is_none() && phone.is_none() {
        return None;
    }
    let name = given.contact_name.clone().unwrap_or_else(|| name.to_owned());
    Some(NewContact { name, role: None, email: given.email.clone(), phone, language: None, opted_out: Vec::new(), primary: false })
}
