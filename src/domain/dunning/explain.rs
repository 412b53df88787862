//! The decision in words: is the customer contacted now, why or why not, what comes next and when.
//!
//! Built from the very [`Plan`] that decides; it adds sentences, no judgement. Sentences are English and for people; programs read `rule`.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{
    calendar::{Calendar, local},
    contact::Channel,
    customer::CustomerKind,
    ids::{ContactId, InstalmentId},
};

use super::{
    account::Account,
    plan::{self, Action, Held, Plan, Upcoming, plan},
    policy::Policy,
    protections,
    rule::Rule,
};

/// Why an account is or is not contacted, and what comes next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// Whether a reminder leaves now; one that waits for approval does not.
    pub contacted_now: bool,
    /// What would be sent next if nothing changed but the time.
    pub next: Option<NextContact>,
    /// When time alone could change the answer.
    pub next_at: Option<DateTime<Utc>>,
    /// The reasons, each with its rule.
    #[schema(max_items = 1000)]
    pub statements: Vec<Statement>,
}

/// The next contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NextContact {
    /// Key of the step.
    #[schema(max_length = 40, example = "last_reminder")]
    pub step: String,
    /// Key of its text.
    #[schema(max_length = 40, example = "last_reminder")]
    pub template: String,
    /// How many times the step will then have been done.
    #[schema(minimum = 1, example = 1)]
    pub cycle: u32,
    /// On which channel; absent if nobody can be reached.
    pub channel: Option<Channel>,
    /// To whom; absent if to nobody in particular.
    pub contact_id: Option<ContactId>,
    /// Which instalment gives the step.
    pub instalment_id: InstalmentId,
    /// The step's own date, before working days, hours and gaps.
    pub due_on: NaiveDate,
    /// When it would go; absent if no moment is in sight.
    pub at: Option<DateTime<Utc>>,
    /// Whether it is a formal notice.
    pub formal: bool,
    /// Whether a person must approve it first.
    pub awaits_approval: bool,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Statement {
    /// The rule behind it.
    pub rule: Rule,
    /// The same for people, in English.
    #[schema(max_length = 500, example = "Outside the debtor's hours until 2026-11-23 09:00.")]
    pub sentence: String,
    /// About which instalment; absent for the account.
    pub instalment_id: Option<InstalmentId>,
    /// The number of its invoice.
    #[schema(max_length = 100, example = "2026-0042")]
    pub invoice_number: Option<String>,
    /// About which step.
    #[schema(max_length = 40, example = "last_reminder")]
    pub step: Option<String>,
    /// Until when, as far as time alone ends it.
    pub until: Option<DateTime<Utc>>,
    /// The protection of consumers that asks for it, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protection: Option<CitedProtection>,
    /// Whose address is not written to, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<BarredAddress>,
}

/// An address that is not written to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BarredAddress {
    /// Whose.
    pub contact_id: ContactId,
    /// On which channel.
    pub channel: Channel,
    /// Since when, if that was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// Why, and where that is known from, if it was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, example = "unsubscribed: asked by telephone")]
    pub source: Option<String>,
}

/// A protection of consumers, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CitedProtection {
    /// Its name.
    #[schema(max_length = 60, example = "qc.contact_hours")]
    pub name: String,
    /// Where it was read.
    #[schema(max_length = 300, example = "CQLR c. R-2.2 (agents)")]
    pub source: String,
}

/// Explains the decision for one account at one moment.
pub fn explain(account: &Account, policy: &Policy, calendar: &Calendar, now: DateTime<Utc>) -> Explanation {
    let plan = plan(account, policy, calendar, now);
    let contacted_now = plan.actions.iter().any(|action| matches!(action, Action::Remind(_)));
    let statements = reasons(&plan, now).map(|reason| statement(account, calendar, reason)).collect();
    Explanation { contacted_now, next: plan.upcoming.as_ref().map(|next| next_contact(next, calendar)), next_at: plan.next_at, statements }
}

/// The explanation where no policy fits: nobody is contacted.
pub fn without_policy(account: &Account, calendar: &Calendar, now: DateTime<Utc>) -> Explanation {
    let plan = plan::without_policy(account, calendar, now);
    let statements = plan.held.iter().map(|held| statement(account, calendar, *held)).collect();
    Explanation { contacted_now: false, next: None, next_at: plan.next_at, statements }
}

