//! The few cryptographic primitives that the rules of this floor rest on, each under the name of what it is used for.
//!
//! Not here: anything home-made. Every function is one call into AWS-LC. Invariant: a key derived for one purpose is
//! never the key of another.

use aws_lc_rs::{constant_time, digest, hkdf, rand};

/// A SHA-256 digest.
pub type Hash = [u8; 32];

/// The library could not give what it always gives: randomness, a derived key, a signature. The process is unwell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cryptographic library failed")]
pub struct Unavailable;

impl From<aws_lc_rs::error::Unspecified> for Unavailable {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self
    }
}

/// SHA-256 (FIPS 180-4) of the parts, one after the other.
pub fn sha256(parts: &[&[u8]]) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    hash
}

/// SHA-256 of what comes piece by piece.
pub struct Sha256(digest::Context);

impl Default for Sha256 {
    fn default() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }
}

impl Sha256 {
    /// Takes the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The digest of all of them.
    pub fn finish(self) -> Hash {
        let mut hash = [0; 32];
        hash.iter_mut().zip(self.0.finish().as_ref()).for_each(|(to, from)| *to = *from);
        hash
    }
}

/// `N` random bytes, fit for keys and salts.
///
/// # Errors
/// When the operating system has none to give.
pub fn random<const N: usize>() -> Result<[u8; N], Unavailable> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes)?;
    Ok(bytes)
}

/// The key for one `purpose`, derived from a master key by HKDF-SHA-256 (RFC 5869).
///
/// # Errors
/// Never in practice; see [`Unavailable`].
pub fn derive(master: &[u8; 32], purpose: &str) -> Result<[u8; 32], Unavailable> {
    let mut key = [0; 32];
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"relance").extract(master).expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256)?.fill(&mut key)?;
    Ok(key)
}

/// Whether two secrets are equal, in a time that depends on their lengths alone.
pub fn same(left: &[u8], right: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(left, right).is_ok()
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    #[test]
    fn digests_are_sha_256() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(HEXLOWER.encode(&sha256(&[b"a", b"", b"bc"])), abc);
    }

    #[test]
    fn purposes_have_keys_of_their_own() {
        let master = [7; 32];
        assert_eq!(derive(&master, "a"), derive(&master, "a"));
        assert_ne!(derive(&master, "a"), derive(&master, "b"));
        assert_ne!(derive(&master, "a"), derive(&[8; 32], "a"));
    }

    #[test]
    fn prefixes_are_not_equal() {
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"abc", b"ab") && !same(b"", b"a") && !same(b"abc", b"abd"));
    }
}
