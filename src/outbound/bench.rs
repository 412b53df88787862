//! The test bench: servers on the loopback that misbehave as told, and messages to send them.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use proptest::{prelude::*, test_runner::TestRunner};

use crate::{
    domain::{delivery::PostalService, ids::MessageId},
    outbound::{
        Content, Envelope, Inbound, Letter, Mail, Outcome, Postal, Provider, Text, Unverified,
        address::Policy,
        net::{Deadlines, Net},
    },
};

/// A client that may call the loopback and waits for nobody long.
pub fn net() -> Net {
    let deadlines = Deadlines { connect: Duration::from_millis(500), total: Duration::from_millis(1_500) };
    Net::new(Policy { allow_private: true }, deadlines).unwrap()
}

/// Hands a parser of foreign bytes values that are made for it: a few hundred, or for as many seconds as `RELANCE_FUZZ_SECONDS` says, each time others.
pub fn fuzz<S: Strategy>(foreign: &S, parse: impl Fn(S::Value)) {
    let seconds = std::env::var("RELANCE_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
    let end = std::time::Instant::now() + Duration::from_secs(seconds);
    loop {
        let mut runner = TestRunner::new(proptest::test_runner::Config { failure_persistence: None, ..Default::default() });
        runner
            .run(foreign, |value| {
                parse(value);
                Ok(())
            })
            .unwrap();
        if std::time::Instant::now() >= end {
            return;
        }
    }
}

/// What was well formed, with bytes changed, left out and put in.
pub fn damaged(whole: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>(), 0..3u8), 0..30).prop_map(move |changes| {
        let mut bytes = whole.clone();
        for (place, byte, change) in changes {
            let at = place.index(bytes.len() + 1);
            match change {
                0 if at < bytes.len() => bytes[at] = byte,
                1 if at < bytes.len() => drop(bytes.remove(at)),
                _ => bytes.insert(at, byte),
            }
        }
        bytes
    })
}

/// A URL where nobody listens.
pub fn refused() -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}")
}

/// A published vector file, where the knowledge base is at hand.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub fn vectors(name: &str) -> Option<serde_json::Value> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors").join(name);
    match std::fs::read(path) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).unwrap()),
        Err(_) => {
            eprintln!("skipped: no ../shared");
            None
        }
    }
}

/// A receipt.
pub fn inbound(url: &str, headers: &[(&str, &str)], body: &[u8]) -> Inbound {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Inbound { method: "POST".into(), url: url.into(), headers, body: body.to_vec() }
}

fn envelope(content: Content) -> Envelope {
    Envelope {
        message_id: MessageId::new(DateTime::UNIX_EPOCH),
        idempotency_key: "msg-key-1".parse().unwrap(),
        content,
        receipts_url: Some("https://api.example.com/in/pac_1".parse().unwrap()),
    }
}

/// An e-mail to `to`.
pub fn mail(to: &str) -> Envelope {
    envelope(Content::Mail(Mail {
        to: to.parse().unwrap(),
        to_name: Some("Ann Émile".parse().unwrap()),
        from_name: None,
        reply_to: Some("accounts@example.com".parse().unwrap()),
        subject: "Facture n° 12 échue".parse().unwrap(),
        html: "<p>Réglez <b>12 €</b></p>".into(),
        text: "Réglez 12 €\n.\nMerci".into(),
        list_unsubscribe: Some("https://pay.example.com/u/abcdef".parse().unwrap()),
        attachments: Vec::new(),
    }))
}

/// A text message to `to`.
pub fn text(to: &str) -> Envelope {
    envelope(Content::Text(Text { to: to.parse().unwrap(), body: "Bonjour & merci".into() }))
}

/// A letter, with everything that an address can have.
pub fn letter(service: PostalService) -> Envelope {
    let line = |text: &str| text.parse().unwrap();
    let to = Postal {
        name: line("Durand & Fils"),
        attention: Some(line("Ann Émile")),
        lines: vec![line("12 rue de l'Église"), line("Bâtiment B")],
        postal_code: line("75011"),
        city: line("Paris"),
        country: "FR".parse().unwrap(),
    };
    let from = Postal {
        name: line("Dupont SARL"),
        attention: None,
        lines: vec![line("1 place du Marché")],
        postal_code: line("69001"),
        city: line("Lyon"),
        country: "FR".parse().unwrap(),
    };
    envelope(Content::Letter(Letter { to, from, service, pdf: Arc::from(&b"%PDF-1.7\0\xff"[..]) }))
}

/// The same letter after `change`.
pub fn changed(service: PostalService, change: impl FnOnce(&mut Letter)) -> Envelope {
    let mut envelope = letter(service);
    if let Content::Letter(letter) = &mut envelope.content {
        change(letter);
    }
    envelope
}

