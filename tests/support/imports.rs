//! Files taken in at once, as the command does it.

use chrono::NaiveDate;
use relance::{
    actions::imports::{
        Columns, NewImport,
        blocking::{self, For},
    },
    domain::{
        customer::CustomerKind,
        ids::TenantId,
        import::job::{ImportProblem, RowOutcome, Tally},
    },
    error::Error,
    store::{self, imports::Import},
};

use super::App;

/// A problem, with the line where its row begins.
pub type Problem = (i64, String, Option<String>);

/// Takes in a table by a mapping in TOML: the import, and what is wrong with the rows that it refused.
pub fn table(
    app: &App,
    tenant: TenantId,
    mapping: &str,
    table: &[u8],
    as_of: Option<NaiveDate>,
    dry_run: bool,
) -> Result<(Import, Vec<Problem>), Error> {
    let to = For { db: &app.db, clock: &app.clock, tenant, actor: "test" };
    let columns = Some(Columns::Given(Box::new(toml::from_str(mapping).unwrap())));
    let (kind, source, file_name) = (None, None, None);
    let new = NewImport { kind, source, columns, as_of, customer_kind: CustomerKind::Business, dry_run, file_name };
    let sent = blocking::send(to, table, &new)?;
    let import = blocking::finish(to, sent.id, |_| {})?;
    let refused = Some(RowOutcome::Refused);
    let rows = app.db.read_now(tenant, |conn| store::imports::rows(conn, tenant, import.id, refused, 0, 100_000))?;
    let told = |line: i64, problem: &ImportProblem| (line, problem.place.clone(), problem.value.clone());
    let problems = rows.iter().flat_map(|row| row.problems.iter().map(move |problem| told(row.line, problem))).collect();
    Ok((import, problems))
}

/// So many new, changed, and just as they were.
pub const fn tally(created: u64, changed: u64, unchanged: u64) -> Tally {
    Tally { created, changed, unchanged }
}
