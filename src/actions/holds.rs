//! Holds: placed and lifted by people. Nothing is claimed of what is on hold once its transaction has committed.

use serde_json::json;

use super::Act;
use crate::{
    domain::{
        ids::{CustomerId, HoldId, InvoiceId},
        invalid::Faults,
        ledger::hold::NewHold,
    },
    error::{Error, Result},
    store::{self, Ts, holds::Hold},
};

/// Leaves a customer or an invoice in peace.
///
/// # Errors
/// Every broken rule of the input.
pub fn place(act: &mut Act<'_>, new: &NewHold) -> Result<Hold> {
    let (_, today) = act.today()?;
    new.check(today).or(())?;
    let customer_id = subject(act, new)?;
    let row = Hold {
        tenant_id: act.tenant,
        id: HoldId::new(act.wall),
        customer_id,
        invoice_id: new.invoice_id,
        reason: new.reason.clone(),
        until: new.until,
        created_by: act.actor.to_owned(),
        created_at: Ts(act.now),
        lifted_at: None,
        starts_on: new.from,
    };
    store::holds::insert(act.conn, &row)?;
    let body = json!({"customer_id": customer_id, "invoice_id": row.invoice_id, "starts_on": row.starts_on, "ends_on": row.until});
    act.witness_personal("hold.placed", row.id, body, vec![("reason", row.reason.clone())]);
    wake(act, customer_id, row.invoice_id)?;
    Ok(row)
}

/// Whose account the hold is about.
fn subject(act: &mut Act<'_>, new: &NewHold) -> Result<CustomerId> {
    let (pointer, found) = match (new.customer_id, new.invoice_id) {
        (Some(customer), _) => ("/customer_id", store::customers::find(act.conn, act.tenant, customer).map(|row| row.id)),
        (None, Some(invoice)) => ("/invoice_id", store::invoices::find(act.conn, act.tenant, invoice).map(|row| row.customer_id)),
        (None, None) => return Err(Error::internal("a hold on nothing passed its check")),
    };
    found.map_err(|error| absent(pointer, error))
}

/// What a body names and nobody has is a fault of the body.
pub(super) fn absent(pointer: &str, error: Error) -> Error {
    match error {
        Error::NotFound(what) => Faults::one(pointer, "not_found", format!("no such {what}")).into(),
        other => other,
    }
}

/// Ends a hold; again is no error.
///
/// # Errors
/// No such hold.
pub fn lift(act: &mut Act<'_>, id: HoldId) -> Result<Hold> {
    let row = store::holds::find(act.conn, act.tenant, id)?;
    if row.lifted_at.is_some() {
        return Ok(row);
    }
    store::holds::lift(act.conn, act.tenant, id, Ts(act.now))?;
    act.witness("hold.lifted", id, json!({"customer_id": row.customer_id, "invoice_id": row.invoice_id}));
    wake(act, row.customer_id, row.invoice_id)?;
    store::holds::find(act.conn, act.tenant, id)
}

fn wake(act: &mut Act<'_>, customer: CustomerId, invoice: Option<InvoiceId>) -> Result<()> {
    let currencies = match invoice {
        Some(invoice) => vec![store::invoices::find(act.conn, act.tenant, invoice)?.currency],
        None => store::accounts::of_customer(act.conn, act.tenant, customer)?.into_iter().map(|account| account.currency).collect(),
    };
    for currency in currencies {
        act.touch(customer, currency);
    }
    Ok(())
}
