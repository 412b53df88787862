//! Text messages with care: only to the creditor's countries, never more than a day may cost, never too many to one number; and it is said why.

use std::{collections::BTreeMap, sync::Arc};

use chrono::TimeDelta;
use relance::{
    actions::{
        self,
        dispatch::{Dispatcher, Paused, Rooms, claim},
    },
    domain::ids::Mode,
};
use serde_json::{Value, json};

use crate::{
    on_both,
    support::{
        App, Tenant,
        database::Owner,
        dunning::later,
        ledger::{journal, partition},
        scripted::{Manner, Scripted},
    },
};

/// A tenant whose debtors are written to by text, the day after they should have paid.
async fn texting(app: &App, fallback: Option<&str>) -> Tenant {
    let tenant = app.tenant("Atelier").await;
    by_text(app, &tenant.test, fallback).await;
    tenant
}

async fn by_text(app: &App, key: &str, fallback: Option<&str>) {
    let mut step = json!({"key": "text", "offset_days": 1, "channel": "sms", "template": "sms_reminder"});
    if let Some(fallback) = fallback {
        step["fallback"] = json!(fallback);
    }
    let document = json!({"name": "By text", "scope": {"priority": 9}, "steps": [step]});
    let made = app.post("/v1/policies", key, json!({"document": document})).await.expect(201);
    app.post(&format!("/v1/policies/{}/activate", made["id"].as_str().unwrap()), key, json!({"version": 1})).await.expect(200);
}

/// A debtor at this number who is late; its id.
async fn late(app: &App, key: &str, n: usize, phone: &str) -> String {
    let contact = json!({"name": "Ann", "email": format!("ann{n}@client.example"), "phone": phone, "primary": true});
    let body = json!({"name": format!("Garage {n}"), "kind": "business", "contacts": [contact]});
    let customer = app.post("/v1/customers", key, body).await.expect(201)["id"].as_str().unwrap().to_owned();
    app.owes(key, &customer, &format!("F-{n}"), "2026-02-20").await;
    customer
}

fn mobile(n: usize) -> String {
    format!("+336123450{n:02}")
}

async fn change(app: &App, key: &str, texts: Value) {
    app.patch("/v1/tenant", key, json!({"texts": texts})).await.expect(200);
}

/// How many messages are in each state, with what they wait for.
async fn states(app: &App, key: &str) -> BTreeMap<(String, String), usize> {
    let mut states = BTreeMap::new();
    for message in app.list(key, "/v1/messages?limit=200").await {
        let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
        *states.entry((text("state"), text("failure"))).or_default() += 1;
    }
    states
}

/// What the first message took.
async fn segments(app: &App, key: &str) -> i64 {
    let first = app.list(key, "/v1/messages").await[0]["id"].as_str().unwrap().to_owned();
    app.get(&format!("/v1/messages/{first}"), key).await.expect(200)["content"]["segments"].as_i64().unwrap()
}

fn counted(some: &[(&str, &str, usize)]) -> BTreeMap<(String, String), usize> {
    some.iter().map(|(state, failure, count)| (((*state).to_owned(), (*failure).to_owned()), *count)).collect()
}

