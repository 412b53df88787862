//! Tables: begun by settling how they are written, read from a byte on, recorded a thousand rows at a time.

use std::{collections::HashMap, io::Read};

use chrono::NaiveDate;
use csv::{ByteRecord, ReaderBuilder};

use super::{
    CHUNK, Done, LONGEST_SLICE, Slice,
    reading::{Found, Pieces},
};
use crate::{
    actions::{
        Act,
        put::{IfKnown, Outcome, one_by_one},
    },
    domain::{
        customer::NewCustomer,
        external::ExternalKey,
        ids::CustomerId,
        import::{
            csv::{Mapping, Row, delimiter, settled},
            job::{ImportProblem, RowOutcome},
        },
        invalid::Faults,
        ledger::{
            invoice::NewInvoice,
            settlement::{NewAllocations, NewSettlement, Wanted},
        },
    },
    error::{Error, Result},
    store::{Conn, files::File, imports::Import, invoices::Invoice},
};

/// Rows that are looked at for how a table is written.
const LOOKED_AT: usize = 1_000;

/// A row of a table, or what is wrong with its cells.
#[derive(Debug)]
pub(super) struct Line {
    line: i64,
    /// How people call it, as far as it could be read.
    reference: String,
    row: Result<Row, Vec<ImportProblem>>,
}

/// How a table begins.
#[derive(Debug)]
pub(super) struct Beginning {
    pub(super) mapping: Mapping,
    pub(super) headings: Vec<String>,
    /// The byte and the line where its first row begins.
    pub(super) place: i64,
    pub(super) line: i64,
}

/// Settles how a table is written, from its first piece.
///
/// # Errors
/// Columns that are missing; what can be read in two ways.
pub(super) fn begin(mapping: &Mapping, beginning: &[u8], goes_on: bool) -> Result<Beginning> {
    let first = beginning.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let chosen = mapping.delimiter.unwrap_or_else(|| delimiter(&text(first)));
    let mapping = Mapping { delimiter: Some(chosen), ..mapping.clone() };
    let mut reader = reader(chosen).from_reader(beginning);
    let mut record = ByteRecord::new();
    reader.read_byte_record(&mut record).map_err(unreadable)?;
    let headings: Vec<String> = record.iter().map(|cell| text(cell).trim().to_owned()).collect();
    mapping.fits(&headings)?;
    let (place, line) = (reader.position().byte(), reader.position().line());
    let mut rows = Vec::new();
    while rows.len() <= LOOKED_AT && reader.read_byte_record(&mut record).map_err(unreadable)? {
        rows.push(record.iter().map(text).collect::<Vec<String>>());
    }
    if goes_on && rows.len() <= LOOKED_AT {
        // The last one ends where the piece does, and goes on in the next.
        rows.pop();
    }
    let mapping = settled(&mapping, &headings, &rows)?;
    Ok(Beginning { mapping, headings, place: signed(place)?, line: signed(line)? })
}

fn reader(delimiter: char) -> ReaderBuilder {
    let mut builder = ReaderBuilder::new();
    builder.delimiter(u8::try_from(delimiter).unwrap_or(b',')).flexible(true).has_headers(false);
    builder
}

/// A cell as text: UTF-8 where it is, else what older programs write.
fn text(cell: &[u8]) -> String {
    std::str::from_utf8(cell).map_or_else(|_| encoding_rs::WINDOWS_1252.decode_without_bom_handling(cell).0.into_owned(), str::to_owned)
}

fn signed(number: u64) -> Result<i64> {
    i64::try_from(number).map_err(Error::internal)
}

fn unreadable(error: csv::Error) -> Error {
    if error.is_io_error() { Error::internal(error) } else { Faults::one("", "malformed", error.to_string()).into() }
}

/// The rows at the mark.
pub(super) fn slice(conn: &mut Conn, file: &File, import: Import) -> Result<Slice> {
    let settings = &import.settings.0;
    let Some(mapping) = &settings.mapping else { return Err(Error::internal("a table without a mapping")) };
    let left = u64::try_from(file.size.saturating_sub(import.place)).unwrap_or(0);
    let longest = u64::try_from(LONGEST_SLICE).map_err(Error::internal)?;
    let pieces = Pieces::from(conn, import.tenant_id, import.file_id, import.place)?;
    // Where lines end in two characters, a row ends with the first of them, and the next one's line begins behind the second.
    let behind = i64::from(pieces.first() == Some(b'\n'));
    let mut reader = reader(mapping.delimiter.unwrap_or(',')).from_reader(pieces.take(longest));
    let (mut lines, mut record) = (Vec::with_capacity(CHUNK), ByteRecord::new());
    let (mut end, mut last) = ((import.place, import.line), false);
    while lines.len() < CHUNK {
        if !reader.read_byte_record(&mut record).map_err(unreadable)? {
            last = true;
            break;
        }
        let position = reader.position();
        if position.byte() >= longest && left > longest {
            // This row is not whole: it is the next slice's first.
            if lines.is_empty() {
                let detail = format!("line {} begins a row of more than {LONGEST_SLICE} bytes: is a quote not closed?", import.line);
                let found = Found::Nothing(vec![ImportProblem::row(detail)]);
                return Ok(Slice { next: end, found, last: true, import });
            }
            break;
        }
        let line =
            import.line.saturating_add(signed(record.position().map_or(1, csv::Position::line))?).saturating_add(behind).saturating_sub(1);
        end =
            (import.place.saturating_add(signed(position.byte())?), import.line.saturating_add(signed(position.line())?).saturating_sub(1));
        let cells: Vec<String> = record.iter().map(text).collect();
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        let row = mapping.read(&settings.headings, &cells);
        let reference = match &row {
            Ok(row) => row.reference().to_owned(),
            Err(_) => mapping.reference(&settings.headings, &cells),
        };
        lines.push(Line { line, reference, row });
    }
    last |= end.0 >= file.size;
    Ok(Slice { next: end, found: Found::Table(lines), last, import })
}

