//! The protections of consumers, in one table: place, rule, limit, source. A policy that names consumers must keep every
//! row that its scope can meet; without places in its scope it must keep them all.
//!
//! Some rows bind agents only, not the creditor itself. They are demanded all the same: a policy may be handed on, and what is
//! forbidden to an agent does no creditor credit. Not here: amounts (caps on costs and interest) and wordings.

use crate::domain::{
    calendar::week::{SendWindow, Weekdays},
    contact::Channel,
    invalid::Faults,
};

use super::policy::{Policy, Step};

/// What a rule demands of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Demand {
    /// Contact only on these days, from the first hour to the second, if a step uses the channel (`None`: any).
    Hours(Option<Channel>, Weekdays, u32, u32),
    /// Days from the first written reminder, sent electronically or posted, to a formal step.
    Wait { electronic: i32, posted: i32 },
    /// At most so many contacts in so many days.
    Cap { contacts: u16, days: u16 },
    /// No contact on public holidays.
    NoHolidays,
    /// The first step from the due date on leaves something in writing.
    WrittenFirst,
}

/// One row.
struct Protection {
    /// ISO 3166 code, or empty for everywhere.
    place: &'static str,
    /// Stable word, the fault's code.
    rule: &'static str,
    demand: Demand,
    source: &'static str,
}

use Demand::{Cap, Hours, NoHolidays, Wait, WrittenFirst};

const TABLE: &[Protection] = &[
    Protection {
        place: "",
        rule: "consumer_sms_hours",
        demand: Hours(Some(Channel::Sms), Weekdays::MONDAY_TO_SATURDAY, 8, 20),
        source: "no statute for all countries; the strictest hours found",
    },
    Protection {
        // 14 calendar days that begin on the day after electronic sending, or on the third working day after posting.
        place: "BE",
        rule: "be_first_reminder_wait",
        demand: Wait { electronic: 15, posted: 21 },
        source: "Code de droit économique, art. XIX.2",
    },
    Protection {
        place: "BE",
        rule: "be_visit_hours",
        demand: Hours(Some(Channel::Visit), Weekdays::ALL, 8, 22),
        source: "Code de droit économique, book XIX",
    },
    Protection {
        place: "CA-QC",
        rule: "qc_contact_hours",
        demand: Hours(None, Weekdays::MONDAY_TO_SATURDAY, 8, 20),
        source: "Act respecting the collection of certain debts, CQLR c. R-2.2 (agents)",
    },
    Protection { place: "CA-QC", rule: "qc_holidays", demand: NoHolidays, source: "CQLR c. R-2.2 (agents)" },
    Protection { place: "CA-QC", rule: "qc_written_first", demand: WrittenFirst, source: "CQLR c. R-2.2, s. 34 (agents)" },
    Protection {
        // On Sundays 13:00 to 17:00 would be allowed; one window for the week cannot say so and leaves Sunday out.
        place: "CA-ON",
        rule: "on_contact_hours",
        demand: Hours(None, Weekdays::MONDAY_TO_SATURDAY, 7, 21),
        source: "Collection and Debt Settlement Services Act, R.R.O. 1990, Reg. 74 (agencies)",
    },
    Protection { place: "CA-ON", rule: "on_contact_cap", demand: Cap { contacts: 3, days: 7 }, source: "R.R.O. 1990, Reg. 74 (agencies)" },
    Protection { place: "CA-ON", rule: "on_holidays", demand: NoHolidays, source: "R.R.O. 1990, Reg. 74 (agencies)" },
    Protection { place: "CA-ON", rule: "on_written_first", demand: WrittenFirst, source: "R.R.O. 1990, Reg. 74 (agencies)" },
    Protection {
        place: "US",
        rule: "us_contact_hours",
        demand: Hours(None, Weekdays::ALL, 8, 21),
        source: "Regulation F, 12 CFR 1006.6(b) (collectors)",
    },
    Protection {
        place: "US",
        rule: "us_contact_cap",
        demand: Cap { contacts: 7, days: 7 },
        source: "Regulation F, 12 CFR 1006.14(b) (collectors; calls)",
    },
];

/// Every protection that a policy breaks, by the rule's name; none for a policy that does not name consumers.
pub fn breaches(policy: &Policy) -> Faults {
    let mut faults = Faults::none();
    if !policy.scope.kinds.contains(&crate::domain::customer::CustomerKind::Consumer) {
        return faults;
    }
    for protection in TABLE.iter().filter(|protection| meets(policy, protection.place)) {
        if let Some((pointer, what)) = breach(policy, protection.demand) {
            let place = if protection.place.is_empty() { "consumers" } else { protection.place };
            faults.add(pointer, protection.rule, format!("{what} (consumers in {place}: {})", protection.source));
        }
    }
    faults
}

