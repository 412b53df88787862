//! Instalments: the parts of invoices, each with its due date, its balance and how far the crescendo has come.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, JoinOnDsl, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};

use super::{
    Conn, Ts,
    customers::BATCH,
    schema::{instalments, invoices},
};
use crate::{
    domain::{
        ids::{CustomerId, InstalmentId, InvoiceId, TenantId},
        ledger::{
            allocation::Open,
            invoice::InvoiceStatus,
            terms::split::{Discount, InstalmentDraft},
        },
        money::Currency,
    },
    error::{Error, Result},
    insert_all,
};

/// An instalment's row: `0 ≤ balance_minor ≤ amount_minor`. One that a later version of its invoice no longer has stays, with an amount of
/// nothing, because reminders may name it.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(table_name = instalments, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct Instalment {
    pub tenant_id: TenantId,
    pub id: InstalmentId,
    pub invoice_id: InvoiceId,
    pub customer_id: CustomerId,
    pub currency: Currency,
    pub position: i32,
    pub due_date: NaiveDate,
    pub amount_minor: i64,
    pub balance_minor: i64,
    pub step_key: Option<String>,
    pub step_cycle: Option<i32>,
    pub first_completed_at: Option<Ts>,
    pub last_completed_at: Option<Ts>,
    pub discount_minor: Option<i64>,
    pub discount_until: Option<NaiveDate>,
}

impl Instalment {
    /// What paying it early saves.
    pub fn discount(&self) -> Option<Discount> {
        Some(Discount { amount: self.discount_minor?, last_day: self.discount_until? })
    }

    /// What its invoice asks for with it.
    pub fn draft(&self) -> InstalmentDraft {
        InstalmentDraft { due_date: self.due_date, amount_minor: self.amount_minor, discount: self.discount() }
    }
}

/// Adds instalments.
pub fn insert(conn: &mut Conn, rows: &[Instalment]) -> Result<()> {
    insert_all!(conn, rows, Instalment in instalments {
        tenant_id, id, invoice_id, customer_id, currency, position, due_date, amount_minor, balance_minor, step_key, step_cycle, first_completed_at, last_completed_at, discount_minor, discount_until,
    });
    Ok(())
}

/// The instalments of these invoices, in order.
pub fn of_invoices(conn: &mut Conn, tenant: TenantId, invoices: &[InvoiceId]) -> Result<Vec<Instalment>> {
    let mut found = Vec::new();
    for part in invoices.chunks(BATCH) {
        let rows: Vec<Instalment> = instalments::table
            .filter(instalments::tenant_id.eq(tenant).and(instalments::invoice_id.eq_any(part.to_vec())))
            .order((instalments::invoice_id.asc(), instalments::position.asc()))
            .select(Instalment::as_select())
            .load(conn)?;
        found.extend(rows);
    }
    Ok(found)
}

/// The invoices that these instalments are of.
pub fn invoices_of(conn: &mut Conn, tenant: TenantId, ids: &[InstalmentId]) -> Result<BTreeSet<InvoiceId>> {
    let mut found = BTreeSet::new();
    for part in ids.chunks(BATCH) {
        let rows: Vec<InvoiceId> = instalments::table
            .filter(instalments::tenant_id.eq(tenant).and(instalments::id.eq_any(part.to_vec())))
            .select(instalments::invoice_id)
            .load(conn)?;
        found.extend(rows);
    }
    Ok(found)
}

