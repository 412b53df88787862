//! A tenant that owns one of everything, made through the API from the document's own examples; and the requests that name it.

use std::collections::{BTreeMap, BTreeSet};

use relance::{
    actions,
    domain::{
        access::Scope,
        contact::Channel,
        credit::request::SolvencyState,
        delivery::MessageState,
        dunning::reminder::{ReminderState, TaskKind, TaskState},
        ids::{KINDS, MessageId, Mode, ReminderId, SolvencyCheckId, TaskId, TenantId},
    },
    http,
    store::{self, Conn, Json, Ts, messages::Message, reminders::Reminder, solvency::SolvencyCheck, tasks::Task},
};
use serde_json::{Value, json};

use crate::support::{App, Reply, Tenant};

/// Stands in every name that a tenant gives here.
pub const CANARY: &str = "canary";
/// Names that make what is made recognisable.
const NAMED: &[&str] = &["name", "number", "external_id", "segment"];
/// The rest of an id that nobody has.
const ABSENT: &str = "01jd3kq8e5fvv8m3s9tqz4x7ya";

/// One operation of the published document.
#[derive(Debug, Clone)]
pub struct Operation {
    pub id: String,
    pub method: String,
    pub path: String,
    value: Value,
    body: Option<Value>,
}

/// Where a request names something.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    Path(String),
    Query(String),
    /// JSON Pointer, and the kind of id that belongs there.
    Body(String, String),
    /// JSON Pointer to the caller's own name for something else: `/customer/external_id`.
    Named(String),
}

/// A request to be sent.
#[derive(Debug, Clone)]
pub struct Request {
    pub path: String,
    pub body: Value,
}

/// A tenant and what it owns in live mode.
pub struct World {
    pub tenant: Tenant,
    canary: String,
    /// An id of each kind, by its prefix.
    ids: BTreeMap<String, String>,
    /// The collections of which it has one.
    made: BTreeSet<String>,
    /// Names in paths that are no ids.
    texts: BTreeMap<String, String>,
    /// What its debtor's page carries.
    pub page_key: String,
}

/// The prefix of an id, if the text is one.
pub fn prefix(text: &str) -> Option<&'static str> {
    let (given, rest) = text.split_once('_')?;
    let known = KINDS.iter().find(|(prefix, _)| *prefix == given)?.0;
    (rest.len() == 26 && rest.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit())).then_some(known)
}

/// Every operation there is.
pub fn operations() -> Vec<Operation> {
    let document = http::document();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, value) in item.as_object().unwrap() {
            let media = &value["requestBody"]["content"]["application/json"];
            let schema = resolved(&document, &media["schema"]);
            let example = [&media["example"], &schema["example"], &schema["examples"][0]].into_iter().find(|one| !one.is_null());
            let id = value["operationId"].as_str().unwrap().to_owned();
            assert!(media.is_null() || example.is_some(), "{id} has a body without an example");
            found.push(Operation {
                id,
                method: method.to_uppercase(),
                path: path.clone(),
                value: inlined(&document, value),
                body: example.cloned(),
            });
        }
    }
    assert!(found.len() > 10);
    found
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    schema["$ref"].as_str().and_then(|target| document.pointer(target.trim_start_matches('#'))).unwrap_or(schema)
}

/// Parameters and the first level of the body with their references followed.
fn inlined(document: &Value, operation: &Value) -> Value {
    let mut copy = operation.clone();
    for parameter in copy["parameters"].as_array_mut().into_iter().flatten() {
        parameter["schema"] = resolved(document, &parameter["schema"]).clone();
    }
    let body = resolved(document, &operation["requestBody"]["content"]["application/json"]["schema"]);
    let properties: BTreeMap<String, Value> = body["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, property)| {
            (name.clone(), resolved(document, if property["oneOf"].is_array() { &property["oneOf"][0] } else { property }).clone())
        })
        .collect();
    copy["x-properties"] = json!(properties);
    copy
}

