//! The same document in OpenAPI 3.0.3, for generators that do not read 3.1.
//!
//! Derived, never edited: what 3.0 has another word for is said in that word, and what it cannot say is left out. So whatever the first
//! document allows, this one allows too; it is a description, and the gate stays the first.

use serde_json::{Map, Value, json};

/// Keywords of JSON Schema 2020-12 that 3.0 has no word for. Each only narrows, or explains.
const UNSAID: &[&str] = &[
    "$comment",
    "$defs",
    "$id",
    "$schema",
    "contains",
    "contentEncoding",
    "contentMediaType",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "if",
    "maxContains",
    "minContains",
    "patternProperties",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Says a 3.1 document in 3.0.3. What the webhooks receive stands under `x-webhooks`, an operation's scopes under `x-scopes`: 3.0 knows
/// no webhooks, and scopes only of OAuth.
pub fn derive(document: &Value) -> Value {
    let Value::Object(mut root) = structure(document, document) else { return Value::Null };
    root.insert("openapi".to_owned(), json!("3.0.3"));
    root.remove("jsonSchemaDialect");
    if let Some(webhooks) = root.remove("webhooks") {
        root.insert("x-webhooks".to_owned(), webhooks);
    }
    if let Some(info) = root.get_mut("info").and_then(Value::as_object_mut) {
        info.remove("summary");
        let home = info.get("contact").and_then(|contact| contact.get("url")).cloned().unwrap_or_default();
        if let Some(license) = info.get_mut("license").and_then(Value::as_object_mut) {
            license.remove("identifier");
            license.insert("url".to_owned(), home);
        }
    }
    Value::Object(root)
}

/// Everything around the schemas, which is the same in both versions.
fn structure(value: &Value, document: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| structure(item, document)).collect(),
        Value::Object(map) => {
            let mut said: Map<String, Value> = map
                .iter()
                .map(|(key, inner)| {
                    let inner = match key.as_str() {
                        "schema" => schema(inner, document),
                        "schemas" => each(inner, |inner| schema(inner, document)),
                        "example" | "examples" => inner.clone(),
                        _ => structure(inner, document),
                    };
                    (key.clone(), inner)
                })
                .collect();
            if map.contains_key("responses") {
                without_scopes(&mut said);
            }
            Value::Object(said)
        }
        _ => value.clone(),
    }
}

/// Every value of a map of names.
fn each(value: &Value, say: impl Fn(&Value) -> Value) -> Value {
    value.as_object().map_or_else(|| value.clone(), |map| map.iter().map(|(name, inner)| (name.clone(), say(inner))).collect())
}

fn without_scopes(operation: &mut Map<String, Value>) {
    let mut scopes = Vec::new();
    for way in operation.get_mut("security").and_then(Value::as_array_mut).into_iter().flatten() {
        for of_way in way.as_object_mut().into_iter().flat_map(Map::values_mut).filter_map(Value::as_array_mut) {
            for scope in of_way.drain(..).filter(|scope| !scopes.contains(scope)).collect::<Vec<_>>() {
                scopes.push(scope);
            }
        }
    }
    if !scopes.is_empty() {
        operation.insert("x-scopes".to_owned(), scopes.into());
    }
}

/// One schema, and all within it; the document tells what it refers to.
fn schema(value: &Value, document: &Value) -> Value {
    let map = match value {
        Value::Object(map) => map,
        Value::Bool(false) => return json!({"not": {}}),
        _ => return json!({}),
    };
    let mut said = Map::new();
    for (key, inner) in map {
        match key.as_str() {
            "properties" => drop(said.insert(key.clone(), each(inner, |inner| schema(inner, document)))),
            "additionalProperties" if inner.is_boolean() => drop(said.insert(key.clone(), inner.clone())),
            "additionalProperties" | "items" | "not" => drop(said.insert(key.clone(), schema(inner, document))),
            "allOf" => inner.as_array().into_iter().flatten().for_each(|part| wrap(&mut said, schema(part, document))),
            "oneOf" | "anyOf" => alternatives(&mut said, key, inner, document),
            "type" => types(&mut said, inner),
            "const" => constant(&mut said, inner),
            "examples" => {
                if let Some(first) = inner.get(0) {
                    said.entry("example").or_insert_with(|| first.clone());
                }
            }
            "exclusiveMinimum" | "exclusiveMaximum" => exclusive(&mut said, map, key, inner),
            "$ref" if map.len() > 1 => wrap(&mut said, json!({"$ref": inner})),
            word if UNSAID.contains(&word) => {}
            _ => drop(said.entry(key.clone()).or_insert_with(|| inner.clone())),
        }
    }
    if said.get("type").is_some_and(|kind| kind == "array") {
        said.entry("items").or_insert_with(|| json!({}));
    }
    if said.contains_key("nullable") && !said.contains_key("type") {
        type_null(&mut said, kind(value, document, 0));
    }
    Value::Object(said)
}

