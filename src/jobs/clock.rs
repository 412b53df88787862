//! A test partition's clock: it goes from moment to moment, and everything that falls due on the way happens, on the very code that live tenants run.
//!
//! Invariant: the clock says that it has arrived only once nothing is due where it stands, and every endpoint was told what happened on the way.

use super::partition::next_moment;
use crate::{domain::ids::TenantId, error::Result, instance::Instance, store};

/// Moves the clock on to the next moment at which something is due, or to where it was told to go; `false` if it is told nothing.
pub(super) async fn step(instance: &Instance, tenant: TenantId) -> Result<bool> {
    instance
        .db
        .write(tenant, move |conn| {
            let row = store::tenants::find(conn, tenant)?;
            let (Some(at), Some(target)) = (row.clock_at, row.clock_target) else { return Ok(false) };
            let next = next_moment(conn, tenant)?;
            if next.is_some_and(|next| next <= at.0) {
                return Ok(true);
            }
            // Other loops tell the endpoints and take in files; the clock waits for them.
            if super::webhooks::is_behind(conn, tenant, at.0)? || super::imports::waits(conn, tenant)? {
                return Ok(false);
            }
            let next = [next, store::webhooks::next_due(conn, tenant)?].into_iter().flatten().min();
            let (to, left) =
                if at.0 >= target.0 { (at.0, None) } else { (next.map_or(target.0, |next| next.min(target.0)), Some(target.0)) };
            store::tenants::move_clock(conn, tenant, at.0, to, left)?;
            Ok(true)
        })
        .await
}
