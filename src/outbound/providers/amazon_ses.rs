//! Amazon SES: e-mail by version 2 of its interface, receipts through SNS.
//!
//! SES takes no idempotency key, and knows a message by its own id only, which is missing whenever an answer was lost: so nothing is looked up, and the message waits
//! for a receipt, which carries our id as a tag. Opens and clicks are tracked by a configuration set alone; a call cannot forbid it, so [`STEPS`] says to leave them out.

use chrono::{DateTime, Utc};
use data_encoding::BASE64;
use futures_util::future::{BoxFuture, FutureExt};
use serde_json::{Value, json};
use url::Url;

use crate::{
    domain::{
        contact::{Channel, Email},
        delivery::{DeliveryStatus, EvidenceGrade},
        ids::MessageId,
        invalid::Faults,
        provider::ReceiptSignature,
    },
    outbound::{
        About, Capabilities, Content, Envelope, Idempotency, Inbound, Line, Mail, Outcome, Probe, Provider, Report, Unreadable, Unverified,
        aws::{AwsRegion, Refusal, Service, Verdict},
        excerpt,
        net::{Method, Net},
        settings::needed,
        sns::{self, Notification, Topic},
    },
};

pub use crate::outbound::aws::Credentials;

/// The tag that carries our id.
const TAG: &str = "relance_message";

/// What to do at Amazon so that receipts arrive.
pub const STEPS: &[&str] = &[
    "In IAM, create a user whose policy allows ses:SendEmail and ses:GetAccount, and nothing else, and make an access key for it.",
    "In SES, verify the domain of the sending address, and ask for production access if the account is still in the sandbox.",
    "In SNS, in the same region, create a standard topic and give its ARN as topic_arn.",
    "In SES, create a configuration set, add to it an event destination of type SNS with that topic, and give the set's name as configuration_set.",
    "Select sends, rejects, bounces, complaints, deliveries, delivery delays, rendering failures and subscriptions; leave out opens and clicks, so that nobody is tracked and no link rewritten.",
    "In SNS, create a subscription to the topic with protocol HTTPS and endpoint {url}, and leave raw message delivery off; it is confirmed by itself.",
];

/// An Amazon SES account in one region.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The region that it sends from.
    pub region: AwsRegion,
    /// The address that messages come from; verified with SES, or of a verified domain.
    pub from_email: Email,
    /// The name beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 200, example = "Dupont SARL")]
    pub from_name: Option<Line>,
    /// The configuration set that publishes to the topic, unless the sender's identity has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$", max_length = 64, example = "dunning")]
    pub configuration_set: Option<String>,
    /// The SNS topic through which receipts come. No other is believed.
    #[schema(
        pattern = "^arn:aws(-us-gov)?:sns:[a-z0-9-]{3,}:[0-9]{12}:[A-Za-z0-9_-]{1,256}$",
        max_length = 320,
        example = "arn:aws:sns:eu-west-3:123456789012:relance-receipts"
    )]
    pub topic_arn: String,
    /// Where the interface of SES is found, when it is not its usual place: an endpoint of your own network, say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri", min_length = 8, max_length = 200, example = "https://email.eu-west-3.amazonaws.com")]
    pub api_base: Option<String>,
}

/// An Amazon SES account.
#[derive(Debug)]
pub struct AmazonSes {
    settings: Settings,
    service: Service,
    topic: Topic,
}

impl AmazonSes {
    /// The adapter of one account.
    ///
    /// # Errors
    /// A topic that is none, a key that is none, an interface that is not called.
    pub fn open(settings: &Settings, credentials: Option<&Credentials>, net: &Net) -> Result<Self, Faults> {
        let credentials = needed(credentials)?;
        let mut faults = Faults::none();
        let service = Service::open(("ses", "email"), settings.region, settings.api_base.as_deref(), credentials, net, &mut faults);
        match Topic::new(&settings.topic_arn, net) {
            Ok(topic) => faults.or(Self { settings: settings.clone(), service, topic }),
            Err(more) => {
                faults.nest("", more);
                Err(faults)
            }
        }
    }

    async fn post(&self, envelope: &Envelope, mail: &Mail, now: DateTime<Utc>) -> Outcome {
        match self.body(envelope.message_id, mail) {
            Ok(body) => {
                let headers = [("content-type", "application/json")];
                self.service.hand_over("/v2/email/outbound-emails", &headers, &body, now, judge).await
            }
            Err(reason) => Outcome::Rejected { code: "message".to_owned(), reason, permanent: true, suppress: None },
        }
    }

