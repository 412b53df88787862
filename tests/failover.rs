//! Several accounts for one channel: which is tried first, who comes next, and what never moves.

use chrono::TimeDelta;
use relance::domain::ids::Mode;
use serde_json::{Value, json};

use crate::{
    on_both,
    support::{
        App, Tenant,
        ledger::{journal, partition},
        scripted::{Manner, Scripted},
    },
};

/// A tenant in live mode with these accounts, by their priority; their ids.
async fn creditor(app: &App, gateways: &[&Scripted]) -> (Tenant, Vec<String>) {
    let tenant = app.tenant("Atelier").await;
    let mut ids = Vec::new();
    for (place, gateway) in gateways.iter().enumerate() {
        ids.push(account(app, &tenant, gateway.account(&format!("Gateway {place}"), i32::try_from(place).unwrap())).await);
    }
    (tenant, ids)
}

async fn account(app: &App, tenant: &Tenant, account: Value) -> String {
    let made = app.post("/v1/provider-accounts", &tenant.live, account).await.expect(201);
    made["account"]["id"].as_str().unwrap().to_owned()
}

/// A debtor who was to pay a while ago.
async fn owes(app: &App, tenant: &Tenant, number: usize) {
    let customer = app.debtor(&tenant.live, &format!("c{number}@client.example")).await;
    app.owes(&tenant.live, &customer, &format!("F-{number}"), "2026-02-20").await;
}

async fn later(app: &App, tenant: &Tenant, by: TimeDelta) {
    app.clock.advance(by);
    app.settle(tenant, Mode::Live).await;
}

async fn message(app: &App, tenant: &Tenant) -> Value {
    let all = app.list(&tenant.live, "/v1/messages").await;
    app.get(&format!("/v1/messages/{}", all[0]["id"].as_str().unwrap()), &tenant.live).await.expect(200)
}

/// The attempts at a message: through whom, and how each ended.
fn tried<'m>(message: &'m Value, ids: &[String]) -> Vec<(usize, &'m str)> {
    let attempts = message["attempts"].as_array().unwrap().iter();
    let place = |attempt: &Value| ids.iter().position(|id| attempt["provider_account_id"] == **id).unwrap();
    attempts.map(|attempt| (place(attempt), attempt["outcome"].as_str().unwrap())).collect()
}

/// How often something was witnessed, and with what words.
fn witnessed(app: &App, tenant: &Tenant, kind: &str) -> Vec<Value> {
    let of = journal(app, partition(tenant, Mode::Live)).into_iter().filter(|(known, ..)| known == kind);
    of.map(|(.., body)| serde_json::from_str(&body).unwrap()).collect()
}

