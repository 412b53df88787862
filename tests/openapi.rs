//! The published document: what every operation owes its reader, and that it is the one committed.

use std::collections::BTreeSet;

use relance::{
    domain::access::Scope,
    http::{self, Contract, codes},
};
use serde_json::{Value, json};

/// The operations that anybody may call. A new one here is a decision.
const PUBLIC: &[&str] = &[
    "downloadLinkedDocument",
    "getErrorCode",
    "getLiveness",
    "getMetrics",
    "getReadiness",
    "listErrorCodes",
    "receiveNotice",
    "receiveReceipt",
    "receiveReceiptByGet",
    "reportLeakedKey",
    "showUnsubscribePage",
    "unsubscribeAddress",
];

/// Scopes that keys can hold before any operation asks for them.
const UNUSED_SCOPES: &[Scope] = &[
    Scope::CustomersRead,
    Scope::CustomersWrite,
    Scope::InvoicesRead,
    Scope::InvoicesWrite,
    Scope::PaymentsRead,
    Scope::PaymentsWrite,
    Scope::PoliciesRead,
    Scope::PoliciesWrite,
    Scope::TemplatesRead,
    Scope::TemplatesWrite,
    Scope::ProvidersRead,
    Scope::ProvidersWrite,
    Scope::SuppressionsRead,
    Scope::SuppressionsWrite,
    Scope::EvidenceRead,
];

#[test]
fn the_committed_document_is_the_one_served() {
    let served = serde_json::to_string_pretty(&http::document()).unwrap() + "\n";
    let committed = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/openapi.json")).unwrap_or_default();
    assert!(served == committed, "openapi/openapi.json is not what the server serves; write it anew: make openapi");
}

#[test]
fn every_operation_introduces_itself() {
    let document = http::document();
    let tags: BTreeSet<&str> = list(&document["tags"]).iter().map(|tag| text(&tag["name"])).collect();
    let mut faults = Faults::default();
    let mut seen = BTreeSet::new();
    for operation in operations(&document) {
        let id = text(&operation.value["operationId"]);
        faults.unless(is_camel_case(id), &operation, "operationId is not camelCase");
        faults.unless(seen.insert(id.to_owned()), &operation, "operationId is not unique");
        let own: Vec<&str> = list(&operation.value["tags"]).iter().map(text).collect();
        faults.unless(own.len() == 1 && own.iter().all(|tag| tags.contains(tag)), &operation, "wants one declared tag");
        let (summary, description) = (text(&operation.value["summary"]), text(&operation.value["description"]));
        faults.unless(
            (4..=80).contains(&summary.len()) && !summary.ends_with('.'),
            &operation,
            "wants a summary: 4 to 80 letters, no full stop",
        );
        faults.unless(description.ends_with('.'), &operation, "wants a description in sentences");
        faults.unless(is_kebab_path(&operation.path), &operation, "path is not kebab-case under /v1");
        let declared: BTreeSet<&str> =
            list(&operation.value["parameters"]).iter().filter(|one| one["in"] == "path").map(|one| text(&one["name"])).collect();
        let named: BTreeSet<&str> = operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        faults.unless(declared == named, &operation, "path parameters and declaration differ");
        for parameter in list(&operation.value["parameters"]) {
            faults.unless(!text(&parameter["description"]).is_empty(), &operation, &format!("{} has no description", parameter["name"]));
        }
    }
    faults.assert_none();
}

#[test]
fn every_operation_names_one_scope_or_is_known_to_be_public() {
    let document = http::document();
    let mut faults = Faults::default();
    let mut used = BTreeSet::new();
    for operation in operations(&document) {
        let id = text(&operation.value["operationId"]);
        let ways = list(&operation.value["security"]);
        if PUBLIC.contains(&id) {
            faults.unless(ways.is_empty(), &operation, "is listed as public and is not");
            continue;
        }
        let of_page = &operation.value["security"][0]["publishable_key"][0];
        let scope = text(if of_page.is_null() { &operation.value["security"][0]["api_key"][0] } else { of_page });
        match scope.parse::<Scope>() {
            Ok(scope) => drop(used.insert(scope)),
            Err(_) => faults.unless(false, &operation, "names no scope, and is not listed as public"),
        }
        let expected = match scope.parse() {
            Ok(Scope::DebtorRead) => json!([{"publishable_key": [scope]}]),
            _ => json!([{"api_key": [scope]}, {"token": [scope]}, {"identity_token": [scope], "tenant": []}]),
        };
        faults.unless(operation.value["security"] == expected, &operation, "wants every way of authenticating with the same single scope");
    }
    faults.assert_none();
    let idle: Vec<&Scope> = Scope::ALL.iter().filter(|scope| !used.contains(*scope) && !UNUSED_SCOPES.contains(scope)).collect();
    assert!(idle.is_empty(), "no operation asks for {idle:?}");
}

