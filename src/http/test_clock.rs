//! `/v1/test-clock`: a rehearsal's own time. It is told where to go; the worker takes it there, and everything that falls due on the way happens.

use std::time::{Duration, Instant};

use actix_web::{get, http::StatusCode, post};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Call, Problem, call::Answer};
use crate::{
    actions,
    domain::{
        ids::Mode,
        test_clock::{Advance, ClockStatus},
    },
    store::{self, tenants::Tenant},
};

/// The longest that a caller may wait, in seconds.
const LONGEST_WAIT: u64 = 60;
/// How often a waiting caller's clock is looked at.
const GLANCE: Duration = Duration::from_millis(100);

/// A test partition's clock.
#[derive(Debug, Serialize, ToSchema)]
pub struct TestClock {
    /// Always `test_clock`.
    #[schema(max_length = 20, example = "test_clock")]
    pub object: &'static str,
    /// The partition's present. The world's, until the clock is first moved; from then on it stands still between two advances.
    pub at: DateTime<Utc>,
    /// Where it is going.
    pub target: Option<DateTime<Utc>>,
    /// Whether it rests.
    pub status: ClockStatus,
}

impl TestClock {
    fn of(row: &Tenant, wall: DateTime<Utc>) -> Self {
        let status = if row.clock_target.is_some() { ClockStatus::Advancing } else { ClockStatus::Ready };
        Self { object: "test_clock", at: row.now(wall), target: row.clock_target.map(|at| at.0), status }
    }
}

/// Get the test clock
///
/// Test keys only.
#[utoipa::path(operation_id = "getTestClock", tag = "Sandbox", responses((status = 200, description = "The clock", body = TestClock), (status = 409, description = "A live key")), security(("api_key" = ["tenant:read"])))]
#[get("/v1/test-clock")]
pub async fn find(call: Call) -> Answer {
    call.ok(&read(&call).await?)
}

/// Advance the test clock
///
/// It goes from moment to moment, and everything that falls due on the way is decided, sent to the outbox and reported, in order. 202 answers when it
/// has set out; with `Prefer: wait=N` the answer waits up to N seconds for its arrival, and is then 200. Test keys only.
#[utoipa::path(operation_id = "advanceTestClock", tag = "Sandbox", params(("Prefer" = Option<String>, Header, description = "`wait=N`: wait up to N seconds, 60 at most, until the clock has arrived (RFC 7240)", max_length = 100, example = "wait=10")), request_body = Advance, responses((status = 202, description = "On its way", body = TestClock), (status = 200, description = "Arrived", body = TestClock)), security(("api_key" = ["tenant:write"])))]
#[post("/v1/test-clock/advance")]
pub async fn advance(call: Call<Advance>) -> Answer {
    let (to, wall) = (call.body, call.wall());
    let set_out = call.act(StatusCode::ACCEPTED, move |act| Ok(TestClock::of(&actions::test_clock::advance(act, to)?, wall))).await?;
    let Some(wait) = call.header("prefer").and_then(wait) else { return Ok(set_out) };
    let since = Instant::now();
    while since.elapsed() < wait {
        let clock = read(&call).await?;
        if clock.status == ClockStatus::Ready {
            return Ok(call.answer(StatusCode::OK).insert_header(("Preference-Applied", format!("wait={}", wait.as_secs()))).json(clock));
        }
        tokio::time::sleep(GLANCE).await;
    }
    Ok(set_out)
}

async fn read<Body>(call: &Call<Body>) -> Result<TestClock, Problem> {
    if call.tenant().mode() == Mode::Live {
        return Err(call.problem(actions::test_clock::live_mode()));
    }
    let row = call.read(store::tenants::find).await?;
    Ok(TestClock::of(&row, call.wall()))
}

/// The `wait` preference (RFC 7240, section 4.3); other preferences are none of ours.
fn wait(header: &str) -> Option<Duration> {
    let preferences = header.split(',').filter_map(|preference| preference.split(';').next()?.split_once('='));
    let mut waits = preferences.filter(|(name, _)| name.trim().eq_ignore_ascii_case("wait"));
    let seconds: u64 = waits.next()?.1.trim().trim_matches('"').parse().ok()?;
    Some(Duration::from_secs(seconds.min(LONGEST_WAIT)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preference_is_found_among_others() {
        let seconds = |header| wait(header).map(|wait| wait.as_secs());
        assert_eq!(seconds("wait=10"), Some(10));
        assert_eq!(seconds("respond-async, Wait = \"100\"; x=y"), Some(60));
        for none in ["", "respond-async", "wait", "wait=-1", "waiting=3"] {
            assert_eq!(seconds(none), None, "{none}");
        }
    }
}
