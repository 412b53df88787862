use relance::domain::ids::{Mode, TenantId};
use serde_json::{Value, json};

use super::{counts, rows, take_slice, taken};
use crate::{
    on_both,
    support::{App, Tenant},
};

fn mapping() -> Value {
    json!({"source": "sage", "currency": "EUR", "customer": {"external_id": "client", "name": "nom", "email": "courriel"},
        "invoice": {"external_id": "facture", "number": "facture", "issue_date": "date", "due_date": "échéance", "amount": "montant"}})
}

const TABLE: &str = "client;nom;courriel;facture;date;échéance;montant\r\n\
    1;Garage Dupont;a@client.example;=F-1;13/01/2026;04/02/2026;1 200,50\r\n\
    2;Mairie;nobody;F-2;14/01/2026;05/02/2026;80,00\r\n\
    1;Garage Dupont;a@client.example;F-3;15/01/2026;06/02/2026;7\r\n";

async fn start(app: &App) -> Tenant {
    let tenant = app.tenant("Atelier").await;
    app.send("PUT", "/v1/import-mappings/sage", &tenant.test, mapping(), &[]).await.expect(201);
    tenant
}

/// So many invoices of one customer.
fn long(count: usize) -> String {
    let line = |n: usize| format!("1;Garage;a@client.example;F-{n};13/01/2026;04/02/2026;{n},25\n");
    format!("{}\n{}", TABLE.lines().next().unwrap(), (1..=count).map(line).collect::<String>())
}

async fn listed(app: &App, tenant: &Tenant, path: &str) -> usize {
    app.get(&format!("{path}?limit=200"), &tenant.test).await.expect(200)["data"].as_array().unwrap().len()
}

