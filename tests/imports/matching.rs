//! Who paid: by what he quotes, by what was to be collected, by his account; and who might have.

use serde_json::{Value, json};

use super::{
    banks::{balances, camt, entry, said, start},
    counts, rows, taken,
};
use crate::{
    on_both,
    support::{App, Tenant},
};

const MINE: &str = "FR7630006000011234567890189";
const THEIRS: &str = "BE71096123456769";

/// A transfer: its own reference, who sent it and from where, and what he wrote.
fn from(end_to_end: &str, name: &str, iban: &str, words: &str) -> String {
    let account = if iban.is_empty() { String::new() } else { format!("<DbtrAcct><Id><IBAN>{iban}</IBAN></Id></DbtrAcct>") };
    format!(
        "<TxDtls><Refs><EndToEndId>{end_to_end}</EndToEndId></Refs><RltdPties><Dbtr><Nm>{name}</Nm></Dbtr>{account}</RltdPties>\
         <RmtInf>{words}</RmtInf></TxDtls>"
    )
}

async fn paid(app: &App, tenant: &Tenant, query: &str, reference: &str, amount: &str, details: &str) -> (Value, Value) {
    let file = camt("camt.053.001.02", &entry(amount, "CRDT", reference, details));
    let import = taken(app, tenant, query, "application/xml", &file).await;
    let row = rows(app, tenant, &import).await.remove(0);
    (import, row)
}

/// Whose the money might be, as the row says: what is named, and why.
fn proposed(row: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let problems = row["problems"].as_array().unwrap().iter().filter(|one| one["place"] == "/proposals");
    problems.map(|one| (text(&one["value"]), text(&one["detail"]))).collect()
}

async fn id_of(app: &App, tenant: &Tenant, number: &str) -> String {
    let found = app.get(&format!("/v1/invoices?number={number}"), &tenant.test).await.expect(200);
    found["data"][0]["id"].as_str().unwrap().to_owned()
}

