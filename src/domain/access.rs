//! Who may do what, and how often: scopes, the roles that name sets of them, the keys that hold them, and what is counted of their requests.
//!
//! Invariant: nobody gives away a right that he does not hold.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{invalid::Faults, network::Network};

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
        /// Read identity providers and the people that they named.
        IdentityRead = "identity:read",
        /// Write identity providers; block and forget people.
        IdentityWrite = "identity:write",
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
        /// Read what one debtor owes, and how to pay it. Publishable keys only.
        DebtorRead = "debtor:read",
    }
}

crate::words! {
    /// What is counted.
    pub enum RatePolicy {
        /// The requests of one key, and of the tokens that stand for it.
        Key = "key",
        /// The requests of all keys of the tenant in this mode.
        Tenant = "tenant",
        /// Exports of the tenant in this mode; they count for the others, too.
        Exports = "exports",
    }
}

impl Scope {
    /// Whether only the platform's keys can hold it.
    pub const fn is_platform(self) -> bool {
        matches!(self, Self::TenantsManage)
    }

    /// Whether only publishable keys can hold it.
    pub const fn is_publishable(self) -> bool {
        matches!(self, Self::DebtorRead)
    }

    /// Every scope a tenant's key can hold.
    pub fn of_tenants() -> BTreeSet<Self> {
        Self::ALL.iter().copied().filter(|scope| !scope.is_platform() && !scope.is_publishable()).collect()
    }

    /// Every scope of the platform's own keys: tenants, and the platform's keys and journal.
    pub fn of_platform() -> BTreeSet<Self> {
        [Self::TenantsManage, Self::KeysRead, Self::KeysWrite, Self::EvidenceRead, Self::EvidenceErase].into()
    }
}

crate::words! {
    /// A named set of scopes. It stands for what it holds today: whatever the API learns later, holders of the role can do as well.
    pub enum Role {
        /// Everything that a tenant's key can hold.
        Owner = "owner",
        /// Runs the dunning: policies, templates, terms, credit limits, and all that an agent does. Not the tenant's settings, keys, people, provider accounts, webhook
        /// endpoints, nor erasure.
        Manager = "manager",
        /// Works with debtors day by day: customers, invoices, payments, promises, disputes, reminders and tasks. Reads how it is set up.
        Agent = "agent",
        /// Reads everything, and changes nothing.
        Viewer = "viewer",
    }
}

impl Role {
    /// What it holds.
    pub fn scopes(self) -> BTreeSet<Scope> {
        Scope::of_tenants().into_iter().filter(|scope| self.holds(*scope)).collect()
    }

    /// The one table of roles, for scopes that tenants can hold. A new scope has to be put in a row.
    fn holds(self, scope: Scope) -> bool {
        use Scope as S;
        match scope {
            S::TenantsManage | S::DebtorRead => false,
            // How the house is run.
            S::TenantWrite | S::KeysWrite | S::IdentityWrite | S::ProvidersWrite | S::EventsWrite | S::EvidenceErase => self == Self::Owner,
            // How debtors are dunned.
            S::CreditOverride | S::TermsWrite | S::PoliciesWrite | S::TemplatesWrite => matches!(self, Self::Owner | Self::Manager),
            // The daily work.
            S::CustomersWrite
            | S::CreditWrite
            | S::InvoicesWrite
            | S::PaymentsWrite
            | S::RemindersWrite
            | S::SuppressionsWrite
            | S::ImportsWrite => self != Self::Viewer,
            // What shows who did what.
            S::KeysRead | S::IdentityRead | S::EvidenceRead | S::EventsRead => self != Self::Agent,
            S::TenantRead
            | S::CustomersRead
            | S::CreditRead
            | S::InvoicesRead
            | S::PaymentsRead
            | S::TermsRead
            | S::PoliciesRead
            | S::TemplatesRead
            | S::RemindersRead
            | S::ProvidersRead
            | S::SuppressionsRead
            | S::ImportsRead => true,
        }
    }
}

crate::words! {
    /// What kind of credential a caller came with.
    pub enum CallerKind {
        /// An API key, or a token that stands for it.
        ApiKey = "api_key",
        /// A token of one of the tenant's identity providers.
        Person = "person",
    }
}

crate::words! {
    /// What a key opens.
    pub enum KeyKind {
        /// The API.
        ApiKey = "api_key",
        /// One debtor's page.
        PublishableKey = "publishable_key",
    }
}

/// What is missing for a holder of `own` scopes to give away `given`.
pub fn check_given(given: &BTreeSet<Scope>, own: &BTreeSet<Scope>, pointer: &str) -> Faults {
    let mut faults = Faults::none();
    for scope in given.difference(own) {
        faults.add(pointer, "scope_not_held", format!("you do not hold {scope} yourself, so you cannot give it away"));
    }
    faults
}

/// A key to make.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "accounting export", "scopes": ["invoices:write", "payments:write"], "expires_at": "2027-12-31T00:00:00Z"}))]
pub struct NewKey {
    /// What it is for.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// What it may do; at most what whoever makes it may. Either this or a role.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub scopes: BTreeSet<Scope>,
    /// A role that says what it may do: today's scopes, and those that the role is given later.
    #[serde(default)]
    pub role: Option<Role>,
    /// From which networks it works; none: from everywhere.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub networks: BTreeSet<Network>,
    /// When it stops working.
    #[serde(default)]
    pub expires_at: Option<DateTime<Utc>>,
}

