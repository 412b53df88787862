//! Brevo: e-mail and text messages, with one API key.
//!
//! A mail goes with a key under which Brevo ignores a second one for 30 minutes (an older page says 15); a text has no such thing. What an account can do is said of
//! its kind, so the weaker holds: nothing is sent again by itself. Instead our id goes along as a tag, and what became of a message can be asked for by that tag.
//!
//! Brevo signs nothing: whoever knows the receipt path is believed. It gives events no id either; copies are known by message, word and, where a word may come twice, time.

use chrono::{DateTime, Utc};
use data_encoding::BASE64;
use futures_util::future::{BoxFuture, FutureExt, ready};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use crate::{
    domain::{
        contact::{Channel, Email},
        delivery::EvidenceGrade,
        ids::{MessageId, Mode},
        invalid::Faults,
        provider::ReceiptSignature,
        template::sms::{Encoding, segments},
    },
    outbound::{
        Capabilities, Content, Envelope, Found, Idempotency, Inbound, Line, Mail, Outcome, Probe, Provider, Report, Sought, Text,
        Unreadable, Unverified, excerpt,
        net::{Answer, Failure, Method, Net},
        settings::{Secret, check_url, needed},
    },
};

mod events;

/// What to do at Brevo so that receipts arrive.
pub const STEPS: &[&str] = &[
    "In Brevo, under Senders, domains and dedicated IPs, verify the domain of the sending address.",
    "Under SMTP and API, make an API key, and list the addresses of this installation under authorised IPs if that protection is on.",
    "Under Transactional, Settings, switch off the tracking of opens and clicks, so that nobody is tracked and no link rewritten.",
    "Under Transactional, Settings, Webhook, add a webhook to {url} and select sent, delivered, deferred, soft bounce, hard bounce, invalid email, blocked, error, complaint and unsubscribed.",
    "For text messages nothing more is needed: each tells Brevo where to report.",
];

/// A Brevo account. At least one of `from_email` and `sms_sender` is given.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The address that e-mails come from, of a verified sender or domain. Without it, the account carries no e-mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_email: Option<Email>,
    /// The name beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 200, example = "Dupont SARL")]
    pub from_name: Option<Line>,
    /// The sender of text messages: a name of up to eleven letters and digits, or a number of up to fifteen digits. Without it, the account carries none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^([A-Za-z0-9 ]{1,11}|[0-9]{1,15})$", max_length = 15, example = "Dupont")]
    pub sms_sender: Option<String>,
    /// Where Brevo's interface is found, when it is not its usual place.
    #[serde(default = "brevo_api")]
    #[schema(format = "uri", min_length = 8, max_length = 200, example = "https://api.brevo.com")]
    pub api_base: String,
}

fn brevo_api() -> String {
    "https://api.brevo.com".to_owned()
}

/// The key of a Brevo account.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The API key. Never shown again.
    #[schema(value_type = String, format = Password, write_only, min_length = 1, max_length = 200, example = "xkeysib-0123456789abcdef-0123456789abcdef")]
    pub api_key: Secret,
}

/// A Brevo account.
#[derive(Debug)]
pub struct Brevo {
    settings: Settings,
    base: String,
    api_key: Secret,
    net: Net,
}

impl Brevo {
    /// The adapter of one account.
    ///
    /// # Errors
    /// No sender at all, or an interface that is not called.
    pub fn open(settings: &Settings, credentials: Option<&Credentials>, net: &Net) -> Result<Self, Faults> {
        let credentials = needed(credentials)?;
        let mut faults = Faults::none();
        let base = format!("{}/v3", settings.api_base.trim_end_matches('/'));
        check_url(&mut faults, net, "/settings/api_base", &base);
        if settings.from_email.is_none() && settings.sms_sender.is_none() {
            faults.add("/settings/from_email", "required", "give from_email, sms_sender or both");
        }
        faults.or(Self { settings: settings.clone(), base, api_key: credentials.api_key.clone(), net: net.clone() })
    }

    async fn post(&self, path: &str, body: &Value, now: DateTime<Utc>) -> Outcome {
        let request = match self.net.post(Mode::Live, &format!("{}{path}", self.base)) {
            Ok(request) => request.header("api-key", self.api_key.reveal()).json(body),
            Err(why) => return Outcome::not_sent(why.to_string()),
        };
        self.net.hand_over(request, now, outcome).await
    }

    async fn get(&self, path: &str, now: DateTime<Utc>) -> Result<Answer, Failure> {
        let request = self.net.request(Method::GET, Mode::Live, &format!("{}{path}", self.base));
        let request = request.map_err(|why| Failure::NotSent(why.to_string()))?;
        self.net.call(request.header("api-key", self.api_key.reveal()), now).await
    }

