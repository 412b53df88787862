//! Which instalment, or which charge, an amount settles.
//!
//! Pure arithmetic over what is open. Invariants: nothing gets more than its balance, an instalment's discount included, and no more than the amount is given out.

use chrono::NaiveDate;

use super::settlement::Wanted;
use crate::domain::{
    ids::{ChargeId, InstalmentId, InvoiceId},
    invalid::Faults,
};

/// An instalment with something left to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Which.
    pub instalment_id: InstalmentId,
    /// Of which invoice.
    pub invoice_id: InvoiceId,
    /// When it is due.
    pub due_date: NaiveDate,
    /// When its invoice was issued.
    pub issue_date: NaiveDate,
    /// What is left, in minor units; more than nothing.
    pub balance_minor: i64,
    /// What this payment may leave of it and settle it all the same, because it comes early. Nothing for what is no payment.
    pub discount_minor: i64,
}

impl Open {
    /// What settles it: less than what is left, if paying now saves something.
    fn price(&self) -> i64 {
        self.balance_minor.saturating_sub(self.discount_minor).max(0)
    }
}

/// What one instalment gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Which.
    pub instalment_id: InstalmentId,
    /// Of which invoice.
    pub invoice_id: InvoiceId,
    /// In minor units; more than nothing.
    pub amount_minor: i64,
}

/// Gives `amount` to the oldest due date first, then to the oldest invoice; the rest stays unallocated. An amount that is to the minor unit what the
/// oldest few cost when paid early is taken for just that.
pub fn oldest_first(amount: i64, mut open: Vec<Open>) -> Vec<Share> {
    sort(&mut open);
    let mut left = amount;
    give(&mut left, open.iter_mut().collect())
}

/// The discounts that shares earn: of an instalment with a discount, what its share leaves, if that is no more.
pub fn earned(shares: &[Share], open: &[Open]) -> Vec<Share> {
    let earns = |share: &Share| {
        let one = open.iter().find(|one| one.instalment_id == share.instalment_id)?;
        let amount_minor = one.balance_minor.saturating_sub(share.amount_minor);
        (1..=one.discount_minor).contains(&amount_minor).then(|| Share { amount_minor, ..share.clone() })
    };
    shares.iter().filter_map(earns).collect()
}

/// A charge and what is left of it; or what it gets.
pub type ChargeShare = (ChargeId, i64);

/// Gives each wanted amount to its instalment, to the parts of its invoice by due date, or to its charge.
///
/// # Errors
/// Every wish that names nothing open of this customer and currency, or more than is left there; and a sum beyond `amount`.
pub fn as_wanted(
    amount: i64,
    wanted: &[Wanted],
    mut open: Vec<Open>,
    mut charges: Vec<ChargeShare>,
) -> Result<(Vec<Share>, Vec<ChargeShare>), Faults> {
    sort(&mut open);
    let mut faults = Faults::none();
    let (mut shares, mut paid) = (Vec::new(), Vec::<ChargeShare>::new());
    for (n, wish) in wanted.iter().enumerate() {
        let named = |one: &Open| wish.instalment_id == Some(one.instalment_id) || wish.invoice_id == Some(one.invoice_id);
        let charge = charges.iter_mut().find(|(id, _)| wish.charge_id == Some(*id));
        if charge.is_none() && !open.iter().any(named) {
            let detail = "nothing of this customer in this currency has this id, or it is settled or cancelled";
            faults.add(format!("/allocations/{n}"), "not_open", detail);
            continue;
        }
        let mut left = wish.amount;
        if let Some((id, balance)) = charge {
            let share = left.min(*balance);
            *balance = balance.saturating_sub(share);
            left = left.saturating_sub(share);
            match paid.iter_mut().find(|(known, _)| known == id) {
                Some((_, sum)) => *sum = sum.saturating_add(share),
                None => paid.extend((share > 0).then_some((*id, share))),
            }
        } else {
            shares.extend(give(&mut left, open.iter_mut().filter(|one| named(one)).collect()));
        }
        if left > 0 {
            let most = wish.amount.saturating_sub(left);
            faults.add(format!("/allocations/{n}/amount"), "over_allocation", format!("at most {most} is left to settle there"));
        }
    }
    let sum = wanted.iter().try_fold(0_i64, |sum, wish| sum.checked_add(wish.amount));
    if sum.is_none_or(|sum| sum > amount) {
        faults.add("/allocations", "over_allocation", format!("the allocations sum to more than the {amount} there is to allocate"));
    }
    faults.or((merged(shares), paid))
}

