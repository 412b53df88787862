//! `/v1/webhook-endpoints`: whom integrators have us tell, and what became of it.

use std::collections::BTreeSet;

use actix_web::{delete, get, http::StatusCode, patch, post};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
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
        api_version::ApiVersion,
        event::EventType,
        ids::{EventId, WebhookDeliveryId, WebhookEndpointId},
        invalid::Faults,
        webhook::{DeliveryState, EndpointState, NewWebhookEndpoint, Replay, Try, WebhookEndpointChange},
    },
    store::{
        self,
        webhooks::{WebhookDelivery, WebhookEndpoint},
    },
};

/// An endpoint, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookEndpointView {
    /// Always `webhook_endpoint`.
    #[schema(max_length = 20, example = "webhook_endpoint")]
    pub object: &'static str,
    /// The endpoint's id.
    pub id: WebhookEndpointId,
    /// Where events are posted.
    #[schema(max_length = 2000, example = "https://books.example.com/relance")]
    pub url: String,
    /// What it is for.
    #[schema(max_length = 200)]
    pub description: Option<String>,
    /// The types that it is told of; empty means all.
    #[schema(max_items = 100)]
    pub event_types: BTreeSet<EventType>,
    /// The dated version that it is told in: `version` in what is posted, and the header `Relance-Version`.
    pub api_version: ApiVersion,
    /// Whether it is told.
    pub state: EndpointState,
    /// Why it is disabled.
    #[schema(max_length = 200)]
    pub disabled_because: Option<String>,
    /// Since when nothing reaches it. After five days it is disabled.
    pub failing_since: Option<DateTime<Utc>>,
    /// Until when the former secret signs, too.
    pub former_secret_until: Option<DateTime<Utc>>,
    /// Grows with each change.
    #[schema(minimum = 1)]
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<WebhookEndpoint> for WebhookEndpointView {
    fn from(row: WebhookEndpoint) -> Self {
        Self {
            object: "webhook_endpoint",
            id: row.id,
            url: row.url,
            description: row.description,
            event_types: row.event_types.0,
            api_version: row.api_version,
            state: row.state,
            disabled_because: row.disabled_because,
            failing_since: row.failing_since.map(|at| at.0),
            former_secret_until: row.former_until.map(|at| at.0),
            version: row.version,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        }
    }
}

/// An endpoint with a secret just made.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookEndpointWithSecret {
    /// The endpoint.
    pub endpoint: WebhookEndpointView,
    /// What signs its events: `whsec_` and base64, as every Standard Webhooks library takes it. Shown this once.
    #[schema(max_length = 100, example = "whsec_…")]
    pub secret: String,
}

impl From<(WebhookEndpoint, String)> for WebhookEndpointWithSecret {
    fn from((row, secret): (WebhookEndpoint, String)) -> Self {
        Self { endpoint: row.into(), secret }
    }
}

/// One event on its way to one endpoint, and every try so far.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookDeliveryView {
    /// Always `webhook_delivery`.
    #[schema(max_length = 20, example = "webhook_delivery")]
    pub object: &'static str,
    /// The delivery's id.
    pub id: WebhookDeliveryId,
    /// To whom.
    pub endpoint_id: WebhookEndpointId,
    /// What: `GET /v1/events/{event_id}` shows what was posted.
    pub event_id: EventId,
    /// Its type.
    pub event_type: EventType,
    /// Where it stands.
    pub state: DeliveryState,
    /// When it is tried next.
    pub next_try_at: Option<DateTime<Utc>>,
    /// The tries, the latest thirty of them, in their order.
    #[schema(max_items = 30)]
    pub tries: Vec<Try>,
    /// When it was lined up.
    pub created_at: DateTime<Utc>,
    /// When it was taken, or given up.
    pub finished_at: Option<DateTime<Utc>>,
}

