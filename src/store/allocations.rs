//! Allocations: what a payment or a credit note settles. A reversed one is gone from here; the journal keeps it.

use std::collections::HashMap;

use chrono::NaiveDate;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, JoinOnDsl, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};

use super::{
    Conn, Ts,
    customers::BATCH,
    schema::{allocations, settlements},
};
use crate::{
    domain::{
        ids::{AllocationId, InstalmentId, InvoiceId, TenantId},
        ledger::{
            settlement::{SettlementId, SettlementKind},
            terms::split::Discount,
        },
    },
    each,
    error::{Error, Result},
};

/// An allocation's row.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(table_name = allocations, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct Allocation {
    pub tenant_id: TenantId,
    pub id: AllocationId,
    pub settlement_id: SettlementId,
    pub invoice_id: InvoiceId,
    pub instalment_id: InstalmentId,
    pub amount_minor: i64,
    pub created_at: Ts,
}

/// Adds allocations.
pub fn insert(conn: &mut Conn, rows: &[Allocation]) -> Result<()> {
    for part in rows.chunks(BATCH) {
        each!(conn, |c| diesel::insert_into(allocations::table).values(part).execute(c))?;
    }
    Ok(())
}

/// One allocation.
pub fn find(conn: &mut Conn, tenant: TenantId, id: AllocationId) -> Result<Allocation> {
    allocations::table
        .filter(allocations::tenant_id.eq(tenant).and(allocations::id.eq(id)))
        .select(Allocation::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("allocation"))
}

/// The allocations of these settlements.
pub fn of_settlements(conn: &mut Conn, tenant: TenantId, settlements: &[SettlementId]) -> Result<Vec<Allocation>> {
    let mut found = Vec::new();
    for part in settlements.chunks(BATCH) {
        let rows: Vec<Allocation> = allocations::table
            .filter(allocations::tenant_id.eq(tenant).and(allocations::settlement_id.eq_any(part.to_vec())))
            .order(allocations::id.asc())
            .select(Allocation::as_select())
            .load(conn)?;
        found.extend(rows);
    }
    Ok(found)
}

/// What is left of discounts (given with their instalments and what these come to), as far as they still stand: a credit note makes one smaller, and
/// a payment that came later than its last day ends it.
pub fn discounts(conn: &mut Conn, tenant: TenantId, offered: &[(InstalmentId, i64, Discount)]) -> Result<HashMap<InstalmentId, Discount>> {
    let of_settlement = settlements::tenant_id.eq(allocations::tenant_id).and(settlements::id.eq(allocations::settlement_id));
    let mut settled = HashMap::<InstalmentId, Vec<(SettlementKind, NaiveDate, i64)>>::new();
    for part in offered.chunks(BATCH) {
        let ids: Vec<InstalmentId> = part.iter().map(|(id, ..)| *id).collect();
        let rows: Vec<(InstalmentId, SettlementKind, NaiveDate, i64)> = allocations::table
            .inner_join(settlements::table.on(of_settlement))
            .filter(allocations::tenant_id.eq(tenant).and(allocations::instalment_id.eq_any(ids)))
            .select((allocations::instalment_id, settlements::kind, settlements::settled_on, allocations::amount_minor))
            .load(conn)?;
        for (id, kind, day, amount) in rows {
            settled.entry(id).or_default().push((kind, day, amount));
        }
    }
    let standing = |&(id, amount, discount): &(InstalmentId, i64, Discount)| {
        let by = settled.get(&id).map(Vec::as_slice).unwrap_or_default();
        let late = by.iter().any(|(kind, day, _)| *kind == SettlementKind::Payment && *day > discount.last_day);
        let credited = by.iter().filter(|(kind, ..)| *kind == SettlementKind::CreditNote).map(|(.., amount)| *amount).sum();
        let left = discount.after_credit(amount, credited);
        (!late && left > 0).then_some((id, Discount { amount: left, ..discount }))
    };
    Ok(offered.iter().filter_map(standing).collect())
}

/// Whether anything settles an invoice.
pub fn any_of_invoice(conn: &mut Conn, tenant: TenantId, invoice: InvoiceId) -> Result<bool> {
    let found: Option<AllocationId> = allocations::table
        .filter(allocations::tenant_id.eq(tenant).and(allocations::invoice_id.eq(invoice)))
        .select(allocations::id)
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}

/// Removes an allocation.
pub fn delete(conn: &mut Conn, tenant: TenantId, id: AllocationId) -> Result<()> {
    diesel::delete(allocations::table.filter(allocations::tenant_id.eq(tenant).and(allocations::id.eq(id)))).execute(conn)?;
    Ok(())
}
