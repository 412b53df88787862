//! `/v1/requests`: what became of a request that wanted to change something, or failed.
//!
//! Kept for thirty days. Records are gathered in memory and written a few times a second, many in one statement, outside of the request: nobody waits
//! for them, and a process that is killed loses those of its last moment. What was done is told by the evidence, which loses nothing.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError, Weak},
    time::Duration,
};

use actix_web::get;
use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Call, State,
    call::Answer,
    frame::Noted,
    page::{Page, PageQuery},
};
use crate::{
    domain::ids::{EvidenceId, RequestId, TenantId},
    error::Result,
    store::{
        self, Conn, Db, Json, Ts,
        evidence::Filter,
        requests::{KEPT, Request},
    },
};

/// How often what was gathered is written.
const PAUSE: Duration = Duration::from_millis(250);
/// How many wait to be written at most; what comes while the database takes nothing is not recorded.
const MOST: usize = 50_000;
/// How many entries about a new resource are looked through.
const ENTRIES: i64 = 20;

/// Records that wait to be written.
#[derive(Debug, Default)]
pub struct Requests {
    waiting: Mutex<Vec<Request>>,
    /// Held while records are written, so that whoever writes next finds what was taken before.
    writing: tokio::sync::Mutex<()>,
}

/// How a request ended.
#[derive(Debug)]
pub struct Ended {
    /// The answer's status.
    pub status: u16,
    /// The problem's code, if it was one.
    pub code: Option<String>,
    /// How long it took.
    pub took: Duration,
    /// When that was.
    pub at: DateTime<Utc>,
}

impl Requests {
    /// Records a request, unless it only read, or there were too many.
    pub fn note(&self, id: &str, noted: &Noted, ended: &Ended) {
        let reads = noted.operation.method == "GET";
        let (Ok(id), Some(_)) = (id.parse(), &noted.operation.scope) else { return };
        if ended.status == 429 || (reads && ended.status < 400) {
            return;
        }
        let row = Request {
            tenant_id: noted.tenant,
            id,
            operation: noted.operation.id.clone(),
            method: noted.operation.method.clone(),
            path: noted.operation.path.clone(),
            status: i32::from(ended.status),
            code: ended.code.clone(),
            actor: noted.actor.clone(),
            took_micros: i64::try_from(ended.took.as_micros()).unwrap_or(i64::MAX),
            key_digest: noted.key.map(|digest| digest.to_vec()),
            replayed: noted.replayed,
            resource: noted.resource.clone(),
            entries: noted.entries.clone().map(Json),
            received_at: Ts(ended.at),
        };
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MOST {
            waiting.push(row);
        }
    }

    /// Writes what waits.
    pub async fn write(&self, db: &Db, now: DateTime<Utc>) {
        let _turn = self.writing.lock().await;
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let mut by_tenant = BTreeMap::<TenantId, Vec<Request>>::new();
        for row in waiting {
            by_tenant.entry(row.tenant_id).or_default().push(row);
        }
        for (tenant, rows) in by_tenant {
            let count = rows.len();
            if let Err(error) = db.write(tenant, move |conn| store::requests::keep(conn, tenant, &rows, now)).await {
                tracing::warn!(%error, count, "requests were not recorded");
            }
        }
    }
}

/// Writes what waits, again and again, for as long as there is a state.
pub async fn write_on(state: Weak<State>) {
    loop {
        tokio::time::sleep(PAUSE).await;
        let Some(state) = state.upgrade() else { return };
        state.requests.write(&state.db, state.clock.now()).await;
    }
}

/// The id that an answer begins with: views say first what they are, and which.
pub fn id_in(body: &str) -> Option<String> {
    let (_, rest) = body.split_once("\"id\":\"").filter(|(before, _)| before.len() < 100)?;
    rest.split_once('"').map(|(id, _)| id.to_owned())
}

/// What became of a request.
#[derive(Debug, Serialize, ToSchema)]
pub struct RequestView {
    /// Always `request`.
    #[schema(max_length = 20, example = "request")]
    pub object: &'static str,
    /// Its id, as `X-Request-Id` told it.
    pub id: RequestId,
    /// The operation, by its name in the reference.
    #[schema(max_length = 60, example = "createInvoice")]
    pub operation: String,
    /// Its method.
    #[schema(max_length = 10, example = "POST")]
    pub method: String,
    /// Its path, with the names of what was filled in.
    #[schema(max_length = 200, example = "/v1/invoices")]
    pub path: String,
    /// The answer's status.
    #[schema(minimum = 100, maximum = 599)]
    pub status: i32,
    /// The problem's code, if the answer was one.
    #[schema(max_length = 60)]
    pub code: Option<String>,
    /// Who asked: a key's id.
    #[schema(max_length = 100)]
    pub actor: String,
    /// How long it took, in microseconds.
    #[schema(minimum = 0)]
    pub took_micros: i64,
    /// SHA-256 over method, path and `Idempotency-Key`, in hexadecimal; none without a key.
    #[schema(max_length = 64, pattern = "^[0-9a-f]{64}$")]
    pub idempotency_digest: Option<String>,
    /// Whether an earlier answer was given again, and nothing was done.
    pub replayed: bool,
    /// The id of what the answer showed.
    #[schema(max_length = 64)]
    pub resource: Option<String>,
    /// Where that is read, if it has a path of its own.
    #[schema(max_length = 200)]
    pub resource_url: Option<String>,
    /// The entries of the evidence that it left.
    #[schema(max_items = 1000)]
    pub evidence: Vec<EvidenceId>,
    /// When it was answered.
    pub received_at: DateTime<Utc>,
}

