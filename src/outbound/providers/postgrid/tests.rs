//! PostGrid's contract, held.

use serde_json::json;

use super::*;
use crate::outbound::{
    bench::{self, Contract, Script},
    jwt::tests::sign,
    providers::posting::tests::{american, parts},
};

const SECRET: &str = "webhook_secret_0123456789";
const AT: i64 = 1_800_000_000;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(AT, 0).unwrap()
}

fn settings(api_base: &str) -> Settings {
    Settings { address_sheet: true, api_base: api_base.to_owned() }
}

fn opened(settings: &Settings, secret: &str) -> Postgrid {
    let keys = Credentials { api_key: Secret::new("live_sk_1"), webhook_secret: Secret::new(secret) };
    Postgrid::open(settings, Some(&keys), &bench::net()).unwrap()
}

fn adapter(api_base: &str) -> Postgrid {
    opened(&settings(api_base), SECRET)
}

fn reader() -> Postgrid {
    adapter("http://127.0.0.1:1")
}

/// A webhook as PostGrid signs it: the body is the token.
fn webhook(algorithm: Algorithm, event: &Value) -> Inbound {
    bench::inbound("https://api.example.com/in", &[], sign(algorithm, event, SECRET).as_bytes())
}

fn updated(letter: &Value) -> Value {
    json!({ "id": "event_1", "object": "event", "type": "letter.updated", "data": letter, "iat": AT, "exp": AT + 300 })
}

pub fn vectors() -> Option<bench::Vectors> {
    Some(bench::Vectors {
        genuine: vec![(webhook(Algorithm::HS256, &updated(&json!({ "id": "letter_1", "status": "ready" }))), now())],
        adapter: Box::new(reader()),
        other: Box::new(opened(&settings("http://127.0.0.1:1"), "another_webhook_secret")),
        header: bench::BODY,
        covers_body: true,
        covers_time: true,
    })
}

async fn send(script: Script) -> Outcome {
    let server = bench::http(script);
    adapter(&server.url).send(&american(PostalService::Simple), now()).await
}

