//! Requests of one key that record one thing each, and come at once, share a transaction: what a commit costs is paid once for all of them.
//!
//! Not here: what is recorded; that is the `work`, which also serves a batch request. Invariant: each has its own result, as if it had come alone, and an answer is given
//! after the commit.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::oneshot;

use super::{Act, put::only, run};
use crate::{
    clock::Clock,
    domain::ids::TenantId,
    error::{Error, Result},
    store::Db,
};

/// The most that share a transaction: a latecomer never waits for more.
const MOST: usize = 200;

/// Records several things, each with a result of its own.
type Work<I, O> = fn(&mut Act<'_>, &[I]) -> Result<Vec<Result<O>>>;

/// Who asks: whose data, in whose name.
type Party = (TenantId, String);

/// One kind of thing to record.
pub struct Joint<I, O> {
    work: Work<I, O>,
    /// What waits behind the transaction under way; a party without one has no place here.
    waiting: Mutex<HashMap<Party, Vec<Waiting<I, O>>>>,
}

struct Waiting<I, O> {
    item: I,
    answer: oneshot::Sender<Result<O>>,
}

impl<I, O> std::fmt::Debug for Joint<I, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Joint").finish_non_exhaustive()
    }
}

impl<I: Clone + Send + Sync + 'static, O: Send + 'static> Joint<I, O> {
    /// Nothing is under way.
    pub fn new(work: Work<I, O>) -> Arc<Self> {
        Arc::new(Self { work, waiting: Mutex::default() })
    }

    /// Records one thing within a transaction that is there.
    ///
    /// # Errors
    /// Those of the work.
    pub fn alone(&self, act: &mut Act<'_>, item: I) -> Result<O> {
        only((self.work)(act, &[item])?)
    }

    /// Records one thing, together with whatever else the same actor has waiting.
    ///
    /// # Errors
    /// Those of the work, for this thing; the store's.
    pub async fn record(self: &Arc<Self>, db: &Db, clock: &Clock, tenant: TenantId, actor: &str, item: I) -> Result<O> {
        let (answer, answered) = oneshot::channel();
        let party = (tenant, actor.to_owned());
        if self.line_up(party.clone(), Waiting { item, answer }) {
            // Not within this request: whoever lines up behind must not depend on its connection.
            tokio::spawn(Counter { joint: Arc::clone(self), party, closed: false }.serve(db.clone(), clock.clone()));
        }
        answered.await.unwrap_or_else(|_| Err(Error::internal("a joint transaction ended without an answer")))
    }

    /// Whether nobody serves the party yet.
    fn line_up(&self, party: Party, waiting: Waiting<I, O>) -> bool {
        match self.waiting.lock().unwrap_or_else(PoisonError::into_inner).entry(party) {
            Entry::Occupied(mut line) => {
                line.get_mut().push(waiting);
                false
            }
            Entry::Vacant(place) => {
                place.insert(vec![waiting]);
                true
            }
        }
    }

    /// Those who are next; nobody, and the party is forgotten.
    fn next(&self, party: &Party) -> Vec<Waiting<I, O>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(line) = waiting.get_mut(party) else { return Vec::new() };
        let next: Vec<_> = line.drain(..line.len().min(MOST)).collect();
        if next.is_empty() {
            waiting.remove(party);
        }
        next
    }
}

/// Serves one party until nobody waits.
struct Counter<I, O> {
    joint: Arc<Joint<I, O>>,
    party: Party,
    closed: bool,
}

impl<I: Clone + Send + Sync + 'static, O: Send + 'static> Counter<I, O> {
    /// One transaction after the other.
    async fn serve(mut self, db: Db, clock: Clock) {
        let (tenant, actor) = self.party.clone();
        let work = self.joint.work;
        loop {
            let together = self.joint.next(&self.party);
            if together.is_empty() {
                self.closed = true;
                return;
            }
            let items: Vec<I> = together.iter().map(|one| one.item.clone()).collect();
            match run(&db, &clock, tenant, &actor, move |act| work(act, &items)).await {
                Ok(outcomes) => together.into_iter().zip(outcomes).for_each(|(one, outcome)| one.tell(outcome)),
                // Nobody would fare better alone, and those behind would wait for each in turn.
                Err(Error::Busy { retry_after }) => together.into_iter().for_each(|one| one.tell(Err(Error::Busy { retry_after }))),
                // What went wrong may be the company: each goes alone.
                Err(_) if together.len() > 1 => {
                    for one in together {
                        let item = one.item.clone();
                        let outcome = run(&db, &clock, tenant, &actor, move |act| only(work(act, std::slice::from_ref(&item))?)).await;
                        one.tell(outcome);
                    }
                }
                Err(error) => together.into_iter().take(1).zip([error]).for_each(|(one, error)| one.tell(Err(error))),
            }
        }
    }
}

/// Stopped in the middle, with its runtime or by a panic: those who wait are told, and whoever comes next is served anew.
impl<I, O> Drop for Counter<I, O> {
    fn drop(&mut self) {
        if !self.closed {
            self.joint.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.party);
        }
    }
}

impl<I, O> Waiting<I, O> {
    /// Whoever hung up does not hear it.
    fn tell(self, outcome: Result<O>) {
        drop(self.answer.send(outcome));
    }
}
