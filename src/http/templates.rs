//! `/v1/templates`: the product's texts and the tenant's own, by key. Trying one is in [`super::preview`].

use std::collections::BTreeMap;

use actix_web::{get, http::StatusCode, post, put};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Call, Problem, call::Answer, page::Page, subject::Look};
use crate::{
    actions,
    domain::{
        contact::Channel,
        ids::TenantId,
        invalid::Faults,
        locale::Language,
        template::{
            Content,
            builtin::BUILTINS,
            source::{Source, TemplateDraft, TemplateOrigin, check_key, title},
        },
        version::VersionState,
    },
    error::{Error, Result},
    store::{
        self, Conn,
        templates::{Template, TemplateVersion},
    },
};

/// A template, without its texts.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateView {
    /// Always `template`.
    #[schema(max_length = 20, example = "template")]
    pub object: &'static str,
    /// How a policy's step names it.
    #[schema(max_length = 40, example = "first_reminder")]
    pub key: String,
    /// How people call it.
    #[schema(max_length = 120)]
    pub name: String,
    /// Whose words are in force.
    pub origin: TemplateOrigin,
    /// The channel it is written for. While nothing is in force, that of the draft.
    pub channel: Channel,
    /// The languages it speaks.
    #[schema(max_items = 4)]
    pub languages: Vec<Language>,
    /// The version of the tenant's that is in force; none while the product's is, or nothing.
    #[schema(minimum = 1)]
    pub active_version: Option<i32>,
    /// The version that waits to be activated.
    #[schema(minimum = 1)]
    pub draft_version: Option<i32>,
    /// When the tenant last changed it.
    pub updated_at: Option<DateTime<Utc>>,
}

/// A template with the texts of one version.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateDetail {
    /// The template.
    pub template: TemplateView,
    /// Which version is shown; none for the product's.
    #[schema(minimum = 1)]
    pub version: Option<i32>,
    /// Where that version stands; none for the product's.
    pub state: Option<VersionState>,
    /// The channel that the version is written for.
    pub channel: Channel,
    /// What it says, by language.
    pub contents: BTreeMap<Language, Content>,
}

/// Which version to show.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct VersionQuery {
    /// A version of the tenant's. Without it, the text in force; where none is, the draft.
    #[param(minimum = 1, maximum = 1_000_000)]
    pub version: Option<i32>,
}

/// List templates
///
/// The product's and the tenant's own, in the order of their keys, on one page.
#[utoipa::path(operation_id = "listTemplates", tag = "Templates", responses((status = 200, description = "All of them", body = Page<TemplateView>)), security(("api_key" = ["templates:read"])))]
#[get("/v1/templates")]
pub async fn list(call: Call) -> Answer {
    let data = call.read(all).await?;
    call.ok(&Page::whole(data))
}

/// Get a template
///
/// With the texts in force, or those of another version.
#[utoipa::path(operation_id = "getTemplate", tag = "Templates", params(("key" = String, Path, description = "The template's key", min_length = 1, max_length = 40, pattern = "^[a-z][a-z0-9_]*$"), VersionQuery), responses((status = 200, description = "The template", body = TemplateDetail)), security(("api_key" = ["templates:read"])))]
#[get("/v1/templates/{key}")]
pub async fn find(call: Call<(), VersionQuery>) -> Answer {
    let version = call.query.version;
    call.show(move |look| shown(look, version)).await
}

/// As it is shown where no version is asked for.
///
/// # Errors
/// When it is not there.
pub fn current(look: &mut Look<'_>) -> Result<TemplateDetail> {
    shown(look, None)
}

fn shown(look: &mut Look<'_>, version: Option<i32>) -> Result<TemplateDetail> {
    let key = look.text("key")?.to_owned();
    check_key(&key).or(()).map_err(Error::Malformed)?;
    detail(look.conn, look.tenant, &key, version)
}

/// Write a template
///
/// Makes the template if there is none of that key, and adds a version that waits as a draft; a former draft is retired. A key of the product's
/// overrides the product's text once activated.
#[utoipa::path(operation_id = "putTemplate", tag = "Templates", params(("key" = String, Path, description = "A small letter, then up to 39 small letters, digits or underscores", min_length = 1, max_length = 40, pattern = "^[a-z][a-z0-9_]*$")), request_body = TemplateDraft, responses((status = 200, description = "The draft", body = TemplateDetail)), security(("api_key" = ["templates:write"])))]
#[put("/v1/templates/{key}")]
pub async fn write(call: Call<TemplateDraft>) -> Answer {
    let (key, draft) = (key(&call)?, call.body.clone());
    call.act(StatusCode::OK, move |act| {
        let template = actions::templates::write(act, &key, &draft)?;
        let draft = store::templates::draft(act.conn, act.tenant, template.id)?;
        detail(act.conn, act.tenant, &key, draft.map(|draft| draft.version))
    })
    .await
}