    fn body(&self, id: MessageId, mail: &Mail) -> Result<Value, String> {
        let text = |data: &str| json!({ "Data": data, "Charset": "UTF-8" });
        let mut headers = Vec::new();
        if let Some(link) = &mail.list_unsubscribe {
            // Written by the URL parser: printable ASCII without spaces or angle brackets.
            let link =
                Url::parse(link.as_str()).ok().filter(|url| url.scheme() == "https").ok_or("the unsubscribe link is not an https URL")?;
            headers.push(json!({ "Name": "List-Unsubscribe", "Value": format!("<{link}>") }));
            headers.push(json!({ "Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click" }));
        }
        let attachments = mail.attachments.iter().map(|file| {
            json!({
                "RawContent": BASE64.encode(&file.bytes), "ContentDisposition": "ATTACHMENT", "FileName": file.name,
                "ContentType": file.media_type, "ContentTransferEncoding": "BASE64",
            })
        });
        let from_name = mail.from_name.as_ref().or(self.settings.from_name.as_ref());
        let mut body = json!({
            "FromEmailAddress": mailbox(from_name, &self.settings.from_email),
            "Destination": { "ToAddresses": [mailbox(mail.to_name.as_ref(), &mail.to)] },
            "ReplyToAddresses": mail.reply_to.iter().collect::<Vec<_>>(),
            "Content": { "Simple": {
                "Subject": text(mail.subject.as_str()),
                "Body": { "Text": text(&mail.text), "Html": text(&mail.html) },
                "Headers": headers,
                "Attachments": attachments.collect::<Vec<_>>(),
            } },
            "EmailTags": [{ "Name": TAG, "Value": id }],
        });
        if let (Some(set), Value::Object(fields)) = (&self.settings.configuration_set, &mut body) {
            fields.insert("ConfigurationSetName".to_owned(), json!(set));
        }
        Ok(body)
    }
}

/// An address with a name, which SES wants in ASCII: quoted, or in encoded words (RFC 2047) of at most 75 characters each.
fn mailbox(name: Option<&Line>, address: &Email) -> String {
    let Some(name) = name.map(Line::as_str).filter(|name| !name.is_empty()) else { return address.to_string() };
    if name.is_ascii() {
        return format!("\"{}\" <{address}>", name.replace('\\', "\\\\").replace('"', "\\\""));
    }
    let mut words = vec![String::new()];
    for letter in name.chars() {
        match words.last_mut() {
            Some(word) if word.len() + letter.len_utf8() <= 45 => word.push(letter),
            _ => words.push(letter.to_string()),
        }
    }
    let words: Vec<String> = words.iter().map(|word| format!("=?UTF-8?B?{}?=", BASE64.encode(word.as_bytes()))).collect();
    format!("{} <{address}>", words.join(" "))
}

/// Two of the errors that SES documents for this call speak of the message; one of them also names an identity that is not verified. All others (suspended,
/// paused, no such configuration set, quota, key) are the account's.
fn judge(refusal: &Refusal<'_>) -> Verdict {
    let of_message = match refusal.name {
        "MessageRejected" => !refusal.message.contains("not verified"),
        "BadRequestException" => true,
        _ => false,
    };
    (of_message, None)
}

/// The account's state: whether it may send, to whom, and how much of its day's quota is left.
fn state(account: &Value) -> Probe {
    let flag = |name: &str| account.get(name).and_then(Value::as_bool);
    let standing = account.get("EnforcementStatus").and_then(Value::as_str).unwrap_or("unknown");
    if flag("SendingEnabled") == Some(false) || standing == "SHUTDOWN" {
        return Probe::Refused("Amazon has switched off sending for this account and region".to_owned());
    }
    let quota = |name: &str| account.pointer(&format!("/SendQuota/{name}")).map_or_else(|| "?".to_owned(), Value::to_string);
    let reach =
        if flag("ProductionAccessEnabled") == Some(false) { "; in the sandbox: only verified addresses are written to" } else { "" };
    let detail = format!("{} of {} sent in 24 hours; reputation {standing}{reach}", quota("SentLast24Hours"), quota("Max24HourSend"));
    Probe::Fine { detail: Some(excerpt(&detail)) }
}

/// What it can carry and prove, whoever the account's owner is.
pub const CAPABILITIES: Capabilities = Capabilities {
    channels: &[Channel::Email],
    idempotency: Idempotency::None,
    lookup: false,
    signature: ReceiptSignature::Certificate,
    grade: EvidenceGrade::ReceivingServer,
};

impl Provider for AmazonSes {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn send<'a>(&'a self, envelope: &'a Envelope, now: DateTime<Utc>) -> BoxFuture<'a, Outcome> {
        async move {
            match &envelope.content {
                Content::Mail(mail) => self.post(envelope, mail, now).await,
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
            Some(notification) => report(&notification).map(|report| report.into_iter().collect()),
            None => Ok(Vec::new()),
        }
    }

    fn answer(&self) -> u16 {
        200
    }

    fn probe(&self, now: DateTime<Utc>) -> BoxFuture<'_, Probe> {
        self.service.ask(Method::GET, "/v2/email/account", &[], "", now, state).boxed()
    }
}

/// What SES says when a topic is connected; no event.
const GREETING: &str = "Successfully validated SNS topic";

