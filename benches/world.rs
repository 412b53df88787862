//! The real application on a database of its own, with one creditor and as many open accounts as asked for.

use std::{
    cell::Cell,
    net::TcpListener,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use actix_web::dev::ServerHandle;
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use futures_util::{StreamExt, stream};
use relance::{
    actions,
    clock::Clock,
    config::{Config, LogFormat, Rates, Role, Secrets},
    domain::ids::{Mode, TenantId},
    http::{self, Contract, State},
    instance::Instance,
    jobs::{self, Turn},
    outbound::{
        address::Policy,
        net::{Deadlines, Net},
    },
    store::{DatabaseUrl, Db},
};
use serde_json::{Value, json};

use crate::{
    database::{self, Database, Owner},
    figures::{Cpu, Process},
};

/// Connections to the database: what an installation has that says nothing about it.
pub const CONNECTIONS: u32 = 10;
/// The key of all worlds, so that a process of its own can open their databases.
pub const MASTER_KEY: [u8; 32] = [7; 32];
/// Accounts that one batch request makes due.
const BATCH: usize = 1_000;

/// Batches under way at once.
const BATCHES: usize = 2;

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Postgres,
    Sqlite,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Sqlite => "SQLite",
        }
    }

    /// A new database that nothing was in, if this machine has such a server.
    pub fn database(self) -> Option<Database> {
        match self {
            Self::Postgres => database::empty_postgres(),
            Self::Sqlite => Some(database::sqlite()),
        }
    }
}

/// A running application with a creditor in it.
pub struct World {
    pub instance: Arc<Instance>,
    pub partition: TenantId,
    pub url: String,
    pub key: String,
    pub caller: Net,
    open: usize,
    /// Customers that have become due so far.
    used: Cell<usize>,
    /// Every how-manyeth customer becomes due, so that they lie scattered.
    stride: usize,
    invoices: Cell<usize>,
    server: ServerHandle,
    postmaster: Option<u32>,
    database: Database,
}

/// A Monday at noon in Paris, from where on a clock runs that is not the machine's: whoever is due must be due whenever this is run.
fn start_time() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 2, 11, 0, 0).unwrap()
}

/// Goes at the machine's speed, in steps of a few milliseconds.
fn running_clock() -> Clock {
    let clock = Clock::fixed(start_time());
    let hand = clock.clone();
    thread::spawn(move || {
        let mut last = Instant::now();
        loop {
            thread::sleep(Duration::from_millis(2));
            let now = Instant::now();
            hand.advance(TimeDelta::from_std(now - last).unwrap());
            last = now;
        }
    });
    clock
}

/// The product's own HTTP client, with time to wait for a batch.
pub fn caller() -> Net {
    let deadlines = Deadlines { total: Duration::from_secs(120), ..Deadlines::default() };
    Net::new(Policy { allow_private: true }, deadlines).unwrap()
}

/// The parent of PostgreSQL's processes.
fn postmaster(url: &DatabaseUrl) -> Option<u32> {
    matches!(url, DatabaseUrl::Postgres(_)).then(|| {
        let mut owner = Owner::of(url);
        let own: u32 = owner.texts("SELECT pg_backend_pid()::text AS value")[0].parse().unwrap();
        Process::read(own).unwrap().parent
    })
}

/// The application on a port of its own.
fn serve(url: &DatabaseUrl, clock: &Clock) -> (Arc<Instance>, String, ServerHandle) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let config = Config {
        lease_seconds: 60,
        rates: Rates::default(),
        database: url.clone(),
        connections: CONNECTIONS,
        listen: address,
        public_url: format!("http://{address}"),
        role: Role::All,
        log_format: LogFormat::Text,
        allow_private_networks: true,
        trusted_proxies: Vec::new(),
        secrets: Secrets { current: MASTER_KEY, former: Vec::new() },
    };
    let instance = Arc::new(Instance::new(Db::open(url, CONNECTIONS).unwrap(), clock.clone(), config).unwrap());
    let state = Arc::new(State::new(Arc::clone(&instance), Arc::new(Contract::published().unwrap())).unwrap());
    let server = http::serve(state, listener, 2).unwrap();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    (instance, format!("http://{address}"), handle)
}

