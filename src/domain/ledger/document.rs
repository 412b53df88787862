//! Documents beside an invoice or a customer: where they live, what they are, and whether the bytes say the same.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{
    ids::{CustomerId, InvoiceId},
    invalid::Faults,
};

/// The largest document that is uploaded, in bytes.
pub const MAX_BYTES: u64 = 25_000_000;

crate::words! {
    /// What a document is (IANA media type).
    pub enum MediaType {
        /// PDF.
        Pdf = "application/pdf",
        /// A picture.
        Png = "image/png",
        /// A photograph.
        Jpeg = "image/jpeg",
        /// Plain text in UTF-8.
        Text = "text/plain",
        /// Comma-separated values in UTF-8.
        Csv = "text/csv",
    }
}

impl MediaType {
    /// How its file names end.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Text => "txt",
            Self::Csv => "csv",
        }
    }

    /// Whether `bytes` begin, or for texts are throughout, as this type must be.
    pub fn fits(self, bytes: &[u8]) -> bool {
        Inspection::of(self).passes(bytes, true)
    }
}

/// A document that lives elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "F-2026-118.pdf", "url": "https://files.example/F-2026-118.pdf", "media_type": "application/pdf"}))]
pub struct DocumentLink {
    /// A file name.
    #[schema(min_length = 1, max_length = 140)]
    pub name: String,
    /// Where it is.
    #[schema(max_length = 500, pattern = "^https://[^ ]+$")]
    pub url: String,
    /// What it is.
    pub media_type: MediaType,
}

/// A document to keep; its bytes come by themselves.
#[derive(Debug, Clone)]
pub struct NewDocument {
    /// A file name.
    pub name: String,
    /// What it is said to be.
    pub media_type: MediaType,
    /// The invoice that it belongs to.
    pub invoice_id: Option<InvoiceId>,
    /// The customer that it belongs to.
    pub customer_id: Option<CustomerId>,
}

impl NewDocument {
    /// Whether it has an owner, and a name that is one.
    ///
    /// # Errors
    /// Both faults, where they stand in the query.
    pub fn check(&self) -> Result<(), Faults> {
        let mut faults = Faults::none();
        if self.invoice_id.is_none() && self.customer_id.is_none() {
            faults.add("?invoice_id", "required", "give invoice_id, customer_id or both");
        }
        if self.name.chars().any(|one| one.is_control() || matches!(one, '/' | '\\')) {
            faults.add("?name", "wrong_format", "a file name, without folders or control characters");
        }
        faults.or(())
    }
}

/// Looks at bytes as they come: are they what they are said to be?
#[derive(Debug)]
pub struct Inspection {
    media_type: MediaType,
    begun: bool,
    /// The beginning of a letter whose end is still to come.
    rest: Vec<u8>,
}

impl Inspection {
    /// Nothing was seen yet.
    pub const fn of(media_type: MediaType) -> Self {
        Self { media_type, begun: false, rest: Vec::new() }
    }

    /// Whether all is well so far. The first piece is long enough to tell a type by.
    pub fn passes(&mut self, piece: &[u8], last: bool) -> bool {
        let first = !std::mem::replace(&mut self.begun, true);
        match self.media_type {
            MediaType::Pdf => !first || piece.starts_with(b"%PDF-"),
            MediaType::Png => !first || piece.starts_with(b"\x89PNG\r\n\x1a\n"),
            MediaType::Jpeg => !first || piece.starts_with(b"\xff\xd8\xff"),
            MediaType::Text | MediaType::Csv => self.is_text(piece, last),
        }
    }

    fn is_text(&mut self, piece: &[u8], last: bool) -> bool {
        let bytes = [std::mem::take(&mut self.rest).as_slice(), piece].concat();
        let (text, rest) = match std::str::from_utf8(&bytes) {
            Ok(text) => (text, [].as_slice()),
            Err(cut) if cut.error_len().is_none() && !last => {
                let (whole, rest) = bytes.split_at_checked(cut.valid_up_to()).unwrap_or_default();
                (std::str::from_utf8(whole).unwrap_or_default(), rest)
            }
            Err(_) => return false,
        };
        self.rest = rest.to_vec();
        !text.chars().any(|one| one.is_control() && !matches!(one, '\n' | '\r' | '\t'))
    }
}

/// A link to be made to a document.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"expires_in": 900}))]
pub struct NewDownloadLink {
    /// For how many seconds it holds: from a minute to seven days.
    #[serde(default = "a_quarter_of_an_hour")]
    #[schema(minimum = 60, maximum = 604_800, default = 900)]
    pub expires_in: u32,
}

const fn a_quarter_of_an_hour() -> u32 {
    900
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_must_be_what_they_are_said_to_be() {
        assert!(MediaType::Pdf.fits(b"%PDF-1.7 ...") && !MediaType::Pdf.fits(b"<html>") && !MediaType::Pdf.fits(b""));
        assert!(MediaType::Csv.fits("a;é\r\n".as_bytes()) && !MediaType::Csv.fits(b"a\0b") && !MediaType::Text.fits(b"\xff\xfe"));
    }

    /// Wherever a text is cut, it is judged as it is whole.
    #[test]
    fn a_letter_may_be_cut_by_the_pieces() {
        for (bytes, good) in [("a;é€😀\r\n".as_bytes(), true), (b"ab\xe2\x82", false), (b"a\xc3(", false), ("é\u{1}é".as_bytes(), false)]
        {
            for cut in 0..=bytes.len() {
                let (before, after) = bytes.split_at(cut);
                let mut inspection = Inspection::of(MediaType::Text);
                assert_eq!(inspection.passes(before, false) && inspection.passes(after, true), good, "{bytes:?} at {cut}");
            }
        }
    }
}