on_both! {
    async fn a_table_is_tried_then_taken_in_then_known(app: App) {
        let tenant = start(&app).await;
        let tried = taken(&app, &tenant, "?mapping=sage&dry_run=true&file_name=a.csv", "text/csv; charset=utf-8", TABLE.as_bytes()).await;
        assert_eq!((&tried["status"], &tried["kind"], &tried["format"], &tried["source"]), (&json!("completed"), &json!("invoices"), &json!("csv"), &json!("sage")));
        assert_eq!((counts(&tried), listed(&app, &tenant, "/v1/invoices").await, listed(&app, &tenant, "/v1/customers").await), ([2, 0, 0, 1, 0, 0], 0, 0));

        let made = taken(&app, &tenant, "?mapping=sage", "text/csv", TABLE.as_bytes()).await;
        assert_eq!(counts(&made), [2, 0, 0, 1, 0, 0]);
        let all = rows(&app, &tenant, &made).await;
        assert_eq!((&all[1]["line"], &all[1]["reference"], &all[1]["status"]), (&json!(3), &json!("F-2"), &json!("refused")));
        assert_eq!(all[1]["problems"], json!([{"place": "courriel", "value": "nobody", "detail": "not an e-mail address; write one mailbox such as accounts@example.com"}]));
        assert_eq!(all[0]["things"].as_array().unwrap().len(), 2, "the customer stands in the first of its rows");
        let invoice = app.get("/v1/invoices/by-external-id/sage/F-3", &tenant.test).await.expect(200);
        assert_eq!((&invoice["total"], &invoice["instalments"][0]["due_date"]), (&json!(700), &json!("2026-02-06")));

        let again = taken(&app, &tenant, "?mapping=sage", "application/octet-stream", TABLE.as_bytes()).await;
        assert_eq!((counts(&again), listed(&app, &tenant, "/v1/invoices").await), ([0, 0, 2, 1, 0, 0], 2));
        let moved = taken(&app, &tenant, "?mapping=sage", "text/csv", TABLE.replace("06/02/2026", "07/02/2026").as_bytes()).await;
        assert_eq!(counts(&moved), [0, 1, 1, 1, 0, 0]);

        let id = made["id"].as_str().unwrap();
        let refused = app.get(&format!("/v1/imports/{id}/rows?status=refused"), &tenant.test).await.expect(200);
        assert_eq!(refused["data"].as_array().unwrap().len(), 1);
        let report = app.send("GET", &format!("/v1/imports/{id}/rows"), &tenant.test, Value::Null, &[("accept", "text/csv")]).await;
        let lines: Vec<&str> = report.text.split("\r\n").collect();
        assert_eq!((report.status, lines.len(), lines[0]), (200, 5, "row,line,reference,status,things,place,value,problem"), "{}", report.text);
        assert!(lines[1].starts_with("1,2,'=F-1,created,cus_") && lines[2].starts_with("2,3,F-2,refused,,courriel,nobody,"), "{}", report.text);
        assert_eq!(app.get("/v1/imports?status=completed", &tenant.test).await.expect(200)["data"].as_array().unwrap().len(), 4);
        for key in [&tenant.live, &app.tenant("Other").await.test] {
            for path in ["", "/rows"] {
                assert_eq!(app.get(&format!("/v1/imports/{id}{path}"), key).await.status, 404);
            }
            assert_eq!(app.post(&format!("/v1/imports/{id}/cancel"), key, Value::Null).await.status, 404);
            assert_eq!(app.get("/v1/import-mappings/sage", key).await.status, 404);
        }
    }

    async fn what_cannot_be_read_is_said_at_once(app: App) {
        let tenant = start(&app).await;
        let ask = async |query: &str, media_type: &str, file: &str| {
            let answer = app.upload(&format!("/v1/imports{query}"), &tenant.test, media_type, file.as_bytes().to_vec(), &[]).await;
            let faults: Vec<(String, String)> = answer.body["errors"].as_array().into_iter().flatten()
                .map(|one| (one["pointer"].as_str().unwrap().to_owned(), one["code"].as_str().unwrap().to_owned())).collect();
            (answer.status, faults)
        };
        let one = |pointer: &str, code: &str| vec![(pointer.to_owned(), code.to_owned())];
        let either = TABLE.replace("13/01", "03/01").replace("14/01", "04/01").replace("15/01", "05/01");
        assert_eq!(ask("?mapping=sage", "text/csv", &either).await, (422, one("/date_format", "ambiguous")));
        assert_eq!(ask("?mapping=sage", "text/csv", &TABLE.replace("montant", "prix")).await, (422, one("/invoice/amount", "not_found")));
        assert_eq!(ask("", "text/csv", TABLE).await, (422, one("?mapping", "required")));
        assert_eq!(ask("?mapping=other", "text/csv", TABLE).await, (422, one("?mapping", "not_found")));
        assert_eq!(ask("?mapping=sage&kind=bank_statement", "text/csv", TABLE).await, (422, one("?kind", "contradiction")));
        assert_eq!(ask("?mapping=sage", "text/csv", "").await, (422, one("", "required")));
        assert_eq!(ask("?mapping=sage", "application/zip", "PK").await, (415, vec![]));
        assert_eq!(ask("?maping=sage", "text/csv", TABLE).await, (400, one("?maping", "unknown_field")));
        assert_eq!(listed(&app, &tenant, "/v1/imports").await, 0);

        let wrong = json!({"source": "a b", "customer": {"external_id": "c"}});
        assert_eq!(app.send("PUT", "/v1/import-mappings/x", &tenant.test, wrong, &[]).await.status, 400);
        let wrong = json!({"source": "a", "customer": {"external_id": "c"}, "payment": {"date": "d"}});
        assert_eq!(app.send("PUT", "/v1/import-mappings/x", &tenant.test, wrong, &[]).await.body["errors"].as_array().unwrap().len(), 3);
        app.send("PUT", "/v1/import-mappings/sage", &tenant.test, mapping(), &[]).await.expect(200);
        let all = app.get("/v1/import-mappings", &tenant.test).await.expect(200);
        assert_eq!((all["data"][0]["name"].as_str(), all["data"][0]["version"].as_i64()), (Some("sage"), Some(1)));
        app.send("DELETE", "/v1/import-mappings/sage", &tenant.test, Value::Null, &[]).await.expect(200);
        assert_eq!(app.send("DELETE", "/v1/import-mappings/sage", &tenant.test, Value::Null, &[]).await.status, 404);
    }

    async fn a_long_table_goes_on_where_it_was_left(app: App) {
        let tenant = start(&app).await;
        let here = tenant.id.parse::<TenantId>().unwrap().in_mode(Mode::Test);
        let table = long(2_300);
        let sent = app.upload("/v1/imports?mapping=sage", &tenant.test, "text/csv", table.clone().into_bytes(), &[]).await;
        let id = sent.body["id"].as_str().unwrap().to_owned();
        let place = format!("/v1/imports/{id}");
        assert_eq!((sent.status, sent.header("location"), sent.header("operation-location"), sent.header("retry-after")), (202, Some(place.as_str()), Some(place.as_str()), Some("2")));
        assert_eq!(sent.body["status"], "queued");

        // What is read before a crash and not recorded is read again; what two have read is recorded once.
        let import = id.parse().unwrap();
        let read = app.db.read_now(here, |conn| relance::actions::imports::read(conn, here, import)).unwrap().unwrap();
        take_slice(&app, here, &sent.body["id"]);
        let after = relance::actions::run_now(&app.db, &app.clock, here, "late", |act| relance::actions::imports::take(act, &read)).unwrap();
        assert_eq!((after.counts.rows_read(), after.line), (1_000, 1_002));
        let half = app.get(&place, &tenant.test).await.expect(200);
        assert_eq!((&half["status"], counts(&half)), (&json!("running"), [1_000, 0, 0, 0, 0, 0]));
        app.settle(&tenant, Mode::Test).await;
        let whole = app.get(&place, &tenant.test).await.expect(200);
        assert_eq!((&whole["status"], counts(&whole), &whole["things"]["invoices"]["created"]), (&json!("completed"), [2_300, 0, 0, 0, 0, 0], &json!(2_300)));
        let all = rows(&app, &tenant, &whole).await;
        let numbered = all.iter().zip(1..).all(|(row, n)| row["number"] == json!(n) && row["line"] == json!(n + 1) && row["reference"] == json!(format!("F-{n}")));
        assert!(numbered && all.len() == 2_300);

        let second = app.upload("/v1/imports?mapping=sage&source=other", &tenant.test, "text/csv", table.into_bytes(), &[]).await.expect(202);
        take_slice(&app, here, &second["id"]);
        let path = format!("/v1/imports/{}/cancel", second["id"].as_str().unwrap());
        assert_eq!(app.post(&path, &tenant.test, Value::Null).await.expect(200)["status"], "cancelled");
        app.settle(&tenant, Mode::Test).await;
        let ended = app.post(&path, &tenant.test, Value::Null).await.expect(200);
        assert_eq!((&ended["status"], counts(&ended)), (&json!("cancelled"), [1_000, 0, 0, 0, 0, 0]));
        assert_eq!(app.post(&format!("{place}/cancel"), &tenant.test, Value::Null).await.status, 409);
    }

    async fn one_key_is_one_import(app: App) {
        let tenant = start(&app).await;
        let send = async |table: &str| app.upload("/v1/imports?mapping=sage", &tenant.test, "text/csv", table.as_bytes().to_vec(), &[("idempotency-key", "k")]).await;
        let (first, again, other) = (send(TABLE).await, send(TABLE).await, send(&long(3)).await);
        assert_eq!((first.status, again.status, other.status), (202, 202, 422));
        assert_eq!((&first.body["id"], first.header("location")), (&again.body["id"], again.header("location")));
        assert_eq!((again.header("idempotent-replayed"), &other.body["code"]), (Some("true"), &json!("key_reused")));
        assert_eq!(listed(&app, &tenant, "/v1/imports").await, 1);
    }

    async fn customers_and_payments_have_tables_of_their_own(app: App) {
        let tenant = start(&app).await;
        let columns = json!({"source": "sage", "customer": {"external_id": "code", "name": "name", "country": "country", "vat_id": "vat", "city": "city", "language": "lang"}});
        app.send("PUT", "/v1/import-mappings/customers", &tenant.test, columns, &[]).await.expect(201);
        // An older program writes no UTF-8.
        let table = b"code,name,country,vat,city,lang\nC1,Soci\xe9t\xe9,fr,FR123,Lille,FR\nC2,Bakker,BE,,Gent,nl\nC2,Bakker,BE,,Gent,nl\nC3,,BE,,Gent,xx\n";
        let made = taken(&app, &tenant, "?mapping=customers", "text/csv", table).await;
        assert_eq!((&made["kind"], counts(&made)), (&json!("customers"), [2, 0, 0, 2, 0, 0]), "{:?}", rows(&app, &tenant, &made).await);
        let one = app.get("/v1/customers/by-external-id/sage/C1", &tenant.test).await.expect(200);
        assert_eq!((&one["name"], &one["jurisdiction"], &one["identifiers"]["vat_id"], &one["address"]["city"]), (&json!("Société"), &json!("FR"), &json!("FR123"), &json!("Lille")));

        let columns = json!({"source": "sage", "currency": "EUR", "decimal_separator": ".", "customer": {"external_id": "code"}, "payment": {"date": "on", "amount": "amount", "external_id": "ref"}});
        app.send("PUT", "/v1/import-mappings/payments", &tenant.test, columns, &[]).await.expect(201);
        let table = b"code,on,amount,ref\nC1,2026-02-01,12.50,P1\nC9,2026-02-01,3,P2\n";
        for expected in [[1, 0, 0, 1, 0, 0], [0, 0, 1, 1, 0, 0]] {
            let made = taken(&app, &tenant, "?mapping=payments", "text/csv", table).await;
            assert_eq!((&made["kind"], counts(&made)), (&json!("payments"), expected));
        }
        let payments = app.get("/v1/payments", &tenant.test).await.expect(200);
        assert_eq!((&payments["data"][0]["amount"], &payments["data"][0]["external_id"]), (&json!(1_250), &json!("P1")));
    }
}
