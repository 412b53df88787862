//! `/v1/identity-providers`: the OpenID Connect issuers whose tokens a tenant believes.

use std::collections::BTreeSet;

use actix_web::{get, http::StatusCode, patch, post};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Call, Problem,
    call::Answer,
    page::{Page, PageQuery},
    subject::Look,
};
use crate::{
    actions,
    domain::{
        identity::{IdentityProviderChange, NewIdentityProvider, RoleClaim, ScopeClaim, TokenAlgorithm},
        ids::IdentityProviderId,
        invalid::Faults,
    },
    error::Result,
    store::{self, identity_providers::IdentityProvider},
};

/// An issuer that is believed.
#[derive(Debug, Serialize, ToSchema)]
pub struct IdentityProviderView {
    /// Always `identity_provider`.
    #[schema(max_length = 20, example = "identity_provider")]
    pub object: &'static str,
    /// The provider's id.
    pub id: IdentityProviderId,
    /// What it is called here.
    #[schema(max_length = 100)]
    pub name: String,
    /// The issuer, as its tokens write it.
    #[schema(max_length = 500, example = "https://login.example.com/realms/atelier")]
    pub issuer: String,
    /// What `aud` must hold.
    #[schema(max_length = 300, example = "relance")]
    pub audience: String,
    /// How its tokens may be signed.
    #[schema(max_items = 4)]
    pub algorithms: BTreeSet<TokenAlgorithm>,
    /// Where a person's roles are read.
    pub roles: Option<RoleClaim>,
    /// Where a person's scopes are read.
    pub scopes: Option<ScopeClaim>,
    /// Who made it: a key's or a person's id.
    #[schema(max_length = 64)]
    pub created_by: String,
    /// Counts the changes.
    #[schema(minimum = 1)]
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was revoked; its tokens are worth nothing since.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl From<IdentityProvider> for IdentityProviderView {
    fn from(row: IdentityProvider) -> Self {
        let rights = row.rights();
        Self {
            object: "identity_provider",
            id: row.id,
            name: row.name,
            issuer: row.issuer,
            audience: row.audience,
            algorithms: row.algorithms.0,
            roles: rights.roles,
            scopes: rights.scopes,
            created_by: row.created_by,
            version: row.version,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
            revoked_at: row.revoked_at.map(|at| at.0),
        }
    }
}

/// What came of asking an issuer for its keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct IdentityProviderCheck {
    /// Always `identity_provider_check`.
    #[schema(max_length = 30, example = "identity_provider_check")]
    pub object: &'static str,
    /// Whether its keys could be fetched, and one of them can be used.
    pub usable: bool,
    /// How many keys can be used.
    #[schema(minimum = 0, maximum = 100)]
    pub keys: usize,
    /// What is wrong, if anything is.
    #[schema(max_length = 2000)]
    pub problem: Option<String>,
}

/// Create an identity provider
///
/// People with tokens of this issuer may then call the API of this tenant in this mode: `Authorization: Bearer` with the token, `Relance-Tenant` with the tenant's id and, for test mode, `Relance-Mode: test`.
/// What they may do is what the claims mean by your own table, and nobody can give more than he has. The issuer's keys are found by OpenID Connect Discovery.
#[utoipa::path(operation_id = "createIdentityProvider", tag = "Access", request_body = NewIdentityProvider, responses((status = 201, description = "Made", body = IdentityProviderView)), security(("api_key" = ["identity:write"])))]
#[post("/v1/identity-providers")]
pub async fn create(call: Call<NewIdentityProvider>) -> Answer {
    if let Err(why) = call.state.net.policy().check_url(call.tenant().mode(), &call.body.issuer) {
        return Err(call.problem(Faults::one("/issuer", "forbidden_url", why.to_string()).into()));
    }
    let (new, own) = (call.body.clone(), call.caller.scopes.clone());
    call.act(StatusCode::CREATED, move |act| actions::identity_providers::create(act, &own, &new).map(IdentityProviderView::from)).await
}

