//! The OpenAPI document: what the handlers declare, and what is the same for all of them, added once.

mod older;

use actix_web::{
    HttpResponse,
    http::header::ContentType,
    web::{self, Bytes, ServiceConfig},
};
use serde_json::{Map, Value, json};
use utoipa::OpenApi;
use utoipa_swagger_ui::SwaggerUi;

pub use older::derive as older;

use super::{Contract, Problem, State, codes::codes, guides, habits, routes::Handlers};
use crate::domain::event::{Event, EventType};

const DESCRIPTION: &str = "Relance gets invoices paid: it decides who must be reminded, when, through which channel and in which words, sends it, and keeps the proof. New here? The [guides](/docs/guides/) lead through one thing each, from beginning to end; [`/v1/error-codes`](/v1/error-codes) explains every error.\n\n\
**Money** is an integer of minor units with an ISO 4217 currency. **Dates** are dates in the tenant's zone; **instants** are UTC. **Ids** carry their kind: `inv_…`, `cus_…`.\n\n\
**Retries are safe**: send `Idempotency-Key` with every POST, PATCH and PUT. **Nobody overwrites unseen**: what is read has an `ETag`; give it back as `If-Match`. \
Edits of policies, and what moves money of something that exists, cannot do without: allocations, returns, cancellations, charges, waivers, settlements. **Errors** come all at once, as problem details (RFC 9457). **Lists** are pages: follow `next_cursor`, or `Link`. **Rate limits** are told with each answer, and at `/v1/limits`; each process of the server counts for itself.\n\n\
**Versions** are dates: send `Relance-Version`, and what is answered keeps to it. An operation that will end answers with `Deprecation` (RFC 9745) and `Sunset` (RFC 8594).\n\n\
Clients must accept fields, enum values and error codes that are added later.";

const TAGS: &[(&str, &str)] = &[
    ("Tenants", "Creditors, and what their letters show."),
    ("Access", "Keys, roles, tokens, and the people behind them."),
    ("Customers", "Debtors and the people at them."),
    ("Credit", "How customers pay, what they are trusted with, and whom to look at."),
    ("Invoices", "What is owed: invoices, their instalments and documents."),
    ("Interest", "Late payment: what it has come to, what is charged of it, and the rates behind it."),
    ("Payments", "Money in, money given up, and what it settles."),
    ("Terms", "Payment terms: due dates, instalments, deposits, discounts; versioned."),
    ("Policies", "Dunning scenarios, versioned."),
    ("Templates", "The words, versioned, by language."),
    ("Reminders", "What was decided, sent and done; and why not."),
    ("Silences", "The reasons to be silent: holds, disputes, direct debits on their way, promises and payment plans."),
    ("Providers", "Accounts at e-mail and SMS providers, and what they report."),
    ("Imports", "Files of other systems, taken in: tables, electronic invoices, bank statements, accounting files."),
    ("Connections", "Accounting software: what it pushes, what it is asked, and what became of it."),
    ("Events", "What happened, told by webhook or read from the feed."),
    ("Evidence", "The journal, and the proofs that nothing in it was changed."),
    ("Sandbox", "Test mode: the outbox and the clock."),
    ("Operations", "Health, counters, error codes."),
];

/// The document, as it is served, committed and enforced. As a tree it is large, and nobody needs it for long: it is built anew each time.
pub fn document() -> Value {
    let mut document = serde_json::to_value(Handlers::openapi()).unwrap_or_default();
    let Some(root) = document.as_object_mut() else { return document };
    root.insert("openapi".to_owned(), json!("3.1.0"));
    root.insert(
        "info".to_owned(),
        json!({
            "title": "Relance", "version": env!("CARGO_PKG_VERSION"), "description": DESCRIPTION,
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
            "contact": {"name": "Relance", "url": "https://github.com/relance/relance"}
        }),
    );
    root.insert("servers".to_owned(), json!([{"url": "/", "description": "This server"}]));
    root.insert("tags".to_owned(), TAGS.iter().map(|(name, description)| json!({"name": name, "description": description})).collect());
    add_components(root);
    root.insert("webhooks".to_owned(), webhooks());
    for (path, item) in root.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            if let Some(operation) = operation.as_object_mut() {
                complete(path, method, operation);
            }
        }
    }
    habits::add(root);
    drop_unanswered(root);
    show_examples(root);
    document
}

