//! Brevo's events, as its webhooks post them and as its reports list them, in one vocabulary.
//!
//! Not here: who may post them. Invariant: a word that Brevo does not have yet is passed over, and never mistaken for another.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::plain;
use crate::{
    domain::{contact::Phone, delivery::DeliveryStatus, ids::MessageId},
    outbound::{About, Found, Report, Unreadable, excerpt, providers::texting::Reply},
};

/// What an opening is worth that a mail program's proxy made.
const PROXY: &str = "opened by a proxy, not by a person";

/// The report in one event of a webhook; none in a word that says nothing about delivery, or that Brevo does not have yet.
pub(super) fn report(event: &Value) -> Result<Option<Report>, Unreadable> {
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    let (word, id, of_text) = match (text("event"), text("msg_status")) {
        (Some(word), _) => (word, event.get("message-id"), false),
        (None, Some(word)) => (word, event.get("messageId"), true),
        (None, None) => return Err(Unreadable("event is missing".to_owned())),
    };
    let id = id.and_then(plain);
    if of_text && word == "replied" {
        return answer(event, &id.unwrap_or_default());
    }
    let Some(status) = (if of_text { text_status(word) } else { mail_status(word) }) else { return Ok(None) };
    let about = match (ours(event), &id) {
        (Some(ours), _) => About::Message(ours),
        (None, Some(id)) => About::ProviderId(excerpt(id)),
        (None, None) => About::Number(number(event).ok_or_else(|| Unreadable("message-id is missing".to_owned()))?),
    };
    let at = ["ts_epoch", "ts_event"].iter().find_map(|name| moment(event.get(*name)?.as_i64()?));
    let subject = id.or_else(|| text("to").map(str::to_owned)).unwrap_or_default();
    Ok(Some(Report {
        about,
        status,
        at,
        dedupe: dedupe(&subject, word, at),
        raw_name: excerpt(word),
        detail: if word.contains("proxy_open") { Some(PROXY.to_owned()) } else { reason(event) },
    }))
}

/// What somebody answered to a text; `to` is still whom the text went to. One STOP says no more than another, so its dedupe is the text's.
fn answer(event: &Value, id: &str) -> Result<Option<Report>, Unreadable> {
    let from = event.get("to").and_then(plain).unwrap_or_default();
    let text = event.get("reply").and_then(Value::as_str).unwrap_or_default();
    let at = ["ts_epoch", "ts_event"].iter().find_map(|name| moment(event.get(*name)?.as_i64()?));
    let stops = Reply { from: &from, text, id, at }.stop()?;
    Ok(stops.into_iter().next().map(|stop| Report {
        dedupe: dedupe(&format!("{id}:{from}"), "replied", None),
        raw_name: "replied".to_owned(),
        ..stop
    }))
}

/// Whoever answers STOP is known by number alone.
fn number(event: &Value) -> Option<Phone> {
    format!("+{}", event.get("to").and_then(plain)?.trim_start_matches('+')).parse().ok()
}

fn reason(event: &Value) -> Option<String> {
    ["reason", "description", "error_code"].iter().find_map(|name| plain(event.get(*name)?)).map(|text| excerpt(&text))
}

/// Milliseconds by the description, seconds by the sample: a time of our days in milliseconds would be millennia away in seconds.
fn moment(stamp: i64) -> Option<DateTime<Utc>> {
    if stamp >= 100_000_000_000 { DateTime::from_timestamp_millis(stamp) } else { DateTime::from_timestamp(stamp, 0) }
}

/// What may happen to a message more than once is told apart by its second.
fn dedupe(id: &str, word: &str, at: Option<DateTime<Utc>>) -> String {
    let repeats = ["open", "click", "deferred"].iter().any(|part| word.contains(part));
    let second = at.filter(|_| repeats).map_or_else(String::new, |at| format!(":{}", at.timestamp()));
    excerpt(&format!("{id}:{word}{second}"))
}

/// Our id among an event's tags, which Brevo writes as a list, as a text, or as a text that holds a list.
fn ours(event: &Value) -> Option<MessageId> {
    let of_text = |text: &str| match serde_json::from_str::<Vec<String>>(text) {
        Ok(list) => list.iter().find_map(|tag| tag.parse().ok()),
        Err(_) => text.parse().ok(),
    };
    ["tags", "tag"].iter().find_map(|name| match event.get(*name)? {
        Value::String(text) => of_text(text),
        Value::Array(list) => list.iter().find_map(|tag| of_text(tag.as_str()?)),
        _ => None,
    })
}

fn mail_status(word: &str) -> Option<DeliveryStatus> {
    Some(match word {
        "request" | "sent" => DeliveryStatus::Accepted,
        "deferred" => DeliveryStatus::Deferred,
        "delivered" => DeliveryStatus::Delivered,
        "opened" | "unique_opened" | "proxy_open" | "unique_proxy_open" => DeliveryStatus::Opened,
        "click" => DeliveryStatus::Clicked,
        "soft_bounce" => DeliveryStatus::BouncedSoft,
        "hard_bounce" | "invalid_email" => DeliveryStatus::BouncedHard,
        "spam" | "complaint" => DeliveryStatus::Complained,
        "unsubscribe" | "unsubscribed" => DeliveryStatus::Unsubscribed,
        "blocked" => DeliveryStatus::Suppressed,
        "error" => DeliveryStatus::Failed,
        _ => return None,
    })
}

fn text_status(word: &str) -> Option<DeliveryStatus> {
    Some(match word {
        "accepted" | "sent" => DeliveryStatus::Sent,
        "delivered" => DeliveryStatus::Delivered,
        "soft_bounce" | "hard_bounce" => DeliveryStatus::Undelivered,
        "rejected" | "skip" | "blocked" => DeliveryStatus::Suppressed,
        "unsubscribe" => DeliveryStatus::Unsubscribed,
        // What was `replied` is in words, which a list of events does not tell.
        _ => return None,
    })
}

/// What a report of events says about our message. An event that does not carry its tag is another's, whatever was asked for.
pub(super) fn found(json: &Value, id: MessageId) -> Found {
    let events = json.get("events").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let own: Vec<&Value> = events.iter().filter(|event| ours(event) == Some(id)).collect();
    if own.is_empty() {
        return Found::Absent;
    }
    let provider_id = own.iter().find_map(|event| event.get("messageId").and_then(plain)).map(|id| excerpt(&id));
    let reports = own.into_iter().filter_map(|event| listed(event, id)).collect();
    Found::Taken { provider_id, reports }
}

/// The report in one event of a list, whose words differ from those of a webhook.
fn listed(event: &Value, id: MessageId) -> Option<Report> {
    let of_text = event.get("phoneNumber").is_some();
    let listed = event.get("event").and_then(Value::as_str)?;
    let word = match listed {
        "requests" => "request",
        "hardBounces" => "hard_bounce",
        "softBounces" | "bounces" => "soft_bounce",
        "clicks" => "click",
        "invalid" => "invalid_email",
        "unsubscription" | "unsubscribed" => "unsubscribe",
        "loadedByProxy" => "proxy_open",
        same => same,
    };
    let status = if of_text { text_status(word) } else { mail_status(word) }?;
    let at = event.get("date").and_then(Value::as_str).and_then(|text| DateTime::parse_from_rfc3339(text).ok()).map(|at| at.to_utc());
    let name = event.get("messageId").and_then(plain).unwrap_or_default();
    let detail = if word == "proxy_open" { Some(PROXY.to_owned()) } else { reason(event) };
    Some(Report { about: About::Message(id), status, at, dedupe: dedupe(&name, word, at), raw_name: excerpt(listed), detail })
}
