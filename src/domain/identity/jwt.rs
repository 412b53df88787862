//! A signed token of an issuer (RFC 7515, RFC 7519): read, and then proven or refused.
//!
//! What a token says before it is proven serves to find the key and nothing else. Invariant: a [`Proven`] was signed by the issuer's key with an algorithm that the tenant
//! allows, for the tenant's audience, and is in force. The header chooses neither key nor algorithm: `jwk`, `jku`, `x5u` and `x5c` are not even read.

use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde_json::Value;

use super::{KeySet, TokenAlgorithm};

/// The longest token that is looked at, in bytes.
const LONGEST: usize = 16 * 1024;
/// How far the issuer's clock may be from ours.
const LEEWAY: TimeDelta = TimeDelta::seconds(30);
/// A token that lives longer is a key in disguise.
const LONGEST_LIFE: TimeDelta = TimeDelta::hours(24);
/// The longest `sub` (OpenID Connect Core, section 2).
const LONGEST_SUBJECT: usize = 255;

/// Why a token is not believed. For the log: callers are told one and the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WrongToken {
    /// Not three parts of base64url, or not the JSON that belongs in them.
    #[error("it is no signed token, or lacks iss, aud, sub, exp or iat")]
    Shape,
    /// An algorithm that is not known here, or that the tenant does not allow.
    #[error("its algorithm is not allowed")]
    Algorithm,
    /// Headers that must be understood, and are not.
    #[error("it has critical headers")]
    Critical,
    /// A token for something else: logout, proof of possession.
    #[error("its type is not that of an access or id token")]
    Type,
    /// Not signed by the key that it names.
    #[error("its signature is not the issuer's")]
    Signature,
    /// Of another issuer.
    #[error("it is of another issuer")]
    Issuer,
    /// For somebody else.
    #[error("it is for another audience")]
    Audience,
    /// Past its end, before its beginning, or made in the future.
    #[error("it is not in force")]
    Time,
    /// In force for more than a day.
    #[error("it lives longer than a day")]
    Life,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
    typ: Option<String>,
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Registered {
    iss: String,
    aud: Audience,
    sub: String,
    exp: i64,
    iat: i64,
    nbf: Option<i64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// A token that has been read, and of which nothing is proven.
pub struct Claimed<'a> {
    signed: &'a str,
    signature: Vec<u8>,
    algorithm: TokenAlgorithm,
    kid: String,
    registered: Registered,
    claims: Value,
}

/// What a tenant expects of a token.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Who made it.
    pub issuer: &'a str,
    /// For whom.
    pub audience: &'a str,
    /// How it may be signed.
    pub algorithms: &'a std::collections::BTreeSet<TokenAlgorithm>,
}

/// What a token proves.
#[derive(Debug, Clone, PartialEq)]
pub struct Proven {
    /// The issuer's name for the bearer.
    pub subject: String,
    /// Everything that it says.
    pub claims: Value,
    /// From when on it is no longer good.
    pub ends: DateTime<Utc>,
}

/// The algorithm of a token's header as it stands there; `None` for what is no token.
pub fn algorithm_of(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Alg {
        alg: String,
    }
    let header = token.split('.').next()?;
    serde_json::from_slice::<Alg>(&BASE64URL_NOPAD.decode(header.as_bytes()).ok()?).ok().map(|header| header.alg)
}

impl<'a> Claimed<'a> {
    /// Reads a token in its compact form.
    ///
    /// # Errors
    /// What can be no token of any issuer.
    pub fn read(token: &'a str) -> Result<Self, WrongToken> {
        if token.len() > LONGEST {
            return Err(WrongToken::Shape);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(WrongToken::Shape)?;
        let (header, payload) = signed.split_once('.').ok_or(WrongToken::Shape)?;
        let decoded = |part: &str| BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| WrongToken::Shape);
        let (header, payload, signature) = (decoded(header)?, decoded(payload)?, decoded(signature)?);
        let header: Header = serde_json::from_slice(&header).map_err(|_| WrongToken::Shape)?;
        if header.crit.is_some() {
            return Err(WrongToken::Critical);
        }
        if !header.typ.is_none_or(|kind| is_of_a_person(&kind)) {
            return Err(WrongToken::Type);
        }
        let algorithm = header.alg.parse().map_err(|_| WrongToken::Algorithm)?;
        let registered: Registered = serde_json::from_slice(&payload).map_err(|_| WrongToken::Shape)?;
        if registered.sub.is_empty() || registered.sub.len() > LONGEST_SUBJECT || registered.sub.contains('\0') {
            return Err(WrongToken::Shape);
        }
        let claims = serde_json::from_slice(&payload).map_err(|_| WrongToken::Shape)?;
        Ok(Self { signed, signature, algorithm, kid: header.kid, registered, claims })
    }

