//! `/v1/provider-accounts`: through whom messages go. Credentials enter and never leave.

use std::collections::BTreeSet;

use actix_web::{get, http::StatusCode, patch, post};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Call, State,
    call::Answer,
    page::{Page, PageQuery},
};
use crate::{
    actions::{
        self,
        provider_accounts::{AccountChange, NewAccount},
    },
    domain::{
        contact::Channel,
        delivery::EvidenceGrade,
        ids::{Mode, ProviderAccountId, TenantId},
        invalid::Faults,
        provider::{ProviderAccountState, ReceiptSignature},
    },
    error::{Error, Result},
    outbound::{
        Idempotency,
        registry::{self, Credentials, ProviderKind, ProviderSettings},
    },
    store::{self, provider_accounts::ProviderAccount},
};

/// A provider account, without its credentials.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderAccountView {
    /// Always `provider_account`.
    #[schema(max_length = 20, example = "provider_account")]
    pub object: &'static str,
    /// The account's id.
    pub id: ProviderAccountId,
    /// How people call it.
    #[schema(max_length = 100)]
    pub name: String,
    /// Which provider.
    pub kind: ProviderKind,
    /// What it is used for.
    #[schema(max_items = 2)]
    pub channels: BTreeSet<Channel>,
    /// Its settings.
    pub settings: ProviderSettings,
    /// Whether credentials are kept for it. They are never shown.
    pub has_credentials: bool,
    /// The lowest is tried first.
    #[schema(minimum = 0, maximum = 1000)]
    pub priority: i32,
    /// Whether it is used.
    pub state: ProviderAccountState,
    /// What it can carry and prove.
    pub capabilities: CapabilitiesView,
    /// Why the provider last refused the account itself.
    #[schema(max_length = 300)]
    pub last_error: Option<String>,
    /// Counts the changes.
    #[schema(minimum = 1)]
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What a kind of provider can carry and prove.
#[derive(Debug, Serialize, ToSchema)]
pub struct CapabilitiesView {
    /// The channels that it can serve.
    #[schema(max_items = 2)]
    pub channels: BTreeSet<Channel>,
    /// For how long it recognises a message that it was given before, in seconds; none when it does not.
    #[schema(minimum = 1)]
    pub idempotent_seconds: Option<i64>,
    /// Whether a message whose answer was lost can be looked up.
    pub lookup: bool,
    /// How its receipts are authenticated.
    pub receipts: ReceiptSignature,
    /// The most that its receipts can prove.
    pub evidence_grade: EvidenceGrade,
}

impl From<ProviderKind> for CapabilitiesView {
    fn from(kind: ProviderKind) -> Self {
        let known = registry::capabilities(kind);
        Self {
            channels: known.channels.iter().copied().collect(),
            idempotent_seconds: match known.idempotency {
                Idempotency::None => None,
                Idempotency::Key(window) => Some(TimeDelta::num_seconds(&window)),
            },
            lookup: known.lookup,
            receipts: known.signature,
            evidence_grade: known.grade,
        }
    }
}

impl TryFrom<ProviderAccount> for ProviderAccountView {
    type Error = Error;
    fn try_from(row: ProviderAccount) -> Result<Self> {
        let settings = settings_of(&row)?;
        Ok(Self {
            object: "provider_account",
            id: row.id,
            name: row.name,
            kind: settings.kind(),
            channels: row.channels.0,
            capabilities: settings.kind().into(),
            settings,
            has_credentials: row.credentials.is_some(),
            priority: row.priority,
            state: row.state,
            last_error: row.last_error,
            version: row.version,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        })
    }
}

/// A provider account just made.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderAccountCreated {
    /// The account.
    pub account: ProviderAccountView,
    /// Where the provider delivers its receipts: give it to the provider. Shown this once.
    #[schema(format = "uri", max_length = 500, example = "https://dunning.example.com/v1/inbound/rli_live_01jd3kq8e5fvv8m3s9tqz4x7ya")]
    pub receipt_url: String,
}