impl From<WebhookDelivery> for WebhookDeliveryView {
    fn from(row: WebhookDelivery) -> Self {
        Self {
            object: "webhook_delivery",
            id: row.id,
            endpoint_id: row.endpoint_id,
            event_id: EventId::from_uuid(row.entry_id.uuid()),
            event_type: row.event_type,
            state: row.state,
            next_try_at: row.next_try_at.filter(|_| row.state == DeliveryState::Pending).map(|at| at.0),
            tries: row.tries.0,
            created_at: row.created_at.0,
            finished_at: row.finished_at.map(|at| at.0),
        }
    }
}

/// How an endpoint's secret is replaced.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"overlap_seconds": 86400}))]
pub struct SecretRotation {
    /// How long the old secret signs beside the new one.
    #[schema(minimum = 0, maximum = 604_800, default = 86400)]
    pub overlap_seconds: i64,
}

impl Default for SecretRotation {
    fn default() -> Self {
        Self { overlap_seconds: 86_400 }
    }
}

/// Which deliveries, and which page of them.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeliveryQuery {
    /// Only those that stand here.
    pub state: Option<DeliveryState>,
}

/// Whether the URL is one that is called.
fn check<Body, Query>(call: &Call<Body, Query>, url: Option<&str>) -> Result<(), Problem> {
    let Some(Err(why)) = url.map(|url| call.state.net.policy().check_url(call.tenant().mode(), url)) else { return Ok(()) };
    Err(call.problem(Faults::one("/url", "forbidden_url", why.to_string()).into()))
}

/// Create a webhook endpoint
///
/// It is told of what happens from now on, by signed posts as Standard Webhooks 1.0.0 says: verify them with the library of your language. An answer of 200 to 299 within ten seconds takes
/// an event; anything else is tried again for three days. Order is not promised: compare `sequence`. An event may come twice: its `webhook-id` is the same.
#[utoipa::path(operation_id = "createWebhookEndpoint", tag = "Events", request_body = NewWebhookEndpoint, responses((status = 201, description = "Made; the secret is shown this once", body = WebhookEndpointWithSecret)), security(("api_key" = ["events:write"])))]
#[post("/v1/webhook-endpoints")]
pub async fn create(call: Call<NewWebhookEndpoint>) -> Answer {
    check(&call, Some(&call.body.url))?;
    let (new, state, version) = (call.body.clone(), call.state.clone(), call.version());
    call.act(StatusCode::CREATED, move |act| {
        actions::webhooks::create(act, &state.vault, &new, &version).map(WebhookEndpointWithSecret::from)
    })
    .await
}

/// List webhook endpoints
///
/// Also those that are disabled.
#[utoipa::path(operation_id = "listWebhookEndpoints", tag = "Events", params(PageQuery), responses((status = 200, description = "A page", body = Page<WebhookEndpointView>)), security(("api_key" = ["events:read"])))]
#[get("/v1/webhook-endpoints")]
pub async fn list(call: Call) -> Answer {
    let window = call.window()?;
    let rows = call.read(move |conn, tenant| store::webhooks::list(conn, tenant, window.after(), window.fetch())).await?;
    call.page(window, rows, |row| row.id.uuid(), WebhookEndpointView::from).await
}

/// Get a webhook endpoint
///
/// Without its secret.
#[utoipa::path(operation_id = "getWebhookEndpoint", tag = "Events", params(("webhook_endpoint_id" = WebhookEndpointId, Path, description = "The endpoint")), responses((status = 200, description = "The endpoint", body = WebhookEndpointView)), security(("api_key" = ["events:read"])))]
#[get("/v1/webhook-endpoints/{webhook_endpoint_id}")]
pub async fn find(call: Call) -> Answer {
    call.show(current).await
}

/// As it is shown.
///
/// # Errors
/// When it is not there.
pub fn current(look: &mut Look<'_>) -> crate::error::Result<WebhookEndpointView> {
    let id = look.id("webhook_endpoint_id")?;
    store::webhooks::find(look.conn, look.tenant, id).map(WebhookEndpointView::from)
}

