//! Messages: one thing sent on one channel to one contact.
//!
//! Fencing: a dispatch takes a message under a fresh token and a lease; its result is written only where the token still stands.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
};

use super::{
    Conn, Token, Ts,
    attempts::{self as made, Attempt},
    order::{self, CreationSort, in_order},
    schema::{attempts, messages},
};
use crate::{
    domain::{
        contact::Channel,
        delivery::{DeliveryStatus, EvidenceGrade, MessageState},
        ids::{ContactId, CustomerId, MessageId, ProviderAccountId, ReminderId, TenantId},
    },
    error::{Error, Result},
    insert_all,
};

/// A message's row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = messages, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct Message {
    pub tenant_id: TenantId,
    pub id: MessageId,
    pub reminder_id: Option<ReminderId>,
    pub customer_id: CustomerId,
    pub contact_id: Option<ContactId>,
    pub provider_account_id: Option<ProviderAccountId>,
    pub channel: Channel,
    pub address: String,
    pub state: MessageState,
    pub delivery_status: Option<DeliveryStatus>,
    pub delivery_rank: i32,
    pub evidence_grade: Option<EvidenceGrade>,
    pub token: Option<Token>,
    pub lease_until: Option<Ts>,
    pub attempts: i32,
    pub next_attempt_at: Option<Ts>,
    pub provider_message_id: Option<String>,
    pub subject: Option<String>,
    pub html: Option<String>,
    pub body: Option<String>,
    pub segments: Option<i32>,
    pub content_digest: Option<Vec<u8>>,
    pub failure: Option<String>,
    pub created_at: Ts,
    pub dispatched_at: Option<Ts>,
    pub finished_at: Option<Ts>,
}

/// A message without its contents: what its result is weighed with.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = messages)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct Envelope {
    pub id: MessageId,
    pub reminder_id: Option<ReminderId>,
    pub channel: Channel,
    pub address: String,
    pub attempts: i32,
    pub created_at: Ts,
}

/// Adds messages.
pub fn insert(conn: &mut Conn, rows: &[Message]) -> Result<()> {
    insert_all!(conn, rows, Message in messages {
        tenant_id, id, reminder_id, customer_id, contact_id, provider_account_id, channel, address, state, delivery_status,
        delivery_rank, evidence_grade, token, lease_until, attempts, next_attempt_at, provider_message_id, subject, html,
        body, segments, content_digest, failure, created_at, dispatched_at, finished_at,
    });
    Ok(())
}

/// One message.
pub fn find(conn: &mut Conn, tenant: TenantId, id: MessageId) -> Result<Message> {
    messages::table
        .filter(messages::tenant_id.eq(tenant).and(messages::id.eq(id)))
        .select(Message::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("message"))
}

/// Many messages, without their contents.
pub fn envelopes(conn: &mut Conn, tenant: TenantId, ids: &[MessageId]) -> Result<Vec<Envelope>> {
    Ok(messages::table
        .filter(messages::tenant_id.eq(tenant).and(messages::id.eq_any(ids.to_vec())))
        .select(Envelope::as_select())
        .load(conn)?)
}

/// The message that a provider knows under its own name.
pub fn find_by_provider_id(conn: &mut Conn, tenant: TenantId, account: ProviderAccountId, name: &str) -> Result<Option<Message>> {
    Ok(messages::table
        .filter(
            messages::tenant_id
                .eq(tenant)
                .and(messages::provider_account_id.eq(Some(account)))
                .and(messages::provider_message_id.eq(Some(name))),
        )
        .select(Message::as_select())
        .first(conn)
        .optional()?)
}

/// Prepared messages whose time has come, locked against every other dispatcher.
pub fn due(conn: &mut Conn, tenant: TenantId, now: DateTime<Utc>, limit: i64) -> Result<Vec<Message>> {
    let query = messages::table
        .filter(
            messages::tenant_id.eq(tenant).and(messages::state.eq(MessageState::Prepared)).and(messages::next_attempt_at.le(Some(Ts(now)))),
        )
        .order((messages::next_attempt_at.asc(), messages::id.asc()))
        .limit(limit);
    Ok(match conn {
        Conn::Pg(pg) => query.for_update().skip_locked().load(pg)?,
        Conn::Sqlite(sqlite) => query.load(sqlite)?,
    })
}

