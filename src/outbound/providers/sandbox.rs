//! The rehearsal's provider: takes every message, reaches nobody, and plays every fate on request.
//!
//! It has no network to use. What happens depends on the recipient alone:
//!
//! | e-mail (before `@` or `+`) | number ends in | the answer | the receipts |
//! |---|---|---|---|
//! | `bounce` | `0001` | accepted | e-mail returned for good; text undelivered |
//! | `optout`, `unsubscribe` | `0002` | accepted | delivered, then unsubscribed (STOP) |
//! | `fail` | `0003` | rejected | |
//! | `unknown` | `0004` | unknown | |
//! | `delay` | `0005` | accepted | deferred at once, delivered two hours later |
//! | `softbounce` | | accepted | returned for a passing reason |
//! | `complain` | | accepted | delivered, then reported as spam |
//! | anything else | anything else | accepted | sent, then delivered half a minute later |
//!
//! Invariant: the same recipient always meets the same fate.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{BoxFuture, FutureExt, ready};

use crate::{
    domain::{
        contact::Channel,
        delivery::{DeliveryStatus, EvidenceGrade},
        ids::MessageId,
        provider::ReceiptSignature,
    },
    outbound::{About, Capabilities, Content, Envelope, Idempotency, Inbound, Outcome, Probe, Provider, Report, Unreadable, Unverified},
};

/// The sandbox has nothing to set.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {}

/// The sandbox.
#[derive(Debug, Clone, Copy)]
pub struct Sandbox;

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Delivered,
    Bounced,
    BouncedSoft,
    Undelivered,
    Delayed,
    Complained,
    Unsubscribed,
    Refused,
    Lost,
}

fn fate(content: &Content) -> Fate {
    match content {
        Content::Mail(mail) => match mail.to.as_str().split(['@', '+']).next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "bounce" => Fate::Bounced,
            "softbounce" => Fate::BouncedSoft,
            "delay" => Fate::Delayed,
            "complain" => Fate::Complained,
            "optout" | "unsubscribe" => Fate::Unsubscribed,
            "fail" => Fate::Refused,
            "unknown" => Fate::Lost,
            _ => Fate::Delivered,
        },
        Content::Text(text) => match ending(text.to.as_str()) {
            "0001" => Fate::Undelivered,
            "0002" => Fate::Unsubscribed,
            "0003" => Fate::Refused,
            "0004" => Fate::Lost,
            "0005" => Fate::Delayed,
            _ => Fate::Delivered,
        },
        Content::Letter(letter) => match letter.to.city.as_str().to_ascii_lowercase().as_str() {
            "nowhere" => Fate::Undelivered,
            _ => Fate::Delivered,
        },
    }
}

/// The last four digits.
fn ending(number: &str) -> &str {
    number.len().checked_sub(4).and_then(|from| number.get(from..)).unwrap_or_default()
}

impl Fate {
    /// The receipts, each with its delay in seconds.
    const fn receipts(self) -> &'static [(i64, DeliveryStatus)] {
        use DeliveryStatus::{BouncedHard, BouncedSoft, Complained, Deferred, Delivered, Sent, Undelivered, Unsubscribed};
        match self {
            Self::Delivered => &[(5, Sent), (30, Delivered)],
            Self::Bounced => &[(5, Sent), (60, BouncedHard)],
            Self::BouncedSoft => &[(5, Sent), (60, BouncedSoft)],
            Self::Undelivered => &[(5, Sent), (60, Undelivered)],
            Self::Delayed => &[(5, Deferred), (7_200, Delivered)],
            Self::Complained => &[(5, Sent), (30, Delivered), (3_600, Complained)],
            Self::Unsubscribed => &[(5, Sent), (30, Delivered), (600, Unsubscribed)],
            Self::Refused | Self::Lost => &[],
        }
    }
}

fn report(message: MessageId, status: DeliveryStatus, at: DateTime<Utc>) -> Report {
    Report {
        about: About::Message(message),
        status,
        at: Some(at),
        dedupe: format!("{message}:{status}"),
        raw_name: format!("sandbox.{status}"),
        detail: None,
    }
}

/// What to do so that receipts arrive.
pub const STEPS: &[&str] = &[];

