//! `/v1/tenants` for the platform, `/v1/tenant` for a tenant about itself.

use actix_web::{get, http::StatusCode, patch, post};
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
    actions,
    domain::{
        credit::settings::CreditSettings,
        ids::{Mode, TenantId, TermsId},
        invalid::Faults,
        locale::{Jurisdiction, Language},
        money::Currency,
        tenant::{Concessions, Letterhead, NewTenant, TenantChange, TenantStatus, WorkingTime},
        texts::TextSettings,
    },
    error::Error,
    http::keys::KeyWithSecret,
    store::{self, tenants::Tenant},
};

/// A creditor.
#[derive(Debug, Serialize, ToSchema)]
pub struct TenantView {
    /// Always `tenant`.
    #[schema(max_length = 20, example = "tenant")]
    pub object: &'static str,
    /// The tenant's id; the same in live and test mode.
    pub id: TenantId,
    /// Which of its two partitions is shown.
    pub mode: Mode,
    /// The creditor's name, as debtors know it.
    #[schema(max_length = 140)]
    pub name: String,
    /// Whose law governs its invoices.
    pub jurisdiction: Jurisdiction,
    /// IANA zone in which its dates are meant.
    #[schema(max_length = 50)]
    pub time_zone: String,
    /// The language of its texts where the debtor's is unknown.
    pub language: Language,
    /// The currency of its reports.
    pub currency: Currency,
    /// What its letters show.
    pub letterhead: Letterhead,
    /// On which days it works.
    pub working_time: WorkingTime,
    /// The payment terms of invoices that have no others, if any.
    pub terms_id: Option<TermsId>,
    /// What it concedes.
    pub concessions: Concessions,
    /// How it grants credit.
    pub credit: CreditSettings,
    /// How it sends text messages.
    pub texts: TextSettings,
    /// Whether anything is sent.
    pub status: TenantStatus,
    /// Counts the changes.
    #[schema(minimum = 1)]
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<Tenant> for TenantView {
    fn from(row: Tenant) -> Self {
        Self {
            object: "tenant",
            id: row.tenant_id,
            mode: row.tenant_id.mode(),
            name: row.name,
            jurisdiction: row.jurisdiction,
            time_zone: row.time_zone,
            language: row.language,
            currency: row.currency,
            terms_id: row.settings.terms_id,
            letterhead: row.settings.0.letterhead,
            working_time: row.settings.0.working_time,
            concessions: row.settings.0.concessions,
            credit: row.settings.0.credit,
            texts: row.settings.0.texts,
            status: row.status,
            version: row.version,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        }
    }
}

/// A tenant just made, with the first key of each mode.
#[derive(Debug, Serialize, ToSchema)]
pub struct TenantCreated {
    /// The tenant.
    pub tenant: TenantView,
    /// A live key with every scope. Its secret is shown this once.
    pub live_key: KeyWithSecret,
    /// A test key with every scope. Its secret is shown this once.
    pub test_key: KeyWithSecret,
}

/// Create a tenant
///
/// Makes both of its partitions, live and test, and a key for each. The secrets are shown this once.
#[utoipa::path(operation_id = "createTenant", tag = "Tenants", request_body = NewTenant, responses((status = 201, description = "Made", body = TenantCreated)), security(("api_key" = ["tenants:manage"])))]
#[post("/v1/tenants")]
pub async fn create(call: Call<NewTenant>) -> Answer {
    let new = call.body.clone();
    call.act(StatusCode::CREATED, move |act| {
        let (tenant, [live_key, test_key]) = actions::tenants::create(act, &new)?;
        Ok(TenantCreated { tenant: tenant.into(), live_key: live_key.into(), test_key: test_key.into() })
    })
    .await
}

/// List tenants
///
/// Every tenant of the installation, in the order in which they were made.
#[utoipa::path(operation_id = "listTenants", tag = "Tenants", params(PageQuery), responses((status = 200, description = "A page", body = Page<TenantView>)), security(("api_key" = ["tenants:manage"])))]
#[get("/v1/tenants")]
pub async fn list(call: Call) -> Answer {
    let window = call.window()?;
    let rows =
        call.read(move |conn, _| store::tenants::list_live(conn, window.after_uuid().map(TenantId::from_uuid), window.fetch())).await?;
    call.page(window, rows, |row| row.tenant_id.uuid(), TenantView::from).await
}

/// Get a tenant
///
/// Its live partition.
#[utoipa::path(operation_id = "getTenant", tag = "Tenants", params(("tenant_id" = TenantId, Path, description = "The tenant")), responses((status = 200, description = "The tenant", body = TenantView)), security(("api_key" = ["tenants:manage"])))]
#[get("/v1/tenants/{tenant_id}")]
pub async fn find(call: Call) -> Answer {
    call.show(current).await
}

/// As it is shown.
///
/// # Errors
/// When it is not there.
pub fn current(look: &mut Look<'_>) -> crate::error::Result<TenantView> {
    let id = tenant_id(look.text("tenant_id")?)?;
    store::tenants::find(look.conn, id).map(TenantView::from)
}

/// Change a tenant
///
/// Changes both partitions. Suspending stops all planning and sending; everything stays readable.
#[utoipa::path(operation_id = "updateTenant", tag = "Tenants", params(("tenant_id" = TenantId, Path, description = "The tenant")), request_body = TenantChange, responses((status = 200, description = "As it is now", body = TenantView)), security(("api_key" = ["tenants:manage"])))]
#[patch("/v1/tenants/{tenant_id}")]
pub async fn change(call: Call<TenantChange>) -> Answer {
    let id = tenant_id(call.path("tenant_id")?)?;
    let wanted = call.body.clone();
    call.act(StatusCode::OK, move |act| {
        act.in_partition(id.in_mode(Mode::Test), |act| actions::tenants::change(act, &wanted))?;
        let live = act.in_partition(id, |act| actions::tenants::change(act, &wanted))?;
        Ok(TenantView::from(live))
    })
    .await
}

/// Get the own tenant
///
/// The tenant of the key, in the mode of the key.
#[utoipa::path(operation_id = "getOwnTenant", tag = "Tenants", responses((status = 200, description = "The tenant", body = TenantView)), security(("api_key" = ["tenant:read"])))]
#[get("/v1/tenant")]
pub async fn find_own(call: Call) -> Answer {
    call.show(current_own).await
}

/// As it is shown.
///
/// # Errors
/// When it is not there.
pub fn current_own(look: &mut Look<'_>) -> crate::error::Result<TenantView> {
    store::tenants::find(look.conn, look.tenant).map(TenantView::from)
}

/// Change the own tenant
///
/// Changes the partition of the key's mode alone.
#[utoipa::path(operation_id = "updateOwnTenant", tag = "Tenants", request_body = TenantChange, responses((status = 200, description = "As it is now", body = TenantView)), security(("api_key" = ["tenant:write"])))]
#[patch("/v1/tenant")]
pub async fn change_own(call: Call<TenantChange>) -> Answer {
    let wanted = call.body.clone();
    call.act(StatusCode::OK, move |act| actions::tenants::change(act, &wanted).map(TenantView::from)).await
}

fn tenant_id(text: &str) -> crate::error::Result<TenantId> {
    text.parse().map_err(|error: crate::domain::ids::WrongId| Error::Malformed(Faults::one("path", "wrong_id", error.to_string())))
}
