//! The day's text messages: what one batch may still send of them, counted under the day's lock.
//!
//! Invariant: what two dispatchers grant at the same time never exceeds the tenant's limits, for the second waits for the first's commit.

use chrono::{DateTime, NaiveDate, Utc};

use crate::{
    actions::Act,
    domain::{
        calendar::local,
        dunning::{plan::may_leave, policy::Policy},
        texts::{Day, TextLimit},
    },
    error::Result,
    store::{self, facts::Loaded, messages::Message, tenants::Tenant},
};

/// Why a text message must not leave today.
pub enum Refused {
    /// It waits until there is room for it.
    Wait(TextLimit, DateTime<Utc>),
    /// It is larger than a whole day's budget: there will never be room.
    TooLarge,
}

/// A day that this batch has opened.
pub struct Purse {
    day: NaiveDate,
    was: Day,
    is: Day,
}

impl Purse {
    /// Opens the tenant's day for messages to these numbers; whoever else wants to waits until this act's end.
    pub fn open(act: &mut Act<'_>, tenant: &Tenant, addresses: &[String]) -> Result<Self> {
        let day = local::date(tenant.zone(), act.now);
        let was = store::texts::open(act.conn, act.tenant, day, addresses)?;
        Ok(Self { day, is: was.clone(), was })
    }

    /// Counts a message of so many segments. One that was counted today, and did not leave, is not counted again.
    pub fn take(
        &mut self,
        tenant: &Tenant,
        (loaded, policy): (&Loaded, &Policy),
        message: &Message,
        address: &str,
        segments: usize,
    ) -> Result<(), Refused> {
        let settings = &tenant.settings.texts;
        let segments = i64::try_from(segments).unwrap_or(i64::MAX);
        if segments > i64::from(settings.daily_budget) {
            return Err(Refused::TooLarge);
        }
        let today = message.dispatched_at.is_some_and(|at| local::date(tenant.zone(), at.0) == self.day);
        let counted = message.segments.filter(|_| today && message.address == address).map(i64::from);
        self.is.take(settings, address, segments, counted).map_err(|limit| {
            let tomorrow = local::day_end(tenant.zone(), self.day);
            Refused::Wait(limit, may_leave(&loaded.account, policy, &tenant.calendar(), tomorrow).unwrap_or(tomorrow))
        })
    }

    /// Writes down what was taken.
    pub fn close(self, act: &mut Act<'_>) -> Result<()> {
        if self.is == self.was { Ok(()) } else { store::texts::close(act.conn, act.tenant, self.day, &self.was, &self.is) }
    }
}
