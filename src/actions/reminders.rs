//! What people decide about reminders: approve, cancel, try again; how a doubt about a message ends; which reminders are kept back.
//!
//! Invariant: two people, or a person and a dispatcher, who decide about one reminder do so one after the other; the second sees what the first did.

use std::collections::BTreeSet;

use serde_json::json;

use super::{Act, dispatch, outcome, planning};
use crate::{
    domain::{
        delivery::MessageState,
        dunning::{plan::Plan, reminder::ReminderState},
        ids::{MessageId, ReminderId},
    },
    error::{Error, Result},
    store::{self, Json, accounts::Account, messages::Message, reminders::Reminder},
};

/// Lets a reminder that waited for a person go.
///
/// # Errors
/// No such reminder, or one that waits for no approval; `silenced` for a task about what is left in peace.
pub fn approve(act: &mut Act<'_>, id: ReminderId) -> Result<Reminder> {
    let reminder = in_state(act, id, &[ReminderState::AwaitingApproval])?;
    act.audit("reminder.approved", id, json!({"step": reminder.step_key, "formal": reminder.formal}));
    send(act, &reminder)
}

/// Tries a failed reminder again, with the contact's address of today.
///
/// # Errors
/// No such reminder, or one that has not failed.
pub fn retry(act: &mut Act<'_>, id: ReminderId) -> Result<Reminder> {
    let reminder = in_state(act, id, &[ReminderState::Failed])?;
    act.audit("reminder.retried", id, json!({"step": reminder.step_key}));
    send(act, &reminder)
}

/// Gives an open reminder up. What was already handed to a provider cannot be called back.
///
/// # Errors
/// No such reminder, one that has ended, or one whose message is just being sent.
pub fn cancel(act: &mut Act<'_>, id: ReminderId, reason: &str) -> Result<Reminder> {
    let open: Vec<ReminderState> = ReminderState::ALL.iter().copied().filter(|state| state.is_open()).collect();
    let reminder = in_state(act, id, &open)?;
    let messages = store::messages::of_reminder(act.conn, act.tenant, id)?;
    if messages.iter().any(|message| message.state == MessageState::Dispatched) {
        return Err(Error::conflict("in_flight", "its message is being sent at this moment; ask again when its result is known"));
    }
    for message in messages.iter().filter(|message| message.state == MessageState::Prepared) {
        store::messages::set_state(act.conn, act.tenant, message.id, MessageState::Cancelled, None, Some("cancelled"))?;
    }
    store::reminders::set_state(act.conn, act.tenant, id, ReminderState::Cancelled, Some(reason))?;
    // What was written by hand may name somebody.
    let note = vec![("reason", reason.to_owned())];
    act.enter("reminder.cancelled", id.to_string(), json!({"step": reminder.step_key}), note, true);
    act.touch(reminder.customer_id, reminder.currency);
    store::reminders::find(act.conn, act.tenant, id)
}

/// Ends the doubt about a message: a person found out whether it was sent.
///
/// # Errors
/// No such message, or one about which there is no doubt.
pub fn resolve(act: &mut Act<'_>, id: MessageId, was_sent: bool) -> Result<Message> {
    let mut message = store::messages::find(act.conn, act.tenant, id)?;
    if let Some(reminder) = message.reminder_id {
        hold(act, reminder)?;
        message = store::messages::find(act.conn, act.tenant, id)?;
    }
    if message.state != MessageState::Unknown {
        return Err(Error::conflict("no_doubt", format!("the message is {}; only an unknown outcome can be resolved", message.state)));
    }
    let state = if was_sent { MessageState::Accepted } else { MessageState::Rejected };
    store::messages::set_state(act.conn, act.tenant, id, state, None, Some("resolved by a person"))?;
    act.audit("message.resolved", id, json!({"was_sent": was_sent}));
    if let Some(reminder) = message.reminder_id {
        let reminder = store::reminders::find(act.conn, act.tenant, reminder)?;
        if was_sent {
            outcome::taken(act, message.id, reminder)?;
        } else {
            store::reminders::set_state(act.conn, act.tenant, reminder.id, ReminderState::Failed, Some("not_sent"))?;
        }
    }
    store::messages::find(act.conn, act.tenant, id)
}

/// Keeps dispatchers, planners and other people off a reminder until this act is done: its messages are locked first, then its account, in the order
/// in which a dispatch locks them.
fn hold(act: &mut Act<'_>, id: ReminderId) -> Result<Reminder> {
    let reminder = store::reminders::find(act.conn, act.tenant, id)?;
    store::messages::lock_of_reminder(act.conn, act.tenant, id)?;
    store::accounts::lock(act.conn, act.tenant, &BTreeSet::from([(reminder.customer_id, reminder.currency)]))?;
    store::reminders::find(act.conn, act.tenant, id)
}

fn in_state(act: &mut Act<'_>, id: ReminderId, states: &[ReminderState]) -> Result<Reminder> {
    let reminder = hold(act, id)?;
    if states.contains(&reminder.state) {
        Ok(reminder)
    } else {
        let wanted: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
        Err(Error::conflict("wrong_state", format!("the reminder is {}; this takes one that is {}", reminder.state, wanted.join(" or "))))
    }
}

/// Puts a reminder on its way: a fresh message, or the task.
fn send(act: &mut Act<'_>, reminder: &Reminder) -> Result<Reminder> {
    let key = (reminder.customer_id, reminder.currency);
    let loaded = store::facts::load_one(act.conn, act.tenant, key, act.now)?;
    if loaded.account.customer.is_sent(reminder.channel) {
        if dispatch::address(&loaded, reminder.contact_id, reminder.channel).is_none() {
            return Err(Error::conflict(
                "no_recipient",
                "the contact cannot be reached on this channel; give it an address, lift the suppression, or cancel the reminder",
            ));
        }
        let message = planning::message(act, &loaded, reminder)?;
        store::reminders::set_state(act.conn, act.tenant, reminder.id, ReminderState::InFlight, None)?;
        store::messages::insert(act.conn, &[message])?;
    } else {
        // Nobody reads a task again before it is done, as a dispatch reads a message.
        let (_, today) = act.today()?;
        if let Err(reason) = dispatch::claims(&loaded, reminder, today) {
            return Err(Error::conflict(
                "silenced",
                format!("nothing may be claimed now: {reason}; wait for its end, or cancel the reminder"),
            ));
        }
        super::tasks::give(act, reminder, loaded.account.customer.post.missing(), None)?;
        store::reminders::complete(act.conn, act.tenant, reminder, act.now)?;
    }
    act.touch(reminder.customer_id, reminder.currency);
    store::reminders::find(act.conn, act.tenant, reminder.id)
}

/// Tells what is due and is not sent, as far as the last look did not.
pub(super) fn suppressed(act: &mut Act<'_>, row: &mut Account, plan: &Plan<'_>) {
    let told = row.suppressed.take().unwrap_or_default();
    let found = plan.suppressed();
    for one in found.iter().filter(|one| !told.iter().any(|former| former.is(one))) {
        let body = json!({
            "customer_id": row.customer_id, "currency": row.currency, "policy_id": row.policy_id, "policy_version": row.policy_version,
            "rule": one.rule, "instalment_id": one.instalment_id, "step": one.step, "ends_at": one.until,
        });
        act.witness("reminder.suppressed", row.customer_id, body);
    }
    row.suppressed = (!found.is_empty()).then_some(Json(found));
}
