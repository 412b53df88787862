//! Notices and documents after Xero's public documentation, with values of our own.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::outbound::{
    bench::inbound,
    connectors::{
        Trouble,
        bench::{access, answer, any_bytes, asked, at, bodies, entities, entity, found, header, pair, query, question, step, whole},
    },
};

const TENANT: &str = "c2cc9b6e-0000-4c7d-93cc-f02b81b0594f";
const ID: &str = "243216c5-369e-4056-ac67-05388f86dc81";
/// `base64.b64encode(hmac.new(b"webhook-key", body, "sha256").digest())` in Python.
const INTENT: &[u8] = br#"{"events":[],"firstEventSequence":0,"lastEventSequence":0,"entropy":"QWERTY"}"#;
const SIGNATURE: &str = "DTussuBZMFKVSvbJc8CiJRz6bwfDyZ29w73bgf8c8Zo=";

fn xero() -> Xero {
    Xero::open(access(json!({"account": TENANT}), json!({"signing_secrets": ["webhook-key-before", "webhook-key"]}))).unwrap()
}

fn contact() -> Value {
    json!({"ContactID": "bd2270c3-8706-4c11-9cfb-000b551c3f51", "Name": "Marine Systems Ltd", "AccountNumber": "MS-7", "EmailAddress": "ap@marine.example", "FirstName": "Joan",
        "TaxNumber": "GB123456789", "Addresses": [{"AddressType": "STREET", "AddressLine1": "1 Quay", "City": "Hull", "Country": "United Kingdom"},
            {"AddressType": "POBOX", "AddressLine1": "PO Box 9", "City": "Leeds", "PostalCode": "LS1 1AA", "Country": "UK"}],
        "Phones": [{"PhoneType": "DEFAULT", "PhoneCountryCode": "44", "PhoneAreaCode": "20", "PhoneNumber": "79460018"},
            {"PhoneType": "MOBILE", "PhoneCountryCode": "+44", "PhoneAreaCode": "", "PhoneNumber": "7400123456"}]})
}

fn invoice(changes: Value) -> Value {
    let mut one = json!({"Type": "ACCREC", "InvoiceID": ID, "InvoiceNumber": "INV-0031", "Reference": "PO 77", "Status": "AUTHORISED", "CurrencyCode": "GBP",
        "DateString": "2026-10-01T00:00:00", "Date": "/Date(1790812800000+0000)/", "DueDate": "/Date(1793404800000+0000)/", "Total": 1800.00, "AmountDue": 1100.50,
        "AmountPaid": 500, "AmountCredited": 199.5, "Overpayments": [{"ID": "x", "AppliedAmount": 100.25}], "Payments": [{"Date": "/Date(1791244800000+0000)/", "Amount": 200},
            {"Date": "/Date(1791590400000+0000)/", "Amount": 300}], "UpdatedDateUTC": "/Date(1795166130000+0000)/", "Contact": contact(), "LineItems": [{"UnitAmount": 1.2345}]});
    one.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    json!({"Id": "9", "Status": "OK", "Invoices": [one]})
}

fn read(changes: Value) -> Step {
    step(&xero(), &entity(INVOICE, ID), &[invoice(changes)])
}

#[test]
fn the_intent_to_receive_passes_signed_rightly_and_fails_signed_wrongly() {
    let now = at("2026-11-20T09:00:00Z");
    let verify = |signature: &str| xero().verify(&inbound("https://api.example.com/in", &[("x-xero-signature", signature)], INTENT), now);
    assert_eq!(verify(SIGNATURE), Ok(()));
    assert_eq!(verify("DTussuBZMFKVSvbJc8CiJRz6bwfDyZ29w73bgf8c8Zp="), Err(Unverified::Malformed("x-xero-signature header")));
    assert_eq!(verify("AAussuBZMFKVSvbJc8CiJRz6bwfDyZ29w73bgf8c8Zo="), Err(Unverified::Mismatch));
    assert_eq!(verify(""), Err(Unverified::Mismatch));
    assert!(matches!(xero().verify(&inbound("https://api.example.com/in", &[], INTENT), now), Err(Unverified::Missing(_))));
    assert_eq!(xero().read(&inbound("https://api.example.com/in", &[], INTENT)), Ok(Vec::new()));
}

