//! Rule 13: what protects consumers. The table and its rows one by one are tested beside it; here a creditor meets them.

use super::*;

/// A private person in some place.
async fn consumer(app: &App, key: &str, email: &str, place: &str, zone: &str) -> String {
    debtor(app, key, email, json!({"name": "Ann Martin", "kind": "consumer", "jurisdiction": place, "time_zone": zone})).await
}

/// What is said against a policy for consumers in some places, by rule and place in the document.
async fn refused(app: &App, key: &str, places: &[&str], change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut first = letter("first_reminder", 5);
    first["deadline_days"] = json!(15);
    let mut document = json!({"name": "Consumers", "scope": {"kinds": ["consumer"], "jurisdictions": places}, "steps": [first, letter("second_reminder", 28)]});
    change(&mut document);
    let made = app.post("/v1/policies", key, json!({"document": document})).await.expect(201);
    let reply = app.post(&format!("/v1/policies/{}/activate", text(&made, "/id")), key, json!({"version": 1})).await;
    if reply.status == 200 {
        app.post(&format!("/v1/policies/{}/archive", text(&made, "/id")), key, Value::Null).await.expect(200);
        return Vec::new();
    }
    let faults = reply.expect(422)["errors"].as_array().unwrap().clone();
    faults.iter().map(|fault| format!("{} {}", text(fault, "/code"), text(fault, "/pointer"))).collect()
}

