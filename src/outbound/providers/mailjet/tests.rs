//! Mailjet's contract, held.

use super::*;
use crate::{
    domain::ids::MessageId,
    outbound::{
        bench::{self, Contract, Script},
        providers::mailing::tests::{full, published, unwritable},
    },
};

fn settings(api_base: &str) -> Settings {
    Settings {
        from_email: "factures@dupont.example".parse().unwrap(),
        from_name: Some("Dupont, SARL".parse().unwrap()),
        region: MailjetRegion::Eu,
        api_base: Some(api_base.to_owned()),
    }
}

fn keys() -> Credentials {
    Credentials { api_key: Secret::new("key"), secret_key: Secret::new("secret") }
}

fn adapter(api_base: &str) -> Mailjet {
    Mailjet::open(&settings(api_base), Some(&keys()), &bench::net()).unwrap()
}

/// Mailjet signs nothing.
pub const fn vectors() -> Option<bench::Vectors> {
    None
}

async fn send(script: Script) -> Outcome {
    let server = bench::http(script);
    adapter(&server.url).send(&full(), DateTime::UNIX_EPOCH).await
}

const TAKEN: &str =
    r#"{"Messages":[{"Status":"success","To":[{"Email":"ann@example.com","MessageUUID":"u","MessageID":1152921506848269817}]}]}"#;

/// An error of the message, as its answer words it.
fn error(code: &str, status: u16, related: &str) -> &'static str {
    let error = json!({ "ErrorCode": code, "StatusCode": status, "ErrorMessage": "no", "ErrorRelatedTo": [related] });
    json!({ "Messages": [{ "Status": "error", "Errors": [error] }] }).to_string().leak()
}

