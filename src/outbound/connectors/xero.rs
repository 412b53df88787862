//! Xero: signed notices that name what changed, and the accounting API.
//!
//! A notice says only that an invoice, a credit note or a contact changed; each is asked for by its id. An invoice comes with its contact. What a notice lost is
//! found by a question every six hours, and so is what was open before the connection was made.
//!
//! How sure we are. Read in Xero's public pages and in its published OpenAPI documents: `x-xero-signature` (HMAC-SHA256 of the body under the webhook's key, base64); the
//! intent to receive, empty notices signed rightly and wrongly that want 200 and 401; categories, types and statuses; the fields of invoices, credit notes and
//! contacts; dates as `/Date(…)/`. From memory: `summaryOnly`, `If-Modified-Since`, an access token's half hour, a refresh token that serves once, and 60 calls a minute.
//! Overpayments and prepayments are money, and Xero counts them among what was credited: they are counted as paid here.
//! Invariant: nothing of a supplier's document reaches the ledger.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use data_encoding::BASE64;
use serde_json::Value;
use url::form_urlencoded;

use super::{
    Access, Ask, Changes, Connector, Entity, Snapshot, Step, Told, What,
    mark::Mark,
    needed,
    reading::{
        address, amount, country, currency, customer, date_at, document, email, id, json, key, list, moment_at, needed_amount, needed_id,
        phone,
    },
    short, text,
    tokens::{self, Client},
};
use crate::{
    domain::{
        connection::ConnectionCredentials,
        invalid::Faults,
        money::Currency,
        push::{SourceCustomer, SourceInvoice, SourceKind, SourceShare, SourceStatus},
    },
    outbound::{Inbound, Unreadable, Unverified},
};

/// How to make notices arrive.
pub const STEPS: &[&str] = &[
    "At developer.xero.com make a web application, and connect your organisation to it with the scopes offline_access, accounting.transactions.read and accounting.contacts.read.",
    "Copy the application's client id and client secret, the refresh token, and the organisation's tenant id (as account) into this connection.",
    "Under Webhooks of the application, choose Invoices, Credit notes and Contacts, enter {url} and save.",
    "Copy the webhooks key that is shown there into signing_secrets, and then send the intent to receive.",
];

const API: &str = "https://api.xero.com";
const TOKENS: &str = "https://identity.xero.com";
/// How often a system that tells by itself is asked what its notices may have lost.
const PAUSE: TimeDelta = TimeDelta::hours(6);
const ROWS: usize = 100;
/// What is asked for in every pass: our word, its path, its id's name, and the type that a customer's document has.
const PARTS: [(&str, &str, &str, &str); 2] =
    [(INVOICE, "Invoices", "InvoiceID", "ACCREC"), (CREDIT_NOTE, "CreditNotes", "CreditNoteID", "ACCRECCREDIT")];

const INVOICE: &str = "invoice";
const CREDIT_NOTE: &str = "credit_note";
const CONTACT: &str = "contact";

/// An organisation in Xero.
#[derive(Debug)]
pub struct Xero {
    access: Access,
    tenant: String,
}

impl Xero {
    /// The adapter of one organisation.
    ///
    /// # Errors
    /// What is missing of its tenant id, its webhook's key and the application's tokens.
    pub fn open(access: Access) -> Result<Self, Faults> {
        let mut faults = Faults::none();
        tokens::check_account(&access, "the organisation's tenant id", &mut faults);
        tokens::check_signing(&access, "the key of the application's webhooks", &mut faults);
        tokens::check_refresh(&access, &mut faults);
        let tenant = access.settings.account.clone().unwrap_or_default();
        faults.or(Self { access, tenant })
    }

    fn get(&self, path: &str) -> Ask {
        let mut ask = Ask::get(self.access.url(API, &format!("/api.xro/2.0/{path}")), &self.access);
        ask.headers.push(("xero-tenant-id", self.tenant.clone()));
        ask
    }

    fn told(&self, event: &Value) -> Result<Told, Unreadable> {
        let (category, resource) = (needed(event, "/eventCategory")?, needed(event, "/resourceId")?);
        let kind = match category.to_ascii_uppercase().as_str() {
            "INVOICE" => Some(INVOICE),
            "CREDITNOTE" => Some(CREDIT_NOTE),
            "CONTACT" => Some(CONTACT),
            _ => None,
        };
        let what = match (kind, id(event, "/resourceId")) {
            _ if !text(event, "/tenantId").is_some_and(|tenant| tenant.eq_ignore_ascii_case(&self.tenant)) => {
                What::Nothing("it is about another organisation".to_owned())
            }
            (None, _) => What::Nothing("neither an invoice, a credit note nor a contact".to_owned()),
            (Some(_), None) => What::Nothing("it names nothing that can be asked for".to_owned()),
            (Some(kind), Some(id)) => What::Changed(Entity { kind: kind.to_owned(), id: id.to_owned() }),
        };
        let parts = [category, resource, text(event, "/eventType").unwrap_or_default(), text(event, "/eventDateUtc").unwrap_or_default()];
        Ok(Told { key: key(&parts), what })
    }

