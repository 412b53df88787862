//! `relance completions`: what a shell needs to complete this command line.

use clap::CommandFactory;

/// Prints a completion script.
#[derive(Debug, clap::Args)]
pub struct Completions {
    /// For this shell.
    shell: clap_complete::Shell,
}

impl Completions {
    pub(super) fn run(&self) {
        clap_complete::generate(self.shell, &mut super::Line::command(), "relance", &mut std::io::stdout());
    }
}
