//! `/v1/invoices`: what is owed.

mod view;

use actix_web::{get, http::StatusCode, patch, post, put};
use chrono::{Days, NaiveDate};
use serde::Deserialize;

use super::{
    Call,
    call::Answer,
    external::{self, KeyPath},
    page::{CountQuery, Page, PageQuery},
    subject::Look,
};
use crate::{
    actions::{
        self, Act,
        joint::Joint,
        put::{IfKnown, Put, only},
    },
    domain::{
        ids::{CustomerId, InvoiceId, TenantId},
        ledger::{
            ageing::AgeingBucket,
            invoice::{InvoiceChange, InvoiceStatus, NewInvoice},
        },
        money::Currency,
    },
    error::{Error, Result},
    store::{self, Conn, instalments::Instalment, invoices::InvoiceSort},
};
use view::view;
pub(super) use view::{InvoiceView, Whole, with_parts};

/// Which invoices to list.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct InvoiceQuery {
    /// The beginning of the number, of the external id or of the customer's name; capitals do not matter, nor a name's accents.
    #[param(min_length = 2, max_length = 140)]
    pub q: Option<String>,
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
    /// Only with an open instalment in this step of the aged balance, today in the tenant's zone. It narrows the bounds on due dates.
    pub ageing_bucket: Option<AgeingBucket>,
    /// Only those that an open dispute is about, or only the others.
    pub disputed: Option<bool>,
    /// Only those of which an open promise covers a part, or only the others.
    pub promised: Option<bool>,
    /// In which order.
    pub sort: Option<InvoiceSort>,
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
            disputed: self.disputed,
            promised: self.promised,
            prefix: self.q.clone(),
        }
    }

    /// The filter, with what counts from `today` as dates.
    fn filter_on(&self, today: NaiveDate) -> store::invoices::Filter {
        let overdue = self.overdue.map(|days| today.checked_sub_days(Days::new(days.into())).unwrap_or(today));
        let (from, to) = self.ageing_bucket.map_or((None, None), |bucket| bucket.due(today));
        let due_from = self.due_from.into_iter().chain(from).max();
        let due_to = self.due_to.into_iter().chain(overdue).chain(to).min();
        store::invoices::Filter { due_from, due_to, ..self.filter() }
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
/// In the order in which they were recorded, unless `sort` says otherwise.
#[utoipa::path(operation_id = "listInvoices", tag = "Invoices", params(PageQuery, CountQuery, InvoiceQuery), responses((status = 200, description = "A page", body = Page<InvoiceView>)), security(("api_key" = ["invoices:read"])))]
#[get("/v1/invoices")]
pub async fn list(call: Call<(), InvoiceQuery>) -> Answer {
    let (window, day, wall) = (call.window()?, call.sorted_after()?, call.wall());
    let (query, sort) = (call.query.clone(), call.query.sort.unwrap_or(InvoiceSort::CreatedAt));
    let (rows, total) = call
        .read(move |conn, tenant| {
            let filter = if query.overdue.is_some() || query.ageing_bucket.is_some() {
                let own = store::tenants::find(conn, tenant)?;
                query.filter_on(own.now(wall).with_timezone(&own.zone()).date_naive())
            } else {
                query.filter()
            };
            let after = window.after().map(|id| (id, day));
            let rows = store::invoices::list(conn, tenant, &filter, sort, after, window.fetch())?;
            let total = window.counts.then(|| store::invoices::count(conn, tenant, &filter)).transpose()?;
            Ok((with_parts(conn, tenant, rows)?, total))
        })
        .await?;
    let due = |parts: &[Instalment]| parts.first().filter(|_| sort.is_by_due_date()).map(|first| first.due_date.to_string());
    call.page(window.of(total), rows, |(row, parts)| (row.id.uuid(), due(parts)), InvoiceView::from).await
}

/// Get an invoice
///
/// With its instalments, what is left of each, and its status.
#[utoipa::path(operation_id = "getInvoice", tag = "Invoices", params(("invoice_id" = InvoiceId, Path, description = "The invoice")), responses((status = 200, description = "The invoice", body = InvoiceView)), security(("api_key" = ["invoices:read"])))]
#[get("/v1/invoices/{invoice_id}")]
pub async fn find(call: Call) -> Answer {
    call.show(current).await
}

/// Those of the ids that are there.
///
/// # Errors
/// The store's.
pub fn of_ids(conn: &mut Conn, tenant: TenantId, ids: &[InvoiceId]) -> Result<Vec<InvoiceView>> {
    let rows = store::invoices::of_ids(conn, tenant, ids)?;
    Ok(with_parts(conn, tenant, rows)?.into_iter().map(InvoiceView::from).collect())
}

/// As it is shown.
///
/// # Errors
/// When it is not there.
pub fn current(look: &mut Look<'_>) -> Result<InvoiceView> {
    let id = look.id("invoice_id")?;
    let row = store::invoices::find(look.conn, look.tenant, id)?;
    view(look.conn, look.tenant, row)
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
pub async fn find_by_key(call: Call) -> Answer {
    call.show(current_by_key).await
}

/// As it is shown by its external id.
///
/// # Errors
/// When it is not there.
pub fn current_by_key(look: &mut Look<'_>) -> Result<InvoiceView> {
    let key = external::key_in(look)?;
    let row = store::invoices::find_by_key(look.conn, look.tenant, &key)?;
    view(look.conn, look.tenant, row)
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
