//! Answers after Sage's published description of its interface, with values of our own.

use proptest::prelude::*;

use super::*;
use crate::outbound::{
    bench::inbound,
    connectors::bench::{access, any_bytes, asked, at, bodies, entities, entity, found, header, pair, question, step, whole},
};

fn intacct() -> SageIntacct {
    SageIntacct::open(access(object!({"account": "reader@company|100"}), object!({"refresh_token": null}))).unwrap()
}

fn invoice(changes: Value) -> Value {
    let mut one = object!({"key": "498", "id": "498", "invoiceNumber": "INV-118", "state": "partiallyPaid", "invoiceDate": "2026-10-01", "dueDate": "2026-10-31",
        "totalTxnAmount": "1250.50", "totalTxnAmountDue": "250.25", "currency": {"baseCurrency": "USD", "txnCurrency": "CAD"}, "referenceNumber": "PO 77",
        "paymentInformation": {"fullyPaidDate": null, "totalTxnAmountPaid": "1000.25"}, "customer": {"key": "14", "id": "C-00019", "name": "Haversham"},
        "audit": {"modifiedDateTime": "2026-11-02T10:30:00Z"}, "lines": [{"txnAmount": 1.5}]});
    one.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    object!({"ia::result": one, "ia::meta": {"totalCount": 1}})
}

fn debtor() -> Value {
    object!({"ia::result": {"key": "14", "id": "C-00019", "name": "Haversham Textiles Corp", "taxId": "98-7654321", "contacts": {"default": {"key": "176", "id": "Haversham"}}}})
}

fn contact() -> Value {
    object!({"ia::result": {"key": "176", "firstName": "Ann", "lastName": "Lee", "email1": "ap@haversham.example", "phone1": "+12125550123",
        "mailingAddress": {"addressLine1": "1 Mill Rd", "city": "Boston", "postCode": "02110", "country": "United States", "isoCountryCode": "US"}}})
}

fn read(changes: Value) -> SourceInvoice {
    whole(&intacct(), &entity(INVOICE, "498"), &[invoice(changes), debtor(), contact()]).document
}

#[test]
fn a_connection_says_all_that_it_lacks() {
    let bare = Access { settings: Default::default(), credentials: Default::default() };
    let pointers: Vec<_> = SageIntacct::open(bare).unwrap_err().0.into_iter().map(|fault| fault.pointer).collect();
    assert_eq!(pointers, ["/credentials/client_id", "/credentials/client_secret", "/settings/account"]);
    let ask = intacct().renewal().unwrap();
    assert_eq!(ask.url, "https://api.intacct.com/ia/api/v1/oauth2/token");
    assert_eq!(
        ask.body.as_deref(),
        Some("grant_type=client_credentials&username=reader%40company%7C100&client_id=app&client_secret=s3cret")
    );
}

