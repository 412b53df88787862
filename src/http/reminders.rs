//! `/v1/reminders`: what was decided for a customer, and what people decide about it.

use std::collections::HashMap;

use actix_web::{get, http::StatusCode, post};
use chrono::{DateTime, Utc};
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
        delivery::{DeliveryStatus, MessageState},
        dunning::{
            reminder::{ListedInstalment, ReminderState},
            request::Cancellation,
        },
        ids::{ContactId, CustomerId, InstalmentId, MessageId, PolicyId, ReminderId, TenantId},
        money::Currency,
    },
    error::Result,
    store::{self, Conn, messages::Message, order::CreationSort, reminders::Reminder},
};

/// One occurrence of a step for one account.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReminderView {
    /// Always `reminder`.
    #[schema(max_length = 20, example = "reminder")]
    pub object: &'static str,
    /// The reminder's id.
    pub id: ReminderId,
    /// Whom it reminds.
    pub customer_id: CustomerId,
    /// Of what is owed in this currency.
    pub currency: Currency,
    /// The policy that asked for it.
    pub policy_id: PolicyId,
    /// The version of that policy.
    #[schema(minimum = 1)]
    pub policy_version: i32,
    /// The policy's step.
    #[schema(max_length = 40, example = "first_reminder")]
    pub step: String,
    /// 1, or more for a repetition.
    #[schema(minimum = 1)]
    pub cycle: i32,
    /// How the debtor is reached.
    pub channel: Channel,
    /// The text's key.
    #[schema(max_length = 40, example = "first_reminder")]
    pub template: String,
    /// Whether it is a formal notice.
    pub formal: bool,
    /// To whom; absent for the place as such.
    pub contact_id: Option<ContactId>,
    /// Where it stands.
    pub state: ReminderState,
    /// Why it stands there, where that is not plain: `settled`, `rejected`, …, or what a person gave as reason.
    #[schema(max_length = 500)]
    pub reason: Option<String>,
    /// What it claims, in minor units; read again when it left.
    #[schema(minimum = 0)]
    pub total: i64,
    /// The instalment that gave the step.
    pub carrying_instalment_id: InstalmentId,
    /// Everything it lists.
    #[schema(max_items = 10_000)]
    pub instalments: Vec<LineView>,
    /// Its messages, oldest first; none for a task.
    #[schema(max_items = 1000)]
    pub messages: Vec<MessageBrief>,
    /// When the step was due.
    pub due_at: DateTime<Utc>,
    /// When it was decided.
    pub decided_at: DateTime<Utc>,
    /// When the debtor was contacted: the spacing to the next step counts from here.
    pub completed_at: Option<DateTime<Utc>>,
}

/// An instalment in a reminder.
#[derive(Debug, Serialize, ToSchema)]
pub struct LineView {
    /// Which.
    pub instalment_id: InstalmentId,
    /// What is claimed of it, in minor units.
    #[schema(minimum = 0)]
    pub claimed: i64,
    /// Whether its due date was over.
    pub overdue: bool,
    /// The step that is completed for it by this reminder; absent: it is only listed.
    #[schema(max_length = 40)]
    pub advances_to: Option<String>,
    /// The cycle of that step.
    #[schema(minimum = 1)]
    pub cycle: Option<u32>,
}

impl From<ListedInstalment> for LineView {
    fn from(line: ListedInstalment) -> Self {
        let ListedInstalment { instalment_id, claimed_minor, overdue, advances_to, cycle } = line;
        Self { instalment_id, claimed: claimed_minor, overdue, advances_to, cycle }
    }
}

/// A message of a reminder, in short.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageBrief {
    /// The message.
    pub id: MessageId,
    /// Where its hand-over stands.
    pub state: MessageState,
    /// What its provider reported.
    pub delivery_status: Option<DeliveryStatus>,
}

impl From<Message> for MessageBrief {
    fn from(row: Message) -> Self {
        Self { id: row.id, state: row.state, delivery_status: row.delivery_status }
    }
}

impl From<(Reminder, Vec<Message>)> for ReminderView {
    fn from((row, messages): (Reminder, Vec<Message>)) -> Self {
        Self {
            object: "reminder",
            id: row.id,
            customer_id: row.customer_id,
            currency: row.currency,
            policy_id: row.policy_id,
            policy_version: row.policy_version,
            step: row.step_key,
            cycle: row.cycle,
            channel: row.channel,
            template: row.template,
            formal: row.formal,
            contact_id: row.contact_id,
            state: row.state,
            reason: row.reason,
            total: row.total_minor,
            carrying_instalment_id: row.carrying_instalment_id,
            instalments: row.instalments.0.into_iter().map(LineView::from).collect(),
            messages: messages.into_iter().map(MessageBrief::from).collect(),
            due_at: row.due_at.0,
            decided_at: row.decided_at.0,
            completed_at: row.completed_at.map(|at| at.0),
        }
    }
}

