//! Tampering: a sound log, every way to spoil it, and the verdict of two verifiers that share no code.

use std::borrow::Cow;

use chrono::DateTime;
use serde_json::{Value, json};

use super::{
    super::{
        checkpoint::{Signer, Statement},
        entry::{Disclosure, Entry},
    },
    *,
};
use crate::domain::ids::{EvidenceId, Mode};

mod second;

const SEALS: [u64; 4] = [1, 10, 17, 40];

fn tenant() -> TenantId {
    TenantId::from_uuid(uuid::Uuid::from_u128(0x0191_0000_0000_7000_8000_0000_0000_0002))
}

fn signer() -> Signer {
    Signer::derive(&[7; 32]).unwrap()
}

fn sealed(index: u64, partition: TenantId) -> Sealed {
    let at = |second: u64| DateTime::from_timestamp(i64::try_from(1_767_225_600 + second).unwrap(), 5_000).unwrap();
    let open = |field: &str, salt: u8| Disclosure { field: field.to_owned(), salt: [salt; 32], value: format!("{field} {index}") };
    let disclosures = if index.is_multiple_of(3) { vec![open("email", 1), open("phone", 2)] } else { vec![] };
    let record = Entry {
        id: EvidenceId::from_uuid(uuid::Uuid::from_u128(u128::from(index))),
        kind: if index.is_multiple_of(2) { "invoice.created" } else { "message.sent" }.to_owned(),
        subject: format!("inv_{index}"),
        actor: if index.is_multiple_of(2) { "system" } else { "key_1" }.to_owned(),
        privileged: index % 2 == 1,
        occurred_at: at(index),
        recorded_at: at(2 * index + 1),
        body: json!({"total": index, "lines": [{"net": index + 1, "text": "a\u{e9}\n"}], "none": null}),
        commitments: disclosures.iter().map(Disclosure::commitment).collect(),
    };
    Sealed { index, digest: record.digest(partition).unwrap(), record, disclosures }
}

/// The log of `entries`, under checkpoints at `seals`.
fn log_of(entries: impl Iterator<Item = Sealed>, seals: &[u64], partition: TenantId, signer: &Signer) -> Vec<u8> {
    let mut file = Vec::new();
    let header = Header::new(partition, vec![signer.public_key().unwrap()]);
    Line::Header(Cow::Owned(header)).write(&mut file).unwrap();
    let (mut tree, mut previous) = (Tree::default(), 0);
    for entry in entries {
        tree.push(entry.digest, |_| ());
        Line::Entry(Cow::Owned(entry)).write(&mut file).unwrap();
        if seals.contains(&tree.size()) {
            let at = DateTime::from_timestamp(1_767_300_000, 0).unwrap();
            let statement = Statement::new(partition, previous, tree.size(), tree.root(), at);
            Line::Checkpoint(Cow::Owned(signer.sign(statement).unwrap().line())).write(&mut file).unwrap();
            previous = tree.size();
        }
    }
    file
}

fn log() -> Vec<u8> {
    log_of((0..40).map(|index| sealed(index, tenant())), &SEALS, tenant(), &signer())
}

fn lines(file: &[u8]) -> Vec<String> {
    std::str::from_utf8(file).unwrap().lines().map(str::to_owned).collect()
}

fn checked(file: &[u8], trust: &Trust) -> Report {
    verify(file, trust).unwrap()
}

fn join(lines: &[String]) -> Vec<u8> {
    lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect::<String>().into_bytes()
}

/// The checkpoints of a log, as an attentive client keeps them.
fn kept(file: &[u8]) -> Vec<String> {
    let values = lines(file).into_iter().map(|line| serde_json::from_str::<Value>(&line).unwrap());
    values.filter_map(|line| line["checkpoint"].as_str().map(str::to_owned)).collect()
}

fn trusting(checkpoints: Vec<String>) -> Trust {
    Trust { keys: vec![signer().public_key().unwrap()], checkpoints }
}

