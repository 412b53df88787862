//! One call: everything a handler needs, checked before it runs.
//!
//! The order is fixed: route, credentials, scope, query, body. A handler that takes a [`Call`] cannot forget any of it, and every write it makes goes
//! through [`Call::act`], which keeps the promise of `Idempotency-Key`.

use std::{
    collections::HashSet,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest, HttpResponse,
    dev::Payload,
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue},
    },
    web,
};
use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use serde_path_to_error::Segment;

use super::{Problem, State, auth::Caller, contract::Operation};
use crate::{
    actions::{
        self, Act,
        idempotency::{Answered, Keyed},
        joint::Joint,
    },
    domain::{
        crypto::sha256,
        ids::{Id, Kind, RequestId, TenantId},
        invalid::Faults,
    },
    error::{Error, Result},
    store::Conn,
};

/// What a handler returns.
pub type Answer = std::result::Result<HttpResponse, Problem>;

/// The largest JSON body, in bytes.
const MAX_BODY: usize = 2 * 1024 * 1024;
/// How long a body may take to arrive.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// A request whose body and query have no meaning for the handler.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Nothing {}

/// An authenticated, authorised and checked request.
#[derive(Debug)]
pub struct Call<Body = (), Query = Nothing> {
    /// Who asks, for which tenant.
    pub caller: Caller,
    /// The checked body.
    pub body: Body,
    /// The checked query.
    pub query: Query,
    /// What every handler can reach.
    pub state: web::Data<State>,
    request: HttpRequest,
    request_id: String,
    keyed: Option<Keyed>,
}

impl<Body, Query> FromRequest for Call<Body, Query>
where
    Body: DeserializeOwned + 'static,
    Query: DeserializeOwned + 'static,
{
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let id = request_id(&request);
            Self::admit(request, payload, id.clone()).await.map_err(|problem| problem.of_request(&id))
        })
    }
}

impl<Body: DeserializeOwned, Query: DeserializeOwned> Call<Body, Query> {
    async fn admit(request: HttpRequest, payload: Payload, request_id: String) -> std::result::Result<Self, Problem> {
        let state = request.app_data::<web::Data<State>>().cloned().ok_or_else(|| Problem::new("internal", "no state"))?;
        let template = request.match_pattern().unwrap_or_default();
        let operation =
            state.contract.operation(request.method().as_str(), &template).ok_or_else(|| Problem::new("not_found", "no such operation"))?;
        // `GET /v1/payments/batch` asks for no payment of that name.
        if let Some(methods) = state.contract.methods_exactly_at(request.path()).filter(|_| template != request.path()) {
            return Err(Problem::method_not_allowed(methods));
        }
        let caller = state.auth.caller(&state, &request, operation.scope.as_deref()).await?;
        let (raw, body) = read_body(operation, &request, payload).await?;
        let (query, body) = check(operation, request.query_string(), body)?;
        let keyed = keyed(&state, &request, &raw)?;
        let query = serde_json::from_value(query).map_err(|error| malformed("?", &error))?;
        let body = parsed(body)?;
        Ok(Self { caller, body, query, state, request, request_id, keyed })
    }
}

/// Query and body against the contract, with the faults of both in one answer.
fn check(operation: &Operation, query: &str, body: Value) -> Result<(Value, Value)> {
    let mut faults = Faults::none();
    let query = operation.check_query(query).unwrap_or_else(|wrong| {
        faults.nest("", wrong);
        Value::Null
    });
    if let Err(wrong) = operation.check_body(&body) {
        faults.nest("", wrong);
    }
    faults.or(()).map_err(Error::Malformed)?;
    let mut faults = Faults::none();
    for (name, value) in query.as_object().into_iter().flatten() {
        refuse_nul(value, &format!("?{name}"), &mut faults);
    }
    refuse_nul(&body, "", &mut faults);
    faults.or((query, body)).map_err(Error::Invalid)
}

