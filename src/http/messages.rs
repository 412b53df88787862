//! `/v1/messages`: what was written to whom, word for word, and what became of it. `/v1/sandbox/outbox`: the same for a rehearsal, in one look.

mod doubt;
mod papers;

use actix_web::{get, http::StatusCode, post};
use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Call,
    call::Answer,
    page::{Page, PageQuery},
    subject::Look,
};
use crate::{
    actions,
    domain::{
        contact::Channel,
        delivery::{DeliveryStatus, EvidenceGrade, MessageState},
        dunning::request::Resolution,
        ids::{ContactId, CustomerId, MessageId, Mode, ProviderAccountId, ReceiptId, ReminderId, TenantId},
    },
    error::Result,
    store::{
        self, Conn,
        attempts::Attempt,
        messages::{Filter, Message},
        order::CreationSort,
        receipts::Receipt,
    },
};
use doubt::DoubtView;
use papers::{LetterView, ProofView};

/// One thing sent on one channel to one contact.
#[derive(Serialize, ToSchema)]
pub struct MessageView {
    /// Always `message`.
    #[schema(max_length = 20, example = "message")]
    pub object: &'static str,
    /// The message's id.
    pub id: MessageId,
    /// The reminder that it carries.
    pub reminder_id: Option<ReminderId>,
    /// To which debtor.
    pub customer_id: CustomerId,
    /// To which person there.
    pub contact_id: Option<ContactId>,
    /// How.
    pub channel: Channel,
    /// Where to: an address, a number, or name and postal address on one line.
    #[schema(max_length = 1200, example = "accounts@example.com")]
    pub address: String,
    /// Where its hand-over stands.
    pub state: MessageState,
    /// What its provider reported, the strongest report of all.
    pub delivery_status: Option<DeliveryStatus>,
    /// How much is proved.
    pub evidence_grade: Option<EvidenceGrade>,
    /// Through whom it went last.
    pub provider_account_id: Option<ProviderAccountId>,
    /// The provider's name for it.
    #[schema(max_length = 300)]
    pub provider_message_id: Option<String>,
    /// How often it was handed over.
    #[schema(minimum = 0)]
    pub attempt_count: i32,
    /// When it is tried next, if it waits.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// Why it stands where it stands: `text_budget` and `text_number_cap` for a text message that waits for another day.
    #[schema(max_length = 1000)]
    pub failure: Option<String>,
    /// In state `unknown`: what is known, for the person who resolves it.
    pub doubt: Option<DoubtView>,
    /// When it was decided.
    pub created_at: DateTime<Utc>,
    /// When it was last handed to a provider.
    pub dispatched_at: Option<DateTime<Utc>>,
    /// When that ended.
    pub finished_at: Option<DateTime<Utc>>,
}

impl From<&Message> for MessageView {
    fn from(row: &Message) -> Self {
        Self {
            object: "message",
            id: row.id,
            reminder_id: row.reminder_id,
            customer_id: row.customer_id,
            contact_id: row.contact_id,
            channel: row.channel,
            address: row.address.clone(),
            state: row.state,
            delivery_status: row.delivery_status,
            evidence_grade: row.evidence_grade,
            provider_account_id: row.provider_account_id,
            provider_message_id: row.provider_message_id.clone(),
            attempt_count: row.attempts,
            next_attempt_at: row.next_attempt_at.map(|at| at.0),
            failure: row.failure.clone(),
            doubt: None,
            created_at: row.created_at.0,
            dispatched_at: row.dispatched_at.map(|at| at.0),
            finished_at: row.finished_at.map(|at| at.0),
        }
    }
}

/// The exact words.
#[derive(Serialize, ToSchema)]
pub struct MessageContent {
    /// The subject of an e-mail.
    #[schema(max_length = 1000)]
    pub subject: Option<String>,
    /// An e-mail as HTML.
    #[schema(max_length = 1_000_000)]
    pub html: Option<String>,
    /// The same as plain text; or the text message.
    #[schema(max_length = 1_000_000)]
    pub text: String,
    /// Into how many parts a text message falls.
    #[schema(minimum = 1)]
    pub segments: Option<i32>,
    /// SHA-256, in hexadecimal, over subject, HTML and text, each after its length in bytes (8 bytes, big-endian; an absent part has length 0);
    /// then the SHA-256 of each document that went along. Of a letter, the SHA-256 of its pages as PDF. The journal's `message.dispatched` holds the same, and names the documents.
    #[schema(min_length = 64, max_length = 64)]
    pub sha256: Option<String>,
}

