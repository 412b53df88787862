//! The promises of the product's semantics, one story each, through the API and a rehearsal's clock, on both databases.
//!
//! What is told in full elsewhere is not told again:
//!
//! - rule 2 (outages): `reminders::after_an_outage_one_reminder_leaves_and_the_notice_waits_for_a_person`
//! - rule 4 (before sending): `silences::rule_4_nothing_leaves_after_a_hold_a_promise_or_a_dispute_commits`,
//!   `reminders::a_payment_before_the_sending_cancels_the_reminder`, `reminders::no_message_is_claimed_once_its_payment_is_answered_for`
//! - rule 7 (disputes): `silences::rule_7_a_dispute_takes_an_amount_out`
//! - rule 8 (promises, plans, holds): `silences::rule_8_…`, three of them
//! - rule 9 (policy change): `policies::accounts_move_on_demand_and_are_looked_at`
//! - rule 12 (interest): `interest::interest_is_told_line_by_line_with_its_sources`, `interest::a_rate_that_is_not_published_is_added_and_never_overridden`
//! - rule 15 (exactly one effect): `crash::…`, `reminders::a_doubt_is_ended_by_a_person`
//! - rule 18 (simulate): `simulation::rule_18_a_simulation_says_what_the_real_thing_does`, beside the rehearsal's clock below

mod consumers;
mod effects;

use relance::domain::ids::Mode;
use serde_json::{Value, json};

use crate::{
    on_both,
    support::{App, Tenant, dunning::ANN},
};

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in {value}"))
}

/// Spaces as people type them.
fn plain(text: &str) -> String {
    text.replace(['\u{a0}', '\u{202f}'], " ")
}

/// An e-mail so many days after the due date.
fn letter(key: &str, offset: i32) -> Value {
    json!({"key": key, "offset_days": offset, "channel": "email", "template": key})
}

/// Puts a policy of these steps in force, with whatever else is said of it; its id.
async fn policy(app: &App, key: &str, name: &str, steps: &[Value], more: Value) -> String {
    let mut document = json!({"name": name, "steps": steps});
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = app.post("/v1/policies", key, json!({"document": document})).await.expect(201);
    app.post(&format!("/v1/policies/{}/activate", text(&made, "/id")), key, json!({"version": 1})).await.expect(200);
    text(&made, "/id").to_owned()
}

