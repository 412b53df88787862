//! One entry: who did or met what, when; and the bytes that its digest stands for.
//!
//! The canonical encoding, version 1, is a run of fields, each its length in bytes (four, big-endian) and then its
//! bytes, so that no two entries share an encoding:
//!
//! 1. `relance/evidence/1`
//! 2. the tenant's UUID (16 bytes), 3. its mode in letters: `live` or `test`
//! 4. the entry's UUID (16 bytes)
//! 5. `kind`, 6. `subject`, 7. `actor`, as UTF-8
//! 8. `privileged`: one byte, 0 or 1
//! 9. `occurred_at`, 10. `recorded_at`: microseconds since 1970 UTC, eight bytes, two's complement, big-endian
//! 11. `body` as canonical JSON
//! 12. for each commitment in the order of their fields: its field as UTF-8, then its digest (32 bytes)
//!
//! Canonical JSON is RFC 8785 restricted to integers of 64 bits, its keys sorted by their UTF-8 bytes: no white space, no
//! floats (no two languages print them alike), at most [`MAX_DEPTH`] levels.
//!
//! Personal data never enters an entry. A [`Commitment`] does, SHA-256(salt ‖ value); the [`Disclosure`] that opens it is
//! kept beside the log and can be destroyed, after which the digest tells nobody anything, and the log still verifies.
//! Invariant: equal digests, equal entries.

use chrono::{DateTime, Utc};
use serde::{
    Deserialize, Serialize, Serializer,
    ser::{Error as _, SerializeMap as _, SerializeSeq as _},
};
use serde_json::Value;

use super::tree::leaf_hash;
use crate::domain::{
    crypto::{Hash, Unavailable, random, same, sha256},
    ids::{EvidenceId, TenantId},
};

/// How deep an entry's body may nest.
pub const MAX_DEPTH: usize = 32;

/// What names the encoding, so that a later one can never be taken for it.
const VERSION: &[u8] = b"relance/evidence/1";

/// One fact, as it is stored, shown and proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EvidenceEntry)]
pub struct Entry {
    /// The entry's id.
    pub id: EvidenceId,
    /// What happened: the thing and the verb.
    #[schema(max_length = 64, pattern = "^[a-z][a-z0-9_]*(\\.[a-z][a-z0-9_]*)+$", example = "invoice.created")]
    pub kind: String,
    /// The public id of what it happened to.
    #[schema(max_length = 64, example = "inv_01jd3kq8e5fvv8m3s9tqz4x7ya")]
    pub subject: String,
    /// Who did it: a key's id, `system`, or `provider:` and its name.
    #[schema(max_length = 64, example = "system")]
    pub actor: String,
    /// Whether it took a right that ordinary keys lack.
    pub privileged: bool,
    /// When it happened, in business time: a test tenant's clock may differ from the wall's.
    #[serde(with = "micros")]
    pub occurred_at: DateTime<Utc>,
    /// When it was written, by the machine's clock. The order of entries is their place in the log, never a time.
    #[serde(with = "micros")]
    pub recorded_at: DateTime<Utc>,
    /// The facts: numbers are integers, and no personal data is among them.
    #[serde(serialize_with = "canonical")]
    #[schema(value_type = Object, example = json!({"number": "F-2026-014", "total": 120_000}))]
    pub body: Value,
    /// Personal data, committed to without being shown; in the order of their fields, each field once.
    #[schema(max_items = 64)]
    pub commitments: Vec<Commitment>,
}

/// Why an entry has no canonical encoding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unencodable {
    /// The kind is no dotted word.
    #[error("the kind of an evidence entry is dotted words, such as invoice.created")]
    Kind,
    /// Two commitments to one field, or fields out of order.
    #[error("commitments come in the order of their fields, each field once")]
    Commitments,
    /// A float, or too many levels.
    #[error("the body has no canonical form: {0}")]
    Body(String),
    /// A field of more than 2^32 bytes.
    #[error("a field is too long to be encoded")]
    Length,
}

