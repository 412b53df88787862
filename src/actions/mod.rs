//! What a caller or a timer can do: one function per thing, one transaction each.
//!
//! Not here: HTTP, providers, decisions (those are [`crate::domain::dunning::plan`]'s). An action changes rows, leaves its evidence in the same transaction and
//! marks the accounts that must be looked at again.
//!
//! Invariant: what [`run`] returns with `Ok` is durable, witnessed and planned for; with `Err`, nothing happened.

pub mod audit;
pub mod connections;
pub mod contacts;
pub mod credit;
pub mod customers;
pub mod direct_debits;
pub mod dispatch;
pub mod disputes;
pub mod documents;
pub mod evidence;
pub mod export;
pub mod files;
pub mod holds;
pub mod idempotency;
pub mod identity_providers;
pub mod imports;
pub mod interest;
pub mod invoices;
pub mod joint;
pub mod keys;
pub mod lookups;
pub mod notices;
pub mod outcome;
pub mod overdue;
mod papers;
pub mod payment_plans;
pub mod people;
pub mod planning;
pub mod policies;
pub mod promises;
pub mod proofs;
pub mod provider_accounts;
pub mod publishable_keys;
pub mod push;
pub mod put;
pub mod receipts;
pub mod reminders;
pub mod settlements;
pub mod suppressions;
pub mod tasks;
pub mod templates;
pub mod tenants;
pub mod terms;
pub mod test_clock;
pub mod unsubscribe;
pub mod webhooks;
pub mod wording;

use std::{collections::BTreeSet, fmt::Display};

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;

use idempotency::{Answered, Keyed};

use crate::{
    clock::Clock,
    domain::{
        calendar::local,
        evidence::entry::{Disclosure, Entry},
        ids::{CustomerId, EvidenceId, Mode, TenantId},
        money::Currency,
    },
    error::{Error, Result},
    store::{self, Conn, Db, tenants::Tenant},
};

/// The system itself, as an actor.
pub const SYSTEM: &str = "system";

/// Whoever follows a link in a message, as an actor.
pub const RECIPIENT: &str = "recipient";

/// Whoever reports a key that was found in the open, as an actor.
pub const FINDER: &str = "finder";

/// One thing being done: the transaction, for whom, by whom, when.
pub struct Act<'a> {
    /// The transaction.
    pub conn: &'a mut Conn,
    /// Whose data.
    pub tenant: TenantId,
    /// Who acts: a key's or a person's id, [`SYSTEM`], [`RECIPIENT`], [`FINDER`], or `provider:` and an account's id.
    pub actor: &'a str,
    /// The tenant's present.
    pub now: DateTime<Utc>,
    /// The world's present; the same in live mode.
    pub wall: DateTime<Utc>,
    entries: Vec<Pending>,
    touched: BTreeSet<(CustomerId, Currency)>,
    rested: BTreeSet<(CustomerId, Currency)>,
}

impl std::fmt::Debug for Act<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Act").field("tenant", &self.tenant).field("actor", &self.actor).field("now", &self.now).finish_non_exhaustive()
    }
}

