//! What operations have in common beyond their problems, added to the document in one place: entity tags and preconditions, the version, rate limits,
//! expansions. The contract is compiled from the same document, so that what is said here is what is checked.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use utoipa::{
    PartialSchema,
    openapi::{RefOr, Schema},
};

use super::{expand, page::Include, subject::subject};
use crate::{
    domain::{api_version::VERSIONS, ledger::ageing::AgeingBucket},
    store::{
        customers::CustomerSort, direct_debits::DirectDebitSort, disputes::DisputeSort, invoices::InvoiceSort, order::CreationSort,
        promises::PromiseSort, settlements::SettlementSort, tasks::TaskSort,
    },
};

/// Writes that cannot do without `If-Match`: edits of policies, and what moves money of something that exists.
pub const NEEDS_MATCH: &[&str] = &[
    "activatePolicy",
    "allocateCreditNote",
    "allocatePayment",
    "archivePolicy",
    "cancelInvoice",
    "chargeInterest",
    "failDirectDebit",
    "migratePolicy",
    "putPolicyDraft",
    "returnPayment",
    "settleDirectDebit",
    "waiveInterest",
];

/// Posts at a subject that change nothing of it: they ask, try or tell again.
const NO_EDIT: &[&str] = &[
    "checkIdentityProvider",
    "checkProviderAccount",
    "previewTemplate",
    "redeliverWebhook",
    "replayNotice",
    "replayWebhookEvents",
    "sendTestMessage",
    "simulatePolicy",
    "testWebhookEndpoint",
];

/// Writes that answer with something else than a plain read would: a version that is not in force.
const SHOWS_ANOTHER: &[&str] = &["putTemplate"];

/// What is counted with the exports.
const EXPORTS: &[&str] = &["exportAuditLog", "exportCustomers", "exportEvidence", "exportInvoices", "exportPayments", "exportReminders"];

/// A list of entity tags, or `*`. What is no tag is the tag of nothing.
const TAGS: &str = "^[!-~]([ -~]*[!-~])?$";

/// The vocabularies that stand in parameters alone, where the handlers' declarations do not collect them.
fn vocabularies() -> [(&'static str, RefOr<Schema>); 10] {
    [
        ("AgeingBucket", AgeingBucket::schema()),
        ("CreationSort", CreationSort::schema()),
        ("CustomerSort", CustomerSort::schema()),
        ("DirectDebitSort", DirectDebitSort::schema()),
        ("DisputeSort", DisputeSort::schema()),
        ("Include", Include::schema()),
        ("InvoiceSort", InvoiceSort::schema()),
        ("PromiseSort", PromiseSort::schema()),
        ("SettlementSort", SettlementSort::schema()),
        ("TaskSort", TaskSort::schema()),
    ]
}

/// Adds all of it.
pub fn add(root: &mut Map<String, Value>) {
    let paths = root.get("paths").and_then(Value::as_object).cloned().unwrap_or_default();
    let shown: BTreeSet<String> = operations(&paths).filter(|(_, method, _)| *method == "get").filter_map(|(.., one)| shape(one)).collect();
    let tagged: BTreeSet<String> = operations(&paths)
        .filter(|(path, method, _)| *method == "get" && subject(path).is_some_and(|own| own.path == *path))
        .filter_map(|(.., one)| shape(one))
        .collect();
    if let Some(shapes) = root.get_mut("components").and_then(|all| all.get_mut("schemas")).and_then(Value::as_object_mut) {
        expand::describe(shapes, &shown);
        shapes.extend(vocabularies().map(|(name, schema)| (name.to_owned(), json!(schema))));
    }
    let shapes = root.get("components").and_then(|all| all.get("schemas")).and_then(Value::as_object).cloned().unwrap_or_default();
    for (path, item) in root.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            let Some(operation) = operation.as_object_mut() else { continue };
            frame(operation);
            if operation.get("security").and_then(Value::as_array).is_some_and(|ways| !ways.is_empty()) {
                limit(operation);
                if method == "get" {
                    offer_expansions(path, operation, &shapes);
                    revalidate(operation);
                } else {
                    hold(path, operation, &tagged);
                }
            }
        }
    }
}

fn operations(paths: &Map<String, Value>) -> impl Iterator<Item = (&str, &str, &Value)> {
    let each = |(path, item)| {
        let all: &Value = item;
        all.as_object().into_iter().flatten().map(move |(method, one)| (path, method.as_str(), one))
    };
    paths.iter().map(|(path, item)| (path.as_str(), item)).flat_map(each)
}

/// The name of the shape that an operation shows: its answer's, or that of a page's rows.
fn shape(operation: &Value) -> Option<String> {
    let answers = operation.get("responses")?.as_object()?;
    let (_, answer) = answers.iter().find(|(status, _)| status.starts_with('2'))?;
    let named = answer.pointer("/content/application~1json/schema/$ref")?.as_str()?.rsplit('/').next()?;
    Some(named.strip_prefix("Page_").unwrap_or(named).to_owned())
}

fn id(operation: &Map<String, Value>) -> &str {
    operation.get("operationId").and_then(Value::as_str).unwrap_or_default()
}

fn is_list(operation: &Map<String, Value>) -> bool {
    let own = Value::Object(operation.clone());
    own.pointer("/responses/200/content/application~1json/schema/$ref").and_then(Value::as_str).is_some_and(|name| name.contains("/Page_"))
}

fn ask(operation: &mut Map<String, Value>, parameter: Value) {
    if let Some(all) = operation.entry("parameters").or_insert_with(|| json!([])).as_array_mut() {
        all.push(parameter);
    }
}

