//! Files that were sent to be imported: their bytes in pieces, so that neither sending nor reading one takes more memory than a piece.
//!
//! Invariant: every piece but the last has [`PIECE`] bytes; of each content one complete file is kept.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
};

use super::{
    Conn, Ts,
    schema::{import_files, import_pieces, imports},
};
use crate::{
    domain::ids::{ImportFileId, TenantId},
    error::{Error, Result},
};

/// The size of a piece, in bytes.
pub const PIECE: usize = 1 << 20;

/// A file's row. One without a digest is still arriving.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = import_files, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct ImportFile {
    pub tenant_id: TenantId,
    pub id: ImportFileId,
    pub sha256: Option<Vec<u8>>,
    pub size: i64,
    pub created_at: Ts,
}

/// Adds a file.
pub fn insert(conn: &mut Conn, row: &ImportFile) -> Result<()> {
    diesel::insert_into(import_files::table).values(row).execute(conn)?;
    Ok(())
}

/// One file.
pub fn find(conn: &mut Conn, tenant: TenantId, id: ImportFileId) -> Result<ImportFile> {
    import_files::table
        .filter(import_files::tenant_id.eq(tenant).and(import_files::id.eq(id)))
        .select(ImportFile::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("import file"))
}

/// The complete file with this content.
pub fn find_by_digest(conn: &mut Conn, tenant: TenantId, sha256: &[u8]) -> Result<Option<ImportFile>> {
    Ok(import_files::table
        .filter(import_files::tenant_id.eq(tenant).and(import_files::sha256.eq(sha256)))
        .select(ImportFile::as_select())
        .first(conn)
        .optional()?)
}

/// Adds the next piece of a file that is arriving.
pub fn add(conn: &mut Conn, tenant: TenantId, id: ImportFileId, number: i32, content: &[u8]) -> Result<()> {
    let piece = (
        import_pieces::tenant_id.eq(tenant),
        import_pieces::file_id.eq(id),
        import_pieces::number.eq(number),
        import_pieces::content.eq(content),
    );
    diesel::insert_into(import_pieces::table).values(piece).execute(conn)?;
    Ok(())
}

/// The whole file has arrived.
pub fn complete(conn: &mut Conn, tenant: TenantId, id: ImportFileId, sha256: &[u8], size: i64) -> Result<()> {
    diesel::update(import_files::table.filter(import_files::tenant_id.eq(tenant).and(import_files::id.eq(id))))
        .set((import_files::sha256.eq(Some(sha256)), import_files::size.eq(size)))
        .execute(conn)?;
    Ok(())
}

/// A piece of a file, if it has so many.
pub fn piece(conn: &mut Conn, tenant: TenantId, id: ImportFileId, number: i32) -> Result<Option<Vec<u8>>> {
    Ok(import_pieces::table
        .filter(import_pieces::tenant_id.eq(tenant).and(import_pieces::file_id.eq(id)).and(import_pieces::number.eq(number)))
        .select(import_pieces::content)
        .first(conn)
        .optional()?)
}

/// Files that nobody imports and that began to arrive before `before`: up to `limit`.
pub fn abandoned(conn: &mut Conn, tenant: TenantId, before: DateTime<Utc>, limit: i64) -> Result<Vec<ImportFileId>> {
    let imported = imports::table.filter(imports::tenant_id.eq(tenant)).select(imports::file_id);
    Ok(import_files::table
        .filter(import_files::tenant_id.eq(tenant).and(import_files::created_at.lt(Ts(before))))
        .filter(import_files::id.ne_all(imported))
        .select(import_files::id)
        .limit(limit)
        .load(conn)?)
}

/// Takes a file away.
pub fn delete(conn: &mut Conn, tenant: TenantId, id: ImportFileId) -> Result<()> {
    diesel::delete(import_pieces::table.filter(import_pieces::tenant_id.eq(tenant).and(import_pieces::file_id.eq(id)))).execute(conn)?;
    diesel::delete(import_files::table.filter(import_files::tenant_id.eq(tenant).and(import_files::id.eq(id)))).execute(conn)?;
    Ok(())
}
