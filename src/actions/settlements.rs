//! Payments and credit notes: recorded, allocated, taken back.
//!
//! Invariant, kept under the account's lock: an instalment's balance is its amount less its allocations, an invoice's is the sum of its
//! instalments', and a settlement's allocations and its rest sum to its amount. Nothing is ever negative.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    Act, credit,
    put::{Outcome, Parties, Put},
};
use crate::{
    domain::{
        credit::habit::HabitEvent,
        ids::{AllocationId, CustomerId, InvoiceId},
        ledger::{
            allocation::{self, Open, Share},
            settlement::{Allocate, NewAllocations, NewSettlement, PaymentStatus, Return, SettlementId, SettlementKind},
        },
    },
    error::{Error, Result},
    store::{self, Json, Ts, allocations::Allocation, settlements::Settlement},
};

/// Records a payment or a credit note and allocates it. Recorded again under the same external id, it stays as it was.
///
/// # Errors
/// Every broken rule of the input; `external_id_taken` by one of another amount, currency or customer.
pub fn record(act: &mut Act<'_>, new: &NewSettlement) -> Result<Put<Settlement>> {
    new.check().or(())?;
    let parties = Parties::load(act, std::iter::once((new.customer_id, new.customer.as_ref())))?;
    let customer = parties.find(new.customer_id, new.customer.as_ref())?;
    store::accounts::lock(act.conn, act.tenant, &[(customer, new.currency)].into())?;
    if let Some(key) = new.key()
        && let Some(old) = store::settlements::find_by_key(act.conn, act.tenant, new.kind, &key)?
    {
        return known(old, customer, new);
    }
    let open = store::instalments::open_of(act.conn, act.tenant, customer, new.currency)?;
    let shares = shares(new.amount, &new.allocations, open.clone())?;
    let row = row(act, customer, new);
    store::settlements::insert(act.conn, &row)?;
    let kind = match row.kind {
        SettlementKind::Payment => "payment.recorded",
        SettlementKind::CreditNote => "credit_note.recorded",
    };
    let body = json!({"customer_id": customer, "source": row.source, "external_id": row.external_id, "number": row.number,
        "currency": row.currency, "amount": row.amount_minor, "settled_on": row.settled_on, "method": row.method});
    act.witness(kind, row.public_id(), body);
    Ok(Put { row: allocate(act, row, &open, &shares)?, outcome: Outcome::Created })
}

fn known(old: Settlement, customer: CustomerId, new: &NewSettlement) -> Result<Put<Settlement>> {
    if (old.customer_id, old.currency, old.amount_minor) == (customer, new.currency, new.amount) {
        return Ok(Put { row: old, outcome: Outcome::Unchanged });
    }
    let detail = format!("this source and external_id belong to {}, of another amount, currency or customer", old.public_id());
    Err(Error::conflict("external_id_taken", detail))
}

fn row(act: &Act<'_>, customer: CustomerId, new: &NewSettlement) -> Settlement {
    Settlement {
        tenant_id: act.tenant,
        id: SettlementId::new(act.wall),
        kind: new.kind,
        customer_id: customer,
        source: new.source.clone(),
        external_id: new.external_id.clone(),
        number: new.number.clone(),
        currency: new.currency,
        amount_minor: new.amount,
        unallocated_minor: new.amount,
        settled_on: new.settled_on,
        method: new.method,
        reference: new.reference.clone(),
        reason: new.reason.clone(),
        metadata: Json(new.metadata.clone()),
        version: 1,
        created_at: Ts(act.wall),
        updated_at: Ts(act.wall),
    }
}

fn shares(amount: i64, how: &NewAllocations, open: Vec<Open>) -> Result<Vec<Share>> {
    match (&how.allocations, how.allocate) {
        (Some(wanted), _) => Ok(allocation::as_wanted(amount, wanted, open)?),
        (None, Some(Allocate::None)) => Ok(Vec::new()),
        (None, None | Some(Allocate::OldestFirst)) => Ok(allocation::oldest_first(amount, open)),
    }
}

/// Writes shares of a settlement: allocations, balances, statuses, evidence.
fn allocate(act: &mut Act<'_>, row: Settlement, open: &[Open], shares: &[Share]) -> Result<Settlement> {
    act.touch(row.customer_id, row.currency);
    if shares.is_empty() {
        return Ok(row);
    }
    let allocations: Vec<Allocation> = shares
        .iter()
        .map(|share| Allocation {
            tenant_id: act.tenant,
            id: AllocationId::new(act.wall),
            settlement_id: row.id,
            invoice_id: share.invoice_id,
            instalment_id: share.instalment_id,
            amount_minor: share.amount_minor,
            created_at: Ts(act.wall),
        })
        .collect();
    let mut given = 0_i64;
    let mut by_invoice = BTreeMap::<InvoiceId, i64>::new();
    for share in shares {
        store::instalments::settle(act.conn, act.tenant, share.instalment_id, share.amount_minor)?;
        let sum = by_invoice.entry(share.invoice_id).or_default();
        *sum = sum.saturating_add(share.amount_minor);
        given = given.saturating_add(share.amount_minor);
    }
    for (invoice, paid) in by_invoice {
        store::invoices::settle(act.conn, act.tenant, invoice, paid, Ts(act.wall))?;
    }
    let unallocated_minor = row.unallocated_minor.checked_sub(given).filter(|left| *left >= 0);
    let unallocated_minor =
        unallocated_minor.ok_or_else(|| Error::internal(format!("{}: more was allocated than there is", row.public_id())))?;
    store::settlements::set_unallocated(act.conn, act.tenant, row.id, unallocated_minor, Ts(act.wall))?;
    store::allocations::insert(act.conn, &allocations)?;
    if row.kind == SettlementKind::Payment {
        let paid: Vec<_> = open.iter().filter(|one| shares.iter().any(|share| pays_all(share, one))).collect();
        let paid: Vec<_> = paid.into_iter().map(|one| (one.instalment_id, one.due_date)).collect();
        credit::settled(act, (row.customer_id, row.currency), &paid, row.settled_on)?;
    }
    for one in &allocations {
        act.witness("allocation.made", one.id, body(&row, one));
    }
    store::settlements::find_any(act.conn, act.tenant, row.id)
}

