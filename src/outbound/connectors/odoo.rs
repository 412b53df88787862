//! Odoo: an automation rule on journal entries (`account.move`) posts the fields that it is told to. Nothing is signed: the address is the secret.
//!
//! A relation is its id, or its id and name, as the version and the field have it; an absent value is `false`. Amounts are floats of decimals, and arrive with the
//! rounding of floats: an amount is taken when it is a millionth away from one of the currency at most. `write_date` orders what is posted, for Odoo repeats nothing and
//! promises no order. Sources: odoo.com/documentation (automation rules, webhooks), the model `account.move`; that a rule posts `_model` and `_id` beside the fields is
//! known from its source. An entry's `payment_state` is `reversed` when a credit note took all of it back.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;

use super::{Access, Connector, Snapshot, Told, What, needed, short, text};
use crate::{
    domain::{
        customer::Address,
        external::Pairs,
        invalid::Faults,
        money::{Currency, MAX_MINOR},
        push::{SourceCustomer, SourceInvoice, SourceKind, SourceShare, SourceStatus, exact_json},
    },
    outbound::{Inbound, Unreadable, Unverified},
};

/// What to do in Odoo.
pub const STEPS: &[&str] = &[
    "In Odoo, open Settings, Technical, Automation Rules, and make a rule on the model Journal Entry (account.move), triggered on save, limited to customer invoices and credit notes that are not drafts.",
    "Add the action Send Webhook Notification with the address {url}. Whoever knows it can write invoices: keep it secret.",
    "Choose the fields name, move_type, state, payment_state, invoice_date, invoice_date_due, amount_total, amount_residual, currency_id, partner_id, invoice_partner_display_name, reversed_entry_id, payment_reference, ref and write_date.",
    "Set settings.currency here if your Odoo posts currency_id as a number.",
];

/// One Odoo's adapter.
#[derive(Debug)]
pub struct Odoo {
    access: Access,
}

impl Odoo {
    /// It needs nothing but its address.
    ///
    /// # Errors
    /// None.
    pub const fn open(access: Access) -> Result<Self, Faults> {
        Ok(Self { access })
    }
}

impl Connector for Odoo {
    /// Whoever found the way here knows the address.
    fn verify(&self, _inbound: &Inbound, _now: DateTime<Utc>) -> Result<(), Unverified> {
        Ok(())
    }

    fn read(&self, inbound: &Inbound) -> Result<Vec<Told>, Unreadable> {
        let posted = exact_json(&inbound.body).map_err(|error| Unreadable(error.to_string()))?;
        let id = text(&posted, "/_id").map_or_else(|| needed(&posted, "/id"), Ok)?;
        let at = needed(&posted, "/write_date")?;
        let key = format!("{id}:{at}").chars().take(200).collect();
        if let Some(model) = text(&posted, "/_model").filter(|model| *model != "account.move") {
            return Ok(vec![Told { key, what: What::Nothing(format!("{} is no invoice", super::super::excerpt(model))) }]);
        }
        Ok(vec![Told { key, what: self.entry(&posted, id, moment(at)?)? }])
    }
}

