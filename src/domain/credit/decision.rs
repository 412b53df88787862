//! The credit decision: may this order be delivered on credit, and if not, on what condition?
//!
//! Every reason is given at once; the gravest gives the outcome. Guarantees do not raise a limit by themselves: the limit is the creditor's own
//! word, and a guarantee shows in the score.
//!
//! Invariant: what a decision reserves fits below the limit, beside what is open and what is reserved already.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::settings::{CreditSettings, DisputedAmounts};

crate::words! {
    /// What is decided about an order.
    pub enum CreditOutcome {
        /// Deliver on credit.
        Approve = "approve",
        /// Deliver once the stated amount is paid.
        PrepaymentRequired = "prepayment_required",
        /// Do not deliver, not even against prepayment, before the reasons are gone.
        Refuse = "refuse",
    }
}

crate::words! {
    /// Why it is so decided.
    pub enum CreditReason {
        /// What is open, what is reserved and the order fit below the limit.
        WithinLimit = "within_limit",
        /// The customer has no credit limit in this currency: the tenant's settings decide.
        NoLimit = "no_limit",
        /// The limit is no longer valid.
        LimitExpired = "limit_expired",
        /// With the order, the limit would be exceeded.
        LimitExceeded = "limit_exceeded",
        /// Something has been overdue for longer than the tenant's settings allow.
        OverdueTooLong = "overdue_too_long",
        /// The score asks for a deposit.
        DepositByScore = "deposit_by_score",
        /// The customer is on the watch list.
        Watched = "watched",
        /// The checklist of the tenant asks for something that is not known.
        IdentificationMissing = "identification_missing",
    }
}

/// A credit limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// In minor units.
    pub minor: i64,
    /// Its last day.
    pub valid_until: Option<NaiveDate>,
}

impl Limit {
    /// Whether it is valid on a day.
    pub fn is_valid(&self, today: NaiveDate) -> bool {
        self.valid_until.is_none_or(|last| last >= today)
    }
}

/// An open instalment, as far as credit is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Its due date.
    pub due_date: NaiveDate,
    /// What is left to pay, in minor units.
    pub balance_minor: i64,
    /// The part of it that is contested.
    pub disputed_minor: i64,
}

/// What an account owes, as the tenant's settings count it; minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Exposure {
    /// What is left to pay, all of it.
    #[schema(minimum = 0)]
    pub open_minor: i64,
    /// What of it is contested.
    #[schema(minimum = 0)]
    pub disputed_minor: i64,
    /// What of it is overdue, dust aside.
    #[schema(minimum = 0)]
    pub overdue_minor: i64,
    /// For how many days the oldest of that has been overdue.
    #[schema(minimum = 0)]
    pub overdue_days: i64,
    /// Reserved by earlier decisions.
    #[schema(minimum = 0)]
    pub reserved_minor: i64,
    /// What counts against the limit: open and reserved, less what the settings leave out.
    #[schema(minimum = 0)]
    pub counted_minor: i64,
}

impl Exposure {
    /// Sums up.
    pub fn of(claims: &[Claim], reserved_minor: i64, dust_minor: i64, disputed: DisputedAmounts, today: NaiveDate) -> Self {
        let mut sum = Self { reserved_minor, counted_minor: reserved_minor, ..Self::default() };
        let add = |to: &mut i64, minor: i64| *to = to.saturating_add(minor);
        for claim in claims {
            add(&mut sum.open_minor, claim.balance_minor);
            add(&mut sum.disputed_minor, claim.disputed_minor);
            let uncontested = claim.balance_minor.saturating_sub(claim.disputed_minor);
            let counted = match disputed {
                DisputedAmounts::Counted => claim.balance_minor,
                DisputedAmounts::Excluded => uncontested,
            };
            if claim.balance_minor > dust_minor {
                add(&mut sum.counted_minor, counted);
                if claim.due_date < today && uncontested > 0 {
                    add(&mut sum.overdue_minor, uncontested);
                    sum.overdue_days = sum.overdue_days.max(today.signed_duration_since(claim.due_date).num_days());
                }
            }
        }
        sum
    }
}

/// What a decision looks at, beside the order and the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The limit in the order's currency.
    pub limit: Option<Limit>,
    /// What is owed in it.
    pub exposure: Exposure,
    /// The score that holds.
    pub score: u8,
    /// Whether the customer is on the watch list.
    pub watched: bool,
    /// What the checklist wants and the record lacks.
    pub missing: Vec<String>,
}

