//! How provider accounts are given and shown. Credentials are only ever given.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::settings_of;
use crate::{
    domain::{
        contact::Channel,
        delivery::EvidenceGrade,
        ids::ProviderAccountId,
        provider::{CheckResult, ProviderAccountState, ReceiptSignature},
    },
    error::Result,
    instance::Instance,
    outbound::{
        Idempotency,
        registry::{self, Credentials, ProviderKind, ProviderSettings},
    },
    store::provider_accounts::ProviderAccount,
};

/// A provider account, without its credentials.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderAccountView {
    /// Always `provider_account`.
    #[schema(max_length = 20, example = "provider_account")]
    pub object: &'static str,
    /// The account's id.
    pub id: ProviderAccountId,
    /// How people call it.
    #[schema(max_length = 100)]
    pub name: String,
    /// Which provider.
    pub kind: ProviderKind,
    /// What it is used for.
    #[schema(max_items = 3)]
    pub channels: BTreeSet<Channel>,
    /// Its settings.
    pub settings: ProviderSettings,
    /// Whether credentials are kept for it. They are never shown.
    pub has_credentials: bool,
    /// The lowest is tried first.
    #[schema(minimum = 0, maximum = 1000)]
    pub priority: i32,
    /// Its share of the messages among accounts of the same priority.
    #[schema(minimum = 1, maximum = 100)]
    pub weight: i32,
    /// Calls a second that it bears.
    #[schema(minimum = 1, maximum = 10_000)]
    pub rate_per_second: i32,
    /// Calls under way at once that it bears.
    #[schema(minimum = 1, maximum = 256)]
    pub concurrency: i32,
    /// Whether it is used.
    pub state: ProviderAccountState,
    /// What it can carry and prove.
    pub capabilities: CapabilitiesView,
    /// Where the provider delivers its receipts: `setup_steps` say where to enter it. Whoever knows it can report, where the provider signs nothing. Absent for the
    /// rehearsal's own account, and for one made before the path was kept: rotate it.
    #[schema(format = "uri", max_length = 500, example = "https://dunning.example.com/v1/inbound/rli_01jd3kq8e5fvv8m3s9tqz4x7ya")]
    pub receipt_url: Option<String>,
    /// Until when the former receipt URL is honoured, after a rotation.
    pub former_receipt_url_until: Option<DateTime<Utc>>,
    /// What to do at the provider so that receipts arrive.
    #[schema(max_items = 20)]
    pub setup_steps: Vec<String>,
    /// Since when so many calls have failed that it is only tried now and then.
    pub failing_since: Option<DateTime<Utc>>,
    /// Why the provider last refused the account itself, or could not be reached while it was failing.
    #[schema(max_length = 1000)]
    pub last_error: Option<String>,
    /// What its last check found.
    pub last_check: Option<LastCheck>,
    /// Counts the changes.
    #[schema(minimum = 1)]
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What a kind of provider can carry and prove.
#[derive(Debug, Serialize, ToSchema)]
pub struct CapabilitiesView {
    /// The channels that it can serve.
    #[schema(max_items = 3)]
    pub channels: BTreeSet<Channel>,
    /// For how long it recognises a message that it was given before, in seconds; none when it does not.
    #[schema(minimum = 1)]
    pub idempotent_seconds: Option<i64>,
    /// Whether a message whose answer was lost can be looked up.
    pub lookup: bool,
    /// How its receipts are authenticated.
    pub receipts: ReceiptSignature,
    /// The most that its receipts can prove.
    pub evidence_grade: EvidenceGrade,
}

impl From<ProviderKind> for CapabilitiesView {
    fn from(kind: ProviderKind) -> Self {
        let known = registry::capabilities(kind);
        Self {
            channels: known.channels.iter().copied().collect(),
            idempotent_seconds: match known.idempotency {
                Idempotency::None => None,
                Idempotency::Key(window) => Some(TimeDelta::num_seconds(&window)),
            },
            lookup: known.lookup,
            receipts: known.signature,
            evidence_grade: known.grade,
        }
    }
}

impl ProviderAccountView {
    /// What is shown of a row.
    ///
    /// # Errors
    /// A record that no adapter can read.
    pub fn of(row: ProviderAccount, instance: &Instance) -> Result<Self> {
        let settings = settings_of(&row)?;
        let kind = settings.kind();
        let receipt_url = instance.receipt_url(&row);
        let step = |text: &&str| text.replace("{url}", receipt_url.as_deref().unwrap_or("the receipt URL, which a rotation gives"));
        Ok(Self {
            object: "provider_account",
            id: row.id,
            name: row.name,
            kind,
            channels: row.channels.0,
            capabilities: kind.into(),
            settings,
            has_credentials: row.credentials.is_some(),
            priority: row.priority,
            weight: row.weight,
            rate_per_second: row.rate_per_second,
            concurrency: row.concurrency,
            state: row.state,
            setup_steps: registry::setup_steps(kind).iter().map(step).collect(),
            receipt_url,
            former_receipt_url_until: row.former_inbound_until.map(|at| at.0).filter(|until| *until > instance.clock.now()),
            failing_since: row.failing_since.map(|at| at.0),
            last_error: row.last_error,
            last_check: row.check_result.zip(row.checked_at).map(|(result, at)| LastCheck { result, at: at.0 }),
            version: row.version,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        })
    }
}

