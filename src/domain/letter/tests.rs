//! A letter is read back from its PDF: its words, its fonts, its pages.

use std::{collections::BTreeMap, io::Read};

use flate2::read::ZlibDecoder;

use super::*;
use crate::domain::{contact::Email, tenant::AddressLine};

/// What stands on the pages of a PDF, line by line: enough of a reader for what is written here.
struct Pdf {
    objects: BTreeMap<usize, (String, Vec<u8>)>,
}

impl Pdf {
    fn read(bytes: &[u8]) -> Self {
        let mut objects = BTreeMap::new();
        let find = |from: usize, what: &[u8]| bytes[from..].windows(what.len()).position(|part| part == what).map(|at| from + at);
        let mut from = 0;
        while let Some(at) = find(from, b" 0 obj\n") {
            let digits = bytes[..at].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
            let number: usize = std::str::from_utf8(&bytes[at - digits..at]).unwrap().parse().unwrap();
            let end = find(at, b"\nendobj").unwrap();
            let body = &bytes[at + 7..end];
            let (head, stream) = match body.windows(7).position(|part| part == b"stream\n") {
                Some(start) => (&body[..start], &body[start + 7..body.len() - "\nendstream".len()]),
                None => (body, &[][..]),
            };
            let head = String::from_utf8_lossy(head).into_owned();
            let mut plain = Vec::new();
            if head.contains("/FlateDecode") {
                ZlibDecoder::new(stream).read_to_end(&mut plain).unwrap();
            } else {
                plain = stream.to_vec();
            }
            objects.insert(number, (head, plain));
            from = end;
        }
        Self { objects }
    }

    /// The number of the object that follows a key.
    fn reference(head: &str, key: &str) -> Option<usize> {
        let rest = head.split_once(&format!("{key} ")).or_else(|| head.split_once(&format!("{key}[")))?.1;
        rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
    }

    /// What a page's dictionary has under a key, there or in an object of its own.
    fn part<'a>(&'a self, head: &'a str, key: &str) -> &'a str {
        Self::reference(head, key).map_or(head, |number| &self.objects[&number].0)
    }

    fn pages(&self) -> Vec<&str> {
        let heads = self.objects.values().map(|(head, _)| head.as_str());
        heads.filter(|head| head.contains("/Type/Page") && !head.contains("/Type/Pages")).collect()
    }

    /// From the codes of a font to characters.
    fn characters(&self, font: usize) -> BTreeMap<String, String> {
        let map = Self::reference(&self.objects[&font].0, "/ToUnicode").unwrap();
        let text = String::from_utf8(self.objects[&map].1.clone()).unwrap();
        let mut known = BTreeMap::new();
        for line in text.lines().filter(|line| line.starts_with('<')) {
            let parts: Vec<&str> = line.split(['<', '>', ' ']).filter(|part| !part.is_empty()).collect();
            if let [code, units] = parts[..] {
                let units: Vec<u16> =
                    (0..units.len() / 4).map(|n| u16::from_str_radix(units.get(n * 4..n * 4 + 4).unwrap(), 16).unwrap()).collect();
                known.insert(code.to_owned(), String::from_utf16(&units).unwrap());
            }
        }
        known
    }
}

fn land(code: &str) -> crate::domain::locale::Country {
    code.parse().unwrap()
}

fn place(lines: &[&str], postal_code: &str, city: &str, country: &str) -> Place {
    Place {
        lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        postal_code: postal_code.to_owned(),
        city: city.to_owned(),
        country: land(country),
    }
}

struct World {
    letterhead: Letterhead,
    from: Place,
    to: Place,
}

impl World {
    fn new(country: &str) -> Self {
        let address = ["12 rue de la Paix", "75002 Paris"].map(|line| AddressLine(line.to_owned())).to_vec();
        let email: Email = "compta@atelier.example".parse().unwrap();
        Self {
            letterhead: Letterhead {
                address,
                email: Some(email),
                registration: Some("RCS Paris 732 829 320".to_owned()),
                ..Letterhead::default()
            },
            from: place(&["12 rue de la Paix"], "75002", "Paris", country),
            to: place(&["3 rue du Port"], "59000", "Lille", "FR"),
        }
    }

