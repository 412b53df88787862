//! Vonage, as its documentation has it: every answer, every word, and tokens made by hand.

use super::*;
use crate::outbound::{
    bench::{self, Contract, Script},
    jwt::tests::sign,
};

const NOW: i64 = 1_795_255_200;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW, 0).unwrap()
}

fn settings(base: &str) -> Settings {
    Settings {
        api_key: "a1b2c3d4".into(),
        application_id: None,
        from: "+33757000000".into(),
        api_base: base.into(),
        account_base: base.into(),
    }
}

fn adapter(base: &str, signature_secret: &str) -> Vonage {
    let keys = Credentials { api_secret: Some(Secret::new("hush")), private_key: None, signature_secret: Secret::new(signature_secret) };
    Vonage::open(&settings(base), Some(&keys), &bench::net()).unwrap()
}

/// A callback as Vonage would send it at [`NOW`].
fn callback(body: &[u8], change: impl FnOnce(&mut Value)) -> Inbound {
    let digest = data_encoding::HEXLOWER.encode(&crate::domain::crypto::sha256(&[body]));
    let mut claims = json!({"iat": NOW, "jti": "c5ba8f24", "iss": "Vonage", "payload_hash": digest, "api_key": "a1b2c3d4"});
    change(&mut claims);
    let token = format!("Bearer {}", sign(Algorithm::HS256, &claims, "secret"));
    bench::inbound("https://api.example.com/in", &[(SIGNATURE, &token)], body)
}

