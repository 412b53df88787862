//! What connections are told: kept as it came, applied later, each thing once.
//!
//! A thing that the ledger refuses is shown as failed and tried again at growing distances for a day, because what it waits for may still come: its invoice, its customer's name. Not here:
//! asking the system, which is between two transactions. Invariant: however often a thing is told, tried or replayed, its effect is that of the last snapshot.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{Act, push};
use crate::{
    domain::{
        connection::{ConnectionState, NoticeStatus},
        crypto::sha256,
        external::ExternalKey,
        ids::{ConnectionId, NoticeId},
        push::{SourceInvoice, SourceKind},
    },
    error::{Error, Result},
    store::{
        self, Json, Ts,
        connections::Connection,
        notices::{Notice, NoticeBody},
    },
};

/// For how long what arrived is kept.
const KEPT: TimeDelta = TimeDelta::days(30);
/// The pauses before a thing is tried again, in minutes.
const PAUSES: [i64; 5] = [1, 10, 60, 360, 1_080];
/// The longest reason.
const MAX_REASON: usize = 500;

/// A thing that a system tells.
#[derive(Debug, Clone)]
pub struct Item {
    /// The same for every copy of it.
    pub dedupe: String,
    /// What it says, as its adapter wrote it down; none where it could not be read.
    pub told: Option<Value>,
    /// Why it could not be read.
    pub reason: Option<String>,
}

/// A request of a system, verified.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// To which connection it came.
    pub connection: ConnectionId,
    /// Headers by their lower-case names, credentials left out.
    pub headers: BTreeMap<String, String>,
    /// The raw body.
    pub body: Vec<u8>,
    /// The things in it.
    pub items: Vec<Item>,
}

/// Keeps what arrived; applying it is for later. A copy of what is known changes nothing.
///
/// # Errors
/// The store's: then the system must not be told that it arrived.
pub fn keep(act: &mut Act<'_>, arrived: &Arrived) -> Result<()> {
    let mut news = Vec::new();
    for item in &arrived.items {
        if !store::notices::is_known(act.conn, act.tenant, arrived.connection, &item.dedupe)? {
            news.push(item.clone());
        }
    }
    if news.is_empty() {
        return Ok(());
    }
    let id = NoticeId::new(act.wall);
    let body = NoticeBody {
        tenant_id: act.tenant,
        id,
        connection_id: arrived.connection,
        headers: Json(arrived.headers.clone()),
        body: arrived.body.clone(),
        received_at: Ts(act.wall),
    };
    store::notices::keep(act.conn, &body)?;
    let digest = data_encoding::HEXLOWER.encode(&sha256(&[&arrived.body]));
    act.witness("notice.arrived", id, json!({"connection_id": arrived.connection, "sha256": digest, "things": news.len()}));
    add(act, arrived.connection, Some(id), &news)
}

/// Adds things to be applied.
pub(super) fn add(act: &mut Act<'_>, connection: ConnectionId, body: Option<NoticeId>, items: &[Item]) -> Result<()> {
    for item in items {
        let readable = item.told.is_some();
        let row = Notice {
            tenant_id: act.tenant,
            id: NoticeId::new(act.wall),
            connection_id: connection,
            body_id: body,
            dedupe: item.dedupe.clone(),
            told: item.told.clone().map(Json),
            status: if readable { NoticeStatus::Received } else { NoticeStatus::Failed },
            reason: item.reason.as_deref().map(shortened),
            tried: 0,
            next_at: readable.then_some(Ts(act.wall)),
            received_at: Ts(act.wall),
            finished_at: None,
        };
        store::notices::insert(act.conn, &row)?;
    }
    Ok(())
}

/// A thing to be applied.
#[derive(Debug, Clone)]
pub struct Work {
    /// What was told.
    pub notice: Notice,
    /// By whom.
    pub connection: Connection,
    /// The request that it came in, where what it says has yet to be read.
    pub body: Option<NoticeBody>,
}

/// Takes up to `limit` things that are to be applied now, for as long as `lease`. Those of a disabled connection are set aside.
///
/// # Errors
/// The store's.
pub fn claim(act: &mut Act<'_>, lease: TimeDelta, limit: i64) -> Result<Vec<Work>> {
    let mut works = Vec::new();
    for notice in store::notices::claim(act.conn, act.tenant, act.wall, act.wall + lease, limit)? {
        let connection = store::connections::find(act.conn, act.tenant, notice.connection_id)?;
        if connection.state == ConnectionState::Disabled {
            let reason = Some("the connection is disabled; enable it, then replay this".to_owned());
            store::notices::update(act.conn, &Notice { status: NoticeStatus::Failed, reason, next_at: None, ..notice })?;
            continue;
        }
        let body = match (&notice.told, notice.body_id) {
            (None, Some(id)) => store::notices::body(act.conn, act.tenant, id)?,
            _ => None,
        };
        works.push(Work { notice, connection, body });
    }
    Ok(works)
}

