//! The reasons to be silent, as a creditor's software uses them in a rehearsal: holds, disputes, direct debits, promises, payment plans.

use relance::{actions, domain::ids::Mode};
use serde_json::{Value, json};

use crate::{
    on_both,
    support::{
        App, Tenant,
        dunning::ANN,
        ledger::{journal, partition},
    },
};

/// One debtor who was to pay 1,200.00 euros the day before the tests begin. Left alone, it is written to on the 4th, called on the 9th, written to on the
/// 12th, and gets its notice on the 16th.
async fn overdue(app: &App) -> (Tenant, String, Value) {
    let tenant = app.tenant("Atelier").await;
    let customer = app.debtor(&tenant.test, ANN).await;
    let invoice = app.owes(&tenant.test, &customer, "F-1", "2026-03-01").await;
    (tenant, customer, invoice)
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in {value}"))
}

/// What was done, and on which day.
async fn steps(app: &App, tenant: &Tenant) -> Vec<String> {
    let rows = app.list(&tenant.test, "/v1/reminders").await;
    rows.iter()
        .map(|one| match one["completed_at"].as_str() {
            Some(at) => format!("{} {}", &at[5..10], text(one, "/step")),
            None => format!("{} {}", text(one, "/state"), text(one, "/step")),
        })
        .collect()
}

async fn pay(app: &App, key: &str, customer: &str, amount: i64, on: &str) -> Value {
    let body = json!({"customer_id": customer, "currency": "EUR", "amount": amount, "received_on": on});
    app.post("/v1/payments", key, body).await.expect(201)
}

/// The kinds of evidence, in the order of the alphabet: the tests' clock gives the journal no other.
fn kinds(app: &App, tenant: &Tenant, prefix: &str) -> Vec<String> {
    let entries = journal(app, partition(tenant, Mode::Test)).into_iter();
    let mut kinds: Vec<String> = entries.map(|(kind, ..)| kind).filter(|kind| kind.starts_with(prefix)).collect();
    kinds.sort();
    kinds
}

/// The codes of what is wrong with a body.
async fn faults(app: &App, path: &str, key: &str, body: Value) -> Vec<String> {
    let answer = app.post(path, key, body).await.expect(422);
    answer["errors"].as_array().unwrap().iter().map(|fault| format!("{} {}", text(fault, "/pointer"), text(fault, "/code"))).collect()
}

