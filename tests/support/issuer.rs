//! An OpenID Connect issuer on the loopback, with keys of every kind: it signs what it is told to, and misbehaves on request.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use aws_lc_rs::{
    encoding::{AsBigEndian, EcPublicKeyUncompressedBin},
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding},
};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::{App, Reply, Tenant};

/// How the issuer answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Manner {
    /// As it should.
    Well,
    /// Not at all: connections are closed.
    Down,
    /// Later than anybody waits.
    Hanging,
    /// With keys that never end.
    Endless,
    /// With a document that sends on to another place.
    Redirect(String),
    /// With keys at another place.
    KeysMoved(String),
    /// With a document of another issuer.
    Misnamed,
}

/// A private key of the issuer.
#[derive(Clone)]
pub enum Key {
    Rsa(Arc<RsaKeyPair>),
    P256(Arc<EcdsaKeyPair>),
    Ed25519(Arc<Ed25519KeyPair>),
}

impl Key {
    /// Making one takes long, so all tests share it.
    pub fn rsa() -> Self {
        static KEY: OnceLock<Arc<RsaKeyPair>> = OnceLock::new();
        Self::Rsa(Arc::clone(KEY.get_or_init(|| Arc::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()))))
    }

    /// Not that one.
    pub fn rsa_of_another() -> Self {
        static KEY: OnceLock<Arc<RsaKeyPair>> = OnceLock::new();
        Self::Rsa(Arc::clone(KEY.get_or_init(|| Arc::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()))))
    }

    pub fn p256() -> Self {
        Self::P256(Arc::new(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()))
    }

    pub fn ed25519() -> Self {
        Self::Ed25519(Arc::new(Ed25519KeyPair::generate().unwrap()))
    }

    /// As it is published.
    pub fn public(&self, kid: &str) -> Value {
        let text = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        match self {
            Self::Rsa(pair) => {
                let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
                json!({"kid": kid, "kty": "RSA", "use": "sig", "n": text(n.big_endian_without_leading_zero()), "e": text(e.big_endian_without_leading_zero())})
            }
            Self::P256(pair) => {
                let point: EcPublicKeyUncompressedBin<'_> = pair.public_key().as_be_bytes().unwrap();
                let point: &[u8] = point.as_ref();
                json!({"kid": kid, "kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..])})
            }
            Self::Ed25519(pair) => {
                json!({"kid": kid, "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": text(pair.public_key().as_ref())})
            }
        }
    }

    fn sign(&self, algorithm: &str, text: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let how: &'static dyn RsaEncoding = if algorithm == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(how, &random, text, &mut signature).unwrap();
                signature
            }
            Self::P256(pair) => pair.sign(&random, text).unwrap().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.sign(text).as_ref().to_vec(),
        }
    }
}

/// A token with these parts, signed by `key` as the header says.
pub fn sign(key: &Key, header: &Value, claims: &Value) -> String {
    let text = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let signed = format!("{}.{}", text(header), text(claims));
    let signature = key.sign(header["alg"].as_str().unwrap_or_default(), signed.as_bytes());
    format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
}

/// The running issuer.
pub struct Issuer {
    pub url: String,
    manner: Arc<Mutex<Manner>>,
    keys: Arc<Mutex<Vec<Value>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Issuer {
    /// One that publishes this key under the name `a`.
    pub fn open(key: &Key) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let issuer = Self {
            url: url.clone(),
            manner: Arc::new(Mutex::new(Manner::Well)),
            keys: Arc::new(Mutex::new(vec![key.public("a")])),
            asked: Arc::default(),
        };
        let (manner, keys, asked) = (Arc::clone(&issuer.manner), Arc::clone(&issuer.keys), Arc::clone(&issuer.asked));
        std::thread::spawn(move || {
            for mut connection in listener.incoming().flatten() {
                let Some(path) = path_of(&mut connection) else { continue };
                asked.lock().unwrap().push(path.clone());
                let manner = manner.lock().unwrap().clone();
                let keys = keys.lock().unwrap().clone();
                std::thread::spawn({
                    let url = url.clone();
                    move || answer(connection, &url, &path, &manner, &keys)
                });
            }
        });
        issuer
    }