/// The kind of id that a schema asks for.
fn kind(schema: &Value) -> Option<&'static str> {
    let wanted = schema["pattern"].as_str()?.strip_prefix('^')?.split('_').next()?;
    KINDS.iter().map(|(prefix, _)| *prefix).find(|prefix| *prefix == wanted)
}

impl Operation {
    /// The scope it asks for; `None` for what is open to all.
    pub fn scope(&self) -> Option<String> {
        self.value["security"][0].as_object()?.values().find_map(|scopes| scopes[0].as_str()).map(str::to_owned)
    }

    /// Whether it believes publishable keys alone.
    pub fn is_of_a_page(&self) -> bool {
        self.scope().and_then(|scope| scope.parse::<Scope>().ok()).is_some_and(Scope::is_publishable)
    }

    pub fn is_platforms(&self) -> bool {
        self.scope().and_then(|scope| scope.parse::<Scope>().ok()).is_some_and(Scope::is_platform)
    }

    /// What exists in test mode only, where this world's tenant owns nothing.
    pub fn is_of_test_mode(&self) -> bool {
        self.value["tags"][0] == "Sandbox"
    }

    /// Whether it believes no key at all, but a provider's signature.
    pub fn is_signed(&self) -> bool {
        self.id.starts_with("receiveReceipt") || self.id == "receiveNotice"
    }

    pub fn is_list(&self) -> bool {
        self.parameters("query").any(|parameter| parameter["name"] == "cursor")
    }

    /// Whether the operation is about what is named there, and so is nowhere without it.
    pub fn is_found_by(&self, place: &Place) -> bool {
        matches!(place, Place::Path(_)) && !self.makes_what_it_names(place)
    }

    /// Whether the caller chooses the name, so that everybody may use the same: `PUT` to a key or to an external id.
    pub fn makes_what_it_names(&self, place: &Place) -> bool {
        let Place::Path(name) = place else { return false };
        self.method == "PUT" && self.parameters("path").any(|parameter| parameter["name"] == *name && kind(&parameter["schema"]).is_none())
    }

    /// What it says of a header.
    pub fn header(&self, name: &str) -> Option<&Value> {
        self.parameters("header").find(|parameter| parameter["name"] == name)
    }

    fn parameters(&self, place: &'static str) -> impl Iterator<Item = &Value> {
        self.value["parameters"].as_array().into_iter().flatten().filter(move |parameter| parameter["in"] == place)
    }

    /// Where a request for this operation can name what a tenant owns.
    pub fn places(&self) -> Vec<Place> {
        if self.scope().is_none() {
            return Vec::new();
        }
        let name = |parameter: &Value| parameter["name"].as_str().unwrap().to_owned();
        let paths = self
            .parameters("path")
            .filter(|parameter| parameter["schema"]["type"] != "integer" && parameter["name"] != "source")
            .map(name)
            .map(Place::Path);
        let queries = self.parameters("query").filter(|parameter| kind(&parameter["schema"]).is_some()).map(name).map(Place::Query);
        let (mut bodies, mut named) = (BTreeMap::new(), Vec::new());
        if let Some(body) = &self.body {
            strings(body, String::new(), &mut |pointer, text| {
                let parent = pointer.split('/').nth_back(1).unwrap_or_default();
                // In a mapping such a text names a column, and a pushed document makes the customer that it names.
                let names = !["putImportMapping", "pushSourceInvoice"].contains(&self.id.as_str());
                if pointer.ends_with("/external_id") && parent.starts_with(char::is_alphabetic) && names {
                    named.push(Place::Named(pointer.clone()));
                }
                if let Some(prefix) = prefix(text) {
                    bodies.insert(pointer, prefix.to_owned());
                }
            });
        }
        for (name, property) in self.value["x-properties"].as_object().into_iter().flatten() {
            if let Some(kind) = kind(property) {
                bodies.entry(format!("/{name}")).or_insert_with(|| kind.to_owned());
            }
        }
        let bodies = bodies.into_iter().map(|(pointer, kind)| Place::Body(pointer, kind));
        paths.chain(queries).chain(bodies).chain(named).collect()
    }

