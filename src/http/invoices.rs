//! `/v1/invoices`: what is owed.

mod view;

use actix_web::{get, http::StatusCode, patch, post, put};
use chrono::{Days, NaiveDate};
use serde::Deserialize;

use super::{
    Call,
    call::Answer,
    external::{self, KeyPath},
    page::{Page, Paged},
};
use crate::{
    actions::{
        self, Act,
        joint::Joint,
        put::{IfKnown, Put, only},
    },
    domain::{
        ids::{CustomerId, InvoiceId},
        ledger::invoice::{InvoiceChange, InvoiceStatus, NewInvoice},
        money::Currency,
    },
    error::{Error, Result},
    store,
};
use view::view;
pub(super) use view::{InvoiceView, with_parts};

/// Which invoices to list.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct InvoiceQuery {
    /// How many rows at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(max_length = 500)]
    pub cursor: Option<String>,
    /// Only of this customer.
    pub customer_id: Option<CustomerId>,
    /// Only with this status.
    pub status: Option<InvoiceStatus>,
    /// Only in this currency.
    pub currency: Option<Currency>,
    /// Only with this number.
    #[param(max_length = 60)]
    pub number: Option<String>,
    /// Only this source.
    #[param(max_length = 50)]
    pub source: Option<String>,
    /// Only this external id.
    #[param(max_length = 200)]
    pub external_id: Option<String>,
    /// Only with an open instalment due on this day or later.
    #[serde(rename = "due_date[gte]")]
    pub due_from: Option<NaiveDate>,
    /// Only with an open instalment due on this day or earlier. Together with `due_date[gte]`: the same instalment.
    #[serde(rename = "due_date[lte]")]
    pub due_to: Option<NaiveDate>,
    /// Only with an open instalment that is late by this many days or more, today in the tenant's zone.
    #[serde(rename = "days_overdue[gte]")]
    #[param(minimum = 1, maximum = 36_500)]
    pub overdue: Option<u32>,
}

impl Paged for InvoiceQuery {
    fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }
    fn limit(&self) -> Option<i64> {
        self.limit
    }
}

impl InvoiceQuery {
    fn filter(&self) -> store::invoices::Filter {
        store::invoices::Filter {
            customer_id: self.customer_id,
            status: self.status,
            currency: self.currency,
            number: self.number.clone(),
            source: self.source.clone(),
            external_id: self.external_id.clone(),
            due_from: self.due_from,
            due_to: self.due_to,
        }
    }
}

/// Create an invoice
///
/// Its reminders follow the policy from now on.
#[utoipa::path(operation_id = "createInvoice", tag = "Invoices", request_body = NewInvoice, responses((status = 201, description = "Recorded", body = InvoiceView)), security(("api_key" = ["invoices:write"])))]
#[post("/v1/invoices")]
pub async fn create(call: Call<NewInvoice>) -> Answer {
    call.act_jointly(StatusCode::CREATED, &call.state.new_invoices, call.body.clone()).await
}

/// Invoices on their way in, one by one.
pub type Arriving = Joint<NewInvoice, InvoiceView>;

/// Records new invoices, each as if it had come alone.
///
/// # Errors
/// The store's; what is wrong with one is in its place.
pub fn record(act: &mut Act<'_>, news: &[NewInvoice]) -> Result<Vec<Result<InvoiceView>>> {
    let (mut rows, mut outcomes) = (Vec::new(), Vec::with_capacity(news.len()));
    for outcome in actions::invoices::put(act, news, IfKnown::Refuse)? {
        outcomes.push(outcome.map(|put| rows.push(put.row)));
    }
    let mut views = with_parts(act.conn, act.tenant, rows)?.into_iter().map(InvoiceView::from);
    let mut viewed = |()| views.next().ok_or_else(|| Error::internal("a recorded invoice is not there"));
    Ok(outcomes.into_iter().map(|outcome| outcome.and_then(&mut viewed)).collect())
}

/// List invoices
///
/// In the order in which they were recorded.
#[utoipa::path(operation_id = "listInvoices", tag = "Invoices", params(InvoiceQuery), responses((status = 200, description = "A page", body = Page<InvoiceView>)), security(("api_key" = ["invoices:read"])))]
#[get("/v1/invoices")]
pub async fn list(call: Call<(), InvoiceQuery>) -> Answer {
    let (window, mut filter, overdue, wall) = (call.window()?, call.query.filter(), call.query.overdue, call.wall());
    let rows = call
        .read(move |conn, tenant| {
            if let Some(days) = overdue {
                let own = store::tenants::find(conn, tenant)?;
                let today = own.now(wall).with_timezone(&own.zone()).date_naive();
                let latest = today.checked_sub_days(Days::new(days.into())).unwrap_or(today);
                filter.due_to = Some(filter.due_to.map_or(latest, |day| day.min(latest)));
            }
            let rows = store::invoices::list(conn, tenant, &filter, window.after(), window.fetch())?;
            with_parts(conn, tenant, rows)
        })
        .await?;
    call.page(window, rows, |(row, _)| row.id.uuid(), InvoiceView::from)
}

