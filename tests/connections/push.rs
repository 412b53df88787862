//! The push call: an invoice as its source has it now, made true of the ledger.

use relance::domain::ids::Mode;
use serde_json::{Value, json};

use crate::{
    on_both,
    support::{App, Reply, Tenant},
};

/// A source that pushes.
struct Source {
    tenant: Tenant,
}

impl Source {
    async fn of(app: &App) -> Self {
        Self { tenant: app.tenant("Atelier").await }
    }

    async fn push(&self, app: &App, external_id: &str, changes: Value) -> Reply {
        let mut body = json!({"number": external_id, "issue_date": "2026-02-01", "due_date": "2026-02-28", "currency": "EUR", "total": 100_000,
            "customer": {"external_id": "C-1", "name": "Garage Dupont", "email": "accounts@dupont.example"}});
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        app.send("PUT", &format!("/v1/sources/books/invoices/{external_id}"), &self.tenant.live, body, &[]).await
    }

    async fn pushed(&self, app: &App, external_id: &str, changes: Value, status: u16, outcome: &str) -> Value {
        let answer = self.push(app, external_id, changes).await.expect(status);
        assert_eq!(answer["outcome"], outcome, "{answer}");
        answer
    }

    async fn payments(&self, app: &App) -> Vec<(Value, Value)> {
        let rows = app.list(&self.tenant.live, "/v1/payments").await;
        rows.iter().map(|row| (row["amount"].clone(), row["status"].clone())).collect()
    }
}

