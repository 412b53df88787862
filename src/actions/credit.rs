//! What is known of payers, kept up to date: habits, scores, profiles.
//!
//! A habit changes in the transaction of what changes it: a payment, a promise, a dispute. A score is computed where it is about to be used, and nowhere
//! else: by the planner for the customers of the due accounts it has in hand (a handful of statements for all of them), by a credit decision for its own
//! customer, by a read for whoever asks. Every change of an input makes the account due, so the planner meets it at once; what only time changes (an old
//! delay that fades) waits until the account is looked at anyway. So a run costs what is due, and no score is ever used that is older than its use.
//!
//! Invariant: what policies and decisions see is the score of the present inputs, unless a person has set another.

pub mod control;
pub mod decisions;
pub mod solvency;
pub(super) mod watch;

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::json;

use super::{Act, tasks};
use crate::{
    domain::{
        credit::{
            habit::{Habit, HabitEvent, Summary},
            profile::{PayerProfile, profile},
            review::CreditReview,
            score::{Inputs, NEUTRAL, OpenBalance, Score, SolvencyInput, score},
        },
        ids::{AssessmentId, CustomerId, InstalmentId},
        money::Currency,
    },
    error::Result,
    store::{
        self, Conn, Json, Ts,
        credit::{Assessment, Subject},
        facts::Key,
        tenants::Tenant,
    },
};

/// Within which time a fall counts as one.
const FALL: TimeDelta = TimeDelta::days(90);

/// A payer, assessed.
#[derive(Debug, Clone)]
pub struct Assessed {
    /// From what.
    pub inputs: Inputs,
    /// The computed score.
    pub score: Score,
    /// In which way it pays.
    pub profile: Option<PayerProfile>,
    /// Why that.
    pub profile_reasons: Vec<String>,
}

/// Assesses customers as of a moment, however many, with a handful of statements. It only reads.
///
/// # Errors
/// The store's.
pub fn assess(conn: &mut Conn, tenant: &Tenant, ids: &[CustomerId], now: DateTime<Utc>) -> Result<HashMap<CustomerId, Assessed>> {
    let today = tenant.calendar().today(now);
    let facts = Facts::load(conn, tenant, ids, today)?;
    let subjects = store::credit::subjects(conn, tenant.tenant_id, ids)?;
    Ok(subjects.into_iter().map(|subject| (subject.id, facts.assess(&subject, tenant, today, now))).collect())
}

/// What customers' scores are computed from, beside their records.
struct Facts {
    habits: HashMap<CustomerId, Vec<Habit>>,
    balances: HashMap<CustomerId, Vec<OpenBalance>>,
    solvency: HashMap<CustomerId, (i32, DateTime<Utc>)>,
}

impl Facts {
    fn load(conn: &mut Conn, tenant: &Tenant, ids: &[CustomerId], today: NaiveDate) -> Result<Self> {
        let partition = tenant.tenant_id;
        let mut sums = HashMap::<Key, OpenBalance>::new();
        let blank = |currency| OpenBalance { currency, open_minor: 0, overdue_minor: 0, guaranteed_minor: 0 };
        for (key, open_minor, overdue_minor) in store::credit::open(conn, partition, ids, today)? {
            sums.insert(key, OpenBalance { open_minor, overdue_minor, ..blank(key.1) });
        }
        for one in store::guarantees::standing(conn, partition, ids)?.iter().filter(|one| one.is_in_force(today)) {
            let sum = sums.entry((one.customer_id, one.currency)).or_insert_with(|| blank(one.currency));
            sum.guaranteed_minor = sum.guaranteed_minor.saturating_add(one.amount_minor);
        }
        let mut balances = HashMap::<CustomerId, Vec<OpenBalance>>::new();
        for ((customer, _), sum) in sums {
            balances.entry(customer).or_default().push(sum);
        }
        Ok(Self {
            habits: store::credit::habits(conn, partition, ids)?,
            balances,
            solvency: store::solvency::latest(conn, partition, ids)?,
        })
    }

    fn assess(&self, subject: &Subject, tenant: &Tenant, today: NaiveDate, now: DateTime<Utc>) -> Assessed {
        let habits = self.habits.get(&subject.id).map(Vec::as_slice).unwrap_or_default();
        let solvency = self.solvency.get(&subject.id).and_then(|(rating, at)| {
            let age_days = now.signed_duration_since(*at).num_days().max(0);
            Some(SolvencyInput { rating: u8::try_from(*rating).ok()?, age_days })
        });
        let inputs = Inputs::new(
            Summary::of(habits.iter(), today),
            self.balances.get(&subject.id).cloned().unwrap_or_default(),
            subject.kind,
            &subject.company,
            &tenant.settings.credit.risky_activities,
            solvency,
            today,
        );
        let (profile, profile_reasons) = profile(&inputs).map_or((None, Vec::new()), |(profile, reasons)| (Some(profile), reasons));
        Assessed { score: score(&inputs), profile, profile_reasons, inputs }
    }
}

