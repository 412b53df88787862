//! Workers killed, frozen and raced in the middle of their work: the real binary on PostgreSQL, and a provider whose own book says what left.

mod doubt;
mod gateway;
mod loss;
mod race;
mod receipts;
mod repeats;
mod taker;
mod traffic;
mod worker;
mod world;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gateway::Manner;
use relance::domain::ids::MessageId;
use worker::Worker;
use world::{MANY, World};

use crate::support::database::{Owner, postgres};

/// How hard it is made for the workers.
struct Ordeal {
    reminders: usize,
    kills: usize,
    /// Whether answers are dropped to the end; else until the first kill, since a lost answer is only asked for again after half a minute,
    /// and after a whole one if the attempt was the second.
    drops_throughout: bool,
    /// How long the survivors may take to finish the work.
    patience: Duration,
}

const MANNER: Manner = Manner { delay: 50..350, drops: 4, broken: false };
/// So many messages in flight, and so long a lease in seconds, that a slow machine, too, writes the answers down while they are its own: only the dead
/// shall leave orphans.
const FEW: i32 = 32;
const LEASE: u32 = 20;
/// For what takes seconds, on however slow a machine.
const PATIENCE: Duration = Duration::from_secs(300);

#[actix_web::test]
async fn killed_workers_lose_nothing_and_double_nothing() {
    survive(Ordeal { reminders: 400, kills: 5, drops_throughout: false, patience: 2 * PATIENCE }).await;
}

#[actix_web::test]
#[ignore = "10,000 reminders, 50 kills; `make crash` runs it"]
async fn fifty_kills_in_ten_thousand_reminders() {
    survive(Ordeal { reminders: 10_000, kills: 50, drops_throughout: true, patience: Duration::from_secs(1_800) }).await;
}

#[actix_web::test]
async fn a_frozen_worker_changes_nothing_when_it_thaws() {
    freeze(2).await;
}

#[actix_web::test]
#[ignore = "100 rounds of a whole lease each; `make crash` runs it"]
async fn a_hundred_frozen_workers() {
    freeze(100).await;
}

async fn survive(ordeal: Ordeal) {
    let Some(database) = postgres() else { return };
    let world = World::today(database, MANNER, FEW).await;
    let start = || Worker::beside(&world.app, &world.database, LEASE);
    let mut total = ordeal.reminders;
    world.debtors(0..total).await;
    let mut owner = world.owner();
    let mut workers = [start(), start()];
    for _ in 0..ordeal.kills {
        // The next blow falls while something is being sent, on whoever has begun to send.
        world.until("two workers", PATIENCE, || workers.iter().all(Worker::has_begun)).await;
        let before = world.gateway.count();
        if completed(&mut owner) == total {
            world.debtors(total..total + 200).await;
            total += 200;
        }
        world.until("the next message", PATIENCE, || world.gateway.count() > before).await;
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..400))).await;
        let victim = &mut workers[fastrand::usize(0..2)];
        victim.kill();
        *victim = start();
        if !ordeal.drops_throughout {
            world.gateway.behave(Manner { drops: 0, ..MANNER });
        }
    }
    world.until("all completed", ordeal.patience, || completed(&mut owner) == total).await;
    for worker in workers {
        assert!(worker.stop().success(), "a worker that is asked to end ends well");
    }
    reckon(&world, &mut owner, total);
    let report = world.evidence().await;
    assert!(report.is_sound(), "{:?}", report.findings);
    assert_eq!(owner.texts("SELECT count(*)::text AS value FROM evidence_logs AS log WHERE size <> (SELECT max(size) FROM evidence_checkpoints AS head WHERE head.tenant_id = log.tenant_id)"), ["0"], "all is sealed");
}

fn completed(owner: &mut Owner) -> usize {
    owner.texts("SELECT count(*)::text AS value FROM reminders WHERE state = 'completed'")[0].parse().unwrap()
}