/// What endpoints are told: one post for each type of event.
fn webhooks() -> Value {
    let headers = json!([
        {"name": "webhook-id", "in": "header", "required": true, "description": "The event's id: the same on each try.", "schema": {"$ref": "#/components/schemas/EventId"}},
        {"name": "webhook-timestamp", "in": "header", "required": true, "description": "When this try was signed, in seconds since 1970.",
         "schema": {"type": "string", "pattern": "^[0-9]{1,12}$", "maxLength": 12, "examples": ["1772449200"]}},
        {"name": "webhook-signature", "in": "header", "required": true, "description": "`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; two, separated by a space, while a secret is rotated.",
         "schema": {"type": "string", "maxLength": 200, "examples": ["v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="]}},
        {"name": "relance-version", "in": "header", "required": true, "description": "The dated version of the body: the one that the endpoint is pinned to.",
         "schema": {"$ref": "#/components/schemas/ApiVersion"}},
    ]);
    let of = |kind: &EventType| {
        let schema =
            json!({"allOf": [{"$ref": "#/components/schemas/Event"}, {"properties": {"type": {"const": kind}, "data": kind.schema()}}]});
        let example = Event::example(*kind);
        let words: String = kind.as_str().split(['.', '_']).map(capitalised).collect();
        let post = json!({
            "operationId": format!("on{words}"), "tags": ["Events"], "summary": kind, "description": kind.meaning(), "parameters": headers, "security": [],
            "requestBody": {"required": true, "content": {"application/json": {"schema": schema, "example": example}}},
            "responses": {"2XX": {"description": "Taken. Any other answer, or none within ten seconds, has it told again."}, "410": {"description": "The endpoint is no more: it is disabled."}},
        });
        (kind.to_string(), json!({ "post": post }))
    };
    EventType::ALL.iter().map(of).collect::<Map<String, Value>>().into()
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

/// Takes out the problems that no operation has (a 405 is what a path answers to the methods that are no operations), and the shapes that
/// nothing refers to because they stand where they are used.
fn drop_unanswered(root: &mut Map<String, Value>) {
    let answered = root.get("paths").map(Value::to_string).unwrap_or_default();
    if let Some(responses) =
        root.get_mut("components").and_then(|components| components.get_mut("responses")).and_then(Value::as_object_mut)
    {
        responses.retain(|name, _| answered.contains(&format!("\"#/components/responses/{name}\"")));
    }
    let everything = Value::Object(root.clone()).to_string();
    if let Some(schemas) = root.get_mut("components").and_then(|components| components.get_mut("schemas")).and_then(Value::as_object_mut) {
        schemas.retain(|name, _| everything.contains(&format!("\"#/components/schemas/{name}\"")));
    }
}

/// Puts the example of each body's shape beside the body, where collections and linters look for it.
fn show_examples(root: &mut Map<String, Value>) {
    let shapes = root.get("components").and_then(|components| components.get("schemas")).cloned().unwrap_or_default();
    let bodies = root.get_mut("paths").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut);
    let bodies = bodies.filter_map(Value::as_object_mut).flat_map(Map::values_mut);
    for media in bodies.filter_map(|operation| operation.pointer_mut("/requestBody/content/application~1json")?.as_object_mut()) {
        let name = media.get("schema").and_then(|schema| schema.get("$ref")?.as_str()?.strip_prefix("#/components/schemas/"));
        let shape = name.and_then(|name| shapes.get(name));
        let example = shape.and_then(|shape| shape.get("example").or_else(|| shape.get("examples")?.get(0))).cloned();
        if let (Some(example), false) = (example, media.contains_key("examples")) {
            media.entry("example").or_insert(example);
        }
    }
}

