//! The application under test: the real one, on a database of its own, with a clock that the test holds.

pub mod books;
pub mod database;
pub mod dunning;
mod events;
pub mod imports;
pub mod issuer;
pub mod ledger;
pub mod scripted;

use std::{
    net::TcpListener,
    sync::{Arc, LazyLock},
};

use chrono::{DateTime, TimeZone, Utc};
use relance::{
    actions,
    clock::Clock,
    config::{Config, LogFormat, Rates, Role, Secrets},
    domain::ids::{Mode, TenantId},
    error::Error,
    http::{self, Contract, State},
    instance::Instance,
    jobs,
    store::{DatabaseUrl, Db},
};
use serde_json::{Value, json};

/// Runs a test on SQLite and on PostgreSQL.
#[macro_export]
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($app:ident: App) $body:block)+) => {$(
        $(#[$meta])*
        async fn $name($app: $crate::support::App) $body

        mod $name {
            #[actix_web::test]
            async fn sqlite() {
                super::$name($crate::support::App::start($crate::support::database::sqlite()).await).await;
            }

            #[actix_web::test]
            async fn postgres() {
                if let Some(database) = $crate::support::database::postgres() {
                    super::$name($crate::support::App::start(database).await).await;
                }
            }
        }
    )+};
}

/// A running application.
pub struct App {
    /// `http://127.0.0.1:…`
    pub url: String,
    /// The clock it reads.
    pub clock: Clock,
    /// Its database, to look behind the scenes.
    pub db: Db,
    /// Its state.
    pub state: Arc<State>,
    /// The platform's key.
    pub platform: String,
    client: reqwest::Client,
    _database: database::Database,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
    pub text: String,
}

impl Reply {
    /// The body, if the status is what was expected.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Whether the document says that this write cannot do without `If-Match`.
fn needs_match(method: &str, path: &str) -> bool {
    static NEEDY: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
        let document = http::document();
        let operations = document["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation))
        });
        let needs = |operation: &Value| {
            operation["parameters"].as_array().into_iter().flatten().any(|one| one["name"] == "If-Match" && one["required"] == true)
        };
        operations.filter(|(.., operation)| needs(operation)).map(|(method, path, _)| (method, path)).collect()
    });
    let parts: Vec<&str> = path.split('?').next().unwrap_or_default().split('/').collect();
    let fits = |template: &str| {
        let wanted: Vec<&str> = template.split('/').collect();
        wanted.len() == parts.len() && wanted.iter().zip(&parts).all(|(wanted, part)| wanted.starts_with('{') || wanted == part)
    };
    NEEDY.iter().any(|(needy, template)| needy == method && fits(template))
}

/// The published contract, compiled once for all tests.
pub fn published() -> Arc<Contract> {
    static PUBLISHED: LazyLock<Arc<Contract>> = LazyLock::new(|| Arc::new(Contract::published().unwrap()));
    Arc::clone(&PUBLISHED)
}

/// The moment at which every test begins: a Monday at noon in Paris.
pub fn start_time() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 2, 11, 0, 0).unwrap()
}

/// A tenant with a key for each mode.
#[derive(Debug, Clone)]
pub struct Tenant {
    pub id: String,
    pub live: String,
    pub test: String,
}

impl App {
    pub async fn start(database: database::Database) -> Self {
        // The clock stands still, so that no bucket fills again: what exports by the dozen needs a larger one.
        Self::start_with(database, Rates { exports: 10_000, ..Rates::default() }, published()).await
    }

    /// The same, with other limits, and with another contract.
    pub async fn start_with(database: database::Database, rates: Rates, contract: Arc<Contract>) -> Self {
        let url: DatabaseUrl = database.url.parse().unwrap();
        relance::store::migrations::migrate(&url).unwrap();
        let db = Db::open(&url, 8).unwrap();
        let clock = Clock::fixed(start_time());
        let platform = actions::tenants::first_key(&db, &clock).unwrap().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let config = Config {
            database: url,
            connections: 8,
            listen: address,
            public_url: format!("http://{address}"),
            role: Role::All,
            log_format: LogFormat::Text,
            allow_private_networks: true,
            trusted_proxies: Vec::new(),
            lease_seconds: 60,
            rates,
            secrets: Secrets { current: [7; 32], former: Vec::new() },
        };
        let instance = Arc::new(Instance::new(db.clone(), clock.clone(), config).unwrap());
        let state = Arc::new(State::new(instance, contract).unwrap());
        let server = http::serve(Arc::clone(&state), listener, 1).unwrap();
        actix_web::rt::spawn(server);
        #[expect(clippy::disallowed_methods, reason = "the test is the outside world")]
        // An idle connection is given up long before the server ends it, however slow the machine.
        let client = reqwest::Client::builder().pool_idle_timeout(std::time::Duration::from_secs(20)).build().unwrap();
        Self { url: format!("http://{address}"), clock, db, state, platform, client, _database: database }
    }

