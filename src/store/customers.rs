//! Customers: debtors' records. The people there are in [`contacts`](super::contacts).

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
    dsl::sql,
    sql_types::{Bool, Text},
};

use super::{
    Conn, Json, Ts,
    connection::MultiBackend,
    names,
    order::{self, After, in_order},
    schema::{accounts, credit_profiles, customers, policies},
    types::DbUuid,
};
use crate::{
    domain::{
        company::Company,
        customer::{Address, CustomerKind},
        external::{ExternalKey, Pairs},
        ids::{CustomerId, PolicyId, TenantId, TermsId},
        ledger::interest::InterestHandling,
        locale::{Jurisdiction, Language},
        search::{beginning_with, folded},
    },
    each,
    error::{Error, Result},
};

/// Rows and values that go in one statement: below PostgreSQL's 65,535 and SQLite's 32,766 parameters.
pub const BATCH: usize = 500;

/// A customer's row.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = customers, treat_none_as_default_value = false, treat_none_as_null = true, primary_key(tenant_id, id))]
#[expect(missing_docs, reason = "columns say what they are; units and meaning stand on the domain's types")]
pub struct Customer {
    pub tenant_id: TenantId,
    pub id: CustomerId,
    pub source: Option<String>,
    pub external_id: Option<String>,
    pub number: Option<String>,
    pub name: String,
    pub kind: CustomerKind,
    pub jurisdiction: Jurisdiction,
    pub language: Option<Language>,
    pub time_zone: Option<String>,
    pub segment: Option<String>,
    pub score: Option<i32>,
    pub policy_id: Option<PolicyId>,
    pub identifiers: Json<Pairs>,
    pub address: Json<Address>,
    pub metadata: Json<Pairs>,
    pub version: i64,
    pub created_at: Ts,
    pub updated_at: Ts,
    pub interest: Option<InterestHandling>,
    pub terms_id: Option<TermsId>,
    pub company: Json<Company>,
}

impl Customer {
    /// Its name in another system, if it has one.
    pub fn key(&self) -> Option<ExternalKey> {
        ExternalKey::of(self.source.as_deref(), self.external_id.as_deref())
    }
}

/// What is kept of a name, to look for it and to put it in order.
fn name_key(row: &Customer) -> diesel::dsl::Eq<customers::name_key, String> {
    customers::name_key.eq(folded(&row.name))
}

/// Adds customers.
pub fn insert(conn: &mut Conn, rows: &[Customer]) -> Result<()> {
    for part in rows.chunks(BATCH) {
        let part: Vec<_> = part.iter().map(|row| (row, name_key(row))).collect();
        each!(conn, |c| diesel::insert_into(customers::table).values(part).execute(c))?;
    }
    Ok(())
}

/// Replaces a customer's row.
pub fn update(conn: &mut Conn, row: &Customer) -> Result<()> {
    let here = customers::tenant_id.eq(row.tenant_id).and(customers::id.eq(row.id));
    diesel::update(customers::table.filter(here)).set((row, name_key(row))).execute(conn)?;
    Ok(())
}

/// One customer.
pub fn find(conn: &mut Conn, tenant: TenantId, id: CustomerId) -> Result<Customer> {
    customers::table
        .filter(customers::tenant_id.eq(tenant).and(customers::id.eq(id)))
        .select(Customer::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("customer"))
}

/// One customer by the name that another system gave it.
pub fn find_by_key(conn: &mut Conn, tenant: TenantId, key: &ExternalKey) -> Result<Customer> {
    customers::table
        .filter(customers::tenant_id.eq(tenant).and(customers::source.eq(&key.source)).and(customers::external_id.eq(&key.external_id)))
        .select(Customer::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("customer"))
}

/// Those of the names that are known, with their customers.
pub fn find_by_keys(conn: &mut Conn, tenant: TenantId, keys: &[ExternalKey]) -> Result<HashMap<ExternalKey, Customer>> {
    let ids: Vec<CustomerId> = ids_by_keys(conn, tenant, keys)?.into_values().collect();
    let mut found = HashMap::with_capacity(ids.len());
    for part in ids.chunks(BATCH) {
        found.extend(of_ids(conn, tenant, part)?.into_iter().filter_map(|row| Some((row.key()?, row))));
    }
    Ok(found)
}

/// The ids of the customers that have these names.
pub fn ids_by_keys(conn: &mut Conn, tenant: TenantId, keys: &[ExternalKey]) -> Result<HashMap<ExternalKey, CustomerId>> {
    names::ids(conn, tenant, "customers", keys)
}

/// Those of the ids that exist.
pub fn existing(conn: &mut Conn, tenant: TenantId, ids: &[CustomerId]) -> Result<HashSet<CustomerId>> {
    let mut found = HashSet::new();
    for part in ids.chunks(BATCH) {
        let rows: Vec<CustomerId> = customers::table
            .filter(customers::tenant_id.eq(tenant).and(customers::id.eq_any(part.to_vec())))
            .select(customers::id)
            .load(conn)?;
        found.extend(rows);
    }
    Ok(found)
}

