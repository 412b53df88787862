//! Policies: written as drafts, checked and put in force, archived; and accounts moved from one version to another.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use serde_json::json;

use super::Act;
use crate::{
    domain::{
        crypto::sha256,
        dunning::{draft::BuiltinPolicy, policy::Policy as Document, protections::unlawful_texts, validate::validate},
        ids::PolicyId,
        invalid::Faults,
        template::source::Source,
        version::VersionState,
    },
    error::{Error, Result},
    store::{
        self, Json, Ts,
        policies::{Policy, PolicyVersion, Standing},
    },
};

/// How many policies a tenant may have; each decision without an assignment looks at all of them.
const MAX_POLICIES: i64 = 100;
/// How many accounts a migration names.
const SAMPLE: i64 = 100;

/// Gives a new partition the product's policies, in force.
///
/// # Errors
/// The store's.
pub fn install_builtins(act: &mut Act<'_>) -> Result<()> {
    for builtin in BuiltinPolicy::ALL {
        let document = builtin.document();
        let policy = Policy { builtin: Some(builtin.as_str().to_owned()), active_version: Some(1), ..row(act, &document) };
        store::policies::insert(act.conn, &policy)?;
        add_version(act, policy.id, 1, VersionState::Active, &document)?;
        act.witness("policy.installed", policy.id, json!({ "builtin": builtin, "version": 1, "sha256": digest(&document)? }));
    }
    Ok(())
}

/// Writes a policy, as a draft.
///
/// # Errors
/// Too many policies.
pub fn create(act: &mut Act<'_>, document: &Document) -> Result<Policy> {
    if store::policies::count(act.conn, act.tenant)? >= MAX_POLICIES {
        return Err(Error::conflict("limit_reached", format!("a tenant can have {MAX_POLICIES} policies; write a version of one")));
    }
    let policy = row(act, document);
    store::policies::insert(act.conn, &policy)?;
    add_version(act, policy.id, 1, VersionState::Draft, document)?;
    act.witness("policy.drafted", policy.id, json!({ "version": 1 }));
    Ok(policy)
}

/// Writes a policy's next version, which replaces a draft that waits. The same draft again changes nothing.
///
/// # Errors
/// No such policy.
pub fn redraft(act: &mut Act<'_>, id: PolicyId, document: &Document) -> Result<Policy> {
    let policy = store::policies::find(act.conn, act.tenant, id)?;
    let current = store::policies::current(act.conn, act.tenant, &[id])?;
    if current.iter().any(|version| version.state == VersionState::Draft && version.document.0 == *document) {
        return Ok(policy);
    }
    store::policies::retire(act.conn, act.tenant, id, VersionState::Draft)?;
    let version = store::policies::newest(act.conn, act.tenant, id)?.saturating_add(1);
    add_version(act, id, version, VersionState::Draft, document)?;
    // The row shows what is in force; while nothing is, what is meant to be.
    let policy = match policy.active_version {
        Some(_) => changed(act, policy)?,
        None => changed(act, Policy { name: document.name.clone(), priority: document.scope.priority, ..policy })?,
    };
    act.witness("policy.drafted", id, json!({ "version": version }));
    Ok(policy)
}

/// Puts a version in force. Accounts stay on theirs until they are moved; those that follow no policy are looked at.
///
/// # Errors
/// Everything that is wrong with the document, and every text that it needs and that is not there.
pub fn activate(act: &mut Act<'_>, id: PolicyId, version: i32) -> Result<Policy> {
    let policy = store::policies::find(act.conn, act.tenant, id)?;
    let row = store::policies::version(act.conn, act.tenant, id, version)?;
    if row.state == VersionState::Active {
        return Ok(policy);
    }
    let document = row.document.0;
    let mut faults = Faults::none();
    faults.nest("/document", validate(&document).err().unwrap_or_default());
    let texts = store::templates::all_active(act.conn, act.tenant)?;
    faults.nest("/document", missing_texts(&texts, &document));
    let home = store::tenants::find(act.conn, act.tenant)?.jurisdiction;
    faults.nest("/document", unlawful_texts(&document, &home, |key| texts.get(key)));
    faults.or(())?;
    store::policies::activate(act.conn, act.tenant, id, version, act.wall)?;
    let sha256 = digest(&document)?;
    let policy = changed(act, Policy { name: document.name, priority: document.scope.priority, active_version: Some(version), ..policy })?;
    store::policies::wake_unassigned(act.conn, act.tenant, act.now)?;
    act.audit("policy.activated", id, json!({ "version": version, "sha256": sha256 }));
    Ok(policy)
}

/// The texts that the steps name and the tenant lacks, on the channel and on its fallback.
fn missing_texts(texts: &BTreeMap<String, Source>, document: &Document) -> Faults {
    let mut faults = Faults::none();
    let rungs = document.steps.iter().enumerate().map(|(n, step)| (format!("/steps/{n}"), step));
    let promise = document.on_broken_promise.iter().map(|step| ("/on_broken_promise".to_owned(), step));
    let plan = document.on_broken_plan.iter().map(|step| ("/on_broken_plan".to_owned(), step));
    for (place, step) in rungs.chain(promise).chain(plan) {
        let Some(text) = texts.get(&step.template) else {
            faults.add(format!("{place}/template"), "unknown_template", format!("there is no template {:?} in force", step.template));
            continue;
        };
        for (field, channel) in [("channel", Some(step.channel)), ("fallback", step.fallback)] {
            if let Some(channel) = channel.filter(|channel| !text.serves(*channel)) {
                let detail = format!("the template {:?} lacks the parts that {channel} needs, at least in one language", step.template);
                faults.add(format!("{place}/{field}"), "no_text", detail);
            }
        }
    }
    faults
}

