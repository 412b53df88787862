//! SNS, with a certificate and messages of our own making, and with Amazon's own where the vectors are at hand.

use std::sync::LazyLock;

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use serde_json::{Value, json};

use super::*;
use crate::outbound::{
    Provider,
    bench::{self, Script},
};

/// The topic of these tests.
pub const TOPIC: &str = "arn:aws:sns:eu-west-3:123456789012:relance-receipts";
const FILE: &str = "SimpleNotificationService-0123456789abcdef.pem";

/// A certificate of a key that signed one message and was thrown away: our own cryptography makes no SHA-1 signatures, and SNS still does.
const FORMER_CERTIFICATE: &str = "MIIDNjCCAh6gAwIBAgIUCr+ZE/Bm6bR7p/coZrDk579DJoowDQYJKoZIhvcNAQELBQAwHDEaMBgGA1UEAwwRc25zLmFtYXpvbmF3cy5jb20wIBcNMjYxMTIyMDkxMDUw\
     WhgPMjA5ODAxMjgwOTEwNTBaMBwxGjAYBgNVBAMMEXNucy5hbWF6b25hd3MuY29tMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0qbU8VczxHo7pQLLBJC9\
     k8OuL/c3QviUwHkP4JH1UereFu75RBAOnAabDrI43bVWc+FU1r4TS3HZioFHUxt0m3KeT7sk+cMyCarZgK/kXeypF0RJ80uN7CIJmjWN5cnN+s5dYaBnRVxrQRQ6T/Y3\
     UDbJuIUXL3xK3hxacS194Szhttd2FNZNYqTsa/G0/MYeg9DxrYYbi94WQ8fisdO77Qi+6BYrZFIhGDD8/86Y/0NzhREMXimTFhyDTBrDSX4BZ/h7S9Ag0EQ5bT+wfgDJ\
     Xv0SBQke7Dgn1NSPws9qJNChP+bRidkL8ET1Nt92sMSOQJ1ragtbdDmyuXB944I/IwIDAQABo24wbDAdBgNVHQ4EFgQUOjoyf/SBmxWQogvZEfNDCkIE5mgwHwYDVR0j\
     BBgwFoAUOjoyf/SBmxWQogvZEfNDCkIE5mgwHAYDVR0RBBUwE4IRc25zLmFtYXpvbmF3cy5jb20wDAYDVR0TAQH/BAIwADANBgkqhkiG9w0BAQsFAAOCAQEAdRh5WYOD\
     plRHdAV7c3+9mu/s7A6obUkjBsRdV8JXRvut5jq+auum7yrVvrRvo77Pw3dy5dpwgii7j1N5AZ1XkBOk6fmcyAP9+0XXItD3VyF4hQgoxU2+v6Qeio4FlMXckTP3RYBh\
     JtuDzuTjcLgm8NLjNCo6d85/WF3DaGHb0AsPKT++SFB6NfNUPJB9woJA23t1/KwOZ7PV9a6ofMXF0so+p+CvO4TAlKIFCkRg9AoCcoWKQZL29rwW4kv64Kyr3AU8FrRp\
     aFzOeeXMmw7NPjmTFfFnJOfKZ1t8WK7YBxb1f9ZLjWFWmm9sSQw6mkQXrIHeaSb4bfgnKtO0SVQlMQ==";
const FORMER_FILE: &str = "SimpleNotificationService-fedcba9876543210.pem";
/// What it signed, at ten o'clock on 1 December 2026.
const FORMER_SIGNATURE: &str = "poGScDWrzDVLuSKBHJLCtTNpvQuCh4cLA9fyB+u/Bd4srVaWW61Ph8wl8uKnD1IGtpYLguEh+urd0OBJg5A9LVtaMHJfLUqokTO4FqAervpMQZg7o37plhzLCKOtSsjT\
     NjNdS4ciGf8hA6nIt6z75tc1tLeB3/t8cUEQ1xt7JrmDv1KWb9gInHfWmNfil1AxhFpsSHVDpciBQh6qG6PzXBykcRxjnVqpeDzOJugHY9NgHX/maMbCa/3QRECRe9kT\
     azMc6PjkgOi2MspXfYEcXj452bCSecxZq+Ohr08jP4lKvD1cBG2ng05GfF+mWI1oDvVyWGGMw+hMomjRLROimQ==";

static KEY: LazyLock<RsaKeyPair> = LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());

/// When the messages of these tests are published.
pub fn published_at() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-11-21T10:00:00.000Z").unwrap().to_utc()
}

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = match content.len() {
        short @ 0..=127 => vec![u8::try_from(short).unwrap()],
        long => [&[0x82][..], &u16::try_from(long).unwrap().to_be_bytes()].concat(),
    };
    [&[tag][..], &length, &content].concat()
}

