//! Payers as creditors know them: who pays by himself, who needs a word, who waits for the last one.
//!
//! A model for a demonstration, not a claim about debtors. Every choice comes from the seed.

use chrono::{Days, NaiveDate};
use fastrand::Rng;

/// A way of paying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payer {
    /// Pays around the due date by himself.
    Reliable,
    /// Pays soon after any word.
    Forgetful,
    /// Pays late, whatever is said, and a little sooner after a call.
    ShortOfCash,
    /// Pays when it becomes serious.
    Stalling,
    /// Does not pay.
    Lost,
}

impl Payer {
    /// One at random: of twenty, ten reliable, five forgetful, three short of cash, one stalling, and now and then one lost.
    pub fn draw(rng: &mut Rng) -> Self {
        match rng.u32(0..40) {
            0..20 => Self::Reliable,
            20..30 => Self::Forgetful,
            30..36 => Self::ShortOfCash,
            36..39 => Self::Stalling,
            _ => Self::Lost,
        }
    }

    /// When an invoice due on `due` would be paid without a word; `None`: not within the horizon of anybody's patience.
    pub fn unprompted(self, due: NaiveDate, rng: &mut Rng) -> Option<NaiveDate> {
        let (from, to) = match self {
            Self::Reliable => (-6, 3),
            Self::Forgetful => (25, 55),
            Self::ShortOfCash => (15, 50),
            Self::Stalling => (60, 110),
            Self::Lost => return None,
        };
        let days = rng.i64(from..to);
        if days < 0 { due.checked_sub_days(Days::new(days.unsigned_abs())) } else { due.checked_add_days(Days::new(days.unsigned_abs())) }
    }

    /// How many days after a reminder of that step everything overdue is paid; `None` if it moves nothing.
    pub fn prompted(self, step: &str, rng: &mut Rng) -> Option<u64> {
        let serious = matches!(step, "last_reminder" | "formal_notice");
        match self {
            Self::Forgetful if rng.u32(0..10) < 8 => Some(rng.u64(1..5)),
            Self::ShortOfCash if step.starts_with("call") && rng.u32(0..10) < 4 => Some(rng.u64(2..8)),
            Self::Stalling if serious && rng.u32(0..10) < 7 => Some(rng.u64(2..7)),
            _ => None,
        }
    }
}
