//! Late-payment interest: what has accrued, what is charged of it, what is given up; and the rates that a tenant adds.
//!
//! Accrual is computed and never kept. A charge is a figure of one day, kept with its lines: the next one takes it off what has accrued
//! since the first day late, so that nothing is charged twice, whatever payments are recorded late. Invariant, kept under the account's
//! lock: `0 ≤ balance ≤ amount - waived` of each charge.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;

use super::Act;
use crate::{
    domain::{
        calendar::local,
        dunning::policy::Policy,
        ids::{ChargeId, InstalmentId, InvoiceId, ReferenceRateId, TenantId},
        invalid::Faults,
        ledger::interest::{
            self, ChargeBasis, ChargeKind, Charged, Computation, InterestHandling, InterestLine, Line, NewCharge, NewWaiver, Owed,
            rates::{NewRate, Rates},
        },
    },
    error::{Error, Result},
    store::{
        self, Conn, Json, Ts, charges::Charge, facts::Loaded, interest::Debt, reference_rates::ReferenceRate, reminders::Reminder,
        tenants::Tenant,
    },
};

/// What an invoice's interest has come to.
#[derive(Debug, Clone)]
pub struct Assessed {
    /// The invoice, and what was charged.
    pub debt: Debt,
    /// The lines.
    pub computation: Computation,
    /// Interest: accrued, charged, left to pay.
    pub interest: Owed,
    /// The fixed sum: owed, charged, left to pay.
    pub fixed_sum: Owed,
}

impl Assessed {
    /// Computes an invoice's interest up to a day.
    pub fn new(debt: Debt, tenant: &Tenant, rates: &Rates, until: NaiveDate) -> Self {
        let computation = interest::compute(&debt.claim(&tenant.jurisdiction, tenant.zone()), rates, until);
        let charged: Vec<Charged> = debt.charges.iter().map(Charge::charged).collect();
        let (interest, fixed_sum) = (Owed::interest(&computation, &charged), Owed::fixed_sum(&computation, &charged));
        Self { debt, computation, interest, fixed_sum }
    }

    /// Both kinds: how much is neither charged nor waived.
    fn uncharged(&self) -> [(ChargeKind, Owed); 2] {
        [(ChargeKind::Interest, self.interest), (ChargeKind::FixedSum, self.fixed_sum)]
    }
}

/// What some invoices' interest has come to, in a handful of statements.
///
/// # Errors
/// The store's.
pub fn assess(conn: &mut Conn, tenant: &Tenant, invoices: &[InvoiceId], until: NaiveDate) -> Result<Vec<Assessed>> {
    let rates = store::reference_rates::of_tenant(conn, tenant.tenant_id)?;
    let debts = store::interest::debts(conn, tenant.tenant_id, invoices)?;
    Ok(debts.into_iter().map(|debt| Assessed::new(debt, tenant, &rates, until)).collect())
}

/// One invoice's.
///
/// # Errors
/// No such invoice.
pub fn assess_one(conn: &mut Conn, tenant: &Tenant, invoice: InvoiceId, until: NaiveDate) -> Result<Assessed> {
    assess(conn, tenant, &[invoice], until)?.pop().ok_or(Error::NotFound("invoice"))
}

/// Charges what has accrued of interest and fixed sum and was not charged before.
///
/// # Errors
/// No such invoice; a day to come; `rate_not_published` unless a provisional figure is accepted; `nothing_to_charge`.
pub fn charge(act: &mut Act<'_>, invoice: InvoiceId, new: &NewCharge) -> Result<Vec<Charge>> {
    let assessed = assess_locked(act, invoice, new.until)?;
    if assessed.computation.provisional && !new.accept_provisional && assessed.interest.uncharged > 0 {
        let detail = "a rate that the figure rests on is not published yet: add it under /v1/reference-rates, charge up to an earlier day, or accept a provisional figure";
        return Err(Error::conflict("rate_not_published", detail));
    }
    let made = record(act, &assessed, None)?;
    if made.is_empty() {
        return Err(Error::conflict("nothing_to_charge", "nothing has accrued up to that day that was not charged or waived already"));
    }
    Ok(made)
}

