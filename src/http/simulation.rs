//! `/v1/policies/{policy_id}/simulate`: what a policy would do over days to come, or past ones. Sends nothing, keeps nothing.

use actix_web::post;
use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Call, call::Answer};
use crate::{
    actions,
    domain::{
        access::Scope,
        calendar::local,
        dunning::{
            explain::Explanation,
            policy::Policy,
            simulation::{MakeBelieve, SimulatedDay, SimulationRequest, simulate},
        },
        ids::{CustomerId, PolicyId, TenantId},
        money::Currency,
        version::VersionState,
    },
    error::{Error, Result},
    store::{self, Conn, policies::PolicyVersion},
};

/// What a policy would do to an account.
#[derive(Debug, Serialize, ToSchema)]
pub struct SimulationView {
    /// Always `simulation`.
    #[schema(max_length = 20, example = "simulation")]
    pub object: &'static str,
    /// The policy.
    pub policy_id: PolicyId,
    /// Its version.
    #[schema(minimum = 1)]
    pub version: i32,
    /// Whose account; absent: made up.
    pub customer_id: Option<CustomerId>,
    /// Of all amounts.
    pub currency: Currency,
    /// Its first moment.
    pub from: DateTime<Utc>,
    /// Its last day, in the tenant's zone.
    pub until: NaiveDate,
    /// The days on which something would happen.
    #[schema(max_items = 400)]
    pub days: Vec<SimulatedDay>,
    /// How the account would stand at the end of the last day, and why nothing more happened.
    pub in_the_end: Explanation,
}

/// Simulate a policy
///
/// Plays an account, a customer's or one that is made up, day by day: who would get what, when and why not more. Decided by the function that decides in
/// earnest; nothing is sent and nothing is written. What people do is taken to be done at once, a reminder that is under way to leave now, and nobody pays but as the
/// request says. A customer's account needs the scope `reminders:read`, too.
#[utoipa::path(operation_id = "simulatePolicy", tag = "Policies", params(("policy_id" = PolicyId, Path, description = "The policy")), request_body = SimulationRequest, responses((status = 200, description = "What would happen", body = SimulationView)), security(("api_key" = ["policies:read"])))]
#[post("/v1/policies/{policy_id}/simulate")]
pub async fn run(call: Call<SimulationRequest>) -> Answer {
    let id = call.id("policy_id")?;
    let (wanted, wall) = (call.body.clone(), call.wall());
    if wanted.customer_id.is_some() && !call.caller.scopes.contains(&Scope::RemindersRead) {
        return Err(call.problem(Error::Forbidden(Scope::RemindersRead.to_string())));
    }
    let view = call.read(move |conn, tenant| play(conn, tenant, id, &wanted, wall)).await?;
    call.ok(&view)
}

fn play(conn: &mut Conn, tenant: TenantId, id: PolicyId, wanted: &SimulationRequest, wall: DateTime<Utc>) -> Result<SimulationView> {
    store::policies::find(conn, tenant, id)?;
    let creditor = store::tenants::find(conn, tenant)?;
    let (calendar, now) = (creditor.calendar(), actions::present(conn, tenant, wall)?);
    wanted.check(calendar.today(now)).or(())?;
    let (version, policy) = version(conn, tenant, id, wanted.version)?;
    let from = wanted.from.map_or(now, |day| local::day_start(calendar.zone, day));
    let first = calendar.today(from);
    let until = first.checked_add_days(Days::new(u64::from(wanted.days.saturating_sub(1)))).unwrap_or(NaiveDate::MAX);
    let story = match (&wanted.account, wanted.customer_id) {
        (Some(account), _) => account.make(&creditor.jurisdiction),
        (None, Some(customer)) => {
            store::customers::find(conn, tenant, customer)?;
            let key = (customer, wanted.currency.unwrap_or(creditor.currency));
            MakeBelieve { account: store::facts::load_one(conn, tenant, key, now)?.account, payments: Vec::new() }
        }
        (None, None) => return Err(Error::internal("a simulation of nobody passed its check")),
    };
    let currency = story.account.currency;
    let played = simulate(story, &policy, &calendar, from, until);
    let played = if wanted.customer_id.is_none() { played.nameless() } else { played };
    Ok(SimulationView {
        object: "simulation",
        policy_id: id,
        version,
        customer_id: wanted.customer_id,
        currency,
        from,
        until,
        days: played.days,
        in_the_end: played.in_the_end,
    })
}

/// The version asked for; else the one in force, or else the one that waits.
fn version(conn: &mut Conn, tenant: TenantId, id: PolicyId, wanted: Option<i32>) -> Result<(i32, Policy)> {
    if let Some(version) = wanted {
        return Ok((version, store::policies::find_version(conn, tenant, id, version)?));
    }
    let current = store::policies::current(conn, tenant, &[id])?;
    let in_state = |state: VersionState| current.iter().find(|version| version.state == state);
    let found: Option<&PolicyVersion> = in_state(VersionState::Active).or_else(|| in_state(VersionState::Draft));
    found.map(|version| (version.version, version.document.0.clone())).ok_or(Error::NotFound("policy version"))
}
