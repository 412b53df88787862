//! Instalments: the parts of invoices, each with its due date, its balance and how far the crescendo has come.

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
        ledger::{allocation::Open, invoice::InvoiceStatus},
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
}

/// Adds instalments.
pub fn insert(conn: &mut Conn, rows: &[Instalment]) -> Result<()> {
    insert_all!(conn, rows, Instalment in instalments {
        tenant_id, id, invoice_id, customer_id, currency, position, due_date, amount_minor, balance_minor, step_key,
        step_cycle, first_completed_at, last_completed_at,
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

/// What an account has left to pay. The caller holds the account's lock.
pub fn open_of(conn: &mut Conn, tenant: TenantId, customer: CustomerId, currency: Currency) -> Result<Vec<Open>> {
    let rows: Vec<(InstalmentId, InvoiceId, NaiveDate, NaiveDate, i64)> = instalments::table
        .inner_join(invoices::table.on(invoices::tenant_id.eq(instalments::tenant_id).and(invoices::id.eq(instalments::invoice_id))))
        .filter(instalments::tenant_id.eq(tenant).and(instalments::customer_id.eq(customer)).and(instalments::currency.eq(currency)))
        .filter(instalments::balance_minor.gt(0).and(invoices::status.eq(InvoiceStatus::Open)))
        .select((instalments::id, instalments::invoice_id, instalments::due_date, invoices::issue_date, instalments::balance_minor))
        .load(conn)?;
    let open = |(instalment_id, invoice_id, due_date, issue_date, balance_minor)| Open {
        instalment_id,
        invoice_id,
        due_date,
        issue_date,
        balance_minor,
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

/// Sets date, amount and balance; progress stays.
pub fn set_terms(conn: &mut Conn, tenant: TenantId, id: InstalmentId, due_date: NaiveDate, amount: i64, balance: i64) -> Result<()> {
    diesel::update(instalments::table.filter(instalments::tenant_id.eq(tenant).and(instalments::id.eq(id))))
        .set((instalments::due_date.eq(due_date), instalments::amount_minor.eq(amount), instalments::balance_minor.eq(balance)))
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
