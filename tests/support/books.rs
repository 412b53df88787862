//! Accounting software on the loopback: answers each path as it is told, for whoever has the right token, and remembers who asked what.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The path with its query.
    pub target: String,
    /// Header lines, as they came, in lower case.
    pub head: String,
    pub body: String,
}

#[derive(Default)]
struct Script {
    /// By the path and a part of the query.
    answers: BTreeMap<(String, String), (u16, String)>,
    token: Option<String>,
    asked: Vec<Asked>,
}

/// The running software.
pub struct Books {
    pub url: String,
    script: Arc<Mutex<Script>>,
}

impl Books {
    pub fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::new(Mutex::new(Script::default()));
        let played = Arc::clone(&script);
        std::thread::spawn(move || {
            for mut connection in listener.incoming().flatten() {
                let Some(asked) = request(&mut connection) else { continue };
                let (status, said) = answer(&mut played.lock().unwrap(), asked);
                let retry = if status == 429 { "retry-after: 30\r\n" } else { "" };
                let head = format!("HTTP/1.1 {status} So\r\ncontent-length: {}\r\n{retry}connection: close\r\n\r\n", said.len());
                connection.write_all(format!("{head}{said}").as_bytes()).ok();
            }
        });
        Self { url, script }
    }

    /// From now on this path, whatever its query, is answered so.
    pub fn says(&self, path: &str, body: Value) {
        self.answers(path, 200, &body.to_string());
    }

    /// The same, where the query has this part in it.
    pub fn says_of(&self, path: &str, part: &str, body: Value) {
        self.script.lock().unwrap().answers.insert((path.to_owned(), part.to_owned()), (200, body.to_string()));
    }

    /// The same, with another status and as it is.
    pub fn answers(&self, path: &str, status: u16, body: &str) {
        self.script.lock().unwrap().answers.insert((path.to_owned(), String::new()), (status, body.to_owned()));
    }

    /// From now on only this token is good; others are answered 401, but where tokens are had.
    pub fn wants(&self, token: &str) {
        self.script.lock().unwrap().token = Some(token.to_owned());
    }

    /// What arrived at a path, whatever its query.
    pub fn asked(&self, path: &str) -> Vec<Asked> {
        let script = self.script.lock().unwrap();
        script.asked.iter().filter(|asked| asked.target.split('?').next() == Some(path)).cloned().collect()
    }
}

fn answer(script: &mut Script, asked: Asked) -> (u16, String) {
    let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
    let (path, query) = (path.to_owned(), query.to_owned());
    let good = script.token.as_ref().is_none_or(|token| asked.head.contains(&format!("authorization: bearer {token}")));
    script.asked.push(asked);
    if !good && !path.contains("token") {
        return (401, json!({"title": "Unauthorized"}).to_string());
    }
    // The longest part of the query that fits counts.
    let fitting = script.answers.iter().filter(|((one, part), _)| *one == path && query.contains(part.as_str()));
    fitting.max_by_key(|((_, part), _)| part.len()).map_or_else(|| (404, "{}".to_owned()), |(_, answer)| answer.clone())
}

fn request(connection: &mut TcpStream) -> Option<Asked> {
    connection.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let (mut request, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lower = head.to_ascii_lowercase();
            let length = lower.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            if body.len() >= length.unwrap_or(0) {
                let target = head.split(' ').nth(1)?.to_owned();
                return Some(Asked { target, head: lower, body: body.to_owned() });
            }
        }
        let count = connection.read(&mut part).ok()?;
        if count == 0 {
            return None;
        }
        request.extend_from_slice(&part[..count]);
    }
}
