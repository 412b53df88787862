//! `/v1/payment-plans`: agreed schedules, and how they are kept.

use actix_web::{get, http::StatusCode, post};
use chrono::{DateTime, NaiveDate, Utc};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Call,
    call::Answer,
    page::{Page, PageQuery},
    subject::Look,
};
use crate::{
    actions,
    domain::{
        ids::{CustomerId, InstalmentId, PaymentPlanId, TenantId},
        ledger::payment_plan::{Acceptance, NewPaymentPlan, Part, PlanInterest, PlanState},
        money::Currency,
    },
    error::Result,
    store::{
        self, Conn,
        order::CreationSort,
        payment_plans::{Filter, PaymentPlan},
    },
};

/// A payment plan.
#[derive(Debug, Serialize, ToSchema)]
pub struct PaymentPlanView {
    /// Always `payment_plan`.
    #[schema(max_length = 20, example = "payment_plan")]
    pub object: &'static str,
    /// The plan's id.
    pub id: PaymentPlanId,
    /// With whom.
    pub customer_id: CustomerId,
    /// Of all amounts.
    pub currency: Currency,
    /// What was owed when it was proposed, in minor units.
    #[schema(minimum = 1)]
    pub amount: i64,
    /// The parts, by day.
    #[schema(max_items = 120)]
    pub parts: Vec<Part>,
    /// What it covers: left in peace while it is kept.
    #[schema(max_items = 10_000)]
    pub instalment_ids: Vec<InstalmentId>,
    /// Whether the first part settles the tax.
    pub tax_first: bool,
    /// What becomes of late interest.
    pub interest: PlanInterest,
    /// Days of grace after each part.
    #[schema(minimum = 0)]
    pub grace_days: i32,
    /// Where it stands: judged from the payments, by their dates; late news about a payment may change it.
    pub state: PlanState,
    /// What had been paid since its acceptance when it was last judged, in minor units.
    #[schema(minimum = 0)]
    pub received: i64,
    /// The day of the proposal.
    pub proposed_on: NaiveDate,
    /// When it was accepted.
    pub accepted_at: Option<DateTime<Utc>>,
    /// By whom.
    #[schema(max_length = 200)]
    pub accepted_by: Option<String>,
    /// From where.
    #[schema(max_length = 200)]
    pub accepted_from: Option<String>,
    /// The text that was accepted. Not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 20_000)]
    pub accepted_text: Option<String>,
    /// SHA-256 of that text in UTF-8, in hexadecimal; it stands in the journal, too.
    #[schema(max_length = 64)]
    pub text_sha256: Option<String>,
    /// The part that was missed, from 1, if it was broken.
    #[schema(minimum = 1)]
    pub missed_part: Option<i32>,
    /// The day on which it was found broken, if it ever was.
    pub broken_on: Option<NaiveDate>,
    /// Counts the changes.
    #[schema(minimum = 1)]
    pub version: i64,
    /// When it was proposed.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A plan, its parts, what it covers.
type Whole = (PaymentPlan, Vec<Part>, Vec<InstalmentId>);

impl From<Whole> for PaymentPlanView {
    fn from((row, parts, instalment_ids): Whole) -> Self {
        Self {
            object: "payment_plan",
            id: row.id,
            customer_id: row.customer_id,
            currency: row.currency,
            amount: row.amount_minor,
            parts,
            instalment_ids,
            tax_first: row.tax_first,
            interest: row.interest,
            grace_days: row.grace_days,
            state: row.state,
            received: row.received_minor,
            proposed_on: row.proposed_on,
            accepted_at: row.accepted_at.map(|at| at.0),
            accepted_by: row.accepted_by,
            accepted_from: row.accepted_from,
            accepted_text: None,
            text_sha256: row.text_sha256.map(|digest| HEXLOWER.encode(&digest)),
            missed_part: row.missed_part,
            broken_on: row.breached_on,
            version: row.version,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        }
    }
}

fn whole(conn: &mut Conn, tenant: TenantId, rows: Vec<PaymentPlan>) -> Result<Vec<Whole>> {
    let ids: Vec<PaymentPlanId> = rows.iter().map(|row| row.id).collect();
    let mut parts = store::payment_plans::parts(conn, tenant, &ids)?;
    let mut covered = store::payment_plans::covered(conn, tenant, &ids)?;
    let one = |row: PaymentPlan| {
        let (parts, covered) = (parts.remove(&row.id).unwrap_or_default(), covered.remove(&row.id).unwrap_or_default());
        (row, parts, covered)
    };
    Ok(rows.into_iter().map(one).collect())
}

fn view(conn: &mut Conn, tenant: TenantId, row: PaymentPlan) -> Result<PaymentPlanView> {
    let parts = store::payment_plans::parts(conn, tenant, &[row.id])?.remove(&row.id).unwrap_or_default();
    let covered = store::payment_plans::covered(conn, tenant, &[row.id])?.remove(&row.id).unwrap_or_default();
    let accepted_text = row.text.clone();
    Ok(PaymentPlanView { accepted_text, ..(row, parts, covered).into() })
}

/// Which payment plans to list.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PaymentPlanQuery {
    /// Only of this customer.
    pub customer_id: Option<CustomerId>,
    /// Only in this state.
    pub state: Option<PlanState>,
    /// In which order.
    pub sort: Option<CreationSort>,
}

