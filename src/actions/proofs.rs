//! Proofs of letters: documents of the post, read out of receipts or asked for when a receipt announces them.
//!
//! A receipt's status never waits for them. Each receipt of an account that carries letters is looked through once; where its documents cannot be had, it is tried again at growing
//! distances for three days. Not here: the asking itself, which is between two transactions. Invariant: the same document counts once, and never lowers what is proved.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::{Act, outcome, papers};
use crate::{
    domain::{
        delivery::{EvidenceGrade, MessageState, ProofKind},
        ids::{MessageId, ProviderAccountId, ReceiptId},
        ledger::document::MediaType,
    },
    error::{Error, Result},
    store::{
        self, Ts,
        messages::Message,
        proof_calls::ProofCall,
        provider_accounts::ProviderAccount,
        receipts::{InboundRequest, Receipt},
    },
};

/// How long after a receipt its documents are tried for again, in minutes.
const AGES: [i64; 9] = [2, 10, 30, 120, 360, 720, 1_440, 2_880, 4_320];

/// A receipt to look through.
#[derive(Debug)]
pub struct Question {
    /// Where the asking stands.
    pub call: ProofCall,
    /// Whose receipt it is.
    pub account: ProviderAccount,
    /// What there is of it.
    pub receipt: Source,
}

/// What documents are read from.
#[derive(Debug)]
pub enum Source {
    /// A request as it arrived.
    Request(Box<InboundRequest>),
    /// A statement that the rehearsal foretold: there was no request.
    Foretold(Box<Receipt>),
}

/// A document of the post.
#[derive(Clone)]
pub struct Proof {
    /// About our message.
    pub message: Option<MessageId>,
    /// Or about what the provider calls so.
    pub provider_message: Option<String>,
    /// What it proves.
    pub kind: ProofKind,
    /// Its media type, as the provider says.
    pub media_type: String,
    /// Its bytes.
    pub bytes: std::sync::Arc<[u8]>,
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Proof({})", self.kind)
    }
}

/// Has a receipt looked through for documents from a moment on.
pub(super) fn begin(act: &mut Act<'_>, id: ReceiptId, account: ProviderAccountId, at: DateTime<Utc>) -> Result<()> {
    let row = ProofCall {
        tenant_id: act.tenant,
        id,
        provider_account_id: account,
        tried: 0,
        began_at: Ts(at),
        next_at: Some(Ts(at)),
        detail: None,
    };
    store::proof_calls::insert(act.conn, &row)
}

/// When a receipt of `began` is next looked through; never after three days.
fn next(began: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    AGES.iter().map(|minutes| began + TimeDelta::minutes(*minutes)).find(|at| *at > now)
}

/// Takes up to `limit` receipts that are to be looked through now, for as long as `lease`.
///
/// # Errors
/// The store's.
pub fn claim(act: &mut Act<'_>, lease: TimeDelta, limit: i64) -> Result<Vec<Question>> {
    let mut questions = Vec::new();
    for call in store::proof_calls::claim(act.conn, act.tenant, act.now, act.now + lease, limit)? {
        let account = store::provider_accounts::find(act.conn, act.tenant, call.provider_account_id)?;
        let receipt = match store::receipts::request(act.conn, act.tenant, call.id)? {
            Some(request) => Some(Source::Request(Box::new(request))),
            None => store::receipts::find(act.conn, act.tenant, call.id)?.map(|receipt| Source::Foretold(Box::new(receipt))),
        };
        match receipt {
            Some(receipt) => questions.push(Question { call, account, receipt }),
            None => store::proof_calls::update(act.conn, &ProofCall { next_at: None, ..call })?,
        }
    }
    Ok(questions)
}

/// Keeps what was found, or notes why it could not be had and when it is tried again. `limit` is the most that the account's provider can prove.
///
/// # Errors
/// The store's.
pub fn finish(act: &mut Act<'_>, call: &ProofCall, found: &std::result::Result<Vec<Proof>, String>, limit: EvidenceGrade) -> Result<()> {
    let mut trouble = found.as_ref().err().cloned();
    for proof in found.iter().flatten() {
        match about(act, call.provider_account_id, proof)? {
            Some(message) => keep(act, &message, proof, limit)?,
            None => trouble = Some("it is about a message that nobody knows".to_owned()),
        }
    }
    let again = trouble.as_ref().and_then(|_| next(call.began_at.0, act.now));
    if trouble.is_some() && again.is_none() {
        act.witness(
            "receipt.proof_missed",
            call.id,
            json!({"provider_account_id": call.provider_account_id, "tried": call.tried.saturating_add(1)}),
        );
    }
    let detail = trouble.map(|why| why.chars().take(300).collect());
    let row = ProofCall { tried: call.tried.saturating_add(1), next_at: again.map(Ts), detail, ..call.clone() };
    store::proof_calls::update(act.conn, &row)
}

fn about(act: &mut Act<'_>, account: ProviderAccountId, proof: &Proof) -> Result<Option<Message>> {
    if let Some(id) = proof.message {
        return match store::messages::find(act.conn, act.tenant, id) {
            Ok(message) => Ok(Some(message)),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        };
    }
    match &proof.provider_message {
        Some(name) => store::messages::find_by_provider_id(act.conn, act.tenant, account, name),
        None => Ok(None),
    }
}

fn keep(act: &mut Act<'_>, message: &Message, proof: &Proof, limit: EvidenceGrade) -> Result<()> {
    // The bytes say what a document is; a provider may be mistaken.
    let media_type = [MediaType::Pdf, MediaType::Png, MediaType::Jpeg].into_iter().find(|kind| kind.fits(&proof.bytes));
    let Some(media_type) = media_type else {
        tracing::warn!(message = %message.id, kind = %proof.kind, "a document of the post is neither PDF nor picture; it stays in its receipt");
        return Ok(());
    };
    let Some(document) = papers::keep(act, message, proof.kind.into(), media_type, &proof.bytes)? else { return Ok(()) };
    let digest = document.sha256.as_deref().map(|digest| data_encoding::HEXLOWER.encode(digest));
    let body = json!({"message_id": message.id, "kind": proof.kind, "sha256": digest, "document_id": document.id});
    act.witness("message.proof", message.id, body);
    // A document of the post about a letter shows that it was taken.
    if message.state == MessageState::Unknown {
        outcome::settled(act, message.id, None)?;
    }
    match proof.kind.proves() {
        Some(grade) => store::messages::prove(act.conn, act.tenant, message.id, grade.min(limit)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_tried_for_ever_more_rarely_and_three_days_at_most() {
        let began = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let (mut now, mut tries) = (began, 0);
        while let Some(at) = next(began, now) {
            assert!(at > now && at - began <= TimeDelta::days(3));
            (now, tries) = (at, tries + 1);
        }
        assert_eq!((tries, now - began), (AGES.len(), TimeDelta::days(3)));
    }
}