/// Takes a policy out of use. Its versions stay readable, and one of them may be activated again.
///
/// # Errors
/// While an account follows it, or a customer is assigned to it.
pub fn archive(act: &mut Act<'_>, id: PolicyId) -> Result<Policy> {
    let policy = store::policies::find(act.conn, act.tenant, id)?;
    let (following, assigned) = store::policies::followers(act.conn, act.tenant, id)?;
    if following > 0 || assigned > 0 {
        let detail = format!("{following} accounts follow the policy and {assigned} customers are assigned to it; move them first");
        return Err(Error::conflict("in_use", detail));
    }
    store::policies::retire(act.conn, act.tenant, id, VersionState::Active)?;
    store::policies::retire(act.conn, act.tenant, id, VersionState::Draft)?;
    let policy = changed(act, Policy { active_version: None, ..policy })?;
    act.audit("policy.archived", id, json!({}));
    Ok(policy)
}

/// What moving the accounts of one version means.
#[derive(Debug, Clone)]
pub struct Effect {
    /// The version that they stand on.
    pub from_version: i32,
    /// How many there are.
    pub accounts: i64,
    /// Steps that they will meet and did not know.
    pub added_steps: BTreeSet<String>,
    /// Steps that they knew and will not meet again.
    pub removed_steps: BTreeSet<String>,
}

/// What moving the accounts of a policy means, or meant.
#[derive(Debug, Clone)]
pub struct Migrated {
    /// The version in force.
    pub to_version: i32,
    /// By the version that the accounts stood on.
    pub effects: Vec<Effect>,
    /// The first accounts, with the version that each stood on.
    pub sample: Vec<Standing>,
}

/// Moves every account that stands on another version to the one in force, or only says what that would change. Completed steps stay
/// completed by their key.
///
/// # Errors
/// When no version is in force.
pub fn migrate(act: &mut Act<'_>, id: PolicyId, preview: bool) -> Result<Migrated> {
    let policy = store::policies::find(act.conn, act.tenant, id)?;
    let to_version =
        policy.active_version.ok_or_else(|| Error::conflict("conflict", "no version is in force to which accounts could be moved"))?;
    let target = steps(&store::policies::find_version(act.conn, act.tenant, id, to_version)?);
    let mut effects = Vec::new();
    for (from_version, accounts) in store::policies::off_version(act.conn, act.tenant, id, to_version)? {
        let source = steps(&store::policies::find_version(act.conn, act.tenant, id, from_version)?);
        effects.push(Effect {
            from_version,
            accounts,
            added_steps: target.difference(&source).cloned().collect(),
            removed_steps: source.difference(&target).cloned().collect(),
        });
    }
    let sample = store::policies::off_version_sample(act.conn, act.tenant, id, to_version, SAMPLE)?;
    if !preview && !effects.is_empty() {
        store::policies::migrate(act.conn, act.tenant, id, to_version, act.now)?;
        let moved: Vec<_> =
            effects.iter().map(|effect| json!({ "from_version": effect.from_version, "accounts": effect.accounts })).collect();
        act.audit("policy.migrated", id, json!({ "to_version": to_version, "moved": moved }));
    }
    Ok(Migrated { to_version, effects, sample })
}

fn steps(document: &Document) -> BTreeSet<String> {
    document.steps.iter().map(|step| step.key.clone()).collect()
}

fn row(act: &Act<'_>, document: &Document) -> Policy {
    Policy {
        tenant_id: act.tenant,
        id: PolicyId::new(act.wall),
        name: document.name.clone(),
        builtin: None,
        priority: document.scope.priority,
        active_version: None,
        version: 1,
        created_at: Ts(act.wall),
        updated_at: Ts(act.wall),
    }
}

fn add_version(act: &mut Act<'_>, policy_id: PolicyId, version: i32, state: VersionState, document: &Document) -> Result<()> {
    let row = PolicyVersion {
        tenant_id: act.tenant,
        policy_id,
        version,
        state,
        document: Json(document.clone()),
        created_at: Ts(act.wall),
        activated_at: (state == VersionState::Active).then_some(Ts(act.wall)),
    };
    store::policies::insert_version(act.conn, &row)
}

fn changed(act: &mut Act<'_>, policy: Policy) -> Result<Policy> {
    let policy = Policy { version: policy.version.saturating_add(1), updated_at: Ts(act.wall), ..policy };
    store::policies::update(act.conn, &policy)?;
    Ok(policy)
}

/// What was put in force, to the byte.
fn digest(document: &Document) -> Result<String> {
    let text = serde_json::to_vec(document).map_err(Error::internal)?;
    Ok(HEXLOWER.encode(&sha256(&[&text])))
}
