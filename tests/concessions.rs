//! What is conceded and contested on the way: the interest of payment plans, holds of days to come, disputes that a call brings to light.

use relance::domain::ids::Mode;
use serde_json::{Value, json};

use crate::{
    on_both,
    support::{
        App, Tenant,
        dunning::ANN,
        ledger::{journal, partition},
    },
};

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in {value}"))
}

/// An invoice of 1,200.00 that was due on 31 January: thirty days late when the tests begin.
async fn late(app: &App, key: &str, customer: &str, number: &str, law: &str) -> String {
    let body = json!({"customer_id": customer, "number": number, "issue_date": "2026-01-10", "due_date": "2026-01-31", "currency": "EUR", "total": 120_000,
        "late_interest": {"kind": "statutory", "jurisdiction": law}});
    text(&app.post("/v1/invoices", key, body).await.expect(201), "/id").to_owned()
}

/// A plan of these parts over all that is open, accepted at once.
async fn agree(app: &App, key: &str, customer: &str, interest: &str, parts: &[(&str, i64)]) -> String {
    let parts: Vec<Value> = parts.iter().map(|(due_on, amount)| json!({"due_on": due_on, "amount": amount})).collect();
    let body = json!({"customer_id": customer, "currency": "EUR", "parts": parts, "interest": interest});
    let plan = app.post("/v1/payment-plans", key, body).await.expect(201);
    let words = json!({"accepted_by": "Ann Martin", "accepted_from": "Lille", "text": "We pay in parts."});
    let path = format!("/v1/payment-plans/{}", text(&plan, "/id"));
    app.post(&format!("{path}/accept"), key, words).await.expect(200);
    path
}

async fn interest(app: &App, key: &str, invoice: &str, until: &str) -> i64 {
    app.get(&format!("/v1/invoices/{invoice}/interest?until={until}"), key).await.expect(200)["interest"]["accrued"].as_i64().unwrap()
}

async fn pay(app: &App, key: &str, customer: &str, amount: i64, on: &str) {
    let body = json!({"customer_id": customer, "currency": "EUR", "amount": amount, "received_on": on});
    app.post("/v1/payments", key, body).await.expect(201);
}

fn told(app: &App, tenant: &Tenant, kind: &str) -> Vec<Value> {
    let journal = journal(app, partition(tenant, Mode::Test)).into_iter();
    journal.filter(|(told, ..)| told == kind).map(|(.., body)| serde_json::from_str(&body).unwrap()).collect()
}

const PARTS: [(&str, i64); 3] = [("2026-03-02", 40_000), ("2026-04-02", 40_000), ("2026-05-02", 40_000)];

