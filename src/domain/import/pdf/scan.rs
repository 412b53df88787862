//! One pass over a PDF: where its objects are, and what the streams among them hold.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
};

use flate2::read::ZlibDecoder;

use super::{
    MAX_INFLATED,
    object::{Reader, Value, whole},
    specification, wrong,
};
use crate::domain::invalid::Faults;

/// How many objects a file may have.
const MAX_OBJECTS: usize = 200_000;
/// How many of them may be unreadable before the file is called damaged: each costs a look at some bytes twice.
const MAX_UNREADABLE: usize = 500;

/// The name of an attachment and the number of its stream.
pub(super) type Specification = (Option<String>, u32);

/// The entries of a stream's dictionary that are asked for.
const OF_A_STREAM: [&str; 6] = ["Type", "Length", "Filter", "DecodeParms", "N", "First"];

/// The objects of a file.
pub(super) struct File<'a> {
    bytes: &'a [u8],
    objects: BTreeMap<u32, Object>,
    /// How much may still be inflated.
    left: usize,
}

/// As much of an object as is asked for: pages and fonts leave nothing but their number.
#[derive(Debug)]
struct Object {
    /// The dictionary of a stream, or a number that may be a stream's length.
    value: Value,
    /// Name and stream of each file specification in it.
    specifications: Vec<Specification>,
    /// Where the bytes of its stream begin, and where at the latest they end.
    stream: Option<(usize, usize)>,
}

impl<'a> File<'a> {
    /// The objects in `bytes`, those in object streams too.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Faults> {
        let mut file = Self { bytes, objects: BTreeMap::new(), left: MAX_INFLATED };
        file.scan()?;
        let packed: Vec<u32> = file.objects.iter().filter(|(_, object)| is(object, "Type", "ObjStm")).map(|(number, _)| *number).collect();
        for number in packed {
            file.unpack(number)?;
        }
        Ok(file)
    }

    fn scan(&mut self) -> Result<(), Faults> {
        let (mut at, mut unreadable) = (0_usize, 0_usize);
        while let Some((word, found)) = landmark(self.bytes, at) {
            at = found.saturating_add(word.len());
            if word == b"trailer" {
                let trailer = Reader::new(self.bytes, at).value();
                refuse_encrypted(trailer.as_ref())?;
                continue;
            }
            let Some(number) = number_before(self.bytes, found) else { continue };
            let mut reader = Reader::new(self.bytes, at);
            let Some(value) = reader.value() else {
                unreadable = unreadable.saturating_add(1);
                if unreadable > MAX_UNREADABLE {
                    return Err(wrong("wrong_format", "it is damaged"));
                }
                continue;
            };
            at = reader.place();
            let stream = self.stream(&mut reader, &value);
            if let Some((_, end)) = stream {
                at = end;
            }
            if value.get("Type").and_then(Value::name) == Some("XRef") {
                refuse_encrypted(Some(&value))?;
            }
            self.objects.insert(number, Object::of(value, stream));
            if self.objects.len() > MAX_OBJECTS {
                return Err(wrong("too_much", format!("more than {MAX_OBJECTS} objects")));
            }
        }
        Ok(())
    }

    /// Where the stream behind a dictionary lies. Its length may be told by another object, or wrongly: then the word `endstream` ends it.
    fn stream(&self, reader: &mut Reader<'_>, value: &Value) -> Option<(usize, usize)> {
        if !matches!(value, Value::Dictionary(_)) || !reader.keyword("stream") {
            return None;
        }
        let rest = self.bytes.get(reader.place()..)?;
        let line_end = if rest.starts_with(b"\r\n") { 2 } else { usize::from(rest.starts_with(b"\n") || rest.starts_with(b"\r")) };
        let start = reader.place().checked_add(line_end)?;
        let told = value.get("Length").and_then(Value::number).and_then(|length| start.checked_add(usize::try_from(length).ok()?));
        let ends = |end: &usize| {
            let after = self.bytes.get(*end..).unwrap_or_default();
            after.get(..after.len().min(20)).is_some_and(|near| near.trim_ascii_start().starts_with(b"endstream"))
        };
        let end = told.filter(ends).or_else(|| find(self.bytes, start, b"endstream"));
        Some((start, end.unwrap_or(self.bytes.len())))
    }

    /// The objects inside an object stream (7.5.7). One that stands outside too came later, by an update, and is kept.
    fn unpack(&mut self, number: u32) -> Result<(), Faults> {
        let Some(object) = self.objects.get(&number) else { return Ok(()) };
        let offset = |key: &str| object.value.get(key).and_then(Value::number).and_then(|number| usize::try_from(number).ok());
        let (Some(count), Some(first)) = (offset("N"), offset("First")) else { return Ok(()) };
        let Some(content) = self.content(number)? else { return Ok(()) };
        let mut header = content.get(..first).unwrap_or_default().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).map(whole);
        let mut end = first;
        for _ in 0..count.min(MAX_OBJECTS) {
            let (Some(Some(number)), Some(Some(place))) = (header.next(), header.next()) else { break };
            // They stand one after the other; were they allowed to overlap, a small stream could be read for ever.
            let place = usize::try_from(place).ok().and_then(|place| first.checked_add(place)).filter(|place| *place >= end);
            let Some(place) = place else { break };
            let mut reader = Reader::new(&content, place);
            if let Some(value) = reader.value() {
                self.objects.entry(number).or_insert_with(|| Object::of(value, None));
            }
            end = reader.place();
            if self.objects.len() > MAX_OBJECTS {
                return Err(wrong("too_much", format!("more than {MAX_OBJECTS} objects")));
            }
        }
        Ok(())
    }

    /// The file specifications with an embedded stream, each stream once, in the order of the objects' numbers.
    pub(super) fn specifications(&self) -> Vec<Specification> {
        let mut streams = BTreeSet::new();
        let all = self.objects.values().flat_map(|object| &object.specifications);
        all.filter(|(_, stream)| streams.insert(*stream)).cloned().collect()
    }

    /// What a stream holds, inflated if it is deflated; `None` if there is no such stream.
    pub(super) fn content(&mut self, number: u32) -> Result<Option<Vec<u8>>, Faults> {
        let Some((object, (start, end))) = self.objects.get(&number).and_then(|object| Some((object, object.stream?))) else {
            return Ok(None);
        };
        let told = object.value.get("Length").and_then(|length| self.number(length)).and_then(|length| usize::try_from(length).ok());
        let end = told.and_then(|length| start.checked_add(length)).filter(|told| *told <= end).unwrap_or(end);
        let raw = self.bytes.get(start..end).unwrap_or_default();
        let filters: Vec<&str> = match object.value.get("Filter") {
            Some(Value::Array(filters)) => filters.iter().filter_map(Value::name).collect(),
            Some(filter) => filter.name().into_iter().collect(),
            None => Vec::new(),
        };
        let predicted = object.value.get("DecodeParms").is_some_and(has_predictor);
        let content = match filters.as_slice() {
            _ if predicted => return Err(wrong("unsupported", "an attachment is deflated with a predictor, which is for pictures")),
            [] => Some(raw.to_vec()).filter(|raw| raw.len() <= self.left),
            ["FlateDecode" | "Fl"] => inflated(raw, self.left)?,
            other => {
                return Err(wrong("unsupported", format!("an attachment is filtered by {}; only FlateDecode is read", other.join(", "))));
            }
        };
        let content = content.ok_or_else(|| wrong("too_much", format!("what is inside inflates to more than {MAX_INFLATED} bytes")))?;
        self.left = self.left.saturating_sub(content.len());
        Ok(Some(content))
    }

    fn number(&self, value: &Value) -> Option<u32> {
        match value {
            Value::Reference(number) => self.objects.get(number)?.value.number(),
            other => other.number(),
        }
    }
}

