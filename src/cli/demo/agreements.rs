//! What people agree upon in the demonstration, what they contest, and what is decided about them: promises, disputes, payment plans, holds, interest, credit.
//!
//! All of it goes through the actions that the API has. Every choice comes from the seed.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{Datelike, Days, NaiveDate, Weekday};
use serde_json::json;

use super::{
    payers::Payer,
    world::{Creditor, Sale},
};
use crate::{
    actions::{self, Act},
    domain::{
        credit::request::{LimitChange, NewCreditDecision},
        dunning::{
            reminder::{TaskKind, TaskOutcome, TaskState},
            request::Completion,
        },
        ids::{CustomerId, InvoiceId, TaskId},
        ledger::{
            dispute::{DisputeOutcome, DisputeResolution, DisputeState},
            hold::NewHold,
            interest::NewCharge,
            payment_plan::{Acceptance, EqualParts, NewPaymentPlan, Part, PlanInterest},
            promise::TaskPromise,
        },
        money::Currency,
    },
    error::{Error, Result},
    instance::Instance,
    store::{self, reminders::Reminder},
};

/// Days in which a dispute is looked into.
const LOOKED_INTO: Days = Days::new(12);

/// What the generator must remember of agreements.
#[derive(Debug, Default)]
pub struct Agreements {
    /// Parts of payment plans that will be paid.
    parts: Vec<(CustomerId, Part)>,
    /// Who has had a plan: nobody gets two.
    planned: BTreeSet<CustomerId>,
    /// How many charges were made, and their sum in cents.
    pub charges: (u32, i64),
}

impl Agreements {
    /// The payments of plans that come in on a day.
    pub fn parts_of(&self, day: NaiveDate) -> impl Iterator<Item = serde_json::Value> {
        self.parts.iter().filter(move |(_, part)| part.due_on == day).map(|(customer, part)| {
            json!({"customer_id": customer, "currency": "EUR", "amount": part.amount, "received_on": part.due_on, "method": "transfer", "reference": "plan"})
        })
    }
}

/// A call and how it ends.
struct Call {
    task: TaskId,
    customer: CustomerId,
    done: Completion,
}

fn plus(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_add_days(Days::new(days)).unwrap_or(day)
}

impl Creditor {
    /// The calls of the day are made: some promise, some contest, some are not there.
    pub(super) async fn make_calls(
        &mut self,
        instance: &Arc<Instance>,
        day: NaiveDate,
        place: &impl Fn(CustomerId) -> usize,
    ) -> Result<()> {
        let partition = self.partition;
        let filter = store::tasks::Filter { state: Some(TaskState::Open), kind: Some(TaskKind::Call), ..Default::default() };
        let mut calls = instance.db.read(partition, move |conn| store::tasks::list(conn, partition, &filter, None, 1_000)).await?;
        if calls.is_empty() {
            return Ok(());
        }
        calls.sort_by_key(|task| (place(task.customer_id), task.created_at.0));
        let made: Vec<Call> = calls.into_iter().map(|task| self.call(task.id, task.customer_id, day)).collect();
        let complete = move |act: &mut Act<'_>| made.iter().try_for_each(|call| complete(act, call));
        actions::run(&instance.db, &instance.clock, partition, actions::SYSTEM, complete).await
    }

    fn call(&mut self, task: TaskId, customer: CustomerId, day: NaiveDate) -> Call {
        let (outcome, notes) = match self.rng.u32(0..12) {
            0..4 => (TaskOutcome::Promise, "Promised to pay within the week."),
            4 => (TaskOutcome::Contested, "Says that something was missing."),
            5..9 => (TaskOutcome::NotReached, "No answer; left a message."),
            _ => (TaskOutcome::Reached, "Will ask their accountant."),
        };
        let due_on = plus(day, self.rng.u64(2..8));
        let keeps = self.payer(customer) != Some(Payer::Lost) && self.rng.u32(0..10) < 6;
        if outcome == TaskOutcome::Promise && keeps {
            for sale in self.open_on(customer, day) {
                sale.pays_on = Some(sale.pays_on.map_or(due_on, |planned| planned.min(due_on)).max(plus(day, 1)));
            }
        }
        let promise =
            (outcome == TaskOutcome::Promise).then(|| TaskPromise { due_on, amount: None, instalment_ids: vec![], said_by: None });
        Call { task, customer, done: Completion { outcome, notes: Some(notes.to_owned()), promise, dispute: None } }
    }