/// The report in one event; none in a word that SES does not have yet, or that says nothing about delivery.
fn report(notification: &Notification) -> Result<Option<Report>, Unreadable> {
    if notification.text.starts_with(GREETING) {
        return Ok(None);
    }
    let event: Value = serde_json::from_str(&notification.text).map_err(|error| Unreadable(excerpt(&error.to_string())))?;
    let missing = |name: &str| Unreadable(format!("{name} is missing"));
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
    // Event publishing has the one, an identity's own notifications the other.
    let word = text("/eventType").or_else(|| text("/notificationType")).ok_or_else(|| missing("eventType"))?;
    let id = text("/mail/messageId").ok_or_else(|| missing("mail.messageId"))?;
    let Some((status, section)) = status(word, &event) else { return Ok(None) };
    let of_event = |name: &str| text(&format!("/{section}/{name}"));
    let at = of_event("timestamp").and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    let ours = event.pointer(&format!("/mail/tags/{TAG}/0")).and_then(Value::as_str).and_then(|id| id.parse().ok());
    // A bounce and a complaint have an id of their own; copies of other events have the same time.
    let instance = of_event("feedbackId").or_else(|| of_event("timestamp")).unwrap_or_default();
    Ok(Some(Report {
        about: ours.map_or_else(|| About::ProviderId(excerpt(id)), About::Message),
        status,
        at: Some(at.map_or(notification.at, |at| at.to_utc())),
        dedupe: excerpt(&format!("{id}:{word}:{instance}")),
        raw_name: excerpt(word),
        detail: detail(&event, section),
    }))
}

/// The status of an event, and the name of the section that tells more.
fn status(word: &str, event: &Value) -> Option<(DeliveryStatus, &'static str)> {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    Some(match word {
        "Send" => (DeliveryStatus::Sent, "send"),
        // It never left, for what it carries (a virus): the address is not given up for that.
        "Reject" => (DeliveryStatus::Failed, "reject"),
        "Delivery" => (DeliveryStatus::Delivered, "delivery"),
        "DeliveryDelay" => (DeliveryStatus::Deferred, "deliveryDelay"),
        "Open" => (DeliveryStatus::Opened, "open"),
        "Click" => (DeliveryStatus::Clicked, "click"),
        "Rendering Failure" | "RenderingFailure" => (DeliveryStatus::Failed, "failure"),
        "Bounce" => {
            let listed = matches!(text("/bounce/bounceSubType"), "Suppressed" | "OnAccountSuppressionList");
            let status = match text("/bounce/bounceType") {
                "Permanent" if listed => DeliveryStatus::Suppressed,
                "Permanent" => DeliveryStatus::BouncedHard,
                _ if is_automatic_reply(event) => return None,
                _ => DeliveryStatus::BouncedSoft,
            };
            (status, "bounce")
        }
        // Some mailbox providers also report that something was no spam after all.
        "Complaint" if text("/complaint/complaintFeedbackType") == "not-spam" => return None,
        "Complaint" if text("/complaint/complaintSubType") == "OnAccountSuppressionList" => (DeliveryStatus::Suppressed, "complaint"),
        "Complaint" => (DeliveryStatus::Complained, "complaint"),
        "Subscription" if subscribes(event) => return None,
        "Subscription" => (DeliveryStatus::Unsubscribed, "subscription"),
        _ => return None,
    })
}

/// SES reports an answer from somebody who is away as a passing bounce of the general kind; unlike a server's report, it has neither status nor diagnosis.
fn is_automatic_reply(event: &Value) -> bool {
    let general = event.pointer("/bounce/bounceType").and_then(Value::as_str) == Some("Transient")
        && event.pointer("/bounce/bounceSubType").and_then(Value::as_str) == Some("General");
    let recipient = event.pointer("/bounce/bouncedRecipients/0");
    general && recipient.is_some_and(|recipient| ["action", "status", "diagnosticCode"].iter().all(|name| recipient.get(name).is_none()))
}

/// Whether preferences were changed without leaving any list.
fn subscribes(event: &Value) -> bool {
    let Some(preferences) = event.pointer("/subscription/newTopicPreferences") else { return false };
    let topics = preferences.get("topicSubscriptionStatus").and_then(Value::as_array);
    let leaves = topics.into_iter().flatten().any(|topic| topic.get("subscriptionStatus").and_then(Value::as_str) == Some("OptOut"));
    preferences.get("unsubscribeAll").and_then(Value::as_bool) == Some(false) && !leaves
}

/// What the section says, in one line.
fn detail(event: &Value, section: &str) -> Option<String> {
    let text = |name: &str| event.pointer(&format!("/{section}/{name}")).and_then(Value::as_str);
    let agent = text("userAgent").unwrap_or_default();
    if section == "open" && (agent == "Mozilla/5.0" || ["GoogleImageProxy", "YahooMailProxy"].iter().any(|proxy| agent.contains(proxy))) {
        return Some("opened by a proxy, not by a person".to_owned());
    }
    let names = [
        "bounceType",
        "bounceSubType",
        "bouncedRecipients/0/status",
        "bouncedRecipients/0/diagnosticCode",
        "complaintSubType",
        "complaintFeedbackType",
        "delayType",
        "delayedRecipients/0/diagnosticCode",
        "reason",
        "errorMessage",
        "smtpResponse",
    ];
    let said: Vec<&str> = names.into_iter().filter_map(text).collect();
    (!said.is_empty()).then(|| excerpt(&said.join(": ")))
}

#[cfg(test)]
pub(in crate::outbound) mod tests;
