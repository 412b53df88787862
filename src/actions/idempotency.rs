//! One effect per `Idempotency-Key`: the first answer is kept in the transaction of its effect, and given again.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::{BASE64, HEXLOWER};

use crate::{
    domain::{
        ids::{EvidenceId, TenantId},
        vault::Vault,
    },
    error::{Error, Result},
    store::{
        Conn, Ts, dialect,
        idempotency::{self, Record},
    },
};

/// How long an answer is kept.
const KEPT: TimeDelta = TimeDelta::days(30);

/// A request that carries a key.
#[derive(Debug, Clone)]
pub struct Keyed {
    /// SHA-256 over method, path and key.
    pub digest: [u8; 32],
    /// SHA-256 over query and body.
    pub fingerprint: [u8; 32],
    /// Seals the answer while it is kept: it may hold a secret that is shown once.
    pub vault: Arc<Vault>,
}

impl Keyed {
    /// The place that a kept answer is bound to.
    fn place(&self, tenant: TenantId) -> String {
        format!("{}/idempotency_records/{}", tenant.uuid(), HEXLOWER.encode(&self.digest))
    }
}

/// An answer, and whether it is an old one given again.
#[derive(Debug)]
pub struct Answered {
    /// HTTP status of the first answer.
    pub status: u16,
    /// Its body.
    pub body: String,
    /// Whether nothing was done now.
    pub replayed: bool,
    /// The entries of the journal that it left; none of an old one.
    pub entries: Vec<EvidenceId>,
}

/// The answer that was given under the key before, if there was one: for whoever must look before doing what no transaction can hold.
///
/// # Errors
/// `key_reused` for another request under the same key.
pub fn given(conn: &mut Conn, tenant: TenantId, now: DateTime<Utc>, keyed: &Keyed) -> Result<Option<Answered>> {
    let Some(record) = idempotency::find(conn, tenant, &keyed.digest, now)? else { return Ok(None) };
    if record.fingerprint != keyed.fingerprint {
        return Err(Error::conflict("key_reused", "this Idempotency-Key came with another request before"));
    }
    let sealed = BASE64.decode(record.body.as_bytes()).map_err(Error::internal)?;
    let body = keyed.vault.open(&keyed.place(tenant), &sealed).map_err(Error::internal)?;
    let body = String::from_utf8(body).map_err(Error::internal)?;
    Ok(Some(Answered { status: u16::try_from(record.status).map_err(Error::internal)?, body, replayed: true, entries: Vec::new() }))
}

/// Runs `first` unless the key was seen before.
///
/// # Errors
/// `in_progress` while the first request is under way elsewhere, `key_reused` for another request under the same key.
pub fn once(
    conn: &mut Conn,
    tenant: TenantId,
    now: DateTime<Utc>,
    keyed: &Keyed,
    first: impl FnOnce(&mut Conn) -> Result<((u16, String), Vec<EvidenceId>)>,
) -> Result<Answered> {
    let word: [u8; 8] = std::array::from_fn(|n| keyed.digest.get(n).copied().unwrap_or(0));
    if !dialect::try_lock(conn, &word)? {
        return Err(Error::conflict("in_progress", "the first request with this Idempotency-Key is still under way"));
    }
    if let Some(answered) = given(conn, tenant, now, keyed)? {
        return Ok(answered);
    }
    let ((status, body), entries) = first(conn)?;
    let record = Record {
        tenant_id: tenant,
        key_digest: keyed.digest.to_vec(),
        fingerprint: keyed.fingerprint.to_vec(),
        status: i32::from(status),
        body: BASE64.encode(&keyed.vault.seal(&keyed.place(tenant), body.as_bytes()).map_err(Error::internal)?),
        created_at: Ts(now),
        expires_at: Ts(now + KEPT),
    };
    idempotency::insert(conn, &record)?;
    Ok(Answered { status, body, replayed: false, entries })
}
