//! Who is calling: an API key, or a short-lived token that stands for one.
//!
//! Keys are looked up by digest and remembered for a few seconds, so that a revocation is felt everywhere within five seconds. Tokens are HS256 under a
//! key derived for nothing else; they name the API key they stand for, and fall with it.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Mutex,
    time::{Duration, Instant},
};

use actix_web::{HttpRequest, http::header};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::State;
use crate::{
    config::Config,
    domain::{
        access::Scope,
        crypto,
        ids::{ApiKeyId, TenantId},
        key::{Purpose, Token},
    },
    error::{Error, Result},
    store::{self, Conn, keys::ApiKey},
};

/// How long a key's row is trusted without another look.
const REMEMBERED: Duration = Duration::from_secs(4);
/// How long a token lives.
pub const TOKEN_LIFE: TimeDelta = TimeDelta::minutes(15);
const AUDIENCE: &str = "relance";

/// An authenticated caller.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The partition that the key opens.
    pub tenant: TenantId,
    /// The key.
    pub key: ApiKeyId,
    /// As evidence names it.
    pub actor: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// The newest signed head of the tenant's evidence, as of a few seconds ago.
    pub checkpoint: Option<String>,
}

/// What a token claims.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: ApiKeyId,
    exp: i64,
    nbf: i64,
    /// The partition, mode included.
    tenant: uuid::Uuid,
}

/// What is remembered of a key.
#[derive(Debug, Clone)]
struct Known {
    at: Instant,
    key: ApiKey,
    checkpoint: Option<String>,
}

/// Checks credentials.
pub struct Auth {
    issuer: String,
    signing: EncodingKey,
    checking: DecodingKey,
    remembered: Mutex<HashMap<(TenantId, Vec<u8>), Known>>,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl Auth {
    /// Derives the token key from the configuration.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn new(config: &Config) -> std::result::Result<Self, String> {
        let secret = crypto::derive(&config.secrets.current, "access tokens HS256").map_err(|error| error.to_string())?;
        Ok(Self {
            issuer: config.public_url.clone(),
            signing: EncodingKey::from_secret(&secret),
            checking: DecodingKey::from_secret(&secret),
            remembered: Mutex::default(),
        })
    }

    /// The caller of a request, if it may do what `scope` names. Without a scope the operation is public, and the caller is nobody.
    pub async fn caller(&self, state: &State, request: &HttpRequest, scope: Option<&str>) -> Result<Caller> {
        let Some(scope) = scope else { return Ok(Caller::nobody()) };
        let credentials = request
            .headers()
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, credentials)| credentials.trim())
            .ok_or(Error::Unauthenticated("send Authorization: Bearer and a key or a token"))?;
        let now = state.clock.now();
        let (tenant, lookup) = if credentials.starts_with("rlk_") {
            let token = Token::parse(credentials).map_err(|_| Error::Unauthenticated("the key is mistyped or cut"))?;
            if token.purpose != Purpose::ApiKey {
                return Err(Error::Unauthenticated("this is no API key"));
            }
            (token.tenant, token.digest.to_vec())
        } else {
            let claims = self.claims(credentials, now)?;
            (TenantId::from_uuid(claims.tenant), claims.sub.uuid().as_bytes().to_vec())
        };
        let known = self.known(state, tenant, lookup).await?;
        if !known.key.works(now) {
            return Err(Error::Unauthenticated("the key is revoked or has expired"));
        }
        let needed: Scope = scope.parse().map_err(Error::internal)?;
        if !known.key.scopes.contains(&needed) {
            return Err(Error::Forbidden(scope.to_owned()));
        }
        Ok(Caller { tenant, key: known.key.id, actor: known.key.id.to_string(), scopes: known.key.scopes.0, checkpoint: known.checkpoint })
    }

    /// A token that stands for the caller's key, and when it ends.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn issue(&self, caller: &Caller, now: DateTime<Utc>) -> Result<(String, DateTime<Utc>)> {
        let ends = now + TOKEN_LIFE;
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub: caller.key,
            exp: ends.timestamp(),
            nbf: now.timestamp(),
            tenant: caller.tenant.uuid(),
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signing).map_err(Error::internal)?;
        Ok((token, ends))
    }

    fn claims(&self, token: &str, now: DateTime<Utc>) -> Result<Claims> {
        let wrong = Error::Unauthenticated("the token is not ours, is not yet valid or has expired");
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[&self.issuer]);
        rules.set_audience(&[AUDIENCE]);
        rules.set_required_spec_claims(&["iss", "aud", "exp", "nbf", "sub"]);
        // Our own clock decides, below.
        rules.validate_exp = false;
        rules.validate_nbf = false;
        let Ok(decoded) = jsonwebtoken::decode::<Claims>(token, &self.checking, &rules) else { return Err(wrong) };
        let Claims { nbf, exp, .. } = decoded.claims;
        let life = exp.saturating_sub(nbf);
        if !(nbf..exp).contains(&now.timestamp()) || life > TOKEN_LIFE.num_seconds() {
            return Err(wrong);
        }
        Ok(decoded.claims)
    }

    /// The key behind a digest (32 bytes) or an id (16 bytes).
    async fn known(&self, state: &State, tenant: TenantId, lookup: Vec<u8>) -> Result<Known> {
        let slot = (tenant, lookup);
        if let Some(known) =
            self.remembered.lock().ok().and_then(|all| all.get(&slot).filter(|known| known.at.elapsed() < REMEMBERED).cloned())
        {
            return Ok(known);
        }
        let looked_up = slot.1.clone();
        let (key, checkpoint) = state.db.read(tenant, move |conn| look_up(conn, tenant, &looked_up)).await?;
        let key = key.ok_or(Error::Unauthenticated("no such key"))?;
        let known = Known { at: Instant::now(), key, checkpoint };
        self.note_use(state, &known.key).await;
        if let Ok(mut all) = self.remembered.lock() {
            if all.len() > 10_000 {
                all.retain(|_, old| old.at.elapsed() < REMEMBERED);
            }
            all.insert(slot, known.clone());
        }
        Ok(known)
    }

    /// Keeps `last_used_at` true to the minute; a failure costs the note, never the request.
    async fn note_use(&self, state: &State, key: &ApiKey) {
        let now = state.clock.now();
        if key.last_used_at.is_some_and(|at| now - at.0 < TimeDelta::minutes(1)) {
            return;
        }
        let (tenant, id) = (key.tenant_id, key.id);
        if let Err(error) = state.db.write(tenant, move |conn| store::keys::used(conn, tenant, id, now)).await {
            tracing::debug!(%error, "the use of a key was not noted");
        }
    }
}

fn look_up(conn: &mut Conn, tenant: TenantId, lookup: &[u8]) -> Result<(Option<ApiKey>, Option<String>)> {
    let key = match uuid::Uuid::from_slice(lookup) {
        Ok(id) => match store::keys::find(conn, tenant, ApiKeyId::from_uuid(id)) {
            Ok(key) => Some(key),
            Err(Error::NotFound(_)) => None,
            Err(error) => return Err(error),
        },
        Err(_) => store::keys::find_by_digest(conn, tenant, lookup)?,
    };
    let checkpoint = store::evidence::newest_line(conn, tenant)?;
    Ok((key, checkpoint))
}

impl Caller {
    /// Whoever calls a public operation.
    fn nobody() -> Self {
        Self {
            tenant: TenantId::PLATFORM,
            key: ApiKeyId::from_uuid(uuid::Uuid::nil()),
            actor: "public".to_owned(),
            scopes: BTreeSet::new(),
            checkpoint: None,
        }
    }
}
