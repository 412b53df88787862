//! Ageing: by how many days what is open is late.

use chrono::{Days, NaiveDate};

crate::words! {
    /// How late something is, in the steps of an aged balance.
    pub enum AgeingBucket {
        /// Not due before today.
        NotDue = "not_due",
        /// 1 to 30 days late.
        UpTo30 = "1_30",
        /// 31 to 60 days late.
        UpTo60 = "31_60",
        /// 61 to 90 days late.
        UpTo90 = "61_90",
        /// More than 90 days late.
        Over90 = "over_90",
    }
}

impl AgeingBucket {
    /// The first and the last due date in it, as of `today`; none: without an end.
    pub fn due(self, today: NaiveDate) -> (Option<NaiveDate>, Option<NaiveDate>) {
        let before = |days| today.checked_sub_days(Days::new(days));
        match self {
            Self::NotDue => (Some(today), None),
            Self::UpTo30 => (before(30), before(1)),
            Self::UpTo60 => (before(60), before(31)),
            Self::UpTo90 => (before(90), before(61)),
            Self::Over90 => (None, before(91)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_is_in_one_bucket() {
        let today = NaiveDate::from_ymd_opt(2026, 3, 2).unwrap();
        for day in today.checked_sub_days(Days::new(200)).unwrap().iter_days().take(300) {
            let holds = |bucket: &&AgeingBucket| {
                let (from, to) = bucket.due(today);
                from.is_none_or(|from| from <= day) && to.is_none_or(|to| day <= to)
            };
            assert_eq!(AgeingBucket::ALL.iter().filter(holds).count(), 1, "{day}");
        }
    }
}
