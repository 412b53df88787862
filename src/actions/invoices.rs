//! Invoices: recorded, recorded again, changed, cancelled.
//!
//! Invariant: the balances of an invoice's instalments sum to its own, and its status follows from that.

mod again;
mod resolve;

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use serde_json::json;

use resolve::{Resolved, Resolver};

use super::{
    Act, interest,
    put::{IfKnown, Outcome, Parties, Put, Seen, one_by_one, taken},
};
use crate::{
    domain::{
        external::ExternalKey,
        ids::{CreditDecisionId, CustomerId, DocumentId, InstalmentId, InvoiceId},
        invalid::Faults,
        ledger::{
            document::DocumentLink,
            invoice::{InvoiceChange, InvoiceStatus, NewInvoice},
            terms::{DueDateSource, split::InstalmentDraft},
        },
    },
    error::{Error, Result},
    store::{self, Json, Ts, documents::Document, instalments::Instalment, invoices::Invoice},
};

/// Records invoices, each on its own.
///
/// # Errors
/// The store's; what is wrong with one invoice is in its place.
pub fn put(act: &mut Act<'_>, news: &[NewInvoice], if_known: IfKnown) -> Result<Vec<Result<Put<Invoice>>>> {
    let parties = Parties::load(act, news.iter().map(|new| (new.customer_id, new.customer.as_ref())))?;
    let keys: Vec<ExternalKey> = news.iter().filter_map(NewInvoice::key).collect();
    let mut known = store::invoices::find_by_keys(act.conn, act.tenant, &keys)?;
    if !known.is_empty() {
        // Read again under the locks of their accounts: until then a payment could have settled them.
        let accounts: BTreeSet<_> = known.values().map(|row| (row.customer_id, row.currency)).collect();
        store::accounts::lock(act.conn, act.tenant, &accounts)?;
        known = store::invoices::find_by_keys(act.conn, act.tenant, &keys)?;
    }
    let resolver = Resolver::load(act, news, &parties)?;
    let mut seen = Seen::default();
    let mut fresh = Fresh::default();
    let outcomes = one_by_one(news, |new| {
        new.check().or(())?;
        let customer = parties.find(new.customer_id, new.customer.as_ref())?;
        check_decision(act, customer, new)?;
        let key = new.key();
        if if_known == IfKnown::Refuse
            && let Some(key) = &key
            && let Some(id) = known.get(key).map(|old| old.id).or_else(|| fresh.named.get(key).copied())
        {
            return Err(taken("invoice", id));
        }
        seen.note(key.as_ref())?;
        match key.and_then(|key| known.get(&key)) {
            Some(old) => again::record(act, old, customer, new, resolver.resolve(new, customer, Some(old))?),
            None => Ok(Put { row: fresh.add(act, customer, new, resolver.resolve(new, customer, None)?), outcome: Outcome::Created }),
        }
    })?;
    fresh.write(act)?;
    Ok(outcomes)
}

/// Rows of invoices not recorded before: written together, a thousand as fast as one.
#[derive(Default)]
struct Fresh {
    /// By what another system calls them.
    named: HashMap<ExternalKey, InvoiceId>,
    invoices: Vec<Invoice>,
    instalments: Vec<Instalment>,
    documents: Vec<Document>,
    decisions: Vec<(InvoiceId, CreditDecisionId)>,
}

impl Fresh {
    fn add(&mut self, act: &Act<'_>, customer: CustomerId, new: &NewInvoice, resolved: Resolved) -> Invoice {
        let agreed = resolved.terms.as_ref().map(|terms| &terms.document);
        let row = Invoice {
            tenant_id: act.tenant,
            id: InvoiceId::new(act.wall),
            customer_id: customer,
            source: new.source.clone(),
            external_id: new.external_id.clone(),
            number: new.number.clone(),
            kind: new.kind,
            status: InvoiceStatus::of(new.total),
            issue_date: new.issue_date,
            currency: new.currency,
            net_minor: new.net,
            tax_minor: new.tax,
            total_minor: new.total,
            balance_minor: new.total,
            order_reference: new.order_reference.clone(),
            delivery_reference: new.delivery_reference.clone(),
            structured_reference: new.structured_reference.clone(),
            payment_link: new.payment_link.clone(),
            metadata: Json(new.metadata.clone()),
            version: 1,
            created_at: Ts(act.wall),
            updated_at: Ts(act.wall),
            late_interest: new.late_interest.clone().or_else(|| agreed.map(|terms| terms.late_interest.clone())).map(Json),
            fixed_sum: new.fixed_sum.clone().or_else(|| agreed.map(|terms| terms.fixed_sum.clone())).map(Json),
            order_date: new.order_date,
            delivery_date: new.delivery_date,
            due_date_source: resolved.source,
            terms_id: resolved.terms.as_ref().map(|terms| terms.terms_id),
            terms_version: resolved.terms.as_ref().map(|terms| terms.version),
            terms: resolved.terms.map(|terms| Json(terms.document)),
            bare_number: None,
            bare_reference: None,
        }
        .searchable();
        self.instalments.extend((0..).zip(resolved.parts).map(|(position, part)| instalment(act, &row, position, &part)));
        self.documents.extend(new.documents.iter().map(|link| document(act, &row, link)));
        self.named.extend(row.key().map(|key| (key, row.id)));
        self.decisions.extend(new.credit_decision_id.map(|decision| (row.id, decision)));
        self.invoices.push(row.clone());
        row
    }

