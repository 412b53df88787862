//! Who is calling: an API key, a short-lived token that stands for one, a person whom the tenant's identity provider names, or one debtor's page.
//!
//! Whatever is looked up is remembered for a few seconds, so that a revocation is felt everywhere within five seconds. Our own tokens are HS256 under a
//! key derived for nothing else; they name the API key they stand for, and fall with it. Invariant: even the first look-up names its tenant.

mod memory;
mod origin;
mod people;

use std::{collections::BTreeSet, net::IpAddr, time::Instant};

use actix_web::{HttpRequest, http::header};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use memory::Memory;
use serde::{Deserialize, Serialize};

use super::{Problem, State};
use crate::{
    config::Config,
    domain::{
        access::Scope,
        crypto, identity,
        ids::{ApiKeyId, CustomerId, PersonId, TenantId},
        key::{Purpose, Token},
    },
    error::{Error, Result},
    store::{self, Conn, keys::ApiKey, publishable_keys::PublishableKey},
};

/// How long a token lives.
pub const TOKEN_LIFE: TimeDelta = TimeDelta::minutes(15);
const AUDIENCE: &str = "relance";

/// Who somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// Whoever calls a public operation.
    Nobody,
    /// The holder of an API key, or of a token that stands for it.
    Key(ApiKeyId),
    /// Somebody whom an identity provider named.
    Person(PersonId),
    /// Whoever has this debtor's page open.
    Debtor(CustomerId),
}

impl Identity {
    /// What tells this caller from the others of its tenant: whose requests are counted together.
    pub const fn uuid(self) -> uuid::Uuid {
        match self {
            Self::Nobody => uuid::Uuid::nil(),
            Self::Key(id) => id.uuid(),
            Self::Person(id) => id.uuid(),
            Self::Debtor(id) => id.uuid(),
        }
    }
}

/// An authenticated caller.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The partition that is open to it.
    pub tenant: TenantId,
    /// Who it is.
    pub identity: Identity,
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
    key: ApiKey,
    checkpoint: Option<String>,
}

