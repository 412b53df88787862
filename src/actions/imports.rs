//! Imports: a file is kept, then read a thousand rows at a time, each thousand in one transaction with the mark of how far it has come.
//!
//! A process that is killed loses nothing and doubles nothing: whoever goes on finds the mark. Two that go on at once cannot both: the mark is compared under the import's
//! lock. Reading ([`read`]) and recording ([`take`]) are apart, so that no transaction that writes waits for a file. Invariant: what was read of a file stands in its
//! rows, each with what became of it.

mod bank;
pub mod blocking;
mod e_invoice;
mod fec;
mod lines;
pub mod mappings;
mod reading;
mod table;

use chrono::NaiveDate;
use serde_json::json;

use super::{Act, put::Outcome};
use crate::{
    domain::{
        customer::{CustomerKind, NewCustomer},
        external::ExternalKey,
        ids::{CustomerId, FileId, ImportId, TenantId},
        import::{
            MAX_BYTES,
            csv::Mapping,
            job::{ImportCounts, ImportFormat, ImportKind, ImportProblem, ImportSettings, ImportState, ImportedThing, RowOutcome},
            sniff,
        },
        invalid::Faults,
    },
    error::{Error, Result},
    store::{
        self, Conn, Json, Ts, files,
        imports::{Import, ImportRow},
    },
};

use reading::Found;

/// Rows in one transaction.
const CHUNK: usize = 1_000;
/// About the most of a file that one slice may be, in bytes: what a quote that is never closed can take of the memory.
const LONGEST_SLICE: i64 = 8 << 20;

/// How a table is to be read.
#[derive(Debug, Clone)]
pub enum Columns {
    /// As the mapping that is kept under this name says.
    Named(String),
    /// As this one says.
    Given(Box<Mapping>),
}

/// What to import a file as.
#[derive(Debug, Clone)]
pub struct NewImport {
    /// What it must be; found out if absent.
    pub kind: Option<ImportKind>,
    /// The name under which external ids are kept.
    pub source: Option<String>,
    /// Of a table.
    pub columns: Option<Columns>,
    /// The world as it was at the end of this day.
    pub as_of: Option<NaiveDate>,
    /// What new customers are in the eyes of the law, where nothing else says.
    pub customer_kind: CustomerKind,
    /// Read and try everything, keep nothing.
    pub dry_run: bool,
    /// What the file is called where it comes from.
    pub file_name: Option<String>,
}

/// Lines a file up. What can be said of it by how it begins is said at once: what it is, which columns it lacks, which questions it leaves open.
///
/// # Errors
/// Every such fault; no such mapping.
pub fn create(act: &mut Act<'_>, file: FileId, new: &NewImport) -> Result<Import> {
    let file = files::find(act.conn, act.tenant, file)?;
    let beginning = files::piece(act.conn, act.tenant, file.id, 0)?.unwrap_or_default();
    let format = sniff::format(&beginning)?;
    let whole = usize::try_from(file.size).map_err(Error::internal)?;
    if !format.is_of_lines() && whole > MAX_BYTES {
        return Err(Faults::one("", "too_long", format!("{whole} bytes; of such files at most {MAX_BYTES} are read, so split it")).into());
    }
    let table = match format {
        ImportFormat::Csv => Some(table::begin(&mapping(act, new)?, &beginning, beginning.len() < whole)?),
        _ => None,
    };
    let kind = kind(format, table.as_ref().map(|table| &table.mapping), new.kind)?;
    let own = table.as_ref().map(|table| table.mapping.source.clone());
    let source = new.source.clone().or(own).unwrap_or_else(|| format.default_source().to_owned());
    let (place, line) = table.as_ref().map_or((0, i64::from(format == ImportFormat::Ndjson)), |table| (table.place, table.line));
    let settings = ImportSettings {
        headings: table.as_ref().map(|table| table.headings.clone()).unwrap_or_default(),
        mapping: table.map(|table| Mapping { source: source.clone(), ..table.mapping }),
        as_of: new.as_of,
        customer_kind: new.customer_kind,
    };
    let row = Import {
        tenant_id: act.tenant,
        id: ImportId::new(act.wall),
        file_id: file.id,
        file_name: new.file_name.clone(),
        kind,
        format,
        source,
        settings: Json(settings),
        dry_run: new.dry_run,
        state: ImportState::Queued,
        place,
        line,
        counts: Json(ImportCounts::default()),
        problems: Json(Vec::new()),
        created_by: act.actor.to_owned(),
        version: 1,
        created_at: Ts(act.wall),
        updated_at: Ts(act.wall),
        started_at: None,
        finished_at: None,
    };
    store::imports::insert(act.conn, &row)?;
    let sha256 = file.sha256.map(|digest| data_encoding::HEXLOWER.encode(&digest));
    let body =
        json!({"kind": row.kind, "format": row.format, "source": row.source, "dry_run": row.dry_run, "size": file.size, "sha256": sha256});
    act.witness("import.created", row.id, body);
    Ok(row)
}

