//! Where everything stands on the pages of a letter.

use super::{
    Letter, MAX_PAGES, Unprintable,
    face::{Face, Faces, Length, clean},
};
use crate::domain::{
    delivery::PostalService,
    locale::Language,
    template::format::{Style, date},
};

/// A tenth of a millimetre is 5.6693 twentieths of a point.
const fn mm(tenths: Length) -> Length {
    tenths.saturating_mul(56_693) / 10_000
}

/// A4.
pub const WIDTH: Length = mm(2_100);
/// A4.
pub const HEIGHT: Length = mm(2_970);

const LEFT: Length = mm(250);
const RIGHT: Length = WIDTH - mm(200);
/// Of the text on the first page, below the window and the first fold.
const FIRST_TOP: Length = mm(1_090);
/// Of the text on the other pages.
const TOP: Length = mm(270);
/// Of the text on the first page, above the footer.
const FIRST_BOTTOM: Length = mm(2_680);
/// Of the text on the other pages.
const BOTTOM: Length = mm(2_750);
const FOOTER: Length = mm(2_760);
const NUMBER: Length = mm(2_880);

const TEXT: Length = 200;
const LEADING: Length = 280;
const SMALL: Length = 150;
const SMALL_LEADING: Length = 190;
const NAME: Length = 260;
const ADDRESS_LEADING: Length = mm(44);

/// As many lines as the window of an envelope shows.
pub const MAX_ADDRESS_LINES: usize = 9;
/// As many as its recipient's zone holds (DIN 5008); more grow upwards into the zone above.
const ADDRESS_ZONE: usize = 6;

/// Text on one line, from its left end on the base line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub x: Length,
    pub y: Length,
    pub size: Length,
    pub bold: bool,
    pub text: String,
}

/// One page.
pub type Sheet = Vec<Run>;

/// The window of the country where a letter is posted.
struct Window {
    x: Length,
    /// Of the first line of six, on its base.
    y: Length,
    /// Whether the sender stands once more above the address.
    sender_above: bool,
    /// Where the letterhead begins: on the other side.
    head: Length,
}

const LEFT_WINDOW: Window = Window { x: mm(250), y: mm(660), sender_above: true, head: mm(1_200) };
const RIGHT_WINDOW: Window = Window { x: mm(1_100), y: mm(560), sender_above: false, head: LEFT };

/// The window that envelopes have where the letter is posted.
fn window_of(letter: &Letter<'_>) -> Window {
    match letter.from.country.as_str() {
        "FR" | "BE" | "MC" => RIGHT_WINDOW,
        _ => LEFT_WINDOW,
    }
}

/// The pages of a letter.
pub fn sheets(letter: &Letter<'_>, faces: &Faces) -> Result<Vec<Sheet>, Unprintable> {
    let mut first = Sheet::new();
    head(letter, faces, &mut first)?;
    window(letter, faces, &mut first)?;
    footer(letter, faces, &mut first)?;
    let mut sheets = flow(letter, faces, first)?;
    let count = sheets.len();
    if count > MAX_PAGES {
        return Err(Unprintable::TooLong(count));
    }
    for (number, sheet) in (1_usize..).zip(&mut sheets) {
        let text = format!("{number}/{count}");
        let x = RIGHT.saturating_sub(faces.of(false).width(&text, SMALL)?);
        sheet.push(Run { x, y: NUMBER, size: SMALL, bold: false, text });
    }
    Ok(sheets)
}

/// One page with these lines.
pub fn plain(lines: &[&str], faces: &Faces) -> Result<Sheet, Unprintable> {
    let mut sheet = Sheet::new();
    let mut pen = Pen { sheet: &mut sheet, face: faces.of(false), bold: false, x: LEFT, y: TOP, size: TEXT, leading: LEADING };
    lines.iter().try_for_each(|line| pen.write(line, RIGHT - LEFT))?;
    Ok(sheet)
}

/// Writes lines, one below the other.
struct Pen<'a> {
    sheet: &'a mut Sheet,
    face: &'a Face,
    bold: bool,
    x: Length,
    y: Length,
    size: Length,
    leading: Length,
}

impl Pen<'_> {
    fn write(&mut self, text: &str, width: Length) -> Result<(), Unprintable> {
        for text in self.face.lines(&clean(text), self.size, width)? {
            self.sheet.push(Run { x: self.x, y: self.y, size: self.size, bold: self.bold, text });
            self.y = self.y.saturating_add(self.leading);
        }
        Ok(())
    }
}

/// The creditor, on top.
fn head(letter: &Letter<'_>, faces: &Faces, sheet: &mut Sheet) -> Result<(), Unprintable> {
    let width = mm(700);
    let mut pen = Pen { sheet, face: faces.of(true), bold: true, x: window_of(letter).head, y: mm(180), size: NAME, leading: mm(55) };
    pen.write(letter.creditor, width)?;
    let mut pen = Pen { face: faces.of(false), bold: false, size: SMALL, leading: SMALL_LEADING, ..pen };
    letter.letterhead.address.iter().try_for_each(|line| pen.write(&line.0, width))
}