/// What is found without any knowledge from outside, by both verifiers.
fn is_found(lines: &[String]) -> bool {
    let file = join(lines);
    let report = checked(&file, &Trust::default());
    assert_eq!(second::is_sound(std::str::from_utf8(&file).unwrap()), report.is_sound(), "the verifiers disagree: {:?}", report.findings);
    !report.is_sound()
}

#[test]
fn a_sound_log_has_no_findings() {
    let file = log();
    let mut held = kept(&file);
    let note = Checkpoint::from_line(tenant(), &held[1]).unwrap().note();
    held.push(note);
    let report = checked(&file, &trusting(held));
    assert_eq!(report.findings, []);
    assert_eq!((report.entries, report.checkpoints, report.kept, report.disclosed, report.erased), (40, 4, 5, 28, 0));
    assert_eq!(report.last.map(|last| last.statement.size), Some(40));
    assert!(second::is_sound(std::str::from_utf8(&file).unwrap()));
    assert!(
        checked(&log_of([].into_iter(), &[], tenant(), &signer())[..], &Trust::default()).findings.len() == 1,
        "a key that signed nothing"
    );
}

/// The log with every phone number erased but entry 3's, and for each the entry that says so; except for the first `unsaid` of them.
fn erased_log(unsaid: usize) -> Vec<u8> {
    let mut entries: Vec<Sealed> = (0..40).map(|index| sealed(index, tenant())).collect();
    let mut said = Vec::new();
    for entry in entries.iter_mut().filter(|entry| entry.index != 3 && !entry.disclosures.is_empty()) {
        entry.disclosures.retain(|disclosure| disclosure.field != "phone");
        said.push(entry.record.id);
    }
    for id in said.into_iter().skip(unsaid) {
        let mut entry = sealed(u64::try_from(entries.len()).unwrap(), tenant());
        entry.record.kind = ERASED.to_owned();
        entry.record.subject = id.to_string();
        entry.record.body = json!({"fields": ["phone"], "reason": "person_asked"});
        (entry.record.commitments, entry.disclosures) = (vec![], vec![]);
        entry.digest = entry.record.digest(tenant()).unwrap();
        entries.push(entry);
    }
    let end = u64::try_from(entries.len()).unwrap();
    log_of(entries.into_iter(), &[1, 10, 17, 40, end], tenant(), &signer())
}

#[test]
fn an_erasure_on_record_is_no_fault() {
    let file = erased_log(0);
    let report = checked(&file, &Trust::default());
    assert_eq!((report.findings.len(), report.disclosed, report.erased), (0, 15, 13));
    assert!(second::is_sound(std::str::from_utf8(&file).unwrap()));
}

#[test]
fn what_vanished_without_an_entry_is_found() {
    for unsaid in 1..=13 {
        let file = erased_log(unsaid);
        let report = checked(&file, &Trust::default());
        assert!(report.findings.iter().all(|finding| matches!(finding.what, Fault::Vanished { .. })));
        assert_eq!((report.findings.len(), report.erased), (unsaid, 13));
        assert!(!second::is_sound(std::str::from_utf8(&file).unwrap()));
    }
}

/// A clock that stepped back may place an erasure before what it erased.
#[test]
fn the_entry_of_an_erasure_may_come_first() {
    let file = lines(&erased_log(0));
    let entries = file.iter().filter(|line| line.starts_with("{\"entry")).map(|line| match serde_json::from_str(line).unwrap() {
        Line::Entry(sealed) => sealed.into_owned(),
        other => panic!("{other:?}"),
    });
    let mut entries: Vec<Sealed> = entries.collect();
    entries.reverse();
    (0..).zip(&mut entries).for_each(|(index, entry)| entry.index = index);
    let end = u64::try_from(entries.len()).unwrap();
    let file = log_of(entries.into_iter(), &[end], tenant(), &signer());
    assert_eq!(checked(&file, &Trust::default()).findings, []);
    assert!(second::is_sound(std::str::from_utf8(&file).unwrap()));
}

/// Every place in a JSON value, as pointers.
fn places(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(key, member)| places(member, format!("{at}/{key}"), found)),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| places(item, format!("{at}/{index}"), found)),
        _ => {}
    }
    found.push(at);
}

