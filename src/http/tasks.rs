//! `/v1/tasks`: what people are asked to do, and how it ended.

use actix_web::{get, http::StatusCode, patch, post};
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
        dunning::{
            reminder::{TaskKind, TaskOutcome, TaskState},
            request::{Completion, TaskCancellation, TaskChange},
        },
        ids::{ContactId, CustomerId, ReminderId, TaskId},
        money::Currency,
    },
    store::{
        self,
        tasks::{Filter, Task, TaskSort},
    },
};

/// Something for a person to do.
#[derive(Serialize, ToSchema)]
pub struct TaskView {
    /// Always `task`.
    #[schema(max_length = 20, example = "task")]
    pub object: &'static str,
    /// The task's id.
    pub id: TaskId,
    /// What to do.
    pub kind: TaskKind,
    /// Why a review is asked for: `no_recipient`, `unallocated_cash`, `delivery_failed`, `outcome_unknown`, `unwritable`, `unsubscribed`, `dispute_overdue`,
    /// `debit_without_news`, or what a
    /// provider reported: `letter_returned` (the postal address is wrong, mostly), `letter_refused`, `letter_unclaimed`. Of a letter that a provider would have carried, what its
    /// addresses lack: `address_incomplete: postal_code, city`.
    #[schema(max_length = 100)]
    pub reason: Option<String>,
    /// About whom.
    pub customer_id: CustomerId,
    /// About what is owed in this currency.
    pub currency: Option<Currency>,
    /// The reminder that it does, or is about.
    pub reminder_id: Option<ReminderId>,
    /// Whom to call, visit or write to.
    pub contact_id: Option<ContactId>,
    /// Where it stands.
    pub state: TaskState,
    /// What to say or to post.
    #[schema(max_length = 300_000)]
    pub script: Option<String>,
    /// By when.
    pub due_at: DateTime<Utc>,
    /// Who does it.
    #[schema(max_length = 100)]
    pub owner: Option<String>,
    /// How it ended.
    pub outcome: Option<TaskOutcome>,
    /// What was said.
    #[schema(max_length = 4000)]
    pub notes: Option<String>,
    /// Counts the changes.
    #[schema(minimum = 1)]
    pub version: i64,
    /// When it was given.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
}

impl From<Task> for TaskView {
    fn from(row: Task) -> Self {
        Self {
            object: "task",
            id: row.id,
            kind: row.kind,
            reason: row.reason,
            customer_id: row.customer_id,
            currency: row.currency,
            reminder_id: row.reminder_id,
            contact_id: row.contact_id,
            state: row.state,
            script: row.script,
            due_at: row.due_at.0,
            owner: row.owner,
            outcome: row.outcome,
            notes: row.notes,
            version: row.version,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
            completed_at: row.completed_at.map(|at| at.0),
        }
    }
}

/// Which tasks to list.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TaskQuery {
    /// Only about this customer.
    pub customer_id: Option<CustomerId>,
    /// Only in this state.
    pub state: Option<TaskState>,
    /// Only of this kind.
    pub kind: Option<TaskKind>,
    /// Only of this owner.
    #[param(min_length = 1, max_length = 100)]
    pub owner: Option<String>,
    /// Only those due by then.
    pub due_by: Option<DateTime<Utc>>,
    /// In which order.
    pub sort: Option<TaskSort>,
}

/// List tasks
///
/// In the order in which they were given, unless `sort` says otherwise.
#[utoipa::path(operation_id = "listTasks", tag = "Reminders", params(PageQuery, TaskQuery), responses((status = 200, description = "A page", body = Page<TaskView>)), security(("api_key" = ["reminders:read"])))]
#[get("/v1/tasks")]
pub async fn list(call: Call<(), TaskQuery>) -> Answer {
    let window = call.window()?;
    let TaskQuery { customer_id, state, kind, owner, due_by, sort, .. } = call.query.clone();
    let filter = Filter { customer_id, state, kind, owner, due_by, sort, ..Filter::default() };
    let at = call.sorted_after()?;
    let after = window.after().map(|id| (id, at));
    let rows = call.read(move |conn, tenant| store::tasks::list(conn, tenant, &filter, after, window.fetch())).await?;
    let is_by_due = sort.is_some_and(TaskSort::is_by_due);
    call.page(window, rows, |row| (row.id.uuid(), is_by_due.then(|| row.due_at.to_rfc3339())), TaskView::from).await
}

/// Get a task
///
/// With its script, in the debtor's language.
#[utoipa::path(operation_id = "getTask", tag = "Reminders", params(("task_id" = TaskId, Path, description = "The task")), responses((status = 200, description = "The task", body = TaskView)), security(("api_key" = ["reminders:read"])))]
#[get("/v1/tasks/{task_id}")]
pub async fn find(call: Call) -> Answer {
    call.show(current).await
}

/// As it is shown.
///
/// # Errors
/// When it is not there.
pub fn current(look: &mut Look<'_>) -> crate::error::Result<TaskView> {
    let id = look.id("task_id")?;
    store::tasks::find(look.conn, look.tenant, id).map(TaskView::from)
}

/// Change a task
///
/// Hands it to somebody, or to another day.
#[utoipa::path(operation_id = "changeTask", tag = "Reminders", params(("task_id" = TaskId, Path, description = "The task to change")), request_body = TaskChange, responses((status = 200, description = "Changed", body = TaskView)), security(("api_key" = ["reminders:write"])))]
#[patch("/v1/tasks/{task_id}")]
pub async fn change(call: Call<TaskChange>) -> Answer {
    let id = call.id("task_id")?;
    let TaskChange { owner, due_at } = call.body.clone();
    call.act(StatusCode::OK, move |act| actions::tasks::assign(act, id, owner.as_deref(), due_at).map(TaskView::from)).await
}

/// Complete a task
///
/// Says how it ended, what was said, and what was promised or contested: a promise is recorded, a dispute opened in the same act.
#[utoipa::path(operation_id = "completeTask", tag = "Reminders", params(("task_id" = TaskId, Path, description = "The task that is done")), request_body = Completion, responses((status = 200, description = "Done", body = TaskView)), security(("api_key" = ["reminders:write"])))]
#[post("/v1/tasks/{task_id}/complete")]
pub async fn complete(call: Call<Completion>) -> Answer {
    let id = call.id("task_id")?;
    let done = call.body.clone();
    call.act(StatusCode::OK, move |act| actions::tasks::complete(act, id, &done).map(TaskView::from)).await
}

/// Cancel a task
///
/// Drops one that is no longer needed.
#[utoipa::path(operation_id = "cancelTask", tag = "Reminders", params(("task_id" = TaskId, Path, description = "The task to drop")), request_body = TaskCancellation, responses((status = 200, description = "Dropped", body = TaskView)), security(("api_key" = ["reminders:write"])))]
#[post("/v1/tasks/{task_id}/cancel")]
pub async fn cancel(call: Call<TaskCancellation>) -> Answer {
    let id = call.id("task_id")?;
    let TaskCancellation { notes } = call.body.clone();
    call.act(StatusCode::OK, move |act| actions::tasks::cancel(act, id, notes.as_deref()).map(TaskView::from)).await
}
