//! The only HTTP client: bounded in time and size, guarded, and exact about what is known when a call fails.
//!
//! No redirects, no proxies, no cookies. Not here: what an answer means. Invariant: [`Failure::NotSent`] is said only when
//! no byte of the request can have been processed.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
pub use reqwest::{Method, RequestBuilder};
use reqwest::{
    dns,
    header::{self, HeaderMap},
};

use crate::{
    domain::ids::Mode,
    outbound::{
        Outcome,
        address::{Forbidden, Policy},
        excerpt,
    },
};

/// An answer's body is read up to this size; a longer one counts as unreadable.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// The longest pause that a `Retry-After` can impose.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// How long a call may take. An HTTP call takes at most `total`, a mail dialogue at most twice that.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// To resolve, connect and agree on encryption.
    pub connect: Duration,
    /// For the whole call, the last byte of the answer included.
    pub total: Duration,
}

impl Deadlines {
    /// Those of a message leased for so long: a mail dialogue ends within a third of it. A minute gives 3 and 10 seconds.
    pub fn within(lease: Duration) -> Self {
        Self { connect: lease / 20, total: lease / 6 }
    }
}

impl Default for Deadlines {
    /// Those of a minute.
    fn default() -> Self {
        Self::within(Duration::from_secs(60))
    }
}

/// What the network allows: shared by the HTTP client and by SMTP.
#[derive(Debug, Clone)]
pub struct Net {
    client: reqwest::Client,
    policy: Policy,
    deadlines: Deadlines,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// How long the other side wants to be left alone.
    pub retry_after: Option<Duration>,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body; `None` when it broke off, came too slowly or is longer than was asked for: [`MAX_ANSWER_BYTES`], as a rule.
    pub body: Option<Vec<u8>>,
}

impl Answer {
    /// A header field, if it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON, if it is that.
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(self.body.as_deref()?).ok()
    }

    /// The status and the beginning of the body, for people.
    pub fn summary(&self) -> String {
        let body = self.body.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        excerpt(format!("HTTP {} {body}", self.status).trim_end())
    }
}

/// No answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nothing was processed: forbidden, unresolved, not connected.
    #[error("not sent: {0}")]
    NotSent(String),
    /// The connection was made and the answer did not come.
    #[error("no answer: {0}")]
    Lost(String),
}

impl Net {
    /// The client under `policy`.
    ///
    /// # Errors
    /// When the machine has no usable certificate store.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn new(policy: Policy, deadlines: Deadlines) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(deadlines.connect)
            .timeout(deadlines.total)
            // An idle connection that the other side is about to close makes a lost answer: keep few, shortly.
            .pool_idle_timeout(Duration::from_secs(5))
            .dns_resolver(Arc::new(Resolver { policy, deadline: deadlines.connect }))
            .user_agent(concat!("Relance/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, policy, deadlines })
    }

    /// Which addresses may be called.
    pub const fn policy(&self) -> Policy {
        self.policy
    }

    /// How long a call may take.
    pub const fn deadlines(&self) -> Deadlines {
        self.deadlines
    }

    /// Begins a POST to a URL that a tenant gave.
    ///
    /// # Errors
    /// [`Forbidden`] for a URL that is not called.
    pub fn post(&self, mode: Mode, url: &str) -> Result<RequestBuilder, Forbidden> {
        Ok(self.client.post(self.policy.check_url(mode, url)?))
    }

    /// Begins a request of another method to a URL that a tenant gave.
    ///
    /// # Errors
    /// [`Forbidden`] for a URL that is not called.
    pub fn request(&self, method: Method, mode: Mode, url: &str) -> Result<RequestBuilder, Forbidden> {
        Ok(self.client.request(method, self.policy.check_url(mode, url)?))
    }

    /// Hands a message over: `outcome` says what the answer means.
    pub async fn hand_over(&self, request: RequestBuilder, now: DateTime<Utc>, outcome: impl FnOnce(&Answer) -> Outcome) -> Outcome {
        match self.call(request, now).await {
            Ok(answer) => outcome(&answer),
            Err(Failure::NotSent(reason)) => Outcome::not_sent(reason),
            Err(Failure::Lost(reason)) => Outcome::unknown(reason),
        }
    }

    /// Sends a request and reads its answer within the deadlines. `now` gives a dated `Retry-After` its length.
    ///
    /// # Errors
    /// [`Failure`], exact about whether the request may have been processed.
    pub async fn call(&self, request: RequestBuilder, now: DateTime<Utc>) -> Result<Answer, Failure> {
        self.call_for(request, now, MAX_ANSWER_BYTES).await
    }

    /// The same for an answer of at most `most` bytes: a document, or a long list.
    ///
    /// # Errors
    /// As for [`Net::call`].
    pub async fn call_for(&self, request: RequestBuilder, now: DateTime<Utc>, most: usize) -> Result<Answer, Failure> {
        let mut response = request.send().await.map_err(|error| failure(&error))?;
        let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?, now));
        let headers = response.headers().clone();
        let mut body = Some(Vec::new());
        while let Some(read) = &mut body {
            match response.chunk().await {
                Ok(Some(chunk)) if read.len() + chunk.len() <= most => read.extend_from_slice(&chunk),
                Ok(None) => break,
                Ok(Some(_)) | Err(_) => body = None,
            }
        }
        Ok(Answer { status: response.status().as_u16(), retry_after, headers, body })
    }
}

