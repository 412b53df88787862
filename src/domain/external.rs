//! Names that another system gave to our things, and what it wants kept beside them.
//!
//! Invariant: a [`ExternalKey`] names at most one thing of a kind in a tenant's partition.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, schema::Type};

use super::invalid::Faults;

/// A thing by the name that another system gave it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"source": "sage", "external_id": "C-1001"}))]
pub struct ExternalKey {
    /// The other system.
    #[schema(min_length = 1, max_length = 50, pattern = "^[A-Za-z0-9_.-]+$", example = "sage")]
    pub source: String,
    /// Its name for the thing.
    #[schema(min_length = 1, max_length = 200, example = "C-1001")]
    pub external_id: String,
}

impl ExternalKey {
    /// The key of a request that may have none.
    pub fn of(source: Option<&str>, external_id: Option<&str>) -> Option<Self> {
        Some(Self { source: source?.to_owned(), external_id: external_id?.to_owned() })
    }

    /// A key from two parts of a path, under the bounds of the schema.
    ///
    /// # Errors
    /// Every part that is out of bounds.
    pub fn from_path(source: &str, external_id: &str) -> Result<Self, Faults> {
        let mut faults = Faults::none();
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '-');
        if source.is_empty() || source.len() > 50 || !source.chars().all(allowed) {
            faults.add("path", "wrong_format", "source: 1 to 50 letters, digits, dots, hyphens or underscores");
        }
        if external_id.is_empty() || external_id.chars().count() > 200 || external_id.chars().any(char::is_control) {
            faults.add("path", "wrong_format", "external_id: 1 to 200 characters");
        }
        faults.or(Self { source: source.to_owned(), external_id: external_id.to_owned() })
    }
}

/// A source without a name in it says nothing, and the reverse.
pub fn check(source: Option<&str>, external_id: Option<&str>, faults: &mut Faults) {
    match (source, external_id) {
        (Some(_), None) => faults.add("/external_id", "required", "external_id is required beside source"),
        (None, Some(_)) => faults.add("/source", "required", "source is required beside external_id"),
        _ => {}
    }
}

/// The names that each source gave, so that one look-up serves them all.
pub fn by_source(keys: &[ExternalKey]) -> BTreeMap<&str, Vec<&str>> {
    let mut sources = BTreeMap::<&str, Vec<&str>>::new();
    for key in keys {
        sources.entry(&key.source).or_default().push(&key.external_id);
    }
    sources
}

/// Up to 50 pairs of short texts, kept and given back as they came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pairs(pub BTreeMap<String, String>);

impl utoipa::PartialSchema for Pairs {
    fn schema() -> RefOr<Schema> {
        let text = |max: usize| ObjectBuilder::new().schema_type(Type::String).max_length(Some(max));
        ObjectBuilder::new()
            .description(Some("Up to 50 pairs: names of 1 to 40 characters, texts of up to 500."))
            .property_names(Some(Schema::Object(text(40).min_length(Some(1)).build())))
            .additional_properties(Some(Schema::Object(text(500).build())))
            .max_properties(Some(50))
            .examples([serde_json::json!({"siren": "732829320"})])
            .into()
    }
}
impl ToSchema for Pairs {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_keeps_to_the_bounds_of_the_schema() {
        assert!(ExternalKey::from_path("sage", "C/1 é").is_ok());
        assert_eq!(ExternalKey::from_path("sa ge", "").map_err(|faults| faults.0.len()), Err(2));
    }
}
