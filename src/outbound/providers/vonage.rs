//! Vonage: text messages by its Messages API, status callbacks, and incoming STOP.
//!
//! Vonage takes no idempotency key. It repeats our own id in its callbacks (`client_ref`), so a lost answer stays unknown until one comes. What it answers 429
//! (1000, throttled) it has refused, and may be given again.
//!
//! An internal error at Vonage can leave a callback unsigned; told that the fault is ours, it sends the callback again, signed.

use chrono::{DateTime, Utc};
use futures_util::future::{BoxFuture, FutureExt, ready};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::{
    domain::{
        contact::Channel,
        delivery::{DeliveryStatus, EvidenceGrade, SuppressionReason},
        ids::{MessageId, Mode},
        invalid::Faults,
        provider::ReceiptSignature,
    },
    outbound::{
        About, Capabilities, Content, Envelope, Idempotency, Inbound, Outcome, Probe, Provider, Report, Text, Unreadable, Unverified,
        excerpt, jwt,
        net::{Answer, Net},
        providers::texting::{Reply, ask, digits, moment, probed},
        settings::{Secret, check_url, needed},
    },
};

/// The header that carries the token.
const SIGNATURE: &str = "authorization";
/// How far a token's time may lie from ours, in seconds.
const WINDOW: u64 = 300;

/// How to make receipts arrive.
pub const STEPS: &[&str] = &[
    "In the Vonage dashboard, open Applications and create or edit the application that sends.",
    "Under Capabilities, switch on Messages and write {url} as both the Status URL and the Inbound URL.",
    "Choose version v1 for both webhooks and switch on signed webhooks.",
    "Link the number that sends, so that incoming STOP messages reach the Inbound URL.",
    "In Settings, make the Messages API the default for SMS.",
    "In Settings, copy the signature secret into this account's credentials.",
];

/// A Vonage account.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The account's API key.
    #[schema(pattern = "^[A-Za-z0-9]{4,32}$", min_length = 4, max_length = 32, example = "a1b2c3d4")]
    pub api_key: String,
    /// The application that sends; needed with a private key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "uuid", min_length = 36, max_length = 36, example = "78d335fa-323d-0114-9c3d-d6f0d48968cf")]
    pub application_id: Option<String>,
    /// The sender: a number in E.164 form, or a name of up to eleven letters and digits.
    #[schema(pattern = r"^(\+[1-9][0-9]{6,14}|[A-Za-z0-9 ]{1,11})$", min_length = 1, max_length = 16, example = "Dupont")]
    pub from: String,
    /// Where Vonage's Messages interface is found, when it is not its usual place: `https://api-eu.nexmo.com` processes within Europe.
    #[serde(default = "vonage_api")]
    #[schema(format = "uri", min_length = 8, max_length = 200, example = "https://api.nexmo.com")]
    pub api_base: String,
    /// Where Vonage's account interface is found, when it is not its usual place.
    #[serde(default = "vonage_account")]
    #[schema(format = "uri", min_length = 8, max_length = 200, example = "https://rest.nexmo.com")]
    pub account_base: String,
}

fn vonage_api() -> String {
    "https://api.nexmo.com".to_owned()
}

fn vonage_account() -> String {
    "https://rest.nexmo.com".to_owned()
}

/// The keys of a Vonage account. Exactly one of `api_secret` and `private_key` is given.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The account's API secret. Never shown again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Password, write_only, min_length = 1, max_length = 200, example = "0123456789abcdef")]
    pub api_secret: Option<Secret>,
    /// The application's RSA private key, as PEM. Never shown again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Password, write_only, min_length = 1, max_length = 8000, example = "-----BEGIN PRIVATE KEY-----…")]
    pub private_key: Option<Secret>,
    /// The signature secret, which verifies receipts. Never shown again.
    #[schema(value_type = String, format = Password, write_only, min_length = 1, max_length = 200, example = "0123456789abcdef0123456789abcdef")]
    pub signature_secret: Secret,
}

/// How we show who we are.
#[derive(Debug)]
enum Identity {
    /// Basic, with the account's secret.
    Account(Secret),
    /// A token of the application, made for each call.
    Application { id: String, key: EncodingKey },
}

/// A Vonage account.
#[derive(Debug)]
pub struct Vonage {
    api_key: String,
    from: String,
    url: String,
    balance_url: String,
    identity: Identity,
    signature_secret: Secret,
    net: Net,
}

