//! Rule 18: a policy is played through on the code that decides, and nothing is sent.

use relance::domain::ids::Mode;
use serde_json::{Value, json};

use crate::{
    on_both,
    support::{
        App,
        dunning::ANN,
        ledger::{journal, partition},
    },
};

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in {value}"))
}

async fn crescendo(app: &App, key: &str) -> String {
    let policies = app.list(key, "/v1/policies").await;
    format!("/v1/policies/{}", text(policies.iter().find(|one| one["builtin"] == "crescendo").unwrap(), "/id"))
}

/// The days and steps of a simulation.
fn told(simulation: &Value) -> Vec<String> {
    let days = simulation["days"].as_array().unwrap();
    let line = |day: &Value, event: &Value| {
        format!("{} {}", &text(day, "/date")[5..], event["step"].as_str().or(event["reason"].as_str()).unwrap())
    };
    days.iter().flat_map(|day| day["events"].as_array().unwrap().iter().map(move |event| line(day, event))).collect()
}

on_both! {
    async fn rule_18_a_simulation_says_what_the_real_thing_does(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.test;
        let customer = app.debtor(key, ANN).await;
        app.owes(key, &customer, "F-1", "2026-03-01").await;
        app.owes(key, &customer, "F-2", "2026-03-20").await;
        app.post("/v1/holds", key, json!({"customer_id": customer, "reason": "holidays", "from": "2026-03-10", "until": "2026-03-13"})).await.expect(201);
        app.post("/v1/promises", key, json!({"customer_id": customer, "currency": "EUR", "due_on": "2026-03-05"})).await.expect(201);
        app.settle(&tenant, Mode::Test).await;
        let before = journal(&app, partition(&tenant, Mode::Test)).len();
        let path = format!("{}/simulate", crescendo(&app, key).await);
        let wanted = json!({"customer_id": customer, "days": 60});
        let simulated = app.post(&path, key, wanted.clone()).await.expect(200);
        assert_eq!(app.post(&path, key, wanted).await.expect(200), simulated, "the same facts, the same days");
        assert_eq!(journal(&app, partition(&tenant, Mode::Test)).len(), before);
        assert!(app.list(key, "/v1/reminders").await.is_empty(), "nothing is written");
        app.advance(&tenant, "2026-04-30T21:59:59Z").await;
        let happened: Vec<String> = app.list(key, "/v1/reminders").await.iter().map(|one| format!("{} {}", &text(one, "/completed_at")[5..10], text(one, "/step"))).collect();
        let steps: Vec<String> = told(&simulated).into_iter().filter(|line| !line.ends_with("broken")).collect();
        assert_eq!(steps, happened);
        assert!(happened.len() > 5 && told(&simulated).iter().any(|line| line.ends_with("broken_promise")), "{happened:?}");
        let event = &simulated["days"][1]["events"][0];
        assert!(event["contact_id"].is_string() && event["total"] == 240_000, "{event}");
    }

    async fn an_account_is_made_up_and_a_draft_is_tried(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.test;
        let step = |name: &str, offset: i32| json!({"key": name, "offset_days": offset, "channel": "email", "template": name});
        let document = json!({"name": "Mine", "steps": [step("first_reminder", 3), step("last_reminder", 12)]});
        let made = app.post("/v1/policies", key, json!({"document": document})).await.expect(201);
        let path = format!("/v1/policies/{}/simulate", text(&made, "/id"));
        let account = json!({"kind": "business", "currency": "EUR", "invoices": [{"number": "F-1", "due_date": "2025-03-01", "amount": 120_000}],
            "payments": [{"number": "F-1", "on": "2025-03-12", "amount": 20_000}]});
        let seen = app.post(&path, key, json!({"account": account, "from": "2025-02-20", "days": 40})).await.expect(200);
        assert_eq!(told(&seen), ["03-04 first_reminder", "03-13 last_reminder"]);
        assert_eq!((&seen["version"], &seen["until"], &seen["days"][1]["events"][0]["total"]), (&json!(1), &json!("2025-03-31"), &json!(100_000)));
        assert_eq!((&seen["days"][0]["events"][0]["contact_id"], &seen["in_the_end"]["statements"][0]["rule"]), (&Value::Null, &json!("finished")));
        for (body, status) in [
            (json!({"account": account, "days": 401}), 400),
            (json!({}), 422),
            (json!({"account": account, "version": 2}), 404),
            (json!({"customer_id": "cus_01jd3kq8e5fvv8m3s9tqz4x7ya"}), 404),
        ] {
            assert_eq!(app.post(&path, key, body).await.status, status);
        }
        let readers = app.post("/v1/api-keys", key, json!({"name": "reader", "scopes": ["policies:read"]})).await.expect(201);
        let customer = app.debtor(key, ANN).await;
        let refused = app.post(&path, text(&readers, "/secret"), json!({"customer_id": customer})).await;
        assert_eq!(refused.status, 403, "a real account shows what another scope guards");
    }
}
