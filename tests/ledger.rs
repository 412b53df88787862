//! Customers, invoices, and what settles them: what can be recorded, what is refused and why, and that no cent is lost.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::{
    on_both,
    support::{App, Tenant},
};

const ABSENT_INVOICE: &str = "inv_01jd3kq8e5fvv8m3s9tqz4x7ya";

async fn customer(app: &App, key: &str, external_id: &str) -> String {
    let body = json!({"source": "erp", "external_id": external_id, "number": external_id, "name": format!("Garage {external_id}"), "kind": "business",
        "contacts": [{"name": "Anne Martin", "email": "anne@client.example"}]});
    id(&app.post("/v1/customers", key, body).await.expect(201))
}

async fn invoice(app: &App, key: &str, customer: &str, number: &str, due: &str, total: i64) -> Value {
    let body = json!({"customer_id": customer, "source": "erp", "external_id": number, "number": number, "issue_date": "2026-01-10", "due_date": due, "currency": "EUR", "total": total});
    app.post("/v1/invoices", key, body).await.expect(201)
}

fn id(of: &Value) -> String {
    of["id"].as_str().unwrap().to_owned()
}

fn faults(answer: &Value) -> Vec<(&str, &str)> {
    answer["errors"].as_array().unwrap().iter().map(|one| (one["pointer"].as_str().unwrap(), one["code"].as_str().unwrap())).collect()
}

async fn start(app: &App) -> (Tenant, String) {
    let tenant = app.tenant("Atelier").await;
    let customer = customer(app, &tenant.test, "C1").await;
    (tenant, customer)
}

