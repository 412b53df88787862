//! Links that debtors follow: they carry the tenant, what they lead to and a MAC, so that nothing need be stored to check one.
//!
//! Invariant: only a holder of the installation's master key can make a link that [`Links::read`] or [`Links::read_document`] accepts, and neither accepts the
//! other's.

use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};
use data_encoding::BASE64URL_NOPAD;
use uuid::Uuid;

use super::{
    crypto::{self, Unavailable},
    ids::{DocumentId, MessageId, TenantId},
};

const MAC_BYTES: usize = 16;

/// Makes and reads links.
#[derive(Clone)]
pub struct Links {
    base: String,
    keys: Vec<hmac::Key>,
    document_keys: Vec<hmac::Key>,
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
        let keys = |purpose: &'static str| {
            let key = |master| crypto::derive(master, purpose).map(|key| hmac::Key::new(hmac::HMAC_SHA256, &key));
            std::iter::once(current).chain(former).map(key).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self { base: base.to_owned(), keys: keys("unsubscribe links")?, document_keys: keys("document links")? })
    }

    /// Where the recipient of a message stops messages of its kind.
    pub fn unsubscribe(&self, tenant: TenantId, message: MessageId) -> Option<String> {
        let body = [tenant.uuid().as_bytes().as_slice(), message.uuid().as_bytes()].concat();
        Some(format!("{}/v1/unsubscribe/{}", self.base, sealed(self.keys.first()?, &body)?))
    }

    /// The tenant and the message of a token that we made.
    pub fn read(&self, token: &str) -> Option<(TenantId, MessageId)> {
        let body: [u8; 32] = opened(&self.keys, token)?.try_into().ok()?;
        let (tenant, message) = body.split_at_checked(16)?;
        Some((TenantId::from_uuid(Uuid::from_slice(tenant).ok()?), MessageId::from_uuid(Uuid::from_slice(message).ok()?)))
    }

    /// Where whoever was sent this link finds a document, until a moment.
    pub fn document(&self, tenant: TenantId, document: DocumentId, until: DateTime<Utc>) -> Option<String> {
        let body = [tenant.uuid().as_bytes().as_slice(), document.uuid().as_bytes(), &until.timestamp().to_be_bytes()].concat();
        Some(format!("{}/v1/document-links/{}", self.base, sealed(self.document_keys.first()?, &body)?))
    }

    /// The tenant and the document of a token that we made, if it still holds at `now`.
    pub fn read_document(&self, token: &str, now: DateTime<Utc>) -> Option<(TenantId, DocumentId)> {
        let body: [u8; 40] = opened(&self.document_keys, token)?.try_into().ok()?;
        let (ids, until) = body.split_last_chunk::<8>()?;
        let (tenant, document) = ids.split_at_checked(16)?;
        let holds = now.timestamp() < i64::from_be_bytes(*until);
        let tenant = TenantId::from_uuid(Uuid::from_slice(tenant).ok()?);
        Some((tenant, DocumentId::from_uuid(Uuid::from_slice(document).ok()?))).filter(|_| holds)
    }
}

fn sealed(key: &hmac::Key, body: &[u8]) -> Option<String> {
    let mac = hmac::sign(key, body);
    Some(BASE64URL_NOPAD.encode(&[body, mac.as_ref().get(..MAC_BYTES)?].concat()))
}

/// What was sealed with one of these keys.
fn opened(keys: &[hmac::Key], token: &str) -> Option<Vec<u8>> {
    let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).ok()?;
    let (body, mac) = bytes.split_last_chunk::<MAC_BYTES>()?;
    let ours = keys.iter().any(|key| hmac::sign(key, body).as_ref().get(..MAC_BYTES).is_some_and(|own| crypto::same(own, mac)));
    ours.then(|| body.to_vec())
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_document_is_found_until_its_link_ends_and_by_no_other_link() {
        let (tenant, document, message) =
            (TenantId::new(DateTime::UNIX_EPOCH), DocumentId::new(DateTime::UNIX_EPOCH), MessageId::new(DateTime::UNIX_EPOCH));
        let links = Links::new("https://x.example", &[1; 32], &[]).unwrap();
        let until = DateTime::from_timestamp(1_000, 0).unwrap();
        let token = |link: Option<String>| link.unwrap().rsplit('/').next().unwrap().to_owned();
        let (document_token, message_token) = (token(links.document(tenant, document, until)), token(links.unsubscribe(tenant, message)));
        assert_eq!(links.read_document(&document_token, DateTime::from_timestamp(999, 0).unwrap()), Some((tenant, document)));
        assert_eq!(links.read_document(&document_token, until), None);
        assert_eq!((links.read(&document_token), links.read_document(&message_token, DateTime::UNIX_EPOCH)), (None, None));
    }
}