#[tokio::test]
async fn every_answer_has_its_outcome() {
    let contract = Contract {
        open: &|base| Box::new(adapter(base)),
        envelope: bench::letter(PostalService::Registered),
        accepted: (201, "", r#"{"id":"letter_1","object":"letter","status":"ready"}"#),
        provider_id: Some("letter_1"),
        refused: (422, "", r#"{"object":"error","error":{"type":"validation_error","message":"addressLine1 is required"}}"#),
        forbidden: (401, "", r#"{"error":{"type":"invalid_api_key_error","message":"no"}}"#),
        limited: (429, "Retry-After: 3\r\n", r#"{"error":{"type":"rate_limit_error"}}"#),
        bodiless: false,
    };
    contract.hold().await;
    for (status, of_letter) in [(400, true), (413, true), (402, false), (403, false), (404, false), (302, false)] {
        let outcome = send(Script::Answer(status, "", r#"{"error":{"type":"t","message":"m"}}"#)).await;
        assert!(
            matches!(&outcome, Outcome::Rejected { permanent, suppress: None, code, reason } if *permanent == of_letter && code == "t" && reason == "m"),
            "{status} {outcome:?}"
        );
    }
    for status in [408, 409] {
        assert!(matches!(send(Script::Answer(status, "", "{}")).await, Outcome::Unknown { .. }), "{status}");
    }
    let nowhere = adapter(&bench::refused());
    assert!(matches!(nowhere.send(&bench::text("+33612345678"), now()).await, Outcome::Rejected { permanent: true, .. }));
}

#[tokio::test]
async fn what_is_sent_carries_the_key_and_names_the_letter() {
    let server = bench::http(Script::Answer(201, "", r#"{"id":"1"}"#));
    let (adapter, envelope) = (adapter(&server.url), american(PostalService::Registered));
    for at in [now(), now() + TimeDelta::minutes(20)] {
        adapter.send(&envelope, at).await;
    }
    let [first, again] = server.requests().try_into().unwrap();
    assert_eq!(first.body, again.body, "the same key, the same letter");
    assert!(first.url.ends_with("/letters"));
    assert_eq!((first.headers["idempotency-key"].as_str(), first.headers["x-api-key"].as_str()), ("msg-key-1", "live_sk_1"));
    let id = envelope.message_id.to_string();
    let expected = [
        ("to[companyName]", "Durand & Sons"),
        ("to[firstName]", "Ann Émile"),
        ("to[addressLine1]", "210 King St"),
        ("to[addressLine2]", "Suite 6100"),
        ("to[city]", "San Francisco"),
        ("to[provinceOrState]", "CA"),
        ("to[postalOrZip]", "94107"),
        ("to[countryCode]", "US"),
        ("from[companyName]", "Dupont Inc."),
        ("from[addressLine1]", "1 Market Sq"),
        ("from[city]", "New York"),
        ("from[provinceOrState]", "NY"),
        ("from[postalOrZip]", "10007-1000"),
        ("from[countryCode]", "US"),
        ("mailingClass", "certified_return_receipt"),
        ("size", "a4"),
        ("color", "false"),
        ("doubleSided", "true"),
        ("addressPlacement", "insert_blank_page"),
        ("description", &id),
        ("metadata[relance_message]", &id),
    ];
    let mut fields = parts(&first);
    let (name, head, file) = fields.pop().unwrap();
    assert_eq!((name.as_str(), file.as_slice()), ("pdf", &b"%PDF-1.7\0\xff"[..]));
    assert!(head.contains(&format!("filename=\"{id}.pdf\"\r\nContent-Type: application/pdf")));
    let fields: Vec<(String, String)> = fields.into_iter().map(|(name, _, value)| (name, String::from_utf8(value).unwrap())).collect();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(fields, expected);
}

#[tokio::test]
async fn each_service_has_its_word_at_home_and_abroad() {
    use PostalService::{Registered, Simple, Tracked};
    let sent = async |envelope: Envelope, address_sheet| {
        let server = bench::http(Script::Answer(201, "", r#"{"id":"1"}"#));
        opened(&Settings { address_sheet, ..settings(&server.url) }, SECRET).send(&envelope, now()).await;
        let fields = parts(&server.requests()[0]);
        move |name: &str| fields.iter().find(|(key, ..)| key == name).map(|(.., value)| String::from_utf8_lossy(value).into_owned())
    };
    for (service, home, abroad) in [
        (Simple, "first_class", "first_class"),
        (Tracked, "certified", "registered"),
        (Registered, "certified_return_receipt", "registered"),
    ] {
        assert_eq!(sent(american(service), true).await("mailingClass").as_deref(), Some(home));
        let elsewhere = sent(bench::letter(service), false).await;
        assert_eq!(elsewhere("mailingClass").as_deref(), Some(abroad));
        assert_eq!((elsewhere("to[provinceOrState]"), elsewhere("addressPlacement").as_deref()), (None, Some("top_first_page")));
    }
}

#[tokio::test]
async fn an_address_that_does_not_fit_is_refused_before_anything_is_asked() {
    let server = bench::http(Script::Answer(201, "", r#"{"id":"1"}"#));
    let changes: [fn(&mut Letter); 4] = [
        |letter| letter.to.name = "x".repeat(61).parse().unwrap(),
        |letter| letter.from.lines = vec!["x".parse().unwrap(); 3],
        |letter| letter.to.postal_code = "9410".parse().unwrap(),
        |letter| letter.to.city = "".parse().unwrap(),
    ];
    for change in changes {
        let mut envelope = american(PostalService::Simple);
        let Content::Letter(letter) = &mut envelope.content else { panic!() };
        change(letter);
        let outcome = adapter(&server.url).send(&envelope, now()).await;
        assert!(matches!(&outcome, Outcome::Rejected { permanent: true, code, .. } if code == "unfit"), "{outcome:?}");
    }
    assert!(server.requests().is_empty());
}

fn read(event: &Value) -> Vec<Report> {
    reader().parse(&webhook(Algorithm::HS256, event)).unwrap()
}

#[test]
fn every_word_has_its_status_and_none_is_a_delivery() {
    use DeliveryStatus::{Accepted, Failed, Sent, Undelivered};
    let cases = [
        ("ready", None, Accepted, "ready"),
        ("printing", None, Accepted, "printing"),
        ("processed_for_delivery", None, Sent, "processed_for_delivery"),
        ("completed", None, Sent, "completed"),
        ("cancelled", None, Failed, "cancelled"),
        ("processed_for_delivery", Some("entered_mail_stream"), Sent, "entered_mail_stream"),
        ("processed_for_delivery", Some("out_for_delivery"), Sent, "out_for_delivery"),
        ("completed", Some("returned_to_sender"), Undelivered, "returned_to_sender"),
    ];
    for (state, scan, status, said) in cases {
        let report = read(&updated(&json!({ "id": "letter_1", "status": state, "imbStatus": scan }))).remove(0);
        assert_eq!((report.status, report.raw_name.as_str(), report.dedupe.as_str()), (status, said, "event_1"));
        assert_eq!(report.about, About::ProviderId("letter_1".into()));
    }
    assert!(read(&updated(&json!({ "id": "letter_1", "status": "something_new" }))).is_empty());
    assert!(read(&json!({ "id": "event_1", "type": "postcard.updated", "data": { "id": "postcard_1", "status": "ready" } })).is_empty());
}

#[test]
fn an_event_names_the_letter_and_its_time() {
    let id = MessageId::new(now());
    let letter = json!({
        "id": "letter_1", "status": "cancelled", "metadata": { "relance_message": id }, "updatedAt": "2026-10-01T20:01:01.598Z",
        "cancellation": { "reason": "invalid_content", "note": "fonts" }, "trackingNumber": "9407",
    });
    let report = read(&updated(&letter)).remove(0);
    assert_eq!((&report.about, report.at.unwrap().timestamp_millis()), (&About::Message(id), 1_790_884_861_598));
    assert_eq!(report.detail.as_deref(), Some("invalid_content; fonts; tracking 9407"));
    assert!(read(&updated(&json!({ "status": "ready" }))).is_empty(), "about nothing");
    for event in [json!({}), json!({ "id": "event_1" }), json!({ "type": "letter.updated" })] {
        assert!(reader().parse(&webhook(Algorithm::HS256, &event)).is_err(), "{event}");
    }
    assert!(reader().parse(&bench::inbound("https://x.example", &[], b"\xff")).is_err());
}

#[test]
fn only_a_token_of_the_one_algorithm_is_believed() {
    let event = updated(&json!({ "id": "letter_1", "status": "ready" }));
    assert_eq!(bench::verify(&reader(), &webhook(Algorithm::HS384, &event), now()), Err(Unverified::Mismatch));
    let plain = bench::inbound("https://x.example", &[("postgrid-signature", "t=1800000000000,v1=00")], event.to_string().as_bytes());
    assert_eq!(bench::verify(&reader(), &plain, now()), Err(Unverified::Mismatch), "the JSON format is refused");
    let timeless = json!({ "id": "event_1", "type": "letter.updated", "data": {} });
    assert_eq!(bench::verify(&reader(), &webhook(Algorithm::HS256, &timeless), now()), Ok(()));
    let quoted = bench::inbound("https://x.example", &[], format!("\"{}\"\n", sign(Algorithm::HS256, &event, SECRET)).as_bytes());
    assert_eq!(bench::verify(&reader(), &quoted, now()), Ok(()));
}

#[tokio::test]
async fn a_letter_is_asked_for_by_either_name() {
    let id = MessageId::new(now());
    let looked = async |provider_id: Option<&str>, status, body: String| {
        let server = bench::http(Script::Answer(status, "", body.leak()));
        let sought = Sought { message_id: id, provider_id: provider_id.map(str::to_owned), sent_at: now() };
        (adapter(&server.url).look_up(&sought, now()).await, server.requests().remove(0).url.replace(&server.url, ""))
    };
    let letter = format!(r#"{{"id":"letter_1","status":"printing","metadata":{{"relance_message":"{id}"}}}}"#);
    for (name, body, expected) in [
        (Some("letter_1"), letter.clone(), "/letters/letter_1".to_owned()),
        (None, format!(r#"{{"data":[{{"id":"letter_0"}},{letter}]}}"#), format!("/letters?limit=10&search={id}")),
    ] {
        let (Found::Taken { provider_id, reports }, path) = looked(name, 200, body).await else { panic!("not found") };
        assert_eq!((provider_id.as_deref(), reports[0].status, path), (Some("letter_1"), DeliveryStatus::Accepted, expected));
    }
    assert_eq!(looked(Some("letter_1"), 404, "{}".into()).await.0, Found::Absent);
    for (status, body) in [(200, r#"{"data":[]}"#), (200, r#"{"data":[{"id":"letter_2","metadata":{}}]}"#), (401, "{}"), (200, "<html>")] {
        assert!(matches!(looked(None, status, body.into()).await.0, Found::Failed(_)), "{body}");
    }
}

#[tokio::test]
async fn a_key_is_asked_for_the_last_letter() {
    let probe = async |key: &str, status, body| {
        let server = bench::http(Script::Answer(status, "", body));
        let keys = Credentials { api_key: Secret::new(key), webhook_secret: Secret::new(SECRET) };
        Postgrid::open(&settings(&server.url), Some(&keys), &bench::net()).unwrap().probe(now()).await
    };
    assert_eq!(probe("live_sk_1", 200, r#"{"data":[]}"#).await, Probe::Fine { detail: None });
    assert!(matches!(probe("test_sk_1", 200, "{}").await, Probe::Fine { detail: Some(detail) } if detail.contains("test key")));
    assert!(matches!(probe("live_sk_1", 401, "{}").await, Probe::Refused(_)));
    assert!(matches!(probe("live_sk_1", 503, "").await, Probe::Unreachable(_)));
}

#[test]
fn settings_are_checked_together() {
    let strict = Net::new(Default::default(), Default::default()).unwrap();
    let keys = Credentials { api_key: Secret::new("k"), webhook_secret: Secret::new("") };
    let faults = Postgrid::open(&settings("http://10.0.0.1"), Some(&keys), &strict).unwrap_err();
    let pointers: Vec<_> = faults.0.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/settings/api_base", "/credentials/webhook_secret"]);
}
