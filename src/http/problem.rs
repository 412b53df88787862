//! Errors as callers see them: problem details (RFC 9457), one shape for every failure, the framework's included.
//!
//! Invariant: a 5xx body never tells the cause; the log does, once, under the request's id.

use std::time::Duration;

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};
use serde::Serialize;
use utoipa::ToSchema;

use super::codes::codes;
use crate::{
    domain::invalid::{Fault, Faults},
    error::Error,
};

/// Why a request was not carried out (RFC 9457). Nothing was changed.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"type": "/v1/error-codes/invalid", "title": "A rule of the business is broken", "status": 422, "detail": "1 fault", "code": "invalid",
    "request_id": "req_01jd3kq8e5fvv8m3s9tqz4x7ya", "errors": [{"pointer": "/currency", "code": "unknown_value", "detail": "did you mean EUR?"}]}))]
pub struct Problem {
    /// Where this code is explained; relative to the server.
    #[serde(rename = "type")]
    #[schema(format = "uri-reference", max_length = 200)]
    pub kind: String,
    /// The code in words; the same for each occurrence.
    #[schema(max_length = 200)]
    pub title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What happened this time, and what to do.
    #[schema(max_length = 2000)]
    pub detail: String,
    /// Stable word for programs.
    #[schema(max_length = 60, pattern = "^[a-z_]+$")]
    pub code: String,
    /// The request, as `X-Request-Id` repeats it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub request_id: Option<String>,
    /// What stands in the way, where that is one thing with an id: read that, rather than try again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub resource_id: Option<String>,
    /// Every fault of the input; empty when the input is not at fault.
    #[schema(max_items = 1000)]
    pub errors: Vec<ProblemFault>,
    #[serde(skip)]
    retry_after: Option<Duration>,
    #[serde(skip)]
    allow: Option<String>,
}

/// One fault of the input.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProblemFault {
    /// JSON Pointer into the body, or `?name` for a query parameter, or `path`.
    #[schema(max_length = 500)]
    pub pointer: String,
    /// Stable word for programs.
    #[schema(max_length = 60)]
    pub code: String,
    /// What is wrong, and what would be right.
    #[schema(max_length = 2000)]
    pub detail: String,
}

impl From<Fault> for ProblemFault {
    fn from(fault: Fault) -> Self {
        Self { pointer: fault.pointer, code: fault.code.to_owned(), detail: fault.detail }
    }
}

impl Problem {
    /// A problem of a catalogued code.
    pub fn new(code: &str, detail: impl Into<String>) -> Self {
        let known = codes().find(|known| known.code == code);
        let (status, title) = known.map_or((409, "The present state does not allow it"), |known| (known.status, known.title));
        Self {
            kind: format!("/v1/error-codes/{code}"),
            title: title.to_owned(),
            status,
            detail: detail.into(),
            code: code.to_owned(),
            request_id: None,
            resource_id: None,
            errors: Vec::new(),
            retry_after: None,
            allow: None,
        }
    }

    fn of_faults(code: &str, faults: Faults) -> Self {
        let detail = match faults.0.len() {
            1 => "1 fault".to_owned(),
            n => format!("{n} faults"),
        };
        Self { errors: faults.0.into_iter().map(ProblemFault::from).collect(), ..Self::new(code, detail) }
    }

    /// The same, for the request `id`.
    #[must_use]
    pub fn of_request(self, id: &str) -> Self {
        Self { request_id: Some(id.to_owned()), ..self }
    }

    /// The same, with the moment to come back.
    #[must_use]
    pub fn later(self, after: Duration) -> Self {
        Self { retry_after: Some(after), ..self }
    }

    /// A 405 that lists what is allowed.
    pub fn method_not_allowed(methods: &[String]) -> Self {
        Self { allow: Some(methods.join(", ")), ..Self::new("method_not_allowed", format!("this path takes {}", methods.join(", "))) }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Malformed(faults) => Self::of_faults("malformed", faults),
            Error::Invalid(faults) => Self::of_faults("invalid", faults),
            Error::Unauthenticated(why) => Self::new("unauthenticated", why),
            Error::Forbidden(scope) => Self::new("forbidden", format!("the scope {scope} is needed")),
            Error::NotFound(what) => Self::new("not_found", format!("{what} not found")),
            Error::Conflict { code, detail, resource } => Self { resource_id: resource, ..Self::new(code, detail) },
            Error::Busy { retry_after } => Self::new("busy", "the server is working at its limit").later(retry_after),
            Error::Race => Self::new("busy", "another request was faster").later(Duration::from_secs(1)),
            Error::Internal(cause) => {
                tracing::error!(%cause, "request failed");
                Self::new("internal", "the request failed and changed nothing")
            }
        }
    }
}

impl From<Faults> for Problem {
    fn from(faults: Faults) -> Self {
        Error::from(faults).into()
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.code)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        answer.content_type("application/problem+json");
        if let Some(after) = self.retry_after {
            answer.insert_header((header::RETRY_AFTER, after.as_secs().max(1)));
        }
        if let Some(value) = self.allow.as_deref().and_then(|list| HeaderValue::from_str(list).ok()) {
            answer.insert_header((header::ALLOW, value));
        }
        if self.status == 401 {
            answer.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"relance\""));
        }
        answer.json(self)
    }
}