pub fn vectors() -> Option<bench::Vectors> {
    Some(bench::Vectors {
        adapter: Box::new(adapter("http://127.0.0.1:1", "secret")),
        other: Box::new(adapter("http://127.0.0.1:1", "other")),
        header: SIGNATURE,
        genuine: vec![(callback(br#"{"message_uuid":"u1","status":"delivered"}"#, |_| ()), now())],
        covers_body: true,
        covers_time: true,
    })
}

async fn send(script: Script) -> Outcome {
    let server = bench::http(script);
    adapter(&server.url, "secret").send(&bench::text("+33612345678"), now()).await
}

#[tokio::test]
async fn every_answer_has_its_outcome() {
    let contract = Contract {
        open: &|base| Box::new(adapter(base, "secret")),
        envelope: bench::text("+33612345678"),
        accepted: (202, "", r#"{"message_uuid":"u1"}"#),
        provider_id: Some("u1"),
        refused: (
            422,
            "",
            r#"{"type":"https://developer.vonage.com/api-errors/messages#1170","title":"Invalid msisdn","detail":"bad number"}"#,
        ),
        forbidden: (
            401,
            "",
            r#"{"type":"https://developer.vonage.com/api-errors#unauthorized","title":"You did not provide correct credentials."}"#,
        ),
        limited: (429, "Retry-After: 3\r\n", r#"{"type":"https://developer.vonage.com/api-errors/messages#1000","title":"Throttled"}"#),
        bodiless: false,
    };
    contract.hold().await;
    let cases = [
        (422, r#"{"title":"1240","detail":"said STOP"}"#, true, Some(SuppressionReason::Unsubscribed)),
        (422, r#"{"type":"x#1170"}"#, true, Some(SuppressionReason::InvalidAddress)),
        (422, r#"{"type":"x#1050"}"#, true, Some(SuppressionReason::ProviderList)),
        (422, r#"{"type":"x#1020","invalid_parameters":[{"name":"to","reason":"no"}]}"#, true, Some(SuppressionReason::InvalidAddress)),
        (422, r#"{"type":"x#1020","invalid_parameters":[{"name":"from","reason":"no"}]}"#, false, None),
        (422, r#"{"type":"x#1120"}"#, false, None),
        (402, r#"{"type":"x#low-balance"}"#, false, None),
        (403, r#"{"type":"x#1060"}"#, false, None),
        (404, "<html>", false, None),
    ];
    for (status, body, of_message, why) in cases {
        let outcome = send(Script::Answer(status, "", body)).await;
        assert!(
            matches!(outcome, Outcome::Rejected { permanent, suppress, .. } if permanent == of_message && suppress == why),
            "{body} {outcome:?}"
        );
    }
    for body in [r#"{"type":"x#1030"}"#, r#"{"title":"1030"}"#] {
        assert!(matches!(send(Script::Answer(422, "", body)).await, Outcome::Unknown { .. }), "{body}");
    }
    let mail = adapter(&bench::refused(), "secret").send(&bench::mail("ann@example.com"), now()).await;
    assert!(matches!(mail, Outcome::Rejected { permanent: true, .. }));
}

#[tokio::test]
async fn the_request_says_who_to_whom_and_where_to_report() {
    let server = bench::http(Script::Answer(202, "", r#"{"message_uuid":"u1"}"#));
    let envelope = bench::text("+33612345678");
    adapter(&server.url, "secret").send(&envelope, now()).await;
    let request = server.requests().remove(0);
    assert!(request.url.ends_with("/v1/messages"));
    assert_eq!(request.headers["authorization"], format!("Basic {}", data_encoding::BASE64.encode(b"a1b2c3d4:hush")));
    let expected = json!({
        "channel": "sms", "message_type": "text", "to": "33612345678", "from": "33757000000", "text": "Bonjour & merci",
        "client_ref": envelope.message_id, "webhook_url": "https://api.example.com/in/pac_1", "webhook_version": "v1",
    });
    assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), expected);
}

fn pem() -> String {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let text = data_encoding::BASE64.encode(der.as_ref());
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

#[tokio::test]
async fn an_application_shows_a_token_instead() {
    let server = bench::http(Script::Answer(202, "", r#"{"message_uuid":"u1"}"#));
    let settings = Settings { application_id: Some("78d335fa-323d-0114-9c3d-d6f0d48968cf".into()), ..settings(&server.url) };
    let keys = Credentials { api_secret: None, private_key: Some(Secret::new(pem())), signature_secret: Secret::new("secret") };
    let adapter = Vonage::open(&settings, Some(&keys), &bench::net()).unwrap();
    adapter.send(&bench::text("+33612345678"), now()).await;
    let shown = server.requests().remove(0).headers["authorization"].clone();
    let token = shown.strip_prefix("Bearer ").unwrap();
    assert_eq!(jsonwebtoken::decode_header(token).unwrap().alg, Algorithm::RS256);
    let claims: Value = jsonwebtoken::dangerous::insecure_decode(token).unwrap().claims;
    assert_eq!((&claims["application_id"], &claims["iat"]), (&json!("78d335fa-323d-0114-9c3d-d6f0d48968cf"), &json!(NOW)));
    assert_eq!(adapter.probe(now()).await, Probe::NotOffered);
    assert!(!format!("{adapter:?}{keys:?}").contains("BEGIN"));
}

#[test]
fn settings_are_checked_together() {
    let open = |keys: &Credentials| {
        let faults =
            Vonage::open(&settings("http://10.0.0.1"), Some(keys), &Net::new(Default::default(), Default::default()).unwrap()).unwrap_err();
        faults.0.into_iter().map(|fault| fault.pointer).collect::<Vec<_>>()
    };
    let keys = Credentials { api_secret: None, private_key: Some(Secret::new("hush")), signature_secret: Secret::new("secret") };
    assert_eq!(open(&keys), ["/settings/api_base", "/settings/account_base", "/settings/application_id", "/credentials/private_key"]);
    let both = Credentials { api_secret: Some(Secret::new("hush")), ..keys };
    assert_eq!(open(&both), ["/settings/api_base", "/settings/account_base", "/credentials/api_secret"]);
}

#[test]
fn a_callback_is_believed_for_its_account_its_body_and_five_minutes() {
    let adapter = adapter("http://127.0.0.1:1", "secret");
    let verify = |inbound: &Inbound| bench::verify(&adapter, inbound, now());
    assert_eq!(verify(&callback(b"{}", |_| ())), Ok(()));
    assert_eq!(verify(&callback(b"{}", |claims| claims["api_key"] = json!("ffffffff"))), Err(Unverified::Mismatch));
    assert_eq!(verify(&callback(b"{}", |claims| claims["iat"] = json!(NOW - 300))), Ok(()));
    for (away, verdict) in [(-301, Unverified::Stale), (301, Unverified::Stale)] {
        assert_eq!(verify(&callback(b"{}", |claims| claims["iat"] = json!(NOW + away))), Err(verdict));
    }
    for claim in ["iat", "api_key", "payload_hash"] {
        assert_eq!(
            verify(&callback(b"{}", |claims| drop(claims.as_object_mut().unwrap().remove(claim)))),
            Err(Unverified::Mismatch),
            "{claim}"
        );
    }
    let another = sign(Algorithm::HS512, &json!({"iat": NOW}), "secret");
    assert_eq!(verify(&bench::inbound("https://x.example/", &[(SIGNATURE, &format!("Bearer {another}"))], b"")), Err(Unverified::Mismatch));
    assert_eq!(verify(&bench::inbound("https://x.example/", &[(SIGNATURE, "Basic x")], b"")), Err(Unverified::Malformed(SIGNATURE)));
}

#[test]
fn only_an_unsigned_callback_is_asked_for_again() {
    let adapter = adapter("http://127.0.0.1:1", "secret");
    let unsigned = bench::verify(&adapter, &bench::inbound("https://x.example/", &[], b"{}"), now()).unwrap_err();
    assert_eq!(unsigned, Unverified::Unavailable("a signature"));
}

#[test]
fn every_word_has_its_status() {
    let adapter = adapter("http://127.0.0.1:1", "secret");
    let read = |body: Value| adapter.parse(&bench::inbound("https://x.example/", &[], body.to_string().as_bytes()));
    let words = [
        ("submitted", DeliveryStatus::Accepted),
        ("accepted", DeliveryStatus::Sent),
        ("buffered", DeliveryStatus::Deferred),
        ("delivered", DeliveryStatus::Delivered),
        ("rejected", DeliveryStatus::Undelivered),
        ("undeliverable", DeliveryStatus::Undelivered),
        ("expired", DeliveryStatus::Undelivered),
        ("failed", DeliveryStatus::Failed),
        ("read", DeliveryStatus::Opened),
    ];
    for (word, status) in words {
        let reports = read(json!({"message_uuid": "u1", "status": word, "timestamp": "2026-11-21T10:00:00Z"})).unwrap();
        assert_eq!(
            (reports[0].status, reports[0].raw_name.as_str(), reports[0].dedupe.as_str()),
            (status, word, format!("u1:{word}").as_str())
        );
        assert_eq!((&reports[0].about, reports[0].at), (&About::ProviderId("u1".into()), Some(now())));
    }
    let id = MessageId::new(now());
    let error = json!({"type": "https://developer.vonage.com/api-errors/messages#1240", "title": "Illegal number", "detail": "said STOP"});
    let body =
        json!({"message_uuid": "u1", "status": "rejected", "client_ref": id, "timestamp": "2026-11-21 10:00:00 +0000", "error": error});
    let report = read(body).unwrap().remove(0);
    assert_eq!((report.about, report.status, report.at), (About::Message(id), DeliveryStatus::Unsubscribed, Some(now())));
    assert_eq!(report.detail.as_deref(), Some("error 1240 said STOP"));
    for wrong in [json!({"status": "sent"}), json!({"message_uuid": "u1", "status": "eaten"}), json!([]), json!(null)] {
        assert!(read(wrong).is_err());
    }
}

#[test]
fn an_incoming_stop_is_about_the_number() {
    let adapter = adapter("http://127.0.0.1:1", "secret");
    let read = |text: &str| {
        let body = json!({"channel": "sms", "message_uuid": "u2", "from": "33612345678", "to": "33757000000", "text": text, "timestamp": "2026-11-21T10:00:00Z"});
        adapter.parse(&bench::inbound("https://x.example/", &[], body.to_string().as_bytes()))
    };
    let stop = read("Stop!").unwrap().remove(0);
    assert_eq!(
        (stop.about, stop.status, stop.at),
        (About::Number("+33612345678".parse().unwrap()), DeliveryStatus::Unsubscribed, Some(now()))
    );
    assert_eq!(read("Je paie demain"), Ok(vec![]));
}

#[tokio::test]
async fn a_probe_tells_the_balance() {
    let probe = async |script| adapter(&bench::http(script).url, "secret").probe(now()).await;
    assert_eq!(probe(Script::Answer(200, "", r#"{"value":10.28}"#)).await, Probe::Fine { detail: Some("balance 10.28 EUR".into()) });
    assert!(matches!(probe(Script::Answer(401, "", "{}")).await, Probe::Refused(_)));
    assert!(matches!(probe(Script::Answer(500, "", "{}")).await, Probe::Unreachable(_)));
}
