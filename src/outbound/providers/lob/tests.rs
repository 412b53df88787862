//! Lob's contract, held.

use super::*;
use crate::outbound::{
    About,
    bench::{self, Contract, Script},
    providers::posting::tests::{american, parts},
};

const SECRET: &str = "webhook-secret-0123456789";
const AT: i64 = 1_800_000_000;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(AT, 0).unwrap()
}

fn settings(api_base: &str) -> Settings {
    Settings { address_sheet: true, api_base: api_base.to_owned() }
}

fn opened(settings: &Settings, secret: &str) -> Lob {
    let keys = Credentials { api_key: Secret::new("live_key"), webhook_secret: Secret::new(secret) };
    Lob::open(settings, Some(&keys), &bench::net()).unwrap()
}

fn adapter(api_base: &str) -> Lob {
    opened(&settings(api_base), SECRET)
}

/// A webhook as Lob would sign it.
fn webhook(stamp: &str, body: &[u8]) -> Inbound {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signature = HEXLOWER.encode(hmac::sign(&key, &[stamp.as_bytes(), b".", body].concat()).as_ref());
    bench::inbound("https://api.example.com/in", &[(TIMESTAMP, stamp), (SIGNATURE, &signature)], body)
}

pub fn vectors() -> Option<bench::Vectors> {
    let body = br#"{"id":"evt_1","event_type":{"id":"letter.mailed"},"reference_id":"ltr_1","body":{"id":"ltr_1"}}"#;
    // Made by `printf '1800000000.{}' | openssl dgst -sha256 -hmac webhook-secret-0123456789`.
    let small = [(TIMESTAMP, "1800000000"), (SIGNATURE, "e3345bd64079057929a91d954c06e82aea6ffeb58c7176d7823f5cc2c4f4ac7c")];
    Some(bench::Vectors {
        genuine: vec![
            (webhook("1800000000000", body), now()),
            (webhook("1800000000", body), now()),
            (bench::inbound("https://api.example.com/in", &small, b"{}"), now()),
        ],
        adapter: Box::new(adapter("http://127.0.0.1:1")),
        other: Box::new(opened(&settings("http://127.0.0.1:1"), "another-webhook-secret")),
        header: SIGNATURE,
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
        envelope: american(PostalService::Registered),
        accepted: (200, "", r#"{"id":"ltr_1","object":"letter"}"#),
        provider_id: Some("ltr_1"),
        refused: (422, "", r#"{"error":{"message":"page size","status_code":422,"code":"invalid_file_dimensions"}}"#),
        forbidden: (401, "", r#"{"error":{"message":"no","status_code":401,"code":"invalid_api_key"}}"#),
        limited: (429, "Retry-After: 3\r\n", r#"{"error":{"code":"rate_limit_exceeded"}}"#),
        bodiless: false,
    };
    contract.hold().await;
    let cases = [
        (422, "failed_deliverability_strictness", true),
        (422, "unembedded_fonts", true),
        (413, "file_size_exceeds_limit", true),
        (422, "foreign_return_address", false),
        (403, "billing_address_required", false),
        (401, "payment_method_unverified", false),
        (404, "unrecognized_endpoint", false),
    ];
    for (status, code, of_letter) in cases {
        let body = format!(r#"{{"error":{{"message":"?","code":"{code}"}}}}"#).leak();
        let outcome = send(Script::Answer(status, "", body)).await;
        assert!(
            matches!(&outcome, Outcome::Rejected { permanent, suppress: None, code: said, .. } if *permanent == of_letter && said == code),
            "{code} {outcome:?}"
        );
    }
    for (status, code) in [(409, "conflict"), (422, "conflict"), (408, "request_timeout")] {
        let body = format!(r#"{{"error":{{"message":"?","code":"{code}"}}}}"#).leak();
        assert!(matches!(send(Script::Answer(status, "", body)).await, Outcome::Unknown { .. }), "{status}");
    }
    let nowhere = adapter(&bench::refused());
    assert!(matches!(nowhere.send(&bench::text("+33612345678"), now()).await, Outcome::Rejected { permanent: true, .. }));
}

#[tokio::test]
async fn what_is_sent_carries_the_key_and_names_the_letter() {
    let server = bench::http(Script::Answer(200, "", r#"{"id":"1"}"#));
    let (adapter, envelope) = (adapter(&server.url), american(PostalService::Registered));
    for at in [now(), now() + TimeDelta::hours(1)] {
        adapter.send(&envelope, at).await;
    }
    let [first, again] = server.requests().try_into().unwrap();
    assert_eq!(first.body, again.body, "the same key, the same letter");
    assert!(first.url.ends_with("/v1/letters"));
    assert_eq!((first.headers["idempotency-key"].as_str(), first.headers["authorization"].as_str()), ("msg-key-1", "Basic bGl2ZV9rZXk6"));
    let id = envelope.message_id.to_string();
    let expected = [
        ("to[company]", "Durand & Sons"),
        ("to[name]", "Ann Émile"),
        ("to[address_line1]", "210 King St"),
        ("to[address_line2]", "Suite 6100"),
        ("to[address_city]", "San Francisco"),
        ("to[address_state]", "CA"),
        ("to[address_zip]", "94107"),
        ("to[address_country]", "US"),
        ("from[company]", "Dupont Inc."),
        ("from[address_line1]", "1 Market Sq"),
        ("from[address_city]", "New York"),
        ("from[address_state]", "NY"),
        ("from[address_zip]", "10007-1000"),
        ("from[address_country]", "US"),
        ("extra_service", "certified_return_receipt"),
        ("color", "false"),
        ("double_sided", "true"),
        ("use_type", "operational"),
        ("mail_type", "usps_first_class"),
        ("address_placement", "insert_blank_page"),
        ("description", &id),
        ("metadata[relance_message]", &id),
    ];
    let mut fields = parts(&first);
    let (name, head, file) = fields.pop().unwrap();
    assert_eq!((name.as_str(), file.as_slice()), ("file", &b"%PDF-1.7\0\xff"[..]));
    assert!(head.contains(&format!("filename=\"{id}.pdf\"\r\nContent-Type: application/pdf")));
    let fields: Vec<(String, String)> = fields.into_iter().map(|(name, _, value)| (name, String::from_utf8(value).unwrap())).collect();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(fields, expected);
}

fn written(adapter: &Lob, envelope: &Envelope) -> Result<Inbound, Outcome> {
    let Content::Letter(letter) = &envelope.content else { panic!() };
    let form = adapter.form(envelope.message_id, letter)?;
    let request = form.into_request(adapter.request(Method::POST, "/").unwrap()).build().unwrap();
    Ok(bench::inbound("https://x.example", &[], request.body().unwrap().as_bytes().unwrap()))
}

#[test]
fn each_service_has_its_word_at_home_and_abroad() {
    use PostalService::{Registered, Simple, Tracked};
    let account = adapter("http://127.0.0.1:1");
    let abroad = |envelope: &mut Envelope| {
        let Content::Letter(letter) = &mut envelope.content else { panic!() };
        (letter.to.country, letter.to.postal_code) = ("FR".parse().unwrap(), "75011".parse().unwrap());
    };
    for (service, home, elsewhere) in [
        (Simple, None, None),
        (Tracked, Some("certified"), Some("registered")),
        (Registered, Some("certified_return_receipt"), Some("registered")),
    ] {
        for (expected, away) in [(home, false), (elsewhere, true)] {
            let mut envelope = american(service);
            if away {
                abroad(&mut envelope);
            }
            let fields = parts(&written(&account, &envelope).unwrap());
            let given =
                |name: &str| fields.iter().find(|(key, ..)| key == name).map(|(.., value)| String::from_utf8_lossy(value).into_owned());
            assert_eq!(given("extra_service").as_deref(), expected, "{service} {away}");
            assert_eq!(given("to[address_state]").is_some(), !away);
        }
    }
    let bare = opened(&Settings { address_sheet: false, ..settings("http://127.0.0.1:1") }, SECRET);
    let fields = parts(&written(&bare, &american(Simple)).unwrap());
    assert!(fields.iter().any(|(name, _, value)| name == "address_placement" && value == b"top_first_page"));
}

#[tokio::test]
async fn what_lob_does_not_post_is_refused_before_anything_is_asked() {
    let server = bench::http(Script::Answer(200, "", r#"{"id":"1"}"#));
    let changes: [fn(&mut Letter); 6] = [
        |letter| letter.from.country = "FR".parse().unwrap(),
        |letter| letter.to.name = "x".repeat(41).parse().unwrap(),
        |letter| letter.to.lines = vec!["x".repeat(26).parse().unwrap(); 2],
        |letter| letter.to.lines = vec!["x".parse().unwrap(); 3],
        |letter| letter.to.postal_code = "9410".parse().unwrap(),
        |letter| letter.from.postal_code = "00100".parse().unwrap(),
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
    adapter("http://127.0.0.1:1").parse(&bench::inbound("https://x.example", &[], event.to_string().as_bytes())).unwrap()
}

#[test]
fn every_word_has_its_status() {
    use DeliveryStatus::{Accepted, AwaitingPickup, Deferred, Delivered, Failed, Sent, Undelivered};
    let cases = [
        ("letter.created", Accepted),
        ("letter.rejected", Failed),
        ("letter.failed", Failed),
        ("letter.deleted", Failed),
        ("letter.mailed", Sent),
        ("letter.in_transit", Sent),
        ("letter.in_local_area", Sent),
        ("letter.international_exit", Sent),
        ("letter.processed_for_delivery", Sent),
        ("letter.re-routed", Deferred),
        ("letter.returned_to_sender", Undelivered),
        ("letter.delivered", Delivered),
        ("letter.certified.mailed", Sent),
        ("letter.certified.in_transit", Sent),
        ("letter.certified.in_local_area", Sent),
        ("letter.certified.processed_for_delivery", Sent),
        ("letter.certified.re-routed", Deferred),
        ("letter.certified.returned_to_sender", Undelivered),
        ("letter.certified.delivered", Delivered),
        ("letter.certified.pickup_available", AwaitingPickup),
        ("letter.certified.issue", Failed),
    ];
    for (name, status) in cases {
        let event = json!({ "id": "evt_1", "event_type": { "id": name }, "reference_id": "ltr_1", "body": { "id": "ltr_1" } });
        let report = read(&event).remove(0);
        assert_eq!((report.status, report.raw_name.as_str(), report.dedupe.as_str()), (status, name, "evt_1"));
        assert_eq!(report.about, About::ProviderId("ltr_1".into()));
    }
    for other in [
        "letter.rendered_pdf",
        "letter.rendered_thumbnails",
        "letter.viewed",
        "letter.return_envelope.delivered",
        "postcard.delivered",
        "new",
    ] {
        assert!(read(&json!({ "id": "evt_1", "event_type": { "id": other }, "reference_id": "x" })).is_empty(), "{other}");
    }
}

#[test]
fn an_event_names_the_letter_and_its_time() {
    let id = MessageId::new(now());
    let event = json!({
        "id": "evt_2", "event_type": { "id": "letter.certified.delivered" }, "reference_id": "ltr_1", "date_created": "2026-10-01T20:01:01.598Z",
        "body": { "id": "ltr_1", "metadata": { "relance_message": id }, "tracking_number": "9407" },
    });
    let report = read(&event).remove(0);
    assert_eq!((&report.about, report.at.unwrap().timestamp_millis()), (&About::Message(id), 1_790_884_861_598));
    assert_eq!(report.detail.as_deref(), Some("tracking 9407"));
    for unreadable in ["", "{}", r#"{"id":"evt_1"}"#, r#"{"event_type":{"id":"letter.mailed"}}"#] {
        let inbound = bench::inbound("https://x.example", &[], unreadable.as_bytes());
        assert!(adapter("http://127.0.0.1:1").parse(&inbound).is_err(), "{unreadable}");
    }
}

#[tokio::test]
async fn a_letter_is_asked_for_by_either_name() {
    let id = MessageId::new(now());
    let looked = async |provider_id: Option<&str>, status, body: String| {
        let server = bench::http(Script::Answer(status, "", body.leak()));
        let sought = Sought { message_id: id, provider_id: provider_id.map(str::to_owned), sent_at: now() };
        (adapter(&server.url).look_up(&sought, now()).await, server.requests().remove(0).url.replace(&server.url, ""))
    };
    let taken = Found::Taken { provider_id: Some("ltr_1".into()), reports: Vec::new() };
    let letter = format!(r#"{{"id":"ltr_1","metadata":{{"relance_message":"{id}"}}}}"#);
    assert_eq!(looked(Some("ltr_1"), 200, letter.clone()).await, (taken.clone(), "/v1/letters/ltr_1".into()));
    let (found, path) = looked(None, 200, format!(r#"{{"data":[{letter}]}}"#)).await;
    assert_eq!((found, path), (taken, format!("/v1/letters?limit=1&metadata%5Brelance_message%5D={id}")));
    assert_eq!(looked(None, 200, r#"{"data":[]}"#.into()).await.0, Found::Absent);
    for (status, body) in [(200, r#"{"data":[{"id":"ltr_2","metadata":{}}]}"#), (401, "{}"), (200, "<html>")] {
        assert!(matches!(looked(None, status, body.into()).await.0, Found::Failed(_)), "{body}");
    }
}

#[tokio::test]
async fn a_key_is_asked_for_the_last_letter() {
    let probe = async |key: &str, status, body| {
        let server = bench::http(Script::Answer(status, "", body));
        let keys = Credentials { api_key: Secret::new(key), webhook_secret: Secret::new(SECRET) };
        Lob::open(&settings(&server.url), Some(&keys), &bench::net()).unwrap().probe(now()).await
    };
    assert_eq!(probe("live_1", 200, r#"{"data":[]}"#).await, Probe::Fine { detail: None });
    assert!(matches!(probe("test_1", 200, "{}").await, Probe::Fine { detail: Some(detail) } if detail.contains("test key")));
    assert!(matches!(probe("live_1", 401, "{}").await, Probe::Refused(_)));
    assert!(matches!(probe("live_1", 503, "").await, Probe::Unreachable(_)));
}

#[test]
fn settings_are_checked_together() {
    let strict = Net::new(Default::default(), Default::default()).unwrap();
    let keys = Credentials { api_key: Secret::new("k"), webhook_secret: Secret::new("") };
    let faults = Lob::open(&settings("http://10.0.0.1"), Some(&keys), &strict).unwrap_err();
    let pointers: Vec<_> = faults.0.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/settings/api_base", "/credentials/webhook_secret"]);
}
