//! Identity providers: whom a tenant believes, and with which rights.

use std::collections::BTreeSet;

use serde_json::json;

use super::Act;
use crate::{
    domain::{
        access::Scope,
        identity::{IdentityProviderChange, NewIdentityProvider, Rights},
        ids::IdentityProviderId,
    },
    error::{Error, Result},
    store::{self, Json, Ts, identity_providers::IdentityProvider},
};

/// Providers of a tenant's mode at most.
const MOST: i64 = 20;

/// Has a tenant believe an issuer, with at most the rights of whoever says so.
///
/// # Errors
/// Rights that the maker does not hold; `issuer_taken`; `limit_reached`.
pub fn create(act: &mut Act<'_>, own: &BTreeSet<Scope>, new: &NewIdentityProvider) -> Result<IdentityProvider> {
    Rights { roles: new.roles.clone(), scopes: new.scopes.clone() }.check(own).or(())?;
    let same = store::identity_providers::of_issuer(act.conn, act.tenant, &new.issuer)?;
    if let Some(there) = same.iter().find(|one| one.audience == new.audience) {
        let detail = format!("{} speaks for this issuer and audience already; change that one", there.id);
        return Err(Error::conflict_with(there.id, "issuer_taken", detail));
    }
    if store::identity_providers::count(act.conn, act.tenant)? >= MOST {
        return Err(Error::conflict("limit_reached", format!("there are {MOST} identity providers; revoke one that is not needed")));
    }
    let row = IdentityProvider {
        tenant_id: act.tenant,
        id: IdentityProviderId::new(act.wall),
        name: new.name.clone(),
        issuer: new.issuer.clone(),
        audience: new.audience.clone(),
        algorithms: Json(new.algorithms.clone()),
        roles: new.roles.clone().map(Json),
        scopes: new.scopes.clone().map(Json),
        created_by: act.actor.to_owned(),
        version: 1,
        created_at: Ts(act.wall),
        updated_at: Ts(act.wall),
        revoked_at: None,
    };
    store::identity_providers::insert(act.conn, &row)?;
    act.audit("identity_provider.created", row.id, facts(&row));
    Ok(row)
}

/// Changes what a provider's tokens may do, and how they may be signed.
///
/// # Errors
/// No such provider, or one that is revoked; rights that whoever changes it does not hold.
pub fn change(
    act: &mut Act<'_>,
    own: &BTreeSet<Scope>,
    id: IdentityProviderId,
    change: &IdentityProviderChange,
) -> Result<IdentityProvider> {
    let old = store::identity_providers::find(act.conn, act.tenant, id)?;
    if old.revoked_at.is_some() {
        return Err(Error::conflict("wrong_state", "the identity provider is revoked; make a new one instead"));
    }
    let before = old.rights();
    let rights = Rights { roles: change.roles.of(before.roles.as_ref()), scopes: change.scopes.of(before.scopes.as_ref()) };
    rights.check(own).or(())?;
    let row = IdentityProvider {
        name: change.name.clone().unwrap_or_else(|| old.name.clone()),
        algorithms: change.algorithms.clone().map_or_else(|| old.algorithms.clone(), Json),
        roles: rights.roles.map(Json),
        scopes: rights.scopes.map(Json),
        version: old.version.saturating_add(1),
        updated_at: Ts(act.wall),
        ..old
    };
    store::identity_providers::update(act.conn, &row)?;
    act.audit("identity_provider.changed", id, facts(&row));
    Ok(row)
}

/// Believes an issuer no more; again is no error.
///
/// # Errors
/// No such provider.
pub fn revoke(act: &mut Act<'_>, id: IdentityProviderId) -> Result<IdentityProvider> {
    let row = store::identity_providers::find(act.conn, act.tenant, id)?;
    if row.revoked_at.is_some() {
        return Ok(row);
    }
    store::identity_providers::revoke(act.conn, act.tenant, id, act.wall)?;
    act.audit("identity_provider.revoked", id, json!({}));
    store::identity_providers::find(act.conn, act.tenant, id)
}

/// Whom and what was believed: an auditor needs all of it.
fn facts(row: &IdentityProvider) -> serde_json::Value {
    let (roles, scopes) = (row.roles.as_ref().map(|claim| &claim.0), row.scopes.as_ref().map(|claim| &claim.0));
    json!({ "issuer": row.issuer, "audience": row.audience, "algorithms": *row.algorithms, "roles": roles, "scopes": scopes })
}
