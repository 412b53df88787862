//! MessageBird: text messages by its REST interface, status reports by GET, and incoming STOP.
//!
//! MessageBird takes no idempotency key. It repeats our own id (`reference`) in its reports, and sends none without one; a lost answer stays unknown until a
//! report comes. Reports are signed with a token that is good for a minute and names the URL and the body.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures_util::future::{BoxFuture, FutureExt, ready};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::{
    domain::{
        contact::Channel,
        delivery::{DeliveryStatus, EvidenceGrade, SuppressionReason},
        ids::{MessageId, Mode},
        invalid::Faults,
        provider::ReceiptSignature,
    },
    outbound::{
        About, Capabilities, Content, Envelope, Found, Idempotency, Inbound, Outcome, Probe, Provider, Report, Sought, Text, Unreadable,
        Unverified, excerpt, jwt,
        net::{Answer, Failure, Net},
        providers::texting::{Reply, ask, digits, found, moment, probed},
        settings::{Secret, check_url, needed},
    },
};

const SIGNATURE: &str = "messagebird-signature-jwt";
/// How far MessageBird's clock may be from ours, in seconds: what its own libraries allow.
const DRIFT: i64 = 5;

/// How to make receipts arrive.
pub const STEPS: &[&str] = &[
    "In the MessageBird dashboard, open Developers, API settings, and write {url} as the URL for status reports, called by GET.",
    "In Developers, API access, copy the signing key into this account's credentials.",
    "For incoming STOP messages, let the number that sends forward what it receives to {url}, with originator, body and id.",
];

/// A MessageBird account.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The sender: a number in E.164 form, or a name of up to eleven letters and digits.
    #[schema(pattern = r"^(\+[1-9][0-9]{6,14}|[A-Za-z0-9 ]{1,11})$", min_length = 1, max_length = 16, example = "Dupont")]
    pub from: String,
    /// Where MessageBird's interface is found, when it is not its usual place.
    #[serde(default = "messagebird_api")]
    #[schema(format = "uri", min_length = 8, max_length = 200, example = "https://rest.messagebird.com")]
    pub api_base: String,
}

fn messagebird_api() -> String {
    "https://rest.messagebird.com".to_owned()
}

/// The keys of a MessageBird account.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The live access key, which sends. Never shown again.
    #[schema(value_type = String, format = Password, write_only, min_length = 1, max_length = 200, example = "0123456789abcdefghijklmno")]
    pub access_key: Secret,
    /// The signing key, which verifies receipts. Never shown again.
    #[schema(value_type = String, format = Password, write_only, min_length = 1, max_length = 200, example = "0123456789abcdef0123456789abcdef")]
    pub signing_key: Secret,
}

/// A MessageBird account.
#[derive(Debug)]
pub struct Messagebird {
    from: String,
    base: String,
    access_key: Secret,
    signing_key: Secret,
    net: Net,
}

impl Messagebird {
    /// The adapter of one account.
    ///
    /// # Errors
    /// An interface that is not called.
    pub fn open(settings: &Settings, credentials: Option<&Credentials>, net: &Net) -> Result<Self, Faults> {
        let credentials = needed(credentials)?;
        let mut faults = Faults::none();
        let base = settings.api_base.trim_end_matches('/').to_owned();
        check_url(&mut faults, net, "/settings/api_base", &base);
        let (access_key, signing_key) = (credentials.access_key.clone(), credentials.signing_key.clone());
        faults.or(Self { from: digits(&settings.from).to_owned(), base, access_key, signing_key, net: net.clone() })
    }

    fn authorization(&self) -> String {
        format!("AccessKey {}", self.access_key.reveal())
    }

    async fn post(&self, envelope: &Envelope, text: &Text, now: DateTime<Utc>) -> Outcome {
        let mut message = json!({
            "originator": self.from, "recipients": [digits(text.to.as_str())], "body": text.body,
            "reference": envelope.message_id, "datacoding": "auto",
        });
        if let (Some(url), Some(fields)) = (&envelope.receipts_url, message.as_object_mut()) {
            fields.insert("reportUrl".to_owned(), json!(url));
        }
        let request = match self.net.post(Mode::Live, &format!("{}/messages", self.base)) {
            Ok(request) => request.header("authorization", self.authorization()).json(&message),
            Err(why) => return Outcome::not_sent(why.to_string()),
        };
        self.net.hand_over(request, now, outcome).await
    }