/// Get an invoice
///
/// With its instalments, what is left of each, and its status.
#[utoipa::path(operation_id = "getInvoice", tag = "Invoices", params(("invoice_id" = InvoiceId, Path, description = "The invoice")), responses((status = 200, description = "The invoice", body = InvoiceView)), security(("api_key" = ["invoices:read"])))]
#[get("/v1/invoices/{invoice_id}")]
pub async fn find(call: Call) -> Answer {
    let id = call.id("invoice_id")?;
    let found = call
        .read(move |conn, tenant| {
            let row = store::invoices::find(conn, tenant, id)?;
            view(conn, tenant, row)
        })
        .await?;
    call.ok(&found)
}

/// Change an invoice
///
/// References, payment link, notes, number, and the due dates of instalments that are not settled. Only what is not sent yet follows.
/// Amounts do not change: issue a credit note, or cancel and record anew.
#[utoipa::path(operation_id = "updateInvoice", tag = "Invoices", params(("invoice_id" = InvoiceId, Path, description = "The invoice")), request_body = InvoiceChange, responses((status = 200, description = "As it is now", body = InvoiceView)), security(("api_key" = ["invoices:write"])))]
#[patch("/v1/invoices/{invoice_id}")]
pub async fn change(call: Call<InvoiceChange>) -> Answer {
    let (id, change) = (call.id("invoice_id")?, call.body.clone());
    call.act(StatusCode::OK, move |act| {
        let row = actions::invoices::change(act, id, &change)?;
        view(act.conn, act.tenant, row)
    })
    .await
}

/// Cancel an invoice
///
/// Withdraws it while nothing settles it: nothing is claimed any more. Doing it again changes nothing.
#[utoipa::path(operation_id = "cancelInvoice", tag = "Invoices", params(("invoice_id" = InvoiceId, Path, description = "The invoice")), responses((status = 200, description = "Cancelled", body = InvoiceView)), security(("api_key" = ["invoices:write"])))]
#[post("/v1/invoices/{invoice_id}/cancel")]
pub async fn cancel(call: Call) -> Answer {
    let id = call.id("invoice_id")?;
    call.act(StatusCode::OK, move |act| {
        let row = actions::invoices::cancel(act, id)?;
        view(act.conn, act.tenant, row)
    })
    .await
}

/// Get an invoice by its external id
///
/// By the name that another system gave it.
#[utoipa::path(operation_id = "getInvoiceByExternalId", tag = "Invoices", params(("source" = String, Path, description = "The other system", min_length = 1, max_length = 50, pattern = "^[A-Za-z0-9._-]+$"), ("external_id" = String, Path, description = "Its name for the invoice", max_length = 200, pattern = "^[^\\x00-\\x1F\\x7F-\\x9F]+$")), responses((status = 200, description = "The invoice", body = InvoiceView)), security(("api_key" = ["invoices:read"])))]
#[get("/v1/invoices/by-external-id/{source}/{external_id}")]
pub async fn find_by_key(call: Call, path: KeyPath) -> Answer {
    let key = external::key(&path)?;
    let found = call
        .read(move |conn, tenant| {
            let row = store::invoices::find_by_key(conn, tenant, &key)?;
            view(conn, tenant, row)
        })
        .await?;
    call.ok(&found)
}

/// Record an invoice by its external id
///
/// Creates it, or brings it up to date with what is given. Amounts and due dates change only while nothing settles them.
#[utoipa::path(operation_id = "putInvoiceByExternalId", tag = "Invoices", params(("source" = String, Path, description = "The other system", min_length = 1, max_length = 50, pattern = "^[A-Za-z0-9._-]+$"), ("external_id" = String, Path, description = "Its name for the invoice", max_length = 200, pattern = "^[^\\x00-\\x1F\\x7F-\\x9F]+$")), request_body = NewInvoice, responses((status = 201, description = "Recorded", body = InvoiceView), (status = 200, description = "Known, and as it is now", body = InvoiceView)), security(("api_key" = ["invoices:write"])))]
#[put("/v1/invoices/by-external-id/{source}/{external_id}")]
pub async fn put_by_key(call: Call<NewInvoice>, path: KeyPath) -> Answer {
    let key = external::key(&path)?;
    external::same(&key, call.body.source.as_deref(), call.body.external_id.as_deref())?;
    let new = NewInvoice { source: Some(key.source), external_id: Some(key.external_id), ..call.body.clone() };
    call.act_as(move |act| {
        let Put { row, outcome } = only(actions::invoices::put(act, std::slice::from_ref(&new), IfKnown::Update)?)?;
        Ok((external::status(outcome), view(act.conn, act.tenant, row)?))
    })
    .await
}