/// Get a request
///
/// What became of a request of this tenant that wanted to change something, or failed. Requests that read are not recorded, nor those beyond the rate
/// limits. Kept for thirty days; a server that was killed may have forgotten its last moment.
#[utoipa::path(operation_id = "getRequest", tag = "Operations", params(("request_id" = RequestId, Path, description = "The request")), responses((status = 200, description = "The request", body = RequestView)), security(("api_key" = ["tenant:read"])))]
#[get("/v1/requests/{request_id}")]
pub async fn find(call: Call) -> Answer {
    let (id, now) = (call.id("request_id")?, call.wall());
    // Whoever asks at once finds what this process has not yet written.
    call.state.requests.write(&call.state.db, now).await;
    let (row, evidence) = call
        .read(move |conn, tenant| {
            let row = store::requests::find(conn, tenant, id, now - KEPT)?;
            let evidence = entries(conn, tenant, &row)?;
            Ok((row, evidence))
        })
        .await?;
    call.ok(&view(&call.state, row, evidence))
}

/// Which requests to list.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RequestQuery {
    /// Only those that came with this key: SHA-256, in hexadecimal, over method, line feed, path, line feed and `Idempotency-Key`.
    #[param(min_length = 64, max_length = 64, pattern = "^[0-9a-f]{64}$")]
    pub idempotency_digest: Option<String>,
}

/// List requests
///
/// Those of this tenant that wanted to change something, or failed, the newest first; kept for thirty days. A request that was recorded together with
/// others shows its evidence at `/v1/requests/{request_id}` alone.
#[utoipa::path(operation_id = "listRequests", tag = "Operations", params(PageQuery, RequestQuery), responses((status = 200, description = "A page", body = Page<RequestView>)), security(("api_key" = ["tenant:read"])))]
#[get("/v1/requests")]
pub async fn list(call: Call<(), RequestQuery>) -> Answer {
    let (window, now) = (call.window()?, call.wall());
    let digest = call.query.idempotency_digest.as_ref().and_then(|digits| HEXLOWER.decode(digits.as_bytes()).ok());
    call.state.requests.write(&call.state.db, now).await;
    let rows =
        call.read(move |conn, tenant| store::requests::list(conn, tenant, digest, now - KEPT, window.after(), window.fetch())).await?;
    let shown = |row: Request| {
        let evidence = row.entries.clone().map(|known| known.0).unwrap_or_default();
        view(&call.state, row, evidence)
    };
    call.page(window, rows, |row| row.id.uuid(), shown).await
}

fn view(state: &State, row: Request, evidence: Vec<EvidenceId>) -> RequestView {
    let collection = row.path.split('/').take(3).collect::<Vec<_>>().join("/");
    let url = row.resource.as_ref().map(|id| format!("{collection}/{id}"));
    let is_read = |url: &String| state.contract.methods_at(url).is_some_and(|methods| methods.iter().any(|method| method == "GET"));
    RequestView {
        object: "request",
        id: row.id,
        operation: row.operation,
        method: row.method,
        path: row.path,
        status: row.status,
        code: row.code,
        actor: row.actor,
        took_micros: row.took_micros,
        idempotency_digest: row.key_digest.map(|digest| HEXLOWER.encode(&digest)),
        replayed: row.replayed,
        resource: row.resource,
        resource_url: url.filter(is_read),
        evidence,
        received_at: row.received_at.0,
    }
}

/// The entries that a request left. One that was recorded together with others knows its resource alone; what is told of that up to the answer, in the
/// actor's name, was told by the request that made it.
fn entries(conn: &mut Conn, tenant: TenantId, row: &Request) -> Result<Vec<EvidenceId>> {
    if let Some(known) = &row.entries {
        return Ok(known.0.clone());
    }
    let Some(resource) = row.resource.clone().filter(|_| row.status < 300) else { return Ok(Vec::new()) };
    let filter = Filter { subject: Some(resource), ..Filter::default() };
    let about = store::evidence::list(conn, tenant, &filter, None, ENTRIES)?;
    let own = about.into_iter().filter(|one| one.entry.actor == row.actor && one.entry.recorded_at <= row.received_at.0);
    Ok(own.map(|one| one.entry.id).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_views_id_is_found_at_its_beginning() {
        assert_eq!(id_in(r#"{"object":"invoice","id":"inv_1","customer_id":"cus_1"}"#).as_deref(), Some("inv_1"));
        assert_eq!(id_in(r#"{"key":{"object":"api_key","id":"key_1"}}"#).as_deref(), Some("key_1"));
        assert_eq!((id_in("{}"), id_in(&format!("{:>200}", r#""id":"x""#))), (None, None));
    }
}