/// Propose a payment plan
///
/// Draws it up within the tenant's limits (`concessions`): equal parts, or the parts as agreed, the first one due now. It changes nothing until the customer
/// accepts it.
#[utoipa::path(operation_id = "proposePaymentPlan", tag = "Silences", request_body = NewPaymentPlan, responses((status = 201, description = "Proposed", body = PaymentPlanView)), security(("api_key" = ["reminders:write"])))]
#[post("/v1/payment-plans")]
pub async fn create(call: Call<NewPaymentPlan>) -> Answer {
    let new = call.body.clone();
    call.act(StatusCode::CREATED, move |act| {
        let row = actions::payment_plans::propose(act, &new)?;
        view(act.conn, act.tenant, row)
    })
    .await
}

/// List payment plans
///
/// In the order in which they were proposed, unless `sort` says otherwise.
#[utoipa::path(operation_id = "listPaymentPlans", tag = "Silences", params(PageQuery, PaymentPlanQuery), responses((status = 200, description = "A page", body = Page<PaymentPlanView>)), security(("api_key" = ["reminders:read"])))]
#[get("/v1/payment-plans")]
pub async fn list(call: Call<(), PaymentPlanQuery>) -> Answer {
    let window = call.window()?;
    let filter = Filter { customer_id: call.query.customer_id, state: call.query.state, sort: call.query.sort };
    let rows = call
        .read(move |conn, tenant| {
            let rows = store::payment_plans::list(conn, tenant, &filter, window.after(), window.fetch())?;
            whole(conn, tenant, rows)
        })
        .await?;
    call.page(window, rows, |(row, ..)| row.id.uuid(), PaymentPlanView::from).await
}

/// Get a payment plan
///
/// With its parts, what it covers and the text that was accepted.
#[utoipa::path(operation_id = "getPaymentPlan", tag = "Silences", params(("payment_plan_id" = PaymentPlanId, Path, description = "The plan")), responses((status = 200, description = "The plan", body = PaymentPlanView)), security(("api_key" = ["reminders:read"])))]
#[get("/v1/payment-plans/{payment_plan_id}")]
pub async fn find(call: Call) -> Answer {
    call.show(current).await
}

/// As it is shown.
///
/// # Errors
/// When it is not there.
pub fn current(look: &mut Look<'_>) -> Result<PaymentPlanView> {
    let id = look.id("payment_plan_id")?;
    let row = store::payment_plans::find(look.conn, look.tenant, id)?;
    view(look.conn, look.tenant, row)
}

/// Accept a payment plan
///
/// Notes who accepted it, when and from where, with the text that was shown and its digest. From here on what it covers is left in peace, while each part is
/// paid by its day and the grace after it.
#[utoipa::path(operation_id = "acceptPaymentPlan", tag = "Silences", params(("payment_plan_id" = PaymentPlanId, Path, description = "The plan that the customer accepts")), request_body = Acceptance, responses((status = 200, description = "Accepted", body = PaymentPlanView)), security(("api_key" = ["reminders:write"])))]
#[post("/v1/payment-plans/{payment_plan_id}/accept")]
pub async fn accept(call: Call<Acceptance>) -> Answer {
    let (id, how) = (call.id("payment_plan_id")?, call.body.clone());
    call.act(StatusCode::OK, move |act| {
        let row = actions::payment_plans::accept(act, id, &how)?;
        view(act.conn, act.tenant, row)
    })
    .await
}

/// Cancel a payment plan
///
/// Takes a proposal back, or ends a plan that was accepted: what it covers is claimed by its own dates again.
#[utoipa::path(operation_id = "cancelPaymentPlan", tag = "Silences", params(("payment_plan_id" = PaymentPlanId, Path, description = "The plan to take back")), responses((status = 200, description = "Cancelled", body = PaymentPlanView)), security(("api_key" = ["reminders:write"])))]
#[post("/v1/payment-plans/{payment_plan_id}/cancel")]
pub async fn cancel(call: Call) -> Answer {
    let id = call.id("payment_plan_id")?;
    call.act(StatusCode::OK, move |act| {
        let row = actions::payment_plans::cancel(act, id)?;
        view(act.conn, act.tenant, row)
    })
    .await
}
