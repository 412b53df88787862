//! The reasons to be silent, for the decision: of many customers at once, a statement for each kind, and only what can still matter.
//!
//! A promise or a plan that ended stays in sight for a while, because late news about money may change what became of it.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl, RunQueryDsl};

use super::{
    Conn, Json,
    facts::Key,
    payment_plans, promises,
    schema::{direct_debits, disputes, holds, reminders},
};
use crate::{
    domain::{
        calendar::local,
        dunning::{
            account::{Account, Breach, Deadline, InstalmentFacts, PlanFacts, PromiseFacts, ReviewReason, Silence, SilenceReason},
            policy::{BROKEN_PLAN, BROKEN_PROMISE},
            reminder::ReminderState,
        },
        ids::{CustomerId, InvoiceId, TenantId},
        ledger::{
            direct_debit::{Collected, DebitState, NEWS_DAYS},
            dispute::{DisputeState, contested},
            payment_plan::PlanState,
            promise::{PromiseState, Terms},
        },
        money::Currency,
    },
    error::{Error, Result},
};

/// How long an ended promise or plan stays in sight.
const IN_SIGHT: TimeDelta = TimeDelta::days(92);
/// No creditor's date is further than this from UTC's.
const ANY_ZONE: TimeDelta = TimeDelta::days(2);

/// An open dispute: the amount, the whole without one, and the last day to answer.
type Contested = (Option<i64>, Option<NaiveDate>);
/// A hold: on an invoice, or on all; its first day and its last.
type Held = (Option<InvoiceId>, Option<NaiveDate>, Option<NaiveDate>);
/// A dispute as it is loaded.
type DisputeRow = (CustomerId, Currency, InvoiceId, Option<i64>, Option<NaiveDate>);

/// What keeps customers in peace.
#[derive(Default)]
pub(super) struct Silences {
    holds: HashMap<CustomerId, Vec<Held>>,
    disputes: HashMap<Key, HashMap<InvoiceId, Vec<Contested>>>,
    debits: HashMap<Key, Vec<(NaiveDate, Vec<Collected>)>>,
    promises: HashMap<Key, Vec<PromiseFacts>>,
    plans: HashMap<Key, Vec<PlanFacts>>,
}

/// Loads them for these customers.
pub(super) fn load(conn: &mut Conn, tenant: TenantId, ids: &[CustomerId], now: DateTime<Utc>) -> Result<Silences> {
    let mut silences = Silences::default();
    let holds: Vec<(CustomerId, Held)> = holds::table
        .filter(holds::tenant_id.eq(tenant).and(holds::customer_id.eq_any(ids.to_vec())).and(holds::lifted_at.is_null()))
        .filter(holds::until.is_null().or(holds::until.ge(Some((now - ANY_ZONE).date_naive()))))
        .select((holds::customer_id, (holds::invoice_id, holds::starts_on, holds::until)))
        .load(conn)?;
    for (customer, hold) in holds {
        silences.holds.entry(customer).or_default().push(hold);
    }
    let disputes: Vec<DisputeRow> = disputes::table
        .filter(disputes::tenant_id.eq(tenant).and(disputes::customer_id.eq_any(ids.to_vec())).and(disputes::state.eq(DisputeState::Open)))
        .select((disputes::customer_id, disputes::currency, disputes::invoice_id, disputes::amount_minor, disputes::respond_by))
        .load(conn)?;
    for (customer, currency, invoice, amount, respond_by) in disputes {
        silences.disputes.entry((customer, currency)).or_default().entry(invoice).or_default().push((amount, respond_by));
    }
    let debits: Vec<(CustomerId, Currency, NaiveDate, Json<Vec<Collected>>)> = direct_debits::table
        .filter(direct_debits::tenant_id.eq(tenant).and(direct_debits::customer_id.eq_any(ids.to_vec())))
        .filter(direct_debits::state.eq(DebitState::Announced))
        .select((direct_debits::customer_id, direct_debits::currency, direct_debits::collect_on, direct_debits::collected))
        .load(conn)?;
    for (customer, currency, collect_on, collected) in debits {
        silences.debits.entry((customer, currency)).or_default().push((collect_on, collected.0));
    }
    silences.promises = promised(conn, tenant, ids, (now - IN_SIGHT).date_naive())?;
    silences.plans = planned(conn, tenant, ids, (now - IN_SIGHT).date_naive())?;
    silences.mark_answered(conn, tenant, ids)?;
    Ok(silences)
}