/// What a thing comes to.
#[derive(Debug, Clone)]
pub enum Found {
    /// Documents as they are now, each under the system's name for it.
    Whole(Vec<(String, SourceInvoice)>),
    /// A document that is no longer there.
    Deleted(SourceKind, String),
    /// Other things to look at instead.
    Others(Vec<Item>),
    /// Nothing that matters here, and why.
    Nothing(String),
}

/// Applies what a thing comes to.
///
/// # Errors
/// What the ledger refuses; then nothing of it has happened, and [`failed`] says so.
pub fn apply(act: &mut Act<'_>, work: &Work, found: &Found) -> Result<()> {
    let source = &work.connection.source;
    let key = |external_id: &str| ExternalKey::from_path(source, external_id);
    let (status, reason) = match found {
        Found::Whole(documents) => {
            let mut outdated = !documents.is_empty();
            for (external_id, document) in documents {
                outdated &= push::apply(act, &key(external_id)?, document)?.outdated;
            }
            if outdated {
                (NoticeStatus::Ignored, Some("older than what was applied before".to_owned()))
            } else {
                (NoticeStatus::Applied, None)
            }
        }
        Found::Deleted(kind, external_id) => {
            push::withdraw(act, *kind, &key(external_id)?)?;
            (NoticeStatus::Applied, None)
        }
        Found::Others(items) => {
            add(act, work.connection.id, work.notice.body_id, items)?;
            (NoticeStatus::Applied, None)
        }
        Found::Nothing(why) => (NoticeStatus::Ignored, Some(shortened(why))),
    };
    let tried = work.notice.tried.saturating_add(1);
    let row = Notice { status, reason, tried, next_at: None, finished_at: Some(Ts(act.wall)), ..work.notice.clone() };
    store::notices::update(act.conn, &row)
}

/// Why a thing could not be applied.
#[derive(Debug, Clone)]
pub struct Failure {
    /// For a person.
    pub reason: String,
    /// Whether it is worth another try.
    pub again: bool,
    /// Whether its system is to be left alone, and until when: then whatever else is to be asked of it waits, too.
    pub not_before: Option<DateTime<Utc>>,
}

/// Notes why a thing could not be applied, and when it is tried again.
///
/// # Errors
/// The store's.
pub fn failed(act: &mut Act<'_>, work: &Work, failure: &Failure) -> Result<()> {
    if let Some(until) = failure.not_before {
        store::notices::postpone(act.conn, act.tenant, work.connection.id, until)?;
    }
    let pause = usize::try_from(work.notice.tried).ok().and_then(|tried| PAUSES.get(tried)).filter(|_| failure.again);
    let next_at =
        pause.map(|minutes| act.wall + TimeDelta::minutes(*minutes)).map(|at| Ts(failure.not_before.map_or(at, |until| until.max(at))));
    let row = Notice {
        status: NoticeStatus::Failed,
        reason: Some(shortened(&failure.reason)),
        tried: work.notice.tried.saturating_add(1),
        next_at,
        finished_at: None,
        ..work.notice.clone()
    };
    store::notices::update(act.conn, &row)
}

/// Has a thing applied again, from what was kept of it.
///
/// # Errors
/// No such notice.
pub fn replay(act: &mut Act<'_>, connection: ConnectionId, id: NoticeId) -> Result<Notice> {
    let old = store::notices::find(act.conn, act.tenant, connection, id)?;
    let row = Notice { status: NoticeStatus::Received, reason: None, tried: 0, next_at: Some(Ts(act.wall)), finished_at: None, ..old };
    store::notices::update(act.conn, &row)?;
    act.audit("notice.replayed", id, json!({ "connection_id": connection }));
    Ok(row)
}

/// Takes away what arrived more than thirty days ago.
///
/// # Errors
/// The store's.
pub fn sweep(act: &mut Act<'_>) -> Result<()> {
    store::notices::sweep(act.conn, act.tenant, act.wall - KEPT)
}

/// Whether [`sweep`] has anything to do.
///
/// # Errors
/// The store's.
pub fn has_old(conn: &mut store::Conn, tenant: crate::domain::ids::TenantId, wall: DateTime<Utc>) -> Result<bool> {
    store::notices::any_before(conn, tenant, wall - KEPT)
}

/// What may be said of an error; none of what will pass by itself.
///
/// # Errors
/// What the caller is to try again at once.
pub fn refusal(error: Error) -> Result<String> {
    match error {
        Error::Busy { .. } | Error::Race => Err(error),
        Error::Internal(_) => Ok("it failed on our side".to_owned()),
        other => Ok(other.to_string()),
    }
}

fn shortened(reason: &str) -> String {
    reason.chars().map(|one| if one.is_control() { ' ' } else { one }).take(MAX_REASON).collect()
}
