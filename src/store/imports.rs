//! Imports, and what became of each of their rows. The files are in [`files`](super::files).

use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};

use super::{
    Conn, Json, Ts,
    schema::{import_rows, imports},
};
use crate::{
    domain::{
        ids::{FileId, ImportId, TenantId},
        import::job::{ImportCounts, ImportFormat, ImportKind, ImportProblem, ImportSettings, ImportState, ImportedThing, RowOutcome},
    },
    error::{Error, Result},
    insert_all,
};

/// An import's row.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = imports, treat_none_as_default_value = false, treat_none_as_null = true, primary_key(tenant_id, id))]
#[expect(missing_docs, reason = "columns say what they are; the migration says what place and line mean")]
pub struct Import {
    pub tenant_id: TenantId,
    pub id: ImportId,
    pub file_id: FileId,
    pub file_name: Option<String>,
    pub kind: ImportKind,
    pub format: ImportFormat,
    pub source: String,
    pub settings: Json<ImportSettings>,
    pub dry_run: bool,
    pub state: ImportState,
    pub place: i64,
    pub line: i64,
    pub counts: Json<ImportCounts>,
    pub problems: Json<Vec<ImportProblem>>,
    pub created_by: String,
    pub version: i64,
    pub created_at: Ts,
    pub updated_at: Ts,
    pub started_at: Option<Ts>,
    pub finished_at: Option<Ts>,
}

/// What became of a row of a file.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = import_rows, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct ImportRow {
    pub tenant_id: TenantId,
    pub import_id: ImportId,
    /// From 1, in the file's order.
    pub number: i64,
    /// The line where it begins, from 1; 0 in files without lines.
    pub line: i64,
    pub reference: String,
    pub outcome: RowOutcome,
    pub things: Json<Vec<ImportedThing>>,
    pub problems: Json<Vec<ImportProblem>>,
}

/// Adds an import.
pub fn insert(conn: &mut Conn, row: &Import) -> Result<()> {
    diesel::insert_into(imports::table).values(row).execute(conn)?;
    Ok(())
}

/// Replaces an import's row.
pub fn update(conn: &mut Conn, row: &Import) -> Result<()> {
    let here = imports::tenant_id.eq(row.tenant_id).and(imports::id.eq(row.id));
    diesel::update(imports::table.filter(here)).set(row).execute(conn)?;
    Ok(())
}

/// One import.
pub fn find(conn: &mut Conn, tenant: TenantId, id: ImportId) -> Result<Import> {
    imports::table
        .filter(imports::tenant_id.eq(tenant).and(imports::id.eq(id)))
        .select(Import::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("import"))
}

/// One import, held until the transaction's end.
pub fn lock(conn: &mut Conn, tenant: TenantId, id: ImportId) -> Result<Import> {
    let query = imports::table.filter(imports::tenant_id.eq(tenant).and(imports::id.eq(id)));
    let row: Option<Import> = match conn {
        Conn::Pg(pg) => query.for_no_key_update().first(pg).optional()?,
        Conn::Sqlite(sqlite) => query.first(sqlite).optional()?,
    };
    row.ok_or(Error::NotFound("import"))
}

/// The import whose turn it is: the oldest that is not over.
pub fn next(conn: &mut Conn, tenant: TenantId) -> Result<Option<ImportId>> {
    Ok(imports::table
        .filter(imports::tenant_id.eq(tenant).and(imports::state.eq_any([ImportState::Queued, ImportState::Running])))
        .order(imports::id.asc())
        .select(imports::id)
        .first(conn)
        .optional()?)
}

/// Imports after `after`, oldest first; in one state only, if `state` is given.
pub fn list(conn: &mut Conn, tenant: TenantId, state: Option<ImportState>, after: Option<ImportId>, limit: i64) -> Result<Vec<Import>> {
    let mut query = imports::table.filter(imports::tenant_id.eq(tenant)).select(Import::as_select()).order(imports::id.asc()).into_boxed();
    if let Some(state) = state {
        query = query.filter(imports::state.eq(state));
    }
    if let Some(after) = after {
        query = query.filter(imports::id.gt(after));
    }
    Ok(query.limit(limit).load(conn)?)
}

/// Adds what became of rows.
pub fn insert_rows(conn: &mut Conn, rows: &[ImportRow]) -> Result<()> {
    insert_all!(conn, rows, ImportRow in import_rows {
        tenant_id, import_id, number, line, reference, outcome, things, problems,
    });
    Ok(())
}

/// Rows of an import behind the row `after`, in the file's order; those with one outcome only, if `outcome` is given.
pub fn rows(
    conn: &mut Conn,
    tenant: TenantId,
    import: ImportId,
    outcome: Option<RowOutcome>,
    after: i64,
    limit: i64,
) -> Result<Vec<ImportRow>> {
    let mut query = import_rows::table
        .filter(import_rows::tenant_id.eq(tenant).and(import_rows::import_id.eq(import)).and(import_rows::number.gt(after)))
        .select(ImportRow::as_select())
        .order(import_rows::number.asc())
        .into_boxed();
    if let Some(outcome) = outcome {
        query = query.filter(import_rows::outcome.eq(outcome));
    }
    Ok(query.limit(limit).load(conn)?)
}
