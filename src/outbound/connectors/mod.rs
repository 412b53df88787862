//! Accounting software, one adapter each: who sent a notice, what it says, what to ask for it, and how the answers read as snapshots of invoices.
//!
//! An adapter is pure: it words requests and reads answers, and calls nobody; the job does, between two transactions. Not here: what a snapshot does to the
//! ledger. Invariant: no bytes make an adapter panic, and an amount reaches a snapshot exactly or not at all.

use std::{fmt, time::Duration};

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Inbound, Unreadable, Unverified,
    net::{Answer, Method},
};
use crate::domain::{
    connection::{ConnectionCredentials, ConnectionSettings, System},
    invalid::Faults,
    push::{SourceInvoice, SourceKind},
};

#[cfg(test)]
mod bench;
mod mark;
pub mod odoo;
pub mod pennylane;
pub mod quickbooks;
mod reading;
pub mod sage_accounting;
pub mod sage_intacct;
pub mod stripe;
mod tokens;
pub mod xero;

/// What an adapter knows of its connection.
#[derive(Debug, Clone)]
pub struct Access {
    /// The company, its currency, another address.
    pub settings: ConnectionSettings,
    /// Secrets and tokens.
    pub credentials: ConnectionCredentials,
}

impl Access {
    /// The address of `path` (which begins with a slash) at `host`, or at the address that the connection names instead.
    pub fn url(&self, host: &str, path: &str) -> String {
        let host = self.settings.base_url.as_deref().unwrap_or(host);
        format!("{}{path}", host.trim_end_matches('/'))
    }

    /// Whether `signature` is the HMAC-SHA256 of `parts` under any of the signing secrets. All are compared, each in constant time.
    pub fn signed(&self, signature: &[u8], parts: &[&[u8]]) -> bool {
        let matching = self.credentials.signing_secrets.iter().filter(|secret| {
            let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()));
            parts.iter().for_each(|part| context.update(part));
            verify_slices_are_equal(context.sign().as_ref(), signature).is_ok()
        });
        matching.count() > 0
    }
}

/// One system's words.
pub trait Connector: fmt::Debug + Send + Sync {
    /// Whether `inbound` comes from the connected company, unaltered.
    ///
    /// # Errors
    /// What is missing or wrong; whoever calls is answered the same to all of it.
    fn verify(&self, inbound: &Inbound, now: DateTime<Utc>) -> Result<(), Unverified>;

    /// What a verified notice says; nothing where it only asks whether we listen.
    ///
    /// # Errors
    /// What does not follow the system's contract. It stays kept, for a person to look at.
    fn read(&self, inbound: &Inbound) -> Result<Vec<Told>, Unreadable>;

    /// The next step towards a thing that is only known by name, after the bodies of the `answers` so far.
    ///
    /// # Errors
    /// An answer that does not follow the system's contract.
    fn fetch(&self, _entity: &Entity, _answers: &[Vec<u8>]) -> Result<Step, Unreadable> {
        Err(Unreadable("this system's notices are whole".to_owned()))
    }

    /// Whether the system must be asked for what changed: it tells nobody.
    fn polls(&self) -> bool {
        false
    }

    /// The next step towards what changed since `cursor`, which an earlier call of this gave; without one, from now on or from the beginning, as the system allows.
    ///
    /// # Errors
    /// An answer that does not follow the system's contract.
    fn changes(&self, _cursor: Option<&str>, _answers: &[Vec<u8>], _now: DateTime<Utc>) -> Result<Changes, Unreadable> {
        Err(Unreadable("this system is not asked".to_owned()))
    }

    /// What to ask for a new access token; `None` where tokens do not end.
    fn renewal(&self) -> Option<Ask> {
        None
    }

    /// The credentials with the tokens of an answer to [`Connector::renewal`].
    ///
    /// # Errors
    /// An answer that does not follow the system's contract.
    fn renewed(&self, _answer: &[u8], _now: DateTime<Utc>) -> Result<ConnectionCredentials, Unreadable> {
        Err(Unreadable("this system's tokens do not end".to_owned()))
    }

    /// What an answer that is not a success means.
    fn trouble(&self, answer: &Answer) -> Trouble {
        match answer.status {
            401 => Trouble::Expired,
            404 | 410 => Trouble::Gone,
            408 | 425 | 429 | 500..=599 => Trouble::Later(answer.summary(), answer.retry_after),
            _ => Trouble::Refused(answer.summary()),
        }
    }
}

/// One thing that a system tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The same for every copy of it, and for nothing else of this connection: the event's id, else what it is about and when it changed. At most 200 characters.
    pub key: String,
    /// What it says.
    pub what: What,
}

