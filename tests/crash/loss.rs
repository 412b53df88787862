//! Answers lost after the message was taken, with three kinds of provider: one that recognises a repetition, one that no longer does, one that never did.
//!
//! What is promised: a repetition goes under the same key, to the same provider, while it is sure to be recognised; else there is none.

use std::{
    collections::BTreeMap,
    io::{BufReader, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
};

use chrono::TimeDelta;
use serde_json::json;

use super::{
    gateway::{Gateway, Manner, request},
    world::{EVERY_DAY, World},
};
use crate::support::{
    App,
    database::{postgres, sqlite},
};

/// How many answers are lost, in a hundred.
const LOST: u32 = 50;

#[actix_web::test]
async fn lost_answers_are_asked_for_again_only_where_they_are_recognised() {
    on_each(60).await;
}

#[actix_web::test]
#[ignore = "1,000 lost answers in three modes; `make crash` runs it"]
async fn a_thousand_lost_answers() {
    on_each(1_000).await;
}

async fn on_each(count: usize) {
    for database in [Some(sqlite()), postgres()].into_iter().flatten() {
        recognised(App::start(database).await, count).await;
    }
    for database in [Some(sqlite()), postgres()].into_iter().flatten() {
        forgotten(App::start(database).await, count).await;
    }
    for database in [Some(sqlite()), postgres()].into_iter().flatten() {
        keyless(App::start(database).await, count).await;
    }
}

async fn later(world: &World, by: TimeDelta) {
    world.app.clock.advance(by);
    world.app.work(world.partition).await;
}

/// A rival account on the same channel, which must never get what another may have.
async fn rival(world: &World) -> Gateway {
    let gateway = Gateway::start(Manner { delay: 0..1, drops: 0, broken: false });
    let account = json!({"name": "Rival", "settings": {"kind": "webhook", "url": gateway.url}, "priority": 900, "check": false,
        "credentials": {"kind": "webhook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}});
    world.app.post("/v1/provider-accounts", &world.key, account).await.expect(201);
    gateway
}

/// How many messages are in each state.
fn states(world: &World) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for state in world.owner().texts("SELECT state AS value FROM messages") {
        *found.entry(state).or_default() += 1;
    }
    found
}

async fn recognised(app: App, count: usize) {
    let world = World::of(app, String::new(), Manner { delay: 0..1, drops: LOST, broken: false }).await;
    let rival = rival(&world).await;
    world.debtors(0..count).await;
    // Lost answers open the breaker: whoever waits for it may be long in coming.
    for _ in 0..400 {
        later(&world, TimeDelta::minutes(1)).await;
        if states(&world).get("accepted") == Some(&count) {
            break;
        }
    }
    let (book, moved) = (world.gateway.by_key(), rival.by_key());
    assert_eq!(states(&world), BTreeMap::from([("accepted".to_owned(), count)]));
    assert!(book.keys().all(|key| !moved.contains_key(key)), "what one provider may have went to another");
    assert_eq!(book.len() + moved.len(), count, "each under one key");
    let (mut lost, mut twice) = (0, 0);
    for asked in book.values() {
        let dropped = asked.iter().filter(|one| one.dropped).count();
        assert_eq!(asked.len(), 1 + dropped, "asked again for each lost answer, and not otherwise");
        lost += dropped;
        twice += usize::from(asked.len() > 1);
    }
    assert!(lost > 0);
    println!(
        "{count} messages, a provider that recognises its keys: {lost} answers lost, {twice} seen twice under one key, {} elsewhere",
        moved.len()
    );
}

async fn forgotten(app: App, count: usize) {
    let world = World::of(app, String::new(), Manner { delay: 0..1, drops: 100, broken: false }).await;
    world.debtors(0..count).await;
    // The answers are lost, and nobody works until the provider may have forgotten the keys.
    for _ in 0..400 {
        later(&world, TimeDelta::hours(13)).await;
        if !states(&world).contains_key("prepared") {
            break;
        }
    }
    let book = world.gateway.by_key();
    assert!(book.values().all(|asked| asked.len() == 1), "a key that may be forgotten was used again");
    let states = states(&world);
    assert_eq!(states.get("unknown").copied(), Some(book.len()), "{states:?}");
    println!("{count} messages, a provider that has forgotten its keys: {} lost and left to a person, none repeated", book.len());
}

async fn keyless(app: App, count: usize) {
    let world = World::of(app, String::new(), Manner { delay: 0..1, drops: 0, broken: false }).await;
    let provider = Keyless::start();
    let account = json!({"name": "Text", "priority": 0, "rate_per_second": 10_000, "concurrency": 256, "check": false,
        "settings": {"kind": "twilio", "account_sid": format!("AC{}", "0".repeat(32)), "from": "Atelier", "api_base": provider.url},
        "credentials": {"kind": "twilio", "auth_token": "0123456789abcdef0123456789abcdef"}});
    world.app.post("/v1/provider-accounts", &world.key, account).await.expect(201);
    let policy = json!({"name": "By text", "scope": {"priority": 901},
        "contact": {"window": {"weekdays": EVERY_DAY, "start": "00:00", "end": "23:59", "skip_holidays": false}},
        "steps": [{"key": "first_reminder", "offset_days": 3, "channel": "sms", "template": "sms_reminder"}]});
    let made = world.app.post("/v1/policies", &world.key, json!({"document": policy})).await.expect(201);
    world.app.post(&format!("/v1/policies/{}/activate", made["id"].as_str().unwrap()), &world.key, json!({"version": 1})).await.expect(200);
    world.debtors(0..count).await;
    for _ in 0..40 {
        later(&world, TimeDelta::hours(1)).await;
    }
    let book = provider.book.lock().unwrap().clone();
    let elsewhere = world.gateway.keys_by_address();
    assert!(book.values().all(|(asked, _)| *asked == 1), "a provider without keys was asked twice");
    assert!(book.keys().all(|number| !elsewhere.contains_key(number)), "what one provider may have went to another");
    let lost = book.values().filter(|(_, lost)| *lost).count();
    assert!(lost > 0);
    let states = states(&world);
    assert_eq!(states.get("unknown").copied(), Some(lost), "{states:?}");
    assert_eq!(states.get("accepted").copied(), Some(book.len() - lost + elsewhere.len()), "{states:?}");
    assert_eq!(book.len() + elsewhere.len(), count);
    println!("{count} messages, a provider without keys: {lost} lost and left to a person, none repeated, {} elsewhere", elsewhere.len());
}

/// A provider of text messages that knows no keys: how often it was asked for each number, and whether it kept its answer to itself.
struct Keyless {
    url: String,
    book: Arc<Mutex<BTreeMap<String, (usize, bool)>>>,
}

impl Keyless {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let book = Arc::new(Mutex::new(BTreeMap::new()));
        let shared = Arc::clone(&book);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let book = Arc::clone(&shared);
                thread::spawn(move || {
                    let mut reader = BufReader::new(stream.try_clone().unwrap());
                    while let Ok(Some((_, body))) = request(&mut reader) {
                        let number = url::form_urlencoded::parse(&body).find(|(name, _)| name == "To").unwrap().1.into_owned();
                        let lost = fastrand::u32(0..100) < LOST;
                        {
                            let mut book = book.lock().unwrap();
                            let known: &mut (usize, bool) = book.entry(number).or_default();
                            *known = (known.0 + 1, lost);
                        }
                        let sid = format!(r#"{{"sid":"SM{:032x}","status":"queued"}}"#, fastrand::u128(..));
                        let head =
                            format!("HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", sid.len());
                        if lost || stream.write_all(format!("{head}{sid}").as_bytes()).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { url, book }
    }
}
