//! `/v1/credit-decisions`: what accounting software asks before it takes an order or delivers.

use actix_web::{get, http::StatusCode, post};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Call,
    call::Answer,
    credit::OfCustomerQuery,
    page::{Page, PageQuery},
    subject::Look,
};
use crate::{
    actions,
    domain::{
        credit::{
            decision::{CreditOutcome, Exposure, ReasonGiven},
            request::{DecisionOverride, NewCreditDecision, Reservation},
        },
        ids::{CreditDecisionId, CustomerId, InvoiceId},
        money::Currency,
    },
    store::{self, credit_decisions::CreditDecision},
};

/// A credit decision.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreditDecisionView {
    /// Always `credit_decision`.
    #[schema(max_length = 20, example = "credit_decision")]
    pub object: &'static str,
    /// The decision's id; an invoice may name it.
    pub id: CreditDecisionId,
    /// Who orders.
    pub customer_id: CustomerId,
    /// Of all amounts.
    pub currency: Currency,
    /// What the order comes to, in minor units.
    #[schema(minimum = 1)]
    pub amount: i64,
    /// The order's number.
    #[schema(max_length = 100)]
    pub order_reference: Option<String>,
    /// What is decided.
    pub outcome: CreditOutcome,
    /// What must be paid first, in minor units.
    #[schema(minimum = 0)]
    pub prepayment: i64,
    /// All that speaks for it; the gravest decides.
    #[schema(max_items = 20)]
    pub reasons: Vec<ReasonGiven>,
    /// What was left of the limit before, in minor units; absent without a valid one.
    #[schema(minimum = 0)]
    pub available_before: Option<i64>,
    /// What was owed and reserved before.
    pub exposure_before: Exposure,
    /// The score that held.
    #[schema(minimum = 1, maximum = 5)]
    pub score: i32,
    /// What became of the reservation.
    pub reservation: Reservation,
    /// What is still reserved, in minor units.
    #[schema(minimum = 0)]
    pub reserved: i64,
    /// When the reservation expires.
    pub reserved_until: Option<DateTime<Utc>>,
    /// The last invoice that took the place of what was reserved.
    pub invoice_id: Option<InvoiceId>,
    /// Who approved it against the rules, and why; absent if nobody did.
    #[serde(rename = "override")]
    pub overridden: Option<DecisionOverrideView>,
    /// Counts the changes.
    #[schema(minimum = 1)]
    pub version: i64,
    /// When it was decided.
    pub created_at: DateTime<Utc>,
}

/// An approval against the rules.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecisionOverrideView {
    /// Why.
    #[schema(max_length = 500)]
    pub reason: String,
    /// By whom: a key's id.
    #[schema(max_length = 64)]
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

impl CreditDecisionView {
    fn new(row: CreditDecision, now: DateTime<Utc>) -> Self {
        let expired = row.reservation == Reservation::Held && !row.holds(now);
        let overridden = match (&row.override_reason, &row.override_by, row.overridden_at) {
            (Some(reason), Some(by), Some(at)) => Some(DecisionOverrideView { reason: reason.clone(), by: by.clone(), at: at.0 }),
            _ => None,
        };
        Self {
            object: "credit_decision",
            id: row.id,
            customer_id: row.customer_id,
            currency: row.currency,
            amount: row.amount_minor,
            order_reference: row.order_reference,
            outcome: row.outcome,
            prepayment: row.prepayment_minor,
            reasons: row.reasons.0,
            available_before: row.available_minor,
            exposure_before: row.exposure.0,
            score: row.score,
            reservation: if expired { Reservation::Expired } else { row.reservation },
            reserved: if expired { 0 } else { row.reserved_minor },
            reserved_until: row.reserved_until.map(|at| at.0),
            invoice_id: row.invoice_id,
            overridden,
            version: row.version,
            created_at: row.created_at.0,
        }
    }
}