/// Whether a share leaves nothing of an instalment.
fn pays_all(share: &Share, open: &Open) -> bool {
    (share.instalment_id, share.amount_minor) == (open.instalment_id, open.balance_minor)
}

fn body(of: &Settlement, one: &Allocation) -> serde_json::Value {
    json!({"settlement": of.public_id(), "invoice_id": one.invoice_id, "instalment_id": one.instalment_id, "currency": of.currency, "amount": one.amount_minor})
}

/// A settlement under the lock of its account.
fn locked(act: &mut Act<'_>, kind: SettlementKind, id: SettlementId) -> Result<Settlement> {
    let row = store::settlements::find(act.conn, act.tenant, kind, id)?;
    store::accounts::lock(act.conn, act.tenant, &[(row.customer_id, row.currency)].into())?;
    store::settlements::find(act.conn, act.tenant, kind, id)
}

/// Allocates what is left of a settlement.
///
/// # Errors
/// No such settlement; `payment_returned`; every broken rule of the input.
pub fn allocate_rest(act: &mut Act<'_>, kind: SettlementKind, id: SettlementId, how: &NewAllocations) -> Result<Settlement> {
    how.check().or(())?;
    let row = locked(act, kind, id)?;
    refuse_returned(&row)?;
    let open = store::instalments::open_of(act.conn, act.tenant, row.customer_id, row.currency)?;
    let shares = shares(row.unallocated_minor, how, open.clone())?;
    allocate(act, row, &open, &shares)
}

/// Undoes one allocation: its instalment is open again, its amount is left to allocate.
///
/// # Errors
/// No such allocation.
pub fn reverse(act: &mut Act<'_>, id: AllocationId) -> Result<(Settlement, Allocation)> {
    let found = store::allocations::find(act.conn, act.tenant, id)?;
    let of = store::settlements::find_any(act.conn, act.tenant, found.settlement_id)?;
    let of = locked(act, of.kind, of.id)?;
    let one = store::allocations::find(act.conn, act.tenant, id)?;
    undo(act, &of, &one)?;
    let left = of.unallocated_minor.saturating_add(one.amount_minor);
    store::settlements::set_unallocated(act.conn, act.tenant, of.id, left, Ts(act.wall))?;
    act.touch(of.customer_id, of.currency);
    Ok((of, one))
}

fn undo(act: &mut Act<'_>, of: &Settlement, one: &Allocation) -> Result<()> {
    let back = one.amount_minor.saturating_neg();
    store::instalments::settle(act.conn, act.tenant, one.instalment_id, back)?;
    store::invoices::settle(act.conn, act.tenant, one.invoice_id, back, Ts(act.wall))?;
    store::allocations::delete(act.conn, act.tenant, one.id)?;
    credit::reopened(act, (of.customer_id, of.currency), one.instalment_id)?;
    act.witness("allocation.reversed", one.id, body(of, one));
    Ok(())
}

/// The bank took a payment back: whatever it settled is open again. Again is no error.
///
/// # Errors
/// No such payment.
pub fn give_back(act: &mut Act<'_>, id: SettlementId, why: &Return) -> Result<Settlement> {
    let row = locked(act, SettlementKind::Payment, id)?;
    if row.status() == PaymentStatus::Returned {
        return Ok(row);
    }
    for one in store::allocations::of_settlements(act.conn, act.tenant, &[id])? {
        undo(act, &row, &one)?;
    }
    let mut metadata = row.metadata.clone();
    if let Some(reason) = &why.reason {
        metadata.0.0.insert("return_reason".to_owned(), reason.clone());
    }
    store::settlements::set_returned(act.conn, act.tenant, id, &metadata, Ts(act.wall))?;
    let body = json!({"customer_id": row.customer_id, "currency": row.currency, "amount": row.amount_minor, "reason": why.reason});
    act.witness("payment.returned", row.public_id(), body);
    let today = store::tenants::find(act.conn, act.tenant)?.calendar().today(act.now);
    credit::note(act, (row.customer_id, row.currency), HabitEvent::PaymentReturned, &row.public_id(), today)?;
    act.touch(row.customer_id, row.currency);
    store::settlements::find_any(act.conn, act.tenant, id)
}

fn refuse_returned(row: &Settlement) -> Result<()> {
    match row.status() {
        PaymentStatus::Returned => Err(Error::conflict("payment_returned", "the bank took this payment back; nothing of it is left")),
        PaymentStatus::Received => Ok(()),
    }
}
