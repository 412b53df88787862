//! A reminder's life, and the tasks that people do for it.
//!
//! Invariant: a reminder whose state [`ReminderState::is_open`] keeps its account silent; one that is not never changes again.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::account::OpenState;
use crate::domain::ids::InstalmentId;

crate::words! {
    /// Where a reminder stands.
    pub enum ReminderState {
        /// A person must approve it first.
        AwaitingApproval = "awaiting_approval",
        /// Decided; its message is on its way.
        InFlight = "in_flight",
        /// Nobody knows whether its message was sent: a receipt or a person will tell.
        OutcomeUnknown = "outcome_unknown",
        /// Refused by every means: a person must retry or cancel it.
        Failed = "failed",
        /// Done: the provider took the message, or the task was given to a person.
        Completed = "completed",
        /// Given up before it left.
        Cancelled = "cancelled",
    }
}

impl ReminderState {
    /// What keeps the account silent meanwhile; `None` once it has ended.
    pub const fn open(self) -> Option<OpenState> {
        match self {
            Self::AwaitingApproval => Some(OpenState::AwaitingApproval),
            Self::InFlight => Some(OpenState::InFlight),
            Self::OutcomeUnknown => Some(OpenState::OutcomeUnknown),
            Self::Failed => Some(OpenState::Failed),
            Self::Completed | Self::Cancelled => None,
        }
    }

    /// Whether the account waits for it.
    pub const fn is_open(self) -> bool {
        self.open().is_some()
    }
}

crate::words! {
    /// What a person is asked to do.
    pub enum TaskKind {
        /// Call the debtor.
        Call = "call",
        /// Visit the debtor.
        Visit = "visit",
        /// Print and post a letter.
        Letter = "letter",
        /// Look at the account: `reason` says why.
        Review = "review",
    }
}

crate::words! {
    /// Where a task stands.
    pub enum TaskState {
        /// To be done.
        Open = "open",
        /// Done, with an outcome.
        Done = "done",
        /// No longer needed.
        Cancelled = "cancelled",
    }
}

crate::words! {
    /// How a call, a visit or a letter ended.
    pub enum TaskOutcome {
        /// The debtor was reached and committed to pay.
        Commitment = "commitment",
        /// The debtor was reached and promised to pay on a day: `promise` says what.
        Promise = "promise",
        /// The debtor was reached and contests the claim.
        Contested = "contested",
        /// The debtor was reached, without a commitment.
        Reached = "reached",
        /// Nobody answered.
        NotReached = "not_reached",
        /// The number or the address is wrong.
        WrongAddress = "wrong_address",
        /// The letter was posted.
        Posted = "posted",
        /// The matter was settled otherwise.
        Settled = "settled",
    }
}

/// An instalment in a reminder, as it was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListedInstalment {
    /// Which.
    pub instalment_id: InstalmentId,
    /// What was claimed of it, in minor units.
    pub claimed_minor: i64,
    /// Whether its due date was over.
    pub overdue: bool,
    /// The step that is completed for it when the reminder is done; absent: it was only listed.
    #[schema(max_length = 40)]
    pub advances_to: Option<String>,
    /// The cycle of that step.
    pub cycle: Option<u32>,
}
