//! Payment plans: proposed, accepted in writing, judged by the decision from what was paid.

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;
use serde_json::json;

use super::{Act, credit, interest, promises};
use crate::{
    domain::{
        calendar::local,
        credit::habit::HabitEvent,
        crypto::sha256,
        dunning::policy::Threshold,
        ids::{InstalmentId, InvoiceId, PaymentPlanId},
        ledger::{
            allocation::Open,
            payment_plan::{self, Acceptance, Limits, NewPaymentPlan, PlanInterest, PlanState, Standing},
        },
    },
    error::{Error, Result},
    store::{self, Ts, payment_plans::PaymentPlan},
};

/// Draws a plan up within the tenant's limits. It changes nothing until it is accepted.
///
/// # Errors
/// Every broken rule of the input, every limit with its cure.
pub fn propose(act: &mut Act<'_>, new: &NewPaymentPlan) -> Result<PaymentPlan> {
    let (tenant, today) = act.today()?;
    let (covered, total) = promises::cover(act, new.customer_id, new.currency, &new.instalment_ids, &new.invoice_ids)?;
    let concessions = &tenant.settings.concessions;
    let least = |list: &[Threshold]| list.iter().find(|one| one.currency == new.currency).map(|one| one.minor);
    let limits = Limits { max_months: concessions.plan_max_months, min_part_minor: least(&concessions.plan_min_part) };
    let parts = payment_plan::schedule(new, total, tax(act, &covered)?, &limits, today)?;
    let row = PaymentPlan {
        tenant_id: act.tenant,
        id: PaymentPlanId::new(act.wall),
        customer_id: new.customer_id,
        currency: new.currency,
        amount_minor: total,
        tax_first: new.tax_first,
        interest: new.interest,
        grace_days: i32::from(concessions.plan_grace_days),
        state: PlanState::Proposed,
        proposed_on: today,
        accepted_on: None,
        accepted_at: None,
        accepted_by: None,
        accepted_from: None,
        text: None,
        text_sha256: None,
        ends_on: parts.last().map_or(today, |last| last.due_on),
        received_minor: 0,
        missed_part: None,
        breach: None,
        breached_on: None,
        version: 1,
        created_at: Ts(act.now),
        updated_at: Ts(act.now),
        ended_on: None,
    };
    let instalments: Vec<InstalmentId> = covered.iter().map(|one| one.instalment_id).collect();
    store::payment_plans::insert(act.conn, &row, &parts, &instalments)?;
    let body = json!({"customer_id": row.customer_id, "currency": row.currency, "amount": total, "parts": parts, "tax_first": row.tax_first,
        "interest": row.interest, "instalment_ids": instalments});
    act.witness("plan.proposed", row.id, body);
    Ok(row)
}

/// The tax in what is covered.
fn tax(act: &mut Act<'_>, covered: &[Open]) -> Result<i64> {
    let invoices: BTreeSet<InvoiceId> = covered.iter().map(|one| one.invoice_id).collect();
    let mut sum = 0_i64;
    for id in invoices {
        let invoice = store::invoices::find(act.conn, act.tenant, id)?;
        let open = covered.iter().filter(|one| one.invoice_id == id).fold(0_i64, |sum, one| sum.saturating_add(one.balance_minor));
        sum = sum.saturating_add(payment_plan::tax_within(open, invoice.total_minor, invoice.tax_minor));
    }
    Ok(sum)
}

fn locked(act: &mut Act<'_>, id: PaymentPlanId, states: &[PlanState]) -> Result<PaymentPlan> {
    let found = store::payment_plans::find(act.conn, act.tenant, id)?;
    store::accounts::lock(act.conn, act.tenant, &[(found.customer_id, found.currency)].into())?;
    let row = store::payment_plans::find(act.conn, act.tenant, id)?;
    if states.contains(&row.state) {
        return Ok(row);
    }
    let wanted: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
    Err(Error::conflict("wrong_state", format!("the payment plan is {}; this takes one that is {}", row.state, wanted.join(" or "))))
}