    async fn get(&self, path: &str, now: DateTime<Utc>) -> Result<Answer, Failure> {
        ask(&self.net, &format!("{}{path}", self.base), |request| request.header("authorization", self.authorization()), now).await
    }

    fn signed(&self, inbound: &Inbound, now: DateTime<Utc>) -> Result<(), Unverified> {
        let algorithms = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
        let claims: Claims = jwt::claims(inbound.header(SIGNATURE)?, &self.signing_key, &algorithms)?;
        let payload_agrees = match &claims.payload_hash {
            Some(claimed) => !inbound.body.is_empty() && jwt::is_digest(claimed, &inbound.body),
            None => inbound.body.is_empty(),
        };
        if claims.iss != "MessageBird" || !payload_agrees || !jwt::is_digest(&claims.url_hash, inbound.url.as_bytes()) {
            return Err(Unverified::Mismatch);
        }
        let good = claims.nbf.saturating_sub(DRIFT)..=claims.exp.saturating_add(DRIFT);
        if good.contains(&now.timestamp()) { Ok(()) } else { Err(Unverified::Stale) }
    }
}

/// What a report's token claims.
#[derive(serde::Deserialize)]
struct Claims {
    iss: String,
    nbf: i64,
    exp: i64,
    url_hash: String,
    payload_hash: Option<String>,
}

fn outcome(answer: &Answer) -> Outcome {
    let json = answer.json().unwrap_or_default();
    let error = json.get("errors").and_then(Value::as_array).and_then(|all| all.first());
    let code = error.and_then(|error| error.get("code")).and_then(Value::as_u64);
    let text = |name: &str| error.and_then(|error| error.get(name)).and_then(Value::as_str);
    match (answer.status, json.get("id").and_then(Value::as_str)) {
        (200..=299, Some(id)) => Outcome::accepted(Some(excerpt(id))),
        (429, _) => Outcome::NotSent { reason: answer.summary(), retry_after: answer.retry_after },
        (408, _) => Outcome::unknown(answer.summary()),
        (status @ 200..=499, _) if status >= 300 || error.is_some() => Outcome::Rejected {
            code: code.map_or_else(|| status.to_string(), |code| code.to_string()),
            reason: text("description").map_or_else(|| answer.summary(), excerpt),
            permanent: of_message(status, code, text("parameter")),
            suppress: matches!((code, text("parameter")), (Some(9 | 10), Some("recipients" | "recipient")))
                .then_some(SuppressionReason::InvalidAddress),
        },
        _ => Outcome::unknown(answer.summary()),
    }
}

/// Missing or invalid parameters (9, 10) and bad requests (21) speak against the message, unless it is the sender that is invalid. Not so a wrong key (2),
/// something not found (20) or too little credit (25).
fn of_message(status: u16, code: Option<u64>, parameter: Option<&str>) -> bool {
    matches!(status, 200..=299 | 400 | 422) && matches!(code, Some(9 | 10 | 21)) && parameter != Some("originator")
}

fn status(word: &str, reason: Option<&str>) -> Option<DeliveryStatus> {
    Some(match word {
        "delivery_failed" if reason == Some("opted out") => DeliveryStatus::Unsubscribed,
        "scheduled" => DeliveryStatus::Accepted,
        "sent" => DeliveryStatus::Sent,
        "buffered" => DeliveryStatus::Deferred,
        "delivered" => DeliveryStatus::Delivered,
        "expired" | "delivery_failed" => DeliveryStatus::Undelivered,
        _ => return None,
    })
}

/// What is said about a message, wherever it is said: in a report's query or in the answer to a question.
struct Said<'a> {
    id: &'a str,
    word: &'a str,
    reason: Option<&'a str>,
    error: Option<String>,
    at: Option<&'a str>,
}

