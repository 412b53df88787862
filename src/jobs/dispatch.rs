//! Dispatch: claim, call, finish. The call is between the two transactions, and many calls are under way at once.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt, stream};

use super::slots::{InHand, Slots};
use crate::{
    actions::{
        self,
        dispatch::{Claimed, Dispatcher, Room},
        outcome::{Foretold, Miss, Outcome, Sent},
        provider_accounts::Fare,
    },
    domain::{
        contact::{Channel, Email},
        ids::{Mode, ProviderAccountId, TenantId},
        post::Place,
        template::render::Rendered,
    },
    error::{Error, Result},
    instance::Instance,
    outbound::{
        self, Attachment, Content, Envelope, Letter, Line, Mail, Postal, Text,
        breaker::Passage,
        pace::{self, Leave, Limits, Taken},
        registry,
    },
    store::{self, Conn, documents::Document, provider_accounts::ProviderAccount},
};

/// Messages claimed, or accounts decided about, in one transaction.
pub(super) const SLICE: i64 = 400;
/// Slices in one turn and lane: as much as a partition may take up before what else there is to do has its turn.
const SLICES: usize = 2;
/// Calls of a slice under way at once, though its accounts bear more: each must be attended to within its deadline, on whatever machine this is.
const CALLS: usize = 64;
/// How often results are written while others are still awaited.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// The rest between two tries to write results.
const REST: Duration = Duration::from_millis(250);

/// Takes up what a partition has prepared, then decides what is due and takes that up, as much as one turn may, and gives it away to be sent; `false` if there was nothing
/// to look at.
///
/// In two lanes, so that one has its words written while the other's rows are.
pub(super) async fn batch(instance: &Instance, slots: &Slots, tenant: TenantId, give: &impl Fn(Slice)) -> Result<bool> {
    let (one, other) = tokio::join!(lane(instance, slots, tenant, give), lane(instance, slots, tenant, give));
    Ok(one? | other?)
}

/// Slice after slice, whatever becomes of their calls.
async fn lane(instance: &Instance, slots: &Slots, tenant: TenantId, give: &impl Fn(Slice)) -> Result<bool> {
    for done in 0..SLICES {
        match claim(instance, slots, tenant).await? {
            Some(slice) => give(slice),
            None => return Ok(done > 0),
        }
    }
    Ok(true)
}

/// Messages that are this dispatcher's for now.
pub(super) struct Slice {
    messages: Vec<(Claimed, Option<Taken>)>,
    now: DateTime<Utc>,
    /// No call begins in the last third of the lease, and none lasts longer than a third: nobody else has the message while it is under way.
    last_call: Instant,
    /// Once the lease is over, a result is no news.
    until: Instant,
    _in_hand: InHand,
}

/// The next messages, if there was anything to look at.
async fn claim(instance: &Instance, slots: &Slots, tenant: TenantId) -> Result<Option<Slice>> {
    let in_hand = slots.slice().await;
    let now = present(instance, tenant).await?;
    let paused = instance.providers.paused(tenant, now);
    let rooms = instance.providers.rooms(tenant, now).into_iter().map(|(id, room)| (id, known(room))).collect();
    let links = instance.links.clone();
    let seconds = instance.config.lease_seconds;
    let lease = TimeDelta::seconds(i64::from(seconds));
    let work = move |act: &mut actions::Act<'_>| {
        // The lease begins in this transaction: no earlier than here.
        let begun = Instant::now();
        let dispatcher = Dispatcher { links: &links, paused: &paused, rooms: &rooms, repeat_until: &repeat_until, lease };
        let prepared = actions::dispatch::claim(act, &dispatcher, SLICE)?;
        let claim = if prepared.busy { prepared } else { actions::planning::plan_due(act, Some(&dispatcher), SLICE)? };
        Ok((claim, begun))
    };
    let (claim, begun) = slots.act(instance, tenant, work).await?;
    if !claim.busy {
        return Ok(None);
    }
    let taken = |claimed: Claimed| {
        let taken = take(instance, tenant, &claimed);
        (claimed, taken)
    };
    let messages: Vec<_> = claim.claimed.into_iter().map(taken).collect();
    for (account, count) in claim.lined_up {
        instance.providers.line_up((tenant, account), count);
    }
    let lease = Duration::from_secs(u64::from(seconds));
    Ok(Some(Slice { _in_hand: in_hand.keep(messages.len()), messages, now, last_call: begun + lease * 2 / 3, until: begun + lease }))
}

