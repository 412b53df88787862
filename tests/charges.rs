//! Charges that payments settle by name, interest without tax, and what a first reminder tells a consumer of costs to come.

use serde_json::{Value, json};

use crate::{
    on_both,
    support::{
        App,
        dunning::{ANN, later},
    },
};

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in {value}"))
}

/// An invoice of 1,200.00 that was due on 31 January: thirty days late when the tests begin.
async fn late(app: &App, key: &str, customer: &str, number: &str, extra: Value) -> String {
    let mut body = json!({"customer_id": customer, "number": number, "issue_date": "2026-01-10", "due_date": "2026-01-31", "currency": "EUR", "total": 120_000});
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    text(&app.post("/v1/invoices", key, body).await.expect(201), "/id").to_owned()
}

fn fault(answer: &Value) -> String {
    format!("{} {}", text(answer, "/errors/0/pointer"), text(answer, "/errors/0/code"))
}

on_both! {
    async fn a_payment_settles_a_charge_by_name(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.test;
        let (customer, other) = (app.debtor(key, ANN).await, app.debtor(key, "bob@client.example").await);
        let spanish = json!({"late_interest": {"kind": "statutory", "jurisdiction": "ES"}});
        let invoice = late(&app, key, &customer, "F-1", spanish.clone()).await;
        let strangers = late(&app, key, &other, "F-2", spanish).await;
        let charge = async |invoice: &str| app.post(&format!("/v1/invoices/{invoice}/interest-charges"), key, json!({})).await.expect(201)["charges"].clone();
        let (own, strange) = (charge(&invoice).await, charge(&strangers).await);
        let pay = async |allocations: Value| {
            let body = json!({"customer_id": customer, "currency": "EUR", "amount": 2_000, "received_on": "2026-03-02", "allocations": allocations});
            app.post("/v1/payments", key, body).await
        };
        for (wanted, wrong) in [
            (json!([{"charge_id": own[0]["id"], "amount": 1_002}]), "/allocations/0/amount over_allocation"),
            (json!([{"charge_id": strange[0]["id"], "amount": 1}]), "/allocations/0 not_open"),
            (json!([{"charge_id": own[0]["id"], "invoice_id": invoice, "amount": 1}]), "/allocations/0 contradiction"),
            (json!([{"amount": 1}]), "/allocations/0 required"),
        ] {
            assert_eq!(fault(&pay(wanted).await.expect(422)), wrong);
        }
        let credit = json!({"customer_id": customer, "currency": "EUR", "amount": 100, "issue_date": "2026-03-02", "allocations": [{"charge_id": own[0]["id"], "amount": 100}]});
        assert_eq!(fault(&app.post("/v1/credit-notes", key, credit).await.expect(422)), "/allocations/0/charge_id not_by_credit_note");
        // Left to itself, it would settle principal first here.
        let paid = pay(json!([{"charge_id": own[0]["id"], "amount": 1_001}, {"invoice_id": invoice, "amount": 500}])).await.expect(201);
        assert_eq!((&paid["charge_allocations"][0]["charge_id"], &paid["charge_allocations"][0]["amount"]), (&own[0]["id"], &json!(1_001)));
        assert_eq!((&paid["allocations"][0]["amount"], &paid["unallocated"]), (&json!(500), &json!(499)));
        let rest = format!("/v1/payments/{}/allocations", text(&paid, "/id"));
        let after = app.post(&rest, key, json!({"allocations": [{"charge_id": own[1]["id"], "amount": 499}]})).await;
        assert!(after.status < 300, "{}", after.text);
        assert_eq!(after.body["unallocated"], 0);
        let balances = async || {
            let seen = app.get(&format!("/v1/invoices/{invoice}/interest"), key).await.expect(200);
            [&seen["charges"][0]["balance"], &seen["charges"][1]["balance"]].map(|one| one.as_i64().unwrap())
        };
        assert_eq!(balances().await, [0, 3_501]);
        app.post(&format!("/v1/payments/{}/return", text(&paid, "/id")), key, json!({})).await.expect(200);
        assert_eq!(balances().await, [1_001, 4_000]);
    }

    async fn tax_bears_no_interest_where_the_clause_leaves_it_out(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.test;
        let customer = app.debtor(key, ANN).await;
        let british = |base: &str| json!({"currency": "GBP", "net": 100_000, "tax": 20_000, "late_interest": {"kind": "statutory", "jurisdiction": "GB", "base": base}});
        // 11.75 percent for thirty days: of 1,200.00, of 1,000.00.
        for (base, accrued) in [("gross", 1_159), ("net", 966)] {
            let invoice = late(&app, key, &customer, base, british(base)).await;
            let seen = app.get(&format!("/v1/invoices/{invoice}/interest"), key).await.expect(200);
            assert_eq!(seen["interest"]["accrued"], accrued, "{base}");
            assert_eq!(seen["fixed_sum"]["accrued"], 7_000);
        }
    }

    async fn a_consumers_first_reminder_names_the_costs_to_come(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.test;
        let consumer = async |name: &str, place: &str, language: &str| {
            let contact = json!({"name": name, "email": format!("{name}@client.example"), "primary": true});
            let body = json!({"name": name, "kind": "consumer", "jurisdiction": place, "language": language, "contacts": [contact]});
            text(&app.post("/v1/customers", key, body).await.expect(201), "/id").to_owned()
        };
        let (dutch, belgian, german) = (consumer("jan", "NL", "nl").await, consumer("marc", "BE", "fr").await, consumer("eva", "DE", "de").await);
        let due = json!({"due_date": "2026-02-27"});
        late(&app, key, &dutch, "N-1", due.clone()).await;
        let agreed = json!({"due_date": "2026-02-27", "fixed_sum": {"kind": "agreed", "amount_minor": 20_000}});
        late(&app, key, &belgian, "B-1", agreed.clone()).await;
        late(&app, key, &german, "D-1", agreed).await;
        for day in 1..=9 {
            app.advance(&tenant, &later(day, 0)).await;
        }
        let said = async |name: &str| {
            let outbox = app.list(key, &format!("/v1/sandbox/outbox?address={name}@client.example")).await;
            text(outbox.last().unwrap(), "/content/text").replace(['\u{a0}', '\u{202f}'], " ")
        };
        let (nl, fr, de) = (said("jan").await, said("marc").await, said("eva").await);
        assert!(nl.contains("180,00 aan incassokosten") && nl.contains("kosteloos"), "15 percent of 1,200.00: {nl}");
        assert!(fr.contains("100,00 € au titre des frais de recouvrement"), "65 and 5 percent of 700.00, though 200.00 were agreed: {fr}");
        assert!(!de.contains("Inkassokosten"), "{de}");
    }
}
