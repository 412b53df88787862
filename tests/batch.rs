//! Many things in one request: each with its own result, and fast.

use serde_json::{Value, json};

use crate::on_both;

fn invoice(n: usize, customer: usize) -> Value {
    json!({"customer": {"source": "erp", "external_id": format!("C{customer}")}, "source": "erp", "external_id": format!("F{n}"), "number": format!("F{n}"),
        "issue_date": "2026-01-10", "due_date": "2026-02-10", "currency": "EUR", "total": 100 + n})
}

fn statuses(answer: &Value) -> Vec<u64> {
    answer["results"].as_array().unwrap().iter().map(|one| one["status"].as_u64().unwrap()).collect()
}

on_both! {
    async fn a_wrong_item_does_not_undo_the_others(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.test;
        let customers = json!({"items": [{"source": "erp", "external_id": "C0", "name": "A", "kind": "business"}, {"nam": "x"}, 7, {"source": "erp", "external_id": "C0", "name": "B", "kind": "business"}]});
        assert_eq!(app.post("/v1/customers/batch", key, customers).await.expect(400)["errors"][0]["pointer"], "/items/2");
        let customers = json!({"items": [{"source": "erp", "external_id": "C0", "name": "A", "kind": "business"}, {"nam": "x"}, {"source": "erp", "external_id": "C0", "name": "B", "kind": "business"}]});
        let answer = app.post("/v1/customers/batch", key, customers).await.expect(207);
        assert_eq!((statuses(&answer), &answer["succeeded"], &answer["failed"]), (vec![201, 400, 422], &json!(1), &json!(2)));
        assert!(answer["results"][1]["problem"]["errors"].as_array().unwrap().len() >= 3, "all faults at once: {answer}");

        let mut changed = invoice(1, 0);
        let first = app.post("/v1/invoices/batch", key, json!({"items": [invoice(1, 0), invoice(2, 0), invoice(3, 9)]})).await.expect(207);
        assert_eq!(statuses(&first), [201, 201, 422]);
        changed["total"] = json!(7);
        changed["due_date"] = json!("2026-02-01");
        let again = app.post("/v1/invoices/batch", key, json!({"items": [changed, invoice(2, 0), {"number": "x"}]})).await.expect(207);
        assert_eq!(statuses(&again), [200, 200, 400]);
        let id = first["results"][0]["id"].as_str().unwrap();
        assert_eq!(again["results"][0]["id"], id);
        assert_eq!(app.get(&format!("/v1/invoices/{id}"), key).await.expect(200)["balance"], 7);

        let payment = |external: &str, amount: i64| json!({"customer": {"source": "erp", "external_id": "C0"}, "source": "bank", "external_id": external, "currency": "EUR", "amount": amount, "received_on": "2026-02-01"});
        let items = json!({"items": [payment("1", 5), payment("2", 0), payment("1", 5), payment("1", 6)]});
        let paid = app.post("/v1/payments/batch", key, items).await.expect(207);
        assert_eq!(statuses(&paid), [201, 400, 200, 409]);
        assert_eq!(app.get(&format!("/v1/invoices/{id}"), key).await.expect(200)["balance"], 2);
    }

    async fn a_batch_has_its_bounds_and_its_one_effect(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.test;
        assert_eq!(app.post("/v1/invoices/batch", key, json!({"items": []})).await.status, 400);
        let many: Vec<Value> = (0..1_001).map(|n| invoice(n, 0)).collect();
        assert_eq!(app.post("/v1/invoices/batch", key, json!({"items": many})).await.expect(400)["errors"][0]["code"], "too_many");
        app.post("/v1/customers/batch", key, json!({"items": [{"source": "erp", "external_id": "C0", "name": "A", "kind": "business"}]})).await.expect(207);
        let many: Vec<Value> = (0..1_000).map(|n| invoice(n, 0)).collect();
        let once = [("Idempotency-Key", "batch-1")];
        let first = app.send("POST", "/v1/invoices/batch", key, json!({"items": many}), &once).await;
        let again = app.send("POST", "/v1/invoices/batch", key, json!({"items": many}), &once).await;
        assert_eq!((first.text == again.text, again.header("idempotent-replayed")), (true, Some("true")));
        assert_eq!(first.expect(207)["succeeded"], 1_000);
    }
}
