//! Invoices made by hand: each element once, every fault at once, and what must never be read.

mod samples;

use super::*;
use crate::domain::import::{fuzz::foreign, pdf};

const UBL: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<x:Invoice xmlns:x="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2" xmlns:cbc="urn:c" xmlns:cac="urn:a">
  <cbc:CustomizationID>urn:example:of-no-profile-known</cbc:CustomizationID>
  <cbc:ID> F-2026-118 </cbc:ID><cbc:IssueDate>2026-03-01</cbc:IssueDate><cbc:DueDate>2026-03-31+01:00</cbc:DueDate>
  <cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode><cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
  <cbc:BuyerReference>DEPT-4</cbc:BuyerReference><cac:OrderReference><cbc:ID>PO-77</cbc:ID></cac:OrderReference>
  <cac:BillingReference><cac:InvoiceDocumentReference><cbc:ID>F-2026-100</cbc:ID></cac:InvoiceDocumentReference></cac:BillingReference>
  <cac:AccountingSupplierParty><cac:Party><cac:PartyLegalEntity><cbc:RegistrationName>Atelier Durand</cbc:RegistrationName></cac:PartyLegalEntity></cac:Party></cac:AccountingSupplierParty>
  <cac:AccountingCustomerParty><cac:Party>
    <cbc:EndpointID schemeID="0208">0123456789</cbc:EndpointID>
    <cac:PartyIdentification><cbc:ID schemeID="0088">5400000000017</cbc:ID></cac:PartyIdentification>
    <cac:PartyName><cbc:Name>Garage</cbc:Name></cac:PartyName>
    <cac:PostalAddress><cbc:StreetName>3 rue du Port</cbc:StreetName><cbc:CityName>Lille</cbc:CityName><cbc:PostalZone>59000</cbc:PostalZone>
      <cac:Country><cbc:IdentificationCode>FR</cbc:IdentificationCode></cac:Country></cac:PostalAddress>
    <cac:PartyTaxScheme><cbc:CompanyID>77/123</cbc:CompanyID><cac:TaxScheme><cbc:ID>FC</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>
    <cac:PartyTaxScheme><cbc:CompanyID>FR32123456789</cbc:CompanyID><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>
    <cac:PartyLegalEntity><cbc:RegistrationName>Garage Dupont &amp; fils</cbc:RegistrationName><cbc:CompanyID schemeID="0002">123456789</cbc:CompanyID></cac:PartyLegalEntity>
    <cac:Contact><cbc:Name>Anne Martin</cbc:Name><cbc:Telephone>+33 6 12 34 56 78</cbc:Telephone><cbc:ElectronicMail>anne@client.example</cbc:ElectronicMail></cac:Contact>
  </cac:Party></cac:AccountingCustomerParty>
  <cac:PayeeParty><cac:PartyName><cbc:Name>Affacturage SA</cbc:Name></cac:PartyName></cac:PayeeParty>
  <cac:Delivery><cbc:ActualDeliveryDate>2026-02-27</cbc:ActualDeliveryDate></cac:Delivery>
  <cac:PaymentMeans><cbc:PaymentMeansCode>58</cbc:PaymentMeansCode><cbc:PaymentID>RF18539007547034</cbc:PaymentID>
    <cac:PayeeFinancialAccount><cbc:ID>FR76 3000 6000 0112 3456 7890 189</cbc:ID></cac:PayeeFinancialAccount></cac:PaymentMeans>
  <cac:PaymentTerms><cbc:Note>2 % discount within 10 days, 60 days net</cbc:Note></cac:PaymentTerms>
  <cac:LegalMonetaryTotal><cbc:TaxExclusiveAmount currencyID="EUR">1000.00</cbc:TaxExclusiveAmount><cbc:TaxInclusiveAmount currencyID="EUR">1200.00</cbc:TaxInclusiveAmount>
    <cbc:PrepaidAmount currencyID="EUR">200.00</cbc:PrepaidAmount><cbc:PayableAmount currencyID="EUR">1000.000</cbc:PayableAmount></cac:LegalMonetaryTotal>
</x:Invoice>"#;