    /// The issuer that it says it is of.
    pub fn issuer(&self) -> &str {
        &self.registered.iss
    }

    /// Whether it says that it is for `audience`.
    pub fn is_for(&self, audience: &str) -> bool {
        match &self.registered.aud {
            Audience::One(one) => one == audience,
            Audience::Many(many) => many.iter().any(|one| one == audience),
        }
    }

    /// The name of the key that it says it is signed with.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// How it says it is signed.
    pub const fn algorithm(&self) -> TokenAlgorithm {
        self.algorithm
    }

    /// Proves it, or not.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn prove(self, keys: &KeySet, expected: Expected<'_>, now: DateTime<Utc>) -> Result<Proven, WrongToken> {
        if !expected.algorithms.contains(&self.algorithm) {
            return Err(WrongToken::Algorithm);
        }
        if !keys.verifies(&self.kid, self.algorithm, self.signed.as_bytes(), &self.signature) {
            return Err(WrongToken::Signature);
        }
        if self.registered.iss != expected.issuer {
            return Err(WrongToken::Issuer);
        }
        if !self.is_for(expected.audience) {
            return Err(WrongToken::Audience);
        }
        let at = |seconds: i64| DateTime::from_timestamp(seconds, 0).ok_or(WrongToken::Shape);
        let Registered { sub, exp, iat, nbf, .. } = self.registered;
        let (made, ends, begins) = (at(iat)?, at(exp)?, at(nbf.unwrap_or(iat))?);
        let too_early = made.max(begins) - now > LEEWAY;
        if too_early || now - ends >= LEEWAY {
            return Err(WrongToken::Time);
        }
        if ends - made > LONGEST_LIFE {
            return Err(WrongToken::Life);
        }
        Ok(Proven { subject: sub, claims: self.claims, ends: ends + LEEWAY })
    }
}

