//! The export as a stream: a page of entries per transaction, whatever the length of the log.
//!
//! The log only grows, so pages read one after the other show one log; what may change meanwhile is that disclosures are erased. An export therefore
//! goes on until it holds the entry of every erasure that it may have met. Invariant: the last line is a checkpoint, and covers all above it.

use std::{borrow::Cow, sync::Arc};

use futures_util::{Stream, stream};

use super::evidence::seal;
use crate::{
    clock::Clock,
    config::Secrets,
    domain::{
        evidence::{
            checkpoint::{PublicKey, Signer},
            erasure::ERASED,
            export::{Header, Line, Sealed},
        },
        ids::TenantId,
    },
    error::{Error, Result},
    store::{self, Conn, Db, evidence::Placed},
};

/// Entries per transaction: the memory of one export.
const PAGE: u32 = 500;
/// Entries sealed at a time, should an erasure still wait.
const SEALED_AT_ONCE: u32 = 2_000;

/// How far an export has come.
pub struct Log {
    db: Db,
    clock: Clock,
    signer: Arc<Signer>,
    tenant: TenantId,
    header: Option<Header>,
    /// The next entry to write.
    next: u64,
    /// The size of the checkpoint at which to stop.
    end: u64,
}

impl Log {
    /// Seals what has happened so far, and looks up who signed it: whoever asks at once gets all that there is.
    ///
    /// # Errors
    /// The store's.
    pub async fn open(db: &Db, clock: &Clock, signer: &Arc<Signer>, secrets: &Secrets, tenant: TenantId) -> Result<Self> {
        let former = secrets.former.iter().map(|master| Signer::derive(master)?.public_key());
        let candidates: Vec<PublicKey> = former.chain([signer.public_key()]).collect::<Result<_, _>>().map_err(Error::internal)?;
        let mut log = Self { db: db.clone(), clock: clock.clone(), signer: Arc::clone(signer), tenant, header: None, next: 0, end: 0 };
        log.end = log.sealed().await?;
        let keys = db.read(tenant, move |conn| signers(conn, tenant, candidates)).await?;
        log.header = Some(Header::new(tenant, keys));
        Ok(log)
    }

    /// The lines, in pieces.
    pub fn pieces(self) -> impl Stream<Item = Result<Vec<u8>>> {
        stream::try_unfold(self, |mut log| async move { Ok(log.piece().await?.map(|piece| (piece, log))) })
    }

    async fn piece(&mut self) -> Result<Option<Vec<u8>>> {
        if let Some(header) = self.header.take() {
            let mut lines = Vec::new();
            write(&mut lines, &Line::Header(Cow::Owned(header)))?;
            return Ok(Some(lines));
        }
        if self.next >= self.end && !self.reach_further().await? {
            return Ok(None);
        }
        let (tenant, from, end) = (self.tenant, self.next, self.end);
        let (lines, next) = self.db.read(tenant, move |conn| page(conn, tenant, from, end)).await?;
        self.next = next;
        Ok(Some(lines))
    }

    /// Moves the end behind erasures that were met and are not written yet.
    async fn reach_further(&mut self) -> Result<bool> {
        let (tenant, end) = (self.tenant, self.end);
        if !self.db.read(tenant, move |conn| store::evidence::is_beyond(conn, tenant, ERASED, end)).await? {
            return Ok(false);
        }
        self.end = self.sealed().await?;
        Ok(self.end > end)
    }

    /// The size of a head that covers all that has happened by now, whoever seals it, the sealer or this.
    async fn sealed(&self) -> Result<u64> {
        let tenant = self.tenant;
        let wanted = self.db.read(tenant, move |conn| store::evidence::size(conn, tenant)).await?;
        loop {
            let sealed = self.db.read(tenant, move |conn| store::evidence::sealed_size(conn, tenant)).await?;
            if sealed >= wanted {
                return Ok(sealed);
            }
            if seal(&self.db, &self.clock, &self.signer, tenant, SEALED_AT_ONCE).await? == 0 {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
}

/// Those of the keys that signed a head of this log.
fn signers(conn: &mut Conn, tenant: TenantId, candidates: Vec<PublicKey>) -> Result<Vec<PublicKey>> {
    let mut keys = Vec::new();
    for key in candidates {
        if !keys.contains(&key) && store::evidence::has_signed(conn, tenant, key.id(tenant))? {
            keys.push(key);
        }
    }
    Ok(keys)
}

/// The lines from the entry at `from` on, and the place behind them: at most [`PAGE`] entries, each checkpoint directly behind the last entry it covers.
fn page(conn: &mut Conn, tenant: TenantId, from: u64, end: u64) -> Result<(Vec<u8>, u64)> {
    let limit = u64::from(PAGE).min(end.saturating_sub(from));
    let entries = store::evidence::between(conn, tenant, from, end, i64::try_from(limit).map_err(Error::internal)?)?;
    let full = u64::try_from(entries.len()).map_err(Error::internal)? == limit;
    // Fewer than asked for: nothing follows up to the end, or entries are missing, which the verifier will say.
    let next = entries.last().filter(|_| full).map_or(end, |last| last.seq.saturating_add(1));
    let covered = i64::try_from(next.saturating_sub(from)).map_err(Error::internal)?;
    let heads = store::evidence::checkpoints(conn, tenant, from, covered)?;
    let mut heads = heads.into_iter().filter(|head| head.statement.size <= next).peekable();
    let ids: Vec<_> = entries.iter().map(|placed| placed.entry.id).collect();
    let mut disclosures = store::evidence::disclosures(conn, tenant, &ids)?;
    let mut lines = Vec::new();
    for Placed { seq: index, entry, digest } in entries {
        while let Some(head) = heads.next_if(|head| head.statement.size <= index) {
            write(&mut lines, &Line::Checkpoint(Cow::Owned(head.line())))?;
        }
        let disclosures = disclosures.remove(&entry.id).unwrap_or_default();
        write(&mut lines, &Line::Entry(Cow::Owned(Sealed { index, record: entry, digest, disclosures })))?;
    }
    for head in heads {
        write(&mut lines, &Line::Checkpoint(Cow::Owned(head.line())))?;
    }
    Ok((lines, next))
}

fn write(lines: &mut Vec<u8>, line: &Line<'_>) -> Result<()> {
    line.write(lines).map_err(Error::internal)
}
