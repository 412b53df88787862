//! Languages and countries, as far as decisions and texts depend on them.

use std::{fmt, str::FromStr};

crate::words! {
    /// A language that the built-in texts speak (ISO 639-1). A customer whose language is none of these is written to in the
    /// tenant's.
    pub enum Language {
        /// French.
        French = "fr",
        /// English.
        English = "en",
        /// Dutch.
        Dutch = "nl",
        /// German.
        German = "de",
    }
}

/// An ISO 3166-1 alpha-2 country: `FR`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Country([u8; 2]);

impl Country {
    /// The text: `FR`.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Country {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.as_bytes().first_chunk() {
            Some(letters) if text.len() == letters.len() && letters.iter().all(u8::is_ascii_uppercase) => Ok(Self(*letters)),
            _ => Err(format!("{text:?} is no country; write an ISO 3166-1 code such as FR")),
        }
    }
}
impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl serde::Serialize for Country {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}
impl<'de> serde::Deserialize<'de> for Country {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
impl utoipa::PartialSchema for Country {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("ISO 3166-1 country."))
            .pattern(Some("^[A-Z]{2}$"))
            .max_length(Some(2))
            .examples([serde_json::json!("FR")])
            .into()
    }
}
impl utoipa::ToSchema for Country {}

/// An ISO 3166-1 alpha-2 country, with an optional ISO 3166-2 subdivision: `FR`, `CA-QC`, `DE-BY`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Jurisdiction(String);

impl Jurisdiction {
    /// The text: `FR`, `CA-QC`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The country alone.
    pub fn country(&self) -> &str {
        self.0.get(..2).unwrap_or_default()
    }

    /// The country, for comparing.
    pub fn home(&self) -> Option<Country> {
        self.country().parse().ok()
    }

    /// The subdivision alone, if one is given.
    pub fn subdivision(&self) -> Option<&str> {
        self.0.get(3..)
    }
}

impl FromStr for Jurisdiction {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(2, '-');
        let country = parts.next().unwrap_or_default();
        let shaped = country.len() == 2
            && country.bytes().all(|letter| letter.is_ascii_uppercase())
            && parts.next().is_none_or(|part| {
                (1..=3).contains(&part.len()) && part.bytes().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit())
            });
        if shaped {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("{text:?} is no jurisdiction; write an ISO 3166 code such as FR, BE or CA-QC"))
        }
    }
}
impl fmt::Display for Jurisdiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl serde::Serialize for Jurisdiction {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}
impl<'de> serde::Deserialize<'de> for Jurisdiction {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
impl utoipa::PartialSchema for Jurisdiction {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("ISO 3166-1 country, or ISO 3166-2 subdivision where the law or the holidays differ."))
            .pattern(Some("^[A-Z]{2}(-[A-Z0-9]{1,3})?$"))
            .max_length(Some(6))
            .examples([serde_json::json!("FR")])
            .into()
    }
}
impl utoipa::ToSchema for Jurisdiction {}