on_both! {
    async fn interest_stands_still_while_a_plan_is_kept_and_goes_on_when_it_is_broken(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.test;
        let mut invoices = Vec::new();
        for (n, choice) in ["suspended", "continues", "waived_if_kept"].into_iter().enumerate() {
            let customer = app.debtor(key, &format!("ann{n}@client.example")).await;
            let invoice = late(&app, key, &customer, &format!("F-{n}"), "FR").await;
            let plan = agree(&app, key, &customer, choice, &PARTS).await;
            pay(&app, key, &customer, 40_000, "2026-03-02").await;
            invoices.push((invoice, plan));
        }
        // 12.15 percent of 1,200.00 for thirty days is 11.98; the payment of 2 March counts from the 3rd.
        let (suspended, going_on) = (&invoices[0].0, &invoices[1].0);
        assert_eq!(interest(&app, key, suspended, "2026-03-02").await, 1198);
        assert_eq!(interest(&app, key, suspended, "2026-04-20").await, 1198, "as far as anybody knows, it is kept");
        assert_eq!(interest(&app, key, going_on, "2026-04-20").await, 1198 + 1305, "49 days on 800.00");
        app.advance(&tenant, "2026-04-20T12:00:00Z").await;
        for (_, plan) in &invoices {
            assert_eq!(app.get(plan, key).await.expect(200)["state"], "broken");
        }
        // The second part's grace ended on 5 April: fifteen days on 800.00 since.
        for (invoice, _) in [&invoices[0], &invoices[2]] {
            assert_eq!(interest(&app, key, invoice, "2026-04-05").await, 1198);
            assert_eq!(interest(&app, key, invoice, "2026-04-20").await, 1198 + 399);
        }
    }

    async fn interest_is_waived_when_a_plan_is_kept_to_its_end(app: App) {
        let (tenant, customer) = { let tenant = app.tenant("Atelier").await; let customer = app.debtor(&tenant.test, ANN).await; (tenant, customer) };
        let key = &tenant.test;
        let invoice = late(&app, key, &customer, "F-1", "ES").await;
        let charged = app.post(&format!("/v1/invoices/{invoice}/interest-charges"), key, json!({})).await.expect(201);
        assert_eq!((&charged["charges"][0]["amount"], &charged["charges"][1]["amount"]), (&json!(1001), &json!(4000)), "10.15 percent for thirty days");
        let plan = agree(&app, key, &customer, "waived_if_kept", &[("2026-03-02", 60_000), ("2026-04-02", 60_000)]).await;
        pay(&app, key, &customer, 60_000, "2026-03-02").await;
        app.advance(&tenant, "2026-03-30T12:00:00Z").await;
        assert_eq!(interest(&app, key, &invoice, "2026-03-30").await, 1001);
        pay(&app, key, &customer, 60_000, "2026-03-30").await;
        app.advance(&tenant, "2026-03-31T12:00:00Z").await;
        assert_eq!(app.get(&plan, key).await.expect(200)["state"], "kept");
        let seen = app.get(&format!("/v1/invoices/{invoice}/interest"), key).await.expect(200);
        assert_eq!((&seen["interest"]["accrued"], &seen["interest"]["owed"], &seen["charges"][0]["waived"]), (&json!(0), &json!(0), &json!(1001)));
        assert_eq!(seen["fixed_sum"]["owed"], 4000, "the fixed sum stays as it is");
        let waived = told(&app, &tenant, "charge.waived");
        assert_eq!((waived.len(), &waived[0]["amount"], &waived[0]["reason"]), (1, &json!(1001), &json!("the payment plan was kept")));
    }

    async fn a_plan_that_is_taken_back_lets_interest_go_on_from_there(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.test;
        let customer = app.debtor(key, ANN).await;
        let invoice = late(&app, key, &customer, "F-1", "FR").await;
        let plan = agree(&app, key, &customer, "suspended", &[("2026-03-02", 60_000), ("2026-04-02", 60_000)]).await;
        app.advance(&tenant, "2026-03-05T12:00:00Z").await;
        app.post(&format!("{plan}/cancel"), key, Value::Null).await.expect(200);
        // Thirty days to 2 March, and the ten from 6 to 15 March: 11.98 and 3.99.
        assert_eq!(interest(&app, key, &invoice, "2026-03-15").await, 1198 + 399);
    }

    async fn a_hold_may_begin_on_a_day_to_come(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.test;
        let customer = app.debtor(key, ANN).await;
        app.owes(key, &customer, "F-1", "2026-03-01").await;
        let place = async |from: &str, until: &str| app.post("/v1/holds", key, json!({"customer_id": customer, "reason": "holidays", "from": from, "until": until})).await;
        for (from, until, code) in [("2026-03-01", "2026-03-20", "in_the_past"), ("2026-03-21", "2026-03-20", "before_start")] {
            assert_eq!(place(from, until).await.expect(422)["errors"][0]["code"], code);
        }
        let hold = place("2026-03-08", "2026-03-20").await.expect(201);
        assert_eq!((&hold["from"], &hold["until"]), (&json!("2026-03-08"), &json!("2026-03-20")));
        let (account, rules) = app.rules(key, &customer).await;
        assert_eq!(rules[0], "hold_ahead");
        assert_eq!(account["explanation"]["statements"][0]["until"], "2026-03-07T23:00:00Z");
        app.advance(&tenant, "2026-03-18T12:00:00Z").await;
        let steps = async || -> Vec<String> { app.list(key, "/v1/reminders").await.iter().map(|one| format!("{} {}", &text(one, "/completed_at")[5..10], text(one, "/step"))).collect() };
        assert_eq!(steps().await, ["03-04 first_reminder"]);
        assert_eq!(app.rules(key, &customer).await.1, ["hold"]);
        app.advance(&tenant, "2026-03-23T12:00:00Z").await;
        assert_eq!(steps().await, ["03-04 first_reminder", "03-23 call_courtesy"]);
    }

    async fn what_is_contested_in_a_call_is_a_dispute(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.test;
        let (ann, bob) = (app.debtor(key, ANN).await, app.debtor(key, "bob@client.example").await);
        app.owes(key, &ann, "A-1", "2026-03-01").await;
        app.owes(key, &bob, "B-1", "2026-03-01").await;
        let second = app.owes(key, &bob, "B-2", "2026-03-01").await;
        app.advance(&tenant, "2026-03-10T12:00:00Z").await;
        let call = async |customer: &str| format!("/v1/tasks/{}/complete", text(&app.list(key, &format!("/v1/tasks?kind=call&state=open&customer_id={customer}")).await[0], "/id"));
        let (to_ann, to_bob) = (call(&ann).await, call(&bob).await);
        app.post(&to_ann, key, json!({"outcome": "contested", "notes": "The chairs are broken."})).await.expect(200);
        let disputes = app.list(key, &format!("/v1/disputes?customer_id={ann}")).await;
        assert_eq!((disputes.len(), &disputes[0]["amount"], text(&disputes[0], "/reason"), text(&disputes[0], "/note")), (1, &json!(120_000), "other", "The chairs are broken."));
        assert!(to_ann.contains(text(&disputes[0], "/task_id")));
        assert_eq!(app.rules(key, &ann).await.1, ["dispute"]);
        assert_eq!(told(&app, &tenant, "dispute.opened")[0]["task_id"], disputes[0]["task_id"]);

        let fault = |answer: Value| format!("{} {}", text(&answer, "/errors/0/pointer"), text(&answer, "/errors/0/code"));
        for (body, wrong) in [
            (json!({"outcome": "reached", "dispute": {}}), "/dispute contradiction"),
            (json!({"outcome": "contested", "dispute": {"amount": 30_000}}), "/dispute/amount ambiguous"),
            (json!({"outcome": "contested", "dispute": {"invoice_ids": [disputes[0]["invoice_id"]]}}), "/dispute/invoice_ids/0 not_found"),
            (json!({"outcome": "contested", "dispute": {"invoice_ids": [second["id"]], "amount": 120_001}}), "/dispute/amount out_of_range"),
        ] {
            assert_eq!(fault(app.post(&to_bob, key, body).await.expect(422)), wrong);
        }
        let part = json!({"invoice_ids": [second["id"]], "amount": 30_000, "reason": "quantity", "respond_by": "2026-03-20"});
        app.post(&to_bob, key, json!({"outcome": "contested", "dispute": part})).await.expect(200);
        let disputes = app.list(key, &format!("/v1/disputes?customer_id={bob}")).await;
        assert_eq!((disputes.len(), &disputes[0]["invoice_id"], &disputes[0]["amount"], text(&disputes[0], "/reason")), (1, &second["id"], &json!(30_000), "quantity"));
    }
}
