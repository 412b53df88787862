//! Invoices that fall overdue: told of once each, on the creditor's day after the due date.
//!
//! Time passes due dates in order, so a mark goes along with it and finds what each day brings. Whatever else makes an open invoice overdue (recorded late, dated back, a
//! payment that came back) touches its account, and the planner's next look finds it. Invariant: the invoice's own row says that it was told of, so nothing is told twice.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::Act;
use crate::{
    domain::{
        calendar::{Calendar, local},
        ids::TenantId,
    },
    error::Result,
    store::{self, Conn, facts::Loaded, overdue::Overdue},
};

/// When the next due date is over.
///
/// # Errors
/// The store's.
pub fn next_due(conn: &mut Conn, tenant: TenantId) -> Result<Option<DateTime<Utc>>> {
    let Some(date) = store::overdue::next_due_date(conn, tenant)? else { return Ok(None) };
    let zone = store::tenants::find(conn, tenant)?.zone();
    Ok(Some(local::day_end(zone, date)))
}

/// Tells of up to `limit` invoices whose due date time has passed.
///
/// # Errors
/// The store's.
pub fn tell(act: &mut Act<'_>, limit: i64) -> Result<()> {
    let (_, today) = act.today()?;
    let fallen = store::overdue::fallen(act.conn, act.tenant, today, limit)?;
    let all = i64::try_from(fallen.len()).is_ok_and(|found| found < limit);
    told(act, today, fallen)?;
    match today.pred_opt() {
        Some(yesterday) if all => store::overdue::reach(act.conn, act.tenant, yesterday),
        _ => Ok(()),
    }
}

/// Tells of what is overdue in accounts that are being looked at.
///
/// # Errors
/// The store's.
pub fn note<'a>(act: &mut Act<'_>, calendar: &Calendar, accounts: impl Iterator<Item = &'a Loaded>) -> Result<()> {
    let today = calendar.today(act.now);
    let open = accounts.flat_map(|loaded| {
        let account = &loaded.account;
        account.instalments.iter().filter(|instalment| instalment.balance_minor > 0 && instalment.due_date < today).map(|instalment| {
            Overdue {
                invoice_id: instalment.invoice_id,
                instalment_id: instalment.id,
                customer_id: account.customer.id,
                currency: account.currency,
                due_date: instalment.due_date,
                balance_minor: instalment.balance_minor,
            }
        })
    });
    let open = open.collect();
    told(act, today, open)
}

/// Leaves an entry for each invoice that has none yet, about its oldest instalment.
fn told(act: &mut Act<'_>, today: chrono::NaiveDate, mut fallen: Vec<Overdue>) -> Result<()> {
    fallen.sort_unstable_by_key(|one| (one.due_date, one.instalment_id));
    let mut first = BTreeMap::new();
    for one in fallen {
        first.entry(one.invoice_id).or_insert(one);
    }
    let ids: Vec<_> = first.keys().copied().collect();
    for id in store::overdue::mark(act.conn, act.tenant, &ids, today)? {
        let Some(one) = first.get(&id) else { continue };
        let body = json!({
            "customer_id": one.customer_id, "currency": one.currency, "instalment_id": one.instalment_id, "due_date": one.due_date,
            "balance": one.balance_minor,
        });
        act.witness("invoice.overdue", id, body);
    }
    Ok(())
}
