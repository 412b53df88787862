//! The values that PDF objects are made of (ISO 32000-1, 7.3).
//!
//! Invariant: reading one looks at no more than [`MAX_LENGTH`] bytes and goes no deeper than [`MAX_DEPTH`].

use std::collections::BTreeMap;

/// The longest value that is read, in bytes. What is longer is a page's, never an attachment's.
pub(super) const MAX_LENGTH: usize = 65_536;
/// How deep values may stand in one another.
const MAX_DEPTH: usize = 20;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// `<< /Key value >>`
    Dictionary(BTreeMap<String, Value>),
    /// `[ value … ]`
    Array(Vec<Value>),
    /// `/Name`
    Name(String),
    /// `(text)` or `<hex>`
    Text(Vec<u8>),
    /// A whole number.
    Number(u32),
    /// `12 0 R`
    Reference(u32),
    /// A number that is not whole, a boolean, null: nobody asks.
    Other,
}

impl Value {
    /// The entry of a dictionary.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Dictionary(entries) => entries.get(key),
            _ => None,
        }
    }

    /// The name that it is.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            _ => None,
        }
    }

    /// The number that it is.
    pub(super) fn number(&self) -> Option<u32> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The object that it points to.
    pub(super) fn reference(&self) -> Option<u32> {
        match self {
            Self::Reference(number) => Some(*number),
            _ => None,
        }
    }

    /// The text that it is: UTF-16 with its mark, UTF-8 with its mark, else close to Windows-1252.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Text(bytes) => Some(super::super::text::line(&encoding_rs::WINDOWS_1252.decode(bytes).0)),
            _ => None,
        }
    }
}

/// Reads values from bytes.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// From `at` on.
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes: bytes.get(..bytes.len().min(at.saturating_add(MAX_LENGTH))).unwrap_or_default(), at }
    }

    /// Where it stands.
    pub(super) const fn place(&self) -> usize {
        self.at
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at = self.at.saturating_add(1);
        Some(byte)
    }

    fn take(&mut self, text: &[u8]) -> bool {
        let found = self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(text));
        if found {
            self.at = self.at.saturating_add(text.len());
        }
        found
    }

    /// Passes white space and comments.
    pub(super) fn skip(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b'%' => while !matches!(self.next(), None | Some(b'\n' | b'\r')) {},
                b'\0' | b'\t' | b'\n' | b'\x0c' | b'\r' | b' ' => self.at = self.at.saturating_add(1),
                _ => return,
            }
        }
    }

    /// Whether the keyword stands here; if so it is passed.
    pub(super) fn keyword(&mut self, word: &str) -> bool {
        self.skip();
        self.take(word.as_bytes())
    }

    /// The value that stands here.
    pub(super) fn value(&mut self) -> Option<Value> {
        self.nested(MAX_DEPTH)
    }

    fn nested(&mut self, deeper: usize) -> Option<Value> {
        let deeper = deeper.checked_sub(1)?;
        self.skip();
        match self.peek()? {
            b'<' if self.take(b"<<") => {
                let mut entries = BTreeMap::new();
                while !self.keyword(">>") {
                    let Value::Name(key) = self.nested(deeper)? else { return None };
                    let value = self.nested(deeper)?;
                    entries.insert(key, value);
                }
                Some(Value::Dictionary(entries))
            }
            b'[' => {
                self.next();
                let mut values = Vec::new();
                while !self.keyword("]") {
                    values.push(self.nested(deeper)?);
                }
                Some(Value::Array(values))
            }
            b'/' => {
                self.next();
                self.name()
            }
            b'(' => {
                self.next();
                self.literal()
            }
            b'<' => {
                self.next();
                self.hexadecimal()
            }
            _ => self.word(),
        }
    }

    /// Bytes up to white space or a delimiter.
    fn regular(&mut self) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let ends = |byte: &u8| matches!(byte, 0 | 9 | 10 | 12 | 13 | 32) || b"()<>[]{}/%".contains(byte);
        let word = rest.get(..rest.iter().position(ends).unwrap_or(rest.len())).unwrap_or_default();
        self.at = self.at.saturating_add(word.len());
        word
    }

    fn name(&mut self) -> Option<Value> {
        let raw = self.regular();
        let mut name = Vec::with_capacity(raw.len());
        let mut bytes = raw.iter();
        while let Some(byte) = bytes.next() {
            match byte {
                b'#' => name.push(digit(*bytes.next()?)?.checked_mul(16)?.checked_add(digit(*bytes.next()?)?)?),
                _ => name.push(*byte),
            }
        }
        Some(Value::Name(String::from_utf8_lossy(&name).into_owned()))
    }

    fn literal(&mut self) -> Option<Value> {
        let (mut text, mut open) = (Vec::new(), 0_usize);
        loop {
            match self.next()? {
                b'(' => {
                    open = open.saturating_add(1);
                    text.push(b'(');
                }
                b')' => match open.checked_sub(1) {
                    None => return Some(Value::Text(text)),
                    Some(less) => {
                        open = less;
                        text.push(b')');
                    }
                },
                b'\\' => self.escape(&mut text)?,
                byte => text.push(byte),
            }
        }
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Option<()> {
        match self.next()? {
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'b' | b'f' | b'\n' => {}
            b'\r' => {
                self.take(b"\n");
            }
            first @ b'0'..=b'7' => {
                let mut code = u16::from(first.saturating_sub(b'0'));
                for _ in 0..2 {
                    let Some(more @ b'0'..=b'7') = self.peek() else { break };
                    code = code.saturating_mul(8).saturating_add(u16::from(more.saturating_sub(b'0')));
                    self.next();
                }
                text.push(u8::try_from(code & 0xff).unwrap_or_default());
            }
            byte => text.push(byte),
        }
        Some(())
    }

    fn hexadecimal(&mut self) -> Option<Value> {
        let mut digits = Vec::new();
        loop {
            match self.next()? {
                b'>' => break,
                byte if byte.is_ascii_whitespace() => {}
                byte => digits.push(digit(byte)?),
            }
        }
        let pair = |two: &[u8]| two.first().copied().unwrap_or(0).saturating_mul(16).saturating_add(two.get(1).copied().unwrap_or(0));
        Some(Value::Text(digits.chunks(2).map(pair).collect()))
    }

    /// A number, a reference, or a word.
    fn word(&mut self) -> Option<Value> {
        let word = self.regular();
        if word.is_empty() {
            return None;
        }
        let Some(number) = whole(word) else { return Some(Value::Other) };
        let mut ahead = self.clone();
        ahead.skip();
        let generation = whole(ahead.regular());
        ahead.skip();
        if generation.is_some() && ahead.regular() == b"R" {
            self.at = ahead.at;
            return Some(Value::Reference(number));
        }
        Some(Value::Number(number))
    }
}

/// A whole number without a sign.
pub(super) fn whole(word: &[u8]) -> Option<u32> {
    if word.is_empty() || !word.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(word).ok()?.parse().ok()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
