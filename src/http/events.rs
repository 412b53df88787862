//! `/v1/events`: the feed, for those who poll; the same payloads as the webhooks'.

use actix_web::get;
use chrono::TimeDelta;
use serde::Deserialize;
use uuid::Uuid;

use super::{
    Call,
    call::Answer,
    page::{Page, PageQuery},
};
use crate::{
    domain::{
        event::{Event, EventType, FEED_DAYS},
        ids::EventId,
    },
    error::Error,
    store::{self, evidence::Feed},
};

/// Which events, and which page of them.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// Only events of this type.
    #[serde(rename = "type")]
    pub kind: Option<EventType>,
    /// Only events about the thing with this id.
    #[param(max_length = 64)]
    pub subject: Option<String>,
}

/// List events
///
/// What happened in the last thirty days, oldest first, in the order in which it was committed. The last page has a cursor, too: ask with it again for what has happened since; nothing is missed.
#[utoipa::path(operation_id = "listEvents", tag = "Events", params(PageQuery, EventQuery), responses((status = 200, description = "A page", body = Page<Event>)), security(("api_key" = ["events:read"])))]
#[get("/v1/events")]
pub async fn list(call: Call<(), EventQuery>) -> Answer {
    let window = call.window()?;
    let kinds = call.query.kind.map_or_else(|| EventType::ALL.to_vec(), |kind| vec![kind]);
    let feed = Feed {
        kinds: kinds.into_iter().map(EventType::as_str).collect(),
        subject: call.query.subject.clone(),
        since: call.state.clock.now() - TimeDelta::days(FEED_DAYS),
    };
    let after = window.after_uuid().map(|place| place.as_u64_pair().1);
    let rows = call.read(move |conn, tenant| store::evidence::feed(conn, tenant, &feed, after, window.fetch())).await?;
    let (tenant, version) = (call.tenant(), call.version());
    let events: Vec<Event> = rows.into_iter().filter_map(|placed| Event::of(tenant, placed.seq, placed.entry, &version)).collect();
    call.feed(window, events, |event| Uuid::from_u64_pair(0, event.sequence)).await
}

/// Get an event
///
/// Also one that is older than the feed.
#[utoipa::path(operation_id = "getEvent", tag = "Events", params(("event_id" = EventId, Path, description = "The event")), responses((status = 200, description = "The event", body = Event)), security(("api_key" = ["events:read"])))]
#[get("/v1/events/{event_id}")]
pub async fn find(call: Call) -> Answer {
    let id: EventId = call.id("event_id")?;
    let version = call.version();
    let event = call
        .read(move |conn, tenant| {
            let placed = store::evidence::of_ids(conn, tenant, &[id.entry()])?.pop();
            placed.and_then(|placed| Event::of(tenant, placed.seq, placed.entry, &version)).ok_or(Error::NotFound("event"))
        })
        .await?;
    call.ok(&event)
}
