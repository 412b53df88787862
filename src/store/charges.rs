//! Charges: interest and fixed sums claimed in figures; and what payments settle of them.

use chrono::NaiveDate;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper, dsl::sql,
    sql_types::BigInt,
};

use super::{
    Conn, Json, Ts,
    customers::BATCH,
    schema::{charge_allocations, charges},
};
use crate::{
    domain::{
        ids::{ChargeAllocationId, ChargeId, CustomerId, InvoiceId, TenantId},
        ledger::{
            interest::{ChargeBasis, ChargeKind, Charged},
            settlement::SettlementId,
        },
        money::Currency,
    },
    each,
    error::{Error, Result},
};

/// A charge's row: `0 ≤ balance_minor ≤ amount_minor - waived_minor`. What was waived before it was ever claimed stands here, too, so that it
/// is claimed no more: its whole amount is waived.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(table_name = charges, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are; units and meaning stand on the domain's types")]
pub struct Charge {
    pub tenant_id: TenantId,
    pub id: ChargeId,
    pub invoice_id: InvoiceId,
    pub customer_id: CustomerId,
    pub currency: Currency,
    pub kind: ChargeKind,
    pub accrued_until: NaiveDate,
    pub amount_minor: i64,
    pub balance_minor: i64,
    pub waived_minor: i64,
    /// Whether payments settle it before the principal.
    pub interest_first: bool,
    pub computation: Json<ChargeBasis>,
    /// Why it was waived.
    pub reason: Option<String>,
    pub created_at: Ts,
    pub updated_at: Ts,
}

impl Charge {
    /// As far as what is owed depends on it.
    pub const fn charged(&self) -> Charged {
        Charged { kind: self.kind, amount_minor: self.amount_minor, balance_minor: self.balance_minor }
    }
}

/// What a payment settles of a charge.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(table_name = charge_allocations, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct ChargeAllocation {
    pub tenant_id: TenantId,
    pub id: ChargeAllocationId,
    pub settlement_id: SettlementId,
    pub charge_id: ChargeId,
    pub amount_minor: i64,
    pub created_at: Ts,
}

/// Adds a charge.
pub fn insert(conn: &mut Conn, row: &Charge) -> Result<()> {
    diesel::insert_into(charges::table).values(row).execute(conn)?;
    Ok(())
}

/// The charges on these invoices, by the day that they cover; interest before the fixed sum.
pub fn of_invoices(conn: &mut Conn, tenant: TenantId, invoices: &[InvoiceId]) -> Result<Vec<Charge>> {
    let mut found = Vec::new();
    for part in invoices.chunks(BATCH) {
        let rows: Vec<Charge> = charges::table
            .filter(charges::tenant_id.eq(tenant).and(charges::invoice_id.eq_any(part.to_vec())))
            .order((charges::accrued_until.asc(), charges::kind.desc(), charges::id.asc()))
            .select(Charge::as_select())
            .load(conn)?;
        found.extend(rows);
    }
    Ok(found)
}

/// What an account has left to pay of charges, in that order. The caller holds the account's lock.
pub fn open_of(conn: &mut Conn, tenant: TenantId, customer: CustomerId, currency: Currency) -> Result<Vec<Charge>> {
    Ok(charges::table
        .filter(charges::tenant_id.eq(tenant).and(charges::customer_id.eq(customer)).and(charges::currency.eq(currency)))
        .filter(charges::balance_minor.gt(0))
        .order((charges::accrued_until.asc(), charges::kind.desc(), charges::id.asc()))
        .select(Charge::as_select())
        .load(conn)?)
}

/// What a customer has left to pay of charges, by currency, in minor units.
pub fn open_by_currency(conn: &mut Conn, tenant: TenantId, customer: CustomerId) -> Result<Vec<(Currency, i64)>> {
    Ok(charges::table
        .filter(charges::tenant_id.eq(tenant).and(charges::customer_id.eq(customer)).and(charges::balance_minor.gt(0)))
        .group_by(charges::currency)
        .select((charges::currency, sql::<BigInt>("CAST(SUM(balance_minor) AS BIGINT)")))
        .load(conn)?)
}

/// Takes `paid` off a charge's balance (or gives it back, if negative). The caller holds the account's lock; a balance that would leave its
/// bounds is refused all the same.
pub fn settle(conn: &mut Conn, tenant: TenantId, id: ChargeId, paid: i64, now: Ts) -> Result<()> {
    let fits = charges::balance_minor.ge(paid).and((charges::balance_minor - paid).le(charges::amount_minor - charges::waived_minor));
    let changed = diesel::update(charges::table.filter(charges::tenant_id.eq(tenant).and(charges::id.eq(id))).filter(fits))
        .set((charges::balance_minor.eq(charges::balance_minor - paid), charges::updated_at.eq(now)))
        .execute(conn)?;
    if changed == 1 { Ok(()) } else { Err(Error::internal(format!("{id}: {paid} does not fit its balance"))) }
}

/// Gives up `amount` of what is left of a charge. The caller holds the account's lock.
pub fn waive(conn: &mut Conn, tenant: TenantId, id: ChargeId, amount: i64, reason: &str, now: Ts) -> Result<()> {
    diesel::update(charges::table.filter(charges::tenant_id.eq(tenant).and(charges::id.eq(id))))
        .set((
            charges::waived_minor.eq(charges::waived_minor + amount),
            charges::balance_minor.eq(charges::balance_minor - amount),
            charges::reason.eq(Some(reason)),
            charges::updated_at.eq(now),
        ))
        .execute(conn)?;
    Ok(())
}

/// Adds what a payment settles.
pub fn insert_allocations(conn: &mut Conn, rows: &[ChargeAllocation]) -> Result<()> {
    for part in rows.chunks(BATCH) {
        each!(conn, |c| diesel::insert_into(charge_allocations::table).values(part).execute(c))?;
    }
    Ok(())
}

/// What these payments settle of charges.
pub fn allocations_of(conn: &mut Conn, tenant: TenantId, settlements: &[SettlementId]) -> Result<Vec<ChargeAllocation>> {
    let mut found = Vec::new();
    for part in settlements.chunks(BATCH) {
        let rows: Vec<ChargeAllocation> = charge_allocations::table
            .filter(charge_allocations::tenant_id.eq(tenant).and(charge_allocations::settlement_id.eq_any(part.to_vec())))
            .order(charge_allocations::id.asc())
            .select(ChargeAllocation::as_select())
            .load(conn)?;
        found.extend(rows);
    }
    Ok(found)
}

/// Removes what a payment settled.
pub fn delete_allocation(conn: &mut Conn, tenant: TenantId, id: ChargeAllocationId) -> Result<()> {
    diesel::delete(charge_allocations::table.filter(charge_allocations::tenant_id.eq(tenant).and(charge_allocations::id.eq(id))))
        .execute(conn)?;
    Ok(())
}
