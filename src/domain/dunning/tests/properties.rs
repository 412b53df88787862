//! Random lives of accounts: whatever happens, these hold.

use std::collections::{HashMap, HashSet};

use chrono::Datelike;
use proptest::prelude::*;

use super::*;
use crate::domain::{
    calendar::{
        holidays, local,
        week::{Day, Weekdays},
    },
    contact::Channel,
    dunning::{
        account::{PromiseFacts, Silence, SilenceReason},
        policy::{Cadence, DayUnit, Grouping, Repeat, Threshold},
    },
    ledger::{commitment::Settled, promise::Terms},
};

/// Something that happens to an account.
#[derive(Debug, Clone)]
enum Event {
    /// Nothing, while the planner does its work, for so many hours.
    Run(i64),
    /// The planner is down for so many hours.
    Outage(i64),
    /// A new invoice, due so many days from now.
    Invoice(i32),
    /// A payment of so many percent of the n-th open instalment.
    Pay(usize, i64),
    /// Money nobody has allocated.
    Unallocated(i64),
    /// Silence about the n-th open instalment, for so many days.
    Silence(usize, i32),
    /// So much of the n-th open instalment is promised for so many days from now.
    Promise(usize, i32, i64),
    /// So many percent of the n-th open instalment are disputed.
    Dispute(usize, i64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        3 => (1..400i64).prop_map(Event::Run),
        1 => (1..2_000i64).prop_map(Event::Outage),
        3 => (-20..40i32).prop_map(Event::Invoice),
        2 => (0..5usize, 1..=100i64).prop_map(|(which, percent)| Event::Pay(which, percent)),
        1 => (0..20_000i64).prop_map(Event::Unallocated),
        1 => (0..5usize, 0..60i32).prop_map(|(which, days)| Event::Silence(which, days)),
        1 => (0..5usize, 0..30i32, 1..20_000i64).prop_map(|(which, days, minor)| Event::Promise(which, days, minor)),
        1 => (0..5usize, 0..=100i64).prop_map(|(which, percent)| Event::Dispute(which, percent)),
    ];
    prop::collection::vec(event, 1..25)
}

fn policies() -> impl Strategy<Value = Policy> {
    (0..2usize, prop::bool::ANY).prop_map(|(which, by_invoice)| {
        let policy = if which == 0 { builtin::crescendo() } else { builtin::gentle() };
        Policy { grouping: if by_invoice { Grouping::Invoice } else { Grouping::Customer }, ..policy }
    })
}

/// The life of an account: the account and the moment at its end, and its diary.
fn life(policy: &Policy, calendar: &Calendar, zone: chrono_tz::Tz, events: &[Event]) -> (Account, DateTime<Utc>, Diary) {
    let mut now = at("2026-03-02T07:13:00Z");
    let mut account = account(vec![owed(1, day("2026-03-20"))]);
    account.customer.zone = Some(zone);
    let mut diary = Vec::new();
    for event in events {
        match event {
            Event::Run(hours) => {
                let until = now + TimeDelta::hours(*hours);
                diary.extend(live(&mut account, policy, calendar, now, until));
                now = until + TimeDelta::seconds(10);
            }
            Event::Outage(hours) => now += TimeDelta::hours(*hours),
            Event::Invoice(days) => {
                let number = u128::try_from(account.instalments.len()).unwrap() + 1;
                account.instalments.push(owed(number, local::plus_days(calendar.today(now), *days)));
            }
            Event::Pay(which, percent) => {
                if let Some(paid) = account.instalments.iter_mut().filter(|one| one.balance_minor > 0).nth(*which) {
                    let settled = Settled { on: calendar.today(now), amount_minor: paid.balance_minor * percent / 100 };
                    paid.balance_minor -= settled.amount_minor;
                    paid.claimable_minor = paid.balance_minor;
                    let promised = account.promises.iter_mut().filter(|promise| promise.instalments.contains(&paid.id));
                    promised.for_each(|promise| promise.settled.push(settled));
                }
            }
            Event::Unallocated(minor) => account.unallocated_minor = *minor,
            Event::Silence(which, days) => {
                if let Some(silent) = account.instalments.iter_mut().filter(|one| one.balance_minor > 0).nth(*which) {
                    let until = Some(local::plus_days(calendar.today(now), *days));
                    silent.silences.push(Silence { reason: SilenceReason::Promise, from: None, until });
                }
            }
            Event::Promise(which, days, amount_minor) => {
                let (made_on, id) = (calendar.today(now), numbered(u128::try_from(account.promises.len()).unwrap()));
                let ends_on = local::plus_days(made_on, *days);
                if let Some(promised) = account.instalments.iter_mut().filter(|one| one.balance_minor > 0).nth(*which) {
                    promised.silences.push(Silence { reason: SilenceReason::Promise, from: None, until: Some(ends_on) });
                    account.promises.push(PromiseFacts {
                        id,
                        state: PromiseState::Open,
                        due_on: ends_on,
                        terms: Terms { made_on, ends_on, amount_minor: *amount_minor },
                        instalments: vec![promised.id],
                        settled: vec![],
                        breach: None,
                    });
                }
            }
            Event::Dispute(which, percent) => {
                if let Some(disputed) = account.instalments.iter_mut().filter(|one| one.balance_minor > 0).nth(*which) {
                    disputed.claimable_minor = disputed.balance_minor * (100 - percent) / 100;
                }
            }
        }
    }
    (account, now, diary)
}

