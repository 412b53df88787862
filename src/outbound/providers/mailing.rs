//! What e-mail services with an HTTP interface have in common: how a mail is dressed for them, how their JSON is read, and
//! how they are asked about an account or a message.
//!
//! Not here: what any of their words means. Invariant: nothing in this file decides an outcome.

use chrono::{DateTime, Utc};
use data_encoding::BASE64;
use reqwest::RequestBuilder;
use serde_json::Value;
use url::Url;

use crate::{
    domain::{contact::Email, delivery::SuppressionReason},
    outbound::{
        About, Attachment, Line, Mail, Outcome, Probe, Unreadable,
        address::Forbidden,
        excerpt,
        net::{Answer, Net},
    },
};

/// The name under which a service is given our message id, and under which it returns it.
pub(super) const REFERENCE: &str = "relance_message";

/// From this number on, a count of time since 1970 is one of milliseconds: as seconds it lies beyond the year 5000.
const MILLISECONDS: i64 = 100_000_000_000;

/// `name <address>`; a name that could be read as something else is quoted (RFC 5322 §3.2.4).
pub(super) fn mailbox(name: Option<&Line>, email: &Email) -> String {
    match name.map(Line::as_str).filter(|name| !name.trim().is_empty()) {
        None => email.to_string(),
        Some(name) if name.contains(|letter| r#"()<>[]:;@\,.""#.contains(letter)) => {
            format!("\"{}\" <{email}>", name.replace('\\', r"\\").replace('"', r#"\""#))
        }
        Some(name) => format!("{name} <{email}>"),
    }
}

/// The headers that let a recipient unsubscribe on one click (RFC 8058); none when the mail has no link.
///
/// # Errors
/// The rejection of a link that is not an https URL.
pub(super) fn unsubscribe(mail: &Mail) -> Result<Vec<(&'static str, String)>, Outcome> {
    let Some(link) = &mail.list_unsubscribe else { return Ok(Vec::new()) };
    // Written by the URL parser: printable ASCII without spaces or angle brackets.
    match Url::parse(link.as_str()).ok().filter(|url| url.scheme() == "https") {
        Some(url) => Ok(vec![("List-Unsubscribe", format!("<{url}>")), ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned())]),
        None => Err(rejected("unwritable", "the unsubscribe link is not an https URL", true, None)),
    }
}

/// An attachment's bytes as JSON carries them.
pub(super) fn base64(attachment: &Attachment) -> String {
    BASE64.encode(&attachment.bytes)
}

/// A refusal; `permanent` blames the message, otherwise the account is at fault.
pub(super) fn rejected(code: impl Into<String>, reason: &str, permanent: bool, suppress: Option<SuppressionReason>) -> Outcome {
    Outcome::Rejected { code: excerpt(&code.into()), reason: excerpt(reason), permanent, suppress }
}

/// The text at `pointer`, if there is some.
pub(super) fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer)?.as_str().filter(|text| !text.is_empty())
}

/// The text or whole number at `pointer`, as text: numbers of more than 53 bits keep every digit.
pub(super) fn word(value: &Value, pointer: &str) -> Option<String> {
    match value.pointer(pointer)? {
        Value::String(text) if !text.is_empty() => Some(excerpt(text)),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// A JSON body.
///
/// # Errors
/// It is none.
pub(super) fn json(body: &[u8]) -> Result<Value, Unreadable> {
    serde_json::from_slice(body).map_err(|error| Unreadable(excerpt(&error.to_string())))
}

/// The events of a body that holds several, or one.
///
/// # Errors
/// It holds something else.
pub(super) fn events(body: &[u8]) -> Result<Vec<Value>, Unreadable> {
    match json(body)? {
        Value::Array(events) => Ok(events),
        event @ Value::Object(_) => Ok(vec![event]),
        _ => Err(Unreadable("neither an event nor a list of events".to_owned())),
    }
}

/// What an event is about: the message whose id came back, or else the one of that name.
pub(super) fn about(ours: Option<&str>, theirs: Option<&str>) -> Option<About> {
    let message = ours.and_then(|id| id.parse().ok()).map(About::Message);
    message.or_else(|| theirs.map(|name| About::ProviderId(excerpt(name))))
}

/// Seconds or milliseconds since 1970, as a number or as text, with or without a fraction.
pub(super) fn since_1970(value: Option<&Value>) -> Option<DateTime<Utc>> {
    let written = match value? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let (whole, fraction) = written.split_once('.').unwrap_or((&written, "0"));
    let whole: i64 = whole.parse().ok()?;
    if whole >= MILLISECONDS {
        return DateTime::from_timestamp_millis(whole);
    }
    let thousandths = fraction.chars().chain("000".chars()).take(3).collect::<String>().parse::<i64>().ok()?;
    DateTime::from_timestamp_millis(whole.checked_mul(1_000)?.checked_add(thousandths)?)
}

/// A time as RFC 3339 writes it.
pub(super) fn rfc_3339(text: Option<&str>) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text?).ok().map(|at| at.to_utc())
}

/// What is known of the details, one after the other.
pub(super) fn detail(parts: &[Option<&str>]) -> Option<String> {
    let known: Vec<&str> = parts.iter().flatten().copied().filter(|part| !part.is_empty()).collect();
    (!known.is_empty()).then(|| excerpt(&known.join("; ")))
}

/// What is said of an opening that a mail service's proxy caused: nobody need have looked.
pub(super) const PROXY: &str = "proxy";