/// Whether the scope can meet customers of `place`: it names the place, its country, or one of its regions, or no place at all.
fn meets(policy: &Policy, place: &str) -> bool {
    let scope = &policy.scope.jurisdictions;
    scope.is_empty()
        || place.is_empty()
        || scope.iter().any(|named| named.as_str() == place || place.starts_with(&format!("{named}-")) || named.country() == place)
}

/// The first place where the policy breaks the demand, and what would keep it.
fn breach(policy: &Policy, demand: Demand) -> Option<(String, String)> {
    let contact = &policy.contact;
    match demand {
        Hours(channel, weekdays, start, end) => {
            let used = channel.is_none_or(|channel| policy.templates().any(|(_, used, _)| used == channel));
            let allowed = SendWindow::new(weekdays, start, end);
            let days: Vec<_> = weekdays.days().map(|day| day.as_str()).collect();
            let what = format!("contact only {start:02}:00 to {end:02}:00 on {}", days.join(", "));
            (used && !contact.window.within(&allowed)).then(|| ("/contact/window".to_owned(), what))
        }
        NoHolidays => {
            (!contact.window.skip_holidays).then(|| ("/contact/window/skip_holidays".to_owned(), "no contact on holidays".to_owned()))
        }
        Cap { contacts, days } => {
            let kept = contact.caps.iter().any(|cap| cap.contacts <= contacts && cap.days >= days);
            (!kept).then(|| ("/contact/caps".to_owned(), format!("at most {contacts} contacts of a person in {days} days: add this cap")))
        }
        WrittenFirst => {
            let first = policy.steps.iter().position(|step| step.offset_days >= 0)?;
            (policy.first_written() != Some(first))
                .then(|| (format!("/steps/{first}/channel"), "the first step from the due date on must be in writing".to_owned()))
        }
        Wait { electronic, posted } => too_early(policy, |first| if first.channel == Channel::Letter { posted } else { electronic }),
    }
}

/// The first formal step less than `wait` days after the first written reminder.
pub(super) fn too_early(policy: &Policy, wait: impl Fn(&Step) -> i32) -> Option<(String, String)> {
    let first = policy.steps.get(policy.first_written()?)?;
    let wait = wait(first);
    let (place, _) = policy.steps.iter().enumerate().find(|(_, step)| {
        let spacing = step.offset_days.saturating_sub(first.offset_days);
        step.formal && spacing < wait
    })?;
    let what = format!("a formal step comes {wait} days or more after the first written reminder, {:?}", first.key);
    Some((format!("/steps/{place}/offset_days"), what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{calendar::week::Weekdays, customer::CustomerKind, dunning::builtin};

    fn rules(policy: &Policy) -> Vec<&'static str> {
        breaches(policy).0.iter().map(|fault| fault.code).collect()
    }

    #[test]
    fn a_policy_for_businesses_owes_nothing() {
        assert_eq!(rules(&builtin::crescendo()), Vec::<&str>::new());
    }

    #[test]
    fn the_crescendo_is_too_fast_for_belgian_consumers() {
        let mut policy = builtin::crescendo();
        policy.scope.kinds = vec![CustomerKind::Consumer];
        policy.scope.jurisdictions = vec!["BE".parse().unwrap()];
        assert_eq!(rules(&policy), ["be_first_reminder_wait"]);
        policy.scope.jurisdictions = vec!["FR".parse().unwrap()];
        assert_eq!(rules(&policy), Vec::<&str>::new());
    }

    #[test]
    fn hours_holidays_and_caps_are_demanded_where_they_are_law() {
        let mut policy = builtin::consumer_safe();
        policy.contact.window = SendWindow { skip_holidays: false, ..SendWindow::new(Weekdays::ALL, 7, 21) };
        policy.contact.caps.clear();
        policy.scope.jurisdictions = vec!["CA".parse().unwrap()];
        let broken = rules(&policy);
        for rule in ["qc_contact_hours", "qc_holidays", "on_contact_hours", "on_holidays", "on_contact_cap"] {
            assert!(broken.contains(&rule), "{rule} in {broken:?}");
        }
        policy.scope.jurisdictions = vec!["CA-ON".parse().unwrap()];
        assert!(!rules(&policy).contains(&"qc_contact_hours"));
    }
}
