//! The keys of OpenID Connect issuers: found by discovery, kept, and asked for again with restraint.
//!
//! Not here: what a token says, and whom to believe. An issuer is called through the guarded client, outside of any transaction, by one request at a time. Invariant: keys come
//! only from where the document of that very issuer says, and are used for at most a day after it was last reached.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::net::{Method, Net};
use crate::domain::{
    identity::{KeySet, TokenAlgorithm},
    ids::{IdentityProviderId, Mode, TenantId},
};

/// For how long keys are used without asking again.
const FRESH: TimeDelta = TimeDelta::minutes(10);
/// For how long they are used when the issuer cannot be reached.
const STALE: TimeDelta = TimeDelta::hours(24);
/// How long an issuer is left alone after it was asked.
const PAUSE: TimeDelta = TimeDelta::minutes(1);
/// The same, when it never gave a key: nobody can get in meanwhile.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(10);
/// How long both of its answers may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Issuers remembered at most; beyond it, all are asked anew.
const MOST: usize = 10_000;

/// A tenant's name for an issuer: what one tenant learned is never another's.
pub type Name = (TenantId, IdentityProviderId);

/// The key that a token names.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Its name.
    pub kid: &'a str,
    /// What it shall be used for.
    pub algorithm: TokenAlgorithm,
}

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// The issuer has no key of this name, as far as is known.
    #[error("the issuer has no such key")]
    Unknown,
    /// The issuer's keys could not be had, or not for a day.
    #[error("the issuer's keys cannot be had")]
    Unavailable,
}

/// The issuers of this process.
#[derive(Debug)]
pub struct Issuers {
    net: Net,
    known: Mutex<HashMap<Name, Arc<Issuer>>>,
}

#[derive(Debug, Default)]
struct Issuer {
    keys: RwLock<Option<Kept>>,
    /// When it was last asked. Held while it is asked: others who lack a key wait for the answer.
    asked: tokio::sync::Mutex<Option<DateTime<Utc>>>,
}

#[derive(Debug, Clone)]
struct Kept {
    set: Arc<KeySet>,
    at: DateTime<Utc>,
}

impl Issuer {
    fn kept(&self) -> Option<Kept> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn knows(&self, wanted: Wanted<'_>) -> bool {
        self.kept().is_some_and(|kept| kept.set.knows(wanted.kid, wanted.algorithm))
    }
}

impl Issuers {
    /// Nothing known yet.
    pub fn new(net: &Net) -> Self {
        Self { net: net.clone(), known: Mutex::default() }
    }

    /// The issuer's keys, among which is the one that is wanted.
    ///
    /// # Errors
    /// [`NoKey`].
    pub async fn keys(&self, name: Name, url: &str, wanted: Wanted<'_>, now: DateTime<Utc>) -> Result<Arc<KeySet>, NoKey> {
        let issuer = self.issuer(name);
        if !issuer.knows(wanted) {
            let mut asked = issuer.asked.lock().await;
            // Whoever held the lock may have brought it.
            if !issuer.knows(wanted) {
                self.ask(&issuer, &mut asked, name.0.mode(), url, now).await;
            }
        } else if issuer.kept().is_some_and(|kept| now - kept.at >= FRESH)
            // One asks, and the others go on with what there is.
            && let Ok(mut asked) = issuer.asked.try_lock()
        {
            self.ask(&issuer, &mut asked, name.0.mode(), url, now).await;
        }
        let kept = issuer.kept().filter(|kept| now - kept.at < STALE).ok_or(NoKey::Unavailable)?;
        if kept.set.knows(wanted.kid, wanted.algorithm) { Ok(kept.set) } else { Err(NoKey::Unknown) }
    }

    fn issuer(&self, name: Name) -> Arc<Issuer> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST && !known.contains_key(&name) {
            known.clear();
        }
        Arc::clone(known.entry(name).or_default())
    }

    /// Asks the issuer, unless it was asked a moment ago. What it said before stays if it does not answer.
    async fn ask(&self, issuer: &Issuer, asked: &mut Option<DateTime<Utc>>, mode: Mode, url: &str, now: DateTime<Utc>) {
        let pause = if issuer.kept().is_some() { PAUSE } else { FIRST_PAUSE };
        if asked.is_some_and(|at| now - at < pause) {
            return;
        }
        *asked = Some(now);
        match self.fetch(mode, url, now).await {
            Ok(set) => *issuer.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(Kept { set: Arc::new(set), at: now }),
            Err(why) => tracing::warn!(issuer = url, why, "an issuer's keys could not be fetched"),
        }
    }

    /// The issuer's keys, as it gives them now.
    ///
    /// # Errors
    /// A sentence for whoever set the issuer up.
    pub async fn fetch(&self, mode: Mode, url: &str, now: DateTime<Utc>) -> Result<KeySet, String> {
        let both = async {
            let document = self.get(mode, &configuration_url(url), now).await?;
            let named = document.get("issuer").and_then(Value::as_str).unwrap_or_default();
            if named != url {
                return Err(format!("its discovery document is that of {named:?}: enter the issuer exactly as it writes itself"));
            }
            let keys = document.get("jwks_uri").and_then(Value::as_str).ok_or("its discovery document names no jwks_uri")?;
            let set = KeySet::read(&self.get(mode, keys, now).await?);
            if set.is_empty() { Err("its key set holds no key that can be used here".to_owned()) } else { Ok(set) }
        };
        tokio::time::timeout(PATIENCE, both).await.unwrap_or_else(|_| Err("it did not answer within five seconds".to_owned()))
    }

    async fn get(&self, mode: Mode, url: &str, now: DateTime<Utc>) -> Result<Value, String> {
        let request = self.net.request(Method::GET, mode, url).map_err(|why| format!("{url}: {why}"))?;
        let answer = self.net.call(request.header("accept", "application/json"), now).await.map_err(|why| format!("{url}: {why}"))?;
        match answer.status {
            200 => answer.json().ok_or_else(|| format!("{url} answered no JSON, or more than 64 kB of it")),
            300..=399 => Err(format!("{url} answered HTTP {}; redirects are not followed", answer.status)),
            status => Err(format!("{url} answered HTTP {status}")),
        }
    }
}

/// Where an issuer's document is (OpenID Connect Discovery 1.0, section 4).
fn configuration_url(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::{address::Policy, net::Deadlines};

    #[tokio::test]
    async fn an_issuer_inside_is_not_called() {
        let issuers = Issuers::new(&Net::new(Policy::default(), Deadlines::default()).unwrap());
        for (mode, url, why) in [
            (Mode::Live, "https://127.0.0.1:1", "private"),
            (Mode::Test, "http://169.254.169.254", "private"),
            (Mode::Test, "https://localhost", "private"),
            (Mode::Live, "http://login.example.com", "https URLs only"),
            (Mode::Live, "https://user@login.example.com", "user name"),
        ] {
            let refused = issuers.fetch(mode, url, DateTime::UNIX_EPOCH).await;
            assert!(refused.as_ref().is_err_and(|said| said.contains(why)), "{url}: {refused:?}");
        }
    }

    #[test]
    fn the_document_lies_below_the_issuer() {
        for (issuer, document) in [
            ("https://a.example", "https://a.example/.well-known/openid-configuration"),
            ("https://a.example/", "https://a.example/.well-known/openid-configuration"),
            ("https://a.example/realms/b", "https://a.example/realms/b/.well-known/openid-configuration"),
        ] {
            assert_eq!(configuration_url(issuer), document);
        }
    }
}