/// What the last check of an account found.
#[derive(Debug, Serialize, ToSchema)]
pub struct LastCheck {
    /// What the provider said.
    pub result: CheckResult,
    /// When.
    pub at: DateTime<Utc>,
}

/// What a provider said of an account that it was asked about.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderCheckView {
    /// Always `provider_check`.
    #[schema(max_length = 20, example = "provider_check")]
    pub object: &'static str,
    /// In one word.
    pub result: CheckResult,
    /// What else it said: credit left, the sender's state, or why not.
    #[schema(max_length = 1000)]
    pub detail: Option<String>,
    /// When.
    pub checked_at: DateTime<Utc>,
}

/// A provider account just made.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderAccountCreated {
    /// The account.
    pub account: ProviderAccountView,
    /// What the provider said of it; absent when it was not asked.
    pub check: Option<ProviderCheckView>,
    /// What may stand in its way, and did not keep it from being made: the provider could not be reached.
    #[schema(max_length = 1000)]
    pub warning: Option<String>,
}

/// A provider account to make.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Our gateway", "settings": {"kind": "webhook", "url": "https://gateway.example.com/relance"},
    "credentials": {"kind": "webhook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, "priority": 10}))]
pub struct NewProviderAccount {
    /// How people call it.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Which provider, and its settings. Test mode takes the sandbox alone.
    pub settings: ProviderSettings,
    /// Its credentials, of the same kind; never shown again. A mail server without log-in, and the sandbox, have none.
    #[serde(default)]
    pub credentials: Option<Credentials>,
    /// What to use it for; without it, everything that it can carry, and letters only where it carries nothing else: they cost money, so whoever carries more is
    /// asked for them by name.
    #[serde(default)]
    #[schema(min_items = 1, max_items = 3)]
    pub channels: Option<BTreeSet<Channel>>,
    /// The lowest is tried first.
    #[serde(default = "usual_priority")]
    #[schema(minimum = 0, maximum = 1000, default = 100)]
    pub priority: i32,
    /// Its share of the messages among accounts of the same priority: 3 gets three times as many as 1.
    #[serde(default = "usual_weight")]
    #[schema(minimum = 1, maximum = 100, default = 1)]
    pub weight: i32,
    /// Calls a second that it bears. More wait for their turn.
    #[serde(default = "usual_rate")]
    #[schema(minimum = 1, maximum = 10_000, default = 100)]
    pub rate_per_second: i32,
    /// Calls under way at once that it bears.
    #[serde(default = "usual_concurrency")]
    #[schema(minimum = 1, maximum = 256, default = 32)]
    pub concurrency: i32,
    /// Whether the provider is asked first, where it can be, if the credentials are good.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub check: bool,
}

const fn usual_priority() -> i32 {
    100
}

const fn usual_weight() -> i32 {
    1
}

const fn usual_rate() -> i32 {
    100
}

const fn usual_concurrency() -> i32 {
    32
}

const fn yes() -> bool {
    true
}

/// What may change on a provider account; absent fields stay as they are.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"priority": 20}))]
pub struct ProviderAccountChange {
    /// How people call it.
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// Replaces the whole settings; the kind stays.
    pub settings: Option<ProviderSettings>,
    /// What to use it for.
    #[schema(min_items = 1, max_items = 3)]
    pub channels: Option<BTreeSet<Channel>>,
    /// The lowest is tried first.
    #[schema(minimum = 0, maximum = 1000)]
    pub priority: Option<i32>,
    /// Its share of the messages among accounts of the same priority.
    #[schema(minimum = 1, maximum = 100)]
    pub weight: Option<i32>,
    /// Calls a second that it bears.
    #[schema(minimum = 1, maximum = 10_000)]
    pub rate_per_second: Option<i32>,
    /// Calls under way at once that it bears.
    #[schema(minimum = 1, maximum = 256)]
    pub concurrency: Option<i32>,
}

/// Other credentials.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"credentials": {"kind": "webhook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}}))]
pub struct CredentialRotation {
    /// Of the account's kind. They replace the former ones at once.
    pub credentials: Credentials,
}
