//! Reference rates that a tenant adds to those that ship.

use chrono::NaiveDate;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
};

use super::{Conn, Ts, schema::reference_rates};
use crate::{
    domain::{
        ids::{ReferenceRateId, TenantId},
        ledger::interest::rates::{Confidence, Rate, Rates, Series},
    },
    error::{Error, Result},
};

/// A rate's row; its percentage is the text of a decimal number.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(table_name = reference_rates, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct ReferenceRate {
    pub tenant_id: TenantId,
    pub id: ReferenceRateId,
    pub series: Series,
    pub valid_from: NaiveDate,
    pub rate_percent: String,
    pub source: String,
    pub created_at: Ts,
}

impl ReferenceRate {
    /// The rate as computations use it.
    ///
    /// # Errors
    /// A text that is no number: none was ever written.
    pub fn rate(&self) -> Result<Rate> {
        Ok(Rate {
            series: self.series,
            valid_from: self.valid_from,
            rate_percent: self.rate_percent.parse().map_err(Error::internal)?,
            source: self.source.clone(),
            confidence: Confidence::Own,
        })
    }
}

/// Adds a rate.
pub fn insert(conn: &mut Conn, row: &ReferenceRate) -> Result<()> {
    diesel::insert_into(reference_rates::table).values(row).execute(conn)?;
    Ok(())
}

/// The tenant's rate for a period.
pub fn find(conn: &mut Conn, tenant: TenantId, series: Series, valid_from: NaiveDate) -> Result<Option<ReferenceRate>> {
    Ok(reference_rates::table
        .filter(reference_rates::tenant_id.eq(tenant).and(reference_rates::series.eq(series)))
        .filter(reference_rates::valid_from.eq(valid_from))
        .select(ReferenceRate::as_select())
        .first(conn)
        .optional()?)
}

/// All the tenant's rates: as many as there are gaps, so few.
pub fn all(conn: &mut Conn, tenant: TenantId) -> Result<Vec<ReferenceRate>> {
    Ok(reference_rates::table
        .filter(reference_rates::tenant_id.eq(tenant))
        .order((reference_rates::series.asc(), reference_rates::valid_from.asc()))
        .select(ReferenceRate::as_select())
        .load(conn)?)
}

/// What the tenant's computations use: the shipped rates, and its own where nothing is published.
pub fn of_tenant(conn: &mut Conn, tenant: TenantId) -> Result<Rates> {
    Ok(Rates::with(all(conn, tenant)?.iter().map(ReferenceRate::rate).collect::<Result<Vec<_>>>()?))
}