/// A certificate of our key for the host `name`, valid between two times (`YYMMDDhhmmssZ`). Its own signature is empty words: nobody follows it.
fn certificate(name: &str, from: &str, to: &str) -> String {
    let sha256_with_rsa: &[u8] = &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00];
    let common_name = |text: &str| {
        let pair = der(0x30, &[&[0x06, 0x03, 0x55, 0x04, 0x03], &der(0x0c, &[text.as_bytes()])]);
        der(0x30, &[&der(0x31, &[&pair])])
    };
    let alternative = der(0x04, &[&der(0x30, &[&der(0x82, &[name.as_bytes()])])]);
    let extension = der(0x30, &[&[0x06, 0x03, 0x55, 0x1d, 0x11], &alternative]);
    let key: PublicKeyX509Der<'_> = KEY.public_key().as_der().unwrap();
    let body = der(
        0x30,
        &[
            &der(0xa0, &[&[0x02, 0x01, 0x02]]),
            &[0x02, 0x01, 0x01],
            sha256_with_rsa,
            &common_name("Own Issuer"),
            &der(0x30, &[&der(0x17, &[from.as_bytes()]), &der(0x17, &[to.as_bytes()])]),
            &common_name(name),
            key.as_ref(),
            &der(0xa3, &[&der(0x30, &[&extension])]),
        ],
    );
    let whole = der(0x30, &[&body, sha256_with_rsa, &der(0x03, &[&[0], &[0; 256]])]);
    pem(&BASE64.encode(&whole))
}

fn good() -> String {
    certificate("sns.amazonaws.com", "260101000000Z", "271231235959Z")
}

fn pem(der: &str) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n")
}

/// Spares `topic` the fetching of certificates.
pub fn teach(topic: &Topic) {
    know(topic, FILE, &good());
    know(topic, FORMER_FILE, &pem(FORMER_CERTIFICATE));
}

fn know(topic: &Topic, name: &str, pem: &str) {
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    topic.certificates.lock().unwrap().insert(name.to_owned(), certificate);
}

fn envelope(topic: &str, kind: &str, text: &str) -> Value {
    let mut body = json!({
        "Type": kind, "MessageId": "5f0e3a52-0000-5000-8000-000000000001", "TopicArn": topic, "Message": text,
        "Timestamp": "2026-11-21T10:00:00.000Z", "SignatureVersion": "2", "Signature": "",
        "SigningCertURL": format!("https://sns.eu-west-3.amazonaws.com/{FILE}"),
    });
    if kind != "Notification" {
        body["Token"] = json!("tok/1+2");
        body["SubscribeURL"] = json!("https://evil.example/?Action=ConfirmSubscription");
    }
    body
}

fn as_posted(mut body: Value) -> Inbound {
    let text = signed_text(&serde_json::from_value(body.clone()).unwrap()).unwrap_or_default();
    let mut signature = vec![0; KEY.public_modulus_len()];
    KEY.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
    body["Signature"] = json!(BASE64.encode(&signature));
    bench::inbound("https://api.example.com/in", &[("content-type", "text/plain")], body.to_string().as_bytes())
}

/// A message published to [`TOPIC`], as SNS would post it.
pub fn posted(text: &str) -> Inbound {
    as_posted(envelope(TOPIC, "Notification", text))
}

/// The message that was signed with SHA-1, and its time.
fn former() -> (Inbound, DateTime<Utc>) {
    let mut body = envelope(TOPIC, "Notification", "{}");
    body["SignatureVersion"] = json!("1");
    body["Timestamp"] = json!("2026-12-01T10:00:00.000Z");
    body["Signature"] = json!(FORMER_SIGNATURE);
    body["SigningCertURL"] = json!(format!("https://sns.eu-west-3.amazonaws.com/{FORMER_FILE}"));
    let inbound = bench::inbound("https://api.example.com/in", &[], body.to_string().as_bytes());
    (inbound, published_at() + TimeDelta::days(10))
}

/// What an adapter must withstand whose receipts come through SNS.
pub fn vectors(adapter: Box<dyn Provider>, other: Box<dyn Provider>) -> bench::Vectors {
    let delay = TimeDelta::minutes(10);
    let (former, signed) = former();
    let genuine = vec![(posted("{}"), published_at() + delay), (former, signed + delay)];
    bench::Vectors { adapter, other, header: "/Signature", genuine, covers_body: true, covers_time: true }
}

fn topic(origin: &str) -> Topic {
    let mut topic = Topic::new(TOPIC, &bench::net()).unwrap();
    topic.origin = origin.to_owned();
    topic
}

fn serving(pem: String) -> bench::Server {
    bench::http(Script::Answer(200, "", Box::leak(pem.into_boxed_str())))
}

