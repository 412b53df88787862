//! Policies and their versions. An account stays on the version it began with, so a version is never changed, nor removed.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, JoinOnDsl, NullableExpressionMethods, OptionalExtension, QueryDsl, Queryable,
    RunQueryDsl, Selectable, SelectableHelper,
    dsl::{count_star, max},
};

use super::{
    Conn, Json, Ts,
    schema::{accounts, customers, policies, policy_versions},
};
use crate::{
    domain::{
        dunning::policy::Policy as Document,
        ids::{CustomerId, PolicyId, TenantId},
        money::Currency,
        version::VersionState,
    },
    each,
    error::{Error, Result},
};

/// A policy's row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = policies, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct Policy {
    pub tenant_id: TenantId,
    pub id: PolicyId,
    pub name: String,
    pub builtin: Option<String>,
    pub priority: i32,
    pub active_version: Option<i32>,
    pub version: i64,
    pub created_at: Ts,
    pub updated_at: Ts,
}

/// A version's row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = policy_versions, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct PolicyVersion {
    pub tenant_id: TenantId,
    pub policy_id: PolicyId,
    pub version: i32,
    pub state: VersionState,
    pub document: Json<Document>,
    pub created_at: Ts,
    pub activated_at: Option<Ts>,
}

/// A policy in force.
#[derive(Debug, Clone)]
pub struct Active {
    /// Which.
    pub id: PolicyId,
    /// Its version in force.
    pub version: i32,
    /// What it says.
    pub document: Document,
    /// That of the document's scope.
    pub priority: i32,
}

/// An account that stands on a version.
#[derive(Debug, Clone, Queryable)]
pub struct Standing {
    /// Who owes.
    pub customer_id: CustomerId,
    /// In which currency.
    pub currency: Currency,
    /// The version.
    pub version: i32,
}

/// Adds a policy.
pub fn insert(conn: &mut Conn, row: &Policy) -> Result<()> {
    diesel::insert_into(policies::table).values(row).execute(conn)?;
    Ok(())
}

/// One policy.
pub fn find(conn: &mut Conn, tenant: TenantId, id: PolicyId) -> Result<Policy> {
    policies::table
        .filter(policies::tenant_id.eq(tenant).and(policies::id.eq(id)))
        .select(Policy::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("policy"))
}

/// Those of the ids that are there, at most a page of them.
pub fn of_ids(conn: &mut Conn, tenant: TenantId, ids: &[PolicyId]) -> Result<Vec<Policy>> {
    let here = policies::tenant_id.eq(tenant).and(policies::id.eq_any(ids.to_vec()));
    Ok(policies::table.filter(here).select(Policy::as_select()).load(conn)?)
}

/// Whether a customer may be put under it: it exists, and a version of it is in force.
pub fn exists(conn: &mut Conn, tenant: TenantId, id: PolicyId) -> Result<bool> {
    let here = policies::tenant_id.eq(tenant).and(policies::id.eq(id));
    let found: i64 = policies::table.filter(here.and(policies::active_version.is_not_null())).count().get_result(conn)?;
    Ok(found > 0)
}

/// How many policies the tenant has.
pub fn count(conn: &mut Conn, tenant: TenantId) -> Result<i64> {
    Ok(policies::table.filter(policies::tenant_id.eq(tenant)).count().get_result(conn)?)
}

/// Policies after `after`, oldest first.
pub fn list(conn: &mut Conn, tenant: TenantId, after: Option<PolicyId>, limit: i64) -> Result<Vec<Policy>> {
    let mut query =
        policies::table.filter(policies::tenant_id.eq(tenant)).select(Policy::as_select()).order(policies::id.asc()).into_boxed();
    if let Some(after) = after {
        query = query.filter(policies::id.gt(after));
    }
    Ok(query.limit(limit).load(conn)?)
}

/// Replaces what may change.
pub fn update(conn: &mut Conn, row: &Policy) -> Result<()> {
    diesel::update(policies::table.filter(policies::tenant_id.eq(row.tenant_id).and(policies::id.eq(row.id))))
        .set((
            policies::name.eq(&row.name),
            policies::priority.eq(row.priority),
            policies::active_version.eq(row.active_version),
            policies::version.eq(row.version),
            policies::updated_at.eq(row.updated_at),
        ))
        .execute(conn)?;
    Ok(())
}

/// Every policy in force, the highest priority first; of equals, the oldest.
pub fn active_set(conn: &mut Conn, tenant: TenantId) -> Result<Vec<Active>> {
    let of_policy = policy_versions::tenant_id.eq(policies::tenant_id).and(policy_versions::policy_id.eq(policies::id));
    let rows: Vec<(PolicyId, i32, Json<Document>, i32)> = policies::table
        .inner_join(policy_versions::table.on(of_policy.and(policy_versions::version.nullable().eq(policies::active_version))))
        .filter(policies::tenant_id.eq(tenant))
        .order((policies::priority.desc(), policies::id.asc()))
        .select((policies::id, policy_versions::version, policy_versions::document, policies::priority))
        .load(conn)?;
    Ok(rows.into_iter().map(|(id, version, document, priority)| Active { id, version, document: document.0, priority }).collect())
}

/// What a version says: an account may stand on an old one.
pub fn find_version(conn: &mut Conn, tenant: TenantId, id: PolicyId, version: i32) -> Result<Document> {
    self::version(conn, tenant, id, version).map(|row| row.document.0)
}

