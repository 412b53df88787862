use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use super::{counts, rows, taken};
use crate::{
    on_both,
    support::{App, Tenant},
};

/// File; number, kind, currency, total, day of issue; when it is due and by what, or that it is a credit note; customer. Read out of the files by another reader of XML; dates in words by eye.
const INVOICES: &[(&str, &str, &str, &str)] = &[
    ("cii/CII-BR-CO-10-RoundingIssue.xml", "0 EUR 0 2021-03-26", "2021-03-26 given", "BuyerName"),
    ("cii/CII_example3.xml", "TOSL108 DKK 112500 2013-04-10", "2013-05-10 given", "Buyercompany ltd"),
    // Half of it was paid beforehand.
    ("cii/CII_example5.xml", "TOSL110 DKK 233750 2013-04-10", "2013-05-10 given", "Buyercompany ltd"),
    ("cii/CII_example9.xml", "20150483 EUR 17787 2015-04-01", "2015-04-15 given", "Provide Verzekeringen"),
    ("cii/EN16931_AbweichenderZahlungsempf.cii.xml", "471102 EUR 52987 2018-03-05", "2018-04-04 terms", "Kunden AG Mitte"),
    ("cii/EN16931_Einfach_DueDate.cii.xml", "471102 EUR 52987 2018-03-05", "2019-03-05 given", "Kunden AG Mitte"),
    ("cii/EN16931_Einfach_negativePaymentDue.cii.xml", "471102 EUR 52987 2018-03-05", "credit note", "Kunden AG Mitte"),
    ("cii/EN16931_SEPA_Prenotification.cii.xml", "471102 EUR 52987 2018-03-05", "2018-03-20 terms", "Kunden AG Mitte"),
    ("cii/xrechnung-01.10a.cii.xml", "Rechnungsnummer EUR 259420 2016-06-27", "2016-07-27 terms", "[Buyer name]"),
    ("cii/xrechnung-01.14a.cii.xml", "1234567 EUR 1282969 2018-04-13", "2018-04-13 given", "[Buyer name]"),
    ("facturx/EN16931_Einfach_DueDate.pdf", "471102 EUR 52987 2018-03-05", "2019-03-05 given", "Kunden AG Mitte"),
    ("facturx/EN16931_SEPA_Prenotification.pdf", "471102 EUR 52987 2018-03-05", "2018-03-20 terms", "Kunden AG Mitte"),
    ("ubl/BIS3_Invoice_negativ.XML", "12345 DKK 78217943 2019-01-25", "credit note", "Company B"),
    ("ubl/BIS3_Invoice_positive.XML", "12345 DKK 78217943 2019-01-25", "2019-02-24 given", "Company B"),
    ("ubl/guide-example1.xml", "12115118 EUR 25033 2015-01-09", "2015-01-09 given", "ODIN 59"),
    ("ubl/ubl-tc434-creditnote1.xml", "018304 / 28865 EUR 10011 2019-09-23", "credit note", "My Customer Company"),
    ("ubl/ubl-tc434-example5.xml", "TOSL110 DKK 233750 2013-04-10", "2013-05-10 given", "Buyercompany ltd"),
    ("ubl/ubl-tc434-example9.xml", "20150483 EUR 17787 2015-04-01", "2015-04-14 given", "Provide Verzekeringen"),
    ("ubl/xrechnung-01.04a.ubl.xml", "1234/78/901 EUR 12000 2016-06-16", "2016-06-30 terms", "[Buyer name]"),
    ("ubl/xrechnung-01.10a.ubl.xml", "Rechnungsnummer EUR 259420 2016-06-27", "2016-07-27 terms", "[Buyer name]"),
    ("ubl/xrechnung-01.13a.ubl.xml", "Rechnungsnummer EUR 634270 2015-01-09", "2015-01-24 given", "[Buyer name]"),
    ("ubl/xrechnung-01.18a.ubl.xml", "PRG1502112 EUR 1055530 2015-04-24", "2015-05-08 terms", "[Buyer name]"),
    ("ubl/xrechnung-04.02a-directdebit.ubl.xml", "12345 EUR 3299 2019-05-15", "2019-05-29 terms", "[Buyer name]"),
    ("ubl/xrechnung-minimal.ubl.xml", "1234567 EUR 474375 2018-04-13", "2018-04-13 given", "[Buyer name]"),
];