/// A registered letter to this town.
pub fn letter_to(city: &str) -> Envelope {
    changed(PostalService::Registered, |letter| letter.to.city = city.parse().unwrap())
}

/// What the web server does with every request.
#[derive(Debug, Clone)]
pub enum Script {
    /// Status, further header lines, body.
    Answer(u16, &'static str, &'static str),
    /// To a path that ends so (query included): this status, this body. To any other: 404.
    Paths(&'static [(&'static str, u16, &'static str)]),
    /// 302 to there.
    Redirect(String),
    /// Reads the request, never answers.
    Hang,
    /// Reads the request, closes.
    Drop,
    /// Answers what is no HTTP.
    Garbage,
    /// 200 and ten megabytes.
    Flood,
    /// 200 and one byte from time to time.
    Drip,
}

/// A web server on the loopback.
pub struct Server {
    pub url: String,
    seen: Arc<Mutex<Vec<Inbound>>>,
}

impl Server {
    /// The requests so far.
    pub fn requests(&self) -> Vec<Inbound> {
        self.seen.lock().unwrap().clone()
    }
}

/// Requests that are answered before the script is asked: the end of the path, a status, a body.
pub type Steps = &'static [(&'static str, u16, &'static str)];

/// Starts one, for at most eight connections of one request each.
pub fn http(script: Script) -> Server {
    http_after(&[], script)
}

/// The same, for a provider that must be asked other things first.
pub fn http_after(steps: Steps, script: Script) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let server = Server { url: url.clone(), seen: Arc::clone(&seen) };
    thread::spawn(move || {
        for stream in listener.incoming().take(8).flatten() {
            let (script, seen, url) = (script.clone(), Arc::clone(&seen), url.clone());
            thread::spawn(move || serve(stream, steps, &script, &url, &seen));
        }
    });
    server
}

fn serve(mut stream: TcpStream, steps: Steps, script: &Script, base: &str, seen: &Mutex<Vec<Inbound>>) -> Option<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers.get("content-length").map_or(Ok(0), |length| length.parse()).ok()?];
    reader.read_exact(&mut body).ok()?;
    seen.lock().unwrap().push(Inbound { method, url: format!("{base}{path}"), headers, body });
    let head = |status: u16, more: &str, length: usize| {
        format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n{more}\r\n")
    };
    if let Some((_, status, body)) = steps.iter().find(|(end, ..)| path.ends_with(end)) {
        return stream.write_all(format!("{}{body}", head(*status, "", body.len())).as_bytes()).ok();
    }
    match script {
        Script::Answer(status, more, body) => stream.write_all(format!("{}{body}", head(*status, more, body.len())).as_bytes()).ok()?,
        Script::Paths(paths) => {
            let (_, status, body) = paths.iter().find(|(end, ..)| path.ends_with(end)).unwrap_or(&("", 404, "{}"));
            stream.write_all(format!("{}{body}", head(*status, "", body.len())).as_bytes()).ok()?;
        }
        Script::Redirect(to) => stream.write_all(head(302, &format!("Location: {to}\r\n"), 0).as_bytes()).ok()?,
        Script::Hang => thread::sleep(Duration::from_secs(4)),
        Script::Drop => {}
        Script::Garbage => stream.write_all(b"220 mail.example.com ESMTP\r\n").ok()?,
        Script::Flood => {
            stream.write_all(head(200, "", 10_000_000).as_bytes()).ok()?;
            (0..10_000).try_for_each(|_| stream.write_all(&[b'x'; 1_000])).ok()?;
        }
        Script::Drip => {
            stream.write_all(head(200, "", 1_000).as_bytes()).ok()?;
            (0..40)
                .try_for_each(|_| {
                    thread::sleep(Duration::from_millis(100));
                    stream.write_all(b"x")
                })
                .ok()?;
        }
    }
    Some(())
}

/// Status, further header lines, body.
pub type Said = (u16, &'static str, &'static str);

/// How a provider with an HTTP interface words what every provider can say.
pub struct Contract<'c> {
    /// The adapter of an account whose interface is found at a URL.
    pub open: &'c dyn Fn(&str) -> Box<dyn Provider>,
    /// What is sent.
    pub envelope: Envelope,
    /// The message is taken.
    pub accepted: Said,
    /// The name that the message then has.
    pub provider_id: Option<&'static str>,
    /// This message will never be taken.
    pub refused: Said,
    /// The account's credentials are wrong.
    pub forbidden: Said,
    /// Come back in three seconds; never processed.
    pub limited: Said,
    /// Whether an answer of the accepting status without a readable body still means taken.
    pub bodiless: bool,
}