on_both! {
    async fn rule_8_a_hold_is_dated_and_has_a_reason(app: App) {
        let (tenant, customer, invoice) = overdue(&app).await;
        let key = &tenant.test;
        let hold = app.post("/v1/holds", key, json!({"customer_id": customer, "reason": "their accountant is ill", "until": "2026-03-10"})).await.expect(201);
        app.advance(&tenant, "2026-03-10T18:00:00Z").await;
        assert!(steps(&app, &tenant).await.is_empty());
        let (account, rules) = app.rules(key, &customer).await;
        assert_eq!(rules, ["hold"]);
        assert_eq!(account["explanation"]["statements"][0]["until"], "2026-03-10T23:00:00Z");
        app.advance(&tenant, "2026-03-11T12:00:00Z").await;
        assert_eq!(steps(&app, &tenant).await, ["03-11 first_reminder"]);

        let body = json!({"invoice_id": invoice["id"], "reason": "being checked"});
        let second = app.post("/v1/holds", key, body).await.expect(201);
        assert_eq!((&second["customer_id"], &second["until"]), (&json!(customer), &Value::Null));
        app.owes(key, &customer, "F-2", "2026-03-01").await;
        app.advance(&tenant, "2026-03-20T12:00:00Z").await;
        let carried = app.list(key, "/v1/reminders?step=call_courtesy").await;
        assert_eq!(carried[0]["instalments"].as_array().unwrap().len(), 1, "the other invoice goes on alone");
        let path = format!("/v1/holds/{}/lift", text(&second, "/id"));
        let lifted = app.post(&path, key, Value::Null).await.expect(200);
        assert_eq!(app.post(&path, key, Value::Null).await.expect(200), lifted);
        assert_eq!(app.list(key, "/v1/holds?lifted=false").await.len(), 1);
        assert_eq!(app.get(&format!("/v1/holds/{}", text(&hold, "/id")), key).await.expect(200), hold);
        assert_eq!(kinds(&app, &tenant, "hold."), ["hold.lifted", "hold.placed", "hold.placed"]);
        assert!(journal(&app, partition(&tenant, Mode::Test)).iter().all(|(.., body)| !body.contains("accountant")), "reasons are erasable");

        let wrong = json!({"customer_id": customer, "invoice_id": invoice["id"], "reason": "x", "until": "2026-03-01"});
        assert_eq!(faults(&app, "/v1/holds", key, wrong).await, ["/invoice_id contradiction", "/until in_the_past"]);
        assert_eq!(faults(&app, "/v1/holds", key, json!({"reason": "x"})).await, ["/customer_id required"]);
    }

    async fn rule_4_nothing_leaves_after_a_hold_a_promise_or_a_dispute_commits(app: App) {
        let (tenant, customer, invoice) = overdue(&app).await;
        let key = &tenant.test;
        let of = partition(&tenant, Mode::Test);
        let silences = [
            ("hold", "/v1/holds", json!({"customer_id": customer, "reason": "wait", "until": "2026-03-10"})),
            ("promise", "/v1/promises", json!({"customer_id": customer, "currency": "EUR", "due_on": "2026-03-12"})),
            ("dispute", "/v1/disputes", json!({"invoice_id": invoice["id"], "reason": "quality"})),
        ];
        let mornings = ["2026-03-05T09:00:00Z", "2026-03-11T09:00:00Z", "2026-03-17T09:00:00Z"];
        for ((reason, path, body), morning) in silences.into_iter().zip(mornings) {
            let to = morning.parse().unwrap();
            app.db.write_now(of, |conn| {
                let now = relance::store::tenants::find(conn, of)?.now(app.clock.now());
                relance::store::tenants::start_clock(conn, of, now, to)?;
                relance::store::tenants::move_clock(conn, of, now, to, None)
            }).unwrap();
            for _ in 0..3 {
                actions::run(&app.db, &app.clock, of, actions::SYSTEM, |act| actions::planning::plan_due(act, None, 500)).await.unwrap();
            }
            assert_eq!(app.list(key, "/v1/messages?state=prepared").await.len(), 1, "{reason}");
            app.post(path, key, body).await.expect(201);
            app.settle(&tenant, Mode::Test).await;
            let last = app.list(key, "/v1/reminders?state=cancelled").await.pop().unwrap();
            assert_eq!(last["reason"], reason);
            assert!(app.list(key, "/v1/sandbox/outbox").await.is_empty(), "{reason}");
        }
    }

    async fn no_task_is_given_about_what_is_left_in_peace(app: App) {
        let (tenant, customer, _) = overdue(&app).await;
        let key = &tenant.test;
        app.advance(&tenant, "2026-03-13T12:00:00Z").await;
        let contact = app.get(&format!("/v1/customers/{customer}"), key).await.expect(200)["contacts"][0]["id"].as_str().unwrap().to_owned();
        app.patch(&format!("/v1/customers/{customer}/contacts/{contact}"), key, json!({"opted_out": ["email"]})).await.expect(200);
        app.outage(&tenant, "2026-03-25T10:00:00Z").await;
        let notice = app.list(key, "/v1/reminders?step=formal_notice").await.pop().unwrap();
        assert_eq!((&notice["state"], &notice["channel"]), (&json!("awaiting_approval"), &json!("letter")));
        let hold = app.post("/v1/holds", key, json!({"customer_id": customer, "reason": "wait"})).await.expect(201);
        let path = format!("/v1/reminders/{}/approve", text(&notice, "/id"));
        assert_eq!(app.post(&path, key, Value::Null).await.body["code"], "silenced");
        app.post(&format!("/v1/holds/{}/lift", text(&hold, "/id")), key, Value::Null).await.expect(200);
        assert_eq!(app.post(&path, key, Value::Null).await.expect(200)["state"], "completed");
        assert_eq!(app.list(key, "/v1/tasks?kind=letter").await.len(), 1);
    }

    async fn rule_7_a_dispute_takes_an_amount_out(app: App) {
        let (tenant, customer, invoice) = overdue(&app).await;
        let key = &tenant.test;
        let id = text(&invoice, "/id");
        let slip = app.document(key, id, "slip.txt", "text/plain", b"10 chairs\n").await.expect(201);
        let body = json!({"invoice_id": id, "amount": 30_000, "reason": "quantity", "note": "two chairs were missing", "document_ids": [slip["id"]], "respond_by": "2026-03-06"});
        let part = app.post("/v1/disputes", key, body).await.expect(201);
        app.advance(&tenant, "2026-03-05T18:00:00Z").await;
        assert!(text(&app.list(key, "/v1/sandbox/outbox").await[0], "/content/text").contains("900,00"), "the rest goes on");
        assert_eq!(app.get(&format!("/v1/invoices/{id}"), key).await.expect(200)["balance"], 120_000, "it stays in the books");

        let whole = app.post("/v1/disputes", key, json!({"invoice_id": id, "reason": "quality"})).await.expect(201);
        app.advance(&tenant, "2026-03-12T12:00:00Z").await;
        assert_eq!(steps(&app, &tenant).await, ["03-04 first_reminder"]);
        assert_eq!(app.rules(key, &customer).await.1, ["dispute"]);
        assert_eq!(app.list(key, "/v1/tasks?kind=review").await[0]["reason"], "dispute_overdue", "nobody answered by the 6th");
        assert_eq!(faults(&app, "/v1/disputes", key, json!({"invoice_id": id, "reason": "price"})).await, ["/invoice_id already_contested"]);

        let resolve = async |dispute: &Value, how: Value| app.post(&format!("/v1/disputes/{}/resolve", text(dispute, "/id")), key, how).await;
        resolve(&whole, json!({"outcome": "rejected"})).await.expect(200);
        assert_eq!(resolve(&part, json!({"outcome": "partly", "amount": 30_000})).await.expect(422)["errors"][0]["code"], "out_of_range");
        let ended = resolve(&part, json!({"outcome": "partly", "amount": 20_000, "credit_note_number": "A-9"})).await.expect(200);
        assert_eq!((&ended["state"], &ended["credited"]), (&json!("resolved"), &json!(20_000)));
        let credit = app.get(&format!("/v1/credit-notes/{}", text(&ended, "/credit_note_id")), key).await.expect(200);
        assert_eq!((&credit["amount"], &credit["unallocated"], &credit["number"]), (&json!(20_000), &json!(0), &json!("A-9")));
        assert_eq!(app.get(&format!("/v1/invoices/{id}"), key).await.expect(200)["balance"], 100_000);
        assert_eq!(resolve(&part, json!({"outcome": "rejected"})).await.body["code"], "dispute_resolved");
        app.advance(&tenant, "2026-03-17T12:00:00Z").await;
        assert_eq!(steps(&app, &tenant).await, ["03-04 first_reminder", "03-12 call_courtesy", "03-16 last_reminder"], "it goes on, it never restarts");
        assert_eq!(kinds(&app, &tenant, "dispute."), ["dispute.opened", "dispute.opened", "dispute.resolved", "dispute.resolved"]);
    }

    async fn a_direct_debit_on_its_way_is_silence_until_it_settles_or_fails(app: App) {
        let (tenant, customer, invoice) = overdue(&app).await;
        let key = &tenant.test;
        let debit = async |amount: i64| {
            let body = json!({"customer_id": customer, "currency": "EUR", "collect_on": "2026-03-09", "reference": "M-1", "allocations": [{"invoice_id": invoice["id"], "amount": amount}]});
            app.post("/v1/direct-debits", key, body).await.expect(201)
        };
        let whole = debit(120_000).await;
        let path = format!("/v1/direct-debits/{}", text(&whole, "/id"));
        app.advance(&tenant, "2026-03-20T12:00:00Z").await;
        assert!(steps(&app, &tenant).await.is_empty());
        assert_eq!(app.rules(key, &customer).await.1, ["direct_debit"]);
        assert_eq!(app.list(key, "/v1/tasks?kind=review").await[0]["reason"], "debit_without_news");
        let settled = app.post(&format!("{path}/settle"), key, json!({})).await.expect(200);
        let payment = app.get(&format!("/v1/payments/{}", text(&settled, "/payment_id")), key).await.expect(200);
        assert_eq!((&payment["amount"], &payment["method"], &payment["received_on"]), (&json!(120_000), &json!("direct_debit"), &json!("2026-03-09")));
        assert_eq!(app.get(&format!("/v1/invoices/{}", text(&invoice, "/id")), key).await.expect(200)["status"], "settled");
        assert_eq!(app.post(&format!("{path}/settle"), key, json!({})).await.body["code"], "wrong_state");

        // The debtor's bank takes the money back: all of it is open again, and the crescendo begins where it stood.
        let failed = app.post(&format!("{path}/fail"), key, json!({"reason": "MD06"})).await.expect(200);
        assert_eq!((&failed["state"], &failed["failure"]), (&json!("failed"), &json!("MD06")));
        assert_eq!(app.get(&format!("/v1/payments/{}", text(&settled, "/payment_id")), key).await.expect(200)["status"], "returned");
        assert_eq!(app.post(&format!("{path}/fail"), key, json!({})).await.expect(200), failed);
        app.advance(&tenant, "2026-03-21T12:00:00Z").await;
        assert_eq!(steps(&app, &tenant).await, ["03-20 first_reminder"]);

        // A part on its way leaves the rest; a payment that is returned by itself fails its debit.
        let part = debit(50_000).await;
        app.advance(&tenant, "2026-03-24T18:00:00Z").await;
        let call = app.list(key, "/v1/reminders?step=call_courtesy").await.pop().unwrap();
        assert_eq!(call["total"], 70_000);
        let settled = app.post(&format!("/v1/direct-debits/{}/settle", text(&part, "/id")), key, json!({"received_on": "2026-03-24"})).await.expect(200);
        app.post(&format!("/v1/payments/{}/return", text(&settled, "/payment_id")), key, json!({"reason": "AC04"})).await.expect(200);
        let failed = app.get(&format!("/v1/direct-debits/{}", text(&part, "/id")), key).await.expect(200);
        assert_eq!((&failed["state"], &failed["failure"]), (&json!("failed"), &json!("AC04")));
    }

    async fn rule_8_a_promise_holds_and_a_broken_one_is_spoken_of_first(app: App) {
        let (tenant, customer, _) = overdue(&app).await;
        let key = &tenant.test;
        app.advance(&tenant, "2026-03-09T12:00:00Z").await;
        let call = app.list(key, "/v1/tasks?kind=call").await.pop().unwrap();
        let path = format!("/v1/tasks/{}/complete", text(&call, "/id"));
        let refused = app.post(&path, key, json!({"outcome": "promise"})).await.expect(422);
        assert_eq!(refused["errors"][0]["pointer"], "/promise");
        let past = json!({"outcome": "promise", "promise": {"due_on": "2026-03-08"}});
        assert_eq!(app.post(&path, key, past).await.expect(422)["errors"][0]["pointer"], "/promise/due_on");
        let said = json!({"outcome": "promise", "notes": "waits for a client", "promise": {"due_on": "2026-03-16", "said_by": "Ann Martin"}});
        app.post(&path, key, said).await.expect(200);
        let promise = app.list(key, "/v1/promises").await.pop().unwrap();
        assert_eq!((&promise["amount"], &promise["ends_on"], &promise["task_id"], &promise["channel"]),
            (&json!(120_000), &json!("2026-03-18"), &call["id"], &json!("call")));
        assert_eq!(promise["contact_id"], call["contact_id"]);
        app.advance(&tenant, "2026-03-18T22:00:00Z").await;
        let (account, rules) = app.rules(key, &customer).await;
        assert_eq!(rules, ["promise"]);
        assert_eq!(account["explanation"]["statements"][0]["until"], "2026-03-18T23:00:00Z");
        assert_eq!(steps(&app, &tenant).await, ["03-04 first_reminder", "03-09 call_courtesy"]);

        app.advance(&tenant, "2026-03-23T18:00:00Z").await;
        let told = ["03-04 first_reminder", "03-09 call_courtesy", "03-19 broken_promise", "03-23 last_reminder"];
        assert_eq!(steps(&app, &tenant).await, told, "the crescendo goes on where it stood");
        let letter = app.list(key, "/v1/sandbox/outbox").await.into_iter().map(|one| text(&one, "/content/text").to_owned()).find(|words| words.contains("16 mars 2026"));
        assert!(letter.unwrap().contains("1\u{202f}200,00"), "what was promised, and for when");
        let broken = app.get(&format!("/v1/promises/{}", text(&promise, "/id")), key).await.expect(200);
        assert_eq!((&broken["state"], &broken["broken_on"], &broken["received"]), (&json!("broken"), &json!("2026-03-19"), &json!(0)));
        assert_eq!(kinds(&app, &tenant, "promise."), ["promise.broken", "promise.recorded"]);
        assert_eq!(app.post(&format!("/v1/promises/{}/withdraw", text(&promise, "/id")), key, Value::Null).await.body["code"], "wrong_state");

        // A second one, broken too, has its own letter.
        app.post("/v1/promises", key, json!({"customer_id": customer, "currency": "EUR", "due_on": "2026-03-25", "amount": 50_000})).await.expect(201);
        app.advance(&tenant, "2026-03-31T12:00:00Z").await;
        assert_eq!(steps(&app, &tenant).await.last().unwrap(), "03-30 broken_promise");
        assert_eq!(app.list(key, "/v1/reminders?step=broken_promise").await[1]["cycle"], 2);
    }

    async fn a_promise_is_kept_in_part_or_whole_by_the_dates_of_the_money(app: App) {
        let (tenant, customer, _) = overdue(&app).await;
        let key = &tenant.test;
        let promise = async |amount: i64| {
            let body = json!({"customer_id": customer, "currency": "EUR", "due_on": "2026-03-05", "amount": amount});
            app.post("/v1/promises", key, body).await.expect(201)
        };
        let state = async |promise: &Value| {
            let now = app.get(&format!("/v1/promises/{}", text(promise, "/id")), key).await.expect(200);
            format!("{} {}", text(&now, "/state"), now["received"])
        };
        let (small, large) = (promise(20_000).await, promise(60_000).await);
        let mistaken = promise(120_000).await;
        app.post(&format!("/v1/promises/{}/withdraw", text(&mistaken, "/id")), key, Value::Null).await.expect(200);
        pay(&app, key, &customer, 20_000, "2026-03-02").await;
        app.settle(&tenant, Mode::Test).await;
        assert_eq!((state(&small).await, state(&large).await), ("kept 20000".to_owned(), "open 0".to_owned()));
        app.advance(&tenant, "2026-03-08T12:00:00Z").await;
        assert_eq!(state(&large).await, "partly_kept 20000");
        // The bank tells later what had come in time; then it takes it back.
        let late = pay(&app, key, &customer, 40_000, "2026-03-06").await;
        app.settle(&tenant, Mode::Test).await;
        assert_eq!(state(&large).await, "kept 60000");
        app.post(&format!("/v1/payments/{}/return", text(&late, "/id")), key, json!({})).await.expect(200);
        app.settle(&tenant, Mode::Test).await;
        assert_eq!((state(&large).await, state(&mistaken).await), ("partly_kept 20000".to_owned(), "withdrawn 0".to_owned()));
        app.advance(&tenant, "2026-03-10T12:00:00Z").await;
        assert_eq!(steps(&app, &tenant).await, ["03-09 first_reminder"], "a part that came is no broken word");
        let wrong = json!({"customer_id": customer, "currency": "EUR", "due_on": "2028-03-05", "amount": 999_999, "contact_id": "con_01jd3kq8e5fvv8m3s9tqz4x7ya"});
        assert_eq!(faults(&app, "/v1/promises", key, wrong).await, ["/due_on too_late", "/amount out_of_range", "/contact_id not_found"]);
        let none = json!({"customer_id": customer, "currency": "USD", "due_on": "2026-03-20"});
        assert_eq!(faults(&app, "/v1/promises", key, none).await, ["/currency nothing_open"]);
    }

    async fn rule_8_a_plan_replaces_the_schedule_while_it_is_kept(app: App) {
        let (tenant, customer, _) = overdue(&app).await;
        let key = &tenant.test;
        let concessions = json!({"promise_grace_days": 2, "plan_grace_days": 3, "plan_max_months": 6, "plan_min_part": [{"currency": "EUR", "minor": 10_000}]});
        app.patch("/v1/tenant", key, json!({"concessions": concessions})).await.expect(200);
        let propose = |equal: Value| json!({"customer_id": customer, "currency": "EUR", "interest": "suspended", "equal": equal});
        assert_eq!(faults(&app, "/v1/payment-plans", key, propose(json!({"parts": 13}))).await, ["/equal part_too_small", "/equal plan_too_long"]);
        let plan = app.post("/v1/payment-plans", key, propose(json!({"parts": 3}))).await.expect(201);
        assert_eq!((&plan["state"], &plan["parts"][0]), (&json!("proposed"), &json!({"due_on": "2026-03-02", "amount": 40_000})));
        let path = format!("/v1/payment-plans/{}", text(&plan, "/id"));
        let words = json!({"accepted_by": "Ann Martin, gérante", "accepted_from": "203.0.113.9", "text": "Nous réglons 400,00 € par mois."});
        let accepted = app.post(&format!("{path}/accept"), key, words.clone()).await.expect(200);
        assert_eq!((&accepted["state"], &accepted["accepted_text"]), (&json!("accepted"), &words["text"]));
        assert_eq!(text(&accepted, "/text_sha256"), data_encoding::HEXLOWER.encode(&relance::domain::crypto::sha256(&["Nous réglons 400,00 € par mois.".as_bytes()])));
        assert_eq!(app.post(&format!("{path}/accept"), key, words.clone()).await.body["code"], "wrong_state");
        let twin = app.post("/v1/payment-plans", key, propose(json!({"parts": 2}))).await.expect(201);
        let twin = format!("/v1/payment-plans/{}", text(&twin, "/id"));
        assert_eq!(app.post(&format!("{twin}/accept"), key, words).await.body["code"], "plan_overlaps");
        app.post(&format!("{twin}/cancel"), key, Value::Null).await.expect(200);

        pay(&app, key, &customer, 40_000, "2026-03-03").await;
        app.advance(&tenant, "2026-04-05T12:00:00Z").await;
        assert!(steps(&app, &tenant).await.is_empty());
        let (account, rules) = app.rules(key, &customer).await;
        assert_eq!((rules, &account["explanation"]["statements"][0]["until"]), (vec!["payment_plan".to_owned()], &json!("2026-04-05T22:00:00Z")));

        // The second part is missed: all that is left is claimed, and that is said first. Easter Monday is the 6th.
        app.advance(&tenant, "2026-04-09T18:00:00Z").await;
        assert_eq!(steps(&app, &tenant).await, ["04-07 broken_plan", "04-09 first_reminder"]);
        let broken = app.get(&path, key).await.expect(200);
        assert_eq!((&broken["state"], &broken["missed_part"], &broken["received"]), (&json!("broken"), &json!(2), &json!(40_000)));
        let letter = text(&app.list(key, "/v1/sandbox/outbox").await[0], "/content/text").to_owned();
        assert!(letter.contains("400,00") && letter.contains("800,00") && letter.contains("2 avril 2026"), "{letter}");
        let told = ["plan.accepted", "plan.broken", "plan.cancelled", "plan.part_missed", "plan.proposed", "plan.proposed"];
        assert_eq!(kinds(&app, &tenant, "plan."), told);
        // It had been paid in time after all, and so is the rest.
        pay(&app, key, &customer, 40_000, "2026-04-03").await;
        app.settle(&tenant, Mode::Test).await;
        assert_eq!(app.get(&path, key).await.expect(200)["state"], "accepted");
        assert_eq!(app.rules(key, &customer).await.1, ["payment_plan"]);
        pay(&app, key, &customer, 40_000, "2026-05-04").await;
        app.settle(&tenant, Mode::Test).await;
        assert_eq!(app.get(&path, key).await.expect(200)["state"], "kept");
        let since = ["plan.kept", "plan.reinstated"];
        assert!(since.iter().all(|kind| kinds(&app, &tenant, "plan.").iter().any(|one| one == kind)));
    }

    async fn money_without_a_name_stops_the_reminder_and_is_proposed_for(app: App) {
        let (tenant, customer, invoice) = overdue(&app).await;
        let key = &tenant.test;
        app.owes(key, &customer, "F-2", "2026-03-20").await;
        let body = json!({"customer_id": customer, "currency": "EUR", "amount": 120_000, "received_on": "2026-03-02", "reference": "VIR F-2 merci", "allocate": "none"});
        let payment = app.post("/v1/payments", key, body).await.expect(201);
        app.advance(&tenant, "2026-03-06T12:00:00Z").await;
        assert!(steps(&app, &tenant).await.is_empty());
        assert_eq!(app.list(key, "/v1/tasks?kind=review").await[0]["reason"], "unallocated_cash");
        let path = format!("/v1/payments/{}", text(&payment, "/id"));
        let found = app.get(&format!("{path}/allocation-proposals"), key).await.expect(200);
        let told: Vec<_> = found["proposals"].as_array().unwrap().iter().map(|one| (text(one, "/basis"), text(one, "/certainty"))).collect();
        assert_eq!(told, [("invoice_number", "certain"), ("exact_amount", "possible")]);
        let first = &found["proposals"][0];
        assert!(text(first, "/why").contains("F-2"));
        let done = app.post(&format!("{path}/allocations"), key, json!({"allocations": first["allocations"]})).await.expect(200);
        assert_eq!(done["unallocated"], 0);
        assert_eq!(app.get(&format!("/v1/invoices/{}", text(&invoice, "/id")), key).await.expect(200)["balance"], 120_000);
        assert_eq!(app.get(&format!("{path}/allocation-proposals"), key).await.expect(200)["proposals"], json!([]));
        app.advance(&tenant, "2026-03-07T12:00:00Z").await;
        assert_eq!(steps(&app, &tenant).await, ["03-06 first_reminder"]);
    }
}
