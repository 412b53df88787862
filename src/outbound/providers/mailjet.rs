//! Mailjet: e-mail by its Send API v3.1, and its event callbacks.
//!
//! Mailjet promises nothing about repeated calls; our id goes along as `CustomID`, returns with every event, and finds the
//! message again when the answer was lost. It signs nothing: the path that nobody can guess is the credential, and a
//! replay is recognised by its [`Report::dedupe`]. Its ids exceed 53 bits and are kept as text.

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use futures_util::future::{BoxFuture, FutureExt, ready};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::mailing::{PROXY, about, ask, base64, by_proxy, detail, events, probed, rejected, since_1970, text, unsubscribe, word};
use crate::{
    domain::{
        contact::{Channel, Email},
        delivery::{DeliveryStatus, EvidenceGrade, SuppressionReason},
        ids::Mode,
        invalid::Faults,
        provider::ReceiptSignature,
    },
    outbound::{
        About, Capabilities, Content, Envelope, Found, Idempotency, Inbound, Line, Mail, Outcome, Probe, Provider, Report, Sought,
        Unreadable, Unverified,
        address::Forbidden,
        excerpt,
        net::{Answer, Method, Net},
        settings::{Secret, check_url, needed},
    },
};

/// What makes its events arrive, in order.
pub const STEPS: &[&str] = &[
    "Open Account settings, Event notifications (webhooks).",
    "Enter {url} as the endpoint URL of the events sent, bounce, blocked, spam and unsub.",
    "Tick Group events for each of them and save.",
    "Validate the sender's address or domain under Senders & Domains.",
];

/// The installation of Mailjet that keeps an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailjetRegion {
    /// The usual one, in the European Union.
    #[default]
    Eu,
    /// The one in the United States, for accounts that were moved there.
    Us,
}

/// A Mailjet account.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The address that messages come from: a validated sender, or of a validated domain.
    pub from_email: Email,
    /// The name beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 200, example = "Dupont SARL")]
    pub from_name: Option<Line>,
    /// The installation of Mailjet that keeps the account.
    #[serde(default)]
    pub region: MailjetRegion,
    /// Where Mailjet's interface is found, when it is not its usual place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri", min_length = 8, max_length = 200, example = "https://api.mailjet.com")]
    pub api_base: Option<String>,
}

/// The keys of a Mailjet account.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The API key.
    #[schema(value_type = String, format = Password, write_only, min_length = 1, max_length = 200, example = "0123456789abcdef0123456789abcdef")]
    pub api_key: Secret,
    /// The secret key that belongs to it. Never shown again.
    #[schema(value_type = String, format = Password, write_only, min_length = 1, max_length = 200, example = "0123456789abcdef0123456789abcdef")]
    pub secret_key: Secret,
}

/// A Mailjet account.
#[derive(Debug)]
pub struct Mailjet {
    settings: Settings,
    base: String,
    api_key: Secret,
    secret_key: Secret,
    net: Net,
}

