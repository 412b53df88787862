//! Amazon SES: what is sent, what its answers mean, and every event that it publishes.

use std::sync::Arc;

use super::*;
use crate::outbound::{
    Attachment,
    aws::tests::key,
    bench::{self, Contract, Script},
    settings::Secret,
    sns::tests::{TOPIC, posted, published_at, teach},
};

fn settings(api_base: &str) -> Settings {
    Settings {
        region: AwsRegion::EuWest3,
        from_email: "factures@dupont.example".parse().unwrap(),
        from_name: Some("Dupont \"SARL\"".parse().unwrap()),
        configuration_set: Some("dunning".to_owned()),
        topic_arn: TOPIC.to_owned(),
        api_base: Some(api_base.to_owned()),
    }
}

fn adapter(api_base: &str) -> AmazonSes {
    AmazonSes::open(&settings(api_base), Some(&key()), &bench::net()).unwrap()
}

/// What SNS signs for the account's topic, and an account of another topic.
pub fn vectors() -> Option<bench::Vectors> {
    let ours = adapter("http://127.0.0.1:1");
    let elsewhere = Settings { topic_arn: TOPIC.replace("receipts", "others"), ..settings("http://127.0.0.1:1") };
    let other = AmazonSes::open(&elsewhere, Some(&key()), &bench::net()).unwrap();
    teach(&ours.topic);
    teach(&other.topic);
    Some(sns::tests::vectors(Box::new(ours), Box::new(other)))
}

async fn send(script: Script) -> Outcome {
    let server = bench::http(script);
    adapter(&server.url).send(&bench::mail("ann@example.com"), DateTime::UNIX_EPOCH).await
}

