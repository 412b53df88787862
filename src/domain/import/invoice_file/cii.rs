//! UN/CEFACT Cross Industry Invoices (D16B and later), by the syntax binding of EN 16931 (CEN/TS 16931-3-3): what Factur-X and ZUGFeRD hold.

use chrono::NaiveDate;

use super::{InvoiceFile, MAX_REPEATED, Parts, Party, PaymentMeans, Syntax, account, ubl::identifier};
use crate::domain::{
    import::{
        fields::{Fields, short, xml_date},
        xml::Element,
    },
    invalid::Faults,
    ledger::invoice::NewInstalment,
    money::Currency,
};

/// Where what is agreed, delivered and settled stand.
const SETTLEMENT: &str = "/CrossIndustryInvoice/SupplyChainTradeTransaction/ApplicableHeaderTradeSettlement";
const AGREEMENT: &str = "/CrossIndustryInvoice/SupplyChainTradeTransaction/ApplicableHeaderTradeAgreement";
const DOCUMENT: &str = "/CrossIndustryInvoice/ExchangedDocument";

/// Reads a `CrossIndustryInvoice`.
pub(super) fn read(root: Element<'_>) -> Result<InvoiceFile, Faults> {
    let mut fields = Fields::default();
    let header = root.at("ExchangedDocument");
    let trade = root.at("SupplyChainTradeTransaction");
    let within = |name: &str| trade.and_then(|trade| trade.at(name));
    let (agreement, settlement) = (within("ApplicableHeaderTradeAgreement"), within("ApplicableHeaderTradeSettlement"));
    let delivered = within("ApplicableHeaderTradeDelivery");
    for (part, place) in [(header, DOCUMENT), (agreement, AGREEMENT), (settlement, SETTLEMENT)] {
        if part.is_none() {
            fields.wrong(place, "required", "missing: every invoice of EN 16931 has it");
        }
    }
    let number = header.and_then(|header| fields.required(header, DOCUMENT, "ID", "F-2026-118"));
    let type_code = header.and_then(|header| fields.required(header, DOCUMENT, "TypeCode", "380"));
    let issue_date = date(&mut fields, header, DOCUMENT, "IssueDateTime");
    if header.is_some_and(|header| header.at("IssueDateTime").is_none()) {
        fields.wrong(&format!("{DOCUMENT}/IssueDateTime"), "required", "missing; write a DateTimeString of format 102 such as 20260301");
    }
    let currency = settlement.and_then(|one| fields.required(one, SETTLEMENT, "InvoiceCurrencyCode", "EUR"));
    let currency = currency.and_then(|code| fields.currency(&format!("{SETTLEMENT}/InvoiceCurrencyCode"), &code));
    let name = "SpecifiedTradeSettlementHeaderMonetarySummation";
    let totals = settlement.and_then(|one| one.at(name));
    let mut total = |path: &str| currency.and_then(|currency| fields.amount(totals, &format!("{SETTLEMENT}/{name}"), path, currency));
    let (net, gross) = (total("TaxBasisTotalAmount"), total("GrandTotalAmount"));
    let (prepaid, due) = (total("TotalPrepaidAmount"), total("DuePayableAmount"));
    if settlement.is_some() && totals.and_then(|totals| totals.at("DuePayableAmount")).is_none() {
        fields.wrong(&format!("{SETTLEMENT}/{name}/DuePayableAmount"), "required", "missing; write what is left to pay, such as 120.00");
    }
    let terms = terms(&mut fields, settlement, currency);
    let party = |fields: &mut Fields, name: &str| agreement.and_then(|one| one.at(name)).map(|one| party(fields, one)).unwrap_or_default();
    let buyer = party(&mut fields, "BuyerTradeParty");
    if agreement.is_some() && buyer.name.is_none() {
        fields.wrong(&format!("{AGREEMENT}/BuyerTradeParty/Name"), "required", "missing or empty; write the buyer's name");
    }
    let preceding = settlement.into_iter().flat_map(|one| one.all("InvoiceReferencedDocument")).take(MAX_REPEATED);
    let parts = Parts {
        root,
        syntax: Syntax::Cii,
        profile: fields.text(root.at("ExchangedDocumentContext"), &["GuidelineSpecifiedDocumentContextParameter/ID"]),
        type_code,
        number,
        issue_date,
        delivery_date: date(&mut fields, delivered, "…/ApplicableHeaderTradeDelivery", "ActualDeliverySupplyChainEvent/OccurrenceDateTime"),
        due_dates: terms.due_dates,
        instalments: terms.instalments,
        terms: (!terms.words.is_empty()).then(|| terms.words.join("\n")),
        currency,
        net,
        gross,
        prepaid,
        due,
        seller: party(&mut fields, "SellerTradeParty"),
        buyer,
        payee: fields.text(settlement, &["PayeeTradeParty/Name"]),
        buyer_reference: fields.text(agreement, &["BuyerReference"]),
        order_reference: fields.text(agreement, &["BuyerOrderReferencedDocument/IssuerAssignedID"]),
        preceding: preceding.filter_map(|one| fields.text(Some(one), &["IssuerAssignedID"])).collect(),
        means: means(&mut fields, settlement, terms.mandate.as_deref()),
    };
    parts.whole(fields.faults)
}