/// A debtor with one contact, changed.
async fn debtor(app: &App, key: &str, email: &str, more: Value) -> String {
    let contact = json!({"name": "Ann Martin", "email": email, "phone": "+33612345678", "primary": true});
    let mut body = json!({"name": "Garage Dupont", "kind": "business", "contacts": [contact]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    text(&app.post("/v1/customers", key, body).await.expect(201), "/id").to_owned()
}

/// An invoice; its first instalment's id.
async fn bill(app: &App, key: &str, customer: &str, number: &str, due: &str, money: (i64, &str)) -> Value {
    let body = json!({"customer_id": customer, "number": number, "issue_date": "2026-01-05", "due_date": due, "currency": money.1, "total": money.0});
    app.post("/v1/invoices", key, body).await.expect(201)
}

/// What was done about a customer, and when: `03-04T08:00 first_reminder`.
async fn told(app: &App, key: &str, customer: &str) -> Vec<String> {
    let rows = app.list(key, &format!("/v1/reminders?customer_id={customer}&limit=200")).await;
    rows.iter()
        .map(|one| match one["completed_at"].as_str() {
            Some(at) => format!("{} {}", &at[5..16], text(one, "/step")),
            None => format!("{} {}", text(one, "/state"), text(one, "/step")),
        })
        .collect()
}

/// The steps that one invoice has been through, in order.
async fn progress(app: &App, key: &str, customer: &str, invoice: &Value) -> Vec<String> {
    let rows = app.list(key, &format!("/v1/reminders?customer_id={customer}&limit=200")).await;
    let lines = rows.iter().flat_map(|one| one["instalments"].as_array().unwrap());
    let own = lines.filter(|line| line["instalment_id"] == invoice["instalments"][0]["id"]);
    own.filter_map(|line| line["advances_to"].as_str().map(str::to_owned)).collect()
}

async fn start(app: &App) -> (Tenant, String) {
    let tenant = app.tenant("Atelier").await;
    let customer = app.debtor(&tenant.test, ANN).await;
    (tenant, customer)
}

on_both! {
    async fn rule_01_a_step_keeps_its_spacing_its_hours_and_the_gap_since_what_was_sent(app: App) {
        let (tenant, paris) = start(&app).await;
        let key = &tenant.test;
        let steps = [letter("first_reminder", 3), letter("second_reminder", 5), letter("last_reminder", 6)];
        policy(&app, key, "Mine", &steps, json!({"contact": {"min_gap_days": 4, "window": {"weekdays": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "18:00"}, "caps": []}})).await;
        let york = debtor(&app, key, "york@client.example", json!({"jurisdiction": "US", "time_zone": "America/New_York"})).await;
        for customer in [&paris, &york] {
            app.owes(key, customer, "F-1", "2026-03-01").await;
        }
        app.advance(&tenant, "2026-03-04T13:00:00Z").await;
        assert_eq!((told(&app, key, &paris).await, told(&app, key, &york).await.len()), (vec!["03-04T08:00 first_reminder".to_owned()], 0));
        let (account, rules) = app.rules(key, &york).await;
        assert!(rules.contains(&"send_window".to_owned()), "{rules:?}");
        assert_eq!(account["explanation"]["next"]["at"], "2026-03-04T14:00:00Z", "nine in New York");
        app.advance(&tenant, "2026-03-04T15:00:00Z").await;
        assert_eq!(told(&app, key, &york).await, ["03-04T14:00 first_reminder"]);
        // The second was planned for Monday the 9th and leaves on Thursday the 12th: the gap counts from there. New York has summer time by then.
        app.outage(&tenant, "2026-03-12T10:00:00Z").await;
        let (account, rules) = app.rules(key, &paris).await;
        assert!(rules.contains(&"min_gap".to_owned()) || rules.contains(&"not_due".to_owned()), "{rules:?}");
        assert_eq!(account["explanation"]["next"]["at"], "2026-03-16T08:00:00Z");
        app.advance(&tenant, "2026-03-13T12:00:00Z").await;
        assert!(app.rules(key, &paris).await.1.contains(&"min_gap".to_owned()), "the step is due, the gap is not over");
        app.advance(&tenant, "2026-03-17T12:00:00Z").await;
        assert_eq!(told(&app, key, &paris).await[1..], ["03-12T10:00 second_reminder", "03-16T08:00 last_reminder"]);
        assert_eq!(told(&app, key, &york).await[1..], ["03-12T13:00 second_reminder", "03-16T13:00 last_reminder"]);
    }

    async fn rule_03_one_message_for_all_that_is_owed_and_each_keeps_its_own_progress(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let small = bill(&app, key, &customer, "F-1", "2026-02-27", (100_000, "EUR")).await;
        let large = bill(&app, key, &customer, "F-2", "2026-02-27", (200_000, "EUR")).await;
        let young = bill(&app, key, &customer, "F-3", "2026-03-18", (50_000, "EUR")).await;
        app.settle(&tenant, Mode::Test).await;
        let first = app.list(key, "/v1/reminders").await[0].clone();
        assert_eq!((text(&first, "/step"), &first["total"], &first["carrying_instalment_id"]), ("first_reminder", &json!(300_000), &large["instalments"][0]["id"]), "of two equally old the larger carries");
        assert_eq!((first["instalments"].as_array().unwrap().len(), app.list(key, "/v1/sandbox/outbox").await.len()), (2, 1));
        // What carries is paid: the other goes on with its next step, and what was done is not done again.
        let paid = json!({"customer_id": customer, "currency": "EUR", "amount": 200_000, "received_on": "2026-03-02", "allocations": [{"invoice_id": large["id"], "amount": 200_000}]});
        app.post("/v1/payments", key, paid).await.expect(201);
        app.advance(&tenant, "2026-03-06T12:00:00Z").await;
        assert_eq!(told(&app, key, &customer).await, ["03-02T11:00 first_reminder", "03-06T08:00 call_courtesy"]);
        app.advance(&tenant, "2026-05-31T12:00:00Z").await;
        let rungs = ["first_reminder", "call_courtesy", "last_reminder", "formal_notice", "handover_review"];
        assert_eq!(progress(&app, key, &customer, &small).await, rungs);
        assert_eq!(progress(&app, key, &customer, &large).await, rungs[..1]);
        let own = progress(&app, key, &customer, &young).await;
        let warned: Vec<&str> = own.iter().map(String::as_str).filter(|step| *step != "call_upcoming").collect();
        assert_eq!(warned, rungs, "no warning is skipped because an older invoice has had it");
        let reminders = app.list(key, "/v1/reminders?limit=200").await;
        let moves = |one: &Value| one["instalments"].as_array().unwrap().iter().any(|line| line["instalment_id"] == small["instalments"][0]["id"] && line["advances_to"].is_string());
        assert!(reminders.iter().skip(1).filter(|one| moves(one)).all(|one| one["carrying_instalment_id"] == small["instalments"][0]["id"]));
    }

    async fn rule_03_grouped_by_invoice_each_has_its_own_message(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        policy(&app, key, "Each", &[letter("first_reminder", 3), letter("last_reminder", 30)], json!({"grouping": "invoice"})).await;
        for number in ["F-1", "F-2"] {
            bill(&app, key, &customer, number, "2026-02-27", (100_000, "EUR")).await;
        }
        app.advance(&tenant, "2026-03-06T12:00:00Z").await;
        let reminders = app.list(key, "/v1/reminders").await;
        assert!(reminders.len() == 2 && reminders.iter().all(|one| one["instalments"].as_array().unwrap().len() == 1 && one["total"] == 100_000), "{reminders:?}");
        assert_ne!(reminders[0]["carrying_instalment_id"], reminders[1]["carrying_instalment_id"]);
        assert_eq!(told(&app, key, &customer).await, ["03-02T11:00 first_reminder", "03-05T08:00 first_reminder"], "one at a time, the gap between them");
    }

    /// That the step stays and the residual is printed: `reminders::a_part_payment_leaves_the_step_and_prints_the_rest`.
    async fn rule_05_thresholds_apply_to_the_residual_in_its_currency(app: App) {
        let (tenant, euros) = start(&app).await;
        let key = &tenant.test;
        let mut first = letter("first_reminder", 3);
        first["conditions"] = json!({"min_amount": [{"currency": "EUR", "minor": 50_000}]});
        policy(&app, key, "Large sums", &[first, letter("second_reminder", 9)], json!({})).await;
        let dollars = debtor(&app, key, "usd@client.example", json!({})).await;
        let whole = debtor(&app, key, "whole@client.example", json!({})).await;
        app.owes(key, &euros, "F-1", "2026-03-01").await;
        app.owes(key, &whole, "F-2", "2026-03-01").await;
        bill(&app, key, &dollars, "F-3", "2026-03-01", (20_000, "USD")).await;
        app.pays(key, &euros, 70_001).await;
        app.advance(&tenant, "2026-03-09T12:00:00Z").await;
        assert!(told(&app, key, &euros).await.is_empty());
        assert!(app.rules(key, &euros).await.1.contains(&"condition".to_owned()));
        for customer in [&whole, &dollars] {
            assert_eq!(told(&app, key, customer).await, ["03-04T08:00 first_reminder"]);
        }
        app.advance(&tenant, "2026-03-10T12:00:00Z").await;
        assert_eq!(told(&app, key, &euros).await, ["03-10T08:00 second_reminder"]);
        assert_eq!(app.list(key, &format!("/v1/reminders?customer_id={euros}")).await[0]["total"], 49_999);
    }

    async fn rule_06_credit_nets_what_it_is_allocated_to_and_the_rest_stops_the_reminder(app: App) {
        let (tenant, netted) = start(&app).await;
        let key = &tenant.test;
        let credited = debtor(&app, key, "credited@client.example", json!({})).await;
        let short = debtor(&app, key, "short@client.example", json!({})).await;
        for customer in [&netted, &credited, &short] {
            app.owes(key, customer, "F-1", "2026-03-01").await;
        }
        for (customer, amount, allocate) in [(&netted, 30_000, "oldest_first"), (&credited, 120_000, "none"), (&short, 119_999, "none")] {
            let note = json!({"customer_id": customer, "currency": "EUR", "amount": amount, "issue_date": "2026-03-02", "allocate": allocate});
            app.post("/v1/credit-notes", key, note).await.expect(201);
        }
        app.advance(&tenant, "2026-03-05T12:00:00Z").await;
        assert_eq!(app.list(key, &format!("/v1/reminders?customer_id={netted}")).await[0]["total"], 90_000);
        assert_eq!(told(&app, key, &short).await, ["03-04T08:00 first_reminder"], "one cent is missing");
        assert!(told(&app, key, &credited).await.is_empty());
        assert_eq!(app.rules(key, &credited).await.1, ["unallocated_cash"]);
        let tasks = app.list(key, &format!("/v1/tasks?customer_id={credited}&kind=review")).await;
        assert_eq!((tasks.len(), &tasks[0]["reason"]), (1, &json!("unallocated_cash")));
    }

    async fn rule_09_a_new_due_date_moves_only_what_is_not_sent_yet(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let invoice = app.owes(key, &customer, "F-1", "2026-03-01").await;
        let path = format!("/v1/invoices/{}", text(&invoice, "/id"));
        app.advance(&tenant, "2026-03-05T12:00:00Z").await;
        app.patch(&path, key, json!({"due_date": "2026-03-12"})).await.expect(200);
        app.advance(&tenant, "2026-03-18T12:00:00Z").await;
        assert_eq!(told(&app, key, &customer).await, ["03-04T08:00 first_reminder"]);
        app.advance(&tenant, "2026-03-19T12:00:00Z").await;
        assert_eq!(told(&app, key, &customer).await[1..], ["03-19T08:00 call_courtesy"], "seven days after the new date; the first is not sent again");
        app.patch(&path, key, json!({"due_date": "2026-02-01"})).await.expect(200);
        app.advance(&tenant, "2026-03-22T12:00:00Z").await;
        assert_eq!(told(&app, key, &customer).await.len(), 2, "an earlier date shortens no spacing");
        app.advance(&tenant, "2026-03-23T12:00:00Z").await;
        assert_eq!(told(&app, key, &customer).await[2..], ["03-23T08:00 last_reminder"]);
    }

    /// Leap days, gaps, folds and every zone are in the unit tests of the calendar and of the decision; a clock that steps back is `evidence::a_clock_that_steps_back_leaves_nothing_unsealed`.
    async fn rule_10_local_hours_month_ends_holidays_and_closing_days(app: App) {
        let (tenant, monthly) = start(&app).await;
        let key = &tenant.test;
        let mut statement = letter("statement", 3);
        statement["repeat"] = json!({"cadence": {"every": "monthly", "day": 31}, "max_count": 4});
        policy(&app, key, "Statements", &[statement], json!({"scope": {"segments": ["monthly"], "priority": 9}})).await;
        app.patch(&format!("/v1/customers/{monthly}"), key, json!({"segment": "monthly"})).await.expect(200);
        let working_time = json!({"working_days": ["mon", "tue", "wed", "thu", "fri"], "holidays": ["FR"], "closing_days": [{"from": "2026-04-30", "to": "2026-05-05"}]});
        app.patch("/v1/tenant", key, json!({"working_time": working_time})).await.expect(200);
        app.owes(key, &monthly, "F-1", "2026-02-27").await;
        policy(&app, key, "Once", &[letter("first_reminder", 3)], json!({})).await;
        let mut each = Vec::new();
        for (n, due) in ["2026-03-24", "2026-03-26", "2026-04-03"].into_iter().enumerate() {
            let customer = debtor(&app, key, &format!("d{n}@client.example"), json!({})).await;
            app.owes(key, &customer, "F-1", due).await;
            each.push(customer);
        }
        app.advance(&tenant, "2026-06-02T12:00:00Z").await;
        assert_eq!(told(&app, key, &each[0]).await, ["03-27T08:00 first_reminder"], "nine in Paris, in winter");
        assert_eq!(told(&app, key, &each[1]).await, ["03-30T07:00 first_reminder"], "summer time begins on Sunday the 29th");
        assert_eq!(told(&app, key, &each[2]).await, ["04-07T07:00 first_reminder"], "the 6th is Easter Monday");
        assert_eq!(told(&app, key, &monthly).await, ["03-02T11:00 statement", "03-31T07:00 statement", "05-06T07:00 statement", "06-01T07:00 statement"]);
    }

    async fn rule_11_each_currency_is_an_account_of_its_own(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.test;
        policy(&app, key, "Mine", &[letter("first_reminder", 3)], json!({"contact": {"min_gap_days": 0, "caps": []}})).await;
        let customer = app.debtor(key, ANN).await;
        for (n, money) in [(1, (123_456, "EUR")), (2, (123_456, "JPY")), (3, (123_456, "KWD"))] {
            bill(&app, key, &customer, &format!("F-{n}"), "2026-02-27", money).await;
        }
        app.settle(&tenant, Mode::Test).await;
        let mut outbox: Vec<String> = app.list(key, "/v1/sandbox/outbox").await.iter().map(|one| plain(text(one, "/content/text"))).collect();
        outbox.sort_by_key(|words| ["F-1", "F-2", "F-3"].iter().position(|number| words.contains(number)));
        assert_eq!(outbox.len(), 3);
        for (words, amount) in outbox.iter().zip(["1 234,56 €", "123 456 ", "123,456 "]) {
            assert!(words.contains(amount), "{amount} in {words}");
            assert_eq!(["F-1", "F-2", "F-3"].iter().filter(|number| words.contains(**number)).count(), 1, "never two currencies in one message");
        }
        let paid = json!({"customer_id": customer, "currency": "JPY", "amount": 200_000, "received_on": "2026-03-02"});
        assert_eq!(app.post("/v1/payments", key, paid).await.expect(201)["unallocated"], 76_544);
        let mut open: Vec<(String, i64)> = app.list(key, "/v1/invoices?status=open").await.iter().map(|one| (text(one, "/currency").to_owned(), one["balance"].as_i64().unwrap())).collect();
        open.sort();
        assert_eq!(open, [("EUR".to_owned(), 123_456), ("KWD".to_owned(), 123_456)]);
    }
}
