//! A pushed credit note: recorded as far as the ledger does not know it yet by what is left of the invoices that it gives up.
//!
//! What its source takes off an invoice may have arrived with the invoice before. So a share is recorded as far as the invoice is still open here, and the rest of it was told already;
//! a share of an invoice that nobody pushed yet will be told by that one. What no invoice gets stays unallocated, as long as its source says that it is left: many a source tells only by
//! that, and by the invoice, that a credit note was put to it.

use std::collections::{BTreeMap, HashMap};

use super::{Act, Pushed, standing, to_invoice, unheard_of, withdraw_credit};
use crate::{
    actions::{put::Outcome, settlements},
    domain::{
        external::ExternalKey,
        ids::{CustomerId, InvoiceId},
        ledger::{
            invoice::InvoiceStatus,
            settlement::{NewAllocations, NewSettlement, SettlementKind, Wanted},
        },
        push::{SourceInvoice, SourceStatus},
    },
    error::Result,
    store::{self, settlements::Settlement, source_documents::SourceDocument},
};

/// The name that it goes by: its source's, and a number behind that once another one had to take its place.
fn name(key: &ExternalKey, memory: &SourceDocument) -> ExternalKey {
    match memory.stand_ins {
        0 => key.clone(),
        number => ExternalKey { source: key.source.clone(), external_id: format!("{}/left/{number}", key.external_id) },
    }
}

/// Records a credit note, allocates more of a known one, makes it smaller, or withdraws it.
pub(super) fn record(
    act: &mut Act<'_>,
    key: &ExternalKey,
    document: &SourceInvoice,
    customer: CustomerId,
    memory: &mut SourceDocument,
    pushed: &mut Pushed,
) -> Result<()> {
    if document.status == SourceStatus::Void {
        return withdraw(act, key, memory, pushed);
    }
    let own = name(key, memory);
    let known = standing(act, SettlementKind::CreditNote, &own)?;
    let mut had = HashMap::<InvoiceId, i64>::new();
    if let Some(row) = &known {
        for one in store::allocations::of_settlements(act.conn, act.tenant, &[row.id])? {
            let sum = had.entry(one.invoice_id).or_default();
            *sum = sum.saturating_add(one.amount_minor);
        }
    }
    let wanted = shares(act, key, document, customer, &had)?;
    let now = wanted.iter().fold(0_i64, |sum, one| sum.saturating_add(one.amount));
    let Some(row) = known else { return first(act, &own, document, customer, wanted, now, pushed) };
    let wanted = within(wanted, row.unallocated_minor);
    let outcome = if wanted.is_empty() { Outcome::Unchanged } else { Outcome::Changed };
    if !wanted.is_empty() {
        let how = NewAllocations { allocations: Some(wanted), allocate: None };
        settlements::allocate_rest(act, SettlementKind::CreditNote, row.id, &how)?;
    }
    pushed.credit_note = Some((outcome, row.id));
    let row = store::settlements::find(act.conn, act.tenant, SettlementKind::CreditNote, row.id)?;
    match document.amount_due {
        Some(left) if left < row.unallocated_minor => shrink(act, key, document, memory, &row, left, pushed),
        _ => Ok(()),
    }
}

/// Puts another credit note in the place of one of which less is left at its source than is unallocated here: the rest went where only its source knows, and what it was put to tells
/// of it by itself.
fn shrink(
    act: &mut Act<'_>,
    key: &ExternalKey,
    document: &SourceInvoice,
    memory: &mut SourceDocument,
    row: &Settlement,
    left: i64,
    pushed: &mut Pushed,
) -> Result<()> {
    let mut kept = BTreeMap::<InvoiceId, i64>::new();
    for one in store::allocations::of_settlements(act.conn, act.tenant, &[row.id])? {
        let sum = kept.entry(one.invoice_id).or_default();
        *sum = sum.saturating_add(one.amount_minor);
    }
    withdraw_credit(act, row.id)?;
    pushed.taken_back.push((SettlementKind::CreditNote, row.id));
    pushed.credit_note = None;
    memory.stand_ins = memory.stand_ins.checked_add(1).ok_or_else(|| unheard_of("too many credit notes"))?;
    let amount = kept.values().fold(left, |sum, amount| sum.saturating_add(*amount));
    if amount > 0 {
        let wanted = kept.into_iter().map(|(id, amount)| to_invoice(id, amount)).collect();
        let put = settlements::record(act, &as_new(&name(key, memory), document, row.customer_id, amount, wanted))?;
        pushed.credit_note = Some((Outcome::Changed, put.row.id));
    }
    Ok(())
}