/// A reason, and what it alone would lead to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReasonGiven {
    /// Which.
    pub code: CreditReason,
    /// What it alone would lead to.
    pub outcome: CreditOutcome,
    /// What it alone would have paid first, in minor units.
    #[schema(minimum = 0)]
    pub prepayment_minor: i64,
    /// In words.
    #[schema(max_length = 500)]
    pub detail: String,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What is decided.
    pub outcome: CreditOutcome,
    /// What must be paid first, in minor units; 0 unless that is the outcome.
    pub prepayment_minor: i64,
    /// What is reserved below the limit, in minor units.
    pub reserve_minor: i64,
    /// What was left of the limit before, in minor units; absent without a valid one.
    pub available_minor: Option<i64>,
    /// All that speaks for it.
    pub reasons: Vec<ReasonGiven>,
}

/// Decides about an order of `amount` minor units.
pub fn decide(amount: i64, standing: &Standing, settings: &CreditSettings, today: NaiveDate) -> Decision {
    let valid = standing.limit.filter(|limit| limit.is_valid(today));
    let available_minor = valid.map(|limit| limit.minor.saturating_sub(standing.exposure.counted_minor).max(0));
    let mut reasons = vec![by_limit(amount, standing, settings, available_minor, today)];
    reasons.extend(by_overdue(standing, settings));
    reasons.extend(by_score(amount, standing, settings));
    if standing.watched {
        reasons.push(prepay(CreditReason::Watched, amount, "the customer is on the watch list"));
    }
    if !standing.missing.is_empty() {
        let named: String = standing.missing.join(", ").chars().take(400).collect();
        reasons.push(reason(CreditReason::IdentificationMissing, CreditOutcome::Refuse, 0, format!("not known: {named}")));
    }
    let outcome = reasons.iter().map(|one| one.outcome).max().unwrap_or(CreditOutcome::Refuse);
    let prepayment = reasons.iter().map(|one| one.prepayment_minor).max().unwrap_or(0).min(amount);
    let (prepayment_minor, reserve_minor) = match outcome {
        CreditOutcome::Approve => (0, amount),
        CreditOutcome::PrepaymentRequired => (prepayment, amount.saturating_sub(prepayment)),
        CreditOutcome::Refuse => (0, 0),
    };
    Decision { outcome, prepayment_minor, reserve_minor, available_minor, reasons }
}

fn reason(code: CreditReason, outcome: CreditOutcome, prepayment_minor: i64, detail: impl Into<String>) -> ReasonGiven {
    ReasonGiven { code, outcome, prepayment_minor, detail: detail.into() }
}

fn prepay(code: CreditReason, minor: i64, detail: impl Into<String>) -> ReasonGiven {
    reason(code, CreditOutcome::PrepaymentRequired, minor, detail)
}

fn by_limit(amount: i64, standing: &Standing, settings: &CreditSettings, available: Option<i64>, today: NaiveDate) -> ReasonGiven {
    match (standing.limit, available) {
        (_, Some(available)) if amount <= available => {
            reason(CreditReason::WithinLimit, CreditOutcome::Approve, 0, format!("{available} of the limit is left"))
        }
        (_, Some(available)) => {
            let excess = amount.saturating_sub(available);
            prepay(CreditReason::LimitExceeded, excess, format!("{available} of the limit is left; the order exceeds it by {excess}"))
        }
        (Some(limit), None) => {
            let last = limit.valid_until.unwrap_or(today);
            prepay(CreditReason::LimitExpired, amount, format!("the limit was valid until {last}"))
        }
        (None, None) => {
            let first = if settings.without_limit == CreditOutcome::PrepaymentRequired { amount } else { 0 };
            reason(CreditReason::NoLimit, settings.without_limit, first, "the customer has no limit in this currency")
        }
    }
}

fn by_overdue(standing: &Standing, settings: &CreditSettings) -> Option<ReasonGiven> {
    let exposure = &standing.exposure;
    let too_long = exposure.overdue_minor > 0 && exposure.overdue_days > i64::from(settings.max_overdue_days);
    too_long.then(|| {
        let detail = format!(
            "{} is overdue, the oldest part for {} days; {} are allowed",
            exposure.overdue_minor, exposure.overdue_days, settings.max_overdue_days
        );
        reason(CreditReason::OverdueTooLong, CreditOutcome::Refuse, 0, detail)
    })
}