    /// The example with each of its lists empty, one at a time.
    pub fn bodies_with_emptied_lists(&self, world: &World) -> Vec<Value> {
        let body = world.body(self);
        let mut lists = Vec::new();
        visit(&body, String::new(), &mut |pointer, value| {
            if value.is_array() {
                lists.push(pointer);
            }
        });
        lists
            .iter()
            .map(|pointer| {
                let mut emptied = body.clone();
                *emptied.pointer_mut(pointer).unwrap() = json!([]);
                emptied
            })
            .collect()
    }

    pub async fn call(&self, app: &App, key: &str, request: &Request) -> Reply {
        if self.takes_a_file() {
            return app.upload(&request.path, key, "text/plain", CANARY.into(), &[]).await;
        }
        app.send(&self.method, &request.path, key, request.body.clone(), &[]).await
    }

    fn kind_in_query(&self, name: &str) -> Option<&'static str> {
        self.parameters("query").find(|parameter| parameter["name"] == name).and_then(|parameter| kind(&parameter["schema"]))
    }

    /// Whether the body is a file as it is.
    fn takes_a_file(&self) -> bool {
        self.value["requestBody"]["content"].as_object().is_some_and(|media| !media.contains_key("application/json"))
    }
}

fn visit(value: &Value, pointer: String, see: &mut impl FnMut(String, &Value)) {
    see(pointer.clone(), value);
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(name, inner)| visit(inner, format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")), see))
        }
        Value::Array(items) => items.iter().enumerate().for_each(|(index, inner)| visit(inner, format!("{pointer}/{index}"), see)),
        _ => {}
    }
}

fn strings(value: &Value, pointer: String, see: &mut impl FnMut(String, &str)) {
    visit(value, pointer, &mut |pointer, value| {
        if let Some(text) = value.as_str() {
            see(pointer, text);
        }
    });
}

impl World {
    /// A tenant that owns one of everything that can be made by a POST to a collection, and of what is made otherwise.
    pub async fn of(app: &App, name: &str) -> Self {
        let tenant = app.tenant(name).await;
        let ids = BTreeMap::from([("ten".to_owned(), tenant.id.clone())]);
        let canary = format!("{CANARY}-{}", name.to_lowercase());
        let mut world = Self { tenant, canary, ids, made: BTreeSet::new(), texts: BTreeMap::new(), page_key: String::new() };
        let all = operations();
        let mut creators: Vec<&Operation> = all.iter().filter(|operation| world.is_creator(operation, &all)).collect();
        // What is paid can be neither promised nor collected.
        creators.sort_by_key(|operation| operation.path == "/v1/payments");
        while !creators.is_empty() {
            let Some(at) = creators.iter().position(|operation| world.can_call(operation)) else {
                let stuck: Vec<&str> = creators.iter().map(|operation| operation.id.as_str()).collect();
                panic!("these need ids that nothing makes: {stuck:?}");
            };
            let operation = creators.remove(at);
            let answer = operation.call(app, &world.tenant.live, &world.request(operation)).await;
            assert_eq!(answer.status, 201, "{} with its own example: {}", operation.id, answer.text);
            world.made.extend(operation.path.split('/').nth(2).map(str::to_owned));
            world.keep(&answer.body);
            if answer.body["key"]["object"] == "publishable_key" {
                world.page_key = answer.body["secret"].as_str().unwrap().to_owned();
            }
        }
        world.made_otherwise(app).await;
        world.assert_complete(&all);
        world
    }