    /// The snapshot of an invoice or a credit note; none of a draft, and none of a supplier's.
    fn snapshot(&self, kind: SourceKind, value: &Value) -> Result<Step, Unreadable> {
        let (id, number, wanted) = match kind {
            SourceKind::Invoice => ("/InvoiceID", "/InvoiceNumber", "ACCREC"),
            SourceKind::CreditNote => ("/CreditNoteID", "/CreditNoteNumber", "ACCRECCREDIT"),
        };
        if needed(value, "/Type")? != wanted {
            return Ok(Step::Nothing("a supplier's document".to_owned()));
        }
        let currency = currency(value, "/CurrencyCode", &self.access)?;
        let total = needed_amount(value, "/Total", currency)?;
        let left = amount(value, if kind == SourceKind::Invoice { "/AmountDue" } else { "/RemainingCredit" }, currency)?;
        let status = match needed(value, "/Status")? {
            "AUTHORISED" => SourceStatus::Open,
            "PAID" => SourceStatus::Paid,
            "VOIDED" | "DELETED" => SourceStatus::Void,
            "DRAFT" | "SUBMITTED" => return Ok(Step::Nothing("a draft".to_owned())),
            other => return Err(Unreadable(format!("unknown status {other}"))),
        };
        let external_id = needed_id(value, id)?;
        let issued =
            date_at(value, "/Date").or_else(|| date_at(value, "/DateString")).ok_or_else(|| Unreadable("/Date is missing".to_owned()))?;
        let number = text(value, number).unwrap_or(external_id);
        let document = SourceInvoice {
            due_date: date_at(value, "/DueDate").or_else(|| date_at(value, "/DueDateString")).filter(|_| kind == SourceKind::Invoice),
            amount_due: left,
            amount_paid: if kind == SourceKind::Invoice { paid(value, currency)? } else { None },
            paid_on: last_payment(value),
            order_reference: short(value, "/Reference", 100),
            credits: if kind == SourceKind::CreditNote { shares(value, currency)? } else { Vec::new() },
            updated_at: moment_at(value, "/UpdatedDateUTC"),
            ..document((kind, status), number, issued, (total, currency), whom(value)?)
        };
        Ok(Step::Whole(vec![Snapshot { external_id: external_id.to_owned(), document }]))
    }

    /// A contact's open invoices: its address is theirs.
    fn of_contact(contact: &Value) -> Step {
        let open = list(contact, "/Invoices").iter().filter(|one| text(one, "/Type").is_none_or(|kind| kind == "ACCREC"));
        let found: Vec<Entity> =
            open.filter_map(|one| Some(Entity { kind: INVOICE.to_owned(), id: id(one, "/InvoiceID")?.to_owned() })).collect();
        if found.is_empty() { Step::Nothing("no open invoice is concerned".to_owned()) } else { Step::Others(found) }
    }
}

/// What was paid in money: what Xero counts as paid, and the parts of overpayments and prepayments that were put to it.
fn paid(value: &Value, currency: Currency) -> Result<Option<i64>, Unreadable> {
    let Some(mut sum) = amount(value, "/AmountPaid", currency)? else { return Ok(None) };
    for other in list(value, "/Overpayments").iter().chain(list(value, "/Prepayments")) {
        sum = sum.saturating_add(amount(other, "/AppliedAmount", currency)?.unwrap_or(0));
    }
    Ok(Some(sum))
}

fn last_payment(value: &Value) -> Option<NaiveDate> {
    list(value, "/Payments").iter().filter_map(|payment| date_at(payment, "/Date")).max().or_else(|| date_at(value, "/FullyPaidOnDate"))
}

/// Which invoices a credit note was put to.
fn shares(value: &Value, currency: Currency) -> Result<Vec<SourceShare>, Unreadable> {
    let mut shares = Vec::new();
    for share in list(value, "/Allocations") {
        let amount = needed_amount(share, "/Amount", currency)?;
        shares.extend(id(share, "/Invoice/InvoiceID").filter(|_| amount > 0).map(|id| SourceShare { external_id: id.to_owned(), amount }));
    }
    Ok(shares)
}

fn whom(value: &Value) -> Result<SourceCustomer, Unreadable> {
    let contact = value.get("Contact").ok_or_else(|| Unreadable("/Contact is missing".to_owned()))?;
    // Where it is written to comes first; where it is, is the next best.
    let of = |kind: &str| {
        list(contact, "/Addresses").iter().find(|one| text(one, "/AddressType") == Some(kind) && text(one, "/AddressLine1").is_some())
    };
    let place = of("POBOX").or_else(|| of("STREET")).unwrap_or(&Value::Null);
    let country = text(place, "/Country").and_then(country);
    let lines = ["/AddressLine1", "/AddressLine2", "/AddressLine3", "/AddressLine4"];
    let person = [short(contact, "/FirstName", 60), short(contact, "/LastName", 60)].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let number = |one: &Value| {
        let parts = ["/PhoneCountryCode", "/PhoneAreaCode", "/PhoneNumber"].map(|part| text(one, part).unwrap_or_default());
        phone(&format!("+{}", parts.concat().trim_start_matches('+')))
    };
    let phones = || list(contact, "/Phones").iter().filter(|one| text(one, "/PhoneCountryCode").is_some());
    let mobile = phones().find(|one| text(one, "/PhoneType") == Some("MOBILE")).and_then(number);
    Ok(SourceCustomer {
        number: short(contact, "/AccountNumber", 60),
        country: country.and_then(|country| country.as_str().parse().ok()),
        vat_id: short(contact, "/TaxNumber", 40),
        contact_name: Some(person).filter(|name| !name.is_empty()),
        email: text(contact, "/EmailAddress").and_then(email),
        phone: mobile.or_else(|| phones().find_map(number)),
        address: address(place, &lines, "/PostalCode", "/City", country),
        ..customer(needed_id(contact, "/ContactID")?, needed(contact, "/Name")?)
    })
}

