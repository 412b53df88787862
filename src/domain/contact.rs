//! How a person is reached: channels and addresses.
//!
//! Invariant: an [`Email`] or a [`Phone`] that exists is well formed and holds no control character.

use std::{fmt, str::FromStr};

crate::words! {
    /// A way to reach a debtor.
    pub enum Channel {
        /// E-mail.
        Email = "email",
        /// Text message.
        Sms = "sms",
        /// A telephone call, made by a person: a task.
        Call = "call",
        /// A visit, made by a person: a task.
        Visit = "visit",
        /// A letter, posted by a person: a task.
        Letter = "letter",
    }
}

impl Channel {
    /// Whether a provider carries it; otherwise a person does, as a task.
    pub const fn is_sent(self) -> bool {
        matches!(self, Self::Email | Self::Sms)
    }
}

/// One e-mail address (RFC 5321 mailbox, without a display name).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Email(String);

impl Email {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let address = text.trim();
        let clean = address.len() <= 254 && address.is_ascii() && !address.bytes().any(|byte| byte.is_ascii_control() || byte == b' ');
        match (clean, address.parse::<lettre::Address>()) {
            (true, Ok(parsed)) if parsed.domain().contains('.') => {
                Ok(Self(format!("{}@{}", parsed.user(), parsed.domain().to_ascii_lowercase())))
            }
            _ => Err("not an e-mail address; write one mailbox such as accounts@example.com".to_owned()),
        }
    }
}

/// A telephone number in E.164 form: `+33612345678`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Phone(String);

impl Phone {
    /// The number, with its plus sign.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Phone {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match phonenumber::parse(None, text) {
            Ok(number) if text.trim_start().starts_with('+') && phonenumber::is_valid(&number) => {
                Ok(Self(number.format().mode(phonenumber::Mode::E164).to_string()))
            }
            _ => Err("not a telephone number; write it in E.164 form, such as +33612345678".to_owned()),
        }
    }
}

macro_rules! text_value {
    ($name:ident, $format:literal, $max:literal, $example:literal) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        /// Debtors' data never reaches logs, not even by way of `{:?}`.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.0)
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .format(Some(utoipa::openapi::SchemaFormat::Custom($format.to_owned())))
                    .max_length(Some($max))
                    .examples([serde_json::json!($example)])
                    .into()
            }
        }
        impl utoipa::ToSchema for $name {}
    };
}
text_value!(Email, "email", 254, "accounts@example.com");
text_value!(Phone, "e164", 20, "+33612345678");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_and_normalised() {
        assert_eq!("Ann@Example.COM".parse::<Email>().map(|email| email.to_string()), Ok("Ann@example.com".to_owned()));
        for wrong in ["", "ann", "a@b", "a b@example.com", "a@example.com\r\nBcc: b@example.com", "Ann <ann@example.com>"] {
            assert!(wrong.parse::<Email>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn numbers_are_e164() {
        assert_eq!("+33 6 12 34 56 78".parse::<Phone>().map(|phone| phone.to_string()), Ok("+33612345678".to_owned()));
        for wrong in ["", "0612345678", "+3361234", "+33612345678\n+33612345679x"] {
            assert!(wrong.parse::<Phone>().is_err(), "{wrong:?}");
        }
    }
}
