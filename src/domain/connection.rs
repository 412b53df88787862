//! Connections to accounting software: which system, under which name its things are known here, and what is needed to believe and to ask it.
//!
//! Not here: what any system's words mean. Invariant: secrets appear in no `Debug`.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{customer::CustomerKind, invalid::Faults, money::Currency};

crate::words! {
    /// Accounting software that invoices come from.
    pub enum System {
        /// Odoo, by an automation rule that posts what it is told to. It signs nothing: the address is the secret.
        Odoo = "odoo",
        /// Pennylane, which is asked what changed.
        Pennylane = "pennylane",
        /// QuickBooks Online, by signed webhook; what changed is asked for.
        Quickbooks = "quickbooks",
        /// Sage Accounting, which is asked what changed.
        SageAccounting = "sage_accounting",
        /// Sage Intacct, which is asked what changed, and may tell it earlier by a trigger. It signs nothing that we could check: the address is the secret.
        SageIntacct = "sage_intacct",
        /// Stripe Invoicing, by signed webhook; whole invoices arrive.
        Stripe = "stripe",
        /// Xero, by signed webhook; what changed is asked for.
        Xero = "xero",
    }
}

crate::words! {
    /// Whether a connection is used.
    pub enum ConnectionState {
        /// What arrives is applied.
        Active = "active",
        /// Nothing is taken and nobody is asked.
        Disabled = "disabled",
    }
}

crate::words! {
    /// What became of something that a connection was told.
    pub enum NoticeStatus {
        /// Kept; it will be applied, or tried again.
        Received = "received",
        /// The ledger says the same now.
        Applied = "applied",
        /// It means nothing to the ledger; `reason` says why.
        Ignored = "ignored",
        /// It could not be applied; `reason` says why. Replay it once that is repaired.
        Failed = "failed",
    }
}

/// What a connection needs beside its secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"currency": "EUR"}))]
pub struct ConnectionSettings {
    /// The company there: QuickBooks' realm id, Xero's tenant id, and so on; needed where one login has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 100)]
    pub account: Option<String>,
    /// The currency of what arrives without one: of a company that keeps its books in one only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Which law protects new customers of it; `business` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_kind: Option<CustomerKind>,
    /// Where its API is, when not at its maker's usual address: a sandbox, or a server of your own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 8, max_length = 500, pattern = "^https?://[^ ?#]+$")]
    pub base_url: Option<String>,
}

/// A connection's secrets, sealed at rest and never shown. Which of them a system needs is said when they are missing.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"signing_secrets": ["whsec_example"]}))]
pub struct ConnectionCredentials {
    /// What signatures are checked with; two while one takes the place of the other.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(schema_with = secrets)]
    pub signing_secrets: Vec<String>,
    /// Your application's id there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 300)]
    pub client_id: Option<String>,
    /// Your application's secret there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 500)]
    pub client_secret: Option<String>,
    /// The token that its API is called with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 8000)]
    pub access_token: Option<String>,
    /// The token that a new access token is had for. Where each one serves once, the next is kept here.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 8000)]
    pub refresh_token: Option<String>,
    /// When the access token ends, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

impl fmt::Debug for ConnectionCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectionCredentials(…)")
    }
}

/// The schema of a list of signing secrets.
fn secrets() -> utoipa::openapi::schema::Array {
    use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
    let secret = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(500));
    let about = "What signatures are checked with; two while one takes the place of the other.";
    ArrayBuilder::new().description(Some(about)).items(secret).max_items(Some(2)).build()
}

/// A connection to make.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"system": "stripe", "source": "stripe", "name": "Stripe, France", "credentials": {"signing_secrets": ["whsec_example"]}}))]
pub struct NewConnection {
    /// Which software.
    pub system: System,
    /// The name that its invoices and customers go by here: their `source`. Two connections of one source would contradict each other.
    #[schema(min_length = 1, max_length = 50, pattern = "^[A-Za-z0-9_.-]+$")]
    pub source: String,
    /// How people call it.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// What it needs beside its secrets.
    #[serde(default)]
    pub settings: ConnectionSettings,
    /// Its secrets. Never shown again.
    #[serde(default)]
    pub credentials: ConnectionCredentials,
}

/// What may change of a connection; absent fields stay as they are. Its system and its source stay: make another one.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"name": "Stripe, all countries"}))]
pub struct ConnectionChange {
    /// How people call it.
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// What it needs beside its secrets; replaces them all.
    pub settings: Option<ConnectionSettings>,
    /// Its secrets; replaces them all.
    pub credentials: Option<ConnectionCredentials>,
    /// Whether it is used.
    pub state: Option<ConnectionState>,
}

impl ConnectionCredentials {
    /// A secret that a system cannot do without.
    ///
    /// # Errors
    /// `required`, with `pointer` below `/credentials`.
    pub fn required<'a>(secret: Option<&'a String>, pointer: &str, what: &str) -> Result<&'a str, Faults> {
        secret
            .map(String::as_str)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| Faults::one(format!("/credentials/{pointer}"), "required", format!("this system needs {what}")))
    }

    /// Whether the access token ends within a minute of `now`, or is missing.
    pub fn is_stale(&self, now: DateTime<Utc>) -> bool {
        self.access_token.is_none() || self.expires_at.is_some_and(|end| end - now < chrono::TimeDelta::minutes(1))
    }
}