    /// The events of our message under one of Brevo's reports.
    async fn events(&self, report: &str, sought: &Sought, now: DateTime<Utc>) -> Found {
        // Brevo counts whole days of its own time zone, today included.
        let days = (now - sought.sent_at).num_days().saturating_add(2).clamp(2, 30).to_string();
        let tags = json!([sought.message_id]).to_string();
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs([("tags", &tags), ("days", &days)]).finish();
        let answer = match self.get(&format!("/{report}/statistics/events?limit=100&{query}"), now).await {
            Ok(answer) => answer,
            Err(why) => return Found::Failed(why.to_string()),
        };
        match answer.json() {
            Some(json) if answer.status == 200 => events::found(&json, sought.message_id),
            _ => Found::Failed(answer.summary()),
        }
    }
}

fn mail_body(sender: &Email, from_name: Option<&Line>, id: MessageId, mail: &Mail) -> Result<Value, String> {
    let person = |email: &Email, name: Option<&Line>| match name.filter(|name| !name.as_str().is_empty()) {
        Some(name) => json!({ "email": email, "name": name }),
        None => json!({ "email": email }),
    };
    // Brevo wants a UUID, and our id is one inside.
    let mut headers = json!({ "idempotencyKey": id.uuid() });
    if let Some(link) = &mail.list_unsubscribe {
        // Written by the URL parser: printable ASCII without spaces or angle brackets.
        let link =
            Url::parse(link.as_str()).ok().filter(|url| url.scheme() == "https").ok_or("the unsubscribe link is not an https URL")?;
        put(&mut headers, "List-Unsubscribe", json!(format!("<{link}>")));
        put(&mut headers, "List-Unsubscribe-Post", json!("List-Unsubscribe=One-Click"));
    }
    let mut body = json!({
        "sender": person(sender, mail.from_name.as_ref().or(from_name)),
        "to": [person(&mail.to, mail.to_name.as_ref())],
        "subject": mail.subject,
        "htmlContent": mail.html,
        "textContent": mail.text,
        "headers": headers,
        "tags": [id],
    });
    if let Some(reply_to) = &mail.reply_to {
        put(&mut body, "replyTo", json!({ "email": reply_to }));
    }
    if !mail.attachments.is_empty() {
        let files = mail.attachments.iter().map(|file| json!({ "name": file.name, "content": BASE64.encode(&file.bytes) }));
        put(&mut body, "attachment", files.collect());
    }
    Ok(body)
}

fn text_body(sender: &str, envelope: &Envelope, text: &Text) -> Value {
    let mut body = json!({
        "sender": sender,
        "recipient": text.to.as_str().trim_start_matches('+'),
        "content": text.body,
        "type": "transactional",
        "tag": envelope.message_id,
        // Letters outside the common alphabet are otherwise dropped; said of a text that has none, it would double its price.
        "unicodeEnabled": segments(&text.body).encoding != Encoding::Gsm7,
    });
    if let Some(url) = &envelope.receipts_url {
        put(&mut body, "webUrl", json!(url));
    }
    body
}

fn put(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(fields) = object {
        fields.insert(name.to_owned(), value);
    }
}

fn outcome(answer: &Answer) -> Outcome {
    let json = answer.json().unwrap_or_default();
    let text = |name: &str| json.get(name).and_then(Value::as_str);
    let code = text("code").unwrap_or_default();
    match answer.status {
        200..=299 => match json.get("messageId").and_then(plain) {
            Some(id) => Outcome::accepted(Some(excerpt(&id))),
            None => Outcome::unknown(format!("no messageId in {}", answer.summary())),
        },
        429 => {
            let reset = answer.header("x-sib-ratelimit-reset").and_then(|seconds| seconds.trim().parse().ok());
            Outcome::NotSent { reason: answer.summary(), retry_after: answer.retry_after.or(reset.map(std::time::Duration::from_secs)) }
        }
        // The first of two may have been taken, or refused: a look-up tells.
        _ if code == "duplicate_request" => Outcome::unknown(answer.summary()),
        408 => Outcome::unknown(answer.summary()),
        status @ 300..=499 => {
            let reason = text("message").map_or_else(|| answer.summary(), excerpt);
            let of_message = matches!(status, 400 | 413 | 422) && !speaks_of_account(code, &reason);
            let code = if code.is_empty() { status.to_string() } else { excerpt(code) };
            Outcome::Rejected { code, reason, permanent: of_message, suppress: None }
        }
        _ => Outcome::unknown(answer.summary()),
    }
}

