//! `/v1/exports`: everything of a kind, as lines of JSON or as a table, however much there is.
//!
//! Each page is a read of its own, so that an export costs no more memory than a page and holds nothing up; it shows each thing as it is when its page is read.
//! What is recorded meanwhile comes at the end. Invariant: a line of JSON is what the list of the same things shows.

use actix_web::{get, http::StatusCode, web::Bytes};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{
    Call,
    allocations::with_allocations,
    call::Answer,
    invoices::{InvoiceView, with_parts},
    payments::PaymentView,
    reminders::{ReminderView, with_messages},
    tables,
};
use crate::{
    domain::{
        export::ExportFormat,
        ids::{Id, TenantId},
        ledger::settlement::SettlementKind,
    },
    error::{Error, Result},
    store::{self, Conn, Db, customers::CustomerSort, invoices::InvoiceSort, settlements::SettlementSort},
};

/// Things that are read at once.
const PAGE: i64 = 500;

/// How to write an export.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// How it is written. Without it `Accept: text/csv` asks for a table, and anything else for lines of JSON.
    #[param(inline)]
    pub format: Option<ExportFormat>,
}

/// Export customers
///
/// All of them, in the order in which they were recorded.
#[utoipa::path(operation_id = "exportCustomers", tag = "Customers", params(ExportQuery), responses((status = 200, description = "The customers", content((String = "application/x-ndjson"), (String = "text/csv")))), security(("api_key" = ["customers:read"])))]
#[get("/v1/exports/customers")]
pub async fn customers(call: Call<(), ExportQuery>) -> Answer {
    const COLUMNS: Columns = &[
        "id",
        "source",
        "external_id",
        "number",
        "name",
        "kind",
        "jurisdiction",
        "language",
        "segment",
        "identifiers",
        "address/lines",
        "address/postal_code",
        "address/city",
        "address/country",
        "contacts/0/name",
        "contacts/0/email",
        "contacts/0/phone",
        "metadata",
        "created_at",
        "updated_at",
    ];
    export(&call, COLUMNS, |conn, tenant, after| {
        let rows = store::customers::list(
            conn,
            tenant,
            &Default::default(),
            CustomerSort::CreatedAt,
            after.map(|id| (Id::from_uuid(id), None)),
            PAGE,
        )?;
        let last = rows.last().map(|row| row.id.uuid());
        shown(last, super::customers::views(conn, tenant, rows)?)
    })
}

/// Export invoices
///
/// All of them with their instalments, in the order in which they were recorded.
#[utoipa::path(operation_id = "exportInvoices", tag = "Invoices", params(ExportQuery), responses((status = 200, description = "The invoices", content((String = "application/x-ndjson"), (String = "text/csv")))), security(("api_key" = ["invoices:read"])))]
#[get("/v1/exports/invoices")]
pub async fn invoices(call: Call<(), ExportQuery>) -> Answer {
    const COLUMNS: Columns = &[
        "id",
        "customer_id",
        "source",
        "external_id",
        "number",
        "kind",
        "status",
        "issue_date",
        "currency",
        "total",
        "net",
        "tax",
        "balance",
        "instalments",
        "due_date_source",
        "order_reference",
        "delivery_reference",
        "structured_reference",
        "payment_link",
        "metadata",
        "created_at",
        "updated_at",
    ];
    export(&call, COLUMNS, |conn, tenant, after| {
        let rows = store::invoices::list(
            conn,
            tenant,
            &Default::default(),
            InvoiceSort::CreatedAt,
            after.map(|id| (Id::from_uuid(id), None)),
            PAGE,
        )?;
        let last = rows.last().map(|row| row.id.uuid());
        shown(last, with_parts(conn, tenant, rows)?.into_iter().map(InvoiceView::from).collect())
    })
}

/// Export payments
///
/// All of them with what they settle, in the order in which they were recorded.
#[utoipa::path(operation_id = "exportPayments", tag = "Payments", params(ExportQuery), responses((status = 200, description = "The payments", content((String = "application/x-ndjson"), (String = "text/csv")))), security(("api_key" = ["payments:read"])))]
#[get("/v1/exports/payments")]
pub async fn payments(call: Call<(), ExportQuery>) -> Answer {
    const COLUMNS: Columns = &[
        "id",
        "customer_id",
        "source",
        "external_id",
        "status",
        "currency",
        "amount",
        "unallocated",
        "received_on",
        "method",
        "reference",
        "allocations",
        "charge_allocations",
        "metadata",
        "created_at",
        "updated_at",
    ];
    export(&call, COLUMNS, |conn, tenant, after| {
        let after = after.map(|id| (Id::from_uuid(id), None));
        let rows =
            store::settlements::list(conn, tenant, SettlementKind::Payment, &Default::default(), (SettlementSort::CreatedAt, after), PAGE)?;
        let last = rows.last().map(|row| row.id.uuid());
        shown(last, with_allocations(conn, tenant, rows)?.into_iter().map(PaymentView::from).collect())
    })
}

