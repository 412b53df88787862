//! The policy: the scenario that a creditor writes once and every account follows.
//!
//! A value, and a document of the public API. What makes one valid is in [`super::validate`]; what it leads to is in
//! [`super::plan`]. Invariant: a policy says nothing about any one debtor, so it can be versioned, copied and shown.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{
    calendar::week::{SendWindow, Weekdays},
    contact::Channel,
    credit::profile::PayerProfile,
    customer::CustomerKind,
    delivery::PostalService,
    ledger::{InvoiceKind, interest::PolicyInterest},
    locale::{Jurisdiction, Language},
    money::Currency,
};

crate::words! {
    /// What one reminder is about.
    pub enum Grouping {
        /// Everything that the customer owes in one currency.
        Customer = "customer",
        /// One invoice at a time.
        Invoice = "invoice",
    }
}

crate::words! {
    /// How the days of an offset are counted.
    pub enum DayUnit {
        /// Every day counts.
        Calendar = "calendar",
        /// Only the creditor's working days count.
        Working = "working",
    }
}

/// A dunning scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// How people call it.
    #[schema(min_length = 1, max_length = 120, example = "Crescendo")]
    pub name: String,
    /// What it is for.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub description: String,
    /// One reminder for the whole account, or one for each invoice.
    #[serde(default = "by_customer")]
    #[schema(default = "customer")]
    pub grouping: Grouping,
    /// Which customers it is meant for.
    #[serde(default)]
    pub scope: Scope,
    /// When and how often people are contacted.
    #[serde(default)]
    pub contact: ContactRules,
    /// What is done about late-payment interest and the fixed sum; nothing if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interest: Option<PolicyInterest>,
    /// The rungs, from the first to the last.
    #[schema(min_items = 1, max_items = 50)]
    pub steps: Vec<Step>,
    /// What is said first when a promise was broken: a step with the key `broken_promise`, whose offset counts from the day on which that was found out. It
    /// does nothing to the rungs, which go on from where they stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_broken_promise: Option<Step>,
    /// The same when a payment plan was broken, with the key `broken_plan`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_broken_plan: Option<Step>,
}

/// Key of the step that speaks of a broken promise; no rung has it.
pub const BROKEN_PROMISE: &str = "broken_promise";
/// Key of the step that speaks of a broken payment plan; no rung has it.
pub const BROKEN_PLAN: &str = "broken_plan";

const fn by_customer() -> Grouping {
    Grouping::Customer
}

/// Which customers a policy is meant for. An empty list means "any", with one exception: consumers must be named in `kinds`,
/// because the protections of their law are then demanded of the policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = PolicyScope)] // `Scope` is what an API key holds
pub struct Scope {
    /// Of several policies that fit, the one with the highest priority is chosen.
    #[schema(minimum = -1000, maximum = 1000, default = 0)]
    pub priority: i32,
    /// Kinds of customer. Empty: businesses and public bodies, but not consumers.
    #[schema(max_items = 3)]
    pub kinds: Vec<CustomerKind>,
    /// The creditor's own segments.
    #[schema(schema_with = crate::domain::customer::segments)]
    pub segments: Vec<String>,
    /// Where the customer is; a country covers its regions.
    #[schema(max_items = 100)]
    pub jurisdictions: Vec<Jurisdiction>,
    /// The customer's language.
    #[schema(max_items = 4)]
    pub languages: Vec<Language>,
    /// Currencies of the account.
    #[schema(max_items = 200)]
    pub currencies: Vec<Currency>,
    /// Lowest score, from 1 (very risky) to 5 (safe). A customer without a score does not fit.
    #[schema(minimum = 1, maximum = 5)]
    pub score_min: Option<u8>,
    /// Highest score. A customer without a score does not fit.
    #[schema(minimum = 1, maximum = 5)]
    pub score_max: Option<u8>,
    /// The payer's profiles. A customer without one does not fit.
    #[schema(max_items = 5)]
    pub profiles: Vec<PayerProfile>,
    /// Lowest total of the open invoices, by currency; a currency not listed has no lower bound.
    #[schema(max_items = 50)]
    pub total_min: Vec<Threshold>,
    /// Highest total of the open invoices, by currency; a currency not listed has no upper bound.
    #[schema(max_items = 50)]
    pub total_max: Vec<Threshold>,
}

/// An amount that a total is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// Of which currency.
    pub currency: Currency,
    /// Minor units (cents for EUR).
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000i64, example = 5000)]
    pub minor: i64,
}

/// When and how often people are contacted, by their own clocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ContactRules {
    /// The debtor's hours.
    pub window: SendWindow,
    /// Days from one actual contact of the account to the next. 0: none.
    #[schema(minimum = 0, maximum = 90, default = 3)]
    pub min_gap_days: u16,
    /// How often one person may be contacted, over all invoices, policies and channels.
    #[schema(max_items = 5)]
    pub caps: Vec<Cap>,
}