#[tokio::test]
async fn every_answer_has_its_outcome() {
    let contract = Contract {
        open: &|base| Box::new(adapter(base)),
        envelope: full(),
        accepted: (200, "", TAKEN),
        provider_id: Some("1152921506848269817"),
        refused: (400, "", error("send-0003", 400, "TextPart")),
        forbidden: (401, "", r#"{"ErrorCode":"mj-0015","StatusCode":401,"ErrorMessage":"API key authentication failure"}"#),
        limited: (429, "Retry-After: 3\r\n", r#"{"StatusCode":429,"ErrorMessage":"too many"}"#),
        bodiless: false,
    };
    contract.hold().await;
    let invalid = Some(SuppressionReason::InvalidAddress);
    let cases = [
        (200, error("mj-0013", 400, "To[0].Email"), true, invalid),
        (400, error("mj-0013", 400, "To[0].Email"), true, invalid),
        (400, error("mj-0013", 400, "From.Email"), false, None),
        (200, error("send-0008", 403, "From"), false, None),
        (400, error("send-0008", 400, "SenderID"), false, None),
        (200, error("send-0003", 400, "HTMLPart"), true, None),
        (401, r#"{"ErrorCode":"mj-0001","StatusCode":401,"ErrorMessage":"suspended"}"#, false, None),
        (400, r#"{"ErrorCode":"mj-0002","StatusCode":400,"ErrorMessage":"Malformed JSON"}"#, true, None),
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
    for (status, body) in [(408, ""), (200, "{}"), (200, r#"{"Messages":[]}"#), (200, error("mj-0500", 500, ""))] {
        assert!(matches!(send(Script::Answer(status, "", body)).await, Outcome::Unknown { .. }), "{body}");
    }
    let nowhere = adapter(&bench::refused());
    for refused in [bench::text("+33612345678"), unwritable()] {
        assert!(matches!(nowhere.send(&refused, DateTime::UNIX_EPOCH).await, Outcome::Rejected { permanent: true, .. }));
    }
}

#[tokio::test]
async fn what_is_sent_names_the_message_and_tracks_nobody() {
    let server = bench::http(Script::Answer(200, "", TAKEN));
    let envelope = full();
    adapter(&server.url).send(&envelope, DateTime::UNIX_EPOCH).await;
    let request = server.requests().remove(0);
    assert!(request.url.ends_with("/v3.1/send"));
    assert_eq!(request.headers["authorization"], format!("Basic {}", data_encoding::BASE64.encode(b"key:secret")));
    let expected = json!({ "Messages": [{
        "From": { "Email": "factures@dupont.example", "Name": "Dupont, SARL" },
        "To": [{ "Email": "ann@example.com", "Name": "Ann Émile" }],
        "ReplyTo": { "Email": "accounts@example.com" },
        "Subject": "Facture n° 12 échue",
        "TextPart": "Réglez 12 €\n.\nMerci",
        "HTMLPart": "<p>Réglez <b>12 €</b></p>",
        "CustomID": envelope.message_id,
        "TrackOpens": "disabled",
        "TrackClicks": "disabled",
        "Headers": {
            "List-Unsubscribe": "<https://pay.example.com/u/abcdef>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
        "Attachments": [{ "ContentType": "application/pdf", "Filename": "facture n° \"12\".pdf", "Base64Content": "JVBERi0A/w==" }],
    }] });
    assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), expected);
}

fn read(body: &Value) -> Vec<Report> {
    adapter("http://127.0.0.1:1").parse(&bench::inbound("https://api.example.com/in", &[], body.to_string().as_bytes())).unwrap()
}

#[test]
fn every_word_has_its_status() {
    use DeliveryStatus::{BouncedHard, BouncedSoft, Clicked, Complained, Deferred, Delivered, Failed, Opened, Suppressed, Unsubscribed};
    let cases = [
        (json!({ "event": "sent" }), Delivered),
        (json!({ "event": "open" }), Opened),
        (json!({ "event": "click" }), Clicked),
        (json!({ "event": "spam" }), Complained),
        (json!({ "event": "unsub" }), Unsubscribed),
        (json!({ "event": "bounce", "hard_bounce": true, "error": "user unknown" }), BouncedHard),
        (json!({ "event": "bounce", "hard_bounce": false, "error": "greylisted" }), Deferred),
        (json!({ "event": "bounce", "hard_bounce": false, "error": "quota exceeded" }), BouncedSoft),
        (json!({ "event": "bounce" }), BouncedSoft),
        (json!({ "event": "blocked", "error": "preblocked" }), Suppressed),
        (json!({ "event": "blocked", "error": "user unknown" }), Suppressed),
        (json!({ "event": "blocked", "error": "content blocked" }), Failed),
        (json!({ "event": "blocked", "error": "duplicate in campaign" }), Failed),
    ];
    for (mut event, status) in cases {
        event["MessageID"] = json!(1_152_921_506_848_269_817_u64);
        let report = read(&event).remove(0);
        assert_eq!((report.status, report.about), (status, About::ProviderId("1152921506848269817".into())), "{event}");
        assert_eq!(report.raw_name, event["event"]);
    }
}

#[test]
fn a_body_holds_several_events_and_copies_look_alike() {
    let id = MessageId::new(DateTime::UNIX_EPOCH);
    let bounce = json!({
        "event": "bounce", "time": 1_800_000_000, "MessageID": 7, "CustomID": id, "hard_bounce": true, "error_related_to": "recipient",
        "error": "user unknown", "comment": "550 5.1.1\nno",
    });
    let click = |url: &str| json!({ "event": "click", "time": 1_800_000_000, "mj_message_id": "7", "url": url });
    let long = |end: &str| format!("https://pay.example.com/{}{end}", "x".repeat(400));
    let open = json!({ "event": "open", "MessageID": 7, "agent": "Mozilla/5.0 (via ggpht.com GoogleImageProxy)" });
    let skipped = [json!({ "event": "something new", "MessageID": 7 }), json!({ "event": "sent" }), json!(7)];
    let reports = read(&json!([bounce, skipped[0], click(&long("a")), skipped[1], click(&long("b")), skipped[2], open, bounce]));
    assert_eq!(reports.len(), 5);
    assert_eq!((&reports[0].about, reports[0].at.unwrap().timestamp()), (&About::Message(id), 1_800_000_000));
    assert_eq!(reports[0].detail.as_deref(), Some("recipient; user unknown; 550 5.1.1 no"));
    assert_eq!(reports[1].about, About::ProviderId("7".into()));
    assert_ne!(reports[1].dedupe, reports[2].dedupe);
    assert_eq!(reports[3].detail.as_deref(), Some("proxy"));
    assert_eq!(reports[0], reports[4]);
    for wrong in [&b"payload"[..], b"", b"7"] {
        assert!(adapter("http://127.0.0.1:1").parse(&bench::inbound("https://api.example.com/in", &[], wrong)).is_err());
    }
}

#[test]
fn reads_the_published_payloads() {
    published("mailjet", read);
}

#[tokio::test]
async fn a_lost_message_is_found_by_our_id() {
    let id = MessageId::new(DateTime::UNIX_EPOCH);
    let sought = Sought { message_id: id, provider_id: None, sent_at: DateTime::UNIX_EPOCH };
    let found = async |status, body: Value| {
        let server = bench::http(Script::Answer(status, "", body.to_string().leak()));
        let found = adapter(&server.url).look_up(&sought, DateTime::UNIX_EPOCH).await;
        assert!(server.requests()[0].url.ends_with(&format!("/v3/REST/message?CustomID={id}&ShowCustomID=true")));
        found
    };
    use DeliveryStatus::{Accepted, BouncedHard, BouncedSoft, Clicked, Complained, Deferred, Delivered, Failed, Opened, Unsubscribed};
    let states = [
        ("queued", Some(Accepted)),
        ("sent", Some(Delivered)),
        ("opened", Some(Opened)),
        ("clicked", Some(Clicked)),
        ("deferred", Some(Deferred)),
        ("bounce", Some(BouncedSoft)),
        ("softbounced", Some(BouncedSoft)),
        ("hardbounced", Some(BouncedHard)),
        ("blocked", Some(Failed)),
        ("spam", Some(Complained)),
        ("unsub", Some(Unsubscribed)),
        ("unknown", None),
    ];
    for (state, status) in states {
        assert_eq!(state_of(state), status, "{state}");
    }
    let message = json!({ "ID": 1_152_921_506_848_269_817_u64, "Status": "sent", "CustomID": id });
    let Found::Taken { provider_id, reports } = found(200, json!({ "Count": 1, "Data": [message] })).await else { panic!("not found") };
    assert_eq!(provider_id.as_deref(), Some("1152921506848269817"));
    assert_eq!((&reports[0].about, reports[0].status), (&About::Message(id), Delivered));
    assert_eq!(found(200, json!({ "Count": 0, "Data": [] })).await, Found::Absent);
    assert!(matches!(found(200, json!({ "Data": [message, message] })).await, Found::Failed(_)), "an unfiltered list");
    let other = json!({ "ID": 7, "Status": "sent", "CustomID": "other" });
    assert!(matches!(found(200, json!({ "Data": [other] })).await, Found::Failed(_)), "somebody else's message");
    assert!(matches!(found(401, json!({})).await, Found::Failed(_)));
}

#[tokio::test]
async fn the_sender_is_asked_for() {
    let probe = async |status, body| {
        let server = bench::http(Script::Answer(status, "", body));
        let probe = adapter(&server.url).probe(DateTime::UNIX_EPOCH).await;
        assert!(server.requests()[0].url.ends_with("/v3/REST/sender?Domain=dupont.example"));
        probe
    };
    let fine = |detail: &str| Probe::Fine { detail: Some(detail.to_owned()) };
    let active = r#"{"Data":[{"Email":"factures@dupont.example","Status":"Inactive"},{"Email":"*@dupont.example","Status":"Active"}]}"#;
    assert_eq!(probe(200, active).await, fine("the sender is active"));
    assert_eq!(probe(200, r#"{"Data":[{"Email":"x@dupont.example","Status":"Active"}]}"#).await, fine("the sender is not listed"));
    let inactive = probe(200, r#"{"Data":[{"Email":"*@dupont.example","Status":"Inactive"}]}"#).await;
    assert_eq!(inactive, Probe::Refused("the sender is inactive".to_owned()));
    assert!(matches!(probe(401, "{}").await, Probe::Refused(_)));
    assert!(matches!(probe(500, "").await, Probe::Unreachable(_)));
}

#[test]
fn settings_are_checked() {
    let strict = Net::new(Default::default(), Default::default()).unwrap();
    let faults = Mailjet::open(&settings("http://10.0.0.1"), Some(&keys()), &strict).unwrap_err();
    assert_eq!(faults.0[0].pointer, "/settings/api_base");
    for (region, base) in [(MailjetRegion::Eu, "https://api.mailjet.com"), (MailjetRegion::Us, "https://api.us.mailjet.com")] {
        let usual = Settings { region, api_base: None, ..settings("") };
        assert_eq!(Mailjet::open(&usual, Some(&keys()), &strict).unwrap().base, base);
    }
}