/// Gives up what is left of an invoice's charges, and what has accrued and was not charged.
///
/// # Errors
/// No such invoice; a day to come; `nothing_to_waive`.
pub fn waive(act: &mut Act<'_>, invoice: InvoiceId, new: &NewWaiver) -> Result<Vec<Charge>> {
    let assessed = assess_locked(act, invoice, new.until)?;
    let mut waived = Vec::new();
    for charge in assessed.debt.charges.iter().filter(|charge| charge.balance_minor > 0) {
        give_up(act, charge, &new.reason)?;
        waived.push(charge.id);
    }
    waived.extend(record(act, &assessed, Some(&new.reason))?.iter().map(|charge| charge.id));
    if waived.is_empty() {
        return Err(Error::conflict("nothing_to_waive", "nothing is charged or has accrued up to that day"));
    }
    let mut rows = store::charges::of_invoices(act.conn, act.tenant, &[invoice])?;
    rows.retain(|row| waived.contains(&row.id));
    Ok(rows)
}

/// Takes back the charges on an invoice that is withdrawn. The caller holds the account's lock.
///
/// # Errors
/// `has_allocations` when something was paid of them.
pub fn withdraw(act: &mut Act<'_>, invoice: InvoiceId) -> Result<()> {
    let charges = store::charges::of_invoices(act.conn, act.tenant, &[invoice])?;
    if charges.iter().any(|charge| charge.amount_minor > charge.balance_minor.saturating_add(charge.waived_minor)) {
        let detail = "a payment settles interest that was charged on this invoice; return it first, or issue a credit note";
        return Err(Error::conflict("has_allocations", detail));
    }
    for charge in charges.iter().filter(|charge| charge.balance_minor > 0) {
        give_up(act, charge, "the invoice was cancelled")?;
    }
    Ok(())
}

/// Gives up what is left of the interest that was charged on these instalments; of a charge that speaks of others, too, their share. The caller holds the
/// account's lock.
///
/// # Errors
/// The store's.
pub(super) fn waive_covered(act: &mut Act<'_>, covered: &[InstalmentId], reason: &str) -> Result<()> {
    let invoices = store::instalments::invoices_of(act.conn, act.tenant, covered)?;
    let charges = store::charges::of_invoices(act.conn, act.tenant, &invoices.into_iter().collect::<Vec<_>>())?;
    for charge in charges.iter().filter(|charge| charge.kind == ChargeKind::Interest) {
        let share = charge.computation.share(charge.amount_minor, covered).min(charge.balance_minor);
        if share > 0 {
            give_up_part(act, charge, share, reason)?;
        }
    }
    Ok(())
}

/// Waives what is left of a charge.
fn give_up(act: &mut Act<'_>, charge: &Charge, reason: &str) -> Result<()> {
    give_up_part(act, charge, charge.balance_minor, reason)
}

fn give_up_part(act: &mut Act<'_>, charge: &Charge, amount: i64, reason: &str) -> Result<()> {
    store::charges::waive(act.conn, act.tenant, charge.id, amount, reason, Ts(act.wall))?;
    let body =
        json!({"invoice_id": charge.invoice_id, "kind": charge.kind, "currency": charge.currency, "amount": amount, "reason": reason});
    act.audit("charge.waived", charge.id, body);
    Ok(())
}

/// The invoice's interest under the lock of its account.
fn assess_locked(act: &mut Act<'_>, invoice: InvoiceId, until: Option<NaiveDate>) -> Result<Assessed> {
    let row = store::invoices::find(act.conn, act.tenant, invoice)?;
    store::accounts::lock(act.conn, act.tenant, &[(row.customer_id, row.currency)].into())?;
    let tenant = store::tenants::find(act.conn, act.tenant)?;
    let today = local::date(tenant.zone(), act.now);
    let until = until.unwrap_or(today);
    if until > today {
        return Err(Faults::one("/until", "in_the_future", format!("nothing has accrued after today, {today}")).into());
    }
    assess_one(act.conn, &tenant, invoice, until)
}