impl World {
    /// Starts it over `database` with `open` accounts that are not due; `due` of them will be at once.
    pub async fn start(database: Database, open: usize, due: usize, gateway: &str) -> Self {
        let url: DatabaseUrl = database.url.parse().unwrap();
        relance::store::migrations::migrate(&url).unwrap();
        let clock = running_clock();
        let (instance, address, server) = serve(&url, &clock);
        let platform = actions::tenants::first_key(&instance.db, &clock).unwrap().unwrap();
        let mut world = Self {
            instance,
            partition: TenantId::PLATFORM,
            url: address,
            key: platform,
            caller: caller(),
            open,
            used: Cell::new(0),
            stride: (open / due).max(1),
            invoices: Cell::new(0),
            server,
            postmaster: postmaster(&url),
            database,
        };
        world.settle_in(gateway).await;
        world.fill();
        // An installation that has worked before: a day's run is behind it, its database has been looked at by its own housekeeping, and its connections
        // are younger than that.
        world.owe(due).await;
        world.run().await;
        world.keep_house();
        world.server.stop(false).await;
        (world.instance, world.url, world.server) = serve(&url, &clock);
        world
    }

    fn keep_house(&self) {
        let mut owner = Owner::of(&self.instance.config.database);
        owner.run(if matches!(owner, Owner::Pg(_)) { "VACUUM ANALYZE" } else { "PRAGMA wal_checkpoint(TRUNCATE)" });
    }

