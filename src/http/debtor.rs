//! `/v1/debtor`: what one debtor owes and how to pay it, for the debtor's own page.
//!
//! Read with a publishable key, from a browser, wherever the page comes from. Not here: anything that a creditor notes about a debtor. Invariant: whose page it is, the key says and
//! never the request.

use std::collections::BTreeMap;

use actix_web::{
    HttpResponse, get,
    http::{
        StatusCode,
        header::{HeaderMap, HeaderName, HeaderValue},
    },
};
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Call,
    call::Answer,
    invoices::{Whole, with_parts},
    page::{Page, PageQuery},
};
use crate::{
    domain::{
        calendar::local,
        contact::{Email, Phone},
        ids::{CustomerId, InvoiceId, TenantId},
        ledger::{invoice::InvoiceStatus, terms::split::Discount},
        locale::Language,
        money::Currency,
        tenant::{AddressLine, BankDetails},
    },
    error::Result,
    store::{self, Conn, instalments::Instalment, invoices::InvoiceSort},
};

/// Who wants the money.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreditorOfDebtor {
    /// The creditor's name.
    #[schema(max_length = 140)]
    pub name: String,
    /// Its address.
    #[schema(max_items = 6)]
    pub address: Vec<AddressLine>,
    /// Where to write.
    pub email: Option<Email>,
    /// Where to call.
    pub phone: Option<Phone>,
    /// Its registration number.
    #[schema(max_length = 100)]
    pub registration: Option<String>,
    /// Where to pay by transfer.
    pub bank: Option<BankDetails>,
}

/// What is owed in one currency, in minor units.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct DebtorTotal {
    /// What is left to pay of invoices.
    #[schema(minimum = 0, example = 120_000)]
    pub open: i64,
    /// The part of it whose day is past.
    #[schema(minimum = 0, example = 0)]
    pub overdue: i64,
    /// What is left to pay of interest and costs that were charged.
    #[schema(minimum = 0, example = 0)]
    pub charges: i64,
    /// What was paid or credited and settles nothing yet.
    #[schema(minimum = 0, example = 0)]
    pub unallocated: i64,
}

/// The same, with its currency.
#[derive(Debug, Serialize, ToSchema)]
pub struct DebtorAccount {
    /// The currency.
    pub currency: Currency,
    /// The amounts.
    #[serde(flatten)]
    pub total: DebtorTotal,
}

/// A debtor, as the debtor may see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct DebtorView {
    /// Always `debtor`.
    #[schema(max_length = 20, example = "debtor")]
    pub object: &'static str,
    /// The debtor's name.
    #[schema(max_length = 140)]
    pub name: String,
    /// The number under which the creditor keeps the debtor.
    #[schema(max_length = 60)]
    pub number: Option<String>,
    /// The language of the page.
    pub language: Language,
    /// Who wants the money.
    pub creditor: CreditorOfDebtor,
    /// What is owed, by currency; empty when nothing is.
    #[schema(max_items = 200)]
    pub accounts: Vec<DebtorAccount>,
    /// The day, in the creditor's zone, of which all this is true.
    pub as_of: NaiveDate,
}

/// A part of an invoice, as its debtor may see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct DebtorInstalment {
    /// The last day on which it is paid in time.
    pub due_date: NaiveDate,
    /// In minor units.
    #[schema(minimum = 0)]
    pub amount: i64,
    /// What is left of it, in minor units.
    #[schema(minimum = 0)]
    pub balance: i64,
    /// What paying it early saves.
    pub discount: Option<Discount>,
}

impl From<Instalment> for DebtorInstalment {
    fn from(row: Instalment) -> Self {
        Self { discount: row.discount(), due_date: row.due_date, amount: row.amount_minor, balance: row.balance_minor }
    }
}

/// An open invoice, as its debtor may see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct DebtorInvoice {
    /// Always `debtor_invoice`.
    #[schema(max_length = 20, example = "debtor_invoice")]
    pub object: &'static str,
    /// The invoice's id.
    pub id: InvoiceId,
    /// The number printed on it.
    #[schema(max_length = 60)]
    pub number: String,
    /// The date printed on it.
    pub issue_date: NaiveDate,
    /// Of all its amounts.
    pub currency: Currency,
    /// What it comes to, tax included, in minor units.
    #[schema(minimum = 0)]
    pub total: i64,
    /// What is left to pay, in minor units.
    #[schema(minimum = 0)]
    pub balance: i64,
    /// Its parts, in order.
    #[schema(max_items = 60)]
    pub instalments: Vec<DebtorInstalment>,
    /// The debtor's order number.
    #[schema(max_length = 100)]
    pub order_reference: Option<String>,
    /// The reference to give with a transfer.
    #[schema(max_length = 40)]
    pub structured_reference: Option<String>,
    /// The page where it can be paid.
    #[schema(max_length = 500)]
    pub payment_link: Option<String>,
}

