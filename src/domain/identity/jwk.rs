//! An issuer's public keys (RFC 7517), as far as they can be used here.
//!
//! Invariant: a key checks signatures of its own kind alone, of the one algorithm that its issuer gave it if it gave one. A key set is the only place that keys come
//! from: what a token carries or points to is never one.

use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents,
};
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde_json::Value;

use super::TokenAlgorithm;

/// Keys of one issuer at most; those behind are not looked at.
const MOST: usize = 100;

/// The keys of one issuer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySet(Vec<Key>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    id: String,
    /// The one algorithm it is for, if its issuer says.
    only: Option<TokenAlgorithm>,
    material: Material,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// The point, uncompressed.
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// A member of a set as it is written.
#[derive(Deserialize)]
struct Written {
    kid: String,
    kty: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// The usable keys of a JSON Web Key Set; what is for encryption, of another kind, without a name or broken is passed over.
    pub fn read(document: &Value) -> Self {
        let members = document.get("keys").and_then(Value::as_array).into_iter().flatten().take(MOST);
        Self(members.filter_map(|member| key(serde_json::from_value(member.clone()).ok()?)).collect())
    }

    /// Whether there is nothing to check a token with.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many keys there are.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is a key of this name for signatures by this algorithm.
    pub fn knows(&self, id: &str, algorithm: TokenAlgorithm) -> bool {
        self.fitting(id, algorithm).next().is_some()
    }

    /// Whether the key of this name made the signature.
    pub fn verifies(&self, id: &str, algorithm: TokenAlgorithm, signed: &[u8], signature: &[u8]) -> bool {
        self.fitting(id, algorithm).any(|key| key.verifies(algorithm, signed, signature))
    }

    fn fitting(&self, id: &str, algorithm: TokenAlgorithm) -> impl Iterator<Item = &Key> {
        self.0.iter().filter(move |key| key.id == id && key.fits(algorithm))
    }
}

impl Key {
    fn fits(&self, algorithm: TokenAlgorithm) -> bool {
        let of_kind = match self.material {
            Material::Rsa { .. } => matches!(algorithm, TokenAlgorithm::Rs256 | TokenAlgorithm::Ps256),
            Material::P256(_) => algorithm == TokenAlgorithm::Es256,
            Material::Ed25519(_) => algorithm == TokenAlgorithm::EdDsa,
        };
        of_kind && self.only.is_none_or(|only| only == algorithm)
    }

    fn verifies(&self, algorithm: TokenAlgorithm, signed: &[u8], made: &[u8]) -> bool {
        let plain = |with: &'static dyn signature::VerificationAlgorithm, key: &[u8]| {
            signature::UnparsedPublicKey::new(with, key).verify(signed, made).is_ok()
        };
        match (&self.material, algorithm) {
            (Material::Rsa { n, e }, TokenAlgorithm::Rs256) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, signed, made).is_ok()
            }
            (Material::Rsa { n, e }, TokenAlgorithm::Ps256) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PSS_2048_8192_SHA256, signed, made).is_ok()
            }
            (Material::P256(point), TokenAlgorithm::Es256) => plain(&ECDSA_P256_SHA256_FIXED, point),
            (Material::Ed25519(point), TokenAlgorithm::EdDsa) => plain(&ED25519, point),
            _ => false,
        }
    }
}

fn key(written: Written) -> Option<Key> {
    let for_signatures = written.usage.as_deref().is_none_or(|usage| usage == "sig")
        && written.key_ops.as_ref().is_none_or(|all| all.iter().any(|one| one == "verify"));
    // A key for an algorithm that is not known here is no key.
    let only = written.alg.as_deref().map(str::parse).transpose().ok()?;
    let bytes = |text: Option<String>| BASE64URL_NOPAD.decode(text?.as_bytes()).ok();
    let material = match (written.kty.as_str(), written.crv.as_deref()) {
        ("RSA", _) => Material::Rsa { n: bytes(written.n)?, e: bytes(written.e)? },
        ("EC", Some("P-256")) => Material::P256([&[4], bytes(written.x)?.as_slice(), bytes(written.y)?.as_slice()].concat()),
        ("OKP", Some("Ed25519")) => Material::Ed25519(bytes(written.x)?),
        _ => return None,
    };
    (for_signatures && !written.kid.is_empty()).then_some(Key { id: written.kid, only, material })
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
    use serde_json::json;

    use super::*;

    fn pair() -> (Ed25519KeyPair, String) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let x = BASE64URL_NOPAD.encode(pair.public_key().as_ref());
        (pair, x)
    }

    #[test]
    fn a_key_checks_its_own_kind_alone() {
        let (pair, x) = pair();
        let set = KeySet::read(&json!({"keys": [{"kid": "a", "kty": "OKP", "crv": "Ed25519", "x": x}]}));
        let made = pair.sign(b"signed");
        assert!(set.verifies("a", TokenAlgorithm::EdDsa, b"signed", made.as_ref()));
        assert!(!set.verifies("a", TokenAlgorithm::EdDsa, b"other", made.as_ref()));
        assert!(!set.verifies("b", TokenAlgorithm::EdDsa, b"signed", made.as_ref()));
        for other in [TokenAlgorithm::Rs256, TokenAlgorithm::Ps256, TokenAlgorithm::Es256] {
            assert!(!set.knows("a", other) && !set.verifies("a", other, b"signed", made.as_ref()));
        }
    }

    #[test]
    fn what_cannot_be_used_is_passed_over() {
        let (_, x) = pair();
        let okp = |extra: Value| {
            let mut key = json!({"kid": "a", "kty": "OKP", "crv": "Ed25519", "x": x});
            key.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            KeySet::read(&json!({ "keys": [key] })).len()
        };
        assert_eq!(okp(json!({"use": "sig", "key_ops": ["verify"], "alg": "EdDSA"})), 1);
        for wrong in [
            json!({"use": "enc"}),
            json!({"key_ops": ["encrypt"]}),
            json!({"alg": "HS256"}),
            json!({"kty": "oct", "k": "c2VjcmV0"}),
            json!({"crv": "X25519"}),
            json!({"kid": ""}),
            json!({"kid": null}),
            json!({"x": "no base64!"}),
        ] {
            assert_eq!(okp(wrong.clone()), 0, "{wrong}");
        }
        for wrong in [json!(null), json!([]), json!({"keys": {}}), json!({"keys": [1, "a", null]})] {
            assert!(KeySet::read(&wrong).is_empty(), "{wrong}");
        }
    }

    #[test]
    fn a_set_has_an_end() {
        let (_, x) = pair();
        let keys: Vec<Value> = (0..500).map(|n| json!({"kid": n.to_string(), "kty": "OKP", "crv": "Ed25519", "x": x})).collect();
        assert_eq!(KeySet::read(&json!({ "keys": keys })).len(), MOST);
    }
}
