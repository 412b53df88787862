//! One effect per `Idempotency-Key`: the first answer is kept in the transaction of its effect, and given again.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    domain::ids::TenantId,
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
    first: impl FnOnce(&mut Conn) -> Result<(u16, String)>,
) -> Result<Answered> {
    let word: [u8; 8] = std::array::from_fn(|n| keyed.digest.get(n).copied().unwrap_or(0));
    if !dialect::try_lock(conn, &word)? {
        return Err(Error::conflict("in_progress", "the first request with this Idempotency-Key is still under way"));
    }
    if let Some(record) = idempotency::find(conn, tenant, &keyed.digest, now)? {
        if record.fingerprint != keyed.fingerprint {
            return Err(Error::conflict("key_reused", "this Idempotency-Key came with another request before"));
        }
        return Ok(Answered { status: u16::try_from(record.status).map_err(Error::internal)?, body: record.body, replayed: true });
    }
    let (status, body) = first(conn)?;
    let record = Record {
        tenant_id: tenant,
        key_digest: keyed.digest.to_vec(),
        fingerprint: keyed.fingerprint.to_vec(),
        status: i32::from(status),
        body: body.clone(),
        created_at: Ts(now),
        expires_at: Ts(now + KEPT),
    };
    idempotency::insert(conn, &record)?;
    Ok(Answered { status, body, replayed: false })
}