impl Odoo {
    fn entry(&self, posted: &Value, id: &str, at: DateTime<Utc>) -> Result<What, Unreadable> {
        let kind = match needed(posted, "/move_type")? {
            "out_invoice" => SourceKind::Invoice,
            "out_refund" => SourceKind::CreditNote,
            other => return Ok(What::Nothing(format!("{} is no invoice to a customer", super::super::excerpt(other)))),
        };
        let paid = text(posted, "/payment_state");
        let status = match (needed(posted, "/state")?, paid) {
            ("draft", _) => return Ok(What::Nothing("a draft is nothing yet".to_owned())),
            ("cancel", _) => SourceStatus::Void,
            (_, Some("paid" | "reversed" | "in_payment")) => SourceStatus::Paid,
            _ => SourceStatus::Open,
        };
        let currency = self.currency(posted)?;
        let total = amount(posted, "/amount_total", currency)?;
        let left = amount(posted, "/amount_residual", currency)?;
        let (partner, partner_name) = related(posted, "/partner_id").ok_or_else(|| Unreadable("/partner_id is missing".to_owned()))?;
        let name =
            short(posted, "/invoice_partner_display_name", 140).or_else(|| partner_name.map(|name| name.chars().take(140).collect()));
        let reversed = related(posted, "/reversed_entry_id").filter(|_| kind == SourceKind::CreditNote && total > 0);
        let document = SourceInvoice {
            kind,
            number: short(posted, "/name", 60).ok_or_else(|| Unreadable("/name is missing".to_owned()))?,
            status,
            issue_date: day(posted, "/invoice_date").ok_or_else(|| Unreadable("/invoice_date is missing".to_owned()))?,
            due_date: day(posted, "/invoice_date_due").filter(|_| kind == SourceKind::Invoice),
            currency,
            total,
            amount_due: Some(left).filter(|_| kind == SourceKind::Invoice),
            // What a credit note took back was not paid.
            amount_paid: (paid == Some("reversed")).then_some(0),
            paid_on: None,
            collect_on: None,
            payment_link: None,
            order_reference: short(posted, "/ref", 100),
            structured_reference: short(posted, "/payment_reference", 40),
            credits: reversed.map(|(id, _)| SourceShare { external_id: id, amount: total }).into_iter().collect(),
            customer: SourceCustomer {
                external_id: partner,
                name,
                number: None,
                kind: self.access.settings.customer_kind,
                country: None,
                language: None,
                vat_id: None,
                contact_name: None,
                email: text(posted, "/partner_email").and_then(|text| text.parse().ok()),
                phone: text(posted, "/partner_phone").and_then(|text| text.parse().ok()),
                address: Address::default(),
            },
            updated_at: Some(at),
            metadata: Pairs::default(),
        };
        Ok(What::Whole(Box::new(Snapshot { external_id: id.chars().take(180).collect(), document })))
    }

    fn currency(&self, posted: &Value) -> Result<Currency, Unreadable> {
        let named = related(posted, "/currency_id").and_then(|(id, name)| name.unwrap_or(id).parse().ok());
        let known = named.or(self.access.settings.currency);
        known.ok_or_else(|| Unreadable("currency_id does not name a currency; set settings.currency".to_owned()))
    }
}

/// A relation's id and name: `7`, `[7, "Azure"]`, `{"id": 7, "display_name": "Azure"}`.
fn related(posted: &Value, pointer: &str) -> Option<(String, Option<String>)> {
    let (id, name) = match posted.pointer(pointer)? {
        Value::String(id) => (id.as_str(), None),
        Value::Array(parts) => (parts.first()?.as_str()?, parts.get(1).and_then(Value::as_str)),
        Value::Object(parts) => (parts.get("id")?.as_str()?, parts.get("display_name").and_then(Value::as_str)),
        Value::Null | Value::Bool(_) | Value::Number(_) => return None,
    };
    Some((id.chars().take(180).collect::<String>(), name.map(str::to_owned))).filter(|(id, _)| !id.is_empty())
}

/// An amount in minor units, rid of the rounding of floats.
fn amount(posted: &Value, pointer: &str, currency: Currency) -> Result<i64, Unreadable> {
    let wrong = || Unreadable(format!("{pointer} is no amount of {currency}"));
    let written = needed(posted, pointer)?;
    let given = written.parse::<Decimal>().or_else(|_| Decimal::from_scientific(written)).map_err(|_| wrong())?;
    let unit = Decimal::new(1, currency.decimals());
    let minor = given.checked_div(unit).ok_or_else(wrong)?;
    let whole = minor.round();
    if (minor - whole).abs() > Decimal::new(1, 4) {
        return Err(wrong());
    }
    i64::try_from(whole).ok().map(i64::abs).filter(|minor| *minor <= MAX_MINOR).ok_or_else(wrong)
}

fn day(posted: &Value, pointer: &str) -> Option<NaiveDate> {
    text(posted, pointer)?.get(..10)?.parse().ok()
}

/// Odoo's moments are of UTC and do not say so.
fn moment(text: &str) -> Result<DateTime<Utc>, Unreadable> {
    let read = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f")
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f"));
    read.map(|at| at.and_utc()).map_err(|_| Unreadable("/write_date is no moment".to_owned()))
}

#[cfg(test)]
mod tests;