impl Vonage {
    /// The adapter of one account.
    ///
    /// # Errors
    /// No way to show who we are or two, a key that is none, or an interface that is not called.
    pub fn open(settings: &Settings, credentials: Option<&Credentials>, net: &Net) -> Result<Self, Faults> {
        let credentials = needed(credentials)?;
        let mut faults = Faults::none();
        let url = format!("{}/v1/messages", settings.api_base.trim_end_matches('/'));
        check_url(&mut faults, net, "/settings/api_base", &url);
        let balance_url = format!("{}/account/get-balance", settings.account_base.trim_end_matches('/'));
        check_url(&mut faults, net, "/settings/account_base", &balance_url);
        let Some(identity) = identity(&mut faults, settings, credentials) else { return Err(faults) };
        faults.or(Self {
            api_key: settings.api_key.clone(),
            from: digits(&settings.from).to_owned(),
            url,
            balance_url,
            identity,
            signature_secret: credentials.signature_secret.clone(),
            net: net.clone(),
        })
    }

    fn authorised(&self, request: RequestBuilder, now: DateTime<Utc>) -> Result<RequestBuilder, String> {
        match &self.identity {
            Identity::Account(secret) => Ok(request.basic_auth(&self.api_key, Some(secret.reveal()))),
            Identity::Application { id, key } => {
                let claims = json!({"application_id": id, "iat": now.timestamp(), "exp": now.timestamp().saturating_add(300), "jti": uuid::Uuid::new_v4()});
                let token = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, key).map_err(|why| why.to_string())?;
                Ok(request.bearer_auth(token))
            }
        }
    }

    async fn post(&self, envelope: &Envelope, text: &Text, now: DateTime<Utc>) -> Outcome {
        let message = Message {
            channel: "sms",
            message_type: "text",
            to: digits(text.to.as_str()),
            from: &self.from,
            text: &text.body,
            client_ref: envelope.message_id,
            webhook_url: envelope.receipts_url.as_ref().map(|url| url.as_str()),
            webhook_version: envelope.receipts_url.as_ref().map(|_| "v1"),
        };
        let request = self.net.post(Mode::Live, &self.url).map_err(|why| why.to_string());
        match request.and_then(|request| self.authorised(request.json(&message), now)) {
            Ok(request) => self.net.hand_over(request, now, outcome).await,
            Err(why) => Outcome::not_sent(why),
        }
    }

    fn signed(&self, inbound: &Inbound, now: DateTime<Utc>) -> Result<(), Unverified> {
        let token = inbound
            .header(SIGNATURE)
            .map_err(|_| Unverified::Unavailable("a signature"))?
            .strip_prefix("Bearer ")
            .ok_or(Unverified::Malformed(SIGNATURE))?;
        let claims: Claims = jwt::claims(token, &self.signature_secret, &[Algorithm::HS256])?;
        if claims.api_key != self.api_key || !jwt::is_digest(&claims.payload_hash, &inbound.body) {
            return Err(Unverified::Mismatch);
        }
        if claims.iat.abs_diff(now.timestamp()) > WINDOW { Err(Unverified::Stale) } else { Ok(()) }
    }

    /// The balance is the cheapest thing to ask for, and an application may not.
    async fn balance(&self, now: DateTime<Utc>) -> Probe {
        let Identity::Account(secret) = &self.identity else { return Probe::NotOffered };
        let answer = ask(&self.net, &self.balance_url, |request| request.basic_auth(&self.api_key, Some(secret.reveal())), now).await;
        probed(answer, |json| Some(format!("balance {} EUR", json.get("value")?)))
    }
}

fn identity(faults: &mut Faults, settings: &Settings, credentials: &Credentials) -> Option<Identity> {
    match (&credentials.api_secret, &credentials.private_key) {
        (Some(secret), None) => return Some(Identity::Account(secret.clone())),
        (None, Some(pem)) => {
            let id = settings.application_id.clone();
            if id.is_none() {
                faults.add("/settings/application_id", "required", "a private key belongs to an application: say which");
            }
            match EncodingKey::from_rsa_pem(pem.reveal().as_bytes()) {
                Ok(key) => return id.map(|id| Identity::Application { id, key }),
                Err(_) => faults.add("/credentials/private_key", "invalid_key", "not an RSA private key in PEM form"),
            }
        }
        _ => faults.add("/credentials/api_secret", "exactly_one", "give either api_secret or private_key"),
    }
    None
}

/// What is posted.
#[derive(serde::Serialize)]
struct Message<'m> {
    channel: &'static str,
    message_type: &'static str,
    to: &'m str,
    from: &'m str,
    text: &'m str,
    client_ref: MessageId,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_url: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_version: Option<&'static str>,
}

/// What a callback's token claims.
#[derive(serde::Deserialize)]
struct Claims {
    iat: i64,
    api_key: String,
    payload_hash: String,
}

