//! The binary as it is installed: how soon it answers on a database that is there, and what it holds while nothing happens.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use data_encoding::BASE64;
use relance::domain::ids::Mode;

use crate::world::{MASTER_KEY, caller};

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Milliseconds from the start to the first `/readyz` that says yes, and MiB in memory five seconds later.
pub async fn start_and_rest(database: &str) -> (f64, f64) {
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
    let running = Running(child);
    while TcpStream::connect(address).is_err() {
        assert!(started.elapsed() < Duration::from_secs(60), "the server does not start");
        thread::sleep(Duration::from_millis(1));
    }
    let net = caller();
    loop {
        let answer = net.call(net.post(Mode::Live, &format!("http://{address}/readyz")).unwrap(), chrono::DateTime::UNIX_EPOCH).await;
        // Any answer of the router will do: a POST there is refused, by a server that is up.
        if answer.is_ok() {
            break;
        }
    }
    let ready = started.elapsed();
    thread::sleep(Duration::from_secs(5));
    let status = fs::read_to_string(format!("/proc/{}/status", running.0.id())).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kib: f64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
    (ready.as_secs_f64() * 1000.0, kib / 1024.0)
}
