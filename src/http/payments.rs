//! `/v1/payments`: money in.

use std::collections::BTreeSet;

use actix_web::{get, http::StatusCode, post};
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Call,
    allocations::{self, AllocationView, ChargeAllocationView, SettlementQuery, Whole, whole},
    call::Answer,
    external,
    page::{CountQuery, Page, PageQuery},
    subject::Look,
};
use crate::{
    actions,
    domain::{
        external::Pairs,
        ids::{CustomerId, InvoiceId, PaymentId, TenantId},
        ledger::{
            proposal::{self, Named, Proposal},
            settlement::{NewAllocations, NewPayment, NewSettlement, PaymentMethod, PaymentStatus, Return, SettlementId, SettlementKind},
        },
        money::Currency,
    },
    error::Result,
    store::{self, Conn, settlements::Settlement},
};

/// Money in, and what it settles.
#[derive(Debug, Serialize, ToSchema)]
pub struct PaymentView {
    /// Always `payment`.
    #[schema(max_length = 20, example = "payment")]
    pub object: &'static str,
    /// The payment's id.
    pub id: PaymentId,
    /// Who paid.
    pub customer_id: CustomerId,
    /// The system that `external_id` comes from.
    #[schema(max_length = 50)]
    pub source: Option<String>,
    /// That system's name for it.
    #[schema(max_length = 200)]
    pub external_id: Option<String>,
    /// What became of it.
    pub status: PaymentStatus,
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
    /// What it settles of interest and fixed sums that were charged.
    #[schema(max_items = 10_000)]
    pub charge_allocations: Vec<ChargeAllocationView>,
    /// The value date.
    pub received_on: NaiveDate,
    /// How it came in.
    pub method: Option<PaymentMethod>,
    /// What the payer wrote.
    #[schema(max_length = 200)]
    pub reference: Option<String>,
    /// The creditor's own notes; `return_reason` if the bank took it back and gave a reason.
    pub metadata: Pairs,
    /// Messages to this customer that have left and are not answered for yet: one of them may cross this payment. Not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub in_flight_messages: Option<i64>,
    /// Counts the changes.
    #[schema(minimum = 1)]
    pub version: i64,
    /// When it was recorded.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<Whole> for PaymentView {
    fn from((row, allocations, charges): Whole) -> Self {
        Self {
            object: "payment",
            id: PaymentId::from_uuid(row.id.uuid()),
            customer_id: row.customer_id,
            status: row.status(),
            source: row.source,
            external_id: row.external_id,
            currency: row.currency,
            amount: row.amount_minor,
            unallocated: row.unallocated_minor,
            allocations: allocations.into_iter().map(AllocationView::from).collect(),
            charge_allocations: charges.into_iter().map(ChargeAllocationView::from).collect(),
            received_on: row.settled_on,
            method: row.method,
            reference: row.reference,
            metadata: row.metadata.0,
            in_flight_messages: None,
            version: row.version,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        }
    }
}

fn view(conn: &mut Conn, tenant: TenantId, row: Settlement) -> Result<PaymentView> {
    let in_flight = store::messages::in_flight(conn, tenant, row.customer_id)?;
    Ok(PaymentView { in_flight_messages: Some(in_flight), ..whole(conn, tenant, row)?.into() })
}

fn id<B, Q>(call: &Call<B, Q>) -> std::result::Result<SettlementId, super::Problem> {
    let id: PaymentId = call.id("payment_id")?;
    Ok(SettlementId::from_uuid(id.uuid()))
}

/// Record a payment
///
/// A payment that is answered for here is never followed by a reminder for what it settles, save one that had left before: see `in_flight_messages`.
/// Recorded again under the same external id, it stays as it was (200).
#[utoipa::path(operation_id = "createPayment", tag = "Payments", request_body = NewPayment, responses((status = 201, description = "Recorded", body = PaymentView), (status = 200, description = "Known already", body = PaymentView)), security(("api_key" = ["payments:write"])))]
#[post("/v1/payments")]
pub async fn create(call: Call<NewPayment>) -> Answer {
    let new = NewSettlement::from(call.body.clone());
    call.act_as(move |act| {
        let put = actions::settlements::record(act, &new)?;
        Ok((external::status(put.outcome), view(act.conn, act.tenant, put.row)?))
    })
    .await
}

/// List payments
///
/// In the order in which they were recorded, unless `sort` says otherwise.
#[utoipa::path(operation_id = "listPayments", tag = "Payments", params(PageQuery, CountQuery, SettlementQuery), responses((status = 200, description = "A page", body = Page<PaymentView>)), security(("api_key" = ["payments:read"])))]
#[get("/v1/payments")]
pub async fn list(call: Call<(), SettlementQuery>) -> Answer {
    allocations::page(&call, SettlementKind::Payment, PaymentView::from).await
}