    /// What no POST to a collection makes. An engineer whose resource comes about in another way says here how.
    async fn made_otherwise(&mut self, app: &App) {
        // The catalogue of error codes belongs to nobody.
        self.texts.insert("code".to_owned(), "malformed".to_owned());
        let draft = json!({"name": self.canary, "channel": "email", "contents": {"fr": {"subject": "Rappel", "body_text": "Bonjour."}}});
        let key = self.canary.replace('-', "_");
        app.send("PUT", &format!("/v1/templates/{key}"), &self.tenant.live, draft, &[]).await.expect(200);
        app.post(&format!("/v1/templates/{key}/versions/1/activate"), &self.tenant.live, Value::Null).await.expect(200);
        self.texts.insert("key".to_owned(), key);
        self.import(app).await;
        self.hear(app).await;
        self.remind(app).await;
        self.let_in(app).await;
        // Everything above left evidence; sealed, it has its proofs.
        let partition = self.tenant.id.parse().unwrap();
        actions::evidence::seal(&app.db, &app.clock, &app.state.signer, partition, 10_000).await.unwrap();
        let entries = app.get("/v1/evidence?limit=1", &self.tenant.live).await.expect(200);
        self.ids.insert("evi".to_owned(), entries["data"][0]["id"].as_str().unwrap().to_owned());
        // What happens now is told to the endpoint.
        let changed = json!({"description": self.canary});
        let answer = app.patch(&format!("/v1/webhook-endpoints/{}", self.ids["whe"]), &self.tenant.live, changed).await;
        self.ids.insert("req".to_owned(), answer.header("x-request-id").unwrap().to_owned());
        answer.expect(200);
        app.post(&format!("/v1/webhook-endpoints/{}/test", self.ids["whe"]), &self.tenant.live, Value::Null).await.expect(202);
        actions::run(&app.db, &app.clock, partition, actions::SYSTEM, actions::webhooks::line_up).await.unwrap();
        let told = app.get(&format!("/v1/webhook-endpoints/{}/deliveries", self.ids["whe"]), &self.tenant.live).await.expect(200);
        self.ids.insert("whd".to_owned(), told["data"][0]["id"].as_str().unwrap().to_owned());
        self.ids.insert("evt".to_owned(), told["data"][0]["event_id"].as_str().unwrap().to_owned());
        let heads = app.get("/v1/evidence/checkpoints", &self.tenant.live).await.expect(200);
        self.texts.insert("from".to_owned(), heads["data"][0]["size"].to_string());
    }

    /// Something that its connection was told.
    async fn hear(&mut self, app: &App) {
        let told = Some(json!({ "nothing": self.canary }));
        let items = vec![actions::notices::Item { dedupe: self.canary.clone(), told, reason: None }];
        let connection = self.ids["cnx"].parse().unwrap();
        let arrived = actions::notices::Arrived { connection, headers: BTreeMap::new(), body: self.canary.clone().into_bytes(), items };
        let keep = move |act: &mut actions::Act<'_>| actions::notices::keep(act, &arrived);
        actions::run(&app.db, &app.clock, self.tenant.id.parse().unwrap(), actions::SYSTEM, keep).await.unwrap();
        let told = app.get(&format!("/v1/connections/{}/notices", self.ids["cnx"]), &self.tenant.live).await.expect(200);
        self.ids.insert("ntc".to_owned(), told["data"][0]["id"].as_str().unwrap().to_owned());
    }

    /// Somebody whom its identity provider named.
    async fn let_in(&mut self, app: &App) {
        let partition: TenantId = self.tenant.id.parse().unwrap();
        let (provider, subject) = (self.ids["idp"].parse().unwrap(), self.canary.clone());
        let admit = move |act: &mut actions::Act<'_>| actions::people::admit(act, provider, &subject);
        let person = actions::run(&app.db, &app.clock, partition, actions::SYSTEM, admit).await.unwrap();
        self.ids.insert("usr".to_owned(), person.id.to_string());
    }

