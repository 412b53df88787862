//! `Idempotency-Key`: what a request carries of it, and which keys are under way in this process.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use actix_web::HttpRequest;

use super::{Problem, State};
use crate::{
    actions::idempotency::Keyed,
    domain::{crypto::sha256, ids::TenantId, invalid::Faults},
    error::Error,
};

/// The request's `Idempotency-Key`, if it has one: bare, or the quoted string of the IETF draft.
///
/// # Errors
/// A key that is none, or one with a request that takes none.
pub fn keyed(state: &State, request: &HttpRequest, body: &[u8]) -> Result<Option<Keyed>, Problem> {
    let Some(header) = request.headers().get("idempotency-key") else { return Ok(None) };
    let bare = header.to_str().unwrap_or_default();
    let quoted = bare.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let key = quoted.filter(|key| !key.is_empty()).unwrap_or(bare);
    let printable = key.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if key.is_empty() || key.len() > 255 || !printable || !matches!(request.method().as_str(), "POST" | "PATCH" | "PUT") {
        return Err(Error::Malformed(Faults::one(
            "header/Idempotency-Key",
            "wrong_format",
            "send 1 to 255 printable characters, with POST, PUT or PATCH",
        ))
        .into());
    }
    let digest = sha256(&[request.method().as_str().as_bytes(), b"\n", request.path().as_bytes(), b"\n", key.as_bytes()]);
    let fingerprint = sha256(&[request.query_string().as_bytes(), b"\n", body]);
    Ok(Some(Keyed { digest, fingerprint, vault: Arc::clone(&state.vault) }))
}

/// The keys of requests under way in this process. (Between processes, a lock in the database does the same.)
#[derive(Debug, Default)]
pub struct UnderWay(Mutex<HashSet<(TenantId, [u8; 32])>>);

impl UnderWay {
    /// Notes that a request with this key is under way, until what is returned is dropped; `None` if one is already.
    pub fn enter(&self, tenant: TenantId, key: [u8; 32]) -> Option<Entered<'_>> {
        let fresh = self.0.lock().ok()?.insert((tenant, key));
        fresh.then_some(Entered { of: self, key: (tenant, key) })
    }
}

/// A key under way.
pub struct Entered<'a> {
    of: &'a UnderWay,
    key: (TenantId, [u8; 32]),
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if let Ok(mut keys) = self.of.0.lock() {
            keys.remove(&self.key);
        }
    }
}
