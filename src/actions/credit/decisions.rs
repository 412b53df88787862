//! Credit decisions: made, overridden, given back, and confirmed by the invoices that follow.
//!
//! A decision holds its account's lock from its first look to its commit, and so does every act that moves what the account owes; so of two decisions at
//! once the second sees what the first reserved, and the limit holds.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::{
    actions::{Act, put::Parties, tasks},
    domain::{
        credit::{
            checklist::{self, Record},
            decision::{Claim, CreditOutcome, CreditReason, Decision, Exposure, Standing, decide as judge},
            request::{DecisionOverride, NewCreditDecision, Reservation},
            review::CreditReview,
            settings::CreditSettings,
        },
        ids::{CreditDecisionId, CustomerId, InvoiceId},
        money::Currency,
    },
    error::{Error, Result},
    store::{
        self, Conn, Json, Ts,
        credit_decisions::CreditDecision,
        customers::Customer,
        facts::{Key, Loaded},
        invoices::Invoice,
        tenants::Tenant,
    },
};

/// What an account owes as the tenant's settings count it, beside what is reserved.
pub fn exposure(loaded: &Loaded, reserved_minor: i64, tenant: &Tenant, now: DateTime<Utc>) -> Exposure {
    let settings = &tenant.settings.credit;
    let claims: Vec<Claim> = loaded
        .account
        .instalments
        .iter()
        .map(|one| Claim {
            due_date: one.due_date,
            balance_minor: one.balance_minor,
            disputed_minor: one.balance_minor.saturating_sub(one.claimable_minor),
        })
        .collect();
    let dust = settings.dust_in(loaded.account.currency);
    Exposure::of(&claims, reserved_minor, dust, settings.disputed, tenant.calendar().today(now))
}

/// What the tenant's checklist wants of a customer and its record lacks.
pub fn missing(settings: &CreditSettings, row: &Customer, has_email: bool, has_phone: bool) -> Vec<String> {
    let record =
        Record { kind: row.kind, identifiers: &row.identifiers, company: &row.company, address: &row.address, has_email, has_phone };
    checklist::missing(&settings.checklist, record)
}

/// What a decision about an account looks at.
///
/// # Errors
/// No such customer.
pub fn standing(conn: &mut Conn, tenant: &Tenant, key: Key, now: DateTime<Utc>) -> Result<Standing> {
    let (partition, (customer, currency)) = (tenant.tenant_id, key);
    let row = store::customers::find(conn, partition, customer)?;
    let loaded = store::facts::load_one(conn, partition, key, now)?;
    let reserved = store::credit_decisions::reserved(conn, partition, &[customer], now)?.remove(&key).unwrap_or(0);
    let limits = store::limits::of_customers(conn, partition, &[customer])?;
    let profile = store::credit::profile(conn, partition, customer)?;
    let computed = super::assess(conn, tenant, &[customer], now)?.remove(&customer).map_or(profile.computed(), |one| one.score.value);
    let people = &loaded.account.customer.contacts;
    Ok(Standing {
        limit: limits.iter().find(|limit| limit.currency == currency).map(Into::into),
        exposure: exposure(&loaded, reserved, tenant, now),
        score: profile.holds(row.score, computed, now).0,
        watched: profile.watched_at.is_some(),
        missing: missing(
            &tenant.settings.credit,
            &row,
            people.iter().any(|one| one.email.is_some()),
            people.iter().any(|one| one.phone.is_some()),
        ),
    })
}