    /// An import of a table by a mapping of its own.
    async fn import(&mut self, app: &App) {
        let mapping = json!({"source": "table", "currency": "EUR", "customer": {"external_id": "c", "name": "n"}});
        let name = &self.canary;
        app.send("PUT", &format!("/v1/import-mappings/{name}"), &self.tenant.live, mapping, &[]).await.expect(201);
        let path = format!("/v1/imports?mapping={name}&file_name={name}.csv");
        let table = format!("c,n\n{name}-table,{name}\n").into_bytes();
        let made = app.upload(&path, &self.tenant.live, "text/csv", table, &[]).await.expect(202);
        app.settle(&self.tenant, Mode::Live).await;
        self.ids.insert("imp".to_owned(), made["id"].as_str().unwrap().to_owned());
        self.texts.insert("mapping_name".to_owned(), name.clone());
    }

    /// A reminder with its message and a task: what no request makes, only time.
    async fn remind(&mut self, app: &App) {
        let invoice = app.get(&format!("/v1/invoices/{}", self.ids["inv"]), &self.tenant.live).await.expect(200);
        let tenant_id: TenantId = self.tenant.id.parse().unwrap();
        let now = Ts(app.clock.now());
        let customer_id = invoice["customer_id"].as_str().unwrap().parse().unwrap();
        let reminder = Reminder {
            tenant_id,
            id: ReminderId::new(now.0),
            customer_id,
            currency: invoice["currency"].as_str().unwrap().parse().unwrap(),
            carrying_instalment_id: invoice["instalments"][0]["id"].as_str().unwrap().parse().unwrap(),
            policy_id: self.ids["pol"].parse().unwrap(),
            policy_version: 1,
            step_key: self.canary.clone(),
            cycle: 1,
            channel: Channel::Email,
            template: "first_reminder".to_owned(),
            formal: false,
            contact_id: None,
            state: ReminderState::AwaitingApproval,
            reason: None,
            total_minor: 1,
            instalments: Json(Vec::new()),
            due_at: now,
            decided_at: now,
            completed_at: None,
        };
        let message = Message {
            tenant_id,
            id: MessageId::new(now.0),
            reminder_id: Some(reminder.id),
            customer_id,
            contact_id: None,
            provider_account_id: None,
            channel: Channel::Email,
            address: format!("{}@example.com", self.canary),
            state: MessageState::Unknown,
            delivery_status: None,
            delivery_rank: 0,
            evidence_grade: None,
            token: None,
            lease_until: None,
            attempts: 1,
            next_attempt_at: None,
            provider_message_id: None,
            subject: Some(self.canary.clone()),
            html: None,
            body: Some(self.canary.clone()),
            segments: None,
            content_digest: None,
            failure: None,
            created_at: now,
            dispatched_at: None,
            finished_at: None,
        };
        let task = Task {
            tenant_id,
            id: TaskId::new(now.0),
            kind: TaskKind::Call,
            reason: None,
            customer_id,
            currency: None,
            reminder_id: None,
            contact_id: None,
            state: TaskState::Open,
            script: Some(self.canary.clone()),
            due_at: now,
            owner: None,
            outcome: None,
            notes: None,
            version: 1,
            created_at: now,
            updated_at: now,
            completed_at: None,
        };
        let check = SolvencyCheck {
            tenant_id,
            id: SolvencyCheckId::new(now.0),
            customer_id,
            provider_account_id: None,
            state: SolvencyState::Answered,
            reason: Some(self.canary.clone()),
            attempts: 1,
            next_attempt_at: None,
            rating: Some(3),
            recommended_minor: None,
            currency: None,
            reference: None,
            summary: None,
            failure: None,
            requested_at: now,
            answered_at: Some(now),
        };
        self.ids.insert("slv".to_owned(), check.id.to_string());
        for (prefix, id) in [("rem", reminder.id.to_string()), ("msg", message.id.to_string()), ("tsk", task.id.to_string())] {
            self.ids.insert(prefix.to_owned(), id);
        }
        let link = app.state.links.unsubscribe(tenant_id, message.id).unwrap();
        self.texts.insert("token".to_owned(), link.rsplit('/').next().unwrap().to_owned());
        let document = self.ids["doc"].parse().unwrap();
        let link = app.state.links.document(tenant_id, document, now.0 + chrono::TimeDelta::days(1)).unwrap();
        self.texts.insert("document token".to_owned(), link.rsplit('/').next().unwrap().to_owned());
        let write = move |conn: &mut Conn| {
            store::reminders::insert(conn, std::slice::from_ref(&reminder))?;
            store::messages::insert(conn, std::slice::from_ref(&message))?;
            store::solvency::insert(conn, &check)?;
            store::tasks::insert(conn, &task).map(drop)
        };
        app.db.write(tenant_id, write).await.unwrap();
    }

