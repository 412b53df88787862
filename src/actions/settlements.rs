//! Payments and credit notes: recorded, allocated, taken back.
//!
//! Invariant, kept under the account's lock: an instalment's balance is its amount less its allocations, an invoice's is the sum of its
//! instalments', and a settlement's allocations (to instalments and to charges) and its rest sum to its amount. Nothing is ever negative.

mod discounts;

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    Act, credit,
    put::{Outcome, Parties, Put},
};
use crate::{
    domain::{
        credit::habit::HabitEvent,
        ids::{AllocationId, ChargeAllocationId, CustomerId, InvoiceId},
        ledger::{
            allocation::{self, ChargeShare, Open, Share},
            settlement::{Allocate, NewAllocations, NewSettlement, PaymentStatus, Return, SettlementId, SettlementKind},
        },
    },
    error::{Error, Result},
    store::{self, Json, Ts, allocations::Allocation, charges::ChargeAllocation, settlements::Settlement},
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
    let row = row(act, customer, new);
    let open = open_to(act, &row)?;
    let shares = Shares::of(act, &row, &new.allocations, open.clone())?;
    store::settlements::insert(act.conn, &row)?;
    let kind = match row.kind {
        SettlementKind::Payment => "payment.recorded",
        SettlementKind::CreditNote => "credit_note.recorded",
    };
    let body = json!({"customer_id": customer, "source": row.source, "external_id": row.external_id, "number": row.number,
        "currency": row.currency, "amount": row.amount_minor, "settled_on": row.settled_on, "method": row.method});
    act.witness(kind, row.public_id(), body);
    Ok(Put { row: allocate(act, row, &shares, &open)?, outcome: Outcome::Created })
}

/// What a settlement can settle: a payment may come early, and so save a discount.
fn open_to(act: &mut Act<'_>, row: &Settlement) -> Result<Vec<Open>> {
    let paid_on = (row.kind == SettlementKind::Payment).then_some(row.settled_on);
    store::instalments::open_of(act.conn, act.tenant, row.customer_id, row.currency, paid_on)
}

fn known(old: Settlement, customer: CustomerId, new: &NewSettlement) -> Result<Put<Settlement>> {
    if (old.customer_id, old.currency, old.amount_minor) == (customer, new.currency, new.amount) {
        return Ok(Put { row: old, outcome: Outcome::Unchanged });
    }
    let detail = format!("this source and external_id belong to {}, of another amount, currency or customer", old.public_id());
    Err(Error::conflict_with(old.public_id(), "external_id_taken", detail))
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
        earned_by: None,
        withdrawn_at: None,
    }
}

/// What a settlement settles.
struct Shares {
    instalments: Vec<Share>,
    charges: Vec<ChargeShare>,
}

impl Shares {
    /// Allocates what is left of `row`. Left to itself, a payment settles the principal, then what was charged of interest and fixed sums; where
    /// the law has it the other way round, that charge comes first. A credit note gives up principal alone.
    fn of(act: &mut Act<'_>, row: &Settlement, how: &NewAllocations, open: Vec<Open>) -> Result<Self> {
        let instalments_only = |instalments| Ok(Self { instalments, charges: Vec::new() });
        match (&how.allocations, how.allocate) {
            (Some(wanted), _) => {
                let named = wanted.iter().any(|wish| wish.charge_id.is_some());
                let charges =
                    if named { store::charges::open_of(act.conn, act.tenant, row.customer_id, row.currency)? } else { Vec::new() };
                let charges = charges.iter().map(|charge| (charge.id, charge.balance_minor)).collect();
                let (instalments, charges) = allocation::as_wanted(row.unallocated_minor, wanted, open, charges)?;
                return Ok(Self { instalments, charges });
            }
            (None, Some(Allocate::None)) => return instalments_only(Vec::new()),
            (None, None | Some(Allocate::OldestFirst)) => {}
        }
        if row.kind == SettlementKind::CreditNote {
            return instalments_only(allocation::oldest_first(row.unallocated_minor, open));
        }
        let charges = store::charges::open_of(act.conn, act.tenant, row.customer_id, row.currency)?;
        let (mut left, mut paid) = (row.unallocated_minor, Vec::new());
        let mut settle = |interest_first: bool, left: &mut i64| {
            for charge in charges.iter().filter(|charge| charge.interest_first == interest_first) {
                let share = charge.balance_minor.min(*left);
                if share > 0 {
                    *left = left.saturating_sub(share);
                    paid.push((charge.id, share));
                }
            }
        };
        settle(true, &mut left);
        let instalments = allocation::oldest_first(left, open);
        left = instalments.iter().fold(left, |left, share| left.saturating_sub(share.amount_minor));
        settle(false, &mut left);
        Ok(Self { instalments, charges: paid })
    }
}

