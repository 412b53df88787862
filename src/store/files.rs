//! Files that were sent: their bytes in pieces, so that neither sending nor reading one takes more memory than a piece.
//!
//! Invariant: every piece but the last has [`PIECE`] bytes; of each content one complete file is kept.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, NullableExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl,
    Selectable, SelectableHelper,
};

use super::{
    Conn, Ts,
    schema::{documents, files, imports, pieces},
};
use crate::{
    domain::ids::{FileId, TenantId},
    error::{Error, Result},
};

/// The size of a piece, in bytes.
pub const PIECE: usize = 1 << 20;

/// A file's row. One without a digest is still arriving.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = files, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct File {
    pub tenant_id: TenantId,
    pub id: FileId,
    pub sha256: Option<Vec<u8>>,
    pub size: i64,
    pub created_at: Ts,
}

/// Adds a file.
pub fn insert(conn: &mut Conn, row: &File) -> Result<()> {
    diesel::insert_into(files::table).values(row).execute(conn)?;
    Ok(())
}

/// One file.
pub fn find(conn: &mut Conn, tenant: TenantId, id: FileId) -> Result<File> {
    files::table
        .filter(files::tenant_id.eq(tenant).and(files::id.eq(id)))
        .select(File::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("import file"))
}

/// The complete file with this content.
pub fn find_by_digest(conn: &mut Conn, tenant: TenantId, sha256: &[u8]) -> Result<Option<File>> {
    Ok(files::table.filter(files::tenant_id.eq(tenant).and(files::sha256.eq(sha256))).select(File::as_select()).first(conn).optional()?)
}

/// Adds the next piece of a file that is arriving.
pub fn add(conn: &mut Conn, tenant: TenantId, id: FileId, number: i32, content: &[u8]) -> Result<()> {
    let piece = (pieces::tenant_id.eq(tenant), pieces::file_id.eq(id), pieces::number.eq(number), pieces::content.eq(content));
    diesel::insert_into(pieces::table).values(piece).execute(conn)?;
    Ok(())
}

/// The whole file has arrived.
pub fn complete(conn: &mut Conn, tenant: TenantId, id: FileId, sha256: &[u8], size: i64) -> Result<()> {
    diesel::update(files::table.filter(files::tenant_id.eq(tenant).and(files::id.eq(id))))
        .set((files::sha256.eq(Some(sha256)), files::size.eq(size)))
        .execute(conn)?;
    Ok(())
}

/// A piece of a file, if it has so many.
pub fn piece(conn: &mut Conn, tenant: TenantId, id: FileId, number: i32) -> Result<Option<Vec<u8>>> {
    Ok(pieces::table
        .filter(pieces::tenant_id.eq(tenant).and(pieces::file_id.eq(id)).and(pieces::number.eq(number)))
        .select(pieces::content)
        .first(conn)
        .optional()?)
}

/// All bytes of a file, for one that is small.
pub fn whole(conn: &mut Conn, tenant: TenantId, id: FileId) -> Result<Vec<u8>> {
    let (mut bytes, mut number) = (Vec::new(), 0);
    while let Some(piece) = piece(conn, tenant, id, number)? {
        bytes.extend_from_slice(&piece);
        number = number.saturating_add(1);
    }
    Ok(bytes)
}

/// Notes that a file is wanted again.
pub fn touch(conn: &mut Conn, tenant: TenantId, id: FileId, now: DateTime<Utc>) -> Result<()> {
    diesel::update(files::table.filter(files::tenant_id.eq(tenant).and(files::id.eq(id))))
        .set(files::created_at.eq(Ts(now)))
        .execute(conn)?;
    Ok(())
}

/// Files that nothing was made of and that began to arrive before `before`: up to `limit`.
pub fn abandoned(conn: &mut Conn, tenant: TenantId, before: DateTime<Utc>, limit: i64) -> Result<Vec<FileId>> {
    let imported = imports::table.filter(imports::tenant_id.eq(tenant)).select(imports::file_id);
    let kept = documents::table
        .filter(documents::tenant_id.eq(tenant).and(documents::file_id.is_not_null()))
        .select(documents::file_id.assume_not_null());
    Ok(files::table
        .filter(files::tenant_id.eq(tenant).and(files::created_at.lt(Ts(before))))
        .filter(files::id.ne_all(imported).and(files::id.ne_all(kept)))
        .select(files::id)
        .limit(limit)
        .load(conn)?)
}

/// Takes a file away.
pub fn delete(conn: &mut Conn, tenant: TenantId, id: FileId) -> Result<()> {
    diesel::delete(pieces::table.filter(pieces::tenant_id.eq(tenant).and(pieces::file_id.eq(id)))).execute(conn)?;
    diesel::delete(files::table.filter(files::tenant_id.eq(tenant).and(files::id.eq(id)))).execute(conn)?;
    Ok(())
}
