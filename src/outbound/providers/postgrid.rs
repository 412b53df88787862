//! PostGrid: letters printed and posted in North America and elsewhere, and its webhooks, signed as tokens.
//!
//! PostGrid takes an idempotency key and does not say for how long it recognises one: we rely on it for half an hour. Our id goes along as metadata, returns with the
//! webhooks, and tells a letter that is searched for from others.
//!
//! Its `completed` is an estimate of the time that the post takes. It proves no delivery, so nothing that PostGrid says is one.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{BoxFuture, FutureExt, ready};
use jsonwebtoken::Algorithm;
use reqwest::RequestBuilder;
use serde_json::Value;
use url::form_urlencoded;

use super::{
    mailing::{REFERENCE, about, ask, detail, is_segment, probed, rejected, rfc_3339, text},
    multipart::Form,
    posting::{Room, unfit},
    zip,
};
use crate::{
    domain::{
        contact::Channel,
        delivery::{DeliveryStatus, EvidenceGrade, PostalService},
        ids::{MessageId, Mode},
        invalid::Faults,
        provider::ReceiptSignature,
    },
    outbound::{
        About, Attachment, Capabilities, Content, Envelope, Found, Idempotency, Inbound, Letter, Line, Outcome, Postal, Probe, Provider,
        Report, Sought, Unreadable, Unverified,
        address::Forbidden,
        excerpt, jwt,
        net::{Answer, Method, Net},
        settings::{Secret, check_url, needed},
    },
};

/// How far ahead of ours a token's time may be.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);
/// It promises no room; this is what fits a window.
const ROOM: Room = Room { name: 60, attention: 60, line: 60, lines: 2, postal_code: 20, city: 60 };

/// How to make receipts arrive.
pub const STEPS: &[&str] = &[
    "In the PostGrid dashboard, open Webhooks and create one with {url} as its URL.",
    "Leave its payload format at JWT: the JSON format is refused here.",
    "Select letter.created and letter.updated.",
    "Copy the webhook's secret into this account's credentials as webhook_secret.",
];

/// A PostGrid account.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether a sheet with nothing but the address goes on top, at a price. Without it, PostGrid prints the address over the top of the first page, which must be blank
    /// there.
    #[serde(default = "yes")]
    pub address_sheet: bool,
    /// Where PostGrid's interface is found, when it is not its usual place.
    #[serde(default = "postgrid_api")]
    #[schema(format = "uri", min_length = 8, max_length = 200, example = "https://api.postgrid.com/print-mail/v1")]
    pub api_base: String,
}

const fn yes() -> bool {
    true
}

fn postgrid_api() -> String {
    "https://api.postgrid.com/print-mail/v1".to_owned()
}

/// The keys of a PostGrid account.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// A Print & Mail API key. Never shown again.
    #[schema(value_type = String, format = Password, write_only, min_length = 1, max_length = 200, example = "live_sk_0123456789abcdef")]
    pub api_key: Secret,
    /// The webhook's secret; no webhook is believed without it. Never shown again.
    #[schema(value_type = String, format = Password, write_only, min_length = 8, max_length = 200, example = "webhook_secret_0123456789abcdef")]
    pub webhook_secret: Secret,
}

/// A PostGrid account.
#[derive(Debug)]
pub struct Postgrid {
    settings: Settings,
    base: String,
    keys: Credentials,
    net: Net,
}

