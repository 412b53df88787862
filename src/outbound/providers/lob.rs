//! Lob: letters printed and posted in the United States, and its signed webhooks.
//!
//! Lob recognises an idempotency key for 24 hours, so a letter whose answer was lost is handed over again under its key. Our id goes along as metadata, returns with the
//! webhooks, and finds the letter when it is asked for.
//!
//! Lob prints pages of 8.5 by 11 inches and nothing else, and the sender must have an address in the United States. Whether a document's pages are of that size is told
//! by its answer: `invalid_file_dimensions`.

use aws_lc_rs::hmac;
use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::HEXLOWER;
use futures_util::future::{BoxFuture, FutureExt, ready};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{
    mailing::{REFERENCE, about, ask, detail, is_segment, json as read_json, probed, rejected, rfc_3339, since_1970, text},
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
        Attachment, Capabilities, Content, Envelope, Found, Idempotency, Inbound, Letter, Line, Outcome, Postal, Probe, Provider, Report,
        Sought, Unreadable, Unverified,
        address::Forbidden,
        excerpt,
        net::{Answer, Method, Net},
        settings::{Secret, check_url, needed},
    },
};

const SIGNATURE: &str = "lob-signature";
const TIMESTAMP: &str = "lob-signature-timestamp";
/// How far the time of signing may be from the present, either way.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);
/// The country that it posts in.
const HOME: &str = "US";
/// What it prints of an address at home; the two lines together, and of one abroad.
const ROOM: Room = Room { name: 40, attention: 40, line: 64, lines: 2, postal_code: 10, city: 200 };
const BOTH_LINES: usize = 50;
const ROOM_ABROAD: Room = Room { name: 40, attention: 40, line: 200, lines: 2, postal_code: 40, city: 200 };

/// How to make receipts arrive.
pub const STEPS: &[&str] = &[
    "In the Lob dashboard, open Webhooks, choose Live, and create one with {url} as its URL.",
    "Select all events that begin with letter, except letter.viewed and those of return envelopes.",
    "Copy the webhook's secret into this account's credentials as webhook_secret.",
    "Verify the account's e-mail address and its means of payment.",
];

/// A Lob account.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether a sheet with nothing but the address goes on top, at a price. Without it, Lob prints the address over the top of the first page, which must be blank there.
    #[serde(default = "yes")]
    pub address_sheet: bool,
    /// Where Lob's interface is found, when it is not its usual place.
    #[serde(default = "lob_api")]
    #[schema(format = "uri", min_length = 8, max_length = 200, example = "https://api.lob.com")]
    pub api_base: String,
}

const fn yes() -> bool {
    true
}

fn lob_api() -> String {
    "https://api.lob.com".to_owned()
}

/// The keys of a Lob account.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// A secret API key. Never shown again.
    #[schema(value_type = String, format = Password, write_only, min_length = 1, max_length = 200, example = "live_0123456789abcdef0123456789abcdef")]
    pub api_key: Secret,
    /// The webhook's secret; no webhook is believed without it. Never shown again.
    #[schema(value_type = String, format = Password, write_only, min_length = 8, max_length = 200, example = "0123456789abcdef0123456789abcdef")]
    pub webhook_secret: Secret,
}

/// A Lob account.
#[derive(Debug)]
pub struct Lob {
    settings: Settings,
    base: String,
    api_key: Secret,
    webhook_key: hmac::Key,
    net: Net,
}

impl Lob {
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
        let webhook_key = hmac::Key::new(hmac::HMAC_SHA256, credentials.webhook_secret.reveal().as_bytes());
        faults.or(Self { settings: settings.clone(), base, api_key: credentials.api_key.clone(), webhook_key, net: net.clone() })
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, Forbidden> {
        let request = self.net.request(method, Mode::Live, &format!("{}{path}", self.base))?;
        Ok(request.basic_auth(self.api_key.reveal(), Some("")))
    }

    async fn post(&self, envelope: &Envelope, letter: &Letter, now: DateTime<Utc>) -> Outcome {
        let form = match self.form(envelope.message_id, letter) {
            Ok(form) => form,
            Err(refusal) => return refusal,
        };
        match self.request(Method::POST, "/v1/letters") {
            Ok(request) => {
                let request = request.header("idempotency-key", envelope.idempotency_key.as_str());
                self.net.hand_over(form.into_request(request), now, outcome).await
            }
            Err(why) => Outcome::not_sent(why.to_string()),
        }
    }

