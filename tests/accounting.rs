//! Accounting software end to end: what QuickBooks, Xero, Pennylane and Sage tell or are asked is in the ledger, changes there, is paid there and withdrawn there.

use aws_lc_rs::hmac;
use chrono::TimeDelta;
use data_encoding::BASE64;
use relance::{
    domain::ids::{Mode, TenantId},
    jobs,
};
use serde_json::{Value, json};

use crate::{
    on_both,
    support::{App, Reply, Tenant, books::Books},
};

mod asked;

const KEY: &str = "the key of the webhooks";

/// A connection to the software, in the test tenant.
struct Connected {
    tenant: Tenant,
    books: Books,
    /// The path at which it tells.
    path: String,
    id: String,
}

async fn connected(app: &App, system: &str, account: Option<&str>, secrets: Value) -> Connected {
    let (tenant, books) = (app.tenant("Atelier").await, Books::open());
    let mut settings = json!({"base_url": books.url});
    if let Some(account) = account {
        settings["account"] = json!(account);
    }
    let mut credentials = json!({"client_id": "app", "client_secret": "s3cret", "access_token": "at-1"});
    credentials.as_object_mut().unwrap().extend(secrets.as_object().unwrap().clone());
    let new = json!({"system": system, "source": "books", "name": "The books", "settings": settings, "credentials": credentials});
    let made = app.post("/v1/connections", &tenant.test, new).await.expect(201);
    assert_eq!((&made["system"], &made["polls"]), (&json!(system), &json!(true)));
    assert!(!made.to_string().contains("s3cret") && !made.to_string().contains("at-1"));
    let path = made["inbound_url"].as_str().unwrap().strip_prefix(&app.url).unwrap().to_owned();
    Connected { tenant, books, path, id: made["id"].as_str().unwrap().to_owned() }
}

impl Connected {
    /// Applies and asks all that is due, after so many minutes.
    async fn later(&self, app: &App, minutes: i64) {
        app.clock.advance(TimeDelta::minutes(minutes));
        let partition = self.tenant.id.parse::<TenantId>().unwrap().in_mode(Mode::Test);
        for _ in 0..200 {
            if jobs::connections::turn(&app.state.instance, partition).await.unwrap() != jobs::Turn::Busy {
                return;
            }
        }
        panic!("the connection never comes to rest");
    }

    /// Posts a notice signed with `key`, under the header of the system.
    async fn tells(&self, app: &App, header: &str, key: &str, body: &Value) -> Reply {
        let body = body.to_string();
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), body.as_bytes());
        app.raw("POST", &self.path, &[(header, &BASE64.encode(signature.as_ref()))], body).await
    }

    async fn invoices(&self, app: &App) -> Vec<Value> {
        app.list(&self.tenant.test, "/v1/invoices").await
    }

    /// The only invoice: its number, status, total and balance.
    async fn invoice(&self, app: &App) -> (String, String, i64, i64) {
        let all = self.invoices(app).await;
        assert_eq!(all.len(), 1, "{all:?}");
        let text = |name: &str| all[0][name].as_str().unwrap().to_owned();
        (text("number"), text("status"), all[0]["total"].as_i64().unwrap(), all[0]["balance"].as_i64().unwrap())
    }

    async fn notices(&self, app: &App, status: &str) -> Vec<Value> {
        app.list(&self.tenant.test, &format!("/v1/connections/{}/notices?status={status}", self.id)).await
    }

    /// The address of its only customer that was learnt last.
    async fn email(&self, app: &App) -> Value {
        let customers = app.list(&self.tenant.test, "/v1/customers").await;
        assert_eq!(customers.len(), 1, "{customers:?}");
        let contacts = customers[0]["contacts"].as_array().unwrap();
        contacts.last().unwrap()["email"].clone()
    }
}

fn state(number: &str, status: &str, total: i64, balance: i64) -> (String, String, i64, i64) {
    (number.to_owned(), status.to_owned(), total, balance)
}

mod quickbooks {
    use super::*;

    const REALM: &str = "4620816365";

    pub fn invoice(total: f64, balance: f64, at: &str, note: &str) -> Value {
        json!({"Invoice": {"Id": "145", "DocNumber": "F-1037", "TxnDate": "2026-02-01", "DueDate": "2026-02-28", "TotalAmt": total, "Balance": balance, "PrivateNote": note,
            "CurrencyRef": {"value": "EUR"}, "CustomerRef": {"value": "58", "name": "Garage Dupont"}, "MetaData": {"LastUpdatedTime": at}}})
    }