    /// The creditor, its gateway, and a policy that writes at any hour.
    async fn settle_in(&mut self, gateway: &str) {
        let tenant = json!({"name": "Atelier", "jurisdiction": "FR", "time_zone": "Europe/Paris", "language": "fr", "currency": "EUR"});
        let made = self.post("/v1/tenants", tenant).await;
        self.partition = made["tenant"]["id"].as_str().unwrap().parse::<TenantId>().unwrap().in_mode(Mode::Live);
        self.key = made["live_key"]["secret"].as_str().unwrap().to_owned();
        let account = json!({
            "name": "Gateway", "priority": 1, "rate_per_second": 10_000, "concurrency": 256, "check": false, "settings": {"kind": "webhook", "url": gateway},
            "credentials": {"kind": "webhook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
        });
        self.post("/v1/provider-accounts", account).await;
        let step = |key: &str, offset: i32| json!({"key": key, "offset_days": offset, "channel": "email", "template": key});
        let window = json!({"weekdays": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "00:00", "end": "23:59"});
        let document = json!({
            "name": "At any hour", "scope": {"priority": 7}, "contact": {"window": window, "min_gap_days": 0, "caps": []},
            "steps": [step("first_reminder", 3), step("second_reminder", 12)],
        });
        let policy = self.post("/v1/policies", json!({"document": document})).await;
        self.post(&format!("/v1/policies/{}/activate", policy["id"].as_str().unwrap()), json!({"version": 1})).await;
    }

    /// Customers with a contact, an invoice that is not due for years, and an account that sleeps.
    fn fill(&self) {
        let mut owner = Owner::of(&self.instance.config.database);
        let is_pg = matches!(owner, Owner::Pg(_));
        let tenant = self.partition.uuid();
        let micros = start_time().timestamp_micros();
        let (tenant, id, now, later) = if is_pg {
            let now = format!("TIMESTAMPTZ '{}'", start_time().to_rfc3339());
            let id = "('01930000000070008' || lpad(to_hex(g), 15, '0'))::uuid".to_owned();
            (format!("'{tenant}'::uuid"), id, now.clone(), format!("{now} + (2 + g % 30) * INTERVAL '1 day'"))
        } else {
            let id = "unhex('01930000000070008' || printf('%015x', g))".to_owned();
            (format!("x'{}'", tenant.simple()), id, micros.to_string(), format!("{micros} + (2 + g % 30) * 86400000000"))
        };
        let open = self.open;
        let numbers = if is_pg {
            format!("FROM generate_series(1, {open}) AS numbers(g)")
        } else {
            format!("FROM (WITH RECURSIVE n(g) AS (SELECT 1 UNION ALL SELECT g + 1 FROM n WHERE g < {open}) SELECT g FROM n)")
        };
        let mut into = |table: &str, columns: &str, values: &str| {
            owner.run(&format!("INSERT INTO {table} (tenant_id, {columns}) SELECT {tenant}, {values} {numbers}"));
        };
        into(
            "customers",
            "id, source, external_id, name, name_key, kind, jurisdiction, identifiers, address, metadata, version, created_at, updated_at",
            &format!("{id}, 'bench', 'C-' || g, 'Garage ' || g, 'garage ' || g, 'business', 'FR', '{{}}', '{{}}', '{{}}', 1, {now}, {now}"),
        );
        into(
            "contacts",
            "id, customer_id, position, is_primary, name, email, opted_out, created_at, updated_at",
            &format!("{id}, {id}, 0, TRUE, 'Camille Dupont', 'camille' || g || '@example.com', '[]', {now}, {now}"),
        );
        into(
            "invoices",
            "id, customer_id, source, external_id, number, kind, status, issue_date, currency, total_minor, balance_minor, metadata, version, created_at, updated_at, bare_number",
            &format!(
                "{id}, {id}, 'bench', 'O-' || g, 'O-' || g, 'invoice', 'open', '2026-01-20', 'EUR', 12000, 12000, '{{}}', 1, {now}, {now}, 'O' || g"
            ),
        );
        into(
            "instalments",
            "id, invoice_id, customer_id, currency, position, due_date, amount_minor, balance_minor",
            &format!("{id}, {id}, {id}, 'EUR', 1, '2030-01-20', 12000, 12000"),
        );
        into("accounts", "customer_id, currency, next_action_at", &format!("{id}, 'EUR', {later}"));
    }

    /// The body of one more invoice, to a customer's name.
    pub fn invoice(&self, customer: usize, due_date: &str) -> Value {
        let number = self.invoices.replace(self.invoices.get() + 1);
        json!({
            "customer": {"source": "bench", "external_id": format!("C-{}", 1 + customer % self.open)}, "source": "bench",
            "external_id": format!("F-{number}"), "number": format!("F-{number}"), "issue_date": "2026-02-01", "due_date": due_date,
            "currency": "EUR", "total": 120_000, "net": 100_000, "tax": 20_000, "order_reference": "PO-77",
        })
    }

    /// Makes `count` sleeping accounts due, through the API: each gets an invoice five days late. Returns how long that took, [`BATCHES`] at a time.
    pub async fn owe(&self, count: usize) -> Duration {
        let items: Vec<Value> = (0..count).map(|_| self.invoice(self.next_customer(), "2026-02-25")).collect();
        let batches: Vec<(usize, Value)> = items.chunks(BATCH).map(|items| (items.len(), json!({ "items": items }))).collect();
        let started = Instant::now();
        stream::iter(batches)
            .for_each_concurrent(BATCHES, async |(length, batch)| {
                let answer = self.post("/v1/invoices/batch", batch).await;
                assert_eq!(answer["succeeded"], length, "{answer}");
            })
            .await;
        started.elapsed()
    }

    /// Scattered over the whole, none twice.
    fn next_customer(&self) -> usize {
        let nth = self.used.replace(self.used.get() + 1);
        let rows = self.open / self.stride;
        assert!(nth / rows < self.stride, "more accounts are to be due than there are");
        (nth % rows) * self.stride + nth / rows
    }

    /// Does all that is due, and seals it.
    pub async fn run(&self) -> Duration {
        let started = Instant::now();
        while jobs::turn(&self.instance, self.partition).await.unwrap() == Turn::Busy {}
        self.seal().await;
        started.elapsed()
    }

    /// Gives the journal's entries their place in the log.
    pub async fn seal(&self) {
        let (_told, stop) = tokio::sync::watch::channel(false);
        let Instance { db, clock, signer, .. } = &*self.instance;
        jobs::seals::round(db, clock, signer, &stop).await.unwrap();
    }

    /// Decides about all that is due and sends nothing.
    pub async fn plan(&self) {
        let Instance { db, clock, .. } = &*self.instance;
        while actions::run(db, clock, self.partition, actions::SYSTEM, |act| actions::planning::plan_due(act, None, 200))
            .await
            .unwrap()
            .busy
        {}
    }

    /// Sends all that is prepared.
    pub async fn dispatch(&self) -> Duration {
        let started = Instant::now();
        while jobs::turn(&self.instance, self.partition).await.unwrap() == Turn::Busy {}
        started.elapsed()
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let request = self
            .caller
            .post(Mode::Live, &format!("{}{path}", self.url))
            .unwrap()
            .bearer_auth(&self.key)
            .header("If-Match", "*")
            .json(&body);
        let answer = self.caller.call(request, start_time()).await.unwrap();
        assert!((200..300).contains(&answer.status), "{path}: {}", answer.summary());
        answer.json().unwrap_or_default()
    }

    /// Ends it, and its database.
    pub async fn stop(self) {
        self.server.stop(false).await;
    }

    /// Processor time so far.
    pub fn cpu(&self) -> Cpu {
        Cpu::now(self.postmaster)
    }

    /// Where its database is.
    pub fn database(&self) -> &str {
        &self.database.url
    }
}

/// Posts `count` bodies of `size` bytes, 64 at once, with the client and the settings that a provider is called with.
pub async fn raw_client(url: &str, count: usize, size: usize) -> Duration {
    let net = Net::new(Policy { allow_private: true }, Deadlines::default()).unwrap();
    let body = vec![b'x'; size];
    let started = Instant::now();
    let calls = (0..count).map(|_| net.call(net.post(Mode::Live, url).unwrap().body(body.clone()), start_time()));
    let answers: Vec<_> = stream::iter(calls).buffer_unordered(64).collect().await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|answer| answer.status == 200)));
    started.elapsed()
}
