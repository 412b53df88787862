//! A worker: takes partitions in turn, and never two turns of one partition at once in this process.
//!
//! Fairness: many turns are under way at once and share a few places at the database, first come, first served ([`Slots`]); a busy partition goes to the end of the queue
//! after each turn. So a quiet one waits for a piece of work of each other, whatever their backlog, and for nobody's provider: a turn is over before its calls have ended,
//! and how many of them an account may have is its pace's to say.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use super::{
    connections, imports,
    partition::{Turn, whole},
    slots::Slots,
    webhooks,
};
use crate::{domain::ids::TenantId, error::Result, instance::Instance, store};

/// Turns under way at once: one may have to wait for a provider that is asked about a message.
const TURNS: usize = 64;
/// How soon an idle partition is looked at again, at first.
const SHORT_REST: Duration = Duration::from_millis(200);
/// And at most: what another process changed is noticed within this time.
const LONG_REST: Duration = Duration::from_secs(2);
/// How often new tenants are looked for.
const ROLL_CALL: Duration = Duration::from_secs(1);

/// When a partition is next looked at, and how long it has been resting in between.
#[derive(Debug, Clone, Copy)]
struct Rest {
    until: Instant,
    pause: Duration,
}

/// Where a turn says how it went.
type Tell = mpsc::UnboundedSender<(TenantId, Result<Turn>)>;

/// Has every partition `take` its turns until `stop` says true; turns and calls under way are finished.
pub async fn run<F, T>(instance: Arc<Instance>, take: F, mut stop: watch::Receiver<bool>)
where
    F: Fn(Arc<Instance>, Slots, TenantId, Tell) -> T,
    T: Future<Output = ()> + Send + 'static,
{
    let mut queue = Queue::default();
    let slots = Slots::default();
    let (tell, mut told) = mpsc::unbounded_channel();
    let mut under_way: JoinSet<()> = JoinSet::new();
    let mut called = None::<Instant>;
    while !*stop.borrow() {
        if called.is_none_or(|at| at.elapsed() >= ROLL_CALL) {
            match instance.db.read(TenantId::PLATFORM, store::tenants::partitions).await {
                Ok(partitions) => queue.call_roll(partitions),
                Err(error) => tracing::warn!(%error, "the tenants could not be listed"),
            }
            called = Some(Instant::now());
        }
        while queue.working.len() < TURNS
            && let Some(tenant) = queue.next()
        {
            under_way.spawn(take(Arc::clone(&instance), slots.clone(), tenant, tell.clone()));
        }
        tokio::select! {
            Some((tenant, turn)) = told.recv() => queue.done(tenant, turn, instance.clock.now()),
            Some(done) = under_way.join_next(), if !under_way.is_empty() => queue.check(&done),
            () = tokio::time::sleep(queue.rest()) => {}
            changed = stop.changed() => if changed.is_err() { break },
        }
    }
    while let Some(done) = under_way.join_next().await {
        queue.check(&done);
    }
}

/// A turn at the partition's work, and its calls; `tell` hears how the turn went once the next one may begin.
pub async fn work(instance: Arc<Instance>, slots: Slots, tenant: TenantId, tell: Tell) {
    // Nobody listens any more once the worker has been stopped.
    let over = |turn| drop(tell.send((tenant, turn)));
    if let Err(error) = whole(&instance, &slots, tenant, over).await {
        tracing::error!(%tenant, mode = %tenant.mode(), %error, "what was sent could not be written down; it is found again when its lease is over");
    }
}

/// A turn at telling the partition's endpoints.
pub async fn tell_endpoints(instance: Arc<Instance>, slots: Slots, tenant: TenantId, tell: Tell) {
    drop(tell.send((tenant, webhooks::whole(&instance, &slots, tenant).await)));
}

/// A turn at the partition's files.
pub async fn take_files(instance: Arc<Instance>, slots: Slots, tenant: TenantId, tell: Tell) {
    drop(tell.send((tenant, imports::whole(&instance, &slots, tenant).await)));
}

/// A turn at what the partition's connections were told.
pub async fn hear_connections(instance: Arc<Instance>, slots: Slots, tenant: TenantId, tell: Tell) {
    drop(tell.send((tenant, connections::whole(&instance, &slots, tenant).await)));
}

/// Who is next.
#[derive(Debug, Default)]
struct Queue {
    resting: BTreeMap<TenantId, Rest>,
    /// By the order in which they came; the number grows with each turn.
    ready: BTreeSet<(u64, TenantId)>,
    working: BTreeSet<TenantId>,
    /// How long those who are ready or working rested before.
    pauses: BTreeMap<TenantId, Duration>,
    tickets: u64,
}

impl Queue {
    fn call_roll(&mut self, partitions: Vec<TenantId>) {
        let listed: BTreeSet<TenantId> = partitions.into_iter().collect();
        self.resting.retain(|tenant, _| listed.contains(tenant));
        self.ready.retain(|(_, tenant)| listed.contains(tenant));
        for tenant in listed {
            let known =
                self.working.contains(&tenant) || self.resting.contains_key(&tenant) || self.ready.iter().any(|(_, one)| *one == tenant);
            if !known {
                self.line_up(tenant);
            }
        }
    }

    fn line_up(&mut self, tenant: TenantId) {
        self.tickets = self.tickets.saturating_add(1);
        self.ready.insert((self.tickets, tenant));
    }

    fn next(&mut self) -> Option<TenantId> {
        let now = Instant::now();
        let rested: Vec<TenantId> = self.resting.iter().filter(|(_, rest)| rest.until <= now).map(|(tenant, _)| *tenant).collect();
        for tenant in rested {
            if let Some(rest) = self.resting.remove(&tenant) {
                self.pauses.insert(tenant, rest.pause);
            }
            self.line_up(tenant);
        }
        let (_, tenant) = self.ready.pop_first()?;
        self.working.insert(tenant);
        Some(tenant)
    }

    fn done(&mut self, tenant: TenantId, turn: Result<Turn>, now: DateTime<Utc>) {
        self.working.remove(&tenant);
        let before = self.pauses.remove(&tenant).unwrap_or(SHORT_REST);
        match turn {
            Ok(Turn::Busy) => self.line_up(tenant),
            Ok(Turn::Idle(next)) => {
                let due = next.and_then(|next| (next - now).to_std().ok());
                self.lie_down(tenant, (before * 2).min(LONG_REST), due);
            }
            Err(error) => {
                tracing::warn!(%tenant, mode = %tenant.mode(), %error, "a turn failed; it will be tried again");
                self.lie_down(tenant, LONG_REST, None);
            }
        }
    }

    fn check(&mut self, done: &std::result::Result<(), tokio::task::JoinError>) {
        if done.is_err() {
            tracing::error!("a turn panicked");
            // Whose it was is not told: everybody is called again.
            self.working.clear();
        }
    }

    /// Until `due` if that is sooner; what another process changes is noticed after the pause.
    fn lie_down(&mut self, tenant: TenantId, pause: Duration, due: Option<Duration>) {
        let rest = due.map_or(pause, |due| due.min(pause));
        self.resting.insert(tenant, Rest { until: Instant::now() + rest, pause });
    }

    /// Until the first rested partition, at most a short while.
    fn rest(&self) -> Duration {
        let now = Instant::now();
        self.resting.values().map(|rest| rest.until.saturating_duration_since(now)).min().unwrap_or(SHORT_REST).min(SHORT_REST)
    }
}
