//! `/v1/customers/{customer_id}/solvency-checks`: asked of a provider, answered later; and what was answered before.

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
        credit::request::{NewSolvencyCheck, SolvencyState},
        ids::{CustomerId, ProviderAccountId, SolvencyCheckId},
        money::Currency,
    },
    store::{self, solvency::SolvencyCheck},
};

/// A solvency check.
#[derive(Debug, Serialize, ToSchema)]
pub struct SolvencyCheckView {
    /// Always `solvency_check`.
    #[schema(max_length = 20, example = "solvency_check")]
    pub object: &'static str,
    /// The check's id, as the provider is given it.
    pub id: SolvencyCheckId,
    /// About whom.
    pub customer_id: CustomerId,
    /// Who is asked; in test mode nobody, and the last digit of the identifier `registration_number` is the answer.
    pub provider_account_id: Option<ProviderAccountId>,
    /// Where it stands.
    pub state: SolvencyState,
    /// Why it was asked for.
    #[schema(max_length = 500)]
    pub reason: Option<String>,
    /// 1 (failing) to 5 (sound).
    #[schema(minimum = 1, maximum = 5)]
    pub rating: Option<i32>,
    /// The limit that the provider advises, in minor units of `currency`. It sets none.
    #[schema(minimum = 0)]
    pub recommended_limit: Option<i64>,
    /// Of the limit.
    pub currency: Option<Currency>,
    /// The provider's own number.
    #[schema(max_length = 300)]
    pub reference: Option<String>,
    /// In the provider's words.
    #[schema(max_length = 300)]
    pub summary: Option<String>,
    /// Why it was not taken, the last time.
    #[schema(max_length = 400)]
    pub failure: Option<String>,
    /// How often the provider was asked.
    #[schema(minimum = 0)]
    pub attempts: i32,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// When it was answered.
    pub answered_at: Option<DateTime<Utc>>,
}

impl From<SolvencyCheck> for SolvencyCheckView {
    fn from(row: SolvencyCheck) -> Self {
        Self {
            object: "solvency_check",
            id: row.id,
            customer_id: row.customer_id,
            provider_account_id: row.provider_account_id,
            state: row.state,
            reason: row.reason,
            rating: row.rating,
            recommended_limit: row.recommended_minor,
            currency: row.currency,
            reference: row.reference,
            summary: row.summary,
            failure: row.failure,
            attempts: row.attempts,
            requested_at: row.requested_at.0,
            answered_at: row.answered_at.map(|at| at.0),
        }
    }
}

/// Ask for a solvency check
///
/// The provider account of kind `solvency` is asked by signed webhook and answers by its receipt URL; the answer counts for the score.
#[utoipa::path(operation_id = "createSolvencyCheck", tag = "Credit", params(("customer_id" = CustomerId, Path, description = "The customer")), request_body = NewSolvencyCheck, responses((status = 201, description = "Asked for", body = SolvencyCheckView)), security(("api_key" = ["credit:write"])))]
#[post("/v1/customers/{customer_id}/solvency-checks")]
pub async fn create(call: Call<NewSolvencyCheck>) -> Answer {
    let (customer, new) = (call.id("customer_id")?, call.body.clone());
    call.act(StatusCode::CREATED, move |act| actions::credit::solvency::request(act, customer, &new).map(SolvencyCheckView::from)).await
}

/// List a customer's solvency checks
///
/// In the order in which they were asked for.
#[utoipa::path(operation_id = "listSolvencyChecks", tag = "Credit", params(("customer_id" = CustomerId, Path, description = "The customer"), PageQuery), responses((status = 200, description = "A page", body = Page<SolvencyCheckView>)), security(("api_key" = ["credit:read"])))]
#[get("/v1/customers/{customer_id}/solvency-checks")]
pub async fn list(call: Call) -> Answer {
    let (window, customer) = (call.window()?, call.id("customer_id")?);
    let rows = call
        .read(move |conn, tenant| {
            store::customers::find(conn, tenant, customer)?;
            store::solvency::list(conn, tenant, customer, window.after(), window.fetch())
        })
        .await?;
    call.page(window, rows, |row| row.id.uuid(), SolvencyCheckView::from).await
}

/// Get a solvency check
///
/// With its answer, once there is one.
#[utoipa::path(operation_id = "getSolvencyCheck", tag = "Credit", params(("solvency_check_id" = SolvencyCheckId, Path, description = "The check")), responses((status = 200, description = "The check", body = SolvencyCheckView)), security(("api_key" = ["credit:read"])))]
#[get("/v1/solvency-checks/{solvency_check_id}")]
pub async fn find(call: Call) -> Answer {
    let id = call.id("solvency_check_id")?;
    let row = call.read(move |conn, tenant| store::solvency::find(conn, tenant, id)).await?;
    call.ok(&SolvencyCheckView::from(row))
}
