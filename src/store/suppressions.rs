//! Addresses that must not be written to: at most one suppression in force per channel and address, the lifted ones kept.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, JoinOnDsl, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper, define_sql_function,
};

use super::{
    Conn, Ts,
    schema::{accounts, contacts, suppressions},
};
use crate::{
    domain::{
        contact::Channel,
        delivery::SuppressionReason,
        ids::{CustomerId, SuppressionId, TenantId},
        money::Currency,
        suppression::Address,
    },
    each,
    error::{Error, Result},
};

define_sql_function! {
    /// Small letters.
    fn lower(text: diesel::sql_types::Nullable<diesel::sql_types::Text>) -> diesel::sql_types::Nullable<diesel::sql_types::Text>;
}

/// A suppression's row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = suppressions, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct Suppression {
    pub tenant_id: TenantId,
    pub id: SuppressionId,
    pub channel: Channel,
    pub address: Address,
    pub reason: SuppressionReason,
    pub source: String,
    pub created_at: Ts,
    pub lifted_at: Option<Ts>,
    pub lift_reason: Option<String>,
}

/// What a listing asks for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only this channel.
    pub channel: Option<Channel>,
    /// Only this address.
    pub address: Option<Address>,
    /// Only those in force, or only the lifted ones.
    pub active: Option<bool>,
}

/// Adds a suppression; the database refuses a second one in force.
pub fn insert(conn: &mut Conn, row: &Suppression) -> Result<()> {
    diesel::insert_into(suppressions::table).values(row).execute(conn)?;
    Ok(())
}

/// One suppression.
pub fn find(conn: &mut Conn, tenant: TenantId, id: SuppressionId) -> Result<Suppression> {
    suppressions::table
        .filter(suppressions::tenant_id.eq(tenant).and(suppressions::id.eq(id)))
        .select(Suppression::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("suppression"))
}

/// The suppression in force on an address.
pub fn in_force(conn: &mut Conn, tenant: TenantId, channel: Channel, address: &Address) -> Result<Option<Suppression>> {
    let here = suppressions::tenant_id.eq(tenant).and(suppressions::channel.eq(channel)).and(suppressions::address.eq(address));
    Ok(suppressions::table.filter(here.and(suppressions::lifted_at.is_null())).select(Suppression::as_select()).first(conn).optional()?)
}

/// Whether an address must not be written to.
pub fn is_suppressed(conn: &mut Conn, tenant: TenantId, channel: Channel, address: &Address) -> Result<bool> {
    in_force(conn, tenant, channel, address).map(|found| found.is_some())
}

/// Why an address must not be written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Why.
    pub reason: SuppressionReason,
    /// Where that is known from.
    pub source: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// Which of `addresses` must not be written to, each with its channel, and why.
pub fn active_for(conn: &mut Conn, tenant: TenantId, addresses: &[Address]) -> Result<HashMap<(Channel, Address), Cause>> {
    let mut found = HashMap::new();
    for part in addresses.chunks(500) {
        // The channels that have addresses, so that the index is found.
        let here = suppressions::tenant_id.eq(tenant).and(suppressions::channel.eq_any([Channel::Email, Channel::Sms]));
        let query = suppressions::table
            .filter(here.and(suppressions::address.eq_any(part)).and(suppressions::lifted_at.is_null()))
            .select((suppressions::channel, suppressions::address, suppressions::reason, suppressions::source, suppressions::created_at));
        let rows = each!(conn, |c| query.load::<(Channel, Address, SuppressionReason, String, Ts)>(c))?;
        found.extend(
            rows.into_iter().map(|(channel, address, reason, source, at)| ((channel, address), Cause { reason, source, since: at.0 })),
        );
    }
    Ok(found)
}

/// Suppressions after `after`, oldest first.
pub fn list(conn: &mut Conn, tenant: TenantId, filter: &Filter, after: Option<SuppressionId>, limit: i64) -> Result<Vec<Suppression>> {
    let mut query = suppressions::table
        .filter(suppressions::tenant_id.eq(tenant))
        .select(Suppression::as_select())
        .order(suppressions::id.asc())
        .into_boxed();
    if let Some(channel) = filter.channel {
        query = query.filter(suppressions::channel.eq(channel));
    }
    if let Some(address) = &filter.address {
        query = query.filter(suppressions::address.eq(address.clone()));
    }
    match filter.active {
        Some(true) => query = query.filter(suppressions::lifted_at.is_null()),
        Some(false) => query = query.filter(suppressions::lifted_at.is_not_null()),
        None => {}
    }
    if let Some(after) = after {
        query = query.filter(suppressions::id.gt(after));
    }
    Ok(query.limit(limit).load(conn)?)
}

/// Ends a suppression.
pub fn lift(conn: &mut Conn, tenant: TenantId, id: SuppressionId, reason: &str, at: DateTime<Utc>) -> Result<()> {
    diesel::update(suppressions::table.filter(suppressions::tenant_id.eq(tenant).and(suppressions::id.eq(id))))
        .set((suppressions::lifted_at.eq(Some(Ts(at))), suppressions::lift_reason.eq(Some(reason))))
        .execute(conn)?;
    Ok(())
}

/// The accounts of every customer where somebody has this address.
pub fn accounts_at(conn: &mut Conn, tenant: TenantId, channel: Channel, address: &Address) -> Result<Vec<(CustomerId, Currency)>> {
    let joined = accounts::tenant_id.eq(contacts::tenant_id).and(accounts::customer_id.eq(contacts::customer_id));
    let query = contacts::table
        .inner_join(accounts::table.on(joined))
        .filter(contacts::tenant_id.eq(tenant))
        .select((accounts::customer_id, accounts::currency))
        .into_boxed();
    let query = match channel {
        Channel::Email => query.filter(lower(contacts::email).eq(address.as_str())),
        Channel::Sms => query.filter(contacts::phone.eq(address.as_str())),
        Channel::Call | Channel::Visit | Channel::Letter => return Ok(Vec::new()),
    };
    Ok(query.load(conn)?)
}
