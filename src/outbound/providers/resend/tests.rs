//! Resend's contract, held.

use super::*;
use crate::{
    domain::ids::MessageId,
    outbound::{
        bench::{self, Contract, Script},
        providers::mailing::tests::{full, published, unwritable},
    },
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const AT: i64 = 1_800_000_000;

fn settings(api_base: &str) -> Settings {
    Settings {
        from_email: "factures@dupont.example".parse().unwrap(),
        from_name: Some("Dupont SARL".parse().unwrap()),
        api_base: api_base.to_owned(),
    }
}

fn adapter(api_base: &str, secret: Option<&str>) -> Resend {
    let keys = Credentials { api_key: Secret::new("re_key"), webhook_secret: secret.map(Secret::new) };
    Resend::open(&settings(api_base), Some(&keys), &bench::net()).unwrap()
}

fn reader() -> Resend {
    adapter("http://127.0.0.1:1", Some(SECRET))
}

/// What it signs itself, it believes.
pub fn vectors() -> Option<bench::Vectors> {
    let now = DateTime::from_timestamp(AT, 0).unwrap();
    let body = br#"{"type":"email.sent","data":{}}"#;
    let headers = Signer::new(SECRET).unwrap().headers("msg_1", now, body).unwrap();
    let headers: Vec<(&str, &str)> = [ID, TIMESTAMP, SIGNATURE].into_iter().zip(headers.iter().map(|(_, value)| value.as_str())).collect();
    Some(bench::Vectors {
        genuine: vec![(bench::inbound("https://api.example.com/in", &headers, body), now)],
        adapter: Box::new(reader()),
        other: Box::new(adapter("http://127.0.0.1:1", Some("whsec_AAAA9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))),
        header: SIGNATURE,
        covers_body: true,
        covers_time: true,
    })
}

async fn send(script: Script) -> Outcome {
    let server = bench::http(script);
    adapter(&server.url, None).send(&full(), DateTime::UNIX_EPOCH).await
}

#[tokio::test]
async fn every_answer_has_its_outcome() {
    let contract = Contract {
        open: &|base| Box::new(adapter(base, None)),
        envelope: full(),
        accepted: (200, "", r#"{"id":"49a3999c-0ce1"}"#),
        provider_id: Some("49a3999c-0ce1"),
        refused: (422, "", r#"{"name":"missing_required_field","message":"Missing `subject` field."}"#),
        forbidden: (403, "", r#"{"name":"invalid_api_key","message":"API key is invalid"}"#),
        limited: (429, "Retry-After: 3\r\n", r#"{"name":"rate_limit_exceeded","message":"Too many requests"}"#),
        bodiless: false,
    };
    contract.hold().await;
    let cases = [
        (400, r#"{"name":"validation_error","message":"Invalid `to` field."}"#, true),
        (422, r#"{"name":"invalid_attachment","message":"no content"}"#, true),
        (422, r#"{"name":"validation_error","message":"Invalid `from` field."}"#, false),
        (422, r#"{"name":"invalid_from_address","message":"Invalid `from` field."}"#, false),
        (403, r#"{"name":"validation_error","message":"The dupont.example domain is not verified."}"#, false),
        (401, r#"{"name":"missing_api_key","message":"Missing"}"#, false),
        (429, r#"{"name":"daily_quota_exceeded","message":"quota"}"#, false),
        (429, r#"{"name":"monthly_quota_exceeded","message":"quota"}"#, false),
        (451, r#"{"name":"security_error","message":"?"}"#, false),
        (413, "", true),
        (404, "<html>", false),
    ];
    for (status, body, of_message) in cases {
        let outcome = send(Script::Answer(status, "", body)).await;
        assert!(matches!(outcome, Outcome::Rejected { permanent, suppress: None, .. } if permanent == of_message), "{body} {outcome:?}");
    }
    for name in ["invalid_idempotent_request", "concurrent_idempotent_requests"] {
        let body = format!(r#"{{"name":"{name}","message":"?"}}"#);
        assert!(matches!(send(Script::Answer(409, "", body.leak())).await, Outcome::Unknown { .. }), "{name}");
    }
    let nowhere = adapter(&bench::refused(), None);
    for refused in [bench::text("+33612345678"), unwritable()] {
        assert!(matches!(nowhere.send(&refused, DateTime::UNIX_EPOCH).await, Outcome::Rejected { permanent: true, .. }));
    }
}

#[tokio::test]
async fn what_is_sent_carries_the_key_and_names_the_message() {
    let server = bench::http(Script::Answer(200, "", r#"{"id":"1"}"#));
    let (adapter, envelope) = (adapter(&server.url, None), full());
    for now in [DateTime::UNIX_EPOCH, DateTime::from_timestamp(AT, 0).unwrap()] {
        adapter.send(&envelope, now).await;
    }
    let [first, again] = server.requests().try_into().unwrap();
    assert_eq!(first.body, again.body, "the same key, the same body");
    assert!(first.url.ends_with("/emails"));
    assert_eq!((first.headers["authorization"].as_str(), first.headers["idempotency-key"].as_str()), ("Bearer re_key", "msg-key-1"));
    let expected = json!({
        "from": "Dupont SARL <factures@dupont.example>",
        "to": ["Ann Émile <ann@example.com>"],
        "reply_to": "accounts@example.com",
        "subject": "Facture n° 12 échue",
        "html": "<p>Réglez <b>12 €</b></p>",
        "text": "Réglez 12 €\n.\nMerci",
        "headers": {
            "List-Unsubscribe": "<https://pay.example.com/u/abcdef>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
        "tags": [{ "name": "relance_message", "value": envelope.message_id }],
        "attachments": [{ "filename": "facture n° \"12\".pdf", "content": "JVBERi0A/w==", "content_type": "application/pdf" }],
    });
    assert_eq!(serde_json::from_slice::<Value>(&first.body).unwrap(), expected);
}

fn read(event: &Value) -> Vec<Report> {
    reader().parse(&bench::inbound("https://api.example.com/in", &[(ID, "msg_1")], event.to_string().as_bytes())).unwrap()
}

#[test]
fn every_word_has_its_status() {
    use DeliveryStatus::{Accepted, BouncedHard, BouncedSoft, Clicked, Complained, Deferred, Delivered, Failed, Opened, Sent, Suppressed};
    let bounced = |kind: &str, sub: &str| json!({ "email_id": "e1", "bounce": { "type": kind, "subType": sub } });
    let plain = json!({ "email_id": "e1" });
    let cases = [
        ("email.scheduled", plain.clone(), Accepted),
        ("email.sent", plain.clone(), Sent),
        ("email.delivered", plain.clone(), Delivered),
        ("email.delivery_delayed", plain.clone(), Deferred),
        ("email.complained", plain.clone(), Complained),
        ("email.opened", plain.clone(), Opened),
        ("email.clicked", plain.clone(), Clicked),
        ("email.failed", plain.clone(), Failed),
        ("email.suppressed", plain.clone(), Suppressed),
        ("email.bounced", bounced("Permanent", "General"), BouncedHard),
        ("email.bounced", bounced("Permanent", "Suppressed"), Suppressed),
        ("email.bounced", bounced("Transient", "MailboxFull"), BouncedSoft),
        ("email.bounced", bounced("Undetermined", "Undetermined"), BouncedSoft),
        ("email.bounced", plain.clone(), BouncedSoft),
    ];
    for (kind, data, status) in cases {
        let reports = read(&json!({ "type": kind, "data": data }));
        assert_eq!((reports[0].status, &reports[0].about), (status, &About::ProviderId("e1".into())), "{kind}");
        assert_eq!((reports[0].raw_name.as_str(), reports[0].dedupe.as_str()), (kind, "msg_1"));
    }
    for other in ["email.received", "contact.created", "something new"] {
        assert!(read(&json!({ "type": other, "data": plain })).is_empty(), "{other}");
    }
}

#[test]
fn an_event_names_the_message_and_its_time() {
    let id = MessageId::new(DateTime::UNIX_EPOCH);
    for tags in [json!({ "relance_message": id }), json!([{ "name": "a", "value": "b" }, { "name": "relance_message", "value": id }])] {
        let bounce = json!({
            "type": "email.bounced", "created_at": "2026-10-01T20:01:01.598Z",
            "data": {
                "created_at": "2026-10-01T19:00:00.000Z", "email_id": "e1", "tags": tags,
                "bounce": { "type": "Permanent", "subType": "General", "message": "no\nsuch user" },
            },
        });
        let report = read(&bounce).remove(0);
        assert_eq!((&report.about, report.at.unwrap().to_rfc3339().as_str()), (&About::Message(id), "2026-10-01T20:01:01.598+00:00"));
        assert_eq!(report.detail.as_deref(), Some("Permanent; General; no such user"));
    }
    assert!(read(&json!({ "type": "email.sent", "data": {} })).is_empty(), "about nothing");
    let unreadable = |headers: &[(&str, &str)], body: &[u8]| reader().parse(&bench::inbound("https://x.example", headers, body)).is_err();
    assert!(
        unreadable(&[(ID, "msg_1")], b"payload") && unreadable(&[(ID, "msg_1")], b"{}") && unreadable(&[], br#"{"type":"email.sent"}"#)
    );
}

#[test]
fn agrees_with_the_published_vectors() {
    let Some(vectors) = bench::vectors("standard_webhooks.json") else { return };
    for case in vectors["cases"].as_array().unwrap().iter().filter(|case| case["alg"] == "v1") {
        let text = |key: &str| case[key].as_str().unwrap();
        let secret = if text("secret").starts_with("whsec_") { text("secret").to_owned() } else { format!("whsec_{}", text("secret")) };
        let stamp = case["timestamp"].as_i64().unwrap();
        let headers = [(ID, text("id")), (TIMESTAMP, &stamp.to_string()), (SIGNATURE, text("signature_header"))];
        let inbound = bench::inbound("https://api.example.com/in", &headers, text("body").as_bytes());
        let verdict = bench::verify(&adapter("http://127.0.0.1:1", Some(&secret)), &inbound, DateTime::from_timestamp(stamp, 0).unwrap());
        assert_eq!(verdict.is_ok(), case["valid"].as_bool().unwrap(), "{}", case["name"]);
    }
}

#[test]
fn without_the_secret_nothing_is_believed() {
    let genuine = &vectors().unwrap().genuine[0];
    assert_eq!(bench::verify(&adapter("http://127.0.0.1:1", None), &genuine.0, genuine.1), Err(Unverified::NoReceipts));
    let mut standard = genuine.0.clone();
    standard.headers.remove(ID);
    standard.headers.insert("webhook-id".to_owned(), "msg_1".to_owned());
    assert_eq!(bench::verify(&reader(), &standard, genuine.1), Err(Unverified::Missing(ID)));
}

#[test]
fn reads_the_published_payloads() {
    published("resend", read);
}

#[tokio::test]
async fn a_message_is_asked_for_by_its_name() {
    let found = async |provider_id: Option<&str>, status, body| {
        let server = bench::http(Script::Answer(status, "", body));
        let message_id = MessageId::new(DateTime::UNIX_EPOCH);
        let sought = Sought { message_id, provider_id: provider_id.map(str::to_owned), sent_at: DateTime::UNIX_EPOCH };
        adapter(&server.url, None).look_up(&sought, DateTime::UNIX_EPOCH).await
    };
    let Found::Taken { provider_id, reports } = found(Some("e1"), 200, r#"{"id":"e1","last_event":"delivered"}"#).await else {
        panic!("not found")
    };
    assert_eq!((provider_id.as_deref(), reports[0].status), (Some("e1"), DeliveryStatus::Delivered));
    for (status, body) in [(404, r#"{"name":"not_found"}"#), (401, r#"{"name":"restricted_api_key"}"#), (200, r#"{"id":"e2"}"#)] {
        assert!(matches!(found(Some("e1"), status, body).await, Found::Failed(_)), "{body}");
    }
    for unasked in [None, Some("../domains")] {
        assert_eq!(found(unasked, 200, "{}").await, Found::NotOffered);
    }
}

#[tokio::test]
async fn a_key_is_asked_for_the_domain() {
    let probe = async |status, body| {
        let server = bench::http(Script::Answer(status, "", body));
        adapter(&server.url, None).probe(DateTime::UNIX_EPOCH).await
    };
    let fine = |detail: &str| Probe::Fine { detail: Some(detail.to_owned()) };
    assert_eq!(
        probe(200, r#"{"data":[{"name":"dupont.example","status":"verified"}]}"#).await,
        fine("the domain dupont.example is verified")
    );
    assert_eq!(probe(200, r#"{"data":[]}"#).await, fine("the domain dupont.example is not listed"));
    assert!(matches!(probe(200, r#"{"data":[{"name":"dupont.example","status":"pending"}]}"#).await, Probe::Refused(_)));
    assert_eq!(probe(401, r#"{"name":"restricted_api_key"}"#).await, fine("the key may only send"));
    assert!(matches!(probe(403, r#"{"name":"invalid_api_key"}"#).await, Probe::Refused(_)));
    assert!(matches!(probe(500, "").await, Probe::Unreachable(_)));
}

#[test]
fn settings_are_checked_together() {
    let strict = Net::new(Default::default(), Default::default()).unwrap();
    let keys = Credentials { api_key: Secret::new("k"), webhook_secret: Some(Secret::new("whsec_")) };
    let faults = Resend::open(&settings("http://10.0.0.1"), Some(&keys), &strict).unwrap_err();
    let pointers: Vec<_> = faults.0.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/settings/api_base", "/credentials/webhook_secret"]);
}
