//! What a promise or a payment plan is measured by: whatever settled the instalments that it covers, each part with its date.
//!
//! Invariant: everything here follows from dates and amounts alone. The order in which payments, promises and returns were recorded leaves no trace, so that
//! late news from a bank leads to the same judgement as if it had come in time.

use chrono::NaiveDate;

use crate::domain::{
    ids::{InstalmentId, InvoiceId},
    invalid::Faults,
};

use super::allocation::Open;

/// What a payment or a credit note settled of the instalments covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// The value date.
    pub on: NaiveDate,
    /// In minor units; more than nothing.
    pub amount_minor: i64,
}

/// The instalments covered, seen together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Covered<'a> {
    /// What is still open of them, in minor units.
    pub balance_minor: i64,
    /// What settled them, in any order.
    pub settled: &'a [Settled],
    /// The account's money that nobody has allocated yet, in minor units: some of it may be meant for them.
    pub unallocated_minor: i64,
}

impl Covered<'_> {
    /// What settled them from `from` to `to`, both days included.
    pub fn settled_within(&self, from: NaiveDate, to: NaiveDate) -> i64 {
        let dated = self.settled.iter().filter(|one| (from..=to).contains(&one.on));
        dated.fold(0, |sum, one| sum.saturating_add(one.amount_minor))
    }

    /// What was owed for them when `on` began: what is open, and what settled it since.
    pub fn owed_on(&self, on: NaiveDate) -> i64 {
        self.balance_minor.saturating_add(self.settled_within(on, NaiveDate::MAX))
    }
}

/// What a commitment covers of an account's open instalments: those named, and the parts of the invoices named; all of them if neither is given.
///
/// # Errors
/// Every name that is not open there; when nothing is open at all.
pub fn covered(instalments: &[InstalmentId], invoices: &[InvoiceId], open: Vec<Open>) -> Result<Vec<Open>, Faults> {
    let mut faults = Faults::none();
    let detail = "nothing of this customer in this currency has this id, or it is settled or cancelled";
    for (n, id) in instalments.iter().enumerate() {
        if !open.iter().any(|one| one.instalment_id == *id) {
            faults.add(format!("/instalment_ids/{n}"), "not_open", detail);
        }
    }
    for (n, id) in invoices.iter().enumerate() {
        if !open.iter().any(|one| one.invoice_id == *id) {
            faults.add(format!("/invoice_ids/{n}"), "not_open", detail);
        }
    }
    if open.is_empty() && instalments.is_empty() && invoices.is_empty() {
        faults.add("/currency", "nothing_open", "the customer owes nothing in this currency");
    }
    let all = instalments.is_empty() && invoices.is_empty();
    let named = |one: &Open| all || instalments.contains(&one.instalment_id) || invoices.contains(&one.invoice_id);
    let mut chosen: Vec<Open> = open.into_iter().filter(named).collect();
    chosen.sort_by_key(|one| (one.due_date, one.issue_date, one.instalment_id));
    faults.or(chosen)
}
