//! SendGrid: e-mail by its v3 interface, and its signed event webhook.
//!
//! SendGrid takes no idempotency key, and shows its messages only to accounts that buy their history, so a lost answer
//! stays unknown until an event comes. Our id goes along as a custom argument and returns with every event.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};
use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::BASE64;
use futures_util::future::{BoxFuture, FutureExt, ready};
use serde_json::{Value, json};

use super::mailing::{PROXY, REFERENCE, about, ask, base64, by_proxy, detail, events, probed, rejected, since_1970, text, unsubscribe};
use crate::{
    domain::{
        contact::{Channel, Email},
        delivery::{DeliveryStatus, EvidenceGrade, SuppressionReason},
        ids::Mode,
        invalid::Faults,
        provider::ReceiptSignature,
    },
    outbound::{
        Capabilities, Content, Envelope, Idempotency, Inbound, Line, Mail, Outcome, Probe, Provider, Report, Unreadable, Unverified,
        excerpt,
        net::{Answer, Method, Net},
        settings::{Secret, check_url, needed},
    },
};

const SIGNATURE: &str = "x-twilio-email-event-webhook-signature";
const TIMESTAMP: &str = "x-twilio-email-event-webhook-timestamp";

/// How far the time of signing may be from the present, either way.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// What makes its events arrive, in order.
pub const STEPS: &[&str] = &[
    "Open Settings, Mail Settings, Event Webhooks, and choose Create new webhook.",
    "Enter {url} as the Post URL.",
    "Select Processed, Dropped, Deferred, Bounced, Delivered, Spam Reports, Unsubscribes and Group Unsubscribes.",
    "Enable Signature Verification and save.",
    "Copy the Verification Key into this account's settings as verification_key.",
    "Authenticate the sender's domain under Settings, Sender Authentication.",
];

/// Where a SendGrid account keeps its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SendgridRegion {
    /// Everywhere.
    #[default]
    Global,
    /// In the European Union: a subuser of that region.
    Eu,
}

/// A SendGrid account.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The address that messages come from: of an authenticated domain, or a verified sender.
    pub from_email: Email,
    /// The name beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 200, example = "Dupont SARL")]
    pub from_name: Option<Line>,
    /// Where the account keeps its data.
    #[serde(default)]
    pub region: SendgridRegion,
    /// The event webhook's verification key, as SendGrid shows it; no event is believed without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(
        pattern = "^[A-Za-z0-9+/]{100,200}={0,2}$",
        max_length = 202,
        example = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="
    )]
    pub verification_key: Option<String>,
    /// Where SendGrid's interface is found, when it is not its usual place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri", min_length = 8, max_length = 200, example = "https://api.sendgrid.com")]
    pub api_base: Option<String>,
}

/// The key of a SendGrid account.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// An API key that may send mail. Never shown again.
    #[schema(value_type = String, format = Password, write_only, min_length = 1, max_length = 200, example = "SG.xxxxxxxxxxxxxxxxxxxxxx")]
    pub api_key: Secret,
}

/// A SendGrid account.
#[derive(Debug)]
pub struct Sendgrid {
    settings: Settings,
    base: String,
    verification_key: Option<ParsedPublicKey>,
    api_key: Secret,
    net: Net,
}

impl Sendgrid {
    /// The adapter of one account.
    ///
    /// # Errors
    /// An interface that is not called, a verification key that is none.
    pub fn open(settings: &Settings, credentials: Option<&Credentials>, net: &Net) -> Result<Self, Faults> {
        let credentials = needed(credentials)?;
        let mut faults = Faults::none();
        let usual = match settings.region {
            SendgridRegion::Global => "https://api.sendgrid.com",
            SendgridRegion::Eu => "https://api.eu.sendgrid.com",
        };
        let base = settings.api_base.as_deref().unwrap_or(usual).trim_end_matches('/').to_owned();
        check_url(&mut faults, net, "/settings/api_base", &base);
        let verification_key = settings.verification_key.as_deref().and_then(|written| {
            let key = read_key(written);
            if key.is_none() {
                faults.add("/settings/verification_key", "invalid", "copy the verification key from the event webhook's page at SendGrid");
            }
            key
        });
        let api_key = credentials.api_key.clone();
        faults.or(Self { settings: settings.clone(), base, verification_key, api_key, net: net.clone() })
    }

