//! The outside world: one adapter per provider, and the only door to the network.
//!
//! An adapter knows its provider's wire contract and nothing else: no store, no tenant, no clock. It says what happened
//! to one call in four words ([`Outcome`]), checks who sent a receipt, and translates it ([`Report`]). Not here: retries,
//! failover and what a report changes.
//!
//! Invariant: [`Outcome::NotSent`] and [`Outcome::Rejected`] are only said when it is certain that the provider will not
//! deliver the message. Whatever is in doubt is [`Outcome::Unknown`].

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{BoxFuture, ready};

use crate::domain::{
    contact::{Channel, Email, Phone},
    delivery::{DeliveryStatus, EvidenceGrade, PostalService, ProofKind, SuppressionReason},
    ids::MessageId,
    locale::Country,
    provider::ReceiptSignature,
};

pub mod accounts;
pub mod address;
pub mod aws;
pub mod breaker;
pub mod connectors;
pub mod dsn;
mod jwt;
pub mod line;
pub mod net;
pub mod oidc;
pub mod pace;
pub mod providers;
pub mod registry;
pub mod settings;
pub mod signing;
pub mod sigv4;
pub mod sns;

#[cfg(test)]
mod bench;

pub use line::Line;

/// One provider account, ready to send and to read its receipts.
pub trait Provider: fmt::Debug + Send + Sync {
    /// What it can carry and prove.
    fn capabilities(&self) -> Capabilities;

    /// Hands one message over, within the network's deadlines.
    fn send<'a>(&'a self, envelope: &'a Envelope, now: DateTime<Utc>) -> BoxFuture<'a, Outcome>;

    /// Whether `inbound` comes from this account's provider, unaltered. It may fetch the provider's own certificate, and agree to a subscription that the
    /// provider asks about, and call nobody else.
    ///
    /// # Errors
    /// Says what is missing or wrong; whoever calls answers the same to all of it.
    fn verify<'a>(&'a self, inbound: &'a Inbound, now: DateTime<Utc>) -> BoxFuture<'a, Result<(), Unverified>>;

    /// The reports in a verified receipt; none when it carries nothing of interest.
    ///
    /// # Errors
    /// When it does not follow the provider's contract. It stays stored, for a person to look at.
    fn parse(&self, inbound: &Inbound) -> Result<Vec<Report>, Unreadable>;

    /// The documents in a verified receipt, or those that it announces and that the provider is then asked for. They may come late, and again.
    ///
    /// # Errors
    /// Says why they could not be had now.
    fn proofs<'a>(&'a self, _inbound: &'a Inbound, _now: DateTime<Utc>) -> BoxFuture<'a, Result<Vec<Proof>, String>> {
        Box::pin(ready(Ok(Vec::new())))
    }

    /// The HTTP status that the provider expects for a receipt which is safely stored.
    fn answer(&self) -> u16;

    /// What became of a message whose answer was lost.
    fn look_up<'a>(&'a self, _sought: &'a Sought, _now: DateTime<Utc>) -> BoxFuture<'a, Found> {
        Box::pin(ready(Found::NotOffered))
    }

    /// Whether the account's credentials are good, asked without sending anything.
    fn probe(&self, _now: DateTime<Utc>) -> BoxFuture<'_, Probe> {
        Box::pin(ready(Probe::NotOffered))
    }
}

/// A message whose answer was lost, by all names that it may be known under.
#[derive(Debug, Clone)]
pub struct Sought {
    /// Our id, and what the provider was given as its reference.
    pub message_id: MessageId,
    /// The provider's name for it, where an earlier answer or receipt told it.
    pub provider_id: Option<String>,
    /// When it was handed over.
    pub sent_at: DateTime<Utc>,
}

/// What a look-up found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The provider took the message.
    Taken {
        /// Its name for it.
        provider_id: Option<String>,
        /// What it knows about it.
        reports: Vec<Report>,
    },
    /// The provider knows of no such message, at least not yet.
    Absent,
    /// The question was not answered.
    Failed(String),
    /// The provider cannot be asked.
    NotOffered,
}

/// What a provider said about an account that it was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// It knows the account.
    Fine {
        /// What else it told: credit left, the sender's state.
        detail: Option<String>,
    },
    /// It refuses the account's credentials or settings.
    Refused(String),
    /// It could not be asked.
    Unreachable(String),
    /// It cannot be asked.
    NotOffered,
}

