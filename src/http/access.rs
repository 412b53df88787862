//! `/v1/roles` and `/v1/me`: what roles hold, and what the caller may do.

use std::collections::BTreeSet;

use actix_web::get;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Call, auth::Identity, call::Answer};
use crate::domain::{
    access::{CallerKind, Role, Scope},
    ids::{Mode, TenantId},
};

/// A role.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoleView {
    /// Always `role`.
    #[schema(max_length = 20, example = "role")]
    pub object: &'static str,
    /// Its name.
    pub role: Role,
    /// What it is for.
    #[schema(max_length = 500)]
    pub description: &'static str,
    /// What it holds today.
    #[schema(max_items = 50)]
    pub scopes: BTreeSet<Scope>,
}

/// Every role.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoleList {
    /// From the one that holds everything on.
    #[schema(max_items = 20)]
    pub data: Vec<RoleView>,
}

/// The caller.
#[derive(Debug, Serialize, ToSchema)]
pub struct CallerView {
    /// Always `caller`.
    #[schema(max_length = 20, example = "caller")]
    pub object: &'static str,
    /// How evidence names it: a key's or a person's id.
    #[schema(max_length = 64, example = "usr_01jd3kq8e5fvv8m3s9tqz4x7ya")]
    pub actor: String,
    /// What kind of caller it is.
    pub kind: CallerKind,
    /// The tenant that is open to it; the platform's own partition has none.
    pub tenant_id: Option<TenantId>,
    /// In which mode.
    pub mode: Mode,
    /// What it may do.
    #[schema(max_items = 50)]
    pub scopes: BTreeSet<Scope>,
}

/// List the roles
///
/// Named sets of scopes, for API keys and for people. What the API learns later, their holders can do as well.
#[utoipa::path(operation_id = "listRoles", tag = "Access", responses((status = 200, description = "The roles", body = RoleList)), security(("api_key" = ["tenant:read"])))]
#[get("/v1/roles")]
pub async fn roles(call: Call) -> Answer {
    let view = |role: &Role| RoleView { object: "role", role: *role, description: role.meaning(), scopes: role.scopes() };
    call.ok(&RoleList { data: Role::ALL.iter().map(view).collect() })
}

/// Get the caller
///
/// Who you are here, and what you may do: what a front end shows or hides.
#[utoipa::path(operation_id = "getCaller", tag = "Access", responses((status = 200, description = "The caller", body = CallerView)), security(("api_key" = ["tenant:read"])))]
#[get("/v1/me")]
pub async fn me(call: Call) -> Answer {
    let caller = &call.caller;
    let kind = if matches!(caller.identity, Identity::Person(_)) { CallerKind::Person } else { CallerKind::ApiKey };
    let tenant_id = (!caller.tenant.is_platform()).then_some(caller.tenant);
    let (actor, scopes) = (caller.actor.clone(), caller.scopes.clone());
    call.ok(&CallerView { object: "caller", actor, kind, tenant_id, mode: caller.tenant.mode(), scopes })
}
