//! Invoices as files: what a UBL, CII, Factur-X or ZUGFeRD file says, in the terms of EN 16931.
//!
//! All speak of one semantic model, so they are read into one value; a profile (Peppol, XRechnung, a national one) adds rules to the model and
//! never takes the core away, so no file is refused for the profile it names. Lines, tax breakdowns and attachments are not read: what is owed,
//! by whom and when does not depend on them. Invariants: amounts are exact and never negative, the kind says who owes whom; what is due is
//! due on a day that the file itself gives or that follows from its words.

mod cii;
mod terms;
mod ubl;

#[cfg(test)]
mod tests;

use chrono::NaiveDate;

use super::{
    fields::short,
    pdf,
    text::compact,
    xml::{Document, Element},
};
use crate::domain::{
    invalid::Faults,
    ledger::{invoice::NewInstalment, terms::DueDateSource},
    money::Currency,
};

pub use terms::{Discount, Said, said};

/// How many of anything that repeats are kept.
const MAX_REPEATED: usize = 100;

crate::words! {
    /// How a file is written.
    pub enum Syntax {
        /// OASIS UBL 2.1 or later.
        Ubl = "ubl",
        /// UN/CEFACT Cross Industry Invoice.
        Cii = "cii",
    }
}

crate::words! {
    /// What a file asks for.
    pub enum DocumentKind {
        /// Money, for goods or services.
        Invoice = "invoice",
        /// Money in advance.
        Deposit = "deposit",
        /// Nothing: it gives money up.
        CreditNote = "credit_note",
    }
}

/// What an invoice file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceFile {
    /// How it is written.
    pub syntax: Syntax,
    /// The profile that it says it follows (BT-24).
    pub profile: Option<String>,
    /// The number printed on it (BT-1).
    pub number: String,
    /// What it is, in UNTDID 1001 (BT-3): `380`, `381`, `384`.
    pub type_code: String,
    /// What that and the sign of what is to be paid come to.
    pub kind: DocumentKind,
    /// The date printed on it (BT-2).
    pub issue_date: NaiveDate,
    /// The date of the delivery (BT-72).
    pub delivery_date: Option<NaiveDate>,
    /// When it is to be paid, if it says so.
    pub due: Option<DueOn>,
    /// Its parts with a date each, by date, where it gives several that sum to what is left to pay.
    pub instalments: Vec<NewInstalment>,
    /// The payment terms in its own words (BT-20).
    pub terms: Option<String>,
    /// Discounts for paying early that the terms give, in their order.
    pub discounts: Vec<Discount>,
    /// Of all its amounts (BT-5).
    pub currency: Currency,
    /// What it comes to.
    pub totals: Totals,
    /// Who asks (BG-4).
    pub seller: Party,
    /// Who owes (BG-7).
    pub buyer: Party,
    /// Who is to be paid, where that is not the seller (BT-59).
    pub payee: Option<String>,
    /// What the buyer wants quoted (BT-10).
    pub buyer_reference: Option<String>,
    /// The buyer's order (BT-13).
    pub order_reference: Option<String>,
    /// The invoices that it corrects or credits (BT-25).
    pub preceding: Vec<String>,
    /// How it can be paid (BG-16).
    pub means: Vec<PaymentMeans>,
}

/// When an invoice is to be paid, and what says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueOn {
    /// The day.
    pub date: NaiveDate,
    /// `given` as a date (BT-9), or by the words of its `terms` (BT-20).
    pub source: DueDateSource,
}

/// Amounts in minor units of the file's currency; of a credit note, what is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Before tax (BT-109).
    pub net: Option<i64>,
    /// With tax (BT-112).
    pub gross: i64,
    /// Paid already (BT-113).
    pub prepaid: i64,
    /// Left to pay (BT-115).
    pub due: i64,
}

/// A seller or a buyer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Party {
    /// The name in law, else the name in trade (BT-44, BT-45).
    pub name: Option<String>,
    /// VAT identifier (BT-48).
    pub vat_id: Option<String>,
    /// Other identifiers (BT-46, BT-47), each with its scheme (ISO 6523, or a word).
    pub identifiers: Vec<Identifier>,
    /// Where electronic documents go (BT-49), with its scheme (EAS): `0208`, `EM` for an e-mail address.
    pub endpoint: Option<Identifier>,
    /// Lines of the address above the town.
    pub address_lines: Vec<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Town.
    pub city: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// A person or a department (BT-56).
    pub contact_name: Option<String>,
    /// Its telephone, as it is written (BT-57).
    pub phone: Option<String>,
    /// Its e-mail address, as it is written (BT-58).
    pub email: Option<String>,
}

