//! Webhooks: endpoints kept, events lined up for them, what became of each try.
//!
//! Whom an endpoint is told about follows from one number, its place in the journal: events beyond it are lined up, and it moves on in the same transaction. Putting it back
//! tells again. Invariant: whatever entered the journal reaches every endpoint that wants it, once each, or stands in the log of deliveries as failed.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::BASE64;
use serde_json::json;

use super::Act;
use crate::{
    domain::{
        api_version::ApiVersion,
        crypto,
        event::{Event, EventType, FEED_DAYS},
        ids::{EvidenceId, WebhookDeliveryId, WebhookEndpointId},
        invalid::Faults,
        vault::Vault,
        webhook::{DeliveryState, EndpointState, GIVEN_UP_AFTER, NewWebhookEndpoint, Try, WebhookEndpointChange, next_try},
    },
    error::{Error, Result},
    store::{
        self, Json, Token, Ts,
        evidence::Placed,
        webhooks::{WebhookDelivery, WebhookEndpoint},
    },
};

/// Endpoints of a tenant's mode at most.
const MOST: i64 = 20;
/// Entries of the journal looked at in one transaction.
const SLICE: u64 = 500;
/// Tries that the log of a delivery keeps.
const KEPT: usize = 30;

/// Makes an endpoint; it is told of what happens from now on, in this version unless it names another. The secret is returned this once.
///
/// # Errors
/// `too_many_endpoints`; the store's.
pub fn create(act: &mut Act<'_>, vault: &Vault, new: &NewWebhookEndpoint, version: &ApiVersion) -> Result<(WebhookEndpoint, String)> {
    if store::webhooks::count(act.conn, act.tenant)? >= MOST {
        return Err(Error::conflict("too_many_endpoints", format!("there are {MOST} endpoints; delete one that is not needed")));
    }
    let id = WebhookEndpointId::new(act.wall);
    let (secret, sealed) = fresh_secret(act, vault, id)?;
    let row = WebhookEndpoint {
        tenant_id: act.tenant,
        id,
        url: new.url.clone(),
        description: new.description.clone(),
        event_types: Json(new.event_types.clone()),
        state: EndpointState::Active,
        disabled_because: None,
        secret: sealed,
        former_secret: None,
        former_until: None,
        told: place(store::evidence::size(act.conn, act.tenant)?)?,
        failing_since: None,
        version: 1,
        created_at: Ts(act.wall),
        updated_at: Ts(act.wall),
        api_version: new.api_version.as_ref().unwrap_or(version).clone(),
    };
    store::webhooks::insert(act.conn, &row)?;
    act.audit("webhook_endpoint.created", id, json!({"event_types": new.event_types, "api_version": row.api_version}));
    Ok((row, secret))
}

/// Changes an endpoint.
///
/// # Errors
/// No such endpoint.
pub fn change(act: &mut Act<'_>, id: WebhookEndpointId, change: &WebhookEndpointChange) -> Result<WebhookEndpoint> {
    let old = store::webhooks::lock(act.conn, act.tenant, id)?;
    let row = WebhookEndpoint {
        url: change.url.clone().unwrap_or_else(|| old.url.clone()),
        description: change.description.clone().or_else(|| old.description.clone()),
        event_types: change.event_types.clone().map_or_else(|| old.event_types.clone(), Json),
        api_version: change.api_version.clone().unwrap_or_else(|| old.api_version.clone()),
        ..old
    };
    let body = json!({"event_types": *row.event_types, "api_version": row.api_version});
    rewrite(act, row, "webhook_endpoint.changed", body)
}

/// Gives an endpoint another secret; both sign for `overlap`.
///
/// # Errors
/// No such endpoint.
pub fn rotate(act: &mut Act<'_>, vault: &Vault, id: WebhookEndpointId, overlap: TimeDelta) -> Result<(WebhookEndpoint, String)> {
    let old = store::webhooks::lock(act.conn, act.tenant, id)?;
    let (secret, sealed) = fresh_secret(act, vault, id)?;
    let until = act.now + overlap;
    let row = WebhookEndpoint { former_secret: Some(old.secret), former_until: Some(Ts(until)), secret: sealed, ..old };
    let row = rewrite(act, row, "webhook_endpoint.secret_rotated", json!({"both_until": until}))?;
    Ok((row, secret))
}

