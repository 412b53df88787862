//! Templates: written as drafts, checked and put in force.

use data_encoding::HEXLOWER;
use serde_json::json;

use super::Act;
use crate::{
    domain::{
        crypto::sha256,
        dunning::protections::unlawful_text,
        ids::TemplateId,
        invalid::Faults,
        template::source::{Source, TemplateDraft, check_key},
        version::VersionState,
    },
    error::{Error, Result},
    store::{
        self, Json, Ts,
        templates::{Template, TemplateVersion},
    },
};

/// How many templates of its own a tenant may have; with the product's, a list shows them on one page.
const MAX_OWN: i64 = 180;

/// Writes a template's next version, which replaces a draft that waits. The same draft again changes nothing.
///
/// # Errors
/// A key that is none, too many templates.
pub fn write(act: &mut Act<'_>, key: &str, draft: &TemplateDraft) -> Result<Template> {
    check_key(key).or(())?;
    let source = Source { channel: draft.channel, contents: draft.contents.clone() };
    if source.contents.is_empty() {
        return Err(Faults::one("/contents", "required", "write it in at least one language").into());
    }
    let template = match store::templates::find(act.conn, act.tenant, key)? {
        Some(known) => {
            let waiting = store::templates::draft(act.conn, act.tenant, known.id)?;
            if known.name == draft.name && waiting.is_some_and(|waiting| waiting.contents.0 == source) {
                return Ok(known);
            }
            let next = Template { name: draft.name.clone(), version: known.version.saturating_add(1), updated_at: Ts(act.wall), ..known };
            store::templates::update(act.conn, &next)?;
            next
        }
        None => create(act, key, &draft.name)?,
    };
    store::templates::retire(act.conn, act.tenant, template.id, VersionState::Draft)?;
    let version = store::templates::newest(act.conn, act.tenant, template.id)?.saturating_add(1);
    let row = TemplateVersion {
        tenant_id: act.tenant,
        template_id: template.id,
        version,
        state: VersionState::Draft,
        contents: Json(source),
        created_at: Ts(act.wall),
        activated_at: None,
    };
    store::templates::insert_version(act.conn, &row)?;
    act.witness("template.drafted", template.id, json!({ "key": key, "version": version }));
    Ok(template)
}

fn create(act: &mut Act<'_>, key: &str, name: &str) -> Result<Template> {
    if store::templates::count(act.conn, act.tenant)? >= MAX_OWN {
        return Err(Error::conflict("limit_reached", format!("a tenant can have {MAX_OWN} templates of its own; write a version of one")));
    }
    let template = Template {
        tenant_id: act.tenant,
        id: TemplateId::new(act.wall),
        key: key.to_owned(),
        name: name.to_owned(),
        active_version: None,
        version: 1,
        created_at: Ts(act.wall),
        updated_at: Ts(act.wall),
    };
    store::templates::insert(act.conn, &template)?;
    Ok(template)
}

/// Puts a version in force; the one that was is retired. A retired version may return.
///
/// # Errors
/// Every fault of every language at once, the channels that policies in force need and the version cannot serve, and the protections of consumers
/// that those policies would break with it.
pub fn activate(act: &mut Act<'_>, key: &str, version: i32) -> Result<Template> {
    let template = store::templates::find(act.conn, act.tenant, key)?.ok_or(Error::NotFound("template"))?;
    let row = store::templates::version(act.conn, act.tenant, template.id, version)?;
    if row.state == VersionState::Active {
        return Ok(template);
    }
    let mut faults = row.contents.check();
    let home = store::tenants::find(act.conn, act.tenant)?.jurisdiction;
    for policy in store::policies::active_set(act.conn, act.tenant)? {
        let needs = policy.document.templates().filter(|(_, channel, needed)| *needed == key && !row.contents.serves(*channel));
        for (step, channel, _) in needs {
            let detail = format!(
                "the step {step} of the policy {:?} sends it by {channel}: add the parts that {channel} needs",
                policy.document.name
            );
            faults.add("/contents", "needed_by_policy", detail);
        }
        faults.nest("", unlawful_text(&policy.document, &home, key, &row.contents));
    }
    faults.or(())?;
    store::templates::activate(act.conn, act.tenant, template.id, version, act.wall)?;
    let template =
        Template { active_version: Some(version), version: template.version.saturating_add(1), updated_at: Ts(act.wall), ..template };
    store::templates::update(act.conn, &template)?;
    let text = serde_json::to_vec(&row.contents.0).map_err(Error::internal)?;
    act.audit("template.activated", template.id, json!({ "key": key, "version": version, "sha256": HEXLOWER.encode(&sha256(&[&text])) }));
    Ok(template)
}
