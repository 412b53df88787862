//! Events after the documentation of Stripe's API, with values of our own.

use proptest::prelude::any;
use serde_json::json;

use super::*;
use crate::outbound::bench;

const SECRET: &str = "whsec_5WbX5kEWLlfzsGNjH64I8lOOqUB6e8FH";
const SIGNED_AT: i64 = 1_790_000_000;
const BODY: &str = r#"{"id":"evt_1"}"#;
/// HMAC-SHA256 of "1790000000.{BODY}" under SECRET, by Python's hmac module.
const SIGNATURE: &str = "19c64d699bd9365f49732dddf7d97b8be6dcec062d09bb6344a7d5add9aa4b9c";

fn stripe(secrets: &[&str]) -> Stripe {
    let credentials =
        ConnectionCredentials { signing_secrets: secrets.iter().map(|one| (*one).to_owned()).collect(), ..Default::default() };
    Stripe::open(Access { settings: Default::default(), credentials }).unwrap()
}

fn signed(header: &str, body: &str) -> Inbound {
    bench::inbound("https://api.example.com/in", &[(HEADER, header)], body.as_bytes())
}

fn event(kind: &str, object: Value) -> Inbound {
    let event = json!({"id": "evt_7", "type": kind, "created": 1_790_000_100, "livemode": true, "data": {"object": object}});
    signed("", &event.to_string())
}

fn invoice() -> Value {
    json!({"id": "in_118", "object": "invoice", "number": "A3F-0118", "status": "open", "currency": "eur", "total": 120_000, "amount_due": 120_000,
        "amount_paid": 20_000, "amount_remaining": 100_000, "created": 1_788_200_000, "due_date": 1_790_900_000, "collection_method": "send_invoice",
        "customer": "cus_9", "customer_name": "Garage Dupont", "customer_email": "accounts@dupont.example", "customer_phone": null,
        "customer_address": {"line1": "3 rue du Port", "line2": null, "city": "Lille", "postal_code": "59000", "country": "FR"},
        "customer_tax_ids": [{"type": "eu_vat", "value": "FR40303265045"}], "hosted_invoice_url": "https://invoice.stripe.com/i/acct_1/in_118",
        "next_payment_attempt": null, "status_transitions": {"finalized_at": 1_788_300_000, "paid_at": null}, "something_new": {"a": 1.5}})
}

