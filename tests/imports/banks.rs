use serde_json::{Value, json};

use super::{counts, rows, taken};
use crate::{
    on_both,
    support::{App, Tenant},
};

/// A statement of one account, in one of the messages of the family.
pub(super) fn camt(message: &str, entries: &str) -> Vec<u8> {
    let (outer, inner) = match message {
        "camt.052.001.02" => ("BkToCstmrAcctRpt", "Rpt"),
        "camt.054.001.02" => ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
        _ => ("BkToCstmrStmt", "Stmt"),
    };
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:{message}\"><{outer}><GrpHdr><MsgId>1</MsgId><CreDtTm>2026-03-02T08:00:00</CreDtTm></GrpHdr><{inner}><Id>1</Id>\
         <CreDtTm>2026-03-02T08:00:00</CreDtTm><Acct><Id><IBAN>BE71096123456769</IBAN></Id><Ccy>EUR</Ccy></Acct>{entries}</{inner}></{outer}></Document>"
    )
    .into_bytes()
}

pub(super) fn entry(amount: &str, way: &str, reference: &str, details: &str) -> String {
    format!(
        "<Ntry><Amt Ccy=\"EUR\">{amount}</Amt><CdtDbtInd>{way}</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-03-02</Dt></BookgDt><ValDt><Dt>2026-03-02</Dt></ValDt>\
         <AcctSvcrRef>{reference}</AcctSvcrRef><NtryDtls>{details}</NtryDtls></Ntry>"
    )
}

fn paid(end_to_end: &str, words: &str) -> String {
    format!(
        "<TxDtls><Refs><EndToEndId>{end_to_end}</EndToEndId></Refs><RltdPties><Dbtr><Nm>Somebody</Nm></Dbtr><DbtrAcct><Id><IBAN>FR7630006000011234567890189</IBAN></Id></DbtrAcct></RltdPties>\
         <RmtInf>{words}</RmtInf></TxDtls>"
    )
}

pub(super) fn said(text: &str) -> String {
    format!("<Ustrd>{text}</Ustrd>")
}

pub(super) async fn start(app: &App) -> Tenant {
    let tenant = app.tenant("Atelier").await;
    for (n, number, total, reference) in [
        (1, "F-2026-118", 50_000, Some("RF18539007547034")),
        (1, "F-2026-119", 30_000, None),
        (2, "F-2026-200", 12_345, None),
        (2, "F-2026-201", 7_777, None),
    ] {
        let customer = json!({"source": "s", "external_id": format!("c{n}"), "name": format!("Customer {n}"), "kind": "business"});
        app.send("PUT", &format!("/v1/customers/by-external-id/s/c{n}"), &tenant.test, customer, &[]).await;
        let mut invoice = json!({"customer": {"source": "s", "external_id": format!("c{n}")}, "number": number, "issue_date": "2026-01-10", "due_date": "2026-02-10",
            "currency": "EUR", "total": total});
        if let Some(reference) = reference {
            invoice["structured_reference"] = json!(reference);
        }
        app.post("/v1/invoices", &tenant.test, invoice).await.expect(201);
    }
    tenant
}

/// The invoices by their numbers.
async fn invoices(app: &App, tenant: &Tenant) -> Vec<Value> {
    let mut all = app.get("/v1/invoices", &tenant.test).await.expect(200)["data"].as_array().unwrap().clone();
    all.sort_by_key(|one| one["number"].as_str().unwrap().to_owned());
    all
}

pub(super) async fn balances(app: &App, tenant: &Tenant) -> Vec<i64> {
    invoices(app, tenant).await.iter().map(|one| one["balance"].as_i64().unwrap()).collect()
}

fn statement() -> String {
    let structured = "<Strd><CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf></Strd>";
    [
        entry("500.00", "CRDT", "R1", &paid("E1", structured)),
        entry("300.00", "CRDT", "R2", &paid("E2", &said("facture F 2026 119, merci"))),
        entry("123.45", "CRDT", "R3", &paid("E3", &said("virement"))),
        entry("900.00", "CRDT", "R4", &paid("E4", &said("F-2026-201"))),
        entry("12.00", "DBIT", "R5", &paid("E5", &said("rent"))),
    ]
    .concat()
}