/// What an adapter's provider can carry, repeat and prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// The channels that it serves.
    pub channels: &'static [Channel],
    /// Whether a message may be handed over again when the first answer was lost.
    pub idempotency: Idempotency,
    /// Whether a message whose answer was lost can be looked up by our own key.
    pub lookup: bool,
    /// How its receipts are authenticated.
    pub signature: ReceiptSignature,
    /// The most that its receipts can prove.
    pub grade: EvidenceGrade,
}

impl Capabilities {
    /// The channels of an account whose owner names none: all of them, letters only where there is nothing else. They cost money, and a gateway may not know them.
    pub fn unasked(self) -> BTreeSet<Channel> {
        let alone = self.channels == [Channel::Letter];
        self.channels.iter().copied().filter(|channel| alone || *channel != Channel::Letter).collect()
    }
}

/// Whether, how, and for how long a provider recognises a message that it was given before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotency {
    /// Not at all: a lost answer waits for a receipt or a person.
    None,
    /// By a key that we give, remembered for so long.
    Key(TimeDelta),
}

impl Idempotency {
    /// Until when a message first handed over at `first` may be handed over again under its key: half the window, so
    /// that neither clocks nor queues reach its end.
    pub fn repeat_until(self, first: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::None => None,
            Self::Key(window) => first.checked_add_signed(window / 2),
        }
    }
}

/// One message, rendered, for one recipient.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// Our id, given to the provider as its reference where it takes one.
    pub message_id: MessageId,
    /// The same for every attempt at this message.
    pub idempotency_key: Line,
    /// What to send, and to whom.
    pub content: Content,
    /// Where the provider shall send its receipts, if it wants to be told with each message.
    pub receipts_url: Option<Line>,
}

impl Envelope {
    /// The channel that carries it.
    pub const fn channel(&self) -> Channel {
        match self.content {
            Content::Mail(_) => Channel::Email,
            Content::Text(_) => Channel::Sms,
            Content::Letter(_) => Channel::Letter,
        }
    }
}

/// The content by channel.
#[derive(Debug, Clone)]
pub enum Content {
    /// An e-mail.
    Mail(Mail),
    /// A text message.
    Text(Text),
    /// A letter on paper.
    Letter(Letter),
}

/// An e-mail. Whatever ends in a header is a [`Line`].
#[derive(Clone)]
pub struct Mail {
    /// The recipient.
    pub to: Email,
    /// The recipient's name.
    pub to_name: Option<Line>,
    /// The sender's name, when it is not the account's own.
    pub from_name: Option<Line>,
    /// Where answers go.
    pub reply_to: Option<Email>,
    /// The subject.
    pub subject: Line,
    /// The body as HTML.
    pub html: String,
    /// The same body as plain text.
    pub text: String,
    /// The https link that unsubscribes on one click (RFC 8058).
    pub list_unsubscribe: Option<Line>,
    /// Documents that go with it.
    pub attachments: Vec<Attachment>,
}

/// A document that goes with an e-mail.
#[derive(Clone)]
pub struct Attachment {
    /// Its file name.
    pub name: Line,
    /// Its media type.
    pub media_type: Line,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
}

/// A text message.
#[derive(Clone)]
pub struct Text {
    /// The recipient.
    pub to: Phone,
    /// The words.
    pub body: String,
}

/// A letter, ready to be printed and posted.
#[derive(Clone)]
pub struct Letter {
    /// To whom.
    pub to: Postal,
    /// From whom, and where it returns if it cannot be delivered.
    pub from: Postal,
    /// How it is posted.
    pub service: PostalService,
    /// Its pages: A4, fonts embedded, the recipient's address where a window envelope shows it.
    pub pdf: Arc<[u8]>,
}

/// A name and a place that the post understands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postal {
    /// The company, or the person.
    pub name: Line,
    /// The person or the department at a company.
    pub attention: Option<Line>,
    /// Street and number, and whatever else stands above the town.
    pub lines: Vec<Line>,
    /// Postal code.
    pub postal_code: Line,
    /// Town.
    pub city: Line,
    /// ISO 3166-1 alpha-2.
    pub country: Country,
}

/// A document that proves a stage of a letter's way.
#[derive(Clone)]
pub struct Proof {
    /// Which letter.
    pub about: About,
    /// What it proves.
    pub kind: ProofKind,
    /// Its media type.
    pub media_type: Line,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
}

