//! The habits of every operation: entity tags and preconditions, versions, rate limits, the end of an operation.

use std::sync::Arc;

use chrono::TimeDelta;
use relance::{
    config::Rates,
    http::{self, Contract},
};
use serde_json::{Value, json};

use crate::{
    on_both,
    support::{App, Tenant, database, published},
    tenancy::world::{Operation, World, operations},
};

/// The writes that cannot do without `If-Match`: edits of policies, and what moves money of something that exists. Each is a decision.
const NEEDS_MATCH: &[&str] = &[
    "activatePolicy",
    "allocateCreditNote",
    "allocatePayment",
    "archivePolicy",
    "cancelInvoice",
    "chargeInterest",
    "failDirectDebit",
    "migratePolicy",
    "putPolicyDraft",
    "returnPayment",
    "settleDirectDebit",
    "waiveInterest",
];
/// Writes to one thing that have nothing to be held to, and why.
const UNHELD: &[(&str, &str)] = &[
    ("deleteAllocation", "an allocation never changes, so whoever has seen it has seen what goes"),
    ("pushSourceInvoice", "it says what its source has, whatever is known here; what the source said later stays"),
];
const NOBODYS_TAG: &str = "\"AAAAAAAAAAAAAAAAAAAAAA\"";

/// A request without the harness's own `If-Match`.
async fn bare(app: &App, method: &str, path: &str, key: &str, body: &Value) -> crate::support::Reply {
    let bearer = format!("Bearer {key}");
    let mut headers = vec![("Authorization", bearer.as_str())];
    let text = if body.is_null() { String::new() } else { body.to_string() };
    if !body.is_null() {
        headers.push(("Content-Type", "application/json"));
    }
    app.raw(method, path, &headers, text).await
}

fn key_for<'a>(app: &'a App, world: &'a World, operation: &Operation) -> &'a str {
    match (operation.is_platforms(), operation.is_of_test_mode()) {
        _ if operation.is_of_a_page() => &world.page_key,
        (true, _) => &app.platform,
        (false, true) => &world.tenant.test,
        (false, false) => &world.tenant.live,
    }
}

#[test]
fn the_writes_that_need_a_tag_are_those_decided_on() {
    let mut needy: Vec<String> = operations()
        .into_iter()
        .filter(|one| one.header("If-Match").is_some_and(|one| one["required"] == true))
        .map(|one| one.id)
        .collect();
    needy.sort();
    assert_eq!(needy, NEEDS_MATCH);
    // Whatever edits or deletes one thing takes a tag, or says why not.
    for one in operations().iter().filter(|one| ["PATCH", "PUT", "DELETE"].contains(&one.method.as_str()) && one.scope().is_some()) {
        let unheld = UNHELD.iter().any(|(id, _)| *id == one.id);
        assert!(one.header("If-Match").is_some() != unheld, "{}", one.id);
    }
}

