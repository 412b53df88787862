//! A checkpoint: the signed statement that a tenant's log had this size and this root at that moment.
//!
//! It has two forms, which say the same and are signed once. The note is C2SP's `tlog-checkpoint` inside its
//! `signed-note`, which programs of others can check:
//!
//! ```text
//! relance/ten_01jd3kq8e5fvv8m3s9tqz4x7ya/live
//! 42
//! 5Z9vNHWDeyiVQ3Oc8gsNB5gjM3nuV5YKTg5MRAKnUnY=
//! previous 30
//! time 1767225600
//!
//! — relance/ten_01jd3kq8e5fvv8m3s9tqz4x7ya/live c2lnbmF0dXJl…
//! ```
//!
//! The line, for a response header and for people to keep, leaves the origin to the reader:
//! `size:previous:root:time:key:signature`, with root and signature in base64 and the key's id in hexadecimal.
//!
//! `previous` is the size that the checkpoint before this one stated, 0 for the first: a checkpoint that is left out leaves a gap.
//! Not here: when to sign. Invariant: a checkpoint that exists is well formed; whether its signature holds,
//! [`PublicKey::signed`] tells.

use std::{fmt, str::FromStr};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use chrono::{DateTime, Utc};
use data_encoding::{BASE64, HEXLOWER};

use crate::domain::{
    crypto::{Hash, Unavailable, derive, sha256},
    ids::{Mode, TenantId},
};

/// What a checkpoint states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement {
    /// Whose log, in which mode.
    pub tenant: TenantId,
    /// How many entries it has; never 0.
    pub size: u64,
    /// What the checkpoint before this one gave as its size; less than `size`.
    pub previous: u64,
    /// The root of the tree of these entries.
    pub root: Hash,
    /// When it was signed, in whole seconds since 1970.
    pub time: u64,
}

impl Statement {
    /// A statement made at `at`.
    pub fn new(tenant: TenantId, previous: u64, size: u64, root: Hash, at: DateTime<Utc>) -> Self {
        Self { tenant, size, previous, root, time: u64::try_from(at.timestamp()).unwrap_or(0) }
    }

    /// The text that is signed.
    fn text(&self) -> String {
        let Self { tenant, size, previous, root, time } = self;
        format!("{}\n{size}\n{}\nprevious {previous}\ntime {time}\n", origin(*tenant), BASE64.encode(root))
    }
}

/// The name of a tenant's log: `relance/ten_…/live`.
pub fn origin(tenant: TenantId) -> String {
    format!("relance/{tenant}/{}", tenant.mode())
}

/// Which key signed, as `signed-note` has it: the first bytes of a digest over origin and key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyId([u8; 4]);

impl KeyId {
    fn new(tenant: TenantId, key: &[u8]) -> Self {
        let [first, second, third, fourth, ..] = sha256(&[origin(tenant).as_bytes(), b"\n\x01", key]);
        Self([first, second, third, fourth])
    }
}

/// As it stands in a checkpoint's line: lower-case hexadecimal.
impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

/// A signed statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// What is stated.
    pub statement: Statement,
    /// By which key.
    pub key: KeyId,
    /// Ed25519 over the note's text.
    pub signature: [u8; 64],
}

/// The text is no checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a checkpoint; write size:previous:root:time:key:signature, or the whole note, as they were given")]
pub struct Malformed;

impl Checkpoint {
    /// The line for the `Relance-Checkpoint` header.
    pub fn line(&self) -> String {
        let Statement { size, previous, root, time, .. } = self.statement;
        let signature = BASE64.encode(&self.signature);
        format!("{size}:{previous}:{}:{time}:{}:{signature}", BASE64.encode(&root), self.key)
    }

    /// Reads a line about `tenant`'s log.
    ///
    /// # Errors
    /// For any text that [`Checkpoint::line`] would not have written.
    pub fn from_line(tenant: TenantId, line: &str) -> Result<Self, Malformed> {
        let [size, previous, root, time, key, signature] =
            <[&str; 6]>::try_from(line.splitn(7, ':').collect::<Vec<_>>()).map_err(|_| Malformed)?;
        let key = KeyId(HEXLOWER.decode(key.as_bytes()).ok().and_then(|id| id.try_into().ok()).ok_or(Malformed)?);
        let statement = Statement { tenant, size: number(size)?, previous: number(previous)?, root: bytes(root)?, time: number(time)? };
        Self { statement, key, signature: bytes(signature)? }.checked()
    }

    /// The signed note.
    pub fn note(&self) -> String {
        let signed = [self.key.0.as_slice(), &self.signature].concat();
        format!("{}\n— {} {}\n", self.statement.text(), origin(self.statement.tenant), BASE64.encode(&signed))
    }

