//! Postmark: e-mail by its REST interface, and its webhooks.
//!
//! Postmark takes no idempotency key; our id goes along as metadata, returns with its webhooks, and finds the message again
//! when the answer was lost. It signs nothing: the path that nobody can guess is the credential, and a replay is
//! recognised by its [`Report::dedupe`].

use chrono::{DateTime, Utc};
use futures_util::future::{BoxFuture, FutureExt, ready};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::mailing::{
    PROXY, REFERENCE, about, ask, base64, by_proxy, detail, json as read_json, mailbox, probed, rejected, rfc_3339, text, unsubscribe, word,
};
use crate::{
    domain::{
        contact::{Channel, Email},
        delivery::{DeliveryStatus, EvidenceGrade, SuppressionReason},
        ids::Mode,
        invalid::Faults,
        provider::ReceiptSignature,
    },
    outbound::{
        Capabilities, Content, Envelope, Found, Idempotency, Inbound, Line, Mail, Outcome, Probe, Provider, Report, Sought, Unreadable,
        Unverified,
        address::Forbidden,
        excerpt,
        net::{Answer, Method, Net},
        settings::{Secret, check_url, needed},
    },
};

const TOKEN: &str = "X-Postmark-Server-Token";

/// What makes its webhooks arrive, in order.
pub const STEPS: &[&str] = &[
    "Open the server, then the message stream that this account names, then Webhooks, and choose Add webhook.",
    "Enter {url} as the webhook URL.",
    "Select Delivery, Bounce, Spam complaint and Subscription change, without the message's content.",
    "Save, and repeat this for every message stream that you use.",
    "Confirm the sender signature or the sender's domain under Sender Signatures.",
];

/// A Postmark server.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The address that messages come from: a confirmed sender signature, or of a verified domain.
    pub from_email: Email,
    /// The name beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 200, example = "Dupont SARL")]
    pub from_name: Option<Line>,
    /// The message stream that carries the messages.
    #[serde(default = "usual_stream")]
    #[schema(pattern = "^[a-z][a-z0-9_-]{0,29}$", max_length = 30, example = "outbound")]
    pub message_stream: String,
    /// Where Postmark's interface is found, when it is not its usual place.
    #[serde(default = "postmark_api")]
    #[schema(format = "uri", min_length = 8, max_length = 200, example = "https://api.postmarkapp.com")]
    pub api_base: String,
}

fn usual_stream() -> String {
    "outbound".to_owned()
}

fn postmark_api() -> String {
    "https://api.postmarkapp.com".to_owned()
}

/// The key of a Postmark server.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The server's API token. Never shown again.
    #[schema(value_type = String, format = Password, write_only, min_length = 1, max_length = 200, example = "00000000-0000-0000-0000-000000000000")]
    pub server_token: Secret,
}

/// A Postmark server.
#[derive(Debug)]
pub struct Postmark {
    settings: Settings,
    base: String,
    server_token: Secret,
    net: Net,
}

