//! What may have been sent is sent again only where its key is known: by the same provider account, while it remembers.

use std::{thread, time::Duration};

use chrono::TimeDelta;
use futures_util::future::join_all;
use relance::{error::Error, jobs};
use serde_json::json;

use super::{
    gateway::{Gateway, Manner},
    world::World,
};
use crate::on_both;

const MUTE: Manner = Manner { delay: 0..1, drops: 100, broken: false };
const KIND: Manner = Manner { delay: 0..1, drops: 0, broken: false };

/// Does all that is due, some time later.
async fn later(world: &World, by: TimeDelta) {
    world.app.clock.advance(by);
    world.app.work(world.partition).await;
}

/// A second provider account, preferred to the first.
async fn rival(world: &World) -> Gateway {
    let gateway = Gateway::start(KIND);
    let account = json!({"name": "Rival", "settings": {"kind": "webhook", "url": gateway.url},
        "credentials": {"kind": "webhook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, "priority": 0, "check": false});
    world.app.post("/v1/provider-accounts", &world.key, account).await.expect(201);
    gateway
}

async fn states(world: &World) -> (String, String) {
    let first = async |path: &str| {
        let page = world.app.get(path, &world.key).await.expect(200);
        page["data"][0].clone()
    };
    let (message, reminder) = (first("/v1/messages").await, first("/v1/reminders").await);
    (message["state"].as_str().unwrap().to_owned(), reminder["state"].as_str().unwrap().to_owned())
}

/// Takes every connection that there is, for longer than anybody waits for one.
async fn crowd(world: &World) {
    while world.gateway.count() == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let hold = (0..8).map(|_| {
        world.app.db.write(world.partition, |_| {
            thread::sleep(Duration::from_secs(4));
            Ok(())
        })
    });
    // On SQLite there is one writer, and whoever else would write gives up.
    join_all(hold).await;
}

on_both! {
    async fn what_was_sent_is_written_down_however_busy_the_database_is(app: App) {
        let world = World::of(app, String::new(), Manner { delay: 500..501, ..KIND }).await;
        world.debtors(0..1).await;
        // What else the turn would have done found no connection; its next one will.
        let (turn, ()) = tokio::join!(jobs::turn(&world.app.state.instance, world.partition), crowd(&world));
        assert!(matches!(turn, Ok(jobs::Turn::Busy) | Err(Error::Busy { .. })), "{turn:?}");
        assert_eq!(states(&world).await, ("accepted".to_owned(), "completed".to_owned()));
        assert_eq!(world.gateway.count(), 1);
    }

    async fn a_lost_answer_is_asked_for_again_where_it_was_lost(app: App) {
        let world = World::of(app, String::new(), MUTE).await;
        world.debtors(0..1).await;
        later(&world, TimeDelta::zero()).await;
        let rival = rival(&world).await;
        later(&world, TimeDelta::minutes(1)).await;
        assert_eq!((world.gateway.count(), world.gateway.by_key().len(), rival.count()), (2, 1, 0));
        assert_eq!(states(&world).await, ("accepted".to_owned(), "completed".to_owned()));
    }

    async fn a_key_that_may_be_forgotten_is_not_used_again(app: App) {
        let world = World::of(app, String::new(), MUTE).await;
        world.debtors(0..1).await;
        later(&world, TimeDelta::zero()).await;
        let rival = rival(&world).await;
        later(&world, TimeDelta::hours(13)).await;
        assert_eq!((world.gateway.count(), rival.count()), (1, 0));
        assert_eq!(states(&world).await, ("unknown".to_owned(), "outcome_unknown".to_owned()));
    }
}
