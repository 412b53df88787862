//! XML of strangers as a bounded tree.
//!
//! The reader beneath gives events and knows no DTD; a document type or an entity of its own is refused here, so nothing expands and nothing is fetched.
//! Names are local names: the prefixes of a file are its own choice, and where an element stands says what it is. Invariants: the tree is no
//! deeper than [`MAX_DEPTH`], has at most [`MAX_ELEMENTS`] elements, and takes time linear in the bytes.

use std::borrow::Cow;

use quick_xml::{
    Reader, XmlVersion,
    escape::resolve_predefined_entity,
    events::{BytesRef, BytesStart, Event},
};

use super::text::{bounded, decoded};
use crate::domain::invalid::Faults;

/// How many elements may stand in one another.
const MAX_DEPTH: usize = 64;
/// How many elements a file may have.
const MAX_ELEMENTS: usize = 300_000;
/// How many attributes an element may have.
const MAX_ATTRIBUTES: usize = 64;
/// How many all elements may have together.
const MAX_ALL_ATTRIBUTES: usize = 300_000;
/// The longest name of an element or an attribute, in bytes.
const MAX_NAME: usize = 200;

/// A file's elements, in its order.
#[derive(Debug, Default)]
pub(super) struct Document {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    name: Box<str>,
    text: String,
    attributes: Vec<(Box<str>, String)>,
    child: Option<usize>,
    next: Option<usize>,
}

/// An element, seen in its document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a> {
    document: &'a Document,
    node: &'a Node,
}

impl<'a> Element<'a> {
    /// Its local name.
    pub(super) fn name(self) -> &'a str {
        &self.node.name
    }

    /// Whether it declares a namespace whose name begins so.
    pub(super) fn declares(self, namespace: &str) -> bool {
        self.node.attributes.iter().any(|(name, value)| name.starts_with("xmlns") && value.starts_with(namespace))
    }

    /// The value of an attribute, by its name with its prefix.
    pub(super) fn attribute(self, name: &str) -> Option<&'a str> {
        self.node.attributes.iter().find(|(one, _)| **one == *name).map(|(_, value)| value.trim())
    }

    /// The text directly in it, without the spaces around; `None` if there is none.
    pub(super) fn text(self) -> Option<&'a str> {
        Some(self.node.text.trim()).filter(|text| !text.is_empty())
    }

    /// The elements directly in it.
    pub(super) fn elements(self) -> impl Iterator<Item = Self> {
        let document = self.document;
        let at = move |place: usize| document.nodes.get(place).map(|node| Self { document, node });
        std::iter::successors(self.node.child.and_then(at), move |one| one.node.next.and_then(at))
    }

    /// Those of that name.
    pub(super) fn all(self, name: &str) -> impl Iterator<Item = Self> {
        self.elements().filter(move |one| one.name() == name)
    }

    /// The first element at the end of a path of names such as `Party/PostalAddress/CityName`.
    pub(super) fn at(self, path: &str) -> Option<Self> {
        path.split('/').try_fold(self, |here, name| here.all(name).next())
    }

    /// The text there.
    pub(super) fn text_at(self, path: &str) -> Option<&'a str> {
        self.at(path)?.text()
    }
}

impl Document {
    /// The outermost element.
    pub(super) fn root(&self) -> Option<Element<'_>> {
        self.nodes.first().map(|node| Element { document: self, node })
    }

    /// The tree of `bytes`.
    ///
    /// # Errors
    /// One fault: what is no XML, or which bound it breaks.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Faults> {
        let bytes = bounded(bytes)?;
        let text = decoded(bytes, declared(bytes))?;
        let mut reader = Reader::from_str(&text);
        let mut tree = Tree::default();
        loop {
            let event = reader.read_event().map_err(|error| wrong(format!("no XML at byte {}: {error}", reader.error_position())))?;
            match event {
                Event::Start(start) => tree.open(&start)?,
                Event::Empty(start) => {
                    tree.open(&start)?;
                    tree.close();
                }
                Event::End(_) => tree.close(),
                Event::Text(text) => tree.text(&text.decode().map_err(unreadable)?)?,
                Event::CData(text) => tree.text(&text.decode().map_err(unreadable)?)?,
                Event::GeneralRef(reference) => tree.text(meaning(&reference)?.encode_utf8(&mut [0; 4]))?,
                Event::DocType(_) => return Err(Faults::one("", "doctype", "a document type (<!DOCTYPE …>) is refused; leave it out")),
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
                Event::Eof => return tree.done(),
            }
        }
    }
}

fn wrong(detail: impl Into<String>) -> Faults {
    Faults::one("", "wrong_format", detail)
}

fn unreadable(error: impl std::fmt::Display) -> Faults {
    wrong(format!("no XML: {error}"))
}