/// The types of tokens that stand for a person: none, `JWT`, and that of RFC 9068.
fn is_of_a_person(kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    matches!(kind.strip_prefix("application/").unwrap_or(&kind), "jwt" | "at+jwt")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
    use serde_json::json;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_772_449_200, 0).unwrap()
    }

    fn pair() -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
    }

    fn keys() -> KeySet {
        let x = BASE64URL_NOPAD.encode(pair().public_key().as_ref());
        KeySet::read(&json!({"keys": [{"kid": "a", "kty": "OKP", "crv": "Ed25519", "x": x}]}))
    }

    fn claims() -> Value {
        let now = now().timestamp();
        json!({"iss": "https://login.example.com", "aud": "relance", "sub": "42", "iat": now, "exp": now + 300, "groups": ["desk"]})
    }

    fn sign(header: &Value, claims: &Value) -> String {
        let encoded = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let signed = format!("{}.{}", encoded(header), encoded(claims));
        let signature = BASE64URL_NOPAD.encode(pair().sign(signed.as_bytes()).as_ref());
        format!("{signed}.{signature}")
    }

    fn prove(token: &str, now: DateTime<Utc>) -> Result<Proven, WrongToken> {
        let algorithms = BTreeSet::from([TokenAlgorithm::EdDsa]);
        let expected = Expected { issuer: "https://login.example.com", audience: "relance", algorithms: &algorithms };
        Claimed::read(token)?.prove(&keys(), expected, now)
    }

    fn with(change: Value) -> String {
        let mut claims = claims();
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        sign(&json!({"alg": "EdDSA", "kid": "a"}), &claims)
    }

    #[test]
    fn a_good_token_proves_its_subject() {
        for header in [
            json!({"alg": "EdDSA", "kid": "a"}),
            json!({"alg": "EdDSA", "kid": "a", "typ": "JWT"}),
            json!({"alg": "EdDSA", "kid": "a", "typ": "application/at+jwt"}),
            json!({"alg": "EdDSA", "kid": "a", "jku": "https://evil.example/", "jwk": {"kty": "oct", "k": "AAAA"}, "x5u": 7, "x5c": ["AAAA"]}),
        ] {
            let proven = prove(&sign(&header, &claims()), now()).unwrap();
            assert_eq!((proven.subject.as_str(), &proven.claims["groups"]), ("42", &json!(["desk"])), "{header}");
        }
        assert!(prove(&with(json!({"aud": ["other", "relance"]})), now()).is_ok());
    }

    #[test]
    fn headers_are_held_to() {
        for (header, why) in [
            (json!({"alg": "none", "kid": "a"}), WrongToken::Algorithm),
            (json!({"alg": "HS256", "kid": "a"}), WrongToken::Algorithm),
            (json!({"alg": "eddsa", "kid": "a"}), WrongToken::Algorithm),
            (json!({"alg": "RS256", "kid": "a"}), WrongToken::Algorithm),
            (json!({"alg": "EdDSA"}), WrongToken::Shape),
            (json!({"alg": "EdDSA", "kid": 7}), WrongToken::Shape),
            (json!({"alg": "EdDSA", "kid": "b"}), WrongToken::Signature),
            (json!({"alg": "EdDSA", "kid": "a", "crit": ["b64"], "b64": false}), WrongToken::Critical),
            (json!({"alg": "EdDSA", "kid": "a", "crit": []}), WrongToken::Critical),
            (json!({"alg": "EdDSA", "kid": "a", "typ": "logout+jwt"}), WrongToken::Type),
            (json!({"alg": "EdDSA", "kid": "a", "typ": "dpop+jwt"}), WrongToken::Type),
        ] {
            assert_eq!(prove(&sign(&header, &claims()), now()), Err(why), "{header}");
        }
    }

    #[test]
    fn claims_are_held_to() {
        let at = |seconds: i64| now().timestamp() + seconds;
        for (change, why) in [
            (json!({"iss": "https://login.example.com/"}), WrongToken::Issuer),
            (json!({"aud": "other"}), WrongToken::Audience),
            (json!({"aud": []}), WrongToken::Audience),
            (json!({"aud": null}), WrongToken::Shape),
            (json!({"sub": ""}), WrongToken::Shape),
            (json!({"sub": null}), WrongToken::Shape),
            (json!({"sub": "x".repeat(256)}), WrongToken::Shape),
            (json!({"exp": at(-30)}), WrongToken::Time),
            (json!({"exp": "9999999999"}), WrongToken::Shape),
            (json!({"exp": null}), WrongToken::Shape),
            (json!({"exp": i64::MAX}), WrongToken::Shape),
            (json!({"iat": null}), WrongToken::Shape),
            (json!({"iat": at(31)}), WrongToken::Time),
            (json!({"nbf": at(31)}), WrongToken::Time),
            (json!({"nbf": "soon"}), WrongToken::Shape),
            (json!({"exp": at(86_401)}), WrongToken::Life),
        ] {
            assert_eq!(prove(&with(change.clone()), now()), Err(why), "{change}");
        }
        for fine in [json!({"exp": at(-29)}), json!({"iat": at(30)}), json!({"nbf": at(30)}), json!({"exp": at(86_400)})] {
            assert!(prove(&with(fine.clone()), now()).is_ok(), "{fine}");
        }
    }

    #[test]
    fn a_token_ends_when_it_says() {
        let proven = prove(&with(json!({})), now()).unwrap();
        assert_eq!(proven.ends, now() + TimeDelta::seconds(330));
    }

    #[test]
    fn one_claim_is_said_once() {
        let encoded = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
        let twice = claims().to_string().replacen('{', "{\"aud\":\"other\",", 1);
        let signed = format!("{}.{}", encoded(r#"{"alg":"EdDSA","kid":"a"}"#), encoded(&twice));
        let token = format!("{signed}.{}", BASE64URL_NOPAD.encode(pair().sign(signed.as_bytes()).as_ref()));
        assert_eq!(prove(&token, now()), Err(WrongToken::Shape));
    }

    #[test]
    fn every_changed_character_is_refused() {
        let token = with(json!({}));
        for at in 0..token.len() {
            let mut other = token.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            let other = String::from_utf8(other).unwrap();
            assert!(prove(&other, now()).is_err(), "{at}");
        }
        for wrong in ["", ".", "..", "a.b", "a.b.c.d", "e30.e30.", &"a".repeat(LONGEST + 1)] {
            assert!(prove(wrong, now()).is_err(), "{wrong}");
        }
    }
}
