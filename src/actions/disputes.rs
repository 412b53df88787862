//! Disputes: opened, followed and resolved. A credit note that ends one is issued in the same transaction.

use serde_json::json;

use super::{Act, credit as habits, holds::absent, settlements};
use crate::{
    domain::{
        credit::habit::HabitEvent,
        external::Pairs,
        ids::{DisputeId, DocumentId, InvoiceId, TaskId},
        invalid::Faults,
        ledger::{
            dispute::{DisputeChange, DisputeOutcome, DisputeResolution, DisputeState, MAX_NOTE, NewDispute, TaskDispute},
            invoice::InvoiceStatus,
            settlement::{Allocate, NewAllocations, NewSettlement, SettlementId, SettlementKind, Wanted},
        },
    },
    error::{Error, Result},
    store::{self, Json, Ts, disputes::Dispute, invoices::Invoice, tasks::Task},
};

/// An invoice under the lock of its account.
fn locked(act: &mut Act<'_>, id: InvoiceId) -> Result<Invoice> {
    let row = store::invoices::find(act.conn, act.tenant, id)?;
    store::accounts::lock(act.conn, act.tenant, &[(row.customer_id, row.currency)].into())?;
    store::invoices::find(act.conn, act.tenant, id)
}

/// Takes an amount of an invoice out of what is claimed.
///
/// # Errors
/// Every broken rule of the input; `invoice_cancelled`.
pub fn open(act: &mut Act<'_>, new: &NewDispute) -> Result<Dispute> {
    let invoice = locked(act, new.invoice_id).map_err(|error| absent("/invoice_id", error))?;
    if invoice.status == InvoiceStatus::Cancelled {
        return Err(Error::conflict("invoice_cancelled", "the invoice is cancelled; nothing of it is claimed"));
    }
    let (_, today) = act.today()?;
    let mut faults = room(act, &invoice, new.amount)?;
    check_documents(act, &invoice, &new.document_ids, &mut faults)?;
    if new.respond_by.is_some_and(|day| day < today) {
        faults.add("/respond_by", "in_the_past", format!("today ({today}) or later"));
    }
    check_task(act, &invoice, new.task_id, &mut faults)?;
    faults.or(())?;
    let row = Dispute {
        tenant_id: act.tenant,
        id: DisputeId::new(act.wall),
        customer_id: invoice.customer_id,
        invoice_id: invoice.id,
        currency: invoice.currency,
        amount_minor: new.amount,
        reason: new.reason,
        note: new.note.clone(),
        documents: Json(new.document_ids.clone()),
        owner: new.owner.clone(),
        respond_by: new.respond_by,
        state: DisputeState::Open,
        outcome: None,
        credited_minor: None,
        credit_note_id: None,
        resolution: None,
        opened_on: today,
        version: 1,
        created_at: Ts(act.now),
        updated_at: Ts(act.now),
        resolved_at: None,
        task_id: new.task_id,
    };
    store::disputes::insert(act.conn, &row)?;
    let body = json!({"customer_id": row.customer_id, "invoice_id": row.invoice_id, "currency": row.currency, "amount": row.amount_minor,
        "reason": row.reason, "respond_by": row.respond_by, "document_ids": *row.documents, "task_id": row.task_id});
    act.witness_personal("dispute.opened", row.id, body, personal(&row.note));
    act.touch(row.customer_id, row.currency);
    Ok(row)
}

fn personal(note: &Option<String>) -> Vec<(&'static str, String)> {
    note.iter().map(|note| ("note", note.clone())).collect()
}

/// What is contested in a task: each invoice that is meant, as far as it is open and nobody has contested it before.
///
/// # Errors
/// Every broken rule of the input.
pub(super) fn open_in(act: &mut Act<'_>, task: &Task, said: &TaskDispute, meant: &[InvoiceId]) -> Result<()> {
    for id in meant {
        let invoice = locked(act, *id)?;
        let left = uncontested(act, &invoice)?.min(invoice.balance_minor);
        if left <= 0 && said.amount.is_none() {
            continue;
        }
        let new = NewDispute {
            invoice_id: *id,
            amount: Some(said.amount.unwrap_or(left)),
            reason: said.reason,
            note: task.notes.as_ref().map(|notes| notes.chars().take(MAX_NOTE).collect()),
            document_ids: Vec::new(),
            owner: said.owner.clone(),
            respond_by: said.respond_by,
            task_id: Some(task.id),
        };
        open(act, &new)?;
    }
    Ok(())
}

/// How much of an invoice no open dispute is about.
fn uncontested(act: &mut Act<'_>, invoice: &Invoice) -> Result<i64> {
    let open = store::disputes::open_of_invoice(act.conn, act.tenant, invoice.id)?;
    let taken = open.iter().try_fold(0_i64, |sum, one| Some(sum.saturating_add(one.amount_minor?)));
    Ok(invoice.total_minor.saturating_sub(taken.unwrap_or(invoice.total_minor)))
}

fn check_task(act: &mut Act<'_>, invoice: &Invoice, task: Option<TaskId>, faults: &mut Faults) -> Result<()> {
    let Some(task) = task else { return Ok(()) };
    match store::tasks::find(act.conn, act.tenant, task) {
        Ok(found) if found.customer_id == invoice.customer_id => {}
        Ok(_) | Err(Error::NotFound(_)) => faults.add("/task_id", "not_found", "there is no such task about this customer"),
        Err(other) => return Err(other),
    }
    Ok(())
}