/// Counts a message in with its account; the rehearsal's bears everything.
fn take(instance: &Instance, tenant: TenantId, claimed: &Claimed) -> Option<Taken> {
    (tenant.mode() == Mode::Live).then(|| instance.providers.pace((tenant, claimed.account.id), limits(&claimed.account)).take())
}

fn known(room: pace::Room) -> Room {
    Room { now: room.now, then: room.then, wait: TimeDelta::from_std(room.wait).unwrap_or_default() }
}

/// Makes a slice's calls, and writes how they ended, those that end soon without waiting for the others.
///
/// # Errors
/// The store's; what was committed before stands, and what was claimed has been called.
pub(super) async fn send(instance: &Instance, slots: &Slots, tenant: TenantId, slice: Slice) -> Result<()> {
    let Slice { messages, now, last_call, until, _in_hand } = slice;
    let mut used = BTreeMap::new();
    for (claimed, _) in &messages {
        used.entry(claimed.account.id).or_insert_with(|| claimed.account.clone());
    }
    let calls = messages.into_iter().map(|(claimed, taken)| call(instance, tenant, claimed, taken, now, last_call));
    let mut calls = stream::iter(calls).buffer_unordered(CALLS);
    let (mut results, mut outcome, mut over) = (Vec::new(), Ok(()), false);
    while !over {
        let whole = async {
            while let Some(sent) = calls.next().await {
                results.push(sent);
            }
        };
        over = tokio::time::timeout(WRITE_EVERY, whole).await.is_ok();
        let ended = std::mem::take(&mut results);
        if !ended.is_empty() {
            let fares = fares(instance, tenant, &used, &ended, now);
            outcome = outcome.and(write(instance, slots, tenant, (ended, fares), until).await);
        }
    }
    outcome
}

/// Writes results. What was sent must not be forgotten because the database is busy: that is tried again as long as the lease lasts.
async fn write(instance: &Instance, slots: &Slots, tenant: TenantId, results: (Vec<Sent>, Vec<Fare>), until: Instant) -> Result<()> {
    let results = Arc::new(results);
    loop {
        let here = Arc::clone(&results);
        let work = move |act: &mut actions::Act<'_>| {
            actions::outcome::finish(act, &here.0)?;
            actions::provider_accounts::fare(act, &here.1)
        };
        match slots.act(instance, tenant, work).await {
            Err(Error::Busy { .. }) if Instant::now() < until => tokio::time::sleep(REST).await,
            other => return other,
        }
    }
}

/// What the calls have changed in how their accounts fare.
fn fares(
    instance: &Instance,
    tenant: TenantId,
    used: &BTreeMap<ProviderAccountId, ProviderAccount>,
    results: &[Sent],
    now: DateTime<Utc>,
) -> Vec<Fare> {
    let fare = |account: &ProviderAccount| {
        let health = instance.providers.health((tenant, account.id), now);
        let of_account = || results.iter().filter(|sent| sent.account == account.id).map(|sent| &sent.outcome);
        let worked = of_account().any(|outcome| matches!(outcome, Outcome::Accepted { .. }));
        let against = |outcome: &Outcome| match outcome {
            Outcome::NotSent { reason, miss: Miss::AccountRefused, .. } => Some(reason.clone()),
            Outcome::NotSent { reason, miss: Miss::NotProcessed, .. } | Outcome::Unknown { reason, .. } if health.failing => {
                Some(reason.clone())
            }
            _ => None,
        };
        let error = of_account().filter_map(against).next_back();
        Fare { account: account.id, failing: health.failing, paused_until: health.paused_until, worked, error }
    };
    used.values().map(|account| (account, fare(account))).filter(|(account, fare)| fare.is_news_to(account)).map(|(_, fare)| fare).collect()
}

