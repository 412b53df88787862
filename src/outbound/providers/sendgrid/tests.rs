//! SendGrid's contract, held.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};

use super::*;
use crate::outbound::{
    About,
    bench::{self, Contract, Script},
    providers::mailing::tests::{full, unwritable},
};

const AT: i64 = 1_800_000_000;

fn settings(api_base: &str, key: Option<String>) -> Settings {
    Settings {
        from_email: "factures@dupont.example".parse().unwrap(),
        from_name: Some("Dupont SARL".parse().unwrap()),
        region: SendgridRegion::Global,
        verification_key: key,
        api_base: Some(api_base.to_owned()),
    }
}

fn adapter(api_base: &str, key: Option<String>) -> Sendgrid {
    Sendgrid::open(&settings(api_base, key), Some(&Credentials { api_key: Secret::new("SG.key") }), &bench::net()).unwrap()
}

fn reader() -> Sendgrid {
    adapter("http://127.0.0.1:1", None)
}

/// A key pair of our own, and the public key as SendGrid shows it.
fn pair() -> (EcdsaKeyPair, String) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    // The fixed beginning of every P-256 SubjectPublicKeyInfo (RFC 5480).
    let head = data_encoding::HEXLOWER.decode(b"3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap();
    let spki = [head.as_slice(), pair.public_key().as_ref()].concat();
    (pair, BASE64.encode(&spki))
}

/// What it signs itself, it believes.
pub fn vectors() -> Option<bench::Vectors> {
    let (ours, shown) = pair();
    let body = b"[{\"event\":\"delivered\",\"sg_event_id\":\"e1\"}]\r\n";
    let message = [AT.to_string().as_bytes(), body].concat();
    let signature = BASE64.encode(ours.sign(&SystemRandom::new(), &message).unwrap().as_ref());
    let headers = [(SIGNATURE, signature.as_str()), (TIMESTAMP, &AT.to_string())];
    Some(bench::Vectors {
        genuine: vec![(bench::inbound("https://api.example.com/in", &headers, body), DateTime::from_timestamp(AT, 0).unwrap())],
        adapter: Box::new(adapter("http://127.0.0.1:1", Some(shown))),
        other: Box::new(adapter("http://127.0.0.1:1", Some(pair().1))),
        header: SIGNATURE,
        covers_body: true,
        covers_time: true,
    })
}

async fn send(script: Script) -> Outcome {
    let server = bench::http(script);
    adapter(&server.url, None).send(&full(), DateTime::UNIX_EPOCH).await
}