/// What a file is read as: what it says, or its mapping does, else what it is said to be.
fn kind(format: ImportFormat, mapping: Option<&Mapping>, wanted: Option<ImportKind>) -> Result<ImportKind, Faults> {
    use ImportKind::{Customers, Invoices, Payments};
    match (mapping.map(Mapping::kind).or(format.kind()), wanted) {
        (Some(kind), Some(wanted)) if wanted != kind => {
            Err(Faults::one("?kind", "contradiction", format!("the file is {format}, which is read as {kind}, not as {wanted}")))
        }
        (Some(kind), _) => Ok(kind),
        (None, Some(wanted @ (Customers | Invoices | Payments))) => Ok(wanted),
        (None, Some(wanted)) => {
            Err(Faults::one("?kind", "contradiction", format!("the file is {format}, of which no line is of a {wanted}")))
        }
        (None, None) => Err(Faults::one("?kind", "required", "say what each line is: customers, invoices or payments")),
    }
}

/// The mapping that a table is read by.
fn mapping(act: &mut Act<'_>, new: &NewImport) -> Result<Mapping> {
    match &new.columns {
        Some(Columns::Given(mapping)) => Ok(mapping.as_ref().clone()),
        Some(Columns::Named(name)) => match store::import_mappings::find(act.conn, act.tenant, name) {
            Ok(row) => Ok(row.document.0),
            Err(Error::NotFound(_)) => {
                Err(Faults::one("?mapping", "not_found", "no such mapping; PUT it under /v1/import-mappings first").into())
            }
            Err(error) => Err(error),
        },
        None => {
            let detail = "the file is a table: name the mapping that says which column feeds which field";
            Err(Faults::one("?mapping", "required", detail).into())
        }
    }
}

/// Stops an import that is not over; what was imported before stays. Again is no error.
///
/// # Errors
/// No such import; `wrong_state` once it has ended by itself.
pub fn cancel(act: &mut Act<'_>, id: ImportId) -> Result<Import> {
    let row = store::imports::lock(act.conn, act.tenant, id)?;
    match row.state {
        ImportState::Cancelled => Ok(row),
        ImportState::Completed | ImportState::Failed => Err(Error::conflict("wrong_state", format!("the import has {}", row.state))),
        ImportState::Queued | ImportState::Running => end(act, row, ImportState::Cancelled),
    }
}

/// Gives an import up: the file cannot be read, or we cannot read it.
///
/// # Errors
/// The store's.
pub fn fail(act: &mut Act<'_>, id: ImportId, problems: &[ImportProblem]) -> Result<Import> {
    let row = store::imports::lock(act.conn, act.tenant, id)?;
    if row.state.is_over() {
        return Ok(row);
    }
    end(act, Import { problems: Json(problems.to_vec()), ..row }, ImportState::Failed)
}

