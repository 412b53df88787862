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
    support::{
        ledger::{journal, partition},
        scripted::{Manner, Scripted},
    },
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_AAAA9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn gateway(name: &str, priority: i32) -> Value {
    json!({"name": name, "settings": {"kind": "webhook", "url": "https://gateway.example.com/relance"}, "credentials": {"kind": "webhook", "secret": SECRET}, "priority": priority, "check": false})
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
        let token = made["account"]["receipt_url"].as_str().unwrap().strip_prefix(&format!("{}/v1/inbound/", app.url)).unwrap().to_owned();
        let token = Token::parse(&token).unwrap();
        assert_eq!((token.purpose, token.tenant), (Purpose::Inbound, here));
        let now = app.clock.now();
        let row = app.db.read_now(here, |conn| store::provider_accounts::find_by_inbound_digest(conn, here, &token.digest, now)).unwrap().unwrap();
        assert_eq!(row.id.to_string(), id);
        assert!(!String::from_utf8_lossy(row.credentials.as_ref().unwrap()).contains("MfKQ9r8"));
        let opened = String::from_utf8(row.open_credentials(&app.state.vault).unwrap().unwrap()).unwrap();
        assert!(opened.contains(SECRET));
        let moved = store::provider_accounts::ProviderAccount { tenant_id: here.in_mode(Mode::Test), ..row };
        assert!(moved.open_credentials(&app.state.vault).is_err(), "sealed credentials belong to one account of one partition");

        let rotated = app.post(&format!("{path}/rotate-credentials"), &tenant.live, json!({"credentials": {"kind": "webhook", "secret": OTHER}})).await;
        for answer in [rotated, app.get(&path, &tenant.live).await, app.get("/v1/provider-accounts", &tenant.live).await] {
            assert!(answer.status == 200 && !answer.text.contains("whsec_") && answer.text.contains("/v1/inbound/rli_"), "{}", answer.text);
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
        let insecure = create(json!({"name": "x", "settings": {"kind": "webhook", "url": "ftp://gateway.example.com"}, "credentials": {"kind": "webhook", "secret": SECRET}, "check": false})).await;
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

    async fn a_provider_that_can_be_asked_is_asked_before_an_account_is_made(app: App) {
        let tenant = app.tenant("Atelier").await;
        let gateway = Scripted::open(Manner { check: 401, ..Manner::default() });
        let refused = app.post("/v1/provider-accounts", &tenant.live, gateway.account("Own", 1)).await;
        assert_eq!((refused.status, codes(&refused.body)), (422, vec![("/credentials", "refused")]), "{}", refused.text);
        assert!(app.list(&tenant.live, "/v1/provider-accounts").await.is_empty());
        let mut unasked = gateway.account("Own", 1);
        unasked["check"] = json!(false);
        let made = app.post("/v1/provider-accounts", &tenant.live, unasked).await.expect(201);
        assert_eq!((&made["check"], &made["account"]["last_check"]), (&Value::Null, &Value::Null));

        let path = format!("/v1/provider-accounts/{}", made["account"]["id"].as_str().unwrap());
        let check = app.post(&format!("{path}/check"), &tenant.live, Value::Null).await.expect(200);
        assert!(check["result"] == "refused" && check["detail"].as_str().unwrap().contains("401"), "{check}");
        let shown = app.get(&path, &tenant.live).await.expect(200);
        assert!(shown["last_check"]["result"] == "refused" && shown["last_error"].as_str().unwrap().contains("401") && shown["version"] == 1, "{shown}");
        gateway.behave(Manner::default());
        assert_eq!(app.post(&format!("{path}/check"), &tenant.live, Value::Null).await.expect(200)["result"], "fine");
        let shown = app.get(&path, &tenant.live).await.expect(200);
        assert_eq!((&shown["last_check"]["result"], &shown["last_error"]), (&json!("fine"), &Value::Null));

        let closed = json!({"name": "x", "settings": {"kind": "webhook", "url": "http://127.0.0.1:9/"}, "credentials": {"kind": "webhook", "secret": SECRET}});
        let made = app.post("/v1/provider-accounts", &tenant.live, closed).await.expect(201);
        assert!(made["check"]["result"] == "unreachable" && made["warning"].as_str().unwrap().contains("not checked"), "{made}");
        let kinds: Vec<String> = journal(&app, partition(&tenant, Mode::Live)).into_iter().map(|(kind, ..)| kind).filter(|kind| kind.starts_with("provider_account.")).collect();
        assert!(kinds.iter().all(|kind| kind == "provider_account.created"), "a check leaves no evidence: {kinds:?}");
    }

    async fn a_test_message_goes_through_one_account_ten_times_an_hour(app: App) {
        let (tenant, gateway) = (app.tenant("Atelier").await, Scripted::answering(Some(202)));
        let made = app.post("/v1/provider-accounts", &tenant.live, gateway.account("Own", 1)).await.expect(201);
        let path = format!("/v1/provider-accounts/{}/test-message", made["account"]["id"].as_str().unwrap());
        let wanted = json!({"channel": "email", "to": "me@atelier.example"});
        let once = [("idempotency-key", "a-test")];
        let first = app.send("POST", &path, &tenant.live, wanted.clone(), &once).await.expect(200);
        assert_eq!((&first["outcome"], &first["channel"]), (&json!("accepted"), &json!("email")), "{first}");
        let sent = gateway.asked("message.send").remove(0);
        assert_eq!((&sent["data"]["to"], &sent["data"]["message_id"]), (&json!("me@atelier.example"), &first["message_id"]));
        assert!(sent["data"]["text"].as_str().unwrap().contains("Atelier"), "{sent}");
        let again = app.send("POST", &path, &tenant.live, wanted.clone(), &once).await;
        assert_eq!((again.header("idempotent-replayed"), &again.body), (Some("true"), &first));
        assert_eq!(gateway.sent(), 1, "a repetition sends nothing");

        app.post("/v1/suppressions", &tenant.live, json!({"channel": "email", "address": "no@atelier.example", "reason": "complaint", "source": "phone"})).await.expect(201);
        let silent = app.post(&path, &tenant.live, json!({"channel": "email", "to": "no@atelier.example"})).await;
        assert_eq!((silent.status, &silent.body["code"]), (409, &json!("suppressed")));
        assert_eq!(app.post(&path, &tenant.live, json!({"channel": "email", "to": "nobody"})).await.status, 422);
        gateway.behave(Manner { send: Some(401), ..Manner::default() });
        let refused = app.post(&path, &tenant.live, wanted.clone()).await.expect(200);
        assert!(refused["outcome"] == "rejected" && refused["detail"].as_str().unwrap().contains("401"), "{refused}");
        for _ in 2..10 {
            app.post(&path, &tenant.live, wanted.clone()).await.expect(200);
        }
        let eleventh = app.post(&path, &tenant.live, wanted.clone()).await;
        assert_eq!((eleventh.status, &eleventh.body["code"]), (429, &json!("hourly_limit")), "{}", eleventh.text);
        app.clock.advance(chrono::TimeDelta::hours(1));
        app.post(&path, &tenant.live, wanted).await.expect(200);
        let entries = journal(&app, partition(&tenant, Mode::Live));
        let audited: Vec<_> = entries.iter().filter(|(kind, ..)| kind == "provider_account.test_message").collect();
        assert!(audited.len() == 11 && audited.iter().all(|(.., body)| !body.contains('@')), "{audited:?}");
        assert!(app.list(&tenant.live, "/v1/messages").await.is_empty());
        let rehearsal = app.list(&tenant.test, "/v1/provider-accounts").await.remove(0);
        let path = format!("/v1/provider-accounts/{}/test-message", rehearsal["id"].as_str().unwrap());
        assert_eq!(app.post(&path, &tenant.test, json!({"channel": "sms", "to": "+33612345678"})).await.expect(200)["outcome"], "accepted");
    }

    async fn limits_and_steps_are_shown_and_bounded(app: App) {
        let tenant = app.tenant("Atelier").await;
        let made = app.post("/v1/provider-accounts", &tenant.live, gateway("Gateway", 10)).await.expect(201);
        let account = &made["account"];
        assert_eq!((&account["weight"], &account["rate_per_second"], &account["concurrency"]), (&json!(1), &json!(100), &json!(32)));
        let steps = account["setup_steps"].as_array().unwrap();
        assert!(steps[0].as_str().unwrap().contains(account["receipt_url"].as_str().unwrap()), "{steps:?}");
        let path = format!("/v1/provider-accounts/{}", account["id"].as_str().unwrap());
        let changed = app.patch(&path, &tenant.live, json!({"weight": 7, "rate_per_second": 3, "concurrency": 2})).await.expect(200);
        assert_eq!((&changed["weight"], &changed["rate_per_second"], &changed["concurrency"]), (&json!(7), &json!(3), &json!(2)));
        for wrong in [json!({"weight": 0}), json!({"weight": 101}), json!({"rate_per_second": 0}), json!({"rate_per_second": 10_001}), json!({"concurrency": 0}), json!({"concurrency": 257})] {
            assert_eq!(app.patch(&path, &tenant.live, wrong.clone()).await.status, 400, "{wrong}");
        }
    }
}
