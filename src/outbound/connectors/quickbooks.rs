//! QuickBooks Online: signed notices that name what changed, in either of their two forms, and the accounting API.
//!
//! A notice says only that an invoice, a credit memo, a payment or a customer changed. An invoice is asked for, and then its customer; a payment and a
//! customer are asked which invoices they concern. What a notice lost is found by a query every six hours, and so is what was open before the connection was made.
//!
//! How sure we are. Read in Intuit's public pages: the header `intuit-signature` (HMAC-SHA256 of the body under the verifier token, base64); the older form,
//! `eventNotifications`; entities and their operations, voiding among them; one address per application, hence notices of other companies. Read in other people's code: the form of
//! November 2025, CloudEvents, and that it is signed alike; error 610 for what is not there; `RemainingCredit`. From memory: minor version 75 being the floor; a
//! voided document's zero total and its note `Voided`; an hour's life of an access token; a refresh token that changes about once a day.
//! Invariant: an amount without a currency of its own is one of the connection's currency, or of none.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use data_encoding::BASE64;
use serde_json::Value;
use url::form_urlencoded;

use super::{
    Access, Ask, Changes, Connector, Deleted, Entity, Snapshot, Step, Told, Trouble, What,
    mark::Mark,
    needed,
    reading::{
        address, amount, country, currency, customer, date_at, document, email, id, json, key, list, moment_at, needed_amount, needed_date,
        needed_id, phone,
    },
    short, text,
    tokens::{self, Client},
};
use crate::{
    domain::{
        connection::ConnectionCredentials,
        invalid::Faults,
        push::{SourceCustomer, SourceInvoice, SourceKind, SourceStatus},
    },
    outbound::{Inbound, Unreadable, Unverified, net::Answer},
};

/// How to make notices arrive.
pub const STEPS: &[&str] = &[
    "At developer.intuit.com make an application for QuickBooks Online and Payments with the scope com.intuit.quickbooks.accounting, and connect your company to it.",
    "Copy the application's client id and client secret, the refresh token, and the company's realm id (as account) into this connection.",
    "Under Webhooks of the application, enter {url} and choose Invoice, Credit Memo, Payment and Customer with all their operations.",
    "Copy the verifier token that is shown there into signing_secrets.",
];

const API: &str = "https://quickbooks.api.intuit.com";
/// The sandbox has an address of its own, and takes the same tokens.
const SANDBOX: &str = "https://sandbox-quickbooks.api.intuit.com";
const TOKENS: &str = "https://oauth.platform.intuit.com";
const VERSION: &str = "minorversion=75";
/// How often a system that tells by itself is asked what its notices may have lost.
const PAUSE: TimeDelta = TimeDelta::hours(6);
/// Rows of a page: a query gives up to a thousand, and each becomes a notice of its own.
const ROWS: usize = 200;
/// What is asked for in every pass: our word, and Intuit's.
const PARTS: [(&str, &str); 2] = [(INVOICE, "Invoice"), (CREDIT_MEMO, "CreditMemo")];

const INVOICE: &str = "invoice";
const CREDIT_MEMO: &str = "credit_memo";
const PAYMENT: &str = "payment";
const CUSTOMER: &str = "customer";

/// A company in QuickBooks Online.
#[derive(Debug)]
pub struct QuickBooks {
    access: Access,
    realm: String,
}

impl QuickBooks {
    /// The adapter of one company.
    ///
    /// # Errors
    /// What is missing of its realm id, its verifier token and the application's tokens.
    pub fn open(access: Access) -> Result<Self, Faults> {
        let mut faults = Faults::none();
        tokens::check_account(&access, "the company's realm id", &mut faults);
        tokens::check_signing(&access, "the verifier token of the application's webhooks", &mut faults);
        tokens::check_refresh(&access, &mut faults);
        let realm = access.settings.account.clone().unwrap_or_default();
        faults.or(Self { access, realm })
    }

    fn get(&self, path: &str, query: &str) -> Ask {
        Ask::get(self.access.url(API, &format!("/v3/company/{}/{path}?{query}{VERSION}", self.realm)), &self.access)
    }

    fn query(&self, statement: &str) -> Ask {
        let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("query", statement).finish();
        self.get("query", &format!("{query}&"))
    }

