//! A test partition's clock: told where to go. Going there is the worker's.

use serde_json::json;

use super::Act;
use crate::{
    domain::{ids::Mode, test_clock::Advance},
    error::{Error, Result},
    store::{self, tenants::Tenant},
};

/// Sends the clock on its way.
///
/// # Errors
/// `live_mode`; `advancing` while it is on its way; a moment that is not ahead, or too far.
pub fn advance(act: &mut Act<'_>, advance: Advance) -> Result<Tenant> {
    if act.tenant.mode() == Mode::Live {
        return Err(live_mode());
    }
    advance.check(act.now).or(())?;
    if !store::tenants::start_clock(act.conn, act.tenant, act.now, advance.to)? {
        return Err(Error::conflict("advancing", "the clock is on its way; wait until its status is ready"));
    }
    act.witness("clock.started", act.tenant, json!({"from": act.now, "to": advance.to}));
    store::tenants::find(act.conn, act.tenant)
}

/// What only exists in test mode was asked for with a live key.
pub fn live_mode() -> Error {
    Error::conflict("live_mode", "this exists in test mode only; use a test key")
}
