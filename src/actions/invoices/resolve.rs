//! Under which terms invoices are recorded, and the parts that follow: those the invoice names, else the customer's, else the tenant's.
//!
//! One look-up for a whole list, and none where every invoice gives its due dates. Not here: what the terms say ([`terms`](crate::domain::ledger::terms)).

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;

use super::Act;
use crate::{
    actions::put::Parties,
    domain::{
        customer::CustomerKind,
        ids::{CustomerId, TermsId},
        invalid::Faults,
        ledger::{
            invoice::NewInvoice,
            terms::{
                Copied, Dates, DueDateSource, maximum,
                split::{InstalmentDraft, split},
            },
        },
    },
    error::Result,
    store::{self, instalments::Instalment, invoices::Invoice, tenants::Tenant},
};

/// The due dates that move when the order's or the delivery's date does: of parts that are not settled, of an invoice whose dates come from its terms.
///
/// # Errors
/// The store's.
pub(super) fn redated<'a>(act: &mut Act<'_>, invoice: &Invoice, parts: &'a [Instalment]) -> Result<Vec<(&'a Instalment, NaiveDate)>> {
    let Some(terms) = invoice.copied().filter(|_| invoice.due_date_source != DueDateSource::Given) else { return Ok(Vec::new()) };
    let tenant = store::tenants::find(act.conn, act.tenant)?;
    let drafts = split(&terms.document, invoice.kind, &invoice.amounts(), &invoice.dates(), &tenant.calendar())?;
    // Amounts do not depend on dates, so the parts are the same ones.
    let live = parts.iter().filter(|part| part.amount_minor > 0);
    let moves = live.zip(drafts).map(|(part, draft)| (part, draft.due_date));
    Ok(moves.filter(|(part, due_date)| part.balance_minor > 0 && part.due_date != *due_date).collect())
}

/// The parts of an invoice, and what they come from.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    pub(super) source: DueDateSource,
    pub(super) terms: Option<Copied>,
    pub(super) parts: Vec<InstalmentDraft>,
}

/// What is known about the terms of a list of invoices.
#[derive(Debug)]
pub(super) struct Resolver {
    /// Absent when no invoice of the list needs terms.
    tenant: Option<Tenant>,
    customers: HashMap<CustomerId, (Option<TermsId>, CustomerKind)>,
    known: HashMap<TermsId, Copied>,
}

impl Resolver {
    /// Looks up the terms that the invoices may need.
    pub(super) fn load(act: &mut Act<'_>, news: &[NewInvoice], parties: &Parties) -> Result<Self> {
        let without: Vec<&NewInvoice> = news.iter().filter(|new| new.given().is_none()).collect();
        if without.is_empty() {
            return Ok(Self { tenant: None, customers: HashMap::new(), known: HashMap::new() });
        }
        let tenant = store::tenants::find(act.conn, act.tenant)?;
        let debtors: BTreeSet<CustomerId> =
            without.iter().filter_map(|new| parties.find(new.customer_id, new.customer.as_ref()).ok()).collect();
        let customers = store::terms::of_customers(act.conn, act.tenant, &debtors.into_iter().collect::<Vec<_>>())?;
        let ids: BTreeSet<TermsId> = without
            .iter()
            .filter_map(|new| new.terms_id)
            .chain(customers.values().filter_map(|(terms, _)| *terms))
            .chain(tenant.settings.terms_id)
            .collect();
        let known = store::terms::usable(act.conn, act.tenant, &ids.into_iter().collect::<Vec<_>>())?;
        Ok(Self { tenant: Some(tenant), customers, known })
    }

    /// The parts of one invoice. One that is known keeps the copy of the terms that it was recorded under, unless it names others.
    ///
    /// # Errors
    /// No terms and no due dates; terms that do not exist, do not fit, or that the law voids; dates or amounts that they need.
    pub(super) fn resolve(&self, new: &NewInvoice, customer: CustomerId, known: Option<&Invoice>) -> Result<Resolved> {
        if let Some(parts) = new.given() {
            let source = if new.dated_by_terms { DueDateSource::Terms } else { DueDateSource::Given };
            return Ok(Resolved { source, terms: None, parts });
        }
        let (tenant, (own, kind)) = match (&self.tenant, self.customers.get(&customer)) {
            (Some(tenant), Some(own)) => (tenant, *own),
            _ => return Err(crate::error::Error::internal("the terms of this invoice were not looked up")),
        };
        let (source, terms) = self.terms(new, own, tenant.settings.terms_id, known)?;
        let mut faults = Faults::none();
        if !terms.document.admits(kind) {
            let detail = format!("the terms {:?} are not meant for a {kind}; name others, or give due_date", terms.document.name);
            faults.add("/terms_id", "not_meant_for", detail);
        }
        let dates = Dates {
            order: new.order_date.or_else(|| known.and_then(|old| old.order_date)),
            delivery: new.delivery_date.or_else(|| known.and_then(|old| old.delivery_date)),
            ..new.dates()
        };
        faults.nest("", maximum::of_sale(&terms.document, &tenant.jurisdiction, kind, &dates).err().unwrap_or_default());
        let parts = split(&terms.document, new.kind, &new.amounts(), &dates, &tenant.calendar()).unwrap_or_else(|wrong| {
            faults.nest("", wrong);
            Vec::new()
        });
        faults.or(())?;
        Ok(Resolved { source, terms: Some(terms), parts })
    }

    fn terms(
        &self,
        new: &NewInvoice,
        own: Option<TermsId>,
        default: Option<TermsId>,
        known: Option<&Invoice>,
    ) -> Result<(DueDateSource, Copied), Faults> {
        let kept = known.and_then(|old| Some((old.due_date_source, old.copied()?)));
        if let Some(kept) = kept.filter(|(_, copied)| new.terms_id.is_none_or(|id| id == copied.terms_id)) {
            // Due dates that were moved by hand come from the terms again: nothing else says what they are.
            let source = if kept.0 == DueDateSource::Given { DueDateSource::Terms } else { kept.0 };
            return Ok((source, kept.1));
        }
        let (source, id) = match (new.terms_id, own, default) {
            (Some(id), ..) => (DueDateSource::Terms, id),
            (None, Some(id), _) => (DueDateSource::CustomerTerms, id),
            (None, None, Some(id)) => (DueDateSource::TenantTerms, id),
            (None, None, None) => {
                let detail = "give due_date, instalments or terms_id: neither the customer nor the tenant has payment terms";
                return Err(Faults::one("/due_date", "required", detail));
            }
        };
        let missing = || Faults::one("/terms_id", "not_found", "no such payment terms, or they are archived");
        self.known.get(&id).map(|terms| (source, terms.clone())).ok_or_else(missing)
    }
}
