//! Other systems' files as customers, invoices and payments. Pure: bytes or a row of cells in, values or faults out.
//!
//! Whatever a stranger writes is bounded before it is read: [`MAX_BYTES`] of a file, depth, elements and attributes of XML, what a PDF
//! inflates to. Nothing here expands an entity, follows a path or asks a network.

mod amount;
pub mod bank_file;
pub mod csv;
pub mod e_invoice;
pub mod fec;
mod fields;
#[cfg(test)]
mod fuzz;
pub mod incoming;
pub mod invoice_file;
pub mod job;
pub mod lines;
pub mod matching;
pub mod opening;
mod pdf;
pub mod references;
pub mod sniff;
mod text;
mod xml;

pub(super) use amount::decimal;
pub use text::MAX_BYTES;

use super::tenant::iban_is_valid;

/// Whether a text is an IBAN: two letters, check digits that agree, and as long as any country's is (ISO 13616).
pub(super) fn is_iban(text: &str) -> bool {
    let letters = |from: usize, to: usize, of: fn(&u8) -> bool| text.as_bytes().get(from..to).is_some_and(|bytes| bytes.iter().all(of));
    let shaped =
        letters(0, 2, u8::is_ascii_uppercase) && letters(2, 4, u8::is_ascii_digit) && letters(4, text.len(), u8::is_ascii_alphanumeric);
    shaped && (15..=34).contains(&text.len()) && iban_is_valid(text)
}