/// What is written to debtors never reaches logs.
impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mail(…)")
    }
}
impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attachment(…)")
    }
}
impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text(…)")
    }
}
impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Letter(…)")
    }
}
impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proof({})", self.kind)
    }
}

/// What happened to one hand-over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The provider took the message.
    Accepted {
        /// Its name for it, if it gave one.
        provider_id: Option<String>,
        /// Reports already known, each with its delay: the sandbox's. Real providers tell by receipt.
        later: Vec<(TimeDelta, Report)>,
    },
    /// The provider refused it; it will not be delivered.
    Rejected {
        /// The provider's code.
        code: String,
        /// In the provider's words, shortened.
        reason: String,
        /// True when this message is at fault and the same again would be refused again; false when the account is
        /// (credentials, quota, a moved address), so that it may succeed once that is repaired.
        permanent: bool,
        /// Why the address must not be used again, if so.
        suppress: Option<SuppressionReason>,
    },
    /// The provider never processed it: no connection, or its documented word. Safe to try again.
    NotSent {
        /// What happened.
        reason: String,
        /// How long the provider wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// The answer was lost after the message may have been taken.
    Unknown {
        /// What happened.
        reason: String,
    },
}

impl Outcome {
    fn accepted(provider_id: Option<String>) -> Self {
        Self::Accepted { provider_id, later: Vec::new() }
    }

    fn not_sent(reason: impl Into<String>) -> Self {
        Self::NotSent { reason: reason.into(), retry_after: None }
    }

    fn unknown(reason: impl Into<String>) -> Self {
        Self::Unknown { reason: reason.into() }
    }

    /// A message of a channel that the account does not serve.
    fn wrong_channel(channel: Channel) -> Self {
        let reason = format!("this provider account does not carry {channel}");
        Self::Rejected { code: "wrong_channel".to_owned(), reason, permanent: true, suppress: None }
    }

    /// Whether it speaks against the provider account rather than against the message: what a breaker counts.
    pub const fn blames_account(&self) -> bool {
        match self {
            Self::Accepted { .. } => false,
            Self::Rejected { permanent, .. } => !*permanent,
            Self::NotSent { .. } | Self::Unknown { .. } => true,
        }
    }
}

/// One thing that a provider said about a message or an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What it is about.
    pub about: About,
    /// In our vocabulary.
    pub status: DeliveryStatus,
    /// When it happened, if the provider says.
    pub at: Option<DateTime<Utc>>,
    /// The same for every copy of this report, and for no other of the same account.
    pub dedupe: String,
    /// The provider's own word for it.
    pub raw_name: String,
    /// The provider's explanation or error code.
    pub detail: Option<String>,
}

/// What a report is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// The message that we sent under this id.
    Message(MessageId),
    /// The message that the provider knows under this name.
    ProviderId(String),
    /// Nothing that we sent, but whoever has this number: an incoming STOP.
    Number(Phone),
}

/// A receipt as it arrived.
#[derive(Debug, Clone)]
pub struct Inbound {
    /// `POST`, `GET`.
    pub method: String,
    /// The full public URL that the provider called, with its query, exactly as written.
    pub url: String,
    /// Header names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The raw body.
    pub body: Vec<u8>,
}

impl Inbound {
    /// A header by its lower-case name.
    ///
    /// # Errors
    /// [`Unverified::Missing`].
    fn header(&self, name: &'static str) -> Result<&str, Unverified> {
        self.headers.get(name).map(String::as_str).ok_or(Unverified::Missing(name))
    }
}

/// Why a receipt is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// A header is absent.
    #[error("the {0} header is missing")]
    Missing(&'static str),
    /// A header cannot be read, or what stands in its place.
    #[error("the {0} is malformed")]
    Malformed(&'static str),
    /// The time of signing is further away than the provider's scheme allows.
    #[error("signed too long ago, or in the future")]
    Stale,
    /// The signature is not the account's.
    #[error("the signature does not match")]
    Mismatch,
    /// The account has no receipts.
    #[error("this provider sends no receipts")]
    NoReceipts,
    /// It cannot be told now: a certificate could not be fetched, or a provider forgot to sign. Whoever sent it is asked to send it again.
    #[error("{0} could not be had")]
    Unavailable(&'static str),
}

/// Why a verified receipt means nothing to us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unreadable receipt: {0}")]
pub struct Unreadable(pub String);

/// A provider's words, fit to be kept: no control characters, at most 300 characters. They may name the recipient, so
/// they are never logged.
pub fn excerpt(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(300).collect()
}
