//! `/v1/templates/{key}/preview`: what a text becomes, with an invented account or a real one. Sends nothing, keeps nothing.

use std::collections::BTreeMap;

use actix_web::post;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Call, Problem, call::Answer, templates};
use crate::{
    actions::{
        self,
        wording::{Occasion, Template},
    },
    domain::{
        access::Scope,
        calendar::local,
        contact::Channel,
        dunning::{
            policy::{Conditions, DayUnit, Step},
            reminder::ListedInstalment,
        },
        ids::{CustomerId, TenantId},
        invalid::Faults,
        locale::Language,
        template::{
            Content, Facts, RenderError, Rendered, check, render,
            sms::{self, Segments, Transliteration},
            source::{PreviewRequest, Source},
        },
    },
    error::{Error, Result},
    store::{self, Conn, tenants::Tenant},
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
/// reminder knows (its deadline, the promise it is about, the interest it speaks of) is absent then.
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
    let rendered = match wanted.customer_id {
        Some(customer) => {
            let now = actions::present(conn, tenant, wall)?;
            let source = Source { channel, contents: BTreeMap::from([(language, content)]) };
            of_account(conn, &creditor, customer, channel, source, now)?
        }
        None => render(channel, &content, &Facts::sample(language)),
    };
    let rendered = rendered.map_err(|error| nested(Faults::one(format!("/{}", error.part()), "cannot_render", error.to_string())))?;
    Ok(PreviewView::new(language, channel, rendered))
}

/// The words that a customer's account would get, were everything open in its oldest currency claimed now.
fn of_account(
    conn: &mut Conn,
    creditor: &Tenant,
    customer: CustomerId,
    channel: Channel,
    source: Source,
    now: DateTime<Utc>,
) -> Result<std::result::Result<Rendered, RenderError>> {
    let currency = store::instalments::oldest_currency(conn, creditor.tenant_id, customer)?.unwrap_or(creditor.currency);
    let loaded = store::facts::load_one(conn, creditor.tenant_id, (customer, currency), now)?;
    let today = local::date(creditor.zone(), now);
    let open = loaded.account.instalments.iter().filter(|one| one.claimable_minor > 0);
    let lines: Vec<ListedInstalment> = open
        .map(|one| ListedInstalment {
            instalment_id: one.id,
            claimed_minor: one.claimable_minor,
            overdue: one.due_date < today,
            advances_to: None,
            cycle: None,
        })
        .collect();
    let contacts = &loaded.account.customer.contacts;
    let contact = contacts.iter().find(|contact| contact.primary).or_else(|| contacts.first()).map(|contact| contact.id);
    let previous = loaded.last_written_at;
    let (tenant, step) = (creditor, &unnamed_step(channel));
    let occasion = Occasion {
        tenant,
        loaded: &loaded,
        contact,
        lines: &lines,
        step,
        number: 1,
        cycle: 1,
        previous,
        interest: None,
        unsubscribe_link: None,
        now,
    };
    Ok(occasion.write(channel, &mut Template::new(source)))
}

/// A preview belongs to no policy.
fn unnamed_step(channel: Channel) -> Step {
    Step {
        key: "preview".to_owned(),
        offset_days: 0,
        offset_unit: DayUnit::Calendar,
        channel,
        fallback: None,
        template: "preview".to_owned(),
        recipient: None,
        formal: false,
        deadline_days: None,
        conditions: Conditions::default(),
        repeat: None,
        transliterate: false,
        post: None,
        attach: Vec::new(),
    }
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
