//! UBL 2.1 invoices and credit notes, by the syntax binding of EN 16931 (CEN/TS 16931-3-2).

use super::{Identifier, InvoiceFile, MAX_REPEATED, Parts, Party, PaymentMeans, Syntax, account};
use crate::domain::{
    import::{fields::Fields, xml::Element},
    invalid::Faults,
    ledger::invoice::NewInstalment,
    money::Currency,
};

/// Reads an `Invoice` or a `CreditNote`.
pub(super) fn read(root: Element<'_>) -> Result<InvoiceFile, Faults> {
    let mut fields = Fields::default();
    let place = format!("/{}", root.name());
    let credit_note = root.name() == "CreditNote";
    let type_path = if credit_note { "CreditNoteTypeCode" } else { "InvoiceTypeCode" };
    let type_code = fields.text(Some(root), &[type_path]);
    let currency = fields.required(root, &place, "DocumentCurrencyCode", "EUR");
    let currency = currency.and_then(|code| fields.currency(&format!("{place}/DocumentCurrencyCode"), &code));
    let totals = root.at("LegalMonetaryTotal");
    let mut total =
        |path: &str| currency.and_then(|currency| fields.amount(totals, &format!("{place}/LegalMonetaryTotal"), path, currency));
    let (net, gross) = (total("TaxExclusiveAmount"), total("TaxInclusiveAmount"));
    let (prepaid, due) = (total("PrepaidAmount"), total("PayableAmount"));
    if totals.and_then(|totals| totals.at("PayableAmount")).is_none() {
        fields.wrong(
            &format!("{place}/LegalMonetaryTotal/PayableAmount"),
            "required",
            "missing; write what is left to pay, such as 120.00",
        );
    }
    let number = fields.required(root, &place, "ID", "F-2026-118");
    let issue_date = fields.date(Some(root), &place, "IssueDate");
    if root.text_at("IssueDate").is_none() {
        fields.wrong(&format!("{place}/IssueDate"), "required", "missing or empty; write a day such as 2026-03-01");
    }
    let delivery_date = fields.date(root.at("Delivery"), &format!("{place}/Delivery"), "ActualDeliveryDate");
    let due_dates = due_dates(&mut fields, root, &place);
    let terms: Vec<String> = root.all("PaymentTerms").take(MAX_REPEATED).filter_map(|terms| fields.note(Some(terms), &["Note"])).collect();
    let means = root.all("PaymentMeans").take(MAX_REPEATED).map(|one| payment_means(&mut fields, one)).collect();
    let preceding = root.all("BillingReference").take(MAX_REPEATED);
    let preceding =
        preceding.filter_map(|one| fields.text(Some(one), &["InvoiceDocumentReference/ID", "CreditNoteDocumentReference/ID"])).collect();
    let party = |fields: &mut Fields, path: &str| root.at(path).map(|one| party(fields, one)).unwrap_or_default();
    let buyer = party(&mut fields, "AccountingCustomerParty/Party");
    if buyer.name.is_none() {
        let path = format!("{place}/AccountingCustomerParty/Party/PartyLegalEntity/RegistrationName");
        fields.wrong(&path, "required", "missing or empty; write the buyer's name");
    }
    let parts = Parts {
        root,
        syntax: Syntax::Ubl,
        profile: fields.text(Some(root), &["CustomizationID"]),
        type_code: type_code.or_else(|| Some(if credit_note { "381" } else { "380" }.to_owned())),
        number,
        issue_date,
        delivery_date,
        due_dates,
        instalments: instalments(&mut fields, root, &place, currency),
        terms: (!terms.is_empty()).then(|| terms.join("\n")),
        currency,
        net,
        gross,
        prepaid,
        due,
        seller: party(&mut fields, "AccountingSupplierParty/Party"),
        buyer,
        payee: fields.text(root.at("PayeeParty"), &["PartyName/Name", "PartyLegalEntity/RegistrationName"]),
        buyer_reference: fields.text(Some(root), &["BuyerReference"]),
        order_reference: fields.text(root.at("OrderReference"), &["ID"]),
        preceding,
        means,
    };
    parts.whole(fields.faults)
}