/// The encoding named in the XML declaration, of a file whose letters are single bytes.
fn declared(bytes: &[u8]) -> Option<&str> {
    let head = bytes.get(..bytes.len().min(200))?;
    let end = head.windows(2).position(|two| two == b"?>")?;
    let declaration = std::str::from_utf8(head.get(..end)?).ok()?.strip_prefix("<?xml")?;
    let (_, after) = declaration.split_once("encoding")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|one| matches!(one, '"' | '\''))?;
    value.get(1..)?.split(quote).next()
}

/// What `&…;` stands for: a character by its number, or one of the five that XML itself names.
fn meaning(reference: &BytesRef<'_>) -> Result<char, Faults> {
    let refused = |name: &str| {
        let name: String = name.chars().take(40).collect();
        Faults::one("", "entity", format!("the entity &{name}; is not read; write the character itself"))
    };
    let name = reference.decode().map_err(unreadable)?;
    if let Some(one) = reference.resolve_char_ref().map_err(|_| refused(&name))? {
        return Ok(one);
    }
    resolve_predefined_entity(&name).and_then(|text| text.chars().next()).ok_or_else(|| refused(&name))
}

/// The tree while it grows: the elements that are open, each with the last child it got.
#[derive(Default)]
struct Tree {
    document: Document,
    attributes: usize,
    open: Vec<(usize, Option<usize>)>,
}

impl Tree {
    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), Faults> {
        let (place, too_much) = (self.document.nodes.len(), |detail: String| Faults::one("", "too_much", detail));
        if self.open.len() >= MAX_DEPTH {
            return Err(too_much(format!("elements stand more than {MAX_DEPTH} deep in one another")));
        }
        if place >= MAX_ELEMENTS {
            return Err(too_much(format!("more than {MAX_ELEMENTS} elements; split the file")));
        }
        let node = Node { name: name(start.local_name().as_ref())?, attributes: attributes(start)?, ..Node::default() };
        self.attributes = self.attributes.saturating_add(node.attributes.len());
        if self.attributes > MAX_ALL_ATTRIBUTES {
            return Err(too_much(format!("more than {MAX_ALL_ATTRIBUTES} attributes; split the file")));
        }
        match self.open.last_mut() {
            None if place > 0 => return Err(wrong("no XML: there is more than one outermost element")),
            None => {}
            Some((parent, last)) => {
                let nodes = &mut self.document.nodes;
                match last.and_then(|last| nodes.get_mut(last)) {
                    Some(before) => before.next = Some(place),
                    None => {
                        if let Some(parent) = nodes.get_mut(*parent) {
                            parent.child = Some(place);
                        }
                    }
                }
                *last = Some(place);
            }
        }
        self.document.nodes.push(node);
        self.open.push((place, None));
        Ok(())
    }

    fn close(&mut self) {
        self.open.pop();
    }

    fn text(&mut self, text: &str) -> Result<(), Faults> {
        match self.open.last().and_then(|(place, _)| self.document.nodes.get_mut(*place)) {
            // What stands between elements is not kept: it is white space, or nobody asks for it.
            Some(node) if !(node.text.is_empty() && text.trim().is_empty()) => node.text.push_str(text),
            None if !text.trim().is_empty() => return Err(wrong("no XML: text stands outside the outermost element")),
            _ => {}
        }
        Ok(())
    }

    fn done(self) -> Result<Document, Faults> {
        match (self.open.is_empty(), self.document.nodes.is_empty()) {
            (true, false) => Ok(self.document),
            (true, true) => Err(wrong("no XML: there is no element")),
            (false, _) => Err(wrong("no XML: the file ends before its elements do")),
        }
    }
}

fn name(bytes: &[u8]) -> Result<Box<str>, Faults> {
    match std::str::from_utf8(bytes) {
        Ok(name) if (1..=MAX_NAME).contains(&name.len()) => Ok(name.into()),
        _ => Err(wrong(format!("no XML: a name has 1 to {MAX_NAME} bytes"))),
    }
}

