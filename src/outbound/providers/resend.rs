//! Resend: e-mail by its REST interface, and its webhooks, signed as Svix signs.
//!
//! Resend recognises an idempotency key for 24 hours, so a message whose answer was lost is handed over again under its key.
//! Our id goes along as a tag and returns with the webhooks. Opens and clicks are tracked by domain, not by message: a
//! step of [`STEPS`] switches it off.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{BoxFuture, FutureExt, ready};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::mailing::{
    PROXY, REFERENCE, about, ask, base64, by_proxy, detail, is_segment, json as read_json, mailbox, probed, rejected, rfc_3339, text,
    unsubscribe,
};
use crate::{
    domain::{
        contact::{Channel, Email},
        delivery::{DeliveryStatus, EvidenceGrade},
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
        signing::Signer,
    },
};

const ID: &str = "svix-id";
const TIMESTAMP: &str = "svix-timestamp";
const SIGNATURE: &str = "svix-signature";

/// What makes its webhooks arrive, in order.
pub const STEPS: &[&str] = &[
    "Open Webhooks and choose Add Webhook.",
    "Enter {url} as the endpoint URL and select all events that begin with email, except email.received.",
    "Copy the signing secret into this account's credentials as webhook_secret.",
    "Verify the sender's domain under Domains.",
    "Switch click tracking and open tracking off in the domain's configuration.",
];

/// A Resend account.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The address that messages come from: of a verified domain.
    pub from_email: Email,
    /// The name beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 200, example = "Dupont SARL")]
    pub from_name: Option<Line>,
    /// Where Resend's interface is found, when it is not its usual place.
    #[serde(default = "resend_api")]
    #[schema(format = "uri", min_length = 8, max_length = 200, example = "https://api.resend.com")]
    pub api_base: String,
}

fn resend_api() -> String {
    "https://api.resend.com".to_owned()
}

/// The keys of a Resend account.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// An API key. One with sending access sends, and cannot look messages up. Never shown again.
    #[schema(value_type = String, format = Password, write_only, min_length = 1, max_length = 200, example = "re_000000000000000000000000")]
    pub api_key: Secret,
    /// The webhook's signing secret; no webhook is believed without it. Never shown again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Password, write_only, pattern = "^whsec_[A-Za-z0-9+/]{32,88}={0,2}$", max_length = 96,
        example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    pub webhook_secret: Option<Secret>,
}

/// A Resend account.
#[derive(Debug)]
pub struct Resend {
    settings: Settings,
    base: String,
    api_key: Secret,
    signer: Option<Signer>,
    net: Net,
}