on_both! {
    async fn one_call_records_the_customer_the_invoice_and_what_was_paid(app: App) {
        let source = Source::of(&app).await;
        let first = source.pushed(&app, "F-1", json!({"amount_paid": 30_000, "paid_on": "2026-02-10"}), 201, "created").await;
        assert_eq!((&first["balance"], first["payments_recorded"].as_array().unwrap().len()), (&json!(70_000), 1));
        let customer = app.get(&format!("/v1/customers/{}", first["customer_id"].as_str().unwrap()), &source.tenant.live).await.expect(200);
        assert_eq!((&customer["name"], &customer["kind"], &customer["contacts"][0]["email"]), (&json!("Garage Dupont"), &json!("business"), &json!("accounts@dupont.example")));
        let payment = app.get(&format!("/v1/payments/{}", first["payments_recorded"][0].as_str().unwrap()), &source.tenant.live).await.expect(200);
        assert_eq!((&payment["amount"], &payment["received_on"]), (&json!(30_000), &json!("2026-02-10")));
        // Again: nothing.
        source.pushed(&app, "F-1", json!({"amount_paid": 30_000, "paid_on": "2026-02-10"}), 200, "unchanged").await;
        let more = source.pushed(&app, "F-1", json!({"amount_paid": 50_000}), 200, "changed").await;
        assert_eq!((&more["balance"], source.payments(&app).await.len()), (&json!(50_000), 2));
        let done = source.pushed(&app, "F-1", json!({"status": "paid"}), 200, "changed").await;
        assert_eq!((&done["invoice_status"], &done["balance"]), (&json!("settled"), &json!(0)));
    }

    async fn money_that_came_another_way_is_not_counted_twice(app: App) {
        let source = Source::of(&app).await;
        let first = source.pushed(&app, "F-1", json!({}), 201, "created").await;
        let bank = json!({"customer_id": first["customer_id"], "source": "bank", "external_id": "1", "currency": "EUR", "amount": 60_000, "received_on": "2026-02-20",
            "allocations": [{"invoice_id": first["invoice_id"], "amount": 60_000}]});
        app.post("/v1/payments", &source.tenant.live, bank).await.expect(201);
        // The source hears of it later; then of more; then of less than the bank knows.
        source.pushed(&app, "F-1", json!({"amount_paid": 60_000, "amount_due": 40_000}), 200, "unchanged").await;
        let more = source.pushed(&app, "F-1", json!({"amount_paid": 75_000, "amount_due": 25_000}), 200, "changed").await;
        assert_eq!(more["balance"], 25_000);
        let less = source.pushed(&app, "F-1", json!({"amount_paid": 10_000, "amount_due": 90_000}), 200, "changed").await;
        assert_eq!((&less["balance"], less["payments_returned"].as_array().unwrap().len()), (&json!(40_000), 1), "what the bank says stands");
        source.pushed(&app, "F-1", json!({"amount_paid": 10_000, "amount_due": 90_000}), 200, "unchanged").await;
        // Books that were wrong say nothing of the payer.
        let score = app.get(&format!("/v1/customers/{}/score", first["customer_id"].as_str().unwrap()), &source.tenant.live).await.expect(200);
        assert_eq!(score["inputs"]["payments_returned"], 0, "{score}");
    }

    async fn what_was_not_paid_in_money_is_given_up_and_a_credit_note_is_told_once(app: App) {
        let source = Source::of(&app).await;
        let first = source.pushed(&app, "F-1", json!({"amount_paid": 30_000, "amount_due": 60_000}), 201, "created").await;
        assert_eq!((first["payments_recorded"].as_array().unwrap().len(), first["credit_notes_recorded"].as_array().unwrap().len()), (1, 1));
        // The credit note behind it arrives later: it is known already.
        let note = json!({"kind": "credit_note", "total": 10_000, "due_date": null, "credits": [{"external_id": "F-1", "amount": 10_000}]});
        source.pushed(&app, "A-1", json!({"kind": "credit_note", "total": 70_000, "due_date": null, "credits": [{"external_id": "F-1", "amount": 70_000}]}), 201, "created").await;
        let invoice = app.get("/v1/invoices/by-external-id/books/F-1", &source.tenant.live).await.expect(200);
        assert_eq!(invoice["balance"], 0, "of a larger one only what is open is given up");
        source.pushed(&app, "A-2", note.clone(), 200, "unchanged").await;
        // The other way round: the note first, then the invoice that says so.
        source.pushed(&app, "F-2", json!({}), 201, "created").await;
        let mut other = note;
        other["credits"][0]["external_id"] = json!("F-2");
        let given = source.pushed(&app, "A-3", other.clone(), 201, "created").await;
        assert!(given["credit_note_id"].is_string());
        source.pushed(&app, "F-2", json!({"amount_paid": 0, "amount_due": 90_000}), 200, "unchanged").await;
        // Withdrawn there: open again here.
        other["status"] = json!("void");
        let void = source.pushed(&app, "A-3", other.clone(), 200, "changed").await;
        assert_eq!(void["credit_notes_withdrawn"].as_array().unwrap().len(), 1);
        assert_eq!(app.get("/v1/invoices/by-external-id/books/F-2", &source.tenant.live).await.expect(200)["balance"], 100_000);
        source.pushed(&app, "A-3", other, 200, "unchanged").await;
    }

    async fn an_older_snapshot_changes_nothing(app: App) {
        let source = Source::of(&app).await;
        source.pushed(&app, "F-1", json!({"status": "paid", "updated_at": "2026-02-10T10:00:00Z"}), 201, "created").await;
        source.pushed(&app, "F-1", json!({"total": 50_000, "updated_at": "2026-02-10T09:59:59Z"}), 200, "outdated").await;
        source.pushed(&app, "F-1", json!({"updated_at": "2026-02-10T10:00:00Z"}), 200, "outdated").await;
        let reopened = source.pushed(&app, "F-1", json!({"updated_at": "2026-02-11T00:00:00Z"}), 200, "changed").await;
        assert_eq!((&reopened["balance"], source.payments(&app).await), (&json!(100_000), vec![(json!(100_000), json!("returned"))]));
    }

    async fn amounts_and_dates_follow_their_source_while_only_it_has_settled_them(app: App) {
        let source = Source::of(&app).await;
        let first = source.pushed(&app, "F-1", json!({"amount_paid": 30_000}), 201, "created").await;
        let moved = source.pushed(&app, "F-1", json!({"amount_paid": 30_000, "due_date": "2026-03-31"}), 200, "changed").await;
        assert_eq!(moved["balance"], 70_000);
        let raised = source.pushed(&app, "F-1", json!({"total": 120_000, "amount_paid": 30_000, "due_date": "2026-03-31"}), 200, "changed").await;
        assert_eq!((&raised["balance"], source.payments(&app).await.len()), (&json!(90_000), 1));
        let invoice = app.get(&format!("/v1/invoices/{}", first["invoice_id"].as_str().unwrap()), &source.tenant.live).await.expect(200);
        assert_eq!((&invoice["total"], &invoice["instalments"][0]["due_date"]), (&json!(120_000), &json!("2026-03-31")));
        let bank = json!({"customer_id": first["customer_id"], "currency": "EUR", "amount": 1_000, "received_on": "2026-02-20",
            "allocations": [{"invoice_id": first["invoice_id"], "amount": 1_000}]});
        app.post("/v1/payments", &source.tenant.live, bank).await.expect(201);
        let refused = source.push(&app, "F-1", json!({"total": 130_000, "amount_paid": 30_000, "due_date": "2026-03-31"})).await;
        assert_eq!((refused.status, &refused.body["code"]), (409, &json!("amount_settled")));
        let void = source.push(&app, "F-1", json!({"status": "void"})).await;
        assert_eq!((void.status, &void.body["code"]), (409, &json!("has_allocations")));
        let after = app.get(&format!("/v1/invoices/{}", first["invoice_id"].as_str().unwrap()), &source.tenant.live).await.expect(200);
        assert_eq!((&after["balance"], &after["status"]), (&json!(89_000), &json!("open")), "what is refused leaves nothing behind");
    }

    async fn void_is_cancelled_written_off_is_silent_and_collected_waits(app: App) {
        let source = Source::of(&app).await;
        source.pushed(&app, "F-0", json!({"status": "void", "customer": {"external_id": "C-9"}}), 200, "unchanged").await;
        source.pushed(&app, "F-1", json!({"amount_paid": 30_000}), 201, "created").await;
        let void = source.pushed(&app, "F-1", json!({"status": "void"}), 200, "changed").await;
        assert_eq!((&void["invoice_status"], void["payments_returned"].as_array().unwrap().len()), (&json!("cancelled"), 1));
        source.pushed(&app, "F-1", json!({"status": "void"}), 200, "unchanged").await;
        let written_off = source.pushed(&app, "F-2", json!({"status": "uncollectible"}), 201, "created").await;
        assert!(written_off["hold_id"].is_string());
        let again = source.pushed(&app, "F-2", json!({}), 200, "changed").await;
        assert!(again["hold_id"].is_null());
        let collected = source.pushed(&app, "F-3", json!({"collect_on": "2026-03-10"}), 201, "created").await;
        let debit = |id: &Value| format!("/v1/direct-debits/{}", id.as_str().unwrap());
        let running = debit(&collected["direct_debit_id"]);
        assert_eq!(app.get(&running, &source.tenant.live).await.expect(200)["state"], "announced");
        source.pushed(&app, "F-3", json!({"status": "paid", "collect_on": null}), 200, "changed").await;
        assert_eq!(app.get(&running, &source.tenant.live).await.expect(200)["state"], "settled");
        let other = source.pushed(&app, "F-4", json!({"collect_on": "2026-03-10"}), 201, "created").await;
        let later = source.pushed(&app, "F-4", json!({"collect_on": "2026-03-20"}), 200, "changed").await;
        assert_eq!(app.get(&debit(&other["direct_debit_id"]), &source.tenant.live).await.expect(200)["state"], "failed");
        assert_eq!(app.get(&debit(&later["direct_debit_id"]), &source.tenant.live).await.expect(200)["collect_on"], "2026-03-20");
        app.settle(&source.tenant, Mode::Live).await;
    }

    async fn what_contradicts_itself_is_refused_whole(app: App) {
        let source = Source::of(&app).await;
        for (changes, pointer) in [
            (json!({"amount_due": 100_001}), "/amount_due"),
            (json!({"credits": [{"external_id": "x", "amount": 1}]}), "/credits"),
            (json!({"customer": {"external_id": "C-7"}}), "/customer/name"),
            (json!({"due_date": null}), "/due_date"),
        ] {
            let refused = source.push(&app, "F-1", changes).await;
            assert_eq!((refused.status, &refused.body["errors"][0]["pointer"]), (422, &json!(pointer)), "{}", refused.text);
        }
        assert!(app.list(&source.tenant.live, "/v1/customers").await.is_empty());
        let unknown = source.push(&app, "F-1", json!({"colour": "red"})).await;
        assert_eq!(unknown.status, 400);
        assert_eq!(source.push(&app, &"x".repeat(181), json!({})).await.status, 400);
    }

    async fn an_address_that_changes_in_the_books_is_written_to_no_more(app: App) {
        let source = Source::of(&app).await;
        let customer = |email: &str| json!({"customer": {"external_id": "C-1", "name": "Garage Dupont", "email": email}});
        let first = source.pushed(&app, "F-1", customer("old@dupont.example"), 201, "created").await;
        let path = format!("/v1/customers/{}", first["customer_id"].as_str().unwrap());
        let own = json!({"name": "Anne Martin", "email": "anne@dupont.example", "role": "accounts payable"});
        app.post(&format!("{path}/contacts"), &source.tenant.live, own).await.expect(201);
        let addresses = async || {
            let seen = app.get(&path, &source.tenant.live).await.expect(200);
            seen["contacts"].as_array().unwrap().iter().map(|one| one["email"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        source.pushed(&app, "F-1", customer("new@dupont.example"), 200, "changed").await;
        assert_eq!(addresses().await, ["new@dupont.example", "anne@dupont.example"]);
        source.pushed(&app, "F-1", customer("new@dupont.example"), 200, "unchanged").await;
        // The books have somebody else now, who was known: then it is that one whose address they keep.
        source.pushed(&app, "F-1", customer("anne@dupont.example"), 200, "changed").await;
        source.pushed(&app, "F-1", customer("anne.martin@dupont.example"), 200, "changed").await;
        assert_eq!(addresses().await, ["anne.martin@dupont.example"]);
    }

    async fn another_tenants_documents_of_the_same_names_are_not_there(app: App) {
        let (one, other) = (Source::of(&app).await, Source::of(&app).await);
        let theirs = one.pushed(&app, "F-1", json!({"updated_at": "2026-03-01T12:00:00Z"}), 201, "created").await;
        let seen = || app.get("/v1/invoices/by-external-id/books/F-1", &one.tenant.live);
        let before = seen().await.expect(200);
        let credit = json!({"kind": "credit_note", "total": 100_000, "due_date": null, "credits": [{"external_id": "F-1", "amount": 100_000}]});
        // Of an invoice that nobody pushed here, nothing is given up; that its customer is known now is all.
        let noted = other.pushed(&app, "A-1", credit, 200, "changed").await;
        assert!(noted["invoice_id"].is_null() && noted["credit_note_id"].is_null(), "{noted}");
        other.pushed(&app, "F-1", json!({"status": "void"}), 200, "unchanged").await;
        // Older than the other tenant's, and still this one's first.
        let own = other.pushed(&app, "F-1", json!({"total": 70_000, "updated_at": "2026-02-01T12:00:00Z"}), 201, "created").await;
        assert!(own["invoice_id"] != theirs["invoice_id"] && own["customer_id"] != theirs["customer_id"]);
        assert_eq!(seen().await.expect(200), before);
    }
}
