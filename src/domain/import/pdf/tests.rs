//! PDFs made by hand: as writers write them, and as attackers do.

use std::io::Write;

use flate2::{Compression, write::ZlibEncoder};

use super::*;
use crate::domain::import::fuzz::foreign;

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn stream(number: u32, entries: &str, content: &[u8]) -> Vec<u8> {
    [format!("{number} 0 obj\n<< {entries} /Length {} >>\nstream\r\n", content.len()).as_bytes(), content, b"\nendstream\nendobj\n"]
        .concat()
}

fn with(parts: &[&[u8]]) -> Vec<u8> {
    [b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".as_slice(), &parts.concat(), b"trailer\n<< /Root 1 0 R >>\n%%EOF\n"].concat()
}

/// One file as PDF writers attach it.
pub(in crate::domain::import) fn attaching(name: &str, content: &[u8]) -> Vec<u8> {
    with(&[
        b"1 0 obj\n<< /Type /Catalog /Names << /EmbeddedFiles << /Names [(x) 2 0 R] >> >> /AF [2 0 R] >>\nendobj\n",
        format!("2 0 obj\n<</Type/Filespec/F({name})/UF({name})/AFRelationship/Alternative/EF<</F 3 0 R/UF 3 0 R>>>>\nendobj\n").as_bytes(),
        &stream(3, "/Type /EmbeddedFile /Subtype /text#2Fxml /Filter /FlateDecode", &deflated(content)),
    ])
}

/// Two files.
pub(in crate::domain::import) fn attaching_two(first: (&str, &str), second: (&str, &str)) -> Vec<u8> {
    with(&[
        format!("2 0 obj <</F ({}) /EF <</F 3 0 R>>>> endobj 4 0 obj <</F ({}) /EF <</F 5 0 R>>>> endobj\n", first.0, second.0).as_bytes(),
        &stream(3, "/Filter /FlateDecode", &deflated(first.1.as_bytes())),
        &stream(5, "", second.1.as_bytes()),
    ])
}

fn read(bytes: &[u8]) -> Vec<(String, String)> {
    let all = attachments(bytes).unwrap();
    all.into_iter().map(|one| (one.name, String::from_utf8_lossy(&one.content).into_owned())).collect()
}

fn one(name: &str, content: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), content.to_owned())]
}

fn code(bytes: &[u8]) -> &'static str {
    attachments(bytes).unwrap_err().0[0].code
}

#[test]
fn an_attachment_is_found_and_inflated() {
    assert_eq!(read(&attaching("factur-x.xml", b"<a/>")), one("factur-x.xml", "<a/>"));
    assert!(is_pdf(b"\n\n%PDF-1.4") && !is_pdf(b"<a>%PDF</a>"));
    assert_eq!(read(&with(&[b"1 0 obj\n<< /Type /Catalog >>\nendobj\n"])), []);
}

#[test]
fn lengths_may_be_told_elsewhere_or_wrongly() {
    let specification = b"2 0 obj <</F (a.xml) /EF <</F 3 0 R>>>> endobj\n";
    let elsewhere = b"3 0 obj << /Length 4 0 R >> stream\nendobj <a/>\nendstream endobj\n4 0 obj 11 endobj\n";
    assert_eq!(read(&with(&[specification, elsewhere])), one("a.xml", "endobj <a/>"));
    let wrong = b"3 0 obj << /Length 99999 >> stream\n<a/>endstream endobj\n";
    assert_eq!(read(&with(&[specification, wrong])), one("a.xml", "<a/>"));
}

#[test]
fn a_later_object_takes_the_place_of_an_earlier_one() {
    let bytes = with(&[
        b"2 0 obj <</F (a.xml) /EF <</F 3 0 R>>>> endobj\n",
        &stream(3, "", b"<old/>"),
        &stream(3, "", b"<new/>"),
        b"7 0 obj << /S (2 0 obj << /F) /EF [ ( \\) ] >> endobj\n",
    ]);
    assert_eq!(read(&bytes), one("a.xml", "<new/>"));
}

