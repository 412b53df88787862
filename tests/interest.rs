//! Late payment: what has accrued, line by line; what is charged, paid, given back and waived; the rates; and what debtors are told.

use relance::domain::ids::Mode;
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

fn figures(of: &Value) -> [i64; 5] {
    ["accrued", "charged", "uncharged", "balance", "owed"].map(|name| of[name].as_i64().unwrap())
}

/// An invoice of 1,200.00 that was due on 31 January: thirty days late when the tests begin.
async fn late(app: &App, key: &str, customer: &str, number: &str, extra: Value) -> String {
    let mut body = json!({"customer_id": customer, "number": number, "issue_date": "2026-01-10", "due_date": "2026-01-31", "currency": "EUR", "total": 120_000});
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    text(&app.post("/v1/invoices", key, body).await.expect(201), "/id").to_owned()
}

async fn start(app: &App) -> (Tenant, String) {
    let tenant = app.tenant("Atelier").await;
    let customer = app.debtor(&tenant.test, ANN).await;
    (tenant, customer)
}

async fn of(app: &App, key: &str, invoice: &str) -> Value {
    app.get(&format!("/v1/invoices/{invoice}/interest"), key).await.expect(200)
}

/// A policy of one letter after ten days, in force for every business.
async fn policy(app: &App, key: &str, interest: Value) {
    let step = |name: &str, offset: i32| json!({"key": name, "offset_days": offset, "channel": "email", "template": name});
    let document = json!({"name": "Mine", "interest": interest, "steps": [step("first_reminder", 3), step("last_reminder", 12)]});
    let made = app.post("/v1/policies", key, json!({"document": document})).await.expect(201);
    app.post(&format!("/v1/policies/{}/activate", text(&made, "/id")), key, json!({"version": 1})).await.expect(200);
}