impl Entry {
    /// The bytes that stand for this entry of `tenant`: the module's documentation says which.
    ///
    /// # Errors
    /// When the entry breaks a rule of the encoding.
    pub fn canonical(&self, tenant: TenantId) -> Result<Vec<u8>, Unencodable> {
        if !is_dotted_word(&self.kind) {
            return Err(Unencodable::Kind);
        }
        if !self.commitments.is_sorted_by(|left, right| left.field < right.field) {
            return Err(Unencodable::Commitments);
        }
        let body = serde_json::to_vec(&Canonical(&self.body, MAX_DEPTH)).map_err(|error| Unencodable::Body(error.to_string()))?;
        let mut bytes = Vec::with_capacity(body.len() + 320);
        let fixed: [&[u8]; 11] = [
            VERSION,
            &tenant.uuid().into_bytes(),
            tenant.mode().as_str().as_bytes(),
            &self.id.uuid().into_bytes(),
            self.kind.as_bytes(),
            self.subject.as_bytes(),
            self.actor.as_bytes(),
            &[u8::from(self.privileged)],
            &self.occurred_at.timestamp_micros().to_be_bytes(),
            &self.recorded_at.timestamp_micros().to_be_bytes(),
            &body,
        ];
        let committed = self.commitments.iter().flat_map(|one| [one.field.as_bytes(), &one.digest]);
        for field in fixed.into_iter().chain(committed) {
            let length = u32::try_from(field.len()).map_err(|_| Unencodable::Length)?;
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(field);
        }
        Ok(bytes)
    }

    /// The entry's leaf in its tenant's tree: the RFC 6962 leaf hash of [`Entry::canonical`].
    ///
    /// # Errors
    /// Those of [`Entry::canonical`].
    pub fn digest(&self, tenant: TenantId) -> Result<Hash, Unencodable> {
        self.canonical(tenant).map(|bytes| leaf_hash(&bytes))
    }
}

fn is_dotted_word(text: &str) -> bool {
    let word = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_lowercase())
            && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    text.contains('.') && text.split('.').all(word)
}

/// A value that is fixed, and not shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Commitment {
    /// What the value is.
    #[schema(max_length = 64, example = "recipient_email")]
    pub field: String,
    /// SHA-256 of the salt followed by the value, in lower-case hexadecimal.
    #[serde(with = "hex")]
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$", example = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    pub digest: Hash,
}

/// What opens a commitment. Erasing it erases the person from the log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Disclosure {
    /// What the value is.
    #[schema(max_length = 64, example = "recipient_email")]
    pub field: String,
    /// 32 random bytes, in lower-case hexadecimal: they keep a short value from being guessed.
    #[serde(with = "hex")]
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$", example = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    pub salt: [u8; 32],
    /// The value.
    #[schema(max_length = 10_000, example = "accounts@example.com")]
    pub value: String,
}

/// What is erasable never reaches logs.
impl std::fmt::Debug for Disclosure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Disclosure({}: …)", self.field)
    }
}

impl Disclosure {
    /// Opens `field`, under a salt of its own.
    ///
    /// # Errors
    /// When there is no randomness to be had.
    pub fn new(field: impl Into<String>, value: impl Into<String>) -> Result<Self, Unavailable> {
        Ok(Self { field: field.into(), salt: random()?, value: value.into() })
    }

    /// The commitment that this opens.
    pub fn commitment(&self) -> Commitment {
        commit(&self.field, &self.value, &self.salt)
    }
}

/// Commits to a value.
pub fn commit(field: &str, value: &str, salt: &[u8; 32]) -> Commitment {
    Commitment { field: field.to_owned(), digest: sha256(&[salt, value.as_bytes()]) }
}

/// Whether a disclosure is what was committed to.
pub fn opens(commitment: &Commitment, disclosure: &Disclosure) -> bool {
    commitment.field == disclosure.field && same(&commitment.digest, &sha256(&[&disclosure.salt, disclosure.value.as_bytes()]))
}

