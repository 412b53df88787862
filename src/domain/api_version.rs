//! The dated versions of the API: an answer keeps to one, and so does what an endpoint is told.
//!
//! Within a version, things are only added. Not here: what one changes of another, for there has been one. Invariant: whoever asks for a version gets
//! one that was published.

use std::{borrow::Cow, fmt, str::FromStr};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// Those that were published, the newest first.
pub const VERSIONS: &[&str] = &["2026-11-22"];

/// A dated version, `2026-11-22`. One that is not known here stays what it is: it was pinned by a newer binary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApiVersion(Cow<'static, str>);

impl ApiVersion {
    /// The newest.
    pub fn newest() -> Self {
        Self(Cow::Borrowed(VERSIONS.first().copied().unwrap_or_default()))
    }

    /// The one that is asked for, or the newest where none is, or none that is known.
    pub fn asked(text: Option<&str>) -> Self {
        let known = VERSIONS.iter().find(|known| text == Some(**known));
        known.map_or_else(Self::newest, |known| Self(Cow::Borrowed(known)))
    }

    /// The date.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ApiVersion {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let day: NaiveDate = text.parse().map_err(|_| format!("not a dated version: {text}"))?;
        Ok(Self(Cow::Owned(day.to_string())))
    }
}

impl utoipa::PartialSchema for ApiVersion {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("A dated version of the API."))
            .enum_values(Some(VERSIONS.iter().copied()))
            .examples(VERSIONS.first().copied())
            .into()
    }
}
impl utoipa::ToSchema for ApiVersion {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_dates_and_the_newest_comes_first() {
        let days: Vec<NaiveDate> = VERSIONS.iter().map(|version| version.parse().unwrap()).collect();
        assert!(!days.is_empty() && days.is_sorted_by(|newer, older| newer > older));
        assert_eq!(ApiVersion::newest().as_str(), VERSIONS[0]);
    }

    #[test]
    fn what_is_asked_for_is_known_and_what_is_kept_is_a_date() {
        assert_eq!(ApiVersion::asked(None), ApiVersion::newest());
        assert_eq!(ApiVersion::asked(Some("2019-01-01")), ApiVersion::newest());
        assert!(VERSIONS.iter().all(|version| ApiVersion::asked(Some(version)).as_str() == *version));
        assert_eq!("2031-02-03".parse::<ApiVersion>().unwrap().to_string(), "2031-02-03");
        assert!("2031-02-30".parse::<ApiVersion>().is_err() && "newest".parse::<ApiVersion>().is_err());
    }
}