/// Tells an endpoint no more; what it was still to be told is given up.
///
/// # Errors
/// No such endpoint.
pub fn disable(act: &mut Act<'_>, id: WebhookEndpointId) -> Result<WebhookEndpoint> {
    let old = store::webhooks::lock(act.conn, act.tenant, id)?;
    if old.state == EndpointState::Disabled {
        return Ok(old);
    }
    silence(act, old, "disabled by request")
}

/// Tells an endpoint again, from where it was left, at most thirty days back.
///
/// # Errors
/// No such endpoint.
pub fn enable(act: &mut Act<'_>, id: WebhookEndpointId) -> Result<WebhookEndpoint> {
    let old = store::webhooks::lock(act.conn, act.tenant, id)?;
    if old.state == EndpointState::Active {
        return Ok(old);
    }
    let row = WebhookEndpoint { state: EndpointState::Active, disabled_because: None, failing_since: None, ..old };
    rewrite(act, row, "webhook_endpoint.enabled", json!({}))
}

/// Removes an endpoint and the log of what it was told.
///
/// # Errors
/// No such endpoint.
pub fn delete(act: &mut Act<'_>, id: WebhookEndpointId) -> Result<WebhookEndpoint> {
    let row = store::webhooks::lock(act.conn, act.tenant, id)?;
    store::webhooks::delete(act.conn, act.tenant, id)?;
    act.audit("webhook_endpoint.deleted", id, json!({}));
    Ok(row)
}

/// Sends one endpoint a test event, whatever types it wants.
///
/// # Errors
/// No such endpoint; `endpoint_disabled`.
pub fn test(act: &mut Act<'_>, id: WebhookEndpointId) -> Result<WebhookEndpoint> {
    let row = listening(store::webhooks::find(act.conn, act.tenant, id)?)?;
    act.witness(EventType::WebhookEndpointTested.as_str(), id, json!({}));
    Ok(row)
}

/// Tells an endpoint again, from `since` on, what it did not take.
///
/// # Errors
/// No such endpoint; `endpoint_disabled`; a moment too long ago.
pub fn replay(act: &mut Act<'_>, id: WebhookEndpointId, since: DateTime<Utc>) -> Result<WebhookEndpoint> {
    let old = listening(store::webhooks::lock(act.conn, act.tenant, id)?)?;
    if since < act.now - TimeDelta::days(FEED_DAYS) || since > act.now {
        let detail = format!("events are told again for {FEED_DAYS} days; the evidence has older ones");
        return Err(Faults::one("/since", "out_of_range", detail).into());
    }
    let Some(first) = store::evidence::place_at(act.conn, act.tenant, since)? else { return Ok(old) };
    let told = place(first)?.min(old.told);
    rewrite(act, WebhookEndpoint { told, ..old }, "webhook_endpoint.replayed", json!({"since": since}))
}

/// Delivers one event again, whatever became of it.
///
/// # Errors
/// No such delivery; `endpoint_disabled`.
pub fn redeliver(act: &mut Act<'_>, id: WebhookDeliveryId) -> Result<WebhookDelivery> {
    let old = store::webhooks::find_delivery(act.conn, act.tenant, id)?;
    listening(store::webhooks::find(act.conn, act.tenant, old.endpoint_id)?)?;
    let row = anew(old, act.now);
    store::webhooks::update_delivery(act.conn, &row)?;
    Ok(row)
}

/// Lines up, for every endpoint, what it has not been told; returns whether there may be more.
///
/// # Errors
/// The store's.
pub fn line_up(act: &mut Act<'_>) -> Result<bool> {
    let size = store::evidence::size(act.conn, act.tenant)?;
    let mut more = false;
    for one in store::webhooks::active(act.conn, act.tenant)? {
        if one.told < place(size)? {
            // Again under its lock: another process may have told it meanwhile.
            let one = store::webhooks::lock(act.conn, act.tenant, one.id)?;
            more |= one.state == EndpointState::Active && line_up_for(act, one, size)?;
        }
    }
    Ok(more)
}