    fn is_creator(&self, operation: &Operation, all: &[Operation]) -> bool {
        let below = format!("{}/{{", operation.path);
        let makes = operation.method == "POST" && operation.value["responses"]["201"].is_object() && !operation.is_platforms();
        makes && all.iter().any(|other| other.path.starts_with(&below))
    }

    fn can_call(&self, operation: &Operation) -> bool {
        operation.places().iter().all(|place| match place {
            Place::Path(name) => self.in_path(operation, name).is_some(),
            // Ids that the example leaves out are for later.
            Place::Body(pointer, kind) => {
                self.ids.contains_key(kind) || operation.body.as_ref().is_some_and(|body| body.pointer(pointer).is_none())
            }
            Place::Named(pointer) => pointer.split('/').nth_back(1).is_some_and(|parent| self.made.contains(&format!("{parent}s"))),
            Place::Query(name) => !operation.takes_a_file() || operation.kind_in_query(name).is_none_or(|kind| self.ids.contains_key(kind)),
        })
    }

    /// Remembers the ids and names of what was made.
    fn keep(&mut self, made: &Value) {
        let (ids, texts) = (&mut self.ids, &mut self.texts);
        strings(made, String::new(), &mut |pointer, text| match (pointer.rsplit('/').next(), prefix(text)) {
            (Some("id"), Some(prefix)) => {
                ids.entry(prefix.to_owned()).or_insert_with(|| text.to_owned());
            }
            // A connection's source is its own choice, not where the rest comes from.
            (Some("source"), None) if made["object"] != "connection" => {
                texts.entry("source".to_owned()).or_insert_with(|| text.to_owned());
            }
            _ => {}
        });
    }

    fn assert_complete(&self, all: &[Operation]) {
        let mut missing = BTreeSet::new();
        for operation in all {
            for place in operation.places() {
                let lacking = match &place {
                    Place::Path(name) => self.in_path(operation, name).is_none().then_some(name),
                    Place::Body(_, kind) => (!self.ids.contains_key(kind)).then_some(kind),
                    Place::Query(_) | Place::Named(_) => None,
                };
                missing.extend(lacking.map(|name| (operation.id.clone(), name.clone())));
            }
        }
        assert!(missing.is_empty(), "World::made_otherwise must say how these are made (operation, name): {missing:?}");
    }

    fn in_path(&self, operation: &Operation, name: &str) -> Option<String> {
        let parameter = operation.parameters("path").find(|parameter| parameter["name"] == name)?;
        match kind(&parameter["schema"]) {
            Some(kind) => self.ids.get(kind).cloned(),
            None if parameter["schema"]["type"] == "integer" => Some("1".to_owned()),
            None if name == "external_id" => Some(self.name_at(operation, "/external_id")),
            None if operation.id == "downloadLinkedDocument" => self.texts.get("document token").cloned(),
            None => self.texts.get(name).cloned(),
        }
    }

    /// How this tenant calls things of this collection; `/customer/external_id` is how it calls its customers.
    fn name_at(&self, operation: &Operation, pointer: &str) -> String {
        let collection = operation.path.split('/').nth(2).unwrap_or_default();
        let of = match pointer.split('/').nth_back(1) {
            Some(parent) if parent.starts_with(char::is_alphabetic) => format!("{parent}s"),
            _ => collection.to_owned(),
        };
        format!("{}-{of}", self.canary)
    }

