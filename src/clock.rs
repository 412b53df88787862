//! The only place that reads the time.
//!
//! Business time is a value that callers pass down; whoever needs the present asks a [`Clock`]. Not here: a test
//! tenant's own clock, which is a row that `advance` moves.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};

/// Tells the present moment: the machine's, or one that a test holds in its hand.
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The machine's clock.
    pub const fn system() -> Self {
        Self(None)
    }

    /// A clock that stands at `at` until it is moved.
    pub fn fixed(at: DateTime<Utc>) -> Self {
        Self(Some(Arc::new(AtomicI64::new(at.timestamp_micros()))))
    }

    /// The present, in whole microseconds: what both databases keep.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn now(&self) -> DateTime<Utc> {
        let micros = self.0.as_ref().map_or_else(|| Utc::now().timestamp_micros(), |held| held.load(Ordering::SeqCst));
        DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// Moves a fixed clock; the machine's does not move.
    pub fn advance(&self, by: TimeDelta) {
        if let Some(held) = &self.0 {
            held.fetch_add(by.num_microseconds().unwrap_or(0), Ordering::SeqCst);
        }
    }
}
