//! Payment terms: how a sale is to be paid, under a name.
//!
//! A document, and pure functions over it: [`due::due_date`], [`split::split`], [`maximum::of_terms`]. An invoice keeps a [`Copied`] document, so that a later
//! version never rewrites it. Not here: which terms an invoice gets, and what is paid. Invariant of what passes [`Terms::check`]: whatever the amount,
//! its parts are the whole of it.

pub mod due;
pub mod maximum;
mod portion;
pub mod request;
pub mod split;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use due::{Dates, Due};
pub use portion::Portion;

use super::{
    interest::{FixedSum, LateInterest},
    settlement::PaymentMethod,
};
use crate::domain::{customer::CustomerKind, ids::TermsId, invalid::Faults, locale::Language, money::Currency};
use due::{DueEvent, DueRule};

/// How a sale is to be paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "30 % on order, rest at 45 days end of month", "audiences": ["business"],
    "due": {"rule": {"kind": "days_then_end_of_month", "days": 45}},
    "deposit": {"share": {"kind": "percent", "percent": "30"}},
    "early_payment": {"percent": "2", "days": 10},
    "payment_methods": ["transfer", "direct_debit"],
    "clauses": [{"language": "fr", "text": "Escompte de 2 % pour paiement sous 10 jours."}]}))]
pub struct Terms {
    /// How people call them.
    #[schema(min_length = 1, max_length = 120)]
    pub name: String,
    /// Which customers they are meant for; empty: any. They are held to the law that protects each of them.
    #[serde(default)]
    #[schema(max_items = 3)]
    pub audiences: Vec<CustomerKind>,
    /// When an invoice is due, and each part that says nothing else.
    pub due: Due,
    /// What is asked for first; `instalments` then split the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposit: Option<Deposit>,
    /// The parts, in their order. Empty: all of it on the due date.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 36)]
    pub instalments: Vec<Part>,
    /// The discount for paying early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_payment: Option<EarlyPayment>,
    /// The interest for paying late.
    #[serde(default)]
    pub late_interest: LateInterest,
    /// The fixed sum for paying late.
    #[serde(default)]
    pub fixed_sum: FixedSum,
    /// How it may be paid; empty: in any way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 6)]
    pub payment_methods: Vec<PaymentMethod>,
    /// What the documents say, by language, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20)]
    pub clauses: Vec<Clause>,
}

/// A part of an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TermsInstalment, example = json!({"share": {"kind": "percent", "percent": "50"}, "due": {"from": "delivery", "rule": {"kind": "immediate"}}}))]
pub struct Part {
    /// How much; absent: the rest. One part may be the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Share>,
    /// When; absent: as the terms say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Due>,
}

/// How much of an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = TermsShare, example = json!({"kind": "percent", "percent": "30"}))]
pub enum Share {
    /// A part of the total, tax included; after a deposit, of what it leaves.
    Percent {
        /// Which part.
        percent: Portion,
    },
    /// A fixed amount, or all that is left if that is less.
    Amount {
        /// In minor units.
        #[schema(minimum = 1, maximum = 1_000_000_000_000_000i64, example = 50_000)]
        amount: i64,
        /// Of which currency: the terms fit no invoice in another.
        currency: Currency,
    },
}

/// What is asked for first. An invoice of kind `deposit` under these terms is due at once, by this rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TermsDeposit, example = json!({"share": {"kind": "percent", "percent": "30"}, "due": {"from": "order", "rule": {"kind": "immediate"}}}))]
pub struct Deposit {
    /// How much; 100 percent is prepayment.
    pub share: Share,
    /// When: on order, unless told otherwise.
    #[serde(default = "on_order")]
    pub due: Due,
}

const fn on_order() -> Due {
    Due { from: DueEvent::Order, ..Due::of_issue(DueRule::Immediate {}) }
}

crate::words! {
    /// What a discount is a part of.
    pub enum DiscountBase {
        /// The amount with its tax.
        Gross = "gross",
        /// The amount before tax; the invoice must give it.
        Net = "net",
    }
}