const CII: &str = r#"<CrossIndustryInvoice xmlns="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100">
  <ExchangedDocument><ID>A-7</ID><TypeCode>384</TypeCode><IssueDateTime><DateTimeString format="102">20260301</DateTimeString></IssueDateTime></ExchangedDocument>
  <SupplyChainTradeTransaction>
    <ApplicableHeaderTradeAgreement><BuyerTradeParty><ID>K-1</ID><GlobalID schemeID="0088">4000001123452</GlobalID><Name>Kunde GmbH</Name>
      <PostalTradeAddress><PostcodeCode>10115</PostcodeCode><LineOne>Hof 2</LineOne><LineTwo>Haus 3</LineTwo><CityName>Berlin</CityName><CountryID>DE</CountryID></PostalTradeAddress>
      <URIUniversalCommunication><URIID schemeID="EM">rechnung@kunde.example</URIID></URIUniversalCommunication></BuyerTradeParty></ApplicableHeaderTradeAgreement>
    <ApplicableHeaderTradeSettlement><PaymentReference>A-7</PaymentReference><InvoiceCurrencyCode>CHF</InvoiceCurrencyCode>
      <SpecifiedTradePaymentTerms><Description>30 Tage</Description><DirectDebitMandateID>M-1</DirectDebitMandateID></SpecifiedTradePaymentTerms>
      <SpecifiedTradeSettlementHeaderMonetarySummation><TaxBasisTotalAmount>-100</TaxBasisTotalAmount><GrandTotalAmount>-108.1</GrandTotalAmount>
        <DuePayableAmount>-108.10</DuePayableAmount></SpecifiedTradeSettlementHeaderMonetarySummation></ApplicableHeaderTradeSettlement>
  </SupplyChainTradeTransaction></CrossIndustryInvoice>"#;

fn only(text: &str) -> InvoiceFile {
    read(text.as_bytes()).unwrap()
}

fn faults(text: &str) -> Vec<(String, &'static str)> {
    read(text.as_bytes()).unwrap_err().0.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
}

#[test]
fn ubl_is_read_whatever_its_profile() {
    let invoice = only(UBL);
    assert_eq!((invoice.syntax, invoice.number.as_str(), invoice.kind), (Syntax::Ubl, "F-2026-118", DocumentKind::Invoice));
    assert_eq!(
        invoice.due,
        Some(DueOn { date: "2026-03-31".parse().unwrap(), source: DueDateSource::Given }),
        "a date is believed before words"
    );
    assert_eq!(invoice.totals, Totals { net: Some(100_000), gross: 120_000, prepaid: 20_000, due: 100_000 });
    assert_eq!(
        (invoice.discounts.len(), invoice.discounts[0].days, invoice.delivery_date.unwrap().to_string()),
        (1, 10, "2026-02-27".to_owned())
    );
    let buyer = &invoice.buyer;
    assert_eq!((buyer.name.as_deref(), buyer.vat_id.as_deref()), (Some("Garage Dupont & fils"), Some("FR32123456789")));
    let numbers: Vec<(&str, &str)> =
        buyer.identifiers.iter().map(|one| (one.scheme.as_deref().unwrap_or(""), one.value.as_str())).collect();
    assert_eq!(numbers, [("0088", "5400000000017"), ("0002", "123456789")]);
    assert_eq!(
        (buyer.endpoint.as_ref().unwrap().scheme.as_deref(), buyer.address_lines.as_slice()),
        (Some("0208"), ["3 rue du Port".to_owned()].as_slice())
    );
    assert_eq!((buyer.phone.as_deref(), buyer.email.as_deref()), (Some("+33 6 12 34 56 78"), Some("anne@client.example")));
    assert_eq!((invoice.payee.as_deref(), invoice.preceding.as_slice()), (Some("Affacturage SA"), ["F-2026-100".to_owned()].as_slice()));
    assert_eq!((invoice.means[0].iban(), invoice.means[0].is_direct_debit()), (Some("FR7630006000011234567890189"), false));
    assert_eq!(invoice.seller.name.as_deref(), Some("Atelier Durand"));
}

#[test]
fn cii_is_read_and_a_negative_correction_gives_money_up() {
    let invoice = only(CII);
    assert_eq!(
        (invoice.syntax, invoice.kind, invoice.totals.due, invoice.currency.as_str()),
        (Syntax::Cii, DocumentKind::CreditNote, 10_810, "CHF")
    );
    assert_eq!(invoice.due, Some(DueOn { date: "2026-03-31".parse().unwrap(), source: DueDateSource::Terms }));
    assert!(invoice.means[0].is_direct_debit() && invoice.means[0].mandate.as_deref() == Some("M-1"));
    assert_eq!(invoice.buyer.address_lines, ["Hof 2", "Haus 3"]);
    assert_eq!(invoice.buyer.endpoint.unwrap().value, "rechnung@kunde.example");
}

