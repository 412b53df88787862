//! Through which provider account a message goes: by priority, by lot within one, and on to the next where one will not have it.
//!
//! An account that refused the message, or never processed it, is passed over for the rest of the round; when none is left the message waits, and a new round begins.
//! An account that is paused is passed over as long as it is. Not here: what a call led to ([`crate::actions::outcome`]).
//!
//! Invariant: a message whose answer was lost goes back to where it was lost, under its key, or nowhere.

use std::collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde_json::json;

use super::{Dispatcher, Room};
use crate::{
    actions::{
        Act,
        outcome::{PATIENCE, backoff},
    },
    domain::{
        contact::Channel,
        ids::{MessageId, Mode, ProviderAccountId, TenantId},
        provider::in_turn,
    },
    error::Result,
    store::{self, attempts::Attempt, messages::Message, provider_accounts::ProviderAccount},
};

/// When to look again for a provider account that carries the channel.
const NO_PROVIDER: TimeDelta = TimeDelta::minutes(15);
/// In what time an account is expected to have as many places again as it has in two seconds: half of that. Who finds none then stands in line once more, which costs less
/// than an account that could send and has nothing.
const TURN: TimeDelta = TimeDelta::seconds(1);
/// The longest that a message waits behind others before it is looked at again: the account may have become faster.
const LONGEST_LINE: TimeDelta = TimeDelta::seconds(120);

/// Where a message goes.
pub enum Route {
    Through(Box<Through>),
    /// Nobody may be called before this moment.
    Wait(DateTime<Utc>),
    /// This account may have it, and would not recognise it.
    Doubtful(ProviderAccountId),
}

/// An account, and how it came to be chosen.
pub struct Through {
    pub account: ProviderAccount,
    /// Of the attempts at this message, which turn of the accounts this is.
    pub round: i32,
    /// Whether other accounts are left in the round, should this one not have it.
    pub others: bool,
    /// From which account the message moves here, and why.
    moved: Option<(ProviderAccountId, &'static str)>,
}

impl Through {
    /// Leaves word of a move to another account.
    pub fn witness(&self, act: &mut Act<'_>, message: MessageId) {
        if let Some((from, because)) = self.moved {
            act.witness("message.moved", message, json!({"from": from, "to": self.account.id, "because": because, "round": self.round}));
        }
    }
}

/// The accounts, as one batch of claims sees them.
pub struct Routes<'d> {
    dispatcher: &'d Dispatcher<'d>,
    mode: Mode,
    accounts: HashMap<Channel, Vec<ProviderAccount>>,
    taken: BTreeMap<ProviderAccountId, Taken>,
}

/// An account's room, and who has asked for it in this batch.
struct Taken {
    room: Room,
    asked: u32,
}

impl<'d> Routes<'d> {
    pub fn new(tenant: TenantId, dispatcher: &'d Dispatcher<'d>) -> Self {
        Self { dispatcher, mode: tenant.mode(), accounts: HashMap::new(), taken: BTreeMap::new() }
    }

    /// How many of the batch wait because their accounts have no room for them.
    pub fn lined_up(&self) -> BTreeMap<ProviderAccountId, u32> {
        let behind = |taken: &Taken| taken.asked.saturating_sub(taken.room.now);
        self.taken.iter().map(|(id, taken)| (*id, behind(taken))).filter(|(_, behind)| *behind > 0).collect()
    }

    pub fn find(&mut self, act: &mut Act<'_>, message: &Message) -> Result<Route> {
        let attempts = match message.attempts {
            0 => Vec::new(),
            _ => store::attempts::of_message(act.conn, act.tenant, message.id)?,
        };
        let accounts = match self.accounts.entry(message.channel) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(store::provider_accounts::for_channel(act.conn, act.tenant, message.channel)?),
        };
        let tried = Tried::of(message, &attempts);
        let candidates: Vec<&ProviderAccount> = if let Some(doubt) = attempts.iter().find(|attempt| attempt.is_doubtful()) {
            let there = accounts.iter().find(|account| account.id == doubt.provider_account_id);
            let until = there.and_then(|account| (self.dispatcher.repeat_until)(account, doubt.started_at.0));
            match there.filter(|_| until.is_some_and(|until| act.now < until)) {
                Some(account) => vec![account],
                None => return Ok(Route::Doubtful(doubt.provider_account_id)),
            }
        } else {
            let standings: Vec<_> = accounts.iter().map(ProviderAccount::standing).collect();
            let (_, seed) = message.id.uuid().as_u64_pair();
            in_turn(&standings, seed).into_iter().filter_map(|place| accounts.get(place)).collect()
        };
        Ok(match choose(&candidates, &tried, self.dispatcher, act.now) {
            Ok(through) => match turn(&mut self.taken, (self.mode, self.dispatcher), &through.account, act.now) {
                Some(until) if act.now - message.created_at.0 <= PATIENCE => Route::Wait(until),
                // Whoever has waited for too long is taken up all the same: called, or given up.
                _ => Route::Through(Box::new(through)),
            },
            Err(until) => Route::Wait(until),
        })
    }
}