/// Records rows: customers first, then their invoices, then what was paid.
pub(super) fn record(act: &mut Act<'_>, lines: &[Line], as_of: Option<NaiveDate>) -> Result<Vec<Done>> {
    let mut done: Vec<Done> = Vec::with_capacity(lines.len());
    let mut live: Vec<(usize, &Row)> = Vec::with_capacity(lines.len());
    let later = |day: Option<NaiveDate>| day.is_some_and(|day| as_of.is_some_and(|end| day > end));
    for (n, line) in lines.iter().enumerate() {
        done.push(match &line.row {
            Ok(row) if later(row.since()) => Done::skipped(line.line, &line.reference, "later than the day asked for"),
            Ok(row) => {
                live.push((n, row));
                Done::new(line.line, &line.reference, RowOutcome::Unchanged)
            }
            Err(problems) => Done { problems: problems.clone(), ..Done::new(line.line, &line.reference, RowOutcome::Refused) },
        });
    }
    customers(act, &live, &mut done)?;
    invoices(act, &live, &mut done, as_of)?;
    let payments: Vec<(usize, &NewSettlement)> =
        live.iter().filter_map(|(n, row)| if let Row::Payment(payment) = row { Some((*n, payment.as_ref())) } else { None }).collect();
    let outcomes = one_by_one(&payments, |(_, payment)| crate::actions::settlements::record(act, payment))?;
    for ((n, _), outcome) in payments.iter().zip(outcomes) {
        note(&mut done, *n, "", outcome.map(|put| (put.outcome, put.row.public_id())), true);
    }
    Ok(done)
}

/// Notes what became of the row's own thing (`is_it`), or of another that it brought.
fn note<T: std::fmt::Display>(done: &mut [Done], n: usize, prefix: &str, outcome: Result<(Outcome, T)>, is_it: bool) {
    let Some(one) = done.get_mut(n) else { return };
    let own = outcome.as_ref().ok().map(|(outcome, _)| RowOutcome::from(*outcome));
    one.and(prefix, outcome);
    if let Some(own) = own.filter(|own| is_it && *own == RowOutcome::Created && one.outcome != RowOutcome::Refused) {
        one.outcome = own;
    }
}

/// Each customer once, in the row that names it first.
fn customers(act: &mut Act<'_>, live: &[(usize, &Row)], done: &mut [Done]) -> Result<()> {
    let mut seen: HashMap<ExternalKey, NewCustomer> = HashMap::new();
    let mut first = Vec::new();
    for (n, row) in live {
        let customer = match row {
            Row::Invoice(row) => &row.0,
            Row::Customer(customer) => customer.as_ref(),
            Row::Payment(_) => continue,
        };
        let Some(key) = customer.key() else { continue };
        match seen.get(&key) {
            // A table of customers that names one twice says two things of it; in one of invoices that is how it is.
            Some(_) if matches!(row, Row::Customer(_)) => {
                let repeated = Faults::one("/external_id", "repeated", "an earlier row has the same external id");
                note::<CustomerId>(done, *n, "", Err(repeated.into()), true);
            }
            Some(_) => {}
            None => {
                seen.insert(key, customer.clone());
                first.push((*n, customer.clone(), matches!(row, Row::Customer(_))));
            }
        }
    }
    let news: Vec<NewCustomer> = first.iter().map(|(_, customer, _)| customer.clone()).collect();
    for ((n, _, is_it), outcome) in first.iter().zip(crate::actions::customers::put(act, &news, IfKnown::Update)?) {
        note(done, *n, if *is_it { "" } else { "/customer" }, outcome.map(|put| (put.outcome, put.row.id)), *is_it);
    }
    Ok(())
}

/// Invoices whose customers were not refused, and what was paid of them.
fn invoices(act: &mut Act<'_>, live: &[(usize, &Row)], done: &mut [Done], as_of: Option<NaiveDate>) -> Result<()> {
    let rows: Vec<(usize, &NewInvoice, Option<&NewSettlement>)> =
        live.iter().filter_map(|(n, row)| if let Row::Invoice(row) = row { Some((*n, &row.1, row.2.as_ref())) } else { None }).collect();
    let news: Vec<NewInvoice> = rows.iter().map(|(_, invoice, _)| (*invoice).clone()).collect();
    let mut payments = Vec::new();
    for ((n, _, payment), outcome) in rows.iter().zip(crate::actions::invoices::put(act, &news, IfKnown::Update)?) {
        if let Ok(put) = &outcome {
            let payment = payment.filter(|payment| as_of.is_none_or(|end| payment.settled_on <= end));
            payments.extend(payment.map(|payment| (*n, settling(payment, &put.row))));
        }
        note(done, *n, "", outcome.map(|put| (put.outcome, put.row.id)), true);
    }
    let outcomes = one_by_one(&payments, |(_, payment)| crate::actions::settlements::record(act, payment))?;
    for ((n, _), outcome) in payments.iter().zip(outcomes) {
        note(done, *n, "/payment", outcome.map(|put| (put.outcome, put.row.public_id())), false);
    }
    Ok(())
}

/// The payment, settling its invoice; what is more than the invoice stays unallocated.
fn settling(payment: &NewSettlement, invoice: &Invoice) -> NewSettlement {
    let wanted =
        Wanted { invoice_id: Some(invoice.id), instalment_id: None, charge_id: None, amount: payment.amount.min(invoice.total_minor) };
    NewSettlement { allocations: NewAllocations { allocations: Some(vec![wanted]), allocate: None }, ..payment.clone() }
}
