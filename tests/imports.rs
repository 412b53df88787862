//! Files taken in behind the request: tables, electronic invoices, bank statements, accounting files; once, however often they are sent.

mod banks;
mod exports;
mod hostile;
mod lines;
mod matching;
mod samples;
mod tables;

use relance::{
    actions::{imports, run_now},
    domain::ids::{Mode, TenantId},
};
use serde_json::Value;

use crate::support::{App, Tenant};

/// Sends a file in test mode and takes it in: the import as it then is.
async fn taken(app: &App, tenant: &Tenant, query: &str, media_type: &str, file: &[u8]) -> Value {
    let sent = app.upload(&format!("/v1/imports{query}"), &tenant.test, media_type, file.to_vec(), &[]).await.expect(202);
    app.settle(tenant, Mode::Test).await;
    app.get(&format!("/v1/imports/{}", sent["id"].as_str().unwrap()), &tenant.test).await.expect(200)
}

/// Takes in the next thousand rows, as a worker does that stops there.
fn take_slice(app: &App, here: TenantId, id: &Value) {
    let id = id.as_str().unwrap().parse().unwrap();
    let slice = app.db.read_now(here, |conn| imports::read(conn, here, id)).unwrap().unwrap();
    run_now(&app.db, &app.clock, here, "worker", |act| imports::take(act, &slice)).unwrap();
}

/// Its rows, with what became of each.
async fn rows(app: &App, tenant: &Tenant, import: &Value) -> Vec<Value> {
    let path = format!("/v1/imports/{}/rows?limit=200", import["id"].as_str().unwrap());
    let mut all = Vec::new();
    let mut next = path.clone();
    loop {
        let page = app.get(&next, &tenant.test).await.expect(200);
        all.extend(page["data"].as_array().unwrap().iter().cloned());
        let Some(cursor) = page["next_cursor"].as_str() else { return all };
        next = format!("{path}&cursor={cursor}");
    }
}

/// Rows read: created, changed, unchanged, refused, skipped, unmatched.
fn counts(import: &Value) -> [u64; 6] {
    let counts = ["created", "changed", "unchanged", "refused", "skipped", "unmatched"].map(|name| import[name].as_u64().unwrap());
    assert_eq!(import["rows_read"].as_u64().unwrap(), counts.iter().sum::<u64>());
    counts
}
