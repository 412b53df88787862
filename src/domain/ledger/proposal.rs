//! What money without a name could be meant for: proposals, each with how certain it is and why. Nothing is applied here.
//!
//! The order of certainty is that of the trade: a structured reference, an invoice number in the payer's words, an amount that fits exactly, the oldest first.
//! Invariant: a proposal never gives out more than there is, nor an instalment more than its balance.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    allocation::{Open, Share, oldest_first},
    settlement::Wanted,
};
use crate::domain::{
    ids::InvoiceId,
    import::references::{Mention, Words},
};

/// How many invoices of the same amount are proposed.
const MOST_ALIKE: usize = 20;

crate::words! {
    /// What a proposal rests on.
    pub enum ProposalBasis {
        /// The structured reference of an invoice stands in the payer's words.
        StructuredReference = "structured_reference",
        /// The number of an invoice stands there.
        InvoiceNumber = "invoice_number",
        /// The amount is just what is open of one invoice, or of all that is open.
        ExactAmount = "exact_amount",
        /// Nothing better: by due date.
        OldestFirst = "oldest_first",
    }
}

crate::words! {
    /// How certain a proposal is.
    pub enum Certainty {
        /// The payer said so.
        Certain = "certain",
        /// It fits, and nothing speaks against it.
        Likely = "likely",
        /// It is allowed, no more.
        Possible = "possible",
    }
}

/// An open invoice as a payer may name it.
#[derive(Debug, Clone)]
pub struct Named {
    /// Which.
    pub invoice_id: InvoiceId,
    /// The number printed on it.
    pub number: String,
    /// What was to be quoted with a transfer.
    pub structured_reference: Option<String>,
}

/// A way to allocate what is left of a payment: hand its `allocations` to the payment's allocations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Proposal {
    /// What it rests on.
    pub basis: ProposalBasis,
    /// How certain it is.
    pub certainty: Certainty,
    /// Why, in English.
    #[schema(max_length = 500, example = "The payer quotes invoice F-2026-118.")]
    pub why: String,
    /// What each instalment would get.
    #[schema(max_items = 10_000)]
    pub allocations: Vec<Wanted>,
    /// What would be left, in minor units.
    #[schema(minimum = 0)]
    pub unallocated: i64,
}

/// The proposals for `amount`, the most certain first; of two that would do the same, the more certain one.
pub fn proposals(amount: i64, reference: Option<&str>, invoices: &[Named], open: &[Open]) -> Vec<Proposal> {
    let words = Words::new(reference.unwrap_or_default());
    let mut found = Vec::new();
    let mut add = |basis, certainty, why: String, of: Vec<Open>| {
        let shares = oldest_first(amount, of);
        let given = shares.iter().fold(0_i64, |sum, share| sum.saturating_add(share.amount_minor));
        let allocations = listed(&shares);
        if given > 0 && !found.iter().any(|other: &Proposal| other.allocations == allocations) {
            found.push(Proposal { basis, certainty, why, allocations, unallocated: amount.saturating_sub(given) });
        }
    };
    for basis in [ProposalBasis::StructuredReference, ProposalBasis::InvoiceNumber] {
        let mention = |named: &Named| match basis {
            ProposalBasis::StructuredReference => named.structured_reference.as_deref().and_then(|reference| words.quotes(reference)),
            _ => words.name(&named.number),
        };
        let mentioned: Vec<(&Named, Mention)> = invoices.iter().filter_map(|named| Some((named, mention(named)?))).collect();
        // What stands within a number that is quoted for itself is a chance.
        let Some(best) = mentioned.iter().map(|(_, mention)| *mention).min() else { continue };
        let meant: Vec<&Named> = mentioned.into_iter().filter(|(_, mention)| *mention == best).map(|(named, _)| named).collect();
        let of: Vec<Open> = open.iter().filter(|one| meant.iter().any(|named| named.invoice_id == one.invoice_id)).cloned().collect();
        let numbers: Vec<&str> = meant.iter().take(5).map(|named| named.number.as_str()).collect();
        let covers = sum(&of) >= amount;
        let certain = covers && best == Mention::Whole;
        let how = if basis == ProposalBasis::StructuredReference { "gives the structured reference of" } else { "quotes" };
        let why =
            format!("The payer {how} invoice {}{}.", numbers.join(", "), if covers { "" } else { ", and pays more than is open there" });
        add(basis, if certain { Certainty::Certain } else { Certainty::Likely }, why, of);
    }
    exact(amount, invoices, open, &mut add);
    let why = "Nothing says what the payment is for: the oldest instalments first.".to_owned();
    add(ProposalBasis::OldestFirst, Certainty::Possible, why, open.to_vec());
    found
}

