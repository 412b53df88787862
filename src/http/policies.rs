//! `/v1/policies`: dunning scenarios. A version is added and never edited; accounts stay on theirs until they are moved.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{get, http::StatusCode, post, put};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Call,
    call::Answer,
    page::{Page, PageQuery},
    subject::Look,
};
use crate::{
    actions::{self, policies::Migrated},
    domain::{
        dunning::{
            draft::{Activation, BuiltinPolicy, Migration, NewPolicy, PolicyDraft, PolicyStatus},
            policy::Policy as Document,
        },
        ids::{CustomerId, PolicyId, TenantId},
        money::Currency,
        version::VersionState,
    },
    error::Result,
    store::{
        self, Conn,
        policies::{Policy, PolicyVersion},
    },
};

/// A policy.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyView {
    /// Always `policy`.
    #[schema(max_length = 20, example = "policy")]
    pub object: &'static str,
    /// The policy's id.
    pub id: PolicyId,
    /// How people call it.
    #[schema(max_length = 120)]
    pub name: String,
    /// Which of the product's policies it is; none for the tenant's own.
    pub builtin: Option<BuiltinPolicy>,
    /// Where it stands.
    pub status: PolicyStatus,
    /// Of several policies that fit a customer, the one with the highest priority is chosen.
    #[schema(minimum = -1000, maximum = 1000)]
    pub priority: i32,
    /// The version in force.
    pub active: Option<PolicyVersionView>,
    /// The version that waits to be activated.
    pub draft: Option<PolicyVersionView>,
    /// Counts the changes.
    #[schema(minimum = 1)]
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A version of a policy.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyVersionView {
    /// Its number.
    #[schema(minimum = 1)]
    pub version: i32,
    /// Where it stands.
    pub state: VersionState,
    /// What it says.
    pub document: Document,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it was last put in force.
    pub activated_at: Option<DateTime<Utc>>,
}

impl From<PolicyVersion> for PolicyVersionView {
    fn from(row: PolicyVersion) -> Self {
        Self {
            version: row.version,
            state: row.state,
            document: row.document.0,
            created_at: row.created_at.0,
            activated_at: row.activated_at.map(|at| at.0),
        }
    }
}

/// What moving accounts to the version in force means, or meant.
#[derive(Debug, Serialize, ToSchema)]
pub struct MigrationView {
    /// Always `policy_migration`.
    #[schema(max_length = 20, example = "policy_migration")]
    pub object: &'static str,
    /// Whether nothing was changed.
    pub preview: bool,
    /// The version in force, to which accounts move.
    #[schema(minimum = 1)]
    pub to_version: i32,
    /// How many accounts move.
    #[schema(minimum = 0)]
    pub accounts: i64,
    /// The same, by the version that they stand on.
    #[schema(max_items = 1000)]
    pub effects: Vec<MigrationEffect>,
    /// The first hundred of the accounts.
    #[schema(max_items = 100)]
    pub sample: Vec<MovedAccount>,
}

/// What moving the accounts of one version means.
#[derive(Debug, Serialize, ToSchema)]
pub struct MigrationEffect {
    /// The version that they stand on.
    #[schema(minimum = 1)]
    pub from_version: i32,
    /// How many there are.
    #[schema(minimum = 0)]
    pub accounts: i64,
    /// Keys of the steps that are new to them.
    #[schema(max_items = 50)]
    pub added_steps: BTreeSet<StepKey>,
    /// Keys of the steps that they will not meet again.
    #[schema(max_items = 50)]
    pub removed_steps: BTreeSet<StepKey>,
}

/// The key of a policy's step.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(max_length = 40, example = "first_reminder")]
pub struct StepKey(String);

/// An account that moves.
#[derive(Debug, Serialize, ToSchema)]
pub struct MovedAccount {
    /// Who owes.
    pub customer_id: CustomerId,
    /// In which currency.
    pub currency: Currency,
    /// The version that it stands on.
    #[schema(minimum = 1)]
    pub from_version: i32,
}

