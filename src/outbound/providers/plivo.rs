//! Plivo: text messages by its REST interface, status callbacks, and incoming STOP.
//!
//! Plivo takes neither an idempotency key nor a reference of ours, but calls the very URL that it was given with a message: our own id stands in its query, so
//! that a callback settles a lost answer too. A long message is reported part by part, each under the name of the first.
//!
//! Signatures: version 3 covers the URL, the form and a nonce; version 2 the URL without its query and a nonce. Plivo promises version 2 alone for messages.
//! Version 2 is therefore believed where version 3 is absent, and only there: what it leaves open, the form, then rests on the path that nobody can guess.
//! Neither signs a time: a replay is recognised by [`Report::dedupe`].

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};
use data_encoding::BASE64;
use futures_util::future::{BoxFuture, FutureExt, ready};
use serde_json::Value;
use url::{Url, form_urlencoded};

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
        Unverified, excerpt,
        net::{Answer, Failure, Net},
        providers::texting::{Reply, ask, digits, found, moment_in_utc, probed},
        settings::{Secret, check_url, needed},
    },
};

const SIGNATURE_V3: &str = "x-plivo-signature-v3";
const NONCE_V3: &str = "x-plivo-signature-v3-nonce";
const SIGNATURE_V2: &str = "x-plivo-signature-v2";
const NONCE_V2: &str = "x-plivo-signature-v2-nonce";
/// The parameter of the callback's URL that carries our message's id.
const OURS: &str = "message";

/// How to make receipts arrive.
pub const STEPS: &[&str] = &[
    "Do nothing for delivery reports: {url} is given to Plivo with each message.",
    "In the Plivo console, open Messaging, Applications, and create an application with {url} as its Message URL and POST as its method.",
    "Link the number that sends to this application, so that incoming STOP messages arrive.",
];

/// A Plivo account. Exactly one of `from` and `powerpack_uuid` is given.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The auth ID of the account or subaccount.
    #[schema(pattern = "^(MA|SA)[A-Z0-9]{18}$", min_length = 20, max_length = 20, example = "MAXXXXXXXXXXXXXXXXXX")]
    pub auth_id: String,
    /// The sender: a number in E.164 form, or a name of up to eleven letters and digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = r"^(\+[1-9][0-9]{6,14}|[A-Za-z0-9 ]{1,11})$", max_length = 16, example = "+33757000000")]
    pub from: Option<String>,
    /// The Powerpack that chooses the sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "uuid", min_length = 36, max_length = 36, example = "86bbb125-97bb-4d72-89fd-81d5c515b015")]
    pub powerpack_uuid: Option<String>,
    /// Where Plivo's interface is found, when it is not its usual place.
    #[serde(default = "plivo_api")]
    #[schema(format = "uri", min_length = 8, max_length = 200, example = "https://api.plivo.com")]
    pub api_base: String,
}

fn plivo_api() -> String {
    "https://api.plivo.com".to_owned()
}

/// The key of a Plivo account.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The auth token: it sends, and it verifies receipts. Never shown again.
    #[schema(value_type = String, format = Password, write_only, min_length = 1, max_length = 200, example = "0123456789abcdef0123456789abcdef")]
    pub auth_token: Secret,
}

/// A Plivo account.
#[derive(Debug)]
pub struct Plivo {
    auth_id: String,
    /// The field that names the sender, and its value.
    sender: (&'static str, String),
    /// The account's own address, which ends in a slash, as Plivo's all do.
    account_url: String,
    auth_token: Secret,
    net: Net,
}

impl Plivo {
    /// The adapter of one account.
    ///
    /// # Errors
    /// No sender or two, or an interface that is not called.
    pub fn open(settings: &Settings, credentials: Option<&Credentials>, net: &Net) -> Result<Self, Faults> {
        let credentials = needed(credentials)?;
        let mut faults = Faults::none();
        let auth_id = &settings.auth_id;
        let account_url = format!("{}/v1/Account/{auth_id}/", settings.api_base.trim_end_matches('/'));
        check_url(&mut faults, net, "/settings/api_base", &account_url);
        if auth_id.is_empty() || !auth_id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            faults.add("/settings/auth_id", "invalid", "write the auth ID: MA or SA and 18 letters and digits");
        }
        let sender = match (&settings.from, &settings.powerpack_uuid) {
            (Some(from), None) => ("src", digits(from).to_owned()),
            (None, Some(powerpack)) => ("powerpack_uuid", powerpack.clone()),
            _ => {
                faults.add("/settings/from", "exactly_one", "give either from or powerpack_uuid");
                return Err(faults);
            }
        };
        let auth_token = credentials.auth_token.clone();
        faults.or(Self { auth_id: auth_id.clone(), sender, account_url, auth_token, net: net.clone() })
    }