fn line_up_for(act: &mut Act<'_>, endpoint: WebhookEndpoint, size: u64) -> Result<bool> {
    let oldest = EvidenceId::earliest(act.wall - TimeDelta::days(FEED_DAYS));
    let first = u64::try_from(endpoint.told).map_err(Error::internal)?;
    let end = first.saturating_add(SLICE).min(size);
    let placed = store::evidence::between(act.conn, act.tenant, first, end, i64::MAX)?;
    let wanted: Vec<(EvidenceId, EventType)> = placed
        .into_iter()
        .filter(|placed| placed.entry.id >= oldest)
        .filter_map(|placed| {
            let kind: EventType = placed.entry.kind.parse().ok()?;
            let own = placed.entry.subject == endpoint.id.to_string();
            let wanted = if kind == EventType::WebhookEndpointTested { own } else { endpoint.wants(kind) };
            wanted.then_some((placed.entry.id, kind))
        })
        .collect();
    let ids: Vec<EvidenceId> = wanted.iter().map(|(id, _)| *id).collect();
    let known: HashMap<EvidenceId, WebhookDelivery> =
        store::webhooks::of_entries(act.conn, act.tenant, endpoint.id, &ids)?.into_iter().map(|row| (row.entry_id, row)).collect();
    let mut fresh = Vec::new();
    for (entry_id, event_type) in wanted {
        match known.get(&entry_id) {
            Some(old) if old.state == DeliveryState::Failed => {
                store::webhooks::update_delivery(act.conn, &anew(old.clone(), act.now))?;
            }
            Some(_) => {}
            None => fresh.push(WebhookDelivery {
                tenant_id: act.tenant,
                id: WebhookDeliveryId::new(act.wall),
                endpoint_id: endpoint.id,
                entry_id,
                event_type,
                state: DeliveryState::Pending,
                tries: Json(Vec::new()),
                tried: 0,
                next_try_at: Some(Ts(act.now)),
                token: None,
                created_at: Ts(act.now),
                finished_at: None,
            }),
        }
    }
    store::webhooks::insert_deliveries(act.conn, &fresh)?;
    store::webhooks::forget(act.conn, act.tenant, endpoint.id, WebhookDeliveryId::earliest(act.wall - TimeDelta::days(FEED_DAYS)))?;
    store::webhooks::update(act.conn, &WebhookEndpoint { told: place(end)?, ..endpoint })?;
    Ok(end < size)
}

/// One delivery to be tried.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The delivery.
    pub delivery: WebhookDelivery,
    /// Its event.
    pub event: Event,
}

/// What is to be tried now, by endpoint, under one token.
#[derive(Debug)]
pub struct Claim {
    /// What a result is written under.
    pub token: Token,
    /// The tenant's present.
    pub now: DateTime<Utc>,
    /// Each endpoint with what it is to be told.
    pub rounds: Vec<(WebhookEndpoint, Vec<Claimed>)>,
}

/// Takes up to `limit` deliveries that are due, and leaves them to the caller until `lease` has passed.
///
/// # Errors
/// The store's.
pub fn claim(act: &mut Act<'_>, lease: TimeDelta, limit: i64) -> Result<Claim> {
    let token = Token::fresh();
    let rows = store::webhooks::claim(act.conn, act.tenant, act.now, act.now + lease, token, limit)?;
    let entries: Vec<EvidenceId> = rows.iter().map(|row| row.entry_id).collect();
    let placed: HashMap<EvidenceId, Placed> =
        store::evidence::of_ids(act.conn, act.tenant, &entries)?.into_iter().map(|placed| (placed.entry.id, placed)).collect();
    let mut by_endpoint = BTreeMap::<WebhookEndpointId, Vec<WebhookDelivery>>::new();
    for delivery in rows {
        by_endpoint.entry(delivery.endpoint_id).or_default().push(delivery);
    }
    let round = |(id, deliveries): (WebhookEndpointId, Vec<WebhookDelivery>)| {
        let endpoint = store::webhooks::find(act.conn, act.tenant, id)?;
        let claimed = |delivery: WebhookDelivery| {
            let entry = placed.get(&delivery.entry_id);
            let event = entry.and_then(|one| Event::of(act.tenant, one.seq, one.entry.clone(), &endpoint.api_version));
            let event = event.ok_or_else(|| Error::internal(format!("the event of {} is gone", delivery.id)))?;
            Ok(Claimed { delivery, event })
        };
        let claimed = deliveries.into_iter().map(claimed).collect::<Result<Vec<_>>>()?;
        Ok((endpoint, claimed))
    };
    Ok(Claim { token, now: act.now, rounds: by_endpoint.into_iter().map(round).collect::<Result<Vec<_>>>()? })
}

/// What an endpoint answered to one event.
#[derive(Debug, Clone)]
pub struct Told {
    /// The delivery, as it was claimed.
    pub delivery: WebhookDelivery,
    /// The try.
    pub tried: Try,
    /// How long the endpoint wants to be left alone.
    pub retry_after: Option<Duration>,
}

