//! Messages whose answer was lost: their provider is asked, what it knows settles the doubt once, and what nobody knows is put before a person.

use chrono::TimeDelta;
use relance::domain::ids::Mode;
use serde_json::{Value, json};

use crate::{
    on_both,
    support::{
        App, Tenant,
        dunning::ANN,
        ledger::{journal, partition},
        scripted::{Manner, Scripted},
    },
};

/// A message that a gateway took without a word, so long ago that its key may be forgotten.
async fn doubted(app: &App, manner: Manner) -> (Tenant, Scripted) {
    let (tenant, gateway) = (app.tenant("Atelier").await, Scripted::open(Manner { send: None, ..manner }));
    app.post("/v1/provider-accounts", &tenant.live, gateway.account("Own", 1)).await.expect(201);
    let customer = app.debtor(&tenant.live, ANN).await;
    app.owes(&tenant.live, &customer, "F-1", "2026-02-20").await;
    app.settle(&tenant, Mode::Live).await;
    later(app, &tenant, TimeDelta::hours(13)).await;
    assert_eq!(gateway.sent(), 1);
    (tenant, gateway)
}

async fn later(app: &App, tenant: &Tenant, by: TimeDelta) {
    app.clock.advance(by);
    app.settle(tenant, Mode::Live).await;
}

async fn in_doubt(app: &App, tenant: &Tenant) -> Vec<Value> {
    app.list(&tenant.live, "/v1/messages?state=unknown").await
}

async fn reminder(app: &App, tenant: &Tenant) -> Value {
    app.list(&tenant.live, "/v1/reminders").await.remove(0)
}

on_both! {
    async fn what_the_provider_has_is_settled_once(app: App) {
        let (tenant, gateway) = doubted(&app, Manner { look_up: (200, json!({"found": false})), ..Manner::default() }).await;
        let listed = in_doubt(&app, &tenant).await;
        assert_eq!(listed.len(), 1);
        assert_eq!((&listed[0]["doubt"]["last_attempt"]["outcome"], &listed[0]["doubt"]["look_up"]["asked"]), (&json!("unknown"), &json!(0)), "{listed:?}");

        later(&app, &tenant, TimeDelta::minutes(1)).await;
        let asked = gateway.asked("message.look_up");
        assert_eq!((asked.len(), &asked[0]["data"]["message_id"]), (1, &listed[0]["id"]));
        let absent = in_doubt(&app, &tenant).await.remove(0);
        assert_eq!((&absent["doubt"]["look_up"]["finding"], &absent["doubt"]["look_up"]["asked"]), (&json!("absent"), &json!(1)), "absence proves nothing");

        gateway.behave(Manner { look_up: (200, json!({"found": true, "id": "gw-7", "status": "delivered"})), ..Manner::default() });
        later(&app, &tenant, TimeDelta::minutes(2)).await;
        assert_eq!(in_doubt(&app, &tenant).await, Vec::<Value>::new());
        let message = app.get(&format!("/v1/messages/{}", listed[0]["id"].as_str().unwrap()), &tenant.live).await.expect(200);
        assert_eq!((&message["state"], &message["provider_message_id"], &message["delivery_status"]), (&json!("accepted"), &json!("gw-7"), &json!("delivered")), "{message}");
        assert_eq!((&message["doubt"], message["receipts"].as_array().unwrap().len()), (&Value::Null, 1));
        assert_eq!(reminder(&app, &tenant).await["state"], "completed");
        later(&app, &tenant, TimeDelta::hours(20)).await;
        assert_eq!((gateway.asked("message.look_up").len(), gateway.sent()), (2, 1), "it is not asked again, and nothing is sent again");
        let entries = journal(&app, partition(&tenant, Mode::Live));
        let count = |wanted: &str| entries.iter().filter(|(kind, ..)| kind == wanted).count();
        assert_eq!((count("message.looked_up"), count("reminder.completed")), (2, 1));
    }

    async fn questions_end_after_a_day_and_leave_it_to_a_person(app: App) {
        let (tenant, gateway) = doubted(&app, Manner { look_up: (500, json!({})), ..Manner::default() }).await;
        for _ in 0..30 {
            later(&app, &tenant, TimeDelta::hours(1)).await;
        }
        assert!((5..=9).contains(&gateway.asked("message.look_up").len()), "{}", gateway.asked("message.look_up").len());
        let listed = in_doubt(&app, &tenant).await.remove(0);
        let look_up = &listed["doubt"]["look_up"];
        assert_eq!((&look_up["finding"], &look_up["next_at"]), (&json!("failed"), &Value::Null), "{listed}");
        assert!(look_up["detail"].as_str().unwrap().contains("500"));
        let resolved = app.post(&format!("/v1/messages/{}/resolve", listed["id"].as_str().unwrap()), &tenant.live, json!({"was_sent": true})).await.expect(200);
        assert_eq!((&resolved["state"], &resolved["doubt"]), (&json!("accepted"), &Value::Null));
    }

    async fn a_provider_that_cannot_be_asked_is_asked_once(app: App) {
        let (tenant, gateway) = doubted(&app, Manner::default()).await;
        later(&app, &tenant, TimeDelta::minutes(1)).await;
        later(&app, &tenant, TimeDelta::hours(2)).await;
        assert_eq!(gateway.asked("message.look_up").len(), 1);
        let listed = in_doubt(&app, &tenant).await.remove(0);
        assert_eq!((&listed["doubt"]["look_up"]["finding"], &listed["doubt"]["look_up"]["next_at"]), (&json!("not_offered"), &Value::Null));
        assert_eq!(reminder(&app, &tenant).await["state"], "outcome_unknown");
    }

    async fn what_a_person_has_resolved_is_not_asked_about(app: App) {
        let (tenant, gateway) = doubted(&app, Manner { look_up: (200, json!({"found": true})), ..Manner::default() }).await;
        let id = in_doubt(&app, &tenant).await[0]["id"].as_str().unwrap().to_owned();
        app.post(&format!("/v1/messages/{id}/resolve"), &tenant.live, json!({"was_sent": false})).await.expect(200);
        later(&app, &tenant, TimeDelta::hours(1)).await;
        assert_eq!(gateway.asked("message.look_up").len(), 0);
        assert_eq!(app.get(&format!("/v1/messages/{id}"), &tenant.live).await.expect(200)["state"], "rejected");
    }
}
