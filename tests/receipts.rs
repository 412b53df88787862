//! What comes back: receipts, believed only when their provider signed them and applied once whatever their order; and the link by which a recipient says stop.

use relance::domain::{
    ids::{MessageId, Mode},
    key::{NewToken, Purpose},
};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::{
    on_both,
    support::{
        App, Reply, Tenant,
        dunning::{ANN, Gateway},
        ledger::{journal, partition},
    },
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A live tenant with a gateway of its own, and the first message that it sent.
struct Sent {
    tenant: Tenant,
    customer: String,
    message: String,
    /// The path at which the gateway reports.
    path: String,
    gateway: Gateway,
}

async fn sent(app: &App) -> Sent {
    let (tenant, gateway) = (app.tenant("Atelier").await, Gateway::open());
    let account = json!({"name": "Own gateway", "settings": {"kind": "webhook", "url": gateway.url}, "credentials": {"kind": "webhook", "secret": SECRET}});
    let made = app.post("/v1/provider-accounts", &tenant.live, account).await.expect(201);
    let path = made["account"]["receipt_url"].as_str().unwrap().strip_prefix(&app.url).unwrap().to_owned();
    let customer = app.debtor(&tenant.live, ANN).await;
    app.owes(&tenant.live, &customer, "F-1", "2026-02-20").await;
    app.settle(&tenant, Mode::Live).await;
    let messages = app.list(&tenant.live, "/v1/messages").await;
    assert_eq!((messages.len(), &messages[0]["state"]), (1, &json!("accepted")), "{messages:?}");
    let message = messages[0]["id"].as_str().unwrap().to_owned();
    Sent { tenant, customer, message, path, gateway }
}

impl Sent {
    fn report(&self, status: &str) -> String {
        json!({"type": format!("message.{status}"), "data": {"message_id": self.message, "status": status}}).to_string()
    }

    /// Delivers a report as the gateway signs it, `age` seconds ago.
    async fn deliver(&self, app: &App, id: &str, body: &str, secret: &str, age: i64) -> Reply {
        let stamp = app.clock.now().timestamp() - age;
        let signature = Webhook::new(secret).unwrap().sign(id, stamp, body.as_bytes()).unwrap();
        let headers = [
            ("webhook-id", id),
            ("webhook-timestamp", &stamp.to_string()),
            ("webhook-signature", &signature),
            ("content-type", "application/json"),
            ("cookie", "a=secret"),
        ];
        app.raw("POST", &self.path, &headers, body.to_owned()).await
    }

    async fn message(&self, app: &App) -> Value {
        app.get(&format!("/v1/messages/{}", self.message), &self.tenant.live).await.expect(200)
    }
}

/// An answer without what differs from request to request.
fn constant(reply: &Reply) -> (u16, Value) {
    let mut body = reply.body.clone();
    body.as_object_mut().unwrap().remove("request_id").unwrap();
    (reply.status, body)
}

on_both! {
    async fn what_left_is_what_is_shown(app: App) {
        let sent = sent(&app).await;
        let taken = sent.gateway.taken.lock().unwrap()[0].clone();
        let shown = sent.message(&app).await;
        assert_eq!((&taken["type"], &taken["data"]["to"], &taken["data"]["message_id"]), (&json!("message.send"), &json!(ANN), &shown["id"]));
        for part in ["subject", "html", "text"] {
            assert_eq!(taken["data"][part], shown["content"][part], "{part}");
        }
        let digest = shown["content"]["sha256"].as_str().unwrap();
        let witnessed = journal(&app, partition(&sent.tenant, Mode::Live)).into_iter().find(|(kind, subject, _)| kind == "message.dispatched" && *subject == sent.message).unwrap().2;
        assert!(witnessed.contains(digest));
        assert!(taken["data"]["list_unsubscribe"].as_str().unwrap().starts_with(&format!("{}/v1/unsubscribe/", app.url)));
    }

    async fn the_same_reports_in_any_order_and_number_end_in_one_state(app: App) {
        let sent = sent(&app).await;
        let statuses = ["delivered", "sent", "clicked", "complained", "opened", "deferred", "delivered", "complained", "sent"];
        for (n, status) in statuses.iter().enumerate() {
            let (id, body) = (format!("evt-{n}"), sent.report(status));
            for _ in 0..2 {
                assert_eq!(sent.deliver(&app, &id, &body, SECRET, 0).await.status, 204);
            }
            if n % 3 == 0 {
                app.settle(&sent.tenant, Mode::Live).await;
            }
        }
        app.settle(&sent.tenant, Mode::Live).await;
        let message = sent.message(&app).await;
        assert_eq!((&message["delivery_status"], &message["state"]), (&json!("complained"), &json!("accepted")));
        assert_eq!(message["receipts"].as_array().unwrap().len(), 6, "a copy is no second statement");
        let suppressions = app.list(&sent.tenant.live, "/v1/suppressions").await;
        assert_eq!((suppressions.len(), &suppressions[0]["reason"]), (1, &json!("complaint")));
        let tasks = app.list(&sent.tenant.live, &format!("/v1/tasks?customer_id={}&kind=review", sent.customer)).await;
        assert_eq!(tasks.iter().map(|task| &task["reason"]).collect::<Vec<_>>(), ["complained"], "once, whatever came how often");
    }

    async fn whatever_cannot_be_verified_gets_one_answer(app: App) {
        let sent = sent(&app).await;
        let body = sent.report("delivered");
        let stale = sent.deliver(&app, "evt-1", &body, SECRET, 301).await;
        let early = sent.deliver(&app, "evt-1", &body, SECRET, -301).await;
        let forged = sent.deliver(&app, "evt-1", &body, "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", 0).await;
        let unsigned = app.raw("POST", &sent.path, &[("content-type", "application/json")], body.clone()).await;
        let by_get = app.raw("GET", &sent.path, &[], String::new()).await;
        let elsewhere = NewToken::generate(Purpose::Inbound, partition(&sent.tenant, Mode::Live)).unwrap();
        let unknown = app.raw("POST", &format!("/v1/inbound/{}", elsewhere.reveal()), &[], body.clone()).await;
        let guessed = app.raw("POST", "/v1/inbound/guess", &[], body.clone()).await;
        let key = app.raw("POST", &format!("/v1/inbound/{}", sent.tenant.live), &[], body.clone()).await;
        for (what, reply) in [("early", early), ("forged", forged), ("unsigned", unsigned), ("get", by_get), ("unknown", unknown), ("guessed", guessed), ("a key", key)] {
            assert_eq!(constant(&reply), constant(&stale), "{what}");
        }
        assert_eq!((stale.status, &stale.body["code"]), (401, &json!("unauthenticated")));
        app.settle(&sent.tenant, Mode::Live).await;
        assert_eq!(sent.message(&app).await["delivery_status"], "accepted");
        let large = app.raw("POST", &sent.path, &[], "x".repeat(1024 * 1024 + 1)).await;
        assert_eq!((large.status, &large.body["code"]), (413, &json!("too_large")));
    }

    async fn who_forgot_to_sign_is_asked_to_send_again_and_who_signed_wrongly_is_not(app: App) {
        let tenant = app.tenant("Atelier").await;
        let account = json!({"name": "Texts", "check": false, "settings": {"kind": "vonage", "api_key": "a1b2c3d4", "from": "Dupont"},
            "credentials": {"kind": "vonage", "api_secret": "hush", "signature_secret": "secret"}});
        let made = app.post("/v1/provider-accounts", &tenant.live, account).await.expect(201);
        let path = made["account"]["receipt_url"].as_str().unwrap().strip_prefix(&app.url).unwrap().to_owned();
        let body = json!({"message_uuid": "u1", "status": "delivered"}).to_string();
        let unsigned = app.raw("POST", &path, &[("content-type", "application/json")], body.clone()).await;
        assert_eq!((unsigned.status, &unsigned.body["code"]), (503, &json!("busy")), "{}", unsigned.text);
        let wrong = app.raw("POST", &path, &[("content-type", "application/json"), ("authorization", "Bearer a.b.c")], body).await;
        assert_eq!((wrong.status, &wrong.body["code"]), (401, &json!("unauthenticated")), "{}", wrong.text);
    }

    async fn what_is_verified_and_cannot_be_read_is_kept_and_answered(app: App) {
        let sent = sent(&app).await;
        for (n, body) in ["{", r#"{"type":"message.exploded","data":{}}"#, r#"{"type":"account.paused","data":{"message_id":"msg_01jd3kq8e5fvv8m3s9tqz4x7ya"}}"#].iter().enumerate() {
            assert_eq!(sent.deliver(&app, &format!("evt-{n}"), body, SECRET, 0).await.status, 204, "{body}");
        }
        app.settle(&sent.tenant, Mode::Live).await;
        let of = partition(&sent.tenant, Mode::Live);
        let arrived: Vec<String> = journal(&app, of).into_iter().filter(|(kind, ..)| kind == "receipt.arrived").map(|(.., body)| body).collect();
        assert_eq!(arrived.len(), 3);
        assert_eq!(sent.message(&app).await["receipts"], json!([]));
    }

    async fn a_receipt_url_is_shown_again_and_its_former_one_is_honoured_for_a_week(app: App) {
        let mut sent = sent(&app).await;
        let accounts = app.list(&sent.tenant.live, "/v1/provider-accounts").await;
        assert_eq!(accounts[0]["receipt_url"], format!("{}{}", app.url, sent.path));
        let path = format!("/v1/provider-accounts/{}/rotate-receipt-url", accounts[0]["id"].as_str().unwrap());
        let rotated = app.post(&path, &sent.tenant.live, Value::Null).await.expect(200);
        let fresh = rotated["receipt_url"].as_str().unwrap().strip_prefix(&app.url).unwrap().to_owned();
        assert!(fresh != sent.path && rotated["former_receipt_url_until"].is_string(), "{rotated}");
        assert_eq!(sent.deliver(&app, "evt-1", &sent.report("sent"), SECRET, 0).await.status, 204, "the former one");
        app.clock.advance(chrono::TimeDelta::days(7));
        assert_eq!(sent.deliver(&app, "evt-2", &sent.report("delivered"), SECRET, 0).await.status, 401);
        sent.path = fresh;
        assert_eq!(sent.deliver(&app, "evt-3", &sent.report("delivered"), SECRET, 0).await.status, 204);
        assert_eq!(app.list(&sent.tenant.live, "/v1/provider-accounts").await[0]["former_receipt_url_until"], Value::Null);
    }

    async fn a_report_about_nobody_waits_and_is_given_up(app: App) {
        let sent = sent(&app).await;
        let stranger = json!({"type": "message.delivered", "data": {"message_id": MessageId::new(app.clock.now())}}).to_string();
        assert_eq!(sent.deliver(&app, "evt-1", &stranger, SECRET, 0).await.status, 204);
        app.settle(&sent.tenant, Mode::Live).await;
        app.clock.advance(chrono::TimeDelta::hours(73));
        app.settle(&sent.tenant, Mode::Live).await;
    }

    async fn the_link_asks_and_the_button_stops(app: App) {
        let sent = sent(&app).await;
        let link = sent.gateway.taken.lock().unwrap()[0]["data"]["list_unsubscribe"].as_str().unwrap().to_owned();
        let path = link.strip_prefix(&app.url).unwrap();
        for _ in 0..2 {
            let page = app.raw("GET", path, &[], String::new()).await;
            assert_eq!(page.status, 200);
            assert!(page.text.contains("lang=\"fr\"") && page.text.contains("Atelier") && page.text.contains("<form method=\"post\">"), "{}", page.text);
            assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
            assert_eq!((page.header("referrer-policy"), page.header("x-robots-tag")), (Some("no-referrer"), Some("noindex")));
        }
        assert!(app.list(&sent.tenant.live, "/v1/suppressions").await.is_empty(), "looking changes nothing");
        let form = [("content-type", "application/x-www-form-urlencoded")];
        for _ in 0..2 {
            let done = app.raw("POST", path, &form, "List-Unsubscribe=One-Click".to_owned()).await;
            assert!(done.status == 200 && done.text.contains("C’est fait") && !done.text.contains("<form"), "{}", done.text);
        }
        let suppressions = app.list(&sent.tenant.live, "/v1/suppressions").await;
        assert_eq!((suppressions.len(), &suppressions[0]["reason"], &suppressions[0]["address"]), (1, &json!("unsubscribed"), &json!(ANN)));
        assert_eq!(app.list(&sent.tenant.live, "/v1/tasks?kind=review").await[0]["reason"], "unsubscribed");
        let entries = journal(&app, partition(&sent.tenant, Mode::Live));
        assert_eq!(entries.iter().filter(|(kind, ..)| kind == "message.unsubscribed").count(), 1);
        let mut forged = path.to_owned();
        forged.replace_range(path.len() - 8..path.len() - 7, if path.as_bytes()[path.len() - 8] == b'A' { "B" } else { "A" });
        for wrong in [forged.as_str(), "/v1/unsubscribe/x"] {
            assert_eq!(app.raw("GET", wrong, &[], String::new()).await.status, 404);
            assert_eq!(app.raw("POST", wrong, &form, "List-Unsubscribe=One-Click".to_owned()).await.status, 404);
        }
    }

    async fn a_bounce_posted_as_mail_suppresses_the_address(app: App) {
        let sent = sent(&app).await;
        let account = json!({"name": "Mail", "settings": {"kind": "smtp", "host": "127.0.0.1", "port": 25, "security": "none", "from_email": "factures@atelier.example"}});
        let made = app.post("/v1/provider-accounts", &sent.tenant.live, account).await.expect(201);
        let path = made["account"]["receipt_url"].as_str().unwrap().strip_prefix(&app.url).unwrap();
        let bounce = |action: &str, status: &str| format!(
            "From: MAILER-DAEMON@mx.example\r\nMessage-ID: <{action}@mx.example>\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
             --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; {ANN}\r\nAction: {action}\r\nStatus: {status}\r\n\r\n\
             --b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{}@atelier.example>\r\n\r\n--b--\r\n",
            sent.message
        );
        let away = format!("From: {ANN}\r\nAuto-Submitted: auto-replied\r\nIn-Reply-To: <{}@atelier.example>\r\nSubject: Absence\r\n\r\nDe retour lundi.\r\n", sent.message);
        let post = async |kind: &str, body: &str| app.raw("POST", path, &[("content-type", kind)], body.to_owned()).await.status;
        assert_eq!(post("application/json", &bounce("failed", "5.1.1")).await, 401);
        let status = async || sent.message(&app).await["delivery_status"].clone();
        for (mail, expected) in [(away, "accepted"), (bounce("delayed", "4.4.1"), "deferred"), (bounce("failed", "5.1.1"), "bounced_hard"), (bounce("delivered", "2.0.0"), "bounced_hard")] {
            for _ in 0..2 {
                assert_eq!(post("message/rfc822", &mail).await, 204);
            }
            app.settle(&sent.tenant, Mode::Live).await;
            assert_eq!(status().await, expected);
        }
        let suppressions = app.list(&sent.tenant.live, "/v1/suppressions").await;
        assert_eq!((suppressions.len(), &suppressions[0]["reason"], &suppressions[0]["address"]), (1, &json!("hard_bounce"), &json!(ANN)));
    }
}