fn promised(conn: &mut Conn, tenant: TenantId, ids: &[CustomerId], since: NaiveDate) -> Result<HashMap<Key, Vec<PromiseFacts>>> {
    let rows = promises::current(conn, tenant, ids, since)?;
    let found: Vec<_> = rows.iter().map(|row| row.id).collect();
    let mut covered = promises::covered(conn, tenant, &found)?;
    let mut settled = promises::settled(conn, tenant, &found)?;
    let mut promised = HashMap::<Key, Vec<PromiseFacts>>::new();
    for row in rows {
        promised.entry((row.customer_id, row.currency)).or_default().push(PromiseFacts {
            id: row.id,
            state: row.state,
            due_on: row.due_on,
            terms: Terms { made_on: row.made_on, ends_on: row.ends_on, amount_minor: row.amount_minor },
            instalments: covered.remove(&row.id).unwrap_or_default(),
            settled: settled.remove(&row.id).unwrap_or_default(),
            breach: breach(row.breach, row.breached_on)?,
        });
    }
    Ok(promised)
}

fn planned(conn: &mut Conn, tenant: TenantId, ids: &[CustomerId], since: NaiveDate) -> Result<HashMap<Key, Vec<PlanFacts>>> {
    let rows = payment_plans::current(conn, tenant, ids, since)?;
    let found: Vec<_> = rows.iter().map(|row| row.id).collect();
    let mut parts = payment_plans::parts(conn, tenant, &found)?;
    let mut covered = payment_plans::covered(conn, tenant, &found)?;
    let mut settled = payment_plans::settled(conn, tenant, &found)?;
    let mut planned = HashMap::<Key, Vec<PlanFacts>>::new();
    for row in rows {
        planned.entry((row.customer_id, row.currency)).or_default().push(PlanFacts {
            id: row.id,
            state: row.state,
            accepted_on: row.accepted_on.unwrap_or(row.proposed_on),
            grace_days: u16::try_from(row.grace_days).map_err(Error::internal)?,
            parts: parts.remove(&row.id).unwrap_or_default(),
            missed_part: row.missed_part.map(usize::try_from).transpose().map_err(Error::internal)?,
            instalments: covered.remove(&row.id).unwrap_or_default(),
            settled: settled.remove(&row.id).unwrap_or_default(),
            breach: breach(row.breach, row.breached_on)?,
        });
    }
    Ok(planned)
}

fn breach(number: Option<i32>, on: Option<NaiveDate>) -> Result<Option<Breach>> {
    let Some((number, on)) = number.zip(on) else { return Ok(None) };
    Ok(Some(Breach { number: u32::try_from(number).map_err(Error::internal)?, on, answered: false }))
}

impl Silences {
    /// Marks the broken words that a reminder has spoken of, or is about to.
    fn mark_answered(&mut self, conn: &mut Conn, tenant: TenantId, ids: &[CustomerId]) -> Result<()> {
        let mut promised: Vec<(&Key, &mut Breach)> = self
            .promises
            .iter_mut()
            .flat_map(|(key, all)| all.iter_mut().filter_map(move |one| Some((key, one.breach.as_mut()?))))
            .collect();
        let mut planned: Vec<(&Key, &mut Breach)> =
            self.plans.iter_mut().flat_map(|(key, all)| all.iter_mut().filter_map(move |one| Some((key, one.breach.as_mut()?)))).collect();
        if promised.is_empty() && planned.is_empty() {
            return Ok(());
        }
        let rows: Vec<(CustomerId, Currency, String, i32)> = reminders::table
            .filter(reminders::tenant_id.eq(tenant).and(reminders::customer_id.eq_any(ids.to_vec())))
            .filter(reminders::step_key.eq_any(vec![BROKEN_PROMISE, BROKEN_PLAN]).and(reminders::state.ne(ReminderState::Cancelled)))
            .select((reminders::customer_id, reminders::currency, reminders::step_key, reminders::cycle))
            .load(conn)?;
        let spoken: HashSet<(CustomerId, Currency, &str, i32)> =
            rows.iter().map(|(customer, currency, step, cycle)| (*customer, *currency, step.as_str(), *cycle)).collect();
        for (step, words) in [(BROKEN_PROMISE, &mut promised), (BROKEN_PLAN, &mut planned)] {
            for ((customer, currency), breach) in words {
                breach.answered = i32::try_from(breach.number).is_ok_and(|cycle| spoken.contains(&(*customer, *currency, step, cycle)));
            }
        }
        Ok(())
    }

