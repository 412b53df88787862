//! References that payers quote: the structured ones, with their check digits, and invoice numbers in free text.
//!
//! One table says how each country's reference is built. Those of the first three kinds are long or marked enough to be found in any text; one number
//! in ten passes the check of the others, so that they are no more than possible until an invoice bears them. Invariant: what is found is in
//! capitals, without spaces or signs, and its check digits agree.

use crate::domain::ledger::proposal::Certainty;

crate::words! {
    /// Who defines a structured reference.
    pub enum ReferenceKind {
        /// ISO 11649, the creditor reference: `RF18 5390 0754 7034`.
        Iso11649 = "iso_11649",
        /// Belgium's structured communication: `+++090/9337/55493+++`.
        Belgian = "be_ogm",
        /// Switzerland's QR reference, 27 digits.
        Swiss = "ch_qrr",
        /// Finland's viitenumero, 4 to 20 digits.
        Finnish = "fi_viite",
        /// Norway's KID, 3 to 25 digits.
        Norwegian = "no_kid",
        /// Sweden's OCR number, 3 to 25 digits.
        Swedish = "se_ocr",
    }
}

/// How a reference is built.
struct Format {
    kind: ReferenceKind,
    /// How long it is, without spaces and signs.
    length: (usize, usize),
    /// Whether its check digits agree. It is asked for texts of that length alone.
    agrees: fn(&str) -> bool,
}

const FORMATS: [Format; 6] = [
    Format { kind: ReferenceKind::Iso11649, length: (5, 25), agrees: iso_11649 },
    Format { kind: ReferenceKind::Belgian, length: (12, 12), agrees: belgian },
    Format { kind: ReferenceKind::Swiss, length: (27, 27), agrees: swiss },
    Format { kind: ReferenceKind::Finnish, length: (4, 20), agrees: finnish },
    Format { kind: ReferenceKind::Norwegian, length: (3, 25), agrees: |text| luhn(text) || modulo_11(text) },
    Format { kind: ReferenceKind::Swedish, length: (3, 25), agrees: luhn },
];

/// The longest text that is searched, in bytes: what ten lines of a statement hold and more.
const MAX_TEXT: usize = 10_000;
/// How many references a text may hold.
const MAX_FOUND: usize = 50;
/// The shortest number that is looked for inside other words, once spaces and signs are gone.
const SHORTEST_INSIDE: usize = 5;

/// A structured reference in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Whose.
    pub kind: ReferenceKind,
    /// Without spaces and signs.
    pub reference: String,
    /// How certain it is that it was meant as one.
    pub certainty: Certainty,
}

/// The kinds that a reference, however it is spaced and signed, can be of.
pub fn kinds_of(reference: &str) -> Vec<ReferenceKind> {
    let bare = compact(reference);
    let fits = |format: &&Format| (format.length.0..=format.length.1).contains(&bare.len()) && (format.agrees)(&bare);
    FORMATS.iter().filter(fits).map(|format| format.kind).collect()
}

/// The structured references in free text, the most certain first.
pub fn find(text: &str) -> Vec<Found> {
    let text = text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or_default().to_ascii_uppercase();
    let mut found = Vec::new();
    let words: Vec<&str> = text.split(|one: char| !one.is_ascii_alphanumeric() && !is_sign(one)).filter(|word| !word.is_empty()).collect();
    let mut rest = words.as_slice();
    while let Some((word, after)) = rest.split_first() {
        // Parts of a reference that is sure are no references of their own.
        rest = match sure(rest) {
            Some((one, used)) => {
                add(&mut found, one);
                rest.get(used..).unwrap_or_default()
            }
            None => {
                possible(word).into_iter().for_each(|one| add(&mut found, one));
                after
            }
        };
    }
    found.sort_by_key(|one| one.certainty);
    found
}