impl Postgrid {
    /// The adapter of one account.
    ///
    /// # Errors
    /// An interface that is not called, an empty webhook secret.
    pub fn open(settings: &Settings, credentials: Option<&Credentials>, net: &Net) -> Result<Self, Faults> {
        let credentials = needed(credentials)?;
        let mut faults = Faults::none();
        let base = settings.api_base.trim_end_matches('/').to_owned();
        check_url(&mut faults, net, "/settings/api_base", &base);
        if credentials.webhook_secret.reveal().is_empty() {
            faults.add("/credentials/webhook_secret", "required", "copy the webhook's secret from the dashboard");
        }
        faults.or(Self { settings: settings.clone(), base, keys: credentials.clone(), net: net.clone() })
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, Forbidden> {
        let request = self.net.request(method, Mode::Live, &format!("{}{path}", self.base))?;
        Ok(request.header("x-api-key", self.keys.api_key.reveal()))
    }

    async fn post(&self, envelope: &Envelope, letter: &Letter, now: DateTime<Utc>) -> Outcome {
        let form = match self.form(envelope.message_id, letter) {
            Ok(form) => form,
            Err(refusal) => return refusal,
        };
        match self.request(Method::POST, "/letters") {
            Ok(request) => {
                let request = request.header("idempotency-key", envelope.idempotency_key.as_str());
                self.net.hand_over(form.into_request(request), now, outcome).await
            }
            Err(why) => Outcome::not_sent(why.to_string()),
        }
    }

    fn form(&self, id: MessageId, letter: &Letter) -> Result<Form, Outcome> {
        let mut form = Form::new(&format!("relance-{id}"));
        address(&mut form, "to", "recipient", &letter.to)?;
        address(&mut form, "from", "sender", &letter.from)?;
        let home = letter.to.country.as_str() == "US";
        let class = match letter.service {
            PostalService::Simple => "first_class",
            PostalService::Tracked if home => "certified",
            PostalService::Registered if home => "certified_return_receipt",
            PostalService::Tracked | PostalService::Registered => "registered",
        };
        let placement = if self.settings.address_sheet { "insert_blank_page" } else { "top_first_page" };
        let plain = [("mailingClass", class), ("size", "a4"), ("color", "false"), ("doubleSided", "true"), ("addressPlacement", placement)];
        for (name, value) in plain {
            form.field(name, value);
        }
        form.field("description", &id.to_string());
        form.field(&format!("metadata[{REFERENCE}]"), &id.to_string());
        let written = |line: &str| line.parse::<Line>().map_err(|why| unfit(&why));
        let (name, media_type) = (written(&format!("{id}.pdf"))?, written("application/pdf")?);
        form.file("pdf", &Attachment { name, media_type, bytes: letter.pdf.clone() });
        Ok(form)
    }

    /// The event that a token carries.
    fn event(&self, inbound: &Inbound) -> Result<Value, Unverified> {
        let token = std::str::from_utf8(&inbound.body).map_err(|_| Unverified::Malformed("body"))?;
        jwt::claims(token.trim().trim_matches('"'), &self.keys.webhook_secret, &[Algorithm::HS256])
    }

    /// A token tells its end, and when it was made; a replay before its end is recognised by its [`Report::dedupe`].
    fn signed(&self, inbound: &Inbound, now: DateTime<Utc>) -> Result<(), Unverified> {
        let event = self.event(inbound)?;
        let time = |name: &str| event.get(name).and_then(Value::as_i64).and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        let ended = time("exp").is_some_and(|end| end + TOLERANCE < now);
        let ahead = time("iat").is_some_and(|made| made - TOLERANCE > now);
        if ended || ahead { Err(Unverified::Stale) } else { Ok(()) }
    }

    /// Asks by PostGrid's name, else searches for ours. Finding nothing proves nothing: what it searches is not documented.
    async fn search(&self, sought: &Sought, now: DateTime<Utc>) -> Found {
        let ours = sought.message_id.to_string();
        let path = match sought.provider_id.as_deref().filter(|id| is_segment(id)) {
            Some(id) => format!("/letters/{id}"),
            None => {
                let mut query = form_urlencoded::Serializer::new(String::new());
                format!("/letters?{}", query.append_pair("limit", "10").append_pair("search", &ours).finish())
            }
        };
        let answer = match ask(&self.net, self.request(Method::GET, &path), now).await {
            Ok(answer) => answer,
            Err(why) => return Found::Failed(why),
        };
        let json = answer.json().unwrap_or_default();
        let own = |letter: &&Value| text(letter, &format!("/metadata/{REFERENCE}")) == Some(&ours);
        let letters = json.get("data").and_then(Value::as_array).map_or(std::slice::from_ref(&json), Vec::as_slice);
        match letters.iter().find(own).and_then(|letter| Some((letter, text(letter, "/id")?))) {
            Some((letter, id)) if answer.status == 200 => {
                let about = About::Message(sought.message_id);
                Found::Taken {
                    provider_id: Some(excerpt(id)),
                    reports: report(letter, about, &format!("asked:{id}")).into_iter().collect(),
                }
            }
            _ if answer.status == 404 => Found::Absent,
            _ => Found::Failed(answer.summary()),
        }
    }
}

/// Fields such as `to[addressLine1]`.
fn address(form: &mut Form, field: &str, whose: &str, address: &Postal) -> Result<(), Outcome> {
    ROOM.takes(whose, address)?;
    let home = address.country.as_str() == "US";
    let state = zip::state(address.postal_code.as_str()).filter(|_| home);
    if home && state.is_none() {
        return Err(unfit(&format!("the {whose}'s postal code is no ZIP code")));
    }
    let line = |n: usize| address.lines.get(n).map(Line::as_str);
    let fields = [
        ("companyName", Some(address.name.as_str())),
        ("firstName", address.attention.as_ref().map(Line::as_str)),
        ("addressLine1", line(0)),
        ("addressLine2", line(1)),
        ("city", Some(address.city.as_str())),
        ("provinceOrState", state),
        ("postalOrZip", Some(address.postal_code.as_str())),
        ("countryCode", Some(address.country.as_str())),
    ];
    for (name, value) in fields {
        if let Some(value) = value.filter(|value| !value.trim().is_empty()) {
            form.field(&format!("{field}[{name}]"), value);
        }
    }
    Ok(())
}

fn outcome(answer: &Answer) -> Outcome {
    let json = answer.json().unwrap_or_default();
    let reason = text(&json, "/error/message").or_else(|| text(&json, "/message")).map_or_else(|| answer.summary(), excerpt);
    let code = text(&json, "/error/type").map_or_else(|| answer.status.to_string(), str::to_owned);
    match answer.status {
        200..=299 => match text(&json, "/id") {
            Some(id) => Outcome::accepted(Some(excerpt(id))),
            None => Outcome::unknown(reason),
        },
        429 => Outcome::NotSent { reason, retry_after: answer.retry_after },
        // The same letter is being taken, perhaps.
        408 | 409 => Outcome::unknown(reason),
        status @ 300..=499 => rejected(code, &reason, matches!(status, 400 | 413 | 422), None),
        _ => Outcome::unknown(reason),
    }
}

/// What a letter's state says: a scan of its barcode on its way back outweighs the estimate.
fn status(letter: &Value) -> Option<(DeliveryStatus, &str)> {
    let state = text(letter, "/status")?;
    if let Some(scan @ "returned_to_sender") = text(letter, "/imbStatus") {
        return Some((DeliveryStatus::Undelivered, scan));
    }
    let status = match state {
        "ready" | "printing" => DeliveryStatus::Accepted,
        "processed_for_delivery" | "completed" => DeliveryStatus::Sent,
        "cancelled" => DeliveryStatus::Failed,
        _ => return None,
    };
    Some((status, text(letter, "/imbStatus").unwrap_or(state)))
}

fn report(letter: &Value, about: About, dedupe: &str) -> Option<Report> {
    let (status, said) = status(letter)?;
    let tracking = text(letter, "/trackingNumber").map(|number| format!("tracking {number}"));
    let detail = detail(&[text(letter, "/cancellation/reason"), text(letter, "/cancellation/note"), tracking.as_deref()]);
    let at = rfc_3339(text(letter, "/updatedAt"));
    Some(Report { about, status, at, dedupe: excerpt(dedupe), raw_name: excerpt(said), detail })
}

/// What it can carry and prove, whoever the account's owner is.
pub const CAPABILITIES: Capabilities = Capabilities {
    channels: &[Channel::Letter],
    idempotency: Idempotency::Key(TimeDelta::hours(1)),
    lookup: true,
    signature: ReceiptSignature::Jwt,
    // A scan of its barcode shows that a letter entered the mail.
    grade: EvidenceGrade::Posted,
};

impl Provider for Postgrid {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn send<'a>(&'a self, envelope: &'a Envelope, now: DateTime<Utc>) -> BoxFuture<'a, Outcome> {
        async move {
            match &envelope.content {
                Content::Letter(letter) => self.post(envelope, letter, now).await,
                _ => Outcome::wrong_channel(envelope.channel()),
            }
        }
        .boxed()
    }