fn by_score(amount: i64, standing: &Standing, settings: &CreditSettings) -> Option<ReasonGiven> {
    let percent = settings.deposit_percent(standing.score);
    // Rounded up: a deposit is at least what was asked for.
    let share = amount.saturating_mul(percent).saturating_add(99) / 100;
    (share > 0)
        .then(|| prepay(CreditReason::DepositByScore, share, format!("with a score of {}, {percent} % is paid first", standing.score)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn standing(limit: Option<i64>, counted: i64, score: u8) -> Standing {
        Standing {
            limit: limit.map(|minor| Limit { minor, valid_until: None }),
            exposure: Exposure { counted_minor: counted, ..Exposure::default() },
            score,
            watched: false,
            missing: Vec::new(),
        }
    }

    fn decided(amount: i64, standing: &Standing) -> (CreditOutcome, i64, i64, Vec<CreditReason>) {
        let one = decide(amount, standing, &CreditSettings::default(), day("2026-03-02"));
        (one.outcome, one.prepayment_minor, one.reserve_minor, one.reasons.iter().map(|one| one.code).collect())
    }

    proptest! {
        #[test]
        fn what_is_reserved_fits_below_the_limit(amount in 1_i64..10_000, limit in 0_i64..10_000, counted in 0_i64..20_000, score in 1_u8..=5, watched: bool, missing: bool) {
            let standing = Standing { watched, missing: if missing { vec!["x".into()] } else { vec![] }, ..standing(Some(limit), counted, score) };
            let one = decide(amount, &standing, &CreditSettings::default(), day("2026-03-02"));
            prop_assert!(one.reserve_minor == 0 || one.reserve_minor + counted <= limit);
            prop_assert!(one.prepayment_minor >= 0 && one.prepayment_minor <= amount);
            match one.outcome {
                CreditOutcome::Approve => prop_assert_eq!((one.reserve_minor, one.prepayment_minor), (amount, 0)),
                CreditOutcome::PrepaymentRequired => prop_assert_eq!(one.reserve_minor + one.prepayment_minor, amount),
                CreditOutcome::Refuse => prop_assert_eq!((one.reserve_minor, one.prepayment_minor), (0, 0)),
            }
            prop_assert!(!one.reasons.is_empty() && one.reasons.iter().all(|reason| reason.outcome <= one.outcome));
        }
    }

    #[test]
    fn all_reasons_come_at_once_and_the_gravest_decides() {
        use CreditOutcome::{Approve, PrepaymentRequired, Refuse};
        use CreditReason::{
            DepositByScore, IdentificationMissing, LimitExceeded, LimitExpired, NoLimit, OverdueTooLong, Watched, WithinLimit,
        };
        assert_eq!(decided(100, &standing(Some(500), 400, 5)), (Approve, 0, 100, vec![WithinLimit]));
        assert_eq!(decided(100, &standing(Some(500), 430, 5)), (PrepaymentRequired, 30, 70, vec![LimitExceeded]));
        assert_eq!(decided(101, &standing(Some(500), 430, 2)), (PrepaymentRequired, 51, 50, vec![LimitExceeded, DepositByScore]));
        assert_eq!(decided(100, &standing(None, 0, 5)), (PrepaymentRequired, 100, 0, vec![NoLimit]));
        let expired = Standing { limit: Some(Limit { minor: 500, valid_until: Some(day("2026-03-01")) }), ..standing(None, 0, 5) };
        assert_eq!(decided(100, &expired), (PrepaymentRequired, 100, 0, vec![LimitExpired]));
        let bad = Standing {
            exposure: Exposure { overdue_minor: 5, overdue_days: 31, counted_minor: 600, ..Exposure::default() },
            watched: true,
            missing: vec!["legal_form".to_owned()],
            ..standing(Some(500), 600, 1)
        };
        let all = vec![LimitExceeded, OverdueTooLong, DepositByScore, Watched, IdentificationMissing];
        assert_eq!(decided(100, &bad), (Refuse, 0, 0, all));
    }

    #[test]
    fn dust_and_disputes_count_as_the_tenant_says() {
        let claim = |due: &str, balance_minor, disputed_minor| Claim { due_date: day(due), balance_minor, disputed_minor };
        let claims =
            [claim("2026-02-20", 100, 0), claim("2026-02-25", 1000, 400), claim("2026-04-01", 500, 0), claim("2026-02-01", 700, 700)];
        let of = |dust, disputed| Exposure::of(&claims, 50, dust, disputed, day("2026-03-02"));
        let counted = of(0, DisputedAmounts::Counted);
        assert_eq!(
            (counted.open_minor, counted.disputed_minor, counted.overdue_minor, counted.overdue_days, counted.counted_minor),
            (2300, 1100, 700, 10, 2350)
        );
        let less = of(100, DisputedAmounts::Excluded);
        assert_eq!((less.open_minor, less.overdue_minor, less.overdue_days, less.counted_minor), (2300, 600, 5, 1150));
    }
}