/// A number that somebody is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identifier {
    /// Who gives such numbers.
    pub scheme: Option<String>,
    /// The number.
    pub value: String,
}

/// A way to pay.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PaymentMeans {
    /// UNTDID 4461 (BT-81): `30` and `58` a transfer, `49` and `59` a direct debit, `48` and `54` a card.
    pub code: Option<String>,
    /// What is to be quoted with the payment (BT-83).
    pub remittance: Option<String>,
    /// The account to pay to, an IBAN or not (BT-84), without spaces.
    pub account: Option<String>,
    /// The mandate of a direct debit (BT-89).
    pub mandate: Option<String>,
    /// The account that is debited (BT-91), without spaces.
    pub debited_account: Option<String>,
}

impl PaymentMeans {
    /// Whether the creditor collects: nobody is to be asked to pay before the money was fetched in vain.
    pub fn is_direct_debit(&self) -> bool {
        self.mandate.is_some() || matches!(self.code.as_deref(), Some("49" | "59"))
    }

    /// The account to pay to, if it is an IBAN whose check digits agree.
    pub fn iban(&self) -> Option<&str> {
        self.account.as_deref().filter(|account| super::is_iban(account))
    }
}

/// Reads the invoice of a file: XML, or a PDF with the XML attached.
///
/// # Errors
/// What the file is not, or everything in it that is missing or wrong, each at its element.
pub fn read(bytes: &[u8]) -> Result<InvoiceFile, Faults> {
    if pdf::is_pdf(bytes) { read_pdf(bytes) } else { read_xml(bytes) }
}

/// The invoice of an XML file.
fn read_xml(bytes: &[u8]) -> Result<InvoiceFile, Faults> {
    let document = Document::read(bytes)?;
    let root = document.root().ok_or_else(|| Faults::one("", "wrong_format", "no XML: there is no element"))?;
    // Peppol hands invoices over in an envelope.
    let inside = || root.elements().find(|one| matches!(one.name(), "Invoice" | "CreditNote" | "CrossIndustryInvoice"));
    let enveloped = if root.name() == "StandardBusinessDocument" { inside() } else { None };
    let root = enveloped.unwrap_or(root);
    match root.name() {
        "Invoice" | "CreditNote" if root.declares("urn:oasis:names:specification:ubl:schema:xsd:") => ubl::read(root),
        "CrossIndustryInvoice" => cii::read(root),
        "CrossIndustryDocument" => {
            let old = "a ZUGFeRD 1.0 invoice, from before EN 16931; export it as ZUGFeRD 2, Factur-X or XRechnung";
            Err(Faults::one("/CrossIndustryDocument", "wrong_type", old))
        }
        other => {
            let detail = format!(
                "{:?} is no invoice; the outermost element is Invoice or CreditNote of UBL 2.1, or CrossIndustryInvoice",
                short(other)
            );
            Err(Faults::one(format!("/{}", short(other)), "wrong_type", detail))
        }
    }
}

/// The names under which Factur-X, ZUGFeRD 2 and XRechnung attach the invoice, in the order in which they are believed.
const ATTACHED_AS: [&str; 4] = ["factur-x.xml", "xrechnung.xml", "zugferd-invoice.xml", "cii.xml"];

/// The invoice attached to a PDF: the attachment with one of the standards' names; where none has, the only one that is an invoice.
fn read_pdf(bytes: &[u8]) -> Result<InvoiceFile, Faults> {
    let attachments = pdf::attachments(bytes)?;
    let named = |name: &str| attachments.iter().find(|one| one.name.eq_ignore_ascii_case(name));
    if let Some(attachment) = ATTACHED_AS.iter().find_map(|name| named(name)) {
        return read_xml(&attachment.content);
    }
    let xml = attachments.iter().filter(|one| one.name.to_ascii_lowercase().ends_with(".xml"));
    let read: Vec<Result<InvoiceFile, Faults>> = xml.map(|one| read_xml(&one.content)).collect();
    let names: Vec<String> = attachments.iter().map(|one| short(&one.name)).take(10).collect();
    let found = match names.as_slice() {
        [] => "nothing is attached to it".to_owned(),
        names => format!("attached are {}", names.join(", ")),
    };
    let (mut invoices, mut others): (Vec<_>, Vec<_>) = read.into_iter().partition(Result::is_ok);
    match (invoices.pop(), invoices.is_empty(), others.pop()) {
        (Some(only), true, _) => only,
        (Some(_), false, _) => Err(Faults::one(
            "/attachments",
            "ambiguous",
            format!("several attachments are invoices, and none is called factur-x.xml; {found}"),
        )),
        (None, _, Some(only)) if others.is_empty() => only,
        (None, ..) => Err(Faults::one("/attachments", "required", format!("this PDF holds no invoice as data: no factur-x.xml; {found}"))),
    }
}

