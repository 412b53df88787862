//! `/v1/suppressions`: addresses that must not be written to.

use actix_web::{get, http::StatusCode, post};
use chrono::{DateTime, Utc};
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
        contact::Channel,
        delivery::SuppressionReason,
        ids::SuppressionId,
        suppression::{Address, Lift, NewSuppression},
    },
    store::{
        self,
        suppressions::{Filter, Suppression},
    },
};

/// A suppression.
#[derive(Debug, Serialize, ToSchema)]
pub struct SuppressionView {
    /// Always `suppression`.
    #[schema(max_length = 20, example = "suppression")]
    pub object: &'static str,
    /// The suppression's id.
    pub id: SuppressionId,
    /// On which channel the address is silent.
    pub channel: Channel,
    /// The address: e-mail in small letters, or a number in E.164 form.
    #[schema(max_length = 254, example = "accounts@example.com")]
    pub address: String,
    /// Why.
    pub reason: SuppressionReason,
    /// Where that is known from.
    #[schema(max_length = 100)]
    pub source: String,
    /// Whether it is in force.
    pub active: bool,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// When it was lifted.
    pub lifted_at: Option<DateTime<Utc>>,
    /// Why it was lifted.
    #[schema(max_length = 500)]
    pub lift_reason: Option<String>,
}

impl From<Suppression> for SuppressionView {
    fn from(row: Suppression) -> Self {
        Self {
            object: "suppression",
            id: row.id,
            channel: row.channel,
            address: row.address.to_string(),
            reason: row.reason,
            source: row.source,
            active: row.lifted_at.is_none(),
            created_at: row.created_at.0,
            lifted_at: row.lifted_at.map(|at| at.0),
            lift_reason: row.lift_reason,
        }
    }
}

/// Which suppressions to list.
#[derive(Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SuppressionQuery {
    /// Only this channel.
    pub channel: Option<Channel>,
    /// Only this address: e-mail in any letters, or a number in E.164 form.
    #[param(min_length = 1, max_length = 254)]
    pub address: Option<String>,
    /// `true`: only those in force; `false`: only the lifted ones.
    pub active: Option<bool>,
}

/// Debtors' data never reaches logs.
impl std::fmt::Debug for SuppressionQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SuppressionQuery").field("channel", &self.channel).field("active", &self.active).finish_non_exhaustive()
    }
}

/// List suppressions
///
/// Also the lifted ones, oldest first. Page by page, this is the export: each row has what `POST /v1/suppressions/batch` takes.
#[utoipa::path(operation_id = "listSuppressions", tag = "Reminders", params(PageQuery, SuppressionQuery), responses((status = 200, description = "A page", body = Page<SuppressionView>)), security(("api_key" = ["suppressions:read"])))]
#[get("/v1/suppressions")]
pub async fn list(call: Call<(), SuppressionQuery>) -> Answer {
    let window = call.window()?;
    let address = call.query.address.as_deref().map(Address::searched);
    let filter = Filter { channel: call.query.channel, address, active: call.query.active };
    let rows = call.read(move |conn, tenant| store::suppressions::list(conn, tenant, &filter, window.after(), window.fetch())).await?;
    call.page(window, rows, |row| row.id.uuid(), SuppressionView::from).await
}

/// Suppress an address
///
/// Nothing more is sent to it on that channel, by nobody's policy. While a suppression is in force, another changes nothing and answers with the first.
#[utoipa::path(operation_id = "createSuppression", tag = "Reminders", request_body = NewSuppression, responses((status = 201, description = "In force", body = SuppressionView)), security(("api_key" = ["suppressions:write"])))]
#[post("/v1/suppressions")]
pub async fn create(call: Call<NewSuppression>) -> Answer {
    let new = call.body.clone();
    call.act(StatusCode::CREATED, move |act| actions::suppressions::create(act, &new).map(SuppressionView::from)).await
}

/// Lift a suppression
///
/// The address may be written to again. What was lifted stays on record; doing it again changes nothing.
#[utoipa::path(operation_id = "liftSuppression", tag = "Reminders", params(("suppression_id" = SuppressionId, Path, description = "The suppression to end")), request_body = Lift, responses((status = 200, description = "Lifted", body = SuppressionView)), security(("api_key" = ["suppressions:write"])))]
#[post("/v1/suppressions/{suppression_id}/lift")]
pub async fn lift(call: Call<Lift>) -> Answer {
    let id = call.id("suppression_id")?;
    let reason = call.body.reason.clone();
    call.act(StatusCode::OK, move |act| actions::suppressions::lift(act, id, &reason).map(SuppressionView::from)).await
}
