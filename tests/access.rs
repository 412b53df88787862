//! Keys, tokens and tenants: who gets in, and what they see.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::on_both;

on_both! {
    async fn a_platform_key_makes_tenants_and_a_tenant_key_does_not(app: App) {
        let tenant = app.tenant("Atelier").await;
        let body = json!({"name": "Autre", "jurisdiction": "FR", "time_zone": "Europe/Paris", "language": "fr", "currency": "EUR"});
        let refused = app.post("/v1/tenants", &tenant.live, body).await;
        assert_eq!(refused.status, 403);
        assert_eq!(refused.body["detail"], "the scope tenants:manage is needed");
        let own = app.get("/v1/tenant", &tenant.test).await.expect(200);
        assert_eq!((&own["id"], &own["mode"]), (&json!(tenant.id), &json!("test")));
    }

    async fn every_fault_is_named_at_once_with_the_nearest_name(app: App) {
        let answer = app.post("/v1/tenants", &app.platform, json!({"nam": "x", "jurisdiction": "France", "time_zone": 3, "language": "fr", "currency": "EURO"})).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        let faults: Vec<(String, String)> = answer.body["errors"].as_array().unwrap().iter().map(|fault| (fault["pointer"].as_str().unwrap().to_owned(), fault["code"].as_str().unwrap().to_owned())).collect();
        for expected in [("/nam", "unknown_field"), ("/name", "required"), ("/jurisdiction", "wrong_format"), ("/time_zone", "wrong_type"), ("/currency", "unknown_value")] {
            assert!(faults.contains(&(expected.0.to_owned(), expected.1.to_owned())), "{expected:?} is missing in {}", answer.text);
        }
        assert!(answer.text.contains("did you mean name?") && answer.text.contains("did you mean EUR?"), "{}", answer.text);
        assert_eq!(answer.header("x-request-id"), answer.body["request_id"].as_str());
    }

    async fn a_revoked_key_and_its_tokens_fall_within_five_seconds(app: App) {
        let tenant = app.tenant("Atelier").await;
        let made = app.post("/v1/api-keys", &tenant.live, json!({"name": "export", "scopes": ["tenant:read", "invoices:read"]})).await.expect(201);
        let (id, secret) = (made["key"]["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
        let token = app.post("/v1/tokens", secret, Value::Null).await.expect(201)["access_token"].as_str().unwrap().to_owned();
        app.get("/v1/tenant", &token).await.expect(200);
        app.post(&format!("/v1/api-keys/{id}/revoke"), &tenant.live, Value::Null).await.expect(200);
        actix_web::rt::time::sleep(std::time::Duration::from_millis(4_500)).await;
        assert_eq!(app.get("/v1/tenant", secret).await.status, 401);
        assert_eq!(app.get("/v1/tenant", &token).await.status, 401);
    }

    async fn a_token_ends_after_fifteen_minutes(app: App) {
        let tenant = app.tenant("Atelier").await;
        let token = app.post("/v1/tokens", &tenant.live, Value::Null).await.expect(201)["access_token"].as_str().unwrap().to_owned();
        app.clock.advance(TimeDelta::minutes(14));
        app.get("/v1/tenant", &token).await.expect(200);
        app.clock.advance(TimeDelta::minutes(1));
        assert_eq!(app.get("/v1/tenant", &token).await.status, 401);
    }

    async fn rotation_lets_both_keys_work_until_the_overlap_ends(app: App) {
        let tenant = app.tenant("Atelier").await;
        let made = app.post("/v1/api-keys", &tenant.live, json!({"name": "export", "scopes": ["tenant:read"]})).await.expect(201);
        let (id, old) = (made["key"]["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
        let new = app.post(&format!("/v1/api-keys/{id}/rotate"), &tenant.live, json!({"overlap_seconds": 60})).await.expect(201)["secret"].as_str().unwrap().to_owned();
        app.get("/v1/tenant", old).await.expect(200);
        app.get("/v1/tenant", &new).await.expect(200);
        app.clock.advance(TimeDelta::seconds(61));
        actix_web::rt::time::sleep(std::time::Duration::from_millis(4_500)).await;
        assert_eq!(app.get("/v1/tenant", old).await.status, 401);
        app.get("/v1/tenant", &new).await.expect(200);
    }

    async fn a_key_cannot_give_what_it_does_not_hold(app: App) {
        let tenant = app.tenant("Atelier").await;
        let made = app.post("/v1/api-keys", &tenant.live, json!({"name": "keys", "scopes": ["keys:write"]})).await.expect(201);
        let refused = app.post("/v1/api-keys", made["secret"].as_str().unwrap(), json!({"name": "more", "scopes": ["invoices:write"]})).await;
        assert_eq!((refused.status, &refused.body["errors"][0]["code"]), (422, &json!("scope_not_held")));
    }

    async fn wrong_credentials_are_told_apart_by_nothing(app: App) {
        let tenant = app.tenant("Atelier").await;
        let mut mistyped = tenant.live.clone();
        mistyped.replace_range(20..21, if &mistyped[20..21] == "A" { "B" } else { "A" });
        let none_header = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.";
        for wrong in ["", "nonsense", mistyped.as_str(), none_header] {
            assert_eq!(app.get("/v1/tenant", wrong).await.status, 401, "{wrong}");
        }
    }

    async fn an_idempotency_key_has_one_effect(app: App) {
        let tenant = app.tenant("Atelier").await;
        let body = json!({"name": "export", "scopes": ["tenant:read"]});
        let key = [("Idempotency-Key", "\"once\"")];
        let first = app.send("POST", "/v1/api-keys", &tenant.live, body.clone(), &key).await;
        let again = app.send("POST", "/v1/api-keys", &tenant.live, body, &[("Idempotency-Key", "once")]).await;
        assert_eq!((first.status, again.status, &first.text), (201, 201, &again.text));
        assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), (None, Some("true")));
        let other = app.send("POST", "/v1/api-keys", &tenant.live, json!({"name": "x", "scopes": ["tenant:read"]}), &key).await;
        assert_eq!((other.status, &other.body["code"]), (422, &json!("key_reused")));
        assert_eq!(app.get("/v1/api-keys", &tenant.live).await.expect(200)["data"].as_array().unwrap().len(), 2);
    }

    async fn a_kept_answer_is_forgotten_after_thirty_days(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = [("Idempotency-Key", "export")];
        let send = async || app.send("POST", "/v1/api-keys", &tenant.live, json!({"name": "export", "scopes": ["tenant:read"]}), &key).await;
        let first = send().await.expect(201);
        app.clock.advance(TimeDelta::days(30) - TimeDelta::seconds(1));
        assert_eq!(send().await.header("idempotent-replayed"), Some("true"));
        app.clock.advance(TimeDelta::seconds(1));
        let fresh = send().await;
        assert_eq!((fresh.status, fresh.header("idempotent-replayed"), fresh.body == first), (201, None, false));
    }

    async fn no_text_holds_a_nul(app: App) {
        let tenant = app.tenant("Atelier").await;
        let body = app.post("/v1/customers", &tenant.live, json!({"name": "Garage\u{0}", "kind": "business"})).await;
        assert_eq!((body.status, &body.body["errors"][0]["pointer"]), (422, &json!("/name")));
        let query = app.get("/v1/customers?source=%00&external_id=1", &tenant.live).await;
        assert_eq!((query.status, &query.body["errors"][0]["pointer"]), (422, &json!("?source")));
    }

    async fn pages_hold_their_place(app: App) {
        let tenant = app.tenant("Atelier").await;
        for n in 0..5 {
            app.post("/v1/api-keys", &tenant.live, json!({"name": format!("k{n}"), "scopes": ["tenant:read"]})).await.expect(201);
        }
        let mut path = "/v1/api-keys?limit=2".to_owned();
        let mut names = Vec::new();
        loop {
            let page = app.get(&path, &tenant.live).await;
            let link = page.header("link").map(str::to_owned);
            let body = page.expect(200);
            names.extend(body["data"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()));
            match body["next_cursor"].as_str() {
                Some(cursor) => {
                    assert!(link.unwrap().contains("rel=\"next\""));
                    let foreign = app.get(&format!("/v1/api-keys?cursor={cursor}"), &tenant.test).await;
                    assert_eq!(foreign.body["errors"][0]["code"], "wrong_cursor");
                    path = format!("/v1/api-keys?limit=2&cursor={cursor}");
                }
                None => break,
            }
        }
        names.sort();
        assert_eq!(names, ["first", "k0", "k1", "k2", "k3", "k4"]);
    }

    async fn framework_errors_are_problems_too(app: App) {
        let lost = app.get("/v1/nowhere", "").await;
        assert_eq!((lost.status, &lost.body["code"]), (404, &json!("not_found")));
        let method = app.send("DELETE", "/v1/tenants", "", Value::Null, &[]).await;
        assert_eq!((method.status, method.header("allow")), (405, Some("GET, POST")));
        let unknown = app.get("/v1/api-keys?limt=3", &app.platform).await;
        assert!(unknown.status == 400 && unknown.text.contains("did you mean limit?"), "{}", unknown.text);
        assert_eq!(app.get("/v1/api-keys?limit=0", &app.platform).await.status, 400);
        app.get("/livez", "").await.expect(200);
        app.get("/readyz", "").await.expect(200);
        assert!(app.get("/metrics", "").await.text.contains("relance_http_request_seconds"));
        assert!(app.get("/docs/", "").await.text.contains("swagger"));
    }
}