/// Takes a credit note back that its source withdrew.
pub(super) fn withdraw(act: &mut Act<'_>, key: &ExternalKey, memory: &SourceDocument, pushed: &mut Pushed) -> Result<()> {
    if let Some(row) = standing(act, SettlementKind::CreditNote, &name(key, memory))? {
        withdraw_credit(act, row.id)?;
        pushed.taken_back.push((SettlementKind::CreditNote, row.id));
    }
    Ok(())
}

/// What it gives up of the invoices that are open here, beyond what it `had` given.
fn shares(
    act: &mut Act<'_>,
    key: &ExternalKey,
    document: &SourceInvoice,
    customer: CustomerId,
    had: &HashMap<InvoiceId, i64>,
) -> Result<Vec<Wanted>> {
    let named = |id: &String| ExternalKey { source: key.source.clone(), external_id: id.clone() };
    let keys: Vec<ExternalKey> = document.credits.iter().map(|share| named(&share.external_id)).collect();
    let invoices = store::invoices::find_by_keys(act.conn, act.tenant, &keys)?;
    let wanted = document.credits.iter().filter_map(|share| {
        let row = invoices.get(&named(&share.external_id))?;
        let own = (row.customer_id, row.currency, row.status) == (customer, document.currency, InvoiceStatus::Open);
        let lacking = share.amount.saturating_sub(had.get(&row.id).copied().unwrap_or(0)).min(row.balance_minor);
        (own && lacking > 0).then(|| to_invoice(row.id, lacking))
    });
    Ok(wanted.collect())
}

/// As much of the shares as there is to give.
fn within(wanted: Vec<Wanted>, mut left: i64) -> Vec<Wanted> {
    let mut kept = Vec::new();
    for one in wanted {
        let amount = one.amount.min(left);
        if amount > 0 {
            left = left.saturating_sub(amount);
            kept.push(Wanted { amount, ..one });
        }
    }
    kept
}

fn first(
    act: &mut Act<'_>,
    key: &ExternalKey,
    document: &SourceInvoice,
    customer: CustomerId,
    wanted: Vec<Wanted>,
    now: i64,
    pushed: &mut Pushed,
) -> Result<()> {
    let named = document.credits.iter().fold(0_i64, |sum, share| sum.saturating_add(share.amount));
    let unnamed = document.total.saturating_sub(named);
    let amount = now.saturating_add(document.amount_due.unwrap_or(unnamed).min(unnamed));
    if amount == 0 {
        return Ok(());
    }
    let put = settlements::record(act, &as_new(key, document, customer, amount, wanted))?;
    pushed.credit_note = Some((put.outcome, put.row.id));
    Ok(())
}

fn as_new(key: &ExternalKey, document: &SourceInvoice, customer: CustomerId, amount: i64, wanted: Vec<Wanted>) -> NewSettlement {
    NewSettlement {
        kind: SettlementKind::CreditNote,
        customer_id: Some(customer),
        customer: None,
        source: Some(key.source.clone()),
        external_id: Some(key.external_id.clone()),
        number: Some(document.number.clone()),
        currency: document.currency,
        amount,
        settled_on: document.issue_date,
        method: None,
        reference: None,
        reason: None,
        metadata: document.metadata.clone(),
        allocations: NewAllocations { allocations: Some(wanted), allocate: None },
    }
}
