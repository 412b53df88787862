//! Direct debits: announced, then settled by a payment or failed; and what happens to them when the bank takes a payment back.

use std::collections::HashMap;

use serde_json::json;

use super::{Act, holds::absent, settlements};
use crate::{
    domain::{
        external::Pairs,
        ids::{DirectDebitId, InstalmentId},
        invalid::Faults,
        ledger::{
            allocation,
            direct_debit::{Collected, DebitSettlement, DebitState, NewDirectDebit},
            settlement::{Allocate, NewAllocations, NewSettlement, PaymentMethod, Return, SettlementId, SettlementKind, Wanted},
        },
    },
    error::{Error, Result},
    store::{self, Json, Ts, direct_debits::DirectDebit},
};

/// Announces a collection: what it collects is not asked for until it is known whether the money came.
///
/// # Errors
/// Every broken rule of the input.
pub fn announce(act: &mut Act<'_>, new: &NewDirectDebit) -> Result<DirectDebit> {
    let wanted = NewAllocations { allocations: Some(new.allocations.clone()), allocate: None };
    wanted.check().or(())?;
    store::customers::find(act.conn, act.tenant, new.customer_id).map_err(|error| absent("/customer_id", error))?;
    store::accounts::lock(act.conn, act.tenant, &[(new.customer_id, new.currency)].into())?;
    let open = store::instalments::open_of(act.conn, act.tenant, new.customer_id, new.currency, None)?;
    let amount = new.allocations.iter().fold(0_i64, |sum, one| sum.saturating_add(one.amount));
    let (shares, _) = allocation::as_wanted(amount, &new.allocations, open, Vec::new())?;
    let collected = shares.iter().map(|share| Collected { instalment_id: share.instalment_id, amount: share.amount_minor }).collect();
    let row = DirectDebit {
        tenant_id: act.tenant,
        id: DirectDebitId::new(act.wall),
        customer_id: new.customer_id,
        currency: new.currency,
        collect_on: new.collect_on,
        amount_minor: amount,
        collected: Json(collected),
        reference: new.reference.clone(),
        state: DebitState::Announced,
        failure: None,
        payment_id: None,
        version: 1,
        created_at: Ts(act.now),
        updated_at: Ts(act.now),
    };
    store::direct_debits::insert(act.conn, &row)?;
    let body = json!({"customer_id": row.customer_id, "currency": row.currency, "amount": amount, "collect_on": row.collect_on, "collected": *row.collected});
    act.witness("direct_debit.announced", row.id, body);
    act.touch(row.customer_id, row.currency);
    Ok(row)
}

fn locked(act: &mut Act<'_>, id: DirectDebitId) -> Result<DirectDebit> {
    let row = store::direct_debits::find(act.conn, act.tenant, id)?;
    store::accounts::lock(act.conn, act.tenant, &[(row.customer_id, row.currency)].into())?;
    store::direct_debits::find(act.conn, act.tenant, id)
}

fn write(act: &mut Act<'_>, row: DirectDebit) -> Result<DirectDebit> {
    let row = DirectDebit { version: row.version.saturating_add(1), updated_at: Ts(act.now), ..row };
    store::direct_debits::update(act.conn, &row)?;
    act.touch(row.customer_id, row.currency);
    Ok(row)
}

/// The money came: a payment for what was collected, or the one that was recorded already.
///
/// # Errors
/// No such direct debit; `wrong_state` once something is known of it; every broken rule of the input.
pub fn settle(act: &mut Act<'_>, id: DirectDebitId, how: &DebitSettlement) -> Result<DirectDebit> {
    how.check().or(())?;
    let row = locked(act, id)?;
    if row.state != DebitState::Announced {
        return Err(Error::conflict("wrong_state", format!("the direct debit is {}; this takes one that is announced", row.state)));
    }
    let payment = match how.payment_id {
        Some(payment) => known(act, &row, SettlementId::from_uuid(payment.uuid()))?,
        None => pay(act, &row, how)?,
    };
    let body = json!({"customer_id": row.customer_id, "currency": row.currency, "amount": row.amount_minor,
        "payment_id": SettlementKind::Payment.public_id(payment)});
    act.witness("direct_debit.settled", id, body);
    write(act, DirectDebit { state: DebitState::Settled, payment_id: Some(payment), ..row })
}

