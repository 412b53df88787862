//! A table of another system, taken in a thousand rows at a time: customers, invoices and what was paid of them.
//!
//! Each thousand is one transaction. A file may be imported again: whatever is known under its external id is brought up to date, never doubled.

use std::{collections::HashSet, io::Read};

use chrono::NaiveDate;
use csv::{ByteRecord, ReaderBuilder};

use super::{
    Act,
    put::{IfKnown, Outcome, one_by_one},
};
use crate::{
    clock::Clock,
    domain::{
        customer::NewCustomer,
        ids::TenantId,
        import::csv::{CellProblem, Mapping, Row},
        invalid::Faults,
        ledger::{
            invoice::NewInvoice,
            settlement::{NewAllocations, NewSettlement, Wanted},
        },
    },
    error::{Error, Result},
    store::{Db, invoices::Invoice},
};

/// Rows in one transaction.
const CHUNK: usize = 1_000;

/// What to import, and for whom.
#[derive(Debug, Clone)]
pub struct Job<'a> {
    /// Into which partition.
    pub tenant: TenantId,
    /// In whose name.
    pub actor: &'a str,
    /// Which column feeds which field.
    pub mapping: &'a Mapping,
    /// What stands between cells.
    pub delimiter: u8,
    /// The world as it was at the end of this day: later invoices are absent, later payments not made.
    pub as_of: Option<NaiveDate>,
    /// Read and check every cell, write nothing.
    pub dry_run: bool,
}

/// How many things were new, changed, and just as they were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the line above says it")]
pub struct Tally {
    pub created: u64,
    pub changed: u64,
    pub unchanged: u64,
}

impl Tally {
    fn note(&mut self, outcome: Outcome) {
        let count = match outcome {
            Outcome::Created => &mut self.created,
            Outcome::Changed => &mut self.changed,
            Outcome::Unchanged => &mut self.unchanged,
        };
        *count = count.saturating_add(1);
    }
}

/// What an import did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows read.
    pub rows: u64,
    /// Rows left out because they were issued after the day asked for.
    pub later: u64,
    /// Rows that could not be read or were refused.
    pub refused: u64,
    /// Customers.
    pub customers: Tally,
    /// Invoices.
    pub invoices: Tally,
    /// Payments.
    pub payments: Tally,
}

/// Imports a table. `progress` is told how many bytes were read, `report` of every cell or row that was left out.
///
/// # Errors
/// A table or a mapping that cannot be read at all; the store's. What was imported before stays.
pub fn csv(
    db: &Db,
    clock: &Clock,
    job: &Job<'_>,
    table: impl Read,
    mut progress: impl FnMut(u64),
    mut report: impl FnMut(&CellProblem) -> Result<()>,
) -> Result<Counts> {
    let mut reader = ReaderBuilder::new().delimiter(job.delimiter).flexible(true).from_reader(table);
    let headings: Vec<String> = reader.headers().map_err(unreadable)?.iter().map(|one| one.trim().to_owned()).collect();
    job.mapping.check(&headings).map_err(|wrong| wrong_mapping(&wrong))?;
    let mut counts = Counts::default();
    let mut chunk = Vec::with_capacity(CHUNK);
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(unreadable)? {
        let line = record.position().map_or(0, csv::Position::line);
        counts.rows = counts.rows.saturating_add(1);
        match read(job, line, &headings, &record) {
            Ok(Some(row)) => chunk.push((line, row)),
            Ok(None) => counts.later = counts.later.saturating_add(1),
            Err(problems) => {
                counts.refused = counts.refused.saturating_add(1);
                problems.iter().try_for_each(&mut report)?;
            }
        }
        if chunk.len() >= CHUNK {
            take(db, clock, job, &chunk, &mut counts, &mut report)?;
            chunk.clear();
            progress(reader.position().byte());
        }
    }
    take(db, clock, job, &chunk, &mut counts, &mut report)?;
    progress(reader.position().byte());
    Ok(counts)
}

fn unreadable(error: csv::Error) -> Error {
    Faults::one("file", "malformed", error.to_string()).into()
}

fn wrong_mapping(wrong: &[String]) -> Error {
    let mut faults = Faults::none();
    wrong.iter().for_each(|sentence| faults.add("mapping", "invalid", sentence.as_str()));
    faults.into()
}