/// Messages whose dispatcher has not come back within its lease.
pub fn orphans(conn: &mut Conn, tenant: TenantId, database_now: DateTime<Utc>, limit: i64) -> Result<Vec<Message>> {
    let query = messages::table
        .filter(
            messages::tenant_id
                .eq(tenant)
                .and(messages::state.eq(MessageState::Dispatched))
                .and(messages::lease_until.lt(Some(Ts(database_now)))),
        )
        .limit(limit);
    Ok(match conn {
        Conn::Pg(pg) => query.for_update().skip_locked().load(pg)?,
        Conn::Sqlite(sqlite) => query.load(sqlite)?,
    })
}

/// Whether a dispatcher has not come back within its lease.
pub fn any_orphans(conn: &mut Conn, tenant: TenantId) -> Result<bool> {
    let oldest: Option<Option<Ts>> = messages::table
        .filter(messages::tenant_id.eq(tenant).and(messages::state.eq(MessageState::Dispatched)))
        .order(messages::lease_until.asc())
        .select(messages::lease_until)
        .first(conn)
        .optional()?;
    match oldest.flatten() {
        Some(lease) => Ok(lease.0 < super::dialect::database_now(conn)?),
        None => Ok(false),
    }
}

/// Messages of a reminder, oldest first.
pub fn of_reminder(conn: &mut Conn, tenant: TenantId, reminder: ReminderId) -> Result<Vec<Message>> {
    Ok(messages::table
        .filter(messages::tenant_id.eq(tenant).and(messages::reminder_id.eq(Some(reminder))))
        .order(messages::id.asc())
        .select(Message::as_select())
        .load(conn)?)
}

/// As [`of_reminder`], locked: a dispatcher that has one of them in hand is waited for, and none can take one up meanwhile.
pub fn lock_of_reminder(conn: &mut Conn, tenant: TenantId, reminder: ReminderId) -> Result<Vec<Message>> {
    let query =
        messages::table.filter(messages::tenant_id.eq(tenant).and(messages::reminder_id.eq(Some(reminder)))).order(messages::id.asc());
    Ok(match conn {
        Conn::Pg(pg) => query.for_update().load(pg)?,
        Conn::Sqlite(sqlite) => query.load(sqlite)?,
    })
}

/// Messages of many reminders, oldest first.
pub fn of_reminders(conn: &mut Conn, tenant: TenantId, reminders: &[ReminderId]) -> Result<Vec<Message>> {
    let named: Vec<Option<ReminderId>> = reminders.iter().copied().map(Some).collect();
    Ok(messages::table
        .filter(messages::tenant_id.eq(tenant).and(messages::reminder_id.eq_any(named)))
        .order(messages::id.asc())
        .select(Message::as_select())
        .load(conn)?)
}

/// How many messages to a customer are between dispatch and answer.
pub fn in_flight(conn: &mut Conn, tenant: TenantId, customer: CustomerId) -> Result<i64> {
    Ok(messages::table
        .filter(messages::tenant_id.eq(tenant).and(messages::customer_id.eq(customer)).and(messages::state.eq(MessageState::Dispatched)))
        .count()
        .get_result(conn)?)
}

/// What a listing asks for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only to this customer.
    pub customer_id: Option<CustomerId>,
    /// Only of this reminder.
    pub reminder_id: Option<ReminderId>,
    /// Only in this state.
    pub state: Option<MessageState>,
    /// Only on this channel.
    pub channel: Option<Channel>,
    /// Only with this delivery status.
    pub delivery_status: Option<DeliveryStatus>,
    /// Only to this address, as it is written on the message.
    pub address: Option<String>,
    /// Only those whose words are fixed: they were handed to a provider at least once.
    pub written: bool,
    /// In which order; as they came, without one.
    pub sort: Option<CreationSort>,
}

