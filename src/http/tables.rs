//! Tables that leave: CSV (RFC 4180) in which no cell is a formula, sent as it is read.
//!
//! A spreadsheet runs what begins with `=`, `+`, `-`, `@`, a tab or a carriage return, in their full-width forms too. Such a cell gets an apostrophe in front, as does one that has
//! one already, so that the mark can be taken off again and nothing is lost. Numbers stay numbers.

use std::fmt::Display;

use actix_web::web::Bytes;
use csv::WriterBuilder;
use futures_util::{Stream, StreamExt};

use super::Call;
use crate::error::{Error, Result};

/// Whether the caller wants a table: the first of the two media types that `Accept` names.
pub fn is_wanted<B, Q>(call: &Call<B, Q>) -> bool {
    let accept = call.header("accept").unwrap_or_default().to_ascii_lowercase();
    let place = |name: &str| accept.find(name);
    match (place("text/csv"), place("application/json")) {
        (Some(table), Some(json)) => table < json,
        (table, _) => table.is_some(),
    }
}

/// Lines of cells as CSV.
///
/// # Errors
/// When the writer fails, which it does not in memory.
pub fn lines(rows: &[Vec<String>]) -> Result<Bytes> {
    let mut writer = WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row.iter().map(|cell| safe(cell))).map_err(Error::internal)?;
    }
    writer.into_inner().map(Bytes::from).map_err(Error::internal)
}

/// The cell, marked if a program would run it.
fn safe(cell: &str) -> String {
    let begins = |one: char| matches!(one, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '\'' | '＝' | '＋' | '－' | '＠');
    let number = cell.strip_prefix('-').unwrap_or(cell);
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if cell.starts_with(begins) && !is_number { format!("'{cell}") } else { cell.to_owned() }
}

/// A stream that says in the log why it broke off, and to the caller no more than that it did.
pub fn unbroken<T, E: Display>(
    pieces: impl Stream<Item = std::result::Result<T, E>>,
) -> impl Stream<Item = std::result::Result<T, Broken>> {
    pieces.map(|piece| {
        piece.map_err(|error| {
            tracing::error!(%error, "a stream broke off");
            Broken
        })
    })
}

/// Why a stream broke off; the log of the process says more.
#[derive(Debug, thiserror::Error)]
#[error("the stream broke off")]
pub struct Broken;

#[cfg(test)]
mod tests {
    use super::safe;

    #[test]
    fn no_cell_is_a_formula_and_the_mark_comes_off_again() {
        for (cell, expected) in [
            ("=1+1", "'=1+1"),
            ("+33612345678", "'+33612345678"),
            ("-3", "-3"),
            ("-3+cmd|' /C calc'!A0", "'-3+cmd|' /C calc'!A0"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("＝1", "'＝1"),
            ("'quoted", "''quoted"),
            ("-", "'-"),
            ("Garage = Dupont", "Garage = Dupont"),
            ("", ""),
        ] {
            assert_eq!(safe(cell), expected);
            let marked = safe(cell);
            let back = if marked == cell { cell } else { marked.strip_prefix('\'').unwrap() };
            assert_eq!(back, cell);
            assert_eq!(marked.starts_with('\''), marked != cell, "a mark is a mark: {cell}");
        }
    }
}