on_both! {
    async fn rule_13_a_policy_that_breaks_a_protection_is_refused_by_its_name(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.test;
        for place in ["BE", "FR", "NL", "CA-QC", "CA-ON", "US", "DE", "GB"] {
            assert_eq!(refused(&app, key, &[place], |_| {}).await, Vec::<String>::new(), "{place}");
        }
        let interest = |document: &mut Value| document["interest"] = json!({"charge": "charged", "show_from_step": "first_reminder"});
        assert_eq!(refused(&app, key, &["BE"], interest).await, ["be.first_reminder_free /document/interest/show_from_step"]);
        let sooner = |document: &mut Value| {
            document["interest"] = json!({"charge": "shown", "show_from_step": "second_reminder"});
            document["steps"][0]["deadline_days"] = json!(14);
            document["steps"][1]["offset_days"] = json!(19);
        };
        assert_eq!(refused(&app, key, &["BE", "NL"], sooner).await, ["be.first_reminder_free /document/interest/show_from_step", "nl.fourteen_days_free /document/interest/show_from_step", "nl.term_named /document/steps/0/deadline_days"]);
        let notice = |document: &mut Value| {
            let mut notice = letter("formal_notice", 12);
            notice["formal"] = json!(true);
            notice["deadline_days"] = json!(8);
            document["steps"] = json!([letter("first_reminder", 3), notice]);
        };
        assert_eq!(refused(&app, key, &["BE"], notice).await, ["be.first_reminder_wait /document/steps/1/offset_days", "be.term_named /document/steps/0/deadline_days"]);
        assert_eq!(refused(&app, key, &["CA-QC"], notice).await, vec!["qc.no_threat_of_proceedings /document/steps/1/template"; 4], "in four languages");
        let hours = |document: &mut Value| document["contact"] = json!({"window": {"weekdays": ["mon", "sun"], "start": "07:00", "end": "21:00"}, "caps": [{"contacts": 7, "days": 7}]});
        assert_eq!(refused(&app, key, &["US"], hours).await, ["us.contact_hours /document/contact/window"]);
        assert_eq!(refused(&app, key, &["FR"], hours).await, ["consumer.contact_hours /document/contact/window", "consumer.contact_cap /document/contact/caps"]);
        assert_eq!(refused(&app, key, &["CA-ON"], hours).await, ["on.contact_hours /document/contact/window", "on.contact_cap /document/contact/caps"]);
    }

    async fn rule_13_words_that_threaten_or_leave_out_what_the_law_wants_said_are_refused(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.test;
        let activate = async |version: i32, words: &str| {
            let body = json!({"name": "Mine", "channel": "email", "contents": {"fr": {"subject": "Votre compte", "body_text": words}}});
            app.send("PUT", "/v1/templates/first_reminder", key, body, &[]).await.expect(200);
            app.post(&format!("/v1/templates/first_reminder/versions/{version}/activate"), key, Value::Null).await
        };
        // The policy that ships for consumers names no place, so its words are those of the creditor's.
        let expected = [("FR", vec!["consumer.no_threats"]), ("CA-QC", vec!["consumer.no_threats", "qc.no_threat_of_proceedings"]), ("NL", vec!["consumer.no_threats", "nl.costs_named"]), ("BE", vec!["consumer.no_threats", "be.mentions"])];
        for (home, expected) in expected {
            app.patch("/v1/tenant", key, json!({"jurisdiction": home})).await.expect(200);
            let faults = activate(1, "Payez {{ total | money }}, ou nous parlerons à vos voisins et au tribunal.").await.expect(422)["errors"].as_array().unwrap().clone();
            assert_eq!(faults.iter().map(|fault| text(fault, "/code")).collect::<Vec<_>>(), expected);
            assert!(faults.iter().all(|fault| text(fault, "/pointer") == "/contents"), "{faults:?}");
            assert!(home != "BE" || text(&faults[1], "/detail").contains("creditor.registration"));
        }
        let lawful = "{{ creditor.name }}{% if creditor.registration %} {{ creditor.registration }}{% endif %} : {{ total | money }}{% if deadline %} avant le {{ deadline | date }}{% endif %}\
            {% for invoice in invoices %} {{ invoice.number }} {{ invoice.due_date | date }}{% endfor %}{% if collection_costs %} {{ collection_costs | money }}{% endif %}";
        activate(2, lawful).await.expect(200);
    }

    async fn rule_13_contacts_keep_to_the_hours_and_days_of_the_consumers_place_and_explain_cites_them(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.test;
        let quebec = consumer(&app, key, "qc@client.example", "CA-QC", "America/Toronto").await;
        let belgium = consumer(&app, key, "be@client.example", "BE", "Europe/Brussels").await;
        // The free reminder is due on Monday, 2 March; it is noon in Paris and six in Montreal. 1 May is a holiday in Belgium and in France.
        app.owes(key, &quebec, "F-1", "2026-02-25").await;
        app.owes(key, &belgium, "F-2", "2026-04-26").await;
        app.settle(&tenant, Mode::Test).await;
        let (account, rules) = app.rules(key, &quebec).await;
        assert_eq!(account["explanation"]["next"]["at"], "2026-03-02T13:00:00Z", "eight in Montreal");
        let at = rules.iter().position(|rule| rule == "send_window").unwrap();
        let statement = &account["explanation"]["statements"][at];
        assert_eq!(text(statement, "/protection/name"), "qc.contact_hours");
        assert!(text(statement, "/protection/source").contains("R-2.2") && text(statement, "/sentence").contains("(qc.contact_hours)"), "{statement}");
        app.advance(&tenant, "2026-05-05T12:00:00Z").await;
        assert_eq!(told(&app, key, &quebec).await[0], "03-02T13:00 first_reminder");
        assert_eq!(told(&app, key, &belgium).await.last().unwrap(), "05-04T06:00 first_reminder", "on Monday, after the holiday and the weekend");

        // A policy for one place, given to a customer of another, widens nothing.
        let first = json!({"key": "first_reminder", "offset_days": 5, "deadline_days": 15, "channel": "email", "template": "first_reminder"});
        let american = json!({"scope": {"kinds": ["consumer"], "jurisdictions": ["US"]}, "contact": {"window": {"weekdays": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "08:00", "end": "21:00"}, "caps": [{"contacts": 7, "days": 7}]}});
        let policy = policy(&app, key, "American", &[first], american).await;
        let lyon = consumer(&app, key, "lyon@client.example", "FR", "Europe/Paris").await;
        app.patch(&format!("/v1/customers/{lyon}"), key, json!({"policy_id": policy})).await.expect(200);
        let body = json!({"customer_id": lyon, "number": "F-3", "issue_date": "2026-05-01", "due_date": "2026-05-01", "currency": "EUR", "total": 10_000});
        app.advance(&tenant, "2026-05-06T18:30:00Z").await;
        app.post("/v1/invoices", key, body).await.expect(201);
        app.settle(&tenant, Mode::Test).await;
        app.advance(&tenant, "2026-05-07T12:00:00Z").await;
        assert_eq!(told(&app, key, &lyon).await, ["05-07T06:00 first_reminder"], "20:30 is too late in Lyon, whatever the policy says");
    }

    async fn rule_13_nothing_is_charged_before_a_free_reminder_and_its_days(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.test;
        let belgian = consumer(&app, key, "be@client.example", "BE", "Europe/Brussels").await;
        let french = consumer(&app, key, "fr@client.example", "FR", "Europe/Paris").await;
        let agreed = json!({"kind": "agreed", "amount_minor": 50_000});
        let mut invoices = Vec::new();
        for customer in [&belgian, &french] {
            let body = json!({"customer_id": customer, "number": "F-1", "issue_date": "2026-01-05", "due_date": "2026-02-25", "currency": "EUR", "total": 60_000, "fixed_sum": agreed, "late_interest": {"kind": "contractual", "annual_rate_percent": "5"}});
            invoices.push(text(&app.post("/v1/invoices", key, body).await.expect(201), "/id").to_owned());
        }
        let charge = async |invoice: &str| app.post(&format!("/v1/invoices/{invoice}/interest-charges"), key, json!({"accept_provisional": true})).await;
        let owed = async |invoice: &str| app.get(&format!("/v1/invoices/{invoice}/interest"), key).await.expect(200);
        assert_eq!(charge(&invoices[0]).await.body["code"], "nothing_to_charge");
        // The free reminder leaves at once, on Monday, 2 March: its fourteen days end on the 16th.
        app.advance(&tenant, "2026-03-16T12:00:00Z").await;
        assert_eq!(told(&app, key, &belgian).await, ["03-02T11:00 first_reminder"]);
        assert_eq!(charge(&invoices[0]).await.body["code"], "nothing_to_charge", "the fourteenth day");
        app.advance(&tenant, "2026-03-18T12:00:00Z").await;
        let seen = owed(&invoices[0]).await;
        assert_eq!((text(&seen, "/lines/0/from"), seen["fixed_sum"]["owed"].as_i64()), ("2026-03-17", Some(7_000)), "65 euros and 5 % of 100");
        charge(&invoices[0]).await.expect(201);
        let seen = owed(&invoices[1]).await;
        assert_eq!(seen["fixed_sum"]["owed"], 0, "in France costs stay with the creditor, whatever was agreed");
        assert!(seen["sources"].to_string().contains("L111-8"));
    }
    async fn rule_13_the_protections_of_a_place_are_listed_with_their_sources(app: App) {
        let tenant = app.tenant("Atelier").await;
        let listed = async |query: &str| -> Vec<Value> {
            app.get(&format!("/v1/protections{query}"), &tenant.test).await.expect(200)["protections"].as_array().unwrap().clone()
        };
        let all = listed("").await;
        assert!(all.iter().all(|row| !text(row, "/source").is_empty() && !text(row, "/demand").is_empty()));
        let ontario = listed("?jurisdiction=CA-ON").await;
        let names: Vec<&str> = ontario.iter().map(|row| text(row, "/name")).collect();
        assert_eq!(names, ["on.contact_hours", "on.contact_cap", "on.holidays", "on.written_first", "on.six_days", "consumer.first_reminder_free", "consumer.no_threats"]);
        assert_eq!((text(&ontario[0], "/demand"), &ontario[5]["jurisdiction"]), ("contact only 07:00 to 21:00 on mon, tue, wed, thu, fri, sat", &Value::Null));
        assert_eq!(app.get("/v1/protections?jurisdiction=Ontario", &tenant.test).await.status, 400);
    }
}
