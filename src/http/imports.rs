//! `/v1/imports`: files of other systems, taken in behind the request.
//!
//! The file is the body, as it is; it goes to the store piece by piece, and never stands in memory whole. What can be said of it at once is said at once; the rest is done by
//! the worker, and read here.

pub mod rows;

use actix_web::{
    HttpResponse,
    body::MessageBody,
    get,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    post, web,
};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    Call, Problem,
    call::Answer,
    page::{Page, PageQuery},
    subject::Look,
    upload,
};
use crate::{
    actions::{
        self,
        imports::{Columns, NewImport},
    },
    domain::{
        customer::CustomerKind,
        ids::ImportId,
        import::{
            job::{ImportFormat, ImportKind, ImportProblem, ImportState, Tally},
            sniff,
        },
    },
    error::{Error, Result},
    store::{self, imports::Import},
};

/// The largest file, in bytes.
const MAX_FILE: u64 = 64_000_000;
/// The media types of files that are taken.
const MEDIA_TYPES: [&str; 7] =
    ["text/csv", "application/x-ndjson", "application/xml", "text/xml", "application/pdf", "text/plain", "application/octet-stream"];

/// A file being imported.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportView {
    /// Always `import`.
    #[schema(max_length = 20, example = "import")]
    pub object: &'static str,
    /// The import's id.
    pub id: ImportId,
    /// Where it stands.
    pub status: ImportState,
    /// What the file is taken for.
    pub kind: ImportKind,
    /// How it is written.
    pub format: ImportFormat,
    /// The name under which external ids are kept.
    #[schema(max_length = 50, example = "sage")]
    pub source: String,
    /// What the file is called where it comes from.
    #[schema(max_length = 140)]
    pub file_name: Option<String>,
    /// Whether everything is tried and nothing kept.
    pub dry_run: bool,
    /// The day at whose end the world is taken as it was.
    pub as_of: Option<NaiveDate>,
    /// Rows read so far: the sum of the six that follow.
    #[schema(minimum = 0)]
    pub rows_read: u64,
    /// Rows that brought something new.
    #[schema(minimum = 0)]
    pub created: u64,
    /// Rows that changed what was known.
    #[schema(minimum = 0)]
    pub changed: u64,
    /// Rows that said what was known.
    #[schema(minimum = 0)]
    pub unchanged: u64,
    /// Rows that break a rule.
    #[schema(minimum = 0)]
    pub refused: u64,
    /// Rows that are nothing to import.
    #[schema(minimum = 0)]
    pub skipped: u64,
    /// Money of which nobody knows from whom it came.
    #[schema(minimum = 0)]
    pub unmatched: u64,
    /// What the rows were about.
    pub things: ImportedThings,
    /// Why the file cannot be read, if it cannot.
    #[schema(max_items = 100)]
    pub problems: Vec<ImportProblem>,
    /// Counts the changes.
    #[schema(minimum = 1)]
    pub version: i64,
    /// When the file was sent.
    pub created_at: DateTime<Utc>,
    /// When its first rows were imported.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// How many things of each kind were new, changed, and just as they were. One that several thousands of rows name is counted in each.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportedThings {
    /// Customers.
    pub customers: Tally,
    /// Invoices.
    pub invoices: Tally,
    /// Credit notes.
    pub credit_notes: Tally,
    /// Payments.
    pub payments: Tally,
}

impl From<Import> for ImportView {
    fn from(row: Import) -> Self {
        let counts = row.counts.0;
        Self {
            object: "import",
            id: row.id,
            status: row.state,
            kind: row.kind,
            format: row.format,
            source: row.source,
            file_name: row.file_name,
            dry_run: row.dry_run,
            as_of: row.settings.0.as_of,
            rows_read: counts.rows_read(),
            created: counts.rows.created,
            changed: counts.rows.changed,
            unchanged: counts.rows.unchanged,
            refused: counts.refused,
            skipped: counts.skipped,
            unmatched: counts.unmatched,
            things: ImportedThings {
                customers: counts.customers,
                invoices: counts.invoices,
                credit_notes: counts.credit_notes,
                payments: counts.payments,
            },
            problems: row.problems.0,
            version: row.version,
            created_at: row.created_at.0,
            started_at: row.started_at.map(|at| at.0),
            finished_at: row.finished_at.map(|at| at.0),
        }
    }
}

/// How a file is to be taken in.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// What the file must be. Without it, the file says, or a table's mapping does; lines of JSON do not, so with them it is required.
    pub kind: Option<ImportKind>,
    /// The name under which external ids are kept; of a table, its mapping's unless given here; of JSON, for lines that name none.
    #[param(min_length = 1, max_length = 50, pattern = "^[A-Za-z0-9_.-]+$", example = "sage")]
    pub source: Option<String>,
    /// Of a table: the name of the mapping that says which column feeds which field.
    #[param(min_length = 1, max_length = 50, pattern = "^[A-Za-z0-9_.-]+$", example = "sage-invoices")]
    pub mapping: Option<String>,
    /// Try everything against the ledger as it is and keep nothing but the report. Each thousand rows is tried by itself.
    #[param(default = false)]
    pub dry_run: Option<bool>,
    /// The world as it was at the end of this day: later rows are skipped, later payments not made.
    pub as_of: Option<NaiveDate>,
    /// Which law protects new customers of a file that does not say, which is any but a table: `business` unless told otherwise.
    pub customer_kind: Option<CustomerKind>,
    /// What the file is called where it comes from.
    #[param(min_length = 1, max_length = 140, example = "2026-03.csv")]
    pub file_name: Option<String>,
}

/// Which imports to list.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ImportsQuery {
    /// Only those that stand there.
    pub status: Option<ImportState>,
}