    fn form(&self, id: MessageId, letter: &Letter) -> Result<Form, Outcome> {
        if letter.from.country.as_str() != HOME {
            return Err(unfit("Lob posts letters of senders in the United States only"));
        }
        let mut form = Form::new(&format!("relance-{id}"));
        address(&mut form, "to", "recipient", &letter.to)?;
        address(&mut form, "from", "sender", &letter.from)?;
        let abroad = letter.to.country.as_str() != HOME;
        let service = match letter.service {
            PostalService::Simple => None,
            PostalService::Tracked | PostalService::Registered if abroad => Some("registered"),
            PostalService::Tracked => Some("certified"),
            PostalService::Registered => Some("certified_return_receipt"),
        };
        if let Some(service) = service {
            form.field("extra_service", service);
        }
        let placement = if self.settings.address_sheet { "insert_blank_page" } else { "top_first_page" };
        let plain = [
            ("color", "false"),
            ("double_sided", "true"),
            ("use_type", "operational"),
            ("mail_type", "usps_first_class"),
            ("address_placement", placement),
        ];
        for (name, value) in plain {
            form.field(name, value);
        }
        form.field("description", &id.to_string());
        form.field(&format!("metadata[{REFERENCE}]"), &id.to_string());
        let written = |line: &str| line.parse::<Line>().map_err(|why| unfit(&why));
        let (name, media_type) = (written(&format!("{id}.pdf"))?, written("application/pdf")?);
        form.file("file", &Attachment { name, media_type, bytes: letter.pdf.clone() });
        Ok(form)
    }

    fn signed(&self, inbound: &Inbound, now: DateTime<Utc>) -> Result<(), Unverified> {
        let (stamp, signature) = (inbound.header(TIMESTAMP)?, inbound.header(SIGNATURE)?);
        // Seconds in some accounts of it, milliseconds in others: the number's size tells.
        let signed_at = since_1970(Some(&json!(stamp))).ok_or(Unverified::Malformed(TIMESTAMP))?;
        if (now - signed_at).abs() > TOLERANCE {
            return Err(Unverified::Stale);
        }
        let signature = HEXLOWER.decode(signature.as_bytes()).map_err(|_| Unverified::Malformed(SIGNATURE))?;
        let text = [stamp.as_bytes(), b".", &inbound.body].concat();
        hmac::verify(&self.webhook_key, &text, &signature).map_err(|_| Unverified::Mismatch)
    }

    /// Asks by Lob's name, else by ours.
    async fn search(&self, sought: &Sought, now: DateTime<Utc>) -> Found {
        let ours = sought.message_id.to_string();
        let path = match sought.provider_id.as_deref().filter(|id| is_segment(id)) {
            Some(id) => format!("/v1/letters/{id}"),
            None => {
                let query = form_urlencoded::Serializer::new(String::new());
                let query = { query }.append_pair("limit", "1").append_pair(&format!("metadata[{REFERENCE}]"), &ours).finish();
                format!("/v1/letters?{query}")
            }
        };
        let answer = match ask(&self.net, self.request(Method::GET, &path), now).await {
            Ok(answer) => answer,
            Err(why) => return Found::Failed(why),
        };
        let json = answer.json().unwrap_or_default();
        let listed = json.get("data").and_then(Value::as_array);
        match (answer.status, listed.map(Vec::as_slice)) {
            (404, _) | (200, Some([])) => Found::Absent,
            (200, found) => {
                let letter = found.and_then(<[Value]>::first).unwrap_or(&json);
                // Another letter would mean that the question was not understood.
                match text(letter, "/id") {
                    Some(id) if text(letter, &format!("/metadata/{REFERENCE}")) == Some(&ours) => {
                        Found::Taken { provider_id: Some(excerpt(id)), reports: Vec::new() }
                    }
                    _ => Found::Failed(answer.summary()),
                }
            }
            _ => Found::Failed(answer.summary()),
        }
    }
}

/// Fields such as `to[address_line1]`.
fn address(form: &mut Form, field: &str, whose: &str, address: &Postal) -> Result<(), Outcome> {
    let home = address.country.as_str() == HOME;
    if home { &ROOM } else { &ROOM_ABROAD }.takes(whose, address)?;
    let both: usize = address.lines.iter().map(|line| line.as_str().chars().count()).sum();
    if home && both > BOTH_LINES {
        return Err(unfit(&format!("the {whose}'s street has {both} characters; there is room for {BOTH_LINES}")));
    }
    let state = match zip::state(address.postal_code.as_str()) {
        Some(state) if home => Some(state),
        None if home => return Err(unfit(&format!("the {whose}'s postal code is no ZIP code"))),
        _ => None,
    };
    let line = |n: usize| address.lines.get(n).map(Line::as_str);
    let fields = [
        ("company", Some(address.name.as_str())),
        ("name", address.attention.as_ref().map(Line::as_str)),
        ("address_line1", line(0)),
        ("address_line2", line(1)),
        ("address_city", Some(address.city.as_str())),
        ("address_state", state),
        ("address_zip", Some(address.postal_code.as_str())),
        ("address_country", Some(address.country.as_str())),
    ];
    for (name, value) in fields {
        if let Some(value) = value.filter(|value| !value.trim().is_empty()) {
            form.field(&format!("{field}[{name}]"), value);
        }
    }
    Ok(())
}

