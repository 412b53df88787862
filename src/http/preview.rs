//! `/v1/templates/{key}/preview`: what a text becomes, with an invented account or a real one. Sends nothing, keeps nothing.

use actix_web::post;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Call, Problem, call::Answer, templates};
use crate::{
    actions,
    domain::{
        access::Scope,
        contact::Channel,
        ids::TenantId,
        invalid::Faults,
        locale::Language,
        template::{
            Content, Facts, Rendered, check, render,
            sms::{self, Segments, Transliteration},
            source::{PreviewRequest, Source},
        },
    },
    error::{Error, Result},
    store::{self, Conn},
};

/// A text, filled in.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewView {
    /// Always `template_preview`.
    #[schema(max_length = 20, example = "template_preview")]
    pub object: &'static str,
    /// In which language it is.
    pub language: Language,
    /// For which channel it was rendered.
    pub channel: Channel,
    /// The subject of an e-mail, or the title of a script or letter.
    #[schema(max_length = 300)]
    pub subject: Option<String>,
    /// The plain text: an e-mail's, an SMS, a script, a letter.
    #[schema(max_length = 262_144)]
    pub text: String,
    /// The e-mail in HTML.
    #[schema(max_length = 262_144)]
    pub html: Option<String>,
    /// How large the SMS is.
    pub segments: Option<Segments>,
    /// The SMS with letters of GSM-7 only, when that saves segments.
    pub transliteration: Option<Transliteration>,
}

impl PreviewView {
    fn new(language: Language, channel: Channel, rendered: Rendered) -> Self {
        let view = |subject, text, html| Self {
            object: "template_preview",
            language,
            channel,
            subject,
            text,
            html,
            segments: None,
            transliteration: None,
        };
        match rendered {
            Rendered::Email { subject, text, html } => view(Some(subject), text, html),
            Rendered::Script { title, text } => view(title, text, None),
            Rendered::Sms { text, segments } => {
                let transliteration = sms::transliterate(&text);
                Self { segments: Some(segments), transliteration, ..view(None, text, None) }
            }
        }
    }
}

/// Preview a template
///
/// Renders the text in force, a version, or a text that is not saved yet. With `customer_id`, the customer's open invoices are filled in; what only a
/// reminder knows (its deadline, the promise it is about) is absent then.
#[utoipa::path(operation_id = "previewTemplate", tag = "Templates", params(("key" = String, Path, description = "The template's key", min_length = 1, max_length = 40, pattern = "^[a-z][a-z0-9_]*$")), request_body = PreviewRequest, responses((status = 200, description = "The text, filled in", body = PreviewView)), security(("api_key" = ["templates:read"])))]
#[post("/v1/templates/{key}/preview")]
pub async fn preview(call: Call<PreviewRequest>) -> Answer {
    let (key, wanted, wall) = (templates::key(&call)?, call.body.clone(), call.wall());
    if wanted.customer_id.is_some() {
        demand(&call, Scope::CustomersRead)?;
        demand(&call, Scope::InvoicesRead)?;
    }
    let view = call.read(move |conn, tenant| filled_in(conn, tenant, &key, &wanted, wall)).await?;
    call.ok(&view)
}

/// A preview with a real account shows what these scopes guard.
fn demand<B, Q>(call: &Call<B, Q>, scope: Scope) -> std::result::Result<(), Problem> {
    if call.caller.scopes.contains(&scope) { Ok(()) } else { Err(call.problem(Error::Forbidden(scope.to_string()))) }
}

fn filled_in(conn: &mut Conn, tenant: TenantId, key: &str, wanted: &PreviewRequest, wall: DateTime<Utc>) -> Result<PreviewView> {
    let creditor = store::tenants::find(conn, tenant)?;
    let (language, channel, content) = choose(conn, tenant, key, wanted, creditor.language)?;
    // Only content that the grammar admits is given to the engine.
    let place = if wanted.content.is_some() { "/content".to_owned() } else { format!("/contents/{language}") };
    let nested = |part| {
        let mut faults = Faults::none();
        faults.nest(&place, part);
        faults
    };
    check(channel, language, &content).map_err(nested)?;
    let facts = match wanted.customer_id {
        Some(customer) => {
            let today = actions::present(conn, tenant, wall)?.with_timezone(&creditor.zone()).date_naive();
            store::preview::gather(conn, &creditor, customer, language, today)?
        }
        None => Facts::sample(language),
    };
    let rendered = render(channel, &content, &facts)
        .map_err(|error| nested(Faults::one(format!("/{}", error.part()), "cannot_render", error.to_string())))?;
    Ok(PreviewView::new(language, channel, rendered))
}

/// The content asked for, its language and its channel.
fn choose(
    conn: &mut Conn,
    tenant: TenantId,
    key: &str,
    wanted: &PreviewRequest,
    own_language: Language,
) -> Result<(Language, Channel, Content)> {
    if wanted.content.is_some() && wanted.version.is_some() {
        return Err(Faults::one("/content", "contradiction", "give a version or a content, not both").into());
    }
    let source = match wanted.version {
        Some(version) => {
            let template = store::templates::find(conn, tenant, key)?.ok_or(Error::NotFound("template"))?;
            Ok(store::templates::version(conn, tenant, template.id, version)?.contents.0)
        }
        None => store::templates::active(conn, tenant, key),
    };
    if let Some(content) = &wanted.content {
        let channel = wanted.channel.or(source.ok().map(|source: Source| source.channel));
        let channel =
            channel.ok_or_else(|| Faults::one("/channel", "required", "no template of that key is in force: name the channel"))?;
        return Ok((wanted.language, channel, content.clone()));
    }
    let source = source?;
    let (language, content) = source.in_language([wanted.language, own_language]).ok_or(Error::NotFound("template"))?;
    Ok((language, wanted.channel.unwrap_or(source.channel), content.clone()))
}