    fn verify<'a>(&'a self, inbound: &'a Inbound, now: DateTime<Utc>) -> BoxFuture<'a, Result<(), Unverified>> {
        ready(self.signed(inbound, now)).boxed()
    }

    fn parse(&self, inbound: &Inbound) -> Result<Vec<Report>, Unreadable> {
        let event = self.event(inbound).map_err(|why| Unreadable(why.to_string()))?;
        let kind = text(&event, "/type").ok_or_else(|| Unreadable("type is missing".to_owned()))?;
        let dedupe = text(&event, "/id").ok_or_else(|| Unreadable("id is missing".to_owned()))?;
        let letter = event.get("data").filter(|_| kind.starts_with("letter."));
        let about = letter.and_then(|letter| about(text(letter, &format!("/metadata/{REFERENCE}")), text(letter, "/id")));
        Ok(letter.zip(about).and_then(|(letter, about)| report(letter, about, dedupe)).into_iter().collect())
    }

    /// PostGrid takes 200 and nothing else for taken.
    fn answer(&self) -> u16 {
        200
    }

    fn look_up<'a>(&'a self, sought: &'a Sought, now: DateTime<Utc>) -> BoxFuture<'a, Found> {
        self.search(sought, now).boxed()
    }

    /// Asks for the last letter, and tells when the key only rehearses.
    fn probe(&self, now: DateTime<Utc>) -> BoxFuture<'_, Probe> {
        async move {
            let rehearses = self.keys.api_key.reveal().starts_with("test_").then(|| "a test key: nothing is printed".to_owned());
            let answer = ask(&self.net, self.request(Method::GET, "/letters?limit=1"), now).await;
            probed(&answer, |_| Probe::Fine { detail: rehearses })
        }
        .boxed()
    }
}

#[cfg(test)]
pub(in crate::outbound) mod tests;
