//! Amazon's End User Messaging: text messages by SendTextMessage, receipts through SNS.
//!
//! Amazon takes no idempotency key for a text and cannot be asked for one, so a lost answer stays unknown until an event comes; our id goes along as the message's
//! context and comes back in each. Whoever answers STOP is kept by Amazon's own opt-out list, and the next message to the number is refused; where two-way messages
//! come to the topic too, the STOP is known at once, in every language.
//!
//! In some countries Amazon calls delivered what the recipient's operator merely took. So the most that is proved here is that the receiving side took it.

use chrono::{DateTime, Utc};
use futures_util::future::{BoxFuture, FutureExt};
use serde_json::{Value, json};

use crate::{
    domain::{
        contact::Channel,
        delivery::{DeliveryStatus, EvidenceGrade, SuppressionReason},
        invalid::Faults,
        provider::ReceiptSignature,
    },
    outbound::{
        About, Capabilities, Content, Envelope, Idempotency, Inbound, Outcome, Probe, Provider, Report, Text, Unreadable, Unverified,
        aws::{AwsRegion, Refusal, Service, Verdict},
        excerpt,
        net::{Method, Net},
        providers::texting::Reply,
        settings::needed,
        sns::{self, Notification, Topic},
    },
};

pub use crate::outbound::aws::Credentials;

/// The name under which our id goes along.
const CONTEXT: &str = "relance_message";

/// What to do at Amazon so that receipts arrive.
pub const STEPS: &[&str] = &[
    "In IAM, create a user whose policy allows sms-voice:SendTextMessage and sms-voice:DescribeSpendLimits, and nothing else, and make an access key for it.",
    "In End User Messaging SMS, register the phone number, sender ID or pool that messages come from, and leave the sandbox by asking for production access.",
    "In SNS, create a standard topic, and let sms-voice.amazonaws.com publish to it in its access policy; give its ARN as topic_arn.",
    "In End User Messaging SMS, create a configuration set, add to it an event destination of type SNS with that topic and all SMS events, and give the set's name as configuration_set.",
    "Where the number can be answered, turn its two-way messages on with that topic as their destination, so that a STOP is known at once.",
    "In SNS, create a subscription to the topic with protocol HTTPS and endpoint {url}, and leave raw message delivery off; it is confirmed by itself.",
];

/// An account of Amazon's End User Messaging in one region.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The region that it sends from.
    pub region: AwsRegion,
    /// The sender: a phone number, a sender ID or a pool, by its name, id or ARN. Without one, Amazon chooses among the account's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = r"^[A-Za-z0-9_:/+-]{1,256}$", max_length = 256, example = "Dupont")]
    pub origination_identity: Option<String>,
    /// The configuration set that publishes to the topic.
    #[schema(pattern = "^[A-Za-z0-9_:/-]{1,256}$", max_length = 256, example = "dunning")]
    pub configuration_set: String,
    /// The SNS topic through which receipts come. No other is believed.
    #[schema(
        pattern = "^arn:aws(-us-gov)?:sns:[a-z0-9-]{3,}:[0-9]{12}:[A-Za-z0-9_-]{1,256}$",
        max_length = 320,
        example = "arn:aws:sns:eu-west-3:123456789012:relance-receipts"
    )]
    pub topic_arn: String,
    /// Where the interface is found, when it is not its usual place: an endpoint of your own network, say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri", min_length = 8, max_length = 200, example = "https://sms-voice.eu-west-3.amazonaws.com")]
    pub api_base: Option<String>,
}

/// An account of Amazon's End User Messaging.
#[derive(Debug)]
pub struct AwsSms {
    settings: Settings,
    service: Service,
    topic: Topic,
}

impl AwsSms {
    /// The adapter of one account.
    ///
    /// # Errors
    /// A topic that is none, a key that is none, an interface that is not called.
    pub fn open(settings: &Settings, credentials: Option<&Credentials>, net: &Net) -> Result<Self, Faults> {
        let credentials = needed(credentials)?;
        let mut faults = Faults::none();
        let names = ("sms-voice", "sms-voice");
        let service = Service::open(names, settings.region, settings.api_base.as_deref(), credentials, net, &mut faults);
        match Topic::new(&settings.topic_arn, net) {
            Ok(topic) => faults.or(Self { settings: settings.clone(), service, topic }),
            Err(more) => {
                faults.nest("", more);
                Err(faults)
            }
        }
    }

