//! What Maileva says of a sending and of its recipient: in its notifications, and when it is asked.
//!
//! Not here: how it is asked. Invariant: nothing that a notification says is called as a URL; only the identifiers in it are used.

use serde_json::Value;

use super::super::mailing::{about, detail, events, is_segment, rfc_3339, text};
use crate::{
    domain::delivery::{DeliveryStatus, ProofKind},
    outbound::{About, Report, Unreadable, excerpt},
};

/// What an event says; archiving says nothing about the letter.
fn status(event: &str) -> Option<DeliveryStatus> {
    Some(match event {
        "ON_STATUS_ACCEPTED" => DeliveryStatus::Accepted,
        "ON_STATUS_PROCESSED" => DeliveryStatus::Sent,
        "ON_DEPOSIT_PROOF_RECEIVED" | "ON_GLOBAL_DEPOSIT_PROOF_RECEIVED" | "ON_CONTENT_PROOF_RECEIVED" => DeliveryStatus::Sent,
        // A sending of ours has one recipient: the one in error.
        "ON_STATUS_REJECTED" | "ON_STATUS_PROCESSED_WITH_ERRORS" => DeliveryStatus::Failed,
        "ON_MAIN_DELIVERY_STATUS_FIRST_PRESENTATION" => DeliveryStatus::Presented,
        // A signed receipt comes back only from who took the letter.
        "ON_MAIN_DELIVERY_STATUS_DELIVERED" | "ON_ACKNOWLEDGEMENT_OF_RECEIPT_RECEIVED" => DeliveryStatus::Delivered,
        "ON_MAIN_DELIVERY_STATUS_UNDELIVERED" | "ON_UNDELIVERED_MAIL_RECEIVED" => DeliveryStatus::Undelivered,
        _ => return None,
    })
}

/// A segment of a path that follows the segment `name`.
fn after<'p>(path: &'p str, name: &str) -> Option<&'p str> {
    let mut segments = path.split('/').skip_while(|segment| *segment != name);
    segments.nth(1).filter(|segment| is_segment(segment))
}

fn sending(event: &Value) -> Option<&str> {
    let of_sending = text(event, "/resource_type").is_some_and(|kind| kind.ends_with("/sendings"));
    let own = || text(event, "/resource_id").filter(|_| of_sending);
    after(text(event, "/resource_location").unwrap_or_default(), "sendings").or_else(own)
}

fn subject(event: &Value) -> Option<About> {
    about(text(event, "/resource_custom_id"), sending(event).or_else(|| text(event, "/resource_id")))
}

/// The reports in a notification.
///
/// # Errors
/// It is none.
pub(super) fn reports(body: &[u8]) -> Result<Vec<Report>, Unreadable> {
    let mut reports = Vec::new();
    for event in events(body)? {
        let kind = text(&event, "/event_type").ok_or_else(|| Unreadable("event_type is missing".to_owned()))?;
        let resource = text(&event, "/resource_id").ok_or_else(|| Unreadable("resource_id is missing".to_owned()))?;
        let (Some(status), Some(about)) = (status(kind), subject(&event)) else { continue };
        let date = text(&event, "/event_date");
        reports.push(Report {
            about,
            status,
            at: rfc_3339(date),
            dedupe: excerpt(&format!("{kind}:{resource}:{}", date.unwrap_or_default())),
            raw_name: excerpt(kind),
            detail: detail(&[text(&event, "/resource_type")]),
        });
    }
    Ok(reports)
}

/// A document that a notification announces.
pub(super) struct Announced {
    /// Which letter.
    pub about: About,
    /// The sending's name at Maileva.
    pub sending: String,
    /// The recipient's.
    pub recipient: String,
    /// What it will be; `None` when the recipient's record says it: a returned letter.
    pub kind: Option<ProofKind>,
    /// The last segment of its address.
    pub download: &'static str,
}

/// The documents that a notification announces.
///
/// # Errors
/// It is none, or it does not say where the document is.
pub(super) fn announced(body: &[u8]) -> Result<Vec<Announced>, String> {
    let mut found = Vec::new();
    for event in events(body).map_err(|why| why.to_string())? {
        let (kind, download) = match text(&event, "/event_type").unwrap_or_default() {
            "ON_DEPOSIT_PROOF_RECEIVED" => (Some(ProofKind::Deposit), "download_deposit_proof"),
            "ON_ACKNOWLEDGEMENT_OF_RECEIPT_RECEIVED" => (Some(ProofKind::SignedReceipt), "download_acknowledgement_of_receipt"),
            "ON_CONTENT_PROOF_RECEIVED" => (Some(ProofKind::Content), "download_content_proof"),
            "ON_UNDELIVERED_MAIL_RECEIVED" => (None, "download_undelivered_mail"),
            _ => continue,
        };
        if text(&event, "/resource_type") != Some("registered_mail/v4/recipients") {
            continue;
        }
        let location = text(&event, "/resource_location").unwrap_or_default();
        let recipient = text(&event, "/resource_id").filter(|id| is_segment(id));
        match (subject(&event), after(location, "sendings"), recipient) {
            (Some(about), Some(sending), Some(recipient)) => {
                found.push(Announced { about, sending: sending.to_owned(), recipient: recipient.to_owned(), kind, download });
            }
            _ => return Err("the notification does not name the sending and its recipient".to_owned()),
        }
    }
    Ok(found)
}

/// What a returned letter proves, by the reason in its recipient's record: not claimed, refused. Unknown or unreachable there, it proves nothing of the kind.
pub(super) fn returned(recipient: &Value) -> Option<ProofKind> {
    match text(recipient, "/undelivered_mail_reason")? {
        "N03" => Some(ProofKind::Unclaimed),
        "N05" => Some(ProofKind::Refusal),
        _ => None,
    }
}

/// What the state of a sending says; `None` for a draft, which has not been submitted.
pub(super) fn of_sending(sending: &Value) -> Option<DeliveryStatus> {
    match text(sending, "/status")? {
        "PENDING" | "BLOCKED" | "ACCEPTED" | "PREPARING" => Some(DeliveryStatus::Accepted),
        "PROCESSED" => Some(DeliveryStatus::Sent),
        "REJECTED" | "CANCELED" | "PROCESSED_WITH_ERRORS" => Some(DeliveryStatus::Failed),
        _ => None,
    }
}

/// The last that the post said of a registered letter, by Maileva's code, else by its category.
pub(super) fn of_delivery(last: &Value) -> Option<DeliveryStatus> {
    Some(match (text(last, "/code").unwrap_or_default(), text(last, "/category").unwrap_or_default()) {
        ("LP08", _) => DeliveryStatus::AwaitingPickup,
        ("LP09" | "LP10", _) => DeliveryStatus::Presented,
        ("LP12" | "LP13", _) => DeliveryStatus::Deferred,
        ("LP15" | "LP16" | "LP18" | "LP28" | "LP29", _) => DeliveryStatus::Delivered,
        ("LP19" | "LP25", _) => DeliveryStatus::Unclaimed,
        ("LP22", _) => DeliveryStatus::Refused,
        ("LP17" | "LP20" | "LP21" | "LP24" | "LP27", _) => DeliveryStatus::Undelivered,
        (_, "DELIVERING") => DeliveryStatus::Sent,
        (_, "FIRST_PRESENTATION") => DeliveryStatus::Presented,
        (_, "DELIVERED") => DeliveryStatus::Delivered,
        (_, "UNDELIVERED") => DeliveryStatus::Undelivered,
        _ => return None,
    })
}
