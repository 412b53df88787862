//! `/v1/reference-rates`: the rates that the law refers to, as they ship and as the tenant adds to them.

use actix_web::{get, http::StatusCode, post};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Call, call::Answer};
use crate::{
    actions,
    domain::ledger::interest::{
        Percent,
        rates::{self, Confidence, NewRate, Rate, Series},
    },
    error::Result,
    store,
};

/// A rate and where it was read.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReferenceRateView {
    /// Always `reference_rate`.
    #[schema(max_length = 20, example = "reference_rate")]
    pub object: &'static str,
    /// Which sequence it belongs to.
    pub series: Series,
    /// The first day of the period that it holds for.
    pub valid_from: NaiveDate,
    /// The rate itself; where the law adds a margin, that comes on top.
    pub rate_percent: Percent,
    /// Where it was read.
    #[schema(max_length = 300)]
    pub source: String,
    /// How well it is known.
    pub confidence: Confidence,
}

impl From<Rate> for ReferenceRateView {
    fn from(rate: Rate) -> Self {
        Self {
            object: "reference_rate",
            series: rate.series,
            valid_from: rate.valid_from,
            rate_percent: rate.rate_percent,
            source: rate.source,
            confidence: rate.confidence,
        }
    }
}

/// The rates, by series and date.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReferenceRatesView {
    /// Always `reference_rates`.
    #[schema(max_length = 20, example = "reference_rates")]
    pub object: &'static str,
    /// Those that ship, and the tenant's own.
    #[schema(max_items = 10_000)]
    pub rates: Vec<ReferenceRateView>,
}

/// Which rates to show.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RateQuery {
    /// Only of this series.
    pub series: Option<Series>,
}

/// List reference rates
///
/// Those that ship with the product, each with where it was read and how well it is known, and those that the tenant added. A period without a rate is a gap: what is computed for it is
/// provisional.
#[utoipa::path(operation_id = "listReferenceRates", tag = "Interest", params(RateQuery), responses((status = 200, description = "The rates", body = ReferenceRatesView)), security(("api_key" = ["tenant:read"])))]
#[get("/v1/reference-rates")]
pub async fn list(call: Call<(), RateQuery>) -> Answer {
    let series = call.query.series;
    let own = call
        .read(move |conn, tenant| {
            store::reference_rates::all(conn, tenant)?
                .iter()
                .map(store::reference_rates::ReferenceRate::rate)
                .collect::<Result<Vec<Rate>>>()
        })
        .await?;
    let mut rates: Vec<Rate> = rates::shipped().cloned().chain(own).filter(|rate| series.is_none_or(|only| rate.series == only)).collect();
    rates.sort_by_key(|rate| (rate.series, rate.valid_from));
    call.ok(&ReferenceRatesView { object: "reference_rates", rates: rates.into_iter().map(ReferenceRateView::from).collect() })
}

/// Add a reference rate
///
/// For a period for which none is published in the product: what is published is never overridden. It is used from then on by this tenant alone.
#[utoipa::path(operation_id = "addReferenceRate", tag = "Interest", request_body = NewRate, responses((status = 201, description = "Added, or known just so", body = ReferenceRateView)), security(("api_key" = ["tenant:write"])))]
#[post("/v1/reference-rates")]
pub async fn add(call: Call<NewRate>) -> Answer {
    let new = call.body.clone();
    call.act(StatusCode::CREATED, move |act| actions::interest::add_rate(act, &new)?.rate().map(ReferenceRateView::from)).await
}
