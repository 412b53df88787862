//! The rehearsal's clock: who may move it, how far, and what it says on the way.

use relance::domain::ids::Mode;
use serde_json::{Value, json};

use crate::{
    on_both,
    support::dunning::{ANN, later},
};

const ADVANCE: &str = "/v1/test-clock/advance";

on_both! {
    async fn it_goes_forward_as_far_as_it_is_told(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.test;
        let resting = app.get("/v1/test-clock", key).await.expect(200);
        assert_eq!(resting, json!({"object": "test_clock", "at": "2026-03-02T11:00:00Z", "target": null, "status": "ready"}));
        for (to, code) in [(later(0, 0), "in_the_past"), (later(-1, 0), "in_the_past"), (later(800, 0), "out_of_range")] {
            let refused = app.post(ADVANCE, key, json!({ "to": to })).await;
            assert_eq!((refused.status, &refused.body["errors"][0]["code"]), (422, &json!(code)), "{to}");
        }
        let under_way = app.post(ADVANCE, key, json!({"to": later(10, 0)})).await.expect(202);
        assert_eq!((&under_way["status"], &under_way["at"], &under_way["target"]), (&json!("advancing"), &json!("2026-03-02T11:00:00Z"), &json!("2026-03-12T11:00:00Z")));
        let second = app.post(ADVANCE, key, json!({"to": later(20, 0)})).await;
        assert_eq!((second.status, &second.body["code"]), (409, &json!("advancing")));
        app.settle(&tenant, Mode::Test).await;
        let arrived = app.get("/v1/test-clock", key).await.expect(200);
        assert_eq!((&arrived["status"], &arrived["at"]), (&json!("ready"), &json!("2026-03-12T11:00:00Z")));
        assert_eq!(app.post(ADVANCE, key, json!({"to": later(9, 0)})).await.status, 422, "it never goes back");
    }

    async fn only_a_rehearsal_has_one(app: App) {
        let tenant = app.tenant("Atelier").await;
        for reply in [app.get("/v1/test-clock", &tenant.live).await, app.post(ADVANCE, &tenant.live, json!({"to": later(1, 0)})).await, app.get("/v1/sandbox/outbox", &tenant.live).await] {
            assert_eq!((reply.status, &reply.body["code"]), (409, &json!("live_mode")));
        }
    }

    async fn a_caller_may_wait_for_its_arrival(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.test;
        let customer = app.debtor(key, ANN).await;
        app.owes(key, &customer, "F-1", "2026-03-01").await;
        let waiting = app.send("POST", ADVANCE, key, json!({"to": later(5, 0)}), &[("Prefer", "wait=30")]);
        let working = async {
            for _ in 0..100 {
                app.settle(&tenant, Mode::Test).await;
                actix_web::rt::time::sleep(std::time::Duration::from_millis(50)).await;
                if app.get("/v1/test-clock", key).await.expect(200)["at"] == "2026-03-07T11:00:00Z" {
                    return;
                }
            }
            panic!("the clock never arrives");
        };
        let (arrived, ()) = tokio::join!(waiting, working);
        assert_eq!(arrived.header("preference-applied"), Some("wait=30"));
        let clock = arrived.expect(200);
        assert_eq!((&clock["status"], &clock["at"]), (&json!("ready"), &json!("2026-03-07T11:00:00Z")));
        assert_eq!(app.list(key, "/v1/sandbox/outbox").await.len(), 1, "what fell due on the way is done");

        let tired = app.send("POST", ADVANCE, key, json!({"to": later(6, 0)}), &[("Prefer", "wait=1")]).await;
        assert_eq!((tired.status, &tired.body["status"]), (202, &json!("advancing")), "nobody moves it");
    }

    async fn told_twice_under_one_key_it_goes_once(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = [("Idempotency-Key", "to the fifth")];
        let first = app.send("POST", ADVANCE, &tenant.test, json!({"to": later(3, 0)}), &key).await;
        let again = app.send("POST", ADVANCE, &tenant.test, json!({"to": later(3, 0)}), &key).await;
        assert_eq!((first.status, again.status, &first.text), (202, 202, &again.text));
    }

    /// What falls due at the very moment at which the clock stops is done before it says that it has arrived.
    async fn it_has_arrived_only_when_nothing_is_due(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.test;
        let customer = app.debtor(key, ANN).await;
        app.owes(key, &customer, "F-1", "2026-03-02").await;
        app.settle(&tenant, Mode::Test).await;
        let next = app.get(&format!("/v1/customers/{customer}/explain"), key).await.expect(200)["accounts"][0]["explanation"]["next"]["at"].clone();
        app.post(ADVANCE, key, json!({ "to": next })).await.expect(202);
        let partition = crate::support::ledger::partition(&tenant, Mode::Test);
        while app.get("/v1/test-clock", key).await.expect(200)["status"] == "advancing" {
            relance::jobs::turn(&app.state.instance, partition).await.unwrap();
        }
        assert_eq!(app.get("/v1/test-clock", key).await.expect(200)["at"], next);
        assert_eq!(app.list(key, "/v1/sandbox/outbox").await.len(), 1);
        assert_ne!(next, Value::Null);
    }
}
