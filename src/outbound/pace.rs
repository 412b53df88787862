//! How fast, and how many at once: what one provider account bears, kept by waiting rather than by refusing.
//!
//! A bound on our own haste, for this process. What its provider wants beyond that it says by `Retry-After`, which [`super::breaker`] obeys. The machine's own time
//! counts here, whatever the tenant's clock says. Invariant: in any second at most a tenth more calls begin than the rate allows.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a provider account bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Calls per second in the long run; at least one.
    pub per_second: u32,
    /// Calls under way at once; at least one.
    pub at_once: u32,
}

/// The pace of one account.
#[derive(Debug)]
pub struct Pace {
    limits: Limits,
    bucket: Mutex<Bucket>,
    calls: Arc<Semaphore>,
}

/// Leave for one call, until it is dropped.
#[derive(Debug)]
pub struct Leave(#[expect(dead_code, reason = "given back when it is dropped")] OwnedSemaphorePermit);

impl Pace {
    /// The pace of an account that nobody has called yet.
    pub fn new(limits: Limits) -> Self {
        let places = usize::try_from(limits.at_once.max(1)).unwrap_or(1);
        Self { limits, bucket: Mutex::new(Bucket::new(limits.per_second)), calls: Arc::new(Semaphore::new(places)) }
    }

    /// What it was made for.
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// Waits for its turn; `None` if that would not come before `last`: then nothing was taken.
    pub async fn turn(&self, last: Instant) -> Option<Leave> {
        let place = Arc::clone(&self.calls).acquire_owned();
        let place = tokio::time::timeout_at(last.into(), place).await.ok()?.ok()?;
        let begins = self.bucket.lock().unwrap_or_else(PoisonError::into_inner).book(Instant::now(), last)?;
        tokio::time::sleep_until(begins.into()).await;
        Some(Leave(place))
    }
}

/// A token bucket, kept as the moment at which it is full again (the generic cell rate algorithm): exact, in integers.
#[derive(Debug)]
struct Bucket {
    /// The time that one token takes to come back.
    interval: Duration,
    /// How far the bucket may be overdrawn: all tokens but one.
    slack: Duration,
    full_at: Option<Instant>,
}

impl Bucket {
    fn new(per_second: u32) -> Self {
        let per_second = per_second.max(1);
        let interval = Duration::from_secs(1) / per_second;
        Self { interval, slack: interval * (per_second / 10).max(1).saturating_sub(1), full_at: None }
    }

    /// Takes the next token that is there before `last`, and says when.
    fn book(&mut self, now: Instant, last: Instant) -> Option<Instant> {
        let full_at = self.full_at.map_or(now, |full| full.max(now));
        let begins = full_at.checked_sub(self.slack).map_or(now, |due| due.max(now));
        if begins > last {
            return None;
        }
        self.full_at = Some(full_at + self.interval);
        Some(begins)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[tokio::test]
    async fn who_cannot_have_a_turn_in_time_takes_none() {
        let pace = Pace::new(Limits { per_second: 1, at_once: 1 });
        let soon = || Instant::now() + Duration::from_millis(50);
        let first = pace.turn(soon()).await.unwrap();
        assert!(pace.turn(soon()).await.is_none(), "one at once");
        drop(first);
        assert!(pace.turn(soon()).await.is_none(), "one a second");
        assert_eq!(pace.calls.available_permits(), 1, "what was not used is free");
    }

    #[tokio::test]
    async fn turns_come_at_the_rate() {
        let pace = Pace::new(Limits { per_second: 50, at_once: 8 });
        let begun = Instant::now();
        for _ in 0..15 {
            drop(pace.turn(begun + Duration::from_secs(5)).await.unwrap());
        }
        // Five at once, ten more at twenty milliseconds each.
        assert!(begun.elapsed() >= Duration::from_millis(190), "{:?}", begun.elapsed());
    }

    proptest! {
        #[test]
        fn the_rate_is_never_exceeded(steps in proptest::collection::vec(0u64..400, 1..200)) {
            let start = Instant::now();
            let (mut bucket, mut now, mut begun) = (Bucket::new(10), start, Vec::new());
            for step in steps {
                now += Duration::from_millis(step);
                begun.extend(bucket.book(now, now + Duration::from_secs(1)));
            }
            prop_assert!(begun.windows(2).all(|pair| pair[0] <= pair[1]), "in order");
            for (n, from) in begun.iter().enumerate() {
                let within = begun[n..].iter().take_while(|at| **at < *from + Duration::from_secs(1)).count();
                prop_assert!(within <= 11, "{within} in a second");
            }
        }
    }
}
