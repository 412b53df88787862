//! When a provider account may be called: a circuit breaker and the provider's own wishes, decided from the outcomes so far and `now`.
//!
//! One [`Gate`] per provider account, so that one tenant's bad key stops nobody else. Not here: the rate ([`super::pace`]), counting
//! attempts; being held back costs a message nothing. Invariant: from the tenth failure among the last twenty outcomes
//! on, at most one call at a time goes out until one succeeds.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::outbound::Outcome;

/// How many outcomes are remembered.
const MEMORY: u32 = 20;
/// How many of them must be failures to open the circuit.
const THRESHOLD: u32 = 10;
/// The first pause; each failed probe doubles it.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(30);
/// The longest pause.
const LAST_PAUSE: TimeDelta = TimeDelta::minutes(15);
/// A probe whose outcome never came is given up after this long.
const PROBE_LEASE: TimeDelta = TimeDelta::minutes(1);

/// Who may pass, and from when the others may ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// Call now, and [`Gate::record`] what happens.
    Open,
    /// Come back then. No attempt was spent.
    Until(DateTime<Utc>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Circuit {
    /// Calls pass.
    Closed,
    /// Nothing passes before `until`; then one probe does.
    Open { until: DateTime<Utc>, pause: TimeDelta },
    /// One probe is out; nothing else passes before `until`.
    HalfOpen { until: DateTime<Utc>, pause: TimeDelta },
}

/// Stops calling an account that fails, and tries it again gently.
#[derive(Debug, Clone)]
struct Breaker {
    circuit: Circuit,
    /// The last outcomes, newest lowest; a set bit is a failure.
    failures: u32,
}

impl Breaker {
    /// The moment before which nothing passes.
    fn closed_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self.circuit {
            Circuit::Closed => None,
            Circuit::Open { until, .. } | Circuit::HalfOpen { until, .. } => Some(until).filter(|until| now < *until),
        }
    }

    /// A call goes out; after a pause it is the probe.
    fn begin(&mut self, now: DateTime<Utc>) {
        if let Circuit::Open { pause, .. } | Circuit::HalfOpen { pause, .. } = self.circuit {
            self.circuit = Circuit::HalfOpen { until: now + PROBE_LEASE, pause };
        }
    }

    fn record(&mut self, now: DateTime<Utc>, failed: bool) {
        self.failures = ((self.failures << 1) | u32::from(failed)) & ((1 << MEMORY) - 1);
        self.circuit = match (self.circuit, failed) {
            (Circuit::HalfOpen { pause, .. }, true) => opened(now, (pause * 2).min(LAST_PAUSE)),
            (Circuit::HalfOpen { .. }, false) => {
                self.failures = 0;
                Circuit::Closed
            }
            (Circuit::Closed, true) if self.failures.count_ones() >= THRESHOLD => opened(now, FIRST_PAUSE),
            // A call that was under way when the circuit opened changes nothing.
            (circuit, _) => circuit,
        };
    }
}

fn opened(now: DateTime<Utc>, pause: TimeDelta) -> Circuit {
    Circuit::Open { until: now + pause, pause }
}

/// How an account fares, as its gate has seen it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// Whether the circuit is open: only a call now and then goes out to try it.
    pub failing: bool,
    /// Nothing is called before this moment.
    pub paused_until: Option<DateTime<Utc>>,
}

/// Decides whether one provider account may be called.
#[derive(Debug, Clone)]
pub struct Gate {
    breaker: Breaker,
    /// The provider asked for quiet until then.
    quiet_until: DateTime<Utc>,
}

impl Default for Gate {
    /// A gate that has seen nothing yet.
    fn default() -> Self {
        Self { breaker: Breaker { circuit: Circuit::Closed, failures: 0 }, quiet_until: DateTime::UNIX_EPOCH }
    }
}

impl Gate {
    /// Asks for one call.
    pub fn enter(&mut self, now: DateTime<Utc>) -> Passage {
        if let Some(until) = self.closed_until(now) {
            return Passage::Until(until);
        }
        self.breaker.begin(now);
        Passage::Open
    }

