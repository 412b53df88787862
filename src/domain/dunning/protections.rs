//! The protections of consumers, in one table: place, name, demand, source. A policy that names consumers must keep every row that its
//! scope can meet; without places in its scope it must keep them all. A row for everywhere gives way to a place's own row of the same kind.
//!
//! Some rows bind agents only, not the creditor itself. They are demanded all the same: a policy may be handed on, and what is
//! forbidden to an agent does no creditor credit. Amounts are listed here and computed in [`crate::domain::ledger::interest`], which lets no policy
//! exceed them. Whatever a policy says, hours, holidays and caps of the consumer's own place are kept by [`super::release`].

mod table;
mod words;

pub use table::TABLE;
pub use words::{unlawful_text, unlawful_texts};

use crate::domain::{
    calendar::week::{SendWindow, Weekdays},
    contact::Channel,
    customer::CustomerKind,
    invalid::Faults,
    ledger::interest::InterestHandling,
    locale::Jurisdiction,
};

use super::{
    policy::{Cap as ContactCap, Policy, Step},
    rule::Rule,
};

/// What a rule demands of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// Contact only on these days and hours.
    Hours {
        /// If a step uses this channel; `None`: any.
        channel: Option<Channel>,
        /// On these days.
        weekdays: Weekdays,
        /// From this hour on.
        start: u32,
        /// Until this hour.
        end: u32,
    },
    /// Days from the first written reminder to a formal step.
    Wait {
        /// Where it went by e-mail or text message.
        electronic: i32,
        /// Where it was a letter.
        posted: i32,
    },
    /// The same to the first step that shows or charges interest or costs: the reminder itself is free.
    Free {
        /// Where it went by e-mail or text message.
        electronic: i32,
        /// Where it was a letter.
        posted: i32,
    },
    /// The first written reminder gives so many days to pay, if anything firmer follows.
    Term {
        /// At least.
        days: u16,
    },
    /// So many days of peace after the first written reminder.
    Pause {
        /// At least.
        days: i32,
    },
    /// At most so many contacts of a person in so many days.
    Cap {
        /// How many.
        contacts: u16,
        /// In any so many days.
        days: u16,
    },
    /// No contact on public holidays.
    NoHolidays,
    /// The first step from the due date on leaves something in writing.
    WrittenFirst,
    /// What may be asked for beside the debt; computed so, whatever a policy says.
    Amounts(&'static str),
    /// The first written reminder uses these variables, if anything firmer follows.
    Says(&'static [&'static str]),
    /// No text contains any of these, in small letters.
    Unsaid(&'static [&'static str]),
    /// What no policy can keep or break, for people to heed.
    Heed(&'static str),
}

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protection {
    /// ISO 3166 code, or empty for everywhere.
    pub place: &'static str,
    /// Stable name, the fault's code.
    pub name: &'static str,
    /// What it demands.
    pub demand: Demand,
    /// Where that was read.
    pub source: &'static str,
}

use Demand::{Amounts, Cap, Free, Heed, Hours, NoHolidays, Pause, Says, Term, Unsaid, Wait, WrittenFirst};

impl Protection {
    /// Whether some customer in `scope` can have this protection. A place has what binds its country, and a country what binds its regions.
    fn meets(&self, scope: &[Jurisdiction]) -> bool {
        match (scope.is_empty(), self.place) {
            (true, _) => true,
            (false, "") => scope.iter().any(|named| !self.is_replaced(named)),
            (false, place) => scope.iter().any(|named| self.covers(named) || place.starts_with(&format!("{}-", named.as_str()))),
        }
    }

    /// Whether it is of a customer at `place`.
    fn protects(&self, place: &Jurisdiction) -> bool {
        if self.place.is_empty() { !self.is_replaced(place) } else { self.covers(place) }
    }

    fn covers(&self, place: &Jurisdiction) -> bool {
        place.as_str() == self.place || place.country() == self.place
    }

    /// Whether `place` has a row of its own instead of this one for everywhere.
    fn is_replaced(&self, place: &Jurisdiction) -> bool {
        let same = |own: &Protection| {
            matches!(
                (self.demand, own.demand),
                (Hours { channel: None, .. }, Hours { channel: None, .. })
                    | (Cap { .. }, Cap { .. })
                    | (NoHolidays, NoHolidays)
                    | (Free { .. }, Free { .. })
            )
        };
        TABLE.iter().any(|own| !own.place.is_empty() && own.covers(place) && same(own))
    }
}

impl std::fmt::Display for Demand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Hours { channel, weekdays, start, end } => {
                let what = channel.map_or("contact", |channel| channel.as_str());
                let days: Vec<_> = weekdays.days().map(|day| day.as_str()).collect();
                write!(f, "{what} only {start:02}:00 to {end:02}:00 on {}", days.join(", "))
            }
            Wait { electronic, posted } => {
                write!(f, "a formal step comes {electronic} days or more after the first written reminder, {posted} if that is a letter")
            }
            Free { electronic, posted } => write!(
                f,
                "interest and costs are neither shown nor charged until {electronic} days after a first written reminder, {posted} if that is a letter"
            ),
            Term { days } => write!(f, "the first written reminder gives a term of {days} days or more before anything firmer"),
            Pause { days } => write!(f, "nothing follows the first written reminder for {days} days"),
            Cap { contacts, days } => write!(f, "at most {contacts} contacts of a person in {days} days"),
            NoHolidays => f.write_str("no contact on public holidays"),
            WrittenFirst => f.write_str("the first step from the due date on must be in writing"),
            Amounts(what) | Heed(what) => f.write_str(what),
            Says(variables) => write!(f, "the first written reminder says {}", variables.join(", ")),
            Unsaid(words) => write!(f, "no text says {}", words.join(", ")),
        }
    }
}

