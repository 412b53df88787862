//! What interest is computed from: an invoice that may be late, its instalments, what settled them and what spares them.
//!
//! Values alone; what they come to is in [`super::compute()`]. Invariant: nothing here depends on a day on which somebody asks.

use chrono::NaiveDate;

use super::{FixedSum, InterestBase, LateInterest};
use crate::domain::{customer::CustomerKind, ids::InstalmentId, ledger::payment_plan::tax_within, locale::Jurisdiction, money::Currency};

/// An invoice that may be late.
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    /// Of all its amounts.
    pub currency: Currency,
    /// Whose law governs the creditor's invoices.
    pub creditor: &'a Jurisdiction,
    /// Where the debtor is.
    pub debtor: &'a Jurisdiction,
    /// Which law protects the debtor.
    pub kind: CustomerKind,
    /// What the invoice says about interest.
    pub late_interest: &'a LateInterest,
    /// What it says about the fixed sum.
    pub fixed_sum: &'a FixedSum,
    /// Its instalments.
    pub parts: Vec<Part>,
    /// The day on which the debtor was first reminded in writing.
    pub reminded_on: Option<NaiveDate>,
}

/// An instalment and what settled it.
#[derive(Debug, Clone)]
pub struct Part {
    /// Which.
    pub instalment_id: InstalmentId,
    /// The last day in time.
    pub due_date: NaiveDate,
    /// In minor units, tax included.
    pub amount_minor: i64,
    /// The tax in that, in minor units; none where the invoice states none.
    pub tax_minor: i64,
    /// Payments and credit notes: day and minor units, in any order.
    pub settled: Vec<(NaiveDate, i64)>,
    /// First and last days on which it bears no interest, in any order.
    pub pauses: Vec<(NaiveDate, NaiveDate)>,
}

impl Part {
    /// What is left of it on the morning of `day`.
    pub(super) fn left(&self, day: NaiveDate) -> i64 {
        let settled = self.settled.iter().filter(|(on, _)| *on < day).fold(0_i64, |sum, (_, minor)| sum.saturating_add(*minor));
        self.amount_minor.saturating_sub(settled).max(0)
    }

    /// What of `left_minor` bears interest: all of it, or what remains without its share of the tax.
    pub(super) fn bearing(&self, left_minor: i64, base: InterestBase) -> i64 {
        match base {
            InterestBase::Gross => left_minor,
            InterestBase::Net => left_minor.saturating_sub(tax_within(left_minor, self.amount_minor, Some(self.tax_minor))),
        }
    }

    /// The last day of the pause in which `day` lies, if it lies in one.
    pub(super) fn pause_on(&self, day: NaiveDate) -> Option<NaiveDate> {
        self.pauses.iter().find(|(first, last)| *first <= day && day <= *last).map(|(_, last)| *last)
    }

    /// The last day before the first pause to come after `day`.
    pub(super) fn before_pause(&self, day: NaiveDate) -> Option<NaiveDate> {
        self.pauses.iter().filter(|(first, _)| *first > day).filter_map(|(first, _)| first.pred_opt()).min()
    }
}

/// The law that applies to a claim: the one that its clause names, else the creditor's, and the debtor's for a consumer.
pub fn law<'a>(claim: &Claim<'a>) -> &'a Jurisdiction {
    match (claim.late_interest, claim.kind) {
        (LateInterest::Statutory { jurisdiction: Some(named), .. }, CustomerKind::Business | CustomerKind::PublicBody) => named,
        (_, CustomerKind::Consumer) => claim.debtor,
        _ => claim.creditor,
    }
}