/// Brevo words a sender that it does not know as a wrong parameter.
fn speaks_of_account(code: &str, reason: &str) -> bool {
    let reason = reason.to_lowercase();
    matches!(code, "not_enough_credits" | "permission_denied" | "unauthorized" | "account_under_validation" | "method_not_allowed")
        || ["sender", "account", "credit", "api key"].iter().any(|word| reason.contains(word))
}

/// A text, or a number as one.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What it can carry and prove, whoever the account's owner is.
pub const CAPABILITIES: Capabilities = Capabilities {
    channels: &[Channel::Email, Channel::Sms],
    idempotency: Idempotency::None,
    lookup: true,
    signature: ReceiptSignature::SecretPath,
    grade: EvidenceGrade::Handset,
};

impl Provider for Brevo {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn send<'a>(&'a self, envelope: &'a Envelope, now: DateTime<Utc>) -> BoxFuture<'a, Outcome> {
        async move {
            match (&envelope.content, &self.settings.from_email, &self.settings.sms_sender) {
                (Content::Mail(mail), Some(sender), _) => {
                    match mail_body(sender, self.settings.from_name.as_ref(), envelope.message_id, mail) {
                        Ok(body) => self.post("/smtp/email", &body, now).await,
                        Err(reason) => Outcome::Rejected { code: "message".to_owned(), reason, permanent: true, suppress: None },
                    }
                }
                (Content::Text(text), _, Some(sender)) => {
                    self.post("/transactionalSMS/send", &text_body(sender, envelope, text), now).await
                }
                _ => Outcome::wrong_channel(envelope.channel()),
            }
        }
        .boxed()
    }

    /// Nothing to check: who reached this knew the path. A replay is recognised by its [`Report::dedupe`].
    fn verify<'a>(&'a self, _: &'a Inbound, _: DateTime<Utc>) -> BoxFuture<'a, Result<(), Unverified>> {
        ready(Ok(())).boxed()
    }

    /// One event, or the list of a webhook that batches. An event that cannot be read is passed over as long as another can.
    fn parse(&self, inbound: &Inbound) -> Result<Vec<Report>, Unreadable> {
        let body: Value = serde_json::from_slice(&inbound.body).map_err(|error| Unreadable(excerpt(&error.to_string())))?;
        let posted = body.as_array().map_or_else(|| std::slice::from_ref(&body), Vec::as_slice);
        let read: Vec<Result<Option<Report>, Unreadable>> = posted.iter().map(events::report).collect();
        if !read.is_empty() && read.iter().all(Result::is_err) {
            return read.into_iter().filter_map(Result::transpose).collect();
        }
        Ok(read.into_iter().flatten().flatten().collect())
    }

    fn answer(&self) -> u16 {
        200
    }

    fn look_up<'a>(&'a self, sought: &'a Sought, now: DateTime<Utc>) -> BoxFuture<'a, Found> {
        async move {
            let reports = [("smtp", self.settings.from_email.is_some()), ("transactionalSMS", self.settings.sms_sender.is_some())];
            let mut last = Found::Absent;
            for (report, _) in reports.into_iter().filter(|(_, used)| *used) {
                match self.events(report, sought, now).await {
                    taken @ Found::Taken { .. } => return taken,
                    Found::Absent => {}
                    failed => last = failed,
                }
            }
            last
        }
        .boxed()
    }

    fn probe(&self, now: DateTime<Utc>) -> BoxFuture<'_, Probe> {
        async move {
            let answer = match self.get("/account", now).await {
                Ok(answer) => answer,
                Err(why) => return Probe::Unreachable(why.to_string()),
            };
            match (answer.status, answer.json()) {
                (200, Some(account)) => Probe::Fine { detail: credit(&account) },
                (429, _) => Probe::Unreachable(answer.summary()),
                (300..=499, _) => Probe::Refused(answer.summary()),
                _ => Probe::Unreachable(answer.summary()),
            }
        }
        .boxed()
    }
}

/// What each of the account's plans has left.
fn credit(account: &Value) -> Option<String> {
    let plans = account.get("plan").and_then(Value::as_array)?;
    let left = plans.iter().filter_map(|plan| {
        let kind = plan.get("type").and_then(Value::as_str)?;
        Some(format!("{kind}: {} left", plan.get("credits").and_then(plain)?))
    });
    let left = left.collect::<Vec<_>>().join(", ");
    (!left.is_empty()).then(|| excerpt(&left))
}

#[cfg(test)]
pub(in crate::outbound) mod tests;
