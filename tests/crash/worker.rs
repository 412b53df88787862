//! The real binary as a worker of its own process, to be killed, frozen and thawed.

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use data_encoding::BASE64;

use super::world::World;
use crate::support::App;

/// A worker; it dies with the test.
pub struct Worker {
    process: Child,
    /// Whether it has said that it works: from then on it hears who asks it to end.
    begun: Arc<AtomicBool>,
}

impl Worker {
    /// Starts one on the world's database, with as short a lease as there is.
    pub fn start(world: &World) -> Self {
        Self::beside(&world.app, &world.database, 5)
    }

    /// Starts one on the database of an application, with a lease of so many seconds.
    pub fn beside(app: &App, database: &str, lease: u32) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_relance"))
            .args(["serve", "--role", "worker"])
            .env_clear()
            .env("RELANCE_DATABASE_URL", database)
            .env("RELANCE_LISTEN", "127.0.0.1:0")
            .env("RELANCE_PUBLIC_URL", &app.url)
            .env("RELANCE_MASTER_KEY", BASE64.encode(&app.state.config.secrets.current))
            .env("RELANCE_ALLOW_PRIVATE_NETWORKS", "true")
            .env("RELANCE_LEASE_SECONDS", lease.to_string())
            .env("RELANCE_LOG", "error,relance::cli=info")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let begun = Arc::new(AtomicBool::new(false));
        let (said, here) = (process.stderr.take().unwrap(), Arc::clone(&begun));
        thread::spawn(move || listen(said, &here));
        Self { process, begun }
    }

    pub fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// `kill -STOP`.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// `kill -CONT`.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Asks it to end, once it has begun, and waits until it has.
    pub fn stop(mut self) -> ExitStatus {
        while !self.has_begun() {
            if let Some(ended) = self.process.try_wait().unwrap() {
                return ended;
            }
            thread::sleep(Duration::from_millis(20));
        }
        self.signal("-TERM");
        self.process.wait().unwrap()
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.process.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Hears that a worker works, and passes on whatever else it says.
fn listen(said: ChildStderr, begun: &AtomicBool) {
    for line in BufReader::new(said).lines().map_while(Result::ok) {
        if line.contains("serving;") {
            begun.store(true, Ordering::Relaxed);
        } else if !line.contains("INFO") {
            println!("{line}");
        }
    }
}