/// Codes of 422 that speak of the account or of how it is set up, not of the letter.
const OF_ACCOUNT: &[&str] =
    &["foreign_return_address", "mail_use_type_can_not_be_null", "unsupported_lob_version", "custom_envelope_inventory_depleted"];

fn outcome(answer: &Answer) -> Outcome {
    let json = answer.json().unwrap_or_default();
    let reason = text(&json, "/error/message").map_or_else(|| answer.summary(), excerpt);
    let code = text(&json, "/error/code").map_or_else(|| answer.status.to_string(), str::to_owned);
    match answer.status {
        200..=299 => match text(&json, "/id") {
            Some(id) => Outcome::accepted(Some(excerpt(id))),
            None => Outcome::unknown(reason),
        },
        429 => Outcome::NotSent { reason, retry_after: answer.retry_after },
        // The same letter is being taken, perhaps.
        408 | 409 => Outcome::unknown(reason),
        422 if code == "conflict" => Outcome::unknown(reason),
        status @ 300..=499 => {
            let permanent = matches!(status, 400 | 413 | 422) && !OF_ACCOUNT.contains(&code.as_str());
            rejected(code, &reason, permanent, None)
        }
        _ => Outcome::unknown(reason),
    }
}

/// What an event says of a letter, certified or not; what is drawn, looked at or sent back in a return envelope says nothing.
fn status(event: &str) -> Option<DeliveryStatus> {
    let stage = event.strip_prefix("letter.")?;
    Some(match stage.strip_prefix("certified.").unwrap_or(stage) {
        "created" => DeliveryStatus::Accepted,
        "mailed" | "in_transit" | "in_local_area" | "processed_for_delivery" | "international_exit" => DeliveryStatus::Sent,
        "re-routed" => DeliveryStatus::Deferred,
        "pickup_available" => DeliveryStatus::AwaitingPickup,
        "delivered" => DeliveryStatus::Delivered,
        "returned_to_sender" => DeliveryStatus::Undelivered,
        "rejected" | "failed" | "deleted" | "issue" => DeliveryStatus::Failed,
        _ => return None,
    })
}

/// What it can carry and prove, whoever the account's owner is.
pub const CAPABILITIES: Capabilities = Capabilities {
    channels: &[Channel::Letter],
    idempotency: Idempotency::Key(TimeDelta::hours(24)),
    lookup: true,
    signature: ReceiptSignature::HmacSha256,
    grade: EvidenceGrade::HandedOver,
};

impl Provider for Lob {
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
        let event = read_json(&inbound.body)?;
        let name = text(&event, "/event_type/id").ok_or_else(|| Unreadable("event_type is missing".to_owned()))?;
        let dedupe = text(&event, "/id").ok_or_else(|| Unreadable("id is missing".to_owned()))?;
        let ours = text(&event, &format!("/body/metadata/{REFERENCE}"));
        let theirs = text(&event, "/reference_id").or_else(|| text(&event, "/body/id"));
        let (Some(status), Some(about)) = (status(name), about(ours, theirs)) else { return Ok(Vec::new()) };
        let tracking = text(&event, "/body/tracking_number").map(|number| format!("tracking {number}"));
        let detail = detail(&[text(&event, "/body/failure_reason/message"), tracking.as_deref()]);
        let at = rfc_3339(text(&event, "/date_created"));
        Ok(vec![Report { about, status, at, dedupe: excerpt(dedupe), raw_name: excerpt(name), detail }])
    }

    fn answer(&self) -> u16 {
        200
    }

    fn look_up<'a>(&'a self, sought: &'a Sought, now: DateTime<Utc>) -> BoxFuture<'a, Found> {
        self.search(sought, now).boxed()
    }

    /// Asks for the last letter, and tells when the key only rehearses.
    fn probe(&self, now: DateTime<Utc>) -> BoxFuture<'_, Probe> {
        async move {
            let rehearses = self.api_key.reveal().starts_with("test_").then(|| "a test key: nothing is printed".to_owned());
            let answer = ask(&self.net, self.request(Method::GET, "/v1/letters?limit=1"), now).await;
            probed(&answer, |_| Probe::Fine { detail: rehearses })
        }
        .boxed()
    }
}

#[cfg(test)]
pub(in crate::outbound) mod tests;
