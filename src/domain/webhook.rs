//! Whom integrators have us tell, and how patiently: endpoints, and the deliveries of events to them (Standard Webhooks 1.0.0).
//!
//! Not here: the signature and the call. Invariant: a delivery is tried for three days, however its endpoint behaves in between.

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{api_version::ApiVersion, event::EventType};

crate::words! {
    /// Whether an endpoint is told.
    pub enum EndpointState {
        /// Events are delivered to it.
        Active = "active",
        /// Nothing is delivered: somebody said so, it said itself that it is gone, or nothing reached it for five days.
        Disabled = "disabled",
    }
}

crate::words! {
    /// Where the delivery of an event to an endpoint stands.
    pub enum DeliveryState {
        /// It will be tried, or tried again.
        Pending = "pending",
        /// The endpoint took it.
        Delivered = "delivered",
        /// Given up: three days have passed, or the endpoint is disabled. It can be delivered again on request.
        Failed = "failed",
    }
}

/// The pauses between tries, in seconds: those that Standard Webhooks proposes, as far as three days.
const PAUSES: [u32; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 73_495];

/// An endpoint that nothing reached for so long is disabled.
pub const GIVEN_UP_AFTER: TimeDelta = TimeDelta::days(5);

/// When to try again after the try of this number, from 1, has failed; `None` when it was the last. `jitter`, from 0 to 1 in thousandths, spreads the tries of many.
pub fn next_try(tries: i32, now: DateTime<Utc>, retry_after: Option<Duration>, jitter: u32) -> Option<DateTime<Utc>> {
    let pause = usize::try_from(tries).ok().and_then(|tries| PAUSES.get(tries.checked_sub(1)?))?;
    // Never earlier than the proposal, and at most a tenth later.
    let pause = TimeDelta::milliseconds(
        i64::from(*pause).saturating_mul(1_000).saturating_add(i64::from(*pause).saturating_mul(i64::from(jitter.min(1_000))) / 10),
    );
    let wanted = retry_after.and_then(|pause| TimeDelta::from_std(pause).ok()).unwrap_or_default();
    now.checked_add_signed(pause.max(wanted))
}

/// Whom to tell.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"url": "https://books.example.com/relance", "description": "accounting", "event_types": ["message.delivered", "payment.recorded", "promise.broken"]}))]
pub struct NewWebhookEndpoint {
    /// Where events are posted: `https` in live mode, and a public address.
    #[schema(min_length = 8, max_length = 2_000, pattern = "^https?://")]
    pub url: String,
    /// What it is for.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub description: Option<String>,
    /// Only these types; without any, all of them, those to come included.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub event_types: BTreeSet<EventType>,
    /// The dated version that it is told in; without one, that of this request.
    #[serde(default)]
    pub api_version: Option<ApiVersion>,
}

/// What to change about an endpoint.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"event_types": ["promise.broken", "dispute.opened"]}))]
pub struct WebhookEndpointChange {
    /// Where events are posted. Deliveries under way go there, too.
    #[serde(default)]
    #[schema(min_length = 8, max_length = 2_000, pattern = "^https?://")]
    pub url: Option<String>,
    /// What it is for.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub description: Option<String>,
    /// Only these types from now on; an empty list means all.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub event_types: Option<BTreeSet<EventType>>,
    /// The dated version that it is told in, from the next try of each delivery on.
    #[serde(default)]
    pub api_version: Option<ApiVersion>,
}

/// From when on an endpoint is told again what it did not take.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"since": "2026-03-01T00:00:00Z"}))]
pub struct Replay {
    /// Events from this moment on, at most thirty days back.
    pub since: DateTime<Utc>,
}

/// One try at a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Try {
    /// When.
    pub at: DateTime<Utc>,
    /// The answer's status; absent when there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 100, maximum = 599)]
    pub status: Option<u16>,
    /// How long it took, in milliseconds.
    #[schema(minimum = 0)]
    pub took_ms: u64,
    /// The beginning of the answer, or why there was none.
    #[schema(max_length = 300)]
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_follow_the_proposal_for_three_days_and_a_wish_to_be_left_alone_is_granted() {
        let start = DateTime::UNIX_EPOCH;
        let mut at = start;
        let mut tries = 1;
        while let Some(next) = next_try(tries, at, None, 0) {
            assert!(next > at);
            at = next;
            tries += 1;
        }
        assert_eq!((tries, at - start), (10, TimeDelta::seconds(259_200)), "ten tries within three days");
        let late = next_try(1, start, None, 1_000).unwrap() - start;
        assert_eq!(late, TimeDelta::milliseconds(5_500));
        assert_eq!(next_try(1, start, Some(Duration::from_secs(90)), 0).unwrap() - start, TimeDelta::seconds(90));
        assert_eq!(next_try(2, start, Some(Duration::from_secs(90)), 0).unwrap() - start, TimeDelta::seconds(300));
        assert_eq!(next_try(0, start, None, 0), None);
    }
}
