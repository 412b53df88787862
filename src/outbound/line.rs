//! Text that stays on one line: what may stand in a header.
//!
//! Invariant: a [`Line`] holds no control character and no line or paragraph separator, so that no header can be ended,
//! added or forged from a template, a name or a subject. It is refused here because the mail builder panics on a line
//! break in a display name.

use std::{borrow::Cow, fmt, str::FromStr};

/// The longest line, in characters.
pub const MAX_CHARS: usize = 998;

/// One line of text, up to [`MAX_CHARS`] characters.
#[derive(Clone, PartialEq, Eq)]
pub struct Line(String);

impl Line {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Line {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let breaks = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
        if text.chars().any(breaks) {
            return Err("line breaks and control characters cannot stand here".to_owned());
        }
        if text.chars().count() > MAX_CHARS {
            return Err(format!("longer than {MAX_CHARS} characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
/// Names and links of debtors never reach logs.
impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line(…)")
    }
}
impl serde::Serialize for Line {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}
impl<'de> serde::Deserialize<'de> for Line {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_or_nothing() {
        for fine in ["", "Société Générale", "facture n° 12 — rappel", "😀"] {
            assert!(fine.parse::<Line>().is_ok(), "{fine:?}");
        }
        for wrong in ["a\r\nBcc: b@example.com", "a\nb", "a\rb", "a\0b", "a\tb", "a\u{85}b", "a\u{2028}b", "a\u{7f}"] {
            assert!(wrong.parse::<Line>().is_err(), "{wrong:?}");
        }
        assert!("x".repeat(MAX_CHARS + 1).parse::<Line>().is_err());
    }
}
