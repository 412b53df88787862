//! Sage Accounting (formerly Sage One, Sage Business Cloud Accounting), version 3.1: it is asked what changed, for it tells nobody.
//!
//! A pass reads the lists of invoices and of credit notes that changed since the last one, and of those that were deleted; the first pass passes over what is settled. Each
//! document is then asked for, and its contact.
//!
//! How sure we are. Read in Sage's published OpenAPI document: paths, `updated_or_created_since` (inclusive), `deleted_since`, pages of at most 200, the fields of
//! invoices, credit notes, contacts and addresses. From memory: `$items` and `$next` around a list; the ids of statuses (`DRAFT`, `UNPAID`, `PART_PAID`, `PAID`, `VOID`), of
//! currencies and countries (ISO codes); `X-Business` for one of several businesses; five minutes' life of an access token, and refresh tokens that serve once. What is outstanding
//! has credit notes and discounts taken off, and a list of payments that would tell them apart is not asked for: all of it counts as settled.
//! Invariant: a status that is not known is never taken for an open one.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;
use url::form_urlencoded;

use super::{
    Access, Ask, Changes, Connector, Deleted, Entity, Snapshot, Step, Told, What,
    mark::Mark,
    needed,
    reading::{
        address, country, currency, customer, date_at, document, email, id, json, key, language, list, moment_at, needed_amount,
        needed_date, needed_id,
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
    outbound::{Inbound, Unreadable, Unverified},
};

/// How to let it be asked.
pub const STEPS: &[&str] = &[
    "At developerselfservice.sageone.com make an application, and connect your business to it with the scope readonly.",
    "Copy the application's client id and client secret and the refresh token into this connection; of several businesses, name the one that is meant by its id in account.",
    "Nothing is entered at Sage: it is asked every few minutes what changed.",
];

const API: &str = "https://api.accounting.sage.com";
const TOKENS: &str = "https://oauth.accounting.sage.com";
const ROWS: usize = 200;
const CHANGED: &str = "updated_or_created_since";
const DELETED: &str = "deleted_since";
/// What is asked for in every pass: our word, Sage's, and what a row of it has gone through. What was deleted is told by later passes only.
const PARTS: [(&str, &str, &str); 4] = [
    (INVOICE, "sales_invoices", CHANGED),
    (CREDIT_NOTE, "sales_credit_notes", CHANGED),
    (INVOICE, "sales_invoices", DELETED),
    (CREDIT_NOTE, "sales_credit_notes", DELETED),
];

const INVOICE: &str = "invoice";
const CREDIT_NOTE: &str = "credit_note";

/// A business in Sage Accounting.
#[derive(Debug)]
pub struct SageAccounting {
    access: Access,
}

impl SageAccounting {
    /// The adapter of one business.
    ///
    /// # Errors
    /// What is missing of the application's tokens.
    pub fn open(access: Access) -> Result<Self, Faults> {
        let mut faults = Faults::none();
        tokens::check_refresh(&access, &mut faults);
        if access.settings.account.is_some() {
            tokens::check_account(&access, "the id of one of several businesses", &mut faults);
        }
        faults.or(Self { access })
    }

    fn get(&self, path: &str) -> Ask {
        let mut ask = Ask::get(self.access.url(API, &format!("/v3.1/{path}")), &self.access);
        ask.headers.extend(self.access.settings.account.clone().map(|business| ("x-business", business)));
        ask
    }

    fn snapshot(&self, kind: SourceKind, value: &Value, debtor: SourceCustomer) -> Result<Step, Unreadable> {
        let status = match text(value, "/status/id") {
            _ if text(value, "/deleted_at").is_some() => SourceStatus::Void,
            Some("DRAFT") => return Ok(Step::Nothing("a draft".to_owned())),
            Some("UNPAID" | "PART_PAID") => SourceStatus::Open,
            Some("PAID") => SourceStatus::Paid,
            Some("VOID") => SourceStatus::Void,
            other => return Err(Unreadable(format!("unknown status {}", other.unwrap_or_default()))),
        };
        let currency = currency(value, "/currency/id", &self.access)?;
        let (total, left) = (needed_amount(value, "/total_amount", currency)?, needed_amount(value, "/outstanding_amount", currency)?);
        let external_id = needed_id(value, "/id")?;
        let number = text(value, if kind == SourceKind::Invoice { "/invoice_number" } else { "/credit_note_number" });
        let number = number.or_else(|| text(value, "/displayed_as")).unwrap_or(external_id);
        let document = SourceInvoice {
            due_date: date_at(value, "/due_date").filter(|_| kind == SourceKind::Invoice),
            // Paid too much is nothing left; what a credit note has left may be written as a negative amount.
            amount_due: Some(if kind == SourceKind::Invoice { left.max(0) } else { left.saturating_abs() }),
            paid_on: date_at(value, "/last_paid"),
            order_reference: short(value, "/reference", 100),
            updated_at: moment_at(value, "/updated_at"),
            ..document((kind, status), number, needed_date(value, "/date")?, (total.saturating_abs(), currency), debtor)
        };
        Ok(Step::Whole(vec![Snapshot { external_id: external_id.to_owned(), document }]))
    }
}

fn whom(value: &Value, contact: &Value) -> Result<SourceCustomer, Unreadable> {
    let place = text(value, "/main_address/country/id").and_then(country);
    let name = text(contact, "/name").or_else(|| text(value, "/contact_name"));
    let name = name.map_or_else(|| needed(value, "/contact/displayed_as"), Ok)?;
    let lines = ["/main_address/address_line_1", "/main_address/address_line_2"];
    Ok(SourceCustomer {
        number: short(contact, "/reference", 60),
        country: place.and_then(|country| country.as_str().parse().ok()),
        language: text(contact, "/locale").and_then(language),
        vat_id: short(contact, "/tax_number", 40),
        email: text(contact, "/email").and_then(email),
        address: address(value, &lines, "/main_address/postal_code", "/main_address/city", place),
        ..customer(needed_id(value, "/contact/id")?, name)
    })
}

impl Connector for SageAccounting {
    /// Nobody is told this connection's address.
    fn verify(&self, _: &Inbound, _: DateTime<Utc>) -> Result<(), Unverified> {
        Err(Unverified::NoReceipts)
    }

    fn read(&self, _: &Inbound) -> Result<Vec<Told>, Unreadable> {
        Err(Unreadable("this system is asked, and tells nothing by itself".to_owned()))
    }

    fn fetch(&self, entity: &Entity, answers: &[Vec<u8>]) -> Result<Step, Unreadable> {
        let (kind, path) = match entity.kind.as_str() {
            CREDIT_NOTE => (SourceKind::CreditNote, "sales_credit_notes"),
            _ => (SourceKind::Invoice, "sales_invoices"),
        };
        let Some(first) = answers.first() else { return Ok(Step::Ask(self.get(&format!("{path}/{}", entity.id)))) };
        let value = json(first)?;
        if text(&value, "/status/id") == Some("DRAFT") {
            return Ok(Step::Nothing("a draft".to_owned()));
        }
        let Some(second) = answers.get(1) else {
            return Ok(Step::Ask(self.get(&format!("contacts/{}", needed_id(&value, "/contact/id")?))));
        };
        self.snapshot(kind, &value, whom(&value, &json(second)?)?)
    }

    fn polls(&self) -> bool {
        true
    }

    fn changes(&self, cursor: Option<&str>, answers: &[Vec<u8>], now: DateTime<Utc>) -> Result<Changes, Unreadable> {
        let mark = Mark::at(cursor, now);
        let (kind, path, since_name) = PARTS.get(mark.part).copied().unwrap_or((INVOICE, "sales_invoices", CHANGED));
        let page = mark.page.as_deref().and_then(|page| page.parse().ok()).unwrap_or(1_usize);
        let Some(answer) = answers.first() else {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("attributes", "status,outstanding_amount,updated_at").append_pair("items_per_page", &ROWS.to_string());
            query.append_pair("page", &page.to_string()).append_pair("sort", "created_at");
            if let Some(since) = mark.since {
                query.append_pair(since_name, &since.to_rfc3339_opts(SecondsFormat::Secs, true));
            }
            return Ok(Changes::Ask(self.get(&format!("{path}?{}", query.finish()))));
        };
        let answer = json(answer)?;
        let settled = |row: &Value| matches!(text(row, "/status/id"), Some("DRAFT" | "PAID" | "VOID"));
        let wanted = |row: &&Value| !mark.is_first() || !settled(row);
        let told = list(&answer, "/$items").iter().filter(wanted).filter_map(|row| {
            let id = id(row, "/id")?;
            let when = text(row, "/deleted_at").or_else(|| text(row, "/updated_at")).unwrap_or_default();
            let what = if since_name == DELETED {
                let kind = if kind == INVOICE { SourceKind::Invoice } else { SourceKind::CreditNote };
                What::Deleted(Deleted { kind, external_id: id.to_owned(), at: moment_at(row, "/deleted_at") })
            } else {
                What::Changed(Entity { kind: kind.to_owned(), id: id.to_owned() })
            };
            Some(Told { key: key(&[kind, id, since_name, when]), what })
        });
        let told = told.collect();
        let next = text(&answer, "/$next").map(|_| page.saturating_add(1).to_string());
        let parts = if mark.is_first() { 2 } else { PARTS.len() };
        Ok(mark.after(told, next, parts))
    }

    fn renewal(&self) -> Option<Ask> {
        Some(tokens::renewal(&self.access, self.access.url(TOKENS, "/token"), Client::Form, &[]))
    }

    fn renewed(&self, answer: &[u8], now: DateTime<Utc>) -> Result<ConnectionCredentials, Unreadable> {
        tokens::renewed(&self.access, answer, now)
    }
}

#[cfg(test)]
mod tests;