/// Takes up what lost its dispatcher.
pub(super) async fn recover(instance: &Instance, slots: &Slots, tenant: TenantId) -> Result<usize> {
    slots.act(instance, tenant, move |act| actions::outcome::recover(act, &repeat_until, SLICE)).await
}

/// Until when an account's provider recognises what it was first given at `first`.
fn repeat_until(account: &ProviderAccount, first: DateTime<Utc>) -> Option<DateTime<Utc>> {
    account.kind.parse().ok().and_then(|kind| registry::capabilities(kind).idempotency.repeat_until(first))
}

/// The partition's present.
pub(super) async fn present(instance: &Instance, tenant: TenantId) -> Result<DateTime<Utc>> {
    let wall = instance.clock.now();
    if tenant.mode() == Mode::Live {
        return Ok(wall);
    }
    instance.db.read(tenant, move |conn| actions::present(conn, tenant, wall)).await
}

/// One call, its outcome in the words of the actions. After `last_call` none is made: others may take the message up before the answer.
async fn call(
    instance: &Instance,
    tenant: TenantId,
    claimed: Claimed,
    _taken: Option<Taken>,
    now: DateTime<Utc>,
    last_call: Instant,
) -> Sent {
    let not_called = |reason: &str, not_before| Outcome::NotSent { reason: reason.to_owned(), not_before, miss: Miss::NotCalled };
    let provider = match instance.provider(tenant, &claimed.account) {
        Ok(provider) => provider,
        Err(error) => {
            tracing::warn!(account = %claimed.account.id, %error, "a provider account cannot be used");
            return claimed.ended(Outcome::NotSent {
                reason: "the provider account cannot be used; check its settings and credentials".to_owned(),
                not_before: None,
                miss: Miss::AccountRefused,
            });
        }
    };
    let Some(leave) = turn(instance, tenant, &claimed.account, last_call).await else {
        return claimed.ended(not_called("the lease was running out before its turn came", None));
    };
    let name = (tenant, claimed.account.id);
    // Its turn may have been long in coming.
    let moment = || if tenant.mode() == Mode::Live { instance.clock.now() } else { now };
    if let Passage::Until(until) = instance.providers.enter(name, moment()) {
        return claimed.ended(not_called("the provider account is paused", Some(until)));
    }
    let Ok(attachments) = attachments(instance, tenant, &claimed).await else {
        return claimed.ended(not_called("the documents that go along could not be read", None));
    };
    let envelope = match envelope(instance, &claimed, attachments) {
        Ok(envelope) => envelope,
        Err(reason) => return claimed.ended(Outcome::Rejected { reason, suppress: None }),
    };
    let called = Instant::now();
    let outcome = provider.send(&envelope, moment()).await;
    if let Some(leave) = leave {
        leave.done(called.elapsed());
    }
    let now = moment();
    instance.providers.record(name, now, &outcome);
    let capabilities = provider.capabilities();
    let first = claimed.message.created_at.0;
    claimed.ended(match outcome {
        outbound::Outcome::Accepted { provider_id, later } => Outcome::Accepted {
            provider_id,
            later: later
                .into_iter()
                .map(|(delay, report)| Foretold {
                    at: now + delay,
                    status: report.status,
                    dedupe: report.dedupe,
                    raw_name: report.raw_name,
                })
                .collect(),
        },
        outbound::Outcome::Rejected { code, reason, permanent: true, suppress } => {
            Outcome::Rejected { reason: format!("{code}: {reason}"), suppress }
        }
        // The account is at fault: the message goes to the next one.
        outbound::Outcome::Rejected { code, reason, permanent: false, .. } => {
            Outcome::NotSent { reason: format!("{code}: {reason}"), not_before: None, miss: Miss::AccountRefused }
        }
        outbound::Outcome::NotSent { reason, retry_after } => {
            let not_before = retry_after.and_then(|after| TimeDelta::from_std(after).ok()).map(|after| now + after);
            Outcome::NotSent { reason, not_before, miss: Miss::NotProcessed }
        }
        outbound::Outcome::Unknown { reason } => Outcome::Unknown { reason, repeat_until: capabilities.idempotency.repeat_until(first) },
    })
}

