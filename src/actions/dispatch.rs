//! Dispatch: what may still be sent is taken under a lease before the network is touched; [`super::outcome`] writes the result after.
//!
//! Two transactions with the call between them, and none around it. Invariants: a message is claimed only while its account's lock is held and its claim re-read, so a payment
//! that committed before is never followed by a reminder for it.

mod desk;
mod enclosure;
mod letter;
mod purse;
mod route;
mod still;

use std::{
    collections::{BTreeMap, HashMap},
    rc::Rc,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use desk::Desk;
pub use letter::Posted;
pub(super) use still::{address, claims};

use super::{Act, tasks};
use crate::{
    domain::{
        delivery::MessageState,
        dunning::{policy::Policy, reminder::ReminderState},
        ids::{MessageId, PolicyId, ProviderAccountId, ReminderId},
        link::Links,
        template::render::Rendered,
    },
    error::Result,
    store::{
        self, Token, Ts,
        attempts::Attempt,
        documents::Document,
        facts::{Key, Loaded},
        messages::Message,
        provider_accounts::ProviderAccount,
        reminders::Reminder,
        tenants::Tenant,
    },
};

/// A message taken for sending: everything the call needs, and what its result must be written under.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The message, as committed.
    pub message: Message,
    /// What it says.
    pub rendered: Rendered,
    /// The provider account to call.
    pub account: ProviderAccount,
    /// The tenant's name, sender of the message.
    pub sender: String,
    /// Where answers go.
    pub reply_to: Option<crate::domain::contact::Email>,
    /// Where the recipient stops such messages.
    pub unsubscribe_link: Option<String>,
    /// Documents that go along, without their bytes.
    pub attached: Vec<Document>,
    /// The same words on paper, if it is a letter.
    pub letter: Option<Posted>,
    pub(super) token: Token,
    pub(super) round: i32,
    pub(super) others: bool,
}

/// Provider accounts that must be left alone, and until when.
pub type Paused = HashMap<ProviderAccountId, DateTime<Utc>>;

/// What a provider account can take on, as the process knows that calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Messages now.
    pub now: u32,
    /// Messages in each two seconds that follow.
    pub then: u32,
    /// How long those wait already that found no room before.
    pub wait: TimeDelta,
}

/// The provider accounts whose room is known; of the others the record says what they bear.
pub type Rooms = HashMap<ProviderAccountId, Room>;

/// Until when a provider account recognises a message that it was first given at a moment; `None` if it never does.
pub type RepeatUntil<'a> = &'a dyn Fn(&ProviderAccount, DateTime<Utc>) -> Option<DateTime<Utc>>;

/// What a claim found.
#[derive(Debug, Default)]
pub struct Claim {
    /// Messages to send now, and nobody else's.
    pub claimed: Vec<Claimed>,
    /// Whether there was anything to look at: whoever sees `false` may rest.
    pub busy: bool,
    /// Messages that wait because an account has no room for them.
    pub lined_up: BTreeMap<ProviderAccountId, u32>,
}

/// Under what a dispatcher takes messages.
#[expect(missing_debug_implementations, reason = "a function has nothing to show")]
pub struct Dispatcher<'d> {
    /// Links into messages.
    pub links: &'d Links,
    /// Provider accounts that are left alone for now.
    pub paused: &'d Paused,
    /// What the others can take on.
    pub rooms: &'d Rooms,
    /// What may be sent a second time.
    pub repeat_until: RepeatUntil<'d>,
    /// For how long a message is nobody else's.
    pub lease: TimeDelta,
}

