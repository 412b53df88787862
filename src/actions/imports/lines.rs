//! Files of JSON, one object a line: read from a byte on, recorded a thousand lines at a time.

use std::io::{BufRead, BufReader, Read};

use chrono::NaiveDate;

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
        import::{
            job::{ImportProblem, RowOutcome},
            lines::{Thing, read},
        },
        ledger::invoice::NewInvoice,
    },
    error::{Error, Result},
    store::{Conn, files::File, imports::Import},
};

/// The longest line, in bytes: as long as any request's body.
const LONGEST_LINE: usize = 2 << 20;

/// A line, and what it says or what is wrong with it.
#[derive(Debug)]
pub(super) struct Line {
    line: i64,
    reference: String,
    thing: Result<Thing, Vec<ImportProblem>>,
}

/// The lines at the mark; empty ones are none.
pub(super) fn slice(conn: &mut Conn, file: &File, import: Import) -> Result<Slice> {
    let pieces = Pieces::from(conn, import.tenant_id, import.file_id, import.place)?;
    let mut reader = BufReader::new(pieces);
    let (mut lines, mut end) = (Vec::with_capacity(CHUNK), (import.place, import.line));
    while lines.len() < CHUNK && end.0.saturating_sub(import.place) < LONGEST_SLICE {
        let mut text = Vec::new();
        let limit = u64::try_from(LONGEST_LINE).map_err(Error::internal)?;
        reader.by_ref().take(limit).read_until(b'\n', &mut text).map_err(Error::internal)?;
        if text.is_empty() {
            break;
        }
        if text.len() >= LONGEST_LINE && text.last() != Some(&b'\n') {
            let detail = format!("line {} has more than {LONGEST_LINE} bytes: is each object on a line of its own?", end.1);
            return Ok(Slice { next: end, found: Found::Nothing(vec![ImportProblem::row(detail)]), last: true, import });
        }
        let number = end.1;
        end = (end.0.saturating_add(i64::try_from(text.len()).map_err(Error::internal)?), number.saturating_add(1));
        let text = text.strip_prefix(b"\xef\xbb\xbf").filter(|_| number == 1).unwrap_or(&text).trim_ascii();
        if !text.is_empty() {
            let (reference, thing) = read(text, import.kind, &import.source);
            lines.push(Line { line: number, reference, thing: thing.map_err(ImportProblem::of) });
        }
    }
    let last = end.0 >= file.size;
    Ok(Slice { next: end, found: Found::Lines(lines), last, import })
}

/// Records what the lines say, in their order.
pub(super) fn record(act: &mut Act<'_>, lines: &[Line], as_of: Option<NaiveDate>) -> Result<Vec<Done>> {
    let mut done: Vec<Done> = Vec::with_capacity(lines.len());
    let (mut customers, mut invoices, mut payments) = (Vec::new(), Vec::new(), Vec::new());
    for (n, line) in lines.iter().enumerate() {
        let row = Done::new(line.line, &line.reference, RowOutcome::Unchanged);
        done.push(match &line.thing {
            Err(problems) => Done { outcome: RowOutcome::Refused, problems: problems.clone(), ..row },
            Ok(thing) if thing.since().is_some_and(|day| as_of.is_some_and(|end| day > end)) => {
                Done::skipped(line.line, &line.reference, "later than the day asked for")
            }
            Ok(thing) => {
                match thing {
                    Thing::Customer(customer) => customers.push((n, customer.as_ref().clone())),
                    Thing::Invoice(invoice) => invoices.push((n, invoice.as_ref().clone())),
                    Thing::Payment(payment) => payments.push((n, payment.as_ref())),
                }
                row
            }
        });
    }
    let (places, news): (Vec<usize>, Vec<_>) = customers.into_iter().unzip();
    for (n, outcome) in places.into_iter().zip(crate::actions::customers::put(act, &news, IfKnown::Update)?) {
        note(&mut done, n, outcome.map(|put| (put.outcome, put.row.id.to_string())));
    }
    let (places, news): (Vec<usize>, Vec<NewInvoice>) = invoices.into_iter().unzip();
    for (n, outcome) in places.into_iter().zip(crate::actions::invoices::put(act, &news, IfKnown::Update)?) {
        note(&mut done, n, outcome.map(|put| (put.outcome, put.row.id.to_string())));
    }
    let outcomes = one_by_one(&payments, |(_, payment)| crate::actions::settlements::record(act, payment))?;
    for ((n, _), outcome) in payments.iter().zip(outcomes) {
        note(&mut done, *n, outcome.map(|put| (put.outcome, put.row.public_id())));
    }
    Ok(done)
}

fn note(done: &mut [Done], n: usize, outcome: Result<(Outcome, String)>) {
    let Some(one) = done.get_mut(n) else { return };
    let own = outcome.as_ref().ok().map(|(outcome, _)| RowOutcome::from(*outcome));
    one.and("", outcome);
    one.outcome = own.unwrap_or(one.outcome);
}
