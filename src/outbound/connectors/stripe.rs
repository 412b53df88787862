//! Stripe Invoicing: `Stripe-Signature` is `t=` and one or more `v1=`, each the HMAC-SHA256 of `t.body` in hexadecimal; an event carries the whole object.
//!
//! Amounts are in Stripe's smallest unit, which is not ISO 4217's for a few currencies: the krona and the shilling count hundredths that do not exist, the ariary
//! none of its own. Events come in any order; each tells when it was made. A credit note matters as far as it was given before payment; what is refunded later
//! changes no invoice. Sources: docs.stripe.com/webhooks, /api/invoices, /api/credit_notes, /currencies. The parts of a credit note (`pre_payment_amount`, before that
//! `type`) depend on the version of Stripe's API that the endpoint is made for; both are read.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::Value;

use super::{Access, Connector, Snapshot, Told, What, needed, short, text};
use crate::{
    domain::{
        connection::ConnectionCredentials,
        customer::Address,
        external::Pairs,
        invalid::Faults,
        money::Currency,
        push::{SourceCustomer, SourceInvoice, SourceKind, SourceShare, SourceStatus, exact_json},
        tenant::AddressLine,
    },
    outbound::{Inbound, Unreadable, Unverified},
};

/// How far the time of signing may be from the present, either way: Stripe's own default.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);
const HEADER: &str = "stripe-signature";

/// What to do at Stripe.
pub const STEPS: &[&str] = &[
    "In the Stripe Dashboard, open Developers, Webhooks, and add an endpoint with the address {url}.",
    "Select the events invoice.finalized, invoice.updated, invoice.paid, invoice.payment_failed, invoice.overdue, invoice.voided, invoice.marked_uncollectible, credit_note.created, credit_note.updated and credit_note.voided.",
    "Copy the endpoint's signing secret (whsec_…) into credentials.signing_secrets.",
];

/// One Stripe account's adapter.
#[derive(Debug)]
pub struct Stripe {
    access: Access,
}

impl Stripe {
    /// Checks what it needs.
    ///
    /// # Errors
    /// A missing signing secret.
    pub fn open(access: Access) -> Result<Self, Faults> {
        ConnectionCredentials::required(access.credentials.signing_secrets.first(), "signing_secrets", "the endpoint's signing secret")?;
        Ok(Self { access })
    }
}

impl Connector for Stripe {
    fn verify(&self, inbound: &Inbound, now: DateTime<Utc>) -> Result<(), Unverified> {
        let header = inbound.header(HEADER)?;
        let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
        let stamp = parts().find_map(|(name, value)| (name == "t").then_some(value)).ok_or(Unverified::Malformed(HEADER))?;
        let signed_at = stamp.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0)).ok_or(Unverified::Malformed(HEADER))?;
        if (now - signed_at).abs() > TOLERANCE {
            return Err(Unverified::Stale);
        }
        let given =
            parts().filter(|(name, _)| *name == "v1").take(10).filter_map(|(_, hex)| data_encoding::HEXLOWER.decode(hex.as_bytes()).ok());
        let matching = given.filter(|signature| self.access.signed(signature, &[stamp.as_bytes(), b".", &inbound.body]));
        if matching.count() > 0 { Ok(()) } else { Err(Unverified::Mismatch) }
    }

    fn read(&self, inbound: &Inbound) -> Result<Vec<Told>, Unreadable> {
        let event = exact_json(&inbound.body).map_err(|error| Unreadable(error.to_string()))?;
        let key = needed(&event, "/id")?.chars().take(200).collect();
        let kind = needed(&event, "/type")?;
        let at = moment(&event, "/created");
        let object = event.pointer("/data/object").ok_or_else(|| Unreadable("/data/object is missing".to_owned()))?;
        let what = match kind.split_once('.') {
            Some(("invoice", _)) if text(object, "/object") == Some("invoice") => self.invoice(object, at)?,
            Some(("credit_note", _)) if text(object, "/object") == Some("credit_note") => self.credit_note(object, at)?,
            _ => What::Nothing(format!("{} says nothing of an invoice", super::super::excerpt(kind))),
        };
        Ok(vec![Told { key, what }])
    }
}