    /// The operation's own example, naming what this tenant owns.
    pub fn body(&self, operation: &Operation) -> Value {
        let mut body = operation.body.clone().unwrap_or_default();
        let mut changes = Vec::new();
        strings(&body, String::new(), &mut |pointer, text| {
            let name = pointer.rsplit('/').next().unwrap_or_default();
            if let Some(id) = prefix(text).and_then(|prefix| self.ids.get(prefix)) {
                changes.push((pointer, id.clone()));
            } else if NAMED.contains(&name) {
                let name = self.name_at(operation, &pointer);
                changes.push((pointer, name));
            }
        });
        for (pointer, text) in changes {
            *body.pointer_mut(&pointer).unwrap() = json!(text);
        }
        body
    }

    /// The request that this tenant would make about its own.
    pub fn request(&self, operation: &Operation) -> Request {
        let mut path = operation.path.clone();
        for parameter in operation.parameters("path") {
            let name = parameter["name"].as_str().unwrap();
            if let Some(own) = self.in_path(operation, name) {
                path = path.replace(&format!("{{{name}}}"), &own);
            }
        }
        let required: Vec<String> = operation
            .parameters("query")
            .filter_map(|parameter| {
                let name = parameter["name"].as_str().unwrap();
                // What a file belongs to is said beside it.
                let owner = kind(&parameter["schema"]).filter(|_| operation.takes_a_file()).and_then(|kind| self.ids.get(kind));
                let text = match name {
                    "name" => Some(&self.canary),
                    _ => self.texts.get(name).or(owner),
                };
                let needed = parameter["required"] == json!(true);
                assert!(!needed || text.is_some(), "{}: what is {name}?", operation.id);
                text.filter(|_| needed || owner.is_some()).map(|text| format!("{name}={text}"))
            })
            .collect();
        let query = if required.is_empty() { String::new() } else { format!("?{}", required.join("&")) };
        Request { path: path + &query, body: self.body(operation) }
    }

    /// The same, naming in one place what `owner` owns.
    pub fn request_with(&self, operation: &Operation, place: &Place, owner: &Self) -> Request {
        let named = match place {
            Place::Path(name) => owner.in_path(operation, name),
            Place::Query(name) => {
                let parameter = operation.parameters("query").find(|parameter| parameter["name"] == *name).unwrap();
                kind(&parameter["schema"]).and_then(|kind| owner.ids.get(kind).cloned())
            }
            Place::Body(_, kind) => owner.ids.get(kind).cloned(),
            Place::Named(pointer) => Some(owner.name_at(operation, pointer)),
        };
        self.request_naming(operation, place, &named.unwrap_or_else(|| panic!("{}: nothing to name in {place:?}", operation.id)))
    }

