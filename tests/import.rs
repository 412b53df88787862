//! Tables of other systems: read exactly, every wrong cell named, imported again without doubles.

use relance::{
    domain::{
        ids::{Mode, TenantId},
        import::{csv::Mapping, job::ImportCounts},
    },
    store,
};
use serde_json::{Value, json};

use crate::{
    on_both,
    support::{
        App, Tenant,
        imports::{self, Problem, tally},
    },
};

const MAPPING: &str = r#"
source = "old"
date_format = "%d/%m/%Y"
decimal_separator = ","
currency = "EUR"
[customer]
external_id = "client"
name = "nom"
email = "courriel"
[invoice]
external_id = "facture"
number = "facture"
issue_date = "date"
due_date = "echeance"
amount = "montant"
[payment]
date = "payee"
"#;

const TABLE: &str = "client;nom;courriel;facture;date;echeance;montant;payee\n\
    1;Garage;a@client.example;F1;05/01/2026;04/02/2026;1 200,50;01/02/2026\n\
    1;Garage;a@client.example;F2;10/01/2026;09/02/2026;80;\n\
    2;Mairie;;F3;11/01/2026;10/02/2026;12,345;\n\
    2;Mairie;nobody;F4;2026-01-12;10/02/2026;-3;\n\
    2;Mairie;;F2;12/01/2026;10/02/2026;7;\n\
    3;Later;;F6;01/03/2026;31/03/2026;9;\n";

fn import(
    app: &App,
    tenant: &Tenant,
    mapping: &str,
    table: &[u8],
    as_of: Option<&str>,
    dry_run: bool,
) -> (store::imports::Import, Vec<Problem>) {
    let here = tenant.id.parse::<TenantId>().unwrap().in_mode(Mode::Test);
    imports::table(app, here, mapping, table, as_of.map(|day| day.parse().unwrap()), dry_run).unwrap()
}

on_both! {
    async fn a_table_is_imported_once_however_often(app: App) {
        let tenant = app.tenant("Atelier").await;
        let run = |as_of, dry_run| import(&app, &tenant, MAPPING, TABLE.as_bytes(), as_of, dry_run);
        let (dry, problems) = run(None, true);
        assert_eq!((dry.counts.rows_read(), dry.counts.refused, dry.counts.invoices), (6, 3, tally(3, 0, 0)));
        assert_eq!(app.get("/v1/customers", &tenant.test).await.expect(200)["data"], json!([]));
        let named: Vec<(i64, &str, &str)> = problems.iter().map(|(line, column, value)| (*line, column.as_str(), value.as_deref().unwrap_or_default())).collect();
        let cells = [(4, "montant", "12,345"), (5, "courriel", "nobody"), (5, "date", "2026-01-12"), (5, "montant", "-3"), (6, "/external_id", "")];
        assert_eq!(named, cells);

        let (early, _) = run(Some("2026-01-31"), false);
        let of = |counts: ImportCounts| (counts.customers, counts.invoices, counts.payments);
        assert_eq!((early.counts.skipped, early.counts.refused), (1, 3));
        assert_eq!(of(early.counts.0), (tally(2, 0, 0), tally(2, 0, 0), tally(0, 0, 0)));
        let (now, _) = run(None, false);
        assert_eq!(of(now.counts.0), (tally(1, 0, 2), tally(1, 0, 2), tally(1, 0, 0)));
        let (again, _) = run(None, false);
        assert_eq!(of(again.counts.0), (tally(0, 0, 3), tally(0, 0, 3), tally(0, 0, 1)));

        let paid = app.get("/v1/invoices/by-external-id/old/F1", &tenant.test).await.expect(200);
        assert_eq!((&paid["total"], &paid["balance"], &paid["status"]), (&json!(120_050), &json!(0), &json!("settled")));
        let owner = app.get("/v1/customers/by-external-id/old/1", &tenant.test).await.expect(200);
        assert_eq!(owner["contacts"][0]["email"], "a@client.example");
        assert_eq!(app.get("/v1/payments", &tenant.test).await.expect(200)["data"][0]["external_id"], "F1:settled");
    }

    async fn a_mapping_that_does_not_fit_is_refused_whole(app: App) {
        let tenant = app.tenant("Atelier").await;
        let here: TenantId = tenant.id.parse().unwrap();
        let refused = |mapping: &str| imports::table(&app, here, mapping, TABLE.as_bytes(), None, false).unwrap_err().to_string();
        let unknown = refused(&MAPPING.replace("\"nom\"", "\"name\""));
        assert!(unknown.contains("no column \"name\" in the file"), "{unknown}");
        let asked = refused(&MAPPING.replace("currency = \"EUR\"\n", ""));
        assert!(asked.contains("/currency: no currency"), "{asked}");
        assert!(toml::from_str::<Mapping>("source = \"x\"").is_err());
    }

    async fn a_real_history_is_cut_at_a_day(app: App) {
        let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/samples/ar/ibm-late-payment-histories.csv");
        let Ok(table) = std::fs::read(sample) else {
            println!("skipped: no ../shared");
            return;
        };
        let mapping = "source = \"ibm\"\ndate_format = \"%m/%d/%Y\"\ncurrency = \"USD\"\n\
            [customer]\nexternal_id = \"customerID\"\nname = \"customerID\"\n\
            [invoice]\nexternal_id = \"invoiceNumber\"\nnumber = \"invoiceNumber\"\nissue_date = \"InvoiceDate\"\ndue_date = \"DueDate\"\namount = \"InvoiceAmount\"\n\
            [payment]\ndate = \"SettledDate\"\n";
        let tenant = app.tenant("Atelier").await;
        let (history, problems) = import(&app, &tenant, mapping, &table, Some("2013-06-30"), false);
        let counts = history.counts.0;
        assert_eq!((counts.rows_read(), problems.as_slice()), (2_466, [].as_slice()));
        assert_eq!(counts.customers.created, 100);
        assert_eq!(counts.invoices.created + counts.skipped, 2_466);
        let mut open = 0;
        let mut path = "/v1/invoices?status=open&limit=200".to_owned();
        loop {
            let page = app.get(&path, &tenant.test).await.expect(200);
            open += page["data"].as_array().unwrap().len();
            let Value::String(cursor) = &page["next_cursor"] else { break };
            path = format!("/v1/invoices?status=open&limit=200&cursor={cursor}");
        }
        assert_eq!(u64::try_from(open).unwrap(), counts.invoices.created - counts.payments.created);
        assert!(open > 50, "{open} open invoices");
    }
}
