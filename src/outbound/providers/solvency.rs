//! A solvency provider of the tenant's choice, by signed webhook: we post `solvency.requested`, it posts `solvency.answered` to the account's inbound
//! path. Both ways are signed as Standard Webhooks says, with one secret.
//!
//! The contract that a provider keeps: any 2xx means taken; the `webhook-id` is the check's id, stays the same on every attempt, and is answered once;
//! any other 4xx than 408 and 429 means that it will not answer; everything else is asked again.

use chrono::{DateTime, Utc};
use futures_util::future::{BoxFuture, FutureExt, ready};
use serde_json::{Value, json};

pub use super::webhook::{Credentials, Settings};
use crate::{
    domain::{
        credit::request::SolvencyAnswer,
        delivery::EvidenceGrade,
        external::Pairs,
        ids::{Mode, SolvencyCheckId},
        invalid::Faults,
        provider::ReceiptSignature,
    },
    outbound::{
        Capabilities, Envelope, Idempotency, Inbound, Outcome, Provider, Report, Unreadable, Unverified, excerpt,
        net::{Failure, Net},
        settings::{check_url, needed},
        signing::Signer,
    },
};

/// What is asked: about whom, as far as it is known.
#[derive(Debug, Clone)]
pub struct Inquiry {
    /// The check; the same on every attempt.
    pub id: SolvencyCheckId,
    /// The payer's name.
    pub name: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Registration, tax and other numbers.
    pub identifiers: Pairs,
}

/// How a question was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It will be answered.
    Yes,
    /// It will not.
    No(String),
    /// Nobody knows: ask again.
    Lost(String),
}

/// The provider's account.
#[derive(Debug)]
pub struct Solvency {
    url: String,
    signer: Signer,
    net: Net,
}

impl Solvency {
    /// The adapter of one account.
    ///
    /// # Errors
    /// A URL that is not called, a secret that is none.
    pub fn open(settings: &Settings, credentials: Option<&Credentials>, net: &Net) -> Result<Self, Faults> {
        let credentials = needed(credentials)?;
        let mut faults = Faults::none();
        check_url(&mut faults, net, "/settings/url", &settings.url);
        match Signer::new(credentials.secret.reveal()) {
            Ok(signer) => faults.or(Self { url: settings.url.clone(), signer, net: net.clone() }),
            Err(why) => {
                faults.add("/credentials/secret", "invalid_secret", why);
                Err(faults)
            }
        }
    }

    /// Asks, within the network's deadlines.
    pub async fn ask(&self, inquiry: &Inquiry, now: DateTime<Utc>) -> Taken {
        let data = json!({"check_id": inquiry.id, "name": inquiry.name, "country": inquiry.country, "identifiers": inquiry.identifiers});
        let body = json!({"type": "solvency.requested", "timestamp": now, "data": data}).to_string().into_bytes();
        let Ok(headers) = self.signer.headers(&inquiry.id.to_string(), now, &body) else {
            return Taken::No("the question cannot be signed".to_owned());
        };
        let mut request = match self.net.post(Mode::Live, &self.url) {
            Ok(request) => request.header("content-type", "application/json").body(body),
            Err(why) => return Taken::No(why.to_string()),
        };
        for (name, value) in headers {
            request = request.header(name, value);
        }
        match self.net.call(request, now).await {
            Ok(answer) => match answer.status {
                200..=299 => Taken::Yes,
                400..=499 if !matches!(answer.status, 408 | 429) => Taken::No(answer.summary()),
                _ => Taken::Lost(answer.summary()),
            },
            Err(Failure::NotSent(reason) | Failure::Lost(reason)) => Taken::Lost(reason),
        }
    }
}

/// The body of an answer. Providers may add fields of their own.
#[derive(serde::Deserialize)]
struct Answered {
    #[serde(rename = "type")]
    kind: String,
    data: Value,
}

#[derive(serde::Deserialize)]
struct Named {
    check_id: SolvencyCheckId,
}

/// The answer in a verified request; `None` when it carries something else.
///
/// # Errors
/// When it does not follow the contract.
pub fn answer(inbound: &Inbound) -> Result<Option<(SolvencyCheckId, SolvencyAnswer)>, Unreadable> {
    let wrong = |error: &dyn std::fmt::Display| Unreadable(excerpt(&error.to_string()));
    let body: Answered = serde_json::from_slice(&inbound.body).map_err(|error| wrong(&error))?;
    if body.kind != "solvency.answered" {
        return Ok(None);
    }
    let Named { check_id } = serde_json::from_value(body.data.clone()).map_err(|error| wrong(&error))?;
    let mut answer: SolvencyAnswer = serde_json::from_value(body.data).map_err(|error| wrong(&error))?;
    if !(1..=5).contains(&answer.rating) || answer.recommended_limit.is_some_and(|limit| limit < 0) {
        return Err(Unreadable("the rating goes from 1 to 5, and a limit is not negative".to_owned()));
    }
    answer.reference = answer.reference.as_deref().map(excerpt);
    answer.summary = answer.summary.as_deref().map(excerpt);
    Ok(Some((check_id, answer)))
}

