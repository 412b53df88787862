//! Maileva's contract, held.

use super::*;
use crate::{
    domain::delivery::{DeliveryStatus, ProofKind},
    outbound::{
        About,
        bench::{self, Contract, Script, Server, Steps},
    },
};

const AT: i64 = 1_800_000_000;
/// Everything that comes before a submission.
const DRAFTED: Steps = &[
    ("/token", 200, r#"{"access_token":"tok-1","expires_in":300,"token_type":"Bearer"}"#),
    ("/sendings", 201, r#"{"id":"s1","status":"DRAFT"}"#),
    ("/sendings/s1/documents", 201, r#"{"id":"d1"}"#),
    ("/sendings/s1/recipients", 201, r#"{"id":"r1"}"#),
    ("/sendings/s1", 204, ""),
];
const TOKEN: Steps = &[("/token", 200, r#"{"access_token":"tok-1","expires_in":300}"#)];

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(AT, 0).unwrap()
}

fn settings(base: &str) -> Settings {
    let written = json!({ "client_id": "appli.1", "username": "ann", "api_base": base, "token_url": format!("{base}/token") });
    serde_json::from_value(written).unwrap()
}

fn adapter(base: &str) -> Maileva {
    let keys = Credentials { client_secret: Secret::new("hush"), password: Secret::new("p&ss") };
    Maileva::open(&settings(base), Some(&keys), &bench::net()).unwrap()
}

/// Nothing is signed.
pub fn vectors() -> Option<bench::Vectors> {
    None
}

fn letter() -> Envelope {
    bench::letter(PostalService::Registered)
}

fn called(server: &Server) -> Vec<(String, String)> {
    let path = |url: &str| url.replace(&server.url, "");
    server.requests().iter().map(|request| (request.method.clone(), path(&request.url))).collect()
}

#[tokio::test]
async fn every_answer_to_a_submission_has_its_outcome() {
    let contract = Contract {
        open: &|base| Box::new(adapter(base)),
        envelope: letter(),
        accepted: (200, "", ""),
        provider_id: Some("s1"),
        refused: (400, "", r#"{"errors":[{"code":"INVALID_ADDRESS_LINE_6","message":"code postal"}]}"#),
        forbidden: (403, "", r#"{"code":"FORBIDDEN","message":"no"}"#),
        limited: (429, "Retry-After: 3\r\n", ""),
        bodiless: true,
    };
    contract.hold_after(DRAFTED).await;
    let sent = async |script: Script| {
        let server = bench::http_after(DRAFTED, script);
        (adapter(&server.url).send(&letter(), now()).await, called(&server))
    };
    let thrown_away = |calls: &[(String, String)]| calls.contains(&("DELETE".into(), "/registered_mail/v4/sendings/s1".into()));
    for (status, body, of_letter) in [
        (413, "", true),
        (422, r#"{"code":"EMPTY_DOCUMENT","message":"?"}"#, true),
        (401, r#"{"code":"UNAUTHORIZED"}"#, false),
        (404, r#"{"code":"SENDING_NOT_FOUND"}"#, false),
        (302, "", false),
    ] {
        let (outcome, calls) = sent(Script::Answer(status, "", body)).await;
        assert!(matches!(outcome, Outcome::Rejected { permanent, suppress: None, .. } if permanent == of_letter), "{status} {outcome:?}");
        assert!(thrown_away(&calls), "{calls:?}");
    }
    let not_draft = r#"{"errors":[{"code":"SENDING_STATUS_IS_NOT_DRAFT","message":"?"}]}"#;
    for doubtful in [Script::Answer(400, "", not_draft), Script::Answer(408, "", ""), Script::Drop] {
        let (outcome, calls) = sent(doubtful).await;
        assert!(matches!(outcome, Outcome::Unknown { .. }) && !thrown_away(&calls), "what is in doubt stays: {outcome:?}");
    }
    let nowhere = adapter(&bench::refused());
    assert!(matches!(nowhere.send(&bench::text("+33612345678"), now()).await, Outcome::Rejected { permanent: true, .. }));
}

#[tokio::test]
async fn what_fails_before_the_submission_has_not_left() {
    // As many steps as are answered well; the next one is answered by the script.
    for (taken, thrown_away) in [(0, false), (1, false), (2, true), (3, true)] {
        let steps: Steps = DRAFTED.split_at(taken).0;
        for script in [Script::Answer(500, "", ""), Script::Drop, Script::Hang, Script::Answer(200, "", "<html>"), Script::Flood] {
            let server = bench::http_after(steps, script.clone());
            let outcome = adapter(&server.url).send(&letter(), now()).await;
            assert!(matches!(outcome, Outcome::NotSent { .. }), "{taken} {script:?} {outcome:?}");
            let calls = called(&server);
            assert!(!calls.iter().any(|(_, path)| path.ends_with("/submit")));
            assert_eq!(calls.iter().any(|(method, _)| method == "DELETE"), thrown_away, "{calls:?}");
        }
        let server = bench::http_after(steps, Script::Answer(400, "", r#"{"errors":[{"code":"ADDRESS_LINE_1_TOO_LONG","message":"38"}]}"#));
        let outcome = adapter(&server.url).send(&letter(), now()).await;
        // Without a token, the account is at fault.
        assert!(matches!(outcome, Outcome::Rejected { permanent, .. } if permanent == (taken > 0)), "{taken} {outcome:?}");
        let server = bench::http_after(steps, Script::Answer(429, "Retry-After: 7\r\n", ""));
        let outcome = adapter(&server.url).send(&letter(), now()).await;
        assert!(matches!(outcome, Outcome::NotSent { retry_after: Some(pause), .. } if pause.as_secs() == 7), "{taken} {outcome:?}");
    }
}

fn body(request: &Inbound) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

#[tokio::test]
async fn a_registered_letter_is_drafted_filled_and_submitted() {
    let server = bench::http_after(DRAFTED, Script::Answer(200, "", ""));
    let envelope = letter();
    assert_eq!(adapter(&server.url).send(&envelope, now()).await, Outcome::accepted(Some("s1".into())));
    let [token, sending, document, recipient, submission] = server.requests().try_into().unwrap();
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&token.body).into_owned().collect();
    let given = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let expected =
        [("grant_type", "password"), ("client_id", "appli.1"), ("client_secret", "hush"), ("username", "ann"), ("password", "p&ss")];
    for (name, value) in expected {
        assert_eq!(given(name), Some(value));
    }
    for request in [&sending, &document, &recipient, &submission] {
        assert_eq!((request.method.as_str(), request.headers["authorization"].as_str()), ("POST", "Bearer tok-1"));
    }
    assert!(sending.url.ends_with("/registered_mail/v4/sendings"));
    let id = envelope.message_id;
    assert!(id.to_string().len() <= 36, "an id can be a custom_id");
    let expected = json!({
        "name": id, "custom_id": id, "acknowledgement_of_receipt": true, "returned_mail_scanning": false, "color_printing": false,
        "duplex_printing": true, "optional_address_sheet": false, "postage_type": "FAST", "sender_address_line_1": "Dupont SARL",
        "sender_address_line_4": "1 place du Marché", "sender_address_line_6": "69001 Lyon", "sender_country_code": "FR",
    });
    assert_eq!(body(&sending), expected);
    assert!(document.url.ends_with("/registered_mail/v4/sendings/s1/documents"));
    assert!(document.headers["content-type"].starts_with("multipart/form-data; boundary=relance-msg_"));
    let written = String::from_utf8_lossy(&document.body);
    assert!(written.contains("name=\"metadata\"\r\n\r\n{\"name\":\"msg_") && written.contains("\"priority\":1}"));
    assert!(
        written.contains("name=\"document\"; filename=\"msg_")
            && written.contains(".pdf\"\r\nContent-Type: application/pdf\r\n\r\n%PDF-1.7\0")
    );
    let expected = json!({
        "custom_id": id, "address_line_1": "Durand & Fils", "address_line_2": "Ann Émile", "address_line_4": "12 rue de l'Église",
        "address_line_5": "Bâtiment B", "address_line_6": "75011 Paris", "country_code": "FR",
    });
    assert_eq!(body(&recipient), expected);
    assert!(submission.url.ends_with("/registered_mail/v4/sendings/s1/submit") && submission.body.is_empty());
}

#[tokio::test]
async fn a_simple_letter_goes_through_the_other_interface() {
    let server = bench::http_after(DRAFTED, Script::Answer(200, "", ""));
    let abroad = bench::changed(PostalService::Simple, |letter| {
        letter.to.country = "BE".parse().unwrap();
        letter.to.postal_code = "1000".parse().unwrap();
        letter.to.lines.push("Étage 3".parse().unwrap());
    });
    assert!(matches!(adapter(&server.url).send(&abroad, now()).await, Outcome::Accepted { .. }));
    let requests = server.requests();
    assert!(requests[1..].iter().all(|request| request.url.contains("/mail/v2/sendings")));
    assert_eq!(body(&requests[1])["treat_undelivered_mail"], json!(false));
    assert_eq!(body(&requests[1]).get("acknowledgement_of_receipt"), None);
    let recipient = body(&requests[3]);
    assert_eq!((&recipient["address_line_3"], &recipient["address_line_5"]), (&json!("12 rue de l'Église"), &json!("Étage 3")));
    assert_eq!((&recipient["address_line_6"], &recipient["country_code"]), (&json!("1000 Paris"), &json!("BE")));
}

#[tokio::test]
async fn what_maileva_does_not_post_is_refused_before_anything_is_asked() {
    let server = bench::http_after(DRAFTED, Script::Answer(200, "", ""));
    let adapter = adapter(&server.url);
    let changes: [fn(&mut Letter); 7] = [
        |letter| letter.service = PostalService::Tracked,
        |letter| letter.to.country = "BE".parse().unwrap(),
        |letter| letter.to.postal_code = "7501".parse().unwrap(),
        |letter| letter.from.lines = vec!["x".parse().unwrap(); 4],
        |letter| letter.to.name = "x".repeat(39).parse().unwrap(),
        |letter| letter.to.city = "x".repeat(33).parse().unwrap(),
        |letter| letter.pdf = std::sync::Arc::from(vec![0; MOST + 1]),
    ];
    for change in changes {
        let outcome = adapter.send(&bench::changed(PostalService::Registered, change), now()).await;
        assert!(matches!(&outcome, Outcome::Rejected { permanent: true, code, .. } if code == "unfit"), "{outcome:?}");
    }
    assert!(server.requests().is_empty());
}

/// A notification, with `more` in it.
fn notice(event: &str, kind: &str, more: &Value) -> Inbound {
    let mut body = json!({
        "source": "api.maileva.com", "event_type": event, "resource_type": kind, "event_date": "2026-10-02T10:23:31.137Z",
        "resource_id": "r1", "resource_location": "https://evil.example/registered_mail/v4/sendings/s1/recipients/r1",
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    bench::inbound("https://api.example.com/in", &[], body.to_string().as_bytes())
}

const RECIPIENTS: &str = "registered_mail/v4/recipients";

#[test]
fn every_event_has_its_status() {
    use DeliveryStatus::{Accepted, Delivered, Failed, Presented, Sent, Undelivered};
    let cases = [
        ("ON_STATUS_ACCEPTED", Accepted),
        ("ON_STATUS_REJECTED", Failed),
        ("ON_STATUS_PROCESSED", Sent),
        ("ON_STATUS_PROCESSED_WITH_ERRORS", Failed),
        ("ON_DEPOSIT_PROOF_RECEIVED", Sent),
        ("ON_GLOBAL_DEPOSIT_PROOF_RECEIVED", Sent),
        ("ON_CONTENT_PROOF_RECEIVED", Sent),
        ("ON_MAIN_DELIVERY_STATUS_FIRST_PRESENTATION", Presented),
        ("ON_MAIN_DELIVERY_STATUS_DELIVERED", Delivered),
        ("ON_ACKNOWLEDGEMENT_OF_RECEIPT_RECEIVED", Delivered),
        ("ON_MAIN_DELIVERY_STATUS_UNDELIVERED", Undelivered),
        ("ON_UNDELIVERED_MAIL_RECEIVED", Undelivered),
    ];
    let reader = adapter("http://127.0.0.1:1");
    let id = MessageId::new(now());
    for (event, status) in cases {
        let inbound = notice(event, RECIPIENTS, &json!({ "resource_custom_id": id }));
        let report = reader.parse(&inbound).unwrap().remove(0);
        assert_eq!((report.status, &report.about, report.raw_name.as_str()), (status, &About::Message(id), event));
        assert_eq!(report.dedupe, format!("{event}:r1:2026-10-02T10:23:31.137Z"));
        assert_eq!(report.at.unwrap().timestamp_millis(), 1_790_936_611_137);
    }
    for other in ["ON_STATUS_ARCHIVED", "ON_SOMETHING_NEW"] {
        assert!(reader.parse(&notice(other, RECIPIENTS, &json!({}))).unwrap().is_empty(), "{other}");
    }
}

#[test]
fn a_notification_without_our_id_names_the_sending() {
    let reader = adapter("http://127.0.0.1:1");
    let about = |kind: &str, more: Value| reader.parse(&notice("ON_STATUS_ACCEPTED", kind, &more)).unwrap().remove(0).about;
    assert_eq!(about(RECIPIENTS, json!({ "resource_custom_id": "order" })), About::ProviderId("s1".into()));
    assert_eq!(about("mail/v2/sendings", json!({ "resource_id": "s7", "resource_location": "" })), About::ProviderId("s7".into()));
    for unreadable in ["", "7", "{}", r#"{"event_type":"ON_STATUS_ACCEPTED"}"#] {
        assert!(reader.parse(&bench::inbound("https://x.example", &[], unreadable.as_bytes())).is_err(), "{unreadable}");
    }
}

#[tokio::test]
async fn the_announced_documents_are_fetched_from_our_own_interface() {
    const PDF: &str = "%PDF-1.4 proof";
    let fetched = async |event: &str, steps: Steps, script: Script| {
        let server = bench::http_after(steps, script);
        let proofs = adapter(&server.url).proofs(&notice(event, RECIPIENTS, &json!({})), now()).await;
        (proofs, called(&server).pop().map(|(_, path)| path).unwrap_or_default())
    };
    for (event, kind, download) in [
        ("ON_DEPOSIT_PROOF_RECEIVED", ProofKind::Deposit, "download_deposit_proof"),
        ("ON_ACKNOWLEDGEMENT_OF_RECEIPT_RECEIVED", ProofKind::SignedReceipt, "download_acknowledgement_of_receipt"),
        ("ON_CONTENT_PROOF_RECEIVED", ProofKind::Content, "download_content_proof"),
    ] {
        let (proofs, path) = fetched(event, TOKEN, Script::Answer(200, "", PDF)).await;
        let [proof] = proofs.unwrap().try_into().unwrap();
        assert_eq!((proof.kind, &*proof.bytes, &proof.about), (kind, PDF.as_bytes(), &About::ProviderId("s1".into())));
        assert_eq!(path, format!("/registered_mail/v4/sendings/s1/recipients/r1/{download}"));
    }
    const N03: Steps = &[TOKEN[0], ("/recipients/r1", 200, r#"{"id":"r1","undelivered_mail_reason":"N03"}"#)];
    const N05: Steps = &[TOKEN[0], ("/recipients/r1", 200, r#"{"id":"r1","undelivered_mail_reason":"N05"}"#)];
    const N02: Steps = &[TOKEN[0], ("/recipients/r1", 200, r#"{"id":"r1","undelivered_mail_reason":"N02"}"#)];
    for (steps, kind) in [(N03, Some(ProofKind::Unclaimed)), (N05, Some(ProofKind::Refusal)), (N02, None)] {
        let (proofs, _) = fetched("ON_UNDELIVERED_MAIL_RECEIVED", steps, Script::Answer(200, "", PDF)).await;
        assert_eq!(proofs.unwrap().first().map(|proof| proof.kind), kind);
    }
    for failing in [Script::Answer(404, "", ""), Script::Answer(200, "", "<html>"), Script::Drip, Script::Drop] {
        assert!(fetched("ON_DEPOSIT_PROOF_RECEIVED", TOKEN, failing).await.0.is_err());
    }
    let (nothing, path) = fetched("ON_STATUS_PROCESSED", TOKEN, Script::Drop).await;
    assert!(nothing.unwrap().is_empty() && path.is_empty());
    for location in ["", "https://api.maileva.com/registered_mail/v4/sendings/a%2Fb/recipients/r1"] {
        let inbound = notice("ON_DEPOSIT_PROOF_RECEIVED", RECIPIENTS, &json!({ "resource_location": location }));
        assert!(adapter("http://127.0.0.1:1").proofs(&inbound, now()).await.is_err());
    }
}

#[tokio::test]
async fn a_message_in_doubt_is_found_by_our_id() {
    let id = MessageId::new(now());
    let looked = async |registered: String, simple: &'static str, recipients: &'static str| {
        let steps = vec![
            TOKEN[0],
            ("/registered_mail/v4/sendings?start_index=1&count=500", 200, &*registered.leak()),
            ("/mail/v2/sendings?start_index=1&count=500", 200, simple),
            ("/recipients?start_index=1&count=1", 200, recipients),
        ];
        let server = bench::http_after(steps.leak(), Script::Answer(404, "", ""));
        let sought = Sought { message_id: id, provider_id: None, sent_at: now() };
        adapter(&server.url).look_up(&sought, now()).await
    };
    let listed = |status: &str| {
        format!(r#"{{"sendings":[{{"id":"s0","custom_id":"x","status":"SENT"}},{{"id":"s1","custom_id":"{id}","status":"{status}"}}]}}"#)
    };
    let none = || r#"{"sendings":[]}"#.to_owned();
    let refused =
        r#"{"recipients":[{"last_main_delivery_status":{"code":"LP22","category":"UNDELIVERED","date":"2026-10-02T10:23:31Z"}}]}"#;
    let Found::Taken { provider_id, reports } = looked(listed("PROCESSED"), "", refused).await else { panic!("not found") };
    assert_eq!(provider_id.as_deref(), Some("s1"));
    let known: Vec<_> = reports.iter().map(|report| (report.status, report.raw_name.as_str())).collect();
    assert_eq!(known, [(DeliveryStatus::Sent, "PROCESSED"), (DeliveryStatus::Refused, "LP22")]);
    assert_eq!(looked(listed("DRAFT"), r#"{"sendings":[]}"#, "").await, Found::Absent, "it was not submitted");
    assert_eq!(looked(none(), r#"{"sendings":[]}"#, "").await, Found::Absent);
    let simple = format!(r#"{{"sendings":[{{"id":"s2","custom_id":"{id}","status":"REJECTED"}}]}}"#);
    let Found::Taken { reports, .. } = looked(none(), simple.leak(), "").await else { panic!("not found") };
    assert_eq!(reports[0].status, DeliveryStatus::Failed);
    assert!(matches!(looked(none(), "<html>", "").await, Found::Failed(_)));
    let many = format!(r#"{{"sendings":[{}]}}"#, vec!["{}"; 500].join(","));
    assert!(matches!(looked(many, "", "").await, Found::Failed(_)), "the next page is not there");
}

#[test]
fn every_word_of_the_post_has_its_status() {
    use DeliveryStatus::{AwaitingPickup, Deferred, Delivered, Presented, Refused, Sent, Unclaimed, Undelivered};
    let said = |code: &str, category: &str| notices::of_delivery(&json!({ "code": code, "category": category }));
    for (codes, status) in [
        (&["LP08"][..], AwaitingPickup),
        (&["LP09", "LP10"], Presented),
        (&["LP12", "LP13"], Deferred),
        (&["LP15", "LP16", "LP18", "LP28", "LP29"], Delivered),
        (&["LP19", "LP25"], Unclaimed),
        (&["LP22"], Refused),
        (&["LP17", "LP20", "LP21", "LP24", "LP27"], Undelivered),
    ] {
        assert!(codes.iter().all(|code| said(code, "UNDELIVERED") == Some(status)), "{codes:?}");
    }
    for (category, status) in
        [("DELIVERING", Sent), ("FIRST_PRESENTATION", Presented), ("DELIVERED", Delivered), ("UNDELIVERED", Undelivered)]
    {
        assert_eq!(said("LP00", category), Some(status));
    }
    assert_eq!(said("LP01", ""), None);
}

#[tokio::test]
async fn an_account_is_known_by_its_token() {
    let probe = async |steps: Steps, script: Script| {
        let server = bench::http_after(steps, script);
        adapter(&server.url).probe(now()).await
    };
    assert_eq!(probe(TOKEN, Script::Answer(200, "", r#"{"sendings":[]}"#)).await, Probe::Fine { detail: None });
    assert!(matches!(probe(TOKEN, Script::Answer(403, "", "")).await, Probe::Refused(_)));
    assert!(matches!(probe(&[], Script::Answer(401, "", r#"{"error":"invalid_grant"}"#)).await, Probe::Refused(_)));
    assert!(matches!(probe(&[], Script::Answer(503, "", "")).await, Probe::Unreachable(_)));
}

#[test]
fn settings_are_checked_together() {
    let strict = Net::new(Default::default(), Default::default()).unwrap();
    let keys = Credentials { client_secret: Secret::new("k"), password: Secret::new("p") };
    let faults = Maileva::open(&settings("http://10.0.0.1"), Some(&keys), &strict).unwrap_err();
    let pointers: Vec<_> = faults.0.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/settings/api_base", "/settings/token_url"]);
    assert_eq!(adapter("http://127.0.0.1:1").answer(), 201);
}
