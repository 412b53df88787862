//! Receipts that come with a signed token (RFC 7519) naming the digest of what it came with.
//!
//! Not here: what a token must claim, and when; each adapter knows its provider's. Invariant: the algorithm is one that the caller allows, never one that
//! the token chooses, and `none` is no algorithm.

use data_encoding::HEXLOWER_PERMISSIVE;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::de::DeserializeOwned;

use crate::{
    domain::crypto::sha256,
    outbound::{Unverified, settings::Secret},
};

/// The claims of a token signed with `secret` by one of `algorithms` of the HMAC family. Its times are not looked at: whoever calls has the time.
///
/// # Errors
/// [`Unverified::Mismatch`]: another secret, another algorithm, other claims than expected, or no token at all.
pub(super) fn claims<T: DeserializeOwned>(token: &str, secret: &Secret, algorithms: &[Algorithm]) -> Result<T, Unverified> {
    let mut rules = Validation::new(Algorithm::HS256);
    rules.algorithms = algorithms.to_vec();
    rules.required_spec_claims.clear();
    rules.validate_exp = false;
    rules.validate_nbf = false;
    rules.validate_aud = false;
    let key = DecodingKey::from_secret(secret.reveal().as_bytes());
    jsonwebtoken::decode(token, &key, &rules).map(|token| token.claims).map_err(|_| Unverified::Mismatch)
}

/// Whether `claimed` is the SHA-256 of `bytes`, in hexadecimal digits.
pub(super) fn is_digest(claimed: &str, bytes: &[u8]) -> bool {
    HEXLOWER_PERMISSIVE.decode(claimed.as_bytes()).is_ok_and(|claimed| claimed == sha256(&[bytes]))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A token as a provider would make it.
    pub fn sign(algorithm: Algorithm, claims: &serde_json::Value, secret: &str) -> String {
        let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::encode(&jsonwebtoken::Header::new(algorithm), claims, &key).unwrap()
    }

    fn read(token: &str, secret: &str, algorithms: &[Algorithm]) -> Result<serde_json::Value, Unverified> {
        claims(token, &Secret::new(secret), algorithms)
    }

    #[test]
    fn the_caller_chooses_the_algorithm() {
        let claims = serde_json::json!({"iat": 1, "aud": "anybody"});
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let token = sign(algorithm, &claims, "secret");
            assert_eq!(read(&token, "secret", &[algorithm]), Ok(claims.clone()));
            assert_eq!(read(&token, "another", &[algorithm]), Err(Unverified::Mismatch));
        }
        let token = sign(Algorithm::HS384, &claims, "secret");
        assert_eq!(read(&token, "secret", &[Algorithm::HS256]), Err(Unverified::Mismatch));
        let unsigned = format!("{}.{}.", "eyJhbGciOiJub25lIn0", token.split('.').nth(1).unwrap());
        for wrong in [unsigned.as_str(), "", "a.b.c", "asdf"] {
            assert_eq!(read(wrong, "secret", &[Algorithm::HS256]), Err(Unverified::Mismatch), "{wrong}");
        }
    }

    #[test]
    fn a_digest_is_that_of_the_bytes() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert!(is_digest(empty, b"") && is_digest(&empty.to_uppercase(), b""));
        assert!(!is_digest(empty, b"x") && !is_digest("", b"") && !is_digest("e3", b""));
    }

    #[test]
    fn agrees_with_the_published_vectors() {
        let Some(vectors) = crate::outbound::bench::vectors("vonage.json") else { return };
        for case in vectors["cases"].as_array().unwrap() {
            let verdict = read(case["token"].as_str().unwrap(), case["secret"].as_str().unwrap(), &[Algorithm::HS256]);
            assert_eq!(verdict.is_ok(), case["valid"].as_bool().unwrap(), "{}", case["name"]);
        }
    }
}
