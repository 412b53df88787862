//! What became of a message: where an attempt to send it stands, what its provider reported, and how much that proves.
//!
//! Not here: how a provider words its reports (each adapter translates) and where they are kept. Invariant: reports
//! come late, twice and in any order, yet the same set of reports always ends in the same status.

use crate::domain::contact::Channel;

crate::words! {
    /// Where the hand-over of a message to its provider stands.
    pub enum MessageState {
        /// Decided and rendered; nothing has left.
        Prepared = "prepared",
        /// Committed to be sent: from here on a call may have reached the provider.
        Dispatched = "dispatched",
        /// The provider took it.
        Accepted = "accepted",
        /// The provider refused it: it will not arrive.
        Rejected = "rejected",
        /// The answer was lost: it may or may not have been taken. Waits for a receipt, a look-up or a person.
        Unknown = "unknown",
        /// Given up before it left.
        Cancelled = "cancelled",
    }
}

impl MessageState {
    /// Whether `next` may follow. `dispatched` returns to `prepared` only when it is certain that nothing left.
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Prepared => matches!(next, Self::Dispatched | Self::Cancelled),
            Self::Dispatched => matches!(next, Self::Accepted | Self::Rejected | Self::Unknown | Self::Prepared),
            Self::Unknown => matches!(next, Self::Accepted | Self::Rejected | Self::Prepared),
            Self::Accepted | Self::Rejected | Self::Cancelled => false,
        }
    }

    /// Whether its account must wait: the reminder is neither sent nor given up.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Prepared | Self::Dispatched | Self::Unknown)
    }
}

crate::words! {
    /// What a provider reported about a message, in one vocabulary for all providers. Declared from the weakest report
    /// to the one that overrides all others.
    pub enum DeliveryStatus {
        /// The provider took it and will try.
        Accepted = "accepted",
        /// It left the provider.
        Sent = "sent",
        /// Not taken yet; the provider tries again by itself.
        Deferred = "deferred",
        /// A registered letter was brought to the door once; nobody took it yet.
        Presented = "presented",
        /// A registered letter waits for its recipient at the post office.
        AwaitingPickup = "awaiting_pickup",
        /// Returned for a passing reason, such as a full mailbox.
        BouncedSoft = "bounced_soft",
        /// Never left: the provider's own list of addresses forbids it.
        Suppressed = "suppressed",
        /// Never left: the provider could not process it.
        Failed = "failed",
        /// Left, and never arrived.
        Undelivered = "undelivered",
        /// A registered letter was not fetched in time, and returned.
        Unclaimed = "unclaimed",
        /// The recipient refused a registered letter, and it returned.
        Refused = "refused",
        /// Taken by the receiving mail server, confirmed by the handset, or handed over by the post.
        Delivered = "delivered",
        /// Its tracking image was loaded; mail programs and proxies do that unasked.
        Opened = "opened",
        /// One of its links was followed; security scanners do that unasked.
        Clicked = "clicked",
        /// Returned for good: the address does not exist.
        BouncedHard = "bounced_hard",
        /// The recipient asked for no more on this channel.
        Unsubscribed = "unsubscribed",
        /// The recipient reported it as spam.
        Complained = "complained",
    }
}

impl DeliveryStatus {
    /// The strength of the report: a higher rank overrides a lower one, whenever either happened or arrived.
    ///
    /// Progress first (`accepted`, `sent`, `deferred`), then the failures which a late confirmation disproves, then
    /// `delivered` and what software does with a delivered message. Above these stand what only follows delivery and
    /// takes its value away: a hard bounce from behind the receiving server (scanners open and click before a mailbox
    /// refuses, so it also overrides both), an opt-out, a complaint. No two statuses share a rank.
    pub const fn rank(self) -> u8 {
        match self {
            Self::Accepted => 10,
            Self::Sent => 20,
            Self::Deferred => 30,
            Self::Presented => 34,
            Self::AwaitingPickup => 37,
            Self::BouncedSoft => 40,
            Self::Suppressed => 50,
            Self::Failed => 60,
            Self::Undelivered => 70,
            Self::Unclaimed => 73,
            Self::Refused => 77,
            Self::Delivered => 80,
            Self::Opened => 90,
            Self::Clicked => 100,
            Self::BouncedHard => 110,
            Self::Unsubscribed => 120,
            Self::Complained => 130,
        }
    }

