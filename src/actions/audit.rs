//! The audit log as a stream: who did what, when, and by which key, in a form that spreadsheets and log stores take.
//!
//! It is a view of the journal without its proofs and its personal data; what proves is the export of the evidence. Memory is that of one page, whatever the length.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use futures_util::{Stream, stream};
use serde::Serialize;
use serde_json::Value;

use crate::{
    domain::{
        evidence::entry::Entry,
        ids::{ApiKeyId, EvidenceId, PersonId, TenantId},
    },
    error::{Error, Result},
    store::{
        self, Conn, Db,
        evidence::{Filter, Placed},
    },
};

/// Entries per transaction.
const PAGE: i64 = 500;

crate::words! {
    /// In which form the log is written.
    pub enum AuditFormat {
        /// One JSON object a line.
        Ndjson = "ndjson",
        /// A table (RFC 4180) with a line of names.
        Csv = "csv",
    }
}

crate::words! {
    /// What kind of actor did it.
    pub enum ActorKind {
        /// An API key, or a token that stands for it.
        ApiKey = "api_key",
        /// A person whom an identity provider named.
        Person = "person",
        /// A provider, by a receipt.
        Provider = "provider",
        /// The system by itself, an operator at its console, or somebody who followed a link.
        Other = "other",
    }
}

/// Which entries.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// By subject, kind, actor and privilege.
    pub filter: Filter,
    /// Only those recorded at this moment or later.
    pub from: Option<DateTime<Utc>>,
    /// Only those recorded before.
    pub to: Option<DateTime<Utc>>,
}

/// One line.
#[derive(Debug, Serialize)]
struct Line<'a> {
    id: EvidenceId,
    recorded_at: DateTime<Utc>,
    occurred_at: DateTime<Utc>,
    kind: &'a str,
    subject: &'a str,
    privileged: bool,
    actor: &'a str,
    actor_kind: ActorKind,
    /// The key's name, or what the identity provider calls the person, as long as that is known.
    actor_name: Option<&'a str>,
    facts: &'a Value,
}

const COLUMNS: [&str; 10] =
    ["id", "recorded_at", "occurred_at", "kind", "subject", "privileged", "actor", "actor_kind", "actor_name", "facts"];

/// The lines, in pieces.
pub fn pieces(db: Db, tenant: TenantId, wanted: Wanted, format: AuditFormat) -> impl Stream<Item = Result<Vec<u8>>> {
    let first = wanted.from.map(EvidenceId::earliest);
    let head = (format == AuditFormat::Csv).then(|| COLUMNS.join(",") + "\r\n");
    stream::try_unfold((head, Some(first)), move |(head, next)| {
        let (db, wanted) = (db.clone(), wanted.clone());
        async move {
            if let Some(head) = head {
                return Ok(Some((head.into_bytes(), (None, next))));
            }
            let Some(after) = next else { return Ok(None) };
            let (lines, last) = db.read(tenant, move |conn| page(conn, tenant, &wanted, after, format)).await?;
            Ok(Some((lines, (None, last.map(Some)))))
        }
    })
}

/// A page, and the entry after which the next one begins.
fn page(
    conn: &mut Conn,
    tenant: TenantId,
    wanted: &Wanted,
    after: Option<EvidenceId>,
    format: AuditFormat,
) -> Result<(Vec<u8>, Option<EvidenceId>)> {
    let rows = store::evidence::list(conn, tenant, &wanted.filter, after, PAGE)?;
    let full = i64::try_from(rows.len()).map_err(Error::internal)? == PAGE;
    let end = wanted.to.map(EvidenceId::earliest);
    let within = |placed: &&Placed| end.is_none_or(|end| placed.entry.id < end);
    let next = rows.last().filter(|_| full).filter(within).map(|placed| placed.entry.id);
    let entries: Vec<&Entry> = rows.iter().filter(within).map(|placed| &placed.entry).collect();
    let names = names(conn, tenant, &entries)?;
    let lines = entries.iter().map(|entry| line(entry, &names));
    let written = match format {
        AuditFormat::Ndjson => as_json(lines)?,
        AuditFormat::Csv => as_table(lines)?,
    };
    Ok((written, next))
}

/// What the actors of these entries are called.
fn names(conn: &mut Conn, tenant: TenantId, entries: &[&Entry]) -> Result<HashMap<String, String>> {
    let actors: BTreeSet<&str> = entries.iter().map(|entry| entry.actor.as_str()).collect();
    let keys: Vec<ApiKeyId> = actors.iter().filter_map(|actor| actor.parse().ok()).collect();
    let people: Vec<PersonId> = actors.iter().filter_map(|actor| actor.parse().ok()).collect();
    let keys = store::keys::names(conn, tenant, &keys)?.into_iter().map(|(id, name)| (id.to_string(), name));
    let people = store::people::subjects(conn, tenant, &people)?.into_iter().map(|(id, name)| (id.to_string(), name));
    Ok(keys.chain(people).collect())
}

fn line<'a>(entry: &'a Entry, names: &'a HashMap<String, String>) -> Line<'a> {
    let actor_kind = match entry.actor.split_once(['_', ':']).map(|(prefix, _)| prefix) {
        Some("key") => ActorKind::ApiKey,
        Some("usr") => ActorKind::Person,
        Some("provider") => ActorKind::Provider,
        _ => ActorKind::Other,
    };
    Line {
        id: entry.id,
        recorded_at: entry.recorded_at,
        occurred_at: entry.occurred_at,
        kind: &entry.kind,
        subject: &entry.subject,
        privileged: entry.privileged,
        actor: &entry.actor,
        actor_kind,
        actor_name: names.get(&entry.actor).map(String::as_str),
        facts: &entry.body,
    }
}

fn as_json<'a>(lines: impl Iterator<Item = Line<'a>>) -> Result<Vec<u8>> {
    let mut written = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut written, &line).map_err(Error::internal)?;
        written.push(b'\n');
    }
    Ok(written)
}

fn as_table<'a>(lines: impl Iterator<Item = Line<'a>>) -> Result<Vec<u8>> {
    let mut table = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for line in lines {
        let (recorded, occurred) = (line.recorded_at.to_rfc3339(), line.occurred_at.to_rfc3339());
        let (id, facts, privileged) = (line.id.to_string(), line.facts.to_string(), line.privileged.to_string());
        let name = line.actor_name.map(harmless).unwrap_or_default();
        let cells = [&id, &recorded, &occurred, line.kind, line.subject, &privileged, line.actor, line.actor_kind.as_str(), &name, &facts];
        table.write_record(cells).map_err(Error::internal)?;
    }
    table.into_inner().map_err(Error::internal)
}

/// A text that no spreadsheet takes for a formula.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_a_formula() {
        assert_eq!(harmless("=HYPERLINK(\"https://evil.example\")"), "'=HYPERLINK(\"https://evil.example\")");
        assert_eq!(harmless("export"), "export");
    }
}
