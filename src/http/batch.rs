//! `/v1/{customers,invoices,payments,suppressions}/batch`: up to 1,000 things in one request and one transaction, each with its own result.
//!
//! Every item passes the contract of the operation that records one; what is wrong with it stops it alone.

use actix_web::{http::StatusCode, post};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use utoipa::{
    ToSchema,
    openapi::{
        Ref, RefOr, Schema,
        schema::{AnyOfBuilder, ArrayBuilder, ObjectBuilder, Type},
    },
};

use super::{Call, Problem, call::Answer, external};
use crate::{
    actions::{
        self, Act,
        put::{IfKnown, Outcome, one_by_one},
    },
    domain::{
        customer::NewCustomer,
        invalid::Faults,
        ledger::{
            invoice::NewInvoice,
            settlement::{NewPayment, NewSettlement},
        },
        suppression::NewSuppression,
    },
    error::{Error, Result},
};

/// Customers to record.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"items": [{"source": "sage", "external_id": "C-1001", "name": "Garage Dupont", "kind": "business"}]}))]
pub struct CustomerBatch {
    /// Each as for `POST /v1/customers`. One with an external id that is known is brought up to date.
    #[schema(schema_with = customer_items)]
    pub items: Vec<Value>,
}

/// Invoices to record.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"items": [{"customer": {"source": "sage", "external_id": "C-1001"}, "source": "sage", "external_id": "F-2026-118", "number": "F-2026-118",
    "issue_date": "2026-03-01", "due_date": "2026-03-31", "currency": "EUR", "total": 120000}]}))]
pub struct InvoiceBatch {
    /// Each as for `POST /v1/invoices`. One with an external id that is known is brought up to date.
    #[schema(schema_with = invoice_items)]
    pub items: Vec<Value>,
}

/// Payments to record.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"items": [{"customer": {"source": "sage", "external_id": "C-1001"}, "source": "bank", "external_id": "2026-03-30/17", "currency": "EUR",
    "amount": 120000, "received_on": "2026-03-30"}]}))]
pub struct PaymentBatch {
    /// Each as for `POST /v1/payments`, in this order.
    #[schema(schema_with = payment_items)]
    pub items: Vec<Value>,
}

/// Addresses to suppress.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"items": [{"channel": "email", "address": "accounts@example.com", "reason": "unsubscribed", "source": "former provider's list"}]}))]
pub struct SuppressionBatch {
    /// Each as for `POST /v1/suppressions`. One that is in force stays as it is.
    #[schema(schema_with = suppression_items)]
    pub items: Vec<Value>,
}

/// Any object passes the request's own gate: each item is held to its schema alone, so that a wrong one is refused alone.
fn items_of(name: &str) -> RefOr<Schema> {
    let any = ObjectBuilder::new().schema_type(Type::Object).description(Some("Anything else: refused in its place."));
    let item = AnyOfBuilder::new().item(any).item(Ref::from_schema_name(name));
    ArrayBuilder::new()
        .description(Some("What to record, in this order; each stands alone."))
        .items(RefOr::T(Schema::AnyOf(item.build())))
        .min_items(Some(1))
        .max_items(Some(1_000))
        .into()
}
fn customer_items() -> RefOr<Schema> {
    items_of("NewCustomer")
}
fn invoice_items() -> RefOr<Schema> {
    items_of("NewInvoice")
}
fn payment_items() -> RefOr<Schema> {
    items_of("NewPayment")
}
fn suppression_items() -> RefOr<Schema> {
    items_of("NewSuppression")
}

/// What became of each item.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchView {
    /// Always `batch`.
    #[schema(max_length = 20, example = "batch")]
    pub object: &'static str,
    /// How many were recorded or brought up to date.
    #[schema(minimum = 0, maximum = 1000)]
    pub succeeded: usize,
    /// How many were refused.
    #[schema(minimum = 0, maximum = 1000)]
    pub failed: usize,
    /// One for each item, in their order.
    #[schema(max_items = 1000)]
    pub results: Vec<BatchResult>,
}

/// What became of one item.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BatchResult {
    /// Its place in `items`, from 0.
    #[schema(minimum = 0, maximum = 999)]
    pub index: usize,
    /// The HTTP status that it would have had alone: 201 for what is new, 200 for what was known, 4xx for what was refused.
    #[schema(minimum = 200, maximum = 499)]
    pub status: u16,
    /// The id, unless it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 30, example = "inv_01jd3kq8e5fvv8m3s9tqz4x7ya")]
    pub id: Option<String>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

impl BatchResult {
    fn new(index: usize, outcome: Result<(Outcome, String)>) -> Self {
        match outcome {
            Ok((outcome, id)) => Self { index, status: external::status(outcome).as_u16(), id: Some(id), problem: None },
            Err(error) => {
                let problem = Problem::from(error);
                Self { index, status: problem.status, id: None, problem: Some(problem) }
            }
        }
    }
}

/// Items that pass their contract, with their places; and what is wrong with the others.
struct Sorted<T> {
    good: Vec<T>,
    places: Vec<usize>,
    bad: Vec<BatchResult>,
}

