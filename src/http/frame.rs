//! What frames every answer, whatever it answers: the request's id, the version, the caller's limits, and the end of an operation that has one.
//!
//! Not here: the answer. What is learned about a request on its way in is noted on the request, and read when the answer leaves.

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpMessage, HttpRequest,
    dev::ServiceResponse,
    http::{
        StatusCode,
        header::{CONTENT_ENCODING, ETAG, HeaderMap, HeaderName, HeaderValue},
    },
};
use chrono::{NaiveDate, NaiveTime};

use super::{
    Problem, State,
    auth::Caller,
    contract::{Deprecation, Operation},
    limits::{self, Spent, Standing},
    requests::Ended,
};
use crate::domain::{
    api_version::ApiVersion,
    ids::{EvidenceId, TenantId},
};

/// What is known of a request that named an operation and came with credentials.
#[derive(Debug, Clone)]
pub struct Noted {
    /// What it asked for.
    pub operation: Arc<Operation>,
    /// Whose data; the platform's for what is open to all.
    pub tenant: TenantId,
    /// Who asked.
    pub actor: String,
    /// The entries of the journal that it left; unknown where it was recorded together with others.
    pub entries: Option<Vec<EvidenceId>>,
    /// The digest of its `Idempotency-Key`.
    pub key: Option<[u8; 32]>,
    /// Whether an earlier answer was given again.
    pub replayed: bool,
    /// The id of what its answer showed.
    pub resource: Option<String>,
    standings: Vec<Standing>,
}

/// Notes who asks for what, and counts it.
///
/// # Errors
/// `rate_limited` for one too many.
pub fn admit(state: &State, request: &HttpRequest, operation: &Arc<Operation>, caller: &Caller) -> Result<(), Problem> {
    let counted = match operation.scope {
        Some(_) => state.limits.count(caller, operation.heavy, state.clock.now()),
        None => Ok(Vec::new()),
    };
    let (standings, spent) = match counted {
        Ok(standings) => (standings, None),
        Err(Spent { standings, policy, after }) => (standings, Some((policy, after))),
    };
    let (tenant, actor) = (caller.tenant, caller.actor.clone());
    let operation = Arc::clone(operation);
    let noted = Noted { operation, tenant, actor, entries: None, key: None, replayed: false, resource: None, standings };
    request.extensions_mut().insert(noted);
    spent.map_or(Ok(()), |(policy, after)| {
        let detail = format!("the limit {policy:?} is used up; GET /v1/limits shows all of them", policy = policy.as_str());
        // A whole number of seconds, in which there is room again.
        Err(Problem::new("rate_limited", detail).later(after.saturating_add(Duration::from_millis(999))))
    })
}

/// Notes more about a request that was admitted.
pub fn note(request: &HttpRequest, more: impl FnOnce(&mut Noted)) {
    if let Some(noted) = request.extensions_mut().get_mut::<Noted>() {
        more(noted);
    }
}

/// The dated version that a request is answered in.
pub fn version(request: &HttpRequest) -> ApiVersion {
    ApiVersion::asked(request.headers().get("relance-version").and_then(|value| value.to_str().ok()))
}

/// Completes an answer that is about to leave, and records what became of its request.
pub fn complete<B>(state: &State, id: &str, answer: &mut ServiceResponse<B>, (code, took): (Option<String>, Duration)) {
    let version = version(answer.request());
    let noted = answer.request().extensions_mut().remove::<Noted>();
    let status = answer.status();
    let headers = answer.headers_mut();
    put(headers, "x-request-id", id);
    put(headers, "relance-version", version.as_str());
    let Some(mut noted) = noted else { return };
    let at = state.clock.now();
    if status == StatusCode::NOT_MODIFIED {
        state.limits.give_back(&mut noted.standings, at);
    }
    if !noted.standings.is_empty() {
        let (policy, left) = limits::fields(&noted.standings);
        put(headers, "ratelimit-policy", &policy);
        put(headers, "ratelimit", &left);
    }
    for (name, value) in noted.operation.deprecation.iter().flat_map(farewell) {
        put(headers, name, &value);
    }
    state.requests.note(id, &noted, &Ended { status: status.as_u16(), code, took, at });
}

/// Tells a compressed representation's entity tag from that of the plain one (RFC 9110, section 8.8.3.3).
pub fn tell_coding<B>(answer: &mut ServiceResponse<B>) {
    let headers = answer.headers_mut();
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let coded = text(ETAG).zip(text(CONTENT_ENCODING)).and_then(|(tag, coding)| Some(format!("{}-{coding}\"", tag.strip_suffix('"')?)));
    if let Some(tag) = coded {
        put(headers, "etag", &tag);
    }
}

/// `Deprecation` (RFC 9745) and `Sunset` (RFC 8594).
fn farewell(end: &Deprecation) -> Vec<(&'static str, String)> {
    let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
    let mut headers = vec![("deprecation", format!("@{}", midnight(end.on).timestamp()))];
    headers.extend(end.sunset.map(|day| ("sunset", midnight(day).format("%a, %d %b %Y %H:%M:%S GMT").to_string())));
    headers
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_as_the_standards_say() {
        let day = |month| NaiveDate::from_ymd_opt(2027, month, 30).unwrap();
        let told = farewell(&Deprecation { on: day(6), sunset: Some(day(12)) });
        assert_eq!(told, [("deprecation", "@1814313600".to_owned()), ("sunset", "Thu, 30 Dec 2027 00:00:00 GMT".to_owned())]);
        assert_eq!(farewell(&Deprecation { on: day(6), sunset: None }).len(), 1);
    }
}