#[test]
fn a_notice_names_what_changed() {
    let event = |category: &str, id: &str, tenant: &str| {
        json!({"resourceUrl": "https://evil.example/x", "resourceId": id, "eventDateUtc": "2026-11-20T09:00:00.123", "eventType": "UPDATE", "eventCategory": category,
            "tenantId": tenant, "tenantType": "ORGANISATION"})
    };
    let body = json!({"events": [event("INVOICE", ID, TENANT), event("CREDITNOTE", ID, TENANT), event("CONTACT", ID, &TENANT.to_uppercase()), event("SUBSCRIPTION", ID, TENANT),
        event("INVOICE", ID, "other"), event("INVOICE", "a/b", TENANT)], "firstEventSequence": 1, "lastEventSequence": 6, "entropy": "x"});
    let told = xero().read(&inbound("https://api.example.com/in", &[], body.to_string().as_bytes())).unwrap();
    assert_eq!(entities(&told), [pair(INVOICE, ID), pair(CREDIT_NOTE, ID), pair(CONTACT, ID)]);
    assert_eq!((told.len(), told[0].key.clone()), (6, format!("INVOICE/{ID}/UPDATE/2026-11-20T09:00:00.123")));
    for bad in ["{}", "[]", "", r#"{"events": [{}]}"#] {
        assert!(xero().read(&inbound("https://api.example.com/in", &[], bad.as_bytes())).is_err(), "{bad}");
    }
}

#[test]
fn every_field_of_an_invoice_finds_its_place() {
    let ask = asked(&xero(), &entity(INVOICE, ID), &[]);
    assert_eq!(ask.url, format!("https://api.xero.com/api.xro/2.0/Invoices/{ID}"));
    assert_eq!((header(&ask, "xero-tenant-id"), header(&ask, "authorization")), (Some(TENANT), Some("Bearer at-1")));
    let snapshot = whole(&xero(), &entity(INVOICE, ID), &[invoice(json!({}))]);
    let document = snapshot.document;
    assert_eq!(
        (snapshot.external_id.as_str(), document.number.as_str(), document.order_reference.as_deref()),
        (ID, "INV-0031", Some("PO 77"))
    );
    assert_eq!((document.kind, document.status, document.currency.as_str()), (SourceKind::Invoice, SourceStatus::Open, "GBP"));
    assert_eq!((document.total, document.amount_due, document.amount_paid), (180_000, Some(110_050), Some(60_025)));
    assert_eq!(
        (document.issue_date.to_string(), document.due_date.unwrap().to_string()),
        ("2026-10-01".to_owned(), "2026-10-31".to_owned())
    );
    assert_eq!((document.paid_on.unwrap().to_string(), document.updated_at), ("2026-10-10".to_owned(), Some(at("2026-11-20T09:15:30Z"))));
    let customer = &document.customer;
    assert_eq!(
        (customer.name.as_deref(), customer.number.as_deref(), customer.vat_id.as_deref()),
        (Some("Marine Systems Ltd"), Some("MS-7"), Some("GB123456789"))
    );
    assert_eq!(
        (customer.email.as_ref().unwrap().as_str(), customer.phone.as_ref().unwrap().as_str()),
        ("ap@marine.example", "+447400123456")
    );
    assert_eq!(
        (customer.country.as_ref().unwrap().as_str(), customer.contact_name.as_deref(), customer.address.city.as_deref()),
        ("GB", Some("Joan"), Some("Leeds"))
    );
    assert_eq!(document.check().0, []);
}

#[test]
fn each_status_has_its_meaning_and_no_bill_of_a_supplier_has_one() {
    let status = |word: &str| match read(json!({"Status": word})) {
        Step::Whole(snapshots) => Some(snapshots[0].document.status),
        _ => None,
    };
    assert_eq!(status("PAID"), Some(SourceStatus::Paid));
    assert_eq!([status("VOIDED"), status("DELETED")], [Some(SourceStatus::Void); 2]);
    assert_eq!([status("DRAFT"), status("SUBMITTED")], [None, None]);
    assert!(xero().fetch(&entity(INVOICE, ID), &bodies(&[invoice(json!({"Status": "NEW"}))])).is_err());
    for kind in ["ACCPAY", "AROVERPAYMENT", "ACCPAYCREDIT"] {
        assert!(matches!(read(json!({"Type": kind})), Step::Nothing(_)), "{kind}");
    }
}