    /// The status of a message that stood at `self` once `report` is known: never backwards.
    pub const fn after(self, report: Self) -> Self {
        if report.rank() > self.rank() { report } else { self }
    }

    /// The event that tells of it.
    pub const fn event(self) -> &'static str {
        match self {
            Self::Accepted => "message.accepted",
            Self::Sent => "message.sent",
            Self::Deferred => "message.deferred",
            Self::Presented => "message.presented",
            Self::AwaitingPickup => "message.awaiting_pickup",
            Self::BouncedSoft => "message.bounced_soft",
            Self::Suppressed => "message.suppressed",
            Self::Failed => "message.failed",
            Self::Undelivered => "message.undelivered",
            Self::Unclaimed => "message.unclaimed",
            Self::Refused => "message.refused",
            Self::Delivered => "message.delivered",
            Self::Opened => "message.opened",
            Self::Clicked => "message.clicked",
            Self::BouncedHard => "message.bounced_hard",
            Self::Unsubscribed => "message.unsubscribed",
            Self::Complained => "message.complained",
        }
    }

    /// Why the address must not be used again on this channel, if it must not.
    pub const fn suppresses(self) -> Option<SuppressionReason> {
        match self {
            Self::BouncedHard => Some(SuppressionReason::HardBounce),
            Self::Unsubscribed => Some(SuppressionReason::Unsubscribed),
            Self::Complained => Some(SuppressionReason::Complaint),
            Self::Suppressed => Some(SuppressionReason::ProviderList),
            _ => None,
        }
    }

    /// Whether the message failed to reach its recipient, so that another contact or channel is worth a thought.
    pub const fn is_failure(self) -> bool {
        matches!(
            self,
            Self::BouncedSoft | Self::Suppressed | Self::Failed | Self::Undelivered | Self::Unclaimed | Self::Refused | Self::BouncedHard
        )
    }

    /// What this report proves on `channel` at best; `None` when it proves the contrary. An adapter's own limit
    /// applies on top.
    pub const fn proves(self, channel: Channel) -> Option<EvidenceGrade> {
        match self {
            Self::Accepted | Self::Sent | Self::Deferred => Some(EvidenceGrade::ProviderAccepted),
            Self::Presented | Self::AwaitingPickup | Self::Unclaimed | Self::Refused => Some(EvidenceGrade::Presented),
            Self::Delivered | Self::Opened | Self::Clicked | Self::Unsubscribed | Self::Complained => Some(match channel {
                Channel::Sms => EvidenceGrade::Handset,
                Channel::Letter => EvidenceGrade::HandedOver,
                _ => EvidenceGrade::ReceivingServer,
            }),
            Self::BouncedSoft | Self::Suppressed | Self::Failed | Self::Undelivered | Self::BouncedHard => None,
        }
    }
}

crate::words! {
    /// How much a report proves, from the weakest; one grade is never shown as another.
    pub enum EvidenceGrade {
        /// The provider said that it took the message.
        ProviderAccepted = "provider_accepted",
        /// The recipient's mail server took it.
        ReceivingServer = "receiving_server",
        /// The recipient's handset confirmed it.
        Handset = "handset",
        /// The post proves that it was posted.
        Posted = "posted",
        /// The post tried to hand it over: it was presented, waited, was refused or never fetched.
        Presented = "presented",
        /// The post says that it handed it over.
        HandedOver = "handed_over",
        /// The recipient signed for it.
        SignedReceipt = "signed_receipt",
    }
}

crate::words! {
    /// How a letter is posted.
    pub enum PostalService {
        /// As any letter.
        Simple = "simple",
        /// With a number that tells where it is.
        Tracked = "tracked",
        /// Registered, the recipient signs for it, and the receipt comes back: what a formal notice wants.
        Registered = "registered",
    }
}

crate::words! {
    /// What a document of the post proves.
    pub enum ProofKind {
        /// That the letter was posted, and when.
        Deposit = "deposit",
        /// The receipt that the recipient signed.
        SignedReceipt = "signed_receipt",
        /// That the recipient refused it.
        Refusal = "refusal",
        /// That it was not fetched in time.
        Unclaimed = "unclaimed",
        /// What was sent, as the provider kept it.
        Content = "content",
    }
}

crate::words! {
    /// What a document of a letter is.
    pub enum PaperKind {
        /// The letter itself, as it was handed over.
        Letter = "letter",
        /// Proves that it was posted, and when.
        Deposit = "deposit",
        /// The receipt that the recipient signed.
        SignedReceipt = "signed_receipt",
        /// Proves that the recipient refused it.
        Refusal = "refusal",
        /// Proves that it was not fetched in time.
        Unclaimed = "unclaimed",
        /// What was sent, as the provider kept it.
        Content = "content",
    }
}