/// What an account has left to pay, with what a payment of the day `paid_on` saves; without a day, nothing. The caller holds the account's lock.
pub fn open_of(
    conn: &mut Conn,
    tenant: TenantId,
    customer: CustomerId,
    currency: Currency,
    paid_on: Option<NaiveDate>,
) -> Result<Vec<Open>> {
    let rows: Vec<(Instalment, NaiveDate)> = instalments::table
        .inner_join(invoices::table.on(invoices::tenant_id.eq(instalments::tenant_id).and(invoices::id.eq(instalments::invoice_id))))
        .filter(instalments::tenant_id.eq(tenant).and(instalments::customer_id.eq(customer)).and(instalments::currency.eq(currency)))
        .filter(instalments::balance_minor.gt(0).and(invoices::status.eq(InvoiceStatus::Open)))
        .select((Instalment::as_select(), invoices::issue_date))
        .load(conn)?;
    let offered: Vec<(InstalmentId, i64, Discount)> = rows
        .iter()
        .filter_map(|(row, _)| Some((row.id, row.amount_minor, row.discount().filter(|one| paid_on <= Some(one.last_day))?)))
        .collect();
    let discounts = if paid_on.is_some() { super::allocations::discounts(conn, tenant, &offered)? } else { HashMap::new() };
    let open = |(row, issue_date): (Instalment, NaiveDate)| Open {
        instalment_id: row.id,
        invoice_id: row.invoice_id,
        due_date: row.due_date,
        issue_date,
        balance_minor: row.balance_minor,
        discount_minor: discounts.get(&row.id).map_or(0, |discount| discount.amount),
    };
    Ok(rows.into_iter().map(open).collect())
}

/// The currency of a customer's oldest open instalment.
pub fn oldest_currency(conn: &mut Conn, tenant: TenantId, customer: CustomerId) -> Result<Option<Currency>> {
    Ok(instalments::table
        .filter(instalments::tenant_id.eq(tenant).and(instalments::customer_id.eq(customer)).and(instalments::balance_minor.gt(0)))
        .order((instalments::due_date.asc(), instalments::id.asc()))
        .select(instalments::currency)
        .first(conn)
        .optional()?)
}

/// Takes `paid` off a balance (or gives it back, if negative). The caller holds the account's lock; a balance that would leave its bounds
/// is refused all the same.
pub fn settle(conn: &mut Conn, tenant: TenantId, id: InstalmentId, paid: i64) -> Result<()> {
    let fits = instalments::balance_minor.ge(paid).and((instalments::balance_minor - paid).le(instalments::amount_minor));
    let changed = diesel::update(instalments::table.filter(instalments::tenant_id.eq(tenant).and(instalments::id.eq(id))).filter(fits))
        .set(instalments::balance_minor.eq(instalments::balance_minor - paid))
        .execute(conn)?;
    if changed == 1 { Ok(()) } else { Err(Error::internal(format!("{id}: {paid} does not fit its balance"))) }
}

/// Puts another part in the place of one that nothing settles; progress stays.
pub fn redraft(conn: &mut Conn, tenant: TenantId, id: InstalmentId, draft: &InstalmentDraft) -> Result<()> {
    diesel::update(instalments::table.filter(instalments::tenant_id.eq(tenant).and(instalments::id.eq(id))))
        .set((
            instalments::due_date.eq(draft.due_date),
            instalments::amount_minor.eq(draft.amount_minor),
            instalments::balance_minor.eq(draft.amount_minor),
            instalments::discount_minor.eq(draft.discount.map(|discount| discount.amount)),
            instalments::discount_until.eq(draft.discount.map(|discount| discount.last_day)),
        ))
        .execute(conn)?;
    Ok(())
}

/// Moves a due date.
pub fn set_due_date(conn: &mut Conn, tenant: TenantId, id: InstalmentId, due_date: NaiveDate) -> Result<()> {
    diesel::update(instalments::table.filter(instalments::tenant_id.eq(tenant).and(instalments::id.eq(id))))
        .set(instalments::due_date.eq(due_date))
        .execute(conn)?;
    Ok(())
}

/// Claims nothing more for an invoice.
pub fn cancel(conn: &mut Conn, tenant: TenantId, invoice: InvoiceId) -> Result<()> {
    diesel::update(instalments::table.filter(instalments::tenant_id.eq(tenant).and(instalments::invoice_id.eq(invoice))))
        .set(instalments::balance_minor.eq(0))
        .execute(conn)?;
    Ok(())
}
