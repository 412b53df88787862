//! Notices and entities after Intuit's public documentation, with values of our own.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    domain::money::Currency,
    outbound::{
        bench::inbound,
        connectors::bench::{access, answer, any_bytes, asked, at, entities, entity, found, header, pair, query, question, step, whole},
    },
};

/// `base64.b64encode(hmac.new(key, body, "sha256").digest())` in Python, for the keys `verifier-1` and `verifier-2`.
const BODY: &[u8] = br#"[{"specversion":"1.0"}]"#;
const FIRST: &str = "wD+hPS/IXJYS8l/PeKXQoJb3f6l6hAC20UTT+Sa+GB4=";
const SECOND: &str = "RDKOyPK10jQAS8v+oK6VvMcKqqclJkDguBCOtyZkfq0=";

fn quickbooks(settings: Value) -> QuickBooks {
    QuickBooks::open(access(settings, json!({"signing_secrets": ["verifier-1", "verifier-2"]}))).unwrap()
}

fn usual() -> QuickBooks {
    quickbooks(json!({"account": "4620816365"}))
}

fn told(body: &Value) -> Vec<Told> {
    usual().read(&inbound("https://api.example.com/in", &[], body.to_string().as_bytes())).unwrap()
}

fn invoice() -> Value {
    json!({"Invoice": {
        "Id": "145", "SyncToken": "3", "DocNumber": "F-1037", "TxnDate": "2026-10-01", "DueDate": "2026-10-31", "TotalAmt": 1250.5, "Balance": 250.25,
        "CurrencyRef": {"value": "EUR", "name": "Euro"}, "CustomerRef": {"value": "58", "name": "Garage Dupont"},
        "BillEmail": {"Address": "invoice@dupont.example"}, "InvoiceLink": "https://connect.intuit.example/t/abc",
        "MetaData": {"CreateTime": "2026-10-01T08:00:00-07:00", "LastUpdatedTime": "2026-11-02T10:30:00-08:00"}, "Line": [{"Amount": 1250.5}], "news": [1.5]
    }, "time": "2026-11-02T10:31:00-08:00"})
}

fn debtor() -> Value {
    json!({"Customer": {
        "Id": "58", "DisplayName": "Garage Dupont SARL", "GivenName": "Anne", "FamilyName": "Martin", "PrimaryEmailAddr": {"Address": "accounts@dupont.example, b@dupont.example"},
        "PrimaryPhone": {"FreeFormNumber": "+33 6 12 34 56 78"}, "BillAddr": {"Line1": "3 rue du Port", "City": "Lille", "PostalCode": "59000", "Country": "France"}
    }})
}

fn read(invoice: Value) -> SourceInvoice {
    whole(&usual(), &entity(INVOICE, "145"), &[invoice, debtor()]).document
}

#[test]
fn a_connection_says_all_that_it_lacks() {
    let bare = Access { settings: Default::default(), credentials: Default::default() };
    let pointers: Vec<_> = QuickBooks::open(bare).unwrap_err().0.into_iter().map(|fault| fault.pointer).collect();
    assert_eq!(
        pointers,
        [
            "/settings/account",
            "/credentials/signing_secrets",
            "/credentials/client_id",
            "/credentials/client_secret",
            "/credentials/refresh_token"
        ]
    );
    assert!(QuickBooks::open(access(json!({"account": "1/../2"}), json!({"signing_secrets": ["x"]}))).is_err());
}

#[test]
fn a_notice_is_believed_under_either_key_and_no_other() {
    let now = at("2026-11-20T09:00:00Z");
    let verify = |signature: &str, body: &[u8]| {
        usual().verify(&inbound("https://api.example.com/in", &[("intuit-signature", signature)], body), now)
    };
    assert_eq!((verify(FIRST, BODY), verify(SECOND, BODY)), (Ok(()), Ok(())));
    assert_eq!(verify(FIRST, b"[]"), Err(Unverified::Mismatch));
    assert_eq!(verify("AAAA", BODY), Err(Unverified::Mismatch));
    assert!(matches!(verify("not base64!", BODY), Err(Unverified::Malformed(_))));
    assert!(matches!(usual().verify(&inbound("https://api.example.com/in", &[], BODY), now), Err(Unverified::Missing(_))));
}

