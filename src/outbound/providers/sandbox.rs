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
//! A letter's fate hangs on its town, in hours and days:
//!
//! | town | the answer | the receipts |
//! |---|---|---|
//! | `nowhere` | accepted | sent, returned after four days |
//! | `refused` | accepted | sent, presented, refused |
//! | `unclaimed` | accepted | sent, presented, waiting at the post office, returned after sixteen days |
//! | `fail` | rejected | |
//! | `lost` | unknown | |
//! | anything else | accepted | sent; tracked: delivered; registered: presented, waiting at the post office, delivered |
//!
//! Of a registered letter a page stands for each document of the post: of the deposit, the signed receipt, the refusal, the vain wait.
//!
//! Invariant: the same recipient always meets the same fate.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{BoxFuture, FutureExt, ready};

use crate::{
    domain::{
        contact::Channel,
        delivery::{DeliveryStatus, EvidenceGrade, PostalService, ProofKind},
        ids::MessageId,
        letter,
        provider::ReceiptSignature,
    },
    outbound::{
        About, Capabilities, Content, Envelope, Idempotency, Inbound, Outcome, Probe, Proof, Provider, Report, Unreadable, Unverified,
    },
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
    /// What becomes of letters.
    Posted(Way),
}

/// What becomes of a letter that was posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Simple,
    Tracked,
    Registered,
    Returned,
    Declined,
    Unclaimed,
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
            "nowhere" => Fate::Posted(Way::Returned),
            "refused" => Fate::Posted(Way::Declined),
            "unclaimed" => Fate::Posted(Way::Unclaimed),
            "fail" => Fate::Refused,
            "lost" => Fate::Lost,
            _ => Fate::Posted(match letter.service {
                PostalService::Simple => Way::Simple,
                PostalService::Tracked => Way::Tracked,
                PostalService::Registered => Way::Registered,
            }),
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
            Self::Posted(way) => way.receipts(),
        }
    }
}

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

impl Way {
    const fn receipts(self) -> &'static [(i64, DeliveryStatus)] {
        use DeliveryStatus::{AwaitingPickup, Delivered, Presented, Refused, Sent, Unclaimed, Undelivered};
        match self {
            Self::Simple => &[(HOUR, Sent)],
            Self::Tracked => &[(HOUR, Sent), (2 * DAY, Delivered)],
            Self::Registered => &[(HOUR, Sent), (DAY, Presented), (DAY + HOUR, AwaitingPickup), (3 * DAY, Delivered)],
            Self::Returned => &[(HOUR, Sent), (4 * DAY, Undelivered)],
            Self::Declined => &[(HOUR, Sent), (DAY, Presented), (DAY + HOUR, Refused)],
            Self::Unclaimed => &[(HOUR, Sent), (DAY, Presented), (DAY + HOUR, AwaitingPickup), (16 * DAY, Unclaimed)],
        }
    }
}

/// A statement of ours, as it comes back for its documents.
#[derive(serde::Deserialize)]
struct Told {
    message_id: MessageId,
    status: DeliveryStatus,
    raw_name: String,
}

/// The page that stands for a document of the post.
fn proofs(body: &[u8]) -> Result<Vec<Proof>, String> {
    let Ok(told) = serde_json::from_slice::<Told>(body) else { return Ok(Vec::new()) };
    let registered = told.raw_name.starts_with(PROVED);
    let (kind, what) = match told.status {
        DeliveryStatus::Sent => (ProofKind::Deposit, "This page stands for the proof of deposit of a letter."),
        DeliveryStatus::Delivered => (ProofKind::SignedReceipt, "This page stands for the receipt that a recipient signed."),
        DeliveryStatus::Refused => (ProofKind::Refusal, "This page stands for the proof that a recipient refused a letter."),
        DeliveryStatus::Unclaimed => (ProofKind::Unclaimed, "This page stands for the proof that a letter was not fetched."),
        _ => return Ok(Vec::new()),
    };
    if !registered {
        return Ok(Vec::new());
    }
    let bytes = letter::note(&["Rehearsal", "", what, &told.message_id.to_string()]).map_err(|error| error.to_string())?;
    let media_type = "application/pdf".parse()?;
    Ok(vec![Proof { about: About::Message(told.message_id), kind, media_type, bytes: bytes.into() }])
}

