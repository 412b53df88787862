//! Addresses that must not be written to.
//!
//! Not here: people who opted out of one channel, which stands on the contact. Invariant: an [`Address`] is in the one spelling in which
//! suppressions are kept and compared, so that `Ann@Example.com` cannot slip past `ann@example.com`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    contact::{Channel, Email, Phone},
    delivery::SuppressionReason,
    invalid::Faults,
};

/// An address as suppressions compare it: e-mail in small letters, numbers in E.164 form.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(String);

impl Address {
    /// Reads an address of a channel.
    ///
    /// # Errors
    /// Every fault, with pointers into a [`NewSuppression`].
    pub fn read(channel: Channel, text: &str) -> Result<Self, Faults> {
        let wrong = |detail| Faults::one("/address", "wrong_format", detail);
        match channel {
            Channel::Email => text.parse::<Email>().map(|email| Self::from(&email)).map_err(wrong),
            Channel::Sms => text.parse::<Phone>().map(|phone| Self::from(&phone)).map_err(wrong),
            Channel::Call | Channel::Visit | Channel::Letter => Err(Faults::one(
                "/channel",
                "not_sent",
                format!("a {channel} is made by a person and knows no suppression; opt the contact out of the channel instead"),
            )),
        }
    }

    /// The spelling that a search for `text` looks for: what is no address of any channel is simply not found.
    pub fn searched(text: &str) -> Self {
        let read = [Channel::Email, Channel::Sms].into_iter().find_map(|channel| Self::read(channel, text).ok());
        read.unwrap_or_else(|| Self(text.to_owned()))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&Email> for Address {
    /// RFC 5321 lets the local part tell large letters from small ones; no debtor does.
    fn from(email: &Email) -> Self {
        Self(email.as_str().to_ascii_lowercase())
    }
}

impl From<&Phone> for Address {
    fn from(phone: &Phone) -> Self {
        Self(phone.as_str().to_owned())
    }
}

/// As it was kept; what comes from outside goes through [`Address::read`].
impl FromStr for Address {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Debtors' data never reaches logs.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(…)")
    }
}

/// An address to suppress.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"channel": "email", "address": "accounts@example.com", "reason": "unsubscribed", "source": "asked by telephone"}))]
pub struct NewSuppression {
    /// `email` or `sms`.
    pub channel: Channel,
    /// The e-mail address, or the number in E.164 form.
    #[schema(min_length = 3, max_length = 254, example = "accounts@example.com")]
    pub address: String,
    /// Why it must not be written to.
    pub reason: SuppressionReason,
    /// Where that is known from, for whoever reads it later. No personal data.
    #[schema(min_length = 1, max_length = 100, example = "asked by telephone")]
    pub source: String,
}

/// Debtors' data never reaches logs.
impl fmt::Debug for NewSuppression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSuppression").field("channel", &self.channel).field("reason", &self.reason).finish_non_exhaustive()
    }
}

/// Why an address may be written to again.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "the debtor asked for e-mail again, by letter of 3 March"}))]
pub struct Lift {
    /// Who allowed it, and how. No personal data.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_per_address() {
        let read = |channel, text| Address::read(channel, text).map(|address| address.to_string());
        assert_eq!(read(Channel::Email, " Ann@Example.COM "), Ok("ann@example.com".to_owned()));
        assert_eq!(read(Channel::Sms, "+33 6 12 34 56 78"), Ok("+33612345678".to_owned()));
        for (channel, text, pointer) in
            [(Channel::Email, "ann", "/address"), (Channel::Sms, "ann@example.com", "/address"), (Channel::Letter, "12 rue X", "/channel")]
        {
            assert_eq!(Address::read(channel, text).unwrap_err().0[0].pointer, pointer);
        }
        assert!(!format!("{:?}", Address::read(Channel::Email, "ann@example.com").unwrap()).contains("ann"));
    }
}
