//! An accounting file recorded as an opening: customers that are new, invoices that are not settled, and what was paid or given up of them.

use std::collections::HashMap;

use super::{Done, ensure};
use crate::{
    actions::{
        Act,
        put::{IfKnown, Outcome, one_by_one},
    },
    domain::{
        customer::NewCustomer,
        external::ExternalKey,
        ids::{CustomerId, InvoiceId},
        import::{
            fec::FecKind,
            job::RowOutcome,
            opening::{self, Opening},
        },
        ledger::invoice::{InvoiceStatus, NewInvoice},
    },
    error::Result,
    store,
};

pub(super) fn record(act: &mut Act<'_>, customers: &[NewCustomer], lines: &[Opening], source: &str) -> Result<Vec<Done>> {
    let made = ensure(act, customers)?;
    let mut new: HashMap<&str, Result<(Outcome, CustomerId)>> =
        customers.iter().zip(made).filter_map(|(one, made)| Some((one.external_id.as_deref()?, made))).collect();
    let mut done: Vec<Done> = Vec::with_capacity(lines.len());
    for one in lines {
        let line = i64::try_from(one.line.row).unwrap_or(0);
        let mut row = match one.skipped() {
            Some(why) => Done::skipped(line, &one.name, why),
            None => Done::new(line, &one.name, RowOutcome::Unchanged),
        };
        // The customer stands in the first of his rows.
        if row.outcome != RowOutcome::Skipped
            && let Some(made) = new.remove(one.line.customer.as_str())
        {
            row.and("/customer", made);
        }
        done.push(row);
    }
    let live = |wanted: bool| {
        lines.iter().enumerate().filter(move |(_, one)| one.skipped().is_none() && (one.line.kind == FecKind::Invoice) == wanted)
    };
    let invoices: Vec<(usize, NewInvoice)> = live(true).map(|(n, one)| (n, opening::invoice(one, source))).collect();
    let news: Vec<NewInvoice> = invoices.iter().map(|(_, new)| new.clone()).collect();
    for ((n, _), outcome) in invoices.iter().zip(crate::actions::invoices::put(act, &news, IfKnown::Update)?) {
        finish(&mut done, *n, outcome.map(|put| (put.outcome, put.row.id)));
    }
    let settling: Vec<(usize, &Opening)> = live(false).collect();
    let outcomes = one_by_one(&settling, |(_, one)| {
        let open = open(act, source, &one.settles)?;
        let put = crate::actions::settlements::record(act, &opening::settlement(one, source, &open))?;
        Ok((put.outcome, put.row.public_id()))
    })?;
    for ((n, _), outcome) in settling.iter().zip(outcomes) {
        finish(&mut done, *n, outcome);
    }
    Ok(done)
}

fn finish<T: std::fmt::Display>(done: &mut [Done], n: usize, outcome: Result<(Outcome, T)>) {
    let Some(one) = done.get_mut(n) else { return };
    let own = outcome.as_ref().ok().map(|(outcome, _)| RowOutcome::from(*outcome));
    one.and("", outcome);
    if let Some(own) = own.filter(|_| one.outcome != RowOutcome::Refused) {
        one.outcome = own;
    }
}

/// What is open of the invoices of these names.
fn open(act: &mut Act<'_>, source: &str, names: &[String]) -> Result<Vec<(InvoiceId, i64)>> {
    let keys: Vec<ExternalKey> = names.iter().map(|name| ExternalKey { source: source.to_owned(), external_id: name.clone() }).collect();
    let found = store::invoices::find_by_keys(act.conn, act.tenant, &keys)?;
    let open = keys.iter().filter_map(|key| found.get(key)).filter(|row| row.status == InvoiceStatus::Open);
    Ok(open.map(|row| (row.id, row.balance_minor)).collect())
}