/// Import a file
///
/// The body is the file as it is, up to 64 MB of a table or of JSON and 10 MB of any other. What it is, it says by how it begins: CSV (by a `mapping`; columns that are missing, and dates or
/// amounts that can be read in two ways, are refused at once), NDJSON (one JSON object a line, just as an item of the batch of customers, invoices or payments that `kind` names; each has an
/// `external_id`, and is of `source` where it names none), UBL, CII, Factur-X and ZUGFeRD (an invoice, a deposit or a credit note), camt.052 to camt.054 and MT940 (what came in is
/// matched with what is open), and the French FEC
/// (whoever owed what on its last day).
///
/// The buyer of an electronic invoice is the customer of this source under its VAT identifier, else under its first other number, else under its name and country; a customer that
/// is known stays as it is. Such an invoice's external id is its number. Where it is collected by direct debit, nobody is reminded before it is known whether the money came.
///
/// Of a bank's lines, the payer is certain who gives an invoice's structured reference, whose announced direct debit it is by its end-to-end id or mandate and amount, who quotes an
/// invoice's number, or from whose account it comes: one that paid for him before and for nobody else, of just the amount of one open invoice or of all. Such a payment is recorded, and settles what is certain.
/// Any other is told and not recorded: the row names whose it might be, by the account, by invoices that sum to it, by the amount or the payer's name. A return opens its payment again.
///
/// Whatever has an external id is recorded once: the same file may be sent again, and another that overlaps with it.
#[utoipa::path(operation_id = "createImport", tag = "Imports", params(ImportQuery),
    request_body(description = "The file as it is", content((Vec<u8> = "text/csv"), (Vec<u8> = "application/x-ndjson"), (Vec<u8> = "application/xml"), (Vec<u8> = "text/xml"), (Vec<u8> = "application/pdf"), (Vec<u8> = "text/plain"), (Vec<u8> = "application/octet-stream"))),
    responses((status = 202, description = "Kept, and lined up; `Location` says where to look", body = ImportView)), security(("api_key" = ["imports:write"])))]
#[post("/v1/imports")]
pub async fn create(payload: web::Payload, mut call: Call<(), ImportQuery>) -> Answer {
    upload::media_type(&call, &MEDIA_TYPES)?;
    let mut first = true;
    // What is no file that is read is not kept.
    let look = |piece: &[u8], _| if std::mem::take(&mut first) { Ok(sniff::format(piece).map(drop)?) } else { Ok(()) };
    let file = upload::keep(&mut call, payload.into_inner(), MAX_FILE, look).await?;
    let query = call.query.clone();
    let new = NewImport {
        kind: query.kind,
        source: query.source,
        columns: query.mapping.map(Columns::Named),
        as_of: query.as_of,
        customer_kind: query.customer_kind.unwrap_or(CustomerKind::Business),
        dry_run: query.dry_run.unwrap_or(false),
        file_name: query.file_name,
    };
    let answer = call.act(StatusCode::ACCEPTED, move |act| actions::imports::create(act, file, &new).map(ImportView::from)).await?;
    located(answer)
}

/// The answer with where the import is to be looked at: the first one's, if this was a repeated request.
fn located(answer: HttpResponse) -> Answer {
    let (mut answer, body) = answer.into_parts();
    let body = body.try_into_bytes().map_err(|_| Problem::from(Error::internal("an answer without a length")))?;
    let id = serde_json::from_slice::<Value>(&body).ok().and_then(|view| view.get("id")?.as_str().map(str::to_owned)).unwrap_or_default();
    let headers = answer.headers_mut();
    if let Ok(place) = HeaderValue::from_str(&format!("/v1/imports/{id}")) {
        headers.insert(header::LOCATION, place.clone());
        headers.insert(header::HeaderName::from_static("operation-location"), place);
    }
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    Ok(answer.set_body(body).map_into_boxed_body())
}

/// List imports
///
/// In the order in which the files were sent.
#[utoipa::path(operation_id = "listImports", tag = "Imports", params(PageQuery, ImportsQuery), responses((status = 200, description = "A page", body = Page<ImportView>)), security(("api_key" = ["imports:read"])))]
#[get("/v1/imports")]
pub async fn list(call: Call<(), ImportsQuery>) -> Answer {
    let (window, state) = (call.window()?, call.query.status);
    let rows = call.read(move |conn, tenant| store::imports::list(conn, tenant, state, window.after(), window.fetch())).await?;
    call.page(window, rows, |row| row.id.uuid(), ImportView::from).await
}

/// Get an import
///
/// How far it has come.
#[utoipa::path(operation_id = "getImport", tag = "Imports", params(("import_id" = ImportId, Path, description = "The import")), responses((status = 200, description = "The import", body = ImportView)), security(("api_key" = ["imports:read"])))]
#[get("/v1/imports/{import_id}")]
pub async fn find(call: Call) -> Answer {
    call.show(current).await
}

/// As it is shown.
///
/// # Errors
/// No such thing.
pub(super) fn current(look: &mut Look<'_>) -> Result<ImportView> {
    let id = look.id("import_id")?;
    store::imports::find(look.conn, look.tenant, id).map(ImportView::from)
}

/// Cancel an import
///
/// What was imported before stays; it stops within a thousand rows. Doing it again changes nothing.
#[utoipa::path(operation_id = "cancelImport", tag = "Imports", params(("import_id" = ImportId, Path, description = "The import")), responses((status = 200, description = "As it is now", body = ImportView)), security(("api_key" = ["imports:write"])))]
#[post("/v1/imports/{import_id}/cancel")]
pub async fn cancel(call: Call) -> Answer {
    let id = call.id("import_id")?;
    call.act(StatusCode::OK, move |act| actions::imports::cancel(act, id).map(ImportView::from)).await
}