fn failure(error: &reqwest::Error) -> Failure {
    let mut reason = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        reason = inner.to_string();
        cause = inner.source();
    }
    let reason = excerpt(&reason);
    if error.is_connect() || error.is_builder() { Failure::NotSent(reason) } else { Failure::Lost(reason) }
}

/// Seconds, or an HTTP date (RFC 9110 §10.2.3).
fn retry_after(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let pause = match text.trim().parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => (DateTime::parse_from_rfc2822(text.trim()).ok()?.to_utc() - now).to_std().unwrap_or_default(),
    };
    Some(pause.min(MAX_RETRY_AFTER))
}

/// Resolves names through the guard, for every new connection.
struct Resolver {
    policy: Policy,
    deadline: Duration,
}

impl dns::Resolve for Resolver {
    fn resolve(&self, name: dns::Name) -> dns::Resolving {
        let (policy, deadline) = (self.policy, self.deadline);
        Box::pin(async move {
            // Port 0 stands for the scheme's own.
            let found = policy.resolve(name.as_str(), 0, deadline).await?;
            let addresses: dns::Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::bench::{self, Script};

    async fn call(net: &Net, url: &str) -> Result<Answer, Failure> {
        let request = net.post(Mode::Live, url).unwrap();
        net.call(request.body("x"), DateTime::UNIX_EPOCH).await
    }

    #[test]
    fn retry_after_is_read_in_both_forms_and_clamped() {
        let now = DateTime::parse_from_rfc3339("2026-11-21T10:00:00Z").unwrap().to_utc();
        assert_eq!(retry_after("120", now), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("Sat, 21 Nov 2026 10:01:00 GMT", now), Some(Duration::from_secs(60)));
        assert_eq!(retry_after("Sat, 21 Nov 2026 09:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("99999999999", now), Some(MAX_RETRY_AFTER));
        assert_eq!(retry_after("soon", now), None);
    }

    #[tokio::test]
    async fn a_long_or_slow_answer_keeps_its_status_and_loses_its_body() {
        let net = bench::net();
        for script in [Script::Flood, Script::Drip] {
            let server = bench::http(script.clone());
            let answer = call(&net, &server.url).await.unwrap();
            assert_eq!((answer.status, answer.body), (200, None), "{script:?}");
        }
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_nothing_more() {
        let target = bench::http(Script::Answer(200, "", "{}"));
        let server = bench::http(Script::Redirect(target.url.clone()));
        assert_eq!(call(&bench::net(), &server.url).await.unwrap().status, 302);
        assert_eq!(target.requests().len(), 0);
    }

    #[tokio::test]
    async fn failures_say_whether_anything_was_sent() {
        let net = bench::net();
        assert!(matches!(call(&net, &bench::refused()).await, Err(Failure::NotSent(_))));
        let hangs = bench::http(Script::Hang);
        assert!(matches!(call(&net, &hangs.url).await, Err(Failure::Lost(_))));
        let drops = bench::http(Script::Drop);
        assert!(matches!(call(&net, &drops.url).await, Err(Failure::Lost(_))));
        let plain = bench::http(Script::Answer(200, "", "{}"));
        let encrypted = plain.url.replace("http://", "https://");
        assert!(matches!(call(&net, &encrypted).await, Err(Failure::NotSent(_))), "TLS against a server without");
    }

    #[tokio::test]
    async fn a_name_that_resolves_inside_is_not_connected() {
        let strict = Net::new(Policy::default(), Deadlines::default()).unwrap();
        assert!(strict.post(Mode::Live, "https://127.0.0.1/").is_err());
        // The URL's own check is passed by here: what remains is the resolver.
        let server = bench::http(Script::Answer(200, "", "{}"));
        let named = server.url.replace("127.0.0.1", "localhost");
        let failed = strict.call(strict.client.post(named), DateTime::UNIX_EPOCH).await;
        assert!(matches!(failed, Err(Failure::NotSent(reason)) if reason.contains("private")));
        assert_eq!(server.requests().len(), 0);
    }
}
