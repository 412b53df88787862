//! Files as they arrive: piece by piece, each in its own transaction, and known by their digest once they are whole.

use chrono::TimeDelta;

use super::Act;
use crate::{
    domain::{crypto::sha256, ids::FileId},
    error::{Error, Result},
    store::{
        Ts,
        files::{self, File, PIECE},
    },
};

/// After how long a file that nothing was made of is taken away.
const KEPT: TimeDelta = TimeDelta::days(1);
/// How many are taken away at a time.
const SWEPT: i64 = 10;

/// Makes room for a file that is arriving. Those that were begun a day ago and never used are swept out.
///
/// # Errors
/// The store's.
pub fn begin(act: &mut Act<'_>) -> Result<FileId> {
    for old in files::abandoned(act.conn, act.tenant, act.wall - KEPT, SWEPT)? {
        files::delete(act.conn, act.tenant, old)?;
    }
    let row = File { tenant_id: act.tenant, id: FileId::new(act.wall), sha256: None, size: 0, created_at: Ts(act.wall) };
    files::insert(act.conn, &row)?;
    Ok(row.id)
}

/// Keeps the piece of this number, from 0.
///
/// # Errors
/// The store's.
pub fn add(act: &mut Act<'_>, id: FileId, number: i32, content: &[u8]) -> Result<()> {
    files::add(act.conn, act.tenant, id, number, content)
}

/// The file is whole. One that was sent before is kept instead; its id is returned.
///
/// # Errors
/// The store's.
pub fn complete(act: &mut Act<'_>, id: FileId, sha256: &[u8], size: u64) -> Result<FileId> {
    if let Some(known) = files::find_by_digest(act.conn, act.tenant, sha256)? {
        if known.id != id {
            files::delete(act.conn, act.tenant, id)?;
        }
        files::touch(act.conn, act.tenant, known.id, act.wall)?;
        return Ok(known.id);
    }
    files::complete(act.conn, act.tenant, id, sha256, i64::try_from(size).map_err(Error::internal)?)?;
    Ok(id)
}

/// A file that will not become whole.
///
/// # Errors
/// The store's.
pub fn discard(act: &mut Act<'_>, id: FileId) -> Result<()> {
    files::delete(act.conn, act.tenant, id)
}

/// Keeps what is in memory already.
///
/// # Errors
/// The store's.
pub fn keep(act: &mut Act<'_>, bytes: &[u8]) -> Result<FileId> {
    let digest = sha256(&[bytes]);
    if let Some(known) = files::find_by_digest(act.conn, act.tenant, &digest)? {
        files::touch(act.conn, act.tenant, known.id, act.wall)?;
        return Ok(known.id);
    }
    let size = i64::try_from(bytes.len()).map_err(Error::internal)?;
    let row = File { tenant_id: act.tenant, id: FileId::new(act.wall), sha256: Some(digest.to_vec()), size, created_at: Ts(act.wall) };
    files::insert(act.conn, &row)?;
    for (number, piece) in (0..).zip(bytes.chunks(PIECE)) {
        add(act, row.id, number, piece)?;
    }
    Ok(row.id)
}
