//! Outcomes: how a hand-over ended, written under the token that it was made with, and what follows from it.
//!
//! Invariant: a result whose lease was lost changes nothing; it is noted, and that is all.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::{
    Act,
    dispatch::{Claimed, RepeatUntil},
    lookups, proofs, tasks,
};
use crate::{
    domain::{
        contact::Channel,
        delivery::{DeliveryStatus, EvidenceGrade, MessageState, SuppressionReason},
        dunning::reminder::ReminderState,
        ids::{MessageId, ProviderAccountId, ReceiptId, ReminderId},
    },
    error::Result,
    store::{
        self, Token, Ts,
        messages::{Ending, Envelope, Message},
        receipts::Receipt,
        reminders::Reminder,
    },
};

/// For how long a message that could not be handed over is tried again.
pub(super) const PATIENCE: TimeDelta = TimeDelta::hours(48);

/// How a call ended; the dispatcher translates it from the provider's adapter.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The provider took it. What it already knows to come is reported at its time.
    Accepted {
        /// Its name for the message.
        provider_id: Option<String>,
        /// Reports to come.
        later: Vec<Foretold>,
    },
    /// The provider refused it.
    Rejected {
        /// Its code and words.
        reason: String,
        /// Why the address must not be used again, if so.
        suppress: Option<SuppressionReason>,
    },
    /// Nothing left: to be tried again, at this moment or later.
    NotSent {
        /// What happened.
        reason: String,
        /// Not before.
        not_before: Option<DateTime<Utc>>,
        /// How far it came.
        miss: Miss,
    },
    /// It may or may not have left.
    Unknown {
        /// What happened.
        reason: String,
        /// Until when the provider would recognise it, should it be sent again.
        repeat_until: Option<DateTime<Utc>>,
    },
}

/// How far a message came that was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Miss {
    /// The provider was not called: the account is paused, or the time was up. It costs the message nothing.
    NotCalled,
    /// The provider could not be reached, or said that it did not process the call.
    NotProcessed,
    /// The provider refused the account: its credentials, its quota, its state.
    AccountRefused,
}

/// A report known in advance: the sandbox's.
#[derive(Debug, Clone)]
pub struct Foretold {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub status: DeliveryStatus,
    /// The same for every copy.
    pub dedupe: String,
    /// The provider's word.
    pub raw_name: String,
}

/// A claimed message and its result.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Which.
    pub message_id: MessageId,
    /// Through which account.
    pub account: ProviderAccountId,
    /// How it ended.
    pub outcome: Outcome,
    token: Token,
    round: i32,
    others: bool,
}

impl Claimed {
    /// This message's result.
    pub const fn ended(&self, outcome: Outcome) -> Sent {
        let Self { token, round, others, .. } = *self;
        Sent { message_id: self.message.id, account: self.account.id, outcome, token, round, others }
    }
}

/// Writes results, each under its token; what follows from them is in the same transaction.
///
/// # Errors
/// The store's.
pub fn finish(act: &mut Act<'_>, results: &[Sent]) -> Result<()> {
    let ids: Vec<MessageId> = results.iter().map(|sent| sent.message_id).collect();
    let envelopes: HashMap<_, _> = store::messages::envelopes(act.conn, act.tenant, &ids)?.into_iter().map(|row| (row.id, row)).collect();
    let of_batch: Vec<(&Sent, &Envelope)> = results.iter().filter_map(|sent| Some((sent, envelopes.get(&sent.message_id)?))).collect();
    let rows: Vec<_> = of_batch.iter().map(|(sent, envelope)| (sent.message_id, sent.token, ending(envelope, sent, act.now))).collect();
    let written = store::bulk::finish(act.conn, act.tenant, &rows, act.now)?;
    let reminder_ids: Vec<ReminderId> = envelopes.values().filter_map(|envelope| envelope.reminder_id).collect();
    let reminders: HashMap<_, _> =
        store::reminders::find_all(act.conn, act.tenant, &reminder_ids)?.into_iter().map(|row| (row.id, row)).collect();
    let mut accepted = Vec::new();
    for ((sent, envelope), (.., ending)) in of_batch.iter().zip(&rows) {
        if !written.contains(&sent.message_id) {
            act.witness("message.late_result", sent.message_id, json!({"outcome": ending.outcome}));
            continue;
        }
        let body = json!({"outcome": ending.outcome, "provider_account_id": sent.account, "provider_message_id": ending.provider_message_id, "attempt": envelope.attempts});
        act.witness("message.attempted", sent.message_id, body);
        let Some(reminder) = envelope.reminder_id.and_then(|id| reminders.get(&id)) else { continue };
        match &sent.outcome {
            Outcome::Accepted { later, .. } => {
                foretell(act, envelope, sent.account, later)?;
                accepted.push((sent.message_id, reminder.clone()));
            }
            outcome => refused(act, envelope, sent, reminder, outcome, ending)?,
        }
    }
    complete(act, &accepted)
}

