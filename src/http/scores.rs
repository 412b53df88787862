//! `/v1/customers/{customer_id}/score` and the watch list: how a customer pays, line by line, and what a person says against it.

use actix_web::{delete, get, http::StatusCode, post};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Call, call::Answer};
use crate::{
    actions,
    domain::{
        credit::{
            profile::PayerProfile,
            request::{ScoreOverride, Watch},
            score::{Inputs, ScoreLine, ScoreSource},
        },
        ids::{CustomerId, TenantId},
    },
    error::{Error, Result},
    store::{
        self, Conn,
        credit::{Assessment, CreditProfile},
    },
};

/// How many former scores are shown.
const HISTORY: i64 = 50;

/// A customer's score, explained.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScoreView {
    /// Always `score`.
    #[schema(max_length = 20, example = "score")]
    pub object: &'static str,
    /// Whose.
    pub customer_id: CustomerId,
    /// The score that holds: 1 (very risky) to 5 (safe).
    #[schema(minimum = 1, maximum = 5)]
    pub score: u8,
    /// Where that comes from.
    pub source: ScoreSource,
    /// The score computed now, from `inputs`.
    #[schema(minimum = 1, maximum = 5)]
    pub computed: u8,
    /// One line per input, with its points.
    #[schema(max_items = 20)]
    pub lines: Vec<ScoreLine>,
    /// What it is computed from.
    pub inputs: Inputs,
    /// In which way the customer pays, if that can be told.
    pub profile: Option<PayerProfile>,
    /// Why that.
    #[schema(max_items = 10, schema_with = sentences)]
    pub profile_reasons: Vec<String>,
    /// The score set by hand, while it holds.
    #[serde(rename = "override")]
    pub overridden: Option<OverrideView>,
    /// Why and since when the customer is on the watch list; absent if it is not.
    pub watch: Option<WatchView>,
    /// The tenant's present, for which it holds.
    pub at: DateTime<Utc>,
    /// The last scores and profiles that differed from those before, the newest first, each with what it was computed from.
    #[schema(max_items = 50)]
    pub history: Vec<FormerScore>,
}

fn sentences() -> utoipa::openapi::schema::Array {
    use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
    let sentence = ObjectBuilder::new().schema_type(Type::String).max_length(Some(300));
    ArrayBuilder::new().description(Some("Why that.")).items(sentence).max_items(Some(10)).build()
}

/// A score set by hand.
#[derive(Debug, Serialize, ToSchema)]
pub struct OverrideView {
    /// The score.
    #[schema(minimum = 1, maximum = 5)]
    pub score: u8,
    /// Why.
    #[schema(max_length = 500)]
    pub reason: String,
    /// When the computed score holds again.
    pub until: DateTime<Utc>,
    /// Who set it: a key's id.
    #[schema(max_length = 64)]
    pub by: String,
}