    /// Reads a note.
    ///
    /// # Errors
    /// For any text that [`Checkpoint::note`] would not have written.
    pub fn from_note(note: &str) -> Result<Self, Malformed> {
        let [origin, size, root, previous, time, blank, signed, end] =
            <[&str; 8]>::try_from(note.splitn(9, '\n').collect::<Vec<_>>()).map_err(|_| Malformed)?;
        let signed = signed.strip_prefix("— ").and_then(|rest| rest.strip_prefix(origin)?.strip_prefix(' ')).ok_or(Malformed)?;
        let [first, second, third, fourth, signature @ ..] = bytes::<68>(signed)?;
        let statement = Statement {
            tenant: tenant_of(origin)?,
            size: number(size)?,
            previous: number(previous.strip_prefix("previous ").ok_or(Malformed)?)?,
            root: bytes(root)?,
            time: number(time.strip_prefix("time ").ok_or(Malformed)?)?,
        };
        match (blank, end) {
            ("", "") => Self { statement, key: KeyId([first, second, third, fourth]), signature }.checked(),
            _ => Err(Malformed),
        }
    }

    fn checked(self) -> Result<Self, Malformed> {
        if self.statement.previous < self.statement.size { Ok(self) } else { Err(Malformed) }
    }
}

fn tenant_of(origin: &str) -> Result<TenantId, Malformed> {
    let (tenant, mode) = origin.strip_prefix("relance/").and_then(|rest| rest.split_once('/')).ok_or(Malformed)?;
    let mode: Mode = mode.parse().map_err(|_| Malformed)?;
    let partition = tenant.parse::<TenantId>().map_err(|_| Malformed)?.in_mode(mode);
    if self::origin(partition) == origin { Ok(partition) } else { Err(Malformed) }
}

/// A decimal number in its one spelling: no sign, no leading zero.
fn number(text: &str) -> Result<u64, Malformed> {
    let number: u64 = text.parse().map_err(|_| Malformed)?;
    if number.to_string() == text { Ok(number) } else { Err(Malformed) }
}

/// Base64 with its padding, in its one spelling.
fn bytes<const N: usize>(text: &str) -> Result<[u8; N], Malformed> {
    BASE64.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(Malformed)
}

/// Signs checkpoints.
pub struct Signer(Ed25519KeyPair);

impl Signer {
    /// The signing key that belongs to a master key.
    ///
    /// # Errors
    /// Never in practice; see [`Unavailable`].
    pub fn derive(master: &[u8; 32]) -> Result<Self, Unavailable> {
        Ed25519KeyPair::from_seed_unchecked(&derive(master, "evidence checkpoint signature")?).map(Self).map_err(|_| Unavailable)
    }

    /// Signs.
    ///
    /// # Errors
    /// Never in practice; see [`Unavailable`].
    pub fn sign(&self, statement: Statement) -> Result<Checkpoint, Unavailable> {
        let signature = self.0.try_sign(statement.text().as_bytes())?;
        let key = KeyId::new(statement.tenant, self.0.public_key().as_ref());
        Ok(Checkpoint { statement, key, signature: signature.as_ref().try_into().map_err(|_| Unavailable)? })
    }

    /// The key that others check with.
    ///
    /// # Errors
    /// Never in practice; see [`Unavailable`].
    pub fn public_key(&self) -> Result<PublicKey, Unavailable> {
        self.0.public_key().as_ref().try_into().map(PublicKey).map_err(|_| Unavailable)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(…)")
    }
}

/// An Ed25519 public key; its text is base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The name that this key has in the checkpoints of `tenant`'s log.
    pub fn id(&self, tenant: TenantId) -> KeyId {
        KeyId::new(tenant, &self.0)
    }

    /// Whether this key signed that checkpoint.
    pub fn signed(&self, checkpoint: &Checkpoint) -> bool {
        let text = checkpoint.statement.text();
        KeyId::new(checkpoint.statement.tenant, &self.0) == checkpoint.key
            && UnparsedPublicKey::new(&ED25519, self.0).verify(text.as_bytes(), &checkpoint.signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(&self.0))
    }
}
impl FromStr for PublicKey {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        bytes(text).map(Self).map_err(|_| "not a public key; write the 44 characters of base64 that it was given as".to_owned())
    }
}
impl serde::Serialize for PublicKey {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}
impl<'de> serde::Deserialize<'de> for PublicKey {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tenant() -> TenantId {
        TenantId::from_uuid(uuid::Uuid::from_u128(0x0191_0000_0000_7000_8000_0000_0000_0002))
    }