fn known(act: &mut Act<'_>, row: &DirectDebit, payment: SettlementId) -> Result<SettlementId> {
    let found = store::settlements::find(act.conn, act.tenant, SettlementKind::Payment, payment);
    let found = found.map_err(|error| absent("/payment_id", error))?;
    if (found.customer_id, found.currency) == (row.customer_id, row.currency) {
        Ok(found.id)
    } else {
        Err(Faults::one("/payment_id", "another_partys", "the payment is of another customer or in another currency").into())
    }
}

/// Records the payment: for what was announced as far as it is still open, the rest stays unallocated.
fn pay(act: &mut Act<'_>, row: &DirectDebit, how: &DebitSettlement) -> Result<SettlementId> {
    let open = store::instalments::open_of(act.conn, act.tenant, row.customer_id, row.currency, None)?;
    let balances: HashMap<InstalmentId, i64> = open.iter().map(|one| (one.instalment_id, one.balance_minor)).collect();
    let wanted: Vec<Wanted> = (row.collected.iter())
        .map(|part| (part.instalment_id, part.amount.min(balances.get(&part.instalment_id).copied().unwrap_or(0))))
        .filter(|(_, amount)| *amount > 0)
        .map(|(id, amount)| Wanted { invoice_id: None, instalment_id: Some(id), charge_id: None, amount })
        .collect();
    let allocate = wanted.is_empty().then_some(Allocate::None);
    let new = NewSettlement {
        kind: SettlementKind::Payment,
        customer_id: Some(row.customer_id),
        customer: None,
        source: how.source.clone(),
        external_id: how.external_id.clone(),
        number: None,
        currency: row.currency,
        amount: row.amount_minor,
        settled_on: how.received_on.unwrap_or(row.collect_on),
        method: Some(PaymentMethod::DirectDebit),
        reference: row.reference.clone(),
        reason: None,
        metadata: Pairs::default(),
        allocations: NewAllocations { allocations: allocate.is_none().then_some(wanted), allocate },
    };
    settlements::record(act, &new).map(|put| put.row.id)
}

/// The bank refused it, or took the money back: what it was to collect is claimed again. Again is no error.
///
/// # Errors
/// No such direct debit.
pub fn fail(act: &mut Act<'_>, id: DirectDebitId, reason: Option<&str>) -> Result<DirectDebit> {
    let row = locked(act, id)?;
    match (row.state, row.payment_id) {
        (DebitState::Failed, _) => Ok(row),
        (DebitState::Settled, Some(payment)) => {
            settlements::give_back(act, payment, &Return { reason: reason.map(str::to_owned) })?;
            // The payment may have been returned before this one was settled by it.
            match store::direct_debits::find(act.conn, act.tenant, id)? {
                row if row.state == DebitState::Failed => Ok(row),
                row => failed(act, row, reason),
            }
        }
        (DebitState::Announced | DebitState::Settled, _) => failed(act, row, reason),
    }
}

fn failed(act: &mut Act<'_>, row: DirectDebit, reason: Option<&str>) -> Result<DirectDebit> {
    let body = json!({"customer_id": row.customer_id, "currency": row.currency, "amount": row.amount_minor, "reason": reason});
    act.witness("direct_debit.failed", row.id, body);
    write(act, DirectDebit { state: DebitState::Failed, failure: reason.map(str::to_owned), ..row })
}

/// A payment was taken back: the direct debit that it came by has failed after all.
///
/// # Errors
/// The store's.
pub(super) fn returned(act: &mut Act<'_>, payment: SettlementId, reason: Option<&str>) -> Result<()> {
    for row in store::direct_debits::of_payment(act.conn, act.tenant, payment)? {
        if row.state == DebitState::Settled {
            failed(act, row, reason)?;
        }
    }
    Ok(())
}