/// Waits until the account may be called, as often and as many at once as it bears; `None` if that is not before `last`. The rehearsal's bears everything.
async fn turn(instance: &Instance, tenant: TenantId, account: &ProviderAccount, last: Instant) -> Option<Option<Leave>> {
    if tenant.mode() == Mode::Test {
        return Some(None).filter(|_| Instant::now() < last);
    }
    instance.providers.pace((tenant, account.id), limits(account)).turn(last).await.map(Some)
}

/// What an account bears, as its record says.
pub(super) fn limits(account: &ProviderAccount) -> Limits {
    Limits { per_second: account.rate_per_second.max(1).unsigned_abs(), at_once: account.concurrency.max(1).unsigned_abs() }
}

/// The documents that go along, read only now: those of a whole slice would not fit in memory.
async fn attachments(instance: &Instance, tenant: TenantId, claimed: &Claimed) -> Result<Vec<Attachment>> {
    let documents = claimed.attached.clone();
    if documents.is_empty() {
        return Ok(Vec::new());
    }
    let read = move |conn: &mut Conn| {
        let attachment = |document: &Document| {
            let bytes = store::files::whole(conn, tenant, document.file()?)?;
            let line = |text: &str| text.parse::<Line>().map_err(Error::internal);
            Ok(Attachment { name: line(&document.name)?, media_type: line(document.media_type.as_str())?, bytes: bytes.into() })
        };
        documents.iter().map(attachment).collect()
    };
    instance.db.read(tenant, read).await
}

/// The message as its provider gets it; text that cannot stand in a header is a reason not to send.
fn envelope(instance: &Instance, claimed: &Claimed, attachments: Vec<Attachment>) -> Result<Envelope, String> {
    let line = |text: &str| text.parse::<Line>();
    let message = &claimed.message;
    let content = match &claimed.rendered {
        Rendered::Script { .. } if message.channel == Channel::Letter => {
            let letter = claimed.letter.as_ref().ok_or("the letter was not printed")?;
            Content::Letter(Letter {
                to: postal(&letter.name, letter.attention.as_deref(), &letter.way.to)?,
                from: postal(&claimed.sender, None, &letter.way.from)?,
                service: letter.service,
                pdf: Arc::clone(&letter.pdf),
            })
        }
        Rendered::Email { subject, text, html } => Content::Mail(Mail {
            to: message.address.parse::<Email>()?,
            to_name: None,
            from_name: Some(line(&claimed.sender)?),
            reply_to: claimed.reply_to.clone(),
            subject: line(subject)?,
            html: html.clone().unwrap_or_default(),
            text: text.clone(),
            list_unsubscribe: claimed.unsubscribe_link.as_deref().map(line).transpose()?,
            attachments,
        }),
        Rendered::Sms { text, .. } | Rendered::Script { text, .. } => {
            Content::Text(Text { to: message.address.parse()?, body: text.clone() })
        }
    };
    let receipts_url = instance.receipt_url(&claimed.account).as_deref().map(line).transpose()?;
    Ok(Envelope { message_id: message.id, idempotency_key: line(&message.id.to_string())?, content, receipts_url })
}

fn postal(name: &str, attention: Option<&str>, place: &Place) -> Result<Postal, String> {
    let line = |text: &str| text.parse::<Line>();
    Ok(Postal {
        name: line(name)?,
        attention: attention.map(line).transpose()?,
        lines: place.lines.iter().map(|text| line(text)).collect::<Result<_, _>>()?,
        postal_code: line(&place.postal_code)?,
        city: line(&place.city)?,
        country: place.country,
    })
}