impl Contract<'_> {
    /// Drives the adapter through everything that can happen to a call.
    pub async fn hold(&self) {
        self.hold_after(&[]).await;
    }

    /// The same for the last call of several, those before it being answered as `steps` say.
    pub async fn hold_after(&self, steps: Steps) {
        let sent = async |script: Script| {
            let server = http_after(steps, script);
            (self.open)(&server.url).send(&self.envelope, DateTime::UNIX_EPOCH).await
        };
        let said = |(status, headers, body): Said| Script::Answer(status, headers, body);
        let accepted = sent(said(self.accepted)).await;
        assert!(
            matches!(&accepted, Outcome::Accepted { provider_id, .. } if provider_id.as_deref() == self.provider_id),
            "accepted: {accepted:?}"
        );
        let rejected = sent(said(self.refused)).await;
        assert!(matches!(rejected, Outcome::Rejected { permanent: true, .. }), "refused: {rejected:?}");
        let forbidden = sent(said(self.forbidden)).await;
        assert!(matches!(forbidden, Outcome::Rejected { permanent: false, .. }), "forbidden: {forbidden:?}");
        let limited = sent(said(self.limited)).await;
        assert!(
            matches!(limited, Outcome::NotSent { retry_after: Some(pause), .. } if pause == Duration::from_secs(3)),
            "limited: {limited:?}"
        );
        let (status, headers, _) = self.accepted;
        let garbled = sent(Script::Answer(status, headers, "<html>")).await;
        assert!(matches!((self.bodiless, &garbled), (true, Outcome::Accepted { .. }) | (false, Outcome::Unknown { .. })), "{garbled:?}");
        for lost in [
            Script::Answer(500, "", ""),
            Script::Answer(503, "", ""),
            Script::Hang,
            Script::Drop,
            Script::Garbage,
            Script::Flood,
            Script::Drip,
        ] {
            let outcome = sent(lost.clone()).await;
            assert!(matches!(outcome, Outcome::Unknown { .. }), "{lost:?}: {outcome:?}");
        }
        let nobody = (self.open)(&refused()).send(&self.envelope, DateTime::UNIX_EPOCH).await;
        assert!(matches!(nobody, Outcome::NotSent { .. }), "nobody there: {nobody:?}");
        let plain = http_after(steps, said(self.accepted));
        let broken = (self.open)(&plain.url.replace("http://", "https://")).send(&self.envelope, DateTime::UNIX_EPOCH).await;
        assert!(matches!(broken, Outcome::NotSent { .. }), "no encryption: {broken:?}");
        for (outcome, of_account) in [(&accepted, false), (&rejected, false), (&forbidden, true), (&limited, true)] {
            assert_eq!(outcome.blames_account(), of_account, "{outcome:?}");
        }
    }
}

/// What verifies whatever needs no network for it.
pub fn verify(adapter: &dyn Provider, inbound: &Inbound, now: DateTime<Utc>) -> Result<(), Unverified> {
    adapter.verify(inbound, now).now_or_never().unwrap()
}

/// Where the signature stands when the body is nothing but a signed token.
pub const BODY: &str = "";

/// Genuine receipts of one account, for whoever tries to forge others. A provider that signs nothing has none.
pub struct Vectors {
    /// The account that they are for.
    pub adapter: Box<dyn Provider>,
    /// The same account with another secret.
    pub other: Box<dyn Provider>,
    /// The header that carries the signature; or, beginning with a slash, the JSON Pointer of the body's field that does; or [`BODY`].
    pub header: &'static str,
    /// Each with the time at which it came.
    pub genuine: Vec<(Inbound, DateTime<Utc>)>,
    /// Whether a byte of the body counts; it must, unless the provider's scheme leaves the body out.
    pub covers_body: bool,
    /// Whether the scheme signs a time, so that an old receipt is refused.
    pub covers_time: bool,
}

impl Vectors {
    fn signature(&self, inbound: &Inbound) -> String {
        match self.header.starts_with('/') {
            _ if self.header == BODY => String::from_utf8(inbound.body.clone()).unwrap(),
            true => json(inbound).pointer(self.header).unwrap().as_str().unwrap().to_owned(),
            false => inbound.headers[self.header].clone(),
        }
    }

    /// The same receipt with another signature, or none.
    fn resigned(&self, inbound: &Inbound, signature: Option<String>) -> Inbound {
        let mut forged = inbound.clone();
        if self.header == BODY {
            forged.body = signature.unwrap_or_default().into_bytes();
        } else if self.header.starts_with('/') {
            let mut body = json(inbound);
            *body.pointer_mut(self.header).unwrap() = signature.into();
            forged.body = body.to_string().into_bytes();
        } else if let Some(signature) = signature {
            forged.headers.insert(self.header.to_owned(), signature);
        } else {
            forged.headers.remove(self.header);
        }
        forged
    }