/// Writes shares of a settlement, and the discounts that they earn.
fn allocate(act: &mut Act<'_>, row: Settlement, shares: &Shares, open: &[Open]) -> Result<Settlement> {
    act.touch(row.customer_id, row.currency);
    if shares.instalments.is_empty() && shares.charges.is_empty() {
        return Ok(row);
    }
    let given = allocate_charges(act, &row, &shares.charges)?;
    let row = write(act, row, &shares.instalments, given)?;
    for discount in allocation::earned(&shares.instalments, open) {
        discounts::grant(act, &row, &discount)?;
    }
    if row.kind == SettlementKind::Payment {
        let paid: Vec<_> = open.iter().filter(|one| shares.instalments.iter().any(|share| pays_all(share, one))).collect();
        let paid: Vec<_> = paid.into_iter().map(|one| (one.instalment_id, one.due_date)).collect();
        credit::settled(act, (row.customer_id, row.currency), &paid, row.settled_on)?;
    }
    Ok(row)
}

/// Writes what a settlement settles of instalments, beside what it has `given` to charges: allocations, balances, statuses, evidence.
fn write(act: &mut Act<'_>, row: Settlement, shares: &[Share], mut given: i64) -> Result<Settlement> {
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
    for one in &allocations {
        act.witness("allocation.made", one.id, body(&row, one));
    }
    store::settlements::find_any(act.conn, act.tenant, row.id)
}

/// Writes what a payment settles of charges; returns its sum.
fn allocate_charges(act: &mut Act<'_>, row: &Settlement, shares: &[ChargeShare]) -> Result<i64> {
    let mut given = 0_i64;
    let mut rows = Vec::with_capacity(shares.len());
    for &(charge_id, amount_minor) in shares {
        store::charges::settle(act.conn, act.tenant, charge_id, amount_minor, Ts(act.wall))?;
        let id = ChargeAllocationId::new(act.wall);
        let body = json!({"settlement_id": row.public_id(), "charge_id": charge_id, "currency": row.currency, "amount": amount_minor});
        act.witness("charge.settled", id, body);
        rows.push(ChargeAllocation { tenant_id: act.tenant, id, settlement_id: row.id, charge_id, amount_minor, created_at: Ts(act.wall) });
        given = given.saturating_add(amount_minor);
    }
    store::charges::insert_allocations(act.conn, &rows)?;
    Ok(given)
}

/// Whether a share leaves nothing of an instalment, with the discount that it earns.
fn pays_all(share: &Share, open: &Open) -> bool {
    share.instalment_id == open.instalment_id && share.amount_minor.saturating_add(open.discount_minor) >= open.balance_minor
}

fn body(of: &Settlement, one: &Allocation) -> serde_json::Value {
    json!({"settlement_id": of.public_id(), "invoice_id": one.invoice_id, "instalment_id": one.instalment_id, "currency": of.currency, "amount": one.amount_minor})
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
    let mut faults = how.check();
    faults.nest("", how.check_kind(kind));
    faults.or(())?;
    let row = locked(act, kind, id)?;
    refuse_returned(&row)?;
    let open = open_to(act, &row)?;
    let shares = Shares::of(act, &row, how, open.clone())?;
    allocate(act, row, &shares, &open)
}

