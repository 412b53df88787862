//! Reviews: why a person should look at a customer, and what there is to do about it.
//!
//! A review is a task of kind `review`; its reason is a word, from whoever raised it. Here each word gets its explanation and its offer. Invariant: every
//! word, even one that is new, has an offer.

use crate::domain::{
    delivery::{DeliveryStatus, SuppressionReason},
    dunning::account::ReviewReason,
};

crate::words! {
    /// Why credit control wants a customer looked at.
    pub enum CreditReview {
        /// What is open and reserved reaches the credit limit.
        LimitReached = "limit_reached",
        /// The score is lower than it was.
        ScoreFell = "score_fell",
        /// A credit limit is no longer valid.
        LimitExpired = "limit_expired",
        /// A guarantee has expired.
        GuaranteeExpired = "guarantee_expired",
        /// Two promises were broken within a year.
        PromiseBrokenTwice = "promise_broken_twice",
        /// A claim may soon be lost by limitation.
        LimitationNear = "limitation_near",
    }
}

crate::words! {
    /// What there is to do about a review.
    pub enum ReviewAction {
        /// Give the customer a contact who can be reached.
        AddContact = "add_contact",
        /// Correct the address, or lift its suppression.
        CorrectAddress = "correct_address",
        /// Allocate the money that is there.
        AllocateCash = "allocate_cash",
        /// Raise the limit, or sell against prepayment.
        ReviewLimit = "review_limit",
        /// Renew the limit or the guarantee.
        RenewTerms = "renew_terms",
        /// Call the customer.
        CallCustomer = "call_customer",
        /// Take advice, and obtain an acknowledgment or act before the date.
        ProtectClaim = "protect_claim",
        /// Say whether the message was sent.
        ResolveMessage = "resolve_message",
        /// Answer the dispute, or resolve it.
        AnswerDispute = "answer_dispute",
        /// Say whether the direct debit was paid.
        ResolveDebit = "resolve_debit",
        /// Correct the text.
        CorrectText = "correct_text",
        /// Look, and decide.
        Look = "look",
    }
}

/// What a review's word means, and what there is to do.
pub fn offer(reason: &str) -> (&'static str, ReviewAction) {
    if let Ok(reason) = reason.parse::<CreditReview>() {
        return match reason {
            CreditReview::LimitReached => ("what is open and reserved reaches the credit limit", ReviewAction::ReviewLimit),
            CreditReview::ScoreFell => ("the score is lower than it was", ReviewAction::CallCustomer),
            CreditReview::LimitExpired => ("the credit limit is no longer valid", ReviewAction::RenewTerms),
            CreditReview::GuaranteeExpired => ("a guarantee has expired", ReviewAction::RenewTerms),
            CreditReview::PromiseBrokenTwice => ("two promises were broken within a year", ReviewAction::CallCustomer),
            CreditReview::LimitationNear => ("a claim may soon be lost by limitation", ReviewAction::ProtectClaim),
        };
    }
    match reason.parse() {
        Ok(ReviewReason::UnallocatedCash) => {
            return ("money is there for all that is overdue, but not allocated", ReviewAction::AllocateCash);
        }
        Ok(ReviewReason::NoRecipient) => return ("nobody can be reached on the channels of the next step", ReviewAction::AddContact),
        Ok(ReviewReason::DisputeOverdue) => return ("a dispute has not been answered in time", ReviewAction::AnswerDispute),
        Ok(ReviewReason::DebitWithoutNews) => return ("nobody knows what became of a direct debit", ReviewAction::ResolveDebit),
        Err(_) => {}
    }
    let reported = reason.parse::<DeliveryStatus>().is_ok_and(|status| status.is_failure() || status.suppresses().is_some());
    if reported || reason.parse::<SuppressionReason>().is_ok() {
        return ("an address can or may no longer be written to", ReviewAction::CorrectAddress);
    }
    match reason {
        "delivery_failed" => ("a message was refused by every means", ReviewAction::CorrectAddress),
        "outcome_unknown" => ("nobody knows whether a message was sent", ReviewAction::ResolveMessage),
        "unwritable" => ("a text could not be filled in", ReviewAction::CorrectText),
        _ => ("somebody should look at this account", ReviewAction::Look),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_that_is_raised_has_an_offer_of_its_own() {
        let credit = CreditReview::ALL.iter().map(|one| one.as_str());
        let decided = ReviewReason::ALL.iter().map(|one| one.as_str());
        let reported = DeliveryStatus::ALL.iter().filter(|one| one.is_failure() || one.suppresses().is_some()).map(|one| one.as_str());
        for word in credit.chain(decided).chain(reported).chain(["delivery_failed", "outcome_unknown", "unwritable", "unsubscribed"]) {
            assert_ne!(offer(word).1, ReviewAction::Look, "{word}");
        }
        assert_eq!(offer("something new").1, ReviewAction::Look);
    }
}