impl Explanation {
    /// Only what concerns the instalments of one invoice: its own reasons, and those of the whole account. An invoice of which nothing is left to claim says so.
    #[must_use]
    pub fn about(mut self, invoice_number: &str, open: &[InstalmentId]) -> Self {
        self.statements.retain(|statement| statement.instalment_id.is_none_or(|id| open.contains(&id)));
        if open.is_empty() {
            self.statements.push(Statement {
                rule: Rule::NothingDue,
                sentence: format!("Invoice {invoice_number}: nothing is owed that could be claimed."),
                instalment_id: None,
                invoice_number: Some(invoice_number.to_owned()),
                step: None,
                until: None,
                protection: None,
                address: None,
            });
        }
        self
    }
}

/// What was held, then what moves a step that is still to come, then what happens now.
fn reasons<'p>(plan: &'p Plan<'p>, now: DateTime<Utc>) -> impl Iterator<Item = Held<'p>> {
    let about = |upcoming: &Upcoming<'p>, rule, until| Held::new(rule, Some(upcoming.carrying), Some(upcoming.step.key.as_str()), until);
    let acts = plan.actions.iter().any(|action| matches!(action, Action::Remind(_) | Action::AwaitApproval(_)));
    let future = plan.upcoming.iter().filter(move |upcoming| upcoming.due_at > now);
    let moves =
        future.flat_map(move |upcoming| upcoming.moves.iter().map(move |barrier| about(upcoming, barrier.rule, Some(barrier.until))));
    let late = plan.upcoming.iter().filter(|upcoming| upcoming.late_formal).map(move |upcoming| about(upcoming, Rule::LateFormal, None));
    let due =
        plan.upcoming.iter().filter(move |upcoming| acts && !upcoming.late_formal).map(move |upcoming| about(upcoming, Rule::Due, None));
    plan.held.iter().copied().chain(moves).chain(late).chain(due)
}

fn next_contact(upcoming: &Upcoming<'_>, calendar: &Calendar) -> NextContact {
    NextContact {
        step: upcoming.step.key.clone(),
        template: upcoming.step.template.clone(),
        cycle: upcoming.cycle,
        channel: upcoming.recipient.map(|(channel, _)| channel),
        contact_id: upcoming.recipient.and_then(|(_, person)| person),
        instalment_id: upcoming.carrying,
        due_on: local::date(calendar.zone, upcoming.due_at),
        at: upcoming.at,
        formal: upcoming.step.formal,
        awaits_approval: upcoming.late_formal,
    }
}

fn statement(account: &Account, calendar: &Calendar, reason: Held<'_>) -> Statement {
    let of_invoice = |id| account.instalments.iter().find(|instalment| instalment.id == id);
    let invoice_number = reason.instalment.and_then(of_invoice).map(|instalment| instalment.invoice_number.clone());
    let until = reason.until.map(|until| format!(" until {}", local::local(calendar.zone, until).format("%Y-%m-%d %H:%M")));
    let subject = match (&invoice_number, reason.step) {
        (Some(number), Some(step)) => format!("Invoice {number}, step {step}: "),
        (Some(number), None) => format!("Invoice {number}: "),
        (None, _) => String::new(),
    };
    let since = reason.barred.and_then(|(_, barred)| barred.since);
    let since = since.map(|since| format!(" since {}", local::local(calendar.zone, since).format("%Y-%m-%d %H:%M"))).unwrap_or_default();
    let source = reason.barred.and_then(|(_, barred)| barred.source.as_ref()).map(|source| format!(" ({source})")).unwrap_or_default();
    let lacking = if reason.rule == Rule::AddressIncomplete { lacking(account) } else { String::new() };
    let consumer = account.customer.kind == CustomerKind::Consumer;
    let protection = protections::behind(reason.rule, &account.customer.jurisdiction).filter(|_| consumer);
    let cited = protection.map(|row| format!(" ({})", row.name)).unwrap_or_default();
    Statement {
        rule: reason.rule,
        sentence: format!("{subject}{}{lacking}{}{since}{source}{cited}.", phrase(account, reason.rule), until.unwrap_or_default()),
        instalment_id: reason.instalment,
        invoice_number,
        step: reason.step.map(str::to_owned),
        until: reason.until,
        protection: protection.map(|row| CitedProtection { name: row.name.to_owned(), source: row.source.to_owned() }),
        address: reason.barred.map(|(contact_id, barred)| BarredAddress {
            contact_id,
            channel: barred.channel,
            since: barred.since,
            source: barred.source.clone(),
        }),
    }
}