/// The nearest other value of the same type.
fn changed(value: &Value) -> Value {
    match value {
        Value::Null => json!(0),
        Value::Bool(truth) => json!(!truth),
        Value::Number(number) => json!(number.as_i64().unwrap() + 1),
        Value::String(text) => json!(bent(text)),
        Value::Array(items) => items.iter().cloned().chain([items.first().cloned().unwrap_or(json!(1))]).collect(),
        Value::Object(members) => members.clone().into_iter().chain([("zz".to_owned(), json!(1))]).collect(),
    }
}

/// The text with its last letter or digit changed, so that most formats still accept it.
fn bent(text: &str) -> String {
    let at = text.rfind(|letter: char| letter.is_ascii_alphanumeric()).unwrap();
    let mut bytes = text.as_bytes().to_vec();
    bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
    String::from_utf8(bytes).unwrap()
}

fn remove(value: &mut Value, place: &str) {
    let (parent, name) = place.rsplit_once('/').unwrap();
    match value.pointer_mut(parent).unwrap() {
        Value::Object(members) => drop(members.remove(name)),
        Value::Array(items) => drop(items.remove(name.parse().unwrap())),
        other => panic!("{other} has no parts"),
    }
}

/// As a careful forger writes it: in the format's own spelling, wherever the format can express it.
fn spelled(value: &Value) -> String {
    let text = value.to_string();
    match serde_json::from_str::<Line<'_>>(&text) {
        Ok(line) => serde_json::to_string(&line).unwrap_or(text),
        Err(_) => text,
    }
}

fn tampered(original: &[String], changes: &[(usize, &Value)]) -> Vec<String> {
    let mut lines = original.to_vec();
    changes.iter().for_each(|(at, value)| lines[*at] = spelled(value));
    lines
}

#[test]
fn every_field_changed_removed_emptied_or_swapped_is_found() {
    let original = lines(&log());
    let values: Vec<Value> = original.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut tried = 0;
    for (at, value) in values.iter().enumerate() {
        let mut found = Vec::new();
        places(value, String::new(), &mut found);
        for place in found.iter().filter(|place| !place.is_empty()) {
            let mut check = |lines: Vec<String>, how: &str| {
                tried += 1;
                assert!(is_found(&lines), "line {}: {place} {how}", at + 1);
            };
            let mut other = value.clone();
            let part = other.pointer_mut(place).unwrap();
            *part = changed(part);
            check(tampered(&original, &[(at, &other)]), "changed");
            if !value.pointer(place).unwrap().is_null() {
                let mut other = value.clone();
                *other.pointer_mut(place).unwrap() = Value::Null;
                check(tampered(&original, &[(at, &other)]), "emptied");
            }
            let mut other = value.clone();
            remove(&mut other, place);
            check(tampered(&original, &[(at, &other)]), "removed");
            let neighbour =
                (at + 1..values.len()).find(|next| values[*next].pointer(place).is_some_and(|part| Some(part) != value.pointer(place)));
            if let Some(next) = neighbour {
                let (mut one, mut two) = (value.clone(), values[next].clone());
                std::mem::swap(one.pointer_mut(place).unwrap(), two.pointer_mut(place).unwrap());
                // Two whole lines that change places are the next test's.
                if one != values[next] {
                    check(tampered(&original, &[(at, &one), (next, &two)]), "swapped");
                }
            }
        }
    }
    assert!(tried > 3_000, "{tried} only");
}

#[test]
fn a_forger_who_mends_the_digest_is_found_at_the_checkpoint() {
    for victim in 0..40 {
        let entries = (0..40).map(|index| {
            let mut entry = sealed(index, tenant());
            if index == victim {
                entry.record.body["total"] = json!(1_000_000);
                entry.digest = entry.record.digest(tenant()).unwrap();
            }
            entry
        });
        let mut forged = lines(&log_of(entries, &SEALS, tenant(), &signer()));
        for (line, honest) in forged.iter_mut().zip(lines(&log())).filter(|(line, _)| line.starts_with("{\"checkpoint\"")) {
            *line = honest;
        }
        let report = checked(&join(&forged), &Trust::default());
        let roots = SEALS.iter().filter(|seal| **seal > victim).count();
        assert_eq!(report.findings.len(), roots, "entry {victim}");
        assert!(report.findings.iter().all(|finding| finding.what == Fault::Root));
    }
}

