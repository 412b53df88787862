//! `/v1/terms`: payment terms. A version is added and never edited; an invoice keeps a copy of the one that it was recorded under.

use actix_web::{get, http::StatusCode, post};
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Call,
    call::Answer,
    page::{Page, PageQuery},
    subject::Look,
};
use crate::{
    actions,
    domain::{
        ids::{TenantId, TermsId},
        invalid::Faults,
        ledger::terms::{
            Terms as Document,
            maximum::TermsWarning,
            request::TermsPreview,
            split::{Discount, InstalmentDraft},
        },
    },
    error::{Error, Result},
    store::{
        self, Conn,
        terms::{Terms, TermsVersion},
    },
};

/// Payment terms.
#[derive(Debug, Serialize, ToSchema)]
pub struct TermsView {
    /// Always `terms`.
    #[schema(max_length = 20, example = "terms")]
    pub object: &'static str,
    /// The terms' id.
    pub id: TermsId,
    /// How people call them.
    #[schema(max_length = 120)]
    pub name: String,
    /// Which version is in force: the newest.
    #[schema(minimum = 1)]
    pub current_version: i32,
    /// What it says.
    pub document: Document,
    /// What the law of the tenant says to it, as it is today.
    #[schema(max_items = 200)]
    pub warnings: Vec<TermsWarning>,
    /// When they were taken out of use.
    pub archived_at: Option<DateTime<Utc>>,
    /// Counts the changes.
    #[schema(minimum = 1)]
    pub version: i64,
    /// When they were written.
    pub created_at: DateTime<Utc>,
    /// When they last changed.
    pub updated_at: DateTime<Utc>,
}

/// A version of payment terms.
#[derive(Debug, Serialize, ToSchema)]
pub struct TermsVersionView {
    /// Always `terms_version`.
    #[schema(max_length = 20, example = "terms_version")]
    pub object: &'static str,
    /// Of which terms.
    pub terms_id: TermsId,
    /// Its number.
    #[schema(minimum = 1)]
    pub version: i32,
    /// What it says.
    pub document: Document,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

/// A sale under terms.
#[derive(Debug, Serialize, ToSchema)]
pub struct TermsPreviewView {
    /// Always `terms_preview`.
    #[schema(max_length = 20, example = "terms_preview")]
    pub object: &'static str,
    /// Its parts.
    #[schema(max_items = 60)]
    pub instalments: Vec<PreviewedInstalment>,
    /// What the law says to these terms.
    #[schema(max_items = 200)]
    pub warnings: Vec<TermsWarning>,
}

/// A part of a sale.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewedInstalment {
    /// The last day on which it would be paid in time.
    pub due_date: NaiveDate,
    /// In minor units.
    #[schema(minimum = 0)]
    pub amount: i64,
    /// What paying early would save.
    pub discount: Option<Discount>,
}

impl TermsPreviewView {
    fn new(drafts: Vec<InstalmentDraft>, warnings: Vec<TermsWarning>) -> Self {
        let shown =
            |draft: InstalmentDraft| PreviewedInstalment { due_date: draft.due_date, amount: draft.amount_minor, discount: draft.discount };
        Self { object: "terms_preview", instalments: drafts.into_iter().map(shown).collect(), warnings }
    }
}

type Current = (Terms, TermsVersion);

fn view((row, version): Current, warnings: Vec<TermsWarning>) -> TermsView {
    TermsView {
        object: "terms",
        id: row.id,
        name: row.name,
        current_version: row.current_version,
        document: version.document.0,
        warnings,
        archived_at: row.archived_at.map(|at| at.0),
        version: row.version,
        created_at: row.created_at.0,
        updated_at: row.updated_at.0,
    }
}

/// Terms with the version in force of each, held to the law of the tenant.
fn views(conn: &mut Conn, tenant: TenantId, rows: Vec<Terms>, wall: DateTime<Utc>) -> Result<Vec<TermsView>> {
    let ids: Vec<TermsId> = rows.iter().map(|row| row.id).collect();
    let mut current = store::terms::current(conn, tenant, &ids)?;
    let found: Vec<Current> = rows.iter().filter_map(|row| current.remove(&row.id)).collect();
    let warnings = actions::terms::warnings(conn, tenant, found.iter().map(|(_, version)| &version.document.0), wall)?;
    Ok(found.into_iter().zip(warnings).map(|(current, warnings)| view(current, warnings)).collect())
}

fn one(conn: &mut Conn, tenant: TenantId, current: Current, wall: DateTime<Utc>) -> Result<TermsView> {
    let warnings = actions::terms::warnings(conn, tenant, std::iter::once(&current.1.document.0), wall)?;
    Ok(view(current, warnings.into_iter().next().unwrap_or_default()))
}

/// Create payment terms
///
/// In force at once. Terms that the law of the tenant voids are refused with the rule's name; those that it lets stand under conditions come back with warnings.
#[utoipa::path(operation_id = "createTerms", tag = "Terms", request_body = Document, responses((status = 201, description = "Written", body = TermsView)), security(("api_key" = ["terms:write"])))]
#[post("/v1/terms")]
pub async fn create(call: Call<Document>) -> Answer {
    let document = call.body.clone();
    call.act(StatusCode::CREATED, move |act| {
        let current = actions::terms::create(act, &document)?;
        one(act.conn, act.tenant, current, act.wall)
    })
    .await
}