    async fn post(&self, envelope: &Envelope, mail: &Mail, now: DateTime<Utc>) -> Outcome {
        let body = match self.body(envelope, mail) {
            Ok(body) => body,
            Err(rejection) => return rejection,
        };
        let request = match self.net.post(Mode::Live, &format!("{}/v3/mail/send", self.base)) {
            Ok(request) => request.bearer_auth(self.api_key.reveal()).json(&body),
            Err(why) => return Outcome::not_sent(why.to_string()),
        };
        self.net.hand_over(request, now, |answer| outcome(answer, now)).await
    }

    fn body(&self, envelope: &Envelope, mail: &Mail) -> Result<Value, Outcome> {
        let headers: serde_json::Map<String, Value> =
            unsubscribe(mail)?.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        let parts = [("text/plain", &mail.text), ("text/html", &mail.html)];
        // An empty part is refused.
        let content: Vec<Value> =
            parts.into_iter().filter(|(_, value)| !value.is_empty()).map(|(kind, value)| json!({ "type": kind, "value": value })).collect();
        let attachments: Vec<Value> = mail
            .attachments
            .iter()
            .map(|file| json!({ "content": base64(file), "filename": file.name, "type": file.media_type, "disposition": "attachment" }))
            .collect();
        let mut body = json!({
            "personalizations": [{ "to": [address(&mail.to, mail.to_name.as_ref())], "custom_args": { REFERENCE: envelope.message_id } }],
            "from": address(&self.settings.from_email, mail.from_name.as_ref().or(self.settings.from_name.as_ref())),
            "subject": mail.subject,
            "content": content,
            "tracking_settings": {
                "click_tracking": { "enable": false, "enable_text": false },
                "open_tracking": { "enable": false },
                "subscription_tracking": { "enable": false },
            },
        });
        if let Value::Object(fields) = &mut body {
            fields.extend(mail.reply_to.as_ref().map(|email| ("reply_to".to_owned(), address(email, None))));
            fields.extend((!headers.is_empty()).then(|| ("headers".to_owned(), Value::Object(headers))));
            fields.extend((!attachments.is_empty()).then(|| ("attachments".to_owned(), Value::Array(attachments))));
        }
        Ok(body)
    }

    fn signed(&self, inbound: &Inbound, now: DateTime<Utc>) -> Result<(), Unverified> {
        let key = self.verification_key.as_ref().ok_or(Unverified::NoReceipts)?;
        let (signature, stamp) = (inbound.header(SIGNATURE)?, inbound.header(TIMESTAMP)?);
        let signature = BASE64.decode(signature.as_bytes()).map_err(|_| Unverified::Malformed(SIGNATURE))?;
        let malformed = Unverified::Malformed(TIMESTAMP);
        let signed_at = stamp.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0)).ok_or(malformed)?;
        if (now - signed_at).abs() > TOLERANCE {
            return Err(Unverified::Stale);
        }
        let message = [stamp.as_bytes(), &inbound.body].concat();
        key.verify_sig(&message, &signature).map_err(|_| Unverified::Mismatch)
    }
}

/// A P-256 key as SendGrid shows it: the base64 of its SubjectPublicKeyInfo.
fn read_key(written: &str) -> Option<ParsedPublicKey> {
    let der = BASE64.decode(written.trim().as_bytes()).ok()?;
    ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, der).ok()
}

fn address(email: &Email, name: Option<&Line>) -> Value {
    match name {
        Some(name) => json!({ "email": email, "name": name }),
        None => json!({ "email": email }),
    }
}

/// 401 is also said when credits are used up, 403 when the sender is not verified.
fn outcome(answer: &Answer, now: DateTime<Utc>) -> Outcome {
    let error = answer.json().and_then(|json| json.pointer("/errors/0").cloned()).unwrap_or_default();
    let reason = text(&error, "/message").map_or_else(|| answer.summary(), excerpt);
    let field = text(&error, "/field").unwrap_or_default();
    match answer.status {
        202 => Outcome::accepted(answer.header("x-message-id").map(excerpt)),
        429 => Outcome::NotSent { reason, retry_after: answer.retry_after.or_else(|| reset(answer, now)) },
        408 => Outcome::unknown(reason),
        status @ 300..=499 => {
            let of_message = matches!(status, 400 | 413) && !field.starts_with("from");
            let dead = field.starts_with("personalizations.0.to.") && field.ends_with("email");
            rejected(status.to_string(), &reason, of_message, dead.then_some(SuppressionReason::InvalidAddress))
        }
        _ => Outcome::unknown(reason),
    }
}

