//! What people ask for about reminders, messages and tasks.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::reminder::TaskOutcome;
use crate::domain::{
    invalid::Faults,
    ledger::{dispute::TaskDispute, promise::TaskPromise},
};

/// Why a reminder is given up.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "settled by telephone on 3 March"}))]
pub struct Cancellation {
    /// In your words, for whoever reads it later.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

/// How a doubt about a message ends.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"was_sent": false}))]
pub struct Resolution {
    /// `true`: it was sent, and its reminder is done. `false`: it was not, and its reminder can be tried again or cancelled.
    pub was_sent: bool,
}

/// What may change on an open task; absent fields stay as they are.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"owner": "anne", "due_at": "2026-12-01T09:00:00Z"}))]
pub struct TaskChange {
    /// Who does it, by your own name for that person.
    #[schema(min_length = 1, max_length = 100)]
    pub owner: Option<String>,
    /// By when.
    pub due_at: Option<DateTime<Utc>>,
}

/// How a task ended.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"outcome": "commitment", "notes": "pays on Friday"}))]
pub struct Completion {
    /// The result.
    pub outcome: TaskOutcome,
    /// What was said.
    #[serde(default)]
    #[schema(max_length = 4000)]
    pub notes: Option<String>,
    /// What was promised: recorded in the same act. Demanded of the outcome `promise`, and taken with no other.
    #[serde(default)]
    pub promise: Option<TaskPromise>,
    /// What was contested: a dispute is opened in the same act. The outcome `contested` opens one without it, too, of all that is open of what the task is about.
    #[serde(default)]
    pub dispute: Option<TaskDispute>,
}

impl Completion {
    /// The rules that no schema can say.
    pub fn check(&self) -> Faults {
        let mut faults = Faults::none();
        match (self.outcome, &self.promise) {
            (TaskOutcome::Promise, None) => {
                faults.add("/promise", "required", "say what was promised; without a day the outcome is commitment");
            }
            (TaskOutcome::Promise, Some(_)) | (_, None) => {}
            (_, Some(_)) => faults.add("/promise", "contradiction", "a promise goes with the outcome promise"),
        }
        if self.dispute.is_some() && self.outcome != TaskOutcome::Contested {
            faults.add("/dispute", "contradiction", "a dispute goes with the outcome contested");
        }
        faults
    }
}

/// Why a task is dropped.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"notes": "paid in the meantime"}))]
pub struct TaskCancellation {
    /// In your words.
    #[schema(max_length = 4000)]
    pub notes: Option<String>,
}
