//! The published OpenAPI document, compiled into the gate that every request passes.
//!
//! For each operation: who may call it (its scope), which parameters it takes, what its body must look like. The document is the only source:
//! what it does not describe is refused, and every fault is named at once. Not here: rules that need the ledger.
//!
//! Invariant: an operation that is not in the document, or that names no scope and is not marked public, answers nobody.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use chrono::NaiveDate;
use jsonschema::{
    ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind},
};
use serde_json::{Map, Value, json};

use crate::domain::invalid::Faults;

const DOCUMENT: &str = "urn:relance:openapi";

/// Every operation by its method and path template.
#[derive(Debug)]
pub struct Contract {
    operations: HashMap<(String, String), Arc<Operation>>,
    methods: BTreeMap<String, Vec<String>>,
}

/// What one operation asks of a request.
#[derive(Debug)]
pub struct Operation {
    /// Its name, `createInvoice`.
    pub id: String,
    /// Its method, in capitals.
    pub method: String,
    /// Its path, with the names of what is to be filled in.
    pub path: String,
    /// The scope that a key must hold; `None` for what is open to all.
    pub scope: Option<String>,
    /// Whether its answers carry an entity tag.
    pub tagged: bool,
    /// Whether it can be held to an entity tag; if so, whether it must be.
    pub conditional: Option<bool>,
    /// Whether it is counted with the exports.
    pub heavy: bool,
    /// Since when it should no longer be used, and until when it can be.
    pub deprecation: Option<Deprecation>,
    body: Option<Shape>,
    query: Shape,
    headers: Vec<(String, Shape)>,
}

/// The end of an operation: `deprecated: true` with `x-deprecated-on` and, once it is known, `x-sunset-on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deprecation {
    /// The day from which on it should no longer be used.
    pub on: NaiveDate,
    /// The day from which on it may be gone.
    pub sunset: Option<NaiveDate>,
}

/// A compiled schema, and the schema itself for hints.
struct Shape {
    validator: Validator,
    schema: Value,
}

impl std::fmt::Debug for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.schema.fmt(f)
    }
}

impl Contract {
    /// Compiles the document.
    ///
    /// # Errors
    /// The first thing in it that cannot be enforced, by operation.
    pub fn compile(document: &Value) -> Result<Self, String> {
        let registry = jsonschema::Registry::new()
            .add(DOCUMENT, document.clone())
            .and_then(|registry| registry.prepare())
            .map_err(|error| format!("the OpenAPI document does not resolve: {error}"))?;
        let build = |schema: &Value, place: &str| {
            let validator = jsonschema::options()
                .with_draft(jsonschema::Draft::Draft202012)
                .should_validate_formats(true)
                .should_ignore_unknown_formats(true)
                .with_registry(&registry)
                .build(&absolute(schema))
                .map_err(|error| format!("{place}: {error}"))?;
            Ok::<_, String>(Shape { validator, schema: resolved(document, schema).clone() })
        };
        let mut operations = HashMap::new();
        let mut methods = BTreeMap::<String, Vec<String>>::new();
        for (path, item) in document.get("paths").and_then(Value::as_object).into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                let Some(id) = operation.get("operationId").and_then(Value::as_str) else { continue };
                let scope = scope_of(operation);
                let public = operation.get("security").and_then(Value::as_array).is_some_and(Vec::is_empty);
                if scope.is_none() && !public {
                    return Err(format!("{id}: no scope, and not marked public"));
                }
                let body =
                    operation.pointer("/requestBody/content/application~1json/schema").map(|schema| build(schema, id)).transpose()?;
                let query = build(&query_schema(operation), id)?;
                let headers = parameters(operation, "header")
                    .filter_map(|(name, parameter)| Some((name, parameter.get("schema")?)))
                    .map(|(name, schema)| Ok((name.to_owned(), build(schema, id)?)))
                    .collect::<Result<Vec<_>, String>>()?;
                let method = method.to_ascii_uppercase();
                methods.entry(path.clone()).or_default().push(method.clone());
                let compiled = Operation {
                    id: id.to_owned(),
                    method: method.clone(),
                    path: path.clone(),
                    scope,
                    tagged: answers_with(operation, "ETag"),
                    conditional: parameters(operation, "header").find(|(name, _)| *name == "If-Match").map(|(_, one)| is_required(one)),
                    heavy: operation.get("x-rate-limit").is_some_and(|policy| policy == "exports"),
                    deprecation: deprecation(operation).map_err(|wrong| format!("{id}: {wrong}"))?,
                    body,
                    query,
                    headers,
                };
                operations.insert((method, path.clone()), Arc::new(compiled));
            }
        }
        methods.values_mut().for_each(|list| list.sort());
        Ok(Self { operations, methods })
    }

    /// The operation that a matched route stands for.
    pub fn operation(&self, method: &str, template: &str) -> Option<&Arc<Operation>> {
        self.operations.get(&(method.to_owned(), template.to_owned()))
    }

    /// The methods of the path that is spelled like this, with nothing to be filled in.
    pub fn methods_exactly_at(&self, path: &str) -> Option<&[String]> {
        self.methods.get(path).map(Vec::as_slice)
    }

    /// The methods of the path that `path` matches, for a 405.
    pub fn methods_at(&self, path: &str) -> Option<&[String]> {
        self.methods.iter().find(|(template, _)| matches(template, path)).map(|(_, methods)| methods.as_slice())
    }
}

impl Operation {
    /// Whether a JSON body is described.
    pub const fn takes_body(&self) -> bool {
        self.body.is_some()
    }

