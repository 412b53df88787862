//! `/v1/credit-notes`: money given up.

use actix_web::{get, http::StatusCode, post};
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Call,
    allocations::{self, AllocationView, SettlementQuery, Whole, whole},
    call::Answer,
    external,
    page::{CountQuery, Page, PageQuery},
    subject::Look,
};
use crate::{
    actions,
    domain::{
        external::Pairs,
        ids::{CreditNoteId, CustomerId, PaymentId},
        ledger::settlement::{NewAllocations, NewCreditNote, NewSettlement, SettlementId, SettlementKind},
        money::Currency,
    },
    store,
};

/// Money given up, and what it settles.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreditNoteView {
    /// Always `credit_note`.
    #[schema(max_length = 20, example = "credit_note")]
    pub object: &'static str,
    /// The credit note's id.
    pub id: CreditNoteId,
    /// Who is credited.
    pub customer_id: CustomerId,
    /// The system that `external_id` comes from.
    #[schema(max_length = 50)]
    pub source: Option<String>,
    /// That system's name for it.
    #[schema(max_length = 200)]
    pub external_id: Option<String>,
    /// The number printed on it.
    #[schema(max_length = 60)]
    pub number: Option<String>,
    /// Of all its amounts.
    pub currency: Currency,
    /// In minor units.
    #[schema(minimum = 1)]
    pub amount: i64,
    /// What is left to allocate, in minor units.
    #[schema(minimum = 0)]
    pub unallocated: i64,
    /// What it settles.
    #[schema(max_items = 10_000)]
    pub allocations: Vec<AllocationView>,
    /// The date printed on it.
    pub issue_date: NaiveDate,
    /// Why it was given.
    #[schema(max_length = 200)]
    pub reason: Option<String>,
    /// The payment that earned it by coming early, if it is a discount.
    pub earned_by: Option<PaymentId>,
    /// When the discount was taken back, because what it stood on was.
    pub withdrawn_at: Option<DateTime<Utc>>,
    /// The creditor's own notes.
    pub metadata: Pairs,
    /// Counts the changes.
    #[schema(minimum = 1)]
    pub version: i64,
    /// When it was recorded.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<Whole> for CreditNoteView {
    fn from((row, allocations, _): Whole) -> Self {
        Self {
            object: "credit_note",
            id: CreditNoteId::from_uuid(row.id.uuid()),
            customer_id: row.customer_id,
            source: row.source,
            external_id: row.external_id,
            number: row.number,
            currency: row.currency,
            amount: row.amount_minor,
            unallocated: row.unallocated_minor,
            allocations: allocations.into_iter().map(AllocationView::from).collect(),
            issue_date: row.settled_on,
            reason: row.reason,
            earned_by: row.earned_by.map(|payment| PaymentId::from_uuid(payment.uuid())),
            withdrawn_at: row.withdrawn_at.map(|at| at.0),
            metadata: row.metadata.0,
            version: row.version,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        }
    }
}

fn id<B, Q>(call: &Call<B, Q>) -> Result<SettlementId, super::Problem> {
    let id: CreditNoteId = call.id("credit_note_id")?;
    Ok(SettlementId::from_uuid(id.uuid()))
}

/// Record a credit note
///
/// Recorded again under the same external id, it stays as it was (200).
#[utoipa::path(operation_id = "createCreditNote", tag = "Payments", request_body = NewCreditNote, responses((status = 201, description = "Recorded", body = CreditNoteView), (status = 200, description = "Known already", body = CreditNoteView)), security(("api_key" = ["payments:write"])))]
#[post("/v1/credit-notes")]
pub async fn create(call: Call<NewCreditNote>) -> Answer {
    let new = NewSettlement::from(call.body.clone());
    call.act_as(move |act| {
        let put = actions::settlements::record(act, &new)?;
        Ok((external::status(put.outcome), CreditNoteView::from(whole(act.conn, act.tenant, put.row)?)))
    })
    .await
}

/// List credit notes
///
/// In the order in which they were recorded, unless `sort` says otherwise.
#[utoipa::path(operation_id = "listCreditNotes", tag = "Payments", params(PageQuery, CountQuery, SettlementQuery), responses((status = 200, description = "A page", body = Page<CreditNoteView>)), security(("api_key" = ["payments:read"])))]
#[get("/v1/credit-notes")]
pub async fn list(call: Call<(), SettlementQuery>) -> Answer {
    allocations::page(&call, SettlementKind::CreditNote, CreditNoteView::from).await
}

/// Get a credit note
///
/// With what it settles and what is left of it.
#[utoipa::path(operation_id = "getCreditNote", tag = "Payments", params(("credit_note_id" = CreditNoteId, Path, description = "The credit note")), responses((status = 200, description = "The credit note", body = CreditNoteView)), security(("api_key" = ["payments:read"])))]
#[get("/v1/credit-notes/{credit_note_id}")]
pub async fn find(call: Call) -> Answer {
    call.show(current).await
}

/// As it is shown.
///
/// # Errors
/// When it is not there.
pub fn current(look: &mut Look<'_>) -> crate::error::Result<CreditNoteView> {
    let id: CreditNoteId = look.id("credit_note_id")?;
    let row = store::settlements::find(look.conn, look.tenant, SettlementKind::CreditNote, SettlementId::from_uuid(id.uuid()))?;
    whole(look.conn, look.tenant, row).map(CreditNoteView::from)
}

/// Allocate a credit note
///
/// Allocates what is left of it.
#[utoipa::path(operation_id = "allocateCreditNote", tag = "Payments", params(("credit_note_id" = CreditNoteId, Path, description = "The credit note")), request_body = NewAllocations, responses((status = 200, description = "As it is now", body = CreditNoteView)), security(("api_key" = ["payments:write"])))]
#[post("/v1/credit-notes/{credit_note_id}/allocations")]
pub async fn allocate(call: Call<NewAllocations>) -> Answer {
    let (id, how) = (id(&call)?, call.body.clone());
    call.act(StatusCode::OK, move |act| {
        let row = actions::settlements::allocate_rest(act, SettlementKind::CreditNote, id, &how)?;
        Ok(CreditNoteView::from(whole(act.conn, act.tenant, row)?))
    })
    .await
}
