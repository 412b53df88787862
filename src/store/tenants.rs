//! Tenants: one row per creditor and mode.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
};

use super::{Conn, Json, Ts, schema::tenants};
use crate::{
    domain::{
        calendar::Calendar,
        ids::{Mode, TenantId},
        locale::{Jurisdiction, Language},
        money::Currency,
        tenant::{TenantSettings, TenantStatus},
    },
    error::{Error, Result},
};

/// A creditor in one mode.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = tenants, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are; units and meaning stand on the domain's types")]
pub struct Tenant {
    pub tenant_id: TenantId,
    pub name: String,
    pub jurisdiction: Jurisdiction,
    pub time_zone: String,
    pub language: Language,
    pub currency: Currency,
    pub settings: Json<TenantSettings>,
    pub status: TenantStatus,
    pub clock_at: Option<Ts>,
    pub clock_target: Option<Ts>,
    pub version: i64,
    pub created_at: Ts,
    pub updated_at: Ts,
}

impl Tenant {
    /// The tenant's present: a test tenant's own clock if it was ever moved, else the world's.
    pub fn now(&self, wall: DateTime<Utc>) -> DateTime<Utc> {
        self.clock_at.map_or(wall, |at| at.0)
    }

    /// The zone its dates are meant in.
    pub fn zone(&self) -> chrono_tz::Tz {
        self.time_zone.parse().unwrap_or(chrono_tz::Tz::UTC)
    }

    /// The calendar that its reminders follow.
    pub fn calendar(&self) -> Calendar {
        self.settings.calendar(self.zone(), &self.jurisdiction)
    }
}

/// Adds a tenant's row.
pub fn insert(conn: &mut Conn, row: &Tenant) -> Result<()> {
    diesel::insert_into(tenants::table).values(row).execute(conn)?;
    Ok(())
}

/// The tenant itself.
pub fn find(conn: &mut Conn, tenant: TenantId) -> Result<Tenant> {
    tenants::table
        .filter(tenants::tenant_id.eq(tenant))
        .select(Tenant::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("tenant"))
}

/// Replaces what may change.
pub fn update(conn: &mut Conn, row: &Tenant) -> Result<()> {
    diesel::update(tenants::table.filter(tenants::tenant_id.eq(row.tenant_id)))
        .set((
            tenants::name.eq(&row.name),
            tenants::jurisdiction.eq(&row.jurisdiction),
            tenants::time_zone.eq(&row.time_zone),
            tenants::language.eq(row.language),
            tenants::currency.eq(row.currency),
            tenants::settings.eq(&row.settings),
            tenants::status.eq(row.status),
            tenants::version.eq(row.version),
            tenants::updated_at.eq(row.updated_at),
        ))
        .execute(conn)?;
    Ok(())
}

/// Tells a test tenant's clock, which stands at `at`, how far to go; `false` if it is on its way already.
pub fn start_clock(conn: &mut Conn, tenant: TenantId, at: DateTime<Utc>, target: DateTime<Utc>) -> Result<bool> {
    let resting = tenants::table.filter(tenants::tenant_id.eq(tenant).and(tenants::clock_target.is_null()));
    let changed =
        diesel::update(resting).set((tenants::clock_at.eq(Some(Ts(at))), tenants::clock_target.eq(Some(Ts(target))))).execute(conn)?;
    Ok(changed == 1)
}

/// Moves a test tenant's clock from one moment to the next; without a `target` it rests there. `false` if somebody moved it meanwhile: it never goes back.
pub fn move_clock(
    conn: &mut Conn,
    tenant: TenantId,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    target: Option<DateTime<Utc>>,
) -> Result<bool> {
    let here = tenants::table.filter(tenants::tenant_id.eq(tenant).and(tenants::clock_at.eq(Some(Ts(from)))));
    let changed = diesel::update(here).set((tenants::clock_at.eq(Some(Ts(to))), tenants::clock_target.eq(target.map(Ts)))).execute(conn)?;
    Ok(changed == 1)
}

/// Live rows after `after`, for the platform.
pub fn list_live(conn: &mut Conn, after: Option<TenantId>, limit: i64) -> Result<Vec<Tenant>> {
    let mut query = tenants::table.select(Tenant::as_select()).order(tenants::tenant_id.asc()).into_boxed();
    if let Some(after) = after {
        query = query.filter(tenants::tenant_id.gt(after.in_mode(Mode::Test)));
    }
    // Live and test rows alternate, so twice as many hold as many live ones.
    let rows: Vec<Tenant> = query.limit(limit.saturating_mul(2)).load(conn)?;
    Ok(rows.into_iter().filter(|row| row.tenant_id.mode() == Mode::Live).collect())
}

/// Every partition there is work for, live and test, for the loops. Read as the platform.
pub fn partitions(conn: &mut Conn) -> Result<Vec<TenantId>> {
    Ok(tenants::table.filter(tenants::status.eq(TenantStatus::Active)).select(tenants::tenant_id).order(tenants::tenant_id).load(conn)?)
}
