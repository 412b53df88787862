//! Readers of strangers' files, handed what strangers may write.

use std::time::{Duration, Instant};

use proptest::{
    strategy::Strategy,
    test_runner::{Config, TestRunner},
};

/// Hands `read` a few hundred values, or as many as fit into the seconds that `RELANCE_FUZZ_SECONDS` says, each time others. It is to survive them.
pub(super) fn foreign<S: Strategy>(values: S, read: impl Fn(S::Value)) {
    let seconds = std::env::var("RELANCE_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        let mut runner = TestRunner::new(Config { failure_persistence: None, ..Default::default() });
        runner
            .run(&values, |value| {
                read(value);
                Ok(())
            })
            .unwrap();
        if Instant::now() >= end {
            return;
        }
    }
}
