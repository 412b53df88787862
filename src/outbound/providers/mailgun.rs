//! Mailgun: e-mail by its HTTP interface, in either region, and its signed webhooks.
//!
//! Mailgun takes no idempotency key. Our id goes along as a variable, and makes the Message-ID by which its event log finds
//! the message when the answer was lost. The signature of a webhook covers a time and a token but not its events, so
//! it proves only that Mailgun called within the last minutes; the path that nobody can guess protects the rest, and a
//! replay is recognised by its [`Report::dedupe`].

use aws_lc_rs::hmac;
use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::HEXLOWER;
use futures_util::future::{BoxFuture, FutureExt, ready};
use reqwest::RequestBuilder;
use serde_json::Value;
use url::form_urlencoded;

use super::{
    mailing::{PROXY, REFERENCE, about, ask, by_proxy, detail, json, mailbox, probed, rejected, since_1970, text, unsubscribe, word},
    multipart::Form,
};
use crate::{
    domain::{
        contact::{Channel, Email},
        delivery::{DeliveryStatus, EvidenceGrade, SuppressionReason},
        ids::{MessageId, Mode},
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

/// Where in a webhook's body its signature stands.
const SIGNATURE: &str = "signature";

/// How far the time of signing may be from the present, either way.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// What makes its webhooks arrive, in order.
pub const STEPS: &[&str] = &[
    "Open Sending, Webhooks, and choose the domain that this account names.",
    "Add {url} for Accepted Messages, Delivered Messages, Permanent Failure, Temporary Failure, Spam Complaints and Unsubscribes.",
    "Copy the HTTP webhook signing key into this account's credentials as webhook_signing_key.",
    "Verify the domain's DNS records under Sending, Domain settings.",
];

/// The region that keeps a Mailgun domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailgunRegion {
    /// The United States.
    Us,
    /// The European Union.
    Eu,
}

/// A Mailgun domain.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The sending domain, as it is called at Mailgun.
    #[schema(pattern = "^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$", min_length = 4, max_length = 253, example = "mg.example.com")]
    pub domain: String,
    /// The region that keeps it.
    pub region: MailgunRegion,
    /// The address that messages come from.
    pub from_email: Email,
    /// The name beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 200, example = "Dupont SARL")]
    pub from_name: Option<Line>,
    /// Where Mailgun's interface is found, when it is not its usual place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri", min_length = 8, max_length = 200, example = "https://api.eu.mailgun.net")]
    pub api_base: Option<String>,
}

/// The keys of a Mailgun account.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// An API key. A domain's sending key sends, and can neither be checked nor look messages up. Never shown again.
    #[schema(value_type = String, format = Password, write_only, min_length = 1, max_length = 200, example = "00000000000000000000000000000000-00000000-00000000")]
    pub api_key: Secret,
    /// The HTTP webhook signing key. Never shown again.
    #[schema(value_type = String, format = Password, write_only, min_length = 1, max_length = 200, example = "00000000000000000000000000000000")]
    pub webhook_signing_key: Secret,
}

/// A Mailgun domain.
#[derive(Debug)]
pub struct Mailgun {
    settings: Settings,
    base: String,
    api_key: Secret,
    signing_key: hmac::Key,
    net: Net,
}

