//! What a file is, by how it begins.

use super::{job::ImportFormat, pdf, text::decoded};
use crate::domain::invalid::Faults;

/// How much of a file is looked at for what it is.
const LOOKED_AT: usize = 16_384;

/// What a file is. Whatever is nothing else is taken for a table.
///
/// # Errors
/// A file that is empty, or none of those that are read.
pub fn format(beginning: &[u8]) -> Result<ImportFormat, Faults> {
    let head = beginning.get(..beginning.len().min(LOOKED_AT)).unwrap_or_default();
    if head.iter().all(u8::is_ascii_whitespace) {
        return Err(Faults::one("", "required", "the file is empty"));
    }
    if pdf::is_pdf(head) {
        return Ok(ImportFormat::InvoicePdf);
    }
    let marked = [b"\xff\xfe".as_slice(), b"\xfe\xff"].iter().any(|mark| head.starts_with(mark));
    let wide =
        if marked { decoded(head.get(..head.len() / 2 * 2).unwrap_or_default(), None).map(|text| text.into_owned()).ok() } else { None };
    let text = wide.unwrap_or_else(|| String::from_utf8_lossy(head).into_owned());
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.starts_with('<') {
        // The root's name, whatever its prefix, or the namespace that it declares.
        let of_a_bank = ["BkToCstmr", "BankToCustomer", "urn:iso:std:iso:20022:tech:xsd:camt."].iter().any(|mark| text.contains(mark));
        return Ok(if of_a_bank { ImportFormat::Camt } else { ImportFormat::InvoiceXml });
    }
    if marked {
        return Err(Faults::one("", "encoding", "a table or JSON in UTF-16 is not read; save it in UTF-8"));
    }
    let begins = |bracket: char, with: [char; 2]| text.strip_prefix(bracket).is_some_and(|rest| rest.trim_start().starts_with(with));
    if begins('{', ['"', '}']) {
        return Ok(ImportFormat::Ndjson);
    }
    if begins('[', ['{', ']']) {
        return Err(Faults::one("", "wrong_type", "a JSON array is not read; write one object a line, with nothing between them"));
    }
    let tag = |name: &str| text.starts_with(name) || text.contains(&format!("\n{name}"));
    if tag(":20:") || tag(":61:") || tag("{1:F01") {
        return Ok(ImportFormat::Mt940);
    }
    let first = text.lines().next().unwrap_or_default().to_ascii_lowercase();
    if first.contains("journalcode") && first.contains("comptenum") {
        return Ok(ImportFormat::Fec);
    }
    if head.contains(&0) {
        return Err(Faults::one(
            "",
            "wrong_type",
            "none of the formats that are read: CSV, NDJSON, UBL, CII, Factur-X, camt.052 to camt.054, MT940, FEC",
        ));
    }
    Ok(ImportFormat::Csv)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_show_what_they_are_by_how_they_begin() {
        for (bytes, expected) in [
            (b"%PDF-1.7\n".as_slice(), Some(ImportFormat::InvoicePdf)),
            (b"\xef\xbb\xbf<?xml version=\"1.0\"?><Invoice xmlns=\"urn:x\"/>", Some(ImportFormat::InvoiceXml)),
            (b"<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.02\">", Some(ImportFormat::Camt)),
            (b"\xff\xfe<\0I\0n\0v\0/\0>\0", Some(ImportFormat::InvoiceXml)),
            (b"\r\n:20:START\r\n:25:1", Some(ImportFormat::Mt940)),
            (b"0000 01ING\n940 00\n:20:X\n", Some(ImportFormat::Mt940)),
            (b"JournalCode\tJournalLib\tEcritureNum\tEcritureDate\tCompteNum\n", Some(ImportFormat::Fec)),
            (b"a;b\n1;2\n", Some(ImportFormat::Csv)),
            (b"\xef\xbb\xbf{\"number\": 1}\n", Some(ImportFormat::Ndjson)),
            (b"\n{ }\n", Some(ImportFormat::Ndjson)),
            (b"{1:F01BANKBEBB0000000000}{2:I940}{4:\n:20:X\n", Some(ImportFormat::Mt940)),
            (b"{a};{b}\n1;2\n", Some(ImportFormat::Csv)),
            (b"[\n{\"number\": 1}]", None),
            (b"\xff\xfe{\0\"\0", None),
            (b"PK\x03\x04\0\0", None),
            (b" \n", None),
            (b"", None),
            (b"\xff\xfea\0;\0", None),
        ] {
            assert_eq!(format(bytes).ok(), expected, "{bytes:?}");
        }
    }
}