/// List identity providers
///
/// Also those that are revoked.
#[utoipa::path(operation_id = "listIdentityProviders", tag = "Access", params(PageQuery), responses((status = 200, description = "A page", body = Page<IdentityProviderView>)), security(("api_key" = ["identity:read"])))]
#[get("/v1/identity-providers")]
pub async fn list(call: Call) -> Answer {
    let window = call.window()?;
    let rows = call.read(move |conn, tenant| store::identity_providers::list(conn, tenant, window.after(), window.fetch())).await?;
    call.page(window, rows, |row| row.id.uuid(), IdentityProviderView::from).await
}

/// Get an identity provider
///
/// With what its claims mean here.
#[utoipa::path(operation_id = "getIdentityProvider", tag = "Access", params(("identity_provider_id" = IdentityProviderId, Path, description = "The provider")), responses((status = 200, description = "The provider", body = IdentityProviderView)), security(("api_key" = ["identity:read"])))]
#[get("/v1/identity-providers/{identity_provider_id}")]
pub async fn find(call: Call) -> Answer {
    call.show(current).await
}

/// As it is shown.
///
/// # Errors
/// No such thing.
pub(super) fn current(look: &mut Look<'_>) -> Result<IdentityProviderView> {
    let id = look.id("identity_provider_id")?;
    store::identity_providers::find(look.conn, look.tenant, id).map(IdentityProviderView::from)
}

async fn found(call: &Call) -> std::result::Result<IdentityProvider, Problem> {
    let id = call.id("identity_provider_id")?;
    call.read(move |conn, tenant| store::identity_providers::find(conn, tenant, id)).await
}

/// Change an identity provider
///
/// Its name, algorithms, and what its claims mean. It is felt within five seconds, by tokens that are in use as well.
#[utoipa::path(operation_id = "updateIdentityProvider", tag = "Access", params(("identity_provider_id" = IdentityProviderId, Path, description = "The provider")), request_body = IdentityProviderChange, responses((status = 200, description = "As it is now", body = IdentityProviderView)), security(("api_key" = ["identity:write"])))]
#[patch("/v1/identity-providers/{identity_provider_id}")]
pub async fn change(call: Call<IdentityProviderChange>) -> Answer {
    let id = call.id("identity_provider_id")?;
    let (change, own) = (call.body.clone(), call.caller.scopes.clone());
    call.act(StatusCode::OK, move |act| actions::identity_providers::change(act, &own, id, &change).map(IdentityProviderView::from)).await
}

/// Check an identity provider
///
/// Asks the issuer for its discovery document and its keys, now, and says what is wrong. Changes nothing.
#[utoipa::path(operation_id = "checkIdentityProvider", tag = "Access", params(("identity_provider_id" = IdentityProviderId, Path, description = "The provider")), responses((status = 200, description = "What came of it", body = IdentityProviderCheck)), security(("api_key" = ["identity:write"])))]
#[post("/v1/identity-providers/{identity_provider_id}/check")]
pub async fn check(call: Call) -> Answer {
    let provider = found(&call).await?;
    let fetched = call.state.issuers.fetch(call.tenant().mode(), &provider.issuer, call.wall()).await;
    let (keys, problem) = match fetched {
        Ok(set) => (set.len(), None),
        Err(why) => (0, Some(why)),
    };
    call.ok(&IdentityProviderCheck { object: "identity_provider_check", usable: problem.is_none(), keys, problem })
}

/// Revoke an identity provider
///
/// Its tokens stop working within five seconds. Doing it again changes nothing.
#[utoipa::path(operation_id = "revokeIdentityProvider", tag = "Access", params(("identity_provider_id" = IdentityProviderId, Path, description = "The provider")), responses((status = 200, description = "Revoked", body = IdentityProviderView)), security(("api_key" = ["identity:write"])))]
#[post("/v1/identity-providers/{identity_provider_id}/revoke")]
pub async fn revoke(call: Call) -> Answer {
    let id = call.id("identity_provider_id")?;
    call.act(StatusCode::OK, move |act| actions::identity_providers::revoke(act, id).map(IdentityProviderView::from)).await
}
