//! `/v1/connections`: accounting software that tells us, or is asked. Credentials enter and never leave.

pub mod inbound;
pub mod notices;

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
        connection::{ConnectionChange, ConnectionCredentials, ConnectionSettings, ConnectionState, NewConnection, System},
        ids::{ConnectionId, Mode},
        invalid::Faults,
    },
    error::{Error, Result},
    instance::Instance,
    outbound::connectors::{self, Access, Connector},
    store::{self, connections::Connection},
};

/// A connection, without its secrets.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConnectionView {
    /// Always `connection`.
    #[schema(max_length = 20, example = "connection")]
    pub object: &'static str,
    /// The connection's id.
    pub id: ConnectionId,
    /// Which software.
    pub system: System,
    /// The name that its invoices and customers go by here.
    #[schema(max_length = 50, example = "stripe")]
    pub source: String,
    /// How people call it.
    #[schema(max_length = 100)]
    pub name: String,
    /// Whether it is used.
    pub state: ConnectionState,
    /// What it needs beside its secrets.
    pub settings: ConnectionSettings,
    /// Where the software posts its notices: `setup_steps` say where to enter it. Whoever knows it can write invoices, where the software signs nothing. Absent where it cannot
    /// be opened any more: rotate it.
    #[schema(
        format = "uri",
        max_length = 500,
        example = "https://dunning.example.com/v1/inbound/connections/rli_01jd3kq8e5fvv8m3s9tqz4x7ya"
    )]
    pub inbound_url: Option<String>,
    /// Until when the former address is honoured, after a rotation.
    pub former_inbound_url_until: Option<DateTime<Utc>>,
    /// What to do in the software so that its notices arrive.
    #[schema(max_items = 20)]
    pub setup_steps: Vec<String>,
    /// Whether the software is asked what changed: every few minutes where it tells nobody, every six hours where its notices only might get lost.
    pub polls: bool,
    /// When it is next asked, if it is.
    pub next_poll_at: Option<DateTime<Utc>>,
    /// Why it could not be asked the last time, or why its token could not be renewed.
    #[schema(max_length = 1000)]
    pub last_error: Option<String>,
    /// Counts the changes.
    #[schema(minimum = 1)]
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl ConnectionView {
    fn of(row: Connection, instance: &Instance) -> Self {
        let inbound_url = instance.connection_url(&row);
        let named = inbound_url.clone().unwrap_or_else(|| "inbound_url".to_owned());
        Self {
            object: "connection",
            id: row.id,
            system: row.system,
            source: row.source,
            name: row.name,
            state: row.state,
            settings: row.settings.0,
            setup_steps: connectors::setup_steps(row.system).iter().map(|step| step.replace("{url}", &named)).collect(),
            inbound_url,
            former_inbound_url_until: row.former_inbound_until.map(|at| at.0),
            polls: row.poll_at.is_some(),
            next_poll_at: row.poll_at.map(|at| at.0).filter(|_| row.state == ConnectionState::Active),
            last_error: row.last_error,
            version: row.version,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        }
    }
}

/// The adapter of what is to be kept, or everything that is wrong with it.
fn checked(
    instance: &Instance,
    mode: Mode,
    system: System,
    settings: ConnectionSettings,
    credentials: ConnectionCredentials,
) -> Result<Box<dyn Connector>, Faults> {
    let mut faults = Faults::none();
    if let Some(url) = &settings.base_url
        && let Err(why) = instance.net.policy().check_url(mode, url)
    {
        faults.add("/settings/base_url", "forbidden", why.to_string());
    }
    let adapter = connectors::open(system, Access { settings, credentials });
    match adapter {
        Ok(adapter) => faults.or(adapter),
        Err(wrong) => {
            faults.nest("", wrong);
            Err(faults)
        }
    }
}

