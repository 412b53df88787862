//! Maileva, of La Poste: letters on paper, simple or registered, and its notifications.
//!
//! A letter is drafted, given its document and its recipient, and submitted. Nothing is printed before it is submitted: whatever fails earlier has certainly not left,
//! and its draft is thrown away as far as that succeeds. Only a submission whose answer is lost is in doubt; our own id, which the sending carries, finds it again.
//!
//! Maileva signs no notification: the path that nobody can guess is the credential. Documents are fetched when a notification announces them.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{BoxFuture, FutureExt, ready};
use reqwest::RequestBuilder;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::{
    mailing::{is_segment, probed, rejected, text, word},
    multipart::Form,
    posting::{Room, Token, no_token, unfit, unprobed},
};
use crate::{
    domain::{
        contact::Channel,
        delivery::{EvidenceGrade, PostalService},
        ids::{MessageId, Mode},
        invalid::Faults,
        provider::ReceiptSignature,
    },
    outbound::{
        Attachment, Capabilities, Content, Envelope, Found, Idempotency, Inbound, Letter, Line, Outcome, Postal, Probe, Proof, Provider,
        Report, Sought, Unreadable, Unverified, excerpt,
        net::{Answer, Failure, MAX_ANSWER_BYTES, Method, Net},
        settings::{Secret, check_url, needed},
    },
};

mod asking;
mod notices;

const REGISTERED: &str = "/registered_mail/v4";
const SIMPLE: &str = "/mail/v2";
/// Where registered letters go.
const COUNTRIES: &[&str] = &["FR", "MC", "RE", "YT", "MQ", "GP", "MF", "BL", "GF"];
/// What it prints of an address; the postal code and the town share a line.
const ROOM: Room = Room { name: LINE, attention: LINE, line: LINE, lines: 3, postal_code: LINE, city: LINE };
const LINE: usize = 38;
/// The largest document that it takes, in bytes.
const MOST: usize = 20_000_000;
/// How long before its end a token is given up.
const MARGIN: TimeDelta = TimeDelta::seconds(20);

/// How to make receipts arrive.
pub const STEPS: &[&str] = &[
    "Ask Maileva for an application and copy its client_id and client_secret, and a user's name and password, into this account.",
    "With Maileva's interface notification_center, subscribe {url} for registered_mail/v4/sendings to ON_STATUS_ACCEPTED, ON_STATUS_REJECTED and ON_STATUS_PROCESSED.",
    "Subscribe {url} for registered_mail/v4/recipients to ON_DEPOSIT_PROOF_RECEIVED, ON_CONTENT_PROOF_RECEIVED, ON_ACKNOWLEDGEMENT_OF_RECEIPT_RECEIVED, ON_UNDELIVERED_MAIL_RECEIVED, ON_MAIN_DELIVERY_STATUS_FIRST_PRESENTATION, ON_MAIN_DELIVERY_STATUS_DELIVERED and ON_MAIN_DELIVERY_STATUS_UNDELIVERED.",
    "Subscribe {url} for mail/v2/sendings to ON_STATUS_ACCEPTED, ON_STATUS_REJECTED and ON_STATUS_PROCESSED.",
    "Subscribe with the same application and user that this account names: Maileva notifies nobody else.",
];

/// A Maileva account.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The application's client_id.
    #[schema(min_length = 1, max_length = 200, example = "appli.123")]
    pub client_id: String,
    /// The user in whose name letters are sent.
    #[schema(min_length = 1, max_length = 200, example = "jean.dupont")]
    pub username: String,
    /// Whether a sheet with nothing but the address goes on top, at a price: for a document whose address the envelope's window would not show.
    #[serde(default)]
    pub address_sheet: bool,
    /// Whether letters that cannot be delivered return to Maileva, who scans them and says so; otherwise they return to the sender.
    #[serde(default)]
    pub report_returns: bool,
    /// Where Maileva's interface is found, when it is not its usual place: `https://api.sandbox.maileva.net` prints nothing.
    #[serde(default = "maileva_api")]
    #[schema(format = "uri", min_length = 8, max_length = 200, example = "https://api.maileva.com")]
    pub api_base: String,
    /// Where Maileva's access tokens are had, when it is not their usual place.
    #[serde(default = "maileva_token")]
    #[schema(
        format = "uri",
        min_length = 8,
        max_length = 200,
        example = "https://connexion.maileva.com/auth/realms/services/protocol/openid-connect/token"
    )]
    pub token_url: String,
}