impl Mailgun {
    /// The adapter of one domain.
    ///
    /// # Errors
    /// An interface that is not called, a domain that is none.
    pub fn open(settings: &Settings, credentials: Option<&Credentials>, net: &Net) -> Result<Self, Faults> {
        let credentials = needed(credentials)?;
        let mut faults = Faults::none();
        let usual = match settings.region {
            MailgunRegion::Us => "https://api.mailgun.net",
            MailgunRegion::Eu => "https://api.eu.mailgun.net",
        };
        let base = settings.api_base.as_deref().unwrap_or(usual).trim_end_matches('/').to_owned();
        check_url(&mut faults, net, "/settings/api_base", &base);
        let labels = |domain: &str| {
            domain.split('.').all(|label| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
        };
        if !labels(&settings.domain) {
            faults.add("/settings/domain", "invalid", "write the domain as it is called at Mailgun, such as mg.example.com");
        }
        let signing_key = hmac::Key::new(hmac::HMAC_SHA256, credentials.webhook_signing_key.reveal().as_bytes());
        faults.or(Self { settings: settings.clone(), base, api_key: credentials.api_key.clone(), signing_key, net: net.clone() })
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, Forbidden> {
        let request = self.net.request(method, Mode::Live, &format!("{}{path}", self.base))?;
        Ok(request.basic_auth("api", Some(self.api_key.reveal())))
    }

    /// The Message-ID of a message, without its angle brackets: the same on every attempt.
    fn name(&self, id: MessageId) -> String {
        format!("{id}@{}", self.settings.domain)
    }

    async fn post(&self, envelope: &Envelope, mail: &Mail, now: DateTime<Utc>) -> Outcome {
        let form = match self.form(envelope, mail) {
            Ok(form) => form,
            Err(rejection) => return rejection,
        };
        let request = match self.request(Method::POST, &format!("/v3/{}/messages", self.settings.domain)) {
            Ok(request) => form.into_request(request),
            Err(why) => return Outcome::not_sent(why.to_string()),
        };
        self.net.hand_over(request, now, outcome).await
    }

    fn form(&self, envelope: &Envelope, mail: &Mail) -> Result<Form, Outcome> {
        let mut form = Form::new(&format!("relance-{}", envelope.message_id));
        let from = mailbox(mail.from_name.as_ref().or(self.settings.from_name.as_ref()), &self.settings.from_email);
        form.field("from", &from);
        form.field("to", &mailbox(mail.to_name.as_ref(), &mail.to));
        form.field("subject", mail.subject.as_str());
        form.field("text", &mail.text);
        form.field("html", &mail.html);
        form.field("h:Message-Id", &format!("<{}>", self.name(envelope.message_id)));
        if let Some(reply_to) = &mail.reply_to {
            form.field("h:Reply-To", reply_to.as_str());
        }
        for (name, value) in unsubscribe(mail)? {
            form.field(&format!("h:{name}"), &value);
        }
        form.field(&format!("v:{REFERENCE}"), &envelope.message_id.to_string());
        for tracking in ["o:tracking", "o:tracking-clicks", "o:tracking-opens"] {
            form.field(tracking, "no");
        }
        for file in &mail.attachments {
            form.file("attachment", file);
        }
        Ok(form)
    }

    fn signed(&self, inbound: &Inbound, now: DateTime<Utc>) -> Result<(), Unverified> {
        let malformed = Unverified::Malformed(SIGNATURE);
        let body = json(&inbound.body).map_err(|_| malformed)?;
        let part = |name: &str| text(&body, &format!("/{SIGNATURE}/{name}")).ok_or(Unverified::Missing(SIGNATURE));
        let (stamp, token, signature) = (part("timestamp")?, part("token")?, part("signature")?);
        let signature = HEXLOWER.decode(signature.as_bytes()).map_err(|_| malformed)?;
        let signed_at = stamp.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0)).ok_or(malformed)?;
        if (now - signed_at).abs() > TOLERANCE {
            return Err(Unverified::Stale);
        }
        hmac::verify(&self.signing_key, format!("{stamp}{token}").as_bytes(), &signature).map_err(|_| Unverified::Mismatch)
    }

    /// Searches the event log, which lags behind and forgets after days: finding nothing proves nothing.
    async fn search(&self, sought: &Sought, now: DateTime<Utc>) -> Found {
        let name = sought.provider_id.clone().unwrap_or_else(|| self.name(sought.message_id));
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("message-id", &name).append_pair("limit", "25").finish();
        let path = format!("/v3/{}/events?{query}", self.settings.domain);
        let answer = match ask(&self.net, self.request(Method::GET, &path), now).await {
            Ok(answer) => answer,
            Err(why) => return Found::Failed(why),
        };
        let json = answer.json().unwrap_or_default();
        let named = |event: &&Value| text(event, "/message/headers/message-id") == Some(&name);
        match (answer.status, json.pointer("/items").and_then(Value::as_array)) {
            (200, Some(items)) if items.iter().any(|event| named(&event)) => {
                Found::Taken { reports: items.iter().filter(named).filter_map(report).collect(), provider_id: Some(excerpt(&name)) }
            }
            (200, Some(_)) => Found::Failed("the event log has nothing about it, which proves nothing".to_owned()),
            _ => Found::Failed(answer.summary()),
        }
    }
}

/// Beginnings and parts of what Mailgun says when it is not the message that is at fault.
const OF_ACCOUNT: &[&str] = &["'from'", "from parameter", "Sandbox", "Free accounts", "not allowed to send", "disabled", "domain"];

/// A path that is none is answered with 200 and a greeting.
fn outcome(answer: &Answer) -> Outcome {
    let json = answer.json().unwrap_or_default();
    let reason = text(&json, "/message").map_or_else(|| answer.summary(), excerpt);
    let greeting = answer.body.as_deref().is_some_and(|body| body.starts_with(b"Mailgun Magnificent API"));
    match answer.status {
        200 if greeting => rejected("wrong_path", &reason, false, None),
        200 => match text(&json, "/id") {
            // Events name it without the brackets.
            Some(id) => Outcome::accepted(Some(excerpt(id.trim_start_matches('<').trim_end_matches('>')))),
            None => Outcome::unknown(reason),
        },
        429 => Outcome::NotSent { reason, retry_after: answer.retry_after },
        408 => Outcome::unknown(reason),
        status @ 300..=499 => {
            let dead = status == 400 && ["'to' parameter is not", "to parameter is not"].iter().any(|start| reason.starts_with(start));
            let permanent = dead || status == 413 || (status == 400 && !OF_ACCOUNT.iter().any(|part| reason.contains(part)));
            rejected(status.to_string(), &reason, permanent, dead.then_some(SuppressionReason::InvalidAddress))
        }
        _ => Outcome::unknown(reason),
    }
}

