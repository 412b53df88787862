//! The command line: one file per sub-command.
//!
//! The only floor that prints. What goes wrong is a sentence on standard error and an exit code: 2 for what the operator can mend, 1 otherwise.

mod completions;
mod config;
mod demo;
mod events;
mod import;
mod keys;
mod migrate;
mod openapi;
mod providers;
mod rehearse;
mod remote;
mod serve;
mod verify;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::config::{Config, LogFormat, Settings};

/// Gets invoices paid: decides who is reminded, sends it, and keeps the proof.
#[derive(Debug, Parser)]
#[command(name = "relance", version)]
struct Line {
    /// Configuration file (TOML). The environment (RELANCE_…) wins over it.
    #[arg(long, global = true, env = "RELANCE_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API, run the worker, or both.
    Serve(serve::Serve),
    /// Play 120 days of two creditors in virtual time, print what happened, and serve it.
    Demo(demo::Demo),
    /// Bring the database to this binary's schema.
    Migrate,
    /// Print the OpenAPI document.
    Openapi(openapi::Openapi),
    /// List the providers that messages can go through.
    Providers(providers::Providers),
    /// Check an exported journal, offline.
    Verify(verify::Verify),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Make keys of the platform, for whoever holds the database.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Take in what other systems know.
    #[command(subcommand)]
    Import(import::ImportCommand),
    /// Look at what happens, over the API.
    #[command(subcommand)]
    Events(events::EventsCommand),
    /// Forward events to a program of your own as they happen, over the API.
    Listen(events::Listen),
    /// Make an event happen in test mode, over the API.
    Trigger(rehearse::Trigger),
    /// Look at a test tenant's clock, or move it, over the API.
    #[command(subcommand)]
    Clock(rehearse::ClockCommand),
    /// Print a completion script for a shell.
    Completions(completions::Completions),
}

/// Why a command did not do its work.
#[derive(Debug)]
enum Failure {
    /// Something the operator can mend, a sentence each.
    Refused(Vec<String>),
    /// What was to be checked is not in order; the command has said why.
    NotInOrder,
}

impl From<String> for Failure {
    fn from(sentence: String) -> Self {
        Self::Refused(vec![sentence])
    }
}
impl From<Vec<String>> for Failure {
    fn from(sentences: Vec<String>) -> Self {
        Self::Refused(sentences)
    }
}
impl From<crate::error::Error> for Failure {
    fn from(error: crate::error::Error) -> Self {
        Self::Refused(vec![error.to_string()])
    }
}
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Refused(vec![error.to_string()])
    }
}

/// Runs the command line.
#[expect(clippy::print_stderr, reason = "the command line speaks to its operator")]
pub fn main() -> ExitCode {
    let line = Line::parse();
    let settings = |file: &Option<PathBuf>| Settings::read(file.as_ref(), |name| std::env::var(name).ok());
    let outcome = match &line.command {
        Command::Openapi(command) => command.run(),
        Command::Providers(command) => command.run(),
        Command::Verify(command) => command.run(),
        Command::Events(command) => command.run(),
        Command::Listen(command) => command.run(),
        Command::Trigger(command) => command.run(),
        Command::Clock(command) => command.run(),
        Command::Completions(command) => {
            command.run();
            Ok(())
        }
        Command::Demo(command) => settings(&line.config).map_err(Failure::from).and_then(|settings| command.run(&settings)),
        Command::Config(command) => settings(&line.config).map_err(Failure::from).and_then(|settings| command.run(&settings)),
        command => settings(&line.config).and_then(|settings| settings.check()).map_err(Failure::from).and_then(|config| match command {
            Command::Serve(serve) => serve.run(config),
            Command::Migrate => migrate::run(&config),
            Command::Keys(keys) => keys.run(config),
            Command::Import(import) => import.run(config),
            // Done above.
            _ => Ok(()),
        }),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::NotInOrder) => ExitCode::FAILURE,
        Err(Failure::Refused(sentences)) => {
            for sentence in sentences {
                eprintln!("relance: {sentence}");
            }
            ExitCode::from(2)
        }
    }
}

/// Starts the log, on standard error.
fn start_log(config: &Config) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("RELANCE_LOG").unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match config.log_format {
        LogFormat::Json => log.json().flatten_event(true).try_init(),
        LogFormat::Text => log.try_init(),
    };
    if let Err(error) = started {
        tracing::debug!(%error, "a log was there already");
    }
}
