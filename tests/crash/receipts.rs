//! Receipts under stress: twice, in every order, before and after the result of the sending, while the process that takes them is killed again and again.
//!
//! What is promised: whatever was answered 2xx is applied, once; a status never goes backwards; the answer takes at most 200 ms, of a hundred but one.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use relance::{
    actions::{
        self,
        dispatch::{Claimed, Dispatcher, Paused, Rooms},
        outcome::{Outcome, finish},
    },
    clock::Clock,
    domain::delivery::DeliveryStatus,
};
use serde_json::json;
use standardwebhooks::Webhook;

use super::{
    gateway::Manner,
    taker::Taker,
    world::{MANY, World},
};
use crate::support::database::{Database, postgres, sqlite};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// What is reported of every message with an even number, and of every other; the last of each is where it ends.
const STATES: [[&str; 4]; 2] = [["sent", "deferred", "delivered", "opened"], ["sent", "delivered", "clicked", "complained"]];
/// Providers that report at once.
const PROVIDERS: usize = 8;
/// How long a provider waits before it repeats what was not taken.
const AGAIN: Duration = Duration::from_millis(100);

#[actix_web::test]
async fn receipts_survive_the_death_of_whoever_took_them_on_sqlite() {
    stress(sqlite(), 250, 2).await;
}

#[actix_web::test]
async fn receipts_survive_the_death_of_whoever_took_them_on_postgres() {
    if let Some(database) = postgres() {
        stress(database, 250, 2).await;
    }
}

#[actix_web::test]
#[ignore = "20,000 receipts, timed; `make crash` runs it"]
async fn twenty_thousand_receipts_on_sqlite() {
    let slowest = stress(sqlite(), 5_000, 10).await;
    assert!(slowest <= Duration::from_millis(200), "{slowest:?}");
}

#[actix_web::test]
#[ignore = "20,000 receipts, timed; `make crash` runs it"]
async fn twenty_thousand_receipts_on_postgres() {
    if let Some(database) = postgres() {
        let slowest = stress(database, 5_000, 10).await;
        assert!(slowest <= Duration::from_millis(200), "{slowest:?}");
    }
}

/// Four receipts for each of so many messages; how long the answers took, but for the slowest of a hundred.
async fn stress(database: Database, messages: usize, kills: usize) -> Duration {
    let url = database.url.clone();
    let world = World::today(database, Manner { delay: 0..1, drops: 0, broken: false }, MANY).await;
    world.debtors(0..messages).await;
    let sent = taken_up(&world).await;
    assert_eq!(sent.len(), messages);
    let (early, late) = sent.split_at(messages / 2);
    ended(&world, early).await;
    let accounts = world.app.list(&world.key, "/v1/provider-accounts").await;
    let path = accounts[0]["receipt_url"].as_str().unwrap().strip_prefix(&world.app.url).unwrap().to_owned();
    let mut taker = Taker::beside(&world.app, &url);
    let (target, answered) = (format!("{}{path}", taker.url), Arc::new(AtomicUsize::new(0)));
    let providers: Vec<_> = (0..PROVIDERS)
        .map(|provider| {
            let posts = posts(sent.iter().enumerate().skip(provider).step_by(PROVIDERS));
            tokio::spawn(report(target.clone(), posts, Arc::clone(&answered)))
        })
        .collect();
    let total = messages * 4;
    for kill in 1..=kills {
        world.until("answers", Duration::from_secs(600), || answered.load(Ordering::Relaxed) > total * kill / (kills + 1)).await;
        taker.replace();
        // What the gateway answered is written down only now: the receipts about it were first.
        if kill == kills.div_ceil(2) {
            ended(&world, late).await;
        }
    }
    let mut times = Vec::new();
    for provider in providers {
        times.extend(provider.await.unwrap());
    }
    let mut owner = world.owner();
    let mut waiting = || owner.texts("SELECT CAST(count(*) AS text) AS value FROM receipts WHERE applied_at IS NULL")[0] != "0";
    let begun = Instant::now();
    world.until("all applied", Duration::from_secs(600), || !waiting()).await;
    let applied = begun.elapsed();
    drop(taker);
    reckon(&world, &sent).await;
    times.sort();
    let slowest = times[times.len() * 99 / 100 - 1];
    println!(
        "{} receipts about {messages} messages, {kills} kills: answered in {:?} (median) and {slowest:?} (p99); all applied {applied:?} after the last",
        times.len(),
        times[times.len() / 2],
    );
    slowest
}

/// Takes all messages up, as a dispatcher does, for an hour.
async fn taken_up(world: &World) -> Vec<Claimed> {
    let mut sent = Vec::new();
    loop {
        let links = world.app.state.links.clone();
        let claim = actions::run(&world.app.db, &world.app.clock, world.partition, actions::SYSTEM, move |act| {
            let (paused, rooms, lease) = (Paused::default(), Rooms::default(), chrono::TimeDelta::hours(1));
            let dispatcher = Dispatcher { links: &links, paused: &paused, rooms: &rooms, repeat_until: &|_, _| None, lease };
            actions::planning::plan_due(act, Some(&dispatcher), 400)
        });
        let claim = claim.await.unwrap();
        if !claim.busy {
            return sent;
        }
        sent.extend(claim.claimed);
    }
}

