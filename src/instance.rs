//! One running process: what its API and its worker share.

use std::{sync::Arc, time::Duration};

use crate::{
    clock::Clock,
    config::Config,
    domain::{evidence::checkpoint::Signer, ids::TenantId, invalid::Faults, link::Links, vault::Vault},
    error::{Error, Result},
    outbound::{
        Provider,
        accounts::Accounts,
        address::Policy,
        connectors::{self, Access, Connector},
        net::{Deadlines, Net},
        oidc::Issuers,
        providers::solvency::Solvency,
        registry::{self, Credentials, ProviderSettings},
    },
    store::{Db, connections::Connection, provider_accounts::ProviderAccount},
};

/// Everything that is made once at start.
#[derive(Debug)]
pub struct Instance {
    /// The database.
    pub db: Db,
    /// The present.
    pub clock: Clock,
    /// The configuration.
    pub config: Config,
    /// Opens and seals what is secret at rest.
    pub vault: Arc<Vault>,
    /// Signs the evidence.
    pub signer: Arc<Signer>,
    /// Makes the links that debtors follow.
    pub links: Links,
    /// The only door to the network.
    pub net: Net,
    /// Provider accounts in use.
    pub providers: Accounts,
    /// Whose tokens are believed.
    pub issuers: Issuers,
}

impl Instance {
    /// Makes it over an open database.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn new(db: Db, clock: Clock, config: Config) -> Result<Self, String> {
        let (current, former) = (&config.secrets.current, &config.secrets.former);
        let deadlines = Deadlines::within(Duration::from_secs(u64::from(config.lease_seconds)));
        let net = Net::new(Policy { allow_private: config.allow_private_networks }, deadlines).map_err(|error| error.to_string())?;
        Ok(Self {
            vault: Arc::new(Vault::new(current, former).map_err(|error| error.to_string())?),
            signer: Arc::new(Signer::derive(current).map_err(|error| error.to_string())?),
            links: Links::new(&config.public_url, current, former).map_err(|error| error.to_string())?,
            providers: Accounts::default(),
            issuers: Issuers::new(&net),
            net,
            db,
            clock,
            config,
        })
    }

    /// The adapter of a provider account.
    ///
    /// # Errors
    /// A record or credentials that cannot be used: the account's trouble alone.
    pub fn provider(&self, tenant: TenantId, account: &ProviderAccount) -> Result<Arc<dyn Provider>> {
        let build = || {
            let (settings, credentials) = self.record(account)?;
            registry::for_mode(tenant.mode(), &settings, credentials.as_ref(), &self.net)
        };
        self.providers.adapter((tenant, account.id), account.version, build).map_err(Error::from)
    }

    /// The adapter of an account at a provider of solvency checks.
    ///
    /// # Errors
    /// As [`Instance::provider`].
    pub fn solvency(&self, account: &ProviderAccount) -> Result<Solvency> {
        let (settings, credentials) = self.record(account)?;
        registry::solvency(&settings, credentials.as_ref(), &self.net).map_err(Error::from)
    }

    /// Where an account's provider delivers its receipts; `None` for an account made before the path was kept, until it is given out anew.
    pub fn receipt_url(&self, account: &ProviderAccount) -> Option<String> {
        let token = account.open_inbound_token(&self.vault).unwrap_or_else(|error| {
            tracing::warn!(account = %account.id, %error, "a receipt path cannot be shown");
            None
        })?;
        Some(format!("{}/v1/inbound/{token}", self.config.public_url.trim_end_matches('/')))
    }

    /// The adapter of a connection's system.
    ///
    /// # Errors
    /// Credentials that cannot be opened, and whatever the system cannot do without.
    pub fn connector(&self, row: &Connection) -> Result<Box<dyn Connector>, Faults> {
        let sealed = row.open_credentials(&self.vault);
        let credentials = sealed.map_err(|error| Faults::one("/credentials", "unreadable", error.to_string()))?;
        connectors::open(row.system, Access { settings: row.settings.0.clone(), credentials })
    }

    /// Where a connection's system delivers its notices; `None` if that cannot be opened.
    pub fn connection_url(&self, row: &Connection) -> Option<String> {
        let token = row.open_inbound_token(&self.vault).inspect_err(|error| {
            tracing::warn!(connection = %row.id, %error, "an inbound address cannot be shown");
        });
        Some(format!("{}/v1/inbound/connections/{}", self.config.public_url.trim_end_matches('/'), token.ok()?))
    }

    /// What an account's record says.
    fn record(&self, account: &ProviderAccount) -> Result<(ProviderSettings, Option<Credentials>), Faults> {
        let unreadable = |pointer: &'static str| move |_| Faults::one(pointer, "unreadable", "the record cannot be read; enter it again");
        let settings = serde_json::from_value(account.settings.0.clone()).map_err(unreadable("/settings"))?;
        let sealed = account.open_credentials(&self.vault).map_err(|error| Faults::one("/credentials", "unreadable", error.to_string()))?;
        let credentials = sealed.map(|text| serde_json::from_slice(&text)).transpose().map_err(unreadable("/credentials"))?;
        Ok((settings, credentials))
    }
}
