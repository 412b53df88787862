//! A creditor whose reminders leave at any hour of any day through a gateway on the loopback, and debtors who are due now.

use std::time::{Duration, Instant};

use chrono::{TimeDelta, Timelike};
use relance::{
    actions,
    clock::Clock,
    domain::{
        evidence::verify::{Report, Trust, verify},
        ids::{Mode, TenantId},
    },
};
use serde_json::{Value, json};

use super::gateway::{Gateway, Manner};
use crate::support::{
    App,
    database::{Database, Owner},
};

pub const EVERY_DAY: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Messages at once that a gateway bears, where that is not to hold anything up.
pub const MANY: i32 = 256;

pub struct World {
    pub app: App,
    /// Where the database is.
    pub database: String,
    /// A key of the creditor's live mode.
    pub key: String,
    pub partition: TenantId,
    pub gateway: Gateway,
}

impl World {
    /// On the machine's clock, as the workers are, with a gateway that bears so much at once.
    pub async fn today(database: Database, manner: Manner, at_once: i32) -> Self {
        let url = database.url.clone();
        let app = App::start(database).await;
        catch_up(&app);
        Self::bearing(app, url, manner, at_once).await
    }

    /// On the clock of the application.
    pub async fn of(app: App, database: String, manner: Manner) -> Self {
        Self::bearing(app, database, manner, MANY).await
    }

    async fn bearing(app: App, database: String, manner: Manner, at_once: i32) -> Self {
        let creditor = Creditor::new(&app, "Atelier", manner, 10_000, at_once).await;
        let Creditor { key, partition, gateway } = creditor;
        Self { app, database, key, partition, gateway }
    }

    /// Debtors of the creditor; their ids.
    pub async fn debtors(&self, numbers: std::ops::Range<usize>) -> Vec<String> {
        debtors(&self.app, &self.key, numbers).await
    }

    /// Whoever owns the tables, to look at them all.
    pub fn owner(&self) -> Owner {
        Owner::of(self.app.db.url())
    }

    /// Waits until a count is reached; `what` says of what.
    pub async fn until(&self, what: &str, patience: Duration, mut reached: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !reached() {
            assert!(begun.elapsed() < patience, "{what}: not within {patience:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Seals what is left and has a stranger check the whole journal.
    pub async fn evidence(&self) -> Report {
        catch_up(&self.app);
        let (db, clock, signer) = (&self.app.db, &self.app.clock, &self.app.state.signer);
        while actions::evidence::seal(db, clock, signer, self.partition, 2_000).await.unwrap() > 0 {}
        let file = self.app.fetch("/v1/evidence/export", &self.key).await.unwrap();
        let key = self.app.get("/v1/evidence/public-key", &self.key).await.expect(200)["public_key"].as_str().unwrap().parse().unwrap();
        verify(&file[..], &Trust { keys: vec![key], checkpoints: Vec::new() }).unwrap()
    }
}

/// Somebody to whom money is owed, with a gateway of its own.
pub struct Creditor {
    /// A key of its live mode.
    pub key: String,
    pub partition: TenantId,
    pub gateway: Gateway,
}

impl Creditor {
    /// One whose reminders leave at once, through a gateway of this manner that bears so much.
    pub async fn new(app: &App, name: &str, manner: Manner, per_second: i32, at_once: i32) -> Self {
        let gateway = Gateway::start(manner);
        // The zone in which it is noon, so that no run crosses midnight.
        let ahead = 12 - i64::from(app.clock.now().hour());
        let zone = if ahead < 0 { format!("Etc/GMT+{}", -ahead) } else { format!("Etc/GMT-{ahead}") };
        let creditor = json!({"name": name, "jurisdiction": "FR", "time_zone": zone, "language": "fr", "currency": "EUR",
            "working_time": {"working_days": EVERY_DAY, "holidays": []}});
        let made = app.post("/v1/tenants", &app.platform, creditor).await.expect(201);
        let key = made["live_key"]["secret"].as_str().unwrap().to_owned();
        let partition = made["tenant"]["id"].as_str().unwrap().parse::<TenantId>().unwrap().in_mode(Mode::Live);
        let account = json!({"name": "Gateway", "settings": {"kind": "webhook", "url": gateway.url},
            "credentials": {"kind": "webhook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, "priority": 1,
            "rate_per_second": per_second, "concurrency": at_once, "check": false});
        app.post("/v1/provider-accounts", &key, account).await.expect(201);
        let policy = json!({"name": "At once", "scope": {"priority": 900},
            "contact": {"window": {"weekdays": EVERY_DAY, "start": "00:00", "end": "23:59", "skip_holidays": false}},
            "steps": [{"key": "first_reminder", "offset_days": 3, "channel": "email", "template": "first_reminder"}]});
        let made = app.post("/v1/policies", &key, json!({"document": policy})).await.expect(201);
        app.post(&format!("/v1/policies/{}/activate", made["id"].as_str().unwrap()), &key, json!({"version": 1})).await.expect(200);
        Self { key, partition, gateway }
    }
}

/// Debtors `C…` with an address and one invoice each, for which a reminder is due at once; their ids.
pub async fn debtors(app: &App, key: &str, numbers: std::ops::Range<usize>) -> Vec<String> {
    let today = app.clock.now().date_naive();
    let day = |ago: i64| (today - TimeDelta::days(ago)).to_string();
    let batch = async |path: &str, items: Vec<Value>| {
        let answer = app.post(path, key, json!({"items": items})).await.expect(207);
        assert_eq!(answer["failed"], 0, "{answer}");
        answer
    };
    let mut ids = Vec::new();
    for part in numbers.collect::<Vec<_>>().chunks(500) {
        let customer = |n: &usize| {
            json!({"source": "erp", "external_id": format!("C{n}"), "name": format!("Garage {n}"), "kind": "business",
                "contacts": [{"name": "Anne", "email": format!("c{n}@client.example"), "phone": format!("+336{:08}", 10_000_000 + n), "primary": true}]})
        };
        let invoice = |n: &usize| {
            json!({"customer": {"source": "erp", "external_id": format!("C{n}")}, "source": "erp", "external_id": format!("F{n}"), "number": format!("F{n}"),
                "issue_date": day(30), "due_date": day(3), "currency": "EUR", "total": 12_000})
        };
        let made = batch("/v1/customers/batch", part.iter().map(customer).collect()).await;
        ids.extend(made["results"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()));
        batch("/v1/invoices/batch", part.iter().map(invoice).collect()).await;
    }
    ids
}

/// Moves the application's clock to the machine's time.
pub fn catch_up(app: &App) {
    app.clock.advance((Clock::system().now() - app.clock.now()).max(TimeDelta::zero()));
}
