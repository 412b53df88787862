//! Rules 14 to 18: whom, how often, once only, one failure alone, and why.

use diesel::{RunQueryDsl, sql_query};
use relance::{actions, error::Error};

use super::*;
use crate::support::{dunning::later, ledger::partition};

/// A policy for one currency, of one e-mail, that writes to a person once a week.
async fn weekly(app: &App, key: &str, currency: &str) {
    let more = json!({"scope": {"currencies": [currency]}, "contact": {"min_gap_days": 0, "caps": [{"contacts": 1, "days": 7}]}});
    policy(app, key, currency, &[letter("first_reminder", 3)], more).await;
}

on_both! {
    async fn rule_14_a_person_is_contacted_no_oftener_over_all_accounts_and_policies(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        for currency in ["EUR", "USD"] {
            weekly(&app, key, currency).await;
            bill(&app, key, &customer, currency, "2026-03-01", (100_000, currency)).await;
        }
        let other = debtor(&app, key, "other@client.example", json!({})).await;
        app.owes(key, &other, "F-1", "2026-03-01").await;
        app.advance(&tenant, "2026-03-06T12:00:00Z").await;
        assert_eq!(told(&app, key, &customer).await, ["03-04T08:00 first_reminder"], "one of the two accounts");
        assert_eq!(told(&app, key, &other).await, ["03-04T08:00 first_reminder"], "another person");
        let explained = app.get(&format!("/v1/customers/{customer}/explain"), key).await.expect(200).to_string();
        assert!(explained.contains("contact_cap"), "{explained}");
        app.advance(&tenant, "2026-03-12T12:00:00Z").await;
        assert_eq!(told(&app, key, &customer).await, ["03-04T08:00 first_reminder", "03-11T08:00 first_reminder"]);
    }

    async fn rule_14_planners_at_once_spare_a_person_together(app: App) {
        let tenant = app.tenant("Atelier").await;
        let (key, of) = (&tenant.test, partition(&tenant, Mode::Test));
        for currency in ["EUR", "USD"] {
            weekly(&app, key, currency).await;
        }
        for n in 0..15 {
            let customer = debtor(&app, key, &format!("d{n}@client.example"), json!({})).await;
            for currency in ["EUR", "USD"] {
                bill(&app, key, &customer, currency, "2026-03-01", (100_000, currency)).await;
            }
        }
        app.leap(&tenant, "2026-03-05T11:00:00Z");
        let planner = async || {
            let plan = |act: &mut actions::Act<'_>| {
                let claim = actions::planning::plan_due(act, None, 1)?;
                // The history has been read. Whoever decides about the person's other account must not do so now.
                std::thread::sleep(std::time::Duration::from_millis(2));
                Ok(claim.busy)
            };
            while actions::run(&app.db, &app.clock, of, actions::SYSTEM, plan).await.unwrap() {}
        };
        for _ in 0..30 {
            tokio::join!(planner(), planner(), planner());
        }
        let reminded = app.list(key, "/v1/reminders?limit=200").await;
        let people: std::collections::BTreeSet<&str> = reminded.iter().map(|one| text(one, "/customer_id")).collect();
        assert_eq!((reminded.len(), people.len()), (15, 15), "each once");
    }

    /// Workers killed and frozen are in `crash`; here two do the same work at once.
    async fn rule_15_two_workers_send_one_message(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.test;
        for n in 0..20 {
            let customer = app.debtor(key, &format!("d{n}@client.example")).await;
            app.owes(key, &customer, "F-1", "2026-02-27").await;
        }
        tokio::join!(app.settle(&tenant, Mode::Test), app.settle(&tenant, Mode::Test), app.settle(&tenant, Mode::Test));
        app.settle(&tenant, Mode::Test).await;
        let mut addresses: Vec<String> = app.list(key, "/v1/sandbox/outbox?limit=200").await.iter().map(|one| text(one, "/address").to_owned()).collect();
        addresses.sort();
        addresses.dedup();
        assert_eq!((addresses.len(), app.list(key, "/v1/sandbox/outbox?limit=200").await.len(), app.list(key, "/v1/reminders?limit=200").await.len()), (20, 20, 20));
    }

    async fn rule_16_one_bad_record_stops_itself_alone(app: App) {
        let (tenant, before) = start(&app).await;
        let key = &tenant.test;
        let own = json!({"name": "Odd", "channel": "email", "contents": {"fr": {"subject": "Bonjour", "body_text": "Bonjour {{ contact.name }}"}}});
        app.send("PUT", "/v1/templates/odd", key, own, &[]).await.expect(200);
        app.post("/v1/templates/odd/versions/1/activate", key, Value::Null).await.expect(200);
        policy(&app, key, "Odd", &[letter("odd", 3)], json!({"scope": {"segments": ["odd"], "priority": 9}})).await;
        let broken = debtor(&app, key, "broken@client.example", json!({"segment": "odd"})).await;
        let unreachable = app.post("/v1/customers", key, json!({"name": "Nobody", "kind": "business", "contacts": [{"name": "No Address"}]})).await.expect(201);
        let after = debtor(&app, key, "after@client.example", json!({})).await;
        for customer in [&before, &broken, &text(&unreachable, "/id").to_owned(), &after] {
            app.owes(key, customer, "F-1", "2026-02-27").await;
        }
        let refused = json!({"customer_id": after, "number": "F-9", "issue_date": "2026-01-05", "due_date": "2026-02-27", "currency": "XQX", "total": 1});
        assert_eq!(app.post("/v1/invoices", key, refused).await.status, 400, "an unknown currency never enters");
        let of = partition(&tenant, Mode::Test);
        let torn = r#"{"channel": "email", "contents": {"fr": {"subject": "Bonjour", "body_text": "{% if"}}}"#;
        app.db.write_now(of, |conn| sql_query(format!("UPDATE template_versions SET contents = '{torn}'")).execute(conn).map(drop).map_err(Error::internal)).unwrap();
        app.settle(&tenant, Mode::Test).await;
        for customer in [&before, &after] {
            assert_eq!(told(&app, key, customer).await, ["03-02T11:00 first_reminder"]);
        }
        assert_eq!(told(&app, key, &broken).await, ["failed odd"]);
        let reasons = async |customer: &str| -> Vec<Value> {
            app.list(key, &format!("/v1/tasks?customer_id={customer}&kind=review")).await.iter().map(|task| task["reason"].clone()).collect()
        };
        assert_eq!(reasons(text(&unreachable, "/id")).await, [json!("no_recipient")]);
        assert_eq!(reasons(&broken).await.len(), 1, "a person is told");
    }

    /// Each day's explanation foretells what the planner then does.
    async fn rule_17_what_is_explained_is_what_happens(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        app.owes(key, &customer, "F-1", "2026-03-13").await;
        let (mut foretold, mut day) = (Vec::new(), 0);
        while day < 45 {
            let (account, rules) = app.rules(key, &customer).await;
            assert!(!rules.is_empty(), "silence without a reason");
            let next = &account["explanation"]["next"];
            if let Some(at) = next["at"].as_str() {
                let line = format!("{} {}", &at[5..16], text(next, "/step"));
                if foretold.last() != Some(&line) {
                    foretold.push(line);
                }
            }
            day += 1;
            app.advance(&tenant, &later(day, 0)).await;
        }
        assert_eq!(told(&app, key, &customer).await, foretold);
        assert_eq!((foretold.len(), app.rules(key, &customer).await.1), (6, vec!["finished".to_owned()]));
        assert!(foretold[0].ends_with("call_upcoming"));
    }

    /// A rehearsal is the simulation there is: the same code in a time of its own, with nothing sent. However the clock gets there, the same is done.
    async fn rule_18_a_rehearsal_plays_the_days_and_sends_nothing(app: App) {
        let (leaps, walks) = (app.tenant("Leaps").await, app.tenant("Walks").await);
        let mut seen = Vec::new();
        for (tenant, step) in [(&leaps, 60), (&walks, 3)] {
            let mut done = Vec::new();
            let mut customers = Vec::new();
            for (n, due) in ["2026-02-20", "2026-03-09", "2026-03-26"].into_iter().enumerate() {
                let customer = app.debtor(&tenant.test, &format!("d{n}@client.example")).await;
                app.owes(&tenant.test, &customer, "F-1", due).await;
                customers.push(customer);
            }
            for day in (step..=60).step_by(step) {
                app.advance(tenant, &later(i64::try_from(day).unwrap(), 0)).await;
            }
            for customer in &customers {
                done.push(told(&app, &tenant.test, customer).await);
            }
            assert!(app.list(&tenant.live, "/v1/reminders").await.is_empty() && app.list(&tenant.live, "/v1/messages").await.is_empty(), "real life knows nothing of it");
            assert_eq!(app.get("/v1/test-clock", &tenant.live).await.status, 409);
            seen.push(done);
        }
        assert_eq!(seen[0], seen[1]);
        assert!(seen[0].iter().all(|steps| steps.len() >= 5), "{seen:?}");
    }
}
