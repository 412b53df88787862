//! `/v1/api-keys`: made, listed, rotated, revoked. A secret is shown once, in the answer that makes it.

use std::collections::BTreeSet;

use actix_web::{get, http::StatusCode, post};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Call,
    call::Answer,
    page::{Page, PageQuery},
};
use crate::{
    actions,
    domain::{
        access::{NewKey, Role, Scope},
        ids::ApiKeyId,
        network::Network,
    },
    store::{self, keys::ApiKey},
};

/// An API key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyView {
    /// Always `api_key`.
    #[schema(max_length = 20, example = "api_key")]
    pub object: &'static str,
    /// The key's id.
    pub id: ApiKeyId,
    /// What it is for.
    #[schema(max_length = 100)]
    pub name: String,
    /// The last four characters of the secret.
    #[schema(min_length = 4, max_length = 4, example = "x4Qd")]
    pub last4: String,
    /// What it may do.
    #[schema(max_items = 50)]
    pub scopes: BTreeSet<Scope>,
    /// The role that says so, if it was made with one.
    pub role: Option<Role>,
    /// From which networks it works; none: from everywhere.
    #[schema(max_items = 20)]
    pub networks: BTreeSet<Network>,
    /// Who made it: a key's or a person's id, or `system`.
    #[schema(max_length = 64)]
    pub created_by: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it stops working by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was, or will be, ended by somebody.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl From<ApiKey> for KeyView {
    fn from(row: ApiKey) -> Self {
        Self {
            object: "api_key",
            id: row.id,
            scopes: row.held(),
            name: row.name,
            last4: row.last4,
            role: row.role,
            networks: row.networks.0,
            created_by: row.created_by,
            created_at: row.created_at.0,
            expires_at: row.expires_at.map(|at| at.0),
            revoked_at: row.revoked_at.map(|at| at.0),
            last_used_at: row.last_used_at.map(|at| at.0),
        }
    }
}

/// A key just made.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyWithSecret {
    /// The key.
    pub key: KeyView,
    /// The secret: shown this once, kept nowhere. Send it as `Authorization: Bearer`.
    #[schema(max_length = 100, example = "rlk_test_…")]
    pub secret: String,
}

impl From<(ApiKey, String)> for KeyWithSecret {
    fn from((row, secret): (ApiKey, String)) -> Self {
        Self { key: row.into(), secret }
    }
}

/// How a key is replaced.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"overlap_seconds": 86400}))]
pub struct Rotation {
    /// How long the old key works beside the new one.
    #[schema(minimum = 0, maximum = 2_592_000, default = 86400)]
    pub overlap_seconds: i64,
    /// When the new key stops working.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Default for Rotation {
    fn default() -> Self {
        Self { overlap_seconds: 86_400, expires_at: None }
    }
}

/// Create an API key
///
/// It opens the partition of whoever makes it, and holds at most its maker's scopes: listed, or those of a role.
#[utoipa::path(operation_id = "createApiKey", tag = "Access", request_body = NewKey, responses((status = 201, description = "Made; the secret is shown this once", body = KeyWithSecret)), security(("api_key" = ["keys:write"])))]
#[post("/v1/api-keys")]
pub async fn create(call: Call<NewKey>) -> Answer {
    let (new, own) = (call.body.clone(), call.caller.scopes.clone());
    call.act(StatusCode::CREATED, move |act| actions::keys::create(act, &own, &new).map(KeyWithSecret::from)).await
}

/// List API keys
///
/// Also those that no longer work.
#[utoipa::path(operation_id = "listApiKeys", tag = "Access", params(PageQuery), responses((status = 200, description = "A page", body = Page<KeyView>)), security(("api_key" = ["keys:read"])))]
#[get("/v1/api-keys")]
pub async fn list(call: Call) -> Answer {
    let window = call.window()?;
    let rows = call.read(move |conn, tenant| store::keys::list(conn, tenant, window.after(), window.fetch())).await?;
    call.page(window, rows, |row| row.id.uuid(), KeyView::from).await
}

/// Rotate an API key
///
/// Makes a key with the same name and scopes; the old one works until the overlap ends.
#[utoipa::path(operation_id = "rotateApiKey", tag = "Access", params(("key_id" = ApiKeyId, Path, description = "The key to replace")), request_body = Rotation, responses((status = 201, description = "Made; the secret is shown this once", body = KeyWithSecret)), security(("api_key" = ["keys:write"])))]
#[post("/v1/api-keys/{key_id}/rotate")]
pub async fn rotate(call: Call<Rotation>) -> Answer {
    let id = call.id("key_id")?;
    let (rotation, own) = (call.body.clone(), call.caller.scopes.clone());
    call.act(StatusCode::CREATED, move |act| {
        actions::keys::rotate(act, &own, id, TimeDelta::seconds(rotation.overlap_seconds), rotation.expires_at).map(KeyWithSecret::from)
    })
    .await
}

/// Revoke an API key
///
/// It, and every token made from it, stops working within five seconds. Doing it again changes nothing.
#[utoipa::path(operation_id = "revokeApiKey", tag = "Access", params(("key_id" = ApiKeyId, Path, description = "The key to end")), responses((status = 200, description = "Revoked", body = KeyView)), security(("api_key" = ["keys:write"])))]
#[post("/v1/api-keys/{key_id}/revoke")]
pub async fn revoke(call: Call) -> Answer {
    let id = call.id("key_id")?;
    call.act(StatusCode::OK, move |act| actions::keys::revoke(act, id).map(KeyView::from)).await
}
