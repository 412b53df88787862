//! `/livez`, `/readyz`, `/metrics`, and the catalogue of error codes: open to all, and telling nothing about tenants.

use std::time::Duration;

use actix_web::{get, http::StatusCode};
use prometheus::{Encoder, HistogramOpts, HistogramVec, Registry, TextEncoder};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Call, Problem,
    call::Answer,
    codes::{Code, codes},
};
use crate::{domain::ids::TenantId, store};

/// What is counted.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: HistogramVec,
}

impl Metrics {
    /// Empty counters.
    ///
    /// # Errors
    /// None in practice: names are fixed and distinct.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let buckets = vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
        let requests = HistogramVec::new(
            HistogramOpts::new("relance_http_request_seconds", "Time to answer, by route").buckets(buckets),
            &["method", "route", "status"],
        )?;
        registry.register(Box::new(requests.clone()))?;
        Ok(Self { registry, requests })
    }

    /// Where others register what they count.
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(super) fn observe(&self, method: &str, route: &str, status: u16, elapsed: Duration) {
        self.requests.with_label_values(&[method, route, &status.to_string()]).observe(elapsed.as_secs_f64());
    }
}

/// A state of health.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`
    #[schema(max_length = 20, example = "ok")]
    pub status: &'static str,
}

/// Tell whether the process lives
///
/// Never touches the database.
#[utoipa::path(operation_id = "getLiveness", tag = "Operations", responses((status = 200, description = "It lives", body = Health)), security())]
#[get("/livez")]
pub async fn livez(call: Call) -> Answer {
    call.ok(&Health { status: "ok" })
}

/// Tell whether requests can be served
///
/// The database answers and has this binary's schema.
#[utoipa::path(operation_id = "getReadiness", tag = "Operations", responses((status = 200, description = "It is ready", body = Health)), security())]
#[get("/readyz")]
pub async fn readyz(call: Call) -> Answer {
    call.state.db.read(TenantId::PLATFORM, store::dialect::database_now).await.map_err(|error| {
        tracing::warn!(%error, "not ready");
        Problem::new("busy", "the database does not answer")
    })?;
    call.ok(&Health { status: "ok" })
}

/// Show the counters
///
/// In the text format of Prometheus.
#[utoipa::path(operation_id = "getMetrics", tag = "Operations", responses((status = 200, description = "The counters", body = String, content_type = "text/plain")), security())]
#[get("/metrics")]
pub async fn metrics(call: Call) -> Answer {
    let mut text = Vec::new();
    TextEncoder::new()
        .encode(&call.state.metrics.registry.gather(), &mut text)
        .map_err(|error| Problem::from(crate::error::Error::internal(error)))?;
    Ok(call.answer(StatusCode::OK).content_type("text/plain; version=0.0.4").body(text))
}

/// What a problem's code means.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorCode {
    /// The code.
    #[schema(max_length = 60)]
    pub code: &'static str,
    /// The status it comes with.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What it means.
    #[schema(max_length = 200)]
    pub title: &'static str,
    /// What leads to it.
    #[schema(max_length = 500)]
    pub cause: &'static str,
    /// What to do.
    #[schema(max_length = 500)]
    pub cure: &'static str,
}

/// All codes.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorCodes {
    /// The catalogue.
    #[schema(max_items = 200)]
    pub data: Vec<ErrorCode>,
}

fn catalogue() -> impl Iterator<Item = ErrorCode> {
    codes().map(|&Code { code, status, title, cause, cure }| ErrorCode { code, status, title, cause, cure })
}

/// List the error codes
///
/// Every code that a problem can have.
#[utoipa::path(operation_id = "listErrorCodes", tag = "Operations", responses((status = 200, description = "The catalogue", body = ErrorCodes)), security())]
#[get("/v1/error-codes")]
pub async fn error_codes(call: Call) -> Answer {
    call.ok(&ErrorCodes { data: catalogue().collect() })
}

/// Explain an error code
///
/// Where the `type` of a problem leads.
#[utoipa::path(operation_id = "getErrorCode", tag = "Operations", params(("code" = String, Path, description = "The code", max_length = 60)), responses((status = 200, description = "Its meaning, cause and cure", body = ErrorCode)), security())]
#[get("/v1/error-codes/{code}")]
pub async fn error_code(call: Call) -> Answer {
    let code = call.path("code")?;
    let known = catalogue().find(|known| known.code == code).ok_or_else(|| Problem::new("not_found", "no such code"))?;
    call.ok(&known)
}
