//! Erasure: the request that destroys what opens personal data, and the entry that it leaves behind.
//!
//! Not here: whether the law allows it; the caller answers for that, by name. Invariant: an erasure is itself in the journal, and names
//! the entry and the fields, never their values.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::entry::Entry;
use crate::domain::invalid::Faults;

/// The kind of the entry that an erasure leaves. Its subject is the entry that lost something, its `fields` say what.
pub const ERASED: &str = "evidence.erased";

crate::words! {
    /// Why personal data was erased. A closed list, because a free text could itself name the person.
    pub enum ErasureReason {
        /// The person asked for it (GDPR, Article 17).
        PersonAsked = "person_asked",
        /// The time for which it may be kept has passed.
        RetentionEnded = "retention_ended",
        /// It should never have been recorded.
        RecordedByMistake = "recorded_by_mistake",
        /// A court or an authority ordered it.
        Ordered = "ordered",
    }
}

/// What to erase, and why.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"fields": ["recipient_email"], "reason": "person_asked"}))]
pub struct Erasure {
    /// The fields to close for good; all of the entry's when absent.
    #[serde(default)]
    #[schema(schema_with = field_names)]
    pub fields: Option<Vec<String>>,
    /// Why.
    pub reason: ErasureReason,
}

fn field_names() -> utoipa::openapi::schema::Array {
    use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};
    let field = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(64));
    ArrayBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Array, Type::Null]))
        .description(Some("The fields to close for good; all of the entry's when absent."))
        .items(field)
        .min_items(Some(1))
        .max_items(Some(64))
        .build()
}

/// The body of the entry that an erasure leaves.
pub fn body(fields: &[String], reason: ErasureReason) -> Value {
    json!({ "fields": fields, "reason": reason })
}

/// The fields that such an entry names.
pub fn fields_of(erasure: &Entry) -> impl Iterator<Item = &str> {
    erasure.body.get("fields").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Checks that the entry committed to every field that is named.
pub fn check(erasure: &Erasure, entry: &Entry) -> Faults {
    let mut faults = Faults::none();
    for (n, field) in erasure.fields.iter().flatten().enumerate() {
        if !entry.commitments.iter().any(|commitment| commitment.field == *field) {
            let known: Vec<&str> = entry.commitments.iter().map(|commitment| commitment.field.as_str()).collect();
            let detail = format!(
                "the entry committed to no field of this name; it has {}",
                if known.is_empty() { "none".to_owned() } else { known.join(", ") }
            );
            faults.add(format!("/fields/{n}"), "unknown_value", detail);
        }
    }
    faults
}
