//! A payment raced against the reminder for what it pays. Whoever commits first is seen by the other: a reminder that a payment was not told of is never sent.

use std::time::Duration;

use relance::{domain::delivery::MessageState, store};
use serde_json::json;

use super::{gateway::Manner, world::World};
use crate::support::{App, database};

/// How the rounds went.
#[derive(Debug, Default)]
struct Tally {
    /// The payment was first, and nothing left.
    paid: usize,
    /// The message had left, and the payment was told so.
    crossed: usize,
    /// The provider had it already.
    sent: usize,
}

async fn race(database: database::Database, rounds: usize) {
    let url = database.url.clone();
    // Slow enough that whoever looks right after the payment's answer finds a message on its way still on its way.
    let world = World::of(App::start(database).await, url, Manner { delay: 20..40, drops: 0, broken: false }).await;
    let (mut tally, mut aim) = (Tally::default(), 10_000i64);
    for n in 0..rounds {
        let customer = world.debtors(n..n + 1).await.remove(0);
        let before = world.gateway.count();
        let delay = aim + fastrand::i64(0..2_000);
        let working = async {
            tokio::time::sleep(micros(-delay)).await;
            world.app.work(world.partition).await;
        };
        let ((), (in_flight, state)) = tokio::join!(working, pay(&world, n, &customer, micros(delay)));
        world.app.work(world.partition).await;
        let asked = world.gateway.count() - before;
        // The next payment is made a little later, against the worker, if this one came too soon, and the other way round: the race stays one.
        if asked == 0 {
            assert_eq!(in_flight, 0, "round {n}: told of a message that never left");
            aim += 700;
            tally.paid += 1;
            continue;
        }
        assert_eq!(asked, 1, "round {n}");
        aim -= 700;
        match state {
            Some(MessageState::Accepted) if in_flight == 0 => tally.sent += 1,
            Some(MessageState::Accepted | MessageState::Dispatched) if in_flight == 1 => tally.crossed += 1,
            _ => panic!("round {n}: sent after the payment, which saw {state:?} and {in_flight} in flight"),
        }
    }
    println!("{rounds} payments raced: {tally:?}");
    assert!(tally.paid > rounds / 10 && tally.crossed + tally.sent > rounds / 10, "no race: {tally:?}");
    assert!(world.evidence().await.is_sound());
}

/// So long; not at all if negative.
fn micros(delay: i64) -> Duration {
    Duration::from_micros(delay.try_into().unwrap_or(0))
}

/// Pays all that a debtor owes; what the payment was told, and where the message stood once it was answered for.
async fn pay(world: &World, n: usize, customer: &str, delay: Duration) -> (i64, Option<MessageState>) {
    tokio::time::sleep(delay).await;
    let body = json!({"customer_id": customer, "source": "bank", "external_id": format!("P{n}"), "currency": "EUR", "amount": 12_000,
        "received_on": world.app.clock.now().date_naive().to_string()});
    let paid = world.app.post("/v1/payments", &world.key, body).await.expect(201);
    let (partition, filter) =
        (world.partition, store::messages::Filter { customer_id: Some(customer.parse().unwrap()), ..Default::default() });
    let found = world.app.db.read_now(partition, |conn| store::messages::list(conn, partition, &filter, None, 10)).unwrap();
    assert!(found.len() <= 1 && paid["unallocated"] == 0, "{paid}");
    (paid["in_flight_messages"].as_i64().unwrap(), found.first().map(|message| message.state))
}

#[actix_web::test]
async fn no_reminder_follows_a_payment_on_sqlite() {
    race(database::sqlite(), 200).await;
}

#[actix_web::test]
async fn no_reminder_follows_a_payment_on_postgres() {
    if let Some(database) = database::postgres() {
        race(database, 200).await;
    }
}

#[actix_web::test]
#[ignore = "2,000 rounds; `make crash` runs it"]
async fn two_thousand_payments_on_sqlite() {
    race(database::sqlite(), 2_000).await;
}

#[actix_web::test]
#[ignore = "2,000 rounds; `make crash` runs it"]
async fn two_thousand_payments_on_postgres() {
    if let Some(database) = database::postgres() {
        race(database, 2_000).await;
    }
}