/// By due date, then issue date, then id.
fn sort(open: &mut [Open]) {
    open.sort_by_key(|one| (one.due_date, one.issue_date, one.instalment_id));
}

/// Takes what fits from `left`, in order.
fn give(left: &mut i64, open: Vec<&mut Open>) -> Vec<Share> {
    let early = bought_early(*left, &open);
    open.into_iter().enumerate().filter_map(|(n, one)| take(one, left, n < early)).collect()
}

/// How many of the first cost exactly `amount`, their discounts taken off; none if there are no discounts, or no such number.
fn bought_early(amount: i64, open: &[&mut Open]) -> usize {
    let (mut price, mut full) = (0_i64, 0_i64);
    for (n, one) in (1..).zip(open) {
        price = price.saturating_add(one.price());
        full = full.saturating_add(one.balance_minor);
        if price >= amount {
            return if price == amount && price < full { n } else { 0 };
        }
    }
    0
}

/// Takes what fits from `left` for one instalment.
fn take(one: &mut Open, left: &mut i64, early: bool) -> Option<Share> {
    let amount_minor = if early { one.price() } else { one.balance_minor }.min(*left);
    if amount_minor <= 0 {
        return None;
    }
    one.balance_minor = one.balance_minor.saturating_sub(amount_minor);
    *left = left.saturating_sub(amount_minor);
    Some(Share { instalment_id: one.instalment_id, invoice_id: one.invoice_id, amount_minor })
}