    /// Enters into an account what keeps it in peace.
    pub(super) fn enter(&mut self, account: &mut Account) {
        let key = (account.customer.id, account.currency);
        for (invoice, from, until) in self.holds.get(&key.0).into_iter().flatten() {
            for one in account.instalments.iter_mut().filter(|one| invoice.is_none_or(|invoice| invoice == one.invoice_id)) {
                one.silences.push(Silence { reason: SilenceReason::Hold, from: *from, until: *until });
            }
        }
        for (invoice, disputes) in self.disputes.remove(&key).unwrap_or_default() {
            contest(account, invoice, &disputes);
        }
        for (collect_on, collected) in self.debits.remove(&key).unwrap_or_default() {
            let last_day = local::plus_days(collect_on, NEWS_DAYS);
            account.deadlines.push(Deadline { reason: ReviewReason::DebitWithoutNews, last_day });
            for part in collected {
                let one = account.instalments.iter_mut().find(|one| one.id == part.instalment_id);
                one.into_iter().for_each(|one| take(one, part.amount, SilenceReason::DirectDebit));
            }
        }
        account.promises = self.promises.remove(&key).unwrap_or_default();
        account.payment_plans = self.plans.remove(&key).unwrap_or_default();
        for promise in account.promises.iter().filter(|promise| promise.state == PromiseState::Open) {
            let until = Some(promise.terms.ends_on);
            for one in account.instalments.iter_mut().filter(|one| promise.instalments.contains(&one.id)) {
                one.silences.push(Silence { reason: SilenceReason::Promise, from: None, until });
            }
        }
        let kept = account.payment_plans.iter().filter(|plan| plan.state == PlanState::Accepted);
        // Asked for the first day there is, the judgement names the part that is awaited, late or not.
        let awaited: Vec<_> =
            kept.filter_map(|plan| Some((plan.instalments.clone(), plan.judge(account, NaiveDate::MIN)?.ends_on?))).collect();
        for (instalments, ends_on) in awaited {
            for one in account.instalments.iter_mut().filter(|one| instalments.contains(&one.id)) {
                one.silences.push(Silence { reason: SilenceReason::PaymentPlan, from: None, until: Some(ends_on) });
            }
        }
    }
}

/// Takes what is disputed of an invoice out of what is claimed.
fn contest(account: &mut Account, invoice: InvoiceId, disputes: &[Contested]) {
    let mut parts: Vec<&mut InstalmentFacts> = account.instalments.iter_mut().filter(|one| one.invoice_id == invoice).collect();
    parts.sort_by_key(|one| (one.due_date, one.position));
    let amount = disputes.iter().try_fold(0_i64, |sum, (amount, _)| Some(sum.saturating_add((*amount)?)));
    let balances: Vec<i64> = parts.iter().map(|one| one.balance_minor).collect();
    for (part, taken) in parts.into_iter().zip(contested(&balances, amount)) {
        take(part, taken, SilenceReason::Dispute);
    }
    let answers = disputes.iter().filter_map(|(_, respond_by)| *respond_by);
    account.deadlines.extend(answers.map(|last_day| Deadline { reason: ReviewReason::DisputeOverdue, last_day }));
}

/// Claims so much less of an instalment; nothing of it at all, if nothing is left.
fn take(one: &mut InstalmentFacts, amount: i64, reason: SilenceReason) {
    one.claimable_minor = one.claimable_minor.saturating_sub(amount).max(0);
    if amount > 0 && one.claimable_minor == 0 {
        one.silences.push(Silence { reason, from: None, until: None });
    }
}
