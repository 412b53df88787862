//! Answers after Pennylane's public documentation, with values of our own.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    domain::money::Currency,
    outbound::{
        bench::inbound,
        connectors::{
            Trouble,
            bench::{access, answer, any_bytes, asked, at, bodies, entity, found, header, pair, query, question, step, whole},
        },
    },
};

fn pennylane() -> Pennylane {
    Pennylane::open(access(json!({}), json!({"client_id": null, "client_secret": null, "refresh_token": null}))).unwrap()
}

fn invoice(changes: Value) -> Value {
    let mut one = json!({"id": 4201, "label": "Facture 118", "invoice_number": "F-2026-118", "currency": "EUR", "amount": "1250.50", "currency_amount": "1250.50",
        "currency_amount_before_tax": "1042.08", "date": "2026-10-01", "deadline": "2026-10-31", "paid": false, "status": "late", "draft": false,
        "remaining_amount_with_tax": "250.25", "customer": {"id": 77, "url": "https://app.pennylane.com/api/external/v2/customers/77"}, "credited_invoice": null,
        "archived_at": null, "updated_at": "2026-11-02T10:30:00.123456Z", "something_new": {"a": 1.5}});
    one.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    one
}

fn debtor() -> Value {
    json!({"id": 77, "name": "Garage Dupont", "customer_type": "company", "reference": "C-77", "vat_number": "FR40303265045", "recipient": "Anne Martin", "phone": "+33612345678",
        "emails": ["not one", "compta@dupont.example"], "billing_language": "fr_FR",
        "billing_address": {"address": "3 rue du Port", "postal_code": "59000", "city": "Lille", "country_alpha2": "FR"}})
}

fn read(changes: Value) -> SourceInvoice {
    whole(&pennylane(), &entity(INVOICE, "4201"), &[invoice(changes), debtor()]).document
}

#[test]
fn a_token_suffices_and_an_application_says_all_that_it_lacks() {
    let pointers = |secrets: Value| {
        let mut all = json!({"client_id": null, "client_secret": null, "access_token": null, "refresh_token": null});
        all.as_object_mut().unwrap().extend(secrets.as_object().unwrap().clone());
        let opened = Pennylane::open(access(json!({}), all));
        opened.err().map(|faults| faults.0.into_iter().map(|fault| fault.pointer).collect::<Vec<_>>()).unwrap_or_default()
    };
    assert!(pointers(json!({"access_token": "x"})).is_empty());
    assert_eq!(pointers(json!({})), ["/credentials/access_token"]);
    assert_eq!(pointers(json!({"refresh_token": "x"})), ["/credentials/client_id", "/credentials/client_secret"]);
    assert!(pennylane().renewal().is_none());
    let app = Pennylane::open(access(json!({}), json!({}))).unwrap();
    assert_eq!(
        app.renewal().unwrap().body.as_deref(),
        Some("grant_type=refresh_token&refresh_token=rt-1&client_id=app&client_secret=s3cret")
    );
    assert_eq!(pennylane().trouble(&answer(404, "")), Trouble::Gone);
}

#[test]
fn nothing_is_believed_that_somebody_sends() {
    let inbound = inbound("https://api.example.com/in", &[], b"{}");
    assert_eq!(pennylane().verify(&inbound, at("2026-11-20T09:00:00Z")), Err(Unverified::NoReceipts));
    assert!(pennylane().read(&inbound).is_err());
}

