//! What the tests of adapters have in common.

use chrono::{DateTime, Utc};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::{Access, Ask, Changes, Connector, Entity, Snapshot, Step, Told, What};
use crate::outbound::net::Answer;

/// The access of a connection with these settings; tokens and secrets are the same for all.
pub fn access(settings: Value, secrets: Value) -> Access {
    let mut credentials = json!({"client_id": "app", "client_secret": "s3cret", "access_token": "at-1", "refresh_token": "rt-1"});
    credentials.as_object_mut().unwrap().extend(secrets.as_object().unwrap().clone());
    Access { settings: serde_json::from_value(settings).unwrap(), credentials: serde_json::from_value(credentials).unwrap() }
}

pub fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

pub fn entity(kind: &str, id: &str) -> Entity {
    Entity { kind: kind.to_owned(), id: id.to_owned() }
}

/// The request that comes after these answers.
pub fn asked(connector: &dyn Connector, entity: &Entity, answers: &[Value]) -> Ask {
    match step(connector, entity, answers) {
        Step::Ask(ask) => ask,
        other => panic!("no request: {other:?}"),
    }
}

/// The snapshot that these answers come to.
pub fn whole(connector: &dyn Connector, entity: &Entity, answers: &[Value]) -> Snapshot {
    match step(connector, entity, answers) {
        Step::Whole(mut snapshots) => snapshots.remove(0),
        other => panic!("no snapshot: {other:?}"),
    }
}

pub fn step(connector: &dyn Connector, entity: &Entity, answers: &[Value]) -> Step {
    connector.fetch(entity, &bodies(answers)).unwrap()
}

pub fn bodies(answers: &[Value]) -> Vec<Vec<u8>> {
    answers.iter().map(|answer| answer.to_string().into_bytes()).collect()
}

/// The question of a pass, where it asks.
pub fn question(changes: Changes) -> Ask {
    match changes {
        Changes::Ask(ask) => ask,
        Changes::Found { .. } => panic!("nothing is asked"),
    }
}

/// What a pass found: kinds and ids, the cursor, and whether there is more.
pub fn found(changes: Changes) -> (Vec<(String, String)>, String, bool) {
    match changes {
        Changes::Ask(ask) => panic!("it asks {}", ask.url),
        Changes::Found { told, cursor, more } => (entities(&told), cursor, more),
    }
}

/// The things that are told to have changed, or to be gone.
pub fn entities(told: &[Told]) -> Vec<(String, String)> {
    let changed = told.iter().filter_map(|one| match &one.what {
        What::Changed(entity) => Some((entity.kind.clone(), entity.id.clone())),
        What::Deleted(gone) => Some((format!("deleted {}", gone.kind), gone.external_id.clone())),
        What::Whole(_) | What::Nothing(_) => None,
    });
    changed.collect()
}

pub fn pair(kind: &str, id: &str) -> (String, String) {
    (kind.to_owned(), id.to_owned())
}

pub fn header<'a>(ask: &'a Ask, name: &str) -> Option<&'a str> {
    ask.headers.iter().find(|(one, _)| *one == name).map(|(_, value)| value.as_str())
}

/// The query of a request, its pairs decoded.
pub fn query(ask: &Ask) -> Vec<(String, String)> {
    url::Url::parse(&ask.url).unwrap().query_pairs().into_owned().collect()
}

pub fn answer(status: u16, body: &str) -> Answer {
    Answer { status, retry_after: None, headers: HeaderMap::new(), body: Some(body.as_bytes().to_vec()) }
}

/// Gives the adapter any bytes wherever it reads some: nothing may panic, and whatever it reads keeps the bounds.
pub fn any_bytes(connector: &dyn Connector, kinds: &[&str], bytes: &[u8]) {
    let inbound = crate::outbound::bench::inbound("https://api.example.com/in", &[], bytes);
    for one in connector.read(&inbound).unwrap_or_default() {
        assert!(one.key.chars().count() <= 200);
    }
    let answers = [bytes.to_vec(), bytes.to_vec(), bytes.to_vec()];
    let now = at("2026-11-20T09:00:00Z");
    for count in 1..=answers.len() {
        for kind in kinds {
            let _ = connector.fetch(&entity(kind, "1"), &answers[..count]);
        }
        let _ = connector.changes(None, &answers[..count], now);
    }
    let _ = connector.renewed(bytes, now);
    for status in [200, 400, 404, 500] {
        let _ = connector.trouble(&Answer { body: Some(bytes.to_vec()), ..answer(status, "") });
    }
}