impl Postmark {
    /// The adapter of one server.
    ///
    /// # Errors
    /// An interface that is not called.
    pub fn open(settings: &Settings, credentials: Option<&Credentials>, net: &Net) -> Result<Self, Faults> {
        let credentials = needed(credentials)?;
        let mut faults = Faults::none();
        let base = settings.api_base.trim_end_matches('/').to_owned();
        check_url(&mut faults, net, "/settings/api_base", &base);
        let server_token = credentials.server_token.clone();
        faults.or(Self { settings: settings.clone(), base, server_token, net: net.clone() })
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, Forbidden> {
        let request = self.net.request(method, Mode::Live, &format!("{}{path}", self.base))?;
        Ok(request.header(TOKEN, self.server_token.reveal()).header("accept", "application/json"))
    }

    async fn post(&self, envelope: &Envelope, mail: &Mail, now: DateTime<Utc>) -> Outcome {
        let body = match self.body(envelope, mail) {
            Ok(body) => body,
            Err(rejection) => return rejection,
        };
        match self.request(Method::POST, "/email") {
            Ok(request) => self.net.hand_over(request.json(&body), now, outcome).await,
            Err(why) => Outcome::not_sent(why.to_string()),
        }
    }

    fn body(&self, envelope: &Envelope, mail: &Mail) -> Result<Value, Outcome> {
        let headers: Vec<Value> = unsubscribe(mail)?.into_iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
        let attachments: Vec<Value> = mail
            .attachments
            .iter()
            .map(|file| json!({ "Name": file.name, "Content": base64(file), "ContentType": file.media_type }))
            .collect();
        let mut body = json!({
            "From": mailbox(mail.from_name.as_ref().or(self.settings.from_name.as_ref()), &self.settings.from_email),
            "To": mailbox(mail.to_name.as_ref(), &mail.to),
            "Subject": mail.subject,
            "HtmlBody": mail.html,
            "TextBody": mail.text,
            "Headers": headers,
            "Metadata": { REFERENCE: envelope.message_id },
            "TrackOpens": false,
            "TrackLinks": "None",
            "MessageStream": self.settings.message_stream,
            "Attachments": attachments,
        });
        if let (Value::Object(fields), Some(reply_to)) = (&mut body, &mail.reply_to) {
            fields.insert("ReplyTo".to_owned(), json!(reply_to));
        }
        Ok(body)
    }

    /// Searches by our own id. What became of the message is told by its webhooks.
    async fn search(&self, sought: &Sought, now: DateTime<Utc>) -> Found {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("count", "1")
            .append_pair("offset", "0")
            .append_pair("messagestream", &self.settings.message_stream)
            .append_pair(&format!("metadata_{REFERENCE}"), &sought.message_id.to_string())
            .finish();
        let answer = match ask(&self.net, self.request(Method::GET, &format!("/messages/outbound?{query}")), now).await {
            Ok(answer) => answer,
            Err(why) => return Found::Failed(why),
        };
        let json = answer.json().unwrap_or_default();
        match (answer.status, json.pointer("/Messages").and_then(Value::as_array).map(Vec::as_slice)) {
            (200, Some([])) => Found::Absent,
            // Another message's answer would mean that the filter was not understood.
            (200, Some([found, ..])) if text(found, &format!("/Metadata/{REFERENCE}")) == Some(&sought.message_id.to_string()) => {
                Found::Taken { provider_id: text(found, "/MessageID").map(excerpt), reports: Vec::new() }
            }
            _ => Found::Failed(answer.summary()),
        }
    }
}

/// An answer of 200 can carry an error; 422 always carries one.
fn outcome(answer: &Answer) -> Outcome {
    let json = answer.json().unwrap_or_default();
    let reason = text(&json, "/Message").map_or_else(|| answer.summary(), excerpt);
    match (answer.status, json.get("ErrorCode").and_then(Value::as_u64)) {
        (200, Some(0)) => Outcome::accepted(text(&json, "/MessageID").map(excerpt)),
        (429, _) | (_, Some(429)) => Outcome::NotSent { reason, retry_after: answer.retry_after },
        (200 | 422, Some(code)) => refusal(code, &reason),
        (408, _) => Outcome::unknown(reason),
        (status @ 300..=499, code) => rejected(code.map_or(status.to_string(), |code| code.to_string()), &reason, status == 413, None),
        _ => Outcome::unknown(reason),
    }
}

/// Postmark's codes: 300 the request, 402, 403 and 409 its JSON, 406 an address that is switched off, 411 an attachment.
/// All others speak of the sender, the account, the stream or the server.
fn refusal(code: u64, reason: &str) -> Outcome {
    let of_sender = reason.contains("'From'") || reason.contains("sender signature") || reason.contains("Sender Signature");
    let permanent = matches!(code, 300 | 402 | 403 | 406 | 409 | 411) && !(code == 300 && of_sender);
    let suppress = match code {
        406 => Some(SuppressionReason::ProviderList),
        300 if reason.contains("'To'") => Some(SuppressionReason::InvalidAddress),
        _ => None,
    };
    rejected(code.to_string(), reason, permanent, suppress)
}

/// What a record of this type says; an automatic reply, an address change or a challenge is no bounce.
fn status(record: &Value, kind: &str) -> Option<DeliveryStatus> {
    let inactive = record.get("Inactive").and_then(Value::as_bool).unwrap_or(false);
    Some(match kind {
        "Delivery" => DeliveryStatus::Delivered,
        "Open" => DeliveryStatus::Opened,
        "Click" => DeliveryStatus::Clicked,
        "SpamComplaint" => DeliveryStatus::Complained,
        "Bounce" => match text(record, "/Type")? {
            "HardBounce" => DeliveryStatus::BouncedHard,
            "SoftBounce" | "Unknown" => DeliveryStatus::BouncedSoft,
            "Transient" | "DnsError" => DeliveryStatus::Deferred,
            "SpamNotification" | "SpamComplaint" => DeliveryStatus::Complained,
            "Unsubscribe" => DeliveryStatus::Unsubscribed,
            "BadEmailAddress" | "ManuallyDeactivated" => DeliveryStatus::Suppressed,
            // The receiving side objects to the sender or the content; the address stays good unless Postmark switches it off.
            "Blocked" | "DMARCPolicy" if inactive => DeliveryStatus::Suppressed,
            "Blocked" | "DMARCPolicy" | "VirusNotification" | "SMTPApiError" | "TemplateRenderingFailed" => DeliveryStatus::Failed,
            _ => return None,
        },
        "SubscriptionChange" if record.get("SuppressSending") == Some(&Value::Bool(true)) => match text(record, "/SuppressionReason")? {
            "ManualSuppression" => DeliveryStatus::Unsubscribed,
            "HardBounce" => DeliveryStatus::BouncedHard,
            "SpamComplaint" => DeliveryStatus::Complained,
            _ => return None,
        },
        _ => return None,
    })
}

fn report(record: &Value, kind: &str) -> Option<Report> {
    let status = status(record, kind)?;
    let theirs = text(record, "/MessageID");
    let about = about(text(record, &format!("/Metadata/{REFERENCE}")), theirs)?;
    let written = ["/DeliveredAt", "/BouncedAt", "/ReceivedAt", "/ChangedAt"].into_iter().find_map(|place| text(record, place));
    let at = rfc_3339(written);
    // Only bounces and complaints have a name of their own.
    let dedupe = word(record, "/ID").unwrap_or_else(|| format!("{}:{}", theirs.unwrap_or_default(), written.unwrap_or_default()));
    let bounce = text(record, "/Type").filter(|_| kind == "Bounce");
    let proxy = status == DeliveryStatus::Opened && by_proxy(text(record, "/UserAgent"));
    let detail = detail(&[
        proxy.then_some(PROXY),
        text(record, "/SuppressionReason"),
        text(record, "/Origin"),
        text(record, "/Description"),
        text(record, "/Details"),
    ]);
    let raw_name = bounce.map_or_else(|| kind.to_owned(), |bounce| format!("{kind}/{bounce}"));
    Some(Report { about, status, at, dedupe: excerpt(&format!("{kind}:{dedupe}")), raw_name: excerpt(&raw_name), detail })
}

/// What it can carry and prove, whoever the account's owner is.
pub const CAPABILITIES: Capabilities = Capabilities {
    channels: &[Channel::Email],
    idempotency: Idempotency::None,
    lookup: true,
    signature: ReceiptSignature::SecretPath,
    grade: EvidenceGrade::ReceivingServer,
};

impl Provider for Postmark {
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

