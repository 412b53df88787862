//! Sage Intacct, by its REST interface: it is asked what changed, and a trigger may tell it earlier.
//!
//! A pass asks the query service for invoices and adjustments that changed since the last one; the first pass passes over what is settled. Each is asked for, then its customer,
//! then the customer's contact. An adjustment that gives money up is a credit note.
//!
//! How sure we are. Read in Sage's public pages and in clients generated from its OpenAPI documents: the paths, `ia::result` and `ia::meta`, the states and fields of invoices,
//! adjustments and contacts; amounts as texts; triggers of the kind HTTP POST, whose body their author writes. Read in other people's code: the query service, and tokens by
//! `client_credentials` for `user@company`. From memory: `adjustmentType`, where a customer's contact is found, and its country code. Deliveries of a trigger as webhooks (an early-adopter
//! feature) carry a token of Sage's whose keys are documented nowhere that we found: the address is the secret, and what a trigger says is asked for anyway.
//! Invariant: a trigger's words are never believed beyond an object and its key.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json as object};

use super::{
    Access, Ask, Changes, Connector, Entity, Snapshot, Step, Told, What,
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
        crypto::sha256,
        invalid::Faults,
        push::{SourceCustomer, SourceInvoice, SourceKind, SourceStatus},
    },
    outbound::{Inbound, Unreadable, Unverified, net::Method},
};

/// How to let it be asked, and how to make it tell.
pub const STEPS: &[&str] = &[
    "At developer.sage.com make an application for Sage Intacct, and have your company's administrator authorise its client id for a user who may read invoices, adjustments, customers and contacts.",
    "Copy the application's client id and client secret into this connection, and user@company as account; user@company|entity for one of several entities.",
    "To be told at once, add a Platform trigger of the kind HTTP POST to AR Invoice, with the address {url} and the body {\"object\": \"accounts-receivable/invoice\", \"key\": \"the invoice's record number\", \"at\": \"the time of its last change\"}; likewise to AR Adjustment. Whoever knows the address can make this connection ask: keep it secret.",
];

const HOST: &str = "https://api.intacct.com";
const API: &str = "/ia/api/v1";
const ROWS: usize = 200;
const INVOICE: &str = "accounts-receivable/invoice";
const ADJUSTMENT: &str = "accounts-receivable/adjustment";
const PARTS: [&str; 2] = [INVOICE, ADJUSTMENT];

/// A company in Sage Intacct.
#[derive(Debug)]
pub struct SageIntacct {
    access: Access,
    user: String,
}

impl SageIntacct {
    /// The adapter of one company.
    ///
    /// # Errors
    /// What is missing of the application's name and the user's.
    pub fn open(access: Access) -> Result<Self, Faults> {
        let mut faults = Faults::none();
        let secrets = &access.credentials;
        for (pointer, secret) in [("client_id", secrets.client_id.as_ref()), ("client_secret", secrets.client_secret.as_ref())] {
            if let Err(part) = ConnectionCredentials::required(secret, pointer, "your application's client id and secret") {
                faults.0.extend(part.0);
            }
        }
        let user = access.settings.account.clone().unwrap_or_default();
        if !user.split_once('@').is_some_and(|(user, company)| !user.is_empty() && !company.is_empty()) {
            faults.add("/settings/account", "required", "this system needs user@company");
        }
        faults.or(Self { access, user })
    }

    fn get(&self, path: &str) -> Ask {
        Ask::get(self.access.url(HOST, &format!("{API}/objects/{path}")), &self.access)
    }

    /// The document, its customer, and the customer's contact where there is one.
    fn document(&self, entity: &Entity, answers: &[Vec<u8>]) -> Result<Step, Unreadable> {
        let mut read = Vec::new();
        for answer in answers {
            read.push(json(answer)?.pointer("/ia::result").cloned().ok_or_else(|| Unreadable("/ia::result is missing".to_owned()))?);
        }
        let Some(value) = read.first() else { return Ok(Step::Ask(self.get(&format!("{}/{}", entity.kind, entity.id)))) };
        if let Some(reason) = passed_over(&entity.kind, value) {
            return Ok(Step::Nothing(reason.to_owned()));
        }
        let Some(debtor) = read.get(1) else {
            return Ok(Step::Ask(self.get(&format!("accounts-receivable/customer/{}", needed_id(value, "/customer/key")?))));
        };
        let contact = match (id(debtor, "/contacts/default/key"), read.get(2)) {
            (Some(key), None) if text(debtor, "/contacts/default/email1").is_none() => {
                return Ok(Step::Ask(self.get(&format!("company-config/contact/{key}"))));
            }
            (_, Some(contact)) => contact,
            _ => debtor.pointer("/contacts/default").unwrap_or(&Value::Null),
        };
        let debtor = whom(value, debtor, contact)?;
        let document = if entity.kind == ADJUSTMENT { self.credit_note(value, debtor)? } else { self.invoice(value, debtor)? };
        Ok(Step::Whole(vec![Snapshot { external_id: needed_id(value, "/key")?.to_owned(), document }]))
    }

