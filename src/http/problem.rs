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

/// Each code with its status, title, cause and cure: the catalogue behind `type`.
pub const CODES: &[(&str, u16, &str, &str)] = &[
    (
        "malformed",
        400,
        "The request does not fit the contract",
        "Compare the pointers in `errors` with the reference: syntax, unknown names, wrong types.",
    ),
    (
        "unauthenticated",
        401,
        "No valid credentials",
        "Send `Authorization: Bearer` with a key that is neither expired nor revoked, or with a token younger than 15 minutes.",
    ),
    ("forbidden", 403, "The key may not do this", "`detail` names the scope that is missing; make a key that has it."),
    (
        "address_not_allowed",
        403,
        "The key does not work from here",
        "Call from one of the networks that the key names, or have another key made. Behind a proxy of your own, name it in `trusted_proxies`.",
    ),
    ("person_blocked", 403, "This person is kept out", "Whoever holds `identity:write` can let them in again."),
    (
        "not_found",
        404,
        "Nothing here",
        "Check the id and the mode of the key: live keys do not see test data, and no key sees another tenant's.",
    ),
    ("method_not_allowed", 405, "Not with this method", "`Allow` lists the methods of this path."),
    ("timeout", 408, "The body did not arrive in time", "Send the whole body within ten seconds."),
    ("conflict", 409, "The present state does not allow it", "Read the resource again; `detail` says what stands in the way."),
    (
        "in_progress",
        409,
        "The first request with this Idempotency-Key is still under way",
        "Repeat it after `Retry-After`; the answer will be that of the first.",
    ),
    (
        "not_sealed",
        409,
        "The entry has no place in the log yet",
        "Ask again in ten seconds: until then the entry is written, and not yet under a signed head.",
    ),
    ("in_use", 409, "Something else depends on it", "`detail` says what; move it elsewhere first."),
    ("limit_reached", 409, "There can be no more of these", "`detail` says how many there can be; change or reuse one of them."),
    ("dispute_resolved", 409, "The dispute has ended", "Open another one, if something is contested again."),
    ("plan_lapsed", 409, "The plan's first part is past its day", "Propose a new plan, with a first part due now."),
    ("plan_overlaps", 409, "Another plan covers some of it", "Cancel that plan first, or leave out what it covers."),
    ("amount_settled", 409, "Something settles this amount", "Issue a credit note, or delete the allocations first."),
    (
        "external_id_taken",
        409,
        "This external id is another's",
        "`detail` names the one that has it; use PUT to bring that one up to date.",
    ),
    ("has_allocations", 409, "Something settles this invoice", "Delete its allocations first, or issue a credit note."),
    ("invoice_cancelled", 409, "The invoice is cancelled", "Record a new invoice."),
    ("nothing_to_charge", 409, "Nothing has accrued", "Ask for the invoice's interest: whatever has accrued is charged or waived already."),
    ("nothing_to_waive", 409, "Nothing is charged or has accrued", "Ask for the invoice's interest."),
    ("party_differs", 409, "An invoice keeps its customer and its currency", "Cancel it and record a new one."),
    ("payment_returned", 409, "The bank took the payment back", "Record the payment that replaces it."),
    ("rate_known", 409, "You added another rate for that period", "`detail` names it; charges may rest on it, so it stays."),
    (
        "rate_not_published",
        409,
        "The figure rests on a rate that is not published yet",
        "Add the rate under `/v1/reference-rates`, charge up to an earlier day, or accept a provisional figure.",
    ),
    ("too_many", 409, "No room for more", "`detail` gives the limit; remove something first."),
    ("advancing", 409, "The test clock is on its way", "Wait until its status is ready, or send `Prefer: wait=30` with the advance."),
    (
        "issuer_taken",
        409,
        "An identity provider speaks for this issuer and audience already",
        "`detail` names it; change that one, or revoke it first.",
    ),
    ("not_a_key", 409, "Only a key can be exchanged for a token", "Come with an API key; a person's own token is used as it is."),
    ("in_flight", 409, "A message is being sent at this moment", "Ask again in a minute: its result will be known."),
    ("too_many_endpoints", 409, "There are as many webhook endpoints as there can be", "Delete one that is not needed."),
    ("endpoint_disabled", 409, "The webhook endpoint is disabled", "Enable it first."),
    ("live_mode", 409, "This exists in test mode only", "Use a test key."),
    ("no_doubt", 409, "There is no doubt about this message", "Only a message in state `unknown` is resolved by a person."),
    ("no_provider", 409, "Nobody can be asked", "Make a provider account of the kind that `detail` names, and keep it in use."),
    ("no_recipient", 409, "The contact cannot be reached", "Give it an address, lift the suppression, or cancel the reminder."),
    ("silenced", 409, "Nothing may be claimed at present", "`detail` names the reason; wait for its end, or cancel the reminder."),
    ("suppressed", 409, "Nothing may be sent to this address", "Lift its suppression, if the recipient agrees, or take another address."),
    ("task_ended", 409, "The task has ended", "Only an open task changes."),
    ("wrong_state", 409, "Not in this state", "`detail` says where it stands, and which states this takes."),
    (
        "precondition_failed",
        412,
        "It has changed since you read it",
        "Read it again, decide anew, and repeat with its present ETag; the same Idempotency-Key may be used.",
    ),
    ("too_large", 413, "The body is too large", "Split it: at most 2 MB, at most 1,000 items in a batch."),
    ("unsupported_media_type", 415, "Not in this media type", "Send `Content-Type: application/json`."),
    ("invalid", 422, "A rule of the business is broken", "`errors` names every field, the rule and the cure."),
    ("key_reused", 422, "This Idempotency-Key came with another request before", "Use a new key for a new request."),
    (
        "precondition_required",
        428,
        "Say which state you have read",
        "Send `If-Match` with the `ETag` of the resource as you have read it, or `*` to act on whatever is there.",
    ),
    ("hourly_limit", 429, "This hour's share is used up", "`detail` gives the limit; wait for the next hour."),
    (
        "too_many_reports",
        429,
        "Too many reports of keys from your address",
        "Repeat it after `Retry-After`; revoke your own keys by their ids.",
    ),
    ("rate_limited", 429, "Too many requests", "Repeat after `Retry-After`; `RateLimit` tells with each answer what is left."),
    ("internal", 500, "Our fault", "Nothing was changed. Repeat with the same Idempotency-Key; quote the request id if it persists."),
    ("busy", 503, "Too much at once", "Nothing was changed. Repeat after `Retry-After`."),
    (
        "issuer_unavailable",
        503,
        "The identity provider cannot be asked",
        "Repeat after `Retry-After`; `POST /v1/identity-providers/{id}/check` says what is wrong. API keys work meanwhile.",
    ),
];

impl Problem {
    /// A problem of a catalogued code.
    pub fn new(code: &str, detail: impl Into<String>) -> Self {
        let (_, status, title, _) = CODES.iter().find(|(known, ..)| *known == code).copied().unwrap_or((
            "conflict",
            409,
            "The present state does not allow it",
            "",
        ));
        Self {
            kind: format!("/v1/error-codes/{code}"),
            title: title.to_owned(),
            status,
            detail: detail.into(),
            code: code.to_owned(),
            request_id: None,
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
            Error::Conflict { code, detail } => Self::new(code, detail),
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