#[test]
fn every_answer_is_described() {
    let document = http::document();
    let responses = &document["components"]["responses"];
    let mut faults = Faults::default();
    for operation in operations(&document) {
        let answers = operation.value["responses"].as_object().unwrap();
        let good: Vec<_> = answers.iter().filter(|(status, _)| status.starts_with('2')).collect();
        faults.unless(!good.is_empty(), &operation, "describes no success");
        for (status, answer) in good {
            let described = answer["content"].as_object().is_some_and(|content| content.values().all(|media| !media["schema"].is_null()));
            faults.unless(described || status == "204", &operation, &format!("{status} has no schema"));
        }
        for (status, answer) in answers.iter().filter(|(status, _)| status.starts_with(['4', '5'])) {
            let name = text(&answer["$ref"]).rsplit('/').next().unwrap_or_default();
            faults.unless(name == format!("Problem{status}"), &operation, &format!("{status} is not the common problem"));
            let described = &responses[name]["content"]["application/problem+json"];
            for one in codes().filter(|one| one.status.to_string() == *status) {
                let example = &described["examples"][one.code]["value"];
                faults.unless(
                    example["code"] == one.code && example["status"] == one.status,
                    &operation,
                    &format!("{status} has no example of {}", one.code),
                );
            }
        }
        let has = |status: &str| answers.contains_key(status);
        faults.unless(has("500") && has("503"), &operation, "hides 500 or 503");
        faults.unless(
            list(&operation.value["security"]).is_empty() != (has("401") && has("403")),
            &operation,
            "401 and 403 do not fit its scope",
        );
        faults.unless(!operation.path.contains('{') || has("404"), &operation, "names something and hides 404");
    }
    faults.assert_none();
}

#[test]
fn every_body_has_an_example_that_passes_the_contract() {
    let document = http::document();
    let contract = Contract::compile(&document).unwrap();
    let mut faults = Faults::default();
    for operation in operations(&document) {
        let media = &operation.value["requestBody"]["content"]["application/json"];
        if media.is_null() {
            continue;
        }
        let Some(example) = example(&document, media) else {
            faults.unless(false, &operation, "has a body without an example");
            continue;
        };
        let compiled = contract.operation(&operation.method.to_uppercase(), &operation.path).unwrap();
        if let Err(wrong) = compiled.check_body(example) {
            faults.unless(false, &operation, &format!("its own example does not pass: {wrong:?}"));
        }
    }
    faults.assert_none();
}

#[test]
fn every_shape_is_bounded_and_explained() {
    let document = http::document();
    let mut faults = Vec::new();
    let mut asked = BTreeSet::new();
    for operation in operations(&document) {
        reach(&document, &operation.value["requestBody"], &mut asked);
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let is_request = asked.contains(name.as_str());
        bounds(&document, schema, name, is_request, &mut faults);
    }
    for operation in operations(&document) {
        for parameter in list(&operation.value["parameters"]) {
            bounds(&document, &parameter["schema"], &format!("{} {}", operation.path, parameter["name"]), true, &mut faults);
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_view_says_what_it_is() {
    let document = http::document();
    let mut faults = Vec::new();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let object = &schema["properties"]["object"];
        let word = object["example"].as_str().or_else(|| object["enum"][0].as_str());
        if !object.is_null() && word.is_none_or(|word| !text(&object["description"]).contains(&format!("`{word}`"))) {
            faults.push(format!("{name}: `object` wants its word as example, and in its description"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// One operation of the document.
struct Operation<'a> {
    method: String,
    path: String,
    value: &'a Value,
}

#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn unless(&mut self, holds: bool, operation: &Operation<'_>, fault: &str) {
        if !holds {
            self.0.push(format!("{} {}: {fault}", operation.method, operation.path));
        }
    }

    fn assert_none(&self) {
        assert!(self.0.is_empty(), "{}", self.0.join("\n"));
    }
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() > 5);
    paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, value)| Operation { method: method.clone(), path: path.clone(), value })
        })
        .collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    schema["$ref"].as_str().and_then(|target| document.pointer(target.trim_start_matches('#'))).unwrap_or(schema)
}

