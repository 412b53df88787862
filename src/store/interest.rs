//! Loads what interest is computed from, many invoices at once: a handful of statements whatever their number.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::{BoolExpressionMethods, ExpressionMethods, JoinOnDsl, QueryDsl, Queryable, RunQueryDsl};

use super::{
    Conn, Json, Ts, charges,
    charges::Charge,
    customers::BATCH,
    instalments, payment_plans,
    schema::{allocations, customers, invoices, reminders, settlements},
};
use crate::{
    domain::{
        contact::Channel,
        customer::CustomerKind,
        dunning::reminder::{ListedInstalment, ReminderState},
        ids::{CustomerId, InstalmentId, InvoiceId, TenantId},
        ledger::{
            interest::{Claim, FixedSum, InterestHandling, LateInterest, Part},
            invoice::InvoiceStatus,
            payment_plan::tax_within,
        },
        locale::Jurisdiction,
        money::Currency,
    },
    error::Result,
};

/// An invoice as far as its interest depends on it.
#[derive(Debug, Clone)]
pub struct Debt {
    /// Which.
    pub invoice_id: InvoiceId,
    /// Its number.
    pub number: String,
    /// Who owes it.
    pub customer_id: CustomerId,
    /// Of all its amounts.
    pub currency: Currency,
    /// What it says about interest.
    pub late_interest: LateInterest,
    /// What it says about the fixed sum.
    pub fixed_sum: FixedSum,
    /// Which law protects the debtor.
    pub kind: CustomerKind,
    /// Where the debtor is.
    pub debtor: Jurisdiction,
    /// The creditor's setting for this debtor.
    pub handling: Option<InterestHandling>,
    /// Its instalments and what settled them; none once it is cancelled.
    pub parts: Vec<Part>,
    /// When the debtor was first reminded of it in writing. Looked up for consumers alone: nobody else's interest waits for that.
    pub reminded_at: Option<DateTime<Utc>>,
    /// What was charged or waived.
    pub charges: Vec<Charge>,
}

impl Debt {
    /// The claim of a creditor under `creditor`'s law, whose days are those of `zone`.
    pub fn claim<'a>(&'a self, creditor: &'a Jurisdiction, zone: chrono_tz::Tz) -> Claim<'a> {
        Claim {
            currency: self.currency,
            creditor,
            debtor: &self.debtor,
            kind: self.kind,
            late_interest: &self.late_interest,
            fixed_sum: &self.fixed_sum,
            parts: self.parts.clone(),
            reminded_on: self.reminded_at.map(|at| at.with_timezone(&zone).date_naive()),
        }
    }
}

#[derive(Queryable)]
struct Row {
    invoice_id: InvoiceId,
    number: String,
    customer_id: CustomerId,
    currency: Currency,
    status: InvoiceStatus,
    late_interest: Option<Json<LateInterest>>,
    fixed_sum: Option<Json<FixedSum>>,
    kind: CustomerKind,
    debtor: Jurisdiction,
    handling: Option<InterestHandling>,
    /// The whole, and the tax in it.
    amounts: (i64, Option<i64>),
}

/// Loads invoices, in no order; unknown ones are absent from the answer.
pub fn debts(conn: &mut Conn, tenant: TenantId, ids: &[InvoiceId]) -> Result<Vec<Debt>> {
    let mut rows = Vec::with_capacity(ids.len());
    for part in ids.chunks(BATCH) {
        rows.extend(self::rows(conn, tenant, part)?);
    }
    let taxes: HashMap<InvoiceId, (i64, Option<i64>)> = rows.iter().map(|row| (row.invoice_id, row.amounts)).collect();
    let mut settled = settled(conn, tenant, ids)?;
    let mut charged = HashMap::<InvoiceId, Vec<Charge>>::new();
    for charge in charges::of_invoices(conn, tenant, ids)? {
        charged.entry(charge.invoice_id).or_default().push(charge);
    }
    let mut parts = HashMap::<InvoiceId, Vec<Part>>::new();
    let instalments: Vec<_> = instalments::of_invoices(conn, tenant, ids)?.into_iter().filter(|one| one.amount_minor > 0).collect();
    let mut pauses = payment_plans::pauses(conn, tenant, &instalments.iter().map(|one| one.id).collect::<Vec<_>>())?;
    for one in instalments {
        let (settled, pauses) = (settled.remove(&one.id).unwrap_or_default(), pauses.remove(&one.id).unwrap_or_default());
        let tax_minor = taxes.get(&one.invoice_id).map_or(0, |(total, tax)| tax_within(one.amount_minor, *total, *tax));
        let part = Part { instalment_id: one.id, due_date: one.due_date, amount_minor: one.amount_minor, tax_minor, settled, pauses };
        parts.entry(one.invoice_id).or_default().push(part);
    }
    let consumers: Vec<CustomerId> = rows.iter().filter(|row| row.kind == CustomerKind::Consumer).map(|row| row.customer_id).collect();
    let reminded = first_reminders(conn, tenant, consumers)?;
    let debt = |row: Row| {
        let parts = parts.remove(&row.invoice_id).filter(|_| row.status != InvoiceStatus::Cancelled).unwrap_or_default();
        Debt {
            reminded_at: parts.iter().filter_map(|part| reminded.get(&part.instalment_id)).min().copied(),
            parts,
            charges: charged.remove(&row.invoice_id).unwrap_or_default(),
            invoice_id: row.invoice_id,
            number: row.number,
            customer_id: row.customer_id,
            currency: row.currency,
            late_interest: row.late_interest.map(|clause| clause.0).unwrap_or_default(),
            fixed_sum: row.fixed_sum.map(|clause| clause.0).unwrap_or_default(),
            kind: row.kind,
            debtor: row.debtor,
            handling: row.handling,
        }
    };
    Ok(rows.into_iter().map(debt).collect())
}

