//! Receipts: kept as they came, applied later, by rank.
//!
//! Invariant: the same statements, in any order and number, end in the same status; what a statement leads to (a suppression, a review, a settled doubt) happens once.

use std::collections::{BTreeMap, btree_map::Entry};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::{Act, outcome, proofs, tasks};
use crate::{
    domain::{
        contact::Channel,
        crypto::sha256,
        delivery::{DeliveryStatus, EvidenceGrade, MessageState},
        ids::{MessageId, ProviderAccountId, ReceiptId},
    },
    error::Result,
    store::{
        self, Json, Ts,
        messages::Message,
        provider_accounts::ProviderAccount,
        receipts::{InboundRequest, Receipt},
    },
};

/// How long a statement about a message that nobody knows is kept for it to turn up: it may overtake the answer to the sending.
const STRANGERS: TimeDelta = TimeDelta::hours(72);

/// A request of a provider, verified.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// To which account it came.
    pub account: ProviderAccountId,
    /// `POST` or `GET`.
    pub method: String,
    /// The query, as written.
    pub query: String,
    /// Headers by their lower-case names, credentials left out.
    pub headers: BTreeMap<String, String>,
    /// The raw body.
    pub body: Vec<u8>,
    /// What it says.
    pub statements: Vec<Statement>,
    /// Whether it may hold or announce documents: its account carries letters.
    pub may_prove: bool,
}

/// One thing that a provider says.
#[derive(Debug, Clone)]
pub struct Statement {
    /// About our message.
    pub message: Option<MessageId>,
    /// Or about what the provider calls so.
    pub provider_message: Option<String>,
    /// Or about an address: an incoming STOP.
    pub address: Option<String>,
    /// In our words.
    pub status: DeliveryStatus,
    /// When it happened.
    pub at: Option<DateTime<Utc>>,
    /// The same for every copy.
    pub dedupe: String,
    /// The provider's word.
    pub raw_name: String,
    /// Its explanation.
    pub detail: Option<String>,
}

/// Keeps what arrived; applying it is for later. A copy changes nothing.
///
/// # Errors
/// The store's: then the provider must not be told that it arrived.
pub fn keep(act: &mut Act<'_>, arrived: &Arrived) -> Result<()> {
    let id = ReceiptId::new(act.wall);
    let request = InboundRequest {
        tenant_id: act.tenant,
        id,
        provider_account_id: arrived.account,
        digest: sha256(&[arrived.method.as_bytes(), b"\n", arrived.query.as_bytes(), b"\n", &arrived.body]).to_vec(),
        method: arrived.method.clone(),
        query: arrived.query.clone(),
        headers: Json(arrived.headers.clone()),
        body: arrived.body.clone(),
        received_at: Ts(act.wall),
    };
    let rows: Vec<Receipt> = arrived.statements.iter().map(|statement| row(act, arrived.account, Some(id), statement)).collect();
    if store::receipts::keep(act.conn, &request)? {
        act.witness("receipt.arrived", id, json!({"provider_account_id": arrived.account, "sha256": data_encoding::HEXLOWER.encode(&request.digest), "statements": rows.len()}));
        store::receipts::insert(act.conn, &rows)?;
        if arrived.may_prove {
            proofs::begin(act, id, arrived.account, act.now)?;
        }
    }
    Ok(())
}

/// Adds what a provider said when it was asked; applying it is for later.
pub(super) fn add(act: &mut Act<'_>, account: ProviderAccountId, statements: &[Statement]) -> Result<()> {
    let rows: Vec<Receipt> = statements.iter().map(|statement| row(act, account, None, statement)).collect();
    store::receipts::insert(act.conn, &rows).map(drop)
}

fn row(act: &Act<'_>, account: ProviderAccountId, request: Option<ReceiptId>, statement: &Statement) -> Receipt {
    Receipt {
        tenant_id: act.tenant,
        id: ReceiptId::new(act.wall),
        provider_account_id: account,
        request_id: request,
        dedupe: statement.dedupe.clone(),
        message_id: statement.message,
        provider_message_id: statement.provider_message.clone(),
        address: statement.address.clone(),
        status: statement.status,
        raw_name: statement.raw_name.clone(),
        detail: statement.detail.clone(),
        occurred_at: Ts(statement.at.unwrap_or(act.now)),
        due_at: Ts(act.now),
        applied_at: None,
        outcome: None,
    }
}

