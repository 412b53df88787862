//! `relance config check`: says what the configuration means, or everything that is wrong with it.

use super::Failure;
use crate::config::Settings;

/// Looks at the configuration.
#[derive(Debug, clap::Subcommand)]
pub enum ConfigCommand {
    /// Print what file and environment mean together; secrets are not shown.
    Check,
}

impl ConfigCommand {
    #[expect(clippy::print_stdout, reason = "the operator asked")]
    pub(super) fn run(&self, settings: &Settings) -> Result<(), Failure> {
        let Self::Check = self;
        let config = settings.check()?;
        println!("database_url = {:?}", config.database.to_string());
        println!("database_connections = {}", config.connections);
        println!("listen = {:?}", config.listen.to_string());
        println!("public_url = {:?}", config.public_url);
        println!("role = {:?}", config.role.as_str());
        println!("log_format = {:?}", config.log_format.as_str());
        println!("allow_private_networks = {}", config.allow_private_networks);
        let proxies: Vec<String> = config.trusted_proxies.iter().map(ToString::to_string).collect();
        println!("trusted_proxies = {:?}", proxies.join(", "));
        println!("lease_seconds = {}", config.lease_seconds);
        println!("rate_limit_key = {}", config.rates.key);
        println!("rate_limit_tenant = {}", config.rates.tenant);
        println!("rate_limit_exports = {}", config.rates.exports);
        println!("master_key = \"…\"  # {} former", config.secrets.former.len());
        Ok(())
    }
}