fn paths(server: &bench::Server) -> Vec<String> {
    server.requests().iter().map(|request| request.url.replace(&server.url, "")).collect()
}

#[tokio::test]
async fn a_message_of_the_topic_is_believed_and_its_certificate_fetched_once() {
    let server = serving(good());
    let topic = topic(&server.url);
    for subject in [None, Some("A subject")] {
        let mut body = envelope(TOPIC, "Notification", "line\nTopicArn\nanother");
        if let Some(subject) = subject {
            body["Subject"] = json!(subject);
        }
        assert_eq!(topic.verify(&as_posted(body), published_at()).await, Ok(()), "{subject:?}");
    }
    assert_eq!(paths(&server), [format!("/{FILE}")]);
    let found = notification(&posted("text")).unwrap().unwrap();
    assert_eq!(found, Notification { text: "text".to_owned(), at: published_at() });
}

#[tokio::test]
async fn a_foreign_topic_is_refused_before_anything_is_fetched() {
    let server = serving(good());
    let topic = topic(&server.url);
    let foreign = as_posted(envelope("arn:aws:sns:eu-west-3:999999999999:relance-receipts", "Notification", "{}"));
    assert_eq!(topic.verify(&foreign, published_at()).await, Err(Unverified::Mismatch));
    let mut elsewhere = envelope(TOPIC, "Notification", "{}");
    elsewhere["SigningCertURL"] = json!("https://internetbadguys.com/cert.pem");
    assert_eq!(topic.verify(&as_posted(elsewhere), published_at()).await, Err(Unverified::Mismatch));
    let raw = bench::inbound("https://api.example.com/in", &[], br#"{"eventType":"Delivery"}"#);
    assert_eq!(topic.verify(&raw, published_at()).await, Err(Unverified::Malformed(BODY)), "raw delivery is unsigned");
    for (field, wrong) in [("Type", "Invitation"), ("SignatureVersion", "3"), ("Timestamp", "today")] {
        let mut body = envelope(TOPIC, "Notification", "{}");
        body[field] = json!(wrong);
        assert_eq!(topic.verify(&as_posted(body), published_at()).await, Err(Unverified::Malformed(BODY)), "{field}");
    }
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn a_message_is_believed_for_as_long_as_sns_repeats_it() {
    let topic = topic("http://127.0.0.1:1");
    teach(&topic);
    for (minutes, verdict) in [(64, Ok(())), (66, Err(Unverified::Stale)), (-4, Ok(())), (-6, Err(Unverified::Stale))] {
        let now = published_at() + TimeDelta::minutes(minutes);
        assert_eq!(topic.verify(&posted("{}"), now).await, verdict, "{minutes}");
    }
}

#[tokio::test]
async fn a_certificate_is_judged_whenever_it_is_used() {
    let of_region = certificate("sns.eu-west-3.amazonaws.com", "260101000000Z", "271231235959Z");
    let topic_that_knows = |pem: &str| {
        let topic = topic("http://127.0.0.1:1");
        know(&topic, FILE, pem);
        topic
    };
    assert_eq!(topic_that_knows(&of_region).verify(&posted("{}"), published_at()).await, Ok(()));
    for (wrong, pem) in [
        ("another host", certificate("www.amazonaws.com", "260101000000Z", "271231235959Z")),
        ("another region", certificate("sns.eu-west-1.amazonaws.com", "260101000000Z", "271231235959Z")),
        ("expired", certificate("sns.amazonaws.com", "250101000000Z", "261121095959Z")),
        ("not yet valid", certificate("sns.amazonaws.com", "261121100001Z", "271231235959Z")),
    ] {
        assert_eq!(topic_that_knows(&pem).verify(&posted("{}"), published_at()).await, Err(Unverified::Mismatch), "{wrong}");
    }
}

#[tokio::test]
async fn what_cannot_be_fetched_is_asked_for_again() {
    for script in [Script::Answer(404, "", "no"), Script::Answer(200, "", "<html>"), Script::Drop, Script::Flood] {
        let server = bench::http(script.clone());
        let verdict = topic(&server.url).verify(&posted("{}"), published_at()).await;
        assert_eq!(verdict, Err(Unverified::Unavailable(CERTIFICATE)), "{script:?}");
    }
    let server = serving(good());
    let topic = topic(&server.url);
    for turn in 0..6 {
        let mut body = envelope(TOPIC, "Notification", "{}");
        body["SigningCertURL"] = json!(format!("https://sns.eu-west-3.amazonaws.com/certificate-{turn}.pem"));
        assert_eq!(topic.verify(&as_posted(body), published_at()).await, Ok(()));
        assert!(topic.certificates.lock().unwrap().len() <= MAX_CERTIFICATES);
    }
}

#[tokio::test]
async fn a_subscription_is_confirmed_by_a_call_of_our_own_making() {
    let server = bench::http(Script::Answer(200, "", "<ConfirmSubscriptionResponse/>"));
    let ours = topic(&server.url);
    teach(&ours);
    let asked = as_posted(envelope(TOPIC, "SubscriptionConfirmation", "You have chosen …"));
    assert_eq!(ours.verify(&asked, published_at()).await, Ok(()));
    let query = "Action=ConfirmSubscription&TopicArn=arn%3Aaws%3Asns%3Aeu-west-3%3A123456789012%3Arelance-receipts&Token=tok%2F1%2B2";
    assert_eq!(paths(&server), [format!("/?{query}")]);
    assert_eq!(notification(&asked), Ok(None));
    let ended = as_posted(envelope(TOPIC, "UnsubscribeConfirmation", "You have chosen …"));
    assert_eq!((ours.verify(&ended, published_at()).await, notification(&ended)), (Ok(()), Ok(None)));
    assert_eq!(server.requests().len(), 1, "nobody subscribes again by itself");
    let mut forged = envelope(TOPIC, "SubscriptionConfirmation", "You have chosen …");
    forged["Signature"] = json!("AAAA");
    let forged = bench::inbound("https://api.example.com/in", &[], forged.to_string().as_bytes());
    assert_eq!(ours.verify(&forged, published_at()).await, Err(Unverified::Mismatch));
    assert_eq!(server.requests().len(), 1);
    let refusing = bench::http(Script::Answer(403, "", "<ErrorResponse/>"));
    let refused = topic(&refusing.url);
    teach(&refused);
    assert!(matches!(refused.verify(&asked, published_at()).await, Err(Unverified::Unavailable(_))));
}

#[test]
fn only_names_of_topics_and_certificates_pass() {
    for wrong in [
        "",
        "relance-receipts",
        "arn:aws:sqs:eu-west-3:123456789012:queue",
        "arn:aws:sns:eu-west-3:12345:topic",
        "arn:aws:sns:evil.example/#:123456789012:topic",
        "arn:aws-cn:sns:cn-north-1:123456789012:topic",
        "arn:aws:sns:eu-west-3:123456789012:topic:subscription",
    ] {
        assert!(Topic::new(wrong, &bench::net()).is_err(), "{wrong}");
    }
    assert_eq!(Topic::new(TOPIC, &bench::net()).unwrap().origin, "https://sns.eu-west-3.amazonaws.com");
    assert_eq!(certificate_name("https://sns.cn-north-1.amazonaws.com.cn/a-1.pem").as_deref(), Some("a-1.pem"));
    for wrong in [
        "http://sns.eu-west-3.amazonaws.com/a.pem",
        "https://sns.eu-west-3.amazonaws.com/a.key",
        "https://sns.eu-west-3.amazonaws.com/.pem",
        "https://sns.eu-west-3.amazonaws.com/a/b.pem",
        "https://sns.eu-west-3.amazonaws.com/a.pem?Action=x",
        "https://sns.eu-west-3.amazonaws.com:8443/a.pem",
        "https://user@sns.eu-west-3.amazonaws.com/a.pem",
        "https://sns.eu-west-3.amazonaws.com.evil.example/a.pem",
        "https://sns.evil.example/a.pem",
        "https://sns.eu.amazonaws.com/a.pem",
        "https://sns.a.b.amazonaws.com/a.pem",
        "https://evil.example/sns.eu-west-3.amazonaws.com/a.pem",
    ] {
        assert_eq!(certificate_name(wrong), None, "{wrong}");
    }
}

#[tokio::test]
async fn agrees_with_the_published_vectors() {
    let Some(vectors) = bench::vectors("aws_sns.json") else { return };
    for case in vectors["cases"].as_array().unwrap() {
        let message = &case["message"];
        let topic = Topic::new(message["TopicArn"].as_str().unwrap(), &bench::net()).unwrap();
        let name = certificate_name(message["SigningCertURL"].as_str().unwrap()).unwrap();
        know(&topic, &name, vectors["certificate_pem"].as_str().unwrap());
        let now = DateTime::parse_from_rfc3339(message["Timestamp"].as_str().unwrap()).unwrap().to_utc();
        let inbound = bench::inbound("https://api.example.com/in", &[], message.to_string().as_bytes());
        let verdict = topic.verify(&inbound, now).await;
        assert_eq!(verdict, if case["valid"] == true { Ok(()) } else { Err(Unverified::Mismatch) }, "{}", case["name"]);
    }
    for wrong in vectors["signing_cert_url_must_be_rejected"].as_array().unwrap() {
        assert_eq!(certificate_name(wrong.as_str().unwrap()), None, "{wrong}");
    }
}