    async fn post(&self, envelope: &Envelope, text: &Text, now: DateTime<Utc>) -> Outcome {
        let mut body = json!({
            "DestinationPhoneNumber": text.to,
            "MessageBody": text.body,
            "MessageType": "TRANSACTIONAL",
            "ConfigurationSetName": self.settings.configuration_set,
            "Context": { CONTEXT: envelope.message_id },
        });
        if let (Some(sender), Value::Object(fields)) = (&self.settings.origination_identity, &mut body) {
            fields.insert("OriginationIdentity".to_owned(), json!(sender));
        }
        self.service.hand_over("/", &headers("PinpointSMSVoiceV2.SendTextMessage"), &body, now, judge).await
    }
}

const fn headers(target: &str) -> [(&str, &str); 2] {
    [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", target)]
}

/// What is wrong with a message: its number, its country, its text. All else (sender, permission, spending limit, sandbox) is the account's.
fn judge(refusal: &Refusal<'_>) -> Verdict {
    let reason = refusal.body.get("Reason").and_then(Value::as_str).unwrap_or_default();
    match (refusal.name, reason) {
        ("ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT") => (true, Some(SuppressionReason::Unsubscribed)),
        ("ConflictException", "DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE") => {
            (true, Some(SuppressionReason::ProviderList))
        }
        ("ConflictException", "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION") => (true, None),
        ("ValidationException", "INVALID_PARAMETER" | "FIELD_VALIDATION_FAILED") if names_field(refusal, "DestinationPhoneNumber") => {
            (true, Some(SuppressionReason::InvalidAddress))
        }
        ("ValidationException", "INVALID_PARAMETER" | "FIELD_VALIDATION_FAILED") => (names_field(refusal, "MessageBody"), None),
        (
            "ValidationException",
            "COUNTRY_CODE_MISMATCH"
            | "COUNTRY_NOT_ENABLED"
            | "DESTINATION_COUNTRY_BLOCKED"
            | "INTERNATIONAL_SENDING_NOT_SUPPORTED"
            | "INVALID_IDENTITY_FOR_DESTINATION_COUNTRY"
            | "MAXIMUM_SIZE_EXCEEDED"
            | "PRICE_OVER_THRESHOLD"
            | "SENDER_ID_NOT_SUPPORTED",
        ) => (true, None),
        _ => (false, None),
    }
}

fn names_field(refusal: &Refusal<'_>, name: &str) -> bool {
    let fields = refusal.body.get("Fields").and_then(Value::as_array);
    fields.into_iter().flatten().any(|field| field.get("Name").and_then(Value::as_str) == Some(name))
}

/// How much the account may still spend in a month.
fn limit(answer: &Value) -> Probe {
    let limits = answer.get("SpendLimits").and_then(Value::as_array);
    let of_text =
        limits.into_iter().flatten().find(|limit| limit.get("Name").and_then(Value::as_str) == Some("TEXT_MESSAGE_MONTHLY_SPEND_LIMIT"));
    let enforced = of_text.and_then(|limit| limit.get("EnforcedLimit")?.as_i64());
    Probe::Fine { detail: enforced.map(|dollars| format!("spends at most {dollars} USD a month on texts")) }
}

/// What it can carry and prove, whoever the account's owner is.
pub const CAPABILITIES: Capabilities = Capabilities {
    channels: &[Channel::Sms],
    idempotency: Idempotency::None,
    lookup: false,
    signature: ReceiptSignature::Certificate,
    grade: EvidenceGrade::ReceivingServer,
};

impl Provider for AwsSms {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn send<'a>(&'a self, envelope: &'a Envelope, now: DateTime<Utc>) -> BoxFuture<'a, Outcome> {
        async move {
            match &envelope.content {
                Content::Text(text) => self.post(envelope, text, now).await,
                _ => Outcome::wrong_channel(envelope.channel()),
            }
        }
        .boxed()
    }

    fn verify<'a>(&'a self, inbound: &'a Inbound, now: DateTime<Utc>) -> BoxFuture<'a, Result<(), Unverified>> {
        self.topic.verify(inbound, now).boxed()
    }

    fn parse(&self, inbound: &Inbound) -> Result<Vec<Report>, Unreadable> {
        match sns::notification(inbound)? {
            Some(notification) => reports(&notification),
            None => Ok(Vec::new()),
        }
    }

    fn answer(&self) -> u16 {
        200
    }

    fn probe(&self, now: DateTime<Utc>) -> BoxFuture<'_, Probe> {
        async move { self.service.ask(Method::POST, "/", &headers("PinpointSMSVoiceV2.DescribeSpendLimits"), "{}", now, limit).await }
            .boxed()
    }
}

