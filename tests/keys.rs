//! Keys: made for a role, for a network, for one debtor's page; found in the open; and what the audit log says of them.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use relance::domain::ids::Mode;
use serde_json::{Value, json};

use crate::{
    on_both,
    support::{
        App, Tenant,
        ledger::{journal, partition},
    },
};

/// Longer than anything is remembered.
async fn a_moment() {
    actix_web::rt::time::sleep(std::time::Duration::from_millis(4_500)).await;
}

async fn new_key(app: &App, by: &str, body: Value) -> (String, String) {
    let made = app.post("/v1/api-keys", by, body).await.expect(201);
    (made["key"]["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
}

/// A debtor who owes 1,200.00 euros since yesterday, and the key of his page.
async fn page(app: &App, tenant: &Tenant) -> (String, String) {
    let customer = app.debtor(&tenant.live, "ann@client.example").await;
    app.owes(&tenant.live, &customer, "F-1", "2026-03-01").await;
    let made = app.post(&format!("/v1/customers/{customer}/publishable-keys"), &tenant.live, json!({})).await.expect(201);
    (customer, made["secret"].as_str().unwrap().to_owned())
}

on_both! {
    async fn a_key_made_for_a_role_holds_what_the_role_holds(app: App) {
        let tenant = app.tenant("Atelier").await;
        let roles = app.get("/v1/roles", &tenant.live).await.expect(200);
        let names: Vec<&str> = roles["data"].as_array().unwrap().iter().map(|role| role["role"].as_str().unwrap()).collect();
        assert_eq!(names, ["owner", "manager", "agent", "viewer"]);
        let (_, agent) = new_key(&app, &tenant.live, json!({"name": "desk", "role": "agent"})).await;
        let me = app.get("/v1/me", &agent).await.expect(200);
        assert_eq!((&me["scopes"], &me["kind"]), (&roles["data"][2]["scopes"], &json!("api_key")));
        assert_eq!(app.post("/v1/policies", &agent, json!({"document": {"name": "x", "steps": []}})).await.status, 403);
        app.debtor(&agent, "ann@client.example").await;
        // A manager's key with the right to make keys makes none for owners.
        let managers: Vec<Value> = roles["data"][1]["scopes"].as_array().unwrap().iter().cloned().chain([json!("keys:write")]).collect();
        let (_, manager) = new_key(&app, &tenant.live, json!({"name": "manager", "scopes": managers})).await;
        let (id, _) = new_key(&app, &manager, json!({"name": "manager", "role": "manager"})).await;
        let refused = app.post("/v1/api-keys", &manager, json!({"name": "owner", "role": "owner"})).await;
        assert_eq!((refused.status, &refused.body["errors"][0]["pointer"]), (422, &json!("/role")));
        for wrong in [json!({"name": "x"}), json!({"name": "x", "role": "agent", "scopes": ["tenant:read"]}), json!({"name": "x", "scopes": ["debtor:read"]})] {
            assert_eq!(app.post("/v1/api-keys", &tenant.live, wrong.clone()).await.status, 422, "{wrong}");
        }
        let rotated = app.post(&format!("/v1/api-keys/{id}/rotate"), &tenant.live, json!({})).await.expect(201);
        assert_eq!((&rotated["key"]["role"], &rotated["key"]["scopes"]), (&json!("manager"), &roles["data"][1]["scopes"]));
    }

    async fn a_key_with_networks_works_from_there_alone(app: App) {
        let tenant = app.tenant("Atelier").await;
        let (_, here) = new_key(&app, &tenant.live, json!({"name": "here", "scopes": ["tenant:read"], "networks": ["127.0.0.0/8", "::1"]})).await;
        let (_, there) = new_key(&app, &tenant.live, json!({"name": "there", "scopes": ["tenant:read"], "networks": ["192.0.2.0/24"]})).await;
        app.get("/v1/tenant", &here).await.expect(200);
        // Without a proxy that is trusted, nobody believes what a caller says of himself.
        for headers in [&[][..], &[("X-Forwarded-For", "192.0.2.7")]] {
            let refused = app.send("GET", "/v1/tenant", &there, Value::Null, headers).await;
            assert_eq!((refused.status, &refused.body["code"]), (403, &json!("address_not_allowed")));
        }
        let token = app.post("/v1/tokens", &here, Value::Null).await.expect(201)["access_token"].as_str().unwrap().to_owned();
        app.get("/v1/tenant", &token).await.expect(200);
        for wrong in ["192.0.2.1/24", "10.0.0.0/33", "everywhere"] {
            let body = json!({"name": "x", "scopes": ["tenant:read"], "networks": [wrong]});
            assert!(matches!(app.post("/v1/api-keys", &tenant.live, body).await.status, 400 | 422), "{wrong}");
        }
    }

    async fn a_debtors_page_shows_what_is_owed_and_opens_nothing_else(app: App) {
        let tenant = app.tenant("Atelier").await;
        let bank = json!({"holder": "Atelier SAS", "iban": "FR7630006000011234567890189"});
        app.patch("/v1/tenant", &tenant.live, json!({"letterhead": {"address": ["12 rue de la Paix"], "bank": bank}})).await.expect(200);
        let (customer, key) = page(&app, &tenant).await;
        assert!(key.starts_with("rlp_live_"));
        app.owes(&tenant.live, &customer, "F-2", "2026-04-01").await;
        let other = app.debtor(&tenant.live, "bob@client.example").await;
        app.owes(&tenant.live, &other, "F-3", "2026-04-01").await;
        let debtor = app.get("/v1/debtor", &key).await.expect(200);
        assert_eq!(debtor["accounts"], json!([{"currency": "EUR", "open": 240_000, "overdue": 120_000, "charges": 0, "unallocated": 0}]));
        assert_eq!((&debtor["creditor"]["bank"]["iban"], &debtor["name"], &debtor["as_of"]), (&bank["iban"], &json!("Garage Dupont"), &json!("2026-03-02")));
        let first = app.get("/v1/debtor/invoices?limit=1", &key).await;
        assert_eq!((first.header("access-control-allow-origin"), first.header("relance-checkpoint")), (Some("*"), None));
        let first = first.expect(200);
        let cursor = first["next_cursor"].as_str().unwrap();
        let second = app.get(&format!("/v1/debtor/invoices?limit=1&cursor={cursor}"), &key).await.expect(200);
        // Recorded at one moment of a clock that stands still, they come in any order.
        let numbers = BTreeSet::from([&first, &second].map(|page| page["data"][0]["number"].as_str().unwrap()));
        assert_eq!((numbers, &second["has_more"]), (BTreeSet::from(["F-1", "F-2"]), &json!(false)));
        for (method, path) in [("GET", "/v1/me"), ("GET", "/v1/invoices"), ("GET", "/v1/tenant"), ("POST", "/v1/tokens"), ("GET", "/v1/evidence"), ("GET", "/v1/roles")] {
            assert_eq!(app.send(method, path, &key, Value::Null, &[]).await.status, 403, "{path}");
        }
        assert_eq!(app.get(&format!("/v1/customers/{customer}"), &key).await.status, 403);
        // Nor has anybody else a page.
        assert_eq!(app.get("/v1/debtor", &tenant.live).await.status, 403);
        let nobody = app.get("/v1/debtor", "").await;
        assert_eq!((nobody.status, nobody.header("access-control-allow-origin")), (401, Some("*")));
        let asked = app.send("OPTIONS", "/v1/debtor", "", Value::Null, &[("Origin", "https://shop.example"), ("Access-Control-Request-Method", "GET"), ("Access-Control-Request-Headers", "authorization")]).await;
        assert_eq!((asked.status, asked.header("access-control-allow-headers"), asked.header("access-control-allow-origin")), (204, Some("authorization"), Some("*")));
        assert_eq!(app.send("OPTIONS", "/v1/invoices", "", Value::Null, &[]).await.header("access-control-allow-origin"), None);
    }

    async fn a_publishable_key_ends(app: App) {
        let tenant = app.tenant("Atelier").await;
        let (customer, key) = page(&app, &tenant).await;
        let path = format!("/v1/customers/{customer}/publishable-keys");
        let rows = app.list(&tenant.live, &path).await;
        assert_eq!((rows.len(), &rows[0]["expires_at"]), (1, &json!("2026-04-01T11:00:00Z")));
        app.get("/v1/debtor", &key).await.expect(200);
        app.post(&format!("{path}/{}/revoke", rows[0]["id"].as_str().unwrap()), &tenant.live, Value::Null).await.expect(200);
        a_moment().await;
        assert_eq!(app.get("/v1/debtor", &key).await.status, 401);
        let short = app.post(&path, &tenant.live, json!({"expires_at": "2026-03-02T12:00:00Z"})).await.expect(201)["secret"].as_str().unwrap().to_owned();
        app.get("/v1/debtor", &short).await.expect(200);
        app.clock.advance(TimeDelta::hours(1));
        assert_eq!(app.get("/v1/debtor", &short).await.status, 401);
        for wrong in ["2026-03-01T00:00:00Z", "2027-06-01T00:00:00Z"] {
            assert_eq!(app.post(&path, &tenant.live, json!({"expires_at": wrong})).await.status, 422, "{wrong}");
        }
        // Whoever may not see invoices shows them to nobody.
        let (_, blind) = new_key(&app, &tenant.live, json!({"name": "blind", "scopes": ["customers:read", "customers:write"]})).await;
        let refused = app.post(&path, &blind, json!({})).await;
        assert_eq!((refused.status, &refused.body["detail"]), (403, &json!("the scope invoices:read is needed")));
    }

    async fn a_leaked_key_is_revoked_by_whoever_finds_it(app: App) {
        let tenant = app.tenant("Atelier").await;
        let (id, leaked) = new_key(&app, &tenant.live, json!({"name": "export", "scopes": ["tenant:read"]})).await;
        let (_, of_page) = page(&app, &tenant).await;
        app.get("/v1/tenant", &leaked).await.expect(200);
        let unknown = {
            let (_, other) = new_key(&app, &tenant.live, json!({"name": "other", "scopes": ["tenant:read"]})).await;
            app.post("/v1/keys/report-leak", "", json!({"key": other})).await.expect(202);
            other
        };
        let mut said = Vec::new();
        for text in [leaked.as_str(), &of_page, &leaked, &unknown, "nonsense", "rlk_live_"] {
            said.push(app.post("/v1/keys/report-leak", "", json!({"key": text})).await.expect(202));
        }
        assert!(said.iter().all(|answer| *answer == json!({"object": "leak_report", "received": true})), "{said:?}");
        a_moment().await;
        assert_eq!((app.get("/v1/tenant", &leaked).await.status, app.get("/v1/debtor", &of_page).await.status), (401, 401));
        let entries: Vec<String> = journal(&app, partition(&tenant, Mode::Live)).into_iter().filter(|(kind, ..)| kind == "key.leaked").map(|(_, subject, _)| subject).collect();
        assert_eq!((entries.len(), entries.contains(&id)), (3, true), "once each: {entries:?}");
        let told = app.get("/v1/events?limit=200", &tenant.live).await.expect(200);
        assert_eq!(told["data"].as_array().unwrap().iter().filter(|event| event["type"] == "key.leaked").count(), 3);
        // Whoever guesses is told to wait.
        let mut refused = None;
        for _ in 0..20 {
            let answer = app.post("/v1/keys/report-leak", "", json!({"key": "nonsense"})).await;
            refused = (answer.status == 429).then_some(answer).or(refused);
        }
        let refused = refused.unwrap();
        assert_eq!((&refused.body["code"], refused.header("retry-after").is_some()), (&json!("too_many_reports"), true));
    }

    async fn a_key_is_introspected_by_its_own_tenant_alone(app: App) {
        let (tenant, other) = (app.tenant("Atelier").await, app.tenant("Other").await);
        let (id, secret) = new_key(&app, &tenant.live, json!({"name": "desk", "role": "viewer", "expires_at": "2027-01-01T00:00:00Z"})).await;
        let of = async |key: &str, text: &str| app.post("/v1/keys/introspect", key, json!({"key": text})).await.expect(200);
        let known = of(&tenant.live, &secret).await;
        assert_eq!((&known["active"], &known["id"], &known["role"], &known["mode"]), (&json!(true), &json!(id), &json!("viewer"), &json!("live")));
        assert_eq!((known["last4"].as_str().unwrap(), &known["expires_at"]), (&secret[secret.len() - 4..], &json!("2027-01-01T00:00:00Z")));
        let (customer, of_page) = page(&app, &tenant).await;
        let shown = of(&tenant.live, &of_page).await;
        assert_eq!((&shown["kind"], &shown["customer_id"], &shown["scopes"]), (&json!("publishable_key"), &json!(customer), &json!(["debtor:read"])));
        let nothing = of(&tenant.live, "nonsense").await;
        assert_eq!((&nothing["active"], &nothing["id"], &nothing["scopes"]), (&json!(false), &Value::Null, &json!([])));
        for (key, text) in [(&other.live, &secret), (&tenant.test, &secret), (&other.live, &of_page), (&tenant.live, &app.platform)] {
            assert_eq!(of(key, text).await, nothing);
        }
        app.post(&format!("/v1/api-keys/{id}/revoke"), &tenant.live, Value::Null).await.expect(200);
        assert_eq!(of(&tenant.live, &secret).await["active"], json!(false));
    }

    async fn the_audit_log_says_who_did_what_when(app: App) {
        let tenant = app.tenant("Atelier").await;
        let (id, desk) = new_key(&app, &tenant.live, json!({"name": "=desk", "role": "agent"})).await;
        app.clock.advance(TimeDelta::hours(1));
        let customer = app.debtor(&desk, "ann@client.example").await;
        let lines = async |query: &str| -> Vec<Value> {
            let text = app.get(&format!("/v1/audit-log{query}"), &tenant.live).await;
            assert_eq!((text.status, text.header("content-type")), (200, Some("application/x-ndjson")));
            text.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        let made = lines(&format!("?kind=customer.created&actor={id}")).await;
        let line = &made[0];
        assert_eq!((made.len(), &line["subject"], &line["actor_kind"], &line["actor_name"], &line["privileged"]), (1, &json!(customer), &json!("api_key"), &json!("=desk"), &json!(false)));
        assert_eq!(line["recorded_at"], "2026-03-02T12:00:00Z");
        let privileged = lines("?privileged=true&kind=key.created").await;
        assert!(privileged.iter().any(|line| line["subject"] == json!(id) && line["facts"]["role"] == "agent"), "{privileged:?}");
        let all = lines("").await;
        assert_eq!(lines("?from=2026-03-02T11:30:00Z").await.len() + lines("?to=2026-03-02T11:30:00Z").await.len(), all.len());
        assert!(!lines("?from=2026-03-02T11:30:00Z").await.iter().any(|line| line["kind"] == "tenant.created"));
        assert!(all.iter().all(|line| !line.to_string().contains("ann@client.example")));
        let table = app.get(&format!("/v1/audit-log?format=csv&actor={id}"), &tenant.live).await;
        assert_eq!(table.header("content-type"), Some("text/csv; charset=utf-8"));
        let mut rows = table.text.split("\r\n");
        assert_eq!(rows.next(), Some("id,recorded_at,occurred_at,kind,subject,privileged,actor,actor_kind,actor_name,facts"));
        assert!(rows.all(|row| row.is_empty() || row.contains(",'=desk,")), "{}", table.text);
        assert_eq!(app.get("/v1/audit-log?format=xml", &tenant.live).await.status, 400);
    }

    async fn the_audit_log_is_whole_however_long_it_is(app: App) {
        let tenant = app.tenant("Atelier").await;
        let of = partition(&tenant, Mode::Live);
        let before = journal(&app, of).len();
        for _ in 0..11 {
            relance::actions::run(&app.db, &app.clock, of, "system", |act| {
                (0..100).for_each(|n| act.audit("tenant.changed", format!("n{n}"), json!({})));
                Ok(())
            })
            .await
            .unwrap();
        }
        let text = app.get("/v1/audit-log", &tenant.live).await.text;
        let ids: BTreeSet<String> = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!((text.lines().count(), ids.len()), (before + 1_100, before + 1_100));
    }
}