#[test]
fn specifications_may_lie_in_object_streams() {
    let inside = "2 0 9 5 << /UF <FEFF00E9002E0078006D006C> /EF << /F 3 0 R >> >> ";
    let bytes =
        with(&[&stream(8, "/Type /ObjStm /N 1 /First 8 /Filter [/FlateDecode]", &deflated(inside.as_bytes())), &stream(3, "", b"<a/>")]);
    assert_eq!(read(&bytes), one("é.xml", "<a/>"));
}

#[test]
fn several_are_kept_in_order() {
    let bytes = with(&[
        b"2 0 obj <</F (notes.txt) /EF <</F 3 0 R>>>> endobj 4 0 obj <</F (factur-x.xml) /EF <</F 5 0 R>>>> endobj\n",
        &stream(3, "", b"n"),
        &stream(5, "", b"<a/>"),
    ]);
    assert_eq!(read(&bytes), [one("notes.txt", "n"), one("factur-x.xml", "<a/>")].concat());
}

#[test]
fn bombs_and_locks_are_refused() {
    assert_eq!(code(&attaching("factur-x.xml", &vec![b' '; MAX_INFLATED + 1])), "too_much");
    let half = deflated(&vec![b' '; MAX_INFLATED * 2 / 3]);
    let two = with(&[
        b"2 0 obj <</F (a) /EF <</F 3 0 R>>>> endobj 4 0 obj <</F (b) /EF <</F 5 0 R>>>> endobj\n",
        &stream(3, "/Filter /FlateDecode", &half),
        &stream(5, "/Filter /FlateDecode", &half),
    ]);
    assert_eq!(code(&two), "too_much", "what several inflate to is one sum");
    assert_eq!(code(&[with(&[]), b"trailer << /Encrypt 9 0 R >>".to_vec()].concat()), "encrypted");
    let specification = b"2 0 obj <</F (a.xml) /EF <</F 3 0 R>>>> endobj\n";
    assert_eq!(code(&with(&[specification, &stream(3, "/Filter /LZWDecode", b"x")])), "unsupported");
    assert_eq!(code(&with(&[specification, &stream(3, "/Filter /FlateDecode", b"not deflated")])), "wrong_format");
    let many: String = (0..60).map(|n| format!("{} 0 obj <</F (a) /EF <</F {} 0 R>>>> endobj\n", 2 * n + 10, 2 * n + 11)).collect();
    assert_eq!(code(&with(&[many.as_bytes()])), "too_much");
    assert_eq!(code(&"1 0 obj ((((".repeat(10_000).into_bytes()), "wrong_format");
}

/// What is slow for a reader that looks back: unclosed values, nested ones, streams without an end, objects that overlap.
#[test]
fn time_is_linear() {
    let overlapping: String = (0..50_000).map(|n| format!("{n} 0 ")).collect();
    let first = overlapping.len();
    let body = format!("{overlapping}[{}]", "1 ".repeat(30_000));
    for bytes in [
        "1 0 obj << /A ".repeat(500_000).into_bytes(),
        "1 0 obj <<>> stream\n".repeat(400_000).into_bytes(),
        [b"1 0 obj ".as_slice(), &vec![b'['; 5_000_000]].concat(),
        with(&[&stream(8, &format!("/Type /ObjStm /N 50000 /First {first} /Filter /FlateDecode"), &deflated(body.as_bytes()))]),
        vec![b'%'; 9_000_000],
    ] {
        let _ = attachments(&bytes);
    }
}

#[test]
fn any_bytes_are_read_or_refused() {
    let text = "(1 0 obj|2 0 obj|3 0 R| |<<|>>|\\[|\\]|/EF|/F|/Type|/ObjStm|/N 1|/First 2|/Length 3|\\(|\\)|\\\\|<|stream\n|endstream|trailer|#|41|%|\n){0,60}";
    foreign((proptest::collection::vec(proptest::num::u8::ANY, 0..300), text, 0_usize..700), |(bytes, text, cut)| {
        let _ = (attachments(&bytes), attachments(text.as_bytes()));
        let mut broken = attaching("factur-x.xml", b"<a/>");
        broken.truncate(cut);
        let _ = attachments(&broken);
    });
}