impl Resend {
    /// The adapter of one account.
    ///
    /// # Errors
    /// An interface that is not called, a signing secret that is none.
    pub fn open(settings: &Settings, credentials: Option<&Credentials>, net: &Net) -> Result<Self, Faults> {
        let credentials = needed(credentials)?;
        let mut faults = Faults::none();
        let base = settings.api_base.trim_end_matches('/').to_owned();
        check_url(&mut faults, net, "/settings/api_base", &base);
        let signer = credentials.webhook_secret.as_ref().and_then(|secret| match Signer::new(secret.reveal()) {
            Ok(signer) => Some(signer),
            Err(why) => {
                faults.add("/credentials/webhook_secret", "invalid_secret", why);
                None
            }
        });
        faults.or(Self { settings: settings.clone(), base, api_key: credentials.api_key.clone(), signer, net: net.clone() })
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, Forbidden> {
        let request = self.net.request(method, Mode::Live, &format!("{}{path}", self.base))?;
        Ok(request.bearer_auth(self.api_key.reveal()))
    }

    async fn post(&self, envelope: &Envelope, mail: &Mail, now: DateTime<Utc>) -> Outcome {
        let body = match self.body(envelope, mail) {
            Ok(body) => body,
            Err(rejection) => return rejection,
        };
        match self.request(Method::POST, "/emails") {
            Ok(request) => {
                let request = request.header("idempotency-key", envelope.idempotency_key.as_str()).json(&body);
                self.net.hand_over(request, now, outcome).await
            }
            Err(why) => Outcome::not_sent(why.to_string()),
        }
    }

    /// The same for every attempt at the message: another body under the same key would be refused.
    fn body(&self, envelope: &Envelope, mail: &Mail) -> Result<Value, Outcome> {
        let headers: serde_json::Map<String, Value> =
            unsubscribe(mail)?.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        let attachments: Vec<Value> = mail
            .attachments
            .iter()
            .map(|file| json!({ "filename": file.name, "content": base64(file), "content_type": file.media_type }))
            .collect();
        let mut body = json!({
            "from": mailbox(mail.from_name.as_ref().or(self.settings.from_name.as_ref()), &self.settings.from_email),
            "to": [mailbox(mail.to_name.as_ref(), &mail.to)],
            "subject": mail.subject,
            "html": mail.html,
            "text": mail.text,
            "headers": headers,
            "tags": [{ "name": REFERENCE, "value": envelope.message_id }],
            "attachments": attachments,
        });
        if let (Value::Object(fields), Some(reply_to)) = (&mut body, &mail.reply_to) {
            fields.insert("reply_to".to_owned(), json!(reply_to));
        }
        Ok(body)
    }

    /// Svix's headers are those of Standard Webhooks under another name, and so is all else.
    fn signed(&self, inbound: &Inbound, now: DateTime<Utc>) -> Result<(), Unverified> {
        let signer = self.signer.as_ref().ok_or(Unverified::NoReceipts)?;
        let mut renamed = inbound.clone();
        for (theirs, standard) in [(ID, "webhook-id"), (TIMESTAMP, "webhook-timestamp"), (SIGNATURE, "webhook-signature")] {
            renamed.headers.insert(standard.to_owned(), inbound.header(theirs)?.to_owned());
        }
        signer.verify(&renamed, now)
    }

    /// Asks by Resend's own name: it cannot be asked by ours.
    async fn fetch(&self, sought: &Sought, now: DateTime<Utc>) -> Found {
        let Some(id) = sought.provider_id.as_deref().filter(|id| is_segment(id)) else { return Found::NotOffered };
        let answer = match ask(&self.net, self.request(Method::GET, &format!("/emails/{id}")), now).await {
            Ok(answer) => answer,
            Err(why) => return Found::Failed(why),
        };
        let json = answer.json().unwrap_or_default();
        match (answer.status, text(&json, "/id")) {
            (200, Some(found)) if found == id => {
                let report = text(&json, "/last_event").and_then(|event| {
                    let status = status(&json!({ "type": format!("email.{event}"), "data": json }))?;
                    let (about, dedupe) = (About::ProviderId(id.to_owned()), format!("{id}:{event}"));
                    Some(Report { about, status, at: None, dedupe, raw_name: excerpt(event), detail: None })
                });
                Found::Taken { provider_id: Some(id.to_owned()), reports: report.into_iter().collect() }
            }
            _ => Found::Failed(answer.summary()),
        }
    }
}

/// Errors of 400 and 422 that speak of the message.
const OF_MESSAGE: &[&str] =
    &["validation_error", "invalid_attachment", "missing_required_field", "missing_required_fields", "invalid_parameter"];

fn outcome(answer: &Answer) -> Outcome {
    let json = answer.json().unwrap_or_default();
    let reason = text(&json, "/message").map_or_else(|| answer.summary(), excerpt);
    let name = text(&json, "/name").unwrap_or_default();
    let code = if name.is_empty() { answer.status.to_string() } else { name.to_owned() };
    match answer.status {
        200..=299 => match text(&json, "/id") {
            Some(id) => Outcome::accepted(Some(excerpt(id))),
            None => Outcome::unknown(reason),
        },
        429 if name.ends_with("_quota_exceeded") => rejected(code, &reason, false, None),
        429 => Outcome::NotSent { reason, retry_after: answer.retry_after },
        // A message with this key was taken before, or is being taken.
        408 | 409 => Outcome::unknown(reason),
        413 => rejected(code, &reason, true, None),
        status @ 300..=499 => {
            let of_sender = reason.contains("`from`") || reason.contains("domain is not verified");
            rejected(code, &reason, matches!(status, 400 | 422) && OF_MESSAGE.contains(&name) && !of_sender, None)
        }
        _ => Outcome::unknown(reason),
    }
}

fn status(event: &Value) -> Option<DeliveryStatus> {
    Some(match text(event, "/type")?.strip_prefix("email.")? {
        "scheduled" | "queued" => DeliveryStatus::Accepted,
        "sent" => DeliveryStatus::Sent,
        "delivered" => DeliveryStatus::Delivered,
        "delivery_delayed" => DeliveryStatus::Deferred,
        "bounced" if text(event, "/data/bounce/subType") == Some("Suppressed") => DeliveryStatus::Suppressed,
        "bounced" if text(event, "/data/bounce/type") == Some("Permanent") => DeliveryStatus::BouncedHard,
        "bounced" => DeliveryStatus::BouncedSoft,
        "complained" => DeliveryStatus::Complained,
        "opened" => DeliveryStatus::Opened,
        "clicked" => DeliveryStatus::Clicked,
        "failed" => DeliveryStatus::Failed,
        "suppressed" => DeliveryStatus::Suppressed,
        _ => return None,
    })
}

/// Tags return as an object, or as the list that they were given as.
fn reference(event: &Value) -> Option<&str> {
    let listed = || {
        let tags = event.pointer("/data/tags")?.as_array()?;
        text(tags.iter().find(|tag| text(tag, "/name") == Some(REFERENCE))?, "/value")
    };
    text(event, &format!("/data/tags/{REFERENCE}")).or_else(listed)
}

fn report(event: &Value, dedupe: &str) -> Option<Report> {
    let status = status(event)?;
    let about = about(reference(event), text(event, "/data/email_id"))?;
    let proxy = status == DeliveryStatus::Opened && by_proxy(text(event, "/data/open/userAgent"));
    let detail = detail(&[
        proxy.then_some(PROXY),
        text(event, "/data/bounce/type"),
        text(event, "/data/bounce/subType"),
        text(event, "/data/bounce/message"),
        text(event, "/data/failed/reason"),
        text(event, "/data/suppressed/message"),
    ]);
    let raw_name = excerpt(text(event, "/type")?);
    Some(Report { about, status, at: rfc_3339(text(event, "/created_at")), dedupe: excerpt(dedupe), raw_name, detail })
}

/// What it can carry and prove, whoever the account's owner is.
pub const CAPABILITIES: Capabilities = Capabilities {
    channels: &[Channel::Email],
    idempotency: Idempotency::Key(TimeDelta::hours(24)),
    lookup: false,
    signature: ReceiptSignature::StandardWebhooks,
    grade: EvidenceGrade::ReceivingServer,
};

impl Provider for Resend {
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
        ready(self.signed(inbound, now)).boxed()
    }