fn add_components(root: &mut Map<String, Value>) {
    let problem: Value = serde_json::to_value(<Problem as utoipa::PartialSchema>::schema()).unwrap_or_default();
    let fault: Value = serde_json::to_value(<super::problem::ProblemFault as utoipa::PartialSchema>::schema()).unwrap_or_default();
    let Some(components) = root.entry("components").or_insert_with(|| json!({})).as_object_mut() else { return };
    if let Some(schemas) = components.entry("schemas").or_insert_with(|| json!({})).as_object_mut() {
        schemas.insert("Problem".to_owned(), problem);
        schemas.insert("ProblemFault".to_owned(), fault);
    }
    components.insert(
        "securitySchemes".to_owned(),
        json!({
            "api_key": {"type": "http", "scheme": "bearer", "bearerFormat": "rlk_live_… or rlk_test_…", "description": "An API key. It decides the tenant and the mode."},
            "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "A token from POST /v1/tokens; it lives 15 minutes. Made and checked as RFC8725 asks: one algorithm, with issuer, audience and expiry."},
            "identity_token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "A token of one of the tenant's identity providers (`/v1/identity-providers`), for people. Checked as RFC8725 asks: algorithms pinned, with issuer, audience and expiry. It goes with the header `Relance-Tenant` and, in test mode, with `Relance-Mode: test`."},
            "tenant": {"type": "apiKey", "in": "header", "name": "Relance-Tenant", "description": "The tenant, `ten_…`, whose identity provider signed the token. Keys and tokens from POST /v1/tokens know their tenant, and need no such header."},
            "publishable_key": {"type": "http", "scheme": "bearer", "bearerFormat": "rlp_live_… or rlp_test_…", "description": "A publishable key: it opens one debtor's page, and nothing else."}
        }),
    );
    let responses: Map<String, Value> = statuses()
        .map(|status| {
            let examples: Map<String, Value> = codes()
                .filter(|one| one.status == status)
                .map(|one| {
                    let value = json!({"type": format!("/v1/error-codes/{}", one.code), "title": one.title, "status": status, "detail": one.cure,
                        "code": one.code, "request_id": "req_01jd3kq8e5fvv8m3s9tqz4x7ya", "errors": []});
                    (one.code.to_owned(), json!({"summary": one.title, "description": one.cause, "value": value}))
                })
                .collect();
            let title = codes().find(|one| one.status == status).map_or("", |one| one.title);
            let mut response = json!({
                "description": title,
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}}
            });
            if let Some(response) = response.as_object_mut() {
                let framing = habits::framing().into_iter().map(|(name, header)| (name.to_owned(), header));
                let headers = problem_headers(status).into_iter().chain(framing).collect();
                response.insert("headers".to_owned(), Value::Object(headers));
            }
            (format!("Problem{status}"), response)
        })
        .collect();
    components.insert("responses".to_owned(), Value::Object(responses));
}

