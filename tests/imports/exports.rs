use serde_json::{Value, json};

use crate::{
    on_both,
    support::{App, Tenant},
};

async fn filled(app: &App, count: usize) -> Tenant {
    let tenant = app.tenant("Atelier").await;
    let customer = json!({"source": "s", "external_id": "c", "name": "=HYPERLINK(\"http://x\")", "kind": "business", "contacts": [{"name": "Ann", "phone": "+33612345678"}]});
    app.post("/v1/customers", &tenant.test, customer).await.expect(201);
    let invoice = |n: usize| json!({"customer": {"source": "s", "external_id": "c"}, "number": format!("F-{n}"), "issue_date": "2026-01-10", "due_date": "2026-02-10", "currency": "EUR", "total": n});
    let all: Vec<Value> = (1..=count).map(invoice).collect();
    for part in all.chunks(1_000) {
        app.post("/v1/invoices/batch", &tenant.test, json!({"items": part})).await.expect(207);
    }
    tenant
}

on_both! {
    async fn an_export_is_all_there_is_in_its_order(app: App) {
        let tenant = filled(&app, 1_203).await;
        let lines = app.get("/v1/exports/invoices", &tenant.test).await;
        assert_eq!(lines.header("content-type"), Some("application/x-ndjson"));
        let all: Vec<Value> = lines.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut totals: Vec<u64> = all.iter().map(|one| one["total"].as_u64().unwrap()).collect();
        totals.sort_unstable();
        assert_eq!(totals, (1..=1_203).collect::<Vec<u64>>());
        let listed = app.get("/v1/invoices?limit=200", &tenant.test).await.expect(200);
        assert_eq!(all[..200], listed["data"].as_array().unwrap()[..]);

        let table = app.send("GET", "/v1/exports/invoices", &tenant.test, Value::Null, &[("accept", "text/csv")]).await;
        assert_eq!(table.header("content-type"), Some("text/csv; charset=utf-8"));
        let mut reader = csv::Reader::from_reader(table.text.as_bytes());
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let headings = reader.headers().unwrap().clone();
        let total = headings.iter().position(|one| one == "total").unwrap();
        let told: Vec<String> = all.iter().map(|one| one["total"].to_string()).collect();
        assert_eq!(rows.iter().map(|row| row[total].to_owned()).collect::<Vec<_>>(), told);
    }

    async fn a_table_holds_no_formula_and_nobody_elses(app: App) {
        let tenant = filled(&app, 1).await;
        let table = app.get("/v1/exports/customers?format=csv", &tenant.test).await;
        let mut reader = csv::Reader::from_reader(table.text.as_bytes());
        let headings = reader.headers().unwrap().clone();
        let row = reader.records().next().unwrap().unwrap();
        let cell = |name: &str| &row[headings.iter().position(|one| one == name).unwrap()];
        assert_eq!((cell("name"), cell("contacts_0_phone"), cell("jurisdiction"), cell("number")), ("'=HYPERLINK(\"http://x\")", "'+33612345678", "FR", ""));
        for kind in ["customers", "invoices", "payments", "reminders"] {
            for key in [&tenant.live, &app.tenant("Other").await.test] {
                assert_eq!(app.get(&format!("/v1/exports/{kind}"), key).await.text, "", "{kind}");
                assert_eq!(app.get(&format!("/v1/exports/{kind}?format=csv"), key).await.text.lines().count(), 1, "{kind}");
            }
        }
        assert_eq!(app.get("/v1/exports/invoices?format=xml", &tenant.test).await.status, 400);
    }
}