/// PostgreSQL keeps no NUL in a text, so nobody may send one.
fn refuse_nul(value: &Value, pointer: &str, faults: &mut Faults) {
    match value {
        Value::String(text) if text.contains('\0') => faults.add(pointer, "wrong_format", "must not contain the character NUL"),
        Value::Array(items) => items.iter().enumerate().for_each(|(n, item)| refuse_nul(item, &format!("{pointer}/{n}"), faults)),
        Value::Object(map) => map.iter().for_each(|(name, item)| refuse_nul(item, &format!("{pointer}/{name}"), faults)),
        _ => {}
    }
}

/// A body as the type that the handler takes. What fits the schema and not the type breaks a rule that a schema cannot say: such a telephone number
/// has never been given out.
fn parsed<Body: DeserializeOwned>(body: Value) -> Result<Body> {
    serde_path_to_error::deserialize(body).map_err(|error| {
        let pointer = error.path().iter().fold(String::new(), |pointer, segment| match segment {
            Segment::Seq { index } => format!("{pointer}/{index}"),
            Segment::Map { key } => format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { .. } | Segment::Unknown => pointer,
        });
        Error::Invalid(Faults::one(pointer, "wrong_format", error.into_inner().to_string()))
    })
}

/// What is no JSON, or is not what the query's type takes.
fn malformed(place: &str, error: &serde_json::Error) -> Problem {
    Error::Malformed(Faults::one(place, "wrong_format", error.to_string())).into()
}

impl<Body, Query> Call<Body, Query> {
    /// The tenant's partition.
    pub const fn tenant(&self) -> TenantId {
        self.caller.tenant
    }

    /// Counts a body that went another way, by its digest, among what the `Idempotency-Key` stands for.
    pub fn with_body(&mut self, digest: &[u8]) {
        if let Some(keyed) = &mut self.keyed {
            keyed.fingerprint = sha256(&[&keyed.fingerprint, digest]);
        }
    }

    /// The world's present.
    pub fn wall(&self) -> DateTime<Utc> {
        self.state.clock.now()
    }

    /// The id named `name` in the path.
    ///
    /// # Errors
    /// A problem that says which kind of id was expected.
    pub fn id<K: Kind>(&self, name: &str) -> std::result::Result<Id<K>, Problem> {
        self.path(name)?
            .parse()
            .map_err(|error: crate::domain::ids::WrongId| Error::Malformed(Faults::one("path", "wrong_id", error.to_string())).into())
    }

    /// The text named `name` in the path.
    ///
    /// # Errors
    /// When the route has no such part.
    pub fn path(&self, name: &str) -> std::result::Result<&str, Problem> {
        self.request.match_info().get(name).ok_or_else(|| Problem::new("not_found", "no such path"))
    }

