//! `relance verify`: checks an exported journal without any server, database or key of ours.
//!
//! Exit codes: 0 sound, 1 something is wrong, 2 the file or an option cannot be read.

use std::{
    fs::File,
    io::{BufReader, IsTerminal as _},
    path::PathBuf,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Failure;
use crate::domain::evidence::{
    checkpoint::PublicKey,
    verify::{Report, Trust, verify},
};

/// From this size on, in bytes, a progress bar is shown.
const LARGE: u64 = 16 << 20;
const BUFFER: usize = 1 << 20;

/// Checks an exported journal: every digest, place, signature and disclosure, and the checkpoints you kept.
#[derive(Debug, clap::Args)]
pub struct Verify {
    /// The export, as GET /v1/evidence/export gave it.
    file: PathBuf,
    /// A checkpoint you kept from a Relance-Checkpoint header. May be repeated.
    #[arg(long = "checkpoint", value_name = "LINE")]
    checkpoints: Vec<String>,
    /// A file of such checkpoints, one a line; lines that begin with # are left out.
    #[arg(long, value_name = "FILE")]
    checkpoints_file: Option<PathBuf>,
    /// The only public key that may have signed, in base64. May be repeated after a rotation. Without it the file's own keys are believed.
    #[arg(long = "key", value_name = "BASE64")]
    keys: Vec<PublicKey>,
}

impl Verify {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let trust = Trust { keys: self.keys.clone(), checkpoints: self.kept()? };
        let cannot = |error: std::io::Error| format!("cannot read {}: {error}", self.file.display());
        let file = File::open(&self.file).map_err(cannot)?;
        let bar = bar(file.metadata().map_err(cannot)?.len());
        let report = verify(BufReader::with_capacity(BUFFER, bar.wrap_read(file)), &trust).map_err(cannot)?;
        bar.finish_and_clear();
        self.print(&report, trust.checkpoints.len());
        if report.is_sound() { Ok(()) } else { Err(Failure::NotInOrder) }
    }

    /// The checkpoints of the options and of the file.
    fn kept(&self) -> Result<Vec<String>, Failure> {
        let mut kept = self.checkpoints.clone();
        if let Some(path) = &self.checkpoints_file {
            let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            kept.extend(text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned));
        }
        Ok(kept)
    }

    #[expect(clippy::print_stdout, reason = "the verdict is the output")]
    fn print(&self, report: &Report, kept: usize) {
        println!("entries      {}", report.entries);
        println!("checkpoints  {}", report.checkpoints);
        println!("kept         {} of {kept} met", report.kept);
        println!("disclosed    {}", report.disclosed);
        println!("erased       {}", report.erased);
        if let Some(last) = &report.last {
            println!("last         {}", last.line());
        }
        for finding in &report.findings {
            match finding.line {
                0 => println!("finding      file: {}", finding.what),
                line => println!("finding      line {line}: {}", finding.what),
            }
        }
        if report.unlisted > 0 {
            println!("finding      and {} more", report.unlisted);
        }
        if self.keys.is_empty() {
            println!("note         no --key was given: the keys that the file names were believed");
        }
        if kept == 0 {
            println!("note         no --checkpoint was given: a file cut behind one of its own checkpoints looks whole");
        }
        println!("{}", if report.is_sound() { "sound" } else { "NOT SOUND" });
    }
}

fn bar(length: u64) -> ProgressBar {
    if length < LARGE || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    match ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
