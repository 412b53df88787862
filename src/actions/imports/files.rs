//! Files as they arrive: piece by piece, each in its own transaction, and known by their digest once they are whole.

use chrono::TimeDelta;

use super::super::Act;
use crate::{
    domain::ids::ImportFileId,
    error::{Error, Result},
    store::{
        Ts,
        import_files::{self, ImportFile},
    },
};

/// After how long a file that nobody imports is taken away.
const KEPT: TimeDelta = TimeDelta::days(1);
/// How many are taken away at a time.
const SWEPT: i64 = 10;

/// Makes room for a file that is arriving. Those that were begun a day ago and never imported are swept out.
///
/// # Errors
/// The store's.
pub fn begin(act: &mut Act<'_>) -> Result<ImportFileId> {
    for old in import_files::abandoned(act.conn, act.tenant, act.wall - KEPT, SWEPT)? {
        import_files::delete(act.conn, act.tenant, old)?;
    }
    let row = ImportFile { tenant_id: act.tenant, id: ImportFileId::new(act.wall), sha256: None, size: 0, created_at: Ts(act.wall) };
    import_files::insert(act.conn, &row)?;
    Ok(row.id)
}

/// Keeps the piece of this number, from 0.
///
/// # Errors
/// The store's.
pub fn add(act: &mut Act<'_>, id: ImportFileId, number: i32, content: &[u8]) -> Result<()> {
    import_files::add(act.conn, act.tenant, id, number, content)
}

/// The file is whole. One that was sent before is kept instead; its id is returned.
///
/// # Errors
/// The store's.
pub fn complete(act: &mut Act<'_>, id: ImportFileId, sha256: &[u8], size: u64) -> Result<ImportFileId> {
    if let Some(known) = import_files::find_by_digest(act.conn, act.tenant, sha256)? {
        if known.id != id {
            import_files::delete(act.conn, act.tenant, id)?;
        }
        return Ok(known.id);
    }
    import_files::complete(act.conn, act.tenant, id, sha256, i64::try_from(size).map_err(Error::internal)?)?;
    Ok(id)
}

/// A file that will not become whole.
///
/// # Errors
/// The store's.
pub fn discard(act: &mut Act<'_>, id: ImportFileId) -> Result<()> {
    import_files::delete(act.conn, act.tenant, id)
}