/// Holds each item to the contract of `POST path`.
fn sort<T: DeserializeOwned, B>(call: &Call<B>, path: &str, items: Vec<Value>) -> std::result::Result<Sorted<T>, Problem> {
    let operation = call.state.contract.operation("POST", path).ok_or_else(|| Problem::new("internal", "no such operation"))?;
    let mut sorted = Sorted { good: Vec::with_capacity(items.len()), places: Vec::with_capacity(items.len()), bad: Vec::new() };
    for (index, item) in items.into_iter().enumerate() {
        let parsed = operation
            .check_body(&item)
            .and_then(|()| serde_json::from_value(item).map_err(|error| Faults::one("", "wrong_format", error.to_string())));
        match parsed {
            Ok(item) => {
                sorted.good.push(item);
                sorted.places.push(index);
            }
            Err(faults) => sorted.bad.push(BatchResult::new(index, Err(Error::Malformed(faults)))),
        }
    }
    Ok(sorted)
}

impl<T> Sorted<T> {
    /// Records the good items and puts all results in order.
    fn record(&self, act: &mut Act<'_>, put: impl FnOnce(&mut Act<'_>, &[T]) -> Result<Outcomes>) -> Result<BatchView> {
        let outcomes = put(act, &self.good)?;
        let done = self.places.iter().zip(outcomes).map(|(index, outcome)| BatchResult::new(*index, outcome));
        let mut results: Vec<BatchResult> = done.chain(self.bad.iter().cloned()).collect();
        results.sort_by_key(|result| result.index);
        let failed = results.iter().filter(|result| result.problem.is_some()).count();
        Ok(BatchView { object: "batch", succeeded: results.len().saturating_sub(failed), failed, results })
    }
}

type Outcomes = Vec<Result<(Outcome, String)>>;

/// Record many customers
///
/// Up to 1,000, each on its own: a wrong one does not undo the others.
#[utoipa::path(operation_id = "batchCustomers", tag = "Customers", request_body = CustomerBatch, responses((status = 207, description = "What became of each", body = BatchView)), security(("api_key" = ["customers:write"])))]
#[post("/v1/customers/batch")]
pub async fn customers(mut call: Call<CustomerBatch>) -> Answer {
    let items = std::mem::take(&mut call.body.items);
    let sorted: Sorted<NewCustomer> = sort(&call, "/v1/customers", items)?;
    call.act(StatusCode::MULTI_STATUS, move |act| {
        sorted.record(act, |act, news| {
            let outcomes = actions::customers::put(act, news, IfKnown::Update)?;
            Ok(outcomes.into_iter().map(|one| one.map(|put| (put.outcome, put.row.id.to_string()))).collect())
        })
    })
    .await
}

/// Record many invoices
///
/// Up to 1,000, each on its own: a wrong one does not undo the others.
#[utoipa::path(operation_id = "batchInvoices", tag = "Invoices", request_body = InvoiceBatch, responses((status = 207, description = "What became of each", body = BatchView)), security(("api_key" = ["invoices:write"])))]
#[post("/v1/invoices/batch")]
pub async fn invoices(mut call: Call<InvoiceBatch>) -> Answer {
    let items = std::mem::take(&mut call.body.items);
    let sorted: Sorted<NewInvoice> = sort(&call, "/v1/invoices", items)?;
    call.act(StatusCode::MULTI_STATUS, move |act| {
        sorted.record(act, |act, news| {
            let outcomes = actions::invoices::put(act, news, IfKnown::Update)?;
            Ok(outcomes.into_iter().map(|one| one.map(|put| (put.outcome, put.row.id.to_string()))).collect())
        })
    })
    .await
}

/// Record many payments
///
/// Up to 1,000, in their order, each on its own: a wrong one does not undo the others.
#[utoipa::path(operation_id = "batchPayments", tag = "Payments", request_body = PaymentBatch, responses((status = 207, description = "What became of each", body = BatchView)), security(("api_key" = ["payments:write"])))]
#[post("/v1/payments/batch")]
pub async fn payments(mut call: Call<PaymentBatch>) -> Answer {
    let items = std::mem::take(&mut call.body.items);
    let sorted: Sorted<NewPayment> = sort(&call, "/v1/payments", items)?;
    call.act(StatusCode::MULTI_STATUS, move |act| {
        sorted.record(act, |act, news| {
            one_by_one(news, |new| {
                let put = actions::settlements::record(act, &NewSettlement::from(new.clone()))?;
                Ok((put.outcome, put.row.public_id()))
            })
        })
    })
    .await
}

/// Suppress many addresses
///
/// Up to 1,000, each on its own: what a former provider or another system knows of bounces, complaints and opt-outs. The way back is the list, page by page.
#[utoipa::path(operation_id = "batchSuppressions", tag = "Reminders", request_body = SuppressionBatch, responses((status = 207, description = "What became of each", body = BatchView)), security(("api_key" = ["suppressions:write"])))]
#[post("/v1/suppressions/batch")]
pub async fn suppressions(mut call: Call<SuppressionBatch>) -> Answer {
    let items = std::mem::take(&mut call.body.items);
    let sorted: Sorted<NewSuppression> = sort(&call, "/v1/suppressions", items)?;
    call.act(StatusCode::MULTI_STATUS, move |act| {
        sorted.record(act, |act, news| {
            one_by_one(news, |new| {
                let put = actions::suppressions::put(act, new)?;
                Ok((put.outcome, put.row.id.to_string()))
            })
        })
    })
    .await
}
