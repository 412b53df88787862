//! OVHcloud, as its documentation has it: every answer, every code, signed calls, and what it says of a message that was lost.

use super::*;
use crate::outbound::bench::{self, Contract, Script};

const NOW: i64 = 1_795_255_200;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW, 0).unwrap()
}

fn keys() -> Credentials {
    Credentials { application_key: Secret::new("app"), application_secret: Secret::new("hush"), consumer_key: Secret::new("consumer") }
}

fn settings(base: &str) -> Settings {
    Settings { service_name: "sms-ab12345-1".into(), from: Some("Dupont SA".into()), stop_clause: false, api_base: base.into() }
}

fn adapter(base: &str) -> Ovhcloud {
    Ovhcloud::open(&settings(base), Some(&keys()), &bench::net()).unwrap()
}

/// It signs nothing.
pub fn vectors() -> Option<bench::Vectors> {
    None
}

async fn send(script: Script) -> Outcome {
    let server = bench::http(script);
    adapter(&server.url).send(&bench::text("+33612345678"), now()).await
}

#[tokio::test]
async fn every_answer_has_its_outcome() {
    let contract = Contract {
        open: &|base| Box::new(adapter(base)),
        envelope: bench::text("+33612345678"),
        accepted: (200, "", r#"{"ids":[27814656],"invalidReceivers":[],"validReceivers":["+33612345678"],"totalCreditsRemoved":1}"#),
        provider_id: Some("27814656"),
        refused: (400, "", r#"{"class":"Client::BadRequest","message":"[receivers] Given data is not valid"}"#),
        forbidden: (403, "", r#"{"errorCode":"INVALID_CREDENTIAL","httpCode":"403 Forbidden","message":"This credential is not valid"}"#),
        limited: (429, "Retry-After: 3\r\n", r#"{"message":"Too many requests"}"#),
        bodiless: false,
    };
    contract.hold().await;
    let cases = [
        (200, r#"{"ids":[],"invalidReceivers":["+33612345678"]}"#, true),
        (400, r#"{"errorCode":"INVALID_SIGNATURE","message":"Invalid signature"}"#, false),
        (400, r#"{"errorCode":"QUERY_TIME_OUT","message":"Query out of time"}"#, false),
        (400, r#"{"message":"Sender Dupont is not allowed"}"#, false),
        (402, r#"{"message":"Not enough credits"}"#, false),
        (404, "<html>", false),
    ];
    for (status, body, of_message) in cases {
        let outcome = send(Script::Answer(status, "", body)).await;
        assert!(matches!(outcome, Outcome::Rejected { permanent, suppress: None, .. } if permanent == of_message), "{body} {outcome:?}");
    }
    let mail = adapter(&bench::refused()).send(&bench::mail("ann@example.com"), now()).await;
    assert!(matches!(mail, Outcome::Rejected { permanent: true, .. }));
}

#[tokio::test]
async fn the_request_is_signed_and_says_who_to_whom_and_whose() {
    let server = bench::http(Script::Answer(200, "", r#"{"ids":[1]}"#));
    let envelope = bench::text("+33612345678");
    adapter(&server.url).send(&envelope, now()).await;
    let request = server.requests().remove(0);
    assert_eq!(request.url, format!("{}/sms/sms-ab12345-1/jobs", server.url));
    let body = std::str::from_utf8(&request.body).unwrap();
    let expected = json!({
        "message": "Bonjour & merci", "receivers": ["+33612345678"], "tag": envelope.message_id, "noStopClause": true, "charset": "UTF-8",
        "coding": "7bit", "priority": "high", "sender": "Dupont SA",
    });
    assert_eq!(serde_json::from_str::<Value>(body).unwrap(), expected);
    let signed = signature("hush", "consumer", "POST", &request.url, body, &NOW.to_string());
    let shown = ["x-ovh-application", "x-ovh-consumer", "x-ovh-timestamp", "x-ovh-signature"].map(|name| request.headers[name].clone());
    assert_eq!(shown, ["app".to_owned(), "consumer".to_owned(), NOW.to_string(), signed]);
}

#[test]
fn a_short_number_a_stop_clause_and_an_accent_are_asked_for() {
    let settings = Settings { from: None, stop_clause: true, ..settings("http://127.0.0.1:1") };
    let adapter = Ovhcloud::open(&settings, Some(&keys()), &bench::net()).unwrap();
    let job = adapter.job(&bench::text("+33612345678"), &Text { to: "+33612345678".parse().unwrap(), body: "Reçu, merci".into() });
    assert_eq!((&job["senderForResponse"], &job["noStopClause"], &job["coding"]), (&json!(true), &json!(false), &json!("8bit")));
    assert_eq!(job.get("sender"), None);
}

#[test]
fn settings_are_checked_together() {
    let settings = Settings { service_name: "sms/../me".into(), ..settings("http://10.0.0.1") };
    let strict = Net::new(Default::default(), Default::default()).unwrap();
    let faults = Ovhcloud::open(&settings, Some(&keys()), &strict).unwrap_err();
    let pointers: Vec<_> = faults.0.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/settings/service_name", "/settings/api_base"]);
    assert_eq!(Ovhcloud::open(&settings, None, &strict).unwrap_err().0[0].code, "required");
}

#[test]
fn a_signature_is_made_of_all_that_is_called() {
    let sign = |method, url, body, time| signature("hush", "consumer", method, url, body, time);
    // sha1("hush+consumer+GET+https://eu.api.ovh.com/1.0/me++1")
    assert_eq!(sign("GET", "https://eu.api.ovh.com/1.0/me", "", "1"), "$1$e6335ba780b40310596b76161bbeb23cb06215de");
    let all = [
        sign("GET", "u", "", "1"),
        sign("POST", "u", "", "1"),
        sign("GET", "v", "", "1"),
        sign("GET", "u", "b", "1"),
        sign("GET", "u", "", "2"),
    ];
    for (place, one) in all.iter().enumerate() {
        assert!(!all[..place].contains(one), "{one}");
    }
}

#[test]
fn agrees_with_the_published_vectors() {
    let Some(vectors) = bench::vectors("ovh.json") else { return };
    let key = |name: &str| vectors[name].as_str().unwrap();
    for case in vectors["cases"].as_array().unwrap() {
        let text = |name: &str| case[name].as_str().unwrap();
        let ours = signature(key("application_secret"), key("consumer_key"), text("method"), text("url"), text("body"), text("timestamp"));
        assert_eq!(ours == text("signature"), case["valid"].as_bool().unwrap(), "{}", case["name"]);
    }
}

fn read(query: &str) -> Result<Vec<Report>, Unreadable> {
    let mut inbound = bench::inbound(&format!("https://api.example.com/in?{query}"), &[], b"");
    inbound.method = "GET".to_owned();
    adapter("http://127.0.0.1:1").parse(&inbound)
}

#[test]
fn every_code_has_its_status() {
    let codes = [
        ("id=7&ptt=1&description=4", DeliveryStatus::Deferred),
        ("id=7&ptt=2&description=4", DeliveryStatus::Deferred),
        ("id=7&ptt=3&description=1", DeliveryStatus::Sent),
        ("id=7&ptt=6&description=2", DeliveryStatus::Sent),
        ("id=7&ptt=4&description=1", DeliveryStatus::Delivered),
        ("id=7&ptt=5&description=2", DeliveryStatus::Undelivered),
        ("id=7&ptt=8&description=2", DeliveryStatus::Undelivered),
        ("id=7&ptt=23&description=2", DeliveryStatus::Undelivered),
        ("id=7&ptt=76&description=2", DeliveryStatus::Undelivered),
        ("id=7&ptt=202&description=2", DeliveryStatus::Undelivered),
        ("id=7&ptt=0&description=0", DeliveryStatus::Accepted),
        ("id=7&ptt=0&description=1", DeliveryStatus::Delivered),
        ("id=7&ptt=9999&description=2", DeliveryStatus::Undelivered),
        ("id=7&ptt=9999&description=4", DeliveryStatus::Deferred),
        ("id=7&description=8", DeliveryStatus::Deferred),
        ("id=7&description=16", DeliveryStatus::Failed),
        ("id=7&ptt=9999&dlr=2", DeliveryStatus::Undelivered),
        ("id=7&ptt=9999&description=Success&dlr=1", DeliveryStatus::Delivered),
    ];
    for (query, status) in codes {
        let report = read(query).unwrap().remove(0);
        assert_eq!((report.about, report.status), (About::ProviderId("7".into()), status), "{query}");
    }
    let report = read("id=7&ptt=4&date=2026-11-21+10%3A00%3A00&description=1&descriptionDlr=Success").unwrap().remove(0);
    assert_eq!((report.dedupe.as_str(), report.raw_name.as_str(), report.at), ("7:4:1", "1/4", None));
    assert_eq!(report.detail.as_deref(), Some("receipt 1, ptt 4"));
    for wrong in ["ptt=4&description=1", "id=abc&ptt=4", "id=7", "id=7&ptt=9999", "id=7&ptt=9999&description=77", ""] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

fn sought(provider_id: Option<&str>) -> Sought {
    Sought { message_id: MessageId::new(now()), provider_id: provider_id.map(str::to_owned), sent_at: now() }
}

const SENT: &str =
    r#"{"id":7,"ptt":4,"deliveryReceipt":1,"creationDatetime":"2026-11-21T10:58:00+01:00","deliveredAt":"2026-11-21T11:00:00+01:00"}"#;

/// What the list of sent messages says of this one's tag, and then the rest.
fn listed(sought: &Sought, list: &'static str, rest: &[(&'static str, u16, &'static str)]) -> Script {
    let end: &'static str = Box::leak(format!("/outgoing?tag={}", sought.message_id).into_boxed_str());
    Script::Paths(Box::leak([&[(end, 200, list)], rest].concat().into_boxed_slice()))
}

async fn ask(script: Script, sought: &Sought) -> Found {
    adapter(&bench::http(script).url).look_up(sought, now()).await
}

#[tokio::test]
async fn a_lost_message_is_found_by_its_tag() {
    let lost = sought(None);
    let server = bench::http(listed(&lost, "[7]", &[("/outgoing/7", 200, SENT)]));
    let Found::Taken { provider_id, reports } = adapter(&server.url).look_up(&lost, now()).await else { panic!() };
    assert_eq!((provider_id.as_deref(), &reports[0].about), (Some("7"), &About::Message(lost.message_id)));
    assert_eq!((reports[0].status, reports[0].at, reports[0].dedupe.as_str()), (DeliveryStatus::Delivered, Some(now()), "7:4:1"));
    let asked = server.requests().remove(0);
    assert_eq!(asked.headers["x-ovh-signature"], signature("hush", "consumer", "GET", &asked.url, "", &NOW.to_string()));
}

#[tokio::test]
async fn a_message_that_waits_is_neither_lost_nor_absent() {
    let waiting = Script::Paths(&[("/jobs/7", 200, r#"{"id":7,"ptt":0,"deliveryReceipt":0}"#)]);
    let Found::Taken { reports, .. } = ask(waiting, &sought(Some("7"))).await else { panic!() };
    assert_eq!(reports[0].status, DeliveryStatus::Accepted);
    assert_eq!(ask(Script::Paths(&[]), &sought(Some("7"))).await, Found::Absent);
    let lost = sought(None);
    assert_eq!(ask(listed(&lost, "[]", &[("/jobs", 200, "[]")]), &lost).await, Found::Absent);
    for open in [
        listed(&lost, "[]", &[("/jobs", 200, "[8]")]),
        listed(&lost, "[]", &[("/jobs", 200, "<html>")]),
        listed(&lost, "[]", &[]),
        listed(&lost, "<html>", &[]),
        Script::Drop,
    ] {
        assert!(matches!(ask(open, &lost).await, Found::Failed(_)));
    }
}

#[tokio::test]
async fn a_probe_tells_the_credit_and_the_senders_state() {
    const ACCOUNT: (&str, u16, &str) = ("/sms/sms-ab12345-1", 200, r#"{"creditsLeft":42.5,"status":"enable"}"#);
    let probe = async |paths| adapter(&bench::http(Script::Paths(paths)).url).probe(now()).await;
    let fine = probe(&[ACCOUNT, ("/senders/Dupont%20SA", 200, r#"{"status":"enable"}"#)]).await;
    assert_eq!(fine, Probe::Fine { detail: Some("42.5 credits left".into()) });
    let waiting = probe(&[ACCOUNT, ("/senders/Dupont%20SA", 200, r#"{"status":"waitingValidation"}"#)]).await;
    assert_eq!(waiting, Probe::Refused("the sender's state is waitingValidation".into()));
    assert!(matches!(probe(&[ACCOUNT]).await, Probe::Refused(_)), "no such sender");
    assert!(matches!(probe(&[("/sms/sms-ab12345-1", 403, "{}")]).await, Probe::Refused(_)));
}
