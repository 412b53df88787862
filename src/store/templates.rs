//! Templates of the tenant, by key, with their versions. A key that has no version in force means the built-in text.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, JoinOnDsl, NullableExpressionMethods, OptionalExtension, QueryDsl, Queryable,
    RunQueryDsl, Selectable, SelectableHelper, dsl::max,
};

use super::{
    Conn, Json, Ts,
    schema::{template_versions, templates},
};
use crate::{
    domain::{
        ids::{TemplateId, TenantId},
        template::{builtin::BUILTINS, source::Source},
        version::VersionState,
    },
    error::{Error, Result},
};

/// A template's row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = templates, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct Template {
    pub tenant_id: TenantId,
    pub id: TemplateId,
    pub key: String,
    pub name: String,
    pub active_version: Option<i32>,
    pub version: i64,
    pub created_at: Ts,
    pub updated_at: Ts,
}

/// A version's row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = template_versions, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct TemplateVersion {
    pub tenant_id: TenantId,
    pub template_id: TemplateId,
    pub version: i32,
    pub state: VersionState,
    pub contents: Json<Source>,
    pub created_at: Ts,
    pub activated_at: Option<Ts>,
}

/// The text in force under a key: the tenant's, else the product's.
pub fn active(conn: &mut Conn, tenant: TenantId, key: &str) -> Result<Source> {
    let own: Option<Json<Source>> = templates::table
        .inner_join(template_versions::table.on(of_template().and(template_versions::version.nullable().eq(templates::active_version))))
        .filter(templates::tenant_id.eq(tenant).and(templates::key.eq(key)))
        .select(template_versions::contents)
        .first(conn)
        .optional()?;
    own.map(|contents| contents.0).or_else(|| Source::builtin(key)).ok_or(Error::NotFound("template"))
}

/// Every text in force, by key: the product's, and over them the tenant's.
pub fn all_active(conn: &mut Conn, tenant: TenantId) -> Result<BTreeMap<String, Source>> {
    let own: Vec<(String, Json<Source>)> = templates::table
        .inner_join(template_versions::table.on(of_template().and(template_versions::version.nullable().eq(templates::active_version))))
        .filter(templates::tenant_id.eq(tenant))
        .select((templates::key, template_versions::contents))
        .load(conn)?;
    let product = BUILTINS.iter().filter_map(|builtin| Some((builtin.key.to_owned(), Source::builtin(builtin.key)?)));
    Ok(product.chain(own.into_iter().map(|(key, contents)| (key, contents.0))).collect())
}

/// The tenant's template of that key, if it wrote one.
pub fn find(conn: &mut Conn, tenant: TenantId, key: &str) -> Result<Option<Template>> {
    Ok(templates::table
        .filter(templates::tenant_id.eq(tenant).and(templates::key.eq(key)))
        .select(Template::as_select())
        .first(conn)
        .optional()?)
}

/// Every template that the tenant wrote; the actions keep their number small.
pub fn list(conn: &mut Conn, tenant: TenantId) -> Result<Vec<Template>> {
    Ok(templates::table.filter(templates::tenant_id.eq(tenant)).select(Template::as_select()).order(templates::key.asc()).load(conn)?)
}

/// How many templates the tenant wrote.
pub fn count(conn: &mut Conn, tenant: TenantId) -> Result<i64> {
    Ok(templates::table.filter(templates::tenant_id.eq(tenant)).count().get_result(conn)?)
}

/// One version.
pub fn version(conn: &mut Conn, tenant: TenantId, id: TemplateId, version: i32) -> Result<TemplateVersion> {
    template_versions::table
        .filter(versions_of(tenant, id).and(template_versions::version.eq(version)))
        .select(TemplateVersion::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("version of the template"))
}

/// The version that waits to be put in force.
pub fn draft(conn: &mut Conn, tenant: TenantId, id: TemplateId) -> Result<Option<TemplateVersion>> {
    Ok(template_versions::table
        .filter(versions_of(tenant, id).and(template_versions::state.eq(VersionState::Draft)))
        .select(TemplateVersion::as_select())
        .first(conn)
        .optional()?)
}

/// Every version that waits, or is in force, of every template: what a list shows.
pub fn current(conn: &mut Conn, tenant: TenantId) -> Result<Vec<TemplateVersion>> {
    Ok(template_versions::table
        .filter(template_versions::tenant_id.eq(tenant).and(template_versions::state.ne(VersionState::Retired)))
        .select(TemplateVersion::as_select())
        .load(conn)?)
}

/// The number of the newest version; 0 when there is none.
pub fn newest(conn: &mut Conn, tenant: TenantId, id: TemplateId) -> Result<i32> {
    let found: Option<i32> =
        template_versions::table.filter(versions_of(tenant, id)).select(max(template_versions::version)).first(conn)?;
    Ok(found.unwrap_or(0))
}

/// Adds a template.
pub fn insert(conn: &mut Conn, row: &Template) -> Result<()> {
    diesel::insert_into(templates::table).values(row).execute(conn)?;
    Ok(())
}

/// Replaces what may change.
pub fn update(conn: &mut Conn, row: &Template) -> Result<()> {
    diesel::update(templates::table.filter(templates::tenant_id.eq(row.tenant_id).and(templates::id.eq(row.id))))
        .set((
            templates::name.eq(&row.name),
            templates::active_version.eq(row.active_version),
            templates::version.eq(row.version),
            templates::updated_at.eq(row.updated_at),
        ))
        .execute(conn)?;
    Ok(())
}

/// Adds a version.
pub fn insert_version(conn: &mut Conn, row: &TemplateVersion) -> Result<()> {
    diesel::insert_into(template_versions::table).values(row).execute(conn)?;
    Ok(())
}

/// Retires whichever version stands at `state`.
pub fn retire(conn: &mut Conn, tenant: TenantId, id: TemplateId, state: VersionState) -> Result<()> {
    diesel::update(template_versions::table.filter(versions_of(tenant, id).and(template_versions::state.eq(state))))
        .set(template_versions::state.eq(VersionState::Retired))
        .execute(conn)?;
    Ok(())
}

/// Puts a version in force.
pub fn activate(conn: &mut Conn, tenant: TenantId, id: TemplateId, version: i32, at: DateTime<Utc>) -> Result<()> {
    retire(conn, tenant, id, VersionState::Active)?;
    diesel::update(template_versions::table.filter(versions_of(tenant, id).and(template_versions::version.eq(version))))
        .set((template_versions::state.eq(VersionState::Active), template_versions::activated_at.eq(Some(Ts(at)))))
        .execute(conn)?;
    Ok(())
}

/// A version belongs to its template, in its partition.
#[diesel::dsl::auto_type]
fn of_template() -> _ {
    template_versions::tenant_id.eq(templates::tenant_id).and(template_versions::template_id.eq(templates::id))
}

#[diesel::dsl::auto_type]
fn versions_of(tenant: TenantId, id: TemplateId) -> _ {
    template_versions::tenant_id.eq(tenant).and(template_versions::template_id.eq(id))
}
