//! The payer's profile: in which way it pays, so that a policy can speak to it accordingly.
//!
//! Read off the same inputs as the score. Where several fit, the first of [`profile`]'s order stands; where nothing is known well enough, none does.

use super::score::Inputs;

crate::words! {
    /// In which way a customer pays.
    pub enum PayerProfile {
        /// Pays soon after being reminded, a little late.
        Forgetful = "forgetful",
        /// Would pay and cannot: breaks promises, has payments taken back.
        ShortOfCash = "short_of_cash",
        /// Can pay and waits: late by habit, or by promises that are not meant.
        Stalling = "stalling",
        /// Contests before it pays.
        Disputing = "disputing",
        /// Pays in time.
        Reliable = "reliable",
    }
}

/// How many instalments make a habit.
const ENOUGH: u32 = 3;

/// The profile, with its reasons.
pub fn profile(inputs: &Inputs) -> Option<(PayerProfile, Vec<String>)> {
    let broken = inputs.promises_broken;
    let disputes = inputs.disputes_rejected.saturating_add(inputs.disputes_upheld);
    let overdue = inputs.overdue_percent().unwrap_or(0);
    let late = inputs.mean_days_late.filter(|_| inputs.settled >= ENOUGH);
    let paid = |days: i64| format!("{} instalments were paid {days} days late on average", inputs.settled);
    if disputes >= 200 {
        return Some((PayerProfile::Disputing, vec!["several amounts were contested lately".to_owned()]));
    }
    let strain: Vec<String> = [
        (inputs.payments_returned >= 100, "a payment was taken back by the bank lately"),
        (broken >= 100, "a promise was broken lately"),
        (overdue >= 50, "half or more of what is open is overdue"),
    ]
    .into_iter()
    .filter(|(holds, _)| *holds)
    .map(|(_, reason)| reason.to_owned())
    .collect();
    if strain.len() >= 2 {
        return Some((PayerProfile::ShortOfCash, strain));
    }
    if broken >= 200 {
        return Some((PayerProfile::Stalling, vec!["several promises were broken lately".to_owned()]));
    }
    match late? {
        days @ 15.. => Some((PayerProfile::Stalling, vec![paid(days)])),
        days @ 3..=14 => Some((PayerProfile::Forgetful, vec![paid(days)])),
        _ if !strain.is_empty() => None,
        days => Some((PayerProfile::Reliable, vec![paid(days.max(0))])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        company::Company,
        credit::{habit::Summary, score::OpenBalance},
        customer::CustomerKind,
        money::Currency,
    };

    #[test]
    fn each_way_of_paying_has_its_name() {
        let today = chrono::NaiveDate::from_ymd_opt(2026, 3, 2).unwrap();
        let of = |settled, days, broken, disputes, returned, overdue_minor| {
            let habit = Summary {
                settled,
                mean_days_late: Some(days),
                promises_broken: broken,
                disputes_rejected: disputes,
                payments_returned: returned,
                ..Summary::default()
            };
            let open = OpenBalance { currency: Currency::EUR, open_minor: 100, overdue_minor, guaranteed_minor: 0 };
            let inputs = Inputs::new(habit, vec![open], CustomerKind::Business, &Company::default(), &[], None, today);
            profile(&inputs).map(|(profile, reasons)| {
                assert!(!reasons.is_empty());
                profile
            })
        };
        assert_eq!(of(3, 0, 0, 0, 0, 0), Some(PayerProfile::Reliable));
        assert_eq!(of(3, 7, 0, 0, 0, 0), Some(PayerProfile::Forgetful));
        assert_eq!(of(3, 40, 0, 0, 0, 0), Some(PayerProfile::Stalling));
        assert_eq!(of(0, 0, 300, 0, 0, 0), Some(PayerProfile::Stalling));
        assert_eq!(of(3, 7, 100, 0, 0, 60), Some(PayerProfile::ShortOfCash));
        assert_eq!(of(3, 0, 0, 200, 100, 60), Some(PayerProfile::Disputing));
        assert_eq!(of(2, 0, 0, 0, 0, 0), None);
        assert_eq!(of(3, 0, 0, 0, 0, 60), None);
    }
}
