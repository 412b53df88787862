//! `/v1/holds`: customers and invoices left in peace for a while.

use actix_web::{get, http::StatusCode, post};
use chrono::{DateTime, NaiveDate, Utc};
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
        ids::{CustomerId, HoldId, InvoiceId},
        ledger::hold::NewHold,
    },
    store::{
        self,
        holds::{Filter, Hold},
        order::CreationSort,
    },
};

/// A customer or an invoice left in peace.
#[derive(Debug, Serialize, ToSchema)]
pub struct HoldView {
    /// Always `hold`.
    #[schema(max_length = 20, example = "hold")]
    pub object: &'static str,
    /// The hold's id.
    pub id: HoldId,
    /// Whom it concerns.
    pub customer_id: CustomerId,
    /// The invoice it is limited to; absent: all that the customer owes.
    pub invoice_id: Option<InvoiceId>,
    /// Why.
    #[schema(max_length = 500)]
    pub reason: String,
    /// Its first day; absent: it began when it was placed.
    pub from: Option<NaiveDate>,
    /// Its last day; absent: until it is lifted.
    pub until: Option<NaiveDate>,
    /// The key that placed it.
    #[schema(max_length = 60)]
    pub created_by: String,
    /// When it was placed.
    pub created_at: DateTime<Utc>,
    /// When it was lifted, if it was.
    pub lifted_at: Option<DateTime<Utc>>,
}

impl From<Hold> for HoldView {
    fn from(row: Hold) -> Self {
        Self {
            object: "hold",
            id: row.id,
            customer_id: row.customer_id,
            invoice_id: row.invoice_id,
            reason: row.reason,
            from: row.starts_on,
            until: row.until,
            created_by: row.created_by,
            created_at: row.created_at.0,
            lifted_at: row.lifted_at.map(|at| at.0),
        }
    }
}

/// Which holds to list.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HoldQuery {
    /// Only of this customer.
    pub customer_id: Option<CustomerId>,
    /// Only on this invoice.
    pub invoice_id: Option<InvoiceId>,
    /// Only those lifted, or not.
    pub lifted: Option<bool>,
    /// In which order.
    pub sort: Option<CreationSort>,
}

/// Place a hold
///
/// Nothing is claimed of the customer, or of the invoice, from the moment at which this is answered, or from the day that it names; what had left before is not called back.
#[utoipa::path(operation_id = "placeHold", tag = "Silences", request_body = NewHold, responses((status = 201, description = "Placed", body = HoldView)), security(("api_key" = ["reminders:write"])))]
#[post("/v1/holds")]
pub async fn create(call: Call<NewHold>) -> Answer {
    let new = call.body.clone();
    call.act(StatusCode::CREATED, move |act| actions::holds::place(act, &new).map(HoldView::from)).await
}

/// List holds
///
/// In the order in which they were placed, unless `sort` says otherwise.
#[utoipa::path(operation_id = "listHolds", tag = "Silences", params(PageQuery, HoldQuery), responses((status = 200, description = "A page", body = Page<HoldView>)), security(("api_key" = ["reminders:read"])))]
#[get("/v1/holds")]
pub async fn list(call: Call<(), HoldQuery>) -> Answer {
    let window = call.window()?;
    let HoldQuery { customer_id, invoice_id, lifted, sort, .. } = call.query;
    let filter = Filter { customer_id, invoice_id, lifted, sort };
    let rows = call.read(move |conn, tenant| store::holds::list(conn, tenant, &filter, window.after(), window.fetch())).await?;
    call.page(window, rows, |row| row.id.uuid(), HoldView::from).await
}

/// Get a hold
///
/// With its reason and its last day.
#[utoipa::path(operation_id = "getHold", tag = "Silences", params(("hold_id" = HoldId, Path, description = "The hold")), responses((status = 200, description = "The hold", body = HoldView)), security(("api_key" = ["reminders:read"])))]
#[get("/v1/holds/{hold_id}")]
pub async fn find(call: Call) -> Answer {
    call.show(current).await
}

/// As it is shown.
///
/// # Errors
/// When it is not there.
pub fn current(look: &mut Look<'_>) -> crate::error::Result<HoldView> {
    let id = look.id("hold_id")?;
    store::holds::find(look.conn, look.tenant, id).map(HoldView::from)
}

/// Lift a hold
///
/// The crescendo goes on from where it stood. Doing it again changes nothing.
#[utoipa::path(operation_id = "liftHold", tag = "Silences", params(("hold_id" = HoldId, Path, description = "The hold to end")), responses((status = 200, description = "Lifted", body = HoldView)), security(("api_key" = ["reminders:write"])))]
#[post("/v1/holds/{hold_id}/lift")]
pub async fn lift(call: Call) -> Answer {
    let id = call.id("hold_id")?;
    call.act(StatusCode::OK, move |act| actions::holds::lift(act, id).map(HoldView::from)).await
}
