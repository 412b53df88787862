//! Provider accounts: what goes in, what never comes out, and which account is tried first.

use relance::{
    domain::{
        contact::Channel,
        ids::Mode,
        key::{Purpose, Token},
    },
    store,
};
use serde_json::{Value, json};

use crate::{
    on_both,
    support::ledger::{journal, partition},
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_AAAA9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn gateway(name: &str, priority: i32) -> Value {
    json!({"name": name, "settings": {"kind": "webhook", "url": "https://gateway.example.com/relance"}, "credentials": {"kind": "webhook", "secret": SECRET}, "priority": priority})
}

fn codes(body: &Value) -> Vec<(&str, &str)> {
    body["errors"].as_array().unwrap().iter().map(|fault| (fault["pointer"].as_str().unwrap(), fault["code"].as_str().unwrap())).collect()
}

on_both! {
    async fn credentials_enter_and_never_leave(app: App) {
        let tenant = app.tenant("Atelier").await;
        let made = app.post("/v1/provider-accounts", &tenant.live, gateway("Gateway", 10)).await;
        assert!(!made.text.contains("MfKQ9r8"), "{}", made.text);
        let made = made.expect(201);
        assert_eq!((&made["account"]["kind"], &made["account"]["has_credentials"]), (&json!("webhook"), &json!(true)));
        assert_eq!((&made["account"]["channels"], &made["account"]["capabilities"]["idempotent_seconds"]), (&json!(["email", "sms"]), &json!(86400)));

        let (here, id) = (partition(&tenant, Mode::Live), made["account"]["id"].as_str().unwrap());
        let path = format!("/v1/provider-accounts/{id}");
        let token = made["receipt_url"].as_str().unwrap().strip_prefix(&format!("{}/v1/inbound/", app.url)).unwrap().to_owned();
        let token = Token::parse(&token).unwrap();
        assert_eq!((token.purpose, token.tenant), (Purpose::Inbound, here));
        let row = app.db.read_now(here, |conn| store::provider_accounts::find_by_inbound_digest(conn, here, &token.digest)).unwrap().unwrap();
        assert_eq!(row.id.to_string(), id);
        assert!(!String::from_utf8_lossy(row.credentials.as_ref().unwrap()).contains("MfKQ9r8"));
        let opened = String::from_utf8(row.open_credentials(&app.state.vault).unwrap().unwrap()).unwrap();
        assert!(opened.contains(SECRET));
        let moved = store::provider_accounts::ProviderAccount { tenant_id: here.in_mode(Mode::Test), ..row };
        assert!(moved.open_credentials(&app.state.vault).is_err(), "sealed credentials belong to one account of one partition");

        let rotated = app.post(&format!("{path}/rotate-credentials"), &tenant.live, json!({"credentials": {"kind": "webhook", "secret": OTHER}})).await;
        for answer in [rotated, app.get(&path, &tenant.live).await, app.get("/v1/provider-accounts", &tenant.live).await] {
            assert!(answer.status == 200 && !answer.text.contains("whsec_") && !answer.text.contains("rli_"), "{}", answer.text);
        }
        let row = app.db.read_now(here, |conn| store::provider_accounts::find(conn, here, id.parse().unwrap())).unwrap();
        assert!(String::from_utf8(row.open_credentials(&app.state.vault).unwrap().unwrap()).unwrap().contains(OTHER));
        let entries = journal(&app, here);
        assert!(entries.iter().any(|(kind, subject, _)| kind == "provider_account.credentials_rotated" && subject == id));
        assert!(entries.iter().all(|(_, _, body)| !body.contains("whsec_") && !body.contains("rli_")));
    }

    async fn what_does_not_fit_together_is_refused(app: App) {
        let tenant = app.tenant("Atelier").await;
        let create = async |body: Value| app.post("/v1/provider-accounts", &tenant.live, body).await;
        let mut lonely = gateway("x", 1);
        lonely["credentials"] = Value::Null;
        assert_eq!(codes(&create(lonely).await.body), [("/credentials", "required")]);
        let mut mixed = gateway("x", 1);
        mixed["credentials"] = json!({"kind": "smtp", "username": "ann", "password": "hunter2"});
        let answer = create(mixed).await;
        assert!(codes(&answer.body) == [("/credentials/kind", "mismatch")] && !answer.text.contains("hunter2"));
        let sandbox = create(json!({"name": "x", "settings": {"kind": "sandbox"}})).await;
        assert_eq!(codes(&sandbox.body), [("/settings/kind", "test_mode_only")]);
        let smtp = json!({"name": "Mail", "settings": {"kind": "smtp", "host": "smtp.example.com", "port": 587, "security": "starttls", "from_email": "a@example.com"}, "channels": ["sms"]});
        assert_eq!(codes(&create(smtp.clone()).await.body), [("/channels", "wrong_channel")]);
        let mut unknown = smtp;
        unknown["settings"]["colour"] = json!("red");
        assert_eq!(create(unknown).await.status, 400);
        let insecure = create(json!({"name": "x", "settings": {"kind": "webhook", "url": "ftp://gateway.example.com"}, "credentials": {"kind": "webhook", "secret": SECRET}})).await;
        assert_eq!(insecure.status, 422, "{}", insecure.text);
    }

    async fn test_mode_has_its_sandbox_and_takes_nothing_else(app: App) {
        let tenant = app.tenant("Atelier").await;
        let list = app.get("/v1/provider-accounts", &tenant.test).await.expect(200);
        let accounts = list["data"].as_array().unwrap();
        assert_eq!((accounts.len(), &accounts[0]["kind"], &accounts[0]["channels"]), (1, &json!("sandbox"), &json!(["email", "sms"])));
        assert!(app.get("/v1/provider-accounts", &tenant.live).await.expect(200)["data"].as_array().unwrap().is_empty());
        let refused = app.post("/v1/provider-accounts", &tenant.test, gateway("x", 1)).await;
        assert_eq!((refused.status, codes(&refused.body)), (422, vec![("/settings/kind", "sandbox_only")]));
        app.post("/v1/provider-accounts", &tenant.test, json!({"name": "Second", "settings": {"kind": "sandbox"}, "channels": ["sms"], "priority": 5})).await.expect(201);
        let here = partition(&tenant, Mode::Test);
        let names = |channel| app.db.read_now(here, |conn| store::provider_accounts::for_channel(conn, here, channel)).unwrap().into_iter().map(|row| row.name).collect::<Vec<_>>();
        assert_eq!((names(Channel::Sms), names(Channel::Email)), (vec!["Second".to_owned(), "Sandbox".to_owned()], vec!["Sandbox".to_owned()]));
    }

    async fn accounts_are_changed_disabled_and_enabled(app: App) {
        let tenant = app.tenant("Atelier").await;
        let first = app.post("/v1/provider-accounts", &tenant.live, gateway("First", 10)).await.expect(201)["account"]["id"].as_str().unwrap().to_owned();
        app.post("/v1/provider-accounts", &tenant.live, gateway("Second", 20)).await.expect(201);
        let here = partition(&tenant, Mode::Live);
        let order = || app.db.read_now(here, |conn| store::provider_accounts::for_channel(conn, here, Channel::Email)).unwrap().into_iter().map(|row| row.name).collect::<Vec<_>>();
        assert_eq!(order(), ["First", "Second"]);
        let path = format!("/v1/provider-accounts/{first}");
        let changed = app.patch(&path, &tenant.live, json!({"priority": 30, "name": "Last", "settings": {"kind": "webhook", "url": "https://other.example.com/"}})).await.expect(200);
        assert_eq!((&changed["settings"]["url"], &changed["version"], &changed["has_credentials"]), (&json!("https://other.example.com/"), &json!(2), &json!(true)));
        assert_eq!(order(), ["Second", "Last"]);
        let kind = app.patch(&path, &tenant.live, json!({"settings": {"kind": "sandbox"}})).await;
        assert_eq!(codes(&kind.body), [("/settings/kind", "immutable")]);
        assert_eq!(app.post(&format!("{path}/disable"), &tenant.live, Value::Null).await.expect(200)["state"], "disabled");
        assert_eq!(order(), ["Second"]);
        assert_eq!(app.post(&format!("{path}/disable"), &tenant.live, Value::Null).await.expect(200)["version"], 3, "again changes nothing");
        assert_eq!(app.post(&format!("{path}/enable"), &tenant.live, Value::Null).await.expect(200)["state"], "active");
        assert_eq!(order(), ["Second", "Last"]);
        let wrong = app.post(&format!("{path}/rotate-credentials"), &tenant.live, json!({"credentials": {"kind": "smtp", "username": "a", "password": "b"}})).await;
        assert_eq!(codes(&wrong.body), [("/credentials/kind", "mismatch")]);
    }

    async fn another_tenant_sees_nothing_of_it(app: App) {
        let (tenant, other) = (app.tenant("Atelier").await, app.tenant("Autre").await);
        let id = app.post("/v1/provider-accounts", &tenant.live, gateway("Gateway", 10)).await.expect(201)["account"]["id"].as_str().unwrap().to_owned();
        let path = format!("/v1/provider-accounts/{id}");
        for key in [&other.live, &tenant.test] {
            assert_eq!(app.get(&path, key).await.status, 404);
            assert_eq!(app.patch(&path, key, json!({"priority": 1})).await.status, 404);
            assert_eq!(app.post(&format!("{path}/disable"), key, Value::Null).await.status, 404);
            assert_eq!(app.post(&format!("{path}/rotate-credentials"), key, json!({"credentials": {"kind": "webhook", "secret": OTHER}})).await.status, 404);
        }
    }
}
