//! What a request carries: its body, read whole, in time and within bounds, and held to the contract together with query and headers.

use std::time::Duration;

use actix_web::{HttpMessage, HttpRequest, dev::Payload};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Problem, contract::Operation};
use crate::{
    domain::{
        invalid::Faults,
        schema::{self, refuse_nul},
    },
    error::{Error, Result},
};

/// The largest JSON body, in bytes.
const MAX_BODY: usize = 2 * 1024 * 1024;
/// How long a body may take to arrive.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// Headers, query and body against the contract, with the faults of all in one answer.
///
/// # Errors
/// Every fault.
pub fn check(operation: &Operation, request: &HttpRequest, body: Value) -> Result<(Value, Value)> {
    let mut faults = Faults::none();
    let query = operation.check_query(request.query_string()).unwrap_or_else(|wrong| {
        faults.nest("", wrong);
        Value::Null
    });
    if let Err(wrong) = operation.check_body(&body) {
        faults.nest("", wrong);
    }
    if let Err(wrong) = operation.check_headers(|name| header(request, name)) {
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

/// A header's text, in any case of its name. One that is no text is a letter that fits no description.
pub fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    Some(request.headers().get(name)?.to_str().unwrap_or("\u{fffd}"))
}

/// A body as the type that the handler takes. What fits the schema and not the type breaks a rule that a schema cannot say: such a telephone number
/// has never been given out.
///
/// # Errors
/// Where, and what is wrong.
pub fn parsed<Body: DeserializeOwned>(body: Value) -> Result<Body> {
    schema::parsed(body).map_err(Error::Invalid)
}

/// What is no JSON, or is not what the query's type takes.
pub fn malformed(place: &str, error: &serde_json::Error) -> Problem {
    Error::Malformed(Faults::one(place, "wrong_format", error.to_string())).into()
}

/// The body as it came, and as JSON; nothing where none is described.
///
/// # Errors
/// Another media type, no JSON, and those of [`read_limited`].
pub async fn read_body(operation: &Operation, request: &HttpRequest, payload: Payload) -> std::result::Result<(Vec<u8>, Value), Problem> {
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
