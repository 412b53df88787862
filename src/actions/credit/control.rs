//! What people decide about a customer's credit: a score set by hand, the watch list, limits, guarantees.

use serde_json::json;

use crate::{
    actions::{Act, customers, put::Parties},
    domain::{
        credit::request::{LimitChange, NewGuarantee, ScoreOverride, Watch},
        ids::{CustomerId, GuaranteeId},
    },
    error::Result,
    store::{self, Ts, credit::CreditProfile, guarantees::Guarantee, limits::CreditLimit},
};

/// The row of a customer that exists, ready to be written to.
fn row_of(act: &mut Act<'_>, id: CustomerId) -> Result<CreditProfile> {
    store::customers::find(act.conn, act.tenant, id)?;
    store::credit::ensure(act.conn, act.tenant, id)?;
    store::credit::profile(act.conn, act.tenant, id)
}

/// Sets a score by hand; until it ends, it takes the place of the computed one.
///
/// # Errors
/// No such customer; an end in the past.
pub fn override_score(act: &mut Act<'_>, id: CustomerId, wanted: &ScoreOverride) -> Result<()> {
    let row = row_of(act, id)?;
    wanted.check(act.now).or(())?;
    let row = CreditProfile {
        override_score: Some(i32::from(wanted.score)),
        override_reason: Some(wanted.reason.clone()),
        override_until: Some(Ts(wanted.until)),
        override_by: Some(act.actor.to_owned()),
        ..row
    };
    store::credit::set_override(act.conn, &row)?;
    let body = json!({"score": wanted.score, "until": wanted.until, "computed": row.computed()});
    act.enter("score.overridden", id.to_string(), body, vec![("reason", wanted.reason.clone())], true);
    customers::touch(act, id)
}

/// Lets the computed score hold again; again is no error.
///
/// # Errors
/// No such customer.
pub fn lift_override(act: &mut Act<'_>, id: CustomerId) -> Result<()> {
    let row = row_of(act, id)?;
    if row.override_score.is_none() {
        return Ok(());
    }
    let body = json!({"score": row.override_score, "computed": row.computed()});
    let row = CreditProfile { override_score: None, override_reason: None, override_until: None, override_by: None, ..row };
    store::credit::set_override(act.conn, &row)?;
    act.audit("score.override_lifted", id, body);
    customers::touch(act, id)
}

/// Puts a customer on the watch list, or changes why.
///
/// # Errors
/// No such customer.
pub fn watch(act: &mut Act<'_>, id: CustomerId, why: &Watch) -> Result<()> {
    let row = row_of(act, id)?;
    let row = CreditProfile { watch_reason: Some(why.reason.clone()), watched_at: row.watched_at.or(Some(Ts(act.now))), ..row };
    store::credit::set_watch(act.conn, &row)?;
    act.witness_personal("customer.watched", id, json!({}), vec![("reason", why.reason.clone())]);
    Ok(())
}

/// Takes a customer off the watch list; again is no error.
///
/// # Errors
/// No such customer.
pub fn unwatch(act: &mut Act<'_>, id: CustomerId) -> Result<()> {
    let row = row_of(act, id)?;
    if row.watched_at.is_none() {
        return Ok(());
    }
    store::credit::set_watch(act.conn, &CreditProfile { watch_reason: None, watched_at: None, ..row })?;
    act.witness("customer.unwatched", id, json!({}));
    Ok(())
}

/// Sets the credit limit of one currency, or takes it away.
///
/// # Errors
/// No such customer.
pub fn set_limit(act: &mut Act<'_>, id: CustomerId, wanted: &LimitChange) -> Result<()> {
    store::customers::find(act.conn, act.tenant, id)?;
    store::accounts::hold(act.conn, act.tenant, id, wanted.currency)?;
    match wanted.limit {
        Some(limit_minor) => {
            let row = CreditLimit {
                tenant_id: act.tenant,
                customer_id: id,
                currency: wanted.currency,
                limit_minor,
                valid_until: wanted.valid_until,
                reason: wanted.reason.clone(),
                set_by: act.actor.to_owned(),
                updated_at: Ts(act.now),
            };
            store::limits::put(act.conn, &row)?;
        }
        None => {
            store::limits::delete(act.conn, act.tenant, id, wanted.currency)?;
        }
    }
    let body = json!({"currency": wanted.currency, "limit": wanted.limit, "valid_until": wanted.valid_until});
    act.enter("credit_limit.set", id.to_string(), body, vec![("reason", wanted.reason.clone())], true);
    act.touch(id, wanted.currency);
    Ok(())
}

/// Records a guarantee.
///
/// # Errors
/// No such customer; one that ends before it begins.
pub fn guarantee(act: &mut Act<'_>, new: &NewGuarantee) -> Result<Guarantee> {
    new.check().or(())?;
    let customer = Parties::load(act, std::iter::once((Some(new.customer_id), None)))?.find(Some(new.customer_id), None)?;
    let row = Guarantee {
        tenant_id: act.tenant,
        id: GuaranteeId::new(act.wall),
        customer_id: customer,
        kind: new.kind,
        guarantor: new.guarantor.clone(),
        currency: new.currency,
        amount_minor: new.amount,
        valid_from: new.valid_from,
        expires_on: new.expires_on,
        reference: new.reference.clone(),
        released_at: None,
        created_at: Ts(act.wall),
    };
    store::guarantees::insert(act.conn, &row)?;
    let body = json!({"customer_id": customer, "kind": row.kind, "currency": row.currency, "amount": row.amount_minor, "valid_from": row.valid_from,
        "expires_on": row.expires_on});
    act.witness_personal("guarantee.recorded", row.id, body, vec![("guarantor", row.guarantor.clone())]);
    customers::touch(act, customer)?;
    Ok(row)
}

/// Gives a guarantee back: it counts no more. Again is no error.
///
/// # Errors
/// No such guarantee.
pub fn release_guarantee(act: &mut Act<'_>, id: GuaranteeId) -> Result<Guarantee> {
    let row = store::guarantees::find(act.conn, act.tenant, id)?;
    if row.released_at.is_some() {
        return Ok(row);
    }
    store::guarantees::release(act.conn, act.tenant, id, act.now)?;
    act.audit("guarantee.released", id, json!({"customer_id": row.customer_id, "currency": row.currency, "amount": row.amount_minor}));
    customers::touch(act, row.customer_id)?;
    store::guarantees::find(act.conn, act.tenant, id)
}
