//! Files taken in: a long table beside the least that can be done with its rows, and a month of a bank's lines against all that is open.

use std::time::{Duration, Instant};

use diesel::{Connection, ExpressionMethods, PgConnection, QueryResult, RunQueryDsl, SqliteConnection, connection::SimpleConnection};
use relance::{
    actions::imports::{
        Columns, NewImport,
        blocking::{For, finish, send},
    },
    domain::{customer::CustomerKind, import::job::ImportState},
    store::{DatabaseUrl, imports::Import},
};
use serde_json::json;

use crate::world::World;

/// Rows that name the same customer.
const EACH: usize = 10;

diesel::table! {
    bare_rows (id) {
        id -> BigInt,
        line -> Text,
    }
}

/// Invoices of customers with an address each; `of` tells one table's names from another's.
pub fn table(rows: usize, of: &str) -> String {
    let line = |n: usize| {
        let customer = n % rows.div_ceil(EACH);
        format!(
            "{of}-{customer},Garage {customer},accounts{customer}@example.com,{of}-F-{n},2026-01-20,2026-12-20,{}.{:02}\n",
            100 + n % 900,
            n % 100
        )
    };
    std::iter::once("client,name,email,invoice,date,due,amount\n".to_owned()).chain((0..rows).map(line)).collect()
}

/// How such a table is read.
pub fn mapping() -> serde_json::Value {
    json!({"source": "erp", "currency": "EUR", "date_format": "%Y-%m-%d", "decimal_separator": ".",
        "customer": {"external_id": "client", "name": "name", "email": "email"},
        "invoice": {"external_id": "invoice", "number": "invoice", "issue_date": "date", "due_date": "due", "amount": "amount"}})
}

/// How long it takes to read and record a file that has been kept.
fn record(world: &World, file: &[u8], columns: Option<Columns>) -> (Duration, Import) {
    let to = For { db: &world.instance.db, clock: &world.instance.clock, tenant: world.partition, actor: "bench" };
    let new = NewImport {
        kind: None,
        source: None,
        columns,
        as_of: None,
        customer_kind: CustomerKind::Business,
        dry_run: false,
        file_name: None,
    };
    let sent = send(to, file, &new).unwrap();
    let started = Instant::now();
    let done = finish(to, sent.id, |_| {}).unwrap();
    assert_eq!(done.state, ImportState::Completed, "{:?}", done.problems);
    (started.elapsed(), done)
}

/// A table of so many rows, none known before.
pub fn of_table(world: &World, rows: usize, of: &str) -> Duration {
    let columns = Columns::Given(Box::new(serde_json::from_value(mapping()).unwrap()));
    let (took, done) = record(world, table(rows, of).as_bytes(), Some(columns));
    assert_eq!(usize::try_from(done.counts.rows.created).unwrap(), rows, "{:?}", done.counts);
    took
}

/// A statement of so many transfers, of which `known` quote an invoice of the world's, from the `first` on, and are recorded; the others are of the same amount and name nobody.
pub fn of_statement(world: &World, first: usize, known: usize, unknown: usize) -> Duration {
    let entry = |n: usize| {
        let words = if n < known { format!("facture O-{} merci", first + n) } else { "virement".to_owned() };
        format!(
            "<Ntry><Amt Ccy=\"EUR\">120.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-03-02</Dt></BookgDt><AcctSvcrRef>{first}-{n}</AcctSvcrRef><NtryDtls><TxDtls>\
             <Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs><RltdPties><Dbtr><Nm>Somebody {n}</Nm></Dbtr><DbtrAcct><Id><IBAN>FR7630006000011234567890189</IBAN></Id></DbtrAcct></RltdPties>\
             <RmtInf><Ustrd>{words}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
        )
    };
    let entries: String = (0..known + unknown).map(entry).collect();
    let file = format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.02\"><BkToCstmrStmt><Stmt><Id>1</Id><CreDtTm>2026-03-02T08:00:00</CreDtTm>\
         <Acct><Id><IBAN>BE71096123456769</IBAN></Id><Ccy>EUR</Ccy></Acct>{entries}</Stmt></BkToCstmrStmt></Document>"
    );
    let (took, done) = record(world, file.as_bytes(), None);
    let counts = &done.counts;
    assert_eq!((usize::try_from(counts.rows.created).unwrap(), usize::try_from(counts.unmatched).unwrap()), (known, unknown), "{counts:?}");
    took
}

/// What it takes to part a table into its cells and to keep each row as it is, a thousand in a transaction.
#[expect(clippy::disallowed_methods, reason = "the bare table has nothing but what its driver gives")]
pub fn bare(database: &str, rows: usize) -> Duration {
    let table = table(rows, "BARE");
    match database.parse::<DatabaseUrl>().unwrap() {
        DatabaseUrl::Postgres(url) => {
            let mut conn = PgConnection::establish(&url).unwrap();
            conn.batch_execute("CREATE TABLE bare_rows (id bigint PRIMARY KEY, line text NOT NULL)").unwrap();
            keep(&table, |rows| {
                let values: Vec<_> = rows.iter().map(|(id, line)| (bare_rows::id.eq(id), bare_rows::line.eq(line))).collect();
                diesel::insert_into(bare_rows::table).values(&values).execute(&mut conn).map(drop)
            })
        }
        DatabaseUrl::Sqlite(path) => {
            let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
            conn.batch_execute(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE bare_rows (id integer PRIMARY KEY, line text NOT NULL)",
            )
            .unwrap();
            keep(&table, |rows| {
                conn.transaction(|conn| {
                    for (id, line) in rows {
                        diesel::insert_into(bare_rows::table).values((bare_rows::id.eq(id), bare_rows::line.eq(line))).execute(conn)?;
                    }
                    Ok(())
                })
            })
        }
    }
}

fn keep(table: &str, mut write: impl FnMut(&[(i64, String)]) -> QueryResult<()>) -> Duration {
    let started = Instant::now();
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let rows: Vec<(i64, String)> =
        (0..).zip(reader.records()).map(|(n, row)| (n, row.unwrap().iter().collect::<Vec<_>>().join(","))).collect();
    rows.chunks(1_000).for_each(|part| write(part).unwrap());
    started.elapsed()
}