    /// Reads in a transaction of the caller's tenant.
    ///
    /// # Errors
    /// What `work` returns, as a problem.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Conn, TenantId) -> Result<T> + Send + 'static,
    ) -> std::result::Result<T, Problem> {
        let tenant = self.tenant();
        self.state.db.read(tenant, move |conn| work(conn, tenant)).await.map_err(|error| self.problem(error))
    }

    /// Does something once: the effect, its evidence and the answer to a repeated `Idempotency-Key` in one transaction.
    ///
    /// # Errors
    /// What `work` returns, as a problem; the problems of the key.
    pub async fn act<View: Serialize>(&self, status: StatusCode, work: impl Fn(&mut Act<'_>) -> Result<View> + Send + 'static) -> Answer {
        self.act_as(move |act| Ok((status, work(act)?))).await
    }

    /// As [`Call::act`], where what was done decides the status.
    ///
    /// # Errors
    /// As [`Call::act`].
    pub async fn act_as<View: Serialize>(&self, work: impl Fn(&mut Act<'_>) -> Result<(StatusCode, View)> + Send + 'static) -> Answer {
        let _under_way = match &self.keyed {
            Some(keyed) => Some(self.state.under_way.enter(self.tenant(), keyed.digest).ok_or_else(|| self.in_progress())?),
            None => None,
        };
        let keyed = self.keyed.clone();
        let work = move |act: &mut Act<'_>| {
            let (status, view) = work(act)?;
            Ok((status.as_u16(), serde_json::to_string(&view).map_err(Error::internal)?))
        };
        let answered = actions::run_once(&self.state.db, &self.state.clock, self.tenant(), &self.caller.actor, keyed, work)
            .await
            .map_err(|error| self.problem(error))?;
        Ok(self.answered(answered))
    }

    /// The answer that was given under this request's `Idempotency-Key` before, if there was one: for what is done outside of a transaction.
    ///
    /// # Errors
    /// Those of [`actions::idempotency::given`].
    pub async fn given_before(&self) -> std::result::Result<Option<HttpResponse>, Problem> {
        let Some(keyed) = self.keyed.clone() else { return Ok(None) };
        let now = self.wall();
        let given = self.read(move |conn, tenant| actions::idempotency::given(conn, tenant, now, &keyed)).await?;
        Ok(given.map(|answered| self.answered(answered)))
    }

    fn answered(&self, answered: Answered) -> HttpResponse {
        let mut answer = self.answer(StatusCode::from_u16(answered.status).unwrap_or(StatusCode::OK));
        if answered.replayed {
            answer.insert_header(("Idempotent-Replayed", "true"));
        }
        answer.content_type("application/json").body(answered.body)
    }

    /// Records one thing together with whatever else comes at this moment under the same key. One with an `Idempotency-Key` goes alone: its
    /// answer is kept in the transaction of its effect.
    ///
    /// # Errors
    /// As [`Call::act`].
    pub async fn act_jointly<I, View>(&self, status: StatusCode, joint: &Arc<Joint<I, View>>, item: I) -> Answer
    where
        I: Clone + Send + Sync + 'static,
        View: Serialize + Send + 'static,
    {
        if self.keyed.is_some() {
            let joint = Arc::clone(joint);
            return self.act(status, move |act| joint.alone(act, item.clone())).await;
        }
        let recorded = joint.record(&self.state.db, &self.state.clock, self.tenant(), &self.caller.actor, item).await;
        Ok(self.answer(status).json(recorded.map_err(|error| self.problem(error))?))
    }

    /// An answer with a body.
    ///
    /// # Errors
    /// None; the type serves handlers.
    pub fn ok<View: Serialize>(&self, view: &View) -> Answer {
        Ok(self.answer(StatusCode::OK).json(view))
    }

    /// An answer to be completed, with the newest checkpoint of the tenant's evidence.
    pub fn answer(&self, status: StatusCode) -> actix_web::HttpResponseBuilder {
        let mut answer = HttpResponse::build(status);
        if let Some(line) = &self.caller.checkpoint
            && let Ok(value) = HeaderValue::from_str(line)
        {
            answer.insert_header((HeaderName::from_static("relance-checkpoint"), value));
        }
        answer
    }

    /// An error as this request's problem.
    pub fn problem(&self, error: Error) -> Problem {
        Problem::from(error).of_request(&self.request_id)
    }

    /// A header's text, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.request.headers().get(name)?.to_str().ok()
    }

    /// The path of this request, for links.
    pub fn uri_path(&self) -> &str {
        self.request.path()
    }

    /// The parameters of the query, decoded.
    pub fn query_pairs(&self) -> impl Iterator<Item = (String, String)> {
        url::form_urlencoded::parse(self.request.query_string().as_bytes()).into_owned()
    }

    fn in_progress(&self) -> Problem {
        Problem::new("in_progress", "the first request with this Idempotency-Key is still under way")
            .of_request(&self.request_id)
            .later(Duration::from_secs(1))
    }
}

/// The id by which a request is known in answers and logs: made once, remembered on the request.
pub fn request_id(request: &HttpRequest) -> String {
    #[derive(Clone)]
    struct Known(String);
    if let Some(Known(id)) = request.extensions().get::<Known>() {
        return id.clone();
    }
    let now = request.app_data::<web::Data<State>>().map_or(DateTime::UNIX_EPOCH, |state| state.clock.now());
    let id = RequestId::new(now).to_string();
    request.extensions_mut().insert(Known(id.clone()));
    id
}

