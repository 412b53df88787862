//! What was looked up a moment ago: short enough that a revocation is felt everywhere within five seconds.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long something is trusted without another look.
const REMEMBERED: Duration = Duration::from_secs(4);
/// Beyond so many entries, those that are too old are thrown out.
const MANY: usize = 10_000;

/// Values by what they were looked up by.
#[derive(Debug)]
pub struct Memory<K, V>(Mutex<HashMap<K, (Instant, V)>>);

impl<K, V> Default for Memory<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Memory<K, V> {
    /// What was found a moment ago.
    pub fn get(&self, key: &K) -> Option<V> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(key).filter(|(at, _)| at.elapsed() < REMEMBERED).map(|(_, value)| value.clone())
    }

    /// Remembers what was found. `since` is when the look began: what changed meanwhile was perhaps not seen.
    pub fn put(&self, key: K, since: Instant, value: V) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() > MANY {
            all.retain(|_, (at, _)| at.elapsed() < REMEMBERED);
        }
        all.insert(key, (since, value));
    }
}
