//! What words about a debt may say of its terms: the discounts still offered, the clauses, the ways to pay.
//!
//! Nothing here decides. A batch without terms costs no statement; one with terms reads each version once, from the copy that an invoice keeps.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl, RunQueryDsl};

use crate::{
    domain::{
        ids::{InstalmentId, InvoiceId, TenantId, TermsId},
        ledger::terms::{Terms, split::Discount},
    },
    error::Result,
    store::{Conn, Json, allocations, customers::BATCH, schema::invoices},
};

/// Terms and discount of an instalment, as the row has them.
pub(super) type Raw = (Option<TermsId>, Option<i32>, Option<i64>, Option<NaiveDate>);

/// What may be said of an instalment's terms.
#[derive(Debug, Clone, Default)]
pub struct Offer {
    /// The terms of its invoice, as they were when it was recorded.
    pub terms: Option<Arc<Terms>>,
    /// What paying it early saves, as far as that still stands; its last day may just be over.
    pub discount: Option<Discount>,
}

/// What the rows of a batch say, before it is looked up.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// A version, with an invoice that keeps a copy of it.
    versions: BTreeMap<(TermsId, i32), InvoiceId>,
    of: Vec<(InstalmentId, (TermsId, i32))>,
    discounts: Vec<(InstalmentId, i64, Discount)>,
}

impl Noted {
    pub(super) fn note(&mut self, instalment: InstalmentId, invoice: InvoiceId, amount: i64, raw: Raw) {
        let (terms, version, discount, until) = raw;
        if let (Some(terms), Some(version)) = (terms, version) {
            self.versions.entry((terms, version)).or_insert(invoice);
            self.of.push((instalment, (terms, version)));
        }
        if let (Some(amount_of_discount), Some(last_day)) = (discount, until) {
            self.discounts.push((instalment, amount, Discount { amount: amount_of_discount, last_day }));
        }
    }

    /// Looks up the terms, and what is left of the discounts.
    pub(super) fn load(mut self, conn: &mut Conn, tenant: TenantId, now: DateTime<Utc>) -> Result<HashMap<InstalmentId, Offer>> {
        // No zone is two days behind.
        let earliest = (now - TimeDelta::days(2)).date_naive();
        self.discounts.retain(|(.., discount)| discount.last_day >= earliest);
        let mut offers = HashMap::<InstalmentId, Offer>::new();
        for (id, discount) in allocations::discounts(conn, tenant, &self.discounts)? {
            offers.entry(id).or_default().discount = Some(discount);
        }
        let keepers: Vec<InvoiceId> = self.versions.values().copied().collect();
        let mut copies = HashMap::<InvoiceId, Arc<Terms>>::new();
        for part in keepers.chunks(BATCH) {
            let rows: Vec<(InvoiceId, Option<Json<Terms>>)> = invoices::table
                .filter(invoices::tenant_id.eq(tenant).and(invoices::id.eq_any(part.to_vec())))
                .select((invoices::id, invoices::terms))
                .load(conn)?;
            copies.extend(rows.into_iter().filter_map(|(id, terms)| Some((id, Arc::new(terms?.0)))));
        }
        for (instalment, version) in self.of {
            offers.entry(instalment).or_default().terms = self.versions.get(&version).and_then(|keeper| copies.get(keeper)).cloned();
        }
        Ok(offers)
    }
}