/// A provider account to make.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Our gateway", "settings": {"kind": "webhook", "url": "https://gateway.example.com/relance"},
    "credentials": {"kind": "webhook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, "priority": 10}))]
pub struct NewProviderAccount {
    /// How people call it.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Which provider, and its settings. Test mode takes the sandbox alone.
    pub settings: ProviderSettings,
    /// Its credentials, of the same kind; never shown again. A mail server without log-in, and the sandbox, have none.
    #[serde(default)]
    pub credentials: Option<Credentials>,
    /// What to use it for; without it, everything that it can carry.
    #[serde(default)]
    #[schema(min_items = 1, max_items = 2)]
    pub channels: Option<BTreeSet<Channel>>,
    /// The lowest is tried first.
    #[serde(default = "usual_priority")]
    #[schema(minimum = 0, maximum = 1000, default = 100)]
    pub priority: i32,
}

const fn usual_priority() -> i32 {
    100
}

/// What may change on a provider account; absent fields stay as they are.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"priority": 20}))]
pub struct ProviderAccountChange {
    /// How people call it.
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// Replaces the whole settings; the kind stays.
    pub settings: Option<ProviderSettings>,
    /// What to use it for.
    #[schema(min_items = 1, max_items = 2)]
    pub channels: Option<BTreeSet<Channel>>,
    /// The lowest is tried first.
    #[schema(minimum = 0, maximum = 1000)]
    pub priority: Option<i32>,
}

/// Other credentials.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"credentials": {"kind": "webhook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}}))]
pub struct CredentialRotation {
    /// Of the account's kind. They replace the former ones at once.
    pub credentials: Credentials,
}

/// What the row says, as its provider's adapter reads it.
fn settings_of(row: &ProviderAccount) -> Result<ProviderSettings> {
    serde_json::from_value(row.settings.0.clone()).map_err(|error| Error::internal(format!("settings of {}: {error}", row.id)))
}

fn credentials_of(row: &ProviderAccount, state: &State) -> Result<Option<Credentials>> {
    let plain = row.open_credentials(&state.vault).map_err(|error| Error::internal(format!("credentials of {}: {error}", row.id)))?;
    plain.map(|json| serde_json::from_slice(&json).map_err(|_| Error::internal("sealed credentials cannot be read"))).transpose()
}

fn plain(credentials: &Credentials) -> Result<Vec<u8>> {
    serde_json::to_vec(credentials).map_err(|_| Error::internal("credentials cannot be written"))
}

/// Everything that is wrong with an account: its kind in this mode, its settings, its credentials, its channels.
fn check(
    tenant: TenantId,
    state: &State,
    settings: &ProviderSettings,
    credentials: Option<&Credentials>,
    channels: Option<&BTreeSet<Channel>>,
) -> Result<(), Faults> {
    let mut faults = Faults::none();
    let kind = settings.kind();
    if tenant.mode() == Mode::Test && kind != ProviderKind::Sandbox {
        faults.add("/settings/kind", "sandbox_only", format!("test mode sends nothing, so it takes no {kind} account; use the live key"));
    } else {
        faults.nest("", registry::check(tenant.mode(), settings, credentials, &state.net).err().unwrap_or_default());
    }
    if kind == ProviderKind::Sandbox && credentials.is_some() {
        faults.add("/credentials", "pointless", "the sandbox has no credentials");
    }
    for channel in channels.into_iter().flatten().filter(|channel| !registry::capabilities(kind).channels.contains(channel)) {
        faults.add("/channels", "wrong_channel", format!("an account of kind {kind} does not carry {channel}"));
    }
    faults.or(())
}

/// Create a provider account
///
/// Messages of its channels go through it from now on, the lowest priority first. Nothing is called to try it.
#[utoipa::path(operation_id = "createProviderAccount", tag = "Providers", request_body = NewProviderAccount, responses((status = 201, description = "Made; the receipt URL is shown this once", body = ProviderAccountCreated)), security(("api_key" = ["providers:write"])))]
#[post("/v1/provider-accounts")]
pub async fn create(call: Call<NewProviderAccount>) -> Answer {
    let (new, state) = (call.body.clone(), call.state.clone());
    check(call.tenant(), &state, &new.settings, new.credentials.as_ref(), new.channels.as_ref())?;
    call.act(StatusCode::CREATED, move |act| {
        let kind = new.settings.kind();
        let all = || registry::capabilities(kind).channels.iter().copied().collect();
        let account = NewAccount {
            name: new.name.clone(),
            kind: kind.to_string(),
            channels: new.channels.clone().unwrap_or_else(all),
            settings: serde_json::to_value(&new.settings).map_err(Error::internal)?,
            credentials: new.credentials.as_ref().map(plain).transpose()?,
            priority: new.priority,
        };
        let (row, token) = actions::provider_accounts::create(act, &state.vault, account)?;
        let receipt_url = format!("{}/v1/inbound/{token}", state.config.public_url.trim_end_matches('/'));
        Ok(ProviderAccountCreated { account: row.try_into()?, receipt_url })
    })
    .await
}

/// List provider accounts
///
/// Also those that are not in use.
#[utoipa::path(operation_id = "listProviderAccounts", tag = "Providers", params(PageQuery), responses((status = 200, description = "A page", body = Page<ProviderAccountView>)), security(("api_key" = ["providers:read"])))]
#[get("/v1/provider-accounts")]
pub async fn list(call: Call<(), PageQuery>) -> Answer {
    let window = call.window()?;
    let rows = call
        .read(move |conn, tenant| {
            let rows = store::provider_accounts::list(conn, tenant, window.after(), window.fetch())?;
            rows.into_iter().map(ProviderAccountView::try_from).collect::<Result<Vec<_>>>()
        })
        .await?;
    call.page(window, rows, |row| row.id.uuid(), |view| view)
}

/// Get a provider account
///
/// Without its credentials.
#[utoipa::path(operation_id = "getProviderAccount", tag = "Providers", params(("provider_account_id" = ProviderAccountId, Path, description = "The account")), responses((status = 200, description = "The account", body = ProviderAccountView)), security(("api_key" = ["providers:read"])))]
#[get("/v1/provider-accounts/{provider_account_id}")]
pub async fn find(call: Call) -> Answer {
    let id = call.id("provider_account_id")?;
    let row = call.read(move |conn, tenant| store::provider_accounts::find(conn, tenant, id)).await?;
    call.ok(&ProviderAccountView::try_from(row)?)
}

/// Change a provider account
///
/// Its name, settings, channels or priority. The kind stays; credentials have an operation of their own.
#[utoipa::path(operation_id = "updateProviderAccount", tag = "Providers", params(("provider_account_id" = ProviderAccountId, Path, description = "The account")), request_body = ProviderAccountChange, responses((status = 200, description = "As it is now", body = ProviderAccountView)), security(("api_key" = ["providers:write"])))]
#[patch("/v1/provider-accounts/{provider_account_id}")]
pub async fn change(call: Call<ProviderAccountChange>) -> Answer {
    let id = call.id("provider_account_id")?;
    let (wanted, state) = (call.body.clone(), call.state.clone());
    call.act(StatusCode::OK, move |act| {
        let old = store::provider_accounts::find(act.conn, act.tenant, id)?;
        let settings = wanted.settings.clone().map_or_else(|| settings_of(&old), Ok)?;
        if settings.kind().as_str() != old.kind {
            let detail = format!("the account is of kind {}; make another account for {}", old.kind, settings.kind());
            return Err(Faults::one("/settings/kind", "immutable", detail).into());
        }
        check(act.tenant, &state, &settings, credentials_of(&old, &state)?.as_ref(), wanted.channels.as_ref())?;
        let change = AccountChange {
            name: wanted.name.clone(),
            channels: wanted.channels.clone(),
            settings: wanted.settings.as_ref().map(serde_json::to_value).transpose().map_err(Error::internal)?,
            priority: wanted.priority,
        };
        ProviderAccountView::try_from(actions::provider_accounts::change(act, old, change)?)
    })
    .await
}

/// Rotate a provider account's credentials
///
/// The former ones are gone at once; messages under way keep theirs to the end.
#[utoipa::path(operation_id = "rotateProviderCredentials", tag = "Providers", params(("provider_account_id" = ProviderAccountId, Path, description = "The account")), request_body = CredentialRotation, responses((status = 200, description = "Rotated", body = ProviderAccountView)), security(("api_key" = ["providers:write"])))]
#[post("/v1/provider-accounts/{provider_account_id}/rotate-credentials")]
pub async fn rotate_credentials(call: Call<CredentialRotation>) -> Answer {
    let id = call.id("provider_account_id")?;
    let (credentials, state) = (call.body.credentials.clone(), call.state.clone());
    call.act(StatusCode::OK, move |act| {
        let old = store::provider_accounts::find(act.conn, act.tenant, id)?;
        check(act.tenant, &state, &settings_of(&old)?, Some(&credentials), None)?;
        let row = actions::provider_accounts::rotate_credentials(act, &state.vault, old, &plain(&credentials)?)?;
        ProviderAccountView::try_from(row)
    })
    .await
}

/// Disable a provider account
///
/// Nothing more is sent through it; receipts of what was sent before are still taken.
#[utoipa::path(operation_id = "disableProviderAccount", tag = "Providers", params(("provider_account_id" = ProviderAccountId, Path, description = "The account")), responses((status = 200, description = "Out of use", body = ProviderAccountView)), security(("api_key" = ["providers:write"])))]
#[post("/v1/provider-accounts/{provider_account_id}/disable")]
pub async fn disable(call: Call) -> Answer {
    set_state(call, ProviderAccountState::Disabled).await
}

/// Enable a provider account
///
/// Messages go through it again.
#[utoipa::path(operation_id = "enableProviderAccount", tag = "Providers", params(("provider_account_id" = ProviderAccountId, Path, description = "The account")), responses((status = 200, description = "In use", body = ProviderAccountView)), security(("api_key" = ["providers:write"])))]
#[post("/v1/provider-accounts/{provider_account_id}/enable")]
pub async fn enable(call: Call) -> Answer {
    set_state(call, ProviderAccountState::Active).await
}

async fn set_state(call: Call, state: ProviderAccountState) -> Answer {
    let id = call.id("provider_account_id")?;
    call.act(StatusCode::OK, move |act| ProviderAccountView::try_from(actions::provider_accounts::set_state(act, id, state)?)).await
}