    /// Tries to pass for the provider.
    pub fn withstand_forgery(&self) {
        assert!(!self.genuine.is_empty(), "a provider that signs needs a genuine receipt");
        for (inbound, at) in &self.genuine {
            assert_eq!(verify(&*self.adapter, inbound, *at), Ok(()));
            let refused = |what: &str, adapter: &dyn Provider, forged: &Inbound, at: DateTime<Utc>| {
                assert!(verify(adapter, forged, at).is_err(), "{what}: {:?}", forged.url);
            };
            refused("another account's", &*self.other, inbound, *at);
            let with = |value: Option<String>| self.resigned(inbound, value);
            let signature = self.signature(inbound);
            refused("absent", &*self.adapter, &with(None), *at);
            refused("empty", &*self.adapter, &with(Some(String::new())), *at);
            refused("short", &*self.adapter, &with(Some(signature.chars().take(signature.len() / 2).collect())), *at);
            for place in 0..signature.len() {
                let mut bytes = signature.clone().into_bytes();
                bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
                let changed = with(Some(String::from_utf8(bytes).unwrap()));
                // The last letters of an encoding may carry no bit at all.
                if place + 3 < signature.len() {
                    refused(&format!("letter {place} changed"), &*self.adapter, &changed, *at);
                }
            }
            if self.covers_body && !inbound.body.is_empty() {
                let mut forged = inbound.clone();
                *forged.body.last_mut().unwrap() ^= 1;
                refused("another body", &*self.adapter, &forged, *at);
            }
            if self.covers_time {
                for late in [TimeDelta::hours(1), TimeDelta::hours(-1)] {
                    refused("another time", &*self.adapter, inbound, *at + late);
                }
            }
        }
    }
}

fn json(inbound: &Inbound) -> serde_json::Value {
    serde_json::from_slice(&inbound.body).unwrap()
}

/// Where a mail server departs from saying yes.
#[derive(Debug, Clone, Copy)]
pub enum Sink {
    /// Nowhere.
    Accept,
    /// Answers this command (`CONNECT`, `EHLO`, `MAIL`, `RCPT`, `DATA`, `.`) with this line instead.
    Say(&'static str, &'static str),
    /// Closes instead of answering this command.
    DropAt(&'static str),
    /// Never answers this command.
    HangAt(&'static str),
    /// Answers this command with ten megabytes on one line.
    FloodAt(&'static str),
}

/// A mail server on the loopback.
pub struct MailServer {
    pub port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    /// Every line received so far.
    pub fn lines(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

/// Starts one, for at most eight connections.
pub fn smtp(sink: Sink) -> MailServer {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = MailServer { port: listener.local_addr().unwrap().port(), seen: Arc::default() };
    let seen = Arc::clone(&server.seen);
    thread::spawn(move || {
        for stream in listener.incoming().take(8).flatten() {
            let seen = Arc::clone(&seen);
            thread::spawn(move || receive(stream, sink, &seen));
        }
    });
    server
}

/// Answers `command` as the script says; `None` ends the connection.
fn reply(stream: &mut TcpStream, sink: Sink, command: &str, usual: &str) -> Option<()> {
    let line = match sink {
        Sink::Say(at, line) if at == command => line,
        Sink::DropAt(at) if at == command => return None,
        Sink::HangAt(at) if at == command => {
            thread::sleep(Duration::from_secs(4));
            return None;
        }
        Sink::FloodAt(at) if at == command => {
            (0..10_000).try_for_each(|_| stream.write_all(&[b'2'; 1_000])).ok()?;
            usual
        }
        _ => usual,
    };
    stream.write_all(format!("{line}\r\n").as_bytes()).ok()
}

fn receive(mut stream: TcpStream, sink: Sink, seen: &Mutex<Vec<String>>) -> Option<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    reply(&mut stream, sink, "CONNECT", "220 sink ESMTP")?;
    let mut in_data = false;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        seen.lock().unwrap().push(line.clone());
        if in_data {
            if line == ".\r\n" {
                in_data = false;
                reply(&mut stream, sink, ".", "250 queued")?;
            }
            continue;
        }
        let command = line.get(..4)?.to_ascii_uppercase();
        let usual = match command.as_str() {
            "EHLO" => "250-sink\r\n250 AUTH PLAIN",
            "AUTH" => "235 welcome",
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            _ => "250 fine",
        };
        reply(&mut stream, sink, &command, usual)?;
        in_data = command == "DATA" && !matches!(sink, Sink::Say("DATA", _));
    }
}
