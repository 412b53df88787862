//! Files of one JSON object a line.

use relance::domain::ids::Mode;
use serde_json::{Value, json};

use super::{counts, rows, take_slice, taken};
use crate::{
    on_both,
    support::{App, Tenant},
};

const NDJSON: &str = "application/x-ndjson";

fn file(lines: &[Value]) -> Vec<u8> {
    lines.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes()
}

fn invoice(n: usize) -> Value {
    json!({"customer": {"source": "erp", "external_id": "C-1"}, "external_id": format!("F-{n}"), "number": format!("F-{n}"), "issue_date": "2026-01-10",
        "due_date": "2026-02-10", "currency": "EUR", "total": n})
}

async fn start(app: &App) -> Tenant {
    let tenant = app.tenant("Atelier").await;
    let customer = json!({"source": "erp", "external_id": "C-1", "name": "Garage Dupont", "kind": "business"});
    app.post("/v1/customers", &tenant.test, customer).await.expect(201);
    tenant
}

/// Places and details of a row's problems.
fn faults(row: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    row["problems"].as_array().unwrap().iter().map(|one| (text(&one["place"]), text(&one["detail"]))).collect()
}

on_both! {
    async fn each_kind_is_recorded_once(app: App) {
        let tenant = start(&app).await;
        let customers = file(&[
            json!({"external_id": "C-1", "name": "Garage Dupont", "kind": "business"}),
            json!({"external_id": "C-2", "name": "Bakker", "kind": "business", "contacts": [{"name": "Ann", "email": "ann@example.com"}]}),
        ]);
        for expected in [[1, 0, 1, 0, 0, 0], [0, 0, 2, 0, 0, 0]] {
            let import = taken(&app, &tenant, "?kind=customers&source=erp", NDJSON, &customers).await;
            assert_eq!((&import["format"], &import["kind"], counts(&import)), (&json!("ndjson"), &json!("customers"), expected), "{:?}", rows(&app, &tenant, &import).await);
        }
        let mut own = invoice(2);
        own["source"] = json!("shop");
        own["due_date"] = json!("2026-02-20");
        let invoices = file(&[invoice(1), own, json!({"x": 1})]);
        let tried = taken(&app, &tenant, "?kind=invoices&source=erp&dry_run=true", NDJSON, &invoices).await;
        assert_eq!(counts(&tried), [2, 0, 0, 1, 0, 0]);
        for expected in [[2, 0, 0, 1, 0, 0], [0, 0, 2, 1, 0, 0]] {
            let import = taken(&app, &tenant, "?kind=invoices&source=erp", NDJSON, &invoices).await;
            assert_eq!(counts(&import), expected);
        }
        app.get("/v1/invoices/by-external-id/shop/F-2", &tenant.test).await.expect(200);
        let payments = file(&[
            json!({"customer": {"source": "erp", "external_id": "C-1"}, "external_id": "P-1", "currency": "EUR", "amount": 1, "received_on": "2026-02-01"}),
            json!({"customer": {"source": "erp", "external_id": "C-9"}, "external_id": "P-2", "currency": "EUR", "amount": 1, "received_on": "2026-02-01"}),
            json!({"customer": {"source": "erp", "external_id": "C-1"}, "external_id": "P-3", "currency": "EUR", "amount": 1, "received_on": "2026-03-01"}),
        ]);
        for expected in [[1, 0, 0, 1, 1, 0], [0, 0, 1, 1, 1, 0]] {
            let import = taken(&app, &tenant, "?kind=payments&source=bank&as_of=2026-02-28", NDJSON, &payments).await;
            assert_eq!(counts(&import), expected);
        }
        assert_eq!(app.get("/v1/invoices/by-external-id/erp/F-1", &tenant.test).await.expect(200)["balance"], 0);
    }

    async fn every_wrong_field_is_named(app: App) {
        let tenant = start(&app).await;
        let good = invoice(1);
        let mut wrong = invoice(2);
        wrong["issue_date"] = json!("2026-02-30");
        wrong["totl"] = json!(1);
        wrong.as_object_mut().unwrap().remove("total");
        wrong["customer"] = json!({"source": "erp"});
        let mut nameless = invoice(3);
        nameless.as_object_mut().unwrap().remove("external_id");
        let mut unknown = invoice(4);
        unknown["customer"]["external_id"] = json!("C-9");
        let text = format!("\u{feff}{good}\r\n\n{wrong}\n{{\n{nameless}\n{unknown}\n{good}");
        let import = taken(&app, &tenant, "?kind=invoices&source=erp", NDJSON, text.as_bytes()).await;
        let told = rows(&app, &tenant, &import).await;
        assert_eq!(counts(&import), [1, 0, 0, 5, 0, 0], "{told:?}");
        let lines: Vec<i64> = told.iter().map(|row| row["line"].as_i64().unwrap()).collect();
        assert_eq!(lines, [1, 3, 4, 5, 6, 7], "an empty line is no row, and counts");
        let mut places: Vec<String> = faults(&told[1]).into_iter().map(|(place, _)| place).collect();
        places.sort();
        assert_eq!((places, &told[1]["reference"]), (vec!["/customer/external_id".to_owned(), "/issue_date".into(), "/total".into(), "/totl".into()], &json!("F-2")));
        assert!(faults(&told[1]).iter().any(|(_, detail)| detail.contains("did you mean total?")), "{told:?}");
        assert!(faults(&told[2])[0].1.contains("no JSON"), "{told:?}");
        assert_eq!((faults(&told[3])[0].0.as_str(), faults(&told[4])[0].0.as_str(), faults(&told[5])[0].0.as_str()), ("/external_id", "/customer", "/external_id"));
    }

    async fn a_long_file_goes_on_where_it_was_left(app: App) {
        let tenant = start(&app).await;
        let here = tenant.id.parse::<relance::domain::ids::TenantId>().unwrap().in_mode(Mode::Test);
        let long = file(&(1..=2_300).map(invoice).collect::<Vec<_>>());
        let sent = app.upload("/v1/imports?kind=invoices&source=erp", &tenant.test, NDJSON, long.clone(), &[]).await.expect(202);
        let place = format!("/v1/imports/{}", sent["id"].as_str().unwrap());
        take_slice(&app, here, &sent["id"]);
        let half = app.get(&place, &tenant.test).await.expect(200);
        assert_eq!((&half["status"], counts(&half)), (&json!("running"), [1_000, 0, 0, 0, 0, 0]));
        app.settle(&tenant, Mode::Test).await;
        let whole = app.get(&place, &tenant.test).await.expect(200);
        assert_eq!((&whole["status"], counts(&whole)), (&json!("completed"), [2_300, 0, 0, 0, 0, 0]));
        let all = rows(&app, &tenant, &whole).await;
        assert!(all.iter().zip(1..).all(|(row, n)| row["line"] == json!(n) && row["reference"] == json!(format!("F-{n}"))));

        let second = app.upload("/v1/imports?kind=invoices&source=other", &tenant.test, NDJSON, long, &[]).await.expect(202);
        take_slice(&app, here, &second["id"]);
        let path = format!("/v1/imports/{}/cancel", second["id"].as_str().unwrap());
        assert_eq!(app.post(&path, &tenant.test, Value::Null).await.expect(200)["status"], "cancelled");
        app.settle(&tenant, Mode::Test).await;
        assert_eq!(app.get("/v1/invoices?limit=1&include=total_count", &tenant.test).await.expect(200)["total_count"], 3_300);
    }

    async fn what_lines_are_is_asked(app: App) {
        let tenant = start(&app).await;
        let lines = file(&[invoice(1)]);
        for (query, kind, code) in [("", NDJSON, "required"), ("?kind=fec", NDJSON, "contradiction"), ("?kind=bank_statement", "text/plain", "contradiction")] {
            let answer = app.upload(&format!("/v1/imports{query}"), &tenant.test, kind, lines.clone(), &[]).await;
            assert_eq!((answer.status, &answer.body["errors"][0]["pointer"], &answer.body["errors"][0]["code"]), (422, &json!("?kind"), &json!(code)), "{query}");
        }
        let array = format!("[{}]", invoice(1)).into_bytes();
        let answer = app.upload("/v1/imports?kind=invoices", &tenant.test, NDJSON, array, &[]).await;
        assert_eq!((answer.status, &answer.body["errors"][0]["code"]), (422, &json!("wrong_type")), "{}", answer.text);
    }

    async fn an_import_that_ends_is_told(app: App) {
        let tenant = start(&app).await;
        let good = taken(&app, &tenant, "?kind=invoices&source=erp", NDJSON, &file(&[invoice(1), json!({})])).await;
        let bad = taken(&app, &tenant, "", "application/xml", b"<html/>").await;
        let told = app.list(&tenant.test, "/v1/events?type=import.completed").await;
        assert_eq!((told.len(), &told[0]["data"]["id"]), (1, &good["id"]));
        assert_eq!((&told[0]["data"]["counts"]["rows"]["created"], &told[0]["data"]["counts"]["refused"], &told[0]["data"]["dry_run"]), (&json!(1), &json!(1), &json!(false)));
        let told = app.list(&tenant.test, "/v1/events?type=import.failed").await;
        assert_eq!((told.len(), &told[0]["data"]["id"], &told[0]["data"]["kind"]), (1, &bad["id"], &json!("invoices")));
    }
}