/// Decides about an order, and reserves what may be delivered on credit. Asked again about the same order of the same customer, the new decision takes the place of the former.
///
/// # Errors
/// Every broken rule of the input.
pub fn decide(act: &mut Act<'_>, new: &NewCreditDecision) -> Result<CreditDecision> {
    new.check().or(())?;
    let parties = Parties::load(act, std::iter::once((new.customer_id, new.customer.as_ref())))?;
    let customer = parties.find(new.customer_id, new.customer.as_ref())?;
    store::accounts::hold(act.conn, act.tenant, customer, new.currency)?;
    let tenant = store::tenants::find(act.conn, act.tenant)?;
    supersede(act, customer, new)?;
    let standing = standing(act.conn, &tenant, (customer, new.currency), act.now)?;
    let decision = judge(new.amount, &standing, &tenant.settings.credit, tenant.calendar().today(act.now));
    let row = row(act, customer, new, &standing, &decision, &tenant.settings.credit);
    store::credit_decisions::insert(act.conn, &row)?;
    let reasons: Vec<_> = decision.reasons.iter().map(|one| one.code).collect();
    let body = json!({"customer_id": customer, "currency": row.currency, "amount": row.amount_minor, "order_reference": row.order_reference, "outcome": row.outcome,
        "prepayment": row.prepayment_minor, "reserved": row.reserved_minor, "exposure": standing.exposure, "limit": standing.limit.map(|limit| limit.minor),
        "score": standing.score, "reasons": reasons});
    act.witness("credit.decided", row.id, body);
    for (code, review) in
        [(CreditReason::LimitExceeded, CreditReview::LimitReached), (CreditReason::LimitExpired, CreditReview::LimitExpired)]
    {
        if reasons.contains(&code) {
            tasks::review(act, customer, new.currency, None, review.as_str())?;
        }
    }
    Ok(row)
}

fn row(
    act: &Act<'_>,
    customer_id: CustomerId,
    new: &NewCreditDecision,
    standing: &Standing,
    decision: &Decision,
    settings: &CreditSettings,
) -> CreditDecision {
    let held = decision.reserve_minor > 0;
    CreditDecision {
        tenant_id: act.tenant,
        id: CreditDecisionId::new(act.wall),
        customer_id,
        currency: new.currency,
        amount_minor: new.amount,
        order_reference: new.order_reference.clone(),
        outcome: decision.outcome,
        prepayment_minor: decision.prepayment_minor,
        available_minor: decision.available_minor,
        score: i32::from(standing.score),
        exposure: Json(standing.exposure),
        reasons: Json(decision.reasons.clone()),
        reservation: if held { Reservation::Held } else { Reservation::None },
        reserved_minor: decision.reserve_minor,
        reserved_until: held.then(|| Ts(until(act, settings))),
        invoice_id: None,
        override_reason: None,
        override_by: None,
        overridden_at: None,
        version: 1,
        created_at: Ts(act.now),
    }
}

fn until(act: &Act<'_>, settings: &CreditSettings) -> DateTime<Utc> {
    act.now + TimeDelta::days(i64::from(settings.reservation_days))
}

/// Gives back what earlier decisions about the same order still reserve.
fn supersede(act: &mut Act<'_>, customer: CustomerId, new: &NewCreditDecision) -> Result<()> {
    if new.order_reference.is_none() {
        return Ok(());
    }
    for row in store::credit_decisions::held(act.conn, act.tenant, &[customer])? {
        if row.order_reference == new.order_reference && row.currency == new.currency {
            give_back(act, row)?;
        }
    }
    Ok(())
}

fn give_back(act: &mut Act<'_>, row: CreditDecision) -> Result<CreditDecision> {
    let freed = row.reserved_minor;
    let row = CreditDecision {
        reservation: Reservation::Released,
        reserved_minor: 0,
        reserved_until: None,
        version: row.version.saturating_add(1),
        ..row
    };
    store::credit_decisions::update(act.conn, &row)?;
    act.witness("credit.released", row.id, json!({"customer_id": row.customer_id, "currency": row.currency, "amount": freed}));
    Ok(row)
}

/// A decision under its account's lock.
fn locked(act: &mut Act<'_>, id: CreditDecisionId) -> Result<CreditDecision> {
    let row = store::credit_decisions::find(act.conn, act.tenant, id)?;
    store::accounts::hold(act.conn, act.tenant, row.customer_id, row.currency)?;
    store::credit_decisions::find(act.conn, act.tenant, id)
}