/// Applies up to `limit` statements whose time has come; returns how many there were.
///
/// # Errors
/// The store's.
pub fn apply_due(act: &mut Act<'_>, grade_of: impl Fn(&ProviderAccount) -> EvidenceGrade, limit: i64) -> Result<usize> {
    let due = store::receipts::due(act.conn, act.tenant, act.now, limit)?;
    let mut grades = BTreeMap::new();
    for receipt in &due {
        if let Entry::Vacant(place) = grades.entry(receipt.provider_account_id) {
            place.insert(grade_of(&store::provider_accounts::find(act.conn, act.tenant, receipt.provider_account_id)?));
        }
    }
    for receipt in &due {
        let message = known(act, receipt)?;
        match (&message, &receipt.address) {
            (Some(message), _) => {
                let limit = grades.get(&receipt.provider_account_id).copied().unwrap_or(EvidenceGrade::ProviderAccepted);
                let outcome = apply(act, receipt, message, limit)?;
                store::receipts::applied(act.conn, act.tenant, receipt.id, Some(message.id), outcome, act.now)?;
            }
            (None, Some(address)) => {
                stop(act, receipt, address)?;
                store::receipts::applied(act.conn, act.tenant, receipt.id, None, "address", act.now)?;
            }
            (None, None) if act.now - receipt.occurred_at.0 < STRANGERS => {
                store::receipts::postpone(act.conn, act.tenant, receipt.id, act.now + TimeDelta::minutes(1))?;
            }
            (None, None) => store::receipts::applied(act.conn, act.tenant, receipt.id, None, "unknown_message", act.now)?,
        }
    }
    Ok(due.len())
}

fn known(act: &mut Act<'_>, receipt: &Receipt) -> Result<Option<Message>> {
    if let Some(id) = receipt.message_id {
        return match store::messages::find(act.conn, act.tenant, id) {
            Ok(message) => Ok(Some(message)),
            Err(crate::error::Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        };
    }
    match &receipt.provider_message_id {
        Some(name) => store::messages::find_by_provider_id(act.conn, act.tenant, receipt.provider_account_id, name),
        None => Ok(None),
    }
}

fn apply(act: &mut Act<'_>, receipt: &Receipt, message: &Message, limit: EvidenceGrade) -> Result<&'static str> {
    let grade = receipt.status.proves(message.channel).map(|grade| grade.min(limit));
    let news = store::messages::report(act.conn, act.tenant, message.id, receipt.status, grade.max(message.evidence_grade))?;
    let body = json!({"status": receipt.status, "raw": receipt.raw_name, "provider_account_id": receipt.provider_account_id, "grade": grade, "outranked": !news});
    // What something stronger has overtaken is kept, and is no news.
    act.witness(if news { receipt.status.event() } else { "message.reported" }, message.id, body);
    // Whatever the provider says of a message, it had taken it: that ends a doubt about the sending.
    if message.state == MessageState::Unknown {
        outcome::settled(act, message.id, None)?;
    }
    if !news {
        return Ok("outranked");
    }
    // A letter that returns says nothing of the debtor's other addresses.
    if let Some(reason) = receipt.status.suppresses().filter(|_| message.channel != Channel::Letter) {
        super::suppressions::suppress_known(
            act,
            message.channel,
            &message.address,
            reason,
            &format!("provider:{}", receipt.provider_account_id),
        )?;
    }
    if (receipt.status.is_failure() || receipt.status.suppresses().is_some())
        && let Some(reminder) = message.reminder_id
    {
        let reminder = store::reminders::find(act.conn, act.tenant, reminder)?;
        act.touch(reminder.customer_id, reminder.currency);
        let reason = review_reason(message.channel, receipt.status);
        tasks::review(act, reminder.customer_id, reminder.currency, Some(reminder.id), reason)?;
    }
    Ok("applied")
}

/// Why a person must look at what did not reach its recipient. A letter that the post brings back has a wrong address, mostly. One that was refused or never fetched may well count as
/// delivered: many laws say so of a registered letter to the right address, on conditions of their own; whether this one does is for a person to judge.
const fn review_reason(channel: Channel, status: DeliveryStatus) -> &'static str {
    match (channel, status) {
        (Channel::Letter, DeliveryStatus::Undelivered | DeliveryStatus::BouncedHard) => "letter_returned",
        (Channel::Letter, DeliveryStatus::Refused) => "letter_refused",
        (Channel::Letter, DeliveryStatus::Unclaimed) => "letter_unclaimed",
        _ => status.as_str(),
    }
}

/// An address that wrote STOP.
fn stop(act: &mut Act<'_>, receipt: &Receipt, address: &str) -> Result<()> {
    match receipt.status.suppresses() {
        Some(reason) => {
            super::suppressions::suppress_known(act, Channel::Sms, address, reason, &format!("provider:{}", receipt.provider_account_id))
        }
        None => Ok(()),
    }
}
