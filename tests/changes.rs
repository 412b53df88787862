//! Changing a record: what is absent stays, `null` clears, a value replaces.

use serde_json::{Value, json};

use crate::{
    on_both,
    support::{
        dunning::ANN,
        ledger::{journal, partition},
    },
};

on_both! {
    async fn absence_keeps_and_null_clears(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.test;
        let terms = app.post("/v1/terms", key, json!({"name": "30 days", "audiences": ["business"], "due": {"rule": {"kind": "net", "days": 30}}})).await.expect(201);
        let customer = format!("/v1/customers/{}", app.debtor(key, ANN).await);
        let given = json!({"terms_id": terms["id"], "interest": "never", "segment": "retail", "score": 2, "language": "nl", "number": "C-1", "time_zone": "Europe/Brussels"});
        let names: Vec<String> = given.as_object().unwrap().keys().cloned().collect();
        app.patch(&customer, key, given.clone()).await.expect(200);
        let kept = app.patch(&customer, key, json!({"name": "Garage Dupont SARL"})).await.expect(200);
        assert!(names.iter().all(|name| kept[name] == given[name]), "{kept}");
        let nothing: serde_json::Map<String, Value> = names.iter().map(|name| (name.clone(), Value::Null)).collect();
        let cleared = app.patch(&customer, key, nothing.into()).await.expect(200);
        assert!(names.iter().all(|name| cleared[name].is_null()), "{cleared}");
        assert_eq!(cleared["name"], "Garage Dupont SARL");

        let own = app.patch("/v1/tenant", key, json!({"terms_id": terms["id"]})).await.expect(200);
        assert_eq!(app.patch("/v1/tenant", key, json!({"name": "Atelier SAS"})).await.expect(200)["terms_id"], own["terms_id"]);
        assert_eq!(app.patch("/v1/tenant", key, json!({"terms_id": null})).await.expect(200)["terms_id"], Value::Null);
        let told = journal(&app, partition(&tenant, relance::domain::ids::Mode::Test));
        let fields: Vec<_> = told.iter().filter(|(kind, _, body)| kind == "tenant.changed" && body.contains("terms_id")).collect();
        assert_eq!(fields.len(), 2, "clearing is told, too: {fields:?}");
    }

    async fn recording_a_known_customer_again_clears_what_it_says_is_null(app: App) {
        let tenant = app.tenant("Atelier").await;
        let key = &tenant.test;
        let path = "/v1/customers/by-external-id/erp/C-1";
        let record = async |interest: Option<Value>| {
            let mut body = json!({"name": "Garage Dupont", "kind": "business"});
            body.as_object_mut().unwrap().extend(interest.map(|interest| ("interest".to_owned(), interest)));
            let answer = app.send("PUT", path, key, body, &[]).await;
            assert!(answer.status < 300, "{}", answer.text);
            answer.body["interest"].clone()
        };
        assert_eq!(record(Some(json!("shown"))).await, "shown");
        assert_eq!(record(None).await, "shown");
        assert_eq!(record(Some(Value::Null)).await, Value::Null);
    }
}