/// Activate a version of a template
///
/// Every part in every language is checked and rendered with sample facts; all faults come at once. A retired version may return.
#[utoipa::path(operation_id = "activateTemplate", tag = "Templates", params(("key" = String, Path, description = "The template's key", min_length = 1, max_length = 40, pattern = "^[a-z][a-z0-9_]*$"), ("version" = i32, Path, description = "The version's number", minimum = 1, maximum = 1_000_000)), responses((status = 200, description = "In force", body = TemplateDetail)), security(("api_key" = ["templates:write"])))]
#[post("/v1/templates/{key}/versions/{version}/activate")]
pub async fn activate(call: Call) -> Answer {
    let key = key(&call)?;
    let version: i32 = call
        .path("version")?
        .parse()
        .map_err(|_| Error::Malformed(Faults::one("path", "wrong_type", "a version is a whole number, from 1")))?;
    call.act(StatusCode::OK, move |act| {
        actions::templates::activate(act, &key, version)?;
        detail(act.conn, act.tenant, &key, None)
    })
    .await
}

/// The key in the path.
pub(super) fn key<B, Q>(call: &Call<B, Q>) -> std::result::Result<String, Problem> {
    let key = call.path("key")?;
    check_key(key).or(key.to_owned()).map_err(|faults| Error::Malformed(faults).into())
}

/// The product's keys and the tenant's, each with what is current.
fn all(conn: &mut Conn, tenant: TenantId) -> Result<Vec<TemplateView>> {
    let mut versions: BTreeMap<_, Vec<TemplateVersion>> = BTreeMap::new();
    for version in store::templates::current(conn, tenant)? {
        versions.entry(version.template_id).or_default().push(version);
    }
    let own = store::templates::list(conn, tenant)?.into_iter().filter_map(|row| {
        let current = versions.remove(&row.id).unwrap_or_default();
        view(&row, &current).map(|view| (view.key.clone(), view))
    });
    let product = BUILTINS.iter().filter_map(|builtin| Some((builtin.key.to_owned(), of_product(builtin.key)?)));
    let all: BTreeMap<String, TemplateView> = product.chain(own).collect();
    Ok(all.into_values().collect())
}

/// One template with the texts of `version`; without it, of what is in force; where nothing is, of the draft.
fn detail(conn: &mut Conn, tenant: TenantId, key: &str, version: Option<i32>) -> Result<TemplateDetail> {
    let absent = Error::NotFound("template");
    let Some(row) = store::templates::find(conn, tenant, key)? else {
        if version.is_some() {
            return Err(Error::NotFound("version of the template"));
        }
        let (template, source) = of_product(key).zip(Source::builtin(key)).ok_or(absent)?;
        return Ok(TemplateDetail { template, version: None, state: None, channel: source.channel, contents: source.contents });
    };
    let draft = store::templates::draft(conn, tenant, row.id)?;
    let active = row.active_version.map(|active| store::templates::version(conn, tenant, row.id, active)).transpose()?;
    let current: Vec<TemplateVersion> = draft.iter().chain(&active).cloned().collect();
    let template = view(&row, &current).ok_or(absent)?;
    let shown = match (version, active, Source::builtin(key)) {
        (Some(version), ..) => store::templates::version(conn, tenant, row.id, version)?,
        (None, Some(active), _) => active,
        (None, None, Some(source)) => {
            return Ok(TemplateDetail { template, version: None, state: None, channel: source.channel, contents: source.contents });
        }
        (None, None, None) => draft.ok_or(Error::NotFound("template"))?,
    };
    let Source { channel, contents } = shown.contents.0;
    Ok(TemplateDetail { template, version: Some(shown.version), state: Some(shown.state), channel, contents })
}

fn of_product(key: &str) -> Option<TemplateView> {
    let source = Source::builtin(key)?;
    Some(TemplateView {
        object: "template",
        key: key.to_owned(),
        name: title(key),
        origin: TemplateOrigin::Builtin,
        channel: source.channel,
        languages: source.contents.into_keys().collect(),
        active_version: None,
        draft_version: None,
        updated_at: None,
    })
}

/// What is in force decides what is shown: the tenant's version, else the product's, else the draft.
fn view(row: &Template, current: &[TemplateVersion]) -> Option<TemplateView> {
    let at = |state| current.iter().find(|version| version.state == state);
    let (active, draft) = (at(VersionState::Active), at(VersionState::Draft));
    let product = Source::builtin(&row.key).filter(|_| active.is_none());
    let shown = active.map(|version| &version.contents.0).or(product.as_ref()).or(draft.map(|version| &version.contents.0))?;
    Some(TemplateView {
        object: "template",
        key: row.key.clone(),
        name: row.name.clone(),
        origin: if product.is_some() { TemplateOrigin::Builtin } else { TemplateOrigin::Own },
        channel: shown.channel,
        languages: shown.contents.keys().copied().collect(),
        active_version: row.active_version,
        draft_version: draft.map(|version| version.version),
        updated_at: Some(row.updated_at.0),
    })
}
