//! Mailgun's contract, held.

use serde_json::json;

use super::*;
use crate::outbound::{
    About,
    bench::{self, Contract, Script},
    providers::mailing::tests::{full, published, unwritable},
};

const AT: i64 = 1_800_000_000;

fn settings(api_base: &str) -> Settings {
    Settings {
        domain: "mg.dupont.example".to_owned(),
        region: MailgunRegion::Eu,
        from_email: "factures@dupont.example".parse().unwrap(),
        from_name: Some("Dupont, SARL".parse().unwrap()),
        api_base: Some(api_base.to_owned()),
    }
}

fn adapter(api_base: &str, signing_key: &str) -> Mailgun {
    let keys = Credentials { api_key: Secret::new("key"), webhook_signing_key: Secret::new(signing_key) };
    Mailgun::open(&settings(api_base), Some(&keys), &bench::net()).unwrap()
}

fn reader() -> Mailgun {
    adapter("http://127.0.0.1:1", "signing")
}

fn webhook(stamp: &str, token: &str, signature: &str) -> Inbound {
    let body = json!({ "signature": { "timestamp": stamp, "token": token, "signature": signature }, "event-data": {} });
    bench::inbound("https://api.example.com/in", &[], body.to_string().as_bytes())
}

/// What anybody can compute from the scheme's description; the published vectors are tried below.
pub fn vectors() -> Option<bench::Vectors> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"signing");
    let signature = HEXLOWER.encode(hmac::sign(&key, format!("{AT}token").as_bytes()).as_ref());
    let inbound = webhook(&AT.to_string(), "token", &signature);
    Some(bench::Vectors {
        genuine: vec![(inbound, DateTime::from_timestamp(AT, 0).unwrap())],
        adapter: Box::new(reader()),
        other: Box::new(adapter("http://127.0.0.1:1", "other")),
        header: "/signature/signature",
        covers_body: false,
        covers_time: true,
    })
}

async fn send(script: Script) -> Outcome {
    let server = bench::http(script);
    adapter(&server.url, "signing").send(&full(), DateTime::UNIX_EPOCH).await
}

