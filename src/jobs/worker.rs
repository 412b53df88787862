//! A worker: takes partitions in turn, a few at once, and never two of one partition at once in this process.
//!
//! Fairness: a busy partition goes to the end of the queue after each turn, so a quiet one waits for one turn of each other, whatever their backlog.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::watch, task::JoinSet};

use super::partition::Turn;
use crate::{domain::ids::TenantId, error::Result, instance::Instance, store};

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

/// Gives each partition its `turn`, `slots` at once, until `stop` says true; turns under way are finished.
pub async fn run<F, T>(instance: Arc<Instance>, slots: usize, turn: F, mut stop: watch::Receiver<bool>)
where
    F: Fn(Arc<Instance>, TenantId) -> T,
    T: Future<Output = Result<Turn>> + Send + 'static,
{
    let mut queue = Queue::default();
    let mut turns: JoinSet<(TenantId, Result<Turn>)> = JoinSet::new();
    let mut called = None::<Instant>;
    while !*stop.borrow() {
        if called.is_none_or(|at| at.elapsed() >= ROLL_CALL) {
            match instance.db.read(TenantId::PLATFORM, store::tenants::partitions).await {
                Ok(partitions) => queue.call_roll(partitions),
                Err(error) => tracing::warn!(%error, "the tenants could not be listed"),
            }
            called = Some(Instant::now());
        }
        while turns.len() < slots
            && let Some(tenant) = queue.next()
        {
            let turn = turn(Arc::clone(&instance), tenant);
            turns.spawn(async move { (tenant, turn.await) });
        }
        tokio::select! {
            Some(done) = turns.join_next(), if !turns.is_empty() => queue.done(done),
            () = tokio::time::sleep(queue.rest()) => {}
            changed = stop.changed() => if changed.is_err() { break },
        }
    }
    while let Some(done) = turns.join_next().await {
        queue.done(done);
    }
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

    fn done(&mut self, done: std::result::Result<(TenantId, Result<Turn>), tokio::task::JoinError>) {
        let Ok((tenant, outcome)) = done else {
            tracing::error!("a turn panicked");
            // Whose it was is not told: everybody is called again.
            self.working.clear();
            return;
        };
        self.working.remove(&tenant);
        let before = self.pauses.remove(&tenant).unwrap_or(SHORT_REST);
        match outcome {
            Ok(Turn::Busy) => self.line_up(tenant),
            Ok(Turn::Idle(_)) => self.lie_down(tenant, (before * 2).min(LONG_REST)),
            Err(error) => {
                tracing::warn!(%tenant, mode = %tenant.mode(), %error, "a turn failed; it will be tried again");
                self.lie_down(tenant, LONG_REST);
            }
        }
    }

    fn lie_down(&mut self, tenant: TenantId, pause: Duration) {
        self.resting.insert(tenant, Rest { until: Instant::now() + pause, pause });
    }

    /// Until the first rested partition, at most a short while.
    fn rest(&self) -> Duration {
        let now = Instant::now();
        self.resting.values().map(|rest| rest.until.saturating_duration_since(now)).min().unwrap_or(SHORT_REST).min(SHORT_REST)
    }
}
