//! Publishable keys: made for one debtor's page, revoked.

use std::collections::BTreeSet;

use serde_json::json;

use super::Act;
use crate::{
    domain::{
        access::{NewPublishableKey, Scope},
        ids::{CustomerId, PublishableKeyId},
        key::{NewToken, Purpose},
    },
    error::{Error, Result},
    store::{self, Ts, publishable_keys::PublishableKey},
};

/// What a page shows: nobody gives it away who may not see it.
const SHOWN: [Scope; 2] = [Scope::CustomersRead, Scope::InvoicesRead];

/// Makes a key for a customer's page. The text is returned this once and never kept.
///
/// # Errors
/// No such customer; a maker who may not see what the page shows; an end that is past or too far away.
pub fn create(act: &mut Act<'_>, own: &BTreeSet<Scope>, customer: CustomerId, new: &NewPublishableKey) -> Result<(PublishableKey, String)> {
    if let Some(missing) = SHOWN.iter().find(|scope| !own.contains(scope)) {
        return Err(Error::Forbidden(missing.to_string()));
    }
    store::customers::find(act.conn, act.tenant, customer)?;
    let ends = new.end(act.wall)?;
    let made = NewToken::generate(Purpose::Publishable, act.tenant).map_err(Error::internal)?;
    let row = PublishableKey {
        tenant_id: act.tenant,
        id: PublishableKeyId::new(act.wall),
        customer_id: customer,
        digest: made.token.digest.to_vec(),
        last4: made.token.last4.clone(),
        created_by: act.actor.to_owned(),
        created_at: Ts(act.wall),
        expires_at: Ts(ends),
        revoked_at: None,
        last_used_at: None,
    };
    store::publishable_keys::insert(act.conn, &row)?;
    let body = json!({ "customer_id": customer.to_string(), "last4": row.last4, "expires_at": ends.timestamp_micros() });
    act.audit("publishable_key.created", row.id, body);
    Ok((row, made.reveal().to_owned()))
}

/// Ends a key now; again is no error.
///
/// # Errors
/// No such key of this customer.
pub fn revoke(act: &mut Act<'_>, customer: CustomerId, id: PublishableKeyId) -> Result<PublishableKey> {
    let key = store::publishable_keys::find(act.conn, act.tenant, customer, id)?;
    if key.revoked_at.is_some() {
        return Ok(key);
    }
    store::publishable_keys::revoke(act.conn, act.tenant, id, act.wall)?;
    act.audit("publishable_key.revoked", id, json!({ "customer_id": customer.to_string() }));
    store::publishable_keys::find(act.conn, act.tenant, customer, id)
}
