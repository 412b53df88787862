//! Identifiers: a UUIDv7 inside, a prefixed word outside (`inv_01jd…`), and a type per kind of thing, so that a
//! customer's id can never stand where an invoice's belongs.
//!
//! Invariant: `parse(id.to_string()) == id`, and the text of one kind never parses as another.

use std::{cmp::Ordering, fmt, hash, marker::PhantomData, str::FromStr};

use chrono::{DateTime, Utc};
use uuid::{NoContext, Timestamp, Uuid};

/// What an identifier identifies.
pub trait Kind {
    /// The letters before the underscore.
    const PREFIX: &'static str;
    /// How an error names it.
    const NAME: &'static str;
}

macro_rules! kinds {
    ($($kind:ident $alias:ident $prefix:literal $name:literal;)+) => {
        $(
            #[doc = concat!("Marks the id of ", $name, ".")]
            #[derive(Debug)]
            pub enum $kind {}
            impl Kind for $kind {
                const PREFIX: &'static str = $prefix;
                const NAME: &'static str = $name;
            }
            #[doc = concat!("The id of ", $name, ": `", $prefix, "_…`.")]
            pub type $alias = Id<$kind>;
        )+
        /// Prefix and name of every kind, to say which one was given instead.
        pub const KINDS: &[(&str, &str)] = &[$(($prefix, $name)),+, ("ten", "a tenant")];
    };
}

kinds! {
    ApiKey ApiKeyId "key" "an API key";
    IdentityProvider IdentityProviderId "idp" "an identity provider";
    Person PersonId "usr" "a person";
    PublishableKey PublishableKeyId "pbk" "a publishable key";
    Customer CustomerId "cus" "a customer";
    Contact ContactId "con" "a contact";
    Invoice InvoiceId "inv" "an invoice";
    Instalment InstalmentId "ins" "an instalment";
    Payment PaymentId "pay" "a payment";
    CreditNote CreditNoteId "crn" "a credit note";
    Allocation AllocationId "all" "an allocation";
    Charge ChargeId "chg" "a charge";
    ChargeAllocation ChargeAllocationId "cha" "an allocation to a charge";
    ReferenceRate ReferenceRateId "rrt" "a reference rate";
    Document DocumentId "doc" "a document";
    Policy PolicyId "pol" "a policy";
    Terms TermsId "trm" "payment terms";
    Template TemplateId "tpl" "a template";
    Reminder ReminderId "rem" "a reminder";
    Message MessageId "msg" "a message";
    Task TaskId "tsk" "a task";
    Hold HoldId "hld" "a hold";
    Dispute DisputeId "dsp" "a dispute";
    DirectDebit DirectDebitId "ddb" "a direct debit";
    Promise PromiseId "prm" "a promise";
    PaymentPlan PaymentPlanId "pln" "a payment plan";
    ProviderAccount ProviderAccountId "pac" "a provider account";
    Receipt ReceiptId "rcp" "a receipt";
    Suppression SuppressionId "sup" "a suppression";
    Evidence EvidenceId "evi" "an evidence entry";
    Request RequestId "req" "a request";
    Assessment AssessmentId "asm" "an assessment";
    CreditDecision CreditDecisionId "cde" "a credit decision";
    Guarantee GuaranteeId "gua" "a guarantee";
    SolvencyCheck SolvencyCheckId "slv" "a solvency check";
    Event EventId "evt" "an event";
    WebhookEndpoint WebhookEndpointId "whe" "a webhook endpoint";
    WebhookDelivery WebhookDeliveryId "whd" "a webhook delivery";
    Connection ConnectionId "cnx" "a connection";
    Notice NoticeId "ntc" "a notice";
    Import ImportId "imp" "an import";
    File FileId "fil" "a file";
}

/// A typed identifier. Ids made later sort later, to the millisecond.
pub struct Id<K> {
    uuid: Uuid,
    kind: PhantomData<fn() -> K>,
}

impl<K> Id<K> {
    /// A fresh id that carries `now`; the rest is random.
    pub fn new(now: DateTime<Utc>) -> Self {
        let seconds = u64::try_from(now.timestamp()).unwrap_or(0);
        let stamp = Timestamp::from_unix(NoContext, seconds, now.timestamp_subsec_nanos());
        Self::from_uuid(Uuid::new_v7(stamp))
    }

    /// What no id made at `at` or later sorts before.
    pub fn earliest(at: DateTime<Utc>) -> Self {
        let millis = u128::try_from(at.timestamp_millis()).unwrap_or(0);
        Self::from_uuid(Uuid::from_u128(millis << 80))
    }

    /// The id as the database keeps it.
    pub const fn uuid(self) -> Uuid {
        self.uuid
    }

    /// The typed view of a stored id.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self { uuid, kind: PhantomData }
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.uuid.cmp(&other.uuid)
    }
}
impl<K> hash::Hash for Id<K> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}
impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", K::PREFIX, crockford(self.uuid))
    }
}

impl<K: Kind> FromStr for Id<K> {
    type Err = WrongId;
    fn from_str(text: &str) -> Result<Self, WrongId> {
        parse(text, K::PREFIX, K::NAME).map(Self::from_uuid)
    }
}

impl<K: Kind> serde::Serialize for Id<K> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}
impl<'de, K: Kind> serde::Deserialize<'de> for Id<K> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl<K: Kind> utoipa::PartialSchema for Id<K> {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        id_schema(K::PREFIX, K::NAME, "[0-9a-hjkmnp-tv-z]")
    }
}
impl<K: Kind> utoipa::ToSchema for Id<K> {
    fn name() -> std::borrow::Cow<'static, str> {
        K::NAME.split(' ').skip(1).map(capitalised).chain(["Id".to_owned()]).collect::<String>().into()
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

fn id_schema(prefix: &str, name: &str, last: &str) -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::Type::String)
        .description(Some(format!("The id of {name}.")))
        .pattern(Some(format!("^{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{24}}{last}$")))
        .min_length(Some(prefix.len() + 27))
        .max_length(Some(prefix.len() + 27))
        .examples([serde_json::json!(format!("{prefix}_01jd3kq8e5fvv8m3s9tqz4x7ya"))])
        .into()
}