/// JSON in its one canonical form, and how many levels it may still have.
struct Canonical<'a>(&'a Value, usize);

impl Serialize for Canonical<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Some(left) = self.1.checked_sub(1) else {
            return Err(S::Error::custom(format_args!("more than {MAX_DEPTH} levels")));
        };
        match self.0 {
            Value::Number(number) => match number.as_i64() {
                Some(integer) => to.serialize_i64(integer),
                None => Err(S::Error::custom(format_args!("{number} is not an integer of 64 bits"))),
            },
            Value::Array(items) => {
                let mut list = to.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(&Canonical(item, left)))?;
                list.end()
            }
            Value::Object(members) => {
                let mut sorted: Vec<_> = members.iter().collect();
                sorted.sort_unstable_by_key(|(key, _)| *key);
                let mut map = to.serialize_map(Some(sorted.len()))?;
                sorted.into_iter().try_for_each(|(key, value)| map.serialize_entry(key, &Canonical(value, left)))?;
                map.end()
            }
            plain => plain.serialize(to),
        }
    }
}

/// Writes a body in its canonical form.
fn canonical<S: Serializer>(body: &Value, to: S) -> Result<S::Ok, S::Error> {
    Canonical(body, MAX_DEPTH).serialize(to)
}

/// 32 bytes as lower-case hexadecimal.
pub(super) mod hex {
    use data_encoding::HEXLOWER;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub fn serialize<S: Serializer>(bytes: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&HEXLOWER.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(D::Error::custom)?;
        bytes.try_into().map_err(|_| D::Error::custom("64 hexadecimal digits expected"))
    }
}