#[test]
fn both_forms_of_notices_name_what_changed() {
    let event = |id: &str, kind: &str, entity: &str, realm: &str| json!({"specversion": "1.0", "id": id, "source": "intuit.x", "type": kind, "time": "2026-11-20T09:00:00Z", "intuitentityid": entity, "intuitaccountid": realm, "data": {}});
    let new = told(&json!([
        event("e1", "qbo.invoice.updated.v1", "145", "4620816365"),
        event("e2", "qbo.creditmemo.voided.v1", "7", "4620816365"),
        event("e3", "qbo.Payment.created.v1", "9", "4620816365"),
        event("e4", "qbo.customer.merged.v1", "58", "4620816365"),
        event("e5", "qbo.vendor.updated.v1", "1", "4620816365"),
        event("e6", "qbo.invoice.updated.v1", "145", "999"),
        event("e7", "qbo.invoice.updated.v1", "../145", "4620816365"),
        event("e8", "qbo.invoice.deleted.v1", "146", "4620816365"),
    ]));
    assert_eq!(
        entities(&new),
        [pair(INVOICE, "145"), pair(CREDIT_MEMO, "7"), pair(PAYMENT, "9"), pair(CUSTOMER, "58"), pair("deleted invoice", "146")]
    );
    assert_eq!((new.len(), new[0].key.as_str()), (8, "event/e1"));
    let old = told(&json!({"eventNotifications": [{"realmId": "4620816365", "dataChangeEvent": {"entities": [
        {"id": "145", "operation": "Void", "name": "Invoice", "lastUpdated": "2026-11-20T09:00:00.000Z"},
        {"id": "8", "operation": "Delete", "name": "CreditMemo", "lastUpdated": "2026-11-20T09:00:00.000Z"},
        {"id": "3", "operation": "Create", "name": "Estimate", "lastUpdated": "2026-11-20T09:00:00.000Z"}]}},
        {"realmId": "999", "dataChangeEvent": {"entities": [{"id": "1", "operation": "Create", "name": "Invoice"}]}}]}));
    assert_eq!(entities(&old), [pair(INVOICE, "145"), pair("deleted credit_note", "8")]);
    assert!(matches!(&old[1].what, What::Deleted(gone) if gone.at == Some(at("2026-11-20T09:00:00Z"))));
    assert_eq!((old.len(), old[0].key.as_str()), (4, "Invoice/145/Void/2026-11-20T09:00:00.000Z"));
    for bad in ["{}", "7", "", "[{}]", r#"{"eventNotifications": 1}"#] {
        assert!(usual().read(&inbound("https://api.example.com/in", &[], bad.as_bytes())).is_err(), "{bad}");
    }
}

#[test]
fn an_invoice_is_asked_for_and_then_its_customer() {
    let first = asked(&usual(), &entity(INVOICE, "145"), &[]);
    assert_eq!(first.url, "https://quickbooks.api.intuit.com/v3/company/4620816365/invoice/145?include=invoiceLink&minorversion=75");
    assert_eq!((header(&first, "authorization"), header(&first, "accept")), (Some("Bearer at-1"), Some("application/json")));
    let second = asked(&usual(), &entity(INVOICE, "145"), &[invoice()]);
    assert_eq!(second.url, "https://quickbooks.api.intuit.com/v3/company/4620816365/customer/58?minorversion=75");
    let memo = asked(&usual(), &entity(CREDIT_MEMO, "7"), &[]);
    assert_eq!(memo.url, "https://quickbooks.api.intuit.com/v3/company/4620816365/creditmemo/7?minorversion=75");
}

#[test]
fn every_field_of_an_invoice_finds_its_place() {
    let snapshot = whole(&usual(), &entity(INVOICE, "145"), &[invoice(), debtor()]);
    let document = snapshot.document;
    assert_eq!((snapshot.external_id.as_str(), document.number.as_str()), ("145", "F-1037"));
    assert_eq!((document.kind, document.status), (SourceKind::Invoice, SourceStatus::Open));
    assert_eq!(
        (document.total, document.amount_due, document.amount_paid, document.currency),
        (125_050, Some(25_025), None, Currency::EUR)
    );
    assert_eq!(
        (document.issue_date.to_string(), document.due_date.unwrap().to_string()),
        ("2026-10-01".to_owned(), "2026-10-31".to_owned())
    );
    assert_eq!(document.payment_link.as_deref(), Some("https://connect.intuit.example/t/abc"));
    assert_eq!(document.updated_at, Some(at("2026-11-02T18:30:00Z")));
    let customer = &document.customer;
    assert_eq!((customer.external_id.as_str(), customer.name.as_deref()), ("58", Some("Garage Dupont SARL")));
    assert_eq!(
        (customer.email.as_ref().unwrap().as_str(), customer.phone.as_ref().unwrap().as_str()),
        ("accounts@dupont.example", "+33612345678")
    );
    assert_eq!((customer.country.as_ref().unwrap().as_str(), customer.contact_name.as_deref()), ("FR", Some("Anne Martin")));
    assert_eq!(
        (customer.address.city.as_deref(), customer.address.postal_code.as_deref(), customer.address.country.as_deref()),
        (Some("Lille"), Some("59000"), Some("FR"))
    );
    assert_eq!(document.check().0, []);
}

