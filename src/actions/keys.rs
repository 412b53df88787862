//! API keys: made, rotated with an overlap, revoked; and keys of any kind that were found in the open.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::Act;
use crate::{
    domain::{
        access::{self, NewKey, Scope},
        event::EventType,
        ids::{ApiKeyId, TenantId},
        key::{NewToken, Purpose, Token},
    },
    error::{Error, Result},
    store::{self, Json, Ts, keys::ApiKey},
};

/// Makes a key with at most the rights of the one that makes it. The text is returned this once and never kept.
///
/// # Errors
/// Scopes that the maker does not hold, an expiry in the past.
pub fn create(act: &mut Act<'_>, own: &BTreeSet<Scope>, new: &NewKey) -> Result<(ApiKey, String)> {
    access::check(new, own, act.wall).or(())?;
    mint(act, act.tenant, new)
}

/// Makes a key for `tenant` on the authority of whoever runs the installation.
///
/// # Errors
/// The store's.
pub fn mint(act: &mut Act<'_>, tenant: TenantId, new: &NewKey) -> Result<(ApiKey, String)> {
    let made = NewToken::generate(Purpose::ApiKey, tenant).map_err(Error::internal)?;
    let row = ApiKey {
        tenant_id: tenant,
        id: ApiKeyId::new(act.wall),
        name: new.name.clone(),
        digest: made.token.digest.to_vec(),
        last4: made.token.last4.clone(),
        scopes: Json(new.scopes.clone()),
        role: new.role,
        networks: Json(new.networks.clone()),
        created_by: act.actor.to_owned(),
        created_at: Ts(act.wall),
        expires_at: new.expires_at.map(Ts),
        revoked_at: None,
        last_used_at: None,
    };
    store::keys::insert(act.conn, &row)?;
    act.audit(
        "key.created",
        row.id,
        json!({ "name": row.name, "role": row.role, "scopes": row.held(), "networks": new.networks, "last4": row.last4 }),
    );
    Ok((row, made.reveal().to_owned()))
}

/// Replaces a key by one with the same name and rights; the old one works for `overlap` more.
///
/// # Errors
/// No such key, or one that works no longer.
pub fn rotate(
    act: &mut Act<'_>,
    own: &BTreeSet<Scope>,
    id: ApiKeyId,
    overlap: TimeDelta,
    expires_at: Option<DateTime<Utc>>,
) -> Result<(ApiKey, String)> {
    let old = store::keys::find(act.conn, act.tenant, id)?;
    if !old.works(act.wall) {
        return Err(Error::conflict("key_ended", "the key is revoked or has expired; make a new one instead"));
    }
    let new = NewKey { name: old.name.clone(), scopes: old.scopes.0.clone(), role: old.role, networks: old.networks.0.clone(), expires_at };
    let made = create(act, own, &new)?;
    let ends = act.wall + overlap;
    if old.expires_at.is_none_or(|at| at.0 > ends) {
        store::keys::revoke(act.conn, act.tenant, id, ends)?;
    }
    act.audit("key.rotated", id, json!({ "by": made.0.id.to_string(), "ends_at": ends }));
    Ok(made)
}

/// Ends a key now; again is no error.
///
/// # Errors
/// No such key.
pub fn revoke(act: &mut Act<'_>, id: ApiKeyId) -> Result<ApiKey> {
    let key = store::keys::find(act.conn, act.tenant, id)?;
    if key.revoked_at.is_some_and(|at| at.0 <= act.wall) {
        return Ok(key);
    }
    store::keys::revoke(act.conn, act.tenant, id, act.wall)?;
    act.audit("key.revoked", id, json!({}));
    store::keys::find(act.conn, act.tenant, id)
}

/// Ends the key whose text somebody found; the text proves that they did. Nothing happens when there is no such key, or it works no longer.
///
/// # Errors
/// The store's.
pub fn report_leak(act: &mut Act<'_>, token: &Token) -> Result<()> {
    let body = json!({ "last4": token.last4 });
    match token.purpose {
        Purpose::ApiKey => {
            let found = store::keys::find_by_digest(act.conn, act.tenant, &token.digest)?;
            if let Some(key) = found.filter(|key| key.works(act.wall)) {
                store::keys::revoke(act.conn, act.tenant, key.id, act.wall)?;
                act.audit(EventType::KeyLeaked.as_str(), key.id, body);
            }
        }
        Purpose::Publishable => {
            let found = store::publishable_keys::find_by_digest(act.conn, act.tenant, &token.digest)?;
            if let Some(key) = found.filter(|key| key.works(act.wall)) {
                store::publishable_keys::revoke(act.conn, act.tenant, key.id, act.wall)?;
                act.audit(EventType::KeyLeaked.as_str(), key.id, body);
            }
        }
        Purpose::Inbound => {}
    }
    Ok(())
}