fn refuse(operation: &mut Map<String, Value>, status: u16) {
    if let Some(all) = operation.get_mut("responses").and_then(Value::as_object_mut) {
        all.entry(status.to_string()).or_insert_with(|| json!({"$ref": format!("#/components/responses/Problem{status}")}));
    }
}

fn tell(operation: &mut Map<String, Value>, name: &str, header: &Value) {
    let answers = operation.get_mut("responses").and_then(Value::as_object_mut).into_iter().flatten();
    for (_, answer) in answers.filter(|(status, _)| status.starts_with('2')) {
        if let Some(headers) = answer.as_object_mut().and_then(|one| one.entry("headers").or_insert_with(|| json!({})).as_object_mut()) {
            headers.insert(name.to_owned(), header.clone());
        }
    }
}

/// The headers of answers that come with problems, too.
pub fn framing() -> [(&'static str, Value); 3] {
    [
        (
            "Relance-Version",
            json!({"description": "The dated version that answered.", "schema": {"type": "string", "format": "date", "enum": VERSIONS}}),
        ),
        (
            "RateLimit-Policy",
            json!({"description": "The limits that hold for this key, where the server sets any: `q` requests in `w` seconds.",
            "schema": {"type": "string", "maxLength": 200, "examples": ["\"key\";q=300000;w=60, \"tenant\";q=600000;w=60"]}}),
        ),
        (
            "RateLimit",
            json!({"description": "What is left of them: `r` requests now, all of them in `t` seconds.",
            "schema": {"type": "string", "maxLength": 200, "examples": ["\"key\";r=299999;t=1, \"tenant\";r=599999;t=1"]}}),
        ),
    ]
}

/// What every operation answers with.
fn frame(operation: &mut Map<String, Value>) {
    for (name, header) in framing() {
        tell(operation, name, &header);
    }
}

fn limit(operation: &mut Map<String, Value>) {
    refuse(operation, 429);
    if EXPORTS.contains(&id(operation)) {
        operation.insert("x-rate-limit".to_owned(), json!("exports"));
    }
    ask(
        operation,
        json!({"name": "Relance-Version", "in": "header", "required": false, "description": "The dated version to answer as; the newest without it.",
        "schema": {"type": "string", "enum": VERSIONS}}),
    );
}

fn etag() -> Value {
    json!({"description": "Strong: it changes with the representation. Give it as `If-Match` with a write, or as `If-None-Match` to learn whether anything has changed.",
        "schema": {"type": "string", "maxLength": 40, "pattern": "^\"[A-Za-z0-9_-]+\"$", "examples": ["\"3q2-7wAAAAAAAAAAAAAAAA\""]}})
}

/// A single thing is shown with its tag.
fn revalidate(operation: &mut Map<String, Value>) {
    let shown = Value::Object(operation.clone());
    if is_list(operation) || shown.pointer("/responses/200/content/application~1json").is_none() {
        return;
    }
    tell(operation, "ETag", &etag());
    ask(
        operation,
        json!({"name": "If-None-Match", "in": "header", "required": false,
        "description": "The `ETag` of what you have: if that is what there is, the answer is 304, has no body and costs nothing of the rate limits.",
        "schema": {"type": "string", "maxLength": 1000, "pattern": TAGS}}),
    );
    if let Some(all) = operation.get_mut("responses").and_then(Value::as_object_mut) {
        all.insert("304".to_owned(), json!({"description": "You have it.", "headers": {"ETag": etag()}}));
    }
}

/// A write to a subject can be held to its tag; and where it answers with what is shown with a tag, it answers with one.
fn hold(path: &str, operation: &mut Map<String, Value>, tagged: &BTreeSet<String>) {
    let shown = shape(&Value::Object(operation.clone()));
    if shown.is_some_and(|shape| tagged.contains(&shape)) && !SHOWS_ANOTHER.contains(&id(operation)) {
        tell(operation, "ETag", &etag());
    }
    let Some(subject) = subject(path).filter(|_| !NO_EDIT.contains(&id(operation))) else { return };
    let required = NEEDS_MATCH.contains(&id(operation));
    let otherwise = if required { "Without it: 428" } else { "Without it, nothing is held to anything" };
    let description = format!(
        "The `ETag` of `GET {}` as you have read it: if it is another by now, nothing is done and the answer is 412. `*` acts on whatever is there. {otherwise}.",
        subject.path
    );
    ask(
        operation,
        json!({"name": "If-Match", "in": "header", "required": required, "description": description,
        "schema": {"type": "string", "maxLength": 1000, "pattern": TAGS}, "example": "*"}),
    );
    refuse(operation, 412);
    if required {
        refuse(operation, 428);
    }
}

fn offer_expansions(path: &str, operation: &mut Map<String, Value>, shapes: &Map<String, Value>) {
    let Some(shape) = shape(&Value::Object(operation.clone())) else { return };
    let paths = expand::paths(shapes, &shape);
    let is_shown = is_list(operation) || subject(path).is_some_and(|own| own.path == path);
    if paths.is_empty() || !is_shown {
        return;
    }
    ask(
        operation,
        json!({"name": "expand", "in": "query", "required": false, "style": "form", "explode": false,
        "description": "What to put whole beside its id, separated by commas. The key must be allowed to read it. It is part of the representation, and so of its `ETag`: hold writes to the tag of the plain one.",
        "schema": {"type": "array", "maxItems": 10, "uniqueItems": true, "items": {"type": "string", "maxLength": 60, "enum": paths}}}),
    );
    refuse(operation, 422);
}