on_both! {
    async fn interest_is_told_line_by_line_with_its_sources(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let invoice = late(&app, key, &customer, "F-1", json!({})).await;
        let paid = json!({"customer_id": customer, "currency": "EUR", "amount": 20_000, "received_on": "2026-02-10"});
        app.post("/v1/payments", key, paid).await.expect(201);
        let seen = of(&app, key, &invoice).await;
        let lines: Vec<_> = seen["lines"].as_array().unwrap().iter().map(|line| (text(line, "/from"), text(line, "/to"), line["days"].as_i64().unwrap(), line["principal"].as_i64().unwrap(), text(line, "/amount"))).collect();
        assert_eq!(lines, [("2026-02-01", "2026-02-10", 10, 120_000, "3.9945205479"), ("2026-02-11", "2026-03-02", 20, 100_000, "6.6575342466")]);
        assert_eq!((text(&seen, "/rule"), text(&seen, "/law"), text(&seen, "/imputation")), ("fr.business", "FR", "interest_first"));
        assert_eq!((&seen["lines"][0]["rate_percent"], &seen["provisional"]), (&json!("12.15"), &json!(false)));
        assert!(text(&seen, "/lines/0/source").contains("art. 3(2)") && text(&seen, "/sources/0").contains("L441-10"), "{seen}");
        assert_eq!((figures(&seen["interest"]), figures(&seen["fixed_sum"])), ([1065, 0, 1065, 0, 1065], [4000, 0, 4000, 0, 4000]));
        let sooner = app.get(&format!("/v1/invoices/{invoice}/interest?until=2026-02-10"), key).await.expect(200);
        assert_eq!(sooner["interest"]["owed"], 399);
        let later = app.get(&format!("/v1/invoices/{invoice}/interest?until=2027-02-01"), key).await.expect(200);
        assert_eq!(later["provisional"], true, "the rate of 2027 is not published");
        for (wrong, status) in [("2027-03-03", 422), ("9999-12-31", 422), ("soon", 400)] {
            assert_eq!(app.get(&format!("/v1/invoices/{invoice}/interest?until={wrong}"), key).await.status, status, "{wrong}");
        }
        let whole = app.get(&format!("/v1/customers/{customer}/interest"), key).await.expect(200);
        assert_eq!((&whole["currencies"][0]["currency"], &whole["currencies"][0]["interest"]["owed"], &whole["currencies"][0]["invoices"][0]["invoice_id"]), (&json!("EUR"), &json!(1065), &json!(invoice)));
        assert_eq!(app.get("/v1/invoices/inv_01jd3kq8e5fvv8m3s9tqz4x7ya/interest", key).await.status, 404);
    }

    async fn what_an_invoice_says_comes_before_what_the_law_gives(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let agreed = json!({"late_interest": {"kind": "contractual", "annual_rate_percent": "10"}, "fixed_sum": {"kind": "agreed", "amount_minor": 7500}});
        let invoice = late(&app, key, &customer, "F-1", agreed).await;
        let seen = of(&app, key, &invoice).await;
        assert_eq!((seen["interest"]["owed"].as_i64(), seen["fixed_sum"]["owed"].as_i64()), (Some(986), Some(7500)));
        assert_eq!(app.get(&format!("/v1/invoices/{invoice}"), key).await.expect(200)["late_interest"]["day_count"], "actual_365");
        let none = late(&app, key, &customer, "F-2", json!({"late_interest": {"kind": "none"}, "fixed_sum": {"kind": "none"}})).await;
        assert_eq!(of(&app, key, &none).await["interest"]["owed"], 0);
        let german = late(&app, key, &customer, "F-3", json!({"late_interest": {"kind": "statutory", "jurisdiction": "DE"}})).await;
        let seen = of(&app, key, &german).await;
        assert_eq!((text(&seen, "/rule"), seen["interest"]["owed"].as_i64(), text(&seen, "/imputation")), ("de.business", Some(1013), "principal_first"));
        let body = json!({"customer_id": customer, "number": "F-4", "issue_date": "2026-01-10", "due_date": "2026-01-31", "currency": "EUR", "total": 1, "late_interest": {"kind": "contractual", "annual_rate_percent": 10}});
        assert_eq!(app.post("/v1/invoices", key, body).await.status, 400, "a rate is a text");
    }

    async fn charges_are_made_once_paid_and_given_back(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let invoice = late(&app, key, &customer, "F-1", json!({})).await;
        let charges = format!("/v1/invoices/{invoice}/interest-charges");
        assert_eq!(app.post(&charges, key, json!({"until": "2026-03-03"})).await.status, 422, "nothing has accrued tomorrow");
        let first = app.post(&charges, key, json!({"until": "2026-02-10"})).await.expect(201);
        let kinds: Vec<_> = first["charges"].as_array().unwrap().iter().map(|one| (text(one, "/kind"), one["balance"].as_i64().unwrap())).collect();
        assert_eq!(kinds, [("interest", 399), ("fixed_sum", 4000)]);
        let second = app.post(&charges, key, json!({})).await.expect(201);
        assert_eq!((&second["charges"][0]["amount"], &second["charges"][0]["computation"]["charged_before"], second["charges"].as_array().unwrap().len()), (&json!(1198 - 399), &json!(399), 1));
        assert_eq!(app.post(&charges, key, json!({})).await.body["code"], "nothing_to_charge");
        assert_eq!(figures(&of(&app, key, &invoice).await["interest"]), [1198, 1198, 0, 1198, 1198]);
        // In France, interest comes before principal.
        let paid = app.pays(key, &customer, 6_000).await;
        let settled = |payment: &Value| payment["charge_allocations"].as_array().unwrap().iter().map(|one| one["amount"].as_i64().unwrap()).sum::<i64>();
        assert_eq!((settled(&paid), &paid["allocations"][0]["amount"], &paid["unallocated"]), (5198, &json!(802), &json!(0)));
        let after = of(&app, key, &invoice).await;
        assert_eq!((after["interest"]["balance"].as_i64(), after["fixed_sum"]["owed"].as_i64()), (Some(0), Some(0)));
        let returned = app.post(&format!("/v1/payments/{}/return", text(&paid, "/id")), key, json!({})).await.expect(200);
        assert_eq!((settled(&returned), &returned["unallocated"]), (0, &json!(0)));
        let after = of(&app, key, &invoice).await;
        assert_eq!((figures(&after["interest"]), figures(&after["fixed_sum"])), ([1198, 1198, 0, 1198, 1198], [4000, 4000, 0, 4000, 4000]));
        assert_eq!(app.get(&format!("/v1/invoices/{invoice}"), key).await.expect(200)["balance"], 120_000);
        let told = journal(&app, partition(&tenant, Mode::Test));
        for (kind, count) in [("charge.made", 3), ("charge.settled", 3), ("charge.reopened", 3)] {
            assert_eq!(told.iter().filter(|(told, ..)| told == kind).count(), count, "{kind}");
        }
    }

    async fn elsewhere_the_principal_comes_first(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let invoice = late(&app, key, &customer, "F-1", json!({"late_interest": {"kind": "statutory", "jurisdiction": "ES"}})).await;
        app.post(&format!("/v1/invoices/{invoice}/interest-charges"), key, json!({})).await.expect(201);
        let paid = app.pays(key, &customer, 120_500).await;
        assert_eq!((&paid["allocations"][0]["amount"], &paid["charge_allocations"][0]["amount"], &paid["unallocated"]), (&json!(120_000), &json!(500), &json!(0)));
        let credit = json!({"customer_id": customer, "currency": "EUR", "amount": 100, "issue_date": "2026-03-02"});
        assert_eq!(app.post("/v1/credit-notes", key, credit).await.expect(201)["unallocated"], 100, "a credit note gives up principal alone");
        let open = app.get(&format!("/v1/customers/{customer}/interest"), key).await.expect(200);
        assert_eq!(open["currencies"][0]["invoices"][0]["invoice_id"], json!(invoice), "an open charge keeps it in sight");
    }

    async fn what_is_waived_is_never_asked_for_again(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let invoice = late(&app, key, &customer, "F-1", json!({})).await;
        app.post(&format!("/v1/invoices/{invoice}/interest-charges"), key, json!({"until": "2026-02-10"})).await.expect(201);
        let waivers = format!("/v1/invoices/{invoice}/interest-waivers");
        assert_eq!(app.post(&waivers, key, json!({})).await.status, 400, "why?");
        let waived = app.post(&waivers, key, json!({"reason": "goodwill"})).await.expect(201);
        let seen: Vec<_> = waived["charges"].as_array().unwrap().iter().map(|one| (text(one, "/kind"), one["waived"].as_i64().unwrap(), one["balance"].as_i64().unwrap())).collect();
        assert_eq!(seen, [("interest", 399, 0), ("fixed_sum", 4000, 0), ("interest", 799, 0)]);
        assert_eq!(app.post(&waivers, key, json!({"reason": "goodwill"})).await.body["code"], "nothing_to_waive");
        app.advance(&tenant, &later(10, 0)).await;
        let seen = of(&app, key, &invoice).await;
        assert_eq!((figures(&seen["interest"]), seen["fixed_sum"]["owed"].as_i64()), ([1598, 1198, 400, 0, 400], Some(0)));
    }

    async fn a_cancelled_invoice_takes_its_charges_with_it(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let invoice = late(&app, key, &customer, "F-1", json!({})).await;
        app.post(&format!("/v1/invoices/{invoice}/interest-charges"), key, json!({})).await.expect(201);
        let cancel = format!("/v1/invoices/{invoice}/cancel");
        let paid = app.pays(key, &customer, 1_000).await;
        assert_eq!(app.post(&cancel, key, Value::Null).await.body["code"], "has_allocations", "in France, the payment went to interest");
        app.post(&format!("/v1/payments/{}/return", text(&paid, "/id")), key, json!({})).await.expect(200);
        app.post(&cancel, key, Value::Null).await.expect(200);
        let seen = of(&app, key, &invoice).await;
        assert_eq!((figures(&seen["interest"]), seen["charges"][0]["waived"].as_i64()), ([0, 1198, 0, 0, 0], Some(1198)));
    }

    async fn a_rate_that_is_not_published_is_added_and_never_overridden(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let invoice = late(&app, key, &customer, "F-1", json!({"late_interest": {"kind": "statutory", "jurisdiction": "NL"}})).await;
        app.advance(&tenant, "2026-07-15T10:00:00Z").await;
        let seen = of(&app, key, &invoice).await;
        assert_eq!((&seen["provisional"], &seen["lines"][1]["rate_percent"], &seen["lines"][1]["provisional"]), (&json!(true), &json!("10.40"), &json!(true)));
        let charges = format!("/v1/invoices/{invoice}/interest-charges");
        assert_eq!(app.post(&charges, key, json!({})).await.body["code"], "rate_not_published");
        let rate = |valid_from: &str, percent: &str| json!({"series": "nl_handelsrente", "valid_from": valid_from, "rate_percent": percent, "source": "Staatscourant, June 2026"});
        let refused = app.post("/v1/reference-rates", key, rate("2026-01-01", "1.00")).await.expect(422);
        assert_eq!(refused["errors"][0]["code"], "published");
        assert_eq!(app.post("/v1/reference-rates", key, rate("2026-08-01", "10.40")).await.status, 422);
        for _ in 0..2 {
            let added = app.post("/v1/reference-rates", key, rate("2026-07-01", "10.40")).await.expect(201);
            assert_eq!((&added["confidence"], &added["rate_percent"]), (&json!("own"), &json!("10.40")));
        }
        assert_eq!(app.post("/v1/reference-rates", key, rate("2026-07-01", "11")).await.body["code"], "rate_known");
        let seen = of(&app, key, &invoice).await;
        assert_eq!((&seen["provisional"], text(&seen, "/lines/1/source")), (&json!(false), "Staatscourant, June 2026"));
        app.post(&charges, key, json!({})).await.expect(201);
        let rates = app.get("/v1/reference-rates?series=nl_handelsrente", key).await.expect(200);
        let last = rates["rates"].as_array().unwrap().last().unwrap().clone();
        assert_eq!((&last["valid_from"], &last["confidence"]), (&json!("2026-07-01"), &json!("own")));
        let others = app.get("/v1/reference-rates?series=nl_handelsrente", &tenant.live).await.expect(200);
        assert_eq!(others["rates"].as_array().unwrap().last().unwrap()["valid_from"], "2026-01-01", "each partition has its own");
        let told = journal(&app, partition(&tenant, Mode::Test));
        assert_eq!(told.iter().filter(|(kind, ..)| kind == "reference_rate.added").count(), 1, "added again is no news");
    }

    async fn the_last_reminder_shows_and_charges_as_the_policy_says(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        policy(&app, key, json!({"show_from_step": "last_reminder", "charge": "charged"})).await;
        let quiet = app.debtor(key, "quiet@client.example").await;
        app.patch(&format!("/v1/customers/{quiet}"), key, json!({"interest": "never"})).await.expect(200);
        let invoice = app.owes(key, &customer, "F-1", "2026-03-03").await;
        app.owes(key, &quiet, "F-2", "2026-03-03").await;
        for day in 1..=16 {
            app.advance(&tenant, &later(day, 0)).await;
        }
        let words = async |address: &str| -> Vec<String> {
            let outbox = app.list(key, &format!("/v1/sandbox/outbox?address={address}")).await;
            outbox.iter().map(|message| text(message, "/content/text").replace(['\u{a0}', '\u{202f}'], " ")).collect()
        };
        let said = words(ANN).await;
        assert!(said.len() == 2 && !said[0].contains("Intérêts de retard au"), "{said:?}");
        // 15 March is a Sunday: the letter leaves on Monday, 13 days late.
        for part in ["Intérêts de retard au 16 mars 2026 : 5,19 €", "au 16 mars 2026, 1 200,00 € à 12,15 % l’an : 5,19 €", "Indemnité forfaitaire pour frais de recouvrement : 40,00 €", "intérêts et indemnités compris : 1 245,19 €"] {
            assert!(said[1].contains(part), "{part} in {}", said[1]);
        }
        let quiet_words = words("quiet@client.example").await;
        assert!(quiet_words.len() == 2 && !quiet_words[1].contains("Intérêts de retard au"), "{quiet_words:?}");
        let seen = of(&app, key, text(&invoice, "/id")).await;
        let charged: Vec<_> = seen["charges"].as_array().unwrap().iter().map(|one| (text(one, "/kind"), one["amount"].as_i64().unwrap(), text(one, "/accrued_until"))).collect();
        assert_eq!(charged, [("interest", 519, "2026-03-16"), ("fixed_sum", 4000, "2026-03-16")]);
    }

    async fn a_policy_names_one_of_its_steps_and_a_reminder_waits_for_its_days(app: App) {
        let (tenant, customer) = start(&app).await;
        let key = &tenant.test;
        let step = json!({"key": "last_reminder", "offset_days": 3, "channel": "email", "template": "last_reminder"});
        let document = json!({"name": "Wrong", "interest": {"show_from_step": "nowhere", "charge": "shown"}, "steps": [step]});
        let made = app.post("/v1/policies", key, json!({"document": document})).await.expect(201);
        let refused = app.post(&format!("/v1/policies/{}/activate", text(&made, "/id")), key, json!({"version": 1})).await.expect(422);
        assert_eq!(refused["errors"][0]["pointer"], "/document/interest/show_from_step");
        policy(&app, key, json!({"charge": "shown", "not_before_days": 10})).await;
        let invoice = app.owes(key, &customer, "F-1", "2026-03-03").await;
        for day in 1..=16 {
            app.advance(&tenant, &later(day, 0)).await;
        }
        let outbox = app.list(key, "/v1/sandbox/outbox").await;
        assert_eq!(outbox.iter().map(|one| text(one, "/content/text").contains("Indemnité forfaitaire")).collect::<Vec<_>>(), [false, true]);
        assert_eq!(of(&app, key, text(&invoice, "/id")).await["charges"], json!([]), "shown is not charged");
    }

    async fn a_consumer_owes_nothing_more_before_a_reminder(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.test;
        let contact = json!({"name": "Ann Martin", "email": ANN, "primary": true});
        let body = json!({"name": "Ann Martin", "kind": "consumer", "jurisdiction": "FR", "contacts": [contact]});
        let customer = text(&app.post("/v1/customers", key, body).await.expect(201), "/id").to_owned();
        let invoice = app.owes(key, &customer, "F-1", "2026-02-27").await;
        let path = text(&invoice, "/id").to_owned();
        let before = of(&app, key, &path).await;
        assert_eq!((text(&before, "/rule"), &before["lines"]), ("fr.consumer", &json!([])));
        for day in 1..=40 {
            app.advance(&tenant, &later(day, 0)).await;
        }
        let sent = app.list(key, "/v1/sandbox/outbox").await;
        let after = of(&app, key, &path).await;
        assert!(!sent.is_empty() && after["interest"]["owed"].as_i64().unwrap() > 0, "{after}");
        assert_eq!((&after["lines"][0]["rate_percent"], after["fixed_sum"]["owed"].as_i64()), (&json!("2.62"), Some(0)));
    }
}