/// Decide about an order
///
/// Approves, asks for a prepayment or refuses, with all reasons at once, and reserves what may be delivered on credit until it expires or an invoice takes
/// its place. Asked again with the same `order_reference`, the new decision replaces the former.
#[utoipa::path(operation_id = "createCreditDecision", tag = "Credit", request_body = NewCreditDecision, responses((status = 201, description = "Decided", body = CreditDecisionView)), security(("api_key" = ["credit:write"])))]
#[post("/v1/credit-decisions")]
pub async fn create(call: Call<NewCreditDecision>) -> Answer {
    let new = call.body.clone();
    call.act(StatusCode::CREATED, move |act| {
        let row = actions::credit::decisions::decide(act, &new)?;
        Ok(CreditDecisionView::new(row, act.now))
    })
    .await
}

/// List credit decisions
///
/// In the order in which they were made.
#[utoipa::path(operation_id = "listCreditDecisions", tag = "Credit", params(PageQuery, OfCustomerQuery), responses((status = 200, description = "A page", body = Page<CreditDecisionView>)), security(("api_key" = ["credit:read"])))]
#[get("/v1/credit-decisions")]
pub async fn list(call: Call<(), OfCustomerQuery>) -> Answer {
    let (window, customer, wall) = (call.window()?, call.query.customer_id, call.wall());
    let (rows, now) = call
        .read(move |conn, tenant| {
            let now = actions::present(conn, tenant, wall)?;
            Ok((store::credit_decisions::list(conn, tenant, customer, window.after(), window.fetch())?, now))
        })
        .await?;
    call.page(window, rows, |row| row.id.uuid(), |row| CreditDecisionView::new(row, now)).await
}

/// Get a credit decision
///
/// With its reasons, and what became of the reservation.
#[utoipa::path(operation_id = "getCreditDecision", tag = "Credit", params(("credit_decision_id" = CreditDecisionId, Path, description = "The decision")), responses((status = 200, description = "The decision", body = CreditDecisionView)), security(("api_key" = ["credit:read"])))]
#[get("/v1/credit-decisions/{credit_decision_id}")]
pub async fn find(call: Call) -> Answer {
    call.show(current).await
}

/// As it is shown.
///
/// # Errors
/// When it is not there.
pub fn current(look: &mut Look<'_>) -> crate::error::Result<CreditDecisionView> {
    let id = look.id("credit_decision_id")?;
    let now = actions::present(look.conn, look.tenant, look.wall)?;
    store::credit_decisions::find(look.conn, look.tenant, id).map(|row| CreditDecisionView::new(row, now))
}

/// Override a credit decision
///
/// Approves the whole order against the rules, and reserves it, whatever the limit says. It is audited. Doing it again changes nothing.
#[utoipa::path(operation_id = "overrideCreditDecision", tag = "Credit", params(("credit_decision_id" = CreditDecisionId, Path, description = "The decision")), request_body = DecisionOverride, responses((status = 200, description = "Approved", body = CreditDecisionView)), security(("api_key" = ["credit:override"])))]
#[post("/v1/credit-decisions/{credit_decision_id}/override")]
pub async fn override_decision(call: Call<DecisionOverride>) -> Answer {
    let (id, why) = (call.id("credit_decision_id")?, call.body.clone());
    call.act(StatusCode::OK, move |act| {
        let row = actions::credit::decisions::override_decision(act, id, &why)?;
        Ok(CreditDecisionView::new(row, act.now))
    })
    .await
}

/// Release a credit decision's reservation
///
/// The order is not coming. Doing it again changes nothing.
#[utoipa::path(operation_id = "releaseCreditDecision", tag = "Credit", params(("credit_decision_id" = CreditDecisionId, Path, description = "The decision")), responses((status = 200, description = "Released", body = CreditDecisionView)), security(("api_key" = ["credit:write"])))]
#[post("/v1/credit-decisions/{credit_decision_id}/release")]
pub async fn release(call: Call) -> Answer {
    let id = call.id("credit_decision_id")?;
    call.act(StatusCode::OK, move |act| {
        let row = actions::credit::decisions::release(act, id)?;
        Ok(CreditDecisionView::new(row, act.now))
    })
    .await
}
