//! Debtors, what they owe, and the days that go by: the API as a creditor's software uses it.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
};

use relance::domain::ids::Mode;
use serde_json::{Value, json};

use super::{App, Tenant, start_time};

/// Where nothing has been said of a debtor's e-mail address.
pub const ANN: &str = "ann@client.example";

impl App {
    /// A business with one contact; its id.
    pub async fn debtor(&self, key: &str, email: &str) -> String {
        let contact = json!({"name": "Ann Martin", "email": email, "phone": "+33612345678", "primary": true});
        let body = json!({"name": "Garage Dupont", "kind": "business", "contacts": [contact]});
        self.post("/v1/customers", key, body).await.expect(201)["id"].as_str().unwrap().to_owned()
    }

    /// An invoice of 1,200.00 euros that falls due on `due`.
    pub async fn owes(&self, key: &str, customer: &str, number: &str, due: &str) -> Value {
        let body = json!({"customer_id": customer, "number": number, "issue_date": "2026-02-01", "due_date": due, "currency": "EUR", "total": 120_000});
        self.post("/v1/invoices", key, body).await.expect(201)
    }

    /// The debtor pays.
    pub async fn pays(&self, key: &str, customer: &str, amount: i64) -> Value {
        let body = json!({"customer_id": customer, "currency": "EUR", "amount": amount, "received_on": "2026-03-02"});
        self.post("/v1/payments", key, body).await.expect(201)
    }

    /// Sends the rehearsal's clock to a moment, with everything done that falls due on the way.
    pub async fn advance(&self, tenant: &Tenant, to: &str) {
        self.post("/v1/test-clock/advance", &tenant.test, json!({"to": to})).await.expect(202);
        self.settle(tenant, Mode::Test).await;
        let clock = self.get("/v1/test-clock", &tenant.test).await.expect(200);
        assert_eq!((&clock["status"], &clock["target"]), (&json!("ready"), &Value::Null), "{to}");
    }

    /// The rehearsal's present, moved without anything being done.
    pub fn leap(&self, tenant: &Tenant, to: &str) {
        let (of, to) = (super::ledger::partition(tenant, Mode::Test), to.parse().unwrap());
        self.db
            .write_now(of, |conn| {
                relance::store::tenants::start_clock(conn, of, to, to)?;
                relance::store::tenants::move_clock(conn, of, to, to, None)
            })
            .unwrap();
    }

    /// Sends the rehearsal's clock to a moment in one leap, as if nothing had run meanwhile; then everything due is done.
    pub async fn outage(&self, tenant: &Tenant, to: &str) {
        let partition = super::ledger::partition(tenant, Mode::Test);
        let to = to.parse().unwrap();
        self.db.write_now(partition, |conn| relance::store::tenants::start_clock(conn, partition, to, to)).unwrap();
        self.settle(tenant, Mode::Test).await;
    }

    /// The rows of a list.
    pub async fn list(&self, key: &str, path: &str) -> Vec<Value> {
        let page = self.get(path, key).await.expect(200);
        assert_eq!(page["has_more"], false, "{path}");
        page["data"].as_array().unwrap().clone()
    }

    /// The rules behind what is explained of the one account of a customer.
    pub async fn rules(&self, key: &str, customer: &str) -> (Value, Vec<String>) {
        let explained = self.get(&format!("/v1/customers/{customer}/explain"), key).await.expect(200);
        let account = explained["accounts"][0].clone();
        let statements = account["explanation"]["statements"].as_array().unwrap();
        let rules = statements.iter().map(|statement| statement["rule"].as_str().unwrap().to_owned()).collect();
        (account, rules)
    }
}

/// A gateway that takes everything: what a live tenant sends through.
pub struct Gateway {
    pub url: String,
    /// The bodies that arrived.
    pub taken: Arc<Mutex<Vec<Value>>>,
}

impl Gateway {
    pub fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/send", listener.local_addr().unwrap());
        let taken = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&taken);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let body = body(&mut connection);
                // It is asked now and then whether it knows us.
                if body["type"] != "account.check" {
                    kept.lock().unwrap().push(body);
                }
                let _ = connection.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}");
            }
        });
        Self { url, taken }
    }
}

/// The JSON body of one request.
pub fn body(connection: &mut impl Read) -> Value {
    let (mut request, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
            if body.len() >= length.unwrap_or(0) {
                return serde_json::from_str(body).unwrap_or(Value::Null);
            }
        }
        let count = connection.read(&mut part).unwrap();
        request.extend_from_slice(&part[..count]);
        if count == 0 {
            return Value::Null;
        }
    }
}

/// The moment at which every test begins, moved by days and hours.
pub fn later(days: i64, hours: i64) -> String {
    (start_time() + chrono::TimeDelta::days(days) + chrono::TimeDelta::hours(hours)).to_rfc3339()
}