    /// One of the old form's entities, or one of the new form's events: what was done to which kind of thing, and when.
    fn told(&self, key: String, realm: Option<&str>, (kind, done): (&str, &str), id: Option<&str>, at: Option<DateTime<Utc>>) -> Told {
        let kind = match kind.to_ascii_lowercase().as_str() {
            "invoice" => Some(INVOICE),
            "creditmemo" => Some(CREDIT_MEMO),
            "payment" => Some(PAYMENT),
            "customer" => Some(CUSTOMER),
            _ => None,
        };
        let what = match (kind, id) {
            _ if realm != Some(self.realm.as_str()) => What::Nothing("it is about another company".to_owned()),
            (None, _) => What::Nothing("neither an invoice, a credit memo, a payment nor a customer".to_owned()),
            (Some(_), None) => What::Nothing("it names nothing that can be asked for".to_owned()),
            // Of what was deleted nothing can be asked any more. A voided document stays.
            (Some(INVOICE), Some(id)) if is_deletion(done) => {
                What::Deleted(Deleted { kind: SourceKind::Invoice, external_id: id.to_owned(), at })
            }
            (Some(CREDIT_MEMO), Some(id)) if is_deletion(done) => {
                What::Deleted(Deleted { kind: SourceKind::CreditNote, external_id: id.to_owned(), at })
            }
            (Some(kind), Some(id)) => What::Changed(Entity { kind: kind.to_owned(), id: id.to_owned() }),
        };
        Told { key, what }
    }

    /// CloudEvents: `qbo.invoice.updated.v1`.
    fn event(&self, event: &Value) -> Result<Told, Unreadable> {
        let kind = needed(event, "/type")?.to_ascii_lowercase();
        let key = key(&["event", needed(event, "/id")?]);
        let mut words = kind.strip_prefix("qbo.").unwrap_or_default().split('.');
        let what = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        Ok(self.told(key, text(event, "/intuitaccountid"), what, id(event, "/intuitentityid"), moment_at(event, "/time")))
    }

    fn notification(&self, notification: &Value) -> Result<Vec<Told>, Unreadable> {
        let realm = text(notification, "/realmId");
        let entities = list(notification, "/dataChangeEvent/entities").iter();
        let told = entities.map(|entity| {
            let (name, number) = (needed(entity, "/name")?, needed(entity, "/id")?);
            let done = text(entity, "/operation").unwrap_or_default();
            let key = key(&[name, number, done, text(entity, "/lastUpdated").unwrap_or_default()]);
            Ok(self.told(key, realm, (name, done), id(entity, "/id"), moment_at(entity, "/lastUpdated")))
        });
        told.collect()
    }

    /// The document, and after it its customer: the e-mail address of the invoice alone would change with each of them.
    fn document(&self, kind: SourceKind, path: &str, name: &str, id: &str, answers: &[Vec<u8>]) -> Result<Step, Unreadable> {
        let Some(first) = answers.first() else {
            let link = if kind == SourceKind::Invoice { "include=invoiceLink&" } else { "" };
            return Ok(Step::Ask(self.get(&format!("{path}/{id}"), link)));
        };
        let answer = json(first)?;
        let value = answer.get(name).ok_or_else(|| Unreadable(format!("the answer has no {name}")))?;
        let Some(second) = answers.get(1) else {
            return Ok(Step::Ask(self.get(&format!("customer/{}", needed_id(value, "/CustomerRef/value")?), "")));
        };
        let debtor = json(second)?;
        let debtor = debtor.get("Customer").ok_or_else(|| Unreadable("the answer has no Customer".to_owned()))?;
        let document = self.snapshot(kind, value, debtor)?;
        Ok(Step::Whole(vec![Snapshot { external_id: needed_id(value, "/Id")?.to_owned(), document }]))
    }

