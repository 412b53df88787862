//! Promises: recorded by people, judged by the decision from what was paid.

use chrono::NaiveDate;
use serde_json::json;

use super::{Act, credit, holds::absent};
use crate::{
    domain::{
        calendar::local,
        credit::habit::HabitEvent,
        ids::{CustomerId, InstalmentId, InvoiceId, PromiseId},
        invalid::Faults,
        ledger::{
            allocation::Open,
            commitment,
            promise::{self, NewPromise, PromiseState, Verdict},
        },
        money::Currency,
    },
    error::{Error, Result},
    store::{self, Ts, promises::Promise},
};

/// What a commitment of a customer covers, and the sum of it, under the account's lock.
///
/// # Errors
/// No such customer; names that are not open there.
pub(super) fn cover(
    act: &mut Act<'_>,
    customer: CustomerId,
    currency: Currency,
    instalments: &[InstalmentId],
    invoices: &[InvoiceId],
) -> Result<(Vec<Open>, i64)> {
    store::customers::find(act.conn, act.tenant, customer).map_err(|error| absent("/customer_id", error))?;
    store::accounts::lock(act.conn, act.tenant, &[(customer, currency)].into())?;
    let open = store::instalments::open_of(act.conn, act.tenant, customer, currency, None)?;
    let covered = commitment::covered(instalments, invoices, open)?;
    let sum = covered.iter().fold(0_i64, |sum, one| sum.saturating_add(one.balance_minor));
    Ok((covered, sum))
}

/// Records a promise: what it covers is left in peace until its day and the grace after it are over.
///
/// # Errors
/// Every broken rule of the input.
pub fn record(act: &mut Act<'_>, new: &NewPromise) -> Result<Promise> {
    let (tenant, today) = act.today()?;
    let (covered, sum) = cover(act, new.customer_id, new.currency, &new.instalment_ids, &new.invoice_ids)?;
    check(act, new, sum, today)?.or(())?;
    let grace = i32::from(tenant.settings.concessions.promise_grace_days);
    let row = Promise {
        tenant_id: act.tenant,
        id: PromiseId::new(act.wall),
        customer_id: new.customer_id,
        currency: new.currency,
        amount_minor: new.amount.unwrap_or(sum),
        made_on: today,
        due_on: new.due_on,
        ends_on: local::plus_days(new.due_on, grace),
        said_by: new.said_by.clone(),
        contact_id: new.contact_id,
        channel: new.channel,
        task_id: new.task_id,
        state: PromiseState::Open,
        received_minor: 0,
        breach: None,
        breached_on: None,
        version: 1,
        created_at: Ts(act.now),
        updated_at: Ts(act.now),
    };
    let instalments: Vec<InstalmentId> = covered.iter().map(|one| one.instalment_id).collect();
    store::promises::insert(act.conn, &row, &instalments)?;
    let body = json!({"customer_id": row.customer_id, "currency": row.currency, "amount": row.amount_minor, "due_on": row.due_on,
        "ends_on": row.ends_on, "instalment_ids": instalments, "contact_id": row.contact_id, "channel": row.channel, "task_id": row.task_id});
    let said_by = row.said_by.iter().map(|name| ("said_by", name.clone())).collect();
    act.witness_personal("promise.recorded", row.id, body, said_by);
    act.touch(row.customer_id, row.currency);
    Ok(row)
}

fn check(act: &mut Act<'_>, new: &NewPromise, sum: i64, today: NaiveDate) -> Result<Faults> {
    let mut faults = promise::check(new.due_on, today);
    if new.amount.is_some_and(|amount| amount > sum) {
        faults.add("/amount", "out_of_range", format!("at most {sum} is open of what is meant"));
    }
    if let Some(contact) = new.contact_id {
        let known = store::contacts::of_customers(act.conn, act.tenant, &[new.customer_id])?;
        if !known.iter().any(|one| one.id == contact) {
            faults.add("/contact_id", "not_found", "the customer has no such contact");
        }
    }
    if let Some(task) = new.task_id {
        match store::tasks::find(act.conn, act.tenant, task) {
            Ok(found) if found.customer_id == new.customer_id => {}
            Ok(_) | Err(Error::NotFound(_)) => faults.add("/task_id", "not_found", "there is no such task about this customer"),
            Err(other) => return Err(other),
        }
    }
    Ok(faults)
}

/// Takes back a promise that was recorded by mistake, or that is replaced by another.
///
/// # Errors
/// No such promise; `wrong_state` once something has become of it.
pub fn withdraw(act: &mut Act<'_>, id: PromiseId) -> Result<Promise> {
    let found = store::promises::find(act.conn, act.tenant, id)?;
    store::accounts::lock(act.conn, act.tenant, &[(found.customer_id, found.currency)].into())?;
    let row = store::promises::find(act.conn, act.tenant, id)?;
    match row.state {
        PromiseState::Withdrawn => return Ok(row),
        PromiseState::Open => {}
        other => return Err(Error::conflict("wrong_state", format!("the promise is {other}; only an open one can be withdrawn"))),
    }
    act.witness("promise.withdrawn", id, json!({"customer_id": row.customer_id, "currency": row.currency, "amount": row.amount_minor}));
    write(act, Promise { state: PromiseState::Withdrawn, ..row })
}

/// Writes down what became of a promise, as it was judged.
///
/// # Errors
/// The store's.
pub(super) fn judged(act: &mut Act<'_>, id: PromiseId, verdict: &Verdict) -> Result<()> {
    let (_, today) = act.today()?;
    let row = store::promises::find(act.conn, act.tenant, id)?;
    let kind = match verdict.state {
        PromiseState::Kept => "promise.kept",
        PromiseState::PartlyKept => "promise.partly_kept",
        PromiseState::Broken => "promise.broken",
        PromiseState::Open | PromiseState::Withdrawn => "promise.reopened",
    };
    // A number once given stays given: a reminder may bear it.
    let (breach, breached_on) = match verdict.state {
        PromiseState::Broken => (Some(store::promises::next_breach(act.conn, act.tenant, row.customer_id, row.currency)?), Some(today)),
        _ => (row.breach, row.breached_on),
    };
    let body = json!({"customer_id": row.customer_id, "currency": row.currency, "amount": row.amount_minor, "received": verdict.received_minor,
        "due_on": row.due_on, "before": row.state});
    act.witness(kind, id, body);
    let habit = match verdict.state {
        PromiseState::Kept => Some(HabitEvent::PromiseKept),
        PromiseState::Broken => Some(HabitEvent::PromiseBroken),
        PromiseState::PartlyKept | PromiseState::Open | PromiseState::Withdrawn => None,
    };
    credit::note(act, (row.customer_id, row.currency), habit, &id.to_string(), today)?;
    write(act, Promise { state: verdict.state, received_minor: verdict.received_minor, breach, breached_on, ..row }).map(drop)
}

fn write(act: &mut Act<'_>, row: Promise) -> Result<Promise> {
    let row = Promise { version: row.version.saturating_add(1), updated_at: Ts(act.now), ..row };
    store::promises::update(act.conn, &row)?;
    act.touch(row.customer_id, row.currency);
    Ok(row)
}