    /// Sends a request; a `Null` body sends none. A write that cannot do without `If-Match` acts on whatever is there, unless the headers say otherwise.
    pub async fn send(&self, method: &str, path: &str, key: &str, body: Value, headers: &[(&str, &str)]) -> Reply {
        let mut request = self.client.request(method.parse().unwrap(), format!("{}{path}", self.url));
        if !key.is_empty() {
            request = request.bearer_auth(key);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if needs_match(method, path) && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("if-match")) {
            request = request.header("If-Match", "*");
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        Self::reply(request).await
    }

    /// Sends a body as it is, without credentials.
    pub async fn raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: String) -> Reply {
        let request = self.client.request(method.parse().unwrap(), format!("{}{path}", self.url)).body(body);
        Self::reply(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }

    /// Sends a file as it is.
    pub async fn upload(&self, path: &str, key: &str, media_type: &str, file: Vec<u8>, headers: &[(&str, &str)]) -> Reply {
        let request = self.client.post(format!("{}{path}", self.url)).bearer_auth(key).header("content-type", media_type).body(file);
        Self::reply(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }

    /// Uploads a document of an invoice.
    pub async fn document(&self, key: &str, invoice: &str, name: &str, media_type: &str, file: &[u8]) -> Reply {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let query = query.append_pair("name", name).append_pair("invoice_id", invoice).finish();
        self.upload(&format!("/v1/documents?{query}"), key, media_type, file.to_vec(), &[]).await
    }

    async fn reply(request: reqwest::RequestBuilder) -> Reply {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        Reply { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::Null), text }
    }

    pub async fn get(&self, path: &str, key: &str) -> Reply {
        self.send("GET", path, key, Value::Null, &[]).await
    }

    /// A body that arrived whole with a 200, or `None`.
    pub async fn fetch(&self, path: &str, key: &str) -> Option<Vec<u8>> {
        let answer = self.client.get(format!("{}{path}", self.url)).bearer_auth(key).send().await.ok()?;
        if answer.status() != 200 {
            return None;
        }
        answer.bytes().await.ok().map(|body| body.to_vec())
    }

    pub async fn post(&self, path: &str, key: &str, body: Value) -> Reply {
        self.send("POST", path, key, body, &[]).await
    }

    pub async fn patch(&self, path: &str, key: &str, body: Value) -> Reply {
        self.send("PATCH", path, key, body, &[]).await
    }

    /// Does all that is due in one partition of a tenant, and tells its endpoints, as its workers would.
    pub async fn settle(&self, tenant: &Tenant, mode: Mode) {
        let partition = tenant.id.parse::<TenantId>().unwrap().in_mode(mode);
        for _ in 0..100_000 {
            let worked = patiently(async || jobs::turn(&self.state.instance, partition).await).await;
            let told = patiently(async || jobs::webhooks::turn(&self.state.instance, partition).await).await;
            let taken = patiently(async || jobs::imports::turn(&self.state.instance, partition).await).await;
            let heard = patiently(async || jobs::connections::turn(&self.state.instance, partition).await).await;
            if [worked, told, taken, heard].iter().all(|turn| *turn != jobs::Turn::Busy) {
                return;
            }
        }
        panic!("the partition never comes to rest");
    }

    /// Decides and sends what is due in a partition, turn after turn.
    pub async fn work(&self, partition: TenantId) {
        while patiently(async || jobs::turn(&self.state.instance, partition).await).await == jobs::Turn::Busy {}
    }

    /// A French tenant.
    pub async fn tenant(&self, name: &str) -> Tenant {
        let body = json!({"name": name, "jurisdiction": "FR", "time_zone": "Europe/Paris", "language": "fr", "currency": "EUR"});
        let made = self.post("/v1/tenants", &self.platform, body).await.expect(201);
        let text = |pointer: &str| made.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
        Tenant { id: text("/tenant/id"), live: text("/live_key/secret"), test: text("/test_key/secret") }
    }
}

/// Comes again a few times, as workers do, where the database was too busy: on a slow machine it may be.
async fn patiently<T>(attempt: impl AsyncFn() -> Result<T, Error>) -> T {
    for _ in 0..10 {
        match attempt().await {
            Err(Error::Busy { retry_after }) => actix_web::rt::time::sleep(retry_after).await,
            other => return other.unwrap(),
        }
    }
    attempt().await.unwrap()
}

/// Whatever a test did, each event that came of it says what is published of its type.
impl Drop for App {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let faults = events::faults(&self.db);
            assert!(faults.is_empty(), "events that are not as published:\n{}", faults.join("\n"));
        }
    }
}
