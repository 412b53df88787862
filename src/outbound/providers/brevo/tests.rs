//! Brevo: what is sent, what its answers mean, and every event that it posts or lists.

use std::{sync::Arc, time::Duration};

use super::*;
use crate::domain::delivery::DeliveryStatus;
use crate::outbound::{
    About, Attachment,
    bench::{self, Contract, Script},
};

fn settings(api_base: &str) -> Settings {
    Settings {
        from_email: Some("factures@dupont.example".parse().unwrap()),
        from_name: Some("Société Dupont".parse().unwrap()),
        sms_sender: Some("Dupont".to_owned()),
        api_base: api_base.to_owned(),
    }
}

fn key() -> Credentials {
    Credentials { api_key: Secret::new("xkeysib-own") }
}

fn adapter(api_base: &str) -> Brevo {
    Brevo::open(&settings(api_base), Some(&key()), &bench::net()).unwrap()
}

/// Brevo signs nothing.
pub const fn vectors() -> Option<bench::Vectors> {
    None
}

async fn send(script: Script) -> Outcome {
    let server = bench::http(script);
    adapter(&server.url).send(&bench::mail("ann@example.com"), DateTime::UNIX_EPOCH).await
}

#[tokio::test]
async fn every_answer_has_its_outcome() {
    let accepted = [
        (r#"{"messageId":"<m1@smtp-relay.mailin.fr>"}"#, "<m1@smtp-relay.mailin.fr>"),
        (r#"{"messageId":1511882900176220,"reference":"r"}"#, "1511882900176220"),
    ];
    for (envelope, (body, id)) in [bench::mail("ann@example.com"), bench::text("+33612345678")].into_iter().zip(accepted) {
        let contract = Contract {
            open: &|base| Box::new(adapter(base)),
            envelope,
            accepted: (201, "", body),
            provider_id: Some(id),
            refused: (400, "", r#"{"code":"invalid_parameter","message":"email is not valid in to"}"#),
            forbidden: (401, "", r#"{"code":"unauthorized","message":"Key not found"}"#),
            limited: (429, "x-sib-ratelimit-reset: 3\r\n", "{}"),
            bodiless: false,
        };
        contract.hold().await;
    }
    let cases = [
        (400, r#"{"code":"missing_parameter","message":"subject is missing"}"#, true),
        (400, r#"{"code":"invalid_parameter","message":"The sender you used is not valid"}"#, false),
        (400, r#"{"code":"account_under_validation","message":"not yet"}"#, false),
        (402, r#"{"code":"not_enough_credits","message":"no more"}"#, false),
        (400, r#"{"code":"not_enough_credits","message":"no more"}"#, false),
        (403, r#"{"code":"permission_denied","message":"not active"}"#, false),
        (404, "<html>", false),
        (413, "", true),
        (422, r#"{"code":"unprocessable_entity","message":"no"}"#, true),
    ];
    for (status, body, of_message) in cases {
        let outcome = send(Script::Answer(status, "", body)).await;
        assert!(matches!(outcome, Outcome::Rejected { permanent, suppress: None, .. } if permanent == of_message), "{body} {outcome:?}");
    }
    for (status, body) in [(400, r#"{"code":"duplicate_request","message":"seen"}"#), (408, ""), (201, r#"{"messageId":""}"#)] {
        assert!(matches!(send(Script::Answer(status, "", body)).await, Outcome::Unknown { .. }), "{body}");
    }
    let announced = send(Script::Answer(429, "Retry-After: 7\r\nx-sib-ratelimit-reset: 3\r\n", "")).await;
    assert!(matches!(announced, Outcome::NotSent { retry_after: Some(pause), .. } if pause == Duration::from_secs(7)));
    let mail_only = Settings { sms_sender: None, ..settings("http://127.0.0.1:1") };
    let mail_only = Brevo::open(&mail_only, Some(&key()), &bench::net()).unwrap();
    let text = mail_only.send(&bench::text("+33612345678"), DateTime::UNIX_EPOCH).await;
    assert!(matches!(text, Outcome::Rejected { permanent: true, .. }));
}

#[tokio::test]
async fn a_mail_says_everything_once() {
    let server = bench::http(Script::Answer(201, "", r#"{"messageId":"m"}"#));
    let mut envelope = bench::mail("ann@example.com");
    let Content::Mail(mail) = &mut envelope.content else { unreachable!() };
    mail.attachments = vec![Attachment {
        name: "Facture n° 12.pdf".parse().unwrap(),
        media_type: "application/pdf".parse().unwrap(),
        bytes: Arc::from(*b"%PDF-1.7"),
    }];
    adapter(&server.url).send(&envelope, DateTime::UNIX_EPOCH).await;
    let request = server.requests().remove(0);
    assert_eq!((request.url.replace(&server.url, "").as_str(), request.headers["api-key"].as_str()), ("/v3/smtp/email", "xkeysib-own"));
    let expected = json!({
        "sender": { "email": "factures@dupont.example", "name": "Société Dupont" },
        "to": [{ "email": "ann@example.com", "name": "Ann Émile" }],
        "replyTo": { "email": "accounts@example.com" },
        "subject": "Facture n° 12 échue",
        "htmlContent": "<p>Réglez <b>12 €</b></p>",
        "textContent": "Réglez 12 €\n.\nMerci",
        "headers": {
            "idempotencyKey": envelope.message_id.uuid(),
            "List-Unsubscribe": "<https://pay.example.com/u/abcdef>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
        "tags": [envelope.message_id],
        "attachment": [{ "name": "Facture n° 12.pdf", "content": "JVBERi0xLjc=" }],
    });
    assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), expected);
    let Content::Mail(mail) = &mut envelope.content else { unreachable!() };
    mail.list_unsubscribe = Some("http://pay.example.com/u".parse().unwrap());
    let outcome = adapter(&bench::refused()).send(&envelope, DateTime::UNIX_EPOCH).await;
    assert!(matches!(outcome, Outcome::Rejected { permanent: true, .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_text_says_where_to_report() {
    let server = bench::http(Script::Answer(201, "", r#"{"messageId":1}"#));
    let mut envelope = bench::text("+33612345678");
    adapter(&server.url).send(&envelope, DateTime::UNIX_EPOCH).await;
    envelope.content = Content::Text(Text { to: "+33612345678".parse().unwrap(), body: "Reçu".to_owned() });
    envelope.receipts_url = None;
    adapter(&server.url).send(&envelope, DateTime::UNIX_EPOCH).await;
    let bodies: Vec<Value> = server.requests().iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect();
    assert_eq!(server.requests()[0].url.replace(&server.url, ""), "/v3/transactionalSMS/send");
    let first = json!({
        "sender": "Dupont", "recipient": "33612345678", "content": "Bonjour & merci", "type": "transactional",
        "tag": envelope.message_id, "unicodeEnabled": false, "webUrl": "https://api.example.com/in/pac_1",
    });
    let second = json!({
        "sender": "Dupont", "recipient": "33612345678", "content": "Reçu", "type": "transactional",
        "tag": envelope.message_id, "unicodeEnabled": true,
    });
    assert_eq!(bodies, [first, second]);
}

fn read(body: &Value) -> Result<Vec<Report>, Unreadable> {
    adapter("http://127.0.0.1:1").parse(&bench::inbound("https://api.example.com/in", &[], body.to_string().as_bytes()))
}

#[test]
fn every_word_has_its_status() {
    use DeliveryStatus as Is;
    let of_mail = [
        ("request", Is::Accepted),
        ("delivered", Is::Delivered),
        ("deferred", Is::Deferred),
        ("soft_bounce", Is::BouncedSoft),
        ("hard_bounce", Is::BouncedHard),
        ("invalid_email", Is::BouncedHard),
        ("blocked", Is::Suppressed),
        ("error", Is::Failed),
        ("spam", Is::Complained),
        ("complaint", Is::Complained),
        ("opened", Is::Opened),
        ("unique_opened", Is::Opened),
        ("proxy_open", Is::Opened),
        ("unique_proxy_open", Is::Opened),
        ("click", Is::Clicked),
        ("unsubscribe", Is::Unsubscribed),
        ("unsubscribed", Is::Unsubscribed),
    ];
    for (word, status) in of_mail {
        let report = read(&json!({ "event": word, "message-id": "<m1>" })).unwrap().remove(0);
        assert_eq!((&report.about, report.status, report.raw_name.as_str()), (&About::ProviderId("<m1>".into()), status, word));
        assert_eq!(report.detail.is_some(), word.contains("proxy"), "{word}");
    }
    let of_texts = [
        ("accepted", Is::Sent),
        ("sent", Is::Sent),
        ("delivered", Is::Delivered),
        ("soft_bounce", Is::Undelivered),
        ("hard_bounce", Is::Undelivered),
        ("rejected", Is::Suppressed),
        ("skip", Is::Suppressed),
        ("blocked", Is::Suppressed),
        ("unsubscribe", Is::Unsubscribed),
    ];
    for (word, status) in of_texts {
        let report = read(&json!({ "id": 26570, "to": "33612345678", "msg_status": word, "messageId": 123 })).unwrap().remove(0);
        assert_eq!((&report.about, report.status, report.raw_name.as_str()), (&About::ProviderId("123".into()), status, word));
    }
    for passed in [
        json!({ "event": "list_addition", "message-id": "<m1>" }),
        json!({ "event": "teleported", "message-id": "<m1>" }),
        json!({ "msg_status": "replied", "messageId": 123, "reply": "Hello" }),
        json!([]),
    ] {
        assert_eq!(read(&passed), Ok(vec![]), "{passed}");
    }
    for wrong in [json!({}), json!("x"), json!({ "event": "delivered" }), json!([{}, 7])] {
        assert!(read(&wrong).is_err(), "{wrong}");
    }
    let replied = |text: &str| {
        read(&json!({ "msg_status": "replied", "to": "33612345678", "messageId": 123, "reply": text, "ts_event": 1_795_255_200 }))
    };
    assert_eq!(replied("Je paie demain"), Ok(vec![]));
    let stop = replied("stop !").unwrap().remove(0);
    assert_eq!((&stop.about, stop.status), (&About::Number("+33612345678".parse().unwrap()), Is::Unsubscribed));
    assert_eq!((stop.dedupe.as_str(), stop.raw_name.as_str()), ("123:33612345678:replied", "replied"));
    assert_eq!(replied("STOP").unwrap(), [stop], "said twice, it is one");
    let opted_out = read(&json!({ "msg_status": "unsubscribe", "to": "33612345678", "ts_event": 1_795_255_200 })).unwrap().remove(0);
    assert_eq!((opted_out.about, opted_out.dedupe.as_str()), (About::Number("+33612345678".parse().unwrap()), "33612345678:unsubscribe"));
}

#[test]
fn a_list_is_read_as_far_as_it_can_be() {
    let list = json!([
        { "event": "delivered", "message-id": "<m1>" },
        { "event": "teleported", "message-id": "<m2>" },
        { "nothing": true },
        { "event": "spam", "message-id": "<m3>", "reason": "abuse" },
    ]);
    let reports = read(&list).unwrap();
    let statuses: Vec<_> = reports.iter().map(|report| (report.status, report.detail.as_deref())).collect();
    assert_eq!(statuses, [(DeliveryStatus::Delivered, None), (DeliveryStatus::Complained, Some("abuse"))]);
}

#[test]
fn our_id_comes_back_and_copies_are_known() {
    let id = MessageId::new(DateTime::UNIX_EPOCH);
    let written = json!([id]).to_string();
    for tagged in [json!({ "tags": [id] }), json!({ "tag": id }), json!({ "tag": written }), json!({ "tags": ["vip", id], "tag": "" })] {
        let mut event = tagged;
        event["event"] = json!("delivered");
        event["message-id"] = json!("<m1>");
        assert_eq!(read(&event).unwrap()[0].about, About::Message(id), "{event}");
    }
    let at = |word: &str, name: &str, stamp: i64| read(&json!({ "event": word, "message-id": "<m1>", name: stamp })).unwrap().remove(0);
    let (slow, quick) = (at("delivered", "ts_epoch", 1_795_255_200), at("delivered", "ts_epoch", 1_795_255_200_000));
    assert_eq!((slow.at, slow.at.unwrap().timestamp()), (quick.at, 1_795_255_200));
    assert_eq!(at("delivered", "ts_event", 1_795_255_200), slow);
    assert_eq!(slow.dedupe, "<m1>:delivered");
    assert_ne!(at("opened", "ts_epoch", 1_795_255_200).dedupe, at("opened", "ts_epoch", 1_795_255_201).dedupe);
    assert_ne!(slow.dedupe, at("spam", "ts_epoch", 1_795_255_200).dedupe);
}

#[tokio::test]
async fn a_lost_message_is_found_by_its_tag() {
    let sent_at = DateTime::from_timestamp(1_795_255_200, 0).unwrap();
    let ask = async |body: String, now: DateTime<Utc>, id: MessageId| {
        let server = bench::http(Script::Answer(200, "", Box::leak(body.into_boxed_str())));
        let sought = Sought { message_id: id, provider_id: None, sent_at };
        let found = adapter(&server.url).look_up(&sought, now).await;
        (found, server.requests().iter().map(|request| request.url.replace(&server.url, "")).collect::<Vec<_>>())
    };
    let id = MessageId::new(DateTime::UNIX_EPOCH);
    let events = json!({ "events": [
        { "event": "requests", "messageId": "<m1>", "tag": id, "date": "2026-11-21T11:00:00.000+01:00" },
        { "event": "hardBounces", "messageId": "<m1>", "tag": json!([id]).to_string(), "date": "2026-11-21T11:00:05.000+01:00", "reason": "gone" },
        { "event": "delivered", "messageId": "<m2>", "tag": MessageId::new(sent_at), "date": "2026-11-21T11:00:00.000+01:00" },
    ] });
    let (found, asked) = ask(events.to_string(), sent_at, id).await;
    assert_eq!(asked, [format!("/v3/smtp/statistics/events?limit=100&tags=%5B%22{id}%22%5D&days=2")]);
    let Found::Taken { provider_id, reports } = found else { panic!("{found:?}") };
    assert_eq!((provider_id.as_deref(), reports.len()), (Some("<m1>"), 2));
    assert_eq!((reports[1].status, reports[1].detail.as_deref()), (DeliveryStatus::BouncedHard, Some("gone")));
    assert_eq!((reports[1].at.unwrap() - sent_at).num_seconds(), 5);
    assert_eq!(reports[1].dedupe, read(&json!({ "event": "hard_bounce", "message-id": "<m1>" })).unwrap()[0].dedupe, "as its webhook says");

    let text = json!({ "events": [{ "event": "unsubscription", "phoneNumber": "33612345678", "messageId": "7", "tag": id, "date": "2026-11-21T10:00:00Z" }] });
    let (found, _) = ask(text.to_string(), sent_at, id).await;
    assert!(matches!(found, Found::Taken { reports, .. } if reports[0].status == DeliveryStatus::Unsubscribed));
    let (found, asked) = ask("{}".to_owned(), sent_at + chrono::TimeDelta::days(100), id).await;
    assert_eq!((found, asked.len()), (Found::Absent, 2), "both channels are asked");
    assert!(asked.iter().all(|url| url.ends_with("&days=30")), "{asked:?}");
    let (found, _) = ask("<html>".to_owned(), sent_at, id).await;
    assert!(matches!(found, Found::Failed(_)));
}

#[test]
fn every_word_of_the_reports_has_its_status() {
    use DeliveryStatus as Is;
    let id = MessageId::new(DateTime::UNIX_EPOCH);
    let listed = |event: Value| match events::found(&json!({ "events": [event] }), id) {
        Found::Taken { reports, .. } => reports.first().map(|report| report.status),
        other => panic!("{other:?}"),
    };
    for (word, status) in [
        ("requests", Some(Is::Accepted)),
        ("delivered", Some(Is::Delivered)),
        ("deferred", Some(Is::Deferred)),
        ("bounces", Some(Is::BouncedSoft)),
        ("softBounces", Some(Is::BouncedSoft)),
        ("hardBounces", Some(Is::BouncedHard)),
        ("invalid", Some(Is::BouncedHard)),
        ("blocked", Some(Is::Suppressed)),
        ("error", Some(Is::Failed)),
        ("spam", Some(Is::Complained)),
        ("opened", Some(Is::Opened)),
        ("loadedByProxy", Some(Is::Opened)),
        ("clicks", Some(Is::Clicked)),
        ("unsubscribed", Some(Is::Unsubscribed)),
        ("teleported", None),
    ] {
        assert_eq!(listed(json!({ "event": word, "tag": id })), status, "{word}");
    }
    for (word, status) in [
        ("sent", Some(Is::Sent)),
        ("accepted", Some(Is::Sent)),
        ("delivered", Some(Is::Delivered)),
        ("bounces", Some(Is::Undelivered)),
        ("hardBounces", Some(Is::Undelivered)),
        ("softBounces", Some(Is::Undelivered)),
        ("blocked", Some(Is::Suppressed)),
        ("rejected", Some(Is::Suppressed)),
        ("unsubscription", Some(Is::Unsubscribed)),
        ("replies", None),
    ] {
        assert_eq!(listed(json!({ "event": word, "tag": id, "phoneNumber": "33612345678" })), status, "{word}");
    }
}

#[tokio::test]
async fn the_account_tells_its_credit() {
    let probe = async |status: u16, body: &'static str| {
        let server = bench::http(Script::Answer(status, "", body));
        adapter(&server.url).probe(DateTime::UNIX_EPOCH).await
    };
    let told =
        r#"{"email":"a@example.com","plan":[{"type":"payAsYouGo","credits":120,"creditsType":"sendLimit"},{"type":"sms","credits":7.5}]}"#;
    assert_eq!(probe(200, told).await, Probe::Fine { detail: Some("payAsYouGo: 120 left, sms: 7.5 left".to_owned()) });
    assert_eq!(probe(200, "{}").await, Probe::Fine { detail: None });
    assert!(matches!(probe(401, r#"{"code":"unauthorized"}"#).await, Probe::Refused(_)));
    for unclear in [(429, ""), (500, ""), (200, "<html>")] {
        assert!(matches!(probe(unclear.0, unclear.1).await, Probe::Unreachable(_)), "{unclear:?}");
    }
    assert!(matches!(adapter(&bench::refused()).probe(DateTime::UNIX_EPOCH).await, Probe::Unreachable(_)));
}

#[test]
fn settings_are_checked_together() {
    let strict = Net::new(Default::default(), Default::default()).unwrap();
    let nothing = Settings { from_email: None, from_name: None, sms_sender: None, api_base: "http://10.0.0.1".to_owned() };
    let faults = Brevo::open(&nothing, Some(&key()), &strict).unwrap_err();
    let pointers: Vec<_> = faults.0.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/settings/api_base", "/settings/from_email"]);
}

#[test]
fn agrees_with_the_published_payloads() {
    let Some(payloads) = bench::vectors("payloads_email.json") else { return };
    for case in payloads["providers"]["brevo"].as_array().unwrap() {
        let report = read(&case["payload"]).unwrap().remove(0);
        let expected: &[DeliveryStatus] = match case["anymail_event_type"].as_str().unwrap() {
            "queued" => &[DeliveryStatus::Accepted],
            "bounced" => &[DeliveryStatus::BouncedHard, DeliveryStatus::BouncedSoft],
            "rejected" => &[DeliveryStatus::Suppressed],
            "deferred" => &[DeliveryStatus::Deferred],
            "delivered" => &[DeliveryStatus::Delivered],
            "opened" => &[DeliveryStatus::Opened],
            "clicked" => &[DeliveryStatus::Clicked],
            "complained" => &[DeliveryStatus::Complained],
            "unsubscribed" => &[DeliveryStatus::Unsubscribed],
            other => panic!("{other}"),
        };
        assert!(expected.contains(&report.status), "{} {report:?}", case["test"]);
    }
}