on_both! {
    /// What the document promises of tags, every operation keeps.
    async fn whatever_is_shown_with_a_tag_is_not_sent_twice(app: App) {
        let world = World::of(&app, "Owner").await;
        let mut seen = 0;
        for operation in operations().iter().filter(|one| one.header("If-None-Match").is_some() && one.scope().is_some()) {
            let (path, key) = (world.request(operation).path, key_for(&app, &world, operation));
            let first = app.get(&path, key).await;
            assert_eq!(first.status, 200, "{}: {}", operation.id, first.text);
            let tag = first.header("etag").unwrap_or_else(|| panic!("{} has no tag", operation.id)).to_owned();
            let again = app.send("GET", &path, key, Value::Null, &[("If-None-Match", &tag)]).await;
            // What is computed at this moment may say at which.
            if again.status == 200 {
                assert_ne!(again.text, first.text, "{}", operation.id);
                continue;
            }
            assert_eq!((again.status, again.text.as_str(), again.header("etag")), (304, "", Some(tag.as_str())), "{}", operation.id);
            let other = app.send("GET", &path, key, Value::Null, &[("If-None-Match", NOBODYS_TAG)]).await;
            assert_eq!(other.status, 200, "{}", operation.id);
            seen += 1;
        }
        assert!(seen > 30, "only {seen} were seen");
    }

    async fn a_write_is_held_to_what_was_read(app: App) {
        let world = World::of(&app, "Owner").await;
        let before = world.everything(&app).await;
        let held: Vec<Operation> = operations().into_iter().filter(|one| one.header("If-Match").is_some()).collect();
        assert!(held.len() > 40);
        for operation in &held {
            let (request, key) = (world.request(operation), key_for(&app, &world, operation));
            let wrong = app.send(&operation.method, &request.path, key, request.body.clone(), &[("If-Match", NOBODYS_TAG)]).await;
            assert_eq!((wrong.status, &wrong.body["code"]), (412, &json!("precondition_failed")), "{}: {}", operation.id, wrong.text);
            let odd = app.send(&operation.method, &request.path, key, request.body.clone(), &[("If-Match", "odd")]).await;
            assert_eq!((odd.status, &odd.body["code"]), (412, &json!("precondition_failed")), "{}: {}", operation.id, odd.text);
            let needs = NEEDS_MATCH.contains(&operation.id.as_str());
            if needs {
                let without = bare(&app, &operation.method, &request.path, key, &request.body).await;
                assert_eq!((without.status, &without.body["code"]), (428, &json!("precondition_required")), "{}: {}", operation.id, without.text);
            }
        }
        assert!(before == world.everything(&app).await, "something was changed by what was refused");
    }

    async fn the_tag_that_a_write_answers_with_is_the_one_that_is_read(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.live;
        let made = app.post("/v1/customers", key, json!({"name": "Garage", "kind": "business"})).await;
        let path = format!("/v1/customers/{}", made.body["id"].as_str().unwrap());
        let read = app.get(&path, key).await;
        assert_eq!((made.header("etag").is_some(), made.header("etag")), (true, read.header("etag")));
        let stale = read.header("etag").unwrap().to_owned();
        let changed = app.send("PATCH", &path, key, json!({"name": "Garage Neuf"}), &[("If-Match", &stale)]).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
        assert_eq!(changed.header("etag"), app.get(&path, key).await.header("etag"));
        let late = app.send("PATCH", &path, key, json!({"name": "Garage Vieux"}), &[("If-Match", &stale)]).await;
        assert_eq!((late.status, app.get(&path, key).await.body["name"].as_str()), (412, Some("Garage Neuf")));
        // Whoever is there belongs to what is shown.
        app.post(&format!("{path}/contacts"), key, json!({"name": "Zoé", "email": "zoe@client.example"})).await.expect(201);
        let fresh = changed.header("etag").unwrap();
        assert_eq!(app.send("PATCH", &path, key, json!({"name": "x"}), &[("If-Match", fresh)]).await.status, 412);
        let listed = format!("\"x\", {}", app.get(&path, key).await.header("etag").unwrap());
        for good in [listed.as_str(), "*"] {
            assert_eq!(app.send("PATCH", &path, key, json!({"segment": "a"}), &[("If-Match", good)]).await.status, 200, "{good}");
        }
        let put = "/v1/customers/by-external-id/erp/C1";
        let absent = app.send("PUT", put, key, json!({"name": "Neuf", "kind": "business"}), &[("If-Match", "*")]).await;
        assert_eq!((absent.status, app.get(put, key).await.status), (412, 404));
        let gone = app.send("PATCH", "/v1/customers/cus_01jd3kq8e5fvv8m3s9tqz4x7ya", key, json!({}), &[("If-Match", NOBODYS_TAG)]).await;
        assert_eq!(gone.status, 404);
    }

    async fn a_repeated_request_is_answered_whatever_has_become_of_its_subject(app: App) {
        let (tenant, payment) = paid(&app).await;
        let key = &tenant.live;
        let path = format!("/v1/payments/{payment}/return");
        let tag = app.get(&format!("/v1/payments/{payment}"), key).await.header("etag").unwrap().to_owned();
        let headers = [("If-Match", tag.as_str()), ("Idempotency-Key", "return-1")];
        let stale = [("If-Match", NOBODYS_TAG), ("Idempotency-Key", "return-1")];
        assert_eq!(app.send("POST", &path, key, json!({"reason": "AC04"}), &stale).await.status, 412, "nothing is kept of what was refused");
        let first = app.send("POST", &path, key, json!({"reason": "AC04"}), &headers).await;
        assert_eq!((first.status, first.header("idempotent-replayed")), (200, None), "{}", first.text);
        let again = app.send("POST", &path, key, json!({"reason": "AC04"}), &headers).await;
        assert_eq!((again.status, again.header("idempotent-replayed"), &again.text), (200, Some("true"), &first.text));
        assert_eq!(again.header("etag"), first.header("etag"));
    }

    async fn of_many_who_have_read_the_same_one_changes_it(app: App) {
        let (tenant, payment) = paid(&app).await;
        let key = &tenant.live;
        let tag = app.get(&format!("/v1/payments/{payment}"), key).await.header("etag").unwrap().to_owned();
        let path = format!("/v1/payments/{payment}/return");
        let give_back = async |reason: String| app.send("POST", &path, key, json!({ "reason": reason }), &[("If-Match", &tag)]).await.status;
        let all = futures_util::future::join_all((0..8).map(|n| give_back(format!("R{n}")))).await;
        assert_eq!((all.iter().filter(|status| **status == 200).count(), all.iter().filter(|status| **status == 412).count()), (1, 7), "{all:?}");
        let customer = app.get(&format!("/v1/payments/{payment}"), key).await.body["customer_id"].as_str().unwrap().to_owned();
        let path = format!("/v1/customers/{customer}");
        let tag = app.get(&path, key).await.header("etag").unwrap().to_owned();
        let rename = async |name: String| app.send("PATCH", &path, key, json!({ "name": name }), &[("If-Match", &tag)]).await.status;
        let all = futures_util::future::join_all((0..8).map(|n| rename(format!("N{n}")))).await;
        assert_eq!((all.iter().filter(|status| **status == 200).count(), all.iter().filter(|status| **status == 412).count()), (1, 7), "{all:?}");
    }

    async fn a_compressed_representation_has_a_tag_of_its_own(app: App) {
        let tenant = app.tenant("Atelier").await;
        let bearer = format!("Bearer {}", tenant.live);
        let path = "/v1/templates/first_reminder";
        let plain = app.get(path, &tenant.live).await.header("etag").unwrap().to_owned();
        let packed = app.raw("GET", path, &[("Authorization", &bearer), ("Accept-Encoding", "gzip")], String::new()).await;
        let tag = packed.header("etag").unwrap().to_owned();
        assert_eq!((packed.header("content-encoding"), tag.as_str()), (Some("gzip"), format!("{}-gzip\"", plain.trim_end_matches('"')).as_str()));
        assert_eq!(app.send("GET", path, &tenant.live, Value::Null, &[("If-None-Match", &tag)]).await.status, 304);
    }

    async fn a_version_is_a_date_that_is_known(app: App) {
        let tenant = app.tenant("Atelier").await;
        let newest = app.get("/livez", "").await.header("relance-version").unwrap().to_owned();
        let asked = app.send("GET", "/v1/tenant", &tenant.live, Value::Null, &[("Relance-Version", &newest)]).await;
        assert_eq!((asked.status, asked.header("relance-version")), (200, Some(newest.as_str())));
        for wrong in ["2019-01-01", "yesterday"] {
            let refused = app.send("GET", "/v1/tenant", &tenant.live, Value::Null, &[("Relance-Version", wrong)]).await;
            assert_eq!((refused.status, &refused.body["errors"][0]["pointer"]), (400, &json!("header/Relance-Version")));
            assert!(refused.text.contains(&newest), "{}", refused.text);
        }
        assert_eq!(app.get("/v1/nowhere", "").await.header("relance-version"), Some(newest.as_str()));
    }

    async fn limits_are_told_with_each_answer(app: App) {
        let tenant = app.tenant("Atelier").await;
        let read = app.get("/v1/tenant", &tenant.live).await;
        assert_eq!(read.header("ratelimit-policy"), Some("\"key\";q=300000;w=60, \"tenant\";q=600000;w=60"));
        assert_eq!(read.header("ratelimit"), Some("\"key\";r=299999;t=1, \"tenant\";r=599999;t=1"));
        let tag = read.header("etag").unwrap().to_owned();
        app.send("GET", "/v1/tenant", &tenant.live, Value::Null, &[("If-None-Match", &tag)]).await;
        let limits = app.get("/v1/limits", &tenant.live).await.expect(200);
        // The clock stands still: one read, and this one.
        let left: Vec<i64> = limits["limits"].as_array().unwrap().iter().map(|one| one["remaining"].as_i64().unwrap()).collect();
        assert_eq!(left, [299_998, 599_998, 10_000]);
        assert_eq!(app.get("/v1/nowhere", &tenant.live).await.header("ratelimit"), None);
        let refused = app.get("/v1/tenants", &tenant.live).await;
        assert_eq!(refused.status, 403);
    }
}