/// List payment terms
///
/// In the order in which they were written, archived ones included.
#[utoipa::path(operation_id = "listTerms", tag = "Terms", params(PageQuery), responses((status = 200, description = "A page", body = Page<TermsView>)), security(("api_key" = ["terms:read"])))]
#[get("/v1/terms")]
pub async fn list(call: Call) -> Answer {
    let (window, wall) = (call.window()?, call.wall());
    let rows = call
        .read(move |conn, tenant| {
            let rows = store::terms::list(conn, tenant, window.after(), window.fetch())?;
            views(conn, tenant, rows, wall)
        })
        .await?;
    call.page(window, rows, |row| row.id.uuid(), |view| view).await
}

/// Get payment terms
///
/// With the version in force.
#[utoipa::path(operation_id = "getTerms", tag = "Terms", params(("terms_id" = TermsId, Path, description = "The terms")), responses((status = 200, description = "The terms", body = TermsView)), security(("api_key" = ["terms:read"])))]
#[get("/v1/terms/{terms_id}")]
pub async fn find(call: Call) -> Answer {
    call.show(current).await
}

/// As it is shown.
///
/// # Errors
/// When it is not there.
pub fn current(look: &mut Look<'_>) -> Result<TermsView> {
    let id = look.id("terms_id")?;
    let row = store::terms::find(look.conn, look.tenant, id)?;
    let version = store::terms::version(look.conn, look.tenant, id, row.current_version)?;
    one(look.conn, look.tenant, (row, version), look.wall)
}

/// Write the next version of payment terms
///
/// In force at once, for invoices to come: those recorded keep their copy. The same document again changes nothing.
#[utoipa::path(operation_id = "createTermsVersion", tag = "Terms", params(("terms_id" = TermsId, Path, description = "The terms")), request_body = Document, responses((status = 200, description = "As they are now", body = TermsView)), security(("api_key" = ["terms:write"])))]
#[post("/v1/terms/{terms_id}/versions")]
pub async fn revise(call: Call<Document>) -> Answer {
    let (id, document) = (call.id("terms_id")?, call.body.clone());
    call.act(StatusCode::OK, move |act| {
        let current = actions::terms::revise(act, id, &document)?;
        one(act.conn, act.tenant, current, act.wall)
    })
    .await
}

/// Get a version of payment terms
///
/// What it said stays readable for ever.
#[utoipa::path(operation_id = "getTermsVersion", tag = "Terms", params(("terms_id" = TermsId, Path, description = "The terms"), ("version" = i32, Path, description = "The version's number", minimum = 1, maximum = 1_000_000)), responses((status = 200, description = "The version", body = TermsVersionView)), security(("api_key" = ["terms:read"])))]
#[get("/v1/terms/{terms_id}/versions/{version}")]
pub async fn find_version(call: Call) -> Answer {
    let id = call.id("terms_id")?;
    let wrong = || Error::Malformed(Faults::one("path", "wrong_format", "a version is a whole number, from 1 on"));
    let version: i32 = call.path("version")?.parse().map_err(|_| wrong())?;
    let row = call.read(move |conn, tenant| store::terms::version(conn, tenant, id, version)).await?;
    call.ok(&TermsVersionView {
        object: "terms_version",
        terms_id: row.terms_id,
        version: row.version,
        document: row.document.0,
        created_at: row.created_at.0,
    })
}

/// Archive payment terms
///
/// No invoice to come gets them; those recorded keep their copy. Refused while they are a customer's or the tenant's own. Doing it again changes nothing.
#[utoipa::path(operation_id = "archiveTerms", tag = "Terms", params(("terms_id" = TermsId, Path, description = "The terms")), responses((status = 200, description = "Out of use", body = TermsView)), security(("api_key" = ["terms:write"])))]
#[post("/v1/terms/{terms_id}/archive")]
pub async fn archive(call: Call) -> Answer {
    let id = call.id("terms_id")?;
    call.act(StatusCode::OK, move |act| {
        let current = actions::terms::archive(act, id)?;
        one(act.conn, act.tenant, current, act.wall)
    })
    .await
}

/// Try payment terms on a sale
///
/// The due dates, amounts and discounts that an invoice would get, and what the law of the tenant says. Nothing is written.
#[utoipa::path(operation_id = "previewTerms", tag = "Terms", request_body = TermsPreview, responses((status = 200, description = "What would follow", body = TermsPreviewView)), security(("api_key" = ["terms:read"])))]
#[post("/v1/terms/preview")]
pub async fn preview(call: Call<TermsPreview>) -> Answer {
    let wanted = call.body.clone();
    let (drafts, warnings) = call.read(move |conn, tenant| actions::terms::preview(conn, tenant, &wanted)).await?;
    call.ok(&TermsPreviewView::new(drafts, warnings))
}
