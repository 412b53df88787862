//! `/v1/tokens`: a key exchanged for a token that lives fifteen minutes, for front ends that must not hold a key.

use actix_web::{http::StatusCode, post};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Call, call::Answer};
use crate::error::Error;

/// A token.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenView {
    /// Always `token`.
    #[schema(max_length = 20, example = "token")]
    pub object: &'static str,
    /// The JWT (HS256; `iss`, `aud`, `exp`, `nbf` and `sub` are set). Send it as `Authorization: Bearer`.
    #[schema(max_length = 2000)]
    pub access_token: String,
    /// Always `Bearer`.
    #[schema(max_length = 20, example = "Bearer")]
    pub token_type: &'static str,
    /// When it ends: 15 minutes from now.
    pub expires_at: DateTime<Utc>,
}

/// Exchange a key for a token
///
/// The token may do what the key may, ends after 15 minutes, and falls with the key.
#[utoipa::path(operation_id = "createToken", tag = "Access", responses((status = 201, description = "Issued", body = TokenView)), security(("api_key" = ["tenant:read"])))]
#[post("/v1/tokens")]
pub async fn create(call: Call) -> Answer {
    let (access_token, expires_at) = call.state.auth.issue(&call.caller, call.wall()).map_err(|error: Error| call.problem(error))?;
    Ok(call.answer(StatusCode::CREATED).json(TokenView { object: "token", access_token, token_type: "Bearer", expires_at }))
}
