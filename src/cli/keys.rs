//! `relance keys`: platform keys for whoever holds the database, should the first one be lost.

use super::Failure;
use crate::{
    actions,
    clock::Clock,
    config::Config,
    domain::{
        access::{NewKey, Scope},
        ids::{ApiKeyId, TenantId},
    },
    store::{self, Db},
};

/// Makes and ends platform keys.
#[derive(Debug, clap::Subcommand)]
pub enum KeysCommand {
    /// Make a platform key and print it, this once.
    Create {
        /// What it is for.
        #[arg(long, default_value = "operator")]
        name: String,
    },
    /// List platform keys.
    List,
    /// End a platform key.
    Revoke {
        /// Its id.
        id: ApiKeyId,
    },
}

impl KeysCommand {
    #[expect(clippy::print_stdout, reason = "the operator asked")]
    pub(super) fn run(&self, config: Config) -> Result<(), Failure> {
        let db = Db::open(&config.database, 2)?;
        let clock = Clock::system();
        match self {
            Self::Create { name } => {
                let new = NewKey::with_scopes(name, Scope::of_platform());
                let (row, secret) = actions::run_now(&db, &clock, TenantId::PLATFORM, "operator", |act| {
                    actions::keys::mint(act, TenantId::PLATFORM, &new)
                })?;
                println!("{}  {secret}", row.id);
            }
            Self::List => {
                for key in db.read_now(TenantId::PLATFORM, |conn| store::keys::list(conn, TenantId::PLATFORM, None, 1_000))? {
                    let state = if key.works(clock.now()) { "works" } else { "ended" };
                    println!("{}  …{}  {state}  {}", key.id, key.last4, key.name);
                }
            }
            Self::Revoke { id } => {
                actions::run_now(&db, &clock, TenantId::PLATFORM, "operator", |act| actions::keys::revoke(act, *id))?;
                println!("{id} ended");
            }
        }
        Ok(())
    }
}
