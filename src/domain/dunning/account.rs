//! What a decision needs to know of an account: one customer in one currency.
//!
//! Plain facts, loaded by the store at one moment. Not here: anything derived from them. Invariants that the loader keeps: amounts are
//! minor units of `currency`; `0 ≤ claimable_minor ≤ balance_minor`; `progress` names the last step that was completed.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use crate::domain::{
    contact::{Channel, Email, Phone},
    credit::profile::PayerProfile,
    customer::CustomerKind,
    ids::{ContactId, CustomerId, InstalmentId, InvoiceId, PaymentPlanId, PromiseId, ReminderId},
    ledger::{
        InvoiceKind,
        commitment::{Covered, Settled},
        payment_plan::{self, Agreed, Part, PlanState},
        promise::{self, PromiseState, Terms},
    },
    locale::{Jurisdiction, Language},
    money::Currency,
    post::Post,
    texts::TextLimit,
};

pub use super::barred::{Bar, Barred};
use super::policy::ScopeFacts;

crate::words! {
    /// Why an instalment is left in peace.
    pub enum SilenceReason {
        /// A pause, with a reason and mostly an end.
        Hold = "hold",
        /// Contested as a whole; a part in dispute only lowers what is claimable.
        Dispute = "dispute",
        /// The debtor promised a date.
        Promise = "promise",
        /// An agreed schedule is being kept.
        PaymentPlan = "payment_plan",
        /// A direct debit is on its way.
        DirectDebit = "direct_debit",
    }
}

crate::words! {
    /// What an open reminder waits for.
    pub enum OpenState {
        /// A person's approval.
        AwaitingApproval = "awaiting_approval",
        /// Being sent, or being done by a person.
        InFlight = "in_flight",
        /// Nobody knows whether it was sent.
        OutcomeUnknown = "outcome_unknown",
        /// Refused by every means; a person must look.
        Failed = "failed",
    }
}

crate::words! {
    /// Why a person must look at an account.
    pub enum ReviewReason {
        /// Money is there for all that is overdue, but not allocated.
        UnallocatedCash = "unallocated_cash",
        /// Nobody can be reached on the step's channels.
        NoRecipient = "no_recipient",
        /// A dispute has not been answered in time.
        DisputeOverdue = "dispute_overdue",
        /// Nobody knows what became of a direct debit.
        DebitWithoutNews = "debit_without_news",
    }
}

/// One customer in one currency.
#[derive(Debug, Clone)]
pub struct Account {
    /// Whose account.
    pub customer: CustomerFacts,
    /// Of all amounts.
    pub currency: Currency,
    /// Open instalments, in any order.
    pub instalments: Vec<InstalmentFacts>,
    /// Cash and credit not yet allocated, in minor units.
    pub unallocated_minor: i64,
    /// The reminder under way, if any: an account has one at most.
    pub open_reminder: Option<OpenReminder>,
    /// The last reminder of late, if it did not reach its recipient for good and no other has stood in for it.
    pub unreached: Option<Unreached>,
    /// Reviews that a person has not finished.
    pub open_reviews: Vec<ReviewReason>,
    /// Promises that are open, or ended lately: late news about money may still change what became of them.
    pub promises: Vec<PromiseFacts>,
    /// Payment plans that are being kept, or ended lately.
    pub payment_plans: Vec<PlanFacts>,
    /// Days after which a person must look.
    pub deadlines: Vec<Deadline>,
    /// Actual contacts of the customer's people, over all accounts, as far back as the policy's longest cap.
    pub contacted: Vec<Contacted>,
    /// The last actual contact on this account.
    pub last_contact_at: Option<DateTime<Utc>>,
}

/// The debtor.
#[derive(Debug, Clone)]
pub struct CustomerFacts {
    /// Who.
    pub id: CustomerId,
    /// Which law protects it.
    pub kind: CustomerKind,
    /// The creditor's own segment.
    pub segment: Option<String>,
    /// The score that holds: 1 (very risky) to 5 (safe).
    pub score: Option<u8>,
    /// In which way it pays, if that is known.
    pub profile: Option<PayerProfile>,
    /// Where it is: its holidays are kept.
    pub jurisdiction: Jurisdiction,
    /// Its language, if one of those that the texts speak.
    pub language: Option<Language>,
    /// Its clocks; without them the creditor's are taken.
    pub zone: Option<Tz>,
    /// Its people, in the creditor's order.
    pub contacts: Vec<ContactFacts>,
    /// How letters to it travel.
    pub post: Post,
}

/// A person at the debtor.
#[derive(Debug, Clone)]
pub struct ContactFacts {
    /// Who.
    pub id: ContactId,
    /// What for, in the creditor's words.
    pub role: Option<String>,
    /// Written to where a step names nobody else.
    pub primary: bool,
    /// Where e-mail goes.
    pub email: Option<Email>,
    /// Where text messages and calls go.
    pub phone: Option<Phone>,
    /// The person's own language.
    pub language: Option<Language>,
    /// Channels that the person has refused.
    pub opted_out: Vec<Channel>,
    /// Addresses that are not written to.
    pub barred: Vec<Barred>,
}