/// One event.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    event_type: String,
    message_id: Option<String>,
    /// In milliseconds.
    event_timestamp: Option<i64>,
    message_status_description: Option<String>,
    /// Whatever was sent along.
    #[serde(default)]
    context: Value,
}

/// What a notification says: what became of a message, or what somebody answered.
fn reports(notification: &Notification) -> Result<Vec<Report>, Unreadable> {
    let value: Value = serde_json::from_str(&notification.text).map_err(|error| Unreadable(excerpt(&error.to_string())))?;
    let Some(id) = value.get("inboundMessageId").and_then(Value::as_str) else {
        return report(value).map(|report| report.into_iter().collect());
    };
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    // An answer carries no time of its own.
    Reply { from: text("originationNumber"), text: text("messageBody"), id, at: Some(notification.at) }.stop()
}

/// The report in one event; none when it is about no text message, or in a word that Amazon does not have yet.
fn report(value: Value) -> Result<Option<Report>, Unreadable> {
    let wrong = |error: &dyn std::fmt::Display| Unreadable(excerpt(&error.to_string()));
    let event: Event = serde_json::from_value(value).map_err(|error| wrong(&error))?;
    let Some(status) = status(&event.event_type) else { return Ok(None) };
    let id = event.message_id.filter(|id| !id.is_empty()).ok_or_else(|| wrong(&"messageId is missing"))?;
    let ours = event.context.get(CONTEXT).and_then(Value::as_str).and_then(|id| id.parse().ok());
    let stamp = event.event_timestamp.map(|stamp| stamp.to_string()).unwrap_or_default();
    Ok(Some(Report {
        about: ours.map_or_else(|| About::ProviderId(excerpt(&id)), About::Message),
        status,
        at: event.event_timestamp.and_then(DateTime::from_timestamp_millis),
        dedupe: excerpt(&format!("{id}:{}:{stamp}", event.event_type)),
        raw_name: excerpt(&event.event_type),
        detail: event.message_status_description.as_deref().map(excerpt),
    }))
}

/// The same words for texts and for RCS, which Amazon prefers where a sender has both.
fn status(word: &str) -> Option<DeliveryStatus> {
    let bare = word.strip_prefix("TEXT_").or_else(|| word.strip_prefix("RCS_"))?;
    Some(match bare {
        "QUEUED" => DeliveryStatus::Accepted,
        "PENDING" | "SENT" | "SUCCESSFUL" => DeliveryStatus::Sent,
        "DELIVERED" => DeliveryStatus::Delivered,
        "READ" => DeliveryStatus::Opened,
        "INVALID" => DeliveryStatus::Suppressed,
        // Its text, or a rule that the account set itself, is at fault and not its number: those never left either, but the number is not given up for it.
        "INVALID_MESSAGE" | "FAILED" | "BLOCKED" | "SPAM" | "PROTECT_BLOCKED" => DeliveryStatus::Failed,
        "UNREACHABLE" | "TTL_EXPIRED" | "CARRIER_UNREACHABLE" | "CARRIER_BLOCKED" | "UNKNOWN" => DeliveryStatus::Undelivered,
        _ => return None,
    })
}

#[cfg(test)]
pub(in crate::outbound) mod tests {
    use super::*;
    use crate::{
        domain::ids::MessageId,
        outbound::{
            aws::tests::key,
            bench::{self, Contract, Script},
            sns::tests::{TOPIC, posted, published_at, teach},
        },
    };

    fn settings(api_base: &str) -> Settings {
        Settings {
            region: AwsRegion::EuWest3,
            origination_identity: Some("Dupont".to_owned()),
            configuration_set: "dunning".to_owned(),
            topic_arn: TOPIC.to_owned(),
            api_base: Some(api_base.to_owned()),
        }
    }

    fn adapter(api_base: &str) -> AwsSms {
        AwsSms::open(&settings(api_base), Some(&key()), &bench::net()).unwrap()
    }

    /// What SNS signs for the account's topic, and an account of another topic.
    pub fn vectors() -> Option<bench::Vectors> {
        let ours = adapter("http://127.0.0.1:1");
        let elsewhere = Settings { topic_arn: TOPIC.replace("receipts", "others"), ..settings("http://127.0.0.1:1") };
        let other = AwsSms::open(&elsewhere, Some(&key()), &bench::net()).unwrap();
        teach(&ours.topic);
        teach(&other.topic);
        Some(sns::tests::vectors(Box::new(ours), Box::new(other)))
    }

