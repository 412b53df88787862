//! Pennylane: it is asked what changed, by its changelogs, for it tells nobody reliably.
//!
//! The first pass lists invoices and keeps those that are open; later ones read the changelogs of invoices and of customers. Each invoice is then asked for, and its
//! customer. A credit note is an invoice of a negative amount.
//!
//! How sure we are. Read in Pennylane's public pages and in clients generated from its OpenAPI document: version 2 of the interface, its paths, cursors and limits; changelogs
//! that go four weeks back, with `insert`, `update` and `delete`, and refuse an earlier date; amounts as texts; the fields of invoices and customers; 25 calls in five seconds;
//! an access token's day, and refresh tokens that serve once. Read in other people's code only: the address of tokens. Nowhere: the currency of
//! `remaining_amount_with_tax`, which is therefore believed only where the invoice's amount is the same in both currencies, and what becomes of what is archived: nobody
//! is reminded of it. Its webhooks are in trial and tell nothing of payments.
//! Invariant: what is asked for never lies further back than the changelogs go.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json as object};
use url::form_urlencoded;

use super::{
    Access, Ask, Changes, Connector, Deleted, Entity, Snapshot, Step, Told, What,
    mark::Mark,
    needed,
    reading::{
        address, amount, country, currency, customer, date_at, document, email, id, json, key, language, list, moment_at, needed_amount,
        needed_date, needed_id, phone, yes,
    },
    short, text,
    tokens::{self, Client},
};
use crate::{
    domain::{
        connection::ConnectionCredentials,
        customer::CustomerKind,
        invalid::Faults,
        push::{SourceCustomer, SourceInvoice, SourceKind, SourceShare, SourceStatus},
    },
    outbound::{Inbound, Unreadable, Unverified},
};

/// How to let it be asked.
pub const STEPS: &[&str] = &[
    "In Pennylane, under Settings, Connectivity, Developers, make an API token with the scopes customer_invoices:readonly and customers:readonly.",
    "Copy it into access_token; an application of yours gives client_id, client_secret and refresh_token instead.",
    "Nothing is entered at Pennylane: it is asked every few minutes what changed.",
];

const HOST: &str = "https://app.pennylane.com";
/// The changelogs go four weeks back, and refuse what lies before.
const REACH: TimeDelta = TimeDelta::days(27);
/// Rows of a list, and of a changelog.
const INVOICES: usize = 100;
const EVENTS: usize = 200;

const INVOICE: &str = "invoice";
const CUSTOMER: &str = "customer";

/// A company in Pennylane.
#[derive(Debug)]
pub struct Pennylane {
    access: Access,
}

impl Pennylane {
    /// The adapter of one company.
    ///
    /// # Errors
    /// It has neither a token nor what one is had for.
    pub fn open(access: Access) -> Result<Self, Faults> {
        let mut faults = Faults::none();
        if access.credentials.access_token.is_none() || access.credentials.refresh_token.is_some() {
            tokens::check_refresh(&access, &mut faults);
        }
        if access.credentials.access_token.is_none() && access.credentials.refresh_token.is_none() {
            faults = Faults::one(
                "/credentials/access_token",
                "required",
                "this system needs an API token, or an application's client and refresh token",
            );
        }
        faults.or(Self { access })
    }

    fn get(&self, path: &str, query: &[(&str, &str)]) -> Ask {
        let query =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(query.iter().filter(|(_, value)| !value.is_empty())).finish();
        let mark = if query.is_empty() { "" } else { "?" };
        Ask::get(self.access.url(HOST, &format!("/api/external/v2/{path}{mark}{query}")), &self.access)
    }

