//! Which column of a table feeds which field, kept under names.

use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};

use super::{Conn, Json, Ts, schema::import_mappings};
use crate::{
    domain::{ids::TenantId, import::csv::Mapping},
    error::{Error, Result},
};

/// A mapping's row.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = import_mappings, treat_none_as_default_value = false, primary_key(tenant_id, name))]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct ImportMapping {
    pub tenant_id: TenantId,
    pub name: String,
    pub document: Json<Mapping>,
    pub version: i64,
    pub created_at: Ts,
    pub updated_at: Ts,
}

/// Adds a mapping.
pub fn insert(conn: &mut Conn, row: &ImportMapping) -> Result<()> {
    diesel::insert_into(import_mappings::table).values(row).execute(conn)?;
    Ok(())
}

/// Replaces a mapping's row.
pub fn update(conn: &mut Conn, row: &ImportMapping) -> Result<()> {
    let here = import_mappings::tenant_id.eq(row.tenant_id).and(import_mappings::name.eq(&row.name));
    diesel::update(import_mappings::table.filter(here)).set(row).execute(conn)?;
    Ok(())
}

/// The mapping of a name.
pub fn find(conn: &mut Conn, tenant: TenantId, name: &str) -> Result<ImportMapping> {
    import_mappings::table
        .filter(import_mappings::tenant_id.eq(tenant).and(import_mappings::name.eq(name)))
        .select(ImportMapping::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("import mapping"))
}

/// Every mapping, by name: there are few.
pub fn all(conn: &mut Conn, tenant: TenantId) -> Result<Vec<ImportMapping>> {
    Ok(import_mappings::table
        .filter(import_mappings::tenant_id.eq(tenant))
        .order(import_mappings::name.asc())
        .select(ImportMapping::as_select())
        .load(conn)?)
}

/// Takes a mapping away.
pub fn delete(conn: &mut Conn, tenant: TenantId, name: &str) -> Result<()> {
    let here = import_mappings::tenant_id.eq(tenant).and(import_mappings::name.eq(name));
    diesel::delete(import_mappings::table.filter(here)).execute(conn)?;
    Ok(())
}