/// What a type code and the sign of the amounts come to. A corrected invoice (384), or a commercial one (380), that is negative gives money up.
/// A credit note with a negative sign is one all the same: programs that write the sign twice are many, credit notes that ask for money are none.
fn kind_of(type_code: &str, gross: i64, due: i64) -> DocumentKind {
    match type_code {
        "81" | "83" | "261" | "262" | "296" | "308" | "381" | "396" | "420" | "458" | "502" | "503" | "532" => DocumentKind::CreditNote,
        _ if due < 0 || gross < 0 => DocumentKind::CreditNote,
        "386" => DocumentKind::Deposit,
        _ => DocumentKind::Invoice,
    }
}

/// What each syntax finds, before it is put together.
struct Parts<'a> {
    root: Element<'a>,
    syntax: Syntax,
    profile: Option<String>,
    type_code: Option<String>,
    number: Option<String>,
    issue_date: Option<NaiveDate>,
    delivery_date: Option<NaiveDate>,
    due_dates: Vec<NaiveDate>,
    instalments: Vec<NewInstalment>,
    terms: Option<String>,
    currency: Option<Currency>,
    net: Option<i64>,
    gross: Option<i64>,
    prepaid: Option<i64>,
    due: Option<i64>,
    seller: Party,
    buyer: Party,
    payee: Option<String>,
    buyer_reference: Option<String>,
    order_reference: Option<String>,
    preceding: Vec<String>,
    means: Vec<PaymentMeans>,
}

impl Parts<'_> {
    /// The invoice, once nothing is wrong.
    fn whole(self, faults: Faults) -> Result<InvoiceFile, Faults> {
        faults.or(())?;
        let missing = || Faults::one(format!("/{}", self.root.name()), "required", "something that every invoice has is missing");
        let (issue_date, type_code) = (self.issue_date.ok_or_else(missing)?, self.type_code.clone().ok_or_else(missing)?);
        let due = self.due.ok_or_else(missing)?;
        let prepaid = self.prepaid.unwrap_or(0);
        let gross = self.gross.unwrap_or_else(|| due.saturating_add(prepaid));
        let kind = kind_of(&type_code, gross, due);
        let said = self.terms.as_deref().map(|words| said(words, issue_date)).unwrap_or_default();
        // Of several dates the last is the day on which all of it is due.
        let given = self.due_dates.iter().max().map(|date| DueOn { date: *date, source: DueDateSource::Given });
        let worded = said.due_date.map(|date| DueOn { date, source: DueDateSource::Terms });
        let mut instalments = self.instalments;
        instalments.sort_by_key(|one| one.due_date);
        let sum = instalments.iter().try_fold(0_i64, |sum, one| sum.checked_add(one.amount).filter(|_| one.amount > 0));
        if instalments.len() < 2 || sum != Some(due) {
            instalments.clear();
        }
        Ok(InvoiceFile {
            syntax: self.syntax,
            profile: self.profile.clone(),
            number: self.number.clone().ok_or_else(missing)?,
            type_code,
            kind,
            issue_date,
            delivery_date: self.delivery_date,
            due: given.or(worded),
            instalments,
            terms: self.terms.clone(),
            discounts: said.discounts,
            currency: self.currency.ok_or_else(missing)?,
            totals: Totals { net: self.net.map(i64::abs), gross: gross.abs(), prepaid: prepaid.abs(), due: due.abs() },
            seller: self.seller,
            buyer: self.buyer,
            payee: self.payee,
            buyer_reference: self.buyer_reference,
            order_reference: self.order_reference,
            preceding: self.preceding,
            means: self.means,
        })
    }
}

/// An account number as accounts are compared.
fn account(text: Option<String>) -> Option<String> {
    text.map(|text| compact(&text)).filter(|text| !text.is_empty())
}