/// Change a webhook endpoint
///
/// Its URL, description, event types, or the version that it is told in.
#[utoipa::path(operation_id = "updateWebhookEndpoint", tag = "Events", params(("webhook_endpoint_id" = WebhookEndpointId, Path, description = "The endpoint")), request_body = WebhookEndpointChange, responses((status = 200, description = "As it is now", body = WebhookEndpointView)), security(("api_key" = ["events:write"])))]
#[patch("/v1/webhook-endpoints/{webhook_endpoint_id}")]
pub async fn change(call: Call<WebhookEndpointChange>) -> Answer {
    let id = call.id("webhook_endpoint_id")?;
    check(&call, call.body.url.as_deref())?;
    let wanted = call.body.clone();
    call.act(StatusCode::OK, move |act| actions::webhooks::change(act, id, &wanted).map(WebhookEndpointView::from)).await
}

/// Rotate a webhook endpoint's secret
///
/// Both secrets sign until the overlap ends: install the new one meanwhile.
#[utoipa::path(operation_id = "rotateWebhookSecret", tag = "Events", params(("webhook_endpoint_id" = WebhookEndpointId, Path, description = "The endpoint")), request_body = SecretRotation, responses((status = 201, description = "Made; the secret is shown this once", body = WebhookEndpointWithSecret)), security(("api_key" = ["events:write"])))]
#[post("/v1/webhook-endpoints/{webhook_endpoint_id}/rotate-secret")]
pub async fn rotate(call: Call<SecretRotation>) -> Answer {
    let id = call.id("webhook_endpoint_id")?;
    let (overlap, state) = (TimeDelta::seconds(call.body.overlap_seconds), call.state.clone());
    call.act(StatusCode::CREATED, move |act| actions::webhooks::rotate(act, &state.vault, id, overlap).map(WebhookEndpointWithSecret::from))
        .await
}

/// Disable a webhook endpoint
///
/// It is told no more; what was still to be told is given up.
#[utoipa::path(operation_id = "disableWebhookEndpoint", tag = "Events", params(("webhook_endpoint_id" = WebhookEndpointId, Path, description = "The endpoint")), responses((status = 200, description = "Disabled", body = WebhookEndpointView)), security(("api_key" = ["events:write"])))]
#[post("/v1/webhook-endpoints/{webhook_endpoint_id}/disable")]
pub async fn disable(call: Call) -> Answer {
    let id = call.id("webhook_endpoint_id")?;
    call.act(StatusCode::OK, move |act| actions::webhooks::disable(act, id).map(WebhookEndpointView::from)).await
}

/// Enable a webhook endpoint
///
/// It is told again, from where it was left, at most thirty days back. What was given up is told again by a replay.
#[utoipa::path(operation_id = "enableWebhookEndpoint", tag = "Events", params(("webhook_endpoint_id" = WebhookEndpointId, Path, description = "The endpoint")), responses((status = 200, description = "Enabled", body = WebhookEndpointView)), security(("api_key" = ["events:write"])))]
#[post("/v1/webhook-endpoints/{webhook_endpoint_id}/enable")]
pub async fn enable(call: Call) -> Answer {
    let id = call.id("webhook_endpoint_id")?;
    call.act(StatusCode::OK, move |act| actions::webhooks::enable(act, id).map(WebhookEndpointView::from)).await
}

/// Send a test event
///
/// `webhook_endpoint.tested`, to this endpoint alone, whatever types it wants. Its deliveries show the answer.
#[utoipa::path(operation_id = "testWebhookEndpoint", tag = "Events", params(("webhook_endpoint_id" = WebhookEndpointId, Path, description = "The endpoint")), responses((status = 202, description = "On its way", body = WebhookEndpointView)), security(("api_key" = ["events:write"])))]
#[post("/v1/webhook-endpoints/{webhook_endpoint_id}/test")]
pub async fn test(call: Call) -> Answer {
    let id = call.id("webhook_endpoint_id")?;
    call.act(StatusCode::ACCEPTED, move |act| actions::webhooks::test(act, id).map(WebhookEndpointView::from)).await
}