#[test]
fn every_line_deleted_repeated_or_moved_is_found() {
    let original = lines(&log_of((0..16).map(|index| sealed(index, tenant())), &[1, 6, 10, 16], tenant(), &signer()));
    let last = original.len() - 1;
    for at in 0..original.len() {
        let mut shorter = original.clone();
        let line = shorter.remove(at);
        assert!(is_found(&shorter) || at == last && ends_sealed(&shorter), "line {} deleted", at + 1);
        for to in 0..original.len() {
            let mut moved = shorter.clone();
            moved.insert(to, line.clone());
            assert!(to == at || is_found(&moved), "line {} moved to {}", at + 1, to + 1);
            let mut longer = original.clone();
            longer.insert(to, line.clone());
            assert!(is_found(&longer), "line {} repeated at {}", at + 1, to + 1);
        }
    }
}

fn ends_sealed(lines: &[String]) -> bool {
    lines.last().is_some_and(|line| line.starts_with("{\"checkpoint\""))
}

/// A file cut behind a checkpoint is a sound, shorter log. Only who kept a later checkpoint can tell.
#[test]
fn a_cut_tail_is_found_and_behind_a_checkpoint_only_from_outside() {
    let file = log();
    let original = lines(&file);
    let trust = trusting(vec![kept(&file).pop().unwrap()]);
    for length in 0..original.len() {
        let cut = &original[..length];
        assert_eq!(is_found(cut), !ends_sealed(cut), "cut to {length} lines");
        let report = checked(&join(cut), &trust);
        let found = report.entries;
        // The shortest cut takes the last checkpoint alone: every entry is there, 23 of them under no seal.
        let what = if found == 40 { Fault::Unsealed(23) } else { Fault::Truncated { kept: 40, found } };
        assert!(length == 0 || report.findings.contains(&Finding { line: 0, what }), "cut to {length} lines: {:?}", report.findings);
        assert!(!report.is_sound());
    }
    for length in (0..file.len()).rev().take(900).filter(|length| file[length - 1] != b'\n') {
        assert!(!checked(&file[..length], &Trust::default()).is_sound(), "cut to {length} bytes");
    }
}

#[test]
fn a_log_written_anew_is_found_from_outside() {
    let honest = log();
    let changed = || {
        (0..40).map(|index| {
            let mut entry = sealed(index, tenant());
            entry.record.privileged = false;
            entry.digest = entry.record.digest(tenant()).unwrap();
            entry
        })
    };
    let thief = Signer::derive(&[8; 32]).unwrap();
    let other_key = log_of(changed(), &SEALS, tenant(), &thief);
    assert!(checked(&other_key, &Trust::default()).is_sound(), "sound in itself: nothing inside can tell");
    let by_key = checked(&other_key, &trusting(vec![])).findings;
    assert_eq!(by_key, [Finding { line: 1, what: Fault::Stranger(thief.public_key().unwrap()) }]);
    let by_checkpoint = checked(&other_key, &Trust { keys: vec![], checkpoints: vec![kept(&honest)[0].clone()] }).findings;
    assert_eq!(by_checkpoint, [Finding { line: 0, what: Fault::KeptSignature(1) }]);

    let stolen_key = log_of(changed(), &SEALS, tenant(), &signer());
    assert!(checked(&stolen_key, &trusting(vec![])).is_sound());
    let findings = checked(&stolen_key, &trusting(kept(&honest))).findings;
    assert_eq!(
        findings.iter().map(|finding| &finding.what).collect::<Vec<_>>(),
        [&Fault::KeptRoot(10), &Fault::KeptRoot(17), &Fault::KeptRoot(40)]
    );
}

