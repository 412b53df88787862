//! The owner of the database changes rows, past every grant and trigger: the export, the proofs or the sealer show it.

use diesel::{RunQueryDsl, sql_query};
use relance::{each, error::Error};

use super::*;
use crate::support::database::{Column, Owner};

/// The tables of the journal and their keys.
const TABLES: [(&str, &str); 5] = [
    ("evidence_entries", "tenant_id, id"),
    ("evidence_logs", "tenant_id"),
    ("evidence_disclosures", "tenant_id, entry_id, field"),
    ("evidence_nodes", "tenant_id, level, position"),
    ("evidence_checkpoints", "tenant_id, size"),
];

/// The tables as they were, and their owner. Rows of the partition come first, numbered from 1.
pub struct Copy {
    owner: Owner,
}

impl Copy {
    pub fn of(app: &App, partition: TenantId) -> Self {
        let mut owner = Owner::of(&app.state.config.database);
        let id = match &owner {
            Owner::Pg(_) => format!("'{}'", partition.uuid()),
            Owner::Sqlite(_) => format!("x'{}'", partition.uuid().simple()),
        };
        if let Owner::Sqlite(_) = owner {
            for trigger in owner.texts("SELECT name AS value FROM sqlite_schema WHERE type = 'trigger'") {
                owner.run(&format!("DROP TRIGGER {trigger}"));
            }
        }
        let ours: Vec<String> = owner.tables().into_iter().filter(|table| table.starts_with("evidence_")).collect();
        assert_eq!(ours.len(), TABLES.len(), "a new table of the journal must be tampered with, too: {ours:?}");
        for (table, key) in TABLES {
            owner.run(&format!(
                "CREATE TABLE old_{table} AS SELECT row_number() OVER (ORDER BY tenant_id <> {id}, {key}) AS n, tenant_id = {id} AS own, {table}.* FROM {table}"
            ));
        }
        Self { owner }
    }

    pub fn restore(&mut self) {
        for (table, _) in TABLES {
            let columns = self.list(table);
            self.owner.run(&format!("DELETE FROM {table}; INSERT INTO {table} ({columns}) SELECT {columns} FROM old_{table}"));
        }
    }

    fn list(&mut self, table: &str) -> String {
        self.owner.columns(table).iter().map(|column| column.name.clone()).collect::<Vec<_>>().join(", ")
    }

    /// How many rows of the partition there are.
    fn rows(&mut self, table: &str) -> usize {
        self.owner.texts(&format!("SELECT CAST(count(*) AS text) AS value FROM old_{table} WHERE own"))[0].parse().unwrap()
    }

