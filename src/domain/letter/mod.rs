//! A letter on paper, as PDF: letterhead, the recipient where a window envelope shows it, date, subject, text, and numbered pages.
//!
//! A4. The window is that of the country where the letter is posted: on the right in France and Belgium (a window of 45 × 100 mm, 20 mm from the right and the lower edge of a
//! DL envelope of 110 × 220 mm), else on the left (DIN 5008, form B: the address field begins 45 mm below the upper and 20 mm from the left edge, its last 27.3 mm are the
//! recipient's).
//!
//! Invariants: the same letter always has the same bytes, for their digest is evidence; fonts are embedded, as print shops demand; every character that is printed can be
//! read: one that the fonts lack is refused, never left out; a letter has at most [`MAX_PAGES`] pages.

mod face;
mod layout;

#[cfg(test)]
mod tests;

use chrono::NaiveDate;
use krilla::{
    Document, SerializeSettings,
    configure::{ConfigurationBuilder, PdfVersion},
    geom::Point,
    metadata::Metadata,
    page::PageSettings,
};

use super::{delivery::PostalService, locale::Language, post::Place, tenant::Letterhead};
use face::{Faces, points};
use layout::Sheet;

/// The most pages of a letter: five sheets printed on both sides, the most that a small envelope takes.
pub const MAX_PAGES: usize = 10;

/// What is printed.
#[derive(Debug, Clone)]
pub struct Letter<'a> {
    /// The creditor's name.
    pub creditor: &'a str,
    /// What else the creditor's letters show.
    pub letterhead: &'a Letterhead,
    /// Where it is written, and where it returns.
    pub from: &'a Place,
    /// The company, or the person.
    pub name: &'a str,
    /// The person at a company.
    pub attention: Option<&'a str>,
    /// Where it goes.
    pub to: &'a Place,
    /// How it is posted; printed where the recipient shall know.
    pub service: PostalService,
    /// The creditor's day.
    pub date: NaiveDate,
    /// Of everything but the text, which comes in its own.
    pub language: Language,
    /// What the recipient is known by: the customer's number.
    pub reference: Option<&'a str>,
    /// The subject.
    pub subject: Option<&'a str>,
    /// The text, its lines as they are to stand.
    pub text: &'a str,
}

/// Why a letter cannot be printed. What it says is never quoted, but for one character.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unprintable {
    /// The fonts have Latin, Greek and Cyrillic.
    #[error("a letter cannot be printed with the character {0:?} (U+{code:04X}); leave it out of the text, the names and the address", code = u32::from(*.0))]
    Character(char),
    /// More than [`MAX_PAGES`].
    #[error("the letter would have {0} pages, and {MAX_PAGES} are the most; shorten the text")]
    TooLong(usize),
    /// More lines than the window shows.
    #[error("the recipient's name and address have {0} lines, and the window of an envelope shows {most}", most = layout::MAX_ADDRESS_LINES)]
    Address(usize),
    /// The fonts, or the document, could not be made: nothing that a text can bring about.
    #[error("the PDF could not be written")]
    Broken,
}

/// Prints a letter.
///
/// # Errors
/// A character that the fonts lack, too many pages, an address that the window does not hold.
pub fn print(letter: &Letter<'_>) -> Result<Vec<u8>, Unprintable> {
    let faces = face::faces().ok_or(Unprintable::Broken)?;
    let sheets = layout::sheets(letter, faces)?;
    let title = letter.subject.unwrap_or(letter.creditor);
    write(&sheets, faces, Metadata::new().title(title.to_owned()).language(letter.language.as_str().to_owned()))
}

/// Prints a page with these lines: what the rehearsal shows where a provider would show a document of the post.
///
/// # Errors
/// As [`print()`].
pub fn note(lines: &[&str]) -> Result<Vec<u8>, Unprintable> {
    let faces = face::faces().ok_or(Unprintable::Broken)?;
    write(&[layout::plain(lines, faces)?], faces, Metadata::new())
}

fn write(sheets: &[Sheet], faces: &Faces, metadata: Metadata) -> Result<Vec<u8>, Unprintable> {
    // The oldest version that knows all of it: every print shop reads it.
    let configuration = ConfigurationBuilder::new().with_version(PdfVersion::Pdf14).finish().map_err(|_| Unprintable::Broken)?;
    let mut document = Document::new_with(SerializeSettings { configuration, enable_tagging: false, ..SerializeSettings::default() });
    document.set_metadata(metadata);
    for sheet in sheets {
        let size = PageSettings::from_wh(points(layout::WIDTH), points(layout::HEIGHT)).ok_or(Unprintable::Broken)?;
        let mut page = document.start_page_with(size);
        let mut surface = page.surface();
        for run in sheet {
            let face = faces.of(run.bold);
            let glyphs = face.glyphs(&run.text)?;
            surface.draw_glyphs(
                Point::from_xy(points(run.x), points(run.y)),
                &glyphs,
                face.font.clone(),
                &run.text,
                points(run.size),
                false,
            );
        }
        surface.finish();
        page.finish();
    }
    document.finish().map_err(|_| Unprintable::Broken)
}