impl NewKey {
    /// A key that a role describes.
    pub fn in_role(name: &str, role: Role) -> Self {
        Self { name: name.to_owned(), role: Some(role), ..Self::default() }
    }

    /// A key with these scopes.
    pub fn with_scopes(name: &str, scopes: BTreeSet<Scope>) -> Self {
        Self { name: name.to_owned(), scopes, ..Self::default() }
    }
}

/// Checks that a key may be made by a holder of `own` scopes, for the platform or for a tenant.
pub fn check(new: &NewKey, own: &BTreeSet<Scope>, now: DateTime<Utc>) -> Faults {
    let mut faults = match new.role {
        Some(_) if !new.scopes.is_empty() => Faults::one("/scopes", "one_of", "give a role or scopes, not both"),
        Some(role) => check_given(&role.scopes(), own, "/role"),
        None if new.scopes.is_empty() => Faults::one("/scopes", "required", "give scopes, or a role"),
        None => check_given(&new.scopes, own, "/scopes"),
    };
    check_expiry(new.expires_at, now, &mut faults);
    faults
}

fn check_expiry(expires_at: Option<DateTime<Utc>>, now: DateTime<Utc>, faults: &mut Faults) {
    if expires_at.is_some_and(|at| at <= now) {
        faults.add("/expires_at", "in_the_past", "must be in the future");
    }
}

/// The longest that a publishable key works.
const LONGEST_PUBLISHED: TimeDelta = TimeDelta::days(400);
/// How long one works unless told otherwise.
const USUALLY_PUBLISHED: TimeDelta = TimeDelta::days(30);

/// A publishable key to make.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"expires_at": null}))]
pub struct NewPublishableKey {
    /// When it stops working: 30 days from now unless told otherwise, 400 at most.
    pub expires_at: Option<DateTime<Utc>>,
}

impl NewPublishableKey {
    /// When it stops working.
    ///
    /// # Errors
    /// A moment that is past or too far away.
    pub fn end(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>, Faults> {
        let mut faults = Faults::none();
        check_expiry(self.expires_at, now, &mut faults);
        if self.expires_at.is_some_and(|at| at - now > LONGEST_PUBLISHED) {
            faults.add("/expires_at", "out_of_range", "must be within 400 days: whoever has a page open then is given another key");
        }
        faults.or(self.expires_at.unwrap_or(now + USUALLY_PUBLISHED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(faults: &Faults) -> Vec<(&str, &str)> {
        faults.0.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect()
    }

    #[test]
    fn each_role_holds_less_than_the_one_before() {
        let [owner, manager, agent, viewer] = [Role::Owner, Role::Manager, Role::Agent, Role::Viewer].map(Role::scopes);
        assert_eq!(owner, Scope::of_tenants());
        assert!(manager.is_subset(&owner) && agent.is_subset(&manager) && viewer.is_subset(&owner));
        assert!(!manager.contains(&Scope::KeysWrite) && manager.contains(&Scope::PoliciesWrite));
        assert!(!agent.contains(&Scope::PoliciesWrite) && agent.contains(&Scope::PaymentsWrite));
        let read: BTreeSet<Scope> = owner.iter().copied().filter(|scope| scope.as_str().ends_with(":read")).collect();
        assert_eq!(viewer, read);
    }

    #[test]
    fn nobody_holds_what_belongs_to_others() {
        for role in Role::ALL {
            let scopes = role.scopes();
            assert!(!scopes.contains(&Scope::TenantsManage) && !scopes.contains(&Scope::DebtorRead), "{role}");
        }
    }

    #[test]
    fn a_key_has_scopes_or_a_role() {
        let own = Role::Manager.scopes();
        let of = |role: Option<Role>, scopes: &[Scope]| {
            check(&NewKey { role, scopes: scopes.iter().copied().collect(), ..NewKey::default() }, &own, DateTime::UNIX_EPOCH)
        };
        assert_eq!(of(Some(Role::Agent), &[]), Faults::none());
        assert_eq!(of(None, &[Scope::InvoicesRead]), Faults::none());
        assert_eq!(codes(&of(None, &[])), [("/scopes", "required")]);
        assert_eq!(codes(&of(Some(Role::Agent), &[Scope::InvoicesRead])), [("/scopes", "one_of")]);
        assert_eq!(codes(&of(None, &[Scope::KeysWrite, Scope::DebtorRead])), [("/scopes", "scope_not_held"); 2]);
        assert!(of(Some(Role::Owner), &[]).0.iter().all(|fault| fault.pointer == "/role" && fault.code == "scope_not_held"));
    }

    #[test]
    fn a_publishable_key_ends() {
        let now = DateTime::UNIX_EPOCH;
        let until = |days| NewPublishableKey { expires_at: Some(now + TimeDelta::days(days)) }.end(now);
        assert_eq!(NewPublishableKey::default().end(now), Ok(now + TimeDelta::days(30)));
        assert_eq!(until(400), Ok(now + TimeDelta::days(400)));
        assert!(until(401).is_err() && until(0).is_err());
    }
}