/// A customer's payment, which settles nothing.
async fn paid(app: &App) -> (Tenant, String) {
    let tenant = app.tenant("Atelier").await;
    let customer = app.post("/v1/customers", &tenant.live, json!({"name": "Garage", "kind": "business"})).await.expect(201);
    let new = json!({"customer_id": customer["id"], "amount": 100, "currency": "EUR", "received_on": "2026-03-02"});
    let payment = app.post("/v1/payments", &tenant.live, new).await.expect(201)["id"].as_str().unwrap().to_owned();
    (tenant, payment)
}

/// On each database that there is.
async fn each(rates: Rates, contract: Arc<Contract>) -> Vec<App> {
    let mut apps = vec![App::start_with(database::sqlite(), rates, Arc::clone(&contract)).await];
    if let Some(postgres) = database::postgres() {
        apps.push(App::start_with(postgres, rates, contract).await);
    }
    apps
}

#[actix_web::test]
async fn one_request_too_many_is_told_when_to_come_back() {
    for app in each(Rates { key: 6, tenant: 8, exports: 1 }, published()).await {
        let tenant = app.tenant("Atelier").await;
        for left in (0..6).rev() {
            let answer = app.get("/v1/limits", &tenant.live).await;
            assert!(answer.header("ratelimit").unwrap().starts_with(&format!("\"key\";r={left};")), "{:?}", answer.headers);
        }
        let refused = app.get("/v1/limits", &tenant.live).await;
        assert_eq!((refused.status, &refused.body["code"], refused.header("retry-after")), (429, &json!("rate_limited"), Some("10")));
        assert!(refused.header("ratelimit").unwrap().starts_with("\"key\";r=0;t=60"));
        assert_eq!(app.get("/v1/limits", &tenant.test).await.status, 200, "the other mode has limits of its own");
        app.clock.advance(TimeDelta::seconds(10));
        assert_eq!((app.get("/v1/limits", &tenant.live).await.status, app.get("/v1/limits", &tenant.live).await.status), (200, 429));
        app.clock.advance(TimeDelta::minutes(2));
        let exports =
            [app.get("/v1/evidence/export", &tenant.live).await.status, app.get("/v1/evidence/export", &tenant.live).await.status];
        assert_eq!((exports, app.get("/v1/limits", &tenant.live).await.status), ([200, 429], 200), "exports are counted apart");
    }
    for app in each(Rates { key: 6, tenant: 8, exports: 1 }, published()).await {
        let tenant = app.tenant("Atelier").await;
        let made = app.post("/v1/api-keys", &tenant.live, json!({"name": "second", "scopes": ["tenant:read"]})).await.expect(201);
        let second = made["secret"].as_str().unwrap();
        for _ in 0..5 {
            assert_eq!(app.get("/v1/limits", &tenant.live).await.status, 200);
        }
        let last = [app.get("/v1/limits", second).await.status, app.get("/v1/limits", second).await.status];
        let refused = app.get("/v1/limits", second).await;
        assert_eq!((last, refused.status), ([200, 200], 429), "two keys share what their tenant has");
        assert!(refused.body["detail"].as_str().unwrap().contains("\"tenant\""), "{}", refused.text);
        assert_eq!(refused.header("ratelimit-policy"), Some("\"key\";q=6;w=60, \"tenant\";q=8;w=60"));
        assert!(
            refused.header("ratelimit").unwrap().contains("\"key\";r=4;")
                && refused.header("ratelimit").unwrap().contains("\"tenant\";r=0;")
        );
    }
    for app in each(Rates { key: 0, tenant: 0, exports: 0 }, published()).await {
        let tenant = app.tenant("Atelier").await;
        let answer = app.get("/v1/limits", &tenant.live).await;
        assert_eq!((answer.header("ratelimit"), &answer.body["limits"]), (None, &json!([])), "no limit, and nothing said of one");
    }
}

#[actix_web::test]
async fn an_operation_that_will_end_says_so() {
    let mut document = http::document();
    let ending = &mut document["paths"]["/v1/tenant"]["get"];
    (ending["deprecated"], ending["x-deprecated-on"], ending["x-sunset-on"]) = (json!(true), json!("2026-06-30"), json!("2027-06-30"));
    for app in each(Rates::default(), Arc::new(Contract::compile(&document).unwrap())).await {
        let tenant = app.tenant("Atelier").await;
        let ends = app.get("/v1/tenant", &tenant.live).await;
        assert_eq!((ends.header("deprecation"), ends.header("sunset")), (Some("@1782777600"), Some("Wed, 30 Jun 2027 00:00:00 GMT")));
        let stays = app.get("/v1/api-keys", &tenant.live).await;
        assert_eq!((stays.status, stays.header("deprecation"), stays.header("sunset")), (200, None, None));
    }
    document["paths"]["/v1/tenant"]["get"].as_object_mut().unwrap().remove("x-deprecated-on");
    assert!(Contract::compile(&document).is_err_and(|why| why.contains("since when")));
}