/// A discount for paying early. It is offered on each instalment that falls due on the discount's last day or later; what is due sooner cannot be paid early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"percent": "2", "days": 10, "base": "gross"}))]
pub struct EarlyPayment {
    /// How much.
    pub percent: Portion,
    /// Its last day, counted from the invoice's date.
    #[schema(minimum = 0, maximum = 365)]
    pub days: u16,
    /// Of which amount.
    #[serde(default = "gross")]
    #[schema(default = "gross")]
    pub base: DiscountBase,
}

const fn gross() -> DiscountBase {
    DiscountBase::Gross
}

/// A sentence of the terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TermsClause, example = json!({"language": "fr", "text": "Pas d'escompte pour paiement anticipé."}))]
pub struct Clause {
    /// In which language.
    pub language: Language,
    /// Its words.
    #[schema(min_length = 1, max_length = 2000)]
    pub text: String,
}

/// Terms as an invoice keeps them: what they said when it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Copied {
    /// Which terms.
    pub terms_id: TermsId,
    /// Which version of them.
    #[schema(minimum = 1)]
    pub version: i32,
    /// What it said.
    pub document: Terms,
}

crate::words! {
    /// What the due dates of an invoice come from.
    pub enum DueDateSource {
        /// They were given, or moved by hand.
        Given = "given",
        /// The terms that the invoice named.
        Terms = "terms",
        /// The terms of its customer.
        CustomerTerms = "customer_terms",
        /// The tenant's own terms.
        TenantTerms = "tenant_terms",
    }
}

impl Terms {
    /// Whose law they are held to.
    pub fn audiences(&self) -> &[CustomerKind] {
        if self.audiences.is_empty() { CustomerKind::ALL } else { &self.audiences }
    }

    /// Whether they are meant for such a customer.
    pub fn admits(&self, kind: CustomerKind) -> bool {
        self.audiences().contains(&kind)
    }

    /// Every rule in them by which something falls due, with its place.
    pub fn dues(&self) -> Vec<(String, Due)> {
        let own = std::iter::once(("/due".to_owned(), self.due));
        let deposit = self.deposit.iter().map(|deposit| ("/deposit/due".to_owned(), deposit.due));
        let parts = self.instalments.iter().enumerate().filter_map(|(n, part)| Some((format!("/instalments/{n}/due"), part.due?)));
        own.chain(deposit).chain(parts).collect()
    }

    /// The clauses in one language.
    pub fn clauses_in(&self, language: Language) -> impl Iterator<Item = &str> {
        self.clauses.iter().filter(move |clause| clause.language == language).map(|clause| clause.text.as_str())
    }

    /// The last day of the discount for an invoice of that date.
    pub fn discount_until(&self, issue: NaiveDate) -> Option<NaiveDate> {
        let days = i32::from(self.early_payment?.days);
        Some(crate::domain::calendar::local::plus_days(issue, days))
    }

    /// The rules that no schema can say and that need no jurisdiction.
    pub fn check(&self) -> Faults {
        let mut faults = Faults::none();
        self.check_parts(&mut faults);
        for (place, due) in self.dues() {
            if matches!(due.rule, DueRule::OnDate { .. }) && due.from != DueEvent::Issue {
                faults.add(format!("{place}/from"), "contradiction", "a date counts from nothing; leave `from` out");
            }
        }
        for (n, kind) in self.audiences.iter().enumerate() {
            if self.audiences.iter().take(n).any(|earlier| earlier == kind) {
                faults.add(format!("/audiences/{n}"), "repeated", format!("{kind} is named before"));
            }
        }
        for (n, method) in self.payment_methods.iter().enumerate() {
            if self.payment_methods.iter().take(n).any(|earlier| earlier == method) {
                faults.add(format!("/payment_methods/{n}"), "repeated", format!("{method} is named before"));
            }
        }
        faults
    }