/// The recipient's name and address, and how the letter is posted, where the window shows them; date, place and reference beside.
fn window(letter: &Letter<'_>, faces: &Faces, sheet: &mut Sheet) -> Result<(), Unprintable> {
    let (face, to) = (faces.of(false), letter.to);
    let at = window_of(letter);
    let width = mm(800);
    let abroad = (to.country != letter.from.country).then(|| to.country.to_string());
    let attention = letter.attention.map(str::to_owned);
    let mut lines = Vec::new();
    for line in
        [Some(letter.name.to_owned()), attention].into_iter().flatten().chain(to.lines.iter().cloned()).chain([to.town()]).chain(abroad)
    {
        lines.extend(face.lines(&clean(&line), TEXT, width)?);
    }
    let count = lines.len();
    if count > MAX_ADDRESS_LINES {
        return Err(Unprintable::Address(count));
    }
    let above = Length::try_from(count.saturating_sub(ADDRESS_ZONE)).unwrap_or(0);
    let top = at.y.saturating_sub(ADDRESS_LEADING.saturating_mul(above));
    let mut pen = Pen { sheet, face, bold: false, x: at.x, y: top, size: TEXT, leading: ADDRESS_LEADING };
    lines.iter().try_for_each(|line| pen.write(line, width))?;
    if at.sender_above {
        let mut pen = Pen { y: mm(480), size: 120, leading: mm(30), ..pen };
        let sender = format!("{}, {}, {}", letter.creditor, letter.from.lines.join(", "), letter.from.town());
        for line in face.lines(&clean(&sender), 120, width)?.iter().take(1) {
            pen.write(line, width)?;
        }
    }
    beside(letter, face, sheet)
}

/// Place and date, right; how it is posted and the reference, left; all above the text.
fn beside(letter: &Letter<'_>, face: &Face, sheet: &mut Sheet) -> Result<(), Unprintable> {
    let day = date(letter.date, letter.language, Style::Full);
    let city = &letter.from.city;
    let dated = clean(&match letter.language {
        Language::French => format!("{city}, le {day}"),
        Language::German => format!("{city}, den {day}"),
        Language::English | Language::Dutch => format!("{city}, {day}"),
    });
    let x = RIGHT.saturating_sub(face.width(&dated, TEXT)?).max(LEFT);
    sheet.push(Run { x, y: FIRST_TOP - mm(100), size: TEXT, bold: false, text: dated });
    let mut pen = Pen { sheet, face, bold: false, x: LEFT, y: FIRST_TOP - mm(150), size: SMALL, leading: SMALL_LEADING };
    let reference = letter.reference.map(|reference| match letter.language {
        Language::French => format!("Réf. : {reference}"),
        Language::English | Language::Dutch | Language::German => format!("Ref.: {reference}"),
    });
    for line in [posted(letter.service, letter.language).map(str::to_owned), reference].into_iter().flatten() {
        pen.write(&line, mm(800))?;
    }
    Ok(())
}

/// What a letter says of how it is posted.
const fn posted(service: PostalService, language: Language) -> Option<&'static str> {
    match (service, language) {
        (PostalService::Simple | PostalService::Tracked, _) => None,
        (PostalService::Registered, Language::French) => Some("Lettre recommandée avec avis de réception"),
        (PostalService::Registered, Language::English) => Some("Registered letter with acknowledgement of receipt"),
        (PostalService::Registered, Language::Dutch) => Some("Aangetekende brief met ontvangstbewijs"),
        (PostalService::Registered, Language::German) => Some("Einschreiben mit Rückschein"),
    }
}

/// How the creditor is registered, reached and paid, below the first page.
fn footer(letter: &Letter<'_>, faces: &Faces, sheet: &mut Sheet) -> Result<(), Unprintable> {
    let head = letter.letterhead;
    let phone = head.phone.as_ref().map(|phone| phone.as_str().to_owned());
    let email = head.email.as_ref().map(|email| email.as_str().to_owned());
    let ways: Vec<String> = [head.registration.clone(), phone, email].into_iter().flatten().collect();
    let bank = head.bank.as_ref().map(|bank| {
        let bic = bank.bic.as_ref().map(|bic| format!("  BIC {bic}")).unwrap_or_default();
        format!("{}  IBAN {}{bic}", bank.holder, bank.iban)
    });
    let mut pen = Pen { sheet, face: faces.of(false), bold: false, x: LEFT, y: FOOTER, size: SMALL, leading: SMALL_LEADING };
    for line in [(!ways.is_empty()).then(|| ways.join("  –  ")), bank].into_iter().flatten() {
        pen.write(&line, RIGHT - LEFT)?;
    }
    Ok(())
}

/// Subject and text, over as many pages as they take.
fn flow(letter: &Letter<'_>, faces: &Faces, first: Sheet) -> Result<Vec<Sheet>, Unprintable> {
    let width = RIGHT - LEFT;
    let bold = |subject: &str| faces.of(true).lines(&clean(subject), TEXT, width);
    let subject = letter.subject.map(bold).transpose()?.unwrap_or_default();
    let gap = if subject.is_empty() { Vec::new() } else { vec![String::new()] };
    let text = faces.of(false).lines(&clean(letter.text), TEXT, width)?;
    let regular = gap.into_iter().chain(text).map(|text| (false, text));
    let (mut sheets, mut sheet) = (Vec::new(), first);
    let (mut y, mut bottom) = (FIRST_TOP, FIRST_BOTTOM);
    for (bold, text) in subject.into_iter().map(|text| (true, text)).chain(regular) {
        if y > bottom {
            sheets.push(std::mem::take(&mut sheet));
            (y, bottom) = (TOP, BOTTOM);
        }
        if !text.is_empty() {
            sheet.push(Run { x: LEFT, y, size: TEXT, bold, text });
        }
        y = y.saturating_add(LEADING);
    }
    sheets.push(sheet);
    Ok(sheets)
}