impl MigrationView {
    fn new(preview: bool, migrated: Migrated) -> Self {
        let effects: Vec<MigrationEffect> = migrated
            .effects
            .into_iter()
            .map(|effect| MigrationEffect {
                from_version: effect.from_version,
                accounts: effect.accounts,
                added_steps: effect.added_steps.into_iter().map(StepKey).collect(),
                removed_steps: effect.removed_steps.into_iter().map(StepKey).collect(),
            })
            .collect();
        let moved = |standing: store::policies::Standing| MovedAccount {
            customer_id: standing.customer_id,
            currency: standing.currency,
            from_version: standing.version,
        };
        Self {
            object: "policy_migration",
            preview,
            to_version: migrated.to_version,
            accounts: effects.iter().map(|effect| effect.accounts).sum(),
            effects,
            sample: migrated.sample.into_iter().map(moved).collect(),
        }
    }
}

/// Policies with the versions that wait or are in force, in the order given.
fn views(conn: &mut Conn, tenant: TenantId, rows: Vec<Policy>) -> Result<Vec<PolicyView>> {
    let ids: Vec<PolicyId> = rows.iter().map(|row| row.id).collect();
    let mut versions: BTreeMap<(PolicyId, VersionState), PolicyVersion> =
        store::policies::current(conn, tenant, &ids)?.into_iter().map(|version| ((version.policy_id, version.state), version)).collect();
    let mut one = |row: Policy| {
        let active = versions.remove(&(row.id, VersionState::Active)).map(PolicyVersionView::from);
        let draft = versions.remove(&(row.id, VersionState::Draft)).map(PolicyVersionView::from);
        let status = match (&active, &draft) {
            (Some(_), _) => PolicyStatus::Active,
            (None, Some(_)) => PolicyStatus::Draft,
            (None, None) => PolicyStatus::Archived,
        };
        PolicyView {
            object: "policy",
            id: row.id,
            name: row.name,
            builtin: row.builtin.and_then(|builtin| builtin.parse().ok()),
            status,
            priority: row.priority,
            active,
            draft,
            version: row.version,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        }
    };
    Ok(rows.into_iter().map(&mut one).collect())
}

fn view(conn: &mut Conn, tenant: TenantId, row: Policy) -> Result<PolicyView> {
    views(conn, tenant, vec![row])?.pop().ok_or(crate::error::Error::NotFound("policy"))
}

/// List policies
///
/// Oldest first; the product's come first.
#[utoipa::path(operation_id = "listPolicies", tag = "Policies", params(PageQuery), responses((status = 200, description = "A page", body = Page<PolicyView>)), security(("api_key" = ["policies:read"])))]
#[get("/v1/policies")]
pub async fn list(call: Call) -> Answer {
    let window = call.window()?;
    let rows = call
        .read(move |conn, tenant| {
            let rows = store::policies::list(conn, tenant, window.after(), window.fetch())?;
            views(conn, tenant, rows)
        })
        .await?;
    call.page(window, rows, |row| row.id.uuid(), |view| view).await
}

/// Get a policy
///
/// With the version in force, and the one that waits.
#[utoipa::path(operation_id = "getPolicy", tag = "Policies", params(("policy_id" = PolicyId, Path, description = "The policy")), responses((status = 200, description = "The policy", body = PolicyView)), security(("api_key" = ["policies:read"])))]
#[get("/v1/policies/{policy_id}")]
pub async fn find(call: Call) -> Answer {
    call.show(current).await
}

/// Those of the ids that are there.
///
/// # Errors
/// The store's.
pub fn of_ids(conn: &mut Conn, tenant: TenantId, ids: &[PolicyId]) -> Result<Vec<PolicyView>> {
    let rows = store::policies::of_ids(conn, tenant, ids)?;
    views(conn, tenant, rows)
}