    fn check_parts(&self, faults: &mut Faults) {
        let mut rests = 0_usize;
        let mut percent = 0_u64;
        let mut amounts = false;
        let mut currency = None;
        let deposit = self.deposit.as_ref().map(|deposit| ("/deposit/share".to_owned(), deposit.share));
        for (n, part) in self.instalments.iter().enumerate() {
            match part.share {
                None => rests = rests.saturating_add(1),
                Some(Share::Percent { percent: one }) => percent = percent.saturating_add(u64::from(one.millionths())),
                Some(Share::Amount { .. }) => amounts = true,
            }
            if rests > 1 && part.share.is_none() {
                faults.add(format!("/instalments/{n}/share"), "repeated", "one part at most is the rest; give the others a share");
            }
        }
        let shares = self.instalments.iter().enumerate().filter_map(|(n, part)| Some((format!("/instalments/{n}/share"), part.share?)));
        for (place, share) in deposit.into_iter().chain(shares) {
            if let Share::Amount { currency: one, .. } = share
                && *currency.get_or_insert(one) != one
            {
                faults.add(format!("{place}/currency"), "contradiction", "fixed amounts are all of one currency");
            }
        }
        if percent > 1_000_000 {
            faults.add("/instalments", "sum", "the percentages sum to more than 100");
        } else if rests == 0 && amounts {
            faults.add("/instalments", "no_rest", "fixed amounts fit one total only; let one part be the rest: leave its share out");
        } else if rests == 0 && !self.instalments.is_empty() && percent < 1_000_000 {
            faults.add("/instalments", "sum", "the percentages sum to less than 100; let one part be the rest: leave its share out");
        } else if rests == 1 && percent == 1_000_000 {
            faults.add("/instalments", "sum", "the percentages sum to 100, so that nothing is left for the part that is the rest");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn terms(extra: serde_json::Value) -> Terms {
        let mut whole = serde_json::json!({"name": "t", "due": {"rule": {"kind": "net", "days": 30}}});
        whole.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        serde_json::from_value(whole).unwrap()
    }

    fn codes(extra: serde_json::Value) -> Vec<(String, &'static str)> {
        terms(extra).check().0.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    #[test]
    fn parts_are_the_whole_whatever_the_amount() {
        let percent = |percent: &str| serde_json::json!({"share": {"kind": "percent", "percent": percent}});
        let amount = |currency: &str| serde_json::json!({"share": {"kind": "amount", "amount": 100, "currency": currency}});
        let rest = serde_json::json!({});
        let split = |parts: &[&serde_json::Value]| codes(serde_json::json!({"instalments": parts}));
        assert_eq!(split(&[]), []);
        assert_eq!(split(&[&percent("50"), &percent("50")]), []);
        assert_eq!(split(&[&amount("EUR"), &percent("50"), &rest]), []);
        for (parts, code) in [
            (vec![&percent("50"), &percent("49.9999")], "sum"),
            (vec![&percent("50"), &percent("50.0001")], "sum"),
            (vec![&percent("100"), &rest], "sum"),
            (vec![&percent("50"), &amount("EUR")], "no_rest"),
        ] {
            assert_eq!(split(&parts), [("/instalments".to_owned(), code)]);
        }
        assert_eq!(split(&[&rest, &rest]), [("/instalments/1/share".to_owned(), "repeated")]);
        assert_eq!(split(&[&amount("EUR"), &amount("CHF"), &rest]), [("/instalments/1/share/currency".to_owned(), "contradiction")]);
    }

    #[test]
    fn every_fault_at_once() {
        let wrong = serde_json::json!({"due": {"from": "order", "rule": {"kind": "on_date", "date": "2026-09-30"}},
            "audiences": ["business", "business"], "payment_methods": ["card", "cash", "card"]});
        let expected = [("/due/from", "contradiction"), ("/audiences/1", "repeated"), ("/payment_methods/2", "repeated")];
        assert_eq!(codes(wrong), expected.map(|(place, code)| (place.to_owned(), code)));
    }

    #[test]
    fn a_deposit_is_due_on_order_and_the_law_applies_unless_told_otherwise() {
        let plain = terms(serde_json::json!({"deposit": {"share": {"kind": "percent", "percent": "30"}}}));
        assert_eq!(plain.deposit.unwrap().due, on_order());
        assert_eq!((plain.late_interest, plain.fixed_sum), (LateInterest::default(), FixedSum::default()));
        assert!(
            serde_json::from_value::<Terms>(serde_json::json!({"name": "t", "due": {"rule": {"kind": "immediate", "days": 3}}})).is_err()
        );
    }
}
