//! Rate limits, and `/v1/limits`, where a caller reads its own.
//!
//! A bucket per key and per tenant, and one for a tenant's exports, each emptied by requests and filled again evenly. They are kept in the memory of this
//! process: several processes behind one address allow several times as much. What a reader already has (304) costs nothing.
//!
//! Invariant: a bucket is one number, the moment at which it will be full again.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use actix_web::get;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Call, auth::Caller, call::Answer};
use crate::{config::Rates, domain::access::RatePolicy};

/// The time in which an empty bucket fills, in nanoseconds.
const WINDOW: i64 = 60_000_000_000;
/// From how many buckets on those that are full are forgotten.
const MANY: usize = 20_000;

/// The buckets of this process.
#[derive(Debug)]
pub struct Limits {
    rates: Rates,
    buckets: Mutex<HashMap<(RatePolicy, Uuid), i64>>,
}

/// Where a caller stands with one policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    policy: RatePolicy,
    owner: Uuid,
    quota: u32,
    /// Requests left now.
    remaining: u32,
    /// Seconds until all of them are.
    reset: u32,
}

/// A request too many: where its caller stands, and when to come back.
#[derive(Debug)]
pub struct Spent {
    /// As for a request that is answered.
    pub standings: Vec<Standing>,
    /// Of which policy.
    pub policy: RatePolicy,
    /// How long until there is room for one.
    pub after: Duration,
}

impl Limits {
    /// Full buckets.
    pub fn new(rates: Rates) -> Self {
        Self { rates, buckets: Mutex::default() }
    }

    /// The policies that hold for a request, with their quota and their owner.
    fn policies(&self, caller: &Caller, heavy: bool) -> impl Iterator<Item = (RatePolicy, Uuid, u32)> {
        let tenant = caller.tenant.uuid();
        [
            (RatePolicy::Key, caller.identity.uuid(), self.rates.key),
            (RatePolicy::Tenant, tenant, self.rates.tenant),
            (RatePolicy::Exports, tenant, if heavy { self.rates.exports } else { 0 }),
        ]
        .into_iter()
        .filter(|(.., quota)| *quota > 0)
    }

    /// Counts a request.
    ///
    /// # Errors
    /// When one of its buckets is empty; then nothing is counted.
    pub fn count(&self, caller: &Caller, heavy: bool, now: DateTime<Utc>) -> Result<Vec<Standing>, Spent> {
        let now = nanos(now);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() > MANY {
            buckets.retain(|_, full| *full > now);
        }
        // A clock that was set back must not shut anybody out for longer than a window.
        let level = |full: Option<&i64>| full.copied().unwrap_or(now).clamp(now, now.saturating_add(WINDOW));
        let all: Vec<_> = self
            .policies(caller, heavy)
            .map(|(policy, owner, quota)| (policy, owner, quota, level(buckets.get(&(policy, owner)))))
            .collect();
        let worst = all.iter().map(|&(policy, _, quota, full)| (full + one(quota) - now - WINDOW, policy)).max_by_key(|(wait, _)| *wait);
        if let Some((wait, policy)) = worst.filter(|(wait, _)| *wait > 0) {
            let standings = all.into_iter().map(|(policy, owner, quota, full)| standing(policy, owner, quota, full - now)).collect();
            return Err(Spent { standings, policy, after: Duration::from_nanos(wait.unsigned_abs()) });
        }
        let count = |(policy, owner, quota, full): (RatePolicy, Uuid, u32, i64)| {
            let full = full.saturating_add(one(quota));
            buckets.insert((policy, owner), full);
            standing(policy, owner, quota, full - now)
        };
        Ok(all.into_iter().map(count).collect())
    }

    /// Takes back what was counted for a request that cost nothing.
    pub fn give_back(&self, standings: &mut [Standing], now: DateTime<Utc>) {
        let now = nanos(now);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        for one_of in standings {
            if let Some(full) = buckets.get_mut(&(one_of.policy, one_of.owner)) {
                *full = full.saturating_sub(one(one_of.quota));
                *one_of = standing(one_of.policy, one_of.owner, one_of.quota, full.saturating_sub(now).clamp(0, WINDOW));
            }
        }
    }

    /// Where a caller stands with every policy, without counting.
    fn standings(&self, caller: &Caller, now: DateTime<Utc>) -> Vec<Standing> {
        let now = nanos(now);
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |policy, owner| buckets.get(&(policy, owner)).map_or(0, |full| full.saturating_sub(now).clamp(0, WINDOW));
        self.policies(caller, true).map(|(policy, owner, quota)| standing(policy, owner, quota, full(policy, owner))).collect()
    }
}

fn nanos(at: DateTime<Utc>) -> i64 {
    at.timestamp_nanos_opt().unwrap_or_default()
}

/// How long it takes until there is room for one more.
fn one(quota: u32) -> i64 {
    WINDOW.checked_div(i64::from(quota)).unwrap_or_default()
}

/// What a bucket that fills in `missing` nanoseconds holds.
fn standing(policy: RatePolicy, owner: Uuid, quota: u32, missing: i64) -> Standing {
    let left = (WINDOW - missing).checked_div(one(quota)).and_then(|left| u32::try_from(left).ok()).unwrap_or_default();
    let reset = u32::try_from(missing.div_euclid(1_000_000_000) + i64::from(missing.rem_euclid(1_000_000_000) > 0)).unwrap_or_default();
    Standing { policy, owner, quota, remaining: left.min(quota), reset }
}

