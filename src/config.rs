//! The configuration: a TOML file and the environment (`RELANCE_…`, which wins), read once.

use std::{fmt, net::SocketAddr, path::PathBuf};

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use crate::{domain::network::Network, store::DatabaseUrl};

crate::words! {
    /// Which part of the work a process does.
    pub enum Role {
        /// The API and the worker.
        All = "all",
        /// The API alone.
        Api = "api",
        /// The worker alone, with its health endpoints.
        Worker = "worker",
    }
}

crate::words! {
    /// How the log is written.
    pub enum LogFormat {
        /// One JSON object a line.
        Json = "json",
        /// For people.
        Text = "text",
    }
}

/// What a running instance needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the database is.
    pub database: DatabaseUrl,
    /// How many connections to keep to it.
    pub connections: u32,
    /// Where to listen.
    pub listen: SocketAddr,
    /// The address under which callers and providers reach this API.
    pub public_url: String,
    /// What to do.
    pub role: Role,
    /// How the log is written.
    pub log_format: LogFormat,
    /// Whether tenants' URLs may lead to private networks. Off, unless the gateway stands beside this server.
    pub allow_private_networks: bool,
    /// The proxies in front of the API: of them alone it is believed whom a request comes from.
    pub trusted_proxies: Vec<Network>,
    /// For how many seconds a dispatcher may keep a message; 5 to 600. What a killed worker had in hand is taken up after that.
    pub lease_seconds: u32,
    /// How often callers may ask.
    pub rates: Rates,
    /// From which every secret is derived.
    pub secrets: Secrets,
}

/// How many requests a minute are answered; 0: as many as come. They are counted in the memory of each process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Of one key.
    pub key: u32,
    /// Of all keys of a tenant in one mode.
    pub tenant: u32,
    /// Of those that export, by tenant and mode; they count for the others, too.
    pub exports: u32,
}

/// Nothing that one machine answers in practice: they keep a caller that has run wild from starving the others.
impl Default for Rates {
    fn default() -> Self {
        Self { key: 300_000, tenant: 600_000, exports: 60 }
    }
}

/// The master keys: the first seals, all open.
#[derive(Clone)]
pub struct Secrets {
    /// The key in use.
    pub current: [u8; 32],
    /// Keys that were in use before.
    pub former: Vec<[u8; 32]>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// The settings as they are written, before they mean anything.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// `sqlite:relance.db` or `postgres://…`
    pub database_url: Option<String>,
    /// 1 to 200.
    pub database_connections: Option<u32>,
    /// `127.0.0.1:8080`
    pub listen: Option<String>,
    /// `https://dunning.example.com`
    pub public_url: Option<String>,
    /// `all`, `api` or `worker`
    pub role: Option<String>,
    /// `json` or `text`
    pub log_format: Option<String>,
    /// `true` or `false`
    pub allow_private_networks: Option<bool>,
    /// Networks separated by commas: `10.0.0.0/8, fd00::/8`
    pub trusted_proxies: Option<String>,
    /// 5 to 600.
    pub lease_seconds: Option<u32>,
    /// Requests a minute, 0 to 10000000; 0 for no limit.
    pub rate_limit_key: Option<u32>,
    /// As `rate_limit_key`, for all keys of a tenant.
    pub rate_limit_tenant: Option<u32>,
    /// As `rate_limit_key`, for a tenant's exports.
    pub rate_limit_exports: Option<u32>,
    /// Base64 of 32 bytes; former keys follow, separated by commas.
    pub master_key: Option<String>,
}

const NAMES: [&str; 13] = [
    "database_url",
    "database_connections",
    "listen",
    "public_url",
    "role",
    "log_format",
    "allow_private_networks",
    "trusted_proxies",
    "lease_seconds",
    "rate_limit_key",
    "rate_limit_tenant",
    "rate_limit_exports",
    "master_key",
];