    fn parse(&self, inbound: &Inbound) -> Result<Vec<Report>, Unreadable> {
        let event = read_json(&inbound.body)?;
        let dedupe = inbound.header(ID).map_err(|why| Unreadable(why.to_string()))?;
        text(&event, "/type").ok_or_else(|| Unreadable("type is missing".to_owned()))?;
        Ok(report(&event, dedupe).into_iter().collect())
    }

    /// Resend takes 200 and nothing else for taken.
    fn answer(&self) -> u16 {
        200
    }

    fn look_up<'a>(&'a self, sought: &'a Sought, now: DateTime<Utc>) -> BoxFuture<'a, Found> {
        self.fetch(sought, now).boxed()
    }

    /// Asks for the domains, and tells how far the sender's is. A key that may only send is known by its refusal.
    fn probe(&self, now: DateTime<Utc>) -> BoxFuture<'_, Probe> {
        async move {
            let answer = ask(&self.net, self.request(Method::GET, "/domains"), now).await;
            let only_sends = |answer: &Answer| text(&answer.json().unwrap_or_default(), "/name") == Some("restricted_api_key");
            if answer.as_ref().is_ok_and(only_sends) {
                return Probe::Fine { detail: Some("the key may only send".to_owned()) };
            }
            let sender = self.settings.from_email.as_str().rsplit('@').next().unwrap_or_default();
            probed(&answer, |json| {
                let domains = json.pointer("/data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                let found = domains.iter().find(|domain| text(domain, "/name") == Some(sender));
                match found.map(|domain| text(domain, "/status").unwrap_or("of unknown state")) {
                    Some(state @ ("not_started" | "pending" | "failed" | "failure")) => {
                        Probe::Refused(format!("the domain {sender} is {state}"))
                    }
                    state => Probe::Fine { detail: Some(format!("the domain {sender} is {}", excerpt(state.unwrap_or("not listed")))) },
                }
            })
        }
        .boxed()
    }
}

#[cfg(test)]
pub(in crate::outbound) mod tests;
