//! MessageBird, as its documentation has it: every answer, every word, and tokens made by hand.

use data_encoding::HEXLOWER;

use super::*;
use crate::{
    domain::crypto::sha256,
    outbound::{
        bench::{self, Contract, Script},
        jwt::tests::sign,
    },
};

const NOW: i64 = 1_795_255_200;
const URL: &str = "https://api.example.com/in?id=m1&status=delivered";

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW, 0).unwrap()
}

fn adapter(api_base: &str, signing_key: &str) -> Messagebird {
    let settings = Settings { from: "Dupont".into(), api_base: api_base.into() };
    let keys = Credentials { access_key: Secret::new("live"), signing_key: Secret::new(signing_key) };
    Messagebird::open(&settings, Some(&keys), &bench::net()).unwrap()
}

fn digest(bytes: &[u8]) -> String {
    HEXLOWER.encode(&sha256(&[bytes]))
}

/// A report as MessageBird would send it at [`NOW`].
fn receipt(algorithm: Algorithm, body: &[u8], change: impl FnOnce(&mut Value)) -> Inbound {
    let mut claims = json!({"iss": "MessageBird", "nbf": NOW, "exp": NOW + 60, "jti": "59a244dc", "url_hash": digest(URL.as_bytes())});
    if !body.is_empty() {
        claims["payload_hash"] = json!(digest(body));
    }
    change(&mut claims);
    bench::inbound(URL, &[(SIGNATURE, &sign(algorithm, &claims, "secret"))], body)
}