/// Writes down that the provider took these.
async fn ended(world: &World, sent: &[Claimed]) {
    for part in sent.chunks(400) {
        let accepted = Outcome::Accepted { provider_id: None, later: Vec::new() };
        let results: Vec<_> = part.iter().map(|one| one.ended(accepted.clone())).collect();
        actions::run(&world.app.db, &world.app.clock, world.partition, actions::SYSTEM, move |act| finish(act, &results)).await.unwrap();
    }
}

/// The four receipts of each message in an order of its own, all orders being there, each twice in half of the cases, and those of many messages mixed.
fn posts<'m>(messages: impl Iterator<Item = (usize, &'m Claimed)>) -> Vec<(String, String)> {
    let mut mixed: Vec<(u32, String, String)> = Vec::new();
    for (n, claimed) in messages {
        let mut left: Vec<&str> = STATES[n % 2].to_vec();
        // The permutation of this number, in the factorial system.
        let order = [n / 2 % 24 / 6, n / 2 % 6 / 2, n / 2 % 2, 0].map(|at| left.remove(at));
        let mut at = fastrand::u32(0..1_000_000);
        for (nth, status) in order.into_iter().enumerate() {
            let id = format!("{}-{nth}", claimed.message.id);
            let body =
                json!({"type": format!("message.{status}"), "data": {"message_id": claimed.message.id, "status": status}}).to_string();
            for _ in 0..1 + usize::from(fastrand::bool()) {
                mixed.push((at, id.clone(), body.clone()));
                at += fastrand::u32(1..1_000);
            }
        }
    }
    mixed.sort_by_key(|(at, ..)| *at);
    mixed.into_iter().map(|(_, id, body)| (id, body)).collect()
}

/// Reports one after the other, each until it is answered 2xx; how long those answers took.
async fn report(target: String, posts: Vec<(String, String)>, answered: Arc<AtomicUsize>) -> Vec<Duration> {
    #[expect(clippy::disallowed_methods, reason = "the test is the outside world")]
    let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
    let (clock, signer) = (Clock::system(), Webhook::new(SECRET).unwrap());
    let mut times = Vec::new();
    for (id, body) in posts {
        loop {
            let stamp = clock.now().timestamp();
            let signature = signer.sign(&id, stamp, body.as_bytes()).unwrap();
            let request = client
                .post(&target)
                .header("webhook-id", &id)
                .header("webhook-timestamp", stamp)
                .header("webhook-signature", signature)
                .header("content-type", "application/json")
                .body(body.clone());
            let begun = Instant::now();
            match request.send().await {
                Ok(answer) if answer.status().is_success() => {
                    times.push(begun.elapsed());
                    break;
                }
                Ok(answer) => assert_eq!(answer.status(), 503, "refused"),
                // Whoever took it was killed.
                Err(_) => {}
            }
            tokio::time::sleep(AGAIN).await;
        }
        answered.fetch_add(1, Ordering::Relaxed);
    }
    times
}

/// Each statement once, each message where its strongest report says, and what follows from that once.
async fn reckon(world: &World, sent: &[Claimed]) {
    let mut owner = world.owner();
    let one = |owner: &mut crate::support::database::Owner, sql: &str| owner.texts(sql)[0].parse::<usize>().unwrap();
    let count = |from: &str| format!("SELECT CAST(count(*) AS text) AS value FROM {from}");
    assert_eq!(one(&mut owner, &count("receipts")), sent.len() * 4, "each statement is kept once");
    assert_eq!(owner.texts("SELECT DISTINCT state AS value FROM messages"), ["accepted"]);
    assert_eq!(owner.texts("SELECT DISTINCT state AS value FROM reminders"), ["completed"]);
    let halves = [sent.len().div_ceil(2), sent.len() / 2];
    for (states, expected) in STATES.iter().zip(halves) {
        assert_eq!(one(&mut owner, &count(&format!("messages WHERE delivery_status = '{}'", states[3]))), expected, "{states:?}");
    }
    assert_eq!(one(&mut owner, &count("suppressions")), halves[1]);
    assert_eq!(one(&mut owner, &count("tasks WHERE kind = 'review'")), halves[1]);
    assert_eq!(one(&mut owner, &count("evidence_entries WHERE kind = 'receipt.arrived'")), sent.len() * 4);
    let told = owner
        .texts("SELECT subject || ' ' || CAST(body AS text) AS value FROM evidence_entries WHERE CAST(body AS text) LIKE '%\"outranked\"%' ORDER BY seq");
    let mut steps: BTreeMap<String, Vec<(u8, bool)>> = BTreeMap::new();
    for entry in told {
        let (subject, body) = entry.split_once(' ').unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let status: DeliveryStatus = body["status"].as_str().unwrap().parse().unwrap();
        steps.entry(subject.to_owned()).or_default().push((status.rank(), body["outranked"].as_bool().unwrap()));
    }
    assert_eq!(steps.len(), sent.len());
    for (message, steps) in steps {
        assert_eq!(steps.len(), 4, "{message}: each is applied once");
        let mut stands = 0;
        for (rank, outranked) in steps {
            assert_eq!(outranked, rank <= stands, "{message}: {rank} after {stands}");
            stands = stands.max(rank);
        }
    }
    assert!(world.evidence().await.is_sound());
}