/// Writes what changed in the scores and profiles of the customers of accounts, with its evidence; what is as it was costs no write.
///
/// # Errors
/// The store's.
pub fn refresh(act: &mut Act<'_>, tenant: &Tenant, keys: &BTreeSet<Key>) -> Result<()> {
    let mut currencies = HashMap::new();
    for (customer, currency) in keys {
        currencies.entry(*customer).or_insert(*currency);
    }
    let ids: Vec<CustomerId> = keys.iter().map(|(customer, _)| *customer).collect::<BTreeSet<_>>().into_iter().collect();
    let mut assessed = assess(act.conn, tenant, &ids, act.now)?;
    let known = store::credit::profiles(act.conn, act.tenant, &ids)?;
    let (mut rows, mut fallen) = (Vec::new(), Vec::new());
    for id in ids {
        let Some(one) = assessed.remove(&id) else { continue };
        let before = known.get(&id).map_or((NEUTRAL, None), |row| (row.computed(), row.profile));
        if before == (one.score.value, one.profile) {
            continue;
        }
        witness(act, id, before, &one);
        if one.score.value < before.0
            && let Some(currency) = currencies.get(&id)
        {
            fallen.push(((id, *currency), before.0, one.score.value));
        }
        rows.push(Assessment {
            tenant_id: act.tenant,
            id: AssessmentId::new(act.now),
            customer_id: id,
            score: i32::from(one.score.value),
            profile: one.profile,
            inputs: Json(one.inputs),
            lines: Json(one.score.lines),
            assessed_at: Ts(act.now),
        });
    }
    alert(act, &fallen)?;
    store::credit::set_scores(act.conn, &rows)?;
    store::credit::insert_history(act.conn, &rows)
}

fn witness(act: &mut Act<'_>, id: CustomerId, before: (u8, Option<PayerProfile>), now: &Assessed) {
    if before.0 != now.score.value {
        let lines: Vec<_> = now
            .score
            .lines
            .iter()
            .filter(|line| line.points != 0)
            .map(|line| json!({"input": line.input, "points": line.points}))
            .collect();
        act.witness("score.changed", id, json!({"former_score": before.0, "score": now.score.value, "lines": lines}));
    }
    if before.1 != now.profile {
        act.witness("habit.changed", id, json!({"former_profile": before.1, "profile": now.profile, "reasons": now.profile_reasons}));
    }
}

/// Has a person look at those whose score, lower now than before, fell by two within [`FALL`].
fn alert(act: &mut Act<'_>, fallen: &[(Key, u8, u8)]) -> Result<()> {
    if fallen.is_empty() {
        return Ok(());
    }
    let ids: Vec<CustomerId> = fallen.iter().map(|((customer, _), ..)| *customer).collect();
    let best = store::credit::best_since(act.conn, act.tenant, &ids, act.now - FALL)?;
    for ((customer, currency), before, now) in fallen {
        let best = best.get(customer).copied().unwrap_or(0).max(i32::from(*before));
        if best.saturating_sub(i32::from(*now)) >= 2 {
            tasks::review(act, *customer, *currency, None, CreditReview::ScoreFell.as_str())?;
        }
    }
    Ok(())
}

/// Notes what a payer did about a `subject`, in the place of what was noted before; `None` takes that back. The caller holds the account's lock.
///
/// # Errors
/// The store's.
pub fn note(act: &mut Act<'_>, (customer, currency): Key, event: Option<HabitEvent>, subject: &str, on: NaiveDate) -> Result<()> {
    let mut habit = store::credit::habit(act.conn, act.tenant, customer, currency)?;
    if !habit.note(event, subject, on) {
        return Ok(());
    }
    let broken = habit.within_a_year(HabitEvent::PromiseBroken, on);
    store::credit::set_habit(act.conn, act.tenant, customer, currency, habit)?;
    if event == Some(HabitEvent::PromiseBroken) && broken >= 2 {
        tasks::review(act, customer, currency, None, CreditReview::PromiseBrokenTwice.as_str())?;
    }
    act.touch(customer, currency);
    Ok(())
}

/// Notes that instalments, each with its due date, were paid on a day. The caller holds the account's lock.
///
/// # Errors
/// The store's.
pub fn settled(act: &mut Act<'_>, (customer, currency): Key, paid: &[(InstalmentId, NaiveDate)], on: NaiveDate) -> Result<()> {
    if paid.is_empty() {
        return Ok(());
    }
    let mut habit = store::credit::habit(act.conn, act.tenant, customer, currency)?;
    for (instalment, due) in paid {
        habit.settle(*instalment, *due, on);
    }
    store::credit::set_habit(act.conn, act.tenant, customer, currency, habit)
}

/// Notes that an instalment is open again. The caller holds the account's lock.
///
/// # Errors
/// The store's.
pub fn reopened(act: &mut Act<'_>, (customer, currency): (CustomerId, Currency), instalment: InstalmentId) -> Result<()> {
    let mut habit = store::credit::habit(act.conn, act.tenant, customer, currency)?;
    if habit.reopen(instalment) {
        store::credit::set_habit(act.conn, act.tenant, customer, currency, habit)?;
    }
    Ok(())
}