/// What a system tells of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// All of it.
    Whole(Box<Snapshot>),
    /// That it changed: ask for it.
    Changed(Entity),
    /// That it was deleted there: it is withdrawn here.
    Deleted(Deleted),
    /// Nothing that matters here, and why.
    Nothing(String),
}

/// A document as its system has it now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The system's name for it: unique among its documents of the kind, at most 180 characters.
    pub external_id: String,
    /// What it says.
    pub document: SourceInvoice,
}

/// A document that is no longer there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// What it was.
    pub kind: SourceKind,
    /// The system's name for it.
    pub external_id: String,
    /// When, if the system says.
    pub at: Option<DateTime<Utc>>,
}

/// A thing by the system's name for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entity {
    /// Which kind of thing, in the adapter's own word: `invoice`, `credit_note`, `payment`.
    pub kind: String,
    /// Its id there.
    pub id: String,
}

/// A request to make. It carries secrets: never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Ask {
    /// How.
    pub method: Method,
    /// Where, by [`Access::url`].
    pub url: String,
    /// Header fields, the authorization among them.
    pub headers: Vec<(&'static str, String)>,
    /// The body, its media type among the headers.
    pub body: Option<String>,
}

impl Ask {
    /// A GET that carries the access token as a bearer, and wants JSON.
    pub fn get(url: String, access: &Access) -> Self {
        let token = access.credentials.access_token.as_deref().unwrap_or_default();
        let headers = vec![("authorization", format!("Bearer {token}")), ("accept", "application/json".to_owned())];
        Self { method: Method::GET, url, headers, body: None }
    }
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ask({})", self.method)
    }
}

/// A step towards a thing. At most five requests are made for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// One more request is needed.
    Ask(Ask),
    /// This is it, with whatever else came along.
    Whole(Vec<Snapshot>),
    /// It was deleted there.
    Deleted(Deleted),
    /// There are other things to look at instead: the invoices that a payment settles.
    Others(Vec<Entity>),
    /// Nothing that matters here, and why: a draft, a bill of a supplier.
    Nothing(String),
}

/// A step towards what changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// One more request is needed.
    Ask(Ask),
    /// What changed up to `cursor`, from which the next call goes on.
    Found {
        /// In the order of their changes.
        told: Vec<Told>,
        /// Kept in the transaction that keeps what was told.
        cursor: String,
        /// Whether there is more at once.
        more: bool,
    },
}

/// Why a request did not bring what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The access token is not, or no longer, good: renewed once, then it is a refusal.
    Expired,
    /// There is no such thing any more.
    Gone,
    /// It will be refused again: a right is missing, or the request is wrong.
    Refused(String),
    /// Not now: too many requests, or the system fails; and how long it wants to be left alone.
    Later(String, Option<Duration>),
}

/// The adapter of a connection.
///
/// # Errors
/// Settings or credentials that the system cannot do without, with pointers under `/settings` and `/credentials`.
pub fn open(system: System, access: Access) -> Result<Box<dyn Connector>, Faults> {
    Ok(match system {
        System::Odoo => Box::new(odoo::Odoo::open(access)?),
        System::Pennylane => Box::new(pennylane::Pennylane::open(access)?),
        System::Quickbooks => Box::new(quickbooks::QuickBooks::open(access)?),
        System::SageAccounting => Box::new(sage_accounting::SageAccounting::open(access)?),
        System::SageIntacct => Box::new(sage_intacct::SageIntacct::open(access)?),
        System::Stripe => Box::new(stripe::Stripe::open(access)?),
        System::Xero => Box::new(xero::Xero::open(access)?),
    })
}

/// What to do in the system so that its notices arrive, a sentence each; `{url}` stands for the connection's own address.
pub const fn setup_steps(system: System) -> &'static [&'static str] {
    match system {
        System::Odoo => odoo::STEPS,
        System::Pennylane => pennylane::STEPS,
        System::Quickbooks => quickbooks::STEPS,
        System::SageAccounting => sage_accounting::STEPS,
        System::SageIntacct => sage_intacct::STEPS,
        System::Stripe => stripe::STEPS,
        System::Xero => xero::STEPS,
    }
}

/// A text in what [`exact_json`](crate::domain::push::exact_json) read, by JSON pointer; none when it is empty or no text.
pub fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// The same, at most `most` characters of it.
pub fn short(value: &Value, pointer: &str, most: usize) -> Option<String> {
    text(value, pointer).map(|text| text.chars().filter(|one| !one.is_control()).take(most).collect())
}

/// The same, where the system's contract has one.
///
/// # Errors
/// [`Unreadable`], naming the place.
pub fn needed<'a>(value: &'a Value, pointer: &str) -> Result<&'a str, Unreadable> {
    text(value, pointer).ok_or_else(|| Unreadable(format!("{pointer} is missing or no text")))
}