impl Act<'_> {
    /// Leaves an entry in the journal: `kind` happened to `subject`.
    pub fn witness(&mut self, kind: &'static str, subject: impl Display, body: Value) {
        self.enter(kind, subject.to_string(), body, Vec::new(), false);
    }

    /// As [`Act::witness`], with personal fields that enter as commitments and can be erased.
    pub fn witness_personal(&mut self, kind: &'static str, subject: impl Display, body: Value, personal: Vec<(&'static str, String)>) {
        self.enter(kind, subject.to_string(), body, personal, false);
    }

    /// As [`Act::witness`], for an act of privilege: what an auditor reads first.
    pub fn audit(&mut self, kind: &'static str, subject: impl Display, body: Value) {
        self.enter(kind, subject.to_string(), body, Vec::new(), true);
    }

    /// As [`Act::audit`], with personal fields as [`Act::witness_personal`] takes them.
    pub fn audit_personal(&mut self, kind: &'static str, subject: impl Display, body: Value, personal: Vec<(&'static str, String)>) {
        self.enter(kind, subject.to_string(), body, personal, true);
    }

    fn enter(&mut self, kind: &'static str, subject: String, body: Value, personal: Vec<(&'static str, String)>, privileged: bool) {
        self.entries.push(Pending { kind, subject, body, personal, privileged });
    }

    /// Notes that something changed which may move this account's next moment.
    pub fn touch(&mut self, customer: CustomerId, currency: Currency) {
        self.touched.insert((customer, currency));
    }

    /// Notes that an account's open reminder is done, as was foreseen when it was decided.
    pub fn rest(&mut self, customer: CustomerId, currency: Currency) {
        self.rested.insert((customer, currency));
    }

    /// The tenant, and its date at this moment.
    ///
    /// # Errors
    /// The store's.
    pub fn today(&mut self) -> Result<(Tenant, NaiveDate)> {
        let tenant = store::tenants::find(self.conn, self.tenant)?;
        let today = local::date(tenant.zone(), self.now);
        Ok((tenant, today))
    }

    /// Does a part of the work in another partition, whose journal it enters: what the platform does to a tenant.
    ///
    /// # Errors
    /// What `work` returns, and the store's.
    pub fn in_partition<T>(&mut self, tenant: TenantId, work: impl FnOnce(&mut Act<'_>) -> Result<T>) -> Result<T> {
        store::dialect::enter(self.conn, tenant)?;
        let now = present(self.conn, tenant, self.wall)?;
        let mut act = Act {
            conn: &mut *self.conn,
            tenant,
            actor: self.actor,
            now,
            wall: self.wall,
            entries: Vec::new(),
            touched: BTreeSet::new(),
            rested: BTreeSet::new(),
        };
        let value = work(&mut act)?;
        drop(act.finish()?);
        store::dialect::enter(self.conn, self.tenant)?;
        Ok(value)
    }

    /// Does `work` and undoes it, evidence and all: what it would have come to.
    ///
    /// # Errors
    /// What `work` returns, and the store's.
    pub fn rehearse<T>(&mut self, work: impl FnOnce(&mut Act<'_>) -> Result<T>) -> Result<T> {
        let (tenant, actor, now, wall) = (self.tenant, self.actor, self.now, self.wall);
        store::rehearse(self.conn, |conn| {
            work(&mut Act { conn, tenant, actor, now, wall, entries: Vec::new(), touched: BTreeSet::new(), rested: BTreeSet::new() })
        })
    }

    /// Has the changed accounts looked at, and writes the journal; returns its entries.
    fn finish(self) -> Result<Vec<EvidenceId>> {
        let Self { conn, tenant, actor, now, wall, entries, touched, rested } = self;
        // What is touched is due, whatever was foreseen.
        let rested = &rested - &touched;
        if !touched.is_empty() && !rested.is_empty() {
            // All in one order, so that two transactions cannot wait for each other.
            store::accounts::lock(conn, tenant, &(&touched | &rested))?;
        }
        store::accounts::wake(conn, tenant, &touched, now)?;
        store::accounts::rest(conn, tenant, &rested, now)?;
        let entries = entries.into_iter().map(|pending| pending.entry(actor, now, wall)).collect::<Result<Vec<_>>>()?;
        store::evidence::append(conn, tenant, &entries)?;
        Ok(entries.into_iter().map(|(entry, _)| entry.id).collect())
    }
}

/// What will be entered in the journal when the act is done.
struct Pending {
    kind: &'static str,
    subject: String,
    body: Value,
    personal: Vec<(&'static str, String)>,
    privileged: bool,
}

impl Pending {
    fn entry(self, actor: &str, now: DateTime<Utc>, wall: DateTime<Utc>) -> Result<(Entry, Vec<Disclosure>)> {
        let mut opened = self
            .personal
            .into_iter()
            .map(|(field, value)| Disclosure::new(field, value))
            .collect::<Result<Vec<_>, _>>()
            .map_err(Error::internal)?;
        opened.sort_by(|left, right| left.field.cmp(&right.field));
        let entry = Entry {
            id: EvidenceId::new(wall),
            kind: self.kind.to_owned(),
            subject: self.subject,
            actor: actor.to_owned(),
            privileged: self.privileged,
            occurred_at: now,
            recorded_at: wall,
            body: self.body,
            commitments: opened.iter().map(Disclosure::commitment).collect(),
        };
        Ok((entry, opened))
    }
}

/// Does `work` in one transaction of `tenant`, in the name of `actor`. The closure may run again after a lost race.
///
/// # Errors
/// What `work` returns, and the store's.
pub async fn run<T, F>(db: &Db, clock: &Clock, tenant: TenantId, actor: &str, work: F) -> Result<T>
where
    T: Send + 'static,
    F: Fn(&mut Act<'_>) -> Result<T> + Send + 'static,
{
    let actor = actor.to_owned();
    let clock = clock.clone();
    db.write(tenant, move |conn| within(conn, &clock, tenant, &actor, &work).map(|(value, _)| value)).await
}

/// [`run`] for callers that may block.
///
/// # Errors
/// As [`run`].
pub fn run_now<T>(db: &Db, clock: &Clock, tenant: TenantId, actor: &str, work: impl Fn(&mut Act<'_>) -> Result<T>) -> Result<T> {
    db.write_now(tenant, |conn| within(conn, clock, tenant, actor, &work).map(|(value, _)| value))
}

/// What `work` returns, and the entries that it left.
fn within<T>(
    conn: &mut Conn,
    clock: &Clock,
    tenant: TenantId,
    actor: &str,
    work: &impl Fn(&mut Act<'_>) -> Result<T>,
) -> Result<(T, Vec<EvidenceId>)> {
    let wall = clock.now();
    let now = present(conn, tenant, wall)?;
    let mut act = Act { conn, tenant, actor, now, wall, entries: Vec::new(), touched: BTreeSet::new(), rested: BTreeSet::new() };
    let value = work(&mut act)?;
    Ok((value, act.finish()?))
}

/// The tenant's present: only test partitions can have one of their own.
///
/// # Errors
/// The store's.
pub fn present(conn: &mut Conn, tenant: TenantId, wall: DateTime<Utc>) -> Result<DateTime<Utc>> {
    match tenant.mode() {
        Mode::Live => Ok(wall),
        Mode::Test => Ok(store::tenants::find(conn, tenant)?.now(wall)),
    }
}

/// [`run`] for a request that may carry an `Idempotency-Key`: the answer, a status and a body, is made and kept in the same transaction.
///
/// # Errors
/// As [`run`], and those of [`idempotency::once`].
pub async fn run_once<F>(db: &Db, clock: &Clock, tenant: TenantId, actor: &str, keyed: Option<Keyed>, work: F) -> Result<Answered>
where
    F: Fn(&mut Act<'_>) -> Result<(u16, String)> + Send + 'static,
{
    let actor = actor.to_owned();
    let clock = clock.clone();
    db.write(tenant, move |conn| {
        let first = |conn: &mut Conn| within(conn, &clock, tenant, &actor, &work);
        match &keyed {
            Some(keyed) => idempotency::once(conn, tenant, clock.now(), keyed, first),
            None => first(conn).map(|((status, body), entries)| Answered { status, body, replayed: false, entries }),
        }
    })
    .await
}