#[test]
fn paid_voided_and_credited() {
    let with = |changes: Value| {
        let mut all = invoice();
        all["Invoice"].as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        read(all)
    };
    assert_eq!(with(json!({"Balance": 0})).status, SourceStatus::Paid);
    assert_eq!(with(json!({"Balance": 0, "TotalAmt": 0, "PrivateNote": "Voided - wrong price"})).status, SourceStatus::Void);
    assert_eq!(with(json!({"Balance": 0, "TotalAmt": 0})).status, SourceStatus::Paid);
    assert_eq!(with(json!({"DocNumber": null})).number, "145");
    assert_eq!(with(json!({"InvoiceLink": "javascript:alert(1)"})).payment_link, None);
    let memo = json!({"CreditMemo": {"Id": "7", "DocNumber": "CM-7", "TxnDate": "2026-11-01", "TotalAmt": 100.0, "RemainingCredit": 40, "Balance": 40, "CurrencyRef": {"value": "JPY"},
        "CustomerRef": {"value": "58", "name": "Garage Dupont"}}});
    let note = whole(&usual(), &entity(CREDIT_MEMO, "7"), &[memo, debtor()]).document;
    assert_eq!((note.kind, note.status, note.total, note.amount_due), (SourceKind::CreditNote, SourceStatus::Open, 100, Some(40)));
    assert_eq!((note.credits.len(), note.due_date, note.check().0.len()), (0, None, 0));
}

#[test]
fn a_company_of_one_currency_says_it_once() {
    let mut bare = invoice();
    bare["Invoice"].as_object_mut().unwrap().remove("CurrencyRef");
    let one = quickbooks(json!({"account": "4620816365", "currency": "USD"}));
    assert_eq!(whole(&one, &entity(INVOICE, "145"), &[bare.clone(), debtor()]).document.currency.as_str(), "USD");
    let bodies = crate::outbound::connectors::bench::bodies(&[bare, debtor()]);
    assert!(usual().fetch(&entity(INVOICE, "145"), &bodies).unwrap_err().0.contains("currency"));
}

#[test]
fn what_is_not_exact_is_refused() {
    for (field, value) in [
        ("TotalAmt", json!(10.005)),
        ("Balance", json!("ten")),
        ("TotalAmt", json!(null)),
        ("TxnDate", json!("soon")),
        ("Id", json!("1/2")),
    ] {
        let mut bad = invoice();
        bad["Invoice"][field] = value.clone();
        let bodies = crate::outbound::connectors::bench::bodies(&[bad, debtor()]);
        assert!(usual().fetch(&entity(INVOICE, "145"), &bodies).is_err(), "{field} {value}");
    }
}

#[test]
fn a_payment_and_a_customer_lead_to_invoices() {
    let ask = asked(&usual(), &entity(PAYMENT, "9"), &[]);
    assert_eq!(ask.url, "https://quickbooks.api.intuit.com/v3/company/4620816365/payment/9?minorversion=75");
    let payment = json!({"Payment": {"Id": "9", "TotalAmt": 5, "Line": [
        {"Amount": 3, "LinkedTxn": [{"TxnId": "145", "TxnType": "Invoice"}]}, {"Amount": 2, "LinkedTxn": [{"TxnId": "7", "TxnType": "CreditMemo"}, {"TxnId": "8", "TxnType": "JournalEntry"}]}]}});
    assert_eq!(step(&usual(), &entity(PAYMENT, "9"), &[payment]), Step::Others(vec![entity(INVOICE, "145"), entity(CREDIT_MEMO, "7")]));
    assert!(matches!(step(&usual(), &entity(PAYMENT, "9"), &[json!({"Payment": {"Id": "9"}})]), Step::Nothing(_)));
    let ask = asked(&usual(), &entity(CUSTOMER, "58"), &[]);
    assert_eq!(query(&ask)[0], pair("query", "select Id from Invoice where CustomerRef = '58' and Balance > '0' maxresults 200"));
    assert_eq!(
        step(&usual(), &entity(CUSTOMER, "58"), &[json!({"QueryResponse": {"Invoice": [{"Id": "145"}]}})]),
        Step::Others(vec![entity(INVOICE, "145")])
    );
}