/// What is open, in all or of an invoice or a part of one, and is just the amount. Of several that are, none is likely.
fn exact(amount: i64, invoices: &[Named], open: &[Open], add: &mut impl FnMut(ProposalBasis, Certainty, String, Vec<Open>)) {
    if sum(open) == amount {
        add(ProposalBasis::ExactAmount, Certainty::Likely, "The amount is all that is open.".to_owned(), open.to_vec());
    }
    let mut by_invoice = HashMap::<InvoiceId, Vec<Open>>::new();
    for one in open {
        by_invoice.entry(one.invoice_id).or_default().push(one.clone());
    }
    let parts =
        |of: &[Open]| -> Vec<Vec<Open>> { if of.len() > 1 { of.iter().map(|one| vec![one.clone()]).collect() } else { Vec::new() } };
    let candidates = invoices.iter().flat_map(|named| {
        let of = by_invoice.get(&named.invoice_id).cloned().unwrap_or_default();
        let parts = parts(&of);
        std::iter::once(of).chain(parts).map(move |of| (named, of))
    });
    let fitting: Vec<(&Named, Vec<Open>)> = candidates.filter(|(_, of)| sum(of) == amount).take(MOST_ALIKE).collect();
    let certainty = if fitting.len() > 1 { Certainty::Possible } else { Certainty::Likely };
    for (named, of) in fitting {
        add(ProposalBasis::ExactAmount, certainty, format!("The amount is just what is open of invoice {}.", named.number), of);
    }
}

fn sum(open: &[Open]) -> i64 {
    open.iter().fold(0, |sum, one| sum.saturating_add(one.balance_minor))
}

fn listed(shares: &[Share]) -> Vec<Wanted> {
    let wanted =
        |share: &Share| Wanted { invoice_id: None, instalment_id: Some(share.instalment_id), charge_id: None, amount: share.amount_minor };
    shares.iter().map(wanted).collect()
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDate};

    use super::*;
    use crate::domain::ids::InstalmentId;

    fn ledger(balances: &[(&str, i64, u32)]) -> (Vec<Named>, Vec<Open>) {
        let of = |&(number, balance_minor, day): &(&str, i64, u32)| {
            let invoice_id = InvoiceId::new(DateTime::UNIX_EPOCH);
            let date = NaiveDate::from_ymd_opt(2026, 3, day).unwrap();
            let open = Open {
                instalment_id: InstalmentId::new(DateTime::UNIX_EPOCH),
                invoice_id,
                due_date: date,
                issue_date: date,
                balance_minor,
                discount_minor: 0,
            };
            (Named { invoice_id, number: number.to_owned(), structured_reference: Some("+++090/9337/55493+++".to_owned()) }, open)
        };
        balances.iter().map(of).unzip()
    }

    fn told(amount: i64, reference: &str, balances: &[(&str, i64, u32)]) -> Vec<(ProposalBasis, Certainty, i64)> {
        let (mut named, open) = ledger(balances);
        for one in named.iter_mut().skip(1) {
            one.structured_reference = None;
        }
        let all = proposals(amount, Some(reference), &named, &open);
        all.iter().map(|one| (one.basis, one.certainty, one.allocations.iter().map(|share| share.amount).sum())).collect()
    }

    #[test]
    fn the_payers_own_words_come_first() {
        use Certainty::{Certain, Likely, Possible};
        use ProposalBasis::{ExactAmount, InvoiceNumber, OldestFirst, StructuredReference};
        let two = [("F-2026-118", 500, 9), ("F-7", 300, 2)];
        assert_eq!(told(500, "virement 090933755493", &two)[0], (StructuredReference, Certain, 500));
        assert_eq!(told(300, "votre f-7, merci", &two)[0], (InvoiceNumber, Certain, 300));
        assert_eq!(told(900, "F 2026 118", &two), [(InvoiceNumber, Likely, 500), (OldestFirst, Possible, 800)]);
        assert_eq!(told(500, "XF20261189", &two)[0], (InvoiceNumber, Likely, 500), "within another word, it may be another's");
        assert_eq!(told(300, "F-77", &two), [(ExactAmount, Likely, 300)], "another number is no number");
        assert_eq!(told(800, "", &two), [(ExactAmount, Likely, 800)]);
        assert_eq!(told(100, "", &two), [(OldestFirst, Possible, 100)]);
    }

    #[test]
    fn two_that_fit_are_both_only_possible() {
        let twins = [("F-1", 500, 2), ("F-2", 500, 9)];
        let found = told(500, "", &twins);
        assert_eq!(found, [(ProposalBasis::ExactAmount, Certainty::Possible, 500); 2]);
    }
}