/// How often each subject has an entry of this kind.
fn entries(owner: &mut Owner, kind: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for subject in owner.texts(&format!("SELECT subject AS value FROM evidence_entries WHERE kind = '{kind}'")) {
        *found.entry(subject).or_default() += 1;
    }
    found
}

/// Holds the provider's book against the database.
fn reckon(world: &World, owner: &mut Owner, total: usize) {
    assert_eq!(owner.texts("SELECT DISTINCT state AS value FROM reminders"), ["completed"]);
    assert_eq!(owner.texts("SELECT DISTINCT state AS value FROM messages"), ["accepted"]);
    let messages: BTreeSet<String> = owner
        .texts("SELECT id::text AS value FROM messages")
        .iter()
        .map(|id| MessageId::from_uuid(id.parse().unwrap()).to_string())
        .collect();
    let book = world.gateway.by_key();
    assert_eq!(messages.len(), total, "one message for each reminder");
    assert!(book.keys().eq(messages.iter()), "the provider's keys are the messages");
    let addresses = world.gateway.keys_by_address();
    assert_eq!(addresses.len(), total, "every debtor was written to");
    assert!(addresses.values().all(|keys| keys.len() == 1), "nobody was written to under two keys");

    let (orphaned, dispatched, finished) =
        (entries(owner, "message.orphaned"), entries(owner, "message.dispatched"), entries(owner, "reminder.completed"));
    assert_eq!(entries(owner, "message.late_result").len(), 0, "only the dead leave orphans");
    assert!(finished.len() == total && finished.values().all(|count| *count == 1));
    for (key, asked) in &book {
        let excuses = asked.iter().filter(|one| one.dropped).count() + orphaned.get(key).copied().unwrap_or_default();
        assert!(asked.len() <= 1 + excuses, "{key} was sent {} times; excuses: {excuses}", asked.len());
        assert!(asked.len() <= dispatched[key], "{key} was sent more often than it was dispatched");
    }
    let asked: Vec<_> = book.values().flatten().collect();
    println!(
        "{total} reminders: {} requests, {} answers dropped, {} messages orphaned, {} sent twice under one key",
        asked.len(),
        asked.iter().filter(|one| one.dropped).count(),
        orphaned.len(),
        book.values().filter(|asked| asked.len() > 1).count(),
    );
    assert!(!orphaned.is_empty(), "no kill hit anything");
}

/// A worker stopped past its lease while another does its work: what it says afterwards is noted, and changes nothing.
async fn freeze(rounds: usize) {
    const MESSAGES: usize = 8;
    let Some(database) = postgres() else { return };
    let world = World::today(database, Manner { delay: 400..401, drops: 0, broken: false }, MANY).await;
    let mut owner = world.owner();
    let mut late = 0;
    for round in 1..=rounds {
        let before = world.gateway.count();
        world.debtors((round - 1) * MESSAGES..round * MESSAGES).await;
        let frozen = Worker::start(&world);
        world.until("a request", PATIENCE, || world.gateway.count() > before).await;
        frozen.freeze();
        let other = Worker::start(&world);
        world.until("all completed", PATIENCE, || completed(&mut owner) == round * MESSAGES).await;
        let settled = standing(&mut owner);
        frozen.thaw();
        let count = |owner: &mut Owner| entries(owner, "message.late_result").len();
        world.until("late results", PATIENCE, || count(&mut owner) > late).await;
        assert!(frozen.stop().success() && other.stop().success());
        late = count(&mut owner);
        assert!(standing(&mut owner) == settled, "round {round}: a late result changed something");
    }
    assert!(world.gateway.keys_by_address().values().all(|keys| keys.len() == 1));
    println!("{rounds} workers frozen: {late} late results of {} messages", rounds * MESSAGES);
    assert!(world.evidence().await.is_sound());
}

/// Messages and reminders, whole.
fn standing(owner: &mut Owner) -> Vec<String> {
    ["messages", "reminders"]
        .iter()
        .flat_map(|table| owner.texts(&format!("SELECT t::text AS value FROM {table} AS t ORDER BY 1")))
        .collect()
}
