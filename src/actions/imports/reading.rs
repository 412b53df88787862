//! The next rows of a file, from the mark on. What has lines is read piece by piece; other files are small, and are read whole each time.

use std::io::Read;

use super::{CHUNK, Slice, lines, table};
use crate::{
    domain::{
        customer::NewCustomer,
        ids::{FileId, TenantId},
        import::{
            bank_file, fec,
            incoming::{self, Incoming},
            invoice_file::{self, InvoiceFile},
            job::{ImportFormat, ImportProblem},
            opening::{self, Opening},
        },
        invalid::Faults,
    },
    error::{Error, Result},
    store::{
        Conn,
        files::{self, PIECE},
        imports::Import,
    },
};

/// What stands in a slice.
#[derive(Debug)]
pub(super) enum Found {
    /// Nothing that can be read, and why.
    Nothing(Vec<ImportProblem>),
    /// Rows of a table.
    Table(Vec<table::Line>),
    /// Lines of JSON.
    Lines(Vec<lines::Line>),
    /// An electronic invoice, and the PDF that it came in.
    Invoice(Box<InvoiceFile>, Option<Vec<u8>>),
    /// Lines of bank accounts.
    Bank(Vec<Incoming>),
    /// The customers of these lines, and the lines.
    Fec(Vec<NewCustomer>, Vec<Opening>),
}

/// The slice at the import's mark.
pub(super) fn slice(conn: &mut Conn, tenant: TenantId, import: Import) -> Result<Slice> {
    if import.format.is_of_lines() {
        let file = files::find(conn, tenant, import.file_id)?;
        return if import.format == ImportFormat::Csv { table::slice(conn, &file, import) } else { lines::slice(conn, &file, import) };
    }
    let bytes = files::whole(conn, tenant, import.file_id)?;
    let found = match import.format {
        ImportFormat::Csv | ImportFormat::Ndjson => Err(Faults::none()),
        ImportFormat::InvoiceXml => invoice_file::read(&bytes).map(|file| (Found::Invoice(Box::new(file), None), 1, 1)),
        ImportFormat::InvoicePdf => invoice_file::read(&bytes).map(|file| (Found::Invoice(Box::new(file), Some(bytes)), 1, 1)),
        ImportFormat::Camt | ImportFormat::Mt940 => bank_file::read(&bytes).map(|file| {
            let (part, end, all) = part(incoming::of(&file), import.place);
            (Found::Bank(part), end, all)
        }),
        ImportFormat::Fec => fec::read(&bytes).map(|fec| {
            let customers = opening::customers(&fec, &import.source, import.settings.customer_kind);
            let (lines, end, all) = part(opening::of(fec), import.place);
            let named = |one: &NewCustomer| lines.iter().any(|line| Some(&line.line.customer) == one.external_id.as_ref());
            (Found::Fec(customers.into_iter().filter(named).collect(), lines), end, all)
        }),
    };
    let (found, end, all) = found.unwrap_or_else(|faults| (Found::Nothing(ImportProblem::of(faults)), 0, 0));
    Ok(Slice { import, found, next: (end, 0), last: end >= all })
}

/// The part of a list at the mark, where it ends, and how long the list is.
fn part<T>(all: Vec<T>, place: i64) -> (Vec<T>, i64, i64) {
    let length = i64::try_from(all.len()).unwrap_or(i64::MAX);
    let part: Vec<T> = all.into_iter().skip(usize::try_from(place).unwrap_or(usize::MAX)).take(CHUNK).collect();
    let end = place.saturating_add(i64::try_from(part.len()).unwrap_or(0));
    (part, end, length)
}

/// A file from some place on, a piece at a time.
pub(super) struct Pieces<'a> {
    conn: &'a mut Conn,
    tenant: TenantId,
    file: FileId,
    next: i32,
    piece: Vec<u8>,
    at: usize,
}

impl<'a> Pieces<'a> {
    /// From the byte at `place`.
    pub(super) fn from(conn: &'a mut Conn, tenant: TenantId, file: FileId, place: i64) -> Result<Self> {
        let place = usize::try_from(place).map_err(Error::internal)?;
        let first = i32::try_from(place / PIECE).map_err(Error::internal)?;
        let piece = files::piece(conn, tenant, file, first)?.unwrap_or_default();
        Ok(Self { conn, tenant, file, next: first.saturating_add(1), piece, at: place % PIECE })
    }

    /// The byte at its place.
    pub(super) fn first(&self) -> Option<u8> {
        self.piece.get(self.at).copied()
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.at >= self.piece.len() {
            let piece = files::piece(self.conn, self.tenant, self.file, self.next).map_err(std::io::Error::other)?;
            let Some(piece) = piece else { return Ok(0) };
            (self.piece, self.at, self.next) = (piece, 0, self.next.saturating_add(1));
        }
        let mut rest = self.piece.get(self.at..).unwrap_or_default();
        let read = rest.read(into)?;
        self.at = self.at.saturating_add(read);
        Ok(read)
    }
}