on_both! {
    async fn an_account_that_paid_before_is_known_again(app: App) {
        let tenant = start(&app).await;
        let nothing = from("E2", "Somebody", MINE, &said("merci"));
        let (_, row) = paid(&app, &tenant, "?dry_run=true", "R1", "500.00", &from("E1", "Somebody", MINE, &said("F-2026-118"))).await;
        assert_eq!(row["status"], "created");
        let (_, row) = paid(&app, &tenant, "", "R2", "300.00", &nothing).await;
        assert_eq!(row["status"], "unmatched", "a dry run teaches nothing: {row}");

        paid(&app, &tenant, "", "R1", "500.00", &from("E1", "Somebody", MINE, &said("F-2026-118"))).await;
        let (_, row) = paid(&app, &tenant, "", "R3", "299.99", &nothing).await;
        assert_eq!((&row["status"], proposed(&row).len()), (&json!("unmatched"), 1), "another amount: {row}");
        let (import, row) = paid(&app, &tenant, "", "R2", "300.00", &nothing).await;
        assert_eq!((counts(&import), balances(&app, &tenant).await), ([1, 0, 0, 0, 0, 0], vec![0, 0, 12_345, 7_777]), "{row}");
        let (again, _) = paid(&app, &tenant, "", "R2", "300.00", &nothing).await;
        assert_eq!(counts(&again), [0, 0, 1, 0, 0, 0]);
    }

    async fn several_invoices_of_one_payer_are_proposed_together(app: App) {
        let tenant = start(&app).await;
        let third = json!({"customer": {"source": "s", "external_id": "c2"}, "number": "F-2026-202", "issue_date": "2026-01-10", "due_date": "2026-02-10", "currency": "EUR", "total": 1_000});
        app.post("/v1/invoices", &tenant.test, third).await.expect(201);
        paid(&app, &tenant, "", "R1", "0.01", &from("E1", "Somebody", THEIRS, &said("F-2026-202"))).await;
        let (_, row) = paid(&app, &tenant, "", "R2", "201.22", &from("E2", "Somebody", THEIRS, &said("two"))).await;
        let mut named: Vec<String> = proposed(&row).into_iter().map(|(id, _)| id).collect();
        named.sort();
        let mut expected = vec![id_of(&app, &tenant, "F-2026-200").await, id_of(&app, &tenant, "F-2026-201").await];
        expected.sort();
        assert_eq!((&row["status"], named), (&json!("unmatched"), expected), "{row}");
        let (_, row) = paid(&app, &tenant, "", "R3", "211.21", &from("E3", "Somebody", THEIRS, &said("all"))).await;
        assert_eq!((&row["status"], balances(&app, &tenant).await), (&json!("created"), vec![50_000, 30_000, 0, 0, 0]), "{row}");
    }

    async fn an_account_that_pays_for_two_is_nobodys(app: App) {
        let tenant = start(&app).await;
        paid(&app, &tenant, "", "R1", "500.00", &from("E1", "Group", MINE, &said("F-2026-118"))).await;
        paid(&app, &tenant, "", "R2", "123.45", &from("E2", "Group", MINE, &said("F-2026-200"))).await;
        let (_, row) = paid(&app, &tenant, "", "R3", "300.00", &from("E3", "Group", MINE, &said("merci"))).await;
        let why: Vec<String> = proposed(&row).into_iter().map(|(_, why)| why).collect();
        assert_eq!((&row["status"], why), (&json!("unmatched"), vec!["the account has paid for this customer, and for others".to_owned(); 2]));
        assert_eq!(balances(&app, &tenant).await, [0, 30_000, 0, 7_777]);
    }

    async fn a_structured_reference_says_more_than_a_number(app: App) {
        let tenant = start(&app).await;
        let words = format!("<Strd><CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf></Strd>{}", said("F-2026-200"));
        let (_, row) = paid(&app, &tenant, "", "R1", "500.00", &from("E1", "Somebody", "", &words)).await;
        assert_eq!((&row["status"], balances(&app, &tenant).await), (&json!("created"), vec![0, 30_000, 12_345, 7_777]), "{row}");
        let (_, row) = paid(&app, &tenant, "", "R2", "42.00", &from("E2", "Somebody", "", &said("F-2026-119 and F-2026-200"))).await;
        assert_eq!((&row["status"], proposed(&row).len()), (&json!("unmatched"), 2), "two customers' numbers: {row}");
    }

    async fn a_debit_is_known_by_its_own_reference(app: App) {
        let tenant = start(&app).await;
        let invoice = app.get("/v1/invoices?number=F-2026-119", &tenant.test).await.expect(200)["data"][0].clone();
        let debit = json!({"customer_id": invoice["customer_id"], "currency": "EUR", "collect_on": "2026-03-01", "reference": "COLLECTION-7",
            "allocations": [{"invoice_id": invoice["id"], "amount": 30_000}]});
        let debit = app.post("/v1/direct-debits", &tenant.test, debit).await.expect(201);
        let (_, row) = paid(&app, &tenant, "", "R1", "299.00", &from("COLLECTION-7", "Somebody", "", &said("x"))).await;
        assert_eq!(row["status"], "unmatched", "another amount: {row}");
        let (_, row) = paid(&app, &tenant, "", "R2", "300.00", &from("COLLECTION-7", "Somebody", "", &said("x"))).await;
        let debit = app.get(&format!("/v1/direct-debits/{}", debit["id"].as_str().unwrap()), &tenant.test).await.expect(200);
        assert_eq!((&row["status"], &debit["state"], balances(&app, &tenant).await), (&json!("created"), &json!("settled"), vec![50_000, 0, 12_345, 7_777]));
    }

    async fn a_name_and_an_amount_only_propose(app: App) {
        let tenant = start(&app).await;
        let (_, row) = paid(&app, &tenant, "", "R1", "1.00", &from("E1", " CUSTOMER 2 ", "", &said("x"))).await;
        let customer = app.get("/v1/customers/by-external-id/s/c2", &tenant.test).await.expect(200)["id"].as_str().unwrap().to_owned();
        assert_eq!(proposed(&row), [(customer, "the payer has this customer's name".to_owned())], "{row}");
        let (_, row) = paid(&app, &tenant, "", "R2", "300.00", &from("E2", "Nobody", "", &said("x"))).await;
        assert_eq!(proposed(&row)[0].0, id_of(&app, &tenant, "F-2026-119").await, "{row}");
        assert_eq!(balances(&app, &tenant).await, [50_000, 30_000, 12_345, 7_777]);
    }

    async fn a_number_is_found_under_the_name_that_it_has_now(app: App) {
        let tenant = start(&app).await;
        let id = id_of(&app, &tenant, "F-2026-119").await;
        app.patch(&format!("/v1/invoices/{id}"), &tenant.test, json!({"number": "G/77 001"})).await.expect(200);
        let (_, row) = paid(&app, &tenant, "", "R1", "300.00", &from("E1", "Somebody", "", &said("F-2026-119"))).await;
        assert_eq!(row["status"], "unmatched", "{row}");
        let (_, row) = paid(&app, &tenant, "", "R2", "300.00", &from("E2", "Somebody", "", &said("ref G-77-001."))).await;
        assert_eq!(row["status"], "created", "{row}");
    }
}
