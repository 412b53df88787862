//! An invoice recorded again, as its source has it now.
//!
//! What is given replaces what was there; amounts and due dates only while nothing settles them. The caller holds the account's lock.

use super::{Act, Resolved, changed, document, instalment, refuse_cancelled};
use crate::{
    actions::put::{Outcome, Put},
    domain::{
        ids::CustomerId,
        ledger::{
            invoice::{InvoiceStatus, NewInvoice},
            terms::split::InstalmentDraft,
        },
    },
    error::{Error, Result},
    store::{self, Json, documents::Document, instalments::Instalment, invoices::Invoice},
};

/// Brings a known invoice up to date.
pub(super) fn record(act: &mut Act<'_>, old: &Invoice, customer: CustomerId, new: &NewInvoice, resolved: Resolved) -> Result<Put<Invoice>> {
    let there = store::instalments::of_invoices(act.conn, act.tenant, &[old.id])?;
    let links = new_links(act, old, new)?;
    let same_parts = same(&there, &resolved.parts);
    let parts = resolved.parts.clone();
    let wanted = wanted(old, new, resolved);
    if wanted == *old && same_parts && links.is_empty() && customer == old.customer_id {
        return Ok(Put { row: wanted, outcome: Outcome::Unchanged });
    }
    refuse_cancelled(old)?;
    if customer != old.customer_id || new.currency != old.currency {
        let detail = "an invoice keeps its customer and its currency; cancel it and record a new one";
        return Err(Error::conflict("party_differs", detail));
    }
    let mut row = wanted;
    if !same_parts || new.total != old.total_minor {
        replace(act, old, &there, &parts)?;
        row = Invoice { total_minor: new.total, balance_minor: new.total, status: InvoiceStatus::of(new.total), ..row };
    }
    store::documents::insert(act.conn, &links)?;
    let parts = store::instalments::of_invoices(act.conn, act.tenant, &[old.id])?;
    Ok(Put { row: changed(act, row, &parts)?, outcome: Outcome::Changed })
}

/// The invoice with what is given, amounts aside.
fn wanted(old: &Invoice, new: &NewInvoice, resolved: Resolved) -> Invoice {
    Invoice {
        number: new.number.clone(),
        kind: new.kind,
        issue_date: new.issue_date,
        net_minor: new.net.or(old.net_minor.filter(|_| new.total == old.total_minor)),
        tax_minor: new.tax.or(old.tax_minor.filter(|_| new.total == old.total_minor)),
        order_reference: new.order_reference.clone().or_else(|| old.order_reference.clone()),
        delivery_reference: new.delivery_reference.clone().or_else(|| old.delivery_reference.clone()),
        structured_reference: new.structured_reference.clone().or_else(|| old.structured_reference.clone()),
        payment_link: new.payment_link.clone().or_else(|| old.payment_link.clone()),
        late_interest: new.late_interest.clone().map(Json).or_else(|| old.late_interest.clone()),
        fixed_sum: new.fixed_sum.clone().map(Json).or_else(|| old.fixed_sum.clone()),
        order_date: new.order_date.or(old.order_date),
        delivery_date: new.delivery_date.or(old.delivery_date),
        due_date_source: resolved.source,
        terms_id: resolved.terms.as_ref().map(|terms| terms.terms_id),
        terms_version: resolved.terms.as_ref().map(|terms| terms.version),
        terms: resolved.terms.map(|terms| Json(terms.document)),
        metadata: if new.metadata.0.is_empty() { old.metadata.clone() } else { Json(new.metadata.clone()) },
        ..old.clone()
    }
}

fn same(there: &[Instalment], parts: &[InstalmentDraft]) -> bool {
    let live = there.iter().filter(|part| part.amount_minor > 0).map(Instalment::draft);
    live.eq(parts.iter().filter(|part| part.amount_minor > 0).copied())
}

/// Puts new parts in the place of the old ones, which keep their progress; parts there are no more of become empty.
fn replace(act: &mut Act<'_>, old: &Invoice, there: &[Instalment], parts: &[InstalmentDraft]) -> Result<()> {
    if store::allocations::any_of_invoice(act.conn, act.tenant, old.id)? {
        let detail = "something settles this invoice, so its amounts and due dates stay; move due dates with PATCH, issue a credit note, or delete its allocations first";
        return Err(Error::conflict("amount_settled", detail));
    }
    for (n, part) in there.iter().enumerate() {
        let gone = InstalmentDraft { due_date: part.due_date, amount_minor: 0, discount: None };
        store::instalments::redraft(act.conn, act.tenant, part.id, parts.get(n).unwrap_or(&gone))?;
    }
    let added: Vec<Instalment> = (0..).zip(parts).skip(there.len()).map(|(position, part)| instalment(act, old, position, part)).collect();
    store::instalments::insert(act.conn, &added)
}

fn new_links(act: &mut Act<'_>, old: &Invoice, new: &NewInvoice) -> Result<Vec<Document>> {
    if new.documents.is_empty() {
        return Ok(Vec::new());
    }
    let there = store::documents::of_invoice(act.conn, act.tenant, old.id)?;
    let unknown = new.documents.iter().filter(|link| !there.iter().any(|one| one.url.as_ref() == Some(&link.url)));
    Ok(unknown.map(|link| document(act, old, link)).collect())
}
