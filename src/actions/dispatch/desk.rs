//! Where messages are judged one by one: what is still to be said, through whom, in which words.
//!
//! Not here: what is written down of messages that do not leave; that differs between those that wait and those that are new.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry},
    rc::Rc,
};

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{
    Claimed, Decided, Dispatcher, cancel,
    enclosure::Enclosure,
    fail,
    letter::{self, Posted},
    purse::{Purse, Refused},
    route::{Route, Routes, Through},
    still,
};
use crate::{
    actions::{
        Act, interest, outcome,
        wording::{Occasion, Templates},
    },
    domain::{
        contact::Channel, crypto::sha256, delivery::MessageState, dunning::reminder::ListedInstalment, ids::ProviderAccountId,
        ids::ReminderId, template::render::Rendered, texts::TextLimit,
    },
    error::{Error, Result},
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

/// Messages, by what becomes of them.
#[derive(Default)]
pub struct Sorted {
    pub sent: Vec<Claimed>,
    /// Nobody may be called for them before a moment.
    pub waiting: Vec<(Message, DateTime<Utc>)>,
    pub stopped: Vec<(Message, Stop)>,
}

impl Sorted {
    /// What is sent, and the attempt that is made of it.
    pub fn attempts(&self) -> Result<Vec<(Message, Attempt)>> {
        let attempt = |one: &Claimed| {
            let message = one.message.clone();
            let started_at = message.dispatched_at.ok_or_else(|| Error::internal("a message was taken at no time"))?;
            let attempt = Attempt {
                tenant_id: message.tenant_id,
                message_id: message.id,
                number: message.attempts,
                token: one.token,
                provider_account_id: one.account.id,
                started_at,
                finished_at: None,
                outcome: None,
                detail: None,
                round: one.round,
            };
            Ok((message, attempt))
        };
        self.sent.iter().map(attempt).collect()
    }
}

/// Why a message must not leave.
pub enum Stop {
    /// Nothing is left to say, for this reason.
    Silenced(&'static str),
    /// Its words cannot be written.
    Unwritable(String),
    /// There will never be room for it among a day's text messages.
    TooLarge,
    /// It may have been sent, and would not be recognised a second time.
    Doubtful(ProviderAccountId),
}

/// What a message says.
struct Written {
    rendered: Rendered,
    attached: Vec<Document>,
    letter: Option<Posted>,
}

/// What a message comes to.
enum Verdict {
    Send(Box<Claimed>),
    Wait(DateTime<Utc>),
    /// As long as there is no room for it among the day's text messages.
    PutOff(TextLimit, DateTime<Utc>),
    Stop(Stop),
}

/// What a batch of claims reads once.
pub struct Desk<'d> {
    tenant: Tenant,
    decided: Decided,
    templates: Templates,
    books: interest::Books,
    purse: Option<Purse>,
    dispatcher: &'d Dispatcher<'d>,
    routes: Routes<'d>,
    lease_until: DateTime<Utc>,
}

impl<'d> Desk<'d> {
    /// Reads what the messages are about, under the locks of their accounts.
    pub fn load(act: &mut Act<'_>, due: &[Message], dispatcher: &'d Dispatcher<'d>) -> Result<Self> {
        let ids: Vec<ReminderId> = due.iter().filter_map(|message| message.reminder_id).collect();
        let reminders: HashMap<_, _> =
            store::reminders::find_all(act.conn, act.tenant, &ids)?.into_iter().map(|row| (row.id, row)).collect();
        let keys: BTreeSet<Key> = reminders.values().map(|row| (row.customer_id, row.currency)).collect();
        store::accounts::lock(act.conn, act.tenant, &keys)?;
        let loaded = store::facts::load(act.conn, act.tenant, &keys, act.now)?;
        let mut policies = HashMap::new();
        for reminder in reminders.values() {
            if let Entry::Vacant(place) = policies.entry((reminder.policy_id, reminder.policy_version)) {
                let policy = store::policies::find_version(act.conn, act.tenant, reminder.policy_id, reminder.policy_version)?;
                place.insert(Rc::new(policy));
            }
        }
        let loaded = loaded.into_iter().map(|(key, one)| (key, Rc::new(one))).collect();
        let tenant = store::tenants::find(act.conn, act.tenant)?;
        Self::open(act, tenant, Decided { reminders, loaded, policies }, dispatcher)
    }

    pub fn open(act: &mut Act<'_>, tenant: Tenant, decided: Decided, dispatcher: &'d Dispatcher<'d>) -> Result<Self> {
        let lease_until = store::dialect::database_now(act.conn)? + dispatcher.lease;
        let Decided { reminders, loaded, policies } = &decided;
        let speaks = |reminder: &&Reminder| {
            let policy = policies.get(&(reminder.policy_id, reminder.policy_version));
            policy.is_some_and(|policy| policy.speaks_of_interest(&reminder.step_key))
        };
        let books = interest::Books::load(act.conn, act.tenant, reminders.values().filter(speaks).map(|one| (of(loaded, one), one)))?;
        Ok(Self {
            tenant,
            decided,
            books,
            templates: Templates::default(),
            purse: None,
            routes: Routes::new(act.tenant, dispatcher),
            dispatcher,
            lease_until,
        })
    }

    pub fn sort(&mut self, act: &mut Act<'_>, messages: Vec<Message>) -> Result<Sorted> {
        let mut sorted = Sorted::default();
        let numbers = self.numbers(&messages);
        if !numbers.is_empty() {
            self.purse = Some(Purse::open(act, &self.tenant, &numbers)?);
        }
        for message in messages {
            match self.judge(act, &message)? {
                Verdict::Send(claimed) => sorted.sent.push(*claimed),
                Verdict::Wait(until) => sorted.waiting.push((message, until)),
                Verdict::PutOff(limit, until) => {
                    let body = json!({"reason": limit, "until": until});
                    act.witness("message.put_off", message.id, body);
                    sorted.waiting.push((Message { failure: Some(limit.to_string()), ..message }, until));
                }
                Verdict::Stop(stop) => sorted.stopped.push((message, stop)),
            }
        }
        self.purse.take().map_or(Ok(()), |purse| purse.close(act))?;
        Ok(sorted)
    }

    /// How many messages wait because their accounts have no room for them.
    pub fn lined_up(&self) -> BTreeMap<ProviderAccountId, u32> {
        self.routes.lined_up()
    }

    /// Where text messages among these go, by the contacts of today.
    fn numbers(&self, messages: &[Message]) -> Vec<String> {
        let texts = messages.iter().filter(|message| message.channel == Channel::Sms);
        let reminders = texts.filter_map(|message| self.decided.reminders.get(&message.reminder_id?));
        let contacts = reminders.filter_map(|reminder| {
            let contacts = &of(&self.decided.loaded, reminder)?.account.customer.contacts;
            contacts.iter().find(|contact| Some(contact.id) == reminder.contact_id)?.phone.as_ref()
        });
        contacts.map(|phone| phone.as_str().to_owned()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn reminder(&self, message: &Message) -> Result<Reminder> {
        let reminder = message.reminder_id.and_then(|id| self.decided.reminders.get(&id));
        reminder.cloned().ok_or_else(|| Error::internal("a message without its reminder"))
    }

    fn judge(&mut self, act: &mut Act<'_>, message: &Message) -> Result<Verdict> {
        let reminder = self.reminder(message)?;
        let Some(loaded) = of(&self.decided.loaded, &reminder) else {
            return Err(Error::internal("a message without its account"));
        };
        let (lines, address) = match still::claimed(loaded, &reminder, &self.tenant, act.now) {
            Ok(found) => found,
            Err(reason) => return Ok(Verdict::Stop(Stop::Silenced(reason))),
        };
        let through = match self.routes.find(act, message)? {
            Route::Through(through) => *through,
            Route::Wait(until) => return Ok(Verdict::Wait(until)),
            Route::Doubtful(account) => return Ok(Verdict::Stop(Stop::Doubtful(account))),
        };
        let total_minor = lines.iter().fold(0i64, |sum, line| sum.saturating_add(line.claimed_minor));
        let unsubscribe_link = match reminder.channel {
            Channel::Letter => None,
            _ => self.dispatcher.links.unsubscribe(act.tenant, message.id),
        };
        let told = self.told(act, &reminder);
        let written = match self.write(act, &reminder, &lines, told.as_ref(), unsubscribe_link.as_deref())? {
            Ok(written) => written,
            Err(reason) => return Ok(Verdict::Stop(Stop::Unwritable(reason))),
        };
        match self.room(message, &reminder, &address, &written.rendered) {
            Ok(()) => {}
            Err(Refused::Wait(limit, until)) => return Ok(Verdict::PutOff(limit, until)),
            Err(Refused::TooLarge) => return Ok(Verdict::Stop(Stop::TooLarge)),
        }
        if lines != *reminder.instalments {
            store::reminders::set_lines(act.conn, act.tenant, reminder.id, &lines, total_minor)?;
        }
        through.witness(act, message.id);
        let Through { account, round, others, .. } = through;
        let token = Token::fresh();
        let message = committed(message.clone(), &written, &account, address, token, self.lease_until, act.now);
        let Written { rendered, attached, letter } = written;
        let digest = message.content_digest.as_deref().map(|digest| data_encoding::HEXLOWER.encode(digest));
        let body = json!({
            "reminder_id": reminder.id, "channel": message.channel, "provider_account_id": account.id, "attempt": message.attempts,
            "content_sha256": digest, "total": total_minor, "currency": reminder.currency,
            "document_ids": attached.iter().map(|document| document.id).collect::<Vec<_>>(), "post": letter.as_ref().map(|letter| letter.service),
        });
        if let Some(told) = told {
            told.charge(act)?;
        }
        act.witness_personal("message.dispatched", message.id, body, vec![("address", message.address.clone())]);
        let sender = self.tenant.name.clone();
        let reply_to = self.tenant.settings.letterhead.reply_to.clone();
        Ok(Verdict::Send(Box::new(Claimed {
            message,
            rendered,
            account,
            sender,
            reply_to,
            unsubscribe_link,
            attached,
            letter,
            token,
            round,
            others,
        })))
    }

    /// Whether there is room for a message among the day's, if it is a text message.
    fn room(&mut self, message: &Message, reminder: &Reminder, address: &str, rendered: &Rendered) -> Result<(), Refused> {
        let (Some(purse), Rendered::Sms { segments, .. }) = (self.purse.as_mut(), rendered) else { return Ok(()) };
        let policy = self.decided.policies.get(&(reminder.policy_id, reminder.policy_version));
        let Some(about) = of(&self.decided.loaded, reminder).zip(policy.map(Rc::as_ref)) else { return Ok(()) };
        purse.take(&self.tenant, about, message, address, segments.segments)
    }

    /// What follows where a message must not leave.
    pub fn stop(&self, act: &mut Act<'_>, stopped: &[(Message, Stop)]) -> Result<()> {
        for (message, stop) in stopped {
            match stop {
                Stop::Silenced(reason) => cancel(act, &self.reminder(message)?, message, reason)?,
                Stop::TooLarge => {
                    fail(act, &self.reminder(message)?, message, "too_large", "it is larger than a whole day's budget of text messages")?
                }
                Stop::Unwritable(reason) => fail(act, &self.reminder(message)?, message, "unwritable", reason)?,
                Stop::Doubtful(account) => {
                    act.witness("message.not_repeated", message.id, json!({"provider_account_id": account}));
                    outcome::leave_in_doubt(act, message, "answer_lost", "its provider would not recognise it any more")?;
                }
            }
        }
        Ok(())
    }

    /// What the reminder says of late-payment interest.
    fn told(&self, act: &Act<'_>, reminder: &Reminder) -> Option<interest::Told> {
        let policy = self.decided.policies.get(&(reminder.policy_id, reminder.policy_version))?;
        self.books.told(&self.tenant, policy, of(&self.decided.loaded, reminder)?, reminder, act.now)
    }

    /// The words and what goes along with them, or why there are none.
    fn write(
        &mut self,
        act: &mut Act<'_>,
        reminder: &Reminder,
        lines: &[ListedInstalment],
        told: Option<&interest::Told>,
        link: Option<&str>,
    ) -> Result<Result<Written, String>> {
        let version = (reminder.policy_id, reminder.policy_version);
        let template = self.templates.get(act, &reminder.template)?;
        let step = self.decided.policies.get(&version).and_then(|policy| policy.step(&reminder.step_key));
        let (Some((number, step)), Some(loaded)) = (step, self.decided.loaded.get(&(reminder.customer_id, reminder.currency))) else {
            return Ok(Err(format!("the step {} is not in the policy", reminder.step_key)));
        };
        let previous = loaded.last_written_at;
        let occasion = Occasion {
            tenant: &self.tenant,
            loaded,
            contact: reminder.contact_id,
            lines,
            step,
            number,
            cycle: reminder.cycle,
            previous,
            interest: told,
            unsubscribe_link: link,
            now: act.now,
        };
        let rendered = match occasion.write(reminder.channel, template) {
            Ok(rendered) => rendered,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let plain = |rendered, letter| Written { rendered, attached: Vec::new(), letter };
        if reminder.channel == Channel::Letter {
            let (tenant, contact, now) = (&self.tenant, reminder.contact_id, act.now);
            let language = occasion.language(template);
            let printed = letter::Occasion { tenant, loaded, contact, step, language, now }.print(&rendered);
            return Ok(printed.map(|letter| plain(rendered, letter)).map_err(|error| error.to_string()));
        }
        if reminder.channel != Channel::Email || step.attach.is_empty() {
            return Ok(Ok(plain(rendered, None)));
        }
        let enclosure = Enclosure::of(act, step, loaded, lines, self.dispatcher.links)?;
        let language = loaded.account.customer.language.unwrap_or(self.tenant.language);
        let rendered = enclosure.print(rendered, language);
        Ok(Ok(Written { rendered, attached: enclosure.attached, letter: None }))
    }
}

/// The account of a reminder.
fn of<'l>(loaded: &'l HashMap<Key, Rc<Loaded>>, reminder: &Reminder) -> Option<&'l Loaded> {
    loaded.get(&(reminder.customer_id, reminder.currency)).map(Rc::as_ref)
}

fn committed(
    message: Message,
    written: &Written,
    account: &ProviderAccount,
    address: String,
    token: Token,
    lease_until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Message {
    let (subject, html, body, segments) = match &written.rendered {
        Rendered::Email { subject, text, html } => (Some(subject.clone()), html.clone(), text.clone(), None),
        Rendered::Sms { text, segments } => (None, None, text.clone(), i32::try_from(segments.segments).ok()),
        Rendered::Script { title, text } => (title.clone(), None, text.clone(), None),
    };
    let parts = [subject.as_deref().unwrap_or_default(), html.as_deref().unwrap_or_default(), &body];
    let lengths = parts.map(|part| u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
    let documents = written.attached.iter().filter_map(|document| document.sha256.as_deref());
    let framed: Vec<&[u8]> =
        lengths.iter().zip(parts).flat_map(|(length, part)| [length.as_slice(), part.as_bytes()]).chain(documents).collect();
    let digest = written.letter.as_ref().map_or_else(|| sha256(&framed), |letter| sha256(&[&letter.pdf]));
    Message {
        state: MessageState::Dispatched,
        provider_account_id: Some(account.id),
        address,
        token: Some(token),
        lease_until: Some(Ts(lease_until)),
        attempts: message.attempts.saturating_add(1),
        subject,
        html,
        body: Some(body),
        segments,
        content_digest: Some(digest.to_vec()),
        dispatched_at: Some(Ts(now)),
        ..message
    }
}
