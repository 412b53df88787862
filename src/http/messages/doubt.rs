//! What is known of a message whose answer was lost: for the person who must say whether it was sent.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::AttemptView;
use crate::{
    domain::{
        delivery::MessageState,
        ids::{MessageId, TenantId},
        provider::LookupFinding,
    },
    error::Result,
    store::{self, Conn, lookups::Lookup, messages::Message},
};

/// What is known of a message in state `unknown`.
#[derive(Clone, Serialize, ToSchema)]
pub struct DoubtView {
    /// The attempt whose answer was lost, or the last one.
    pub last_attempt: Option<AttemptView>,
    /// What its provider said when it was asked about the message.
    pub look_up: Option<LookUpView>,
}

/// What came of asking a provider about a message.
#[derive(Clone, Serialize, ToSchema)]
pub struct LookUpView {
    /// How often it was asked.
    #[schema(minimum = 0)]
    pub asked: i32,
    /// When it was asked last.
    pub last_at: Option<DateTime<Utc>>,
    /// What it said last.
    pub finding: Option<LookupFinding>,
    /// Why it did not say.
    #[schema(max_length = 1000)]
    pub detail: Option<String>,
    /// When it is asked next; absent when it is not asked any more.
    pub next_at: Option<DateTime<Utc>>,
}

impl From<Lookup> for LookUpView {
    fn from(row: Lookup) -> Self {
        Self {
            asked: row.asked,
            last_at: row.last_at.map(|at| at.0),
            finding: row.finding,
            detail: row.detail,
            next_at: row.next_at.map(|at| at.0),
        }
    }
}

/// What is known of those of the messages that are in doubt.
pub fn of(conn: &mut Conn, tenant: TenantId, rows: &[Message]) -> Result<BTreeMap<MessageId, DoubtView>> {
    let doubtful: Vec<MessageId> = rows.iter().filter(|row| row.state == MessageState::Unknown).map(|row| row.id).collect();
    if doubtful.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut attempts = store::attempts::last_of(conn, tenant, &doubtful)?;
    let mut lookups = store::lookups::of_messages(conn, tenant, &doubtful)?;
    let view = |id| (id, DoubtView { last_attempt: attempts.remove(&id).map(Into::into), look_up: lookups.remove(&id).map(Into::into) });
    Ok(doubtful.into_iter().map(view).collect())
}
