//! People at a customer: added, changed, removed.

use serde_json::json;

use super::{Act, customers};
use crate::{
    domain::{
        customer::{ContactChange, MAX_CONTACTS, NewContact, check_phone},
        ids::{ContactId, CustomerId},
        invalid::Faults,
    },
    error::{Error, Result},
    store::{self, Json, Ts, contacts::Contact},
};

/// Adds a person to a customer.
///
/// # Errors
/// No such customer; `too_many` beyond 50 people.
pub fn create(act: &mut Act<'_>, customer: CustomerId, new: &NewContact) -> Result<Contact> {
    check_phone(new.phone.as_ref()).or(())?;
    store::customers::find(act.conn, act.tenant, customer)?;
    let there = store::contacts::of_customers(act.conn, act.tenant, &[customer])?;
    if there.len() >= MAX_CONTACTS {
        return Err(Error::conflict("too_many", format!("a customer has at most {MAX_CONTACTS} contacts; remove one first")));
    }
    if new.primary {
        store::contacts::clear_primary(act.conn, act.tenant, customer)?;
    }
    let mut row = row(act, customer, next_position(&there), new);
    row.is_primary = new.primary || there.is_empty();
    store::contacts::insert(act.conn, std::slice::from_ref(&row))?;
    witness(act, "contact.created", &row);
    customers::touch(act, customer)?;
    Ok(row)
}

/// Changes a person's record.
///
/// # Errors
/// No such contact of this customer; taking the first place from the one who has it without giving it to another.
pub fn change(act: &mut Act<'_>, customer: CustomerId, id: ContactId, change: &ContactChange) -> Result<Contact> {
    check_phone(change.phone.as_ref()).or(())?;
    let old = store::contacts::find(act.conn, act.tenant, customer, id)?;
    if change.primary == Some(false) && old.is_primary {
        return Err(Faults::one("/primary", "required", "somebody is written to first; make another contact primary instead").into());
    }
    let wanted = with(&old, change);
    if wanted == old {
        return Ok(old);
    }
    if wanted.is_primary && !old.is_primary {
        store::contacts::clear_primary(act.conn, act.tenant, customer)?;
    }
    let row = Contact { updated_at: Ts(act.wall), ..wanted };
    store::contacts::update(act.conn, &row)?;
    witness(act, "contact.changed", &row);
    customers::touch(act, customer)?;
    Ok(row)
}

/// A person's record with a change.
fn with(old: &Contact, change: &ContactChange) -> Contact {
    Contact {
        name: change.name.clone().unwrap_or_else(|| old.name.clone()),
        role: change.role.clone().or_else(|| old.role.clone()),
        email: change.email.clone().or_else(|| old.email.clone()),
        phone: change.phone.clone().or_else(|| old.phone.clone()),
        language: change.language.or(old.language),
        opted_out: change.opted_out.clone().map_or_else(|| old.opted_out.clone(), Json),
        is_primary: change.primary.unwrap_or(old.is_primary),
        ..old.clone()
    }
}

/// Removes a person; the next in order is written to first.
///
/// # Errors
/// No such contact of this customer.
pub fn remove(act: &mut Act<'_>, customer: CustomerId, id: ContactId) -> Result<Contact> {
    let row = store::contacts::find(act.conn, act.tenant, customer, id)?;
    store::contacts::delete(act.conn, act.tenant, id)?;
    if row.is_primary
        && let Some(next) = store::contacts::of_customers(act.conn, act.tenant, &[customer])?.into_iter().next()
    {
        store::contacts::update(act.conn, &Contact { is_primary: true, ..next })?;
    }
    act.witness("contact.removed", id, json!({"customer_id": customer}));
    customers::touch(act, customer)?;
    Ok(row)
}

/// Rows for people not recorded before, from the place `first` on. Of a new customer's people, somebody is always first.
pub(super) fn fresh(act: &Act<'_>, customer: CustomerId, first: i32, news: &[NewContact]) -> Vec<Contact> {
    let mut rows: Vec<Contact> = (first..).zip(news).map(|(position, new)| row(act, customer, position, new)).collect();
    if first == 0
        && !rows.iter().any(|row| row.is_primary)
        && let Some(row) = rows.first_mut()
    {
        row.is_primary = true;
    }
    rows
}

/// Recognises the people in `news` among those who are `there` by e-mail, else by telephone, else by name; changes those and adds the others. Says whether anything changed.
pub(super) fn merge(act: &mut Act<'_>, customer: CustomerId, there: &[Contact], news: &[NewContact]) -> Result<bool> {
    let known = |new: &NewContact| {
        let by = |same: &dyn Fn(&&Contact) -> bool| there.iter().find(|one| same(one)).cloned();
        match (&new.email, &new.phone) {
            (Some(email), _) => by(&|one| one.email.as_ref() == Some(email)),
            (None, Some(phone)) => by(&|one| one.phone.as_ref() == Some(phone)),
            (None, None) => by(&|one| one.name == new.name),
        }
    };
    let unknown: Vec<&NewContact> = news.iter().filter(|new| known(new).is_none()).collect();
    if there.len().saturating_add(unknown.len()) > MAX_CONTACTS {
        return Err(Faults::one(
            "/contacts",
            "too_many",
            format!("a customer has at most {MAX_CONTACTS} contacts, those recorded before included"),
        )
        .into());
    }
    let mut changed = !unknown.is_empty();
    for new in news {
        match known(new) {
            None => {
                create(act, customer, new)?;
            }
            Some(old) if with(&old, &as_change(new)) == old => {}
            Some(old) => changed |= change(act, customer, old.id, &as_change(new))? != old,
        }
    }
    Ok(changed)
}

fn as_change(new: &NewContact) -> ContactChange {
    ContactChange {
        name: Some(new.name.clone()),
        role: new.role.clone(),
        email: new.email.clone(),
        phone: new.phone.clone(),
        language: new.language,
        opted_out: (!new.opted_out.is_empty()).then(|| new.opted_out.clone()),
        primary: new.primary.then_some(true),
    }
}

fn row(act: &Act<'_>, customer: CustomerId, position: i32, new: &NewContact) -> Contact {
    Contact {
        tenant_id: act.tenant,
        id: ContactId::new(act.wall),
        customer_id: customer,
        position,
        is_primary: new.primary,
        name: new.name.clone(),
        role: new.role.clone(),
        email: new.email.clone(),
        phone: new.phone.clone(),
        language: new.language,
        opted_out: Json(new.opted_out.clone()),
        created_at: Ts(act.wall),
        updated_at: Ts(act.wall),
        is_of_source: false,
    }
}

fn next_position(there: &[Contact]) -> i32 {
    there.iter().map(|one| one.position).max().map_or(0, |last| last.saturating_add(1))
}

/// Leaves what was recorded of a person in the journal: name and addresses as commitments.
pub(super) fn witness(act: &mut Act<'_>, kind: &'static str, row: &Contact) {
    let body = json!({"customer_id": row.customer_id, "role": row.role, "language": row.language, "opted_out": row.opted_out.0, "primary": row.is_primary});
    let email = row.email.as_ref().map(|email| ("email", email.to_string()));
    let phone = row.phone.as_ref().map(|phone| ("phone", phone.to_string()));
    let personal = [Some(("name", row.name.clone())), email, phone].into_iter().flatten().collect();
    act.witness_personal(kind, row.id, body, personal);
}