/// Create a connection
///
/// What the software tells is applied from now on: `setup_steps` of the answer say what to do there, with the address that it is to call. Where `polls` is true, what is open there is
/// asked for first, and then what changed. From the others nothing is fetched that they had before: import it, or have the software send it again.
#[utoipa::path(operation_id = "createConnection", tag = "Connections", request_body = NewConnection, responses((status = 201, description = "Made, with what is to be done in the software", body = ConnectionView)), security(("api_key" = ["providers:write"])))]
#[post("/v1/connections")]
pub async fn create(call: Call<NewConnection>) -> Answer {
    let (new, state) = (call.body.clone(), call.state.clone());
    let polls = checked(&state, call.tenant().mode(), new.system, new.settings.clone(), new.credentials.clone())?.polls();
    call.act(StatusCode::CREATED, move |act| {
        let row = actions::connections::create(act, &state.vault, &new, polls)?;
        Ok(ConnectionView::of(row, &state))
    })
    .await
}

/// List connections
///
/// Also those that are not in use.
#[utoipa::path(operation_id = "listConnections", tag = "Connections", params(PageQuery), responses((status = 200, description = "A page", body = Page<ConnectionView>)), security(("api_key" = ["providers:read"])))]
#[get("/v1/connections")]
pub async fn list(call: Call) -> Answer {
    let (window, state) = (call.window()?, call.state.clone());
    let rows = call.read(move |conn, tenant| store::connections::list(conn, tenant, window.after(), window.fetch())).await?;
    call.page(window, rows, |row| row.id.uuid(), |row| ConnectionView::of(row, &state)).await
}

/// Get a connection
///
/// Without its secrets.
#[utoipa::path(operation_id = "getConnection", tag = "Connections", params(("connection_id" = ConnectionId, Path, description = "The connection")), responses((status = 200, description = "The connection", body = ConnectionView)), security(("api_key" = ["providers:read"])))]
#[get("/v1/connections/{connection_id}")]
pub async fn find(call: Call) -> Answer {
    call.show(current).await
}

/// As it is shown.
///
/// # Errors
/// When it is not there.
pub fn current(look: &mut Look<'_>) -> Result<ConnectionView> {
    let id = look.id("connection_id")?;
    let row = store::connections::find(look.conn, look.tenant, id)?;
    Ok(ConnectionView::of(row, look.state))
}

/// Change a connection
///
/// Its name, settings, secrets, and whether it is used. While a signing secret is rotated, give both. What arrives at one that is not in use is refused, so that the software sends it again.
#[utoipa::path(operation_id = "updateConnection", tag = "Connections", params(("connection_id" = ConnectionId, Path, description = "The connection")), request_body = ConnectionChange, responses((status = 200, description = "As it is now", body = ConnectionView)), security(("api_key" = ["providers:write"])))]
#[patch("/v1/connections/{connection_id}")]
pub async fn change(call: Call<ConnectionChange>) -> Answer {
    let id = call.id("connection_id")?;
    let (wanted, state) = (call.body.clone(), call.state.clone());
    call.act(StatusCode::OK, move |act| {
        let old = store::connections::lock(act.conn, act.tenant, id)?;
        if wanted.settings.is_some() || wanted.credentials.is_some() {
            let settings = wanted.settings.clone().unwrap_or_else(|| old.settings.0.clone());
            let credentials = match &wanted.credentials {
                Some(given) => given.clone(),
                None => old.open_credentials(&state.vault).map_err(|error| Error::internal(format!("credentials of {id}: {error}")))?,
            };
            checked(&state, act.tenant.mode(), old.system, settings, credentials)?;
        }
        Ok(ConnectionView::of(actions::connections::change(act, &state.vault, old, &wanted)?, &state))
    })
    .await
}

/// Rotate a connection's inbound URL
///
/// The connection gets another one, which is to be entered in the software; the former one is honoured for seven days.
#[utoipa::path(operation_id = "rotateConnectionUrl", tag = "Connections", params(("connection_id" = ConnectionId, Path, description = "The connection")), responses((status = 200, description = "With its new address", body = ConnectionView)), security(("api_key" = ["providers:write"])))]
#[post("/v1/connections/{connection_id}/rotate-url")]
pub async fn rotate_url(call: Call) -> Answer {
    let (id, state) = (call.id("connection_id")?, call.state.clone());
    call.act(StatusCode::OK, move |act| Ok(ConnectionView::of(actions::connections::rotate_url(act, &state.vault, id)?, &state))).await
}
