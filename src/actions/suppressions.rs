//! Suppressions: an address is silenced, and perhaps allowed again. Both may change who is reached next, so both wake the accounts concerned.

use serde_json::json;

use super::{
    Act,
    put::{Outcome, Put},
};
use crate::{
    domain::{
        contact::Channel,
        delivery::SuppressionReason,
        ids::SuppressionId,
        suppression::{Address, NewSuppression},
    },
    error::Result,
    store::{self, Ts, suppressions::Suppression},
};

/// Suppresses what a caller names.
///
/// # Errors
/// An address that is none, a channel that has none.
pub fn create(act: &mut Act<'_>, new: &NewSuppression) -> Result<Suppression> {
    put(act, new).map(|put| put.row)
}

/// As [`create`]; says whether it was new.
///
/// # Errors
/// An address that is none, a channel that has none.
pub fn put(act: &mut Act<'_>, new: &NewSuppression) -> Result<Put<Suppression>> {
    let address = Address::read(new.channel, &new.address)?;
    ensure(act, new.channel, &address, new.reason, &new.source)
}

/// Makes sure that nothing more is sent to an address. While a suppression is in force, another changes nothing: the first reason stands.
///
/// # Errors
/// The store's.
pub fn suppress(act: &mut Act<'_>, channel: Channel, address: &Address, reason: SuppressionReason, source: &str) -> Result<Suppression> {
    ensure(act, channel, address, reason, source).map(|put| put.row)
}

fn ensure(act: &mut Act<'_>, channel: Channel, address: &Address, reason: SuppressionReason, source: &str) -> Result<Put<Suppression>> {
    if let Some(row) = store::suppressions::in_force(act.conn, act.tenant, channel, address)? {
        return Ok(Put { row, outcome: Outcome::Unchanged });
    }
    let row = Suppression {
        tenant_id: act.tenant,
        id: SuppressionId::new(act.wall),
        channel,
        address: address.clone(),
        reason,
        source: source.to_owned(),
        created_at: Ts(act.now),
        lifted_at: None,
        lift_reason: None,
    };
    store::suppressions::insert(act.conn, &row)?;
    let body = json!({ "channel": channel, "reason": reason });
    act.witness_personal("address.suppressed", row.id, body, personal(address, source));
    touch(act, &row)?;
    Ok(Put { row, outcome: Outcome::Created })
}

/// [`suppress`] for an address of a message that was sent: it was well formed then.
///
/// # Errors
/// The store's.
pub fn suppress_known(act: &mut Act<'_>, channel: Channel, address: &str, reason: SuppressionReason, source: &str) -> Result<()> {
    suppress(act, channel, &Address::read(channel, address)?, reason, source).map(drop)
}

/// Allows an address again; what was lifted before stays as it is.
///
/// # Errors
/// No such suppression.
pub fn lift(act: &mut Act<'_>, id: SuppressionId, reason: &str) -> Result<Suppression> {
    let row = store::suppressions::find(act.conn, act.tenant, id)?;
    if row.lifted_at.is_some() {
        return Ok(row);
    }
    store::suppressions::lift(act.conn, act.tenant, id, reason, act.now)?;
    let body = json!({ "channel": row.channel, "reason": row.reason });
    act.enter("suppression.lifted", id.to_string(), body, personal(&row.address, reason), true);
    touch(act, &row)?;
    store::suppressions::find(act.conn, act.tenant, id)
}

/// What was written by hand may name somebody, whatever the reference asks for.
fn personal(address: &Address, note: &str) -> Vec<(&'static str, String)> {
    vec![("address", address.to_string()), ("note", note.to_owned())]
}

fn touch(act: &mut Act<'_>, row: &Suppression) -> Result<()> {
    for (customer, currency) in store::suppressions::accounts_at(act.conn, act.tenant, row.channel, &row.address)? {
        act.touch(customer, currency);
    }
    Ok(())
}
