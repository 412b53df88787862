//! Templates: the product's, the tenant's over them, checked before they are in force, tried before they are sent.

use relance::{
    domain::{contact::Channel, ids::Mode, locale::Language},
    store,
};
use serde_json::{Value, json};

use crate::{
    on_both,
    support::ledger::{debtor, partition},
};

fn email(subject: &str, text: &str) -> Value {
    json!({"name": "Mine", "channel": "email", "contents": {"fr": {"subject": subject, "body_text": text}}})
}

fn faults(body: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    body["errors"].as_array().unwrap().iter().map(|fault| (text(&fault["pointer"]), text(&fault["code"]))).collect()
}

on_both! {
    async fn what_ships_is_listed_and_shown(app: App) {
        let tenant = app.tenant("Atelier").await;
        let list = app.get("/v1/templates", &tenant.live).await.expect(200);
        let keys: Vec<&str> = list["data"].as_array().unwrap().iter().map(|one| one["key"].as_str().unwrap()).collect();
        assert_eq!(keys.len(), 15);
        assert!(keys.is_sorted() && keys.contains(&"first_reminder"));
        assert!(list["data"].as_array().unwrap().iter().all(|one| one["origin"] == "builtin" && one["languages"].as_array().unwrap().len() == 4));
        let shown = app.get("/v1/templates/first_reminder", &tenant.live).await.expect(200);
        assert_eq!((&shown["template"]["name"], &shown["version"], &shown["channel"]), (&json!("First reminder"), &Value::Null, &json!("email")));
        assert!(shown["contents"]["de"]["body_html"].as_str().unwrap().contains("<p"));
        assert_eq!(app.get("/v1/templates/nothing", &tenant.live).await.status, 404);
        assert_eq!(app.get("/v1/templates/first_reminder?version=1", &tenant.live).await.status, 404);
        assert_eq!(app.get("/v1/templates/No-Key", &tenant.live).await.status, 400);
    }

    async fn a_draft_changes_nothing_until_it_is_activated(app: App) {
        let tenant = app.tenant("Atelier").await;
        let path = "/v1/templates/first_reminder";
        let put = async |body: Value| app.send("PUT", path, &tenant.live, body, &[]).await;
        let draft = put(email("Relance", "Bonjour {{ contact.name }}")).await.expect(200);
        assert_eq!((&draft["version"], &draft["state"], &draft["template"]["origin"]), (&json!(1), &json!("draft"), &json!("builtin")));
        assert_eq!(put(email("Relance", "Bonjour {{ contact.name }}")).await.expect(200)["version"], 1, "the same draft again is no version");
        assert_eq!(app.get(path, &tenant.live).await.expect(200)["version"], Value::Null, "the product's text is still in force");
        let second = put(email("Relance 2", "Bonjour {{ contact.name }}")).await.expect(200);
        assert_eq!(second["template"]["draft_version"], 2);

        let active = app.post(&format!("{path}/versions/2/activate"), &tenant.live, Value::Null).await.expect(200);
        assert_eq!((&active["version"], &active["state"], &active["template"]["origin"]), (&json!(2), &json!("active"), &json!("own")));
        assert_eq!((&active["template"]["draft_version"], &active["template"]["languages"]), (&Value::Null, &json!(["fr"])));
        let back = app.post(&format!("{path}/versions/1/activate"), &tenant.live, Value::Null).await.expect(200);
        assert_eq!(back["contents"]["fr"]["subject"], "Relance");
        assert_eq!(app.get(&format!("{path}?version=2"), &tenant.live).await.expect(200)["state"], "retired");
        let here = partition(&tenant, Mode::Live);
        let source = app.db.read_now(here, |conn| store::templates::active(conn, here, "first_reminder")).unwrap();
        assert_eq!(source.contents[&Language::French].subject.as_deref(), Some("Relance"));
        assert_eq!(app.get("/v1/templates", &tenant.live).await.expect(200)["data"].as_array().unwrap().len(), 15);
    }

    async fn every_fault_of_every_language_is_named_at_once(app: App) {
        let tenant = app.tenant("Atelier").await;
        let body = json!({"name": "Bad", "channel": "email", "contents": {
            "fr": {"subject": "{{ nobody }}", "body_text": "{% include 'x' %}"},
            "en": {"subject": "Hello", "body_html": "<p>{{ total }}</p>"}}});
        app.send("PUT", "/v1/templates/mine", &tenant.live, body, &[]).await.expect(200);
        let refused = app.post("/v1/templates/mine/versions/1/activate", &tenant.live, Value::Null).await;
        assert_eq!(refused.status, 422, "{}", refused.text);
        let found = faults(&refused.body);
        for pointer in ["/contents/fr/subject", "/contents/fr/body_text", "/contents/en/body_text", "/contents/en/body_html"] {
            assert!(found.iter().any(|(at, _)| at == pointer), "{pointer} is missing in {}", refused.text);
        }
        assert_eq!(app.post("/v1/templates/mine/versions/7/activate", &tenant.live, Value::Null).await.status, 404);
        assert_eq!(app.post("/v1/templates/mine/versions/x/activate", &tenant.live, Value::Null).await.status, 400);
        let languages = app.send("PUT", "/v1/templates/mine", &tenant.live, json!({"name": "x", "channel": "sms", "contents": {"it": {"sms": "ciao"}}}), &[]).await;
        assert_eq!(languages.status, 400, "{}", languages.text);
        assert_eq!(app.send("PUT", "/v1/templates/mine", &tenant.live, json!({"name": "x", "channel": "sms", "contents": {}}), &[]).await.status, 422);
    }

    async fn a_text_that_policies_need_keeps_its_parts(app: App) {
        let tenant = app.tenant("Atelier").await;
        let sms = json!({"name": "Short", "channel": "sms", "contents": {"en": {"sms": "{{ creditor.name }}: {{ total | money }}"}}});
        app.send("PUT", "/v1/templates/formal_notice", &tenant.live, sms, &[]).await.expect(200);
        let refused = app.post("/v1/templates/formal_notice/versions/1/activate", &tenant.live, Value::Null).await;
        assert_eq!(refused.status, 422, "{}", refused.text);
        let channels: Vec<bool> = [Channel::Email, Channel::Letter].iter().map(|channel| refused.text.contains(&format!("by {channel}"))).collect();
        assert_eq!(channels, [true, true], "{}", refused.text);
        assert!(faults(&refused.body).iter().all(|(_, code)| code == "needed_by_policy"));
    }

    async fn previews_fill_in_an_invented_account(app: App) {
        let tenant = app.tenant("Atelier").await;
        let preview = async |key: &str, body: Value| app.post(&format!("/v1/templates/{key}/preview"), &tenant.live, body).await;
        let mail = preview("first_reminder", json!({"language": "fr"})).await.expect(200);
        assert!(mail["html"].as_str().unwrap().contains("Dupont &amp; Fils") || mail["html"].as_str().unwrap().contains("Camille Dupont"), "{mail}");
        assert!(mail["text"].as_str().unwrap().contains("F-2026-0042") && mail["segments"].is_null());
        let sms = preview("sms_reminder", json!({"language": "en"})).await.expect(200);
        assert!(sms["segments"]["segments"].as_i64().unwrap() >= 1 && sms["segments"]["encoding"].is_string());
        let costly = preview("sms_reminder", json!({"language": "fr", "content": {"sms": format!("ê{}", "a".repeat(100))}})).await.expect(200);
        assert_eq!((&costly["segments"]["encoding"], &costly["segments"]["segments"], &costly["transliteration"]["saved"]), (&json!("ucs_2"), &json!(2), &json!(1)));
        let letter = preview("formal_notice", json!({"language": "nl", "channel": "letter"})).await.expect(200);
        assert_eq!((&letter["channel"], &letter["html"]), (&json!("letter"), &Value::Null));
    }

    async fn previews_show_what_is_not_saved_and_what_is_wrong(app: App) {
        let tenant = app.tenant("Atelier").await;
        let preview = async |key: &str, body: Value| app.post(&format!("/v1/templates/{key}/preview"), &tenant.live, body).await;
        let unsaved = preview("brand_new", json!({"language": "fr", "channel": "call", "content": {"body_text": "Appeler {{ contact.name }}"}})).await.expect(200);
        assert_eq!(unsaved["text"], "Appeler Camille Dupont");
        assert_eq!(preview("brand_new", json!({"language": "fr"})).await.status, 404);
        let nowhere = preview("brand_new", json!({"language": "fr", "content": {"body_text": "x"}})).await;
        assert_eq!((nowhere.status, faults(&nowhere.body)), (422, vec![("/channel".to_owned(), "required".to_owned())]));
        let wrong = preview("call_firm", json!({"language": "fr", "content": {"body_text": "{{ nobody }}"}})).await;
        assert_eq!((wrong.status, faults(&wrong.body)), (422, vec![("/content/body_text".to_owned(), "unknown_variable".to_owned())]));
        let both = preview("call_firm", json!({"language": "fr", "version": 1, "content": {"body_text": "x"}})).await;
        assert_eq!(faults(&both.body)[0].1, "contradiction");
        app.send("PUT", "/v1/templates/call_firm", &tenant.live, json!({"name": "Ma relance", "channel": "call", "contents": {"fr": {"body_text": "Version {{ total | money }}"}}}), &[]).await.expect(200);
        let draft = preview("call_firm", json!({"language": "de", "version": 1})).await.expect(200);
        assert_eq!(draft["language"], "fr", "the tenant's language stands in for the one that is missing");
    }

    async fn a_preview_with_a_real_account_needs_the_right_to_read_it(app: App) {
        let tenant = app.tenant("Atelier").await;
        let customer = debtor(&app, &tenant, Mode::Live, "ann@example.com", "+33612345678");
        customer.invoice(&app, "F-1");
        let body = json!({"language": "en", "customer_id": customer.id.to_string()});
        let mail = app.post("/v1/templates/first_reminder/preview", &tenant.live, body.clone()).await.expect(200);
        let text = mail["text"].as_str().unwrap();
        assert!(text.contains("F-1") && text.contains("100.00") && text.contains("Camille Dupont") && text.contains("Atelier"), "{text}");
        let key = app.post("/v1/api-keys", &tenant.live, json!({"name": "texts", "scopes": ["templates:read"]})).await.expect(201);
        let refused = app.post("/v1/templates/first_reminder/preview", key["secret"].as_str().unwrap(), body.clone()).await;
        assert_eq!(refused.status, 403, "{}", refused.text);
        let other = app.tenant("Autre").await;
        for foreign in [&other.live, &tenant.test] {
            assert_eq!(app.post("/v1/templates/first_reminder/preview", foreign, body.clone()).await.status, 404);
        }
    }

    async fn another_tenant_sees_the_products_texts_alone(app: App) {
        let (tenant, other) = (app.tenant("Atelier").await, app.tenant("Autre").await);
        app.send("PUT", "/v1/templates/mine", &tenant.live, email("A", "B"), &[]).await.expect(200);
        app.post("/v1/templates/mine/versions/1/activate", &tenant.live, Value::Null).await.expect(200);
        for key in [&other.live, &tenant.test] {
            assert_eq!(app.get("/v1/templates/mine", key).await.status, 404);
            assert_eq!(app.post("/v1/templates/mine/versions/1/activate", key, Value::Null).await.status, 404);
            assert_eq!(app.get("/v1/templates", key).await.expect(200)["data"].as_array().unwrap().len(), 15);
        }
        assert_eq!(app.get("/v1/templates", &tenant.live).await.expect(200)["data"].as_array().unwrap().len(), 16);
    }
}