/// BT-9: of an invoice its own element; of a credit note, and of older invoices, with the means of payment.
fn due_dates(fields: &mut Fields, root: Element<'_>, place: &str) -> Vec<chrono::NaiveDate> {
    if let Some(date) = fields.date(Some(root), place, "DueDate") {
        return vec![date];
    }
    let means = root.all("PaymentMeans").take(MAX_REPEATED).map(|one| (one, "PaymentMeans"));
    let terms = root.all("PaymentTerms").take(MAX_REPEATED).map(|one| (one, "PaymentTerms"));
    means.chain(terms).filter_map(|(one, name)| fields.date(Some(one), &format!("{place}/{name}"), "PaymentDueDate")).collect()
}

/// Terms that give an amount and its own date.
fn instalments(fields: &mut Fields, root: Element<'_>, place: &str, currency: Option<Currency>) -> Vec<NewInstalment> {
    let (Some(currency), place) = (currency, format!("{place}/PaymentTerms")) else { return Vec::new() };
    let part = |terms: Element<'_>| {
        let due_date = fields.date(Some(terms), &place, "PaymentDueDate")?;
        Some(NewInstalment { due_date, amount: fields.amount(Some(terms), &place, "Amount", currency)? })
    };
    root.all("PaymentTerms").take(MAX_REPEATED).filter_map(part).collect()
}

fn payment_means(fields: &mut Fields, means: Element<'_>) -> PaymentMeans {
    PaymentMeans {
        code: fields.text(Some(means), &["PaymentMeansCode"]),
        remittance: fields.text(Some(means), &["PaymentID"]),
        account: account(fields.text(Some(means), &["PayeeFinancialAccount/ID"])),
        mandate: fields.text(Some(means), &["PaymentMandate/ID"]),
        debited_account: account(fields.text(Some(means), &["PaymentMandate/PayerFinancialAccount/ID"])),
    }
}

fn party(fields: &mut Fields, party: Element<'_>) -> Party {
    let here = Some(party);
    let tax = party.all("PartyTaxScheme").take(MAX_REPEATED);
    // A registration with the tax office that is no VAT number has another scheme; a scheme that is not named is VAT.
    let vat =
        tax.filter(|one| matches!(one.text_at("TaxScheme/ID"), Some("VAT") | None)).find_map(|one| fields.text(Some(one), &["CompanyID"]));
    let numbers = party.all("PartyIdentification").take(MAX_REPEATED).filter_map(|one| one.at("ID"));
    let numbers: Vec<Element<'_>> = numbers.chain(party.at("PartyLegalEntity/CompanyID")).collect();
    let lines = ["PostalAddress/StreetName", "PostalAddress/AdditionalStreetName", "PostalAddress/AddressLine/Line"];
    Party {
        name: fields.text(here, &["PartyLegalEntity/RegistrationName", "PartyName/Name"]),
        vat_id: vat,
        identifiers: numbers.into_iter().filter_map(|one| identifier(fields, one)).collect(),
        endpoint: party.at("EndpointID").and_then(|one| identifier(fields, one)),
        address_lines: lines.iter().filter_map(|line| fields.text(here, &[line])).collect(),
        postal_code: fields.text(here, &["PostalAddress/PostalZone"]),
        city: fields.text(here, &["PostalAddress/CityName"]),
        country: fields.text(here, &["PostalAddress/Country/IdentificationCode"]),
        contact_name: fields.text(here, &["Contact/Name"]),
        phone: fields.text(here, &["Contact/Telephone"]),
        email: fields.text(here, &["Contact/ElectronicMail"]),
    }
}

/// The number in an element, with the scheme in its attribute.
pub(super) fn identifier(fields: &mut Fields, element: Element<'_>) -> Option<Identifier> {
    let value = fields.own_text(element)?;
    let scheme = element.attribute("schemeID").map(crate::domain::import::fields::short).filter(|scheme| !scheme.is_empty());
    Some(Identifier { scheme, value })
}
