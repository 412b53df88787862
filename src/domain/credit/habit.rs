//! How an account pays: the last instalments it settled, and what else it did lately.
//!
//! A small bounded value per account, brought up to date in the transaction of whatever happens, so that nobody ever has to read a ledger to know
//! a payer. Recent behaviour weighs more: a fact's weight halves with each 90 days, and is nothing after 630.
//!
//! Invariants: at most [`WINDOW`] facts of each sort, the oldest forgotten first; the value depends on what happened, not on the order in which it was
//! told (as long as nothing was forgotten).

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::domain::ids::InstalmentId;

/// How many facts of each sort are remembered.
pub const WINDOW: usize = 24;
/// Days after which a fact weighs half.
const HALF_LIFE: i64 = 90;
/// What a fact of today weighs.
pub const FULL_WEIGHT: i64 = 64;

crate::words! {
    /// Something that a payer did, beside settling what it owed.
    pub enum HabitEvent {
        /// Kept a promise, or a payment plan.
        PromiseKept = "promise_kept",
        /// Broke a promise, or a payment plan.
        PromiseBroken = "promise_broken",
        /// Contested an amount, and was right.
        DisputeUpheld = "dispute_upheld",
        /// Contested an amount, and was wrong.
        DisputeRejected = "dispute_rejected",
        /// Had a payment taken back by its bank.
        PaymentReturned = "payment_returned",
    }
}

/// An instalment that was paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// The day on which the rest of it was paid.
    pub on: NaiveDate,
    /// Which.
    pub instalment: InstalmentId,
    /// Days after its due date; negative before.
    pub days_late: i64,
}

/// An event, told once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Noted {
    /// On which day.
    pub on: NaiveDate,
    /// What.
    pub event: HabitEvent,
    /// The promise, dispute or payment: told twice, it counts once.
    pub subject: String,
}

/// How an account pays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Habit {
    /// Instalments paid, the oldest first.
    pub settled: Vec<Settled>,
    /// Other events, the oldest first.
    pub events: Vec<Noted>,
}

impl Habit {
    /// Notes that an instalment is paid.
    pub fn settle(&mut self, instalment: InstalmentId, due: NaiveDate, on: NaiveDate) {
        self.reopen(instalment);
        self.settled.push(Settled { on, instalment, days_late: on.signed_duration_since(due).num_days() });
        self.settled.sort_by_key(|one| (one.on, one.instalment));
        forget(&mut self.settled);
    }

    /// Notes that an instalment is open again after all; `false` if it was not remembered.
    pub fn reopen(&mut self, instalment: InstalmentId) -> bool {
        let before = self.settled.len();
        self.settled.retain(|one| one.instalment != instalment);
        self.settled.len() < before
    }

    /// Notes what is now known of a subject, in the place of what was told of it before; `None` takes that back. `false` if nothing changes.
    pub fn note(&mut self, event: Option<HabitEvent>, subject: &str, on: NaiveDate) -> bool {
        if self.events.iter().find(|one| one.subject == subject).map(|one| one.event) == event {
            return false;
        }
        self.events.retain(|one| one.subject != subject);
        self.events.extend(event.map(|event| Noted { on, event, subject: subject.to_owned() }));
        self.events.sort();
        forget(&mut self.events);
        true
    }

    /// How often something happened in the 365 days before `today`.
    pub fn within_a_year(&self, event: HabitEvent, today: NaiveDate) -> usize {
        self.events.iter().filter(|one| one.event == event && age(one.on, today) < 365).count()
    }
}

/// Keeps the newest.
fn forget<T>(facts: &mut Vec<T>) {
    facts.drain(..facts.len().saturating_sub(WINDOW));
}

fn age(on: NaiveDate, today: NaiveDate) -> i64 {
    today.signed_duration_since(on).num_days().max(0)
}

/// What a fact of a day weighs today.
pub fn weight(on: NaiveDate, today: NaiveDate) -> i64 {
    u32::try_from(age(on, today) / HALF_LIFE).ok().and_then(|halvings| FULL_WEIGHT.checked_shr(halvings)).unwrap_or(0)
}

/// The habits of one payer, over its currencies, as of one day. Counts are in hundredths: an event of today is 100, one of 90 days ago 50.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Instalments remembered that still weigh something.
    pub settled: u32,
    /// Their weights summed; one paid today has [`FULL_WEIGHT`].
    pub settled_weight: i64,
    /// Their mean delay in days, weighted; negative is early.
    pub mean_days_late: Option<i64>,
    /// Promises kept, in hundredths.
    pub promises_kept: i64,
    /// Promises broken, in hundredths.
    pub promises_broken: i64,
    /// Disputes in which it was right, in hundredths.
    pub disputes_upheld: i64,
    /// Disputes in which it was wrong, in hundredths.
    pub disputes_rejected: i64,
    /// Payments that its bank took back, in hundredths.
    pub payments_returned: i64,
}