/// Get a payment
///
/// With what it settles and what is left of it.
#[utoipa::path(operation_id = "getPayment", tag = "Payments", params(("payment_id" = PaymentId, Path, description = "The payment")), responses((status = 200, description = "The payment", body = PaymentView)), security(("api_key" = ["payments:read"])))]
#[get("/v1/payments/{payment_id}")]
pub async fn find(call: Call) -> Answer {
    call.show(current).await
}

/// As it is shown.
///
/// # Errors
/// When it is not there.
pub fn current(look: &mut Look<'_>) -> Result<PaymentView> {
    let id: PaymentId = look.id("payment_id")?;
    let row = store::settlements::find(look.conn, look.tenant, SettlementKind::Payment, SettlementId::from_uuid(id.uuid()))?;
    view(look.conn, look.tenant, row)
}

/// Allocate a payment
///
/// Allocates what is left of it.
#[utoipa::path(operation_id = "allocatePayment", tag = "Payments", params(("payment_id" = PaymentId, Path, description = "The payment")), request_body = NewAllocations, responses((status = 200, description = "As it is now", body = PaymentView)), security(("api_key" = ["payments:write"])))]
#[post("/v1/payments/{payment_id}/allocations")]
pub async fn allocate(call: Call<NewAllocations>) -> Answer {
    let (id, how) = (id(&call)?, call.body.clone());
    call.act(StatusCode::OK, move |act| {
        let row = actions::settlements::allocate_rest(act, SettlementKind::Payment, id, &how)?;
        view(act.conn, act.tenant, row)
    })
    .await
}

/// Return a payment
///
/// The bank took it back: whatever it settled is open again. Doing it again changes nothing.
#[utoipa::path(operation_id = "returnPayment", tag = "Payments", params(("payment_id" = PaymentId, Path, description = "The payment")), request_body = Return, responses((status = 200, description = "As it is now", body = PaymentView)), security(("api_key" = ["payments:write"])))]
#[post("/v1/payments/{payment_id}/return")]
pub async fn give_back(call: Call<Return>) -> Answer {
    let (id, why) = (id(&call)?, call.body.clone());
    call.act(StatusCode::OK, move |act| {
        let row = actions::settlements::give_back(act, id, &why)?;
        view(act.conn, act.tenant, row)
    })
    .await
}

/// What is left of a payment, and what it could be meant for.
#[derive(Debug, Serialize, ToSchema)]
pub struct AllocationProposals {
    /// Always `allocation_proposals`.
    #[schema(max_length = 30, example = "allocation_proposals")]
    pub object: &'static str,
    /// The payment.
    pub payment_id: PaymentId,
    /// What is left of it, in minor units.
    #[schema(minimum = 0)]
    pub unallocated: i64,
    /// The proposals, the most certain first.
    #[schema(max_items = 1000)]
    pub proposals: Vec<Proposal>,
}

/// Propose allocations
///
/// What the rest of a payment could be meant for: by structured reference, by invoice number in the payer's words, by exact amount, or the oldest first; each
/// with how certain it is and why. Nothing is applied: hand the `allocations` of the one you choose to the payment's allocations.
#[utoipa::path(operation_id = "proposeAllocations", tag = "Payments", params(("payment_id" = PaymentId, Path, description = "The payment")), responses((status = 200, description = "The proposals", body = AllocationProposals)), security(("api_key" = ["payments:read"])))]
#[get("/v1/payments/{payment_id}/allocation-proposals")]
pub async fn proposals(call: Call) -> Answer {
    let id = id(&call)?;
    let found = call
        .read(move |conn, tenant| {
            let row = store::settlements::find(conn, tenant, SettlementKind::Payment, id)?;
            let open = store::instalments::open_of(conn, tenant, row.customer_id, row.currency, Some(row.settled_on))?;
            let ids: Vec<InvoiceId> = open.iter().map(|one| one.invoice_id).collect::<BTreeSet<_>>().into_iter().collect();
            let invoices: Vec<Named> = store::invoices::named(conn, tenant, &ids)?;
            let proposals = proposal::proposals(row.unallocated_minor, row.reference.as_deref(), &invoices, &open);
            let payment_id = PaymentId::from_uuid(row.id.uuid());
            Ok(AllocationProposals { object: "allocation_proposals", payment_id, unallocated: row.unallocated_minor, proposals })
        })
        .await?;
    call.ok(&found)
}
