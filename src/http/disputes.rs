//! `/v1/disputes`: amounts that customers contest.

use actix_web::{get, http::StatusCode, patch, post};
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
        ids::{CreditNoteId, CustomerId, DisputeId, DocumentId, InvoiceId, TaskId},
        ledger::dispute::{DisputeChange, DisputeOutcome, DisputeReason, DisputeResolution, DisputeState, NewDispute},
        money::Currency,
    },
    store::{
        self,
        disputes::{Dispute, DisputeSort, Filter, SOMETIME},
    },
};

/// A contested amount.
#[derive(Debug, Serialize, ToSchema)]
pub struct DisputeView {
    /// Always `dispute`.
    #[schema(max_length = 20, example = "dispute")]
    pub object: &'static str,
    /// The dispute's id.
    pub id: DisputeId,
    /// Who contests.
    pub customer_id: CustomerId,
    /// Which invoice.
    pub invoice_id: InvoiceId,
    /// Of the amounts.
    pub currency: Currency,
    /// How much is contested, in minor units; absent: the whole invoice.
    #[schema(minimum = 1)]
    pub amount: Option<i64>,
    /// What is contested.
    pub reason: DisputeReason,
    /// The same in the customer's words.
    #[schema(max_length = 2000)]
    pub note: Option<String>,
    /// What was handed in.
    #[schema(max_items = 50)]
    pub document_ids: Vec<DocumentId>,
    /// Who looks into it.
    #[schema(max_length = 100)]
    pub owner: Option<String>,
    /// The last day to answer.
    pub respond_by: Option<NaiveDate>,
    /// Where it stands.
    pub state: DisputeState,
    /// How it ended.
    pub outcome: Option<DisputeOutcome>,
    /// What was given up, in minor units.
    #[schema(minimum = 1)]
    pub credited: Option<i64>,
    /// The credit note by which.
    pub credit_note_id: Option<CreditNoteId>,
    /// What was found out.
    #[schema(max_length = 2000)]
    pub resolution_note: Option<String>,
    /// The task in which it was said.
    pub task_id: Option<TaskId>,
    /// The day on which it was opened.
    pub opened_on: NaiveDate,
    /// Counts the changes.
    #[schema(minimum = 1)]
    pub version: i64,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it ended.
    pub resolved_at: Option<DateTime<Utc>>,
}

impl From<Dispute> for DisputeView {
    fn from(row: Dispute) -> Self {
        Self {
            object: "dispute",
            id: row.id,
            customer_id: row.customer_id,
            invoice_id: row.invoice_id,
            currency: row.currency,
            amount: row.amount_minor,
            reason: row.reason,
            note: row.note,
            document_ids: row.documents.0,
            owner: row.owner,
            respond_by: row.respond_by,
            state: row.state,
            outcome: row.outcome,
            credited: row.credited_minor,
            credit_note_id: row.credit_note_id.map(|id| CreditNoteId::from_uuid(id.uuid())),
            resolution_note: row.resolution,
            task_id: row.task_id,
            opened_on: row.opened_on,
            version: row.version,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
            resolved_at: row.resolved_at.map(|at| at.0),
        }
    }
}

/// Which disputes to list.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DisputeQuery {
    /// Only of this customer.
    pub customer_id: Option<CustomerId>,
    /// Only about this invoice.
    pub invoice_id: Option<InvoiceId>,
    /// Only in this state.
    pub state: Option<DisputeState>,
    /// In which order.
    pub sort: Option<DisputeSort>,
}

/// Open a dispute
///
/// Takes the amount, or the whole invoice, out of messages, totals and decisions; the rest goes on, and all of it stays in the books. Of an invoice in parts
/// the oldest part is taken first.
#[utoipa::path(operation_id = "openDispute", tag = "Silences", request_body = NewDispute, responses((status = 201, description = "Opened", body = DisputeView)), security(("api_key" = ["invoices:write"])))]
#[post("/v1/disputes")]
pub async fn create(call: Call<NewDispute>) -> Answer {
    let new = call.body.clone();
    call.act(StatusCode::CREATED, move |act| actions::disputes::open(act, &new).map(DisputeView::from)).await
}

/// List disputes
///
/// In the order in which they were opened, unless `sort` says otherwise.
#[utoipa::path(operation_id = "listDisputes", tag = "Silences", params(PageQuery, DisputeQuery), responses((status = 200, description = "A page", body = Page<DisputeView>)), security(("api_key" = ["invoices:read"])))]
#[get("/v1/disputes")]
pub async fn list(call: Call<(), DisputeQuery>) -> Answer {
    let window = call.window()?;
    let DisputeQuery { customer_id, invoice_id, state, sort, .. } = call.query;
    let filter = Filter { customer_id, invoice_id, state, sort };
    let day = call.sorted_after()?;
    let after = window.after().map(|id| (id, day));
    let rows = call.read(move |conn, tenant| store::disputes::list(conn, tenant, &filter, after, window.fetch())).await?;
    let is_by_day = sort.is_some_and(DisputeSort::is_by_respond_by);
    let day = |row: &Dispute| is_by_day.then(|| row.respond_by.unwrap_or(SOMETIME).to_string());
    call.page(window, rows, |row| (row.id.uuid(), day(row)), DisputeView::from).await
}

/// Get a dispute
///
/// With its documents and its outcome.
#[utoipa::path(operation_id = "getDispute", tag = "Silences", params(("dispute_id" = DisputeId, Path, description = "The dispute")), responses((status = 200, description = "The dispute", body = DisputeView)), security(("api_key" = ["invoices:read"])))]
#[get("/v1/disputes/{dispute_id}")]
pub async fn find(call: Call) -> Answer {
    call.show(current).await
}

/// As it is shown.
///
/// # Errors
/// When it is not there.
pub fn current(look: &mut Look<'_>) -> crate::error::Result<DisputeView> {
    let id = look.id("dispute_id")?;
    store::disputes::find(look.conn, look.tenant, id).map(DisputeView::from)
}

/// Change a dispute
///
/// Owner, deadline, words and documents of an open one.
#[utoipa::path(operation_id = "changeDispute", tag = "Silences", params(("dispute_id" = DisputeId, Path, description = "The dispute to change")), request_body = DisputeChange, responses((status = 200, description = "Changed", body = DisputeView)), security(("api_key" = ["invoices:write"])))]
#[patch("/v1/disputes/{dispute_id}")]
pub async fn change(call: Call<DisputeChange>) -> Answer {
    let (id, change) = (call.id("dispute_id")?, call.body.clone());
    call.act(StatusCode::OK, move |act| actions::disputes::change(act, id, &change).map(DisputeView::from)).await
}

/// Resolve a dispute
///
/// What is given up is credited at once, by a credit note on the invoice; the rest is claimed again, at the step that comes next.
#[utoipa::path(operation_id = "resolveDispute", tag = "Silences", params(("dispute_id" = DisputeId, Path, description = "The dispute to end")), request_body = DisputeResolution, responses((status = 200, description = "Resolved", body = DisputeView)), security(("api_key" = ["invoices:write"])))]
#[post("/v1/disputes/{dispute_id}/resolve")]
pub async fn resolve(call: Call<DisputeResolution>) -> Answer {
    let (id, how) = (call.id("dispute_id")?, call.body.clone());
    call.act(StatusCode::OK, move |act| actions::disputes::resolve(act, id, &how).map(DisputeView::from)).await
}