/// Every protection that a policy breaks, by the rule's name; none for a policy that does not name consumers. Its texts are [`unlawful_texts`]' concern.
pub fn breaches(policy: &Policy) -> Faults {
    let mut faults = Faults::none();
    for protection in demanded(policy) {
        if let Some(pointer) = breach(policy, protection.demand) {
            faults.add(pointer, protection.name, detail(protection));
        }
    }
    faults
}

/// The rows that a policy must keep.
fn demanded(policy: &Policy) -> impl Iterator<Item = &'static Protection> {
    let for_consumers = policy.scope.kinds.contains(&CustomerKind::Consumer);
    TABLE.iter().filter(move |protection| for_consumers && protection.meets(&policy.scope.jurisdictions))
}

fn detail(protection: &Protection) -> String {
    let place = if protection.place.is_empty() { "everywhere" } else { protection.place };
    format!("{} (consumers, {place}: {})", protection.demand, protection.source)
}

/// The first place where the policy breaks the demand.
fn breach(policy: &Policy, demand: Demand) -> Option<String> {
    let contact = &policy.contact;
    match demand {
        Hours { channel, weekdays, start, end } => {
            let used = channel.is_none_or(|channel| policy.templates().any(|(_, used, _)| used == channel));
            (used && !contact.window.within(&SendWindow::new(weekdays, start, end))).then(|| "/contact/window".to_owned())
        }
        NoHolidays => (!contact.window.skip_holidays).then(|| "/contact/window/skip_holidays".to_owned()),
        Cap { contacts, days } => {
            let kept = contact.caps.iter().any(|cap| cap.contacts <= contacts && cap.days >= days);
            (!kept).then(|| "/contact/caps".to_owned())
        }
        WrittenFirst => {
            let first = policy.steps.iter().position(|step| step.offset_days >= 0)?;
            (policy.first_written() != Some(first)).then(|| format!("/steps/{first}/channel"))
        }
        Wait { electronic, posted } => too_early(policy, |first| by_post(first, posted, electronic)).map(|(pointer, _)| pointer),
        Free { electronic, posted } => interest_too_early(policy, electronic, posted),
        Term { days } => {
            let (place, first) = before_firmness(policy)?;
            first.deadline_days.is_none_or(|given| given < days).then(|| format!("/steps/{place}/deadline_days"))
        }
        Pause { days } => {
            let place = policy.first_written()?;
            let (first, next) = (policy.steps.get(place)?, policy.steps.get(place.saturating_add(1))?);
            let repeated = first.repeat.is_some() || next.offset_days.saturating_sub(first.offset_days) < days;
            repeated.then(|| format!("/steps/{}/offset_days", place.saturating_add(1)))
        }
        Amounts(_) | Heed(_) | Says(_) | Unsaid(_) => None,
    }
}

fn by_post(step: &Step, posted: i32, electronic: i32) -> i32 {
    if step.channel == Channel::Letter || step.fallback == Some(Channel::Letter) { posted } else { electronic }
}

/// The first written reminder, if a formal step or interest follows it.
fn before_firmness(policy: &Policy) -> Option<(usize, &Step)> {
    let firm = policy.steps.iter().any(|step| step.formal) || asks_for_interest(policy);
    let place = policy.first_written().filter(|_| firm)?;
    policy.steps.get(place).map(|step| (place, step))
}

fn asks_for_interest(policy: &Policy) -> bool {
    policy.interest.as_ref().is_some_and(|interest| interest.charge != InterestHandling::Never)
}

/// Where interest is spoken of before a free reminder and its days.
fn interest_too_early(policy: &Policy, electronic: i32, posted: i32) -> Option<String> {
    let spoken = policy.steps.iter().find(|step| asks_for_interest(policy) && policy.speaks_of_interest(&step.key))?;
    let first = policy.first_written().and_then(|place| policy.steps.get(place));
    let free = first.is_some_and(|first| spoken.offset_days.saturating_sub(first.offset_days) >= by_post(first, posted, electronic));
    (!free).then(|| "/interest/show_from_step".to_owned())
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

/// The rows that protect a consumer at `place`; its own before those for everywhere.
pub fn of_consumer(place: &Jurisdiction) -> impl Iterator<Item = &'static Protection> {
    let own = |own: bool| TABLE.iter().filter(move |row| row.place.is_empty() != own && row.protects(place));
    own(true).chain(own(false))
}

/// The hours in which a consumer at `place` may be contacted, within those of `window`.
pub(super) fn lawful_window(place: &Jurisdiction, window: &SendWindow) -> SendWindow {
    of_consumer(place).fold(window.clone(), |window, row| match row.demand {
        Hours { channel: None, weekdays, start, end } => window.narrowed(&SendWindow::new(weekdays, start, end)),
        NoHolidays => SendWindow { skip_holidays: true, ..window },
        _ => window,
    })
}

/// How often a person may be contacted about a consumer at `place`.
pub(super) fn lawful_caps(place: &Jurisdiction) -> impl Iterator<Item = ContactCap> {
    of_consumer(place).filter_map(|row| match row.demand {
        Cap { contacts, days } => Some(ContactCap { contacts, days }),
        _ => None,
    })
}

/// The protection behind what moves a contact of a consumer at `place`.
pub(super) fn behind(rule: Rule, place: &Jurisdiction) -> Option<&'static Protection> {
    of_consumer(place).find(|row| {
        matches!(
            (rule, row.demand),
            (Rule::SendWindow, Hours { channel: None, .. }) | (Rule::DebtorHoliday, NoHolidays) | (Rule::ContactCap, Cap { .. })
        )
    })
}

#[cfg(test)]
mod tests;
