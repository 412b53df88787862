//! How fast, and how many at once: what one provider account bears, kept by waiting rather than by refusing.
//!
//! A bound on our own haste, for this process, and a forecast: how many messages it is of use to take up for the account. What its provider wants beyond that it says by
//! `Retry-After`, which [`super::breaker`] obeys. The machine's own time counts here, whatever the tenant's clock says. Invariant: in any second at most a tenth more calls
//! begin than the rate allows.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How far ahead one looks.
const AHEAD: Duration = Duration::from_secs(2);
/// How soon an account is taken to answer before it first did.
const FIRST_GUESS: Duration = Duration::from_millis(250);
/// The longest that a message waits behind others before it is looked at again: the account may have become faster.
const LONGEST_WAIT: Duration = Duration::from_secs(120);
/// Messages in hand for one account at most, however fast it was: it may stop answering.
const MOST: u32 = 1_600;

/// What a provider account bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Calls per second in the long run; at least one.
    pub per_second: u32,
    /// Calls under way at once; at least one.
    pub at_once: u32,
}

/// What an account can take on now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Messages beyond those that were taken up for it already.
    pub now: u32,
    /// Messages in each two seconds that follow.
    pub then: u32,
    /// How long those wait already that found no room before.
    pub wait: Duration,
}

/// The pace of one account.
#[derive(Debug)]
pub struct Pace {
    limits: Limits,
    bucket: Mutex<Bucket>,
    load: Mutex<Load>,
    calls: Arc<Semaphore>,
}

/// What was taken up for an account, and how soon it answers.
#[derive(Debug)]
struct Load {
    /// Messages taken up, whose calls have not ended.
    taken: u32,
    /// What a call lasts, of late.
    lasts: Duration,
    /// When whoever waits last has its turn.
    line: Option<Instant>,
}

/// A message taken up for an account, until it is dropped: its call has ended, or there is none.
#[derive(Debug)]
pub struct Taken(Arc<Pace>);

impl Drop for Taken {
    fn drop(&mut self) {
        let mut load = self.0.load.lock().unwrap_or_else(PoisonError::into_inner);
        load.taken = load.taken.saturating_sub(1);
    }
}

/// Leave for one call, until it is dropped.
#[derive(Debug)]
pub struct Leave {
    pace: Arc<Pace>,
    _place: OwnedSemaphorePermit,
}

impl Leave {
    /// Ends a call that lasted so long.
    pub fn done(self, call: Duration) {
        self.pace.lasted(call);
    }
}

impl Pace {
    /// The pace of an account that nobody has called yet.
    pub fn new(limits: Limits) -> Self {
        let places = usize::try_from(limits.at_once.max(1)).unwrap_or(1);
        let load = Load { taken: 0, lasts: FIRST_GUESS, line: None };
        Self { limits, bucket: Mutex::new(Bucket::new(limits.per_second)), load: Mutex::new(load), calls: Arc::new(Semaphore::new(places)) }
    }

    /// What can be taken on now: twice as many calls as begin within `AHEAD` at the rate, or as places become free in that time, whichever is less. Twice, so that
    /// the next are in hand before the account has nothing to do.
    pub fn room(&self, now: Instant) -> Room {
        let load = self.load.lock().unwrap_or_else(PoisonError::into_inner);
        let then = bearable(self.limits, load.lasts);
        let wait = load.line.map_or(Duration::ZERO, |line| line.saturating_duration_since(now));
        Room { now: then.saturating_mul(2).min(MOST).saturating_sub(load.taken), then, wait }
    }

    /// Counts a message in.
    pub fn take(self: &Arc<Self>) -> Taken {
        let mut load = self.load.lock().unwrap_or_else(PoisonError::into_inner);
        load.taken = load.taken.saturating_add(1);
        Taken(Arc::clone(self))
    }

    /// Notes that so many found no room: who comes after them waits longer. The line is told to be twice as fast as it is, so that the account never waits for it.
    pub fn line_up(&self, now: Instant, count: u32) {
        let mut load = self.load.lock().unwrap_or_else(PoisonError::into_inner);
        let each = AHEAD / bearable(self.limits, load.lasts) / 2;
        let begins = load.line.map_or(now, |line| line.max(now));
        load.line = Some((begins + each.saturating_mul(count)).min(now + LONGEST_WAIT));
    }