impl Summary {
    /// Sums up.
    pub fn of<'a>(habits: impl Iterator<Item = &'a Habit> + Clone, today: NaiveDate) -> Self {
        let mut sum = Self::default();
        let mut delay = 0_i64;
        for one in habits.clone().flat_map(|habit| &habit.settled) {
            let weight = weight(one.on, today);
            if weight > 0 {
                sum.settled = sum.settled.saturating_add(1);
                sum.settled_weight = sum.settled_weight.saturating_add(weight);
                // One forgotten invoice of three years is no habit: beyond a year, late is late.
                delay = delay.saturating_add(weight.saturating_mul(one.days_late.clamp(-365, 365)));
            }
        }
        sum.mean_days_late = (sum.settled_weight > 0).then(|| delay.div_euclid(sum.settled_weight.max(1)));
        for one in habits.flat_map(|habit| &habit.events) {
            let count = match one.event {
                HabitEvent::PromiseKept => &mut sum.promises_kept,
                HabitEvent::PromiseBroken => &mut sum.promises_broken,
                HabitEvent::DisputeUpheld => &mut sum.disputes_upheld,
                HabitEvent::DisputeRejected => &mut sum.disputes_rejected,
                HabitEvent::PaymentReturned => &mut sum.payments_returned,
            };
            *count = count.saturating_add(weight(one.on, today).saturating_mul(100) / FULL_WEIGHT);
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use chrono::Days;
    use proptest::prelude::*;

    use super::*;

    fn day(n: u64) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + Days::new(n)
    }

    fn instalment(n: u128) -> InstalmentId {
        InstalmentId::from_uuid(uuid::Uuid::from_u128(n))
    }

    proptest! {
        #[test]
        fn the_order_of_the_telling_does_not_matter(paid in proptest::collection::btree_map(0_u128..100, (0_u64..400, 0_u64..400), 0..WINDOW), seed in any::<u64>()) {
            let mut told: Vec<_> = paid.into_iter().collect();
            let straight = told.iter().fold(Habit::default(), |mut habit, (id, (due, on))| {
                habit.settle(instalment(*id), day(*due), day(*on));
                habit
            });
            told.sort_by_key(|(id, _)| seed.wrapping_mul(u64::try_from(*id).unwrap() + 1));
            let mut other = Habit::default();
            for (id, (due, on)) in &told {
                // Paid, taken back, paid again.
                other.settle(instalment(*id), day(*due), day(on + 1));
                prop_assert!(other.reopen(instalment(*id)));
                other.settle(instalment(*id), day(*due), day(*on));
            }
            prop_assert_eq!(straight, other);
        }

        #[test]
        fn memory_is_bounded_and_keeps_the_newest(days in proptest::collection::vec(0_u64..4000, 0..80)) {
            let mut habit = Habit::default();
            for (n, on) in days.iter().enumerate() {
                habit.settle(instalment(u128::try_from(n).unwrap()), day(0), day(*on));
                habit.note(Some(HabitEvent::PromiseBroken), &n.to_string(), day(*on));
            }
            prop_assert!(habit.settled.len() <= WINDOW && habit.events.len() <= WINDOW);
            let newest = days.iter().max().map(|on| day(*on));
            prop_assert_eq!(habit.settled.last().map(|one| one.on), newest);
        }
    }

    #[test]
    fn a_fact_fades_and_is_told_once() {
        assert_eq!([0, 89, 90, 180, 540, 630, 9999].map(|n| weight(day(0), day(n))), [64, 64, 32, 16, 1, 0, 0]);
        let mut habit = Habit::default();
        assert!(
            habit.note(Some(HabitEvent::PromiseBroken), "prm_1", day(0)) && !habit.note(Some(HabitEvent::PromiseBroken), "prm_1", day(9))
        );
        habit.note(Some(HabitEvent::PromiseBroken), "prm_2", day(90));
        let sum = Summary::of([&habit].into_iter(), day(90));
        assert_eq!((sum.promises_broken, habit.within_a_year(HabitEvent::PromiseBroken, day(364))), (150, 2));
    }

    #[test]
    fn what_is_recent_weighs_more() {
        let mut habit = Habit::default();
        habit.settle(instalment(1), day(0), day(60));
        habit.settle(instalment(2), day(360), day(360));
        let sum = Summary::of([&habit].into_iter(), day(420));
        assert_eq!((sum.settled, sum.mean_days_late), (2, Some(3)));
    }
}
