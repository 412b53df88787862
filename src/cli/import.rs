//! `relance import`: histories of other systems, from files.

use std::{
    fs::File,
    io::{BufRead, BufReader, IsTerminal, Seek},
    path::{Path, PathBuf},
};

use chrono::NaiveDate;
use indicatif::{ProgressBar, ProgressStyle};

use super::Failure;
use crate::{
    actions::{
        self,
        import::{Counts, Job, Tally},
    },
    clock::Clock,
    config::Config,
    domain::{
        ids::{Mode, TenantId},
        import::csv::{Mapping, sniff},
    },
    error::Error,
    store::Db,
};

/// Takes in customers, invoices and payments.
#[derive(Debug, clap::Subcommand)]
pub enum ImportCommand {
    /// From a table with one invoice a row.
    Csv(Csv),
}

/// Which table, for whom, and how to read it.
#[derive(Debug, clap::Args)]
pub struct Csv {
    /// The table: UTF-8, with headings in its first row.
    file: PathBuf,
    /// The tenant's id.
    #[arg(long)]
    tenant: TenantId,
    /// Into which of its partitions.
    #[arg(long, default_value = "test", value_name = "live|test")]
    mode: Mode,
    /// Which column feeds which field (TOML).
    #[arg(long)]
    mapping: PathBuf,
    /// Read and check every cell, write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Where to write what was left out: row, column, value, problem.
    #[arg(long)]
    report: Option<PathBuf>,
    /// The world as it was at the end of this day: later invoices are absent, later payments not made.
    #[arg(long, value_name = "YYYY-MM-DD")]
    as_of: Option<NaiveDate>,
}

impl ImportCommand {
    pub(super) fn run(&self, config: Config) -> Result<(), Failure> {
        let Self::Csv(command) = self;
        command.run(config)
    }
}

impl Csv {
    #[expect(clippy::print_stdout, reason = "the operator asked")]
    fn run(&self, config: Config) -> Result<(), Failure> {
        let text = std::fs::read_to_string(&self.mapping).map_err(|error| cannot_read(&self.mapping, &error))?;
        let mapping: Mapping = toml::from_str(&text).map_err(|error| format!("{}: {error}", self.mapping.display()))?;
        let (table, bytes, delimiter) = open(&self.file, &mapping)?;
        let mut report = self.report.as_ref().map(csv::Writer::from_path).transpose().map_err(|error| error.to_string())?;
        if let Some(report) = &mut report {
            report.write_record(["row", "column", "value", "problem"]).map_err(|error| error.to_string())?;
        }
        let db = Db::open(&config.database, 2)?;
        let job = Job {
            tenant: self.tenant.in_mode(self.mode),
            actor: "operator",
            mapping: &mapping,
            delimiter,
            as_of: self.as_of,
            dry_run: self.dry_run,
        };
        let bar = progress_bar(bytes);
        let counts = actions::import::csv(
            &db,
            &Clock::system(),
            &job,
            table,
            |bytes| bar.set_position(bytes),
            |problem| match &mut report {
                Some(report) => report
                    .write_record([problem.row.to_string().as_str(), &problem.column, &problem.value, &problem.problem])
                    .map_err(Error::internal),
                None => Ok(()),
            },
        )?;
        bar.finish_and_clear();
        if let Some(mut report) = report {
            report.flush()?;
        }
        println!("{}", sentence(&counts, self.dry_run));
        Ok(())
    }
}

/// The table from its first byte, its size, and the delimiter.
fn open(file: &Path, mapping: &Mapping) -> Result<(BufReader<File>, u64, u8), Failure> {
    let opened = File::open(file).map_err(|error| cannot_read(file, &error))?;
    let bytes = opened.metadata()?.len();
    let mut table = BufReader::with_capacity(1 << 20, opened);
    let mut first = Vec::new();
    std::io::Read::take(&mut table, 65_536).read_until(b'\n', &mut first)?;
    table.rewind()?;
    let delimiter = mapping.delimiter.unwrap_or_else(|| sniff(&String::from_utf8_lossy(&first)));
    let delimiter = u8::try_from(delimiter).map_err(|_| format!("delimiter {delimiter:?}: write a single plain character"))?;
    Ok((table, bytes, delimiter))
}

fn cannot_read(file: &Path, error: &std::io::Error) -> String {
    format!("cannot read {}: {error}", file.display())
}

fn progress_bar(bytes: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta}").unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(bytes).with_style(style)
}

fn sentence(counts: &Counts, dry_run: bool) -> String {
    let tally = |of: Tally| format!("{} new, {} changed, {} as they were", of.created, of.changed, of.unchanged);
    let read = format!("{} rows read, {} refused, {} later than asked for", counts.rows, counts.refused, counts.later);
    if dry_run {
        return format!("{read}; nothing written");
    }
    format!("{read}\ncustomers: {}\ninvoices: {}\npayments: {}", tally(counts.customers), tally(counts.invoices), tally(counts.payments))
}
