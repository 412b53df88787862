//! `/v1/audit-log`: who did what, when, and by which key, for an auditor's own tools.

use actix_web::{get, http::StatusCode, web::Bytes};
use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use serde::Deserialize;

use super::{Call, call::Answer, evidence::Broken};
use crate::{
    actions::audit::{self, AuditFormat, Wanted},
    store::evidence::Filter,
};

/// Which lines, and in which form.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// The form; `ndjson` unless told otherwise.
    #[param(inline)]
    pub format: Option<AuditFormat>,
    /// Only what was recorded at this moment or later.
    pub from: Option<DateTime<Utc>>,
    /// Only what was recorded before.
    pub to: Option<DateTime<Utc>>,
    /// Only what this actor did: a key, a person, `system`.
    #[param(max_length = 64, example = "key_01jd3kq8e5fvv8m3s9tqz4x7ya")]
    pub actor: Option<String>,
    /// Only what was done to this public id.
    #[param(max_length = 64, example = "inv_01jd3kq8e5fvv8m3s9tqz4x7ya")]
    pub subject: Option<String>,
    /// Only this kind.
    #[param(max_length = 64, pattern = "^[a-z][a-z0-9_]*(\\.[a-z][a-z0-9_]*)+$", example = "key.created")]
    pub kind: Option<String>,
    /// Only acts of privilege (keys, people, providers, settings, erasure), or only others.
    pub privileged: Option<bool>,
}

/// Export the audit log
///
/// Everything that was written, oldest first: what, to which thing, when, and by which key, person or provider, with their names. It holds no personal data of debtors, and no proofs: `GET /v1/evidence/export` has
/// them, under the same ids. One JSON object a line, or a table.
#[utoipa::path(operation_id = "exportAuditLog", tag = "Evidence", params(AuditQuery), responses((status = 200, description = "The log", content((String = "application/x-ndjson"), (String = "text/csv")))), security(("api_key" = ["evidence:read"])))]
#[get("/v1/audit-log")]
pub async fn export(call: Call<(), AuditQuery>) -> Answer {
    let AuditQuery { format, from, to, actor, subject, kind, privileged } = call.query.clone();
    let format = format.unwrap_or(AuditFormat::Ndjson);
    let wanted = Wanted { filter: Filter { subject, kind, privileged, actor }, from, to };
    let tenant = call.tenant();
    let pieces = audit::pieces(call.state.db.clone(), tenant, wanted, format).map(move |piece| {
        piece
            .map(Bytes::from)
            .inspect_err(|error| tracing::error!(%error, %tenant, "an export of the audit log broke off"))
            .map_err(|_| Broken)
    });
    let (media_type, name) = match format {
        AuditFormat::Ndjson => ("application/x-ndjson", "audit-log.ndjson"),
        AuditFormat::Csv => ("text/csv; charset=utf-8", "audit-log.csv"),
    };
    let mut answer = call.answer(StatusCode::OK);
    answer.content_type(media_type).insert_header(("Content-Disposition", format!("attachment; filename=\"{name}\"")));
    Ok(answer.streaming(Box::pin(pieces)))
}
