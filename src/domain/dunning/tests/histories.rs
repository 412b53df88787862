//! Random histories: a debtor is invoiced, pays, promises, contests, is left in peace and moved about, while reminders are decided, sent late, cancelled and
//! approved. The facts are kept apart from the decision, and after each event the decision is held against them.
//!
//! A failure names its seed: `RELANCE_SEED=… cargo test --lib histories`. `RELANCE_HISTORIES` asks for more of them.

mod held;

use std::collections::HashMap;

use fastrand::Rng;

use super::*;
use crate::domain::{
    calendar::{
        Closure, local,
        week::{SendWindow, Weekdays},
    },
    contact::Channel,
    dunning::{
        account::{OpenReminder, OpenState, PlanFacts, PromiseFacts, Silence},
        policy::{Cadence, ContactRules, Repeat},
    },
    ids::InstalmentId,
    ledger::{commitment::Settled, dispute::contested, payment_plan::Part, promise::Terms},
};

const HISTORIES: u64 = 2_000;
const EVENTS: usize = 30;

/// A pause: of one instalment or of all, its first day if it lies ahead, and its last, if it has one.
type Pause = (Option<InstalmentId>, Option<NaiveDate>, Option<NaiveDate>);

/// A reminder under way.
struct UnderWay {
    reminder: Done,
    /// When it will be done, or given up.
    ends: DateTime<Utc>,
    sent: bool,
    /// When to look again, as it was foreseen; forgotten once something else happens.
    foreseen: Option<DateTime<Utc>>,
}

/// What happened to one debtor, and the account that follows from it.
struct History {
    rng: Rng,
    now: DateTime<Utc>,
    calendar: Calendar,
    policy: Policy,
    account: Account,
    holds: Vec<Pause>,
    debits: Vec<(InstalmentId, NaiveDate)>,
    disputed: HashMap<InstalmentId, Option<i64>>,
    under_way: Option<UnderWay>,
    /// Steps done, by instalment, in order.
    climbed: HashMap<InstalmentId, Vec<(usize, u32)>>,
    met: HashMap<&'static str, u64>,
}

impl History {
    fn begin(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut policy = rng.choice([builtin::crescendo(), builtin::gentle(), builtin::consumer_safe()]).unwrap();
        if policy.admits(CustomerKind::Consumer) && rng.bool() {
            meant_for_elsewhere(&mut policy);
        }
        // Some rungs apply to nobody here: a formal one may then be the first warning, and must not be sent.
        for step in policy.steps.iter_mut().filter(|step| !step.formal && rng.u8(0..4) == 0) {
            step.conditions.segments = vec!["others".to_owned()];
        }
        let mut account = account(vec![]);
        account.customer.kind = if policy.admits(CustomerKind::Consumer) { CustomerKind::Consumer } else { CustomerKind::Business };
        account.customer.zone = rng.choice(chrono_tz::TZ_VARIANTS);
        account.customer.jurisdiction = rng.choice(["FR", "BE", "US", "CA-QC", "DE-BY"]).unwrap().parse().unwrap();
        account.customer.contacts.push(contact(2));
        Self {
            now: at("2026-01-05T07:13:00Z") + TimeDelta::hours(rng.i64(0..8_000)),
            calendar: paris(),
            policy,
            account,
            holds: vec![],
            debits: vec![],
            disputed: HashMap::new(),
            under_way: None,
            climbed: HashMap::new(),
            met: HashMap::new(),
            rng,
        }
    }

    fn today(&self) -> NaiveDate {
        self.calendar.today(self.now)
    }

    fn day(&mut self, from: i32, to: i32) -> NaiveDate {
        local::plus_days(self.today(), self.rng.i32(from..to))
    }

    fn some_open(&mut self) -> Option<InstalmentId> {
        let open: Vec<_> = self.account.instalments.iter().filter(|one| one.balance_minor > 0).map(|one| one.id).collect();
        self.rng.choice(open)
    }

    /// Something happens.
    fn event(&mut self) {
        self.surprise();
        let which = self.rng.usize(0..20);
        match which {
            0..=3 => self.invoice(),
            4..=6 => self.pay(),
            7 => self.account.unallocated_minor = self.rng.i64(0..15_000),
            8 => {
                let one = self.some_open().filter(|_| self.rng.bool());
                let until = self.rng.bool().then(|| self.day(0, 30));
                let from = self.rng.bool().then(|| self.day(0, 15));
                self.holds.push((one, from, until));
            }
            9 => drop(self.holds.pop()),
            10 => {
                if let Some(one) = self.some_open() {
                    let until = self.day(1, 10);
                    self.debits.push((one, until));
                }
            }
            11 => {
                if let Some(one) = self.some_open() {
                    let part = self.rng.bool().then(|| self.rng.i64(1..12_000));
                    self.disputed.insert(one, part);
                }
            }
            12 => self.disputed.clear(),
            13 => self.promise(),
            14 => self.plan(),
            15 => {
                let due = self.day(-40, 60);
                let one = self.some_open();
                self.account.instalments.iter_mut().filter(|known| Some(known.id) == one).for_each(|known| known.due_date = due);
            }
            16 => {
                let off = self.rng.bool();
                let person = self.rng.usize(0..2);
                self.account.customer.contacts[person].opted_out = if off { vec![Channel::Email] } else { vec![] };
            }
            17 => self.retime(),
            18 => {
                let from = self.day(0, 20);
                self.calendar.closing_days = vec![Closure { from, to: local::plus_days(from, self.rng.i32(0..6)) }];
            }
            _ => self.now += TimeDelta::hours(self.rng.i64(1..1_500)),
        }
        *self.met.entry("event").or_default() += 1;
        self.restate();
    }

