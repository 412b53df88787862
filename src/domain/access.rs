//! Who may do what: scopes, and the keys that hold them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::invalid::Faults;

crate::words! {
    /// A right that a key may hold. An operation names the one it needs.
    pub enum Scope {
        /// Create, read and change tenants. Platform keys only.
        TenantsManage = "tenants:manage",
        /// Read the own tenant.
        TenantRead = "tenant:read",
        /// Change the own tenant, move a test clock.
        TenantWrite = "tenant:write",
        /// List keys.
        KeysRead = "keys:read",
        /// Make, rotate and revoke keys.
        KeysWrite = "keys:write",
        /// Read customers and their contacts.
        CustomersRead = "customers:read",
        /// Write customers and their contacts.
        CustomersWrite = "customers:write",
        /// Read scores, limits, guarantees and credit decisions.
        CreditRead = "credit:read",
        /// Ask for credit decisions and solvency checks, record guarantees, keep the watch list.
        CreditWrite = "credit:write",
        /// Set limits, and decide against the rules: override scores and credit decisions.
        CreditOverride = "credit:override",
        /// Read invoices and their documents.
        InvoicesRead = "invoices:read",
        /// Write invoices and their documents.
        InvoicesWrite = "invoices:write",
        /// Read imports and what became of their rows.
        ImportsRead = "imports:read",
        /// Import files: that writes customers, invoices and payments.
        ImportsWrite = "imports:write",
        /// Read payments, credit notes and allocations.
        PaymentsRead = "payments:read",
        /// Record payments and credit notes, allocate them.
        PaymentsWrite = "payments:write",
        /// Read payment terms and try them.
        TermsRead = "terms:read",
        /// Write payment terms.
        TermsWrite = "terms:write",
        /// Read policies.
        PoliciesRead = "policies:read",
        /// Write and activate policies.
        PoliciesWrite = "policies:write",
        /// Read templates and preview them.
        TemplatesRead = "templates:read",
        /// Write and activate templates.
        TemplatesWrite = "templates:write",
        /// Read reminders, messages, tasks and explanations.
        RemindersRead = "reminders:read",
        /// Approve, cancel and retry reminders; complete tasks.
        RemindersWrite = "reminders:write",
        /// Read provider accounts (never their credentials).
        ProvidersRead = "providers:read",
        /// Write provider accounts.
        ProvidersWrite = "providers:write",
        /// Read suppressed addresses.
        SuppressionsRead = "suppressions:read",
        /// Suppress addresses and lift suppressions.
        SuppressionsWrite = "suppressions:write",
        /// Read the evidence, its proofs and its export.
        EvidenceRead = "evidence:read",
        /// Read the feed of events, webhook endpoints and what they were told.
        EventsRead = "events:read",
        /// Make, change and test webhook endpoints, tell them again.
        EventsWrite = "events:write",
        /// Destroy what opens personal data in the evidence.
        EvidenceErase = "evidence:erase",
    }
}

impl Scope {
    /// Whether only the platform's keys can hold it.
    pub const fn is_platform(self) -> bool {
        matches!(self, Self::TenantsManage)
    }

    /// Every scope a tenant's key can hold.
    pub fn of_tenants() -> BTreeSet<Self> {
        Self::ALL.iter().copied().filter(|scope| !scope.is_platform()).collect()
    }

    /// Every scope of the platform's own keys: tenants, and the platform's keys and journal.
    pub fn of_platform() -> BTreeSet<Self> {
        [Self::TenantsManage, Self::KeysRead, Self::KeysWrite, Self::EvidenceRead, Self::EvidenceErase].into()
    }
}

/// A key to make.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "accounting export", "scopes": ["invoices:write", "payments:write"], "expires_at": "2027-12-31T00:00:00Z"}))]
pub struct NewKey {
    /// What it is for.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// What it may do; at most what the key that makes it may.
    #[schema(min_items = 1, max_items = 50)]
    pub scopes: BTreeSet<Scope>,
    /// When it stops working.
    #[serde(default)]
    pub expires_at: Option<DateTime<Utc>>,
}

/// Checks that a key may be made by a holder of `own` scopes, for the platform or for a tenant.
pub fn check(new: &NewKey, own: &BTreeSet<Scope>, now: DateTime<Utc>) -> Faults {
    let mut faults = Faults::none();
    for scope in new.scopes.difference(own) {
        faults.add("/scopes", "scope_not_held", format!("your own key does not hold {scope}, so it cannot give it away"));
    }
    if new.expires_at.is_some_and(|at| at <= now) {
        faults.add("/expires_at", "in_the_past", "must be in the future");
    }
    faults
}