    fn letter<'a>(&'a self, text: &'a str) -> Letter<'a> {
        Letter {
            creditor: "Atelier Société",
            letterhead: &self.letterhead,
            from: &self.from,
            name: "Garage Dupont",
            attention: Some("Anne Martin"),
            to: &self.to,
            service: PostalService::Registered,
            date: NaiveDate::from_ymd_opt(2026, 3, 2).unwrap(),
            language: Language::French,
            reference: Some("C-1001"),
            subject: Some("Mise en demeure"),
            text,
        }
    }
}

/// What a page's instructions are made of.
enum Token {
    Text(Vec<u8>),
    Word(String),
}

/// Strings in both of their spellings, and words.
fn tokens(content: &[u8]) -> Vec<Token> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < content.len() {
        let rest = &content[at + 1..];
        match content[at] {
            b'(' => {
                let (mut text, mut place, mut depth) = (Vec::new(), 0, 0);
                while depth > 0 || rest[place] != b')' {
                    let byte = rest[place];
                    let octal = rest[place + 1..].iter().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
                    if byte == b'\\' && octal > 0 {
                        let digits = std::str::from_utf8(&rest[place + 1..place + 1 + octal]).unwrap();
                        text.push(u8::from_str_radix(digits, 8).unwrap());
                        place += 1 + octal;
                    } else if byte == b'\\' {
                        let plain = rest[place + 1];
                        let escapes = [(b'n', b'\n'), (b'r', b'\r'), (b't', b'\t'), (b'b', 8), (b'f', 12)];
                        text.push(escapes.iter().find(|(name, _)| *name == plain).map_or(plain, |(_, byte)| *byte));
                        place += 2;
                    } else {
                        // Brackets in pairs need no escape.
                        depth += i32::from(byte == b'(') - i32::from(byte == b')');
                        text.push(byte);
                        place += 1;
                    }
                }
                found.push(Token::Text(text));
                at += place + 2;
            }
            b'<' if rest.first() == Some(&b'<') => at += 2,
            b'<' => {
                let end = rest.iter().position(|byte| *byte == b'>').unwrap();
                found.push(Token::Text(data_encoding::HEXUPPER_PERMISSIVE.decode(&rest[..end]).unwrap()));
                at += end + 2;
            }
            byte if byte.is_ascii_whitespace() || matches!(byte, b'[' | b']') => at += 1,
            _ => {
                let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'[' | b']' | b'(' | b'<' | b'/');
                let end = rest.iter().position(ends).unwrap_or(rest.len());
                found.push(Token::Word(String::from_utf8_lossy(&content[at..=at + end]).into_owned()));
                at += end + 1;
            }
        }
    }
    found
}

/// Everything that is printed on all pages, in the order in which it was written.
fn words(pdf: &[u8]) -> String {
    let pdf = Pdf::read(pdf);
    let mut all = String::new();
    for page in pdf.pages() {
        let fonts = pdf.part(pdf.part(page, "/Resources"), "/Font");
        let content = &pdf.objects[&Pdf::reference(page, "/Contents").unwrap()].1;
        let (mut known, mut last, mut shown) = (BTreeMap::new(), Vec::<String>::new(), Vec::new());
        for token in tokens(content) {
            match token {
                Token::Text(text) => shown.push(text),
                Token::Word(word) if word == "Tf" => {
                    known = pdf.characters(Pdf::reference(fonts, &last[last.len() - 2]).unwrap());
                }
                Token::Word(word) if matches!(word.as_str(), "Tj" | "TJ") => {
                    for code in shown.drain(..).flatten().collect::<Vec<u8>>().chunks(2) {
                        all.push_str(&known[&data_encoding::HEXUPPER.encode(code)]);
                    }
                    all.push('\n');
                }
                Token::Word(word) => last.push(word),
            }
        }
    }
    all
}

