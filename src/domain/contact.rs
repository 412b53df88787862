//! How a person is reached: channels and addresses.
//!
//! Invariant: an [`Email`] or a [`Phone`] that exists is well formed and holds no control character.

use std::{fmt, str::FromStr};

use phonenumber::{Type, metadata::DATABASE};

use super::locale::Country;

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
        /// A letter: posted by a provider where the creditor has an account for it, else by a person, as a task.
        Letter = "letter",
    }
}

impl Channel {
    /// Whether a provider alone can carry it. A call and a visit are a person's, and a letter is either's.
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

crate::words! {
    /// What answers at a telephone number, as far as its country's numbering plan tells.
    pub enum Line {
        /// A mobile telephone.
        Mobile = "mobile",
        /// Mobile or fixed: the plan does not tell them apart.
        FixedOrMobile = "fixed_or_mobile",
        /// A fixed line.
        Fixed = "fixed",
        /// Dearer than a call, for whoever calls or writes.
        PremiumRate = "premium_rate",
        /// Of which both sides pay a part.
        SharedCost = "shared_cost",
        /// Anything else: free numbers, the internet's, pagers, companies' own.
        Other = "other",
    }
}

/// A telephone number in E.164 form: `+33612345678`. What its country's plan says of it is found out once, when it is read.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Phone {
    text: String,
    country: Option<Country>,
    line: Line,
}

impl Phone {
    /// The number, with its plus sign.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its country; none for a number of no country, such as a satellite's.
    pub const fn country(&self) -> Option<Country> {
        self.country
    }

    /// What answers there.
    pub const fn line(&self) -> Line {
        self.line
    }

    /// Whether text messages can arrive there.
    pub const fn takes_texts(&self) -> bool {
        matches!(self.line, Line::Mobile | Line::FixedOrMobile)
    }

    /// Why nobody should be reached at it: it costs whoever writes or calls more than a message is worth.
    pub const fn costly(&self) -> Option<&'static str> {
        match self.line {
            Line::PremiumRate => Some("a premium-rate number is nobody's to be reminded at; give the person's own number"),
            Line::SharedCost => Some("a shared-cost number is nobody's to be reminded at; give the person's own number"),
            Line::Mobile | Line::FixedOrMobile | Line::Fixed | Line::Other => None,
        }
    }
}

impl FromStr for Phone {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "not a telephone number; write it in E.164 form, such as +33612345678".to_owned();
        let number = phonenumber::parse(None, text).ok().filter(|_| text.trim_start().starts_with('+')).ok_or_else(wrong)?;
        let line = match number.number_type(&DATABASE) {
            Type::Unknown => return Err(wrong()),
            Type::Mobile => Line::Mobile,
            Type::FixedLineOrMobile => Line::FixedOrMobile,
            Type::FixedLine => Line::Fixed,
            Type::PremiumRate => Line::PremiumRate,
            Type::SharedCost => Line::SharedCost,
            _ => Line::Other,
        };
        let country = number.metadata(&DATABASE).and_then(|plan| plan.id().parse().ok());
        Ok(Self { text: number.format().mode(phonenumber::Mode::E164).to_string(), country, line })
    }
}

macro_rules! text_value {
    ($name:ident, $format:literal, $max:literal, $example:literal) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
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
                to.serialize_str(self.as_str())
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

    #[test]
    fn the_numbering_plan_says_where_and_what_a_number_is() {
        let read = |text: &str| {
            let phone: Phone = text.parse().unwrap();
            (phone.country().map(|country| country.to_string()).unwrap_or_default(), phone.line())
        };
        for (text, country, line) in [
            ("+33612345678", "FR", Line::Mobile),
            ("+33145678901", "FR", Line::Fixed),
            ("+33899701234", "FR", Line::PremiumRate),
            ("+33820201234", "FR", Line::SharedCost),
            ("+33805123456", "FR", Line::Other),
            ("+262692123456", "RE", Line::Mobile),
            ("+32470123456", "BE", Line::Mobile),
            ("+447400123456", "GB", Line::Mobile),
            ("+12015550123", "US", Line::FixedOrMobile),
            ("+15062345678", "CA", Line::FixedOrMobile),
            ("+881612345678", "", Line::Mobile),
        ] {
            assert_eq!(read(text), (country.to_owned(), line), "{text}");
        }
        let costly = |text: &str| text.parse::<Phone>().unwrap().costly().is_some();
        assert!(costly("+33899701234") && costly("+33820201234") && !costly("+33145678901"));
    }
}