/// `nullable` counts only beside a type: that of what is referred to. Where there is no single one, `null` is an alternative of its own.
fn type_null(said: &mut Map<String, Value>, kind: Option<&str>) {
    if let Some(kind) = kind {
        said.insert("type".to_owned(), json!(kind));
        return;
    }
    said.remove("nullable");
    let only_null = json!({"type": "string", "nullable": true, "enum": [null]});
    if said.get("enum") == Some(&json!([null])) {
        said.extend(only_null.as_object().cloned().unwrap_or_default());
        return;
    }
    let mut others = Map::new();
    for word in ["allOf", "oneOf", "anyOf", "not"] {
        others.extend(said.remove_entry(word));
    }
    said.insert("anyOf".to_owned(), json!([others, only_null]));
}

/// The one type of all that a schema allows, but `null`.
fn kind<'a>(schema: &'a Value, document: &'a Value, depth: usize) -> Option<&'a str> {
    if depth > 20 {
        return None;
    }
    let deeper = |inner: &'a Value| kind(inner, document, depth.saturating_add(1));
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        return deeper(document.pointer(target.trim_start_matches('#'))?);
    }
    match schema.get("type") {
        Some(Value::String(name)) => return (name != "null").then_some(name),
        Some(Value::Array(names)) => return single(names.iter().filter_map(Value::as_str).filter(|name| *name != "null").map(Some)),
        _ => {}
    }
    if let Some(value) = schema.get("const").or_else(|| schema.get("enum")?.get(0)) {
        return kind_of(value);
    }
    if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
        return parts.iter().find_map(deeper);
    }
    let ways = schema.get("oneOf").or_else(|| schema.get("anyOf"))?.as_array()?;
    single(ways.iter().filter(|way| !is_null(way)).map(deeper))
}

/// What all of them say.
fn single<'a>(mut kinds: impl Iterator<Item = Option<&'a str>>) -> Option<&'a str> {
    let first = kinds.next()??;
    kinds.all(|kind| kind == Some(first)).then_some(first)
}

fn kind_of(value: &Value) -> Option<&'static str> {
    match value {
        Value::Bool(_) => Some("boolean"),
        Value::Number(number) if number.is_f64() => Some("number"),
        Value::Number(_) => Some("integer"),
        Value::String(_) => Some("string"),
        Value::Array(_) => Some("array"),
        Value::Object(_) => Some("object"),
        Value::Null => None,
    }
}

/// `null` among the alternatives becomes `nullable`; a single one that is left is no alternative.
fn alternatives(said: &mut Map<String, Value>, key: &str, inner: &Value, document: &Value) {
    let all = inner.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut left: Vec<Value> = all.iter().filter(|one| !is_null(one)).map(|one| schema(one, document)).collect();
    if left.len() < all.len() {
        said.insert("nullable".to_owned(), json!(true));
    }
    match left.pop() {
        Some(only) if left.is_empty() && all.len() > 1 => wrap(said, only),
        Some(last) => {
            left.push(last);
            said.insert(key.to_owned(), left.into());
        }
        None => drop(said.insert("enum".to_owned(), json!([null]))),
    }
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").is_some_and(|kind| kind == "null" || kind == &json!(["null"]))
}

/// A reference has no siblings in 3.0; the one part of a whole has.
fn wrap(said: &mut Map<String, Value>, part: Value) {
    if let Some(parts) = said.entry("allOf").or_insert_with(|| json!([])).as_array_mut() {
        parts.push(part);
    }
}

/// One type, perhaps with `null`; several are alternatives.
fn types(said: &mut Map<String, Value>, inner: &Value) {
    let names = inner.as_array().map_or_else(|| std::slice::from_ref(inner), Vec::as_slice);
    let left: Vec<&Value> = names.iter().filter(|name| *name != "null").collect();
    let nullable = left.len() < names.len();
    match left.as_slice() {
        [] => drop(said.insert("enum".to_owned(), json!([null]))),
        [only] => drop(said.insert("type".to_owned(), (*only).clone())),
        several => {
            let each = several.iter().map(|name| if *name == "array" { json!({"type": name, "items": {}}) } else { json!({"type": name}) });
            said.insert("anyOf".to_owned(), each.collect());
        }
    }
    if nullable {
        said.insert("nullable".to_owned(), json!(true));
    }
}