/// Which reminders to list.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReminderQuery {
    /// Only of this customer.
    pub customer_id: Option<CustomerId>,
    /// Only in this state.
    pub state: Option<ReminderState>,
    /// Only of this step.
    #[param(min_length = 1, max_length = 40)]
    pub step: Option<String>,
    /// In which order.
    pub sort: Option<CreationSort>,
}

/// Reminders with their messages.
pub(super) fn with_messages(conn: &mut Conn, tenant: TenantId, rows: Vec<Reminder>) -> Result<Vec<(Reminder, Vec<Message>)>> {
    let ids: Vec<ReminderId> = rows.iter().map(|row| row.id).collect();
    let mut messages = HashMap::<Option<ReminderId>, Vec<Message>>::new();
    for message in store::messages::of_reminders(conn, tenant, &ids)? {
        messages.entry(message.reminder_id).or_default().push(message);
    }
    Ok(rows.into_iter().map(|row| (messages.remove(&Some(row.id)).unwrap_or_default(), row)).map(|(own, row)| (row, own)).collect())
}

fn view(conn: &mut Conn, tenant: TenantId, row: Reminder) -> Result<ReminderView> {
    let messages = store::messages::of_reminder(conn, tenant, row.id)?;
    Ok((row, messages).into())
}

/// List reminders
///
/// In the order in which they were decided, unless `sort` says otherwise.
#[utoipa::path(operation_id = "listReminders", tag = "Reminders", params(PageQuery, ReminderQuery), responses((status = 200, description = "A page", body = Page<ReminderView>)), security(("api_key" = ["reminders:read"])))]
#[get("/v1/reminders")]
pub async fn list(call: Call<(), ReminderQuery>) -> Answer {
    let window = call.window()?;
    let ReminderQuery { customer_id, state, step, sort, .. } = call.query.clone();
    let filter = store::reminders::Filter { customer_id, state, step_key: step, sort };
    let rows = call
        .read(move |conn, tenant| {
            let rows = store::reminders::list(conn, tenant, &filter, window.after(), window.fetch())?;
            with_messages(conn, tenant, rows)
        })
        .await?;
    call.page(window, rows, |(row, _)| row.id.uuid(), ReminderView::from).await
}

/// Get a reminder
///
/// With its messages in short.
#[utoipa::path(operation_id = "getReminder", tag = "Reminders", params(("reminder_id" = ReminderId, Path, description = "The reminder")), responses((status = 200, description = "The reminder", body = ReminderView)), security(("api_key" = ["reminders:read"])))]
#[get("/v1/reminders/{reminder_id}")]
pub async fn find(call: Call) -> Answer {
    call.show(current).await
}

/// As it is shown.
///
/// # Errors
/// When it is not there.
pub fn current(look: &mut Look<'_>) -> Result<ReminderView> {
    let id = look.id("reminder_id")?;
    let row = store::reminders::find(look.conn, look.tenant, id)?;
    view(look.conn, look.tenant, row)
}

/// Approve a reminder
///
/// One that waits for a person: it goes on its way now, to the contact's address of today. What it claims is read again before it leaves.
#[utoipa::path(operation_id = "approveReminder", tag = "Reminders", params(("reminder_id" = ReminderId, Path, description = "The reminder to let go")), responses((status = 200, description = "On its way", body = ReminderView)), security(("api_key" = ["reminders:write"])))]
#[post("/v1/reminders/{reminder_id}/approve")]
pub async fn approve(call: Call) -> Answer {
    let id = call.id("reminder_id")?;
    call.act(StatusCode::OK, move |act| {
        let row = actions::reminders::approve(act, id)?;
        view(act.conn, act.tenant, row)
    })
    .await
}

/// Cancel a reminder
///
/// One that has not ended: its account is decided about anew. What a provider has taken cannot be called back.
#[utoipa::path(operation_id = "cancelReminder", tag = "Reminders", params(("reminder_id" = ReminderId, Path, description = "The reminder to give up")), request_body = Cancellation, responses((status = 200, description = "Given up", body = ReminderView)), security(("api_key" = ["reminders:write"])))]
#[post("/v1/reminders/{reminder_id}/cancel")]
pub async fn cancel(call: Call<Cancellation>) -> Answer {
    let id = call.id("reminder_id")?;
    let reason = call.body.reason.clone();
    call.act(StatusCode::OK, move |act| {
        let row = actions::reminders::cancel(act, id, &reason)?;
        view(act.conn, act.tenant, row)
    })
    .await
}

/// Try a reminder again
///
/// One that failed: with a fresh message, to the contact's address of today.
#[utoipa::path(operation_id = "retryReminder", tag = "Reminders", params(("reminder_id" = ReminderId, Path, description = "The reminder to try again")), responses((status = 200, description = "On its way", body = ReminderView)), security(("api_key" = ["reminders:write"])))]
#[post("/v1/reminders/{reminder_id}/retry")]
pub async fn retry(call: Call) -> Answer {
    let id = call.id("reminder_id")?;
    call.act(StatusCode::OK, move |act| {
        let row = actions::reminders::retry(act, id)?;
        view(act.conn, act.tenant, row)
    })
    .await
}