impl Said<'_> {
    fn report(&self, about: About) -> Option<Report> {
        let detail = match (self.reason, &self.error) {
            (reason, Some(error)) => Some(format!("{} error {error}", reason.unwrap_or_default()).trim().to_owned()),
            (reason, None) => reason.map(str::to_owned),
        };
        Some(Report {
            about,
            status: status(self.word, self.reason)?,
            at: self.at.and_then(moment),
            dedupe: excerpt(&format!("{}:{}", self.id, self.word)),
            raw_name: excerpt(self.word),
            detail: detail.as_deref().map(excerpt),
        })
    }
}

/// What MessageBird shows of a message when it is asked.
fn looked_up(json: &Value, message: MessageId) -> Option<(String, Vec<Report>)> {
    let id = json.get("id")?.as_str()?;
    let recipient = json.pointer("/recipients/items/0")?;
    let text = |name: &str| recipient.get(name).and_then(Value::as_str);
    let error = recipient.get("statusErrorCode").and_then(Value::as_u64).map(|code| code.to_string());
    let said = Said { id, word: text("status")?, reason: text("statusReason"), error, at: text("statusDatetime") };
    Some((id.to_owned(), said.report(About::Message(message)).into_iter().collect()))
}

/// The fields of the query, and of the body where there is one: a form or a flat JSON object.
fn fields(inbound: &Inbound) -> BTreeMap<String, String> {
    let query = inbound.url.split_once('?').map_or("", |(_, query)| query);
    let mut all: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    match serde_json::from_slice(&inbound.body) {
        Ok(Value::Object(object)) => {
            all.extend(object.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))));
        }
        _ => all.extend(form_urlencoded::parse(&inbound.body).into_owned()),
    }
    all
}

/// What it can carry and prove, whoever the account's owner is.
pub const CAPABILITIES: Capabilities = Capabilities {
    channels: &[Channel::Sms],
    idempotency: Idempotency::None,
    lookup: false,
    signature: ReceiptSignature::Jwt,
    grade: EvidenceGrade::Handset,
};

impl Provider for Messagebird {
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
        ready(self.signed(inbound, now)).boxed()
    }

    fn parse(&self, inbound: &Inbound) -> Result<Vec<Report>, Unreadable> {
        let fields = fields(inbound);
        let field = |name: &str| fields.get(name).map(String::as_str).filter(|text| !text.is_empty());
        let id = field("id").ok_or_else(|| Unreadable("id is missing".to_owned()))?;
        let Some(word) = field("status") else {
            let from = field("originator").ok_or_else(|| Unreadable("status is missing".to_owned()))?;
            let text = field("body").or(field("payload")).unwrap_or_default();
            return Reply { from, text, id, at: field("createdDatetime").and_then(moment) }.stop();
        };
        let error = field("statusErrorCode").filter(|code| *code != "0").map(str::to_owned);
        let said = Said { id, word, reason: field("statusReason"), error, at: field("statusDatetime") };
        let ours = field("reference").and_then(|text| text.parse().ok());
        let report = said.report(ours.map_or_else(|| About::ProviderId(excerpt(id)), About::Message));
        report.map(|report| vec![report]).ok_or_else(|| Unreadable(excerpt(&format!("unknown status {word}"))))
    }

    fn answer(&self) -> u16 {
        200
    }

    /// By MessageBird's name only: it cannot be asked for a reference.
    fn look_up<'a>(&'a self, sought: &'a Sought, now: DateTime<Utc>) -> BoxFuture<'a, Found> {
        async move {
            match &sought.provider_id {
                Some(id) if id.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                    found(self.get(&format!("/messages/{id}"), now).await, |json| looked_up(json, sought.message_id))
                }
                _ => Found::NotOffered,
            }
        }
        .boxed()
    }

    fn probe(&self, now: DateTime<Utc>) -> BoxFuture<'_, Probe> {
        let credit = |json: &Value| Some(format!("{} {} left", json.get("amount")?, json.get("type")?.as_str()?));
        async move { probed(self.get("/balance", now).await, credit) }.boxed()
    }
}

#[cfg(test)]
pub(in crate::outbound) mod tests;