    fn invoice(&self, value: &Value, debtor: SourceCustomer) -> Result<SourceInvoice, Unreadable> {
        let currency = currency(value, "/currency/txnCurrency", &self.access)?;
        let number = text(value, "/invoiceNumber").map_or_else(|| needed(value, "/key"), Ok)?;
        let total = needed_amount(value, "/totalTxnAmount", currency)?;
        Ok(SourceInvoice {
            due_date: date_at(value, "/dueDate"),
            amount_due: Some(needed_amount(value, "/totalTxnAmountDue", currency)?),
            paid_on: date_at(value, "/paymentInformation/fullyPaidDate"),
            order_reference: short(value, "/referenceNumber", 100),
            updated_at: moment_at(value, "/audit/modifiedDateTime"),
            ..document((SourceKind::Invoice, status(value)?), number, needed_date(value, "/invoiceDate")?, (total, currency), debtor)
        })
    }

    fn credit_note(&self, value: &Value, debtor: SourceCustomer) -> Result<SourceInvoice, Unreadable> {
        let currency = currency(value, "/txnCurrency/currency", &self.access)?;
        let number = text(value, "/adjustmentNumber").map_or_else(|| needed(value, "/key"), Ok)?;
        let total = needed_amount(value, "/txnCurrency/totalEntered", currency)?.saturating_abs();
        let issued = date_at(value, "/createdDate").or_else(|| date_at(value, "/glPostingDate"));
        Ok(SourceInvoice {
            amount_due: amount(value, "/txnCurrency/totalDue", currency)?.map(i64::saturating_abs),
            updated_at: moment_at(value, "/audit/modifiedDateTime"),
            ..document(
                (SourceKind::CreditNote, status(value)?),
                number,
                issued.ok_or_else(|| Unreadable("/createdDate is missing".to_owned()))?,
                (total, currency),
                debtor,
            )
        })
    }
}

/// Why a document means nothing here.
fn passed_over(kind: &str, value: &Value) -> Option<&'static str> {
    match text(value, "/state") {
        Some("draft" | "noValue") => Some("a draft"),
        Some("reversal") => Some("it undoes another document, which is told as undone itself"),
        _ if kind == ADJUSTMENT && text(value, "/adjustmentType") == Some("debit") => {
            Some("an adjustment that asks for more: its invoice is told")
        }
        _ => None,
    }
}

fn status(value: &Value) -> Result<SourceStatus, Unreadable> {
    match needed(value, "/state")? {
        "posted" | "partiallyPaid" | "selected" => Ok(SourceStatus::Open),
        "paid" => Ok(SourceStatus::Paid),
        "reversed" => Ok(SourceStatus::Void),
        other => Err(Unreadable(format!("unknown state {other}"))),
    }
}

fn whom(value: &Value, debtor: &Value, contact: &Value) -> Result<SourceCustomer, Unreadable> {
    let name = text(debtor, "/name").map_or_else(|| needed(value, "/customer/name"), Ok)?;
    let place = text(contact, "/mailingAddress/isoCountryCode").or_else(|| text(contact, "/mailingAddress/country")).and_then(country);
    let person = [short(contact, "/firstName", 60), short(contact, "/lastName", 60)].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let lines = ["/mailingAddress/addressLine1", "/mailingAddress/addressLine2", "/mailingAddress/addressLine3"];
    Ok(SourceCustomer {
        number: short(value, "/customer/id", 60),
        country: place.and_then(|country| country.as_str().parse().ok()),
        vat_id: short(debtor, "/taxId", 40),
        contact_name: Some(person).filter(|name| !name.is_empty()),
        email: text(contact, "/email1").and_then(email),
        phone: ["/mobile", "/phone1"].into_iter().find_map(|place| text(contact, place).and_then(phone)),
        address: address(contact, &lines, "/mailingAddress/postCode", "/mailingAddress/city", place),
        ..customer(needed_id(value, "/customer/key")?, name)
    })
}