impl Mailjet {
    /// The adapter of one account.
    ///
    /// # Errors
    /// An interface that is not called.
    pub fn open(settings: &Settings, credentials: Option<&Credentials>, net: &Net) -> Result<Self, Faults> {
        let Credentials { api_key, secret_key } = needed(credentials)?.clone();
        let mut faults = Faults::none();
        let usual = match settings.region {
            MailjetRegion::Eu => "https://api.mailjet.com",
            MailjetRegion::Us => "https://api.us.mailjet.com",
        };
        let base = settings.api_base.as_deref().unwrap_or(usual).trim_end_matches('/').to_owned();
        check_url(&mut faults, net, "/settings/api_base", &base);
        faults.or(Self { settings: settings.clone(), base, api_key, secret_key, net: net.clone() })
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, Forbidden> {
        let request = self.net.request(method, Mode::Live, &format!("{}{path}", self.base))?;
        Ok(request.basic_auth(self.api_key.reveal(), Some(self.secret_key.reveal())))
    }

    /// Asks `resource` for what fits `filter`.
    async fn list(&self, resource: &str, filter: &[(&str, &str)], now: DateTime<Utc>) -> Result<Answer, String> {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(filter).finish();
        ask(&self.net, self.request(Method::GET, &format!("/v3/REST/{resource}?{query}")), now).await
    }

    async fn post(&self, envelope: &Envelope, mail: &Mail, now: DateTime<Utc>) -> Outcome {
        let body = match self.body(envelope, mail) {
            Ok(body) => body,
            Err(rejection) => return rejection,
        };
        match self.request(Method::POST, "/v3.1/send") {
            Ok(request) => self.net.hand_over(request.json(&body), now, outcome).await,
            Err(why) => Outcome::not_sent(why.to_string()),
        }
    }

    fn body(&self, envelope: &Envelope, mail: &Mail) -> Result<Value, Outcome> {
        let headers: serde_json::Map<String, Value> =
            unsubscribe(mail)?.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        let attachments: Vec<Value> = mail
            .attachments
            .iter()
            .map(|file| json!({ "ContentType": file.media_type, "Filename": file.name, "Base64Content": base64(file) }))
            .collect();
        let mut message = json!({
            "From": address(&self.settings.from_email, mail.from_name.as_ref().or(self.settings.from_name.as_ref())),
            "To": [address(&mail.to, mail.to_name.as_ref())],
            "Subject": mail.subject,
            "TextPart": mail.text,
            "HTMLPart": mail.html,
            "CustomID": envelope.message_id,
            "TrackOpens": "disabled",
            "TrackClicks": "disabled",
        });
        if let Value::Object(fields) = &mut message {
            fields.extend(mail.reply_to.as_ref().map(|email| ("ReplyTo".to_owned(), address(email, None))));
            fields.extend((!headers.is_empty()).then(|| ("Headers".to_owned(), Value::Object(headers))));
            fields.extend((!attachments.is_empty()).then(|| ("Attachments".to_owned(), Value::Array(attachments))));
        }
        Ok(json!({ "Messages": [message] }))
    }

    /// Searches by our own id. The list tells a state and no time, so its reports have none.
    async fn search(&self, sought: &Sought, now: DateTime<Utc>) -> Found {
        let ours = sought.message_id.to_string();
        let answer = match self.list("message", &[("CustomID", &ours), ("ShowCustomID", "true")], now).await {
            Ok(answer) => answer,
            Err(why) => return Found::Failed(why),
        };
        let json = answer.json().unwrap_or_default();
        match (answer.status, json.pointer("/Data").and_then(Value::as_array).map(Vec::as_slice)) {
            (200, Some([])) => Found::Absent,
            // Several, or another's, would mean that the filter was not understood: one call makes one message.
            (200, Some([found])) if text(found, "/CustomID").is_none_or(|id| id == ours) => {
                let id = word(found, "/ID");
                let report = text(found, "/Status").and_then(|state| {
                    let dedupe = format!("{state}:{}", id.as_deref().unwrap_or_default());
                    let (about, status) = (About::Message(sought.message_id), state_of(state)?);
                    Some(Report { about, status, at: None, dedupe: excerpt(&dedupe), raw_name: excerpt(state), detail: None })
                });
                Found::Taken { provider_id: id, reports: report.into_iter().collect() }
            }
            _ => Found::Failed(answer.summary()),
        }
    }
}

fn address(email: &Email, name: Option<&Line>) -> Value {
    match name {
        Some(name) => json!({ "Email": email, "Name": name }),
        None => json!({ "Email": email }),
    }
}

/// Each message has its own status inside the answer, also in one of 200; what speaks of the whole call stands outside.
fn outcome(answer: &Answer) -> Outcome {
    let json = answer.json().unwrap_or_default();
    let message = json.pointer("/Messages/0");
    if (200..=299).contains(&answer.status) && message.and_then(|message| text(message, "/Status")) == Some("success") {
        return Outcome::accepted(message.and_then(|message| word(message, "/To/0/MessageID")));
    }
    let error = message.and_then(|message| message.pointer("/Errors/0")).unwrap_or(&json);
    let reason = text(error, "/ErrorMessage").map_or_else(|| answer.summary(), excerpt);
    let code = text(error, "/ErrorCode");
    let status = error.get("StatusCode").and_then(Value::as_u64).unwrap_or_else(|| u64::from(answer.status));
    let related = error.get("ErrorRelatedTo").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let speaks_of = |field: &str| related.iter().filter_map(Value::as_str).any(|place| place.starts_with(field));
    match (answer.status, status) {
        (429, _) | (_, 429) => Outcome::NotSent { reason, retry_after: answer.retry_after },
        (500.., _) | (408, _) | (_, 408 | 500..) => Outcome::unknown(reason),
        (200..=299, _) if code.is_none() => Outcome::unknown(reason),
        _ => {
            // An invalid address of the recipient; the sender's is the account's affair.
            let dead = code == Some("mj-0013") && speaks_of("To");
            let permanent = matches!(status, 400 | 413) && !speaks_of("From") && !OF_SENDER.contains(&code.unwrap_or_default());
            rejected(
                code.map_or_else(|| status.to_string(), str::to_owned),
                &reason,
                permanent,
                dead.then_some(SuppressionReason::InvalidAddress),
            )
        }
    }
}

/// Codes that say that the sender is not validated, or may not send.
const OF_SENDER: &[&str] = &["send-0006", "send-0007", "send-0008", "mj-0001", "mj-0015"];

/// Reasons for not sending a message that say nothing about its address.
const NOT_THE_ADDRESS: &[&str] = &[
    "duplicate in campaign",
    "content blocked",
    "policy issue",
    "sender blocked",
    "spam preblocked",
    "bad or empty template",
    "error in template language",
    "system issue",
    "protocol issue",
    "connection issue",
];

fn status(event: &Value, name: &str) -> Option<DeliveryStatus> {
    let error = text(event, "/error").unwrap_or_default();
    Some(match name {
        // Taken by the receiving server.
        "sent" => DeliveryStatus::Delivered,
        "open" => DeliveryStatus::Opened,
        "click" => DeliveryStatus::Clicked,
        "spam" => DeliveryStatus::Complained,
        "unsub" => DeliveryStatus::Unsubscribed,
        "bounce" if event.get("hard_bounce") == Some(&Value::Bool(true)) => DeliveryStatus::BouncedHard,
        "bounce" if error == "greylisted" => DeliveryStatus::Deferred,
        "bounce" => DeliveryStatus::BouncedSoft,
        "blocked" if NOT_THE_ADDRESS.contains(&error) => DeliveryStatus::Failed,
        "blocked" => DeliveryStatus::Suppressed,
        _ => return None,
    })
}

/// The states of its list of messages, which word the same differently. A bounce is not said to be a hard one, and a
/// block does not say why: neither is enough to give an address up.
fn state_of(state: &str) -> Option<DeliveryStatus> {
    Some(match state {
        "queued" => DeliveryStatus::Accepted,
        "sent" => DeliveryStatus::Delivered,
        "opened" => DeliveryStatus::Opened,
        "clicked" => DeliveryStatus::Clicked,
        "deferred" => DeliveryStatus::Deferred,
        "bounce" | "softbounced" => DeliveryStatus::BouncedSoft,
        "hardbounced" => DeliveryStatus::BouncedHard,
        "blocked" => DeliveryStatus::Failed,
        "spam" => DeliveryStatus::Complained,
        "unsub" => DeliveryStatus::Unsubscribed,
        _ => return None,
    })
}

fn report(event: &Value) -> Option<Report> {
    let name = text(event, "/event")?;
    let status = status(event, name)?;
    let theirs = word(event, "/MessageID").or_else(|| word(event, "/mj_message_id"));
    let about = about(text(event, "/CustomID"), theirs.as_deref())?;
    let at = since_1970(event.get("time"));
    // Two links can be followed within a second; nothing else happens twice in one.
    let link = text(event, "/url").map(|url| HEXLOWER.encode(digest(&SHA256, url.as_bytes()).as_ref())).unwrap_or_default();
    let dedupe = format!("{name}:{}:{}:{link}", theirs.as_deref().unwrap_or_default(), at.map_or(0, |at| at.timestamp()));
    let proxy = status == DeliveryStatus::Opened && by_proxy(text(event, "/agent"));
    let detail = detail(&[
        proxy.then_some(PROXY),
        text(event, "/error_related_to"),
        text(event, "/error"),
        text(event, "/comment"),
        text(event, "/source"),
        text(event, "/smtp_reply"),
    ]);
    Some(Report { about, status, at, dedupe: excerpt(&dedupe), raw_name: excerpt(name), detail })
}

/// What it can carry and prove, whoever the account's owner is.
pub const CAPABILITIES: Capabilities = Capabilities {
    channels: &[Channel::Email],
    idempotency: Idempotency::None,
    lookup: true,
    signature: ReceiptSignature::SecretPath,
    grade: EvidenceGrade::ReceivingServer,
};

impl Provider for Mailjet {
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

