//! An invoice under its terms: parts with their dates and amounts, and the discount for paying each early.
//!
//! Invariant: the parts sum to the total, to the last minor unit, whatever the currency; none is negative, and none is nothing unless the total is.

use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Dates, DiscountBase, Due, Share, Terms,
    due::due_date,
    portion::{part, rounded},
};
use crate::domain::{calendar::Calendar, invalid::Faults, ledger::InvoiceKind, money::Currency};

/// What an invoice comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amounts {
    /// Tax included, in minor units.
    pub total: i64,
    /// Before tax, in minor units, if known.
    pub net: Option<i64>,
    /// Of both.
    pub currency: Currency,
}

/// A part of an invoice under its terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstalmentDraft {
    /// The last day on which it is paid in time.
    pub due_date: NaiveDate,
    /// In minor units.
    pub amount_minor: i64,
    /// What paying early saves.
    pub discount: Option<Discount>,
}

/// What paying early saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Discount {
    /// In minor units.
    #[schema(minimum = 1)]
    pub amount: i64,
    /// The last day on which paying earns it.
    pub last_day: NaiveDate,
}

impl Discount {
    /// What is left of it once credit notes took `credited` off an instalment of `amount`: a discount is on what is asked for.
    pub fn after_credit(self, amount: i64, credited: i64) -> i64 {
        let asked = i128::from(amount.saturating_sub(credited).max(0));
        rounded(i128::from(self.amount).saturating_mul(asked), amount.into())
    }
}

/// Splits an invoice as its terms say.
///
/// # Errors
/// By the invoice's fields: a delivery date that the terms count from, a net amount that the discount is of, a currency that they do not fit.
pub fn split(
    terms: &Terms,
    kind: InvoiceKind,
    amounts: &Amounts,
    dates: &Dates,
    calendar: &Calendar,
) -> Result<Vec<InstalmentDraft>, Faults> {
    let mut faults = Faults::none();
    check_currency(terms, amounts.currency, &mut faults);
    if terms.early_payment.is_some_and(|early| early.base == DiscountBase::Net) && amounts.net.is_none() {
        faults.add("/net", "required", "the terms give a discount on the net amount; give net");
    }
    let mut drafts = Vec::new();
    for (due, amount_minor) in parts(terms, kind, amounts.total) {
        match due_date(&due, dates, calendar) {
            Some(due_date) => {
                drafts.push(InstalmentDraft { due_date, amount_minor, discount: discount(terms, amounts, amount_minor, due_date, dates) });
            }
            None => {
                faults.add("/delivery_date", "required", "the terms count from the delivery; give its date");
                break;
            }
        }
    }
    faults.or(drafts)
}

fn check_currency(terms: &Terms, currency: Currency, faults: &mut Faults) {
    let shares = terms.deposit.iter().map(|deposit| deposit.share).chain(terms.instalments.iter().filter_map(|part| part.share));
    for share in shares {
        if let Share::Amount { currency: wanted, .. } = share
            && wanted != currency
        {
            return faults.add(
                "/currency",
                "contradiction",
                format!("the terms ask for fixed amounts in {wanted}; choose others for {currency}"),
            );
        }
    }
}

/// How much falls due by which rule.
fn parts(terms: &Terms, kind: InvoiceKind, total: i64) -> Vec<(Due, i64)> {
    if kind == InvoiceKind::Deposit {
        return vec![(terms.deposit.map_or(terms.due, |deposit| deposit.due), total)];
    }
    let mut parts = Vec::new();
    let mut left = total;
    if let Some(deposit) = terms.deposit {
        let amount = match deposit.share {
            Share::Percent { percent } => percent.of(total),
            Share::Amount { amount, .. } => amount.min(total),
        };
        left = left.saturating_sub(amount);
        parts.push((deposit.due, amount));
    }
    match terms.instalments.as_slice() {
        [] => parts.push((terms.due, left)),
        shares => {
            let amounts = amounts(shares.iter().map(|part| part.share), left);
            parts.extend(shares.iter().map(|part| part.due.unwrap_or(terms.due)).zip(amounts));
        }
    }
    if total != 0 {
        parts.retain(|(_, amount)| *amount > 0);
    } else {
        parts.truncate(1);
    }
    parts
}

/// Shares of `base`. Percentages are rounded as they add up, so that all of them together are all of it.
fn amounts(shares: impl Iterator<Item = Option<Share>>, base: i64) -> Vec<i64> {
    let mut amounts = Vec::new();
    let (mut left, mut rest, mut millionths, mut by_percent) = (base, None, 0_u32, 0_i64);
    for share in shares {
        let wanted = match share {
            None => {
                rest = Some(amounts.len());
                0
            }
            Some(Share::Amount { amount, .. }) => amount,
            Some(Share::Percent { percent }) => {
                millionths = millionths.saturating_add(percent.millionths());
                let so_far = part(base, millionths);
                let own = so_far.saturating_sub(by_percent);
                by_percent = so_far;
                own
            }
        };
        let amount = wanted.min(left);
        left = left.saturating_sub(amount);
        amounts.push(amount);
    }
    let last = amounts.len().saturating_sub(1);
    if let Some(amount) = amounts.get_mut(rest.unwrap_or(last)) {
        *amount = amount.saturating_add(left);
    }
    amounts
}