    fn write(self, act: &mut Act<'_>) -> Result<()> {
        store::invoices::insert(act.conn, &self.invoices)?;
        store::instalments::insert(act.conn, &self.instalments)?;
        store::documents::insert(act.conn, &self.documents)?;
        let mut parts = self.instalments.iter().peekable();
        for row in &self.invoices {
            let own: Vec<_> = std::iter::from_fn(|| parts.next_if(|part| part.invoice_id == row.id)).map(terms).collect();
            let body = json!({"customer_id": row.customer_id, "source": row.source, "external_id": row.external_id, "number": row.number,
                "kind": row.kind, "issue_date": row.issue_date, "currency": row.currency, "total": row.total_minor, "instalments": own,
                "due_date_source": row.due_date_source, "terms_id": row.terms_id, "terms_version": row.terms_version});
            act.witness("invoice.created", row.id, body);
            act.touch(row.customer_id, row.currency);
        }
        super::credit::decisions::confirm(act, &self.invoices, &self.decisions)
    }
}

/// Whether the credit decision that an invoice names is one of its customer, in its currency.
fn check_decision(act: &mut Act<'_>, customer: CustomerId, new: &NewInvoice) -> Result<()> {
    let Some(id) = new.credit_decision_id else { return Ok(()) };
    match store::credit_decisions::find(act.conn, act.tenant, id) {
        Ok(row) if (row.customer_id, row.currency) == (customer, new.currency) => Ok(()),
        Ok(_) => Err(Faults::one("/credit_decision_id", "mismatch", "this decision is about another customer or currency").into()),
        Err(Error::NotFound(_)) => Err(Faults::one("/credit_decision_id", "not_found", "no such credit decision").into()),
        Err(error) => Err(error),
    }
}

fn terms(part: &Instalment) -> serde_json::Value {
    let mut body = json!({"id": part.id, "due_date": part.due_date, "amount": part.amount_minor});
    if let (Some(discount), Some(body)) = (part.discount(), body.as_object_mut()) {
        body.insert("discount".to_owned(), json!({"amount": discount.amount, "last_day": discount.last_day}));
    }
    body
}

fn instalment(act: &Act<'_>, invoice: &Invoice, position: i32, part: &InstalmentDraft) -> Instalment {
    Instalment {
        tenant_id: act.tenant,
        id: InstalmentId::new(act.wall),
        invoice_id: invoice.id,
        customer_id: invoice.customer_id,
        currency: invoice.currency,
        position,
        due_date: part.due_date,
        amount_minor: part.amount_minor,
        balance_minor: part.amount_minor,
        step_key: None,
        step_cycle: None,
        first_completed_at: None,
        last_completed_at: None,
        discount_minor: part.discount.map(|discount| discount.amount),
        discount_until: part.discount.map(|discount| discount.last_day),
    }
}

fn document(act: &Act<'_>, invoice: &Invoice, link: &DocumentLink) -> Document {
    Document {
        tenant_id: act.tenant,
        id: DocumentId::new(act.wall),
        invoice_id: Some(invoice.id),
        customer_id: Some(invoice.customer_id),
        name: link.name.clone(),
        media_type: link.media_type,
        size: None,
        sha256: None,
        url: Some(link.url.clone()),
        file_id: None,
        created_at: Ts(act.wall),
    }
}

/// One invoice under the lock of its account.
fn locked(act: &mut Act<'_>, id: InvoiceId) -> Result<Invoice> {
    let row = store::invoices::find(act.conn, act.tenant, id)?;
    store::accounts::lock(act.conn, act.tenant, &[(row.customer_id, row.currency)].into())?;
    store::invoices::find(act.conn, act.tenant, id)
}