    /// Whoever found the path is believed: Mailjet signs nothing.
    fn verify<'a>(&'a self, _: &'a Inbound, _: DateTime<Utc>) -> BoxFuture<'a, Result<(), Unverified>> {
        ready(Ok(())).boxed()
    }

    fn parse(&self, inbound: &Inbound) -> Result<Vec<Report>, Unreadable> {
        Ok(events(&inbound.body)?.iter().filter_map(report).collect())
    }

    /// Mailjet takes 200 and nothing else for taken.
    fn answer(&self) -> u16 {
        200
    }

    fn look_up<'a>(&'a self, sought: &'a Sought, now: DateTime<Utc>) -> BoxFuture<'a, Found> {
        self.search(sought, now).boxed()
    }

    /// Asks for the senders of the domain; one that is not listed may still be covered by an account above this one.
    fn probe(&self, now: DateTime<Utc>) -> BoxFuture<'_, Probe> {
        async move {
            let from = self.settings.from_email.as_str();
            let domain = from.rsplit('@').next().unwrap_or_default();
            let answer = self.list("sender", &[("Domain", domain)], now).await;
            probed(&answer, |json| {
                let senders = json.pointer("/Data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                let is_ours = |sender: &&Value| text(sender, "/Email").is_some_and(|email| email == from || email == format!("*@{domain}"));
                let mut states = senders.iter().filter(is_ours).filter_map(|sender| text(sender, "/Status"));
                match (states.clone().any(|state| state == "Active"), states.next()) {
                    (true, _) => Probe::Fine { detail: Some("the sender is active".to_owned()) },
                    (false, Some(state)) => Probe::Refused(format!("the sender is {}", excerpt(state).to_lowercase())),
                    (false, None) => Probe::Fine { detail: Some("the sender is not listed".to_owned()) },
                }
            })
        }
        .boxed()
    }
}

#[cfg(test)]
pub(in crate::outbound) mod tests;