    /// Whoever found the path is believed: Postmark signs nothing.
    fn verify<'a>(&'a self, _: &'a Inbound, _: DateTime<Utc>) -> BoxFuture<'a, Result<(), Unverified>> {
        ready(Ok(())).boxed()
    }

    fn parse(&self, inbound: &Inbound) -> Result<Vec<Report>, Unreadable> {
        let record = read_json(&inbound.body)?;
        let kind = text(&record, "/RecordType").ok_or_else(|| Unreadable("RecordType is missing".to_owned()))?;
        Ok(report(&record, kind).into_iter().collect())
    }

    /// Postmark takes 200 and nothing else for taken.
    fn answer(&self) -> u16 {
        200
    }

    fn look_up<'a>(&'a self, sought: &'a Sought, now: DateTime<Utc>) -> BoxFuture<'a, Found> {
        self.search(sought, now).boxed()
    }

    /// Asks for the server that the token belongs to. One whose kind is `Sandbox` takes messages and sends none.
    fn probe(&self, now: DateTime<Utc>) -> BoxFuture<'_, Probe> {
        async move {
            let answer = ask(&self.net, self.request(Method::GET, "/server"), now).await;
            probed(&answer, |json| {
                let kind = text(json, "/DeliveryType");
                let warning = (kind == Some("Sandbox")).then_some("it sends nothing");
                Probe::Fine { detail: detail(&[text(json, "/Name"), kind, warning]) }
            })
        }
        .boxed()
    }
}

#[cfg(test)]
pub(in crate::outbound) mod tests;
