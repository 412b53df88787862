//! Policies: the product's in every partition, one's own checked before they are in force, accounts moved on demand.

use relance::{
    domain::ids::{Mode, PolicyId},
    store,
};
use serde_json::{Value, json};

use crate::{
    on_both,
    support::{
        App, Tenant,
        ledger::{debtor, journal, partition},
    },
};

/// Two friendly letters.
fn document(name: &str) -> Value {
    let step = |key: &str, offset: i32| json!({"key": key, "offset_days": offset, "channel": "email", "template": key});
    json!({"name": name, "steps": [step("first_reminder", 3), step("second_reminder", 12)]})
}

fn id(view: &Value) -> &str {
    view["id"].as_str().unwrap()
}

/// A policy of the tenant's own, in force.
async fn in_force(app: &App, tenant: &Tenant, name: &str) -> String {
    let made = app.post("/v1/policies", &tenant.live, json!({"document": document(name)})).await.expect(201);
    app.post(&format!("/v1/policies/{}/activate", id(&made)), &tenant.live, json!({"version": 1})).await.expect(200);
    id(&made).to_owned()
}

on_both! {
    async fn every_partition_has_the_products_policies(app: App) {
        let tenant = app.tenant("Atelier").await;
        for key in [&tenant.live, &tenant.test] {
            let list = app.get("/v1/policies", key).await.expect(200);
            let mut found: Vec<(&str, i64, &str)> = list["data"].as_array().unwrap().iter().map(|one| (one["builtin"].as_str().unwrap(), one["priority"].as_i64().unwrap(), one["status"].as_str().unwrap())).collect();
            found.sort();
            assert_eq!(found, [("consumer_safe", -990, "active"), ("crescendo", -990, "active"), ("gentle", -1000, "active")]);
        }
        let here = partition(&tenant, Mode::Test);
        let set = app.db.read_now(here, |conn| store::policies::active_set(conn, here)).unwrap();
        assert_eq!(set.iter().map(|one| (one.version, one.priority)).collect::<Vec<_>>(), [(1, -990), (1, -990), (1, -1000)]);
        assert_eq!(journal(&app, here).iter().filter(|(kind, ..)| kind == "policy.installed").count(), 3);
    }

    async fn a_policy_is_written_activated_and_written_again(app: App) {
        let tenant = app.tenant("Atelier").await;
        let made = app.post("/v1/policies", &tenant.live, json!({"document": document("Mine")})).await.expect(201);
        assert_eq!((&made["status"], &made["draft"]["version"], &made["active"]), (&json!("draft"), &json!(1), &Value::Null));
        let path = format!("/v1/policies/{}", id(&made));
        let activate = async |version: i32| app.post(&format!("{path}/activate"), &tenant.live, json!({"version": version})).await;
        assert_eq!(activate(1).await.expect(200)["active"]["version"], 1);

        let put = async |document: Value| app.send("PUT", &format!("{path}/draft"), &tenant.live, json!({"document": document}), &[]).await;
        let mut next = document("Mine, firmer");
        next["scope"] = json!({"priority": 7});
        let redrafted = put(next.clone()).await.expect(200);
        assert_eq!((&redrafted["draft"]["version"], &redrafted["name"], &redrafted["priority"]), (&json!(2), &json!("Mine"), &json!(0)));
        assert_eq!(put(next).await.expect(200)["draft"]["version"], 2, "the same draft again is no version");
        let active = activate(2).await.expect(200);
        assert_eq!((&active["active"]["version"], &active["draft"], &active["name"], &active["priority"]), (&json!(2), &Value::Null, &json!("Mine, firmer"), &json!(7)));
        assert_eq!(activate(1).await.expect(200)["active"]["version"], 1, "a retired version may return");
        assert_eq!(activate(9).await.status, 404);
        let shown = app.get(&path, &tenant.live).await.expect(200);
        assert_eq!(shown["active"]["document"]["steps"][1]["key"], "second_reminder");
        let (here, policy) = (partition(&tenant, Mode::Live), id(&made).parse::<PolicyId>().unwrap());
        let old = app.db.read_now(here, |conn| store::policies::find_version(conn, here, policy, 2)).unwrap();
        assert_eq!(old.name, "Mine, firmer");
    }

    async fn what_ships_can_be_copied_and_activated(app: App) {
        let tenant = app.tenant("Atelier").await;
        for builtin in ["crescendo", "gentle", "consumer_safe"] {
            let copy = app.post("/v1/policies", &tenant.live, json!({"from_builtin": builtin})).await.expect(201);
            assert_eq!((&copy["builtin"], &copy["status"]), (&Value::Null, &json!("draft")));
            app.post(&format!("/v1/policies/{}/activate", id(&copy)), &tenant.live, json!({"version": 1})).await.expect(200);
        }
        for wrong in [json!({}), json!({"from_builtin": "gentle", "document": document("x")})] {
            assert_eq!(app.post("/v1/policies", &tenant.live, wrong).await.status, 422);
        }
        assert_eq!(app.post("/v1/policies", &tenant.live, json!({"from_builtin": "brutal"})).await.status, 400);
    }

    async fn every_fault_of_a_policy_is_named_at_once(app: App) {
        let tenant = app.tenant("Atelier").await;
        let mut wrong = document("Wrong");
        wrong["steps"][0]["template"] = json!("nowhere");
        wrong["steps"][1]["offset_days"] = json!(1);
        wrong["steps"][1]["fallback"] = json!("sms");
        let made = app.post("/v1/policies", &tenant.live, json!({"document": wrong})).await.expect(201);
        let refused = app.post(&format!("/v1/policies/{}/activate", id(&made)), &tenant.live, json!({"version": 1})).await;
        assert_eq!(refused.status, 422, "{}", refused.text);
        let found: Vec<(&str, &str)> = refused.body["errors"].as_array().unwrap().iter().map(|fault| (fault["pointer"].as_str().unwrap(), fault["code"].as_str().unwrap())).collect();
        assert!(found.contains(&("/document/steps/0/template", "unknown_template")), "{found:?}");
        assert!(found.contains(&("/document/steps/1/fallback", "no_text")), "{found:?}");
        assert!(found.iter().any(|(pointer, _)| *pointer == "/document/steps/1/offset_days"), "{found:?}");
        let mut malformed = document("x");
        malformed["steps"][0]["offset_day"] = json!(3);
        let refused = app.post("/v1/policies", &tenant.live, json!({"document": malformed})).await;
        assert!(refused.status == 400, "{}", refused.text);
    }

    async fn a_policy_in_use_cannot_be_archived(app: App) {
        let tenant = app.tenant("Atelier").await;
        let policy = in_force(&app, &tenant, "Mine").await;
        let archive = format!("/v1/policies/{policy}/archive");
        let here = partition(&tenant, Mode::Live);
        let exists = || app.db.read_now(here, |conn| store::policies::exists(conn, here, policy.parse().unwrap())).unwrap();
        let customer = debtor(&app, &tenant, Mode::Live, "ann@example.com", "+33612345678");
        customer.assign(&app, policy.parse().unwrap());
        let refused = app.post(&archive, &tenant.live, Value::Null).await;
        assert_eq!((refused.status, &refused.body["code"]), (409, &json!("in_use")));
        let other = in_force(&app, &tenant, "Other").await;
        customer.assign(&app, other.parse().unwrap());
        assert!(exists());
        assert_eq!(app.post(&archive, &tenant.live, Value::Null).await.expect(200)["status"], "archived");
        assert!(!exists());
        customer.account(&app, Some((other.parse().unwrap(), 1)));
        assert_eq!(app.post(&format!("/v1/policies/{other}/archive"), &tenant.live, Value::Null).await.status, 409);
    }

    async fn accounts_move_on_demand_and_are_looked_at(app: App) {
        let tenant = app.tenant("Atelier").await;
        let policy = in_force(&app, &tenant, "Mine").await;
        let path = format!("/v1/policies/{policy}");
        let stays = debtor(&app, &tenant, Mode::Live, "ann@example.com", "+33612345678");
        stays.account(&app, Some((policy.parse().unwrap(), 1)));
        let mut next = document("Mine");
        next["steps"][1] = json!({"key": "last_reminder", "offset_days": 20, "channel": "email", "template": "last_reminder"});
        app.send("PUT", &format!("{path}/draft"), &tenant.live, json!({"document": next}), &[]).await.expect(200);
        app.post(&format!("{path}/activate"), &tenant.live, json!({"version": 2})).await.expect(200);
        assert_eq!(stays.standing(&app).policy_version, Some(1), "an account stays on its version");
        assert!(stays.standing(&app).next_action_at.is_none());

        let migrate = async |preview: bool| app.post(&format!("{path}/migrate"), &tenant.live, json!({"preview": preview})).await.expect(200);
        let foreseen = migrate(true).await;
        assert_eq!((&foreseen["accounts"], &foreseen["to_version"]), (&json!(1), &json!(2)));
        assert_eq!(foreseen["effects"][0], json!({"from_version": 1, "accounts": 1, "added_steps": ["last_reminder"], "removed_steps": ["second_reminder"]}));
        assert_eq!(foreseen["sample"][0]["customer_id"], json!(stays.id.to_string()));
        assert_eq!(stays.standing(&app).policy_version, Some(1));
        let done = migrate(false).await;
        assert_eq!((&done["accounts"], &done["preview"]), (&json!(1), &json!(false)));
        let account = stays.standing(&app);
        assert!(account.policy_version == Some(2) && account.next_action_at.is_some());
        assert_eq!(migrate(false).await["accounts"], 0);
    }

    async fn a_new_policy_has_the_accounts_looked_at_that_follow_none(app: App) {
        let tenant = app.tenant("Atelier").await;
        let customer = debtor(&app, &tenant, Mode::Live, "ann@example.com", "+33612345678");
        customer.account(&app, None);
        in_force(&app, &tenant, "Mine").await;
        assert!(customer.standing(&app).next_action_at.is_some());
    }

    async fn another_tenant_sees_nothing_of_it(app: App) {
        let (tenant, other) = (app.tenant("Atelier").await, app.tenant("Autre").await);
        let policy = in_force(&app, &tenant, "Mine").await;
        let path = format!("/v1/policies/{policy}");
        for key in [&other.live, &tenant.test] {
            assert_eq!(app.get(&path, key).await.status, 404);
            assert_eq!(app.post(&format!("{path}/activate"), key, json!({"version": 1})).await.status, 404);
            assert_eq!(app.post(&format!("{path}/archive"), key, Value::Null).await.status, 404);
            assert_eq!(app.post(&format!("{path}/migrate"), key, json!({"preview": true})).await.status, 404);
            assert_eq!(app.send("PUT", &format!("{path}/draft"), key, json!({"document": document("x")}), &[]).await.status, 404);
            assert_eq!(app.get("/v1/policies", key).await.expect(200)["data"].as_array().unwrap().len(), 3);
        }
        let read = app.post("/v1/api-keys", &tenant.live, json!({"name": "r", "scopes": ["policies:read"]})).await.expect(201);
        assert_eq!(app.post(&format!("{path}/archive"), read["secret"].as_str().unwrap(), Value::Null).await.status, 403);
    }
}
