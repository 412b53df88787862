//! `relance openapi`: the document that the server serves, for generators and for the repository.

use std::path::PathBuf;

use super::Failure;
use crate::http;

/// Prints the document, or compares it.
#[derive(Debug, clap::Args)]
pub struct Openapi {
    /// Compare with this file instead of printing, and fail if they differ.
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
    /// Of OpenAPI: the document itself, or the one derived from it for generators that do not read 3.1.
    #[arg(long, value_enum, default_value_t = Version::Published)]
    version: Version,
}

/// In which version of OpenAPI.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Version {
    #[value(name = "3.1.0", alias = "3.1")]
    Published,
    #[value(name = "3.0.3", alias = "3.0")]
    Older,
}

impl Openapi {
    #[expect(clippy::print_stdout, reason = "the document is the output")]
    pub(super) fn run(&self) -> Result<(), Failure> {
        let document = match self.version {
            Version::Published => http::document(),
            Version::Older => http::older(&http::document()),
        };
        let document = serde_json::to_string_pretty(&document).map_err(|error| error.to_string())? + "\n";
        match &self.check {
            None => {
                print!("{document}");
                Ok(())
            }
            Some(file) if std::fs::read_to_string(file)? == document => Ok(()),
            Some(file) => {
                Err(format!("{} is not what the server serves; write it anew: relance openapi > {}", file.display(), file.display()).into())
            }
        }
    }
}