/// File; how many rows it has, or the place of what it is refused for; the money that came in, in minor units, with its day and payer, as far as one line tells.
const STATEMENTS: &[(&str, &str, &[&str])] = &[
    ("camt/genkgo-camt053.v2.all-balance-types.xml", "1", &["EUR 885 on 2014-12-31"]),
    ("camt/genkgo-camt053.v2.five.decimals.xml", "1", &["EUR 885 on 2014-12-31"]),
    ("camt/genkgo-camt053.v2.minimal.xml", "1", &["EUR 885 on 2014-12-31 NAME NAME NL56AGDH9619008421"]),
    ("camt/genkgo-camt053.v2.multi.statement.xml", "2", &["EUR 885 on 2014-12-31"]),
    ("camt/genkgo-camt053.v2.wrong.xml", "/Document/BkToCstmrStmt/Stmt", &[]),
    ("camt/genkgo-camt053.v4.xml", "1", &["EUR 885 on 2014-12-31 NAME NAME NL56AGDH9619008421"]),
    ("camt/genkgo-camt053.v8.xml", "1", &["EUR 885 on 2014-12-31 NAME NAME NL56AGDH9619008421"]),
    ("camt/genkgo-camt054.v2.xml", "3", &[]),
    ("camt/genkgo-camt054.v8-with-UETR.xml", "1", &[]),
    (
        "camt/genkgo-camt054.v8.xml",
        "3",
        &["CHF 310 on 2007-10-18 UNIFITS GmbH", "CHF 320 on 2007-10-18 UNIFITS GmbH", "CHF 320 on 2007-10-18 UNIFITS GmbH"],
    ),
    ("camt/subite-054.v10-one-entry-many-tx.xml", "41", &[]),
    (
        "camt/subite-BE-month-264-entries.053.v2.xml",
        "264",
        &[
            "EUR 40000 on 2024-12-23 Theta Ltd BE53822485014653",
            "EUR 5000000 on 2024-12-20 Stellar Ltd BE91516952884376",
            "EUR 5000000 on 2024-12-13 Stellar Ltd BE91516952884376",
        ],
    ),
    ("camt/subite-account_statement.053.v2.xml", "3", &["EUR 78990440 on 2024-05-23 Theta Solutions BE40933730571463"]),
    // No entry has a day of its own: that of the message is taken.
    (
        "camt/subite-daily-2024-03-14.053.v8.xml",
        "14",
        &["EUR 1178700 on 2024-03-14", "EUR 91649765 on 2024-03-14", "EUR 1300 on 2024-03-14", "EUR 784 on 2024-03-14"],
    ),
    (
        // Three more credits are RETOURE: money of ours that came back.
        "mt940/betterplace-sepa_snippet.sta",
        "11",
        &[
            "EUR 5099005 on 2007-09-04 KARL KAUFMANN",
            "EUR 15455193 on 2007-09-04 Quentin Quast",
            "EUR 15455193 on 2007-09-04 Karl Kaufmann",
            "EUR 1500005 on 2007-09-04",
            "EUR 12500488 on 2007-09-04",
        ],
    ),
    ("mt940/betterplace-sepa_snippet_broken.sta", "/line/6", &[]),
    (
        "mt940/betterplace-with_binary_character.sta",
        "4",
        &["EUR 2700 on 2010-03-19 PAYPAL", "EUR 1306830 on 2010-03-19 WIRECARD BANK AG", "EUR 112000 on 2010-03-19"],
    ),
    ("mt940/jejik-ing.sta", "7", &["EUR 368 on 2010-07-22", "EUR 100 on 2010-07-23"]),
    ("mt940/jejik-rabobank-iban.sta", "4", &[]),
    ("mt940/self-provided-details_60-63.sta", "1", &[]),
    ("mt940/self-provided-february_30.sta", "1", &[]),
    ("mt940/self-provided-multiline.sta", "2", &["EUR 11900 on 2022-12-20"]),
];

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

/// What became of a file's one invoice or credit note, as [`INVOICES`] says it.
async fn told_of(app: &App, tenant: &Tenant) -> (String, String) {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if let Some(row) = list(app, tenant, "/v1/invoices").await.first() {
        let said = ["number", "currency", "total", "issue_date"].map(|name| text(&row[name])).join(" ");
        let last = row["instalments"].as_array().unwrap().last().unwrap_or(&Value::Null);
        return (said, format!("{} {}", text(&last["due_date"]), text(&row["due_date_source"])));
    }
    let row = &list(app, tenant, "/v1/credit-notes").await[0];
    (["number", "currency", "amount", "issue_date"].map(|name| text(&row[name])).join(" "), "credit note".to_owned())
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
            let (_, said, due, customer) = INVOICES.iter().find(|row| row.0 == name).unwrap_or_else(|| panic!("{name}: nothing says what it must come to"));
            assert_eq!((told_of(&app, &tenant).await, list(&app, &tenant, "/v1/customers").await[0]["name"].as_str()), ((said.to_string(), due.to_string()), Some(*customer)), "{name}");
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
            let (_, read, credits) = STATEMENTS.iter().find(|row| row.0 == name).unwrap_or_else(|| panic!("{name}: nothing says what it must come to"));
            if read.parse::<u64>().is_err() {
                assert_eq!((&first["status"], &first["problems"][0]["place"]), (&json!("failed"), &json!(read)), "{name}: {first}");
                continue;
            }
            assert_eq!((&first["status"], &first["kind"], first["rows_read"].to_string().as_str()), (&json!("completed"), &json!("bank_statement"), *read), "{name}: {first}");
            // Nobody here owes anything: no line is a customer's for certain, and each says why.
            let [created, changed, unchanged, refused, ..] = counts(&first);
            assert_eq!([created, changed, unchanged, refused], [0; 4], "{name}");
            let told = rows(&app, &tenant, &first).await;
            assert!(told.iter().all(|row| !row["problems"].as_array().unwrap().is_empty()), "{name}");
            let unmatched = told.iter().filter(|row| row["status"] == "unmatched");
            let found: Vec<String> = unmatched.map(|row| row["problems"][0]["detail"].as_str().unwrap().replace(" (in minor units) from", "")).collect();
            let as_read = found.len() == credits.len() && found.iter().zip(*credits).all(|(found, credit)| found.starts_with(credit));
            assert!(as_read, "{name}: {found:#?}");
        }
        assert_eq!(list(&app, &tenant, "/v1/payments").await, Vec::<Value>::new());
    }
}