    fn invoice(&mut self) {
        let number = u128::try_from(self.account.instalments.len()).unwrap() + 1;
        let due = self.day(-20, 40);
        let mut new = owed(number, due);
        if let Some(known) = self.account.instalments.last().filter(|_| self.rng.u8(0..4) == 0) {
            new.invoice_id = known.invoice_id;
        }
        self.account.instalments.push(new);
    }

    fn pay(&mut self) {
        let (today, percent) = (self.today(), self.rng.i64(1..=100));
        let Some(one) = self.some_open() else { return };
        let paid = self.account.instalments.iter_mut().find(|known| known.id == one).unwrap();
        let settled = Settled { on: today, amount_minor: paid.balance_minor * percent / 100 };
        paid.balance_minor -= settled.amount_minor;
        self.account.promises.iter_mut().filter(|word| word.instalments.contains(&one)).for_each(|word| word.settled.push(settled));
        self.account.payment_plans.iter_mut().filter(|word| word.instalments.contains(&one)).for_each(|word| word.settled.push(settled));
    }

    fn promise(&mut self) {
        let (made_on, ends_on) = (self.today(), self.day(0, 20));
        let Some(one) = self.some_open() else { return };
        self.account.promises.push(PromiseFacts {
            id: numbered(100 + u128::try_from(self.account.promises.len()).unwrap()),
            state: PromiseState::Open,
            due_on: ends_on,
            terms: Terms { made_on, ends_on, amount_minor: self.rng.i64(1..12_000) },
            instalments: vec![one],
            settled: vec![],
            breach: None,
        });
    }

    fn plan(&mut self) {
        let accepted_on = self.today();
        let Some(one) = self.some_open() else { return };
        if self.account.payment_plans.iter().any(|plan| plan.state == PlanState::Accepted && plan.instalments.contains(&one)) {
            return;
        }
        self.account.payment_plans.push(PlanFacts {
            id: numbered(200 + u128::try_from(self.account.payment_plans.len()).unwrap()),
            state: PlanState::Accepted,
            accepted_on,
            grace_days: 3,
            parts: (0..3).map(|n| Part { due_on: local::plus_days(accepted_on, 20 * n), amount: 2_000 }).collect(),
            missed_part: None,
            instalments: vec![one],
            settled: vec![],
            breach: None,
        });
    }

    /// Another version of the policy, with the same rungs at other distances and other rules of contact; sometimes nothing is repeated.
    fn retime(&mut self) {
        let stretch = self.rng.i32(1..3);
        self.policy.steps.iter_mut().for_each(|step| step.offset_days *= stretch);
        self.policy.contact.min_gap_days = self.rng.u16(0..8);
        if self.rng.bool() {
            self.policy.contact.caps.clear();
        }
        if self.rng.bool() {
            self.policy.steps.iter_mut().for_each(|step| step.repeat = None);
        }
    }

    /// Writes the facts of the moment into the account, as a loader would.
    fn restate(&mut self) {
        let today = self.today();
        let plans: Vec<_> = self.account.payment_plans.iter().filter(|plan| plan.state == PlanState::Accepted).collect();
        let planned: Vec<(Vec<InstalmentId>, Option<NaiveDate>)> = plans
            .iter()
            .map(|plan| (plan.instalments.clone(), plan.judge(&self.account, today).and_then(|standing| standing.ends_on)))
            .collect();
        for one in &mut self.account.instalments {
            let silence = |reason, until| Silence { reason, from: None, until };
            one.silences.clear();
            let holds = self.holds.iter().filter(|(of, ..)| of.is_none_or(|of| of == one.id));
            one.silences.extend(holds.map(|(_, from, until)| Silence { from: *from, ..silence(SilenceReason::Hold, *until) }));
            let debits = self.debits.iter().filter(|(of, _)| *of == one.id);
            one.silences.extend(debits.map(|(_, until)| silence(SilenceReason::DirectDebit, Some(*until))));
            let promises =
                self.account.promises.iter().filter(|word| word.state == PromiseState::Open && word.instalments.contains(&one.id));
            one.silences.extend(promises.map(|word| silence(SilenceReason::Promise, Some(word.terms.ends_on))));
            let plans = planned.iter().filter(|(of, _)| of.contains(&one.id));
            one.silences.extend(plans.map(|(_, until)| silence(SilenceReason::PaymentPlan, *until)));
            let dispute = self.disputed.get(&one.id).copied();
            if dispute == Some(None) {
                one.silences.push(silence(SilenceReason::Dispute, None));
            }
            let amount = dispute.map_or(Some(0), |part| part);
            one.claimable_minor = one.balance_minor - contested(&[one.balance_minor], amount)[0];
        }
    }