fn document(kind: &str, object: Value) -> SourceInvoice {
    match stripe(&[SECRET]).read(&event(kind, object)).unwrap().remove(0).what {
        What::Whole(snapshot) => snapshot.document,
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_an_intact_recent_and_own_signature_passes() {
    let now = DateTime::from_timestamp(SIGNED_AT, 0).unwrap();
    let good = format!("t={SIGNED_AT},v1={SIGNATURE}");
    let adapter = stripe(&["whsec_other", SECRET]);
    assert_eq!(adapter.verify(&signed(&good, BODY), now), Ok(()));
    let several = format!("t={SIGNED_AT},v1={},v0=00,v1={SIGNATURE}", "0".repeat(64));
    assert_eq!(adapter.verify(&signed(&several, BODY), now), Ok(()));
    for late in [301, -301] {
        assert_eq!(adapter.verify(&signed(&good, BODY), now + TimeDelta::seconds(late)), Err(Unverified::Stale));
    }
    assert_eq!(adapter.verify(&signed(&good, r#"{"id":"evt_2"}"#), now), Err(Unverified::Mismatch));
    assert_eq!(stripe(&["whsec_other"]).verify(&signed(&good, BODY), now), Err(Unverified::Mismatch));
    let moved = format!("t={},v1={SIGNATURE}", SIGNED_AT + 1);
    assert_eq!(adapter.verify(&signed(&moved, BODY), now), Err(Unverified::Mismatch));
    for malformed in ["", "t=x,v1=00", "v1=00", "t"] {
        assert_eq!(adapter.verify(&signed(malformed, BODY), now), Err(Unverified::Malformed(HEADER)), "{malformed}");
    }
    assert_eq!(adapter.verify(&signed(&format!("t={SIGNED_AT}"), BODY), now), Err(Unverified::Mismatch));
    assert!(Stripe::open(Access { settings: Default::default(), credentials: Default::default() }).is_err());
}

#[test]
fn an_invoice_is_read_whole() {
    let read = document("invoice.finalized", invoice());
    assert_eq!(
        (read.number.as_str(), read.status, read.total, read.left(), read.amount_paid),
        ("A3F-0118", SourceStatus::Open, 120_000, 100_000, Some(20_000))
    );
    assert_eq!(read.issue_date.to_string(), "2026-09-01");
    assert_eq!(read.due_date.unwrap().to_string(), "2026-10-02");
    assert_eq!(read.updated_at.unwrap().timestamp(), 1_790_000_100);
    assert_eq!(read.payment_link.as_deref(), Some("https://invoice.stripe.com/i/acct_1/in_118"));
    assert_eq!((read.collect_on, read.check().0.len()), (None, 0));
    let customer = read.customer;
    assert_eq!(
        (customer.external_id.as_str(), customer.name.as_deref(), customer.vat_id.as_deref()),
        ("cus_9", Some("Garage Dupont"), Some("FR40303265045"))
    );
    assert_eq!((customer.email.unwrap().as_str(), customer.address.city.as_deref()), ("accounts@dupont.example", Some("Lille")));
    assert_eq!(customer.country.unwrap().as_str(), "FR");
}

#[test]
fn what_is_charged_by_itself_is_silent_until_then() {
    let mut object = invoice();
    object["collection_method"] = json!("charge_automatically");
    object["due_date"] = json!(null);
    object["next_payment_attempt"] = json!(1_790_300_000);
    let read = document("invoice.payment_failed", object.clone());
    assert_eq!(read.collect_on.unwrap().to_string(), "2026-09-25");
    assert_eq!(read.due_date, Some(read.issue_date));
    object["status"] = json!("paid");
    assert_eq!(document("invoice.paid", object).collect_on, None);
}

#[test]
fn every_state_and_currency_has_its_meaning() {
    for (word, status) in [("void", SourceStatus::Void), ("paid", SourceStatus::Paid), ("uncollectible", SourceStatus::Uncollectible)] {
        let mut object = invoice();
        object["status"] = json!(word);
        assert_eq!(document("invoice.updated", object).status, status);
    }
    for (code, given, minor) in [("jpy", 5_000, 5_000), ("isk", 50_000, 500), ("mga", 70, 7_000), ("tnd", 12_340, 12_340)] {
        let mut object = invoice();
        object["currency"] = json!(code);
        for field in ["total", "amount_remaining", "amount_paid"] {
            object[field] = json!(given);
        }
        assert_eq!(document("invoice.updated", object).total, minor, "{code}");
    }
    let mut odd = invoice();
    odd["currency"] = json!("isk");
    odd["total"] = json!(50_001);
    assert!(stripe(&[SECRET]).read(&event("invoice.updated", odd)).is_err());
}

#[test]
fn a_credit_note_counts_as_far_as_it_came_before_payment() {
    let note = json!({"id": "cn_4", "object": "credit_note", "number": "A3F-0118-CN-01", "status": "issued", "currency": "eur", "total": 5_000, "created": 1_789_000_000,
        "invoice": "in_118", "customer": "cus_9", "pre_payment_amount": 3_000, "post_payment_amount": 2_000});
    let read = document("credit_note.created", note.clone());
    assert_eq!(
        (read.kind, read.total, read.credits.clone()),
        (SourceKind::CreditNote, 3_000, vec![SourceShare { external_id: "in_118".to_owned(), amount: 3_000 }])
    );
    assert_eq!(read.customer.name, None);
    let mut after = note;
    after["pre_payment_amount"] = json!(0);
    let what = stripe(&[SECRET]).read(&event("credit_note.created", after)).unwrap().remove(0).what;
    assert!(matches!(what, What::Nothing(_)));
}

#[test]
fn what_is_no_invoice_means_nothing() {
    for (kind, object) in
        [("charge.succeeded", json!({"object": "charge"})), ("invoice.created", json!({"object": "invoice", "status": "draft"}))]
    {
        let what = stripe(&[SECRET]).read(&event(kind, object)).unwrap().remove(0).what;
        assert!(matches!(what, What::Nothing(_)), "{kind}");
    }
}

#[test]
fn any_bytes_are_read_or_refused() {
    let adapter = stripe(&[SECRET]);
    let whole = event("invoice.finalized", invoice()).body;
    bench::fuzz(&bench::damaged(whole), |bytes| drop(adapter.read(&bench::inbound("https://api.example.com/in", &[], &bytes))));
    bench::fuzz(&any::<Vec<u8>>(), |bytes| drop(adapter.read(&bench::inbound("https://api.example.com/in", &[], &bytes))));
    let now = DateTime::from_timestamp(SIGNED_AT, 0).unwrap();
    bench::fuzz(&any::<String>(), |header| {
        let _verdict = adapter.verify(&signed(&header, BODY), now);
    });
}