impl Connector for Xero {
    fn verify(&self, inbound: &Inbound, _: DateTime<Utc>) -> Result<(), Unverified> {
        let given = inbound.header("x-xero-signature")?;
        let given = BASE64.decode(given.trim().as_bytes()).map_err(|_| Unverified::Malformed("x-xero-signature header"))?;
        if self.access.signed(&given, &[&inbound.body]) { Ok(()) } else { Err(Unverified::Mismatch) }
    }

    fn read(&self, inbound: &Inbound) -> Result<Vec<Told>, Unreadable> {
        let body = json(&inbound.body)?;
        let events = body.get("events").and_then(Value::as_array).ok_or_else(|| Unreadable("it has no events".to_owned()))?;
        events.iter().map(|event| self.told(event)).collect()
    }

    fn fetch(&self, entity: &Entity, answers: &[Vec<u8>]) -> Result<Step, Unreadable> {
        let Some(answer) = answers.first() else {
            return Ok(Step::Ask(self.get(&match entity.kind.as_str() {
                INVOICE => format!("Invoices/{}", entity.id),
                CREDIT_NOTE => format!("CreditNotes/{}", entity.id),
                _ => format!("Invoices?ContactIDs={}&Statuses=AUTHORISED&summaryOnly=true&page=1", entity.id),
            })));
        };
        let answer = json(answer)?;
        let first = |list: &str| answer.pointer(list).ok_or_else(|| Unreadable(format!("{list} is missing")));
        match entity.kind.as_str() {
            INVOICE => self.snapshot(SourceKind::Invoice, first("/Invoices/0")?),
            CREDIT_NOTE => self.snapshot(SourceKind::CreditNote, first("/CreditNotes/0")?),
            _ => Ok(Self::of_contact(&answer)),
        }
    }

    fn polls(&self) -> bool {
        true
    }

    fn changes(&self, cursor: Option<&str>, answers: &[Vec<u8>], now: DateTime<Utc>) -> Result<Changes, Unreadable> {
        if let Some(resting) = Mark::rests(cursor, now, PAUSE) {
            return Ok(resting);
        }
        let mark = Mark::at(cursor, now);
        let (kind, path, id_of, type_of) = PARTS.get(mark.part).copied().unwrap_or((INVOICE, "Invoices", "InvoiceID", "ACCREC"));
        let page = mark.page.as_deref().and_then(|page| page.parse().ok()).unwrap_or(1_usize);
        let Some(answer) = answers.first() else {
            let open = if mark.is_first() { r#" AND Status=="AUTHORISED""# } else { "" };
            let mut query = form_urlencoded::Serializer::new(String::new());
            query
                .append_pair("where", &format!(r#"Type=="{type_of}"{open}"#))
                .append_pair("page", &page.to_string())
                .append_pair("pageSize", &ROWS.to_string());
            if kind == INVOICE {
                query.append_pair("summaryOnly", "true");
            }
            let mut ask = self.get(&format!("{path}?{}", query.finish()));
            ask.headers.extend(mark.since.map(|since| ("if-modified-since", since.format("%Y-%m-%dT%H:%M:%S").to_string())));
            return Ok(Changes::Ask(ask));
        };
        let answer = json(answer)?;
        let rows = list(&answer, &format!("/{path}"));
        let told = rows.iter().filter_map(|row| {
            let id = id(row, &format!("/{id_of}"))?;
            let when = text(row, "/UpdatedDateUTC").unwrap_or_default();
            Some(Told { key: key(&["asked", kind, id, when]), what: What::Changed(Entity { kind: kind.to_owned(), id: id.to_owned() }) })
        });
        let next = (rows.len() >= ROWS).then(|| page.saturating_add(1).to_string());
        Ok(mark.after(told.collect(), next, PARTS.len()))
    }

    fn renewal(&self) -> Option<Ask> {
        Some(tokens::renewal(&self.access, self.access.url(TOKENS, "/connect/token"), Client::Header, &[]))
    }

    fn renewed(&self, answer: &[u8], now: DateTime<Utc>) -> Result<ConnectionCredentials, Unreadable> {
        tokens::renewed(&self.access, answer, now)
    }
}

#[cfg(test)]
mod tests;
