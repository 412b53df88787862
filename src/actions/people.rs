//! People whom an identity provider named: let in, kept out, forgotten.
//!
//! The journal knows them by id alone. Invariant: once somebody is forgotten, nothing here says who they were, and the log still verifies.

use serde_json::json;

use super::Act;
use crate::{
    domain::ids::{IdentityProviderId, PersonId},
    error::Result,
    store::{self, Ts, people::Person},
};

/// The person whom a provider calls `subject`, recorded if they were never here.
///
/// # Errors
/// The store's.
pub fn admit(act: &mut Act<'_>, provider: IdentityProviderId, subject: &str) -> Result<Person> {
    if let Some(known) = store::people::find_by_subject(act.conn, act.tenant, provider, subject)? {
        return Ok(known);
    }
    let row = Person {
        tenant_id: act.tenant,
        id: PersonId::new(act.wall),
        provider_id: provider,
        subject: Some(subject.to_owned()),
        created_at: Ts(act.wall),
        last_seen_at: Ts(act.wall),
        blocked_at: None,
    };
    store::people::insert(act.conn, &row)?;
    act.audit("person.admitted", row.id, json!({ "provider_id": provider.to_string() }));
    Ok(row)
}

/// Keeps a person out; again is no error.
///
/// # Errors
/// No such person.
pub fn block(act: &mut Act<'_>, id: PersonId) -> Result<Person> {
    let row = store::people::find(act.conn, act.tenant, id)?;
    if row.blocked_at.is_some() {
        return Ok(row);
    }
    store::people::set_blocked(act.conn, act.tenant, id, Some(act.wall))?;
    act.audit("person.blocked", id, json!({}));
    store::people::find(act.conn, act.tenant, id)
}

/// Lets a person in again; again is no error.
///
/// # Errors
/// No such person.
pub fn unblock(act: &mut Act<'_>, id: PersonId) -> Result<Person> {
    let row = store::people::find(act.conn, act.tenant, id)?;
    if row.blocked_at.is_none() {
        return Ok(row);
    }
    store::people::set_blocked(act.conn, act.tenant, id, None)?;
    act.audit("person.unblocked", id, json!({}));
    store::people::find(act.conn, act.tenant, id)
}

/// Forgets who a person was; should they come again, they are somebody new. Again is no error.
///
/// # Errors
/// No such person.
pub fn forget(act: &mut Act<'_>, id: PersonId) -> Result<Person> {
    let row = store::people::find(act.conn, act.tenant, id)?;
    if row.subject.is_none() {
        return Ok(row);
    }
    store::people::forget(act.conn, act.tenant, id)?;
    act.audit("person.forgotten", id, json!({}));
    store::people::find(act.conn, act.tenant, id)
}