fn rows(conn: &mut Conn, tenant: TenantId, ids: &[InvoiceId]) -> Result<Vec<Row>> {
    Ok(invoices::table
        .inner_join(customers::table.on(customers::tenant_id.eq(invoices::tenant_id).and(customers::id.eq(invoices::customer_id))))
        .filter(invoices::tenant_id.eq(tenant).and(invoices::id.eq_any(ids.to_vec())))
        .select((
            invoices::id,
            invoices::number,
            invoices::customer_id,
            invoices::currency,
            invoices::status,
            invoices::late_interest,
            invoices::fixed_sum,
            customers::kind,
            customers::jurisdiction,
            customers::interest,
            (invoices::total_minor, invoices::tax_minor),
        ))
        .load(conn)?)
}

/// What settled each instalment, and on which day.
fn settled(conn: &mut Conn, tenant: TenantId, ids: &[InvoiceId]) -> Result<HashMap<InstalmentId, Vec<(NaiveDate, i64)>>> {
    let mut settled = HashMap::<InstalmentId, Vec<(NaiveDate, i64)>>::new();
    for part in ids.chunks(BATCH) {
        let same = settlements::tenant_id.eq(allocations::tenant_id).and(settlements::id.eq(allocations::settlement_id));
        let rows: Vec<(InstalmentId, NaiveDate, i64)> = allocations::table
            .inner_join(settlements::table.on(same))
            .filter(allocations::tenant_id.eq(tenant).and(allocations::invoice_id.eq_any(part.to_vec())))
            .select((allocations::instalment_id, settlements::settled_on, allocations::amount_minor))
            .load(conn)?;
        for (instalment, on, minor) in rows {
            settled.entry(instalment).or_default().push((on, minor));
        }
    }
    Ok(settled)
}

/// When each instalment of these customers was first called overdue in writing.
fn first_reminders(conn: &mut Conn, tenant: TenantId, mut customers: Vec<CustomerId>) -> Result<HashMap<InstalmentId, DateTime<Utc>>> {
    let mut first = HashMap::new();
    customers.sort_unstable();
    customers.dedup();
    for part in customers.chunks(BATCH) {
        let rows: Vec<(Json<Vec<ListedInstalment>>, Option<Ts>)> = reminders::table
            .filter(reminders::tenant_id.eq(tenant).and(reminders::customer_id.eq_any(part.to_vec())))
            .filter(reminders::state.eq(ReminderState::Completed))
            .filter(reminders::channel.eq_any([Channel::Email, Channel::Sms, Channel::Letter]))
            .select((reminders::instalments, reminders::completed_at))
            .load(conn)?;
        for (lines, at) in rows {
            let Some(at) = at else { continue };
            for line in lines.0.into_iter().filter(|line| line.overdue) {
                let known = first.entry(line.instalment_id).or_insert(at.0);
                *known = at.0.min(*known);
            }
        }
    }
    Ok(first)
}

/// The invoices of a customer that have something left to pay, of the principal or of charges.
pub fn open_invoices(conn: &mut Conn, tenant: TenantId, customer: CustomerId) -> Result<Vec<InvoiceId>> {
    use super::schema::charges;
    let charged = charges::table
        .filter(charges::tenant_id.eq(tenant).and(charges::customer_id.eq(customer)).and(charges::balance_minor.gt(0)))
        .select(charges::invoice_id);
    Ok(invoices::table
        .filter(invoices::tenant_id.eq(tenant).and(invoices::customer_id.eq(customer)))
        .filter(invoices::balance_minor.gt(0).or(invoices::id.eq_any(charged)))
        .order(invoices::id.asc())
        .select(invoices::id)
        .load(conn)?)
}