impl MessageContent {
    /// Nothing before the first hand-over: the words are fixed then.
    fn of(row: &Message) -> Option<Self> {
        Some(Self {
            subject: row.subject.clone(),
            html: row.html.clone(),
            text: row.body.clone()?,
            segments: row.segments,
            sha256: row.content_digest.as_deref().map(|digest| HEXLOWER.encode(digest)),
        })
    }
}

/// One hand-over to a provider.
#[derive(Clone, Serialize, ToSchema)]
pub struct AttemptView {
    /// 1 for the first.
    #[schema(minimum = 1)]
    pub number: i32,
    /// Through whom.
    pub provider_account_id: ProviderAccountId,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// How: `accepted`, `rejected`, `not_sent` (the next account has its turn), `not_called` (the account was paused, or the time was up), `given_up` or `unknown`;
    /// absent while it is under way.
    #[schema(max_length = 20)]
    pub outcome: Option<String>,
    /// In the provider's words.
    #[schema(max_length = 1000)]
    pub detail: Option<String>,
}

impl From<Attempt> for AttemptView {
    fn from(row: Attempt) -> Self {
        Self {
            number: row.number,
            provider_account_id: row.provider_account_id,
            started_at: row.started_at.0,
            finished_at: row.finished_at.map(|at| at.0),
            outcome: row.outcome,
            detail: row.detail,
        }
    }
}

/// One thing that a provider said later.
#[derive(Serialize, ToSchema)]
pub struct ReceiptView {
    /// The statement's id.
    pub id: ReceiptId,
    /// Who said it.
    pub provider_account_id: ProviderAccountId,
    /// In the one vocabulary for all providers.
    pub status: DeliveryStatus,
    /// The provider's own word.
    #[schema(max_length = 300)]
    pub raw_name: String,
    /// Its explanation.
    #[schema(max_length = 300)]
    pub detail: Option<String>,
    /// When it happened, as far as the provider says.
    pub occurred_at: DateTime<Utc>,
    /// When it was applied.
    pub applied_at: Option<DateTime<Utc>>,
    /// What it led to: `applied`, or `outranked` by a stronger one.
    #[schema(max_length = 30)]
    pub outcome: Option<String>,
}

impl From<Receipt> for ReceiptView {
    fn from(row: Receipt) -> Self {
        Self {
            id: row.id,
            provider_account_id: row.provider_account_id,
            status: row.status,
            raw_name: row.raw_name,
            detail: row.detail,
            occurred_at: row.occurred_at.0,
            applied_at: row.applied_at.map(|at| at.0),
            outcome: row.outcome,
        }
    }
}

/// A message with all there is to know of it.
#[derive(Serialize, ToSchema)]
pub struct MessageDetail {
    /// The message.
    #[serde(flatten)]
    pub message: MessageView,
    /// Its words; absent before the first hand-over.
    pub content: Option<MessageContent>,
    /// Every hand-over, in order.
    #[schema(max_items = 1000)]
    pub attempts: Vec<AttemptView>,
    /// Everything its providers reported, oldest first.
    #[schema(max_items = 1000)]
    pub receipts: Vec<ReceiptView>,
    /// A letter's pages, as they were handed over last.
    pub letter: Option<LetterView>,
    /// What proves a letter's way, oldest first.
    #[schema(max_items = 1000)]
    pub proofs: Vec<ProofView>,
}

/// A message with its words.
#[derive(Serialize, ToSchema)]
pub struct OutboxMessage {
    /// The message.
    #[serde(flatten)]
    pub message: MessageView,
    /// Its words.
    pub content: Option<MessageContent>,
}

impl From<Message> for OutboxMessage {
    fn from(row: Message) -> Self {
        Self { message: (&row).into(), content: MessageContent::of(&row) }
    }
}

/// Which messages to list.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MessageQuery {
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
    /// In which order.
    pub sort: Option<CreationSort>,
}

/// Which messages of the rehearsal to list.
#[derive(Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OutboxQuery {
    /// Only on this channel.
    pub channel: Option<Channel>,
    /// Only to this address, as it stands on the message.
    #[param(min_length = 1, max_length = 254)]
    pub address: Option<String>,
}

/// Debtors' data never reaches logs.
impl std::fmt::Debug for OutboxQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutboxQuery").field("channel", &self.channel).finish_non_exhaustive()
    }
}