/// One record as a row; `None` for what had not happened yet.
fn read(job: &Job<'_>, line: u64, headings: &[String], record: &ByteRecord) -> Result<Option<Row>, Vec<CellProblem>> {
    let cells: Vec<&str> = record.iter().map(std::str::from_utf8).collect::<Result<_, _>>().map_err(|_| {
        vec![CellProblem { row: line, column: String::new(), value: String::new(), problem: "the row is not UTF-8".to_owned() }]
    })?;
    let mut row = job.mapping.read(line, headings, &cells)?;
    let later = |day: NaiveDate| job.as_of.is_some_and(|end| day > end);
    if later(row.invoice.issue_date) {
        return Ok(None);
    }
    row.payment = row.payment.filter(|payment| !later(payment.settled_on));
    Ok(Some(row))
}

/// Writes a chunk in one transaction, then counts and reports.
fn take(
    db: &Db,
    clock: &Clock,
    job: &Job<'_>,
    chunk: &[(u64, Row)],
    counts: &mut Counts,
    report: &mut impl FnMut(&CellProblem) -> Result<()>,
) -> Result<()> {
    if job.dry_run || chunk.is_empty() {
        return Ok(());
    }
    let rows: Vec<&Row> = chunk.iter().map(|(_, row)| row).collect();
    let (done, refused) = super::run_now(db, clock, job.tenant, job.actor, |act| record(act, &rows, *counts))?;
    *counts = done;
    for (n, error) in refused {
        let Some((line, row)) = chunk.get(n) else { continue };
        counts.refused = counts.refused.saturating_add(1);
        for (column, problem) in sentences(error) {
            report(&CellProblem { row: *line, column, value: row.invoice.number.clone(), problem })?;
        }
    }
    Ok(())
}

/// Why a row was refused: field and sentence.
fn sentences(error: Error) -> Vec<(String, String)> {
    match error {
        Error::Invalid(faults) | Error::Malformed(faults) => faults.0.into_iter().map(|fault| (fault.pointer, fault.detail)).collect(),
        other => vec![(String::new(), other.to_string())],
    }
}

/// Refused rows, by their place in the chunk.
type Refused = Vec<(usize, Error)>;

/// Customers first, then their invoices, then what was paid.
fn record(act: &mut Act<'_>, rows: &[&Row], mut counts: Counts) -> Result<(Counts, Refused)> {
    let mut refused = Refused::new();
    let mut seen = HashSet::new();
    let customers: Vec<NewCustomer> = rows.iter().map(|row| &row.customer).filter(|one| seen.insert(one.key())).cloned().collect();
    for put in super::customers::put(act, &customers, IfKnown::Update)?.into_iter().flatten() {
        counts.customers.note(put.outcome);
    }
    // A customer that was refused is absent, and its invoices say so.
    let invoices: Vec<NewInvoice> = rows.iter().map(|row| row.invoice.clone()).collect();
    let mut payments = Vec::new();
    for (n, outcome) in super::invoices::put(act, &invoices, IfKnown::Update)?.into_iter().enumerate() {
        match outcome {
            Ok(put) => {
                counts.invoices.note(put.outcome);
                payments.extend(rows.get(n).and_then(|row| row.payment.clone()).map(|payment| (n, settling(payment, &put.row))));
            }
            Err(error) => refused.push((n, error)),
        }
    }
    let outcomes = one_by_one(&payments, |(_, payment)| super::settlements::record(act, payment))?;
    for ((n, _), outcome) in payments.iter().zip(outcomes) {
        match outcome {
            Ok(put) => counts.payments.note(put.outcome),
            Err(error) => refused.push((*n, error)),
        }
    }
    Ok((counts, refused))
}

/// The payment, settling its invoice; what is more than the invoice stays unallocated.
fn settling(payment: NewSettlement, invoice: &Invoice) -> NewSettlement {
    let wanted =
        Wanted { invoice_id: Some(invoice.id), instalment_id: None, charge_id: None, amount: payment.amount.min(invoice.total_minor) };
    NewSettlement { allocations: NewAllocations { allocations: Some(vec![wanted]), allocate: None }, ..payment }
}