fn ending(message: &Envelope, sent: &Sent, now: DateTime<Utc>) -> Ending {
    let blank =
        Ending { state: MessageState::Accepted, next_attempt_at: None, provider_message_id: None, outcome: "accepted", detail: None };
    match &sent.outcome {
        Outcome::Accepted { provider_id, .. } => Ending { provider_message_id: provider_id.clone(), ..blank },
        Outcome::Rejected { reason, .. } => {
            Ending { state: MessageState::Rejected, outcome: "rejected", detail: Some(reason.clone()), ..blank }
        }
        Outcome::NotSent { reason, not_before, miss } => {
            let next = match miss {
                // The next account has its turn at once.
                _ if sent.others => now,
                Miss::NotCalled => not_before.unwrap_or(now),
                Miss::NotProcessed | Miss::AccountRefused => not_before.unwrap_or(now).max(now + backoff(sent.round)),
            };
            let (state, next, outcome) = if next - message.created_at.0 > PATIENCE {
                (MessageState::Rejected, None, "given_up")
            } else {
                (MessageState::Prepared, Some(next), if *miss == Miss::NotCalled { "not_called" } else { "not_sent" })
            };
            Ending { state, next_attempt_at: next, outcome, detail: Some(reason.clone()), ..blank }
        }
        Outcome::Unknown { reason, repeat_until } => {
            let next = now + backoff(sent.round);
            let (state, next) = match repeat_until {
                Some(until) if next < *until => (MessageState::Prepared, Some(next)),
                _ => (MessageState::Unknown, None),
            };
            Ending { state, next_attempt_at: next, outcome: "unknown", detail: Some(reason.clone()), ..blank }
        }
    }
}

/// How long a message waits after so many rounds: half a minute, doubled with each, four hours at most.
pub(super) fn backoff(rounds: i32) -> TimeDelta {
    let doublings = u32::try_from(rounds.saturating_sub(1)).unwrap_or(0).min(9);
    (TimeDelta::seconds(30) * 2i32.saturating_pow(doublings)).min(TimeDelta::hours(4))
}

/// What it means for the reminder that a message was not taken.
fn refused(act: &mut Act<'_>, message: &Envelope, sent: &Sent, reminder: &Reminder, outcome: &Outcome, ending: &Ending) -> Result<()> {
    match ending.state {
        MessageState::Rejected => {
            if let Outcome::Rejected { suppress: Some(reason), .. } = outcome
                && message.channel != Channel::Letter
            {
                super::suppressions::suppress_known(
                    act,
                    message.channel,
                    &message.address,
                    *reason,
                    &format!("provider:{}", sent.account),
                )?;
            }
            store::reminders::set_state(act.conn, act.tenant, reminder.id, ReminderState::Failed, Some(ending.outcome))?;
            act.touch(reminder.customer_id, reminder.currency);
            tasks::review(act, reminder.customer_id, reminder.currency, Some(reminder.id), "delivery_failed")
        }
        MessageState::Unknown => {
            lookups::begin(act, sent.message_id, sent.account)?;
            store::reminders::set_state(act.conn, act.tenant, reminder.id, ReminderState::OutcomeUnknown, Some("answer_lost"))?;
            tasks::review(act, reminder.customer_id, reminder.currency, Some(reminder.id), "outcome_unknown")
        }
        // It will be tried again.
        _ => Ok(()),
    }
}

/// The provider has a message that was in doubt, as a receipt or a look-up says: the reminder is done, at this moment, once.
pub(super) fn settled(act: &mut Act<'_>, id: MessageId, provider_id: Option<&str>) -> Result<()> {
    if !store::messages::settle(act.conn, act.tenant, id, provider_id)? {
        return Ok(());
    }
    let message = store::messages::find(act.conn, act.tenant, id)?;
    match message.reminder_id {
        Some(reminder) => {
            let reminder = store::reminders::find(act.conn, act.tenant, reminder)?;
            taken(act, id, reminder)
        }
        None => Ok(()),
    }
}