/// The reference that begins with these words and can be nothing else, and how many of them it takes.
fn sure(words: &[&str]) -> Option<(Found, usize)> {
    let word = words.first()?;
    let digits = word.trim_matches(is_sign);
    // Signs around it, or strokes after 3 and 4 digits, make twelve digits a Belgian reference.
    let signed = digits.len() < word.len() || digits.split('/').map(str::len).eq([3, 4, 5]);
    let kind = match digits.bytes().next()? {
        b'R' => ReferenceKind::Iso11649,
        b'0'..=b'9' if signed => ReferenceKind::Belgian,
        b'0'..=b'9' => ReferenceKind::Swiss,
        _ => return None,
    };
    let (reference, used) = longest(words, kind)?;
    Some((Found { kind, reference, certainty: Certainty::Certain }, used))
}

/// What a word may be if it is meant as a reference: twelve bare digits pass the Belgian check by chance once in 97 times, any digits the weaker checks
/// once in ten.
fn possible(word: &str) -> Vec<Found> {
    if !word.bytes().all(|byte| byte.is_ascii_digit()) {
        return Vec::new();
    }
    let certainty = |kind| if kind == ReferenceKind::Belgian { Certainty::Likely } else { Certainty::Possible };
    kinds_of(word).into_iter().map(|kind| Found { kind, reference: word.to_owned(), certainty: certainty(kind) }).collect()
}

fn add(found: &mut Vec<Found>, new: Found) {
    if found.len() < MAX_FOUND && !found.iter().any(|one| one.kind == new.kind && one.reference == new.reference) {
        found.push(new);
    }
}

/// The longest reference of a kind that begins with these words and ends where one of them does, and how many it takes.
fn longest(words: &[&str], kind: ReferenceKind) -> Option<(String, usize)> {
    let format = FORMATS.iter().find(|format| format.kind == kind)?;
    let (mut bare, mut best) = (String::new(), None);
    for (n, word) in words.iter().enumerate() {
        bare.push_str(&compact(word));
        if bare.len() > format.length.1 {
            break;
        }
        if bare.len() >= format.length.0 && (format.agrees)(&bare) {
            best = Some((bare.clone(), n.saturating_add(1)));
        }
    }
    best
}

/// What is written around and between the digits of a reference.
const fn is_sign(one: char) -> bool {
    matches!(one, '+' | '*' | '/')
}

/// Letters and digits alone, in capitals.
fn compact(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect()
}

/// The digits of a text that has nothing else; not only zeros.
fn digits(text: &str) -> Option<Vec<u32>> {
    let digits: Vec<u32> = text.chars().map(|one| one.to_digit(10)).collect::<Option<_>>()?;
    digits.iter().any(|digit| *digit > 0).then_some(digits)
}

fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().rev().zip(weights.iter().cycle()).map(|(digit, weight)| digit.saturating_mul(*weight)).sum()
}

fn iso_11649(text: &str) -> bool {
    text.starts_with("RF")
        && text.get(2..4).is_some_and(|check| check.bytes().all(|byte| byte.is_ascii_digit()))
        && super::iban_is_valid(text)
}

fn belgian(text: &str) -> bool {
    let number = |from: usize, to: usize| text.get(from..to).filter(|_| digits(text).is_some()).and_then(|part| part.parse::<u64>().ok());
    let (Some(number), Some(check)) = (number(0, 10), number(10, 12)) else { return false };
    check == if number % 97 == 0 { 97 } else { number % 97 }
}

/// Modulo 10, recursive, of the Swiss payment standards.
fn swiss(text: &str) -> bool {
    const NEXT: [u32; 10] = [0, 9, 4, 6, 8, 2, 7, 1, 3, 5];
    let Some(digits) = digits(text) else { return false };
    let step = |carry: u32, digit: &u32| {
        usize::try_from(carry.saturating_add(*digit) % 10).ok().and_then(|place| NEXT.get(place)).copied().unwrap_or(0)
    };
    let Some((check, number)) = digits.split_last() else { return false };
    *check == (10 - number.iter().fold(0, step)) % 10
}

fn finnish(text: &str) -> bool {
    let Some(digits) = digits(text) else { return false };
    let Some((check, number)) = digits.split_last() else { return false };
    *check == (10 - weighted(number, &[7, 3, 1]) % 10) % 10
}