/// Export reminders
///
/// All of them with their messages, in the order in which they were decided.
#[utoipa::path(operation_id = "exportReminders", tag = "Reminders", params(ExportQuery), responses((status = 200, description = "The reminders", content((String = "application/x-ndjson"), (String = "text/csv")))), security(("api_key" = ["reminders:read"])))]
#[get("/v1/exports/reminders")]
pub async fn reminders(call: Call<(), ExportQuery>) -> Answer {
    const COLUMNS: Columns = &[
        "id",
        "customer_id",
        "currency",
        "policy_id",
        "policy_version",
        "step",
        "cycle",
        "channel",
        "template",
        "formal",
        "contact_id",
        "state",
        "reason",
        "total",
        "instalments",
        "messages",
        "due_at",
        "decided_at",
        "completed_at",
    ];
    export(&call, COLUMNS, |conn, tenant, after| {
        let rows = store::reminders::list(conn, tenant, &Default::default(), after.map(Id::from_uuid), PAGE)?;
        let last = rows.last().map(|row| row.id.uuid());
        shown(last, with_messages(conn, tenant, rows)?.into_iter().map(ReminderView::from).collect())
    })
}

/// The columns of a table: paths into what the JSON shows.
type Columns = &'static [&'static str];
/// Things as the lists show them, and the id of the last one.
type Shown = (Option<Uuid>, Vec<Value>);
/// Reads the page behind an id.
type Page = fn(&mut Conn, TenantId, Option<Uuid>) -> Result<Shown>;

fn shown<V: Serialize>(last: Option<Uuid>, views: Vec<V>) -> Result<Shown> {
    let values = views.iter().map(serde_json::to_value).collect::<std::result::Result<_, _>>().map_err(Error::internal)?;
    Ok((last, values))
}

/// An export on its way.
struct Export {
    db: Db,
    tenant: TenantId,
    page: Page,
    /// Of a table.
    columns: Option<Columns>,
    after: Option<Uuid>,
    begun: bool,
}

fn export(call: &Call<(), ExportQuery>, columns: Columns, page: Page) -> Answer {
    let accepted = if tables::is_wanted(call) { ExportFormat::Csv } else { ExportFormat::Ndjson };
    let (media_type, columns) = match call.query.format.unwrap_or(accepted) {
        ExportFormat::Csv => ("text/csv; charset=utf-8", Some(columns)),
        ExportFormat::Ndjson => ("application/x-ndjson", None),
    };
    let export = Export { db: call.state.db.clone(), tenant: call.tenant(), page, columns, after: None, begun: false };
    let pieces = stream::try_unfold(export, |mut export| async move { Ok::<_, Error>(export.piece().await?.map(|piece| (piece, export))) });
    Ok(call.answer(StatusCode::OK).content_type(media_type).streaming(Box::pin(tables::unbroken(pieces))))
}

impl Export {
    /// The next lines; `None` at the end.
    async fn piece(&mut self) -> Result<Option<Bytes>> {
        let (tenant, after, page) = (self.tenant, self.after, self.page);
        let (last, values) = self.db.read(tenant, move |conn| page(conn, tenant, after)).await?;
        let first = !std::mem::replace(&mut self.begun, true);
        self.after = last.or(after);
        match self.columns {
            None if values.is_empty() => Ok(None),
            None => {
                let mut lines = Vec::new();
                for value in &values {
                    serde_json::to_writer(&mut lines, value).map_err(Error::internal)?;
                    lines.push(b'\n');
                }
                Ok(Some(lines.into()))
            }
            Some(_) if values.is_empty() && !first => Ok(None),
            Some(columns) => {
                let headings = columns.iter().map(|path| path.replace('/', "_")).collect();
                let rows = values.iter().map(|value| columns.iter().map(|path| cell(value.pointer(&format!("/{path}")))).collect());
                let all: Vec<Vec<String>> = first.then_some(headings).into_iter().chain(rows).collect();
                tables::lines(&all).map(Some)
            }
        }
    }
}

/// A value as a cell: texts bare, nothing for nothing, what has parts as JSON.
fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