/// What it can carry and prove, whoever the account's owner is.
pub const CAPABILITIES: Capabilities = Capabilities {
    channels: &[Channel::Email, Channel::Sms],
    idempotency: Idempotency::None,
    lookup: false,
    signature: ReceiptSignature::NoReceipts,
    grade: EvidenceGrade::Handset,
};

impl Provider for Sandbox {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn send<'a>(&'a self, envelope: &'a Envelope, now: DateTime<Utc>) -> BoxFuture<'a, Outcome> {
        let fate = fate(&envelope.content);
        let outcome = match fate {
            Fate::Lost => Outcome::unknown("the sandbox loses this answer"),
            Fate::Refused => Outcome::Rejected {
                code: "sandbox_refused".to_owned(),
                reason: "the sandbox refuses this recipient".to_owned(),
                permanent: true,
                suppress: None,
            },
            _ => {
                let later = |(seconds, status): &(i64, DeliveryStatus)| {
                    let delay = TimeDelta::seconds(*seconds);
                    (delay, report(envelope.message_id, *status, now + delay))
                };
                let later = fate.receipts().iter().map(later).collect();
                Outcome::Accepted { provider_id: Some(format!("sandbox_{}", envelope.message_id)), later }
            }
        };
        ready(outcome).boxed()
    }

    fn verify<'a>(&'a self, _: &'a Inbound, _: DateTime<Utc>) -> BoxFuture<'a, Result<(), Unverified>> {
        ready(Err(Unverified::NoReceipts)).boxed()
    }

    fn parse(&self, _: &Inbound) -> Result<Vec<Report>, Unreadable> {
        Ok(Vec::new())
    }

    fn answer(&self) -> u16 {
        204
    }

    fn probe(&self, _: DateTime<Utc>) -> BoxFuture<'_, Probe> {
        ready(Probe::Fine { detail: Some("the rehearsal's provider is always there".to_owned()) }).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::bench;

    async fn play(envelope: &Envelope) -> (Outcome, Vec<DeliveryStatus>) {
        let outcome = Sandbox.send(envelope, DateTime::UNIX_EPOCH).await;
        assert_eq!(outcome, Sandbox.send(envelope, DateTime::UNIX_EPOCH).await, "deterministic");
        let statuses = match &outcome {
            Outcome::Accepted { later, .. } => later.iter().map(|(_, report)| report.status).collect(),
            _ => Vec::new(),
        };
        (outcome, statuses)
    }

    #[tokio::test]
    async fn every_row_of_the_table_is_true() {
        use DeliveryStatus::{BouncedHard, BouncedSoft, Complained, Delivered, Undelivered, Unsubscribed};
        let mails = [
            ("bounce@example.com", BouncedHard),
            ("Bounce+1@example.com", BouncedHard),
            ("softbounce@example.com", BouncedSoft),
            ("delay@example.com", Delivered),
            ("complain@example.com", Complained),
            ("optout@example.com", Unsubscribed),
            ("unsubscribe@example.com", Unsubscribed),
            ("ann@example.com", Delivered),
            ("bouncer@example.com", Delivered),
        ];
        for (to, end) in mails {
            assert_eq!(play(&bench::mail(to)).await.1.last(), Some(&end), "{to}");
        }
        for (to, end) in
            [("+33612340001", Undelivered), ("+33612340002", Unsubscribed), ("+33612340005", Delivered), ("+33612345678", Delivered)]
        {
            assert_eq!(play(&bench::text(to)).await.1.last(), Some(&end), "{to}");
        }
        for refused in [bench::mail("fail@example.com"), bench::text("+33612340003")] {
            assert!(matches!(play(&refused).await.0, Outcome::Rejected { permanent: true, .. }));
        }
        for lost in [bench::mail("unknown@example.com"), bench::text("+33612340004")] {
            assert!(matches!(play(&lost).await.0, Outcome::Unknown { .. }));
        }
    }

    #[test]
    fn it_believes_no_receipt() {
        let inbound = bench::inbound("https://api.example.com/in", &[], b"{}");
        assert_eq!(bench::verify(&Sandbox, &inbound, DateTime::UNIX_EPOCH), Err(Unverified::NoReceipts));
    }
}
