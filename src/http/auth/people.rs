//! People: bearers of tokens that an identity provider of the tenant signed.
//!
//! The tenant stands in a header, so that the first look-up already names its partition; only then is it known whom to believe. Not here: what a token must say. Invariant: whatever
//! is wrong with a token, its bearer is told the same; the log says what it was.

use std::{collections::BTreeSet, time::Instant};

use actix_web::HttpRequest;
use chrono::{DateTime, TimeDelta, Utc};

use super::{Caller, Identity, memory::Memory};
use crate::{
    actions,
    domain::{
        access::Scope,
        crypto::{Hash, sha256},
        identity::{Claimed, Expected, Proven, WrongToken},
        ids::{IdentityProviderId, Mode, PersonId, TenantId},
    },
    error::{Error, Result},
    http::{Problem, State},
    outbound::oidc::{NoKey, Wanted},
    store::{self, identity_providers::IdentityProvider, people::Person},
};

/// Names the tenant.
const TENANT: &str = "relance-tenant";
/// Names the mode; live without it.
const MODE: &str = "relance-mode";
/// How precisely it is known when somebody was last here.
const SEEN_EACH: TimeDelta = TimeDelta::hours(1);

/// Who was let in a moment ago, by token.
#[derive(Debug, Default)]
pub struct People {
    admitted: Memory<(TenantId, Hash), Admitted>,
}

#[derive(Debug, Clone)]
struct Admitted {
    person: PersonId,
    scopes: BTreeSet<Scope>,
    ends: DateTime<Utc>,
    checkpoint: Option<String>,
}

fn refused() -> Error {
    Error::Unauthenticated("the token is not ours nor that of an identity provider of the tenant, is not in force, or is not for us")
}

impl People {
    /// The person who bears this token.
    ///
    /// # Errors
    /// `unauthenticated`, whatever is wrong with the token; `person_blocked`; `issuer_unavailable`.
    pub async fn caller(
        &self,
        state: &State,
        request: &HttpRequest,
        token: &str,
        now: DateTime<Utc>,
    ) -> std::result::Result<Caller, Problem> {
        let tenant = partition(request)?;
        let slot = (tenant, sha256(&[token.as_bytes()]));
        let admitted = match self.admitted.get(&slot) {
            Some(known) => known,
            None => {
                let since = Instant::now();
                let admitted = admit(state, tenant, token, now).await?;
                self.admitted.put(slot, since, admitted.clone());
                admitted
            }
        };
        if admitted.ends <= now {
            return Err(refused().into());
        }
        let Admitted { person, scopes, checkpoint, .. } = admitted;
        Ok(Caller { tenant, identity: Identity::Person(person), actor: person.to_string(), scopes, checkpoint })
    }
}

/// The partition that the headers name.
fn partition(request: &HttpRequest) -> Result<TenantId> {
    let text = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    let tenant = text(TENANT).ok_or(Error::Unauthenticated("with a token of your identity provider, send Relance-Tenant: ten_…"))?;
    let tenant: TenantId = tenant.parse().map_err(|_| Error::Unauthenticated("Relance-Tenant names no tenant; it begins with ten_"))?;
    let mode = text(MODE).map_or(Ok(Mode::Live), str::parse);
    let mode = mode.map_err(|_| Error::Unauthenticated("Relance-Mode is live or test"))?;
    if tenant.is_platform() { Err(refused()) } else { Ok(tenant.in_mode(mode)) }
}

async fn admit(state: &State, tenant: TenantId, token: &str, now: DateTime<Utc>) -> std::result::Result<Admitted, Problem> {
    let claimed = Claimed::read(token).map_err(|why| said(tenant, why))?;
    let issuer = claimed.issuer().to_owned();
    let (providers, checkpoint) = state
        .db
        .read(tenant, move |conn| {
            Ok((store::identity_providers::of_issuer(conn, tenant, &issuer)?, store::evidence::newest_line(conn, tenant)?))
        })
        .await?;
    let provider = providers.into_iter().find(|provider| claimed.is_for(&provider.audience)).ok_or_else(refused)?;
    // Before the issuer is asked for a key that would not be used.
    if !provider.algorithms.contains(&claimed.algorithm()) {
        return Err(said(tenant, WrongToken::Algorithm));
    }
    let proven = prove(state, tenant, &provider, claimed, now).await?;
    let person = person(state, tenant, provider.id, proven.subject, now).await?;
    if person.blocked_at.is_some() {
        return Err(Problem::new("person_blocked", format!("{} is kept out by the tenant", person.id)));
    }
    Ok(Admitted { person: person.id, scopes: provider.rights().of(&proven.claims), ends: proven.ends, checkpoint })
}

async fn prove(
    state: &State,
    tenant: TenantId,
    provider: &IdentityProvider,
    claimed: Claimed<'_>,
    now: DateTime<Utc>,
) -> std::result::Result<Proven, Problem> {
    let wanted = Wanted { kid: claimed.kid(), algorithm: claimed.algorithm() };
    let keys = state.issuers.keys((tenant, provider.id), &provider.issuer, wanted, now).await.map_err(|why| match why {
        NoKey::Unknown => said(tenant, WrongToken::Signature),
        NoKey::Unavailable => Problem::new("issuer_unavailable", "the identity provider's keys cannot be had; its own page says why")
            .later(std::time::Duration::from_secs(10)),
    })?;
    let expected = Expected { issuer: &provider.issuer, audience: &provider.audience, algorithms: &provider.algorithms };
    claimed.prove(&keys, expected, now).map_err(|why| said(tenant, why))
}

/// The person whom the provider calls this, recorded if they were never here.
async fn person(state: &State, tenant: TenantId, provider: IdentityProviderId, subject: String, now: DateTime<Utc>) -> Result<Person> {
    let sought = subject.clone();
    let known = state.db.read(tenant, move |conn| store::people::find_by_subject(conn, tenant, provider, &sought)).await?;
    match known {
        Some(person) => {
            note_visit(state, &person, now).await;
            Ok(person)
        }
        None => {
            let work = move |act: &mut actions::Act<'_>| actions::people::admit(act, provider, &subject);
            actions::run(&state.db, &state.clock, tenant, actions::SYSTEM, work).await
        }
    }
}

/// A failure costs the note, never the request.
async fn note_visit(state: &State, person: &Person, now: DateTime<Utc>) {
    if now - person.last_seen_at.0 < SEEN_EACH {
        return;
    }
    let (tenant, id) = (person.tenant_id, person.id);
    if let Err(error) = state.db.write(tenant, move |conn| store::people::seen(conn, tenant, id, now)).await {
        tracing::debug!(%error, "a person's visit was not noted");
    }
}

fn said(tenant: TenantId, why: WrongToken) -> Problem {
    tracing::info!(%tenant, %why, "a token was refused");
    refused().into()
}