    fn snapshot(&self, kind: SourceKind, value: &Value, debtor: &Value) -> Result<SourceInvoice, Unreadable> {
        let currency = currency(value, "/CurrencyRef/value", &self.access)?;
        let total = needed_amount(value, "/TotalAmt", currency)?;
        let left = match kind {
            SourceKind::Invoice => Some(needed_amount(value, "/Balance", currency)?),
            SourceKind::CreditNote => amount(value, "/RemainingCredit", currency)?.or(amount(value, "/Balance", currency)?),
        };
        // Voided documents stay, with their amounts taken out and a word in the note.
        let void = total == 0 && text(value, "/PrivateNote").is_some_and(|note| note.contains("Voided"));
        let status = match left {
            _ if void => SourceStatus::Void,
            Some(0) => SourceStatus::Paid,
            _ => SourceStatus::Open,
        };
        let number = text(value, "/DocNumber").map_or_else(|| needed(value, "/Id"), Ok)?;
        let debtor = whom(value, debtor)?;
        Ok(SourceInvoice {
            due_date: date_at(value, "/DueDate"),
            amount_due: left,
            payment_link: text(value, "/InvoiceLink")
                .filter(|link| link.starts_with("https://") && link.len() <= 500 && !link.contains(' '))
                .map(str::to_owned),
            updated_at: moment_at(value, "/MetaData/LastUpdatedTime"),
            ..document((kind, status), number, needed_date(value, "/TxnDate")?, (total, currency), debtor)
        })
    }

    /// Which invoices a payment, or a customer's change of address, is about.
    fn concerned(&self, entity: &Entity, answers: &[Vec<u8>]) -> Result<Step, Unreadable> {
        let Some(first) = answers.first() else {
            return Ok(Step::Ask(match entity.kind.as_str() {
                PAYMENT => self.get(&format!("payment/{}", entity.id), ""),
                _ => self.query(&format!("select Id from Invoice where CustomerRef = '{}' and Balance > '0' maxresults {ROWS}", entity.id)),
            }));
        };
        let answer = json(first)?;
        let mut found = Vec::new();
        for linked in list(&answer, "/Payment/Line").iter().flat_map(|line| list(line, "/LinkedTxn")) {
            let kind = match text(linked, "/TxnType") {
                Some("Invoice") => INVOICE,
                Some("CreditMemo") => CREDIT_MEMO,
                _ => continue,
            };
            found.extend(id(linked, "/TxnId").map(|id| Entity { kind: kind.to_owned(), id: id.to_owned() }));
        }
        let open = list(&answer, "/QueryResponse/Invoice").iter().filter_map(|row| id(row, "/Id"));
        found.extend(open.map(|id| Entity { kind: INVOICE.to_owned(), id: id.to_owned() }));
        Ok(if found.is_empty() { Step::Nothing("no open invoice is concerned".to_owned()) } else { Step::Others(found) })
    }
}

/// In the words of either form.
fn is_deletion(done: &str) -> bool {
    done.eq_ignore_ascii_case("deleted") || done.eq_ignore_ascii_case("delete")
}

/// The customer as its own record has it, and by the document where that is silent.
fn whom(value: &Value, debtor: &Value) -> Result<SourceCustomer, Unreadable> {
    let name = text(debtor, "/DisplayName").or_else(|| text(debtor, "/CompanyName"));
    let name = name.map_or_else(|| needed(value, "/CustomerRef/name"), Ok)?;
    let country = text(debtor, "/BillAddr/Country").or_else(|| text(value, "/BillAddr/Country")).and_then(country);
    let contact = [short(debtor, "/GivenName", 60), short(debtor, "/FamilyName", 60)].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let lines = ["/BillAddr/Line1", "/BillAddr/Line2", "/BillAddr/Line3", "/BillAddr/Line4"];
    Ok(SourceCustomer {
        country: country.and_then(|country| country.as_str().parse().ok()),
        contact_name: Some(contact).filter(|name| !name.is_empty()),
        email: text(debtor, "/PrimaryEmailAddr/Address").and_then(email).or_else(|| text(value, "/BillEmail/Address").and_then(email)),
        phone: text(debtor, "/PrimaryPhone/FreeFormNumber").and_then(phone),
        address: address(debtor, &lines, "/BillAddr/PostalCode", "/BillAddr/City", country),
        ..customer(needed_id(value, "/CustomerRef/value")?, name)
    })
}