/// Whether an image was loaded by a proxy of Google, Yahoo or Apple; Apple's calls itself nothing but `Mozilla/5.0`.
pub(super) fn by_proxy(agent: Option<&str>) -> bool {
    agent.is_some_and(|agent| agent.trim() == "Mozilla/5.0" || agent.contains("GoogleImageProxy") || agent.contains("YahooMailProxy"))
}

/// A name that can stand as one segment of a path.
pub(super) fn is_segment(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Asks a question that changes nothing.
///
/// # Errors
/// Why there is no answer.
pub(super) async fn ask(net: &Net, request: Result<RequestBuilder, Forbidden>, now: DateTime<Utc>) -> Result<Answer, String> {
    let request = request.map_err(|why| why.to_string())?;
    net.call(request, now).await.map_err(|why| why.to_string())
}

/// What the answer to a question about the account says; `read` is given the body of an answer of 200.
pub(super) fn probed(answer: &Result<Answer, String>, read: impl FnOnce(&Value) -> Probe) -> Probe {
    match answer {
        Err(why) => Probe::Unreachable(why.clone()),
        Ok(answer) => match (answer.status, answer.json()) {
            (200, Some(json)) => read(&json),
            (401..=404, _) => Probe::Refused(answer.summary()),
            _ => Probe::Unreachable(answer.summary()),
        },
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::{
        domain::delivery::DeliveryStatus,
        outbound::{Content, Envelope, Report, bench},
    };

    /// An e-mail with everything that one can have.
    pub fn full() -> Envelope {
        let mut envelope = bench::mail("ann@example.com");
        if let Content::Mail(mail) = &mut envelope.content {
            let bytes: Arc<[u8]> = Arc::from(&b"%PDF-\0\xff"[..]);
            mail.attachments.push(Attachment {
                name: "facture n° \"12\".pdf".parse().unwrap(),
                media_type: "application/pdf".parse().unwrap(),
                bytes,
            });
        }
        envelope
    }

    /// The same with a link that nobody can unsubscribe with.
    pub fn unwritable() -> Envelope {
        let mut envelope = full();
        if let Content::Mail(mail) = &mut envelope.content {
            mail.list_unsubscribe = Some("http://pay.example.com/u".parse().unwrap());
        }
        envelope
    }

    /// Has the published payloads of a provider read, and compares what each is taken for.
    pub fn published(provider: &str, read: impl Fn(&Value) -> Vec<Report>) {
        let Some(vectors) = bench::vectors("payloads_email.json") else { return };
        for case in vectors["providers"][provider].as_array().unwrap() {
            let found: Vec<&str> = read(&case["payload"]).iter().map(|report| kind(report.status)).collect();
            let expected = case["anymail_event_type"].as_str().unwrap();
            // To be written to again is no report.
            let expected = if expected == "subscribed" { Vec::new() } else { vec![expected] };
            assert_eq!(found, expected, "{}", case["test"]);
        }
    }

    /// Their coarser words.
    fn kind(status: DeliveryStatus) -> &'static str {
        match status {
            DeliveryStatus::Accepted => "queued",
            DeliveryStatus::Sent => "sent",
            DeliveryStatus::Deferred => "deferred",
            DeliveryStatus::BouncedSoft | DeliveryStatus::BouncedHard => "bounced",
            DeliveryStatus::Suppressed | DeliveryStatus::Failed => "rejected",
            DeliveryStatus::Undelivered | DeliveryStatus::Unclaimed | DeliveryStatus::Refused => "failed",
            DeliveryStatus::Presented | DeliveryStatus::AwaitingPickup => "sent",
            DeliveryStatus::Delivered => "delivered",
            DeliveryStatus::Opened => "opened",
            DeliveryStatus::Clicked => "clicked",
            DeliveryStatus::Unsubscribed => "unsubscribed",
            DeliveryStatus::Complained => "complained",
        }
    }

    #[test]
    fn a_name_never_becomes_an_address() {
        let email: Email = "ann@example.com".parse().unwrap();
        let written = |name: &str| mailbox(Some(&name.parse().unwrap()), &email);
        assert_eq!(mailbox(None, &email), "ann@example.com");
        assert_eq!(written(" "), "ann@example.com");
        assert_eq!(written("Ann Émile"), "Ann Émile <ann@example.com>");
        assert_eq!(written("x <b@example.com>,"), "\"x <b@example.com>,\" <ann@example.com>");
        assert_eq!(written(r#"a\" b"#), r#""a\\\" b" <ann@example.com>"#);
    }

    #[test]
    fn times_are_read_whatever_their_unit() {
        let read = |value: Value| since_1970(Some(&value)).map(|at| at.timestamp_millis());
        assert_eq!(read(json!(1_534_108_637)), Some(1_534_108_637_000));
        assert_eq!(read(json!(1_534_108_637.153125)), Some(1_534_108_637_153));
        assert_eq!(read(json!(1_534_108_637.5)), Some(1_534_108_637_500));
        assert_eq!(read(json!("1534108637")), Some(1_534_108_637_000));
        assert_eq!(read(json!(1_534_108_637_153_i64)), Some(1_534_108_637_153));
        for wrong in [json!(null), json!("soon"), json!({}), json!(i64::MAX), json!("1.x")] {
            assert_eq!(read(wrong), None);
        }
        assert_eq!(rfc_3339(Some("2016-04-27T16:28:50.3963933-04:00")).unwrap().timestamp_millis(), 1_461_788_930_396);
    }

    #[test]
    fn only_plain_names_stand_in_a_path() {
        assert!(is_segment("49a3999c-0ce1_4ea6"));
        for wrong in ["", "..", "a/b", "a?b", "a%2f", "é"] {
            assert!(!is_segment(wrong), "{wrong}");
        }
    }
}