/// An instant with exactly six decimals: what both databases keep, and one spelling for each instant.
pub(super) mod micros {
    use chrono::{DateTime, SecondsFormat, Utc};
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub fn serialize<S: Serializer>(at: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&at.to_rfc3339_opts(SecondsFormat::Micros, true))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<DateTime<Utc>, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        let at = DateTime::parse_from_rfc3339(&text).map_err(D::Error::custom)?.to_utc();
        // A leap second counts the same microseconds as the second after it: two spellings of one digest.
        match DateTime::from_timestamp_micros(at.timestamp_micros()) {
            Some(kept) if kept == at => Ok(at),
            _ => Err(D::Error::custom("an instant of whole microseconds, outside leap seconds, expected")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::domain::ids::Mode;

    fn entry() -> Entry {
        Entry {
            id: EvidenceId::from_uuid(uuid::Uuid::from_u128(7)),
            kind: "invoice.created".to_owned(),
            subject: "inv_1".to_owned(),
            actor: "system".to_owned(),
            privileged: false,
            occurred_at: DateTime::UNIX_EPOCH,
            recorded_at: DateTime::from_timestamp_micros(1).unwrap(),
            body: json!({"total": 120, "a": [1, null, "é\n"]}),
            commitments: vec![commit("email", "a@example.com", &[1; 32]), commit("phone", "+33", &[2; 32])],
        }
    }

    fn tenant() -> TenantId {
        TenantId::from_uuid(uuid::Uuid::from_u128(2))
    }

    #[test]
    fn the_encoding_is_the_documented_one() {
        let mut expected = Vec::new();
        let mut put = |bytes: &[u8]| {
            expected.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
            expected.extend(bytes);
        };
        put(b"relance/evidence/1");
        put(&2u128.to_be_bytes());
        put(b"live");
        put(&7u128.to_be_bytes());
        put(b"invoice.created");
        put(b"inv_1");
        put(b"system");
        put(&[0]);
        put(&0i64.to_be_bytes());
        put(&1i64.to_be_bytes());
        put("{\"a\":[1,null,\"é\\n\"],\"total\":120}".as_bytes());
        put(b"email");
        put(&sha256(&[&[1; 32], b"a@example.com"]));
        put(b"phone");
        put(&sha256(&[&[2; 32], b"+33"]));
        assert_eq!(entry().canonical(tenant()), Ok(expected));
    }

    #[test]
    fn every_field_counts() {
        let id = EvidenceId::from_uuid(uuid::Uuid::from_u128(8));
        let later = DateTime::from_timestamp_micros(2).unwrap();
        let same = entry();
        let others = [
            Entry { id, ..entry() },
            Entry { kind: "invoice.voided".to_owned(), ..entry() },
            Entry { subject: "inv_2".to_owned(), ..entry() },
            Entry { subject: "inv_1system".to_owned(), actor: String::new(), ..entry() },
            Entry { actor: "key_1".to_owned(), ..entry() },
            Entry { privileged: true, ..entry() },
            Entry { occurred_at: later, ..entry() },
            Entry { recorded_at: later, ..entry() },
            Entry { body: json!({}), ..entry() },
            Entry { commitments: vec![], ..entry() },
            Entry { commitments: vec![commit("email", "b@example.com", &[1; 32]), commit("phone", "+33", &[2; 32])], ..entry() },
        ];
        for other in others {
            assert_ne!(other.digest(tenant()), same.digest(tenant()), "{other:?}");
        }
        assert_ne!(same.digest(tenant().in_mode(Mode::Test)), same.digest(tenant()));
    }

    #[test]
    fn what_has_no_canonical_form_is_refused() {
        for kind in ["", "invoice", "Invoice.created", "invoice.", ".created", "invoice created", "invoice..x", "1.a"] {
            assert_eq!(Entry { kind: kind.to_owned(), ..entry() }.digest(tenant()), Err(Unencodable::Kind), "{kind:?}");
        }
        let deep = (0..MAX_DEPTH).fold(json!(1), |inner, _| json!([inner]));
        for body in [json!(1.5), json!({"a": 1.0}), json!([u64::MAX]), json!(-0.0), deep.clone()] {
            assert!(matches!(Entry { body, ..entry() }.digest(tenant()), Err(Unencodable::Body(_))));
        }
        assert!(Entry { body: deep[0].clone(), ..entry() }.digest(tenant()).is_ok());
        let mut turned = entry();
        turned.commitments.reverse();
        assert_eq!(turned.digest(tenant()), Err(Unencodable::Commitments));
        turned.commitments = vec![commit("email", "a", &[1; 32]), commit("email", "b", &[1; 32])];
        assert_eq!(turned.digest(tenant()), Err(Unencodable::Commitments));
    }

    #[test]
    fn a_commitment_opens_only_to_its_value() {
        let disclosure = Disclosure::new("email", "a@example.com").unwrap();
        let commitment = disclosure.commitment();
        assert!(opens(&commitment, &disclosure));
        assert!(!opens(&commitment, &Disclosure { value: "b@example.com".to_owned(), ..disclosure.clone() }));
        assert!(!opens(&commitment, &Disclosure { field: "phone".to_owned(), ..disclosure.clone() }));
        assert!(!opens(&commitment, &Disclosure::new("email", "a@example.com").unwrap()), "each has a salt of its own");
        assert!(!format!("{disclosure:?}").contains("example"));
    }

    #[test]
    fn no_two_instants_share_a_digest() {
        let read = |at: &str| micros::deserialize(json!(at));
        assert!(read("2016-12-31T23:59:59.999999Z").is_ok());
        assert!(read("2016-12-31T23:59:60.000000Z").is_err());
        assert!(read("2016-12-31T23:59:59.9999991Z").is_err());
    }

    fn bodies() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".*".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".{0,4}", inner, 0..6).prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn entries_survive_their_text(body in bodies(), micros in -1_000_000_000_000_000i64..4_000_000_000_000_000) {
            let entry = Entry { body, occurred_at: DateTime::from_timestamp_micros(micros).unwrap(), ..entry() };
            let text = serde_json::to_string(&entry).unwrap();
            let back: Entry = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(serde_json::to_string(&back).unwrap(), text);
            prop_assert_eq!(back.digest(tenant()), entry.digest(tenant()));
            prop_assert_eq!(back, entry);
        }
    }
}
