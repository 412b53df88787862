//! Accounting software: what is pushed becomes true of the ledger, once, whatever its order; and notices are believed only when their system signed them.

mod push;

use aws_lc_rs::hmac;
use relance::domain::ids::Mode;
use serde_json::{Value, json};

use crate::{
    on_both,
    support::{App, Reply, Tenant, ledger::partition},
};

const SECRET: &str = "whsec_5WbX5kEWLlfzsGNjH64I8lOOqUB6e8FH";

/// A connection, and the path where its notices go.
struct Connected {
    tenant: Tenant,
    id: String,
    path: String,
}

async fn connected(app: &App, system: &str) -> Connected {
    let tenant = app.tenant("Atelier").await;
    let credentials = if system == "stripe" { json!({ "signing_secrets": [SECRET] }) } else { json!({}) };
    let body = json!({"system": system, "source": system, "name": "Books", "credentials": credentials});
    let made = app.post("/v1/connections", &tenant.live, body).await.expect(201);
    let path = made["inbound_url"].as_str().unwrap().strip_prefix(&app.url).unwrap().to_owned();
    assert!(made["setup_steps"][0].is_string() && !made.to_string().contains(SECRET));
    Connected { id: made["id"].as_str().unwrap().to_owned(), tenant, path }
}

impl Connected {
    /// Posts an event as Stripe signs it, `age` seconds ago.
    async fn signed(&self, app: &App, body: &str, secret: &str, age: i64) -> Reply {
        let stamp = app.clock.now().timestamp() - age;
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, format!("{stamp}.{body}").as_bytes());
        let header = format!("t={stamp},v1={}", data_encoding::HEXLOWER.encode(tag.as_ref()));
        app.raw("POST", &self.path, &[("stripe-signature", &header), ("content-type", "application/json")], body.to_owned()).await
    }

    async fn tell(&self, app: &App, event: &Value) {
        assert_eq!(self.signed(app, &event.to_string(), SECRET, 0).await.status, 200);
        app.settle(&self.tenant, Mode::Live).await;
    }

    async fn notices(&self, app: &App, status: &str) -> Vec<Value> {
        app.list(&self.tenant.live, &format!("/v1/connections/{}/notices?status={status}", self.id)).await
    }

    async fn invoice(&self, app: &App, source: &str, external_id: &str) -> Value {
        app.get(&format!("/v1/invoices/by-external-id/{source}/{external_id}"), &self.tenant.live).await.expect(200)
    }
}

/// An event about the invoice `in_118`, made `later` seconds after the first.
fn event(id: &str, kind: &str, later: i64, changes: Value) -> Value {
    let mut object = json!({"id": "in_118", "object": "invoice", "number": "A3F-0118", "status": "open", "currency": "eur", "total": 120_000, "amount_due": 120_000,
        "amount_paid": 0, "amount_remaining": 120_000, "created": 1_770_000_000, "due_date": 1_773_000_000, "collection_method": "send_invoice", "customer": "cus_9",
        "customer_name": "Garage Dupont", "customer_email": "accounts@dupont.example", "hosted_invoice_url": "https://invoice.stripe.com/i/in_118"});
    object.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    json!({"id": id, "type": kind, "created": 1_770_000_000 + later, "data": {"object": object}})
}

fn paid() -> Value {
    json!({"status": "paid", "amount_paid": 120_000, "amount_remaining": 0})
}

