//! Requests repeated under one `Idempotency-Key`, many at once, while the process that answers them is killed again and again.
//!
//! What is promised: each key has one effect and one answer, however often it is asked for and whoever dies in between; another request under it is refused.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use futures_util::future::join_all;
use relance::clock::Clock;
use serde_json::json;

use super::{taker::Taker, world::catch_up};
use crate::support::{
    App,
    database::{Database, Owner, postgres, sqlite},
};

/// How often each request is sent, at once.
const AT_ONCE: usize = 20;
/// Keys in use at the same time.
const LANES: usize = 4;

#[actix_web::test]
async fn a_repeated_request_has_one_effect_whoever_dies_on_sqlite() {
    repeat(sqlite(), 24, 2).await;
}

#[actix_web::test]
async fn a_repeated_request_has_one_effect_whoever_dies_on_postgres() {
    if let Some(database) = postgres() {
        repeat(database, 24, 2).await;
    }
}

#[actix_web::test]
#[ignore = "20,000 requests, 20 kills; `make crash` runs it"]
async fn a_thousand_keys_on_sqlite() {
    repeat(sqlite(), 1_000, 20).await;
}

#[actix_web::test]
#[ignore = "20,000 requests, 20 kills; `make crash` runs it"]
async fn a_thousand_keys_on_postgres() {
    if let Some(database) = postgres() {
        repeat(database, 1_000, 20).await;
    }
}

/// What became of the requests under one key.
#[derive(Debug, Default)]
struct Told {
    /// The distinct answers.
    answers: BTreeSet<String>,
    /// Answers that were not marked as given before.
    first: usize,
    /// How often somebody was told to wait for the first.
    waited: usize,
}

/// Where payments are recorded, and in whose name.
#[derive(Clone)]
struct Target {
    client: reqwest::Client,
    url: String,
    key: String,
    customer: String,
}

async fn repeat(database: Database, keys: usize, kills: usize) {
    let url = database.url.clone();
    let app = App::start(database).await;
    catch_up(&app);
    let tenant = app.tenant("Atelier").await;
    let customer = app.post("/v1/customers", &tenant.live, json!({"name": "Garage", "kind": "business"})).await.expect(201);
    let mut taker = Taker::beside(&app, &url);
    #[expect(clippy::disallowed_methods, reason = "the test is the outside world")]
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
    let target = Target { client, url: taker.url.clone(), key: tenant.live.clone(), customer: customer["id"].as_str().unwrap().to_owned() };
    let done = Arc::new(AtomicUsize::new(0));
    let lanes: Vec<_> = (0..LANES)
        .map(|lane| {
            let (target, done) = (target.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                let mut told = Vec::new();
                for n in (lane..keys).step_by(LANES) {
                    told.push(target.ask(n, &done).await);
                }
                told
            })
        })
        .collect();
    let begun = Clock::system().now();
    for kill in 1..=kills {
        while done.load(Ordering::Relaxed) <= keys * AT_ONCE * kill / (kills + 1) {
            assert!(Clock::system().now() - begun < TimeDelta::minutes(20), "it never ends");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        taker.replace();
    }
    let told: Vec<Told> = join_all(lanes).await.into_iter().flat_map(|lane| lane.unwrap()).collect();
    assert_eq!(told.len(), keys);
    assert!(told.iter().all(|one| one.answers.len() == 1 && one.first <= 1), "a key was answered in two ways: {told:?}");
    let other = target.post(0, 999).await.unwrap();
    assert_eq!(other.status(), 422, "another request under a key that is taken");
    drop(taker);
    let mut owner = Owner::of(app.db.url());
    let mut count = |from: &str| owner.texts(&format!("SELECT CAST(count(*) AS text) AS value FROM {from}"))[0].parse::<usize>().unwrap();
    assert_eq!(count("settlements"), keys, "each key has one effect");
    assert_eq!(count("evidence_entries WHERE kind = 'payment.recorded'"), keys, "and leaves one trace");
    let waited: usize = told.iter().map(|one| one.waited).sum();
    println!("{keys} keys, {} requests, {kills} kills: told to wait {waited} times", keys * AT_ONCE);
    assert!(waited > 0, "nothing was at the same time");
}

impl Target {
    /// Sends the same request many times at once, each until it is answered for good.
    async fn ask(&self, n: usize, done: &AtomicUsize) -> Told {
        let mut told = Told::default();
        for (answer, first, waited) in join_all((0..AT_ONCE).map(|_| self.insist(n, done))).await {
            told.answers.insert(answer);
            told.first += usize::from(first);
            told.waited += waited;
        }
        told
    }

    async fn insist(&self, n: usize, done: &AtomicUsize) -> (String, bool, usize) {
        let mut waited = 0;
        loop {
            match self.post(n, 100).await {
                Ok(answer) if answer.status() == 201 => {
                    let first = !answer.headers().contains_key("idempotent-replayed");
                    // Whoever was killed while answering has answered nobody.
                    if let Ok(text) = answer.text().await {
                        done.fetch_add(1, Ordering::Relaxed);
                        return (text, first, waited);
                    }
                }
                Ok(answer) if answer.status() == 409 => waited += 1,
                Ok(answer) => assert_eq!(answer.status(), 503, "refused"),
                Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(fastrand::u64(5..50))).await;
        }
    }

    async fn post(&self, n: usize, amount: i64) -> reqwest::Result<reqwest::Response> {
        let body = json!({"customer_id": self.customer, "amount": amount, "currency": "EUR", "received_on": "2026-03-02"});
        let path = format!("{}/v1/payments", self.url);
        self.client.post(path).bearer_auth(&self.key).header("Idempotency-Key", format!("payment-{n}")).json(&body).send().await
    }
}