#[test]
fn a_fork_and_another_log_are_found() {
    let fork = (0..41).map(|index| sealed(index, tenant()));
    let fork = log_of(fork, &[1, 10, 17, 41], tenant(), &signer());
    assert!(checked(&fork, &trusting(kept(&log()))).is_sound(), "it only grew");
    let test = tenant().in_mode(Mode::Test);
    let other = log_of((0..40).map(|index| sealed(index, test)), &SEALS, test, &signer());
    assert!(checked(&other, &Trust::default()).is_sound());
    let note = Checkpoint::from_line(tenant(), &kept(&log())[3]).unwrap().note();
    assert_eq!(checked(&other, &trusting(vec![note])).findings, [Finding { line: 0, what: Fault::KeptElsewhere(40) }]);
    let unread = checked(&other, &trusting(vec!["40:1".to_owned()])).findings;
    assert_eq!(unread, [Finding { line: 0, what: Fault::Kept("40:1".to_owned()) }]);
}

#[test]
fn checkpoints_of_another_key_are_found() {
    let mut forged = lines(&log());
    let thief = lines(&log_of((0..40).map(|index| sealed(index, tenant())), &SEALS, tenant(), &Signer::derive(&[8; 32]).unwrap()));
    let last = forged.len() - 1;
    forged[last].clone_from(&thief[last]);
    assert!(is_found(&forged));
    assert_eq!(checked(&join(&forged), &Trust::default()).findings, [Finding { line: 45, what: Fault::Signature }]);
}

#[test]
fn a_signed_size_must_be_the_size() {
    let mut forged = lines(&log());
    let honest = Checkpoint::from_line(tenant(), &kept(&log())[3]).unwrap().statement;
    let last = forged.len() - 1;
    forged[last] = json!({"checkpoint": signer().sign(Statement { size: 41, ..honest }).unwrap().line()}).to_string();
    assert!(is_found(&forged));
    let size = Fault::Size { stated: 41, found: 40 };
    assert_eq!(checked(&join(&forged), &Trust::default()).findings, [Finding { line: 45, what: size }]);
}

#[test]
fn respelling_is_found() {
    let original = lines(&log());
    let respell = |from: &str, to: &str| {
        let mut lines = original.clone();
        assert!(lines[1].contains(from));
        lines[1] = lines[1].replacen(from, to, 1);
        checked(&join(&lines), &Trust::default()).findings
    };
    for (from, to) in [
        ("\"index\":0", "\"index\": 0"),
        ("01T00:00:00.000005Z", "01T00:00:00.000005z"),
        ("\"total\":0", "\"total\":7,\"total\":0"),
        ("invoice.created", "invoice\\u002ecreated"),
        ("000005Z", "0000050Z"),
        ("000005Z", "000005+00:00"),
    ] {
        assert_eq!(respell(from, to), [Finding { line: 2, what: Fault::Respelled }], "{to}");
    }
}

#[test]
fn a_hostile_file_ends() {
    let huge = vec![b'['; usize::try_from(MAX_LINE).unwrap() + 1];
    assert_eq!(checked(&huge, &Trust::default()).findings, [Finding { line: 1, what: Fault::Cut }]);
    let nested = [vec![b'['; 100_000], b"\n".to_vec()].concat();
    assert!(matches!(checked(&nested, &Trust::default()).findings[0].what, Fault::Unreadable(_)));
    let many = checked(&b"{}\n".repeat(2 * MAX_FINDINGS), &Trust::default());
    assert_eq!((many.findings.len(), many.unlisted), (MAX_FINDINGS, 1_000));
    let full = [b"{\"entry\":{\"index\":18446744073709551615,".as_slice(), b"\xff\n"].concat();
    assert!(!checked(&full, &Trust::default()).is_sound());
}

#[test]
fn a_long_log_is_verified_whole() {
    let file = log_of((0..100_000).map(|index| sealed(index, tenant())), &[50_000, 100_000], tenant(), &signer());
    let report = checked(&file, &Trust::default());
    assert!(report.is_sound() && report.entries == 100_000, "{report:?}");
}