    pub fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// Publishes these keys instead.
    pub fn publish(&self, keys: Vec<Value>) {
        *self.keys.lock().unwrap() = keys;
    }

    /// How often its keys were fetched.
    pub fn fetches(&self) -> usize {
        self.asked.lock().unwrap().iter().filter(|path| *path == "/keys").count()
    }

    /// How often it was asked for anything.
    pub fn calls(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// What a good token of Ann's says at the application's present, with `groups`.
    pub fn claims(&self, app: &App, groups: &[&str]) -> Value {
        let now = app.clock.now().timestamp();
        json!({"iss": self.url, "aud": "relance", "sub": "ann", "iat": now, "exp": now + 600, "groups": groups})
    }

    /// A good token of Ann's.
    pub fn token(&self, app: &App, key: &Key, algorithm: &str, groups: &[&str]) -> String {
        sign(key, &json!({"alg": algorithm, "kid": "a", "typ": "JWT"}), &self.claims(app, groups))
    }

    /// Has a tenant believe this issuer; the provider's id.
    pub async fn trusted_by(&self, app: &App, key: &str, algorithms: &[&str]) -> String {
        let values =
            json!([{"value": "leads", "role": "manager"}, {"value": "desk", "role": "agent"}, {"value": "guests", "role": "viewer"}]);
        let body = json!({"name": "Company login", "issuer": self.url, "audience": "relance", "algorithms": algorithms, "roles": {"claim": "groups", "values": values}});
        app.post("/v1/identity-providers", key, body).await.expect(201)["id"].as_str().unwrap().to_owned()
    }
}

impl App {
    /// A request in live mode by the bearer of an identity provider's token.
    pub async fn as_person(&self, method: &str, path: &str, tenant: &Tenant, token: &str, body: Value) -> Reply {
        self.send(method, path, token, body, &[("Relance-Tenant", &tenant.id)]).await
    }

    /// Whether the token opens the tenant's live mode: the status of asking.
    pub async fn admits(&self, tenant: &Tenant, token: &str) -> u16 {
        self.as_person("GET", "/v1/me", tenant, token, Value::Null).await.status
    }
}

fn path_of(connection: &mut TcpStream) -> Option<String> {
    connection.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let (mut request, mut part) = (Vec::new(), [0; 4096]);
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let count = connection.read(&mut part).ok().filter(|count| *count > 0)?;
        request.extend_from_slice(&part[..count]);
    }
    String::from_utf8_lossy(&request).split(' ').nth(1).map(str::to_owned)
}

fn answer(mut connection: TcpStream, url: &str, path: &str, manner: &Manner, keys: &[Value]) {
    let mut say = |head: &str, body: &str| {
        let head =
            format!("HTTP/1.1 {head}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        connection.write_all(format!("{head}{body}").as_bytes()).ok();
    };
    let is_document = path == "/.well-known/openid-configuration";
    match manner {
        Manner::Down => {}
        Manner::Hanging => std::thread::sleep(Duration::from_secs(8)),
        Manner::Redirect(to) if is_document => say(&format!("302 Found\r\nlocation: {to}"), ""),
        Manner::Misnamed if is_document => {
            say("200 OK", &json!({"issuer": "https://login.example.com", "jwks_uri": format!("{url}/keys")}).to_string())
        }
        Manner::KeysMoved(to) if is_document => say("200 OK", &json!({"issuer": url, "jwks_uri": to}).to_string()),
        Manner::Endless if path == "/keys" => {
            let padded: Vec<Value> =
                (0..2_000).map(|n| json!({"kid": n.to_string(), "kty": "RSA", "n": "A".repeat(60), "e": "AQAB"})).collect();
            let all = [keys, &padded].concat();
            say("200 OK", &json!({ "keys": all }).to_string());
        }
        _ if is_document => say("200 OK", &json!({"issuer": url, "jwks_uri": format!("{url}/keys")}).to_string()),
        _ if path == "/keys" => say("200 OK", &json!({ "keys": keys }).to_string()),
        _ => say("404 Not Found", "{}"),
    }
}
