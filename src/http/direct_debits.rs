//! `/v1/direct-debits`: collections announced to the bank.

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
        ids::{CustomerId, DirectDebitId, PaymentId},
        ledger::direct_debit::{Collected, DebitFailure, DebitSettlement, DebitState, NewDirectDebit},
        money::Currency,
    },
    store::{
        self,
        direct_debits::{DirectDebit, DirectDebitSort, Filter},
    },
};

/// A direct debit.
#[derive(Debug, Serialize, ToSchema)]
pub struct DirectDebitView {
    /// Always `direct_debit`.
    #[schema(max_length = 20, example = "direct_debit")]
    pub object: &'static str,
    /// The direct debit's id.
    pub id: DirectDebitId,
    /// Who is debited.
    pub customer_id: CustomerId,
    /// Of the amounts.
    pub currency: Currency,
    /// The day of the collection.
    pub collect_on: NaiveDate,
    /// The sum, in minor units.
    #[schema(minimum = 1)]
    pub amount: i64,
    /// What it collects of each instalment.
    #[schema(max_items = 10_000)]
    pub collected: Vec<Collected>,
    /// The mandate, or the bank's reference.
    #[schema(max_length = 200)]
    pub reference: Option<String>,
    /// What became of it.
    pub state: DebitState,
    /// Why it failed.
    #[schema(max_length = 200)]
    pub failure: Option<String>,
    /// The payment that it became.
    pub payment_id: Option<PaymentId>,
    /// Counts the changes.
    #[schema(minimum = 1)]
    pub version: i64,
    /// When it was announced.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<DirectDebit> for DirectDebitView {
    fn from(row: DirectDebit) -> Self {
        Self {
            object: "direct_debit",
            id: row.id,
            customer_id: row.customer_id,
            currency: row.currency,
            collect_on: row.collect_on,
            amount: row.amount_minor,
            collected: row.collected.0,
            reference: row.reference,
            state: row.state,
            failure: row.failure,
            payment_id: row.payment_id.map(|id| PaymentId::from_uuid(id.uuid())),
            version: row.version,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        }
    }
}

/// Which direct debits to list.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DirectDebitQuery {
    /// Only of this customer.
    pub customer_id: Option<CustomerId>,
    /// Only in this state.
    pub state: Option<DebitState>,
    /// In which order.
    pub sort: Option<DirectDebitSort>,
}

/// Announce a direct debit
///
/// What it collects is not asked for until it is settled or has failed. A review is asked for when nothing is known ten days after the collection.
#[utoipa::path(operation_id = "announceDirectDebit", tag = "Silences", request_body = NewDirectDebit, responses((status = 201, description = "Announced", body = DirectDebitView)), security(("api_key" = ["payments:write"])))]
#[post("/v1/direct-debits")]
pub async fn create(call: Call<NewDirectDebit>) -> Answer {
    let new = call.body.clone();
    call.act(StatusCode::CREATED, move |act| actions::direct_debits::announce(act, &new).map(DirectDebitView::from)).await
}

/// List direct debits
///
/// In the order in which they were announced, unless `sort` says otherwise.
#[utoipa::path(operation_id = "listDirectDebits", tag = "Silences", params(PageQuery, DirectDebitQuery), responses((status = 200, description = "A page", body = Page<DirectDebitView>)), security(("api_key" = ["payments:read"])))]
#[get("/v1/direct-debits")]
pub async fn list(call: Call<(), DirectDebitQuery>) -> Answer {
    let window = call.window()?;
    let DirectDebitQuery { customer_id, state, sort, .. } = call.query;
    let filter = Filter { customer_id, state, sort };
    let day = call.sorted_after()?;
    let after = window.after().map(|id| (id, day));
    let rows = call.read(move |conn, tenant| store::direct_debits::list(conn, tenant, &filter, after, window.fetch())).await?;
    let is_by_day = sort.is_some_and(DirectDebitSort::is_by_collect_on);
    call.page(window, rows, |row| (row.id.uuid(), is_by_day.then(|| row.collect_on.to_string())), DirectDebitView::from).await
}

/// Get a direct debit
///
/// With what it collects, and what became of it.
#[utoipa::path(operation_id = "getDirectDebit", tag = "Silences", params(("direct_debit_id" = DirectDebitId, Path, description = "The direct debit")), responses((status = 200, description = "The direct debit", body = DirectDebitView)), security(("api_key" = ["payments:read"])))]
#[get("/v1/direct-debits/{direct_debit_id}")]
pub async fn find(call: Call) -> Answer {
    call.show(current).await
}

/// As it is shown.
///
/// # Errors
/// When it is not there.
pub fn current(look: &mut Look<'_>) -> crate::error::Result<DirectDebitView> {
    let id = look.id("direct_debit_id")?;
    store::direct_debits::find(look.conn, look.tenant, id).map(DirectDebitView::from)
}

/// Settle a direct debit
///
/// The money came: a payment is recorded for what was collected, or the one named is taken.
#[utoipa::path(operation_id = "settleDirectDebit", tag = "Silences", params(("direct_debit_id" = DirectDebitId, Path, description = "The direct debit that was paid")), request_body = DebitSettlement, responses((status = 200, description = "Settled", body = DirectDebitView)), security(("api_key" = ["payments:write"])))]
#[post("/v1/direct-debits/{direct_debit_id}/settle")]
pub async fn settle(call: Call<DebitSettlement>) -> Answer {
    let (id, how) = (call.id("direct_debit_id")?, call.body.clone());
    call.act(StatusCode::OK, move |act| actions::direct_debits::settle(act, id, &how).map(DirectDebitView::from)).await
}

/// Fail a direct debit
///
/// The bank refused it, or took the money back; then its payment is returned, too. What it was to collect is claimed again. Doing it again changes nothing.
#[utoipa::path(operation_id = "failDirectDebit", tag = "Silences", params(("direct_debit_id" = DirectDebitId, Path, description = "The direct debit that failed")), request_body = DebitFailure, responses((status = 200, description = "Failed", body = DirectDebitView)), security(("api_key" = ["payments:write"])))]
#[post("/v1/direct-debits/{direct_debit_id}/fail")]
pub async fn fail(call: Call<DebitFailure>) -> Answer {
    let (id, why) = (call.id("direct_debit_id")?, call.body.reason.clone());
    call.act(StatusCode::OK, move |act| actions::direct_debits::fail(act, id, why.as_deref()).map(DirectDebitView::from)).await
}