#[tokio::test]
async fn every_answer_has_its_outcome() {
    let contract = Contract {
        open: &|base| Box::new(adapter(base, "signing")),
        envelope: full(),
        accepted: (200, "", r#"{"id":"<msg@mg.dupont.example>","message":"Queued. Thank you."}"#),
        provider_id: Some("msg@mg.dupont.example"),
        refused: (400, "", r#"{"message":"Need at least one of 'text' or 'html' parameters specified"}"#),
        forbidden: (401, "", "Forbidden"),
        limited: (429, "Retry-After: 3\r\n", r#"{"message":"Too many requests"}"#),
        bodiless: false,
    };
    contract.hold().await;
    let invalid = Some(SuppressionReason::InvalidAddress);
    let cases = [
        (400, r#"{"message":"'to' parameter is not a valid address. please check documentation"}"#, true, invalid),
        (400, r#"{"message":"to parameter is not a valid address. please check documentation"}"#, true, invalid),
        (400, r#"{"message":"'from' parameter is not a valid address. please check documentation"}"#, false, None),
        (400, r#"{"message":"Sandbox subdomains are for test purposes only."}"#, false, None),
        (403, r#"{"message":"Domain mg.dupont.example is not allowed to send"}"#, false, None),
        (402, r#"{"message":"Payment required"}"#, false, None),
        (404, r#"{"message":"Domain not found: mg.dupont.example"}"#, false, None),
        (413, "", true, None),
        (200, "Mailgun Magnificent API", false, None),
    ];
    for (status, body, of_message, why) in cases {
        let outcome = send(Script::Answer(status, "", body)).await;
        assert!(
            matches!(outcome, Outcome::Rejected { permanent, suppress, .. } if permanent == of_message && suppress == why),
            "{body} {outcome:?}"
        );
    }
    assert!(matches!(send(Script::Answer(408, "", "")).await, Outcome::Unknown { .. }));
    let nowhere = adapter(&bench::refused(), "signing");
    for refused in [bench::text("+33612345678"), unwritable()] {
        assert!(matches!(nowhere.send(&refused, DateTime::UNIX_EPOCH).await, Outcome::Rejected { permanent: true, .. }));
    }
}

#[tokio::test]
async fn what_is_sent_names_the_message_and_tracks_nobody() {
    let server = bench::http(Script::Answer(200, "", r#"{"id":"<a@b>"}"#));
    let envelope = full();
    adapter(&server.url, "signing").send(&envelope, DateTime::UNIX_EPOCH).await;
    let request = server.requests().remove(0);
    assert!(request.url.ends_with("/v3/mg.dupont.example/messages"));
    assert_eq!(request.headers["authorization"], format!("Basic {}", data_encoding::BASE64.encode(b"api:key")));
    let id = envelope.message_id;
    assert_eq!(request.headers["content-type"], format!("multipart/form-data; boundary=relance-{id}"));
    let body = String::from_utf8_lossy(&request.body).into_owned();
    let mut parts: Vec<&str> = body.split(&format!("--relance-{id}")).collect();
    assert_eq!((parts.remove(0), parts.pop()), ("", Some("--\r\n")));
    let (name, message) = (format!("<{id}@mg.dupont.example>"), id.to_string());
    let expected = [
        ("from", "\"Dupont, SARL\" <factures@dupont.example>"),
        ("to", "Ann Émile <ann@example.com>"),
        ("subject", "Facture n° 12 échue"),
        ("text", "Réglez 12 €\n.\nMerci"),
        ("html", "<p>Réglez <b>12 €</b></p>"),
        ("h:Message-Id", &name),
        ("h:Reply-To", "accounts@example.com"),
        ("h:List-Unsubscribe", "<https://pay.example.com/u/abcdef>"),
        ("h:List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("v:relance_message", &message),
        ("o:tracking", "no"),
        ("o:tracking-clicks", "no"),
        ("o:tracking-opens", "no"),
    ];
    assert_eq!(parts.len(), expected.len() + 1);
    for (part, (name, value)) in parts.iter().zip(expected) {
        assert_eq!(*part, format!("\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"));
    }
    assert!(parts.last().unwrap().contains("name=\"attachment\"; filename=\"facture n° %2212%22.pdf\"\r\nContent-Type: application/pdf"));
}

fn read(body: &Value) -> Vec<Report> {
    reader().parse(&bench::inbound("https://api.example.com/in", &[], body.to_string().as_bytes())).unwrap()
}

fn read_event(event: &Value) -> Vec<Report> {
    read(&json!({ "event-data": event }))
}

#[test]
fn every_word_has_its_status() {
    use DeliveryStatus::{
        Accepted, BouncedHard, BouncedSoft, Clicked, Complained, Deferred, Delivered, Failed, Opened, Suppressed, Unsubscribed,
    };
    let failed = |severity: &str, reason: &str| json!({ "event": "failed", "severity": severity, "reason": reason });
    let cases = [
        (json!({ "event": "accepted" }), Accepted),
        (json!({ "event": "rejected" }), Failed),
        (json!({ "event": "delivered" }), Delivered),
        (json!({ "event": "opened" }), Opened),
        (json!({ "event": "clicked" }), Clicked),
        (json!({ "event": "complained" }), Complained),
        (json!({ "event": "unsubscribed" }), Unsubscribed),
        (failed("temporary", "greylisted"), Deferred),
        (failed("temporary", "suppress-bounce"), Deferred),
        (failed("permanent", "bounce"), BouncedHard),
        (failed("permanent", "generic"), BouncedHard),
        (failed("permanent", "old"), BouncedSoft),
        (failed("permanent", "espblock"), BouncedSoft),
        (failed("permanent", "suppress-bounce"), Suppressed),
        (failed("permanent", "suppress-complaint"), Suppressed),
        (failed("permanent", "suppress-unsubscribe"), Suppressed),
    ];
    for (mut event, status) in cases {
        event["message"] = json!({ "headers": { "message-id": "a@b" } });
        let reports = read_event(&event);
        assert_eq!((reports[0].status, &reports[0].about), (status, &About::ProviderId("a@b".into())), "{event}");
        assert_eq!(reports[0].raw_name, event["event"]);
    }
    for other in ["stored", "list_member_uploaded", "something new"] {
        assert!(read_event(&json!({ "event": other, "message": { "headers": { "message-id": "a@b" } } })).is_empty(), "{other}");
    }
}

#[test]
fn an_event_names_the_message_and_copies_look_alike() {
    let id = MessageId::new(DateTime::UNIX_EPOCH);
    let failed = json!({
        "event": "failed", "severity": "permanent", "reason": "bounce", "id": "e1", "timestamp": 1_534_110_422.389832,
        "user-variables": { "relance_message": id }, "delivery-status": { "code": 550, "message": "5.1.1 no\nsuch user" },
        "message": { "headers": { "message-id": "a@b" } },
    });
    let reports = read_event(&failed);
    assert_eq!((&reports[0].about, reports[0].at.unwrap().timestamp_millis()), (&About::Message(id), 1_534_110_422_389));
    assert_eq!(reports[0].detail.as_deref(), Some("permanent; bounce; 550; 5.1.1 no such user"));
    assert_eq!(reports[0].dedupe, "2018-08-12:failed:e1");
    assert_eq!(reports, read_event(&failed));
    let mut next_day = failed.clone();
    next_day["timestamp"] = json!(1_534_196_822.389832);
    assert_ne!(reports[0].dedupe, read_event(&next_day)[0].dedupe);
    let open = json!({ "event": "opened", "message": { "headers": { "message-id": "a@b" } }, "client-info": { "bot": "apple" } });
    assert_eq!(read_event(&open)[0].detail.as_deref(), Some("proxy"));
    assert!(read_event(&json!({ "event": "delivered" })).is_empty(), "about nothing");
    for wrong in [&b"payload"[..], b"{}", b"[]"] {
        assert!(reader().parse(&bench::inbound("https://api.example.com/in", &[], wrong)).is_err());
    }
}

#[test]
fn agrees_with_the_published_vectors() {
    let Some(vectors) = bench::vectors("mailgun.json") else { return };
    let adapter = adapter("http://127.0.0.1:1", vectors["signing_key"].as_str().unwrap());
    for case in vectors["cases"].as_array().unwrap() {
        let text = |key: &str| case[key].as_str().unwrap();
        let at = DateTime::from_timestamp(text("timestamp").parse().unwrap(), 0).unwrap();
        let verdict = bench::verify(&adapter, &webhook(text("timestamp"), text("token"), text("signature")), at);
        assert_eq!(verdict.is_ok(), case["valid"].as_bool().unwrap(), "{}", case["name"]);
    }
}

#[test]
fn what_is_not_signed_is_not_believed() {
    let at = DateTime::from_timestamp(AT, 0).unwrap();
    let verify = |inbound: &Inbound| bench::verify(&reader(), inbound, at);
    assert_eq!(verify(&webhook("soon", "token", "00")), Err(Unverified::Malformed(SIGNATURE)));
    assert_eq!(verify(&webhook(&AT.to_string(), "token", "xy")), Err(Unverified::Malformed(SIGNATURE)));
    assert_eq!(verify(&webhook(&AT.to_string(), "token", "00")), Err(Unverified::Mismatch));
    assert_eq!(verify(&webhook("1799999000", "token", "00")), Err(Unverified::Stale));
    assert_eq!(verify(&bench::inbound("https://api.example.com/in", &[], b"{}")), Err(Unverified::Missing(SIGNATURE)));
    assert_eq!(verify(&bench::inbound("https://api.example.com/in", &[], b"no")), Err(Unverified::Malformed(SIGNATURE)));
}

#[test]
fn reads_the_published_payloads() {
    published("mailgun", read);
}

#[tokio::test]
async fn a_lost_message_is_found_by_our_id() {
    let id = MessageId::new(DateTime::UNIX_EPOCH);
    let sought = Sought { message_id: id, provider_id: None, sent_at: DateTime::UNIX_EPOCH };
    let found = async |status, body: Value| {
        let server = bench::http(Script::Answer(status, "", body.to_string().leak()));
        let found = adapter(&server.url, "signing").look_up(&sought, DateTime::UNIX_EPOCH).await;
        let url = server.requests().remove(0).url;
        assert!(url.ends_with(&format!("/v3/mg.dupont.example/events?message-id={id}%40mg.dupont.example&limit=25")), "{url}");
        found
    };
    let event = json!({
        "event": "delivered", "id": "e1", "timestamp": AT, "user-variables": { "relance_message": id },
        "message": { "headers": { "message-id": format!("{id}@mg.dupont.example") } },
    });
    let Found::Taken { provider_id, reports } = found(200, json!({ "items": [event] })).await else { panic!("not found") };
    assert_eq!((provider_id, reports), (Some(format!("{id}@mg.dupont.example")), read_event(&event)));
    let other = json!({ "event": "delivered", "message": { "headers": { "message-id": "a@b" } } });
    for (status, body) in [(200, json!({ "items": [] })), (200, json!({ "items": [other] })), (401, json!({})), (500, json!(null))] {
        assert!(matches!(found(status, body).await, Found::Failed(_)));
    }
}

#[tokio::test]
async fn a_domain_is_asked_for_its_state() {
    let probe = async |status, body| {
        let server = bench::http(Script::Answer(status, "", body));
        let probe = adapter(&server.url, "signing").probe(DateTime::UNIX_EPOCH).await;
        assert!(server.requests()[0].url.ends_with("/v4/domains/mg.dupont.example"));
        probe
    };
    assert_eq!(probe(200, r#"{"domain":{"state":"active"}}"#).await, Probe::Fine { detail: Some("active".into()) });
    assert_eq!(probe(200, r#"{"domain":{"state":"unverified"}}"#).await, Probe::Refused("the domain is unverified".into()));
    assert_eq!(probe(401, "Forbidden").await, Probe::Refused("the key is wrong, or a sending key, which may not ask".into()));
    assert!(matches!(probe(404, r#"{"message":"Domain not found"}"#).await, Probe::Refused(_)), "or in the other region");
    assert!(matches!(probe(500, "").await, Probe::Unreachable(_)));
}

#[test]
fn settings_are_checked_together() {
    let strict = Net::new(Default::default(), Default::default()).unwrap();
    let keys = Credentials { api_key: Secret::new("k"), webhook_signing_key: Secret::new("k") };
    for domain in ["../v3", "a..b", "", "a/b"] {
        let wrong = Settings { domain: domain.to_owned(), ..settings("http://10.0.0.1") };
        let faults = Mailgun::open(&wrong, Some(&keys), &strict).unwrap_err();
        let pointers: Vec<_> = faults.0.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["/settings/api_base", "/settings/domain"], "{domain}");
    }
    for (region, base) in [(MailgunRegion::Us, "https://api.mailgun.net"), (MailgunRegion::Eu, "https://api.eu.mailgun.net")] {
        let usual = Settings { region, api_base: None, ..settings("") };
        assert_eq!(Mailgun::open(&usual, Some(&keys), &strict).unwrap().base, base);
    }
}