    fn signed() -> (PublicKey, Checkpoint) {
        let signer = Signer::derive(&[7; 32]).unwrap();
        let statement = Statement::new(tenant(), 30, 42, [9; 32], DateTime::from_timestamp(1_767_225_600, 0).unwrap());
        (signer.public_key().unwrap(), signer.sign(statement).unwrap())
    }

    #[test]
    fn both_forms_are_read_back() {
        let (key, checkpoint) = signed();
        assert_eq!(Checkpoint::from_line(tenant(), &checkpoint.line()), Ok(checkpoint));
        assert_eq!(Checkpoint::from_note(&checkpoint.note()), Ok(checkpoint));
        assert!(key.signed(&checkpoint));
        assert_eq!(key.to_string().parse(), Ok(key));
    }

    #[test]
    fn the_note_is_a_signed_note() {
        let (key, checkpoint) = signed();
        let note = checkpoint.note();
        let (text, signature) = note.split_once("\n\n").unwrap();
        let origin = format!("relance/{}/live", tenant());
        assert_eq!(text, format!("{origin}\n42\n{}\nprevious 30\ntime 1767225600", BASE64.encode(&[9; 32])));
        let encoded = signature.strip_prefix(&format!("— {origin} ")).unwrap().strip_suffix('\n').unwrap();
        let bytes = BASE64.decode(encoded.as_bytes()).unwrap();
        let raw = BASE64.decode(key.to_string().as_bytes()).unwrap();
        assert_eq!(bytes[..4], sha256(&[origin.as_bytes(), b"\n", &[1], &raw])[..4]);
        assert!(UnparsedPublicKey::new(&ED25519, raw).verify(format!("{text}\n").as_bytes(), &bytes[4..]).is_ok());
    }

    #[test]
    fn a_signature_holds_for_one_log_and_one_key() {
        let (key, checkpoint) = signed();
        let elsewhere = Checkpoint::from_line(tenant().in_mode(Mode::Test), &checkpoint.line()).unwrap();
        assert!(!key.signed(&elsewhere));
        let other = Signer::derive(&[8; 32]).unwrap();
        assert!(!other.public_key().unwrap().signed(&checkpoint));
        assert!(!key.signed(&Checkpoint { key: checkpoint.key, ..other.sign(checkpoint.statement).unwrap() }));
    }

    #[test]
    fn every_changed_character_is_refused_or_breaks_the_signature() {
        let (key, checkpoint) = signed();
        let others = |text: String| {
            let places = text.char_indices().map(|(at, _)| at).collect::<Vec<_>>();
            places.into_iter().flat_map(move |at| {
                let (before, after) = text.split_at(at);
                let rest = after.chars().skip(1).collect::<String>();
                let before = before.to_owned();
                ["", "0", "A", ":", "\n", "=", "+", "00"].map(|new| format!("{before}{new}{rest}"))
            })
        };
        for text in others(checkpoint.line()).filter(|text| *text != checkpoint.line()) {
            assert!(!Checkpoint::from_line(tenant(), &text).is_ok_and(|read| key.signed(&read)), "{text}");
        }
        for text in others(checkpoint.note()).filter(|text| *text != checkpoint.note()) {
            assert!(!Checkpoint::from_note(&text).is_ok_and(|read| key.signed(&read)), "{text}");
        }
    }

    /// The last bit of the UUID is the mode's, and has one spelling in a tenant's name.
    #[test]
    fn an_origin_has_one_spelling() {
        let note = signed().1.note();
        let (even, odd) = (format!("{}/", tenant()), format!("{}3/", tenant().to_string().trim_end_matches('2')));
        assert!(note.contains(&even));
        assert_eq!(Checkpoint::from_note(&note.replace(&even, &odd)), Err(Malformed));
    }

    #[test]
    fn a_checkpoint_grows() {
        let (_, checkpoint) = signed();
        let same = checkpoint.line().replacen("42:30:", "42:42:", 1);
        assert_eq!(Checkpoint::from_line(tenant(), &same), Err(Malformed));
    }

    proptest! {
        #[test]
        fn no_text_is_read_otherwise_than_it_is_written(text in "[0-9]{1,3}:[0-9]{1,3}:[A-Za-z0-9+/]{43}=:[0-9]{1,3}:[0-9a-f]{8}:[A-Za-z0-9+/]{86}==") {
            if let Ok(checkpoint) = Checkpoint::from_line(tenant(), &text) {
                prop_assert_eq!(checkpoint.line(), text);
                prop_assert_eq!(Checkpoint::from_note(&checkpoint.note()), Ok(checkpoint));
            }
        }
    }
}