/// ISO/IEC 7812-1, annex B: every second digit doubled, from the right.
fn luhn(text: &str) -> bool {
    let Some(digits) = digits(text) else { return false };
    let doubled = digits.iter().rev().enumerate().map(|(n, digit)| if n % 2 == 0 { *digit } else { digit * 2 / 10 + digit * 2 % 10 });
    doubled.sum::<u32>() % 10 == 0
}

/// Norway's other check digit, with weights 2 to 7 from the right. A remainder of 1 is written as a hyphen, which no text keeps, and passes nowhere.
fn modulo_11(text: &str) -> bool {
    let Some(digits) = digits(text) else { return false };
    let Some((check, number)) = digits.split_last() else { return false };
    *check == (11 - weighted(number, &[2, 3, 4, 5, 6, 7]) % 11) % 11
}

/// How a number stands in a payer's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mention {
    /// For itself.
    Whole,
    /// Within a longer number or word, or with other spaces between its digits than it has: so it may be another's, or an amount.
    Fragment,
}

/// A payer's words, made ready to be searched for many numbers.
#[derive(Debug)]
pub struct Words {
    written: String,
    /// Letters and digits alone.
    bare: String,
    /// For each place in `bare`, and its end, whether a word begins or ends there.
    edges: Vec<bool>,
}

impl Words {
    /// Of a text.
    pub fn new(text: &str) -> Self {
        let text = text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or_default();
        let (mut bare, mut edges, mut edge) = (String::with_capacity(text.len()), Vec::with_capacity(text.len()), true);
        for one in text.chars() {
            if one.is_ascii_alphanumeric() {
                bare.push(one.to_ascii_uppercase());
                edges.push(edge);
            }
            edge = !one.is_ascii_alphanumeric();
        }
        edges.push(true);
        Self { written: text.to_uppercase(), bare, edges }
    }

    /// How they quote a structured reference, however it is spaced and signed; `None` if they do not.
    pub fn quotes(&self, reference: &str) -> Option<Mention> {
        let wanted = compact(reference);
        if wanted.len() < SHORTEST_INSIDE {
            return None;
        }
        let edge = |place: usize| self.edges.get(place).copied().unwrap_or(false);
        let places = self.bare.match_indices(wanted.as_str()).map(|(at, found)| (at, at.saturating_add(found.len())));
        places.map(|(start, end)| if edge(start) && edge(end) { Mention::Whole } else { Mention::Fragment }).min()
    }

