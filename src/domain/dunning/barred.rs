//! Addresses that are not written to, and why: what the next in line, or the next channel, is tried for.

use chrono::{DateTime, Utc};

use crate::domain::contact::Channel;

crate::words! {
    /// Why a person's address on a channel is not written to.
    pub enum Bar {
        /// It is suppressed.
        Suppressed = "suppressed",
        /// It is a number of a country to which the creditor sends no text messages.
        TextCountry = "text_country",
        /// It is a number at which no text message arrives.
        TextLine = "text_line",
    }
}

/// An address that is not written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Barred {
    /// On which channel.
    pub channel: Channel,
    /// Why.
    pub bar: Bar,
    /// Since when, if that was written down.
    pub since: Option<DateTime<Utc>>,
    /// The reason, and where it is known from, if that was written down.
    pub source: Option<String>,
}