/// How our word for a status of a letter begins whose stages the post documents.
const PROVED: &str = "sandbox.registered.";

fn report(message: MessageId, status: DeliveryStatus, at: DateTime<Utc>, documented: bool) -> Report {
    Report {
        about: About::Message(message),
        status,
        at: Some(at),
        dedupe: format!("{message}:{status}"),
        raw_name: if documented { format!("{PROVED}{status}") } else { format!("sandbox.{status}") },
        detail: None,
    }
}

/// What to do so that receipts arrive.
pub const STEPS: &[&str] = &[];

/// What it can carry and prove, whoever the account's owner is.
pub const CAPABILITIES: Capabilities = Capabilities {
    channels: &[Channel::Email, Channel::Sms, Channel::Letter],
    idempotency: Idempotency::None,
    lookup: false,
    signature: ReceiptSignature::NoReceipts,
    grade: EvidenceGrade::SignedReceipt,
};

impl Provider for Sandbox {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn send<'a>(&'a self, envelope: &'a Envelope, now: DateTime<Utc>) -> BoxFuture<'a, Outcome> {
        let fate = fate(&envelope.content);
        let documented = matches!(&envelope.content, Content::Letter(letter) if letter.service == PostalService::Registered);
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
                    (delay, report(envelope.message_id, *status, now + delay, documented))
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

    fn proofs<'a>(&'a self, inbound: &'a Inbound, _: DateTime<Utc>) -> BoxFuture<'a, Result<Vec<Proof>, String>> {
        ready(proofs(&inbound.body)).boxed()
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
        use DeliveryStatus::{Refused, Unclaimed};
        for (town, end) in [("Nowhere", Undelivered), ("refused", Refused), ("UNCLAIMED", Unclaimed), ("Lille", Delivered)] {
            assert_eq!(play(&bench::letter_to(town)).await.1.last(), Some(&end), "{town}");
        }
        for refused in [bench::mail("fail@example.com"), bench::text("+33612340003"), bench::letter_to("fail")] {
            assert!(matches!(play(&refused).await.0, Outcome::Rejected { permanent: true, .. }));
        }
        for lost in [bench::mail("unknown@example.com"), bench::text("+33612340004"), bench::letter_to("lost")] {
            assert!(matches!(play(&lost).await.0, Outcome::Unknown { .. }));
        }
    }

    #[test]
    fn a_page_stands_for_each_document_of_a_registered_letter_and_of_no_other() {
        let id = MessageId::new(DateTime::UNIX_EPOCH);
        let told = |status: DeliveryStatus, documented| {
            let raw_name = report(id, status, DateTime::UNIX_EPOCH, documented).raw_name;
            proofs(serde_json::json!({"message_id": id, "status": status, "raw_name": raw_name}).to_string().as_bytes()).unwrap()
        };
        for (status, kind) in [
            (DeliveryStatus::Sent, ProofKind::Deposit),
            (DeliveryStatus::Delivered, ProofKind::SignedReceipt),
            (DeliveryStatus::Refused, ProofKind::Refusal),
            (DeliveryStatus::Unclaimed, ProofKind::Unclaimed),
        ] {
            let found = told(status, true);
            assert_eq!((found.len(), found[0].kind, &found[0].about), (1, kind, &About::Message(id)));
            assert!(found[0].bytes.starts_with(b"%PDF-"));
            assert!(told(status, false).is_empty());
        }
        assert!(told(DeliveryStatus::Presented, true).is_empty() && proofs(b"{").unwrap().is_empty());
    }

    #[test]
    fn it_believes_no_receipt() {
        let inbound = bench::inbound("https://api.example.com/in", &[], b"{}");
        assert_eq!(bench::verify(&Sandbox, &inbound, DateTime::UNIX_EPOCH), Err(Unverified::NoReceipts));
    }
}