#[test]
fn the_kind_follows_from_the_code_and_the_sign() {
    use DocumentKind::{CreditNote, Deposit, Invoice};
    for (code, gross, due, kind) in [
        ("380", 100, 100, Invoice),
        ("380", 100, -50, CreditNote),
        ("384", -100, -100, CreditNote),
        ("384", 100, 100, Invoice),
        ("389", 100, 0, Invoice),
        ("386", 100, 100, Deposit),
        ("381", 100, 100, CreditNote),
        ("381", -100, -100, CreditNote),
    ] {
        assert_eq!(kind_of(code, gross, due), kind, "{code} {gross} {due}");
    }
    let note = UBL
        .replace("x:Invoice", "x:CreditNote")
        .replace("Invoice-2", "CreditNote-2")
        .replace("InvoiceTypeCode", "CreditNoteTypeCode")
        .replace(">380<", ">381<");
    let note = note
        .replace("<cbc:DueDate>2026-03-31+01:00</cbc:DueDate>", "")
        .replace("<cbc:PaymentID>", "<cbc:PaymentDueDate>2026-04-15</cbc:PaymentDueDate><cbc:PaymentID>");
    let note = only(&note);
    assert_eq!((note.kind, note.due.unwrap().date.to_string(), note.totals.due), (CreditNote, "2026-04-15".to_owned(), 100_000));
}

#[test]
fn every_fault_is_told_at_once() {
    let wrong = UBL
        .replace("<cbc:ID> F-2026-118 </cbc:ID>", "<cbc:ID/>")
        .replace(">2026-03-01<", ">2026-02-30<")
        .replace(">2026-03-31+01:00<", ">31.3.2026<")
        .replace("Garage Dupont &amp; fils", "")
        .replace("<cac:PartyName><cbc:Name>Garage</cbc:Name></cac:PartyName>", "")
        .replace(">1200.00<", ">1.200,00<")
        .replace("currencyID=\"EUR\">200.00", "currencyID=\"USD\">200.00")
        .replace(">1000.000<", ">1000.001<");
    let mut found = faults(&wrong);
    found.sort();
    let expected = [
        ("/Invoice/AccountingCustomerParty/Party/PartyLegalEntity/RegistrationName", "required"),
        ("/Invoice/DueDate", "wrong_format"),
        ("/Invoice/ID", "required"),
        ("/Invoice/IssueDate", "wrong_format"),
        ("/Invoice/LegalMonetaryTotal/PayableAmount", "wrong_format"),
        ("/Invoice/LegalMonetaryTotal/PrepaidAmount", "contradiction"),
        ("/Invoice/LegalMonetaryTotal/TaxInclusiveAmount", "wrong_format"),
    ];
    assert_eq!(found, expected.map(|(place, code)| (place.to_owned(), code)));
    let message = read(wrong.as_bytes()).unwrap_err().to_string();
    assert!(message.contains("\"2026-02-30\" is no date; write a day of the calendar, such as 2026-03-31"), "{message}");
    let bare = "<CrossIndustryInvoice><ExchangedDocument/></CrossIndustryInvoice>";
    assert_eq!(faults(bare).len(), 5, "{:?}", faults(bare));
    assert_eq!(faults(&UBL.replace(">EUR<", ">EURO<"))[0].0, "/Invoice/DocumentCurrencyCode");
    assert_eq!(faults(&UBL.replace("PayableAmount", "PayAmount")), [("/Invoice/LegalMonetaryTotal/PayableAmount".to_owned(), "required")]);
}

#[test]
fn an_envelope_is_opened() {
    let (_, invoice) = UBL.split_once("?>").unwrap();
    let enveloped = format!(
        "<StandardBusinessDocument xmlns='urn:sbd'><StandardBusinessDocumentHeader><Invoices/></StandardBusinessDocumentHeader>{invoice}</StandardBusinessDocument>"
    );
    assert_eq!(only(&enveloped), only(UBL));
    assert_eq!(faults("<StandardBusinessDocument/>")[0].0, "/StandardBusinessDocument");
}

#[test]
fn what_is_no_invoice_is_named() {
    for (text, place, code) in [
        ("<html/>", "/html", "wrong_type"),
        ("<Invoice xmlns='urn:somebody:else'/>", "/Invoice", "wrong_type"),
        ("<CrossIndustryDocument/>", "/CrossIndustryDocument", "wrong_type"),
        ("a;b;c", "", "wrong_format"),
        ("", "", "required"),
        ("<!DOCTYPE Invoice [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><Invoice>&a;</Invoice>", "", "doctype"),
    ] {
        assert_eq!(faults(text), [(place.to_owned(), code)], "{text}");
    }
    assert_eq!(read(UBL.replace("DEPT-4", &"x".repeat(600)).as_bytes()).unwrap_err().0[0].code, "too_long");
}