fn detail(conn: &mut Conn, tenant: TenantId, row: &Message) -> Result<MessageDetail> {
    let doubt = doubt::of(conn, tenant, std::slice::from_ref(row))?.remove(&row.id);
    let (letter, proofs) = papers::of(conn, tenant, row.id)?;
    Ok(MessageDetail {
        letter,
        proofs,
        message: MessageView { doubt, ..row.into() },
        content: MessageContent::of(row),
        attempts: store::attempts::of_message(conn, tenant, row.id)?.into_iter().map(AttemptView::from).collect(),
        receipts: store::receipts::of_message(conn, tenant, row.id)?.into_iter().map(ReceiptView::from).collect(),
    })
}

/// List messages
///
/// In the order in which they were decided, without their words, unless `sort` says otherwise. Those in state `unknown` say what is known of them: they wait for a person if no receipt comes.
#[utoipa::path(operation_id = "listMessages", tag = "Reminders", params(PageQuery, MessageQuery), responses((status = 200, description = "A page", body = Page<MessageView>)), security(("api_key" = ["reminders:read"])))]
#[get("/v1/messages")]
pub async fn list(call: Call<(), MessageQuery>) -> Answer {
    let window = call.window()?;
    let MessageQuery { customer_id, reminder_id, state, channel, delivery_status, sort, .. } = call.query.clone();
    let filter = Filter { customer_id, reminder_id, state, channel, delivery_status, sort, ..Filter::default() };
    let (rows, mut doubts) = call
        .read(move |conn, tenant| {
            let rows = store::messages::list(conn, tenant, &filter, window.after(), window.fetch())?;
            let doubts = doubt::of(conn, tenant, &rows)?;
            Ok((rows, doubts))
        })
        .await?;
    let mut views: Vec<MessageView> = rows.iter().map(MessageView::from).collect();
    views.iter_mut().for_each(|view| view.doubt = doubts.remove(&view.id));
    call.page(window, views, |view| view.id.uuid(), |view| view).await
}

/// Get a message
///
/// With its exact words, every attempt, and everything that was reported about it.
#[utoipa::path(operation_id = "getMessage", tag = "Reminders", params(("message_id" = MessageId, Path, description = "The message")), responses((status = 200, description = "The message", body = MessageDetail)), security(("api_key" = ["reminders:read"])))]
#[get("/v1/messages/{message_id}")]
pub async fn find(call: Call) -> Answer {
    call.show(current).await
}

/// As it is shown.
///
/// # Errors
/// When it is not there.
pub fn current(look: &mut Look<'_>) -> Result<MessageDetail> {
    let id = look.id("message_id")?;
    let row = store::messages::find(look.conn, look.tenant, id)?;
    detail(look.conn, look.tenant, &row)
}

/// Resolve a doubt
///
/// For a message in state `unknown`: its answer was lost and its provider recognises no repetition, so a person says whether it was sent.
#[utoipa::path(operation_id = "resolveMessage", tag = "Reminders", params(("message_id" = MessageId, Path, description = "The message in doubt")), request_body = Resolution, responses((status = 200, description = "Resolved", body = MessageDetail)), security(("api_key" = ["reminders:write"])))]
#[post("/v1/messages/{message_id}/resolve")]
pub async fn resolve(call: Call<Resolution>) -> Answer {
    let id = call.id("message_id")?;
    let Resolution { was_sent } = call.body;
    call.act(StatusCode::OK, move |act| {
        let row = actions::reminders::resolve(act, id, was_sent)?;
        detail(act.conn, act.tenant, &row)
    })
    .await
}

/// List the outbox
///
/// What the rehearsal has sent, with its words, newest last. Test keys only.
#[utoipa::path(operation_id = "listOutbox", tag = "Sandbox", params(PageQuery, OutboxQuery), responses((status = 200, description = "A page", body = Page<OutboxMessage>), (status = 409, description = "A live key")), security(("api_key" = ["reminders:read"])))]
#[get("/v1/sandbox/outbox")]
pub async fn outbox(call: Call<(), OutboxQuery>) -> Answer {
    if call.tenant().mode() == Mode::Live {
        return Err(call.problem(actions::test_clock::live_mode()));
    }
    let window = call.window()?;
    let OutboxQuery { channel, address, .. } = call.query.clone();
    let filter = Filter { channel, address, written: true, ..Filter::default() };
    let rows = call.read(move |conn, tenant| store::messages::list(conn, tenant, &filter, window.after(), window.fetch())).await?;
    call.page(window, rows, |row| row.id.uuid(), OutboxMessage::from).await
}
