//! Which invoices have fallen overdue, and which of them that was told of.

use chrono::NaiveDate;
use diesel::{BoolExpressionMethods, ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, RunQueryDsl, dsl::min};

use super::{
    Conn,
    customers::BATCH,
    schema::{instalments, overdue_invoices, overdue_marks},
};
use crate::{
    domain::{
        ids::{CustomerId, InstalmentId, InvoiceId, TenantId},
        money::Currency,
    },
    each,
    error::Result,
};

/// An open instalment whose due date is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, diesel::Queryable)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct Overdue {
    pub invoice_id: InvoiceId,
    pub instalment_id: InstalmentId,
    pub customer_id: CustomerId,
    pub currency: Currency,
    pub due_date: NaiveDate,
    pub balance_minor: i64,
}

/// Up to which due date the tenant's instalments have been looked at.
fn through(conn: &mut Conn, tenant: TenantId) -> Result<NaiveDate> {
    let mark: Option<NaiveDate> =
        overdue_marks::table.filter(overdue_marks::tenant_id.eq(tenant)).select(overdue_marks::through).first(conn).optional()?;
    Ok(mark.unwrap_or_default())
}

/// The next due date that time alone will pass.
pub fn next_due_date(conn: &mut Conn, tenant: TenantId) -> Result<Option<NaiveDate>> {
    let through = through(conn, tenant)?;
    Ok(instalments::table
        .filter(instalments::tenant_id.eq(tenant).and(instalments::balance_minor.gt(0)).and(instalments::due_date.gt(through)))
        .select(min(instalments::due_date))
        .first(conn)?)
}

/// Instalments whose due date has passed since the last look, of invoices not told of, the oldest first.
pub fn fallen(conn: &mut Conn, tenant: TenantId, today: NaiveDate, limit: i64) -> Result<Vec<Overdue>> {
    let through = through(conn, tenant)?;
    let passed = instalments::due_date.gt(through).and(instalments::due_date.lt(today));
    let of_instalment = overdue_invoices::tenant_id.eq(instalments::tenant_id).and(overdue_invoices::id.eq(instalments::invoice_id));
    Ok(instalments::table
        .inner_join(overdue_invoices::table.on(of_instalment))
        .filter(instalments::tenant_id.eq(tenant).and(instalments::balance_minor.gt(0)).and(passed))
        .filter(overdue_invoices::overdue_told_on.is_null())
        .order((instalments::due_date.asc(), instalments::id.asc()))
        .limit(limit)
        .select((
            instalments::invoice_id,
            instalments::id,
            instalments::customer_id,
            instalments::currency,
            instalments::due_date,
            instalments::balance_minor,
        ))
        .load(conn)?)
}

/// Due dates up to `day` have been looked at.
pub fn reach(conn: &mut Conn, tenant: TenantId, day: NaiveDate) -> Result<()> {
    each!(conn, |c| diesel::insert_into(overdue_marks::table)
        .values((overdue_marks::tenant_id.eq(tenant), overdue_marks::through.eq(day)))
        .on_conflict(overdue_marks::tenant_id)
        .do_update()
        .set(overdue_marks::through.eq(day))
        .execute(c))?;
    Ok(())
}

/// Marks invoices as told of on `day`, and says which had not been: nobody else is told that.
pub fn mark(conn: &mut Conn, tenant: TenantId, ids: &[InvoiceId], day: NaiveDate) -> Result<Vec<InvoiceId>> {
    let mut news = Vec::new();
    for part in ids.chunks(BATCH) {
        let here = overdue_invoices::tenant_id.eq(tenant).and(overdue_invoices::id.eq_any(part.to_vec()));
        let untold = here.and(overdue_invoices::overdue_told_on.is_null());
        let marked: Vec<InvoiceId> = each!(conn, |c| diesel::update(overdue_invoices::table.filter(untold))
            .set(overdue_invoices::overdue_told_on.eq(Some(day)))
            .returning(overdue_invoices::id)
            .get_results(c))?;
        news.extend(marked);
    }
    Ok(news)
}
