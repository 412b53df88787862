//! Payment terms: written and held to the law, copied on invoices, and the discount for paying early.

use relance::domain::ids::Mode;
use serde_json::{Value, json};

use crate::{
    on_both,
    support::{
        App, Tenant,
        dunning::{ANN, later},
        imports,
        ledger::{journal, partition},
    },
};

fn id(of: &Value) -> &str {
    of["id"].as_str().unwrap()
}

fn faults(answer: &Value) -> Vec<(&str, &str)> {
    answer["errors"].as_array().unwrap().iter().map(|one| (one["pointer"].as_str().unwrap(), one["code"].as_str().unwrap())).collect()
}

fn rules(of: &Value) -> Vec<&str> {
    of["warnings"].as_array().unwrap().iter().map(|one| one["rule"].as_str().unwrap()).collect()
}

/// The parts of an invoice: date and amount.
fn parts(of: &Value) -> Vec<(&str, i64)> {
    of["instalments"].as_array().unwrap().iter().map(|one| (one["due_date"].as_str().unwrap(), one["amount"].as_i64().unwrap())).collect()
}

fn net(name: &str, days: u16) -> Value {
    json!({"name": name, "audiences": ["business"], "due": {"rule": {"kind": "net", "days": days}}})
}

/// What the journal says that begins so, sorted: the tests' clock stands, so entries have no order.
fn witnessed(app: &App, tenant: &Tenant, beginning: &str) -> Vec<String> {
    let journal = journal(app, partition(tenant, Mode::Test)).into_iter().map(|(kind, ..)| kind);
    let mut kinds: Vec<String> = journal.filter(|kind| kind.starts_with(beginning)).collect();
    kinds.sort();
    kinds
}

/// 2 % within 10 days, all within 30.
fn with_discount() -> Value {
    let mut document = net("2/10 net 30", 30);
    document["early_payment"] = json!({"percent": "2", "days": 10});
    document["payment_methods"] = json!(["transfer"]);
    document["clauses"] =
        json!([{"language": "fr", "text": "Escompte de 2 % sous 10 jours."}, {"language": "en", "text": "2% within 10 days."}]);
    document
}

async fn write(app: &App, key: &str, document: Value) -> Value {
    app.post("/v1/terms", key, document).await.expect(201)
}

async fn start(app: &App) -> (Tenant, String) {
    let tenant = app.tenant("Atelier").await;
    let customer = app.debtor(&tenant.test, ANN).await;
    (tenant, customer)
}

fn sale(customer: &str, number: &str, extra: Value) -> Value {
    let mut body = json!({"customer_id": customer, "source": "erp", "external_id": number, "number": number, "issue_date": "2026-03-02", "currency": "EUR", "total": 100_000});
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    body
}

async fn sold(app: &App, key: &str, body: Value) -> Value {
    app.post("/v1/invoices", key, body).await.expect(201)
}

async fn pay(app: &App, key: &str, customer: &str, amount: i64, on: &str) -> Value {
    let body = json!({"customer_id": customer, "currency": "EUR", "amount": amount, "received_on": on});
    app.post("/v1/payments", key, body).await.expect(201)
}

async fn balance(app: &App, key: &str, invoice: &Value) -> i64 {
    app.get(&format!("/v1/invoices/{}", id(invoice)), key).await.expect(200)["balance"].as_i64().unwrap()
}

