//! People whom somebody else names: OpenID Connect issuers that a tenant believes, and what their tokens may do here.
//!
//! Not here: fetching an issuer's keys. Invariant: a token's rights come from the tenant's own table alone; no claim is a right by itself.

mod jwk;
mod jwt;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

pub use jwk::KeySet;
pub use jwt::{Claimed, Expected, Proven, WrongToken, algorithm_of};

use super::{
    access::{Role, Scope, check_given},
    change::Change,
    invalid::Faults,
};

crate::words! {
    /// How tokens are signed. Shared secrets and unsigned tokens are no way: whoever can check such a token can make it.
    pub enum TokenAlgorithm {
        /// RSA, PKCS#1 v1.5, with SHA-256.
        Rs256 = "RS256",
        /// RSA, PSS, with SHA-256.
        Ps256 = "PS256",
        /// ECDSA on P-256 with SHA-256.
        Es256 = "ES256",
        /// Ed25519.
        EdDsa = "EdDSA",
    }
}

/// A value of a claim, and the role that it gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleOf {
    /// The value, exactly as the issuer writes it: a group, a role.
    #[schema(min_length = 1, max_length = 200)]
    pub value: String,
    /// The role.
    pub role: Role,
}

/// The claim that says which roles somebody has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleClaim {
    /// The claim's name, or a JSON Pointer when it lies deeper: `/realm_access/roles`. It holds a text or a list of texts.
    #[schema(min_length = 1, max_length = 200)]
    pub claim: String,
    /// What its values mean; others mean nothing.
    #[schema(min_items = 1, max_items = 100)]
    pub values: Vec<RoleOf>,
}

/// The claim that names scopes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScopeClaim {
    /// The claim's name, or a JSON Pointer when it lies deeper. It holds words separated by spaces, or a list of texts.
    #[schema(min_length = 1, max_length = 200)]
    pub claim: String,
    /// Which scopes it can give; others that it names mean nothing.
    #[schema(min_items = 1, max_items = 50)]
    pub allowed: BTreeSet<Scope>,
}

/// An issuer to believe.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Company login", "issuer": "https://login.example.com/realms/atelier", "audience": "relance", "algorithms": ["RS256"],
    "roles": {"claim": "/realm_access/roles", "values": [{"value": "dunning-lead", "role": "manager"}, {"value": "dunning", "role": "agent"}]}}))]
pub struct NewIdentityProvider {
    /// What to call it.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// The issuer, exactly as its tokens and its discovery document write it. Its keys are found from there (OpenID Connect Discovery).
    #[schema(min_length = 8, max_length = 500, pattern = "^https?://[^?#]+$")]
    pub issuer: String,
    /// What `aud` must hold: the name under which the issuer knows this API.
    #[schema(min_length = 1, max_length = 300)]
    pub audience: String,
    /// How its tokens may be signed. Name those that it uses, and no more.
    #[schema(min_items = 1, max_items = 4)]
    pub algorithms: BTreeSet<TokenAlgorithm>,
    /// Where a person's roles are read.
    #[serde(default)]
    pub roles: Option<RoleClaim>,
    /// Where a person's scopes are read; they add to those of the roles.
    #[serde(default)]
    pub scopes: Option<ScopeClaim>,
}

/// What to change about an identity provider; absent fields stay. Another issuer is another provider.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"algorithms": ["ES256"]}))]
pub struct IdentityProviderChange {
    /// What to call it.
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// How its tokens may be signed.
    #[schema(min_items = 1, max_items = 4)]
    pub algorithms: Option<BTreeSet<TokenAlgorithm>>,
    /// Where a person's roles are read; `null`: nowhere.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<RoleClaim>)]
    pub roles: Change<RoleClaim>,
    /// Where a person's scopes are read; `null`: nowhere.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<ScopeClaim>)]
    pub scopes: Change<ScopeClaim>,
}

/// What an issuer's tokens may do here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// Where roles are read.
    pub roles: Option<RoleClaim>,
    /// Where scopes are read.
    pub scopes: Option<ScopeClaim>,
}