on_both! {
    async fn what_stripe_tells_is_in_the_ledger_whatever_its_order(app: App) {
        let books = connected(&app, "stripe").await;
        books.tell(&app, &event("evt_1", "invoice.finalized", 0, json!({}))).await;
        let invoice = books.invoice(&app, "stripe", "in_118").await;
        assert_eq!((&invoice["balance"], &invoice["number"], &invoice["payment_link"]), (&json!(120_000), &json!("A3F-0118"), &json!("https://invoice.stripe.com/i/in_118")));
        books.tell(&app, &event("evt_3", "invoice.paid", 60, paid())).await;
        // What was said in between arrives last, and says nothing any more.
        books.tell(&app, &event("evt_2", "invoice.updated", 30, json!({"amount_paid": 20_000, "amount_remaining": 100_000}))).await;
        let invoice = books.invoice(&app, "stripe", "in_118").await;
        assert_eq!((&invoice["status"], &invoice["balance"]), (&json!("settled"), &json!(0)));
        let payments = app.list(&books.tenant.live, "/v1/payments").await;
        assert_eq!((payments.len(), &payments[0]["amount"]), (1, &json!(120_000)), "{payments:?}");
        assert_eq!((books.notices(&app, "applied").await.len(), books.notices(&app, "ignored").await.len()), (2, 1));
    }

    async fn a_copy_and_a_replay_have_no_second_effect(app: App) {
        let books = connected(&app, "stripe").await;
        for _ in 0..2 {
            books.tell(&app, &event("evt_1", "invoice.paid", 0, paid())).await;
        }
        let notices = books.notices(&app, "applied").await;
        assert_eq!(notices.len(), 1);
        let path = format!("/v1/connections/{}/notices/{}", books.id, notices[0]["id"].as_str().unwrap());
        let whole = app.get(&path, &books.tenant.live).await.expect(200);
        assert_eq!(serde_json::from_str::<Value>(whole["body"].as_str().unwrap()).unwrap()["id"], "evt_1");
        app.post(&format!("{path}/replay"), &books.tenant.live, Value::Null).await.expect(202);
        app.settle(&books.tenant, Mode::Live).await;
        assert_eq!(books.notices(&app, "applied").await.len(), 1);
        assert_eq!(app.list(&books.tenant.live, "/v1/payments").await.len(), 1);
        assert_eq!(app.list(&books.tenant.live, "/v1/invoices").await.len(), 1);
    }

    async fn what_is_not_signed_by_its_system_is_refused_and_not_kept(app: App) {
        let books = connected(&app, "stripe").await;
        let body = event("evt_1", "invoice.finalized", 0, json!({})).to_string();
        let refused = [
            books.signed(&app, &body, "whsec_other", 0).await,
            books.signed(&app, &body, SECRET, 301).await,
            books.signed(&app, &body, SECRET, -301).await,
            app.raw("POST", &books.path, &[], body.clone()).await,
            app.raw("POST", "/v1/inbound/connections/rli_nobody", &[], body.clone()).await,
        ];
        for reply in &refused {
            assert_eq!((reply.status, &reply.body["code"], &reply.body["detail"]), (401, &json!("unauthenticated"), &refused[0].body["detail"]));
        }
        let other = connected(&app, "stripe").await;
        let long = "x".repeat(1_100_000);
        assert_eq!(books.signed(&app, &long, SECRET, 0).await.status, 413);
        assert!(app.list(&books.tenant.live, &format!("/v1/connections/{}/notices", books.id)).await.is_empty());
        // A key of another tenant sees neither the connection nor its notices.
        for path in [format!("/v1/connections/{}", books.id), format!("/v1/connections/{}/notices", books.id)] {
            assert_eq!(app.get(&path, &other.tenant.live).await.status, 404);
            assert_eq!(app.get(&path, &books.tenant.test).await.status, 404);
        }
        app.patch(&format!("/v1/connections/{}", books.id), &books.tenant.live, json!({"state": "disabled"})).await.expect(200);
        assert_eq!(books.signed(&app, &body, SECRET, 0).await.status, 401);
    }

    async fn what_cannot_be_read_is_kept_and_what_the_ledger_refuses_is_tried_again(app: App) {
        let books = connected(&app, "stripe").await;
        for garbage in ["", "{", "null", r#"{"id": "evt_9", "type": "invoice.paid", "data": {"object": {"object": "invoice", "status": "paid"}}}"#, "\u{0}\u{1}"] {
            assert_eq!(books.signed(&app, garbage, SECRET, 0).await.status, 200, "{garbage:?}");
        }
        app.settle(&books.tenant, Mode::Live).await;
        let failed = books.notices(&app, "failed").await;
        assert_eq!(failed.len(), 5);
        assert!(failed.iter().all(|one| one["reason"].is_string() && one["next_try_at"].is_null()), "{failed:?}");
        // A credit note says nothing of who its customer is: it waits for the invoice.
        let note = json!({"id": "evt_5", "type": "credit_note.created", "created": 1_770_000_010, "data": {"object": {"id": "cn_4", "object": "credit_note", "number": "CN-1",
            "status": "issued", "currency": "eur", "total": 5_000, "created": 1_770_000_010, "invoice": "in_118", "customer": "cus_9", "pre_payment_amount": 5_000}}});
        books.tell(&app, &note).await;
        let waiting = books.notices(&app, "failed").await;
        assert_eq!(waiting.iter().filter(|one| one["next_try_at"].is_string()).count(), 1, "{waiting:?}");
        books.tell(&app, &event("evt_1", "invoice.finalized", 0, json!({}))).await;
        app.clock.advance(chrono::TimeDelta::minutes(2));
        app.settle(&books.tenant, Mode::Live).await;
        assert_eq!(books.invoice(&app, "stripe", "in_118").await["balance"], 115_000);
        assert_eq!(books.notices(&app, "applied").await.len(), 2);
    }

    async fn what_was_kept_before_a_crash_is_applied_once_after_it(app: App) {
        let books = connected(&app, "stripe").await;
        let body = event("evt_1", "invoice.paid", 0, paid()).to_string();
        assert_eq!(books.signed(&app, &body, SECRET, 0).await.status, 200);
        // Taken up by somebody who was killed.
        let tenant = partition(&books.tenant, Mode::Live);
        let lease = |act: &mut relance::actions::Act<'_>| relance::actions::notices::claim(act, chrono::TimeDelta::minutes(5), 10).map(|works| works.len());
        let taken = relance::actions::run(&app.db, &app.clock, tenant, "system", lease).await.unwrap();
        assert_eq!(taken, 1);
        app.settle(&books.tenant, Mode::Live).await;
        assert!(app.list(&books.tenant.live, "/v1/invoices").await.is_empty());
        app.clock.advance(chrono::TimeDelta::minutes(6));
        app.settle(&books.tenant, Mode::Live).await;
        assert_eq!(books.invoice(&app, "stripe", "in_118").await["status"], "settled");
        assert_eq!(app.list(&books.tenant.live, "/v1/payments").await.len(), 1);
        // A month later nothing of it is kept, and the ledger stays.
        app.clock.advance(chrono::TimeDelta::days(31));
        app.settle(&books.tenant, Mode::Live).await;
        assert!(app.list(&books.tenant.live, &format!("/v1/connections/{}/notices", books.id)).await.is_empty());
        assert_eq!(app.list(&books.tenant.live, "/v1/invoices").await.len(), 1);
    }

    async fn odoo_posts_to_an_address_that_nobody_else_knows(app: App) {
        let books = connected(&app, "odoo").await;
        let entry = |extra: Value| {
            let mut whole = json!({"_id": 42, "_model": "account.move", "name": "INV/2026/00042", "move_type": "out_invoice", "state": "posted", "payment_state": "not_paid",
                "invoice_date": "2026-02-01", "invoice_date_due": "2026-03-01", "amount_total": 1200.1, "amount_residual": 1200.1, "currency_id": [1, "EUR"],
                "partner_id": [7, "Garage Dupont"], "write_date": "2026-02-01 08:00:00"});
            whole.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            whole.to_string()
        };
        for body in [
            entry(json!({})),
            entry(json!({"payment_state": "partial", "amount_residual": 200.05, "write_date": "2026-02-02 08:00:00"})),
        ] {
            assert_eq!(app.raw("POST", &books.path, &[], body).await.status, 200);
            app.settle(&books.tenant, Mode::Live).await;
        }
        let invoice = books.invoice(&app, "odoo", "42").await;
        assert_eq!((&invoice["total"], &invoice["balance"]), (&json!(120_010), &json!(20_005)));
        // The address can be changed; the former one is honoured for a week.
        let rotated = app.post(&format!("/v1/connections/{}/rotate-url", books.id), &books.tenant.live, Value::Null).await.expect(200);
        let path = rotated["inbound_url"].as_str().unwrap().strip_prefix(&app.url).unwrap().to_owned();
        let cancelled = entry(json!({"state": "cancel", "write_date": "2026-02-03 08:00:00"}));
        assert_eq!(app.raw("POST", &books.path, &[], cancelled.clone()).await.status, 200);
        app.clock.advance(chrono::TimeDelta::days(8));
        assert_eq!(app.raw("POST", &books.path, &[], cancelled.clone()).await.status, 401);
        assert_eq!(app.raw("POST", &path, &[], cancelled).await.status, 200);
        app.settle(&books.tenant, Mode::Live).await;
        assert_eq!(books.invoice(&app, "odoo", "42").await["status"], "cancelled");
        assert_eq!(app.list(&books.tenant.live, "/v1/payments").await[0]["status"], "returned");
    }

    async fn a_connection_that_cannot_work_is_not_made(app: App) {
        let tenant = app.tenant("Atelier").await;
        let code = |body: Value, key: String| {
            let app = &app;
            async move { app.post("/v1/connections", &key, body).await.body }
        };
        let missing = code(json!({"system": "stripe", "source": "s", "name": "n"}), tenant.live.clone()).await;
        assert_eq!(missing["errors"][0]["pointer"], "/credentials/signing_secrets");
        let inside = code(json!({"system": "odoo", "source": "s", "name": "n", "settings": {"base_url": "ftp://example.com"}}), tenant.live.clone()).await;
        assert_eq!(inside["status"], 400);
        app.post("/v1/connections", &tenant.live, json!({"system": "odoo", "source": "s", "name": "n"})).await.expect(201);
        let twice = code(json!({"system": "odoo", "source": "s", "name": "n"}), tenant.live.clone()).await;
        assert_eq!(twice["code"], "source_taken");
        // A rehearsal has its own.
        app.post("/v1/connections", &tenant.test, json!({"system": "odoo", "source": "s", "name": "n"})).await.expect(201);
    }
}
