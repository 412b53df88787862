//! Suppressed addresses: in force once, lifted with a reason, felt by the accounts concerned.

use relance::{
    domain::{contact::Channel, ids::Mode, suppression::Address},
    store,
};
use serde_json::{Value, json};

use crate::{
    on_both,
    support::ledger::{debtor, journal, partition},
};

fn new(channel: &str, address: &str) -> Value {
    json!({"channel": channel, "address": address, "reason": "unsubscribed", "source": "asked by telephone"})
}

on_both! {
    async fn a_suppression_is_in_force_once_and_can_be_lifted(app: App) {
        let tenant = app.tenant("Atelier").await;
        let first = app.post("/v1/suppressions", &tenant.live, new("email", "Ann@Example.com")).await.expect(201);
        assert_eq!((&first["address"], &first["active"]), (&json!("ann@example.com"), &json!(true)));
        let mut other = new("email", "ANN@example.com");
        other["reason"] = json!("complaint");
        let again = app.post("/v1/suppressions", &tenant.live, other).await.expect(201);
        assert_eq!((&again["id"], &again["reason"]), (&first["id"], &json!("unsubscribed")));

        let lift = format!("/v1/suppressions/{}/lift", first["id"].as_str().unwrap());
        assert_eq!(app.post(&lift, &tenant.live, json!({"reason": ""})).await.status, 400);
        let lifted = app.post(&lift, &tenant.live, json!({"reason": "asked for e-mail again"})).await.expect(200);
        assert_eq!((&lifted["active"], &lifted["lift_reason"]), (&json!(false), &json!("asked for e-mail again")));
        let unchanged = app.post(&lift, &tenant.live, json!({"reason": "another"})).await.expect(200);
        assert_eq!(unchanged["lift_reason"], "asked for e-mail again");
        let second = app.post("/v1/suppressions", &tenant.live, new("email", "ann@example.com")).await.expect(201);
        assert_ne!(second["id"], first["id"]);
    }

    async fn lists_are_filtered(app: App) {
        let tenant = app.tenant("Atelier").await;
        let mail = app.post("/v1/suppressions", &tenant.live, new("email", "ann@example.com")).await.expect(201);
        app.post("/v1/suppressions", &tenant.live, new("sms", "+33 6 12 34 56 78")).await.expect(201);
        app.post(&format!("/v1/suppressions/{}/lift", mail["id"].as_str().unwrap()), &tenant.live, json!({"reason": "error"})).await.expect(200);
        let count = async |query: &str| app.get(&format!("/v1/suppressions{query}"), &tenant.live).await.expect(200)["data"].as_array().unwrap().len();
        for (query, expected) in [("", 2), ("?active=true", 1), ("?active=false", 1), ("?channel=sms", 1), ("?address=ANN%40example.com", 1), ("?address=%2B33612345678&active=true", 1), ("?address=nobody", 0), ("?limit=1", 1)] {
            assert_eq!(count(query).await, expected, "{query}");
        }
        assert_eq!(app.get("/v1/suppressions?channel=fax", &tenant.live).await.status, 400);
    }

    async fn many_come_at_once_each_on_its_own_and_go_back_as_they_came(app: App) {
        let tenant = app.tenant("Atelier").await;
        let (source, target) = (&tenant.live, &tenant.test);
        let items = json!([new("email", "Ann@example.com"), new("email", "ann"), new("sms", "+33612345678"), {"channel": "fax"}, new("email", "ANN@example.com"), new("letter", "12 rue X")]);
        let answer = app.post("/v1/suppressions/batch", source, json!({"items": items})).await.expect(207);
        let statuses: Vec<u64> = answer["results"].as_array().unwrap().iter().map(|one| one["status"].as_u64().unwrap()).collect();
        assert_eq!((statuses, &answer["succeeded"]), (vec![201, 422, 201, 400, 200, 422], &json!(3)), "{answer}");
        assert_eq!(answer["results"][0]["id"], answer["results"][4]["id"]);
        let fields = ["channel", "address", "reason", "source"];
        let export: Vec<Value> = app.get("/v1/suppressions?active=true", source).await.expect(200)["data"].as_array().unwrap().iter()
            .map(|row| fields.iter().map(|field| ((*field).to_owned(), row[*field].clone())).collect::<serde_json::Map<_, _>>().into()).collect();
        let taken = app.post("/v1/suppressions/batch", target, json!({"items": export})).await.expect(207);
        assert_eq!((taken["succeeded"].as_u64(), taken["failed"].as_u64()), (Some(2), Some(0)), "{taken}");
        let too_many: Vec<Value> = (0..1_001).map(|n| new("email", &format!("a{n}@example.com"))).collect();
        assert_eq!(app.post("/v1/suppressions/batch", source, json!({"items": too_many})).await.status, 400);
        let thousand: Vec<Value> = (0..1_000).map(|n| new("email", &format!("a{n}@example.com"))).collect();
        assert_eq!(app.post("/v1/suppressions/batch", source, json!({"items": thousand})).await.expect(207)["succeeded"], 1_000);
    }

    async fn wrong_addresses_are_refused(app: App) {
        let tenant = app.tenant("Atelier").await;
        for (channel, address, pointer) in [("email", "ann", "/address"), ("sms", "0612345678", "/address"), ("letter", "12 rue de la Paix", "/channel")] {
            let refused = app.post("/v1/suppressions", &tenant.live, new(channel, address)).await;
            assert_eq!((refused.status, &refused.body["errors"][0]["pointer"]), (422, &json!(pointer)), "{}", refused.text);
        }
    }

    async fn accounts_with_that_address_are_looked_at_and_no_others(app: App) {
        let tenant = app.tenant("Atelier").await;
        let concerned = debtor(&app, &tenant, Mode::Live, "Ann@example.com", "+33612345678");
        let other = debtor(&app, &tenant, Mode::Live, "bob@example.com", "+33612345679");
        concerned.account(&app, None);
        other.account(&app, None);
        app.post("/v1/suppressions", &tenant.live, new("sms", "+33612345678")).await.expect(201);
        assert!(concerned.standing(&app).next_action_at.is_some() && other.standing(&app).next_action_at.is_none());
        app.post("/v1/suppressions", &tenant.live, new("email", "bob@example.com")).await.expect(201);
        assert!(other.standing(&app).next_action_at.is_some());
        let ann = Address::read(Channel::Email, "ann@example.com").unwrap();
        let bob = Address::read(Channel::Email, "bob@example.com").unwrap();
        let found = app.db.read_now(concerned.partition, |conn| store::suppressions::active_for(conn, concerned.partition, &[ann.clone(), bob.clone()])).unwrap();
        assert_eq!(found.into_keys().collect::<Vec<_>>(), [(Channel::Email, bob.clone())]);
        let suppressed = app.db.read_now(concerned.partition, |conn| store::suppressions::is_suppressed(conn, concerned.partition, Channel::Email, &bob));
        assert!(suppressed.unwrap());
    }

    async fn the_journal_knows_of_it_and_not_the_address(app: App) {
        let tenant = app.tenant("Atelier").await;
        let made = app.post("/v1/suppressions", &tenant.live, new("email", "ann@example.com")).await.expect(201);
        let id = made["id"].as_str().unwrap();
        app.post(&format!("/v1/suppressions/{id}/lift"), &tenant.live, json!({"reason": "ann@example.com wrote"})).await.expect(200);
        let entries: Vec<_> = journal(&app, partition(&tenant, Mode::Live)).into_iter().filter(|(_, subject, _)| subject == id).collect();
        let mut kinds: Vec<&str> = entries.iter().map(|(kind, ..)| kind.as_str()).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, ["address.suppressed", "suppression.lifted"]);
        assert!(entries.iter().all(|(_, _, body)| !body.contains("ann@")));
    }

    async fn another_tenant_and_another_mode_see_nothing(app: App) {
        let (tenant, other) = (app.tenant("Atelier").await, app.tenant("Autre").await);
        let made = app.post("/v1/suppressions", &tenant.live, new("email", "ann@example.com")).await.expect(201);
        let lift = format!("/v1/suppressions/{}/lift", made["id"].as_str().unwrap());
        for key in [&other.live, &tenant.test] {
            assert_eq!(app.post(&lift, key, json!({"reason": "x"})).await.status, 404);
            assert!(app.get("/v1/suppressions", key).await.expect(200)["data"].as_array().unwrap().is_empty());
        }
    }
}
