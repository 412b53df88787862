//! One call: everything a handler needs, checked before it runs.
//!
//! The order is fixed: route, credentials, scope, rate, then query, headers and body together. A handler that takes a [`Call`] cannot forget any of it,
//! and every write it makes goes through [`Call::act`], which keeps the promises of `Idempotency-Key` and of `If-Match`: a repeated request is answered
//! as it was, whatever has become of its subject since.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest, HttpResponse,
    dev::Payload,
    http::{
        Method, StatusCode,
        header::{ETAG, HeaderName, HeaderValue},
    },
    web,
};
use chrono::{DateTime, Utc};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Problem, State,
    auth::Caller,
    body::{check, header, malformed, parsed, read_body},
    contract::Operation,
    debtor, frame,
    keyed::keyed,
    page::Paging,
    requests,
    subject::{self, Guard, Look},
};
use crate::{
    actions::{
        self, Act,
        idempotency::{Answered, Keyed},
        joint::Joint,
    },
    domain::{
        api_version::ApiVersion,
        crypto::sha256,
        ids::{Id, Kind, RequestId, TenantId},
        invalid::Faults,
    },
    error::{Error, Result},
    store::Conn,
};

/// What a handler returns.
pub type Answer = std::result::Result<HttpResponse, Problem>;

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
    /// How it wants lists, and what is to be shown with them.
    pub(super) paging: Paging,
    /// What it asks for.
    operation: Arc<Operation>,
    request: HttpRequest,
    request_id: String,
    keyed: Option<Keyed>,
    guard: Option<Arc<Guard>>,
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
        let operation = state.contract.operation(request.method().as_str(), &template).cloned();
        let operation = operation.ok_or_else(|| Problem::new("not_found", "no such operation"))?;
        // `GET /v1/payments/batch` asks for no payment of that name.
        if let Some(methods) = state.contract.methods_exactly_at(request.path()).filter(|_| template != request.path()) {
            return Err(Problem::method_not_allowed(methods));
        }
        let caller = state.auth.caller(&state, &request, operation.scope.as_deref()).await?;
        frame::admit(&state, &request, &operation, &caller)?;
        let (raw, body) = read_body(&operation, &request, payload).await?;
        let (query, body) = check(&operation, &request, body)?;
        let keyed = keyed(&state, &request, &raw)?;
        frame::note(&request, |noted| noted.key = keyed.as_ref().map(|keyed| keyed.digest));
        let paging = Paging::of(&query).map_err(|error| malformed("?", &error))?;
        let query = serde_json::from_value(query).map_err(|error| malformed("?", &error))?;
        let body = parsed(body)?;
        let guard = match operation.conditional {
            Some(_) => Guard::of(&operation, header(&request, "if-match"), &path_of(&request), &state).map(Arc::new),
            None => None,
        };
        Ok(Self { caller, body, query, state, paging, operation, request, request_id, keyed, guard })
    }
}

/// What was filled in of a request's path, decoded.
fn path_of(request: &HttpRequest) -> subject::Path {
    let parts: Vec<String> = request.match_info().load().unwrap_or_default();
    request.match_info().iter().map(|(name, _)| name.to_owned()).zip(parts).collect()
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

    /// The dated version that it is answered in.
    pub fn version(&self) -> ApiVersion {
        frame::version(&self.request)
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

    /// Answers with what `look` finds, or with a 304 if the caller has it.
    ///
    /// # Errors
    /// What `look` returns, as a problem.
    pub async fn show<View: Serialize>(&self, look: impl FnOnce(&mut Look<'_>) -> Result<View> + Send + 'static) -> Answer {
        let (state, path, wall) = (self.state.clone(), path_of(&self.request), self.wall());
        let body = self
            .read(move |conn, tenant| {
                let view = look(&mut Look::new(conn, tenant, wall, &state, &path))?;
                subject::json(&view)
            })
            .await?;
        Ok(self.represented(StatusCode::OK, self.expanded(body, false).await?))
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
        let (keyed, guard) = (self.keyed.clone(), self.guard.clone());
        let work = move |act: &mut Act<'_>| {
            if let Some(guard) = &guard {
                guard.hold(act)?;
            }
            let (status, view) = work(act)?;
            Ok((status.as_u16(), subject::json(&view)?))
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
        frame::note(&self.request, |noted| {
            (noted.entries, noted.replayed) = (Some(answered.entries), answered.replayed);
        });
        let mut answer = self.represented(StatusCode::from_u16(answered.status).unwrap_or(StatusCode::OK), answered.body);
        if answered.replayed {
            answer.headers_mut().insert(HeaderName::from_static("idempotent-replayed"), HeaderValue::from_static("true"));
        }
        answer
    }

    /// A representation with its entity tag, where the document promises one; a 304 to a reader who has it.
    fn represented(&self, status: StatusCode, body: String) -> HttpResponse {
        let mut answer = self.answer(status);
        if self.request.method() != Method::GET {
            frame::note(&self.request, |noted| noted.resource = requests::id_in(&body));
        }
        if self.operation.tagged {
            let tag = subject::tag(&body);
            answer.insert_header((ETAG, tag.as_str()));
            let known = self.header("if-none-match").is_some_and(|list| subject::names(list, &tag, true));
            if known && self.request.method() == Method::GET {
                return answer.status(StatusCode::NOT_MODIFIED).finish();
            }
        }
        answer.content_type("application/json").body(body)
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
        let body = recorded.and_then(|view| subject::json(&view)).map_err(|error| self.problem(error))?;
        Ok(self.represented(status, body))
    }

    /// An answer with a body, or a 304 if the caller has it.
    ///
    /// # Errors
    /// None in practice; the type serves handlers.
    pub fn ok<View: Serialize>(&self, view: &View) -> Answer {
        let body = subject::json(view).map_err(|error| self.problem(error))?;
        Ok(self.represented(StatusCode::OK, body))
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
        header(&self.request, name)
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

/// Where no route leads: 405 if only the method is wrong, else 404.
pub async fn nowhere(request: HttpRequest, state: web::Data<State>) -> Answer {
    if request.method() == Method::OPTIONS && debtor::is_for_pages(request.path()) {
        return Ok(debtor::preflight());
    }
    let id = request_id(&request);
    let problem = match state.contract.methods_at(request.path()) {
        Some(methods) if !methods.iter().any(|method| method == request.method().as_str()) => Problem::method_not_allowed(methods),
        _ => Problem::new("not_found", "no such path; the reference is at /docs"),
    };
    Err(problem.of_request(&id))
}