impl Stripe {
    fn invoice(&self, object: &Value, at: Option<DateTime<Utc>>) -> Result<What, Unreadable> {
        let status = match needed(object, "/status")? {
            "draft" => return Ok(What::Nothing("a draft is nothing yet".to_owned())),
            "open" => SourceStatus::Open,
            "paid" => SourceStatus::Paid,
            "void" => SourceStatus::Void,
            "uncollectible" => SourceStatus::Uncollectible,
            other => return Err(Unreadable(format!("unknown status {}", super::super::excerpt(other)))),
        };
        let currency = currency(object)?;
        let issued =
            day(object, "/effective_at").or_else(|| day(object, "/status_transitions/finalized_at")).or_else(|| day(object, "/created"));
        let issue_date = issued.ok_or_else(|| Unreadable("/created is missing".to_owned()))?;
        let automatic = text(object, "/collection_method") == Some("charge_automatically");
        let external_id = needed(object, "/id")?;
        let document = SourceInvoice {
            kind: SourceKind::Invoice,
            number: short(object, "/number", 60).unwrap_or_else(|| external_id.chars().take(60).collect()),
            status,
            issue_date,
            // What is charged automatically is due at once.
            due_date: day(object, "/due_date").or(Some(issue_date)),
            currency,
            total: amount(object, "/total", currency)?,
            amount_due: Some(amount(object, "/amount_remaining", currency)?),
            amount_paid: Some(amount(object, "/amount_paid", currency)?),
            paid_on: day(object, "/status_transitions/paid_at"),
            collect_on: day(object, "/next_payment_attempt").filter(|_| automatic && status == SourceStatus::Open),
            payment_link: text(object, "/hosted_invoice_url")
                .filter(|url| url.starts_with("https://") && url.len() <= 500)
                .map(str::to_owned),
            order_reference: None,
            structured_reference: None,
            credits: Vec::new(),
            customer: self.customer(object)?,
            updated_at: at,
            metadata: Pairs::default(),
        };
        Ok(What::Whole(Box::new(Snapshot { external_id: external_id.chars().take(180).collect(), document })))
    }

    fn credit_note(&self, object: &Value, at: Option<DateTime<Utc>>) -> Result<What, Unreadable> {
        let currency = currency(object)?;
        let given = match text(object, "/pre_payment_amount") {
            Some(_) => amount(object, "/pre_payment_amount", currency)?,
            None if text(object, "/type") == Some("post_payment") => 0,
            None => amount(object, "/total", currency)?,
        };
        if given == 0 {
            return Ok(What::Nothing("a credit note given after payment changes no invoice".to_owned()));
        }
        let external_id = needed(object, "/id")?;
        let document = SourceInvoice {
            kind: SourceKind::CreditNote,
            number: short(object, "/number", 60).unwrap_or_else(|| external_id.chars().take(60).collect()),
            status: if text(object, "/status") == Some("void") { SourceStatus::Void } else { SourceStatus::Open },
            issue_date: day(object, "/created").ok_or_else(|| Unreadable("/created is missing".to_owned()))?,
            due_date: None,
            currency,
            total: given,
            amount_due: None,
            amount_paid: None,
            paid_on: None,
            collect_on: None,
            payment_link: None,
            order_reference: None,
            structured_reference: None,
            credits: text(object, "/invoice")
                .map(|invoice| SourceShare { external_id: invoice.to_owned(), amount: given })
                .into_iter()
                .collect(),
            customer: self.customer(object)?,
            updated_at: at,
            metadata: Pairs::default(),
        };
        Ok(What::Whole(Box::new(Snapshot { external_id: external_id.chars().take(180).collect(), document })))
    }

    fn customer(&self, object: &Value) -> Result<SourceCustomer, Unreadable> {
        // The customer is a name, or all of it where the endpoint expands it.
        let external_id = text(object, "/customer").or_else(|| text(object, "/customer/id"));
        let external_id = external_id.ok_or_else(|| Unreadable("/customer is missing".to_owned()))?.chars().take(200).collect();
        let line = |pointer| short(object, pointer, 100).map(AddressLine);
        let country = text(object, "/customer_address/country");
        Ok(SourceCustomer {
            external_id,
            name: short(object, "/customer_name", 140).or_else(|| short(object, "/customer_email", 140)),
            number: None,
            kind: self.access.settings.customer_kind,
            country: country.and_then(|code| code.parse().ok()),
            language: None,
            vat_id: short(object, "/customer_tax_ids/0/value", 40),
            contact_name: None,
            email: text(object, "/customer_email").and_then(|text| text.parse().ok()),
            phone: text(object, "/customer_phone").and_then(|text| text.parse().ok()),
            address: Address {
                lines: [line("/customer_address/line1"), line("/customer_address/line2")].into_iter().flatten().collect(),
                postal_code: short(object, "/customer_address/postal_code", 20),
                city: short(object, "/customer_address/city", 100),
                country: country.filter(|code| code.len() == 2).map(str::to_owned),
            },
        })
    }
}

fn currency(object: &Value) -> Result<Currency, Unreadable> {
    needed(object, "/currency")?.to_ascii_uppercase().parse().map_err(Unreadable)
}

/// An amount in ISO 4217's minor units. What the creditor owes his customer is nothing to collect.
fn amount(object: &Value, pointer: &str, currency: Currency) -> Result<i64, Unreadable> {
    let wrong = || Unreadable(format!("{pointer} is no amount of {currency}"));
    let given = needed(object, pointer)?.parse::<i64>().map_err(|_| wrong())?.max(0);
    match currency.as_str() {
        "ISK" | "UGX" if given % 100 == 0 => Ok(given / 100),
        "ISK" | "UGX" => Err(wrong()),
        "MGA" => given.checked_mul(100).ok_or_else(wrong),
        _ => Ok(given),
    }
}

fn moment(object: &Value, pointer: &str) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(text(object, pointer)?.parse().ok()?, 0)
}

fn day(object: &Value, pointer: &str) -> Option<NaiveDate> {
    moment(object, pointer).map(|at| at.date_naive())
}

#[cfg(test)]
mod tests;