on_both! {
    async fn invoices_that_come_at_once_stand_each_alone(app: App) {
        let (tenant, customer) = start(&app).await;
        // Every third is new, every third wants the same name, every third is for nobody.
        let posts = (0..60).map(|n| {
            let name = if n % 3 == 1 { "SAME".to_owned() } else { format!("F-{n}") };
            let owner = if n % 3 == 2 { "cus_01jd3kq8e5fvv8m3s9tqz4x7ya" } else { &customer };
            let body = json!({"customer_id": owner, "source": "erp", "external_id": name, "number": name, "issue_date": "2026-01-10", "due_date": "2026-02-10", "currency": "EUR", "total": 1_000 + n});
            let (app, key) = (&app, &tenant.test);
            async move { (n, app.post("/v1/invoices", key, body).await) }
        });
        let answers = futures_util::future::join_all(posts).await;
        for (n, answer) in &answers {
            match n % 3 {
                0 => assert_eq!((answer.status, &answer.body["total"], &answer.body["instalments"][0]["amount"]), (201, &json!(1_000 + n), &json!(1_000 + n))),
                1 => assert!(answer.status == 201 || (answer.status == 409 && answer.body["code"] == "external_id_taken"), "{}", answer.text),
                _ => assert_eq!((answer.status, &answer.body["errors"][0]["pointer"]), (422, &json!("/customer_id"))),
            }
        }
        assert_eq!(answers.iter().filter(|(n, answer)| n % 3 == 1 && answer.status == 201).count(), 1);
        assert_eq!(app.get("/v1/invoices?limit=100", &tenant.test).await.expect(200)["data"].as_array().unwrap().len(), 21);
    }

    async fn a_customer_is_recorded_found_changed_and_recorded_again(app: App) {
        let (tenant, id) = start(&app).await;
        let key = &tenant.test;
        let seen = app.get(&format!("/v1/customers/{id}"), key).await.expect(200);
        assert_eq!((&seen["jurisdiction"], &seen["contacts"][0]["primary"]), (&json!("FR"), &json!(true)));
        customer(&app, key, "D2").await;
        for (query, count) in [("q=garage%20c", 1), ("q=D2", 1), ("q=%25", 0), ("kind=consumer", 0), ("source=erp&external_id=C1", 1), ("", 2)] {
            let page = app.get(&format!("/v1/customers?{query}"), key).await.expect(200);
            assert_eq!(page["data"].as_array().unwrap().len(), count, "{query}");
        }
        let changed = app.patch(&format!("/v1/customers/{id}"), key, json!({"segment": "retail"})).await.expect(200);
        assert_eq!((&changed["segment"], &changed["version"], &changed["name"]), (&json!("retail"), &json!(2), &json!("Garage C1")));
        let twice = app.post("/v1/customers", key, json!({"source": "erp", "external_id": "C1", "name": "x", "kind": "business"})).await;
        assert_eq!((twice.status, &twice.body["code"]), (409, &json!("external_id_taken")));
        let path = "/v1/customers/by-external-id/erp/N%2F1%20%C3%A9";
        let body = json!({"name": "Neuf", "kind": "consumer", "contacts": [{"name": "Zoé", "email": "zoe@client.example"}]});
        let made = app.send("PUT", path, key, body.clone(), &[]).await.expect(201);
        assert_eq!(made["external_id"], "N/1 é");
        let same = app.send("PUT", path, key, body, &[]).await.expect(200);
        assert_eq!((&same["id"], &same["version"], same["contacts"].as_array().unwrap().len()), (&made["id"], &json!(1), 1));
        let more = app.send("PUT", path, key, json!({"name": "Neuf SA", "kind": "consumer", "contacts": [{"name": "Zoé B.", "email": "zoe@client.example"}, {"name": "Al", "phone": "+33612345678"}]}), &[]).await.expect(200);
        assert_eq!((&more["name"], &more["contacts"][0]["name"], &more["contacts"][1]["phone"]), (&json!("Neuf SA"), &json!("Zoé B."), &json!("+33612345678")));
        assert_eq!(app.get(path, key).await.expect(200)["id"], made["id"]);
        assert_eq!(app.send("PUT", path, key, json!({"source": "other", "name": "x", "kind": "consumer"}), &[]).await.status, 422);
    }

    async fn contacts_keep_one_first_among_them(app: App) {
        let (tenant, customer) = start(&app).await;
        let (key, path) = (&tenant.test, format!("/v1/customers/{customer}/contacts"));
        let second = app.post(&path, key, json!({"name": "Bob", "phone": "+33612345678", "primary": true, "opted_out": ["sms"]})).await.expect(201);
        let firsts = |seen: Value| seen["contacts"].as_array().unwrap().iter().filter(|one| one["primary"] == true).map(id).collect::<Vec<_>>();
        let whole = format!("/v1/customers/{customer}");
        assert_eq!(firsts(app.get(&whole, key).await.expect(200)), [id(&second)]);
        let one = format!("{path}/{}", id(&second));
        let changed = app.patch(&one, key, json!({"opted_out": []})).await.expect(200);
        assert_eq!(changed["opted_out"], json!([]));
        assert_eq!(app.patch(&one, key, json!({"primary": false})).await.status, 422);
        app.send("DELETE", &one, key, Value::Null, &[]).await.expect(200);
        assert_eq!(app.send("DELETE", &one, key, Value::Null, &[]).await.status, 404);
        assert_eq!(firsts(app.get(&whole, key).await.expect(200)).len(), 1);
        for n in 0..49 {
            app.post(&path, key, json!({"name": format!("n{n}")})).await.expect(201);
        }
        assert_eq!(app.post(&path, key, json!({"name": "one too many"})).await.body["code"], "too_many");
    }

    async fn all_faults_of_an_invoice_come_at_once(app: App) {
        let (tenant, customer) = start(&app).await;
        let body = json!({"customer_id": customer, "customer": {"source": "erp", "external_id": "C1"}, "source": "erp", "number": "1", "issue_date": "2026-01-10", "currency": "EUR",
            "total": 100, "net": 90, "tax": 20, "instalments": [{"due_date": "2026-02-01", "amount": 99}]});
        let refused = app.post("/v1/invoices", &tenant.test, body).await.expect(422);
        assert_eq!(faults(&refused), [("/external_id", "required"), ("/customer_id", "contradiction"), ("/total", "sum"), ("/instalments", "sum")]);
        let shape = json!({"customer_id": ABSENT_INVOICE, "number": "", "issue_date": "2026-02-30", "currency": "EURO", "total": -1, "due_date": "2026-02-01", "payment_link": "http://pay.example"});
        let refused = app.post("/v1/invoices", &tenant.test, shape).await.expect(400);
        let pointers: Vec<&str> = faults(&refused).into_iter().map(|(pointer, _)| pointer).collect();
        for expected in ["/customer_id", "/number", "/issue_date", "/currency", "/total", "/payment_link"] {
            assert!(pointers.contains(&expected), "{expected} is missing in {refused}");
        }
        let stranger = json!({"customer_id": "cus_01jd3kq8e5fvv8m3s9tqz4x7ya", "number": "1", "issue_date": "2026-01-10", "due_date": "2026-02-10", "currency": "EUR", "total": 1});
        assert_eq!(faults(&app.post("/v1/invoices", &tenant.test, stranger).await.expect(422)), [("/customer_id", "not_found")]);
    }

    async fn invoices_are_listed_by_what_is_due(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        for (number, due) in [("late", "2026-02-20"), ("today", "2026-03-02"), ("future", "2026-04-01")] {
            invoice(&app, key, &customer, number, due, 100).await;
        }
        for (query, expected) in [
            ("days_overdue%5Bgte%5D=10", vec!["late"]),
            ("days_overdue%5Bgte%5D=11", vec![]),
            ("due_date[gte]=2026-03-01&due_date[lte]=2026-03-31", vec!["today"]),
            ("number=future&status=open&currency=EUR", vec!["future"]),
            ("status=settled", vec![]),
            ("source=erp&external_id=late", vec!["late"]),
        ] {
            let page = app.get(&format!("/v1/invoices?{query}&customer_id={customer}"), key).await.expect(200);
            let numbers: Vec<&str> = page["data"].as_array().unwrap().iter().map(|one| one["number"].as_str().unwrap()).collect();
            assert_eq!(numbers, expected, "{query}");
        }
        assert!(app.get("/v1/invoices?due_date[gt]=2026-03-01", key).await.text.contains("did you mean due_date[gte]?"));
    }

    async fn what_is_settled_does_not_change(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let two = json!({"customer_id": customer, "number": "F1", "issue_date": "2026-01-10", "currency": "EUR", "total": 100,
            "instalments": [{"due_date": "2026-02-01", "amount": 40}, {"due_date": "2026-03-01", "amount": 60}]});
        let path = "/v1/invoices/by-external-id/erp/F1";
        let made = app.send("PUT", path, key, two.clone(), &[]).await.expect(201);
        assert_eq!(app.send("PUT", path, key, two.clone(), &[]).await.expect(200)["version"], 1);
        let mut other = two.clone();
        other["total"] = json!(90);
        other["instalments"] = json!([{"due_date": "2026-02-01", "amount": 90}]);
        let changed = app.send("PUT", path, key, other, &[]).await.expect(200);
        assert_eq!((&changed["balance"], changed["instalments"].as_array().unwrap().len(), &changed["version"]), (&json!(90), 1, &json!(2)));
        app.send("PUT", path, key, two.clone(), &[]).await.expect(200);
        let one = format!("/v1/invoices/{}", id(&made));
        assert_eq!(faults(&app.patch(&one, key, json!({"due_date": "2026-05-01"})).await.expect(422)), [("/due_date", "ambiguous")]);
        app.post("/v1/payments", key, json!({"customer_id": customer, "currency": "EUR", "amount": 40, "received_on": "2026-02-01"})).await.expect(201);
        let mut more = two.clone();
        more["total"] = json!(101);
        more["instalments"][1]["amount"] = json!(61);
        assert_eq!(app.send("PUT", path, key, more, &[]).await.body["code"], "amount_settled");
        let now = app.get(&one, key).await.expect(200);
        let parts: Vec<String> = now["instalments"].as_array().unwrap().iter().map(id).collect();
        let moves = json!({"due_dates": [{"instalment_id": parts[0], "due_date": "2026-05-01"}, {"instalment_id": "ins_01jd3kq8e5fvv8m3s9tqz4x7ya", "due_date": "2026-05-01"}]});
        assert_eq!(faults(&app.patch(&one, key, moves).await.expect(422)), [("/due_dates/0/instalment_id", "settled"), ("/due_dates/1/instalment_id", "not_found")]);
        let moved = app.patch(&one, key, json!({"due_dates": [{"instalment_id": parts[1], "due_date": "2026-05-01"}], "order_reference": "PO-1", "number": "F1b"})).await.expect(200);
        assert_eq!((&moved["instalments"][1]["due_date"], &moved["order_reference"], &moved["number"]), (&json!("2026-05-01"), &json!("PO-1"), &json!("F1b")));
        assert_eq!(app.post(&format!("{one}/cancel"), key, Value::Null).await.body["code"], "has_allocations");
        assert_eq!(app.patch(&one, key, json!({"total": 3})).await.expect(400)["errors"][0]["code"], "unknown_field");
    }

    async fn a_cancelled_invoice_claims_nothing_and_takes_nothing(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let made = invoice(&app, key, &customer, "F1", "2026-02-01", 100).await;
        let path = format!("/v1/invoices/{}", id(&made));
        for _ in 0..2 {
            let gone = app.post(&format!("{path}/cancel"), key, Value::Null).await.expect(200);
            assert_eq!((&gone["status"], &gone["balance"], &gone["version"]), (&json!("cancelled"), &json!(0), &json!(2)));
        }
        assert_eq!(app.patch(&path, key, json!({"number": "x"})).await.body["code"], "invoice_cancelled");
        let paid = app.post("/v1/payments", key, json!({"customer_id": customer, "currency": "EUR", "amount": 40, "received_on": "2026-02-01"})).await.expect(201);
        assert_eq!((&paid["unallocated"], &paid["allocations"]), (&json!(40), &json!([])));
        let forced = json!({"customer_id": customer, "currency": "EUR", "amount": 40, "received_on": "2026-02-01", "allocations": [{"invoice_id": made["id"], "amount": 1}]});
        assert_eq!(faults(&app.post("/v1/payments", key, forced).await.expect(422)), [("/allocations/0", "not_open")]);
    }

    async fn a_payment_settles_the_oldest_first_and_comes_back_whole(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let newer = invoice(&app, key, &customer, "new", "2026-03-01", 100).await;
        let older = invoice(&app, key, &customer, "old", "2026-02-01", 100).await;
        let body = json!({"customer_id": customer, "source": "bank", "external_id": "17", "currency": "EUR", "amount": 150, "received_on": "2026-02-20", "method": "transfer"});
        let paid = app.post("/v1/payments", key, body.clone()).await.expect(201);
        assert_eq!((&paid["unallocated"], &paid["in_flight_messages"], &paid["status"]), (&json!(0), &json!(0), &json!("received")));
        let state = async |of: &Value| {
            let seen = app.get(&format!("/v1/invoices/{}", id(of)), key).await.expect(200);
            (seen["status"].as_str().unwrap().to_owned(), seen["balance"].as_i64().unwrap())
        };
        assert_eq!((state(&older).await, state(&newer).await), (("settled".to_owned(), 0), ("open".to_owned(), 50)));
        assert_eq!(app.post("/v1/payments", key, body.clone()).await.expect(200)["id"], paid["id"]);
        let mut other = body;
        other["amount"] = json!(151);
        assert_eq!(app.post("/v1/payments", key, other).await.body["code"], "external_id_taken");
        let first = paid["allocations"].as_array().unwrap().iter().find(|one| one["invoice_id"] == older["id"]).map(id).unwrap();
        app.send("DELETE", &format!("/v1/allocations/{first}"), key, Value::Null, &[]).await.expect(200);
        assert_eq!(app.send("DELETE", &format!("/v1/allocations/{first}"), key, Value::Null, &[]).await.status, 404);
        let path = format!("/v1/payments/{}", id(&paid));
        let rest = app.get(&path, key).await.expect(200);
        assert_eq!((&rest["unallocated"], rest["allocations"].as_array().unwrap().len()), (&json!(100), 1));
        let listed = app.get(&format!("/v1/payments?unallocated=true&customer_id={customer}&currency=EUR"), key).await.expect(200);
        assert_eq!(listed["data"].as_array().unwrap().len(), 1);
        app.post(&format!("{path}/allocations"), key, json!({"allocations": [{"invoice_id": older["id"], "amount": 70}]})).await.expect(200);
        assert_eq!(state(&older).await, ("open".to_owned(), 30));
        let over = app.post(&format!("{path}/allocations"), key, json!({"allocations": [{"invoice_id": older["id"], "amount": 31}]})).await.expect(422);
        assert_eq!(faults(&over), [("/allocations/0/amount", "over_allocation"), ("/allocations", "over_allocation")]);
        for _ in 0..2 {
            let back = app.post(&format!("{path}/return"), key, json!({"reason": "insufficient funds"})).await.expect(200);
            assert_eq!((&back["status"], &back["unallocated"], &back["allocations"]), (&json!("returned"), &json!(0), &json!([])));
            assert_eq!(back["metadata"]["return_reason"], "insufficient funds");
        }
        assert_eq!((state(&older).await.1, state(&newer).await.1), (100, 100));
        assert_eq!(app.post(&format!("{path}/allocations"), key, json!({})).await.body["code"], "payment_returned");
    }

    async fn currencies_and_customers_never_mix(app: App) {
        let (tenant, one) = start(&app).await;
        let key = &tenant.test;
        let other = customer(&app, key, "C2").await;
        let owed = invoice(&app, key, &one, "F1", "2026-02-01", 100).await;
        for body in [
            json!({"customer_id": other, "currency": "EUR", "amount": 100, "issue_date": "2026-02-01"}),
            json!({"customer_id": one, "currency": "CHF", "amount": 100, "issue_date": "2026-02-01"}),
        ] {
            assert_eq!(app.post("/v1/credit-notes", key, body.clone()).await.expect(201)["unallocated"], 100);
            let mut forced = body;
            forced["allocations"] = json!([{"invoice_id": owed["id"], "amount": 100}]);
            assert_eq!(faults(&app.post("/v1/credit-notes", key, forced).await.expect(422)), [("/allocations/0", "not_open")]);
        }
        let note = app.post("/v1/credit-notes", key, json!({"customer_id": one, "number": "A1", "currency": "EUR", "amount": 30, "issue_date": "2026-02-01", "allocate": "none"})).await.expect(201);
        let path = format!("/v1/credit-notes/{}", id(&note));
        let used = app.post(&format!("{path}/allocations"), key, json!({"allocate": "oldest_first"})).await.expect(200);
        assert_eq!((&used["unallocated"], &used["allocations"][0]["amount"]), (&json!(0), &json!(30)));
        assert_eq!(app.get(&path, key).await.expect(200)["number"], "A1");
        assert_eq!(app.get("/v1/credit-notes", key).await.expect(200)["data"].as_array().unwrap().len(), 3);
        let as_payment = path.replace("credit-notes/crn", "payments/pay");
        assert_eq!(app.get(&as_payment, key).await.status, 404);
    }

    async fn documents_are_what_they_say_and_come_back_as_they_were(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let owed = invoice(&app, key, &customer, "F1", "2026-02-01", 100).await;
        let owed = owed["id"].as_str().unwrap();
        let slip = "12 chairs é\n".repeat(200_000).into_bytes();
        let kept = app.document(key, owed, "bon n° 1.txt", "text/plain; charset=utf-8", &slip).await.expect(201);
        assert_eq!((&kept["size"], kept["sha256"].as_str().unwrap().len()), (&json!(slip.len()), 64));
        let path = format!("/v1/documents/{}", id(&kept));
        let bytes = app.get(&format!("{path}/content"), key).await;
        assert_eq!((bytes.status, bytes.header("x-content-type-options")), (200, Some("nosniff")));
        assert!(bytes.text.as_bytes() == slip, "another file came back");
        assert!(bytes.header("repr-digest").unwrap().starts_with("sha-256=:"));
        assert!(bytes.header("content-disposition").unwrap().starts_with("attachment; filename=\"bon_n___1.txt\""));
        assert_eq!(app.get(&path, key).await.expect(200)["name"], "bon n° 1.txt");
        // The same bytes beside another thing are another document.
        let again = app.document(key, owed, "copy.txt", "text/plain", &slip).await.expect(201);
        assert_eq!((&again["sha256"], again["id"] == kept["id"]), (&kept["sha256"], false));
        let refused = app.document(key, owed, "../x", "application/pdf", b"12 chairs").await.expect(422);
        assert_eq!(faults(&refused), [("?name", "wrong_format")]);
        assert_eq!(faults(&app.document(key, owed, "x", "application/pdf", b"12 chairs").await.expect(422)), [("", "wrong_type")]);
        let cut = ["a".repeat(1 << 20).as_bytes(), b"\xc3("].concat();
        assert_eq!(faults(&app.document(key, owed, "x", "text/plain", &cut).await.expect(422)), [("", "wrong_type")], "also in its second piece");
        assert_eq!(faults(&app.document(key, ABSENT_INVOICE, "x", "text/plain", b"12 chairs").await.expect(422)), [("?invoice_id", "not_found")]);
        assert_eq!(app.document(key, owed, "x", "text/html", b"<p>").await.status, 415);
        assert_eq!(app.document(key, owed, "x", "text/plain", &vec![b'a'; 25_000_001]).await.expect(413)["code"], "too_large");
        assert_eq!(app.list(key, "/v1/documents").await.len(), 2, "what was refused is not kept");
        // A link opens it without a key, for as long as it says.
        let shared = app.post(&format!("{path}/download-links"), key, json!({"expires_in": 60})).await.expect(201);
        let link = shared["url"].as_str().unwrap().strip_prefix(&app.url).unwrap().to_owned();
        assert_eq!(shared["expires_at"], "2026-03-02T11:01:00Z");
        assert!(app.get(&link, "").await.text.as_bytes() == slip);
        app.clock.advance(TimeDelta::seconds(60));
        assert_eq!(app.get(&link, "").await.status, 404);
        let linked = json!({"customer_id": customer, "number": "F2", "issue_date": "2026-01-10", "due_date": "2026-02-10", "currency": "EUR", "total": 5,
            "documents": [{"name": "F2.pdf", "url": "https://files.example/F2.pdf", "media_type": "application/pdf"}]});
        let linked = app.post("/v1/invoices", key, linked).await.expect(201);
        let listed = app.get(&format!("/v1/documents?invoice_id={}", id(&linked)), key).await.expect(200);
        assert_eq!(listed["data"][0]["url"], "https://files.example/F2.pdf");
        let elsewhere = format!("/v1/documents/{}", id(&listed["data"][0]));
        assert_eq!(app.get(&format!("{elsewhere}/content"), key).await.status, 404);
        assert_eq!(app.post(&format!("{elsewhere}/download-links"), key, json!({})).await.status, 404);
    }

    async fn another_tenant_and_the_other_mode_see_nothing(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let owed = invoice(&app, key, &customer, "F1", "2026-02-01", 100).await;
        let paid = app.post("/v1/payments", key, json!({"customer_id": customer, "currency": "EUR", "amount": 40, "received_on": "2026-02-01"})).await.expect(201);
        let stranger = app.tenant("Autre").await;
        for foreign in [&stranger.test, &tenant.live] {
            for path in [
                format!("/v1/customers/{customer}"),
                "/v1/customers/by-external-id/erp/C1".to_owned(),
                format!("/v1/invoices/{}", id(&owed)),
                "/v1/invoices/by-external-id/erp/F1".to_owned(),
                format!("/v1/payments/{}", id(&paid)),
            ] {
                assert_eq!(app.get(&path, foreign).await.status, 404, "{path}");
            }
            let allocation = format!("/v1/allocations/{}", id(&paid["allocations"][0]));
            assert_eq!(app.send("DELETE", &allocation, foreign, Value::Null, &[]).await.status, 404);
            assert_eq!(app.post(&format!("/v1/invoices/{}/cancel", id(&owed)), foreign, Value::Null).await.status, 404);
            let body = json!({"customer_id": customer, "currency": "EUR", "amount": 40, "received_on": "2026-02-01"});
            assert_eq!(faults(&app.post("/v1/payments", foreign, body).await.expect(422)), [("/customer_id", "not_found")]);
            assert_eq!(app.get("/v1/customers", foreign).await.expect(200)["data"], json!([]));
        }
    }

    async fn no_cent_is_lost_whatever_happens(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let mut luck = fastrand::Rng::with_seed(7);
        for n in 0..6 {
            let first = luck.i64(1..50);
            let body = json!({"customer_id": customer, "number": format!("F{n}"), "issue_date": "2026-01-10", "currency": "EUR", "total": 100,
                "instalments": [{"due_date": "2026-02-01", "amount": first}, {"due_date": format!("2026-0{}-15", luck.i64(1..9)), "amount": 100 - first}]});
            app.post("/v1/invoices", key, body).await.expect(201);
        }
        let all = async |path: &str| app.get(path, key).await.expect(200)["data"].as_array().unwrap().clone();
        for _ in 0..60 {
            let (payments, notes, invoices) = (all("/v1/payments?limit=200").await, all("/v1/credit-notes?limit=200").await, all("/v1/invoices").await);
            let settled: Vec<Value> = payments.iter().chain(&notes).flat_map(|one| one["allocations"].as_array().unwrap().clone()).collect();
            conserved(&payments, &notes, &invoices, &settled);
            let amount = luck.i64(1..120);
            match luck.u8(0..6) {
                0 | 1 => drop(app.post("/v1/payments", key, json!({"customer_id": customer, "currency": "EUR", "amount": amount, "received_on": "2026-02-01"})).await.expect(201)),
                2 => drop(app.post("/v1/credit-notes", key, json!({"customer_id": customer, "currency": "EUR", "amount": amount, "issue_date": "2026-02-01", "allocate": "none"})).await.expect(201)),
                3 if !notes.is_empty() => {
                    let wanted = json!({"allocations": [{"invoice_id": invoices[luck.usize(0..invoices.len())]["id"], "amount": amount}]});
                    let answer = app.post(&format!("/v1/credit-notes/{}/allocations", id(&notes[luck.usize(0..notes.len())])), key, wanted).await;
                    assert!(matches!(answer.status, 200 | 422), "{}", answer.text);
                }
                4 if !settled.is_empty() => drop(app.send("DELETE", &format!("/v1/allocations/{}", id(&settled[luck.usize(0..settled.len())])), key, Value::Null, &[]).await.expect(200)),
                5 if !payments.is_empty() => drop(app.post(&format!("/v1/payments/{}/return", id(&payments[luck.usize(0..payments.len())])), key, json!({})).await.expect(200)),
                _ => {}
            }
        }
    }

    async fn two_payments_at_once_do_not_settle_the_same_cent(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let owed = invoice(&app, key, &customer, "F1", "2026-02-01", 100).await;
        let body = json!({"customer_id": customer, "currency": "EUR", "amount": 30, "received_on": "2026-02-01"});
        let sent = (0..6).map(|_| app.post("/v1/payments", key, body.clone()));
        let answers = futures_util::future::join_all(sent).await;
        let given: i64 = answers.into_iter().map(|one| one.expect(201)).map(|one| 30 - one["unallocated"].as_i64().unwrap()).sum();
        let seen = app.get(&format!("/v1/invoices/{}", id(&owed)), key).await.expect(200);
        assert_eq!((given, &seen["balance"]), (100, &json!(0)));
    }
}

/// What is owed, paid and left agrees everywhere, and nothing is negative.
fn conserved(payments: &[Value], notes: &[Value], invoices: &[Value], settled: &[Value]) {
    let number = |of: &Value, field: &str| of[field].as_i64().unwrap();
    for one in payments.iter().chain(notes) {
        let given: i64 = one["allocations"].as_array().unwrap().iter().map(|part| number(part, "amount")).sum();
        let expected = if one["status"] == "returned" { 0 } else { number(one, "amount") };
        assert_eq!(given + number(one, "unallocated"), expected, "{one}");
        assert!(number(one, "unallocated") >= 0);
    }
    for invoice in invoices {
        let mut left = 0;
        for part in invoice["instalments"].as_array().unwrap() {
            let paid: i64 = settled.iter().filter(|one| one["instalment_id"] == part["id"]).map(|one| number(one, "amount")).sum();
            assert_eq!(number(part, "balance"), number(part, "amount") - paid, "{invoice}");
            assert!(number(part, "balance") >= 0);
            left += number(part, "balance");
        }
        assert_eq!(number(invoice, "balance"), left);
        assert_eq!(invoice["status"] == "settled", left == 0, "{invoice}");
    }
}
