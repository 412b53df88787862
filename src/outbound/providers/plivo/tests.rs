//! Plivo, as its documentation has it: every answer, every word, and both signatures.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::outbound::bench::{self, Contract, Script};

const AUTH_ID: &str = "MAXXXXXXXXXXXXXXXXXX";

fn adapter(api_base: &str, token: &str) -> Plivo {
    let settings = Settings { auth_id: AUTH_ID.into(), from: Some("+33757000000".into()), powerpack_uuid: None, api_base: api_base.into() };
    Plivo::open(&settings, Some(&Credentials { auth_token: Secret::new(token) }), &bench::net()).unwrap()
}

fn sign(text: &str) -> String {
    BASE64.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"token"), text.as_bytes()).as_ref())
}

/// Version 3 as its description has it; the published vectors are tried below.
pub fn vectors() -> Option<bench::Vectors> {
    let url = "https://api.example.com/in?b=2&a=1";
    let signature = sign("https://api.example.com/in?a=1&b=2.MessageUUIDu1Statussent.12345");
    let headers = [(SIGNATURE_V3, signature.as_str()), (NONCE_V3, "12345")];
    Some(bench::Vectors {
        adapter: Box::new(adapter("http://127.0.0.1:1", "token")),
        other: Box::new(adapter("http://127.0.0.1:1", "other")),
        header: SIGNATURE_V3,
        genuine: vec![(bench::inbound(url, &headers, b"Status=sent&MessageUUID=u1"), DateTime::UNIX_EPOCH)],
        covers_body: true,
        covers_time: false,
    })
}

async fn send(script: Script) -> Outcome {
    let server = bench::http(script);
    adapter(&server.url, "token").send(&bench::text("+33612345678"), DateTime::UNIX_EPOCH).await
}