    fn invoice(&self, number: &str, answers: &[Vec<u8>]) -> Result<Step, Unreadable> {
        let Some(first) = answers.first() else { return Ok(Step::Ask(self.get(&format!("customer_invoices/{number}"), &[]))) };
        let value = json(first)?;
        if yes(&value, "/draft") {
            return Ok(Step::Nothing("a draft".to_owned()));
        }
        if value.pointer("/customer/id").is_none() {
            return Ok(Step::Nothing("it is made out to nobody yet".to_owned()));
        }
        let Some(second) = answers.get(1) else {
            return Ok(Step::Ask(self.get(&format!("customers/{}", needed_id(&value, "/customer/id")?), &[])));
        };
        let document = self.snapshot(&value, whom(&json(second)?)?)?;
        Ok(Step::Whole(vec![Snapshot { external_id: needed_id(&value, "/id")?.to_owned(), document }]))
    }

    fn snapshot(&self, value: &Value, debtor: SourceCustomer) -> Result<SourceInvoice, Unreadable> {
        let currency = currency(value, "/currency", &self.access)?;
        let signed = needed_amount(value, "/currency_amount", currency)?;
        let kind = if signed < 0 { SourceKind::CreditNote } else { SourceKind::Invoice };
        let total = signed.saturating_abs();
        // What is left is told in the company's currency, or in the invoice's: it is the same amount, or it is not known.
        let same = amount(value, "/amount", currency).ok().flatten() == Some(signed);
        let left = if same {
            amount(value, "/remaining_amount_with_tax", currency)?.map(|left| if signed < 0 { left.saturating_abs() } else { left.max(0) })
        } else {
            None
        };
        let word = text(value, "/status");
        let status = if word == Some("cancelled") {
            SourceStatus::Void
        } else if yes(value, "/paid") {
            SourceStatus::Paid
        } else if word == Some("archived") || text(value, "/archived_at").is_some() {
            SourceStatus::Uncollectible
        } else {
            SourceStatus::Open
        };
        let credited = id(value, "/credited_invoice/id").filter(|_| kind == SourceKind::CreditNote && total > 0);
        let number = text(value, "/invoice_number").map_or_else(|| needed(value, "/id"), Ok)?;
        Ok(SourceInvoice {
            due_date: date_at(value, "/deadline").filter(|_| kind == SourceKind::Invoice),
            amount_due: if credited.is_some() { Some(0) } else { left },
            credits: credited.map(|id| SourceShare { external_id: id.to_owned(), amount: total }).into_iter().collect(),
            updated_at: moment_at(value, "/updated_at"),
            ..document((kind, status), number, needed_date(value, "/date")?, (total, currency), debtor)
        })
    }

    /// A customer's open invoices: its address is theirs.
    fn of_customer(&self, number: &str, answers: &[Vec<u8>]) -> Result<Step, Unreadable> {
        let filter = object!([{"field": "customer_id", "operator": "eq", "value": number}]).to_string();
        let Some(first) = answers.first() else {
            return Ok(Step::Ask(self.get("customer_invoices", &[("filter", &filter), ("limit", &INVOICES.to_string())])));
        };
        let answer = json(first)?;
        let open = list(&answer, "/items").iter().filter(|row| is_open(row)).filter_map(|row| id(row, "/id"));
        let found: Vec<Entity> = open.map(|id| Entity { kind: INVOICE.to_owned(), id: id.to_owned() }).collect();
        Ok(if found.is_empty() { Step::Nothing("no open invoice is concerned".to_owned()) } else { Step::Others(found) })
    }

    fn ask_changes(&self, mark: &Mark, now: DateTime<Utc>) -> Ask {
        let page = mark.page.as_deref().unwrap_or_default();
        let Some(since) = mark.since else {
            return self.get("customer_invoices", &[("limit", &INVOICES.to_string()), ("cursor", page)]);
        };
        let path = if mark.part == 0 { "changelogs/customer_invoices" } else { "changelogs/customers" };
        let since = since.max(now - REACH).to_rfc3339_opts(SecondsFormat::Secs, true);
        // A page is named by its cursor alone; a date beside it is refused.
        let since = if page.is_empty() { since } else { String::new() };
        self.get(path, &[("limit", &EVENTS.to_string()), ("start_date", &since), ("cursor", page)])
    }
}

fn is_open(row: &Value) -> bool {
    !yes(row, "/paid") && !yes(row, "/draft")
}