/// Replay events to a webhook endpoint
///
/// Every event since then that it wants and has not taken is told again.
#[utoipa::path(operation_id = "replayWebhookEvents", tag = "Events", params(("webhook_endpoint_id" = WebhookEndpointId, Path, description = "The endpoint")), request_body = Replay, responses((status = 202, description = "On their way", body = WebhookEndpointView)), security(("api_key" = ["events:write"])))]
#[post("/v1/webhook-endpoints/{webhook_endpoint_id}/replay")]
pub async fn replay(call: Call<Replay>) -> Answer {
    let id = call.id("webhook_endpoint_id")?;
    let since = call.body.since;
    call.act(StatusCode::ACCEPTED, move |act| actions::webhooks::replay(act, id, since).map(WebhookEndpointView::from)).await
}

/// Delete a webhook endpoint
///
/// With the log of what it was told.
#[utoipa::path(operation_id = "deleteWebhookEndpoint", tag = "Events", params(("webhook_endpoint_id" = WebhookEndpointId, Path, description = "The endpoint")), responses((status = 200, description = "As it was", body = WebhookEndpointView)), security(("api_key" = ["events:write"])))]
#[delete("/v1/webhook-endpoints/{webhook_endpoint_id}")]
pub async fn delete(call: Call) -> Answer {
    let id = call.id("webhook_endpoint_id")?;
    call.act(StatusCode::OK, move |act| actions::webhooks::delete(act, id).map(WebhookEndpointView::from)).await
}

/// List a webhook endpoint's deliveries
///
/// The newest first, with every try; kept for thirty days.
#[utoipa::path(operation_id = "listWebhookDeliveries", tag = "Events", params(("webhook_endpoint_id" = WebhookEndpointId, Path, description = "The endpoint"), PageQuery, DeliveryQuery), responses((status = 200, description = "A page", body = Page<WebhookDeliveryView>)), security(("api_key" = ["events:read"])))]
#[get("/v1/webhook-endpoints/{webhook_endpoint_id}/deliveries")]
pub async fn deliveries(call: Call<(), DeliveryQuery>) -> Answer {
    let id = call.id("webhook_endpoint_id")?;
    let (window, state) = (call.window()?, call.query.state);
    let rows = call
        .read(move |conn, tenant| {
            store::webhooks::find(conn, tenant, id)?;
            store::webhooks::deliveries(conn, tenant, id, state, window.after(), window.fetch())
        })
        .await?;
    call.page(window, rows, |row| row.id.uuid(), WebhookDeliveryView::from).await
}

/// Get a webhook delivery
///
/// With every try.
#[utoipa::path(operation_id = "getWebhookDelivery", tag = "Events", params(("webhook_delivery_id" = WebhookDeliveryId, Path, description = "The delivery")), responses((status = 200, description = "The delivery", body = WebhookDeliveryView)), security(("api_key" = ["events:read"])))]
#[get("/v1/webhook-deliveries/{webhook_delivery_id}")]
pub async fn delivery(call: Call) -> Answer {
    call.show(current_delivery).await
}

/// As it is shown.
///
/// # Errors
/// When it is not there.
pub fn current_delivery(look: &mut Look<'_>) -> crate::error::Result<WebhookDeliveryView> {
    let id = look.id("webhook_delivery_id")?;
    store::webhooks::find_delivery(look.conn, look.tenant, id).map(WebhookDeliveryView::from)
}

/// Deliver an event again
///
/// To the same endpoint, whatever became of it before.
#[utoipa::path(operation_id = "redeliverWebhook", tag = "Events", params(("webhook_delivery_id" = WebhookDeliveryId, Path, description = "The delivery")), responses((status = 202, description = "On its way", body = WebhookDeliveryView)), security(("api_key" = ["events:write"])))]
#[post("/v1/webhook-deliveries/{webhook_delivery_id}/redeliver")]
pub async fn redeliver(call: Call) -> Answer {
    let id = call.id("webhook_delivery_id")?;
    call.act(StatusCode::ACCEPTED, move |act| actions::webhooks::redeliver(act, id).map(WebhookDeliveryView::from)).await
}