/// Until when calls are counted: SendGrid names the second, not the pause.
fn reset(answer: &Answer, now: DateTime<Utc>) -> Option<std::time::Duration> {
    let at = DateTime::from_timestamp(answer.header("x-ratelimit-reset")?.parse().ok()?, 0)?;
    (at - now).to_std().ok().filter(|pause| pause.as_secs() <= 24 * 3_600)
}

/// Reasons for dropping a message that say nothing about its address.
const NOT_THE_ADDRESS: &[&str] = &["invalid smtpapi header", "spam content", "recipient list over package quota"];

fn status(event: &Value, name: &str) -> Option<DeliveryStatus> {
    let reason = text(event, "/reason").unwrap_or_default().to_ascii_lowercase();
    Some(match name {
        "processed" => DeliveryStatus::Accepted,
        "deferred" => DeliveryStatus::Deferred,
        "delivered" => DeliveryStatus::Delivered,
        "bounce" if matches!(text(event, "/type"), None | Some("bounce")) => DeliveryStatus::BouncedHard,
        "bounce" => DeliveryStatus::BouncedSoft,
        "dropped" if NOT_THE_ADDRESS.iter().any(|start| reason.starts_with(start)) => DeliveryStatus::Failed,
        "dropped" => DeliveryStatus::Suppressed,
        "open" => DeliveryStatus::Opened,
        "click" => DeliveryStatus::Clicked,
        "spamreport" => DeliveryStatus::Complained,
        "unsubscribe" | "group_unsubscribe" => DeliveryStatus::Unsubscribed,
        _ => return None,
    })
}

fn report(event: &Value) -> Option<Report> {
    let name = text(event, "/event")?;
    let status = status(event, name)?;
    // What was answered is the first part of the name that events carry.
    let theirs = text(event, "/sg_message_id").and_then(|id| id.split('.').next());
    let about = about(text(event, &format!("/{REFERENCE}")), theirs)?;
    let at = since_1970(event.get("timestamp"));
    let composed = || format!("{}:{name}:{}", theirs.unwrap_or_default(), at.map_or(0, |at| at.timestamp()));
    let dedupe = text(event, "/sg_event_id").map_or_else(composed, str::to_owned);
    let machine = event.get("sg_machine_open").and_then(Value::as_bool).unwrap_or(false) || by_proxy(text(event, "/useragent"));
    let proxy = (status == DeliveryStatus::Opened && machine).then_some(PROXY);
    let detail = detail(&[
        proxy,
        text(event, "/type"),
        text(event, "/bounce_classification"),
        text(event, "/status"),
        text(event, "/reason").or(text(event, "/response")),
    ]);
    Some(Report { about, status, at, dedupe: excerpt(&dedupe), raw_name: excerpt(name), detail })
}

/// What it can carry and prove, whoever the account's owner is.
pub const CAPABILITIES: Capabilities = Capabilities {
    channels: &[Channel::Email],
    idempotency: Idempotency::None,
    lookup: false,
    signature: ReceiptSignature::Ecdsa,
    grade: EvidenceGrade::ReceivingServer,
};

impl Provider for Sendgrid {
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
        Ok(events(&inbound.body)?.iter().filter_map(report).collect())
    }

    fn answer(&self) -> u16 {
        204
    }

    /// Asks what the key may do: the one question that every key may ask.
    fn probe(&self, now: DateTime<Utc>) -> BoxFuture<'_, Probe> {
        async move {
            let request = self.net.request(Method::GET, Mode::Live, &format!("{}/v3/scopes", self.base));
            let answer = ask(&self.net, request.map(|request| request.bearer_auth(self.api_key.reveal())), now).await;
            probed(&answer, |json| {
                let may_send = json.pointer("/scopes").and_then(Value::as_array).is_some_and(|all| all.contains(&json!("mail.send")));
                let missing = || Probe::Refused("the key may not send: give it the permission Mail Send".to_owned());
                if may_send { Probe::Fine { detail: None } } else { missing() }
            })
        }
        .boxed()
    }
}

#[cfg(test)]
pub(in crate::outbound) mod tests;
