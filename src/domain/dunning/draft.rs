//! What callers ask for when they write a policy, put it in force, or move accounts to it.

use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    builtin,
    policy::{Policy, Scope},
};
use crate::domain::invalid::Faults;

crate::words! {
    /// A policy that comes with the product.
    pub enum BuiltinPolicy {
        /// Between businesses: letters and calls in turn, a formal notice at 14 days. What every tenant starts with.
        Crescendo = "crescendo",
        /// For clients one wants to keep: few words, far apart, no formal notice. Taken by assignment.
        Gentle = "gentle",
        /// For private persons: keeps every protection of the law.
        ConsumerSafe = "consumer_safe",
    }
}

crate::words! {
    /// Where a policy stands.
    pub enum PolicyStatus {
        /// Never in force yet.
        Draft = "draft",
        /// In force: it is chosen by its scope, or by assignment.
        Active = "active",
        /// Out of use.
        Archived = "archived",
    }
}

impl BuiltinPolicy {
    /// Its document. The priorities are the lowest there are, so that whatever a tenant writes comes before; the crescendo's
    /// stands above the gentle one's, which fits the same customers and would otherwise be chosen by chance.
    pub fn document(self) -> Policy {
        let (policy, priority) = match self {
            Self::Crescendo => (builtin::crescendo(), -990),
            Self::Gentle => (builtin::gentle(), -1_000),
            Self::ConsumerSafe => (builtin::consumer_safe(), -990),
        };
        Policy { scope: Scope { priority, ..policy.scope }, ..policy }
    }
}

/// A policy to write: a document of one's own, or a copy of one of the product's.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"from_builtin": "gentle"}))]
pub struct NewPolicy {
    /// The whole policy. Either this or `from_builtin`.
    pub document: Option<Policy>,
    /// The policy to copy.
    pub from_builtin: Option<BuiltinPolicy>,
}

impl NewPolicy {
    /// The document asked for.
    ///
    /// # Errors
    /// When there are two, or none.
    pub fn into_document(self) -> Result<Policy, Faults> {
        match (self.document, self.from_builtin) {
            (Some(document), None) => Ok(document),
            (None, Some(builtin)) => Ok(builtin.document()),
            (None, None) => Err(Faults::one("/document", "required", "give a document, or name a policy to copy in from_builtin")),
            (Some(_), Some(_)) => Err(Faults::one("/from_builtin", "contradiction", "give a document or from_builtin, not both")),
        }
    }
}

/// A policy's next version.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"document": {"name": "Two letters", "steps": [
    {"key": "first_reminder", "offset_days": 3, "channel": "email", "template": "first_reminder"},
    {"key": "last_reminder", "offset_days": 12, "channel": "email", "template": "last_reminder"}]}}))]
pub struct PolicyDraft {
    /// The whole policy. A draft may still be faulty: activation checks it.
    pub document: Policy,
}

/// Which version to put in force.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"version": 2}))]
pub struct Activation {
    /// The version's number. A retired one may return.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub version: i32,
}

/// Whether to move the accounts, or only to say which would be moved.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"preview": true}))]
pub struct Migration {
    /// `true` changes nothing.
    pub preview: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        customer::CustomerKind,
        dunning::{
            policy::{ScopeFacts, choose},
            validate::validate,
        },
        money::Currency,
    };

    #[test]
    fn of_the_policies_that_ship_one_is_the_default_for_each_kind() {
        let documents: Vec<Policy> = BuiltinPolicy::ALL.iter().rev().map(|builtin| builtin.document()).collect();
        let france = "FR".parse().unwrap();
        let chosen = |kind| {
            let facts = ScopeFacts {
                kind,
                segment: None,
                jurisdiction: &france,
                language: None,
                score: None,
                profile: None,
                currency: Currency::EUR,
                total_minor: 1,
            };
            choose(documents.iter().map(|policy| ((), policy)), &facts).map(|(_, policy)| policy.name.clone())
        };
        assert_eq!(chosen(CustomerKind::Business), Some("Crescendo".to_owned()));
        assert_eq!(chosen(CustomerKind::PublicBody), Some("Crescendo".to_owned()));
        assert_eq!(chosen(CustomerKind::Consumer), Some("Consumers".to_owned()));
        assert!(documents.iter().all(|policy| validate(policy).is_ok()));
    }

    #[test]
    fn one_document_and_no_more() {
        let own = NewPolicy { document: Some(builtin::gentle()), from_builtin: None };
        assert!(own.clone().into_document().is_ok() && NewPolicy::default().into_document().is_err());
        assert!(NewPolicy { from_builtin: Some(BuiltinPolicy::Gentle), ..own }.into_document().is_err());
    }
}