/// What a row of a list or of a changelog says. Nobody says whether what was deleted was an invoice or a credit note: both are, and one of them was never known.
fn told(kind: &str, row: &Value) -> Vec<Told> {
    let Some(number) = id(row, "/id") else { return Vec::new() };
    let when = text(row, "/processed_at").or_else(|| text(row, "/updated_at")).unwrap_or_default();
    let key = |kind: &str| key(&[kind, number, text(row, "/operation").unwrap_or("listed"), when]);
    let gone = |kind: SourceKind| Deleted { kind, external_id: number.to_owned(), at: moment_at(row, "/processed_at") };
    match text(row, "/operation") {
        Some("delete") if kind == CUSTOMER => {
            vec![Told { key: key(kind), what: What::Nothing("a customer was deleted; what he owes is told with his invoices".to_owned()) }]
        }
        Some("delete") => SourceKind::ALL.iter().map(|kind| Told { key: key(kind.as_str()), what: What::Deleted(gone(*kind)) }).collect(),
        _ => vec![Told { key: key(kind), what: What::Changed(Entity { kind: kind.to_owned(), id: number.to_owned() }) }],
    }
}

fn whom(value: &Value) -> Result<SourceCustomer, Unreadable> {
    let place = text(value, "/billing_address/country_alpha2").and_then(country);
    let individual = text(value, "/customer_type") == Some("individual");
    Ok(SourceCustomer {
        number: short(value, "/reference", 60),
        kind: individual.then_some(CustomerKind::Consumer),
        country: place.and_then(|country| country.as_str().parse().ok()),
        language: text(value, "/billing_language").and_then(language),
        vat_id: short(value, "/vat_number", 40),
        contact_name: short(value, "/recipient", 140),
        email: list(value, "/emails").iter().find_map(|one| one.as_str().and_then(email)),
        phone: text(value, "/phone").and_then(phone),
        address: address(value, &["/billing_address/address"], "/billing_address/postal_code", "/billing_address/city", place),
        ..customer(needed_id(value, "/id")?, needed(value, "/name")?)
    })
}

impl Connector for Pennylane {
    /// Nobody is told this connection's address.
    fn verify(&self, _: &Inbound, _: DateTime<Utc>) -> Result<(), Unverified> {
        Err(Unverified::NoReceipts)
    }

    fn read(&self, _: &Inbound) -> Result<Vec<Told>, Unreadable> {
        Err(Unreadable("this system is asked, and tells nothing by itself".to_owned()))
    }

    fn fetch(&self, entity: &Entity, answers: &[Vec<u8>]) -> Result<Step, Unreadable> {
        if entity.kind == CUSTOMER { self.of_customer(&entity.id, answers) } else { self.invoice(&entity.id, answers) }
    }

    fn polls(&self) -> bool {
        true
    }

    fn changes(&self, cursor: Option<&str>, answers: &[Vec<u8>], now: DateTime<Utc>) -> Result<Changes, Unreadable> {
        let mark = Mark::at(cursor, now);
        let Some(answer) = answers.first() else { return Ok(Changes::Ask(self.ask_changes(&mark, now))) };
        let answer = json(answer)?;
        let kind = if mark.part == 0 { INVOICE } else { CUSTOMER };
        let wanted = |row: &&Value| !mark.is_first() || is_open(row);
        let told = list(&answer, "/items").iter().filter(wanted).flat_map(|row| told(kind, row)).collect();
        let next = text(&answer, "/next_cursor").filter(|_| yes(&answer, "/has_more")).map(str::to_owned);
        let parts = if mark.is_first() { 1 } else { 2 };
        Ok(mark.after(told, next, parts))
    }

    fn renewal(&self) -> Option<Ask> {
        self.access.credentials.refresh_token.as_ref()?;
        Some(tokens::renewal(&self.access, self.access.url(HOST, "/oauth/oauth/token"), Client::Form, &[]))
    }

    fn renewed(&self, answer: &[u8], now: DateTime<Utc>) -> Result<ConnectionCredentials, Unreadable> {
        tokens::renewed(&self.access, answer, now)
    }
}

#[cfg(test)]
mod tests;