#[test]
fn every_field_of_an_invoice_finds_its_place() {
    let first = asked(&pennylane(), &entity(INVOICE, "4201"), &[]);
    assert_eq!(first.url, "https://app.pennylane.com/api/external/v2/customer_invoices/4201");
    assert_eq!(header(&first, "authorization"), Some("Bearer at-1"));
    let second = asked(&pennylane(), &entity(INVOICE, "4201"), &[invoice(json!({}))]);
    assert_eq!(second.url, "https://app.pennylane.com/api/external/v2/customers/77");
    let snapshot = whole(&pennylane(), &entity(INVOICE, "4201"), &[invoice(json!({})), debtor()]);
    let document = snapshot.document;
    assert_eq!((snapshot.external_id.as_str(), document.number.as_str()), ("4201", "F-2026-118"));
    assert_eq!((document.kind, document.status, document.currency), (SourceKind::Invoice, SourceStatus::Open, Currency::EUR));
    assert_eq!((document.total, document.amount_due, document.amount_paid), (125_050, Some(25_025), None));
    assert_eq!(
        (document.issue_date.to_string(), document.due_date.unwrap().to_string()),
        ("2026-10-01".to_owned(), "2026-10-31".to_owned())
    );
    assert_eq!(document.updated_at, Some(at("2026-11-02T10:30:00.123456Z")));
    let customer = &document.customer;
    assert_eq!(
        (customer.external_id.as_str(), customer.name.as_deref(), customer.number.as_deref()),
        ("77", Some("Garage Dupont"), Some("C-77"))
    );
    assert_eq!(
        (customer.email.as_ref().unwrap().as_str(), customer.phone.as_ref().unwrap().as_str()),
        ("compta@dupont.example", "+33612345678")
    );
    assert_eq!((customer.country.as_ref().unwrap().as_str(), customer.language.unwrap().as_str(), customer.kind), ("FR", "fr", None));
    assert_eq!(
        (customer.vat_id.as_deref(), customer.contact_name.as_deref(), customer.address.city.as_deref()),
        (Some("FR40303265045"), Some("Anne Martin"), Some("Lille"))
    );
    assert_eq!(document.check().0, []);
}

#[test]
fn each_state_has_its_meaning() {
    assert_eq!(read(json!({"paid": true, "remaining_amount_with_tax": "0.0"})).status, SourceStatus::Paid);
    assert_eq!(read(json!({"paid": true, "remaining_amount_with_tax": "-3.00"})).amount_due, Some(0));
    assert_eq!(read(json!({"status": "cancelled"})).status, SourceStatus::Void);
    assert_eq!(read(json!({"archived_at": "2026-11-02T10:30:00Z"})).status, SourceStatus::Uncollectible);
    assert_eq!(read(json!({"invoice_number": ""})).number, "4201");
    for (changes, answers) in [(json!({"draft": true}), 1), (json!({"customer": null}), 1)] {
        let answers: Vec<Value> = [invoice(changes), debtor()].into_iter().take(answers).collect();
        assert!(matches!(step(&pennylane(), &entity(INVOICE, "4201"), &answers), Step::Nothing(_)));
    }
    let mut person = debtor();
    person["customer_type"] = json!("individual");
    let document = whole(&pennylane(), &entity(INVOICE, "4201"), &[invoice(json!({})), person]).document;
    assert_eq!(document.customer.kind, Some(CustomerKind::Consumer));
}

#[test]
fn what_is_left_is_not_believed_in_another_currency() {
    let foreign = read(json!({"currency": "USD", "currency_amount": "1400.00"}));
    assert_eq!((foreign.total, foreign.amount_due, foreign.left()), (140_000, None, 140_000));
}

#[test]
fn a_negative_invoice_is_a_credit_note() {
    let note = read(json!({"currency_amount": "-100.00", "amount": "-100.00", "remaining_amount_with_tax": "-40.00"}));
    assert_eq!((note.kind, note.total, note.amount_due, note.due_date), (SourceKind::CreditNote, 10_000, Some(4_000), None));
    let linked = read(
        json!({"currency_amount": "-100.00", "amount": "-100.00", "remaining_amount_with_tax": "-100.00", "credited_invoice": {"id": 4200, "url": "x"}}),
    );
    assert_eq!(
        (linked.amount_due, linked.credits.clone()),
        (Some(0), vec![SourceShare { external_id: "4200".to_owned(), amount: 10_000 }])
    );
    assert_eq!((note.check().0.len(), linked.check().0.len()), (0, 0));
}

#[test]
fn what_is_not_exact_is_refused() {
    for changes in [
        json!({"currency_amount": "1.005"}),
        json!({"currency_amount": null}),
        json!({"date": null}),
        json!({"currency": "euro"}),
        json!({"id": "1/2"}),
    ] {
        assert!(pennylane().fetch(&entity(INVOICE, "4201"), &bodies(&[invoice(changes.clone()), debtor()])).is_err(), "{changes}");
    }
}