fn problem_headers(status: u16) -> Option<(String, Value)> {
    match status {
        401 => Some((
            "WWW-Authenticate".to_owned(),
            json!({"description": "How to authenticate.", "schema": {"type": "string", "maxLength": 100}}),
        )),
        409 | 429 | 503 => Some((
            "Retry-After".to_owned(),
            json!({"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1, "maximum": 86400}}),
        )),
        _ => None,
    }
}

fn statuses() -> impl Iterator<Item = u16> {
    let mut all: Vec<u16> = codes().map(|one| one.status).collect();
    all.dedup();
    all.into_iter()
}

/// What every operation has and no handler should repeat: its problems, its second way of authenticating, the idempotency header.
fn complete(path: &str, method: &str, operation: &mut Map<String, Value>) {
    let public = operation.get("security").and_then(Value::as_array).is_none_or(|ways| ways.is_empty() || ways == &[json!({})]);
    let takes_json = operation.get("requestBody").and_then(|body| body.pointer("/content/application~1json")).is_some();
    let takes_body = operation.contains_key("requestBody");
    let writes = matches!(method, "post" | "patch" | "put");
    let guide = operation.get("operationId").and_then(Value::as_str).and_then(guides::of_operation);
    // Not as `externalDocs`: linters take no path there, and the guides are wherever the server is.
    if let (Some((title, url)), Some(Value::String(description))) = (guide, operation.get_mut("description")) {
        description.push_str(&format!("\n\nGuide: [{title}]({url})."));
    }
    if public {
        operation.insert("security".to_owned(), json!([]));
    } else if let Some(scope) = operation.get("security").and_then(|ways| ways.pointer("/0/api_key")).cloned() {
        operation.insert("security".to_owned(), json!([{"api_key": scope}, {"token": scope}, {"identity_token": scope, "tenant": []}]));
    }
    if takes_body && let Some(body) = operation.get_mut("requestBody").and_then(Value::as_object_mut) {
        body.insert("required".to_owned(), json!(true));
    }
    if let Some(body) = operation.get_mut("requestBody") {
        say_bytes(body);
    }
    if writes && !public {
        let header = json!({"name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Repeating the request with the same key changes nothing more and gets the first answer again (kept 30 days).",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"}, "example": "8e03978e-40d5-43e8-bc93-6894a57f9324"});
        if let Some(parameters) = operation.entry("parameters").or_insert_with(|| json!([])).as_array_mut() {
            parameters.push(header);
        }
    }
    let asks = operation
        .get("parameters")
        .and_then(Value::as_array)
        .is_some_and(|all| all.iter().any(|one| one.get("in") == Some(&json!("query"))));
    // Every operation refuses query parameters that it does not describe.
    let mut problems = vec![400, 500, 503];
    problems.extend(if public { &[][..] } else { &[401, 403] });
    problems.extend(if path.contains('{') { &[404][..] } else { &[] });
    problems.extend(if asks { &[422][..] } else { &[] });
    problems.extend(if takes_body { &[408, 413, 415, 422][..] } else { &[] });
    problems.extend(if writes && !public { &[409, 422][..] } else { &[] });
    problems.extend(if takes_json { &[415][..] } else { &[] });
    problems.sort_unstable();
    problems.dedup();
    if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
        for status in problems {
            responses.entry(status.to_string()).or_insert_with(|| json!({"$ref": format!("#/components/responses/Problem{status}")}));
        }
        // A problem that a handler declares for itself is the common one.
        for (status, response) in responses.iter_mut().filter(|(status, _)| status.starts_with(['4', '5'])) {
            *response = json!({"$ref": format!("#/components/responses/Problem{status}")});
        }
        for (_, response) in responses.iter_mut().filter(|(status, _)| status.starts_with('2')) {
            add_headers(public, response);
            say_bytes(response);
        }
    }
}

/// Describes files as such: what is declared as bytes would be described as numbers.
fn say_bytes(body: &mut Value) {
    let contents = body.get_mut("content").and_then(Value::as_object_mut);
    for (_, content) in contents.into_iter().flatten() {
        if let Some(schema) = content.get_mut("schema").filter(|schema| schema.pointer("/items/format") == Some(&json!("int32"))) {
            *schema = json!({"type": "string", "format": "binary", "description": "The file."});
        }
    }
}

fn add_headers(public: bool, response: &mut Value) {
    let Some(response) = response.as_object_mut() else { return };
    let request = json!({"description": "Names this request in logs and in support.", "schema": {"type": "string", "maxLength": 64}});
    let mut headers = Map::from_iter([("X-Request-Id".to_owned(), request)]);
    if !public {
        let head = json!({"description": "The newest signed head of the tenant's evidence; keep it, and nobody can shorten the journal unseen.",
            "schema": {"type": "string", "maxLength": 400}});
        headers.insert("Relance-Checkpoint".to_owned(), head);
    }
    response.insert("headers".to_owned(), Value::Object(headers));
}

/// `/openapi.json`, the same in 3.0.3 and `/docs`: the reference, all of it from this binary.
pub fn register(config: &mut ServiceConfig) {
    let at = |path: &'static str, text: fn(&Contract) -> &Bytes| {
        let serve = move |state: web::Data<State>| async move {
            HttpResponse::Ok().content_type(ContentType::json()).body(Bytes::clone(text(&state.contract)))
        };
        web::resource(path).route(web::get().to(serve))
    };
    config.service(at("/openapi.json", |contract| &contract.text));
    config.service(at("/openapi-3.0.json", |contract| &contract.older_text));
    guides::register(config);
    config.service(web::redirect("/docs", "/docs/"));
    let settings = utoipa_swagger_ui::Config::from("/openapi.json").try_it_out_enabled(true).persist_authorization(true).deep_linking(true);
    config.service(SwaggerUi::new("/docs/{_:.*}").config(settings));
}