    async fn post(&self, envelope: &Envelope, text: &Text, now: DateTime<Utc>) -> Outcome {
        let mut message = BTreeMap::from([
            ("dst", digits(text.to.as_str())),
            (self.sender.0, self.sender.1.as_str()),
            ("text", &text.body),
            ("type", "sms"),
        ]);
        let url = envelope.receipts_url.as_ref().and_then(|url| own_url(url.as_str(), &envelope.message_id.to_string()));
        if let Some(url) = &url {
            message.extend([("url", url.as_str()), ("method", "POST")]);
        }
        let request = match self.net.post(Mode::Live, &format!("{}Message/", self.account_url)) {
            Ok(request) => request.basic_auth(&self.auth_id, Some(self.auth_token.reveal())).json(&message),
            Err(why) => return Outcome::not_sent(why.to_string()),
        };
        self.net.hand_over(request, now, outcome).await
    }

    async fn get(&self, path: &str, now: DateTime<Utc>) -> Result<Answer, Failure> {
        let url = format!("{}{path}", self.account_url);
        ask(&self.net, &url, |request| request.basic_auth(&self.auth_id, Some(self.auth_token.reveal())), now).await
    }

    fn signed(&self, inbound: &Inbound) -> Result<(), Unverified> {
        let (given, text) = if inbound.headers.contains_key(SIGNATURE_V3) || !inbound.headers.contains_key(SIGNATURE_V2) {
            let given = inbound.header(SIGNATURE_V3)?;
            (given, format!("{}.{}", signed_text(inbound), inbound.header(NONCE_V3)?))
        } else {
            let given = inbound.header(SIGNATURE_V2)?;
            (given, format!("{}{}", parts(&inbound.url).0, inbound.header(NONCE_V2)?))
        };
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.auth_token.reveal().as_bytes());
        // One per token while a token is being replaced.
        let matches = |one: &str| BASE64.decode(one.trim().as_bytes()).is_ok_and(|tag| hmac::verify(&key, text.as_bytes(), &tag).is_ok());
        if given.split(',').any(matches) { Ok(()) } else { Err(Unverified::Mismatch) }
    }
}

/// The receipts' URL with our message's id in its query.
fn own_url(url: &str, message: &str) -> Option<String> {
    let mut url = Url::parse(url).ok()?;
    url.query_pairs_mut().append_pair(OURS, message);
    Some(url.into())
}

/// A URL without its query, and its query.
fn parts(url: &str) -> (&str, &str) {
    let url = url.split_once('#').map_or(url, |(before, _)| before);
    url.split_once('?').unwrap_or((url, ""))
}

/// Names and values, sorted by both.
fn sorted(encoded: &[u8]) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> = form_urlencoded::parse(encoded).into_owned().collect();
    pairs.sort();
    pairs
}

/// What version 3 signs before the nonce: the URL, its query sorted, and of a POST the form sorted and run together.
fn signed_text(inbound: &Inbound) -> String {
    let (base, query) = parts(&inbound.url);
    let query = sorted(query.as_bytes()).iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    let body = if inbound.method == "POST" { inbound.body.as_slice() } else { &[] };
    let form: String = sorted(body).into_iter().flat_map(|(name, value)| [name, value]).collect();
    match (query.is_empty(), form.is_empty()) {
        (true, true) => base.to_owned(),
        (true, false) => format!("{base}?{form}"),
        (false, true) => format!("{base}?{query}"),
        (false, false) => format!("{base}?{query}.{form}"),
    }
}

fn outcome(answer: &Answer) -> Outcome {
    let json = answer.json().unwrap_or_default();
    let first = |name: &str| json.get(name).and_then(Value::as_array).and_then(|all| all.first()).and_then(Value::as_str);
    let said = json.get("error").and_then(Value::as_str);
    match (answer.status, first("message_uuid"), first("invalid_number")) {
        (200..=299, Some(id), _) => Outcome::accepted(Some(excerpt(id))),
        (200..=299, None, Some(_)) => Outcome::Rejected {
            code: "invalid_number".to_owned(),
            reason: answer.summary(),
            permanent: true,
            suppress: Some(SuppressionReason::InvalidAddress),
        },
        (429, ..) => Outcome::NotSent { reason: answer.summary(), retry_after: answer.retry_after },
        (408, ..) => Outcome::unknown(answer.summary()),
        (status @ 300..=499, ..) => Outcome::Rejected {
            code: status.to_string(),
            reason: said.map_or_else(|| answer.summary(), excerpt),
            // Plivo gives no codes, but names the parameter.
            permanent: status == 400 && !said.is_some_and(|said| said.contains("src") || said.contains("powerpack")),
            suppress: None,
        },
        _ => Outcome::unknown(answer.summary()),
    }
}

