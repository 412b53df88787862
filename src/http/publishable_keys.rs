//! `/v1/customers/{customer_id}/publishable-keys`: keys that a debtor's own page may carry.

use actix_web::{get, http::StatusCode, post};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Call,
    call::Answer,
    page::{Page, PageQuery},
};
use crate::{
    actions,
    domain::{
        access::NewPublishableKey,
        ids::{CustomerId, PublishableKeyId},
    },
    store::{self, publishable_keys::PublishableKey},
};

/// A publishable key, without its text.
#[derive(Debug, Serialize, ToSchema)]
pub struct PublishableKeyView {
    /// Always `publishable_key`.
    #[schema(max_length = 20, example = "publishable_key")]
    pub object: &'static str,
    /// The key's id.
    pub id: PublishableKeyId,
    /// Whose page it opens.
    pub customer_id: CustomerId,
    /// The last four characters of its text.
    #[schema(min_length = 4, max_length = 4, example = "x4Qd")]
    pub last4: String,
    /// Who made it: a key's or a person's id.
    #[schema(max_length = 64)]
    pub created_by: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it stops working by itself.
    pub expires_at: DateTime<Utc>,
    /// When it was ended by somebody.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl From<PublishableKey> for PublishableKeyView {
    fn from(row: PublishableKey) -> Self {
        Self {
            object: "publishable_key",
            id: row.id,
            customer_id: row.customer_id,
            last4: row.last4,
            created_by: row.created_by,
            created_at: row.created_at.0,
            expires_at: row.expires_at.0,
            revoked_at: row.revoked_at.map(|at| at.0),
            last_used_at: row.last_used_at.map(|at| at.0),
        }
    }
}

/// A publishable key just made.
#[derive(Debug, Serialize, ToSchema)]
pub struct PublishableKeyWithText {
    /// The key.
    pub key: PublishableKeyView,
    /// Its text: shown this once, kept nowhere. A page sends it as `Authorization: Bearer`.
    #[schema(max_length = 100, example = "rlp_test_…")]
    pub secret: String,
}

impl From<(PublishableKey, String)> for PublishableKeyWithText {
    fn from((row, secret): (PublishableKey, String)) -> Self {
        Self { key: row.into(), secret }
    }
}

/// Create a publishable key
///
/// It opens `GET /v1/debtor` and `GET /v1/debtor/invoices` for this customer, from any web page, and nothing else. Whoever makes it must hold `customers:read` and `invoices:read` as well: it gives
/// away what they show.
#[utoipa::path(operation_id = "createPublishableKey", tag = "Access", params(("customer_id" = CustomerId, Path, description = "Whose page it opens")), request_body = NewPublishableKey, responses((status = 201, description = "Made; its text is shown this once", body = PublishableKeyWithText)), security(("api_key" = ["customers:write"])))]
#[post("/v1/customers/{customer_id}/publishable-keys")]
pub async fn create(call: Call<NewPublishableKey>) -> Answer {
    let customer = call.id("customer_id")?;
    let (new, own) = (call.body.clone(), call.caller.scopes.clone());
    call.act(StatusCode::CREATED, move |act| actions::publishable_keys::create(act, &own, customer, &new).map(PublishableKeyWithText::from))
        .await
}

/// List a customer's publishable keys
///
/// Also those that no longer work.
#[utoipa::path(operation_id = "listPublishableKeys", tag = "Access", params(("customer_id" = CustomerId, Path, description = "The customer"), PageQuery), responses((status = 200, description = "A page", body = Page<PublishableKeyView>)), security(("api_key" = ["customers:read"])))]
#[get("/v1/customers/{customer_id}/publishable-keys")]
pub async fn list(call: Call) -> Answer {
    let customer = call.id("customer_id")?;
    let window = call.window()?;
    let rows = call
        .read(move |conn, tenant| {
            store::customers::find(conn, tenant, customer)?;
            store::publishable_keys::list(conn, tenant, customer, window.after(), window.fetch())
        })
        .await?;
    call.page(window, rows, |row| row.id.uuid(), PublishableKeyView::from).await
}

/// Revoke a publishable key
///
/// It stops working within five seconds. Doing it again changes nothing.
#[utoipa::path(operation_id = "revokePublishableKey", tag = "Access", params(("customer_id" = CustomerId, Path, description = "The customer"), ("publishable_key_id" = PublishableKeyId, Path, description = "The key to end")), responses((status = 200, description = "Revoked", body = PublishableKeyView)), security(("api_key" = ["customers:write"])))]
#[post("/v1/customers/{customer_id}/publishable-keys/{publishable_key_id}/revoke")]
pub async fn revoke(call: Call) -> Answer {
    let (customer, id) = (call.id("customer_id")?, call.id("publishable_key_id")?);
    call.act(StatusCode::OK, move |act| actions::publishable_keys::revoke(act, customer, id).map(PublishableKeyView::from)).await
}