impl Default for ContactRules {
    fn default() -> Self {
        Self { window: SendWindow::office_hours(), min_gap_days: 3, caps: vec![Cap { contacts: 3, days: 7 }] }
    }
}

/// At most so many contacts in so many days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    /// How many contacts.
    #[schema(minimum = 1, maximum = 50, example = 3)]
    pub contacts: u16,
    /// In any so many times 24 hours.
    #[schema(minimum = 1, maximum = 90, example = 7)]
    pub days: u16,
}

/// One rung of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its name within the policy, kept over versions.
    #[schema(pattern = "^[a-z][a-z0-9_]{0,39}$", max_length = 40, example = "first_reminder")]
    pub key: String,
    /// Days from the due date; negative is before.
    #[schema(minimum = -365, maximum = 730, example = 3)]
    pub offset_days: i32,
    /// Whether every day counts, or only working days.
    #[serde(default = "calendar_days")]
    #[schema(default = "calendar")]
    pub offset_unit: DayUnit,
    /// By e-mail or text message; a call or a visit becomes a task for a person, and so does a letter where no provider account carries letters.
    pub channel: Channel,
    /// Taken when nobody can be reached on `channel`, or when the provider refused the message for good or reported that it did not arrive; once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Channel>,
    /// Key of the text.
    #[schema(pattern = "^[a-z][a-z0-9_]{0,39}$", max_length = 40, example = "first_reminder")]
    pub template: String,
    /// Role of the contact to write to; without one, or where nobody has it, the primary contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 60, example = "accounts_payable")]
    pub recipient: Option<String>,
    /// A formal notice: never the first warning, never sent twice, never late without a person's approval.
    #[serde(default)]
    pub formal: bool,
    /// Days that the text gives to pay. Demanded of a formal step; the next step waits for their end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 90, example = 7)]
    pub deadline_days: Option<u16>,
    /// When the step applies; otherwise it is passed over.
    #[serde(default)]
    pub conditions: Conditions,
    /// Does it again until the next step is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Repeat>,
    /// How a letter is posted; without it, registered for a formal step and simple for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post: Option<PostalService>,
    /// Spells a text message with letters of GSM-7 only where that saves segments: `ê` becomes `e`, `’` becomes `'`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub transliterate: bool,
    /// What goes along with an e-mail. What does not fit (more than 5 files, or 5 MB) and what is kept elsewhere is linked at the end of the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 1)]
    pub attach: Vec<Attach>,
}

crate::words! {
    /// What goes along with an e-mail.
    pub enum Attach {
        /// The documents of the invoices that it lists.
        Invoice = "invoice",
    }
}

const fn calendar_days() -> DayUnit {
    DayUnit::Calendar
}

/// When a step applies. An empty list means "any"; all conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Conditions {
    /// What must at least be overdue and claimable, by currency; a currency not listed has no threshold.
    #[schema(max_items = 50)]
    pub min_amount: Vec<Threshold>,
    /// The creditor's own segments.
    #[schema(schema_with = crate::domain::customer::segments)]
    pub segments: Vec<String>,
    /// Kinds of customer.
    #[schema(max_items = 3)]
    pub kinds: Vec<CustomerKind>,
    /// Kinds of invoice.
    #[schema(max_items = 2)]
    pub invoice_kinds: Vec<InvoiceKind>,
    /// Lowest score, 1 to 5; without a score the step does not apply.
    #[schema(minimum = 1, maximum = 5)]
    pub score_min: Option<u8>,
    /// Highest score, 1 to 5; without a score the step does not apply.
    #[schema(minimum = 1, maximum = 5)]
    pub score_max: Option<u8>,
    /// Waits until so many days after the due date.
    #[schema(minimum = 0, maximum = 3650)]
    pub days_late_min: Option<u16>,
    /// Applies until so many days after the due date, that day included.
    #[schema(minimum = 0, maximum = 3650)]
    pub days_late_max: Option<u16>,
}

/// A step's repetition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// How often.
    pub cadence: Cadence,
    /// How many times in all, the first included. Without it the next step ends the repetition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 2, maximum = 100, example = 4)]
    pub max_count: Option<u32>,
}

/// The rhythm of a repetition, counted from the last time that the step was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "every", rename_all = "snake_case", deny_unknown_fields)]
pub enum Cadence {
    /// Every day.
    Daily {},
    /// On these weekdays.
    Weekly {
        /// Which weekdays.
        weekdays: Weekdays,
    },
    /// Once a month.
    Monthly {
        /// Day of the month; in a shorter month, its last day.
        #[schema(minimum = 1, maximum = 31, example = 31)]
        day: u8,
    },
}

