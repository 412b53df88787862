//! A gateway on the loopback that does as it is told: takes, refuses, keeps its answer to itself, and answers questions.

use std::{
    io::Write,
    net::TcpListener,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use super::dunning::body;

/// What it answers.
#[derive(Debug, Clone)]
pub struct Manner {
    /// To a message: a status, or nothing at all.
    pub send: Option<u16>,
    /// Whether it knows the account.
    pub check: u16,
    /// What it knows of a message.
    pub look_up: (u16, Value),
}

impl Default for Manner {
    fn default() -> Self {
        Self { send: Some(202), check: 204, look_up: (404, json!({})) }
    }
}

/// The running gateway.
pub struct Scripted {
    pub url: String,
    manner: Arc<Mutex<Manner>>,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl Scripted {
    pub fn open(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/send", listener.local_addr().unwrap());
        let (manner, asked) = (Arc::new(Mutex::new(manner)), Arc::new(Mutex::new(Vec::new())));
        let (script, book) = (Arc::clone(&manner), Arc::clone(&asked));
        std::thread::spawn(move || {
            for mut connection in listener.incoming().flatten() {
                let body = body(&mut connection);
                let Manner { send, check, look_up } = script.lock().unwrap().clone();
                let answer = match body["type"].as_str() {
                    Some("message.send") => send.map(|status| (status, json!({}))),
                    Some("account.check") => Some((check, json!({}))),
                    Some("message.look_up") => Some(look_up),
                    _ => None,
                };
                book.lock().unwrap().push(body);
                if let Some((status, said)) = answer {
                    let said = said.to_string();
                    let head = format!("HTTP/1.1 {status} So\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", said.len());
                    connection.write_all(format!("{head}{said}").as_bytes()).ok();
                }
            }
        });
        Self { url, manner, asked }
    }

    /// Sends whatever comes back with this status, or not at all.
    pub fn answering(send: Option<u16>) -> Self {
        Self::open(Manner { send, ..Manner::default() })
    }

    pub fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// The bodies of one type that have arrived.
    pub fn asked(&self, kind: &str) -> Vec<Value> {
        self.asked.lock().unwrap().iter().filter(|body| body["type"] == kind).cloned().collect()
    }

    /// How many messages it was given.
    pub fn sent(&self) -> usize {
        self.asked("message.send").len()
    }

    /// An account of it, to be made.
    pub fn account(&self, name: &str, priority: i32) -> Value {
        json!({"name": name, "settings": {"kind": "webhook", "url": self.url}, "priority": priority,
            "credentials": {"kind": "webhook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}})
    }
}
