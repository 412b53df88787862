//! The two fonts of a letter: which characters they have, and how wide these are.
//!
//! Lengths are whole twentieths of a point, so that where a line breaks never hangs on rounding.

use std::sync::LazyLock;

use icu_normalizer::ComposingNormalizerBorrowed;
use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::{
    FontRef, MetadataProvider,
    charmap::Charmap,
    raw::{TableProvider, tables::hmtx::Hmtx},
};

use super::Unprintable;

/// A length, in twentieths of a point.
pub type Length = i32;

static FACES: LazyLock<Option<Faces>> = LazyLock::new(|| {
    let regular = Face::read(include_bytes!("../../../fonts/NotoSans-Regular.ttf"))?;
    let bold = Face::read(include_bytes!("../../../fonts/NotoSans-Bold.ttf"))?;
    Some(Faces { regular, bold })
});

/// The fonts; `None` only if the program's own files are damaged.
pub fn faces() -> Option<&'static Faces> {
    FACES.as_ref()
}

/// Regular and bold.
pub struct Faces {
    regular: Face,
    bold: Face,
}

impl Faces {
    pub const fn of(&self, bold: bool) -> &Face {
        if bold { &self.bold } else { &self.regular }
    }
}

/// One font.
pub struct Face {
    /// As it is embedded.
    pub font: Font,
    map: Charmap<'static>,
    widths: Hmtx<'static>,
    /// How many units of the font's tables make its size.
    em: u16,
}

/// A length in points.
#[expect(clippy::float_arithmetic, reason = "the PDF counts in points; everything that is decided is counted in whole twentieths")]
pub fn points(length: Length) -> f32 {
    f32::from(i16::try_from(length).unwrap_or(i16::MAX)) / 20.0
}

/// As it is printed: composed (NFC), without what cannot be seen, tabs as spaces, every line break as `\n`.
pub fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let normalizer = ComposingNormalizerBorrowed::new_nfc();
    for letter in normalizer.normalize_iter(text.chars()) {
        match letter {
            '\n' | '\u{2028}' | '\u{2029}' => cleaned.push('\n'),
            '\t' => cleaned.push_str("    "),
            // Joiners, marks of direction and invisible hyphens print nothing.
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => {}
            control if control.is_control() => {}
            // The same to the eye, where the fonts have only one of them.
            '\u{2010}' | '\u{2011}' => cleaned.push('-'),
            visible => cleaned.push(visible),
        }
    }
    cleaned
}

impl Face {
    fn read(bytes: &'static [u8]) -> Option<Self> {
        let tables = FontRef::new(bytes).ok()?;
        let em = tables.head().ok()?.units_per_em();
        Some(Self { font: Font::new(bytes.into(), 0)?, map: tables.charmap(), widths: tables.hmtx().ok()?, em })
    }

    /// A character's glyph and its width in the font's units.
    fn glyph(&self, letter: char) -> Result<(GlyphId, u16), Unprintable> {
        let glyph = self.map.map(letter).ok_or(Unprintable::Character(letter))?;
        let width = self.widths.advance(glyph).ok_or(Unprintable::Broken)?;
        Ok((GlyphId::new(glyph.to_u32()), width))
    }

    /// How wide `text` is at `size`.
    pub fn width(&self, text: &str, size: Length) -> Result<Length, Unprintable> {
        let units = text.chars().try_fold(0_i64, |sum, letter| Ok(sum.saturating_add(i64::from(self.glyph(letter)?.1))))?;
        let length = units.saturating_mul(i64::from(size)).checked_div(i64::from(self.em)).unwrap_or(0);
        Ok(Length::try_from(length).unwrap_or(Length::MAX))
    }

    /// The glyphs of `text`, side by side.
    #[expect(clippy::float_arithmetic, reason = "the PDF wants widths as shares of the font's size")]
    pub fn glyphs(&self, text: &str) -> Result<Vec<KrillaGlyph>, Unprintable> {
        let glyph = |(at, letter): (usize, char)| {
            let (glyph_id, width) = self.glyph(letter)?;
            Ok(KrillaGlyph {
                glyph_id,
                text_range: at..at.saturating_add(letter.len_utf8()),
                x_advance: f32::from(width) / f32::from(self.em),
                x_offset: 0.0,
                y_offset: 0.0,
                y_advance: 0.0,
                location: None,
            })
        };
        text.char_indices().map(glyph).collect()
    }

    /// Breaks a text into lines no wider than `width`: at spaces, or inside a word that is wider than a line by itself. Its own line breaks stay.
    pub fn lines(&self, text: &str, size: Length, width: Length) -> Result<Vec<String>, Unprintable> {
        let mut lines = Vec::new();
        for line in text.split('\n') {
            self.wrap(line.trim_end_matches(' '), size, width, &mut lines)?;
        }
        Ok(lines)
    }

    fn wrap(&self, text: &str, size: Length, width: Length, lines: &mut Vec<String>) -> Result<(), Unprintable> {
        let (mut line, mut used) = (String::new(), 0);
        for word in text.split_inclusive(' ') {
            let bare = self.width(word.trim_end_matches(' '), size)?;
            if !line.is_empty() && Length::saturating_add(used, bare) > width {
                lines.push(std::mem::take(&mut line).trim_end_matches(' ').to_owned());
                used = 0;
            }
            if bare <= width {
                line.push_str(word);
                used = used.saturating_add(self.width(word, size)?);
                continue;
            }
            for letter in word.chars() {
                let wide = self.width(letter.encode_utf8(&mut [0; 4]), size)?;
                if used.saturating_add(wide) > width {
                    lines.push(std::mem::take(&mut line));
                    used = 0;
                }
                line.push(letter);
                used = used.saturating_add(wide);
            }
        }
        lines.push(line.trim_end_matches(' ').to_owned());
        Ok(())
    }
}