/// Policies with conditions, repetitions and working days, valid or not: the decision is total.
fn odd_policies() -> impl Strategy<Value = Policy> {
    let step = (
        prop::option::weighted(0.3, 1..40_000i64),
        prop::option::weighted(0.2, 0..40u16),
        prop::option::weighted(0.2, 0..60u16),
        prop::option::weighted(0.3, (0..3usize, 1..=31u8, prop::option::of(2..6u32))),
        prop::bool::weighted(0.3),
        prop::option::weighted(0.4, prop::sample::select(Channel::ALL.to_vec())),
    );
    (policies(), prop::collection::vec(step, 6)).prop_map(|(mut policy, odd)| {
        for (step, (amount, late_min, late_max, rhythm, working, channel)) in policy.steps.iter_mut().zip(odd) {
            step.conditions.min_amount = amount.map(|minor| Threshold { currency: Currency::EUR, minor }).into_iter().collect();
            (step.conditions.days_late_min, step.conditions.days_late_max) = (late_min, late_max);
            step.channel = channel.unwrap_or(step.channel);
            step.offset_unit = if working { DayUnit::Working } else { DayUnit::Calendar };
            step.repeat = rhythm.map(|(which, day, max_count)| {
                let weekly = Cadence::Weekly { weekdays: Weekdays::of(&[Day::ALL[usize::from(day % 7)]]) };
                Repeat { cadence: [Cadence::Daily {}, weekly, Cadence::Monthly { day }][which], max_count: max_count.or(Some(9)) }
            });
        }
        policy
    })
}

