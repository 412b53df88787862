//! A whole import at once, for callers that may block: commands.

use std::{io::Read, thread};

use super::{NewImport, create, read, read_ahead, take};
use crate::{
    actions::{files, run_now},
    clock::Clock,
    domain::{
        crypto::Sha256,
        ids::{FileId, ImportId, TenantId},
    },
    error::{Error, Result},
    store::{Db, files::PIECE, imports::Import},
};

/// For whom, and in whose name.
#[derive(Debug, Clone, Copy)]
pub struct For<'a> {
    /// The database.
    pub db: &'a Db,
    /// The present.
    pub clock: &'a Clock,
    /// Into which partition.
    pub tenant: TenantId,
    /// Who imports.
    pub actor: &'a str,
}

/// Keeps a file, and lines it up.
///
/// # Errors
/// A file that cannot be read; what [`create`] finds.
pub fn send(to: For<'_>, file: impl Read, new: &NewImport) -> Result<Import> {
    let file = keep(to, file)?;
    run_now(to.db, to.clock, to.tenant, to.actor, |act| create(act, file, new))
}

fn keep(to: For<'_>, mut file: impl Read) -> Result<FileId> {
    let id = run_now(to.db, to.clock, to.tenant, to.actor, files::begin)?;
    let (mut digest, mut size, mut number) = (Sha256::default(), 0_u64, 0_i32);
    loop {
        let mut piece = Vec::new();
        file.by_ref().take(u64::try_from(PIECE).map_err(Error::internal)?).read_to_end(&mut piece).map_err(Error::internal)?;
        if piece.is_empty() {
            break;
        }
        digest.update(&piece);
        size = size.saturating_add(u64::try_from(piece.len()).map_err(Error::internal)?);
        run_now(to.db, to.clock, to.tenant, to.actor, |act| files::add(act, id, number, &piece))?;
        number = number.saturating_add(1);
    }
    let digest = digest.finish();
    run_now(to.db, to.clock, to.tenant, to.actor, |act| files::complete(act, id, &digest, size))
}

/// Takes an import to its end. `progress` is told after each thousand rows.
///
/// # Errors
/// The store's. A file that cannot be read is no error: the import says so.
pub fn finish(to: For<'_>, id: ImportId, mut progress: impl FnMut(&Import)) -> Result<Import> {
    let from_mark = || to.db.read_now(to.tenant, |conn| read(conn, to.tenant, id));
    let mut next = from_mark()?;
    while let Some(slice) = next {
        let (import, ahead) = thread::scope(|scope| {
            let ahead = scope.spawn(|| to.db.read_now(to.tenant, |conn| read_ahead(conn, to.tenant, &slice)));
            let import = run_now(to.db, to.clock, to.tenant, to.actor, |act| take(act, &slice));
            (import, ahead.join())
        });
        let import = import?;
        progress(&import);
        next = if slice.is_recorded(&import) { ahead.map_err(|_| Error::internal("the reader ended early"))?? } else { from_mark()? };
    }
    to.db.read_now(to.tenant, |conn| crate::store::imports::find(conn, to.tenant, id))
}
