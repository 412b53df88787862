//! Postmark's contract, held.

use super::*;
use crate::{
    domain::ids::MessageId,
    outbound::{
        About,
        bench::{self, Contract, Script},
        providers::mailing::tests::{full, published, unwritable},
    },
};

fn settings(api_base: &str) -> Settings {
    Settings {
        from_email: "factures@dupont.example".parse().unwrap(),
        from_name: Some("Dupont, SARL".parse().unwrap()),
        message_stream: usual_stream(),
        api_base: api_base.to_owned(),
    }
}

fn adapter(api_base: &str) -> Postmark {
    Postmark::open(&settings(api_base), Some(&Credentials { server_token: Secret::new("token") }), &bench::net()).unwrap()
}

/// Postmark signs nothing.
pub const fn vectors() -> Option<bench::Vectors> {
    None
}

async fn send(script: Script) -> Outcome {
    let server = bench::http(script);
    adapter(&server.url).send(&full(), DateTime::UNIX_EPOCH).await
}

#[tokio::test]
async fn every_answer_has_its_outcome() {
    let contract = Contract {
        open: &|base| Box::new(adapter(base)),
        envelope: full(),
        accepted: (200, "", r#"{"To":"ann@example.com","MessageID":"0a129aee","ErrorCode":0,"Message":"OK"}"#),
        provider_id: Some("0a129aee"),
        refused: (422, "", r#"{"ErrorCode":406,"Message":"You tried to send to an inactive recipient."}"#),
        forbidden: (401, "", r#"{"ErrorCode":10,"Message":"No Account or Server API tokens were supplied."}"#),
        limited: (429, "Retry-After: 3\r\n", r#"{"ErrorCode":429,"Message":"slower"}"#),
        bodiless: false,
    };
    contract.hold().await;
    let (listed, invalid) = (Some(SuppressionReason::ProviderList), Some(SuppressionReason::InvalidAddress));
    let cases = [
        (422, r#"{"ErrorCode":406,"Message":"inactive"}"#, true, listed),
        (200, r#"{"ErrorCode":406,"Message":"inactive"}"#, true, listed),
        (422, r#"{"ErrorCode":300,"Message":"Invalid 'To' address: 'x'."}"#, true, invalid),
        (422, r#"{"ErrorCode":300,"Message":"Provide either email TextBody or HtmlBody or both."}"#, true, None),
        (422, r#"{"ErrorCode":300,"Message":"Invalid 'From' address: 'x'."}"#, false, None),
        (422, r#"{"ErrorCode":411,"Message":"Forbidden attachment type."}"#, true, None),
        (422, r#"{"ErrorCode":400,"Message":"The Sender Signature was not found."}"#, false, None),
        (422, r#"{"ErrorCode":405,"Message":"Not allowed to send."}"#, false, None),
        (422, r#"{"ErrorCode":412,"Message":"Account is pending."}"#, false, None),
        (422, r#"{"ErrorCode":1235,"Message":"The stream does not exist."}"#, false, None),
        (413, "", true, None),
        (404, "<html>", false, None),
    ];
    for (status, body, of_message, why) in cases {
        let outcome = send(Script::Answer(status, "", body)).await;
        assert!(
            matches!(outcome, Outcome::Rejected { permanent, suppress, .. } if permanent == of_message && suppress == why),
            "{body} {outcome:?}"
        );
    }
    assert!(matches!(send(Script::Answer(408, "", "")).await, Outcome::Unknown { .. }));
    let nowhere = adapter(&bench::refused());
    for refused in [bench::text("+33612345678"), unwritable()] {
        assert!(matches!(nowhere.send(&refused, DateTime::UNIX_EPOCH).await, Outcome::Rejected { permanent: true, .. }));
    }
}

#[tokio::test]
async fn what_is_sent_names_the_message_and_tracks_nobody() {
    let server = bench::http(Script::Answer(200, "", r#"{"ErrorCode":0}"#));
    let envelope = full();
    adapter(&server.url).send(&envelope, DateTime::UNIX_EPOCH).await;
    let request = server.requests().remove(0);
    assert!(request.url.ends_with("/email"));
    assert_eq!(request.headers["x-postmark-server-token"], "token");
    let expected = json!({
        "From": "\"Dupont, SARL\" <factures@dupont.example>",
        "To": "Ann Émile <ann@example.com>",
        "ReplyTo": "accounts@example.com",
        "Subject": "Facture n° 12 échue",
        "HtmlBody": "<p>Réglez <b>12 €</b></p>",
        "TextBody": "Réglez 12 €\n.\nMerci",
        "Headers": [
            { "Name": "List-Unsubscribe", "Value": "<https://pay.example.com/u/abcdef>" },
            { "Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click" },
        ],
        "Metadata": { "relance_message": envelope.message_id },
        "TrackOpens": false,
        "TrackLinks": "None",
        "MessageStream": "outbound",
        "Attachments": [{ "Name": "facture n° \"12\".pdf", "Content": "JVBERi0A/w==", "ContentType": "application/pdf" }],
    });
    assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), expected);
}

fn read(record: &Value) -> Vec<Report> {
    adapter("http://127.0.0.1:1").parse(&bench::inbound("https://api.example.com/in", &[], record.to_string().as_bytes())).unwrap()
}

#[test]
fn every_word_has_its_status() {
    use DeliveryStatus::{BouncedHard, BouncedSoft, Clicked, Complained, Deferred, Delivered, Failed, Opened, Suppressed, Unsubscribed};
    let read = |mut record: Value| {
        record["MessageID"] = json!("m1");
        read(&record).first().map(|report| report.status)
    };
    for (kind, status) in [("Delivery", Delivered), ("Open", Opened), ("Click", Clicked), ("SpamComplaint", Complained)] {
        assert_eq!(read(json!({ "RecordType": kind })), Some(status), "{kind}");
    }
    let bounces = [
        ("HardBounce", Some(BouncedHard)),
        ("SoftBounce", Some(BouncedSoft)),
        ("Unknown", Some(BouncedSoft)),
        ("Transient", Some(Deferred)),
        ("DnsError", Some(Deferred)),
        ("SpamNotification", Some(Complained)),
        ("SpamComplaint", Some(Complained)),
        ("Unsubscribe", Some(Unsubscribed)),
        ("BadEmailAddress", Some(Suppressed)),
        ("ManuallyDeactivated", Some(Suppressed)),
        ("Blocked", Some(Failed)),
        ("DMARCPolicy", Some(Failed)),
        ("TemplateRenderingFailed", Some(Failed)),
        ("SMTPApiError", Some(Failed)),
        ("VirusNotification", Some(Failed)),
        ("AutoResponder", None),
        ("AddressChange", None),
        ("ChallengeVerification", None),
        ("Subscribe", None),
        ("OpenRelayTest", None),
        ("Something new", None),
    ];
    for (kind, status) in bounces {
        assert_eq!(read(json!({ "RecordType": "Bounce", "Type": kind })), status, "{kind}");
    }
    for kind in ["Blocked", "DMARCPolicy"] {
        assert_eq!(read(json!({ "RecordType": "Bounce", "Type": kind, "Inactive": true })), Some(Suppressed), "{kind}");
    }
    let changes =
        [("ManualSuppression", Some(Unsubscribed)), ("HardBounce", Some(BouncedHard)), ("SpamComplaint", Some(Complained)), ("?", None)];
    for (reason, status) in changes {
        let change = json!({ "RecordType": "SubscriptionChange", "SuppressSending": true, "SuppressionReason": reason });
        assert_eq!(read(change), status, "{reason}");
    }
    assert_eq!(read(json!({ "RecordType": "SubscriptionChange", "SuppressSending": false })), None);
    assert_eq!(read(json!({ "RecordType": "Inbound" })), None);
}

#[test]
fn a_record_names_the_message_and_copies_look_alike() {
    let id = MessageId::new(DateTime::UNIX_EPOCH);
    let delivery = json!({
        "RecordType": "Delivery", "MessageID": "m1", "Metadata": { "relance_message": id }, "DeliveredAt": "2026-08-01T13:28:10.2735393-04:00",
        "Recipient": "ann@example.com", "Details": "250 OK",
    });
    let reports = read(&delivery);
    assert_eq!((&reports[0].about, reports[0].raw_name.as_str()), (&About::Message(id), "Delivery"));
    assert_eq!(reports[0].at.unwrap().to_rfc3339(), "2026-08-01T17:28:10.273539300+00:00");
    assert_eq!(reports[0].detail.as_deref(), Some("250 OK"));
    assert_eq!(reports, read(&delivery));
    let mut later = delivery.clone();
    later["DeliveredAt"] = json!("2026-08-01T13:28:11.2735393-04:00");
    assert_ne!(reports[0].dedupe, read(&later)[0].dedupe);
    let bounce = json!({ "RecordType": "Bounce", "Type": "HardBounce", "ID": 901_542_550_u64, "MessageID": "m1" });
    let bounced = read(&bounce);
    assert_eq!((&bounced[0].about, bounced[0].dedupe.as_str()), (&About::ProviderId("m1".into()), "Bounce:901542550"));
    assert_eq!(bounced[0].raw_name, "Bounce/HardBounce");
    let complaint = json!({ "RecordType": "SpamComplaint", "Type": "SpamComplaint", "ID": 901_542_550_u64, "MessageID": "m1" });
    assert_eq!((read(&complaint)[0].raw_name.as_str(), read(&complaint)[0].dedupe.as_str()), ("SpamComplaint", "SpamComplaint:901542550"));
    let open = json!({ "RecordType": "Open", "MessageID": "m1", "UserAgent": "Mozilla/5.0 (via ggpht.com GoogleImageProxy)" });
    assert_eq!(read(&open)[0].detail.as_deref(), Some("proxy"));
    assert!(read(&json!({ "RecordType": "Delivery" })).is_empty(), "about nothing");
    for wrong in [&b"payload"[..], b"{}", b"[]"] {
        assert!(adapter("http://127.0.0.1:1").parse(&bench::inbound("https://api.example.com/in", &[], wrong)).is_err());
    }
}

#[test]
fn reads_the_published_payloads() {
    published("postmark", read);
}

#[tokio::test]
async fn a_lost_message_is_found_by_our_id() {
    let id = MessageId::new(DateTime::UNIX_EPOCH);
    let sought = Sought { message_id: id, provider_id: None, sent_at: DateTime::UNIX_EPOCH };
    let found = async |status, body: String| {
        let server = bench::http(Script::Answer(status, "", body.leak()));
        let found = adapter(&server.url).look_up(&sought, DateTime::UNIX_EPOCH).await;
        let url = server.requests().remove(0).url;
        assert!(
            url.ends_with(&format!("/messages/outbound?count=1&offset=0&messagestream=outbound&metadata_relance_message={id}")),
            "{url}"
        );
        found
    };
    let messages = |metadata: Value| json!({ "TotalCount": 1, "Messages": [{ "MessageID": "m1", "Metadata": metadata }] }).to_string();
    assert_eq!(
        found(200, messages(json!({ "relance_message": id }))).await,
        Found::Taken { provider_id: Some("m1".into()), reports: Vec::new() }
    );
    assert_eq!(found(200, r#"{"TotalCount":0,"Messages":[]}"#.into()).await, Found::Absent);
    assert!(matches!(found(200, messages(json!({}))).await, Found::Failed(_)), "somebody else's message");
    assert!(matches!(found(500, String::new()).await, Found::Failed(_)));
}

#[tokio::test]
async fn a_token_is_asked_for_its_server() {
    let probe = async |status, body| {
        let server = bench::http(Script::Answer(status, "", body));
        let probe = adapter(&server.url).probe(DateTime::UNIX_EPOCH).await;
        assert!(server.requests()[0].url.ends_with("/server"));
        probe
    };
    let fine = |detail: &str| Probe::Fine { detail: Some(detail.to_owned()) };
    assert_eq!(probe(200, r#"{"Name":"Bills","DeliveryType":"Live"}"#).await, fine("Bills; Live"));
    assert_eq!(probe(200, r#"{"Name":"Bills","DeliveryType":"Sandbox"}"#).await, fine("Bills; Sandbox; it sends nothing"));
    assert!(matches!(probe(401, r#"{"ErrorCode":10}"#).await, Probe::Refused(_)));
    assert!(matches!(probe(503, "").await, Probe::Unreachable(_)));
}

#[test]
fn settings_are_checked() {
    let strict = Net::new(Default::default(), Default::default()).unwrap();
    let faults = Postmark::open(&settings("http://10.0.0.1"), Some(&Credentials { server_token: Secret::new("t") }), &strict).unwrap_err();
    assert_eq!(faults.0[0].pointer, "/settings/api_base");
    let minimal: Settings = serde_json::from_value(json!({ "from_email": "a@example.com" })).unwrap();
    assert!(Postmark::open(&minimal, Some(&Credentials { server_token: Secret::new("t") }), &strict).is_ok());
}