    fn lasted(&self, call: Duration) {
        let mut load = self.load.lock().unwrap_or_else(PoisonError::into_inner);
        load.lasts = load.lasts.saturating_mul(7).saturating_add(call) / 8;
    }

    /// What it was made for.
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// Waits for its turn; `None` if that would not come before `last`: then nothing was taken.
    pub async fn turn(self: &Arc<Self>, last: Instant) -> Option<Leave> {
        let place = Arc::clone(&self.calls).acquire_owned();
        let place = tokio::time::timeout_at(last.into(), place).await.ok()?.ok()?;
        let begins = self.bucket.lock().unwrap_or_else(PoisonError::into_inner).book(Instant::now(), last)?;
        tokio::time::sleep_until(begins.into()).await;
        Some(Leave { pace: Arc::clone(self), _place: place })
    }
}

/// How many calls begin within `AHEAD` if each lasts so long; at least one.
fn bearable(limits: Limits, lasts: Duration) -> u32 {
    let seconds = u32::try_from(AHEAD.as_secs()).unwrap_or(1);
    let rounds = AHEAD.as_millis().checked_div(lasts.as_millis().max(1)).map_or(1, |rounds| u32::try_from(rounds).unwrap_or(u32::MAX));
    limits.per_second.saturating_mul(seconds).min(limits.at_once.saturating_mul(rounds.max(1))).max(1)
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
        let pace = Arc::new(Pace::new(Limits { per_second: 1, at_once: 1 }));
        let soon = || Instant::now() + Duration::from_millis(50);
        let first = pace.turn(soon()).await.unwrap();
        assert!(pace.turn(soon()).await.is_none(), "one at once");
        drop(first);
        assert!(pace.turn(soon()).await.is_none(), "one a second");
        assert_eq!(pace.calls.available_permits(), 1, "what was not used is free");
    }

    #[tokio::test]
    async fn turns_come_at_the_rate() {
        let pace = Arc::new(Pace::new(Limits { per_second: 50, at_once: 8 }));
        let begun = Instant::now();
        for _ in 0..15 {
            drop(pace.turn(begun + Duration::from_secs(5)).await.unwrap());
        }
        // Five at once, ten more at twenty milliseconds each.
        assert!(begun.elapsed() >= Duration::from_millis(190), "{:?}", begun.elapsed());
    }

    #[test]
    fn a_slow_account_is_given_no_more_than_it_can_begin() {
        let (pace, now) = (Arc::new(Pace::new(Limits { per_second: 100, at_once: 8 })), Instant::now());
        assert_eq!(pace.room(now), Room { now: 128, then: 64, wait: Duration::ZERO });
        (0..40).for_each(|_| pace.lasted(Duration::from_secs(5)));
        assert_eq!(pace.room(now).then, 8, "as many as may be under way");
        let taken: Vec<Taken> = (0..6).map(|_| pace.take()).collect();
        assert_eq!((pace.room(now).now, pace.room(now).then), (10, 8));
        drop(taken);
        assert_eq!(pace.room(now).now, 16);
        (0..60).for_each(|_| pace.lasted(Duration::from_millis(10)));
        assert_eq!(pace.room(now).then, 200, "the rate, once it answers at once");
    }

    #[test]
    fn who_found_no_room_is_waited_behind_but_not_for_long() {
        let (pace, now) = (Pace::new(Limits { per_second: 50, at_once: 256 }), Instant::now());
        pace.line_up(now, 200);
        assert_eq!(pace.room(now).wait, Duration::from_secs(2));
        pace.line_up(now, 100);
        assert_eq!(pace.room(now).wait, Duration::from_secs(3));
        assert_eq!(pace.room(now + Duration::from_secs(4)).wait, Duration::ZERO);
        pace.line_up(now, u32::MAX);
        assert_eq!(pace.room(now).wait, LONGEST_WAIT);
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
