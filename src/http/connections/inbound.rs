//! `/v1/inbound/connections/{token}`: where accounting software posts its notices.
//!
//! Public, and believes nobody: the path names a connection, its adapter checks the signature. Whatever cannot be verified gets one and the same answer, so that a path cannot be told from a guess.
//! The software is answered only once its notice is safe; what it means for the ledger is found out later, by the worker.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, post, web};

use crate::{
    actions::{
        self,
        notices::{Arrived, Item},
    },
    domain::{
        connection::ConnectionState,
        crypto::sha256,
        ids::TenantId,
        key::{Purpose, Token},
    },
    error::Result,
    http::{
        Problem, State,
        body::read_limited,
        call::{Answer, request_id},
    },
    outbound::{Inbound, connectors::Connector},
    store::{self, connections::Connection},
};

/// The largest notice, in bytes.
const MAX_NOTICE: usize = 1024 * 1024;
/// The most things that one notice tells.
const MAX_THINGS: usize = 500;
/// Headers that are no evidence, only somebody's credentials.
const CREDENTIALS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// Receive a notice
///
/// For accounting software. The path is shown when a connection is made; whoever calls it must sign as that software does.
#[utoipa::path(operation_id = "receiveNotice", tag = "Connections", params(("token" = String, Path, description = "The connection's own path", max_length = 100)), request_body(content = String, content_type = "*/*", description = "As the software words it; at most 1 MB"), responses((status = 204, description = "Safely stored; answered 200 without a body, as such software expects"), (status = 401, description = "Not verified")), security())]
#[post("/v1/inbound/connections/{token}")]
pub async fn receive(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> Answer {
    let id = request_id(&request);
    accept(&request, payload, &state).await.map_err(|problem| problem.of_request(&id))
}

async fn accept(request: &HttpRequest, payload: web::Payload, state: &State) -> Answer {
    let unverified = || Problem::new("unauthenticated", "the notice could not be verified");
    let addressed = addressed(request, state).await?;
    let body = read_limited(payload.into_inner(), MAX_NOTICE).await?;
    let Some((tenant, connection)) = addressed else { return Err(unverified()) };
    let Ok(connector) = state.connector(&connection) else { return Err(unverified()) };
    let inbound = as_it_came(request, body);
    if let Err(why) = connector.verify(&inbound, state.clock.now()) {
        tracing::info!(connection = %connection.id, %why, "a notice was not verified");
        return Err(unverified());
    }
    let arrived = arrived(&connection, connector.as_ref(), inbound);
    let actor = format!("connection:{}", connection.id);
    actions::run(&state.db, &state.clock, tenant, &actor, move |act| actions::notices::keep(act, &arrived)).await?;
    Ok(HttpResponse::Ok().finish())
}

/// The connection in use whose path this is.
async fn addressed(request: &HttpRequest, state: &State) -> Result<Option<(TenantId, Connection)>> {
    let token = request.match_info().get("token").and_then(|text| Token::parse(text).ok());
    let Some(token) = token.filter(|token| token.purpose == Purpose::Inbound) else { return Ok(None) };
    let Token { tenant, digest, .. } = token;
    let now = state.clock.now();
    let found = state.db.read(tenant, move |conn| store::connections::find_by_inbound_digest(conn, tenant, &digest, now)).await?;
    Ok(found.filter(|connection| connection.state == ConnectionState::Active).map(|connection| (tenant, connection)))
}

fn as_it_came(request: &HttpRequest, body: Vec<u8>) -> Inbound {
    let mut headers = BTreeMap::<String, String>::new();
    for (name, value) in request.headers() {
        let Ok(value) = value.to_str() else { continue };
        headers.entry(name.as_str().to_owned()).and_modify(|all| *all = format!("{all}, {value}")).or_insert_with(|| value.to_owned());
    }
    Inbound { method: request.method().to_string(), url: String::new(), headers, body }
}

/// What will be kept: all of it raw, and what it says as far as it can be read.
fn arrived(connection: &Connection, connector: &dyn Connector, inbound: Inbound) -> Arrived {
    let unreadable = |reason: String| {
        tracing::warn!(connection = %connection.id, "a verified notice could not be read; it is kept as it came");
        vec![Item { dedupe: data_encoding::HEXLOWER.encode(&sha256(&[&inbound.body])), told: None, reason: Some(reason) }]
    };
    let items = match connector.read(&inbound) {
        Ok(told) if told.len() > MAX_THINGS => {
            unreadable(format!("it tells {} things; at most {MAX_THINGS} are taken at once", told.len()))
        }
        Ok(told) => {
            let item =
                |one: crate::outbound::connectors::Told| Item { dedupe: one.key, told: serde_json::to_value(&one.what).ok(), reason: None };
            told.into_iter().map(item).collect()
        }
        Err(error) => unreadable(error.to_string()),
    };
    let Inbound { mut headers, body, .. } = inbound;
    headers.retain(|name, _| !CREDENTIALS.contains(&name.as_str()));
    Arrived { connection: connection.id, headers, body, items }
}
