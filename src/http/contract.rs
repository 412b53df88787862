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

use actix_web::web::Bytes;
use chrono::NaiveDate;
use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::domain::{invalid::Faults, schema::describe};

const DOCUMENT: &str = "urn:relance:openapi";

/// Every operation by its method and path template.
#[derive(Debug)]
pub struct Contract {
    /// The document, as JSON.
    pub text: Bytes,
    /// The same in OpenAPI 3.0.3, for generators that do not read 3.1.
    pub older_text: Bytes,
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
    /// What this very program serves.
    ///
    /// # Errors
    /// As [`Contract::compile`].
    pub fn published() -> Result<Self, String> {
        Self::compile(&super::document())
    }

    /// Compiles a document.
    ///
    /// # Errors
    /// The first thing in it that cannot be enforced, by operation.
    pub fn compile(document: &Value) -> Result<Self, String> {
        let registry = jsonschema::Registry::new()
            .add(DOCUMENT, json!({"components": {"schemas": shapes(document)}}))
            .and_then(|registry| registry.prepare())
            .map_err(|error| format!("the OpenAPI document does not resolve: {error}"))?;
        let build = |schema: &Value, place: &str| {
            let validator = jsonschema::options()
                .with_draft(jsonschema::Draft::Draft202012)
                .should_validate_formats(true)
                .should_ignore_unknown_formats(true)
                .with_registry(&registry)
                .build(&bare(schema))
                .map_err(|error| format!("{place}: {error}"))?;
            Ok::<_, String>(Shape { validator, schema: bare(resolved(document, schema)) })
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
        let (text, older_text) = (document.to_string().into(), super::older(document).to_string().into());
        Ok(Self { text, older_text, operations, methods })
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

/// What says what a schema is about, and nothing of what it allows.
const PROSE: [&str; 5] = ["title", "description", "example", "examples", "deprecated"];

/// The shapes that have a name.
fn shapes(document: &Value) -> Map<String, Value> {
    let named = document.pointer("/components/schemas").and_then(Value::as_object).into_iter().flatten();
    named.map(|(name, schema)| (name.clone(), bare(schema))).collect()
}

/// A schema as it is enforced: without its prose, which is most of it, and with references that resolve from anywhere.
fn bare(schema: &Value) -> Value {
    match schema {
        Value::Object(map) => map.iter().filter(|(key, _)| !PROSE.contains(&key.as_str())).map(enforced).collect(),
        Value::Array(items) => items.iter().map(bare).collect(),
        other => other.clone(),
    }
}

/// One keyword of a schema. What is below `properties` are names, whatever they are; what is given as a value is no schema.
fn enforced((key, value): (&String, &Value)) -> (String, Value) {
    let value = match (key.as_str(), value) {
        ("$ref", Value::String(target)) if target.starts_with('#') => json!(format!("{DOCUMENT}{target}")),
        ("properties" | "patternProperties", Value::Object(map)) => map.iter().map(|(name, schema)| (name.clone(), bare(schema))).collect(),
        ("const" | "enum" | "default", value) => value.clone(),
        (_, value) => bare(value),
    };
    (key.clone(), value)
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