    /// What the day's reminders lead to, beside payments: payment plans, holds, interest that is charged.
    pub(super) async fn answer(&mut self, instance: &Arc<Instance>, day: NaiveDate, reminders: &[Reminder]) -> Result<()> {
        for reminder in reminders {
            let (customer, payer) = (reminder.customer_id, self.payer(reminder.customer_id));
            match reminder.step_key.as_str() {
                "last_reminder" if matches!(payer, Some(Payer::ShortOfCash | Payer::Stalling)) && self.rng.bool() => {
                    self.plan(instance, day, customer).await?;
                }
                "first_reminder" if self.rng.u32(0..20) == 0 => self.hold(instance, day, customer).await?,
                "formal_notice" => self.charge(instance, reminder).await?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Three parts, a month apart; who does not keep to them pays the first.
    async fn plan(&mut self, instance: &Arc<Instance>, day: NaiveDate, customer: CustomerId) -> Result<()> {
        if !self.agreements.planned.insert(customer) {
            return Ok(());
        }
        let keeps = self.rng.u32(0..10) < 7;
        let new = NewPaymentPlan {
            customer_id: customer,
            currency: Currency::EUR,
            instalment_ids: vec![],
            invoice_ids: vec![],
            equal: Some(EqualParts { parts: 3, every_months: 1, first_due_on: Some(plus(day, 3)) }),
            parts: None,
            tax_first: false,
            interest: PlanInterest::WaivedIfKept,
        };
        let agree = move |act: &mut Act<'_>| {
            if nothing_open(act, customer)? {
                return Ok(Vec::new());
            }
            let plan = actions::payment_plans::propose(act, &new)?;
            let parts = store::payment_plans::parts(act.conn, act.tenant, &[plan.id])?.remove(&plan.id).unwrap_or_default();
            let text = "Nous réglons le solde en trois mensualités. / Wij betalen het saldo in drie maandelijkse delen.".to_owned();
            let how = Acceptance { accepted_by: "the manager".to_owned(), accepted_from: "203.0.113.9".to_owned(), text };
            actions::payment_plans::accept(act, plan.id, &how)?;
            Ok(parts)
        };
        let parts = actions::run(&instance.db, &instance.clock, self.partition, actions::SYSTEM, agree).await?;
        let Some(last) = parts.last().map(|part| part.due_on) else { return Ok(()) };
        for sale in self.open_on(customer, day) {
            (sale.paid, sale.pays_on) = (true, keeps.then_some(last));
        }
        self.agreements.parts.extend(parts.into_iter().take(if keeps { 3 } else { 1 }).map(|part| (customer, part)));
        Ok(())
    }

    /// Left in peace for ten days from the day after tomorrow.
    async fn hold(&mut self, instance: &Arc<Instance>, day: NaiveDate, customer: CustomerId) -> Result<()> {
        let new = NewHold {
            customer_id: Some(customer),
            invoice_id: None,
            reason: "on holiday".to_owned(),
            from: Some(plus(day, 2)),
            until: Some(plus(day, 12)),
        };
        let place = move |act: &mut Act<'_>| actions::holds::place(act, &new).map(drop);
        actions::run(&instance.db, &instance.clock, self.partition, actions::SYSTEM, place).await
    }

    /// With the formal notice, interest and fixed sum become a charge; who pays then pays that, too.
    async fn charge(&mut self, instance: &Arc<Instance>, reminder: &Reminder) -> Result<()> {
        let carrying = reminder.carrying_instalment_id;
        let charge = move |act: &mut Act<'_>| {
            let invoices = store::instalments::invoices_of(act.conn, act.tenant, &[carrying])?;
            let Some(invoice) = invoices.first().copied() else { return Ok(None) };
            let new = NewCharge { until: None, accept_provisional: true };
            match actions::interest::charge(act, invoice, &new) {
                Ok(made) => Ok(Some((number(act, invoice)?, made.iter().fold(0_i64, |sum, one| sum.saturating_add(one.amount_minor))))),
                // The law gives nothing against this debtor, or it has paid.
                Err(Error::Conflict { .. }) => Ok(None),
                Err(other) => Err(other),
            }
        };
        let made = actions::run(&instance.db, &instance.clock, self.partition, actions::SYSTEM, charge).await?;
        let Some((number, cents)) = made else { return Ok(()) };
        self.agreements.charges = (self.agreements.charges.0.saturating_add(1), self.agreements.charges.1.saturating_add(cents));
        self.sale(&number).into_iter().for_each(|sale| sale.charged = sale.charged.saturating_add(cents));
        Ok(())
    }

    fn sale(&mut self, number: &str) -> Option<&mut Sale> {
        self.invoices.iter_mut().find(|sale| sale.number == number)
    }

    /// What the creditor decides: disputes that were looked into, and on Mondays credit for new orders.
    pub(super) async fn decide(&mut self, instance: &Arc<Instance>, day: NaiveDate) -> Result<()> {
        let partition = self.partition;
        let open = store::disputes::Filter { state: Some(DisputeState::Open), ..Default::default() };
        let disputes = move |act: &mut Act<'_>| {
            let rows = store::disputes::list(act.conn, partition, &open, None, 1_000)?;
            let ripe = rows.into_iter().filter(|row| row.opened_on.checked_add_days(LOOKED_INTO).is_some_and(|end| end <= day));
            let mut ripe = ripe.map(|row| Ok((number(act, row.invoice_id)?, row))).collect::<Result<Vec<_>>>()?;
            ripe.sort_by(|one, other| one.0.cmp(&other.0));
            Ok(ripe)
        };
        let ripe = actions::run(&instance.db, &instance.clock, partition, actions::SYSTEM, disputes).await?;
        let mut resolved = Vec::new();
        for (number, row) in ripe {
            let contested = row.amount_minor.unwrap_or(0);
            let (outcome, amount, given_up) = match self.rng.u32(0..3) {
                0 => (DisputeOutcome::CreditNote, None, contested),
                1 if contested > 3 => (DisputeOutcome::Partly, Some(contested / 3), contested / 3),
                _ => (DisputeOutcome::Rejected, None, 0),
            };
            if let Some(sale) = self.sale(&number) {
                sale.credited = sale.credited.saturating_add(given_up);
                sale.paid |= sale.credited >= sale.cents;
            }
            let credit_note_number = (given_up > 0).then(|| format!("A-{number}"));
            resolved.push((row.id, DisputeResolution { outcome, amount, credit_note_number, note: None }));
        }
        let orders = if day.weekday() == Weekday::Mon { self.orders(day) } else { Vec::new() };
        if resolved.is_empty() && orders.is_empty() {
            return Ok(());
        }
        let write = move |act: &mut Act<'_>| {
            resolved.iter().try_for_each(|(id, how)| actions::disputes::resolve(act, *id, how).map(drop))?;
            orders.iter().try_for_each(|(limit, order)| {
                if let Some(customer) = order.customer_id {
                    actions::credit::control::set_limit(act, customer, limit)?;
                }
                actions::credit::decisions::decide(act, order).map(drop)
            })
        };
        actions::run(&instance.db, &instance.clock, partition, actions::SYSTEM, write).await
    }

    /// Two orders of the week, each with the limit that its customer has.
    fn orders(&mut self, day: NaiveDate) -> Vec<(LimitChange, NewCreditDecision)> {
        let mut orders = Vec::new();
        for n in 1..=2 {
            let Some((customer, _)) = self.rng.choice(&self.debtors).copied() else { continue };
            let limit = self.rng.i64(5..60).saturating_mul(10_000);
            let limit =
                LimitChange { currency: Currency::EUR, limit: Some(limit), valid_until: None, reason: "reviewed this week".to_owned() };
            let order = NewCreditDecision {
                customer_id: Some(customer),
                customer: None,
                currency: Currency::EUR,
                amount: self.rng.i64(2..30).saturating_mul(10_000),
                order_reference: Some(format!("O-{}-{n}", day.format("%Y%m%d"))),
            };
            orders.push((limit, order));
        }
        orders
    }
}

/// Ends a call. A promise needs something to promise.
fn complete(act: &mut Act<'_>, call: &Call) -> Result<()> {
    let nothing = call.done.promise.is_some() && nothing_open(act, call.customer)?;
    let settled = Completion { outcome: TaskOutcome::Settled, promise: None, ..call.done.clone() };
    actions::tasks::complete(act, call.task, if nothing { &settled } else { &call.done }).map(drop)
}

fn nothing_open(act: &mut Act<'_>, customer: CustomerId) -> Result<bool> {
    Ok(store::instalments::open_of(act.conn, act.tenant, customer, Currency::EUR, None)?.is_empty())
}

fn number(act: &mut Act<'_>, invoice: InvoiceId) -> Result<String> {
    Ok(store::invoices::find(act.conn, act.tenant, invoice)?.number)
}
