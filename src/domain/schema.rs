//! JSON held to a schema: every fault at once, each where it is, in words for a person and with a code for a program.
//!
//! Not here: where schemas come from. Invariant: what a schema refuses has at least one fault.

use jsonschema::{
    ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use serde_path_to_error::Segment;
use utoipa::ToSchema;

use super::invalid::Faults;

/// A shape of the documentation, compiled: what fits is of its type.
#[derive(Debug)]
pub struct Schema {
    validator: Validator,
    schema: Value,
}

impl Schema {
    /// The schema that documents `T`.
    ///
    /// # Errors
    /// What of it cannot be enforced.
    pub fn of<T: ToSchema>() -> Result<Self, String> {
        const DOCUMENT: &str = "urn:relance:shapes";
        let name = T::name();
        let mut shapes = vec![(name.to_string(), T::schema())];
        T::schemas(&mut shapes);
        let shapes: serde_json::Map<String, Value> = shapes
            .into_iter()
            .map(|(name, shape)| Ok((name, serde_json::to_value(shape)?)))
            .collect::<Result<_, serde_json::Error>>()
            .map_err(|error| error.to_string())?;
        let schema = shapes.get(name.as_ref()).cloned().unwrap_or_default();
        let document = json!({"components": {"schemas": shapes}});
        let registry = jsonschema::Registry::new()
            .add(DOCUMENT, document)
            .and_then(|registry| registry.prepare())
            .map_err(|error| format!("{name}: {error}"))?;
        let validator = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .should_validate_formats(true)
            .should_ignore_unknown_formats(true)
            .with_registry(&registry)
            .build(&json!({"$ref": format!("{DOCUMENT}#/components/schemas/{name}")}))
            .map_err(|error| format!("{name}: {error}"))?;
        Ok(Self { validator, schema })
    }

    /// A value as its type.
    ///
    /// # Errors
    /// Every fault.
    pub fn read<T: DeserializeOwned>(&self, value: Value) -> Result<T, Faults> {
        let mut faults = Faults::none();
        if !self.validator.is_valid(&value) {
            self.validator.iter_errors(&value).for_each(|error| describe(&error, &self.schema, "", &mut faults));
        }
        refuse_nul(&value, "", &mut faults);
        faults.or(())?;
        parsed(value)
    }
}

/// PostgreSQL keeps no NUL in a text, so nobody may send one.
pub fn refuse_nul(value: &Value, pointer: &str, faults: &mut Faults) {
    match value {
        Value::String(text) if text.contains('\0') => faults.add(pointer, "wrong_format", "must not contain the character NUL"),
        Value::Array(items) => items.iter().enumerate().for_each(|(n, item)| refuse_nul(item, &format!("{pointer}/{n}"), faults)),
        Value::Object(map) => map.iter().for_each(|(name, item)| refuse_nul(item, &format!("{pointer}/{name}"), faults)),
        _ => {}
    }
}

/// A value as a type. What fits the schema and not the type breaks a rule that a schema cannot say: such a telephone number has never been given out.
///
/// # Errors
/// Where, and what is wrong.
pub fn parsed<T: DeserializeOwned>(value: Value) -> Result<T, Faults> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let pointer = error.path().iter().fold(String::new(), |pointer, segment| match segment {
            Segment::Seq { index } => format!("{pointer}/{index}"),
            Segment::Map { key } => format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { .. } | Segment::Unknown => pointer,
        });
        Faults::one(pointer, "wrong_format", error.into_inner().to_string())
    })
}