    /// How they name an invoice: as its number is written, standing alone; or, if it has enough digits to be nobody else's, however it is spaced and
    /// signed. Bare digits spaced in another way may be an amount.
    pub fn name(&self, number: &str) -> Option<Mention> {
        let wanted = number.trim().to_uppercase();
        let alone = |(at, found): (usize, &str)| {
            let before = self.written.get(..at).and_then(|before| before.chars().next_back());
            let after = self.written.get(at.saturating_add(found.len())..).and_then(|after| after.chars().next());
            ![before, after].into_iter().flatten().any(char::is_alphanumeric)
        };
        if !wanted.is_empty() && self.written.match_indices(wanted.as_str()).any(alone) {
            return Some(Mention::Whole);
        }
        let digits = wanted.chars().filter(char::is_ascii_digit).count();
        let mention = self.quotes(number).filter(|_| digits >= SHORTEST_INSIDE)?;
        let only_digits = wanted.chars().all(|one| one.is_ascii_digit());
        Some(if only_digits { Mention::Fragment } else { mention })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_are_verified() {
        use ReferenceKind::{Belgian, Finnish, Iso11649, Norwegian, Swedish, Swiss};
        for (kind, good, bad) in [
            (Iso11649, "RF18 5390 0754 7034", "RF19 5390 0754 7034"),
            (Iso11649, "rf712348231", "RF712348232"),
            (Belgian, "+++090/9337/55493+++", "+++123/1234/12345+++"),
            (Belgian, "000000009797", "000000009700"),
            (Swiss, "21 00000 00003 13947 14300 09017", "21 00000 00003 13947 14300 09018"),
            (Finnish, "1232", "1233"),
            (Finnish, "1000 0000 0000 0000 0003", "1000 0000 0000 0000 0008"),
            (Norwegian, "1234567897", "1234567890"),
            (Norwegian, "12345678903", "12345678904"),
            (Swedish, "79927398713", "79927398714"),
        ] {
            assert!(kinds_of(good).contains(&kind), "{good} is {kind}");
            assert!(!kinds_of(bad).contains(&kind), "{bad} is no {kind}");
        }
        for nothing in ["", "0", "000000000000", "RF", "RFAA1234", "12a456789012", "0000"] {
            assert_eq!(kinds_of(nothing), [], "{nothing}");
        }
    }

    #[test]
    fn every_single_wrong_digit_is_noticed() {
        for (kind, good) in [
            (ReferenceKind::Iso11649, "RF18539007547034"),
            (ReferenceKind::Belgian, "090933755493"),
            (ReferenceKind::Swiss, "210000000003139471430009017"),
        ] {
            for (place, old) in good.char_indices().filter(|(_, one)| one.is_ascii_digit()) {
                for new in ('0'..='9').filter(|new| *new != old) {
                    let mut wrong = good.to_owned();
                    wrong.replace_range(place..=place, &new.to_string());
                    assert!(!kinds_of(&wrong).contains(&kind), "{wrong}");
                }
            }
        }
    }

    #[test]
    fn references_are_found_in_free_text() {
        let found = |text: &str| -> Vec<String> {
            let sure = find(text).into_iter().filter(|one| one.certainty != Certainty::Possible);
            sure.map(|one| format!("{} {} {}", one.kind, one.reference, one.certainty)).collect()
        };
        for (text, expected) in [
            ("Facture RF18 5390 0754 7034 merci", "iso_11649 RF18539007547034 certain"),
            ("ref:RF18539007547034.", "iso_11649 RF18539007547034 certain"),
            ("+++090/9337/55493+++", "be_ogm 090933755493 certain"),
            ("***090/9337/55493***", "be_ogm 090933755493 certain"),
            ("betaling 090/9337/55493", "be_ogm 090933755493 certain"),
            ("090933755493", "be_ogm 090933755493 likely"),
            ("QRR 21 00000 00003 13947 14300 09017 zahlung", "ch_qrr 210000000003139471430009017 certain"),
        ] {
            assert_eq!(found(text), [expected], "{text}");
        }
        for nothing in ["RF19 5390 0754 7034", "SURF18539007547034", "+++090/9337/55494+++", "", "RF", "é+++"] {
            assert_eq!(found(nothing), Vec::<String>::new(), "{nothing}");
        }
        let weak = find("viite 1232");
        assert!(weak.iter().any(|one| one.kind == ReferenceKind::Finnish) && weak.iter().all(|one| one.certainty == Certainty::Possible));
    }

    #[test]
    fn numbers_stand_alone_or_within_others() {
        use Mention::{Fragment, Whole};
        for (words, number, expected) in [
            ("votre F-7, merci", "f-7", Some(Whole)),
            ("F-77", "F-7", None),
            ("F 2026 118", "F-2026-118", Some(Whole)),
            ("XF2026118Y", "F-2026-118", Some(Fragment)),
            ("F-2026-1180", "F-2026-118", Some(Fragment)),
            ("12 345 EUR", "12345", Some(Fragment)),
            ("12345", "12345", Some(Whole)),
            ("9123456", "12345", Some(Fragment)),
            ("1 2 3 4", "1234", None),
            ("", "", None),
        ] {
            assert_eq!(Words::new(words).name(number), expected, "{number} in {words}");
        }
        assert_eq!(Words::new("virement +++090/9337/55493+++").quotes("090933755493"), Some(Whole));
        assert_eq!(Words::new("10909337554930").quotes("090933755493"), Some(Fragment));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_searched(text in ".{0,200}", near in "(RF|[0-9]{1,12}|\\+\\+\\+|/| |\\*|é){0,30}") {
            for text in [text, near] {
                let words = Words::new(&text);
                for one in find(&text) {
                    proptest::prop_assert!(kinds_of(&one.reference).contains(&one.kind));
                    proptest::prop_assert!(words.quotes(&one.reference).is_some() || one.reference.len() < 5);
                }
            }
        }
    }
}
