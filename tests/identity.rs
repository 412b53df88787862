//! People: whom a tenant's identity providers let in, with which rights, and under which name the journal knows them.

use chrono::TimeDelta;
use data_encoding::BASE64URL_NOPAD;
use relance::domain::ids::Mode;
use serde_json::{Value, json};

use crate::{
    on_both,
    support::{
        App, Tenant,
        issuer::{Issuer, Key, Manner, sign},
        ledger::partition,
    },
};

/// Longer than anything is remembered.
async fn a_moment() {
    actix_web::rt::time::sleep(std::time::Duration::from_millis(4_500)).await;
}

/// A tenant that believes an issuer with an RSA key.
async fn believer(app: &App) -> (Tenant, Issuer, Key, String) {
    let (tenant, key) = (app.tenant("Atelier").await, Key::rsa());
    let issuer = Issuer::open(&key);
    let provider = issuer.trusted_by(app, &tenant.live, &["RS256"]).await;
    (tenant, issuer, key, provider)
}

fn header(algorithm: &str) -> Value {
    json!({"alg": algorithm, "kid": "a"})
}

fn merged(mut value: Value, change: Value) -> Value {
    value.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    value
}

on_both! {
    async fn every_kind_of_key_lets_people_in(app: App) {
        let tenant = app.tenant("Atelier").await;
        for (key, algorithm) in [(Key::rsa(), "RS256"), (Key::rsa(), "PS256"), (Key::p256(), "ES256"), (Key::ed25519(), "EdDSA")] {
            let issuer = Issuer::open(&key);
            issuer.trusted_by(&app, &tenant.live, &[algorithm]).await;
            let me = app.as_person("GET", "/v1/me", &tenant, &issuer.token(&app, &key, algorithm, &["desk"]), Value::Null).await.expect(200);
            assert_eq!((&me["kind"], &me["mode"], &me["tenant_id"]), (&json!("person"), &json!("live"), &json!(tenant.id)), "{algorithm}");
            assert!(me["actor"].as_str().unwrap().starts_with("usr_"), "{me}");
        }
    }

    async fn claims_give_the_rights_of_roles_and_no_more(app: App) {
        let (tenant, issuer, key, _) = believer(&app).await;
        let roles = app.get("/v1/roles", &tenant.live).await.expect(200);
        let held = |role: &str| roles["data"].as_array().unwrap().iter().find(|one| one["role"] == role).unwrap()["scopes"].clone();
        for (groups, role) in [(&["leads"][..], "manager"), (&["desk", "others"], "agent"), (&["guests"], "viewer")] {
            let me = app.as_person("GET", "/v1/me", &tenant, &issuer.token(&app, &key, "RS256", groups), Value::Null).await.expect(200);
            assert_eq!(me["scopes"], held(role), "{role}");
        }
        let nobody = app.as_person("GET", "/v1/me", &tenant, &issuer.token(&app, &key, "RS256", &["others"]), Value::Null).await;
        assert_eq!((nobody.status, &nobody.body["code"]), (403, &json!("forbidden")));
        let viewer = issuer.token(&app, &key, "RS256", &["guests"]);
        let refused = app.as_person("POST", "/v1/customers", &tenant, &viewer, json!({"name": "Garage", "kind": "business"})).await;
        assert_eq!((refused.status, &refused.body["detail"]), (403, &json!("the scope customers:write is needed")));
    }

    async fn the_journal_names_the_person_and_not_who_it_is(app: App) {
        let (tenant, issuer, key, provider) = believer(&app).await;
        let token = issuer.token(&app, &key, "RS256", &["desk"]);
        let made = app.as_person("POST", "/v1/customers", &tenant, &token, json!({"name": "Garage", "kind": "business"})).await.expect(201);
        let people = app.list(&tenant.live, "/v1/people").await;
        assert_eq!((people.len(), &people[0]["subject"], &people[0]["identity_provider_id"]), (1, &json!("ann"), &json!(provider)));
        let person = people[0]["id"].as_str().unwrap();
        let entries = app.list(&tenant.live, &format!("/v1/evidence?actor={person}")).await;
        assert_eq!(entries.iter().map(|entry| entry["record"]["subject"].clone()).collect::<Vec<_>>(), [made["id"].clone()]);
        let all = app.get("/v1/evidence?limit=200", &tenant.live).await;
        assert!(!all.text.contains("\"ann\""), "{}", all.text);
        // The same person again, with another token; forgotten, somebody new.
        app.clock.advance(TimeDelta::minutes(1));
        assert_eq!(app.admits(&tenant, &issuer.token(&app, &key, "RS256", &["desk"])).await, 200);
        assert_eq!(app.list(&tenant.live, "/v1/people").await.len(), 1);
        let forgotten = app.post(&format!("/v1/people/{person}/forget"), &tenant.live, Value::Null).await.expect(200);
        assert_eq!(forgotten["subject"], Value::Null);
        a_moment().await;
        assert_eq!(app.admits(&tenant, &issuer.token(&app, &key, "RS256", &["desk"])).await, 200);
        assert_eq!(app.list(&tenant.live, "/v1/people").await.len(), 2);
    }

    async fn a_revoked_provider_and_a_blocked_person_fall_within_five_seconds(app: App) {
        let (tenant, issuer, key, provider) = believer(&app).await;
        let token = issuer.token(&app, &key, "RS256", &["desk"]);
        assert_eq!(app.admits(&tenant, &token).await, 200);
        let person = app.list(&tenant.live, "/v1/people").await[0]["id"].as_str().unwrap().to_owned();
        app.post(&format!("/v1/people/{person}/block"), &tenant.live, Value::Null).await.expect(200);
        a_moment().await;
        let blocked = app.as_person("GET", "/v1/me", &tenant, &token, Value::Null).await;
        assert_eq!((blocked.status, &blocked.body["code"]), (403, &json!("person_blocked")));
        app.post(&format!("/v1/people/{person}/unblock"), &tenant.live, Value::Null).await.expect(200);
        assert_eq!(app.admits(&tenant, &token).await, 200);
        app.post(&format!("/v1/identity-providers/{provider}/revoke"), &tenant.live, Value::Null).await.expect(200);
        a_moment().await;
        assert_eq!(app.admits(&tenant, &token).await, 401);
        // Its place is free again.
        issuer.trusted_by(&app, &tenant.live, &["RS256"]).await;
        assert_eq!(app.admits(&tenant, &token).await, 200);
    }

    async fn algorithms_cannot_be_confused(app: App) {
        let (tenant, issuer, key, _) = believer(&app).await;
        let good = issuer.token(&app, &key, "RS256", &["leads"]);
        assert_eq!(app.admits(&tenant, &good).await, 200);
        let claims = issuer.claims(&app, &["leads"]);
        let text = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        // The public key as a shared secret, in every form in which it is published.
        let public = key.public("a");
        let modulus = BASE64URL_NOPAD.decode(public["n"].as_str().unwrap().as_bytes()).unwrap();
        for secret in [modulus, public.to_string().into_bytes(), public["n"].as_str().unwrap().as_bytes().to_vec()] {
            let signed = format!("{}.{}", text(&header("HS256")), text(&claims));
            let mac = aws_lc_rs::hmac::sign(&aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &secret), signed.as_bytes());
            assert_eq!(app.admits(&tenant, &format!("{signed}.{}", BASE64URL_NOPAD.encode(mac.as_ref()))).await, 401);
        }
        for none in ["none", "None", "NONE", "nOnE", ""] {
            assert_eq!(app.admits(&tenant, &format!("{}.{}.", text(&header(none)), text(&claims))).await, 401, "{none}");
            let (_, signature) = good.rsplit_once('.').unwrap();
            assert_eq!(app.admits(&tenant, &format!("{}.{}.{signature}", text(&header(none)), text(&claims))).await, 401, "{none}");
        }
        // A good signature, of an algorithm that this tenant does not allow.
        assert_eq!(app.admits(&tenant, &sign(&key, &header("PS256"), &claims)).await, 401);
    }

    async fn a_token_brings_no_key_along(app: App) {
        let (tenant, issuer, _, _) = believer(&app).await;
        let (own, elsewhere) = (Key::rsa_of_another(), Issuer::open(&Key::rsa_of_another()));
        let claims = issuer.claims(&app, &["leads"]);
        let place = format!("{}/keys", elsewhere.url);
        for extra in [json!({}), json!({"jku": place}), json!({"x5u": place}), json!({"jwk": own.public("a")}), json!({"x5c": ["MIIB"]})] {
            assert_eq!(app.admits(&tenant, &sign(&own, &merged(header("RS256"), extra.clone()), &claims)).await, 401, "{extra}");
        }
        assert_eq!(app.admits(&tenant, &sign(&own, &merged(header("RS256"), json!({"crit": ["b64"], "b64": false})), &claims)).await, 401);
        assert_eq!(elsewhere.calls(), 0);
    }

    async fn claims_are_held_to(app: App) {
        let (tenant, issuer, key, _) = believer(&app).await;
        let now = app.clock.now().timestamp();
        let of = |change: Value| sign(&key, &header("RS256"), &merged(issuer.claims(&app, &["desk"]), change));
        for wrong in [
            json!({"iss": "https://login.example.com"}), json!({"iss": format!("{}/", issuer.url)}), json!({"aud": "other"}), json!({"aud": ["a", "b"]}),
            json!({"exp": now - 31}), json!({"exp": null}), json!({"nbf": now + 60}), json!({"iat": now + 60}), json!({"sub": null}), json!({"exp": now + 90_000}),
        ] {
            assert_eq!(app.admits(&tenant, &of(wrong.clone())).await, 401, "{wrong}");
        }
        for fine in [json!({"aud": ["other", "relance"]}), json!({"exp": now - 20}), json!({"nbf": now + 20})] {
            assert_eq!(app.admits(&tenant, &of(fine.clone())).await, 200, "{fine}");
        }
        // It ends although it was believed a moment ago.
        let short = of(json!({"exp": now + 10}));
        assert_eq!(app.admits(&tenant, &short).await, 200);
        app.clock.advance(TimeDelta::seconds(40));
        assert_eq!(app.admits(&tenant, &short).await, 401);
    }

    async fn an_unknown_key_is_asked_for_once_a_minute(app: App) {
        let (tenant, issuer, key, _) = believer(&app).await;
        assert_eq!(app.admits(&tenant, &issuer.token(&app, &key, "RS256", &["desk"])).await, 200);
        assert_eq!(issuer.fetches(), 1);
        // Rotated: the new key is not known yet, and the issuer is left alone.
        let next = Key::rsa_of_another();
        issuer.publish(vec![key.public("a"), next.public("b")]);
        let of = |kid: &str, sub: &str| sign(&next, &json!({"alg": "RS256", "kid": kid}), &merged(issuer.claims(&app, &["desk"]), json!({"sub": sub})));
        for n in 0..5 {
            assert_eq!(app.admits(&tenant, &of("b", &n.to_string())).await, 401);
        }
        assert_eq!(issuer.fetches(), 1);
        app.clock.advance(TimeDelta::seconds(61));
        assert_eq!(app.admits(&tenant, &of("b", "1")).await, 200);
        assert_eq!(issuer.fetches(), 2);
        // Whatever names are made up, and however many.
        for n in 0..10 {
            assert_eq!(app.admits(&tenant, &of(&format!("made up {n}"), "1")).await, 401);
        }
        assert_eq!(issuer.fetches(), 2);
        app.clock.advance(TimeDelta::seconds(61));
        for n in 0..10 {
            assert_eq!(app.admits(&tenant, &of(&format!("made up {n}"), "1")).await, 401);
        }
        assert_eq!(issuer.fetches(), 3);
        // Withdrawn: it ends with the next look.
        issuer.publish(vec![next.public("b")]);
        app.clock.advance(TimeDelta::minutes(11));
        assert_eq!(app.admits(&tenant, &of("b", "1")).await, 200);
        assert_eq!(app.admits(&tenant, &issuer.token(&app, &key, "RS256", &["desk"])).await, 401);
    }

    async fn many_who_come_at_once_ask_once(app: App) {
        let (tenant, issuer, key, _) = believer(&app).await;
        let tokens: Vec<String> = (0..12).map(|n| sign(&key, &header("RS256"), &merged(issuer.claims(&app, &["desk"]), json!({"jti": n})))).collect();
        let admitted = futures_util::future::join_all(tokens.iter().map(|token| app.admits(&tenant, token))).await;
        assert_eq!(admitted, [200; 12]);
        assert_eq!((issuer.fetches(), app.list(&tenant.live, "/v1/people").await.len()), (1, 1));
    }

    async fn an_issuer_that_is_down_keeps_nobody_out_for_a_day(app: App) {
        let (tenant, issuer, key, provider) = believer(&app).await;
        issuer.behave(Manner::Down);
        let lost = app.as_person("GET", "/v1/me", &tenant, &issuer.token(&app, &key, "RS256", &["desk"]), Value::Null).await;
        assert_eq!((lost.status, &lost.body["code"], lost.header("retry-after")), (503, &json!("issuer_unavailable"), Some("10")));
        let check = app.post(&format!("/v1/identity-providers/{provider}/check"), &tenant.live, Value::Null).await.expect(200);
        assert_eq!((&check["usable"], check["problem"].is_string()), (&json!(false), true));
        issuer.behave(Manner::Well);
        app.clock.advance(TimeDelta::seconds(11));
        assert_eq!(app.admits(&tenant, &issuer.token(&app, &key, "RS256", &["desk"])).await, 200);
        let check = app.post(&format!("/v1/identity-providers/{provider}/check"), &tenant.live, Value::Null).await.expect(200);
        assert_eq!((&check["usable"], &check["keys"], &check["problem"]), (&json!(true), &json!(1), &Value::Null));
        issuer.behave(Manner::Down);
        app.clock.advance(TimeDelta::hours(23));
        let before = issuer.calls();
        for _ in 0..3 {
            assert_eq!(app.admits(&tenant, &issuer.token(&app, &key, "RS256", &["desk"])).await, 200);
        }
        assert!(issuer.calls() <= before + 1, "it is left alone");
        app.clock.advance(TimeDelta::hours(1));
        assert_eq!(app.admits(&tenant, &issuer.token(&app, &key, "RS256", &["desk"])).await, 503);
    }

    async fn an_issuer_leads_nowhere_else(app: App) {
        let (tenant, issuer, key, provider) = believer(&app).await;
        let other = Issuer::open(&key);
        let token = issuer.token(&app, &key, "RS256", &["desk"]);
        for (manner, said) in [
            (Manner::Redirect(format!("{}/.well-known/openid-configuration", other.url)), "redirects are not followed"),
            (Manner::Misnamed, "discovery document is that of"),
            (Manner::Endless, "more than 64 kB"),
            (Manner::Hanging, "within five seconds"),
            (Manner::KeysMoved("ftp://example.com/keys".to_owned()), "not an absolute http or https URL"),
        ] {
            issuer.behave(manner.clone());
            app.clock.advance(TimeDelta::seconds(11));
            assert_eq!(app.admits(&tenant, &token).await, 503, "{manner:?}");
            let check = app.post(&format!("/v1/identity-providers/{provider}/check"), &tenant.live, Value::Null).await.expect(200);
            assert!(check["problem"].as_str().unwrap().contains(said), "{manner:?}: {check}");
        }
        assert_eq!(other.calls(), 0);
    }

    async fn an_issuer_is_believed_by_the_tenant_that_says_so(app: App) {
        let (tenant, issuer, key, _) = believer(&app).await;
        let other = app.tenant("Other").await;
        let token = issuer.token(&app, &key, "RS256", &["leads"]);
        assert_eq!(app.admits(&tenant, &token).await, 200);
        assert_eq!(app.admits(&other, &token).await, 401);
        assert_eq!(app.get("/v1/me", &token).await.status, 401);
        // Nor in its other mode.
        let in_test = [("Relance-Tenant", tenant.id.as_str()), ("Relance-Mode", "test")];
        assert_eq!(app.send("GET", "/v1/me", &token, Value::Null, &in_test).await.status, 401);
        issuer.trusted_by(&app, &tenant.test, &["RS256"]).await;
        let me = app.send("GET", "/v1/me", &token, Value::Null, &in_test).await.expect(200);
        assert_eq!(me["mode"], "test");
        for wrong in [[("Relance-Tenant", "ten_nobody"), ("Relance-Mode", "live")], [("Relance-Tenant", tenant.id.as_str()), ("Relance-Mode", "rehearsal")], [("Relance-Tenant", "ten_00000000000000000000000000"), ("Relance-Mode", "live")]] {
            assert_eq!(app.send("GET", "/v1/me", &token, Value::Null, &wrong).await.status, 401, "{wrong:?}");
        }
        // Another tenant's issuer has a key of the same name: it is another key.
        let foreign = Key::p256();
        let its = Issuer::open(&foreign);
        its.trusted_by(&app, &other.live, &["ES256", "RS256"]).await;
        assert_eq!(app.admits(&other, &its.token(&app, &foreign, "ES256", &["leads"])).await, 200);
        let forged = sign(&foreign, &header("ES256"), &issuer.claims(&app, &["leads"]));
        assert_eq!(app.admits(&tenant, &forged).await, 401);
        let crossed = sign(&key, &header("RS256"), &its.claims(&app, &["leads"]));
        assert_eq!(app.admits(&other, &crossed).await, 401);
    }

    async fn nobody_gives_by_an_issuer_what_he_does_not_hold(app: App) {
        let tenant = app.tenant("Atelier").await;
        let scopes = json!(["identity:read", "identity:write", "invoices:read"]);
        let made = app.post("/v1/api-keys", &tenant.live, json!({"name": "identity", "scopes": scopes})).await.expect(201);
        let own = made["secret"].as_str().unwrap();
        let provider = |roles: Value, scopes: Value| {
            json!({"name": "x", "issuer": "https://login.example.com", "audience": "relance", "algorithms": ["ES256"], "roles": roles, "scopes": scopes})
        };
        let owner = json!({"claim": "groups", "values": [{"value": "a", "role": "viewer"}]});
        let refused = app.post("/v1/identity-providers", own, provider(owner.clone(), Value::Null)).await;
        assert_eq!((refused.status, &refused.body["errors"][0]["pointer"]), (422, &json!("/roles/values/0/role")));
        let few = json!({"claim": "scope", "allowed": ["invoices:read"]});
        let id = app.post("/v1/identity-providers", own, provider(Value::Null, few.clone())).await.expect(201)["id"].as_str().unwrap().to_owned();
        let path = format!("/v1/identity-providers/{id}");
        assert_eq!(app.patch(&path, own, json!({"roles": owner})).await.status, 422);
        assert_eq!(app.patch(&path, own, json!({"scopes": null})).await.status, 422);
        let changed = app.patch(&path, &tenant.live, json!({"roles": owner, "algorithms": ["EdDSA"]})).await.expect(200);
        assert_eq!((&changed["algorithms"], &changed["version"], &changed["scopes"]), (&json!(["EdDSA"]), &json!(2), &few));
        let again = app.post("/v1/identity-providers", own, provider(Value::Null, few)).await;
        assert_eq!((again.status, &again.body["code"]), (409, &json!("issuer_taken")));
        for wrong in [json!(["HS256"]), json!(["none"]), json!([])] {
            let body = merged(provider(owner.clone(), Value::Null), json!({"algorithms": wrong}));
            assert_eq!(app.post("/v1/identity-providers", &tenant.live, body).await.status, 400);
        }
    }

    async fn a_persons_token_is_used_as_it_is(app: App) {
        let (tenant, issuer, key, _) = believer(&app).await;
        let refused = app.as_person("POST", "/v1/tokens", &tenant, &issuer.token(&app, &key, "RS256", &["desk"]), Value::Null).await;
        assert_eq!((refused.status, &refused.body["code"]), (409, &json!("not_a_key")));
        assert!(app.db.read_now(partition(&tenant, Mode::Live), |conn| relance::store::people::list(conn, partition(&tenant, Mode::Live), None, None, 10)).unwrap().len() == 1);
    }
}
