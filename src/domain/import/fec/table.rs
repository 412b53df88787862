//! The table of a FEC: which character divides its cells, which columns it has, and its rows.
//!
//! The law says a tab or `|` and no quotes; programs also write `;` and `,`, then with quotes around cells. Column names are compared without case.

use csv::{Reader, ReaderBuilder, StringRecord};

use crate::domain::{
    import::fields::{Fields, short},
    invalid::Faults,
};

/// The columns that are needed. Amounts come in one of two pairs.
const NEEDED: [&str; 7] = ["JournalCode", "EcritureNum", "EcritureDate", "CompteNum", "PieceRef", "PieceDate", "EcritureLib"];
const AMOUNTS: [[&str; 2]; 2] = [["Debit", "Credit"], ["Montant", "Sens"]];
/// The columns that are read if they are there.
const READ: [&str; 6] = ["CompteLib", "CompAuxNum", "CompAuxLib", "EcritureLet", "Montantdevise", "Idevise"];
/// How many columns are looked at. The law has 18, and some add their own.
const MAX_COLUMNS: usize = 60;

/// A file being read.
pub(super) struct Table<'a> {
    reader: Reader<&'a [u8]>,
    columns: Vec<(&'static str, usize)>,
    /// How many cells a row must have.
    needed: usize,
}

/// A row.
pub(super) struct Row<'a> {
    /// Its line in the file, from 1.
    pub(super) line: u64,
    columns: &'a [(&'static str, usize)],
    cells: StringRecord,
}

impl Row<'_> {
    /// Whether the file has the column.
    pub(super) fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|(name, _)| *name == column)
    }

    /// The cell in that column, without spaces around it; empty if there is none.
    pub(super) fn text(&self, column: &str) -> &str {
        let place = self.columns.iter().find(|(name, _)| *name == column).map(|(_, place)| *place);
        place.and_then(|place| self.cells.get(place)).unwrap_or_default().trim()
    }
}

impl<'a> Table<'a> {
    /// The table of `text`.
    ///
    /// # Errors
    /// Each column that is missing.
    pub(super) fn of(text: &'a str) -> Result<Self, Faults> {
        let first = text.lines().next().unwrap_or_default();
        let count = |delimiter: &char| first.matches(*delimiter).count();
        let delimiter = ['\t', '|', ';', ','].into_iter().rev().max_by_key(count).unwrap_or('\t');
        let quoting = matches!(delimiter, ';' | ',');
        let byte = u8::try_from(delimiter).unwrap_or(b'\t');
        let mut reader =
            ReaderBuilder::new().delimiter(byte).quoting(quoting).flexible(true).has_headers(false).from_reader(text.as_bytes());
        let mut headings = StringRecord::new();
        let any = reader.read_record(&mut headings).unwrap_or(false);
        let place = |name: &str| headings.iter().take(MAX_COLUMNS).position(|heading| heading.trim().eq_ignore_ascii_case(name));
        let mut faults = Faults::none();
        let mut columns: Vec<(&'static str, usize)> = Vec::new();
        let amounts = AMOUNTS.into_iter().find(|pair| pair.iter().all(|name| place(name).is_some()));
        for name in NEEDED.into_iter().chain(amounts.unwrap_or(["Debit", "Credit"])) {
            match place(name) {
                Some(place) => columns.push((name, place)),
                None => {
                    faults.add(format!("/line/1/{name}"), "required", "no such column: a FEC has 18, named in its first line".to_owned())
                }
            }
        }
        // The last columns are often left out where they are empty.
        let needed = columns.iter().map(|(_, place)| place.saturating_add(1)).max().unwrap_or(0);
        columns.extend(READ.into_iter().filter_map(|name| Some((name, place(name)?))));
        if !any || faults.0.len() > NEEDED.len() {
            let detail = format!("no FEC: its first line names columns from JournalCode to Idevise, and here is {:?}", short(first));
            return Err(Faults::one("/line/1", "wrong_type", detail));
        }
        faults.or(Self { reader, columns, needed })
    }

    /// The next row that is as wide as the columns need; a narrower one is a fault.
    pub(super) fn next(&mut self, fields: &mut Fields) -> Option<Row<'_>> {
        let mut cells = StringRecord::new();
        loop {
            match self.reader.read_record(&mut cells) {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    fields.wrong("/line", "wrong_format", format!("{error}"));
                    return None;
                }
            }
            let line = cells.position().map_or(0, csv::Position::line);
            let needed = self.needed;
            if cells.len() >= needed {
                return Some(Row { line, columns: &self.columns, cells });
            }
            if cells.iter().any(|cell| !cell.trim().is_empty()) {
                fields.wrong(&format!("/line/{line}"), "wrong_format", format!("{} cells, where {needed} are needed", cells.len()));
            }
        }
    }
}