/// Whether a customer may be put on this policy: it exists.
pub fn policy_exists(conn: &mut Conn, tenant: TenantId, id: PolicyId) -> Result<bool> {
    let found: Option<PolicyId> =
        policies::table.filter(policies::tenant_id.eq(tenant).and(policies::id.eq(id))).select(policies::id).first(conn).optional()?;
    Ok(found.is_some())
}

/// Those of the ids that are there, at most a page of them.
pub fn of_ids(conn: &mut Conn, tenant: TenantId, ids: &[CustomerId]) -> Result<Vec<Customer>> {
    let here = customers::tenant_id.eq(tenant).and(customers::id.eq_any(ids.to_vec()));
    Ok(customers::table.filter(here).select(Customer::as_select()).load(conn)?)
}

/// What a listing asks for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The beginning of the name or of the number; capitals do not matter, nor a name's accents.
    pub prefix: Option<String>,
    /// Only this kind.
    pub kind: Option<CustomerKind>,
    /// Only this segment.
    pub segment: Option<String>,
    /// Only this source.
    pub source: Option<String>,
    /// Only this name in a source.
    pub external_id: Option<String>,
    /// Only those on the watch list.
    pub watched: bool,
    /// Only those with an account that is looked at before this moment.
    pub next_action_before: Option<DateTime<Utc>>,
}

crate::words! {
    /// The order of customers.
    pub enum CustomerSort {
        /// As they were recorded, the oldest first.
        CreatedAt = "created_at",
        /// The newest first.
        Newest = "-created_at",
        /// By their names, whatever their capitals and accents.
        Name = "name",
        /// The last name first.
        NameDown = "-name",
    }
}

impl CustomerSort {
    /// Whether a place in it is a name before it is an id.
    pub const fn is_by_name(self) -> bool {
        matches!(self, Self::Name | Self::NameDown)
    }
}

/// How many a filter lets through.
pub fn count(conn: &mut Conn, tenant: TenantId, filter: &Filter) -> Result<i64> {
    Ok(matching(tenant, filter).count().get_result(conn)?)
}

/// Customers in an order, after a place in it: an id, and the name that it was sorted by, if it was.
pub fn list(
    conn: &mut Conn,
    tenant: TenantId,
    filter: &Filter,
    sort: CustomerSort,
    after: After<CustomerId, String>,
    limit: i64,
) -> Result<Vec<Customer>> {
    let query = matching(tenant, filter).select(Customer::as_select());
    let down = order::is_down(sort.as_str());
    let query = if sort.is_by_name() {
        let after = after.map(|(id, name)| (id, name.map(|name| folded(&name))));
        in_order!(query, customers::name_key, customers::id, down, after)
    } else {
        in_order!(query, customers::id, down, after)
    };
    Ok(query.limit(limit).load(conn)?)
}

fn matching(tenant: TenantId, filter: &Filter) -> customers::BoxedQuery<'static, MultiBackend> {
    let mut query = customers::table.filter(customers::tenant_id.eq(tenant)).into_boxed();
    if let Some(prefix) = &filter.prefix {
        let ((name, past_name), (number, past_number)) = (beginning_with(&folded(prefix)), beginning_with(&prefix.to_ascii_lowercase()));
        query = query.filter(
            // Each half by its own index, and none of them twice.
            sql::<Bool>("customers.id IN (SELECT id FROM customers WHERE tenant_id = ")
                .bind::<DbUuid, _>(tenant)
                .sql(" AND name_key >= ")
                .bind::<Text, _>(name)
                .sql(" AND name_key < ")
                .bind::<Text, _>(past_name)
                .sql(" UNION SELECT id FROM customers WHERE tenant_id = ")
                .bind::<DbUuid, _>(tenant)
                .sql(" AND number_key >= ")
                .bind::<Text, _>(number)
                .sql(" AND number_key < ")
                .bind::<Text, _>(past_number)
                .sql(")"),
        );
    }
    if let Some(kind) = filter.kind {
        query = query.filter(customers::kind.eq(kind));
    }
    if let Some(segment) = &filter.segment {
        query = query.filter(customers::segment.eq(segment.clone()));
    }
    if let Some(source) = &filter.source {
        query = query.filter(customers::source.eq(source.clone()));
    }
    if let Some(name) = &filter.external_id {
        query = query.filter(customers::external_id.eq(name.clone()));
    }
    if filter.watched {
        let watched = credit_profiles::table
            .filter(credit_profiles::tenant_id.eq(tenant).and(credit_profiles::watched_at.is_not_null()))
            .select(credit_profiles::customer_id);
        query = query.filter(customers::id.eq_any(watched));
    }
    if let Some(before) = filter.next_action_before {
        let due = accounts::table
            .filter(accounts::tenant_id.eq(tenant).and(accounts::next_action_at.lt(Ts(before))))
            .select(accounts::customer_id);
        query = query.filter(customers::id.eq_any(due));
    }
    query
}