/// Writes what is not charged yet as charges; with a reason, as waived from the first.
fn record(act: &mut Act<'_>, assessed: &Assessed, waived: Option<&str>) -> Result<Vec<Charge>> {
    let mut made = Vec::new();
    for (kind, owed) in assessed.uncharged() {
        if owed.uncharged > 0 {
            made.push(write(act, assessed, kind, owed, waived)?);
        }
    }
    Ok(made)
}

fn write(act: &mut Act<'_>, assessed: &Assessed, kind: ChargeKind, owed: Owed, waived: Option<&str>) -> Result<Charge> {
    let Assessed { debt, computation, .. } = assessed;
    let lines: Vec<InterestLine> = match kind {
        ChargeKind::Interest => computation.lines.iter().map(InterestLine::from).collect(),
        ChargeKind::FixedSum => Vec::new(),
    };
    let basis = ChargeBasis {
        rule: computation.rule.map(|rule| rule.name.to_owned()),
        accrued: owed.charged.saturating_add(owed.uncharged),
        charged_before: owed.charged,
        provisional: kind == ChargeKind::Interest && computation.provisional,
        lines,
    };
    let amount = owed.uncharged;
    let row = Charge {
        tenant_id: act.tenant,
        id: ChargeId::new(act.wall),
        invoice_id: debt.invoice_id,
        customer_id: debt.customer_id,
        currency: debt.currency,
        kind,
        accrued_until: computation.until,
        amount_minor: amount,
        balance_minor: if waived.is_some() { 0 } else { amount },
        waived_minor: if waived.is_some() { amount } else { 0 },
        interest_first: computation.rule.is_some_and(|rule| rule.interest_first),
        computation: Json(basis),
        reason: waived.map(str::to_owned),
        created_at: Ts(act.wall),
        updated_at: Ts(act.wall),
    };
    store::charges::insert(act.conn, &row)?;
    let told = if waived.is_some() { "charge.waived" } else { "charge.made" };
    let body = json!({"invoice_id": row.invoice_id, "kind": row.kind, "currency": row.currency, "amount": amount, "accrued_until": row.accrued_until,
        "reason": row.reason, "computation": *row.computation});
    act.audit(told, row.id, body);
    Ok(row)
}

/// Adds a rate for a period for which none is published. Added again just so, it stays as it was.
///
/// # Errors
/// Every broken rule of the input; `rate_known` for a period that has another rate of the tenant's.
pub fn add_rate(act: &mut Act<'_>, new: &NewRate) -> Result<ReferenceRate> {
    new.check().or(())?;
    if let Some(known) = store::reference_rates::find(act.conn, act.tenant, new.series, new.valid_from)? {
        if known.rate()?.rate_percent.value() == new.rate_percent.value() {
            return Ok(known);
        }
        let detail =
            format!("you added {} percent for that period ({}); charges may rest on it, so it stays", known.rate_percent, known.source);
        return Err(Error::conflict("rate_known", detail));
    }
    let row = ReferenceRate {
        tenant_id: act.tenant,
        id: ReferenceRateId::new(act.wall),
        series: new.series,
        valid_from: new.valid_from,
        rate_percent: new.rate_percent.to_string(),
        source: new.source.clone(),
        created_at: Ts(act.wall),
    };
    store::reference_rates::insert(act.conn, &row)?;
    let body = json!({"series": row.series, "valid_from": row.valid_from, "rate_percent": row.rate_percent, "source": row.source});
    act.audit("reference_rate.added", row.id, body);
    Ok(row)
}

/// What a batch of messages needs to speak of interest: read once, whatever the number of messages.
#[derive(Debug, Default)]
pub struct Books {
    rates: Rates,
    debts: HashMap<InvoiceId, Debt>,
}

