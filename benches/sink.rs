//! The other end of every message: a gateway that takes whatever is posted, counts it, and does nothing else.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

/// A running sink; it ends with the program.
pub struct Sink {
    pub url: String,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl Sink {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let seen = Arc::new(Seen::default());
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, seen) = (stream.unwrap(), Arc::clone(&shared));
                // A thread for each connection: they are few, and nothing is cheaper than a blocking read.
                thread::spawn(move || drop(serve(&stream, &seen)));
            }
        });
        Self { url, seen }
    }

    /// Requests since the last call, and the mean size of their bodies.
    pub fn take(&self) -> (u64, u64) {
        let requests = self.seen.requests.swap(0, Ordering::SeqCst);
        let bytes = self.seen.bytes.swap(0, Ordering::SeqCst);
        (requests, bytes.checked_div(requests).unwrap_or(0))
    }
}

/// Answers one connection until the other side is done with it.
fn serve(stream: &TcpStream, seen: &Seen) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut from, mut to) = (BufReader::new(stream), stream);
    let (mut line, mut body) = (String::new(), Vec::new());
    loop {
        let mut length = 0;
        loop {
            line.clear();
            if from.read_line(&mut line)? == 0 {
                return Ok(());
            }
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().unwrap(),
                None if line.trim_end().is_empty() => break,
                _ => {}
            }
        }
        body.resize(length, 0);
        from.read_exact(&mut body)?;
        seen.bytes.fetch_add(u64::try_from(length).unwrap(), Ordering::Relaxed);
        let number = seen.requests.fetch_add(1, Ordering::Relaxed);
        let answer = format!("{{\"id\":\"sink-{number}\"}}");
        let whole = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{answer}", answer.len());
        to.write_all(whole.as_bytes())?;
    }
}