/// As it is shown.
///
/// # Errors
/// When it is not there.
pub fn current(look: &mut Look<'_>) -> Result<PolicyView> {
    let id = look.id("policy_id")?;
    let row = store::policies::find(look.conn, look.tenant, id)?;
    view(look.conn, look.tenant, row)
}

/// Create a policy
///
/// From a document, or as a copy of one of the product's. It waits as a draft.
#[utoipa::path(operation_id = "createPolicy", tag = "Policies", request_body = NewPolicy, responses((status = 201, description = "Written", body = PolicyView)), security(("api_key" = ["policies:write"])))]
#[post("/v1/policies")]
pub async fn create(call: Call<NewPolicy>) -> Answer {
    let document = call.body.clone().into_document()?;
    call.act(StatusCode::CREATED, move |act| {
        let row = actions::policies::create(act, &document)?;
        view(act.conn, act.tenant, row)
    })
    .await
}

/// Write the next version of a policy
///
/// It waits as a draft; a former draft is retired. Nothing changes for any account.
#[utoipa::path(operation_id = "putPolicyDraft", tag = "Policies", params(("policy_id" = PolicyId, Path, description = "The policy")), request_body = PolicyDraft, responses((status = 200, description = "Written", body = PolicyView)), security(("api_key" = ["policies:write"])))]
#[put("/v1/policies/{policy_id}/draft")]
pub async fn redraft(call: Call<PolicyDraft>) -> Answer {
    let id = call.id("policy_id")?;
    let draft = call.body.clone();
    call.act(StatusCode::OK, move |act| {
        let row = actions::policies::redraft(act, id, &draft.document)?;
        view(act.conn, act.tenant, row)
    })
    .await
}

/// Activate a version of a policy
///
/// The document is checked whole, its texts included; all faults come at once. Accounts stay on their version until they are migrated. A retired version may return.
#[utoipa::path(operation_id = "activatePolicy", tag = "Policies", params(("policy_id" = PolicyId, Path, description = "The policy")), request_body = Activation, responses((status = 200, description = "In force", body = PolicyView)), security(("api_key" = ["policies:write"])))]
#[post("/v1/policies/{policy_id}/activate")]
pub async fn activate(call: Call<Activation>) -> Answer {
    let id = call.id("policy_id")?;
    let version = call.body.version;
    call.act(StatusCode::OK, move |act| {
        let row = actions::policies::activate(act, id, version)?;
        view(act.conn, act.tenant, row)
    })
    .await
}

/// Archive a policy
///
/// Only when no account follows it and no customer is assigned to it. It can be activated again.
#[utoipa::path(operation_id = "archivePolicy", tag = "Policies", params(("policy_id" = PolicyId, Path, description = "The policy")), responses((status = 200, description = "Out of use", body = PolicyView)), security(("api_key" = ["policies:write"])))]
#[post("/v1/policies/{policy_id}/archive")]
pub async fn archive(call: Call) -> Answer {
    let id = call.id("policy_id")?;
    call.act(StatusCode::OK, move |act| {
        let row = actions::policies::archive(act, id)?;
        view(act.conn, act.tenant, row)
    })
    .await
}

/// Migrate accounts to the version in force
///
/// Every account that stands on another version moves; completed steps stay completed by their key. With `preview`, nothing changes.
#[utoipa::path(operation_id = "migratePolicy", tag = "Policies", params(("policy_id" = PolicyId, Path, description = "The policy")), request_body = Migration, responses((status = 200, description = "What moves, or moved", body = MigrationView)), security(("api_key" = ["policies:write"])))]
#[post("/v1/policies/{policy_id}/migrate")]
pub async fn migrate(call: Call<Migration>) -> Answer {
    let id = call.id("policy_id")?;
    let preview = call.body.preview;
    call.act(StatusCode::OK, move |act| actions::policies::migrate(act, id, preview).map(|moved| MigrationView::new(preview, moved))).await
}