/// The provider has it, as was found out afterwards: the reminder is done, at this moment.
pub(super) fn taken(act: &mut Act<'_>, message: MessageId, reminder: Reminder) -> Result<()> {
    store::messages::report(act.conn, act.tenant, message, DeliveryStatus::Accepted, Some(EvidenceGrade::ProviderAccepted))?;
    complete(act, &[(message, reminder)])
}

/// The reminders are done, at this moment; those that a person closed meanwhile stay closed.
fn complete(act: &mut Act<'_>, accepted: &[(MessageId, Reminder)]) -> Result<()> {
    let open: Vec<&(MessageId, Reminder)> = accepted.iter().filter(|(_, reminder)| reminder.state.is_open()).collect();
    let done: Vec<Reminder> = open.iter().map(|(_, reminder)| reminder.clone()).collect();
    store::bulk::complete(act.conn, act.tenant, &done, act.now)?;
    for (message, reminder) in open {
        act.witness("reminder.completed", reminder.id, json!({"message_id": message, "step": reminder.step_key, "cycle": reminder.cycle}));
        act.rest(reminder.customer_id, reminder.currency);
    }
    Ok(())
}

fn foretell(act: &mut Act<'_>, message: &Envelope, account: ProviderAccountId, later: &[Foretold]) -> Result<()> {
    let rows: Vec<Receipt> = later
        .iter()
        .map(|report| Receipt {
            tenant_id: act.tenant,
            id: ReceiptId::new(act.now),
            provider_account_id: account,
            request_id: None,
            dedupe: report.dedupe.clone(),
            message_id: Some(message.id),
            provider_message_id: None,
            address: None,
            status: report.status,
            raw_name: report.raw_name.clone(),
            detail: None,
            occurred_at: Ts(report.at),
            due_at: Ts(report.at),
            applied_at: None,
            outcome: None,
        })
        .collect();
    store::receipts::insert(act.conn, &rows)?;
    if message.channel == Channel::Letter {
        rows.iter().try_for_each(|row| proofs::begin(act, row.id, account, row.due_at.0))?;
    }
    Ok(())
}

/// Messages whose dispatcher never came back: sent again under the same key where the provider recognises it, else put before a person.
///
/// # Errors
/// The store's.
pub fn recover(act: &mut Act<'_>, repeat_until: RepeatUntil<'_>, limit: i64) -> Result<usize> {
    let database_now = store::dialect::database_now(act.conn)?;
    let orphans = store::messages::orphans(act.conn, act.tenant, database_now, limit)?;
    for message in &orphans {
        let account = match message.provider_account_id {
            Some(id) => Some(store::provider_accounts::find(act.conn, act.tenant, id)?),
            None => None,
        };
        let first = store::attempts::doubtful(act.conn, act.tenant, message.id)?.map(|attempt| attempt.started_at.0);
        let until = account.zip(first).and_then(|(account, first)| repeat_until(&account, first));
        let again = until.is_some_and(|until| act.now < until);
        act.witness("message.orphaned", message.id, json!({"attempt": message.attempts, "sent_again": again}));
        if again {
            store::messages::set_state(act.conn, act.tenant, message.id, MessageState::Prepared, Some(act.now), Some("dispatcher lost"))?;
        } else {
            leave_in_doubt(act, message, "dispatcher_lost", "dispatcher lost")?;
        }
    }
    Ok(orphans.len())
}

/// Leaves a message to a person: nobody knows whether it was sent, and it must not be sent again.
pub(super) fn leave_in_doubt(act: &mut Act<'_>, message: &Message, word: &'static str, why: &'static str) -> Result<()> {
    store::messages::set_state(act.conn, act.tenant, message.id, MessageState::Unknown, None, Some(why))?;
    if let Some(account) = message.provider_account_id {
        lookups::begin(act, message.id, account)?;
    }
    let Some(id) = message.reminder_id else { return Ok(()) };
    let reminder = store::reminders::find(act.conn, act.tenant, id)?;
    store::reminders::set_state(act.conn, act.tenant, id, ReminderState::OutcomeUnknown, Some(word))?;
    tasks::review(act, reminder.customer_id, reminder.currency, Some(id), "outcome_unknown")
}