impl Books {
    /// Reads what the interest of these reminders' invoices is computed from; nothing at all for no reminder.
    ///
    /// # Errors
    /// The store's.
    pub fn load<'r>(
        conn: &mut Conn,
        tenant: TenantId,
        reminders: impl Iterator<Item = (Option<&'r Loaded>, &'r Reminder)>,
    ) -> Result<Self> {
        let invoices: BTreeSet<InvoiceId> = reminders.filter_map(|(loaded, reminder)| Some(listed(loaded?, reminder))).flatten().collect();
        if invoices.is_empty() {
            return Ok(Self::default());
        }
        let debts = store::interest::debts(conn, tenant, &invoices.into_iter().collect::<Vec<_>>())?;
        Ok(Self {
            rates: store::reference_rates::of_tenant(conn, tenant)?,
            debts: debts.into_iter().map(|debt| (debt.invoice_id, debt)).collect(),
        })
    }

    /// What a reminder says of the interest on its invoices; `None` if it says nothing.
    pub fn told(&self, tenant: &Tenant, policy: &Policy, loaded: &Loaded, reminder: &Reminder, now: DateTime<Utc>) -> Option<Told> {
        let terms = policy.interest.as_ref().filter(|_| policy.speaks_of_interest(&reminder.step_key))?;
        let today = local::date(tenant.zone(), now);
        let invoices = listed(loaded, reminder);
        let handling = |debt: &Debt| debt.handling.unwrap_or(terms.charge);
        let ripe = |debt: &&Debt| {
            let first = debt.parts.iter().map(|part| part.due_date).min();
            first.is_some_and(|due| today.signed_duration_since(due).num_days() > i64::from(terms.not_before_days))
        };
        let spoken = invoices.iter().filter_map(|id| self.debts.get(id)).filter(|debt| handling(debt) != InterestHandling::Never);
        let assessed: Vec<(Assessed, bool)> = spoken
            .filter(ripe)
            .map(|debt| (Assessed::new(debt.clone(), tenant, &self.rates, today), handling(debt) == InterestHandling::Charged))
            .filter(|(one, _)| one.interest.total() > 0 || one.fixed_sum.total() > 0)
            .collect();
        (!assessed.is_empty()).then_some(Told { assessed, until: today })
    }
}

/// The invoices that a reminder lists, each once, as far as they are still open.
fn listed(loaded: &Loaded, reminder: &Reminder) -> BTreeSet<InvoiceId> {
    let on_it = |id| reminder.instalments.iter().any(|line| line.instalment_id == id);
    loaded.account.instalments.iter().filter(|one| on_it(one.id)).map(|one| one.invoice_id).collect()
}

/// What a message says of interest.
#[derive(Debug, Clone)]
pub struct Told {
    /// Each invoice, and whether saying it charges it.
    assessed: Vec<(Assessed, bool)>,
    /// The day up to which it is computed.
    pub until: NaiveDate,
}

impl Told {
    /// The interest owed, in minor units.
    pub fn interest(&self) -> i64 {
        self.assessed.iter().fold(0, |sum, (one, _)| sum.saturating_add(one.interest.total()))
    }

    /// The fixed sums owed, in minor units.
    pub fn fixed_sum(&self) -> i64 {
        self.assessed.iter().fold(0, |sum, (one, _)| sum.saturating_add(one.fixed_sum.total()))
    }

    /// Whether a rate is missing that is still to be published.
    pub fn provisional(&self) -> bool {
        self.assessed.iter().any(|(one, _)| one.computation.provisional)
    }

    /// The lines, each with its invoice's number.
    pub fn lines(&self) -> impl Iterator<Item = (&str, &Line)> {
        self.assessed.iter().flat_map(|(one, _)| one.computation.lines.iter().map(|line| (one.debt.number.as_str(), line)))
    }

    /// Charges what was said, where the creditor wants that. What rests on a rate that is not published is said and not charged.
    ///
    /// # Errors
    /// The store's.
    pub fn charge(&self, act: &mut Act<'_>) -> Result<()> {
        for (one, _) in self.assessed.iter().filter(|(one, charged)| *charged && !one.computation.provisional) {
            record(act, one, None)?;
        }
        Ok(())
    }
}
