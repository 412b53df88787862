//! Answers after Sage's published description of its interface, with values of our own.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::outbound::{
    bench::inbound,
    connectors::bench::{access, any_bytes, asked, at, bodies, entity, found, header, pair, query, question, step, whole},
};

fn sage() -> SageAccounting {
    SageAccounting::open(access(json!({"account": "business-1"}), json!({}))).unwrap()
}

fn invoice(changes: Value) -> Value {
    let mut one = json!({"id": "8f2c0de1", "displayed_as": "SI-118", "invoice_number_prefix": "SI-", "invoice_number": "SI-118", "status": {"id": "PART_PAID", "displayed_as": "Part paid"},
        "date": "2026-10-01", "due_date": "2026-10-31", "total_amount": 1250.5, "outstanding_amount": 250.25, "total_paid": 1000.25, "last_paid": "2026-10-20",
        "currency": {"id": "GBP", "displayed_as": "Pound Sterling (GBP)"}, "contact": {"id": "c0ffee", "displayed_as": "Marine Systems"}, "contact_name": "Marine Systems",
        "reference": "PO 77", "main_address": {"address_line_1": "1 Quay", "city": "Hull", "postal_code": "HU1 1AA", "country": {"id": "GB"}},
        "updated_at": "2026-11-02T10:30:00Z", "deleted_at": null, "invoice_lines": [{"unit_price": 1.2345}]});
    one.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    one
}

fn contact() -> Value {
    json!({"id": "c0ffee", "name": "Marine Systems Ltd", "reference": "MS-7", "email": "ap@marine.example", "locale": "en-GB", "tax_number": "GB123456789"})
}

fn read(changes: Value) -> SourceInvoice {
    whole(&sage(), &entity(INVOICE, "8f2c0de1"), &[invoice(changes), contact()]).document
}

#[test]
fn a_connection_says_all_that_it_lacks_and_nothing_sent_is_believed() {
    let bare = Access { settings: Default::default(), credentials: Default::default() };
    assert_eq!(SageAccounting::open(bare).unwrap_err().0.len(), 3);
    let inbound = inbound("https://api.example.com/in", &[], b"{}");
    assert_eq!(sage().verify(&inbound, at("2026-11-20T09:00:00Z")), Err(Unverified::NoReceipts));
    assert!(sage().read(&inbound).is_err());
    let ask = sage().renewal().unwrap();
    assert_eq!(ask.url, "https://oauth.accounting.sage.com/token");
    assert_eq!(ask.body.as_deref(), Some("grant_type=refresh_token&refresh_token=rt-1&client_id=app&client_secret=s3cret"));
}

#[test]
fn every_field_of_an_invoice_finds_its_place() {
    let first = asked(&sage(), &entity(INVOICE, "8f2c0de1"), &[]);
    assert_eq!(first.url, "https://api.accounting.sage.com/v3.1/sales_invoices/8f2c0de1");
    assert_eq!(header(&first, "x-business"), Some("business-1"));
    assert_eq!(
        asked(&sage(), &entity(INVOICE, "8f2c0de1"), &[invoice(json!({}))]).url,
        "https://api.accounting.sage.com/v3.1/contacts/c0ffee"
    );
    let snapshot = whole(&sage(), &entity(INVOICE, "8f2c0de1"), &[invoice(json!({})), contact()]);
    let document = snapshot.document;
    assert_eq!(
        (snapshot.external_id.as_str(), document.number.as_str(), document.order_reference.as_deref()),
        ("8f2c0de1", "SI-118", Some("PO 77"))
    );
    assert_eq!((document.kind, document.status, document.currency.as_str()), (SourceKind::Invoice, SourceStatus::Open, "GBP"));
    assert_eq!((document.total, document.amount_due), (125_050, Some(25_025)));
    assert_eq!(
        (document.issue_date.to_string(), document.due_date.unwrap().to_string(), document.paid_on.unwrap().to_string()),
        ("2026-10-01".to_owned(), "2026-10-31".to_owned(), "2026-10-20".to_owned())
    );
    assert_eq!(document.updated_at, Some(at("2026-11-02T10:30:00Z")));
    let customer = &document.customer;
    assert_eq!(
        (customer.external_id.as_str(), customer.name.as_deref(), customer.number.as_deref()),
        ("c0ffee", Some("Marine Systems Ltd"), Some("MS-7"))
    );
    assert_eq!(
        (customer.email.as_ref().unwrap().as_str(), customer.vat_id.as_deref(), customer.language.unwrap().as_str()),
        ("ap@marine.example", Some("GB123456789"), "en")
    );
    assert_eq!((customer.country.as_ref().unwrap().as_str(), customer.address.city.as_deref()), ("GB", Some("Hull")));
    assert_eq!(document.check().0, []);
}