async fn read_body(operation: &Operation, request: &HttpRequest, payload: Payload) -> std::result::Result<(Vec<u8>, Value), Problem> {
    if !operation.takes_body() {
        return Ok((Vec::new(), Value::Null));
    }
    let media_type = request.content_type();
    if media_type != "application/json" {
        return Err(Problem::new("unsupported_media_type", format!("the body is {media_type:?}; send application/json")));
    }
    let raw = read_limited(payload, MAX_BODY).await?;
    let body = serde_json::from_slice(&raw).map_err(|error| malformed("", &error))?;
    Ok((raw, body))
}

/// Reads a body of at most `limit` bytes within the deadline.
///
/// # Errors
/// `too_large`, `timeout`, or a broken connection.
pub async fn read_limited(mut payload: Payload, limit: usize) -> std::result::Result<Vec<u8>, Problem> {
    let reading = async {
        let mut body = Vec::new();
        while let Some(part) = payload.next().await {
            let part = part.map_err(|error| Problem::new("malformed", format!("the body could not be read: {error}")))?;
            if body.len().saturating_add(part.len()) > limit {
                return Err(Problem::new("too_large", format!("the body has more than {limit} bytes")));
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    };
    tokio::time::timeout(BODY_DEADLINE, reading)
        .await
        .unwrap_or_else(|_| Err(Problem::new("timeout", "the body did not arrive within 10 seconds")))
}

/// The request's `Idempotency-Key`, if it has one: bare, or the quoted string of the IETF draft.
fn keyed(state: &State, request: &HttpRequest, body: &[u8]) -> std::result::Result<Option<Keyed>, Problem> {
    let Some(header) = request.headers().get("idempotency-key") else { return Ok(None) };
    let bare = header.to_str().unwrap_or_default();
    let quoted = bare.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let key = quoted.filter(|key| !key.is_empty()).unwrap_or(bare);
    let printable = key.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if key.is_empty() || key.len() > 255 || !printable || !matches!(request.method().as_str(), "POST" | "PATCH" | "PUT") {
        return Err(Error::Malformed(Faults::one(
            "header/Idempotency-Key",
            "wrong_format",
            "send 1 to 255 printable characters, with POST, PUT or PATCH",
        ))
        .into());
    }
    let digest = sha256(&[request.method().as_str().as_bytes(), b"\n", request.path().as_bytes(), b"\n", key.as_bytes()]);
    let fingerprint = sha256(&[request.query_string().as_bytes(), b"\n", body]);
    Ok(Some(Keyed { digest, fingerprint, vault: Arc::clone(&state.vault) }))
}

/// The keys of requests under way in this process. (Between processes, a lock in the database does the same.)
#[derive(Debug, Default)]
pub struct UnderWay(Mutex<HashSet<(TenantId, [u8; 32])>>);

impl UnderWay {
    fn enter(&self, tenant: TenantId, key: [u8; 32]) -> Option<Entered<'_>> {
        let fresh = self.0.lock().ok()?.insert((tenant, key));
        fresh.then_some(Entered { of: self, key: (tenant, key) })
    }
}

struct Entered<'a> {
    of: &'a UnderWay,
    key: (TenantId, [u8; 32]),
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if let Ok(mut keys) = self.of.0.lock() {
            keys.remove(&self.key);
        }
    }
}

/// Where no route leads: 405 if only the method is wrong, else 404.
pub async fn nowhere(request: HttpRequest, state: web::Data<State>) -> Answer {
    let id = request_id(&request);
    let problem = match state.contract.methods_at(request.path()) {
        Some(methods) if !methods.iter().any(|method| method == request.method().as_str()) => Problem::method_not_allowed(methods),
        _ => Problem::new("not_found", "no such path; the reference is at /docs"),
    };
    Err(problem.of_request(&id))
}