#[test]
fn the_first_pass_lists_what_is_open_and_later_ones_read_the_changelogs() {
    let (adapter, now) = (pennylane(), at("2026-11-20T09:00:00Z"));
    let ask = question(adapter.changes(None, &[], now).unwrap());
    assert_eq!(ask.url, "https://app.pennylane.com/api/external/v2/customer_invoices?limit=100");
    let page = json!({"items": [invoice(json!({})), invoice(json!({"id": 2, "paid": true})), invoice(json!({"id": 3, "draft": true}))], "has_more": true, "next_cursor": "abc="});
    let (told, cursor, more) = found(adapter.changes(None, &bodies(&[page]), now).unwrap());
    assert_eq!((told, more), (vec![pair(INVOICE, "4201")], true));
    let ask = question(adapter.changes(Some(&cursor), &[], now).unwrap());
    assert_eq!(query(&ask), [pair("limit", "100"), pair("cursor", "abc=")]);
    let (_, cursor, more) =
        found(adapter.changes(Some(&cursor), &bodies(&[json!({"items": [], "has_more": false, "next_cursor": null})]), now).unwrap());
    assert!(!more);
    let later = at("2026-11-20T09:05:00Z");
    let ask = question(adapter.changes(Some(&cursor), &[], later).unwrap());
    assert!(ask.url.contains("/changelogs/customer_invoices?"));
    assert_eq!(query(&ask), [pair("limit", "200"), pair("start_date", "2026-11-20T08:55:00Z")]);
    let event = |id: u32, operation: &str| json!({"id": id, "operation": operation, "processed_at": "2026-11-20T09:01:00Z"});
    let page = json!({"items": [event(1, "insert"), event(1, "update"), event(9, "delete")], "has_more": true, "next_cursor": "n"});
    let (told, cursor, _) = found(adapter.changes(Some(&cursor), &bodies(&[page]), later).unwrap());
    assert_eq!(told, [pair(INVOICE, "1"), pair(INVOICE, "1"), pair("deleted invoice", "9"), pair("deleted credit_note", "9")]);
    let ask = question(adapter.changes(Some(&cursor), &[], later).unwrap());
    assert_eq!(query(&ask), [pair("limit", "200"), pair("cursor", "n")]);
    let (_, cursor, _) = found(adapter.changes(Some(&cursor), &bodies(&[json!({"items": [], "has_more": false})]), later).unwrap());
    let ask = question(adapter.changes(Some(&cursor), &[], later).unwrap());
    assert!(ask.url.contains("/changelogs/customers?"));
    let (told, cursor, more) =
        found(adapter.changes(Some(&cursor), &bodies(&[json!({"items": [event(77, "update")], "has_more": false})]), later).unwrap());
    assert_eq!((told, more), (vec![pair(CUSTOMER, "77")], false));
    let ask = question(adapter.changes(Some(&cursor), &[], at("2027-03-01T00:00:00Z")).unwrap());
    assert!(query(&ask).contains(&pair("start_date", "2027-02-02T00:00:00Z")), "never further back than four weeks");
}

#[test]
fn each_change_has_a_key_of_its_own() {
    let event = |operation: &str, at: &str| json!({"id": 1, "operation": operation, "processed_at": at});
    let page = json!({"items": [event("insert", "a"), event("update", "a"), event("update", "b")]});
    let cursor = r#"{"since":"2026-11-20T08:55:00Z","part":0,"page":null,"began":"2026-11-20T09:00:00Z"}"#;
    let changes = pennylane().changes(Some(cursor), &bodies(&[page]), at("2026-11-20T09:05:00Z")).unwrap();
    let Changes::Found { told, .. } = changes else { panic!("it asks") };
    let keys: Vec<&str> = told.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(keys, ["invoice/1/insert/a", "invoice/1/update/a", "invoice/1/update/b"]);
}

#[test]
fn a_customer_leads_to_its_open_invoices() {
    let ask = asked(&pennylane(), &entity(CUSTOMER, "77"), &[]);
    assert_eq!(query(&ask)[0], pair("filter", r#"[{"field":"customer_id","operator":"eq","value":"77"}]"#));
    let list = json!({"items": [invoice(json!({})), invoice(json!({"id": 2, "paid": true}))]});
    assert_eq!(step(&pennylane(), &entity(CUSTOMER, "77"), &[list]), Step::Others(vec![entity(INVOICE, "4201")]));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        any_bytes(&pennylane(), &[INVOICE, CUSTOMER], &bytes);
    }

    #[test]
    fn any_bytes_in_the_middle_of_an_invoice_are_read_or_refused(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = invoice(json!({})).to_string().into_bytes();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        any_bytes(&pennylane(), &[INVOICE, CUSTOMER], &bytes);
    }
}