fn zones() -> impl Strategy<Value = chrono_tz::Tz> {
    prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_step_is_repeated_no_formal_notice_sent_twice_and_the_spacing_is_kept(
        policy in policies(), zone in zones(), tenant in zones(), events in events(),
    ) {
        let calendar = Calendar { zone: tenant, ..paris() };
        let (_, _, diary) = life(&policy, &calendar, zone, &events);
        let place = |key: &str| policy.steps.iter().position(|step| step.key == key).unwrap();
        let mut done_once = HashSet::new();
        let mut last: HashMap<_, (usize, NaiveDate)> = HashMap::new();
        for (now, done) in &diary {
            let Done::Reminded { advances, formal, .. } = done else { continue };
            for (instalment, step, cycle) in advances {
                prop_assert!(done_once.insert((*instalment, step.clone(), *cycle)), "{step} {cycle} twice");
                let (here, today) = (place(step), calendar.today(*now));
                prop_assert!(!policy.steps[here].formal || (*formal && *cycle == 1));
                if let Some((before, first_done)) = last.get(instalment) {
                    let lapsed = |step: &super::super::policy::Step| step.offset_days < 0;
                    let between = policy.steps.iter().take(here).skip(before + 1);
                    prop_assert!(here == *before || between.into_iter().all(lapsed), "a warning was skipped before {step}");
                    let spacing = i64::from(policy.steps[here].offset_days - policy.steps[*before].offset_days);
                    prop_assert!((today - *first_done).num_days() >= spacing, "{step} too soon");
                } else {
                    prop_assert!(policy.steps.iter().take(here).all(|step| step.offset_days < 0), "{step} came first");
                }
                if last.get(instalment).is_none_or(|(before, _)| *before != here) {
                    last.insert(*instalment, (here, today));
                }
            }
        }
    }

    #[test]
    fn nobody_is_contacted_outside_hours_on_days_off_too_soon_or_too_often(
        policy in odd_policies(), zone in zones(), tenant in zones(), events in events(),
    ) {
        let calendar = Calendar { zone: tenant, ..paris() };
        let (account, _, diary) = life(&policy, &calendar, zone, &events);
        let window = &policy.contact.window;
        let moments: Vec<_> = diary.iter().filter(|(_, done)| matches!(done, Done::Reminded { .. })).map(|(now, _)| *now).collect();
        for now in &moments {
            let clock = local::local(zone, *now);
            prop_assert!((window.start..window.end).contains(&clock.time()) && window.weekdays.contains(clock.weekday()));
            prop_assert_eq!(holidays::holiday(&account.customer.jurisdiction, clock.date()), None);
            prop_assert_eq!(calendar.closed(calendar.today(*now)), None);
            for cap in &policy.contact.caps {
                let since = *now - TimeDelta::days(i64::from(cap.days));
                let contacts = moments.iter().filter(|other| **other > since && *other <= now).count();
                prop_assert!(contacts <= usize::from(cap.contacts));
            }
        }
        for pair in moments.windows(2) {
            let gap = (calendar.today(pair[1]) - calendar.today(pair[0])).num_days();
            prop_assert!(gap >= i64::from(policy.contact.min_gap_days));
        }
    }

    #[test]
    fn one_reminder_at_most_and_nothing_happens_before_next_at(
        policy in odd_policies(), zone in zones(), events in events(), phone in prop::bool::ANY, hours in 0..500i64,
        probes in prop::collection::vec(0..1_000i64, 12),
    ) {
        let calendar = paris();
        let (mut account, now, _) = life(&policy, &calendar, zone, &events);
        let now = now + TimeDelta::hours(hours);
        if !phone {
            account.customer.contacts[0].phone = None;
        }
        if hours % 2 == 0 {
            live(&mut account, &policy, &calendar, now, now);
        }
        let decision = plan(&account, &policy, &calendar, now);
        let actions = done(&decision);
        let reminders = actions.iter().filter(|action| matches!(action, Done::Reminded { .. })).count();
        prop_assert!(reminders <= 1);
        prop_assert!(decision.next_at.is_none_or(|next| next > now));
        if !actions.is_empty() {
            let same = plan(&account, &policy, &calendar, now);
            prop_assert_eq!(done(&same), actions);
            return Ok(());
        }
        let next_at = decision.next_at;
        let horizon = next_at.unwrap_or(now + TimeDelta::days(2_000)) - now;
        for part in probes {
            let before = now + TimeDelta::seconds(horizon.num_seconds() * part / 1_000);
            let probe = plan(&account, &policy, &calendar, before);
            prop_assert!(probe.actions.is_empty(), "at {before} before {next_at:?}: {:?}", probe.actions);
            prop_assert!(next_at.is_none() || probe.next_at == next_at || probe.next_at > Some(before));
        }
        // Whoever follows next_at comes to rest: never the same wake-up twice.
        let until = now + TimeDelta::days(1_000);
        live(&mut account, &policy, &calendar, now, until);
    }

    #[test]
    fn waking_up_more_often_changes_nothing(policy in odd_policies(), zone in zones(), start in 0..60i32, step in 1..5_000i64) {
        let calendar = paris();
        let fresh = || {
            let mut fresh = account(vec![owed(1, local::plus_days(day("2026-03-20"), start)), owed(2, day("2026-04-10"))]);
            fresh.customer.zone = Some(zone);
            fresh
        };
        let (from, to) = (at("2026-03-02T07:13:00Z"), at("2026-08-01T00:00:00Z"));
        let followed = live(&mut fresh(), &policy, &calendar, from, to);
        let (mut account, mut now, mut polled) = (fresh(), from, Vec::new());
        // Polls at odd moments, and at each next_at as the planner does.
        while now <= to {
            let decision = plan(&account, &policy, &calendar, now);
            let (actions, next_at) = (done(&decision), decision.next_at);
            apply(&mut account, &actions, now);
            let idle = actions.is_empty();
            polled.extend(actions.into_iter().map(|action| (now, action)));
            let poll = now + TimeDelta::minutes(step);
            now = if idle { next_at.map_or(poll, |next| next.min(poll)) } else { now + TimeDelta::seconds(1) };
        }
        prop_assert_eq!(followed, polled);
    }
}