pub fn vectors() -> Option<bench::Vectors> {
    Some(bench::Vectors {
        adapter: Box::new(adapter("http://127.0.0.1:1", "secret")),
        other: Box::new(adapter("http://127.0.0.1:1", "other")),
        header: SIGNATURE,
        genuine: vec![
            (receipt(Algorithm::HS256, b"", |_| ()), now()),
            (receipt(Algorithm::HS512, b"originator=33612345678&body=Stop", |_| ()), now()),
        ],
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
        accepted: (201, "", r#"{"id":"m1","recipients":{"items":[{"status":"sent"}]}}"#),
        provider_id: Some("m1"),
        refused: (422, "", r#"{"errors":[{"code":9,"description":"no (correct) recipients found","parameter":"recipients"}]}"#),
        forbidden: (
            401,
            "",
            r#"{"errors":[{"code":2,"description":"Request not allowed (incorrect access_key)","parameter":"access_key"}]}"#,
        ),
        limited: (429, "Retry-After: 3\r\n", "{}"),
        bodiless: false,
    };
    contract.hold().await;
    let cases = [
        (422, r#"{"errors":[{"code":10,"parameter":"recipients"}]}"#, true, Some(SuppressionReason::InvalidAddress)),
        (422, r#"{"errors":[{"code":10,"parameter":"body"}]}"#, true, None),
        (422, r#"{"errors":[{"code":10,"parameter":"originator"}]}"#, false, None),
        (200, r#"{"errors":[{"code":9,"parameter":"body"}]}"#, true, None),
        (402, r#"{"errors":[{"code":25,"description":"Not enough balance"}]}"#, false, None),
        (422, r#"{"errors":[{"code":25}]}"#, false, None),
        (404, "<html>", false, None),
    ];
    for (status, body, of_message, why) in cases {
        let outcome = send(Script::Answer(status, "", body)).await;
        assert!(
            matches!(outcome, Outcome::Rejected { permanent, suppress, .. } if permanent == of_message && suppress == why),
            "{body} {outcome:?}"
        );
    }
    let mail = adapter(&bench::refused(), "secret").send(&bench::mail("ann@example.com"), now()).await;
    assert!(matches!(mail, Outcome::Rejected { permanent: true, .. }));
}

#[tokio::test]
async fn the_request_says_who_to_whom_and_where_to_report() {
    let server = bench::http(Script::Answer(201, "", r#"{"id":"m1"}"#));
    let envelope = bench::text("+33612345678");
    adapter(&server.url, "secret").send(&envelope, now()).await;
    let request = server.requests().remove(0);
    assert!(request.url.ends_with("/messages"));
    assert_eq!(request.headers["authorization"], "AccessKey live");
    let expected = json!({
        "originator": "Dupont", "recipients": ["33612345678"], "body": "Bonjour & merci", "reference": envelope.message_id,
        "datacoding": "auto", "reportUrl": "https://api.example.com/in/pac_1",
    });
    assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), expected);
}

#[test]
fn a_token_is_good_for_its_url_its_body_and_its_minute() {
    let adapter = adapter("http://127.0.0.1:1", "secret");
    let verify = |inbound: &Inbound, at: i64| bench::verify(&adapter, inbound, DateTime::from_timestamp(at, 0).unwrap());
    let plain = receipt(Algorithm::HS384, b"", |_| ());
    for (at, verdict) in
        [(NOW - 6, Err(Unverified::Stale)), (NOW - 5, Ok(())), (NOW, Ok(())), (NOW + 65, Ok(())), (NOW + 66, Err(Unverified::Stale))]
    {
        assert_eq!(verify(&plain, at), verdict, "{at}");
    }
    let elsewhere = Inbound { url: format!("{URL}0"), ..plain.clone() };
    let filled = Inbound { body: b"x".to_vec(), ..plain };
    let emptied = Inbound { body: Vec::new(), ..receipt(Algorithm::HS256, b"x", |_| ()) };
    let foreign = receipt(Algorithm::HS256, b"", |claims| claims["iss"] = json!("Somebird"));
    for wrong in [elsewhere, filled, emptied, foreign] {
        assert_eq!(verify(&wrong, NOW), Err(Unverified::Mismatch));
    }
    assert_eq!(verify(&bench::inbound(URL, &[], b""), NOW), Err(Unverified::Missing(SIGNATURE)));
}

#[test]
fn agrees_with_the_published_vectors() {
    let Some(vectors) = bench::vectors("messagebird.json") else { return };
    for case in vectors["cases"].as_array().unwrap() {
        let text = |name: &str| case[name].as_str().unwrap_or_default();
        let mut inbound = bench::inbound(text("url"), &[(SIGNATURE, text("token"))], text("payload").as_bytes());
        inbound.method = text("method").to_owned();
        let at = DateTime::parse_from_rfc3339(text("timestamp")).unwrap().to_utc();
        let verdict = bench::verify(&adapter("http://127.0.0.1:1", text("secret")), &inbound, at);
        assert_eq!(verdict.is_ok(), case["valid"].as_bool().unwrap(), "{} {verdict:?}", case["name"]);
    }
}

fn read(query: &[(&str, &str)]) -> Result<Vec<Report>, Unreadable> {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    let mut inbound = bench::inbound(&format!("https://api.example.com/in?{query}"), &[], b"");
    inbound.method = "GET".to_owned();
    adapter("http://127.0.0.1:1", "secret").parse(&inbound)
}

#[test]
fn every_word_has_its_status() {
    let words = [
        ("scheduled", DeliveryStatus::Accepted),
        ("sent", DeliveryStatus::Sent),
        ("buffered", DeliveryStatus::Deferred),
        ("delivered", DeliveryStatus::Delivered),
        ("expired", DeliveryStatus::Undelivered),
        ("delivery_failed", DeliveryStatus::Undelivered),
    ];
    let id = MessageId::new(now());
    for (word, status) in words {
        let query = [
            ("id", "m1"),
            ("reference", &id.to_string()),
            ("recipient", "33612345678"),
            ("status", word),
            ("statusDatetime", "2026-11-21T10:00:00+00:00"),
        ];
        let report = read(&query).unwrap().remove(0);
        assert_eq!((report.about, report.status, report.at), (About::Message(id), status, Some(now())));
        assert_eq!((report.raw_name.as_str(), report.dedupe), (word, format!("m1:{word}")));
    }
    let failed = [("id", "m1"), ("status", "delivery_failed"), ("statusReason", "unknown subscriber"), ("statusErrorCode", "1")];
    let report = read(&failed).unwrap().remove(0);
    assert_eq!((report.about, report.detail.as_deref()), (About::ProviderId("m1".into()), Some("unknown subscriber error 1")));
    let stopped = [("id", "m1"), ("status", "delivery_failed"), ("statusReason", "opted out")];
    assert_eq!(read(&stopped).unwrap()[0].status, DeliveryStatus::Unsubscribed);
    for wrong in [&[("status", "sent")][..], &[("id", "m1")], &[("id", "m1"), ("status", "eaten")]] {
        assert!(read(wrong).is_err());
    }
}

#[test]
fn an_incoming_stop_is_about_the_number_however_it_is_handed_over() {
    let stop =
        read(&[("id", "m2"), ("originator", "33612345678"), ("body", "stop"), ("createdDatetime", "2026-11-21T10:00:00+00:00")]).unwrap();
    let about = About::Number("+33612345678".parse().unwrap());
    assert_eq!((&stop[0].about, stop[0].status, stop[0].at), (&about, DeliveryStatus::Unsubscribed, Some(now())));
    for body in [r#"{"id":"m2","originator":"+33612345678","payload":"STOP"}"#, "id=m2&originator=33612345678&payload=STOP"] {
        let reports =
            adapter("http://127.0.0.1:1", "secret").parse(&bench::inbound("https://api.example.com/in", &[], body.as_bytes())).unwrap();
        assert_eq!((&reports[0].about, &reports[0].dedupe), (&about, &stop[0].dedupe), "{body}");
    }
    assert_eq!(read(&[("id", "m3"), ("originator", "33612345678"), ("body", "Je paie demain")]), Ok(vec![]));
}

#[tokio::test]
async fn it_is_asked_by_its_own_name_and_for_its_balance() {
    let sought = |provider_id: Option<&str>| Sought {
        message_id: MessageId::new(now()),
        provider_id: provider_id.map(str::to_owned),
        sent_at: now(),
    };
    let server = bench::http(Script::Paths(&[
        (
            "/messages/m1",
            200,
            r#"{"id":"m1","recipients":{"items":[{"status":"delivered","statusDatetime":"2026-11-21T10:00:00+00:00"}]}}"#,
        ),
        ("/balance", 200, r#"{"payment":"prepaid","type":"credits","amount":9.2}"#),
    ]));
    let adapter = adapter(&server.url, "secret");
    let asked = sought(Some("m1"));
    let Found::Taken { provider_id, reports } = adapter.look_up(&asked, now()).await else { panic!() };
    assert_eq!((provider_id.as_deref(), &reports[0].about), (Some("m1"), &About::Message(asked.message_id)));
    assert_eq!((reports[0].status, reports[0].at, reports[0].dedupe.as_str()), (DeliveryStatus::Delivered, Some(now()), "m1:delivered"));
    assert_eq!(adapter.look_up(&sought(Some("m2")), now()).await, Found::Absent);
    for strange in [None, Some("../balance")] {
        assert_eq!(adapter.look_up(&sought(strange), now()).await, Found::NotOffered);
    }
    assert_eq!(adapter.probe(now()).await, Probe::Fine { detail: Some("9.2 credits left".into()) });
}
