//! `relance migrate`: brings the database to this binary's schema. On PostgreSQL it runs as the owner of the tables.

use super::Failure;
use crate::{config::Config, store};

#[expect(clippy::print_stdout, reason = "the operator asked")]
pub(super) fn run(config: &Config) -> Result<(), Failure> {
    match store::migrations::migrate(&config.database)? {
        0 => println!("{}: nothing to do", config.database),
        steps => println!("{}: {steps} migration(s) applied", config.database),
    }
    Ok(())
}