/// Checks credentials.
pub struct Auth {
    issuer: String,
    signing: EncodingKey,
    checking: DecodingKey,
    /// By digest or by id.
    keys: Memory<(TenantId, Vec<u8>), Known>,
    publishable: Memory<(TenantId, crypto::Hash), PublishableKey>,
    people: people::People,
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
            keys: Memory::default(),
            publishable: Memory::default(),
            people: people::People::default(),
        })
    }

    /// The caller of a request, if it may do what `scope` names. Without a scope the operation is public, and the caller is nobody.
    ///
    /// # Errors
    /// `unauthenticated`, `forbidden`, and what stands in the way of a key or a person that is known.
    pub async fn caller(&self, state: &State, request: &HttpRequest, scope: Option<&str>) -> std::result::Result<Caller, Problem> {
        let Some(scope) = scope else { return Ok(Caller::nobody()) };
        let credentials = bearer(request)?;
        let now = state.clock.now();
        let caller = if credentials.starts_with("rlk_") || credentials.starts_with("rlp_") {
            let token = Token::parse(credentials).map_err(|_| Error::Unauthenticated("the key is mistyped or cut"))?;
            match token.purpose {
                Purpose::ApiKey => self.by_key(state, request, token.tenant, token.digest.to_vec(), now).await?,
                Purpose::Publishable => self.by_publishable_key(state, &token, now).await?,
                Purpose::Inbound => return Err(Error::Unauthenticated("this is no API key").into()),
            }
        } else if identity::algorithm_of(credentials).is_none_or(|algorithm| algorithm == "HS256") {
            // Only our own tokens are signed with a secret that is shared: by us, with ourselves.
            let claims = self.claims(credentials, now)?;
            self.by_key(state, request, TenantId::from_uuid(claims.tenant), claims.sub.uuid().as_bytes().to_vec(), now).await?
        } else {
            self.people.caller(state, request, credentials, now).await?
        };
        let needed: Scope = scope.parse().map_err(Error::internal)?;
        if caller.scopes.contains(&needed) { Ok(caller) } else { Err(Error::Forbidden(scope.to_owned()).into()) }
    }

    async fn by_key(
        &self,
        state: &State,
        request: &HttpRequest,
        tenant: TenantId,
        lookup: Vec<u8>,
        now: DateTime<Utc>,
    ) -> std::result::Result<Caller, Problem> {
        let Known { key, checkpoint } = self.known(state, tenant, lookup).await?;
        if !key.works(now) {
            return Err(Error::Unauthenticated("the key is revoked or has expired").into());
        }
        if !key.works_from(address(state, request)) {
            return Err(Problem::new("address_not_allowed", "the key does not work from the address of this request"));
        }
        Ok(Caller { tenant, identity: Identity::Key(key.id), actor: key.id.to_string(), scopes: key.held(), checkpoint })
    }

    /// Whoever opens a debtor's page sees nothing of the tenant's evidence, its size included.
    async fn by_publishable_key(&self, state: &State, token: &Token, now: DateTime<Utc>) -> Result<Caller> {
        let (tenant, digest) = (token.tenant, token.digest);
        let key = match self.publishable.get(&(tenant, digest)) {
            Some(known) => known,
            None => {
                let since = Instant::now();
                let found = state.db.read(tenant, move |conn| store::publishable_keys::find_by_digest(conn, tenant, &digest)).await?;
                let key = found.ok_or(Error::Unauthenticated("no such key"))?;
                note_use(state, tenant, key.last_used_at, now, move |conn| store::publishable_keys::used(conn, tenant, key.id, now)).await;
                self.publishable.put((tenant, digest), since, key.clone());
                key
            }
        };
        if !key.works(now) {
            return Err(Error::Unauthenticated("the key is revoked or has expired"));
        }
        let scopes = [Scope::DebtorRead].into();
        Ok(Caller { tenant, identity: Identity::Debtor(key.customer_id), actor: key.id.to_string(), scopes, checkpoint: None })
    }

    /// A token that stands for the caller's key, and when it ends.
    ///
    /// # Errors
    /// `not_a_key`; when the cryptographic library fails.
    pub fn issue(&self, caller: &Caller, now: DateTime<Utc>) -> Result<(String, DateTime<Utc>)> {
        let Identity::Key(key) = caller.identity else {
            return Err(Error::conflict("not_a_key", "a token stands for an API key, and this request came with none"));
        };
        let ends = now + TOKEN_LIFE;
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub: key,
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
        if let Some(known) = self.keys.get(&slot) {
            return Ok(known);
        }
        let since = Instant::now();
        let looked_up = slot.1.clone();
        let (key, checkpoint) = state.db.read(tenant, move |conn| look_up(conn, tenant, &looked_up)).await?;
        let key = key.ok_or(Error::Unauthenticated("no such key"))?;
        let (id, now) = (key.id, state.clock.now());
        note_use(state, tenant, key.last_used_at, now, move |conn| store::keys::used(conn, tenant, id, now)).await;
        let known = Known { key, checkpoint };
        self.keys.put(slot, since, known.clone());
        Ok(known)
    }
}

/// The credentials of the `Authorization` header.
fn bearer(request: &HttpRequest) -> Result<&str> {
    request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, credentials)| credentials.trim())
        .ok_or(Error::Unauthenticated("send Authorization: Bearer and a key or a token"))
}

/// Where a request comes from, as far as can be known.
pub fn address(state: &State, request: &HttpRequest) -> Option<IpAddr> {
    origin::address(request, &state.config.trusted_proxies)
}

/// Keeps `last_used_at` true to the minute; a failure costs the note, never the request.
async fn note_use(
    state: &State,
    tenant: TenantId,
    last: Option<store::Ts>,
    now: DateTime<Utc>,
    note: impl Fn(&mut Conn) -> Result<()> + Send + 'static,
) {
    if last.is_some_and(|at| now - at.0 < TimeDelta::minutes(1)) {
        return;
    }
    if let Err(error) = state.db.write(tenant, note).await {
        tracing::debug!(%error, "the use of a key was not noted");
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
    /// The debtor whose page is open.
    ///
    /// # Errors
    /// Anybody else who comes with the scope: there is nobody such.
    pub fn debtor(&self) -> Result<CustomerId> {
        match self.identity {
            Identity::Debtor(customer) => Ok(customer),
            Identity::Nobody | Identity::Key(_) | Identity::Person(_) => Err(Error::Forbidden(Scope::DebtorRead.to_string())),
        }
    }

    /// Whoever calls a public operation.
    fn nobody() -> Self {
        Self {
            tenant: TenantId::PLATFORM,
            identity: Identity::Nobody,
            actor: "public".to_owned(),
            scopes: BTreeSet::new(),
            checkpoint: None,
        }
    }
}
