//! The words for why: one vocabulary for what holds a reminder back, what moves it and what was passed over.

use super::account::{Bar, SilenceReason};
use crate::domain::texts::TextLimit;

crate::words! {
    /// The rule behind a statement about an account.
    pub enum Rule {
        /// Nothing is owed that could be claimed.
        NothingDue = "nothing_due",
        /// The next step's date has not come.
        NotDue = "not_due",
        /// An older instalment speaks for the account, and its next step's date has not come.
        Carried = "carried",
        /// A reminder is under way already.
        OpenReminder = "open_reminder",
        /// The last reminder did not reach its recipient; the step's other channel takes its place.
        StandIn = "stand_in",
        /// Unallocated money covers all that is overdue.
        UnallocatedCash = "unallocated_cash",
        /// A person's address is suppressed.
        Suppressed = "suppressed",
        /// A person's number is of a country to which the creditor sends no text messages.
        TextCountry = "text_country",
        /// No text message arrives at a person's number.
        TextLine = "text_line",
        /// The text message waits: the day's budget is spent.
        TextBudget = "text_budget",
        /// The text message waits: its number has had as many as it may get in a day.
        TextNumberCap = "text_number_cap",
        /// A provider account would carry the letter, and an address is incomplete: a person posts it.
        AddressIncomplete = "address_incomplete",
        /// Nobody can be reached on the step's channels.
        NoRecipient = "no_recipient",
        /// No policy in force fits the account.
        NoPolicy = "no_policy",
        /// The customer is a consumer and the policy does not name consumers.
        ConsumerPolicy = "consumer_policy",
        /// The last completed step is not in the policy: it must be mapped first.
        UnknownStep = "unknown_step",
        /// A formal notice would be the first warning.
        Unwarned = "unwarned",
        /// All steps are done or passed over.
        Finished = "finished",
        /// A step before the due date was not done in time.
        Lapsed = "lapsed",
        /// The instalment is too late for the step.
        TooLate = "too_late",
        /// The customer or the amount does not meet the step's conditions.
        Condition = "condition",
        /// A pause.
        Hold = "hold",
        /// A pause that has not begun; its first day is the statement's `until`.
        HoldAhead = "hold_ahead",
        /// Contested.
        Dispute = "dispute",
        /// Promised for a date.
        Promise = "promise",
        /// An agreed schedule is being kept.
        PaymentPlan = "payment_plan",
        /// A direct debit is on its way.
        DirectDebit = "direct_debit",
        /// A promise or a plan has come to its end: what became of it is written down first.
        Judgement = "judgement",
        /// A promise was broken: that is spoken of first.
        BrokenPromise = "broken_promise",
        /// A payment plan was broken: that is spoken of first.
        BrokenPlan = "broken_plan",
        /// The creditor does not work that day of the week.
        WorkingDay = "working_day",
        /// A public holiday of the creditor.
        Holiday = "holiday",
        /// The creditor is closed.
        ClosingDay = "closing_day",
        /// Outside the debtor's hours.
        SendWindow = "send_window",
        /// A public holiday of the debtor.
        DebtorHoliday = "debtor_holiday",
        /// Too soon after the last contact.
        MinGap = "min_gap",
        /// The person has been contacted often enough.
        ContactCap = "contact_cap",
        /// Calendar and window leave no moment in sight.
        NoMoment = "no_moment",
        /// A formal step is late and waits for a person.
        LateFormal = "late_formal",
        /// The step is due and nothing stands in its way.
        Due = "due",
    }
}

impl Rule {
    /// Whether it keeps a reminder that is due from being sent at all, where others put it off, pass a step over or send it another way.
    pub const fn suppresses(self) -> bool {
        matches!(
            self,
            Self::Hold | Self::Dispute | Self::Promise | Self::PaymentPlan | Self::DirectDebit | Self::UnallocatedCash | Self::NoRecipient
        )
    }
}

impl From<SilenceReason> for Rule {
    fn from(reason: SilenceReason) -> Self {
        match reason {
            SilenceReason::Hold => Self::Hold,
            SilenceReason::Dispute => Self::Dispute,
            SilenceReason::Promise => Self::Promise,
            SilenceReason::PaymentPlan => Self::PaymentPlan,
            SilenceReason::DirectDebit => Self::DirectDebit,
        }
    }
}

impl From<Bar> for Rule {
    fn from(bar: Bar) -> Self {
        match bar {
            Bar::Suppressed => Self::Suppressed,
            Bar::TextCountry => Self::TextCountry,
            Bar::TextLine => Self::TextLine,
        }
    }
}

impl From<TextLimit> for Rule {
    fn from(limit: TextLimit) -> Self {
        match limit {
            TextLimit::DailyBudget => Self::TextBudget,
            TextLimit::PerNumber => Self::TextNumberCap,
        }
    }
}
