//! Tells the endpoints: events are lined up from the journal, and posted between two transactions.
//!
//! Invariant: an endpoint that is slow or gone costs the partition's others one call's time, and other tenants nothing.

use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt, stream};

use super::{partition::Turn, slots::Slots};
use crate::{
    actions::{
        self,
        webhooks::{Claim, Claimed, Told},
    },
    domain::{ids::TenantId, webhook::Try},
    error::{Error, Result},
    instance::Instance,
    outbound::{excerpt, net::Failure, signing::Signer},
    store::{self, Conn, webhooks::WebhookEndpoint},
};

/// Deliveries in one turn of a partition.
const ROUND: i64 = 100;
/// Calls of one endpoint under way at once.
const CALLS: usize = 8;
/// How long a delivery is left to whoever took it up: longer than a round of calls can take.
const LEASE: TimeDelta = TimeDelta::minutes(10);

/// Whether an endpoint has not yet been told all that happened up to `now`.
pub(super) fn is_behind(conn: &mut Conn, tenant: TenantId, now: DateTime<Utc>) -> Result<bool> {
    let behind = waits(conn, tenant)?;
    Ok(behind || store::webhooks::next_due(conn, tenant)?.is_some_and(|at| at <= now))
}

/// Whether the journal has entries that an endpoint has not been asked about.
fn waits(conn: &mut Conn, tenant: TenantId) -> Result<bool> {
    let Some(told) = store::webhooks::told(conn, tenant)? else { return Ok(false) };
    Ok(u64::try_from(told).map_err(Error::internal)? < store::evidence::size(conn, tenant)?)
}

/// Lines up what happened, and makes one round of calls.
///
/// # Errors
/// The store's; one endpoint's trouble is its own.
pub async fn turn(instance: &Instance, tenant: TenantId) -> Result<Turn> {
    whole(instance, &Slots::default(), tenant).await
}

/// [`turn`], sharing the worker's places.
pub(super) async fn whole(instance: &Instance, slots: &Slots, tenant: TenantId) -> Result<Turn> {
    let wall = instance.clock.now();
    let look = move |conn: &mut Conn| {
        let now = actions::present(conn, tenant, wall)?;
        Ok((waits(conn, tenant)?, store::webhooks::next_due(conn, tenant)?.filter(|at| *at > now), is_behind(conn, tenant, now)?))
    };
    let (waits, next, behind) = slots.read(instance, tenant, look).await?;
    if !behind {
        return Ok(Turn::Idle(next));
    }
    if waits {
        slots.act(instance, tenant, actions::webhooks::line_up).await?;
    }
    let Claim { token, now, rounds } = slots.act(instance, tenant, |act| actions::webhooks::claim(act, LEASE, ROUND)).await?;
    let rounds = rounds.into_iter().map(async |(endpoint, claimed)| {
        let told: Vec<Told> = match signer(instance, &endpoint, now) {
            Ok(signer) => {
                let calls = claimed.into_iter().map(|one| tell(instance, tenant, &endpoint, &signer, one, now));
                stream::iter(calls).buffer_unordered(CALLS).collect().await
            }
            Err(why) => claimed.into_iter().map(|one| untold(one, &why.to_string(), now)).collect(),
        };
        let work = move |act: &mut actions::Act<'_>| actions::webhooks::finish(act, endpoint.id, token, &told);
        slots.act(instance, tenant, work).await
    });
    futures_util::future::join_all(rounds).await.into_iter().collect::<Result<()>>()?;
    Ok(Turn::Busy)
}

fn signer(instance: &Instance, endpoint: &WebhookEndpoint, now: DateTime<Utc>) -> Result<Signer> {
    let (secret, former) = endpoint.secrets(&instance.vault, now).map_err(Error::internal)?;
    let signer = Signer::new(&secret).map_err(Error::internal)?;
    match former {
        Some(former) => signer.and_previous(&former).map_err(Error::internal),
        None => Ok(signer),
    }
}

/// Posts one event; `at` is the tenant's present.
async fn tell(
    instance: &Instance,
    tenant: TenantId,
    endpoint: &WebhookEndpoint,
    signer: &Signer,
    claimed: Claimed,
    at: DateTime<Utc>,
) -> Told {
    // Receivers compare the time of signing with their own clock, which is the world's.
    let (now, started) = (instance.clock.now(), Instant::now());
    let Claimed { delivery, event } = claimed;
    let posted = async {
        let body = serde_json::to_vec(&event).map_err(|error| error.to_string())?;
        let headers = signer.headers(&event.id.to_string(), now, &body)?;
        let request = instance.net.post(tenant.mode(), &endpoint.url).map_err(|why| why.to_string())?;
        let request = request.header("content-type", "application/json").header("relance-version", &event.version).body(body);
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        instance.net.call(request, now).await.map_err(|failure: Failure| failure.to_string())
    };
    let answer = posted.await;
    let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (status, detail, retry_after) = match answer {
        Ok(answer) => (Some(answer.status), answer.summary(), answer.retry_after),
        Err(why) => (None, excerpt(&why), None),
    };
    Told { delivery, tried: Try { at, status, took_ms, detail }, retry_after }
}

/// An event that could not even be signed.
fn untold(claimed: Claimed, why: &str, at: DateTime<Utc>) -> Told {
    let tried = Try { at, status: None, took_ms: 0, detail: excerpt(why) };
    Told { delivery: claimed.delivery, tried, retry_after: None }
}