    pub fn path(rest: &str) -> String {
        format!("/v3/company/{REALM}/{rest}")
    }

    pub fn event(id: &str, what: &str, entity: &str) -> Value {
        json!([{"specversion": "1.0", "id": id, "type": format!("qbo.{what}.v1"), "time": "2026-03-02T11:00:00Z", "intuitentityid": entity, "intuitaccountid": REALM}])
    }

    pub async fn open(app: &App) -> Connected {
        let connected =
            connected(app, "quickbooks", Some(REALM), json!({"refresh_token": "rt-1", "signing_secrets": ["an older key", KEY]})).await;
        let debtor = json!({"Customer": {"Id": "58", "DisplayName": "Garage Dupont", "PrimaryEmailAddr": {"Address": "accounts@dupont.example"}, "BillAddr": {"Country": "France"}}});
        connected.books.says(&path("query"), json!({"QueryResponse": {}}));
        connected.books.says(&path("customer/58"), debtor);
        connected
    }
}

on_both! {
    async fn quickbooks_tells_of_an_invoice_its_payment_and_its_end(app: App) {
        let it = quickbooks::open(&app).await;
        it.later(&app, 0).await;
        assert_eq!(it.books.asked(&quickbooks::path("query")).len(), 2, "invoices and credit memos that are open");

        it.books.says(&quickbooks::path("invoice/145"), quickbooks::invoice(1250.5, 1250.5, "2026-02-01T08:00:00-08:00", ""));
        it.tells(&app, "intuit-signature", KEY, &quickbooks::event("e1", "invoice.created", "145")).await.expect(200);
        it.later(&app, 0).await;
        assert_eq!(it.invoice(&app).await, state("F-1037", "open", 125_050, 125_050));
        assert_eq!(it.email(&app).await, "accounts@dupont.example");

        // The same notice again asks for nothing.
        let before = it.books.asked(&quickbooks::path("invoice/145")).len();
        it.tells(&app, "intuit-signature", KEY, &quickbooks::event("e1", "invoice.created", "145")).await.expect(200);
        it.later(&app, 0).await;
        assert_eq!(it.books.asked(&quickbooks::path("invoice/145")).len(), before);

        // Another total; then a payment, told as a payment.
        it.books.says(&quickbooks::path("invoice/145"), quickbooks::invoice(1300.0, 1300.0, "2026-02-10T08:00:00-08:00", ""));
        it.tells(&app, "intuit-signature", KEY, &quickbooks::event("e2", "invoice.updated", "145")).await.expect(200);
        it.later(&app, 0).await;
        assert_eq!(it.invoice(&app).await, state("F-1037", "open", 130_000, 130_000));
        it.books.says(&quickbooks::path("invoice/145"), quickbooks::invoice(1300.0, 300.25, "2026-02-20T08:00:00-08:00", ""));
        it.books.says(&quickbooks::path("payment/9"), json!({"Payment": {"Id": "9", "Line": [{"LinkedTxn": [{"TxnId": "145", "TxnType": "Invoice"}]}]}}));
        it.tells(&app, "intuit-signature", KEY, &quickbooks::event("e3", "payment.created", "9")).await.expect(200);
        it.later(&app, 0).await;
        assert_eq!(it.invoice(&app).await, state("F-1037", "open", 130_000, 30_025));

        // Paid; then voided all the same.
        it.books.says(&quickbooks::path("invoice/145"), quickbooks::invoice(1300.0, 0.0, "2026-02-25T08:00:00-08:00", ""));
        it.tells(&app, "intuit-signature", KEY, &quickbooks::event("e4", "invoice.updated", "145")).await.expect(200);
        it.later(&app, 0).await;
        assert_eq!(it.invoice(&app).await, state("F-1037", "settled", 130_000, 0));
        it.books.says(&quickbooks::path("invoice/145"), quickbooks::invoice(0.0, 0.0, "2026-02-26T08:00:00-08:00", "Voided"));
        it.tells(&app, "intuit-signature", KEY, &quickbooks::event("e5", "invoice.voided", "145")).await.expect(200);
        it.later(&app, 0).await;
        assert_eq!(it.invoice(&app).await.1, "cancelled");
        assert_eq!(it.notices(&app, "failed").await.len(), 0);
    }

    async fn quickbooks_is_believed_under_its_own_keys_and_about_its_own_company(app: App) {
        let it = quickbooks::open(&app).await;
        it.later(&app, 0).await;
        let event = quickbooks::event("e1", "invoice.created", "145");
        it.tells(&app, "intuit-signature", "another key", &event).await.expect(401);
        it.tells(&app, "x-xero-signature", KEY, &event).await.expect(401);
        app.raw("POST", &it.path, &[("intuit-signature", "@@@")], event.to_string()).await.expect(401);
        it.later(&app, 0).await;
        assert_eq!(it.invoices(&app).await.len(), 0);
        assert_eq!(it.books.asked(&quickbooks::path("invoice/145")).len(), 0);

        let mut other = event;
        other[0]["intuitaccountid"] = json!("999");
        it.tells(&app, "intuit-signature", "an older key", &other).await.expect(200);
        it.later(&app, 0).await;
        assert_eq!(it.notices(&app, "ignored").await.len(), 1);
        assert_eq!(it.invoices(&app).await.len(), 0);
    }

    async fn quickbooks_deletes_what_then_can_be_asked_for_no_more(app: App) {
        let it = quickbooks::open(&app).await;
        it.books.says(&quickbooks::path("invoice/145"), quickbooks::invoice(10.0, 10.0, "2026-02-01T08:00:00-08:00", ""));
        it.tells(&app, "intuit-signature", KEY, &quickbooks::event("e1", "invoice.created", "145")).await.expect(200);
        it.later(&app, 0).await;
        assert_eq!(it.invoice(&app).await, state("F-1037", "open", 1_000, 1_000));
        it.books.answers(&quickbooks::path("invoice/145"), 400, r#"{"Fault": {"Error": [{"code": "610"}]}}"#);
        it.tells(&app, "intuit-signature", KEY, &quickbooks::event("e2", "invoice.updated", "145")).await.expect(200);
        it.tells(&app, "intuit-signature", KEY, &quickbooks::event("e3", "invoice.deleted", "145")).await.expect(200);
        it.later(&app, 0).await;
        assert_eq!(it.invoice(&app).await.1, "cancelled");
    }

    async fn a_credit_memo_is_as_much_as_is_left_of_it(app: App) {
        let it = quickbooks::open(&app).await;
        let memo = |left: f64, at: &str| {
            json!({"CreditMemo": {"Id": "7", "DocNumber": "CM-7", "TxnDate": "2026-02-05", "TotalAmt": 40.0, "RemainingCredit": left, "CurrencyRef": {"value": "EUR"},
                "CustomerRef": {"value": "58", "name": "Garage Dupont"}, "MetaData": {"LastUpdatedTime": at}}})
        };
        let credit = async || {
            let notes = app.list(&it.tenant.test, "/v1/credit-notes").await;
            notes.iter().filter(|note| note["withdrawn_at"].is_null()).map(|note| note["unallocated"].as_i64().unwrap()).sum::<i64>()
        };
        it.books.says(&quickbooks::path("invoice/145"), quickbooks::invoice(100.0, 100.0, "2026-02-01T08:00:00-08:00", ""));
        it.books.says(&quickbooks::path("creditmemo/7"), memo(40.0, "2026-02-05T08:00:00-08:00"));
        it.tells(&app, "intuit-signature", KEY, &quickbooks::event("e1", "invoice.created", "145")).await.expect(200);
        it.tells(&app, "intuit-signature", KEY, &quickbooks::event("e2", "creditmemo.created", "7")).await.expect(200);
        it.later(&app, 0).await;
        assert_eq!((it.invoice(&app).await, credit().await), (state("F-1037", "open", 10_000, 10_000), 4_000));
        // Ten of it are put to the invoice: both say so, each for itself, and nothing counts twice.
        it.books.says(&quickbooks::path("invoice/145"), quickbooks::invoice(100.0, 90.0, "2026-02-06T08:00:00-08:00", ""));
        it.books.says(&quickbooks::path("creditmemo/7"), memo(30.0, "2026-02-06T08:00:00-08:00"));
        it.tells(&app, "intuit-signature", KEY, &quickbooks::event("e3", "invoice.updated", "145")).await.expect(200);
        it.tells(&app, "intuit-signature", KEY, &quickbooks::event("e4", "creditmemo.updated", "7")).await.expect(200);
        it.later(&app, 0).await;
        assert_eq!((it.invoice(&app).await, credit().await), (state("F-1037", "open", 10_000, 9_000), 3_000));
        // The rest; and then it is taken off again.
        for (number, left, balance, day) in [(5, 0.0, 60.0, 7), (7, 40.0, 100.0, 8)] {
            let at = format!("2026-02-0{day}T08:00:00-08:00");
            it.books.says(&quickbooks::path("invoice/145"), quickbooks::invoice(100.0, balance, &at, ""));
            it.books.says(&quickbooks::path("creditmemo/7"), memo(left, &at));
            it.tells(&app, "intuit-signature", KEY, &quickbooks::event(&format!("e{number}"), "creditmemo.updated", "7")).await.expect(200);
            it.tells(&app, "intuit-signature", KEY, &quickbooks::event(&format!("e{}", number + 1), "invoice.updated", "145")).await.expect(200);
            it.later(&app, 0).await;
            let (_, _, _, open) = it.invoice(&app).await;
            // Sums of whole cents, exact as they are written.
            assert_eq!((open, credit().await), if number == 5 { (6_000, 0) } else { (10_000, 4_000) });
        }
        assert_eq!(it.notices(&app, "failed").await.len(), 0);
    }

    async fn what_notices_lost_is_found_by_asking(app: App) {
        let it = quickbooks::open(&app).await;
        it.books.says(&quickbooks::path("invoice/145"), quickbooks::invoice(10.0, 10.0, "2026-02-01T08:00:00-08:00", ""));
        let row = json!({"QueryResponse": {"Invoice": [{"Id": "145", "MetaData": {"LastUpdatedTime": "2026-02-01T08:00:00-08:00"}}]}});
        it.books.says(&quickbooks::path("query"), row);
        it.later(&app, 0).await;
        assert_eq!(it.invoice(&app).await, state("F-1037", "open", 1_000, 1_000));
        let asked = it.books.asked(&quickbooks::path("query")).len();
        it.later(&app, 60).await;
        assert_eq!(it.books.asked(&quickbooks::path("query")).len(), asked, "it tells by itself, and is left alone for six hours");
        it.later(&app, 300).await;
        assert_eq!(it.books.asked(&quickbooks::path("query")).len(), asked + 2);
    }

    async fn xero_tells_of_an_invoice_under_a_token_that_has_to_be_renewed(app: App) {
        let tenant = "c2cc9b6e-0000-4c7d-93cc-f02b81b0594f";
        let it = connected(&app, "xero", Some(tenant), json!({"refresh_token": "rt-1", "signing_secrets": [KEY]})).await;
        let list = "/api.xro/2.0/Invoices";
        it.books.says(list, json!({"Invoices": []}));
        it.books.says("/api.xro/2.0/CreditNotes", json!({"CreditNotes": []}));
        it.books.says("/connect/token", json!({"access_token": "at-2", "refresh_token": "rt-2", "expires_in": 1800}));
        it.books.wants("at-2");
        // The intent to receive: whatever is signed is taken, and nothing else.
        let intent = json!({"events": [], "firstEventSequence": 0, "lastEventSequence": 0, "entropy": "QWERTY"});
        it.tells(&app, "x-xero-signature", KEY, &intent).await.expect(200);
        it.tells(&app, "x-xero-signature", "wrong", &intent).await.expect(401);

        let invoice = |status: &str, due: f64, paid: f64, credited: f64, at: i64| {
            json!({"Invoices": [{"Type": "ACCREC", "InvoiceID": "i-1", "InvoiceNumber": "INV-31", "Status": status, "CurrencyCode": "EUR", "Date": "/Date(1769904000000+0000)/",
                "DueDate": "/Date(1772236800000+0000)/", "Total": 1800, "AmountDue": due, "AmountPaid": paid, "AmountCredited": credited,
                "UpdatedDateUTC": format!("/Date({at}+0000)/"), "Contact": {"ContactID": "c-1", "Name": "Marine Systems", "EmailAddress": "ap@marine.example"}}]})
        };
        let event = |number: u32| {
            json!({"events": [{"resourceId": "i-1", "eventDateUtc": format!("2026-03-02T11:00:0{number}.000"), "eventType": "UPDATE", "eventCategory": "INVOICE", "tenantId": tenant}],
                "firstEventSequence": number, "lastEventSequence": number, "entropy": "x"})
        };
        for (number, answer, expected) in [
            (1, invoice("AUTHORISED", 1800.0, 0.0, 0.0, 1_772_000_000_000), ("open", 180_000)),
            (2, invoice("AUTHORISED", 1100.5, 500.0, 199.5, 1_772_000_100_000), ("open", 110_050)),
            (3, invoice("PAID", 0.0, 1600.5, 199.5, 1_772_000_200_000), ("settled", 0)),
            (4, invoice("AUTHORISED", 1600.5, 0.0, 199.5, 1_772_000_300_000), ("open", 160_050)),
        ] {
            it.books.says("/api.xro/2.0/Invoices/i-1", answer);
            it.tells(&app, "x-xero-signature", KEY, &event(number)).await.expect(200);
            it.later(&app, 0).await;
            assert_eq!(it.invoice(&app).await, state("INV-31", expected.0, 180_000, expected.1), "{number}");
        }
        it.books.says("/api.xro/2.0/Invoices/i-1", invoice("VOIDED", 0.0, 0.0, 0.0, 1_772_000_400_000));
        it.tells(&app, "x-xero-signature", KEY, &event(5)).await.expect(200);
        it.later(&app, 0).await;
        assert_eq!(it.invoice(&app).await.1, "cancelled");
        assert_eq!(it.email(&app).await, "ap@marine.example");

        // Refused and renewed once; every question after that carries the new token, and all name the organisation.
        let renewals = it.books.asked("/connect/token");
        assert_eq!((renewals.len(), renewals[0].body.as_str()), (1, "grant_type=refresh_token&refresh_token=rt-1"));
        let asked = it.books.asked("/api.xro/2.0/Invoices/i-1");
        assert!(asked.iter().all(|one| one.head.contains(&format!("xero-tenant-id: {tenant}"))));
        assert!(asked[0].head.contains("bearer at-1") && asked[1..].iter().all(|one| one.head.contains("bearer at-2")));
        // The next renewal is made with the token that the first one brought.
        it.books.says("/connect/token", json!({"access_token": "at-3", "refresh_token": "rt-3", "expires_in": 1800}));
        it.books.wants("at-3");
        it.later(&app, 400).await;
        assert_eq!(it.books.asked("/connect/token").last().unwrap().body, "grant_type=refresh_token&refresh_token=rt-2");
    }

    async fn too_many_questions_are_asked_again_later(app: App) {
        let it = quickbooks::open(&app).await;
        it.later(&app, 0).await;
        it.books.answers(&quickbooks::path("invoice/145"), 429, "{}");
        it.tells(&app, "intuit-signature", KEY, &quickbooks::event("e1", "invoice.created", "145")).await.expect(200);
        it.later(&app, 0).await;
        assert_eq!((it.invoices(&app).await.len(), it.books.asked(&quickbooks::path("invoice/145")).len()), (0, 1));
        it.books.says(&quickbooks::path("invoice/145"), quickbooks::invoice(10.0, 10.0, "2026-02-01T08:00:00-08:00", ""));
        it.later(&app, 2).await;
        assert_eq!(it.invoice(&app).await, state("F-1037", "open", 1_000, 1_000));
    }

    async fn garbage_is_kept_for_a_person_and_moves_nothing(app: App) {
        let it = quickbooks::open(&app).await;
        it.later(&app, 0).await;
        for body in [json!({}), json!([{}]), json!("text"), json!([{"type": "qbo.invoice.updated.v1", "id": "x".repeat(5_000), "intuitaccountid": "4620816365", "intuitentityid": "1/../../x"}])] {
            it.tells(&app, "intuit-signature", KEY, &body).await.expect(200);
        }
        it.later(&app, 0).await;
        assert_eq!(it.invoices(&app).await.len(), 0);
        assert_eq!((it.notices(&app, "failed").await.len(), it.notices(&app, "ignored").await.len()), (3, 1));
        // An answer that is not what it should be fails, and a replay after its repair does not.
        it.books.answers(&quickbooks::path("invoice/145"), 200, "<html>");
        it.tells(&app, "intuit-signature", KEY, &quickbooks::event("e1", "invoice.created", "145")).await.expect(200);
        it.later(&app, 0).await;
        let failed = it.notices(&app, "failed").await;
        assert_eq!(failed.len(), 4);
        it.books.says(&quickbooks::path("invoice/145"), quickbooks::invoice(10.0, 10.0, "2026-02-01T08:00:00-08:00", ""));
        for notice in failed {
            app.post(&format!("/v1/connections/{}/notices/{}/replay", it.id, notice["id"].as_str().unwrap()), &it.tenant.test, Value::Null).await;
        }
        it.later(&app, 0).await;
        assert_eq!(it.invoice(&app).await, state("F-1037", "open", 1_000, 1_000));
    }
}
