//! The story of an unpaid invoice, in a rehearsal: who is written to, when, in which words, why not, and what people decide about it.

use std::time::{Duration, Instant};

use relance::{
    actions::{
        self,
        dispatch::{Claim, Dispatcher, Paused, Rooms},
        outcome::Outcome,
    },
    domain::ids::Mode,
};
use serde_json::{Value, json};

use crate::{
    on_both,
    support::{
        App, Tenant,
        dunning::{ANN, later},
        ledger::{journal, partition},
    },
};

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in {value}"))
}

/// One debtor who was to pay the day before the tests begin.
async fn overdue(app: &App, email: &str) -> (Tenant, String) {
    let tenant = app.tenant("Atelier").await;
    let customer = app.debtor(&tenant.test, email).await;
    app.owes(&tenant.test, &customer, "F-1", "2026-03-01").await;
    (tenant, customer)
}

fn words(some: &[&str]) -> Vec<String> {
    some.iter().map(|&word| word.to_owned()).collect()
}

/// Decides what is due and sends nothing: the reminders have their messages, and nobody has taken them up.
async fn decide(app: &App, tenant: &Tenant) {
    let of = partition(tenant, Mode::Test);
    actions::run(&app.db, &app.clock, of, actions::SYSTEM, |act| actions::planning::plan_due(act, None, 500)).await.unwrap();
}

