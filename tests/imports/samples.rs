use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use super::{counts, rows, taken};
use crate::{
    on_both,
    support::{App, Tenant},
};

fn samples(folders: &[&str]) -> Vec<(String, Vec<u8>)> {
    let within = |folder: &&str| {
        let path = PathBuf::from(format!("{}/../shared/samples/{folder}", env!("CARGO_MANIFEST_DIR")));
        let files = fs::read_dir(path).into_iter().flatten().flatten();
        files.map(|file| (format!("{folder}/{}", file.file_name().to_string_lossy()), fs::read(file.path()).unwrap())).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = folders.iter().flat_map(within).collect();
    all.sort();
    if all.is_empty() {
        println!("skipped: no ../shared");
    }
    all
}

/// A tenant whose terms are thirty days, for invoices that do not say.
async fn creditor(app: &App) -> Tenant {
    let tenant = app.tenant("Atelier").await;
    let terms = json!({"name": "30 days", "audiences": ["business"], "due": {"rule": {"kind": "net", "days": 30}}});
    let made = app.post("/v1/terms", &tenant.test, terms).await.expect(201);
    app.patch("/v1/tenant", &tenant.test, json!({"terms_id": made["id"]})).await.expect(200);
    tenant
}

async fn list(app: &App, tenant: &Tenant, path: &str) -> Vec<Value> {
    app.get(&format!("{path}?limit=200"), &tenant.test).await.expect(200)["data"].as_array().unwrap().clone()
}

on_both! {
    async fn every_sample_invoice_is_taken_in_once(app: App) {
        for (n, (name, file)) in samples(&["ubl", "cii", "facturx"]).iter().enumerate() {
            let tenant = creditor(&app).await;
            let query = format!("?source=s{n}");
            let first = taken(&app, &tenant, &query, "application/octet-stream", file).await;
            let told = rows(&app, &tenant, &first).await;
            assert_eq!((&first["status"], &first["kind"], first["rows_read"].as_u64()), (&json!("completed"), &json!("invoices"), Some(1)), "{name}: {first}");
            assert_eq!(counts(&first), [1, 0, 0, 0, 0, 0], "{name}: {told:?}");
            let again = taken(&app, &tenant, &query, "application/octet-stream", file).await;
            assert_eq!(counts(&again), [0, 0, 1, 0, 0, 0], "{name}: {:?}", rows(&app, &tenant, &again).await);
            let made = (list(&app, &tenant, "/v1/invoices").await.len(), list(&app, &tenant, "/v1/credit-notes").await.len());
            let credit = first["things"]["credit_notes"]["created"].as_u64() == Some(1);
            assert_eq!(made, if credit { (0, 1) } else { (1, 0) }, "{name}");
            assert_eq!(list(&app, &tenant, "/v1/customers").await.len(), 1, "{name}");
            let documents = list(&app, &tenant, "/v1/documents").await.len();
            assert_eq!(documents, usize::from(name.ends_with(".pdf")), "{name}");
        }
    }

    async fn what_is_collected_is_silent(app: App) {
        for (name, file) in samples(&["ubl", "facturx"]).iter().filter(|(name, _)| name.contains("directdebit") || name.contains("SEPA")) {
            let tenant = creditor(&app).await;
            taken(&app, &tenant, "", "application/xml", file).await;
            let invoices = list(&app, &tenant, "/v1/invoices").await;
            let debits = list(&app, &tenant, "/v1/direct-debits").await;
            assert_eq!(debits.len(), 1, "{name}");
            assert_eq!((&debits[0]["amount"], &debits[0]["collect_on"], &debits[0]["state"]), (&invoices[0]["total"], &invoices[0]["instalments"][0]["due_date"], &json!("announced")), "{name}");
        }
    }

    async fn due_dates_in_words_are_terms(app: App) {
        let Some((_, file)) = samples(&["cii"]).into_iter().find(|(name, _)| name.ends_with("xrechnung-01.10a.cii.xml")) else { return };
        let tenant = creditor(&app).await;
        taken(&app, &tenant, "", "text/xml", &file).await;
        let invoice = &list(&app, &tenant, "/v1/invoices").await[0];
        assert_eq!((&invoice["due_date_source"], &invoice["instalments"][0]["due_date"], &invoice["number"], &invoice["total"]), (&json!("terms"), &json!("2016-07-27"), &json!("Rechnungsnummer"), &json!(259_420)));
        assert_eq!(list(&app, &tenant, "/v1/customers").await[0]["contacts"][0]["email"], "buyer@info.de");
    }

    async fn every_sample_statement_is_taken_in_once(app: App) {
        let tenant = app.tenant("Atelier").await;
        for (name, file) in samples(&["camt", "mt940"]) {
            let first = taken(&app, &tenant, "", "application/octet-stream", &file).await;
            if name.contains("wrong") || name.contains("broken") {
                assert_eq!(first["status"], "failed", "{name}: {first}");
                assert!(!first["problems"].as_array().unwrap().is_empty(), "{name}");
                continue;
            }
            assert_eq!((&first["status"], &first["kind"]), (&json!("completed"), &json!("bank_statement")), "{name}: {first}");
            // Nobody here owes anything: no line is a customer's for certain, and each says why.
            let [created, changed, unchanged, refused, ..] = counts(&first);
            assert_eq!([created, changed, unchanged, refused], [0; 4], "{name}");
            let told = rows(&app, &tenant, &first).await;
            assert!(told.iter().all(|row| !row["problems"].as_array().unwrap().is_empty()), "{name}");
            if name.contains("264") {
                let credits = told.iter().filter(|row| row["status"] == "unmatched").count();
                assert!(first["rows_read"].as_u64().unwrap() >= 264 && credits >= 3, "{name}: {first}");
            }
        }
        assert_eq!(list(&app, &tenant, "/v1/payments").await, Vec::<Value>::new());
    }

    async fn hostile_files_end_in_a_failed_import(app: App) {
        let tenant = app.tenant("Atelier").await;
        let bomb = "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"bbbbbbbb\">]><Invoice xmlns=\"urn:oasis:names:specification:ubl:schema:xsd:Invoice-2\">&b;</Invoice>";
        let deep = format!("<Invoice xmlns=\"urn:oasis:names:specification:ubl:schema:xsd:Invoice-2\">{}", "<a>".repeat(100_000));
        for file in [bomb.as_bytes(), deep.as_bytes(), b"%PDF-1.7 nothing", b"<html/>", b":20:X\n:61:nonsense\n"] {
            let import = taken(&app, &tenant, "", "application/octet-stream", file).await;
            assert_eq!((&import["status"], counts(&import)), (&json!("failed"), [0; 6]), "{import}");
            assert!(import["problems"][0]["detail"].as_str().is_some_and(|text| text.len() > 10), "{import}");
        }
        // What fails keeps nobody waiting.
        let statement = b":20:X\n:25:1/2\n:28C:1/1\n:60F:C260101EUR0,00\n:61:2601020102D5,00NMSCNONREF\n:86:fees\n:62F:D260102EUR5,00\n-\n";
        assert_eq!(taken(&app, &tenant, "", "text/plain", statement).await["status"], "completed");
    }
}
