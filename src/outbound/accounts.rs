//! The provider accounts of this process: each adapter built once, with its gate and its pace.
//!
//! Invariant: an adapter is never older than the version of the record it is asked for, and a gate outlives its adapters: a new password does not reset a pause.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use chrono::{DateTime, Utc};

use super::{
    Outcome, Provider,
    breaker::{Gate, Health, Passage},
    pace::{Limits, Pace, Room},
};
use crate::domain::{
    ids::{ProviderAccountId, TenantId},
    invalid::Faults,
};

/// An account's name.
type Name = (TenantId, ProviderAccountId);

/// An adapter, and the version of the record that it was built from.
type Versioned = (i64, Arc<dyn Provider>);

/// Adapters, gates and paces.
#[derive(Debug, Default)]
pub struct Accounts {
    adapters: Mutex<HashMap<Name, Versioned>>,
    gates: Mutex<HashMap<Name, Gate>>,
    paces: Mutex<HashMap<Name, Arc<Pace>>>,
}

impl Accounts {
    /// The adapter of an account in its present version, built if it is not there.
    ///
    /// # Errors
    /// What `build` finds wrong with the record.
    pub fn adapter(
        &self,
        name: Name,
        version: i64,
        build: impl FnOnce() -> Result<Box<dyn Provider>, Faults>,
    ) -> Result<Arc<dyn Provider>, Faults> {
        let mut adapters = self.adapters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, adapter)) = adapters.get(&name)
            && *known == version
        {
            return Ok(Arc::clone(adapter));
        }
        let adapter: Arc<dyn Provider> = Arc::from(build()?);
        adapters.insert(name, (version, Arc::clone(&adapter)));
        Ok(adapter)
    }

    /// Whether the account may be called now; a passage taken is to be followed by [`Accounts::record`].
    pub fn enter(&self, name: Name, now: DateTime<Utc>) -> Passage {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default().enter(now)
    }

    /// What a call led to.
    pub fn record(&self, name: Name, now: DateTime<Utc>, outcome: &Outcome) {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default().record(now, outcome);
    }

    /// How the account fares, as far as this process knows.
    pub fn health(&self, name: Name, now: DateTime<Utc>) -> Health {
        let gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        gates.get(&name).map_or(Health { failing: false, paused_until: None }, |gate| gate.health(now))
    }

    /// The pace of an account; begun anew when its limits have changed.
    pub fn pace(&self, name: Name, limits: Limits) -> Arc<Pace> {
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        let pace = paces.entry(name).or_insert_with(|| Arc::new(Pace::new(limits)));
        if pace.limits() != limits {
            *pace = Arc::new(Pace::new(limits));
        }
        Arc::clone(pace)
    }

    /// Notes that so many messages found no room with an account.
    pub fn line_up(&self, name: Name, count: u32) {
        let paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pace) = paces.get(&name) {
            pace.line_up(Instant::now(), count);
        }
    }

    /// What the tenant's accounts can take on now, of those that were called before. One whose circuit is open is tried with a single message.
    pub fn rooms(&self, tenant: TenantId, now: DateTime<Utc>) -> HashMap<ProviderAccountId, Room> {
        let paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        let of_tenant = paces.iter().filter(|((owner, _), _)| *owner == tenant);
        let rooms: Vec<_> = of_tenant.map(|((_, id), pace)| (*id, pace.room(Instant::now()))).collect();
        drop(paces);
        let probed = |id| self.health((tenant, id), now).failing;
        rooms.into_iter().map(|(id, room)| (id, if probed(id) { Room { now: room.now.min(1), ..room } } else { room })).collect()
    }

    /// The tenant's accounts that must be left alone now, and until when.
    pub fn paused(&self, tenant: TenantId, now: DateTime<Utc>) -> HashMap<ProviderAccountId, DateTime<Utc>> {
        let gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let of_tenant = gates.iter().filter(|((owner, _), _)| *owner == tenant);
        of_tenant.filter_map(|((_, id), gate)| Some((*id, gate.health(now).paused_until?))).collect()
    }
}