/// One version.
pub fn version(conn: &mut Conn, tenant: TenantId, id: PolicyId, version: i32) -> Result<PolicyVersion> {
    policy_versions::table
        .filter(versions_of(tenant, id).and(policy_versions::version.eq(version)))
        .select(PolicyVersion::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("version of the policy"))
}

/// The versions of `ids` that wait or are in force: what a view shows.
pub fn current(conn: &mut Conn, tenant: TenantId, ids: &[PolicyId]) -> Result<Vec<PolicyVersion>> {
    let here = policy_versions::tenant_id.eq(tenant).and(policy_versions::policy_id.eq_any(ids));
    Ok(each!(conn, |c| policy_versions::table
        .filter(here.and(policy_versions::state.ne(VersionState::Retired)))
        .select(PolicyVersion::as_select())
        .load(c))?)
}

/// The number of the newest version; 0 when there is none.
pub fn newest(conn: &mut Conn, tenant: TenantId, id: PolicyId) -> Result<i32> {
    let found: Option<i32> = policy_versions::table.filter(versions_of(tenant, id)).select(max(policy_versions::version)).first(conn)?;
    Ok(found.unwrap_or(0))
}

/// Adds a version.
pub fn insert_version(conn: &mut Conn, row: &PolicyVersion) -> Result<()> {
    diesel::insert_into(policy_versions::table).values(row).execute(conn)?;
    Ok(())
}

/// Retires whichever version stands at `state`.
pub fn retire(conn: &mut Conn, tenant: TenantId, id: PolicyId, state: VersionState) -> Result<()> {
    diesel::update(policy_versions::table.filter(versions_of(tenant, id).and(policy_versions::state.eq(state))))
        .set(policy_versions::state.eq(VersionState::Retired))
        .execute(conn)?;
    Ok(())
}

/// Puts a version in force.
pub fn activate(conn: &mut Conn, tenant: TenantId, id: PolicyId, version: i32, at: DateTime<Utc>) -> Result<()> {
    retire(conn, tenant, id, VersionState::Active)?;
    diesel::update(policy_versions::table.filter(versions_of(tenant, id).and(policy_versions::version.eq(version))))
        .set((policy_versions::state.eq(VersionState::Active), policy_versions::activated_at.eq(Some(Ts(at)))))
        .execute(conn)?;
    Ok(())
}

/// How many accounts follow a policy, and how many customers are assigned to it.
pub fn followers(conn: &mut Conn, tenant: TenantId, id: PolicyId) -> Result<(i64, i64)> {
    let following = accounts::table.filter(accounts::tenant_id.eq(tenant).and(accounts::policy_id.eq(id))).count().get_result(conn)?;
    let assigned = customers::table.filter(customers::tenant_id.eq(tenant).and(customers::policy_id.eq(id))).count().get_result(conn)?;
    Ok((following, assigned))
}

/// The other versions than `version` that accounts stand on, and how many do.
pub fn off_version(conn: &mut Conn, tenant: TenantId, id: PolicyId, version: i32) -> Result<Vec<(i32, i64)>> {
    Ok(accounts::table
        .filter(elsewhere(tenant, id, version))
        .group_by(accounts::policy_version)
        .order(accounts::policy_version.asc())
        .select((accounts::policy_version.assume_not_null(), count_star()))
        .load(conn)?)
}

/// Accounts that stand on another version than `version`, in the order of their customers.
pub fn off_version_sample(conn: &mut Conn, tenant: TenantId, id: PolicyId, version: i32, limit: i64) -> Result<Vec<Standing>> {
    Ok(accounts::table
        .filter(elsewhere(tenant, id, version))
        .order((accounts::customer_id.asc(), accounts::currency.asc()))
        .select((accounts::customer_id, accounts::currency, accounts::policy_version.assume_not_null()))
        .limit(limit)
        .load(conn)?)
}

/// Moves every account of the policy to `version` and has it looked at.
pub fn migrate(conn: &mut Conn, tenant: TenantId, id: PolicyId, version: i32, now: DateTime<Utc>) -> Result<usize> {
    Ok(diesel::update(accounts::table.filter(elsewhere(tenant, id, version)))
        .set((accounts::policy_version.eq(Some(version)), accounts::next_action_at.eq(Some(Ts(now)))))
        .execute(conn)?)
}

/// Has every account looked at that follows no policy: one may fit it now.
pub fn wake_unassigned(conn: &mut Conn, tenant: TenantId, now: DateTime<Utc>) -> Result<usize> {
    Ok(diesel::update(accounts::table.filter(accounts::tenant_id.eq(tenant).and(accounts::policy_id.is_null())))
        .set(accounts::next_action_at.eq(Some(Ts(now))))
        .execute(conn)?)
}

#[diesel::dsl::auto_type]
fn versions_of(tenant: TenantId, id: PolicyId) -> _ {
    policy_versions::tenant_id.eq(tenant).and(policy_versions::policy_id.eq(id))
}

#[diesel::dsl::auto_type]
fn elsewhere(tenant: TenantId, id: PolicyId, version: i32) -> _ {
    accounts::tenant_id.eq(tenant).and(accounts::policy_id.eq(id)).and(accounts::policy_version.ne(version))
}
