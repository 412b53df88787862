//! Posts after the documentation of Odoo, with values of our own.

use proptest::prelude::any;
use serde_json::json;

use super::*;
use crate::outbound::bench;

fn odoo(currency: Option<&str>) -> Odoo {
    let settings =
        crate::domain::connection::ConnectionSettings { currency: currency.map(|code| code.parse().unwrap()), ..Default::default() };
    Odoo::open(Access { settings, credentials: Default::default() }).unwrap()
}

fn posted(extra: Value) -> Inbound {
    let mut whole = json!({"_action": "Send Webhook Notification(#88)", "_id": 42, "_model": "account.move", "name": "INV/2026/00042", "move_type": "out_invoice",
        "state": "posted", "payment_state": "partial", "invoice_date": "2026-09-01", "invoice_date_due": "2026-10-01", "amount_total": 1_200.5,
        "amount_residual": 200.1, "currency_id": [1, "EUR"], "partner_id": [7, "Garage Dupont"], "reversed_entry_id": false, "payment_reference": "INV/2026/00042",
        "ref": false, "write_date": "2026-09-03 08:15:01"});
    whole.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    bench::inbound("https://api.example.com/in", &[], whole.to_string().as_bytes())
}

fn document(extra: Value) -> SourceInvoice {
    match odoo(None).read(&posted(extra)).unwrap().remove(0).what {
        What::Whole(snapshot) => snapshot.document,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_entry_is_read_whole() {
    let told = odoo(None).read(&posted(json!({}))).unwrap().remove(0);
    assert_eq!(told.key, "42:2026-09-03 08:15:01");
    let read = document(json!({}));
    assert_eq!((read.number.as_str(), read.total, read.left(), read.status), ("INV/2026/00042", 120_050, 20_010, SourceStatus::Open));
    assert_eq!((read.issue_date.to_string(), read.due_date.unwrap().to_string()), ("2026-09-01".to_owned(), "2026-10-01".to_owned()));
    assert_eq!((read.customer.external_id.as_str(), read.customer.name.as_deref()), ("7", Some("Garage Dupont")));
    assert_eq!(read.updated_at.unwrap().to_rfc3339(), "2026-09-03T08:15:01+00:00");
    assert_eq!((read.structured_reference.as_deref(), read.order_reference.as_deref()), (Some("INV/2026/00042"), None));
    assert!(read.check().0.is_empty());
}

#[test]
fn relations_come_in_three_forms() {
    for partner in [json!(7), json!([7, "Azure"]), json!({"id": 7, "display_name": "Azure"})] {
        let read = document(json!({"partner_id": partner, "invoice_partner_display_name": "Azure Interior"}));
        assert_eq!((read.customer.external_id.as_str(), read.customer.name.as_deref()), ("7", Some("Azure Interior")));
    }
    let bare = posted(json!({"currency_id": 1}));
    assert!(odoo(None).read(&bare).is_err(), "a number names no currency");
    assert!(odoo(Some("CHF")).read(&bare).is_ok());
}

#[test]
fn floats_are_rid_of_their_rounding_and_nothing_else_is_rounded() {
    for (written, minor) in
        [("0.30000000000000004", 30), ("1234.5600000000001", 123_456), ("1e3", 100_000), ("99.99999999999999", 10_000), ("-12.5", 1_250)]
    {
        let value = json!({ "amount": written });
        assert_eq!(amount(&value, "/amount", Currency::EUR), Ok(minor), "{written}");
    }
    for wrong in ["1.005", "NaN", "1e40", "", "99999999999999999999"] {
        assert!(amount(&json!({ "amount": wrong }), "/amount", Currency::EUR).is_err(), "{wrong}");
    }
}

#[test]
fn states_have_their_meaning() {
    assert_eq!(document(json!({"state": "cancel"})).status, SourceStatus::Void);
    assert_eq!(document(json!({"payment_state": "in_payment", "amount_residual": 0.0})).left(), 0);
    let reversed = document(json!({"payment_state": "reversed", "amount_residual": 0}));
    assert_eq!((reversed.left(), reversed.amount_paid), (0, Some(0)));
    let note = document(json!({"move_type": "out_refund", "reversed_entry_id": [41, "INV/2026/00041"], "amount_total": -50.0}));
    assert_eq!((note.kind, note.credits), (SourceKind::CreditNote, vec![SourceShare { external_id: "41".to_owned(), amount: 5_000 }]));
    for nothing in [json!({"state": "draft"}), json!({"move_type": "in_invoice"}), json!({"_model": "res.partner"})] {
        let what = odoo(None).read(&posted(nothing.clone())).unwrap().remove(0).what;
        assert!(matches!(what, What::Nothing(_)), "{nothing}");
    }
    assert!(odoo(None).read(&posted(json!({"write_date": false}))).is_err());
}

#[test]
fn any_bytes_are_read_or_refused() {
    let adapter = odoo(Some("EUR"));
    let whole = posted(json!({})).body;
    bench::fuzz(&bench::damaged(whole), |bytes| drop(adapter.read(&bench::inbound("https://api.example.com/in", &[], &bytes))));
    bench::fuzz(&any::<Vec<u8>>(), |bytes| drop(adapter.read(&bench::inbound("https://api.example.com/in", &[], &bytes))));
}