/// What paying an instalment early saves; nothing if it is due before the discount ends.
fn discount(terms: &Terms, amounts: &Amounts, amount_minor: i64, due_date: NaiveDate, dates: &Dates) -> Option<Discount> {
    let early = terms.early_payment?;
    let last_day = terms.discount_until(dates.issue).filter(|last| *last <= due_date)?;
    let amount = match early.base {
        DiscountBase::Gross => early.percent.of(amount_minor),
        DiscountBase::Net => early.percent.of_share(amount_minor, amounts.net?, amounts.total),
    };
    (amount > 0).then_some(Discount { amount, last_day })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::ledger::terms::{Deposit, Part, due, tests::terms};

    fn calendar() -> Calendar {
        Calendar::of("Europe/Paris".parse().unwrap(), "FR".parse().unwrap())
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn euros(total: i64, net: Option<i64>) -> Amounts {
        Amounts { total, net, currency: Currency::EUR }
    }

    fn of(extra: serde_json::Value, total: i64) -> Vec<(String, i64)> {
        let dates = Dates { issue: day("2026-03-10"), order: Some(day("2026-02-01")), delivery: Some(day("2026-03-20")) };
        let drafts = split(&terms(extra), InvoiceKind::Invoice, &euros(total, None), &dates, &calendar()).unwrap();
        drafts.iter().map(|draft| (draft.due_date.to_string(), draft.amount_minor)).collect()
    }

    #[test]
    fn half_on_order_half_on_delivery() {
        let half = |event: &str| serde_json::json!({"share": {"kind": "percent", "percent": "50"}, "due": {"from": event, "rule": {"kind": "immediate"}}});
        let parts = of(serde_json::json!({"instalments": [half("order"), half("delivery")]}), 101);
        assert_eq!(parts, [("2026-03-10".to_owned(), 51), ("2026-03-20".to_owned(), 50)]);
    }

    #[test]
    fn three_times_30_days() {
        let at = |days: u16| serde_json::json!({"share": {"kind": "percent", "percent": "33.3333"}, "due": {"rule": {"kind": "net", "days": days}}});
        let rest = serde_json::json!({"due": {"rule": {"kind": "net", "days": 90}}});
        let parts = of(serde_json::json!({"instalments": [at(30), at(60), rest]}), 10_000);
        assert_eq!(parts.iter().map(|(_, amount)| *amount).collect::<Vec<_>>(), [3_333, 3_334, 3_333]);
        assert_eq!(parts[2].0, "2026-06-08");
    }

    #[test]
    fn a_deposit_comes_first_and_the_split_is_of_what_it_leaves() {
        let half = serde_json::json!({"share": {"kind": "percent", "percent": "50"}});
        let deposit = |share: serde_json::Value| serde_json::json!({"deposit": {"share": share}, "instalments": [half, half]});
        let thirty = deposit(serde_json::json!({"kind": "percent", "percent": "30"}));
        assert_eq!(of(thirty, 1_000).iter().map(|(_, amount)| *amount).collect::<Vec<_>>(), [300, 350, 350]);
        let fixed = deposit(serde_json::json!({"kind": "amount", "amount": 5_000, "currency": "EUR"}));
        assert_eq!(of(fixed, 1_000), [("2026-03-10".to_owned(), 1_000)]);
        let all = serde_json::json!({"deposit": {"share": {"kind": "percent", "percent": "100"}, "due": {"from": "delivery", "rule": {"kind": "before", "days": 7}}}});
        assert_eq!(of(all, 1_000), [("2026-03-13".to_owned(), 1_000)]);
    }

    #[test]
    fn a_deposit_invoice_is_due_as_the_deposit_is() {
        let terms = terms(serde_json::json!({"deposit": {"share": {"kind": "percent", "percent": "30"}}}));
        let drafts = split(&terms, InvoiceKind::Deposit, &euros(300, None), &Dates::of_issue(day("2026-03-10")), &calendar()).unwrap();
        assert_eq!(drafts, [InstalmentDraft { due_date: day("2026-03-10"), amount_minor: 300, discount: None }]);
    }

    #[test]
    fn nothing_is_one_part_of_nothing() {
        let halves = serde_json::json!({"instalments": [{"share": {"kind": "percent", "percent": "50"}}, {}]});
        assert_eq!(of(halves.clone(), 0).len(), 1);
        assert_eq!(of(halves, 1), [("2026-04-09".to_owned(), 1)]);
    }

    #[test]
    fn a_discount_is_of_gross_or_net_and_only_on_what_is_due_later() {
        let with = |base: &str, days: u16| terms(serde_json::json!({"early_payment": {"percent": "2", "days": days, "base": base}}));
        let dates = Dates::of_issue(day("2026-03-10"));
        let discount = |terms: &Terms, net| {
            split(terms, InvoiceKind::Invoice, &euros(12_000, net), &dates, &calendar()).map(|drafts| drafts[0].discount)
        };
        let on = |amount| Some(Discount { amount, last_day: day("2026-03-20") });
        assert_eq!(discount(&with("gross", 10), None), Ok(on(240)));
        assert_eq!(discount(&with("net", 10), Some(10_000)), Ok(on(200)));
        assert_eq!(discount(&with("gross", 31), None), Ok(None));
        assert_eq!(discount(&with("net", 10), None).unwrap_err().0[0].pointer, "/net");
        assert_eq!(on(200).unwrap().after_credit(12_000, 6_000), 100);
        assert_eq!(on(200).unwrap().after_credit(12_000, 12_000), 0);
    }

    #[test]
    fn what_the_terms_need_is_asked_for() {
        let terms = terms(serde_json::json!({"due": {"from": "delivery", "rule": {"kind": "net", "days": 30}},
            "deposit": {"share": {"kind": "amount", "amount": 5, "currency": "CHF"}}}));
        let faults = split(&terms, InvoiceKind::Invoice, &euros(10, None), &Dates::of_issue(day("2026-03-10")), &calendar()).unwrap_err();
        assert_eq!(faults.0.iter().map(|fault| fault.pointer.as_str()).collect::<Vec<_>>(), ["/currency", "/delivery_date"]);
    }

    fn shares(currency: Currency) -> impl Strategy<Value = Share> {
        prop_oneof![
            (1_u32..1_000_001).prop_map(|millionths| {
                let text = format!("{}.{:04}", millionths / 10_000, millionths % 10_000);
                Share::Percent { percent: text.parse().unwrap() }
            }),
            (1_i64..1_000_000).prop_map(move |amount| Share::Amount { amount, currency }),
        ]
    }

    proptest! {
        #[test]
        fn no_minor_unit_is_lost(
            code in prop_oneof![Just("JPY"), Just("EUR"), Just("TND")],
            total in 0_i64..=crate::domain::money::MAX_MINOR,
            small in 0_i64..200,
            deposit in proptest::option::of(shares(Currency::EUR)),
            parts in proptest::collection::vec(proptest::option::of(shares(Currency::EUR)), 0..8),
            rules in proptest::collection::vec(due::tests::rules(), 9),
        ) {
            let currency: Currency = code.parse().unwrap();
            let own = |share: Share| match share {
                Share::Amount { amount, .. } => Share::Amount { amount, currency },
                percent @ Share::Percent { .. } => percent,
            };
            let mut terms = terms(serde_json::json!({}));
            terms.deposit = deposit.map(|share| Deposit { share: own(share), due: Due::of_issue(rules[8]) });
            terms.instalments = parts.iter().zip(&rules).map(|(share, rule)| Part { share: share.map(own), due: Some(Due::of_issue(*rule)) }).collect();
            for total in [total, small] {
                let amounts = Amounts { total, net: None, currency };
                let drafts = split(&terms, InvoiceKind::Invoice, &amounts, &Dates::of_issue(day("2028-02-29")), &calendar()).unwrap();
                prop_assert_eq!(drafts.iter().map(|draft| draft.amount_minor).sum::<i64>(), total);
                prop_assert!(drafts.iter().all(|draft| draft.amount_minor > 0 || total == 0));
                prop_assert!(!drafts.is_empty());
            }
        }

        #[test]
        fn a_discount_never_exceeds_its_instalment(total in 1_i64..1_000_000, share in 0_i64..=100, percent in 1_u32..=100, credited in 0_i64..1_000_000) {
            let mut terms = terms(serde_json::json!({}));
            terms.early_payment = Some(super::super::EarlyPayment { percent: percent.to_string().parse().unwrap(), days: 0, base: DiscountBase::Net });
            let amounts = euros(total, Some(total * share / 100));
            let drafts = split(&terms, InvoiceKind::Invoice, &amounts, &Dates::of_issue(day("2028-02-29")), &calendar()).unwrap();
            for draft in drafts {
                if let Some(discount) = draft.discount {
                    prop_assert!(discount.amount <= draft.amount_minor);
                    let left = discount.after_credit(draft.amount_minor, credited);
                    prop_assert!(left >= 0 && left <= discount.amount && left <= (draft.amount_minor - credited).max(0));
                }
            }
        }
    }
}
