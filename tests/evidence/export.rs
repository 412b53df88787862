//! A real export, bent in every field, and what the command says of it.

use std::process::Command;

use serde_json::Value;

use super::*;

/// Every place in a JSON value, as pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(key, member)| places(member, &format!("{at}/{key}"), found)),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| places(item, &format!("{at}/{index}"), found)),
        _ => {}
    }
    found.push(at.to_owned());
}

fn changed(value: &Value) -> Value {
    match value {
        Value::Null => json!(0),
        Value::Bool(truth) => json!(!truth),
        Value::Number(number) => json!(number.as_i64().unwrap() + 1),
        Value::String(text) => {
            let at = text.rfind(|letter: char| letter.is_ascii_alphanumeric()).unwrap();
            let other = if text.as_bytes()[at] == b'1' { "2" } else { "1" };
            json!(format!("{}{other}{}", &text[..at], &text[at + 1..]))
        }
        Value::Array(items) => json!(items.iter().cloned().chain([json!(1)]).collect::<Vec<_>>()),
        Value::Object(_) => json!({}),
    }
}

fn removed(value: &Value, place: &str) -> Value {
    let mut other = value.clone();
    let (parent, name) = place.rsplit_once('/').unwrap();
    match other.pointer_mut(parent).unwrap() {
        Value::Object(members) => drop(members.remove(name)),
        Value::Array(items) => drop(items.remove(name.parse().unwrap())),
        plain => panic!("{plain} has no parts"),
    }
    other
}

on_both! {
    async fn every_field_of_every_line_counts(app: App) {
        let tenant = tenant_with_log(&app, 2).await;
        let file = String::from_utf8(app.fetch("/v1/evidence/export", &tenant.live).await.unwrap()).unwrap();
        let lines: Vec<Value> = file.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let original: Vec<String> = file.lines().map(str::to_owned).collect();
        let mut tried = 0;
        let mut check = |at: usize, other: &[(usize, &Value)], how: &str| {
            let mut bent = original.clone();
            // In the spelling of the format, so that it is the value that is found and not its spelling.
            other.iter().for_each(|(at, value)| {
                let text = value.to_string();
                let spelled = serde_json::from_str::<relance::domain::evidence::export::Line<'_>>(&text).ok().and_then(|line| serde_json::to_string(&line).ok());
                bent[*at] = spelled.unwrap_or(text);
            });
            let text = bent.iter().map(|line| format!("{line}\n")).collect::<String>();
            assert!(!verify(text.as_bytes(), &Trust::default()).unwrap().is_sound(), "line {}: {how}", at + 1);
            tried += 1;
        };
        for (at, value) in lines.iter().enumerate() {
            let mut found = Vec::new();
            places(value, "", &mut found);
            for place in found.iter().filter(|place| !place.is_empty()) {
                for (new, how) in [(changed(value.pointer(place).unwrap()), "changed"), (Value::Null, "emptied")] {
                    let mut other = value.clone();
                    *other.pointer_mut(place).unwrap() = new;
                    if other != *value {
                        check(at, &[(at, &other)], &format!("{place} {how}"));
                    }
                }
                check(at, &[(at, &removed(value, place))], &format!("{place} removed"));
                let next = (at + 1..lines.len()).find(|next| lines[*next].pointer(place).is_some_and(|part| Some(part) != value.pointer(place)));
                if let Some(next) = next {
                    let (mut one, mut two) = (value.clone(), lines[next].clone());
                    std::mem::swap(one.pointer_mut(place).unwrap(), two.pointer_mut(place).unwrap());
                    if one != lines[next] {
                        check(at, &[(at, &one), (next, &two)], &format!("{place} swapped"));
                    }
                }
            }
        }
        assert!(tried > 500, "{tried}");
    }

    async fn the_command_says_sound_or_what_is_wrong(app: App) {
        let tenant = tenant_with_log(&app, 2).await;
        let folder = tempfile::tempdir().unwrap();
        let (file, kept) = (folder.path().join("log.ndjson"), folder.path().join("kept"));
        let export = app.fetch("/v1/evidence/export", &tenant.live).await.unwrap();
        std::fs::write(&file, &export).unwrap();
        let heads = heads(&app, &tenant.live).await;
        std::fs::write(&kept, format!("# kept\n{}\n\n", heads.join("\n"))).unwrap();
        let run = |arguments: &[&str]| {
            let output = Command::new(env!("CARGO_BIN_EXE_relance")).arg("verify").args(arguments).output().unwrap();
            (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
        };
        let (file, kept) = (file.to_str().unwrap(), kept.to_str().unwrap());
        let key = public_key(&app, &tenant.live).await.to_string();
        let (code, said) = run(&[file, "--checkpoint", &heads[0], "--checkpoints-file", kept, "--key", &key]);
        assert!(code == 0 && said.contains("4 of 4 met") && said.ends_with("\nsound\n") && !said.contains("note"), "{said}");
        let (code, said) = run(&[file]);
        assert!(code == 0 && said.contains("note"), "{said}");
        let end = export.iter().rposition(|byte| *byte == b'e').unwrap();
        let bent: Vec<u8> = export.iter().enumerate().map(|(at, byte)| if at == end { b'f' } else { *byte }).collect();
        std::fs::write(file, bent).unwrap();
        let (code, said) = run(&[file, "--key", &key]);
        assert!(code == 1 && said.contains("finding      line") && said.ends_with("NOT SOUND\n"), "{said}");
        assert_eq!(run(&["/no/such/file"]).0, 2);
        assert_eq!(run(&[file, "--key", "x"]).0, 2);
        assert_eq!(run(&[file, "--checkpoints-file", "/no/such/file"]).0, 2);
    }
}