on_both! {
    async fn who_is_certain_settles_and_who_is_not_is_told(app: App) {
        let tenant = start(&app).await;
        let tried = taken(&app, &tenant, "?dry_run=true", "application/xml", &camt("camt.053.001.02", &statement())).await;
        assert_eq!((counts(&tried), balances(&app, &tenant).await), ([3, 0, 0, 0, 1, 1], vec![50_000, 30_000, 12_345, 7_777]));

        let import = taken(&app, &tenant, "", "application/xml", &camt("camt.053.001.02", &statement())).await;
        let told = rows(&app, &tenant, &import).await;
        assert_eq!((counts(&import), balances(&app, &tenant).await), ([3, 0, 0, 0, 1, 1], vec![0, 0, 12_345, 7_777]), "{told:?}");
        // The amount alone makes nobody certain; the row says whose it might be.
        assert_eq!((&told[2]["status"], &told[2]["problems"][1]["place"]), (&json!("unmatched"), &json!("/proposals")));
        assert!(told[2]["problems"][1]["detail"].as_str().unwrap().contains("F-2026-200"), "{told:?}");
        // Who pays more than he says what for is known, and what for is left to be chosen.
        let payments = app.get("/v1/payments", &tenant.test).await.expect(200);
        let more = payments["data"].as_array().unwrap().iter().find(|one| one["amount"] == 90_000).unwrap();
        assert_eq!((&more["unallocated"], &more["reference"], &more["metadata"]["iban"]), (&json!(90_000), &json!("F-2026-201 E4"), &json!("FR7630006000011234567890189")));
        assert!(told[3]["problems"][0]["detail"].as_str().unwrap().contains("pays more than is open"), "{told:?}");

        // By hand, under the row's own name: no later file books it again.
        let by_hand = json!({"customer": {"source": "s", "external_id": "c2"}, "source": "bank", "external_id": told[2]["reference"], "currency": "EUR", "amount": 12_345, "received_on": "2026-03-02"});
        app.post("/v1/payments", &tenant.test, by_hand).await.expect(201);
        for message in ["camt.052.001.02", "camt.053.001.02", "camt.054.001.02"] {
            let again = taken(&app, &tenant, "", "application/xml", &camt(message, &statement())).await;
            assert_eq!(counts(&again), [0, 0, 4, 0, 1, 0], "{message}");
        }
        assert_eq!(app.get("/v1/payments", &tenant.test).await.expect(200)["data"].as_array().unwrap().len(), 4);
    }

    async fn what_went_back_is_open_again(app: App) {
        let tenant = start(&app).await;
        taken(&app, &tenant, "", "application/xml", &camt("camt.053.001.02", &statement())).await;
        let back = "<TxDtls><Refs><EndToEndId>E2</EndToEndId></Refs><RmtInf><Ustrd>return</Ustrd></RmtInf><RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf></TxDtls>";
        let unknown = back.replace("E2", "E99");
        let entries = [entry("300.00", "DBIT", "R9", back), entry("300.00", "DBIT", "R10", &unknown)].concat();
        for expected in [[0, 1, 0, 0, 1, 0], [0, 0, 1, 0, 1, 0]] {
            let import = taken(&app, &tenant, "", "application/xml", &camt("camt.053.001.02", &entries)).await;
            assert_eq!((counts(&import), balances(&app, &tenant).await), (expected, vec![0, 30_000, 12_345, 7_777]), "{:?}", rows(&app, &tenant, &import).await);
        }
        let payments = app.get("/v1/payments", &tenant.test).await.expect(200);
        let returned: Vec<&Value> = payments["data"].as_array().unwrap().iter().filter(|one| one["status"] == "returned").collect();
        assert_eq!((returned.len(), &returned[0]["metadata"]["return_reason"]), (1, &json!("AC04")));
    }

    async fn an_announced_debit_is_settled_by_its_money(app: App) {
        let tenant = start(&app).await;
        let invoice = app.get("/v1/invoices?number=F-2026-119", &tenant.test).await.expect(200)["data"][0].clone();
        let debit = json!({"customer_id": invoice["customer_id"], "currency": "EUR", "collect_on": "2026-03-01", "allocations": [{"invoice_id": invoice["id"], "amount": 30_000}]});
        let debit = app.post("/v1/direct-debits", &tenant.test, debit).await.expect(201);
        taken(&app, &tenant, "", "application/xml", &camt("camt.053.001.02", &statement())).await;
        let debit = app.get(&format!("/v1/direct-debits/{}", debit["id"].as_str().unwrap()), &tenant.test).await.expect(200);
        assert_eq!(debit["state"], "settled", "{debit}");
    }

    async fn an_accounting_file_opens_the_ledger(app: App) {
        let tenant = app.tenant("Atelier").await;
        let terms = json!({"name": "30 days", "audiences": ["business"], "due": {"rule": {"kind": "net", "days": 30}}});
        let made = app.post("/v1/terms", &tenant.test, terms).await.expect(201);
        app.patch("/v1/tenant", &tenant.test, json!({"terms_id": made["id"]})).await.expect(200);
        let head = "JournalCode|JournalLib|EcritureNum|EcritureDate|CompteNum|CompteLib|CompAuxNum|CompAuxLib|PieceRef|PieceDate|EcritureLib|Debit|Credit|EcritureLet|DateLet|ValidDate|Montantdevise|Idevise";
        let line = |journal: &str, entry: u32, account: &str, customer: &str, piece: &str, debit: &str, credit: &str, letters: &str| {
            let day = "20260105";
            format!("{journal}|{journal}|{entry}|{day}|{account}|x|{customer}|Client {customer}|{piece}|{day}|x|{debit}|{credit}|{letters}||{day}||")
        };
        let file = [
            head.to_owned(),
            line("VE", 1, "411000", "DUPONT", "F1", "120,00", "0,00", "A"), line("VE", 1, "706000", "", "F1", "0,00", "120,00", ""),
            line("BQ", 2, "411000", "DUPONT", "V1", "0,00", "120,00", "A"), line("BQ", 2, "512000", "", "V1", "120,00", "0,00", ""),
            line("VE", 3, "411000", "DUPONT", "F2", "200,00", "0,00", "B"), line("VE", 3, "706000", "", "F2", "0,00", "200,00", ""),
            line("BQ", 4, "411000", "DUPONT", "V2", "0,00", "50,00", "B"), line("BQ", 4, "512000", "", "V2", "50,00", "0,00", ""),
            line("VE", 5, "411000", "MARTIN", "F3", "80,00", "0,00", ""), line("VE", 5, "706000", "", "F3", "0,00", "80,00", ""),
            line("BQ", 6, "411000", "MARTIN", "V3", "0,00", "30,00", ""), line("BQ", 6, "512000", "", "V3", "30,00", "0,00", ""),
        ].join("\n");
        for expected in [[4, 0, 0, 0, 2, 0], [0, 0, 4, 0, 2, 0]] {
            let import = taken(&app, &tenant, "", "text/plain", file.as_bytes()).await;
            assert_eq!((&import["kind"], counts(&import)), (&json!("fec"), expected), "{:?}", rows(&app, &tenant, &import).await);
        }
        // What is lettered with an invoice is that invoice's; other money waits for a person.
        assert_eq!(balances(&app, &tenant).await, [15_000, 8_000]);
        let first = &invoices(&app, &tenant).await[0];
        assert_eq!((&first["due_date_source"], &first["instalments"][0]["due_date"]), (&json!("tenant_terms"), &json!("2026-02-04")));
    }
}