/// Reasons of a final failure that say nothing about the address: it was tried for too long, or the receiving side objects
/// to the sender.
const NOT_THE_ADDRESS: &[&str] = &["old", "espblock", "greylisted", "blacklisted"];

fn status(event: &Value, name: &str) -> Option<DeliveryStatus> {
    let reason = text(event, "/reason").unwrap_or_default();
    Some(match name {
        "accepted" => DeliveryStatus::Accepted,
        "delivered" => DeliveryStatus::Delivered,
        // Refused for what it says or for who sends it; addresses on Mailgun's list fail instead.
        "rejected" => DeliveryStatus::Failed,
        "failed" if text(event, "/severity") == Some("temporary") => DeliveryStatus::Deferred,
        "failed" if reason.starts_with("suppress-") => DeliveryStatus::Suppressed,
        "failed" if NOT_THE_ADDRESS.contains(&reason) => DeliveryStatus::BouncedSoft,
        "failed" => DeliveryStatus::BouncedHard,
        "opened" => DeliveryStatus::Opened,
        "clicked" => DeliveryStatus::Clicked,
        "complained" => DeliveryStatus::Complained,
        "unsubscribed" => DeliveryStatus::Unsubscribed,
        _ => return None,
    })
}

fn report(event: &Value) -> Option<Report> {
    let name = text(event, "/event")?;
    let status = status(event, name)?;
    let theirs = text(event, "/message/headers/message-id");
    let about = about(text(event, &format!("/user-variables/{REFERENCE}")), theirs)?;
    let at = since_1970(event.get("timestamp"));
    // An event's id is its own for a day only.
    let day = at.map(|at| at.date_naive().to_string()).unwrap_or_default();
    let composed = || format!("{}:{}", theirs.unwrap_or_default(), at.map_or(0, |at| at.timestamp_millis()));
    let dedupe = format!("{day}:{name}:{}", text(event, "/id").map_or_else(composed, str::to_owned));
    let bot = text(event, "/client-info/bot").is_some() || by_proxy(text(event, "/client-info/user-agent"));
    let code = word(event, "/delivery-status/code");
    let said = ["/delivery-status/message", "/delivery-status/description", "/reject/reason"];
    let detail = detail(&[
        (status == DeliveryStatus::Opened && bot).then_some(PROXY),
        text(event, "/severity"),
        text(event, "/reason"),
        code.as_deref(),
        said.into_iter().find_map(|place| text(event, place)),
    ]);
    Some(Report { about, status, at, dedupe: excerpt(&dedupe), raw_name: excerpt(name), detail })
}

/// What it can carry and prove, whoever the account's owner is.
pub const CAPABILITIES: Capabilities = Capabilities {
    channels: &[Channel::Email],
    idempotency: Idempotency::None,
    lookup: true,
    signature: ReceiptSignature::HmacSha256,
    grade: EvidenceGrade::ReceivingServer,
};

impl Provider for Mailgun {
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
        let body = json(&inbound.body)?;
        let event = body.get("event-data").ok_or_else(|| Unreadable("event-data is missing".to_owned()))?;
        Ok(report(event).into_iter().collect())
    }

    /// Mailgun takes 200 and nothing else for taken.
    fn answer(&self) -> u16 {
        200
    }

    fn look_up<'a>(&'a self, sought: &'a Sought, now: DateTime<Utc>) -> BoxFuture<'a, Found> {
        self.search(sought, now).boxed()
    }

    /// Asks for the domain's state, which a key that only sends may not ask.
    fn probe(&self, now: DateTime<Utc>) -> BoxFuture<'_, Probe> {
        async move {
            let answer = ask(&self.net, self.request(Method::GET, &format!("/v4/domains/{}", self.settings.domain)), now).await;
            if let Ok(Answer { status: 401 | 403, .. }) = &answer {
                return Probe::Refused("the key is wrong, or a sending key, which may not ask".to_owned());
            }
            probed(&answer, |json| match text(json, "/domain/state") {
                Some(state @ ("unverified" | "disabled")) => Probe::Refused(format!("the domain is {state}")),
                state => Probe::Fine { detail: state.map(excerpt) },
            })
        }
        .boxed()
    }
}

#[cfg(test)]
pub(in crate::outbound) mod tests;