impl Rights {
    /// Checks that a holder of `own` scopes may have an issuer give these rights, and that it gives any.
    pub fn check(&self, own: &BTreeSet<Scope>) -> Faults {
        let mut faults = Faults::none();
        if self.roles.is_none() && self.scopes.is_none() {
            faults.add("/roles", "required", "say in which claim roles or scopes are found, or nobody may do anything");
        }
        for (index, one) in self.roles.iter().flat_map(|roles| &roles.values).enumerate() {
            faults.nest("", check_given(&one.role.scopes(), own, &format!("/roles/values/{index}/role")));
        }
        if let Some(scopes) = &self.scopes {
            faults.nest("", check_given(&scopes.allowed, own, "/scopes/allowed"));
        }
        for (pointer, claim) in
            [("/roles/claim", self.roles.as_ref().map(|one| &one.claim)), ("/scopes/claim", self.scopes.as_ref().map(|one| &one.claim))]
        {
            if claim.is_some_and(|claim| claim.trim_matches('/').is_empty()) {
                faults.add(pointer, "wrong_format", "name a claim");
            }
        }
        faults
    }

    /// What the bearer of these claims may do.
    pub fn of(&self, claims: &Value) -> BTreeSet<Scope> {
        let mut held = BTreeSet::new();
        if let Some(roles) = &self.roles {
            let named = texts(claims, &roles.claim);
            held.extend(roles.values.iter().filter(|one| named.contains(&one.value.as_str())).flat_map(|one| one.role.scopes()));
        }
        if let Some(scopes) = &self.scopes {
            let words = texts(claims, &scopes.claim).into_iter().flat_map(str::split_whitespace);
            let named: BTreeSet<Scope> = words.filter_map(|word| word.parse().ok()).collect();
            held.extend(&named & &scopes.allowed);
        }
        held
    }
}

/// The text or the texts of a claim; of anything else, none.
fn texts<'a>(claims: &'a Value, claim: &str) -> Vec<&'a str> {
    let found = if claim.starts_with('/') { claims.pointer(claim) } else { claims.get(claim) };
    match found {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rights() -> Rights {
        let values = vec![RoleOf { value: "lead".to_owned(), role: Role::Manager }, RoleOf { value: "desk".to_owned(), role: Role::Agent }];
        Rights {
            roles: Some(RoleClaim { claim: "/realm_access/roles".to_owned(), values }),
            scopes: Some(ScopeClaim { claim: "scope".to_owned(), allowed: [Scope::EvidenceRead].into() }),
        }
    }

    #[test]
    fn roles_and_scopes_add_up() {
        let claims = json!({"realm_access": {"roles": ["desk", "unheard of"]}, "scope": "openid evidence:read keys:write"});
        let held = rights().of(&claims);
        assert!(Role::Agent.scopes().is_subset(&held) && held.contains(&Scope::EvidenceRead));
        assert!(!held.contains(&Scope::KeysWrite) && !held.contains(&Scope::PoliciesWrite));
    }

    #[test]
    fn what_is_not_mapped_gives_nothing() {
        for claims in [
            json!({}),
            json!({"realm_access": "lead"}),
            json!({"realm_access": {"roles": "Lead"}}),
            json!({"realm_access": {"roles": ["owner", 1, null]}}),
            json!({"roles": ["lead"], "scope": ["keys:write"]}),
            json!({"scope": 7}),
        ] {
            assert_eq!(rights().of(&claims), BTreeSet::new(), "{claims}");
        }
    }

    #[test]
    fn a_claim_may_bear_any_name() {
        let claim = "https://relance.example/roles".to_owned();
        let values = vec![RoleOf { value: "a".to_owned(), role: Role::Viewer }];
        let rights = Rights { roles: Some(RoleClaim { claim, values }), scopes: None };
        assert_eq!(rights.of(&json!({"https://relance.example/roles": "a"})), Role::Viewer.scopes());
    }

    #[test]
    fn nobody_has_an_issuer_give_more_than_he_has() {
        let own = Role::Agent.scopes();
        let pointers: BTreeSet<String> = rights().check(&own).0.into_iter().map(|fault| fault.pointer).collect();
        assert_eq!(pointers, ["/roles/values/0/role".to_owned(), "/scopes/allowed".to_owned()].into());
        assert_eq!(rights().check(&Role::Owner.scopes()), Faults::none());
        assert!(!Rights { roles: None, scopes: None }.check(&own).0.is_empty());
    }
}