fn end(act: &mut Act<'_>, row: Import, state: ImportState) -> Result<Import> {
    let row = Import {
        state,
        version: row.version.saturating_add(1),
        updated_at: Ts(act.wall),
        started_at: row.started_at.or(Some(Ts(act.wall))),
        finished_at: Some(Ts(act.wall)),
        ..row
    };
    store::imports::update(act.conn, &row)?;
    let kind = match state {
        ImportState::Completed => "import.completed",
        ImportState::Cancelled => "import.cancelled",
        ImportState::Failed | ImportState::Queued | ImportState::Running => "import.failed",
    };
    act.witness(kind, row.id, json!({"kind": row.kind, "dry_run": row.dry_run, "counts": *row.counts}));
    Ok(row)
}

/// The next thousand rows of a file, read and not yet recorded.
#[derive(Debug)]
pub struct Slice {
    /// The import as it was when they were read.
    pub import: Import,
    found: Found,
    /// Where the next slice begins.
    next: (i64, i64),
    /// Whether nothing follows.
    last: bool,
}

/// Reads on from the mark; `None` once the import is over.
///
/// # Errors
/// No such import; the store's. A file that cannot be read is no error: recording it fails the import.
pub fn read(conn: &mut Conn, tenant: TenantId, id: ImportId) -> Result<Option<Slice>> {
    let import = store::imports::find(conn, tenant, id)?;
    if import.state.is_over() { Ok(None) } else { reading::slice(conn, tenant, import).map(Some) }
}

impl Slice {
    /// Whether a mark stands where this slice was to take it.
    pub fn is_recorded(&self, import: &Import) -> bool {
        !import.state.is_over() && (import.place, import.line) == self.next
    }
}

/// Reads on from where `slice` ends, while that is being recorded: whoever records this one finds the mark there, or leaves it. `None` where nothing follows.
///
/// # Errors
/// The store's.
pub fn read_ahead(conn: &mut Conn, tenant: TenantId, slice: &Slice) -> Result<Option<Slice>> {
    if slice.last {
        return Ok(None);
    }
    let (place, line) = slice.next;
    reading::slice(conn, tenant, Import { place, line, ..slice.import.clone() }).map(Some)
}

/// Records what was read, in the transaction of the mark, unless somebody else did meanwhile. A dry run tries all of it and undoes it.
///
/// # Errors
/// The store's; what is wrong with a row is in its place.
pub fn take(act: &mut Act<'_>, slice: &Slice) -> Result<Import> {
    let row = store::imports::lock(act.conn, act.tenant, slice.import.id)?;
    if row.state.is_over() || (row.place, row.line) != (slice.import.place, slice.import.line) {
        return Ok(row);
    }
    if let Found::Nothing(problems) = &slice.found {
        return end(act, Import { problems: Json(problems.clone()), ..row }, ImportState::Failed);
    }
    let done = if row.dry_run { act.rehearse(|act| record(act, slice))? } else { record(act, slice)? };
    let mut counts = row.counts.0;
    let mut rows = Vec::with_capacity(done.len());
    for one in done {
        counts.note(one.outcome);
        one.things.iter().for_each(|thing| note_thing(&mut counts, thing));
        rows.push(ImportRow {
            tenant_id: act.tenant,
            import_id: row.id,
            number: i64::try_from(counts.rows_read()).map_err(Error::internal)?,
            line: one.line,
            reference: one.reference.chars().take(200).collect(),
            outcome: one.outcome,
            things: Json(one.things),
            problems: Json(one.problems),
        });
    }
    store::imports::insert_rows(act.conn, &rows)?;
    let row = Import {
        state: ImportState::Running,
        place: slice.next.0,
        line: slice.next.1,
        counts: Json(counts),
        version: row.version.saturating_add(1),
        updated_at: Ts(act.wall),
        started_at: row.started_at.or(Some(Ts(act.wall))),
        ..row
    };
    if slice.last {
        return end(act, row, ImportState::Completed);
    }
    store::imports::update(act.conn, &row)?;
    Ok(row)
}