impl Connector for SageIntacct {
    /// Whoever knows the address may make us ask.
    fn verify(&self, _: &Inbound, _: DateTime<Utc>) -> Result<(), Unverified> {
        Ok(())
    }

    fn read(&self, inbound: &Inbound) -> Result<Vec<Told>, Unreadable> {
        let body = json(&inbound.body)?;
        let kind = PARTS.into_iter().find(|kind| text(&body, "/object") == Some(kind));
        let what = match (kind, id(&body, "/key")) {
            (None, _) => What::Nothing("neither an invoice nor an adjustment".to_owned()),
            (Some(_), None) => What::Nothing("it names nothing that can be asked for".to_owned()),
            (Some(kind), Some(id)) => What::Changed(Entity { kind: kind.to_owned(), id: id.to_owned() }),
        };
        // A trigger names no event of its own. Sage repeats a delivery under one key; without one, and without a time in the body, a thing is told once, and found by asking after that.
        let key_of = inbound.headers.get("idempotency-key").cloned().or_else(|| text(&body, "/at").map(str::to_owned));
        let key_of = key_of.unwrap_or_else(|| data_encoding::HEXLOWER.encode(&sha256(&[inbound.body.as_slice()])));
        Ok(vec![Told { key: key(&["trigger", text(&body, "/key").unwrap_or_default(), &key_of]), what }])
    }

    fn fetch(&self, entity: &Entity, answers: &[Vec<u8>]) -> Result<Step, Unreadable> {
        self.document(entity, answers)
    }

    fn polls(&self) -> bool {
        true
    }

    fn changes(&self, cursor: Option<&str>, answers: &[Vec<u8>], now: DateTime<Utc>) -> Result<Changes, Unreadable> {
        let mark = Mark::at(cursor, now);
        let kind = PARTS.get(mark.part).copied().unwrap_or(INVOICE);
        let start = mark.page.as_deref().and_then(|page| page.parse().ok()).unwrap_or(1_usize);
        let Some(answer) = answers.first() else {
            let mut question = object!({"object": kind, "fields": ["key", "state", "audit.modifiedDateTime"], "orderBy": [{"key": "asc"}], "start": start, "size": ROWS});
            if let (Some(since), Some(fields)) = (mark.since, question.as_object_mut()) {
                let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
                fields.insert("filters".to_owned(), object!([{"$gte": {"audit.modifiedDateTime": since}}]));
            }
            let mut ask = Ask::get(self.access.url(HOST, &format!("{API}/services/core/query")), &self.access);
            ask.headers.push(("content-type", "application/json".to_owned()));
            return Ok(Changes::Ask(Ask { method: Method::POST, body: Some(question.to_string()), ..ask }));
        };
        let answer = json(answer)?;
        let rows = list(&answer, "/ia::result");
        let settled = |row: &Value| matches!(text(row, "/state"), Some("draft" | "noValue" | "paid" | "reversed" | "reversal"));
        let told = rows.iter().filter(|row| !mark.is_first() || !settled(row)).filter_map(|row| {
            let id = id(row, "/key")?;
            let when = text(row, "/audit.modifiedDateTime").or_else(|| text(row, "/audit/modifiedDateTime")).unwrap_or_default();
            Some(Told { key: key(&["asked", kind, id, when]), what: What::Changed(Entity { kind: kind.to_owned(), id: id.to_owned() }) })
        });
        let told = told.collect();
        let next = (rows.len() >= ROWS).then(|| start.saturating_add(ROWS).to_string());
        Ok(mark.after(told, next, PARTS.len()))
    }

    fn renewal(&self) -> Option<Ask> {
        let own = [("grant_type", "client_credentials"), ("username", self.user.as_str())];
        Some(tokens::renewal(&self.access, self.access.url(HOST, &format!("{API}/oauth2/token")), Client::Form, &own))
    }

    fn renewed(&self, answer: &[u8], now: DateTime<Utc>) -> Result<ConnectionCredentials, Unreadable> {
        tokens::renewed(&self.access, answer, now)
    }
}

#[cfg(test)]
mod tests;