/// The only value there is.
fn constant(said: &mut Map<String, Value>, value: &Value) {
    match kind_of(value) {
        Some(kind) => drop(said.entry("type").or_insert_with(|| json!(kind))),
        None => drop(said.insert("nullable".to_owned(), json!(true))),
    }
    said.insert("enum".to_owned(), json!([value]));
}

/// A bound that is itself outside is a flag beside the bound. The tighter of two is kept.
fn exclusive(said: &mut Map<String, Value>, map: &Map<String, Value>, key: &str, bound: &Value) {
    let plain = if key == "exclusiveMinimum" { "minimum" } else { "maximum" };
    let Some(outside) = bound.as_f64() else { return };
    let other_is_tighter =
        map.get(plain).and_then(Value::as_f64).is_some_and(|inside| if plain == "minimum" { inside > outside } else { inside < outside });
    if !other_is_tighter {
        said.insert(plain.to_owned(), bound.clone());
        said.insert(key.to_owned(), json!(true));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_of_3_1_has_one_of_3_0() {
        let document = json!({"a": {"type": "string"}, "b": {"oneOf": [{"$ref": "#/a"}, {"type": "integer"}]}});
        let cases = [
            (json!({"type": ["string", "null"], "maxLength": 5}), json!({"type": "string", "nullable": true, "maxLength": 5})),
            (json!({"type": ["integer", "string"]}), json!({"anyOf": [{"type": "integer"}, {"type": "string"}]})),
            (json!({"type": ["array", "null"]}), json!({"type": "array", "nullable": true, "items": {}})),
            (json!({"type": "null"}), json!({"type": "string", "enum": [null], "nullable": true})),
            (json!({"const": "invoice"}), json!({"type": "string", "enum": ["invoice"]})),
            (json!({"type": "integer", "const": 3}), json!({"type": "integer", "enum": [3]})),
            (json!({"type": "string", "examples": ["a", "b"]}), json!({"type": "string", "example": "a"})),
            (json!({"type": "string", "example": "c", "examples": ["a"]}), json!({"type": "string", "example": "c"})),
            (
                json!({"type": "integer", "exclusiveMinimum": 0, "maximum": 9}),
                json!({"type": "integer", "minimum": 0, "exclusiveMinimum": true, "maximum": 9}),
            ),
            (json!({"minimum": 1, "exclusiveMinimum": 0}), json!({"minimum": 1})),
            (json!({"minimum": 0, "exclusiveMinimum": 0}), json!({"minimum": 0, "exclusiveMinimum": true})),
            (json!({"maximum": 9, "exclusiveMaximum": 5}), json!({"maximum": 5, "exclusiveMaximum": true})),
            (json!({"$ref": "#/a"}), json!({"$ref": "#/a"})),
            (json!({"$ref": "#/a", "description": "A."}), json!({"allOf": [{"$ref": "#/a"}], "description": "A."})),
            (
                json!({"oneOf": [{"type": "null"}, {"$ref": "#/a", "description": "A."}]}),
                json!({"type": "string", "nullable": true, "allOf": [{"allOf": [{"$ref": "#/a"}], "description": "A."}]}),
            ),
            (
                json!({"oneOf": [{"type": "null"}, {"$ref": "#/b"}], "description": "B."}),
                json!({"anyOf": [{"allOf": [{"$ref": "#/b"}]}, {"type": "string", "nullable": true, "enum": [null]}], "description": "B."}),
            ),
            (
                json!({"oneOf": [{"type": "null"}, {"type": "string"}, {"type": "integer"}]}),
                json!({"anyOf": [{"oneOf": [{"type": "string"}, {"type": "integer"}]}, {"type": "string", "nullable": true, "enum": [null]}]}),
            ),
            (json!({"$ref": "#/a", "allOf": [{"const": 1}]}), json!({"allOf": [{"$ref": "#/a"}, {"type": "integer", "enum": [1]}]})),
            (json!({"anyOf": [{"type": "string"}]}), json!({"anyOf": [{"type": "string"}]})),
            (
                json!({"type": "object", "propertyNames": {"pattern": "^a"}, "additionalProperties": false}),
                json!({"type": "object", "additionalProperties": false}),
            ),
            (json!({"type": "array", "prefixItems": [{"type": "null"}]}), json!({"type": "array", "items": {}})),
            (json!({"items": true, "not": false}), json!({"items": {}, "not": {"not": {}}})),
        ];
        for (newer, older) in cases {
            assert_eq!(schema(&newer, &document), older, "{newer}");
        }
    }

    /// What looks like a keyword may be somebody's field, or somebody's value.
    #[test]
    fn names_and_values_are_no_keywords() {
        let shape = json!({"type": "object", "properties": {"const": {"type": "string"}, "examples": {"const": 1}, "type": {"const": "a"}},
            "example": {"const": [1], "type": ["a", "null"]}, "default": {"$ref": 1, "const": 2}});
        let older = schema(&shape, &json!({}));
        assert_eq!(older["properties"]["const"], json!({"type": "string"}));
        assert_eq!(older["properties"]["examples"], json!({"type": "integer", "enum": [1]}));
        assert_eq!(older["example"], shape["example"]);
        assert_eq!(older["default"], shape["default"]);
    }

    #[test]
    fn the_frame_is_that_of_3_0() {
        let document = json!({
            "openapi": "3.1.0", "jsonSchemaDialect": "x", "info": {"title": "A", "summary": "S", "license": {"name": "MIT", "identifier": "MIT"}, "contact": {"url": "https://a.example"}},
            "paths": {"/a": {"get": {"responses": {"200": {"content": {"application/json": {"schema": {"const": 1}, "examples": {"const": {"value": {"const": 1}}}}}}},
                "parameters": [{"name": "b", "schema": {"type": ["string", "null"]}}], "security": [{"key": ["a:read"]}, {"token": ["a:read", "b:read"]}]}}},
            "webhooks": {"w": {"post": {"responses": {}, "security": [], "requestBody": {"content": {"application/json": {"schema": {"const": "w"}}}}}}},
            "components": {"schemas": {"schema": {"const": 2}}, "headers": {"h": {"schema": {"const": 3}}}}
        });
        let one = |value: i32| json!({"type": "integer", "enum": [value]});
        assert_eq!(
            derive(&document),
            json!({
                "openapi": "3.0.3", "info": {"title": "A", "license": {"name": "MIT", "url": "https://a.example"}, "contact": {"url": "https://a.example"}},
                "paths": {"/a": {"get": {"responses": {"200": {"content": {"application/json": {"schema": one(1), "examples": {"const": {"value": {"const": 1}}}}}}},
                    "parameters": [{"name": "b", "schema": {"type": "string", "nullable": true}}], "security": [{"key": []}, {"token": []}], "x-scopes": ["a:read", "b:read"]}}},
                "x-webhooks": {"w": {"post": {"responses": {}, "security": [], "requestBody": {"content": {"application/json": {"schema": {"type": "string", "enum": ["w"]}}}}}}},
                "components": {"schemas": {"schema": one(2)}, "headers": {"h": {"schema": one(3)}}}
            })
        );
    }

    /// The whole of what is published: nothing in it is a word that 3.0 does not have.
    #[test]
    fn the_document_has_no_word_of_3_1_left() {
        let older = derive(&super::super::document());
        let mut faults = Vec::new();
        let mut shapes = 0;
        for (name, shape) in older["components"]["schemas"].as_object().unwrap() {
            look(shape, name, &mut faults, &mut shapes);
        }
        for pointer in ["/paths", "/x-webhooks", "/components/responses"] {
            find_shapes(older.pointer(pointer).unwrap(), pointer, &mut faults, &mut shapes);
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
        assert!(shapes > 1000, "only {shapes} schemas were looked at");
        assert_eq!(older.get("webhooks"), None);
    }

    fn find_shapes(value: &Value, place: &str, faults: &mut Vec<String>, shapes: &mut usize) {
        for (key, inner) in value.as_object().into_iter().flatten() {
            match key.as_str() {
                "schema" => look(inner, place, faults, shapes),
                "example" | "examples" => {}
                _ => find_shapes(inner, &format!("{place}/{key}"), faults, shapes),
            }
        }
        value.as_array().into_iter().flatten().for_each(|inner| find_shapes(inner, place, faults, shapes));
    }

    fn look(shape: &Value, place: &str, faults: &mut Vec<String>, shapes: &mut usize) {
        *shapes += 1;
        let words = shape.as_object().unwrap_or_else(|| panic!("{place} is no object"));
        for (key, inner) in words {
            let fits = match key.as_str() {
                "$ref" => words.len() == 1,
                "type" => inner.is_string() && inner != "null",
                "nullable" => words.contains_key("type"),
                "exclusiveMinimum" | "exclusiveMaximum" => inner.is_boolean(),
                "const" | "examples" => false,
                word => !UNSAID.contains(&word),
            };
            if !fits {
                faults.push(format!("{place}: {key}"));
            }
            let inside: Vec<&Value> = match key.as_str() {
                "properties" => inner.as_object().unwrap().values().collect(),
                "items" | "not" => vec![inner],
                "additionalProperties" if inner.is_object() => vec![inner],
                "allOf" | "oneOf" | "anyOf" => inner.as_array().unwrap().iter().collect(),
                _ => Vec::new(),
            };
            inside.into_iter().for_each(|inner| look(inner, &format!("{place}/{key}"), faults, shapes));
        }
    }
}
