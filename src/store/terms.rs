//! Payment terms and their versions. The newest version is the one in force; none is ever changed, nor removed.

use std::collections::HashMap;

use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, JoinOnDsl, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};

use super::{
    Conn, Json, Ts,
    customers::BATCH,
    schema::{customers, terms, terms_versions},
};
use crate::{
    domain::{
        customer::CustomerKind,
        ids::{CustomerId, TenantId, TermsId},
        ledger::terms::{Copied, Terms as Document},
    },
    error::{Error, Result},
};

/// The row of payment terms.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(table_name = terms, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct Terms {
    pub tenant_id: TenantId,
    pub id: TermsId,
    pub name: String,
    pub current_version: i32,
    pub archived_at: Option<Ts>,
    pub version: i64,
    pub created_at: Ts,
    pub updated_at: Ts,
}

/// A version's row.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(table_name = terms_versions, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct TermsVersion {
    pub tenant_id: TenantId,
    pub terms_id: TermsId,
    pub version: i32,
    pub document: Json<Document>,
    pub created_at: Ts,
}

/// Adds terms.
pub fn insert(conn: &mut Conn, row: &Terms) -> Result<()> {
    diesel::insert_into(terms::table).values(row).execute(conn)?;
    Ok(())
}

/// Adds a version.
pub fn insert_version(conn: &mut Conn, row: &TermsVersion) -> Result<()> {
    diesel::insert_into(terms_versions::table).values(row).execute(conn)?;
    Ok(())
}

/// Replaces what may change.
pub fn update(conn: &mut Conn, row: &Terms) -> Result<()> {
    diesel::update(terms::table.filter(terms::tenant_id.eq(row.tenant_id).and(terms::id.eq(row.id))))
        .set((
            terms::name.eq(&row.name),
            terms::current_version.eq(row.current_version),
            terms::archived_at.eq(row.archived_at),
            terms::version.eq(row.version),
            terms::updated_at.eq(row.updated_at),
        ))
        .execute(conn)?;
    Ok(())
}

/// One set of terms.
pub fn find(conn: &mut Conn, tenant: TenantId, id: TermsId) -> Result<Terms> {
    terms::table
        .filter(terms::tenant_id.eq(tenant).and(terms::id.eq(id)))
        .select(Terms::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("terms"))
}

/// How many there are that may be used.
pub fn count(conn: &mut Conn, tenant: TenantId) -> Result<i64> {
    Ok(terms::table.filter(terms::tenant_id.eq(tenant).and(terms::archived_at.is_null())).count().get_result(conn)?)
}

/// Terms after `after`, oldest first.
pub fn list(conn: &mut Conn, tenant: TenantId, after: Option<TermsId>, limit: i64) -> Result<Vec<Terms>> {
    let mut query = terms::table.filter(terms::tenant_id.eq(tenant)).select(Terms::as_select()).order(terms::id.asc()).into_boxed();
    if let Some(after) = after {
        query = query.filter(terms::id.gt(after));
    }
    Ok(query.limit(limit).load(conn)?)
}

/// One version.
pub fn version(conn: &mut Conn, tenant: TenantId, id: TermsId, version: i32) -> Result<TermsVersion> {
    terms_versions::table
        .filter(terms_versions::tenant_id.eq(tenant).and(terms_versions::terms_id.eq(id)).and(terms_versions::version.eq(version)))
        .select(TermsVersion::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("version of these terms"))
}

/// Those of the ids that exist, with their versions in force.
pub fn current(conn: &mut Conn, tenant: TenantId, ids: &[TermsId]) -> Result<HashMap<TermsId, (Terms, TermsVersion)>> {
    let of_terms = terms_versions::tenant_id.eq(terms::tenant_id).and(terms_versions::terms_id.eq(terms::id));
    let mut found = HashMap::new();
    for part in ids.chunks(BATCH) {
        let rows: Vec<(Terms, TermsVersion)> = terms::table
            .inner_join(terms_versions::table.on(of_terms.and(terms_versions::version.eq(terms::current_version))))
            .filter(terms::tenant_id.eq(tenant).and(terms::id.eq_any(part.to_vec())))
            .select((Terms::as_select(), TermsVersion::as_select()))
            .load(conn)?;
        found.extend(rows.into_iter().map(|row| (row.0.id, row)));
    }
    Ok(found)
}

/// Those of the ids that may be used (they exist, and are not archived), as an invoice keeps them.
pub fn usable(conn: &mut Conn, tenant: TenantId, ids: &[TermsId]) -> Result<HashMap<TermsId, Copied>> {
    let usable = current(conn, tenant, ids)?.into_iter().filter(|(_, (row, _))| row.archived_at.is_none());
    let copied = |version: TermsVersion| Copied { terms_id: version.terms_id, version: version.version, document: version.document.0 };
    Ok(usable.map(|(id, (_, version))| (id, copied(version))).collect())
}

/// How many customers have these terms as their own.
pub fn assigned(conn: &mut Conn, tenant: TenantId, id: TermsId) -> Result<i64> {
    Ok(customers::table.filter(customers::tenant_id.eq(tenant).and(customers::terms_id.eq(id))).count().get_result(conn)?)
}

/// The terms and the kind of each of these customers.
pub fn of_customers(conn: &mut Conn, tenant: TenantId, ids: &[CustomerId]) -> Result<HashMap<CustomerId, (Option<TermsId>, CustomerKind)>> {
    let mut found = HashMap::new();
    for part in ids.chunks(BATCH) {
        let rows: Vec<(CustomerId, Option<TermsId>, CustomerKind)> = customers::table
            .filter(customers::tenant_id.eq(tenant).and(customers::id.eq_any(part.to_vec())))
            .select((customers::id, customers::terms_id, customers::kind))
            .load(conn)?;
        found.extend(rows.into_iter().map(|(id, terms, kind)| (id, (terms, kind))));
    }
    Ok(found)
}
