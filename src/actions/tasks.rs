//! Tasks: given by the decision, done by people.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{Act, disputes, planning::task_kind, promises};
use crate::{
    domain::{
        contact::Channel,
        dunning::{
            reminder::{TaskKind, TaskOutcome, TaskState},
            request::Completion,
        },
        ids::{CustomerId, InvoiceId, ReminderId, TaskId},
        invalid::Faults,
        ledger::{
            dispute::TaskDispute,
            promise::{NewPromise, TaskPromise},
        },
        money::Currency,
        post::AddressPart,
    },
    error::{Error, Result},
    store::{self, Ts, reminders::Reminder, tasks::Task},
};

/// Gives a person the task that a reminder on a spoken or posted channel is. A letter that a provider would have carried says what its addresses lack.
///
/// # Errors
/// The store's.
pub fn give(act: &mut Act<'_>, reminder: &Reminder, missing: &[AddressPart], script: Option<String>) -> Result<()> {
    let lacks = reminder.channel == Channel::Letter && !missing.is_empty();
    let words: Vec<&str> = missing.iter().map(|part| part.as_str()).collect();
    let task = Task {
        reason: lacks.then(|| format!("address_incomplete: {}", words.join(", "))),
        kind: task_kind(reminder.channel),
        reminder_id: Some(reminder.id),
        contact_id: reminder.contact_id,
        script,
        ..blank(act, reminder.customer_id, Some(reminder.currency))
    };
    store::tasks::insert(act.conn, &task)?;
    act.witness("task.given", task.id, json!({"kind": task.kind, "reminder_id": reminder.id, "customer_id": reminder.customer_id}));
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
        act.witness("account.review", task.id, json!({"kind": task.kind, "reason": reason, "customer_id": customer, "currency": currency}));
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

/// Does a task: how it ended, what was said, what was promised or contested.
///
/// # Errors
/// No such task, or one that is not open; every broken rule of the promise or of the dispute.
pub fn complete(act: &mut Act<'_>, id: TaskId, done: &Completion) -> Result<Task> {
    done.check().or(())?;
    let task = close(act, id, TaskState::Done, Some(done.outcome), done.notes.as_deref())?;
    match (done.outcome, &done.promise, &done.dispute) {
        (TaskOutcome::Promise, Some(said), _) => promised(act, &task, said).map_err(|error| nested("/promise", error))?,
        (TaskOutcome::Contested, _, said) => contested(act, &task, said.as_ref()).map_err(|error| nested("/dispute", error))?,
        _ => {}
    }
    Ok(task)
}

/// Faults of a part, moved under it.
fn nested(prefix: &str, error: Error) -> Error {
    match error {
        Error::Invalid(faults) => {
            let mut nested = Faults::none();
            nested.nest(prefix, faults);
            nested.into()
        }
        other => other,
    }
}

fn promised(act: &mut Act<'_>, task: &Task, said: &TaskPromise) -> Result<()> {
    let currency = task.currency;
    let currency = currency.ok_or_else(|| Faults::one("", "no_currency", "the task is about no account; record the promise by itself"))?;
    let new = NewPromise {
        customer_id: task.customer_id,
        currency,
        instalment_ids: said.instalment_ids.clone(),
        invoice_ids: Vec::new(),
        due_on: said.due_on,
        amount: said.amount,
        said_by: said.said_by.clone(),
        contact_id: task.contact_id,
        channel: channel(task.kind),
        task_id: Some(task.id),
    };
    promises::record(act, &new).map(drop)
}

/// Opens a dispute of each invoice that is meant.
fn contested(act: &mut Act<'_>, task: &Task, said: Option<&TaskDispute>) -> Result<()> {
    let Some(currency) = task.currency else {
        let detail = "the task is about no account; open the dispute by itself";
        return if said.is_some() { Err(Faults::one("", "no_currency", detail).into()) } else { Ok(()) };
    };
    let all = TaskDispute::default();
    let said = said.unwrap_or(&all);
    let named = !said.invoice_ids.is_empty();
    let meant = if named { said.invoice_ids.clone() } else { claimed(act, task, currency)? };
    let mut faults = Faults::none();
    for (n, id) in said.invoice_ids.iter().enumerate() {
        match store::invoices::find(act.conn, act.tenant, *id) {
            Ok(found) if (found.customer_id, found.currency) == (task.customer_id, currency) => {}
            Ok(_) | Err(Error::NotFound(_)) => {
                faults.add(format!("/invoice_ids/{n}"), "not_found", "no such invoice on the task's account")
            }
            Err(other) => return Err(other),
        }
    }
    if said.amount.is_some() && meant.len() != 1 {
        let detail =
            format!("an amount is of one invoice, and {} are meant; name one in invoice_ids, or leave the amount out", meant.len());
        faults.add("/amount", "ambiguous", detail);
    }
    faults.or(())?;
    disputes::open_in(act, task, said, &meant)
}

/// The open invoices that a task is about: those of its reminder, or all of its account.
fn claimed(act: &mut Act<'_>, task: &Task, currency: Currency) -> Result<Vec<InvoiceId>> {
    let listed = match task.reminder_id {
        Some(id) => Some(store::reminders::find(act.conn, act.tenant, id)?.instalments.0),
        None => None,
    };
    let open = store::instalments::open_of(act.conn, act.tenant, task.customer_id, currency, None)?;
    let on_it = |id| listed.as_ref().is_none_or(|lines| lines.iter().any(|line| line.instalment_id == id));
    let mut invoices: Vec<InvoiceId> = open.iter().filter(|one| on_it(one.instalment_id)).map(|one| one.invoice_id).collect();
    invoices.sort_unstable();
    invoices.dedup();
    Ok(invoices)
}

/// How a person reached the debtor.
const fn channel(kind: TaskKind) -> Option<Channel> {
    match kind {
        TaskKind::Call => Some(Channel::Call),
        TaskKind::Visit => Some(Channel::Visit),
        TaskKind::Letter => Some(Channel::Letter),
        TaskKind::Review => None,
    }
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
        json!({"kind": task.kind, "outcome": outcome, "customer_id": task.customer_id}),
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
    act.witness("task.assigned", id, json!({"due_at": *task.due_at}));
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
