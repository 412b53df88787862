//! `/v1/protections`: what the law, or decency, demands where the debtor is a consumer.

use actix_web::get;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Call, call::Answer};
use crate::domain::{
    dunning::protections::{Protection, TABLE, of_consumer},
    locale::Jurisdiction,
};

/// A protection of consumers.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProtectionView {
    /// Always `protection`.
    #[schema(max_length = 20, example = "protection")]
    pub object: &'static str,
    /// Its name: the code of the fault where a policy or a text breaks it.
    #[schema(max_length = 60, example = "be.first_reminder_free")]
    pub name: &'static str,
    /// Where the consumer is; absent: everywhere, unless a place has one of its own instead.
    #[schema(example = "BE")]
    pub jurisdiction: Option<Jurisdiction>,
    /// What it demands, in English.
    #[schema(max_length = 1000, example = "no contact on public holidays")]
    pub demand: String,
    /// Where that was read, and how well it is known.
    #[schema(max_length = 300)]
    pub source: &'static str,
}

impl From<&Protection> for ProtectionView {
    fn from(row: &Protection) -> Self {
        Self {
            object: "protection",
            name: row.name,
            jurisdiction: row.place.parse().ok(),
            demand: row.demand.to_string(),
            source: row.source,
        }
    }
}

/// The protections, a place's own before those for everywhere.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProtectionsView {
    /// Always `protections`.
    #[schema(max_length = 20, example = "protections")]
    pub object: &'static str,
    /// All that apply.
    #[schema(max_items = 200)]
    pub protections: Vec<ProtectionView>,
}

/// Which protections to show.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ProtectionQuery {
    /// Only those of a consumer there; a region has its country's, too.
    pub jurisdiction: Option<Jurisdiction>,
}

/// List protections of consumers
///
/// A policy whose scope names consumers is refused if it breaks one that its places have, and so is a text of such a policy. Hours, holidays and frequency of contact are kept
/// by the consumer's own place, whatever the policy says.
#[utoipa::path(operation_id = "listProtections", tag = "Policies", params(ProtectionQuery), responses((status = 200, description = "The protections", body = ProtectionsView)), security(("api_key" = ["policies:read"])))]
#[get("/v1/protections")]
pub async fn list(call: Call<(), ProtectionQuery>) -> Answer {
    let protections = match &call.query.jurisdiction {
        Some(place) => of_consumer(place).map(ProtectionView::from).collect(),
        None => TABLE.iter().map(ProtectionView::from).collect(),
    };
    call.ok(&ProtectionsView { object: "protections", protections })
}