/// Changes what is not an amount. Only what is not sent yet follows a moved due date.
///
/// # Errors
/// No such invoice; `invoice_cancelled`; every broken rule of the input.
pub fn change(act: &mut Act<'_>, id: InvoiceId, change: &InvoiceChange) -> Result<Invoice> {
    let old = locked(act, id)?;
    refuse_cancelled(&old)?;
    let parts = store::instalments::of_invoices(act.conn, act.tenant, &[id])?;
    let mut faults = change.check();
    let mut moved = moves(change, &parts, &mut faults);
    faults.or(())?;
    let wanted = Invoice {
        number: change.number.clone().unwrap_or_else(|| old.number.clone()),
        order_reference: change.order_reference.clone().or_else(|| old.order_reference.clone()),
        delivery_reference: change.delivery_reference.clone().or_else(|| old.delivery_reference.clone()),
        structured_reference: change.structured_reference.clone().or_else(|| old.structured_reference.clone()),
        payment_link: change.payment_link.clone().or_else(|| old.payment_link.clone()),
        order_date: change.order_date.or(old.order_date),
        delivery_date: change.delivery_date.or(old.delivery_date),
        due_date_source: if moved.is_empty() { old.due_date_source } else { DueDateSource::Given },
        metadata: change.metadata.clone().map_or_else(|| old.metadata.clone(), Json),
        ..old.clone()
    };
    if wanted == old && moved.is_empty() {
        return Ok(old);
    }
    if wanted.dates() != old.dates() {
        moved.extend(resolve::redated(act, &wanted, &parts)?);
    }
    for (part, due_date) in &moved {
        store::instalments::set_due_date(act.conn, act.tenant, part.id, *due_date)?;
    }
    let parts = store::instalments::of_invoices(act.conn, act.tenant, &[id])?;
    changed(act, wanted, &parts)
}

/// Writes a changed invoice with its next version, its evidence and its wake-up call.
fn changed(act: &mut Act<'_>, wanted: Invoice, parts: &[Instalment]) -> Result<Invoice> {
    let row = Invoice { version: wanted.version.saturating_add(1), updated_at: Ts(act.wall), ..wanted }.searchable();
    store::invoices::update(act.conn, &row)?;
    let body = json!({"number": row.number, "currency": row.currency, "total": row.total_minor, "issue_date": row.issue_date,
        "instalments": parts.iter().map(terms).collect::<Vec<_>>(), "version": row.version,
        "due_date_source": row.due_date_source, "terms_id": row.terms_id, "terms_version": row.terms_version});
    act.witness("invoice.changed", row.id, body);
    act.touch(row.customer_id, row.currency);
    Ok(row)
}

/// Which instalments get another due date.
fn moves<'a>(change: &InvoiceChange, parts: &'a [Instalment], faults: &mut Faults) -> Vec<(&'a Instalment, NaiveDate)> {
    let live: Vec<&Instalment> = parts.iter().filter(|part| part.amount_minor > 0).collect();
    let mut moved = Vec::new();
    let mut wish = |pointer: String, part: &'a Instalment, due_date: NaiveDate, faults: &mut Faults| {
        if part.due_date == due_date {
        } else if part.balance_minor == 0 {
            faults.add(pointer, "settled", "this instalment is settled; delete its allocations first if it was not");
        } else {
            moved.push((part, due_date));
        }
    };
    if let Some(due_date) = change.due_date {
        match live.as_slice() {
            [only] => wish("/due_date".to_owned(), only, due_date, faults),
            _ => faults.add("/due_date", "ambiguous", format!("the invoice has {} instalments; give due_dates", live.len())),
        }
    }
    for (n, one) in change.due_dates.iter().enumerate() {
        let pointer = format!("/due_dates/{n}/instalment_id");
        match live.iter().find(|part| part.id == one.instalment_id) {
            Some(part) => wish(pointer, part, one.due_date, faults),
            None => faults.add(pointer, "not_found", "the invoice has no such instalment"),
        }
    }
    moved
}

/// Withdraws an invoice that nothing settles yet; again is no error.
///
/// # Errors
/// No such invoice; `has_allocations`.
pub fn cancel(act: &mut Act<'_>, id: InvoiceId) -> Result<Invoice> {
    let old = locked(act, id)?;
    if old.status == InvoiceStatus::Cancelled {
        return Ok(old);
    }
    if store::allocations::any_of_invoice(act.conn, act.tenant, id)? {
        return Err(Error::conflict(
            "has_allocations",
            "something settles this invoice; delete its allocations first, or issue a credit note",
        ));
    }
    interest::withdraw(act, id)?;
    store::instalments::cancel(act.conn, act.tenant, id)?;
    let row = Invoice {
        status: InvoiceStatus::Cancelled,
        balance_minor: 0,
        version: old.version.saturating_add(1),
        updated_at: Ts(act.wall),
        ..old
    };
    store::invoices::update(act.conn, &row)?;
    act.witness("invoice.cancelled", id, json!({"number": row.number, "currency": row.currency, "total": row.total_minor}));
    act.touch(row.customer_id, row.currency);
    Ok(row)
}

fn refuse_cancelled(row: &Invoice) -> Result<()> {
    match row.status {
        InvoiceStatus::Cancelled => Err(Error::conflict("invoice_cancelled", "the invoice is cancelled; record a new one")),
        InvoiceStatus::Open | InvoiceStatus::Settled => Ok(()),
    }
}