    /// The same, naming in one place what nobody has.
    pub fn request_with_absent(&self, operation: &Operation, place: &Place) -> Request {
        let of_kind = |place: &'static str, name: &str| {
            let parameter = operation.parameters(place).find(|parameter| parameter["name"] == *name).unwrap();
            kind(&parameter["schema"]).map_or_else(|| "absent".to_owned(), |kind| format!("{kind}_{ABSENT}"))
        };
        let named = match place {
            Place::Path(name) => of_kind("path", name),
            Place::Query(name) => of_kind("query", name),
            Place::Body(_, kind) => format!("{kind}_{ABSENT}"),
            Place::Named(_) => "absent".to_owned(),
        };
        self.request_naming(operation, place, &named)
    }

    fn request_naming(&self, operation: &Operation, place: &Place, named: &str) -> Request {
        let mut request = self.request(operation);
        match place {
            Place::Path(name) => {
                let swapped: Vec<String> = operation
                    .path
                    .split('/')
                    .zip(request.path.split('/'))
                    .map(|(part, own)| if part == format!("{{{name}}}") { named.to_owned() } else { own.to_owned() })
                    .collect();
                request.path = swapped.join("/");
            }
            Place::Query(name) => {
                let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
                let others = query.split('&').filter(|part| !part.is_empty() && !part.starts_with(&format!("{name}=")));
                let query: Vec<String> = others.map(str::to_owned).chain([format!("{name}={named}")]).collect();
                request.path = format!("{path}?{}", query.join("&"));
            }
            Place::Body(pointer, _) | Place::Named(pointer) => match request.body.pointer_mut(pointer) {
                Some(there) => *there = json!(named),
                None => request.body[pointer.trim_start_matches('/')] = json!(named),
            },
        }
        request
    }

    /// The request about what nobody has, anywhere in the path.
    pub fn absent(&self, operation: &Operation) -> Request {
        let mut request = self.request(operation);
        for place in operation.places() {
            if let Place::Path(_) = place {
                request = Request { path: self.request_with_absent(operation, &place).path, ..request };
            }
        }
        request
    }

    /// Everything the tenant can read of its own, without what reading changes.
    pub async fn everything(&self, app: &App) -> BTreeMap<String, Value> {
        let mut seen = BTreeMap::new();
        // Whoever exports the evidence has it sealed.
        app.get("/v1/evidence/export", &self.tenant.live).await.expect(200);
        for operation in
            operations().iter().filter(|operation| operation.method == "GET" && operation.scope().is_some() && !operation.is_platforms())
        {
            // Asking is counted, and what is refused is recorded, by these very operations.
            if ["getLimits", "listRequests"].contains(&operation.id.as_str()) {
                continue;
            }
            let key = if operation.is_of_a_page() { &self.page_key } else { &self.tenant.live };
            let answer = operation.call(app, key, &self.request(operation)).await;
            let mut body = answer.body.clone();
            if let Some(id) = body.get_mut("request_id") {
                *id = Value::Null;
            }
            for key in body.get_mut("data").and_then(Value::as_array_mut).into_iter().flatten().filter(|row| !row["last_used_at"].is_null())
            {
                key["last_used_at"] = Value::Null;
            }
            seen.insert(operation.id.clone(), json!([answer.status, if body.is_null() { json!(answer.text) } else { body }]));
        }
        seen
    }

    /// Whether an answer holds the id of anything that this tenant has.
    pub fn owns_an_id_in(&self, text: &str) -> bool {
        self.ids.values().any(|id| text.contains(id))
    }

    /// Whether an answer holds anything that this tenant named.
    pub fn shows_in(&self, text: &str) -> bool {
        text.contains(&self.canary)
    }

    /// A key with every scope that no longer works.
    pub async fn revoked_key(&self, app: &App) -> String {
        let (id, secret) = self.new_key(app, Scope::of_tenants().iter().map(Scope::to_string).collect()).await;
        app.post(&format!("/v1/api-keys/{id}/revoke"), &self.tenant.live, Value::Null).await.expect(200);
        secret
    }

    /// A key with every scope that a tenant can have but one.
    pub async fn key_without(&self, app: &App, scope: &str) -> String {
        self.new_key(app, Scope::of_tenants().iter().map(Scope::to_string).filter(|held| held != scope).collect()).await.1
    }

    async fn new_key(&self, app: &App, scopes: Vec<String>) -> (String, String) {
        let made = app.post("/v1/api-keys", &self.tenant.live, json!({"name": "made for a test", "scopes": scopes})).await.expect(201);
        (made["key"]["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
    }

    /// A cursor into one of this tenant's lists, if it is long enough to have one.
    pub async fn cursor(&self, app: &App, operation: &Operation) -> Option<String> {
        let page = app.get(&format!("{}?limit=1", self.request(operation).path), &self.tenant.live).await;
        page.body["next_cursor"].as_str().map(str::to_owned)
    }
}