#[test]
fn a_trigger_names_a_thing_and_is_believed_no_further() {
    let told = |headers: &[(&str, &str)], body: &str| {
        intacct().read(&inbound("https://api.example.com/in", headers, body.as_bytes())).unwrap().remove(0)
    };
    let one = told(&[("idempotency-key", "k-1")], r#"{"object": "accounts-receivable/invoice", "key": 498, "total": 5}"#);
    assert_eq!((entities(std::slice::from_ref(&one)), one.key.as_str()), (vec![pair(INVOICE, "498")], "trigger/498/k-1"));
    assert_eq!(told(&[], r#"{"object": "accounts-receivable/adjustment", "key": "7", "at": "2026-11-02"}"#).key, "trigger/7/2026-11-02");
    for other in
        [r#"{"object": "accounts-payable/bill", "key": "1"}"#, r#"{"object": "accounts-receivable/invoice", "key": "1/../2"}"#, "{}"]
    {
        assert!(matches!(told(&[], other).what, What::Nothing(_)), "{other}");
    }
    assert!(intacct().read(&inbound("https://api.example.com/in", &[], b"x=1")).is_err());
}

#[test]
fn every_field_of_an_invoice_finds_its_place() {
    let url = |answers: &[Value]| asked(&intacct(), &entity(INVOICE, "498"), answers).url;
    assert_eq!(url(&[]), "https://api.intacct.com/ia/api/v1/objects/accounts-receivable/invoice/498");
    assert_eq!(url(&[invoice(object!({}))]), "https://api.intacct.com/ia/api/v1/objects/accounts-receivable/customer/14");
    assert_eq!(url(&[invoice(object!({})), debtor()]), "https://api.intacct.com/ia/api/v1/objects/company-config/contact/176");
    let snapshot = whole(&intacct(), &entity(INVOICE, "498"), &[invoice(object!({})), debtor(), contact()]);
    let document = snapshot.document;
    assert_eq!(
        (snapshot.external_id.as_str(), document.number.as_str(), document.order_reference.as_deref()),
        ("498", "INV-118", Some("PO 77"))
    );
    assert_eq!((document.kind, document.status, document.currency.as_str()), (SourceKind::Invoice, SourceStatus::Open, "CAD"));
    assert_eq!((document.total, document.amount_due), (125_050, Some(25_025)));
    assert_eq!(
        (document.issue_date.to_string(), document.due_date.unwrap().to_string()),
        ("2026-10-01".to_owned(), "2026-10-31".to_owned())
    );
    assert_eq!(document.updated_at, Some(at("2026-11-02T10:30:00Z")));
    let customer = &document.customer;
    assert_eq!(
        (customer.external_id.as_str(), customer.name.as_deref(), customer.number.as_deref()),
        ("14", Some("Haversham Textiles Corp"), Some("C-00019"))
    );
    assert_eq!(
        (customer.email.as_ref().unwrap().as_str(), customer.phone.as_ref().unwrap().as_str()),
        ("ap@haversham.example", "+12125550123")
    );
    assert_eq!(
        (customer.country.as_ref().unwrap().as_str(), customer.contact_name.as_deref(), customer.vat_id.as_deref()),
        ("US", Some("Ann Lee"), Some("98-7654321"))
    );
    assert_eq!(document.check().0, []);
}

#[test]
fn a_contact_inside_the_customer_saves_a_request() {
    let mut rich = debtor();
    rich["ia::result"]["contacts"]["default"]["email1"] = object!("in@haversham.example");
    let document = whole(&intacct(), &entity(INVOICE, "498"), &[invoice(object!({})), rich]).document;
    assert_eq!(document.customer.email.unwrap().as_str(), "in@haversham.example");
}

#[test]
fn each_state_has_its_meaning() {
    let status = |state: &str| read(object!({"state": state})).status;
    assert_eq!(
        [status("posted"), status("selected"), status("paid"), status("reversed")],
        [SourceStatus::Open, SourceStatus::Open, SourceStatus::Paid, SourceStatus::Void]
    );
    for state in ["draft", "noValue", "reversal"] {
        assert!(matches!(step(&intacct(), &entity(INVOICE, "498"), &[invoice(object!({"state": state}))]), Step::Nothing(_)), "{state}");
    }
    for changes in [
        object!({"state": "new"}),
        object!({"totalTxnAmount": "1.005"}),
        object!({"totalTxnAmountDue": null}),
        object!({"invoiceDate": null}),
        object!({"customer": {"key": "a/b"}}),
    ] {
        assert!(intacct().fetch(&entity(INVOICE, "498"), &bodies(&[invoice(changes.clone()), debtor(), contact()])).is_err(), "{changes}");
    }
}

#[test]
fn an_adjustment_that_gives_up_is_a_credit_note() {
    let adjustment = |kind: &str| {
        object!({"ia::result": {"key": "23", "adjustmentNumber": "ADJ-1", "adjustmentType": kind, "state": "posted", "createdDate": "2026-11-01", "customer": {"key": "14", "name": "Haversham"},
            "txnCurrency": {"currency": "USD", "totalEntered": "-100.00", "totalDue": "-40.00"}}})
    };
    let document = whole(&intacct(), &entity(ADJUSTMENT, "23"), &[adjustment("credit"), debtor(), contact()]).document;
    assert_eq!(
        (document.kind, document.number.as_str(), document.total, document.amount_due),
        (SourceKind::CreditNote, "ADJ-1", 10_000, Some(4_000))
    );
    assert_eq!(document.check().0, []);
    assert!(matches!(step(&intacct(), &entity(ADJUSTMENT, "23"), &[adjustment("debit")]), Step::Nothing(_)));
}

#[test]
fn a_pass_asks_the_query_service() {
    let (adapter, now) = (intacct(), at("2026-11-20T09:00:00Z"));
    let ask = question(adapter.changes(None, &[], now).unwrap());
    assert_eq!((ask.method.as_str(), ask.url.as_str()), ("POST", "https://api.intacct.com/ia/api/v1/services/core/query"));
    assert_eq!((header(&ask, "content-type"), header(&ask, "authorization")), (Some("application/json"), Some("Bearer at-1")));
    let body: Value = serde_json::from_str(ask.body.as_deref().unwrap()).unwrap();
    assert_eq!((&body["object"], &body["start"], body.get("filters")), (&object!(INVOICE), &object!(1), None));
    let rows = object!({"ia::result": [{"key": "498", "state": "posted", "audit.modifiedDateTime": "2026-11-02T10:30:00Z"}, {"key": "499", "state": "paid"}, {"key": "500", "state": "draft"}]});
    let (told, cursor, more) = found(adapter.changes(None, &bodies(&[rows]), now).unwrap());
    assert_eq!((told, more), (vec![pair(INVOICE, "498")], true));
    let (_, cursor, more) = found(adapter.changes(Some(&cursor), &bodies(&[object!({"ia::result": []})]), now).unwrap());
    assert!(!more);
    let ask = question(adapter.changes(Some(&cursor), &[], now).unwrap());
    let body: Value = serde_json::from_str(ask.body.as_deref().unwrap()).unwrap();
    assert_eq!(body["filters"], object!([{"$gte": {"audit.modifiedDateTime": "2026-11-20T08:55:00Z"}}]));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        any_bytes(&intacct(), &[INVOICE, ADJUSTMENT], &bytes);
    }

    #[test]
    fn any_bytes_in_the_middle_of_an_invoice_are_read_or_refused(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = invoice(object!({})).to_string().into_bytes();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        any_bytes(&intacct(), &[INVOICE, ADJUSTMENT], &bytes);
    }
}