/// Takes up to `limit` due messages: re-reads what may silence them, writes their words, and commits them to this dispatcher for the time of its lease.
///
/// # Errors
/// The store's; what is wrong with one message stops that one alone.
pub fn claim(act: &mut Act<'_>, dispatcher: &Dispatcher<'_>, limit: i64) -> Result<Claim> {
    let due = store::messages::due(act.conn, act.tenant, act.now, limit)?;
    if due.is_empty() {
        return Ok(Claim::default());
    }
    let mut desk = Desk::load(act, &due, dispatcher)?;
    let sorted = desk.sort(act, due)?;
    store::bulk::dispatch(act.conn, act.tenant, &sorted.attempts()?)?;
    letter::keep(act, &sorted.sent)?;
    let mut moments: BTreeMap<DateTime<Utc>, Vec<MessageId>> = BTreeMap::new();
    for (message, until) in &sorted.waiting {
        moments.entry(*until).or_default().push(message.id);
        if let Some(limit) = &message.failure {
            store::texts::note(act.conn, act.tenant, message.id, limit)?;
        }
    }
    for (until, ids) in moments {
        store::messages::postpone(act.conn, act.tenant, &ids, until)?;
    }
    desk.stop(act, &sorted.stopped)?;
    Ok(Claim { claimed: sorted.sent, busy: true, lined_up: desk.lined_up() })
}

/// Takes the messages of reminders that this transaction has just decided about accounts whose lock it holds: what was weighed a moment ago is not read again.
pub(super) fn claim_fresh(
    act: &mut Act<'_>,
    tenant: &Tenant,
    decided: Decided,
    messages: Vec<Message>,
    dispatcher: &Dispatcher<'_>,
) -> Result<Claim> {
    let mut desk = Desk::open(act, tenant.clone(), decided, dispatcher)?;
    let mut sorted = desk.sort(act, messages)?;
    sorted.waiting.iter_mut().for_each(|(message, until)| message.next_attempt_at = Some(Ts(*until)));
    let (taken, attempts): (Vec<Message>, Vec<Attempt>) = sorted.attempts()?.into_iter().unzip();
    let rest = sorted.waiting.iter().map(|(message, _)| message).chain(sorted.stopped.iter().map(|(message, _)| message));
    store::messages::insert(act.conn, &taken.into_iter().chain(rest.cloned()).collect::<Vec<_>>())?;
    store::attempts::insert(act.conn, &attempts)?;
    letter::keep(act, &sorted.sent)?;
    desk.stop(act, &sorted.stopped)?;
    Ok(Claim { claimed: sorted.sent, busy: true, lined_up: desk.lined_up() })
}

/// What reminders are about.
#[derive(Debug, Default)]
pub(super) struct Decided {
    pub reminders: HashMap<ReminderId, Reminder>,
    pub loaded: HashMap<Key, Rc<Loaded>>,
    pub policies: HashMap<(PolicyId, i32), Rc<Policy>>,
}

/// The words of a script, its title first.
pub(super) fn plain(rendered: Rendered) -> String {
    match rendered {
        Rendered::Script { title: Some(title), text } => format!("{title}\n\n{text}"),
        Rendered::Script { title: None, text } | Rendered::Sms { text, .. } | Rendered::Email { text, .. } => text,
    }
}

/// Gives a reminder up because nothing is left to say; the account is decided about anew.
fn cancel(act: &mut Act<'_>, reminder: &Reminder, message: &Message, reason: &'static str) -> Result<()> {
    store::messages::set_state(act.conn, act.tenant, message.id, MessageState::Cancelled, None, Some(reason))?;
    store::reminders::set_state(act.conn, act.tenant, reminder.id, ReminderState::Cancelled, Some(reason))?;
    act.witness("reminder.cancelled", reminder.id, json!({"message_id": message.id, "reason": reason}));
    act.touch(reminder.customer_id, reminder.currency);
    Ok(())
}

/// Stops a reminder that cannot be sent as it is, and has a person look; nobody else's is held up.
fn fail(act: &mut Act<'_>, reminder: &Reminder, message: &Message, word: &'static str, reason: &str) -> Result<()> {
    store::messages::set_state(act.conn, act.tenant, message.id, MessageState::Rejected, None, Some(reason))?;
    store::reminders::set_state(act.conn, act.tenant, reminder.id, ReminderState::Failed, Some(word))?;
    act.witness("reminder.failed", reminder.id, json!({"message_id": message.id, "reason": word}));
    tasks::review(act, reminder.customer_id, reminder.currency, Some(reminder.id), word)
}