    /// Checks a parsed body.
    ///
    /// # Errors
    /// Every fault, by JSON Pointer.
    pub fn check_body(&self, body: &Value) -> Result<(), Faults> {
        self.body.as_ref().map_or(Ok(()), |shape| shape.check(body, ""))
    }

    /// Checks those of the described headers that are given.
    ///
    /// # Errors
    /// Every fault, by `header/Name`.
    pub fn check_headers<'a>(&self, given: impl Fn(&str) -> Option<&'a str>) -> Result<(), Faults> {
        let mut faults = Faults::none();
        for (name, shape) in &self.headers {
            if let Some(Err(wrong)) = given(name).map(|text| shape.check(&json!(text), "")) {
                faults.nest(&format!("header/{name}"), wrong);
            }
        }
        faults.or(())
    }

    /// Turns a query string into an object of the described types.
    ///
    /// # Errors
    /// Every fault, by `?name`.
    pub fn check_query(&self, query: &str) -> Result<Value, Faults> {
        let mut object = Map::new();
        let mut faults = Faults::none();
        for (name, text) in url::form_urlencoded::parse(query.as_bytes()) {
            let schema = self.query.schema.pointer(&format!("/properties/{}", name.replace('~', "~0").replace('/', "~1")));
            if object.insert(name.to_string(), typed(schema, &text)).is_some() {
                faults.add(format!("?{name}"), "repeated", format!("{name} is given twice; give it once"));
            }
        }
        let object = Value::Object(object);
        if let Err(wrong) = self.query.check(&object, "?") {
            faults.nest("", wrong);
        }
        faults.or(object)
    }
}

impl Shape {
    fn check(&self, value: &Value, prefix: &str) -> Result<(), Faults> {
        if self.validator.is_valid(value) {
            return Ok(());
        }
        let mut faults = Faults::none();
        for error in self.validator.iter_errors(value) {
            describe(&error, &self.schema, prefix, &mut faults);
        }
        faults.or(())
    }
}

/// References inside the document, made absolute so that they resolve from anywhere.
fn absolute(schema: &Value) -> Value {
    match schema {
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, value)| match value.as_str().filter(|text| key == "$ref" && text.starts_with('#')) {
                    Some(local) => (key.clone(), json!(format!("{DOCUMENT}{local}"))),
                    None => (key.clone(), absolute(value)),
                })
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(absolute).collect()),
        other => other.clone(),
    }
}

/// The scope that the first way of authenticating names; it is the same for all.
fn scope_of(operation: &Value) -> Option<String> {
    let way = operation.pointer("/security/0")?.as_object()?;
    way.values().find_map(|scopes| scopes.get(0)?.as_str()).map(str::to_owned)
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    schema.get("$ref").and_then(Value::as_str).and_then(|target| document.pointer(target.trim_start_matches('#'))).unwrap_or(schema)
}

/// An operation's parameters of one place, by their names.
fn parameters<'a>(operation: &'a Value, place: &'static str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let all = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    all.filter(move |one| one.get("in").is_some_and(|named| named == place)).filter_map(|one| Some((one.get("name")?.as_str()?, one)))
}

fn is_required(parameter: &Value) -> bool {
    parameter.get("required") == Some(&json!(true))
}

/// Whether a good answer is described with this header.
fn answers_with(operation: &Value, header: &str) -> bool {
    let answers = operation.get("responses").and_then(Value::as_object).into_iter().flatten();
    answers
        .filter(|(status, _)| status.starts_with('2'))
        .any(|(_, answer)| answer.get("headers").is_some_and(|all| all.get(header).is_some()))
}

fn deprecation(operation: &Value) -> Result<Option<Deprecation>, String> {
    if operation.get("deprecated") != Some(&json!(true)) {
        return Ok(None);
    }
    let day = |name: &str| operation.get(name).map(|day| serde_json::from_value(day.clone()).map_err(|_| format!("{name} is no date")));
    let on = day("x-deprecated-on").transpose()?.ok_or("deprecated, and x-deprecated-on does not say since when")?;
    Ok(Some(Deprecation { on, sunset: day("x-sunset-on").transpose()? }))
}

fn query_schema(operation: &Value) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, parameter) in parameters(operation, "query") {
        properties.insert(name.to_owned(), parameter.get("schema").cloned().unwrap_or(json!(true)));
        if is_required(parameter) {
            required.push(json!(name));
        }
    }
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// A query parameter's text as the JSON that its schema means.
fn typed(schema: Option<&Value>, text: &str) -> Value {
    let is = |kind: &str| {
        schema
            .and_then(|schema| schema.get("type"))
            .is_some_and(|named| named == kind || named.as_array().is_some_and(|kinds| kinds.iter().any(|one| one == kind)))
    };
    if is("integer") {
        text.parse::<i64>().map_or_else(|_| json!(text), Value::from)
    } else if is("boolean") {
        text.parse::<bool>().map_or_else(|_| json!(text), Value::from)
    } else if is("array") {
        text.split(',').filter(|_| !text.is_empty()).map(Value::from).collect()
    } else {
        json!(text)
    }
}

fn matches(template: &str, path: &str) -> bool {
    let mut given = path.split('/');
    template.split('/').all(|part| given.next().is_some_and(|one| part == one || (part.starts_with('{') && !one.is_empty())))
        && given.next().is_none()
}

/// Words one fault for a person, and for a program.
fn describe(error: &ValidationError<'_>, schema: &Value, prefix: &str, faults: &mut Faults) {
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