impl Settings {
    /// Reads the file, if one is named, and then the environment.
    ///
    /// # Errors
    /// Everything that is wrong, a sentence each.
    pub fn read(file: Option<&PathBuf>, environment: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<String>> {
        let mut table = match file {
            None => toml::Table::new(),
            Some(path) => std::fs::read_to_string(path)
                .map_err(|error| vec![format!("cannot read {}: {error}", path.display())])?
                .parse::<toml::Table>()
                .map_err(|error| vec![format!("{} is no TOML: {error}", path.display())])?,
        };
        for name in NAMES {
            let Some(text) = environment(&format!("RELANCE_{}", name.to_ascii_uppercase())) else { continue };
            let value = match name {
                "database_connections" | "lease_seconds" | "rate_limit_key" | "rate_limit_tenant" | "rate_limit_exports" => {
                    text.parse().map(toml::Value::Integer).unwrap_or(toml::Value::String(text))
                }
                "allow_private_networks" => text.parse().map(toml::Value::Boolean).unwrap_or(toml::Value::String(text)),
                _ => toml::Value::String(text),
            };
            table.insert(name.to_owned(), value);
        }
        let mut wrong: Vec<String> = table
            .keys()
            .filter(|key| !NAMES.contains(&key.as_str()))
            .map(|key| format!("unknown setting {key}; known are {}", NAMES.join(", ")))
            .collect();
        match table.try_into() {
            Ok(settings) if wrong.is_empty() => Ok(settings),
            Ok(_) => Err(wrong),
            Err(error) => {
                if wrong.is_empty() {
                    wrong.push(format!("a setting has the wrong type: {}", error.message()));
                }
                Err(wrong)
            }
        }
    }

    /// What the settings mean, with defaults for what is absent.
    ///
    /// # Errors
    /// Everything that is wrong, a sentence each.
    pub fn check(&self) -> Result<Config, Vec<String>> {
        let mut wrong = Vec::new();
        let database = note(&mut wrong, self.database_url.as_deref().unwrap_or("sqlite:relance.db").parse::<DatabaseUrl>());
        let connections = self.database_connections.unwrap_or(10);
        if !(1..=200).contains(&connections) {
            wrong.push("database_connections must be 1 to 200".to_owned());
        }
        let lease_seconds = self.lease_seconds.unwrap_or(60);
        if !(5..=600).contains(&lease_seconds) {
            wrong.push("lease_seconds must be 5 to 600".to_owned());
        }
        let rates = self.rates(&mut wrong);
        let listen = self.listen.as_deref().unwrap_or("127.0.0.1:8080");
        let listen = note(
            &mut wrong,
            listen.parse::<SocketAddr>().map_err(|_| format!("listen = {listen:?} is no address; write one such as 127.0.0.1:8080")),
        );
        let role = note(
            &mut wrong,
            self.role.as_deref().unwrap_or("all").parse::<Role>().map_err(|error| format!("{error}; write all, api or worker")),
        );
        let log_format = note(
            &mut wrong,
            self.log_format.as_deref().unwrap_or("text").parse::<LogFormat>().map_err(|error| format!("{error}; write json or text")),
        );
        let trusted_proxies = note(&mut wrong, networks(self.trusted_proxies.as_deref().unwrap_or_default()));
        let public_url = self.public_url.clone().or_else(|| listen.map(|at| format!("http://{at}"))).unwrap_or_default();
        if !public_url.is_empty() && url::Url::parse(&public_url).is_err() {
            wrong.push(format!("public_url = {public_url:?} is no URL; write one such as https://dunning.example.com"));
        }
        let secrets = match (&self.master_key, &database) {
            (Some(text), _) => note(&mut wrong, master_keys(text)),
            (None, Some(DatabaseUrl::Sqlite(path))) => note(&mut wrong, key_beside(path)),
            (None, _) => {
                wrong.push("master_key is missing: every instance needs the same one; make it with: openssl rand -base64 32".to_owned());
                None
            }
        };
        match (database, listen, role, log_format, trusted_proxies, secrets) {
            (Some(database), Some(listen), Some(role), Some(log_format), Some(trusted_proxies), Some(secrets)) if wrong.is_empty() => {
                Ok(Config {
                    database,
                    connections,
                    listen,
                    public_url: public_url.trim_end_matches('/').to_owned(),
                    role,
                    log_format,
                    allow_private_networks: self.allow_private_networks.unwrap_or(false),
                    trusted_proxies,
                    lease_seconds,
                    rates,
                    secrets,
                })
            }
            _ => Err(wrong),
        }
    }

    fn rates(&self, wrong: &mut Vec<String>) -> Rates {
        let usual = Rates::default();
        let mut rate = |name: &str, given: Option<u32>, usual: u32| {
            if given.is_some_and(|rate| rate > 10_000_000) {
                wrong.push(format!("{name} must be 0 to 10000000"));
            }
            given.unwrap_or(usual)
        };
        Rates {
            key: rate("rate_limit_key", self.rate_limit_key, usual.key),
            tenant: rate("rate_limit_tenant", self.rate_limit_tenant, usual.tenant),
            exports: rate("rate_limit_exports", self.rate_limit_exports, usual.exports),
        }
    }
}

fn note<T>(wrong: &mut Vec<String>, outcome: Result<T, String>) -> Option<T> {
    outcome.map_err(|error| wrong.push(error)).ok()
}

fn networks(text: &str) -> Result<Vec<Network>, String> {
    let named = text.split(',').map(str::trim).filter(|one| !one.is_empty());
    named.map(|one| one.parse().map_err(|error| format!("trusted_proxies: {one:?} is {error}"))).collect()
}

fn master_keys(text: &str) -> Result<Secrets, String> {
    let keys = text
        .split(',')
        .map(|one| BASE64.decode(one.trim().as_bytes()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()))
        .collect::<Option<Vec<_>>>()
        .ok_or("master_key must be base64 of 32 bytes (former keys after commas); make it with: openssl rand -base64 32")?;
    match keys.split_first() {
        Some((current, former)) => Ok(Secrets { current: *current, former: former.to_vec() }),
        None => Err("master_key is empty".to_owned()),
    }
}

/// The embedded database keeps its key in a file beside it, made at the first start and readable by its owner alone.
fn key_beside(database: &std::path::Path) -> Result<Secrets, String> {
    let path = PathBuf::from(format!("{}.key", database.display()));
    if !path.exists() {
        if database.exists() {
            return Err(format!(
                "the key {} is missing, and without it the database cannot be used; bring it back or set master_key",
                path.display()
            ));
        }
        let key = crate::domain::crypto::random::<32>().map_err(|error| error.to_string())?;
        write_private(&path, &BASE64.encode(&key)).map_err(|error| format!("cannot write the key {}: {error}", path.display()))?;
    }
    let text = std::fs::read_to_string(&path).map_err(|error| format!("cannot read the key {}: {error}", path.display()))?;
    master_keys(text.trim())
}

fn write_private(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}
