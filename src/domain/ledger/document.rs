//! Documents beside an invoice or a customer: where they live, what they are, and whether the bytes say the same.

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{
    ids::{CustomerId, InvoiceId},
    invalid::Faults,
};

/// The largest document, in bytes.
pub const MAX_BYTES: usize = 1_500_000;

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
        match self {
            Self::Pdf => bytes.starts_with(b"%PDF-"),
            Self::Png => bytes.starts_with(b"\x89PNG\r\n\x1a\n"),
            Self::Jpeg => bytes.starts_with(b"\xff\xd8\xff"),
            Self::Text | Self::Csv => {
                std::str::from_utf8(bytes).is_ok_and(|text| !text.chars().any(|one| one.is_control() && !matches!(one, '\n' | '\r' | '\t')))
            }
        }
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

/// A document to keep, with its bytes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "delivery-slip.txt", "media_type": "text/plain", "content_base64": "MTIgY2hhaXJzIHJlY2VpdmVkCg==",
    "invoice_id": "inv_01jd3kq8e5fvv8m3s9tqz4x7ya"}))]
pub struct NewDocument {
    /// A file name.
    #[schema(min_length = 1, max_length = 140)]
    pub name: String,
    /// What it is; the bytes must agree.
    pub media_type: MediaType,
    /// The bytes in base64 (RFC 4648, padded): at most 1,500,000 of them.
    #[schema(min_length = 4, max_length = 2_000_000)]
    pub content_base64: String,
    /// The invoice that it belongs to.
    #[serde(default)]
    pub invoice_id: Option<InvoiceId>,
    /// The customer that it belongs to.
    #[serde(default)]
    pub customer_id: Option<CustomerId>,
}

impl NewDocument {
    /// The bytes.
    ///
    /// # Errors
    /// Every broken rule: encoding, size, type, no owner.
    pub fn content(&self) -> Result<Vec<u8>, Faults> {
        let mut faults = Faults::none();
        if self.invoice_id.is_none() && self.customer_id.is_none() {
            faults.add("/invoice_id", "required", "give invoice_id, customer_id or both");
        }
        if self.name.chars().any(|one| one.is_control() || matches!(one, '/' | '\\')) {
            faults.add("/name", "wrong_format", "a file name, without folders or control characters");
        }
        let bytes = BASE64.decode(self.content_base64.as_bytes()).unwrap_or_else(|_| {
            faults.add("/content_base64", "wrong_format", "not base64 (RFC 4648, with padding, without line breaks)");
            Vec::new()
        });
        if bytes.len() > MAX_BYTES {
            faults.add("/content_base64", "too_long", format!("at most {MAX_BYTES} bytes"));
        }
        if !bytes.is_empty() && !self.media_type.fits(&bytes) {
            faults.add("/media_type", "wrong_type", format!("the bytes are not {}", self.media_type));
        }
        faults.or(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_must_be_what_they_are_said_to_be() {
        assert!(MediaType::Pdf.fits(b"%PDF-1.7 ...") && !MediaType::Pdf.fits(b"<html>"));
        assert!(MediaType::Csv.fits("a;é\r\n".as_bytes()) && !MediaType::Csv.fits(b"a\0b") && !MediaType::Text.fits(b"\xff\xfe"));
    }
}