fn maileva_api() -> String {
    "https://api.maileva.com".to_owned()
}

fn maileva_token() -> String {
    "https://connexion.maileva.com/auth/realms/services/protocol/openid-connect/token".to_owned()
}

/// The keys of a Maileva account.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The application's client_secret. Never shown again.
    #[schema(value_type = String, format = Password, write_only, min_length = 1, max_length = 200, example = "0123456789abcdef")]
    pub client_secret: Secret,
    /// The user's password. Never shown again.
    #[schema(value_type = String, format = Password, write_only, min_length = 1, max_length = 200, example = "correct horse battery staple")]
    pub password: Secret,
}

/// A Maileva account.
#[derive(Debug)]
pub struct Maileva {
    settings: Settings,
    keys: Credentials,
    base: String,
    token: Token,
    net: Net,
}

/// A letter in the words of the interface that carries it.
struct Draft {
    api: &'static str,
    sending: Value,
    recipient: Value,
}

impl Maileva {
    /// The adapter of one account.
    ///
    /// # Errors
    /// An interface that is not called.
    pub fn open(settings: &Settings, credentials: Option<&Credentials>, net: &Net) -> Result<Self, Faults> {
        let credentials = needed(credentials)?;
        let mut faults = Faults::none();
        let base = settings.api_base.trim_end_matches('/').to_owned();
        check_url(&mut faults, net, "/settings/api_base", &base);
        check_url(&mut faults, net, "/settings/token_url", &settings.token_url);
        faults.or(Self { settings: settings.clone(), keys: credentials.clone(), base, token: Token::default(), net: net.clone() })
    }

    /// A token, with its end.
    async fn sign_in(&self, now: DateTime<Utc>) -> Result<(Secret, DateTime<Utc>), Outcome> {
        let form = [
            ("grant_type", "password"),
            ("client_id", &self.settings.client_id),
            ("client_secret", self.keys.client_secret.reveal()),
            ("username", &self.settings.username),
            ("password", self.keys.password.reveal()),
        ];
        let answer = match self.net.post(Mode::Live, &self.settings.token_url) {
            Ok(request) => self.net.call(request.form(&form), now).await,
            Err(why) => Err(Failure::NotSent(why.to_string())),
        };
        let json = answer.as_ref().ok().and_then(Answer::json).unwrap_or_default();
        match (&answer, text(&json, "/access_token")) {
            (Ok(Answer { status: 200, .. }), Some(token)) => {
                let seconds = json.get("expires_in").and_then(Value::as_i64).unwrap_or(60).clamp(0, 86_400);
                Ok((Secret::new(token), now + TimeDelta::seconds(seconds) - MARGIN))
            }
            _ => Err(no_token(&answer)),
        }
    }

