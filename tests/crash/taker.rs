//! The real binary as a process that takes receipts, to be killed and started anew at the same place.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use data_encoding::BASE64;

use crate::support::App;

/// A process with API and worker; it dies with the test.
pub struct Taker {
    pub url: String,
    start: Box<dyn Fn() -> Child>,
    child: Child,
}

impl Taker {
    /// Starts one on the database of an application.
    pub fn beside(app: &App, database: &str) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (database, secret) = (database.to_owned(), BASE64.encode(&app.state.config.secrets.current));
        let start = move || {
            Command::new(env!("CARGO_BIN_EXE_relance"))
                .args(["serve", "--role", "all"])
                .env_clear()
                .env("RELANCE_DATABASE_URL", &database)
                .env("RELANCE_LISTEN", free.to_string())
                .env("RELANCE_PUBLIC_URL", format!("http://{free}"))
                .env("RELANCE_MASTER_KEY", &secret)
                .env("RELANCE_ALLOW_PRIVATE_NETWORKS", "true")
                .env("RELANCE_LOG", "error")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        };
        Self { url: format!("http://{free}"), child: start(), start: Box::new(start) }
    }

    /// `kill -9`, and a new one in its place.
    pub fn replace(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = (self.start)();
    }
}

impl Drop for Taker {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