    /// Other values for a column of row `n`, as expressions over the old row; those that are the same are left out.
    fn others(&mut self, table: &str, column: &Column, n: usize) -> Vec<String> {
        let name = &column.name;
        let forged = format!(r#"'[{{"field":"email","digest":"{}"}}]'"#, "0".repeat(64));
        let mut all: Vec<String> = match (column.kind.as_str(), name.as_str()) {
            ("uuid", _) => vec!["gen_random_uuid()".to_owned()],
            ("bytea", _) => vec![format!("sha256({name})"), "''".to_owned()],
            ("BLOB", "tenant_id" | "id" | "entry_id") => vec!["randomblob(16)".to_owned()],
            ("BLOB", _) => vec!["randomblob(32)".to_owned(), "x''".to_owned()],
            ("jsonb", _) => vec!["'[]'".to_owned(), forged, format!("replace({name}::text, '1', '2')::jsonb"), "'null'".to_owned()],
            ("TEXT", "commitments") => {
                vec!["'[]'".to_owned(), forged, format!("replace({name}, '1', '2')"), "'null'".to_owned(), "''".to_owned()]
            }
            ("text" | "TEXT", _) => {
                vec![
                    format!("{name} || 'x'"),
                    format!("{name} || ' '"),
                    format!("replace({name}, '1', '2')"),
                    format!("upper({name})"),
                    "''".to_owned(),
                ]
            }
            ("timestamptz", _) => vec![format!("{name} + interval '1 microsecond'")],
            ("bool", _) => vec![format!("NOT {name}")],
            ("INTEGER", "privileged") => vec![format!("1 - {name}")],
            ("int4" | "int8" | "INTEGER", _) => vec![format!("{name} + 1"), format!("{name} + 1000"), format!("-1 - {name}")],
            other => panic!("how is {other:?} changed?"),
        };
        if column.nullable {
            all.push("NULL".to_owned());
        }
        all.retain(|other| {
            let sql = format!("SELECT CAST(n AS text) AS value FROM old_{table} WHERE n = {n} AND ({other}) IS DISTINCT FROM {name}");
            !self.owner.texts(&sql).is_empty()
        });
        all
    }

    /// Puts `expression` into a column of row `n`; `false` if the database itself refuses.
    fn change(&mut self, (table, key): (&str, &str), n: usize, column: &str, expression: &str) -> bool {
        let (into, from) = (self.list(table), self.list(table));
        let from = from
            .split(", ")
            .map(|name| if name == column { format!("{expression} AS {name}") } else { name.to_owned() })
            .collect::<Vec<_>>()
            .join(", ");
        self.attempt(&format!(
            "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM old_{table} WHERE n = {n}); INSERT INTO {table} ({into}) SELECT {from} FROM old_{table} WHERE n = {n}"
        ))
    }

    /// Lets rows `n` and `n + 1` change a column; `false` if there is nothing to see, or the database itself refuses.
    fn swap(&mut self, (table, key): (&str, &str), n: usize, column: &str) -> bool {
        let next = n + 1;
        let differ = format!(
            "SELECT 'yes' AS value FROM old_{table} AS one, old_{table} AS two WHERE one.n = {n} AND two.n = {next} AND one.{column} IS DISTINCT FROM two.{column}"
        );
        if self.owner.texts(&differ).is_empty() {
            return false;
        }
        let into = self.list(table);
        let from =
            into.split(", ").map(|name| format!("{}.{name}", if name == column { "two" } else { "one" })).collect::<Vec<_>>().join(", ");
        self.attempt(&format!(
            "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM old_{table} WHERE n IN ({n}, {next})); INSERT INTO {table} ({into}) \
             SELECT {from} FROM old_{table} AS one, old_{table} AS two WHERE (one.n = {n} AND two.n = {next}) OR (one.n = {next} AND two.n = {n})"
        ))
    }

    fn delete(&mut self, (table, key): (&str, &str), n: usize) {
        self.owner.run(&format!("DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM old_{table} WHERE n = {n})"));
    }

    fn attempt(&mut self, sql: &str) -> bool {
        self.owner.run("BEGIN");
        let done = self.owner.try_run(sql).is_ok();
        self.owner.run(if done { "COMMIT" } else { "ROLLBACK" });
        done
    }
}

/// What a holder of a head, a key and the entries' ids can find out.
struct Holder<'a> {
    app: &'a App,
    tenant: &'a Tenant,
    trust: Trust,
    ids: Vec<String>,
    sizes: Vec<u64>,
}

impl Holder<'_> {
    /// The export is refused, breaks off, or does not verify.
    async fn export_shows_it(&self) -> bool {
        match self.app.fetch("/v1/evidence/export", &self.tenant.live).await {
            None => true,
            Some(file) => !verify(&file[..], &self.trust).unwrap().is_sound(),
        }
    }

    /// A proof is refused, or the sealer refuses to go on. (What leaves as a proof was checked before it left.)
    async fn proofs_show_it(&self) -> bool {
        let newest = self.sizes.last().unwrap();
        let inclusions = self.ids.iter().map(|id| format!("/v1/evidence/{id}/inclusion?size={newest}"));
        let consistencies = self.sizes.iter().map(|from| format!("/v1/evidence/consistency?from={from}&to={newest}"));
        for path in inclusions.chain(consistencies) {
            if self.app.fetch(&path, &self.tenant.live).await.is_none() {
                return true;
            }
        }
        let (app, partition) = (self.app, live(self.tenant));
        actions::evidence::seal(&app.db, &app.clock, &app.state.signer, partition, 10).await.is_err()
    }

    async fn finds(&self, table: &str) -> bool {
        // Nodes and sizes are made from entries, and are no part of an export: they serve proofs, and the next seal.
        if ["evidence_nodes", "evidence_logs"].contains(&table) { self.proofs_show_it().await } else { self.export_shows_it().await }
    }
}