/// The first account that may be called now, of those left in the round; else when to ask again.
fn choose(
    candidates: &[&ProviderAccount],
    tried: &Tried,
    dispatcher: &Dispatcher<'_>,
    now: DateTime<Utc>,
) -> Result<Through, DateTime<Utc>> {
    let left: Vec<&&ProviderAccount> = candidates.iter().filter(|account| !tried.refused.contains(&account.id)).collect();
    if let Some(free) = left.iter().find(|account| !dispatcher.paused.contains_key(&account.id)) {
        let from = tried.last.or_else(|| candidates.first().map(|account| account.id)).filter(|from| *from != free.id);
        let because = if tried.last.is_some() { "not_taken" } else { "paused" };
        let moved = from.map(|from| (from, because));
        return Ok(Through { account: (**free).clone(), round: tried.round, others: left.len() > 1, moved });
    }
    let resumed = left.iter().filter_map(|account| dispatcher.paused.get(&account.id)).min().copied();
    let rested = tried.rested_at();
    let until = [resumed, rested].into_iter().flatten().min().unwrap_or(now + NO_PROVIDER);
    Err(until.max(now + TimeDelta::seconds(1)))
}

/// Counts a message in: `None` if the account has room for it now, else when it will. The rehearsal's has room for all.
fn turn(
    taken: &mut BTreeMap<ProviderAccountId, Taken>,
    (mode, dispatcher): (Mode, &Dispatcher<'_>),
    account: &ProviderAccount,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    if mode == Mode::Test {
        return None;
    }
    let room = || dispatcher.rooms.get(&account.id).copied().unwrap_or_else(|| unknown(account));
    let taken = taken.entry(account.id).or_insert_with(|| Taken { room: room(), asked: 0 });
    taken.asked = taken.asked.saturating_add(1);
    let behind = taken.asked.checked_sub(taken.room.now).filter(|behind| *behind > 0)?;
    let turns = i32::try_from(behind.div_ceil(taken.room.then.max(1))).unwrap_or(i32::MAX);
    let wait = TURN.checked_mul(turns).map_or(LONGEST_LINE, |wait| (taken.room.wait + wait).min(LONGEST_LINE));
    // On the second: who comes in drops is claimed in drops.
    Some((now + wait).duration_round_up(TimeDelta::seconds(1)).unwrap_or(now + wait))
}

/// The room of an account that this process has not called yet: what its rate lets begin, and its concurrency if each call lasts half a second.
fn unknown(account: &ProviderAccount) -> Room {
    let (rate, at_once) = (account.rate_per_second.max(1).unsigned_abs(), account.concurrency.max(1).unsigned_abs());
    let then = rate.saturating_mul(2).min(at_once.saturating_mul(4));
    Room { now: then, then, wait: TimeDelta::zero() }
}

/// What the attempts so far say of the round that a message is in.
struct Tried {
    round: i32,
    /// Who would not have it in this round.
    refused: BTreeSet<ProviderAccountId>,
    /// Who was the last of them, and when.
    last: Option<ProviderAccountId>,
    ended_at: Option<DateTime<Utc>>,
}

impl Tried {
    fn of(message: &Message, attempts: &[Attempt]) -> Self {
        let called = || attempts.iter().filter(|attempt| attempt.outcome.as_deref() != Some("not_called"));
        let Some(last) = called().next_back() else {
            return Self { round: 1, refused: BTreeSet::new(), last: None, ended_at: None };
        };
        let ended_at = last.finished_at.map(|at| at.0);
        // A message that moves on goes at once; one that waits, waits for a whole pause.
        let goes_on = ended_at.zip(message.next_attempt_at).is_some_and(|(ended, next)| next.0 < ended + backoff(1));
        let round = if goes_on { last.round } else { last.round.saturating_add(1) };
        let refused: BTreeSet<_> = called()
            .filter(|attempt| attempt.round == round && attempt.outcome.as_deref() == Some("not_sent"))
            .map(|attempt| attempt.provider_account_id)
            .collect();
        let last = Some(last.provider_account_id).filter(|last| refused.contains(last));
        Self { round, refused, last, ended_at }
    }

    /// When the accounts of a round that is over are asked again.
    fn rested_at(&self) -> Option<DateTime<Utc>> {
        self.ended_at.filter(|_| !self.refused.is_empty()).map(|ended| ended + backoff(self.round))
    }
}