    /// Calls `path` with the token; `dress` adds a body.
    async fn call(
        &self,
        (method, path): (Method, &str),
        most: usize,
        now: DateTime<Utc>,
        dress: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Result<Answer, Failure>, Outcome> {
        let url = format!("{}{path}", self.base);
        let request = |token: &Secret| match self.net.request(method.clone(), Mode::Live, &url) {
            Ok(request) => Ok(dress(request).bearer_auth(token.reveal())),
            Err(why) => Err(Failure::NotSent(why.to_string())),
        };
        self.token.call((&self.net, most), now, || self.sign_in(now), request).await
    }

    /// A step before the submission: it fails, and nothing has left.
    async fn step(&self, path: &str, now: DateTime<Utc>, dress: impl Fn(RequestBuilder) -> RequestBuilder) -> Result<Value, Outcome> {
        match self.call((Method::POST, path), MAX_ANSWER_BYTES, now, dress).await? {
            Ok(answer) => match (answer.status, answer.json()) {
                (200..=299, Some(json)) => Ok(json),
                (200..=299 | 500.., _) => Err(Outcome::not_sent(answer.summary())),
                _ => Err(refusal(&answer)),
            },
            Err(Failure::NotSent(why) | Failure::Lost(why)) => Err(Outcome::not_sent(why)),
        }
    }

    async fn post(&self, envelope: &Envelope, letter: &Letter, now: DateTime<Utc>) -> Outcome {
        let draft = match self.draft(envelope.message_id, letter) {
            Ok(draft) => draft,
            Err(refusal) => return refusal,
        };
        let made = self.step(&format!("{}/sendings", draft.api), now, |request| request.json(&draft.sending)).await;
        let id = match made.map(|json| text(&json, "/id").filter(|id| is_segment(id)).map(str::to_owned)) {
            Ok(Some(id)) => id,
            Ok(None) => return Outcome::not_sent("Maileva gave the draft no name"),
            Err(outcome) => return outcome,
        };
        let sending = format!("{}/sendings/{id}", draft.api);
        // The steps together take no longer than one call may, so that all is over well before the message's lease.
        let filled = timeout(self.net.deadlines().total, self.fill(&sending, &draft, envelope.message_id, letter, now)).await;
        let outcome = match filled.unwrap_or_else(|_| Err(Outcome::not_sent("drafting the letter took too long"))) {
            Ok(()) => self.submit(&sending, &id, now).await,
            Err(outcome) => outcome,
        };
        if matches!(outcome, Outcome::Rejected { .. } | Outcome::NotSent { .. }) {
            // A draft that stays costs nothing and is never sent.
            let _ = self.call((Method::DELETE, &sending), MAX_ANSWER_BYTES, now, |request| request).await;
        }
        outcome
    }

    async fn fill(&self, sending: &str, draft: &Draft, id: MessageId, letter: &Letter, now: DateTime<Utc>) -> Result<(), Outcome> {
        let written = |line: &str| line.parse::<Line>().map_err(|why| unfit(&why));
        let (name, media_type) = (written(&format!("{id}.pdf"))?, written("application/pdf")?);
        let file = Attachment { name, media_type, bytes: letter.pdf.clone() };
        let document = |request| {
            let mut form = Form::new(&format!("relance-{id}"));
            form.field("metadata", &json!({ "priority": 1, "name": file.name }).to_string());
            form.file("document", &file);
            form.into_request(request)
        };
        self.step(&format!("{sending}/documents"), now, document).await?;
        self.step(&format!("{sending}/recipients"), now, |request| request.json(&draft.recipient)).await.map(drop)
    }

    /// From here on the letter may leave.
    async fn submit(&self, sending: &str, id: &str, now: DateTime<Utc>) -> Outcome {
        match self.call((Method::POST, &format!("{sending}/submit")), MAX_ANSWER_BYTES, now, |request| request).await {
            Ok(Ok(answer)) => match answer.status {
                200..=299 if answer.body.is_some() => Outcome::accepted(Some(id.to_owned())),
                200..=299 | 408 | 500.. => Outcome::unknown(answer.summary()),
                _ if code(&answer).as_deref() == Some("SENDING_STATUS_IS_NOT_DRAFT") => Outcome::unknown(answer.summary()),
                _ => refusal(&answer),
            },
            Ok(Err(Failure::NotSent(why))) => Outcome::not_sent(why),
            Ok(Err(Failure::Lost(why))) => Outcome::unknown(why),
            Err(outcome) => outcome,
        }
    }

    fn draft(&self, id: MessageId, letter: &Letter) -> Result<Draft, Outcome> {
        let registered = match letter.service {
            PostalService::Simple => false,
            PostalService::Registered => true,
            PostalService::Tracked => return Err(unfit("Maileva's interface posts no tracked letters: choose simple or registered")),
        };
        if letter.pdf.len() > MOST {
            return Err(unfit("the letter has more than 20 megabytes"));
        }
        if registered && !COUNTRIES.contains(&letter.to.country.as_str()) {
            return Err(unfit(&format!("Maileva's registered letters go to {} only", COUNTRIES.join(", "))));
        }
        let mut sending = address("sender", "sender_", &letter.from)?;
        let common = [
            ("name", json!(id)),
            ("custom_id", json!(id)),
            ("color_printing", json!(false)),
            ("duplex_printing", json!(true)),
            ("optional_address_sheet", json!(self.settings.address_sheet)),
            ("postage_type", json!("FAST")),
        ];
        let own = if registered {
            vec![("acknowledgement_of_receipt", json!(true)), ("returned_mail_scanning", json!(self.settings.report_returns))]
        } else {
            vec![("treat_undelivered_mail", json!(self.settings.report_returns))]
        };
        sending.extend(common.into_iter().chain(own).map(|(name, value)| (name.to_owned(), value)));
        let mut recipient = address("recipient", "", &letter.to)?;
        recipient.insert("custom_id".to_owned(), json!(id));
        let api = if registered { REGISTERED } else { SIMPLE };
        Ok(Draft { api, sending: Value::Object(sending), recipient: Value::Object(recipient) })
    }
}

/// Maileva's six lines, without those that are empty: the name, whom it is for, three above the town, the town. `prefix` stands before their names.
fn address(whose: &str, prefix: &str, address: &Postal) -> Result<Map<String, Value>, Outcome> {
    ROOM.takes(whose, address)?;
    let code = address.postal_code.as_str();
    if address.country.as_str() == "FR" && (code.len() != 5 || !code.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(unfit(&format!("the {whose}'s postal code must have five digits")));
    }
    let town = format!("{code} {}", address.city).trim().to_owned();
    if town.chars().count() > LINE {
        return Err(unfit(&format!(
            "the {whose}'s postal code and town have {} characters; there is room for {LINE}",
            town.chars().count()
        )));
    }
    // The street stands in the fourth line, and what stands above it when there are three in the third.
    let first = if address.lines.len() > 2 { 3 } else { 4 };
    let lines = address.lines.iter().enumerate().map(|(n, line)| (first + n, line.as_str()));
    let attention = address.attention.iter().map(|line| (2, line.as_str()));
    let all = [(1, address.name.as_str())].into_iter().chain(attention).chain(lines).chain([(6, town.as_str())]);
    let mut fields: Map<String, Value> =
        all.filter(|(_, line)| !line.trim().is_empty()).map(|(n, line)| (format!("{prefix}address_line_{n}"), json!(line))).collect();
    fields.insert(format!("{prefix}country_code"), json!(address.country));
    Ok(fields)
}

/// The first code of an error, which stands alone or in a list.
fn code(answer: &Answer) -> Option<String> {
    let json = answer.json()?;
    word(&json, "/errors/0/code").or_else(|| word(&json, "/code"))
}

/// What a definite refusal says: 400, 413 and 422 speak of the letter, everything else of the account.
fn refusal(answer: &Answer) -> Outcome {
    let json = answer.json().unwrap_or_default();
    let reason = text(&json, "/errors/0/message").or_else(|| text(&json, "/message")).map_or_else(|| answer.summary(), excerpt);
    match answer.status {
        429 => Outcome::NotSent { reason, retry_after: answer.retry_after },
        408 => Outcome::not_sent(reason),
        status => rejected(code(answer).unwrap_or_else(|| status.to_string()), &reason, matches!(status, 400 | 413 | 422), None),
    }
}

/// What it can carry and prove, whoever the account's owner is.
pub const CAPABILITIES: Capabilities = Capabilities {
    channels: &[Channel::Letter],
    idempotency: Idempotency::None,
    lookup: true,
    signature: ReceiptSignature::SecretPath,
    grade: EvidenceGrade::SignedReceipt,
};

impl Provider for Maileva {
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