fn record(act: &mut Act<'_>, slice: &Slice) -> Result<Vec<Done>> {
    let (source, settings) = (slice.import.source.as_str(), &slice.import.settings.0);
    match &slice.found {
        Found::Nothing(_) => Ok(Vec::new()),
        Found::Table(rows) => table::record(act, rows, settings.as_of),
        Found::Lines(rows) => lines::record(act, rows, settings.as_of),
        Found::Invoice(file, pdf) => e_invoice::record(act, file, pdf.as_deref(), source, settings.customer_kind).map(|done| vec![done]),
        Found::Bank(entries) => bank::record(act, entries, source),
        Found::Fec(customers, lines) => fec::record(act, customers, lines, source),
    }
}

fn note_thing(counts: &mut ImportCounts, thing: &ImportedThing) {
    let tally = match thing.id.split('_').next() {
        Some("cus") => &mut counts.customers,
        Some("inv") => &mut counts.invoices,
        Some("crn") => &mut counts.credit_notes,
        Some("pay") => &mut counts.payments,
        _ => return,
    };
    tally.note(thing.outcome);
}

/// A row, and what became of it.
#[derive(Debug)]
struct Done {
    line: i64,
    reference: String,
    outcome: RowOutcome,
    things: Vec<ImportedThing>,
    problems: Vec<ImportProblem>,
}

impl Done {
    fn new(line: i64, reference: impl Into<String>, outcome: RowOutcome) -> Self {
        Self { line, reference: reference.into(), outcome, things: Vec::new(), problems: Vec::new() }
    }

    fn skipped(line: i64, reference: impl Into<String>, why: impl Into<String>) -> Self {
        Self { problems: vec![ImportProblem::row(why)], ..Self::new(line, reference, RowOutcome::Skipped) }
    }

    fn refused(line: i64, reference: impl Into<String>, error: Error) -> Self {
        Self { problems: problems_of(error), ..Self::new(line, reference, RowOutcome::Refused) }
    }

    /// Notes what else became of the row. What is refused of it refuses the row; what is new of a known one changes it.
    fn and<T>(&mut self, prefix: &str, outcome: Result<(Outcome, T)>) -> Option<T>
    where
        T: std::fmt::Display,
    {
        match outcome {
            Ok((outcome, id)) => {
                let outcome = RowOutcome::from(outcome);
                if self.outcome == RowOutcome::Unchanged && outcome != RowOutcome::Unchanged {
                    self.outcome = RowOutcome::Changed;
                }
                self.things.push(ImportedThing { id: id.to_string(), outcome });
                Some(id)
            }
            Err(error) => {
                self.outcome = RowOutcome::Refused;
                let nested = |one: ImportProblem| ImportProblem { place: format!("{prefix}{}", one.place), ..one };
                self.problems.extend(problems_of(error).into_iter().map(nested));
                None
            }
        }
    }
}

impl From<Outcome> for RowOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Created => Self::Created,
            Outcome::Changed => Self::Changed,
            Outcome::Unchanged => Self::Unchanged,
        }
    }
}

/// Why something was refused.
fn problems_of(error: Error) -> Vec<ImportProblem> {
    match error {
        Error::Invalid(faults) | Error::Malformed(faults) => ImportProblem::of(faults),
        other => vec![ImportProblem::row(other.to_string())],
    }
}

/// Records those customers that are not known yet; whoever is known stays as he is, for a file about something else knows less of him than the ledger does.
fn ensure(act: &mut Act<'_>, news: &[NewCustomer]) -> Result<Vec<Result<(Outcome, CustomerId)>>> {
    let keys: Vec<ExternalKey> = news.iter().filter_map(NewCustomer::key).collect();
    let known = store::customers::ids_by_keys(act.conn, act.tenant, &keys)?;
    let fresh: Vec<NewCustomer> = news.iter().filter(|new| new.key().is_some_and(|key| !known.contains_key(&key))).cloned().collect();
    let mut made = super::customers::put(act, &fresh, super::put::IfKnown::Refuse)?.into_iter();
    let outcome = |new: &NewCustomer| match new.key().and_then(|key| known.get(&key)) {
        Some(id) => Ok((Outcome::Unchanged, *id)),
        None => {
            made.next().unwrap_or_else(|| Err(Error::internal("a customer went in and none came out"))).map(|put| (put.outcome, put.row.id))
        }
    };
    Ok(news.iter().map(outcome).collect())
}