#[test]
fn each_status_has_its_meaning() {
    let status = |id: &str| read(json!({"status": {"id": id}})).status;
    assert_eq!([status("UNPAID"), status("PAID"), status("VOID")], [SourceStatus::Open, SourceStatus::Paid, SourceStatus::Void]);
    assert_eq!(read(json!({"deleted_at": "2026-11-02T10:30:00Z"})).status, SourceStatus::Void);
    assert_eq!(read(json!({"status": {"id": "PAID"}, "outstanding_amount": -5})).amount_due, Some(0));
    assert!(matches!(step(&sage(), &entity(INVOICE, "1"), &[invoice(json!({"status": {"id": "DRAFT"}}))]), Step::Nothing(_)));
    for changes in [
        json!({"status": {"id": "NEW"}}),
        json!({"status": null}),
        json!({"total_amount": 0.005}),
        json!({"currency": {"id": "pounds"}}),
        json!({"date": "x"}),
    ] {
        assert!(sage().fetch(&entity(INVOICE, "1"), &bodies(&[invoice(changes.clone()), contact()])).is_err(), "{changes}");
    }
}

#[test]
fn a_credit_note_says_what_is_left_of_it() {
    let note = invoice(
        json!({"invoice_number": null, "due_date": null, "credit_note_number": "SCN-2", "status": {"id": "UNPAID"}, "total_amount": 100, "outstanding_amount": -40}),
    );
    assert_eq!(asked(&sage(), &entity(CREDIT_NOTE, "1"), &[]).url, "https://api.accounting.sage.com/v3.1/sales_credit_notes/1");
    let document = whole(&sage(), &entity(CREDIT_NOTE, "1"), &[note, contact()]).document;
    assert_eq!(
        (document.kind, document.number.as_str(), document.total, document.amount_due),
        (SourceKind::CreditNote, "SCN-2", 10_000, Some(4_000))
    );
    assert_eq!(document.check().0, []);
}

#[test]
fn a_pass_goes_through_what_changed_and_what_was_deleted() {
    let (adapter, now) = (sage(), at("2026-11-20T09:00:00Z"));
    let ask = question(adapter.changes(None, &[], now).unwrap());
    assert!(ask.url.starts_with("https://api.accounting.sage.com/v3.1/sales_invoices?"));
    assert!(!query(&ask).iter().any(|(name, _)| name.ends_with("since")));
    let row = |id: &str, status: &str| json!({"id": id, "status": {"id": status}, "updated_at": "2026-11-20T08:00:00Z"});
    let page =
        json!({"$total": 3, "$next": "/sales_invoices?page=2", "$items": [row("a", "UNPAID"), row("b", "PAID"), row("c", "PART_PAID")]});
    let (told, cursor, more) = found(adapter.changes(None, &bodies(&[page]), now).unwrap());
    assert_eq!((told, more), (vec![pair(INVOICE, "a"), pair(INVOICE, "c")], true));
    let ask = question(adapter.changes(Some(&cursor), &[], now).unwrap());
    assert!(query(&ask).contains(&pair("page", "2")));
    let last = bodies(&[json!({"$items": [], "$next": null})]);
    let (_, cursor, _) = found(adapter.changes(Some(&cursor), &last, now).unwrap());
    assert!(question(adapter.changes(Some(&cursor), &[], now).unwrap()).url.contains("/sales_credit_notes?"));
    let (_, mut cursor, more) = found(adapter.changes(Some(&cursor), &last, now).unwrap());
    assert!(!more);
    let mut seen = Vec::new();
    for _ in PARTS {
        let ask = question(adapter.changes(Some(&cursor), &[], now).unwrap());
        let since = query(&ask).into_iter().find(|(name, _)| name.ends_with("since")).unwrap();
        seen.push((ask.url.contains("credit_notes"), since));
        cursor = found(adapter.changes(Some(&cursor), &last, now).unwrap()).1;
    }
    let moment = "2026-11-20T08:55:00Z";
    let (changed, deleted) = (pair("updated_or_created_since", moment), pair("deleted_since", moment));
    assert_eq!(seen, [(false, changed.clone()), (true, changed), (false, deleted.clone()), (true, deleted)]);
}

#[test]
fn a_later_pass_tells_of_what_is_settled_too() {
    let cursor = r#"{"since":"2026-11-20T08:55:00Z","part":0,"page":null,"began":"2026-11-20T09:00:00Z"}"#;
    let page = json!({"$items": [{"id": "b", "status": {"id": "PAID"}, "updated_at": "t"}, {"id": "x/y"}]});
    let (told, ..) = found(sage().changes(Some(cursor), &bodies(&[page]), at("2026-11-20T09:05:00Z")).unwrap());
    assert_eq!(told, [pair(INVOICE, "b")]);
    let cursor = r#"{"since":"2026-11-20T08:55:00Z","part":3,"page":null,"began":"2026-11-20T09:00:00Z"}"#;
    let page = json!({"$items": [{"id": "n", "deleted_at": "2026-11-20T09:01:00Z"}]});
    let (told, ..) = found(sage().changes(Some(cursor), &bodies(&[page]), at("2026-11-20T09:05:00Z")).unwrap());
    assert_eq!(told, [pair("deleted credit_note", "n")]);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        any_bytes(&sage(), &[INVOICE, CREDIT_NOTE], &bytes);
    }

    #[test]
    fn any_bytes_in_the_middle_of_an_invoice_are_read_or_refused(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = invoice(json!({})).to_string().into_bytes();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        any_bytes(&sage(), &[INVOICE, CREDIT_NOTE], &bytes);
    }
}