#[tokio::test]
async fn every_answer_has_its_outcome() {
    let contract = Contract {
        open: &|base| Box::new(adapter(base, "token")),
        envelope: bench::text("+33612345678"),
        accepted: (202, "", r#"{"api_id":"a","message":"message(s) queued","message_uuid":["u1"]}"#),
        provider_id: Some("u1"),
        refused: (400, "", r#"{"api_id":"a","error":"dst parameter is invalid"}"#),
        forbidden: (401, "", r#"{"api_id":"a","error":"authentication failed"}"#),
        limited: (429, "Retry-After: 3\r\n", r#"{"error":"too many requests"}"#),
        bodiless: false,
    };
    contract.hold().await;
    let cases = [
        (202, r#"{"message_uuid":[],"invalid_number":["123"]}"#, true, Some(SuppressionReason::InvalidAddress)),
        (400, r#"{"error":"text is too long"}"#, true, None),
        (400, r#"{"error":"src is not one of your numbers"}"#, false, None),
        (400, r#"{"error":"powerpack_uuid is unknown"}"#, false, None),
        (402, r#"{"error":"no credit"}"#, false, None),
        (404, "<html>", false, None),
    ];
    for (status, body, of_message, why) in cases {
        let outcome = send(Script::Answer(status, "", body)).await;
        assert!(
            matches!(outcome, Outcome::Rejected { permanent, suppress, .. } if permanent == of_message && suppress == why),
            "{body} {outcome:?}"
        );
    }
    let mail = adapter(&bench::refused(), "token").send(&bench::mail("ann@example.com"), DateTime::UNIX_EPOCH).await;
    assert!(matches!(mail, Outcome::Rejected { permanent: true, .. }));
}

#[tokio::test]
async fn the_request_says_who_to_whom_and_where_to_report() {
    let server = bench::http(Script::Answer(202, "", r#"{"message_uuid":["u1"]}"#));
    let envelope = bench::text("+33612345678");
    adapter(&server.url, "token").send(&envelope, DateTime::UNIX_EPOCH).await;
    let request = server.requests().remove(0);
    assert!(request.url.ends_with(&format!("/v1/Account/{AUTH_ID}/Message/")));
    assert_eq!(request.headers["authorization"], format!("Basic {}", BASE64.encode(format!("{AUTH_ID}:token").as_bytes())));
    let url = format!("https://api.example.com/in/pac_1?message={}", envelope.message_id);
    let expected =
        json!({"src": "33757000000", "dst": "33612345678", "text": "Bonjour & merci", "type": "sms", "url": url, "method": "POST"});
    assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), expected);
}

#[test]
fn settings_are_checked_together() {
    let settings = Settings { auth_id: "MA/..".into(), from: None, powerpack_uuid: None, api_base: "http://10.0.0.1".into() };
    let strict = Net::new(Default::default(), Default::default()).unwrap();
    let faults = Plivo::open(&settings, Some(&Credentials { auth_token: Secret::new("token") }), &strict).unwrap_err();
    let pointers: Vec<_> = faults.0.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/settings/api_base", "/settings/auth_id", "/settings/from"]);
}

fn callback(url: &str, fields: &[(&str, &str)]) -> Inbound {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    bench::inbound(url, &[], body.as_bytes())
}

#[test]
fn every_word_has_its_status() {
    let adapter = adapter("http://127.0.0.1:1", "token");
    let read = |fields: &[(&str, &str)]| adapter.parse(&callback("https://api.example.com/in", fields));
    let words = [
        ("queued", DeliveryStatus::Accepted),
        ("sent", DeliveryStatus::Sent),
        ("delivered", DeliveryStatus::Delivered),
        ("undelivered", DeliveryStatus::Undelivered),
        ("failed", DeliveryStatus::Failed),
        ("rejected", DeliveryStatus::Failed),
        ("read", DeliveryStatus::Opened),
    ];
    for (word, status) in words {
        let reports = read(&[("MessageUUID", "u1"), ("Status", word), ("ErrorCode", "000")]).unwrap();
        assert_eq!(
            (reports[0].status, reports[0].raw_name.as_str(), reports[0].dedupe.as_str()),
            (status, word, format!("u1:{word}").as_str())
        );
        assert_eq!((&reports[0].about, reports[0].detail.as_deref()), (&About::ProviderId("u1".into()), None));
    }
    let stopped = read(&[("MessageUUID", "u1"), ("Status", "undelivered"), ("ErrorCode", "200")]).unwrap();
    assert_eq!((stopped[0].status, stopped[0].detail.as_deref()), (DeliveryStatus::Unsubscribed, Some("error 200")));
    for wrong in [&[("Status", "sent")][..], &[("MessageUUID", "u1")], &[("MessageUUID", "u1"), ("Status", "eaten")]] {
        assert!(read(wrong).is_err());
    }
}

#[test]
fn a_callback_names_our_message_or_the_first_part() {
    let adapter = adapter("http://127.0.0.1:1", "token");
    let id = MessageId::new(DateTime::UNIX_EPOCH);
    let fields = [
        ("MessageUUID", "u2"),
        ("ParentMessageUUID", "u1"),
        ("Status", "delivered"),
        ("QueuedTime", "2026-11-21 09:59:58"),
        ("DeliveryReportTime", "2026-11-21 10:00:00.238"),
    ];
    let ours = adapter.parse(&callback(&format!("https://api.example.com/in?message={id}"), &fields)).unwrap().remove(0);
    assert_eq!((ours.about, ours.dedupe.as_str(), ours.at.unwrap().timestamp()), (About::Message(id), "u2:delivered", 1_795_255_200));
    for url in ["https://api.example.com/in", "https://api.example.com/in?message=cus_1"] {
        assert_eq!(adapter.parse(&callback(url, &fields)).unwrap()[0].about, About::ProviderId("u1".into()));
    }
}

#[test]
fn an_incoming_stop_is_about_the_number() {
    let adapter = adapter("http://127.0.0.1:1", "token");
    let read = |text| {
        let fields = [("MessageUUID", "u3"), ("From", "33612345678"), ("To", "33757000000"), ("Type", "sms"), ("Text", text)];
        adapter.parse(&callback("https://api.example.com/in", &fields))
    };
    let stop = read("ARRET").unwrap().remove(0);
    assert_eq!((stop.about, stop.status), (About::Number("+33612345678".parse().unwrap()), DeliveryStatus::Unsubscribed));
    assert_eq!(read("Je paie demain"), Ok(vec![]));
}

#[test]
fn version_2_is_believed_only_where_version_3_is_absent() {
    let adapter = adapter("http://127.0.0.1:1", "token");
    let verify = |url: &str, headers: &[(&str, &str)]| {
        bench::verify(&adapter, &bench::inbound(url, headers, b"MessageUUID=u1"), DateTime::UNIX_EPOCH)
    };
    let url = "https://api.example.com/in?message=msg_1";
    let second = sign("https://api.example.com/in12345");
    assert_eq!(verify(url, &[(SIGNATURE_V2, &second), (NONCE_V2, "12345")]), Ok(()));
    assert_eq!(verify(url, &[(SIGNATURE_V2, &second), (NONCE_V2, "12346")]), Err(Unverified::Mismatch));
    assert_eq!(verify("https://api.example.com/other", &[(SIGNATURE_V2, &second), (NONCE_V2, "12345")]), Err(Unverified::Mismatch));
    let both = [(SIGNATURE_V2, second.as_str()), (NONCE_V2, "12345"), (SIGNATURE_V3, "AAAA"), (NONCE_V3, "12345")];
    assert_eq!(verify(url, &both), Err(Unverified::Mismatch));
    assert_eq!(verify(url, &[(SIGNATURE_V2, &second)]), Err(Unverified::Missing(NONCE_V2)));
    assert_eq!(verify(url, &[]), Err(Unverified::Missing(SIGNATURE_V3)));
}

#[test]
fn one_of_several_signatures_is_enough() {
    let adapter = adapter("http://127.0.0.1:1", "token");
    let good = sign("https://api.example.com/in?MessageUUIDu1.1");
    let verify = |given: &str| {
        let inbound = bench::inbound("https://api.example.com/in", &[(SIGNATURE_V3, given), (NONCE_V3, "1")], b"MessageUUID=u1");
        bench::verify(&adapter, &inbound, DateTime::UNIX_EPOCH)
    };
    assert_eq!((verify(&format!("AAAA,{good}")), verify(&format!("{good}, %"))), (Ok(()), Ok(())));
    assert_eq!((verify("AAAA,"), verify("")), (Err(Unverified::Mismatch), Err(Unverified::Mismatch)));
}

#[test]
fn agrees_with_the_published_vectors() {
    let Some(vectors) = bench::vectors("plivo.json") else { return };
    for case in vectors["cases"].as_array().unwrap() {
        let text = |name: &str| case[name].as_str().unwrap();
        let headers = if text("version") == "V2" { [SIGNATURE_V2, NONCE_V2] } else { [SIGNATURE_V3, NONCE_V3] };
        let params: BTreeMap<String, String> = serde_json::from_value(case["params"].clone()).unwrap_or_default();
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
        let headers = [(headers[0], text("signature")), (headers[1], text("nonce"))];
        let mut inbound = bench::inbound(text("url"), &headers, body.as_bytes());
        inbound.method = case["method"].as_str().unwrap_or("POST").to_owned();
        let verdict = bench::verify(&adapter("http://127.0.0.1:1", text("auth_token")), &inbound, DateTime::UNIX_EPOCH);
        assert_eq!(verdict.is_ok(), case["valid"].as_bool().unwrap(), "{}", case["name"]);
    }
}

#[tokio::test]
async fn it_is_asked_by_its_own_name_and_for_its_credit() {
    let sought = |provider_id: Option<&str>| Sought {
        message_id: MessageId::new(DateTime::UNIX_EPOCH),
        provider_id: provider_id.map(str::to_owned),
        sent_at: DateTime::UNIX_EPOCH,
    };
    let server = bench::http(Script::Paths(&[
        ("/Message/u1/", 200, r#"{"message_uuid":"u1","message_state":"undelivered","error_code":"80"}"#),
        ("/Account/MAXXXXXXXXXXXXXXXXXX/", 200, r#"{"cash_credits":"12.50"}"#),
    ]));
    let adapter = adapter(&server.url, "token");
    let asked = sought(Some("u1"));
    let Found::Taken { provider_id, reports } = adapter.look_up(&asked, DateTime::UNIX_EPOCH).await else { panic!() };
    assert_eq!((provider_id.as_deref(), &reports[0].about), (Some("u1"), &About::Message(asked.message_id)));
    assert_eq!(
        (reports[0].status, reports[0].dedupe.as_str(), reports[0].detail.as_deref()),
        (DeliveryStatus::Undelivered, "u1:undelivered", Some("error 80"))
    );
    assert_eq!(adapter.look_up(&sought(Some("u2")), DateTime::UNIX_EPOCH).await, Found::Absent);
    for strange in [None, Some("../Account")] {
        assert_eq!(adapter.look_up(&sought(strange), DateTime::UNIX_EPOCH).await, Found::NotOffered);
    }
    assert_eq!(adapter.probe(DateTime::UNIX_EPOCH).await, Probe::Fine { detail: Some("credit 12.50 USD".into()) });
}