on_both! {
    async fn the_crescendo_is_told_in_order_and_in_its_words(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.test;
        let customer = app.debtor(key, ANN).await;
        let invoice = app.owes(key, &customer, "F-1", "2026-03-13").await;
        let (account, rules) = app.rules(key, &customer).await;
        let next = &account["explanation"]["next"];
        assert_eq!((rules, &next["step"], &account["policy"]["name"]), (words(&["not_due", "send_window"]), &json!("call_upcoming"), &json!("Crescendo")));
        assert_eq!((text(next, "/due_on"), text(next, "/at")), ("2026-03-10", "2026-03-10T08:00:00Z"));
        let mut seen = Vec::new();
        for day in 1..=33 {
            app.advance(&tenant, &later(day, 0)).await;
            for reminder in app.list(key, &format!("/v1/reminders?customer_id={customer}&limit=200")).await.split_off(seen.len()) {
                seen.push((text(&reminder, "/step").to_owned(), text(&reminder, "/completed_at")[..10].to_owned(), reminder));
            }
        }
        let steps: Vec<(&str, &str)> = seen.iter().map(|(step, on, _)| (step.as_str(), on.as_str())).collect();
        // Each on its own day: none falls on a weekend.
        let expected = [("call_upcoming", "2026-03-10"), ("first_reminder", "2026-03-16"), ("call_courtesy", "2026-03-20"), ("last_reminder", "2026-03-23"), ("formal_notice", "2026-03-27"), ("handover_review", "2026-04-03")];
        assert_eq!(steps, expected);
        assert!(seen.iter().all(|(_, _, reminder)| reminder["state"] == "completed" && reminder["total"] == 120_000));
        assert_eq!(seen.iter().map(|(_, _, one)| one["formal"] == true).collect::<Vec<_>>(), [false, false, false, false, true, false]);

        let outbox = app.list(key, "/v1/sandbox/outbox").await;
        let subjects: Vec<&str> = outbox.iter().map(|message| text(message, "/content/subject")).collect();
        assert_eq!(subjects, ["Atelier – votre compte\u{a0}: F-1", "Atelier – dernier message au sujet de votre compte\u{a0}: F-1", "Atelier – courrier important concernant votre compte"]);
        for message in &outbox {
            assert_eq!((&message["delivery_status"], &message["evidence_grade"], &message["address"]), (&json!("delivered"), &json!("receiving_server"), &json!(ANN)));
            assert!(text(message, "/content/text").contains("F-1") && text(message, "/content/html").contains("F-1"));
        }
        assert!(text(&outbox[1], "/content/text").contains("16 mars 2026"), "the second letter names the first");
        assert!(text(&outbox[2], "/content/text").contains("3 avril 2026"), "the notice has a deadline of seven days");
        let detail = app.get(&format!("/v1/messages/{}", text(&outbox[0], "/id")), key).await.expect(200);
        assert_eq!((&detail["attempts"][0]["outcome"], detail["receipts"].as_array().unwrap().len()), (&json!("accepted"), 2));
        assert_eq!(detail["content"], outbox[0]["content"]);

        let tasks = app.list(key, "/v1/tasks?kind=call").await;
        assert_eq!(tasks.iter().map(|task| text(task, "/reminder_id")).collect::<Vec<_>>(), [0, 2, 5].map(|at: usize| text(&seen[at].2, "/id")));
        assert!(tasks.iter().all(|task| text(task, "/script").contains("Ann Martin") && task["state"] == "open"));
        let (account, rules) = app.rules(key, &customer).await;
        assert_eq!((rules, &account["explanation"]["contacted_now"]), (words(&["finished"]), &json!(false)));
        app.pays(key, &customer, 120_000).await;
        app.settle(&tenant, Mode::Test).await;
        let about = app.get(&format!("/v1/invoices/{}/explain", text(&invoice, "/id")), key).await.expect(200);
        assert!(about["account"]["explanation"]["statements"].as_array().unwrap().iter().all(|one| one["rule"] == "nothing_due"), "{about}");
    }

    async fn explain_names_the_rule_of_each_moment(app: App) {
        let (tenant, customer) = overdue(&app, ANN).await;
        let key = &tenant.test;
        app.advance(&tenant, &later(1, 0)).await;
        assert_eq!(app.rules(key, &customer).await.1, ["lapsed", "not_due", "send_window"]);
        app.leap(&tenant, "2026-03-05T11:00:00Z");
        let (account, rules) = app.rules(key, &customer).await;
        assert_eq!((rules, &account["explanation"]["contacted_now"]), (words(&["lapsed", "due"]), &json!(true)));
        decide(&app, &tenant).await;
        assert_eq!(app.rules(key, &customer).await.1, ["open_reminder"]);
        app.settle(&tenant, Mode::Test).await;
        assert_eq!(app.rules(key, &customer).await.1, ["not_due", "send_window"]);
        let credit = json!({"customer_id": customer, "currency": "EUR", "amount": 120_000, "received_on": "2026-03-05", "allocate": "none"});
        app.post("/v1/payments", key, credit).await.expect(201);
        app.settle(&tenant, Mode::Test).await;
        assert_eq!(app.rules(key, &customer).await.1, ["unallocated_cash"]);
        assert_eq!(app.list(key, "/v1/tasks?kind=review").await[0]["reason"], "unallocated_cash");
        let dollars = app.get(&format!("/v1/customers/{customer}/explain?currency=USD"), key).await.expect(200);
        assert_eq!(dollars["accounts"][0]["explanation"]["statements"][0]["rule"], "nothing_due");
        assert_eq!(app.get("/v1/customers/cus_01jd3kq8e5fvv8m3s9tqz4x7ya/explain", key).await.status, 404);
    }

    async fn without_a_policy_nobody_is_contacted_and_explain_says_so(app: App) {
        let (tenant, customer) = overdue(&app, ANN).await;
        let policies = app.list(&tenant.test, "/v1/policies").await;
        for policy in policies {
            app.post(&format!("/v1/policies/{}/archive", text(&policy, "/id")), &tenant.test, Value::Null).await.expect(200);
        }
        app.advance(&tenant, &later(30, 0)).await;
        let (account, rules) = app.rules(&tenant.test, &customer).await;
        assert_eq!((rules, &account["policy"]), (words(&["no_policy"]), &Value::Null));
        assert!(app.list(&tenant.test, "/v1/reminders").await.is_empty());
    }

    async fn a_payment_before_the_sending_cancels_the_reminder(app: App) {
        let (tenant, customer) = overdue(&app, ANN).await;
        let key = &tenant.test;
        app.leap(&tenant, "2026-03-05T11:00:00Z");
        decide(&app, &tenant).await;
        assert_eq!(app.list(key, "/v1/messages?state=prepared").await.len(), 1);
        app.pays(key, &customer, 120_000).await;
        app.settle(&tenant, Mode::Test).await;
        let reminders = app.list(key, "/v1/reminders").await;
        assert_eq!((reminders.len(), &reminders[0]["state"], &reminders[0]["reason"]), (1, &json!("cancelled"), &json!("settled")));
        assert_eq!((app.list(key, "/v1/sandbox/outbox").await.len(), app.list(key, "/v1/messages?state=cancelled").await.len()), (0, 1));
        app.advance(&tenant, &later(60, 0)).await;
        assert_eq!(app.list(key, "/v1/reminders").await.len(), 1);
    }

    async fn a_part_payment_leaves_the_step_and_prints_the_rest(app: App) {
        let (tenant, customer) = overdue(&app, ANN).await;
        app.leap(&tenant, "2026-03-05T11:00:00Z");
        decide(&app, &tenant).await;
        app.pays(&tenant.test, &customer, 100_000).await;
        app.settle(&tenant, Mode::Test).await;
        let reminder = &app.list(&tenant.test, "/v1/reminders").await[0];
        assert_eq!((&reminder["state"], &reminder["total"], &reminder["instalments"][0]["claimed"]), (&json!("completed"), &json!(20_000), &json!(20_000)));
        assert!(text(&app.list(&tenant.test, "/v1/sandbox/outbox").await[0], "/content/text").contains("200,00"));
    }

    async fn each_fate_leads_to_its_end(app: App) {
        let fates = [
            ("bounce@client.example", "accepted", Some("bounced_hard"), "completed", Some("hard_bounce"), "bounced_hard"),
            ("complain@client.example", "accepted", Some("complained"), "completed", Some("complaint"), "complained"),
            ("optout@client.example", "accepted", Some("unsubscribed"), "completed", Some("unsubscribed"), "unsubscribed"),
            ("fail@client.example", "rejected", None, "failed", None, "delivery_failed"),
            ("unknown@client.example", "unknown", None, "outcome_unknown", None, "outcome_unknown"),
        ];
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.test;
        let mut customers = Vec::new();
        for (address, ..) in fates {
            let customer = app.debtor(key, address).await;
            app.owes(key, &customer, "F-1", "2026-03-01").await;
            customers.push(customer);
        }
        app.advance(&tenant, "2026-03-05T18:00:00Z").await;
        for ((address, state, status, reminder_state, suppressed, reason), customer) in fates.into_iter().zip(&customers) {
            let message = &app.list(key, &format!("/v1/messages?customer_id={customer}")).await[0];
            assert_eq!((&message["state"], &message["delivery_status"]), (&json!(state), &json!(status)), "{address}");
            assert_eq!(app.list(key, &format!("/v1/reminders?customer_id={customer}")).await[0]["state"], reminder_state, "{address}");
            let suppressions = app.list(key, &format!("/v1/suppressions?address={address}")).await;
            assert_eq!(suppressions.first().map(|one| one["reason"].clone()), suppressed.map(|reason| json!(reason)), "{address}");
            let tasks = app.list(key, &format!("/v1/tasks?customer_id={customer}&kind=review")).await;
            assert_eq!(tasks.iter().map(|task| text(task, "/reason")).collect::<Vec<_>>(), [reason], "{address}");
        }
        // Whoever cannot be written to is called as planned, and before the next letter a person is asked for another address.
        app.advance(&tenant, &later(18, 8)).await;
        let bounced = &customers[0];
        assert_eq!(app.list(key, &format!("/v1/messages?customer_id={bounced}")).await.len(), 1);
        let reasons: Vec<Value> = app.list(key, &format!("/v1/tasks?customer_id={bounced}")).await.iter().map(|task| task["reason"].clone()).collect();
        assert_eq!(reasons, [json!("bounced_hard"), Value::Null, json!("no_recipient")]);
        assert!(app.rules(key, bounced).await.1.contains(&"no_recipient".to_owned()));
        assert_eq!(app.list(key, &format!("/v1/reminders?customer_id={}", customers[4])).await.len(), 1, "a doubt keeps its account silent");
    }

    async fn a_doubt_is_ended_by_a_person(app: App) {
        let (tenant, customer) = overdue(&app, "unknown@client.example").await;
        let key = &tenant.test;
        let second = app.debtor(key, "unknown+2@client.example").await;
        app.owes(key, &second, "F-2", "2026-03-01").await;
        app.advance(&tenant, "2026-03-05T18:00:00Z").await;
        assert_eq!(app.rules(key, &customer).await.1, ["open_reminder"]);
        let doubt = async |customer: &str| text(&app.list(key, &format!("/v1/messages?customer_id={customer}")).await[0], "/id").to_owned();
        let (sent, lost) = (doubt(&customer).await, doubt(&second).await);
        let resolved = app.post(&format!("/v1/messages/{sent}/resolve"), key, json!({"was_sent": true})).await.expect(200);
        assert_eq!((&resolved["state"], &resolved["delivery_status"]), (&json!("accepted"), &json!("accepted")));
        let again = app.post(&format!("/v1/messages/{sent}/resolve"), key, json!({"was_sent": false})).await;
        assert_eq!((again.status, &again.body["code"]), (409, &json!("no_doubt")));
        assert_eq!(app.list(key, &format!("/v1/reminders?customer_id={customer}")).await[0]["state"], "completed");

        app.post(&format!("/v1/messages/{lost}/resolve"), key, json!({"was_sent": false})).await.expect(200);
        let reminder = app.list(key, &format!("/v1/reminders?customer_id={second}")).await[0].clone();
        assert_eq!((&reminder["state"], &reminder["reason"]), (&json!("failed"), &json!("not_sent")));
        let contact = app.get(&format!("/v1/customers/{second}"), key).await.expect(200)["contacts"][0]["id"].as_str().unwrap().to_owned();
        app.patch(&format!("/v1/customers/{second}/contacts/{contact}"), key, json!({"email": ANN})).await.expect(200);
        let retried = app.post(&format!("/v1/reminders/{}/retry", text(&reminder, "/id")), key, Value::Null).await.expect(200);
        assert_eq!((&retried["state"], retried["messages"].as_array().unwrap().len()), (&json!("in_flight"), 2));
        app.settle(&tenant, Mode::Test).await;
        assert_eq!(app.list(key, &format!("/v1/sandbox/outbox?address={ANN}")).await.len(), 1);
        assert_eq!(app.get(&format!("/v1/reminders/{}", text(&reminder, "/id")), key).await.expect(200)["state"], "completed");
    }

    async fn after_an_outage_one_reminder_leaves_and_the_notice_waits_for_a_person(app: App) {
        let (tenant, customer) = overdue(&app, ANN).await;
        let key = &tenant.test;
        // The 63rd day is Monday, 4 May.
        app.outage(&tenant, &later(63, 0)).await;
        let steps = async || -> Vec<String> {
            app.list(key, "/v1/reminders").await.iter().map(|one| format!("{} {}", text(one, "/step"), &text(one, "/completed_at")[5..10])).collect()
        };
        assert_eq!(steps().await, ["first_reminder 05-04"], "one in a run, and no step skipped");
        // The crescendo goes on from there with its spacing; 8 May and Ascension, on the 14th, are holidays.
        app.advance(&tenant, "2026-05-16T12:00:00Z").await;
        assert_eq!(steps().await, ["first_reminder 05-04", "call_courtesy 05-11", "last_reminder 05-15"]);
        app.outage(&tenant, "2026-07-15T10:00:00Z").await;
        let notice = app.list(key, "/v1/reminders?step=formal_notice").await[0].clone();
        assert_eq!((&notice["state"], &notice["formal"]), (&json!("awaiting_approval"), &json!(true)));
        assert_eq!(app.list(key, "/v1/sandbox/outbox").await.len(), 2);
        assert_eq!(app.rules(key, &customer).await.1, ["open_reminder"]);
        let path = format!("/v1/reminders/{}/approve", text(&notice, "/id"));
        let (one, two) = tokio::join!(app.post(&path, key, Value::Null), app.post(&path, key, Value::Null));
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "two people approve, one notice leaves");
        app.settle(&tenant, Mode::Test).await;
        assert_eq!(app.list(key, "/v1/sandbox/outbox").await.len(), 3);
        assert_eq!(app.get(&format!("/v1/reminders/{}", text(&notice, "/id")), key).await.expect(200)["state"], "completed");
    }

    async fn people_decide_and_what_has_ended_stays(app: App) {
        let (tenant, _) = overdue(&app, "fail@client.example").await;
        let key = &tenant.test;
        app.advance(&tenant, "2026-03-05T18:00:00Z").await;
        let reminder = app.list(key, "/v1/reminders?state=failed").await[0].clone();
        let path = format!("/v1/reminders/{}", text(&reminder, "/id"));
        assert_eq!(app.post(&format!("{path}/approve"), key, Value::Null).await.body["code"], "wrong_state");
        let cancelled = app.post(&format!("{path}/cancel"), key, json!({"reason": "asked Mr Dupont"})).await.expect(200);
        assert_eq!((&cancelled["state"], &cancelled["reason"]), (&json!("cancelled"), &json!("asked Mr Dupont")));
        assert_eq!(app.post(&format!("{path}/retry"), key, Value::Null).await.status, 409);
        assert!(journal(&app, partition(&tenant, Mode::Test)).iter().all(|(.., body)| !body.contains("Dupont")), "what a person wrote is erasable");

        let task = app.list(key, "/v1/tasks").await[0].clone();
        let path = format!("/v1/tasks/{}", text(&task, "/id"));
        let changed = app.patch(&path, key, json!({"owner": "anne", "due_at": "2026-03-09T08:00:00Z"})).await.expect(200);
        assert_eq!((&changed["owner"], &changed["due_at"], &changed["version"]), (&json!("anne"), &json!("2026-03-09T08:00:00Z"), &json!(2)));
        for (query, count) in [("owner=anne", 1), ("owner=bob", 0), ("due_by=2026-03-09T08:00:00Z", 1), ("due_by=2026-03-09T07:59:59Z", 0), ("state=done", 0)] {
            assert_eq!(app.list(key, &format!("/v1/tasks?{query}")).await.len(), count, "{query}");
        }
        let body = json!({"outcome": "settled", "notes": "a new address is on its way"});
        let done = app.post(&format!("{path}/complete"), key, body.clone()).await.expect(200);
        assert_eq!((&done["state"], &done["outcome"], &done["notes"]), (&json!("done"), &json!("settled"), &body["notes"]));
        for (action, body) in [("complete", body), ("cancel", json!({}))] {
            assert_eq!(app.post(&format!("{path}/{action}"), key, body).await.body["code"], "task_ended");
        }
        assert_eq!(app.get(&path, &tenant.live).await.status, 404);
    }

    /// Two hundred payments against the dispatcher. A claim reads the ledger and commits; a payment for it that was answered for between the two would be followed by a reminder.
    async fn no_message_is_claimed_once_its_payment_is_answered_for(app: App) {
        const RACES: usize = 200;
        let tenant = app.tenant("Atelier").await;
        let of = partition(&tenant, Mode::Test);
        let mut customers = Vec::new();
        for n in 0..RACES {
            let customer = app.debtor(&tenant.test, &format!("d{n}@client.example")).await;
            app.owes(&tenant.test, &customer, "F-1", "2026-03-01").await;
            customers.push(customer);
        }
        app.leap(&tenant, "2026-03-05T11:00:00Z");
        // Of half of them a message waits; the others are decided about and taken in one transaction.
        actions::run(&app.db, &app.clock, of, actions::SYSTEM, |act| actions::planning::plan_due(act, None, 100)).await.unwrap();
        let pay = async |mine: Vec<String>| {
            let mut paid = Vec::new();
            for customer in mine {
                app.pays(&tenant.test, &customer, 120_000).await;
                paid.push((customer, Instant::now()));
            }
            paid
        };
        let dispatch = async {
            let mut claimed = Vec::new();
            loop {
                let links = app.state.links.clone();
                let claim = actions::run(&app.db, &app.clock, of, actions::SYSTEM, move |act| {
                    let (paused, rooms, lease) = (Paused::default(), Rooms::default(), chrono::TimeDelta::seconds(60));
                    let dispatcher = Dispatcher { links: &links, paused: &paused, rooms: &rooms, repeat_until: &|_, _| None, lease };
                    let mut claim: Claim = actions::dispatch::claim(act, &dispatcher, 2)?;
                    if !claim.busy {
                        claim = actions::planning::plan_due(act, Some(&dispatcher), 2)?;
                    }
                    // The ledger has been read. Whoever pays now must wait for the end of this transaction.
                    std::thread::sleep(Duration::from_millis(3));
                    Ok((claim, Instant::now()))
                });
                let (claim, read_at) = claim.await.unwrap();
                if !claim.busy {
                    return claimed;
                }
                let accepted = Outcome::Accepted { provider_id: None, later: Vec::new() };
                let results: Vec<_> = claim.claimed.iter().map(|one| one.ended(accepted.clone())).collect();
                actions::run(&app.db, &app.clock, of, actions::SYSTEM, move |act| actions::outcome::finish(act, &results)).await.unwrap();
                claimed.extend(claim.claimed.iter().map(|one| (one.message.customer_id.to_string(), read_at)));
            }
        };
        // Paid in the order in which the dispatcher goes, and from the end towards it: some before, some while, some after.
        let (odd, even): (Vec<_>, Vec<_>) = customers.into_iter().enumerate().partition(|(n, _)| n % 2 == 1);
        let names = |some: Vec<(usize, String)>| some.into_iter().map(|(_, name)| name);
        let (forwards, backwards) = (names(odd).collect(), names(even).rev().collect());
        let (sent, first, second) = tokio::join!(dispatch, pay(forwards), pay(backwards));
        let paid: std::collections::HashMap<String, Instant> = first.into_iter().chain(second).collect();
        assert_eq!(paid.len(), RACES);
        for (customer, read_at) in &sent {
            assert!(paid[customer] > *read_at, "the payment was answered for before the claim was committed");
        }
        let states: Vec<Value> = app.list(&tenant.test, "/v1/reminders?limit=200").await.into_iter().map(|one| one["state"].clone()).collect();
        let count = |state: &str| states.iter().filter(|one| **one == state).count();
        // Whoever paid before being decided about has no reminder at all.
        assert_eq!((count("completed"), states.len()), (sent.len(), sent.len() + count("cancelled")));
        assert!(!sent.is_empty() && sent.len() < RACES, "{} of {RACES} sent: the race was none", sent.len());
    }
}