#[test]
fn a_credit_note_says_which_invoices_it_gives_up_and_what_is_left_of_it() {
    let note = json!({"CreditNotes": [{"Type": "ACCRECCREDIT", "CreditNoteID": ID, "CreditNoteNumber": "CN-2", "Status": "AUTHORISED", "CurrencyCode": "EUR", "Date": "/Date(1790812800000)/",
        "Total": 100, "RemainingCredit": 30.5, "Allocations": [{"Amount": 69.5, "Invoice": {"InvoiceID": "i-1"}}, {"Amount": 0, "Invoice": {"InvoiceID": "i-2"}}], "Contact": contact()}]});
    assert_eq!(asked(&xero(), &entity(CREDIT_NOTE, ID), &[]).url, format!("https://api.xero.com/api.xro/2.0/CreditNotes/{ID}"));
    let document = whole(&xero(), &entity(CREDIT_NOTE, ID), &[note]).document;
    assert_eq!(
        (document.kind, document.total, document.amount_due, document.due_date),
        (SourceKind::CreditNote, 10_000, Some(3_050), None)
    );
    assert_eq!(document.credits, [SourceShare { external_id: "i-1".to_owned(), amount: 6_950 }]);
    assert_eq!(document.check().0, []);
}

#[test]
fn a_contact_leads_to_its_open_invoices() {
    let ask = asked(&xero(), &entity(CONTACT, "c-1"), &[]);
    assert_eq!(query(&ask)[..2], [pair("ContactIDs", "c-1"), pair("Statuses", "AUTHORISED")]);
    let list = json!({"Invoices": [{"Type": "ACCREC", "InvoiceID": "i-1"}, {"Type": "ACCPAY", "InvoiceID": "i-2"}]});
    assert_eq!(step(&xero(), &entity(CONTACT, "c-1"), &[list]), Step::Others(vec![entity(INVOICE, "i-1")]));
    assert!(matches!(step(&xero(), &entity(CONTACT, "c-1"), &[json!({"Invoices": []})]), Step::Nothing(_)));
}

#[test]
fn what_is_not_exact_is_refused() {
    for changes in [
        json!({"Total": 1.005}),
        json!({"AmountDue": "x"}),
        json!({"Date": null, "DateString": null}),
        json!({"Contact": null}),
        json!({"CurrencyCode": "EURO"}),
        json!({"InvoiceID": "../1"}),
    ] {
        assert!(xero().fetch(&entity(INVOICE, ID), &bodies(&[invoice(changes.clone())])).is_err(), "{changes}");
    }
}

#[test]
fn a_pass_asks_for_what_changed_and_pages() {
    let now = at("2026-11-20T09:00:00Z");
    let ask = question(xero().changes(None, &[], now).unwrap());
    assert_eq!(query(&ask)[..2], [pair("where", r#"Type=="ACCREC" AND Status=="AUTHORISED""#), pair("page", "1")]);
    assert_eq!(header(&ask, "if-modified-since"), None);
    let rows: Vec<Value> = (0..ROWS).map(|one| json!({"InvoiceID": format!("i-{one}"), "UpdatedDateUTC": "/Date(1)/"})).collect();
    let (told, cursor, more) = found(xero().changes(None, &bodies(&[json!({"Invoices": rows})]), now).unwrap());
    assert_eq!((told.len(), more), (ROWS, true));
    let ask = question(xero().changes(Some(&cursor), &[], now).unwrap());
    assert_eq!(query(&ask)[1], pair("page", "2"));
    let (_, cursor, _) = found(xero().changes(Some(&cursor), &bodies(&[json!({"Invoices": []})]), now).unwrap());
    let ask = question(xero().changes(Some(&cursor), &[], now).unwrap());
    assert!(ask.url.starts_with("https://api.xero.com/api.xro/2.0/CreditNotes?"));
    let (_, cursor, more) = found(xero().changes(Some(&cursor), &bodies(&[json!({"CreditNotes": []})]), now).unwrap());
    assert!(!more);
    let ask = question(xero().changes(Some(&cursor), &[], at("2026-11-20T16:00:00Z")).unwrap());
    assert_eq!(header(&ask, "if-modified-since"), Some("2026-11-20T08:55:00"));
}

#[test]
fn tokens_and_troubles() {
    let ask = xero().renewal().unwrap();
    assert_eq!(
        (ask.url.as_str(), ask.body.as_deref()),
        ("https://identity.xero.com/connect/token", Some("grant_type=refresh_token&refresh_token=rt-1"))
    );
    let bare = Access { settings: Default::default(), credentials: Default::default() };
    assert_eq!(Xero::open(bare).unwrap_err().0.len(), 5);
    assert_eq!(xero().trouble(&answer(404, "")), Trouble::Gone);
    assert!(matches!(xero().trouble(&answer(403, "")), Trouble::Refused(_)));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        any_bytes(&xero(), &[INVOICE, CREDIT_NOTE, CONTACT], &bytes);
    }

    #[test]
    fn any_bytes_in_the_middle_of_an_invoice_are_read_or_refused(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = invoice(json!({})).to_string().into_bytes();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        any_bytes(&xero(), &[INVOICE, CONTACT], &bytes);
    }
}