/// Words one fault for a person, and for a program.
pub fn describe(error: &ValidationError<'_>, schema: &Value, prefix: &str, faults: &mut Faults) {
    let path = error.instance_path().to_string();
    let at = |extra: &str| match prefix {
        "?" => format!("?{}", format!("{path}{extra}").trim_start_matches('/')),
        _ => format!("{path}{extra}"),
    };
    let mut say = |pointer: String, code: &'static str, detail: String| faults.add(pointer, code, detail);
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            say(at(&format!("/{name}")), "required", format!("{name} is required"));
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            for name in unexpected {
                say(at(&format!("/{name}")), "unknown_field", unknown(name, error.instance(), schema));
            }
        }
        ValidationErrorKind::Type { kind } => {
            let wanted = match kind {
                TypeKind::Single(one) => one.to_string(),
                TypeKind::Multiple(many) => many.iter().map(|one| one.to_string()).collect::<Vec<_>>().join(" or "),
            };
            say(at(""), "wrong_type", format!("must be of type {wanted}"));
        }
        ValidationErrorKind::Enum { options } => {
            let known: Vec<String> = options.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
            let near = error.instance().as_str().and_then(|given| nearest(given, known.iter().map(String::as_str)));
            let listed = if known.len() <= 12 {
                format!("must be one of {}", known.join(", "))
            } else {
                "is not one of the values listed in the reference".to_owned()
            };
            say(at(""), "unknown_value", near.map_or(listed.clone(), |near| format!("{listed}; did you mean {near}?")));
        }
        ValidationErrorKind::MinLength { limit } => say(at(""), "too_short", format!("must have at least {limit} characters")),
        ValidationErrorKind::MaxLength { limit } => say(at(""), "too_long", format!("must have at most {limit} characters")),
        ValidationErrorKind::Minimum { limit } => say(at(""), "out_of_range", format!("must be at least {limit}")),
        ValidationErrorKind::Maximum { limit } => say(at(""), "out_of_range", format!("must be at most {limit}")),
        ValidationErrorKind::MinItems { limit } => say(at(""), "too_few", format!("must have at least {limit} items")),
        ValidationErrorKind::MaxItems { limit } => say(at(""), "too_many", format!("must have at most {limit} items")),
        ValidationErrorKind::MaxProperties { limit } => say(at(""), "too_many", format!("must have at most {limit} entries")),
        ValidationErrorKind::Pattern { pattern } => say(at(""), "wrong_format", format!("must match {pattern}")),
        ValidationErrorKind::Format { format } => say(at(""), "wrong_format", format!("must be a valid {format}")),
        ValidationErrorKind::UniqueItems => say(at(""), "repeated", "must not repeat an item".to_owned()),
        ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => match closest(context, error.instance())
        {
            Some(branch) => branch.iter().for_each(|inner| describe(inner, schema, prefix, faults)),
            None => say(at(""), "wrong_type", "matches none of the shapes described in the reference".to_owned()),
        },
        _ => say(at(""), "invalid", error.to_string()),
    }
}

/// Of the alternatives, the one that was most likely meant: not `null`, and with the fewest faults.
fn closest<'a>(alternatives: &'a [Vec<ValidationError<'static>>], instance: &Value) -> Option<&'a Vec<ValidationError<'static>>> {
    let top = |branch: &&Vec<ValidationError<'static>>| {
        branch.iter().any(|error| {
            matches!(error.kind(), ValidationErrorKind::Type { .. } | ValidationErrorKind::Constant { .. })
                && error.instance().as_ref() == instance
        })
    };
    alternatives
        .iter()
        .filter(|branch| !branch.is_empty() && !top(branch))
        .min_by_key(|branch| branch.len())
        .or_else(|| alternatives.iter().filter(|branch| !branch.is_empty()).max_by_key(|branch| branch.len()))
}

fn unknown(name: &str, parent: &Value, schema: &Value) -> String {
    let known = schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .filter(|known| parent.get(known).is_none());
    nearest(name, known)
        .map_or_else(|| format!("{name} is not known here"), |near| format!("{name} is not known here; did you mean {near}?"))
}

/// The known word that was most likely meant, if any is near.
pub fn nearest<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|word| (strsim::damerau_levenshtein(given, word), word))
        .filter(|(distance, word)| *distance <= 1 + word.len() / 4)
        .min()
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ledger::invoice::NewInvoice;

    #[test]
    fn every_fault_is_named_where_it_is() {
        let schema = Schema::of::<NewInvoice>().unwrap();
        let good = json!({"customer": {"source": "s", "external_id": "c"}, "number": "F-1", "issue_date": "2026-01-10", "currency": "EUR", "total": 5});
        assert_eq!(schema.read::<NewInvoice>(good.clone()).unwrap().number, "F-1");
        let mut bad = good;
        bad["customer"] = json!({"source": "a b"});
        bad["total"] = json!("5");
        bad["issue_date"] = json!("2026-02-30");
        bad["numbr"] = json!("F");
        let faults = schema.read::<NewInvoice>(bad).unwrap_err();
        let mut found: Vec<(&str, &str)> = faults.0.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect();
        found.sort_unstable();
        let expected = [
            ("/customer/external_id", "required"),
            ("/customer/source", "wrong_format"),
            ("/issue_date", "wrong_format"),
            ("/numbr", "unknown_field"),
            ("/total", "wrong_type"),
        ];
        assert_eq!(found, expected, "{faults}");
        assert_eq!(schema.read::<NewInvoice>(json!([1])).unwrap_err().0[0].code, "wrong_type");
    }
}
