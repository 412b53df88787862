//! `/v1/keys`: keys by their text: what one is, and that one was found in the open.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use actix_web::{HttpRequest, http::StatusCode, post};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Call, Problem, auth, call::Answer};
use crate::{
    actions,
    domain::{
        access::{KeyKind, Role, Scope},
        ids::{CustomerId, Mode, TenantId},
        key::{Purpose, Token},
    },
    error::Result,
    store::{self, Conn},
};

/// Reports of one address in a minute.
const REPORTS_A_MINUTE: u32 = 20;
/// Addresses remembered at most; beyond it, those of the minute before are forgotten.
const MANY: usize = 10_000;

/// A key's text.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"key": "rlk_live_01234567890123456789012345678901234567890123456789012345678901234123456"}))]
pub struct KeyText {
    /// The whole text, as it was given out or found.
    #[schema(min_length = 1, max_length = 200)]
    pub key: String,
}

/// What a key is.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct KeyIntrospection {
    /// Always `key_introspection`.
    #[schema(max_length = 20, example = "key_introspection")]
    pub object: &'static str,
    /// Whether it works now, for the tenant and the mode that ask. If it is none of theirs, that is all there is to know.
    pub active: bool,
    /// What it opens.
    pub kind: Option<KeyKind>,
    /// Its id.
    #[schema(max_length = 64, example = "key_01jd3kq8e5fvv8m3s9tqz4x7ya")]
    pub id: Option<String>,
    /// In which mode.
    pub mode: Option<Mode>,
    /// What it may do.
    #[schema(max_items = 50)]
    pub scopes: BTreeSet<Scope>,
    /// The role that says so, if it was made with one.
    pub role: Option<Role>,
    /// Whose page it opens.
    pub customer_id: Option<CustomerId>,
    /// The last four characters of its text.
    #[schema(max_length = 4, example = "x4Qd")]
    pub last4: Option<String>,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When it stops working by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was, or will be, ended by somebody.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// That a report has arrived.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeakReport {
    /// Always `leak_report`.
    #[schema(max_length = 20, example = "leak_report")]
    pub object: &'static str,
    /// Always true. Whether there was such a key is not said.
    pub received: bool,
}

/// Introspect a key
///
/// What a text is that may be a key of the own tenant, in the own mode: what it may do, and until when. Of any other key nothing is said (as RFC 7662).
#[utoipa::path(operation_id = "introspectKey", tag = "Access", request_body = KeyText, responses((status = 200, description = "What it is", body = KeyIntrospection)), security(("api_key" = ["keys:read"])))]
#[post("/v1/keys/introspect")]
pub async fn introspect(call: Call<KeyText>) -> Answer {
    let token = Token::parse(&call.body.key).ok().filter(|token| token.tenant == call.tenant());
    let Some(token) = token else { return call.ok(&unknown()) };
    let now = call.wall();
    let view = call.read(move |conn, tenant| look(conn, tenant, &token, now)).await?;
    call.ok(&view)
}

fn unknown() -> KeyIntrospection {
    KeyIntrospection { object: "key_introspection", ..KeyIntrospection::default() }
}

fn look(conn: &mut Conn, tenant: TenantId, token: &Token, now: DateTime<Utc>) -> Result<KeyIntrospection> {
    let found = match token.purpose {
        Purpose::ApiKey => store::keys::find_by_digest(conn, tenant, &token.digest)?.map(|key| KeyIntrospection {
            active: key.works(now),
            kind: Some(KeyKind::ApiKey),
            id: Some(key.id.to_string()),
            scopes: key.held(),
            role: key.role,
            last4: Some(key.last4),
            created_at: Some(key.created_at.0),
            expires_at: key.expires_at.map(|at| at.0),
            revoked_at: key.revoked_at.map(|at| at.0),
            last_used_at: key.last_used_at.map(|at| at.0),
            ..unknown()
        }),
        Purpose::Publishable => store::publishable_keys::find_by_digest(conn, tenant, &token.digest)?.map(|key| KeyIntrospection {
            active: key.works(now),
            kind: Some(KeyKind::PublishableKey),
            id: Some(key.id.to_string()),
            scopes: [Scope::DebtorRead].into(),
            customer_id: Some(key.customer_id),
            last4: Some(key.last4),
            created_at: Some(key.created_at.0),
            expires_at: Some(key.expires_at.0),
            revoked_at: key.revoked_at.map(|at| at.0),
            last_used_at: key.last_used_at.map(|at| at.0),
            ..unknown()
        }),
        Purpose::Inbound => None,
    };
    Ok(found.map_or_else(unknown, |found| KeyIntrospection { mode: Some(tenant.mode()), ..found }))
}

/// Report a leaked key
///
/// For whoever finds a key in the open: the text proves it. If the key works it is revoked at once, which is felt within five seconds, and its tenant is told (`key.leaked`). The answer is the same for texts
/// that are no key.
#[utoipa::path(operation_id = "reportLeakedKey", tag = "Access", request_body = KeyText, responses((status = 202, description = "Received", body = LeakReport), (status = 429, description = "Too many reports")), security())]
#[post("/v1/keys/report-leak")]
pub async fn report(call: Call<KeyText>, request: HttpRequest) -> Answer {
    call.state.leak_reports.enter(auth::address(&call.state, &request))?;
    if let Ok(token) = Token::parse(&call.body.key) {
        let (state, tenant) = (&call.state, token.tenant);
        actions::run(&state.db, &state.clock, tenant, actions::FINDER, move |act| actions::keys::report_leak(act, &token)).await?;
    }
    Ok(call.answer(StatusCode::ACCEPTED).json(LeakReport { object: "leak_report", received: true }))
}

/// How often each address reported within the minute.
#[derive(Debug, Default)]
pub struct Reports(Mutex<HashMap<Option<IpAddr>, (Instant, u32)>>);

impl Reports {
    /// Counts a report.
    ///
    /// # Errors
    /// `too_many_reports`.
    fn enter(&self, address: Option<IpAddr>) -> std::result::Result<(), Problem> {
        const MINUTE: Duration = Duration::from_secs(60);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() > MANY {
            counts.retain(|_, (began, _)| began.elapsed() < MINUTE);
        }
        let (began, count) = counts.entry(address).or_insert_with(|| (Instant::now(), 0));
        if began.elapsed() >= MINUTE {
            (*began, *count) = (Instant::now(), 0);
        }
        if *count >= REPORTS_A_MINUTE {
            let wait = MINUTE.saturating_sub(began.elapsed());
            return Err(Problem::new("too_many_reports", format!("{REPORTS_A_MINUTE} reports a minute are looked at")).later(wait));
        }
        *count += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_own_share() {
        let reports = Reports::default();
        let [one, other] = [[192, 0, 2, 1], [192, 0, 2, 2]].map(|address| Some(IpAddr::from(address)));
        for _ in 0..REPORTS_A_MINUTE {
            assert!(reports.enter(one).is_ok());
        }
        assert_eq!(reports.enter(one).map_err(|problem| problem.status), Err(429));
        assert!(reports.enter(other).is_ok());
    }
}