impl Object {
    fn of(value: Value, stream: Option<(usize, usize)>) -> Self {
        let mut specifications = Vec::new();
        let mut waiting = vec![&value];
        while let Some(value) = waiting.pop() {
            specifications.extend(specification(value));
            match value {
                Value::Dictionary(entries) => waiting.extend(entries.values()),
                Value::Array(values) => waiting.extend(values),
                _ => {}
            }
        }
        let value = match value {
            Value::Dictionary(mut entries) if stream.is_some() => {
                entries.retain(|key, _| OF_A_STREAM.contains(&key.as_str()));
                Value::Dictionary(entries)
            }
            Value::Number(number) => Value::Number(number),
            _ => Value::Other,
        };
        Self { value, specifications, stream }
    }
}

/// Whether the parameters of a filter, one or one for each, name a predictor other than none.
fn has_predictor(parameters: &Value) -> bool {
    match parameters {
        Value::Array(all) => all.iter().any(has_predictor),
        one => one.get("Predictor").and_then(Value::number).is_some_and(|predictor| predictor > 1),
    }
}

/// What `raw` inflates to; `None` if that is more than `most`.
fn inflated(raw: &[u8], most: usize) -> Result<Option<Vec<u8>>, Faults> {
    let mut content = Vec::new();
    let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let read = ZlibDecoder::new(raw).take(bound).read_to_end(&mut content);
    if content.len() > most {
        return Ok(None);
    }
    read.map_err(|_| wrong("wrong_format", "an attachment does not inflate"))?;
    Ok(Some(content))
}

fn is(object: &Object, key: &str, name: &str) -> bool {
    object.value.get(key).and_then(Value::name) == Some(name)
}

fn refuse_encrypted(trailer: Option<&Value>) -> Result<(), Faults> {
    match trailer.and_then(|trailer| trailer.get("Encrypt")) {
        Some(_) => Err(wrong("encrypted", "it is encrypted; save it without a password")),
        None => Ok(()),
    }
}

/// The next `obj` or `trailer`, whole words both.
fn landmark(bytes: &[u8], from: usize) -> Option<(&'static [u8], usize)> {
    let rest = bytes.get(from..)?;
    let near = rest.windows(7).position(|seven| (seven.starts_with(b"obj") && !seven.starts_with(b"objs")) || seven == b"trailer")?;
    let place = from.checked_add(near)?;
    let word: &[u8] = if rest.get(near..)?.starts_with(b"obj") { b"obj" } else { b"trailer" };
    Some((word, place))
}

/// The object number before ` 0 obj`.
fn number_before(bytes: &[u8], place: usize) -> Option<u32> {
    let before = bytes.get(place.saturating_sub(32)..place)?;
    let mut words = before.rsplit(|byte| !byte.is_ascii_digit()).filter(|word| !word.is_empty());
    let blank = before.last().is_some_and(u8::is_ascii_whitespace);
    let (_generation, number) = (whole(words.next()?)?, whole(words.next()?)?);
    blank.then_some(number)
}

fn find(bytes: &[u8], from: usize, word: &[u8]) -> Option<usize> {
    let near = bytes.get(from..)?.windows(word.len()).position(|window| window == word)?;
    from.checked_add(near)
}