/// Approves an order that the rules did not: the whole of it is reserved, whatever the limit says. Again is no error.
///
/// # Errors
/// No such decision; `wrong_state` of one that approved already, or that invoices have taken the place of.
pub fn override_decision(act: &mut Act<'_>, id: CreditDecisionId, why: &DecisionOverride) -> Result<CreditDecision> {
    let row = locked(act, id)?;
    if row.overridden_at.is_some() {
        return Ok(row);
    }
    if row.outcome == CreditOutcome::Approve || row.invoice_id.is_some() {
        let detail = format!("the decision is {} and needs no override; ask for a new one if the order has changed", row.outcome);
        return Err(Error::conflict("wrong_state", detail));
    }
    let settings = store::tenants::find(act.conn, act.tenant)?.settings.0.credit;
    let before = (row.outcome, row.prepayment_minor);
    let row = CreditDecision {
        outcome: CreditOutcome::Approve,
        prepayment_minor: 0,
        reservation: Reservation::Held,
        reserved_minor: row.amount_minor,
        reserved_until: Some(Ts(until(act, &settings))),
        override_reason: Some(why.reason.clone()),
        override_by: Some(act.actor.to_owned()),
        overridden_at: Some(Ts(act.now)),
        version: row.version.saturating_add(1),
        ..row
    };
    store::credit_decisions::update(act.conn, &row)?;
    let body = json!({"customer_id": row.customer_id, "currency": row.currency, "amount": row.amount_minor, "outcome_before": before.0, "prepayment_before": before.1});
    act.enter("credit.overridden", id.to_string(), body, vec![("reason", why.reason.clone())], true);
    act.touch(row.customer_id, row.currency);
    Ok(row)
}

/// Gives back what a decision reserves: the order is not coming. Again is no error.
///
/// # Errors
/// No such decision; `wrong_state` of one that invoices have taken the place of.
pub fn release(act: &mut Act<'_>, id: CreditDecisionId) -> Result<CreditDecision> {
    let row = locked(act, id)?;
    match row.reservation {
        Reservation::Held => {
            act.touch(row.customer_id, row.currency);
            give_back(act, row)
        }
        Reservation::Confirmed => Err(Error::conflict("wrong_state", "invoices have taken the place of what was reserved")),
        Reservation::None | Reservation::Released | Reservation::Expired => Ok(row),
    }
}

/// Has new invoices take the place of what was reserved for them: by the decision that each names, else by its order reference. An invoice of less
/// leaves the rest reserved; one of more needs no more.
///
/// # Errors
/// The store's.
pub fn confirm(act: &mut Act<'_>, invoices: &[Invoice], named: &[(InvoiceId, CreditDecisionId)]) -> Result<()> {
    let of_orders: Vec<&Invoice> =
        invoices.iter().filter(|row| row.order_reference.is_some() || named.iter().any(|(id, _)| *id == row.id)).collect();
    if of_orders.is_empty() {
        return Ok(());
    }
    let customers: Vec<CustomerId> = of_orders.iter().map(|row| row.customer_id).collect::<BTreeSet<_>>().into_iter().collect();
    let held = store::credit_decisions::held(act.conn, act.tenant, &customers)?;
    if held.is_empty() {
        return Ok(());
    }
    // What is about to change is read again under the locks of its accounts.
    let keys: BTreeSet<(CustomerId, Currency)> = held.iter().map(|row| (row.customer_id, row.currency)).collect();
    store::accounts::lock(act.conn, act.tenant, &keys)?;
    let mut held = store::credit_decisions::held(act.conn, act.tenant, &customers)?;
    for invoice in of_orders {
        let decision = named.iter().find(|(id, _)| *id == invoice.id).map(|(_, decision)| *decision);
        let mut left = invoice.total_minor;
        for row in &mut held {
            let meant = match decision {
                Some(id) => row.id == id,
                None => row.order_reference.is_some() && row.order_reference == invoice.order_reference,
            };
            if meant && (row.customer_id, row.currency) == (invoice.customer_id, invoice.currency) && left > 0 && row.reserved_minor > 0 {
                let taken = row.reserved_minor.min(left);
                left = left.saturating_sub(taken);
                take_place(act, row, invoice.id, taken)?;
            }
        }
    }
    Ok(())
}

fn take_place(act: &mut Act<'_>, row: &mut CreditDecision, invoice: InvoiceId, taken: i64) -> Result<()> {
    row.reserved_minor = row.reserved_minor.saturating_sub(taken);
    row.invoice_id = Some(invoice);
    row.version = row.version.saturating_add(1);
    if row.reserved_minor == 0 {
        row.reservation = Reservation::Confirmed;
        row.reserved_until = None;
    }
    store::credit_decisions::update(act.conn, row)?;
    let body = json!({"invoice_id": invoice, "customer_id": row.customer_id, "currency": row.currency, "amount": taken, "left": row.reserved_minor});
    act.witness("credit.confirmed", row.id, body);
    Ok(())
}