fn status(word: &str, code: Option<&str>) -> Option<DeliveryStatus> {
    Some(match word {
        "failed" | "undelivered" | "rejected" if code == Some("200") => DeliveryStatus::Unsubscribed,
        "queued" => DeliveryStatus::Accepted,
        "sent" => DeliveryStatus::Sent,
        "delivered" => DeliveryStatus::Delivered,
        "undelivered" => DeliveryStatus::Undelivered,
        "failed" | "rejected" => DeliveryStatus::Failed,
        "read" => DeliveryStatus::Opened,
        _ => return None,
    })
}

/// An error code, unless it is the one that says that there was none.
fn real(code: &str) -> Option<&str> {
    (!code.bytes().all(|byte| byte == b'0')).then_some(code)
}

/// What Plivo shows of a message when it is asked.
fn looked_up(json: &Value, message: MessageId) -> Option<(String, Vec<Report>)> {
    let text = |name: &str| json.get(name).and_then(Value::as_str);
    let (id, word) = (text("message_uuid")?, text("message_state")?);
    let code = text("error_code").and_then(real);
    let report = status(word, code).map(|status| Report {
        about: About::Message(message),
        status,
        at: None,
        dedupe: excerpt(&format!("{id}:{word}")),
        raw_name: excerpt(word),
        detail: code.map(|code| excerpt(&format!("error {code}"))),
    });
    Some((id.to_owned(), report.into_iter().collect()))
}

/// What it can carry and prove, whoever the account's owner is.
pub const CAPABILITIES: Capabilities = Capabilities {
    channels: &[Channel::Sms],
    idempotency: Idempotency::None,
    lookup: false,
    signature: ReceiptSignature::HmacSha256,
    grade: EvidenceGrade::Handset,
};

impl Provider for Plivo {
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

    fn verify<'a>(&'a self, inbound: &'a Inbound, _: DateTime<Utc>) -> BoxFuture<'a, Result<(), Unverified>> {
        ready(self.signed(inbound)).boxed()
    }

    fn parse(&self, inbound: &Inbound) -> Result<Vec<Report>, Unreadable> {
        let fields: BTreeMap<String, String> = form_urlencoded::parse(&inbound.body).into_owned().collect();
        let field = |name: &str| fields.get(name).map(String::as_str).filter(|text| !text.is_empty());
        let missing = |name: &str| Unreadable(format!("{name} is missing"));
        let id = field("MessageUUID").ok_or_else(|| missing("MessageUUID"))?;
        let Some(word) = field("Status") else {
            let from = field("From").ok_or_else(|| missing("Status"))?;
            return Reply { from, text: field("Text").unwrap_or_default(), id, at: None }.stop();
        };
        let code = field("ErrorCode").and_then(real);
        let status = status(word, code).ok_or_else(|| Unreadable(excerpt(&format!("unknown status {word}"))))?;
        let query = parts(&inbound.url).1;
        let ours = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == OURS).and_then(|(_, value)| value.parse().ok());
        let at = ["DeliveryReportTime", "SentTime", "QueuedTime"].into_iter().find_map(field).and_then(moment_in_utc);
        Ok(vec![Report {
            about: ours.map_or_else(|| About::ProviderId(excerpt(field("ParentMessageUUID").unwrap_or(id))), About::Message),
            status,
            at,
            dedupe: excerpt(&format!("{id}:{word}")),
            raw_name: excerpt(word),
            detail: code.map(|code| excerpt(&format!("error {code}"))),
        }])
    }

    fn answer(&self) -> u16 {
        200
    }

    /// By Plivo's name only: it knows no reference of ours.
    fn look_up<'a>(&'a self, sought: &'a Sought, now: DateTime<Utc>) -> BoxFuture<'a, Found> {
        async move {
            match &sought.provider_id {
                Some(id) if id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') => {
                    found(self.get(&format!("Message/{id}/"), now).await, |json| looked_up(json, sought.message_id))
                }
                _ => Found::NotOffered,
            }
        }
        .boxed()
    }

    fn probe(&self, now: DateTime<Utc>) -> BoxFuture<'_, Probe> {
        async move { probed(self.get("", now).await, |json| Some(format!("credit {} USD", json.get("cash_credits")?.as_str()?))) }.boxed()
    }
}

#[cfg(test)]
pub(in crate::outbound) mod tests;