/// Whether so much more of an invoice can be contested.
fn room(act: &mut Act<'_>, invoice: &Invoice, amount: Option<i64>) -> Result<Faults> {
    let left = uncontested(act, invoice)?;
    let mut faults = Faults::none();
    if left <= 0 {
        faults.add("/invoice_id", "already_contested", "all of this invoice is contested already; resolve that dispute first");
    } else if amount.is_some_and(|amount| amount > left) {
        faults.add("/amount", "out_of_range", format!("at most {left} of this invoice can still be contested"));
    }
    Ok(faults)
}

fn check_documents(act: &mut Act<'_>, invoice: &Invoice, documents: &[DocumentId], faults: &mut Faults) -> Result<()> {
    for (n, id) in documents.iter().enumerate() {
        match store::documents::find(act.conn, act.tenant, *id) {
            Ok(found)
                if found.invoice_id.is_none_or(|of| of == invoice.id) && found.customer_id.is_none_or(|of| of == invoice.customer_id) => {}
            Ok(_) => faults.add(format!("/document_ids/{n}"), "another_partys", "the document is of another invoice or customer"),
            Err(Error::NotFound(_)) => faults.add(format!("/document_ids/{n}"), "not_found", "no such document; upload it first"),
            Err(other) => return Err(other),
        }
    }
    Ok(())
}

/// An open dispute and its invoice, under the lock of the account.
fn still_open(act: &mut Act<'_>, id: DisputeId) -> Result<(Dispute, Invoice)> {
    let found = store::disputes::find(act.conn, act.tenant, id)?;
    let invoice = locked(act, found.invoice_id)?;
    let row = store::disputes::find(act.conn, act.tenant, id)?;
    match row.state {
        DisputeState::Open => Ok((row, invoice)),
        DisputeState::Resolved => Err(Error::conflict("dispute_resolved", "the dispute is resolved; only an open one changes")),
    }
}

/// Changes owner, deadline, words or documents.
///
/// # Errors
/// No such dispute; `dispute_resolved`; every broken rule of the input.
pub fn change(act: &mut Act<'_>, id: DisputeId, change: &DisputeChange) -> Result<Dispute> {
    let (old, invoice) = still_open(act, id)?;
    let mut faults = Faults::none();
    check_documents(act, &invoice, change.document_ids.as_deref().unwrap_or_default(), &mut faults)?;
    faults.or(())?;
    let row = Dispute {
        owner: change.owner.clone().or(old.owner),
        respond_by: change.respond_by.or(old.respond_by),
        note: change.note.clone().or(old.note),
        documents: change.document_ids.clone().map_or(old.documents, Json),
        version: old.version.saturating_add(1),
        updated_at: Ts(act.now),
        ..old
    };
    store::disputes::update(act.conn, &row)?;
    let body = json!({"invoice_id": row.invoice_id, "respond_by": row.respond_by, "document_ids": *row.documents});
    act.witness_personal("dispute.changed", id, body, personal(&row.note));
    act.touch(row.customer_id, row.currency);
    Ok(row)
}

/// Ends a dispute: what is given up is credited, the rest is claimed again at the step that comes next.
///
/// # Errors
/// No such dispute; `dispute_resolved`; an amount that the outcome does not take.
pub fn resolve(act: &mut Act<'_>, id: DisputeId, how: &DisputeResolution) -> Result<Dispute> {
    let (old, invoice) = still_open(act, id)?;
    let credited = how.credited(old.amount_minor.unwrap_or(invoice.balance_minor))?.filter(|amount| *amount > 0);
    let credit_note_id = match credited {
        Some(amount) => Some(credit(act, &invoice, amount, how.credit_note_number.as_deref())?),
        None => None,
    };
    let row = Dispute {
        state: DisputeState::Resolved,
        outcome: Some(how.outcome),
        credited_minor: credited,
        credit_note_id,
        resolution: how.note.clone(),
        version: old.version.saturating_add(1),
        updated_at: Ts(act.now),
        resolved_at: Some(Ts(act.now)),
        ..old
    };
    store::disputes::update(act.conn, &row)?;
    let credit_note = credit_note_id.map(|id| SettlementKind::CreditNote.public_id(id));
    let body = json!({"invoice_id": row.invoice_id, "currency": row.currency, "outcome": row.outcome, "credited": credited, "credit_note_id": credit_note});
    act.witness_personal("dispute.resolved", id, body, personal(&row.resolution));
    let (_, today) = act.today()?;
    let habit = match how.outcome {
        DisputeOutcome::CreditNote | DisputeOutcome::Partly => HabitEvent::DisputeUpheld,
        DisputeOutcome::Rejected => HabitEvent::DisputeRejected,
    };
    habits::note(act, (row.customer_id, row.currency), Some(habit), &id.to_string(), today)?;
    act.touch(row.customer_id, row.currency);
    Ok(row)
}

/// Issues the credit note: for the invoice as far as it is open, the rest to the customer's account.
fn credit(act: &mut Act<'_>, invoice: &Invoice, amount: i64, number: Option<&str>) -> Result<SettlementId> {
    let (_, today) = act.today()?;
    let settles = amount.min(invoice.balance_minor);
    let wanted = Wanted { invoice_id: Some(invoice.id), instalment_id: None, charge_id: None, amount: settles };
    let allocations = if settles > 0 {
        NewAllocations { allocations: Some(vec![wanted]), allocate: None }
    } else {
        NewAllocations { allocations: None, allocate: Some(Allocate::None) }
    };
    let new = NewSettlement {
        kind: SettlementKind::CreditNote,
        customer_id: Some(invoice.customer_id),
        customer: None,
        source: None,
        external_id: None,
        number: number.map(str::to_owned),
        currency: invoice.currency,
        amount,
        settled_on: today,
        method: None,
        reference: None,
        reason: Some(format!("dispute of invoice {}", invoice.number)),
        metadata: Pairs::default(),
        allocations,
    };
    settlements::record(act, &new).map(|put| put.row.id)
}