    /// The planner works for some days; what it decides is sent sooner or later, or given up.
    fn work(&mut self) {
        let until = self.now + TimeDelta::hours(self.rng.i64(1..600));
        for _ in 0..400 {
            self.finish();
            self.restate();
            let (account, policy, calendar) = (self.account.clone(), self.policy.clone(), self.calendar.clone());
            let decision = plan(&account, &policy, &calendar, self.now);
            self.check(&decision);
            let actions = done(&decision);
            if actions.is_empty() {
                let finished = self.under_way.as_ref().map(|one| one.ends);
                match [decision.next_at, finished].into_iter().flatten().min().filter(|next| *next <= until) {
                    Some(next) => self.now = next.max(self.now + TimeDelta::seconds(1)),
                    None => break,
                }
                continue;
            }
            for action in actions {
                if matches!(action, Done::Reminded { .. }) {
                    let patience = if self.rng.u8(0..3) == 0 { TimeDelta::hours(self.rng.i64(1..100)) } else { TimeDelta::zero() };
                    self.account.open_reminder = Some(OpenReminder { id: numbered(7), state: OpenState::InFlight, put_off: None });
                    let foreseen = decision.actions.iter().find_map(|one| match one {
                        Action::Remind(reminder) => foresee(&account, reminder, &policy, &calendar, self.now),
                        _ => None,
                    });
                    let ends = self.now + patience;
                    self.under_way = Some(UnderWay { reminder: action, ends, sent: self.rng.u8(0..10) != 0, foreseen });
                } else {
                    self.surprise();
                    apply(&mut self.account, &[action], self.now);
                }
            }
            self.now += TimeDelta::seconds(1);
        }
        self.now = self.now.max(until);
    }

    /// What was foreseen no longer holds.
    fn surprise(&mut self) {
        if let Some(one) = &mut self.under_way {
            one.foreseen = None;
        }
    }

    /// A reminder that has taken its time is done or given up.
    fn finish(&mut self) {
        let Some(done) = self.under_way.take_if(|one| one.ends <= self.now) else { return };
        self.account.open_reminder = None;
        if !done.sent {
            return;
        }
        let Done::Reminded { advances, formal, .. } = &done.reminder else { unreachable!() };
        for (instalment, step, cycle) in advances {
            self.climb(*instalment, step, *cycle, *formal);
        }
        apply(&mut self.account, &[done.reminder], self.now);
        if let Some(foreseen) = done.foreseen {
            self.restate();
            let found = plan(&self.account, &self.policy, &self.calendar, self.now);
            let next = if found.actions.is_empty() { found.next_at } else { Some(self.now) };
            assert!(next.is_none_or(|next| foreseen <= next), "looked at again at {foreseen}, too late for {next:?}");
            *self.met.entry("foreseen").or_default() += 1;
        }
    }
}

/// A policy that was made for a place where all is allowed, and is used for a consumer of another.
fn meant_for_elsewhere(policy: &mut Policy) {
    policy.contact = ContactRules { window: SendWindow::new(Weekdays::ALL, 0, 23), min_gap_days: 0, caps: vec![] };
    policy.contact.window.skip_holidays = false;
    policy.steps[1].repeat = Some(Repeat { cadence: Cadence::Daily {}, max_count: Some(9) });
}

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
#[expect(clippy::print_stdout, reason = "whoever sees it fail needs the seed, and may ask for it again")]
fn thousands_of_histories_break_no_rule() {
    let given = asked("RELANCE_SEED");
    let first = given.unwrap_or_else(|| fastrand::u64(0..1 << 48));
    let count = if given.is_some() { 1 } else { asked("RELANCE_HISTORIES").unwrap_or(HISTORIES) };
    let mut met: HashMap<&str, u64> = HashMap::new();
    for seed in first..first + count {
        println!("RELANCE_SEED={seed}");
        let mut history = History::begin(seed);
        for _ in 0..EVENTS {
            history.event();
            history.work();
        }
        history.met.into_iter().for_each(|(what, times)| *met.entry(what).or_default() += times);
    }
    println!("{count} histories: {met:?}");
    let often = |what: &str, least: u64| met.get(what).copied().unwrap_or(0) >= least * count;
    assert!(
        given.is_some()
            || (often("reminder", 2) && often("foreseen", 1) && often("peace", 2) && often("event", 20)) && met.contains_key("formal"),
        "too little happens: {met:?}"
    );
}