/// What to do so that receipts arrive.
pub const STEPS: &[&str] =
    &["Have the provider post its answers to {url}.", "Have it sign them as Standard Webhooks says, with the secret of this account."];

/// It carries no messages.
pub const CAPABILITIES: Capabilities = Capabilities {
    channels: &[],
    idempotency: Idempotency::None,
    lookup: false,
    signature: ReceiptSignature::StandardWebhooks,
    grade: EvidenceGrade::ProviderAccepted,
};

/// As an account among the others: it takes no messages, and its requests are verified like theirs.
impl Provider for Solvency {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn send<'a>(&'a self, envelope: &'a Envelope, _now: DateTime<Utc>) -> BoxFuture<'a, Outcome> {
        std::future::ready(Outcome::wrong_channel(envelope.channel())).boxed()
    }

    fn verify<'a>(&'a self, inbound: &'a Inbound, now: DateTime<Utc>) -> BoxFuture<'a, Result<(), Unverified>> {
        ready(self.signer.verify(inbound, now)).boxed()
    }

    fn parse(&self, _inbound: &Inbound) -> Result<Vec<Report>, Unreadable> {
        Ok(Vec::new())
    }

    fn answer(&self) -> u16 {
        204
    }
}

#[cfg(test)]
pub(in crate::outbound) mod tests {
    use super::*;
    use crate::outbound::{
        bench::{self, Script},
        settings::Secret,
    };

    fn adapter(url: &str) -> Solvency {
        let secret = Credentials { secret: Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") };
        Solvency::open(&Settings { url: url.to_owned() }, Some(&secret), &bench::net()).unwrap()
    }

    /// What it signs itself, it believes.
    pub fn vectors() -> Option<bench::Vectors> {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let body = br#"{"type":"message.delivered","data":{}}"#;
        let open = |secret: &str| {
            let (settings, secret) =
                (Settings { url: "https://gateway.example.com".to_owned() }, Credentials { secret: Secret::new(secret) });
            Solvency::open(&settings, Some(&secret), &bench::net()).unwrap()
        };
        let adapter = open("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let headers = adapter.signer.headers("evt_1", now, body).unwrap();
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Some(bench::Vectors {
            genuine: vec![(bench::inbound("https://api.example.com/in", &headers, body), now)],
            adapter: Box::new(adapter),
            other: Box::new(open("whsec_AAAA9r8GKYqrTwjUPD8ILPZIo2LaLaSw")),
            header: "webhook-signature",
            covers_body: true,
            covers_time: true,
        })
    }

    fn inquiry() -> Inquiry {
        let identifiers = Pairs([("siren".to_owned(), "732829320".to_owned())].into());
        Inquiry { id: SolvencyCheckId::new(DateTime::UNIX_EPOCH), name: "Garage Dupont".to_owned(), country: "FR".to_owned(), identifiers }
    }

    #[tokio::test]
    async fn every_answer_says_whether_to_ask_again() {
        let (now, inquiry) = (DateTime::from_timestamp(1_800_000_000, 0).unwrap(), inquiry());
        for (script, taken) in [
            (Script::Answer(202, "", ""), 'y'),
            (Script::Answer(404, "", "no"), 'n'),
            (Script::Answer(429, "", ""), 'l'),
            (Script::Answer(500, "", ""), 'l'),
            (Script::Drop, 'l'),
        ] {
            let server = bench::http(script);
            let said = adapter(&server.url).ask(&inquiry, now).await;
            let kind = match said {
                Taken::Yes => 'y',
                Taken::No(_) => 'n',
                Taken::Lost(_) => 'l',
            };
            assert_eq!(kind, taken, "{said:?}");
            let request = server.requests().remove(0);
            assert_eq!(request.headers["webhook-id"], inquiry.id.to_string());
            assert_eq!(bench::verify(&adapter(&server.url), &request, now), Ok(()));
        }
        assert!(matches!(adapter(&bench::refused()).ask(&inquiry, now).await, Taken::Lost(_)));
    }

    #[test]
    fn answers_are_read_by_the_contract_and_nothing_else() {
        let id = inquiry().id;
        let read = |body: Value| answer(&bench::inbound("https://x.example/", &[("webhook-id", "evt_1")], body.to_string().as_bytes()));
        let good = read(
            json!({"type": "solvency.answered", "data": {"check_id": id, "rating": 4, "recommended_limit": 500_000, "currency": "EUR", "more": 1}}),
        );
        let (check, found) = good.unwrap().unwrap();
        assert_eq!((check, found.rating, found.recommended_limit), (id, 4, Some(500_000)));
        assert_eq!(read(json!({"type": "ping", "data": {}})), Ok(None));
        for wrong in [
            json!({"type": "solvency.answered", "data": {"check_id": id, "rating": 6}}),
            json!({"type": "solvency.answered", "data": {"check_id": id}}),
            json!({"type": "solvency.answered", "data": {"check_id": "cus_1", "rating": 3}}),
            json!({"type": "solvency.answered", "data": {"check_id": id, "rating": 3, "recommended_limit": -1}}),
            json!([]),
        ] {
            assert!(read(wrong).is_err());
        }
    }
}