on_both! {
    async fn a_refused_account_hands_its_message_to_the_next_at_once(app: App) {
        let gateways = [Scripted::answering(Some(401)), Scripted::answering(Some(202))];
        let (tenant, ids) = creditor(&app, &[&gateways[0], &gateways[1]]).await;
        owes(&app, &tenant, 1).await;
        app.settle(&tenant, Mode::Live).await;
        let message = message(&app, &tenant).await;
        assert_eq!(tried(&message, &ids), [(0, "not_sent"), (1, "accepted")], "{message}");
        assert_eq!((&message["state"], &message["provider_account_id"]), (&json!("accepted"), &json!(ids[1])));
        assert_eq!((gateways[0].sent(), gateways[1].sent()), (1, 1));
        let moved = witnessed(&app, &tenant, "message.moved");
        assert_eq!(moved, [json!({"from": ids[0], "to": ids[1], "because": "not_taken", "round": 1})]);
        let shown = app.get(&format!("/v1/provider-accounts/{}", ids[0]), &tenant.live).await.expect(200);
        assert!(shown["last_error"].as_str().unwrap().contains("401"), "{shown}");
        assert_eq!(gateways[1].asked("message.send")[0]["data"]["message_id"], message["id"]);
    }

    async fn when_none_will_have_it_the_message_waits_and_all_are_asked_again(app: App) {
        let gateways = [Scripted::answering(Some(401)), Scripted::answering(Some(429)), Scripted::answering(Some(403))];
        let (tenant, ids) = creditor(&app, &[&gateways[0], &gateways[1], &gateways[2]]).await;
        owes(&app, &tenant, 1).await;
        app.settle(&tenant, Mode::Live).await;
        let waiting = message(&app, &tenant).await;
        assert_eq!(tried(&waiting, &ids), [(0, "not_sent"), (1, "not_sent"), (2, "not_sent")]);
        let next: chrono::DateTime<chrono::Utc> = waiting["next_attempt_at"].as_str().unwrap().parse().unwrap();
        assert_eq!((next - app.clock.now()).num_seconds(), 30);
        gateways[1].behave(Manner::default());
        later(&app, &tenant, TimeDelta::seconds(29)).await;
        assert_eq!(gateways[0].sent(), 1, "not before its time");
        later(&app, &tenant, TimeDelta::seconds(1)).await;
        let done = message(&app, &tenant).await;
        assert_eq!(tried(&done, &ids)[3..], [(0, "not_sent"), (1, "accepted")]);
        assert_eq!(gateways[2].sent(), 1);
    }

    async fn a_lost_answer_stays_where_it_was_lost(app: App) {
        let gateways = [Scripted::answering(Some(401)), Scripted::answering(None), Scripted::answering(Some(202))];
        let (tenant, ids) = creditor(&app, &[&gateways[0], &gateways[1], &gateways[2]]).await;
        owes(&app, &tenant, 1).await;
        app.settle(&tenant, Mode::Live).await;
        later(&app, &tenant, TimeDelta::minutes(2)).await;
        gateways[1].behave(Manner { send: Some(401), ..Manner::default() });
        later(&app, &tenant, TimeDelta::minutes(5)).await;
        gateways[1].behave(Manner::default());
        later(&app, &tenant, TimeDelta::minutes(20)).await;
        let message = message(&app, &tenant).await;
        assert_eq!(tried(&message, &ids), [(0, "not_sent"), (1, "unknown"), (1, "unknown"), (1, "not_sent"), (1, "accepted")], "{message}");
        assert_eq!((gateways[0].sent(), gateways[2].sent()), (1, 0));
    }

    async fn a_refused_message_is_refused_everywhere(app: App) {
        let gateways = [Scripted::answering(Some(422)), Scripted::answering(Some(202))];
        let (tenant, ids) = creditor(&app, &[&gateways[0], &gateways[1]]).await;
        owes(&app, &tenant, 1).await;
        app.settle(&tenant, Mode::Live).await;
        let message = message(&app, &tenant).await;
        assert_eq!((tried(&message, &ids), &message["state"]), (vec![(0, "rejected")], &json!("rejected")));
        assert_eq!(gateways[1].sent(), 0);
    }

    async fn a_failing_account_is_passed_over_until_it_recovers(app: App) {
        let gateways = [Scripted::answering(Some(401)), Scripted::answering(Some(202))];
        let (tenant, ids) = creditor(&app, &[&gateways[0], &gateways[1]]).await;
        for number in 0..12 {
            owes(&app, &tenant, number).await;
        }
        app.settle(&tenant, Mode::Live).await;
        let all = app.list(&tenant.live, "/v1/messages").await;
        assert!(all.len() == 12 && all.iter().all(|message| message["state"] == "accepted"), "{all:?}");
        assert_eq!(gateways[1].sent(), 12, "each once");
        let health = app.get(&format!("/v1/provider-accounts/{}/health", ids[0]), &tenant.live).await.expect(200);
        assert_eq!((&health["breaker"], &health["last_success_at"], &health["last_24_hours"]["accepted"]), (&json!("open"), &Value::Null, &json!(0)), "{health}");
        assert!(health["paused_until"].is_string() && health["recent"]["failures"].as_i64().unwrap() >= 10 && health["last_error"].as_str().unwrap().contains("401"), "{health}");
        let sound = app.get(&format!("/v1/provider-accounts/{}/health", ids[1]), &tenant.live).await.expect(200);
        assert_eq!((&sound["breaker"], &sound["last_24_hours"]["accepted"], &sound["recent"]), (&json!("closed"), &json!(12), &json!({"calls": 12, "failures": 0})), "{sound}");
        assert_eq!((witnessed(&app, &tenant, "provider_account.failing").len(), witnessed(&app, &tenant, "provider_account.recovered").len()), (1, 0));

        // While it is paused it is not called, and that costs nobody an attempt.
        let passed_over = || witnessed(&app, &tenant, "message.moved").iter().filter(|one| one["because"] == "paused").count();
        let (before, so_far) = (gateways[0].sent(), passed_over());
        owes(&app, &tenant, 12).await;
        app.settle(&tenant, Mode::Live).await;
        let passed = app.list(&tenant.live, "/v1/messages").await.into_iter().find(|message| message["address"] == "c12@client.example").unwrap();
        assert_eq!((&passed["state"], &passed["attempt_count"], &passed["provider_account_id"]), (&json!("accepted"), &json!(1), &json!(ids[1])));
        assert_eq!(gateways[0].sent(), before);
        assert_eq!(passed_over(), so_far + 1);

        gateways[0].behave(Manner::default());
        app.clock.advance(TimeDelta::minutes(1));
        owes(&app, &tenant, 13).await;
        app.settle(&tenant, Mode::Live).await;
        assert_eq!(gateways[0].sent(), before + 1, "the pause is over");
        assert_eq!(witnessed(&app, &tenant, "provider_account.recovered").len(), 1);
        let shown = app.get(&format!("/v1/provider-accounts/{}", ids[0]), &tenant.live).await.expect(200);
        assert_eq!((&shown["failing_since"], &shown["last_error"]), (&Value::Null, &Value::Null));
    }

    async fn equals_share_the_messages_and_each_message_keeps_its_lot(app: App) {
        let gateways = [Scripted::answering(Some(202)), Scripted::answering(Some(202))];
        let tenant = app.tenant("Atelier").await;
        for (gateway, weight) in gateways.iter().zip([1, 3]) {
            let mut wanted = gateway.account("Equal", 5);
            wanted["weight"] = json!(weight);
            account(&app, &tenant, wanted).await;
        }
        for number in 0..40 {
            owes(&app, &tenant, number).await;
        }
        app.settle(&tenant, Mode::Live).await;
        let (light, heavy) = (gateways[0].sent(), gateways[1].sent());
        assert!(light + heavy == 40 && light > 0 && heavy > light, "{light} and {heavy}");
        assert!(witnessed(&app, &tenant, "message.moved").is_empty(), "a lot is no move");
    }
}