/// One share per instalment, in the order in which they were first named.
fn merged(shares: Vec<Share>) -> Vec<Share> {
    shares.into_iter().fold(Vec::<Share>::new(), |mut all, share| {
        match all.iter_mut().find(|one| one.instalment_id == share.instalment_id) {
            Some(one) => one.amount_minor = one.amount_minor.saturating_add(share.amount_minor),
            None => all.push(share),
        }
        all
    })
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Days};
    use proptest::prelude::*;

    use super::*;

    fn open(balances: &[(i64, u64)]) -> Vec<Open> {
        let day = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();
        let invoice_id = InvoiceId::new(DateTime::UNIX_EPOCH);
        balances
            .iter()
            .map(|&(balance_minor, due)| Open {
                instalment_id: InstalmentId::new(DateTime::UNIX_EPOCH),
                invoice_id,
                due_date: day + Days::new(due),
                issue_date: day,
                balance_minor,
                discount_minor: 0,
            })
            .collect()
    }

    fn early(parts: &[(i64, u64, i64)]) -> Vec<Open> {
        let plain: Vec<(i64, u64)> = parts.iter().map(|(balance, due, _)| (*balance, *due)).collect();
        open(&plain).into_iter().zip(parts).map(|(one, (_, _, discount_minor))| Open { discount_minor: *discount_minor, ..one }).collect()
    }

    fn amounts(shares: &[Share]) -> Vec<i64> {
        shares.iter().map(|share| share.amount_minor).collect()
    }

    #[test]
    fn paying_early_settles_for_less() {
        let one = early(&[(1_000, 1, 20)]);
        for (paid, leaves) in [(979, vec![]), (980, vec![20]), (990, vec![10]), (1_000, vec![])] {
            let shares = oldest_first(paid, one.clone());
            assert_eq!((amounts(&shares), amounts(&earned(&shares, &one))), (vec![paid], leaves));
        }
    }

    #[test]
    fn an_amount_that_buys_several_early_is_taken_for_that() {
        let three = early(&[(1_000, 1, 20), (500, 2, 10), (300, 3, 0)]);
        let given = |amount| {
            let shares = oldest_first(amount, three.clone());
            (amounts(&shares), amounts(&earned(&shares, &three)))
        };
        assert_eq!(given(980 + 490), (vec![980, 490], vec![20, 10]));
        assert_eq!(given(980 + 490 + 300), (vec![980, 490, 300], vec![20, 10]));
        assert_eq!(given(1_500), (vec![1_000, 500], vec![]));
        let wish = Wanted { invoice_id: Some(three[0].invoice_id), instalment_id: None, charge_id: None, amount: 1_470 };
        assert_eq!(amounts(&as_wanted(2_000, &[wish], three.clone(), vec![]).unwrap().0), [980, 490]);
    }

    #[test]
    fn the_oldest_due_date_is_served_first() {
        let open = open(&[(100, 9), (50, 2)]);
        let shares = oldest_first(70, open.clone());
        let served: Vec<_> = shares.iter().map(|share| (share.instalment_id, share.amount_minor)).collect();
        assert_eq!(served, [(open[1].instalment_id, 50), (open[0].instalment_id, 20)]);
    }

    #[test]
    fn every_wrong_wish_is_named() {
        let open = open(&[(100, 9)]);
        let stranger = InstalmentId::new(DateTime::UNIX_EPOCH);
        let wish = |instalment_id, amount| Wanted { invoice_id: None, instalment_id: Some(instalment_id), charge_id: None, amount };
        let faults =
            as_wanted(110, &[wish(stranger, 5), wish(open[0].instalment_id, 101), wish(open[0].instalment_id, 50)], open.clone(), vec![])
                .unwrap_err();
        let codes: Vec<_> = faults.0.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect();
        let expected = [
            ("/allocations/0", "not_open"),
            ("/allocations/1/amount", "over_allocation"),
            ("/allocations/2/amount", "over_allocation"),
            ("/allocations", "over_allocation"),
        ];
        assert_eq!(codes, expected);
    }

    #[test]
    fn two_wishes_for_one_instalment_are_one_share() {
        let open = open(&[(100, 9)]);
        let wish = Wanted { invoice_id: Some(open[0].invoice_id), instalment_id: None, charge_id: None, amount: 30 };
        let (shares, _) = as_wanted(100, &[wish.clone(), wish], open, vec![]).unwrap();
        assert_eq!(shares.iter().map(|share| share.amount_minor).collect::<Vec<_>>(), [60]);
    }

    #[test]
    fn a_charge_is_settled_by_name_and_no_further_than_its_balance() {
        let (open, charge) = (open(&[(100, 9)]), ChargeId::new(DateTime::UNIX_EPOCH));
        let wish = |amount| Wanted { invoice_id: None, instalment_id: None, charge_id: Some(charge), amount };
        let principal = Wanted { instalment_id: Some(open[0].instalment_id), charge_id: None, ..wish(60) };
        let (shares, paid) = as_wanted(100, &[wish(10), principal, wish(30)], open.clone(), vec![(charge, 40)]).unwrap();
        assert_eq!((amounts(&shares), paid), (vec![60], vec![(charge, 40)]));
        let faults = |wanted: &[Wanted], charges| as_wanted(100, wanted, open.clone(), charges).unwrap_err().0.remove(0);
        assert_eq!(faults(&[wish(41)], vec![(charge, 40)]).code, "over_allocation");
        assert_eq!(faults(&[wish(1)], vec![]).code, "not_open");
    }

    proptest! {
        #[test]
        fn a_discount_never_settles_too_much(amount in 0_i64..2_000, parts in proptest::collection::vec((1_i64..500, 0_u64..60, 0_i64..500), 0..12)) {
            let open: Vec<Open> = early(&parts).into_iter().map(|one| Open { discount_minor: one.discount_minor.min(one.balance_minor), ..one }).collect();
            let shares = oldest_first(amount, open.clone());
            let discounts = earned(&shares, &open);
            prop_assert!(shares.iter().map(|share| share.amount_minor).sum::<i64>() <= amount);
            for one in &open {
                let of = |all: &[Share]| all.iter().filter(|share| share.instalment_id == one.instalment_id).map(|share| share.amount_minor).sum::<i64>();
                prop_assert!(of(&shares) + of(&discounts) <= one.balance_minor && of(&discounts) <= one.discount_minor);
            }
        }

        #[test]
        fn nothing_is_given_twice(amount in 0_i64..2_000, balances in proptest::collection::vec((1_i64..500, 0_u64..60), 0..12)) {
            let open = open(&balances);
            let owed: i64 = open.iter().map(|one| one.balance_minor).sum();
            let shares = oldest_first(amount, open.clone());
            prop_assert_eq!(shares.iter().map(|share| share.amount_minor).sum::<i64>(), amount.min(owed));
            for share in &shares {
                let of = open.iter().find(|one| one.instalment_id == share.instalment_id).unwrap();
                prop_assert!(share.amount_minor > 0 && share.amount_minor <= of.balance_minor);
            }
        }
    }
}