    /// The later of both: a probe is only begun when nothing else holds the call back.
    fn closed_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        Some(self.quiet_until).filter(|until| now < *until).max(self.breaker.closed_until(now))
    }

    /// How the account fares.
    pub fn health(&self, now: DateTime<Utc>) -> Health {
        Health { failing: self.breaker.circuit != Circuit::Closed, paused_until: self.closed_until(now) }
    }

    /// Tells how a call ended.
    pub fn record(&mut self, now: DateTime<Utc>, outcome: &Outcome) {
        self.breaker.record(now, outcome.blames_account());
        if let Outcome::NotSent { retry_after: Some(pause), .. } = outcome {
            self.quiet_until = self.quiet_until.max(now + bounded(*pause));
        }
    }
}

/// A pause that cannot overflow a date.
fn bounded(pause: Duration) -> TimeDelta {
    TimeDelta::from_std(pause).unwrap_or(TimeDelta::days(1)).min(TimeDelta::days(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn ok() -> Outcome {
        Outcome::accepted(None)
    }

    fn broken() -> Outcome {
        Outcome::unknown("HTTP 500")
    }

    fn open_gate() -> Gate {
        let mut gate = Gate::default();
        for _ in 0..THRESHOLD {
            assert_eq!(gate.enter(start()), Passage::Open);
            gate.record(start(), &broken());
        }
        gate
    }

    #[test]
    fn ten_failures_open_it_and_a_probe_closes_it() {
        let mut gate = open_gate();
        let reopens = start() + FIRST_PAUSE;
        assert_eq!(gate.enter(start()), Passage::Until(reopens));
        assert_eq!(gate.enter(reopens), Passage::Open, "the probe");
        assert_eq!(gate.enter(reopens), Passage::Until(reopens + PROBE_LEASE), "one at a time");
        gate.record(reopens, &ok());
        assert_eq!(gate.enter(reopens), Passage::Open);
    }

    #[test]
    fn a_failed_probe_doubles_the_pause_up_to_a_limit_and_a_lost_one_is_replaced() {
        let mut gate = open_gate();
        let mut now = start() + FIRST_PAUSE;
        for expected in [60, 120, 240, 480, 900, 900] {
            assert_eq!(gate.enter(now), Passage::Open);
            gate.record(now, &broken());
            let Passage::Until(until) = gate.enter(now) else { panic!("open") };
            assert_eq!((until - now).num_seconds(), expected);
            now = until;
        }
        assert_eq!(gate.enter(now), Passage::Open);
        assert_eq!(gate.enter(now + PROBE_LEASE), Passage::Open, "its outcome never came");
    }

    #[test]
    fn a_message_at_fault_is_no_failure_of_the_account() {
        let mut gate = Gate::default();
        let refused = Outcome::Rejected { code: "550".into(), reason: String::new(), permanent: true, suppress: None };
        for _ in 0..50 {
            gate.record(start(), &refused);
        }
        assert_eq!(gate.enter(start()), Passage::Open);
    }

    #[test]
    fn retry_after_is_obeyed_at_once() {
        let mut gate = Gate::default();
        gate.record(start(), &Outcome::NotSent { reason: "429".into(), retry_after: Some(Duration::from_secs(90)) });
        assert_eq!(gate.enter(start()), Passage::Until(start() + TimeDelta::seconds(90)));
        gate.record(start(), &Outcome::NotSent { reason: "429".into(), retry_after: Some(Duration::MAX) });
        assert_eq!(gate.enter(start()), Passage::Until(start() + TimeDelta::days(1)));
    }

    proptest! {
        #[test]
        fn no_run_of_twenty_failures_leaves_it_closed(outcomes in proptest::collection::vec(any::<bool>(), 0..100)) {
            let mut gate = Gate::default();
            for failed in outcomes {
                gate.record(start(), &if failed { broken() } else { ok() });
            }
            for _ in 0..20 {
                gate.record(start(), &broken());
            }
            prop_assert!(matches!(gate.enter(start()), Passage::Until(_)));
        }
    }
}
