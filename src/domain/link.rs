//! Links that debtors follow: they carry the tenant, the message and a MAC, so that nothing need be stored to check one.
//!
//! Invariant: only a holder of the installation's master key can make a link that [`Links::read`] accepts.

use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use uuid::Uuid;

use super::{
    crypto::{self, Unavailable},
    ids::{MessageId, TenantId},
};

const MAC_BYTES: usize = 16;

/// Makes and reads links.
#[derive(Clone)]
pub struct Links {
    base: String,
    keys: Vec<hmac::Key>,
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Links").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Links {
    /// Links under `base`; the first master key makes them, all read them.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn new(base: &str, current: &[u8; 32], former: &[[u8; 32]]) -> Result<Self, Unavailable> {
        let key = |master| crypto::derive(master, "unsubscribe links").map(|key| hmac::Key::new(hmac::HMAC_SHA256, &key));
        let keys = std::iter::once(current).chain(former).map(key).collect::<Result<_, _>>()?;
        Ok(Self { base: base.to_owned(), keys })
    }

    /// Where the recipient of a message stops messages of its kind.
    pub fn unsubscribe(&self, tenant: TenantId, message: MessageId) -> Option<String> {
        let body = [tenant.uuid().as_bytes().as_slice(), message.uuid().as_bytes()].concat();
        let mac = hmac::sign(self.keys.first()?, &body);
        let token = [body.as_slice(), mac.as_ref().get(..MAC_BYTES)?].concat();
        Some(format!("{}/v1/unsubscribe/{}", self.base, BASE64URL_NOPAD.encode(&token)))
    }

    /// The tenant and the message of a token that we made.
    pub fn read(&self, token: &str) -> Option<(TenantId, MessageId)> {
        let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).ok()?;
        let (body, mac) = bytes.split_at_checked(32)?;
        let ours = self.keys.iter().any(|key| hmac::sign(key, body).as_ref().get(..MAC_BYTES).is_some_and(|own| crypto::same(own, mac)));
        let (tenant, message) = body.split_at_checked(16).filter(|_| ours)?;
        Some((TenantId::from_uuid(Uuid::from_slice(tenant).ok()?), MessageId::from_uuid(Uuid::from_slice(message).ok()?)))
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn only_our_links_are_read_also_after_a_rotation() {
        let (tenant, message) = (TenantId::new(DateTime::UNIX_EPOCH), MessageId::new(DateTime::UNIX_EPOCH));
        let old = Links::new("https://x.example", &[1; 32], &[]).unwrap();
        let token = old.unsubscribe(tenant, message).unwrap().rsplit('/').next().unwrap().to_owned();
        assert_eq!(old.read(&token), Some((tenant, message)));
        assert_eq!(Links::new("", &[2; 32], &[[1; 32]]).unwrap().read(&token), Some((tenant, message)));
        assert_eq!(Links::new("", &[2; 32], &[]).unwrap().read(&token), None);
        for cut in 0..token.len() {
            assert_eq!(old.read(token.get(..cut).unwrap()), None);
        }
    }
}