/// Why a text is no id of the kind expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrongId {
    /// A well-formed id of another kind.
    #[error("{given} id given, {expected} id expected")]
    OtherKind {
        /// What the prefix stands for.
        given: &'static str,
        /// What was asked for.
        expected: &'static str,
    },
    /// No id at all.
    #[error("not the id of {expected}: {prefix}_ and 26 characters of Crockford base32 expected")]
    Malformed {
        /// What was asked for.
        expected: &'static str,
        /// Its prefix.
        prefix: &'static str,
    },
}

fn parse(text: &str, prefix: &'static str, expected: &'static str) -> Result<Uuid, WrongId> {
    let malformed = WrongId::Malformed { expected, prefix };
    let Some((given, digits)) = text.split_once('_') else { return Err(malformed) };
    if given != prefix {
        return Err(match KINDS.iter().find(|(known, _)| *known == given) {
            Some((_, name)) => WrongId::OtherKind { given: name, expected },
            None => malformed,
        });
    }
    from_crockford(digits).ok_or(malformed)
}

const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The 26 characters of `uuid` in Crockford's base32, lower case.
pub fn crockford(uuid: Uuid) -> String {
    let value = uuid.as_u128();
    (0..26u32)
        .rev()
        .filter_map(|place| DIGITS.get(usize::try_from((value >> (place * 5)) & 31).ok()?))
        .map(|digit| char::from(*digit))
        .collect()
}

/// The inverse of [`crockford`]; `None` for anything that it would not have written.
pub fn from_crockford(digits: &str) -> Option<Uuid> {
    if digits.len() != 26 || digits.as_bytes().first()? > &b'7' {
        return None;
    }
    let value = digits.bytes().try_fold(0u128, |value, byte| {
        let digit = DIGITS.iter().position(|known| *known == byte)?;
        Some(value << 5 | u128::try_from(digit).ok()?)
    })?;
    Some(Uuid::from_u128(value))
}

crate::words! {
    /// Whether a partition holds real business or rehearsals.
    pub enum Mode {
        /// Real debtors, real providers.
        Live = "live",
        /// A rehearsal: sandbox transports only, and a clock of its own.
        Test = "test",
    }
}

/// A creditor's partition of the data, in one mode. The last bit of the UUID says which: live data and test data
/// of one creditor never share a key, and no flag can be forgotten.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(Uuid);

impl TenantId {
    /// The partition of the platform's own keys and entries.
    pub const PLATFORM: Self = Self(Uuid::nil());

    /// The live partition of a new tenant.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self(Id::<Customer>::new(now).uuid()).in_mode(Mode::Live)
    }

    /// A stored partition.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// As the database keeps it.
    pub const fn uuid(self) -> Uuid {
        self.0
    }

    /// Live or test.
    pub const fn mode(self) -> Mode {
        if self.0.as_u128() & 1 == 1 { Mode::Test } else { Mode::Live }
    }

    /// The same tenant's other or same partition.
    pub const fn in_mode(self, mode: Mode) -> Self {
        let base = self.0.as_u128() & !1;
        Self(Uuid::from_u128(match mode {
            Mode::Live => base,
            Mode::Test => base | 1,
        }))
    }

    /// Whether this is the platform's partition.
    pub fn is_platform(self) -> bool {
        self == Self::PLATFORM
    }
}

/// Both modes of a tenant bear the same public name, which ends in an even digit.
impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ten_{}", crockford(self.in_mode(Mode::Live).0))
    }
}
impl fmt::Debug for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}({})", self.mode())
    }
}
impl FromStr for TenantId {
    type Err = WrongId;
    fn from_str(text: &str) -> Result<Self, WrongId> {
        let tenant = Self(parse(text, "ten", "a tenant")?);
        match tenant.mode() {
            Mode::Live => Ok(tenant),
            Mode::Test => Err(WrongId::Malformed { expected: "a tenant", prefix: "ten" }),
        }
    }
}
impl serde::Serialize for TenantId {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}
impl<'de> serde::Deserialize<'de> for TenantId {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
impl utoipa::PartialSchema for TenantId {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        id_schema("ten", "a tenant", "[02468acegjmprtwy]")
    }
}
impl utoipa::ToSchema for TenantId {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let id = InvoiceId::new(DateTime::UNIX_EPOCH);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().len(), 30);
    }

    #[test]
    fn another_kind_is_named() {
        let id = CustomerId::new(DateTime::UNIX_EPOCH);
        let wrong = id.to_string().parse::<InvoiceId>().map_err(|error| error.to_string());
        assert_eq!(wrong, Err("a customer id given, an invoice id expected".to_owned()));
    }

    #[test]
    fn a_tenants_modes_are_two_partitions_with_one_name() {
        let live = TenantId::new(DateTime::UNIX_EPOCH);
        let test = live.in_mode(Mode::Test);
        assert_ne!(live, test);
        assert_eq!((live.mode(), test.mode()), (Mode::Live, Mode::Test));
        assert_eq!(live.to_string(), test.to_string());
    }

    #[test]
    fn a_tenants_name_has_one_spelling() {
        let even = format!("ten_{}2", "0".repeat(25));
        assert_eq!(even.parse::<TenantId>().unwrap().to_string(), even);
        assert!(format!("ten_{}3", "0".repeat(25)).parse::<TenantId>().is_err());
    }
}