impl Connector for QuickBooks {
    fn verify(&self, inbound: &Inbound, _: DateTime<Utc>) -> Result<(), Unverified> {
        let given = inbound.header("intuit-signature")?;
        let given = BASE64.decode(given.trim().as_bytes()).map_err(|_| Unverified::Malformed("intuit-signature header"))?;
        if self.access.signed(&given, &[&inbound.body]) { Ok(()) } else { Err(Unverified::Mismatch) }
    }

    fn read(&self, inbound: &Inbound) -> Result<Vec<Told>, Unreadable> {
        let body = json(&inbound.body)?;
        if let Some(events) = body.as_array() {
            return events.iter().map(|event| self.event(event)).collect();
        }
        let notifications = body.get("eventNotifications").and_then(Value::as_array);
        let notifications = notifications.ok_or_else(|| Unreadable("neither CloudEvents nor eventNotifications".to_owned()))?;
        let told: Result<Vec<_>, _> = notifications.iter().map(|one| self.notification(one)).collect();
        Ok(told?.into_iter().flatten().collect())
    }

    fn fetch(&self, entity: &Entity, answers: &[Vec<u8>]) -> Result<Step, Unreadable> {
        match entity.kind.as_str() {
            INVOICE => self.document(SourceKind::Invoice, "invoice", "Invoice", &entity.id, answers),
            CREDIT_MEMO => self.document(SourceKind::CreditNote, "creditmemo", "CreditMemo", &entity.id, answers),
            _ => self.concerned(entity, answers),
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
        let (kind, name) = PARTS.get(mark.part).copied().unwrap_or((INVOICE, "Invoice"));
        let from = mark.page.as_deref().and_then(|page| page.parse().ok()).unwrap_or(1_usize);
        let Some(answer) = answers.first() else {
            let wanted = mark.since.map_or_else(
                || "Balance > '0'".to_owned(),
                |since| format!("MetaData.LastUpdatedTime >= '{}'", since.to_rfc3339_opts(SecondsFormat::Secs, true)),
            );
            let statement =
                format!("select Id, MetaData.LastUpdatedTime from {name} where {wanted} orderby Id startposition {from} maxresults {ROWS}");
            return Ok(Changes::Ask(self.query(&statement)));
        };
        let answer = json(answer)?;
        let rows = list(&answer, &format!("/QueryResponse/{name}")).iter();
        let told: Vec<Told> = rows
            .filter_map(|row| {
                let id = id(row, "/Id")?;
                let when = text(row, "/MetaData/LastUpdatedTime").unwrap_or_default();
                Some(Told {
                    key: key(&["asked", name, id, when]),
                    what: What::Changed(Entity { kind: kind.to_owned(), id: id.to_owned() }),
                })
            })
            .collect();
        let next = (told.len() >= ROWS).then(|| from.saturating_add(ROWS).to_string());
        Ok(mark.after(told, next, PARTS.len()))
    }

    fn renewal(&self) -> Option<Ask> {
        let path = "/oauth2/v1/tokens/bearer";
        let sandbox = self.access.settings.base_url.as_deref().is_some_and(|url| url.trim_end_matches('/') == SANDBOX);
        let url = if sandbox { format!("{TOKENS}{path}") } else { self.access.url(TOKENS, path) };
        Some(tokens::renewal(&self.access, url, Client::Header, &[]))
    }

    fn renewed(&self, answer: &[u8], now: DateTime<Utc>) -> Result<ConnectionCredentials, Unreadable> {
        tokens::renewed(&self.access, answer, now)
    }

    fn trouble(&self, answer: &Answer) -> Trouble {
        let body = answer.body.as_deref().and_then(|body| json(body).ok()).unwrap_or_default();
        let code = text(&body, "/Fault/Error/0/code");
        match answer.status {
            401 => Trouble::Expired,
            // What was deleted is refused as a wrong request, by this code.
            400 if code == Some("610") => Trouble::Gone,
            404 | 410 => Trouble::Gone,
            429 => Trouble::Later(answer.summary(), answer.retry_after.or(Some(Duration::from_secs(60)))),
            408 | 425 | 500..=599 => Trouble::Later(answer.summary(), answer.retry_after),
            _ => Trouble::Refused(answer.summary()),
        }
    }
}

#[cfg(test)]
mod tests;