    #[tokio::test]
    async fn every_answer_has_its_outcome() {
        let contract = Contract {
            open: &|base| Box::new(adapter(base)),
            envelope: bench::text("+33612345678"),
            accepted: (200, "", r#"{"MessageId":"own-1"}"#),
            provider_id: Some("own-1"),
            refused: (400, "", r#"{"__type":"ConflictException","Reason":"DESTINATION_PHONE_NUMBER_OPTED_OUT","Message":"no"}"#),
            forbidden: (400, "", r#"{"__type":"UnrecognizedClientException","message":"no such key"}"#),
            limited: (400, "Retry-After: 3\r\n", r#"{"__type":"com.amazonaws.pinpointsmsvoicev2#ThrottlingException"}"#),
            bodiless: false,
        };
        contract.hold().await;
        let mail = adapter(&bench::refused()).send(&bench::mail("ann@example.com"), DateTime::UNIX_EPOCH).await;
        assert!(matches!(mail, Outcome::Rejected { permanent: true, .. }));
    }

    #[test]
    fn a_refusal_blames_who_is_at_fault() {
        let (number, out) = (Some(SuppressionReason::InvalidAddress), Some(SuppressionReason::Unsubscribed));
        let field = |name: &str| json!({ "Reason": "INVALID_PARAMETER", "Fields": [{ "Name": name, "Message": "wrong" }] });
        let because = |reason: &str| json!({ "Reason": reason });
        let cases = [
            ("ConflictException", because("DESTINATION_PHONE_NUMBER_OPTED_OUT"), (true, out)),
            ("ConflictException", because("DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION"), (true, None)),
            (
                "ConflictException",
                because("DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE"),
                (true, Some(SuppressionReason::ProviderList)),
            ),
            ("ConflictException", because("DESTINATION_PHONE_NUMBER_NOT_VERIFIED"), (false, None)),
            ("ConflictException", because("NO_ORIGINATION_IDENTITIES_FOUND"), (false, None)),
            ("ValidationException", field("DestinationPhoneNumber"), (true, number)),
            ("ValidationException", field("MessageBody"), (true, None)),
            ("ValidationException", field("OriginationIdentity"), (false, None)),
            ("ValidationException", because("DESTINATION_COUNTRY_BLOCKED"), (true, None)),
            ("ValidationException", because("SENDER_ID_NOT_REGISTERED"), (false, None)),
            ("AccessDeniedException", because("ACCOUNT_DISABLED"), (false, None)),
            ("ServiceQuotaExceededException", because("MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT"), (false, None)),
            ("ResourceNotFoundException", json!({}), (false, None)),
            ("", json!(null), (false, None)),
        ];
        for (name, body, verdict) in cases {
            assert_eq!(judge(&Refusal { name, message: "", body: &body }), verdict, "{name} {body}");
        }
    }

    #[tokio::test]
    async fn the_request_says_what_to_whom_and_for_which_message() {
        let server = bench::http(Script::Answer(200, "", r#"{"MessageId":"m"}"#));
        let envelope = bench::text("+33612345678");
        adapter(&server.url).send(&envelope, published_at()).await;
        let request = server.requests().remove(0);
        assert_eq!(request.url, format!("{}/", server.url));
        assert_eq!(request.headers["content-type"], "application/x-amz-json-1.0");
        assert_eq!(request.headers["x-amz-target"], "PinpointSMSVoiceV2.SendTextMessage");
        let scope = "AWS4-HMAC-SHA256 Credential=AKIAOWNFIXTURE00/20261121/eu-west-3/sms-voice/aws4_request, \
                     SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=";
        assert!(request.headers["authorization"].starts_with(scope), "{}", request.headers["authorization"]);
        let expected = json!({
            "DestinationPhoneNumber": "+33612345678", "OriginationIdentity": "Dupont", "MessageBody": "Bonjour & merci",
            "MessageType": "TRANSACTIONAL", "ConfigurationSetName": "dunning", "Context": { CONTEXT: envelope.message_id },
        });
        assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), expected);
    }

    fn read(event: &Value) -> Result<Vec<Report>, Unreadable> {
        adapter("http://127.0.0.1:1").parse(&posted(&event.to_string()))
    }

    #[test]
    fn every_event_has_its_status() {
        use DeliveryStatus as Is;
        let cases = [
            ("TEXT_QUEUED", Is::Accepted),
            ("TEXT_PENDING", Is::Sent),
            ("TEXT_SENT", Is::Sent),
            ("TEXT_SUCCESSFUL", Is::Sent),
            ("TEXT_DELIVERED", Is::Delivered),
            ("TEXT_INVALID", Is::Suppressed),
            ("TEXT_INVALID_MESSAGE", Is::Failed),
            ("TEXT_UNREACHABLE", Is::Undelivered),
            ("TEXT_CARRIER_UNREACHABLE", Is::Undelivered),
            ("TEXT_BLOCKED", Is::Failed),
            ("TEXT_CARRIER_BLOCKED", Is::Undelivered),
            ("TEXT_SPAM", Is::Failed),
            ("TEXT_UNKNOWN", Is::Undelivered),
            ("TEXT_TTL_EXPIRED", Is::Undelivered),
            ("TEXT_PROTECT_BLOCKED", Is::Failed),
            ("RCS_READ", Is::Opened),
            ("RCS_FAILED", Is::Failed),
        ];
        for (word, status) in cases {
            let reports = read(&json!({ "eventType": word, "messageId": "own-1" })).unwrap();
            assert_eq!((reports.len(), reports[0].status, reports[0].raw_name.as_str()), (1, status, word));
            assert_eq!(reports[0].about, About::ProviderId("own-1".into()));
        }
        for other in ["RCS_FALLEN_BACK_TO_SMS", "VOICE_ANSWERED", "MEDIA_QUEUED", "TEXT_TELEPORTED", "REGISTRATION_STATUS"] {
            assert_eq!(read(&json!({ "eventType": other })), Ok(vec![]), "{other}");
        }
        let reply = |from: &str, text: &str| read(&json!({ "inboundMessageId": "i-1", "originationNumber": from, "messageBody": text }));
        assert_eq!((reply("+33612345678", "Hello"), reply("Dupont", "Hello")), (Ok(vec![]), Ok(vec![])));
        let stop = reply("+33612345678", "Arrêt.").unwrap().remove(0);
        assert_eq!((stop.about, stop.status), (About::Number("+33612345678".parse().unwrap()), Is::Unsubscribed));
        assert_eq!((stop.dedupe.as_str(), stop.at.is_some()), ("i-1:received", true));
        assert!(reply("Dupont", "STOP").is_err());
        for wrong in [json!({}), json!({ "eventType": "TEXT_SENT" }), json!([])] {
            assert!(read(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn our_id_comes_back_and_copies_are_known() {
        let id = MessageId::new(DateTime::UNIX_EPOCH);
        let event = json!({
            "eventType": "TEXT_DELIVERED", "eventTimestamp": 1_795_255_200_123_i64, "messageId": "own-1", "isFinal": true,
            "messageStatusDescription": "Taken by the phone", "context": { CONTEXT: id },
        });
        let report = read(&event).unwrap().remove(0);
        assert_eq!((&report.about, report.detail.as_deref()), (&About::Message(id), Some("Taken by the phone")));
        assert_eq!(report.at.unwrap().timestamp_millis(), 1_795_255_200_123);
        assert_eq!(report.dedupe, "own-1:TEXT_DELIVERED:1795255200123");
        assert_eq!(read(&event).unwrap(), [report]);
    }

    #[tokio::test]
    async fn the_account_tells_its_limit() {
        let probe = async |status: u16, body: &'static str| {
            let server = bench::http(Script::Answer(status, "", body));
            adapter(&server.url).probe(DateTime::UNIX_EPOCH).await
        };
        let told = r#"{"SpendLimits":[{"Name":"TEXT_MESSAGE_MONTHLY_SPEND_LIMIT","EnforcedLimit":50,"MaxLimit":100,"Overridden":true}]}"#;
        assert_eq!(probe(200, told).await, Probe::Fine { detail: Some("spends at most 50 USD a month on texts".to_owned()) });
        assert!(matches!(probe(400, r#"{"__type":"UnrecognizedClientException"}"#).await, Probe::Refused(_)));
        assert!(matches!(probe(400, r#"{"__type":"AccessDeniedException"}"#).await, Probe::Fine { .. }));
        assert!(matches!(probe(400, r#"{"__type":"AccessDeniedException","Reason":"ACCOUNT_DISABLED"}"#).await, Probe::Refused(_)));
    }
}
