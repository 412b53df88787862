//! From which step on a policy's words speak of late-payment interest.
//!
//! Not here: what it comes to, which is the ledger's to compute.

use super::policy::Policy;

impl Policy {
    /// Whether words of this step may speak of interest: `key` is at or after the step that it is shown from.
    pub fn speaks_of_interest(&self, key: &str) -> bool {
        let Some(interest) = &self.interest else { return false };
        let place = |wanted: &str| self.steps.iter().position(|step| step.key == wanted);
        let from = match &interest.show_from_step {
            Some(from) => place(from),
            None => self.steps.iter().position(|step| step.offset_days > 0),
        };
        matches!((from, place(key)), (Some(from), Some(at)) if at >= from)
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::{
        dunning::builtin,
        ledger::interest::{InterestHandling, PolicyInterest},
    };

    #[test]
    fn words_speak_of_interest_from_a_step_on() {
        let mut policy = builtin::consumer_safe();
        assert!(!policy.steps.iter().any(|step| policy.speaks_of_interest(&step.key)), "nothing was said about interest");
        policy = builtin::crescendo();
        let speaking: Vec<_> = policy.steps.iter().map(|step| step.key.as_str()).filter(|key| policy.speaks_of_interest(key)).collect();
        assert_eq!(speaking, ["last_reminder", "formal_notice", "handover_review"]);
        let interest = |from: Option<&str>| {
            Some(PolicyInterest { show_from_step: from.map(str::to_owned), charge: InterestHandling::Shown, not_before_days: 0 })
        };
        policy.interest = interest(Some("last_reminder"));
        let told = |policy: &crate::domain::dunning::policy::Policy| {
            ["call_upcoming", "first_reminder", "last_reminder", "formal_notice", "nowhere"].map(|key| policy.speaks_of_interest(key))
        };
        assert_eq!(told(&policy), [false, false, true, true, false]);
        policy.interest = interest(None);
        assert_eq!(told(&policy), [false, true, true, true, false], "from the first step after the due date");
        policy.interest = interest(Some("nowhere"));
        assert_eq!(told(&policy), [false; 5]);
    }
}
