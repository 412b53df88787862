//! The reviews that time and exposure bring: looked for where the planner looks anyway.
//!
//! Invariant: a review that was done is not raised again for [`QUIET`], so a person's word is not drowned in its own echo.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

use super::decisions;
use crate::{
    actions::{Act, tasks},
    domain::{
        calendar::local,
        credit::{
            decision::Limit,
            limitation::{lapses, warns_on},
            review::CreditReview,
        },
        ids::CustomerId,
    },
    error::Result,
    store::{self, facts::Key, facts::Loaded, guarantees::Guarantee, tenants::Tenant},
};

/// How long a review that was done keeps its reason quiet.
const QUIET: TimeDelta = TimeDelta::days(30);
/// For how many days an expired guarantee is news.
const NEWS: i64 = 60;

/// Raises what is to be raised about accounts, and says when time alone will bring more.
///
/// # Errors
/// The store's.
pub fn look(act: &mut Act<'_>, tenant: &Tenant, loaded: &HashMap<Key, Loaded>) -> Result<HashMap<Key, DateTime<Utc>>> {
    let open: Vec<(&Key, &Loaded)> = loaded.iter().filter(|(_, one)| !one.account.instalments.is_empty()).collect();
    let ids: Vec<CustomerId> = open.iter().map(|(key, _)| key.0).collect::<BTreeSet<_>>().into_iter().collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let limits: HashMap<Key, Limit> =
        store::limits::of_customers(act.conn, act.tenant, &ids)?.iter().map(|row| ((row.customer_id, row.currency), row.into())).collect();
    let guarantees = store::guarantees::standing(act.conn, act.tenant, &ids)?;
    let reserved = store::credit_decisions::reserved(act.conn, act.tenant, &ids, act.now)?;
    let zone = tenant.zone();
    let today = tenant.calendar().today(act.now);
    let (mut wanted, mut moments) = (BTreeSet::new(), HashMap::new());
    for (key, one) in open {
        let mut look = Look { today, reasons: Vec::new(), next: None };
        if let Some(limit) = limits.get(key) {
            let exposure = decisions::exposure(one, reserved.get(key).copied().unwrap_or(0), tenant, act.now);
            look.limit(*limit, exposure.counted_minor);
        }
        guarantees.iter().filter(|guarantee| (guarantee.customer_id, guarantee.currency) == *key).for_each(|one| look.guarantee(one));
        look.limitation(tenant, one);
        wanted.extend(look.reasons.into_iter().map(|reason| (*key, reason)));
        let next = look.next.map(|day| local::day_start(zone, day));
        if let Some(at) = [next, one.score_changes_at].into_iter().flatten().filter(|at| *at > act.now).min() {
            moments.insert(*key, at);
        }
    }
    raise(act, wanted)?;
    Ok(moments)
}

fn raise(act: &mut Act<'_>, wanted: BTreeSet<(Key, CreditReview)>) -> Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let ids: Vec<CustomerId> = wanted.iter().map(|(key, _)| key.0).collect::<BTreeSet<_>>().into_iter().collect();
    let quiet = store::tasks::reviewed_since(act.conn, act.tenant, &ids, act.now - QUIET)?;
    for ((customer, currency), reason) in wanted {
        if !quiet.contains(&(customer, Some(currency), reason.as_str().to_owned())) {
            tasks::review(act, customer, currency, None, reason.as_str())?;
        }
    }
    Ok(())
}

/// What is found about one account.
struct Look {
    today: NaiveDate,
    reasons: Vec<CreditReview>,
    /// The first day on which time alone brings more.
    next: Option<NaiveDate>,
}

impl Look {
    fn await_day(&mut self, day: Option<NaiveDate>) {
        let later = day.filter(|day| *day > self.today);
        self.next = [self.next, later].into_iter().flatten().min();
    }

    fn limit(&mut self, limit: Limit, counted_minor: i64) {
        if !limit.is_valid(self.today) {
            self.reasons.push(CreditReview::LimitExpired);
        } else if counted_minor >= limit.minor && counted_minor > 0 {
            self.reasons.push(CreditReview::LimitReached);
        }
        self.await_day(limit.valid_until.and_then(|last| last.checked_add_days(Days::new(1))));
    }

    fn guarantee(&mut self, guarantee: &Guarantee) {
        let Some(last) = guarantee.expires_on else { return };
        let expired = self.today.signed_duration_since(last).num_days();
        if (1..=NEWS).contains(&expired) {
            self.reasons.push(CreditReview::GuaranteeExpired);
        }
        self.await_day(last.checked_add_days(Days::new(1)));
    }

    /// The oldest debt is the first to be lost.
    fn limitation(&mut self, tenant: &Tenant, one: &Loaded) {
        let customer = &one.account.customer;
        let oldest = one.account.instalments.iter().map(|instalment| instalment.due_date).min();
        let Some((lapses_on, _)) = oldest.and_then(|due| lapses(&tenant.jurisdiction, &customer.jurisdiction, customer.kind, due)) else {
            return;
        };
        if warns_on(lapses_on) <= self.today {
            self.reasons.push(CreditReview::LimitationNear);
        }
        self.await_day(Some(warns_on(lapses_on)));
    }
}