#[tokio::test]
async fn every_answer_has_its_outcome() {
    let contract = Contract {
        open: &|base| Box::new(adapter(base)),
        envelope: bench::mail("ann@example.com"),
        accepted: (200, "", r#"{"MessageId":"0107-own"}"#),
        provider_id: Some("0107-own"),
        refused: (400, "x-amzn-ErrorType: BadRequestException\r\n", r#"{"message":"Illegal address"}"#),
        forbidden: (403, "x-amzn-ErrorType: SignatureDoesNotMatchException\r\n", r#"{"message":"not our signature"}"#),
        limited: (429, "Retry-After: 3\r\nx-amzn-ErrorType: TooManyRequestsException\r\n", "{}"),
        bodiless: false,
    };
    contract.hold().await;
    let cases = [
        (400, r#"{"__type":"MessageRejected","message":"Transaction failed: bad content"}"#, true),
        (400, r#"{"__type":"MessageRejected","message":"Email address is not verified: a@example.com"}"#, false),
        (400, r#"{"__type":"AccountSuspendedException"}"#, false),
        (400, r#"{"__type":"SendingPausedException"}"#, false),
        (400, r#"{"__type":"MailFromDomainNotVerifiedException"}"#, false),
        (400, r#"{"__type":"LimitExceededException"}"#, false),
        (404, r#"{"__type":"NotFoundException","message":"no such configuration set"}"#, false),
        (413, "", true),
        (400, "<html>", false),
        (302, "", false),
    ];
    for (status, body, of_message) in cases {
        let outcome = send(Script::Answer(status, "", body)).await;
        assert!(matches!(outcome, Outcome::Rejected { permanent, suppress: None, .. } if permanent == of_message), "{body} {outcome:?}");
    }
    let throttled = send(Script::Answer(400, "", r#"{"__type":"ThrottlingException"}"#)).await;
    assert!(matches!(throttled, Outcome::NotSent { .. }), "{throttled:?}");
    assert!(matches!(send(Script::Answer(408, "", "")).await, Outcome::Unknown { .. }));
    let text = adapter(&bench::refused()).send(&bench::text("+33612345678"), DateTime::UNIX_EPOCH).await;
    assert!(matches!(text, Outcome::Rejected { permanent: true, .. }));
}

#[tokio::test]
async fn the_request_says_everything_once_and_is_signed() {
    let server = bench::http(Script::Answer(200, "", r#"{"MessageId":"m"}"#));
    let mut envelope = bench::mail("ann@example.com");
    let Content::Mail(mail) = &mut envelope.content else { unreachable!() };
    mail.attachments = vec![Attachment {
        name: "Facture n° 12.pdf".parse().unwrap(),
        media_type: "application/pdf".parse().unwrap(),
        bytes: Arc::from(*b"%PDF-1.7"),
    }];
    adapter(&server.url).send(&envelope, published_at()).await;
    let request = server.requests().remove(0);
    assert_eq!((request.method.as_str(), request.url.replace(&server.url, "").as_str()), ("POST", "/v2/email/outbound-emails"));
    let authorization = &request.headers["authorization"];
    let scope =
        "AWS4-HMAC-SHA256 Credential=AKIAOWNFIXTURE00/20261121/eu-west-3/ses/aws4_request, SignedHeaders=content-type;host;x-amz-date, ";
    assert!(authorization.starts_with(scope), "{authorization}");
    assert_eq!(request.headers["x-amz-date"], "20261121T100000Z");
    assert_eq!(format!("http://{}", request.headers["host"]), server.url, "the host that is signed is the host that is called");
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let expected = json!({
        "FromEmailAddress": "\"Dupont \\\"SARL\\\"\" <factures@dupont.example>",
        "Destination": { "ToAddresses": ["=?UTF-8?B?QW5uIMOJbWlsZQ==?= <ann@example.com>"] },
        "ReplyToAddresses": ["accounts@example.com"],
        "Content": { "Simple": {
            "Subject": { "Data": "Facture n° 12 échue", "Charset": "UTF-8" },
            "Body": {
                "Text": { "Data": "Réglez 12 €\n.\nMerci", "Charset": "UTF-8" },
                "Html": { "Data": "<p>Réglez <b>12 €</b></p>", "Charset": "UTF-8" },
            },
            "Headers": [
                { "Name": "List-Unsubscribe", "Value": "<https://pay.example.com/u/abcdef>" },
                { "Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click" },
            ],
            "Attachments": [{
                "RawContent": "JVBERi0xLjc=", "ContentDisposition": "ATTACHMENT", "FileName": "Facture n° 12.pdf",
                "ContentType": "application/pdf", "ContentTransferEncoding": "BASE64",
            }],
        } },
        "EmailTags": [{ "Name": TAG, "Value": envelope.message_id }],
        "ConfigurationSetName": "dunning",
    });
    assert_eq!(body, expected);
    let Content::Mail(mail) = &mut envelope.content else { unreachable!() };
    mail.list_unsubscribe = Some("http://pay.example.com/u".parse().unwrap());
    let outcome = adapter(&bench::refused()).send(&envelope, published_at()).await;
    assert!(matches!(outcome, Outcome::Rejected { permanent: true, .. }), "{outcome:?}");
}

#[test]
fn a_name_is_ascii_and_no_word_of_it_too_long() {
    let of = |name: &str| mailbox(Some(&name.parse().unwrap()), &"a@example.com".parse().unwrap());
    assert_eq!(of(""), "a@example.com");
    assert_eq!(of("Ann, \\ \"B\""), r#""Ann, \\ \"B\"" <a@example.com>"#);
    let long = of(&"é😀".repeat(40));
    assert!(long.is_ascii() && long.split(' ').all(|word| word.len() <= 75), "{long}");
    let words = long.split(' ').filter_map(|word| word.strip_prefix("=?UTF-8?B?")?.strip_suffix("?="));
    let read: String = words.map(|word| String::from_utf8(BASE64.decode(word.as_bytes()).unwrap()).unwrap()).collect();
    assert_eq!(read, "é😀".repeat(40));
}

fn read(event: &Value) -> Result<Vec<Report>, Unreadable> {
    adapter("http://127.0.0.1:1").parse(&posted(&event.to_string()))
}

fn event(word: &str, section: &str, of_section: Value) -> Value {
    json!({ "eventType": word, "mail": { "messageId": "0107-own", "timestamp": "2026-11-21T09:59:00.000Z" }, section: of_section })
}

#[test]
fn every_event_has_its_status() {
    use DeliveryStatus as Is;
    let bounce = |kind: &str, sub: &str| {
        let recipients =
            json!([{ "emailAddress": "ann@example.com", "action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550" }]);
        event("Bounce", "bounce", json!({ "bounceType": kind, "bounceSubType": sub, "bouncedRecipients": recipients }))
    };
    let cases = [
        (event("Send", "send", json!({})), Is::Sent, None),
        (event("Reject", "reject", json!({ "reason": "Bad content" })), Is::Failed, Some("Bad content")),
        (event("Delivery", "delivery", json!({ "smtpResponse": "250 ok" })), Is::Delivered, Some("250 ok")),
        (event("DeliveryDelay", "deliveryDelay", json!({ "delayType": "MailboxFull" })), Is::Deferred, Some("MailboxFull")),
        (event("Rendering Failure", "failure", json!({ "errorMessage": "no value" })), Is::Failed, Some("no value")),
        (event("Open", "open", json!({ "userAgent": "Thunderbird" })), Is::Opened, None),
        (event("Click", "click", json!({ "link": "https://example.com" })), Is::Clicked, None),
        (bounce("Permanent", "General"), Is::BouncedHard, Some("Permanent: General: 5.1.1: smtp; 550")),
        (bounce("Permanent", "NoEmail"), Is::BouncedHard, Some("Permanent: NoEmail: 5.1.1: smtp; 550")),
        (bounce("Permanent", "Suppressed"), Is::Suppressed, Some("Permanent: Suppressed: 5.1.1: smtp; 550")),
        (bounce("Permanent", "OnAccountSuppressionList"), Is::Suppressed, Some("Permanent: OnAccountSuppressionList: 5.1.1: smtp; 550")),
        (bounce("Transient", "MailboxFull"), Is::BouncedSoft, Some("Transient: MailboxFull: 5.1.1: smtp; 550")),
        (bounce("Undetermined", "Undetermined"), Is::BouncedSoft, Some("Undetermined: Undetermined: 5.1.1: smtp; 550")),
        (event("Complaint", "complaint", json!({ "complaintFeedbackType": "abuse" })), Is::Complained, Some("abuse")),
        (
            event("Complaint", "complaint", json!({ "complaintSubType": "OnAccountSuppressionList" })),
            Is::Suppressed,
            Some("OnAccountSuppressionList"),
        ),
        (event("Subscription", "subscription", json!({ "newTopicPreferences": { "unsubscribeAll": true } })), Is::Unsubscribed, None),
    ];
    for (event, status, detail) in cases {
        let reports = read(&event).unwrap();
        assert_eq!((reports.len(), reports[0].status, reports[0].detail.as_deref()), (1, status, detail), "{event}");
        assert_eq!(reports[0].about, About::ProviderId("0107-own".into()));
    }
}

#[test]
fn what_says_nothing_about_delivery_is_passed_over() {
    let away =
        json!({ "bounceType": "Transient", "bounceSubType": "General", "bouncedRecipients": [{ "emailAddress": "ann@example.com" }] });
    let stays =
        json!({ "newTopicPreferences": { "unsubscribeAll": false, "topicSubscriptionStatus": [{ "subscriptionStatus": "OptIn" }] } });
    for event in [
        event("Bounce", "bounce", away),
        event("Complaint", "complaint", json!({ "complaintFeedbackType": "not-spam" })),
        event("Subscription", "subscription", stays),
        event("Teleportation", "teleportation", json!({})),
    ] {
        assert_eq!(read(&event), Ok(vec![]), "{event}");
    }
    let adapter = adapter("http://127.0.0.1:1");
    assert_eq!(adapter.parse(&posted("Successfully validated SNS topic for Amazon SES event publishing.")), Ok(vec![]));
    for wrong in ["hello", "{}", r#"{"eventType":"Send"}"#, r#"{"eventType":"Send","mail":{}}"#] {
        assert!(adapter.parse(&posted(wrong)).is_err(), "{wrong}");
    }
}

#[test]
fn our_id_comes_back_and_copies_are_known() {
    let id = MessageId::new(DateTime::UNIX_EPOCH);
    let mut bounced =
        event("Bounce", "bounce", json!({ "bounceType": "Permanent", "feedbackId": "f-1", "timestamp": "2026-11-21T09:59:30.5Z" }));
    bounced["mail"]["tags"] = json!({ TAG: [id] });
    let report = read(&bounced).unwrap().remove(0);
    assert_eq!((&report.about, report.raw_name.as_str()), (&About::Message(id), "Bounce"));
    assert_eq!(report.at.unwrap().timestamp_millis(), 1_795_255_170_500);
    assert_eq!(report.dedupe, "0107-own:Bounce:f-1");
    assert_eq!(read(&bounced).unwrap()[0].dedupe, report.dedupe);
    let opened = |at: &str| read(&event("Open", "open", json!({ "timestamp": at, "userAgent": "Mozilla/5.0" }))).unwrap().remove(0);
    let (first, second) = (opened("2026-11-21T10:00:01Z"), opened("2026-11-21T10:00:02Z"));
    assert_ne!(first.dedupe, second.dedupe);
    assert_eq!(first.detail.as_deref(), Some("opened by a proxy, not by a person"));
    let undated = read(&event("Send", "send", json!({}))).unwrap().remove(0);
    assert_eq!((undated.at, undated.dedupe.as_str()), (Some(published_at()), "0107-own:Send:"));
}

#[tokio::test]
async fn the_account_tells_its_state() {
    let probe = async |status: u16, body: &'static str| {
        let server = bench::http(Script::Answer(status, "", body));
        adapter(&server.url).probe(DateTime::UNIX_EPOCH).await
    };
    let fine = r#"{"SendingEnabled":true,"ProductionAccessEnabled":false,"EnforcementStatus":"HEALTHY","SendQuota":{"Max24HourSend":200.0,"SentLast24Hours":1.0}}"#;
    let told = "1.0 of 200.0 sent in 24 hours; reputation HEALTHY; in the sandbox: only verified addresses are written to";
    assert_eq!(probe(200, fine).await, Probe::Fine { detail: Some(told.to_owned()) });
    assert!(matches!(probe(200, r#"{"SendingEnabled":false}"#).await, Probe::Refused(_)));
    assert!(matches!(probe(403, r#"{"__type":"InvalidSignatureException"}"#).await, Probe::Refused(_)));
    assert!(matches!(probe(403, r#"{"__type":"AccessDeniedException"}"#).await, Probe::Fine { .. }));
    assert!(matches!(probe(429, "{}").await, Probe::Unreachable(_)));
    assert!(matches!(probe(500, "").await, Probe::Unreachable(_)));
    assert!(matches!(adapter(&bench::refused()).probe(DateTime::UNIX_EPOCH).await, Probe::Unreachable(_)));
}

#[test]
fn settings_are_checked_together() {
    let strict = Net::new(Default::default(), Default::default()).unwrap();
    let wrong = Settings { topic_arn: "a topic".to_owned(), ..settings("http://10.0.0.1") };
    let no_key = Credentials { access_key_id: String::new(), secret_access_key: Secret::new("s") };
    let faults = AmazonSes::open(&wrong, Some(&no_key), &strict).unwrap_err();
    let pointers: Vec<_> = faults.0.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/settings/api_base", "/credentials/access_key_id", "/settings/topic_arn"]);
}

#[test]
fn agrees_with_the_published_payloads() {
    let Some(payloads) = bench::vectors("payloads_email.json") else { return };
    for case in payloads["providers"]["amazon_ses"].as_array().unwrap() {
        let reports = read(&case["payload"]).unwrap();
        let expected = match case["anymail_event_type"].as_str().unwrap() {
            "sent" => DeliveryStatus::Sent,
            "bounced" => DeliveryStatus::BouncedHard,
            "delivered" => DeliveryStatus::Delivered,
            "opened" => DeliveryStatus::Opened,
            "clicked" => DeliveryStatus::Clicked,
            other => panic!("{other}"),
        };
        assert_eq!(reports[0].status, expected, "{}", case["test"]);
    }
}