/// Undoes one allocation: its instalment is open again, its amount is left to allocate. A discount is withdrawn: with its own allocation, and with any other on
/// the instalment, because it stood on that.
///
/// # Errors
/// No such allocation.
pub fn reverse(act: &mut Act<'_>, id: AllocationId) -> Result<(Settlement, Allocation)> {
    let found = store::allocations::find(act.conn, act.tenant, id)?;
    let of = store::settlements::find_any(act.conn, act.tenant, found.settlement_id)?;
    let of = locked(act, of.kind, of.id)?;
    let one = store::allocations::find(act.conn, act.tenant, id)?;
    if of.earned_by.is_some() {
        discounts::withdraw(act, &of, &one)?;
        act.touch(of.customer_id, of.currency);
        return Ok((of, one));
    }
    undo(act, &of, &one)?;
    let left = of.unallocated_minor.saturating_add(one.amount_minor);
    store::settlements::set_unallocated(act.conn, act.tenant, of.id, left, Ts(act.wall))?;
    act.touch(of.customer_id, of.currency);
    Ok((of, one))
}

/// Undoes an allocation, and withdraws the discounts that stood on it.
fn undo(act: &mut Act<'_>, of: &Settlement, one: &Allocation) -> Result<()> {
    discounts::withdraw_from(act, one.instalment_id)?;
    erase(act, of, one)
}

fn erase(act: &mut Act<'_>, of: &Settlement, one: &Allocation) -> Result<()> {
    let back = one.amount_minor.saturating_neg();
    store::instalments::settle(act.conn, act.tenant, one.instalment_id, back)?;
    store::invoices::settle(act.conn, act.tenant, one.invoice_id, back, Ts(act.wall))?;
    store::allocations::delete(act.conn, act.tenant, one.id)?;
    credit::reopened(act, (of.customer_id, of.currency), one.instalment_id)?;
    act.witness("allocation.reversed", one.id, body(of, one));
    Ok(())
}

/// The bank took a payment back: whatever it settled is open again, and it counts among what the payer did. Again is no error.
///
/// # Errors
/// No such payment.
pub fn give_back(act: &mut Act<'_>, id: SettlementId, why: &Return) -> Result<Settlement> {
    let row = locked(act, SettlementKind::Payment, id)?;
    if row.status() == PaymentStatus::Returned {
        return Ok(row);
    }
    let (_, today) = act.today()?;
    credit::note(act, (row.customer_id, row.currency), Some(HabitEvent::PaymentReturned), &row.public_id(), today)?;
    reopen(act, row, why)
}

/// A payment was not made after all, which says nothing of the payer: as [`give_back`] otherwise.
///
/// # Errors
/// No such payment.
pub fn correct(act: &mut Act<'_>, id: SettlementId, why: &Return) -> Result<Settlement> {
    let row = locked(act, SettlementKind::Payment, id)?;
    if row.status() == PaymentStatus::Returned { Ok(row) } else { reopen(act, row, why) }
}

/// Opens again what a payment settled, and marks it as returned.
fn reopen(act: &mut Act<'_>, row: Settlement, why: &Return) -> Result<Settlement> {
    for one in store::allocations::of_settlements(act.conn, act.tenant, &[row.id])? {
        undo(act, &row, &one)?;
    }
    for one in store::charges::allocations_of(act.conn, act.tenant, &[row.id])? {
        store::charges::settle(act.conn, act.tenant, one.charge_id, one.amount_minor.saturating_neg(), Ts(act.wall))?;
        store::charges::delete_allocation(act.conn, act.tenant, one.id)?;
        let body =
            json!({"settlement_id": row.public_id(), "charge_id": one.charge_id, "currency": row.currency, "amount": one.amount_minor});
        act.witness("charge.reopened", one.id, body);
    }
    let mut metadata = row.metadata.clone();
    if let Some(reason) = &why.reason {
        metadata.0.0.insert("return_reason".to_owned(), reason.clone());
    }
    store::settlements::set_returned(act.conn, act.tenant, row.id, &metadata, Ts(act.wall))?;
    let body = json!({"customer_id": row.customer_id, "currency": row.currency, "amount": row.amount_minor, "reason": why.reason});
    act.witness("payment.returned", row.public_id(), body);
    super::direct_debits::returned(act, row.id, why.reason.as_deref())?;
    act.touch(row.customer_id, row.currency);
    store::settlements::find_any(act.conn, act.tenant, row.id)
}

fn refuse_returned(row: &Settlement) -> Result<()> {
    match row.status() {
        PaymentStatus::Returned => Err(Error::conflict("payment_returned", "the bank took this payment back; nothing of it is left")),
        PaymentStatus::Received => Ok(()),
    }
}