    /// Nothing is signed: whoever knows the path is Maileva.
    fn verify<'a>(&'a self, _: &'a Inbound, _: DateTime<Utc>) -> BoxFuture<'a, Result<(), Unverified>> {
        ready(Ok(())).boxed()
    }

    fn parse(&self, inbound: &Inbound) -> Result<Vec<Report>, Unreadable> {
        notices::reports(&inbound.body)
    }

    fn proofs<'a>(&'a self, inbound: &'a Inbound, now: DateTime<Utc>) -> BoxFuture<'a, Result<Vec<Proof>, String>> {
        async move {
            let mut proofs = Vec::new();
            for announced in notices::announced(&inbound.body)? {
                proofs.extend(self.fetch(announced, now).await?);
            }
            Ok(proofs)
        }
        .boxed()
    }

    /// Maileva takes 201 and nothing else for taken.
    fn answer(&self) -> u16 {
        201
    }

    fn look_up<'a>(&'a self, sought: &'a Sought, now: DateTime<Utc>) -> BoxFuture<'a, Found> {
        self.search(sought, now).boxed()
    }

    /// Asks for the last registered letter.
    fn probe(&self, now: DateTime<Utc>) -> BoxFuture<'_, Probe> {
        async move {
            let path = format!("{REGISTERED}/sendings?start_index=1&count=1");
            match self.call((Method::GET, &path), MAX_ANSWER_BYTES, now, |request| request).await {
                Ok(answer) => probed(&answer.map_err(|why| why.to_string()), |_| Probe::Fine { detail: None }),
                Err(outcome) => unprobed(&outcome),
            }
        }
        .boxed()
    }
}

#[cfg(test)]
pub(in crate::outbound) mod tests;