/// A part of an invoice with its own due date.
#[derive(Debug, Clone)]
pub struct InstalmentFacts {
    /// Which.
    pub id: InstalmentId,
    /// Of which invoice.
    pub invoice_id: InvoiceId,
    /// The number on that invoice.
    pub invoice_number: String,
    /// What the invoice asks for.
    pub invoice_kind: InvoiceKind,
    /// First, second, …, from 1 on.
    pub position: u16,
    /// Last day to pay.
    pub due_date: NaiveDate,
    /// As invoiced, in minor units.
    pub amount_minor: i64,
    /// Still open, in minor units.
    pub balance_minor: i64,
    /// Still open and not disputed, in minor units: what a reminder may claim.
    pub claimable_minor: i64,
    /// Reasons to leave it in peace, past ones harmless.
    pub silences: Vec<Silence>,
    /// How far its reminders have come.
    pub progress: Option<Progress>,
}

/// A reason to be silent about an instalment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// Which.
    pub reason: SilenceReason,
    /// Its first day, for the creditor; `None`: it has begun.
    pub from: Option<NaiveDate>,
    /// Its last day, for the creditor; `None` until somebody ends it.
    pub until: Option<NaiveDate>,
}

impl Silence {
    /// Whether it keeps the peace on `day`.
    pub fn holds_on(&self, day: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day <= until)
    }
}

/// A promise.
#[derive(Debug, Clone)]
pub struct PromiseFacts {
    /// Which.
    pub id: PromiseId,
    /// What is written down of it.
    pub state: PromiseState,
    /// The day that was promised.
    pub due_on: NaiveDate,
    /// What was promised.
    pub terms: Terms,
    /// What it covers.
    pub instalments: Vec<InstalmentId>,
    /// What settled that, in any order.
    pub settled: Vec<Settled>,
    /// When it was broken, if it was.
    pub breach: Option<Breach>,
}

/// A payment plan that was accepted.
#[derive(Debug, Clone)]
pub struct PlanFacts {
    /// Which.
    pub id: PaymentPlanId,
    /// What is written down of it.
    pub state: PlanState,
    /// The day of its acceptance.
    pub accepted_on: NaiveDate,
    /// Days of grace after each part.
    pub grace_days: u16,
    /// By day.
    pub parts: Vec<Part>,
    /// The part that was missed, from 1, if one was.
    pub missed_part: Option<usize>,
    /// What it covers.
    pub instalments: Vec<InstalmentId>,
    /// What settled that, in any order.
    pub settled: Vec<Settled>,
    /// When it was broken, if it was.
    pub breach: Option<Breach>,
}

/// A word that was not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breach {
    /// The account's first, second, … promise that was broken; or plan.
    pub number: u32,
    /// The day on which it was found out.
    pub on: NaiveDate,
    /// Whether a reminder has spoken of it, or is about to.
    pub answered: bool,
}

/// A day after which a person must look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// Why.
    pub reason: ReviewReason,
    /// The last day on which nobody needs to.
    pub last_day: NaiveDate,
}

/// The last step that was completed for an instalment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The step's key.
    pub step_key: String,
    /// How many times, 1 or more.
    pub cycle: u32,
    /// When it was completed for the first time: the spacing to the next step counts from here.
    pub first_completed_at: DateTime<Utc>,
    /// When for the last time: a repetition counts from here.
    pub last_completed_at: DateTime<Utc>,
}

/// The reminder under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenReminder {
    /// Which.
    pub id: ReminderId,
    /// What it waits for.
    pub state: OpenState,
    /// The limit on text messages that puts it off, and until when.
    pub put_off: Option<(TextLimit, DateTime<Utc>)>,
}

/// A reminder that did not reach its recipient: refused for good before it left, returned, or not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreached {
    /// Which.
    pub reminder: ReminderId,
    /// Of which step.
    pub step_key: String,
    /// Which time.
    pub cycle: u32,
    /// How it was sent.
    pub channel: Channel,
    /// Which instalment gave the step.
    pub carrying: InstalmentId,
    /// What it listed, each with the step and the cycle that it did for it.
    pub lines: Vec<(InstalmentId, Option<(String, u32)>)>,
    /// When it was decided.
    pub at: DateTime<Utc>,
}

/// A contact that took place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contacted {
    /// With whom.
    pub contact_id: ContactId,
    /// How.
    pub channel: Channel,
    /// When.
    pub at: DateTime<Utc>,
}