/// The values of `RateLimit-Policy` and of `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11).
pub fn fields(standings: &[Standing]) -> (String, String) {
    let list = |item: fn(&Standing) -> String| standings.iter().map(item).collect::<Vec<_>>().join(", ");
    let policy = list(|one| format!("\"{}\";q={};w=60", one.policy, one.quota));
    (policy, list(|one| format!("\"{}\";r={};t={}", one.policy, one.remaining, one.reset)))
}

/// The limits that hold for a caller.
#[derive(Debug, Serialize, ToSchema)]
pub struct RateLimitsView {
    /// Always `limits`.
    #[schema(max_length = 20, example = "limits")]
    pub object: &'static str,
    /// One for each policy that the server sets; those that it does not set are absent.
    #[schema(max_items = 3)]
    pub limits: Vec<RateLimitView>,
}

/// One limit.
#[derive(Debug, Serialize, ToSchema)]
pub struct RateLimitView {
    /// What is counted.
    pub policy: RatePolicy,
    /// How many requests a full bucket holds.
    #[schema(minimum = 1, maximum = 10_000_000)]
    pub quota: u32,
    /// In how many seconds an empty one fills.
    #[schema(minimum = 1, maximum = 60)]
    pub window_seconds: u32,
    /// How many are left now, this one counted.
    #[schema(minimum = 0, maximum = 10_000_000)]
    pub remaining: u32,
    /// In how many seconds it is full again.
    #[schema(minimum = 0, maximum = 60)]
    pub reset_seconds: u32,
}

/// Get the rate limits
///
/// Those of this key and its tenant, as the process that answers counts them. Every answer says the same in `RateLimit-Policy` and `RateLimit`.
#[utoipa::path(operation_id = "getLimits", tag = "Access", responses((status = 200, description = "The limits", body = RateLimitsView)), security(("api_key" = ["tenant:read"])))]
#[get("/v1/limits")]
pub async fn find(call: Call) -> Answer {
    let view = |one: Standing| RateLimitView {
        policy: one.policy,
        quota: one.quota,
        window_seconds: 60,
        remaining: one.remaining,
        reset_seconds: one.reset,
    };
    let limits = call.state.limits.standings(&call.caller, call.wall()).into_iter().map(view).collect();
    call.ok(&RateLimitsView { object: "limits", limits })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::TimeDelta;

    use super::*;
    use crate::{
        domain::ids::{ApiKeyId, TenantId},
        http::auth::Identity,
    };

    fn caller(now: DateTime<Utc>) -> Caller {
        Caller {
            tenant: TenantId::new(now),
            identity: Identity::Key(ApiKeyId::new(now)),
            actor: String::new(),
            scopes: BTreeSet::new(),
            checkpoint: None,
        }
    }

    #[test]
    fn a_bucket_empties_at_once_and_fills_evenly() {
        let limits = Limits::new(Rates { key: 3, tenant: 0, exports: 0 });
        let start = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let one = caller(start);
        let left: Vec<u32> = (0..3).map(|_| limits.count(&one, false, start).unwrap()[0].remaining).collect();
        assert_eq!(left, [2, 1, 0]);
        let spent = limits.count(&one, false, start).unwrap_err();
        assert_eq!((spent.policy, spent.after, spent.standings[0].reset), (RatePolicy::Key, Duration::from_secs(20), 60));
        assert!(limits.count(&caller(start), false, start).is_ok(), "another key has its own");
        let later = start + TimeDelta::seconds(20);
        assert_eq!(limits.count(&one, false, later).unwrap()[0].remaining, 0);
        assert!(limits.count(&one, false, later).is_err());
        assert_eq!(limits.count(&one, false, start + TimeDelta::hours(1)).unwrap()[0].remaining, 2);
        // A clock that was set back costs an empty bucket, and no more.
        assert_eq!(limits.count(&one, false, start + TimeDelta::seconds(61)).unwrap_err().after, Duration::from_secs(20));
    }

    #[test]
    fn one_empty_bucket_refuses_and_costs_the_others_nothing() {
        let limits = Limits::new(Rates { key: 10, tenant: 10, exports: 1 });
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let one = caller(now);
        let mut first = limits.count(&one, true, now).unwrap();
        assert_eq!(limits.count(&one, true, now).unwrap_err().policy, RatePolicy::Exports);
        assert_eq!(limits.standings(&one, now).iter().map(|one| one.remaining).collect::<Vec<_>>(), [9, 9, 0]);
        limits.give_back(&mut first, now);
        assert_eq!(limits.standings(&one, now).iter().map(|one| one.remaining).collect::<Vec<_>>(), [10, 10, 1]);
        assert_eq!(fields(&first).0, "\"key\";q=10;w=60, \"tenant\";q=10;w=60, \"exports\";q=1;w=60");
        assert_eq!(fields(&first).1, "\"key\";r=10;t=0, \"tenant\";r=10;t=0, \"exports\";r=1;t=0");
    }
}
