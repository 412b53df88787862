//! Tasks: given by the decision, done by people.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{Act, planning::task_kind};
use crate::{
    domain::{
        dunning::reminder::{TaskKind, TaskOutcome, TaskState},
        ids::{CustomerId, ReminderId, TaskId},
        money::Currency,
    },
    error::{Error, Result},
    store::{self, Ts, reminders::Reminder, tasks::Task},
};

/// Gives a person the task that a reminder on a spoken or posted channel is.
///
/// # Errors
/// The store's.
pub fn give(act: &mut Act<'_>, reminder: &Reminder, script: Option<String>) -> Result<()> {
    let task = Task {
        kind: task_kind(reminder.channel),
        reminder_id: Some(reminder.id),
        contact_id: reminder.contact_id,
        script,
        ..blank(act, reminder.customer_id, Some(reminder.currency))
    };
    store::tasks::insert(act.conn, &task)?;
    act.witness("task.given", task.id, json!({"kind": task.kind, "reminder": reminder.id, "customer": reminder.customer_id}));
    Ok(())
}

/// Has a person look at an account; once per reason while it is open.
///
/// # Errors
/// The store's.
pub fn review(act: &mut Act<'_>, customer: CustomerId, currency: Currency, reminder: Option<ReminderId>, reason: &str) -> Result<()> {
    let task =
        Task { kind: TaskKind::Review, reason: Some(reason.to_owned()), reminder_id: reminder, ..blank(act, customer, Some(currency)) };
    if store::tasks::insert(act.conn, &task)? {
        act.witness("task.given", task.id, json!({"kind": task.kind, "reason": reason, "customer": customer, "currency": currency}));
    }
    Ok(())
}

fn blank(act: &Act<'_>, customer_id: CustomerId, currency: Option<Currency>) -> Task {
    Task {
        tenant_id: act.tenant,
        id: TaskId::new(act.now),
        kind: TaskKind::Review,
        reason: None,
        customer_id,
        currency,
        reminder_id: None,
        contact_id: None,
        state: TaskState::Open,
        script: None,
        due_at: Ts(act.now),
        owner: None,
        outcome: None,
        notes: None,
        version: 1,
        created_at: Ts(act.now),
        updated_at: Ts(act.now),
        completed_at: None,
    }
}

/// Does a task: how it ended, and what was said.
///
/// # Errors
/// No such task, or one that is not open.
pub fn complete(act: &mut Act<'_>, id: TaskId, outcome: TaskOutcome, notes: Option<&str>) -> Result<Task> {
    close(act, id, TaskState::Done, Some(outcome), notes)
}

/// Finishes a review: somebody looked, and found what the note says.
///
/// # Errors
/// No such task; `wrong_state` of one that is no review; `task_ended`.
pub fn reviewed(act: &mut Act<'_>, id: TaskId, note: &str) -> Result<Task> {
    let task = store::tasks::find(act.conn, act.tenant, id)?;
    if task.kind != TaskKind::Review {
        return Err(Error::conflict("wrong_state", format!("the task is a {}; complete it as a task", task.kind)));
    }
    close(act, id, TaskState::Done, Some(TaskOutcome::Settled), Some(note))
}

/// Drops a task that is no longer needed.
///
/// # Errors
/// No such task, or one that is not open.
pub fn cancel(act: &mut Act<'_>, id: TaskId, notes: Option<&str>) -> Result<Task> {
    close(act, id, TaskState::Cancelled, None, notes)
}

fn close(act: &mut Act<'_>, id: TaskId, state: TaskState, outcome: Option<TaskOutcome>, notes: Option<&str>) -> Result<Task> {
    let task = open(act, id)?;
    let task = Task {
        state,
        outcome,
        notes: notes.map(str::to_owned).or(task.notes),
        completed_at: Some(Ts(act.now)),
        updated_at: Ts(act.now),
        version: task.version.saturating_add(1),
        ..task
    };
    store::tasks::update(act.conn, &task)?;
    let kind = if state == TaskState::Done { "task.completed" } else { "task.cancelled" };
    let notes = task.notes.clone().map(|notes| ("notes", notes));
    act.witness_personal(
        kind,
        id,
        json!({"kind": task.kind, "outcome": outcome, "customer": task.customer_id}),
        notes.into_iter().collect(),
    );
    // A finished review lets the decision raise it anew, should its cause persist.
    if let Some(currency) = task.currency {
        act.touch(task.customer_id, currency);
    }
    Ok(task)
}

/// Hands a task to somebody, or to another day.
///
/// # Errors
/// No such task, or one that is not open.
pub fn assign(act: &mut Act<'_>, id: TaskId, owner: Option<&str>, due_at: Option<DateTime<Utc>>) -> Result<Task> {
    let task = open(act, id)?;
    let task = Task {
        owner: owner.map(str::to_owned).or(task.owner),
        due_at: due_at.map_or(task.due_at, Ts),
        updated_at: Ts(act.now),
        version: task.version.saturating_add(1),
        ..task
    };
    store::tasks::update(act.conn, &task)?;
    act.witness("task.assigned", id, json!({"due_at": task.due_at.timestamp_micros()}));
    Ok(task)
}

fn open(act: &mut Act<'_>, id: TaskId) -> Result<Task> {
    let task = store::tasks::find(act.conn, act.tenant, id)?;
    if task.state == TaskState::Open {
        Ok(task)
    } else {
        Err(Error::conflict("task_ended", format!("the task is {}; only an open one can change", task.state)))
    }
}
