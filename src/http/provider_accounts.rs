//! `/v1/provider-accounts`: through whom messages go. Credentials enter and never leave.

pub mod health;
pub mod shapes;

use std::collections::BTreeSet;

use actix_web::{get, http::StatusCode, patch, post};

use super::{
    Call, State,
    call::Answer,
    page::{Page, PageQuery},
    subject::Look,
};
use crate::{
    actions::{
        self,
        provider_accounts::{AccountChange, NewAccount, Usage},
    },
    domain::{
        contact::Channel,
        ids::{Mode, ProviderAccountId, TenantId},
        invalid::Faults,
        provider::{CheckResult, ProviderAccountState},
    },
    error::{Error, Result},
    outbound::registry::{self, Credentials, ProviderKind, ProviderSettings},
    store::{self, provider_accounts::ProviderAccount},
};
use shapes::{
    CredentialRotation, NewProviderAccount, ProviderAccountChange, ProviderAccountCreated, ProviderAccountView, ProviderCheckView,
};

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
/// Messages of its channels go through it from now on, the lowest priority first. Where the provider can be asked, it is asked first whether the credentials are good:
/// if it refuses them, nothing is made; if it cannot be reached, the answer carries a warning. `"check": false` leaves that out.
#[utoipa::path(operation_id = "createProviderAccount", tag = "Providers", request_body = NewProviderAccount, responses((status = 201, description = "Made, with what is to be done at the provider", body = ProviderAccountCreated)), security(("api_key" = ["providers:write"])))]
#[post("/v1/provider-accounts")]
pub async fn create(call: Call<NewProviderAccount>) -> Answer {
    let (new, state) = (call.body.clone(), call.state.clone());
    check(call.tenant(), &state, &new.settings, new.credentials.as_ref(), new.channels.as_ref())?;
    let probed = match new.check {
        true => Some(health::probe(&call, &new.settings, new.credentials.as_ref()).await?),
        false => None,
    };
    if let Some((CheckResult::Refused, why)) = &probed {
        let why = why.as_deref().unwrap_or("no reason was given");
        return Err(call.problem(Faults::one("/credentials", "refused", format!("the provider refuses the account: {why}")).into()));
    }
    call.act(StatusCode::CREATED, move |act| {
        let kind = new.settings.kind();
        let account = NewAccount {
            name: new.name.clone(),
            kind: kind.to_string(),
            channels: new.channels.clone().unwrap_or_else(|| registry::capabilities(kind).unasked()),
            settings: serde_json::to_value(&new.settings).map_err(Error::internal)?,
            credentials: new.credentials.as_ref().map(plain).transpose()?,
            priority: new.priority,
            usage: Usage { weight: new.weight, rate_per_second: new.rate_per_second, concurrency: new.concurrency },
        };
        let mut row = actions::provider_accounts::create(act, &state.vault, account)?;
        if let Some((result, detail)) = &probed {
            row = actions::provider_accounts::checked(act, row.id, *result, detail.as_deref())?;
        }
        let check =
            probed.clone().map(|(result, detail)| ProviderCheckView { object: "provider_check", result, detail, checked_at: act.wall });
        let unreachable = check.as_ref().filter(|check| check.result == CheckResult::Unreachable);
        let why = unreachable.map(|check| check.detail.as_deref().unwrap_or("no answer"));
        let warning = why.map(|why| format!("the provider could not be reached, so the credentials are not checked: {why}"));
        Ok(ProviderAccountCreated { account: ProviderAccountView::of(row, &state)?, check, warning })
    })
    .await
}

/// List provider accounts
///
/// Also those that are not in use.
#[utoipa::path(operation_id = "listProviderAccounts", tag = "Providers", params(PageQuery), responses((status = 200, description = "A page", body = Page<ProviderAccountView>)), security(("api_key" = ["providers:read"])))]
#[get("/v1/provider-accounts")]
pub async fn list(call: Call) -> Answer {
    let (window, state) = (call.window()?, call.state.clone());
    let rows = call
        .read(move |conn, tenant| {
            let rows = store::provider_accounts::list(conn, tenant, window.after(), window.fetch())?;
            rows.into_iter().map(|row| ProviderAccountView::of(row, &state)).collect::<Result<Vec<_>>>()
        })
        .await?;
    call.page(window, rows, |row| row.id.uuid(), |view| view).await
}

/// Get a provider account
///
/// Without its credentials.
#[utoipa::path(operation_id = "getProviderAccount", tag = "Providers", params(("provider_account_id" = ProviderAccountId, Path, description = "The account")), responses((status = 200, description = "The account", body = ProviderAccountView)), security(("api_key" = ["providers:read"])))]
#[get("/v1/provider-accounts/{provider_account_id}")]
pub async fn find(call: Call) -> Answer {
    call.show(current).await
}

/// As it is shown.
///
/// # Errors
/// When it is not there.
pub fn current(look: &mut Look<'_>) -> Result<ProviderAccountView> {
    let id = look.id("provider_account_id")?;
    ProviderAccountView::of(store::provider_accounts::find(look.conn, look.tenant, id)?, look.state)
}

/// Change a provider account
///
/// Its name, settings, channels, priority, weight or limits. The kind stays; credentials have an operation of their own.
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
            weight: wanted.weight,
            rate_per_second: wanted.rate_per_second,
            concurrency: wanted.concurrency,
        };
        ProviderAccountView::of(actions::provider_accounts::change(act, old, change)?, &state)
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
        ProviderAccountView::of(row, &state)
    })
    .await
}

/// Rotate a provider account's receipt URL
///
/// The account gets another one, which is to be given to the provider; the former one is honoured for seven days.
#[utoipa::path(operation_id = "rotateProviderReceiptUrl", tag = "Providers", params(("provider_account_id" = ProviderAccountId, Path, description = "The account")), responses((status = 200, description = "With its new receipt URL", body = ProviderAccountView)), security(("api_key" = ["providers:write"])))]
#[post("/v1/provider-accounts/{provider_account_id}/rotate-receipt-url")]
pub async fn rotate_receipt_url(call: Call) -> Answer {
    let (id, state) = (call.id("provider_account_id")?, call.state.clone());
    call.act(StatusCode::OK, move |act| {
        let row = actions::provider_accounts::rotate_receipt_path(act, &state.vault, id)?;
        ProviderAccountView::of(row, &state)
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
    let (id, shared) = (call.id("provider_account_id")?, call.state.clone());
    call.act(StatusCode::OK, move |act| ProviderAccountView::of(actions::provider_accounts::set_state(act, id, state)?, &shared)).await
}