/// What a policy is chosen by.
#[derive(Debug, Clone, Copy)]
pub struct ScopeFacts<'a> {
    /// Which law protects the customer.
    pub kind: CustomerKind,
    /// The creditor's own segment.
    pub segment: Option<&'a str>,
    /// Where the customer is.
    pub jurisdiction: &'a Jurisdiction,
    /// The customer's language.
    pub language: Option<Language>,
    /// 1 to 5.
    pub score: Option<u8>,
    /// In which way the customer pays, if that is known.
    pub profile: Option<PayerProfile>,
    /// The account's currency.
    pub currency: Currency,
    /// Open total of the account, in minor units.
    pub total_minor: i64,
}

impl Policy {
    /// Whether it is meant for such a customer.
    pub fn matches(&self, facts: &ScopeFacts<'_>) -> bool {
        let scope = &self.scope;
        self.admits(facts.kind)
            && (scope.segments.is_empty() || facts.segment.is_some_and(|one| scope.segments.iter().any(|segment| segment == one)))
            && (scope.jurisdictions.is_empty() || scope.jurisdictions.iter().any(|place| covers(place, facts.jurisdiction)))
            && (scope.languages.is_empty() || facts.language.is_some_and(|language| scope.languages.contains(&language)))
            && (scope.currencies.is_empty() || scope.currencies.contains(&facts.currency))
            && score_fits(facts.score, scope.score_min, scope.score_max)
            && (scope.profiles.is_empty() || facts.profile.is_some_and(|profile| scope.profiles.contains(&profile)))
            && threshold(&scope.total_min, facts.currency).is_none_or(|minor| facts.total_minor >= minor)
            && threshold(&scope.total_max, facts.currency).is_none_or(|minor| facts.total_minor <= minor)
    }

    /// Whether customers of this kind may be put under it at all.
    pub fn admits(&self, kind: CustomerKind) -> bool {
        let kinds = &self.scope.kinds;
        kinds.contains(&kind) || (kinds.is_empty() && kind != CustomerKind::Consumer)
    }

    /// Every text that the policy needs: step, channel, template. A step with a fallback needs its text on both channels.
    pub fn templates(&self) -> impl Iterator<Item = (&str, Channel, &str)> {
        self.all_steps().flat_map(|step| {
            let channels = [Some(step.channel), step.fallback].into_iter().flatten();
            channels.map(|channel| (step.key.as_str(), channel, step.template.as_str()))
        })
    }

    /// The rungs, then what is said of broken words.
    fn all_steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().chain(&self.on_broken_promise).chain(&self.on_broken_plan)
    }

    /// The step of that key and its place, from 1; those about broken words come last.
    pub fn step(&self, key: &str) -> Option<(u32, &Step)> {
        (1..).zip(self.all_steps()).find(|(_, step)| step.key == key)
    }

    /// The place of the first step that warns in writing.
    pub fn first_written(&self) -> Option<usize> {
        self.steps.iter().position(Step::warns)
    }
}

impl Step {
    /// How its letter is posted.
    pub fn postal_service(&self) -> PostalService {
        self.post.unwrap_or(if self.formal { PostalService::Registered } else { PostalService::Simple })
    }

    /// Whether it is a warning that can be read again: written, at or after the due date, and not itself the formal notice.
    pub fn warns(&self) -> bool {
        self.offset_days >= 0 && !self.formal && matches!(self.channel, Channel::Email | Channel::Sms | Channel::Letter)
    }
}

/// The policy for a customer: of those that match, the highest priority; of equals, the one given first.
pub fn choose<'p, K>(policies: impl IntoIterator<Item = (K, &'p Policy)>, facts: &ScopeFacts<'_>) -> Option<(K, &'p Policy)> {
    let mut chosen: Option<(K, &Policy)> = None;
    for (key, policy) in policies {
        let better = chosen.as_ref().is_none_or(|(_, best)| policy.scope.priority > best.scope.priority);
        if better && policy.matches(facts) {
            chosen = Some((key, policy));
        }
    }
    chosen
}

/// Whether `place` is or contains `other`: `FR` covers `FR-67`.
pub fn covers(place: &Jurisdiction, other: &Jurisdiction) -> bool {
    place == other || (place.subdivision().is_none() && place.country() == other.country())
}

/// Whether a score lies between the bounds; an unknown one only where there are none.
pub(super) fn score_fits(score: Option<u8>, min: Option<u8>, max: Option<u8>) -> bool {
    match score {
        Some(score) => min.is_none_or(|min| score >= min) && max.is_none_or(|max| score <= max),
        None => min.is_none() && max.is_none(),
    }
}

/// The threshold for a currency.
pub(super) fn threshold(list: &[Threshold], currency: Currency) -> Option<i64> {
    list.iter().find(|threshold| threshold.currency == currency).map(|threshold| threshold.minor)
}

#[cfg(test)]
mod tests;