impl Told {
    fn is_taken(&self) -> bool {
        self.tried.status.is_some_and(|status| (200..300).contains(&status))
    }

    /// The endpoint says that it is no more.
    fn is_gone(&self) -> bool {
        self.tried.status == Some(410)
    }
}

/// Writes down what one endpoint answered, and gives it up if it is gone, or has been out of reach for too long.
///
/// # Errors
/// The store's.
pub fn finish(act: &mut Act<'_>, endpoint: WebhookEndpointId, token: Token, told: &[Told]) -> Result<()> {
    let row = match store::webhooks::lock(act.conn, act.tenant, endpoint) {
        Ok(row) => row,
        // Deleted meanwhile, with all that it was told.
        Err(Error::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    for one in told {
        store::webhooks::tried(act.conn, token, &after(act, one))?;
    }
    let reached = told.iter().any(Told::is_taken);
    let failing_since = if reached { None } else { row.failing_since.or(Some(Ts(act.now))) };
    let lost = failing_since.is_some_and(|since| act.now - since.0 >= GIVEN_UP_AFTER);
    if row.state == EndpointState::Active && told.iter().any(Told::is_gone) {
        silence(act, row, "it answered 410 Gone")?;
    } else if row.state == EndpointState::Active && lost {
        silence(act, row, "nothing reached it for five days")?;
    } else if failing_since != row.failing_since {
        store::webhooks::update(act.conn, &WebhookEndpoint { failing_since, ..row })?;
    }
    Ok(())
}

/// A delivery after a try.
fn after(act: &Act<'_>, told: &Told) -> WebhookDelivery {
    let old = &told.delivery;
    let tried = old.tried.saturating_add(1);
    let mut tries = old.tries.0.clone();
    tries.push(told.tried.clone());
    let surplus = tries.len().saturating_sub(KEPT);
    tries.drain(..surplus);
    let next = next_try(tried, act.now, told.retry_after, fastrand::u32(0..=1_000)).filter(|_| !told.is_taken() && !told.is_gone());
    let state = match (told.is_taken(), next) {
        (true, _) => DeliveryState::Delivered,
        (false, Some(_)) => DeliveryState::Pending,
        (false, None) => DeliveryState::Failed,
    };
    let finished_at = (state != DeliveryState::Pending).then_some(Ts(act.now));
    WebhookDelivery { state, tries: Json(tries), tried, next_try_at: next.map(Ts), token: None, finished_at, ..old.clone() }
}

/// A delivery that begins again; its log stays.
fn anew(old: WebhookDelivery, now: DateTime<Utc>) -> WebhookDelivery {
    WebhookDelivery { state: DeliveryState::Pending, tried: 0, next_try_at: Some(Ts(now)), token: None, finished_at: None, ..old }
}

fn silence(act: &mut Act<'_>, row: WebhookEndpoint, because: &str) -> Result<WebhookEndpoint> {
    store::webhooks::give_up(act.conn, act.tenant, row.id, act.now)?;
    let row = WebhookEndpoint { state: EndpointState::Disabled, disabled_because: Some(because.to_owned()), ..row };
    rewrite(act, row, EventType::WebhookEndpointDisabled.as_str(), json!({"because": because}))
}

fn listening(row: WebhookEndpoint) -> Result<WebhookEndpoint> {
    match row.state {
        EndpointState::Active => Ok(row),
        EndpointState::Disabled => Err(Error::conflict("endpoint_disabled", "the endpoint is disabled; enable it first")),
    }
}

fn rewrite(act: &mut Act<'_>, row: WebhookEndpoint, kind: &'static str, body: serde_json::Value) -> Result<WebhookEndpoint> {
    let row = WebhookEndpoint { version: row.version.saturating_add(1), updated_at: Ts(act.wall), ..row };
    store::webhooks::update(act.conn, &row)?;
    act.audit(kind, row.id, body);
    Ok(row)
}

fn fresh_secret(act: &Act<'_>, vault: &Vault, id: WebhookEndpointId) -> Result<(String, Vec<u8>)> {
    let random: [u8; 32] = crypto::random().map_err(Error::internal)?;
    let secret = format!("whsec_{}", BASE64.encode(&random));
    let sealed = vault.seal(&WebhookEndpoint::place(act.tenant, id), secret.as_bytes()).map_err(Error::internal)?;
    Ok((secret, sealed))
}

fn place(seq: u64) -> Result<i64> {
    i64::try_from(seq).map_err(Error::internal)
}