impl From<Whole> for DebtorInvoice {
    fn from((row, parts): Whole) -> Self {
        Self {
            object: "debtor_invoice",
            id: row.id,
            number: row.number,
            issue_date: row.issue_date,
            currency: row.currency,
            total: row.total_minor,
            balance: row.balance_minor,
            instalments: parts.into_iter().filter(|part| part.amount_minor > 0).map(DebtorInstalment::from).collect(),
            order_reference: row.order_reference,
            structured_reference: row.structured_reference,
            payment_link: row.payment_link,
        }
    }
}

/// Get the debtor
///
/// With a publishable key: what its debtor owes, to whom, and how to pay it.
#[utoipa::path(operation_id = "getDebtor", tag = "Customers", responses((status = 200, description = "The debtor", body = DebtorView)), security(("publishable_key" = ["debtor:read"])))]
#[get("/v1/debtor")]
pub async fn find(call: Call) -> Answer {
    let customer = call.caller.debtor()?;
    let wall = call.wall();
    let view = call.read(move |conn, tenant| view(conn, tenant, customer, wall)).await?;
    call.ok(&view)
}

fn view(conn: &mut Conn, tenant: TenantId, customer: CustomerId, wall: DateTime<Utc>) -> Result<DebtorView> {
    let creditor = store::tenants::find(conn, tenant)?;
    let debtor = store::customers::find(conn, tenant, customer)?;
    let as_of = local::date(creditor.zone(), creditor.now(wall));
    let accounts = totals(conn, tenant, customer, as_of)?;
    let language = debtor.language.unwrap_or(creditor.language);
    let letterhead = creditor.settings.0.letterhead;
    let creditor = CreditorOfDebtor {
        name: creditor.name,
        address: letterhead.address,
        email: letterhead.email,
        phone: letterhead.phone,
        registration: letterhead.registration,
        bank: letterhead.bank,
    };
    Ok(DebtorView { object: "debtor", name: debtor.name, number: debtor.number, language, creditor, accounts, as_of })
}

fn totals(conn: &mut Conn, tenant: TenantId, customer: CustomerId, today: NaiveDate) -> Result<Vec<DebtorAccount>> {
    let mut totals = BTreeMap::<Currency, DebtorTotal>::new();
    for ((_, currency), open, overdue) in store::credit::open(conn, tenant, &[customer], today)? {
        totals.insert(currency, DebtorTotal { open, overdue, ..DebtorTotal::default() });
    }
    for (currency, charges) in store::charges::open_by_currency(conn, tenant, customer)? {
        totals.entry(currency).or_default().charges = charges;
    }
    for (currency, unallocated) in store::settlements::unallocated_by_currency(conn, tenant, customer)? {
        totals.entry(currency).or_default().unallocated = unallocated;
    }
    Ok(totals.into_iter().map(|(currency, total)| DebtorAccount { currency, total }).collect())
}

/// List the debtor's open invoices
///
/// With a publishable key: the invoices of which something is left to pay, in the order in which they were recorded.
#[utoipa::path(operation_id = "listDebtorInvoices", tag = "Customers", params(PageQuery), responses((status = 200, description = "A page", body = Page<DebtorInvoice>)), security(("publishable_key" = ["debtor:read"])))]
#[get("/v1/debtor/invoices")]
pub async fn invoices(call: Call) -> Answer {
    let customer = call.caller.debtor()?;
    let window = call.window()?;
    let filter = store::invoices::Filter { customer_id: Some(customer), status: Some(InvoiceStatus::Open), ..Default::default() };
    let rows = call
        .read(move |conn, tenant| {
            let rows =
                store::invoices::list(conn, tenant, &filter, InvoiceSort::CreatedAt, window.after().map(|id| (id, None)), window.fetch())?;
            with_parts(conn, tenant, rows)
        })
        .await?;
    call.page(window, rows, |(row, _)| row.id.uuid(), DebtorInvoice::from).await
}

/// Whether browsers may read this path from any page. There are no cookies here: who is served is decided by a key that the page must know.
pub fn is_for_pages(path: &str) -> bool {
    path == "/v1/debtor" || path.starts_with("/v1/debtor/")
}

/// Lets any page read the answer, a problem included.
pub fn open_to_pages(headers: &mut HeaderMap) {
    headers.insert(HeaderName::from_static("access-control-allow-origin"), HeaderValue::from_static("*"));
    headers.insert(HeaderName::from_static("access-control-expose-headers"), HeaderValue::from_static("link, retry-after, x-request-id"));
}

/// What a browser asks before it sends a header of its own.
pub fn preflight() -> HttpResponse {
    HttpResponse::build(StatusCode::NO_CONTENT)
        .insert_header(("Access-Control-Allow-Methods", "GET"))
        .insert_header(("Access-Control-Allow-Headers", "authorization"))
        .insert_header(("Access-Control-Max-Age", "7200"))
        .finish()
}