#[test]
fn what_notices_lost_is_asked_for_every_six_hours() {
    let adapter = usual();
    let begun = at("2026-11-20T09:00:00Z");
    let ask = question(adapter.changes(None, &[], begun).unwrap());
    assert_eq!(
        query(&ask)[0].1,
        "select Id, MetaData.LastUpdatedTime from Invoice where Balance > '0' orderby Id startposition 1 maxresults 200"
    );
    let row = json!({"QueryResponse": {"Invoice": [{"Id": "145", "MetaData": {"LastUpdatedTime": "2026-11-02T10:30:00-08:00"}}]}});
    let (told, cursor, more) = found(adapter.changes(None, &crate::outbound::connectors::bench::bodies(&[row]), begun).unwrap());
    assert_eq!((told, more), (vec![pair(INVOICE, "145")], true));
    let ask = question(adapter.changes(Some(&cursor), &[], begun).unwrap());
    assert!(query(&ask)[0].1.contains("from CreditMemo where Balance > '0'"));
    let (_, cursor, more) = found(adapter.changes(Some(&cursor), &[b"{\"QueryResponse\": {}}".to_vec()], begun).unwrap());
    assert!(!more);
    let (told, same, more) = found(adapter.changes(Some(&cursor), &[], at("2026-11-20T14:59:00Z")).unwrap());
    assert_eq!((told.len(), same == cursor, more), (0, true, false));
    let ask = question(adapter.changes(Some(&cursor), &[], at("2026-11-20T15:00:00Z")).unwrap());
    assert!(query(&ask)[0].1.contains("where MetaData.LastUpdatedTime >= '2026-11-20T08:55:00Z'"));
}

#[test]
fn a_full_page_is_followed_by_the_next() {
    let rows: Vec<Value> =
        (1..=ROWS).map(|id| json!({"Id": id.to_string(), "MetaData": {"LastUpdatedTime": "2026-11-02T10:30:00-08:00"}})).collect();
    let full = crate::outbound::connectors::bench::bodies(&[json!({"QueryResponse": {"Invoice": rows}})]);
    let now = at("2026-11-20T09:00:00Z");
    let (told, cursor, more) = found(usual().changes(None, &full, now).unwrap());
    assert_eq!((told.len(), more), (ROWS, true));
    assert!(
        query(&question(usual().changes(Some(&cursor), &[], now).unwrap()))[0]
            .1
            .contains("from Invoice where Balance > '0' orderby Id startposition 201 ")
    );
}

#[test]
fn tokens_are_had_where_they_are_given_out() {
    let url = |settings| quickbooks(settings).renewal().unwrap().url;
    assert_eq!(url(json!({"account": "1"})), "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer");
    assert_eq!(
        url(json!({"account": "1", "base_url": "https://sandbox-quickbooks.api.intuit.com/"})),
        "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer"
    );
    assert_eq!(url(json!({"account": "1", "base_url": "http://127.0.0.1:9"})), "http://127.0.0.1:9/oauth2/v1/tokens/bearer");
}

#[test]
fn troubles_are_told_apart() {
    let trouble = |status, body: &str| usual().trouble(&answer(status, body));
    assert_eq!(
        trouble(400, r#"{"Fault": {"Error": [{"Message": "Object Not Found", "code": "610"}], "type": "ValidationFault"}}"#),
        Trouble::Gone
    );
    assert!(matches!(trouble(400, r#"{"Fault": {"Error": [{"code": "4000"}]}}"#), Trouble::Refused(_)));
    assert_eq!(trouble(401, ""), Trouble::Expired);
    assert!(matches!(trouble(429, ""), Trouble::Later(_, Some(pause)) if pause.as_secs() == 60));
    assert!(matches!(trouble(503, ""), Trouble::Later(_, None)));
    assert!(matches!(trouble(403, ""), Trouble::Refused(_)));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        any_bytes(&usual(), &[INVOICE, CREDIT_MEMO, PAYMENT, CUSTOMER], &bytes);
    }

    #[test]
    fn any_bytes_in_the_middle_of_an_invoice_are_read_or_refused(place in 0..400_usize, byte in any::<u8>()) {
        let mut bytes = invoice().to_string().into_bytes();
        let place = place % bytes.len();
        bytes[place] = byte;
        any_bytes(&usual(), &[INVOICE, PAYMENT], &bytes);
    }

    #[test]
    fn any_amount_comes_through_to_the_cent(cents in 0..=1_000_000_000_000_000_i64) {
        let text = rust_decimal::Decimal::new(cents, 2).to_string();
        let body = invoice().to_string().replace("1250.5,", &format!("{text},"));
        let body = body.replace("250.25", &text).into_bytes();
        let step = usual().fetch(&entity(INVOICE, "145"), &[body, debtor().to_string().into_bytes()]).unwrap();
        let Step::Whole(snapshots) = step else { panic!("no snapshot") };
        prop_assert_eq!((snapshots[0].document.total, snapshots[0].document.amount_due), (cents, Some(cents)));
    }
}
