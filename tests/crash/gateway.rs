//! A provider on the loopback that keeps a book: under which key it was asked, for whom, and whether it kept its answer to itself.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    io::{BufRead, BufReader, Result, Write},
    net::{TcpListener, TcpStream},
    ops::Range,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// How it treats those who ask.
#[derive(Debug, Clone)]
pub struct Manner {
    /// Milliseconds before it answers.
    pub delay: Range<u64>,
    /// Of a hundred new keys, how many it takes without ever answering.
    pub drops: u32,
    /// Whether it takes nothing, and says no more than that something is wrong with it.
    pub broken: bool,
}

/// One request, read whole.
#[derive(Debug, Clone)]
pub struct Asked {
    pub key: String,
    pub address: String,
    /// Taken, and the answer dropped.
    pub dropped: bool,
    /// When.
    pub at: Instant,
}

struct Book {
    manner: Manner,
    known: HashSet<String>,
    asked: Vec<Asked>,
}

/// The running provider.
pub struct Gateway {
    pub url: String,
    book: Arc<Mutex<Book>>,
}

impl Gateway {
    pub fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/send", listener.local_addr().unwrap());
        let book = Arc::new(Mutex::new(Book { manner, known: HashSet::new(), asked: Vec::new() }));
        let shared = Arc::clone(&book);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let book = Arc::clone(&shared);
                // An error is a caller that died; what it had said by then was not a request.
                thread::spawn(move || serve(&stream, &book).ok());
            }
        });
        Self { url, book }
    }

    pub fn behave(&self, manner: Manner) {
        self.book.lock().unwrap().manner = manner;
    }

    /// How many requests there have been.
    pub fn count(&self) -> usize {
        self.book.lock().unwrap().asked.len()
    }

    /// All requests so far, in their order.
    pub fn asked(&self) -> Vec<Asked> {
        self.book.lock().unwrap().asked.clone()
    }

    /// The requests by key.
    pub fn by_key(&self) -> BTreeMap<String, Vec<Asked>> {
        let mut found = BTreeMap::<_, Vec<Asked>>::new();
        for one in self.asked() {
            found.entry(one.key.clone()).or_default().push(one);
        }
        found
    }

    /// Under which keys each address was written to.
    pub fn keys_by_address(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut found = BTreeMap::<_, BTreeSet<String>>::new();
        for one in self.asked() {
            found.entry(one.address).or_default().insert(one.key);
        }
        found
    }
}

fn serve(mut stream: &TcpStream, book: &Mutex<Book>) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some((key, body)) = request(&mut reader)? {
        let body: Value = serde_json::from_slice(&body)?;
        let address = body["data"]["to"].as_str().unwrap_or_default().to_owned();
        let (dropped, broken, delay) = {
            let mut book = book.lock().unwrap();
            let dropped = book.known.insert(key.clone()) && fastrand::u32(0..100) < book.manner.drops;
            book.asked.push(Asked { key, address, dropped, at: Instant::now() });
            (dropped, book.manner.broken, fastrand::u64(book.manner.delay.clone()))
        };
        thread::sleep(Duration::from_millis(delay));
        if dropped {
            return Ok(());
        }
        let status = if broken { "500 Internal Server Error" } else { "200 OK" };
        stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}").as_bytes())?;
    }
    Ok(())
}

/// The next request's key and body; `None` once the caller hangs up.
pub fn request(reader: &mut impl BufRead) -> Result<Option<(String, Vec<u8>)>> {
    let (mut key, mut length, mut line) = (String::new(), 0, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let Some((name, value)) = line.trim_end().split_once(':') else {
            if line.trim_end().is_empty() {
                break;
            }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "webhook-id" => key = value.trim().to_owned(),
            "content-length" => length = value.trim().parse().unwrap_or(0),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some((key, body)))
}