/// Notes the customer's acceptance, with the text that was shown; from here on the plan's days count.
///
/// # Errors
/// No such plan; `wrong_state`; `plan_lapsed` when its first part is past its grace; `plan_overlaps`.
pub fn accept(act: &mut Act<'_>, id: PaymentPlanId, how: &Acceptance) -> Result<PaymentPlan> {
    let (_, today) = act.today()?;
    let row = locked(act, id, &[PlanState::Proposed])?;
    let first = store::payment_plans::parts(act.conn, act.tenant, &[id])?.remove(&id).and_then(|parts| parts.first().copied());
    if first.is_none_or(|first| local::plus_days(first.due_on, row.grace_days) < today) {
        return Err(Error::conflict("plan_lapsed", "the first part was due too long ago; propose a new plan"));
    }
    let covered = store::payment_plans::covered(act.conn, act.tenant, &[id])?.remove(&id).unwrap_or_default();
    if store::payment_plans::any_accepted(act.conn, act.tenant, &covered)? {
        return Err(Error::conflict(
            "plan_overlaps",
            "another plan that is being kept covers some of the same instalments; cancel it first",
        ));
    }
    let digest = sha256(&[how.text.as_bytes()]);
    let body = json!({"customer_id": row.customer_id, "currency": row.currency, "amount": row.amount_minor, "accepted_on": today,
        "text_sha256": HEXLOWER.encode(&digest)});
    let personal = vec![("accepted_by", how.accepted_by.clone()), ("accepted_from", how.accepted_from.clone())];
    act.witness_personal("plan.accepted", id, body, personal);
    let accepted = PaymentPlan {
        state: PlanState::Accepted,
        accepted_on: Some(today),
        accepted_at: Some(Ts(act.now)),
        accepted_by: Some(how.accepted_by.clone()),
        accepted_from: Some(how.accepted_from.clone()),
        text: Some(how.text.clone()),
        text_sha256: Some(digest.to_vec()),
        ..row
    };
    write(act, accepted)
}

/// Takes a plan back: what it covers is claimed by its own dates again.
///
/// # Errors
/// No such plan; `wrong_state` once it has ended.
pub fn cancel(act: &mut Act<'_>, id: PaymentPlanId) -> Result<PaymentPlan> {
    let row = locked(act, id, &[PlanState::Proposed, PlanState::Accepted])?;
    act.witness("plan.cancelled", id, json!({"customer_id": row.customer_id, "currency": row.currency, "before": row.state}));
    let (_, today) = act.today()?;
    write(act, PaymentPlan { state: PlanState::Cancelled, ended_on: Some(today), ..row })
}

/// Writes down how a plan stands, as it was judged.
///
/// # Errors
/// The store's.
pub(super) fn judged(act: &mut Act<'_>, id: PaymentPlanId, standing: &Standing) -> Result<()> {
    let (_, today) = act.today()?;
    let row = store::payment_plans::find(act.conn, act.tenant, id)?;
    let body = json!({"customer_id": row.customer_id, "currency": row.currency, "amount": row.amount_minor, "received": standing.received_minor,
        "part": standing.part, "before": row.state});
    let broken = standing.state == PlanState::Broken;
    let kind = match standing.state {
        PlanState::Kept => "plan.kept",
        PlanState::Broken => "plan.broken",
        PlanState::Proposed | PlanState::Accepted | PlanState::Cancelled => "plan.reinstated",
    };
    if broken {
        act.witness("plan.part_missed", id, body.clone());
    }
    act.witness(kind, id, body);
    let habit = match standing.state {
        PlanState::Kept => Some(HabitEvent::PromiseKept),
        PlanState::Broken => Some(HabitEvent::PromiseBroken),
        PlanState::Proposed | PlanState::Accepted | PlanState::Cancelled => None,
    };
    credit::note(act, (row.customer_id, row.currency), habit, &id.to_string(), today)?;
    // A number once given stays given: a reminder may bear it.
    let (breach, breached_on) = if broken {
        (Some(store::payment_plans::next_breach(act.conn, act.tenant, row.customer_id, row.currency)?), Some(today))
    } else {
        (row.breach, row.breached_on)
    };
    let missed_part = standing.part.filter(|_| broken).map(i32::try_from).transpose().map_err(Error::internal)?;
    let ended_on = standing.ends_on.filter(|_| broken);
    let changed =
        PaymentPlan { state: standing.state, received_minor: standing.received_minor, missed_part, breach, breached_on, ended_on, ..row };
    let row = write(act, changed)?;
    if (row.state, row.interest) == (PlanState::Kept, PlanInterest::WaivedIfKept) {
        let covered = store::payment_plans::covered(act.conn, act.tenant, &[id])?.remove(&id).unwrap_or_default();
        interest::waive_covered(act, &covered, "the payment plan was kept")?;
    }
    Ok(())
}

fn write(act: &mut Act<'_>, row: PaymentPlan) -> Result<PaymentPlan> {
    let row = PaymentPlan { version: row.version.saturating_add(1), updated_at: Ts(act.now), ..row };
    store::payment_plans::update(act.conn, &row)?;
    act.touch(row.customer_id, row.currency);
    Ok(row)
}
