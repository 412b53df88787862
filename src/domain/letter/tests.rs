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

    /// The number that follows a key: of an object, mostly.
    fn reference(head: &str, key: &str) -> Option<usize> {
        let rest = head.split_once(&format!("{key} "))?.1.trim_start_matches('[');
        rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
    }

    fn pages(&self) -> Vec<&(String, Vec<u8>)> {
        self.objects.values().filter(|(head, _)| head.contains("/Type /Page\n") || head.contains("/Type/Page\n")).collect()
    }

    /// From the codes of a font to characters.
    fn characters(&self, font: usize) -> BTreeMap<String, String> {
        let map = Self::reference(&self.objects[&font].0, "/ToUnicode").unwrap();
        let text = String::from_utf8(self.objects[&map].1.clone()).unwrap();
        let mut known = BTreeMap::new();
        for line in text.lines().filter(|line| line.starts_with('<')) {
            let parts: Vec<&str> = line.split(['<', '>', ' ']).filter(|part| !part.is_empty()).collect();
            if let [code, units] = parts[..] {
                let units: Vec<u16> = (0..units.len() / 4).map(|n| u16::from_str_radix(&units[n * 4..n * 4 + 4], 16).unwrap()).collect();
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

/// Everything that is printed on all pages, in the order in which it was written.
fn words(pdf: &[u8]) -> String {
    let pdf = Pdf::read(pdf);
    let mut all = String::new();
    for (head, _) in pdf.pages() {
        let resources = Pdf::reference(head, "/Resources").map_or(head, |number| &pdf.objects[&number].0);
        let content = &pdf.objects[&Pdf::reference(head, "/Contents").unwrap()].1;
        let mut known = BTreeMap::new();
        for line in String::from_utf8_lossy(content).lines() {
            if let Some((name, _)) = line.strip_suffix(" Tf").and_then(|line| line.split_once(' ')) {
                known = pdf.characters(Pdf::reference(resources, name).unwrap());
            }
            if line.ends_with("Tj") || line.ends_with("TJ") {
                for shown in line.split('<').skip(1).filter_map(|part| part.split_once('>')) {
                    let codes = shown.0.as_bytes().chunks(4).map(|code| std::str::from_utf8(code).unwrap());
                    all.extend(codes.map(|code| known[code].as_str()));
                }
                all.push('\n');
            }
        }
    }
    all
}

#[test]
fn a_letter_says_what_it_was_given_in_embedded_fonts() {
    let world = World::new("FR");
    let pdf = print(&world.letter("Madame,\n\nfacture F-1 : 1\u{202f}200,00\u{a0}€, œuvre, Łódź, Ελλάδα\n\nCordialement")).unwrap();
    std::fs::write("/tmp/letter.pdf", &pdf).unwrap();
    println!("{}", words(&pdf));
}