/// A `DateTimeString` of format 102 (`20260301`), or an ISO date, which some write instead.
fn date(fields: &mut Fields, under: Option<Element<'_>>, place: &str, path: &str) -> Option<NaiveDate> {
    let element = under?.at(path)?;
    let raw = element.text_at("DateTimeString").or_else(|| element.text_at("DateTime")).or_else(|| element.text()).unwrap_or_default();
    let compact = || (raw.len() == 8).then(|| NaiveDate::parse_from_str(raw, "%Y%m%d").ok()).flatten();
    let date = compact().or_else(|| xml_date(raw));
    if date.is_none() {
        let detail = format!("{:?} is no date; write a DateTimeString of format 102, a day of the calendar such as 20260331", short(raw));
        fields.wrong(&format!("{place}/{path}"), "wrong_format", detail);
    }
    date
}

/// What all the terms together say. The mandate stands among them.
#[derive(Default)]
struct Terms {
    due_dates: Vec<NaiveDate>,
    instalments: Vec<NewInstalment>,
    words: Vec<String>,
    mandate: Option<String>,
}

fn terms(fields: &mut Fields, settlement: Option<Element<'_>>, currency: Option<Currency>) -> Terms {
    let place = format!("{SETTLEMENT}/SpecifiedTradePaymentTerms");
    let mut found = Terms::default();
    for one in settlement.into_iter().flat_map(|one| one.all("SpecifiedTradePaymentTerms")).take(MAX_REPEATED) {
        let due_date = date(fields, Some(one), &place, "DueDateDateTime");
        let amount = currency.and_then(|currency| fields.amount(Some(one), &place, "PartialPaymentAmount", currency));
        found.due_dates.extend(due_date);
        found.instalments.extend(due_date.zip(amount).map(|(due_date, amount)| NewInstalment { due_date, amount }));
        found.words.extend(fields.note(Some(one), &["Description"]));
        found.mandate = found.mandate.or_else(|| fields.text(Some(one), &["DirectDebitMandateID"]));
    }
    found
}

/// The means of payment. What is to be quoted and the mandate stand beside them and hold for all; a mandate alone is a means too.
fn means(fields: &mut Fields, settlement: Option<Element<'_>>, mandate: Option<&str>) -> Vec<PaymentMeans> {
    let remittance = fields.text(settlement, &["PaymentReference"]);
    let all = settlement.into_iter().flat_map(|one| one.all("SpecifiedTradeSettlementPaymentMeans")).take(MAX_REPEATED);
    let mut means: Vec<PaymentMeans> = all
        .map(|one| PaymentMeans {
            code: fields.text(Some(one), &["TypeCode"]),
            remittance: remittance.clone(),
            account: account(
                fields.text(Some(one), &["PayeePartyCreditorFinancialAccount/IBANID", "PayeePartyCreditorFinancialAccount/ProprietaryID"]),
            ),
            mandate: mandate.map(str::to_owned),
            debited_account: account(fields.text(Some(one), &["PayerPartyDebtorFinancialAccount/IBANID"])),
        })
        .collect();
    if means.is_empty() && (remittance.is_some() || mandate.is_some()) {
        means.push(PaymentMeans { remittance, mandate: mandate.map(str::to_owned), ..PaymentMeans::default() });
    }
    means
}

fn party(fields: &mut Fields, party: Element<'_>) -> Party {
    let here = Some(party);
    let taxes: Vec<Element<'_>> = party.all("SpecifiedTaxRegistration").take(MAX_REPEATED).filter_map(|one| one.at("ID")).collect();
    let vat = taxes.iter().find(|one| one.attribute("schemeID") == Some("VA")).and_then(|one| fields.own_text(*one));
    let numbers = party.all("ID").chain(party.all("GlobalID")).take(MAX_REPEATED).chain(party.at("SpecifiedLegalOrganization/ID"));
    let numbers: Vec<Element<'_>> = numbers.collect();
    let lines = ["LineOne", "LineTwo", "LineThree"].map(|line| format!("PostalTradeAddress/{line}"));
    let contact = "DefinedTradeContact";
    Party {
        name: fields.text(here, &["Name", "SpecifiedLegalOrganization/TradingBusinessName"]),
        vat_id: vat,
        identifiers: numbers.into_iter().filter_map(|one| identifier(fields, one)).collect(),
        endpoint: party.at("URIUniversalCommunication/URIID").and_then(|one| identifier(fields, one)),
        address_lines: lines.iter().filter_map(|line| fields.text(here, &[line])).collect(),
        postal_code: fields.text(here, &["PostalTradeAddress/PostcodeCode"]),
        city: fields.text(here, &["PostalTradeAddress/CityName"]),
        country: fields.text(here, &["PostalTradeAddress/CountryID"]),
        contact_name: fields.text(here, &[&format!("{contact}/PersonName"), &format!("{contact}/DepartmentName")]),
        phone: fields.text(here, &[&format!("{contact}/TelephoneUniversalCommunication/CompleteNumber")]),
        email: fields.text(here, &[&format!("{contact}/EmailURIUniversalCommunication/URIID")]),
    }
}
