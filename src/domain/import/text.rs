//! Bytes of unknown origin as text: which encoding they are in, and what may stand in a value.
//!
//! Invariant: what comes out is never longer than three times what came in, and a value holds no control character.

use std::borrow::Cow;

use encoding_rs::{Encoding, ISO_8859_15, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::domain::invalid::Faults;

/// The largest file, in bytes.
pub const MAX_BYTES: usize = 10_000_000;

/// Refuses what is empty or too large to be looked at.
pub(super) fn bounded(bytes: &[u8]) -> Result<&[u8], Faults> {
    match bytes.len() {
        0 => Err(Faults::one("", "required", "the file is empty")),
        1..=MAX_BYTES => Ok(bytes),
        length => Err(Faults::one("", "too_long", format!("{length} bytes; at most {MAX_BYTES} are read, so split the file"))),
    }
}

/// The text in the encoding that its first bytes, or else `declared`, say; UTF-8 if nobody says. A byte that the encoding does not have is a fault.
pub(super) fn decoded<'a>(bytes: &'a [u8], declared: Option<&str>) -> Result<Cow<'a, str>, Faults> {
    let marked = Encoding::for_bom(bytes);
    let encoding = match (marked, declared) {
        (Some((encoding, _)), _) => encoding,
        (None, None) => UTF_8,
        (None, Some(name)) => named(name)?,
    };
    let rest = bytes.get(marked.map_or(0, |(_, length)| length)..).unwrap_or_default();
    let read = if encoding == UTF_8 {
        std::str::from_utf8(rest).map(Cow::Borrowed).map_err(|error| format!(" at byte {}", error.valid_up_to()))
    } else {
        encoding.decode_without_bom_handling_and_without_replacement(rest).ok_or_else(String::new)
    };
    read.map_err(|place| {
        let detail = format!("the bytes are not {}{place}; save the file in the encoding that it declares", encoding.name());
        Faults::one("", "encoding", detail)
    })
}

/// The encodings that business files are written in. Others exist; none of them is worth the confusion.
fn named(name: &str) -> Result<&'static Encoding, Faults> {
    let encoding = Encoding::for_label(name.as_bytes());
    let known = [UTF_8, UTF_16LE, UTF_16BE, WINDOWS_1252, ISO_8859_15];
    encoding.filter(|one| known.contains(one)).ok_or_else(|| {
        let name: String = name.chars().take(40).collect();
        Faults::one(
            "",
            "encoding",
            format!("the encoding {name:?} is not read; write UTF-8, UTF-16, ISO-8859-1, ISO-8859-15 or Windows-1252"),
        )
    })
}

/// The text of a file that declares nothing: UTF-8 if the bytes are, else `fallback`, whose every byte means something.
pub(super) fn guessed<'a>(bytes: &'a [u8], fallback: &'static Encoding) -> Cow<'a, str> {
    decoded(bytes, None).unwrap_or_else(|_| fallback.decode_without_bom_handling(bytes).0)
}

/// One line: white space is one space, control characters and characters that only steer others (bidirectional overrides, zero widths) are gone. A soft
/// hyphen is a hyphen: that is what those mean who write it in references.
pub(super) fn line(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for word in text.split(|one: char| one.is_whitespace() || one.is_control()).filter(|word| !word.is_empty()) {
        if !clean.is_empty() && !clean.ends_with(' ') {
            clean.push(' ');
        }
        clean.extend(word.chars().filter(|one| !steers(*one)).map(|one| if one == '\u{ad}' { '-' } else { one }));
    }
    clean.truncate(clean.trim_end().len());
    clean
}

/// Whether a character has no shape and moves or joins others.
const fn steers(one: char) -> bool {
    matches!(one, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Lines, each as [`line()`] makes it, without the empty ones.
pub(super) fn lines(text: &str) -> String {
    text.lines().map(line).filter(|one| !one.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Without white space, in capitals: how account numbers and references are compared.
pub(super) fn compact(text: &str) -> String {
    text.chars().filter(|one| !one.is_whitespace() && !one.is_control()).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_as_they_say() {
        for (bytes, declared, expected) in [
            (b"caf\xc3\xa9".as_slice(), None, Some("café")),
            (b"\xef\xbb\xbfcaf\xc3\xa9", Some("ISO-8859-1"), Some("café")),
            (b"caf\xe9", Some("ISO-8859-1"), Some("café")),
            (b"\x80 5", Some("windows-1252"), Some("€ 5")),
            (b"\xa4 5", Some("ISO-8859-15"), Some("€ 5")),
            (b"\xff\xfea\0", Some("UTF-16"), Some("a")),
            (b"caf\xe9", None, None),
            (b"caf\xe9", Some("utf-8"), None),
            (b"a", Some("shift_jis"), None),
            (b"a", Some("no such"), None),
        ] {
            let read = decoded(bytes, declared);
            assert_eq!(read.as_deref().ok(), expected, "{bytes:?} as {declared:?}: {read:?}");
        }
        let wrong = decoded(b"abc\xe9", None).unwrap_err();
        assert!(wrong.to_string().contains("at byte 3"), "{wrong}");
        assert_eq!(guessed(b"\xa4 5", ISO_8859_15), "€ 5");
    }

    #[test]
    fn values_hold_no_control_characters() {
        assert_eq!(line("  a\r\n\tb\u{0}c\u{85} "), "a b c");
        assert_eq!(line("10\u{ad}06 \u{202e}x\u{200b} \u{feff} y"), "10-06 x y");
        assert_eq!(lines(" a \n\n b\r\n"), "a\nb");
        assert_eq!(compact("be71 0961\u{a0}2345"), "BE7109612345");
    }

    #[test]
    fn size_is_bounded() {
        assert!(bounded(b"").is_err() && bounded(b"a").is_ok());
        assert_eq!(bounded(&vec![b'a'; MAX_BYTES + 1]).unwrap_err().0[0].code, "too_long");
    }
}