impl From<ProofKind> for PaperKind {
    fn from(kind: ProofKind) -> Self {
        match kind {
            ProofKind::Deposit => Self::Deposit,
            ProofKind::SignedReceipt => Self::SignedReceipt,
            ProofKind::Refusal => Self::Refusal,
            ProofKind::Unclaimed => Self::Unclaimed,
            ProofKind::Content => Self::Content,
        }
    }
}

impl ProofKind {
    /// What such a document proves at best; an account's own limit applies on top.
    pub const fn proves(self) -> Option<EvidenceGrade> {
        match self {
            Self::Deposit => Some(EvidenceGrade::Posted),
            Self::SignedReceipt => Some(EvidenceGrade::SignedReceipt),
            Self::Refusal | Self::Unclaimed => Some(EvidenceGrade::Presented),
            Self::Content => None,
        }
    }
}

crate::words! {
    /// Why an address may not be written to.
    pub enum SuppressionReason {
        /// The address does not exist.
        HardBounce = "hard_bounce",
        /// The recipient reported a message as spam.
        Complaint = "complaint",
        /// The recipient opted out, by link, by STOP or with the provider.
        Unsubscribed = "unsubscribed",
        /// The provider says that this address or number cannot receive messages.
        InvalidAddress = "invalid_address",
        /// The provider keeps the address on a list of its own.
        ProviderList = "provider_list",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn permutations(of: &[DeliveryStatus]) -> Vec<Vec<DeliveryStatus>> {
        if of.is_empty() {
            return vec![Vec::new()];
        }
        let with = |n: usize| {
            let rest: Vec<_> = of.iter().enumerate().filter(|(at, _)| *at != n).map(|(_, status)| *status).collect();
            permutations(&rest).into_iter().map(move |mut tail| {
                tail.push(of[n]);
                tail
            })
        };
        (0..of.len()).flat_map(with).collect()
    }

    fn end(of: &[DeliveryStatus]) -> DeliveryStatus {
        of.iter().skip(1).fold(of[0], |status, report| status.after(*report))
    }

    proptest! {
        #[test]
        fn every_order_of_the_same_reports_ends_in_the_same_status(picks in proptest::collection::vec(0..DeliveryStatus::ALL.len(), 4)) {
            let reports: Vec<_> = picks.into_iter().map(|n| DeliveryStatus::ALL[n]).collect();
            let expected = end(&reports);
            for order in permutations(&reports) {
                prop_assert_eq!(end(&order), expected);
                let twice: Vec<_> = order.iter().chain(&order).copied().collect();
                prop_assert_eq!(end(&twice), expected);
            }
        }
    }

    #[test]
    fn ranks_are_distinct_and_follow_the_declaration() {
        assert!(DeliveryStatus::ALL.windows(2).all(|pair| pair[0].rank() < pair[1].rank()));
        assert!(EvidenceGrade::ProviderAccepted < EvidenceGrade::ReceivingServer && EvidenceGrade::Handset < EvidenceGrade::SignedReceipt);
    }

    #[test]
    fn what_follows_delivery_still_applies_and_what_precedes_it_does_not() {
        use DeliveryStatus::{BouncedHard, Complained, Delivered, Sent, Undelivered};
        assert_eq!(Delivered.after(Sent), Delivered);
        assert_eq!(Undelivered.after(Delivered), Delivered);
        assert_eq!(Delivered.after(BouncedHard), BouncedHard);
        assert_eq!(Complained.after(Delivered), Complained);
        assert_eq!(BouncedHard.proves(Channel::Email), None);
        assert_eq!(Delivered.proves(Channel::Email), Some(EvidenceGrade::ReceivingServer));
    }

    #[test]
    fn only_a_certain_failure_returns_to_prepared_and_nothing_leaves_an_end() {
        use MessageState::{Accepted, Cancelled, Dispatched, Prepared, Rejected, Unknown};
        assert!(Dispatched.may_become(Prepared) && Unknown.may_become(Accepted) && !Prepared.may_become(Accepted));
        for ended in [Accepted, Rejected, Cancelled] {
            assert!(!ended.is_open() && MessageState::ALL.iter().all(|next| !ended.may_become(*next)));
        }
    }
}
