//! The files attached to a PDF (ISO 32000-1, 7.11.4), and nothing else of it.
//!
//! A PDF's own index may be missing, patched or wrong, and following it is most of what makes a reader of PDFs large. This one passes over the file once
//! from its beginning, notes each object, lets a later one of the same number take the place of an earlier one, as an update does, and
//! reads the file specifications among them. Not here: pages, encryption, filters other than Flate. Invariants: time is linear in the file;
//! all that is inflated together is at most [`MAX_INFLATED`].

mod object;
mod scan;

use super::text::bounded;
use crate::domain::invalid::Faults;
use object::Value;
use scan::{File, Specification};

/// How much all streams that are looked into may inflate to, together.
pub(super) const MAX_INFLATED: usize = 10_000_000;
/// How many attachments a file may have.
const MAX_ATTACHMENTS: usize = 50;

/// A file inside the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Attachment {
    /// Its name.
    pub(super) name: String,
    /// Its bytes, inflated.
    pub(super) content: Vec<u8>,
}

/// Whether the bytes say that they are a PDF: within the first kilobyte, as readers allow.
pub(super) fn is_pdf(bytes: &[u8]) -> bool {
    let head = bytes.get(..bytes.len().min(1024)).unwrap_or_default();
    head.windows(5).any(|five| five == b"%PDF-")
}

/// The attachments, in the order in which they stand.
///
/// # Errors
/// A fault for a file that is too large, damaged, encrypted or inflates to too much.
pub(super) fn attachments(bytes: &[u8]) -> Result<Vec<Attachment>, Faults> {
    let mut file = File::read(bounded(bytes)?)?;
    let specifications = file.specifications();
    if specifications.len() > MAX_ATTACHMENTS {
        return Err(wrong("too_much", format!("more than {MAX_ATTACHMENTS} attachments")));
    }
    let mut found = Vec::new();
    for (name, stream) in specifications {
        if let Some(content) = file.content(stream)? {
            found.push(Attachment { name: name.unwrap_or_default(), content });
        }
    }
    Ok(found)
}

fn wrong(code: &'static str, detail: impl Into<String>) -> Faults {
    Faults::one("", code, format!("the PDF cannot be read: {}", detail.into()))
}

/// The name and the stream of a file specification, if the value is one: `UF` is the name in Unicode, `F` the older one.
fn specification(value: &Value) -> Option<Specification> {
    let embedded = value.get("EF")?;
    let stream = [embedded.get("UF"), embedded.get("F")].into_iter().flatten().find_map(Value::reference)?;
    let name = [value.get("UF"), value.get("F")].into_iter().flatten().find_map(Value::text);
    Some((name, stream))
}

#[cfg(test)]
pub(super) mod tests;