/// The attributes, counted as they are read: those that come after the last one allowed cost nothing. Twice the same name is not looked for: it
/// would take quadratic time, and the first one is as good as any.
fn attributes(start: &BytesStart<'_>) -> Result<Vec<(Box<str>, String)>, Faults> {
    let mut kept = Vec::new();
    for (n, attribute) in start.attributes().with_checks(false).enumerate() {
        if n >= MAX_ATTRIBUTES {
            return Err(Faults::one("", "too_much", format!("an element has more than {MAX_ATTRIBUTES} attributes")));
        }
        let attribute = attribute.map_err(unreadable)?;
        let value: Cow<'_, str> = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(unreadable)?;
        kept.push((name(attribute.key.as_ref())?, value.into_owned()));
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::import::fuzz::foreign;

    fn fault(text: &str) -> String {
        let faults = Document::read(text.as_bytes()).unwrap_err();
        format!("{}: {}", faults.0[0].code, faults.0[0].detail)
    }

    #[test]
    fn a_tree_is_walked_by_local_names() {
        let text = "<?xml version='1.0'?><!-- x --><a:r xmlns:a='urn:x'><p> 1 &amp;&#32;<![CDATA[<2>]]> </p><q c='&lt;'><p>3</p><p>4</p></q><e/></a:r>";
        let document = Document::read(text.as_bytes()).unwrap();
        let root = document.root().unwrap();
        assert_eq!((root.name(), root.attribute("xmlns:a")), ("r", Some("urn:x")));
        assert!(root.declares("urn:") && !root.declares("x"));
        assert_eq!(
            (root.text_at("p"), root.text_at("q/p"), root.text_at("e"), root.text_at("q/x")),
            (Some("1 & <2>"), Some("3"), None, None)
        );
        assert_eq!(root.at("q").unwrap().attribute("c"), Some("<"));
        let all: Vec<&str> = root.at("q").unwrap().all("p").filter_map(Element::text).collect();
        assert_eq!((all, root.elements().count()), (vec!["3", "4"], 3));
    }

    #[test]
    fn what_could_grow_is_refused() {
        let bomb = "<!DOCTYPE l [<!ENTITY a 'lol'><!ENTITY b '&a;&a;&a;&a;'>]><l>&b;</l>";
        assert!(fault(bomb).starts_with("doctype: "), "{}", fault(bomb));
        assert!(fault("<!DOCTYPE r SYSTEM 'file:///etc/passwd'><r/>").starts_with("doctype: "));
        assert!(fault("<r>&b;</r>").starts_with("entity: the entity &b;"));
        assert!(fault("<r>&#0;</r>").starts_with("entity: ") && fault("<r>&#xFFFFFFFFF;</r>").starts_with("entity: "));
        assert!(fault(&"<a>".repeat(100_000)).starts_with("too_much: elements stand more than 64"));
        assert!(fault(&format!("<r>{}</r>", "<a/>".repeat(MAX_ELEMENTS))).starts_with("too_much: more than 300000"));
        let many: String = (0..80_000).map(|n| format!(" a{n}='x'")).collect();
        assert!(fault(&format!("<r{many}/>")).starts_with("too_much: an element has more than 64 attributes"));
        let spread = format!("<r>{}</r>", "<a b='' c='' d=''/>".repeat(MAX_ALL_ATTRIBUTES / 3 + 1));
        assert!(fault(&spread).starts_with("too_much: more than 300000 attributes"));
        assert!(fault(&format!("<{}/>", "n".repeat(1000))).contains("a name has"));
    }

    #[test]
    fn what_is_no_xml_is_refused() {
        for text in ["hello", "<a>", "<a></b>", "<a/><b/>", "<a/>x", "<a", "<a b></a>", "<a>&amp</a>", "<!-- only -->", "<a b='&x;'/>"] {
            assert!(fault(text).starts_with("wrong_format: "), "{text}: {}", fault(text));
        }
        assert!(fault("<?xml version='1.0' encoding='EBCDIC-CP-FR'?><a/>").starts_with("encoding: "));
        assert!(Document::read(b"<?xml version='1.0' encoding='UTF-8'?><a>\xe9</a>").unwrap_err().0[0].code == "encoding");
    }

    #[test]
    fn other_encodings_are_read() {
        let latin = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>caf\xe9</a>";
        assert_eq!(Document::read(latin).unwrap().root().unwrap().text(), Some("café"));
        let wide: Vec<u8> = "\u{feff}<?xml version='1.0' encoding='UTF-16'?><a>é</a>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(Document::read(&wide).unwrap().root().unwrap().text(), Some("é"));
    }

    /// Ten megabytes of what is worst for it take a moment, not minutes.
    #[test]
    fn time_is_linear() {
        let text = format!("<r>{}</r>", "a&amp;".repeat(1_500_000));
        assert_eq!(Document::read(text.as_bytes()).unwrap().root().unwrap().text().map(str::len), Some(3_000_000));
    }

    #[test]
    fn any_bytes_are_a_tree_or_a_fault() {
        let text = "(<|>|/|a|b|'|=| |&|;|#|!|\\?|\\[|\\]|-|CDATA|DOCTYPE|xml){0,60}";
        foreign((proptest::collection::vec(proptest::num::u8::ANY, 0..300), text), |(bytes, text)| {
            let _ = (Document::read(&bytes), Document::read(text.as_bytes()));
        });
    }
}