#[test]
fn a_letter_says_what_it_was_given_in_embedded_fonts() {
    let world = World::new("FR");
    let text = "Madame,\n\nfacture F-1 : 1\u{202f}200,00\u{a0}€, œuvre, Łódź, Ελλάδα, Straße, pe\u{301}nalité\u{200b}\u{7}\n\nCordialement";
    let pdf = print(&world.letter(text)).unwrap();
    let said = words(&pdf);
    for expected in [
        "Atelier Société",
        "12 rue de la Paix",
        "RCS Paris 732 829 320",
        "Garage Dupont",
        "Anne Martin",
        "3 rue du Port",
        "59000 Lille",
        "Paris, le 2 mars 2026",
        "Lettre recommandée avec avis de réception",
        "Réf. : C-1001",
        "Mise en demeure",
        "facture F-1 : 1\u{202f}200,00\u{a0}€, œuvre, Łódź, Ελλάδα, Straße, pénalité\n",
        "Cordialement",
        "1/1",
    ] {
        assert!(said.contains(expected), "{expected:?} is not in {said}");
    }
    let read = Pdf::read(&pdf);
    let count = |what: &str| read.objects.values().filter(|(head, _)| head.contains(what)).count();
    assert_eq!(
        (count("/FontFile2"), count("/Type0"), pdf.starts_with(b"%PDF-1.4")),
        (2, 2, true),
        "each font is there, and nothing else is named"
    );
    assert!(pdf.len() < 60_000, "{} bytes: only what is used of the fonts", pdf.len());
}

#[test]
fn the_same_letter_has_the_same_bytes_and_another_one_has_not() {
    let world = World::new("DE");
    let letter = world.letter("Bonjour");
    assert_eq!(print(&letter), print(&letter.clone()));
    assert_ne!(print(&letter), print(&world.letter("Bonsoir")));
    assert_eq!(note(&["Rehearsal"]), note(&["Rehearsal"]));
}

#[test]
fn pages_are_numbered_and_bounded() {
    let world = World::new("FR");
    let pdf = print(&world.letter(&"ligne\n".repeat(70))).unwrap();
    let said = words(&pdf);
    assert!(said.contains("1/2") && said.contains("2/2") && said.matches("ligne").count() == 70, "{said}");
    assert!(matches!(print(&world.letter(&"ligne\n".repeat(700))), Err(Unprintable::TooLong(pages)) if pages > MAX_PAGES));
    let endless = "mot".repeat(400);
    let broken = words(&print(&world.letter(&endless)).unwrap());
    assert_eq!(broken.matches("mot").count() + broken.matches("mo\n").count() + broken.matches("m\n").count(), 400, "cut, not lost");
}

#[test]
fn what_the_fonts_lack_is_refused_by_name_and_so_is_an_address_too_high_for_the_window() {
    let mut world = World::new("FR");
    assert_eq!(print(&world.letter("Bonjour 😀")), Err(Unprintable::Character('😀')));
    assert!(Unprintable::Character('漢').to_string().contains("'漢' (U+6F22)"));
    world.to.lines = vec!["ligne".to_owned(); 6];
    assert!(print(&world.letter("Bonjour")).is_ok());
    world.to.lines = vec!["ligne".to_owned(); 7];
    assert_eq!(print(&world.letter("Bonjour")), Err(Unprintable::Address(10)));
}

#[test]
fn the_address_stands_where_the_countrys_envelopes_show_it() {
    for (country, x, above) in [("FR", 1_100, false), ("DE", 250, true)] {
        let world = World::new(country);
        let sheet = layout::sheets(&world.letter("Bonjour"), face::faces().unwrap()).unwrap().remove(0);
        let find = |text: &str| sheet.iter().find(|run| run.text == text).unwrap().clone();
        let name = find("Garage Dupont");
        assert_eq!(name.x, x * 56_693 / 10_000, "{country}");
        // Below the window's upper edge at 45 mm, above its lower one at 90 mm.
        for line in ["Garage Dupont", "59000 Lille"] {
            assert!((450 * 56_693 / 10_000..900 * 56_693 / 10_000).contains(&find(line).y), "{country} {line}");
        }
        assert_eq!(sheet.iter().any(|run| run.text.starts_with("Atelier Société, 12 rue")), above);
        assert_eq!(sheet.iter().any(|run| run.text == "FR"), country == "DE", "a foreign country is named");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_breaks_it_and_no_line_is_wider_than_the_page(text in "[a-zA-Zéèßœ€Ωж \\n\\t\u{7}\u{202e}\u{301}—’]{0,400}") {
        let world = World::new("FR");
        let sheets = layout::sheets(&world.letter(&text), face::faces().unwrap()).unwrap();
        for run in sheets.iter().flatten() {
            let width = face::faces().unwrap().of(run.bold).width(&run.text, run.size).unwrap();
            proptest::prop_assert!(run.x + width <= layout::WIDTH - 1_000, "{:?}", run.text);
            proptest::prop_assert!(!run.text.chars().any(char::is_control));
        }
    }
}
