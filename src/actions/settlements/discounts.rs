//! Discounts for paying early: given up as a credit note of their own, which the payment earned, and taken back with what they stood on.
//!
//! Invariant: a discount on an instalment stands only while everything that settled the instalment does. The caller holds the account's lock.

use serde_json::json;

use super::{Act, erase, write};
use crate::{
    domain::{
        external::Pairs,
        ids::InstalmentId,
        ledger::{
            allocation::Share,
            settlement::{SettlementId, SettlementKind},
        },
    },
    error::Result,
    store::{self, Json, Ts, allocations::Allocation, settlements::Settlement},
};

/// The `reason` on the credit note.
const REASON: &str = "early payment discount";

/// Gives up what a payment was early enough to leave.
pub(super) fn grant(act: &mut Act<'_>, payment: &Settlement, share: &Share) -> Result<()> {
    let row = Settlement {
        id: SettlementId::new(act.wall),
        kind: SettlementKind::CreditNote,
        source: None,
        external_id: None,
        number: None,
        amount_minor: share.amount_minor,
        unallocated_minor: share.amount_minor,
        method: None,
        reference: None,
        reason: Some(REASON.to_owned()),
        metadata: Json(Pairs::default()),
        version: 1,
        created_at: Ts(act.wall),
        updated_at: Ts(act.wall),
        earned_by: Some(payment.id),
        ..payment.clone()
    };
    store::settlements::insert(act.conn, &row)?;
    let body = json!({"customer_id": row.customer_id, "payment_id": payment.public_id(), "invoice_id": share.invoice_id,
        "instalment_id": share.instalment_id, "currency": row.currency, "amount": row.amount_minor, "paid_on": payment.settled_on});
    act.witness("discount.granted", row.public_id(), body);
    write(act, row, std::slice::from_ref(share), 0).map(drop)
}

/// Takes back every discount on an instalment.
pub(super) fn withdraw_from(act: &mut Act<'_>, instalment: InstalmentId) -> Result<()> {
    for (discount, one) in store::settlements::discounts_on(act.conn, act.tenant, instalment)? {
        withdraw(act, &discount, &one)?;
    }
    Ok(())
}

/// Takes a discount back: what it settled is open again, and nothing of it is left.
pub(super) fn withdraw(act: &mut Act<'_>, discount: &Settlement, one: &Allocation) -> Result<()> {
    erase(act, discount, one)?;
    store::settlements::set_withdrawn(act.conn, act.tenant, discount.id, Ts(act.wall))?;
    let body = json!({"customer_id": discount.customer_id, "invoice_id": one.invoice_id, "instalment_id": one.instalment_id,
        "currency": discount.currency, "amount": discount.amount_minor});
    act.witness("discount.withdrawn", discount.public_id(), body);
    Ok(())
}