/// Messages in their order, after `after`.
pub fn list(conn: &mut Conn, tenant: TenantId, filter: &Filter, after: Option<MessageId>, limit: i64) -> Result<Vec<Message>> {
    let mut query = messages::table.filter(messages::tenant_id.eq(tenant)).select(Message::as_select()).into_boxed();
    if let Some(customer) = filter.customer_id {
        query = query.filter(messages::customer_id.eq(customer));
    }
    if let Some(reminder) = filter.reminder_id {
        query = query.filter(messages::reminder_id.eq(Some(reminder)));
    }
    if let Some(state) = filter.state {
        query = query.filter(messages::state.eq(state));
    }
    if let Some(channel) = filter.channel {
        query = query.filter(messages::channel.eq(channel));
    }
    if let Some(status) = filter.delivery_status {
        query = query.filter(messages::delivery_status.eq(Some(status)));
    }
    if let Some(address) = &filter.address {
        query = query.filter(messages::address.eq(address.clone()));
    }
    if filter.written {
        query = query.filter(messages::body.is_not_null());
    }
    let down = filter.sort.is_some_and(|sort| order::is_down(sort.as_str()));
    Ok(in_order!(query, messages::id, down, after.map(|id| (id, ()))).limit(limit).load(conn)?)
}

/// Hands a message to a dispatcher: content, token, lease and attempt in one transaction, before anything leaves.
pub fn dispatch(conn: &mut Conn, message: &Message, attempt: &Attempt) -> Result<()> {
    diesel::update(messages::table.filter(messages::tenant_id.eq(message.tenant_id).and(messages::id.eq(message.id))))
        .set((
            messages::state.eq(MessageState::Dispatched),
            messages::address.eq(&message.address),
            messages::provider_account_id.eq(message.provider_account_id),
            messages::token.eq(message.token),
            messages::lease_until.eq(message.lease_until),
            messages::attempts.eq(message.attempts),
            messages::subject.eq(&message.subject),
            messages::html.eq(&message.html),
            messages::body.eq(&message.body),
            messages::segments.eq(message.segments),
            messages::content_digest.eq(&message.content_digest),
            messages::dispatched_at.eq(message.dispatched_at),
        ))
        .execute(conn)?;
    made::insert(conn, std::slice::from_ref(attempt))
}

/// How an attempt ended.
#[derive(Debug, Clone)]
pub struct Ending {
    /// Where the message stands now.
    pub state: MessageState,
    /// When to try again, for one that goes back to prepared.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// The provider's name for it.
    pub provider_message_id: Option<String>,
    /// One word for the attempt's outcome.
    pub outcome: &'static str,
    /// The provider's words.
    pub detail: Option<String>,
}

/// Writes an attempt's result, and that the provider has the message if so, if the token still stands; `false` if the lease was lost meanwhile: nothing of the message changes then.
pub fn finish(conn: &mut Conn, tenant: TenantId, id: MessageId, token: Token, ending: &Ending, now: DateTime<Utc>) -> Result<bool> {
    diesel::update(attempts::table.filter(attempts::tenant_id.eq(tenant).and(attempts::message_id.eq(id)).and(attempts::token.eq(token))))
        .set((attempts::finished_at.eq(Some(Ts(now))), attempts::outcome.eq(Some(ending.outcome)), attempts::detail.eq(&ending.detail)))
        .execute(conn)?;
    let changed = diesel::update(
        messages::table.filter(
            messages::tenant_id
                .eq(tenant)
                .and(messages::id.eq(id))
                .and(messages::token.eq(Some(token)))
                .and(messages::state.eq(MessageState::Dispatched)),
        ),
    )
    .set((
        messages::state.eq(ending.state),
        messages::next_attempt_at.eq(ending.next_attempt_at.map(Ts)),
        messages::provider_message_id.eq(&ending.provider_message_id),
        messages::failure.eq(if ending.state == MessageState::Accepted { None } else { ending.detail.clone() }),
        messages::finished_at.eq(Some(Ts(now))),
        messages::lease_until.eq(None::<Ts>),
    ))
    .execute(conn)?;
    if changed == 1 && ending.state == MessageState::Accepted {
        report(conn, tenant, id, DeliveryStatus::Accepted, Some(EvidenceGrade::ProviderAccepted))?;
    }
    Ok(changed == 1)
}