/// What keeps a letter from being carried.
fn lacking(account: &Account) -> String {
    let words: Vec<&str> = account.customer.post.missing().iter().map(|part| part.as_str()).collect();
    format!(": {} missing", words.join(", "))
}

fn phrase(account: &Account, rule: Rule) -> &'static str {
    match rule {
        Rule::NothingDue => "nothing is owed that could be claimed",
        Rule::NotDue => "the step is not due",
        Rule::Carried => "an older instalment speaks for the account, and its next step is not due",
        Rule::OpenReminder => open_phrase(account),
        Rule::StandIn => "the last reminder did not reach its recipient; the step's other channel takes its place",
        Rule::UnallocatedCash => "money not yet allocated covers all that is overdue; allocate it",
        Rule::Suppressed => "an address that the step would use is suppressed",
        Rule::TextCountry => "the number is of a country to which no text messages are sent; add it to the tenant's list or give another",
        Rule::TextLine => "no text message arrives at the number; give a mobile one",
        Rule::TextBudget => "the day's budget of text messages is spent; the message waits",
        Rule::TextNumberCap => "the number has had its text messages of the day; the message waits",
        Rule::AddressIncomplete => "a person posts the letter, for an address is incomplete",
        Rule::NoRecipient => "nobody can be reached on the step's channels; add a contact or lift an opt-out",
        Rule::NoPolicy => "no policy in force fits the customer; activate one whose scope includes it, or assign one",
        Rule::ConsumerPolicy => "the customer is a consumer and the policy does not name consumers",
        Rule::UnknownStep => "the last completed step is not in this policy; map it to one that is",
        Rule::Unwarned => "a formal notice would be the first warning",
        Rule::Finished => "all steps are done or passed over",
        Rule::Lapsed => "the step before the due date was not done in time and lapsed",
        Rule::TooLate => "the invoice is too late for the step",
        Rule::Condition => "the customer or the amount does not meet the step's conditions",
        Rule::Hold => "on hold",
        Rule::HoldAhead => "a hold is to come; reminders go on",
        Rule::Dispute => "disputed",
        Rule::Promise => "promised, left in peace",
        Rule::PaymentPlan => "a payment plan is being kept",
        Rule::DirectDebit => "a direct debit is on its way",
        Rule::Judgement => "a promise or a payment plan has come to its end; what became of it is written down first",
        Rule::BrokenPromise => "a promise was broken, and that is spoken of first",
        Rule::BrokenPlan => "a payment plan was broken, and that is spoken of first",
        Rule::WorkingDay => "the creditor does not work",
        Rule::Holiday => "a public holiday of the creditor",
        Rule::ClosingDay => "the creditor is closed",
        Rule::SendWindow => "outside the debtor's hours",
        Rule::DebtorHoliday => "a public holiday of the debtor",
        Rule::MinGap => "too soon after the last contact",
        Rule::ContactCap => "this person has been contacted often enough",
        Rule::NoMoment => "calendar and window leave no moment in sight",
        Rule::LateFormal => "the formal step is late and waits for a person's approval",
        Rule::Due => "the step is due and nothing stands in its way",
    }
}

fn open_phrase(account: &Account) -> &'static str {
    use super::account::OpenState;
    match account.open_reminder.map(|open| open.state) {
        Some(OpenState::AwaitingApproval) => "a reminder waits for approval",
        Some(OpenState::OutcomeUnknown) => "nobody knows yet whether the last reminder was sent",
        Some(OpenState::Failed) => "the last reminder could not be sent; a person must look",
        Some(OpenState::InFlight) | None => "a reminder is under way",
    }
}
