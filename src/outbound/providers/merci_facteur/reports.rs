//! What Merci Facteur's webhooks say: stages of letters, and the documents that prove them.
//!
//! A webhook is a form of two fields, each holding JSON: one event, and every letter that it happened to. Not here: who sent it.

use std::{borrow::Cow, sync::Arc};

use chrono::DateTime;
use data_encoding::BASE64;
use serde_json::Value;
use url::form_urlencoded;

use super::super::mailing::{about, detail, json, text, word};
use crate::{
    domain::delivery::{DeliveryStatus, ProofKind},
    outbound::{About, Line, Proof, Report, Unreadable, excerpt},
};

/// What happened, and the letters that it happened to.
struct Webhook {
    event: Value,
    letters: Vec<Value>,
}

fn read(body: &[u8]) -> Result<Webhook, Unreadable> {
    let field = |name: &str| form_urlencoded::parse(body).find(|(key, _)| key == name).map(|(_, value)| value);
    let missing = |name: &str| Unreadable(format!("{name} is missing"));
    let event = json(field("event").ok_or_else(|| missing("event"))?.as_bytes())?;
    let letters = match json(field("detail").ok_or_else(|| missing("detail"))?.as_bytes())? {
        Value::Array(letters) => letters,
        letter @ Value::Object(_) => vec![letter],
        _ => return Err(Unreadable("detail is no list of letters".to_owned())),
    };
    match text(&event, "/name_event") {
        Some(_) => Ok(Webhook { event, letters }),
        None => Err(missing("name_event")),
    }
}

/// Its words for paper, then those for electronic letters. What it means by `probleme_en_cours` may still be solved, so it ends nothing.
fn status(word: &str) -> Option<DeliveryStatus> {
    Some(match word {
        "wait" => DeliveryStatus::Accepted,
        "imprime" | "scan_pdd" => DeliveryStatus::Sent,
        "pris_en_charge" | "traitement" | "distribution_en_cours" | "probleme_resolu" => DeliveryStatus::Sent,
        // The first is spelt so by Merci Facteur.
        "prix_en_charge_pays_destinataire" | "traitement_pays_destination" | "transit_pays_intermediaire" => DeliveryStatus::Sent,
        "entree_douane" | "sortie_douane" => DeliveryStatus::Sent,
        "attente_presentation" | "retenu_douane" | "probleme_en_cours" => DeliveryStatus::Deferred,
        "attente_au_guichet" => DeliveryStatus::AwaitingPickup,
        // A signed receipt comes back only from who took the letter.
        "distribue" | "retour_are" => DeliveryStatus::Delivered,
        "non_distribuable" | "retour_expediteur" | "distribue_expediteur" | "archivage_pnd" => DeliveryStatus::Undelivered,
        "envoye" => DeliveryStatus::Sent,
        "accept_wait" | "accept_lock" => DeliveryStatus::Deferred,
        "accepted" | "accepted_downloaded" => DeliveryStatus::Delivered,
        "accept_notification_error" => DeliveryStatus::Undelivered,
        "expired" => DeliveryStatus::Unclaimed,
        "refused" => DeliveryStatus::Refused,
        _ => return None,
    })
}

/// Which letter: ours by the reference that we gave it, else the sending that it belongs to.
fn letter(letter: &Value) -> Option<About> {
    about(text(letter, "/ref_interne"), word(letter, "/id_envoi").as_deref())
}

/// The reports in a webhook.
///
/// # Errors
/// It is none.
pub(super) fn reports(body: &[u8]) -> Result<Vec<Report>, Unreadable> {
    let webhook = read(body)?;
    let event = text(&webhook.event, "/name_event").unwrap_or_default();
    let at = webhook.event.get("date_event").and_then(seconds).and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let report = |one: &Value| {
        let said = text(one, "/statut_courrier")?;
        let reference = word(one, "/ref_courrier").or_else(|| word(one, "/id_envoi"))?;
        let tracking = word(one, "/tracking_number").map(|number| format!("tracking {number}"));
        Some(Report {
            about: letter(one)?,
            status: status(said)?,
            at,
            dedupe: excerpt(&format!("{event}:{said}:{reference}")),
            raw_name: excerpt(said),
            detail: detail(&[text(one, "/statut_description"), tracking.as_deref()]),
        })
    };
    Ok(webhook.letters.iter().filter_map(report).collect())
}

fn seconds(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// The documents in a webhook.
///
/// # Errors
/// It is none, or a document in it cannot be read.
pub(super) fn proofs(body: &[u8]) -> Result<Vec<Proof>, String> {
    let webhook = read(body).map_err(|why| why.to_string())?;
    let mut found = Vec::new();
    for one in &webhook.letters {
        let Some(about) = letter(one) else { continue };
        for (field, kind) in [("/are_base64_jpeg", ProofKind::SignedReceipt), ("/pdd_base64_pdf", ProofKind::Deposit)] {
            if let Some(encoded) = text(one, field) {
                let bytes = decoded(encoded).ok_or_else(|| format!("{} is not base64", field.trim_start_matches('/')))?;
                found.push(Proof { about: about.clone(), kind, media_type: media_type(&bytes)?, bytes });
            }
        }
    }
    Ok(found)
}

/// A `+` that was not escaped in the form arrives as a space.
fn decoded(encoded: &str) -> Option<Arc<[u8]>> {
    let plain: Cow<'_, str> = match encoded.contains([' ', '\r', '\n']) {
        true => {
            encoded.chars().filter(|letter| !matches!(letter, '\r' | '\n')).map(|letter| if letter == ' ' { '+' } else { letter }).collect()
        }
        false => Cow::Borrowed(encoded),
    };
    BASE64.decode(plain.as_bytes()).ok().map(Arc::from)
}

/// What the bytes are: Merci Facteur's own examples show a PDF where the field's name says JPEG.
fn media_type(bytes: &[u8]) -> Result<Line, String> {
    match bytes {
        [b'%', b'P', b'D', b'F', ..] => "application/pdf".parse(),
        [0xff, 0xd8, 0xff, ..] => "image/jpeg".parse(),
        _ => Err("a proof is neither a PDF nor a JPEG".to_owned()),
    }
}
