//! `relance import`: histories of other systems, from files.

use std::{
    fs::File,
    io::{BufReader, IsTerminal},
    path::{Path, PathBuf},
};

use chrono::NaiveDate;
use indicatif::{ProgressBar, ProgressStyle};

use super::Failure;
use crate::{
    actions::imports::{
        Columns, NewImport,
        blocking::{self, For},
    },
    clock::Clock,
    config::Config,
    domain::{
        customer::CustomerKind,
        ids::{Mode, TenantId},
        import::{
            csv::Mapping,
            job::{ImportKind, ImportState, Tally},
        },
    },
    store::{self, Db, imports::Import},
};

/// Rows of a report that are read at once.
const PAGE: i64 = 1_000;

/// Takes in customers, invoices and payments.
#[derive(Debug, clap::Subcommand)]
pub enum ImportCommand {
    /// From a table, by a mapping.
    Csv(Csv),
    /// From an electronic invoice (UBL, CII, Factur-X), a bank's statement (CAMT, MT940) or an accounting file (FEC).
    File(Other),
}

/// Which table, for whom, and how to read it.
#[derive(Debug, clap::Args)]
pub struct Csv {
    #[command(flatten)]
    common: Common,
    /// Which column feeds which field (TOML).
    #[arg(long)]
    mapping: PathBuf,
}

/// Which file, and for whom.
#[derive(Debug, clap::Args)]
pub struct Other {
    #[command(flatten)]
    common: Common,
    /// What it must be; found out if absent.
    #[arg(long)]
    kind: Option<ImportKind>,
    /// The name under which external ids are kept.
    #[arg(long)]
    source: Option<String>,
    /// What new customers are in the eyes of the law.
    #[arg(long, default_value = "business", value_name = "business|consumer|public_body")]
    customer_kind: CustomerKind,
}

/// What every import is told.
#[derive(Debug, clap::Args)]
pub struct Common {
    /// The file.
    file: PathBuf,
    /// The tenant's id.
    #[arg(long)]
    tenant: TenantId,
    /// Into which of its partitions.
    #[arg(long, default_value = "test", value_name = "live|test")]
    mode: Mode,
    /// Read and try everything, keep nothing.
    #[arg(long)]
    dry_run: bool,
    /// Where to write what was left out: row, column, value, problem.
    #[arg(long)]
    report: Option<PathBuf>,
    /// The world as it was at the end of this day: later rows are skipped, later payments not made.
    #[arg(long, value_name = "YYYY-MM-DD")]
    as_of: Option<NaiveDate>,
}

impl ImportCommand {
    pub(super) fn run(&self, config: Config) -> Result<(), Failure> {
        match self {
            Self::Csv(command) => {
                let text = std::fs::read_to_string(&command.mapping).map_err(|error| cannot_read(&command.mapping, &error))?;
                let mapping: Mapping = toml::from_str(&text).map_err(|error| format!("{}: {error}", command.mapping.display()))?;
                let customer_kind = mapping.customer_kind;
                command.common.run(config, |new| NewImport { columns: Some(Columns::Given(Box::new(mapping))), customer_kind, ..new })
            }
            Self::File(Other { common, kind, source, customer_kind }) => {
                common.run(config, |new| NewImport { kind: *kind, source: source.clone(), customer_kind: *customer_kind, ..new })
            }
        }
    }
}

impl Common {
    #[expect(clippy::print_stdout, reason = "the operator asked")]
    fn run(&self, config: Config, with: impl FnOnce(NewImport) -> NewImport) -> Result<(), Failure> {
        let opened = File::open(&self.file).map_err(|error| cannot_read(&self.file, &error))?;
        let bar = progress_bar(opened.metadata()?.len());
        // One connection records while the other reads on.
        let (db, clock) = (Db::open(&config.database, 2)?, Clock::system());
        let to = For { db: &db, clock: &clock, tenant: self.tenant.in_mode(self.mode), actor: "operator" };
        let new = with(NewImport {
            kind: None,
            source: None,
            columns: None,
            as_of: self.as_of,
            customer_kind: CustomerKind::Business,
            dry_run: self.dry_run,
            file_name: self.file.file_name().map(|name| name.to_string_lossy().into_owned()),
        });
        let import = blocking::send(to, BufReader::with_capacity(1 << 20, opened), &new)?;
        let import = blocking::finish(to, import.id, |import| bar.set_position(u64::try_from(import.place).unwrap_or(0)))?;
        bar.finish_and_clear();
        if let Some(path) = &self.report {
            report(to, &import, path)?;
        }
        println!("{}", sentence(&import));
        match import.state {
            ImportState::Failed => Err(failure(&import).into()),
            _ => Ok(()),
        }
    }
}

/// Writes what was left out, and why.
fn report(to: For<'_>, import: &Import, path: &Path) -> Result<(), Failure> {
    let wrong = |error: csv::Error| error.to_string();
    let mut report = csv::Writer::from_path(path).map_err(wrong)?;
    report.write_record(["row", "column", "value", "problem"]).map_err(wrong)?;
    let mut after = 0;
    loop {
        let rows = to.db.read_now(to.tenant, |conn| store::imports::rows(conn, to.tenant, import.id, None, after, PAGE))?;
        let Some(last) = rows.last() else { break };
        after = last.number;
        for row in &rows {
            let place = if row.line == 0 { row.number } else { row.line }.to_string();
            for one in row.problems.iter() {
                let value = one.value.as_deref().unwrap_or(&row.reference);
                report.write_record([place.as_str(), &one.place, value, &one.detail]).map_err(wrong)?;
            }
        }
    }
    Ok(report.flush()?)
}

fn failure(import: &Import) -> String {
    let told: Vec<String> = import.problems.iter().take(10).map(|one| format!("{} {}", one.place, one.detail).trim().to_owned()).collect();
    format!("the file cannot be read: {}", told.join("; "))
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

fn sentence(import: &Import) -> String {
    let counts = import.counts.0;
    let tally = |of: Tally| format!("{} new, {} changed, {} as they were", of.created, of.changed, of.unchanged);
    let mut told =
        format!("{} rows read, {} refused, {} skipped, {} unmatched", counts.rows_read(), counts.refused, counts.skipped, counts.unmatched);
    if import.dry_run {
        told.push_str("; nothing kept");
    }
    for (name, of) in [
        ("customers", counts.customers),
        ("invoices", counts.invoices),
        ("credit notes", counts.credit_notes),
        ("payments", counts.payments),
    ] {
        if of != Tally::default() {
            told.push_str(&format!("\n{name}: {}", tally(of)));
        }
    }
    told
}