fn outcome(answer: &Answer) -> Outcome {
    let json = answer.json().unwrap_or_default();
    match (answer.status, code(&json)) {
        (200..=299, _) => match json.get("message_uuid").and_then(Value::as_str) {
            Some(id) => Outcome::accepted(Some(excerpt(id))),
            None => Outcome::unknown(format!("no message_uuid in {}", answer.summary())),
        },
        (429, _) | (300..=499, Some(1000)) => Outcome::NotSent { reason: answer.summary(), retry_after: answer.retry_after },
        (408, _) | (_, Some(1030)) => Outcome::unknown(answer.summary()),
        (status @ 300..=499, code) => Outcome::Rejected {
            code: code.map_or_else(|| status.to_string(), |code| code.to_string()),
            reason: json.get("detail").and_then(Value::as_str).map_or_else(|| answer.summary(), excerpt),
            permanent: matches!(status, 400 | 422) && !blames_account(code, &json),
            suppress: code.and_then(suppression).or_else(|| at_fault(&json, "to").then_some(SuppressionReason::InvalidAddress)),
        },
        _ => Outcome::unknown(answer.summary()),
    }
}

/// An error's number: the end of its `type`, which is the address of its description, or its `title`.
fn code(error: &Value) -> Option<u64> {
    let text = |name: &str| error.get(name).and_then(Value::as_str);
    let in_type = text("type").and_then(|link| link.rsplit_once('#')).and_then(|(_, code)| code.parse().ok());
    in_type.or_else(|| text("title")?.parse().ok())
}

/// Barred or without credit (1060, 1070), not provisioned (1080, 1140, 1160), a sender that is not allowed (1120).
fn blames_account(code: Option<u64>, error: &Value) -> bool {
    matches!(code, Some(1060 | 1070 | 1080 | 1120 | 1140 | 1160)) || at_fault(error, "from")
}

/// Whether Vonage names this parameter as invalid.
fn at_fault(error: &Value, parameter: &str) -> bool {
    let named = error.get("invalid_parameters").and_then(Value::as_array);
    named.is_some_and(|all| all.iter().any(|one| one.get("name").and_then(Value::as_str) == Some(parameter)))
}

/// Vonage's error numbers that say something about the recipient's number itself.
const fn suppression(code: u64) -> Option<SuppressionReason> {
    match code {
        1240 => Some(SuppressionReason::Unsubscribed),
        // Invalid; no longer active.
        1170 | 1190 => Some(SuppressionReason::InvalidAddress),
        1050 => Some(SuppressionReason::ProviderList),
        _ => None,
    }
}

fn status(word: &str, code: Option<u64>) -> Option<DeliveryStatus> {
    Some(match word {
        "rejected" | "undeliverable" | "failed" if code == Some(1240) => DeliveryStatus::Unsubscribed,
        "submitted" => DeliveryStatus::Accepted,
        "accepted" => DeliveryStatus::Sent,
        "buffered" => DeliveryStatus::Deferred,
        "delivered" => DeliveryStatus::Delivered,
        "rejected" | "undeliverable" | "expired" => DeliveryStatus::Undelivered,
        "failed" => DeliveryStatus::Failed,
        "read" => DeliveryStatus::Opened,
        _ => return None,
    })
}

/// A callback: about a message of ours if it has a status, else a text that somebody sent.
#[derive(serde::Deserialize)]
struct Callback {
    message_uuid: String,
    status: Option<String>,
    timestamp: Option<String>,
    client_ref: Option<String>,
    from: Option<String>,
    text: Option<String>,
    #[serde(default)]
    error: Value,
}

/// What it can carry and prove, whoever the account's owner is.
pub const CAPABILITIES: Capabilities = Capabilities {
    channels: &[Channel::Sms],
    idempotency: Idempotency::None,
    lookup: false,
    signature: ReceiptSignature::Jwt,
    grade: EvidenceGrade::Handset,
};

impl Provider for Vonage {
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
        let callback: Callback = serde_json::from_slice(&inbound.body).map_err(|error| Unreadable(excerpt(&error.to_string())))?;
        let at = callback.timestamp.as_deref().and_then(moment);
        let id = &callback.message_uuid;
        let Some(word) = &callback.status else {
            let (Some(from), Some(text)) = (&callback.from, &callback.text) else { return Ok(Vec::new()) };
            return Reply { from, text, id, at }.stop();
        };
        let code = code(&callback.error);
        let status = status(word, code).ok_or_else(|| Unreadable(excerpt(&format!("unknown status {word}"))))?;
        let ours = callback.client_ref.and_then(|text| text.parse().ok());
        let detail = callback.error.get("detail").and_then(Value::as_str).unwrap_or_default();
        Ok(vec![Report {
            about: ours.map_or_else(|| About::ProviderId(excerpt(id)), About::Message),
            status,
            at,
            dedupe: excerpt(&format!("{id}:{word}")),
            raw_name: excerpt(word),
            detail: code.map(|code| excerpt(format!("error {code} {detail}").trim_end())),
        }])
    }

    fn answer(&self) -> u16 {
        200
    }

    fn probe(&self, now: DateTime<Utc>) -> BoxFuture<'_, Probe> {
        self.balance(now).boxed()
    }
}

#[cfg(test)]
pub(in crate::outbound) mod tests;