on_both! {
    async fn every_column_of_every_row_counts(app: App) {
        let tenant = tenant_with_log(&app, 2).await;
        let sealed = entries(&app, &tenant.live).await;
        // One that waits, so that the sealer always has something to do.
        fill(&app, live(&tenant), 100..101);
        let heads = heads(&app, &tenant.live).await;
        let holder = Holder {
            app: &app,
            tenant: &tenant,
            trust: Trust { keys: vec![public_key(&app, &tenant.live).await], checkpoints: vec![heads.last().unwrap().clone()] },
            ids: sealed.iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect(),
            sizes: heads.iter().map(|line| line.split(':').next().unwrap().parse().unwrap()).collect(),
        };
        let mut copy = Copy::of(&app, live(&tenant));
        assert!(!holder.export_shows_it().await && !holder.proofs_show_it().await, "nothing is wrong yet");
        copy.restore();
        let mut tried = 0;
        for (table, key) in TABLES {
            let rows = match table {
                "evidence_entries" => sealed.len(),
                "evidence_disclosures" => copy.rows(table) - 2, // without those of the entry that waits
                _ => copy.rows(table),
            };
            for n in 1..=rows {
                for column in copy.owner.columns(table) {
                    for other in copy.others(table, &column, n) {
                        if copy.change((table, key), n, &column.name, &other) {
                            assert!(holder.finds(table).await, "row {n} of {table}: {} = {other}", column.name);
                            copy.restore();
                            tried += 1;
                        }
                    }
                    if n < rows && copy.swap((table, key), n, &column.name) {
                        assert!(holder.finds(table).await, "rows {n} and {} of {table} change {}", n + 1, column.name);
                        copy.restore();
                        tried += 1;
                    }
                }
                copy.delete((table, key), n);
                assert!(holder.finds(table).await, "row {n} of {table} deleted");
                copy.restore();
                tried += 1;
            }
        }
        assert!(tried > 300, "{tried}");
        assert!(!holder.export_shows_it().await, "and nothing is wrong in the end");
    }

    async fn an_entry_that_waits_cannot_vanish(app: App) {
        let tenant = tenant_with_log(&app, 1).await;
        fill(&app, live(&tenant), 100..101);
        let mut copy = Copy::of(&app, live(&tenant));
        let last = copy.rows("evidence_entries");
        copy.delete(TABLES[0], last);
        let seal = async || actions::evidence::seal(&app.db, &app.clock, &app.state.signer, live(&tenant), 10).await;
        assert!(seal().await.is_err(), "a log with a gap is not signed");
        copy.restore();
        assert_eq!(seal().await.unwrap(), 1);
    }

    async fn the_application_itself_cannot_rewrite_the_journal(app: App) {
        let tenant = tenant_with_log(&app, 2).await;
        let partition = live(&tenant);
        for (table, _) in TABLES.iter().filter(|(table, _)| !["evidence_disclosures", "evidence_logs"].contains(table)) {
            let columns = Owner::of(&app.state.config.database).columns(table);
            let updates = columns.iter().map(|column| format!("UPDATE {table} SET {0} = {0}", column.name));
            for sql in updates.chain([format!("DELETE FROM {table}")]) {
                let refused = app.db.write_now(partition, |conn| each!(conn, |c| sql_query(&sql).execute(c)).map_err(|error| Error::Internal(error.to_string())));
                let why = refused.expect_err(&sql).to_string();
                assert!(["permission denied", "append-only"].iter().any(|words| why.contains(words)), "{sql}: {why}");
            }
        }
    }
}