/// The example of a body, at the media type or at its schema.
fn example<'a>(document: &'a Value, media: &'a Value) -> Option<&'a Value> {
    let schema = resolve(document, &media["schema"]);
    [&media["example"], &schema["example"], &schema["examples"][0]].into_iter().find(|found| !found.is_null())
}

/// The names of the schemas that can be reached from here.
fn reach<'a>(document: &'a Value, value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(map) => {
            if let Some(name) = map.get("$ref").and_then(|target| target.as_str()?.strip_prefix("#/components/schemas/"))
                && found.insert(name)
            {
                reach(document, &document["components"]["schemas"][name], found);
            }
            map.iter().filter(|(key, _)| *key != "example").for_each(|(_, inner)| reach(document, inner, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| reach(document, inner, found)),
        _ => {}
    }
}

fn is_type(schema: &Value, kind: &str) -> bool {
    schema["type"] == kind || list(&schema["type"]).iter().any(|one| one == kind)
}

/// What a shape lacks: bounds everywhere, closedness in requests, words for people.
fn bounds(document: &Value, schema: &Value, place: &str, is_request: bool, faults: &mut Vec<String>) {
    if !schema.is_object() {
        return;
    }
    let has = |names: &[&str]| names.iter().any(|name| !schema[*name].is_null());
    // Of one length: `^[0-9a-f]{64}$`.
    let fixed = schema["pattern"]
        .as_str()
        .is_some_and(|pattern| pattern.starts_with('^') && pattern.ends_with("}$") && !pattern.contains(['*', '+']));
    if is_type(schema, "string") && !fixed && !has(&["maxLength", "enum", "const", "format"]) {
        faults.push(format!("{place}: a string without max_length"));
    }
    if is_type(schema, "array") && !has(&["maxItems"]) {
        faults.push(format!("{place}: an array without max_items"));
    }
    if is_request && (is_type(schema, "integer") || is_type(schema, "number")) && !(has(&["minimum"]) && has(&["maximum"])) {
        faults.push(format!("{place}: a number without minimum and maximum"));
    }
    if is_type(schema, "object") && is_request {
        let properties = schema["properties"].as_object();
        let is_alternative = properties.is_some_and(|all| all.values().any(|property| list(&property["enum"]).len() == 1));
        // A batch takes any object, and holds each to its schema alone.
        let is_anything = properties.is_none() && text(&schema["description"]).starts_with("Anything else");
        let is_map = schema["additionalProperties"].is_object() && has(&["maxProperties", "propertyNames"]);
        let open = is_map || is_alternative || is_anything;
        if schema["additionalProperties"] != json!(false) && !open {
            faults.push(format!("{place}: an object that takes unknown fields (deny_unknown_fields), or a map without a most"));
        }
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let place = format!("{place}.{name}");
        // The word that tells one alternative from the others explains itself.
        let is_tag = list(&property["enum"]).len() == 1;
        let explained = is_tag
            || [property, &property["oneOf"][0], resolve(document, property)].iter().any(|one| !text(&one["description"]).is_empty());
        if !explained {
            faults.push(format!("{place}: no description"));
        }
        if name.chars().any(|letter| !letter.is_ascii_lowercase() && !letter.is_ascii_digit() && letter != '_') {
            faults.push(format!("{place}: not snake_case"));
        }
        bounds(document, property, &place, is_request, faults);
    }
    for inner in ["items", "additionalProperties"] {
        let items = &schema[inner];
        if is_request || !is_type(items, "string") {
            bounds(document, items, &format!("{place}[]"), is_request, faults);
        }
    }
    for alternatives in ["oneOf", "anyOf"] {
        for one in list(&schema[alternatives]) {
            bounds(document, one, place, is_request, faults);
        }
    }
    // The parts of a whole are closed by the whole, not each for itself.
    for one in list(&schema["allOf"]) {
        bounds(document, one, place, false, faults);
    }
}

fn is_camel_case(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(char::is_alphanumeric)
        && name.contains(char::is_uppercase)
}

fn is_kebab_path(path: &str) -> bool {
    let plain = |part: &str| part.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-');
    let named =
        |part: &str| part.strip_prefix('{').and_then(|part| part.strip_suffix('}')).is_some_and(|name| plain(&name.replace('_', "-")));
    let health = ["/livez", "/readyz", "/metrics"].contains(&path);
    (path.starts_with("/v1/") || health) && path.split('/').skip(1).all(|part| !part.is_empty() && (plain(part) || named(part)))
}