#[tokio::test]
async fn every_answer_has_its_outcome() {
    let contract = Contract {
        open: &|base| Box::new(adapter(base, None)),
        envelope: full(),
        accepted: (202, "X-Message-Id: LRzXl_NHStOGhQ4kofSm_A\r\n", ""),
        provider_id: Some("LRzXl_NHStOGhQ4kofSm_A"),
        refused: (400, "", r#"{"errors":[{"message":"The subject is required.","field":"subject"}]}"#),
        forbidden: (401, "", r#"{"errors":[{"message":"Maximum credits exceeded","field":null}]}"#),
        limited: (429, "Retry-After: 3\r\n", r#"{"errors":[{"message":"too many requests"}]}"#),
        bodiless: true,
    };
    contract.hold().await;
    let invalid = Some(SuppressionReason::InvalidAddress);
    let cases = [
        (400, r#"{"errors":[{"message":"not valid","field":"personalizations.0.to.0.email"}]}"#, true, invalid),
        (400, r#"{"errors":[{"message":"not valid","field":"from.email"}]}"#, false, None),
        (403, r#"{"errors":[{"message":"not a verified Sender Identity","field":"from"}]}"#, false, None),
        (413, r#"{"errors":[{"message":"too large"}]}"#, true, None),
        (404, "<html>", false, None),
        (302, "", false, None),
    ];
    for (status, body, of_message, why) in cases {
        let outcome = send(Script::Answer(status, "", body)).await;
        assert!(
            matches!(outcome, Outcome::Rejected { permanent, suppress, .. } if permanent == of_message && suppress == why),
            "{body} {outcome:?}"
        );
    }
    let limited = send(Script::Answer(429, "X-RateLimit-Reset: 7\r\n", "")).await;
    assert!(matches!(limited, Outcome::NotSent { retry_after: Some(pause), .. } if pause.as_secs() == 7), "{limited:?}");
    assert!(matches!(send(Script::Answer(408, "", "")).await, Outcome::Unknown { .. }));
    let nowhere = adapter(&bench::refused(), None);
    for refused in [bench::text("+33612345678"), unwritable()] {
        assert!(matches!(nowhere.send(&refused, DateTime::UNIX_EPOCH).await, Outcome::Rejected { permanent: true, .. }));
    }
}

#[tokio::test]
async fn what_is_sent_names_the_message_and_tracks_nobody() {
    let server = bench::http(Script::Answer(202, "", ""));
    let envelope = full();
    adapter(&server.url, None).send(&envelope, DateTime::UNIX_EPOCH).await;
    let request = server.requests().remove(0);
    assert!(request.url.ends_with("/v3/mail/send"));
    assert_eq!(request.headers["authorization"], "Bearer SG.key");
    let expected = json!({
        "personalizations": [{
            "to": [{ "email": "ann@example.com", "name": "Ann Émile" }],
            "custom_args": { "relance_message": envelope.message_id },
        }],
        "from": { "email": "factures@dupont.example", "name": "Dupont SARL" },
        "reply_to": { "email": "accounts@example.com" },
        "subject": "Facture n° 12 échue",
        "content": [
            { "type": "text/plain", "value": "Réglez 12 €\n.\nMerci" },
            { "type": "text/html", "value": "<p>Réglez <b>12 €</b></p>" },
        ],
        "headers": {
            "List-Unsubscribe": "<https://pay.example.com/u/abcdef>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
        "attachments": [{
            "content": "JVBERi0A/w==", "filename": "facture n° \"12\".pdf", "type": "application/pdf", "disposition": "attachment",
        }],
        "tracking_settings": {
            "click_tracking": { "enable": false, "enable_text": false },
            "open_tracking": { "enable": false },
            "subscription_tracking": { "enable": false },
        },
    });
    assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), expected);
}

fn read(events: &Value) -> Result<Vec<Report>, Unreadable> {
    reader().parse(&bench::inbound("https://api.example.com/in", &[], events.to_string().as_bytes()))
}

#[test]
fn every_word_has_its_status() {
    use DeliveryStatus::{
        Accepted, BouncedHard, BouncedSoft, Clicked, Complained, Deferred, Delivered, Failed, Opened, Suppressed, Unsubscribed,
    };
    let cases = [
        (json!({"event": "processed"}), Accepted),
        (json!({"event": "deferred"}), Deferred),
        (json!({"event": "delivered"}), Delivered),
        (json!({"event": "bounce", "type": "bounce"}), BouncedHard),
        (json!({"event": "bounce"}), BouncedHard),
        (json!({"event": "bounce", "type": "blocked"}), BouncedSoft),
        (json!({"event": "bounce", "type": "expired"}), BouncedSoft),
        (json!({"event": "dropped", "reason": "Bounced Address"}), Suppressed),
        (json!({"event": "dropped", "reason": "Recipient List over Package Quota"}), Failed),
        (json!({"event": "open"}), Opened),
        (json!({"event": "click"}), Clicked),
        (json!({"event": "spamreport"}), Complained),
        (json!({"event": "unsubscribe"}), Unsubscribed),
        (json!({"event": "group_unsubscribe"}), Unsubscribed),
    ];
    for (mut event, status) in cases {
        event["sg_message_id"] = json!("abc.filter0001");
        let reports = read(&json!([event])).unwrap();
        assert_eq!((reports[0].status, &reports[0].about), (status, &About::ProviderId("abc".into())), "{event}");
        assert_eq!(reports[0].raw_name, event["event"]);
    }
}

#[test]
fn a_body_holds_several_events_and_copies_look_alike() {
    let id = crate::domain::ids::MessageId::new(DateTime::UNIX_EPOCH);
    let bounce = json!({
        "event": "bounce", "type": "blocked", "status": "5.7.1", "reason": "go\naway", "timestamp": AT, "sg_event_id": "e1",
        "sg_message_id": "abc.filter0001", "relance_message": id,
    });
    let open = json!({"event": "open", "timestamp": AT, "sg_event_id": "e2", "sg_machine_open": true, "sg_message_id": "abc.filter0001"});
    let unknown = [json!({"event": "group_resubscribe", "sg_message_id": "abc"}), json!({"event": "open"}), json!(7)];
    let reports = read(&json!([bounce, unknown[0], open, unknown[1], unknown[2], bounce])).unwrap();
    assert_eq!(reports.len(), 3);
    assert_eq!((&reports[0].about, reports[0].at.unwrap().timestamp()), (&About::Message(id), AT));
    assert_eq!(reports[0].detail.as_deref(), Some("blocked; 5.7.1; go away"));
    assert_eq!(reports[1].detail.as_deref(), Some("proxy"));
    assert_eq!(reports[0], reports[2]);
    assert_ne!(reports[0].dedupe, reports[1].dedupe);
    for wrong in [&b"payload"[..], b"", b"7"] {
        assert!(reader().parse(&bench::inbound("https://api.example.com/in", &[], wrong)).is_err());
    }
}

#[test]
fn what_is_not_signed_is_not_believed() {
    let genuine = &vectors().unwrap().genuine[0];
    assert_eq!(bench::verify(&reader(), &genuine.0, genuine.1), Err(Unverified::NoReceipts));
    let with = |name: &str, value: &str| {
        let mut inbound = genuine.0.clone();
        inbound.headers.insert(name.to_owned(), value.to_owned());
        bench::verify(&*vectors().unwrap().adapter, &inbound, genuine.1)
    };
    assert_eq!(with(TIMESTAMP, "soon"), Err(Unverified::Malformed(TIMESTAMP)));
    assert_eq!(with(TIMESTAMP, "1799999000"), Err(Unverified::Stale));
    assert_eq!(with(SIGNATURE, "%"), Err(Unverified::Malformed(SIGNATURE)));
}

#[test]
fn agrees_with_the_published_vectors() {
    let Some(vectors) = bench::vectors("sendgrid.json") else { return };
    for case in vectors["cases"].as_array().unwrap() {
        let text = |key: &str| case[key].as_str().unwrap();
        let headers = [(SIGNATURE, text("signature")), (TIMESTAMP, text("timestamp"))];
        let inbound = bench::inbound("https://api.example.com/in", &headers, text("body").as_bytes());
        let at = text("timestamp").parse().map_or(DateTime::UNIX_EPOCH, |at| DateTime::from_timestamp(at, 0).unwrap());
        let verdict = bench::verify(&adapter("http://127.0.0.1:1", Some(text("public_key").to_owned())), &inbound, at);
        assert_eq!(verdict.is_ok(), case["valid"].as_bool().unwrap(), "{}", case["name"]);
    }
}

#[test]
fn reads_the_published_payloads() {
    crate::outbound::providers::mailing::tests::published("sendgrid", |payload| read(payload).unwrap());
}

#[tokio::test]
async fn a_key_is_asked_what_it_may_do() {
    let probe = async |status, body| {
        let server = bench::http(Script::Answer(status, "", body));
        let probe = adapter(&server.url, None).probe(DateTime::UNIX_EPOCH).await;
        assert!(server.requests()[0].url.ends_with("/v3/scopes") && server.requests()[0].method == "GET");
        probe
    };
    assert_eq!(probe(200, r#"{"scopes":["mail.send","stats.read"]}"#).await, Probe::Fine { detail: None });
    assert!(matches!(probe(200, r#"{"scopes":["stats.read"]}"#).await, Probe::Refused(_)));
    assert!(matches!(probe(401, "{}").await, Probe::Refused(_)));
    assert!(matches!(probe(500, "").await, Probe::Unreachable(_)));
}

#[test]
fn settings_are_checked_together() {
    let strict = Net::new(Default::default(), Default::default()).unwrap();
    let wrong = settings("http://10.0.0.1", Some("AAAA".into()));
    let faults = Sendgrid::open(&wrong, Some(&Credentials { api_key: Secret::new("k") }), &strict).unwrap_err();
    let pointers: Vec<_> = faults.0.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/settings/api_base", "/settings/verification_key"]);
    let eu = Settings { region: SendgridRegion::Eu, api_base: None, ..settings("", None) };
    let opened = Sendgrid::open(&eu, Some(&Credentials { api_key: Secret::new("k") }), &strict).unwrap();
    assert_eq!(opened.base, "https://api.eu.sendgrid.com");
}