/// A place on the watch list.
#[derive(Debug, Serialize, ToSchema)]
pub struct WatchView {
    /// Why.
    #[schema(max_length = 500)]
    pub reason: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

impl WatchView {
    /// That of a customer, if it is on the list.
    pub fn of(row: &CreditProfile) -> Option<Self> {
        Some(Self { reason: row.watch_reason.clone()?, since: row.watched_at?.0 })
    }
}

/// A score as it once was.
#[derive(Debug, Serialize, ToSchema)]
pub struct FormerScore {
    /// 1 (very risky) to 5 (safe).
    #[schema(minimum = 1, maximum = 5)]
    pub score: i32,
    /// The profile then.
    pub profile: Option<PayerProfile>,
    /// One line per input, with its points.
    #[schema(max_items = 20)]
    pub lines: Vec<ScoreLine>,
    /// What it was computed from.
    pub inputs: Inputs,
    /// When.
    pub assessed_at: DateTime<Utc>,
}

impl From<Assessment> for FormerScore {
    fn from(row: Assessment) -> Self {
        Self { score: row.score, profile: row.profile, lines: row.lines.0, inputs: row.inputs.0, assessed_at: row.assessed_at.0 }
    }
}

fn view(conn: &mut Conn, partition: TenantId, id: CustomerId, now: DateTime<Utc>) -> Result<ScoreView> {
    let given = store::credit::given(conn, partition, id)?;
    let tenant = store::tenants::find(conn, partition)?;
    let one = actions::credit::assess(conn, &tenant, &[id], now)?.remove(&id).ok_or(Error::NotFound("customer"))?;
    let row = store::credit::profile(conn, partition, id)?;
    let (score, source) = row.holds(given, one.score.value, now);
    let overridden = row
        .overridden(now)
        .and_then(|(score, until)| Some(OverrideView { score, until, reason: row.override_reason.clone()?, by: row.override_by.clone()? }));
    Ok(ScoreView {
        object: "score",
        customer_id: id,
        score,
        source,
        computed: one.score.value,
        lines: one.score.lines,
        inputs: one.inputs,
        profile: one.profile,
        profile_reasons: one.profile_reasons,
        overridden,
        watch: WatchView::of(&row),
        at: now,
        history: store::credit::history(conn, partition, id, HISTORY)?.into_iter().map(FormerScore::from).collect(),
    })
}

/// Get a customer's score
///
/// Computed now, explained line by line, with the score that holds, the profile and the history.
#[utoipa::path(operation_id = "getScore", tag = "Credit", params(("customer_id" = CustomerId, Path, description = "The customer")), responses((status = 200, description = "The score", body = ScoreView)), security(("api_key" = ["credit:read"])))]
#[get("/v1/customers/{customer_id}/score")]
pub async fn find(call: Call) -> Answer {
    let (id, wall) = (call.id("customer_id")?, call.wall());
    let found = call
        .read(move |conn, tenant| {
            let now = actions::present(conn, tenant, wall)?;
            view(conn, tenant, id, now)
        })
        .await?;
    call.ok(&found)
}

/// Override a score
///
/// The score given here holds until its end, whatever is computed. It is audited.
#[utoipa::path(operation_id = "overrideScore", tag = "Credit", params(("customer_id" = CustomerId, Path, description = "The customer")), request_body = ScoreOverride, responses((status = 200, description = "As it is now", body = ScoreView)), security(("api_key" = ["credit:override"])))]
#[post("/v1/customers/{customer_id}/score-override")]
pub async fn set(call: Call<ScoreOverride>) -> Answer {
    let (id, wanted) = (call.id("customer_id")?, call.body.clone());
    call.act(StatusCode::OK, move |act| {
        actions::credit::control::override_score(act, id, &wanted)?;
        view(act.conn, act.tenant, id, act.now)
    })
    .await
}

/// Lift a score's override
///
/// The computed score holds again. Doing it again changes nothing.
#[utoipa::path(operation_id = "liftScoreOverride", tag = "Credit", params(("customer_id" = CustomerId, Path, description = "The customer")), responses((status = 200, description = "As it is now", body = ScoreView)), security(("api_key" = ["credit:override"])))]
#[delete("/v1/customers/{customer_id}/score-override")]
pub async fn lift(call: Call) -> Answer {
    let id = call.id("customer_id")?;
    call.act(StatusCode::OK, move |act| {
        actions::credit::control::lift_override(act, id)?;
        view(act.conn, act.tenant, id, act.now)
    })
    .await
}

/// Watch a customer
///
/// Puts it on the watch list: until it is taken off, orders are delivered against prepayment.
#[utoipa::path(operation_id = "watchCustomer", tag = "Credit", params(("customer_id" = CustomerId, Path, description = "The customer")), request_body = Watch, responses((status = 200, description = "As it is now", body = ScoreView)), security(("api_key" = ["credit:write"])))]
#[post("/v1/customers/{customer_id}/watch")]
pub async fn watch(call: Call<Watch>) -> Answer {
    let (id, why) = (call.id("customer_id")?, call.body.clone());
    call.act(StatusCode::OK, move |act| {
        actions::credit::control::watch(act, id, &why)?;
        view(act.conn, act.tenant, id, act.now)
    })
    .await
}

/// Stop watching a customer
///
/// Takes it off the watch list. Doing it again changes nothing.
#[utoipa::path(operation_id = "unwatchCustomer", tag = "Credit", params(("customer_id" = CustomerId, Path, description = "The customer")), responses((status = 200, description = "As it is now", body = ScoreView)), security(("api_key" = ["credit:write"])))]
#[delete("/v1/customers/{customer_id}/watch")]
pub async fn unwatch(call: Call) -> Answer {
    let id = call.id("customer_id")?;
    call.act(StatusCode::OK, move |act| {
        actions::credit::control::unwatch(act, id)?;
        view(act.conn, act.tenant, id, act.now)
    })
    .await
}