/// Moves a message that nobody is sending: a person's decision, a receipt, a cancellation.
pub fn set_state(
    conn: &mut Conn,
    tenant: TenantId,
    id: MessageId,
    state: MessageState,
    next_attempt_at: Option<DateTime<Utc>>,
    failure: Option<&str>,
) -> Result<()> {
    diesel::update(messages::table.filter(messages::tenant_id.eq(tenant).and(messages::id.eq(id))))
        .set((
            messages::state.eq(state),
            messages::next_attempt_at.eq(next_attempt_at.map(Ts)),
            messages::failure.eq(failure),
            messages::token.eq(None::<Token>),
            messages::lease_until.eq(None::<Ts>),
        ))
        .execute(conn)?;
    Ok(())
}

/// Ends a doubt: the provider has the message. `false` if there was none any more, so that what follows from it happens once.
pub fn settle(conn: &mut Conn, tenant: TenantId, id: MessageId, provider_id: Option<&str>) -> Result<bool> {
    let here = messages::tenant_id.eq(tenant).and(messages::id.eq(id)).and(messages::state.eq(MessageState::Unknown));
    let changed = diesel::update(messages::table.filter(here))
        .set((messages::state.eq(MessageState::Accepted), messages::failure.eq(None::<String>), messages::lease_until.eq(None::<Ts>)))
        .execute(conn)?;
    if let Some(name) = provider_id {
        let nameless = messages::tenant_id.eq(tenant).and(messages::id.eq(id)).and(messages::provider_message_id.is_null());
        diesel::update(messages::table.filter(nameless)).set(messages::provider_message_id.eq(Some(name))).execute(conn)?;
    }
    Ok(changed == 1)
}

/// Puts off messages that were not even tried: no attempt is spent.
pub fn postpone(conn: &mut Conn, tenant: TenantId, ids: &[MessageId], until: DateTime<Utc>) -> Result<()> {
    diesel::update(messages::table.filter(messages::tenant_id.eq(tenant).and(messages::id.eq_any(ids.to_vec()))))
        .set(messages::next_attempt_at.eq(Some(Ts(until))))
        .execute(conn)?;
    Ok(())
}

/// Writes a delivery status that outranks the one before.
pub fn report(conn: &mut Conn, tenant: TenantId, id: MessageId, status: DeliveryStatus, grade: Option<EvidenceGrade>) -> Result<bool> {
    let rank = i32::from(status.rank());
    let changed = diesel::update(
        messages::table.filter(messages::tenant_id.eq(tenant).and(messages::id.eq(id)).and(messages::delivery_rank.lt(rank))),
    )
    .set((messages::delivery_status.eq(Some(status)), messages::delivery_rank.eq(rank), messages::evidence_grade.eq(grade)))
    .execute(conn)?;
    Ok(changed == 1)
}

/// Raises what is proved of a message; a weaker proof changes nothing.
pub fn prove(conn: &mut Conn, tenant: TenantId, id: MessageId, grade: EvidenceGrade) -> Result<()> {
    let before = find(conn, tenant, id)?.evidence_grade;
    diesel::update(messages::table.filter(messages::tenant_id.eq(tenant).and(messages::id.eq(id))))
        .set(messages::evidence_grade.eq(before.max(Some(grade))))
        .execute(conn)?;
    Ok(())
}

/// The next moment at which a prepared message wants attention.
pub fn next_due(conn: &mut Conn, tenant: TenantId) -> Result<Option<DateTime<Utc>>> {
    let at: Option<Option<Ts>> = messages::table
        .filter(messages::tenant_id.eq(tenant).and(messages::state.eq(MessageState::Prepared)).and(messages::next_attempt_at.is_not_null()))
        .order(messages::next_attempt_at.asc())
        .select(messages::next_attempt_at)
        .first(conn)
        .optional()?;
    Ok(at.flatten().map(|at| at.0))
}