on_both! {
    async fn terms_are_written_revised_and_archived(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let made = write(&app, key, net("30 days", 30)).await;
        assert_eq!((&made["current_version"], &made["document"]["late_interest"]["kind"], &made["warnings"]), (&json!(1), &json!("statutory"), &json!([])));
        let path = format!("/v1/terms/{}", id(&made));
        let versions = format!("{path}/versions");
        for _ in 0..2 {
            let revised = app.post(&versions, key, net("45 days", 45)).await.expect(200);
            assert_eq!((&revised["name"], &revised["current_version"], &revised["version"]), (&json!("45 days"), &json!(2), &json!(2)));
        }
        let first = app.get(&format!("{versions}/1"), key).await.expect(200);
        assert_eq!(first["document"]["name"], "30 days");
        assert_eq!(app.get(&format!("{versions}/3"), key).await.status, 404);
        assert_eq!(app.list(key, "/v1/terms").await[0]["document"]["name"], "45 days");
        app.patch(&format!("/v1/customers/{customer}"), key, json!({"terms_id": made["id"]})).await.expect(200);
        app.patch("/v1/tenant", key, json!({"terms_id": made["id"]})).await.expect(200);
        assert_eq!(app.post(&format!("{path}/archive"), key, Value::Null).await.body["code"], "in_use");
        let other = write(&app, key, net("other", 10)).await;
        app.patch(&format!("/v1/customers/{customer}"), key, json!({"terms_id": other["id"]})).await.expect(200);
        app.patch("/v1/tenant", key, json!({"terms_id": other["id"]})).await.expect(200);
        for _ in 0..2 {
            let gone = app.post(&format!("{path}/archive"), key, Value::Null).await.expect(200);
            assert_eq!((gone["archived_at"].is_string(), &gone["version"]), (true, &json!(3)));
        }
        assert_eq!(app.post(&versions, key, net("again", 5)).await.body["code"], "wrong_state");
        for (place, body) in [("/v1/tenant".to_owned(), json!({"terms_id": made["id"]})), (format!("/v1/customers/{customer}"), json!({"terms_id": made["id"]}))] {
            assert_eq!(faults(&app.patch(&place, key, body).await.expect(422)), [("/terms_id", "not_found")]);
        }
        let refused = app.post("/v1/invoices", key, sale(&customer, "F1", json!({"terms_id": made["id"]}))).await.expect(422);
        assert_eq!(faults(&refused), [("/terms_id", "not_found")]);
        assert_eq!(witnessed(&app, &tenant, "terms."), ["terms.archived", "terms.changed", "terms.created", "terms.created"]);
        let wrong = json!({"name": "x", "due": {"rule": {"kind": "net", "days": 0}}, "surprise": 1});
        let refused = app.post("/v1/terms", key, wrong).await.expect(400);
        assert!(refused["errors"].as_array().unwrap().len() >= 2, "{refused}");
    }

    async fn the_law_of_the_tenant_refuses_or_warns(app: App) {
        let french = app.tenant("Atelier").await;
        assert_eq!(rules(&write(&app, &french.test, net("60 days", 60)).await), Vec::<&str>::new());
        assert_eq!(rules(&write(&app, &french.test, net("90 days", 90)).await), ["fr.b2b_60_days_or_45_end_of_month"]);
        let mut end_of_month = net("45 fdm", 1);
        end_of_month["due"] = json!({"rule": {"kind": "end_of_month_then_days", "days": 45}});
        assert_eq!(rules(&write(&app, &french.test, end_of_month).await), Vec::<&str>::new());
        let mut public = net("45 days", 45);
        public["audiences"] = json!(["public_body"]);
        let warned = write(&app, &french.test, public).await;
        assert_eq!((rules(&warned), &warned["warnings"][0]["audience"]), (vec!["eu.public_30_days"], &json!("public_body")));
        app.patch("/v1/tenant", &french.test, json!({"jurisdiction": "BE"})).await.expect(200);
        let refused = app.post("/v1/terms", &french.test, net("61 days", 61)).await.expect(422);
        assert_eq!(faults(&refused), [("/due", "legal_maximum")]);
        let detail = refused["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.starts_with("be.b2b_60_days: ") && detail.ends_with("shorten the term"), "{detail}");
        // Terms written under another law are held to the one of the day.
        let ninety = app.list(&french.test, "/v1/terms").await.into_iter().find(|one| one["name"] == "90 days").unwrap();
        let customer = app.debtor(&french.test, ANN).await;
        let refused = app.post("/v1/invoices", &french.test, sale(&customer, "F1", json!({"terms_id": ninety["id"]}))).await.expect(422);
        assert_eq!(faults(&refused), [("/terms_id", "legal_maximum")]);
    }

    async fn an_invoice_gets_its_due_dates_from_the_nearest_terms(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let bare = app.post("/v1/invoices", key, sale(&customer, "F0", json!({}))).await.expect(422);
        assert_eq!(faults(&bare), [("/due_date", "required")]);
        let own = write(&app, key, net("own", 10)).await;
        let theirs = write(&app, key, net("theirs", 20)).await;
        let named = write(&app, key, net("named", 30)).await;
        app.patch("/v1/tenant", key, json!({"terms_id": own["id"]})).await.expect(200);
        let seen = async |number: &str, extra: Value| {
            let made = sold(&app, key, sale(&customer, number, extra)).await;
            (made["due_date_source"].as_str().unwrap().to_owned(), parts(&made)[0].0.to_owned(), made["terms"]["document"]["name"].clone())
        };
        let is = |source: &str, due: &str, name: Value| (source.to_owned(), due.to_owned(), name);
        assert_eq!(seen("F1", json!({})).await, is("tenant_terms", "2026-03-12", json!("own")));
        app.patch(&format!("/v1/customers/{customer}"), key, json!({"terms_id": theirs["id"]})).await.expect(200);
        assert_eq!(seen("F2", json!({})).await, is("customer_terms", "2026-03-22", json!("theirs")));
        assert_eq!(seen("F3", json!({"terms_id": named["id"]})).await, is("terms", "2026-04-01", json!("named")));
        assert_eq!(seen("F4", json!({"due_date": "2026-03-05"})).await, is("given", "2026-03-05", Value::Null));
        let two = app.post("/v1/invoices", key, sale(&customer, "F5", json!({"terms_id": named["id"], "due_date": "2026-03-05"}))).await.expect(422);
        assert_eq!(faults(&two), [("/terms_id", "contradiction")]);
        let batch = json!({"items": [sale(&customer, "B1", json!({})), sale(&customer, "B2", json!({"terms_id": "trm_01jd3kq8e5fvv8m3s9tqz4x7ya"})), sale(&customer, "B3", json!({"terms_id": named["id"]}))]});
        let done = app.post("/v1/invoices/batch", key, batch).await.expect(207);
        assert_eq!((&done["succeeded"], faults(&done["results"][1]["problem"])), (&json!(2), vec![("/terms_id", "not_found")]));
        let mut private = net("private", 5);
        private["audiences"] = json!(["consumer"]);
        let private = write(&app, key, private).await;
        let refused = app.post("/v1/invoices", key, sale(&customer, "F6", json!({"terms_id": private["id"]}))).await.expect(422);
        assert_eq!(faults(&refused), [("/terms_id", "not_meant_for")]);
    }

    async fn later_versions_rewrite_no_invoice(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let terms = write(&app, key, with_discount()).await;
        let put = async |extra: Value, status: u16| {
            let mut body = sale(&customer, "F1", extra);
            body.as_object_mut().unwrap().retain(|name, _| name != "external_id" && name != "source");
            app.send("PUT", "/v1/invoices/by-external-id/erp/F1", key, body, &[]).await.expect(status)
        };
        let made = put(json!({"terms_id": terms["id"]}), 201).await;
        assert_eq!(made["instalments"][0]["discount"], json!({"amount": 2_000, "last_day": "2026-03-12"}));
        app.post(&format!("/v1/terms/{}/versions", id(&terms)), key, net("changed", 60)).await.expect(200);
        let same = put(json!({"terms_id": terms["id"]}), 200).await;
        assert_eq!((&same["version"], &same["terms"]["version"], parts(&same)[0]), (&json!(1), &json!(1), ("2026-04-01", 100_000)));
        let more = put(json!({"terms_id": terms["id"], "total": 200_000}), 200).await;
        assert_eq!((&more["terms"]["version"], &more["instalments"][0]["discount"]["amount"], &more["version"]), (&json!(1), &json!(4_000), &json!(2)));
        // Nothing named: it stays under what it was recorded under.
        assert_eq!(put(json!({"total": 200_000}), 200).await["version"], 2);
        let moved = app.patch(&format!("/v1/invoices/{}", id(&made)), key, json!({"due_date": "2026-05-01"})).await.expect(200);
        assert_eq!((&moved["due_date_source"], &moved["terms"]["version"]), (&json!("given"), &json!(1)));
        let fresh = sold(&app, key, sale(&customer, "F2", json!({"terms_id": terms["id"]}))).await;
        assert_eq!((&fresh["terms"]["version"], parts(&fresh)[0].0, &fresh["instalments"][0]["discount"]), (&json!(2), "2026-05-01", &Value::Null));
    }

    async fn a_deposit_comes_first_and_a_delivery_must_be_known(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let document = json!({"name": "30 % on order, rest in two", "audiences": ["business"], "due": {"from": "delivery", "rule": {"kind": "net", "days": 30}},
            "deposit": {"share": {"kind": "percent", "percent": "30"}},
            "instalments": [{"share": {"kind": "percent", "percent": "50"}, "due": {"from": "delivery", "rule": {"kind": "immediate"}}}, {}]});
        let terms = write(&app, key, document.clone()).await;
        let refused = app.post("/v1/invoices", key, sale(&customer, "F1", json!({"terms_id": terms["id"]}))).await.expect(422);
        assert_eq!(faults(&refused), [("/delivery_date", "required")]);
        let dates = json!({"terms_id": terms["id"], "order_date": "2026-02-20", "delivery_date": "2026-03-10", "total": 100_001});
        let made = sold(&app, key, sale(&customer, "F1", dates)).await;
        assert_eq!(parts(&made), [("2026-03-02", 30_000), ("2026-03-10", 35_001), ("2026-04-09", 35_000)]);
        assert_eq!((&made["delivery_date"], &made["order_date"]), (&json!("2026-03-10"), &json!("2026-02-20")));
        app.post("/v1/payments", key, json!({"customer_id": customer, "currency": "EUR", "amount": 30_000, "received_on": "2026-03-02"})).await.expect(201);
        let path = format!("/v1/invoices/{}", id(&made));
        let late = app.patch(&path, key, json!({"delivery_date": "2026-03-20"})).await.expect(200);
        assert_eq!(parts(&late), [("2026-03-02", 30_000), ("2026-03-20", 35_001), ("2026-04-19", 35_000)]);
        assert_eq!((&late["due_date_source"], &late["delivery_date"], &late["balance"]), (&json!("terms"), &json!("2026-03-20"), &json!(70_001)));
        let by_hand = json!({"due_dates": [{"instalment_id": late["instalments"][2]["id"], "due_date": "2026-06-30"}], "delivery_date": "2026-03-25"});
        let by_hand = app.patch(&path, key, by_hand).await.expect(200);
        assert_eq!((parts(&by_hand)[1].0, parts(&by_hand)[2].0, &by_hand["due_date_source"]), ("2026-03-20", "2026-06-30", &json!("given")));
        let deposit = sold(&app, key, sale(&customer, "D1", json!({"terms_id": terms["id"], "kind": "deposit"}))).await;
        assert_eq!(parts(&deposit), [("2026-03-02", 100_000)]);
        let preview = json!({"document": document, "issue_date": "2026-03-02", "delivery_date": "2026-03-10", "currency": "JPY", "total": 101});
        let tried = app.post("/v1/terms/preview", key, preview).await.expect(200);
        assert_eq!((parts(&tried), &tried["warnings"]), (vec![("2026-03-02", 30), ("2026-03-10", 36), ("2026-04-09", 35)], &json!([])));
        let preview = json!({"terms_id": terms["id"], "issue_date": "2026-03-02", "currency": "EUR", "total": 101, "net": 102});
        assert_eq!(faults(&app.post("/v1/terms/preview", key, preview).await.expect(422)), [("/net", "sum")]);
        assert_eq!(app.list(key, "/v1/invoices").await.len(), 2);
    }

    async fn paying_early_settles_for_less_and_what_comes_back_reopens_all(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let terms = write(&app, key, with_discount()).await;
        let owed = sold(&app, key, sale(&customer, "F1", json!({"terms_id": terms["id"]}))).await;
        // Half of it first: the discount is on the whole, as long as all of it is early.
        pay(&app, key, &customer, 50_000, "2026-03-05").await;
        assert_eq!(balance(&app, key, &owed).await, 50_000);
        let paid = pay(&app, key, &customer, 48_000, "2026-03-12").await;
        assert_eq!((balance(&app, key, &owed).await, &paid["unallocated"], &paid["allocations"][0]["amount"]), (0, &json!(0), &json!(48_000)));
        let notes = app.list(key, "/v1/credit-notes").await;
        assert_eq!((&notes[0]["amount"], &notes[0]["earned_by"], &notes[0]["reason"], &notes[0]["issue_date"]), (&json!(2_000), &paid["id"], &json!("early payment discount"), &json!("2026-03-12")));
        app.post(&format!("/v1/payments/{}/return", id(&paid)), key, json!({})).await.expect(200);
        assert_eq!(balance(&app, key, &owed).await, 50_000);
        let gone = app.list(key, "/v1/credit-notes").await.remove(0);
        assert_eq!((&gone["allocations"], &gone["unallocated"], gone["withdrawn_at"].is_string()), (&json!([]), &json!(0), true));
        let used = app.post(&format!("/v1/credit-notes/{}/allocations", id(&gone)), key, json!({"allocations": [{"invoice_id": owed["id"], "amount": 1}]})).await;
        assert_eq!(used.status, 422);
        // A day late, the discount is gone.
        pay(&app, key, &customer, 48_000, "2026-03-13").await;
        assert_eq!(balance(&app, key, &owed).await, 2_000);
        // And a payment that was late ends it for one that was early.
        pay(&app, key, &customer, 100, "2026-03-04").await;
        assert_eq!((balance(&app, key, &owed).await, app.list(key, "/v1/credit-notes").await.len()), (1_900, 1));
        assert_eq!(witnessed(&app, &tenant, "discount."), ["discount.granted", "discount.withdrawn"]);
    }

    async fn a_discount_is_on_what_credit_notes_leave(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let terms = write(&app, key, with_discount()).await;
        let owed = sold(&app, key, sale(&customer, "F1", json!({"terms_id": terms["id"]}))).await;
        let note = json!({"customer_id": customer, "currency": "EUR", "amount": 50_000, "issue_date": "2026-03-03"});
        let note = app.post("/v1/credit-notes", key, note).await.expect(201);
        pay(&app, key, &customer, 48_000, "2026-03-04").await;
        assert_eq!(balance(&app, key, &owed).await, 2_000);
        pay(&app, key, &customer, 1_000, "2026-03-04").await;
        assert_eq!(balance(&app, key, &owed).await, 0);
        // The discount stood on the credit note too.
        app.send("DELETE", &format!("/v1/allocations/{}", id(&note["allocations"][0])), key, Value::Null, &[]).await.expect(200);
        assert_eq!(balance(&app, key, &owed).await, 51_000);
        // A discount that is reversed by itself is withdrawn, and is no credit.
        let second = sold(&app, key, sale(&customer, "F2", json!({"terms_id": terms["id"]}))).await;
        let body = json!({"customer_id": customer, "currency": "EUR", "amount": 98_000, "received_on": "2026-03-05", "allocations": [{"invoice_id": second["id"], "amount": 98_000}]});
        app.post("/v1/payments", key, body).await.expect(201);
        let standing = |one: &Value| one["earned_by"].is_string() && one["withdrawn_at"].is_null();
        let discount = app.list(key, "/v1/credit-notes").await.into_iter().find(standing).unwrap();
        assert_eq!((balance(&app, key, &second).await, &discount["amount"]), (0, &json!(2_000)));
        app.send("DELETE", &format!("/v1/allocations/{}", id(&discount["allocations"][0])), key, Value::Null, &[]).await.expect(200);
        let after = app.get(&format!("/v1/credit-notes/{}", id(&discount)), key).await.expect(200);
        assert_eq!((balance(&app, key, &second).await, &after["unallocated"], after["withdrawn_at"].is_string()), (2_000, &json!(0), true));
    }

    async fn one_transfer_buys_several_invoices_early(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let terms = write(&app, key, with_discount()).await;
        let mut owed = Vec::new();
        for number in ["F1", "F2", "F3"] {
            owed.push(sold(&app, key, sale(&customer, number, json!({"terms_id": terms["id"]}))).await);
        }
        let paid = pay(&app, key, &customer, 196_000, "2026-03-12").await;
        assert_eq!((paid["allocations"].as_array().unwrap().len(), &paid["unallocated"]), (2, &json!(0)));
        let mut left = [balance(&app, key, &owed[0]).await, balance(&app, key, &owed[1]).await, balance(&app, key, &owed[2]).await];
        left.sort_unstable();
        assert_eq!(left, [0, 0, 100_000]);
        assert_eq!(app.list(key, "/v1/credit-notes").await.len(), 2);
    }

    async fn payments_at_once_earn_one_discount(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let terms = write(&app, key, with_discount()).await;
        let owed = sold(&app, key, sale(&customer, "F1", json!({"terms_id": terms["id"]}))).await;
        let paid = futures_util::future::join_all((0..5).map(|_| pay(&app, key, &customer, 98_000, "2026-03-05"))).await;
        let left: i64 = paid.iter().map(|one| one["unallocated"].as_i64().unwrap()).sum();
        let notes = app.list(key, "/v1/credit-notes").await;
        assert_eq!((balance(&app, key, &owed).await, left, notes.len(), &notes[0]["amount"]), (0, 4 * 98_000, 1, &json!(2_000)));
    }

    async fn no_cent_is_lost_to_discounts(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let terms = write(&app, key, with_discount()).await;
        for n in 0..4 {
            sold(&app, key, sale(&customer, &format!("F{n}"), json!({"terms_id": terms["id"], "total": 100}))).await;
        }
        let mut luck = fastrand::Rng::with_seed(11);
        let all = async |path: &str| app.list(key, path).await;
        for _ in 0..50 {
            let (payments, notes, invoices) = (all("/v1/payments?limit=200").await, all("/v1/credit-notes?limit=200").await, all("/v1/invoices").await);
            let number = |of: &Value, field: &str| of[field].as_i64().unwrap();
            for one in payments.iter().chain(&notes) {
                let given: i64 = one["allocations"].as_array().unwrap().iter().map(|part| number(part, "amount")).sum();
                let undone = one["status"] == "returned" || one["withdrawn_at"].is_string();
                assert_eq!(given + number(one, "unallocated"), if undone { 0 } else { number(one, "amount") }, "{one}");
            }
            let settled: Vec<Value> = payments.iter().chain(&notes).flat_map(|one| one["allocations"].as_array().unwrap().clone()).collect();
            for invoice in &invoices {
                let given: i64 = settled.iter().filter(|one| one["invoice_id"] == invoice["id"]).map(|one| number(one, "amount")).sum();
                assert_eq!((number(invoice, "balance"), invoice["status"] == "settled"), (100 - given, given == 100), "{invoice}");
            }
            let day = ["2026-03-05", "2026-03-12", "2026-03-13"][luck.usize(0..3)];
            match luck.u8(0..5) {
                0 | 1 => drop(pay(&app, key, &customer, [49, 98, 98, 100, 196, 150][luck.usize(0..6)], day).await),
                2 => drop(app.post("/v1/credit-notes", key, json!({"customer_id": customer, "currency": "EUR", "amount": luck.i64(1..60), "issue_date": day})).await.expect(201)),
                3 if !settled.is_empty() => drop(app.send("DELETE", &format!("/v1/allocations/{}", id(&settled[luck.usize(0..settled.len())])), key, Value::Null, &[]).await.expect(200)),
                4 if !payments.is_empty() => drop(app.post(&format!("/v1/payments/{}/return", id(&payments[luck.usize(0..payments.len())])), key, json!({})).await.expect(200)),
                _ => {}
            }
        }
    }

    async fn the_discount_is_told_before_it_ends_and_the_due_date_is_explained(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let mut document = net("all month", 30);
        document["early_payment"] = json!({"percent": "2", "days": 28});
        let terms = write(&app, key, document).await;
        sold(&app, key, sale(&customer, "F1", json!({"terms_id": terms["id"]}))).await;
        for language in ["fr", "en", "nl", "de"] {
            let told = app.post("/v1/templates/upcoming/preview", key, json!({"language": language, "customer_id": customer})).await.expect(200);
            for part in ["text", "html"] {
                let words = told[part].as_str().unwrap();
                assert!(words.contains("980") && words.contains("30"), "{language}: {words}");
            }
        }
        let (account, rules) = app.rules(key, &customer).await;
        assert_eq!((rules.first().map(String::as_str), &account["explanation"]["next"]["due_on"]), (Some("not_due"), &json!("2026-03-29")));
        app.advance(&tenant, &later(28, 0)).await;
        let tasks = app.list(key, "/v1/tasks").await;
        let script = tasks[0]["script"].as_str().unwrap();
        assert!(script.contains("un escompte de 20,00") && script.contains("soit 980,00") && script.contains("30 mars 2026"), "{script}");
    }

    async fn clauses_and_means_of_payment_are_there_for_every_text(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let terms = write(&app, key, with_discount()).await;
        for number in ["F1", "F2"] {
            sold(&app, key, sale(&customer, number, json!({"terms_id": terms["id"]}))).await;
        }
        sold(&app, key, sale(&customer, "F3", json!({"due_date": "2026-03-10"}))).await;
        let words = "Conditions : {% for clause in clauses %}[{{ clause }}]{% endfor %}{% for means in payment_methods %}({{ means }}){% endfor %}\
            {% for invoice in invoices %}{% if invoice.discount %}<{{ invoice.discount.pay | money }}>{% endif %}{% endfor %}";
        let body = json!({"language": "fr", "channel": "call", "customer_id": customer, "content": {"subject": "x", "body_text": words}});
        let told = app.post("/v1/templates/anything/preview", key, body).await.expect(200);
        let text = told["text"].as_str().unwrap().replace(['\u{a0}', '\u{202f}'], " ");
        assert_eq!(text.trim(), "Conditions : [Escompte de 2 % sous 10 jours.](virement)<980,00 €><980,00 €>");
    }

    async fn a_table_may_leave_the_due_dates_to_the_terms(app: App) {
        let (tenant, _) = start(&app).await;
        let key = &tenant.test;
        let own = write(&app, key, net("own", 10)).await;
        let named = write(&app, key, net("named", 20)).await;
        app.patch("/v1/tenant", key, json!({"terms_id": own["id"]})).await.expect(200);
        let mapping = "source = \"old\"\ncurrency = \"EUR\"\n[customer]\nexternal_id = \"c\"\nname = \"c\"\n[invoice]\nexternal_id = \"f\"\nnumber = \"f\"\nissue_date = \"d\"\ndue_date = \"e\"\nterms_id = \"t\"\namount = \"a\"\n";
        let table = format!("c,f,d,e,t,a\n1,F1,2026-03-02,,,10\n1,F2,2026-03-02,2026-03-05,,10\n1,F3,2026-03-02,,{},10\n1,F4,2026-03-02,,x,10\n", id(&named));
        let (import, problems) = imports::table(&app, partition(&tenant, Mode::Test), mapping, table.as_bytes(), None, false).unwrap();
        assert_eq!((import.counts.invoices.created, problems), (3, vec![(5, "t".to_owned(), Some("x".to_owned()))]));
        let invoices = app.list(key, "/v1/invoices").await;
        let mut dates: Vec<(&str, &str)> = invoices.iter().map(|one| (parts(one)[0].0, one["due_date_source"].as_str().unwrap())).collect();
        dates.sort_unstable();
        assert_eq!(dates, [("2026-03-05", "given"), ("2026-03-12", "tenant_terms"), ("2026-03-22", "terms")]);
    }
}