impl Account {
    /// What a promise or a plan covers, seen together.
    pub fn covered<'a>(&self, instalments: &[InstalmentId], settled: &'a [Settled]) -> Covered<'a> {
        let open = self.instalments.iter().filter(|one| instalments.contains(&one.id));
        let balance_minor = open.fold(0_i64, |sum, one| sum.saturating_add(one.balance_minor));
        Covered { balance_minor, settled, unallocated_minor: self.unallocated_minor }
    }

    /// A step was completed for an instalment.
    pub fn advance(&mut self, instalment: InstalmentId, step: &str, cycle: u32, at: DateTime<Utc>) {
        let Some(instalment) = self.instalments.iter_mut().find(|one| one.id == instalment) else { return };
        let repeated = instalment.progress.take().filter(|progress| progress.step_key == step);
        instalment.progress = Some(Progress {
            step_key: step.to_owned(),
            cycle,
            first_completed_at: repeated.map_or(at, |progress| progress.first_completed_at),
            last_completed_at: at,
        });
    }

    /// A contact took place, with a person or with nobody in particular.
    pub fn meet(&mut self, person: Option<ContactId>, channel: Channel, at: DateTime<Utc>) {
        self.unreached = None;
        self.contacted.extend(person.map(|contact_id| Contacted { contact_id, channel, at }));
        self.last_contact_at = Some(at);
    }

    /// What its policy is chosen by.
    pub fn scope_facts(&self) -> ScopeFacts<'_> {
        ScopeFacts {
            kind: self.customer.kind,
            segment: self.customer.segment.as_deref(),
            jurisdiction: &self.customer.jurisdiction,
            language: self.customer.language,
            score: self.customer.score,
            profile: self.customer.profile,
            currency: self.currency,
            total_minor: self.instalments.iter().fold(0, |sum, instalment| sum.saturating_add(instalment.balance_minor)),
        }
    }
}

impl PromiseFacts {
    /// What became of it, by the payments; `None` while that hangs on money not yet allocated.
    pub fn judge(&self, account: &Account, today: NaiveDate) -> Option<promise::Verdict> {
        promise::judge(&self.terms, &account.covered(&self.instalments, &self.settled), today)
    }
}

impl PlanFacts {
    /// How it stands, by the payments; `None` while that hangs on money not yet allocated.
    pub fn judge(&self, account: &Account, today: NaiveDate) -> Option<payment_plan::Standing> {
        let agreed = Agreed { accepted_on: self.accepted_on, grace_days: self.grace_days, parts: &self.parts };
        payment_plan::judge(&agreed, &account.covered(&self.instalments, &self.settled), today)
    }

    /// The part that was missed.
    pub fn missed(&self) -> Option<&Part> {
        self.parts.get(self.missed_part?.checked_sub(1)?)
    }
}

impl CustomerFacts {
    /// Whom to contact on `channel`: the contacts with `role`, then the primary one, or, where none is marked so, the first.
    ///
    /// `None` if none of them can be reached. `Some(None)` for a call, a visit or a letter to a customer without contacts.
    pub fn recipient(&self, role: Option<&str>, channel: Channel) -> Option<Option<ContactId>> {
        match self.candidates(role).find(|contact| contact.reachable(channel)) {
            Some(contact) => Some(Some(contact.id)),
            None if self.contacts.is_empty() && !channel.is_sent() => Some(None),
            None => None,
        }
    }

    /// Whether a provider carries `channel` to it; otherwise a person does, as a task.
    pub const fn is_sent(&self, channel: Channel) -> bool {
        match channel {
            Channel::Letter => self.post.way().is_some(),
            Channel::Email | Channel::Sms | Channel::Call | Channel::Visit => channel.is_sent(),
        }
    }

    /// Whom [`Self::recipient`] passes over on `channel` because the address is barred, in its order; none after the one that it finds.
    pub fn passed_over(&self, role: Option<&str>, channel: Channel) -> impl Iterator<Item = (ContactId, &Barred)> {
        let before = self.candidates(role).take_while(move |contact| !contact.reachable(channel));
        before.filter_map(move |contact| contact.barred_on(channel).map(|barred| (contact.id, barred)))
    }

    fn candidates(&self, role: Option<&str>) -> impl Iterator<Item = &ContactFacts> {
        let of_role = self.contacts.iter().filter(move |contact| role.is_some() && contact.role.as_deref() == role);
        let primary = self.contacts.iter().find(|contact| contact.primary).or_else(|| self.contacts.first());
        of_role.chain(primary)
    }
}

impl ContactFacts {
    /// Whether there is a way, and no refusal.
    pub fn reachable(&self, channel: Channel) -> bool {
        let way = match channel {
            Channel::Email => self.email.is_some(),
            Channel::Sms => self.phone.is_some(),
            // A person who does these can find a number or an address; a letter goes to the customer's.
            Channel::Call | Channel::Visit | Channel::Letter => true,
        };
        way && !self.opted_out.contains(&channel) && self.barred_on(channel).is_none()
    }

    /// What keeps the address on `channel` from being written to.
    pub fn barred_on(&self, channel: Channel) -> Option<&Barred> {
        self.barred.iter().find(|barred| barred.channel == channel)
    }
}
