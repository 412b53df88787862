//! A test partition's clock: it goes from moment to moment, and everything that falls due on the way happens, on the very code that live tenants run.

use super::partition::next_moment;
use crate::{domain::ids::TenantId, error::Result, instance::Instance, store};

/// Moves the clock on to the next moment at which something is due, or to where it was told to go; `false` if it is told nothing.
pub(super) async fn step(instance: &Instance, tenant: TenantId) -> Result<bool> {
    instance
        .db
        .write(tenant, move |conn| {
            let row = store::tenants::find(conn, tenant)?;
            let (Some(at), Some(target)) = (row.clock_at, row.clock_target) else { return Ok(false) };
            let next = next_moment(conn, tenant)?.unwrap_or(target.0).clamp(at.0, target.0);
            let arrived = next == target.0;
            store::tenants::set_clock(conn, tenant, next, if arrived { None } else { Some(target.0) })?;
            Ok(true)
        })
        .await
}
