//! Lists: their orders, what they count, what they show whole beside its id, the filters of the trade; and what became of a request.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::{
    on_both,
    support::{App, Tenant},
};

/// A customer's id. Each is recorded a moment after the other: within one, the order of ids is anybody's.
async fn customer(app: &App, tenant: &Tenant, name: &str) -> String {
    app.clock.advance(TimeDelta::milliseconds(1));
    let made = app.post("/v1/customers", &tenant.live, json!({"name": name, "kind": "business"})).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

async fn invoice(app: &App, tenant: &Tenant, customer: &str, number: &str, due: &str) -> Value {
    app.clock.advance(TimeDelta::milliseconds(1));
    let new =
        json!({"customer_id": customer, "number": number, "issue_date": "2025-11-01", "due_date": due, "currency": "EUR", "total": 1_000});
    app.post("/v1/invoices", &tenant.live, new).await.expect(201)
}

/// The texts of a field, page by page.
async fn walk(app: &App, tenant: &Tenant, path: &str, field: &str) -> Vec<String> {
    let (mut found, mut next) = (Vec::new(), format!("{path}&limit=2"));
    for _ in 0..20 {
        let page = app.get(&next, &tenant.live).await.expect(200);
        found.extend(page["data"].as_array().unwrap().iter().map(|row| row[field].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { return found };
        next = format!("{path}&limit=2&cursor={cursor}");
    }
    panic!("{path} never ends: {found:?}");
}

on_both! {
    async fn invoices_come_in_the_order_that_is_asked_for(app: App) {
        let tenant = app.tenant("Atelier").await;
        let owes = customer(&app, &tenant, "Garage").await;
        for (number, due) in [("A", "2026-02-10"), ("B", "2026-01-10"), ("C", "2026-03-10"), ("D", "2026-01-10"), ("E", "2026-01-10")] {
            invoice(&app, &tenant, &owes, number, due).await;
        }
        let order = async |sort: &str| walk(&app, &tenant, &format!("/v1/invoices?sort={sort}"), "number").await.concat();
        assert_eq!(order("due_date").await, "BDEAC");
        assert_eq!(order("-due_date").await, "CAEDB");
        assert_eq!((order("created_at").await, order("-created_at").await), ("ABCDE".to_owned(), "EDCBA".to_owned()));
        // The cursor belongs to the order that it was made for, and what is sorted by stays in its place though the row has gone.
        let page = app.get("/v1/invoices?sort=due_date&limit=1", &tenant.live).await.expect(200);
        let cursor = page["next_cursor"].as_str().unwrap();
        let first = page["data"][0].clone();
        let path = format!("/v1/invoices/{}", first["id"].as_str().unwrap());
        let later = json!({"due_date": "2026-04-01"});
        app.patch(&path, &tenant.live, later).await.expect(200);
        let rest = app.get(&format!("/v1/invoices?sort=due_date&limit=3&cursor={cursor}"), &tenant.live).await.expect(200);
        let numbers: Vec<&str> = rest["data"].as_array().unwrap().iter().map(|row| row["number"].as_str().unwrap()).collect();
        assert_eq!(numbers, ["D", "E", "A"]);
        let foreign = app.get(&format!("/v1/invoices?sort=-due_date&cursor={cursor}"), &tenant.live).await;
        assert_eq!((foreign.status, &foreign.body["errors"][0]["code"]), (400, &json!("wrong_cursor")));
        let unknown = app.get("/v1/invoices?sort=due_dat", &tenant.live).await;
        assert!(unknown.status == 400 && unknown.text.contains("did you mean due_date?"), "{}", unknown.text);
    }

    async fn customers_come_by_name_and_payments_by_day(app: App) {
        let tenant = app.tenant("Atelier").await;
        let mut ids = Vec::new();
        for name in ["Cordier", "Arnaud", "Bonnet", "Arnaud"] {
            ids.push(customer(&app, &tenant, name).await);
        }
        assert_eq!(walk(&app, &tenant, "/v1/customers?sort=name", "id").await, [&ids[1], &ids[3], &ids[2], &ids[0]].map(String::clone));
        assert_eq!(walk(&app, &tenant, "/v1/customers?sort=-name", "id").await, [&ids[0], &ids[2], &ids[3], &ids[1]].map(String::clone));
        assert_eq!(walk(&app, &tenant, "/v1/customers?sort=-created_at", "id").await, [&ids[3], &ids[2], &ids[1], &ids[0]].map(String::clone));
        for (reference, day) in [("x", "2026-02-20"), ("y", "2026-02-10"), ("z", "2026-02-28"), ("w", "2026-02-20")] {
            let new = json!({"customer_id": ids[0], "amount": 100, "currency": "EUR", "received_on": day, "reference": reference});
            app.clock.advance(TimeDelta::milliseconds(1));
            app.post("/v1/payments", &tenant.live, new).await.expect(201);
        }
        let order = async |sort: &str| walk(&app, &tenant, &format!("/v1/payments?sort={sort}"), "reference").await.concat();
        assert_eq!((order("date").await, order("-date").await), ("yxwz".to_owned(), "zwxy".to_owned()));
        assert_eq!((order("created_at").await, order("-created_at").await), ("xyzw".to_owned(), "wzyx".to_owned()));
    }

    async fn what_is_agreed_comes_by_its_day(app: App) {
        let tenant = app.tenant("Atelier").await;
        let owes = customer(&app, &tenant, "Garage").await;
        let mut ids = std::collections::BTreeMap::<&str, Vec<String>>::new();
        for (number, day) in [("A", "2026-03-20"), ("B", "2026-03-10"), ("C", "2026-03-28"), ("D", "2026-03-20")] {
            let owed = invoice(&app, &tenant, &owes, number, "2026-02-01").await;
            let about = json!([{"invoice_id": owed["id"], "amount": 100}]);
            for (path, body) in [
                ("/v1/promises", json!({"customer_id": owes, "currency": "EUR", "invoice_ids": [owed["id"]], "due_on": day})),
                ("/v1/direct-debits", json!({"customer_id": owes, "currency": "EUR", "collect_on": day, "allocations": about})),
                ("/v1/disputes", json!({"invoice_id": owed["id"], "reason": "not_delivered", "amount": 1, "respond_by": day})),
                ("/v1/holds", json!({"invoice_id": owed["id"], "reason": "being checked"})),
            ] {
                let made = app.post(path, &tenant.live, body).await.expect(201);
                ids.entry(path).or_default().push(made["id"].as_str().unwrap().to_owned());
            }
        }
        let sorted = async |path: &str, sort: &str| {
            let found = walk(&app, &tenant, &format!("{path}?sort={sort}"), "id").await;
            found.iter().map(|id| char::from(b"ABCD"[ids[path].iter().position(|known| known == id).unwrap()])).collect::<String>()
        };
        for (path, key) in [("/v1/promises", "due_on"), ("/v1/direct-debits", "collect_on"), ("/v1/disputes", "respond_by")] {
            assert_eq!((sorted(path, key).await, sorted(path, &format!("-{key}")).await), ("BADC".to_owned(), "CDAB".to_owned()), "{path}");
        }
        for path in ids.keys().copied() {
            assert_eq!((sorted(path, "created_at").await, sorted(path, "-created_at").await), ("ABCD".to_owned(), "DCBA".to_owned()), "{path}");
        }
        let owed = invoice(&app, &tenant, &owes, "E", "2026-02-01").await;
        let open = app.post("/v1/disputes", &tenant.live, json!({"invoice_id": owed["id"], "reason": "not_delivered"})).await.expect(201);
        let order = async |sort: &str| walk(&app, &tenant, &format!("/v1/disputes?sort={sort}"), "id").await;
        assert_eq!(order("respond_by").await.last().unwrap(), open["id"].as_str().unwrap(), "without a day it comes last");
        assert_eq!(order("-respond_by").await[0], open["id"].as_str().unwrap());
        let unknown = app.get("/v1/holds?sort=until", &tenant.live).await;
        assert!(unknown.status == 400 && unknown.text.contains("must be one of created_at, -created_at"), "{}", unknown.text);
    }

    async fn what_is_to_be_done_comes_by_its_moment_and_payments_by_their_amount(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.test;
        let mut debtors = Vec::new();
        for (n, due) in ["2026-03-10", "2026-03-11", "2026-03-12"].iter().enumerate() {
            app.clock.advance(TimeDelta::milliseconds(1));
            let debtor = app.debtor(key, &format!("ann{n}@client.example")).await;
            app.owes(key, &debtor, &format!("F{n}"), due).await;
            debtors.push(debtor);
        }
        app.advance(&tenant, "2026-03-12T15:00:00Z").await;
        for (debtor, day) in debtors.iter().zip(["2026-04-03", "2026-04-01", "2026-04-02"]) {
            let task = app.list(key, &format!("/v1/tasks?kind=call&customer_id={debtor}")).await[0]["id"].as_str().unwrap().to_owned();
            app.patch(&format!("/v1/tasks/{task}"), key, json!({"due_at": format!("{day}T08:00:00Z")})).await.expect(200);
        }
        let rehearsal = Tenant { live: tenant.test.clone(), ..tenant.clone() };
        let order = async |path: &str| walk(&app, &rehearsal, path, "customer_id").await;
        let [a, b, c] = [0, 1, 2].map(|n| debtors[n].clone());
        assert_eq!(order("/v1/tasks?kind=call&sort=due_at").await, [b.clone(), c.clone(), a.clone()]);
        assert_eq!(order("/v1/tasks?kind=call&sort=-due_at").await, [a, c, b]);
        for list in ["/v1/reminders", "/v1/messages", "/v1/tasks", "/v1/payment-plans"] {
            let (mut up, down) = (order(&format!("{list}?sort=created_at")).await, order(&format!("{list}?sort=-created_at")).await);
            up.reverse();
            assert_eq!(up, down, "{list}");
        }
        for (reference, amount) in [("x", 300), ("y", 100), ("z", 900), ("w", 300)] {
            app.clock.advance(TimeDelta::milliseconds(1));
            let new = json!({"customer_id": debtors[0], "amount": amount, "currency": "EUR", "received_on": "2026-03-02", "reference": reference});
            app.post("/v1/payments", key, new).await.expect(201);
        }
        let order = async |sort: &str| walk(&app, &rehearsal, &format!("/v1/payments?sort={sort}"), "reference").await.concat();
        assert_eq!((order("amount").await, order("-amount").await), ("yxwz".to_owned(), "zwxy".to_owned()));
    }

    async fn names_and_numbers_are_found_by_their_beginning(app: App) {
        let tenant = app.tenant("Atelier").await;
        let names = ["Établissements Noël", "ETABLI 9", "Œuvres & Cie", "Straße", "100%_net", "Zoé"];
        let mut ids = Vec::new();
        for name in names {
            ids.push(customer(&app, &tenant, name).await);
        }
        let found = async |q: &str| {
            let q: String = url::form_urlencoded::byte_serialize(q.as_bytes()).collect();
            walk(&app, &tenant, &format!("/v1/customers?sort=name&q={q}"), "name").await.join(", ")
        };
        for (q, expected) in [
            ("établ", "ETABLI 9, Établissements Noël"),
            ("ETABLIS", "Établissements Noël"),
            ("oeuv", "Œuvres & Cie"),
            ("œUV", "Œuvres & Cie"),
            ("STRASS", "Straße"),
            ("100%", "100%_net"),
            ("%", ""),
            ("_", ""),
            ("noël", ""),
        ] {
            assert_eq!(found(q).await, expected, "{q}");
        }
        let sorted = "100%_net, ETABLI 9, Établissements Noël, Œuvres & Cie, Straße, Zoé";
        assert_eq!(walk(&app, &tenant, "/v1/customers?sort=name", "name").await.join(", "), sorted);
        app.patch(&format!("/v1/customers/{}", ids[5]), &tenant.live, json!({"name": "Anaïs"})).await.expect(200);
        assert_eq!((found("zoe").await, found("anais").await), (String::new(), "Anaïs".to_owned()), "the name has changed");

        for (of, number, external_id) in [(0, "F-1", "SO-7"), (0, "f-10", "X"), (1, "G-1", "so-8"), (2, "ETA-1", "Y")] {
            app.clock.advance(TimeDelta::milliseconds(1));
            let new = json!({"customer_id": ids[of], "number": number, "source": "erp", "external_id": external_id,
                "issue_date": "2025-11-01", "due_date": "2026-01-10", "currency": "EUR", "total": 1_000});
            app.post("/v1/invoices", &tenant.live, new).await.expect(201);
        }
        let found = async |q: &str, more: &str| walk(&app, &tenant, &format!("/v1/invoices?q={q}{more}"), "number").await.join(" ");
        for (q, expected) in [("F-1", "F-1 f-10"), ("f-10", "f-10"), ("So-", "F-1 G-1"), ("eta", "F-1 f-10 G-1 ETA-1"), ("%C3%A9tablis", "F-1 f-10"), ("zz", "")] {
            assert_eq!(found(q, "").await, expected, "{q}");
            assert_eq!(found(q, "&sort=due_date").await, expected, "{q}, by the due date");
        }
        assert_eq!(found("eta", &format!("&customer_id={}", ids[1])).await, "G-1");
        assert_eq!(found("F-1", "&number=F-1").await, "F-1");
        let counted = app.get("/v1/invoices?q=eta&include=total_count&limit=1", &tenant.live).await.expect(200);
        assert_eq!(counted["total_count"], 4);
        assert_eq!(app.get("/v1/invoices?q=f", &tenant.live).await.body["errors"][0]["code"], "too_short");
        assert_eq!(app.get("/v1/invoices?q=SO-", &app.tenant("Other").await.live).await.expect(200)["data"], json!([]));
    }

    async fn what_is_counted_is_counted_when_asked_for(app: App) {
        let tenant = app.tenant("Atelier").await;
        let owes = customer(&app, &tenant, "Garage").await;
        for n in 0..3 {
            invoice(&app, &tenant, &owes, &format!("F{n}"), "2026-01-10").await;
        }
        let count = async |path: &str| app.get(path, &tenant.live).await.expect(200)["total_count"].clone();
        assert_eq!(count("/v1/invoices?limit=1&include=total_count").await, json!(3));
        assert_eq!(count("/v1/invoices?number=F1&sort=due_date&include=total_count").await, json!(1));
        assert_eq!(count("/v1/customers?q=gar&include=total_count").await, json!(1));
        assert_eq!(count("/v1/payments?include=total_count").await, json!(0));
        assert_eq!(count("/v1/invoices?limit=1").await, Value::Null);
        assert_eq!(app.get("/v1/invoices?include=totals", &tenant.live).await.status, 400);
    }

    async fn the_trade_has_filters_of_its_own(app: App) {
        let tenant = app.tenant("Atelier").await;
        let (one, two) = (customer(&app, &tenant, "Garage").await, customer(&app, &tenant, "Fournil").await);
        // Today is 2 March 2026.
        for (number, due) in [("soon", "2026-03-02"), ("a", "2026-03-01"), ("b", "2026-01-31"), ("c", "2026-01-30"), ("d", "2025-12-02"), ("e", "2025-12-01")] {
            invoice(&app, &tenant, &one, number, due).await;
        }
        let listed = async |filter: &str| walk(&app, &tenant, &format!("/v1/invoices?{filter}"), "number").await.join(" ");
        for (bucket, expected) in [("not_due", "soon"), ("1_30", "a b"), ("31_60", "c"), ("61_90", "d"), ("over_90", "e")] {
            assert_eq!(listed(&format!("ageing_bucket={bucket}")).await, expected, "{bucket}");
        }
        assert_eq!(listed("ageing_bucket=1_30&days_overdue[gte]=20&sort=-due_date").await, "b");
        let contested = invoice(&app, &tenant, &two, "contested", "2026-02-01").await;
        let said = invoice(&app, &tenant, &two, "said", "2026-02-01").await;
        app.post("/v1/disputes", &tenant.live, json!({"invoice_id": contested["id"], "reason": "not_delivered"})).await.expect(201);
        app.post("/v1/promises", &tenant.live, json!({"customer_id": two, "currency": "EUR", "invoice_ids": [said["id"]], "due_on": "2026-03-06"})).await.expect(201);
        assert_eq!((listed("disputed=true").await, listed("promised=true").await), ("contested".to_owned(), "said".to_owned()));
        assert_eq!(listed(&format!("disputed=false&promised=false&customer_id={two}")).await, "");
        assert_eq!(listed(&format!("disputed=false&sort=due_date&customer_id={two}")).await, "said");
        let due = async |before: &str| walk(&app, &tenant, &format!("/v1/customers?next_action_before={before}"), "id").await;
        assert_eq!(due("2026-03-03T00:00:00Z").await, [one, two]);
        assert_eq!(due("2026-03-01T00:00:00Z").await, Vec::<String>::new());
    }

    async fn what_an_id_stands_for_is_shown_beside_it(app: App) {
        let tenant = app.tenant("Atelier").await;
        let owes = customer(&app, &tenant, "Garage").await;
        let owed = invoice(&app, &tenant, &owes, "F1", "2026-01-10").await;
        let new = json!({"customer_id": owes, "amount": 400, "currency": "EUR", "received_on": "2026-03-02", "allocations": [{"invoice_id": owed["id"], "amount": 400}]});
        let paid = app.post("/v1/payments", &tenant.live, new).await.expect(201);
        let listed = app.get("/v1/invoices?expand=customer", &tenant.live).await.expect(200);
        assert_eq!((&listed["data"][0]["customer"]["name"], &listed["data"][0]["customer_id"]), (&json!("Garage"), &json!(owes)));
        let one = format!("/v1/payments/{}", paid["id"].as_str().unwrap());
        let whole = app.get(&format!("{one}?expand=customer,allocations.invoice"), &tenant.live).await;
        assert_eq!(whole.body["customer"]["id"], json!(owes));
        assert_eq!(whole.body["allocations"][0]["invoice"]["number"], "F1");
        assert_ne!(whole.header("etag"), app.get(&one, &tenant.live).await.header("etag"));
        app.post("/v1/disputes", &tenant.live, json!({"invoice_id": owed["id"], "reason": "not_delivered"})).await.expect(201);
        let disputes = app.get("/v1/disputes?expand=invoice.customer", &tenant.live).await.expect(200);
        assert_eq!(disputes["data"][0]["invoice"]["customer"]["name"], "Garage");
        assert_eq!(disputes["data"][0]["customer"], Value::Null, "only what was asked for");
        let wrong = app.get("/v1/invoices?expand=custmer", &tenant.live).await;
        assert!(wrong.status == 400 && wrong.text.contains("did you mean customer?"), "{}", wrong.text);
        assert_eq!(app.get("/v1/invoices?expand=customer,customer", &tenant.live).await.status, 400);
        assert_eq!(app.get("/v1/suppressions?expand=customer", &tenant.live).await.status, 400);
        // What the key may not read, it does not see this way either.
        let made = app.post("/v1/api-keys", &tenant.live, json!({"name": "ledger", "scopes": ["invoices:read"]})).await.expect(201);
        let refused = app.get("/v1/invoices?expand=customer", made["secret"].as_str().unwrap()).await;
        assert_eq!((refused.status, &refused.body["detail"]), (403, &json!("the scope customers:read is needed")));
        assert_eq!(app.get("/v1/invoices", made["secret"].as_str().unwrap()).await.status, 200);
    }

    async fn a_conflict_names_what_stands_in_the_way(app: App) {
        let tenant = app.tenant("Atelier").await;
        let new = json!({"name": "Garage", "kind": "business", "source": "erp", "external_id": "C1"});
        let made = app.post("/v1/customers", &tenant.live, new.clone()).await.expect(201);
        let taken = app.post("/v1/customers", &tenant.live, new).await;
        assert_eq!((taken.status, &taken.body["code"], &taken.body["resource_id"]), (409, &json!("external_id_taken"), &made["id"]));
        let pays = async |amount: i64| {
            let new = json!({"customer_id": made["id"], "amount": amount, "currency": "EUR", "received_on": "2026-03-02", "source": "bank", "external_id": "P1"});
            app.post("/v1/payments", &tenant.live, new).await
        };
        let paid = pays(100).await.expect(201);
        assert_eq!(pays(200).await.expect(409)["resource_id"], paid["id"]);
        let absent = app.get("/v1/customers/cus_01jd3kq8e5fvv8m3s9tqz4x7ya", &tenant.live).await;
        assert_eq!(absent.body.get("resource_id"), None, "only where there is one");
    }

    async fn a_request_tells_what_became_of_it(app: App) {
        let tenant = app.tenant("Atelier").await;
        let told = async |id: &str| app.get(&format!("/v1/requests/{id}"), &tenant.live).await;
        let body = json!({"name": "Garage", "kind": "business"});
        let key = [("Idempotency-Key", "c1")];
        let made = app.send("POST", "/v1/customers", &tenant.live, body.clone(), &key).await;
        let request = told(made.header("x-request-id").unwrap()).await.expect(200);
        assert_eq!((&request["operation"], &request["status"], &request["code"]), (&json!("createCustomer"), &json!(201), &Value::Null));
        assert_eq!((&request["resource"], &request["replayed"]), (&made.body["id"], &json!(false)));
        assert_eq!(request["resource_url"], json!(format!("/v1/customers/{}", made.body["id"].as_str().unwrap())));
        let digest = data_encoding::HEXLOWER.encode(&relance::domain::crypto::sha256(&[b"POST\n/v1/customers\nc1"]));
        assert_eq!(request["idempotency_digest"], json!(digest));
        let entry = app.get(&format!("/v1/evidence/{}", request["evidence"][0].as_str().unwrap()), &tenant.live).await;
        assert_eq!((entry.status, &entry.body["record"]["subject"]), (200, &made.body["id"]), "{}", entry.text);
        let again = app.send("POST", "/v1/customers", &tenant.live, body, &key).await;
        let request = told(again.header("x-request-id").unwrap()).await.expect(200);
        assert_eq!((&request["replayed"], &request["evidence"]), (&json!(true), &json!([])));
        let of_key = app.list(&tenant.live, &format!("/v1/requests?idempotency_digest={digest}")).await;
        let ids: std::collections::BTreeSet<&str> = of_key.iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(ids, [&made, &again].map(|answer| answer.header("x-request-id").unwrap()).into());
        assert!(of_key.iter().all(|one| one["resource"] == made.body["id"]), "{of_key:?}");
        assert_eq!(app.list(&tenant.live, &format!("/v1/requests?idempotency_digest={}", "0".repeat(64))).await.len(), 0);
        // Recorded together with others, it is known by what it made.
        let owed = app.post("/v1/invoices", &tenant.live, json!({"customer_id": made.body["id"], "number": "F1", "issue_date": "2026-01-01", "due_date": "2026-02-01", "currency": "EUR", "total": 5})).await;
        let request = told(owed.header("x-request-id").unwrap()).await.expect(200);
        assert_eq!((&request["resource"], request["evidence"].as_array().map(Vec::len)), (&owed.body["id"], Some(1)));
        let failed = app.get("/v1/customers/cus_01jd3kq8e5fvv8m3s9tqz4x7ya", &tenant.live).await;
        let request = told(failed.header("x-request-id").unwrap()).await.expect(200);
        assert_eq!((&request["status"], &request["code"], &request["path"]), (&json!(404), &json!("not_found"), &json!("/v1/customers/{customer_id}")));
        let read = app.get("/v1/tenant", &tenant.live).await;
        assert_eq!(told(read.header("x-request-id").unwrap()).await.status, 404, "what only reads leaves nothing");
        assert_eq!(app.get(&format!("/v1/requests/{}", made.header("x-request-id").unwrap()), &tenant.test).await.status, 404);
        app.clock.advance(TimeDelta::days(30) + TimeDelta::seconds(1));
        assert_eq!(told(made.header("x-request-id").unwrap()).await.status, 404);
    }
}
