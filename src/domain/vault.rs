//! Secrets at rest: provider credentials, webhook secrets, salts. Sealed with AES-256-GCM under a key derived from the
//! configured master key.
//!
//! A sealed secret is `version (1 byte) ‖ key id (4) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`. What is authenticated beside it says where it
//! lives, so that a ciphertext moved to another tenant or row does not open. Nonces are random: a key serves 2^32
//! secrets (NIST SP 800-38D, section 8.3), far more than a house has.
//! Not here: where master keys come from. Invariant: nothing of a key or a secret appears in `Debug`, nor the reason why
//! something does not open.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};

use super::crypto::{Unavailable, derive};

const VERSION: u8 = 1;

/// The sealed secret is not one of ours, not of this place, or not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed secret cannot be opened: wrong master key, wrong place, or damaged")]
pub struct CannotOpen;

/// Seals under the current master key; opens what any of its keys sealed.
pub struct Vault {
    current: Key,
    former: Vec<Key>,
}

struct Key {
    id: [u8; 4],
    cipher: RandomizedNonceKey,
}

impl Key {
    fn derive(master: &[u8; 32]) -> Result<Self, Unavailable> {
        let [first, second, third, fourth, ..] = derive(master, "vault key id")?;
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, &derive(master, "vault")?)?;
        Ok(Self { id: [first, second, third, fourth], cipher })
    }

    /// What is authenticated: the version, the key and the place.
    fn bound(&self, aad: &str) -> Aad<Vec<u8>> {
        Aad::from([&[VERSION], self.id.as_slice(), aad.as_bytes()].concat())
    }
}

impl Vault {
    /// A vault that seals under `current`, and opens what `former` master keys sealed, too.
    ///
    /// # Errors
    /// Never in practice; see [`Unavailable`].
    pub fn new(current: &[u8; 32], former: &[[u8; 32]]) -> Result<Self, Unavailable> {
        Ok(Self { current: Key::derive(current)?, former: former.iter().map(Key::derive).collect::<Result<_, _>>()? })
    }

    /// Seals `plain` for the place that `aad` names: tenant, table and row.
    ///
    /// # Errors
    /// When there is no randomness to be had.
    pub fn seal(&self, aad: &str, plain: &[u8]) -> Result<Vec<u8>, Unavailable> {
        let mut body = plain.to_vec();
        let nonce = self.current.cipher.seal_in_place_append_tag(self.current.bound(aad), &mut body)?;
        Ok([&[VERSION], self.current.id.as_slice(), nonce.as_ref(), &body].concat())
    }

    /// Opens what was sealed for the place that `aad` names.
    ///
    /// # Errors
    /// When no key of this vault sealed just this for just that place.
    pub fn open(&self, aad: &str, sealed: &[u8]) -> Result<Vec<u8>, CannotOpen> {
        let (version, rest) = sealed.split_first().ok_or(CannotOpen)?;
        let (id, rest) = rest.split_first_chunk::<4>().ok_or(CannotOpen)?;
        let (nonce, body) = rest.split_first_chunk::<12>().ok_or(CannotOpen)?;
        if *version != VERSION {
            return Err(CannotOpen);
        }
        let mut candidates = std::iter::once(&self.current).chain(&self.former).filter(|key| key.id == *id);
        candidates.find_map(|key| Self::try_open(key, aad, nonce, body)).ok_or(CannotOpen)
    }

    fn try_open(key: &Key, aad: &str, nonce: &[u8; 12], body: &[u8]) -> Option<Vec<u8>> {
        let mut plain = body.to_vec();
        let length = key.cipher.open_in_place(Nonce::from(nonce), key.bound(aad), &mut plain).ok()?.len();
        plain.truncate(length);
        Some(plain)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HERE: &str = "ten_1/provider_accounts/pac_1";

    fn vault() -> Vault {
        Vault::new(&[1; 32], &[]).unwrap()
    }

    #[test]
    fn what_moved_or_changed_does_not_open() {
        let sealed = vault().seal(HERE, b"secret").unwrap();
        assert_eq!(vault().open(HERE, &sealed).as_deref(), Ok(b"secret".as_slice()));
        assert_eq!(vault().open("ten_2/provider_accounts/pac_1", &sealed), Err(CannotOpen));
        assert_eq!(vault().open("", &sealed), Err(CannotOpen));
        for bit in 0..sealed.len() * 8 {
            let mut other = sealed.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(vault().open(HERE, &other), Err(CannotOpen), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert_eq!(vault().open(HERE, &sealed[..length]), Err(CannotOpen), "{length} bytes");
        }
    }

    #[test]
    fn keys_rotate() {
        let old = vault().seal(HERE, b"secret").unwrap();
        let rotated = Vault::new(&[2; 32], &[[1; 32]]).unwrap();
        assert_eq!(rotated.open(HERE, &old).as_deref(), Ok(b"secret".as_slice()));
        let new = rotated.seal(HERE, b"secret").unwrap();
        assert_eq!(rotated.open(HERE, &new).as_deref(), Ok(b"secret".as_slice()));
        assert_eq!(vault().open(HERE, &new), Err(CannotOpen), "the old key alone does not open the new");
        assert_eq!(Vault::new(&[2; 32], &[]).unwrap().open(HERE, &old), Err(CannotOpen));
    }

    #[test]
    fn nothing_repeats_and_nothing_shows() {
        let (one, two) = (vault().seal(HERE, b"secret").unwrap(), vault().seal(HERE, b"secret").unwrap());
        assert_ne!(one, two);
        assert!(!one.windows(6).any(|part| part == b"secret"));
        assert_eq!(format!("{:?}", vault()), "Vault(…)");
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens(aad in ".*", plain in prop::collection::vec(any::<u8>(), 0..200)) {
            let sealed = vault().seal(&aad, &plain).unwrap();
            prop_assert_eq!(sealed.len(), plain.len() + 33);
            prop_assert_eq!(vault().open(&aad, &sealed), Ok(plain));
        }
    }
}
