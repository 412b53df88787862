//! Look-ups: a provider is asked what became of a message whose answer was lost.
//!
//! Asked a minute after the doubt arose, then at growing distances for a day. That the provider has the message settles the doubt, as a receipt does; that it knows of none
//! proves nothing, is noted, and leaves the decision to a person. Not here: the question itself, which is asked between two transactions.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::{Act, outcome, receipts};
use crate::{
    domain::{
        delivery::MessageState,
        ids::{MessageId, ProviderAccountId},
        provider::LookupFinding,
    },
    error::Result,
    store::{self, Ts, lookups::Lookup, provider_accounts::ProviderAccount},
};

/// How long after the doubt arose its provider is asked, in minutes.
const AGES: [i64; 9] = [1, 3, 10, 30, 60, 180, 360, 720, 1_440];

/// A message in doubt, and whom to ask about it.
#[derive(Debug, Clone)]
pub struct Question {
    /// Where the asking stands.
    pub lookup: Lookup,
    /// Whom to ask.
    pub account: ProviderAccount,
    /// The provider's name for it, if it is known.
    pub provider_id: Option<String>,
    /// When it was handed over.
    pub sent_at: DateTime<Utc>,
}

/// What the provider said.
#[derive(Debug, Clone)]
pub enum Found {
    /// It took the message.
    Taken {
        /// Its name for it.
        provider_id: Option<String>,
        /// What it knows about it.
        statements: Vec<receipts::Statement>,
    },
    /// It knows of no such message.
    Absent,
    /// It did not say.
    Failed(String),
    /// It cannot be asked.
    NotOffered,
}

impl Found {
    fn word(&self) -> (LookupFinding, Option<&str>) {
        match self {
            Self::Taken { .. } => (LookupFinding::Taken, None),
            Self::Absent => (LookupFinding::Absent, None),
            Self::Failed(why) => (LookupFinding::Failed, Some(why)),
            Self::NotOffered => (LookupFinding::NotOffered, None),
        }
    }
}

/// Has an account asked about a message that is in doubt from now on.
pub(super) fn begin(act: &mut Act<'_>, message: MessageId, account: ProviderAccountId) -> Result<()> {
    let row = Lookup {
        tenant_id: act.tenant,
        message_id: message,
        provider_account_id: account,
        asked: 0,
        doubted_at: Ts(act.now),
        next_at: next(act.now, act.now).map(Ts),
        last_at: None,
        finding: None,
        detail: None,
    };
    store::lookups::begin(act.conn, &row)
}

/// When a provider is next asked about what has been in doubt since `doubted`; never after a day.
fn next(doubted: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    AGES.iter().map(|minutes| doubted + TimeDelta::minutes(*minutes)).find(|at| *at > now)
}

/// Takes up to `limit` questions that are to be asked now, for as long as `lease`. What is in doubt no more is not asked about.
///
/// # Errors
/// The store's.
pub fn claim(act: &mut Act<'_>, lease: TimeDelta, limit: i64) -> Result<Vec<Question>> {
    let mut questions = Vec::new();
    for lookup in store::lookups::claim(act.conn, act.tenant, act.now, act.now + lease, limit)? {
        let message = store::messages::find(act.conn, act.tenant, lookup.message_id)?;
        if message.state != MessageState::Unknown {
            store::lookups::update(act.conn, &Lookup { next_at: None, ..lookup })?;
            continue;
        }
        let account = store::provider_accounts::find(act.conn, act.tenant, lookup.provider_account_id)?;
        let attempt = store::attempts::doubtful(act.conn, act.tenant, message.id)?;
        let sent_at = attempt.map_or(message.created_at.0, |attempt| attempt.started_at.0);
        questions.push(Question { lookup, account, provider_id: message.provider_message_id, sent_at });
    }
    Ok(questions)
}

/// Notes what a provider said; if it has the message, the doubt is over, once.
///
/// # Errors
/// The store's.
pub fn finish(act: &mut Act<'_>, asked: &Lookup, found: &Found) -> Result<()> {
    let (finding, detail) = found.word();
    let goes_on = matches!(found, Found::Absent | Found::Failed(_));
    let row = Lookup {
        asked: asked.asked.saturating_add(1),
        next_at: next(asked.doubted_at.0, act.now).filter(|_| goes_on).map(Ts),
        last_at: Some(Ts(act.now)),
        finding: Some(finding),
        detail: detail.map(str::to_owned),
        ..asked.clone()
    };
    store::lookups::update(act.conn, &row)?;
    if finding == LookupFinding::NotOffered {
        return Ok(());
    }
    let body = json!({"provider_account_id": asked.provider_account_id, "finding": finding, "asked": row.asked});
    act.witness("message.looked_up", asked.message_id, body);
    let Found::Taken { provider_id, statements } = found else { return Ok(()) };
    outcome::settled(act, asked.message_id, provider_id.as_deref())?;
    receipts::add(act, asked.provider_account_id, statements)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_grow_rarer_and_end_after_a_day() {
        let doubted = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let mut asked = Vec::new();
        let mut now = doubted;
        while let Some(at) = next(doubted, now) {
            asked.push((at - doubted).num_minutes());
            now = at;
        }
        assert_eq!(asked, AGES);
        assert!(AGES.windows(2).all(|pair| pair[0] < pair[1]) && asked.last() == Some(&(24 * 60)));
        let late = doubted + TimeDelta::hours(2);
        assert_eq!(next(doubted, late), Some(doubted + TimeDelta::hours(3)), "what was missed is not made up for");
    }
}
