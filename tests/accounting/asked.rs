//! Software that tells nobody, or not reliably, and is asked what changed.

use serde_json::{Value, json};

use super::{connected, state};
use crate::on_both;

on_both! {
    async fn pennylane_is_asked_what_is_open_and_then_what_changed(app: App) {
        let it = connected(&app, "pennylane", None, json!({"client_id": null, "client_secret": null})).await;
        let path = |rest: &str| format!("/api/external/v2/{rest}");
        let invoice = |left: &str, paid: bool, at: &str| {
            json!({"id": 4201, "invoice_number": "F-118", "currency": "EUR", "amount": "1250.50", "currency_amount": "1250.50", "date": "2026-02-01", "deadline": "2026-02-28",
                "paid": paid, "draft": false, "status": "late", "remaining_amount_with_tax": left, "customer": {"id": 77}, "updated_at": at})
        };
        let nothing = json!({"items": [], "has_more": false, "next_cursor": null});
        it.books.says(&path("customer_invoices"), json!({"items": [invoice("1250.50", false, "2026-02-01T08:00:00Z"), {"id": 1, "paid": true}], "has_more": false}));
        it.books.says(&path("customer_invoices/4201"), invoice("1250.50", false, "2026-02-01T08:00:00Z"));
        it.books.says(&path("customers/77"), json!({"id": 77, "name": "Garage Dupont", "emails": ["compta@dupont.example"], "billing_address": {"country_alpha2": "FR"}}));
        it.books.says(&path("changelogs/customer_invoices"), nothing.clone());
        it.books.says(&path("changelogs/customers"), nothing.clone());
        it.later(&app, 0).await;
        assert_eq!(it.invoice(&app).await, state("F-118", "open", 125_050, 125_050));
        assert_eq!(it.email(&app).await, "compta@dupont.example");

        let change = |operation: &str, at: &str| json!({"items": [{"id": 4201, "operation": operation, "processed_at": at}], "has_more": false});
        it.books.says(&path("customer_invoices/4201"), invoice("250.25", false, "2026-03-02T11:03:00Z"));
        it.books.says(&path("changelogs/customer_invoices"), change("update", "2026-03-02T11:03:00Z"));
        it.later(&app, 6).await;
        assert_eq!(it.invoice(&app).await, state("F-118", "open", 125_050, 25_025));
        // The same change, told again, asks for nothing.
        let asked = it.books.asked(&path("customer_invoices/4201")).len();
        it.later(&app, 6).await;
        assert_eq!(it.books.asked(&path("customer_invoices/4201")).len(), asked);
        // A new address of the customer comes with its open invoices.
        it.books.says(&path("customers/77"), json!({"id": 77, "name": "Garage Dupont", "emails": ["new@dupont.example"]}));
        it.books.says(&path("changelogs/customers"), json!({"items": [{"id": 77, "operation": "update", "processed_at": "2026-03-02T11:14:00Z"}], "has_more": false}));
        it.later(&app, 6).await;
        assert_eq!(it.email(&app).await, "new@dupont.example");
        it.books.says(&path("customer_invoices/4201"), invoice("0.0", true, "2026-03-02T11:20:00Z"));
        it.books.says(&path("changelogs/customer_invoices"), change("update", "2026-03-02T11:20:00Z"));
        it.later(&app, 6).await;
        assert_eq!(it.invoice(&app).await, state("F-118", "settled", 125_050, 0));
        it.books.says(&path("changelogs/customer_invoices"), change("delete", "2026-03-02T11:27:00Z"));
        it.later(&app, 6).await;
        assert_eq!(it.invoice(&app).await.1, "cancelled");
        let asked = it.books.asked(&path("changelogs/customer_invoices"));
        assert!(asked.iter().all(|one| one.target.contains("start_date=2026-03-02T")), "{asked:?}");
        // Nobody is told its address, and nothing that arrives there is believed.
        app.raw("POST", &it.path, &[], "{}".to_owned()).await.expect(401);
    }

    async fn sage_accounting_is_asked_what_changed_and_what_was_deleted(app: App) {
        let it = connected(&app, "sage_accounting", None, json!({"refresh_token": "rt-1"})).await;
        let invoice = |status: &str, left: f64, at: &str| {
            json!({"id": "8f2c0de1", "invoice_number": "SI-118", "status": {"id": status}, "date": "2026-02-01", "due_date": "2026-02-28", "total_amount": 1250.5,
                "outstanding_amount": left, "currency": {"id": "EUR"}, "contact": {"id": "c0ffee"}, "contact_name": "Marine Systems", "updated_at": at})
        };
        let list = |rows: Value| json!({"$total": 1, "$page": 1, "$next": null, "$items": rows});
        let changed = |status: &str, left: f64, at: &str| {
            it.books.says("/v3.1/sales_invoices", list(json!([{"id": "8f2c0de1", "status": {"id": status}, "updated_at": at}])));
            it.books.says("/v3.1/sales_invoices/8f2c0de1", invoice(status, left, at));
        };
        it.books.says("/v3.1/sales_credit_notes", list(json!([])));
        it.books.says("/v3.1/contacts/c0ffee", json!({"id": "c0ffee", "name": "Marine Systems Ltd", "email": "ap@marine.example"}));
        changed("UNPAID", 1250.5, "2026-02-01T08:00:00Z");
        it.later(&app, 0).await;
        assert_eq!(it.invoice(&app).await, state("SI-118", "open", 125_050, 125_050));
        assert_eq!(it.email(&app).await, "ap@marine.example");
        it.books.says_of("/v3.1/sales_invoices", "deleted_since", list(json!([])));
        changed("PART_PAID", 250.25, "2026-03-02T11:02:00Z");
        it.later(&app, 6).await;
        assert_eq!(it.invoice(&app).await, state("SI-118", "open", 125_050, 25_025));
        changed("PAID", 0.0, "2026-03-02T11:08:00Z");
        it.later(&app, 6).await;
        assert_eq!(it.invoice(&app).await, state("SI-118", "settled", 125_050, 0));
        it.books.says_of("/v3.1/sales_invoices", "deleted_since", list(json!([{"id": "8f2c0de1", "deleted_at": "2026-03-02T11:14:00Z"}])));
        it.later(&app, 6).await;
        assert_eq!(it.invoice(&app).await.1, "cancelled");
        let asked = it.books.asked("/v3.1/sales_invoices");
        assert!(asked.iter().any(|one| one.target.contains("updated_or_created_since=2026-03-02T10%3A55%3A00Z")), "{asked:?}");
        assert!(asked.iter().any(|one| one.target.contains("deleted_since=2026-03-02T10%3A55%3A00Z")), "{asked:?}");
    }

    async fn sage_intacct_is_asked_and_may_tell_earlier(app: App) {
        let it = connected(&app, "sage_intacct", Some("reader@company"), json!({"access_token": null})).await;
        let path = |rest: &str| format!("/ia/api/v1/{rest}");
        let invoice = |state: &str, left: &str, at: &str| {
            json!({"ia::result": {"key": "498", "invoiceNumber": "INV-118", "state": state, "invoiceDate": "2026-02-01", "dueDate": "2026-02-28", "totalTxnAmount": "1250.50",
                "totalTxnAmountDue": left, "currency": {"txnCurrency": "EUR"}, "customer": {"key": "14", "id": "C-19", "name": "Haversham"}, "audit": {"modifiedDateTime": at}}})
        };
        it.books.says(&path("oauth2/token"), json!({"access_token": "at-9", "expires_in": 43_200, "token_type": "Bearer"}));
        it.books.wants("at-9");
        it.books.says(&path("services/core/query"), json!({"ia::result": [], "ia::meta": {"totalCount": 0}}));
        it.books.says(&path("objects/accounts-receivable/customer/14"), json!({"ia::result": {"key": "14", "name": "Haversham Textiles",
            "contacts": {"default": {"key": "176", "email1": "ap@haversham.example"}}}}));
        it.books.says(&path("objects/accounts-receivable/invoice/498"), invoice("posted", "1250.50", "2026-02-01T08:00:00Z"));
        let trigger = |at: &str| json!({"object": "accounts-receivable/invoice", "key": "498", "at": at}).to_string();
        for (at, answer, expected) in [
            ("1", invoice("posted", "1250.50", "2026-02-01T08:00:00Z"), ("open", 125_050)),
            ("2", invoice("partiallyPaid", "250.25", "2026-02-02T08:00:00Z"), ("open", 25_025)),
            ("3", invoice("paid", "0.00", "2026-02-03T08:00:00Z"), ("settled", 0)),
        ] {
            it.books.says(&path("objects/accounts-receivable/invoice/498"), answer);
            app.raw("POST", &it.path, &[], trigger(at)).await.expect(200);
            it.later(&app, 0).await;
            assert_eq!(it.invoice(&app).await, state("INV-118", expected.0, 125_050, expected.1), "{at}");
        }
        it.books.says(&path("objects/accounts-receivable/invoice/498"), invoice("reversed", "0.00", "2026-03-02T11:03:00Z"));
        it.books.says(&path("services/core/query"), json!({"ia::result": [{"key": "498", "state": "reversed", "audit.modifiedDateTime": "2026-03-02T11:03:00Z"}]}));
        it.later(&app, 6).await;
        assert_eq!(it.invoice(&app).await.1, "cancelled");
        assert_eq!(it.email(&app).await, "ap@haversham.example");
        let renewal = it.books.asked(&path("oauth2/token"));
        assert_eq!(renewal[0].body, "grant_type=client_credentials&username=reader%40company&client_id=app&client_secret=s3cret");
    }
}