#[test]
fn parts_with_dates_are_instalments_if_they_are_the_whole() {
    let parts = |first: &str, second: &str| {
        let part = |date: &str, amount: &str| {
            format!(
                "<SpecifiedTradePaymentTerms><DueDateDateTime><DateTimeString format='102'>{date}</DateTimeString></DueDateDateTime><PartialPaymentAmount>{amount}</PartialPaymentAmount></SpecifiedTradePaymentTerms>"
            )
        };
        let both = part("20260501", second) + &part("20260401", first);
        only(
            &CII.replace(">-1", ">1")
                .replace("<SpecifiedTradePaymentTerms><Description>30 Tage</Description>", &(both + "<SpecifiedTradePaymentTerms>")),
        )
    };
    let told = |invoice: &InvoiceFile| invoice.instalments.iter().map(|one| format!("{} {}", one.due_date, one.amount)).collect::<Vec<_>>();
    let whole = parts("58.10", "50.00");
    assert_eq!(told(&whole), ["2026-04-01 5810", "2026-05-01 5000"]);
    assert_eq!(whole.due.unwrap().date.to_string(), "2026-05-01", "the last day is the one on which all of it is due");
    assert_eq!(told(&parts("58.10", "49.00")), Vec::<String>::new());
    let terms = |date: &str, amount: &str| {
        format!(
            "<cac:PaymentTerms><cbc:Amount currencyID='EUR'>{amount}</cbc:Amount><cbc:PaymentDueDate>{date}</cbc:PaymentDueDate></cac:PaymentTerms>"
        )
    };
    let ubl = UBL
        .replace("<cbc:DueDate>2026-03-31+01:00</cbc:DueDate>", "")
        .replace("<cac:LegalMonetaryTotal>", &(terms("2026-04-01", "400") + &terms("2026-05-01", "600") + "<cac:LegalMonetaryTotal>"));
    assert_eq!(told(&only(&ubl)), ["2026-04-01 40000", "2026-05-01 60000"]);
}

#[test]
fn latin_invoices_are_read() {
    let text = UBL.replace("encoding=\"UTF-8\"", "encoding=\"ISO-8859-1\"").replace("Anne Martin", "Ren\u{e9}e");
    let bytes: Vec<u8> = text.chars().map(|one| u8::try_from(u32::from(one)).unwrap()).collect();
    assert_eq!(read(&bytes).unwrap().buyer.contact_name.as_deref(), Some("Renée"));
}

#[test]
fn the_invoice_in_a_pdf_is_found_by_its_name_or_as_the_only_one() {
    let pdf = |name: &str, content: &str| read(&pdf::tests::attaching(name, content.as_bytes()));
    assert_eq!(pdf("factur-x.xml", CII).unwrap(), only(CII));
    assert_eq!(pdf("ZUGFeRD-invoice.XML", CII).unwrap(), only(CII));
    assert_eq!(pdf("something.xml", UBL).unwrap(), only(UBL));
    assert_eq!(pdf("notes.txt", UBL).unwrap_err().0[0].pointer, "/attachments");
    assert_eq!(pdf("factur-x.xml", "<html/>").unwrap_err().0[0].pointer, "/html");
    let both = |first: (&str, &str), second: (&str, &str)| read(&pdf::tests::attaching_two(first, second));
    assert_eq!(both(("a.xml", UBL), ("factur-x.xml", CII)).unwrap(), only(CII));
    assert_eq!(both(("a.xml", "<html/>"), ("b.xml", CII)).unwrap(), only(CII));
    assert_eq!(both(("a.xml", UBL), ("b.xml", CII)).unwrap_err().0[0].code, "ambiguous");
    assert!(both(("a.xml", "<html/>"), ("b.xml", "<html/>")).unwrap_err().to_string().contains("attached are a.xml, b.xml"));
}

#[test]
fn any_bytes_are_an_invoice_or_a_fault() {
    let pieces: Vec<String> = [UBL, CII].iter().flat_map(|text| text.split_inclusive('>')).map(str::to_owned).collect();
    let chosen = proptest::collection::vec(0..pieces.len(), 0..40);
    foreign((proptest::bool::ANY, 0_usize..4000, 0_usize..60, "\\PC{0,12}", chosen), |(ubl, at, length, with, chosen)| {
        let whole = if ubl { UBL } else { CII };
        let mut bytes = whole.as_bytes().to_vec();
        let at = at.min(bytes.len());
        bytes.splice(at..(at + length).min(whole.len()), with.bytes());
        let shuffled: String = chosen.iter().map(|n| pieces[*n].as_str()).collect();
        let _ = (read(&bytes), read(shuffled.as_bytes()), read(&pdf::tests::attaching("a.xml", &bytes)));
    });
}
