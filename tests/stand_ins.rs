//! A reminder that did not arrive is said once more on its step's other channel: by the decision, under its rules, and once.

use relance::domain::ids::Mode;
use serde_json::{Value, json};

use crate::{
    on_both,
    support::{
        App, Tenant,
        dunning::later,
        ledger::{journal, partition},
    },
};

/// A creditor who sends text messages, with e-mail to fall back on, and one debtor with these addresses; the debtor.
async fn creditor(app: &App, phone: &str, email: &str, gap: i32) -> (Tenant, String) {
    let tenant = app.tenant("Atelier").await;
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let policy = json!({"name": "By text", "scope": {"priority": 900},
        "contact": {"window": {"weekdays": days, "start": "00:00", "end": "23:59", "skip_holidays": false}, "min_gap_days": gap, "caps": []},
        "steps": [{"key": "first_reminder", "offset_days": 3, "channel": "sms", "fallback": "email", "template": "sms_reminder"}]});
    let made = app.post("/v1/policies", &tenant.test, json!({"document": policy})).await.expect(201);
    app.post(&format!("/v1/policies/{}/activate", made["id"].as_str().unwrap()), &tenant.test, json!({"version": 1})).await.expect(200);
    let contact = json!({"name": "Ann Martin", "email": email, "phone": phone, "primary": true});
    let customer =
        app.post("/v1/customers", &tenant.test, json!({"name": "Garage", "kind": "business", "contacts": [contact]})).await.expect(201);
    let customer = customer["id"].as_str().unwrap().to_owned();
    app.owes(&tenant.test, &customer, "F-1", "2026-02-26").await;
    (tenant, customer)
}

/// Channel and state of each message, the oldest first.
async fn messages(app: &App, tenant: &Tenant) -> Vec<(String, String)> {
    let word = |message: &Value, field: &str| message[field].as_str().unwrap().to_owned();
    let mut all = app.list(&tenant.test, "/v1/messages").await;
    all.sort_by_key(|message| message["created_at"].as_str().unwrap().to_owned());
    all.iter().map(|message| (word(message, "channel"), word(message, "state"))).collect()
}

async fn reminders(app: &App, tenant: &Tenant) -> Vec<(String, String, Value)> {
    let word = |one: &Value, field: &str| one[field].as_str().unwrap().to_owned();
    let mut all: Vec<_> = app
        .list(&tenant.test, "/v1/reminders")
        .await
        .iter()
        .map(|one| (word(one, "channel"), word(one, "state"), one["reason"].clone()))
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

fn stood_in(app: &App, tenant: &Tenant) -> usize {
    journal(app, partition(tenant, Mode::Test)).iter().filter(|(kind, ..)| kind == "reminder.stood_in").count()
}

fn said(channel: &str, state: &str) -> (String, String) {
    (channel.to_owned(), state.to_owned())
}

on_both! {
    async fn what_the_provider_refuses_goes_by_the_other_channel_at_once(app: App) {
        let (tenant, customer) = creditor(&app, "+33612340003", "ann@client.example", 3).await;
        app.settle(&tenant, Mode::Test).await;
        let mut found = messages(&app, &tenant).await;
        found.sort();
        assert_eq!(found, [said("email", "accepted"), said("sms", "rejected")]);
        let told = reminders(&app, &tenant).await;
        assert_eq!(told, [("email".to_owned(), "completed".to_owned(), Value::Null), ("sms".to_owned(), "cancelled".to_owned(), json!("stood_in"))]);
        assert_eq!(stood_in(&app, &tenant), 1);
        app.advance(&tenant, &later(20, 0)).await;
        assert_eq!(messages(&app, &tenant).await.len(), 2, "once");
        let (_, rules) = app.rules(&tenant.test, &customer).await;
        assert!(!rules.contains(&"stand_in".to_owned()), "{rules:?}");
    }

    async fn what_does_not_arrive_goes_by_the_other_channel_when_that_is_allowed(app: App) {
        let (tenant, customer) = creditor(&app, "+33612340001", "ann@client.example", 2).await;
        app.advance(&tenant, &later(0, 1)).await;
        assert_eq!(messages(&app, &tenant).await, [said("sms", "accepted")]);
        let (account, rules) = app.rules(&tenant.test, &customer).await;
        assert!(rules.contains(&"stand_in".to_owned()) && rules.contains(&"min_gap".to_owned()), "{rules:?}");
        assert_eq!((&account["explanation"]["next"]["channel"], &account["explanation"]["next"]["step"]), (&json!("email"), &json!("first_reminder")));
        app.advance(&tenant, &later(2, 12)).await;
        assert_eq!(messages(&app, &tenant).await, [said("sms", "accepted"), said("email", "accepted")]);
        assert_eq!(stood_in(&app, &tenant), 1);
        let told = reminders(&app, &tenant).await;
        assert!(told.iter().all(|(_, state, _)| state == "completed"), "{told:?}");
        app.advance(&tenant, &later(20, 0)).await;
        assert_eq!(messages(&app, &tenant).await.len(), 2, "once");
    }

    async fn where_both_channels_fail_a_person_looks(app: App) {
        let (tenant, customer) = creditor(&app, "+33612340003", "fail@client.example", 0).await;
        app.settle(&tenant, Mode::Test).await;
        app.advance(&tenant, &later(20, 0)).await;
        let mut found = messages(&app, &tenant).await;
        found.sort();
        assert_eq!(found, [said("email", "rejected"), said("sms", "rejected")]);
        assert_eq!(reminders(&app, &tenant).await[0].1, "failed");
        let (_, rules) = app.rules(&tenant.test, &customer).await;
        assert_eq!(rules, ["open_reminder"]);
        let tasks = app.list(&tenant.test, &format!("/v1/tasks?customer_id={customer}&kind=review")).await;
        assert!(tasks.iter().all(|task| task["reason"] == "delivery_failed") && !tasks.is_empty(), "{tasks:?}");
    }

    async fn what_was_paid_meanwhile_is_not_said_again(app: App) {
        let (tenant, customer) = creditor(&app, "+33612340001", "ann@client.example", 2).await;
        app.advance(&tenant, &later(0, 1)).await;
        app.pays(&tenant.test, &customer, 120_000).await;
        app.advance(&tenant, &later(20, 0)).await;
        assert_eq!(messages(&app, &tenant).await, [said("sms", "accepted")]);
        assert_eq!(stood_in(&app, &tenant), 0);
    }
}
