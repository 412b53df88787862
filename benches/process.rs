//! The binary as it is installed: how soon it answers on a database that is there, and what it holds while nothing happens.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use data_encoding::BASE64;
use relance::{domain::ids::Mode, outbound::net::Net};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::{
    figures::rate,
    world::{MASTER_KEY, caller},
};

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    /// Starts the server, and waits until it answers.
    async fn start(database: &str, net: &Net) -> (Self, String) {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let started = Instant::now();
        let child = Command::new(env!("CARGO_BIN_EXE_relance"))
            .arg("serve")
            .env("RELANCE_DATABASE_URL", database)
            .env("RELANCE_LISTEN", address.to_string())
            .env("RELANCE_MASTER_KEY", BASE64.encode(&MASTER_KEY))
            .env("RUST_LOG", "error")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let running = Self(child);
        while TcpStream::connect(address).is_err() {
            assert!(started.elapsed() < Duration::from_secs(60), "the server does not start");
            thread::sleep(Duration::from_millis(1));
        }
        let url = format!("http://{address}");
        // Any answer of the router will do: a POST there is refused, by a server that is up.
        while net.call(net.post(Mode::Live, &format!("{url}/readyz")).unwrap(), chrono::DateTime::UNIX_EPOCH).await.is_err() {}
        (running, url)
    }

    /// MiB in memory: now (`VmRSS`), or at most so far (`VmHWM`).
    fn resident(&self, which: &str) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix(which)?.strip_prefix(':')).unwrap();
        let kib: f64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
        kib / 1024.0
    }
}

/// Milliseconds from the start to the first `/readyz` that says yes, and MiB in memory five seconds later.
pub async fn start_and_rest(database: &str) -> (f64, f64) {
    let started = Instant::now();
    let (running, _url) = Running::start(database, &caller()).await;
    let ready = started.elapsed();
    thread::sleep(Duration::from_secs(5));
    (ready.as_secs_f64() * 1000.0, running.resident("VmRSS"))
}

/// Rows a second of a table that is sent to a server, from its being sent to its end, and the most MiB in memory.
pub async fn import(database: &str, key: &str, mapping: &Value, table: String) -> (f64, f64) {
    let net = caller();
    let (running, url) = Running::start(database, &net).await;
    let rows = table.lines().count() - 1;
    let send = async |request: RequestBuilder| -> Value {
        let answer = net.call(request.bearer_auth(key), chrono::DateTime::UNIX_EPOCH).await.unwrap();
        assert!((200..300).contains(&answer.status), "{}", answer.summary());
        answer.json().unwrap_or_default()
    };
    send(net.request(Method::PUT, Mode::Live, &format!("{url}/v1/import-mappings/bench")).unwrap().json(mapping)).await;
    let started = Instant::now();
    let file = net.post(Mode::Live, &format!("{url}/v1/imports?mapping=bench")).unwrap().header("content-type", "text/csv").body(table);
    let place = format!("{url}/v1/imports/{}", send(file).await["id"].as_str().unwrap());
    loop {
        let import = send(net.request(Method::GET, Mode::Live, &place).unwrap()).await;
        match import["status"].as_str().unwrap() {
            "queued" | "running" => thread::sleep(Duration::from_millis(50)),
            status => {
                assert_eq!((status, import["created"].as_u64()), ("completed", u64::try_from(rows).ok()), "{import}");
                break;
            }
        }
    }
    (rate(rows, started.elapsed()), running.resident("VmHWM"))
}
