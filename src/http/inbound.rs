//! `/v1/inbound/{token}`: where providers deliver their receipts.
//!
//! Public, and believes nobody: the path names a provider account, its adapter checks the signature. Whatever cannot be verified gets one and the same answer, so that
//! a path cannot be told from a guess. One exception: a provider that is known to forget its signature is told that we are busy, so that it sends again. The provider is
//! answered only once its receipt is safe; what it means is found out later, by the worker.

use std::{collections::BTreeMap, time::Duration};

use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, post, web};

use super::{
    Problem, State,
    body::read_limited,
    call::{Answer, request_id},
};
use crate::{
    actions::{
        self,
        receipts::{Arrived, Statement},
    },
    domain::{
        contact::Channel,
        credit::request::SolvencyAnswer,
        ids::{SolvencyCheckId, TenantId},
        key::{Purpose, Token},
    },
    error::Result,
    outbound::{self, About, Inbound, Provider, Report, Unverified},
    store::{self, provider_accounts::ProviderAccount},
};

/// The largest receipt, in bytes.
const MAX_RECEIPT: usize = 1024 * 1024;
/// The largest one of an account that carries letters: the documents of the post may stand in it, and one provider's grow to 25 MB.
const MAX_LETTER_RECEIPT: usize = 26 * 1024 * 1024;
/// Headers that are no evidence, only somebody's credentials.
const CREDENTIALS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// Receive a receipt
///
/// For providers. The path is shown when a provider account is made; whoever calls it must sign as that provider does.
#[utoipa::path(operation_id = "receiveReceipt", tag = "Providers", params(("token" = String, Path, description = "The provider account's own path", max_length = 100)), request_body(content = String, content_type = "*/*", description = "As the provider words it; at most 1 MB, or 26 MB for an account that carries letters"), responses((status = 204, description = "Safely stored; some providers are answered 200, as they expect"), (status = 401, description = "Not verified")), security())]
#[post("/v1/inbound/{token}")]
pub async fn receive(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> Answer {
    accept(request, payload, state).await
}

/// Receive a receipt by GET
///
/// For providers that put what they report in the query.
#[utoipa::path(operation_id = "receiveReceiptByGet", tag = "Providers", params(("token" = String, Path, description = "The provider account's own path", max_length = 100)), responses((status = 204, description = "Safely stored; some providers are answered 200, as they expect"), (status = 401, description = "Not verified")), security())]
#[get("/v1/inbound/{token}")]
pub async fn receive_by_get(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> Answer {
    accept(request, payload, state).await
}

async fn accept(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> Answer {
    let id = request_id(&request);
    deliver(&request, payload, &state).await.map_err(|problem| problem.of_request(&id))
}

async fn deliver(request: &HttpRequest, payload: web::Payload, state: &State) -> Answer {
    let unverified = || Problem::new("unauthenticated", "the receipt could not be verified");
    let addressed = addressed(request, state).await?;
    let letters = addressed.as_ref().is_some_and(|(_, account)| account.channels.contains(&Channel::Letter));
    // Read before anything is said, so that a path cannot be told from a guess by a body of the usual size.
    let body = read_limited(payload.into_inner(), if letters { MAX_LETTER_RECEIPT } else { MAX_RECEIPT }).await?;
    let Some((tenant, account)) = addressed else { return Err(unverified()) };
    let Ok(provider) = state.provider(tenant, &account) else { return Err(unverified()) };
    let inbound = as_it_came(request, state, body);
    if let Err(why) = provider.verify(&inbound, state.clock.now()).await {
        tracing::info!(account = %account.id, %why, "a receipt was not verified");
        return Err(match why {
            // Some providers never repeat what was refused, and all of them what failed.
            Unverified::Unavailable(_) => Problem::new("busy", "the receipt cannot be verified now").later(Duration::from_secs(20)),
            _ => unverified(),
        });
    }
    let solvency = answer_in(&account, &inbound);
    let arrived = arrived(request, &account, provider.as_ref(), inbound);
    let actor = format!("provider:{}", account.id);
    actions::run(&state.db, &state.clock, tenant, &actor, move |act| {
        actions::receipts::keep(act, &arrived)?;
        match &solvency {
            Some((check, answer)) => actions::credit::solvency::answer(act, arrived.account, *check, answer),
            None => Ok(()),
        }
    })
    .await?;
    Ok(HttpResponse::build(StatusCode::from_u16(provider.answer()).unwrap_or(StatusCode::NO_CONTENT)).finish())
}

/// The account whose path this is.
async fn addressed(request: &HttpRequest, state: &State) -> Result<Option<(TenantId, ProviderAccount)>> {
    let token = request.match_info().get("token").and_then(|text| Token::parse(text).ok());
    let Some(token) = token.filter(|token| token.purpose == Purpose::Inbound) else { return Ok(None) };
    let Token { tenant, digest, .. } = token;
    let now = state.clock.now();
    let account = state.db.read(tenant, move |conn| store::provider_accounts::find_by_inbound_digest(conn, tenant, &digest, now)).await?;
    Ok(account.map(|account| (tenant, account)))
}

/// What a provider of solvency checks answers; it is applied at once, beside being kept.
fn answer_in(account: &ProviderAccount, inbound: &Inbound) -> Option<(SolvencyCheckId, SolvencyAnswer)> {
    if account.kind != actions::credit::solvency::KIND {
        return None;
    }
    outbound::providers::solvency::answer(inbound).unwrap_or_else(|_| {
        tracing::warn!(account = %account.id, "a verified answer could not be read; it is kept as it came");
        None
    })
}

/// The request as the provider signed it: under the address that it was given, not the one that a proxy made of it.
fn as_it_came(request: &HttpRequest, state: &State, body: Vec<u8>) -> Inbound {
    let mut headers = BTreeMap::<String, String>::new();
    for (name, value) in request.headers() {
        let Ok(value) = value.to_str() else { continue };
        headers.entry(name.as_str().to_owned()).and_modify(|all| *all = format!("{all}, {value}")).or_insert_with(|| value.to_owned());
    }
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    Inbound { method: request.method().to_string(), url: format!("{}{target}", state.config.public_url), headers, body }
}

/// What will be kept: all of it raw, and what it says as far as it can be read.
fn arrived(request: &HttpRequest, account: &ProviderAccount, provider: &dyn Provider, inbound: Inbound) -> Arrived {
    let reports = provider.parse(&inbound).unwrap_or_else(|_| {
        tracing::warn!(account = %account.id, "a verified receipt could not be read; it is kept as it came");
        Vec::new()
    });
    let Inbound { method, mut headers, body, .. } = inbound;
    headers.retain(|name, _| !CREDENTIALS.contains(&name.as_str()));
    let statements = reports.into_iter().map(statement).collect();
    let may_prove = account.channels.contains(&Channel::Letter);
    Arrived { account: account.id, method, query: request.query_string().to_owned(), headers, body, statements, may_prove }
}

fn statement(report: Report) -> Statement {
    let Report { about, status, at, dedupe, raw_name, detail } = report;
    let (message, provider_message, address) = match about {
        About::Message(id) => (Some(id), None, None),
        About::ProviderId(name) => (None, Some(name), None),
        About::Number(number) => (None, None, Some(number.as_str().to_owned())),
    };
    Statement { message, provider_message, address, status, at, dedupe, raw_name, detail }
}
