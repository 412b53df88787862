//! The real binary as a worker of its own process, to be killed, frozen and thawed.

use std::{
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use data_encoding::BASE64;

use super::world::World;
use crate::support::App;

/// A worker; it dies with the test.
pub struct Worker(Child, Instant);

impl Worker {
    /// Starts one on the world's database, with as short a lease as there is.
    pub fn start(world: &World) -> Self {
        Self::beside(&world.app, &world.database, 5)
    }

    /// Starts one on the database of an application, with a lease of so many seconds.
    pub fn beside(app: &App, database: &str, lease: u32) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_relance"))
            .args(["serve", "--role", "worker"])
            .env_clear()
            .env("RELANCE_DATABASE_URL", database)
            .env("RELANCE_LISTEN", "127.0.0.1:0")
            .env("RELANCE_PUBLIC_URL", &app.url)
            .env("RELANCE_MASTER_KEY", BASE64.encode(&app.state.config.secrets.current))
            .env("RELANCE_ALLOW_PRIVATE_NETWORKS", "true")
            .env("RELANCE_LEASE_SECONDS", lease.to_string())
            .env("RELANCE_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self(child, Instant::now())
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// `kill -STOP`.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// `kill -CONT`.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Asks it to end, once it has had the time to begin, and waits until it has.
    pub fn stop(mut self) -> ExitStatus {
        thread::sleep(Duration::from_secs(3).saturating_sub(self.1.elapsed()));
        self.signal("-TERM");
        self.0.wait().unwrap()
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.0.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