on_both! {
    async fn a_number_abroad_is_passed_over_and_explain_says_so(app: App) {
        let tenant = texting(&app, Some("email")).await;
        let key = &tenant.test;
        let customer = late(&app, key, 1, "+32470123456").await;
        let (account, rules) = app.rules(key, &customer).await;
        assert_eq!(rules, ["text_country", "due"], "{account}");
        let statement = &account["explanation"]["statements"][0];
        assert_eq!((&statement["address"]["channel"], account["explanation"]["next"]["channel"].as_str()), (&json!("sms"), Some("email")));
        app.settle(&tenant, Mode::Test).await;
        assert_eq!(app.list(key, "/v1/messages").await[0]["channel"], "email");
    }

    async fn without_another_channel_a_person_looks_until_the_country_is_allowed(app: App) {
        let tenant = texting(&app, None).await;
        let key = &tenant.test;
        let (abroad, fixed) = (late(&app, key, 1, "+32470123456").await, late(&app, key, 2, "+33145678901").await);
        app.settle(&tenant, Mode::Test).await;
        assert_eq!(app.rules(key, &abroad).await.1, ["text_country", "no_recipient"]);
        assert_eq!(app.rules(key, &fixed).await.1, ["text_line", "no_recipient"]);
        assert_eq!(app.list(key, "/v1/tasks?kind=review").await.len(), 2);
        assert!(app.list(key, "/v1/messages").await.is_empty());
        change(&app, key, json!({"countries": ["FR", "BE"]})).await;
        app.settle(&tenant, Mode::Test).await;
        let messages = app.list(key, "/v1/messages").await;
        assert_eq!((messages.len(), &messages[0]["address"]), (1, &json!("+32470123456")));
    }

    async fn a_suppressed_number_is_explained_with_its_reason(app: App) {
        let tenant = texting(&app, Some("email")).await;
        let key = &tenant.test;
        let customer = late(&app, key, 1, &mobile(1)).await;
        app.post("/v1/suppressions", key, json!({"channel": "sms", "address": mobile(1), "reason": "unsubscribed", "source": "asked by telephone"})).await.expect(201);
        let (account, rules) = app.rules(key, &customer).await;
        assert_eq!(rules, ["suppressed", "due"]);
        let statement = &account["explanation"]["statements"][0];
        assert_eq!((&statement["address"]["since"], &statement["address"]["source"]), (&json!("2026-03-02T11:00:00Z"), &json!("unsubscribed: asked by telephone")));
        assert!(statement["sentence"].as_str().unwrap().contains("since 2026-03-02 12:00 (unsubscribed: asked by telephone)"), "{statement}");
    }

    async fn costly_numbers_do_not_enter(app: App) {
        let tenant = app.tenant("Atelier").await;
        let contact = |phone: &str| json!({"name": "Ann", "phone": phone});
        let customer = json!({"name": "Garage", "kind": "business", "contacts": [contact("+33899701234"), contact("+33145678901")]});
        let refused = app.post("/v1/customers", &tenant.test, customer).await.expect(422);
        assert_eq!((&refused["errors"][0]["pointer"], &refused["errors"][0]["code"]), (&json!("/contacts/0/phone"), &json!("premium_rate")));
        let id = app.debtor(&tenant.test, "ann@client.example").await;
        let refused = app.post(&format!("/v1/customers/{id}/contacts"), &tenant.test, contact("+33820201234")).await.expect(422);
        assert_eq!((&refused["errors"][0]["pointer"], &refused["errors"][0]["code"]), (&json!("/phone"), &json!("shared_cost")));
    }

    async fn what_the_day_cannot_pay_waits_for_the_next_and_says_why(app: App) {
        let tenant = texting(&app, None).await;
        let key = &tenant.test;
        late(&app, key, 1, &mobile(1)).await;
        app.settle(&tenant, Mode::Test).await;
        let segments = segments(&app, key).await;
        change(&app, key, json!({"daily_budget": 2 * segments})).await;
        late(&app, key, 2, &mobile(2)).await;
        app.settle(&tenant, Mode::Test).await;
        let third = late(&app, key, 3, &mobile(3)).await;
        app.settle(&tenant, Mode::Test).await;
        assert_eq!(states(&app, key).await, counted(&[("accepted", "", 2), ("prepared", "text_budget", 1)]));
        let (account, rules) = app.rules(key, &third).await;
        assert_eq!(rules, ["text_budget"]);
        let until = account["explanation"]["statements"][0]["until"].as_str().unwrap().to_owned();
        assert!(until.starts_with("2026-03-03T0"), "{until}: the next day, in the debtor's hours");
        assert_eq!(journal(&app, partition(&tenant, Mode::Test)).iter().filter(|(kind, ..)| kind == "message.put_off").count(), 1);
        app.advance(&tenant, &later(1, 0)).await;
        assert_eq!(states(&app, key).await, counted(&[("accepted", "", 3)]));
    }

    async fn a_number_gets_three_a_day_whoever_it_belongs_to(app: App) {
        let tenant = texting(&app, None).await;
        let key = &tenant.test;
        for n in 0..5 {
            late(&app, key, n, &mobile(7)).await;
        }
        app.settle(&tenant, Mode::Test).await;
        assert_eq!(states(&app, key).await, counted(&[("accepted", "", 3), ("prepared", "text_number_cap", 2)]));
        app.advance(&tenant, &later(1, 0)).await;
        assert_eq!(states(&app, key).await, counted(&[("accepted", "", 5)]));
    }

    async fn two_dispatchers_at_once_stay_within_the_limits(app: App) {
        let tenant = texting(&app, None).await;
        let key = &tenant.test;
        late(&app, key, 0, &mobile(0)).await;
        app.settle(&tenant, Mode::Test).await;
        let segments = segments(&app, key).await;
        change(&app, key, json!({"daily_budget": 9 * segments, "per_number_per_day": 2})).await;
        // Six share a number: two of them may be sent; of the twenty others six.
        for n in 1..=26 {
            late(&app, key, n, &mobile(if n <= 6 { 99 } else { n })).await;
        }
        let of = partition(&tenant, Mode::Test);
        actions::run(&app.db, &app.clock, of, actions::SYSTEM, |act| actions::planning::plan_due(act, None, 500)).await.unwrap();
        let links = Arc::new(app.state.instance.links.clone());
        let worker = async || {
            loop {
                let links = Arc::clone(&links);
                let claimed = actions::run(&app.db, &app.clock, of, actions::SYSTEM, move |act| {
                    let (paused, rooms, lease) = (Paused::default(), Rooms::default(), TimeDelta::seconds(60));
                    claim(act, &Dispatcher { links: &links, paused: &paused, rooms: &rooms, repeat_until: &|_, _| None, lease }, 2)
                });
                if !claimed.await.unwrap().busy {
                    return;
                }
            }
        };
        tokio::join!(worker(), worker(), worker(), worker());
        let states = states(&app, key).await;
        assert_eq!(states.get(&("dispatched".to_owned(), String::new())), Some(&8), "{states:?}");
        let to_one = app.list(key, "/v1/messages?state=dispatched&limit=200").await.iter().filter(|message| message["address"] == mobile(99)).count();
        assert!(to_one <= 2, "{to_one}");
    }

    async fn a_text_that_moves_to_another_account_is_paid_for_once(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.live;
        let gateways = [Scripted::answering(Some(401)), Scripted::answering(Some(429)), Scripted::answering(Some(202))];
        for (place, gateway) in gateways.iter().enumerate() {
            let mut account = gateway.account(&format!("Gateway {place}"), i32::try_from(place).unwrap());
            account["channels"] = json!(["sms"]);
            app.post("/v1/provider-accounts", key, account).await.expect(201);
        }
        by_text(&app, key, None).await;
        change(&app, key, json!({"per_number_per_day": 1})).await;
        late(&app, key, 1, &mobile(1)).await;
        app.settle(&tenant, Mode::Live).await;
        assert_eq!(gateways.each_ref().map(Scripted::sent), [1, 1, 1]);
        let spent = |app: &App| {
            let mut owner = Owner::of(app.db.url());
            let mut all = |sql: &str| owner.texts(sql);
            (all("SELECT CAST(segments AS text) AS value FROM text_days"), all("SELECT CAST(messages AS text) AS value FROM text_numbers"))
        };
        let first = segments(&app, key).await;
        assert_eq!(spent(&app), (vec![first.to_string()], vec!["1".to_owned()]));
        // Nor is one that waits for its accounts to have it, and has room for nothing else.
        change(&app, key, json!({"daily_budget": 2 * first})).await;
        gateways[2].behave(Manner { send: Some(401), ..Manner::default() });
        late(&app, key, 2, &mobile(2)).await;
        app.settle(&tenant, Mode::Live).await;
        gateways[2].behave(Manner::default());
        app.clock.advance(TimeDelta::minutes(1));
        app.settle(&tenant, Mode::Live).await;
        assert_eq!(states(&app, key).await, counted(&[("accepted", "", 2)]));
        assert_eq!(spent(&app), (vec![(2 * first).to_string()], vec!["1".to_owned(), "1".to_owned()]));
    }

    async fn a_senders_name_is_checked_where_it_is_given(app: App) {
        let tenant = app.tenant("Atelier").await;
        let errors = async |body: Value| {
            let refused = app.patch("/v1/tenant", &tenant.live, body).await.expect(422);
            refused["errors"].as_array().unwrap().iter().map(|one| (one["pointer"].as_str().unwrap().to_owned(), one["code"].as_str().unwrap().to_owned())).collect::<Vec<_>>()
        };
        let at = |code: &str| vec![("/letterhead/sms_sender".to_owned(), code.to_owned())];
        assert_eq!(errors(json!({"letterhead": {"sms_sender": "Inkasso"}})).await, at("debt_word"));
        assert_eq!(errors(json!({"letterhead": {"sms_sender": "Atelier"}, "texts": {"countries": ["US"]}})).await, at("numbers_only"));
        app.patch("/v1/tenant", &tenant.live, json!({"letterhead": {"sms_sender": "Atelier"}})).await.expect(200);
        assert_eq!(errors(json!({"texts": {"countries": ["ES"]}})).await, at("not_registered"));
        app.patch("/v1/tenant", &tenant.live, json!({"texts": {"countries": ["ES"], "sender_registered_in": ["ES"]}})).await.expect(200);
        assert_eq!(errors(json!({"texts": {"countries": []}})).await, [("/texts/countries".to_owned(), "empty".to_owned())]);
    }
}
