//! What became of each row of an import: in pages as JSON, or all of it as a table.

use actix_web::{get, http::StatusCode, web::Bytes};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    domain::{
        ids::{ImportId, TenantId},
        import::job::{ImportProblem, ImportedThing, RowOutcome},
    },
    error::{Error, Result},
    http::{
        Call,
        call::Answer,
        page::{Page, PageQuery},
        tables,
    },
    store::{self, Db, imports::ImportRow},
};

/// Rows of a report that are read at once.
const AT_ONCE: i64 = 500;

/// A row, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportRowView {
    /// Always `import_row`.
    #[schema(max_length = 20, example = "import_row")]
    pub object: &'static str,
    /// Its place in the file, from 1.
    #[schema(minimum = 1, example = 17)]
    pub number: i64,
    /// The line where it begins; absent in files without lines.
    #[schema(minimum = 1, example = 18)]
    pub line: Option<i64>,
    /// How it is called: an invoice's number, a customer's name, the external id of a payment.
    #[schema(max_length = 200, example = "F-2026-118")]
    pub reference: String,
    /// What became of it.
    pub status: RowOutcome,
    /// What it is about.
    #[schema(max_items = 100)]
    pub things: Vec<ImportedThing>,
    /// What is wrong with it, one for each cell or field, or should be known about it.
    #[schema(max_items = 100)]
    pub problems: Vec<ImportProblem>,
}

impl From<ImportRow> for ImportRowView {
    fn from(row: ImportRow) -> Self {
        Self {
            object: "import_row",
            number: row.number,
            line: (row.line > 0).then_some(row.line),
            reference: row.reference,
            status: row.outcome,
            things: row.things.0,
            problems: row.problems.0,
        }
    }
}

/// Which rows to list.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ImportRowQuery {
    /// Only those that became this.
    pub status: Option<RowOutcome>,
}

/// List the rows of an import
///
/// In the file's order, with what became of each. With `Accept: text/csv`, all of them as a table, one line for each problem; cells that a program would take for
/// formulas are marked by an apostrophe.
#[utoipa::path(operation_id = "listImportRows", tag = "Imports", params(("import_id" = ImportId, Path, description = "The import"), PageQuery, ImportRowQuery),
    responses((status = 200, description = "A page, or the whole report", content((Page<ImportRowView> = "application/json"), (String = "text/csv")))), security(("api_key" = ["imports:read"])))]
#[get("/v1/imports/{import_id}/rows")]
pub async fn list(call: Call<(), ImportRowQuery>) -> Answer {
    let id: ImportId = call.id("import_id")?;
    let (window, status) = (call.window()?, call.query.status);
    // A cursor holds a UUID's worth of bytes; a row's name is its number.
    let after = window.after_uuid().map_or(0, |place| i64::try_from(place.as_u128()).unwrap_or(i64::MAX));
    if tables::is_wanted(&call) {
        call.read(move |conn, tenant| store::imports::find(conn, tenant, id)).await?;
        let report = Report { db: call.state.db.clone(), tenant: call.tenant(), id, status, after, begun: false };
        let pieces =
            stream::try_unfold(report, |mut report| async move { Ok::<_, Error>(report.piece().await?.map(|piece| (piece, report))) });
        return Ok(call.answer(StatusCode::OK).content_type("text/csv; charset=utf-8").streaming(Box::pin(tables::unbroken(pieces))));
    }
    let rows = call
        .read(move |conn, tenant| {
            store::imports::find(conn, tenant, id)?;
            store::imports::rows(conn, tenant, id, status, after, window.fetch())
        })
        .await?;
    call.page(window, rows, |row| Uuid::from_u128(u128::try_from(row.number).unwrap_or(0)), ImportRowView::from).await
}

/// A report on its way, a page of rows at a time.
struct Report {
    db: Db,
    tenant: TenantId,
    id: ImportId,
    status: Option<RowOutcome>,
    after: i64,
    begun: bool,
}

impl Report {
    async fn piece(&mut self) -> Result<Option<Bytes>> {
        let (tenant, id, status, after) = (self.tenant, self.id, self.status, self.after);
        let rows = self.db.read(tenant, move |conn| store::imports::rows(conn, tenant, id, status, after, AT_ONCE)).await?;
        let mut lines = Vec::new();
        if !std::mem::replace(&mut self.begun, true) {
            lines.push(["row", "line", "reference", "status", "things", "place", "value", "problem"].map(str::to_owned).to_vec());
        }
        let Some(last) = rows.last() else { return if lines.is_empty() { Ok(None) } else { tables::lines(&lines).map(Some) } };
        self.after = last.number;
        lines.extend(rows.iter().flat_map(told));
        tables::lines(&lines).map(Some)
    }
}

fn told(row: &ImportRow) -> Vec<Vec<String>> {
    let line = if row.line > 0 { row.line.to_string() } else { String::new() };
    let things: Vec<&str> = row.things.iter().map(|thing| thing.id.as_str()).collect();
    let head = vec![row.number.to_string(), line, row.reference.clone(), row.outcome.to_string(), things.join(" ")];
    let with =
        |place: &str, value: &str, problem: &str| [head.clone(), vec![place.to_owned(), value.to_owned(), problem.to_owned()]].concat();
    if row.problems.is_empty() {
        return vec![with("", "", "")];
    }
    row.problems.iter().map(|one| with(&one.place, one.value.as_deref().unwrap_or_default(), &one.detail)).collect()
}
