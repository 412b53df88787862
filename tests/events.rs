//! What integrators are told that nobody did: an invoice is overdue, a reminder is not sent.

use relance::domain::ids::Mode;
use serde_json::{Value, json};

use crate::{
    on_both,
    support::{App, Tenant, dunning::ANN},
};

/// The data of all events of a type, in their order.
async fn told(app: &App, tenant: &Tenant, kind: &str) -> Vec<Value> {
    app.settle(tenant, Mode::Test).await;
    let events = app.list(&tenant.test, &format!("/v1/events?type={kind}&limit=200")).await;
    events.into_iter().map(|event| json!({"at": event["timestamp"], "data": event["data"]})).collect()
}

/// The invoices that were told of as overdue, in the order of the telling, with the moment.
async fn overdue(app: &App, tenant: &Tenant) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    told(app, tenant, "invoice.overdue").await.iter().map(|event| (text(&event["data"]["id"]), text(&event["at"]))).collect()
}

/// What was kept back: the rule and the step.
async fn suppressed(app: &App, tenant: &Tenant) -> Vec<(Value, Value)> {
    let events = told(app, tenant, "reminder.suppressed").await;
    events.iter().map(|event| (event["data"]["rule"].clone(), event["data"]["step"].clone())).collect()
}

fn id(row: &Value) -> String {
    row["id"].as_str().unwrap().to_owned()
}

on_both! {
    async fn an_invoice_is_told_overdue_once_as_its_day_begins(app: App) {
        let tenant = app.tenant("Overdue").await;
        let key = &tenant.test;
        let customer = app.debtor(key, ANN).await;
        let first = app.owes(key, &customer, "F-1", "2026-03-10").await;
        let second = app.owes(key, &customer, "F-2", "2026-03-12").await;
        let paid = app.owes(key, &customer, "F-3", "2026-03-12").await;
        app.post("/v1/payments", key, json!({"customer_id": customer, "currency": "EUR", "amount": 120_000, "received_on": "2026-03-02",
            "allocations": [{"invoice_id": paid["id"], "amount": 120_000}]})).await.expect(201);
        app.advance(&tenant, "2026-03-10T22:59:00Z").await;
        assert_eq!(overdue(&app, &tenant).await, []);
        app.advance(&tenant, "2026-03-30T12:00:00Z").await;
        let expected = [(id(&first), "2026-03-10T23:00:00Z".to_owned()), (id(&second), "2026-03-12T23:00:00Z".to_owned())];
        assert_eq!(overdue(&app, &tenant).await, expected, "midnight in Paris; what is paid is not overdue");
        let data = &told(&app, &tenant, "invoice.overdue").await[0]["data"];
        assert_eq!((&data["customer_id"], &data["due_date"], &data["balance"]), (&json!(customer), &json!("2026-03-10"), &json!(120_000)));

        // Put off and missed again: it was said.
        app.patch(&format!("/v1/invoices/{}", id(&first)), key, json!({"due_date": "2026-04-02"})).await.expect(200);
        app.advance(&tenant, "2026-04-10T12:00:00Z").await;
        assert_eq!(overdue(&app, &tenant).await, expected);
    }

    async fn what_becomes_overdue_without_a_midnight_is_told_too(app: App) {
        let tenant = app.tenant("Late news").await;
        let key = &tenant.test;
        let customer = app.debtor(key, ANN).await;
        app.advance(&tenant, "2026-03-20T12:00:00Z").await;
        let late = app.owes(key, &customer, "F-1", "2026-03-01").await;
        let mut expected = vec![id(&late)];
        let ids = async || overdue(&app, &tenant).await.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
        assert_eq!(ids().await, expected, "recorded late");

        let returned = app.owes(key, &customer, "F-2", "2026-03-25").await;
        let payment = app.post("/v1/payments", key, json!({"customer_id": customer, "currency": "EUR", "amount": 120_000, "received_on": "2026-03-20",
            "allocations": [{"invoice_id": returned["id"], "amount": 120_000}]})).await.expect(201);
        app.advance(&tenant, "2026-03-28T12:00:00Z").await;
        assert_eq!(ids().await, expected, "paid in time");
        app.post(&format!("/v1/payments/{}/return", id(&payment)), key, json!({"reason": "AC04"})).await.expect(200);
        expected.push(id(&returned));
        assert_eq!(ids().await, expected, "the money went back");
    }

    async fn a_reminder_that_is_due_and_kept_back_is_told_with_its_reason(app: App) {
        let tenant = app.tenant("Kept back").await;
        let key = &tenant.test;
        let customer = app.debtor(key, ANN).await;
        let invoice = app.owes(key, &customer, "F-1", "2026-03-10").await;
        let hold = app.post("/v1/holds", key, json!({"invoice_id": invoice["id"], "reason": "being checked"})).await.expect(201);
        assert_eq!(suppressed(&app, &tenant).await, [], "nothing is due yet");
        app.advance(&tenant, "2026-03-08T12:00:00Z").await;
        assert_eq!(suppressed(&app, &tenant).await, [(json!("hold"), json!("call_upcoming"))]);
        app.advance(&tenant, "2026-03-30T12:00:00Z").await;
        let both = [(json!("hold"), json!("call_upcoming")), (json!("hold"), json!("first_reminder"))];
        assert_eq!(suppressed(&app, &tenant).await, both, "once each, however long it lasts");
        app.post(&format!("/v1/holds/{}/lift", id(&hold)), key, Value::Null).await.expect(200);
        app.advance(&tenant, "2026-03-31T12:00:00Z").await;
        assert_eq!(suppressed(&app, &tenant).await, both);
        assert_eq!(told(&app, &tenant, "reminder.decided").await.len(), 1, "it goes when nothing keeps it back");
    }
}
